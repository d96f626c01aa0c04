/* Normalisations that are several nodes of the IR. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

/* The type of the arithmetic inside; ours is f32. */
static infer_status check_stash(struct onnx_node *n)
{
    int64_t stash;
    TRY(onnx_int(n, "stash_type", 1, &stash));
    return stash == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
               ? INFER_OK
               : onnx_warn(n, "stash_type", "the arithmetic is done in f32 instead");
}

/* The axes from `axis` to the last one; it is counted from the back, or the rank is known. */
static infer_status axes_from(struct onnx_node *n, int64_t axis, int64_t axes[INFER_MAX_RANK],
                              uint32_t *count)
{
    TRY(onnx_from_back(n, &axis));
    *count = 0;
    for (int64_t k = axis; k < 0 && *count < INFER_MAX_RANK && !n->failed; k++)
        axes[(*count)++] = k;
    return INFER_OK;
}

/* x / Sqrt(mean of x^2 over the axes + epsilon) */
static uint32_t rms(struct onnx_expr *e, uint32_t x, const int64_t *axes, uint32_t count,
                    float epsilon, uint32_t *inverse)
{
    uint32_t square = ONNX_E(e, MUL, x, x), list = onnx_e_list(e, axes, count);
    uint32_t mean = onnx_e_reduce(e, INFER__OP_REDUCE_MEAN, square, list, 1);
    uint32_t root = ONNX_E(e, SQRT, ONNX_E(e, ADD, mean, onnx_e_number(e, (double)epsilon)));
    *inverse = ONNX_E(e, RECIPROCAL, root);
    return ONNX_E(e, MUL, x, *inverse);
}

/* RMSNormalization (opset 23), and the same as ONNX Runtime has it without a domain or in its own:
 * SimplifiedLayerNormalization, whose second output is 1 / Sqrt(...). */
infer_status onnx_convert_rms_norm(struct onnx_node *n)
{
    int64_t axis, axes[INFER_MAX_RANK];
    float epsilon;
    uint32_t count, inverse;
    TRY(onnx_int(n, "axis", -1, &axis));
    TRY(onnx_float(n, "epsilon", 1e-5f, &epsilon));
    TRY(check_stash(n));
    TRY_NODE(n, onnx_takes(n, 2, 2));
    TRY_NODE(n, axes_from(n, axis, axes, &count));
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = rms(&e, n->in[0], axes, count, epsilon, &inverse);
    onnx_e_out(&e, 0, ONNX_E(&e, MUL, y, n->in[1]));
    onnx_e_out(&e, 1, inverse);
    return e.status;
}

/* com.microsoft, SkipLayerNormalization: input, skip, gamma, beta, bias; its simplified form has no
 * beta. Output 3 is the sum that is normalised. */
infer_status onnx_convert_skip_norm(struct onnx_node *n)
{
    const int64_t last = -1;
    int simplified = !strcmp(n->op, "SkipSimplifiedLayerNormalization");
    uint32_t inverse, y, bias = simplified ? 3 : 4;
    float epsilon;
    TRY(onnx_float(n, "epsilon", 1e-12f, &epsilon));
    TRY_NODE(n, onnx_takes(n, 3, bias + 1));
    if ((n->nout > 1 && n->proto->output[1][0]) || (n->nout > 2 && n->proto->output[2][0]))
        return onnx_fail(n, NULL, "export the model for inference",
                         "outputs of training (mean, inverse deviation) are not supported");
    struct onnx_expr e = onnx_expr(n);
    uint32_t sum = ONNX_E(&e, ADD, n->in[0], n->in[1]);
    if (n->nin > bias && n->in[bias])
        sum = ONNX_E(&e, ADD, sum, n->in[bias]);
    if (simplified) {
        y = ONNX_E(&e, MUL, rms(&e, sum, &last, 1, epsilon, &inverse), n->in[2]);
    } else {
        uint32_t beta = n->nin > 3 ? n->in[3] : 0;
        y = ONNX_E(&e, LAYER_NORMALIZATION, sum, n->in[2], beta);
        onnx_e_int(&e, INFER__ATTR_AXIS, -1);
        onnx_e_float(&e, INFER__ATTR_EPSILON, epsilon);
    }
    onnx_e_out(&e, 0, y);
    onnx_e_out(&e, 3, sum);
    return e.status;
}

/* x seen as N x groups x the rest, each group normalised by itself: InstanceNormalization, whose
 * scale and bias are those of a group in opset 18. Since opset 21 they are the channels', behind.
 */
infer_status onnx_convert_group_norm(struct onnx_node *n)
{
    int64_t groups;
    float epsilon;
    TRY(onnx_float(n, "epsilon", 1e-5f, &epsilon));
    TRY(onnx_int(n, "num_groups", 0, &groups));
    TRY(check_stash(n));
    TRY_NODE(n, onnx_takes(n, 3, 3));
    const struct infer__value *s = onnx_in(n, 1);
    int by_group = n->opset < 21;
    if (groups < 1 || groups > 1 << 20)
        return onnx_fail(n, "num_groups", "", "the number of groups is missing or out of range");
    if (!by_group && (!s->shaped || s->rank != 1))
        return onnx_fail(n, NULL, "", "the number of channels (of input 1) is not known");
    float *ones = infer__region_calloc(&n->im->scratch, 2 * (size_t)groups, sizeof *ones);
    if (!ones)
        return infer__no_memory(n->im->err, 2 * (size_t)groups * sizeof *ones);
    for (int64_t i = 0; i < groups; i++)
        ones[i] = 1;
    struct onnx_expr e = onnx_expr(n);
    uint32_t y = ONNX_E(&e, RESHAPE, n->in[0], ONNX_LIST(&e, 0, groups, -1));
    uint32_t scale = by_group ? n->in[1] : onnx_e_floats(&e, ones, (uint32_t)groups);
    uint32_t bias = by_group ? n->in[2] : onnx_e_floats(&e, ones + groups, (uint32_t)groups);
    y = ONNX_E(&e, INSTANCE_NORMALIZATION, y, scale, bias);
    onnx_e_float(&e, INFER__ATTR_EPSILON, epsilon);
    if (!by_group) {
        uint32_t one = ONNX_LIST(&e, 1);
        y = ONNX_E(&e, RESHAPE, y, ONNX_LIST(&e, 0, s->dims[0], -1));
        y = ONNX_E(&e, MUL, y, ONNX_E(&e, UNSQUEEZE, n->in[1], one));
        y = ONNX_E(&e, ADD, y, ONNX_E(&e, UNSQUEEZE, n->in[2], one));
    }
    onnx_e_out(&e, 0, ONNX_E(&e, RESHAPE, y, ONNX_E(&e, SHAPE, n->in[0])));
    return e.status;
}

/* (x - mean) / (deviation + 1e-9) over the axes, by default all but the channels of a picture. */
infer_status onnx_convert_mean_variance_norm(struct onnx_node *n)
{
    static const int64_t picture[] = {0, 2, 3};
    const int64_t *axes;
    uint32_t count;
    TRY(onnx_ints(n, "axes", &axes, &count));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    struct onnx_expr e = onnx_expr(n);
    uint32_t list = axes ? onnx_e_list(&e, axes, count) : onnx_e_list(&e, picture, 3);
    uint32_t mean = onnx_e_reduce(&e, INFER__OP_REDUCE_MEAN, n->in[0], list, 1);
    uint32_t d = ONNX_E(&e, SUB, n->in[0], mean);
    uint32_t variance = onnx_e_reduce(&e, INFER__OP_REDUCE_MEAN, ONNX_E(&e, MUL, d, d), list, 1);
    uint32_t deviation = ONNX_E(&e, ADD, ONNX_E(&e, SQRT, variance), onnx_e_number(&e, 1e-9));
    onnx_e_out(&e, 0, ONNX_E(&e, DIV, d, deviation));
    return e.status;
}

/* x over its norm along an axis; 0 where the norm is. */
infer_status onnx_convert_lp_norm(struct onnx_node *n)
{
    int64_t axis, p;
    TRY(onnx_int(n, "axis", -1, &axis));
    TRY(onnx_int(n, "p", 2, &p));
    TRY_NODE(n, onnx_takes(n, 1, 1));
    if (p != 1 && p != 2)
        return onnx_fail(n, "p", "", "%lld is neither 1 nor 2", (long long)p);
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], list = ONNX_LIST(&e, axis), zero = onnx_e_number(&e, 0);
    uint32_t term = p == 1 ? ONNX_E(&e, ABS, x) : ONNX_E(&e, MUL, x, x);
    uint32_t norm = onnx_e_reduce(&e, INFER__OP_REDUCE_SUM, term, list, 1);
    if (p == 2)
        norm = ONNX_E(&e, SQRT, norm);
    uint32_t y = ONNX_E(&e, DIV, x, norm);
    onnx_e_out(&e, 0, ONNX_E(&e, WHERE, ONNX_E(&e, EQUAL, norm, zero), norm, y));
    return e.status;
}

/* ---- BatchNormalization in training mode ------------------------------------------------------
 */

/* Statistics are those of the operand. Networks that normalise their weights have it on constants,
 * and then all of it is computed on import. */
infer_status onnx_batch_norm_training(struct onnx_node *n, float epsilon, float momentum)
{
    int64_t axes[INFER_MAX_RANK], spread[INFER_MAX_RANK];
    uint32_t count = 0;
    int rank = onnx_rank(n, 0), known;
    if (rank < 2)
        return onnx_fail(n, "training_mode", "export the model for inference",
                         "the rank of the input is not known");
    TRY(onnx_know(n->im, n->in[0], &known));
    if (!known)
        TRY(onnx_warn(n, "training_mode", "the statistics are those of the batch, as in training"));
    for (int i = 0; i < rank; i++)
        if (i != 1)
            axes[count++] = i;
    for (int i = 0; i < rank - 2; i++)
        spread[i] = 1 + i;
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0], list = onnx_e_list(&e, axes, count), scale = n->in[1], bias = n->in[2];
    uint32_t mean = onnx_e_reduce(&e, INFER__OP_REDUCE_MEAN, x, list, 1);
    uint32_t d = ONNX_E(&e, SUB, x, mean);
    uint32_t variance = onnx_e_reduce(&e, INFER__OP_REDUCE_MEAN, ONNX_E(&e, MUL, d, d), list, 1);
    uint32_t root = ONNX_E(&e, SQRT, ONNX_E(&e, ADD, variance, onnx_e_number(&e, (double)epsilon)));
    if (rank > 2) {
        uint32_t behind = onnx_e_list(&e, spread, (uint32_t)rank - 2);
        scale = ONNX_E(&e, UNSQUEEZE, scale, behind);
        bias = ONNX_E(&e, UNSQUEEZE, bias, behind);
    }
    uint32_t y = ONNX_E(&e, MUL, ONNX_E(&e, DIV, d, root), scale);
    onnx_e_out(&e, 0, ONNX_E(&e, ADD, y, bias));
    uint32_t old = onnx_e_number(&e, (double)momentum);
    uint32_t fresh = onnx_e_number(&e, 1 - (double)momentum);
    for (uint32_t i = 1; i < 3 && i < n->nout; i++) { /* statistics that training would keep */
        uint32_t now = ONNX_E(&e, SQUEEZE, i == 1 ? mean : variance, list);
        uint32_t kept = ONNX_E(&e, MUL, n->in[2 + i], old);
        onnx_e_out(&e, i, ONNX_E(&e, ADD, kept, ONNX_E(&e, MUL, now, fresh)));
    }
    return e.status;
}
