/* What follows the products in a step of LSTM, GRU or RNN, for one row, at the levels of vec_f32.h.
 *
 * Sums stand gate by gate for each vector of units: [vector of units][gate][VEC]; z are those of
 * the input and all biases, s those of the state. States h, cell are padded to whole vectors. */
#ifndef INFER_KERNELS_RECURRENT_GATES_H
#define INFER_KERNELS_RECURRENT_GATES_H

#include "kernels/recurrent/recurrent.h"
#include "kernels/vec_math.h"

struct gates {
    const struct infer__cell_function *f;
    float clip;
    int coupled;
    int64_t hidden;
    const float *peepholes; /* [PEEPS][vectors of units][VEC], NULL: there are none */
    int64_t padded;         /* floats of a row of these */
};

static inline vec activated(const struct infer__cell_function *f, vec x)
{
    const vec alpha = vec_set(f->alpha), zero = vec_set(0);
    switch (f->act) {
    case INFER__CELL_SIGMOID:
        return vec_sigmoid(x);
    case INFER__CELL_TANH:
        return vec_tanh(x);
    case INFER__CELL_RELU:
        return vec_at_least(zero, x);
    case INFER__CELL_AFFINE:
        return vec_fma(alpha, x, vec_set(f->beta));
    case INFER__CELL_LEAKY_RELU:
        return vec_if_negative(x, vec_mul(alpha, x));
    case INFER__CELL_THRESHOLDED_RELU:
        return vec_select(vec_less(x, alpha), zero, x);
    case INFER__CELL_SCALED_TANH:
        return vec_mul(alpha, vec_tanh(vec_mul(vec_set(f->beta), x)));
    case INFER__CELL_HARD_SIGMOID:
        return vec_clamp(vec_fma(alpha, x, vec_set(f->beta)), 0, 1);
    case INFER__CELL_ELU:
        return vec_if_negative(x, vec_mul(alpha, vec_expm1_negative(x)));
    case INFER__CELL_SOFTSIGN:
        return vec_div(x, vec_add(vec_set(1), vec_abs(x)));
    default:
        return vec_softplus(x);
    }
}

/* The function of number `i` of x, clipped. */
VEC_INLINE vec gate(const struct gates *g, int i, vec x)
{
    return activated(&g->f[i], vec_clamp(x, -g->clip, g->clip));
}

VEC_INLINE vec sum_of(const float *z, const float *s, int gate)
{
    return vec_add(vec_load(z + gate * VEC), vec_load(s + gate * VEC));
}

/* Stores the units of vector `at`, as many as there are, to y. */
VEC_INLINE void give(const struct gates *g, int64_t at, vec h, float *y)
{
    const int64_t left = g->hidden - at;
    if (left < VEC)
        vec_store_n(y + at, h, (int)left);
    else
        vec_store(y + at, h);
}

VEC_INLINE vec with_peephole(const struct gates *g, int which, int64_t at, vec cell, vec x)
{
    return g->peepholes ? vec_fma(vec_load(g->peepholes + which * g->padded + at), cell, x) : x;
}

static inline void gates_rnn(const struct gates *g, const float *z, const float *s, float *h,
                             float *y)
{
    for (int64_t at = 0; at < g->hidden; at += VEC, z += VEC, s += VEC) {
        vec next = gate(g, 0, sum_of(z, s, 0));
        vec_store(h + at, next);
        give(g, at, next, y);
    }
}

static inline void gates_lstm(const struct gates *g, const float *z, const float *s, float *cell,
                              float *h, float *y)
{
    const int64_t step = LSTM_GATES * VEC;
    for (int64_t at = 0; at < g->hidden; at += VEC, z += step, s += step) {
        vec c = vec_load(cell + at);
        vec i = gate(g, 0, with_peephole(g, PEEP_I, at, c, sum_of(z, s, LSTM_I)));
        vec f = g->coupled ? vec_sub(vec_set(1), i)
                           : gate(g, 0, with_peephole(g, PEEP_F, at, c, sum_of(z, s, LSTM_F)));
        vec n = gate(g, 1, sum_of(z, s, LSTM_N));
        c = vec_fma(f, c, vec_mul(i, n));
        vec o = gate(g, 0, with_peephole(g, PEEP_O, at, c, sum_of(z, s, LSTM_O)));
        vec next = vec_mul(o, activated(&g->f[2], c));
        vec_store(cell + at, c);
        vec_store(h + at, next);
        give(g, at, next, y);
    }
}

/* The new state of a GRU out of its update gate and what it is updated with. */
VEC_INLINE vec mixed(vec z, vec next, vec h)
{
    return vec_fma(z, h, vec_mul(vec_sub(vec_set(1), z), next));
}

/* A GRU whose reset gate works on the product of the state. */
static inline void gates_gru_linear(const struct gates *g, const float *z, const float *s, float *h,
                                    float *y)
{
    const int64_t step = GRU_GATES * VEC;
    for (int64_t at = 0; at < g->hidden; at += VEC, z += step, s += step) {
        vec update = gate(g, 0, sum_of(z, s, GRU_Z)), reset = gate(g, 0, sum_of(z, s, GRU_R));
        vec sum = vec_fma(reset, vec_load(s + GRU_N * VEC), vec_load(z + GRU_N * VEC));
        vec next = mixed(update, gate(g, 1, sum), vec_load(h + at));
        vec_store(h + at, next);
        give(g, at, next, y);
    }
}

/* A GRU whose reset gate works on the state before the product, in two parts: s are the sums of the
 * first two gates, and becomes the update gate; `reset` the state to multiply. Then s and the sums
 * of the last gate, `more`, give the new state. */
static inline void gates_gru_first(const struct gates *g, const float *z, float *s, const float *h,
                                   float *reset)
{
    for (int64_t at = 0; at < g->hidden; at += VEC, z += GRU_GATES * VEC, s += 2 * VEC) {
        vec r = gate(g, 0, sum_of(z, s, GRU_R));
        vec_store(s, gate(g, 0, sum_of(z, s, GRU_Z)));
        vec_store(reset + at, vec_mul(r, vec_load(h + at)));
    }
}

static inline void gates_gru_last(const struct gates *g, const float *z, const float *s,
                                  const float *more, float *h, float *y)
{
    for (int64_t at = 0; at < g->hidden; at += VEC, z += GRU_GATES * VEC, s += 2 * VEC) {
        vec sum = vec_add(vec_load(z + GRU_N * VEC), vec_load(more + at));
        vec next = mixed(vec_load(s), gate(g, 1, sum), vec_load(h + at));
        vec_store(h + at, next);
        give(g, at, next, y);
    }
}

#endif
