/* Operators of the application's own: each unit is a call of its function. */
#include <stdatomic.h>
#include <string.h>

#include "graph/custom.h"
#include "kernels/nd.h"

INFER__APART static double estimate(const struct infer__task *t)
{
    enum { SOME_NS = 100000 }; /* nobody knows */
    return t->op == INFER__OP_CUSTOM && infer__no_epilogue(t) ? SOME_NS : -1;
}

static infer_status prepare(const struct infer__task *t, struct infer__need *need, infer_error *err)
{
    (void)err;
    need->units = t->p.custom.op->parts ? t->p.custom.op->parts : 1;
    return INFER_OK;
}

static infer_tensor tensor_of(const struct infer__operand *o, void *data)
{
    infer_tensor t = {.type = (infer_type)o->type, .rank = o->rank, .data = data};
    memcpy(t.dims, o->dims, sizeof t.dims);
    t.bytes = infer__operand_bytes(o);
    return t;
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    const infer_custom_op *op = t->p.custom.op;
    infer_tensor tensors[INFER__CUSTOM_OPERANDS];
    infer_custom_call call = {.size = sizeof call,
                              .node = t->p.custom.node,
                              .in = tensors + 1,
                              .nin = t->nin - 1,
                              .out = tensors + t->nin,
                              .nout = t->nout,
                              .isa = (infer_isa)t->isa,
                              .parts = op->parts ? op->parts : 1};
    for (uint32_t i = 1; i < t->nin; i++) {
        void *data;
        memcpy(&data, &b->in[i], sizeof data); /* only to be read */
        tensors[i] = tensor_of(&t->in[i], data);
    }
    for (uint32_t k = 0; k < t->nout; k++)
        tensors[t->nin + k] = tensor_of(&t->out[k], b->out[k]);
    for (call.part = begin; call.part < end; call.part++) {
        const infer_status status = op->run(op->ctx, &call);
        if (status != INFER_OK && t->trouble)
            atomic_store_explicit(t->trouble, (int)status, memory_order_relaxed);
    }
}

const struct infer__kernel infer__custom_c = {
    .name = "custom_c", .isa = INFER_ISA_C, .estimate = estimate, .prepare = prepare, .run = run};
