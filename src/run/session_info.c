/* What a session tells of itself. */
#include <string.h>

#include "base/caller.h"
#include "base/sized.h"
#include "base/status.h"
#include "infer_experimental.h"
#include "plan/steps.h"
#include "plan/work.h"
#include "run/session.h"

/* Input or output `index`, as `what` says, of `n` with these ids. */
static infer_status value_info(const infer_session *s, const char *what, const uint32_t *ids,
                               size_t n, size_t index, infer_value_info *info, infer_error *err)
{
    const struct infer__sized *kind = INFER__SIZED(infer_value_info, reserved);
    TRY(infer__sized_check(kind, info, err));
    FAIL_IF(index >= n, INFER_ERROR_ARGUMENT, "%s %zu of a session with %zu", what, index, n);
    struct infer__value v = infer__program_value(s->program, ids[index]);
    infer_value_info told = {.name = v.name, .type = (infer_type)v.type, .rank = v.rank};
    memcpy(told.dims, v.dims, sizeof told.dims);
    told.free_dims = v.free_dims;
    infer__about_dims(&s->model->about, *what == 'o', (uint32_t)index, told.dim_names);
    infer__sized_write(kind, &told, info);
    return INFER_OK;
}

size_t infer_session_inputs(const infer_session *s)
{
    return s ? s->program->plan.graph.ninputs : 0;
}

size_t infer_session_outputs(const infer_session *s)
{
    return s ? s->program->plan.graph.noutputs : 0;
}

infer_status infer_session_input(const infer_session *s, size_t index, infer_value_info *info,
                                 infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "the session is NULL");
    const struct infer__graph *g = &s->program->plan.graph;
    return value_info(s, "input", g->inputs, g->ninputs, index, info, err);
}

infer_status infer_session_output(const infer_session *s, size_t index, infer_value_info *info,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "the session is NULL");
    const struct infer__graph *g = &s->program->plan.graph;
    return value_info(s, "output", g->outputs, g->noutputs, index, info, err);
}

infer_status infer_session_result(const infer_session *s, size_t index, infer_value_info *info,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    const struct infer__sized *kind = INFER__SIZED(infer_value_info, reserved);
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "the session is NULL");
    TRY(infer__sized_check(kind, info, err));
    infer_value_info told = INFER_VALUE_INFO_INIT;
    TRY(infer_session_output(s, index, &told, err));
    FAIL_IF(told.free_dims && !s->found, INFER_ERROR_ARGUMENT,
            "no run has ended well since the session got its shapes");
    if (told.free_dims)
        memcpy(told.dims, s->program->plan.now->values[s->program->plan.graph.outputs[index]].dims,
               sizeof told.dims);
    told.free_dims = 0;
    infer__sized_write(kind, &told, info);
    return INFER_OK;
}

void infer_session_memory_init(infer_session_memory *memory, size_t size)
{
    infer__sized_init(memory, size);
}

infer_status infer_session_memory_use(const infer_session *s, infer_session_memory *memory,
                                      infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    const struct infer__sized *kind = INFER__SIZED(infer_session_memory, plan_bytes);
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "the session is NULL");
    TRY(infer__sized_check(kind, memory, err));
    infer_session_memory m = {.arena_bytes = s->memory.bytes.arenas,
                              .packed_bytes = s->packed.bytes,
                              .output_bytes = s->memory.bytes.outputs};
    m.plan_bytes = (uint64_t)INFER__SUM((int64_t)s->meter.held, sizeof *s) - m.arena_bytes -
                   m.packed_bytes - m.output_bytes;
    infer__sized_write(kind, &m, memory);
    return INFER_OK;
}

size_t infer_session_steps(const infer_session *s)
{
    return s ? s->program->plan.nsteps : 0;
}

/* What a convolution has before and behind it. */
static const char *scaled_text(const struct infer__task *t)
{
    if (!t->epi.residual)
        return t->epi.act ? "Mul before, activation" : "Mul before";
    return t->epi.act ? "Mul before, Add, activation" : "Mul before, Add";
}

/* The same of a chain's last one. */
static const char *chain_text(const struct infer__task *t)
{
    if (t->in[5].type == INFER_TYPE_NONE)
        return "Conv 1x1 before";
    if (t->in[3].type == INFER_TYPE_NONE)
        return t->epi.residual ? "depthwise before, Add" : "depthwise before";
    return t->epi.residual ? "Conv 1x1, depthwise before, Add" : "Conv 1x1, depthwise before";
}

/* "Relu", "Add" and the like; what is fused is at most a residual and an activation. */
static const char *fused_text(const struct infer__epilogue *e)
{
    if (!e->residual)
        return e->act ? infer__op_info(e->act)->name : "";
    switch (e->act) {
    case INFER__OP_NONE:
        return "Add";
    case INFER__OP_RELU:
        return "Add, Relu";
    case INFER__OP_CLIP:
        return "Add, Clip";
    default:
        return "Add, activation";
    }
}

static const char *step_text(const struct infer__task *t)
{
    return t->op == INFER__OP_CONV_CHAIN    ? chain_text(t)
           : t->op == INFER__OP_SCALED_CONV ? scaled_text(t)
                                            : fused_text(&t->epi);
}

static infer_step_info step_info(const struct infer_session *s, size_t index)
{
    const struct infer__step *step = &s->program->plan.steps[index];
    const struct infer__plan_tensor *t = &s->program->plan.tensors[step->out[0]];
    const struct infer__plan_tensor *r = infer__plan_root(&s->program->plan, step->out[0]);
    const struct infer__value *v = &s->program->plan.graph.values[t->value];
    const uint32_t times = index < s->program->plan.batch_from ? s->program->plan.images : 1;
    infer_step_info info = {
        .node = step->name ? step->name : v->name,
        .op = infer__op_info(step->task.op)->name,
        .kernel = step->kernel->name,
        .fused = step_text(&step->task),
        .type = (infer_type)v->type,
        .rank = v->rank,
        .flops = infer__task_flops(&step->task) * times,
        .bytes = infer__array_bytes(infer__step_bytes(&s->program->plan, step), times),
        .runs = s->program->runs,
        .ns = step->ns,
        .packed_bytes = infer__bytes_count(step->need.packed_bytes)};
    memcpy(info.dims, v->dims, sizeof info.dims);
    if (r->place == INFER__PLACE_ARENA) {
        info.arena_begin = r->offset + infer__plan_within(&s->program->plan, step->out[0]);
        info.arena_end = info.arena_begin + t->bytes;
    }
    return info;
}

void infer_step_info_init(infer_step_info *info, size_t size)
{
    infer__sized_init(info, size);
}

infer_status infer_session_step(const infer_session *s, size_t index, infer_step_info *info,
                                infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    const struct infer__sized *kind = INFER__SIZED(infer_step_info, ns);
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "the session is NULL");
    TRY(infer__sized_check(kind, info, err));
    FAIL_IF(index >= s->program->plan.nsteps, INFER_ERROR_ARGUMENT, "step %zu of a session with %u",
            index, s->program->plan.nsteps);
    const infer_step_info told = step_info(s, index);
    infer__sized_write(kind, &told, info);
    return INFER_OK;
}
