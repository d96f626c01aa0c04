/* levels: avx2 avx512 exact */
/* GlobalAveragePool and ReduceMean of quantised tensors. */
#include "kernels/levels.h"

#include "kernels/integers.h"
#include "kernels/pool_int8/sums_u8.h"
#include "kernels/quant.h"

enum {
    BLOCKS = 4,         /* of channels, summed together */
    SHARED_BYTES = 8192 /* of an outer index, from which threads share out its count */
};

/* How the work is cut. Where threads share it, each sums some of the pixels first, which its own
 * cache has; the sums of the parts go to scratch memory, and are added up behind that. */
struct cut {
    struct infer__reduce_u8 r;
    int64_t blocks; /* of an outer index; a lone column is one */
    int64_t parts;  /* of the count; 1: nothing is shared out */
    uint32_t units, barrier;
};

static int cut_of(const struct infer__task *t, struct cut *c)
{
    struct infer__reduce_u8 *r = &c->r;
    *c = (struct cut){.parts = 1};
    if (!infer__reduce_u8_of(t, r))
        return 0;
    c->blocks = ceil_div(r->inner, SUMS);
    if (t->threads > 1 && r->inner > 1 && r->count * r->inner >= SHARED_BYTES) {
        c->parts = min64(2 * (int64_t)t->threads, r->count);
        c->barrier = infer__units(r->outer * c->parts, 1, 2 * t->threads);
        c->units = c->barrier + infer__task_units(t, r->outer * c->blocks, 64);
        return 1;
    }
    c->units = infer__task_units(t, r->outer * c->blocks, 8192 / (r->count * SUMS + 1) + 1);
    return 1;
}

static infer_status mean_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    struct cut *c = need->cut;
    (void)err;
    cut_of(t, c);
    need->units = c->units;
    need->barrier = c->barrier;
    if (c->barrier)
        need->scratch_bytes =
            infer__bytes_of(INFER__PRODUCT(c->r.outer, c->parts, c->blocks, 2), sizeof(SUMS_32));
    return INFER_OK;
}

/* Adds `count` rows of `nb` blocks (a constant) of SUMS channels, or `n` channels of the only one,
 * to their totals. */
VEC_INLINE void add_rows(int nb, int n, int64_t count, int64_t step, const uint8_t *x,
                         SUMS_32 total[BLOCKS][2])
{
    for (int64_t i = 0; i < count;) {
        const int64_t end = count - i < SUMS_MOST ? count : i + SUMS_MOST;
        sums s[BLOCKS];
        VEC_UNROLL
        for (int b = 0; b < nb; b++)
            s[b] = sums_zero();
        for (; i < end; i++, x += step) {
            VEC_UNROLL
            for (int b = 0; b < nb; b++)
                s[b] = sums_add(s[b], x + b * SUMS, n);
        }
        VEC_UNROLL
        for (int b = 0; b < nb; b++) {
            total[b][0] = SUMS_OP(add_epi32)(total[b][0], sums_half(s[b], 0));
            total[b][1] = SUMS_OP(add_epi32)(total[b][1], sums_half(s[b], 1));
        }
    }
}

VEC_INLINE void set_totals(int nb, int32_t start, SUMS_32 total[BLOCKS][2])
{
    VEC_UNROLL
    for (int b = 0; b < nb; b++)
        total[b][0] = total[b][1] = SUMS_OP(set1_epi32)(start);
}

/* The sums of `count` rows into `part`. */
VEC_INLINE void sum_blocks(int nb, int n, const struct cut *c, int64_t count, const uint8_t *x,
                           SUMS_32 (*part)[2])
{
    SUMS_32 total[BLOCKS][2];
    set_totals(nb, 0, total);
    add_rows(nb, n, count, c->r.inner, x, total);
    memcpy(part, total, (size_t)nb * sizeof *total);
}

/* Means of all rows, or, if that is not NULL, of the sums of all parts, c->blocks apart. */
VEC_INLINE void mean_blocks(int nb, int n, const struct cut *c, const struct infer__mean_u8 *p,
                            const uint8_t *x, const SUMS_32 (*part)[2], uint8_t *y)
{
    SUMS_32 total[BLOCKS][2];
    const float m = infer__mean_u8_factor(p, (float)c->r.count);
    set_totals(nb, (int)(-p->x_zero * c->r.count), total);
    if (!part)
        add_rows(nb, n, c->r.count, c->r.inner, x, total);
    for (int64_t k = 0; part && k < c->parts; k++, part += c->blocks) {
        VEC_UNROLL
        for (int b = 0; b < nb; b++) {
            total[b][0] = SUMS_OP(add_epi32)(total[b][0], part[b][0]);
            total[b][1] = SUMS_OP(add_epi32)(total[b][1], part[b][1]);
        }
    }
    VEC_UNROLL
    for (int b = 0; b < nb; b++)
        sums_store(y + b * SUMS, sums_mean(total[b][0], m, p->zero),
                   sums_mean(total[b][1], m, p->zero), n);
}

/* Neighbours. */
static uint8_t row(const struct infer__mean_u8 *p, const struct infer__reduce_u8 *r,
                   const uint8_t *x)
{
    int64_t i = 0, sum = -p->x_zero * r->count;
    SUMS_32 all = sums_zero();
    for (; i + 4 * VEC <= r->count; i += 4 * VEC) {
        SUMS_32 a;
        memcpy(&a, x + i, sizeof a);
        all = SUMS_OP(add_epi64)(all, SUMS_OP(sad_epu8)(a, sums_zero()));
    }
    int64_t part[VEC / 2];
    memcpy(part, &all, sizeof part);
    for (int k = 0; k < VEC / 2; k++)
        sum += part[k];
    for (; i < r->count; i++)
        sum += x[i];
    return infer__mean_u8_one(p, sum, infer__mean_u8_factor(p, (float)r->count));
}

/* Parts [begin, end) of all outer indices. */
static void sum_parts(const struct cut *c, int64_t begin, int64_t end, const uint8_t *x,
                      SUMS_32 (*shared)[2])
{
    for (int64_t i = begin; i < end; i++) {
        const uint32_t parts = (uint32_t)c->parts, at = (uint32_t)(i % c->parts);
        const int64_t first = infer__unit_begin(c->r.count, parts, at);
        const int64_t count = infer__unit_begin(c->r.count, parts, at + 1) - first;
        const uint8_t *from = x + (i / c->parts * c->r.count + first) * c->r.inner;
        SUMS_32(*to)[2] = shared + i * c->blocks;
        int64_t b = 0;
        for (; (b + BLOCKS) * SUMS <= c->r.inner; b += BLOCKS)
            sum_blocks(BLOCKS, SUMS, c, count, from + b * SUMS, to + b);
        for (; b < c->blocks; b++) {
            const int64_t rest = c->r.inner - b * SUMS;
            if (rest >= SUMS)
                sum_blocks(1, SUMS, c, count, from + b * SUMS, to + b);
            else
                sum_blocks(1, (int)rest, c, count, from + b * SUMS, to + b);
        }
    }
}

/* Means of blocks [begin, end) of all outer indices. */
static void mean_items(const struct cut *c, const struct infer__mean_u8 *p, int64_t begin,
                       int64_t end, const uint8_t *x, const SUMS_32 (*shared)[2], uint8_t *y)
{
    const struct infer__reduce_u8 *r = &c->r;
    for (int64_t i = begin; i < end;) {
        const int64_t outer = i / c->blocks, block = i % c->blocks, at = block * SUMS;
        const uint8_t *from = x + outer * r->count * r->inner + at;
        const SUMS_32(*part)[2] = shared ? shared + outer * c->parts * c->blocks + block : NULL;
        uint8_t *to = y + outer * r->inner + at;
        if (r->inner == 1) {
            *to = row(p, r, from);
            i++;
        } else if (i + BLOCKS <= end && at + BLOCKS * SUMS <= r->inner) {
            mean_blocks(BLOCKS, SUMS, c, p, from, part, to);
            i += BLOCKS;
        } else {
            if (r->inner - at >= SUMS)
                mean_blocks(1, SUMS, c, p, from, part, to);
            else
                mean_blocks(1, (int)(r->inner - at), c, p, from, part, to);
            i++;
        }
    }
}

static void mean_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    const struct infer__mean_u8 p = infer__mean_u8_of(t);
    const struct cut *c = b->cut;
    const int64_t parts = c->r.outer * c->parts, items = c->r.outer * c->blocks;
    const uint32_t rest = c->units - c->barrier;
    if (begin < c->barrier)
        sum_parts(c, infer__unit_begin(parts, c->barrier, begin),
                  infer__unit_begin(parts, c->barrier, end < c->barrier ? end : c->barrier),
                  b->in[0], b->shared);
    if (end > c->barrier)
        mean_items(c, &p,
                   infer__unit_begin(items, rest, begin > c->barrier ? begin - c->barrier : 0),
                   infer__unit_begin(items, rest, end - c->barrier), b->in[0],
                   c->barrier ? b->shared : NULL, b->out[0]);
}

/* Sums of up to 2^22 bytes stay in s32. */
INFER__APART static double mean_estimate(const struct infer__task *t)
{
    struct infer__reduce_u8 r;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__reduce_u8_of(t, &r) || r.count > 1 << 22 ||
        (r.inner > 1 && r.inner < 8))
        return -1;
    double blocks = (double)ceil_div(r.inner, SUMS);
    if (r.inner == 1)
        return 60 + (double)r.outer * (8 + (double)r.count * 0.03);
    return 60 + (double)r.outer * blocks * ((double)r.count * SUMS * 0.02 + 10);
}

const struct infer__kernel LEVEL_NAME(infer__mean_u8) = {.name = LEVEL_STRING("mean_u8"),
                                                         .isa = LEVEL_ISA,
                                                         .cut_bytes = sizeof(struct cut),
                                                         .estimate = mean_estimate,
                                                         .prepare = mean_prepare,
                                                         .run = mean_run};
