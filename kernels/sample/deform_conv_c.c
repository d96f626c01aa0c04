/* The definition of DeformConv: the taps of a window are read where the offsets move them, between
 * four pixels, 0 outside, and weighted by the mask; then it is a convolution, summed in double. */
#include <math.h>

#include "kernels/nd.h"

enum { INPUT, WEIGHTS, OFFSETS, BIAS, MASK };

struct deform {
    int64_t h, w, channels;          /* of an image of the input */
    int64_t out_h, out_w, m, pixels; /* of one of the output; its channels; pixels of all */
    int64_t kh, kw, taps, groups;    /* groups of offsets */
};

static struct deform deform_of(const struct infer__task *t)
{
    const int64_t *x = t->in[INPUT].dims, *y = t->out[0].dims, *k = t->p.window.kernel + 1;
    struct deform d = {x[1], x[2], x[3],        y[1], y[2], y[3], y[0] * y[1] * y[2],
                       k[0], k[1], k[0] * k[1], 0};
    d.groups = t->in[OFFSETS].dims[1] / (2 * d.taps);
    return d;
}

static uint32_t deform_units(const struct infer__task *t, const struct deform *d)
{
    return infer__task_units(t, d->pixels, 4);
}

INFER__APART static double deform_estimate(const struct infer__task *t)
{
    if (t->op != INFER__OP_DEFORM_CONV || !t->in[INPUT].clast || !t->out[0].clast ||
        t->in[INPUT].rank != 4 || !infer__no_epilogue(t))
        return -1;
    struct deform d = deform_of(t);
    return infer__bytes_ns(t) + (double)d.pixels * (double)d.taps * (double)d.channels *
                                    (5 + 0.8 * (double)d.m / (double)t->p.window.groups);
}

static infer_status deform_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct deform d = deform_of(t);
    (void)err;
    need->units = deform_units(t, &d);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(d.taps, d.channels), sizeof(float));
    return INFER_OK;
}

/* Between the four pixels around (y, x); those outside of the image are 0. */
static float between(const struct deform *d, const float *image, int64_t c, float y, float x)
{
    if (!(y > -1 && y < (float)d->h && x > -1 && x < (float)d->w))
        return y != y || x != x ? NAN : 0;
    const float y0 = floorf(y), x0 = floorf(x), below = y - y0, right = x - x0;
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        int64_t row = (int64_t)y0 + i / 2, column = (int64_t)x0 + i % 2;
        if (row >= 0 && row < d->h && column >= 0 && column < d->w)
            sum += (i / 2 ? below : 1 - below) * (i % 2 ? right : 1 - right) *
                   image[(row * d->w + column) * d->channels + c];
    }
    return sum;
}

/* What the window of a pixel sees: [taps][channels]. */
static void see(const struct infer__task *t, const struct infer__buffers *b, const struct deform *d,
                int64_t n, int64_t row, int64_t column, float *seen)
{
    const struct infer__window *w = &t->p.window;
    const int64_t area = d->out_h * d->out_w, at = row * d->out_w + column;
    const float *image = (const float *)b->in[INPUT] + n * d->h * d->w * d->channels;
    const float *offsets = (const float *)b->in[OFFSETS] + n * t->in[OFFSETS].dims[1] * area + at;
    const float *mask = NULL;
    if (infer__has_in(t, MASK))
        mask = (const float *)b->in[MASK] + n * t->in[MASK].dims[1] * area + at;
    for (int64_t k = 0; k < d->taps; k++)
        for (int64_t c = 0; c < d->channels; c++) {
            const int64_t tap = c / (d->channels / d->groups) * d->taps + k;
            const int64_t y = row * w->stride[1] - w->pad_begin[1] + k / d->kw * w->dilation[1];
            const int64_t x = column * w->stride[2] - w->pad_begin[2] + k % d->kw * w->dilation[2];
            float v = between(d, image, c, (float)y + offsets[2 * tap * area],
                              (float)x + offsets[(2 * tap + 1) * area]);
            seen[k * d->channels + c] = mask ? v * mask[tap * area] : v;
        }
}

static void deform_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct deform d = deform_of(t);
    const uint32_t units = deform_units(t, &d);
    const int64_t each = d.channels / t->p.window.groups, outs = d.m / t->p.window.groups;
    const float *bias = infer__has_in(t, BIAS) ? b->in[BIAS] : NULL;
    const int64_t last = infer__unit_begin(d.pixels, units, end);
    float *seen = b->scratch;
    for (int64_t i = infer__unit_begin(d.pixels, units, begin); i < last; i++) {
        see(t, b, &d, i / d.out_w / d.out_h, i / d.out_w % d.out_h, i % d.out_w, seen);
        for (int64_t m = 0; m < d.m; m++) {
            const float *w = (const float *)b->in[WEIGHTS] + m * each * d.taps;
            const float *x = seen + m / outs * each;
            double sum = bias ? (double)bias[m] : 0;
            for (int64_t c = 0; c < each; c++)
                for (int64_t k = 0; k < d.taps; k++)
                    sum += (double)w[c * d.taps + k] * (double)x[k * d.channels + c];
            ((float *)b->out[0])[i * d.m + m] = (float)sum;
        }
    }
}

const struct infer__kernel infer__deform_conv_c = {.name = "deform_conv_c",
                                                   .isa = INFER_ISA_C,
                                                   .estimate = deform_estimate,
                                                   .prepare = deform_prepare,
                                                   .run = deform_run};
