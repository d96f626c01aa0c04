/* Shapes, cutting and weights of Winograd convolutions; see conv_winograd.h. */
#include "kernels/conv_winograd/conv_winograd.h"
#include "kernels/share_out.h"

#include <math.h>
#include <string.h>

/* ---- shape ---------------------------------------------------------------------------------- */

/* The tile's stride and kernel. */
static int is_served(const struct infer__winograd *p)
{
    const struct infer__linear *s = &p->s;
    const struct infer__window *w = &s->w;
    for (int i = 0; i < 3; i++)
        if (w->kernel[i] != (i ? p->kernel[i - 1] : 1) ||
            w->stride[i] != (i ? p->tile.stride : 1) || w->dilation[i] != 1)
            return 0;
    return s->groups == 1 && !s->transposed && w->pad_begin[0] == 0 && s->x.d == s->y.d;
}

/* Whether U is more than what stays in a near cache from one group to the next. */
static int is_heavy(const struct infer__winograd *w)
{
    return infer__winograd_packed(w) * (int64_t)sizeof(float) > 4 << 20;
}

/* Tiles of a group at most. V and M of a group stay in the second-level cache, with room for the
 * weights that pass through; but where the weights come from far, more tiles share a pass over
 * them, and it is V that comes from further away. */
static int64_t group_size(const struct infer__winograd *w, int64_t width)
{
    const int64_t cached = (600 << 10) / (int64_t)sizeof(float);
    int64_t most = cached / (w->points * (w->v_row + width));
    int64_t least = is_heavy(w) ? 64 : 24;
    return most > least ? most : least;
}

/* With several threads there are some items for each where possible, first by splitting a group's
 * panels, each part transforming the input anew, which costs little as the panels are then many;
 * next by smaller groups, but hardly where each group reads heavy weights. */
static void cut(struct infer__winograd *w, uint32_t threads)
{
    int64_t width = min64(w->blocks, CONV_PANEL_MAX) * CONV_BLOCK;
    int64_t items = threads > 1 ? 3 * (int64_t)threads : 1;
    int64_t least = is_heavy(w) ? threads : items;
    w->panels = ceil_div(w->blocks, CONV_PANEL_MAX);
    w->passes = ceil_div(w->tiles, group_size(w, width));
    w->groups = w->passes;
    if (w->groups * w->panels < least) {
        int64_t more = min64(ceil_div(least, w->panels), ceil_div(w->tiles, 6));
        w->groups = more > w->groups ? more : w->groups;
    }
    w->parts = min64(ceil_div(items, w->groups), w->panels);
    infer__cut_for_many(w->tiles, w->panels, 4, 1.0 / 12, threads, w->passes, &w->groups,
                        &w->parts);
    w->group = ceil_div(w->tiles, w->groups);
    /* an odd number of cache lines, so that the points of a tile do not share a cache set */
    w->v_point = INFER__PRODUCT(ceil_div(INFER__PRODUCT(w->group, w->v_row), 16) | 1, 16);
    w->m_point = INFER__PRODUCT(INFER__PRODUCT(w->group, width) / 16 | 1, 16);
    w->units = infer__units(w->groups * w->parts, 1, threads > 1 ? 8 * threads : 1);
}

int infer__winograd_shape(const struct infer__task *t, const struct infer__winograd_tile *tile,
                          struct infer__winograd *w)
{
    *w = (struct infer__winograd){.tile = *tile};
    for (int i = 0; i < 2; i++) {
        w->in[i] = tile->pairs[i] ? 2 * tile->pairs[i] + 2 : 1;
        w->kernel[i] = w->in[i] - tile->out[i] + 1;
        w->lines[i] = w->in[i];
        if (tile->stride == 2) {
            w->in[i] = 9;
            w->kernel[i] = 3;
        }
    }
    w->points = w->in[0] * w->in[1];
    if (t->op != INFER__OP_CONV || !infer__linear_f32(t, &w->s) || !t->in[1].is_const ||
        (tile->bf16 && !t->bf16) || !is_served(w) || !infer__linear_countable(&w->s))
        return 0;
    w->across = ceil_div(w->s.y.w, tile->out[1]);
    w->down = ceil_div(w->s.y.h, tile->out[0]);
    w->tiles = w->s.y.n * w->s.y.d * w->down * w->across;
    w->blocks = ceil_div(w->s.y.c, CONV_BLOCK);
    w->channels = ceil_div(w->s.x.c, CONV_BLOCK) * CONV_BLOCK;
    w->v_row = tile->bf16 ? w->channels / 2 : w->channels;
    w->depth = tile->bf16 ? (w->s.x.c + 1) / 2 : w->s.x.c;
    cut(w, t->threads);
    return 1;
}

int64_t infer__winograd_panel(const struct infer__winograd *w, int64_t p)
{
    return infer__unit_begin(w->blocks, w->panels, p);
}

int64_t infer__winograd_scratch(const struct infer__winograd *w)
{
    return INFER__SUM(w->channels, INFER__PRODUCT(w->points, INFER__SUM(w->v_point, w->m_point)));
}

/* ---- weights -------------------------------------------------------------------------------- */

int64_t infer__winograd_packed(const struct infer__winograd *w)
{
    return INFER__PRODUCT(w->lines[0], w->lines[1], w->depth, w->blocks, CONV_BLOCK);
}

/* G of an axis: row p has the powers of point p over the product of the differences from the other
 * points; the last row, that of infinity, has the highest power alone. */
static void weight_matrix(int pairs, int taps, double g[WINOGRAD_LINE][WINOGRAD_TAPS])
{
    double x[WINOGRAD_LINE] = {0};
    int n = 2 * pairs + 1;
    memset(g, 0, sizeof(double[WINOGRAD_LINE][WINOGRAD_TAPS]));
    if (!pairs) {
        g[0][0] = 1;
        return;
    }
    for (int p = 0; p < pairs; p++) {
        x[2 * p + 1] = infer__winograd_point(pairs, p);
        x[2 * p + 2] = -x[2 * p + 1];
    }
    for (int p = 0; p < n; p++) {
        g[p][0] = 1;
        for (int q = 0; q < n; q++)
            g[p][0] /= q == p ? 1 : x[p] - x[q];
        for (int k = 1; k < taps; k++)
            g[p][k] = g[p][k - 1] * x[p];
    }
    g[n][taps - 1] = 1;
}

void infer__winograd_weights(const struct infer__winograd *w,
                             double g[2][WINOGRAD_LINE][WINOGRAD_TAPS])
{
    for (int i = 0; i < 2; i++)
        weight_matrix(w->tile.pairs[i], w->tile.stride == 2 ? 2 : w->kernel[i], g[i]);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Products, weights coming from memory, transforms, the tensors themselves; measured on a Zen 4,
 * whose two 256-bit units make products slow and transforms cheap. On CPUs of which nothing else is
 * known products may take half the time; hence weights are given some 20 % more than measured.
 * The number of threads plays no part, so that it does not decide which kernel is chosen. */
double infer__winograd_estimate(const struct infer__winograd *w,
                                const struct infer__winograd_speed *v,
                                const struct infer__machine *m)
{
    const double start = 4000, tensor_bytes_per_ns = 20;
    double tiles = (double)w->tiles, width = (double)w->blocks * CONV_BLOCK;
    double group = tiles / (double)w->passes;
    double rows = group / ceil(group / v->rows);
    double waste = rows < 3 ? 3 / rows : 1;
    /* a product of few channels still has to load and store its sums */
    double products = (double)w->depth + 3; /* steps */
    products *= tiles * w->points * width * waste / v->products * (w->tile.bf16 ? 2 : 1);
    if (w->tile.bf16)
        products /= m->bf16_products;
    else /* faster ones wait for V and M where points are as many as of stride 2 */
        products /= m->products > 1 && w->tile.stride == 2 ? 0.8 * m->products : m->products;
    double weights = (double)w->passes * (double)infer__winograd_packed(w) * 4;
    double transforms = tiles * w->points * ((double)w->channels * v->input + width * v->output);
    double pixels = (double)w->s.y.n * (double)w->s.y.d * (double)w->s.y.h * (double)w->s.y.w;
    double tensors = 4 * pixels * ((double)w->s.x.c + (double)w->s.y.c * (w->s.residual ? 2 : 1));
    if (m->weight_bytes > 0) { /* from the second pass on they come from nearer */
        weights *= (0.4 + 0.6 * (double)w->passes) / (double)w->passes;
        weights /= m->weight_bytes;
    } else {
        weights /= v->weight_bytes;
    }
    double more = products > weights ? products + weights / 4 : weights + products / 4;
    return start + more + transforms + tensors / tensor_bytes_per_ns +
           pixels * (double)w->s.y.c * v->activation;
}
