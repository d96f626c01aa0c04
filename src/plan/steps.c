/* Steps: their operands, who writes and reads their tensors; see steps.h. */
#include "plan/steps.h"

#include <string.h>

infer_status infer__plan_add_tensor(struct infer__plan *plan, uint32_t *tensor, infer_error *err)
{
    void *tensors = plan->tensors;
    if (!infer__region_grow(&plan->region, &tensors, &plan->tensors_capacity, plan->ntensors + 1,
                            sizeof *plan->tensors))
        return infer__no_memory(err, sizeof *plan->tensors);
    plan->tensors = tensors;
    memset(&plan->tensors[plan->ntensors], 0, sizeof *plan->tensors);
    *tensor = plan->ntensors++;
    return INFER_OK;
}

void infer__task_options(struct infer__task *t, const struct infer__plan_options *o)
{
    t->isa = (uint8_t)o->isa;
    t->onednn = (uint8_t)o->onednn;
    t->threads = o->threads;
    t->bf16 = (uint8_t)o->bf16;
    t->strict = (uint8_t)o->strict;
    t->machine = o->machine;
    t->trouble = o->trouble;
}

infer_status infer__fill_operands(struct infer__plan *plan, const struct infer__plan_options *o,
                                  infer_error *err)
{
    for (uint32_t i = 0; i < plan->nsteps; i++)
        plan->noperands += (uint64_t)plan->steps[i].task.nin + plan->steps[i].task.nout;
    struct infer__operand *ops =
        infer__region_calloc(&plan->region, plan->noperands, sizeof *plan->operands);
    if (!ops)
        return infer__no_memory(err, plan->noperands * sizeof *ops);
    plan->operands = ops;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        struct infer__step *s = &plan->steps[i];
        for (uint32_t k = 0; k < s->task.nin; k++)
            ops[k] = plan->tensors[s->in[k]].desc;
        for (uint32_t k = 0; k < s->task.nout; k++)
            ops[s->task.nin + k] = plan->tensors[s->out[k]].desc;
        s->task.in = ops;
        s->task.out = ops + s->task.nin;
        infer__task_options(&s->task, o);
        if (s->bounded) /* a run allocates nothing */
            s->task.onednn = 0;
        ops += s->task.nin + s->task.nout;
    }
    return INFER_OK;
}

/* Constants count as the kernel has packed them: it reads that, not what the file has. */
uint64_t infer__step_bytes(const struct infer__plan *plan, const struct infer__step *s)
{
    uint64_t n = infer__bytes_count(s->need.packed_bytes);
    for (uint32_t k = 0; k < s->task.nin; k++)
        if (!s->task.in[k].is_const || !infer__bytes_count(s->need.packed_bytes))
            n += plan->tensors[s->in[k]].bytes;
    for (uint32_t k = 0; k < s->task.nout; k++)
        n += plan->tensors[s->out[k]].bytes;
    return n;
}

/* ---- who writes and reads ------------------------------------------------------------------- */

infer_status infer__tensor_uses_of(struct infer__plan *plan, struct infer__tensor_uses *u,
                                   infer_error *err)
{
    u->ntensors = plan->ntensors;
    u->writer = infer__region_calloc(&plan->region, u->ntensors, sizeof *u->writer);
    u->reads = infer__region_calloc(&plan->region, u->ntensors, sizeof *u->reads);
    u->reader = infer__region_calloc(&plan->region, u->ntensors, sizeof *u->reader);
    if (!u->writer || !u->reads || !u->reader)
        return infer__no_memory(err, u->ntensors * sizeof *u->reads);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        for (uint32_t k = 0; k < s->task.nout; k++)
            u->writer[s->out[k]] = i + 1;
        for (uint32_t k = 0; k < s->task.nin; k++) {
            const size_t root = (size_t)(infer__plan_root(plan, s->in[k]) - plan->tensors);
            u->reads[root]++;
            u->reader[root] = i + 1;
        }
    }
    return INFER_OK;
}

void infer__tensor_uses_end(struct infer__plan *plan, struct infer__tensor_uses *u)
{
    const size_t bytes = u->ntensors * sizeof *u->reads;
    infer__region_drop(&plan->region, u->writer, bytes);
    infer__region_drop(&plan->region, u->reads, bytes);
    infer__region_drop(&plan->region, u->reader, bytes);
    *u = (struct infer__tensor_uses){0};
}

/* The step of a number plus 1 that deals with t, if t is read once and has memory of its own. */
static struct infer__step *sole(const struct infer__plan *plan, const struct infer__tensor_uses *u,
                                uint32_t t, const uint32_t *step)
{
    const struct infer__plan_tensor *p = &plan->tensors[t];
    if (p->alias || p->place != INFER__PLACE_ARENA || u->reads[t] != 1 || !step[t])
        return NULL;
    struct infer__step *s = &plan->steps[step[t] - 1];
    return s->task.op != INFER__OP_NONE ? s : NULL;
}

struct infer__step *infer__sole_writer(const struct infer__plan *plan,
                                       const struct infer__tensor_uses *u, uint32_t t)
{
    struct infer__step *s = sole(plan, u, t, u->writer);
    return s && s->task.nout == 1 ? s : NULL;
}

struct infer__step *infer__sole_reader(const struct infer__plan *plan,
                                       const struct infer__tensor_uses *u, uint32_t t)
{
    return sole(plan, u, t, u->reader);
}

int infer__is_pointwise(const struct infer__plan *plan, const struct infer__step *s)
{
    return s->task.op == INFER__OP_CONV && s->task.nin >= 2 && !s->task.epi.requant &&
           !s->bounded && plan->tensors[s->in[0]].desc.type == INFER_F32 &&
           plan->tensors[s->in[1]].desc.is_const && s->task.p.window.groups == 1 &&
           infer__window_is_point(&s->task.p.window);
}

void infer__erase_step(struct infer__plan *plan, struct infer__step *s)
{
    for (uint32_t k = 0; k < s->task.nout; k++)
        plan->tensors[s->out[k]].place = INFER__PLACE_NONE;
    s->task.op = INFER__OP_NONE;
}

void infer__drop_erased_steps(struct infer__plan *plan)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        if (plan->steps[i].task.op != INFER__OP_NONE)
            plan->steps[kept++] = plan->steps[i];
    plan->nsteps = kept;
}
