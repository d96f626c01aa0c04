/* Element-wise functions that are several nodes of the IR. What is not a number stays none, as in
 * ONNX Runtime, and a formula that loses digits is written so that it does not. */
#include "tools/onnx/onnx_internal.h"

#include <math.h>
#include <string.h>

/* ---- gates ---------------------------------------------------------------------------------- */

/* x / 2 * (1 + Erf(x / sqrt 2)): the form that the plan makes Gelu of. */
static uint32_t gelu(struct onnx_expr *e, uint32_t x)
{
    uint32_t erf = ONNX_E(e, ERF, ONNX_E(e, MUL, x, onnx_e_number(e, M_SQRT1_2)));
    uint32_t half = ONNX_E(e, MUL, x, onnx_e_number(e, 0.5));
    return ONNX_E(e, MUL, half, ONNX_E(e, ADD, erf, onnx_e_number(e, 1)));
}

/* x / 2 * (1 + Tanh(x * (a + b * x * x))), a = sqrt(2 / pi), b = 0.044715 * a. */
static uint32_t gelu_tanh(struct onnx_expr *e, uint32_t x)
{
    const double a = M_2_SQRTPI * M_SQRT1_2;
    uint32_t square = ONNX_E(e, MUL, x, x);
    uint32_t cubic = ONNX_E(e, MUL, square, onnx_e_number(e, 0.044715 * a));
    uint32_t factor = ONNX_E(e, ADD, cubic, onnx_e_number(e, a));
    uint32_t tanh = ONNX_E(e, TANH, ONNX_E(e, MUL, x, factor));
    uint32_t half = ONNX_E(e, MUL, x, onnx_e_number(e, 0.5));
    return ONNX_E(e, MUL, half, ONNX_E(e, ADD, tanh, onnx_e_number(e, 1)));
}

infer_status onnx_convert_gelu(struct onnx_node *n)
{
    static const char *const words[] = {"none", "tanh", NULL};
    int64_t approximate;
    TRY(onnx_word(n, "approximate", words, 0, &approximate));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    onnx_e_out(&e, 0, approximate ? gelu_tanh(&e, n->in[0]) : gelu(&e, n->in[0]));
    return e.status;
}

/* com.microsoft: BiasGelu and FastGelu, which take a bias to add before. */
infer_status onnx_convert_bias_gelu(struct onnx_node *n)
{
    int fast = !strcmp(n->op, "FastGelu");
    TRY_NODE(n, onnx_takes(n, fast ? 1 : 2, 2));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->nin > 1 ? ONNX_E(&e, ADD, n->in[0], n->in[1]) : n->in[0];
    onnx_e_out(&e, 0, fast ? gelu_tanh(&e, x) : gelu(&e, x));
    return e.status;
}

/* x * Sigmoid(alpha * x): Swish, and com.microsoft's QuickGelu with its own default. */
infer_status onnx_convert_swish(struct onnx_node *n)
{
    float alpha;
    TRY(onnx_float(n, "alpha", strcmp(n->op, "QuickGelu") ? 1.0f : 1.702f, &alpha));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], z = x;
    if (alpha != 1.0f)
        z = ONNX_E(&e, MUL, x, onnx_e_number(&e, (double)alpha));
    onnx_e_out(&e, 0, ONNX_E(&e, MUL, x, ONNX_E(&e, SIGMOID, z)));
    return e.status;
}

/* a * Sigmoid(alpha * a) * b */
infer_status onnx_convert_swiglu(struct onnx_node *n)
{
    float alpha;
    TRY(onnx_float(n, "alpha", 1.0f, &alpha));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    struct onnx_expr e = onnx_expr(n);
    uint32_t a = n->in[0], z = a;
    if (alpha != 1.0f)
        z = ONNX_E(&e, MUL, a, onnx_e_number(&e, (double)alpha));
    uint32_t gate = ONNX_E(&e, MUL, a, ONNX_E(&e, SIGMOID, z));
    onnx_e_out(&e, 0, ONNX_E(&e, MUL, gate, n->in[1]));
    return e.status;
}

/* alpha * Elu(x / alpha) */
infer_status onnx_convert_celu(struct onnx_node *n)
{
    float alpha;
    TRY(onnx_float(n, "alpha", 1.0f, &alpha));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t a = onnx_e_number(&e, (double)alpha);
    uint32_t elu = ONNX_E(&e, ELU, ONNX_E(&e, DIV, n->in[0], a));
    onnx_e_out(&e, 0, ONNX_E(&e, MUL, elu, a));
    return e.status;
}

/* x where it is above alpha, else 0. */
infer_status onnx_convert_thresholded_relu(struct onnx_node *n)
{
    float alpha;
    TRY(onnx_float(n, "alpha", 1.0f, &alpha));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], above = ONNX_E(&e, GREATER, x, onnx_e_number(&e, (double)alpha));
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, above, x, onnx_e_number(&e, 0)));
    return e.status;
}

/* x + bias below -lambd, x - bias above lambd, 0 between. */
infer_status onnx_convert_shrink(struct onnx_node *n)
{
    float bias, lambd;
    TRY(onnx_float(n, "bias", 0.0f, &bias));
    TRY(onnx_float(n, "lambd", 0.5f, &lambd));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], b = onnx_e_number(&e, (double)bias);
    uint32_t below = ONNX_E(&e, LESS, x, onnx_e_number(&e, -(double)lambd));
    uint32_t above = ONNX_E(&e, GREATER, x, onnx_e_number(&e, (double)lambd));
    uint32_t upper = ONNX_E(&e, WHERE, above, ONNX_E(&e, SUB, x, b), onnx_e_number(&e, 0));
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, below, ONNX_E(&e, ADD, x, b), upper));
    return e.status;
}

/* ---- tests and signs ------------------------------------------------------------------------ */

/* 1 above 0, -1 below, else x itself: 0, or no number. */
infer_status onnx_convert_sign(struct onnx_node *n)
{
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    infer_type type = onnx_in_type(n, 0);
    uint32_t x = n->in[0];
    type = type ? type : INFER_F32;
    uint32_t zero = onnx_e_scalar(&e, type, 0), one = onnx_e_scalar(&e, type, 1), rest = x;
    if (type != INFER_U8 && type != INFER_U16 && type != INFER_U32 && type != INFER_U64)
        rest = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, x, zero), onnx_e_scalar(&e, type, -1), x);
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, ONNX_E(&e, GREATER, x, zero), one, rest));
    return e.status;
}

infer_status onnx_convert_is_nan(struct onnx_node *n)
{
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    onnx_e_out(&e, 0, ONNX_E(&e, NOT, ONNX_E(&e, EQUAL, n->in[0], n->in[0])));
    return e.status;
}

infer_status onnx_convert_is_inf(struct onnx_node *n)
{
    int64_t positive, negative;
    TRY(onnx_int(n, "detect_positive", 1, &positive));
    TRY(onnx_int(n, "detect_negative", 1, &negative));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0];
    if (positive && negative)
        x = ONNX_E(&e, ABS, x);
    if (positive || negative)
        x = ONNX_E(&e, EQUAL, x, onnx_e_number(&e, positive ? HUGE_VAL : -HUGE_VAL));
    else /* nothing is looked for */
        x = ONNX_E(
            &e, NOT,
            ONNX_E(&e, EQUAL, onnx_e_cast(&e, x, INFER_BOOL), onnx_e_cast(&e, x, INFER_BOOL)));
    onnx_e_out(&e, 0, x);
    return e.status;
}

/* Booleans that differ. */
infer_status onnx_convert_xor(struct onnx_node *n)
{
    TRY_NODE(n, onnx_takes(n, 2, 2));
    struct onnx_expr e = onnx_expr(n);
    onnx_e_out(&e, 0, ONNX_E(&e, NOT, ONNX_E(&e, EQUAL, n->in[0], n->in[1])));
    return e.status;
}

/* ---- hyperbolic functions -------------------------------------------------------------------- */

/* (e^x + e^-x) / 2, with the half in the exponents so that it ends where the result does. */
static uint32_t cosh_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t ln2 = onnx_e_number(e, M_LN2), minus = ONNX_E(e, NEG, x);
    return ONNX_E(e, ADD, ONNX_E(e, EXP, ONNX_E(e, SUB, x, ln2)),
                  ONNX_E(e, EXP, ONNX_E(e, SUB, minus, ln2)));
}

/* Near 0 the two exponentials cancel: there it is 2 t / (1 - t^2), t = Tanh(x / 2). */
static uint32_t sinh_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t ln2 = onnx_e_number(e, M_LN2), one = onnx_e_number(e, 1), minus = ONNX_E(e, NEG, x);
    uint32_t far = ONNX_E(e, SUB, ONNX_E(e, EXP, ONNX_E(e, SUB, x, ln2)),
                          ONNX_E(e, EXP, ONNX_E(e, SUB, minus, ln2)));
    uint32_t t = ONNX_E(e, TANH, ONNX_E(e, MUL, x, onnx_e_number(e, 0.5)));
    uint32_t near = ONNX_E(e, DIV, ONNX_E(e, ADD, t, t), ONNX_E(e, SUB, one, ONNX_E(e, MUL, t, t)));
    return ONNX_E(e, WHERE, ONNX_E(e, LESS, ONNX_E(e, ABS, x), one), near, far);
}

/* Log(1 + t) to the last digits of a small t: with u = 1 + t as rounded, Log(u) * t / (u - 1)
 * (Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1). An infinite t is its own. */
static uint32_t log1p_of(struct onnx_expr *e, uint32_t t)
{
    uint32_t one = onnx_e_number(e, 1), u = ONNX_E(e, ADD, t, one);
    uint32_t log = ONNX_E(e, LOG, u), ratio = ONNX_E(e, DIV, t, ONNX_E(e, SUB, u, one));
    uint32_t inside = ONNX_E(e, LESS, t, onnx_e_number(e, HUGE_VAL));
    uint32_t exact = ONNX_E(e, WHERE, inside, ONNX_E(e, MUL, log, ratio), log);
    return ONNX_E(e, WHERE, ONNX_E(e, EQUAL, u, one), t, exact);
}

/* Log(x + Sqrt(x^2 - 1)) = Log1p(x - 1 + Sqrt((x - 1) * (x + 1))) */
static uint32_t acosh_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t one = onnx_e_number(e, 1), less = ONNX_E(e, SUB, x, one);
    uint32_t root = ONNX_E(e, MUL, ONNX_E(e, SQRT, less), ONNX_E(e, SQRT, ONNX_E(e, ADD, x, one)));
    return log1p_of(e, ONNX_E(e, ADD, less, root));
}

/* Of a = |x|: Log1p(a + a * a / (1 + Sqrt(a^2 + 1))); beyond 1e18 the square is not needed any
 * more: Log(a) + Log(2). The sign is x's. */
static uint32_t asinh_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t one = onnx_e_number(e, 1), a = ONNX_E(e, ABS, x);
    uint32_t root = ONNX_E(e, SQRT, ONNX_E(e, ADD, ONNX_E(e, MUL, a, a), one));
    uint32_t part = ONNX_E(e, MUL, a, ONNX_E(e, DIV, a, ONNX_E(e, ADD, one, root)));
    uint32_t near = log1p_of(e, ONNX_E(e, ADD, a, part));
    uint32_t far = ONNX_E(e, ADD, ONNX_E(e, LOG, a), onnx_e_number(e, M_LN2));
    uint32_t y = ONNX_E(e, WHERE, ONNX_E(e, LESS, a, onnx_e_number(e, 1e18)), near, far);
    return ONNX_E(e, WHERE, ONNX_E(e, LESS, x, onnx_e_number(e, 0)), ONNX_E(e, NEG, y), y);
}

/* Log((1 + x) / (1 - x)) / 2 = Log1p(2 x / (1 - x)) / 2, of |x|; the sign is x's. */
static uint32_t atanh_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t a = ONNX_E(e, ABS, x), one = onnx_e_number(e, 1);
    uint32_t t = ONNX_E(e, DIV, ONNX_E(e, ADD, a, a), ONNX_E(e, SUB, one, a));
    uint32_t y = ONNX_E(e, MUL, log1p_of(e, t), onnx_e_number(e, 0.5));
    return ONNX_E(e, WHERE, ONNX_E(e, LESS, x, onnx_e_number(e, 0)), ONNX_E(e, NEG, y), y);
}

/* ---- circular functions ---------------------------------------------------------------------- */

static uint32_t tan_of(struct onnx_expr *e, uint32_t x)
{
    return ONNX_E(e, DIV, ONNX_E(e, SIN, x), ONNX_E(e, COS, x));
}

/* Atan(x / Sqrt((1 - x) * (1 + x))); at 1 the quotient is infinite, beyond it no number. */
static uint32_t asin_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t one = onnx_e_number(e, 1);
    uint32_t root = ONNX_E(e, MUL, ONNX_E(e, SUB, one, x), ONNX_E(e, ADD, one, x));
    return ONNX_E(e, ATAN, ONNX_E(e, DIV, x, ONNX_E(e, SQRT, root)));
}

/* 2 * Atan(Sqrt((1 - x) / (1 + x))) */
static uint32_t acos_of(struct onnx_expr *e, uint32_t x)
{
    uint32_t one = onnx_e_number(e, 1);
    uint32_t ratio = ONNX_E(e, DIV, ONNX_E(e, SUB, one, x), ONNX_E(e, ADD, one, x));
    return ONNX_E(e, MUL, ONNX_E(e, ATAN, ONNX_E(e, SQRT, ratio)), onnx_e_number(e, 2));
}

infer_status onnx_convert_function(struct onnx_node *n)
{
    static const struct {
        const char *name;
        uint32_t (*make)(struct onnx_expr *, uint32_t);
    } all[] = {{"Cosh", cosh_of},   {"Sinh", sinh_of},   {"Acosh", acosh_of},
               {"Asinh", asinh_of}, {"Atanh", atanh_of}, {"Tan", tan_of},
               {"Asin", asin_of},   {"Acos", acos_of},   {NULL, NULL}};
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    for (int i = 0; all[i].name; i++)
        if (!strcmp(all[i].name, n->op))
            onnx_e_out(&e, 0, all[i].make(&e, n->in[0]));
    return e.status;
}
