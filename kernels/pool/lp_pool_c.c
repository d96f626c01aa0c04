/* LpPool: the p-th root of the sum of |x|^p over a window, in double. Padding adds nothing. */
#include <math.h>

#include "kernels/pool/pool_shape.h"

INFER__APART static double lp_pool_estimate(const struct infer__task *t)
{
    if (!infer__pooling_serves(t, INFER__OP_LP_POOL, INFER_F32))
        return -1;
    double each = t->p.window.groups <= 2 ? 1 : 20;
    return 500 + infer__pooling_reads(t) * each + 25 * (double)infer__pooling_pixels(t);
}

static double power(double x, double p)
{
    x = fabs(x);
    return p == 1 ? x : p == 2 ? x * x : pow(x, p);
}

static float window(const struct infer__task *t, const struct infer__pooling_window *p,
                    const struct infer__spatial *s, const float *x)
{
    const int64_t *dilation = t->p.window.dilation;
    const double exponent = (double)t->p.window.groups;
    double sum = 0;
    for (int64_t d = p->from[0]; d < p->to[0]; d++)
        for (int64_t h = p->from[1]; h < p->to[1]; h++) {
            int64_t row = (p->n * s->d + p->begin[0] + d * dilation[0]) * s->h + p->begin[1] +
                          h * dilation[1];
            for (int64_t w = p->from[2]; w < p->to[2]; w++)
                sum +=
                    power((double)x[(row * s->w + p->begin[2] + w * dilation[2]) * s->c], exponent);
        }
    return (float)(exponent == 1 ? sum : exponent == 2 ? sqrt(sum) : pow(sum, 1 / exponent));
}

static void lp_pool_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    struct infer__spatial s = infer__operand_spatial(&t->in[0]);
    const int64_t pixels = infer__pooling_pixels(t);
    const uint32_t units = infer__pooling_units(t);
    const int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t i = infer__unit_begin(pixels, units, begin); i < last; i++) {
        struct infer__pooling_window p = infer__pooling_window(t, i);
        for (int64_t c = 0; c < s.c; c++)
            ((float *)b->out[0])[i * s.c + c] = window(t, &p, &s, (const float *)b->in[0] + c);
    }
}

const struct infer__kernel infer__lp_pool_c = {.name = "lp_pool_c",
                                               .isa = INFER_ISA_C,
                                               .estimate = lp_pool_estimate,
                                               .prepare = infer__pooling_prepare,
                                               .run = lp_pool_run};
