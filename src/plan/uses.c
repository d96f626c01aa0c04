#include "plan/uses.h"

infer_status infer__uses_of(const struct infer__graph *g, struct infer__uses *u, infer_error *err)
{
    u->count = infer__region_calloc(g->region, g->nvalues, sizeof *u->count);
    u->producer = infer__region_calloc(g->region, g->nvalues, sizeof *u->producer);
    u->reader = infer__region_calloc(g->region, g->nvalues, sizeof *u->reader);
    u->nvalues = g->nvalues;
    if (!u->count || !u->producer || !u->reader)
        return infer__no_memory(err, g->nvalues * sizeof *u->count);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++) {
            u->count[n->in[k]]++;
            u->reader[n->in[k]] = i + 1;
        }
        for (uint32_t k = 0; k < n->nout; k++)
            u->producer[n->out[k]] = n->out[k] ? i + 1 : 0;
    }
    for (uint32_t i = 0; i < g->noutputs; i++)
        u->count[g->outputs[i]]++;
    for (uint32_t i = 1; i < g->nvalues; i++)
        u->count[i] += g->values[i].shaped && g->values[i].free_dims;
    return INFER_OK;
}

void infer__uses_end(const struct infer__graph *g, struct infer__uses *u)
{
    const size_t bytes = u->nvalues * sizeof *u->count;
    infer__region_drop(g->region, u->count, bytes);
    infer__region_drop(g->region, u->producer, bytes);
    infer__region_drop(g->region, u->reader, bytes);
    *u = (struct infer__uses){0};
}

struct infer__node *infer__sole_producer(const struct infer__graph *g, const struct infer__uses *u,
                                         uint32_t v, uint32_t count)
{
    if (!u->producer[v] || u->count[v] != count)
        return NULL;
    struct infer__node *n = &g->nodes[u->producer[v] - 1];
    return n->op != INFER__OP_NONE && n->nout == 1 ? n : NULL;
}

struct infer__node *infer__sole_plain(const struct infer__graph *g, const struct infer__uses *u,
                                      uint32_t v, uint16_t op)
{
    struct infer__node *n = infer__sole_producer(g, u, v, 1);
    return n && n->op == op && !n->epi.act && !n->epi.residual && !n->epi.requant ? n : NULL;
}

void infer__erase(struct infer__node *n)
{
    n->op = INFER__OP_NONE;
}

void infer__drop_erased(struct infer__graph *g)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (g->nodes[i].op != INFER__OP_NONE)
            g->nodes[kept++] = g->nodes[i];
    g->nnodes = kept;
}
