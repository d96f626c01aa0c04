/* levels: c avx2 avx512 bf16 */
/* Winograd convolutions in f32, see conv_winograd.h, or with V and U in bf16 at the level of that
 * name: one kernel for each of the tiles at the end. */
#include "kernels/levels.h"

#include "kernels/conv/vec_f32.h"
#include "kernels/conv_bf16/conv_bf16.h"
#include "kernels/conv_winograd/conv_winograd.h"
#include "kernels/integers.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/vec_transpose.h"

/* Tiles that the matrix product takes at once, and blocks of 16 output channels: ROWS * STRIP * 16
 * / VEC sums and a few more must fit in the registers. */
#define ROWS PER_LEVEL(3, 6, 6)
#define STRIP PER_LEVEL(1, 1, 4)
/* Multiply-adds per nanosecond when all goes well, and nanoseconds of the input transform per point
 * and channel, and with stride 2: measured. */
#define RATE (WINOGRAD_BF16 ? 108.0 : PER_LEVEL(19.0, 52.0, 56.0))
#define LINE_NS PER_LEVEL(0.3, 0.1, 0.085)
#define STRIDED_NS PER_LEVEL(0.45, 0.15, 0.13)

#define WINOGRAD_BF16 (LEVEL == LEVEL_bf16)
#if WINOGRAD_BF16
/* Where channel c stands among floats, and a vector's store. */
#define V_AT(c) ((c) / 2)
VEC_INLINE void v_store(float *to, vec x)
{
    _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh(x));
}
#else
#define V_AT(c) (c)
#define v_store vec_store
#endif

#include "kernels/conv_winograd/winograd_tile.h"

#define PER_BLOCK (CONV_BLOCK / VEC)
#define CACHED_FLOATS 6144 /* of a strip's weights in the first-level cache: 24 KiB */
#define FEW 48             /* channels whose sums are two chains at least: see WINOGRAD */
#define AHEAD 2048         /* bytes that weights are fetched ahead of their use */

/* What one run of units works with. */
struct work {
    const struct infer__task *t;
    const struct infer__winograd *w;
    const float *x, *bias, *residual, *packed;
    float *y, *zeros, *v, *m;
    int64_t first, tiles; /* of the group */
};

/* One panel of output channels: `blocks` blocks, of which `valid` channels exist. */
struct panel {
    int blocks, valid;
    int64_t channel;
    const float *u;
};

/* A tile: its picture (of n * d), and the row and column of its first output pixel. */
struct place {
    int64_t picture, row, column;
};

static struct place place_of(const struct infer__winograd *w, int64_t tile)
{
    struct place p = {.column = tile % w->across * w->tile.out[1]};
    tile /= w->across;
    p.row = tile % w->down * w->tile.out[0];
    p.picture = tile / w->down;
    return p;
}

static int at_most(int64_t n, int most)
{
    return n < most ? (int)n : most;
}

/* ---- input ---------------------------------------------------------------------------------- */

/* Where the tile's input pixels are; `zeros` in the padding. */
static void find_pixels(const struct work *k, const struct place *p, const float **at)
{
    const struct infer__spatial *x = &k->w->s.x;
    const struct infer__window *window = &k->w->s.w;
    int64_t row = p->row * k->w->tile.stride - window->pad_begin[1];
    int64_t column = p->column * k->w->tile.stride - window->pad_begin[2];
    for (int i = 0; i < k->w->in[0]; i++)
        for (int j = 0; j < k->w->in[1]; j++) {
            int64_t h = row + i, v = column + j;
            int inside = h >= 0 && h < x->h && v >= 0 && v < x->w;
            *at++ = inside ? k->x + ((p->picture * x->h + h) * x->w + v) * x->c : k->zeros;
        }
}

/* V of the group; past the last channel up to a whole vector it is 0. */
VEC_INLINE void transform_input(TILE_SHAPE, const struct work *k)
{
    const struct infer__winograd *w = k->w;
    int64_t channels = w->s.x.c, whole = channels - channels % VEC;
    for (int64_t i = 0; i < k->tiles; i++) {
        const float *at[MOST_POINTS];
        struct place p = place_of(w, k->first + i);
        float *v = k->v + i * w->v_row;
        find_pixels(k, &p, at);
        for (int64_t c = 0; c < whole; c += VEC)
            input_vector(TILE_OF, at, c, VEC, v, w->v_point);
        if (whole < channels)
            input_vector(TILE_OF, at, whole, (int)(channels - whole), v, w->v_point);
    }
}

/* ---- products ------------------------------------------------------------------------------- */

/* One point by one strip: channels go in parts whose weights the first-level cache holds. */
static void multiply_strip(const struct work *k, const float *v, const float *u, int blocks,
                           float *m, int64_t m_row)
{
    static const float zeros[STRIP * CONV_BLOCK];
    const struct infer__winograd *w = k->w;
    const int width = blocks * CONV_BLOCK, vectors = blocks * PER_BLOCK;
    const int steps = TILE_STEPS(vectors, 0);
    const uint32_t cached = (uint32_t)((w->depth * width + CACHED_FLOATS - 1) / CACHED_FLOATS);
    const uint32_t parts = w->depth < FEW && cached < 2 ? 2 : cached;
    uint32_t rows = (uint32_t)((k->tiles + ROWS - 1) / ROWS);
    struct infer__tile_row row;
    struct infer__tile_f32 t = {.rows = &row,
                                .nrows = 1,
                                .runs = 1,
                                .step = w->v_row,
                                .start = zeros,
                                .y_step = m_row,
                                .residual_step = m_row,
                                .valid = width};
    /* A part's products fetch the next part's weights in equal shares; where strips are narrow,
     * what follows in memory is needed next. */
    t.bytes = share_of(steps * width * (int64_t)sizeof(float), STRIP > 1 ? rows : 1);
    for (uint32_t part = 0; part < parts; part++) {
        int64_t c = infer__unit_begin(w->depth, parts, part);
        t.run = infer__unit_begin(w->depth, parts, part + 1) - c;
        t.weights = u + c * width;
        for (uint32_t r = 0; r < rows; r++) {
            int64_t i = infer__unit_begin(k->tiles, rows, r);
            int64_t n = infer__unit_begin(k->tiles, rows, r + 1) - i;
            row = (struct infer__tile_row){v + i * w->v_row + c, 0};
            t.y = m + i * m_row;
            t.residual = part ? t.y : NULL; /* each part is a chain */
            t.fetch = (uintptr_t)t.weights + AHEAD;
            if (STRIP > 1)
                t.fetch = (uintptr_t)(t.weights + t.run * width) +
                          (uintptr_t)(r * (t.run / steps) * t.bytes);
            LEVEL_NAME(infer__tile_f32)[0][vectors - 1][n - 1](&t);
        }
    }
}

/* M of the group for a panel. */
static void multiply(const struct work *k, const struct panel *p)
{
    const struct infer__winograd *w = k->w;
    const int high = w->lines[0], wide = w->lines[1], row = w->in[1];
    int64_t width = p->blocks * CONV_BLOCK;
    const float *u = p->u;
    for (int line = 0; line < high * wide; line++) {
        /* the points of this line: the last of each axis has all that are left */
        int i0 = line / wide, i1 = i0 + 1 < high ? i0 + 1 : w->in[0];
        int j0 = line % wide, j1 = j0 + 1 < wide ? j0 + 1 : row;
        for (int b = 0; b < p->blocks; b += STRIP) {
            int blocks = p->blocks - b < STRIP ? p->blocks - b : STRIP;
            for (int i = i0; i < i1; i++)
                for (int j = j0; j < j1; j++)
                    multiply_strip(k, k->v + (i * row + j) * w->v_point, u, blocks,
                                   k->m + (i * row + j) * w->m_point + b * CONV_BLOCK, width);
            u += w->depth * blocks * CONV_BLOCK;
        }
    }
}

/* ---- output --------------------------------------------------------------------------------- */

/* Activations that are too large to be chosen vector by vector. */
static void activate_tile(const struct infer__epilogue *e, const struct target *to, int valid)
{
    for (int i = 0; i < to->rows; i++)
        for (int j = 0; j < to->columns; j++) {
            float *y = to->y + i * to->row + j * to->column;
            vec_epilogue_row(e, y, NULL, y, valid);
        }
}

VEC_INLINE void transform_output(TILE_SHAPE, const struct work *k, const struct panel *p)
{
    const struct infer__winograd *w = k->w;
    const struct infer__spatial *y = &w->s.y;
    const int64_t step = w->s.y_step;
    struct infer__epilogue e = k->t->epi;
    float bias[WINOGRAD_PANEL] = {0};
    int simple = vec_is_simple(e.act);
    if (k->bias)
        memcpy(bias, k->bias + p->channel, (size_t)p->valid * sizeof *bias);
    if (!simple)
        e.act = INFER__OP_NONE;
    for (int64_t i = 0; i < k->tiles; i++) {
        const float *m = k->m + i * p->blocks * CONV_BLOCK;
        struct place at = place_of(w, k->first + i);
        int64_t first = ((at.picture * y->h + at.row) * y->w + at.column) * step + p->channel;
        struct target to = {.y = k->y + first,
                            .residual = k->residual ? k->residual + first : NULL,
                            .row = y->w * step,
                            .column = step,
                            .rows = at_most(y->h - at.row, out_h),
                            .columns = at_most(y->w - at.column, out_w)};
        for (int c = 0; c < p->valid; c += VEC)
            output_vector(TILE_OF, &e, m + c, w->m_point, vec_load(bias + c), &to, c, p->valid - c);
        if (!simple)
            activate_tile(&k->t->epi, &to, p->valid);
    }
}

/* ---- weights -------------------------------------------------------------------------------- */

enum { TURNED = 16 }; /* input channels whose weights are turned at once */

/* Weights of `channels` input channels and one block of output channels, of which `valid` exist, so
 * that those of a tap stand side by side; `step` is from one output channel to the next. */
static void turn_weights(const float *from, int64_t step, int valid, int count,
                         float (*to)[CONV_BLOCK])
{
    for (int i = 0; i < CONV_BLOCK; i += VEC) {
        int rows = valid - i < 0 ? 0 : valid - i < VEC ? valid - i : VEC;
        for (int k = 0; k < count; k += VEC) {
            int columns = count - k < VEC ? count - k : VEC;
            vec v[VEC];
            vec_load_transposed(from + i * step + k, step, rows, columns, v);
            for (int j = 0; j < columns; j++)
                vec_store(to[k + j] + i, v[j]);
        }
    }
}

/* U of input channel c, one block of each of `lines` points, which are `step` floats apart. */
static void put_weights(float (*u)[CONV_BLOCK], int lines, int64_t c, float *to, int64_t step)
{
    for (int x = 0; x < lines; x++, to += step) {
#if WINOGRAD_BF16
        for (int i = 0; i < CONV_BLOCK; i++) {
            uint16_t pair[2] = {0};
            if (c % 2)
                memcpy(pair, to + i, sizeof pair);
            pair[c % 2] = infer__to_bf16(u[x][i]);
            memcpy(to + i, pair, sizeof pair);
        }
#else
        (void)c;
        for (int i = 0; i < CONV_BLOCK; i += VEC)
            vec_stream(to + i, vec_load(u[x] + i));
#endif
    }
}

/* A strip of a panel: `blocks` blocks of output channels from `first` on. */
VEC_INLINE void pack_strip(TILE_SHAPE, const struct infer__winograd *w,
                           double g[2][WINOGRAD_LINE][WINOGRAD_TAPS], const float *weights,
                           int64_t first, int blocks, float *to, int64_t step)
{
    const int taps = TAPS(pairs_h, out_h) * TAPS(pairs_w, out_w);
    const int lines = LINES(pairs_h) * LINES(pairs_w);
    _Alignas(64) float turned[TURNED * MOST_TAPS][CONV_BLOCK], u[MOST_POINTS][CONV_BLOCK];
    const int64_t channels = w->s.x.c;
    for (int64_t c0 = 0; c0 < channels; c0 += TURNED) {
        int n = at_most(channels - c0, TURNED);
        for (int b = 0; b < blocks; b++) {
            int64_t m = (first + b) * CONV_BLOCK;
            turn_weights(weights + (m * channels + c0) * taps, channels * taps,
                         at_most(w->s.y.c - m, CONV_BLOCK), n * taps, turned);
            for (int i = 0; i < n; i++) {
                int64_t c = c0 + i, depth = WINOGRAD_BF16 ? c / 2 : c;
                for (int k = 0; k < CONV_BLOCK; k += VEC)
                    transform_weights(TILE_OF, g, turned + i * taps, k, u);
                put_weights(u, lines, c, to + (depth * blocks + b) * CONV_BLOCK, step);
            }
        }
    }
}

/* ---- the kernels ---------------------------------------------------------------------------- */

/* What differs by the tile. */
struct tile_functions {
    void (*input)(const struct work *k);
    void (*output)(const struct work *k, const struct panel *p);
    void (*pack)(const struct infer__winograd *w, double g[2][WINOGRAD_LINE][WINOGRAD_TAPS],
                 const float *weights, int64_t first, int blocks, float *to, int64_t step);
};

static struct panel panel_of(const struct work *k, int64_t index)
{
    const struct infer__winograd *w = k->w;
    int64_t b0 = infer__winograd_panel(w, index), b1 = infer__winograd_panel(w, index + 1);
    struct panel p = {.blocks = (int)(b1 - b0), .channel = b0 * CONV_BLOCK};
    p.valid = at_most(w->s.y.c - p.channel, p.blocks * CONV_BLOCK);
    p.u = k->packed + b0 * CONV_BLOCK * w->lines[0] * w->lines[1] * w->depth;
    return p;
}

static void winograd_run(const struct tile_functions *f, const struct infer__task *t,
                         const struct infer__buffers *b, uint32_t begin, uint32_t end)
{
    const struct infer__winograd *w = b->cut;
    struct work k = {.t = t, .w = w, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    k.bias = w->s.bias ? b->in[2] : NULL;
    k.residual = w->s.residual ? b->in[w->s.residual] : NULL;
    k.zeros = b->scratch;
    k.v = k.zeros + w->channels;
    k.m = k.v + w->points * w->v_point;
    memset(k.zeros, 0, (size_t)w->channels * sizeof(float));
    int64_t items = w->groups * w->parts, group = -1;
    int64_t last = infer__unit_begin(items, w->units, end);
    for (int64_t i = infer__unit_begin(items, w->units, begin); i < last; i++) {
        uint32_t part = (uint32_t)(i % w->parts);
        if (i / w->parts != group) {
            group = i / w->parts;
            k.first = infer__unit_begin(w->tiles, w->groups, group);
            k.tiles = infer__unit_begin(w->tiles, w->groups, group + 1) - k.first;
            f->input(&k);
        }
        int64_t stop = infer__unit_begin(w->panels, w->parts, part + 1);
        for (int64_t j = infer__unit_begin(w->panels, w->parts, part); j < stop; j++) {
            struct panel p = panel_of(&k, j);
            multiply(&k, &p);
            f->output(&k, &p);
        }
    }
}

static infer_status winograd_prepare(const struct infer__winograd_tile *tile,
                                     const struct infer__task *t, struct infer__need *need)
{
    struct infer__winograd *w = need->cut;
    infer__winograd_shape(t, tile, w);
    need->packed_bytes = infer__bytes_of(infer__winograd_packed(w), sizeof(float));
    need->scratch_bytes = infer__bytes_of(infer__winograd_scratch(w), sizeof(float));
    need->units = w->units;
    need->pack_pieces = infer__pack_pieces(w->panels, infer__bytes_count(need->packed_bytes));
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void winograd_pack(const struct tile_functions *f, const struct infer__task *t,
                          const struct infer__winograd *w, float *packed, uint32_t piece,
                          uint32_t pieces)
{
    double g[2][WINOGRAD_LINE][WINOGRAD_TAPS];
    infer__winograd_weights(w, g);
    int64_t last = infer__unit_begin(w->panels, pieces, piece + 1);
    for (int64_t p = infer__unit_begin(w->panels, pieces, piece); p < last; p++) {
        int64_t begin = infer__winograd_panel(w, p), end = infer__winograd_panel(w, p + 1);
        int64_t row = w->depth * CONV_BLOCK; /* a block of one point */
        float *u = packed + begin * w->lines[0] * w->lines[1] * row;
        for (int64_t b = begin; b < end; b += STRIP)
            f->pack(w, g, t->in[1].data, b, at_most(end - b, STRIP), u + (b - begin) * row,
                    (end - begin) * row);
    }
    vec_stream_end();
}

INFER__APART static double winograd_ns(const struct infer__winograd_tile *tile,
                                       const struct infer__task *t)
{
    struct infer__winograd w;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__winograd_shape(t, tile, &w))
        return -1;
    const double line = tile->stride == 2 ? STRIDED_NS : LINE_NS;
    struct infer__winograd_speed speed = {.products = RATE,
                                          .weight_bytes = STRIP > 1 ? 36 : 26,
                                          .input = line,
                                          .output = 0.9 * line,
                                          .activation = vec_activation_ns(t->epi.act),
                                          .rows = ROWS};
    return infer__winograd_estimate(&w, &speed, infer__task_machine(t));
}

/* The kernel of one tile: pairs of points and outputs along H and W, the stride, and the input
 * channels from which networks keep to what f32 promises (docs/accuracy.md). Of few channels a
 * plain sum is nearly exact, and the error of large transforms stands out. In a simulation of
 * F(4x4), with one chain and with two, it is 4.5e-7 and 4.0e-7 of the result for 16
 * channels, 5.6e-7 and 4.6e-7 for 32. */
#define WINOGRAD(id, pairs_h, pairs_w, out_h, out_w, stride, pitch, channels)                      \
    static void id##_input(const struct work *k)                                                   \
    {                                                                                              \
        transform_input(pairs_h, pairs_w, out_h, out_w, stride, k);                                \
    }                                                                                              \
    static void id##_output(const struct work *k, const struct panel *p)                           \
    {                                                                                              \
        transform_output(pairs_h, pairs_w, out_h, out_w, stride, k, p);                            \
    }                                                                                              \
    static void id##_strip(const struct infer__winograd *w,                                        \
                           double g[2][WINOGRAD_LINE][WINOGRAD_TAPS], const float *weights,        \
                           int64_t first, int blocks, float *to, int64_t step)                     \
    {                                                                                              \
        pack_strip(pairs_h, pairs_w, out_h, out_w, stride, w, g, weights, first, blocks, to,       \
                   step);                                                                          \
    }                                                                                              \
    static const struct tile_functions id##_functions = {id##_input, id##_output, id##_strip};     \
    static const struct infer__winograd_tile id##_tile = {                                         \
        {out_h, out_w}, {pairs_h, pairs_w}, stride, WINOGRAD_BF16};                                \
    static void id##_run(const struct infer__task *t, const struct infer__buffers *b,              \
                         uint32_t begin, uint32_t end)                                             \
    {                                                                                              \
        winograd_run(&id##_functions, t, b, begin, end);                                           \
    }                                                                                              \
    static infer_status id##_prepare(const struct infer__task *t, struct infer__need *need,        \
                                     infer_error *err)                                             \
    {                                                                                              \
        (void)err;                                                                                 \
        return winograd_prepare(&id##_tile, t, need);                                              \
    }                                                                                              \
    static void id##_pack_piece(const struct infer__task *t, const void *cut, void *packed,        \
                                uint32_t piece, uint32_t pieces)                                   \
    {                                                                                              \
        winograd_pack(&id##_functions, t, cut, packed, piece, pieces);                             \
    }                                                                                              \
    static void id##_pack(const struct infer__task *t, const void *cut, void *packed)              \
    {                                                                                              \
        winograd_pack(&id##_functions, t, cut, packed, 0, 1);                                      \
    }                                                                                              \
    INFER__APART static double id##_estimate(const struct infer__task *t)                          \
    {                                                                                              \
        return winograd_ns(&id##_tile, t);                                                         \
    }                                                                                              \
    const struct infer__kernel WINOGRAD_SYMBOL(id) = {                                             \
        .name = WINOGRAD_STRING(#id),                                                              \
        .isa = LEVEL_ISA,                                                                          \
        .in_place = INFER__IN_PLACE_RESIDUAL,                                                      \
        .pitched = pitch,                                                                          \
        .stored = 1,                                                                               \
        .transforms = channels,                                                                    \
        .cut_bytes = sizeof(struct infer__winograd),                                               \
        .estimate = id##_estimate,                                                                 \
        .prepare = id##_prepare,                                                                   \
        .pack = id##_pack,                                                                         \
        .pack_piece = id##_pack_piece,                                                             \
        .run = id##_run,                                                                           \
    };

#if WINOGRAD_BF16
#define WINOGRAD_SYMBOL(name) infer__##name
#define WINOGRAD_STRING(name) name
WINOGRAD(conv_bf16_winograd2, 1, 1, 2, 2, 1, 0, 0)
WINOGRAD(conv_bf16_winograd4, 2, 2, 4, 4, 1, 0, 0)
#else
#define WINOGRAD_SYMBOL(name) LEVEL_NAME(infer__##name)
#define WINOGRAD_STRING(name) LEVEL_STRING(name)
WINOGRAD(conv_winograd2_f32, 1, 1, 2, 2, 1, 1, 1)
WINOGRAD(conv_winograd4_f32, 2, 2, 4, 4, 1, 1, 16)
#if VEC_LEVEL > 0
WINOGRAD(winograd_5x5_f32, 3, 3, 4, 4, 1, 1, 16)
WINOGRAD(winograd_1x7_f32, 0, 4, 1, 4, 1, 1, 16)
WINOGRAD(winograd_7x1_f32, 4, 0, 4, 1, 1, 1, 16)
WINOGRAD(winograd_1x3_f32, 0, 2, 1, 4, 1, 1, 1)
WINOGRAD(winograd_3x1_f32, 2, 0, 4, 1, 1, 1, 1)
WINOGRAD(winograd_strided_f32, 2, 2, 4, 4, 2, 1, 1)
#endif
#endif
