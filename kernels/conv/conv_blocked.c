/* Cutting and packing of blocked convolutions; see conv_blocked.h. */
#include "kernels/conv/conv_blocked.h"
#include "kernels/integers.h"

/* ---- cutting -------------------------------------------------------------------------------- */

static int has_padding(const struct infer__window *w)
{
    for (int i = 0; i < 3; i++)
        if (w->pad_begin[i] || w->pad_end[i])
            return 1;
    return 0;
}

/* Enough items for all threads, and chunks no longer than needed: a chunk's table stays small. */
static void cut_chunks(struct infer__blocked *s, uint32_t threads)
{
    int64_t across = s->s.groups * s->panels;
    s->chunk = CONV_CHUNK_MAX;
    while (s->chunk > 1 && (s->chunk * s->s.taps * s->tile > 16384 ||
                            ceil_div(s->tiles, s->chunk) * across < 4 * (int64_t)threads))
        s->chunk /= 2;
    s->chunks = ceil_div(s->tiles, s->chunk);
    s->items = s->chunks * across;
    s->units = infer__units(s->items, 1, threads > 1 ? 8 * threads : 1);
}

void infer__conv_cut(struct infer__blocked *s, uint32_t threads, int tile, int panel)
{
    s->tile = tile;
    s->flat = !s->s.transposed && !has_padding(&s->s.w);
    s->rows = s->s.y.n * s->s.y.d * s->s.y.h;
    s->width = s->s.y.w;
    s->phases = 1;
    if (s->flat) {
        s->width *= s->rows;
        s->rows = 1;
    } else if (s->s.transposed) {
        s->phases = s->s.w.stride[2] < s->s.y.w ? s->s.w.stride[2] : s->s.y.w;
        s->width = ceil_div(s->s.y.w, s->phases);
    }
    s->tiles_per_row = ceil_div(s->width, tile);
    s->tiles = s->rows * s->phases * s->tiles_per_row;
    s->blocks = ceil_div(s->s.mg, CONV_BLOCK);
    s->panels = ceil_div(s->blocks, panel);
    s->merge = !s->s.transposed && s->s.groups == 1 && s->s.w.dilation[2] == 1 &&
               s->s.w.kernel[2] > 1 && s->s.taps * s->s.cg <= 256;
    cut_chunks(s, threads);
}

int64_t infer__conv_panel(const struct infer__blocked *s, int64_t p)
{
    return infer__unit_begin(s->blocks, s->panels, p);
}

/* ---- packing -------------------------------------------------------------------------------- */

int64_t infer__conv_packed_floats(const struct infer__blocked *s)
{
    return INFER__PRODUCT(s->s.groups, s->blocks, CONV_BLOCK, s->s.taps, s->s.cg);
}

struct infer__bytes infer__conv_packed_bytes(const struct infer__blocked *s)
{
    return infer__bytes_of(INFER__SUM(infer__conv_packed_floats(s), s->s.x.c), sizeof(float));
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
static inline int64_t tap_input(const struct infer__blocked *s, int axis, int64_t out, int64_t k,
                                int64_t size)
{
    const struct infer__window *w = &s->s.w;
    int64_t i;
    if (s->s.transposed) {
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
static void fill_row(const struct infer__blocked *s, const float *x, const float *zeros,
                     int64_t out_w, int merged, const float **entry)
{
    const struct infer__window *w = &s->s.w;
    if (merged) {
        *entry = x ? x + (out_w * w->stride[2] - w->pad_begin[2]) * s->s.x.c : NULL;
        return;
    }
    for (int64_t k = 0; k < w->kernel[2]; k++, entry += s->tile) {
        int64_t i = x ? tap_input(s, 2, out_w, k, s->s.x.w) : -1;
        *entry = i >= 0 ? x + i * s->s.x.c : zeros;
    }
}

static void fill_pixel(const struct infer__blocked *s, const struct pixel *p, const float *x,
                       const float *zeros, int merged, const float **entry)
{
    const struct infer__window *w = &s->s.w;
    int64_t step = (merged ? 1 : w->kernel[2]) * s->tile;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t d = tap_input(s, 0, p->at[0], kd, s->s.x.d);
        for (int64_t kh = 0; kh < w->kernel[1]; kh++, entry += step) {
            int64_t h = tap_input(s, 1, p->at[1], kh, s->s.x.h);
            const float *row = NULL;
            if (d >= 0 && h >= 0)
                row = x + ((p->n * s->s.x.d + d) * s->s.x.h + h) * s->s.x.w * s->s.x.c;
            fill_row(s, row, zeros, p->at[2], merged, entry);
        }
    }
}

/* Taps that no pixel of the tile has become NULL. Whether a tap is left out must not depend on a
 * tile's other pixels, or batch position would show in the sign of a zero: it is left out where
 * the whole row of the output, or the whole phase, does without. */
static void drop_taps(const struct infer__blocked *s, const struct pixel *p, int merged,
                      const float **entry)
{
    const struct infer__window *w = &s->s.w;
    int64_t n = merged ? 1 : w->kernel[2];
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int out = tap_input(s, 0, p->at[0], kd, s->s.x.d) < 0;
        for (int64_t kh = 0; kh < w->kernel[1]; kh++) {
            int none = out || tap_input(s, 1, p->at[1], kh, s->s.x.h) < 0;
            for (int64_t k = 0; k < n; k++, entry += s->tile)
                if (none || (s->s.transposed &&
                             (p->at[2] + w->pad_begin[2] - k * w->dilation[2]) % w->stride[2]))
                    *entry = NULL;
        }
    }
}

/* Whether all taps of `count` pixels of a row, from out_w on, are inside the input. */
static int is_inside(const struct infer__blocked *s, int64_t out_w, int count)
{
    const struct infer__window *w = &s->s.w;
    int64_t first = out_w * w->stride[2] - w->pad_begin[2];
    int64_t last = (out_w + count - 1) * w->stride[2] - w->pad_begin[2] + w->kernel[2] - 1;
    return first >= 0 && last < s->s.x.w;
}

void infer__conv_table(const struct infer__blocked *s, int64_t i, const float *x,
                       const float *zeros, const float **table, struct infer__conv_tile *tile)
{
    int64_t part = i % s->tiles_per_row, phase = i / s->tiles_per_row % s->phases;
    int64_t row = i / s->tiles_per_row / s->phases;
    int64_t width = s->s.transposed ? ceil_div(s->s.y.w - phase, s->phases) : s->width;
    int64_t begin = infer__unit_begin(width, s->tiles_per_row, part);
    int64_t end = infer__unit_begin(width, s->tiles_per_row, part + 1);
    tile->count = (int)(end - begin);
    tile->step = s->phases;
    tile->pixel = row * (s->flat ? 0 : s->s.y.w) + phase + begin * s->phases;
    tile->merged = 0;
    if (!tile->count)
        return;
    struct pixel first = pixel_of(&s->s.y, tile->pixel), p = first;
    tile->merged = s->merge && (s->flat || is_inside(s, first.at[2], tile->count));
    for (int m = 0; m < tile->count; m++) {
        fill_pixel(s, &p, x, zeros, tile->merged, table + m);
        p.at[2] += s->phases;
        if (s->flat && p.at[2] >= s->s.y.w)
            p = pixel_of(&s->s.y, tile->pixel + m + 1);
    }
    if (!s->flat)
        drop_taps(s, &first, tile->merged, table);
}
