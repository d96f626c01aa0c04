/* Inner products with fewer multiplications (Winograd, "A new algorithm for inner product", 1968),
 * for CPUs that add on units of their own beside those that multiply: with x0, x1 two inputs and
 * w0, w1 their weights,
 *
 *   x0 w0 + x1 w1 = (x0 + w1) (x1 + w0) - x0 x1 - w0 w1
 *
 * where the last two products are worked out once for a row of inputs and once for a column of
 * weights. Of each block of 16 steps along k, five pairs go this way and six steps as usual, in
 * turn: 11 multiply-adds and 10 additions in place of 16 multiply-adds, 1.45 times as fast where
 * both run side by side. A sum's last steps that fill no block go as usual.
 *
 * Errors are those of the sum of (|x| + |w|)^2, so inputs and weights must be of one size: both
 * are multiplied by powers of two, rows by their largest input, weights by their mean square, and
 * results by the inverse. An infinity or NaN makes its row NaN.
 */
#ifndef INFER_KERNELS_CONV_HALVED_H
#define INFER_KERNELS_CONV_HALVED_H

#include "kernels/conv/vec_f32.h"

#if VEC_LEVEL == 512

/* An input times or plus a vector, read where it is used: a broadcast into a register of its own
 * would take a turn of the units that add. Compilers would make that of the usual intrinsics. */
VEC_INLINE vec halved_fma(vec w, const float *x, vec sum)
{
    __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*x));
    return sum;
}
VEC_INLINE vec halved_add(vec w, const float *x)
{
    vec sum;
    __asm__("vaddps %2%{1to16%}, %1, %0" : "=v"(sum) : "v"(w), "m"(*x));
    return sum;
}

/* sum + (x[0] + w1) (x[1] + w0) */
VEC_INLINE vec halved_pair(const float *x, vec w0, vec w1, vec sum)
{
    return vec_fma(halved_add(w1, x), halved_add(w0, x + 1), sum);
}

/* sum - the products of the pairs of a block: in the lanes 0, 3, .. 12. */
VEC_INLINE vec halved_sum(vec x, vec sum)
{
    __m512i next = _mm512_castps_si512(x);
    next = _mm512_alignr_epi32(next, next, 1);
    return _mm512_mask3_fnmadd_ps(x, _mm512_castsi512_ps(next), sum, 0x1249);
}

/* The largest bits of |x| of n floats and those before. */
VEC_INLINE __m512i halved_most(const float *x, int64_t n, __m512i most)
{
    const __m512i bits = _mm512_set1_epi32(0x7fffffff);
    for (; n > 0; n -= VEC, x += VEC) {
        vec v = n >= VEC ? vec_load(x) : vec_load_n(x, (int)n);
        most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(v), bits));
    }
    return most;
}

/* The power of two that brings the largest |x| to between 2 and 4, and its inverse, which is NaN
 * where x has an infinity or NaN: so all that is summed of it is. */
VEC_INLINE float halved_scale(__m512i most, float *inverse)
{
    uint32_t exponent = _mm512_reduce_max_epu32(most) >> 23, bits;
    float scale;
    exponent = exponent < 2 ? 2 : exponent;
    bits = (255 - exponent) << 23;
    memcpy(&scale, &bits, sizeof scale);
    bits = exponent < 255 ? (exponent - 1) << 23 : 0x7fc00000;
    memcpy(inverse, &bits, sizeof *inverse);
    return scale;
}

#endif

#endif
