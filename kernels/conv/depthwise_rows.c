/* The level-independent part of depthwise_rows.h. */
#include "kernels/conv/depthwise_rows.h"

int infer__dw_serves(const struct infer__window *w)
{
    return w->kernel[0] == 1 && w->stride[0] == 1 && !w->pad_begin[0] && w->dilation[1] == 1 &&
           w->dilation[2] == 1 && w->kernel[1] <= DW_KERNEL_MAX &&
           (w->kernel[2] == 3 || w->kernel[2] == 5 || (w->kernel[2] == 7 && w->stride[2] == 1)) &&
           w->stride[1] <= DW_STRIDE_MAX && w->stride[2] <= DW_STRIDE_MAX;
}

int64_t infer__dw_packed_floats(int64_t taps, int64_t channels)
{
    return INFER__PRODUCT(infer__count_align(channels, DW_BLOCK), taps);
}

void infer__dw_pack(const float *weights, int64_t taps, int64_t channels, float *packed)
{
    for (int64_t block = 0; block < channels; block += DW_BLOCK)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = block; c < block + DW_BLOCK; c++)
                *packed++ = c < channels ? weights[c * taps + tap] : 0;
}
