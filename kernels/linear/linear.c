/* Descriptions of linear layers; see linear.h. */
#include "kernels/linear/linear.h"

#include "kernels/integers.h"
#include "kernels/linear/tile_row.h"

/* ---- what the task says --------------------------------------------------------------------- */

static int is_spatial(const struct infer__operand *o)
{
    return o->clast && o->rank >= 3 && o->rank <= 5;
}

int infer__linear_conv(const struct infer__task *t, struct infer__linear *s)
{
    if (!is_spatial(&t->in[0]) || !is_spatial(&t->out[0]) || t->in[1].rank != t->in[0].rank ||
        t->p.window.groups < 1)
        return 0;
    s->w = t->p.window;
    s->x = infer__operand_spatial(&t->in[0]);
    s->y = infer__operand_spatial(&t->out[0]);
    s->y_step = t->out[0].pitch ? t->out[0].pitch : s->y.c;
    s->groups = s->w.groups;
    s->cg = s->w_cg = s->x.c / s->groups;
    s->mg = s->y.c / s->groups;
    s->taps = s->w.kernel[0] * s->w.kernel[1] * s->w.kernel[2];
    /* ONNX has M, C/groups, k... for Conv and C, M/groups, k... for ConvTranspose */
    s->transposed = t->op == INFER__OP_CONV_TRANSPOSE;
    s->w_m = s->transposed ? s->taps : s->cg * s->taps;
    s->w_c = s->transposed ? s->mg * s->taps : s->taps;
    s->w_tap = 1;
    s->w_group = s->mg * s->cg * s->taps;
    return 1;
}

/* A row of the left matrix is a pixel. */
int infer__linear_dense(const struct infer__task *t, struct infer__linear *s, int *across)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1];
    *across = 1;
    if (b->rank != 2 || a->rank < 1 || a->clast || t->out[0].clast)
        return 0;
    if (t->op == INFER__OP_GEMM) {
        const struct infer__gemm *g = &t->p.gemm;
        if (a->rank != 2 || g->trans_a || !(g->alpha >= 1 && g->alpha <= 1) ||
            !(g->beta >= 1 && g->beta <= 1))
            return 0;
        *across = g->trans_b ? 0 : 1;
    }
    s->w = (struct infer__window){
        .kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .groups = 1, .spatial = 1};
    s->groups = s->taps = 1;
    s->cg = s->w_cg = b->dims[!*across];
    s->mg = s->y_step = b->dims[*across];
    s->w_m = *across ? 1 : s->cg;
    s->w_c = *across ? s->mg : 1;
    s->x = (struct infer__spatial){1, 1, 1, 1, s->cg};
    for (int i = 0; i < a->rank - 1; i++)
        s->x.w *= a->dims[i];
    s->y = s->x;
    s->y.c = s->mg;
    return a->dims[a->rank - 1] == s->cg;
}

int infer__linear_f32(const struct infer__task *t, struct infer__linear *s)
{
    uint32_t own = t->nin - (t->epi.residual ? 1 : 0);
    const int scaled = t->op == INFER__OP_SCALED_CONV;
    *s = (struct infer__linear){.scale = scaled ? 3 : 0};
    if ((t->op != INFER__OP_CONV && t->op != INFER__OP_CONV_TRANSPOSE && !scaled) || t->nin < 2 ||
        own < 2 || (scaled ? own != 4 : own > 3) || t->nout < 1)
        return 0;
    if (t->in[0].type != INFER_F32 || t->in[1].type != INFER_F32 || t->out[0].type != INFER_F32 ||
        !infer__linear_conv(t, s))
        return 0;
    if (scaled &&
        (t->in[3].type != INFER_F32 || infer__operand_elements(&t->in[3]) != s->x.n * s->x.c))
        return 0;
    s->bias = own >= 3 && t->in[2].type != INFER_TYPE_NONE;
    s->residual = t->epi.residual ? own : 0;
    return (!s->bias || t->in[2].type == INFER_F32) &&
           (!s->residual || t->in[s->residual].type == INFER_F32);
}

/* ---- counts --------------------------------------------------------------------------------- */

int infer__linear_countable(const struct infer__linear *s)
{
    const int64_t most = (int64_t)1 << 31;
    int64_t rows = s->y.n * s->y.d * s->y.h;
    return rows > 0 && s->y.w > 0 && rows <= most && s->y.w <= most / rows && s->x.n * s->x.d > 0 &&
           s->x.h > 0 && s->x.w > 0 && s->cg > 0 && s->mg > 0 && s->taps > 0;
}

double infer__linear_pixels(const struct infer__linear *s)
{
    return (double)s->y.n * (double)s->y.d * (double)s->y.h * (double)s->y.w;
}

double infer__linear_products(const struct infer__linear *s)
{
    const struct infer__spatial *at = s->transposed ? &s->x : &s->y;
    double pixels = (double)at->n * (double)at->d * (double)at->h * (double)at->w;
    return pixels * (double)s->groups * (double)s->cg * (double)s->mg * (double)s->taps;
}

void infer__linear_tap_outputs(const struct infer__linear *s, int axis, int64_t k, int64_t range[2])
{
    const struct infer__window *w = &s->w;
    const int64_t in[3] = {s->x.d, s->x.h, s->x.w}, out[3] = {s->y.d, s->y.h, s->y.w};
    int64_t begin = w->pad_begin[axis] - k * w->dilation[axis], end = in[axis] + begin;
    range[0] = begin > 0 ? min64(ceil_div(begin, w->stride[axis]), out[axis]) : 0;
    range[1] = end > 0 ? min64(ceil_div(end, w->stride[axis]), out[axis]) : 0;
    if (range[1] < range[0])
        range[1] = range[0];
}

double infer__linear_inside(const struct infer__linear *s, int axis)
{
    const int64_t out[3] = {s->y.d, s->y.h, s->y.w};
    double pairs = 0;
    for (int64_t k = 0; k < s->w.kernel[axis]; k++) {
        int64_t range[2];
        infer__linear_tap_outputs(s, axis, k, range);
        pairs += (double)(range[1] - range[0]);
    }
    return pairs / (double)out[axis] / (double)s->w.kernel[axis];
}

int64_t infer__linear_merge_groups(struct infer__linear *s, int64_t most_m, int64_t most_c)
{
    int64_t merge = 1;
    for (int64_t f = 2; f <= s->groups && f * s->mg <= most_m && f * s->cg <= most_c; f++)
        if (s->groups % f == 0)
            merge = f;
    s->groups /= merge;
    s->cg *= merge;
    s->mg *= merge;
    return merge;
}

double infer__linear_ns(const struct infer__machine *m, double ns, double bytes)
{
    double weights = m->weight_bytes > 0 ? bytes / m->weight_bytes : 0;
    ns /= m->products;
    return ns > weights ? ns + weights / 8 : weights + ns / 8;
}

/* Products of a chain, about. Each rounding of a sum is as large as what is summed so far: the
 * shorter its chains, the more exact it is; and each stores its sums and takes them up again. */
enum { CHAIN = 512, STRICT_CHAIN = 192 };

/* Of n parts of `size` products each, as many as make a chain. */
static int64_t chain_of(int64_t chain, int64_t n, int64_t size)
{
    const int64_t chains = (n * size + chain / 2) / chain;
    return chains < 1 ? n : ceil_div(n, chains);
}

struct infer__tile_chain infer__tile_chain(int strict, int64_t rows, int64_t runs, int64_t run)
{
    const int64_t chain = strict ? STRICT_CHAIN : CHAIN, most = chain + chain / 2;
    if (rows * runs * run <= most)
        return (struct infer__tile_chain){0, runs, run};
    if (run > most)
        return (struct infer__tile_chain){1, 1, ceil_div(chain_of(chain, run, 1), 3) * 3};
    if (runs * run > most)
        return (struct infer__tile_chain){1, chain_of(chain, runs, run), run};
    return (struct infer__tile_chain){chain_of(chain, rows, runs * run), runs, run};
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

static int64_t output_rows(const struct infer__linear *s)
{
    return s->y.n * s->y.d * s->y.h;
}

static uint32_t row_units(const struct infer__task *t, const struct infer__linear *s)
{
    return infer__units(output_rows(s), 1, 8 * t->threads);
}

static void one_row(const struct infer__task *t, const struct infer__buffers *b,
                    const struct infer__linear *s, int64_t r, infer__linear_output *one)
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

void infer__linear_rows(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end, infer__linear_output *one)
{
    const struct infer__linear *s = b->cut;
    if (s->y.d < 1 || s->y.h < 1)
        return;
    int64_t rows = output_rows(s), last = infer__unit_begin(rows, row_units(t, s), end);
    for (int64_t r = infer__unit_begin(rows, row_units(t, s), begin); r < last; r++)
        one_row(t, b, s, r, one);
}

infer_status infer__linear_rows_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    struct infer__linear *s = need->cut;
    (void)err;
    infer__linear_f32(t, s);
    need->units = row_units(t, s);
    return INFER_OK;
}
