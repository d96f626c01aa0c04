/* Element-wise operators and matrices. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

/* Attributes of opset 1 to 6 that were hints to the memory planner, and those of training. */
static const char *const hints[] = {"consumed_inputs", NULL};

infer_status onnx_convert_plain(struct onnx_node *n)
{
    uint32_t *out = infer__region_calloc(&n->im->scratch, n->nout, sizeof *out);
    struct infer__node *node;
    if (!out)
        return infer__no_memory(n->im->err, n->nout * sizeof *out);
    const struct infer__op_info *info = infer__op_info(n->ir_op);
    if (n->nin < info->min_in || (info->max_in != 255 && n->nin > info->max_in) ||
        n->nout < info->min_out || (info->max_out != 255 && n->nout > info->max_out))
        return onnx_fail(n, NULL, "", "%u inputs and %u outputs are not possible here", n->nin,
                         n->nout);
    for (uint32_t i = 0; i < n->nout; i++)
        TRY(onnx_out(n, i, &out[i]));
    TRY(onnx_emit(n, n->ir_op, n->in, n->nin, out, n->nout, &node));
    onnx_ignore(n, hints);
    return onnx_copy_attrs(n, node);
}

/* ---- broadcasting before opset 7 ------------------------------------------------------------ */

/* Appends axes of size 1 to input i, so that its axis 0 stands at `axis` of a tensor of rank
 * `rank` (by NumPy's rule, which aligns last axes). */
static infer_status align(struct onnx_node *n, uint32_t i, int64_t axis, int rank, uint32_t *value)
{
    int own = onnx_rank(n, i);
    int64_t axes[INFER_MAX_RANK], extra;
    *value = n->in[i];
    if (axis < 0)
        axis += rank;
    extra = rank - axis - own;
    if (axis < 0 || extra < 0)
        return onnx_fail(n, "axis", "", "axis %lld does not fit the operands' ranks %d and %d",
                         (long long)axis, rank, own);
    if (extra == 0)
        return INFER_OK;
    for (int k = 0; k < extra; k++)
        axes[k] = own + k;
    uint32_t in[2] = {n->in[i], 0};
    TRY(onnx_const_ints(n, "axes", axes, (uint32_t)extra, &in[1]));
    return onnx_emit_temp(n, INFER__OP_UNSQUEEZE, "aligned", in, 2, value);
}

infer_status onnx_convert_binary_old(struct onnx_node *n)
{
    int64_t broadcast, axis;
    int has_axis = onnx_attr(n, "axis") != NULL;
    TRY(onnx_int(n, "broadcast", 0, &broadcast));
    TRY(onnx_int(n, "axis", 0, &axis));
    onnx_ignore(n, hints);
    if (n->nin != 2)
        return onnx_fail(n, NULL, "", "the operator takes two inputs");
    if (broadcast && has_axis) {
        if (onnx_rank(n, 0) < 0 || onnx_rank(n, 1) < 0)
            return onnx_fail(n, "axis", "export the model with opset 7 or higher",
                             "the operands' ranks are not known");
        TRY(align(n, 1, axis, onnx_rank(n, 0), &n->in[1]));
        if (n->failed)
            return INFER_OK;
    }
    return onnx_emit_last(n, n->ir_op, n->in, 2);
}

/* The slope has one element, or one per channel (axis 1). */
infer_status onnx_convert_prelu_old(struct onnx_node *n)
{
    const struct infer__value *slope = onnx_in(n, 1);
    onnx_ignore(n, hints);
    if (n->nin != 2)
        return onnx_fail(n, NULL, "", "the operator takes two inputs");
    int per_channel = !slope->shaped || infer__value_elements(slope) != 1;
    if (per_channel && onnx_rank(n, 1) == 1) {
        if (onnx_rank(n, 0) < 0)
            return onnx_fail(n, NULL, "export the model with opset 7 or higher",
                             "the rank of input 0 is not known");
        TRY(align(n, 1, onnx_rank(n, 0) > 1, onnx_rank(n, 0), &n->in[1]));
        if (n->failed)
            return INFER_OK;
    }
    return onnx_emit_last(n, n->ir_op, n->in, 2);
}

/* ---- composed of others --------------------------------------------------------------------- */

infer_status onnx_convert_mean(struct onnx_node *n)
{
    uint32_t in[2];
    if (!n->nin)
        return onnx_fail(n, NULL, "", "the operator takes one or more inputs");
    onnx_ignore(n, hints);
    TRY(onnx_emit_temp(n, INFER__OP_SUM, "sum", n->in, n->nin, &in[0]));
    TRY(onnx_const_scalar(n, "count", n->nin, n->in[0], &in[1]));
    return onnx_emit_last(n, INFER__OP_DIV, in, 2);
}

/* gamma * (x > 0 ? x : alpha * (exp(x) - 1)): Elu times gamma. The defaults are those of opset 6;
 * opset 1 had them rounded, which no exporter relied on. */
infer_status onnx_convert_selu(struct onnx_node *n)
{
    float alpha, gamma;
    uint32_t in[2];
    struct infer__node *node;
    onnx_ignore(n, hints);
    TRY(onnx_float(n, "alpha", n->opset < 6 ? 1.6732f : 1.67326319217681884765625f, &alpha));
    TRY(onnx_float(n, "gamma", n->opset < 6 ? 1.0507f : 1.05070102214813232421875f, &gamma));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    TRY(onnx_temp(n, "elu", &in[0]));
    TRY(onnx_emit(n, INFER__OP_ELU, n->in, 1, &in[0], 1, &node));
    TRY(infer__node_set_floats(n->im->g, node, INFER__ATTR_ALPHA, &alpha, 1, n->im->err));
    TRY(onnx_const_scalar(n, "gamma", (double)gamma, n->in[0], &in[1]));
    return onnx_emit_last(n, INFER__OP_MUL, in, 2);
}

/* x / (1 + |x|) */
infer_status onnx_convert_softsign(struct onnx_node *n)
{
    uint32_t in[2], div[2];
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    div[0] = n->in[0];
    TRY(onnx_emit_temp(n, INFER__OP_ABS, "abs", n->in, 1, &in[0]));
    TRY(onnx_const_scalar(n, "one", 1, n->in[0], &in[1]));
    TRY(onnx_emit_temp(n, INFER__OP_ADD, "sum", in, 2, &div[1]));
    return onnx_emit_last(n, INFER__OP_DIV, div, 2);
}

/* An experimental operator of old exporters: alpha * x + beta. */
infer_status onnx_convert_affine(struct onnx_node *n)
{
    float alpha, beta;
    uint32_t in[2];
    TRY(onnx_float(n, "alpha", 1.0f, &alpha));
    TRY(onnx_float(n, "beta", 0.0f, &beta));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    in[0] = n->in[0];
    TRY(onnx_const_scalar(n, "alpha", (double)alpha, n->in[0], &in[1]));
    TRY(onnx_emit_temp(n, INFER__OP_MUL, "scaled", in, 2, &in[0]));
    TRY(onnx_const_scalar(n, "beta", (double)beta, n->in[0], &in[1]));
    return onnx_emit_last(n, INFER__OP_ADD, in, 2);
}

/* Another one, of pictures (N, C, H, W): scale * x + bias[channel]. */
infer_status onnx_convert_image_scaler(struct onnx_node *n)
{
    float scale;
    const float *bias;
    uint32_t count, in[2];
    TRY(onnx_float(n, "scale", 1.0f, &scale));
    TRY(onnx_floats(n, "bias", &bias, &count));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    if (!bias)
        return onnx_fail(n, "bias", "", "the attribute is missing");
    int64_t dims[3] = {count, 1, 1};
    in[0] = n->in[0];
    TRY(onnx_const_scalar(n, "scale", (double)scale, n->in[0], &in[1]));
    TRY(onnx_emit_temp(n, INFER__OP_MUL, "scaled", in, 2, &in[0]));
    TRY(onnx_const_floats(n, "bias", bias, 3, dims, &in[1]));
    return onnx_emit_last(n, INFER__OP_ADD, in, 2);
}

/* ---- older forms ---------------------------------------------------------------------------- */

/* min and max as attributes; a bound that is not given is none. */
infer_status onnx_convert_clip_old(struct onnx_node *n)
{
    float lower, upper;
    int has_lower = onnx_attr(n, "min") != NULL, has_upper = onnx_attr(n, "max") != NULL;
    TRY(onnx_float(n, "min", 0, &lower));
    TRY(onnx_float(n, "max", 0, &upper));
    onnx_ignore(n, hints);
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    uint32_t in[3] = {n->in[0], 0, 0};
    if (has_lower)
        TRY(onnx_const_scalar(n, "min", (double)lower, n->in[0], &in[1]));
    if (has_upper)
        TRY(onnx_const_scalar(n, "max", (double)upper, n->in[0], &in[2]));
    return onnx_emit_last(n, n->ir_op, in, 3);
}

static int64_t type_number(const char *name)
{
    for (int64_t i = 1; i < 32; i++)
        if (!strcmp(onnx_type_text(i), name))
            return i;
    return 0;
}

/* How a value becomes one of a small type. */
struct small {
    int64_t to;         /* ONNX's number of the type */
    int64_t saturate;   /* 8-bit floats: the largest number instead of infinity or NaN */
    int64_t round_mode; /* FLOAT8E8M0: up, down, nearest */
};

/* Rounds to a small float, which stays f32; integers of 4 and 2 bits keep the low bits. */
static uint32_t small(struct onnx_expr *e, uint32_t x, const struct small *s)
{
    const int format = onnx_float_format(s->to), bits = onnx_integer_bits(s->to);
    const infer_type type = onnx_type(s->to);
    if (format >= 0) {
        int64_t mode = format == INFER__E8M0_UP ? format + s->round_mode : format;
        if (format != INFER__E2M1 && !s->saturate)
            mode += INFER__FLOAT_OVERFLOWS;
        x = ONNX_E(e, ROUND_FLOAT, onnx_e_cast(e, x, INFER_F32));
        onnx_e_int(e, INFER__ATTR_MODE, mode);
        return x;
    }
    const double top = type == INFER_S8 ? 1 << (bits - 1) : 0;
    uint32_t half = onnx_e_scalar(e, INFER_S32, top);
    uint32_t mask = onnx_e_scalar(e, INFER_S32, (1 << bits) - 1);
    x = onnx_e_cast(e, x, INFER_S32);
    x = ONNX_E(e, SUB, ONNX_E(e, BITWISE_AND, ONNX_E(e, ADD, x, half), mask), half);
    return onnx_e_cast(e, x, type);
}

/* A cast to half a float rounds, and then goes on as f32 like everything else. */
static infer_status emit_cast(struct onnx_node *n, const struct small *s)
{
    const infer_type type = onnx_type(s->to);
    struct onnx_expr e = onnx_expr(n);
    uint32_t y;
    if (onnx_float_format(s->to) >= 0 || onnx_integer_bits(s->to)) {
        y = small(&e, n->in[0], s);
    } else {
        y = onnx_e_cast(&e, n->in[0], type);
        if (type == INFER_F16 || type == INFER_BF16)
            y = onnx_e_cast(&e, y, INFER_F32);
    }
    onnx_e_out(&e, 0, y);
    return e.status;
}

static infer_status small_attributes(struct onnx_node *n, struct small *s)
{
    static const char *const modes[] = {"up", "down", "nearest", NULL};
    TRY(onnx_int(n, "saturate", 1, &s->saturate));
    return onnx_word(n, "round_mode", modes, 0, &s->round_mode);
}

infer_status onnx_convert_cast(struct onnx_node *n)
{
    struct small s = {0};
    const char *name = NULL;
    TRY(small_attributes(n, &s));
    if (n->opset < 6)
        TRY(onnx_string(n, "to", NULL, &name));
    else
        TRY(onnx_int(n, "to", 0, &s.to));
    if (n->nin != 1 || n->failed)
        return n->failed ? INFER_OK : onnx_fail(n, NULL, "", "the operator takes one input");
    if (name)
        s.to = type_number(name);
    if (onnx_type(s.to) == INFER_TYPE_NONE)
        return onnx_fail(n, "to", "", "type %lld (%s) is not supported", (long long)s.to,
                         name ? name : onnx_type_text(s.to));
    return emit_cast(n, &s);
}

/* To the type of input 1; that it is half a float, or a smaller type, only the file says. */
infer_status onnx_convert_cast_like(struct onnx_node *n)
{
    struct small s = {0};
    TRY(small_attributes(n, &s));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    infer_type type = onnx_in_type(n, 1);
    s.to = onnx_stated(n, 1);
    if (onnx_type(s.to) == INFER_TYPE_NONE ||
        (type != INFER_TYPE_NONE && onnx_widened(onnx_type(s.to)) != type))
        s.to = onnx_number(type);
    if (!s.to)
        return onnx_fail(n, NULL, "run ONNX's shape inference on the model",
                         "the type of input 1 is not known");
    return emit_cast(n, &s);
}

/* Before opset 7, an attribute had to allow broadcasting of C; NumPy's rule includes it. */
infer_status onnx_convert_gemm(struct onnx_node *n)
{
    static const char *const old[] = {"broadcast", NULL};
    if (n->opset < 7)
        onnx_ignore(n, old);
    return onnx_convert_plain(n);
}

/* Since opset 28 floats may have the divisor's sign too, as integers always did; the IR's form of
 * floats is C's fmod, which has the dividend's. */
infer_status onnx_convert_mod(struct onnx_node *n)
{
    int64_t fmod;
    TRY(onnx_int(n, "fmod", 0, &fmod));
    infer_type type = onnx_in_type(n, 0);
    if (n->nin != 2 || fmod || (type != INFER_F32 && type != INFER_F64)) {
        n->used = 0;
        return onnx_convert_plain(n);
    }
    struct onnx_expr e = onnx_expr(n);
    uint32_t zero = onnx_e_number(&e, 0);
    uint32_t r = ONNX_E(&e, MOD, n->in[0], n->in[1]);
    onnx_e_int(&e, INFER__ATTR_FMOD, 1);
    uint32_t below = ONNX_E(&e, LESS, r, zero), above = ONNX_E(&e, GREATER, r, zero);
    uint32_t down = ONNX_E(&e, LESS, n->in[1], zero), up = ONNX_E(&e, GREATER, n->in[1], zero);
    uint32_t differ = ONNX_E(&e, OR, ONNX_E(&e, AND, below, up), ONNX_E(&e, AND, above, down));
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, differ, ONNX_E(&e, ADD, r, n->in[1]), r));
    return e.status;
}
