/* GlobalAveragePool and GlobalMaxPool in f32. The average is a sum in double, divided by the
 * number of pixels and rounded once; its terms are the sums of POOL_RUN pixels each, in their
 * order, in float. The maximum is NaN where a pixel is. */
#include <math.h>

#include "kernels/pool/pool_shape.h"

#define BLOCK 16 /* channels at once: a unit's smallest piece */

struct shape {
    int64_t n, pixels, c, blocks; /* blocks of channels */
    uint32_t units;
};

static struct shape shape_of(const struct infer__task *t)
{
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    struct shape s = {x.n, x.d * x.h * x.w, x.c, (x.c + BLOCK - 1) / BLOCK, 1};
    s.units = infer__units(s.n * s.blocks, 1, t->threads > 1 ? 4 * t->threads : 1);
    return s;
}

/* `width` channels, a constant for whole blocks. */
static inline __attribute__((always_inline)) void average(const struct shape *s, int width,
                                                          const float *x, float *y)
{
    double sum[BLOCK] = {0};
    for (int64_t p = 0; p < s->pixels;) {
        float run[BLOCK] = {0};
        for (int i = 0; i < POOL_RUN && p < s->pixels; i++, p++, x += s->c)
            for (int c = 0; c < width; c++)
                run[c] += x[c];
        for (int c = 0; c < width; c++)
            sum[c] += (double)run[c];
    }
    for (int c = 0; c < width; c++)
        y[c] = (float)(sum[c] / (double)s->pixels);
}

static inline __attribute__((always_inline)) void maximum(const struct shape *s, int width,
                                                          const float *x, float *y)
{
    float best[BLOCK];
    for (int c = 0; c < BLOCK; c++)
        best[c] = -INFINITY;
    for (int64_t p = 0; p < s->pixels; p++, x += s->c)
        for (int c = 0; c < width; c++)
            best[c] = x[c] <= best[c] || best[c] != best[c] ? best[c] : x[c];
    for (int c = 0; c < width; c++)
        y[c] = best[c];
}

static void global_pool_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const struct shape *s = b->cut;
    int is_max = t->op == INFER__OP_GLOBAL_MAX_POOL;
    int64_t last = infer__unit_begin(s->n * s->blocks, s->units, end);
    for (int64_t i = infer__unit_begin(s->n * s->blocks, s->units, begin); i < last; i++) {
        int64_t n = i / s->blocks, c = i % s->blocks * BLOCK;
        const float *x = (const float *)b->in[0] + n * s->pixels * s->c + c;
        float *y = (float *)b->out[0] + n * s->c + c;
        int width = s->c - c < BLOCK ? (int)(s->c - c) : BLOCK;
        if (is_max && width == BLOCK)
            maximum(s, BLOCK, x, y);
        else if (is_max)
            maximum(s, width, x, y);
        else if (width == BLOCK)
            average(s, BLOCK, x, y);
        else
            average(s, width, x, y);
    }
}

static infer_status global_pool_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    struct shape *s = need->cut;
    (void)err;
    *s = shape_of(t);
    need->units = s->units;
    return INFER_OK;
}

/* `each`: nanoseconds of an element. */
INFER__APART static double global_pool_estimate(const struct infer__task *t, uint16_t op,
                                                double each)
{
    if (!infer__pooling_serves(t, op, INFER_F32))
        return -1;
    return 500 + each * (double)infer__operand_elements(&t->in[0]);
}

INFER__APART static double estimate_average(const struct infer__task *t)
{
    return global_pool_estimate(t, INFER__OP_GLOBAL_AVERAGE_POOL, 0.16);
}

INFER__APART static double estimate_max(const struct infer__task *t)
{
    return global_pool_estimate(t, INFER__OP_GLOBAL_MAX_POOL, 0.5);
}

const struct infer__kernel infer__global_average_pool_f32_c = {
    .name = "global_average_pool_f32_c",
    .isa = INFER_ISA_C,
    .cut_bytes = sizeof(struct shape),
    .estimate = estimate_average,
    .prepare = global_pool_prepare,
    .run = global_pool_run,
};

const struct infer__kernel infer__global_max_pool_f32_c = {
    .name = "global_max_pool_f32_c",
    .isa = INFER_ISA_C,
    .cut_bytes = sizeof(struct shape),
    .estimate = estimate_max,
    .prepare = global_pool_prepare,
    .run = global_pool_run,
};
