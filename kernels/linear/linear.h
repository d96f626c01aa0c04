/* Linear layers as all their kernels see them: convolutions of any rank, transposed and grouped
 * ones too, and dense layers, which are 1x1 convolutions of a picture that is one row high. One
 * description for f32, bf16 and int8; how a kernel cuts the work is its own affair. */
#ifndef INFER_KERNELS_LINEAR_LINEAR_H
#define INFER_KERNELS_LINEAR_LINEAR_H

#include "kernels/kernel.h"

/* Output channels of a block, and blocks of a panel at most, of f32 convolutions. */
#define CONV_BLOCK 16
#define CONV_PANEL_MAX 4

struct infer__linear {
    struct infer__window w;
    struct infer__spatial x, y;
    int64_t y_step; /* elements from one output pixel to the next: y.c or more */
    int transposed;
    int64_t groups, cg, mg; /* groups; input and output channels of each */
    int64_t taps;           /* kernel positions */
    /* elements from weight to weight, by group, output and input channel of a group, and tap */
    int64_t w_group, w_m, w_c, w_tap;
    int bias;          /* 1: in[2] is there, one value for each output channel */
    uint32_t scale;    /* number of the operand that scales x by image and channel, 0: none */
    uint32_t residual; /* number of the residual's operand, 0: none */

    /* where operands may be bf16: 1: that tensor is, else it is f32 */
    int half_x, half_y, half_residual;

    /* of u8 activations and s8 weights */
    int64_t w_cg; /* input channels of the weights: cg, unless groups were merged */
    int f32, s32; /* 1: the result is that */
    int integer;  /* 1: ConvInteger, MatMulInteger: x_zero and x_scale are 1 */
    float x_scale;
    int32_t x_zero;
    const struct infer__quant *wq;
    const struct infer__requant *rq; /* NULL where f32 or s32 */
};

/* 1 if `t` is a well-formed layer of these types, and describes it: an f32 convolution, transposed
 * and scaled ones too; what may be rounded to bf16; u8 by s8. */
int infer__linear_f32(const struct infer__task *t, struct infer__linear *s);
int infer__linear_bf16(const struct infer__task *t, struct infer__linear *s);
int infer__linear_int8(const struct infer__task *t, struct infer__linear *s);

/* Sizes and strides of a convolution, or of a dense layer; 0 if they are none. Types are not looked
 * at. `across`: the axis of the second operand that is the output's last one. */
int infer__linear_conv(const struct infer__task *t, struct infer__linear *s);
int infer__linear_dense(const struct infer__task *t, struct infer__linear *s, int *across);

/* 1 if nothing is empty and output pixels can be counted. */
int infer__linear_countable(const struct infer__linear *s);
/* Output pixels of all images, and multiply-adds. */
double infer__linear_pixels(const struct infer__linear *s);
double infer__linear_products(const struct infer__linear *s);
/* The part of an axis' pairs of output pixel and tap that are not in the padding; where they are
 * not, for tap k: output pixels [range[0], range[1]) have it. */
double infer__linear_inside(const struct infer__linear *s, int axis);
void infer__linear_tap_outputs(const struct infer__linear *s, int axis, int64_t k,
                               int64_t range[2]);
/* Makes one of as many groups as have at most so many output and input channels together, with
 * weights in between that count as 0: how many that are. */
int64_t infer__linear_merge_groups(struct infer__linear *s, int64_t most_m, int64_t most_c);
/* Products that take `ns` on a Zen 4 with `bytes` of weights, of which the next are fetched while
 * some are used: what `m` takes. */
double infer__linear_ns(const struct infer__machine *m, double ns, double bytes);

/* Where the first channel of the input pixel of a tap is that the output pixel at[] (D, H, W) of
 * image n has, in elements of x; -1: in the padding. */
static inline int64_t infer__linear_input(const struct infer__linear *s, int64_t n,
                                          const int64_t at[3], int64_t tap)
{
    const struct infer__window *w = &s->w;
    const int64_t k[3] = {tap / w->kernel[2] / w->kernel[1], tap / w->kernel[2] % w->kernel[1],
                          tap % w->kernel[2]};
    const int64_t size[3] = {s->x.d, s->x.h, s->x.w};
    for (int a = 0; a < 3; a++) {
        int64_t i = at[a] * w->stride[a] - w->pad_begin[a] + k[a] * w->dilation[a];
        if (s->transposed) {
            i = at[a] + w->pad_begin[a] - k[a] * w->dilation[a];
            if (i < 0 || i % w->stride[a])
                return -1;
            i /= w->stride[a];
        }
        if (i < 0 || i >= size[a])
            return -1;
        n = n * size[a] + i;
    }
    return n * s->x.c;
}

/* First and past-the-last tap k of an axis with 0 <= begin + k * dilation < size; `begin` is the
 * input coordinate of tap 0. An empty range is out[0] == out[1]. */
void infer__tap_range(int64_t begin, int64_t dilation, int64_t kernel, int64_t size,
                      int64_t out[2]);

/* One output before residual and activation: channel m of the pixel at[] (D, H, W) of image n. */
typedef float infer__linear_output(const struct infer__linear *s, const struct infer__buffers *b,
                                   int64_t n, const int64_t at[3], int64_t m);
/* The f32 definitions' walk over the output: a unit is a run of its rows, which `one` fills output
 * by output, in order; then residual and activation. The cut is a struct infer__linear. */
void infer__linear_rows(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end, infer__linear_output *one);
infer_status infer__linear_rows_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err);

#endif
