/* Rewrites a graph into an equal, cheaper one. Rounds of
 *
 *   folding       what depends on constants or known shapes only (infer__fold)
 *   optimise_noop.c    Identity, Cast, Reshape, Transpose, Pad, Slice, Concat that change nothing
 *   optimise_affine.c  BatchNormalization and constant Mul, Add, Sub, Div into weights; MatMul and
 *                      Add to Gemm
 *   optimise_weights.c quantised weights of u8 become s8
 *   optimise_const.c   equal constants become one; unused values go
 *
 * until nothing changes. Activations are not touched: fusing them is the plan's business.
 */
#include "tools/onnx/optimise.h"

#include "plan/fold.h"
#include "tools/onnx/onnx_import.h"

#include <string.h>

/* Each round needs a change; real graphs are done after three or four. */
#define MAX_ROUNDS 40

/* ---- the walk ------------------------------------------------------------------------------- */

/* Room for the graph's values and some that rules will add. */
static infer_status grow(struct opt *o)
{
    if (o->g->nvalues <= o->capacity)
        return INFER_OK;
    size_t count = (size_t)o->g->nvalues + o->g->nvalues / 2 + 64;
    count = count > UINT32_MAX ? UINT32_MAX : count;
    uint32_t *all[4] = {o->alias, o->producer, o->uses, o->place};
    for (int i = 0; i < 4; i++) {
        uint32_t *fresh = infer__region_calloc(&o->scratch, count, sizeof *fresh);
        if (!fresh)
            return infer__no_memory(o->err, count * sizeof *fresh);
        if (o->capacity)
            memcpy(fresh, all[i], o->capacity * sizeof *fresh);
        all[i] = fresh;
    }
    uint8_t *output = infer__region_calloc(&o->scratch, count, 1);
    if (!output)
        return infer__no_memory(o->err, count);
    if (o->capacity)
        memcpy(output, o->output, o->capacity);
    o->alias = all[0];
    o->producer = all[1];
    o->uses = all[2];
    o->place = all[3];
    o->output = output;
    o->capacity = (uint32_t)count;
    return INFER_OK;
}

infer_status opt_begin(struct opt *o, struct infer__graph *g, infer_error *err)
{
    memset(o, 0, sizeof *o);
    o->g = g;
    o->err = err;
    infer__region_init(&o->scratch, &g->region->allocator);
    infer_status status = grow(o);
    if (status != INFER_OK) {
        infer__region_free(&o->scratch);
        return status;
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++)
            o->uses[n->in[k]]++;
        for (uint32_t k = 0; k < n->nout; k++) {
            o->producer[n->out[k]] = i + 1;
            o->place[n->out[k]] = k;
        }
    }
    for (uint32_t i = 0; i < g->noutputs; i++) {
        o->uses[g->outputs[i]]++;
        o->output[g->outputs[i]] = 1;
    }
    return INFER_OK;
}

uint32_t opt_value(struct opt *o, uint32_t value)
{
    uint32_t end = value;
    while (o->alias[end])
        end = o->alias[end];
    while (o->alias[value]) { /* shorten the chain for the next one */
        uint32_t next = o->alias[value];
        o->alias[value] = end;
        value = next;
    }
    return end;
}

void opt_end(struct opt *o)
{
    struct infer__graph *g = o->g;
    for (uint32_t i = 0; i < g->nnodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].nin; k++)
            g->nodes[i].in[k] = opt_value(o, g->nodes[i].in[k]);
    infer__region_free(&o->scratch);
}

int opt_replace(struct opt *o, struct infer__node *n, uint32_t by)
{
    struct infer__value *values = o->g->values;
    uint32_t out = n->out[0];
    if (o->output[out] && (values[by].kind != INFER__VALUE_NODE || o->output[by]))
        return 0;
    for (uint32_t k = 0; k < n->nin; k++)
        o->uses[n->in[k]]--;
    uint32_t uses = o->uses[by] + o->uses[out];
    if (o->output[out]) {
        /* The producer of `by` makes the output itself. */
        o->g->nodes[o->producer[by] - 1].out[o->place[by]] = out;
        o->producer[out] = o->producer[by];
        o->place[out] = o->place[by];
        o->alias[by] = out;
        o->uses[out] = uses;
    } else {
        o->alias[out] = by;
        o->uses[by] = uses;
    }
    n->nin = n->nout = 0;
    o->changes++;
    return 1;
}

struct infer__node *opt_single(struct opt *o, uint32_t value)
{
    if (!value || o->uses[value] != 1 || o->output[value] || !o->producer[value])
        return NULL;
    return &o->g->nodes[o->producer[value] - 1];
}

infer_status opt_const_of(struct opt *o, const char *name, infer_type type, int rank,
                          const int64_t *dims, const void *data, uint32_t *value)
{
    TRY(infer__graph_add_const(o->g, name, type, rank, dims, data, 1, value, o->err));
    return grow(o);
}

infer_status opt_const(struct opt *o, const char *name, int rank, const int64_t *dims,
                       const float *data, uint32_t *value)
{
    return opt_const_of(o, name, INFER_F32, rank, dims, data, value);
}

infer_status opt_set_in(struct opt *o, struct infer__node *n, const uint32_t *in, uint32_t nin)
{
    uint32_t *copy = infer__region_copy(o->g->region, in, nin * sizeof *in);
    if (!copy)
        return infer__no_memory(o->err, nin * sizeof *in);
    for (uint32_t k = 0; k < n->nin; k++)
        o->uses[n->in[k]]--;
    for (uint32_t k = 0; k < nin; k++)
        o->uses[in[k]]++;
    n->in = copy;
    n->nin = nin;
    return INFER_OK;
}

const struct infer__value *opt_in(const struct opt *o, const struct infer__node *n, uint32_t i)
{
    return i < n->nin && n->in[i] ? &o->g->values[n->in[i]] : NULL;
}

const struct infer__value *opt_const_in(const struct opt *o, const struct infer__node *n,
                                        uint32_t i)
{
    const struct infer__value *v = opt_in(o, n, i);
    return v && v->kind == INFER__VALUE_CONST && v->type == INFER_F32 ? v : NULL;
}

/* Longer chains of nodes that keep the type end without an answer: Cast then stays. */
enum { MAX_TYPE_STEPS = 200 };

infer_type opt_type(const struct opt *o, uint32_t value)
{
    for (int step = 0; step < MAX_TYPE_STEPS; step++) {
        uint32_t operand, end = value;
        while (o->alias[end])
            end = o->alias[end];
        const struct infer__value *v = &o->g->values[end];
        if (v->type || !o->producer[end])
            return (infer_type)v->type;
        const struct infer__node *n = &o->g->nodes[o->producer[end] - 1];
        infer_type type = n->nin ? onnx_output_type(n, end, &operand) : INFER_TYPE_NONE;
        if (type || !n->nin || operand >= n->nin)
            return type;
        value = n->in[operand];
    }
    return INFER_TYPE_NONE;
}

int opt_rank(const struct infer__value *v)
{
    return v && (v->shaped || v->free_dims) ? v->rank : -1;
}

/* ---- rounds --------------------------------------------------------------------------------- */

static infer_status walk(struct infer__graph *g, uint32_t *changes, infer_error *err)
{
    struct opt o;
    infer_status status = INFER_OK;
    TRY(opt_begin(&o, g, err));
    for (uint32_t i = 0; i < g->nnodes && status == INFER_OK; i++) {
        struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nin; k++)
            n->in[k] = opt_value(&o, n->in[k]);
        if (n->nout == 1)
            status = opt_noop(&o, n);
        if (n->nout == 1 && status == INFER_OK) /* a replaced node has no output any more */
            status = opt_affine(&o, n);
        if (n->nout == 1 && status == INFER_OK)
            status = opt_weights(&o, n);
    }
    opt_end(&o);
    *changes = o.changes;
    return status;
}

infer_status onnx_optimise(struct infer__graph *g, uint64_t max_tensor_bytes, infer_error *err)
{
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    struct infer__budget budget = infer__budget_for(g, 0);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        uint32_t changes, before = g->nnodes;
        TRY(infer__fold(g, INFER__FOLD_PARTIAL | INFER__FOLD_KEEP_QUANTISED, max_tensor_bytes,
                        &budget, err));
        TRY(walk(g, &changes, err));
        TRY(infer__remove_dead(g, err));
        if (!changes && before == g->nnodes)
            break;
    }
    TRY(opt_expand_batch_norm(g, err));
    TRY(infer__fold(g, INFER__FOLD_PARTIAL | INFER__FOLD_KEEP_QUANTISED, max_tensor_bytes, &budget,
                    err));
    TRY(opt_share_constants(g, err));
    TRY(infer__remove_dead(g, err));
    TRY(opt_compact(g, err));
    return infer__graph_verify(g, err);
}
