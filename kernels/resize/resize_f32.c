/* levels: avx2 avx512 */
/* Linear and cubic Resize of f32 on vectors; the tables are those of
 * resize_c.c. */
#include "kernels/levels.h"

#include "kernels/vec_blocks.h"
#include "kernels/vec_math.h"

#include "kernels/resize/resize_taps.h"

VEC_INLINE vec blend_vec(const float *x, const float *w, int64_t taps, int64_t n, int part)
{
    vec y = vec_mul(vec_set(w[0]), part < VEC ? vec_load_n(x, part) : vec_load(x));
    for (int64_t k = 1; k < taps; k++) {
        const float *from = x + k * n;
        y = vec_fma(vec_set(w[k]), part < VEC ? vec_load_n(from, part) : vec_load(from), y);
    }
    return y;
}

VEC_INLINE void blend(const float *x, const float *w, int64_t taps, int64_t n, float *y)
{
    int64_t i = 0;
    if (taps == 2)
        for (; i + VEC <= n; i += VEC)
            vec_store(y + i, blend_vec(x + i, w, 2, n, VEC));
    for (; i + VEC <= n; i += VEC)
        vec_store(y + i, blend_vec(x + i, w, taps, n, VEC));
    if (i < n)
        vec_store_n(y + i, blend_vec(x + i, w, taps, n, (int)(n - i)), (int)(n - i));
}

/* ---- rows, whose neighbours are taken out of a vector ---------------------------------------- */

/* Places of VEC outputs from `begin` on, as far as they lie in a vector with the next one. */
#if VEC_LEVEL == 512
typedef __m512i places;

VEC_INLINE int find_places(const int64_t *first, int64_t begin, places *p)
{
    const __m512i base = _mm512_set1_epi64(begin), most = _mm512_set1_epi64(VEC - 2);
    __m512i low = _mm512_sub_epi64(_mm512_loadu_si512(first), base);
    __m512i high = _mm512_sub_epi64(_mm512_loadu_si512(first + 8), base);
    *p = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)),
                            _mm512_cvtepi64_epi32(high), 1);
    return !(_mm512_cmpgt_epu64_mask(low, most) | _mm512_cmpgt_epu64_mask(high, most));
}
VEC_INLINE vec look_up(vec x, places p, int more)
{
    return _mm512_permutexvar_ps(_mm512_add_epi32(p, _mm512_set1_epi32(more)), x);
}
/* The first or second of VEC pairs. */
VEC_INLINE vec of_pairs(vec a, vec b, int second)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(a, second ? _mm512_add_epi32(even, _mm512_set1_epi32(1)) : even,
                                  b);
}
#else
typedef __m256i places;

VEC_INLINE int find_places(const int64_t *first, int64_t begin, places *p)
{
    const __m256i base = _mm256_set1_epi64x(begin), most = _mm256_set1_epi64x(VEC - 2);
    __m256i low = _mm256_sub_epi64(_mm256_loadu_si256((const void *)first), base);
    __m256i high = _mm256_sub_epi64(_mm256_loadu_si256((const void *)(first + 4)), base);
    __m256i beyond = _mm256_or_si256(_mm256_cmpgt_epi64(low, most), _mm256_cmpgt_epi64(high, most));
    __m256i far = _mm256_or_si256(beyond, _mm256_or_si256(low, high)); /* its signs */
    __m256 words = _mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0x88);
    *p = _mm256_permute4x64_epi64(_mm256_castps_si256(words), 0xd8);
    return !_mm256_movemask_pd(_mm256_castsi256_pd(far));
}
VEC_INLINE vec look_up(vec x, places p, int more)
{
    return _mm256_permutevar8x32_ps(x, _mm256_add_epi32(p, _mm256_set1_epi32(more)));
}
/* The first or second of VEC pairs. */
VEC_INLINE vec of_pairs(vec a, vec b, int second)
{
    vec v = second ? _mm256_shuffle_ps(a, b, 0xdd) : _mm256_shuffle_ps(a, b, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8));
}
#endif

/* Outputs [o, o + n) one by one. */
static void row_scalars(const struct infer__resize_axis *a, const float *x, float out, int64_t o,
                        int64_t n, float *y)
{
    for (; n > 0; n--, o++) {
        const float *w = a->weights + o * a->taps, *from = x + a->first[o];
        float sum = out;
        if (a->first[o] >= 0) {
            sum = w[0] * from[0];
            for (int64_t k = 1; k < a->taps; k++)
                sum += w[k] * from[k];
        }
        y[o] = sum;
    }
}

/* Two neighbours each: VEC outputs that all lie between VEC inputs are looked up in one vector. */
static void blend_scalars(const struct infer__resize_axis *a, const float *x, float out, float *y)
{
    int64_t o = 0;
    for (; a->taps == 2 && o + VEC <= a->out; o += VEC) {
        int64_t begin = a->first[o], room = a->in - begin;
        places at;
        if (begin < 0 || !find_places(a->first + o, begin, &at)) {
            row_scalars(a, x, out, o, VEC, y);
            continue;
        }
        const float *w = a->weights + 2 * o;
        vec v = room >= VEC ? vec_load(x + begin) : vec_load_n(x + begin, (int)room);
        vec p = vec_load(w), q = vec_load(w + VEC);
        vec first = vec_mul(of_pairs(p, q, 0), look_up(v, at, 0));
        vec_store(y + o, vec_fma(of_pairs(p, q, 1), look_up(v, at, 1), first));
    }
    row_scalars(a, x, out, o, a->out - o, y);
}

#include "kernels/resize/resize_walk.h"

INFER__APART static double resize_estimate(const struct infer__task *t)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__resize_serves(t) ||
        t->p.resize.mode == INFER__NEAREST || t->in[0].type != INFER_F32)
        return -1;
    struct infer__resizing r = infer__resize_of(t);
    double ns = vec_bytes_ns(t), slices = (double)r.outer;
    for (int i = 0; i < r.axes; i++) {
        const struct infer__resize_axis *a = &r.axis[i];
        int last = i + 1 == r.axes;
        slices *= (double)a->out;
        if (last && a->rest_in == 1)
            ns += slices * (a->taps == 2 ? 2.0 / VEC : 1.0 * (double)a->taps);
        else
            ns += slices * ((double)(a->taps * (last ? a->rest_out : a->rest_in)) / VEC + 3);
        slices *= (double)a->between;
    }
    return ns;
}

const struct infer__kernel LEVEL_NAME(infer__resize_f32) = {
    .name = LEVEL_STRING("resize_f32"),
    .isa = LEVEL_ISA,
    .cut_bytes = sizeof(struct infer__resizing),
    .estimate = resize_estimate,
    .prepare = infer__resize_prepare,
    .pack = infer__resize_pack,
    .run = run_f32};
