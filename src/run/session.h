/* A session: a program with the memory that it works in and its threads. */
#ifndef INFER_RUN_SESSION_H
#define INFER_RUN_SESSION_H

#include <stdatomic.h>

#include "base/pool.h"
#include "base/scratch.h"
#include "file/model.h"
#include "run/program.h"

struct infer_session {
    struct infer__meter meter; /* of all that the session holds, but for itself */
    infer_allocator allocator; /* the meter's */
    const infer_model *model;
    struct infer_pool *own_pool; /* NULL where the pool is the application's */
    struct infer__team *team;
    struct infer__program *program; /* that infer_run runs */
    struct infer__memory memory;    /* that it works in */
    struct infer__scratch scratch;  /* for pictures (infer_classify) */
    uint32_t profile;
    _Atomic int no_memory; /* a kernel had none: see struct infer__task */
};

/* Whether every kernel had the memory that it wanted since the last time this was asked. */
static inline infer_status infer__session_memory(struct infer_session *s, infer_error *err)
{
    if (!atomic_load_explicit(&s->no_memory, memory_order_relaxed))
        return INFER_OK;
    atomic_store_explicit(&s->no_memory, 0, memory_order_relaxed);
    return infer__fail(err, INFER_ERROR_NO_MEMORY, "no memory for a kernel of oneDNN");
}

/* infer_session_create with measured choices of the caller's instead of those in the file; NULL:
 * none. The table is not kept. All pointers but `options` and `tuned` are needed. */
infer_status infer__session_create(const infer_model *model, const infer_session_options *options,
                                   const struct infer__tuned *tuned, infer_session **session,
                                   infer_error *err);

#endif
