/* Operators of two or more operands with broadcasting. All work in place, as long as an operand
 * that shares the output's memory has the output's shape. */
#include <math.h>

#include "kernels/binary/binary.h"
#include "kernels/convert.h"
#include "kernels/quant.h"

static int is_half(unsigned type)
{
    return type == INFER_F16 || type == INFER_BF16;
}

static int is_compare(unsigned op)
{
    return op >= INFER__OP_EQUAL && op <= INFER__OP_GREATER_OR_EQUAL;
}

/* Greater is Less with its operands changed: the operator to look up, and whether to change. */
static unsigned without_greater(unsigned op, int *swap)
{
    *swap = op == INFER__OP_GREATER || op == INFER__OP_GREATER_OR_EQUAL;
    if (op == INFER__OP_GREATER)
        return INFER__OP_LESS;
    return op == INFER__OP_GREATER_OR_EQUAL ? INFER__OP_LESS_OR_EQUAL : op;
}

static int is_binary(unsigned op)
{
    return (op >= INFER__OP_PRELU && op <= INFER__OP_OR) ||
           (op >= INFER__OP_BITWISE_AND && op <= INFER__OP_BITWISE_XOR);
}

static double op_ns(unsigned op)
{
    return op == INFER__OP_POW ? 10 : op == INFER__OP_DIV ? 0.5 : 0.15;
}

/* ---- two f32 operands, read where they stand ------------------------------------------------ */

INFER__APART static double estimate_f32(const struct infer__task *t)
{
    if (t->nin != 2 || t->in[0].type != INFER_F32 || t->in[1].type != INFER_F32 ||
        t->out[0].type != INFER_F32 || t->epi.residual || !infer__binary_row_find(t->op, INFER_F32))
        return -1;
    double each = op_ns(t->op) + (t->epi.act ? infer__activate_ns(t->epi.act) : 0);
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

/* An operand that stands still along a row is spread over a block first. */
static const float *spread(const float *x, float buffer[INFER__BLOCK], int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        buffer[i] = *x;
    return buffer;
}

static void row_f32(const struct infer__task *t, infer__binary_row *row, const float *const x[2],
                    const int64_t stride[2], float *y, int64_t count)
{
    float buffer[2][INFER__BLOCK];
    const float *at[2] = {x[0], x[1]};
    int64_t block = count < INFER__BLOCK ? count : INFER__BLOCK;
    for (int k = 0; k < 2; k++)
        if (stride[k] == 0)
            at[k] = spread(x[k], buffer[k], block);
    for (int64_t i = 0; i < count; i += block) {
        int64_t n = count - i < block ? count - i : block;
        row(at[0], at[1], y + i, n);
        infer__epilogue_apply(&t->epi, y + i, NULL, n);
        at[0] += stride[0] ? n : 0;
        at[1] += stride[1] ? n : 0;
    }
}

static void run_f32(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    infer__binary_row *row = infer__binary_row_find(t->op, INFER_F32);
    struct infer__nd w;
    struct infer__nd_at at;
    int64_t i, last;
    infer__elements_range(t, begin, end, &i, &last);
    if (i >= last)
        return;
    infer__nd_init(&w, &t->out[0]);
    infer__nd_broadcast(&w, &t->in[0]);
    infer__nd_broadcast(&w, &t->in[1]);
    infer__nd_merge(&w);
    int64_t length = w.dims[w.axes - 1];
    const int64_t stride[2] = {w.stride[0][w.axes - 1], w.stride[1][w.axes - 1]};
    infer__nd_seek(&w, i / length, &at);
    for (int64_t inside = i % length; i < last; inside = 0) {
        int64_t n = length - inside < last - i ? length - inside : last - i;
        const float *x[2] = {(const float *)b->in[0] + at.offset[0] + inside * stride[0],
                             (const float *)b->in[1] + at.offset[1] + inside * stride[1]};
        row_f32(t, row, x, stride, (float *)b->out[0] + i, n);
        i += n;
        infer__nd_next(&w, &at);
    }
}

const struct infer__kernel infer__binary_f32_c = {.name = "binary_f32_c",
                                                  .isa = INFER_ISA_C,
                                                  .estimate = estimate_f32,
                                                  .prepare = infer__elements_prepare,
                                                  .run = run_f32};

/* ---- any number of operands of any type, brought together in blocks -------------------------- */

union block {
    float f32[INFER__BLOCK];
    double f64[INFER__BLOCK];
};

/* Elements of an operand from output element `i` on; halves as f32. */
static const void *operand_block(const struct infer__task *t, const struct infer__buffers *b,
                                 uint32_t k, int64_t i, int64_t n, union block *buffer)
{
    const void *x = infer__broadcast_block(&t->out[0], &t->in[k], b->in[k], i, n, buffer);
    if (!is_half(t->in[k].type))
        return x;
    uint16_t half[INFER__BLOCK];
    const uint16_t *from = x;
    for (int64_t j = 0; j < n; j++)
        half[j] = from[j];
    for (int64_t j = 0; j < n; j++)
        buffer->f32[j] =
            t->in[k].type == INFER_F16 ? infer__f16_to_f32(half[j]) : infer__bf16_to_f32(half[j]);
    return buffer->f32;
}

INFER__APART static double estimate_any(const struct infer__task *t)
{
    int swap;
    unsigned op = without_greater(t->op, &swap), type = t->in[0].type;
    unsigned result = is_compare(t->op) ? INFER_BOOL : type;
    if (!is_binary(t->op) || t->nin < 1 || !infer__no_epilogue(t) || infer__any_quant(t) ||
        t->out[0].type != result || !infer__binary_row_find(op, is_half(type) ? INFER_F32 : type))
        return -1;
    int variadic = op == INFER__OP_MIN || op == INFER__OP_MAX || op == INFER__OP_SUM;
    if (!variadic && t->nin != 2)
        return -1;
    for (uint32_t k = 1; k < t->nin; k++)
        if (t->in[k].type != type)
            return -1;
    double each = (op_ns(op) + 0.5 + (is_half(type) ? 4 : 0)) * (double)t->nin;
    return infer__bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

/* Gathers operands block by block and folds them from the first to the last, so that the output
 * is written only when all operands of its block have been read. */
static void run_any(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    int swap;
    unsigned op = without_greater(t->op, &swap), type = t->in[0].type;
    infer__binary_row *row = infer__binary_row_find(op, is_half(type) ? INFER_F32 : type);
    size_t size = infer__operand_size(&t->out[0]);
    union block buffer[2], sum;
    union infer__wide_block wide;
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        void *y = (char *)b->out[0] + (size_t)i * size;
        const void *a = operand_block(t, b, 0, i, n, &buffer[0]);
        for (uint32_t k = 1; k < t->nin; k++) {
            const void *x = operand_block(t, b, k, i, n, &buffer[1]);
            void *to = k + 1 < t->nin || is_half(type) ? &sum : y;
            row(swap ? x : a, swap ? a : x, to, n);
            a = to;
        }
        if (is_half(type) && !is_compare(op)) {
            infer__wide_load(INFER_F32, a, n, &wide);
            infer__wide_store(INFER__WIDE_FLOAT, &wide, type, n, y);
        } else if (a != y) { /* one operand, or bytes that a comparison of halves left in sum */
            const uint8_t *from = a;
            for (size_t j = 0; j < (size_t)n * size; j++)
                ((uint8_t *)y)[j] = from[j];
        }
    }
}

const struct infer__kernel infer__binary_any_c = {.name = "binary_any_c",
                                                  .isa = INFER_ISA_C,
                                                  .estimate = estimate_any,
                                                  .prepare = infer__elements_prepare,
                                                  .run = run_any};

/* ---- Pow of mixed types --------------------------------------------------------------------- */

INFER__APART static double estimate_pow(const struct infer__task *t)
{
    if (t->op != INFER__OP_POW || t->nin != 2 || !infer__no_epilogue(t) ||
        t->out[0].type != t->in[0].type || t->in[0].type == INFER_BOOL ||
        t->in[1].type == INFER_BOOL)
        return -1;
    return infer__bytes_ns(t) + 40 * (double)infer__operand_elements(&t->out[0]);
}

/* An integer's power wraps like a product. To a negative exponent only 1 and -1 have one that is
 * an integer; 0 gives 0, as dividing by it does. */
static uint64_t power(uint64_t x, uint64_t e, int negative)
{
    uint64_t y = 1;
    if (negative)
        return x == 1 ? 1 : x == UINT64_MAX ? (e & 1 ? x : 1) : 0;
    for (; e; e >>= 1, x *= x)
        if (e & 1)
            y *= x;
    return y;
}

/* The base's type is the result's. Integers to integers are exact modulo 2^bits; all else is pow()
 * in double, stored as Cast does. */
static void run_pow(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                    uint32_t end)
{
    unsigned type = t->in[0].type, exponent = t->in[1].type;
    enum infer__wide wide = infer__wide_of(type), ewide = infer__wide_of(exponent);
    size_t size = infer__operand_size(&t->out[0]);
    union infer__wide_block buffer, x, e;
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        infer__wide_load(
            type, infer__broadcast_block(&t->out[0], &t->in[0], b->in[0], i, n, &buffer), n, &x);
        infer__wide_load(exponent,
                         infer__broadcast_block(&t->out[0], &t->in[1], b->in[1], i, n, &buffer), n,
                         &e);
        void *y = (char *)b->out[0] + (size_t)i * size;
        if (wide != INFER__WIDE_FLOAT && ewide != INFER__WIDE_FLOAT) {
            for (int64_t j = 0; j < n; j++)
                x.u[j] = power(x.u[j], e.u[j], ewide == INFER__WIDE_SIGNED && e.s[j] < 0);
            infer__wide_store(wide, &x, type, n, y);
            continue;
        }
        infer__wide_to_float(wide, &x, n);
        infer__wide_to_float(ewide, &e, n);
        for (int64_t j = 0; j < n; j++)
            x.f[j] = pow(x.f[j], e.f[j]);
        infer__wide_store(INFER__WIDE_FLOAT, &x, type, n, y);
    }
}

const struct infer__kernel infer__pow_any_c = {.name = "pow_any_c",
                                               .isa = INFER_ISA_C,
                                               .estimate = estimate_pow,
                                               .prepare = infer__elements_prepare,
                                               .run = run_pow};

/* ---- Where ---------------------------------------------------------------------------------- */

INFER__APART static double estimate_where(const struct infer__task *t)
{
    if (t->op != INFER__OP_WHERE || t->in[0].type != INFER_BOOL || t->in[1].type != t->in[2].type ||
        t->out[0].type != t->in[1].type || !infer__no_epilogue(t) || infer__any_quant(t))
        return -1;
    return infer__bytes_ns(t) + 1.5 * (double)infer__operand_elements(&t->out[0]);
}

#define SELECT(type)                                                                               \
    static void select_##type(const uint8_t *c, const type *x, const type *z, type *y, int64_t n)  \
    {                                                                                              \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] = c[i] ? x[i] : z[i];                                                             \
    }
SELECT(infer__e1)
SELECT(infer__e2)
SELECT(infer__e4)
SELECT(infer__e8)

static void run_where(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    size_t size = infer__operand_size(&t->out[0]);
    uint64_t buffer[2][INFER__BLOCK];
    uint8_t flags[INFER__BLOCK];
    const struct infer__operand *out = &t->out[0];
    int64_t i, last;
    for (infer__elements_range(t, begin, end, &i, &last); i < last; i += INFER__BLOCK) {
        int64_t n = last - i < INFER__BLOCK ? last - i : INFER__BLOCK;
        const uint8_t *c = infer__broadcast_block(out, &t->in[0], b->in[0], i, n, flags);
        const void *x = infer__broadcast_block(out, &t->in[1], b->in[1], i, n, buffer[0]);
        const void *z = infer__broadcast_block(out, &t->in[2], b->in[2], i, n, buffer[1]);
        char *y = (char *)b->out[0] + (size_t)i * size;
        if (size == 1)
            select_infer__e1(c, x, z, (void *)y, n);
        else if (size == 2)
            select_infer__e2(c, x, z, (void *)y, n);
        else if (size == 4)
            select_infer__e4(c, x, z, (void *)y, n);
        else
            select_infer__e8(c, x, z, (void *)y, n);
    }
}

const struct infer__kernel infer__where_c = {.name = "where_c",
                                             .isa = INFER_ISA_C,
                                             .estimate = estimate_where,
                                             .prepare = infer__elements_prepare,
                                             .run = run_where};
