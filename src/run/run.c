/* infer_run: checks the tensors, sets the pointers that depend on them, runs the steps. */
#include <string.h>

#include "base/clock.h"
#include "run/session.h"

static infer_status check_tensor(const struct infer_session *s, const char *kind, size_t index,
                                 uint32_t tensor, const infer_tensor *t, infer_error *err)
{
    const struct infer__plan_tensor *want = &s->plan.tensors[tensor];
    const char *name = s->plan.graph.values[want->value].name;
    int same = (unsigned)t->type == want->desc.type && t->rank == want->desc.rank;
    for (int i = 0; same && i < t->rank; i++)
        same = t->dims[i] == want->desc.dims[i];
    if (!same) {
        char text[128];
        return infer__fail(
            err, INFER_ERROR_SHAPE, "%s %zu ('%s') must be %s", kind, index, name,
            infer__value_text(&s->plan.graph.values[want->value], text, sizeof text));
    }
    FAIL_IF(t->bytes < want->bytes, INFER_ERROR_SHAPE,
            "%s %zu ('%s') has %zu bytes of memory; %llu are needed", kind, index, name, t->bytes,
            (unsigned long long)want->bytes);
    FAIL_IF(!t->data && want->bytes, INFER_ERROR_ARGUMENT, "%s %zu ('%s') has no data", kind, index,
            name);
    FAIL_IF((uintptr_t)t->data % infer_type_size(t->type), INFER_ERROR_ARGUMENT,
            "%s %zu ('%s') is not aligned for its type", kind, index, name);
    return INFER_OK;
}

static void lend_output(struct infer_session *s, size_t index, infer_tensor *t)
{
    const struct infer__plan_tensor *p = &s->plan.tensors[s->plan.outputs[index]];
    memset(t, 0, sizeof *t);
    t->type = (infer_type)p->desc.type;
    t->rank = p->desc.rank;
    memcpy(t->dims, p->desc.dims, sizeof t->dims);
    t->data = s->outputs + s->output_offsets[index];
    t->bytes = p->bytes;
}

static infer_status check_tensors(struct infer_session *s, const infer_tensor *inputs,
                                  size_t ninputs, infer_tensor *outputs, size_t noutputs,
                                  infer_error *err)
{
    const struct infer__graph *g = &s->plan.graph;
    FAIL_IF(ninputs != g->ninputs || (ninputs && !inputs), INFER_ERROR_ARGUMENT,
            "%zu inputs given; the model has %u", inputs ? ninputs : 0, g->ninputs);
    FAIL_IF(noutputs != g->noutputs || (noutputs && !outputs), INFER_ERROR_ARGUMENT,
            "%zu outputs given; the model has %u", outputs ? noutputs : 0, g->noutputs);
    for (size_t i = 0; i < ninputs; i++)
        if (g->values[g->inputs[i]].kind == INFER__VALUE_INPUT)
            TRY(check_tensor(s, "input", i, s->plan.inputs[i], &inputs[i], err));
    for (size_t i = 0; i < noutputs; i++)
        if (outputs[i].data)
            TRY(check_tensor(s, "output", i, s->plan.outputs[i], &outputs[i], err));
    return INFER_OK;
}

/* ---- running -------------------------------------------------------------------------------- */

struct job {
    const struct infer__step *step;
    char *scratch;
    uint64_t scratch_bytes;
};

static void run_units(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct job *j = ctx;
    const struct infer__step *s = j->step;
    struct infer__buffers b = {.in = (const void *const *)s->in_pointers,
                               .out = s->out_pointers,
                               .packed = s->packed,
                               .scratch = j->scratch + thread * j->scratch_bytes,
                               .state = s->need.state};
    s->kernel->run(&s->task, &b, begin, end);
}

static void run_steps(struct infer_session *s)
{
    struct job j = {.scratch = s->scratch, .scratch_bytes = s->plan.scratch_bytes};
    uint64_t before = s->profile ? infer__now_ns() : 0;
    infer__pool_begin(s->pool);
    for (uint32_t i = 0; i < s->plan.nsteps; i++) {
        struct infer__step *step = &s->plan.steps[i];
        j.step = step;
        if (step->serial)
            run_units(&j, 0, 0, step->need.units);
        else
            infer__pool_run(s->pool, run_units, &j, step->need.units);
        if (s->profile) {
            uint64_t now = infer__now_ns();
            step->ns += now - before;
            step->runs++;
            before = now;
        }
    }
    infer__pool_end(s->pool);
}

infer_status infer_run(infer_session *s, const infer_tensor *inputs, size_t ninputs,
                       infer_tensor *outputs, size_t noutputs, infer_error *err)
{
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "session is NULL");
    TRY(check_tensors(s, inputs, ninputs, outputs, noutputs, err));
    for (size_t i = 0; i < noutputs; i++)
        if (!outputs[i].data)
            lend_output(s, i, &outputs[i]);
    for (uint32_t i = 0; i < s->ninput_patches; i++)
        *s->input_patches[i].slot = inputs[s->input_patches[i].index].data;
    for (uint32_t i = 0; i < s->noutput_patches; i++)
        *s->output_patches[i].slot = outputs[s->output_patches[i].index].data;
    run_steps(s);
    return INFER_OK;
}
