/* Operators that read a picture at places that other operands say. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

/* The words of opset 16 and those of opset 20. */
infer_status onnx_convert_grid_sample(struct onnx_node *n)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", "bicubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    int64_t mode, padding;
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "mode", modes, INFER__LINEAR, &mode));
    TRY(onnx_word(n, "padding_mode", paddings, INFER__GRID_ZEROS, &padding));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 2, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode > INFER__CUBIC ? mode - 2 : mode));
    TRY(onnx_set_int(n, node, INFER__ATTR_PADDING_MODE, padding));
    return onnx_copy_attrs(n, node);
}

/* Half a pixel was not taken off before opset 16. */
infer_status onnx_convert_roi_align(struct onnx_node *n)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const coordinates[] = {"half_pixel", "output_half_pixel", NULL};
    int64_t mode, coordinate, size[2];
    uint32_t out;
    struct infer__node *node;
    TRY(onnx_word(n, "mode", modes, INFER__ROI_MEAN, &mode));
    TRY(onnx_word(n, "coordinate_transformation_mode", coordinates, n->opset < 16, &coordinate));
    TRY(onnx_int(n, "output_height", 1, &size[0]));
    TRY(onnx_int(n, "output_width", 1, &size[1]));
    TRY_NODE(n, onnx_takes(n, 3, 3));
    struct onnx_expr e = onnx_expr(n);
    uint32_t in[3] = {n->in[0], n->in[1], onnx_e_cast(&e, n->in[2], INFER_S64)};
    TRY(e.status);
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, in, 3, &out, 1, &node));
    TRY(onnx_set_int(n, node, INFER__ATTR_MODE, mode));
    TRY(onnx_set_int(n, node, INFER__ATTR_COORDINATE_MODE,
                     coordinate ? INFER__ASYMMETRIC : INFER__HALF_PIXEL));
    TRY(infer__node_set_ints(n->im->g, node, INFER__ATTR_OUTPUT_SHAPE, size, 2, n->im->err));
    return onnx_copy_attrs(n, node);
}

infer_status onnx_convert_max_roi_pool(struct onnx_node *n)
{
    const int64_t *size;
    uint32_t count, out;
    struct infer__node *node;
    TRY(onnx_ints(n, "pooled_shape", &size, &count));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    if (!size || count != 2)
        return onnx_fail(n, "pooled_shape", "", "two sizes are needed");
    TRY(onnx_out(n, 0, &out));
    TRY(onnx_emit(n, n->ir_op, n->in, 2, &out, 1, &node));
    TRY(infer__node_set_ints(n->im->g, node, INFER__ATTR_OUTPUT_SHAPE, size, 2, n->im->err));
    return onnx_copy_attrs(n, node);
}

/* ---- AffineGrid ------------------------------------------------------------------------------ */

/* Places from -1 to 1 along axis `axis` of a size, with `behind` axes of 1 behind. */
static uint32_t places(struct onnx_expr *e, uint32_t size, int64_t axis, int64_t behind,
                       int64_t corners)
{
    uint32_t n = ONNX_E(e, GATHER, size, onnx_e_scalar(e, INFER_S64, (double)axis));
    uint32_t one = onnx_e_scalar(e, INFER_F32, 1), two = onnx_e_scalar(e, INFER_F32, 2);
    uint32_t i = ONNX_E(e, MUL, onnx_e_cast(e, onnx_e_counted(e, n, behind), INFER_F32), two);
    uint32_t count = onnx_e_cast(e, n, INFER_F32);
    if (corners) /* one place alone is the first corner */
        count = ONNX_E(e, MAX, ONNX_E(e, SUB, count, one), one);
    else
        i = ONNX_E(e, ADD, i, one);
    return ONNX_E(e, SUB, ONNX_E(e, DIV, i, count), one);
}

/* The grid theta * (x, y (, z), 1): a sum over the columns of theta. */
infer_status onnx_convert_affine_grid(struct onnx_node *n)
{
    static const int64_t axes[3] = {1, 2, 3};
    int64_t corners;
    TRY(onnx_int(n, "align_corners", 0, &corners));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    const struct infer__value *size = onnx_in(n, 1);
    if (!size->shaped || size->rank != 1 || (size->dims[0] != 4 && size->dims[0] != 5))
        return onnx_fail(n, NULL, "", "the size must be known to have 4 or 5 numbers");
    const int64_t spatial = size->dims[0] - 2;
    struct onnx_expr e = onnx_expr(n);
    uint32_t sum = 0;
    for (int64_t i = 0; i <= spatial; i++) {
        uint32_t column = ONNX_E(&e, GATHER, n->in[0], onnx_e_scalar(&e, INFER_S64, (double)i));
        onnx_e_int(&e, INFER__ATTR_AXIS, 2);
        column = ONNX_E(&e, UNSQUEEZE, column, onnx_e_list(&e, axes, (uint32_t)spatial));
        if (i < spatial) /* x is the last axis of the picture */
            column = ONNX_E(&e, MUL, column,
                            places(&e, n->in[1], size->dims[0] - 1 - i, i + 1, corners));
        sum = i ? ONNX_E(&e, ADD, sum, column) : column;
    }
    onnx_e_out(&e, 0, sum);
    return e.status;
}
