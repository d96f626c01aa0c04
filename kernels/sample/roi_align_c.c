/* The definition of RoiAlign: the mean of the samples of a bin, or the largest of all products of a
 * pixel and its weight, as the standard has it. Sums are in double, in the order of the samples. A
 * sample outside of the picture is 0, and so is a bin without samples. */
#include "kernels/sample/roi_align.h"

INFER__APART static double roi_align_estimate(const struct infer__task *t)
{
    if (!roi_serves(t, INFER__OP_ROI_ALIGN) || t->in[2].type != INFER_S64)
        return -1;
    struct roi_shape s = roi_shape_of(t);
    double samples = t->p.roi.samples ? (double)t->p.roi.samples : 2;
    return infer__bytes_ns(t) + (double)s.bins * samples * samples * (20 + 4 * (double)s.channels);
}

static float channel(const struct infer__task *t, const struct roi_shape *s,
                     const struct roi_bin *bin, const float *x)
{
    const double all = bin->y.all * bin->x.all;
    const int64_t samples = roi_visited(bin);
    int outside = roi_has_outside(bin);
    double sum = 0, top = -INFINITY;
    if (!(all > 0))
        return all != all ? NAN : 0;
    for (int64_t k = 0; k < samples; k++) {
        int64_t at[4];
        float weight[4];
        const int inside = roi_sample(s, bin, k, at, weight);
        outside |= !inside;
        for (int i = 0; i < 4 && inside; i++) {
            double v = (double)weight[i] * (double)x[at[i] * s->channels];
            sum += v;
            top = v > top || v != v ? v : top;
        }
    }
    if (t->p.roi.mode != INFER__ROI_MAX)
        return (float)(sum / all);
    return outside && top < 0 ? 0 : (float)top;
}

static void roi_align_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct roi_shape s = roi_shape_of(t);
    const uint32_t units = roi_units(t, &s);
    const int64_t last = infer__unit_begin(s.bins, units, end);
    for (int64_t i = infer__unit_begin(s.bins, units, begin); i < last; i++) {
        const struct roi_bin bin = roi_bin_of(t, &s, b->in[1], b->in[2], i);
        const float *x = (const float *)b->in[0] + bin.image * s.h * s.w * s.channels;
        for (int64_t c = 0; c < s.channels; c++)
            ((float *)b->out[0])[i * s.channels + c] = channel(t, &s, &bin, x + c);
    }
}

const struct infer__kernel infer__roi_align_c = {.name = "roi_align_c",
                                                 .isa = INFER_ISA_C,
                                                 .estimate = roi_align_estimate,
                                                 .prepare = roi_prepare,
                                                 .run = roi_align_run};

/* ---- MaxRoiPool ------------------------------------------------------------------------------ */

INFER__APART static double max_roi_pool_estimate(const struct infer__task *t)
{
    if (!roi_serves(t, INFER__OP_MAX_ROI_POOL))
        return -1;
    return infer__bytes_ns(t) + 10 * (double)infer__operand_elements(&t->out[0]);
}

/* The pixels [range[0], range[1]) of bin `i` out of `bins` of a box from `begin` to `end`, whole
 * pixels, both inclusive. */
static void bin_pixels(float begin, float end, int64_t i, int64_t bins, int64_t size,
                       int64_t range[2])
{
    const double first = round((double)begin), last = round((double)end);
    const double extent = last - first + 1 > 1 ? last - first + 1 : 1, each = extent / (double)bins;
    const double from = first + floor((double)i * each), to = first + ceil((double)(i + 1) * each);
    range[0] = from > 0 ? (from < (double)size ? (int64_t)from : size) : 0;
    range[1] = to > 0 ? (to < (double)size ? (int64_t)to : size) : 0;
}

/* A box without a place, or without an image: no number. */
static int is_nowhere(const float box[5])
{
    int any = 0;
    for (int k = 0; k < 5; k++)
        any |= box[k] != box[k];
    return any;
}

static void max_roi_pool_run(const struct infer__task *t, const struct infer__buffers *b,
                             uint32_t begin, uint32_t end)
{
    const struct roi_shape s = roi_shape_of(t);
    const uint32_t units = roi_units(t, &s);
    const int64_t last = infer__unit_begin(s.bins, units, end), channels = s.channels;
    for (int64_t i = infer__unit_begin(s.bins, units, begin); i < last; i++) {
        const float *box = (const float *)b->in[1] + i / s.out_w / s.out_h * 5;
        const float scale = t->p.roi.scale;
        const int64_t image =
            box[0] > 0 ? (box[0] < (float)s.images ? (int64_t)box[0] : s.images - 1) : 0;
        const float *x = (const float *)b->in[0] + image * s.h * s.w * channels;
        float *y = (float *)b->out[0] + i * channels;
        int64_t rows[2], columns[2];
        bin_pixels(box[2] * scale, box[4] * scale, i / s.out_w % s.out_h, s.out_h, s.h, rows);
        bin_pixels(box[1] * scale, box[3] * scale, i % s.out_w, s.out_w, s.w, columns);
        const int empty = rows[0] >= rows[1] || columns[0] >= columns[1];
        const float start = is_nowhere(box) ? NAN : empty ? 0 : -INFINITY;
        for (int64_t c = 0; c < channels; c++)
            y[c] = start;
        for (int64_t h = rows[0]; h < rows[1]; h++)
            for (int64_t w = columns[0]; w < columns[1]; w++)
                for (int64_t c = 0; c < channels; c++) {
                    float v = x[(h * s.w + w) * channels + c];
                    y[c] = v > y[c] || v != v ? v : y[c];
                }
    }
}

const struct infer__kernel infer__max_roi_pool_c = {.name = "max_roi_pool_c",
                                                    .isa = INFER_ISA_C,
                                                    .estimate = max_roi_pool_estimate,
                                                    .prepare = roi_prepare,
                                                    .run = max_roi_pool_run};
