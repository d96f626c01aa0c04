/* AveragePool, GlobalAveragePool and ReduceMean of quantised tensors: the definitions. */
#include "kernels/pool_int8/mean_u8.h"

#include "kernels/linear/linear.h"
#include "kernels/pool/pool_shape.h"
#include "kernels/pool_int8/pool_u8.h"
#include "kernels/quant.h"

struct infer__mean_u8 infer__mean_u8_of(const struct infer__task *t)
{
    const struct infer__quant *x = t->in[0].quant, *y = t->out[0].quant;
    return (struct infer__mean_u8){x->scale[0], y->scale[0], x->zero[0], y->zero[0]};
}

uint8_t infer__mean_u8_one(const struct infer__mean_u8 *p, int64_t sum, float m)
{
    return infer__q8_round((float)sum * m, p->zero, 0, 255);
}

/* ---- over axes ------------------------------------------------------------------------------ */

int infer__reduce_u8_of(const struct infer__task *t, struct infer__reduce_u8 *r)
{
    const struct infer__operand *x = &t->in[0];
    uint32_t axes = t->p.reduce.axes;
    *r = (struct infer__reduce_u8){1, 1, 1};
    if (t->nin < 1 || t->nout != 1 || !infer__is_q8(x) || !infer__is_q8(&t->out[0]) ||
        !infer__no_epilogue(t) || t->epi.requant || x->rank < 1)
        return 0;
    if (t->op == INFER__OP_GLOBAL_AVERAGE_POOL) {
        if (!x->clast || x->rank < 3)
            return 0;
        axes = (1u << (x->rank - 1)) - 2;
    } else if (t->op != INFER__OP_REDUCE_MEAN) {
        return 0;
    }
    int place = 0; /* before, in and behind the reduced axes */
    for (int i = 0; i < x->rank; i++) {
        int on = axes >> i & 1;
        if (x->dims[i] == 1)
            continue;
        if (on != (place == 1))
            place++;
        if (place > 2)
            return 0;
        *(place == 0 ? &r->outer : place == 1 ? &r->count : &r->inner) *= x->dims[i];
    }
    return 1;
}

static uint32_t reduce_units(const struct infer__task *t, const struct infer__reduce_u8 *r)
{
    return infer__task_units(t, r->outer * r->inner, 8192 / (r->count + 1) + 1);
}

static infer_status reduce_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__reduce_u8 r;
    (void)err;
    infer__reduce_u8_of(t, &r);
    need->units = reduce_units(t, &r);
    return INFER_OK;
}

/* Columns [first, last) of one outer index. */
static void reduce_columns(const struct infer__mean_u8 *p, const struct infer__reduce_u8 *r,
                           const uint8_t *x, uint8_t *y, int64_t first, int64_t last)
{
    int64_t sum[INFER__BLOCK];
    float m = infer__mean_u8_factor(p, (float)r->count);
    for (int64_t c = first; c < last; c += INFER__BLOCK) {
        int64_t n = last - c < INFER__BLOCK ? last - c : INFER__BLOCK;
        for (int64_t j = 0; j < n; j++)
            sum[j] = -p->x_zero * r->count;
        for (int64_t i = 0; i < r->count; i++)
            for (int64_t j = 0; j < n; j++)
                sum[j] += x[i * r->inner + c + j];
        for (int64_t j = 0; j < n; j++)
            y[c + j] = infer__mean_u8_one(p, sum[j], m);
    }
}

static void reduce_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct infer__mean_u8 p = infer__mean_u8_of(t);
    struct infer__reduce_u8 r;
    if (!infer__reduce_u8_of(t, &r))
        return;
    uint32_t units = reduce_units(t, &r);
    int64_t i = infer__unit_begin(r.outer * r.inner, units, begin);
    int64_t last = infer__unit_begin(r.outer * r.inner, units, end);
    while (i < last) {
        int64_t outer = i / r.inner, first = i % r.inner;
        int64_t n = last - i < r.inner - first ? last - i : r.inner - first;
        reduce_columns(&p, &r, (const uint8_t *)b->in[0] + outer * r.count * r.inner,
                       (uint8_t *)b->out[0] + outer * r.inner, first, first + n);
        i += n;
    }
}

INFER__APART static double reduce_estimate(const struct infer__task *t)
{
    struct infer__reduce_u8 r;
    if (!infer__reduce_u8_of(t, &r))
        return -1;
    double reads = (double)r.outer * (double)r.count * (double)r.inner;
    return 200 + reads * 0.13 + 4 * (double)(r.outer * r.inner);
}

const struct infer__kernel infer__mean_u8_c = {.name = "mean_u8_c",
                                               .isa = INFER_ISA_C,
                                               .estimate = reduce_estimate,
                                               .prepare = reduce_prepare,
                                               .run = reduce_run};

/* ---- over windows --------------------------------------------------------------------------- */

int infer__average_pool_u8_serves(const struct infer__task *t)
{
    return infer__pooling_serves(t, INFER__OP_AVERAGE_POOL, INFER_U8) && infer__is_q8(&t->in[0]) &&
           infer__is_q8(&t->out[0]) && !t->epi.requant;
}

int64_t infer__pool_counted(const struct infer__window *w, int axis, int64_t begin, int64_t inside,
                            int64_t size)
{
    if (!w->count_include_pad)
        return inside;
    /* begin >= -pad_begin always; past the end are those of ceil mode */
    int64_t room = size + w->pad_end[axis] - begin;
    if (room <= 0)
        return 0;
    int64_t n = (room - 1) / w->dilation[axis] + 1;
    return n < w->kernel[axis] ? n : w->kernel[axis];
}

static void average_pixel(const struct infer__task *t, const struct infer__mean_u8 *q,
                          const struct infer__spatial *s, int64_t pixel, const uint8_t *x,
                          uint8_t *y)
{
    struct infer__pooling_window p = infer__pooling_window(t, pixel);
    const struct infer__window *w = &t->p.window;
    const int64_t size[3] = {s->d, s->h, s->w};
    double count = 1;
    for (int a = 0; a < 3; a++)
        count *= (double)infer__pool_counted(w, a, p.begin[a], p.to[a] - p.from[a], size[a]);
    float m = infer__mean_u8_factor(q, count < 1 ? 1 : (float)count);
    for (int64_t c = 0; c < s->c; c++) {
        int64_t sum = 0;
        for (int64_t d = p.from[0]; d < p.to[0]; d++)
            for (int64_t h = p.from[1]; h < p.to[1]; h++) {
                int64_t row = (p.n * s->d + p.begin[0] + d * w->dilation[0]) * s->h + p.begin[1] +
                              h * w->dilation[1];
                for (int64_t v = p.from[2]; v < p.to[2]; v++)
                    sum += x[(row * s->w + p.begin[2] + v * w->dilation[2]) * s->c + c] - q->x_zero;
            }
        y[c] = infer__mean_u8_one(q, sum, m);
    }
}

static void average_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    struct infer__spatial s = infer__operand_spatial(&t->in[0]);
    struct infer__mean_u8 q = infer__mean_u8_of(t);
    int64_t pixels = infer__pooling_pixels(t);
    uint32_t units = infer__pooling_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t i = infer__unit_begin(pixels, units, begin); i < last; i++)
        average_pixel(t, &q, &s, i, b->in[0], (uint8_t *)b->out[0] + i * s.c);
}

INFER__APART static double average_estimate(const struct infer__task *t)
{
    if (!infer__average_pool_u8_serves(t))
        return -1;
    return 500 + infer__pooling_reads(t) * 0.8 + (double)infer__operand_elements(&t->out[0]) * 4;
}

const struct infer__kernel infer__average_pool_u8_c = {.name = "average_pool_u8_c",
                                                       .isa = INFER_ISA_C,
                                                       .estimate = average_estimate,
                                                       .prepare = infer__pooling_prepare,
                                                       .run = average_run};
