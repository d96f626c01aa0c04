/* levels: avx2 avx2vnni avx512 vnni exact */
/* Depthwise convolution of pictures in int8; see depthwise_u8.h. */
#include "kernels/levels.h"

/* BYTES of a weight: 1, products of bytes by VNNI; 2, of s16. WIDE: vectors of 64 bytes, else 32.
 */
#define BYTES (LEVEL_DOT ? 1 : 2)
#define WIDE (VEC_LEVEL == 512)
#if WIDE
#define ADD_ROW infer__add_u8_row_avx512
#else
#define ADD_ROW infer__add_u8_row_avx2
#endif

#include <immintrin.h>
#include <string.h>

#include "kernels/binary_int8/binary_u8.h"
#include "kernels/conv/vec_f32.h"
#include "kernels/depthwise_int8/depthwise_u8.h"

/* Products that could leave s32 are bounded first; those of bytes can't (depthwise_u8.c). */
#define ROUND(prefix, sum, factor)                                                                 \
    BYTES == 1 ? prefix##_cvtps_epi32(prefix##_mul_ps(prefix##_cvtepi32_ps(sum),                   \
                                                      prefix##_loadu_ps((const void *)(factor))))  \
               : prefix##_cvtps_epi32(                                                             \
                     prefix##_min_ps(prefix##_set1_ps(0x1p30f),                                    \
                                     prefix##_mul_ps(prefix##_cvtepi32_ps(sum),                    \
                                                     prefix##_loadu_ps((const void *)(factor)))))
#define OPERATIONS(width, vector, prefix, si)                                                      \
    VEC_INLINE vector load_##width(const uint8_t *p)                                               \
    {                                                                                              \
        return prefix##_loadu_##si((const void *)p);                                               \
    }                                                                                              \
    VEC_INLINE void store_##width(uint8_t *p, vector x)                                            \
    {                                                                                              \
        prefix##_storeu_##si((void *)p, x);                                                        \
    }                                                                                              \
    VEC_INLINE vector and_##width(vector a, vector b)                                              \
    {                                                                                              \
        return prefix##_and_##si(a, b);                                                            \
    }                                                                                              \
    VEC_INLINE vector round_##width(vector sum, const uint8_t *factor)                             \
    {                                                                                              \
        return ROUND(prefix, sum, factor);                                                         \
    }
#if WIDE
#define MASKED(width, vector, prefix, mask)                                                        \
    VEC_INLINE mask first_##width(int n)                                                           \
    {                                                                                              \
        return (mask)(((uint64_t)1 << (n - 1) << 1) - 1);                                          \
    }                                                                                              \
    VEC_INLINE vector load_n_##width(const uint8_t *p, int n)                                      \
    {                                                                                              \
        return n == width ? load_##width(p) : prefix##_maskz_loadu_epi8(first_##width(n), p);      \
    }                                                                                              \
    VEC_INLINE void store_n_##width(uint8_t *p, vector x, int n)                                   \
    {                                                                                              \
        if (n == width)                                                                            \
            store_##width(p, x);                                                                   \
        else                                                                                       \
            prefix##_mask_storeu_epi8(p, first_##width(n), x);                                     \
    }
#endif

OPERATIONS(16, __m128i, _mm, si128)
OPERATIONS(32, __m256i, _mm256, si256)
#if WIDE
OPERATIONS(64, __m512i, _mm512, si512)
MASKED(16, __m128i, _mm, __mmask16)
MASKED(32, __m256i, _mm256, __mmask32)
MASKED(64, __m512i, _mm512, __mmask64)
#else
/* Blocks of 32 are whole here. */
VEC_INLINE __m256i load_n_32(const uint8_t *p, int n)
{
    (void)n;
    return load_32(p);
}
VEC_INLINE void store_n_32(uint8_t *p, __m256i x, int n)
{
    (void)n;
    store_32(p, x);
}
/* Fewer than 16 but 8: two words of 8 that overlap where there are as many. */
static __attribute__((noinline)) __m128i load_some(const uint8_t *p, int n)
{
    uint64_t low = 0, high = 0;
    if (n > 8) {
        memcpy(&low, p, 8);
        memcpy(&high, p + n - 8, 8);
        high >>= 8 * (16 - n);
    } else {
        for (int i = n; i-- > 0;)
            low = low << 8 | p[i];
    }
    return _mm_set_epi64x((int64_t)high, (int64_t)low);
}
static __attribute__((noinline)) void store_some(uint8_t *p, __m128i x, int n)
{
    uint64_t low = (uint64_t)_mm_cvtsi128_si64(x);
    if (n > 8) {
        uint64_t high = (uint64_t)_mm_extract_epi64(x, 1);
        memcpy(p, &low, 8);
        high = high << 8 * (16 - n) | low >> 8 * (n - 8);
        memcpy(p + n - 8, &high, 8);
    } else {
        for (int i = 0; i < n; i++)
            p[i] = (uint8_t)(low >> 8 * i);
    }
}
VEC_INLINE __m128i load_n_16(const uint8_t *p, int n)
{
    return n == 16 ? load_16(p) : n == 8 ? _mm_loadl_epi64((const void *)p) : load_some(p, n);
}
VEC_INLINE void store_n_16(uint8_t *p, __m128i x, int n)
{
    if (n == 16)
        store_16(p, x);
    else if (n == 8)
        _mm_storel_epi64((void *)p, x);
    else
        store_some(p, x, n);
}
#endif

/* Loops of more than 16 rounds over registers. */
#if defined(__clang__)
#define DW8_UNROLL _Pragma("unroll")
#define DW8_ROLLED _Pragma("nounroll")
#else
#define DW8_UNROLL _Pragma("GCC unroll 32")
#define DW8_ROLLED _Pragma("GCC unroll 1")
#endif
/* Loads are not moved ahead of this: there are not enough registers for that. */
#define DW8_IN_ORDER __asm__ volatile("" ::: "memory")

#if WIDE
#define DW8_TILE 7  /* output columns of a tile of one row */
#define DW8_TILE2 4 /* and of two */
#define WIDTH 64
#define V __m512i
#define P(name) _mm512_##name
#define F(name) name##_64
#define SPECIAL (BYTES == 1 ? 2 : 1)
#include "kernels/depthwise_int8/depthwise_tile_u8.h"
#else
#define DW8_TILE 3
#define DW8_TILE2 2
#endif
#define WIDTH 32
#define V __m256i
#define P(name) _mm256_##name
#define F(name) name##_32
#define SPECIAL (BYTES == 1 ? 2 : 1)
#include "kernels/depthwise_int8/depthwise_tile_u8.h"
#define WIDTH 16
#define V __m128i
#define P(name) _mm_##name
#define F(name) name##_16
#define SPECIAL (BYTES == 1 ? 2 : 1)
#include "kernels/depthwise_int8/depthwise_tile_u8.h"

/* What the estimate needs was measured. */
static const struct infer__dw8_level dw8_level = {LEVEL_ISA,
                                                  WIDE ? 64 : 32,
                                                  BYTES,
#if LEVEL_DOT
                                                  PER_LEVEL(0, 2.5, 3.66),
                                                  PER_LEVEL(0, 1.5, 2.5),
                                                  3
#else
                                                  PER_LEVEL(0, 1.55, 1.0),
                                                  PER_LEVEL(0, 1.5, 2),
                                                  PER_LEVEL(0, 3, 4)
#endif
};

/* ---- strips --------------------------------------------------------------------------------- */

struct work {
    const struct infer__dw8 *d;
    const struct infer__dw8_packed *packed;
    const uint8_t *x, *residual;
    uint8_t *y, *scratch;
    struct infer__binary_u8 add; /* the residual's constants */
};

/* First row of strip i of a picture. */
static int64_t strip_row(const struct infer__dw8 *d, int64_t i)
{
    return d->rows == 2 ? i / d->apart * 2 * d->apart + i % d->apart : i;
}

/* The input rows of output row `row` on, of picture n. */
static void point_rows(const struct work *k, struct infer__dw8_strip *p, int64_t n, int64_t row)
{
    const struct infer__dw8 *d = k->d;
    const struct infer__window *w = &d->s.w;
    for (int i = 0; i < 4 * d->quads; i++) {
        int64_t at = row * w->stride[1] - w->pad_begin[1] + i * w->dilation[1];
        int inside = at >= 0 && at < d->s.x.h && i < d->kernel_h + p->rows - 1;
        p->x[i] = inside ? k->x + (n * d->s.x.h + at) * d->s.x.w * d->s.x.c : k->packed->line;
        p->step[i] = inside ? d->s.x.c : 0;
    }
}

static void block(const struct infer__dw8_strip *p, int64_t c, int width, int n)
{
#if WIDE
    if (width == 64) {
        block_64(p, c, n);
        return;
    }
#endif
    if (width == 32)
        block_32(p, c, n);
    else
        block_16(p, c, n);
}

/* Channels [first, last) of a chunk of `count` columns from `column` on; rows of output at y. */
static void chunk(const struct work *k, struct infer__dw8_strip *p, int64_t column, int64_t first,
                  int64_t last, uint8_t *const y[2], const uint8_t *const residual[2])
{
    const struct infer__dw8 *d = k->d;
    p->in = column * d->s.w.stride[2] - d->s.w.pad_begin[2];
    for (int64_t c = first, width; c < last; c += width) {
        width = infer__dw8_width(d->level, last - c);
        const int n = (int)(last - c < width ? last - c : width);
        uint8_t *buffer = k->scratch + d->columns * d->quads * 4 * d->level->bytes * width;
        p->y_step = k->residual ? width : d->s.y.c;
        for (int r = 0; r < p->rows; r++) /* rows is 1 or 2, and all are set */
            /* NOLINTNEXTLINE(clang-analyzer-core.*): as said */
            p->y[r] = k->residual ? buffer + r * d->chunk * width : y[r] + column * d->s.y.c + c;
        block(p, c, (int)width, n);
        if (!k->residual)
            continue;
        for (int r = 0; r < p->rows; r++)
            for (int64_t i = 0; i < p->count; i++) {
                const int64_t at = (column + i) * d->s.y.c + c;
                uint8_t *a = p->y[r] + i * width;
                if (d->s.rq->table)
                    d->table_row(d->s.rq->table, a, a, n);
                /* NOLINTNEXTLINE(clang-analyzer-core.*): rows is 1 or 2, and all are set */
                const uint8_t *more = residual[r] + at;
                const int inner = d->s.rq->residual_inner;
                ADD_ROW(&k->add, inner ? a : more, inner ? more : a, y[r] + at, n);
            }
    }
}

/* The table on what is in the output now. */
static void through_table(const struct work *k, uint8_t *y, int64_t first, int64_t last)
{
    const struct infer__dw8 *d = k->d;
    const int64_t c = d->s.y.c;
    if (last - first == c) {
        d->table_row(d->s.rq->table, y, y, d->s.y.w * c);
        return;
    }
    for (int64_t i = 0; i < d->s.y.w; i++)
        d->table_row(d->s.rq->table, y + i * c + first, y + i * c + first, last - first);
}

static void one_item(const struct work *k, int64_t item)
{
    const struct infer__dw8 *d = k->d;
    const int64_t strip = item / d->groups, each = d->strips / d->s.y.n, n = strip / each;
    const int64_t first = item % d->groups * d->group, row = strip_row(d, strip % each);
    const int64_t last = first + d->group < d->s.y.c ? first + d->group : d->s.y.c;
    struct infer__dw8_strip p = {.d = d,
                                 .rows = d->rows == 2 && row + d->apart < d->s.y.h ? 2 : 1,
                                 .packed = (const uint8_t *)(k->packed + 1),
                                 .twice =
                                     d->twice > 0 ? (const uint8_t *)k->packed + d->at_twice : NULL,
                                 .scratch = k->scratch};
    uint8_t *y[2] = {NULL, NULL};
    const uint8_t *residual[2] = {NULL, NULL};
    point_rows(k, &p, n, row);
    for (int r = 0; r < p.rows; r++) {
        const int64_t at = (n * d->s.y.h + row + r * d->apart) * d->s.y.w * d->s.y.c;
        y[r] = k->y + at;
        residual[r] = k->residual ? k->residual + at : NULL;
    }
    for (int64_t column = 0; column < d->s.y.w; column += d->chunk) {
        p.count = d->s.y.w - column < d->chunk ? d->s.y.w - column : d->chunk;
        chunk(k, &p, column, first, last, y, residual);
    }
    for (int r = 0; r < p.rows && d->s.rq->table && !k->residual; r++)
        through_table(k, y[r], first, last); /* NOLINT(clang-analyzer-core.*): as above */
}

static void depthwise_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct infer__dw8 *d = b->cut;
    (void)t;
    const struct infer__dw8_packed *packed = b->packed;
    const struct infer__requant *rq = d->s.rq;
    struct work k = {.d = d,
                     .packed = packed,
                     .x = b->in[0],
                     .residual = d->s.residual ? b->in[d->s.residual] : NULL,
                     .y = b->out[0],
                     .scratch = b->scratch,
                     .add = {.a_ratio = rq->residual_inner ? rq->ratio : rq->residual_ratio,
                             .b_ratio = rq->residual_inner ? rq->residual_ratio : rq->ratio,
                             .fixed = rq->fixed,
                             .lo = rq->add_lo,
                             .hi = rq->add_hi}};
    const int64_t items = d->strips * d->groups, last = infer__unit_begin(items, d->units, end);
    for (int64_t i = infer__unit_begin(items, d->units, begin); i < last; i++)
        one_item(&k, i);
}

static infer_status depthwise_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__dw8 *d = need->cut;
    (void)err;
    infer__dw8_of(t, &dw8_level, d);
    return infer__dw8_prepare(t, d, need);
}

static void depthwise_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__dw8 *d = cut;
    infer__dw8_pack(t, d, packed);
}

INFER__APART static double depthwise_estimate(const struct infer__task *t)
{
    struct infer__dw8 d;
    if (!infer__dw8_of(t, &dw8_level, &d) || (BYTES == 1 && !infer__dw8_fits_bytes(t, &d)))
        return -1;
    return infer__dw8_ns(&d);
}

const struct infer__kernel LEVEL_NAME(infer__conv_depthwise_u8) = {
    .name = LEVEL_STRING("conv_depthwise_u8"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__dw8),
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
