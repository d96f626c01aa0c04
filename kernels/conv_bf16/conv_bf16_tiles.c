/* How a bf16 convolution is cut for the tiles of AMX, and what time that takes; see
 * conv_bf16_tiles.h. */
#include "kernels/conv_bf16/conv_bf16_tiles.h"
#include "kernels/integers.h"

/* A chunk's copy stays in the second-level cache, with the weights of a panel; a single row's may
 * be larger. Nothing here depends on the number of threads. */
enum { COPY_BYTES = 1 << 19, MOST_COPY = 1 << 26, ITEMS = 16, MOST_UNITS = 64 };

/* Weights of so few bytes are read again for every few pixels, which stay in the first-level cache,
 * rather than all pixels again for every panel: 12 to 16 % faster where all are 56 by 56. */
enum { NEAR_BYTES = 48 << 10, NEAR_PIXELS = 128 };

/* Measured on an Emerald Rapids core: a tile's products with its loads (5.7 ns where the core has
 * no other work, more than 20 where its other thread has) and a load alone, elements copied per ns,
 * bytes of weights per ns. */
static const double dot = 9, load = 3.3, from_float = 8, from_half = 20, memory_bytes = 13,
                    cache_bytes = 60;

static int is_servable(const struct infer__linear *s)
{
    if (s->x.d != 1 || s->y.d != 1 || s->w.kernel[0] != 1 || s->w.pad_begin[0] || s->w.pad_end[0])
        return 0;
    if (!infer__linear_countable(s) || (s->groups > 1 && (s->cg < 4 || s->mg < 4)))
        return 0; /* f32 has kernels for these */
    return s->taps <= TILES16_RUNS && s->x.c <= MOST_COPY / 512;
}

static struct infer__tiles16_axis cut_axis(const struct infer__window *w, int axis)
{
    int64_t reach = (w->kernel[axis] - 1) * w->dilation[axis], stride = w->stride[axis];
    return (struct infer__tiles16_axis){
        .phases = reach ? stride : 1, .step = stride, .reach = reach / stride};
}

/* Runs are taps, or kernel rows where that takes fewer steps. */
static void cut_runs(struct infer__tiles16 *c)
{
    const struct infer__linear *s = &c->s;
    int64_t kernel = s->w.kernel[2], by_tap = kernel * ceil_div(s->cg, TILES16_STEP);
    int64_t by_row = ceil_div(kernel * s->cg, TILES16_STEP);
    c->merged = kernel > 1 && s->w.dilation[2] == 1 && by_row < by_tap;
    c->channels = c->merged ? s->cg : round_up(s->cg, TILES16_STEP);
    c->runs = s->w.kernel[1] * (c->merged ? 1 : kernel);
    c->steps = c->merged ? by_row : by_tap / kernel;
    c->h = cut_axis(&s->w, 1);
    c->w = cut_axis(&s->w, 2);
    c->pixel_step = c->channels;
    if (c->merged) {
        c->pixel_step *= s->w.stride[2];
        c->w = (struct infer__tiles16_axis){
            .phases = 1, .step = 1, .reach = (s->y.w - 1) * (s->w.stride[2] - 1) + kernel - 1};
    }
    c->columns = s->y.w + c->w.reach;
}

static int64_t copy_bytes(const struct infer__tiles16 *c, int64_t chunk)
{
    if (c->in_place)
        return 0;
    if (c->flat)
        return INFER__PRODUCT(chunk, c->channels, 2);
    int64_t elements = INFER__PRODUCT(c->h.phases, c->w.phases, INFER__SUM(chunk, c->h.reach),
                                      c->columns, c->channels);
    return infer__count_align(INFER__PRODUCT(INFER__SUM(elements, TILES16_STEP), 2), 64);
}

/* Time of all copies. */
static double copy_ns(const struct infer__tiles16 *c)
{
    double planes = (double)(c->h.phases * c->w.phases * c->rows * c->columns);
    double size = (c->flat ? (double)c->chunk : planes) * (double)c->channels;
    double copies = (double)(c->chunks * c->parts * c->s.groups);
    return c->in_place ? 0 : size * copies / (c->s.half_x ? from_half : from_float);
}

/* Cuts each picture into `n` chunks, or more if their copies would be too large. */
static void cut_chunks(struct infer__tiles16 *c, int64_t n)
{
    c->chunk = ceil_div(c->lines, n);
    while (c->chunk > 1 && copy_bytes(c, c->chunk) > COPY_BYTES)
        c->chunk = ceil_div(c->chunk, 2);
    c->plane_chunks = ceil_div(c->lines, c->chunk);
    c->chunk = ceil_div(c->lines, c->plane_chunks);
    c->plane_chunks = ceil_div(c->lines, c->chunk);
    c->chunks = c->plane_chunks * (c->flat ? 1 : c->s.y.n);
    c->rows = c->chunk + c->h.reach;
    int64_t whole = c->chunks * c->s.groups;
    c->parts = ceil_div(ITEMS, whole);
    c->parts = c->parts < c->panels ? c->parts : c->panels;
    c->items = whole * c->parts;
}

/* What more chunks and parts cost: each chunk reads all weights, which the second-level cache has
 * if they are few, and each part of the panels copies its chunk. */
static double cut_cost(const struct infer__tiles16 *c)
{
    double bytes = (double)c->packed_bytes, chunks = (double)c->chunks;
    double ns =
        (chunks - 1) * bytes / (c->packed_bytes > TILES16_CACHED ? memory_bytes : cache_bytes);
    if (c->items < ITEMS)
        ns += infer__tiles16_ns(c) * 0.1 * (double)(ITEMS - c->items) / ITEMS;
    return ns + copy_ns(c);
}

/* Enough items that a few threads end at the same time, by more chunks or more parts. */
static void cut_items(struct infer__tiles16 *c)
{
    int64_t best = 1;
    double least = -1;
    for (int64_t n = 1; n <= ITEMS && n <= c->lines; n *= 2) {
        cut_chunks(c, n);
        double ns = cut_cost(c);
        if (least < 0 || ns < least) {
            least = ns;
            best = n;
        }
    }
    if (c->in_place && c->packed_bytes <= NEAR_BYTES)
        best = ceil_div(c->lines, NEAR_PIXELS);
    cut_chunks(c, best);
    double units = infer__tiles16_ns(c) / 4000;
    c->units = infer__units(c->items, 1, units > MOST_UNITS ? MOST_UNITS : (uint32_t)units + 1);
}

int infer__tiles16_cut(const struct infer__task *t, struct infer__tiles16 *c)
{
    *c = (struct infer__tiles16){.flat = 0};
    if (!infer__linear_bf16(t, &c->s) || !is_servable(&c->s))
        return 0;
    c->merge = infer__linear_merge_groups(&c->s, TILES16_PANEL, TILES16_STEP);
    const struct infer__linear *s = &c->s;
    c->flat = infer__window_is_point(&s->w);
    cut_runs(c);
    c->lines = c->flat ? s->y.n * s->y.h * s->y.w : s->y.h;
    c->in_place = c->flat && s->half_x && s->cg % TILES16_STEP == 0;
    if (c->in_place)
        c->pixel_step = c->channels = s->x.c;
    c->vectors = ceil_div(s->mg, TILES16_ROWS);
    c->panels = ceil_div(c->vectors, 2);
    c->packed_panel = c->runs * c->steps * TILES16_STEP * TILES16_PANEL;
    c->packed_bytes =
        INFER__PRODUCT(s->groups, c->vectors, TILES16_ROWS, c->runs, c->steps, TILES16_STEP, 2);
    cut_items(c);
    c->scratch_bytes = copy_bytes(c, c->chunk);
    return c->scratch_bytes <= MOST_COPY;
}

void infer__tiles16_runs(const struct infer__tiles16 *c, int64_t at[TILES16_RUNS])
{
    const struct infer__window *w = &c->s.w;
    int64_t plane = c->rows * c->columns;
    for (int64_t i = 0; i < c->runs; i++) {
        int64_t kernel = c->merged ? 1 : w->kernel[2];
        int64_t kh = i / kernel * w->dilation[1], kw = i % kernel * w->dilation[2];
        int64_t phase = kh % c->h.step * c->w.phases + (c->merged ? 0 : kw % c->w.step);
        int64_t column = c->merged ? 0 : kw / c->w.step;
        at[i] = (phase * plane + kh / c->h.step * c->columns + column) * c->channels;
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

double infer__tiles16_ns(const struct infer__tiles16 *c)
{
    const struct infer__linear *s = &c->s;
    double lines = (double)c->lines * (c->flat ? 1 : (double)s->y.n), groups = (double)s->groups;
    double pixels = lines * (double)infer__tiles16_pitch(c);
    double outputs = lines * (c->flat ? 1 : (double)s->y.w) * (double)s->y.c;
    int64_t line = infer__tiles16_by_line(c) ? s->y.w : c->lines * infer__tiles16_pitch(c);
    int64_t of_line = ceil_div(line, TILES16_BLOCK), size = ceil_div(line, of_line);
    double blocks = pixels / (double)line * (double)of_line;
    double vectors = (double)c->vectors / (double)c->panels; /* of a mean panel */
    double products = dot * vectors * (double)size / TILES16_ROWS;
    double loads = load * (vectors + (double)ceil_div(size, TILES16_ROWS));
    double step = products > loads ? products : loads, bytes = (double)c->packed_bytes;
    double ns = blocks * groups * (double)(c->panels * c->runs * c->steps) * step;
    ns = ns > bytes / memory_bytes ? ns : bytes / memory_bytes;
    ns += blocks * groups * (double)c->panels * 40;
    ns += outputs * (s->half_y ? 0.04 : 0.07);
    if (s->residual)
        ns += outputs * (s->half_residual ? 0.015 : 0.03);
    ns += copy_ns(c);
    return 800 + ns;
}
