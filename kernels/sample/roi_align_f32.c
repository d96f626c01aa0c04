/* levels: avx2 avx512 */
/* RoiAlign on vectors of channels. Samples are worked out some at a time for all channels; what
 * they add up to stands in the result meanwhile. */
#include "kernels/levels.h"

#include "kernels/conv/vec_f32.h"
#include "kernels/sample/roi_align.h"
#include "kernels/vec_math.h"

enum { WIDE = 4, SAMPLES = 16 }; /* vectors, and samples, at once */

INFER__APART static double roi_align_estimate(const struct infer__task *t)
{
    if (!roi_serves(t, INFER__OP_ROI_ALIGN) || t->in[2].type != INFER_S64 ||
        !infer__isa_has(t->isa, LEVEL_ISA))
        return -1;
    struct roi_shape s = roi_shape_of(t);
    double samples = t->p.roi.samples ? (double)t->p.roi.samples : 2;
    return infer__bytes_ns(t) +
           (double)s.bins * samples * samples * (15 + 4 * (double)s.channels / VEC);
}

struct samples {
    int count; /* taps */
    int64_t at[4 * SAMPLES];
    float weight[4 * SAMPLES];
};

/* A NaN in either stays. */
VEC_INLINE vec larger(vec a, vec b)
{
    return vec_select(vec_is_nan(a), a, vec_at_least(a, b));
}

/* Adds the products of `nv` vectors of channels, a constant number, to y, or takes the largest. Of
 * the last vector `rest` elements are there. */
VEC_INLINE void gather(int nv, int rest, int largest, const struct samples *s, const float *x,
                       float *y, int64_t channels)
{
    vec sum[WIDE];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = rest == VEC ? vec_load(y + v * VEC) : vec_load_n(y, rest);
    for (int k = 0; k < s->count; k++) {
        const float *at = x + s->at[k] * channels;
        const vec w = vec_set(s->weight[k]);
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            vec p = rest == VEC ? vec_load(at + v * VEC) : vec_load_n(at, rest);
            sum[v] = largest ? larger(vec_mul(w, p), sum[v]) : vec_fma(w, p, sum[v]);
        }
    }
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        if (rest == VEC)
            vec_store(y + v * VEC, sum[v]);
        else
            vec_store_n(y, sum[v], rest);
}

VEC_INLINE void gather_row(int largest, const struct samples *s, const float *x, float *y,
                           int64_t channels)
{
    int64_t c = 0;
    for (; c + WIDE * VEC <= channels; c += WIDE * VEC)
        gather(WIDE, VEC, largest, s, x + c, y + c, channels);
    for (; c + VEC <= channels; c += VEC)
        gather(1, VEC, largest, s, x + c, y + c, channels);
    if (c < channels)
        gather(1, (int)(channels - c), largest, s, x + c, y + c, channels);
}

static void one_bin(const struct infer__task *t, const struct roi_shape *shape,
                    const struct roi_bin *bin, const float *x, float *y)
{
    const int64_t total = roi_visited(bin), channels = shape->channels;
    const double all = bin->y.all * bin->x.all;
    const float each = (float)(1 / all);
    const int largest = t->p.roi.mode == INFER__ROI_MAX;
    int outside = roi_has_outside(bin);
    struct samples s;
    for (int64_t c = 0; c < channels; c++)
        y[c] = all != all ? NAN : largest && all > 0 ? -INFINITY : 0;
    for (int64_t k = 0; k < total; k += SAMPLES) {
        s.count = 0;
        for (int64_t i = k; i < total && i < k + SAMPLES; i++) {
            const int inside = roi_sample(shape, bin, i, s.at + s.count, s.weight + s.count);
            for (int tap = s.count; inside && !largest && tap < s.count + 4; tap++)
                s.weight[tap] *= each; /* at once: a sum of large numbers would overflow */
            s.count += inside ? 4 : 0;
            outside |= !inside;
        }
        if (largest)
            gather_row(1, &s, x, y, channels);
        else
            gather_row(0, &s, x, y, channels);
    }
    for (int64_t c = 0; c < channels && largest && outside; c++)
        y[c] = y[c] < 0 ? 0 : y[c];
}

static void roi_align_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct roi_shape s = roi_shape_of(t);
    const uint32_t units = roi_units(t, &s);
    const int64_t last = infer__unit_begin(s.bins, units, end);
    for (int64_t i = infer__unit_begin(s.bins, units, begin); i < last; i++) {
        const struct roi_bin bin = roi_bin_of(t, &s, b->in[1], b->in[2], i);
        one_bin(t, &s, &bin, (const float *)b->in[0] + bin.image * s.h * s.w * s.channels,
                (float *)b->out[0] + i * s.channels);
    }
}

const struct infer__kernel LEVEL_NAME(infer__roi_align_f32) = {
    .name = LEVEL_STRING("roi_align_f32"),
    .isa = LEVEL_ISA,
    .estimate = roi_align_estimate,
    .prepare = roi_prepare,
    .run = roi_align_run};
