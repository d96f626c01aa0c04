/* Tensors of bf16 between the steps of a session of that precision: half the bytes, and nothing to
 * convert where a step rounds its operands anyhow.
 *
 * Tensors that have to have one type (in and out of a step that only moves data, say) are one
 * group. A group becomes bf16 where kernels serve all steps around it then, and are faster by their
 * estimates. Inputs and outputs of the graph, constants and views stay as they are. */
#include <string.h>

#include "graph/traits.h"
#include "plan/passes.h"
#include "plan/select.h"

struct converter {
    struct infer__plan *plan;
    uint32_t *group; /* of each tensor; 0: stays f32. While groups are joined: a tensor nearer to
                        the one that they are called after */
    uint32_t *begin; /* of each group: its first step in `steps`; one more for the end */
    uint32_t *steps; /* those around each group, some twice */
};

static void find_candidates(struct converter *n)
{
    const struct infer__plan *plan = n->plan;
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        const struct infer__plan_tensor *t = &plan->tensors[i];
        if (t->place == INFER__PLACE_ARENA && t->desc.type == INFER_F32 && !t->alias)
            n->group[i] = i;
    }
    for (uint32_t i = 1; i < plan->ntensors; i++)
        if (plan->tensors[i].alias)
            n->group[plan->tensors[i].alias] = 0;
}

static uint32_t tensor_of(const struct infer__step *s, uint32_t k)
{
    return k < s->task.nin ? s->in[k] : s->out[k - s->task.nin];
}

static uint32_t operands_of(const struct infer__step *s)
{
    return s->task.nin + s->task.nout;
}

/* Tensor 0, which is none, stands for the tensors that stay. */
static uint32_t find_group(struct converter *n, uint32_t tensor)
{
    while (n->group[tensor] != tensor)
        tensor = n->group[tensor] = n->group[n->group[tensor]];
    return tensor;
}

/* One group for the f32 tensors of a step; none if one of them has to stay. */
static void tie(struct converter *n, const struct infer__step *s)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t k = 0; k < operands_of(s); k++) {
        uint32_t t = tensor_of(s, k), group = find_group(n, t);
        if (t && n->plan->tensors[t].desc.type == INFER_F32 && group < least)
            least = group;
    }
    for (uint32_t k = 0; k < operands_of(s); k++) {
        uint32_t group = find_group(n, tensor_of(s, k));
        if (group)
            n->group[group] = least;
    }
}

/* Lists the steps around each group. */
static infer_status list_steps(struct converter *n, infer_error *err)
{
    struct infer__plan *plan = n->plan;
    uint64_t count = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        count += operands_of(&plan->steps[i]);
    n->begin = infer__region_calloc(&plan->region, (size_t)plan->ntensors + 2, sizeof *n->begin);
    n->steps = infer__region_calloc(&plan->region, count + 1, sizeof *n->steps);
    if (!n->begin || !n->steps)
        return infer__no_memory(err, count * sizeof *n->steps);
    for (uint32_t i = 0; i < plan->nsteps; i++)
        for (uint32_t k = 0; k < operands_of(&plan->steps[i]); k++)
            n->begin[n->group[tensor_of(&plan->steps[i], k)] + 2]++;
    for (uint32_t g = 0; g < plan->ntensors; g++)
        n->begin[g + 2] += n->begin[g + 1];
    for (uint32_t i = 0; i < plan->nsteps; i++)
        for (uint32_t k = 0; k < operands_of(&plan->steps[i]); k++)
            n->steps[n->begin[n->group[tensor_of(&plan->steps[i], k)] + 1]++] = i;
    return INFER_OK;
}

static void set_type(struct converter *n, uint32_t group, uint8_t type)
{
    struct infer__plan *plan = n->plan;
    for (uint32_t i = n->begin[group]; i < n->begin[group + 1]; i++) {
        struct infer__step *s = &plan->steps[n->steps[i]];
        if (i > n->begin[group] && n->steps[i] == n->steps[i - 1])
            continue;
        for (uint32_t k = 0; k < operands_of(s); k++) {
            struct infer__plan_tensor *t = &plan->tensors[tensor_of(s, k)];
            if (n->group[tensor_of(s, k)] != group)
                continue;
            const uint64_t elements = t->bytes / infer_type_size((infer_type)t->desc.type);
            t->bytes = infer__array_bytes(elements, infer_type_size((infer_type)type));
            t->desc.type = infer__step_operands(plan, s)[k].type = type;
        }
    }
}

/* What the steps around a group take by the best estimates; below 0 if one is not served. */
static double time_around(const struct converter *n, uint32_t group)
{
    double sum = 0;
    for (uint32_t i = n->begin[group]; i < n->begin[group + 1]; i++) {
        struct infer__candidate c[INFER__MOST_CANDIDATES];
        if (i > n->begin[group] && n->steps[i] == n->steps[i - 1])
            continue;
        if (!infer__candidates(&n->plan->steps[n->steps[i]].task, c))
            return -1;
        sum += c[0].ns;
    }
    return sum;
}

infer_status infer__to_bf16(struct infer__plan *plan, const struct infer__plan_options *o,
                            infer_error *err)
{
    struct converter n = {.plan = plan};
    if (!o->bf16)
        return INFER_OK;
    n.group = infer__region_calloc(&plan->region, plan->ntensors, sizeof *n.group);
    if (!n.group)
        return infer__no_memory(err, plan->ntensors * sizeof *n.group);
    find_candidates(&n);
    for (uint32_t i = 0; i < plan->nsteps; i++)
        if (!(infer__op_traits(plan->steps[i].task.op)->flags & INFER__FLAG_TAKES_BF16))
            tie(&n, &plan->steps[i]);
    for (uint32_t i = 1; i < plan->ntensors; i++)
        n.group[i] = find_group(&n, i);
    TRY(list_steps(&n, err));
    for (uint32_t g = 1; g < plan->ntensors; g++) {
        if (n.group[g] != g)
            continue;
        double f32 = time_around(&n, g), bf16;
        set_type(&n, g, INFER_BF16);
        bf16 = time_around(&n, g);
        if (!(bf16 >= 0 && bf16 < f32))
            set_type(&n, g, INFER_F32);
    }
    return INFER_OK;
}
