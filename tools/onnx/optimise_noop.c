/* Nodes that do nothing, or that do together what one could. Each rule proves it from attributes,
 * constants and shapes that are known; where shapes are free, the node stays. */
#include "graph/traits.h"
#include "tools/onnx/optimise.h"

#include <string.h>

static int same_shape(const struct infer__value *a, const struct infer__value *b)
{
    return a->shaped && b->shaped && a->type == b->type && a->rank == b->rank &&
           !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

/* Element k of a constant of integers. */
static int64_t element(const struct infer__value *v, int64_t k)
{
    return v->type == INFER_S64 ? ((const int64_t *)v->data)[k] : ((const int32_t *)v->data)[k];
}

static int is_ints(const struct infer__value *v)
{
    return v && v->kind == INFER__VALUE_CONST && (v->type == INFER_S64 || v->type == INFER_S32);
}

/* Whether every element of a constant of integers is at least `least` and at most `most`. */
static int all_within(const struct infer__value *v, int64_t least, int64_t most)
{
    if (!is_ints(v))
        return 0;
    for (int64_t k = 0; k < infer__value_elements(v); k++)
        if (element(v, k) < least || element(v, k) > most)
            return 0;
    return 1;
}

/* ---- casts ---------------------------------------------------------------------------------- */

/* Whether every value of type `a` is one of type `b`. */
static int widens(unsigned a, unsigned b)
{
    switch (a) {
    case INFER_F16:
    case INFER_BF16:
        return b == INFER_F32 || b == INFER_F64;
    case INFER_F32:
        return b == INFER_F64;
    case INFER_U8:
    case INFER_S8:
        return b == INFER_S32 || b == INFER_S64 || b == INFER_F32 || b == INFER_F64;
    default:
        return 0;
    }
}

static infer_status drop_cast(struct opt *o, struct infer__node *n)
{
    infer_type type = opt_type(o, n->in[0]);
    int64_t to = infer__node_int(n, INFER__ATTR_TO, INFER_TYPE_NONE);
    if (type && (int64_t)type == to) {
        opt_replace(o, n, n->in[0]);
        return INFER_OK;
    }
    /* A cast that loses nothing does not matter to the one behind it. */
    uint32_t p = o->producer[n->in[0]];
    const struct infer__node *first = p ? &o->g->nodes[p - 1] : NULL;
    if (!first || first->op != INFER__OP_CAST || first->nin != 1)
        return INFER_OK;
    if (!widens(opt_type(o, first->in[0]), (unsigned)infer__node_int(first, INFER__ATTR_TO, 0)))
        return INFER_OK;
    o->changes++;
    return opt_set_in(o, n, first->in, 1);
}

/* ---- shapes --------------------------------------------------------------------------------- */

static infer_status drop_same_shape(struct opt *o, struct infer__node *n)
{
    if (same_shape(opt_in(o, n, 0), &o->g->values[n->out[0]]))
        opt_replace(o, n, n->in[0]);
    return INFER_OK;
}

/* A reshape to a shape that says all about itself (no 0, which would copy from the operand) does
 * not care how its operand was shaped before. */
static infer_status merge_reshape(struct opt *o, struct infer__node *n)
{
    uint32_t p = o->producer[n->in[0]];
    const struct infer__node *first = p ? &o->g->nodes[p - 1] : NULL;
    int reshapes = first && infer__op_traits(first->op)->axes == INFER__AXES_RESHAPED;
    if (!reshapes || !first->nin || !is_ints(opt_in(o, n, 1)))
        return INFER_OK;
    const struct infer__value *shape = opt_in(o, n, 1);
    for (int64_t k = 0; k < infer__value_elements(shape); k++)
        if (element(shape, k) == 0)
            return INFER_OK;
    uint32_t in[2] = {first->in[0], n->in[1]};
    o->changes++;
    return opt_set_in(o, n, in, 2);
}

static infer_status drop_reshape(struct opt *o, struct infer__node *n)
{
    TRY(drop_same_shape(o, n));
    return n->nout ? merge_reshape(o, n) : INFER_OK;
}

/* ---- transpose ------------------------------------------------------------------------------ */

/* The permutation of a Transpose; its rank, or -1 if it is not known or not valid. */
static int permutation(const struct opt *o, const struct infer__node *n, int64_t *perm)
{
    const struct infer__attr *a = infer__node_attr(n, INFER__ATTR_PERM);
    int rank = opt_rank(opt_in(o, n, 0));
    uint32_t seen = 0;
    if (!a) {
        for (int i = 0; i < rank; i++)
            perm[i] = rank - 1 - i;
        return rank;
    }
    if (a->count > INFER_MAX_RANK || (rank >= 0 && (int)a->count != rank))
        return -1;
    for (uint32_t i = 0; i < a->count; i++) {
        perm[i] = a->ints[i];
        if (perm[i] < 0 || perm[i] >= a->count || (seen >> perm[i] & 1))
            return -1;
        seen |= 1u << perm[i];
    }
    return (int)a->count;
}

/* Axes of size 1 may move as long as the others keep their order and the shape stays the same. */
static int permutes_nothing(const struct opt *o, const struct infer__node *n, const int64_t *perm,
                            int rank)
{
    const struct infer__value *x = opt_in(o, n, 0);
    int identity = 1;
    int64_t last = -1;
    for (int i = 0; i < rank; i++)
        identity &= perm[i] == i;
    if (identity)
        return 1;
    if (!same_shape(x, &o->g->values[n->out[0]]))
        return 0;
    for (int i = 0; i < rank; i++) {
        if (x->dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return 0;
        last = perm[i];
    }
    return 1;
}

/* Transpose of Transpose: axis i of the result is axis second[i] of what is between them, which
 * is axis first[second[i]] of the operand. */
static infer_status drop_transpose(struct opt *o, struct infer__node *n)
{
    int64_t second[INFER_MAX_RANK], first[INFER_MAX_RANK], both[INFER_MAX_RANK];
    int rank = permutation(o, n, second);
    if (rank < 0)
        return INFER_OK;
    if (permutes_nothing(o, n, second, rank)) {
        opt_replace(o, n, n->in[0]);
        return INFER_OK;
    }
    uint32_t p = o->producer[n->in[0]];
    const struct infer__node *f = p ? &o->g->nodes[p - 1] : NULL;
    if (!f || f->op != INFER__OP_TRANSPOSE || !f->nin || permutation(o, f, first) != rank)
        return INFER_OK;
    for (int i = 0; i < rank; i++)
        both[i] = first[second[i]];
    o->changes++;
    TRY(opt_set_in(o, n, f->in, 1));
    return infer__node_set_ints(o->g, n, INFER__ATTR_PERM, both, (uint32_t)rank, o->err);
}

/* ---- padding, slicing, joining -------------------------------------------------------------- */

static infer_status drop_pad(struct opt *o, struct infer__node *n)
{
    if (all_within(opt_in(o, n, 1), 0, 0))
        opt_replace(o, n, n->in[0]);
    return INFER_OK;
}

/* A slice as large as its operand is the operand, unless it runs backwards. */
static infer_status drop_slice(struct opt *o, struct infer__node *n)
{
    const struct infer__value *steps = opt_in(o, n, 4);
    if (!steps || all_within(steps, 1, INT64_MAX))
        return drop_same_shape(o, n);
    return INFER_OK;
}

static infer_status drop_single(struct opt *o, struct infer__node *n)
{
    if (n->nin == 1)
        opt_replace(o, n, n->in[0]);
    return INFER_OK;
}

infer_status opt_noop(struct opt *o, struct infer__node *n)
{
    switch (n->op) {
    case INFER__OP_IDENTITY:
        opt_replace(o, n, n->in[0]);
        return INFER_OK;
    case INFER__OP_CAST:
        return drop_cast(o, n);
    case INFER__OP_RESHAPE:
        return drop_reshape(o, n);
    case INFER__OP_FLATTEN:
    case INFER__OP_SQUEEZE:
    case INFER__OP_UNSQUEEZE:
    case INFER__OP_EXPAND:
    case INFER__OP_TILE:
        return drop_same_shape(o, n);
    case INFER__OP_TRANSPOSE:
        return drop_transpose(o, n);
    case INFER__OP_PAD:
        return drop_pad(o, n);
    case INFER__OP_SLICE:
        return drop_slice(o, n);
    case INFER__OP_CONCAT:
    case INFER__OP_SUM:
    case INFER__OP_MAX:
    case INFER__OP_MIN:
        return drop_single(o, n);
    case INFER__OP_SPLIT:
        return drop_same_shape(o, n);
    default:
        return INFER_OK;
    }
}
