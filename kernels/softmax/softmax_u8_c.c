/* Softmax and LogSoftmax of quantised tensors, to u8 or f32.
 *
 * With d the largest byte of a row less a byte, e = exp(-d * x_scale) in f32 is one of 256 numbers,
 * which pack leaves. They are summed in double in the order of the axis; the result is e / sum
 * (-d * x_scale - log(sum)) in double, rounded to f32 and, for a u8 result, quantised. */
#include <math.h>

#include "kernels/quant.h"

struct view {
    int64_t outer, axis, inner;
};

static struct view view_of(const struct infer__task *t)
{
    struct view v = {1, 1, 1};
    for (int i = 0; i < t->in[0].rank; i++) {
        int on = i == t->p.axis.axis || (t->p.axis.to_end && i > t->p.axis.axis);
        *(on ? &v.axis : i < t->p.axis.axis ? &v.outer : &v.inner) *= t->in[0].dims[i];
    }
    return v;
}

static uint32_t units_of(const struct infer__task *t, const struct view *v)
{
    return infer__task_units(t, v->outer * v->inner, 2048 / (v->axis + 1) + 1);
}

INFER__APART static double softmax_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_SOFTMAX && t->op != INFER__OP_LOG_SOFTMAX) ||
        !infer__is_q8(&t->in[0]) || (!infer__is_q8(&t->out[0]) && t->out[0].type != INFER_F32) ||
        !infer__no_epilogue(t) || t->epi.requant)
        return -1;
    struct view v = view_of(t);
    return 100 + 4 * (double)infer__operand_elements(&t->in[0]) +
           20 * (double)v.outer * (double)v.inner;
}

static infer_status softmax_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    struct view v = view_of(t);
    (void)err;
    need->packed_bytes = infer__bytes_of(256, sizeof(float));
    need->layout = INFER__SAME_LAYOUT;
    need->units = units_of(t, &v);
    return INFER_OK;
}

static void softmax_pack(const struct infer__task *t, const void *cut, void *packed)
{
    float *e = packed;
    (void)cut;
    for (int d = 0; d < 256; d++)
        e[d] = expf((float)-d * t->in[0].quant->scale[0]);
}

/* `n` bytes, `step` apart, from place `at` of the tensors on. */
static void row(const struct infer__task *t, const struct infer__buffers *b, int64_t at, int64_t n,
                int64_t step)
{
    const uint8_t *x = (const uint8_t *)b->in[0] + at;
    const float *e = b->packed;
    const int logs = t->op == INFER__OP_LOG_SOFTMAX;
    uint8_t most = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = x[i * step] > most ? x[i * step] : most;
    for (int64_t i = 0; i < n; i++)
        sum += (double)e[most - x[i * step]];
    sum = logs ? log(sum) : 1 / sum;
    for (int64_t i = 0; i < n; i++) {
        const int d = most - x[i * step];
        const float z = (float)-d * t->in[0].quant->scale[0];
        const float y = (float)(logs ? (double)z - sum : (double)e[d] * sum);
        if (t->out[0].type == INFER_F32)
            ((float *)b->out[0])[at + i * step] = y;
        else
            ((uint8_t *)b->out[0])[at + i * step] = infer__q8_quantize(y, t->out[0].quant);
    }
}

static void softmax_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    struct view v = view_of(t);
    uint32_t units = units_of(t, &v);
    int64_t last = infer__unit_begin(v.outer * v.inner, units, end);
    for (int64_t i = infer__unit_begin(v.outer * v.inner, units, begin); i < last; i++)
        row(t, b, i / v.inner * v.axis * v.inner + i % v.inner, v.axis, v.inner);
}

const struct infer__kernel infer__softmax_u8_c = {.name = "softmax_u8_c",
                                                  .isa = INFER_ISA_C,
                                                  .estimate = softmax_estimate,
                                                  .prepare = softmax_prepare,
                                                  .pack = softmax_pack,
                                                  .run = softmax_run};
