/* Packed weights of int8 convolutions: [group][panel][step][channel of the panel][products that an
 * s32 takes at once], then starts, factors, zero points and the sums of taps; see conv_int8.h. */
#include <string.h>

#include "kernels/conv_int8/conv_int8.h"

/* Channel j of run `run` of kernel row `row`: the tap that it belongs to, its channel in *channel;
 * -1 where the run is padded or a block has no tap. */
static int64_t run_tap(const struct infer__conv8_cut *c, int64_t row, int64_t run, int64_t j,
                       int64_t *channel)
{
    *channel = j % c->s.cg;
    if (j >= c->run)
        return -1;
    if (c->way == CONV8_BLOCKS) {
        int64_t piece = c->s.w.stride[2] * c->s.cg, block = j / c->planes.pixel;
        int64_t h = row * c->s.w.stride[1] + j % c->planes.pixel / piece;
        int64_t w = block * c->s.w.stride[2] + j % piece / c->s.cg;
        return h < c->s.w.kernel[1] && w < c->s.w.kernel[2] ? h * c->s.w.kernel[2] + w : -1;
    }
    if (c->way == CONV8_PLANES)
        return row * (c->run / c->s.cg) + j / c->s.cg;
    if (c->way != CONV8_BY_ROWS)
        return j / c->s.cg;
    return row * c->s.w.kernel[2] + run + j / c->s.cg;
}

/* Where output channel m's weight of input channel ch (of the merged group) and tap is, or NULL if
 * there is none. */
static const int8_t *weight_at(const struct infer__conv8_cut *c, const int8_t *weights, int64_t m,
                               int64_t ch, int64_t tap)
{
    if (c->merge > 1) {
        if (m % c->s.mg / c->own_mg != ch / c->s.w_cg)
            return NULL;
        ch %= c->s.w_cg;
    }
    return weights + m * c->s.w_m + ch * c->s.w_c + tap * c->s.w_tap;
}

static void pack_panel(const struct infer__conv8_cut *c, const struct infer__conv8_panel *p,
                       const int8_t *weights, int8_t *to)
{
    int n = p->vectors * c->level->vec, dot = c->level->dot;
    for (int64_t k = 0; k < c->k; k++) {
        int64_t ch, j = k % c->padded, run = k / c->padded;
        int64_t tap = run_tap(c, run / c->runs, run % c->runs, j, &ch);
        int8_t *at = to + k / dot * dot * n + k % dot;
        for (int i = 0; i < n; i++) {
            const int8_t *w = NULL;
            int exists = tap >= 0 && i < p->valid;
            if (exists)
                w = weight_at(c, weights, p->channel + i, ch, tap);
            at[i * dot] = 0;
            if (exists) /* between groups that were merged nothing is added by the zero point */
                at[i * dot] = w ? *w : (int8_t)infer__conv8_w_zero(&c->s, p->channel + i);
        }
    }
}

/* What belongs to channel m, which stands at position `at`. */
static void pack_channel(const struct infer__conv8_cut *c, const struct infer__task *t, int64_t m,
                         int64_t at, uint8_t *packed)
{
    const struct infer__linear *s = &c->s;
    ((int32_t *)(void *)(packed + c->at_start))[at] = infer__conv8_start(s, t, m);
    ((float *)(void *)(packed + c->at_factor))[at] = infer__conv8_factor(s, m);
    if (c->w_zero)
        ((int32_t *)(void *)(packed + c->at_zero))[at] = infer__conv8_w_zero(s, m);
    if (c->at_taps < c->packed_bytes)
        for (int64_t tap = 0; tap < s->taps; tap++)
            ((uint32_t *)(void *)(packed + c->at_taps))[tap * c->channels + at] =
                infer__conv8_taps(s, t, m, tap, tap + 1);
}

void infer__conv8_pack(const struct infer__task *t, const struct infer__conv8_cut *c, void *packed)
{
    uint8_t *to = packed;
    memset(to + c->at_small, 0, (size_t)(c->packed_bytes - c->at_small));
    to[c->at_small] = (uint8_t)infer__conv8_small(&c->s);
    for (int64_t g = 0; g < c->s.groups; g++)
        for (int64_t i = 0; i < c->panels; i++) {
            struct infer__conv8_panel p = infer__conv8_panel(c, g, i);
            pack_panel(c, &p, t->in[1].data, (int8_t *)to + p.weights);
            for (int j = 0; j < p.valid; j++)
                pack_channel(c, t, p.channel + j, p.at + j, to);
        }
}
