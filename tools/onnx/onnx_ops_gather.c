/* Operators that take elements from places that are computed, or put them there. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

static const char *const reductions[] = {"none", "add", "mul", "min", "max", NULL};

/* ScatterND, ScatterElements, and Scatter as the latter was called until opset 10. */
infer_status onnx_convert_scatter(struct onnx_node *n)
{
    int64_t reduction;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "reduction", reductions, INFER__REDUCE_NONE, &reduction));
    TRY_NODE(n, onnx_takes(n, 3, 3));
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 3, &out, 1, &node));
    if (reduction)
        TRY(onnx_set_int(n, node, INFER__ATTR_REDUCTION, reduction));
    return onnx_copy_attrs(n, node);
}

/* Steps of images along axis 0 (batch) and of time along axis 1: time t of image b becomes time
 * length[b] - 1 - t, as far as the image goes. */
infer_status onnx_convert_reverse_sequence(struct onnx_node *n)
{
    int64_t batch, time, perm[INFER_MAX_RANK];
    TRY(onnx_int(n, "batch_axis", 1, &batch));
    TRY(onnx_int(n, "time_axis", 0, &time));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    int rank = onnx_rank(n, 0);
    if (rank < 2)
        return onnx_fail(n, NULL, "", "the rank of the input is not known, or less than 2");
    if (batch + time != 1 || batch * time != 0)
        return onnx_fail(n, "batch_axis", "", "the axes must be 0 and 1");
    for (int i = 0; i < rank; i++)
        perm[i] = i < 2 ? 1 - i : i;
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], one = onnx_e_scalar(&e, INFER_S64, 1);
    if (batch)
        x = ONNX_E(&e, TRANSPOSE, x);
    if (batch)
        onnx_e_ints(&e, INFER__ATTR_PERM, perm, (uint32_t)rank);
    uint32_t steps = onnx_e_counted(&e, ONNX_E(&e, GATHER, ONNX_E(&e, SHAPE, x), one), 0);
    uint32_t lengths = onnx_e_cast(&e, n->in[1], INFER_S64);
    lengths = ONNX_E(&e, UNSQUEEZE, lengths, ONNX_LIST(&e, 1));
    uint32_t turned = ONNX_E(&e, SUB, ONNX_E(&e, SUB, lengths, one), steps);
    uint32_t from = ONNX_E(&e, WHERE, ONNX_E(&e, LESS, steps, lengths), turned, steps);
    uint32_t y = ONNX_E(&e, GATHER_ND, x, ONNX_E(&e, UNSQUEEZE, from, ONNX_LIST(&e, 2)));
    onnx_e_int(&e, INFER__ATTR_BATCH_DIMS, 1);
    if (batch)
        y = ONNX_E(&e, TRANSPOSE, y);
    if (batch)
        onnx_e_ints(&e, INFER__ATTR_PERM, perm, (uint32_t)rank);
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* Writes an update of some steps into a cache, from write_indices[b] on in image b; "circular": the
 * step behind the last one is the first. */
infer_status onnx_convert_tensor_scatter(struct onnx_node *n)
{
    static const char *const modes[] = {"linear", "circular", NULL};
    int64_t axis, circular, behind[INFER_MAX_RANK];
    TRY(onnx_int(n, "axis", -2, &axis));
    TRY(onnx_word(n, "mode", modes, 0, &circular));
    TRY_NODE(n, onnx_takes(n, 2, 3));
    TRY_NODE(n, onnx_from_back(n, &axis));
    int rank = onnx_rank(n, 0);
    if (rank < 2)
        return onnx_fail(n, NULL, "", "the rank of the input is not known, or less than 2");
    for (int i = 1; i < rank; i++)
        behind[i - 1] = i;
    struct onnx_expr e = onnx_expr(n);
    uint32_t steps = onnx_e_along(&e, n->in[1], axis), shape = ONNX_E(&e, SHAPE, n->in[0]);
    if (n->nin > 2 && n->in[2]) {
        uint32_t start = onnx_e_cast(&e, n->in[2], INFER_S64);
        start = ONNX_E(&e, UNSQUEEZE, start, onnx_e_list(&e, behind, (uint32_t)rank - 1));
        steps = ONNX_E(&e, ADD, steps, start);
    }
    if (circular)
        steps = ONNX_E(&e, MOD, steps,
                       ONNX_E(&e, GATHER, shape, onnx_e_scalar(&e, INFER_S64, (double)axis)));
    steps = ONNX_E(&e, EXPAND, steps, ONNX_E(&e, SHAPE, n->in[1]));
    uint32_t y = ONNX_E(&e, SCATTER_ELEMENTS, n->in[0], steps, n->in[1]);
    onnx_e_int(&e, INFER__ATTR_AXIS, axis);
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* ---- windows, back into the picture ---------------------------------------------------------- */

/* A list attribute of `count` numbers; `otherwise` where it is absent. */
static infer_status window_list(struct onnx_node *n, const char *name, uint32_t count,
                                int64_t otherwise, int64_t *to)
{
    const int64_t *v;
    uint32_t have;
    TRY(onnx_ints(n, name, &v, &have));
    if (v && have != count)
        return onnx_fail(n, name, "", "%u numbers instead of %u", have, count);
    for (uint32_t i = 0; i < count; i++) {
        to[i] = v ? v[i] : otherwise;
        if (to[i] < -INT32_MAX || to[i] > INT32_MAX)
            return onnx_fail(n, name, "", "a number is out of range");
    }
    return INFER_OK;
}

/* The sizes of axes [from, to) of x; `to` may be INT64_MAX. */
static uint32_t sizes(struct onnx_expr *e, uint32_t x, int64_t from, int64_t to)
{
    uint32_t shape = ONNX_E(e, SHAPE, x);
    onnx_e_int(e, INFER__ATTR_START, from);
    if (to != INT64_MAX)
        onnx_e_int(e, INFER__ATTR_END, to);
    return shape;
}

static uint32_t join(struct onnx_expr *e, uint32_t a, uint32_t b)
{
    uint32_t y = ONNX_E(e, CONCAT, a, b);
    onnx_e_int(e, INFER__ATTR_AXIS, 0);
    return y;
}

/* Each element goes to where MaxPool found it, in a tensor of zeros; indices count through the
 * size that follows from the window. A larger output_shape adds zeros at the ends. */
infer_status onnx_convert_max_unpool(struct onnx_node *n)
{
    const int64_t *kernel, zeros[INFER_MAX_RANK] = {0};
    int64_t strides[3], pads[6], more[3];
    uint32_t count;
    TRY(onnx_ints(n, "kernel_shape", &kernel, &count));
    TRY_NODE(n, onnx_takes(n, 2, 3));
    if (!kernel || count < 1 || count > 3)
        return onnx_fail(n, "kernel_shape", "", "one to three sizes are needed");
    TRY_NODE(n, window_list(n, "strides", count, 1, strides));
    TRY_NODE(n, window_list(n, "pads", 2 * count, 0, pads));
    for (uint32_t i = 0; i < count; i++) {
        if (kernel[i] < 1 || kernel[i] > INT32_MAX)
            return onnx_fail(n, "kernel_shape", "", "a number is out of range");
        more[i] = kernel[i] - pads[i] - pads[count + i];
    }
    struct onnx_expr e = onnx_expr(n);
    infer_type type = onnx_in_type(n, 0);
    uint32_t one = onnx_e_scalar(&e, INFER_S64, 1), flat = ONNX_LIST(&e, -1);
    uint32_t spatial = ONNX_E(&e, SUB, sizes(&e, n->in[0], 2, INT64_MAX), one);
    spatial = ONNX_E(&e, MUL, spatial, onnx_e_list(&e, strides, count));
    spatial = ONNX_E(&e, ADD, spatial, onnx_e_list(&e, more, count));
    uint32_t shape = join(&e, sizes(&e, n->in[0], 0, 2), spatial);
    uint32_t total = onnx_e_reduce(&e, INFER__OP_REDUCE_PROD, shape, 0, 1);
    uint32_t zero = onnx_e_scalar(&e, type ? type : INFER_F32, 0);
    uint32_t empty = ONNX_E(&e, CONSTANT_OF_SHAPE, total, zero);
    uint32_t y = ONNX_E(&e, SCATTER_ELEMENTS, empty, ONNX_E(&e, RESHAPE, n->in[1], flat),
                        ONNX_E(&e, RESHAPE, n->in[0], flat));
    y = ONNX_E(&e, RESHAPE, y, shape);
    if (n->nin > 2 && n->in[2]) {
        uint32_t end = ONNX_E(&e, SUB, n->in[2], shape);
        y = ONNX_E(&e, PAD, y, join(&e, onnx_e_list(&e, zeros, count + 2), end));
    }
    onnx_e_out(&e, 0, y);
    return e.status;
}

/* Blocks of a picture, as columns, added up where they overlap: a transposed convolution with the
 * identity for weights, whose result is then cut or padded to the picture. */
infer_status onnx_convert_col2im(struct onnx_node *n)
{
    int64_t strides[3], dilations[3], pads[6] = {0}, begin[3], both[3];
    TRY_NODE(n, onnx_takes(n, 3, 3));
    const struct infer__value *block = onnx_in(n, 2);
    if (!block->shaped || block->rank != 1 || block->dims[0] < 1 || block->dims[0] > 3)
        return onnx_fail(n, NULL, "", "the block's number of axes is not known, or above 3");
    const uint32_t count = (uint32_t)block->dims[0];
    TRY_NODE(n, window_list(n, "strides", count, 1, strides));
    TRY_NODE(n, window_list(n, "dilations", count, 1, dilations));
    TRY_NODE(n, window_list(n, "pads", 2 * count, 0, pads));
    for (uint32_t i = 0; i < count; i++) {
        begin[i] = -pads[i];
        both[i] = pads[i] + pads[count + i];
    }
    struct onnx_expr e = onnx_expr(n);
    uint32_t one = onnx_e_scalar(&e, INFER_S64, 1), two = ONNX_LIST(&e, 0, 0);
    uint32_t open = ONNX_LIST(&e, -1), step = onnx_e_list(&e, strides, count);
    uint32_t taps = onnx_e_reduce(&e, INFER__OP_REDUCE_PROD, n->in[2], 0, 1);
    uint32_t row = onnx_e_counted(&e, ONNX_E(&e, SQUEEZE, taps), 0);
    uint32_t eye = ONNX_E(&e, EQUAL, ONNX_E(&e, UNSQUEEZE, row, ONNX_LIST(&e, 1)), row);
    uint32_t weights = ONNX_E(&e, RESHAPE, onnx_e_cast(&e, eye, INFER_F32),
                              join(&e, taps, join(&e, ONNX_LIST(&e, 1), n->in[2])));
    uint32_t extent = ONNX_E(&e, MUL, ONNX_E(&e, SUB, n->in[2], one),
                             onnx_e_list(&e, dilations, count)); /* one less */
    uint32_t room = ONNX_E(&e, ADD, n->in[1], onnx_e_list(&e, both, count));
    room = ONNX_E(&e, SUB, ONNX_E(&e, SUB, room, extent), one);
    uint32_t places = ONNX_E(&e, ADD, ONNX_E(&e, DIV, room, step), one);
    uint32_t x = ONNX_E(&e, RESHAPE, n->in[0], join(&e, join(&e, open, taps), places));
    uint32_t y = ONNX_E(&e, CONV_TRANSPOSE, x, weights);
    onnx_e_ints(&e, INFER__ATTR_STRIDES, strides, count);
    onnx_e_ints(&e, INFER__ATTR_DILATIONS, dilations, count);
    uint32_t full = ONNX_E(&e, MUL, ONNX_E(&e, SUB, places, one), step);
    full = ONNX_E(&e, ADD, ONNX_E(&e, ADD, full, extent), one);
    uint32_t cut = onnx_e_list(&e, begin, count); /* the picture begins behind the padding */
    uint32_t end = ONNX_E(&e, SUB, ONNX_E(&e, SUB, n->in[1], cut), full);
    y = ONNX_E(&e, PAD, y, join(&e, join(&e, two, cut), join(&e, two, end)));
    uint32_t shape = join(&e, join(&e, sizes(&e, n->in[0], 0, 1), open), n->in[1]);
    onnx_e_out(&e, 0, ONNX_E(&e, RESHAPE, y, shape));
    return e.status;
}

/* Cut and padded on both sides alike, the odd one at the end. */
infer_status onnx_convert_center_crop_pad(struct onnx_node *n)
{
    const int64_t *axes, all[INFER_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t count;
    TRY(onnx_ints(n, "axes", &axes, &count));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    int rank = onnx_rank(n, 0);
    if (!axes && rank < 0)
        return onnx_fail(n, NULL, "", "the rank of the input is not known");
    struct onnx_expr e = onnx_expr(n);
    uint32_t two = onnx_e_scalar(&e, INFER_S64, 2);
    uint32_t on = axes ? onnx_e_list(&e, axes, count) : onnx_e_list(&e, all, (uint32_t)rank);
    uint32_t have = ONNX_E(&e, GATHER, ONNX_E(&e, SHAPE, n->in[0]), on);
    uint32_t want = onnx_e_cast(&e, n->in[1], INFER_S64), keep = ONNX_E(&e, MIN, have, want);
    uint32_t start = ONNX_E(&e, DIV, ONNX_E(&e, SUB, have, keep), two);
    uint32_t y = ONNX_E(&e, SLICE, n->in[0], start, ONNX_E(&e, ADD, start, keep), on);
    uint32_t more = ONNX_E(&e, SUB, want, keep), before = ONNX_E(&e, DIV, more, two);
    uint32_t pads = join(&e, before, ONNX_E(&e, SUB, more, before));
    onnx_e_out(&e, 0, ONNX_E(&e, PAD, y, pads, 0, on));
    return e.status;
}
