/* Rows of a depthwise convolution of f32 pictures, at one level each: what conv_depthwise_rows_f32
 * and the chains of kernels/chain have in common. See depthwise_tile.h for how it is computed. */
#ifndef INFER_KERNELS_CONV_DEPTHWISE_ROWS_H
#define INFER_KERNELS_CONV_DEPTHWISE_ROWS_H

#include "kernels/kernel.h"

#define DW_BLOCK 16     /* channels that stand together in packed weights */
#define DW_KERNEL_MAX 7 /* rows and columns of a kernel at most */
#define DW_STRIDE_MAX 2

/* One or two rows of output. */
struct dw_rows {
    /* input rows, column 0; NULL: in the padding */
    const float *x[DW_KERNEL_MAX + DW_STRIDE_MAX];
    float *y[2];              /* output rows, column 0 */
    const float *residual[2]; /* the same, or NULL */
    int rows;                 /* 1 or 2 */
    int kernel_h, kernel_w, stride_h, stride_w;
    int64_t pad, in_w, out_w;            /* padding before a row; pixels of input and output rows */
    int64_t channels, in_step, out_step; /* channels; floats from a pixel to the next */
    const float *weights;                /* as infer__dw_pack left them */
    const float *bias;                   /* or NULL */
    const struct infer__epilogue *epi;
};

/* Whether the functions below can do a window. */
int infer__dw_serves(const struct infer__window *w);
/* Floats of packed weights. */
int64_t infer__dw_packed_floats(int64_t taps, int64_t channels);
/* From [channel][tap] to [block of 16][tap][16], zeros behind the last channel. */
void infer__dw_pack(const float *weights, int64_t taps, int64_t channels, float *packed);

/* Computes the rows, all columns and channels. */
void infer__dw_rows_c(const struct dw_rows *r);
void infer__dw_rows_avx2(const struct dw_rows *r);
void infer__dw_rows_avx512(const struct dw_rows *r);
/* Predicted nanoseconds of `pixels` outputs of `channels`, with an activation. */
double infer__dw_ns_c(const struct infer__window *w, double pixels, int64_t channels, unsigned act);
double infer__dw_ns_avx2(const struct infer__window *w, double pixels, int64_t channels,
                         unsigned act);
double infer__dw_ns_avx512(const struct infer__window *w, double pixels, int64_t channels,
                           unsigned act);

#endif
