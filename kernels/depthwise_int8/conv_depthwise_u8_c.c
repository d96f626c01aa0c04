/* Depthwise convolution in int8 in plain loops over channels, which a compiler can turn into
 * vectors; for machines that have none of the levels. Any kernel, stride, dilation and rank. */
#include "kernels/conv_int8/conv_int8.h"
#include "kernels/conv_int8/requantise.h"
#include "kernels/linear/linear.h"

enum { BLOCK = 64 }; /* channels at once */

static int serves(const struct infer__task *t, struct infer__linear *s)
{
    return t->op == INFER__OP_CONV && infer__linear_int8(t, s) && s->cg == 1 && s->mg == 1 &&
           !s->f32 && t->in[1].is_const;
}

static int64_t pixels_of(const struct infer__linear *s)
{
    return s->y.n * s->y.d * s->y.h * s->y.w;
}

static uint32_t units_of(const struct infer__task *t, const struct infer__linear *s)
{
    return infer__units(pixels_of(s), 8, t->threads > 1 ? 8 * t->threads : 1);
}

static infer_status conv_depthwise_prepare(const struct infer__task *t, struct infer__need *need,
                                           infer_error *err)
{
    struct infer__linear *s = need->cut;
    FAIL_IF(!serves(t, s), INFER_ERROR_INTERNAL, "not a depthwise convolution");
    need->packed_bytes = infer__bytes_of(INFER__PRODUCT(s->taps, s->x.c), sizeof(int16_t));
    need->units = units_of(t, s);
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

/* Weights less their zero points, by tap, then channel. */
static void conv_depthwise_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const int8_t *w = t->in[1].data;
    int16_t *to = packed;
    const struct infer__linear *s = cut;
    for (int64_t tap = 0; tap < s->taps; tap++)
        for (int64_t c = 0; c < s->x.c; c++)
            *to++ = (int16_t)(w[c * s->taps + tap] - infer__conv8_w_zero(s, c));
}

/* What one pixel needs: its first tap's coordinates, and taps from .. to - 1 of each axis. */
struct pixel {
    int64_t n, begin[3], range[3][2];
};

static struct pixel pixel_of(const struct infer__linear *s, int64_t i)
{
    const int64_t at[3] = {i / s->y.w / s->y.h % s->y.d, i / s->y.w % s->y.h, i % s->y.w};
    const int64_t size[3] = {s->x.d, s->x.h, s->x.w};
    struct pixel p = {.n = i / s->y.w / s->y.h / s->y.d};
    for (int a = 0; a < 3; a++) {
        p.begin[a] = at[a] * s->w.stride[a] - s->w.pad_begin[a];
        infer__tap_range(p.begin[a], s->w.dilation[a], s->w.kernel[a], size[a], p.range[a]);
    }
    return p;
}

/* The sums of `count` channels from c on: modulo 2^32, as everywhere. */
static void sums(const struct infer__linear *s, const struct pixel *p, const uint8_t *x,
                 const int16_t *w, int64_t c, int64_t count, uint32_t *sum)
{
    for (int64_t d = p->range[0][0]; d < p->range[0][1]; d++)
        for (int64_t h = p->range[1][0]; h < p->range[1][1]; h++)
            for (int64_t v = p->range[2][0]; v < p->range[2][1]; v++) {
                const int64_t tap = (d * s->w.kernel[1] + h) * s->w.kernel[2] + v;
                const int64_t row = (p->n * s->x.d + p->begin[0] + d * s->w.dilation[0]) * s->x.h +
                                    p->begin[1] + h * s->w.dilation[1];
                const uint8_t *from =
                    x + (row * s->x.w + p->begin[2] + v * s->w.dilation[2]) * s->x.c + c;
                const int16_t *by = w + tap * s->x.c + c;
                for (int64_t i = 0; i < count; i++)
                    sum[i] += (uint32_t)((from[i] - s->x_zero) * by[i]);
            }
}

static void conv_depthwise_run(const struct infer__task *t, const struct infer__buffers *b,
                               uint32_t begin, uint32_t end)
{
    const struct infer__linear *s = b->cut;
    const int32_t *bias = s->bias ? b->in[2] : NULL;
    const uint8_t *residual = s->residual ? b->in[s->residual] : NULL;
    const int64_t last = infer__unit_begin(pixels_of(s), units_of(t, s), end);
    for (int64_t i = infer__unit_begin(pixels_of(s), units_of(t, s), begin); i < last; i++) {
        const struct pixel p = pixel_of(s, i);
        for (int64_t c = 0; c < s->y.c; c += BLOCK) {
            const int64_t count = s->y.c - c < BLOCK ? s->y.c - c : BLOCK, at = i * s->y.c + c;
            uint32_t sum[BLOCK];
            for (int64_t k = 0; k < count; k++)
                sum[k] = bias ? (uint32_t)bias[c + k] : 0;
            sums(s, &p, b->in[0], b->packed, c, count, sum);
            for (int64_t k = 0; k < count; k++)
                ((uint8_t *)b->out[0])[at + k] =
                    infer__requantise(s->rq, (int32_t)sum[k], infer__conv8_factor(s, c + k),
                                      residual ? residual + at + k : NULL);
        }
    }
}

INFER__APART static double conv_depthwise_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (!serves(t, &s))
        return -1;
    double outputs = (double)pixels_of(&s) * (double)s.y.c;
    return 800 + outputs * ((double)s.taps * 0.25 + 9);
}

const struct infer__kernel infer__conv_depthwise_u8_c = {
    .name = "conv_depthwise_u8_c",
    .isa = INFER_ISA_C,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = conv_depthwise_estimate,
    .prepare = conv_depthwise_prepare,
    .pack = conv_depthwise_pack,
    .run = conv_depthwise_run,
};
