/* levels: avx2 avx512 */
/* GridSample on vectors of channels: the taps of a pixel are found once for all of them. */
#include "kernels/levels.h"

#include "kernels/conv/vec_f32.h"
#include "kernels/sample/grid_sample.h"

#define WIDE 4 /* vectors at once */

INFER__APART static double grid_sample_estimate(const struct infer__task *t)
{
    if (!grid_serves(t, INFER_F32) || !infer__isa_has(t->isa, LEVEL_ISA))
        return -1;
    struct grid_shape s = grid_shape_of(t);
    double taps = t->p.grid.mode == INFER__NEAREST ? 1 : t->p.grid.mode == INFER__LINEAR ? 2 : 4;
    return infer__bytes_ns(t) +
           (double)s.pixels *
               (45 + pow(taps, s.spatial) * (2 + (double)((s.channels + VEC - 1) / VEC) * 0.4));
}

/* `nv` vectors of channels, a constant number; of the last one `rest` elements are there. */
VEC_INLINE void blend(int nv, int rest, const struct grid_taps *taps, const float *x, float *y,
                      int64_t channels)
{
    vec sum[WIDE];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = vec_set(0);
    for (int k = 0; k < taps->count; k++) {
        const float *at = x + taps->at[k] * channels;
        const vec w = vec_set(taps->weight[k]);
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[v] =
                vec_fma(w, rest == VEC ? vec_load(at + v * VEC) : vec_load_n(at, rest), sum[v]);
    }
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        if (rest == VEC)
            vec_store(y + v * VEC, sum[v]);
        else
            vec_store_n(y, sum[v], rest);
}

static void grid_sample_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const struct grid_shape s = grid_shape_of(t);
    const uint32_t units = grid_units(t, &s);
    const int64_t last = infer__unit_begin(s.pixels, units, end), channels = s.channels;
    struct grid_taps taps;
    for (int64_t i = infer__unit_begin(s.pixels, units, begin); i < last; i++) {
        const float *x = (const float *)b->in[0] + i / s.out_pixels * s.in_pixels * channels;
        float *y = (float *)b->out[0] + i * channels;
        int64_t c = 0;
        grid_taps_of(t, &s, b->in[1], i, &taps);
        for (; c + WIDE * VEC <= channels; c += WIDE * VEC)
            blend(WIDE, VEC, &taps, x + c, y + c, channels);
        for (; c + VEC <= channels; c += VEC)
            blend(1, VEC, &taps, x + c, y + c, channels);
        if (c < channels)
            blend(1, (int)(channels - c), &taps, x + c, y + c, channels);
    }
}

const struct infer__kernel LEVEL_NAME(infer__grid_sample_f32) = {
    .name = LEVEL_STRING("grid_sample_f32"),
    .isa = LEVEL_ISA,
    .estimate = grid_sample_estimate,
    .prepare = grid_prepare,
    .run = grid_sample_run};
