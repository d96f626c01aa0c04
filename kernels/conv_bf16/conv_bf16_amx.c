/* levels: amx */
/* Bf16 convolution and dense layers on the tiles of AMX; see conv_bf16_tiles.h and amx_tiles.h.
 * Each output is one chain of sums, run by run, step by step, whatever block it falls into. */
#include "kernels/levels.h"

#include "kernels/amx_tiles.h"
#include "kernels/conv_bf16/conv_bf16_tiles.h"
#include "kernels/conv_bf16/tiles_finish.h"
#include "kernels/conv_bf16/tiles_pack.h"
#include "kernels/conv_bf16/vec_bf16.h"
#include "kernels/integers.h"
#include "kernels/vec_epilogue.h"

/* What one run of units works with. */
struct work {
    const struct infer__task *t;
    const struct infer__tiles16 *c;
    const void *x;
    const float *bias;
    const uint16_t *packed;
    uint16_t *copy;
    struct finish16 finish;
    struct results16 waiting;    /* results of the block before, unless their `left` is 0 */
    int64_t runs[TILES16_RUNS];  /* where each begins */
    int64_t chunk, group;        /* whose inputs are at hand */
    int64_t first, lines, image; /* its first line, how many, of which image */
    const uint16_t *from;        /* its first pixel */
    struct amx amx;
    int count;  /* pixels that the tiles are configured for; 0: none yet */
    int buffer; /* where the next sums go */
    _Alignas(64) float sums[2][TILES16_BLOCK * TILES16_PANEL];
};

/* ---- the copy ------------------------------------------------------------------------------- */

/* `pixels` pixels of the group from input element `at` on, `step` elements apart. */
static void copy_pixels(const struct work *k, int64_t at, int64_t pixels, int64_t step,
                        uint16_t *to)
{
    const struct infer__linear *s = &k->c->s;
    int64_t cg = s->cg, channels = k->c->channels;
    if (step == cg && channels == cg) {
        cg *= pixels;
        pixels = 1;
    }
    for (; pixels > 0; pixels--, at += step, to += channels) {
        if (s->half_x)
            memcpy(to, (const uint16_t *)k->x + at, (size_t)cg * sizeof *to);
        else
            bf16_from_floats((const float *)k->x + at, cg, to);
        if (channels > cg)
            memset(to + cg, 0, (size_t)(channels - cg) * sizeof *to);
    }
}

/* One row of a plane of the copy: columns first + i * step of the input's row; zeros outside. */
static void copy_row(const struct work *k, int64_t row, int64_t first, int64_t step, uint16_t *to)
{
    const struct infer__tiles16 *c = k->c;
    const struct infer__linear *s = &c->s;
    int64_t begin = first < 0 ? (-first + step - 1) / step : 0, end = 0;
    if (row >= 0 && row < s->x.h && first < s->x.w)
        end = (s->x.w - 1 - first) / step + 1;
    end = end < c->columns ? end : c->columns;
    begin = begin < end ? begin : end;
    memset(to, 0, (size_t)(begin * c->channels) * sizeof *to);
    if (begin < end)
        copy_pixels(k,
                    ((k->image * s->x.h + row) * s->x.w + first + begin * step) * s->x.c +
                        k->group * s->cg,
                    end - begin, step * s->x.c, to + begin * c->channels);
    memset(to + end * c->channels, 0, (size_t)((c->columns - end) * c->channels) * sizeof *to);
}

static void start_chunk(struct work *k, int64_t chunk, int64_t group)
{
    const struct infer__tiles16 *c = k->c;
    const struct infer__linear *s = &c->s;
    const struct infer__window *w = &s->w;
    k->chunk = chunk;
    k->group = group;
    k->first = chunk % c->plane_chunks * c->chunk;
    k->lines = c->lines - k->first < c->chunk ? c->lines - k->first : c->chunk;
    k->image = c->flat ? 0 : chunk / c->plane_chunks;
    k->from = k->copy;
    if (c->flat) {
        int64_t at = k->first * s->x.c + group * s->cg;
        if (c->in_place)
            k->from = (const uint16_t *)k->x + at;
        else
            copy_pixels(k, at, k->lines, s->x.c, k->copy);
        return;
    }
    uint16_t *to = k->copy;
    for (int64_t ph = 0; ph < c->h.phases; ph++)
        for (int64_t pw = 0; pw < c->w.phases; pw++)
            for (int64_t r = 0; r < c->rows; r++, to += c->columns * c->channels) {
                if (r >= k->lines + c->h.reach) /* of a shorter last chunk */
                    continue;
                copy_row(k, (k->first + r) * c->h.step + ph - w->pad_begin[1], pw - w->pad_begin[2],
                         c->w.step, to);
            }
    memset(to, 0, TILES16_STEP * sizeof *to); /* a last run may be padded past the copy */
}

/* ---- a block -------------------------------------------------------------------------------- */

/* One block by one panel. */
struct job {
    const uint16_t *from, *weights;
    const float *bias; /* of the panel's channels */
    const char *next;  /* what is still to be fetched of the next panel's weights: of the first of
                          their quarters, which are fetched side by side, 3 % of a network faster
                          than one behind the other */
    const char *end;   /* of that quarter */
    int64_t quarter;   /* bytes of each */
    int64_t fetch;     /* lines of each in a step */
};

/* Sums are tiles 0 and 1 (the first pixels) and 2 and 3, inputs 4 and 5, weights 6 and 7. */
static void configure(struct work *k, int count)
{
    int first = count < AMX_ROWS ? count : AMX_ROWS, second = count - first;
    uint8_t rows[AMX_TILES] = {(uint8_t)first, (uint8_t)first,  (uint8_t)second, (uint8_t)second,
                               (uint8_t)first, (uint8_t)second, AMX_ROWS,        AMX_ROWS};
    struct amx_config config = {.palette = 1};
    for (int i = 0; i < AMX_TILES; i++) {
        config.rows[i] = rows[i];
        config.bytes[i] = rows[i] ? AMX_BYTES : 0;
    }
    amx_configure(&k->amx, &config);
    k->count = count;
}

/* Asks for some more of the next panel's weights: they come from memory while this panel is
 * computed. Addresses past the end do no harm. */
VEC_INLINE void fetch_next(struct job *j)
{
    for (int64_t i = 0; i < j->fetch && j->next < j->end; i++, j->next += 64) {
        VEC_UNROLL
        for (int q = 0; q < 4; q++)
            _mm_prefetch(j->next + q * j->quarter, _MM_HINT_T1);
    }
}

/* A block's sums, into the next buffer, and beside them the results of the block before, of kind
 * `kind`; KIND_NONE: none. `two`: more than 16 pixels; nv: vectors of the panel. All three are
 * constants. */
VEC_INLINE void sum_block(struct work *k, const int two, const int nv, const enum kind16 kind,
                          struct job *j)
{
    const struct infer__tiles16 *c = k->c;
    const struct finish16_vectors finish = vectors_of(&k->finish, &k->waiting);
    struct results16 results = k->waiting;
    float *sums = k->sums[k->buffer];
    int64_t total = c->runs * c->steps, each = share_of(results.left, total);
    struct amx *amx = &k->amx;
    const int64_t pixel = c->pixel_step * 2, tile = TILES16_ROWS * TILES16_STEP;
    const uint16_t *w = j->weights;
    (void)amx;
    amx_load(amx, 0, j->bias, 0);
    if (nv == 2)
        amx_load(amx, 1, j->bias + VEC, 0);
    if (two)
        amx_load(amx, 2, j->bias, 0);
    if (two && nv == 2)
        amx_load(amx, 3, j->bias + VEC, 0);
    for (int64_t r = 0; r < c->runs; r++) {
        const uint16_t *x = j->from + k->runs[r];
        for (int64_t i = 0; i < c->steps; i++, x += TILES16_STEP, w += nv * tile) {
            fetch_next(j);
            amx_load(amx, 6, w, AMX_BYTES);
            if (nv == 2)
                amx_load(amx, 7, w + tile, AMX_BYTES);
            amx_load(amx, 4, x, pixel);
            if (two)
                amx_load(amx, 5, x + AMX_ROWS * c->pixel_step, pixel);
            amx_dot_bf16(amx, 0, 4, 6);
            if (nv == 2)
                amx_dot_bf16(amx, 1, 4, 7);
            if (two)
                amx_dot_bf16(amx, 2, 5, 6);
            if (two && nv == 2)
                amx_dot_bf16(amx, 3, 5, 7);
            for (int64_t n = each; kind != KIND_NONE && n > 0 && results.left > 0; n--)
                finish_next(&finish, &results, kind);
        }
    }
    amx_store(amx, 0, sums, TILES16_PANEL * 4);
    if (nv == 2)
        amx_store(amx, 1, sums + VEC, TILES16_PANEL * 4);
    if (two)
        amx_store(amx, 2, sums + AMX_ROWS * TILES16_PANEL, TILES16_PANEL * 4);
    if (two && nv == 2)
        amx_store(amx, 3, sums + AMX_ROWS * TILES16_PANEL + VEC, TILES16_PANEL * 4);
}

typedef void sum_function(struct work *k, struct job *j);

#define SUM_FUNCTION(two, nv, kind)                                                                \
    static void sum_##two##nv##kind(struct work *k, struct job *j)                                 \
    {                                                                                              \
        sum_block(k, two, nv, kind, j);                                                            \
    }
#define SUM_FUNCTIONS(kind)                                                                        \
    SUM_FUNCTION(0, 1, kind)                                                                       \
    SUM_FUNCTION(1, 1, kind) SUM_FUNCTION(0, 2, kind) SUM_FUNCTION(1, 2, kind)
#define SUM_NAMES(kind)                                                                            \
    {                                                                                              \
        sum_01##kind, sum_11##kind, sum_02##kind, sum_12##kind                                     \
    }
SUM_FUNCTIONS(KIND_NONE)
SUM_FUNCTIONS(KIND_PLAIN)
SUM_FUNCTIONS(KIND_RESIDUAL)
SUM_FUNCTIONS(KIND_MIXED)
static sum_function *const sum_functions[][4] = {SUM_NAMES(KIND_NONE), SUM_NAMES(KIND_PLAIN),
                                                 SUM_NAMES(KIND_RESIDUAL), SUM_NAMES(KIND_MIXED)};

/* ---- the kernel ----------------------------------------------------------------------------- */

/* Pixels begin .. end - 1 of those from line `line` on have their sums in the next buffer, from
 * pixel `back` of the block on. Their results wait. */
static void finish_block(struct work *k, int64_t line, int64_t begin, int64_t end, int64_t back,
                         int64_t channel, int valid)
{
    const struct infer__linear *s = &k->c->s;
    const struct finish16 *f = &k->finish;
    float *sums = k->sums[k->buffer] + back * TILES16_PANEL;
    int64_t row = k->image * s->y.h + k->first + line + begin / f->pitch;
    int64_t column = begin % f->pitch;
    int64_t before = row * f->width + (column < f->width ? column : f->width);
    k->waiting = (struct results16){.sums = sums,
                                    .at = before * f->step + channel,
                                    .column = column,
                                    .left = (int)(end - begin),
                                    .valid = valid};
    k->buffer = !k->buffer;
    if (!f->clamp)
        finish_activate(f, &k->waiting);
}

/* `pixels` pixels from line `line` of the chunk on. All blocks have the same size, the last one
 * reaches back over pixels of the one before: the tiles are configured but once. */
static void run_pixels(struct work *k, struct job *j, int nv, int64_t line, int64_t pixels,
                       int64_t channel, int valid)
{
    const struct infer__tiles16 *c = k->c;
    int64_t blocks = ceil_div(pixels, TILES16_BLOCK), size = ceil_div(pixels, blocks);
    const uint16_t *from = k->from + line * c->columns * c->channels;
    if (k->count != size)
        configure(k, (int)size);
    for (int64_t i = 0; i < blocks; i++) {
        int64_t begin = i * size, end = min64(begin + size, pixels), back = begin + size - end;
        enum kind16 kind = k->waiting.left ? k->finish.kind : KIND_NONE;
        j->from = from + (begin - back) * c->pixel_step;
        sum_functions[kind][2 * nv - 2 + (size > AMX_ROWS)](k, j);
        finish_block(k, line, begin, end, back, channel, valid);
    }
}

static void run_panel(struct work *k, int64_t index)
{
    const struct infer__tiles16 *c = k->c;
    _Alignas(64) float bias[TILES16_PANEL] = {0};
    int64_t vector = 2 * index, first = vector * TILES16_ROWS, left = c->s.mg - first;
    int nv = c->vectors - vector < 2 ? 1 : 2;
    int valid = left < TILES16_PANEL ? (int)left : TILES16_PANEL;
    int64_t channel = k->group * c->s.mg + first;
    struct job j = {.bias = bias};
    j.weights = k->packed + (k->group * c->vectors + vector) * (c->packed_panel / 2);
    if (index + 1 < c->panels && c->packed_bytes > TILES16_CACHED / 8) {
        int64_t pixels = c->flat ? k->lines : k->lines * c->columns;
        int64_t steps = ceil_div(pixels, TILES16_BLOCK) * c->runs * c->steps;
        j.next = (const char *)(j.weights + nv * (c->packed_panel / 2));
        j.quarter = c->packed_panel / 2;
        j.end = j.next + j.quarter;
        j.fetch = share_of(c->packed_panel / 128, steps);
    }
    if (k->bias)
        memcpy(bias, k->bias + channel, (size_t)valid * sizeof *bias);
    if (c->flat)
        run_pixels(k, &j, nv, 0, k->lines, channel, valid);
    else if (!infer__tiles16_by_line(c))
        run_pixels(k, &j, nv, 0, (k->lines - 1) * c->columns + c->s.y.w, channel, valid);
    else
        for (int64_t line = 0; line < k->lines; line++)
            run_pixels(k, &j, nv, line, c->s.y.w, channel, valid);
}

static void tiles_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    const struct infer__tiles16 *c = b->cut;
    struct work k = {.t = t, .c = c, .x = b->in[0], .packed = b->packed};
    k.bias = c->s.bias ? b->in[2] : NULL;
    k.copy = b->scratch;
    k.finish = finish_of(t, c, b);
    k.chunk = -1;
    infer__tiles16_runs(c, k.runs);
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
    finish_all(&k.finish, &k.waiting);
    if (k.count)
        amx_release(&k.amx);
}

static infer_status tiles_prepare(const struct infer__task *t, struct infer__need *need,
                                  infer_error *err)
{
    struct infer__tiles16 *c = need->cut;
    FAIL_IF(!infer__tiles16_cut(t, c), INFER_ERROR_UNSUPPORTED, "not a bf16 convolution");
    FAIL_IF(!amx_permit(), INFER_ERROR_UNSUPPORTED, "the system does not permit AMX");
    need->packed_bytes = infer__bytes_of(c->packed_bytes, 1);
    need->scratch_bytes = infer__bytes_of(c->scratch_bytes, 1);
    need->units = c->units;
    if (c->s.w_c == 1 || t->op == INFER__OP_CONV) /* pieces read constants apart */
        need->pack_pieces = infer__pack_pieces(c->panels * c->s.groups, (uint64_t)c->packed_bytes);
    need->layout = INFER__LAYOUT(c->merged, c->merge, c->packed_panel, c->runs, c->steps);
    return INFER_OK;
}

static void tiles_pack_piece(const struct infer__task *t, const void *cut, void *packed,
                             uint32_t piece, uint32_t pieces)
{
    const struct infer__tiles16 *c = cut;
    pack_panels(t, c, infer__unit_begin(c->panels * c->s.groups, pieces, piece),
                infer__unit_begin(c->panels * c->s.groups, pieces, piece + 1), packed);
}

static void tiles_pack(const struct infer__task *t, const void *cut, void *packed)
{
    tiles_pack_piece(t, cut, packed, 0, 1);
}

INFER__APART static double tiles_estimate(const struct infer__task *t)
{
    struct infer__tiles16 c;
    if (!infer__isa_has(t->isa, INFER_ISA_AMX) || !infer__tiles16_cut(t, &c))
        return -1;
    double outputs = (double)infer__operand_elements(&t->out[0]);
    return infer__tiles16_ns(&c) + outputs * vec_activation_ns(t->epi.act);
}

const struct infer__kernel infer__conv_bf16_amx = {
    .name = "conv_bf16_amx",
    .isa = INFER_ISA_AMX,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__tiles16),
    .estimate = tiles_estimate,
    .prepare = tiles_prepare,
    .pack = tiles_pack,
    .pack_piece = tiles_pack_piece,
    .run = tiles_run,
};
