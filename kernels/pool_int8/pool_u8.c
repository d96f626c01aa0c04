/* levels: avx2 avx512 exact */
/* MaxPool without indices and AveragePool of u8. Units are ranges of
 * output rows. Maxima of large windows that overlap are taken in two steps: along W for every input
 * row, kept in scratch, then along H. */
#include "kernels/levels.h"

#include "kernels/linear/linear.h"
#include "kernels/pool_int8/pool_u8.h"
#include "kernels/pool_int8/sums_u8.h"
#include "kernels/quant.h"

/* Taps of one output pixel: count[a] of them on each axis, step[a] bytes apart, from x on. */
struct taps {
    const uint8_t *x;
    int64_t count[3], step[3];
};

/* ---- maximum -------------------------------------------------------------------------------- */

#define WIDE (4 * VEC) /* bytes of a vector */

#if VEC_LEVEL == 512
VEC_INLINE sums bytes_load(const uint8_t *p, int n)
{
    return n == WIDE ? _mm512_loadu_si512((const void *)p)
                     : _mm512_maskz_loadu_epi8(((__mmask64)1 << n) - 1, p);
}
VEC_INLINE void bytes_store(uint8_t *p, sums x, int n)
{
    if (n == WIDE)
        _mm512_storeu_si512((void *)p, x);
    else
        _mm512_mask_storeu_epi8(p, ((__mmask64)1 << n) - 1, x);
}
#else
VEC_INLINE sums bytes_load(const uint8_t *p, int n)
{
    uint8_t some[WIDE] = {0};
    if (n == WIDE)
        return _mm256_loadu_si256((const void *)p);
    for (int i = 0; i < n; i++)
        some[i] = p[i];
    return _mm256_loadu_si256((const void *)some);
}
VEC_INLINE void bytes_store(uint8_t *p, sums x, int n)
{
    uint8_t some[WIDE];
    if (n == WIDE) {
        _mm256_storeu_si256((void *)p, x);
        return;
    }
    _mm256_storeu_si256((void *)some, x);
    for (int i = 0; i < n; i++)
        p[i] = some[i];
}
#endif

/* `nv` vectors (a constant), or `n` bytes of the only one. */
VEC_INLINE void max_vectors(int nv, int n, const struct taps *p, int64_t c, uint8_t *y)
{
    sums best[4];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        best[v] = sums_zero();
    for (int64_t d = 0; d < p->count[0]; d++)
        for (int64_t h = 0; h < p->count[1]; h++) {
            const uint8_t *x = p->x + d * p->step[0] + h * p->step[1] + c;
            for (int64_t w = 0; w < p->count[2]; w++, x += p->step[2]) {
                VEC_UNROLL
                for (int v = 0; v < nv; v++)
                    best[v] = SUMS_OP(max_epu8)(best[v], bytes_load(x + v * WIDE, n));
            }
        }
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        bytes_store(y + c + v * WIDE, best[v], n);
}

static void max_pixel(const struct taps *p, int64_t channels, uint8_t *y)
{
    int64_t c = 0;
    for (; c + 4 * WIDE <= channels; c += 4 * WIDE)
        max_vectors(4, WIDE, p, c, y);
    for (; c + WIDE <= channels; c += WIDE)
        max_vectors(1, WIDE, p, c, y);
    if (c < channels)
        max_vectors(1, (int)(channels - c), p, c, y);
}

/* y[i] = max(x[i], y[i]) */
static void max_into(const uint8_t *x, int64_t count, uint8_t *y)
{
    int64_t i = 0;
    for (; i + WIDE <= count; i += WIDE)
        bytes_store(y + i, SUMS_OP(max_epu8)(bytes_load(x + i, WIDE), bytes_load(y + i, WIDE)),
                    WIDE);
    for (; i < count; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

/* ---- average -------------------------------------------------------------------------------- */

/* `nv` blocks (a constant), or `n` channels of the only one. */
VEC_INLINE void average_blocks(int nv, int n, const struct taps *p, const struct infer__mean_u8 *q,
                               float m, uint8_t *y, int64_t c)
{
    sums s[4];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        s[v] = sums_zero();
    for (int64_t d = 0; d < p->count[0]; d++)
        for (int64_t h = 0; h < p->count[1]; h++) {
            const uint8_t *x = p->x + d * p->step[0] + h * p->step[1] + c;
            for (int64_t w = 0; w < p->count[2]; w++, x += p->step[2]) {
                VEC_UNROLL
                for (int v = 0; v < nv; v++)
                    s[v] = sums_add(s[v], x + v * SUMS, n);
            }
        }
    const SUMS_32 off =
        SUMS_OP(set1_epi32)((int)(p->count[0] * p->count[1] * p->count[2]) * q->x_zero);
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sums_store(y + c + v * SUMS,
                   sums_mean(SUMS_OP(sub_epi32)(sums_half(s[v], 0), off), m, q->zero),
                   sums_mean(SUMS_OP(sub_epi32)(sums_half(s[v], 1), off), m, q->zero), n);
}

static void average_pixel(const struct taps *p, const struct infer__mean_u8 *q, int64_t channels,
                          float m, uint8_t *y)
{
    int64_t c = 0;
    for (; c + 4 * SUMS <= channels; c += 4 * SUMS)
        average_blocks(4, SUMS, p, q, m, y, c);
    for (; c + SUMS <= channels; c += SUMS)
        average_blocks(1, SUMS, p, q, m, y, c);
    if (c < channels)
        average_blocks(1, (int)(channels - c), p, q, m, y, c);
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct work {
    const struct infer__window *w;
    struct infer__spatial x, y;
    const struct infer__mean_u8 *mean; /* NULL: maximum */
    const uint8_t *in;
    uint8_t *out;
    uint8_t *rows; /* scratch: kernel[1] rows of maxima along W, row h at h % kernel[1]; or NULL */
    int64_t have;  /* rows up to this one (excluded) of image `image` are there */
    int64_t image;
};

/* All pixels of a row; p has the taps of D and H, for the input's column 0. `counts`: taps of D and
 * H that an average divides by. */
static void pool_row(const struct work *k, struct taps p, double counts, uint8_t *y)
{
    const struct infer__window *w = k->w;
    const uint8_t *x = p.x;
    for (int64_t ow = 0; ow < k->y.w; ow++, y += k->x.c) {
        int64_t begin = ow * w->stride[2] - w->pad_begin[2], range[2];
        infer__tap_range(begin, w->dilation[2], w->kernel[2], k->x.w, range);
        p.count[2] = range[1] - range[0];
        p.step[2] = p.count[2] > 1 ? w->dilation[2] * k->x.c : 0; /* a lone tap's may overflow */
        /* an empty window may lie anywhere */
        p.x = p.count[2] ? x + (begin + range[0] * w->dilation[2]) * k->x.c : x;
        if (!k->mean) {
            max_pixel(&p, k->x.c, y);
            continue;
        }
        double n = counts * (double)infer__pool_counted(w, 2, begin, p.count[2], k->x.w);
        average_pixel(&p, k->mean, k->x.c, infer__mean_u8_factor(k->mean, n < 1 ? 1 : (float)n), y);
    }
}

static void direct_row(const struct work *k, int64_t row)
{
    const struct infer__window *w = k->w;
    int64_t n = row / k->y.h / k->y.d, d[2], h[2];
    int64_t begin[2] = {row / k->y.h % k->y.d * w->stride[0] - w->pad_begin[0],
                        row % k->y.h * w->stride[1] - w->pad_begin[1]};
    infer__tap_range(begin[0], w->dilation[0], w->kernel[0], k->x.d, d);
    infer__tap_range(begin[1], w->dilation[1], w->kernel[1], k->x.h, h);
    struct taps p = {.x = k->in, .count = {d[1] - d[0], h[1] - h[0], 0}};
    int64_t line = k->x.w * k->x.c;
    if (p.count[0] && p.count[1])
        p.x += ((n * k->x.d + begin[0] + d[0] * w->dilation[0]) * k->x.h + begin[1] +
                h[0] * w->dilation[1]) *
               line;
    p.step[0] = p.count[0] > 1 ? w->dilation[0] * k->x.h * line : 0;
    p.step[1] = p.count[1] > 1 ? w->dilation[1] * line : 0;
    double counts = (double)infer__pool_counted(w, 0, begin[0], p.count[0], k->x.d) *
                    (double)infer__pool_counted(w, 1, begin[1], p.count[1], k->x.h);
    pool_row(k, p, counts, k->out + row * k->y.w * k->y.c);
}

/* The row of maxima over rows of maxima. */
static void stacked_row(struct work *k, int64_t row)
{
    const struct infer__window *w = k->w;
    int64_t n = row / k->y.h, h[2], begin = row % k->y.h * w->stride[1] - w->pad_begin[1];
    int64_t line = k->y.w * k->y.c;
    infer__tap_range(begin, 1, w->kernel[1], k->x.h, h);
    int64_t first = begin + h[0], last = begin + h[1];
    uint8_t *y = k->out + row * line;
    if (h[0] == h[1]) {
        memset(y, 0, (size_t)line);
        return;
    }
    if (k->image != n || k->have < first) {
        k->image = n;
        k->have = first;
    }
    for (; k->have < last; k->have++) {
        struct taps one = {.x = k->in + (n * k->x.h + k->have) * k->x.w * k->x.c,
                           .count = {1, 1, 0}};
        pool_row(k, one, 1, k->rows + k->have % w->kernel[1] * line);
    }
    memcpy(y, k->rows + first % w->kernel[1] * line, (size_t)line);
    for (int64_t i = first + 1; i < last; i++)
        max_into(k->rows + i % w->kernel[1] * line, line, y);
}

/* Whether two steps pay: tall windows that overlap, rows of maxima that fit in a cache. */
static int is_stacked(const struct infer__task *t)
{
    const struct infer__window *w = &t->p.window;
    const struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    return t->op == INFER__OP_MAX_POOL && w->kernel[0] == 1 && w->dilation[1] == 1 &&
           w->stride[0] == 1 && !w->pad_begin[0] && w->kernel[1] >= 5 && w->kernel[1] <= 64 &&
           w->stride[1] * 2 < w->kernel[1] && y.w * y.c <= 1 << 16 && y.w * y.c > 0;
}

static int64_t rows_of(const struct infer__task *t)
{
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    return y.n * y.d * y.h;
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__units(rows_of(t), is_stacked(t) ? 4 : 1, t->threads > 1 ? 4 * t->threads : 1);
}

static infer_status pool_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    (void)err;
    need->units = units_of(t);
    if (is_stacked(t))
        need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(t->p.window.kernel[1], y.w, y.c), 1);
    return INFER_OK;
}

static void pool_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    struct infer__mean_u8 mean;
    struct work k = {.w = &t->p.window,
                     .x = infer__operand_spatial(&t->in[0]),
                     .y = infer__operand_spatial(&t->out[0]),
                     .in = b->in[0],
                     .out = b->out[0],
                     .rows = b->scratch,
                     .image = -1};
    if (t->op == INFER__OP_AVERAGE_POOL) {
        mean = infer__mean_u8_of(t);
        k.mean = &mean;
    }
    const int64_t last = infer__unit_begin(rows_of(t), units_of(t), end);
    for (int64_t i = infer__unit_begin(rows_of(t), units_of(t), begin); i < last; i++) {
        if (is_stacked(t))
            stacked_row(&k, i);
        else
            direct_row(&k, i);
    }
}

INFER__APART static double max_estimate(const struct infer__task *t)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) ||
        !infer__pooling_serves(t, INFER__OP_MAX_POOL, INFER_U8) ||
        (t->nout > 1 && t->out[1].type != INFER_TYPE_NONE) ||
        !infer__may_move(&t->in[0], &t->out[0]) || t->epi.requant)
        return -1;
    double reads = infer__pooling_reads(t), pixels = (double)infer__pooling_pixels(t);
    if (is_stacked(t))
        reads *= 2.0 / (double)t->p.window.kernel[1];
    return 200 + reads * (VEC_LEVEL == 512 ? 0.012 : 0.016) + pixels * 8;
}

INFER__APART static double average_estimate(const struct infer__task *t)
{
    const struct infer__window *w = &t->p.window;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__average_pool_u8_serves(t) ||
        w->kernel[0] > SUMS_MOST || w->kernel[1] > SUMS_MOST || w->kernel[2] > SUMS_MOST ||
        w->kernel[0] * w->kernel[1] * w->kernel[2] > SUMS_MOST)
        return -1;
    double pixels = (double)infer__pooling_pixels(t);
    double all = infer__pooling_reads(t) * 0.02 + (double)infer__operand_elements(&t->out[0]) * 0.1;
    return 200 + all * (VEC_LEVEL == 512 ? 0.5 : 1) + pixels * 12;
}

const struct infer__kernel LEVEL_NAME(infer__max_pool_u8) = {.name = LEVEL_STRING("max_pool_u8"),
                                                             .isa = LEVEL_ISA,
                                                             .estimate = max_estimate,
                                                             .prepare = pool_prepare,
                                                             .run = pool_run};

const struct infer__kernel LEVEL_NAME(infer__average_pool_u8) = {
    .name = LEVEL_STRING("average_pool_u8"),
    .isa = LEVEL_ISA,
    .estimate = average_estimate,
    .prepare = pool_prepare,
    .run = pool_run};
