/* Constants, and operators that move data: what were attributes become constant inputs. */
#include "tools/onnx/onnx_internal.h"

#include "graph/params.h"

#include <string.h>

/* ---- constants ------------------------------------------------------------------------------ */

/* The value of a Constant node gets the node's output name and no node of the IR. */
static infer_status bind_const(struct onnx_node *n, uint32_t value)
{
    uint32_t at = onnx_names_find(&n->im->names, n->proto->output[0]);
    if (at != ONNX_MISSING)
        n->im->names.items[at].value = value;
    return INFER_OK;
}

static infer_status constant_tensor(struct onnx_node *n, const Onnx__TensorProto *t,
                                    const char *name, uint32_t *value)
{
    infer_error err;
    *value = 0;
    infer__error_clear(&err);
    infer_status status;
    if (t)
        status = onnx_const_tensor(n->im, name, t, value, &err);
    else
        status = infer__fail(&err, INFER_ERROR_FORMAT, "the attribute has no tensor");
    if (status == INFER_OK)
        return INFER_OK;
    *value = 0;
    if (status == INFER_ERROR_NO_MEMORY) {
        *n->im->err = err;
        return status;
    }
    return onnx_fail(n, "value", "", "%s", err.message);
}

infer_status onnx_convert_constant(struct onnx_node *n)
{
    const Onnx__AttributeProto *a;
    const int64_t *ints;
    const float *floats;
    uint32_t value = 0, count;
    if (n->nin || n->nout != 1)
        return onnx_fail(n, NULL, "", "the operator has no input and one output");
    const char *name = n->proto->output[0];
    struct infer__graph *g = n->im->g;
    if ((a = onnx_attr(n, "value"))) {
        TRY(constant_tensor(n, a->t, name, &value));
    } else if ((a = onnx_attr(n, "value_float"))) {
        TRY(infer__graph_add_const(g, name, INFER_F32, 0, NULL, &a->f, 1, &value, n->im->err));
    } else if ((a = onnx_attr(n, "value_int"))) {
        TRY(infer__graph_add_const(g, name, INFER_S64, 0, NULL, &a->i, 1, &value, n->im->err));
    } else if (onnx_attr(n, "value_floats")) {
        TRY(onnx_floats(n, "value_floats", &floats, &count));
        if (floats)
            TRY(infer__graph_add_const(g, name, INFER_F32, 1, (int64_t[]){count}, floats, 1, &value,
                                       n->im->err));
    } else if (onnx_attr(n, "value_ints")) {
        TRY(onnx_ints(n, "value_ints", &ints, &count));
        if (ints)
            TRY(infer__graph_add_const(g, name, INFER_S64, 1, (int64_t[]){count}, ints, 1, &value,
                                       n->im->err));
    } else {
        n->used = UINT64_MAX; /* one report is enough */
        return onnx_fail(n, NULL, "", "strings and sparse tensors are not supported");
    }
    return value ? bind_const(n, value) : INFER_OK;
}

infer_status onnx_convert_constant_of_shape(struct onnx_node *n)
{
    const Onnx__AttributeProto *a = onnx_attr(n, "value");
    const int64_t one = 1;
    const float zero = 0;
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    uint32_t in[2] = {n->in[0], 0};
    if (!a)
        TRY(onnx_const_floats(n, "value", &zero, 1, &one, &in[1]));
    else
        TRY(constant_tensor(n, a->t, "", &in[1]));
    if (n->failed)
        return INFER_OK;
    if (infer__value_elements(&n->im->g->values[in[1]]) != 1)
        return onnx_fail(n, "value", "", "the value must have one element");
    return onnx_emit_last(n, n->ir_op, in, 2);
}

/* ---- padding and slicing -------------------------------------------------------------------- */

static const char *const pad_modes[] = {"constant", "reflect", "edge", "wrap", NULL};

static infer_status emit_pad(struct onnx_node *n, const uint32_t *in, uint32_t nin)
{
    int64_t mode;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "mode", pad_modes, INFER__PAD_CONSTANT, &mode));
    if (n->failed)
        return INFER_OK;
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, INFER__OP_PAD, in, nin, &out, 1, &node));
    return onnx_set_int(n, node, INFER__ATTR_MODE, mode);
}

/* Opset 1 called the attribute `paddings`. */
infer_status onnx_convert_pad_old(struct onnx_node *n)
{
    const int64_t *pads;
    uint32_t count;
    float value;
    TRY(onnx_ints(n, n->opset < 2 ? "paddings" : "pads", &pads, &count));
    TRY(onnx_float(n, "value", 0.0f, &value));
    if (n->nin != 1 || !pads)
        return onnx_fail(n, "pads", "", "one input and the attribute are needed");
    uint32_t in[3] = {n->in[0], 0, 0};
    TRY(onnx_const_ints(n, "pads", pads, count, &in[1]));
    TRY(onnx_const_scalar(n, "value", (double)value, n->in[0], &in[2]));
    return emit_pad(n, in, 3);
}

infer_status onnx_convert_pad(struct onnx_node *n)
{
    if (n->nin < 2 || n->nin > 4)
        return onnx_fail(n, NULL, "", "the operator takes two to four inputs");
    return emit_pad(n, n->in, n->nin);
}

infer_status onnx_convert_slice_old(struct onnx_node *n)
{
    const int64_t *starts, *ends, *axes;
    uint32_t nstarts, nends, naxes;
    TRY(onnx_ints(n, "starts", &starts, &nstarts));
    TRY(onnx_ints(n, "ends", &ends, &nends));
    TRY(onnx_ints(n, "axes", &axes, &naxes));
    if (n->nin != 1 || !starts || !ends || nstarts != nends || (axes && naxes != nstarts))
        return onnx_fail(n, NULL, "", "one input and starts, ends and axes of one length");
    uint32_t in[4] = {n->in[0], 0, 0, 0};
    TRY(onnx_const_ints(n, "starts", starts, nstarts, &in[1]));
    TRY(onnx_const_ints(n, "ends", ends, nends, &in[2]));
    if (axes)
        TRY(onnx_const_ints(n, "axes", axes, naxes, &in[3]));
    return onnx_emit_last(n, n->ir_op, in, 4);
}

/* An experimental operator of old exporters, of pictures: border is left, top, right, bottom;
 * with `scale` (height, width) the size is given instead of right and bottom. */
infer_status onnx_convert_crop(struct onnx_node *n)
{
    const int64_t axes[2] = {2, 3};
    const int64_t *border, *size;
    uint32_t count, nsize;
    TRY(onnx_ints(n, "border", &border, &count));
    TRY(onnx_ints(n, "scale", &size, &nsize));
    if (n->nin != 1 || !border || count != 4 || (size && nsize != 2))
        return onnx_fail(n, "border", "", "one input and four borders are needed");
    for (uint32_t i = 0; i < 4; i++)
        if (border[i] < 0 || border[i] > INT32_MAX ||
            (size && (size[i / 2] < 0 || size[i / 2] > INT32_MAX)))
            return onnx_fail(n, "border", "", "a border or size is out of range");
    int64_t starts[2] = {border[1], border[0]};
    int64_t ends[2] = {border[3] ? -border[3] : INT64_MAX, border[2] ? -border[2] : INT64_MAX};
    for (uint32_t i = 0; size && i < 2; i++)
        ends[i] = starts[i] + size[i];
    uint32_t in[4] = {n->in[0], 0, 0, 0};
    TRY(onnx_const_ints(n, "starts", starts, 2, &in[1]));
    TRY(onnx_const_ints(n, "ends", ends, 2, &in[2]));
    TRY(onnx_const_ints(n, "axes", axes, 2, &in[3]));
    return onnx_emit_last(n, n->ir_op, in, 4);
}

/* ---- axes, splits, shapes ------------------------------------------------------------------- */

/* Squeeze and Unsqueeze until opset 12. */
infer_status onnx_convert_axes_old(struct onnx_node *n)
{
    const int64_t *axes;
    uint32_t count;
    TRY(onnx_ints(n, "axes", &axes, &count));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    uint32_t in[2] = {n->in[0], 0};
    if (axes)
        TRY(onnx_const_ints(n, "axes", axes, count, &in[1]));
    else if (n->ir_op == INFER__OP_UNSQUEEZE)
        return onnx_fail(n, "axes", "", "the attribute is missing");
    return onnx_emit_last(n, n->ir_op, in, 2);
}

/* Sizes are an attribute until opset 12, an input afterwards; without them the parts are equal,
 * as many as there are outputs. */
infer_status onnx_convert_split(struct onnx_node *n)
{
    const int64_t *sizes = NULL;
    int64_t parts;
    uint32_t count = 0;
    struct infer__node *node;
    if (n->nin < 1 || n->nin > 2 || (n->nin == 2 && n->opset >= 2 && n->opset < 13))
        return onnx_fail(n, NULL, "", "%u inputs are not possible here", n->nin);
    uint32_t in[2] = {n->in[0], n->nin > 1 ? n->in[1] : 0};
    uint32_t *out = infer__region_calloc(&n->im->scratch, n->nout, sizeof *out);
    if (!out)
        return infer__no_memory(n->im->err, n->nout * sizeof *out);
    if (n->opset < 13)
        TRY(onnx_ints(n, "split", &sizes, &count));
    TRY(onnx_int(n, "num_outputs", n->nout, &parts));
    if (parts != (int64_t)n->proto->n_output)
        parts = (int64_t)n->proto->n_output;
    if (sizes && !in[1])
        TRY(onnx_const_ints(n, "sizes", sizes, count, &in[1]));
    for (uint32_t i = 0; i < n->nout; i++) {
        TRY(onnx_out(n, i, &out[i]));
        if (!out[i]) /* nobody wants this part, but it has a place */
            TRY(onnx_temp(n, "unused", &out[i]));
    }
    TRY(onnx_emit(n, n->ir_op, in, 2, out, n->nout, &node));
    if (!in[1])
        TRY(onnx_set_int(n, node, INFER__ATTR_NUM_OUTPUTS, parts));
    return onnx_copy_attrs(n, node);
}

infer_status onnx_convert_reshape_old(struct onnx_node *n)
{
    static const char *const hints[] = {"consumed_inputs", NULL};
    const int64_t *shape;
    uint32_t count;
    TRY(onnx_ints(n, "shape", &shape, &count));
    onnx_ignore(n, hints);
    if (n->nin != 1 || !shape)
        return onnx_fail(n, "shape", "", "one input and the attribute are needed");
    uint32_t in[2] = {n->in[0], 0};
    TRY(onnx_const_ints(n, "shape", shape, count, &in[1]));
    return onnx_emit_last(n, n->ir_op, in, 2);
}

/* Until opset 5: tiles and axis, one number each. */
infer_status onnx_convert_tile_old(struct onnx_node *n)
{
    int64_t tiles, axis, repeats[INFER_MAX_RANK];
    uint32_t count;
    int rank = onnx_rank(n, 0);
    if (n->nin != 3 || !onnx_in_ints(n, 1, &tiles, 1, &count) || count != 1 ||
        !onnx_in_ints(n, 2, &axis, 1, &count) || count != 1 || rank < 0 || axis < 0 || axis >= rank)
        return onnx_fail(n, NULL, "export the model with opset 6 or higher",
                         "tiles and axis must be constants and the operand's rank known");
    for (int i = 0; i < rank; i++)
        repeats[i] = i == axis ? tiles : 1;
    uint32_t in[2] = {n->in[0], 0};
    TRY(onnx_const_ints(n, "repeats", repeats, (uint32_t)rank, &in[1]));
    return onnx_emit_last(n, n->ir_op, in, 2);
}

/* Until opset 3 the axis was 1 where it was not given. */
infer_status onnx_convert_concat_old(struct onnx_node *n)
{
    int64_t axis;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_int(n, "axis", 1, &axis));
    if (!n->nin)
        return onnx_fail(n, NULL, "", "the operator takes one or more inputs");
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, n->nin, &out, 1, &node));
    return onnx_set_int(n, node, INFER__ATTR_AXIS, axis);
}

/* An index that is known must be one of the axis: afterwards nobody looks. */
infer_status onnx_convert_gather(struct onnx_node *n)
{
    const struct infer__value *x = onnx_in(n, 0), *index = onnx_in(n, 1);
    int64_t axis;
    TRY(onnx_int(n, "axis", 0, &axis));
    if (x && x->shaped && axis < 0)
        axis += x->rank;
    int looked = x && index && x->shaped && axis >= 0 && axis < x->rank &&
                 index->kind == INFER__VALUE_CONST &&
                 (index->type == INFER_S64 || index->type == INFER_S32);
    for (int64_t k = 0; looked && k < infer__value_elements(index); k++) {
        int64_t i = index->type == INFER_S64 ? ((const int64_t *)index->data)[k]
                                             : ((const int32_t *)index->data)[k];
        if (i < -x->dims[axis] || i >= x->dims[axis])
            return onnx_fail(n, NULL, "", "index %lld is none of an axis of %lld", (long long)i,
                             (long long)x->dims[axis]);
    }
    n->used = 0; /* the attribute is still to be copied */
    return onnx_convert_plain(n);
}

/* stash_type (opset 27) is the type that half floats are counted in: f32, as all arithmetic. */
infer_status onnx_convert_range(struct onnx_node *n)
{
    int64_t stash;
    TRY(onnx_int(n, "stash_type", 1, &stash));
    if (stash != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        TRY(onnx_warn(n, "stash_type", "the arithmetic is done in f32 instead"));
    return onnx_convert_plain(n);
}

/* Until opset 9 the number of elements is an attribute. */
infer_status onnx_convert_top_k_old(struct onnx_node *n)
{
    int64_t k;
    uint32_t in[2], out[2];
    struct infer__node *node;
    TRY_NODE(n, onnx_takes(n, 1, 1));
    TRY(onnx_int(n, "k", -1, &k));
    if (k < 0)
        return onnx_fail(n, "k", "", "the number of elements is missing or below 0");
    in[0] = n->in[0];
    TRY(onnx_const_ints(n, "k", &k, 1, &in[1]));
    TRY(onnx_out(n, 0, &out[0]));
    TRY(onnx_out(n, 1, &out[1]));
    TRY(onnx_emit(n, n->ir_op, in, 2, out, n->nout, &node));
    return onnx_copy_attrs(n, node);
}
