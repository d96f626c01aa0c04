/* levels: bf16 */
/* Bf16 convolution and dense layers, AVX-512 BF16; see conv_bf16.h. Each output is one chain of
 * sums in the order kernel row by kernel row, run by run, pair by pair, whatever tile it falls
 * into. */
#include "kernels/levels.h"

#include "kernels/conv_bf16/conv_bf16.h"
#include "kernels/conv_bf16/vec_bf16.h"
#include "kernels/vec_epilogue.h"
#include <math.h>

enum { TILE = 12, PANEL_FLOATS = CONV16_PANEL * CONV16_VEC, AHEAD = 16384 };
_Static_assert(CONV16_VEC == VEC, "vectors of 16 floats");

/* ---- the copy ------------------------------------------------------------------------------- */

/* `pixels` pixels of cg floats, `step` floats apart, to c->channels bf16 each. */
static void convert_pixels(const struct infer__conv16_cut *c, const float *from, int64_t pixels,
                           int64_t step, uint16_t *to)
{
    int64_t cg = c->s.cg;
    if (step == cg && c->channels == cg) {
        bf16_from_floats(from, pixels * cg, to);
        return;
    }
    for (int64_t i = 0; i < pixels; i++, from += step, to += c->channels) {
        bf16_from_floats(from, cg, to);
        if (c->channels > cg)
            to[cg] = 0;
    }
}

/* One row of the copy from a row of the input, zeros beside the picture and behind the row. */
static void copy_row(const struct infer__conv16_cut *c, const float *row, int64_t group,
                     uint16_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t in[2], size = c->row_bytes / 2, used = c->columns * c->channels;
    /* columns j with 0 <= j * step - pad < x.w */
    in[0] = (s->w.pad_begin[2] + c->column_step - 1) / c->column_step;
    in[1] = (s->x.w - 1 + s->w.pad_begin[2]) / c->column_step + 1;
    in[1] = in[1] < c->columns ? in[1] : c->columns;
    in[0] = in[0] < in[1] ? in[0] : in[1];
    memset(to, 0, (size_t)(in[0] * c->channels) * sizeof *to);
    if (in[0] < in[1])
        convert_pixels(c,
                       row + (in[0] * c->column_step - s->w.pad_begin[2]) * s->x.c + group * s->cg,
                       in[1] - in[0], c->column_step * s->x.c, to + in[0] * c->channels);
    memset(to + in[1] * c->channels, 0, (size_t)(used - in[1] * c->channels) * sizeof *to);
    memset(to + used, 0, (size_t)(size - used) * sizeof *to);
}

/* ---- the tile ------------------------------------------------------------------------------- */

/* Kernel rows of an output row: where they are in the copy, and bf16 of weights per channel that
 * come before theirs, in pairs. */
struct rows {
    int count;
    const uint16_t *at[CONV16_ROWS];
    int64_t before[CONV16_ROWS];
};

/* One tile by one panel. */
struct job {
    const struct infer__conv16_cut *c;
    const struct rows *rows;
    int64_t column; /* bf16 from the row's begin to the first pixel */
    const uint16_t *weights;
    const float *bias;
    float *y;
    const float *residual;
    int valid;
    float low, high;
    float *sums; /* where sums go instead of y unless the activation is a clamp */
};

VEC_INLINE __m512bh pair_set(const uint16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

VEC_INLINE __m512bh pairs_load(const uint16_t *p)
{
    return (__m512bh)_mm512_loadu_si512(p);
}

/* The addresses of a tile's pixels, three to a base register: base, base + step, base + 2 step. */
#define PIXEL(x, m) ((x)[(m) / 3] + ((m) % 3) * step)
#define BASES ((TILE + 2) / 3)

VEC_INLINE void finish_tile(const int mr, const int nv, const struct job *j,
                            vec sum[TILE][CONV16_PANEL])
{
    const int full = j->valid == nv * VEC ? nv : nv - 1;
    const vec low = vec_set(j->low), high = vec_set(j->high);
    const int64_t y_step = j->c->s.y.c;
    if (j->sums) {
        VEC_UNROLL
        for (int m = 0; m < mr; m++) {
            VEC_UNROLL
            for (int v = 0; v < nv; v++)
                vec_store(j->sums + m * PANEL_FLOATS + v * VEC, sum[m][v]);
        }
        return;
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        float *y = j->y + m * y_step;
        const float *more = j->residual ? j->residual + m * y_step : NULL;
        VEC_UNROLL
        for (int v = 0; v < nv; v++) {
            vec out = sum[m][v];
            int rest = j->valid - v * VEC;
            if (more)
                out = vec_add(out, v < full ? vec_load(more + v * VEC)
                                            : vec_load_n(more + v * VEC, rest));
            out = vec_at_most(high, vec_at_least(low, out));
            if (v < full)
                vec_store(y + v * VEC, out);
            else
                vec_store_n(y + v * VEC, out, rest);
        }
    }
}

/* `mr` pixels by `nv` vectors, both constants. One pixel takes weights as fast as they come: they
 * are fetched ahead, 1.4 times as fast as they come by themselves. */
VEC_INLINE void tile_body(const int mr, const int nv, const struct job *j)
{
    const struct infer__conv16_cut *c = j->c;
    const int64_t step = c->step, pairs = c->pairs, runs = c->runs, run_step = c->run_step;
    vec sum[TILE][CONV16_PANEL];
    VEC_UNROLL
    for (int m = 0; m < mr; m++) {
        VEC_UNROLL
        for (int v = 0; v < nv; v++)
            sum[m][v] = vec_load(j->bias + v * VEC);
    }
    for (int r = 0; r < j->rows->count; r++) {
        const uint16_t *w = j->weights + j->rows->before[r] * nv * VEC * 2;
        const uint16_t *from = j->rows->at[r] + j->column;
        for (int64_t i = 0; i < runs; i++, from += run_step) {
            const uint16_t *x[BASES];
            VEC_UNROLL
            for (int b = 0; b < (mr + 2) / 3; b++)
                x[b] = from + 3 * b * step;
            for (int64_t k = 0; k < pairs; k++, w += nv * VEC * 2) {
                __m512bh weight[CONV16_PANEL];
                VEC_UNROLL
                for (int v = 0; v < nv; v++)
                    weight[v] = pairs_load(w + v * VEC * 2);
                VEC_UNROLL
                for (int v = 0; v < nv && mr == 1; v++)
                    __builtin_prefetch((const void *)((uintptr_t)(w + v * VEC * 2) + AHEAD), 0, 2);
                VEC_UNROLL
                for (int m = 0; m < mr; m++) {
                    __m512bh a = pair_set(PIXEL(x, m));
                    VEC_UNROLL
                    for (int v = 0; v < nv; v++)
                        sum[m][v] = _mm512_dpbf16_ps(sum[m][v], a, weight[v]);
                }
                VEC_UNROLL
                for (int b = 0; b < (mr + 2) / 3; b++)
                    x[b] += 2;
            }
        }
    }
    finish_tile(mr, nv, j, sum);
}

typedef void tile_function(const struct job *j);

#define TILE_FUNCTION(mr, nv)                                                                      \
    static void tile_##mr##x##nv(const struct job *j)                                              \
    {                                                                                              \
        tile_body(mr, nv, j);                                                                      \
    }
#define NAME_OF(mr, nv) tile_##mr##x##nv,
#define FOR_6(X, nv) X(1, nv) X(2, nv) X(3, nv) X(4, nv) X(5, nv) X(6, nv)
#define FOR_8(X, nv) FOR_6(X, nv) X(7, nv) X(8, nv)
#define FOR_12(X, nv) FOR_8(X, nv) X(9, nv) X(10, nv) X(11, nv) X(12, nv)
FOR_12(TILE_FUNCTION, 1)
FOR_12(TILE_FUNCTION, 2)
FOR_8(TILE_FUNCTION, 3)
FOR_6(TILE_FUNCTION, 4)
/* by vectors, pixels */
static tile_function *const tile_functions[CONV16_PANEL][TILE] = {
    {FOR_12(NAME_OF, 1)}, {FOR_12(NAME_OF, 2)}, {FOR_8(NAME_OF, 3)}, {FOR_6(NAME_OF, 4)}};

/* ---- the kernel ----------------------------------------------------------------------------- */

/* What one run of units works with. */
struct work {
    const struct infer__task *t;
    const struct infer__conv16_cut *c;
    const float *x, *bias, *residual;
    const uint16_t *packed;
    float *y;
    uint16_t *copy;
    float low, high;
    int clamp;            /* the activation is a clamp between low and high */
    int64_t chunk, group; /* whose copy is made */
    int64_t first, lines; /* output rows of the plane (pixels where flat) that the chunk has */
    int64_t pixel;        /* the plane's first pixel */
    int64_t n, od;
};

/* Copies what the chunk reads of the input. */
static void start_chunk(struct work *k, int64_t chunk, int64_t group)
{
    const struct infer__conv16_cut *c = k->c;
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    int64_t plane = chunk / c->plane_chunks;
    int64_t all = c->flat ? s->y.n * s->y.d * s->y.h * s->y.w : s->y.h;
    k->chunk = chunk;
    k->group = group;
    k->first = chunk % c->plane_chunks * c->chunk;
    k->lines = all - k->first < c->chunk ? all - k->first : c->chunk;
    k->pixel = c->flat ? 0 : plane * s->y.h * s->y.w;
    k->n = plane / s->y.d;
    k->od = plane % s->y.d;
    if (c->flat) {
        convert_pixels(c, k->x + k->first * s->x.c + group * s->cg, k->lines, s->x.c, k->copy);
        return;
    }
    uint16_t *to = k->copy;
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t d = k->od * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
        int64_t rows = c->rows - (c->chunk - k->lines) * c->row_of;
        for (int64_t r = 0; r < c->rows; r++, to += c->row_bytes / 2) {
            int64_t h = k->first * w->stride[1] - w->pad_begin[1] + r * c->row_step;
            if (r < rows && d >= 0 && d < s->x.d && h >= 0 && h < s->x.h)
                copy_row(c, k->x + ((k->n * s->x.d + d) * s->x.h + h) * s->x.w * s->x.c, group, to);
        }
    }
}

/* The kernel rows of line `line` of the chunk that are not in the padding. */
static void find_rows(const struct work *k, int64_t line, struct rows *rows)
{
    const struct infer__conv16_cut *c = k->c;
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    rows->count = 0;
    if (c->flat) {
        rows->count = 1;
        rows->at[0] = k->copy;
        rows->before[0] = 0;
        return;
    }
    for (int64_t kd = 0, krow = 0; kd < w->kernel[0]; kd++) {
        int64_t d = k->od * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
        for (int64_t kh = 0; kh < w->kernel[1]; kh++, krow++) {
            int64_t h = (k->first + line) * w->stride[1] - w->pad_begin[1] + kh * w->dilation[1];
            if (d < 0 || d >= s->x.d || h < 0 || h >= s->x.h)
                continue;
            int64_t row = kd * c->rows + line * c->row_of + kh * c->row_tap;
            rows->at[rows->count] = k->copy + row * (c->row_bytes / 2);
            rows->before[rows->count++] = krow * c->runs * c->pairs;
        }
    }
}

static void run_row(const struct work *k, const struct infer__conv16_panel *p, struct job *j,
                    int64_t pixel, int64_t width)
{
    const struct infer__conv16_cut *c = k->c;
    uint32_t tiles =
        (uint32_t)((width + infer__conv16_tile(p->vectors) - 1) / infer__conv16_tile(p->vectors));
    for (uint32_t i = 0; i < tiles; i++) {
        int64_t begin = infer__unit_begin(width, tiles, i);
        int64_t count = infer__unit_begin(width, tiles, i + 1) - begin;
        int64_t at = (pixel + begin) * c->s.y.c + p->channel;
        j->column = begin * c->step;
        j->y = k->y + at;
        j->residual = k->residual ? k->residual + at : NULL;
        tile_functions[p->vectors - 1][count - 1](j);
        for (int64_t m = 0; m < count && !k->clamp; m++)
            vec_epilogue_row(&k->t->epi, j->sums + m * PANEL_FLOATS,
                             j->residual ? j->residual + m * c->s.y.c : NULL, j->y + m * c->s.y.c,
                             p->valid);
    }
}

static void run_panel(const struct work *k, int64_t index)
{
    const struct infer__conv16_cut *c = k->c;
    struct infer__conv16_panel p = infer__conv16_panel(c, k->group, index);
    struct rows rows;
    float bias[PANEL_FLOATS] = {0}, sums[TILE * PANEL_FLOATS];
    if (k->bias)
        memcpy(bias, k->bias + p.channel, (size_t)p.valid * sizeof *bias);
    struct job j = {.c = c, .rows = &rows, .bias = bias, .valid = p.valid};
    j.weights = k->packed + p.weights;
    j.low = k->low;
    j.high = k->high;
    j.sums = k->clamp ? NULL : sums;
    if (c->flat) {
        find_rows(k, 0, &rows);
        run_row(k, &p, &j, k->first, k->lines);
        return;
    }
    for (int64_t line = 0; line < k->lines; line++) {
        find_rows(k, line, &rows);
        run_row(k, &p, &j, k->pixel + (k->first + line) * c->s.y.w, c->s.y.w);
    }
}

static void conv16_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct infer__conv16_cut *c = b->cut;
    struct work k = {.t = t, .c = c, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    k.bias = c->s.bias ? b->in[2] : NULL;
    k.residual = c->s.residual ? b->in[c->s.residual] : NULL;
    k.copy = b->scratch;
    infer__clamp_bounds(&t->epi, &k.low, &k.high);
    k.clamp = infer__is_clamp(t->epi.act);
    k.chunk = -1;
    int64_t last = infer__unit_begin(c->items, c->units, end);
    for (int64_t i = infer__unit_begin(c->items, c->units, begin); i < last; i++) {
        uint32_t part = (uint32_t)(i % c->parts), parts = (uint32_t)c->parts;
        int64_t group = i / c->parts % c->s.groups, chunk = i / c->parts / c->s.groups;
        if (chunk != k.chunk || group != k.group)
            start_chunk(&k, chunk, group);
        int64_t stop = infer__unit_begin(c->panels, parts, part + 1);
        for (int64_t p = infer__unit_begin(c->panels, parts, part); p < stop; p++)
            run_panel(&k, p);
    }
}

enum { PIECE = 4 << 20 }; /* bytes of weights that are packed in one go */

static infer_status conv16_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__conv16_cut *c = need->cut;
    FAIL_IF(!infer__conv16_cut(t, c), INFER_ERROR_UNSUPPORTED, "not a bf16 convolution");
    need->packed_bytes = infer__bytes_of(c->packed_bytes, 1);
    need->scratch_bytes = infer__bytes_of(c->scratch_bytes, 1);
    need->units = c->units;
    if (c->s.w_c == 1) /* channels' weights lie one by one */
        need->pack_pieces = infer__units(c->panels * c->s.groups,
                                         PIECE * c->panels / (c->packed_bytes + 1) + 1, UINT16_MAX);
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void conv16_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                              uint32_t piece, uint32_t pieces)
{
    const struct infer__conv16_cut *c = cut;
    infer__conv16_pack(t, c, infer__unit_begin(c->panels * c->s.groups, pieces, piece),
                       infer__unit_begin(c->panels * c->s.groups, pieces, piece + 1), packed);
}

static void conv16_pack(const struct infer__task *t, const void *cut, void *packed)
{
    conv16_pack_piece(t, cut, packed, 0, 1);
}

INFER__APART static double conv16_estimate(const struct infer__task *t)
{
    struct infer__conv16_cut c;
    if (!infer__isa_has(t->isa, INFER_ISA_AVX512BF16) || !infer__conv16_cut(t, &c))
        return -1;
    double outputs = (double)infer__operand_elements(&t->out[0]);
    return infer__conv16_ns(&c, infer__task_machine(t)) + outputs * vec_activation_ns(t->epi.act);
}

const struct infer__kernel infer__conv_bf16 = {
    .name = "conv_bf16",
    .isa = INFER_ISA_AVX512BF16,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__conv16_cut),
    .estimate = conv16_estimate,
    .prepare = conv16_prepare,
    .pack = conv16_pack,
    .pack_piece = conv16_pack_piece,
    .run = conv16_run,
};
