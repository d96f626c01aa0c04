/* levels: avx2 avx512 */
/* QuantizeLinear of f32 to u8 or s8 and back with one scale, and DynamicQuantizeLinear, for a
 * VEC_LEVEL of 256 or 512. Bytes and bits are those of quantize_c.c and dynamic_c.c.
 *
 * Quantising divides by multiplying with 1 / scale, which is wrong by two units in the last place
 * at most; that shows in the rounded number only where the quotient is about half way between two,
 * and there, as for NaN, the division is done. */
#include "kernels/levels.h"

#include <math.h>
#include <string.h>

#include "kernels/quantize/dynamic.h"
#include "kernels/vec_blocks.h"
#include "kernels/vec_math.h"

enum { STEP = 4 * VEC }; /* elements */

#if VEC_LEVEL == 512
#define V(name) _mm512_##name
typedef __m512i vec_bytes;
VEC_INLINE void bytes_store(uint8_t *p, vec_bytes x)
{
    _mm512_storeu_si512((void *)p, x);
}
VEC_INLINE vec_bytes in_order(vec_bytes x)
{
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}
VEC_INLINE vec_flags is_close(vec x, vec to)
{
    return _mm512_cmp_ps_mask(_mm512_abs_ps(x), to, _CMP_NLT_UQ);
}
VEC_INLINE int any(vec_flags a, vec_flags b)
{
    return (a | b) != 0;
}
VEC_INLINE vec round_even(vec x)
{
    return _mm512_roundscale_ps(x, 0);
}
VEC_INLINE vec_bytes unsigned_load(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)p));
}
VEC_INLINE vec_bytes signed_load(const uint8_t *p)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
}
#else
#define V(name) _mm256_##name
typedef __m256i vec_bytes;
VEC_INLINE void bytes_store(uint8_t *p, vec_bytes x)
{
    _mm256_storeu_si256((void *)p, x);
}
VEC_INLINE vec_bytes in_order(vec_bytes x)
{
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
VEC_INLINE vec_flags is_close(vec x, vec to)
{
    return _mm256_cmp_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), to, _CMP_NLT_UQ);
}
VEC_INLINE int any(vec_flags a, vec_flags b)
{
    return _mm256_movemask_ps(_mm256_or_ps(a, b)) != 0;
}
VEC_INLINE vec round_even(vec x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec_bytes unsigned_load(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)p));
}
VEC_INLINE vec_bytes signed_load(const uint8_t *p)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p));
}
#endif

struct scale {
    float scale, inverse;
    int32_t zero;
    int is_signed, exact; /* exact: always divide */
};

static void invert(struct scale *s)
{
    s->inverse = 1 / s->scale;
    s->exact = !(fabsf(s->inverse) > 1e-30f && fabsf(s->inverse) < 1e30f);
}

/* Reads the operands, which may be computed at run time. */
static struct scale scale_of(const struct infer__task *t, const struct infer__buffers *b,
                             unsigned type)
{
    struct scale s = {.scale = *(const float *)b->in[1], .is_signed = type == INFER_S8};
    if (infer__has_in(t, 2))
        s.zero = s.is_signed ? *(const int8_t *)b->in[2] : *(const uint8_t *)b->in[2];
    invert(&s);
    return s;
}

/* A step's quotients as s32, bounded to what saturates for certain; NaN becomes 0. */
static __attribute__((noinline)) void divide(const float *x, float scale, vec_bytes q[4])
{
    const vec low = vec_set(-1024), high = vec_set(1024);
    for (int i = 0; i < 4; i++) {
        vec d = vec_div(vec_load(x + i * VEC), vec_set(scale));
        d = vec_select(vec_is_nan(d), vec_set(0), d);
        q[i] = V(cvtps_epi32)(vec_at_most(high, vec_at_least(low, d)));
    }
}

VEC_INLINE vec_bytes quantize_step(int is_signed, const struct scale *s, const float *x)
{
    const vec low = vec_set(-1024), high = vec_set(1024), inverse = vec_set(s->inverse);
    const vec half = vec_set(0.499f);
    vec_bytes q[4];
    vec_flags close[4];
    VEC_UNROLL
    for (int i = 0; i < 4; i++) { /* a NaN passes the bounds and is close */
        vec d = vec_at_most(high, vec_at_least(low, vec_mul(vec_load(x + i * VEC), inverse)));
        vec n = round_even(d);
        close[i] = is_close(vec_sub(d, n), half);
        q[i] = V(cvtps_epi32)(n);
    }
    if (s->exact || any(close[0], close[1]) || any(close[2], close[3]))
        divide(x, s->scale, q);
    const vec_bytes zero = V(set1_epi16)((short)s->zero);
    vec_bytes a = V(adds_epi16)(V(packs_epi32)(q[0], q[1]), zero);
    vec_bytes b = V(adds_epi16)(V(packs_epi32)(q[2], q[3]), zero);
    return in_order(is_signed ? V(packs_epi16)(a, b) : V(packus_epi16)(a, b));
}

VEC_INLINE void quantize(int is_signed, const struct scale *s, const float *x, uint8_t *y,
                         int64_t n)
{
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP)
        bytes_store(y + i, quantize_step(is_signed, s, x + i));
    if (i < n) {
        float some[STEP] = {0};
        uint8_t bytes[STEP];
        memcpy(some, x + i, (size_t)(n - i) * sizeof *x);
        bytes_store(bytes, quantize_step(is_signed, s, some));
        memcpy(y + i, bytes, (size_t)(n - i));
    }
}

static void quantize_run(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    const struct scale s = scale_of(t, b, t->out[0].type);
    int64_t first, last;
    vec_blocks_range(t, begin, end, &first, &last);
    const float *x = (const float *)b->in[0] + first;
    uint8_t *y = (uint8_t *)b->out[0] + first;
    if (s.is_signed)
        quantize(1, &s, x, y, last - first);
    else
        quantize(0, &s, x, y, last - first);
}

VEC_INLINE void dequantize(int is_signed, const struct scale *s, const uint8_t *x, float *y,
                           int64_t n)
{
    const vec_bytes zero = V(set1_epi32)(s->zero);
    const vec scale = vec_set(s->scale);
    int64_t i = 0;
    for (; i + VEC <= n; i += VEC) {
        vec_bytes q = is_signed ? signed_load(x + i) : unsigned_load(x + i);
        vec_store(y + i, vec_mul(V(cvtepi32_ps)(V(sub_epi32)(q, zero)), scale));
    }
    for (; i < n; i++)
        y[i] = (float)((is_signed ? (int8_t)x[i] : x[i]) - s->zero) * s->scale;
}

static void dequantize_run(const struct infer__task *t, const struct infer__buffers *b,
                           uint32_t begin, uint32_t end)
{
    const struct scale s = scale_of(t, b, t->in[0].type);
    int64_t first, last;
    vec_blocks_range(t, begin, end, &first, &last);
    const uint8_t *x = (const uint8_t *)b->in[0] + first;
    float *y = (float *)b->out[0] + first;
    if (s.is_signed)
        dequantize(1, &s, x, y, last - first);
    else
        dequantize(0, &s, x, y, last - first);
}

INFER__APART static double quantize_8_estimate(const struct infer__task *t, uint16_t op,
                                               const struct infer__operand *real,
                                               const struct infer__operand *byte)
{
    if (t->op != op || !infer__isa_has(t->isa, LEVEL_ISA) || real->type != INFER_F32 ||
        (byte->type != INFER_U8 && byte->type != INFER_S8) || t->in[1].type != INFER_F32 ||
        infer__operand_elements(&t->in[1]) != 1 || !infer__no_epilogue(t) ||
        (infer__has_in(t, 2) &&
         (t->in[2].type != byte->type || infer__operand_elements(&t->in[2]) != 1)))
        return -1;
    return 50 + vec_bytes_ns(t) + 0.08 * (double)infer__operand_elements(&t->in[0]);
}

INFER__APART static double quantize_estimate(const struct infer__task *t)
{
    return quantize_8_estimate(t, INFER__OP_QUANTIZE_LINEAR, &t->in[0], &t->out[0]);
}

INFER__APART static double dequantize_estimate(const struct infer__task *t)
{
    return quantize_8_estimate(t, INFER__OP_DEQUANTIZE_LINEAR, &t->out[0], &t->in[0]);
}

const struct infer__kernel LEVEL_NAME(infer__quantize_8) = {.name = LEVEL_STRING("quantize_8"),
                                                            .isa = LEVEL_ISA,
                                                            .estimate = quantize_estimate,
                                                            .prepare = vec_blocks_prepare,
                                                            .run = quantize_run};

const struct infer__kernel LEVEL_NAME(infer__dequantize_8) = {.name = LEVEL_STRING("dequantize_8"),
                                                              .isa = LEVEL_ISA,
                                                              .estimate = dequantize_estimate,
                                                              .prepare = vec_blocks_prepare,
                                                              .run = dequantize_run};

/* ---- DynamicQuantizeLinear ------------------------------------------------------------------ */

static struct infer__range range_of(const float *x, int64_t n)
{
    vec low[4], high[4];
    float lows[VEC], highs[VEC];
    int64_t i = 0;
    for (int k = 0; k < 4; k++)
        low[k] = high[k] = vec_set(0);
    for (; i + STEP <= n; i += STEP) {
        VEC_UNROLL
        for (int k = 0; k < 4; k++) { /* the second operand where there is a NaN */
            vec a = vec_load(x + i + k * VEC);
            low[k] = vec_at_most(a, low[k]);
            high[k] = vec_at_least(a, high[k]);
        }
    }
    vec_store(lows, vec_at_most(vec_at_most(low[0], low[1]), vec_at_most(low[2], low[3])));
    vec_store(highs, vec_at_least(vec_at_least(high[0], high[1]), vec_at_least(high[2], high[3])));
    struct infer__range r = {0, 0};
    for (int k = 0; k < VEC; k++) {
        r.low = lows[k] < r.low ? lows[k] : r.low;
        r.high = highs[k] > r.high ? highs[k] : r.high;
    }
    for (; i < n; i++) {
        r.low = x[i] < r.low ? x[i] : r.low;
        r.high = x[i] > r.high ? x[i] : r.high;
    }
    return r;
}

static void range_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
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

INFER__APART static double range_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_DYNAMIC_RANGE || !infer__isa_has(t->isa, LEVEL_ISA) ||
        !infer__no_epilogue(t))
        return -1;
    return 50 + vec_bytes_ns(t) + 0.04 * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel LEVEL_NAME(infer__dynamic_range) = {
    .name = LEVEL_STRING("dynamic_range"),
    .isa = LEVEL_ISA,
    .estimate = range_estimate,
    .prepare = infer__range_prepare,
    .run = range_run};

static void dynamic_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    const float *x = b->in[0];
    int64_t first = 0, last = infer__operand_elements(&t->in[0]);
    struct infer__range r;
    if (infer__dynamic_split(t)) {
        vec_blocks_range(t, begin, end, &first, &last);
        r = infer__range_join(b->in[1], t->in[1].dims[0]);
    } else {
        r = range_of(x, last);
    }
    struct scale s = {.scale = infer__range_scale(r)};
    s.zero = infer__range_zero(r, s.scale);
    invert(&s);
    quantize(0, &s, x + first, (uint8_t *)b->out[0] + first, last - first);
    if (begin == 0)
        infer__dynamic_store(t, b, s.scale, (uint8_t)s.zero);
}

static infer_status dynamic_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    need->units = 1;
    return infer__dynamic_split(t) ? vec_blocks_prepare(t, need, err) : INFER_OK;
}

INFER__APART static double dynamic_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_DYNAMIC_QUANTIZE_LINEAR || !infer__isa_has(t->isa, LEVEL_ISA) ||
        !infer__no_epilogue(t))
        return -1;
    return 100 + vec_bytes_ns(t) + 0.12 * (double)infer__operand_elements(&t->in[0]);
}

const struct infer__kernel LEVEL_NAME(infer__dynamic_quantize) = {
    .name = LEVEL_STRING("dynamic_quantize"),
    .isa = LEVEL_ISA,
    .estimate = dynamic_estimate,
    .prepare = dynamic_prepare,
    .run = dynamic_run};
