#include "kernels/resize/resize_taps.h"

#include <math.h>

/* An axis of scale 1 stays as it is, whatever the coordinate mode would do to half pixels. */
static int changes(const struct infer__task *t, int i)
{
    return t->in[0].dims[i] != t->out[0].dims[i] || t->p.resize.scale[i] != 1 ||
           t->p.resize.coordinate == INFER__TF_CROP_AND_RESIZE;
}

/* Shrinking with antialiasing stretches the filter by this much. */
static double stretch(const struct infer__task *t, int axis)
{
    double scale = (double)t->p.resize.scale[axis], in = (double)t->in[0].dims[axis];
    if (!t->p.resize.antialias || !(scale < 1))
        return 1;
    return scale * in < 1 ? in : 1 / scale; /* no output could be left beyond that */
}

/* Taps to the left of the place and of the element it is in: 1 to the right makes them even. */
static int64_t reach(const struct infer__task *t, int axis)
{
    double support = t->p.resize.mode == INFER__CUBIC ? 2 : 1;
    return -(int64_t)floor(-support * stretch(t, axis)) - 1;
}

static int64_t taps_of(const struct infer__task *t, int axis)
{
    int64_t n = t->p.resize.mode == INFER__NEAREST ? 1 : 2 * reach(t, axis) + 2;
    return n < t->in[0].dims[axis] ? n : t->in[0].dims[axis];
}

/* Memory for so many of these, to the end of a cache line. */
static int64_t line_bytes(int64_t count, size_t size)
{
    return infer__count_align(INFER__PRODUCT(count, (int64_t)size), 64);
}

struct infer__resizing infer__resize_of(const struct infer__task *t)
{
    struct infer__resizing r = {.axes = 0, .outer = 1};
    int rank = t->in[0].rank, any = 0;
    for (int i = 0; i < rank; i++)
        any |= changes(t, i);
    for (int i = 0; i < rank; i++) {
        if (any ? !changes(t, i) : i != 0) { /* where nothing changes, axis 0 is copied */
            *(r.axes ? &r.axis[r.axes - 1].between : &r.outer) *= t->in[0].dims[i];
            continue;
        }
        struct infer__resize_axis *a = &r.axis[r.axes++];
        *a = (struct infer__resize_axis){.axis = i,
                                         .in = t->in[0].dims[i],
                                         .out = t->out[0].dims[i],
                                         .taps = taps_of(t, i),
                                         .between = 1,
                                         .rest_in = 1,
                                         .rest_out = 1};
        for (int k = i + 1; k < rank; k++) {
            a->rest_in *= t->in[0].dims[k];
            a->rest_out *= t->out[0].dims[k];
        }
        a->tmp_floats = r.scratch_floats;
        r.scratch_floats = INFER__SUM(r.scratch_floats, infer__count_align(a->rest_in, 16));
        a->at_first = r.table_bytes;
        r.table_bytes = INFER__SUM(r.table_bytes, line_bytes(a->out, sizeof *a->first));
        a->at_weights = r.table_bytes;
        const int64_t weights = INFER__PRODUCT(a->out, a->taps);
        r.table_bytes = INFER__SUM(r.table_bytes, line_bytes(weights, sizeof *a->weights));
    }
    return r;
}

struct infer__resizing infer__resize_at(const struct infer__resizing *cut, void *table)
{
    struct infer__resizing r = *cut;
    for (struct infer__resize_axis *a = r.axis; a < r.axis + r.axes; a++) {
        a->first = (void *)((char *)table + a->at_first);
        a->weights = (void *)((char *)table + a->at_weights);
    }
    return r;
}

/* ---- coordinates ---------------------------------------------------------------------------- */

/* The size that the scale stands for. It need not be an integer, and where it isn't, ONNX computes
 * with it (and floors it for the shape); where it is one but for rounding, it is `out` itself. */
static double exact_size(const struct infer__task *t, int axis)
{
    double out = (double)t->out[0].dims[axis];
    double size = (double)t->p.resize.scale[axis] * (double)t->in[0].dims[axis];
    return fabs(size - out) < 1e-5 * out ? out : size;
}

/* x / scale. Scales are decimal numbers rounded to f32: dividing in f32 gives 3 / 0.6f = 5, which
 * is what was meant, and not the integer below it. */
static double unscale(const struct infer__task *t, int axis, double x)
{
    double out = (double)t->out[0].dims[axis], size = exact_size(t, axis);
    if (size == out)
        return x * (double)t->in[0].dims[axis] / out;
    return (double)((float)x / t->p.resize.scale[axis]);
}

/* The place in the input of output element x, in elements. */
static double place(const struct infer__task *t, int axis, int64_t x)
{
    const struct infer__resize *p = &t->p.resize;
    double size = exact_size(t, axis), i = (double)x, in = (double)t->in[0].dims[axis];
    double from = (double)p->roi_begin[axis], to = (double)p->roi_end[axis];
    double out = (double)t->out[0].dims[axis];
    if (!changes(t, axis))
        return i;
    switch (p->coordinate) {
    case INFER__PYTORCH_HALF_PIXEL:
        return t->out[0].dims[axis] == 1 ? 0 : unscale(t, axis, i + 0.5) - 0.5;
    case INFER__ALIGN_CORNERS:
        return size == 1 ? 0 : i * (in - 1) / (size - 1);
    case INFER__ASYMMETRIC:
        return unscale(t, axis, i);
    case INFER__TF_CROP_AND_RESIZE:
        return t->out[0].dims[axis] == 1 ? 0.5 * (from + to) * (in - 1)
                                         : from * (in - 1) + i * (to - from) * (in - 1) / (out - 1);
    case INFER__TF_HALF_PIXEL_FOR_NN:
        return unscale(t, axis, i + 0.5);
    case INFER__HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / size) + unscale(t, axis, i + 0.5) - 0.5;
    default:
        return unscale(t, axis, i + 0.5) - 0.5;
    }
}

static int64_t nearest(const struct infer__task *t, double x)
{
    switch (t->p.resize.nearest) {
    case INFER__ROUND_PREFER_FLOOR:
        return (int64_t)ceil(x - 0.5);
    case INFER__ROUND_PREFER_CEIL:
        return (int64_t)floor(x + 0.5);
    case INFER__FLOOR:
        return (int64_t)floor(x);
    default:
        return (int64_t)ceil(x);
    }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* The filter at distance d: a triangle, or Keys' cubic convolution (1981) with parameter a. */
static double filter(const struct infer__task *t, double d)
{
    double a = (double)t->p.resize.cubic_a;
    d = fabs(d);
    if (t->p.resize.mode == INFER__LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d <= 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static int64_t clamp(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* Taps outside of the input count for the element at its edge, or not at all. Weights add up to
 * 1 with either, but for rounding. */
static void weigh(const struct infer__task *t, const struct infer__resize_axis *a, int64_t o,
                  double x)
{
    double sum = 0, wide = stretch(t, a->axis), base = floor(x);
    int64_t left = reach(t, a->axis), first = clamp((int64_t)base - left, 0, a->in - a->taps);
    float *w = a->weights + o * a->taps;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = (int64_t)base - left; i <= (int64_t)base + left + 1; i++) {
            double each = filter(t, ((double)i - x) / wide);
            if (t->p.resize.exclude_outside && (i < 0 || i >= a->in))
                continue;
            if (pass == 0)
                sum += each;
            else
                w[clamp(i, 0, a->in - 1) - first] += (float)(each / sum);
        }
    a->first[o] = first;
}

static void fill_axis(const struct infer__task *t, const struct infer__resize_axis *a)
{
    for (int64_t o = 0; o < a->out; o++) {
        double x = place(t, a->axis, o), last = (double)(a->in - 1);
        for (int64_t k = 0; k < a->taps; k++)
            a->weights[o * a->taps + k] = 0;
        if (a->in == 0 ||
            (t->p.resize.coordinate == INFER__TF_CROP_AND_RESIZE && !(x >= 0 && x <= last))) {
            a->first[o] = -1;
            continue;
        }
        /* Beyond the edges nothing changes any more, and the numbers stay small. */
        double margin = 4 * (double)a->in + 8;
        x = x > -margin ? x < last + margin ? x : last + margin : -margin;
        if (t->p.resize.mode == INFER__NEAREST) {
            a->first[o] = clamp(nearest(t, x), 0, a->in - 1);
            a->weights[o * a->taps] = 1;
        } else {
            weigh(t, a, o, x);
        }
    }
}

void infer__resize_fill(const struct infer__task *t, const struct infer__resizing *r)
{
    for (int i = 0; i < r->axes; i++)
        fill_axis(t, &r->axis[i]);
}
