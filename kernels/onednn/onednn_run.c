/* Packing weights and running units. */
#include <string.h>

#include "kernels/onednn/onednn_state.h"

/* ---- pack ----------------------------------------------------------------------------------- */

/* 0: there is no memory. */
static int pack_chunk(const struct infer__dnnl_state *s, const struct infer__dnnl_chunk *c,
                      const char *from, char *to)
{
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE))
        return 0;
    dnnl_memory_create(&args[0].memory, &c->source, s->engine, (void *)(uintptr_t)from);
    dnnl_memory_create(&args[1].memory, &c->packed, s->engine, to);
    int done = args[0].memory && args[1].memory &&
               dnnl_primitive_execute(c->reorder, s->stream, 2, args) == dnnl_success;
    for (int i = 0; i < 2; i++)
        if (args[i].memory)
            dnnl_memory_destroy(args[i].memory);
    return done;
}

/* Pointing a memory object at packed weights makes oneDNN clear their padding, so it is done here,
 * once, and not while other threads read. */
static void point_weights(struct infer__dnnl_state *s, char *packed)
{
    for (uint32_t i = 0; i < s->nunits; i++) {
        struct infer__dnnl_unit *u = &s->units[i];
        for (int k = 0; k < u->nargs; k++)
            if (u->args[k].arg == DNNL_ARG_WEIGHTS)
                dnnl_memory_set_data_handle(u->args[k].memory, packed + s->chunks[u->chunk].offset);
    }
}

void infer__dnnl_pack(const struct infer__task *t, const void *cut, void *packed)
{
    struct infer__dnnl_state *s = ((const struct infer__dnnl_cut *)cut)->state;
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE)) {
        infer__dnnl_no_memory(t);
        return;
    }
    int before = infer__dnnl_one_thread();
    for (uint32_t i = 0; i < s->nchunks; i++) {
        struct infer__dnnl_chunk *c = &s->chunks[i];
        if (!c->reorder)
            continue;
        if (!pack_chunk(s, c, (const char *)t->in[1].data + c->source_offset,
                        (char *)packed + c->offset))
            infer__dnnl_no_memory(t);
        dnnl_primitive_destroy(c->reorder);
        c->reorder = NULL;
    }
    point_weights(s, packed);
    infer__dnnl_restore_threads(before);
}

/* ---- run ------------------------------------------------------------------------------------ */

/* Copies a range of channels of `pixels` pixels from one row length to another. */
static void copy_channels(char *to, size_t to_step, const char *from, size_t from_step,
                          size_t bytes, int64_t pixels)
{
    for (int64_t i = 0; i < pixels; i++)
        memcpy(to + (size_t)i * to_step, from + (size_t)i * from_step, bytes);
}

/* Where weights lie; NULL: the argument points there already. It does not where another session of
 * the model has packed them. oneDNN then clears their padding once more, which it finds clear. */
static const char *locate_weights(const struct infer__dnnl_state *s,
                                  const struct infer__dnnl_unit *u, const struct infer__buffers *b,
                                  const dnnl_exec_arg_t *arg)
{
    const char *at = (const char *)b->packed + s->chunks[u->chunk].offset;
    void *now = NULL;
    dnnl_memory_get_data_handle(arg->memory, &now);
    return now == at ? NULL : at;
}

static char *locate_result(const struct infer__dnnl_unit *u, const struct infer__buffers *b)
{
    return u->through_scratch ? (char *)b->scratch + u->scratch_dst
                              : (char *)b->out[0] + u->dst_offset;
}

/* Where an argument of a unit lies in this call; NULL: it is set already. */
static const char *locate(const struct infer__dnnl_state *s, const struct infer__dnnl_unit *u,
                          const struct infer__buffers *b, const dnnl_exec_arg_t *arg)
{
    char *scratch = b->scratch;
    switch (arg->arg) {
    case DNNL_ARG_SRC:
        return (const char *)b->in[0] + u->src_offset;
    case DNNL_ARG_DST:
        return locate_result(u, b);
    case DNNL_ARG_SCRATCHPAD:
        return scratch;
    case DNNL_ARG_BIAS:
        return (const char *)b->in[s->binding.bias] + (size_t)u->c_begin * sizeof(float);
    case DNNL_ARG_WEIGHTS:
        return locate_weights(s, u, b, arg);
    default:
        return NULL;
    }
}

/* Puts the residual where the unit's result will be. Nothing to do where the plan gave the output
 * the residual's memory. */
static void fetch_residual(const struct infer__dnnl_state *s, const struct infer__dnnl_unit *u,
                           const struct infer__buffers *b)
{
    size_t row = (size_t)s->channels * sizeof(float), part = (size_t)u->channels * sizeof(float);
    const char *from = (const char *)b->in[s->binding.residual] + u->dst_offset;
    char *to = (char *)b->out[0] + u->dst_offset;
    if (u->through_scratch)
        copy_channels((char *)b->scratch + u->scratch_dst, part, from, row, part, u->pixels);
    else if (from != to)
        memcpy(to, from, part * (size_t)u->pixels);
}

/* What oneDNN does not do, or not well. A unit with a bias of ours has all channels. */
static void finish(const struct infer__dnnl_state *s, const struct infer__dnnl_unit *u,
                   const struct infer__buffers *b)
{
    float *y = (float *)(void *)locate_result(u, b);
    if (s->bias_after)
        for (int64_t i = 0; i < u->pixels; i++)
            infer__epilogue_apply(&(struct infer__epilogue){0}, y + i * u->channels,
                                  (const float *)b->in[s->binding.bias], u->channels);
    if (s->after.act)
        infer__dnnl_activate(&s->after, y, u->pixels * u->channels);
}

/* 0: there is no memory. */
static int run_unit(const struct infer__dnnl_state *s, const struct infer__dnnl_unit *u,
                    const struct infer__buffers *b)
{
    size_t row = (size_t)s->channels * sizeof(float), part = (size_t)u->channels * sizeof(float);
    char *scratch = b->scratch;
    if (s->binding.residual >= 0)
        fetch_residual(s, u, b);
    for (int i = 0; i < u->nargs; i++) {
        const char *at = locate(s, u, b, &u->args[i]);
        if (at)
            dnnl_memory_set_data_handle(u->args[i].memory, (void *)(uintptr_t)at);
    }
    if (dnnl_primitive_execute(u->primitive, s->stream, u->nargs, u->args) != dnnl_success)
        return 0;
    finish(s, u, b);
    if (u->through_scratch)
        copy_channels((char *)b->out[0] + u->dst_offset, row, scratch + u->scratch_dst, part, part,
                      u->pixels);
    return 1;
}

void infer__dnnl_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    const struct infer__dnnl_state *s = ((const struct infer__dnnl_cut *)b->cut)->state;
    if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE)) {
        infer__dnnl_no_memory(t);
        return;
    }
    int before = infer__dnnl_one_thread();
    for (uint32_t i = begin; i < end; i++)
        if (!infer__dnnl_reserve(INFER__DNNL_EXECUTE) || !run_unit(s, &s->units[i], b))
            infer__dnnl_no_memory(t);
    infer__dnnl_restore_threads(before);
}
