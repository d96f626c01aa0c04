/* Custom: the shapes that the application's function gives. */
#include <stdlib.h>
#include <string.h>

#include "graph/custom.h"
#include "graph/resolve.h"

static int by_descriptor(const void *key, const void *node)
{
    const uintptr_t x = (uintptr_t)key;
    const uintptr_t y = (uintptr_t)((const struct infer_custom_node *)node)->descriptor;
    return (x > y) - (x < y);
}

static infer_status find(struct infer__resolve *r, struct infer__custom *c)
{
    const struct infer__customs *all = r->g->customs;
    const void *descriptor = r->g->values[r->node->in[0]].data;
    RESOLVE_FAIL_IF(!all || !descriptor, INFER_ERROR_UNSUPPORTED,
                    "no operators of the application's were given (infer_load_options.custom_ops)");
    c->node = bsearch(descriptor, all->nodes, all->nnodes, sizeof *all->nodes, by_descriptor);
    RESOLVE_FAIL_IF(!c->node, INFER_ERROR_UNSUPPORTED, "the operator is not known");
    for (size_t i = 0; i < all->nops && !c->op; i++)
        if (strcmp(all->ops[i].name, c->node->name) == 0 &&
            strcmp(all->ops[i].domain, c->node->domain) == 0)
            c->op = &all->ops[i];
    RESOLVE_FAIL_IF(!c->op, INFER_ERROR_UNSUPPORTED,
                    "the application has given no function for %.64s of %.64s "
                    "(infer_load_options.custom_ops)",
                    c->node->name, c->node->domain);
    return INFER_OK;
}

infer_status infer__resolve_custom(struct infer__resolve *r)
{
    const struct infer__node *n = r->node;
    struct infer__custom *c = &r->params->custom;
    infer_tensor t[INFER__CUSTOM_OPERANDS] = {{0}};
    infer_custom_call call = {.size = sizeof call};
    TRY(find(r, c));
    RESOLVE_FAIL_IF((uint64_t)n->nin + n->nout > INFER__CUSTOM_OPERANDS, INFER_ERROR_LIMIT,
                    "more than %d inputs and outputs", INFER__CUSTOM_OPERANDS);
    for (uint32_t i = 1; i < n->nin; i++) {
        const struct infer__value *v = infer__resolve_in(r, i);
        t[i].type = (infer_type)v->type;
        t[i].rank = v->rank;
        memcpy(t[i].dims, v->dims, sizeof t[i].dims);
        t[i].bytes = infer__value_bytes(v);
        if (v->kind == INFER__VALUE_CONST)
            memcpy(&t[i].data, &v->data, sizeof t[i].data); /* only to be read */
    }
    call.node = c->node;
    call.in = t + 1;
    call.nin = n->nin - 1;
    call.out = t + n->nin;
    call.nout = n->nout;
    const infer_status status = c->op->shape(c->op->ctx, &call);
    RESOLVE_FAIL_IF(status != INFER_OK, status,
                    "the application's function for shapes of %.64s fails", c->node->name);
    for (uint32_t k = 0; k < n->nout; k++) {
        const infer_tensor *y = &call.out[k];
        RESOLVE_FAIL_IF(!infer_type_size(y->type), INFER_ERROR_ARGUMENT,
                        "the application's function gave output %u no type", k);
        TRY(infer__resolve_out(r, k, y->type, y->rank, y->dims));
    }
    return INFER_OK;
}
