/* DynamicQuantizeLinear of f32 to u8, and the ranges of a tensor's parts that it may start from:
 * the definitions. Quantising is QuantizeLinear with the scale and zero point found. */
#include "kernels/quantize/dynamic.h"

static struct infer__range range_of(const float *x, int64_t n)
{
    struct infer__range r = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        r.low = x[i] < r.low ? x[i] : r.low;
        r.high = x[i] > r.high ? x[i] : r.high;
    }
    return r;
}

static void run_range(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    uint32_t parts = (uint32_t)t->out[0].dims[0];
    int64_t total = infer__operand_elements(&t->in[0]);
    for (uint32_t i = begin; i < end; i++) {
        int64_t first = infer__unit_begin(total, parts, i);
        ((struct infer__range *)b->out[0])[i] = range_of(
            (const float *)b->in[0] + first, infer__unit_begin(total, parts, i + 1) - first);
    }
}

INFER__APART static double estimate_range(const struct infer__task *t)
{
    if (t->op != INFER__OP_DYNAMIC_RANGE || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel infer__dynamic_range_c = {.name = "dynamic_range_c",
                                                     .isa = INFER_ISA_C,
                                                     .estimate = estimate_range,
                                                     .prepare = infer__range_prepare,
                                                     .run = run_range};

static void dynamic_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    const float *x = b->in[0];
    int64_t first = 0, last = infer__operand_elements(&t->in[0]);
    struct infer__range r;
    if (infer__dynamic_split(t)) {
        infer__elements_range(t, begin, end, &first, &last);
        r = infer__range_join(b->in[1], t->in[1].dims[0]);
    } else {
        r = range_of(x, last);
    }
    const float scale = infer__range_scale(r);
    const int32_t zero = infer__range_zero(r, scale);
    const struct infer__quant q = {.count = 1, .scale = &scale, .zero = &zero};
    for (int64_t i = first; i < last; i++)
        ((uint8_t *)b->out[0])[i] = infer__q8_quantize(x[i], &q);
    if (begin == 0)
        infer__dynamic_store(t, b, scale, (uint8_t)zero);
}

static infer_status dynamic_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    need->units = 1;
    return infer__dynamic_split(t) ? infer__elements_prepare(t, need, err) : INFER_OK;
}

INFER__APART static double dynamic_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_DYNAMIC_QUANTIZE_LINEAR || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel infer__dynamic_quantize_c = {.name = "dynamic_quantize_c",
                                                        .isa = INFER_ISA_C,
                                                        .estimate = dynamic_estimate,
                                                        .prepare = dynamic_prepare,
                                                        .run = dynamic_run};
