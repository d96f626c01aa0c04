/* Int8 convolution and dense layers on the tiles of AMX; see conv_int8.h and amx_tiles.h.
 *
 * A tile of up to 32 pixels by a panel of 32 channels are four tile registers of sums: two halves
 * of 16 pixels, which overlap where the tile has fewer, by the two vectors. A step of 64 channels
 * loads two tiles of activations, whose rows are the pixels, and two of weights, whose rows are
 * four channels of the input by 16 of the output, as the packed weights have them.
 *
 * As measured on an Emerald Rapids at 2.3 GHz: such a step takes 28 ns, 16 cycles for each of the
 * four products, and the loads hide behind them; up to four times as long where the core's other
 * hyperthread is busy, when loads and products add up. To begin and store a tile's sums takes 40 ns
 * more, its results 50 to 70 ns (twice that with a table or a residual), of which a part hides
 * behind the next tile's products. Products of half as many pixels are hardly shorter, so halves
 * overlap rather than have tails. Weights come from the third-level cache at 12 to 24 bytes a
 * nanosecond, which is slower than they are used where a picture is small: they are fetched a
 * panel ahead. */
#ifndef INFER_KERNELS_CONV_INT8_CONV_INT8_AMX_H
#define INFER_KERNELS_CONV_INT8_CONV_INT8_AMX_H

#include "kernels/amx_tiles.h"
#include "kernels/conv_int8/finish_int8.h"
#include "kernels/conv_int8/gather_int8.h"

enum { AMX_STEP = 64, AMX_TILE = 2 * AMX_ROWS, AMX_SUMS = AMX_TILE * 2 * VEC };

static const struct infer__conv8_level conv8_level = {.vec = VEC,
                                                      .dot = VEC_DOT,
                                                      .step = AMX_STEP,
                                                      .halves = 1,
                                                      .chunk = CONV8_CHUNK,
                                                      .tile = AMX_TILE,
                                                      .gather = gather_short,
                                                      .interleave = interleave};

/* What stands behind the sums. */
enum kind { KIND_PLAIN, KIND_TABLE, KIND_RESIDUAL, KIND_BOTH, KIND_OTHER };

/* The results of a tile are stored while the next one's products run, which are computed beside
 * the vectors. */
struct tile_state {
    struct amx amx;
    int rows;    /* pixels of a half that the tiles are configured for; 0: none yet */
    int waiting; /* vectors of the panel whose sums wait; 0: none do */
    int buffer;  /* where the next sums go */
    struct job job;
    _Alignas(64) int32_t sums[2][AMX_SUMS];
};

static void tile_begin(struct tile_state *state)
{
    state->rows = state->waiting = state->buffer = 0;
}

static infer_status tile_prepare(infer_error *err)
{
    FAIL_IF(!amx_permit(), INFER_ERROR_UNSUPPORTED, "the system does not permit AMX");
    return INFER_OK;
}

/* Sums are tiles 0 and 1 (pixels 0 to 15) and 2 and 3, activations 4 and 5, weights 6 and 7. */
static void configure(struct tile_state *state, int rows)
{
    struct amx_config config = {.palette = 1};
    for (int i = 0; i < AMX_TILES; i++) {
        config.rows[i] = (uint8_t)(i < 6 ? rows : AMX_ROWS);
        config.bytes[i] = AMX_BYTES;
    }
    amx_configure(&state->amx, &config);
    state->rows = rows;
}

/* ---- results -------------------------------------------------------------------------------- */

static int kind_of(const struct finish *f)
{
    if (f->f32 || f->s32)
        return KIND_OTHER;
    if (f->has_residual)
        return f->has_table ? KIND_BOTH : KIND_RESIDUAL;
    if (f->has_table)
        return KIND_TABLE;
    return f->plain ? KIND_PLAIN : KIND_OTHER;
}

/* What is used of a job over and over: a copy of it stays in registers, though bytes are stored;
 * and how far its results are. */
struct results {
    struct finish f;
    vec low, high;
    vecf factor[2];
    const struct infer__conv8_part *part;
    int left; /* pixels of the part */
    const int32_t *sums, *next;
    uint8_t *y, *next_y;
    int64_t residual, step; /* bytes from y to the residual, and between pixels */
    int valid;
};

VEC_INLINE void next_part(struct results *r, const int nv)
{
    r->left = r->part->count;
    r->next = r->sums + r->part->from * nv * VEC;
    r->next_y = r->y + r->part->to * r->step;
    r->part++;
}

VEC_INLINE struct results results_of(const struct job *j, const int nv, const int32_t *sums)
{
    struct results r = {.f = *j->finish,
                        .low = bytes_set(j->finish->byte_low),
                        .high = bytes_set(j->finish->byte_high),
                        .factor[0] = vec_loadf(j->to.factor),
                        .factor[1] = vec_loadf(j->to.factor + (nv - 1) * VEC),
                        .part = j->tile->part,
                        .sums = sums,
                        .y = j->to.y,
                        .residual = j->to.residual ? j->to.residual - j->to.y : 0,
                        .step = j->to.y_step,
                        .valid = j->to.valid};
    if (j->tile->nparts)
        next_part(&r, nv);
    return r;
}

/* Words of two vectors of sums, at y0 and y1 in the output. */
VEC_INLINE vec two_results(const struct results *r, const int nv, const enum kind kind,
                           const int32_t *sum0, const int32_t *sum1, const uint8_t *y0,
                           const uint8_t *y1)
{
    const int table = kind == KIND_TABLE || kind == KIND_BOTH;
    const int residual = kind == KIND_RESIDUAL || kind == KIND_BOTH;
    const vec a = vec_load(sum0), b = vec_load(sum1);
    vec more[2] = {a, b};
    if (kind == KIND_PLAIN)
        return finish_plain(&r->f, a, b, r->factor[0], r->factor[1]);
    if (residual) {
        more[0] = vec_load_bytes(y0 + r->residual, nv == 2 ? VEC : r->valid);
        more[1] = vec_load_bytes(y1 + r->residual, nv == 2 ? r->valid - VEC : r->valid);
    }
    return finish_words(&r->f, table, residual, a, b, r->factor[0], r->factor[1], more);
}

/* The next vector of bytes: of two pixels by two vectors of channels, or of four by one; behind
 * the last pixel of a part it is taken again. */
VEC_INLINE void store_next(struct results *r, const int nv, const enum kind kind)
{
    const int32_t *s = r->next;
    vec words[2];
    if (nv == 2) {
        int other = r->left > 1;
        uint8_t *y[2] = {r->next_y, r->next_y + (other ? r->step : 0)};
        const int32_t *s1 = s + (other ? 2 * VEC : 0);
        words[0] = two_results(r, 2, kind, s, s + VEC, y[0], y[0] + VEC);
        words[1] = two_results(r, 2, kind, s1, s1 + VEC, y[1], y[1] + VEC);
        bytes_store_2(y, bytes_pack(words[0], words[1], r->low, r->high), r->valid);
    } else {
        uint8_t *y[4] = {r->next_y};
        const int32_t *sum[4] = {s};
        for (int i = 1; i < 4; i++) {
            y[i] = y[i - 1] + (r->left > i ? r->step : 0);
            sum[i] = sum[i - 1] + (r->left > i ? VEC : 0);
        }
        words[0] = two_results(r, 1, kind, sum[0], sum[1], y[0], y[1]);
        words[1] = two_results(r, 1, kind, sum[2], sum[3], y[2], y[3]);
        bytes_store_4(y, bytes_pack(words[0], words[1], r->low, r->high), r->valid);
    }
    r->left -= 4 / nv;
    r->next += 4 * VEC;
    r->next_y += 4 / nv * r->step;
    if (r->left <= 0) /* what is read behind the last part is not used */
        next_part(r, nv);
}

VEC_INLINE void store_bytes(const struct job *j, const int nv, const enum kind kind,
                            const int32_t *sums)
{
    if (!j->tile->nparts)
        return;
    struct results r = results_of(j, nv, sums);
    for (int left = j->tile->vectors[nv - 1]; left > 0; left--)
        store_next(&r, nv, kind);
}

static void store_other(const struct job *j, int nv, const int32_t *sums)
{
    const struct infer__conv8_tile *tile = j->tile;
    for (int p = 0; p < tile->nparts; p++)
        for (int i = 0; i < tile->part[p].count; i++) {
            const int32_t *sum = sums + (tile->part[p].from + i) * nv * VEC;
            if (j->finish->f32)
                finish_floats(j->finish, &j->to, tile->part[p].to + i, nv, sum);
            else if (j->finish->s32)
                finish_sums(&j->to, tile->part[p].to + i, sum);
        }
    if (j->finish->f32 || j->finish->s32)
        return;
    if (nv == 2)
        store_bytes(j, 2, KIND_OTHER, sums);
    else
        store_bytes(j, 1, KIND_OTHER, sums);
}

static void tile_flush(struct tile_state *state)
{
    const struct job *j = &state->job;
    const int32_t *sums = state->sums[!state->buffer];
    int nv = state->waiting;
    if (!nv)
        return;
    state->waiting = 0;
    switch (kind_of(j->finish) * 2 + nv - 1) {
    case KIND_PLAIN * 2:
        store_bytes(j, 1, KIND_PLAIN, sums);
        return;
    case KIND_PLAIN * 2 + 1:
        store_bytes(j, 2, KIND_PLAIN, sums);
        return;
    case KIND_TABLE * 2:
        store_bytes(j, 1, KIND_TABLE, sums);
        return;
    case KIND_TABLE * 2 + 1:
        store_bytes(j, 2, KIND_TABLE, sums);
        return;
    case KIND_RESIDUAL * 2:
        store_bytes(j, 1, KIND_RESIDUAL, sums);
        return;
    case KIND_RESIDUAL * 2 + 1:
        store_bytes(j, 2, KIND_RESIDUAL, sums);
        return;
    case KIND_BOTH * 2:
        store_bytes(j, 1, KIND_BOTH, sums);
        return;
    case KIND_BOTH * 2 + 1:
        store_bytes(j, 2, KIND_BOTH, sums);
        return;
    default:
        store_other(j, nv, sums);
    }
}

static void tile_end(struct tile_state *state)
{
    tile_flush(state);
    if (state->rows)
        amx_release(&state->amx);
}

/* ---- sums ----------------------------------------------------------------------------------- */

/* One step; `two`: both halves, of which the second reads at `other`. All but pointers and step
 * are constants. */
VEC_INLINE void sum_step(struct amx *amx, const int two, const int nv, const uint8_t *from,
                         const uint8_t *other, int64_t step, const int8_t *w)
{
    (void)amx;
    amx_load(amx, 6, w, nv * AMX_BYTES);
    amx_load(amx, 4, from, step);
    amx_dot(amx, 0, 4, 6);
    if (nv == 2) {
        amx_load(amx, 7, w + AMX_BYTES, nv * AMX_BYTES);
        amx_dot(amx, 1, 4, 7);
    }
    if (two) {
        amx_load(amx, 5, other, step);
        amx_dot(amx, 2, 5, 6);
        if (nv == 2)
            amx_dot(amx, 3, 5, 7);
    }
}

VEC_INLINE void sum_begin(struct amx *amx, const int two, const int nv, const int32_t *start)
{
    (void)amx;
    amx_load(amx, 0, start, 0);
    if (nv == 2)
        amx_load(amx, 1, start + VEC, 0);
    if (two)
        amx_load(amx, 2, start, 0);
    if (two && nv == 2)
        amx_load(amx, 3, start + VEC, 0);
}

VEC_INLINE void sum_end(struct amx *amx, const int two, const int nv, int32_t *sums)
{
    const int64_t step = 4 * nv * VEC;
    (void)amx;
    amx_store(amx, 0, sums, step);
    if (nv == 2)
        amx_store(amx, 1, sums + VEC, step);
    if (two)
        amx_store(amx, 2, sums + AMX_ROWS * nv * VEC, step);
    if (two && nv == 2)
        amx_store(amx, 3, sums + AMX_ROWS * nv * VEC + VEC, step);
}

/* The sums of job j, and in between the results of the tile that waits, which is of as many
 * vectors and of kind `kind`; KIND_OTHER: none. */
VEC_INLINE void sum_tile(struct tile_state *state, const int two, const int nv,
                         const enum kind kind, const struct job *j)
{
    const struct infer__conv8_tile *tile = j->tile;
    const struct job *before = kind == KIND_OTHER ? j : &state->job;
    struct results results = results_of(before, nv, state->sums[!state->buffer]);
    const int64_t step = tile->step, second = tile->second * step, steps = tile->run / AMX_STEP;
    int left = kind == KIND_OTHER ? 0 : before->tile->vectors[nv - 1];
    int64_t total = tile->nrows * tile->runs * steps;
    const int each = total > 0 && total < left ? (int)((left + total - 1) / total) : 1;
    const int8_t *soon = j->soon;
    uintptr_t next = j->next;
    sum_begin(&state->amx, two, nv, j->starts.each);
    for (int r = 0; r < tile->nrows; r++) {
        const uint8_t *from = tile->row[r];
        const int8_t *w = j->weights + tile->before[r] * nv * VEC;
        for (int64_t i = 0; i < tile->runs; i++, from += tile->run_step) {
            const uint8_t *at = from;
            for (int64_t k = steps; k > 0; k--, at += AMX_STEP, w += nv * VEC * AMX_STEP) {
                sum_step(&state->amx, two, nv, at, at + second, step, w);
                for (int64_t line = j->lines; line > 0; line--, soon += 64)
                    __builtin_prefetch(soon, 0, 2);
                for (int64_t line = j->next_lines; line > 0; line--, next += 64)
                    __builtin_prefetch((const void *)next, 0, 2);
                int some = left < each ? left : each;
                left -= some;
                for (; kind != KIND_OTHER && some > 0; some--)
                    store_next(&results, nv, kind);
            }
        }
    }
    for (; kind != KIND_OTHER && left > 0; left--)
        store_next(&results, nv, kind);
    sum_end(&state->amx, two, nv, state->sums[state->buffer]);
}

typedef void sum_function(struct tile_state *state, const struct job *j);

#define SUM_FUNCTION(two, nv, kind)                                                                \
    static void sum_##two##nv##kind(struct tile_state *state, const struct job *j)                 \
    {                                                                                              \
        sum_tile(state, two, nv, kind, j);                                                         \
    }
#define SUM_FUNCTIONS(kind)                                                                        \
    SUM_FUNCTION(0, 1, kind)                                                                       \
    SUM_FUNCTION(1, 1, kind) SUM_FUNCTION(0, 2, kind) SUM_FUNCTION(1, 2, kind)
#define SUM_NAMES(kind)                                                                            \
    {                                                                                              \
        sum_01##kind, sum_11##kind, sum_02##kind, sum_12##kind                                     \
    }
SUM_FUNCTIONS(KIND_PLAIN)
SUM_FUNCTIONS(KIND_TABLE)
SUM_FUNCTIONS(KIND_RESIDUAL)
SUM_FUNCTIONS(KIND_BOTH)
SUM_FUNCTIONS(KIND_OTHER)
static sum_function *const sum_functions[][4] = {SUM_NAMES(KIND_PLAIN), SUM_NAMES(KIND_TABLE),
                                                 SUM_NAMES(KIND_RESIDUAL), SUM_NAMES(KIND_BOTH),
                                                 SUM_NAMES(KIND_OTHER)};

/* Takes from the sums what the weights' zero points have in them. */
static void take_zero(const struct job *j, int nv, int32_t *sums)
{
    const struct infer__conv8_tile *tile = j->tile;
    for (int m = 0; m < tile->count; m++) {
        int at = m < AMX_ROWS ? m : m + AMX_ROWS - tile->second;
        for (int v = 0; v < nv; v++) {
            int32_t *sum = sums + (at * nv + v) * VEC;
            vec_store(sum, vec_less(vec_load(sum), vec_load(j->zero + v * VEC), j->pixels[m]));
        }
    }
}

static void tile_one(struct tile_state *state, const struct job *j, int nv)
{
    const int two = j->tile->count > AMX_ROWS, rows = two ? AMX_ROWS : j->tile->count;
    int kind = kind_of(j->finish);
    if (state->rows != rows)
        configure(state, rows);
    if (state->waiting && (state->waiting != nv || kind == KIND_OTHER))
        tile_flush(state);
    sum_functions[state->waiting ? kind : KIND_OTHER][2 * nv - 2 + two](state, j);
    if (j->zero)
        take_zero(j, nv, state->sums[state->buffer]);
    state->job = *j;
    state->waiting = nv;
    state->buffer = !state->buffer;
}

#endif
