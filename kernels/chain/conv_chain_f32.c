/* levels: c avx2 avx512 */
/* Chains of convolutions in f32: chain_shape.h says what is computed in which order,
 * pointwise_tile.h and depthwise_rows.h compute it. */
#include "kernels/levels.h"

/* Multiply-adds per nanosecond of the 1x1 convolutions, and how many of them take as long as the
 * store of an output: measured on a Zen 4 core. */
#define RATE PER_LEVEL(19.0, 52.0, 58.5)
#define STORE PER_LEVEL(2.75, 5.0, 2.75)

#include "kernels/chain/chain_shape.h"
#include "kernels/chain/pointwise_tile.h"
#include "kernels/conv/depthwise_rows.h"

#define NEAR_FLOATS (192 << 10) /* of weights that stay in the second-level cache */

/* One item: output rows [begin, end) of picture n, and the part of the channels. */
struct item {
    int64_t n, begin, end;
    int64_t channel, channels, blocks; /* of the depthwise; whole blocks, though not all used */
};

struct work {
    const struct infer__task *t;
    const struct infer__chain_shape *s;
    const float *x, *residual, *packed;
    float *y, *ring;
    float *middle; /* rows of a round, or, if the projection is apart, of all pictures */
    struct item item;
};

/* ---- the stages ----------------------------------------------------------------------------- */

/* Expands input rows [begin, end) into the ring. */
static void expand_rows(const struct work *k, int64_t begin, int64_t end, int far)
{
    const struct infer__chain_shape *s = k->s;
    const struct item *i = &k->item;
    if (begin >= end)
        return;
    struct pw_run r = {.x = k->x + (i->n * s->x.h + begin) * s->x.w * s->x.c,
                       .pixels = (end - begin) * s->x.w,
                       .x_step = s->x.c,
                       .k = s->x.c,
                       .weights = k->packed + s->at_expand + i->channel * s->x.c,
                       .bias = k->packed + s->at_expand_bias + i->channel,
                       .blocks = i->blocks,
                       .valid = i->blocks * CHAIN_BLOCK,
                       .y = k->ring,
                       .y_step = s->step,
                       .at = begin % s->ring * s->x.w,
                       .wrap = s->ring * s->x.w,
                       .epi = &k->t->inner[0],
                       .strict = k->t->strict,
                       .far = far};
    pw_run_panels(&r, 0, pw_panels(i->blocks));
}

/* Where a row of the depthwise goes; `begin` is the first of its round. */
static float *depthwise_output(const struct work *k, int64_t row, int64_t begin)
{
    const struct infer__chain_shape *s = k->s;
    const int64_t pixel = (k->item.n * s->y.h + row) * s->y.w;
    if (!s->project)
        return k->y + pixel * s->y.c + k->item.channel;
    if (s->apart)
        return k->middle + pixel * s->padded + k->item.channel;
    return k->middle + (row - begin) * s->y.w * s->padded;
}

/* Depthwise rows [begin, end), an even number of them or the last of the picture. */
static void depthwise_rows(const struct work *k, int64_t begin, int64_t end)
{
    const struct infer__chain_shape *s = k->s;
    const struct infer__window *w = s->w;
    const struct item *i = &k->item;
    struct dw_rows r = {.kernel_h = (int)w->kernel[1],
                        .kernel_w = (int)w->kernel[2],
                        .stride_h = (int)w->stride[1],
                        .stride_w = (int)w->stride[2],
                        .pad = w->pad_begin[2],
                        .in_w = s->x.w,
                        .out_w = s->y.w,
                        .channels = s->expand && s->project && !s->apart ? s->padded : i->channels,
                        .in_step = s->expand ? s->step : s->x.c,
                        .out_step = s->project ? s->padded : s->y.c,
                        .weights =
                            k->packed + s->at_depthwise + i->channel * w->kernel[1] * w->kernel[2],
                        .bias = k->packed + s->at_depthwise_bias + i->channel,
                        .epi = s->project ? &k->t->inner[1] : &k->t->epi};
    for (int64_t row = begin; row < end; row += 2) {
        int64_t first = row * w->stride[1] - w->pad_begin[1];
        r.rows = row + 1 < end ? 2 : 1;
        for (int64_t j = 0; j < w->kernel[1] + w->stride[1]; j++) {
            int64_t at = first + j;
            int inside = at >= 0 && at < s->x.h;
            if (s->expand)
                r.x[j] = inside ? k->ring + at % s->ring * s->x.w * s->step : NULL;
            else
                r.x[j] = inside ? k->x + (i->n * s->x.h + at) * s->x.w * s->x.c + i->channel : NULL;
        }
        for (int q = 0; q < r.rows; q++)
            r.y[q] = depthwise_output(k, row + q, begin);
        LEVEL_NAME(infer__dw_rows)(&r);
    }
}

/* Panels of the projection. */
static int64_t panels_of(const struct infer__chain_shape *s)
{
    return pw_panels(ceil_div(s->y.c, CHAIN_BLOCK));
}

/* Projects `pixels` pixels of `middle`, output pixels number `first` on, as far as panels
 * [begin, end) go. */
static void project(const struct work *k, const float *middle, int64_t first, int64_t pixels,
                    int64_t begin, int64_t end, int far)
{
    const struct infer__chain_shape *s = k->s;
    int64_t at = first * s->y.c;
    struct pw_run r = {.x = middle,
                       .pixels = pixels,
                       .x_step = s->padded,
                       .k = s->middle,
                       .weights = k->packed + s->at_project,
                       .bias = k->packed + s->at_project_bias,
                       .blocks = ceil_div(s->y.c, CHAIN_BLOCK),
                       .valid = s->y.c,
                       .y = k->y + at,
                       .y_step = s->y.c,
                       .wrap = INT64_MAX,
                       .residual = k->residual ? k->residual + at : NULL,
                       .epi = &k->t->epi,
                       .strict = k->t->strict,
                       .far = far};
    pw_run_panels(&r, begin, end);
}

/* Units [begin, end) of `units` of a projection that is apart: items are panels of strips. */
static void project_units(const struct work *k, int64_t begin, int64_t end, int64_t units)
{
    const struct infer__chain_shape *s = k->s;
    const int64_t panels = panels_of(s), items = panels * s->strips;
    const int64_t pixels = s->y.n * s->y.h * s->y.w, last = infer__unit_begin(items, units, end);
    for (int64_t i = infer__unit_begin(items, units, begin), next; i < last; i = next) {
        const int64_t strip = i / panels, stop = (strip + 1) * panels;
        next = stop < last ? stop : last;
        const int64_t first = infer__unit_begin(pixels, s->strips, strip);
        project(k, k->middle + first * s->padded, first,
                infer__unit_begin(pixels, s->strips, strip + 1) - first, i - strip * panels,
                next - strip * panels, 1);
    }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static struct item item_of(const struct infer__chain_shape *s, int64_t index)
{
    int64_t part = index % s->parts, band = index / s->parts % s->bands;
    int64_t blocks = s->padded / CHAIN_BLOCK, b0 = pw_first(blocks, s->parts, part);
    struct item i = {.n = index / s->parts / s->bands};
    i.begin = infer__unit_begin(s->y.h, s->bands, band);
    i.end = infer__unit_begin(s->y.h, s->bands, band + 1);
    i.channel = b0 * CHAIN_BLOCK;
    i.blocks = pw_first(blocks, s->parts, part + 1) - b0;
    i.channels = i.blocks * CHAIN_BLOCK;
    if (i.channels > s->middle - i.channel)
        i.channels = s->middle - i.channel;
    return i;
}

static void run_item(const struct work *k)
{
    const struct infer__chain_shape *s = k->s;
    const struct infer__window *w = s->w;
    int64_t done = 0; /* input rows before this one are in the ring, as far as still needed */
    for (int64_t row = k->item.begin; row < k->item.end; row += s->group) {
        int64_t end = row + s->group < k->item.end ? row + s->group : k->item.end;
        int64_t first = row * w->stride[1] - w->pad_begin[1];
        int far = row == k->item.begin || s->packed_floats > NEAR_FLOATS;
        int64_t last = (end - 1) * w->stride[1] - w->pad_begin[1] + w->kernel[1];
        if (s->expand) {
            first = first > done ? first : done;
            last = last < s->x.h ? last : s->x.h;
            expand_rows(k, first, last, far);
            done = last > done ? last : done;
        }
        depthwise_rows(k, row, end);
        if (s->project && !s->apart)
            project(k, k->middle, (k->item.n * s->y.h + row) * s->y.w, (end - row) * s->y.w, 0,
                    panels_of(s), far);
    }
}

static void chain_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct infer__chain_shape *s = b->cut;
    struct work k = {.t = t, .s = s, .x = b->in[CHAIN_X], .packed = b->packed, .y = b->out[0]};
    k.residual = s->residual ? b->in[CHAIN_RESIDUAL] : NULL;
    k.ring = b->scratch;
    k.middle = (s->apart ? (float *)b->shared : k.ring) + s->ring_floats;
    const uint32_t barrier = s->apart ? s->barrier : s->units, behind = s->units - barrier;
    const int64_t last = infer__unit_begin(s->items, barrier, end < barrier ? end : barrier);
    if (begin < barrier)
        for (int64_t i = infer__unit_begin(s->items, barrier, begin); i < last; i++) {
            k.item = item_of(s, i);
            run_item(&k);
        }
    if (s->apart && end > barrier)
        project_units(&k, begin > barrier ? begin - barrier : 0, end - barrier, behind);
}

static infer_status chain_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    struct infer__chain_shape *s = need->cut;
    (void)err;
    infer__chain_shape(t, s);
    need->packed_bytes = infer__bytes_of(s->packed_floats, sizeof(float));
    need->scratch_bytes =
        infer__bytes_of(INFER__SUM(s->ring_floats, s->middle_floats), sizeof(float));
    need->units = s->units;
    need->barrier = s->barrier;
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void pack_bias(const struct infer__operand *bias, int64_t n, float *to)
{
    const float *from = bias->type ? bias->data : NULL;
    int64_t whole = round_up(n, CHAIN_BLOCK);
    for (int64_t i = 0; i < whole; i++)
        to[i] = from && i < n ? from[i] : 0;
}

static void chain_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__chain_shape *s = cut;
    float *to = packed;
    if (s->expand) {
        pw_pack(t->in[CHAIN_EXPAND].data, s->middle, s->padded, s->x.c, to + s->at_expand);
        pack_bias(&t->in[CHAIN_EXPAND_BIAS], s->middle, to + s->at_expand_bias);
    }
    infer__dw_pack(t->in[CHAIN_DEPTHWISE].data, s->w->kernel[1] * s->w->kernel[2], s->middle,
                   to + s->at_depthwise);
    pack_bias(&t->in[CHAIN_DEPTHWISE_BIAS], s->middle, to + s->at_depthwise_bias);
    if (s->project) {
        pw_pack(t->in[CHAIN_PROJECT].data, s->y.c, s->y.c, s->middle, to + s->at_project);
        pack_bias(&t->in[CHAIN_PROJECT_BIAS], s->y.c, to + s->at_project_bias);
    }
}

/* A 1x1 convolution's ns: products of whole half blocks, and the stores, which take as long as
 * STORE products. Half a vector takes three quarters of a whole one's time. */
static double pointwise_ns(const struct infer__machine *m, double pixels, int64_t k, int64_t n,
                           unsigned act)
{
    double halves = (double)((n + PW_HALF - 1) / PW_HALF);
    double odd = VEC > PW_HALF && n % PW_BLOCK && n % PW_BLOCK <= PW_HALF ? 0.5 : 0;
    double more = vec_is_simple(act) ? 0 : vec_activation_ns(act);
    return pixels *
           ((halves + odd) * PW_HALF * ((double)k / m->products + STORE) / RATE + (double)n * more);
}

/* The rows that two bands both expand are counted, as if there always were two: which kernel is
 * chosen must not depend on the number of threads. */
INFER__APART static double chain_estimate(const struct infer__task *t)
{
    struct infer__chain_shape s;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__chain_shape(t, &s))
        return -1;
    double out = (double)s.y.n * (double)s.y.h * (double)s.y.w;
    double in = (double)s.x.n * (double)s.x.h * (double)s.x.w;
    int one = s.project || s.padded <= CHAIN_PART * CHAIN_BLOCK; /* part, on one thread */
    double halo = one ? (double)(s.w->kernel[1] - s.w->stride[1]) / 2 : 0;
    const struct infer__machine *m = infer__task_machine(t);
    double ns = 1000;
    if (s.expand)
        ns += pointwise_ns(m, in * (1 + (halo > 0 ? halo / (double)s.x.h : 0)), s.x.c, s.middle,
                           t->inner[0].act);
    ns += LEVEL_NAME(infer__dw_ns)(s.w, out, s.middle, s.project ? t->inner[1].act : t->epi.act);
    if (s.project)
        ns += pointwise_ns(m, out, s.middle, s.y.c, t->epi.act);
    return ns;
}

const struct infer__kernel LEVEL_NAME(infer__conv_chain_f32) = {
    .name = LEVEL_STRING("conv_chain_f32"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__chain_shape),
    .estimate = chain_estimate,
    .prepare = chain_prepare,
    .pack = chain_pack,
    .run = chain_run,
};
