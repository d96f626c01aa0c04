/* levels: vnni exact */
/* Grouped int8 convolution, AVX-512 VNNI; see conv_groups_int8.h. */
#include "kernels/levels.h"

#include "kernels/conv_int8/conv_groups_int8.h"
#include "kernels/conv_int8/finish_int8.h"

#define RATE 230.0 /* multiply-adds per ns, measured */

/* A tile by a block. */
struct block {
    const uint8_t *const *table;
    int64_t at; /* of the block in a pixel */
    int64_t taps;
    int count; /* pixels that exist */
    const int8_t *weights;
    const int32_t *start;
    const struct finish *finish;
    struct finish_to to;
};

/* 16 bytes in each part of a vector; `some`: those that exist. */
VEC_INLINE vec four_times(const uint8_t *p, const int whole, __mmask16 some)
{
    if (whole)
        return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_broadcast_i32x4(_mm_maskz_loadu_epi8(some, p));
}

/* Sums of `mr` pixels, in the order of channels. All but the block are constants. */
VEC_INLINE void block_sums(const int mr, const int kind, const int whole, const struct block *b,
                           vec sum[GROUPS8_TILE][2])
{
    const int nv = kind == 8 ? 2 : 1;
    const __mmask16 some = (__mmask16)((1u << b->to.valid) - 1);
    const int8_t *w = b->weights;
    const uint8_t *const *entry = b->table;
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        for (int v = 0; v < nv; v++)
            sum[m][v] = vec_load(b->start + v * VEC);
    for (int64_t tap = 0; tap < b->taps; tap++, entry += mr, w += kind * VEC) {
        vec weight[4];
        for (int v = 0; v < kind / 4; v++)
            weight[v] = vec_step_w(w + v * VEC * 4);
        VEC_UNROLL
        for (int m = 0; m < mr; m++) {
            const uint8_t *x = entry[m] + b->at;
            if (kind == 16) {
                for (int v = 0; v < 4; v++)
                    sum[m][0] = vec_dot(sum[m][0], vec_step_x(x + 4 * v), weight[v]);
                continue;
            }
            vec a = four_times(x, whole, some);
            for (int v = 0; v < nv; v++)
                sum[m][v] = vec_dot(sum[m][v], a, weight[v]);
        }
    }
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        if (kind == 8) {
            const __m512i order =
                _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15);
            __m512 x = _mm512_castsi512_ps(sum[m][0]), y = _mm512_castsi512_ps(sum[m][1]);
            vec even = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0x88));
            vec odd = _mm512_castps_si512(_mm512_shuffle_ps(x, y, 0xdd));
            sum[m][0] = _mm512_permutexvar_epi32(order, _mm512_add_epi32(even, odd));
        } else if (kind == 4) {
            const __m512i order =
                _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            sum[m][0] = _mm512_permutexvar_epi32(order, sum[m][0]);
        }
}

static __attribute__((noinline)) void block_finish(const struct block *b, const int32_t *sums)
{
    finish_tile(b->finish, &b->to, b->count, 1, sums);
}

VEC_INLINE void block_body(const int mr, const int kind, const int whole, const struct block *b)
{
    vec sum[GROUPS8_TILE][2];
    int32_t sums[GROUPS8_TILE * VEC];
    block_sums(mr, kind, whole, b, sum);
    VEC_UNROLL
    for (int m = 0; m < mr; m++)
        vec_store(sums + m * VEC, sum[m][0]);
    block_finish(b, sums);
}

typedef void block_function(const struct block *b);

#define BLOCK_FUNCTION(mr, kind, whole)                                                            \
    static void block_##mr##_##kind##_##whole(const struct block *b)                               \
    {                                                                                              \
        block_body(mr, kind, whole, b);                                                            \
    }
#define BLOCK_NAME(mr, kind, whole) block_##mr##_##kind##_##whole,
#define FOR_TILES(X, kind, whole)                                                                  \
    X(10, kind, whole) X(12, kind, whole) X(13, kind, whole) X(14, kind, whole)

FOR_TILES(BLOCK_FUNCTION, 4, 0)
FOR_TILES(BLOCK_FUNCTION, 4, 1)
FOR_TILES(BLOCK_FUNCTION, 8, 0)
FOR_TILES(BLOCK_FUNCTION, 8, 1)
FOR_TILES(BLOCK_FUNCTION, 16, 1)
/* by kind, whether the block's 16 channels all exist, and size of tile */
static block_function *const block_functions[3][2][4] = {
    {{FOR_TILES(BLOCK_NAME, 4, 0)}, {FOR_TILES(BLOCK_NAME, 4, 1)}},
    {{FOR_TILES(BLOCK_NAME, 8, 0)}, {FOR_TILES(BLOCK_NAME, 8, 1)}},
    {{FOR_TILES(BLOCK_NAME, 16, 1)}, {FOR_TILES(BLOCK_NAME, 16, 1)}}};

/* ---- the kernel ----------------------------------------------------------------------------- */

struct groups8_work {
    struct finish finish;
    const struct infer__groups8 *g;
    const uint8_t *packed, *residual;
    uint8_t *y;
    const uint8_t **table;
};

/* Blocks `from` .. `to` - 1 of a tile whose table is filled. */
static void run_blocks(const struct groups8_work *k, int64_t first, int count, int64_t from,
                       int64_t to)
{
    const struct infer__groups8 *g = k->g;
    int64_t channels = g->s.y.c;
    int kind = g->kind == 4 ? 0 : g->kind == 8 ? 1 : 2, size = g->tile < 12 ? 0 : g->tile - 11;
    struct block b = {.table = k->table, .taps = g->s.taps, .count = count, .finish = &k->finish};
    b.to.y_step = channels;
    for (int64_t i = from; i < to; i++) {
        int64_t rest = channels - i * GROUPS8_BLOCK, at = first * channels + i * GROUPS8_BLOCK;
        b.at = i * GROUPS8_BLOCK;
        b.weights = (const int8_t *)k->packed + i * g->block_bytes;
        b.start = (const void *)(k->packed + g->at_start + i * 2 * VEC * 4);
        b.to.factor = (const void *)(k->packed + g->at_factor + i * VEC * 4);
        b.to.valid = rest < GROUPS8_BLOCK ? (int)rest : GROUPS8_BLOCK;
        b.to.y = k->y + at;
        b.to.residual = k->residual ? k->residual + at : NULL;
        block_functions[kind][b.to.valid == GROUPS8_BLOCK][size](&b);
    }
}

static void groups8_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    const struct infer__groups8 *g = b->cut;
    int64_t filled = -1;
    struct groups8_work k = {.g = g, .packed = b->packed, .y = b->out[0], .table = b->scratch};
    k.residual = g->s.residual ? b->in[g->s.residual] : NULL;
    finish_init(&k.finish, t, &g->s, k.packed[g->at_small]);
    int64_t last = infer__unit_begin(g->items, g->units, end);
    for (int64_t i = infer__unit_begin(g->items, g->units, begin); i < last; i++) {
        uint32_t tile = (uint32_t)(i / g->parts), part = (uint32_t)(i % g->parts);
        int64_t first = infer__unit_begin(g->pixels, g->tiles, tile);
        int count = (int)(infer__unit_begin(g->pixels, g->tiles, tile + 1) - first);
        if (tile != filled)
            infer__groups8_table(g, first, count, b->in[0], k.packed + g->at_line, k.table);
        filled = tile;
        run_blocks(&k, first, count, infer__unit_begin(g->blocks, g->parts, part),
                   infer__unit_begin(g->blocks, g->parts, part + 1));
    }
}

static infer_status groups8_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    struct infer__groups8 *g = need->cut;
    FAIL_IF(!infer__groups8_cut(t, g), INFER_ERROR_UNSUPPORTED, "not a grouped int8 convolution");
    need->packed_bytes = infer__bytes_of(g->packed_bytes, 1);
    need->scratch_bytes = infer__bytes_of(INFER__PRODUCT(g->s.taps, g->tile), sizeof(void *));
    need->units = g->units;
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void groups8_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__groups8 *g = cut;
    infer__groups8_pack(t, g, packed);
}

INFER__APART static double groups8_estimate(const struct infer__task *t)
{
    struct infer__groups8 g;
    if (!infer__isa_has(t->isa, LEVEL_ISA) || t->nin < 2 || !t->in[1].is_const ||
        !infer__groups8_cut(t, &g) || (g.s.bias && !t->in[2].is_const))
        return -1;
    return infer__groups8_ns(&g, RATE);
}

const struct infer__kernel infer__conv_groups_int8_vnni = {
    .name = "conv_groups_int8_vnni",
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__groups8),
    .estimate = groups8_estimate,
    .prepare = groups8_prepare,
    .pack = groups8_pack,
    .run = groups8_run,
};
