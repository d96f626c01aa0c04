/* Looking at values inside a network: a session of a copy of its graph that has them as outputs. */
#include <string.h>

#include "infer_experimental.h"
#include "run/session.h"
#include "tools/diff.h"

/* The graph's own outputs, and behind them the values that are none of them. */
static infer_status list_outputs(struct diff_probe *p, const uint32_t *values, uint32_t n,
                                 infer_error *err)
{
    struct infer__graph *g = &p->model.graph;
    const size_t room = (size_t)g->noutputs + n + 1;
    uint32_t *list = infer__region_calloc(&p->region, room, sizeof *list);
    uint32_t *at = infer__region_calloc(&p->region, (size_t)g->nvalues, sizeof *at);
    p->place = infer__region_calloc(&p->region, (size_t)n + 1, sizeof *p->place);
    p->outputs = infer__region_calloc(&p->region, room, sizeof *p->outputs);
    if (!list || !at || !p->place || !p->outputs)
        return infer__no_memory(err, room * sizeof *p->outputs);
    uint32_t count = g->noutputs;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = g->outputs[i];
        at[list[i]] = i + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!at[values[i]]) {
            list[count++] = values[i];
            at[values[i]] = count;
        }
        p->place[i] = at[values[i]] - 1;
    }
    g->outputs = list;
    g->noutputs = count;
    return INFER_OK;
}

infer_status diff_probe_open(const struct diff_side *s, const struct session_args *shapes,
                             const uint32_t *values, uint32_t n, struct diff_probe *p,
                             infer_error *err)
{
    memset(p, 0, sizeof *p);
    p->model = *s->model; /* the store of packed weights is shared */
    infer__region_init(&p->region, NULL);
    TRY(infer__graph_copy(&p->model.graph, &s->model->graph, &p->region, err));
    TRY(list_outputs(p, values, n, err));
    return inputs_session(&s->inputs, &p->model, shapes, &s->options, &p->session, err);
}

infer_status diff_probe_run(const struct diff_side *s, struct diff_probe *p, infer_error *err)
{
    return infer_run(p->session, s->inputs.tensors, s->inputs.n, p->outputs,
                     p->model.graph.noutputs, err);
}

void diff_probe_free(struct diff_probe *p)
{
    infer_session_free(&p->session);
    infer__region_free(&p->region);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* The next step of the model's own from *i on, NULL behind the last: others only move data. */
static const struct infer__step *next_step(const infer_session *s, uint32_t *i)
{
    const struct infer__plan *plan = &s->program->plan;
    while (*i < plan->nsteps && !plan->steps[*i].name)
        ++*i;
    return *i < plan->nsteps ? &plan->steps[(*i)++] : NULL;
}

static int same_step(const infer_session *x, const struct infer__step *a, const infer_session *y,
                     const struct infer__step *b)
{
    const struct infer__plan *p = &x->program->plan, *q = &y->program->plan;
    const struct infer__plan_tensor *t = &p->tensors[a->out[0]], *u = &q->tensors[b->out[0]];
    infer_step_info i = INFER_STEP_INFO_INIT, k = INFER_STEP_INFO_INIT;
    infer_session_step(x, (size_t)(a - p->steps), &i, NULL);
    infer_session_step(y, (size_t)(b - q->steps), &k, NULL);
    return strcmp(a->name, b->name) == 0 && a->task.op == b->task.op && a->kernel == b->kernel &&
           t->value == u->value && t->desc.type == u->desc.type && strcmp(i.fused, k.fused) == 0;
}

int diff_probe_same_steps(const struct diff_side *s, const struct diff_probe *p)
{
    uint32_t i = 0, k = 0;
    for (;;) {
        const struct infer__step *a = next_step(s->session, &i), *b = next_step(p->session, &k);
        if (!a || !b)
            return a == b;
        if (!same_step(s->session, a, p->session, b))
            return 0;
    }
}

void diff_step_values(const struct diff_side *s, uint8_t *made)
{
    const struct infer__plan *plan = &s->session->program->plan;
    const uint32_t n = s->model->graph.nvalues;
    uint32_t i = 0;
    for (const struct infer__step *step; (step = next_step(s->session, &i)) != NULL;)
        for (uint32_t k = 0; k < step->task.nout; k++) {
            const uint32_t value = plan->tensors[step->out[k]].value;
            if (value && value < n)
                made[value] = 1;
        }
}
