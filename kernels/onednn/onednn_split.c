/* Cutting a problem into tiles. */
#include <string.h>

#include "kernels/integers.h"
#include "kernels/onednn/onednn_kernel.h"

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The axis along which a picture is cut: the first that has more than one row of output. Those
 * before it must have one row of input, or a range of rows would not be contiguous. -1: none. */
static int row_axis(const struct infer__dnnl_problem *p)
{
    for (int a = 0; a < 3; a++) {
        if (p->out[a] > 1)
            return a;
        if (p->in[a] > 1)
            return -1;
    }
    return -1;
}

static int64_t row_count(const struct infer__dnnl_problem *p)
{
    int a = row_axis(p);
    return a < 0 ? 1 : p->out[a];
}

static double taps(const struct infer__dnnl_problem *p)
{
    return (double)p->kernel[0] * (double)p->kernel[1] * (double)p->kernel[2];
}

/* Multiply-adds count 2; a comparison or addition of a pooling 1. */
double infer__dnnl_flops(const struct infer__dnnl_problem *p)
{
    const int64_t *at = p->kind == INFER__DNNL_DECONV ? p->in : p->out;
    double pixels = (double)p->n * (double)at[0] * (double)at[1] * (double)at[2];
    if (p->kind == INFER__DNNL_POOL)
        return pixels * (double)p->co * taps(p);
    return 2 * pixels * (double)p->co * (double)(p->ci / p->groups) * taps(p);
}

/* ---- choosing a cut ------------------------------------------------------------------------- */

/* Rough ns of the largest tile of one picture: only ratios matter, and only for which cut is best.
 * The rates are constants, so that every machine cuts alike. */
static double tile_cost(const struct infer__dnnl_problem *p, const struct infer__dnnl_grid *g)
{
    const double dense = 100, grouped = 45, pool = 15; /* FLOP per ns */
    const double weight_bytes_per_ns = 25, copy_bytes_per_ns = 10, call = 4000;
    const int64_t align = 16;
    int64_t rows = row_count(p);
    double share = (double)ceil_div(rows, g->rows) / (double)rows;
    int64_t c = min64(p->co, ceil_div(ceil_div(p->co, g->chunks), align) * align);
    double out = share * (double)p->out[0] * (double)p->out[1] * (double)p->out[2];
    /* a register tile has at least some 6 pixels, used or not */
    double rate = (out < 6 ? out / 6 : 1) * (p->kind == INFER__DNNL_POOL ? pool
                                             : p->groups > 1             ? grouped
                                                                         : dense);
    double compute = infer__dnnl_flops(p) / (double)p->n * share * (double)c / (double)p->co / rate;
    double weights = 0;
    if (p->kind != INFER__DNNL_POOL)
        weights = 4 * (double)c * (double)(p->ci / p->groups) * taps(p) / weight_bytes_per_ns;
    double copy = g->chunks > 1 ? 8 * out * (double)c * (double)(1 + p->residual) : 0;
    return call + (compute > weights ? compute : weights) + copy / copy_bytes_per_ns;
}

/* What a cut costs in thread-time, over the numbers of threads that a session may have, few
 * threads being the most likely. */
static double grid_cost(const struct infer__dnnl_problem *p, const struct infer__dnnl_grid *g)
{
    static const double weight[] = {1, 1, 0.3, 0.1, 0.03, 0.01}; /* of 1, 2, 4 .. 32 threads */
    const double hand_off = 3000;                                /* ns until others are at work */
    int64_t units = g->rows * g->chunks;
    double tile = tile_cost(p, g), cost = 0;
    for (int i = 0; i < 6; i++) {
        int64_t threads = (int64_t)1 << i;
        double wait = i > 0 && units > 1 ? hand_off : 0;
        cost += weight[i] * (double)threads * ((double)ceil_div(units, threads) * tile + wait);
    }
    return cost;
}

/* Each picture is cut alike, however many there are; only past some number do they share tiles. */
struct infer__dnnl_grid infer__dnnl_cut(const struct infer__dnnl_problem *p)
{
    const int64_t most = 32, chunk_min = 32, most_pictures = 64;
    int64_t rows = row_count(p);
    int64_t chunks = p->kind == INFER__DNNL_CONV && p->groups == 1 ? p->co / chunk_min : 1;
    struct infer__dnnl_grid best = {1, 1, 1};
    double best_cost = grid_cost(p, &best);
    for (int64_t r = 1; r <= rows && r <= most; r++) {
        for (int64_t c = 1; c == 1 || (c <= chunks && r * c <= most); c++) {
            struct infer__dnnl_grid g = {1, r, c};
            double cost = grid_cost(p, &g);
            if (cost < best_cost * 0.99) {
                best = g;
                best_cost = cost;
            }
        }
    }
    best.pictures = min64(p->n, most_pictures);
    if (best.pictures < p->n) /* a tile of several pictures has all of their rows */
        best.rows = 1;
    return best;
}

uint32_t infer__dnnl_tiles(const struct infer__dnnl_grid *g)
{
    return (uint32_t)(g->pictures * g->rows * g->chunks);
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* First channel of a chunk: chunks start at multiples of 16, a vector of AVX-512. */
static int64_t chunk_begin(int64_t channels, int64_t chunks, int64_t i)
{
    int64_t blocks = ceil_div(channels, 16);
    return min64(channels, 16 * infer__unit_begin(blocks, chunks, i));
}

/* Input rows [*begin, *end) that rows [lo, hi) of a convolution or pooling read; the rest of the
 * window becomes the tile's padding. */
static void window_rows(struct infer__dnnl_problem *p, int a, int64_t lo, int64_t hi,
                        int64_t *begin, int64_t *end)
{
    int64_t extent = (p->kernel[a] - 1) * p->dilation[a] + 1;
    int64_t first = lo * p->stride[a] - p->pad_begin[a];
    int64_t last = (hi - 1) * p->stride[a] - p->pad_begin[a] + extent;
    *begin = max64(first, 0);
    *end = min64(last, p->in[a]);
    p->pad_begin[a] = *begin - first;
    p->pad_end[a] = last - *end;
}

/* The same of a transposed convolution: input row i reaches output rows i * stride - pad to
 * i * stride - pad + extent - 1. */
static void spread_rows(struct infer__dnnl_problem *p, int a, int64_t lo, int64_t hi,
                        int64_t *begin, int64_t *end)
{
    int64_t extent = (p->kernel[a] - 1) * p->dilation[a] + 1;
    int64_t pad = p->pad_begin[a], s = p->stride[a];
    *begin = min64(ceil_div(max64(lo + pad - extent + 1, 0), s), (lo + pad) / s);
    *end = min64((hi - 1 + pad) / s + 1, p->in[a]);
    p->pad_begin[a] = lo + pad - *begin * s;
    p->pad_end[a] = (*end - *begin - 1) * s + extent - p->pad_begin[a] - (hi - lo);
}

/* Narrows a tile to range r of `rows`; *first is its first input row. */
static int cut_rows(struct infer__dnnl_problem *p, int64_t rows, int64_t r, int64_t *in_begin,
                    int64_t *out_begin)
{
    int a = row_axis(p);
    int64_t lo = infer__unit_begin(p->out[a], rows, r), end;
    int64_t hi = infer__unit_begin(p->out[a], rows, r + 1);
    if (p->kind == INFER__DNNL_DECONV)
        spread_rows(p, a, lo, hi, in_begin, &end);
    else
        window_rows(p, a, lo, hi, in_begin, &end);
    if (*in_begin >= end || *in_begin < 0)
        return 0;
    *out_begin = lo;
    p->in[a] = end - *in_begin;
    p->out[a] = hi - lo;
    return 1;
}

static int64_t row_elements(const int64_t size[3], int a, int64_t c)
{
    for (int i = a + 1; i < 3; i++)
        c *= size[i];
    return c;
}

int infer__dnnl_tile(const struct infer__dnnl_problem *p, const struct infer__dnnl_grid *g,
                     uint32_t i, struct infer__dnnl_tile *tile)
{
    int64_t chunk = i % g->chunks, row = i / g->chunks % g->rows, pic = i / g->chunks / g->rows;
    int64_t n0 = infer__unit_begin(p->n, g->pictures, pic);
    int64_t n1 = infer__unit_begin(p->n, g->pictures, pic + 1);
    int64_t src = n0 * p->in[0] * p->in[1] * p->in[2] * p->ci;
    int64_t dst = n0 * p->out[0] * p->out[1] * p->out[2] * p->co;
    memset(tile, 0, sizeof *tile);
    tile->p = *p;
    tile->p.n = n1 - n0;
    if (g->rows > 1) {
        int a = row_axis(p);
        int64_t in_begin, out_begin;
        if (!cut_rows(&tile->p, g->rows, row, &in_begin, &out_begin))
            return 0;
        src += in_begin * row_elements(p->in, a, p->ci);
        dst += out_begin * row_elements(p->out, a, p->co);
    }
    tile->chunk = chunk;
    if (g->chunks > 1) {
        tile->c_begin = chunk_begin(p->co, g->chunks, chunk);
        tile->p.co = chunk_begin(p->co, g->chunks, chunk + 1) - tile->c_begin;
    }
    tile->src_offset = (size_t)INFER__PRODUCT(src, sizeof(float));
    tile->dst_offset = (size_t)INFER__PRODUCT(INFER__SUM(dst, tile->c_begin), sizeof(float));
    return 1;
}
