#include "run/control.h"

#include <string.h>

#include "graph/control.h"

/* Dims that this run has found; NULL where all are as they were planned. */
static struct infer__value *value_now(const struct infer__program *p, uint32_t id)
{
    return p->plan.now ? &p->plan.now->values[id] : NULL;
}

/* The value of operand i of a step, inputs first. */
static uint32_t value_of(const struct infer__program *p, const struct infer__step *s, uint32_t i)
{
    return p->plan.tensors[s->in[i]].value;
}

static void take_dims(struct infer__program *p, uint32_t to, uint32_t from)
{
    struct infer__value *v = value_now(p, to);
    if (v && to)
        memcpy(v->dims, value_now(p, from)->dims, sizeof v->dims);
}

/* Without an iteration states stay what they are at first, and there is no part of any. */
static infer_status pass_over(struct infer__program *p, const struct infer__step *loop,
                              const struct infer__step *end, infer_error *err)
{
    const uint32_t states = end->task.p.control.states;
    for (uint32_t k = 0; k < end->task.nout; k++) {
        const uint32_t result = value_of(p, end, end->task.nin + k);
        struct infer__value *v = value_now(p, result);
        if (k < states && loop->in[1 + k] && loop->task.in[1 + k].rank != end->task.out[k].rank)
            return infer__fail_node(err, INFER_ERROR_SHAPE, loop->name ? loop->name : "",
                                    "Loop: '%.64s' is only known behind an iteration, and this run "
                                    "has none",
                                    p->plan.graph.values[result].name);
        if (k < states)
            take_dims(p, result, value_of(p, loop, loop->task.nin + 1 + k));
        else if (v)
            v->dims[0] = 0;
    }
    return INFER_OK;
}

/* Whether another iteration follows; its number and states are set then. */
static int goes_on(struct infer__program *p, const struct infer__step *end, void *const *pointers)
{
    int64_t *iteration = pointers[INFER__END_LOOP_ITERATION];
    const int64_t *limit = pointers[INFER__END_LOOP_LIMIT];
    const uint8_t *go_on = pointers[INFER__END_LOOP_GO_ON];
    const uint32_t states = end->task.p.control.states;
    for (uint32_t k = 0; k < states; k++)
        take_dims(p, value_of(p, end, infer__loop_state(k)), value_of(p, end, end->task.nin + k));
    if (*iteration + 1 >= *limit || !*go_on)
        return 0;
    ++*iteration;
    return 1;
}

infer_status infer__control_next(struct infer__program *p, const struct infer__lane *lane,
                                 uint32_t *s, infer_error *err)
{
    const struct infer__step *step = &p->plan.steps[(*s)++];
    const struct infer__step *partner = &p->plan.steps[step->partner];
    void *const *pointers = infer__step_pointers(p, lane, step);
    switch (step->task.op) {
    case INFER__OP_IF:
        if (!*(const uint8_t *)pointers[0])
            *s = step->partner;
        break;
    case INFER__OP_ELSE: /* either behind the first branch, or right behind If */
        if (*(const uint8_t *)pointers[0])
            *s = step->partner;
        break;
    case INFER__OP_LOOP:
        if (*(const int64_t *)pointers[0] > 0)
            break;
        *s = step->partner + 1;
        return pass_over(p, step, partner, err);
    case INFER__OP_END_LOOP:
        if (goes_on(p, step, pointers))
            *s = step->partner + 1;
        break;
    case INFER__OP_REQUIRE:
        if ((*(const uint8_t *)pointers[0] != 0) != step->task.p.control.wanted)
            return infer__fail(err, INFER_ERROR_SHAPE,
                               "this run takes a branch that can't be computed: %s", step->name);
        break;
    default:
        break;
    }
    return INFER_OK;
}

infer_status infer__control_check(const struct infer__program *p, const struct infer__lane *lane,
                                  const struct infer__step *step, infer_error *err)
{
    void *const *pointers = infer__step_pointers(p, lane, step);
    const uint32_t states = step->task.p.control.states;
    if (!p->plan.now || step->task.op != INFER__OP_END_LOOP ||
        *(const int64_t *)pointers[INFER__END_LOOP_ITERATION] == 0)
        return INFER_OK;
    for (uint32_t k = states; k < step->task.nout; k++) {
        const struct infer__value *now = p->plan.now->values;
        const struct infer__value *all = &now[value_of(p, step, step->task.nin + k)];
        const struct infer__value *one =
            &now[value_of(p, step, infer__loop_scan(states, k - states))];
        if (memcmp(all->dims + 1, one->dims, one->rank * sizeof *one->dims) != 0)
            return infer__fail_node(
                err, INFER_ERROR_SHAPE, step->name ? step->name : "",
                "EndLoop: '%.64s' has another shape in iteration %lld than in "
                "those before it",
                one->name, (long long)*(const int64_t *)pointers[INFER__END_LOOP_ITERATION]);
    }
    return INFER_OK;
}
