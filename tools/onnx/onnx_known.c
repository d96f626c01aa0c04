/* What is known of values before the graph is whole: small constants that only depend on constants
 * and known shapes, and types. */
#include "tools/onnx/onnx_internal.h"

#include "graph/control.h"
#include "plan/bounds.h"
#include "plan/empty.h"
#include "tools/onnx/optimise.h"

/* Values larger than this decide nothing at import, and more steps than these mean a chain that no
 * exporter writes. */
enum { KNOWN_BYTES = 1 << 16, MAX_CHAIN = 64, MAX_STEPS = 2000, MAX_TYPE_STEPS = 200 };

/* Enters the nodes that were added since the last time. */
static infer_status enter_nodes(struct onnx_importer *im)
{
    struct onnx_known *k = im->known;
    struct infer__graph *g = im->g;
    if (g->nvalues > k->capacity) {
        uint32_t before = k->capacity;
        void *array = k->producer;
        if (!infer__region_grow(g->region, &array, &k->capacity, g->nvalues, sizeof *k->producer))
            return infer__no_memory(im->err, g->nvalues * sizeof *k->producer);
        k->producer = array;
        for (uint32_t i = before; i < k->capacity; i++)
            k->producer[i] = 0;
    }
    for (; k->nodes < g->nnodes; k->nodes++)
        for (uint32_t i = 0; i < g->nodes[k->nodes].nout; i++)
            k->producer[g->nodes[k->nodes].out[i]] = k->nodes + 1;
    k->producer[0] = 0;
    return INFER_OK;
}

static int is_small(const struct infer__graph *g, uint32_t value)
{
    return g->values[value].shaped && !infer__value_empty(g, value) &&
           infer__value_bytes(&g->values[value]) <= KNOWN_BYTES;
}

/* Computes a node whose operands are constants; *known is 0 where it can't be done now. */
static infer_status compute(struct onnx_importer *im, struct infer__node *n, int *known)
{
    union infer__params p;
    infer_error err;
    struct infer__graph *g = im->g;
    *known = infer__op_info(n->op)->layout != INFER__LAYOUT_CLAST && !infer__is_control(n->op);
    for (uint32_t i = 0; i < n->nin; i++)
        *known &= !n->in[i] ||
                  (n->op == INFER__OP_SHAPE ? g->values[n->in[i]].shaped : is_small(g, n->in[i]));
    if (!*known)
        return INFER_OK;
    if (!im->known->budget.max_work)
        im->known->budget = infer__budget_for(g, 0);
    infer__error_clear(&err);
    infer_status status = infer__resolve_node(g, n, im->options->max_tensor_bytes, &p, &err);
    for (uint32_t i = 0; i < n->nout && status == INFER_OK; i++)
        *known &= !n->out[i] || is_small(g, n->out[i]);
    if (status == INFER_OK && *known)
        status = infer__evaluate_node(g, n, &p, &im->known->budget, &err);
    *known &= status == INFER_OK;
    if (status == INFER_ERROR_NO_MEMORY) {
        *im->err = err;
        return status;
    }
    if (!*known)
        infer__bounds_forget(g, n, status);
    if (*known)
        n->nin = n->nout = 0;
    return INFER_OK;
}

infer_status onnx_know(struct onnx_importer *im, uint32_t value, int *known)
{
    struct infer__graph *g = im->g;
    uint32_t stack[MAX_CHAIN], depth = 0;
    TRY(enter_nodes(im));
    *known = 1;
    stack[depth++] = value;
    for (int step = 0; depth; step++) {
        uint32_t v = stack[depth - 1], p = im->known->producer[v], before = depth;
        if (g->values[v].kind == INFER__VALUE_CONST) {
            depth--;
            continue;
        }
        *known = p && step < MAX_STEPS;
        if (!*known)
            return INFER_OK;
        struct infer__node *n = &g->nodes[p - 1];
        for (uint32_t i = 0; i < n->nin && n->op != INFER__OP_SHAPE; i++) {
            if (!n->in[i] || g->values[n->in[i]].kind == INFER__VALUE_CONST)
                continue;
            *known = depth < MAX_CHAIN;
            if (!*known)
                return INFER_OK;
            stack[depth++] = n->in[i];
        }
        if (depth > before)
            continue;
        TRY(compute(im, n, known));
        if (!*known)
            return INFER_OK;
    }
    return INFER_OK;
}

void onnx_drop_known(struct infer__graph *g)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].nout)
            g->nodes[kept++] = g->nodes[i];
    g->nnodes = kept;
}

/* The operand that has the type of a result of EndIf, Loop or EndLoop. */
static uint32_t handed_on(const struct infer__node *n, uint32_t value)
{
    const uint32_t states = infer__loop_states(n->nin, n->nout);
    uint32_t k = 0;
    while (k < n->nout - 1 && n->out[k] != value)
        k++;
    if (n->op == INFER__OP_END_IF)
        return 1 + 2 * k;
    if (n->op == INFER__OP_LOOP) /* the limit and the iteration are both s64 */
        return k;
    return k < states ? infer__loop_state(k) : infer__loop_scan(states, k - states);
}

infer_type onnx_output_type(const struct infer__node *n, uint32_t value, uint32_t *operand)
{
    *operand = 0;
    switch (n->op) {
    case INFER__OP_CAST:
    case INFER__OP_BIT_CAST:
        return (infer_type)infer__node_int(n, INFER__ATTR_TO, INFER_TYPE_NONE);
    case INFER__OP_EQUAL:
    case INFER__OP_LESS:
    case INFER__OP_LESS_OR_EQUAL:
    case INFER__OP_GREATER:
    case INFER__OP_GREATER_OR_EQUAL:
        return INFER_BOOL;
    case INFER__OP_SHAPE:
    case INFER__OP_ARG_MAX:
    case INFER__OP_ARG_MIN:
    case INFER__OP_NON_ZERO:
    case INFER__OP_NON_MAX_SUPPRESSION:
        return INFER_S64;
    case INFER__OP_MAX_POOL:
    case INFER__OP_TOP_K:
    case INFER__OP_UNIQUE:
        return value == n->out[0] ? INFER_TYPE_NONE : INFER_S64;
    case INFER__OP_DEQUANTIZE_LINEAR:
    case INFER__OP_RANDOM:
        return INFER_F32;
    case INFER__OP_DYNAMIC_QUANTIZE_LINEAR:
        return n->nout > 1 && value == n->out[1] ? INFER_F32 : INFER_U8;
    case INFER__OP_CONV_INTEGER:
    case INFER__OP_MATMUL_INTEGER:
        return INFER_S32;
    case INFER__OP_QUANTIZE_LINEAR:
        *operand = 2;
        return n->nin > 2 ? INFER_TYPE_NONE : INFER_U8;
    case INFER__OP_CONSTANT_OF_SHAPE:
    case INFER__OP_WHERE:
        *operand = 1;
        return n->nin > 1 ? INFER_TYPE_NONE : INFER_F32;
    case INFER__OP_END_IF:
    case INFER__OP_LOOP:
    case INFER__OP_END_LOOP:
        *operand = handed_on(n, value);
        return INFER_TYPE_NONE;
    default:
        return INFER_TYPE_NONE;
    }
}

infer_type onnx_value_type(struct onnx_importer *im, uint32_t value)
{
    const struct infer__graph *g = im->g;
    for (int step = 0; step < MAX_TYPE_STEPS; step++) {
        uint32_t operand;
        if (g->values[value].type)
            return (infer_type)g->values[value].type;
        if (enter_nodes(im) != INFER_OK || !im->known->producer[value])
            return INFER_TYPE_NONE;
        const struct infer__node *n = &g->nodes[im->known->producer[value] - 1];
        infer_type type = onnx_output_type(n, value, &operand);
        if (type || operand >= n->nin)
            return type;
        value = n->in[operand];
    }
    return INFER_TYPE_NONE;
}
