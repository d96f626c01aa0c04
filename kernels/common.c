/* What all kernels share: sizes, units, and the activations. */
#include <math.h>

#include "base/digest.h"
#include "graph/traits.h"
#include "kernels/nd.h"

const struct infer__machine *infer__task_machine(const struct infer__task *t)
{
    return t->machine ? t->machine : infer__identity_machine("of no vendor", 0);
}

int64_t infer__operand_elements(const struct infer__operand *o)
{
    int64_t n = 1;
    for (int i = 0; i < o->rank; i++)
        n *= o->dims[i];
    return n;
}

uint32_t infer__units(int64_t total, int64_t grain, uint32_t most)
{
    int64_t n = total / (grain > 0 ? grain : 1);
    if (n > most)
        n = most;
    return n < 1 ? 1 : (uint32_t)n;
}

uint64_t infer__layout(const int64_t *numbers, size_t n)
{
    struct infer__digest d = infer__digest_start();
    infer__digest_add(&d, numbers, n * sizeof *numbers);
    return d.word[0] ? d.word[0] : 1;
}

infer_status infer__prepare_one(const struct infer__task *t, struct infer__need *need,
                                infer_error *err)
{
    (void)t;
    (void)err;
    need->units = 1;
    return INFER_OK;
}

uint32_t infer__pack_pieces(int64_t panels, uint64_t bytes)
{
    const uint64_t most = bytes / (256 << 10) + 1;
    return infer__units(panels, 1, most < UINT16_MAX ? (uint32_t)most : UINT16_MAX);
}

/* The first total % units units have one item more than the others; nothing can overflow. */
int64_t infer__unit_begin(int64_t total, int64_t units, int64_t u)
{
    int64_t each = total / units, more = total % units;
    return each * u + (u < more ? u : more);
}

struct infer__spatial infer__operand_spatial(const struct infer__operand *o)
{
    struct infer__spatial s = {o->dims[0], 1, 1, 1, o->dims[o->rank - 1]};
    if (o->rank > 4)
        s.d = o->dims[o->rank - 4];
    if (o->rank > 3)
        s.h = o->dims[o->rank - 3];
    if (o->rank > 2)
        s.w = o->dims[o->rank - 2];
    return s;
}

/* ---- activations ---------------------------------------------------------------------------- */

int infer__is_activation(unsigned op)
{
    return (infer__op_traits(op)->flags & INFER__FLAG_ACTIVATION) != 0;
}

/* A NaN stays a NaN everywhere below: each comparison is written so that it fails for NaN and
 * then gives x. */
static inline float clamp(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* exp is taken of -|x| only, so nothing overflows and small values keep their digits. */
static inline float sigmoid(float x)
{
    float e = expf(-fabsf(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* x * sigmoid(x), which far below 0 is 0, at -infinity too. */
static inline float silu(float x)
{
    x = x < -104 ? -104 : x;
    return x * sigmoid(x);
}

static inline float softplus(float x)
{
    return (x < 0 ? 0 : x) + log1pf(expf(-fabsf(x)));
}

static inline __attribute__((always_inline)) float activate(unsigned op, float alpha, float beta,
                                                            float x)
{
    switch (op) {
    case INFER__OP_RELU:
        return x < 0 ? 0 : x;
    case INFER__OP_LEAKY_RELU:
        return x < 0 ? alpha * x : x;
    case INFER__OP_CLIP:
        return clamp(x, alpha, beta);
    case INFER__OP_SIGMOID:
        return sigmoid(x);
    case INFER__OP_HARD_SIGMOID:
        return clamp(alpha * x + beta, 0, 1);
    case INFER__OP_HARD_SWISH:
        return x * clamp(x * (1.0f / 6) + 0.5f, 0, 1);
    case INFER__OP_TANH:
        return tanhf(x);
    case INFER__OP_ELU:
        return x < 0 ? alpha * expm1f(x) : x;
    case INFER__OP_SOFTPLUS:
        return softplus(x);
    case INFER__OP_MISH:
        return x * tanhf(softplus(x));
    case INFER__OP_ERF:
        return erff(x);
    case INFER__OP_EXP:
        return expf(x);
    case INFER__OP_LOG:
        return logf(x);
    case INFER__OP_SQRT:
        return sqrtf(x);
    case INFER__OP_RECIPROCAL:
        return 1 / x;
    case INFER__OP_ABS:
        return fabsf(x);
    case INFER__OP_NEG:
        return -x;
    case INFER__OP_FLOOR:
        return floorf(x);
    case INFER__OP_CEIL:
        return ceilf(x);
    case INFER__OP_ROUND:
        return rintf(x); /* half to even: the rounding mode is the default one */
    case INFER__OP_SILU:
        return silu(x);
    case INFER__OP_GELU:
        return 0.5f * x * erfcf(x * -0.707106781f);
    case INFER__OP_SIN:
        return sinf(x);
    case INFER__OP_COS:
        return cosf(x);
    case INFER__OP_ATAN:
        return atanf(x);
    default:
        return x;
    }
}

float infer__activate(unsigned op, float alpha, float beta, float x)
{
    return activate(op, alpha, beta, x);
}

/* `op` is a constant in each loop, so that the switch is gone from it. */
#define ACTIVATE_LOOP(op)                                                                          \
    case op:                                                                                       \
        INFER__INDEPENDENT                                                                         \
        for (int64_t i = 0; i < count; i++)                                                        \
            y[i] = activate(op, alpha, beta, x[i]);                                                \
        break;

void infer__activate_row(unsigned op, float alpha, float beta, const float *x, float *y,
                         int64_t count)
{
    switch (op) {
        ACTIVATE_LOOP(INFER__OP_RELU)
        ACTIVATE_LOOP(INFER__OP_LEAKY_RELU)
        ACTIVATE_LOOP(INFER__OP_CLIP)
        ACTIVATE_LOOP(INFER__OP_HARD_SIGMOID)
        ACTIVATE_LOOP(INFER__OP_HARD_SWISH)
        ACTIVATE_LOOP(INFER__OP_SQRT)
        ACTIVATE_LOOP(INFER__OP_RECIPROCAL)
        ACTIVATE_LOOP(INFER__OP_ABS)
        ACTIVATE_LOOP(INFER__OP_NEG)
    default: /* those that call libm */
        for (int64_t i = 0; i < count; i++)
            y[i] = activate(op, alpha, beta, x[i]);
        break;
    }
}

void infer__epilogue_apply(const struct infer__epilogue *e, float *y, const float *residual,
                           int64_t count)
{
    if (residual) {
        INFER__INDEPENDENT
        for (int64_t i = 0; i < count; i++)
            y[i] += residual[i];
    }
    if (e->act)
        infer__activate_row(e->act, e->alpha, e->beta, y, y, count);
}

double infer__activate_ns(unsigned op)
{
    switch (op) {
    case INFER__OP_SIGMOID:
    case INFER__OP_SILU:
    case INFER__OP_EXP:
    case INFER__OP_LOG:
        return 4;
    case INFER__OP_TANH:
    case INFER__OP_ELU:
    case INFER__OP_ERF:
    case INFER__OP_GELU:
    case INFER__OP_SIN:
    case INFER__OP_COS:
    case INFER__OP_ATAN:
        return 8;
    case INFER__OP_SOFTPLUS:
        return 12;
    case INFER__OP_MISH:
        return 20;
    case INFER__OP_FLOOR:
    case INFER__OP_CEIL:
    case INFER__OP_ROUND:
        return 1;
    default:
        return 0.15;
    }
}
