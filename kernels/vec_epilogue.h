/* Activations and epilogues on vectors, at the levels of vec_f32.h: the same functions as
 * infer__activate and infer__epilogue_apply, within the errors that vec_math.h states. */
#ifndef INFER_KERNELS_VEC_EPILOGUE_H
#define INFER_KERNELS_VEC_EPILOGUE_H

#include "kernels/vec_math.h"

/* act(x) for an activation or, above level 0, any operator of infer__activate. `op` is a constant;
 * alpha and beta are vectors of equals. */
VEC_INLINE vec vec_activation(unsigned op, vec alpha, vec beta, vec x)
{
    switch (op) {
    case INFER__OP_RELU:
        return vec_at_least(vec_set(0), x);
    case INFER__OP_LEAKY_RELU:
        return vec_if_negative(x, vec_mul(alpha, x));
    case INFER__OP_CLIP:
        return vec_at_most(beta, vec_at_least(alpha, x));
    case INFER__OP_SIGMOID:
        return vec_sigmoid(x);
    case INFER__OP_HARD_SIGMOID:
        return vec_clamp(vec_fma(alpha, x, beta), 0, 1);
    case INFER__OP_HARD_SWISH:
        return vec_mul(x, vec_clamp(vec_fma(x, vec_set(1.0f / 6), vec_set(0.5f)), 0, 1));
    case INFER__OP_TANH:
        return vec_tanh(x);
    case INFER__OP_ELU:
        return vec_if_negative(x, vec_mul(alpha, vec_expm1_negative(x)));
    case INFER__OP_SOFTPLUS:
        return vec_softplus(x);
    case INFER__OP_MISH:
        return vec_mish(x);
    case INFER__OP_ERF:
        return vec_erf(x);
    case INFER__OP_SILU:
        return vec_silu(x);
    case INFER__OP_GELU:
        return vec_gelu(x);
#if VEC_LEVEL > 0
    case INFER__OP_EXP:
        return vec_exp(x);
    case INFER__OP_LOG:
        return vec_log(x);
    case INFER__OP_SQRT:
        return vec_sqrt(x);
    case INFER__OP_RECIPROCAL:
        return vec_div(vec_set(1), x);
    case INFER__OP_ABS:
        return vec_abs(x);
    case INFER__OP_NEG:
        return vec_xor(vec_set(-0.0f), x);
    case INFER__OP_FLOOR:
        return vec_floor(x);
    case INFER__OP_CEIL:
        return vec_ceil(x);
    case INFER__OP_ROUND:
        return vec_round(x);
#endif
    default:
        return x;
    }
}

/* ---- where the operator is known only at run time ------------------------------------------- */

/* Whether vec_activate knows an activation: those cheap enough to choose vector by vector. */
VEC_INLINE int vec_is_simple(unsigned op)
{
    return infer__is_clamp(op) || op == INFER__OP_LEAKY_RELU;
}

VEC_INLINE vec vec_activate(const struct infer__epilogue *e, vec x)
{
    switch (e->act) {
    case INFER__OP_RELU:
        return vec_activation(INFER__OP_RELU, x, x, x);
    case INFER__OP_CLIP:
        return vec_activation(INFER__OP_CLIP, vec_set(e->alpha), vec_set(e->beta), x);
    case INFER__OP_LEAKY_RELU:
        return vec_activation(INFER__OP_LEAKY_RELU, vec_set(e->alpha), x, x);
    default:
        return x;
    }
}

/* y = act(x + residual), `count` floats; residual may be NULL; y may be x or residual. */
VEC_INLINE void vec_epilogue_loop(unsigned op, float alpha, float beta, const float *x,
                                  const float *residual, float *y, int64_t count)
{
    vec a = vec_set(alpha), b = vec_set(beta);
    int64_t i = 0;
    if (residual)
        for (; i + VEC <= count; i += VEC)
            vec_store(y + i,
                      vec_activation(op, a, b, vec_add(vec_load(x + i), vec_load(residual + i))));
    else
        for (; i + VEC <= count; i += VEC)
            vec_store(y + i, vec_activation(op, a, b, vec_load(x + i)));
    if (i < count) {
        int n = (int)(count - i);
        vec v = vec_load_n(x + i, n);
        if (residual)
            v = vec_add(v, vec_load_n(residual + i, n));
        vec_store_n(y + i, vec_activation(op, a, b, v), n);
    }
}

#define VEC_ACTIVATION_CASE(op)                                                                    \
    case INFER__OP_##op:                                                                           \
        vec_epilogue_loop(INFER__OP_##op, e->alpha, e->beta, x, residual, y, count);               \
        break;

/* The same for any epilogue. Not inlined: it is large. */
static __attribute__((noinline, unused)) void vec_epilogue_row(const struct infer__epilogue *e,
                                                               const float *x,
                                                               const float *residual, float *y,
                                                               int64_t count)
{
    switch (e->act) {
        VEC_ACTIVATION_CASE(RELU)
        VEC_ACTIVATION_CASE(LEAKY_RELU)
        VEC_ACTIVATION_CASE(CLIP)
        VEC_ACTIVATION_CASE(SIGMOID)
        VEC_ACTIVATION_CASE(HARD_SIGMOID)
        VEC_ACTIVATION_CASE(HARD_SWISH)
        VEC_ACTIVATION_CASE(TANH)
        VEC_ACTIVATION_CASE(ELU)
        VEC_ACTIVATION_CASE(SOFTPLUS)
        VEC_ACTIVATION_CASE(MISH)
        VEC_ACTIVATION_CASE(ERF)
        VEC_ACTIVATION_CASE(SILU)
        VEC_ACTIVATION_CASE(GELU)
    default:
        vec_epilogue_loop(INFER__OP_NONE, 0, 0, x, residual, y, count);
        break;
    }
}

VEC_INLINE void vec_activate_loop(unsigned op, float alpha, float beta, float *y, int64_t step,
                                  int64_t rows, int64_t count)
{
    for (; rows > 0; rows--, y += step)
        vec_epilogue_loop(op, alpha, beta, y, NULL, y, count);
}

#define VEC_ACTIVATE_ROWS_CASE(op)                                                                 \
    case INFER__OP_##op:                                                                           \
        vec_activate_loop(INFER__OP_##op, e->alpha, e->beta, y, step, rows, count);                \
        break;

/* y = act(y) for rows of `count` floats, `step` apart: the frequent activations need but one choice
 * for all rows. */
static __attribute__((noinline, unused)) void vec_activate_rows(const struct infer__epilogue *e,
                                                                float *y, int64_t step,
                                                                int64_t rows, int64_t count)
{
    if (step == count) { /* one row */
        count *= rows;
        rows = 1;
    }
    switch (e->act) {
        VEC_ACTIVATE_ROWS_CASE(LEAKY_RELU)
        VEC_ACTIVATE_ROWS_CASE(SIGMOID)
        VEC_ACTIVATE_ROWS_CASE(HARD_SIGMOID)
        VEC_ACTIVATE_ROWS_CASE(HARD_SWISH)
        VEC_ACTIVATE_ROWS_CASE(SILU)
        VEC_ACTIVATE_ROWS_CASE(GELU)
    default:
        for (; rows > 0; rows--, y += step)
            vec_epilogue_row(e, y, NULL, y, count);
        break;
    }
}

/* Nanoseconds of an element's activation, measured on a Zen 4 core; for estimates. */
VEC_INLINE double vec_activation_ns(unsigned op)
{
    double wide = VEC_LEVEL == 512 ? 1 : VEC_LEVEL == 256 ? 1.3 : 3;
    switch (op) {
    case INFER__OP_EXP:
        return 0.25 * wide;
    case INFER__OP_SILU:
        return VEC_LEVEL == 512 ? 0.16 : 0.2 * wide;
    case INFER__OP_SIGMOID:
        return 0.28 * wide;
    case INFER__OP_TANH:
    case INFER__OP_ELU:
    case INFER__OP_GELU:
    case INFER__OP_LOG:
        return 0.4 * wide;
    case INFER__OP_SOFTPLUS:
    case INFER__OP_MISH:
    case INFER__OP_ERF:
        return 0.6 * wide;
    case INFER__OP_SQRT:
    case INFER__OP_RECIPROCAL:
        return 0.2;
    default:
        return 0.03;
    }
}

#endif
