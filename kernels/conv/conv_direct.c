/* Cutting, packing and borders of direct convolutions; see conv_direct.h. */
#include <string.h>

#include "kernels/conv/conv_direct.h"
#include "kernels/share_out.h"

/* ---- cutting -------------------------------------------------------------------------------- */

/* A panel's weights should leave room for the inputs in the first-level cache (32 KiB), unless they
 * come from the second level fast enough. */
enum {
    CACHED_FLOATS = 8192,
    FAR_FLOATS = 40960,
    BORDER_FLOATS = 16384,
    WIDE_PIXELS = 96,
    MOST_TAPS = 4096
};
/* Scaled inputs of a chunk: half of the first-level cache. */
enum { SCALED_FLOATS = 6144 };
/* What a thread gets from beyond its second-level cache, at least. */
enum { WEIGHT_BYTES_PER_NS = 16 };

static void cut_panels(struct infer__direct *d, const struct infer__machine *m)
{
    const struct infer__linear *s = &d->s;
    int64_t vec = d->level->vec, half = d->level->half, rest = s->mg % vec;
    int64_t most = vec < 16 ? 3 : DIRECT_PANEL;
    int has_half = half && rest && rest <= half;
    d->vectors = ceil_div(s->mg, vec);
    d->floats = has_half ? s->mg - rest + half : INFER__PRODUCT(d->vectors, vec);
    d->panels = ceil_div(d->vectors, most);
    int64_t panel = ceil_div(d->vectors, d->panels), floats = panel * vec * s->taps * s->cg;
    int64_t pixels = s->y.d * s->y.h * s->y.w; /* of an image: weights are the same in any batch */
    int wide = m->wide_panels && floats <= FAR_FLOATS && pixels >= WIDE_PIXELS;
    if (panel > 2 && floats > CACHED_FLOATS && !wide)
        d->panels = ceil_div(d->vectors, 2);
    d->tile = d->level->tile[ceil_div(d->vectors, d->panels) - 1];
}

/* Cuts rows where their taps change, if much is to be saved by that. */
static void cut_taps(struct infer__direct *d)
{
    const struct infer__linear *s = &d->s;
    const struct infer__window *w = &s->w;
    double used = infer__linear_inside(s, 2);
    int n = 0;
    if (used > 0.75 || 2 * w->kernel[2] > DIRECT_CUTS || s->taps > DIRECT_ROWS)
        return;
    d->cut[n++] = 0;
    for (int64_t k = 0; k < w->kernel[2]; k++) {
        int64_t range[2];
        infer__linear_tap_outputs(s, 2, k, range);
        for (int i = 0; i < 2; i++) { /* in order, each but once */
            int at = n;
            while (at > 0 && d->cut[at - 1] > range[i])
                at--;
            if (range[i] >= s->y.w || d->cut[at - 1] == range[i])
                continue;
            memmove(d->cut + at + 1, d->cut + at, (size_t)(n - at) * sizeof *d->cut);
            d->cut[at] = range[i];
            n++;
        }
    }
    d->cut[n] = s->y.w;
    d->cuts = n;
    d->used = used * infer__linear_inside(s, 1);
}

static void cut_pixels(struct infer__direct *d)
{
    const struct infer__linear *s = &d->s;
    const struct infer__window *w = &s->w;
    int padded = w->pad_begin[2] > 0 || w->pad_end[2] > 0;
    d->flat = infer__window_is_point(w);
    d->rows = s->y.n * s->y.d * s->y.h;
    d->width = s->y.w;
    if (d->flat) {
        d->width *= d->rows;
        d->rows = 1;
    }
    d->kernel_rows = w->kernel[0] * w->kernel[1];
    int merged = s->groups == 1 && w->dilation[2] == 1;
    d->runs = merged ? 1 : w->kernel[2];
    d->run = merged ? w->kernel[2] * s->cg : s->cg;
    d->border = 0;
    d->cuts = 0;
    d->used = 1;
    if (padded && w->dilation[2] > 1)
        cut_taps(d);
    if (d->cuts) {
        d->kernel_rows *= d->runs;
        d->runs = 1;
        d->tiles_per_row = 0;
        for (int i = 0; i < d->cuts; i++)
            d->tiles_per_row += ceil_div(d->cut[i + 1] - d->cut[i], d->tile);
    } else {
        d->tiles_per_row = ceil_div(d->width, d->tile);
    }
    d->tiles = d->rows * d->tiles_per_row;
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a row has a pixel, so it has a tile */
    d->least = d->width / d->tiles_per_row;
    d->larger = d->width % d->tiles_per_row;
    if (s->scale)
        d->border = d->tile * s->cg;
    else if (padded && !d->cuts)
        d->border = d->kernel_rows * s->cg *
                    ((d->tile - 1) * w->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1);
}

/* Tiles of a chunk: enough chunks for all threads. What is scaled should stay in the first-level
 * cache, and be scaled once, or once by each thread. */
static int64_t tiles_of_chunk(const struct infer__direct *d, int64_t across, uint32_t threads)
{
    int64_t chunk = DIRECT_CHUNK, wanted = threads > 1 ? 16 * (int64_t)threads : 1;
    if (d->s.scale && d->panel_major)
        return chunk;
    while (chunk > 1 && (ceil_div(d->tiles, chunk) * across < wanted ||
                         (d->s.scale && chunk * d->border > SCALED_FLOATS)))
        chunk /= 2;
    return chunk;
}

/* Units of at least some 8 us, and enough of them that the last one to end is not waited for. Each
 * thread gets as many whole chunks: the next step, cut alike, finds them in that thread's cache. */
static void cut_items(struct infer__direct *d, uint32_t threads)
{
    const struct infer__linear *s = &d->s;
    int64_t across = s->groups * d->panels;
    double products = (double)s->taps * (double)s->cg * (double)d->floats * (double)s->groups *
                      (double)d->rows * (double)d->width;
    double weights =
        (double)infer__bytes_count(infer__direct_packed_bytes(d)) / WEIGHT_BYTES_PER_NS;
    double ns = products / d->level->rate, all = ns > weights ? ns : weights;
    double most = all / infer__unit_ns(all, threads, 8000) + 1;
    d->panel_major = s->groups * d->floats * s->taps * s->cg > (1 << 17) &&
                     d->tiles < (s->scale ? DIRECT_CHUNK + 1 : 64);
    d->chunks = ceil_div(d->tiles, tiles_of_chunk(d, across, threads));
    if (threads > 1 && !d->panel_major)
        d->chunks = min64(round_up(d->chunks, threads), d->tiles);
    d->chunk = ceil_div(d->tiles, d->chunks);
    d->items = d->chunks * across;
    d->units = infer__units(d->items, 1, threads > 1 ? 4 * threads : 1);
    if (d->units > most)
        d->units = (uint32_t)most;
    if (threads > 1 && d->units > threads) /* as many for each thread */
        d->units -= d->units % threads;
}

int infer__direct_cut(const struct infer__task *t, const struct infer__direct_level *level,
                      struct infer__direct *d)
{
    if (!infer__linear_f32(t, &d->s) || d->s.transposed || !infer__linear_countable(&d->s) ||
        d->s.taps > MOST_TAPS)
        return 0;
    d->level = level;
    cut_panels(d, infer__task_machine(t));
    cut_pixels(d);
    d->chain = infer__tile_chain(t->strict, d->kernel_rows, d->runs, d->run);
    if (d->kernel_rows > DIRECT_ROWS || d->border > BORDER_FLOATS ||
        (d->s.scale && (!d->flat || d->s.groups != 1)))
        return 0;
    cut_items(d, t->threads);
    return 1;
}

/* ---- panels --------------------------------------------------------------------------------- */

struct infer__direct_panel infer__direct_panel(const struct infer__direct *d, int64_t group,
                                               int64_t index)
{
    const struct infer__linear *s = &d->s;
    int64_t vec = d->level->vec;
    int64_t v0 = infer__unit_begin(d->vectors, d->panels, index);
    int64_t v1 = infer__unit_begin(d->vectors, d->panels, index + 1);
    int half = v1 == d->vectors && d->floats < d->vectors * vec;
    struct infer__direct_panel p = {.group = group, .half = half};
    p.full = (int)(v1 - v0) - half;
    p.valid = (int)min64(s->mg - v0 * vec, (v1 - v0) * vec);
    p.channel = group * s->mg + v0 * vec;
    p.weights = (group * d->floats + v0 * vec) * s->taps * s->cg;
    return p;
}

struct infer__bytes infer__direct_packed_bytes(const struct infer__direct *d)
{
    return infer__bytes_of(INFER__PRODUCT(d->s.groups, d->floats, d->s.taps, d->s.cg),
                           sizeof(float));
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* `pixels` times c floats that stand `step` apart, c a multiple of `part`, a constant. */
static inline void copy_pixels(const float *from, int64_t pixels, int64_t c, int64_t step, int part,
                               float *to)
{
    for (int64_t i = 0; i < pixels; i++, from += step)
        for (int64_t k = 0; k < c; k += part, to += part)
            memcpy(to, from + k, (size_t)part * sizeof *to);
}

/* The input of pixels `first` .. of one kernel row, with zeros outside the picture. */
static void copy_row(const struct infer__direct *d, const float *row, int64_t first, int64_t pixels,
                     int64_t group, float *to)
{
    const struct infer__linear *s = &d->s;
    int64_t c = s->cg, left = first < 0 ? min64(-first, pixels) : 0;
    int64_t inner = min64(s->x.w - (first + left), pixels - left);
    if (inner < 0)
        inner = 0;
    memset(to, 0, (size_t)(left * c) * sizeof *to);
    to += left * c;
    row += (first + left) * s->x.c + group * c;
    if (inner && c == s->x.c)
        memcpy(to, row, (size_t)(inner * c) * sizeof *to);
    else if (c % 16 == 0)
        copy_pixels(row, inner, c, s->x.c, 16, to);
    else if (c % 8 == 0)
        copy_pixels(row, inner, c, s->x.c, 8, to);
    else if (c % 4 == 0)
        copy_pixels(row, inner, c, s->x.c, 4, to);
    else
        copy_pixels(row, inner, c, s->x.c, 1, to);
    to += inner * c;
    memset(to, 0, (size_t)((pixels - left - inner) * c) * sizeof *to);
}

/* Fills rows with the input rows of output row (n, od, oh) that are inside. */
static void find_rows(const struct infer__direct *d, int64_t row, const float *x,
                      struct infer__direct_tile *tile)
{
    const struct infer__linear *s = &d->s;
    const struct infer__window *w = &s->w;
    int64_t oh = row % s->y.h, od = row / s->y.h % s->y.d, n = row / s->y.h / s->y.d;
    int64_t d0 = od * w->stride[0] - w->pad_begin[0], h0 = oh * w->stride[1] - w->pad_begin[1];
    tile->nrows = 0;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t id = d0 + kd * w->dilation[0];
        if (id < 0 || id >= s->x.d)
            continue;
        for (int64_t kh = 0; kh < w->kernel[1]; kh++) {
            int64_t ih = h0 + kh * w->dilation[1];
            if (ih < 0 || ih >= s->x.h)
                continue;
            struct infer__tile_row *r = &tile->rows[tile->nrows++];
            r->x = x + ((n * s->x.d + id) * s->x.h + ih) * s->x.w * s->x.c;
            r->before = (kd * w->kernel[1] + kh) * w->kernel[2] * s->cg;
        }
    }
}

/* One tile of `row`, whose rows of the input are found; `begin` is its first pixel in the row. */
static void place_tile(const struct infer__direct *d, int64_t begin, int64_t group, float *copy,
                       struct infer__direct_tile *tile)
{
    const struct infer__linear *s = &d->s;
    const struct infer__window *w = &s->w;
    int64_t first = begin * w->stride[2] - w->pad_begin[2];
    int64_t pixels = (tile->count - 1) * w->stride[2] + (w->kernel[2] - 1) * w->dilation[2] + 1;
    if (first >= 0 && first + pixels <= s->x.w) {
        tile->step = w->stride[2] * s->x.c;
        tile->run_step = w->dilation[2] * s->x.c;
        for (int r = 0; r < tile->nrows; r++)
            tile->rows[r].x += first * s->x.c + group * s->cg;
        return;
    }
    tile->step = w->stride[2] * s->cg;
    tile->run_step = w->dilation[2] * s->cg;
    for (int r = 0; r < tile->nrows; r++, copy += pixels * s->cg) {
        copy_row(d, tile->rows[r].x, first, pixels, group, copy);
        tile->rows[r].x = copy;
    }
}

/* Where tile `part` of a row begins; sets its number of pixels. */
static int64_t tile_begin(const struct infer__direct *d, int64_t part, int *count)
{
    int64_t n = 0;
    int i = 0;
    if (!d->cuts) {
        *count = (int)(d->least + (part < d->larger));
        return d->least * part + min64(part, d->larger);
    }
    for (;; i++, part -= n) {
        n = ceil_div(d->cut[i + 1] - d->cut[i], d->tile);
        if (part < n)
            break;
    }
    int64_t width = d->cut[i + 1] - d->cut[i];
    int64_t begin = infer__unit_begin(width, n, part);
    *count = (int)(infer__unit_begin(width, n, part + 1) - begin);
    return d->cut[i] + begin;
}

/* The same as place_tile where rows are cut: one row of the tile for each tap that is inside. */
static void place_taps(const struct infer__direct *d, const struct infer__direct_tile *rows,
                       int64_t begin, int64_t group, struct infer__direct_tile *tile)
{
    const struct infer__linear *s = &d->s;
    const struct infer__window *w = &s->w;
    tile->nrows = 0;
    tile->step = w->stride[2] * s->x.c;
    tile->run_step = 0;
    for (int r = 0; r < rows->nrows; r++)
        for (int64_t k = 0; k < w->kernel[2]; k++) {
            int64_t at = begin * w->stride[2] - w->pad_begin[2] + k * w->dilation[2];
            if (at < 0 || at >= s->x.w)
                continue;
            tile->rows[tile->nrows++] = (struct infer__tile_row){
                rows->rows[r].x + at * s->x.c + group * s->cg, rows->rows[r].before + k * s->cg};
        }
}

void infer__direct_tiles(const struct infer__direct *d, int64_t first, int count, int64_t group,
                         const float *x, float *copies, struct infer__direct_tile *tiles)
{
    const struct infer__linear *s = &d->s;
    struct infer__direct_tile row_of; /* the rows of the input, where they begin */
    int64_t row = first / d->tiles_per_row, part = first % d->tiles_per_row;
    row_of.nrows = -1;
    for (int i = 0; i < count; i++, part++) {
        struct infer__direct_tile *tile = &tiles[i];
        if (part == d->tiles_per_row)
            part = 0, row++, row_of.nrows = -1;
        int64_t begin = tile_begin(d, part, &tile->count);
        tile->pixel = row * d->width + begin;
        if (d->flat) {
            tile->nrows = 1;
            tile->step = tile->run_step = s->x.c;
            tile->rows[0] = (struct infer__tile_row){x + begin * s->x.c + group * s->cg, 0};
            continue;
        }
        if (row_of.nrows < 0)
            find_rows(d, row, x, &row_of);
        if (d->cuts) {
            place_taps(d, &row_of, begin, group, tile);
            continue;
        }
        tile->nrows = row_of.nrows;
        for (int r = 0; r < row_of.nrows; r++)
            tile->rows[r] = row_of.rows[r];
        place_tile(d, begin, group, copies + i * d->border, tile);
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Multiply-adds of whole vectors; broadcasts and loads of weights beside them cost a part of a
 * vector's time, more where a panel's weights come from the second-level cache. */
double infer__direct_ns(const struct infer__direct *d, const struct infer__machine *m)
{
    const struct infer__linear *s = &d->s;
    double vec = d->level->vec, k = (double)s->taps * (double)s->cg * d->used;
    double pixels = (double)d->rows * (double)d->width;
    double panels = (double)s->groups * (double)d->panels;
    double floats = (double)d->floats * (double)s->groups;
    double panel = (double)ceil_div(d->vectors, d->panels);
    double mean = (double)d->width / (double)d->tiles_per_row;
    double chain = mean * panel < 8 ? 8 / (mean * panel) : 1; /* too few sums in flight */
    double cached = panel * vec * k; /* weights of a panel: in the first or second level, or not */
    int far = cached > FAR_FLOATS && !m->wide_panels;
    double loads = cached <= CACHED_FLOATS ? 0.2 : far ? 0.8 : 0.4;
    double broadcast = panel < 2 ? 0.12 : panel < 3 && d->floats % d->level->vec ? 0.12 : 0;
    if (panel < 2 && s->x.c == 3 && s->w.stride[2] <= 2)
        broadcast = 0.03; /* part of the product, where the step is known */
    double per_k = floats * chain + panels * vec * (broadcast + panel * loads / mean);
    double ns = infer__linear_ns(m, pixels * k * per_k / d->level->rate,
                                 (double)infer__bytes_count(infer__direct_packed_bytes(d)));
    ns += (double)d->tiles * panels * (6 + 2.5 * (double)(d->kernel_rows * d->runs) * d->used);
    ns += pixels * (double)s->y.c * (s->residual ? 0.03 : 0.012); /* storing */
    if (s->scale)
        ns += pixels * (double)s->x.c * 0.03;
    else if (d->border)
        ns += (double)d->rows * (double)s->groups * 0.04 * (double)d->border *
              (double)min64(d->tiles_per_row, 2);
    return 600 + ns;
}
