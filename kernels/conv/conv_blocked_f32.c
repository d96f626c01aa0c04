/* levels: c avx2 avx512 */
/* The blocked f32 convolution, ordinary and transposed.
 *
 * Each output is bias + the products in the order tap by tap (D, H, W), channel by channel,
 * accumulated in f32. Large kernels go through memory a block of taps and channels at a time, so
 * that a panel's weights stay in the first-level cache. A block is a chain of its own; accumulators
 * wait in scratch.
 */
#include "kernels/levels.h"

/* Pixels of a tile, blocks of 16 output channels of a panel at most: TILE * PANEL * 16 / VEC sums
 * and a few more must fit in the registers. */
#define TILE PER_LEVEL(3, 6, 6)
#define PANEL PER_LEVEL(1, 1, 4)
/* Multiply-adds per nanosecond when all goes well, measured. */
#define RATE PER_LEVEL(19.0, 52.0, 53.0)
#define TRANSPOSED_RATE PER_LEVEL(19.0, 52.0, 56.0)

#include "kernels/conv/conv_blocked.h"
#include "kernels/integers.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/vec_epilogue.h"

#define MOST_TAPS 4096                    /* lest a table is too large */
#define PER_BLOCK (CONV_BLOCK / VEC)      /* vectors of a block */
#define PANEL_FLOATS (PANEL * CONV_BLOCK) /* channels of a panel at most */
#define TILE_FLOATS (TILE * PANEL_FLOATS) /* accumulators of a tile */
#define CACHED_FLOATS 6144                /* of a panel's weights: 24 KiB */

/* ---- a panel -------------------------------------------------------------------------------- */

/* What one run of units works with. */
struct work {
    const struct infer__task *t;
    const struct infer__blocked *s;
    const float *x, *bias, *residual, *packed, *zeros;
    float *y;
    const float **table; /* of the chunk: tile by tile, s->s.taps * TILE entries each */
    float *acc;          /* of the chunk: tile by tile, TILE_FLOATS each */
    struct infer__conv_tile tiles[CONV_CHUNK_MAX];
    int ntiles;
};

/* One panel of one group: blocks nb, output channels channel .. channel + valid - 1. */
struct panel {
    int nb, valid;
    int64_t group, channel;
    const float *weights;
    float bias[PANEL_FLOATS]; /* 0 where there is none */
};

/* `taps` entries of a tile's table, `len` channels of each from `offset` on, times the weights. */
struct block {
    int64_t taps, offset, len;
    const float *weights;
    int first, last; /* 1: sums start with the bias and the residual; are done */
};

/* Block b of the panel for all tiles of the chunk. */
static void run_block(const struct work *k, const struct panel *p, const struct block *b,
                      int64_t tap)
{
    const struct infer__blocked *s = k->s;
    static const float zeros[PANEL_FLOATS];
    const int width = p->nb * CONV_BLOCK;
    const int64_t taps = b->taps, steps = taps * b->len;
    struct infer__tile_f32 t = {.apart = TILE,
                                .offset = b->offset,
                                .weights = b->weights,
                                .start = b->first ? p->bias : zeros,
                                .valid = p->valid};
    const int clamp = infer__tile_clamp(&k->t->epi, &t.low, &t.high);
    /* the chunk's tiles fetch the weights of the next block, in equal shares */
    t.bytes = share_of(width * (int64_t)sizeof(float), k->ntiles);
    for (int i = 0; i < k->ntiles; i++) {
        const struct infer__conv_tile *tile = &k->tiles[i];
        if (!tile->count)
            continue;
        t.table = k->table + (i * s->s.taps + tap) * TILE;
        t.fetch = (uintptr_t)(b->weights + steps * width) + (uintptr_t)(i * steps * t.bytes);
        t.nrows = (int)(tile->merged ? taps / s->s.w.kernel[2] : taps);
        t.run = tile->merged ? b->len * s->s.w.kernel[2] : b->len;
        float *acc = k->acc + i * TILE_FLOATS;
        const int64_t at = tile->pixel * s->s.y_step + p->channel;
        const int64_t step = tile->step * s->s.y_step;
        t.residual = !b->first ? acc : k->residual ? k->residual + at : NULL;
        t.residual_step = b->first ? step : width;
        t.y = b->last ? k->y + at : acc;
        t.y_step = b->last ? step : width;
        t.clamp = b->last && clamp;
        LEVEL_NAME(infer__tile_apart)[p->nb * PER_BLOCK - 1][tile->count - 1](&t);
        if (b->last && !infer__is_clamp(k->t->epi.act))
            vec_activate_rows(&k->t->epi, t.y, t.y_step, tile->count, p->valid);
    }
}

/* All taps and channels, in blocks whose weights the first-level cache holds. */
static void run_panel(const struct work *k, const struct panel *p)
{
    const struct infer__blocked *s = k->s;
    int64_t width = p->nb * CONV_BLOCK, most = CACHED_FLOATS / width;
    int64_t parts = (s->s.cg + most - 1) / most, taps = s->merge ? s->s.taps : most / s->s.cg;
    if (taps < 1)
        taps = 1;
    for (int64_t tap = 0; tap < s->s.taps; tap += taps)
        for (int64_t part = 0; part < parts; part++) {
            int64_t c0 = s->s.cg * part / parts, c1 = s->s.cg * (part + 1) / parts;
            struct block b = {.taps = taps, .offset = p->group * s->s.cg + c0, .len = c1 - c0};
            b.first = tap + part == 0;
            if (b.taps > s->s.taps - tap)
                b.taps = s->s.taps - tap;
            b.weights = p->weights + (tap * s->s.cg + c0) * width;
            b.last = tap + taps >= s->s.taps && part + 1 == parts;
            run_block(k, p, &b, tap);
        }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static void start_chunk(struct work *k, int64_t chunk)
{
    const struct infer__blocked *s = k->s;
    int64_t first = chunk * s->chunk;
    int64_t n = s->tiles - first < s->chunk ? s->tiles - first : s->chunk;
    k->ntiles = (int)n;
    for (int i = 0; i < k->ntiles; i++)
        infer__conv_table(s, first + i, k->x, k->zeros, k->table + i * s->s.taps * TILE,
                          &k->tiles[i]);
}

static struct panel panel_of(const struct work *k, int64_t group, int64_t index)
{
    const struct infer__blocked *s = k->s;
    int64_t b0 = infer__conv_panel(s, index), b1 = infer__conv_panel(s, index + 1);
    int64_t rest = s->s.mg - b0 * CONV_BLOCK;
    struct panel p = {.nb = (int)(b1 - b0), .group = group};
    p.valid = rest < p.nb * CONV_BLOCK ? (int)rest : p.nb * CONV_BLOCK;
    p.channel = group * s->s.mg + b0 * CONV_BLOCK;
    p.weights = k->packed + (group * s->blocks + b0) * CONV_BLOCK * s->s.taps * s->s.cg;
    if (k->bias)
        memcpy(p.bias, k->bias + p.channel, (size_t)p.valid * sizeof(float));
    return p;
}

static int blocked_shape(const struct infer__task *t, struct infer__blocked *s)
{
    if (!infer__linear_f32(t, &s->s))
        return 0;
    infer__conv_cut(s, t->threads, TILE, PANEL);
    return 1;
}

static void blocked_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    const struct infer__blocked *s = b->cut;
    struct work k = {.t = t, .s = s, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    k.bias = s->s.bias ? b->in[2] : NULL;
    k.residual = s->s.residual ? b->in[s->s.residual] : NULL;
    k.zeros = k.packed + infer__conv_packed_floats(s);
    k.acc = b->scratch;
    k.table = (const float **)(void *)(k.acc + s->chunk * TILE_FLOATS);
    int64_t last = infer__unit_begin(s->items, s->units, end), chunk = -1;
    for (int64_t i = infer__unit_begin(s->items, s->units, begin); i < last; i++) {
        int64_t across = s->s.groups * s->panels, j = i % across;
        if (i / across != chunk)
            start_chunk(&k, chunk = i / across);
        struct panel p = panel_of(&k, j / s->panels, j % s->panels);
        run_panel(&k, &p);
    }
}

static infer_status blocked_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    struct infer__blocked *s = need->cut;
    (void)err;
    blocked_shape(t, s);
    need->packed_bytes = infer__conv_packed_bytes(s);
    if (!s->s.transposed) /* else an output channel's weights are all over the constant */
        need->pack_pieces =
            infer__pack_pieces(s->s.groups * s->panels, infer__bytes_count(need->packed_bytes));
    const int64_t table = INFER__PRODUCT(s->s.taps, TILE, sizeof(void *));
    const int64_t tile = INFER__SUM(INFER__PRODUCT(TILE_FLOATS, sizeof(float)), table);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(s->chunk, tile), 1);
    need->units = s->units;
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

/* [group][panel][tap][input channel][16 * blocks of the panel], behind the last one x.c zeros. */
static void blocked_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                               uint32_t piece, uint32_t pieces)
{
    const struct infer__blocked *s = cut;
    const struct infer__linear *l = &s->s;
    const int64_t all = l->groups * s->panels, last = infer__unit_begin(all, pieces, piece + 1);
    for (int64_t i = infer__unit_begin(all, pieces, piece); i < last; i++) {
        const int64_t g = i / s->panels, b0 = infer__conv_panel(s, i % s->panels);
        const int width = (int)(infer__conv_panel(s, i % s->panels + 1) - b0) * CONV_BLOCK;
        const float *from =
            (const float *)t->in[1].data + g * l->w_group + b0 * CONV_BLOCK * l->w_m;
        const int64_t valid = l->mg - b0 * CONV_BLOCK;
        float *to = (float *)packed + (g * s->blocks + b0) * CONV_BLOCK * l->taps * l->cg;
        if (!l->transposed) {
            LEVEL_NAME(infer__tile_pack)(from, l->w_m, valid, width, l->taps, l->cg, to);
            continue;
        }
        for (int64_t tap = 0; tap < l->taps; tap++)
            for (int64_t c = 0; c < l->cg; c++)
                for (int64_t m = 0; m < width; m++)
                    *to++ = m < valid ? from[m * l->w_m + c * l->w_c + tap] : 0;
    }
    if (last == all)
        memset((float *)packed + infer__conv_packed_floats(s), 0, (size_t)l->x.c * sizeof(float));
}

static void blocked_pack(const struct infer__task *t, const void *cut, void *packed)
{
    blocked_pack_piece(t, cut, packed, 0, 1);
}

/* Time is that of whole tiles and blocks (a narrow tile still waits for its weights), of filling
 * the table, and of reading and writing the accumulators. */
INFER__APART static double blocked_estimate(const struct infer__task *t, uint16_t op, double rate)
{
    struct infer__blocked s;
    if (t->op != op || !infer__isa_has(t->isa, LEVEL_ISA) || !infer__linear_f32(t, &s.s) ||
        !t->in[1].is_const || !infer__linear_countable(&s.s) || s.s.taps > MOST_TAPS)
        return -1;
    blocked_shape(t, &s);
    double outputs = (double)(s.rows * s.phases) * (double)s.width * (double)s.s.groups *
                     (double)s.blocks * CONV_BLOCK;
    double taps = s.s.transposed
                      ? infer__linear_products(&s.s) /
                            ((double)s.rows * (double)s.s.y.w * (double)s.s.y.c * (double)s.s.cg)
                      : (double)s.s.taps;
    double mean = (double)s.width / (double)s.tiles_per_row;
    double waste = mean < TILE / 2.0 ? TILE / 2.0 / mean : 1;
    double ns =
        infer__linear_ns(infer__task_machine(t), outputs * (double)s.s.cg * taps * waste / rate,
                         (double)infer__bytes_count(infer__conv_packed_bytes(&s)));
    double entries = (double)s.s.taps / (s.merge ? (double)s.s.w.kernel[2] : 1);
    ns += outputs * 10 / rate + (double)s.tiles * TILE * (8 + entries * 1.5);
    if (s.s.groups > 1) /* of few products each: what comes before them shows */
        ns += (double)s.tiles * (double)(s.s.groups * s.panels) * (6 + 2.5 * entries);
    double act = vec_is_simple(t->epi.act) ? 0 : vec_activation_ns(t->epi.act);
    return 1000 + ns + outputs * act;
}

INFER__APART static double conv_estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV, RATE);
}

const struct infer__kernel LEVEL_NAME(infer__conv_f32_blocked) = {
    .name = LEVEL_STRING("conv_f32_blocked"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__blocked),
    .estimate = conv_estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .pack_piece = blocked_pack_piece,
    .run = blocked_run,
};

INFER__APART static double transpose_estimate(const struct infer__task *t)
{
    return blocked_estimate(t, INFER__OP_CONV_TRANSPOSE, TRANSPOSED_RATE);
}

const struct infer__kernel LEVEL_NAME(infer__conv_transpose_f32_blocked) = {
    .name = LEVEL_STRING("conv_transpose_f32_blocked"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__blocked),
    .estimate = transpose_estimate,
    .prepare = blocked_prepare,
    .pack = blocked_pack,
    .run = blocked_run,
};
