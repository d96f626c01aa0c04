/* A program: a plan made ready to run, with all that depends on its shapes. Memory that a run
 * works in is apart, so that programs which never run at the same time can have the same. */
#ifndef INFER_RUN_PROGRAM_H
#define INFER_RUN_PROGRAM_H

#include "base/pages.h"
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

/* Bytes of working memory. */
struct infer__memory_need {
    size_t arenas, scratch, outputs;
};

struct infer__program {
    infer_allocator allocator;
    struct infer__plan plan;
    struct infer__lane *lanes; /* one, or as many as threads: then images run side by side */
    uint64_t *output_offsets;
    struct infer__range *ranges; /* room for all inputs and outputs */
    struct infer__memory_need need;
    uint32_t nlanes, ninput_patches, noutput_patches, nimage_patches;
    uint64_t runs; /* that were profiled */
};

/* Programs that a session keeps, the one that it runs among them. */
enum { INFER__MOST_PROGRAMS = 8 };

/* The packed weights that a session uses, each counted once, whoever else uses it. */
struct infer__packed {
    struct infer__meter *meter; /* the session's, on which they are counted */
    uint64_t bytes;
};

/* Counts those of all `n` programs, at most one more than a session keeps: 1; 0: they pass the
 * meter's limit, and what was counted before still is. */
int infer__packed_count(struct infer__packed *packed, struct infer__program *const *programs,
                        uint32_t n);

/* What a program is made with. */
struct infer__program_options {
    struct infer__plan_options plan;
    const infer_model *model;
    struct infer__team *team;             /* that packs weights now and runs steps later */
    int profile;                          /* steps are timed */
    struct infer__program *const *others; /* of the session */
    uint32_t nothers;
    struct infer__packed *packed;
};

/* Plans, packs and takes all memory but that which runs work in. On success *program is to be freed
 * with infer__program_free; on failure it is NULL. The meter is the allocator's. */
infer_status infer__program_create(const struct infer__program_options *o,
                                   const infer_allocator *allocator,
                                   struct infer__program **program, infer_error *err);
/* NULL is fine. What is packed is counted anew by the caller. */
void infer__program_free(struct infer__program *p);

/* Lets the program work in `arenas`, which has the bytes that it needs. */
void infer__program_link(struct infer__program *p, char *arenas);

/* A value of the plan's graph as the caller sees it: with all images of the batch. */
static inline struct infer__value infer__program_value(const struct infer__program *p, uint32_t id)
{
    struct infer__value v = p->plan.graph.values[id];
    if (p->plan.images > 1)
        v.dims[0] *= p->plan.images;
    return v;
}

/* Pointers of a step's operands: its inputs, then its outputs. */
static inline void **infer__step_pointers(const struct infer__program *p,
                                          const struct infer__lane *lane,
                                          const struct infer__step *step)
{
    return lane->pointers + (step->task.in - p->plan.operands);
}

/* Fails where an output, the caller's or `lent` by the session, shares memory with another tensor
 * of the run. */
infer_status infer__check_apart(struct infer__program *p, const char *lent,
                                const infer_tensor *inputs, const infer_tensor *outputs,
                                infer_error *err);

#endif
