/* Rows of 8-bit pixels: the passes of resizing, and samples that become floats. They are no
 * operators of a graph; pictures go through them on their way to an input (src/vision). Each level
 * gives the same bits. */
#ifndef INFER_KERNELS_PIXELS_PIXELS_H
#define INFER_KERNELS_PIXELS_PIXELS_H

#include "infer.h"

/* Bits behind the point of weights: Pillow's, of sums that 8 bits of a sample and 2 of overshoot
 * fill an int32 with; OpenCV's. */
enum { INFER__PILLOW_BITS = 22, INFER__OPENCV_BITS = 11 };

/* What the outputs of a pass along an axis are made of: output i of `count[i]` samples from
 * first[i] on, with the weights from weight[i * most] on. */
struct infer__pillow_axis {
    int32_t *first, *count, *weight;
    int32_t most;
};

struct infer__pixels {
    /* Pillow's pass along `rows` rows of `width` pixels of c channels (1, 3, 4), `pitch` bytes
     * apart: n pixels of each, without gaps. */
    void (*pillow_across)(const uint8_t *in, size_t pitch, int32_t width, int c,
                          const struct infer__pillow_axis *a, int32_t n, int32_t rows,
                          uint8_t *out);
    /* Its pass down: n samples, each of `count` rows that are `stride` bytes apart. */
    void (*pillow_down)(const uint8_t *in, size_t stride, const int32_t *w, int32_t count, size_t n,
                        uint8_t *out);
    /* OpenCV's linear pass along a row of `width` pixels of 3 channels: n pixels, each of those at
     * at[i] and behind it, clamped to the row, with weight[4 * i] and the one behind it. */
    void (*opencv_across)(const uint8_t *in, int32_t width, const int32_t *at,
                          const int32_t *weight, int32_t n, int32_t *out);
    /* Its pass down, of two such rows. */
    void (*opencv_down)(const int32_t *above, const int32_t *below, const int32_t w[2], size_t n,
                        uint8_t *out);
    /* (x - mean) * scale of sample `source` of n pixels of `channels` samples. */
    void (*to_floats)(const uint8_t *in, int channels, int source, float mean, float scale,
                      size_t n, float *out);
};

/* The best that this CPU has. */
const struct infer__pixels *infer__pixels(void);

extern const struct infer__pixels infer__pixels_c, infer__pixels_avx2;

#endif
