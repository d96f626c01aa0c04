/* Shapes, cutting and packing of convolutions; see conv_shape.h. */
#include "kernels/conv/conv_shape.h"

#include "kernels/integers.h"
#include <string.h>

/* ---- shape ---------------------------------------------------------------------------------- */

static int is_spatial_f32(const struct infer__operand *o)
{
    return o->type == INFER_F32 && o->clast && o->rank >= 3 && o->rank <= 5;
}

int infer__conv_shape(const struct infer__task *t, struct infer__conv_shape *s)
{
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    const int scaled = t->op == INFER__OP_SCALED_CONV;
    *s = (struct infer__conv_shape){.w = &t->p.window, .scale = scaled ? 3 : 0};
    if ((t->op != INFER__OP_CONV && t->op != INFER__OP_CONV_TRANSPOSE && !scaled) || t->nin < 2 ||
        own < 2 || (scaled ? own != 4 : own > 3) || t->nout < 1 || t->p.window.groups < 1)
        return 0;
    if (!is_spatial_f32(&t->in[0]) || !is_spatial_f32(&t->out[0]) || t->in[1].type != INFER_F32 ||
        t->in[1].rank != t->in[0].rank)
        return 0;
    if (scaled &&
        (t->in[3].type != INFER_F32 ||
         infer__operand_elements(&t->in[3]) != t->in[0].dims[0] * t->in[0].dims[t->in[0].rank - 1]))
        return 0;
    s->has_bias = own >= 3 && t->in[2].type != INFER_TYPE_NONE;
    s->residual = t->epi.residual ? own : 0;
    if ((s->has_bias && t->in[2].type != INFER_F32) ||
        (s->residual && t->in[s->residual].type != INFER_F32))
        return 0;
    s->transposed = t->op == INFER__OP_CONV_TRANSPOSE;
    s->x = infer__operand_spatial(&t->in[0]);
    s->y = infer__operand_spatial(&t->out[0]);
    s->y_step = t->out[0].pitch ? t->out[0].pitch : s->y.c;
    s->groups = s->w->groups;
    s->cg = s->x.c / s->groups;
    s->mg = s->y.c / s->groups;
    s->taps = s->w->kernel[0] * s->w->kernel[1] * s->w->kernel[2];
    return 1;
}

int infer__conv_servable(const struct infer__conv_shape *s)
{
    const int64_t most = (int64_t)1 << 31;
    int64_t rows = s->y.n * s->y.d * s->y.h;
    return rows > 0 && s->y.w > 0 && rows <= most && s->y.w <= most / rows && s->cg > 0 &&
           s->mg > 0 && s->taps > 0 && s->taps <= 4096;
}

double infer__conv_flops(const struct infer__conv_shape *s)
{
    const struct infer__spatial *at = s->transposed ? &s->x : &s->y;
    double pixels = (double)at->n * (double)at->d * (double)at->h * (double)at->w;
    return 2 * pixels * (double)s->groups * (double)s->cg * (double)s->mg * (double)s->taps;
}

double infer__conv_ns(const struct infer__machine *m, double ns, double bytes)
{
    double weights = m->weight_bytes > 0 ? bytes / m->weight_bytes : 0;
    ns /= m->products;
    return ns > weights ? ns + weights / 8 : weights + ns / 8;
}

void infer__tap_range(int64_t begin, int64_t dilation, int64_t kernel, int64_t size, int64_t out[2])
{
    out[0] = begin < 0 ? (dilation - 1 - begin) / dilation : 0;
    out[1] = begin < size ? (size - 1 - begin) / dilation + 1 : 0;
    if (out[1] > kernel)
        out[1] = kernel;
    if (out[0] > out[1])
        out[0] = out[1];
}

/* ---- row by row: the definitions ------------------------------------------------------------- */

static int64_t output_rows(const struct infer__conv_shape *s)
{
    return s->y.n * s->y.d * s->y.h;
}

static uint32_t row_units(const struct infer__task *t, const struct infer__conv_shape *s)
{
    return infer__units(output_rows(s), 1, 8 * t->threads);
}

static void one_row(const struct infer__task *t, const struct infer__buffers *b,
                    const struct infer__conv_shape *s, int64_t r, infer__conv_output *one)
{
    int64_t at[3] = {r / s->y.h % s->y.d, r % s->y.h, 0}, n = r / s->y.h / s->y.d;
    for (; at[2] < s->y.w; at[2]++) {
        int64_t i = (r * s->y.w + at[2]) * s->y.c;
        float *y = (float *)b->out[0] + i;
        const float *residual = s->residual ? (const float *)b->in[s->residual] + i : NULL;
        for (int64_t m = 0; m < s->y.c; m++) {
            float sum = one(s, b, n, at, m);
            y[m] = residual ? sum + residual[m] : sum;
        }
        infer__epilogue_apply(&t->epi, y, NULL, s->y.c);
    }
}

void infer__conv_rows(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end, infer__conv_output *one)
{
    struct infer__conv_shape s;
    if (!infer__conv_shape(t, &s) || s.y.d < 1 || s.y.h < 1)
        return;
    int64_t rows = output_rows(&s), last = infer__unit_begin(rows, row_units(t, &s), end);
    for (int64_t r = infer__unit_begin(rows, row_units(t, &s), begin); r < last; r++)
        one_row(t, b, &s, r, one);
}

infer_status infer__conv_rows_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct infer__conv_shape s;
    (void)err;
    infer__conv_shape(t, &s);
    need->units = row_units(t, &s);
    return INFER_OK;
}

/* ---- cutting -------------------------------------------------------------------------------- */

static int has_padding(const struct infer__window *w)
{
    for (int i = 0; i < 3; i++)
        if (w->pad_begin[i] || w->pad_end[i])
            return 1;
    return 0;
}

/* Enough items for all threads, and chunks no longer than needed: a chunk's table stays small. */
static void cut_chunks(struct infer__conv_shape *s, uint32_t threads)
{
    int64_t across = s->groups * s->panels;
    s->chunk = CONV_CHUNK_MAX;
    while (s->chunk > 1 && (s->chunk * s->taps * s->tile > 16384 ||
                            ceil_div(s->tiles, s->chunk) * across < 4 * (int64_t)threads))
        s->chunk /= 2;
    s->chunks = ceil_div(s->tiles, s->chunk);
    s->items = s->chunks * across;
    s->units = infer__units(s->items, 1, threads > 1 ? 8 * threads : 1);
}

void infer__conv_cut(struct infer__conv_shape *s, uint32_t threads, int tile, int panel)
{
    s->tile = tile;
    s->flat = !s->transposed && !has_padding(s->w);
    s->rows = s->y.n * s->y.d * s->y.h;
    s->width = s->y.w;
    s->phases = 1;
    if (s->flat) {
        s->width *= s->rows;
        s->rows = 1;
    } else if (s->transposed) {
        s->phases = s->w->stride[2] < s->y.w ? s->w->stride[2] : s->y.w;
        s->width = ceil_div(s->y.w, s->phases);
    }
    s->tiles_per_row = ceil_div(s->width, tile);
    s->tiles = s->rows * s->phases * s->tiles_per_row;
    s->blocks = ceil_div(s->mg, CONV_BLOCK);
    s->panels = ceil_div(s->blocks, panel);
    s->merge = !s->transposed && s->groups == 1 && s->w->dilation[2] == 1 && s->w->kernel[2] > 1 &&
               s->taps * s->cg <= 256;
    cut_chunks(s, threads);
}

int64_t infer__conv_panel(const struct infer__conv_shape *s, int64_t p)
{
    return infer__unit_begin(s->blocks, s->panels, p);
}

/* ---- packing -------------------------------------------------------------------------------- */

int64_t infer__conv_packed_floats(const struct infer__conv_shape *s)
{
    return INFER__PRODUCT(s->groups, s->blocks, CONV_BLOCK, s->taps, s->cg);
}

struct infer__bytes infer__conv_packed_bytes(const struct infer__conv_shape *s)
{
    return infer__bytes_of(INFER__SUM(infer__conv_packed_floats(s), s->x.c), sizeof(float));
}

/* Where the weight of a group's output channel m, input channel c and tap stands: ONNX has
 * M, C/groups, k... for Conv and C, M/groups, k... for ConvTranspose. */
static int64_t weight_at(const struct infer__conv_shape *s, int64_t g, int64_t m, int64_t c,
                         int64_t tap)
{
    if (s->transposed)
        return ((g * s->cg + c) * s->mg + m) * s->taps + tap;
    return ((g * s->mg + m) * s->cg + c) * s->taps + tap;
}

void infer__conv_pack(const struct infer__conv_shape *s, const float *weights, int64_t first,
                      int64_t last, float *packed)
{
    for (int64_t i = first; i < last; i++) {
        int64_t g = i / s->panels, b0 = infer__conv_panel(s, i % s->panels);
        int64_t m0 = b0 * CONV_BLOCK, m1 = infer__conv_panel(s, i % s->panels + 1) * CONV_BLOCK;
        float *to = packed + (g * s->blocks + b0) * CONV_BLOCK * s->taps * s->cg;
        for (int64_t tap = 0; tap < s->taps; tap++)
            for (int64_t c = 0; c < s->cg; c++)
                for (int64_t m = m0; m < m1; m++)
                    *to++ = m < s->mg ? weights[weight_at(s, g, m, c, tap)] : 0;
    }
    if (last == s->groups * s->panels)
        memset(packed + infer__conv_packed_floats(s), 0, (size_t)s->x.c * sizeof *packed);
}

/* ---- the table ------------------------------------------------------------------------------ */

/* Coordinates of an output pixel. */
struct pixel {
    int64_t n, at[3];
};

static struct pixel pixel_of(const struct infer__spatial *y, int64_t i)
{
    struct pixel p;
    p.at[2] = i % y->w;
    i /= y->w;
    p.at[1] = i % y->h;
    i /= y->h;
    p.at[0] = i % y->d;
    p.n = i / y->d;
    return p;
}

/* Input coordinate of tap k on an axis, or -1 if there is none. */
static inline int64_t tap_input(const struct infer__conv_shape *s, int axis, int64_t out, int64_t k,
                                int64_t size)
{
    const struct infer__window *w = s->w;
    int64_t i;
    if (s->transposed) {
        i = out + w->pad_begin[axis] - k * w->dilation[axis];
        if (i < 0 || i % w->stride[axis])
            return -1;
        i /= w->stride[axis];
    } else {
        i = out * w->stride[axis] - w->pad_begin[axis] + k * w->dilation[axis];
    }
    return i >= 0 && i < size ? i : -1;
}

/* Fills the entries of one kernel row (kd, kh) for tile pixel m. `x` is the input row, NULL where
 * that is outside; `entry` its first tap's. */
static void fill_row(const struct infer__conv_shape *s, const float *x, const float *zeros,
                     int64_t out_w, int merged, const float **entry)
{
    const struct infer__window *w = s->w;
    if (merged) {
        *entry = x ? x + (out_w * w->stride[2] - w->pad_begin[2]) * s->x.c : NULL;
        return;
    }
    for (int64_t k = 0; k < w->kernel[2]; k++, entry += s->tile) {
        int64_t i = x ? tap_input(s, 2, out_w, k, s->x.w) : -1;
        *entry = i >= 0 ? x + i * s->x.c : zeros;
    }
}

static void fill_pixel(const struct infer__conv_shape *s, const struct pixel *p, const float *x,
                       const float *zeros, int merged, const float **entry)
{
    const struct infer__window *w = s->w;
    int64_t step = (merged ? 1 : w->kernel[2]) * s->tile;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t d = tap_input(s, 0, p->at[0], kd, s->x.d);
        for (int64_t kh = 0; kh < w->kernel[1]; kh++, entry += step) {
            int64_t h = tap_input(s, 1, p->at[1], kh, s->x.h);
            const float *row = NULL;
            if (d >= 0 && h >= 0)
                row = x + ((p->n * s->x.d + d) * s->x.h + h) * s->x.w * s->x.c;
            fill_row(s, row, zeros, p->at[2], merged, entry);
        }
    }
}

/* Taps that no pixel of the tile has become NULL. Whether a tap is left out must not depend on a
 * tile's other pixels, or batch position would show in the sign of a zero: it is left out where
 * the whole row of the output, or the whole phase, does without. */
static void drop_taps(const struct infer__conv_shape *s, const struct pixel *p, int merged,
                      const float **entry)
{
    const struct infer__window *w = s->w;
    int64_t n = merged ? 1 : w->kernel[2];
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int out = tap_input(s, 0, p->at[0], kd, s->x.d) < 0;
        for (int64_t kh = 0; kh < w->kernel[1]; kh++) {
            int none = out || tap_input(s, 1, p->at[1], kh, s->x.h) < 0;
            for (int64_t k = 0; k < n; k++, entry += s->tile)
                if (none || (s->transposed &&
                             (p->at[2] + w->pad_begin[2] - k * w->dilation[2]) % w->stride[2]))
                    *entry = NULL;
        }
    }
}

/* Whether all taps of `count` pixels of a row, from out_w on, are inside the input. */
static int is_inside(const struct infer__conv_shape *s, int64_t out_w, int count)
{
    const struct infer__window *w = s->w;
    int64_t first = out_w * w->stride[2] - w->pad_begin[2];
    int64_t last = (out_w + count - 1) * w->stride[2] - w->pad_begin[2] + w->kernel[2] - 1;
    return first >= 0 && last < s->x.w;
}

void infer__conv_table(const struct infer__conv_shape *s, int64_t i, const float *x,
                       const float *zeros, const float **table, struct infer__conv_tile *tile)
{
    int64_t part = i % s->tiles_per_row, phase = i / s->tiles_per_row % s->phases;
    int64_t row = i / s->tiles_per_row / s->phases;
    int64_t width = s->transposed ? ceil_div(s->y.w - phase, s->phases) : s->width;
    int64_t begin = infer__unit_begin(width, s->tiles_per_row, part);
    int64_t end = infer__unit_begin(width, s->tiles_per_row, part + 1);
    tile->count = (int)(end - begin);
    tile->step = s->phases;
    tile->pixel = row * (s->flat ? 0 : s->y.w) + phase + begin * s->phases;
    tile->merged = 0;
    if (!tile->count)
        return;
    struct pixel first = pixel_of(&s->y, tile->pixel), p = first;
    tile->merged = s->merge && (s->flat || is_inside(s, first.at[2], tile->count));
    for (int m = 0; m < tile->count; m++) {
        fill_pixel(s, &p, x, zeros, tile->merged, table + m);
        p.at[2] += s->phases;
        if (s->flat && p.at[2] >= s->y.w)
            p = pixel_of(&s->y, tile->pixel + m + 1);
    }
    if (!s->flat)
        drop_taps(s, &first, tile->merged, table);
}
