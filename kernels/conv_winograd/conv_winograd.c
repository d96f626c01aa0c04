/* Shapes, cutting and weights of Winograd convolutions; see conv_winograd.h. */
#include "kernels/conv_winograd/conv_winograd.h"

#include <math.h>
#include <string.h>

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* ---- shape ---------------------------------------------------------------------------------- */

static int is_3x3(const struct infer__conv_shape *s)
{
    const struct infer__window *w = s->w;
    for (int i = 0; i < 3; i++)
        if (w->kernel[i] != (i ? 3 : 1) || w->stride[i] != 1 || w->dilation[i] != 1)
            return 0;
    return s->groups == 1 && !s->transposed && w->pad_begin[0] == 0 && s->x.d == s->y.d;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
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
    int64_t most = cached / (w->points * (w->channels + width));
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
    w->group = ceil_div(w->tiles, w->groups);
    /* an odd number of cache lines, so that the points of a tile do not share a cache set */
    w->v_point = (w->group * w->channels / 16 | 1) * 16;
    w->m_point = (w->group * width / 16 | 1) * 16;
    w->units = infer__units(w->groups * w->parts, 1, threads > 1 ? 8 * threads : 1);
}

int infer__winograd_shape(const struct infer__task *t, int out, struct infer__winograd *w)
{
    *w = (struct infer__winograd){.out = out, .in = out + 2, .points = (out + 2) * (out + 2)};
    if (t->op != INFER__OP_CONV || !infer__conv_shape(t, &w->s) || !t->in[1].is_const ||
        !is_3x3(&w->s) || !infer__conv_servable(&w->s))
        return 0;
    w->across = ceil_div(w->s.y.w, out);
    w->down = ceil_div(w->s.y.h, out);
    w->tiles = w->s.y.n * w->s.y.d * w->down * w->across;
    w->blocks = ceil_div(w->s.y.c, CONV_BLOCK);
    w->channels = ceil_div(w->s.x.c, CONV_BLOCK) * CONV_BLOCK;
    cut(w, t->threads);
    return 1;
}

int64_t infer__winograd_panel(const struct infer__winograd *w, int64_t p)
{
    return infer__unit_begin(w->blocks, (uint32_t)w->panels, (uint32_t)p);
}

int64_t infer__winograd_scratch(const struct infer__winograd *w)
{
    return w->channels + w->points * (w->v_point + w->m_point);
}

/* ---- weights -------------------------------------------------------------------------------- */

int64_t infer__winograd_packed(const struct infer__winograd *w)
{
    return w->points * w->s.x.c * w->blocks * CONV_BLOCK;
}

/* G of F(out, 3): row p has the powers 1, x, x^2 of point p over the product of the differences
 * from the other points; the last row, that of infinity, has x^2 alone. */
static void weight_matrix(int out, double g[6][3])
{
    static const double two[] = {0, 1, -1};
    static const double four[] = {0, (double)WINOGRAD_A, -(double)WINOGRAD_A, (double)WINOGRAD_B,
                                  -(double)WINOGRAD_B};
    const double *x = out == 2 ? two : four;
    int n = out + 1;
    for (int p = 0; p < n; p++) {
        double product = 1;
        for (int q = 0; q < n; q++)
            if (q != p)
                product *= x[p] - x[q];
        g[p][0] = 1 / product;
        g[p][1] = x[p] / product;
        g[p][2] = x[p] * x[p] / product;
    }
    g[n][0] = g[n][1] = 0;
    g[n][2] = 1;
}

/* U of input channel c and a panel's output channels m0 .. m1 - 1, point by point; those past the
 * last one are 0. */
static void transform_weights(const struct infer__winograd *w, double g[6][3], const float *weights,
                              int64_t c, const int64_t m[2], float u[36][WINOGRAD_PANEL])
{
    int width = (int)(m[1] - m[0]);
    double k[9][WINOGRAD_PANEL], row[3][WINOGRAD_PANEL];
    for (int i = 0; i < width; i++) {
        const float *from = weights + ((m[0] + i) * w->s.x.c + c) * 9;
        for (int tap = 0; tap < 9; tap++)
            k[tap][i] = m[0] + i < w->s.y.c ? (double)from[tap] : 0;
    }
    for (int a = 0; a < w->in; a++) {
        for (int j = 0; j < 3; j++)
            for (int i = 0; i < width; i++)
                row[j][i] = g[a][0] * k[j][i] + g[a][1] * k[3 + j][i] + g[a][2] * k[6 + j][i];
        for (int b = 0; b < w->in; b++)
            for (int i = 0; i < width; i++)
                u[a * w->in + b][i] =
                    (float)(g[b][0] * row[0][i] + g[b][1] * row[1][i] + g[b][2] * row[2][i]);
    }
}

void infer__winograd_pack(const struct infer__winograd *w, int strip, const float *weights,
                          float *packed)
{
    double g[6][3];
    float u[36][WINOGRAD_PANEL];
    weight_matrix(w->out, g);
    for (int64_t p = 0; p < w->panels; p++) {
        int64_t m[2] = {infer__winograd_panel(w, p) * CONV_BLOCK,
                        infer__winograd_panel(w, p + 1) * CONV_BLOCK};
        int64_t width = m[1] - m[0], c_count = w->s.x.c, step = strip * CONV_BLOCK;
        for (int64_t c = 0; c < c_count; c++) {
            transform_weights(w, g, weights, c, m, u);
            for (int x = 0; x < w->points; x++)
                for (int64_t i = 0; i < width; i += step) {
                    int64_t n = width - i < step ? width - i : step;
                    float *to = packed + (x * width + i) * c_count + c * n;
                    memcpy(to, &u[x][i], (size_t)n * sizeof *to);
                }
        }
        packed += w->points * width * c_count;
    }
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Products, weights coming from memory, transforms, the tensors themselves; measured on a Zen 4,
 * whose two 256-bit units make products slow and transforms cheap. Elsewhere products take half
 * the time, and weights and transforms do not; hence weights are given some 20 % more than here.
 * The number of threads plays no part, so that it does not decide which kernel is chosen. */
double infer__winograd_estimate(const struct infer__winograd *w,
                                const struct infer__winograd_speed *v)
{
    const double start = 4000, tensor_bytes_per_ns = 20;
    double tiles = (double)w->tiles, width = (double)w->blocks * CONV_BLOCK;
    double group = tiles / (double)w->passes;
    double rows = group / ceil(group / v->rows);
    double waste = rows < 3 ? 3 / rows : 1;
    /* a product of few channels still has to load and store its sums */
    double products = tiles * w->points * width * ((double)w->s.x.c + 3) * waste / v->products;
    double weights = (double)w->passes * (double)infer__winograd_packed(w) * 4;
    double transforms = tiles * w->points * ((double)w->channels * v->input + width * v->output);
    double pixels = (double)w->s.y.n * (double)w->s.y.d * (double)w->s.y.h * (double)w->s.y.w;
    double tensors = 4 * pixels * ((double)w->s.x.c + (double)w->s.y.c * (w->s.residual ? 2 : 1));
    return start + products + weights / v->weight_bytes + transforms +
           tensors / tensor_bytes_per_ns + pixels * (double)w->s.y.c * v->activation;
}
