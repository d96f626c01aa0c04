/* A session: a plan with its memory and its threads. */
#ifndef INFER_RUN_SESSION_H
#define INFER_RUN_SESSION_H

#include <stdatomic.h>

#include "base/pool.h"
#include "file/model.h"
#include "plan/plan.h"

/* A pointer of a step that is set anew by every run, or for every image: an input's or output's of
 * the graph, or a tensor that is an image of one of the whole batch. */
struct infer__patch {
    void **slot;
    uint32_t index;
    uint64_t offset; /* bytes from where that begins */
};

/* What one image on its way through the plan needs of its own. */
struct infer__lane {
    char *arena;
    void **pointers; /* of each operand of the plan's steps */
    struct infer__patch *input_patches, *output_patches, *image_patches;
    uint64_t *ns; /* of each step in this run, where steps are profiled; else NULL */
};

/* Memory of one tensor of a run; see apart.c. */
struct infer__range {
    uintptr_t begin;
    uint64_t bytes;
    int64_t output; /* its index, or that it is none */
};
enum { INFER__RANGE_INPUT = -1 };

struct infer_session {
    struct infer__meter meter; /* of all that the session holds, but for itself */
    infer_allocator allocator; /* the meter's */
    const infer_model *model;
    struct infer__plan plan;
    struct infer__pool *pool;
    struct infer__lane *lanes; /* one, or as many as threads: then images run side by side */
    char *arenas;              /* of the lanes, one behind the other */
    char *scratch;             /* plan.scratch_bytes for each thread */
    char *outputs;             /* memory for outputs that the caller leaves to the library */
    uint64_t *output_offsets;
    struct infer__range *ranges; /* room for all inputs and outputs */
    uint64_t output_bytes;
    uint32_t nlanes, ninput_patches, noutput_patches, nimage_patches;
    uint32_t profile;
    uint64_t runs;         /* that were profiled */
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

/* A value of the plan's graph as the caller sees it: with all images of the batch. */
static inline struct infer__value infer__session_value(const struct infer_session *s, uint32_t id)
{
    struct infer__value v = s->plan.graph.values[id];
    if (s->plan.images > 1)
        v.dims[0] *= s->plan.images;
    return v;
}

/* Fails where an output, the caller's or lent by the session, shares memory with another tensor of
 * the run. */
infer_status infer__check_apart(struct infer_session *s, const infer_tensor *inputs,
                                const infer_tensor *outputs, infer_error *err);

/* Pointers of a step's operands: its inputs, then its outputs. */
static inline void **infer__step_pointers(const struct infer_session *s,
                                          const struct infer__lane *lane,
                                          const struct infer__step *step)
{
    return lane->pointers + (step->operands - s->plan.operands);
}

/* infer_session_create with measured choices of the caller's instead of those in the file; NULL:
 * none. The table is not kept. All pointers but `options` and `tuned` are needed. */
infer_status infer__session_create(const infer_model *model, const infer_session_options *options,
                                   const struct infer__tuned *tuned, infer_session **session,
                                   infer_error *err);

#endif
