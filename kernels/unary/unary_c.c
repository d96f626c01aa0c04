/* Operators of one operand, element by element. All work in place. */
#include <math.h>
#include <string.h>

#include "kernels/convert.h"
#include "kernels/quant.h"

/* ---- f32: the operators of infer__activate -------------------------------------------------- */

static int is_unary(unsigned op)
{
    return (op >= INFER__OP_RELU && op <= INFER__OP_SILU && op != INFER__OP_NOT) ||
           op == INFER__OP_GELU || (op >= INFER__OP_SIN && op <= INFER__OP_ATAN);
}

INFER__APART static double estimate_f32(const struct infer__task *t)
{
    if (!is_unary(t->op) || t->in[0].type != INFER_F32 || t->out[0].type != INFER_F32 ||
        t->epi.residual)
        return -1;
    double each = infer__activate_ns(t->op);
    if (t->epi.act)
        each += infer__activate_ns(t->epi.act);
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

static void run_f32(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    const float *x = b->in[0];
    float *y = b->out[0], alpha = t->p.unary.alpha, beta = t->p.unary.beta;
    int64_t i, last;
    if (t->op == INFER__OP_CLIP) {
        alpha = infer__has_in(t, 1) ? *(const float *)b->in[1] : -INFINITY;
        beta = infer__has_in(t, 2) ? *(const float *)b->in[2] : INFINITY;
    }
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        infer__activate_row(t->op, alpha, beta, x + i, y + i, n);
        infer__epilogue_apply(&t->epi, y + i, NULL, n);
    }
}

const struct infer__kernel infer__unary_f32_c = {.name = "unary_f32_c",
                                                 .isa = INFER_ISA_C,
                                                 .estimate = estimate_f32,
                                                 .prepare = infer__elements_prepare,
                                                 .run = run_f32};

/* ---- all other numbers, by way of double or 64-bit integers --------------------------------- */

static double sigmoid(double x)
{
    double e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

static double silu(double x)
{
    x = x < -746 ? -746 : x; /* 0, at -infinity too */
    return x * sigmoid(x);
}

static double softplus(double x)
{
    return (x < 0 ? 0 : x) + log1p(exp(-fabs(x)));
}

static double clamp(double x, double low, double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static double activate_f64(unsigned op, double alpha, double beta, double x)
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
        return x * clamp(x * (1.0 / 6) + 0.5, 0, 1);
    case INFER__OP_TANH:
        return tanh(x);
    case INFER__OP_ELU:
        return x < 0 ? alpha * expm1(x) : x;
    case INFER__OP_SOFTPLUS:
        return softplus(x);
    case INFER__OP_MISH:
        return x * tanh(softplus(x));
    case INFER__OP_ERF:
        return erf(x);
    case INFER__OP_EXP:
        return exp(x);
    case INFER__OP_LOG:
        return log(x);
    case INFER__OP_SQRT:
        return sqrt(x);
    case INFER__OP_RECIPROCAL:
        return 1 / x;
    case INFER__OP_ABS:
        return fabs(x);
    case INFER__OP_NEG:
        return -x;
    case INFER__OP_FLOOR:
        return floor(x);
    case INFER__OP_CEIL:
        return ceil(x);
    case INFER__OP_ROUND:
        return rint(x);
    case INFER__OP_SILU:
        return silu(x);
    case INFER__OP_GELU:
        return 0.5 * x * erfc(x * -0.70710678118654752);
    case INFER__OP_SIN:
        return sin(x);
    case INFER__OP_COS:
        return cos(x);
    case INFER__OP_ATAN:
        return atan(x);
    default:
        return x;
    }
}

/* Bounds of Clip in the tensor's wide type; [0] of each. An absent one bounds nothing. */
static void bounds(const struct infer__task *t, const struct infer__buffers *b,
                   enum infer__wide wide, union infer__wide_block *low,
                   union infer__wide_block *high)
{
    if (wide == INFER__WIDE_FLOAT) {
        low->f[0] = -INFINITY;
        high->f[0] = INFINITY;
    } else if (wide == INFER__WIDE_SIGNED) {
        low->s[0] = INT64_MIN;
        high->s[0] = INT64_MAX;
    } else {
        low->u[0] = 0;
        high->u[0] = UINT64_MAX;
    }
    if (infer__has_in(t, 1))
        infer__wide_load(t->in[1].type, b->in[1], 1, low);
    if (infer__has_in(t, 2))
        infer__wide_load(t->in[2].type, b->in[2], 1, high);
}

/* Negating wraps: -INT64_MIN is INT64_MIN, and so is its absolute value. */
static int64_t integer_s64(unsigned op, int64_t low, int64_t high, int64_t x)
{
    switch (op) {
    case INFER__OP_RELU:
        return x < 0 ? 0 : x;
    case INFER__OP_CLIP:
        x = x < low ? low : x;
        return x > high ? high : x;
    case INFER__OP_ABS:
        return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
    default:
        return (int64_t)(0 - (uint64_t)x);
    }
}

static uint64_t integer_u64(unsigned op, uint64_t low, uint64_t high, uint64_t x)
{
    switch (op) {
    case INFER__OP_CLIP:
        x = x < low ? low : x;
        return x > high ? high : x;
    case INFER__OP_NEG:
        return 0 - x;
    default:
        return x;
    }
}

INFER__APART static double estimate_any(const struct infer__task *t)
{
    unsigned op = t->op, type = t->in[0].type;
    int integers =
        op == INFER__OP_RELU || op == INFER__OP_CLIP || op == INFER__OP_ABS || op == INFER__OP_NEG;
    if (!is_unary(op) || t->out[0].type != type || type == INFER_BOOL || !infer__no_epilogue(t) ||
        infer__any_quant(t))
        return -1;
    if (infer__wide_of(type) != INFER__WIDE_FLOAT && !integers)
        return -1;
    double each = 3 + 2 * infer__activate_ns(op);
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

static void run_any(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    unsigned op = t->op, type = t->in[0].type;
    size_t size = infer__operand_size(&t->in[0]);
    enum infer__wide wide = infer__wide_of(type);
    union infer__wide_block low, high, x;
    int64_t i, last;
    bounds(t, b, wide, &low, &high);
    if (op != INFER__OP_CLIP && wide == INFER__WIDE_FLOAT) {
        low.f[0] = (double)t->p.unary.alpha;
        high.f[0] = (double)t->p.unary.beta;
    }
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        infer__wide_load(type, (const char *)b->in[0] + (size_t)i * size, n, &x);
        for (int64_t k = 0; k < n; k++)
            if (wide == INFER__WIDE_FLOAT)
                x.f[k] = activate_f64(op, low.f[0], high.f[0], x.f[k]);
            else if (wide == INFER__WIDE_SIGNED)
                x.s[k] = integer_s64(op, low.s[0], high.s[0], x.s[k]);
            else
                x.u[k] = integer_u64(op, low.u[0], high.u[0], x.u[k]);
        infer__wide_store(wide, &x, type, n, (char *)b->out[0] + (size_t)i * size);
    }
}

const struct infer__kernel infer__unary_any_c = {.name = "unary_any_c",
                                                 .isa = INFER_ISA_C,
                                                 .estimate = estimate_any,
                                                 .prepare = infer__elements_prepare,
                                                 .run = run_any};

/* ---- Not ------------------------------------------------------------------------------------ */

INFER__APART static double estimate_not(const struct infer__task *t)
{
    if (t->op != INFER__OP_NOT || t->in[0].type != INFER_BOOL || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 0.1 * (double)infer__operand_elements(&t->out[0]);
}

static void run_not(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    const uint8_t *x = b->in[0];
    uint8_t *y = b->out[0];
    int64_t first, last;
    infer__elements_range(t, begin, end, &first, &last);
    for (int64_t i = first; i < last; i++)
        y[i] = x[i] == 0;
}

const struct infer__kernel infer__not_c = {.name = "not_c",
                                           .isa = INFER_ISA_C,
                                           .estimate = estimate_not,
                                           .prepare = infer__elements_prepare,
                                           .run = run_not};

/* ---- Cast ----------------------------------------------------------------------------------- */

INFER__APART static double estimate_cast(const struct infer__task *t)
{
    if (t->op != INFER__OP_CAST || !infer__no_epilogue(t))
        return -1;
    return infer__bytes_ns(t) + 2 * (double)infer__operand_elements(&t->out[0]);
}

static void run_cast(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    unsigned from = t->in[0].type, to = t->out[0].type;
    size_t from_size = infer__operand_size(&t->in[0]), to_size = infer__operand_size(&t->out[0]);
    union infer__wide_block x;
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        const char *src = (const char *)b->in[0] + (size_t)i * from_size;
        char *dst = (char *)b->out[0] + (size_t)i * to_size;
        if (from == to) {
            memmove(dst, src, (size_t)n * to_size);
            continue;
        }
        infer__wide_load(from, src, n, &x);
        infer__wide_store(infer__wide_of(from), &x, to, n, dst);
    }
}

const struct infer__kernel infer__cast_c = {.name = "cast_c",
                                            .isa = INFER_ISA_C,
                                            .estimate = estimate_cast,
                                            .prepare = infer__elements_prepare,
                                            .run = run_cast};
