/* The definition of GridSample: sums in double, in the order of the taps. */
#include "kernels/sample/grid_sample.h"

INFER__APART static double grid_sample_estimate(const struct infer__task *t)
{
    if (!grid_serves(t, INFER_F32) && !grid_serves(t, INFER_F64))
        return -1;
    struct grid_shape s = grid_shape_of(t);
    double taps = t->p.grid.mode == INFER__NEAREST ? 1 : t->p.grid.mode == INFER__LINEAR ? 2 : 4;
    return infer__bytes_ns(t) +
           (double)s.pixels * (50 + pow(taps, s.spatial) * (2 + 0.6 * (double)s.channels));
}

#define PIXEL(name, type)                                                                          \
    static void name(const struct grid_taps *taps, const type *x, type *y, int64_t channels)       \
    {                                                                                              \
        for (int64_t c = 0; c < channels; c++) {                                                   \
            double sum = 0;                                                                        \
            for (int k = 0; k < taps->count; k++)                                                  \
                sum += (double)taps->weight[k] * (double)x[taps->at[k] * channels + c];            \
            y[c] = (type)sum;                                                                      \
        }                                                                                          \
    }
PIXEL(pixel_f32, float)
PIXEL(pixel_f64, double)

static void grid_sample_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    const struct grid_shape s = grid_shape_of(t);
    const uint32_t units = grid_units(t, &s);
    const int64_t last = infer__unit_begin(s.pixels, units, end);
    struct grid_taps taps;
    for (int64_t i = infer__unit_begin(s.pixels, units, begin); i < last; i++) {
        const int64_t from = i / s.out_pixels * s.in_pixels * s.channels;
        grid_taps_of(t, &s, b->in[1], i, &taps);
        if (t->in[0].type == INFER_F32)
            pixel_f32(&taps, (const float *)b->in[0] + from, (float *)b->out[0] + i * s.channels,
                      s.channels);
        else
            pixel_f64(&taps, (const double *)b->in[0] + from, (double *)b->out[0] + i * s.channels,
                      s.channels);
    }
}

const struct infer__kernel infer__grid_sample_c = {.name = "grid_sample_c",
                                                   .isa = INFER_ISA_C,
                                                   .estimate = grid_sample_estimate,
                                                   .prepare = grid_prepare,
                                                   .run = grid_sample_run};
