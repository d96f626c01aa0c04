/* Operators on the bits of integers. */
#include "tools/onnx/onnx_internal.h"

/* The type of input 0, which must be an integer's; fails the node where it is not. */
static infer_status integer_type(struct onnx_node *n, infer_type *type)
{
    *type = onnx_in_type(n, 0);
    if (*type == INFER_TYPE_NONE || *type == INFER_F32 || *type == INFER_F64 || *type == INFER_BOOL)
        return onnx_fail(n, NULL, "", "the input must be known to be of integers");
    return INFER_OK;
}

/* Times a power of 2, or divided by it: where all bits leave, the power is 0, and so are a product
 * and a quotient by it. A negative number to the right is the complement of its complement, so that
 * it is rounded down. */
infer_status onnx_convert_bit_shift(struct onnx_node *n)
{
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    int64_t right;
    infer_type type;
    TRY(onnx_word(n, "direction", directions, 0, &right));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    TRY_NODE(n, integer_type(n, &type));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], shift = onnx_e_cast(&e, n->in[1], INFER_S64);
    uint32_t power = ONNX_E(&e, POW, onnx_e_scalar(&e, INFER_S64, 2), shift);
    power = onnx_e_cast(&e, power, type); /* the low bits */
    uint32_t y = right ? ONNX_E(&e, DIV, x, power) : ONNX_E(&e, MUL, x, power);
    if (right &&
        (type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64)) {
        uint32_t ones = onnx_e_scalar(&e, type, -1), zero = onnx_e_scalar(&e, type, 0);
        uint32_t down = ONNX_E(&e, DIV, ONNX_E(&e, BITWISE_XOR, x, ones), power);
        y = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, x, zero), ONNX_E(&e, BITWISE_XOR, down, ones), y);
    }
    onnx_e_out(&e, 0, y);
    return e.status;
}

infer_status onnx_convert_bitwise_not(struct onnx_node *n)
{
    infer_type type;
    TRY_NODE(n, onnx_takes(n, 1, 1));
    TRY_NODE(n, integer_type(n, &type));
    struct onnx_expr e = onnx_expr(n);
    onnx_e_out(&e, 0, ONNX_E(&e, BITWISE_XOR, n->in[0], onnx_e_scalar(&e, type, -1)));
    return e.status;
}

/* Half floats are f32 in here: their bits are those of the narrower type. */
infer_status onnx_convert_bit_cast(struct onnx_node *n)
{
    int64_t to;
    TRY(onnx_int(n, "to", 0, &to));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    infer_type type = onnx_type(to), from = onnx_type(onnx_stated(n, 0));
    if (type == INFER_TYPE_NONE || onnx_float_format(to) >= 0 || onnx_integer_bits(to))
        return onnx_fail(n, "to", "", "type %s is not supported", onnx_type_text(to));
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0];
    if (from == INFER_F16 || from == INFER_BF16)
        x = onnx_e_cast(&e, x, from);
    uint32_t y = ONNX_E(&e, BIT_CAST, x);
    onnx_e_int(&e, INFER__ATTR_TO, type);
    if (onnx_widened(type) != type)
        y = onnx_e_cast(&e, y, onnx_widened(type));
    onnx_e_out(&e, 0, y);
    return e.status;
}
