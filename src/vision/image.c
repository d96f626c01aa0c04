/* Pictures in memory: making, freeing, changing the number of channels, turning upright. */
#include <string.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"

void infer_image_free(infer_image *image)
{
    INFER__KEEP_CALLER;
    if (!image)
        return;
    if (image->memory) {
        infer_allocator allocator;
        memcpy(&allocator, image->memory, sizeof allocator);
        infer__free(&allocator, image->memory);
    }
    memset(image, 0, sizeof *image);
}

/* Before the pixels stands the allocator that they came from. */
enum { HEADER = 64 };
_Static_assert(sizeof(infer_allocator) <= HEADER, "it has room");

infer_status infer__image_new(const infer_allocator *allocator, int32_t width, int32_t height,
                              int32_t channels, infer_image *image, infer_error *err)
{
    const infer_allocator a = infer__allocator(allocator);
    size_t bytes;
    memset(image, 0, sizeof *image);
    if (!infer__size_mul((size_t)width, (size_t)height, &bytes) ||
        !infer__size_mul(bytes, (size_t)channels, &bytes) ||
        !infer__size_add(bytes, HEADER, &bytes))
        return infer__no_memory(err, SIZE_MAX);
    image->memory = infer__alloc(&a, bytes, 64);
    if (!image->memory)
        return infer__no_memory(err, bytes);
    memcpy(image->memory, &a, sizeof a);
    image->pixels = (uint8_t *)image->memory + HEADER;
    image->pitch = (size_t)width * (size_t)channels;
    image->width = width;
    image->height = height;
    image->channels = channels;
    return INFER_OK;
}

infer_status infer__image_check(const infer_image *image, infer_error *err)
{
    FAIL_IF(!image || !image->pixels, INFER_ERROR_ARGUMENT, "the picture is NULL or empty");
    FAIL_IF(image->width < 1 || image->width > INFER__MAX_SIDE || image->height < 1 ||
                image->height > INFER__MAX_SIDE,
            INFER_ERROR_ARGUMENT, "the picture is %d x %d; sides are 1 to %d", image->width,
            image->height, INFER__MAX_SIDE);
    FAIL_IF(image->channels != 1 && image->channels != 3 && image->channels != 4,
            INFER_ERROR_ARGUMENT, "the picture has %d channels; 1, 3 and 4 are possible",
            image->channels);
    const size_t row = (size_t)image->width * (size_t)image->channels;
    size_t bytes;
    FAIL_IF(image->pitch && (image->pitch < row ||
                             !infer__size_mul(image->pitch, (size_t)image->height, &bytes)),
            INFER_ERROR_ARGUMENT, "the picture's pitch is %zu bytes; a row has %zu", image->pitch,
            row);
    FAIL_IF(image->reserved || image->more[0] || image->more[1], INFER_ERROR_ARGUMENT,
            "a reserved field of the picture is not 0");
    return INFER_OK;
}

/* ---- channels ------------------------------------------------------------------------------- */

/* ITU-R BT.601 luma in 16-bit fixed point, rounded as Pillow rounds it. */
static uint8_t luma(const uint8_t *p)
{
    return (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
}

void infer__convert_pixels(const uint8_t *in, int from, uint8_t *out, int to, size_t n)
{
    if (from == to) {
        memcpy(out, in, n * (size_t)to);
        return;
    }
    for (size_t i = 0; i < n; i++, in += from, out += to) {
        if (to == 1) {
            out[0] = from >= 3 ? luma(in) : in[0];
            continue;
        }
        out[0] = in[0];
        out[1] = from >= 3 ? in[1] : in[0];
        out[2] = from >= 3 ? in[2] : in[0];
        if (to == 4)
            out[3] = from == 2 ? in[1] : 255;
    }
}

void infer__image_row(infer_image *image, int32_t y, const uint8_t *row, int channels)
{
    size_t stride = (size_t)image->width * (size_t)image->channels;
    infer__convert_pixels(row, channels, image->pixels + (size_t)y * stride, image->channels,
                          (size_t)image->width);
}

/* ---- orientation ---------------------------------------------------------------------------- */

/* Where pixel (0, 0) of the upright picture lies in the stored one, and the steps from there for
 * one pixel to the right and one down. EXIF 2.32, tag 0x0112, tells for each value which sides of
 * the scene row 0 and column 0 of the file are. */
struct walk {
    ptrdiff_t start, right, down;
};

static struct walk orientation_walk(uint32_t orientation, ptrdiff_t w, ptrdiff_t h)
{
    ptrdiff_t last_x = w - 1, last_y = (h - 1) * w;
    switch (orientation) {
    case 2:
        return (struct walk){last_x, -1, w};
    case 3:
        return (struct walk){last_x + last_y, -1, -w};
    case 4:
        return (struct walk){last_y, 1, -w};
    case 5:
        return (struct walk){0, w, 1};
    case 6:
        return (struct walk){last_y, -w, 1};
    case 7:
        return (struct walk){last_x + last_y, -w, -1};
    case 8:
        return (struct walk){last_x, w, -1};
    default:
        return (struct walk){0, 1, w};
    }
}

infer_status infer__image_orient(infer_image *image, uint32_t orientation,
                                 const infer_allocator *allocator, infer_error *err)
{
    int32_t c = image->channels;
    int swapped = orientation >= 5;
    infer_image out;
    TRY(infer__image_new(allocator, swapped ? image->height : image->width,
                         swapped ? image->width : image->height, c, &out, err));
    struct walk walk = orientation_walk(orientation, image->width, image->height);
    uint8_t *to = out.pixels;
    for (ptrdiff_t y = 0; y < out.height; y++) {
        ptrdiff_t at = (walk.start + y * walk.down) * c;
        for (int32_t x = 0; x < out.width; x++, at += walk.right * c)
            for (int32_t k = 0; k < c; k++)
                *to++ = image->pixels[at + k];
    }
    infer_image_free(image);
    *image = out;
    return INFER_OK;
}
