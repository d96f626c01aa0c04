/* levels: avx2 avx512 */
/* Grouped f32 convolutions of 3 x 3 with few channels per group, as many out as in.
 *
 * A vector of outputs covers whole groups. An input pixel's vector of the same channels is spread
 * so that every lane has its group's channel c, then multiplied with the weights of each kernel
 * column that meets the pixel: one shuffle serves up to three multiply-adds. Spreading works within
 * GROUP_4 = 4 lanes at all levels and within 8 with AVX-512.
 *
 * Each output is bias + the products in the order of kernel rows, quarters of four channels,
 * kernel columns, channels: the same bits whatever tile a pixel falls into.
 */
#include "kernels/levels.h"

#define RATE PER_LEVEL(0, 40.0, 48.0) /* multiply-adds per nanosecond, measured */

#include "kernels/conv/vec_f32.h"
#include "kernels/linear/linear.h"
#include "kernels/vec_epilogue.h"

enum { TILE = 8, SPAN = 2 * (TILE - 1) + 3 };

#if VEC_LEVEL == 512
typedef __m512i groups_index;
#define GROUPS_MOST 8
/* Lanes that take channel c of their group of 8. */
VEC_INLINE groups_index groups_lanes(int c)
{
    return _mm512_add_epi32(_mm512_set1_epi32(c),
                            _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8));
}
#define GROUPS_SPREAD(x, c) _mm512_permute_ps(x, (c)*0x55)
#define GROUPS_SPREAD_8(x, index) _mm512_permutexvar_ps(index, x)
#else
typedef int groups_index;
#define GROUPS_MOST 4
#define groups_lanes(c) (c)
#define GROUPS_SPREAD(x, c) _mm256_permute_ps(x, (c)*0x55)
#define GROUPS_SPREAD_8(x, index) ((void)(index), (x))
#endif

struct groups_shape {
    struct infer__linear s;
    int64_t size;    /* channels of a group: 4 or 8 */
    int64_t vectors; /* of all channels */
    int64_t tiles;   /* of a row */
    int64_t rows, items;
    uint32_t units;
};

/* One tile of a row by one vector. */
struct groups_job {
    const float *rows[3]; /* the input rows at this vector's channels, NULL: in the padding */
    const float *weights; /* kernel row, quarter, column, channel, lane */
    const float *bias;
    int64_t first, width, step; /* first input column, columns of the input, floats of a pixel */
    int lanes;                  /* that exist */
    float *sums;                /* TILE vectors */
};

VEC_INLINE vec groups_spread(int size, vec x, int c, const groups_index *index)
{
    if (size == 8)
        return GROUPS_SPREAD_8(x, index[c]);
    switch (c) { /* the shuffle's pattern is part of the instruction */
    case 0:
        return GROUPS_SPREAD(x, 0);
    case 1:
        return GROUPS_SPREAD(x, 1);
    case 2:
        return GROUPS_SPREAD(x, 2);
    default:
        return GROUPS_SPREAD(x, 3);
    }
}

/* `mr` outputs at this stride, groups of `size` channels; all three are constants. */
VEC_INLINE void groups_body(const int mr, const int stride, const int size,
                            const struct groups_job *j)
{
    const int span = (mr - 1) * stride + 3;
    vec sum[TILE];
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        sum[m] = vec_load(j->bias);
    for (int r = 0; r < 3; r++) {
        if (!j->rows[r])
            continue;
        const float *row = j->rows[r] + j->first * j->step;
        for (int quarter = 0; quarter < size / 4; quarter++) {
            const float *w = j->weights + (r * (size / 4) + quarter) * 12 * VEC;
            groups_index index[4];
            vec weight[12];
            VEC_UNROLL
            for (int i = 0; i < 12; i++)
                weight[i] = vec_load(w + i * VEC);
            if (size == 8) {
                VEC_UNROLL
                for (int c = 0; c < 4; c++)
                    index[c] = groups_lanes(quarter * 4 + c);
            }
            _Pragma("GCC unroll 17") for (int i = 0; i < span; i++)
            {
                vec x = vec_set(0);
                if ((uint64_t)(j->first + i) < (uint64_t)j->width)
                    x = j->lanes == VEC ? vec_load(row + i * j->step)
                                        : vec_load_n(row + i * j->step, j->lanes);
                VEC_UNROLL
                for (int c = 0; c < 4; c++) {
                    vec a = groups_spread(size, x, c, index);
                    VEC_UNROLL
                    for (int k = 0; k < 3; k++)
                        if (i >= k && (i - k) % stride == 0 && (i - k) / stride < mr)
                            sum[(i - k) / stride] =
                                vec_fma(a, weight[k * 4 + c], sum[(i - k) / stride]);
                }
            }
        }
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        vec_store(j->sums + m * VEC, sum[m]);
}

typedef void groups_function(const struct groups_job *j);

#define GROUPS(mr, stride, size)                                                                   \
    static void groups_##mr##_##stride##_##size(const struct groups_job *j)                        \
    {                                                                                              \
        groups_body(mr, stride, size, j);                                                          \
    }
#define NAME_OF(mr, stride, size) groups_##mr##_##stride##_##size,
#define FOR_8(X, stride, size)                                                                     \
    X(1, stride, size)                                                                             \
    X(2, stride, size)                                                                             \
    X(3, stride, size)                                                                             \
    X(4, stride, size) X(5, stride, size) X(6, stride, size) X(7, stride, size) X(8, stride, size)

FOR_8(GROUPS, 1, 4)
FOR_8(GROUPS, 2, 4)
#if GROUPS_MOST == 8
FOR_8(GROUPS, 1, 8)
FOR_8(GROUPS, 2, 8)
#endif
/* by size, stride, pixels */
static groups_function *const groups_functions[GROUPS_MOST / 4][2][TILE] = {
    {{FOR_8(NAME_OF, 1, 4)}, {FOR_8(NAME_OF, 2, 4)}},
#if GROUPS_MOST == 8
    {{FOR_8(NAME_OF, 1, 8)}, {FOR_8(NAME_OF, 2, 8)}},
#endif
};

/* ---- the kernel ----------------------------------------------------------------------------- */

static int groups_cut(const struct infer__task *t, struct groups_shape *g)
{
    struct infer__linear *s = &g->s;
    if (!infer__linear_f32(t, s) || s->transposed || !infer__linear_countable(s))
        return 0;
    const struct infer__window *w = &s->w;
    if (s->groups < 2 || s->cg != s->mg || (s->cg != 4 && s->cg != GROUPS_MOST) ||
        w->kernel[0] != 1 || w->kernel[1] != 3 || w->kernel[2] != 3 || w->dilation[2] != 1 ||
        w->stride[2] > 2 || w->stride[0] != 1 || w->pad_begin[0] || w->pad_end[0])
        return 0;
    g->size = s->cg;
    g->vectors = (s->x.c + VEC - 1) / VEC;
    g->tiles = (s->y.w + TILE - 1) / TILE;
    g->rows = s->y.n * s->y.d * s->y.h;
    g->items = g->rows * g->vectors;
    double most = (double)g->items * (double)s->y.w * VEC * 9 * (double)g->size / (RATE * 4000);
    g->units = infer__units(g->items, 1, t->threads > 1 ? 8 * t->threads : 1);
    if (g->units > most)
        g->units = most < 1 ? 1 : (uint32_t)most;
    return 1;
}

/* The input rows of output row `row` from channel `channel` on. */
static void groups_rows(const struct groups_shape *g, int64_t row, const float *x, int64_t channel,
                        const float *rows[3])
{
    const struct infer__linear *s = &g->s;
    int64_t picture = row / s->y.h;
    int64_t h = row % s->y.h * s->w.stride[1] - s->w.pad_begin[1];
    for (int r = 0; r < 3; r++, h += s->w.dilation[1])
        rows[r] =
            h < 0 || h >= s->x.h ? NULL : x + (picture * s->x.h + h) * s->x.w * s->x.c + channel;
}

static void groups_row(const struct infer__task *t, const struct infer__buffers *b,
                       const struct groups_shape *g, int64_t row, int64_t v)
{
    const struct infer__linear *s = &g->s;
    float bias[VEC] = {0}, sums[TILE * VEC];
    int64_t channel = v * VEC, rest = s->y.c - channel;
    struct groups_job j = {.bias = bias, .width = s->x.w, .step = s->x.c, .sums = sums};
    j.lanes = rest < VEC ? (int)rest : VEC;
    j.weights = (const float *)b->packed + v * VEC * 9 * g->size;
    if (s->bias)
        memcpy(bias, (const float *)b->in[2] + channel, (size_t)j.lanes * sizeof *bias);
    groups_rows(g, row, b->in[0], channel, j.rows);
    for (int64_t i = 0, begin = 0; i < g->tiles; i++) {
        int count = (int)(s->y.w / g->tiles + (i < s->y.w % g->tiles));
        j.first = begin * s->w.stride[2] - s->w.pad_begin[2];
        groups_functions[g->size / 4 - 1][s->w.stride[2] - 1][count - 1](&j);
        for (int m = 0; m < count; m++) {
            int64_t at = (row * s->y.w + begin + m) * s->y.c + channel;
            float *y = (float *)b->out[0] + at;
            const float *more = s->residual ? (const float *)b->in[s->residual] + at : NULL;
            if (j.lanes == VEC && vec_is_simple(t->epi.act)) {
                vec x = vec_load(sums + m * VEC);
                if (more)
                    x = vec_add(x, vec_load(more));
                vec_store(y, vec_activate(&t->epi, x));
            } else {
                vec_epilogue_row(&t->epi, sums + m * VEC, more, y, j.lanes);
            }
        }
        begin += count;
    }
}

static void groups_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct groups_shape *g = b->cut;
    int64_t last = infer__unit_begin(g->items, g->units, end);
    for (int64_t i = infer__unit_begin(g->items, g->units, begin); i < last; i++)
        groups_row(t, b, g, i / g->vectors, i % g->vectors);
}

static infer_status groups_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct groups_shape *g = need->cut;
    (void)err;
    if (!groups_cut(t, g))
        return INFER_ERROR_UNSUPPORTED;
    need->packed_bytes =
        infer__bytes_of(INFER__PRODUCT(g->vectors, VEC, 9, g->size), sizeof(float));
    need->units = g->units;
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

/* [vector][kernel row][quarter][kernel column][channel of the quarter][lane] */
static void groups_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct groups_shape *g = cut;
    const float *from = t->in[1].data;
    float *to = packed;
    for (int64_t i = 0; i < g->vectors * 9 * g->size; i++) {
        int64_t c = i % 4, column = i / 4 % 3, quarter = i / 12 % (g->size / 4);
        int64_t row = i / 3 / g->size % 3, v = i / 9 / g->size;
        for (int64_t lane = 0; lane < VEC; lane++) {
            int64_t m = v * VEC + lane, at = (m * g->size + quarter * 4 + c) * 9 + row * 3 + column;
            *to++ = m < g->s.y.c ? from[at] : 0;
        }
    }
}

INFER__APART static double groups_estimate(const struct infer__task *t)
{
    struct groups_shape g;
    if (t->op != INFER__OP_CONV || !infer__isa_has(t->isa, LEVEL_ISA) || t->nin < 2 ||
        !t->in[1].is_const || !groups_cut(t, &g))
        return -1;
    double vectors = (double)g.items * (double)g.s.y.w;
    double ns = vectors * VEC * 9 * (double)g.size / RATE / infer__task_machine(t)->products +
                vectors * 1.2 + (double)(g.items * g.tiles) * 20;
    return 600 + ns + vectors * VEC * vec_activation_ns(t->epi.act);
}

const struct infer__kernel LEVEL_NAME(infer__conv_groups_f32) = {
    .name = LEVEL_STRING("conv_groups_f32"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct groups_shape),
    .estimate = groups_estimate,
    .prepare = groups_prepare,
    .pack = groups_pack,
    .run = groups_run,
};
