/* Squares of floats turned in registers, for packing and transposing, at the levels of vec_f32.h;
 * and stores that pass the caches by, for packed weights: they are more than a cache holds, and the
 * lines that they go to need not be read first. */
#ifndef INFER_KERNELS_VEC_TRANSPOSE_H
#define INFER_KERNELS_VEC_TRANSPOSE_H

#include "kernels/conv/vec_f32.h"
#include "kernels/kernel.h"

/* Row i of the square becomes column i. */
#if VEC_LEVEL == 512
VEC_INLINE void vec_transpose(vec v[VEC])
{
    vec a[VEC];
    VEC_UNROLL
    for (int i = 0; i < 16; i += 4) { /* 4 x 4 squares in every quarter */
        vec x0 = _mm512_unpacklo_ps(v[i], v[i + 1]), x1 = _mm512_unpackhi_ps(v[i], v[i + 1]);
        vec x2 = _mm512_unpacklo_ps(v[i + 2], v[i + 3]);
        vec x3 = _mm512_unpackhi_ps(v[i + 2], v[i + 3]);
        a[i] = _mm512_shuffle_ps(x0, x2, 0x44);
        a[i + 1] = _mm512_shuffle_ps(x0, x2, 0xee);
        a[i + 2] = _mm512_shuffle_ps(x1, x3, 0x44);
        a[i + 3] = _mm512_shuffle_ps(x1, x3, 0xee);
    }
    VEC_UNROLL
    for (int i = 0; i < 4; i++) { /* the square of quarters */
        vec x0 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);
        vec x1 = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);
        vec x2 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);
        vec x3 = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);
        v[i] = _mm512_shuffle_f32x4(x0, x2, 0x88);
        v[i + 4] = _mm512_shuffle_f32x4(x1, x3, 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(x0, x2, 0xdd);
        v[i + 12] = _mm512_shuffle_f32x4(x1, x3, 0xdd);
    }
}
#elif VEC_LEVEL == 256
VEC_INLINE void vec_transpose(vec v[VEC])
{
    vec a[VEC];
    VEC_UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 x 4 squares in both halves */
        vec x0 = _mm256_unpacklo_ps(v[i], v[i + 1]), x1 = _mm256_unpackhi_ps(v[i], v[i + 1]);
        vec x2 = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
        vec x3 = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
        a[i] = _mm256_shuffle_ps(x0, x2, 0x44);
        a[i + 1] = _mm256_shuffle_ps(x0, x2, 0xee);
        a[i + 2] = _mm256_shuffle_ps(x1, x3, 0x44);
        a[i + 3] = _mm256_shuffle_ps(x1, x3, 0xee);
    }
    VEC_UNROLL
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(a[i], a[i + 4], 0x31);
    }
}
#else
VEC_INLINE void vec_transpose(vec v[VEC])
{
    for (int i = 0; i < VEC; i++)
        for (int j = 0; j < i; j++) {
            float x = v[i][j];
            v[i][j] = v[j][i];
            v[j][i] = x;
        }
}
#endif

/* The first `columns` columns of `rows` rows that stand `step` apart, VEC at most, as vectors; rows
 * that are not there are 0, and columns too. */
VEC_INLINE void vec_load_transposed(const float *from, int64_t step, int rows, int columns,
                                    vec v[VEC])
{
    if (rows == VEC && columns == VEC) {
        VEC_UNROLL
        for (int i = 0; i < VEC; i++) {
            v[i] = vec_load(from + i * step);
            __builtin_prefetch(from + i * step + 64);
        }
    } else {
        for (int i = 0; i < VEC; i++)
            v[i] = i < rows ? vec_load_n(from + i * step, columns) : vec_set(0);
    }
    vec_transpose(v);
}

/* Stores a whole aligned vector past the caches; vec_stream_end before another thread reads. */
VEC_INLINE void vec_stream(float *to, vec x)
{
#if VEC_LEVEL == 512
    _mm512_stream_ps(to, x);
#elif VEC_LEVEL == 256
    _mm256_stream_ps(to, x);
#else
    vec_store(to, x);
#endif
}
VEC_INLINE void vec_stream_end(void)
{
#if VEC_LEVEL > 0
    _mm_sfence();
#endif
}

#endif
