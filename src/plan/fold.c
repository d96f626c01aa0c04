/* Resolving a graph's shapes in order, and computing beforehand what does not depend on its
 * inputs. A model's arithmetic on shapes (Shape, Gather, Concat, Reshape ...) disappears here. */
#include <string.h>

#include "graph/control.h"
#include "plan/bounds.h"
#include "plan/empty.h"
#include "plan/fold.h"
#include "plan/fold_control.h"

/* Whether the resolve function knows integers. */
static int is_of_integers(unsigned op)
{
    const unsigned integers = infer__op_traits(op)->integers;
    return integers == INFER__INTEGERS_CONVERTED || integers == INFER__INTEGERS_SUMMED;
}

infer_status infer__plan_resolve(struct infer__graph *g, const struct infer__node *n,
                                 uint64_t max_tensor_bytes, union infer__params *p,
                                 infer_error *err)
{
    struct infer__node plain = *n; /* without what is fused behind it */
    plain.nin -= n->epi.residual;
    n = &plain;
    int integer = 0;
    for (uint32_t i = 0; i < n->nin && !is_of_integers(n->op); i++)
        integer |= g->values[n->in[i]].quant != NULL;
    if (!integer)
        return infer__bounds_resolve(g, n, max_tensor_bytes, p, NULL, err);
    uint8_t *types = infer__region_calloc(g->region, (size_t)INFER__SUM(n->nin, n->nout), 1);
    if (!types)
        return infer__no_memory(err, n->nin + n->nout);
    for (uint32_t i = 0; i < n->nin + n->nout; i++) {
        struct infer__value *v = &g->values[i < n->nin ? n->in[i] : n->out[i - n->nin]];
        int bias =
            i == 2 && v->type == INFER_S32 && (n->op == INFER__OP_CONV || n->op == INFER__OP_GEMM);
        types[i] = v->type;
        if (v->quant || bias)
            v->type = INFER_F32;
    }
    infer_status status = infer__resolve_node(g, n, max_tensor_bytes, p, err);
    for (uint32_t i = n->nin + n->nout; i-- > 0;)
        g->values[i < n->nin ? n->in[i] : n->out[i - n->nin]].type = types[i];
    return status;
}

/* Results larger than this are left to run time, unless their operands are as large. */
enum { FOLD_BYTES = 1 << 20 };

static struct infer__operand plain_operand(const struct infer__value *v)
{
    struct infer__operand o = {.type = v->type, .rank = v->rank};
    memcpy(o.dims, v->dims, sizeof o.dims);
    o.is_const = v->kind == INFER__VALUE_CONST;
    o.data = v->data;
    o.quant = v->quant;
    return o;
}

/* Prepares, packs and runs one task in one go. */
static infer_status run_task(const infer_allocator *a, const struct infer__task *t,
                             const struct infer__kernel *k, const char *node,
                             struct infer__buffers *b, infer_error *err)
{
    struct infer__need need;
    void *cut = infer__calloc(a, 1, k->cut_bytes);
    if (!cut)
        return infer__no_memory(err, k->cut_bytes);
    infer_status status = infer__kernel_prepare(k, t, node, cut, &need, err);
    if (status != INFER_OK) {
        infer__free(a, cut);
        return status;
    }
    const uint64_t packed_bytes = infer__bytes_count(need.packed_bytes);
    const uint64_t scratch_bytes = infer__bytes_count(need.scratch_bytes);
    void *packed = infer__calloc(a, 1, packed_bytes);
    b->scratch = infer__calloc(a, 1, scratch_bytes);
    b->shared = b->scratch;
    b->packed = packed;
    b->cut = cut;
    if (!packed || !b->scratch) {
        status = infer__no_memory(err, packed ? scratch_bytes : packed_bytes);
    } else {
        if (k->pack && packed_bytes)
            k->pack(t, cut, packed);
        k->run(t, b, 0, need.units);
    }
    if (k->release)
        k->release(cut);
    infer__free(a, cut);
    infer__free(a, packed);
    infer__free(a, b->scratch);
    return status;
}

/* Takes what a task costs off the budget. */
static infer_status spend(const struct infer__node *n, const struct infer__task *t, uint64_t bytes,
                          struct infer__budget *budget, infer_error *err)
{
    const uint64_t work = infer__task_work(t);
    if (!budget)
        return INFER_OK;
    if (work > budget->work)
        return infer__fail_node(err, INFER_ERROR_LIMIT, n->name,
                                "computing constants takes more than the %llu operations that are "
                                "allowed (max_work)",
                                (unsigned long long)budget->max_work);
    if (bytes > budget->bytes)
        return infer__fail_node(err, INFER_ERROR_LIMIT, n->name,
                                "constants that are computed take more memory than is allowed");
    budget->work -= work;
    budget->bytes -= bytes;
    return INFER_OK;
}

/* Memory for the results of a node. */
static infer_status take_results(struct infer__graph *g, const struct infer__node *n, void **out,
                                 infer_error *err)
{
    for (uint32_t i = 0; i < n->nout; i++) {
        const size_t bytes = n->out[i] ? infer__value_bytes(&g->values[n->out[i]]) : 0;
        if (n->out[i] && !(out[i] = infer__region_calloc(g->region, 1, bytes)))
            return infer__no_memory(err, bytes);
    }
    return INFER_OK;
}

infer_status infer__evaluate_node(struct infer__graph *g, const struct infer__node *n,
                                  const union infer__params *p, struct infer__budget *budget,
                                  infer_error *err)
{
    uint32_t count = n->nin + n->nout;
    uint64_t bytes = 0;
    struct infer__operand *ops = infer__region_calloc(g->region, count, sizeof *ops);
    const void **in = infer__region_calloc(g->region, n->nin + 1, sizeof *in);
    void **out = infer__region_calloc(g->region, n->nout, sizeof *out);
    if (!ops || !in || !out)
        return infer__no_memory(err, count * sizeof *ops);
    struct infer__task t = {.op = n->op,
                            .isa = INFER_ISA_C,
                            .threads = 1,
                            .nin = n->nin,
                            .nout = n->nout,
                            .in = ops,
                            .out = ops + n->nin,
                            .p = *p,
                            .epi = n->epi};
    for (uint32_t i = 0; i < n->nin; i++) {
        if (n->in[i] && (n->op == INFER__OP_SHAPE || !infer__value_empty(g, n->in[i])))
            ops[i] = plain_operand(&g->values[n->in[i]]);
        in[i] = ops[i].data;
    }
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i]) {
            ops[n->nin + i] = plain_operand(&g->values[n->out[i]]);
            bytes += infer__value_bytes(&g->values[n->out[i]]); /* each is bounded */
        }
    const struct infer__kernel *k = infer__kernel_choose(&t);
    if (!k)
        return infer__fail_node(
            err, INFER_ERROR_UNSUPPORTED, n->name, "no kernel computes %s on constants of type %s",
            infer__op_info(n->op)->name, infer_type_name((infer_type)(n->nin ? ops[0].type : 0)));
    TRY(spend(n, &t, bytes, budget, err));
    TRY(take_results(g, n, out, err));
    int64_t extent = -1;
    struct infer__buffers b = {.in = in, .out = out, .extent = &extent};
    TRY(run_task(&g->region->allocator, &t, k, n->name, &b, err));
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i]) {
            struct infer__value *v = &g->values[n->out[i]];
            v->kind = INFER__VALUE_CONST;
            v->data = out[i];
            if (extent >= 0)
                infer__bounds_found(n->op, p, i, extent, v->dims);
            v->free_dims = 0;
        }
    return INFER_OK;
}

/* Whether a resolved node can be computed now, and is worth it. */
static int foldable(const struct infer__graph *g, const struct infer__node *n, unsigned flags)
{
    if (infer__op_info(n->op)->layout == INFER__LAYOUT_CLAST)
        return 0; /* its kernels want physical layouts, which only the plan makes */
    if (infer__is_control(n->op) || n->op == INFER__OP_CUSTOM)
        return 0; /* fold_control.c; the application's own are for runs */
    if ((flags & INFER__FOLD_KEEP_QUANTISED) && n->op == INFER__OP_DEQUANTIZE_LINEAR)
        return 0;
    size_t in = 0, out = 0;
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        if (n->in[i] &&
            (n->op == INFER__OP_SHAPE ? v->free_dims != 0 : v->kind != INFER__VALUE_CONST))
            return 0;
        if (n->in[i])
            in += infer__value_bytes(v);
    }
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i])
            out += infer__value_bytes(&g->values[n->out[i]]);
    return out <= FOLD_BYTES || out <= 2 * in;
}

static int inputs_shaped(const struct infer__graph *g, const struct infer__node *n)
{
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i] && !g->values[n->in[i]].shaped)
            return 0;
    return 1;
}

infer_status infer__fold_node(struct infer__graph *g, struct infer__node *n, unsigned flags,
                              uint64_t max_tensor_bytes, struct infer__budget *budget, int *folded,
                              infer_error *err)
{
    enum infer__emptied emptied;
    const int known = inputs_shaped(g, n);
    *folded = 0;
    if ((!known || n->op == INFER__OP_CUSTOM) && (flags & INFER__FOLD_PARTIAL))
        return INFER_OK; /* tools do not have the application's operators */
    if (!known)
        return infer__fail_node(err, INFER_ERROR_INTERNAL, n->name,
                                "an operand of the node has no shape");
    union infer__params p = {0};
    infer_status status = infer__plan_resolve(g, n, max_tensor_bytes, &p, err);
    if (status == INFER_ERROR_NEED_VALUE && (flags & INFER__FOLD_PARTIAL)) {
        infer__error_clear(err); /* its operand is only known once shapes are */
        return INFER_OK;
    }
    if ((flags & INFER__FOLD_PARTIAL) && !(status == INFER_OK && foldable(g, n, flags)) &&
        infer__bounds_forget(g, n, status)) {
        infer__error_clear(err);
        return INFER_OK;
    }
    if (status != INFER_OK)
        return status;
    TRY(infer__empty_node(g, n, &p, &emptied, err));
    if (emptied == INFER__EMPTY_CHANGED)
        TRY(infer__plan_resolve(g, n, max_tensor_bytes, &p, err));
    *folded = emptied == INFER__EMPTY_GONE || foldable(g, n, flags);
    if (emptied == INFER__EMPTY_GONE)
        return INFER_OK;
    return *folded ? infer__evaluate_node(g, n, &p, budget, err)
                   : infer__bounds_value(g, n, &p, budget, folded, err);
}

infer_status infer__fold(struct infer__graph *g, unsigned flags, uint64_t max_tensor_bytes,
                         struct infer__budget *budget, infer_error *err)
{
    struct infer__control_fold c;
    uint32_t kept = 0;
    TRY(infer__control_fold_begin(&c, g, flags, max_tensor_bytes, budget, err));
    for (uint32_t i = c.first; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        int folded = 0;
        infer_status status =
            infer__is_control(n->op)
                ? infer__control_fold(&c, &i, &kept)
                : infer__fold_node(g, n, flags, max_tensor_bytes, budget, &folded, err);
        if (status != INFER_OK)
            TRY(infer__control_refuse(&c, status, &i, &kept));
        else if (!folded && !infer__is_control(n->op))
            g->nodes[kept++] = *n;
    }
    g->nnodes = kept;
    return INFER_OK;
}

infer_status infer__remove_dead(struct infer__graph *g, infer_error *err)
{
    uint8_t *needed = infer__region_calloc(g->region, g->nvalues, 1);
    uint8_t *keep = infer__region_calloc(g->region, g->nnodes, 1);
    if (!needed || !keep)
        return infer__no_memory(err, g->nvalues);
    for (uint32_t i = 0; i < g->noutputs; i++)
        needed[g->outputs[i]] = 1;
    for (uint32_t i = g->nnodes; i-- > 0;) {
        const struct infer__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->nout; k++)
            keep[i] |= n->out[k] && needed[n->out[k]];
        for (uint32_t k = 0; keep[i] && k < n->nin; k++)
            needed[n->in[k]] = 1;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->nnodes; i++)
        if (keep[i])
            g->nodes[kept++] = g->nodes[i];
    g->nnodes = kept;
    return INFER_OK;
}
