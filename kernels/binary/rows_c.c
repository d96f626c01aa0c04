/* The definition of every binary operator.
 *
 * Integers wrap. x / 0 is 0, and the smallest number / -1 is itself. Min and Max give NaN if
 * either operand is NaN; of -0 and +0 they give the second one. Comparing with NaN is false.
 */
#include <math.h>

#include "kernels/binary/binary.h"

#define ROW(name, type, result, expression)                                                        \
    static void name(const void *pa, const void *pb, void *py, int64_t count)                      \
    {                                                                                              \
        const type *a = pa, *b = pb;                                                               \
        result *y = py;                                                                            \
        INFER__INDEPENDENT                                                                         \
        for (int64_t i = 0; i < count; i++)                                                        \
            y[i] = (result)(expression);                                                           \
    }
#define ROW_SCALAR(name, type, result, expression) /* calls or divides: no vector form */          \
    static void name(const void *pa, const void *pb, void *py, int64_t count)                      \
    {                                                                                              \
        const type *a = pa, *b = pb;                                                               \
        result *y = py;                                                                            \
        for (int64_t i = 0; i < count; i++)                                                        \
            y[i] = (result)(expression);                                                           \
    }

static inline int64_t divide_signed(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static inline uint64_t divide_unsigned(uint64_t a, uint64_t b)
{
    return b ? a / b : 0;
}

#define ORDER(s, T)                                                                                \
    ROW(min_##s, T, T, a[i] < b[i] || a[i] != a[i] ? a[i] : b[i])                                  \
    ROW(max_##s, T, T, a[i] > b[i] || a[i] != a[i] ? a[i] : b[i])                                  \
    ROW_SCALAR(equal_##s, T, uint8_t, a[i] == b[i])                                                \
    ROW_SCALAR(less_##s, T, uint8_t, a[i] < b[i])                                                  \
    ROW_SCALAR(less_or_equal_##s, T, uint8_t, a[i] <= b[i])
#define FLOATS(s, T)                                                                               \
    ROW(add_##s, T, T, a[i] + b[i])                                                                \
    ROW(sub_##s, T, T, a[i] - b[i])                                                                \
    ROW(mul_##s, T, T, a[i] * b[i])                                                                \
    ROW(div_##s, T, T, a[i] / b[i])                                                                \
    ROW(prelu_##s, T, T, a[i] < 0 ? a[i] * b[i] : a[i])                                            \
    ORDER(s, T)
#define INTEGERS(s, T, wide, divide)                                                               \
    ROW(add_##s, T, T, (uint64_t)a[i] + (uint64_t)b[i])                                            \
    ROW(sub_##s, T, T, (uint64_t)a[i] - (uint64_t)b[i])                                            \
    ROW(mul_##s, T, T, (uint64_t)a[i] * (uint64_t)b[i])                                            \
    ROW_SCALAR(div_##s, T, T, divide((wide)a[i], (wide)b[i]))                                      \
    ROW(prelu_##s, T, T, a[i] > 0 ? (uint64_t)a[i] : (uint64_t)a[i] * (uint64_t)b[i])              \
    ROW(and_##s, T, T, (uint64_t)a[i] & (uint64_t)b[i])                                            \
    ROW(or_##s, T, T, (uint64_t)a[i] | (uint64_t)b[i])                                             \
    ROW(xor_##s, T, T, (uint64_t)a[i] ^ (uint64_t)b[i])                                            \
    ORDER(s, T)

FLOATS(f32, float)
FLOATS(f64, double)
INTEGERS(s8, int8_t, int64_t, divide_signed)
INTEGERS(u8, uint8_t, uint64_t, divide_unsigned)
INTEGERS(s16, int16_t, int64_t, divide_signed)
INTEGERS(u16, uint16_t, uint64_t, divide_unsigned)
INTEGERS(s32, int32_t, int64_t, divide_signed)
INTEGERS(u32, uint32_t, uint64_t, divide_unsigned)
INTEGERS(s64, int64_t, int64_t, divide_signed)
INTEGERS(u64, uint64_t, uint64_t, divide_unsigned)

/* Squares are by far the most frequent power, and exact this way. */
ROW_SCALAR(pow_f32, float, float, b[i] == 2 ? a[i] * a[i] : powf(a[i], b[i]))
ROW_SCALAR(pow_f64, double, double, b[i] == 2 ? a[i] * a[i] : pow(a[i], b[i]))
ROW_SCALAR(equal_bool, uint8_t, uint8_t, !a[i] == !b[i])
ROW_SCALAR(and_bool, uint8_t, uint8_t, a[i] && b[i])
ROW_SCALAR(or_bool, uint8_t, uint8_t, a[i] || b[i])

/* Columns: ADD .. BITWISE_XOR as in `column`. */
enum { COLUMNS = 13 };
#define FLOAT_TYPE(s)                                                                              \
    {                                                                                              \
        add_##s, sub_##s, mul_##s, div_##s, prelu_##s, min_##s, max_##s, equal_##s, less_##s,      \
            less_or_equal_##s                                                                      \
    }
#define TYPE(s)                                                                                    \
    {                                                                                              \
        add_##s, sub_##s, mul_##s, div_##s, prelu_##s, min_##s, max_##s, equal_##s, less_##s,      \
            less_or_equal_##s, and_##s, or_##s, xor_##s                                            \
    }

static infer__binary_row *const rows[][COLUMNS] = {
    [INFER_F32] = FLOAT_TYPE(f32),
    [INFER_F64] = FLOAT_TYPE(f64),
    [INFER_S8] = TYPE(s8),
    [INFER_U8] = TYPE(u8),
    [INFER_S16] = TYPE(s16),
    [INFER_U16] = TYPE(u16),
    [INFER_S32] = TYPE(s32),
    [INFER_U32] = TYPE(u32),
    [INFER_S64] = TYPE(s64),
    [INFER_U64] = TYPE(u64),
    [INFER_BOOL] = {0},
};

static int column(unsigned op)
{
    switch (op) {
    case INFER__OP_ADD:
    case INFER__OP_SUM:
        return 0;
    case INFER__OP_SUB:
        return 1;
    case INFER__OP_MUL:
        return 2;
    case INFER__OP_DIV:
        return 3;
    case INFER__OP_PRELU:
        return 4;
    case INFER__OP_MIN:
        return 5;
    case INFER__OP_MAX:
        return 6;
    case INFER__OP_EQUAL:
        return 7;
    case INFER__OP_LESS:
        return 8;
    case INFER__OP_LESS_OR_EQUAL:
        return 9;
    case INFER__OP_BITWISE_AND:
        return 10;
    case INFER__OP_BITWISE_OR:
        return 11;
    case INFER__OP_BITWISE_XOR:
        return 12;
    default:
        return -1;
    }
}

infer__binary_row *infer__binary_row_find(unsigned op, unsigned type)
{
    if (type == INFER_BOOL)
        return op == INFER__OP_AND     ? and_bool
               : op == INFER__OP_OR    ? or_bool
               : op == INFER__OP_EQUAL ? equal_bool
                                       : NULL;
    if (op == INFER__OP_POW)
        return type == INFER_F32 ? pow_f32 : type == INFER_F64 ? pow_f64 : NULL;
    int c = column(op);
    return c < 0 || type >= sizeof rows / sizeof *rows ? NULL : rows[type][c];
}
