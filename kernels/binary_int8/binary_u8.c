/* levels: avx2 avx512 exact */
/* Add, Sub and Mul of quantised tensors. In place, as long as an
 * operand that shares the output's memory has the output's shape. Operands are walked as planes,
 * as in binary_f32.c. */
#include "kernels/levels.h"

#define ADD_NS PER_LEVEL(0, 0.11, 0.095)
#define MUL_NS PER_LEVEL(0, 0.115, 0.095)

#include <math.h>
#include <string.h>

#include "kernels/binary_int8/binary_u8.h"
#include "kernels/conv/vec_f32.h"
#include "kernels/quant.h"
#include "kernels/vec_blocks.h"

#define BYTES (4 * VEC) /* of a step */

#if VEC_LEVEL == 512
#define V(name) _mm512_##name
typedef __m512i vec_bytes;
VEC_INLINE vec_bytes bytes_load(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}
VEC_INLINE void bytes_store(uint8_t *p, vec_bytes x)
{
    _mm512_storeu_si512((void *)p, x);
}
VEC_INLINE vec some_load(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p)));
}
/* Puts bytes that were packed lane by lane in order. */
VEC_INLINE vec_bytes in_order(vec_bytes x)
{
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}
#else
#define V(name) _mm256_##name
typedef __m256i vec_bytes;
VEC_INLINE vec_bytes bytes_load(const uint8_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}
VEC_INLINE void bytes_store(uint8_t *p, vec_bytes x)
{
    _mm256_storeu_si256((void *)p, x);
}
VEC_INLINE vec some_load(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p)));
}
VEC_INLINE vec_bytes in_order(vec_bytes x)
{
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
#endif

/* The constants as vectors. */
struct constants {
    vec a_ratio, b_ratio, fixed, m;
    vec_bytes a_zero, b_zero, zero, low, high;
};

static struct constants constants_of(const struct infer__binary_u8 *p)
{
    return (struct constants){vec_set(p->a_ratio),
                              vec_set(p->b_ratio),
                              vec_set(p->fixed),
                              vec_set(p->m),
                              V(set1_epi16)((short)p->a_zero),
                              V(set1_epi16)((short)p->b_zero),
                              V(set1_epi16)((short)p->zero),
                              V(set1_epi8)((char)p->lo),
                              V(set1_epi8)((char)p->hi)};
}

/* Rounded to s32. A NaN, and what is too small, becomes the lowest s32 and in the end lo; what is
 * too large is kept away by the bound or, where there is none, by the constants' size (is_tame). */
VEC_INLINE vec_bytes rounded(int bounded, vec y)
{
    return V(cvtps_epi32)(bounded ? V(min_ps)(vec_set(1024), y) : y);
}

VEC_INLINE vec_bytes clamped(const struct constants *k, vec_bytes y)
{
    return V(min_epu8)(V(max_epu8)(y, k->low), k->high);
}

/* One step of Add; `sa`, `sb`: 1 where the operand moves along the row, else va or vb is its
 * number. */
VEC_INLINE vec_bytes add_step(int bounded, int sa, int sb, const struct constants *k,
                              const uint8_t *a, const uint8_t *b, vec va, vec vb)
{
    vec_bytes q[4];
    VEC_UNROLL
    for (int i = 0; i < 4; i++) {
        vec x = sa ? some_load(a + i * VEC) : va, y = sb ? some_load(b + i * VEC) : vb;
        q[i] = rounded(bounded, vec_fma(x, k->a_ratio, vec_fma(y, k->b_ratio, k->fixed)));
    }
    vec_bytes both = V(packus_epi16)(V(packs_epi32)(q[0], q[1]), V(packs_epi32)(q[2], q[3]));
    return clamped(k, in_order(both));
}

/* Products of two vectors of s16, rounded and packed again. */
VEC_INLINE vec_bytes products(const struct constants *k, vec_bytes a, vec_bytes b)
{
    vec_bytes low = V(mullo_epi16)(a, b), high = V(mulhi_epi16)(a, b);
    vec x = V(cvtepi32_ps)(V(unpacklo_epi16)(low, high));
    vec y = V(cvtepi32_ps)(V(unpackhi_epi16)(low, high));
    low = V(packs_epi32)(rounded(0, vec_mul(x, k->m)), rounded(0, vec_mul(y, k->m)));
    return V(adds_epi16)(low, k->zero);
}

/* One step of Mul: va and vb have what stands still as s16 differences. */
VEC_INLINE vec_bytes mul_step(int sa, int sb, const struct constants *k, const uint8_t *a,
                              const uint8_t *b, vec_bytes va, vec_bytes vb)
{
    const vec_bytes none = V(set1_epi8)(0);
    vec_bytes low[2] = {va, vb}, high[2] = {va, vb};
    if (sa) {
        vec_bytes x = bytes_load(a);
        low[0] = V(sub_epi16)(V(unpacklo_epi8)(x, none), k->a_zero);
        high[0] = V(sub_epi16)(V(unpackhi_epi8)(x, none), k->a_zero);
    }
    if (sb) {
        vec_bytes x = bytes_load(b);
        low[1] = V(sub_epi16)(V(unpacklo_epi8)(x, none), k->b_zero);
        high[1] = V(sub_epi16)(V(unpackhi_epi8)(x, none), k->b_zero);
    }
    vec_bytes y = V(packus_epi16)(products(k, low[0], low[1]), products(k, high[0], high[1]));
    return clamped(k, y);
}

/* Add with tame constants and any; Mul. */
enum { ADD, ADD_BOUNDED, MUL };

/* An operand that stands still. */
struct still {
    vec real;
    vec_bytes difference;
};

VEC_INLINE struct still still_of(uint8_t x, int32_t zero)
{
    return (struct still){vec_set((float)x), V(set1_epi16)((short)(x - zero))};
}

VEC_INLINE vec_bytes step(int op, int sa, int sb, const struct constants *k, const uint8_t *a,
                          const uint8_t *b, const struct still *va, const struct still *vb)
{
    if (op == MUL)
        return mul_step(sa, sb, k, a, b, va->difference, vb->difference);
    return add_step(op == ADD_BOUNDED, sa, sb, k, a, b, va->real, vb->real);
}

/* The last `n` of a row, by way of whole vectors. */
static __attribute__((noinline)) void copy_some(uint8_t *to, const uint8_t *from, int64_t n)
{
#if VEC_LEVEL == 512
    const __mmask64 m = ((__mmask64)1 << n) - 1;
    _mm512_mask_storeu_epi8(to, m, _mm512_maskz_loadu_epi8(m, from));
#else
    for (; n >= 8; n -= 8, to += 8, from += 8)
        memcpy(to, from, 8);
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i];
#endif
}

struct plane {
    const uint8_t *x[2];
    uint8_t *y;
    int64_t by[2], rows, length;
};

VEC_INLINE void plane_body(int op, int sa, int sb, const struct infer__binary_u8 *c,
                           const struct plane *p)
{
    const struct constants k = constants_of(c);
    const uint8_t *a = p->x[0], *b = p->x[1];
    uint8_t *y = p->y;
    const int64_t tail = p->length % BYTES, whole = p->length - tail;
    for (int64_t r = 0; r < p->rows; r++, a += p->by[0], b += p->by[1], y += p->length) {
        const struct still va = still_of(*a, c->a_zero), vb = still_of(*b, c->b_zero);
        int64_t i = 0;
        for (; i < whole; i += BYTES)
            bytes_store(y + i, step(op, sa, sb, &k, a + (sa ? i : 0), b + (sb ? i : 0), &va, &vb));
        if (tail) {
            uint8_t some[3][BYTES] = {{0}};
            if (sa)
                copy_some(some[0], a + i, tail);
            if (sb)
                copy_some(some[1], b + i, tail);
            bytes_store(some[2], step(op, sa, sb, &k, some[0], some[1], &va, &vb));
            copy_some(y + i, some[2], tail);
        }
    }
}

enum { GATE = 4096 }; /* bytes of a repeated row at most */

/* Rows of which operand `gate` is the same one every time, and the other and the result are dense:
 * all are one long row with the gate repeated. */
VEC_INLINE void gate_body(int op, int gate, const struct infer__binary_u8 *c, const struct plane *p)
{
    const struct constants k = constants_of(c);
    const struct still none = still_of(0, 0);
    const int64_t total = p->rows * p->length, on = BYTES % p->length;
    const uint8_t *x = p->x[!gate];
    uint8_t again[GATE + BYTES], some[2][BYTES] = {{0}};
    for (int64_t i = 0; i < p->length + BYTES; i += p->length)
        memcpy(again + i, p->x[gate],
               (size_t)(p->length + BYTES - i < p->length ? p->length + BYTES - i : p->length));
    for (int64_t i = 0, at = 0; i < total; i += BYTES) {
        const uint8_t *from = x + i;
        uint8_t *to = p->y + i;
        if (total - i < BYTES) {
            copy_some(some[0], x + i, total - i);
            from = some[0];
            to = some[1];
        }
        const uint8_t *g = again + at;
        bytes_store(to, step(op, 1, 1, &k, gate ? from : g, gate ? g : from, &none, &none));
        if (total - i < BYTES)
            copy_some(p->y + i, some[1], total - i);
        at += BYTES <= p->length ? BYTES : on;
        at -= at >= p->length ? p->length : 0;
    }
}

/* Which operand is a gate: 0, 1, or -1. */
static int gate_of(const int moves[2], const struct plane *p)
{
    if (!moves[0] || !moves[1] || p->rows < 2 || p->length > GATE)
        return -1;
    if (p->by[0] == 0 && p->by[1] == p->length)
        return 0;
    return p->by[1] == 0 && p->by[0] == p->length ? 1 : -1;
}

static void plane_run(int mul, const int moves[2], const struct infer__binary_u8 *c,
                      const struct plane *p)
{
    const int gate = gate_of(moves, p);
    if (gate == 0 && mul)
        gate_body(MUL, 0, c, p);
    else if (gate == 0)
        gate_body(ADD, 0, c, p);
    else if (gate == 1 && mul)
        gate_body(MUL, 1, c, p);
    else if (gate == 1)
        gate_body(ADD, 1, c, p);
    else if (mul && moves[0] && moves[1])
        plane_body(MUL, 1, 1, c, p);
    else if (mul && moves[0])
        plane_body(MUL, 1, 0, c, p);
    else if (mul)
        plane_body(MUL, 0, 1, c, p);
    else if (moves[0] && moves[1])
        plane_body(ADD, 1, 1, c, p);
    else if (moves[0])
        plane_body(ADD, 1, 0, c, p);
    else
        plane_body(ADD, 0, 1, c, p);
}

void LEVEL_NAME(infer__add_u8_row)(const struct infer__binary_u8 *p, const uint8_t *a,
                                   const uint8_t *b, uint8_t *y, int64_t count)
{
    const struct plane all = {{a, b}, y, {0, 0}, 1, count};
    plane_body(ADD_BOUNDED, 1, 1, p, &all);
}

/* Elements [i, last): a part of a row, planes, a part of a row. */
static void walk(const struct infer__task *t, const struct infer__buffers *b,
                 const struct infer__nd *w, int64_t i, int64_t last)
{
    const struct infer__binary_u8 c = infer__binary_u8_of(t);
    struct infer__nd_at at;
    const int end = w->axes - 1;
    const int64_t length = w->dims[end], height = end > 0 ? w->dims[end - 1] : 1;
    const int moves[2] = {w->stride[0][end] != 0, w->stride[1][end] != 0};
    infer__nd_seek(w, i / length, &at);
    while (i < last) {
        const int64_t inside = i % length, row = i / length % height;
        struct plane p = {.y = (uint8_t *)b->out[0] + i, .rows = 1, .length = length - inside};
        for (int k = 0; k < 2; k++) {
            p.x[k] = (const uint8_t *)b->in[k] + at.offset[k] + inside * moves[k];
            p.by[k] = end > 0 ? w->stride[k][end - 1] : 0;
        }
        if (p.length > last - i)
            p.length = last - i;
        else if (inside == 0)
            p.rows = (last - i) / length < height - row ? (last - i) / length : height - row;
        plane_run(t->op == INFER__OP_MUL, moves, &c, &p);
        i += p.rows * p.length;
        if (p.rows == 1)
            infer__nd_next(w, &at);
        else
            infer__nd_seek(w, i / length, &at);
    }
}

static void binary_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct infer__nd w;
    int64_t i, last;
    vec_blocks_range(t, begin, end, &i, &last);
    if (i >= last)
        return;
    infer__nd_init(&w, &t->out[0]);
    infer__nd_broadcast(&w, &t->in[0]);
    infer__nd_broadcast(&w, &t->in[1]);
    infer__nd_merge(&w);
    walk(t, b, &w, i, last);
}

/* Whether no result can leave s32 before it is packed. */
static int is_tame(const struct infer__task *t)
{
    const struct infer__binary_u8 p = infer__binary_u8_of(t);
    if (t->op == INFER__OP_MUL)
        return p.m <= 0x1p14f;
    return p.a_ratio <= 0x1p20f && fabsf(p.b_ratio) <= 0x1p20f && fabsf(p.fixed) <= 0x1p29f;
}

INFER__APART static double binary_estimate(const struct infer__task *t)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__binary_u8_serves(t) || !is_tame(t))
        return -1;
    return 60 +
           (t->op == INFER__OP_MUL ? MUL_NS : ADD_NS) * (double)infer__operand_elements(&t->out[0]);
}

const struct infer__kernel LEVEL_NAME(infer__binary_u8) = {.name = LEVEL_STRING("binary_u8"),
                                                           .isa = LEVEL_ISA,
                                                           .in_place = INFER__IN_PLACE_FIRST |
                                                                       INFER__IN_PLACE_SECOND,
                                                           .estimate = binary_estimate,
                                                           .prepare = vec_blocks_prepare,
                                                           .run = binary_run};
