/* levels: c avx2 avx512 */
/* The direct f32 convolution; see conv_direct.h.
 *
 * Each output is bias + the products in the order tap by tap (D, H, W), channel by channel, in
 * chains that depend on the layer alone: the same bits whatever tile a pixel falls into.
 */
#include "kernels/levels.h"

#include <math.h>

#define RATE PER_LEVEL(7.0, 57.0, 58.5) /* multiply-adds per ns when all goes well, measured */

#include "kernels/conv/conv_direct.h"
#include "kernels/integers.h"
#include "kernels/linear/tile_f32.h"
#include "kernels/vec_epilogue.h"

#define NEAR_BYTES (768 << 10) /* of weights that stay in the second-level cache */

static const struct infer__direct_level direct_level = {VEC, TILE_HALF, TILE_ROWS_OF, RATE};

/* ---- the kernel ----------------------------------------------------------------------------- */

/* What one run of units works with. */
struct direct_work {
    const struct infer__task *t;
    const struct infer__direct *d;
    const float *x, *bias, *scale, *residual, *packed;
    float *y, *copies; /* copies: d->border floats for each tile of a chunk */
    float low, high;
    int clamp; /* as a tile has it */
    int64_t chunk, group;
    int far; /* 1: weights are not in the second-level cache yet, or do not stay there */
    int ntiles;
    struct infer__direct_tile tiles[DIRECT_CHUNK];
};

/* Replaces a tile's pixels by a copy that is scaled by image and channel. */
static void scale_tile(const struct direct_work *k, struct infer__direct_tile *tile, float *copy)
{
    const struct infer__linear *s = &k->d->s;
    const int64_t c = s->cg, image = s->y.d * s->y.h * s->y.w;
    const float *x = tile->rows[0].x;
    tile->rows[0].x = copy;
    for (int64_t p = tile->pixel; p < tile->pixel + tile->count; p++, x += c, copy += c) {
        const float *scale = k->scale + p / image * c;
        int64_t i = 0;
        for (; i + VEC <= c; i += VEC)
            vec_store(copy + i, vec_mul(vec_load(x + i), vec_load(scale + i)));
        if (i < c) {
            const int n = (int)(c - i);
            vec_store_n(copy + i, vec_mul(vec_load_n(x + i, n), vec_load_n(scale + i, n)), n);
        }
    }
}

static void direct_chunk(struct direct_work *k, int64_t chunk, int64_t group)
{
    const struct infer__direct *d = k->d;
    const int64_t first = infer__unit_begin(d->tiles, d->chunks, chunk);
    const int64_t end = infer__unit_begin(d->tiles, d->chunks, chunk + 1);
    k->chunk = chunk;
    k->group = group;
    k->ntiles = (int)(end - first);
    infer__direct_tiles(d, first, k->ntiles, group, k->x, k->copies, k->tiles);
    for (int i = 0; k->scale && i < k->ntiles; i++)
        scale_tile(k, &k->tiles[i], k->copies + i * d->border);
}

static void direct_panel(const struct direct_work *k, int64_t index)
{
    const struct infer__direct *d = k->d;
    struct infer__direct_panel p = infer__direct_panel(d, k->group, index);
    float bias[DIRECT_PANEL * VEC] = {0};
    if (k->bias)
        memcpy(bias, k->bias + p.channel, (size_t)p.valid * sizeof *bias);
    struct infer__tile_f32 j = {.run = d->run, .runs = d->runs, .start = bias, .valid = p.valid};
    const int floats = p.full * VEC + p.half * TILE_HALF, steps = TILE_STEPS(p.full, p.half);
    const int64_t next = d->s.taps * d->s.cg * floats;
    /* the panel's tiles fetch the weights of the next panel, in equal shares */
    j.bytes = k->far ? share_of(steps * floats * (int64_t)sizeof(float), k->ntiles) : 0;
    j.weights = k->packed + p.weights;
    j.y_step = j.residual_step = d->s.y_step;
    j.fetch = (uintptr_t)(j.weights + next);
    j.clamp = k->clamp;
    j.low = k->low;
    j.high = k->high;
    infer__tile_function *const *functions =
        LEVEL_NAME(infer__tile_f32)[p.half][p.full + p.half - 1];
    const int64_t step = k->tiles[0].step; /* and that of all tiles, if there is but one group */
    if (p.full + p.half == 1 && d->s.groups == 1 && (step == 3 || step == 6))
        functions = LEVEL_NAME(infer__tile_first)[step == 6][p.half];
    int64_t pixels = 0;
    for (int i = 0; i < k->ntiles; i++) {
        int64_t at = k->tiles[i].pixel * j.y_step + p.channel;
        j.rows = k->tiles[i].rows;
        j.nrows = k->tiles[i].nrows;
        j.step = k->tiles[i].step;
        j.run_step = k->tiles[i].run_step;
        j.y = k->y + at;
        j.residual = k->residual ? k->residual + at : NULL;
        j.fetch = infer__tile_sum(functions[k->tiles[i].count - 1], &j, &d->chain);
        pixels += k->tiles[i].count;
    }
    if (!infer__is_clamp(k->t->epi.act)) /* the tiles' pixels stand one behind the other */
        vec_activate_rows(&k->t->epi, k->y + k->tiles[0].pixel * j.y_step + p.channel, j.y_step,
                          pixels, p.valid);
}

static void direct_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct infer__direct *d = b->cut;
    struct direct_work k = {.t = t, .d = d, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    k.bias = d->s.bias ? b->in[2] : NULL;
    k.scale = d->s.scale ? b->in[d->s.scale] : NULL;
    k.residual = d->s.residual ? b->in[d->s.residual] : NULL;
    k.copies = b->scratch;
    k.chunk = -1;
    k.far = 1;
    k.clamp = infer__tile_clamp(&t->epi, &k.low, &k.high);
    int64_t last = infer__unit_begin(d->items, d->units, end), across = d->s.groups * d->panels;
    for (int64_t i = infer__unit_begin(d->items, d->units, begin); i < last; i++) {
        int64_t j = d->panel_major ? i / d->chunks : i % across;
        int64_t chunk = d->panel_major ? i % d->chunks : i / across;
        if (k.chunk >= 0 && chunk != k.chunk && !d->panel_major)
            k.far = infer__bytes_count(infer__direct_packed_bytes(d)) > NEAR_BYTES;
        if (chunk != k.chunk || j / d->panels != k.group)
            direct_chunk(&k, chunk, j / d->panels);
        direct_panel(&k, j % d->panels);
    }
}

static infer_status direct_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    struct infer__direct *d = need->cut;
    (void)err;
    if (!infer__direct_cut(t, &direct_level, d))
        return INFER_ERROR_UNSUPPORTED;
    need->packed_bytes = infer__direct_packed_bytes(d);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(d->border, d->chunk), sizeof(float));
    need->units = d->units;
    need->pack_pieces =
        infer__pack_pieces(d->s.groups * d->panels, infer__bytes_count(need->packed_bytes));
    need->layout = INFER__LAYOUT(d->panels);
    return INFER_OK;
}

static void direct_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                              uint32_t piece, uint32_t pieces)
{
    const struct infer__direct *d = cut;
    int64_t panels = d->s.groups * d->panels, last = infer__unit_begin(panels, pieces, piece + 1);
    for (int64_t i = infer__unit_begin(panels, pieces, piece); i < last; i++) {
        struct infer__direct_panel p = infer__direct_panel(d, i / d->panels, i % d->panels);
        LEVEL_NAME(infer__tile_pack)
        ((const float *)t->in[1].data + p.channel * d->s.w_m, d->s.w_m, p.valid,
         p.full * VEC + p.half * TILE_HALF, d->s.taps, d->s.cg, (float *)packed + p.weights);
    }
}

static void direct_pack(const struct infer__task *t, const void *cut, void *packed)
{
    direct_pack_piece(t, cut, packed, 0, 1);
}

INFER__APART static double direct_estimate(const struct infer__task *t)
{
    struct infer__direct d;
    if ((t->op != INFER__OP_CONV && t->op != INFER__OP_SCALED_CONV) ||
        !infer__isa_has(t->isa, LEVEL_ISA) || t->nin < 2 || !t->in[1].is_const ||
        !infer__direct_cut(t, &direct_level, &d))
        return -1;
    double outputs = (double)(d.rows * d.width) * (double)d.s.y.c;
    double ns =
        infer__direct_ns(&d, infer__task_machine(t)) + outputs * vec_activation_ns(t->epi.act);
    /* Zen 4 does narrow vectors at the same rate, other CPUs with AVX-512 at half of it. */
    return infer__isa_has(t->isa, INFER_ISA_AVX512) && VEC < 16 ? ns * 1.3 : ns;
}

const struct infer__kernel LEVEL_NAME(infer__conv_direct_f32) = {
    .name = LEVEL_STRING("conv_direct_f32"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .pitched = 1,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__direct),
    .estimate = direct_estimate,
    .prepare = direct_prepare,
    .pack = direct_pack,
    .pack_piece = direct_pack_piece,
    .run = direct_run,
};
