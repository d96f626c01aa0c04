/* Element-wise operators and matrix products. f16 and bf16 are storage types: data movement,
 * Identity and Cast take them, nothing that computes does. */
#include <math.h>
#include <string.h>

#include "graph/resolve.h"

/* ---- one operand ---------------------------------------------------------------------------- */

static uint32_t unary_types(unsigned op)
{
    switch (op) {
    case INFER__OP_RELU:
    case INFER__OP_NEG:
        return INFER__SET_FLOAT | INFER__SET_SIGNED;
    case INFER__OP_ABS:
        return INFER__SET_NUMBER;
    case INFER__OP_NOT:
        return INFER__SET(BOOL);
    case INFER__OP_IDENTITY:
        return INFER__SET_ANY;
    default:
        return INFER__SET_FLOAT;
    }
}

static void unary_defaults(unsigned op, struct infer__unary *p)
{
    switch (op) {
    case INFER__OP_LEAKY_RELU:
        p->alpha = 0.01f;
        break;
    case INFER__OP_ELU:
        p->alpha = 1.0f;
        break;
    case INFER__OP_HARD_SIGMOID:
        p->alpha = 0.2f;
        p->beta = 0.5f;
        break;
    case INFER__OP_HARD_SWISH: /* fixed: x * HardSigmoid(x) with these */
        p->alpha = 1.0f / 6.0f;
        p->beta = 0.5f;
        break;
    default:
        break;
    }
}

infer_status infer__resolve_unary(struct infer__resolve *r)
{
    struct infer__unary *p = &r->params->unary;
    TRY(infer__resolve_type(r, 0, unary_types(r->node->op)));
    unary_defaults(r->node->op, p);
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, p->alpha, &p->alpha));
    TRY(infer__resolve_float(r, INFER__ATTR_BETA, p->beta, &p->beta));
    return infer__resolve_like_input(r);
}

/* A constant bound of Clip as a float; `otherwise` where it is absent, no constant, or of a type
 * whose kernel reads the operand itself. */
static float clip_bound(const struct infer__resolve *r, uint32_t i, float otherwise)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    if (!v || v->kind != INFER__VALUE_CONST || !v->data || v->type != INFER_F32)
        return otherwise;
    memcpy(&otherwise, v->data, sizeof otherwise);
    return otherwise;
}

infer_status infer__resolve_clip(struct infer__resolve *r)
{
    TRY(infer__resolve_type(r, 0, INFER__SET_NUMBER));
    for (uint32_t i = 1; i < 3; i++) {
        TRY(infer__resolve_same_type(r, 0, i));
        TRY(infer__resolve_scalar(r, i));
    }
    r->params->unary.alpha = clip_bound(r, 1, -INFINITY);
    r->params->unary.beta = clip_bound(r, 2, INFINITY);
    return infer__resolve_like_input(r);
}

/* From any type to any type. */
infer_status infer__resolve_cast(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t to = 0;
    RESOLVE_FAIL_IF(!infer__node_attr(r->node, INFER__ATTR_TO), INFER_ERROR_FORMAT,
                    "attribute 'to' is missing");
    TRY(infer__resolve_int(r, INFER__ATTR_TO, 0, INFER_F32, INFER_BOOL, &to));
    return infer__resolve_out(r, 0, (infer_type)to, x->rank, x->dims);
}

infer_status infer__resolve_round_float(struct infer__resolve *r)
{
    struct infer__round_float *p = &r->params->round_float;
    int64_t mode = 0;
    TRY(infer__resolve_type(r, 0, INFER__SET(F32)));
    TRY(infer__resolve_int(r, INFER__ATTR_MODE, 0, 0,
                           INFER__FLOAT_OVERFLOWS + INFER__FLOAT_FORMATS - 1, &mode));
    p->format = (int32_t)(mode % INFER__FLOAT_OVERFLOWS);
    p->overflows = mode >= INFER__FLOAT_OVERFLOWS;
    RESOLVE_FAIL_IF(p->format >= INFER__FLOAT_FORMATS, INFER_ERROR_FORMAT,
                    "attribute 'mode' is %lld, which is no format", (long long)mode);
    return infer__resolve_like_input(r);
}

infer_status infer__resolve_bit_cast(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    int64_t to = 0;
    TRY(infer__resolve_int(r, INFER__ATTR_TO, 0, INFER_F32, INFER_BOOL, &to));
    RESOLVE_FAIL_IF(infer_type_size((infer_type)to) != infer_type_size((infer_type)x->type),
                    INFER_ERROR_FORMAT, "%s and %s differ in size",
                    infer_type_name((infer_type)x->type), infer_type_name((infer_type)to));
    return infer__resolve_out(r, 0, (infer_type)to, x->rank, x->dims);
}

/* ---- several operands ----------------------------------------------------------------------- */

/* Broadcasts input i into the shape in `acc`. */
static infer_status broadcast_into(struct infer__resolve *r, struct infer__value *acc, uint32_t i)
{
    const struct infer__value *v = infer__resolve_in(r, i);
    char a[96], b[96];
    int rank = 0;
    acc->type = v->type; /* for the message */
    RESOLVE_FAIL_IF(!infer__broadcast(acc, v, &rank, acc->dims), INFER_ERROR_SHAPE,
                    "input %u, %s, can't be broadcast with %s", i,
                    infer__value_text(v, a, sizeof a), infer__value_text(acc, b, sizeof b));
    acc->rank = (uint8_t)rank;
    return INFER_OK;
}

/* Output 0 of the given type with the shape of all operands from `first` on. */
static infer_status broadcast_out(struct infer__resolve *r, infer_type type)
{
    struct infer__value acc = {.rank = 0};
    for (uint32_t i = 0; i < r->node->nin; i++)
        TRY(broadcast_into(r, &acc, i));
    return infer__resolve_out(r, 0, type, acc.rank, acc.dims);
}

static infer_status binary_types(struct infer__resolve *r, uint32_t set)
{
    TRY(infer__resolve_type(r, 0, set));
    return infer__resolve_same_type(r, 0, 1);
}

infer_status infer__resolve_mod(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    TRY(binary_types(r, INFER__SET_NUMBER));
    TRY(infer__resolve_flag(r, INFER__ATTR_FMOD, 0, &r->params->mod.fmod));
    RESOLVE_FAIL_IF(INFER__SET_FLOAT >> x->type & 1 && !r->params->mod.fmod, INFER_ERROR_FORMAT,
                    "attribute 'fmod' must be 1 for floats");
    return broadcast_out(r, (infer_type)x->type);
}

infer_status infer__resolve_binary(struct infer__resolve *r)
{
    const struct infer__value *x = infer__resolve_in(r, 0);
    switch (r->node->op) {
    case INFER__OP_PRELU:
        TRY(binary_types(r, INFER__SET_NUMBER));
        TRY(infer__resolve_broadcasts_to(r, 1, x->rank, x->dims));
        break;
    case INFER__OP_POW: /* base and exponent may differ in type */
        TRY(infer__resolve_type(r, 0, INFER__SET_FLOAT | INFER__SET_INDEX));
        TRY(infer__resolve_type(r, 1, INFER__SET_NUMBER));
        break;
    case INFER__OP_BITWISE_AND:
    case INFER__OP_BITWISE_OR:
    case INFER__OP_BITWISE_XOR:
        TRY(binary_types(r, INFER__SET_SIGNED | INFER__SET_UNSIGNED));
        break;
    case INFER__OP_EQUAL:
        TRY(binary_types(r, INFER__SET_NUMBER | INFER__SET(BOOL)));
        return broadcast_out(r, INFER_BOOL);
    case INFER__OP_LESS:
    case INFER__OP_LESS_OR_EQUAL:
    case INFER__OP_GREATER:
    case INFER__OP_GREATER_OR_EQUAL:
        TRY(binary_types(r, INFER__SET_NUMBER));
        return broadcast_out(r, INFER_BOOL);
    case INFER__OP_AND:
    case INFER__OP_OR:
        TRY(binary_types(r, INFER__SET(BOOL)));
        break;
    default:
        TRY(binary_types(r, INFER__SET_NUMBER));
        break;
    }
    return broadcast_out(r, (infer_type)x->type);
}

infer_status infer__resolve_variadic(struct infer__resolve *r)
{
    uint32_t set = r->node->op == INFER__OP_SUM ? INFER__SET_FLOAT : INFER__SET_NUMBER;
    TRY(infer__resolve_type(r, 0, set));
    for (uint32_t i = 1; i < r->node->nin; i++)
        TRY(infer__resolve_same_type(r, 0, i));
    return broadcast_out(r, (infer_type)infer__resolve_in(r, 0)->type);
}

infer_status infer__resolve_where(struct infer__resolve *r)
{
    TRY(infer__resolve_type(r, 0, INFER__SET(BOOL)));
    TRY(infer__resolve_same_type(r, 1, 2)); /* any type */
    return broadcast_out(r, (infer_type)infer__resolve_in(r, 1)->type);
}

/* ---- matrices ------------------------------------------------------------------------------- */

/* Floats, and integers of 32 and 64 bits, which wrap. */
static infer_status product_types(struct infer__resolve *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        TRY(infer__resolve_type(
            r, i, INFER__SET_FLOAT | INFER__SET_INDEX | INFER__SET(U32) | INFER__SET(U64)));
        TRY(infer__resolve_same_type(r, 0, i));
    }
    return INFER_OK;
}

infer_status infer__resolve_gemm(struct infer__resolve *r)
{
    struct infer__gemm *p = &r->params->gemm;
    const struct infer__value *a = infer__resolve_in(r, 0), *b = infer__resolve_in(r, 1);
    char ta[96], tb[96];
    TRY(product_types(r, 3));
    TRY(infer__resolve_float(r, INFER__ATTR_ALPHA, 1.0f, &p->alpha));
    TRY(infer__resolve_float(r, INFER__ATTR_BETA, 1.0f, &p->beta));
    TRY(infer__resolve_flag(r, INFER__ATTR_TRANS_A, 0, &p->trans_a));
    TRY(infer__resolve_flag(r, INFER__ATTR_TRANS_B, 0, &p->trans_b));
    TRY(infer__resolve_rank(r, 0, 2, 2));
    TRY(infer__resolve_rank(r, 1, 2, 2));
    RESOLVE_FAIL_IF(a->dims[!p->trans_a] != b->dims[p->trans_b], INFER_ERROR_SHAPE,
                    "%s%s and %s%s can't be multiplied: %lld columns, %lld rows",
                    infer__value_text(a, ta, sizeof ta), p->trans_a ? " transposed" : "",
                    infer__value_text(b, tb, sizeof tb), p->trans_b ? " transposed" : "",
                    (long long)a->dims[!p->trans_a], (long long)b->dims[p->trans_b]);
    int64_t dims[2] = {a->dims[p->trans_a], b->dims[!p->trans_b]};
    TRY(infer__resolve_broadcasts_to(r, 2, 2, dims));
    return infer__resolve_out(r, 0, (infer_type)a->type, 2, dims);
}

/* The axes of a matrix operand that are broadcast: all but the last two. */
static struct infer__value batch_of(const struct infer__value *v)
{
    struct infer__value batch = *v;
    batch.rank = (uint8_t)(v->rank > 2 ? v->rank - 2 : 0);
    return batch;
}

/* NumPy's matmul: a 1-D left operand is a row, a 1-D right one a column, and the axis that was
 * added is taken away again. */
static infer_status matmul(struct infer__resolve *r, infer_type type)
{
    const struct infer__value *a = infer__resolve_in(r, 0), *b = infer__resolve_in(r, 1);
    char ta[96], tb[96];
    int64_t dims[INFER_MAX_RANK];
    int rank = 0;
    for (uint32_t i = 0; i < 2; i++)
        TRY(infer__resolve_rank(r, i, 1, INFER_MAX_RANK));
    struct infer__value ba = batch_of(a), bb = batch_of(b);
    int64_t columns = a->dims[a->rank - 1], rows = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    RESOLVE_FAIL_IF(columns != rows || !infer__broadcast(&ba, &bb, &rank, dims), INFER_ERROR_SHAPE,
                    "%s and %s can't be multiplied", infer__value_text(a, ta, sizeof ta),
                    infer__value_text(b, tb, sizeof tb));
    if (a->rank > 1) /* rank is at most 6 here */
        dims[rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        dims[rank++] = b->dims[b->rank - 1];
    return infer__resolve_out(r, 0, type, rank, dims);
}

infer_status infer__resolve_matmul(struct infer__resolve *r)
{
    TRY(product_types(r, 2));
    return matmul(r, (infer_type)infer__resolve_in(r, 0)->type);
}

infer_status infer__resolve_matmul_integer(struct infer__resolve *r)
{
    const struct infer__value *a = infer__resolve_in(r, 0), *b = infer__resolve_in(r, 1);
    infer_type type;
    TRY(infer__resolve_integer(r, &type));
    TRY(matmul(r, type));
    return infer__resolve_channels(r, a->rank > 1 ? a->dims[a->rank - 2] : 1,
                                   b->rank > 1 ? b->dims[b->rank - 1] : 1);
}
