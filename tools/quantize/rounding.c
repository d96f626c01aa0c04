/* Weights are rounded one after the other, and what rounding one of them does to the sum is made
 * good by those that are still to be rounded: least squares over the inputs that the layer sees
 * (Frantar et al., "GPTQ", 2022, after Hassibi and Stork, "Optimal brain surgeon", 1993). With H =
 * sum x x^T over input rows and U the upper Cholesky factor of H's inverse:
 *
 *   e = (w[k] - round(w[k])) / U[k][k];   w[j] -= e * U[k][j]   for j > k
 *
 * Long rows are taken in blocks, as if these did not depend on each other. */
#include <math.h>
#include <string.h>

#include "graph/params.h"
#include "tools/quantize/quantize.h"

enum { BLOCK = 256, ROUNDING_SAMPLES = 16, ROWS = 96 /* of each sample */ };

/* A dense node and what its inputs say. */
struct layer {
    uint32_t node;
    int64_t k, groups, outputs;  /* inputs of one sum; groups; outputs of a group */
    int64_t block;               /* at most BLOCK, and k */
    float *h;                    /* groups x blocks x block x block */
    struct infer__window window; /* Conv */
    int conv, axis;
};

struct rounder {
    struct quantiser *q;
    struct layer *layers;
    uint32_t nlayers;
    uint32_t *points, npoints;
    float *row;
    uint64_t random;
};

static int64_t blocks_of(const struct layer *l)
{
    return (l->k + l->block - 1) / l->block;
}

/* ---- what the inputs say -------------------------------------------------------------------- */

static void add_row(struct layer *l, int64_t group, const float *x)
{
    for (int64_t b = 0; b < blocks_of(l); b++) {
        float *h = l->h + (group * blocks_of(l) + b) * l->block * l->block;
        const float *y = x + b * l->block;
        int64_t n = l->k - b * l->block < l->block ? l->k - b * l->block : l->block;
        for (int64_t i = 0; i < n; i++, h += l->block)
            for (int64_t j = 0; y[i] != 0 && j < n; j++)
                h[j] += y[i] * y[j];
    }
}

/* The inputs of one sum of a convolution over two spatial axes. */
static void conv_row(const struct layer *l, const float *x, const int64_t *dims, int64_t group,
                     int64_t oy, int64_t ox, float *row)
{
    const struct infer__window *w = &l->window;
    int64_t channels = dims[1] / l->groups;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t ky = 0; ky < w->kernel[1]; ky++)
            for (int64_t kx = 0; kx < w->kernel[2]; kx++) {
                int64_t y = oy * w->stride[1] - w->pad_begin[1] + ky * w->dilation[1];
                int64_t z = ox * w->stride[2] - w->pad_begin[2] + kx * w->dilation[2];
                int inside = y >= 0 && y < dims[2] && z >= 0 && z < dims[3];
                *row++ = inside ? x[((group * channels + c) * dims[2] + y) * dims[3] + z] : 0;
            }
}

static uint64_t next(struct rounder *r)
{
    r->random = r->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return r->random >> 33;
}

static void look_conv(struct rounder *r, struct layer *l, const infer_tensor *t)
{
    const struct infer__value *y = &r->q->shaped.values[r->q->graph.nodes[l->node].out[0]];
    int64_t places = y->dims[2] * y->dims[3];
    for (int64_t i = 0; i < (places < ROWS ? places : ROWS); i++) {
        int64_t at = places <= ROWS ? i : (int64_t)(next(r) % (uint64_t)places);
        for (int64_t g = 0; g < l->groups; g++) {
            conv_row(l, t->data, t->dims, g, at / y->dims[3], at % y->dims[3], r->row);
            add_row(l, g, r->row);
        }
    }
}

static void look_rows(struct rounder *r, struct layer *l, const infer_tensor *t)
{
    size_t rows = infer_tensor_elements(t) / (size_t)l->k;
    for (size_t i = 0; i < (rows < ROWS ? rows : ROWS); i++)
        add_row(l, 0, (const float *)t->data + (rows <= ROWS ? i : next(r) % rows) * (size_t)l->k);
}

/* A tensor that layers read, on one sample. */
static void look_at(struct rounder *r, uint32_t v, const infer_tensor *t)
{
    for (uint32_t i = 0; i < r->nlayers; i++) {
        struct layer *l = &r->layers[i];
        if (r->q->graph.nodes[l->node].in[0] == v)
            (l->conv ? look_conv : look_rows)(r, l, t);
    }
}

static void look(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *t)
{
    struct rounder *r = ctx;
    (void)sample;
    look_at(r, r->points[group], t);
}

/* ---- linear algebra ------------------------------------------------------------------------- */

/* Turns h (n x n, rows of `stride`) into the upper Cholesky factor of its inverse, damped by a
 * hundredth of its mean diagonal. Returns 0 where it is not positive definite. `t` has room for
 * n x n. */
static int inverse_factor(float *h, int64_t n, int64_t stride, double *t)
{
    double mean = 0;
    for (int64_t i = 0; i < n; i++)
        mean += (double)h[i * stride + i] / (double)n;
    if (!(mean > 0) || !isfinite(mean))
        return 0;
    /* t = lower factor of the matrix with both axes reversed; its inverse, reversed again, is what
     * is wanted: with P the reversal and PHP = LL^T, inverse(H) = (P inverse(L)^T P)(...)^T */
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = (double)h[(n - 1 - i) * stride + n - 1 - j] + (i == j ? 0.01 * mean : 0);
            for (int64_t k = 0; k < j; k++)
                sum -= t[i * n + k] * t[j * n + k];
            if (i == j && !(sum > 1e-12 * mean))
                return 0;
            t[i * n + j] = i == j ? sqrt(sum) : sum / t[j * n + j];
        }
    /* inverse of the lower factor, in place, column by column */
    for (int64_t j = 0; j < n; j++) {
        t[j * n + j] = 1 / t[j * n + j];
        for (int64_t i = j + 1; i < n; i++) {
            double sum = 0;
            for (int64_t k = j; k < i; k++)
                sum -= t[i * n + k] * t[k * n + j];
            t[i * n + j] = sum / t[i * n + i];
        }
    }
    /* inverse(PHP) = inverse(L)^T inverse(L); reversed, inverse(H) = U^T U with U upper: U[a][b] =
     * inverse(L)[n-1-a][n-1-b] */
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b < n; b++)
            h[a * stride + b] = b >= a ? (float)t[(n - 1 - a) * n + n - 1 - b] : 0;
    return 1;
}

static int8_t nearest(float w, float scale)
{
    float v = rintf(w / scale);
    return (int8_t)(v > 127 ? 127 : v < -127 ? -127 : v == v ? v : 0);
}

/* One row of weights; `w` is changed. */
static void round_row(const struct layer *l, int64_t group, float *w, float scale, int8_t *q,
                      const uint8_t *usable)
{
    for (int64_t b = 0; b < blocks_of(l); b++) {
        const float *u = l->h + (group * blocks_of(l) + b) * l->block * l->block;
        float *x = w + b * l->block;
        int64_t n = l->k - b * l->block < l->block ? l->k - b * l->block : l->block;
        for (int64_t k = 0; k < n; k++, u += l->block) {
            int8_t v = q[b * l->block + k] = nearest(x[k], scale);
            if (!usable[group * blocks_of(l) + b])
                continue;
            float e = (x[k] - (float)v * scale) / u[k];
            for (int64_t j = k + 1; j < n; j++)
                x[j] -= e * u[j];
        }
    }
}

/* ---- layers --------------------------------------------------------------------------------- */

/* Rows of weights are `k` numbers for Conv and transposed Gemm, else columns. */
static infer_status round_layer(struct quantiser *q, struct layer *l, struct infer__region *region,
                                infer_error *err)
{
    const struct infer__node *n = &q->graph.nodes[l->node];
    struct quant_node *node = &q->nodes[l->node];
    const float *w = q->graph.values[n->in[1]].data;
    const float *bias = n->nin > 2 && n->in[2] ? q->graph.values[n->in[2]].data : NULL;
    int64_t channels = node->channels, nblocks = l->groups * blocks_of(l);
    double *t = infer__region_calloc(region, (size_t)(l->block * l->block), sizeof *t);
    float *row = infer__region_calloc(region, (size_t)l->k, sizeof *row);
    int8_t *rounded = infer__region_calloc(region, (size_t)l->k, 1);
    uint8_t *usable = infer__region_calloc(region, (size_t)nblocks, 1);
    float *scales = infer__region_calloc(&q->region, (size_t)channels, sizeof *scales);
    int8_t *all = infer__region_calloc(&q->region, (size_t)(channels * l->k), 1);
    if (!t || !row || !rounded || !usable || !scales || !all)
        return infer__no_memory(err, (size_t)(channels * l->k));
    for (int64_t b = 0; b < nblocks; b++) {
        int64_t left = l->k - b % blocks_of(l) * l->block;
        usable[b] = (uint8_t)inverse_factor(l->h + b * l->block * l->block,
                                            left < l->block ? left : l->block, l->block, t);
    }
    int64_t outer = l->axis ? l->k : 1, inner = l->axis ? 1 : l->k;
    quant_weight_scales(w, outer, channels, inner, bias,
                        q->tensors[q->tensors[n->in[0]].root].params.scale, scales);
    for (int64_t c = 0; c < channels; c++) {
        int64_t step = l->axis ? channels : 1, start = l->axis ? c : c * l->k;
        for (int64_t k = 0; k < l->k; k++)
            row[k] = w[start + k * step];
        round_row(l, c / l->outputs, row, scales[c], rounded, usable);
        for (int64_t k = 0; k < l->k; k++)
            all[start + k * step] = rounded[k];
    }
    node->rounded = all;
    node->scales = scales;
    return INFER_OK;
}

/* Sizes of a dense node; 0 where it is left to plain rounding. */
static int describe(struct quantiser *q, uint32_t i, struct layer *l, infer_error *err)
{
    const struct infer__node *n = &q->graph.nodes[i];
    const struct infer__value *w = &q->shaped.values[n->in[1]];
    union infer__params p = {0};
    struct infer__graph scratch = q->shaped;
    l->node = i;
    l->conv = n->op == INFER__OP_CONV;
    l->axis = quant_weight_axis(&q->graph, n);
    l->groups = l->conv ? infer__node_int(n, INFER__ATTR_GROUP, 1) : 1;
    l->k = infer__value_elements(w) / q->nodes[i].channels;
    l->outputs = q->nodes[i].channels / l->groups;
    l->block = l->k < BLOCK ? l->k : BLOCK;
    if (!l->conv)
        return l->k > 0;
    if (w->rank != 4 || infer__resolve_node(&scratch, n, UINT64_MAX, &p, err) != INFER_OK)
        return 0;
    l->window = p.window;
    return l->k > 0;
}

static infer_status collect(struct rounder *r, struct infer__region *region, infer_error *err)
{
    struct quantiser *q = r->q;
    int64_t longest = 1;
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        struct layer *l = &r->layers[r->nlayers];
        if (q->nodes[i].kind != QUANT_DENSE || !describe(q, i, l, err))
            continue;
        size_t size = (size_t)(l->groups * blocks_of(l) * l->block * l->block);
        l->h = infer__region_calloc(region, size, sizeof *l->h);
        if (!l->h)
            return infer__no_memory(err, size * sizeof *l->h);
        longest = l->k > longest ? l->k : longest;
        r->nlayers++;
    }
    r->row = infer__region_calloc(region, (size_t)longest, sizeof *r->row);
    if (!r->row)
        return infer__no_memory(err, (size_t)longest * sizeof *r->row);
    for (uint32_t v = 1; v < q->graph.nvalues; v++)
        for (uint32_t i = 0; i < r->nlayers && q->graph.values[v].kind == INFER__VALUE_NODE; i++)
            if (q->graph.nodes[r->layers[i].node].in[0] == v) {
                r->points[r->npoints++] = v;
                break;
            }
    uint32_t count = q->samples.ncalibration, most = ROUNDING_SAMPLES;
    struct capture c = {.graph = &q->graph,
                        .points = r->points,
                        .npoints = r->npoints,
                        .group = 1,
                        .samples = &q->samples,
                        .count = count < most ? count : most,
                        .step = count < most ? 1 : count / most,
                        .threads = q->options.threads,
                        .fn = look,
                        .ctx = r,
                        .what = "rounding of weights",
                        .progress = quant_progress,
                        .progress_ctx = q};
    for (uint32_t k = 0; k < c.count; k++) {
        infer_tensor t = q->samples.tensor;
        t.data = q->samples.items[k * c.step].data;
        look_at(r, q->graph.inputs[0], &t);
    }
    return r->npoints ? capture_run(&c, err) : INFER_OK;
}

infer_status quant_round(struct quantiser *q, infer_error *err)
{
    struct infer__region region;
    struct rounder r = {.q = q, .random = 1};
    size_t n = (size_t)q->graph.nnodes + 1;
    infer_status status;
    infer__region_init(&region, NULL);
    r.layers = infer__region_calloc(&region, n, sizeof *r.layers);
    r.points = infer__region_calloc(&region, n, sizeof *r.points);
    TRY_GOTO(r.layers && r.points ? INFER_OK : infer__no_memory(err, n * sizeof *r.layers));
    TRY_GOTO(collect(&r, &region, err));
    for (uint32_t i = 0; i < r.nlayers; i++)
        TRY_GOTO(round_layer(q, &r.layers[i], &region, err));
    status = INFER_OK;
fail:
    infer__region_free(&region);
    return status;
}
