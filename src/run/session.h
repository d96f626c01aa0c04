/* A session: a program with the memory that it works in and its threads. */
#ifndef INFER_RUN_SESSION_H
#define INFER_RUN_SESSION_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/pool.h"
#include "base/scratch.h"
#include "file/tuned_section.h"
#include "run/program.h"
#include "run/working.h"

/* See life.c. */
enum { INFER__IDLE, INFER__RUNNING, INFER__CANCELLED, INFER__LATE };
struct infer__life {
    _Atomic int now;
    _Atomic int finishing;  /* runs that are over but for their `done` */
    _Atomic uint32_t steps; /* of a run that was stopped: those before it, and one */
    pid_t process;          /* that made the session, or in which it ran last */
};

struct infer_session {
    struct infer__meter meter; /* of all that the session holds, but for itself */
    infer_allocator allocator; /* the meter's */
    const infer_model *model;
    struct infer_pool *pool;
    int own_pool; /* 0: the pool is the application's */
    struct infer__team *team;
    struct infer__program *program;                        /* that infer_run runs */
    struct infer__program *programs[INFER__MOST_PROGRAMS]; /* the same and others that it ran, the
                                                              last one used first */
    uint32_t nprograms;
    struct infer__memory memory;     /* that it works in */
    struct infer__packed packed;     /* weights of all programs */
    struct infer__tuned tuned;       /* that plan.tuned points to */
    struct infer__plan_options plan; /* but for the inputs */
    struct infer__scratch scratch;   /* for pictures (infer_classify) */
    struct infer__started *started;  /* room for what infer_run_start is given */
    struct infer__life life;
    uint32_t profile;
    int found;             /* the sizes of the last run's outputs are those of plan.now */
    infer_maximum *maxima; /* that plan.maxima points to, with their names; NULL: none */
    _Atomic int trouble;   /* of a kernel: see struct infer__task */
};

/* Whether any kernel has failed since the last time this was asked. */
static inline infer_status infer__session_trouble(struct infer_session *s, infer_error *err)
{
    const int status = atomic_load_explicit(&s->trouble, memory_order_relaxed);
    if (!status)
        return INFER_OK;
    atomic_store_explicit(&s->trouble, 0, memory_order_relaxed);
    return infer__fail(err, (infer_status)status,
                       status == INFER_ERROR_NO_MEMORY ? "no memory for a kernel"
                                                       : "an operator of the application's failed");
}

/* Begins a run, or whatever else needs the session for itself; INFER_ERROR_BUSY if it is at work.
 */
infer_status infer__session_enter(struct infer_session *s, infer_error *err);
/* Ends it. Returns `status`, or that the run was stopped. */
infer_status infer__session_leave(struct infer_session *s, infer_status status, infer_error *err);
/* Whether the run was cancelled, or came too late. */
static inline int infer__session_stopped(struct infer_session *s)
{
    return atomic_load(&s->life.now) != INFER__RUNNING;
}
/* Whether the run is to end here, before step `step`. Any thread of the run. */
int infer__session_stops(struct infer_session *s, uint64_t deadline_ns, uint32_t step);
/* Waits until nothing is in flight, which is cancelled. */
void infer__session_settle(struct infer_session *s);

/* The deadline of run options, which may be NULL. */
infer_status infer__run_deadline(const infer_run_options *options, uint64_t *deadline_ns,
                                 infer_error *err);
/* What follows is for who has entered the session. Checks the tensors of a run and lends memory to
 * outputs that have none. */
infer_status infer__session_tensors(struct infer_session *s, const infer_tensor *inputs,
                                    size_t ninputs, infer_tensor *outputs, size_t noutputs,
                                    infer_error *err);
/* Runs once on them. `by_worker`: this thread is one of the pool's. */
infer_status infer__session_run(struct infer_session *s, uint64_t deadline_ns,
                                const infer_tensor *inputs, const infer_tensor *outputs,
                                int by_worker, infer_error *err);

/* Sets the dims of outputs whose sizes the run that has just ended well has found. */
void infer__session_shapes(const struct infer_session *s, infer_tensor *outputs, size_t noutputs);

/* Takes room for what infer_run_start is given. */
infer_status infer__started_create(struct infer_session *s, infer_error *err);
/* A failure for want of memory that the session's own limit caused says so. */
static inline infer_status infer__session_limit(const struct infer_session *s, infer_status status,
                                                infer_error *err)
{
    if (status != INFER_ERROR_NO_MEMORY || !s->meter.refused)
        return status;
    return infer__fail(err, INFER_ERROR_LIMIT,
                       "the session needs more than the %llu bytes that max_memory_bytes allows",
                       (unsigned long long)s->meter.limit);
}

/* Makes a program for these inputs, and takes it for the session's. On failure the session is as it
 * was, but that it may have forgotten programs other than the one that it runs. */
infer_status infer__session_plan(struct infer_session *s, const infer_input_spec *inputs,
                                 size_t ninputs, infer_error *err);
/* infer_session_reshape for who has entered the session: the program that was made for these
 * inputs, or a new one. */
infer_status infer__session_reshape(struct infer_session *s, const infer_input_spec *inputs,
                                    size_t ninputs, infer_error *err);

/* infer_session_create with measured choices of the caller's instead of those in the file; NULL:
 * none. What the table points to must stay as long as the session. All pointers but `options` and
 * `tuned` are needed. */
infer_status infer__session_create(const infer_model *model, const infer_session_options *options,
                                   const struct infer__tuned *tuned, infer_session **session,
                                   infer_error *err);

#endif
