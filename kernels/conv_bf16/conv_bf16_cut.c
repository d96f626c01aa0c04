/* How the vector kernel cuts a bf16 convolution, what time that takes, and its weights; see
 * conv_bf16.h. */
#include "kernels/conv_bf16/conv_bf16.h"
#include "kernels/share_out.h"

/* A chunk's copy stays in the second-level cache; a single row's may be larger. Nothing here
 * depends on the number of threads. */
enum { COPY_BYTES = 1 << 18, MOST_COPY = 1 << 26, LEAST_ITEMS = 16, MOST_UNITS = 64 };

static int is_servable(const struct infer__linear *s)
{
    if (!infer__linear_countable(s) || s->taps > 4096 ||
        (s->groups > 1 &&
         (s->cg < CONV16_VEC || s->mg < CONV16_VEC))) /* f32 has kernels for these */
        return 0;
    return s->cg <= MOST_COPY / 64 && s->w.kernel[0] * s->w.kernel[1] <= CONV16_ROWS;
}

static void cut_columns(struct infer__conv16_cut *c)
{
    const struct infer__linear *s = &c->s;
    int64_t kernel = s->w.kernel[2], dilation = s->w.dilation[2], stride = s->w.stride[2];
    int merged = kernel > 1 && dilation == 1;
    c->channels = merged ? s->cg : round_up(s->cg, 2);
    c->columns = kernel == 1 ? s->y.w : (s->y.w - 1) * stride + (kernel - 1) * dilation + 1;
    c->column_step = kernel == 1 ? stride : 1;
    c->step = (kernel == 1 ? 1 : stride) * c->channels;
    c->run_step = dilation * c->channels;
    c->runs = merged ? 1 : kernel;
    c->run = merged ? kernel * s->cg : c->channels;
    c->pairs = ceil_div(c->run, 2);
    c->krows = s->w.kernel[0] * s->w.kernel[1];
    c->k = c->krows * c->runs * c->pairs;
    const int64_t row = INFER__SUM(INFER__PRODUCT(c->columns, c->channels), c->run % 2);
    c->row_bytes = infer__count_align(INFER__PRODUCT(row, 2), 64);
}

/* Rows of the copy that `chunk` rows of the output need. */
static int64_t copy_rows(const struct infer__conv16_cut *c, int64_t chunk)
{
    return c->row_of * (chunk - 1) + c->row_tap * (c->s.w.kernel[1] - 1) + 1;
}

static void cut_rows(struct infer__conv16_cut *c)
{
    const struct infer__linear *s = &c->s;
    int64_t kernel = s->w.kernel[1], dilation = s->w.dilation[1], stride = s->w.stride[1];
    int apart = dilation > 1 && kernel > 1; /* one row of the output at a time */
    int64_t most = apart ? 1 : s->y.h;
    c->planes = s->y.n * s->y.d;
    c->row_step = kernel == 1 ? stride : dilation;
    c->row_of = kernel == 1 ? 1 : stride;
    c->row_tap = kernel > 1;
    c->chunk = 1;
    while (c->chunk < most &&
           copy_rows(c, c->chunk + 1) * s->w.kernel[0] * c->row_bytes <= COPY_BYTES)
        c->chunk++;
    c->plane_chunks = ceil_div(s->y.h, c->chunk);
    c->chunk = ceil_div(s->y.h, c->plane_chunks);
    c->plane_chunks = ceil_div(s->y.h, c->chunk);
    c->rows = copy_rows(c, c->chunk);
}

static void cut_flat(struct infer__conv16_cut *c)
{
    const struct infer__linear *s = &c->s;
    int64_t pixels = s->y.n * s->y.d * s->y.h * s->y.w;
    c->channels = c->step = c->run_step = c->run = round_up(s->cg, 2);
    c->column_step = c->row_step = c->row_of = c->krows = c->runs = c->rows = c->planes = 1;
    c->k = c->pairs = c->run / 2;
    c->chunk = COPY_BYTES / (c->channels * 2);
    if (c->chunk < 24)
        c->chunk = 24;
    c->plane_chunks = ceil_div(pixels, c->chunk);
    c->chunk = ceil_div(pixels, c->plane_chunks);
    c->plane_chunks = ceil_div(pixels, c->chunk);
    c->columns = c->chunk;
    c->row_bytes = infer__count_align(INFER__PRODUCT(c->chunk, c->channels, 2), 64);
}

static void cut_items(struct infer__conv16_cut *c, uint32_t threads)
{
    int64_t whole = c->chunks * c->s.groups;
    const double ns = infer__conv16_ns(c, NULL), most = ns / infer__unit_ns(ns, threads, 4000);
    c->parts = ceil_div(LEAST_ITEMS, whole);
    if (c->parts > c->panels)
        c->parts = c->panels;
    c->items = whole * c->parts;
    c->units = infer__units(c->items, 1, most > MOST_UNITS ? MOST_UNITS : (uint32_t)most + 1);
    c->units = infer__even_units(c->units, threads);
}

int infer__conv16_cut(const struct infer__task *t, struct infer__conv16_cut *c)
{
    *c = (struct infer__conv16_cut){.flat = 0};
    if (!infer__linear_bf16(t, &c->s) || !infer__conv16_is_f32(&c->s) || !is_servable(&c->s))
        return 0;
    c->flat = infer__window_is_point(&c->s.w);
    if (c->flat) {
        cut_flat(c);
    } else {
        cut_columns(c);
        if (c->row_bytes > MOST_COPY / CONV16_ROWS)
            return 0;
        cut_rows(c);
    }
    c->chunks = c->planes * c->plane_chunks;
    c->vectors = ceil_div(c->s.mg, CONV16_VEC);
    c->panels = ceil_div(c->vectors, CONV16_PANEL);
    c->packed_bytes = INFER__PRODUCT(c->s.groups, c->vectors, CONV16_VEC, c->k, 4);
    c->scratch_bytes = INFER__SUM(INFER__PRODUCT(c->s.w.kernel[0], c->rows, c->row_bytes), 64);
    if (c->scratch_bytes > MOST_COPY)
        return 0;
    cut_items(c, t->threads);
    return 1;
}

struct infer__conv16_panel infer__conv16_panel(const struct infer__conv16_cut *c, int64_t group,
                                               int64_t index)
{
    int64_t v0 = infer__unit_begin(c->vectors, c->panels, index);
    int64_t v1 = infer__unit_begin(c->vectors, c->panels, index + 1);
    int64_t rest = c->s.mg - v0 * CONV16_VEC, whole = (v1 - v0) * CONV16_VEC;
    struct infer__conv16_panel p = {.vectors = (int)(v1 - v0)};
    p.valid = (int)(rest < whole ? rest : whole);
    p.channel = group * c->s.mg + v0 * CONV16_VEC;
    p.weights = (group * c->vectors + v0) * CONV16_VEC * 2 * c->k;
    return p;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* The weights of one run of one output channel, `step` bf16 from pair to pair. */
static void pack_run(const struct infer__conv16_cut *c, const float *weights, int64_t tap,
                     int64_t step, uint16_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t own = c->runs == 1 ? s->w.kernel[2] * s->cg : s->cg;
    for (int64_t e = 0; e < 2 * c->pairs; e++) {
        uint16_t *at = to + e / 2 * step + e % 2;
        *at = e < own ? infer__to_bf16(weights[e % s->cg * s->w_c + (tap + e / s->cg) * s->w_tap])
                      : 0;
    }
}

void infer__conv16_pack(const struct infer__task *t, const struct infer__conv16_cut *c,
                        int64_t first, int64_t last, void *packed)
{
    const struct infer__linear *s = &c->s;
    for (int64_t i = first; i < last; i++) {
        struct infer__conv16_panel p = infer__conv16_panel(c, i / c->panels, i % c->panels);
        uint16_t *to = (uint16_t *)packed + p.weights;
        int64_t step = p.vectors * CONV16_VEC * 2;
        for (int64_t m = 0; m < p.vectors * CONV16_VEC; m++)
            for (int64_t r = 0; r < c->krows * c->runs; r++) {
                uint16_t *run = to + r * c->pairs * step + 2 * m;
                int64_t tap = r / c->runs * s->w.kernel[2] + r % c->runs;
                if (m < p.valid)
                    pack_run(c, (const float *)t->in[1].data + (p.channel + m) * s->w_m, tap, step,
                             run);
                else
                    for (int64_t j = 0; j < c->pairs; j++)
                        run[j * step] = run[j * step + 1] = 0;
            }
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Measured on a Zen 4 core: multiply-adds, bytes of weights from memory, floats turned into bf16
 * per ns, all when all goes well. */
static const double rate = 113, memory_bytes = 24, converted = 14;

/* A step of a tile is one pair by all of its pixels and vectors; its loads cost about two vector
 * products, more where a panel's weights come from the second-level cache. */
double infer__conv16_ns(const struct infer__conv16_cut *c, const struct infer__machine *m)
{
    const struct infer__linear *s = &c->s;
    double pixels = infer__linear_pixels(s);
    double panel = (double)c->vectors / (double)c->panels, k = (double)c->k;
    int most = infer__conv16_tile((int)ceil_div(c->vectors, c->panels));
    int64_t width = c->flat ? c->chunk : s->y.w;
    double mean = (double)width / (double)ceil_div(width, most), tiles = pixels / mean;
    double panels = (double)s->groups * (double)c->panels, step = mean * panel;
    double cached = panel * CONV16_VEC * 4 * k;
    if (!c->flat)
        k *= infer__linear_inside(s, 0) * infer__linear_inside(s, 1);
    step = step < 8 ? 8 : step + (cached <= 24576 ? 1 : 2);
    double ns = tiles * panels * k * step * CONV16_VEC * 2 / rate / (m ? m->bf16_products : 1);
    double bytes =
        (double)c->packed_bytes / (m && m->weight_bytes > 0 ? m->weight_bytes : memory_bytes);
    ns = ns > bytes ? ns : bytes;
    ns += tiles * panels * (8 + 2.5 * (double)(c->krows * c->runs));
    ns += pixels * (double)s->y.c * (s->residual ? 0.03 : 0.012); /* storing */
    double rows = (double)(c->chunks * s->groups * c->rows * s->w.kernel[0]);
    ns += rows * (double)(c->columns * c->channels) / converted;
    if (s->cg % 16 && !(s->groups == 1 && c->channels == s->cg && c->column_step == 1))
        ns += rows * (double)c->columns * 1.5;
    return 800 + ns;
}
