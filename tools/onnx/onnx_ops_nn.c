/* Operators of networks that changed over time: normalisation, reductions, resizing. */
#include "tools/onnx/onnx_internal.h"

#include "graph/params.h"

#include <math.h>
#include <string.h>

/* Before opset 13 the operand was seen as a matrix: all axes from `axis` (default 1) as one. */
infer_status onnx_convert_softmax_old(struct onnx_node *n)
{
    int64_t axis;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_int(n, "axis", 1, &axis));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 1, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_AXIS, axis));
    return onnx_set_int(n, node, INFER__ATTR_COERCE_2D, 1);
}

/* The mask of a Dropout that drops nothing: true (before opset 10: 1.0) everywhere. */
static infer_status dropout_mask(struct onnx_node *n)
{
    uint32_t in[2], out;
    int64_t one = 1;
    const uint8_t yes = 1;
    const float yes_float = 1.0f;
    struct infer__node *node;
    TRY(onnx_out(n, 1, &out));
    if (!out)
        return INFER_OK;
    TRY(onnx_emit_temp(n, INFER__OP_SHAPE, "shape", n->in, 1, &in[0]));
    if (n->opset >= 10)
        TRY(infer__graph_add_const(n->im->g, "", INFER_BOOL, 1, &one, &yes, 1, &in[1], n->im->err));
    else
        TRY(onnx_const_floats(n, "one", &yes_float, 1, &one, &in[1]));
    return onnx_emit(n, INFER__OP_CONSTANT_OF_SHAPE, in, 2, &out, 1, &node);
}

/* Whether nothing is dropped, in training either. */
static int is_zero_ratio(const struct onnx_node *n)
{
    const struct infer__value *ratio = onnx_in(n, 1);
    float value;
    if (!ratio || ratio->kind != INFER__VALUE_CONST || ratio->type != INFER_F32 ||
        infer__value_elements(ratio) != 1)
        return 0;
    memcpy(&value, ratio->data, sizeof value);
    return value == 0;
}

infer_status onnx_convert_dropout(struct onnx_node *n)
{
    static const char *const ignored[] = {"ratio", "is_test", "seed", "consumed_inputs", NULL};
    onnx_ignore(n, ignored);
    const struct infer__value *training = onnx_in(n, 2);
    if (n->nin < 1 || n->nin > 3)
        return onnx_fail(n, NULL, "", "the operator takes one to three inputs");
    if (training && !is_zero_ratio(n) &&
        (training->kind != INFER__VALUE_CONST || training->type != INFER_BOOL ||
         !infer__value_elements(training) || *(const uint8_t *)training->data))
        return onnx_fail(n, NULL, "export the model for inference",
                         "training_mode (input 2) must be the constant false");
    TRY(onnx_emit_last(n, INFER__OP_IDENTITY, n->in, 1));
    return dropout_mask(n);
}

infer_status onnx_convert_batch_norm(struct onnx_node *n)
{
    static const char *const ignored[] = {"is_test", "consumed_inputs", NULL};
    int64_t spatial = 1, training = 0;
    float momentum, epsilon;
    uint32_t out;
    struct infer__node *node;
    onnx_ignore(n, ignored);
    TRY(onnx_float(n, "momentum", 0.9f, &momentum));
    if (n->opset < 9)
        TRY(onnx_int(n, "spatial", 1, &spatial));
    if (n->opset >= 14)
        TRY(onnx_int(n, "training_mode", 0, &training));
    if (spatial != 1)
        TRY(onnx_fail(n, "spatial", "export the model with opset 9 or higher",
                      "statistics per element instead of per channel are not supported"));
    if (!training && n->nout > 1)
        TRY(onnx_fail(n, NULL, "export the model for inference",
                      "outputs of training (mean, var) are not supported"));
    TRY_NODE(n, onnx_takes(n, 5, 5));
    if (training) {
        TRY(onnx_float(n, "epsilon", 1e-5f, &epsilon));
        return onnx_batch_norm_training(n, epsilon, momentum);
    }
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 5, &out, 1, &node));
    return onnx_copy_attrs(n, node);
}

/* stash_type is the type of the arithmetic inside; ours is f32, the default. */
infer_status onnx_convert_layer_norm(struct onnx_node *n)
{
    int64_t stash;
    TRY(onnx_int(n, "stash_type", 1, &stash));
    if (stash != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        TRY(onnx_warn(n, "stash_type", "the arithmetic is done in f32 instead"));
    return onnx_convert_plain(n);
}

/* ---- reductions ----------------------------------------------------------------------------- */

/* Operands of a reduction: x, and the axes where they are an attribute. */
static infer_status reduce_operands(struct onnx_node *n, int as_attribute, uint32_t in[2],
                                    uint32_t *nin)
{
    const int64_t *axes;
    uint32_t count;
    *nin = n->nin;
    if (n->nin < 1 || n->nin > (as_attribute ? 1u : 2u))
        return onnx_fail(n, NULL, "", "%u inputs are not possible here", n->nin);
    in[0] = n->in[0];
    in[1] = n->nin > 1 ? n->in[1] : 0;
    if (!as_attribute)
        return INFER_OK;
    TRY(onnx_ints(n, "axes", &axes, &count));
    if (!axes || !count) /* no axes: all of them */
        return INFER_OK;
    *nin = 2;
    return onnx_const_ints(n, "axes", axes, count, &in[1]);
}

infer_status onnx_convert_reduce_old(struct onnx_node *n)
{
    uint32_t in[2], nin, out;
    struct infer__node *node;
    TRY(reduce_operands(n, 1, in, &nin));
    if (n->failed)
        return INFER_OK;
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, in, nin, &out, 1, &node));
    return onnx_copy_attrs(n, node);
}

/* ReduceL1: sum |x|; ReduceL2: sqrt(sum x^2); ReduceSumSquare: sum x^2; ReduceLogSum: log(sum). */
infer_status onnx_convert_reduce_composed(struct onnx_node *n)
{
    uint32_t in[2], nin, sum;
    int l2 = !strcmp(n->op, "ReduceL2"), log = !strcmp(n->op, "ReduceLogSum");
    struct infer__node *node;
    TRY(reduce_operands(n, n->opset < 18, in, &nin));
    if (n->failed)
        return INFER_OK;
    if (!strcmp(n->op, "ReduceL1"))
        TRY(onnx_emit_temp(n, INFER__OP_ABS, "abs", in, 1, &in[0]));
    else if (!log)
        TRY(onnx_emit_temp(n, INFER__OP_MUL, "square", (uint32_t[]){in[0], in[0]}, 2, &in[0]));
    if (l2 || log)
        TRY(onnx_temp(n, "sum", &sum));
    else
        TRY(onnx_out(n, 0, &sum));
    TRY(onnx_emit(n, INFER__OP_REDUCE_SUM, in, nin, &sum, 1, &node));
    TRY(onnx_copy_attrs(n, node));
    if (l2 || log)
        TRY(onnx_emit_last(n, l2 ? INFER__OP_SQRT : INFER__OP_LOG, &sum, 1));
    return INFER_OK;
}

/* Log of the sum of exponentials, of which the largest is taken out so that none is beyond what a
 * float can be; an infinite one stays where it is. */
infer_status onnx_convert_reduce_log_sum_exp(struct onnx_node *n)
{
    uint32_t in[2] = {0}, nin = 0;
    int64_t keepdims, noop;
    TRY(reduce_operands(n, n->opset < 18, in, &nin));
    TRY(onnx_int(n, "keepdims", 1, &keepdims));
    TRY(onnx_int(n, "noop_with_empty_axes", 0, &noop));
    if (n->failed)
        return INFER_OK;
    struct onnx_expr e = onnx_expr(n);
    uint32_t axes = nin > 1 ? in[1] : 0;
    if (noop && !axes) { /* nothing is summed: Log of Exp */
        onnx_e_out(&e, 0, in[0]);
        return e.status;
    }
    uint32_t top = onnx_e_reduce(&e, INFER__OP_REDUCE_MAX, in[0], axes, 1);
    uint32_t infinite = ONNX_E(&e, EQUAL, ONNX_E(&e, ABS, top), onnx_e_number(&e, HUGE_VAL));
    top = ONNX_E(&e, WHERE, infinite, onnx_e_number(&e, 0), top);
    uint32_t exp = ONNX_E(&e, EXP, ONNX_E(&e, SUB, in[0], top));
    uint32_t log = ONNX_E(&e, LOG, onnx_e_reduce(&e, INFER__OP_REDUCE_SUM, exp, axes, 1));
    uint32_t y = ONNX_E(&e, ADD, log, top);
    if (!keepdims && axes)
        y = ONNX_E(&e, SQUEEZE, y, axes);
    else if (!keepdims)
        y = ONNX_E(&e, SQUEEZE, y);
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* (sum |x|^p)^(1/p) over the spatial axes. */
infer_status onnx_convert_global_lp_pool(struct onnx_node *n)
{
    static const int64_t axes[INFER_MAX_RANK - 2] = {2, 3, 4, 5, 6, 7};
    const Onnx__AttributeProto *a = onnx_attr(n, "p");
    const double p = !a ? 2 : n->opset < 2 ? (double)a->f : (double)a->i;
    TRY_NODE(n, onnx_takes(n, 1, 1));
    int rank = onnx_rank(n, 0);
    if (rank < 3 || !(p >= 1))
        return onnx_fail(n, NULL, "", "the rank is not known or below 3, or p is below 1");
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = ONNX_E(&e, ABS, n->in[0]);
    uint32_t on = onnx_e_list(&e, axes, (uint32_t)rank - 2);
    if (p != 1)
        x = ONNX_E(&e, POW, x, onnx_e_number(&e, p));
    x = onnx_e_reduce(&e, INFER__OP_REDUCE_SUM, x, on, 1);
    if (p != 1)
        x = ONNX_E(&e, POW, x, onnx_e_number(&e, 1 / p));
    onnx_e_out(&e, 0, x);
    return e.status;
}

/* Since opset 20 of booleans too: false is below true. */
infer_status onnx_convert_reduce_extreme(struct onnx_node *n)
{
    if (onnx_in_type(n, 0) != INFER_BOOL)
        return onnx_convert_plain(n);
    TRY_NODE(n, onnx_takes(n, 1, 2));
    struct onnx_expr e = onnx_expr(n);
    uint32_t in[2] = {onnx_e_cast(&e, n->in[0], INFER_U8), n->nin > 1 ? n->in[1] : 0};
    uint32_t y = onnx_e(&e, n->ir_op, in, 2);
    TRY(e.status);
    TRY(onnx_copy_attrs(n, e.last));
    onnx_e_out(&e, 0, onnx_e_cast(&e, y, INFER_BOOL));
    return e.status;
}

/* ---- resizing ------------------------------------------------------------------------------- */

static const char *const resize_modes[] = {"nearest", "linear", "cubic", NULL};

/* Resize with coordinates and rounding of the time before opset 11. */
static infer_status emit_resize_old(struct onnx_node *n, int64_t mode, uint32_t scales,
                                    int64_t nearest)
{
    uint32_t out, in[3] = {n->in[0], 0, scales};
    struct infer__node *node;
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, INFER__OP_RESIZE, in, 3, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode));
    TRY(onnx_set_int(n, node, INFER__ATTR_COORDINATE_MODE, INFER__ASYMMETRIC));
    return onnx_set_int(n, node, INFER__ATTR_NEAREST_MODE, nearest);
}

infer_status onnx_convert_upsample(struct onnx_node *n)
{
    static const char *const words[] = {"nearest", "linear", "bilinear", NULL};
    const float *list;
    uint32_t count, scales = 0;
    int64_t mode;
    float picture[4] = {1, 1, 1, 1};
    TRY(onnx_word(n, "mode", words, INFER__NEAREST, &mode));
    mode = mode == 2 ? INFER__LINEAR : mode;
    if (n->nin < 1)
        return onnx_fail(n, NULL, "", "the operator takes an input");
    if (n->opset >= 9) {
        scales = n->nin > 1 ? n->in[1] : 0;
    } else {
        TRY(onnx_floats(n, "scales", &list, &count));
        if (!list && n->opset < 7) {
            TRY(onnx_float(n, "height_scale", 1.0f, &picture[2]));
            TRY(onnx_float(n, "width_scale", 1.0f, &picture[3]));
            list = picture;
            count = 4;
        }
        if (list)
            TRY(onnx_const_floats(n, "scales", list, 1, (int64_t[]){count}, &scales));
    }
    if (!scales)
        return onnx_fail(n, "scales", "", "the scales are missing");
    if (n->failed)
        return INFER_OK;
    return emit_resize_old(n, mode, scales, INFER__FLOOR);
}

/* Opset 10 left open how nearest rounds. As ONNX Runtime has it: down to enlarge, up to shrink. */
infer_status onnx_convert_resize10(struct onnx_node *n)
{
    int64_t mode, nearest = INFER__FLOOR;
    int up = 0, down = 0;
    TRY(onnx_word(n, "mode", resize_modes, INFER__NEAREST, &mode));
    const struct infer__value *scales = onnx_in(n, 1);
    if (n->nin != 2 || !scales)
        return onnx_fail(n, NULL, "", "the operator takes two inputs");
    if (n->failed)
        return INFER_OK;
    if (scales->kind == INFER__VALUE_CONST && scales->type == INFER_F32) {
        for (int64_t i = 0; i < infer__value_elements(scales); i++) {
            up |= ((const float *)scales->data)[i] > 1;
            down |= ((const float *)scales->data)[i] < 1;
        }
        if (down)
            nearest = INFER__CEIL;
        if (up && down && mode == INFER__NEAREST)
            return onnx_fail(n, "mode", "export the model with opset 11 or higher",
                             "nearest that enlarges one axis and shrinks another is not defined");
    } else if (mode == INFER__NEAREST) {
        TRY(onnx_warn(n, "mode", "the scales are not constant: taken to enlarge"));
    }
    return emit_resize_old(n, mode, n->in[1], nearest);
}

/* Opset 11 had to give roi and scales, empty where they are not meant. */
static void drop_empty(struct onnx_node *n, uint32_t i)
{
    const struct infer__value *v = onnx_in(n, i);
    if (v && v->shaped && infer__value_elements(v) == 0)
        n->in[i] = 0;
}

infer_status onnx_convert_resize(struct onnx_node *n)
{
    static const char *const coordinates[] = {
        "half_pixel",         "pytorch_half_pixel",   "align_corners",        "asymmetric",
        "tf_crop_and_resize", "tf_half_pixel_for_nn", "half_pixel_symmetric", NULL};
    static const char *const nearest_modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                                "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int64_t mode, coordinate, nearest, policy;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "mode", resize_modes, INFER__NEAREST, &mode));
    TRY(onnx_word(n, "coordinate_transformation_mode", coordinates, INFER__HALF_PIXEL,
                  &coordinate));
    TRY(onnx_word(n, "nearest_mode", nearest_modes, INFER__ROUND_PREFER_FLOOR, &nearest));
    TRY(onnx_word(n, "keep_aspect_ratio_policy", policies, INFER__STRETCH, &policy));
    if (n->nin < 1 || n->nin > 4)
        return onnx_fail(n, NULL, "", "the operator takes one to four inputs");
    for (uint32_t i = 1; i < n->nin; i++)
        drop_empty(n, i);
    if (n->nin > 1 && coordinate != INFER__TF_CROP_AND_RESIZE)
        n->in[1] = 0; /* the region of interest is not looked at */
    if (n->nin > 3 && n->in[2] && n->in[3])
        TRY(onnx_fail(n, NULL, "", "scales and sizes are both given"));
    if (n->failed)
        return INFER_OK;
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, INFER__OP_RESIZE, n->in, n->nin, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode));
    TRY(onnx_set_int(n, node, INFER__ATTR_COORDINATE_MODE, coordinate));
    TRY(onnx_set_int(n, node, INFER__ATTR_NEAREST_MODE, nearest));
    if (policy != INFER__STRETCH)
        TRY(onnx_set_int(n, node, INFER__ATTR_KEEP_ASPECT, policy));
    return onnx_copy_attrs(n, node);
}

infer_status onnx_convert_depth_to_space(struct onnx_node *n)
{
    static const char *const words[] = {"DCR", "CRD", NULL};
    int64_t mode;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "mode", words, INFER__DCR, &mode));
    if (n->nin != 1)
        return onnx_fail(n, NULL, "", "the operator takes one input");
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 1, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode));
    return onnx_copy_attrs(n, node);
}

/* Opset 28 added mode CRD, where channel c of the operand gives channels c * b * b and on, instead
 * of c, c + C ...: the other order of channels. */
infer_status onnx_convert_space_to_depth(struct onnx_node *n)
{
    static const char *const words[] = {"DCR", "CRD", NULL};
    int64_t mode, block;
    TRY(onnx_word(n, "mode", words, 0, &mode));
    if (!mode || n->failed)
        return n->failed ? INFER_OK : onnx_convert_plain(n);
    TRY(onnx_int(n, "blocksize", 0, &block));
    const struct infer__value *x = onnx_in(n, 0);
    if (n->nin != 1 || block < 1 || block > 1024 || x->rank != 4 || x->free_dims & 2 ||
        (!x->shaped && !x->free_dims) || x->dims[1] < 1 || x->dims[1] > 1 << 20)
        return onnx_fail(n, "mode", "", "CRD needs a known number of channels");
    int64_t places = block * block, channels = x->dims[1];
    int64_t *order = infer__region_calloc(&n->im->scratch, (size_t)(places * channels), 8);
    if (!order)
        return infer__no_memory(n->im->err, (size_t)(places * channels) * 8);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < places; p++)
            order[c * places + p] = p * channels + c;
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = ONNX_E(&e, SPACE_TO_DEPTH, n->in[0]);
    onnx_e_int(&e, INFER__ATTR_BLOCKSIZE, block);
    uint32_t list = onnx_e_list(&e, order, (uint32_t)(places * channels));
    y = ONNX_E(&e, GATHER, y, list);
    onnx_e_int(&e, INFER__ATTR_AXIS, 1);
    onnx_e_out(&e, 0, y);
    return e.status;
}
