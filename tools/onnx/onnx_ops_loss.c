/* Losses: nodes of training that exporters leave at the end of a network. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

static const char *const reductions[] = {"none", "sum", "mean", NULL};

struct loss {
    int64_t reduction; /* index into `reductions` */
    int64_t ignored;   /* a class that costs nothing */
    int has_ignored;
    uint32_t weight; /* of each class; 0: all are 1 */
};

/* -weight[target] * x at the target along axis 1, which is chosen by comparing; then reduced. */
static uint32_t negative_log_likelihood(struct onnx_expr *e, const struct loss *l, uint32_t x,
                                        uint32_t target, int rank)
{
    uint32_t axis = ONNX_LIST(e, 1), weight = l->weight, zero = onnx_e_number(e, 0), hit;
    uint32_t index = onnx_e_cast(e, target, INFER_S64);
    hit = ONNX_E(e, EQUAL, ONNX_E(e, UNSQUEEZE, index, axis), onnx_e_along(e, x, 1 - rank));
    if (l->has_ignored) {
        uint32_t same = ONNX_E(e, EQUAL, index, onnx_e_scalar(e, INFER_S64, (double)l->ignored));
        hit = ONNX_E(e, AND, hit, ONNX_E(e, UNSQUEEZE, ONNX_E(e, NOT, same), axis));
    }
    uint32_t one = onnx_e_number(e, 1);
    if (weight && rank > 2) {
        const int64_t behind[INFER_MAX_RANK] = {1, 2, 3, 4, 5, 6, 7};
        weight = ONNX_E(e, UNSQUEEZE, weight, onnx_e_list(e, behind, (uint32_t)rank - 2));
    }
    uint32_t factor = ONNX_E(e, WHERE, hit, weight ? weight : one, zero);
    uint32_t chosen = ONNX_E(e, WHERE, hit, x, zero); /* not x * 0, which may be no number */
    uint32_t cost = ONNX_E(e, NEG, ONNX_E(e, MUL, chosen, factor));
    cost = onnx_e_reduce(e, INFER__OP_REDUCE_SUM, cost, axis, 0);
    if (l->reduction == 0)
        return cost;
    cost = onnx_e_reduce(e, INFER__OP_REDUCE_SUM, cost, 0, 0);
    if (l->reduction == 1)
        return cost;
    return ONNX_E(e, DIV, cost, onnx_e_reduce(e, INFER__OP_REDUCE_SUM, factor, 0, 0));
}

/* NegativeLogLikelihoodLoss, and SoftmaxCrossEntropyLoss, which is the same of LogSoftmax. */
infer_status onnx_convert_loss(struct onnx_node *n)
{
    struct loss l = {0};
    l.has_ignored = onnx_attr(n, "ignore_index") != NULL;
    TRY(onnx_word(n, "reduction", reductions, 2, &l.reduction));
    TRY(onnx_int(n, "ignore_index", 0, &l.ignored));
    TRY_NODE(n, onnx_takes(n, 2, 3));
    int rank = onnx_rank(n, 0);
    if (rank < 2)
        return onnx_fail(n, NULL, "", "the rank of the input is not known, or below 2");
    l.weight = n->nin > 2 ? n->in[2] : 0;
    struct onnx_expr e = onnx_expr(n);
    uint32_t x = n->in[0];
    if (!strcmp(n->op, "SoftmaxCrossEntropyLoss")) {
        x = ONNX_E(&e, LOG_SOFTMAX, x);
        onnx_e_int(&e, INFER__ATTR_AXIS, 1);
        onnx_e_out(&e, 1, x);
    }
    onnx_e_out(&e, 0, negative_log_likelihood(&e, &l, x, n->in[1], rank));
    return e.status;
}
