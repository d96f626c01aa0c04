/* Shapes, cutting and weights of Strassen products; see strassen.h. */
#include "kernels/strassen/strassen.h"

#include "kernels/conv/conv_shape.h"
#include "kernels/integers.h"
#include "kernels/matmul/matmul.h"

/* ---- shape ---------------------------------------------------------------------------------- */

/* Every output pixel has one input pixel. */
static int is_pointwise(const struct infer__conv_shape *c)
{
    for (int a = 0; a < 3; a++)
        if (c->w->pad_begin[a] || c->w->pad_end[a])
            return 0;
    return !c->transposed && c->groups == 1 && c->taps == 1 && c->w->stride[0] == 1;
}

static int convolution(const struct infer__task *t, struct infer__strassen *s)
{
    struct infer__conv_shape c;
    if (!infer__conv_shape(t, &c) || !infer__conv_servable(&c) || !is_pointwise(&c))
        return 0;
    s->pictures = c.y.n;
    s->rows = c.y.d * c.y.h * c.y.w;
    s->width = c.y.w;
    s->column_step = c.w->stride[2];
    s->line_step = c.w->stride[1] * c.x.w;
    s->x_rows = c.x.d * c.x.h * c.x.w;
    if (c.w->stride[1] > 1 && c.y.d > 1)
        return 0;
    s->k = c.x.c;
    s->n = c.y.c;
    s->w_k = 1;
    s->w_n = c.x.c;
    s->bias = c.has_bias ? 2 : 0;
    s->residual = (int)c.residual;
    return 1;
}

static int dense(const struct infer__task *t, struct infer__strassen *s)
{
    struct infer__matmul m;
    if (!infer__matmul_of(t, &m) || m.batches != 1 || m.b_matrices != 1 || m.a_col != 1 ||
        m.alpha != 1 || (m.bias >= 0 && (m.beta != 1 || m.c_row || m.c_col != 1)))
        return 0;
    s->pictures = t->in[0].rank > 2 && t->in[0].dims[0] > 0 ? t->in[0].dims[0] : 1;
    if (m.m % s->pictures)
        return 0;
    s->rows = m.m / s->pictures;
    s->width = s->x_rows = s->rows;
    s->column_step = 1;
    s->k = m.k;
    s->n = m.n;
    s->w_k = m.b_row;
    s->w_n = m.b_col;
    s->bias = m.bias >= 0 ? m.bias : 0;
    s->residual = m.residual >= 0 ? m.residual : 0;
    return m.a_row == m.k;
}

/* S and the rows themselves of a chunk stay in the second-level cache, where the weights of a
 * panel pass through; few tiles would read those again and again from far away. */
static void cut(struct infer__strassen *s, uint32_t threads)
{
    const int64_t cached = (768 << 10) / (int64_t)sizeof(float);
    int64_t tile = 2 * s->level->pairs, items = threads > 1 ? 4 * (int64_t)threads : 1;
    s->half = s->k / 2;
    s->padded = ceil_div(s->half, 16) * 16;
    s->vectors = ceil_div(ceil_div(s->n, s->level->vec), 2);
    s->panels = ceil_div(s->vectors, STRASSEN_PANEL);
    s->tiles = ceil_div(s->rows, tile);
    s->chunk = cached / (tile / 2 * STRASSEN_INPUTS * s->padded);
    s->chunk = s->chunk < 4 ? 4 : min64(s->chunk, 16);
    if (infer__strassen_packed(s) * (int64_t)sizeof(float) < 512 << 10)
        s->chunk = 1;
    s->chunks = ceil_div(s->tiles, s->chunk);
    if (threads > 1 && s->pictures * s->chunks * s->panels < items && s->tiles > 4) {
        s->chunks = min64(ceil_div(s->tiles, 4), ceil_div(items, s->pictures * s->panels));
        s->chunk = ceil_div(s->tiles, s->chunks);
        s->chunks = ceil_div(s->tiles, s->chunk);
    }
    if (threads > 1 && s->pictures * s->chunks < 2 * (int64_t)threads && s->panels < items)
        s->panels = min64(s->vectors, ceil_div(s->panels, threads) * threads);
    s->parts = min64(ceil_div(items, s->pictures * s->chunks), s->panels);
    s->items = s->pictures * s->chunks * s->parts;
    s->units = infer__units(s->items, 1, threads > 1 ? 8 * threads : 1);
}

int infer__strassen_shape(const struct infer__task *t, const struct infer__strassen_level *level,
                          struct infer__strassen *s)
{
    const int64_t most = (int64_t)1 << 24;
    *s = (struct infer__strassen){.level = level};
    if (t->nin < 2 || t->nout < 1 || !t->in[1].is_const || t->in[0].type != INFER_F32)
        return 0;
    if (t->op == INFER__OP_CONV ? !convolution(t, s) : !dense(t, s))
        return 0;
    if (s->k % 2 || s->k < 64 || s->n < 64 || s->rows < 24 || s->pictures < 1 || s->k > 8192 ||
        s->n > most || s->rows > most || s->pictures > most)
        return 0;
    cut(s, t->threads);
    return 1;
}

int64_t infer__strassen_panel(const struct infer__strassen *s, int64_t p)
{
    return infer__unit_begin(s->vectors, s->panels, p);
}

/* ---- weights -------------------------------------------------------------------------------- */

int64_t infer__strassen_rows(const struct infer__strassen *s)
{
    return INFER__SUM(INFER__PRODUCT(STRASSEN_PRODUCTS, s->half), s->level->halved ? 5 : 0);
}

int64_t infer__strassen_packed(const struct infer__strassen *s)
{
    return INFER__PRODUCT(infer__strassen_rows(s), s->vectors, s->level->vec);
}

int64_t infer__strassen_scratch(const struct infer__strassen *s)
{
    return INFER__PRODUCT(s->chunk, STRASSEN_INPUTS, s->level->pairs, s->padded);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* Seven products, S, and for each of them the loads and stores of U and of the outputs. */
double infer__strassen_ns(const struct infer__strassen *s, const struct infer__machine *m)
{
    double pairs =
        (double)s->pictures * (double)s->tiles * (double)ceil_div(ceil_div(s->rows, s->tiles), 2);
    double columns = (double)(s->vectors * s->level->vec), half = (double)s->half;
    double products = pairs * columns * STRASSEN_PRODUCTS * half / m->products;
    double sums = pairs * columns * (s->level->halved ? 140 : 100) +
                  pairs * (double)s->padded * (s->level->halved ? 28 : 16);
    double weights = 4 * (double)infer__strassen_packed(s); /* from memory */
    double work = (products + sums) / s->level->rate;
    if (m->weight_bytes > 0) /* few tiles pass over a panel: what is fetched ahead comes late; and
                                sums are no faster, and not hidden behind products that are */
        return 1500 + work + sums / s->level->rate / 2 + weights / m->weight_bytes;
    weights /= 25;
    return 1500 + (work > weights ? work + weights / 16 : weights + work / 16);
}
