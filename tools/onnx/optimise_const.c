/* Equal constants become one, and values that nobody names go away. */
#include "tools/onnx/optimise.h"

#include <stdlib.h>
#include <string.h>

struct constant {
    const struct infer__value *v;
    uint64_t hash;
    uint32_t id;
};

/* FNV-1a, 64 bits; only to sort quickly: equal hashes are compared byte by byte. */
static uint64_t hash_bytes(const void *data, size_t bytes)
{
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 0x100000001b3;
    return h;
}

/* 0 if the constants are equal; their numbers are not looked at. */
static int differ(const struct constant *a, const struct constant *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    if (a->v->type != b->v->type)
        return a->v->type < b->v->type ? -1 : 1;
    if (a->v->rank != b->v->rank)
        return a->v->rank < b->v->rank ? -1 : 1;
    int c = memcmp(a->v->dims, b->v->dims, sizeof a->v->dims);
    if (c || !a->v->data || !b->v->data)
        return c;
    return memcmp(a->v->data, b->v->data, infer__value_bytes(a->v));
}

static int compare(const void *x, const void *y)
{
    const struct constant *a = x, *b = y;
    int c = differ(a, b);
    return c ? c : (a->id > b->id) - (a->id < b->id);
}

infer_status opt_share_constants(struct infer__graph *g, infer_error *err)
{
    struct opt o;
    uint32_t count = 0;
    TRY(opt_begin(&o, g, err));
    struct constant *all = infer__region_calloc(&o.scratch, g->nvalues, sizeof *all);
    if (!all) {
        opt_end(&o);
        return infer__no_memory(err, g->nvalues * sizeof *all);
    }
    for (uint32_t i = 1; i < g->nvalues; i++) {
        const struct infer__value *v = &g->values[i];
        if (v->kind != INFER__VALUE_CONST || !o.uses[i] || o.output[i])
            continue;
        uint64_t hash = v->data ? hash_bytes(v->data, infer__value_bytes(v)) : 0;
        all[count++] = (struct constant){v, hash, i};
    }
    qsort(all, count, sizeof *all, compare);
    for (uint32_t i = 1, first = 0; i < count; i++) {
        if (differ(&all[first], &all[i]))
            first = i;
        else
            o.alias[all[i].id] = all[first].id;
    }
    opt_end(&o);
    return INFER_OK;
}

/* ---- numbering ------------------------------------------------------------------------------ */

static void renumber(uint32_t *ids, uint32_t count, const uint32_t *to)
{
    for (uint32_t i = 0; i < count; i++)
        ids[i] = to[ids[i]];
}

infer_status opt_compact(struct infer__graph *g, infer_error *err)
{
    uint32_t *to = infer__region_calloc(g->region, g->nvalues, sizeof *to), next = 1;
    if (!to)
        return infer__no_memory(err, g->nvalues * sizeof *to);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            to[g->nodes[i].in[k]] = 1;
        for (uint32_t k = 0; k < g->nodes[i].nout; k++)
            to[g->nodes[i].out[k]] = 1;
    }
    for (uint32_t i = 0; i < g->ninputs; i++)
        to[g->inputs[i]] = 1;
    for (uint32_t i = 0; i < g->noutputs; i++)
        to[g->outputs[i]] = 1;
    to[0] = 0; /* the absent value stays where it is */
    for (uint32_t i = 1; i < g->nvalues; i++)
        if (to[i]) {
            g->values[next] = g->values[i];
            to[i] = next++;
        }
    g->nvalues = next;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        renumber(g->nodes[i].in, g->nodes[i].nin, to);
        renumber(g->nodes[i].out, g->nodes[i].nout, to);
    }
    renumber(g->inputs, g->ninputs, to);
    renumber(g->outputs, g->noutputs, to);
    return INFER_OK;
}
