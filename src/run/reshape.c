/* Which program a session runs: one for each set of input shapes. It keeps the last few, so that a
 * change between sizes that come again costs a search. */
#include <string.h>

#include "base/caller.h"
#include "run/session.h"

/* ---- the programs that a session keeps ------------------------------------------------------ */

static int is_reserved_set(const infer_input_spec *spec)
{
    return spec->reserved || spec->more[0] || spec->more[1];
}

static int same_spec(const struct infer__given *g, const infer_input_spec *spec)
{
    if (is_reserved_set(spec) || !g->spec.name || !spec->name ||
        strcmp(g->spec.name, spec->name) != 0 || g->spec.rank != spec->rank ||
        !g->spec.data != !spec->data)
        return 0;
    return memcmp(g->spec.dims, spec->dims, (size_t)spec->rank * sizeof *spec->dims) == 0 &&
           (!spec->data || memcmp(g->spec.data, spec->data, g->bytes) == 0);
}

/* Made for these specs, given in this order. */
static int is_made_for(const struct infer__program *p, const infer_input_spec *inputs,
                       size_t ninputs)
{
    if (p->plan.ngiven != ninputs)
        return 0;
    for (size_t i = 0; i < ninputs; i++)
        if (!same_spec(&p->plan.given[i], &inputs[i]))
            return 0;
    return 1;
}

/* Takes program i, or a new one (i past the end), to the front: it is the one to be run. */
static void use(struct infer_session *s, struct infer__program *p, uint32_t i)
{
    memmove(s->programs + 1, s->programs, i * sizeof *s->programs);
    s->programs[0] = s->program = p;
    s->found = 0;
}

/* Forgets the program that was not used for the longest time, unless it is the one that is run. */
static int forget(struct infer_session *s)
{
    if (s->nprograms <= 1)
        return 0;
    infer__program_free(s->programs[--s->nprograms]);
    return infer__packed_count(&s->packed, s->programs, s->nprograms);
}

/* ---- a new one ------------------------------------------------------------------------------ */

static infer_status make(struct infer_session *s, const infer_input_spec *inputs, size_t ninputs,
                         struct infer__program **p, infer_error *err)
{
    struct infer__program_options o = {.plan = s->plan,
                                       .model = s->model,
                                       .team = s->team,
                                       .profile = s->profile != 0,
                                       .others = s->programs,
                                       .nothers = s->nprograms,
                                       .packed = &s->packed};
    o.plan.inputs = inputs;
    o.plan.ninputs = ninputs;
    o.plan.arena_held = s->memory.bytes.arenas;
    o.plan.packed_held = s->packed.bytes;
    s->meter.refused = 0;
    TRY(infer__program_create(&o, &s->allocator, p, err));
    infer_status status = infer__session_trouble(s, err);
    if (status == INFER_OK)
        status = infer__memory_grow(&s->memory, &(*p)->need, s->pool, s->own_pool, &s->meter,
                                    &s->allocator, err);
    if (status != INFER_OK) {
        infer__program_free(*p);
        (void)infer__packed_count(&s->packed, s->programs, s->nprograms); /* fewer than before */
    }
    return status;
}

infer_status infer__session_plan(struct infer_session *s, const infer_input_spec *inputs,
                                 size_t ninputs, infer_error *err)
{
    struct infer__program *p;
    infer_status status;
    for (size_t i = 0; i < ninputs; i++)
        FAIL_IF(is_reserved_set(&inputs[i]), INFER_ERROR_ARGUMENT,
                "a reserved field of inputs[%zu] is not 0", i);
    do
        status = make(s, inputs, ninputs, &p, err);
    while (status != INFER_OK && s->meter.refused && forget(s));
    atomic_store_explicit(&s->trouble, 0, memory_order_relaxed);
    if (status != INFER_OK)
        return infer__session_limit(s, status, err);
    infer__error_clear(err); /* of kernels that were tried and passed over */
    if (s->nprograms == INFER__MOST_PROGRAMS)
        infer__program_free(s->programs[--s->nprograms]);
    use(s, p, s->nprograms++);
    (void)infer__packed_count(&s->packed, s->programs, s->nprograms);
    return INFER_OK;
}

infer_status infer__session_reshape(struct infer_session *s, const infer_input_spec *inputs,
                                    size_t ninputs, infer_error *err)
{
    for (uint32_t i = 0; i < s->nprograms; i++)
        if (is_made_for(s->programs[i], inputs, ninputs)) {
            use(s, s->programs[i], i);
            return INFER_OK;
        }
    return infer__session_plan(s, inputs, ninputs, err);
}

/* What infer_session_cancel stops is a run: meanwhile it does nothing. */
infer_status infer_session_reshape(infer_session *s, const infer_input_spec *inputs, size_t ninputs,
                                   infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local, stopped;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "session is NULL");
    FAIL_IF(ninputs && !inputs, INFER_ERROR_ARGUMENT, "inputs is NULL");
    TRY(infer__session_enter(s, err));
    infer_status status = infer__session_reshape(s, inputs, ninputs, err);
    (void)infer__session_leave(s, status, &stopped);
    return status;
}
