/* Pictures: decoding every format, resizing, and preprocessing as a model file has it stored.
 *
 * Property: for any bytes, decoding gives a status that agrees with its error, and a zeroed picture
 * or one within the limits of the options, of which every byte can be read. Preprocessing that is
 * accepted from 80 bytes fills exactly the tensor whose size it told, or gives a status. What was
 * taken is given back.
 *
 * The input is a picture's file. Where it ends in "prep", what stands before that are 80 bytes of
 * preprocessing (src/vision/preprocess_file.h), behind 8 bytes of choices:
 *
 *    0  channels: 3, 1, 4 or the default
 *    1  bits: enum choice
 *    2  limit of scans
 *    3  log2 of the limit of pixels (remainder by 17)
 *  4-5  width and height of a resize, in steps of 3 pixels
 *  6-7  its filter and resampler
 */
#include "base/status.h"
#include "tests/fuzz/fuzz.h"
#include "tests/png_crc.h"
#include "vision/preprocess_file.h"

enum choice {
    IGNORE_ORIENTATION = 1,
    ACCEPT_TRUNCATED = 2,
    MEND_PNG = 4, /* its chunks' checksums are made right first */
    BYTES_OUT = 8 /* preprocessing gives u8 */
};

enum { CHOICES = 8, TRAILER = CHOICES + INFER__PREPROCESS_BYTES + 4 };
enum { MOST_PIXELS = 1 << 16, MOST_SIDE = 4096, MOST_TENSOR = 1 << 22 };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The mutations are to reach what stands behind the checksums. */
static void mend_png(uint8_t *p, size_t size)
{
    size_t at = 8;
    while (size >= 12 && at <= size - 12 && be32(p + at) <= size - 12 - at) {
        size_t bytes = be32(p + at);
        uint32_t crc = png_crc(p + at + 4, bytes + 4);
        for (size_t i = 0; i < 4; i++)
            p[at + 8 + bytes + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + bytes;
    }
}

static void read_all(const void *bytes, size_t size)
{
    volatile uint64_t keep = infer__checksum(bytes, size);
    (void)keep;
}

static infer_image_options options_of(const uint8_t *choice, struct counter *counter)
{
    static const uint32_t channels[] = {3, 1, 4, 0};
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    o.allocator = counting(counter);
    o.channels = channels[choice[0] % 4];
    o.ignore_orientation = choice[1] & IGNORE_ORIENTATION;
    o.accept_truncated = choice[1] & ACCEPT_TRUNCATED;
    o.max_scans = choice[2];
    o.max_pixels = choice[3] ? UINT64_C(1) << choice[3] % 17 : MOST_PIXELS;
    o.max_side = MOST_SIDE;
    return o;
}

static void check_decoded(const infer_image *image, const infer_image_options *o, infer_status s,
                          const infer_error *err)
{
    REQUIRE(s == err->status && s != INFER_ERROR_INTERNAL);
    REQUIRE((s == INFER_OK) == (image->pixels != NULL));
    if (s != INFER_OK)
        return;
    REQUIRE(image->channels == (int32_t)(o->channels ? o->channels : 3));
    REQUIRE(image->width > 0 && image->height > 0);
    REQUIRE(image->width <= MOST_SIDE && image->height <= MOST_SIDE);
    REQUIRE((uint64_t)image->width * (uint64_t)image->height <= o->max_pixels);
    read_all(image->pixels, (size_t)image->width * (size_t)image->height * (size_t)image->channels);
}

static void resize(const infer_image *image, const uint8_t *choice)
{
    infer_image out;
    infer_error err;
    int32_t width = choice[4] * 3, height = choice[5] * 3;
    infer_status s = infer_image_resize(image, width, height, (infer_filter)(choice[6] % 5),
                                        (infer_resampler)(choice[7] % 3), NULL, &out, &err);
    REQUIRE(s == err.status && (s == INFER_OK) == (out.pixels != NULL));
    if (s == INFER_OK) {
        REQUIRE(out.width == width && out.height == height && out.channels == image->channels);
        read_all(out.pixels, (size_t)width * (size_t)height * (size_t)out.channels);
    }
    infer_image_free(&out);
}

static void preprocess(const infer_image *image, const infer_preprocess *p, int u8)
{
    infer_tensor t = {.type = u8 ? INFER_U8 : INFER_F32, .rank = 4};
    infer_transform transform = INFER_TRANSFORM_INIT;
    infer_error err;
    int32_t width, height;
    infer_status s = infer_preprocess_size(p, image->width, image->height, &width, &height, &err);
    REQUIRE(s == err.status);
    if (s != INFER_OK)
        return;
    REQUIRE(width > 0 && height > 0);
    int nhwc = p->layout == INFER_LAYOUT_NHWC, channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    int64_t dims[4] = {1, nhwc ? height : channels, nhwc ? width : height, nhwc ? channels : width};
    memcpy(t.dims, dims, sizeof dims);
    if ((int64_t)width * height > MOST_TENSOR / 12)
        return;
    t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
    t.data = fuzz_block(NULL, t.bytes);
    s = infer_preprocess_run(p, image, 0, &t, NULL, &transform, &err);
    REQUIRE(s == err.status && s != INFER_ERROR_INTERNAL);
    if (s == INFER_OK)
        read_all(t.data, t.bytes);
    free(t.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t trailer[TRAILER] = {0};
    struct counter counter;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_image image;
    infer_error err;
    if (size >= TRAILER && !memcmp(data + size - 4, "prep", 4))
        memcpy(trailer, data + (size -= TRAILER), TRAILER);
    uint8_t *bytes = fuzz_block(data, size);
    if (trailer[1] & MEND_PNG)
        mend_png(bytes, size);
    infer_image_options o = options_of(trailer, &counter);
    infer_status s = infer_image_decode(bytes, size, &o, &image, &err);
    check_decoded(&image, &o, s, &err);
    infer__error_clear(&err);
    infer_status known =
        infer__preprocess_decode(trailer + CHOICES, INFER__PREPROCESS_BYTES, &p, &err);
    REQUIRE(known == err.status);
    if (s == INFER_OK) {
        resize(&image, trailer);
        if (known == INFER_OK)
            preprocess(&image, &p, trailer[1] & BYTES_OUT);
    }
    infer_image_free(&image);
    REQUIRE(counter.blocks == 0);
    free(bytes);
    return 0;
}
