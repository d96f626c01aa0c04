/* How a bf16 convolution is cut for the tiles of AMX, what time that takes, and its weights; see
 * conv_bf16_tiles.h. */
#include "kernels/conv_bf16/conv_bf16_tiles.h"

/* A chunk's copy stays in the second-level cache, with the weights of a panel; a single row's may
 * be larger. Nothing here depends on the number of threads. */
enum { COPY_BYTES = 1 << 19, MOST_COPY = 1 << 26, MOST_UNITS = 64 };

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t round_up(int64_t a, int64_t b)
{
    return ceil_div(a, b) * b;
}

static int is_servable(const struct infer__conv16 *s)
{
    const int64_t most = (int64_t)1 << 31;
    int64_t rows = s->y.n * s->y.h;
    if (s->x.d != 1 || s->y.d != 1 || s->w.kernel[0] != 1 || s->w.pad_begin[0] || s->w.pad_end[0])
        return 0;
    if (rows < 1 || s->y.w < 1 || rows > most || s->y.w > most / rows || s->x.n < 1 || s->x.h < 1 ||
        s->x.w < 1 || s->cg < 1 || s->mg < 1)
        return 0;
    if (s->groups > 1 && (s->cg < 4 || s->mg < 4))
        return 0; /* f32 has kernels for these */
    return s->taps <= TILES16_RUNS && s->x.c <= MOST_COPY / 512;
}

/* Groups narrower than a panel become one, with weights in between that are 0. */
static void merge_groups(struct infer__tiles16 *c)
{
    struct infer__conv16 *s = &c->s;
    c->merge = 1;
    for (int64_t f = 2; f <= s->groups && f * s->mg <= TILES16_PANEL && f * s->cg <= TILES16_STEP;
         f++)
        if (s->groups % f == 0)
            c->merge = f;
    s->groups /= c->merge;
    s->cg *= c->merge;
    s->mg *= c->merge;
}

static int is_flat(const struct infer__conv16 *s)
{
    for (int a = 1; a < 3; a++)
        if (s->w.kernel[a] != 1 || s->w.stride[a] != 1 || s->w.pad_begin[a] || s->w.pad_end[a])
            return 0;
    return 1;
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
    const struct infer__conv16 *s = &c->s;
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
        return chunk * c->channels * 2;
    int64_t planes = c->h.phases * c->w.phases;
    return round_up((planes * (chunk + c->h.reach) * c->columns * c->channels + TILES16_STEP) * 2,
                    64);
}

/* Enough items that a few threads end at the same time: chunks first, and fewer where each has a
 * copy to make; then parts of the panels. */
static void cut_items(struct infer__tiles16 *c)
{
    int64_t most = c->lines, want = c->in_place ? 16 : 8;
    int64_t least = c->flat ? 4 * TILES16_BLOCK : 2 * (c->h.reach + 1);
    c->chunk = ceil_div(most, ceil_div(want, c->s.y.n * c->s.groups));
    c->chunk = c->chunk < least ? least : c->chunk;
    c->chunk = c->chunk < most ? c->chunk : most;
    while (c->chunk > 1 && copy_bytes(c, c->chunk) > COPY_BYTES)
        c->chunk = ceil_div(c->chunk, 2);
    c->plane_chunks = ceil_div(most, c->chunk);
    c->chunk = ceil_div(most, c->plane_chunks);
    c->plane_chunks = ceil_div(most, c->chunk);
    c->chunks = c->plane_chunks * (c->flat ? 1 : c->s.y.n);
    c->rows = c->chunk + c->h.reach;
    int64_t whole = c->chunks * c->s.groups;
    c->parts = ceil_div(want, whole);
    c->parts = c->parts < c->panels ? c->parts : c->panels;
    c->items = whole * c->parts;
    double units = infer__tiles16_ns(c) / 4000;
    c->units = infer__units(c->items, 1, units > MOST_UNITS ? MOST_UNITS : (uint32_t)units + 1);
}

int infer__tiles16_cut(const struct infer__task *t, struct infer__tiles16 *c)
{
    *c = (struct infer__tiles16){.flat = 0};
    if (!infer__conv16_of(t, &c->s) || !is_servable(&c->s))
        return 0;
    merge_groups(c);
    const struct infer__conv16 *s = &c->s;
    c->flat = is_flat(s);
    cut_runs(c);
    c->lines = c->flat ? s->y.n * s->y.h * s->y.w : s->y.h;
    c->in_place = c->flat && s->half_x && s->cg % TILES16_STEP == 0;
    if (c->in_place)
        c->pixel_step = c->channels = s->x.c;
    c->vectors = ceil_div(s->mg, TILES16_ROWS);
    c->panels = ceil_div(c->vectors, 2);
    c->packed_panel = c->runs * c->steps * TILES16_STEP * TILES16_PANEL;
    c->packed_bytes =
        (uint64_t)(s->groups * c->vectors * TILES16_ROWS * c->runs * c->steps * TILES16_STEP) * 2;
    cut_items(c);
    c->scratch_bytes = (uint64_t)copy_bytes(c, c->chunk);
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

/* ---- weights -------------------------------------------------------------------------------- */

/* Sixteen output channels of one run, from channel m of the merged group on: a step after the
 * other, `step` bf16 apart. */
static void pack_run(const struct infer__tiles16 *c, const float *weights, int64_t group, int64_t m,
                     int64_t run, int64_t step, uint16_t *to)
{
    const struct infer__conv16 *s = &c->s;
    int64_t taps = c->merged ? s->w.kernel[2] : 1, own_cg = s->cg / c->merge;
    for (int64_t i = 0; i < c->steps; i++)
        memset(to + i * step, 0, TILES16_ROWS * TILES16_STEP * sizeof *to);
    for (int64_t j = 0; j < TILES16_ROWS && m + j < s->mg; j++) {
        int64_t begin = (m + j) / (s->mg / c->merge) * own_cg; /* its own group's channels */
        const float *from = weights + (group * s->mg + m + j) * s->w_m;
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t ch = 0; ch < own_cg; ch++) {
                int64_t e = tap * s->cg + begin + ch, in = e % TILES16_STEP;
                to[e / TILES16_STEP * step + in / 2 * 2 * TILES16_ROWS + 2 * j + in % 2] =
                    infer__to_bf16(from[(run * taps + tap) * s->w_tap + ch * s->w_c]);
            }
    }
}

void infer__tiles16_pack(const struct infer__task *t, const struct infer__tiles16 *c, int64_t first,
                         int64_t last, uint16_t *packed)
{
    const int64_t tile = TILES16_ROWS * TILES16_STEP;
    for (int64_t p = first; p < last; p++) {
        int64_t group = p / c->panels, vector = p % c->panels * 2;
        int64_t vectors = c->vectors - vector < 2 ? 1 : 2;
        uint16_t *to = packed + (group * c->vectors + vector) * (c->packed_panel / 2);
        for (int64_t run = 0; run < c->runs; run++)
            for (int64_t v = 0; v < vectors; v++)
                pack_run(c, t->in[1].data, group, (vector + v) * TILES16_ROWS, run, vectors * tile,
                         to + (run * c->steps * vectors + v) * tile);
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Measured on an Emerald Rapids core: a tile's products with its loads (5.7 ns where the core has
 * no other work, more than 20 where its other thread has), floats turned into bf16 per ns, bytes of
 * weights from memory per ns. */
static const double dot = 9, copied = 8, memory_bytes = 13;

double infer__tiles16_ns(const struct infer__tiles16 *c)
{
    const struct infer__conv16 *s = &c->s;
    double lines = (double)c->lines * (c->flat ? 1 : (double)s->y.n);
    double pixels = lines * (double)infer__tiles16_pitch(c), groups = (double)s->groups;
    double outputs = lines * (c->flat ? 1 : (double)s->y.w) * (double)s->y.c;
    double products = groups * (double)c->vectors * (double)(c->runs * c->steps);
    double per_pixel = dot / TILES16_ROWS;
    if (infer__tiles16_by_line(c) && s->y.w % TILES16_BLOCK && s->y.w > TILES16_BLOCK)
        per_pixel *= 1.1;
    double ns = pixels * products * per_pixel, bytes = (double)c->packed_bytes / memory_bytes;
    ns = ns > bytes ? ns : bytes;
    ns += outputs * (0.06 + (s->residual ? 0.03 : 0)) + pixels / TILES16_BLOCK * groups * 60;
    if (!c->in_place) {
        double planes = (double)(c->h.phases * c->w.phases);
        double size = c->flat ? (double)c->chunk : planes * (double)(c->rows * c->columns);
        ns += size * (double)c->channels / copied * (double)c->chunks * groups;
    }
    return 800 + ns;
}
