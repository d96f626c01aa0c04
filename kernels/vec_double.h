/* As many doubles as a vec has floats; what is behind the conversions and arithmetic is for a
 * VEC_LEVEL of 256 or 512. */
#ifndef INFER_KERNELS_VEC_DOUBLE_H
#define INFER_KERNELS_VEC_DOUBLE_H

#include "kernels/vec_math.h"

#if VEC_LEVEL == 512

typedef struct vec_double {
    __m512d low, high;
} vec_double;

#define VEC_DOUBLES(name, op)                                                                      \
    VEC_INLINE vec_double name(vec_double a, vec_double b)                                         \
    {                                                                                              \
        return (vec_double){_mm512_##op(a.low, b.low), _mm512_##op(a.high, b.high)};               \
    }

VEC_INLINE vec_double vec_double_set(double x)
{
    return (vec_double){_mm512_set1_pd(x), _mm512_set1_pd(x)};
}
VEC_INLINE vec_double vec_to_double(vec x)
{
    return (vec_double){_mm512_cvtps_pd(_mm512_castps512_ps256(x)),
                        _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))};
}
VEC_INLINE vec vec_from_double(vec_double x)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(x.low)),
                              _mm512_cvtpd_ps(x.high), 1);
}
/* a * b + c */
VEC_INLINE vec_double vec_double_fma(vec_double a, vec_double b, vec_double c)
{
    return (vec_double){_mm512_fmadd_pd(a.low, b.low, c.low),
                        _mm512_fmadd_pd(a.high, b.high, c.high)};
}
VEC_INLINE vec_double vec_double_sqrt(vec_double a)
{
    return (vec_double){_mm512_sqrt_pd(a.low), _mm512_sqrt_pd(a.high)};
}
VEC_INLINE __m256d vec_double_quarter(vec_double a)
{
    __m512d x = _mm512_add_pd(a.low, a.high);
    return _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_extractf64x4_pd(x, 1));
}
VEC_INLINE __m256 vec_max_half(vec x)
{
    return _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
}

#elif VEC_LEVEL == 256

typedef struct vec_double {
    __m256d low, high;
} vec_double;

#define VEC_DOUBLES(name, op)                                                                      \
    VEC_INLINE vec_double name(vec_double a, vec_double b)                                         \
    {                                                                                              \
        return (vec_double){_mm256_##op(a.low, b.low), _mm256_##op(a.high, b.high)};               \
    }

VEC_INLINE vec_double vec_double_set(double x)
{
    return (vec_double){_mm256_set1_pd(x), _mm256_set1_pd(x)};
}
VEC_INLINE vec_double vec_to_double(vec x)
{
    return (vec_double){_mm256_cvtps_pd(_mm256_castps256_ps128(x)),
                        _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
}
VEC_INLINE vec vec_from_double(vec_double x)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(x.low)),
                                _mm256_cvtpd_ps(x.high), 1);
}
/* a * b + c */
VEC_INLINE vec_double vec_double_fma(vec_double a, vec_double b, vec_double c)
{
    return (vec_double){_mm256_fmadd_pd(a.low, b.low, c.low),
                        _mm256_fmadd_pd(a.high, b.high, c.high)};
}
VEC_INLINE vec_double vec_double_sqrt(vec_double a)
{
    return (vec_double){_mm256_sqrt_pd(a.low), _mm256_sqrt_pd(a.high)};
}
VEC_INLINE __m256d vec_double_quarter(vec_double a)
{
    return _mm256_add_pd(a.low, a.high);
}
VEC_INLINE __m256 vec_max_half(vec x)
{
    return x;
}

#else

typedef double vec_two __attribute__((vector_size(16)));
typedef struct vec_double {
    vec_two low, high;
} vec_double;

VEC_INLINE vec_double vec_double_set(double x)
{
    return (vec_double){{x, x}, {x, x}};
}
VEC_INLINE vec_double vec_to_double(vec x)
{
    return (vec_double){{(double)x[0], (double)x[1]}, {(double)x[2], (double)x[3]}};
}
VEC_INLINE vec vec_from_double(vec_double x)
{
    return (vec){(float)x.low[0], (float)x.low[1], (float)x.high[0], (float)x.high[1]};
}
VEC_INLINE vec_double vec_double_add(vec_double a, vec_double b)
{
    return (vec_double){a.low + b.low, a.high + b.high};
}
VEC_INLINE vec_double vec_double_sub(vec_double a, vec_double b)
{
    return (vec_double){a.low - b.low, a.high - b.high};
}
VEC_INLINE vec_double vec_double_mul(vec_double a, vec_double b)
{
    return (vec_double){a.low * b.low, a.high * b.high};
}
/* a * b + c */
VEC_INLINE vec_double vec_double_fma(vec_double a, vec_double b, vec_double c)
{
    return vec_double_add(vec_double_mul(a, b), c);
}

#endif

#if VEC_LEVEL > 0

VEC_DOUBLES(vec_double_add, add_pd)
VEC_DOUBLES(vec_double_sub, sub_pd)
VEC_DOUBLES(vec_double_mul, mul_pd)
VEC_DOUBLES(vec_double_div, div_pd)
VEC_DOUBLES(vec_double_max, max_pd)

/* The sum of all lanes, in a fixed order. */
VEC_INLINE double vec_double_sum(vec_double a)
{
    __m256d x = vec_double_quarter(a);
    __m128d y = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(y, _mm_unpackhi_pd(y, y)));
}

/* The largest lane; there is no NaN. */
VEC_INLINE float vec_max_across(vec a)
{
    __m256 x = vec_max_half(a);
    __m128 y = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    y = _mm_max_ps(y, _mm_movehl_ps(y, y));
    return _mm_cvtss_f32(_mm_max_ss(y, _mm_shuffle_ps(y, y, 1)));
}

/* Mean and variance of numbers that come vector by vector, from their differences d to the first
 * one: one pass, and in double nothing is lost to cancellation. Lanes stay apart. */
struct vec_moments {
    vec_double first, sum, squares;
};

VEC_INLINE struct vec_moments vec_moments_begin(vec first)
{
    return (struct vec_moments){vec_to_double(first), vec_double_set(0), vec_double_set(0)};
}
VEC_INLINE void vec_moments_add(struct vec_moments *m, vec x)
{
    vec_double d = vec_double_sub(vec_to_double(x), m->first);
    m->sum = vec_double_add(m->sum, d);
    m->squares = vec_double_fma(d, d, m->squares);
}

#endif
#endif
