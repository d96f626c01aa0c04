/* Where the tiles of int8 convolutions read, and the copies they read from; see conv_int8.h. */
#include <string.h>

#include "kernels/conv_int8/conv_int8.h"
#include "kernels/integers.h"

/* ---- copies: of bytes, or as s16 where the level wants that --------------------------------- */

static inline uint8_t *put(const struct infer__conv8_cut *c, uint8_t *to, const uint8_t *from,
                           int64_t n)
{
    if (c->x_bytes == 1) {
        memcpy(to, from, (size_t)n);
        return to + n;
    }
    uint16_t *wide = (void *)to;
    for (int64_t i = 0; i < n; i++)
        wide[i] = from[i];
    return to + 2 * n;
}

static inline uint8_t *fill(const struct infer__conv8_cut *c, uint8_t *to, int64_t n)
{
    if (c->x_bytes == 1) {
        memset(to, c->s.x_zero, (size_t)n);
        return to + n;
    }
    uint16_t *wide = (void *)to;
    for (int64_t i = 0; i < n; i++)
        wide[i] = (uint16_t)c->s.x_zero;
    return to + 2 * n;
}

/* Runs end with channels that meet weights of 0: any value that is there will do. */
static inline uint8_t *skip(const struct infer__conv8_cut *c, uint8_t *to, int64_t n)
{
    memset(to, 0, (size_t)(n * c->x_bytes));
    return to + n * c->x_bytes;
}

/* ---- gathered and flat ---------------------------------------------------------------------- */

/* The input row of tap (kd, kh) of an output pixel, or NULL in the padding. */
static const uint8_t *input_row(const struct infer__linear *s, const uint8_t *x, int64_t row,
                                int64_t kd, int64_t kh)
{
    const struct infer__window *w = &s->w;
    int64_t oh = row % s->y.h, od = row / s->y.h % s->y.d, n = row / s->y.h / s->y.d;
    int64_t d = od * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
    int64_t h = oh * w->stride[1] - w->pad_begin[1] + kh * w->dilation[1];
    if (d < 0 || d >= s->x.d || h < 0 || h >= s->x.h)
        return NULL;
    return x + ((n * s->x.d + d) * s->x.h + h) * s->x.w * s->x.c;
}

/* The kernel width's taps of one kernel row. */
static uint8_t *gather_row(const struct infer__conv8_cut *c, const uint8_t *row, int64_t first,
                           int64_t group, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t taps = s->w.kernel[2], dilation = s->w.dilation[2];
    if (!row)
        return fill(c, to, taps * s->cg);
    row += group * s->cg;
    if (s->groups == 1 && dilation == 1) {
        int64_t left = first < 0 ? min64(-first, taps) : 0;
        int64_t inner = min64(s->x.w - first - left, taps - left);
        inner = inner < 0 ? 0 : inner;
        if (left)
            to = fill(c, to, left * s->cg);
        if (inner)
            to = put(c, to, row + (first + left) * s->cg, inner * s->cg);
        return left + inner < taps ? fill(c, to, (taps - left - inner) * s->cg) : to;
    }
    for (int64_t k = 0; k < taps; k++) {
        int64_t v = first + k * dilation;
        to = v < 0 || v >= s->x.w ? fill(c, to, s->cg) : put(c, to, row + v * s->x.c, s->cg);
    }
    return to;
}

static void gather_pixel(const struct infer__conv8_cut *c, const uint8_t *x, int64_t pixel,
                         int64_t group, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t row = pixel / s->y.w;
    int64_t first = pixel % s->y.w * s->w.stride[2] - s->w.pad_begin[2];
    for (int64_t kd = 0; kd < s->w.kernel[0]; kd++)
        for (int64_t kh = 0; kh < s->w.kernel[1]; kh++)
            to = gather_row(c, input_row(s, x, row, kd, kh), first, group, to);
    skip(c, to, c->padded - c->run);
}

static void gather_tile(const struct infer__conv8_cut *c, const uint8_t *x, int64_t group,
                        uint8_t *copy, struct infer__conv8_tile *tile)
{
    tile->step = c->padded * c->x_bytes;
    tile->run_step = 0;
    tile->row[0] = copy;
    if (infer__conv8_gathers(c)) {
        c->level->gather(c, x, tile->pixel, tile->count, copy);
        return;
    }
    for (int m = 0; m < tile->count; m++)
        gather_pixel(c, x, tile->pixel + m, group, copy + m * tile->step);
}

/* ---- by rows -------------------------------------------------------------------------------- */

/* `pixels` input pixels of a row from number `first` on, with the zero point outside. */
static uint8_t *copy_row(const struct infer__conv8_cut *c, const uint8_t *row, int64_t first,
                         int64_t pixels, int64_t group, uint8_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t left = first < 0 ? min64(-first, pixels) : 0;
    int64_t inner = min64(s->x.w - first - left, pixels - left);
    inner = inner < 0 ? 0 : inner;
    row += group * s->cg;
    if (left)
        to = fill(c, to, left * s->cg);
    if (s->cg == s->x.c && inner)
        to = put(c, to, row + (first + left) * s->cg, inner * s->cg);
    else
        for (int64_t i = 0; i < inner; i++)
            to = put(c, to, row + (first + left + i) * s->x.c, s->cg);
    if (left + inner < pixels)
        to = fill(c, to, (pixels - left - inner) * s->cg);
    return skip(c, to, c->padded - c->run);
}

/* Whether a tile of `pixels` input pixels from `first` on can be read where it is; all of its runs
 * are padded within the input, of which the last row is `last`. */
static int is_in_place(const struct infer__conv8_cut *c, int64_t first, int64_t pixels,
                       const uint8_t *last, int64_t group, const uint8_t *end)
{
    const struct infer__linear *s = &c->s;
    if (c->x_bytes > 1 || first < 0 || first + pixels > s->x.w)
        return 0;
    int64_t behind = s->x.c * (first + pixels - 1) + (group + 1) * s->cg + c->padded - c->run;
    return behind <= end - last;
}

/* Whether a tile can be read where it is with single taps left out, and which. Its runs are taps
 * then, without channels to pad, so that the weights are in the same order. */
static int skip_taps(const struct infer__conv8_cut *c, int64_t first,
                     struct infer__conv8_tile *tile)
{
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    int64_t taps = w->kernel[2], n = tile->count;
    if (!c->level->skips || n < 2 || taps > CONV8_TAPS || s->cg % c->level->step)
        return 0;
    for (int64_t k = 0; k < taps; k++) {
        int64_t from = first + k * w->dilation[2], to = from + (n - 1) * w->stride[2];
        int no_first = from < 0 || from >= s->x.w, no_last = to < 0 || to >= s->x.w;
        if ((no_first && no_last) || from + w->stride[2] < 0 || to - w->stride[2] >= s->x.w)
            return 0;
        tile->skip[k] = no_first ? CONV8_SKIP_FIRST : no_last ? CONV8_SKIP_LAST : 0;
    }
    tile->skips = 1;
    tile->runs = taps;
    tile->run = s->cg;
    return 1;
}

static void place_tile(const struct infer__conv8_cut *c, int64_t begin, int64_t group,
                       const uint8_t *end, uint8_t *copy, struct infer__conv8_tile *tile)
{
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    int64_t first = begin * w->stride[2] - w->pad_begin[2];
    int64_t pixels = (tile->count - 1) * w->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1;
    if (!tile->nrows)
        return;
    int in_place = is_in_place(c, first, pixels, tile->row[tile->nrows - 1], group, end) ||
                   skip_taps(c, first, tile);
    int64_t channels = in_place ? s->x.c : s->cg;
    tile->step = w->stride[2] * channels * c->x_bytes;
    tile->run_step = w->dilation[2] * channels * c->x_bytes;
    for (int r = 0; r < tile->nrows; r++) {
        const uint8_t *from = tile->row[r];
        tile->row[r] = in_place ? from + first * s->x.c + group * s->cg : copy;
        if (!in_place)
            copy = copy_row(c, from, first, pixels, group, copy);
    }
}

/* The kernel rows that are not in the padding. */
static void find_rows(const struct infer__conv8_cut *c, const uint8_t *x, int64_t row,
                      struct infer__conv8_tile *tile)
{
    const struct infer__window *w = &c->s.w;
    int64_t krow = 0;
    tile->nrows = 0;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++)
        for (int64_t kh = 0; kh < w->kernel[1]; kh++, krow++) {
            const uint8_t *from = input_row(&c->s, x, row, kd, kh);
            if (!from)
                continue;
            tile->row[tile->nrows] = from;
            tile->before[tile->nrows++] = krow * c->runs * c->padded;
        }
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* Where tile number `at` begins and how many pixels it has. Tiles of halves are whole but for the
 * last one, which may begin earlier to have a whole half: what it leaves out is returned. */
static int64_t tile_begin(const struct infer__conv8_cut *c, int64_t at,
                          struct infer__conv8_tile *tile, int *skip)
{
    int64_t part = at % c->tiles_per_row;
    int64_t begin = c->least * part + min64(part, c->larger);
    tile->count = (int)(c->least + (part < c->larger));
    *skip = 0;
    if (c->level->halves && c->way != CONV8_BY_ROWS) {
        begin = part * CONV8_TILE;
        int64_t rest = c->width - begin;
        tile->count = (int)min64(rest, CONV8_TILE);
        if (rest < CONV8_HALF && begin > 0) {
            *skip = (int)(CONV8_HALF - rest);
            tile->count = CONV8_HALF;
            begin -= *skip;
        }
    }
    tile->pixel = at / c->tiles_per_row * c->width + begin;
    return begin;
}

int infer__conv8_tiles(const struct infer__conv8_cut *c, int64_t chunk, int64_t group,
                       const uint8_t *x, uint8_t *copies, struct infer__conv8_tile *tiles)
{
    const struct infer__linear *s = &c->s;
    const uint8_t *end = x + s->x.n * s->x.d * s->x.h * s->x.w * s->x.c;
    int64_t first = chunk * c->chunk;
    int skip, count = (int)min64(c->tiles - first, c->chunk);
    if (c->way >= CONV8_PLANES)
        return infer__conv8_plane_tiles(c, chunk, group, x, copies, tiles);
    for (int i = 0; i < count; i++, copies += c->copy) {
        struct infer__conv8_tile *tile = &tiles[i];
        int64_t begin = tile_begin(c, first + i, tile, &skip);
        tile->skips = 0;
        tile->runs = c->runs;
        tile->run = c->padded;
        if (c->level->halves)
            infer__conv8_halves(tile, skip);
        if (c->way == CONV8_BY_ROWS) {
            find_rows(c, x, (first + i) / c->tiles_per_row, tile);
            place_tile(c, begin, group, end, copies, tile);
            continue;
        }
        const uint8_t *at = x + begin * s->x.c + group * s->cg;
        int64_t behind = (tile->count - 1) * s->x.c + c->padded;
        tile->nrows = 1;
        tile->before[0] = 0;
        if (c->way == CONV8_GATHERED || c->x_bytes > 1 || behind > end - at) {
            gather_tile(c, x, group, copies, tile);
            continue;
        }
        tile->step = tile->run_step = s->x.c;
        tile->row[0] = at;
    }
    return count;
}
