/* levels: c avx2 avx512 */
/* Depthwise f32 convolution (one input and one output channel per group) along the channels.
 *
 * Each output is bias + the products tap by tap (D, H, W), accumulated in f32; taps in the padding
 * are left out. Pixels of a row whose taps are all inside go four at a time, the others singly.
 */
#include "kernels/levels.h"

#define RATE PER_LEVEL(13.0, 23.0, 33.0) /* multiply-adds per nanosecond, measured */

#include "kernels/linear/linear.h"
#include "kernels/vec_epilogue.h"

#define PIXELS 4 /* computed at once */
#define WIDE 2   /* vectors of channels computed at once */

/* One row of output pixels: the taps of the D and H axes that lie inside, and the place in x
 * (perhaps before its begin) of tap 0 of input column 0. */
struct row {
    const struct infer__task *t;
    const struct infer__linear *s;
    const float *x, *packed, *bias, *residual;
    float *y;
    int64_t padded;       /* channels of a packed tap */
    int64_t kd[2], kh[2]; /* ranges of taps */
    int64_t origin;
    int64_t row_d, row_h; /* floats from one tap of D or H to the next */
};

/* Pixels that are computed together, and the range of their taps on the W axis. */
struct span {
    int64_t out, in; /* first output pixel; input pixel of its tap 0 */
    int64_t k0, k1;
};

/* `nv` vectors of channels from c on, of `mr` pixels; `rest` is VEC, or fewer channels that the
 * only vector has. mr and nv are constants. */
VEC_INLINE void span_body(int mr, int nv, const struct row *r, const struct span *p, int64_t c,
                          int rest)
{
    const struct infer__window *w = &r->s->w;
    const int64_t channels = r->s->x.c, step = w->stride[2] * channels;
    const int full = rest == VEC;
    vec sum[PIXELS][WIDE];
    VEC_UNROLL
    for (int v = 0; v < nv; v++) {
        vec bias = vec_set(0);
        if (r->bias)
            bias = full ? vec_load(r->bias + c + v * VEC) : vec_load_n(r->bias + c, rest);
        VEC_UNROLL
        for (int m = 0; m < mr; m++)
            sum[m][v] = bias;
    }
    for (int64_t kd = r->kd[0]; kd < r->kd[1]; kd++)
        for (int64_t kh = r->kh[0]; kh < r->kh[1]; kh++) {
            const float *weights =
                r->packed + ((kd * w->kernel[1] + kh) * w->kernel[2] + p->k0) * r->padded + c;
            const float *x = r->x + (r->origin + kd * r->row_d + kh * r->row_h +
                                     (p->in + p->k0 * w->dilation[2]) * channels + c);
            for (int64_t k = p->k0; k < p->k1; k++) {
                VEC_UNROLL
                for (int v = 0; v < nv; v++) {
                    vec a = vec_load(weights + v * VEC);
                    VEC_UNROLL
                    for (int m = 0; m < mr; m++) {
                        const float *at = x + m * step + v * VEC;
                        vec b = full ? vec_load(at) : vec_load_n(at, rest);
                        sum[m][v] = vec_fma(b, a, sum[m][v]);
                    }
                }
                weights += r->padded;
                x += w->dilation[2] * channels;
            }
        }
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            int64_t at = (p->out + m) * channels + c + v * VEC;
            vec x = sum[m][v];
            if (r->residual)
                x = vec_add(x,
                            full ? vec_load(r->residual + at) : vec_load_n(r->residual + at, rest));
            x = vec_activate(&r->t->epi, x);
            if (full)
                vec_store(r->y + at, x);
            else
                vec_store_n(r->y + at, x, rest);
        }
    }
}

/* All channels of one pixel or of PIXELS pixels. */
VEC_INLINE void span_channels(int mr, const struct row *r, const struct span *p)
{
    int64_t c = 0, channels = r->s->x.c;
    for (; c + WIDE * VEC <= channels; c += WIDE * VEC)
        span_body(mr, WIDE, r, p, c, VEC);
    for (; c + VEC <= channels; c += VEC)
        span_body(mr, 1, r, p, c, VEC);
    if (c < channels)
        span_body(mr, 1, r, p, c, (int)(channels - c));
    if (!vec_is_simple(r->t->epi.act)) { /* in the first-level cache still */
        float *y = r->y + p->out * channels;
        vec_epilogue_row(&r->t->epi, y, NULL, y, mr * channels);
    }
}

static void one_pixel(const struct row *r, const struct span *p)
{
    span_channels(1, r, p);
}

static void many_pixels(const struct row *r, const struct span *p)
{
    span_channels(PIXELS, r, p);
}

static void run_row(struct row *r, int64_t index)
{
    const struct infer__linear *s = r->s;
    const struct infer__window *w = &s->w;
    int64_t oh = index % s->y.h, od = index / s->y.h % s->y.d, n = index / s->y.h / s->y.d;
    int64_t d = od * w->stride[0] - w->pad_begin[0], h = oh * w->stride[1] - w->pad_begin[1];
    infer__tap_range(d, w->dilation[0], w->kernel[0], s->x.d, r->kd);
    infer__tap_range(h, w->dilation[1], w->kernel[1], s->x.h, r->kh);
    r->row_h = w->dilation[1] * s->x.w * s->x.c;
    r->row_d = w->dilation[0] * s->x.h * s->x.w * s->x.c;
    r->origin = ((n * s->x.d + d) * s->x.h + h) * s->x.w * s->x.c;
    int64_t reach = (w->kernel[2] - 1) * w->dilation[2];
    for (int64_t ow = 0; ow < s->y.w;) {
        struct span p = {.out = index * s->y.w + ow, .in = ow * w->stride[2] - w->pad_begin[2]};
        int64_t range[2];
        infer__tap_range(p.in, w->dilation[2], w->kernel[2], s->x.w, range);
        p.k0 = range[0];
        p.k1 = range[1];
        if (ow + PIXELS <= s->y.w && p.in >= 0 &&
            p.in + (PIXELS - 1) * w->stride[2] + reach < s->x.w) {
            many_pixels(r, &p);
            ow += PIXELS;
        } else {
            one_pixel(r, &p);
            ow++;
        }
    }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

/* Packed: [tap][channels, padded to whole blocks of 16]. */
static int64_t padded_channels(const struct infer__linear *s)
{
    return (s->x.c + CONV_BLOCK - 1) / CONV_BLOCK * CONV_BLOCK;
}

static uint32_t depthwise_units(const struct infer__task *t, const struct infer__linear *s)
{
    return infer__units(s->y.n * s->y.d * s->y.h, 1, t->threads > 1 ? 8 * t->threads : 1);
}

static infer_status depthwise_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__linear *s = need->cut;
    (void)err;
    infer__linear_f32(t, s);
    need->packed_bytes =
        infer__bytes_of(INFER__PRODUCT(s->taps, padded_channels(s)), sizeof(float));
    need->units = depthwise_units(t, s);
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void depthwise_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__linear *s = cut;
    const float *weights = t->in[1].data;
    float *to = packed;
    int64_t padded = padded_channels(s);
    for (int64_t tap = 0; tap < s->taps; tap++)
        for (int64_t c = 0; c < padded; c++)
            *to++ = c < s->x.c ? weights[c * s->taps + tap] : 0;
}

static void depthwise_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    const struct infer__linear *s = b->cut;
    int64_t rows = s->y.n * s->y.d * s->y.h;
    uint32_t units = depthwise_units(t, s);
    struct row r = {.t = t, .s = s, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    r.padded = padded_channels(s);
    r.bias = s->bias ? b->in[2] : NULL;
    r.residual = s->residual ? b->in[s->residual] : NULL;
    int64_t last = infer__unit_begin(rows, units, end);
    for (int64_t i = infer__unit_begin(rows, units, begin); i < last; i++)
        run_row(&r, i);
}

INFER__APART static double depthwise_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (t->op != INFER__OP_CONV || !infer__isa_has(t->isa, LEVEL_ISA) ||
        !infer__linear_f32(t, &s) || !t->in[1].is_const || s.cg != 1 || s.mg != 1 ||
        !infer__linear_countable(&s) || s.taps > 4096)
        return -1;
    double whole = (double)((s.x.c + VEC - 1) / VEC * VEC) / (double)s.x.c;
    double pixels = infer__linear_pixels(&s);
    double act = vec_is_simple(t->epi.act) ? 0 : vec_activation_ns(t->epi.act);
    return 1000 + pixels * (double)s.x.c * (whole * ((double)s.taps + 5) / RATE + act) + 3 * pixels;
}

const struct infer__kernel LEVEL_NAME(infer__conv_depthwise_f32) = {
    .name = LEVEL_STRING("conv_depthwise_f32"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = depthwise_estimate,
    .prepare = depthwise_prepare,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
