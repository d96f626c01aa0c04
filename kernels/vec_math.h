/* Elementary functions of a vector of floats, at the levels of vec_f32.h, which it includes.
 *
 * Every lane depends on itself only, so a tail computed with vec_load_n has the bits that the same
 * element would have anywhere else. No function branches on values. Products that are added to
 * something are written as vec_fma, so that the compiler has nothing left to contract.
 *
 * Bounds of the error against the exact function that tests/test_kernel_simd_math.c holds them to,
 * in units of the result's last digit:
 *   exp 1.25, log 1.5, sigmoid 3, silu 4 + |x| / 4, tanh 3, elu 2.5, softplus 2.5, mish 4.5, erf 2;
 * Mish multiplies x by what may be denormal, and that factor's step counts besides; Silu is off by
 * up to 2e-36.
 * NaN gives NaN, infinities give limits, exp and sigmoid fall to 0 through the denormals.
 *
 * The polynomials are Chebyshev fits, made in 40 digits on the intervals that stand beside them.
 */
#ifndef INFER_KERNELS_VEC_MATH_H
#define INFER_KERNELS_VEC_MATH_H

#include <math.h>

#include "kernels/conv/vec_f32.h"
#include "kernels/kernel.h"

/* ---- more of vec_f32.h (vec_sub is there): what the functions are made of -------------------- */

/* A vec_flags is the answer of a comparison; vec_select(flags, yes, no) chooses by it.
 * vec_times_power(x, s) is x * 2^n, rounded once, for s = VEC_MAGIC + n, -300 < n < 300: adding the
 * magic number rounds to an integer, which then stands in the lowest bits.
 * vec_add_exponent(x, s) is the same where both x and the result are normal.
 * vec_split(x, &k) is x / 2^k in 1 .. 2 for positive x, denormals too. */
#define VEC_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define VEC_MAGIC_BITS 0x4B400000

#if VEC_LEVEL == 512

typedef __mmask16 vec_flags;

VEC_INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
VEC_INLINE vec vec_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}
VEC_INLINE vec vec_abs(vec a)
{
    return _mm512_abs_ps(a);
}
VEC_INLINE vec vec_xor(vec a, vec b)
{
    return _mm512_xor_ps(a, b);
}
VEC_INLINE vec vec_or(vec a, vec b)
{
    return _mm512_or_ps(a, b);
}
VEC_INLINE vec vec_andnot(vec not_this, vec b)
{
    return _mm512_andnot_ps(not_this, b);
}
/* The first n floats at p, 0 to VEC; the others are those of `other`. */
VEC_INLINE vec vec_load_or(const float *p, int n, vec other)
{
    return _mm512_mask_loadu_ps(other, (__mmask16)((1u << n) - 1), p);
}
VEC_INLINE vec_flags vec_less(vec a, vec b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
VEC_INLINE vec_flags vec_is_nan(vec a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
VEC_INLINE vec vec_select(vec_flags f, vec yes, vec no)
{
    return _mm512_mask_blend_ps(f, no, yes);
}
VEC_INLINE vec vec_floor(vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_ceil(vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_round(vec x) /* half to even */
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_times_power(vec x, vec s)
{
    return _mm512_scalef_ps(x, _mm512_sub_ps(s, _mm512_set1_ps(VEC_MAGIC)));
}
VEC_INLINE vec vec_add_exponent(vec x, vec s)
{
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(s), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), n));
}
VEC_INLINE vec vec_split(vec x, vec *k)
{
    *k = _mm512_getexp_ps(x);
    return _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

#elif VEC_LEVEL == 256

typedef __m256 vec_flags;

VEC_INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}
VEC_INLINE vec vec_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}
VEC_INLINE vec vec_abs(vec a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
VEC_INLINE vec vec_xor(vec a, vec b)
{
    return _mm256_xor_ps(a, b);
}
VEC_INLINE vec vec_or(vec a, vec b)
{
    return _mm256_or_ps(a, b);
}
VEC_INLINE vec vec_andnot(vec not_this, vec b)
{
    return _mm256_andnot_ps(not_this, b);
}
/* The first n floats at p, 0 to VEC; the others are those of `other`. */
VEC_INLINE vec vec_load_or(const float *p, int n, vec other)
{
    return _mm256_blendv_ps(other, vec_load_n(p, n), _mm256_castsi256_ps(vec_mask(n)));
}
VEC_INLINE vec_flags vec_less(vec a, vec b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
VEC_INLINE vec_flags vec_is_nan(vec a)
{
    return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}
VEC_INLINE vec vec_select(vec_flags f, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, f);
}
VEC_INLINE vec vec_floor(vec x)
{
    return _mm256_floor_ps(x);
}
VEC_INLINE vec vec_ceil(vec x)
{
    return _mm256_ceil_ps(x);
}
VEC_INLINE vec vec_round(vec x) /* half to even */
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_power_of_2(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
VEC_INLINE vec vec_times_power(vec x, vec s)
{
    /* in two steps, the first of which is exact */
    __m256i n = _mm256_sub_epi32(_mm256_castps_si256(s), _mm256_set1_epi32(VEC_MAGIC_BITS));
    __m256i half = _mm256_srai_epi32(n, 1);
    return vec_mul(vec_mul(x, vec_power_of_2(half)), vec_power_of_2(_mm256_sub_epi32(n, half)));
}
VEC_INLINE vec vec_add_exponent(vec x, vec s)
{
    __m256i n = _mm256_slli_epi32(_mm256_castps_si256(s), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), n));
}
VEC_INLINE vec vec_split(vec x, vec *k)
{
    vec_flags small = vec_less(x, vec_set(0x1p-126f));
    x = vec_select(small, vec_mul(x, vec_set(0x1p24f)), x);
    __m256i bits = _mm256_castps_si256(x);
    vec e =
        _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)));
    *k = vec_select(small, vec_sub(e, vec_set(24)), e);
    bits = _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff)),
                           _mm256_set1_epi32(0x3f800000));
    return _mm256_castsi256_ps(bits);
}

#else

typedef vec_bits vec_flags;
typedef uint32_t vec_words __attribute__((vector_size(16)));

VEC_INLINE vec vec_div(vec a, vec b)
{
    return a / b;
}
VEC_INLINE vec vec_abs(vec a)
{
    return (vec)((vec_words)a & 0x7fffffffu);
}
VEC_INLINE vec vec_xor(vec a, vec b)
{
    return (vec)((vec_words)a ^ (vec_words)b);
}
VEC_INLINE vec vec_or(vec a, vec b)
{
    return (vec)((vec_words)a | (vec_words)b);
}
VEC_INLINE vec vec_andnot(vec not_this, vec b)
{
    return (vec)(~(vec_words)not_this & (vec_words)b);
}
VEC_INLINE vec_flags vec_less(vec a, vec b)
{
    return (vec_flags)(a < b);
}
VEC_INLINE vec vec_power_of_2(vec_bits n)
{
    return (vec)(((vec_words)n + 127) << 23);
}
VEC_INLINE vec vec_times_power(vec x, vec s)
{
    vec_bits n = (vec_bits)((vec_words)s - VEC_MAGIC_BITS), half = n >> 1;
    return x * vec_power_of_2(half) * vec_power_of_2(n - half);
}
VEC_INLINE vec vec_add_exponent(vec x, vec s)
{
    return (vec)((vec_words)x + ((vec_words)s << 23));
}

#endif

/* The magnitude of a with the sign of b. */
VEC_INLINE vec vec_copysign(vec a, vec b)
{
    return vec_or(vec_abs(a), vec_andnot(vec_abs(b), b));
}
VEC_INLINE vec vec_clamp(vec x, float low, float high)
{
    return vec_at_most(vec_set(high), vec_at_least(vec_set(low), x));
}

/* ---- exp and its relatives ------------------------------------------------------------------ */

/* e^r - 1 and *s = VEC_MAGIC + n, where x = n * ln 2 + r. |n| < 2^9, so that the first product is
 * exact: that part of ln 2 has 10 bits. */
VEC_INLINE vec vec_exp_reduced(vec x, vec *s)
{
    *s = vec_fma(x, vec_set(1.44269504f), vec_set(VEC_MAGIC));
    vec n = vec_sub(*s, vec_set(VEC_MAGIC));
    vec r = vec_fma(n, vec_set(-0.693359375f), x);
    r = vec_fma(n, vec_set(2.12194440e-4f), r);
    /* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2 */
    vec q = vec_set(0.00139262131f);
    q = vec_fma(q, r, vec_set(0.00836320315f));
    q = vec_fma(q, r, vec_set(0.0416665561f));
    q = vec_fma(q, r, vec_set(0.166665763f));
    q = vec_fma(q, r, vec_set(0.5f));
    return vec_fma(vec_mul(r, r), q, r);
}

VEC_INLINE vec vec_exp(vec x)
{
    vec s, p = vec_exp_reduced(vec_clamp(x, -104, 89), &s); /* there it is 0 and infinity */
    return vec_times_power(vec_add(p, vec_set(1)), s);
}

/* e^x - 1 for x <= 0 */
VEC_INLINE vec vec_expm1_negative(vec x)
{
    vec s, p = vec_exp_reduced(vec_at_least(vec_set(-30), x), &s);
    vec power = vec_times_power(vec_set(1), s);
    return vec_fma(p, power, vec_sub(power, vec_set(1)));
}

/* e^-|x|: nothing overflows and small results keep their digits. */
VEC_INLINE vec vec_exp_minus_abs(vec x)
{
    return vec_exp(vec_or(x, vec_set(-0.0f)));
}

/* a / b for b from 1 to 2^126, to a unit of the last digit and a half. Where a division takes
 * longer than all the rest of a function, that is an approximate 1 / b and one of Newton's steps.
 */
VEC_INLINE vec vec_quotient(vec a, vec b)
{
#if VEC_LEVEL == 512
    vec y = _mm512_rcp14_ps(b);
    return vec_mul(a, vec_fma(_mm512_fnmadd_ps(b, y, vec_set(1)), y, y));
#else
    return vec_div(a, b);
#endif
}

VEC_INLINE vec vec_sigmoid(vec x)
{
    vec e = vec_exp_minus_abs(x), one = vec_set(1);
    return vec_quotient(vec_select(vec_less(x, vec_set(0)), e, one), vec_add(one, e));
}

/* x / (1 + e^-x), where the power of 2 that e^-x is has a rounded logarithm: one operation in ten
 * less, for |x| / 4 units of the last digit. Below -87 it is some 1e-36. */
#if VEC_LEVEL == 512

/* 2^(i / 32) */
static const float vec_powers[32] __attribute__((unused)) = {
    1.0f,        1.02189715f, 1.04427378f, 1.067140401f, 1.0905077f,  1.11438674f, 1.1387886f,
    1.1637249f,  1.1892071f,  1.2152474f,  1.2418578f,   1.269051f,   1.2968396f,  1.32523664f,
    1.3542555f,  1.38391f,    1.41421356f, 1.4451808f,   1.47682615f, 1.5091644f,  1.5422108f,
    1.57598085f, 1.6104903f,  1.6457555f,  1.6817928f,   1.7186193f,  1.7562522f,  1.7947091f,
    1.8340081f,  1.87416763f, 1.9152066f,  1.9571441f,
};

/* The table leaves two terms of the series for 2^r, |r| <= 1/64. */
VEC_INLINE vec vec_silu(vec x)
{
    const vec factor = vec_set(-1.44269504f), magic = vec_set(VEC_MAGIC / 32);
    x = vec_at_least(vec_set(-87), x);
    vec t = vec_at_most(vec_set(87), x), s = vec_fma(t, factor, magic), n = vec_sub(s, magic);
    vec r = _mm512_fmsub_ps(t, factor, n);
    vec power = _mm512_permutex2var_ps(vec_load(vec_powers), _mm512_castps_si512(s),
                                       vec_load(vec_powers + 16));
    power = _mm512_scalef_ps(power, n); /* by n rounded down */
    vec p = vec_mul(vec_fma(r, vec_set(0.240226507f), vec_set(0.693147181f)), r);
    return vec_quotient(x, vec_fma(power, p, vec_add(power, vec_set(1))));
}

#else

VEC_INLINE vec vec_silu(vec x)
{
    const vec factor = vec_set(-1.44269504f), one = vec_set(1);
    x = vec_at_least(vec_set(-87), x);
    vec t = vec_at_most(vec_set(87), x), s = vec_fma(t, factor, vec_set(VEC_MAGIC));
    vec r = vec_fma(t, factor, vec_sub(vec_set(VEC_MAGIC), s));
    /* 2^r for |r| <= 1/2 */
    vec p = vec_set(0.00132764721f);
    p = vec_fma(p, r, vec_set(0.00967554166f));
    p = vec_fma(p, r, vec_set(0.0555071328f));
    p = vec_fma(p, r, vec_set(0.240221197f));
    p = vec_fma(p, r, vec_set(0.693146967f));
    p = vec_fma(p, r, one);
    return vec_div(x, vec_add(vec_add_exponent(p, s), one));
}

#endif

/* -t / (t + 2) of t = e^(-2|x|) - 1 */
VEC_INLINE vec vec_tanh(vec x)
{
    vec a = vec_or(x, vec_set(-0.0f)), t = vec_expm1_negative(vec_add(a, a));
    return vec_copysign(vec_div(t, vec_add(t, vec_set(2))), x);
}

/* x * tanh(ln(1 + e^x)), where tanh is (2 e^x + e^2x) / (2 e^x + e^2x + 2), without overflow. */
VEC_INLINE vec vec_mish(vec x)
{
    vec e = vec_exp_minus_abs(x), one = vec_set(1), two = vec_set(2), square = vec_mul(e, e);
    vec_flags negative = vec_less(x, vec_set(0));
    vec above = vec_fma(e, two, vec_select(negative, square, one));
    vec below = vec_fma(two, vec_select(negative, one, square), above);
    return vec_mul(x, vec_div(above, below));
}

/* ---- log ------------------------------------------------------------------------------------ */

/* log(1 + f) for sqrt(1/2) - 1 <= f <= sqrt(2) - 1 */
VEC_INLINE vec vec_log1p_reduced(vec f)
{
    vec p = vec_set(-0.0767292753f);
    p = vec_fma(p, f, vec_set(0.12722519f));
    p = vec_fma(p, f, vec_set(-0.131277263f));
    p = vec_fma(p, f, vec_set(0.142048851f));
    p = vec_fma(p, f, vec_set(-0.166266337f));
    p = vec_fma(p, f, vec_set(0.200012326f));
    p = vec_fma(p, f, vec_set(-0.250007808f));
    p = vec_fma(p, f, vec_set(0.333333313f));
    p = vec_fma(p, f, vec_set(-0.49999997f));
    return vec_fma(vec_mul(f, f), p, f);
}

VEC_INLINE vec vec_softplus(vec x)
{
    vec e = vec_exp_minus_abs(x), zero = vec_set(0);
    vec_flags big = vec_less(vec_set(0.41421356f), e);
    vec f = vec_select(big, vec_mul(vec_sub(e, vec_set(1)), vec_set(0.5f)), e);
    vec base = vec_select(big, vec_set(0.693147181f), zero); /* 1 + e = 2 (1 + f) */
    return vec_add(vec_at_least(zero, x), vec_add(base, vec_log1p_reduced(f)));
}

#if VEC_LEVEL > 0
VEC_INLINE vec vec_log(vec x)
{
    vec k, m = vec_split(x, &k), zero = vec_set(0), infinity = vec_set(INFINITY);
    vec_flags big = vec_less(vec_set(1.41421356f), m);
    m = vec_select(big, vec_mul(m, vec_set(0.5f)), m);
    k = vec_select(big, vec_add(k, vec_set(1)), k);
    vec y = vec_log1p_reduced(vec_sub(m, vec_set(1)));
    y = vec_fma(k, vec_set(0.693359375f), vec_fma(k, vec_set(-2.12194440e-4f), y));
    y = vec_select(vec_less(x, infinity), y, x);
    /* What is left are 0, numbers below it, and NaN; 0 is not compared with the smallest number
     * above it, which counts as 0 while kernels run. */
    vec rest = vec_select(vec_less(x, zero), vec_set(NAN), vec_sub(x, infinity));
    return vec_select(vec_less(zero, x), y, rest);
}
#endif

/* ---- erf ------------------------------------------------------------------------------------ */

VEC_INLINE vec vec_erf(vec x)
{
    vec a = vec_abs(x), s = vec_mul(x, x), one = vec_set(1);
    /* erf(x) / x - 1 of x^2, for |x| <= 1 */
    vec p = vec_set(7.87587487e-05f);
    p = vec_fma(p, s, vec_set(-0.00080168643f));
    p = vec_fma(p, s, vec_set(0.00518908724f));
    p = vec_fma(p, s, vec_set(-0.0268542115f));
    p = vec_fma(p, s, vec_set(0.112835944f));
    p = vec_fma(p, s, vec_set(-0.37612626f));
    p = vec_fma(p, s, vec_set(0.128379166f));
    p = vec_fma(p, x, x);
    /* -log(1 - erf(a)) for 1 <= a <= 4, behind which erf rounds to 1 */
    a = vec_at_most(vec_set(4), a);
    vec g = vec_set(-1.6371514e-06f);
    g = vec_fma(g, a, vec_set(4.60580413e-05f));
    g = vec_fma(g, a, vec_set(-0.00059680565f));
    g = vec_fma(g, a, vec_set(0.0047595962f));
    g = vec_fma(g, a, vec_set(-0.0264211353f));
    g = vec_fma(g, a, vec_set(0.110080086f));
    g = vec_fma(g, a, vec_set(0.631826043f));
    g = vec_fma(g, a, vec_set(1.13023341f));
    g = vec_fma(g, a, vec_set(-0.00032013806f));
    vec far = vec_copysign(vec_sub(one, vec_exp(vec_sub(vec_set(0), g))), x);
    return vec_select(vec_less(one, a), far, p);
}

/* x / 2 * (1 + erf(x / sqrt 2)), within 2.5 * 2^-24 |x|: what is left of it far below 0 is as good
 * as the sum 1 + erf, which is what the formula says. */
VEC_INLINE vec vec_gelu(vec x)
{
    vec limit = vec_set(5.51543289f), one = vec_set(1);
    /* erf(z) / z, z = x / sqrt 2, of u = 2 z^2 / 3.9^2 - 1 for |z| <= 3.9; behind it erf is 1 */
    vec u = vec_fma(vec_mul(x, x), vec_set(0.065746218f), vec_set(-1));
    vec p = vec_set(-0.000852326164f);
    p = vec_fma(p, u, vec_set(0.00194829132f));
    p = vec_fma(p, u, vec_set(-0.00102296972f));
    p = vec_fma(p, u, vec_set(0.00181648636f));
    p = vec_fma(p, u, vec_set(-0.0077443365f));
    p = vec_fma(p, u, vec_set(0.0137005467f));
    p = vec_fma(p, u, vec_set(-0.0190962106f));
    p = vec_fma(p, u, vec_set(0.0290557351f));
    p = vec_fma(p, u, vec_set(-0.0429527909f));
    p = vec_fma(p, u, vec_set(0.0579325855f));
    p = vec_fma(p, u, vec_set(-0.0737695619f));
    p = vec_fma(p, u, vec_set(0.0906657502f));
    p = vec_fma(p, u, vec_set(-0.109535247f));
    p = vec_fma(p, u, vec_set(0.134691328f));
    p = vec_fma(p, u, vec_set(-0.181011021f));
    p = vec_fma(p, u, vec_set(0.362583965f));
    vec erf = vec_mul(p, vec_mul(x, vec_set(0.707106781f)));
    erf = vec_select(vec_less(limit, vec_abs(x)), vec_copysign(one, x), erf);
    vec half = vec_mul(x, vec_set(0.5f));
    return vec_fma(half, erf, half);
}

#endif
