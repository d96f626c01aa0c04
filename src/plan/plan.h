/* What a plan is: a graph lowered to steps for concrete shapes. Its words are those of all passes;
 * driver.h has their order. */
#ifndef INFER_PLAN_PLAN_H
#define INFER_PLAN_PLAN_H

#include "base/store.h"
#include "graph/graph.h"
#include "kernels/kernel.h"

struct infer__about;
struct infer__bounded;
struct infer__tuned;

/* Where a tensor's bytes are. */
enum infer__place {
    INFER__PLACE_NONE = 0,   /* nowhere: nobody reads it */
    INFER__PLACE_ARENA = 1,  /* at `offset` in the arena */
    INFER__PLACE_CONST = 2,  /* at `desc.data` */
    INFER__PLACE_INPUT = 3,  /* in the caller's input `offset` */
    INFER__PLACE_OUTPUT = 4, /* in output `offset`: the caller's or the session's own */
    INFER__PLACE_IMAGE = 5,  /* in tensor `offset`, of the whole batch, where the image stands */
};

/* A tensor has memory of its own, or part of a root's, which has. */
struct infer__plan_tensor {
    struct infer__operand desc; /* physical */
    uint64_t offset;            /* as `place` says; of one that has a root, bytes from where that
                                   begins */
    uint64_t bytes;
    uint32_t alias;       /* the root; 0: itself */
    uint32_t value;       /* of the plan's graph, 0 where the plan made the tensor */
    uint32_t first, last; /* steps that write a root first and read it last */
    uint8_t place;        /* enum infer__place; the root's */
    uint8_t batch;        /* 1: of the whole batch, written image by image */
};

struct infer__step {
    struct infer__task task; /* its operands are among the plan's */
    const struct infer__kernel *kernel;
    struct infer__need need;
    const void *packed; /* weights; NULL before they are, unless they are stored */
    uint32_t *in, *out; /* tensors; out lies behind in */
    const char *name;   /* of its node; NULL of a step that the plan added */
    uint64_t ns;        /* profile */
    uint8_t tuned;      /* 1: the kernel is the one that was measured to be the best */
    uint8_t serial;     /* 1: all units on the calling thread, as measured or estimated */
    uint8_t stored;     /* 1: packed weights are those in the model's file */
    uint8_t control;    /* 1: which step comes next is seen to in src/run/control.c */
    uint32_t partner;   /* of such a step: of an If its Else, of an Else its EndIf, of a Loop its
                           EndLoop, and of that its Loop */
    struct infer__bounded *bounded; /* NULL: its operands have the sizes that were planned */
};

struct infer__plan_options {
    const infer_input_spec *inputs;
    size_t ninputs;
    const infer_maximum *maxima;
    size_t nmaxima;
    const struct infer__about *about; /* names of dimensions; NULL: there are none */
    uint32_t threads;
    infer_isa isa;
    struct infer__meter *meter;       /* of the plan's allocator, or NULL: memory has no limit */
    uint64_t arena_held, packed_held; /* bytes on the meter already that the plan may use */
    uint64_t max_tensor_bytes;
    uint64_t weight_bytes_limit; /* 0: infer__limit_weights' own */
    uint64_t max_work;           /* 0: infer__budget_for's */
    int onednn;
    int bf16;                             /* 1: struct infer__task.bf16 */
    int strict;                           /* 1: struct infer__task.strict */
    const struct infer__machine *machine; /* struct infer__task.machine */
    _Atomic int *trouble;                 /* struct infer__task.trouble */
    const struct infer__tuned *tuned;     /* measured choices, or NULL; used while planning only */
    const infer_model *model; /* whose file may have packed weights; NULL: all are packed */
};

/* A step whose operands have sizes that are known in a run only: what it was planned with is the
 * most that there can be. Each run works out what there is, and cuts the step anew in this memory,
 * run/extents.c. */
struct infer__bounded {
    struct infer__node node; /* op 0: none, all operands have the shapes of their values */
    int values;              /* values of operands that are no constants say something of sizes */
    uint32_t cut_bytes;      /* of the memory that a run's kernel finds at need.cut */
    void *packed;            /* what a run packs anew, as sizes decide about all of it; else NULL */
    uint64_t packed_bytes;   /* that there is room for there */

    /* of the run */
    struct infer__task task;
    const struct infer__kernel *kernel; /* NULL: there is nothing to compute */
    struct infer__need need;
    struct infer__operand *operands;
    void **pointers;
    int64_t extent;
    int serial;
};

/* What a plan keeps of the spec of an input. */
struct infer__given {
    infer_input_spec spec; /* with the model's name, and a copy of the data; no name: it was passed
                              over for an earlier one of that name */
    size_t bytes;          /* of the data */
};

/* What kernels were chosen for their weights; see weight_limit.c. */
struct infer__weights {
    uint64_t plain, packed, limit; /* bytes: before they are packed, packed, and that may be packed;
                                      of all steps with packed weights, shared or not */
    uint32_t smaller;              /* steps whose kernel is not the fastest, for its bytes */
};

struct infer__plan {
    struct infer__region region;
    infer_allocator allocator;
    struct infer__graph graph;          /* concrete: every value shaped; behind infer__lower without
                                           nodes */
    struct infer__plan_tensor *tensors; /* tensors[0] is the absent one */
    uint32_t ntensors, tensors_capacity;
    struct infer__step *steps;
    uint32_t nsteps, steps_capacity;
    struct infer__operand *operands; /* of all steps */
    uint64_t noperands;
    uint32_t *inputs, *outputs; /* tensors, in the graph's order; an output in plain layout */
    struct infer__given *given; /* of the specs that it was made for, in the caller's order */
    size_t ngiven;
    uint32_t images;     /* 1; else the graph is of one image, to be run for each of so many, */
    uint32_t batch_from; /* as far as this step; those from it on are run once, for all images */
    uint32_t control;    /* steps that are control flow */
    uint64_t arena_bytes, scratch_bytes;
    struct infer__weights weights;
    uint64_t packed_bytes;       /* of all steps, shared or not, but for those that are stored */
    struct infer__share *shares; /* packed weights, sorted by key; `user` is the step */
    uint32_t nshares;
    struct infer__graph *now;   /* the graph with the shapes of this run; NULL: they are known */
    struct infer__store *store; /* that they are of; NULL: none is held */
    _Atomic int *trouble;       /* of the options */
};

/* The operands of a step, and behind them its results, once it has them: those that its task points
 * to. */
static inline struct infer__operand *infer__step_operands(const struct infer__plan *plan,
                                                          const struct infer__step *s)
{
    return plan->operands + (s->task.in - plan->operands);
}

/* The tensor whose bytes tensor `t` has: its root, else itself. */
static inline struct infer__plan_tensor *infer__plan_root(const struct infer__plan *plan,
                                                          uint32_t t)
{
    struct infer__plan_tensor *p = &plan->tensors[t];
    return p->alias ? &plan->tensors[p->alias] : p;
}

/* Bytes from where the root of tensor `t` begins to where the tensor does. */
static inline uint64_t infer__plan_within(const struct infer__plan *plan, uint32_t t)
{
    return plan->tensors[t].alias ? plan->tensors[t].offset : 0;
}

#endif
