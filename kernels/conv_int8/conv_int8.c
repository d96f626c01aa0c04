/* levels: avx2 avx2vnni avx512 vnni amx exact */
/* Int8 convolutions and dense layers; see conv_int8.h. What differs between vectors and the tiles
 * of AMX is in conv_int8_vectors.h and conv_int8_amx.h, which define conv8_level and
 *   struct tile_state  what a run keeps between its tiles
 *   tile_prepare       what a session needs before it can run
 *   tile_begin, tile_end  around all tiles of a run
 *   tile_one           computes a tile by a panel of one or two vectors; its results may be stored
 *                      as late as at the next tile_flush or tile_end, and what the job names must
 *                      stay until then */
#include "kernels/levels.h"

#if LEVEL == LEVEL_amx
#include "kernels/conv_int8/conv_int8_amx.h"
#else
#include "kernels/conv_int8/conv_int8_vectors.h"
#endif
#include "kernels/integers.h"

/* What one run of units works with. */
struct work {
    struct finish finish;
    const struct infer__conv8_cut *c;
    const uint8_t *x, *residual, *packed;
    uint8_t *y, *copies;
    int32_t *pixels; /* sums of activations: CONV8_TILE of them for each tile */
    int32_t *starts;
    int64_t chunk, group, first_chunk;
    int fresh; /* 1: the chunk's activations may still be in another core's cache */
    const int8_t *soon, *end_soon; /* what is left to be fetched of the next weights, */
    int64_t lines, soon_step;      /* lines for each step of a tile, bytes for each tile */
    struct infer__conv8_tile tiles[CONV8_CHUNK];
    int ntiles;
    uint32_t threads;
    const float *scale, *bias; /* of ConvInteger and MatMulInteger; NULL: none */
    int64_t scale_step;        /* 0: one scale for all channels */
    int32_t start[2 * VEC];    /* a panel's, where that is known at run time only */
    float factor[2 * VEC], added[2 * VEC];
};

/* Starts, factors and bias of a panel of ConvInteger or MatMulInteger. */
static void panel_at_run_time(struct work *k, const struct infer__conv8_panel *p,
                              const int32_t *start, struct finish_to *to)
{
    for (int i = 0; i < p->vectors * VEC; i++)
        k->start[i] = (int32_t)((uint32_t)start[i] * (uint32_t)k->c->s.x_zero);
    for (int i = 0; i < p->valid && k->scale; i++)
        k->factor[i] = k->scale[(p->channel + i) * k->scale_step];
    for (int i = 0; i < p->valid && k->bias; i++)
        k->added[i] = k->bias[p->channel + i];
    to->factor = k->factor;
    to->bias = k->bias ? k->added : NULL;
}

/* Adds `bytes` of activations of four pixels, at x + at[i], to their vectors of sums. */
VEC_INLINE void add_run(const uint8_t *x, const int64_t at[4], int64_t bytes, vec sum[4])
{
    for (; bytes >= 4 * VEC; bytes -= 4 * VEC, x += 4 * VEC)
        for (int i = 0; i < 4; i++)
            sum[i] = vec_dot(sum[i], vec_load_x(x + at[i], 4 * VEC), vec_ones());
    if (!bytes)
        return;
    VEC_UNROLL
    for (int i = 0; i < 4; i++)
        sum[i] = vec_dot(sum[i], vec_load_x(x + at[i], bytes), vec_ones());
}

/* The same for a tap that the first or the last pixel leaves out: its neighbour is read instead.
 * Pixels m .. m + 3 behind the last one are like it. */
static void sum_skipped(const struct infer__conv8_tile *tile, int skip, const uint8_t *x, int m,
                        int64_t bytes, vec sum[4])
{
    const int last = tile->count - 1;
    vec more[4] = {sum[0], sum[1], sum[2], sum[3]};
    int64_t at[4];
    int out[4];
    for (int i = 0; i < 4; i++) {
        int pixel = m + i < last ? m + i : last;
        out[i] = pixel == (skip == CONV8_SKIP_FIRST ? 0 : last);
        at[i] = (out[i] ? skip == CONV8_SKIP_FIRST ? 1 : last - 1 : pixel) * tile->step;
    }
    add_run(x, at, bytes, more);
    for (int i = 0; i < 4; i++)
        sum[i] = out[i] ? sum[i] : more[i];
}

/* The sum of each pixel's activations in the tile, without the taps that it leaves out; the last
 * one's up to a multiple of four. */
static void sum_pixels(const struct infer__conv8_cut *c, const struct infer__conv8_tile *tile,
                       int32_t sums[CONV8_TILE])
{
    const int64_t bytes = (tile->skips ? tile->run : c->run) * c->x_bytes;
    const int last = tile->count - 1;
    for (int m = 0; m <= last; m += 4) {
        vec four[4];
        int64_t at[4];
        for (int i = 0; i < 4; i++) {
            four[i] = words_set(0);
            at[i] = (m + i < last ? m + i : last) * tile->step;
        }
        for (int r = 0; r < tile->nrows; r++)
            for (int64_t i = 0; i < tile->runs; i++) {
                const uint8_t *x = tile->row[r] + i * tile->run_step;
                if (tile->skips && tile->skip[i])
                    sum_skipped(tile, tile->skip[i], x, m, bytes, four);
                else
                    add_run(x, at, bytes, four);
            }
        vec_totals(four, sums + m);
    }
}

static void start_chunk(struct work *k, int64_t chunk, int64_t group)
{
    const struct infer__conv8_cut *c = k->c;
    k->chunk = chunk;
    k->group = group;
    k->fresh = c->level->halves && c->way == CONV8_FLAT && k->threads > 1;
    k->ntiles = infer__conv8_tiles(c, chunk, group, k->x, k->copies, k->tiles);
    for (int i = 0; i < k->ntiles && c->w_zero; i++)
        sum_pixels(c, &k->tiles[i], k->pixels + i * CONV8_TILE);
}

/* Panel `index` for tiles first .. end - 1. */
static void run_panel(struct work *k, struct tile_state *state, int64_t index, int first, int end)
{
    const struct infer__conv8_cut *c = k->c;
    struct infer__conv8_panel p = infer__conv8_panel(c, k->group, index);
    int64_t size = c->s.rq ? 1 : 4;
    const int32_t *start = (const void *)(k->packed + c->at_start + 4 * p.at);
    struct job j = {.finish = &k->finish};
    j.weights = (const int8_t *)k->packed + p.weights;
    j.lines = k->lines;
    j.zero = c->w_zero ? (const void *)(k->packed + c->at_zero + 4 * p.at) : NULL;
    j.to.factor = (const void *)(k->packed + c->at_factor + 4 * p.at);
    j.to.valid = p.valid;
    j.to.y_step = c->s.y.c * size;
    if (c->s.integer) {
        tile_flush(state);
        panel_at_run_time(k, &p, start, &j.to);
        start = k->start;
    }
    for (int i = first; i < end; i++) {
        int64_t at = k->tiles[i].pixel * c->s.y.c + p.channel;
        j.tile = &k->tiles[i];
        j.pixels = k->pixels + i * CONV8_TILE;
        if (j.tile->nrows < c->krows || j.tile->skips)
            j.starts = infer__conv8_starts(c, k->packed, start, j.tile, &p, k->starts);
        else
            j.starts = (struct infer__conv8_starts){start, start, start};
        j.to.y = k->y + at * size;
        j.to.residual = k->residual ? k->residual + at : NULL;
        if (k->end_soon - k->soon < k->soon_step)
            j.lines = 0;
        j.next_lines = 0;
        if (k->fresh && i + 1 < k->ntiles) {
            j.next = (uintptr_t)k->tiles[i + 1].row[0];
            j.next_lines =
                share_of(k->tiles[i + 1].count * k->tiles[i + 1].step / 64, c->k / c->level->step);
        }
        j.soon = k->soon;
        if (j.lines) /* else there may be nothing to fetch, and no pointer */
            k->soon += k->soon_step;
        tile_one(state, &j, p.vectors);
    }
}

/* Where this bunch's weights are used the first time in this run, as they then are for the next
 * one: while products are computed there is time to fetch those. */
static void plan_ahead(struct work *k, int64_t begin, int64_t end)
{
    const struct infer__conv8_cut *c = k->c;
    const int64_t panel = 2 * VEC * c->k, steps = c->k / c->level->step;
    const int64_t more = end + c->together < c->panels ? c->together : c->panels - end;
    const int64_t tiles = (end - begin) * k->ntiles;
    k->lines = 0;
    if (!c->level->halves || k->chunk != k->first_chunk || more < 1)
        return;
    const int8_t *weights =
        (const int8_t *)k->packed + infer__conv8_panel(c, k->group, end).weights;
    k->lines = share_of(more * panel / 64, tiles * steps);
    k->soon_step = k->lines * 64 * steps;
    k->soon = weights;
    k->end_soon = weights + more * panel;
    if (k->end_soon > (const int8_t *)k->packed + c->at_small)
        k->end_soon = (const int8_t *)k->packed + c->at_small;
}

static void run_bunch(struct work *k, struct tile_state *state, int64_t bunch)
{
    const struct infer__conv8_cut *c = k->c;
    int64_t begin = bunch * c->together, end = begin + c->together;
    const int block = (int)c->block, fresh = k->fresh;
    end = end < c->panels ? end : c->panels;
    plan_ahead(k, begin, end);
    for (int first = 0; first < k->ntiles; first += block)
        for (int64_t i = begin; i < end; i++) {
            k->fresh = fresh && i == begin;
            run_panel(k, state, i, first, first + block < k->ntiles ? first + block : k->ntiles);
        }
    k->fresh = 0;
}

static void conv8_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct infer__conv8_cut *c = b->cut;
    struct tile_state state;
    struct infer__conv8_cut integer; /* with the zero point that is known now */
    struct work k = {.c = c, .x = b->in[0], .packed = b->packed, .y = b->out[0]};
    k.threads = t->threads;
    finish_init(&k.finish, t, &c->s, k.packed[c->at_small]);
    if (c->s.integer) {
        integer = *c;
        integer.s.x_zero = t->nin > 2 && b->in[2] ? *(const uint8_t *)b->in[2] : 0;
        k.c = c = &integer;
        k.scale = t->nin > 4 ? b->in[4] : NULL;
        k.bias = t->nin > 5 ? b->in[5] : NULL;
        k.scale_step = k.scale && infer__operand_elements(&t->in[4]) > 1;
    }
    k.residual = c->s.residual ? b->in[c->s.residual] : NULL;
    k.copies = b->scratch;
    k.pixels = (void *)(k.copies + c->copies);
    k.starts = (void *)(k.copies + c->at_starts);
    k.chunk = -1;
    int64_t last = infer__unit_begin(c->items, c->units, end), across = c->s.groups * c->bunches;
    k.first_chunk = infer__unit_begin(c->items, c->units, begin) / across;
    tile_begin(&state);
    for (int64_t i = infer__unit_begin(c->items, c->units, begin); i < last; i++) {
        int64_t chunk = i / across, group = i % across / c->bunches;
        if (chunk != k.chunk || group != k.group) {
            tile_flush(&state);
            start_chunk(&k, chunk, group);
        }
        run_bunch(&k, &state, i % c->bunches);
    }
    tile_end(&state);
}

static infer_status conv8_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    struct infer__conv8_cut *c = need->cut;
    FAIL_IF(!infer__conv8_cut(t, &conv8_level, c), INFER_ERROR_UNSUPPORTED,
            "not an int8 convolution of this kernel");
    need->packed_bytes = infer__bytes_of(c->packed_bytes, 1);
    need->scratch_bytes = infer__bytes_of(c->scratch_bytes, 1);
    need->units = c->units;
    need->layout = INFER__LAYOUT(c->way, c->merge, c->run, c->padded, c->k,
                                 c->way >= CONV8_PLANES ? c->planes.pixel : 0, c->panels, c->w_zero,
                                 c->at_small, c->at_taps);
    return tile_prepare(err);
}

static void conv8_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__conv8_cut *c = cut;
    infer__conv8_pack(t, c, packed);
}

INFER__APART static double conv8_estimate(const struct infer__task *t)
{
    struct infer__conv8_cut c;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || t->nin < 2 || !t->in[1].is_const ||
        !infer__conv8_cut(t, &conv8_level, &c) || (c.s.bias && !t->in[2].is_const))
        return -1;
    return infer__conv8_ns(&c);
}

const struct infer__kernel LEVEL_NAME(infer__conv_int8) = {
    .name = LEVEL_STRING("conv_int8"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__conv8_cut),
    .estimate = conv8_estimate,
    .prepare = conv8_prepare,
    .pack = conv8_pack,
    .run = conv8_run,
};
