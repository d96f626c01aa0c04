/* Resolving a graph's shapes in order, and computing beforehand what does not depend on its
 * inputs. A model's arithmetic on shapes (Shape, Gather, Concat, Reshape ...) disappears here. */
#include <string.h>

#include "plan/plan.h"

/* Operators whose resolve functions know integers. */
static int is_of_integers(unsigned op)
{
    return op == INFER__OP_QUANTIZE_LINEAR || op == INFER__OP_DEQUANTIZE_LINEAR ||
           op == INFER__OP_CONV_INTEGER || op == INFER__OP_MATMUL_INTEGER;
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
        return infer__resolve_node(g, n, max_tensor_bytes, p, err);
    uint8_t *types = infer__region_calloc(g->region, n->nin + n->nout, 1);
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
static infer_status run_task(struct infer__region *region, const struct infer__task *t,
                             const struct infer__kernel *k, struct infer__buffers *b,
                             infer_error *err)
{
    struct infer__need need = {0};
    need.units = 1;
    if (k->prepare)
        TRY(k->prepare(t, &need, err));
    void *packed = infer__region_calloc(region, 1, need.packed_bytes);
    b->scratch = infer__region_calloc(region, 1, need.scratch_bytes);
    b->shared = b->scratch;
    b->packed = packed;
    b->state = need.state;
    infer_status status = INFER_OK;
    if (!packed || !b->scratch) {
        status = infer__no_memory(err, need.packed_bytes + need.scratch_bytes);
    } else {
        if (k->pack && need.packed_bytes)
            k->pack(t, need.state, packed);
        k->run(t, b, 0, need.units);
    }
    if (k->release && need.state)
        k->release(need.state);
    return status;
}

infer_status infer__evaluate_node(struct infer__graph *g, const struct infer__node *n,
                                  const union infer__params *p, infer_error *err)
{
    uint32_t count = n->nin + n->nout;
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
        if (n->in[i])
            ops[i] = plain_operand(&g->values[n->in[i]]);
        in[i] = ops[i].data;
    }
    for (uint32_t i = 0; i < n->nout; i++) {
        if (!n->out[i])
            continue;
        const struct infer__value *v = &g->values[n->out[i]];
        ops[n->nin + i] = plain_operand(v);
        size_t bytes = infer__value_bytes(v);
        out[i] = infer__region_calloc(g->region, 1, bytes);
        if (!out[i])
            return infer__no_memory(err, bytes);
    }
    const struct infer__kernel *k = infer__kernel_choose(&t);
    if (!k)
        return infer__fail_node(
            err, INFER_ERROR_UNSUPPORTED, n->name, "no kernel computes %s on constants of type %s",
            infer__op_info(n->op)->name, infer_type_name((infer_type)(n->nin ? ops[0].type : 0)));
    struct infer__buffers b = {.in = in, .out = out};
    TRY(run_task(g->region, &t, k, &b, err));
    for (uint32_t i = 0; i < n->nout; i++)
        if (n->out[i]) {
            struct infer__value *v = &g->values[n->out[i]];
            v->kind = INFER__VALUE_CONST;
            v->data = out[i];
        }
    return INFER_OK;
}

/* Whether a resolved node can be computed now, and is worth it. */
static int foldable(const struct infer__graph *g, const struct infer__node *n, unsigned flags)
{
    if (infer__op_info(n->op)->layout == INFER__LAYOUT_CLAST)
        return 0; /* its kernels want physical layouts, which only the plan makes */
    if ((flags & INFER__FOLD_KEEP_QUANTISED) && n->op == INFER__OP_DEQUANTIZE_LINEAR)
        return 0;
    size_t in = 0, out = 0;
    for (uint32_t i = 0; i < n->nin; i++) {
        const struct infer__value *v = &g->values[n->in[i]];
        if (n->in[i] && v->kind != INFER__VALUE_CONST && n->op != INFER__OP_SHAPE)
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

infer_status infer__fold(struct infer__graph *g, unsigned flags, uint64_t max_tensor_bytes,
                         infer_error *err)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        struct infer__node *n = &g->nodes[i];
        int known = inputs_shaped(g, n), folded = 0;
        if (!known && !(flags & INFER__FOLD_PARTIAL))
            return infer__fail_node(err, INFER_ERROR_INTERNAL, n->name,
                                    "an operand of the node has no shape");
        if (known) {
            union infer__params p = {0};
            infer_status status = infer__plan_resolve(g, n, max_tensor_bytes, &p, err);
            if (status == INFER_ERROR_NEED_VALUE && (flags & INFER__FOLD_PARTIAL))
                infer__error_clear(err); /* its operand is only known once shapes are */
            else if (status != INFER_OK)
                return status;
            else if (foldable(g, n, flags)) {
                TRY(infer__evaluate_node(g, n, &p, err));
                folded = 1;
            }
        }
        if (!folded)
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
