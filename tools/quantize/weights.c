/* Weights and biases as integers. */
#include <math.h>

#include "tools/quantize/quantize.h"

int quant_weight_axis(const struct infer__graph *g, const struct infer__node *n)
{
    const struct infer__value *w = n->nin > 1 && n->in[1] ? &g->values[n->in[1]] : NULL;
    if (!w || w->kind != INFER__VALUE_CONST || w->type != INFER_F32 || !infer__value_elements(w))
        return -1;
    switch (n->op) {
    case INFER__OP_CONV:
        return 0;
    case INFER__OP_GEMM:
        return infer__node_int(n, INFER__ATTR_TRANS_B, 0) ? 0 : 1;
    case INFER__OP_MATMUL:
        return w->rank == 2 ? 1 : -1;
    default:
        return -1;
    }
}

/* A bias is held to 2^30, so that sums stay inside s32. A channel of zeros gets the scale that its
 * bias needs, or 1. */
void quant_weight_scales(const float *w, int64_t outer, int64_t channels, int64_t inner,
                         const float *bias, float x_scale, float *scales)
{
    for (int64_t c = 0; c < channels; c++) {
        double most = 0;
        for (int64_t o = 0; o < outer; o++)
            for (int64_t i = 0; i < inner; i++) {
                double a = fabs((double)w[(o * channels + c) * inner + i]);
                most = a > most ? a : most;
            }
        double scale = most / 127, least = 1e-30;
        if (bias)
            least = fmax(least, fabs((double)bias[c]) / ((double)x_scale * 0x1p30));
        scale = scale > least ? scale : most > 0 || least > 1e-30 ? least : 1;
        scales[c] = (float)(isfinite(scale) ? scale : 1);
    }
}

void quant_weights_s8(const float *w, int64_t outer, int64_t channels, int64_t inner,
                      const float *scales, int8_t *q)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < inner; i++) {
                int64_t at = (o * channels + c) * inner + i;
                float v = rintf(w[at] / scales[c]);
                q[at] = (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v == v ? v : 0);
            }
}

void quant_bias_s32(const float *bias, int64_t channels, float x_scale, const float *scales,
                    int32_t *q)
{
    for (int64_t c = 0; c < channels; c++) {
        double v = rint((double)bias[c] / ((double)x_scale * (double)scales[c]));
        q[c] = (int32_t)(v > 0x1p30 ? 0x1p30 : v < -0x1p30 ? -0x1p30 : v == v ? v : 0);
    }
}
