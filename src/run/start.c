/* infer_run_start: a run that a worker of the pool leads. */
#include <string.h>

#include "base/caller.h"
#include "run/session.h"

/* What a run is started with is kept here: the caller's arrays need not stay. */
struct infer__started {
    struct infer__errand errand; /* first */
    struct infer_session *session;
    uint64_t deadline_ns;
    infer_run_done done;
    void *ctx;
    size_t ninputs;
    infer_tensor tensors[]; /* inputs, then outputs */
};

infer_status infer__started_create(struct infer_session *s, infer_error *err)
{
    const struct infer__graph *g = &s->program->plan.graph;
    size_t count = (size_t)INFER__SUM(g->ninputs, g->noutputs);
    size_t bytes = sizeof *s->started + count * sizeof(infer_tensor);
    s->started = infer__calloc(&s->allocator, 1, bytes);
    if (!s->started)
        return infer__no_memory(err, bytes);
    s->started->session = s;
    return INFER_OK;
}

/* Once the session is idle it may be started again, from `done` too: what belongs to this run is
 * read before. */
static void run_started(struct infer__errand *errand)
{
    struct infer__started *r = (struct infer__started *)errand;
    struct infer_session *s = r->session;
    infer_run_done done = r->done;
    void *ctx = r->ctx;
    infer_error err;
    infer__error_clear(&err);
    infer_status status =
        infer__session_run(s, r->deadline_ns, r->tensors, r->tensors + r->ninputs, 1, &err);
    atomic_fetch_add(&s->life.finishing, 1);
    status = infer__session_leave(s, status, &err);
    done(ctx, status, &err);
    atomic_fetch_sub(&s->life.finishing, 1);
}

static infer_status start(struct infer_session *s, const infer_tensor *inputs, size_t ninputs,
                          infer_tensor *outputs, size_t noutputs, infer_error *err)
{
    struct infer__started *r = s->started;
    TRY(infer__session_tensors(s, inputs, ninputs, outputs, noutputs, err));
    r->ninputs = ninputs;
    if (ninputs)
        memcpy(r->tensors, inputs, ninputs * sizeof *inputs);
    if (noutputs)
        memcpy(r->tensors + ninputs, outputs, noutputs * sizeof *outputs);
    r->errand.run = run_started;
    return infer__pool_start(s->pool, &r->errand, err);
}

infer_status infer_run_start(infer_session *s, const infer_run_options *options,
                             const infer_tensor *inputs, size_t ninputs, infer_tensor *outputs,
                             size_t noutputs, infer_run_done done, void *ctx, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    uint64_t deadline_ns;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "session is NULL");
    FAIL_IF(!done, INFER_ERROR_ARGUMENT, "done is NULL");
    TRY(infer__run_deadline(options, &deadline_ns, err));
    TRY(infer__session_enter(s, err));
    s->started->deadline_ns = deadline_ns;
    s->started->done = done;
    s->started->ctx = ctx;
    infer_status status = start(s, inputs, ninputs, outputs, noutputs, err);
    /* started, it may be over by now */
    return status == INFER_OK ? status : infer__session_leave(s, status, err);
}
