/* The inner part of depthwise convolution, at one of the levels of vec_f32.h: a tile of one or two
 * rows by a few columns of output pixels, all channels, for kernels 3 and 5 wide and strides 1 and
 * 2 along a row, and for kernels 7 wide and stride 1.
 *
 * A tile walks over its input rows. Of each, every column is loaded once and goes to all outputs
 * that it belongs to, of both rows: 3x3 with stride 1 needs 36 loads for 14 outputs, where tap by
 * tap it would be 126. Each output is bias + the products tap by tap (H, W), without those of taps
 * in the padding: the same bits whichever tile it is computed in.
 */
#include "kernels/conv/depthwise_rows.h"
#include "kernels/vec_epilogue.h"

/* Columns of a tile: whole tiles, then what is left of a row in narrower ones. The sums of two rows
 * and the weights of one kernel row are to stay in the registers. */
#if VEC_LEVEL == 512
#define DW_WIDE 7
#define DW_SOME 3
#else
#define DW_WIDE 4
#define DW_SOME 2
#endif
/* Loops of more than 16 rounds over registers. */
#if defined(__clang__)
#define DW_UNROLL _Pragma("unroll")
#else
#define DW_UNROLL _Pragma("GCC unroll 32")
#endif

/* What one tile adds to that: its first output column and the input column of its first tap. */
struct dw_tile {
    const struct dw_rows *r;
    int64_t out, in;
    float low, high; /* bounds of the activation, if it is a simple one */
};

/* ---- the tile ------------------------------------------------------------------------------- */

/* Everything but pointers is a constant: R rows, T columns, KW taps of a row, stride S, whether
 * the tile may touch columns outside the picture, `n` channels of the vector (VEC: all). */
#define DW_SHAPE int R, int T, int KW, int S, int edge

#if VEC_LEVEL == 0 /* loops, too large to be everywhere */
static __attribute__((noinline)) vec dw_load_some(const float *p, int n)
{
    return vec_load_n(p, n);
}
static __attribute__((noinline)) void dw_store_some(float *p, vec x, int n)
{
    vec_store_n(p, x, n);
}
#else
#define dw_load_some vec_load_n
#define dw_store_some vec_store_n
#endif
VEC_INLINE vec dw_load(const float *p, int n)
{
    return n == VEC ? vec_load(p) : dw_load_some(p, n);
}
VEC_INLINE void dw_store(float *p, vec x, int n)
{
    if (n == VEC)
        vec_store(p, x);
    else
        dw_store_some(p, x, n);
}

/* One input row: `first` and `second` say to which output rows it belongs, w0 and w1 are the
 * weights of its kernel row for each. */
VEC_INLINE void dw_input_row(DW_SHAPE, int first, int second, const struct dw_tile *t,
                             const float *x, int64_t c, int n, const float *w0, const float *w1,
                             vec sum[2][DW_WIDE])
{
    const int64_t step = t->r->in_step;
    vec a[DW_KERNEL_MAX], b[DW_KERNEL_MAX];
    (void)R, (void)edge;
    VEC_UNROLL
    for (int k = 0; k < KW; k++) {
        if (first)
            a[k] = vec_load(w0 + k * DW_BLOCK);
        if (second)
            b[k] = vec_load(w1 + k * DW_BLOCK);
    }
    DW_UNROLL
    for (int j = 0; j < (T - 1) * S + KW; j++) {
        if (edge && (uint64_t)(t->in + j) >= (uint64_t)t->r->in_w)
            continue;
        vec v = dw_load(x + ((t->in + j) * step + c), n);
        VEC_UNROLL
        for (int m = 0; m < T; m++) {
            const int k = j - m * S;
            if (k < 0 || k >= KW)
                continue;
            if (first)
                sum[0][m] = vec_fma(v, a[k], sum[0][m]);
            if (second)
                sum[1][m] = vec_fma(v, b[k], sum[1][m]);
        }
    }
}

VEC_INLINE void dw_body(DW_SHAPE, const struct dw_tile *t, int64_t c, int n)
{
    const struct dw_rows *r = t->r;
    const int kh = r->kernel_h, sh = r->stride_h, row = KW * DW_BLOCK;
    const float *w = r->weights + c / DW_BLOCK * DW_BLOCK * kh * KW + c % DW_BLOCK;
    vec sum[2][DW_WIDE], bias = vec_set(0);
    if (r->bias)
        bias = dw_load(r->bias + c, n);
    VEC_UNROLL
    for (int m = 0; m < T; m++)
        sum[0][m] = sum[1][m] = bias;
    int i = 0, shared = R == 1 ? kh : sh < kh ? sh : kh;
    for (; i < shared; i++)
        if (r->x[i])
            dw_input_row(R, T, KW, S, edge, 1, 0, t, r->x[i], c, n, w + i * row, w, sum);
    for (; R == 2 && i < kh; i++)
        if (r->x[i])
            dw_input_row(R, T, KW, S, edge, 1, 1, t, r->x[i], c, n, w + i * row, w + (i - sh) * row,
                         sum);
    for (i = i < sh ? sh : i; R == 2 && i < kh + sh; i++)
        if (r->x[i])
            dw_input_row(R, T, KW, S, edge, 0, 1, t, r->x[i], c, n, w, w + (i - sh) * row, sum);
    const vec low = vec_set(t->low), high = vec_set(t->high);
    VEC_UNROLL
    for (int q = 0; q < R; q++) {
        VEC_UNROLL
        for (int m = 0; m < T; m++) {
            const int64_t at = (t->out + m) * r->out_step + c;
            if (r->residual[q])
                sum[q][m] = vec_add(sum[q][m], dw_load(r->residual[q] + at, n));
            dw_store(r->y[q] + at, vec_at_most(high, vec_at_least(low, sum[q][m])), n);
        }
    }
}

VEC_INLINE void dw_channels(DW_SHAPE, const struct dw_tile *t)
{
    int64_t c = 0;
    for (; c + VEC <= t->r->channels; c += VEC)
        dw_body(R, T, KW, S, edge, t, c, VEC);
    if (c < t->r->channels)
        dw_body(R, T, KW, S, edge, t, c, (int)(t->r->channels - c));
}

/* ---- its instances -------------------------------------------------------------------------- */

typedef void dw_function(const struct dw_tile *t);

#define DW_FUNCTION(name, R, T, KW, S, edge)                                                       \
    static void name(const struct dw_tile *t)                                                      \
    {                                                                                              \
        dw_channels(R, T, KW, S, edge, t);                                                         \
    }
/* Wide tiles inside the picture, wide, narrower and single-column ones anywhere. */
#define DW_FUNCTIONS(KW, S)                                                                        \
    DW_FUNCTION(dw_inner1_k##KW##s##S, 1, DW_WIDE, KW, S, 0)                                       \
    DW_FUNCTION(dw_inner2_k##KW##s##S, 2, DW_WIDE, KW, S, 0)                                       \
    DW_FUNCTION(dw_wide1_k##KW##s##S, 1, DW_WIDE, KW, S, 1)                                        \
    DW_FUNCTION(dw_wide2_k##KW##s##S, 2, DW_WIDE, KW, S, 1)                                        \
    DW_FUNCTION(dw_some1_k##KW##s##S, 1, DW_SOME, KW, S, 1)                                        \
    DW_FUNCTION(dw_some2_k##KW##s##S, 2, DW_SOME, KW, S, 1)                                        \
    DW_FUNCTION(dw_one1_k##KW##s##S, 1, 1, KW, S, 1)                                               \
    DW_FUNCTION(dw_one2_k##KW##s##S, 2, 1, KW, S, 1)
#define DW_TABLE(KW, S)                                                                            \
    {                                                                                              \
        {dw_inner1_k##KW##s##S, dw_wide1_k##KW##s##S, dw_some1_k##KW##s##S, dw_one1_k##KW##s##S},  \
        {                                                                                          \
            dw_inner2_k##KW##s##S, dw_wide2_k##KW##s##S, dw_some2_k##KW##s##S, dw_one2_k##KW##s##S \
        }                                                                                          \
    }

DW_FUNCTIONS(3, 1)
DW_FUNCTIONS(3, 2)
DW_FUNCTIONS(5, 1)
DW_FUNCTIONS(5, 2)
DW_FUNCTIONS(7, 1)

enum { DW_INNER, DW_EDGE_WIDE, DW_EDGE_SOME, DW_EDGE_ONE, DW_TILES };
/* [kernel 3, 5, 7][stride 1, 2][rows 1, 2][tile] */
static dw_function *const dw_functions[3][2][2][DW_TILES] = {
    {DW_TABLE(3, 1), DW_TABLE(3, 2)}, {DW_TABLE(5, 1), DW_TABLE(5, 2)}, {DW_TABLE(7, 1)}};

/* ---- rows ----------------------------------------------------------------------------------- */

/* The activations that are not simple, of n columns: in the first-level cache still. */
static void dw_activate(const struct dw_rows *r, int64_t out, int64_t n)
{
    for (int q = 0; q < r->rows; q++) {
        float *y = r->y[q] + out * r->out_step;
        if (r->out_step == r->channels) {
            vec_epilogue_row(r->epi, y, NULL, y, n * r->channels);
            continue;
        }
        for (int64_t m = 0; m < n; m++, y += r->out_step)
            vec_epilogue_row(r->epi, y, NULL, y, r->channels);
    }
}

/* Per vector its products, its store, and for stride 2 the input columns, of which fewer are
 * shared. */
double LEVEL_NAME(infer__dw_ns)(const struct infer__window *w, double pixels, int64_t channels,
                                unsigned act)
{
    double vectors = (double)((channels + VEC - 1) / VEC),
           taps = (double)(w->kernel[1] * w->kernel[2]);
    double each = taps * VEC / RATE + 1 + (w->stride[2] > 1 ? VEC / 8.0 : 0);
    double more = vec_is_simple(act) ? 0 : vec_activation_ns(act);
    return pixels * (vectors * each + (double)channels * more + 2);
}

void LEVEL_NAME(infer__dw_rows)(const struct dw_rows *r)
{
    dw_function *const *run = dw_functions[(r->kernel_w - 3) / 2][r->stride_w - 1][r->rows - 1];
    const unsigned act = r->epi->act;
    struct dw_tile t = {.r = r};
    infer__clamp_bounds(r->epi, &t.low, &t.high);
    for (int64_t n; t.out < r->out_w; t.out += n) {
        int64_t left = r->out_w - t.out;
        t.in = t.out * r->stride_w - r->pad;
        int which = left >= DW_WIDE ? DW_EDGE_WIDE : left >= DW_SOME ? DW_EDGE_SOME : DW_EDGE_ONE;
        n = left >= DW_WIDE ? DW_WIDE : left >= DW_SOME ? DW_SOME : 1;
        if (n == DW_WIDE && t.in >= 0 &&
            t.in + (DW_WIDE - 1) * r->stride_w + r->kernel_w <= r->in_w)
            which = DW_INNER;
        run[which](&t);
        if (!infer__is_clamp(act))
            dw_activate(r, t.out, n);
    }
}
