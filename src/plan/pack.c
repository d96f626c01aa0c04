/* Packed weights: every kernel's own form of its constants, written once, on all threads. */
#include "base/size.h"
#include "plan/plan.h"

enum { PACK_ALIGN = 64 };

static int add_packed(size_t *total, uint64_t bytes)
{
    return infer__size_add(*total, bytes, total) && infer__size_align(*total, PACK_ALIGN, total);
}

struct packer {
    struct infer__plan *plan;
    const struct infer__pages *map;
};

static void pack_steps(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct packer *p = ctx;
    (void)thread;
    for (uint32_t i = begin; i < end; i++) {
        struct infer__step *s = &p->plan->steps[i];
        if (!s->kernel->pack || !s->need.packed_bytes)
            continue;
        s->kernel->pack(&s->task, s->need.state, s->packed);
        for (uint32_t k = 0; k < s->task.nin; k++)
            if (s->task.in[k].is_const) /* so that weights are held once, packed */
                infer__pages_drop(p->map, s->task.in[k].data, p->plan->tensors[s->in[k]].bytes);
    }
}

infer_status infer__pack(struct infer__plan *plan, struct infer__pool *pool,
                         const struct infer__pages *map, infer_error *err)
{
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        FAIL_IF(!add_packed(&total, s->need.packed_bytes), INFER_ERROR_LIMIT,
                "packed weights pass the address space");
        if (s->need.scratch_bytes > plan->scratch_bytes)
            plan->scratch_bytes = s->need.scratch_bytes;
    }
    plan->packed_bytes = total;
    plan->packed = infer__alloc(&plan->allocator, total, PACK_ALIGN);
    if (!plan->packed)
        return infer__no_memory(err, total);
    infer__pages_large(plan->packed, total);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        plan->steps[i].packed = (char *)plan->packed + at;
        (void)add_packed(&at, plan->steps[i].need.packed_bytes);
    }
    struct packer p = {plan, map};
    infer__pool_run(pool, pack_steps, &p, plan->nsteps);
    return INFER_OK;
}
