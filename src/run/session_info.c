/* What a session tells of itself. */
#include <string.h>

#include "run/session.h"

static infer_status value_info(const infer_session *s, uint32_t id, infer_value_info *info)
{
    struct infer__value v = infer__program_value(s->program, id);
    memset(info, 0, sizeof *info);
    info->name = v.name;
    info->type = (infer_type)v.type;
    info->rank = v.rank;
    memcpy(info->dims, v.dims, sizeof info->dims);
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

infer_status infer_session_input(const infer_session *s, size_t index, infer_value_info *info)
{
    if (!info || !s || index >= s->program->plan.graph.ninputs)
        return INFER_ERROR_ARGUMENT;
    return value_info(s, s->program->plan.graph.inputs[index], info);
}

infer_status infer_session_output(const infer_session *s, size_t index, infer_value_info *info)
{
    if (!info || !s || index >= s->program->plan.graph.noutputs)
        return INFER_ERROR_ARGUMENT;
    return value_info(s, s->program->plan.graph.outputs[index], info);
}

infer_status infer_session_memory_use(const infer_session *s, infer_session_memory *m)
{
    if (!s || !m)
        return INFER_ERROR_ARGUMENT;
    m->arena_bytes = s->memory.bytes.arenas;
    m->packed_bytes = s->program->plan.packed_bytes;
    m->output_bytes = s->memory.bytes.outputs;
    m->plan_bytes = (uint64_t)INFER__SUM((int64_t)s->meter.held, sizeof *s) - m->arena_bytes -
                    m->packed_bytes - m->output_bytes;
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

infer_status infer_session_step(const infer_session *s, size_t index, infer_step_info *info)
{
    if (!s || !info || index >= s->program->plan.nsteps)
        return INFER_ERROR_ARGUMENT;
    const struct infer__step *step = &s->program->plan.steps[index];
    const struct infer__plan_tensor *t = &s->program->plan.tensors[step->out[0]];
    const struct infer__plan_tensor *r = infer__plan_root(&s->program->plan, step->out[0]);
    const struct infer__value *v = &s->program->plan.graph.values[t->value];
    memset(info, 0, sizeof *info);
    info->node = step->name ? step->name : v->name;
    info->op = infer__op_info(step->task.op)->name;
    info->kernel = step->kernel->name;
    info->fused = step->task.op == INFER__OP_CONV_CHAIN    ? chain_text(&step->task)
                  : step->task.op == INFER__OP_SCALED_CONV ? scaled_text(&step->task)
                                                           : fused_text(&step->task.epi);
    info->type = (infer_type)v->type;
    info->rank = v->rank;
    memcpy(info->dims, v->dims, sizeof info->dims);
    const uint32_t times = index < s->program->plan.tail ? s->program->plan.images : 1;
    info->flops = infer__task_flops(&step->task) * times;
    info->bytes = infer__array_bytes(infer__step_bytes(&s->program->plan, step), times);
    if (r->place == INFER__PLACE_ARENA) {
        info->arena_begin = r->offset + t->alias_offset;
        info->arena_end = info->arena_begin + t->bytes;
    }
    info->runs = s->program->runs;
    info->ns = step->ns;
    return INFER_OK;
}
