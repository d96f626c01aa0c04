/* Operators of sequence models that carry a state from call to call. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

/* A depthwise convolution over time, which sees the last steps of the call before: they are joined
 * in front, and the last ones of this call go out. */
infer_status onnx_convert_causal_conv(struct onnx_node *n)
{
    static const char *const words[] = {"none", "silu", "swish", NULL};
    int64_t activation;
    TRY(onnx_word(n, "activation", words, 0, &activation));
    TRY_NODE(n, onnx_takes(n, 2, 4));
    const struct infer__value *w = onnx_in(n, 1);
    if (!w->shaped || w->rank != 3 || w->dims[2] < 1)
        return onnx_fail(n, NULL, "", "the weights' shape is not known, or not one of 3 axes");
    const int64_t before = w->dims[2] - 1;
    struct onnx_expr e = onnx_expr(n);
    uint32_t bias = n->nin > 2 ? n->in[2] : 0, x = n->in[0], y;
    if (n->nin > 3 && n->in[3]) {
        x = ONNX_E(&e, CONCAT, n->in[3], x);
        onnx_e_int(&e, INFER__ATTR_AXIS, 2);
    } else if (before) {
        x = ONNX_E(&e, PAD, x, ONNX_LIST(&e, 0, 0, before, 0, 0, 0));
    }
    y = ONNX_E(&e, CONV, x, n->in[1], bias);
    onnx_e_int(&e, INFER__ATTR_GROUP, w->dims[0]);
    if (activation)
        y = ONNX_E(&e, MUL, y, ONNX_E(&e, SIGMOID, y));
    onnx_e_out(&e, 0, y);
    if (n->nout > 1) {
        uint32_t from = ONNX_LIST(&e, before ? -before : INT64_MAX);
        onnx_e_out(&e, 1, ONNX_E(&e, SLICE, x, from, ONNX_LIST(&e, INT64_MAX), ONNX_LIST(&e, 2)));
    }
    return e.status;
}

/* Heads stay side by side as they are in ONNX. A scale of 0 is 1 / sqrt of a key's size. */
infer_status onnx_convert_linear_attention(struct onnx_node *n)
{
    static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", NULL};
    static const char *const hints[] = {"chunk_size", NULL};
    int64_t rule;
    float scale;
    uint32_t out[2];
    struct infer__node *node;
    TRY(onnx_word(n, "update_rule", rules, INFER__GATED_DELTA, &rule));
    TRY(onnx_float(n, "scale", 0.0f, &scale));
    onnx_ignore(n, hints);
    TRY_NODE(n, onnx_takes(n, 3, 6));
    for (uint32_t i = 0; i < 2; i++)
        TRY(onnx_out(n, i, &out[i]));
    TRY(onnx_emit(n, n->ir_op, n->in, n->nin, out, 2, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, rule));
    TRY(infer__node_set_floats(n->im->g, node, INFER__ATTR_ALPHA, &scale, 1, n->im->err));
    return onnx_copy_attrs(n, node);
}
