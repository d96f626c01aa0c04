/* Estimates of nodes before they are steps; see estimate.h. */
#include "plan/estimate.h"

#include <math.h>

/* Of a value that does not fit into a second-level cache with what is computed from it: bytes that
 * go to the third-level cache or come back, measured in quiet on a Zen 4 (90 to 130), less what
 * neighbours use of it. */
static const double memory_bytes_per_ns = 60;
enum { CACHED_BYTES = 512 << 10 };

/* Operands as the lowering will make them: pictures are channels-last. */
static struct infer__operand operand_of(const struct infer__value *v, int picture)
{
    struct infer__operand o = {.type = v->type, .rank = v->rank, .clast = (uint8_t)picture};
    o.is_const = v->kind == INFER__VALUE_CONST;
    o.data = o.is_const ? v->data : NULL;
    for (int i = 0; i < v->rank; i++)
        o.dims[picture && i ? (i == 1 ? v->rank - 1 : i - 1) : i] = v->dims[i];
    return o;
}

double infer__estimate_task(const struct infer__task *t)
{
    const struct infer__kernel *k = infer__kernel_choose(t);
    return k ? k->estimate(t) : INFINITY;
}

double infer__estimate_node(const struct infer__graph *g, const struct infer__plan_options *o,
                            const struct infer__node *n)
{
    struct infer__operand in[INFER__ESTIMATE_OPERANDS] = {{0}};
    struct infer__operand out = operand_of(&g->values[n->out[0]], 1);
    const int any = infer__op_info(n->op)->layout == INFER__LAYOUT_ANY;
    struct infer__task t = {.op = n->op,
                            .isa = (uint8_t)o->isa,
                            .onednn = (uint8_t)o->onednn,
                            .threads = 1,
                            .nin = n->nin,
                            .nout = 1,
                            .in = in,
                            .out = &out,
                            .epi = n->epi,
                            .inner = n->inner,
                            .bf16 = (uint8_t)o->bf16,
                            .machine = o->machine,
                            .no_memory = o->no_memory};
    struct infer__graph scratch = *g; /* resolve writes shapes that are there already */
    struct infer__node plain = *n;
    infer_error err;
    plain.nin -= n->epi.residual;
    if (n->nin > INFER__ESTIMATE_OPERANDS ||
        infer__resolve_node(&scratch, &plain, o->max_tensor_bytes, &t.p, &err) != INFER_OK)
        return INFINITY;
    for (uint32_t i = 0; i < n->nin; i++)
        if (n->in[i])
            in[i] = operand_of(&g->values[n->in[i]],
                               any || i == 0 || (n->epi.residual && i == n->nin - 1));
    return infer__estimate_task(&t);
}

double infer__estimate_memory(double bytes, double per_ns)
{
    if (!(per_ns > 0))
        per_ns = memory_bytes_per_ns;
    return bytes > CACHED_BYTES ? 2 * (bytes - CACHED_BYTES) / per_ns : 0;
}
