/* The orientation in EXIF data: a TIFF header and one directory, of which one tag is read. */
#include <string.h>

#include "vision/decode.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };

/* TIFF data comes in either byte order. */
struct tiff {
    const uint8_t *bytes;
    size_t size;
    int big_endian;
};

/* Both give 0 outside the data, which no caller takes for something valid. */
static uint32_t get16(const struct tiff *t, size_t at)
{
    if (t->size < 2 || at > t->size - 2)
        return 0;
    return t->big_endian ? infer__be16(t->bytes + at) : infer__le16(t->bytes + at);
}

static uint32_t get32(const struct tiff *t, size_t at)
{
    if (t->size < 4 || at > t->size - 4)
        return 0;
    return t->big_endian ? infer__be32(t->bytes + at) : infer__le32(t->bytes + at);
}

uint32_t infer__exif_orientation(const uint8_t *payload, size_t size)
{
    if (size < 14 || memcmp(payload, "Exif\0\0", 6))
        return 0;
    struct tiff t = {payload + 6, size - 6, payload[6] == 'M'};
    if (memcmp(t.bytes, "II", 2) && memcmp(t.bytes, "MM", 2))
        return 0;
    size_t directory = get32(&t, 4);
    if (get16(&t, 2) != 42 || directory < 8 || directory > t.size)
        return 0;
    uint32_t entries = get16(&t, directory);
    for (size_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + i * ENTRY; /* both are below 2^17: no overflow */
        if (get16(&t, entry) != TAG_ORIENTATION)
            continue;
        uint32_t value = get16(&t, entry + 8);
        int valid = get16(&t, entry + 2) == TYPE_SHORT && get32(&t, entry + 4) == 1;
        return valid && value >= 1 && value <= 8 ? value : 0;
    }
    return 0;
}
