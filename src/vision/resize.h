/* The two ways to resize; resize.c checks arguments and takes memory for the result. Of a result
 * only a part need be made, such as what a crop leaves: it has the bytes that it has in the whole.
 */
#ifndef INFER_VISION_RESIZE_H
#define INFER_VISION_RESIZE_H

#include "infer_vision.h"
#include "kernels/pixels/pixels.h"

/* The size of a whole result, and where the part that is made begins in it. How large the part is
 * says the picture that it goes into. */
struct infer__resized {
    int32_t width, height;
    int32_t x, y;
    const struct infer__pixels *pixels; /* of this CPU: asking for it takes microseconds */
};

/* Makes a part of width x height pixels, which lies in the whole. Else as infer_image_resize. */
infer_status infer__resize_part(const infer_image *src, const struct infer__resized *whole,
                                int32_t width, int32_t height, infer_filter filter,
                                infer_resampler resampler, const infer_allocator *allocator,
                                infer_image *out, infer_error *err);

/* Each fills out->pixels, whose size and channels are set; src and the whole differ in size.
 * Temporary memory comes from `a`. */
infer_status infer__resize_pillow(const infer_image *src, const struct infer__resized *whole,
                                  infer_filter filter, const infer_allocator *a, infer_image *out,
                                  infer_error *err);
infer_status infer__resize_opencv(const infer_image *src, const struct infer__resized *whole,
                                  infer_filter filter, const infer_allocator *a, infer_image *out,
                                  infer_error *err);

/* Copies pixel (x[i], y[j]) of src to (i, j) of out. */
void infer__resize_pick(const infer_image *src, const int32_t *x, const int32_t *y,
                        infer_image *out);

static inline uint8_t infer__clip8(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Rounds to the nearest, halves to even, in the default rounding mode; for |x| < 2^22. */
static inline int32_t infer__round_even(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: the sum has no fractional bits left */
    float sum = x + magic;
    return (int32_t)(sum - magic);
}

#endif
