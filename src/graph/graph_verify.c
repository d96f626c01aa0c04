/* The rules of a graph that need no shapes: one small function per rule. Everything after this
 * trusts them, so a rule checks before it follows a number or a pointer. Time and memory are
 * linear in the size of the graph; nothing recurses. */
#include "base/size.h"
#include "graph/control.h"
#include "graph/custom.h"

/* The longest attribute: begin and end of every axis. */
enum { MAX_ATTR_COUNT = 2 * INFER_MAX_RANK };

/* What is known of a value while the graph is walked. */
enum { DEFINED = 1, LISTED_IN = 2, LISTED_OUT = 4 };

struct verify {
    const struct infer__graph *g;
    uint8_t *state; /* per value, a set of the bits above */
    infer_error *err;
};

/* Attributes that are lists; all others have exactly one element. */
#define BIT(key) (UINT64_C(1) << INFER__ATTR_##key)
static const uint64_t list_attrs = BIT(AXES) | BIT(DILATIONS) | BIT(KERNEL_SHAPE) |
                                   BIT(OUTPUT_PADDING) | BIT(OUTPUT_SHAPE) | BIT(PADS) | BIT(PERM) |
                                   BIT(STRIDES) | BIT(ACTIVATIONS) | BIT(ACTIVATION_ALPHA) |
                                   BIT(ACTIVATION_BETA);
#undef BIT

/* ---- values --------------------------------------------------------------------------------- */

static infer_status fail_value(const struct verify *v, uint32_t id, const char *what)
{
    return infer__fail(v->err, INFER_ERROR_FORMAT, "value %u ('%.64s') %s", id,
                       v->g->values[id].name ? v->g->values[id].name : "", what);
}

static infer_status check_absent(const struct verify *v)
{
    const struct infer__value *a = v->g->values;
    infer_error *err = v->err;
    FAIL_IF(!v->g->nvalues || !a, INFER_ERROR_FORMAT, "the graph has no absent value 0");
    FAIL_IF(a->type || a->rank || a->kind != INFER__VALUE_NODE || a->shaped || a->free_dims ||
                a->data || !a->name,
            INFER_ERROR_FORMAT, "value 0 must be absent: no type, no shape, no data");
    return INFER_OK;
}

static infer_status check_value_fields(const struct verify *v, uint32_t id)
{
    const struct infer__value *x = &v->g->values[id];
    if (!x->name)
        return fail_value(v, id, "has no name");
    if (x->kind > INFER__VALUE_CONST)
        return fail_value(v, id, "is of no known kind");
    if (x->type && !infer_type_size((infer_type)x->type))
        return fail_value(v, id, "is of no known type");
    if (x->rank > INFER_MAX_RANK)
        return fail_value(v, id, "has a rank above 8");
    if (x->shaped > 1)
        return fail_value(v, id, "has an impossible flag 'shaped'");
    return INFER_OK;
}

static infer_status check_value_dims(const struct verify *v, uint32_t id)
{
    const struct infer__value *x = &v->g->values[id];
    size_t bytes;
    if (x->free_dims >> x->rank)
        return fail_value(v, id, "has a free dimension beyond its rank");
    for (int i = 0; i < x->rank; i++) {
        if (x->dims[i] < 0)
            return fail_value(v, id, "has a negative dimension");
        if ((x->free_dims >> i & 1) && x->dims[i])
            return fail_value(v, id, "has a free dimension that is not 0");
    }
    if (!x->shaped)
        return INFER_OK;
    if (!x->type)
        return fail_value(v, id, "has a shape but no type");
    if (x->free_dims)
        return fail_value(v, id, "has free dimensions but counts as shaped");
    if (!infer__tensor_bytes(x->dims, x->rank, infer_type_size((infer_type)x->type), UINT64_MAX,
                             &bytes))
        return fail_value(v, id, "has more bytes than a tensor may have");
    return INFER_OK;
}

static infer_status check_const(const struct verify *v, uint32_t id)
{
    const struct infer__value *x = &v->g->values[id];
    if (x->kind != INFER__VALUE_CONST)
        return INFER_OK;
    if (!x->shaped)
        return fail_value(v, id, "is a constant without type and shape");
    if (!x->data && infer__value_bytes(x))
        return fail_value(v, id, "is a constant without data");
    v->state[id] |= DEFINED;
    return INFER_OK;
}

static infer_status check_inputs(const struct verify *v)
{
    const struct infer__graph *g = v->g;
    infer_error *err = v->err;
    FAIL_IF(g->ninputs && !g->inputs, INFER_ERROR_FORMAT, "the list of inputs is missing");
    for (uint32_t i = 0; i < g->ninputs; i++) {
        uint32_t id = g->inputs[i];
        FAIL_IF(!id || id >= g->nvalues, INFER_ERROR_FORMAT,
                "input %u of the graph is value %u, of %u", i, id, g->nvalues);
        if (g->values[id].kind != INFER__VALUE_INPUT)
            return fail_value(v, id, "is listed as an input of the graph but is none");
        if (v->state[id] & LISTED_IN)
            return fail_value(v, id, "is listed twice as an input of the graph");
        if (!g->values[id].type)
            return fail_value(v, id, "is an input of the graph without a type");
        v->state[id] |= LISTED_IN | DEFINED;
    }
    return INFER_OK;
}

static infer_status check_input_listed(const struct verify *v, uint32_t id)
{
    if (v->g->values[id].kind == INFER__VALUE_INPUT && !(v->state[id] & LISTED_IN))
        return fail_value(v, id, "is an input that the graph does not list");
    return INFER_OK;
}

static infer_status check_outputs(const struct verify *v)
{
    const struct infer__graph *g = v->g;
    infer_error *err = v->err;
    FAIL_IF(g->noutputs && !g->outputs, INFER_ERROR_FORMAT, "the list of outputs is missing");
    for (uint32_t i = 0; i < g->noutputs; i++) {
        uint32_t id = g->outputs[i];
        FAIL_IF(!id || id >= g->nvalues, INFER_ERROR_FORMAT,
                "output %u of the graph is value %u, of %u", i, id, g->nvalues);
        if (!(v->state[id] & DEFINED))
            return fail_value(v, id, "is an output of the graph that nothing produces");
        if (v->state[id] & LISTED_OUT)
            return fail_value(v, id, "is listed twice as an output of the graph");
        v->state[id] |= LISTED_OUT;
    }
    return INFER_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

#define FAIL_NODE_IF(cond, status_, ...)                                                           \
    do {                                                                                           \
        if (cond)                                                                                  \
            return infer__fail_node(v->err, (status_), n->name, __VA_ARGS__);                      \
    } while (0)

static infer_status check_op(const struct verify *v, const struct infer__node *n)
{
    infer_error *err = v->err;
    FAIL_IF(!n->name, INFER_ERROR_FORMAT, "node %u has no name", (unsigned)(n - v->g->nodes));
    const struct infer__op_info *op = infer__op_info(n->op);
    FAIL_NODE_IF(!op->name[0], INFER_ERROR_UNSUPPORTED, "operator %u is not known to this version",
                 n->op);
    FAIL_NODE_IF(op->internal, INFER_ERROR_FORMAT, "%s can't stand in a graph: it is made later",
                 op->name);
    FAIL_NODE_IF(n->epi.act || n->epi.residual, INFER_ERROR_FORMAT,
                 "%s has something fused to it, which happens later only", op->name);
    return INFER_OK;
}

static infer_status check_arity(const struct verify *v, const struct infer__node *n)
{
    const struct infer__op_info *op = infer__op_info(n->op);
    FAIL_NODE_IF((n->nin && !n->in) || (n->nout && !n->out), INFER_ERROR_FORMAT,
                 "%s: the list of inputs or outputs is missing", op->name);
    FAIL_NODE_IF(n->nin < op->min_in || (op->max_in != 255 && n->nin > op->max_in),
                 INFER_ERROR_FORMAT, "%s takes %u to %u inputs, not %u", op->name, op->min_in,
                 op->max_in, n->nin);
    FAIL_NODE_IF(n->nout < op->min_out || (op->max_out != 255 && n->nout > op->max_out),
                 INFER_ERROR_FORMAT, "%s has %u to %u outputs, not %u", op->name, op->min_out,
                 op->max_out, n->nout);
    return INFER_OK;
}

/* Inputs come from before; those that the operator needs are there. Of an operator with any
 * number of inputs, all are. */
static infer_status check_node_inputs(const struct verify *v, const struct infer__node *n)
{
    const struct infer__op_info *op = infer__op_info(n->op);
    uint32_t needed = op->max_in == 255 ? n->nin : op->min_in;
    for (uint32_t i = 0; i < n->nin; i++) {
        uint32_t id = n->in[i];
        FAIL_NODE_IF(!id && i < needed, INFER_ERROR_FORMAT, "%s: input %u is missing", op->name, i);
        FAIL_NODE_IF(id >= v->g->nvalues, INFER_ERROR_FORMAT, "%s: input %u is value %u, of %u",
                     op->name, i, id, v->g->nvalues);
        FAIL_NODE_IF(id && !(v->state[id] & DEFINED), INFER_ERROR_FORMAT,
                     "%s: input %u, value %u ('%.64s'), is not produced by an earlier node",
                     op->name, i, id, v->g->values[id].name);
    }
    return INFER_OK;
}

static infer_status check_node_outputs(const struct verify *v, const struct infer__node *n)
{
    const struct infer__op_info *op = infer__op_info(n->op);
    uint32_t needed = op->max_out == 255 ? n->nout : op->min_out;
    for (uint32_t i = 0; i < n->nout; i++) {
        uint32_t id = n->out[i];
        FAIL_NODE_IF(!id && i < needed, INFER_ERROR_FORMAT, "%s: output %u is missing", op->name,
                     i);
        FAIL_NODE_IF(id >= v->g->nvalues, INFER_ERROR_FORMAT, "%s: output %u is value %u, of %u",
                     op->name, i, id, v->g->nvalues);
        if (!id)
            continue;
        FAIL_NODE_IF(v->g->values[id].kind != INFER__VALUE_NODE, INFER_ERROR_FORMAT,
                     "%s: output %u, value %u ('%.64s'), is an input or constant of the graph",
                     op->name, i, id, v->g->values[id].name);
        FAIL_NODE_IF(v->state[id] & DEFINED, INFER_ERROR_FORMAT,
                     "%s: output %u, value %u ('%.64s'), has another producer already", op->name, i,
                     id, v->g->values[id].name);
        v->state[id] |= DEFINED;
    }
    return INFER_OK;
}

static infer_status check_attr(const struct verify *v, const struct infer__node *n,
                               const struct infer__attr *a)
{
    const struct infer__op_info *op = infer__op_info(n->op);
    const char *name = infer__attr_name(a->key);
    FAIL_NODE_IF(!infer__attr_kind(a->key), INFER_ERROR_UNSUPPORTED,
                 "%s: attribute %u is not known to this version", op->name, a->key);
    FAIL_NODE_IF(!(op->attrs >> a->key & 1), INFER_ERROR_FORMAT, "%s has no attribute '%s'",
                 op->name, name);
    FAIL_NODE_IF(a->type != infer__attr_kind(a->key), INFER_ERROR_FORMAT,
                 "%s: attribute '%s' is of the wrong type", op->name, name);
    FAIL_NODE_IF(!(list_attrs >> a->key & 1) && a->count != 1, INFER_ERROR_FORMAT,
                 "%s: attribute '%s' has %u elements, not 1", op->name, name, a->count);
    FAIL_NODE_IF(a->count > MAX_ATTR_COUNT, INFER_ERROR_FORMAT,
                 "%s: attribute '%s' has %u elements, at most %d make sense", op->name, name,
                 a->count, MAX_ATTR_COUNT);
    FAIL_NODE_IF(a->count && !a->ints, INFER_ERROR_FORMAT, "%s: attribute '%s' has no values",
                 op->name, name);
    return INFER_OK;
}

static infer_status check_attrs(const struct verify *v, const struct infer__node *n)
{
    uint64_t seen = 0;
    FAIL_NODE_IF(n->nattr && !n->attr, INFER_ERROR_FORMAT, "the list of attributes is missing");
    for (uint32_t i = 0; i < n->nattr; i++) {
        const struct infer__attr *a = &n->attr[i];
        TRY(check_attr(v, n, a)); /* so the key is below 64 */
        FAIL_NODE_IF(seen >> a->key & 1, INFER_ERROR_FORMAT, "attribute '%s' is given twice",
                     infer__attr_name(a->key));
        seen |= UINT64_C(1) << a->key;
    }
    return INFER_OK;
}

infer_status infer__graph_verify(const struct infer__graph *g, infer_error *err)
{
    struct verify v = {.g = g, .err = err};
    infer__error_clear(err);
    TRY(check_absent(&v));
    v.state = infer__region_calloc(g->region, g->nvalues, 1);
    if (!v.state)
        return infer__no_memory(err, g->nvalues);
    for (uint32_t i = 1; i < g->nvalues; i++) {
        TRY(check_value_fields(&v, i));
        TRY(check_value_dims(&v, i));
        TRY(check_const(&v, i));
    }
    TRY(check_inputs(&v));
    for (uint32_t i = 1; i < g->nvalues; i++)
        TRY(check_input_listed(&v, i));
    FAIL_IF(g->nnodes && !g->nodes, INFER_ERROR_FORMAT, "the list of nodes is missing");
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        TRY(check_op(&v, n));
        TRY(check_arity(&v, n));
        TRY(check_attrs(&v, n));
        TRY(check_node_inputs(&v, n));
        TRY(check_node_outputs(&v, n));
        TRY(n->op == INFER__OP_CUSTOM ? infer__custom_verify(g, n, err) : INFER_OK);
    }
    TRY(check_outputs(&v));
    return infer__control_verify(g, err);
}
