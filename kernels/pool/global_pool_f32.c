/* levels: avx2 avx512 bf16 */
/* GlobalAveragePool and GlobalMaxPool in f32, or at the level bf16 of a bf16 operand, with results
 * in f32; see pool_element.h. Bits are those of
 * the definitions, in whose order each channel is summed. Units are blocks of channels;
 * neighbouring blocks of a unit are read together. */
#include "kernels/levels.h"

#include "kernels/pool/pool_shape.h"

#include "kernels/integers.h"
#include "kernels/vec_double.h"

#include "kernels/pool/pool_element.h"

VEC_INLINE vec load_some(const float *p, int rest)
{
    return rest == VEC ? vec_load(p) : vec_load_n(p, rest);
}

VEC_INLINE void store_some(float *p, vec x, int rest)
{
    if (rest == VEC)
        vec_store(p, x);
    else
        vec_store_n(p, x, rest);
}

enum {
    BLOCK = 16, /* channels: a unit's smallest piece */
    GROUP = 4   /* vectors read together */
};

struct shape {
    int64_t n, pixels, c, blocks; /* blocks of channels */
    int64_t runs;                 /* of POOL_RUN pixels, the last perhaps of fewer */
    uint32_t units, barrier;      /* as in struct infer__need */
};

/* An average that several threads share is cut along the pixels, as what makes them and what reads
 * them next are cut: each thread then finds its pixels in its own cache. Sums of the runs go to
 * scratch memory, and are added up behind that. */
static struct shape shape_of(const struct infer__task *t)
{
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    struct shape s = {x.n, x.d * x.h * x.w, x.c, ceil_div(x.c, BLOCK), 0, 1, 0};
    s.runs = ceil_div(s.pixels, POOL_RUN);
    if (t->threads > 1 && s.runs > 1 && t->op == INFER__OP_GLOBAL_AVERAGE_POOL) {
        s.barrier = infer__units(s.n * s.runs, 1, 2 * t->threads);
        s.units = s.barrier + infer__units(s.n * s.blocks, 64, t->threads);
        return s;
    }
    s.units = infer__units(s.n * s.blocks, 1, t->threads > 1 ? 4 * t->threads : 1);
    return s;
}

/* `nv` vectors (a constant), or `rest` channels of the only one: the sum of up to POOL_RUN of the
 * `pixels` at x. */
VEC_INLINE void sum_run(int nv, int rest, int64_t c, int64_t pixels, const element *x,
                        vec sum[GROUP])
{
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = vec_set(0);
    for (int64_t p = 0; p < pixels && p < POOL_RUN; p++, x += c) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[v] = vec_add(sum[v], pool_load(x + v * VEC, rest));
    }
}

/* The mean: the sums of all runs, added up in double. They are read from `from`, or (`summed`)
 * stand there already. */
VEC_INLINE void average(int summed, int nv, int rest, const struct shape *s, const void *from,
                        float *y)
{
    vec_double sum[GROUP];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = vec_double_set(0);
    for (int64_t r = 0; r < s->runs; r++) {
        vec part[GROUP];
        if (summed) {
            VEC_UNROLL
            for (int v = 0; v < nv; v++)
                part[v] = load_some((const float *)from + r * s->c + v * VEC, rest);
        } else {
            const int64_t p = r * POOL_RUN;
            sum_run(nv, rest, s->c, s->pixels - p, (const element *)from + p * s->c, part);
        }
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[v] = vec_double_add(sum[v], vec_to_double(part[v]));
    }
    VEC_UNROLL
    for (int v = 0; v < nv; v++) {
        vec a = vec_from_double(vec_double_div(sum[v], vec_double_set((double)s->pixels)));
        store_some(y + v * VEC, a, rest);
    }
}

VEC_INLINE void maximum(int nv, int rest, const struct shape *s, const element *x, float *y)
{
    vec best[GROUP];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        best[v] = vec_set(-INFINITY);
    for (int64_t p = 0; p < s->pixels; p++, x += s->c) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            vec a = pool_load(x + v * VEC, rest);
            vec next = vec_select(vec_is_nan(a), a, vec_at_least(a, best[v]));
            best[v] = vec_select(vec_is_nan(best[v]), best[v], next); /* the first NaN stays */
        }
    }
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        store_some(y + v * VEC, best[v], rest);
}

/* What is done for each group of channels: of pixels, or (AVERAGE_OF_SUMS) of the sums of runs. */
enum what { MAXIMUM, AVERAGE, AVERAGE_OF_SUMS };

/* The group from channel c on. */
VEC_INLINE void group(enum what what, int nv, int rest, const struct shape *s, const void *from,
                      int64_t c, float *y)
{
    if (what == MAXIMUM)
        maximum(nv, rest, s, (const element *)from + c, y + c);
    else if (what == AVERAGE)
        average(0, nv, rest, s, (const element *)from + c, y + c);
    else
        average(1, nv, rest, s, (const float *)from + c, y + c);
}

VEC_INLINE void channels(enum what what, const struct shape *s, int64_t count, const void *from,
                         float *y)
{
    int64_t c = 0;
    for (; c + GROUP * VEC <= count; c += GROUP * VEC)
        group(what, GROUP, VEC, s, from, c, y);
    for (; c < count; c += VEC) {
        if (count - c >= VEC)
            group(what, 1, VEC, s, from, c, y);
        else
            group(what, 1, (int)(count - c), s, from, c, y);
    }
}

/* Runs [begin, end) of all images, all channels. */
static void sum_runs(const struct shape *s, int64_t begin, int64_t end, const element *x,
                     float *sums)
{
    for (int64_t i = begin; i < end; i++) {
        const int64_t p = i % s->runs * POOL_RUN, pixels = s->pixels - p;
        const element *from = x + (i / s->runs * s->pixels + p) * s->c;
        float *to = sums + i * s->c;
        int64_t c = 0;
        vec sum[GROUP];
        for (; c + GROUP * VEC <= s->c; c += GROUP * VEC) {
            sum_run(GROUP, VEC, s->c, pixels, from + c, sum);
            VEC_UNROLL
            for (int v = 0; v < GROUP; v++)
                vec_store(to + c + v * VEC, sum[v]);
        }
        for (; c < s->c; c += VEC) {
            const int rest = s->c - c < VEC ? (int)(s->c - c) : VEC;
            sum_run(1, rest, s->c, pixels, from + c, sum);
            vec_store_n(to + c, sum[0], rest);
        }
    }
}

static void global_pool_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const struct shape *s = b->cut;
    const element *x = b->in[0];
    const int64_t runs = s->n * s->runs, blocks = s->n * s->blocks;
    const uint32_t rest = s->units - s->barrier;
    if (begin < s->barrier)
        sum_runs(s, infer__unit_begin(runs, s->barrier, begin),
                 infer__unit_begin(runs, s->barrier, end < s->barrier ? end : s->barrier), x,
                 b->shared);
    if (end <= s->barrier)
        return;
    int64_t i = infer__unit_begin(blocks, rest, begin > s->barrier ? begin - s->barrier : 0);
    const int64_t last = infer__unit_begin(blocks, rest, end - s->barrier);
    while (i < last) {
        int64_t n = i / s->blocks, block = i % s->blocks, c = block * BLOCK;
        int64_t count = min64(last - i, s->blocks - block);
        int64_t width = min64(s->c - c, count * BLOCK);
        const element *pixels = x + n * s->pixels * s->c + c;
        float *y = (float *)b->out[0] + n * s->c + c;
        if (t->op == INFER__OP_GLOBAL_MAX_POOL)
            channels(MAXIMUM, s, width, pixels, y);
        else if (s->barrier)
            channels(AVERAGE_OF_SUMS, s, width, (const float *)b->shared + n * s->runs * s->c + c,
                     y);
        else
            channels(AVERAGE, s, width, pixels, y);
        i += count;
    }
}

static infer_status global_pool_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    (void)err;
    struct shape *s = need->cut;
    *s = shape_of(t);
    need->units = s->units;
    need->barrier = s->barrier;
    if (s->barrier)
        need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(s->n, s->runs, s->c), sizeof(float));
    return INFER_OK;
}

/* `each`: nanoseconds of a vector. */
INFER__APART static double global_pool_estimate(const struct infer__task *t, uint16_t op,
                                                double each)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || t->out[0].type != INFER_F32 ||
        !infer__pooling_reads_type(t, op, POOL_TYPE))
        return -1;
    struct shape s = shape_of(t);
    return 300 + each * (double)(s.n * s.pixels) * (double)((s.c + VEC - 1) / VEC);
}

INFER__APART static double estimate_average(const struct infer__task *t)
{
    return global_pool_estimate(t, INFER__OP_GLOBAL_AVERAGE_POOL, VEC_LEVEL == 512 ? 0.6 : 0.4);
}

INFER__APART static double estimate_max(const struct infer__task *t)
{
    return global_pool_estimate(t, INFER__OP_GLOBAL_MAX_POOL, VEC_LEVEL == 512 ? 1.6 : 1);
}

const struct infer__kernel POOL_NAME(global_average_pool) = {
    .name = POOL_STRING("global_average_pool"),
    .isa = LEVEL_ISA,
    .cut_bytes = sizeof(struct shape),
    .estimate = estimate_average,
    .prepare = global_pool_prepare,
    .run = global_pool_run};

const struct infer__kernel POOL_NAME(global_max_pool) = {.name = POOL_STRING("global_max_pool"),
                                                         .isa = LEVEL_ISA,
                                                         .cut_bytes = sizeof(struct shape),
                                                         .estimate = estimate_max,
                                                         .prepare = global_pool_prepare,
                                                         .run = global_pool_run};
