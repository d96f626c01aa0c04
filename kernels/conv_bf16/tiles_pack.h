/* Weights of bf16 convolutions for the tiles of AMX:
 * [group][panel][run][step][vector][pair of products][channel][2]; see conv_bf16_tiles.h. */
#include "kernels/conv_bf16/vec_bf16.h"
#include "kernels/vec_transpose.h"

/* The first `count` of VEC floats that stand `step` apart; 0 for the others. */
VEC_INLINE vec load_apart(const float *from, int64_t step, int64_t count)
{
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    int n = count > VEC ? VEC : count > 0 ? (int)count : 0;
    if (step == 1)
        return vec_load_n(from, n);
    return _mm512_mask_i32gather_ps(vec_set(0), (__mmask16)((1u << n) - 1),
                                    _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int)step)), from,
                                    4);
}

/* Sixteen output channels of one run, from channel m of the merged group on: a step after the
 * other, `step` bf16 apart. */
static void pack_run(const struct infer__tiles16 *c, const float *weights, int64_t group, int64_t m,
                     int64_t run, int64_t step, uint16_t *to)
{
    const struct infer__linear *s = &c->s;
    int64_t taps = c->merged ? s->w.kernel[2] : 1, own_cg = s->cg / c->merge;
    for (int64_t i = 0; i < c->steps; i++)
        memset(to + i * step, 0, TILES16_ROWS * TILES16_STEP * sizeof *to);
    for (int64_t j = 0; j < TILES16_ROWS && m + j < s->mg; j++) {
        int64_t begin = (m + j) / (s->mg / c->merge) * own_cg; /* its own group's channels */
        const float *from = weights + (group * s->mg + m + j) * s->w_m;
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t ch = 0; ch < own_cg; ch++) {
                int64_t e = tap * s->cg + begin + ch, in = e % TILES16_STEP;
                to[e / TILES16_STEP * step + in / 2 * 2 * TILES16_ROWS + 2 * j + in % 2] =
                    infer__to_bf16(from[(run * taps + tap) * s->w_tap + ch * s->w_c]);
            }
    }
}

/* The same for runs that are a tap each: sixteen channels' pairs of products are turned in
 * registers. */
static void pack_tap(const struct infer__tiles16 *c, const float *weights, int64_t group, int64_t m,
                     int64_t run, int64_t step, uint16_t *to)
{
    const struct infer__linear *s = &c->s;
    const float *from = weights + (group * s->mg + m) * s->w_m + run * s->w_tap;
    int64_t rows = s->mg - m < TILES16_ROWS ? s->mg - m : TILES16_ROWS;
    for (int64_t e = 0; e < s->cg; e += TILES16_STEP, to += step) {
        int64_t count = s->cg - e < TILES16_STEP ? s->cg - e : TILES16_STEP;
        vec turned[VEC];
        for (int64_t j = 0; j < TILES16_ROWS; j++) {
            const float *row = from + j * s->w_m + e * s->w_c;
            turned[j] = vec_set(0);
            if (j < rows)
                turned[j] = _mm512_castsi512_ps(
                    vec_to_bf16(load_apart(row, s->w_c, count),
                                load_apart(row + VEC * s->w_c, s->w_c, count - VEC)));
        }
        vec_transpose(turned);
        for (int64_t j = 0; j < TILES16_ROWS; j++)
            _mm512_storeu_ps(to + j * 2 * TILES16_ROWS, turned[j]);
    }
}

/* Panels first .. last - 1 of all groups. */
static void pack_panels(const struct infer__task *t, const struct infer__tiles16 *c, int64_t first,
                        int64_t last, uint16_t *packed)
{
    const int64_t tile = TILES16_ROWS * TILES16_STEP;
    const int is_plain = !c->merged && c->merge == 1 && c->s.w_c < INT32_MAX / VEC;
    for (int64_t p = first; p < last; p++) {
        int64_t group = p / c->panels, vector = p % c->panels * 2;
        int64_t vectors = c->vectors - vector < 2 ? 1 : 2;
        uint16_t *to = packed + (group * c->vectors + vector) * (c->packed_panel / 2);
        for (int64_t run = 0; run < c->runs; run++)
            for (int64_t v = 0; v < vectors; v++)
                (is_plain ? pack_tap : pack_run)(c, t->in[1].data, group,
                                                 (vector + v) * TILES16_ROWS, run, vectors * tile,
                                                 to + (run * c->steps * vectors + v) * tile);
    }
}
