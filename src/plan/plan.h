/* The plan: a graph lowered to steps for concrete shapes.
 *
 * plan_create copies the graph, binds input shapes, resolves and folds, fuses, lays out, chooses
 * kernels and places every tensor in the arena; infer__pack follows. One file each:
 *
 *   bind.c    shapes and values of inputs
 *   images.c  whether a batch is better run image by image
 *   fold.c    resolve every node; run those whose inputs are all constants
 *   empty.c   nodes on tensors without elements, which no kernel is to meet
 *   work.c    what computing something takes, and the budget for it
 *   fuse_forms.c  what exporters write out in many nodes: Gelu, LayerNormalization, Dense
 *   integer.c nodes of quantised models that work on the integers
 *   integer_dynamic.c  the same where scales are found at run time
 *   fuse_channels.c  what moves or scales channels, with the Concat before it: ScaleShift,
 *                    ChannelShuffle
 *   fuse.c    activation, bias, residual, padding into the node before them
 *   fuse_chain.c  1x1, depthwise and 1x1 convolution into one node, where that is faster
 *   fuse_scale.c  Mul by one number for each channel into the 1x1 convolution behind it
 *   estimate.c    what nodes and memory will take, for the last two, tail.c and join.c
 *   lower.c   nodes to steps: physical layouts, transposes between them, views
 *   tail.c    from which step on a batch that is run image by image is run as a whole
 *   narrow.c  tensors of bf16, in sessions of that precision
 *   join.c    Concat of parts that are made where they belong
 *   select.c  kernels for steps, prepared
 *   arena.c   lifetimes, in-place reuse, offsets
 *   pack.c    weights in the form that the kernels want, shared by all sessions of a model
 *   pack_key.c  what tells one step's packed weights from another's
 */
#ifndef INFER_PLAN_PLAN_H
#define INFER_PLAN_PLAN_H

#include "base/pages.h"
#include "base/pool.h"
#include "base/store.h"
#include "graph/graph.h"
#include "kernels/kernel.h"

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

struct infer__plan_tensor {
    struct infer__operand desc; /* physical */
    uint32_t value;             /* of the plan's graph, 0 where the plan made the tensor */
    uint32_t alias;             /* tensor whose bytes this one shares from `alias_offset`, or 0 */
    uint8_t place;              /* enum infer__place */
    uint8_t batch;              /* 1: of the whole batch, written image by image */
    uint32_t first, last;       /* steps that write it first and read it last */
    uint64_t alias_offset;
    uint64_t offset;
    uint64_t bytes;
};

struct infer__step {
    struct infer__task task;
    struct infer__operand *operands; /* those that task.in and, behind them, task.out point to;
                                        among the plan's */
    const struct infer__kernel *kernel;
    struct infer__need need;
    void *packed;
    uint32_t *in, *out; /* tensors; out lies behind in */
    const char *name;   /* of its node; NULL of a step that the plan added */
    uint8_t tuned;      /* 1: the kernel is the one that was measured to be the best */
    uint8_t serial;     /* 1: all units on the calling thread, as measured or estimated */
    uint64_t ns;        /* profile */
};

struct infer__plan_options {
    const infer_input_spec *inputs;
    size_t ninputs;
    uint32_t threads;
    infer_isa isa;
    struct infer__meter *meter;       /* of the plan's allocator, or NULL: memory has no limit */
    uint64_t arena_held, packed_held; /* bytes on the meter already that the plan may use */
    uint64_t max_tensor_bytes;
    uint64_t max_work; /* 0: infer__budget_for's */
    int onednn;
    int bf16;                             /* 1: struct infer__task.bf16 */
    const struct infer__machine *machine; /* struct infer__task.machine */
    _Atomic int *no_memory;               /* struct infer__task.no_memory */
    const struct infer__tuned *tuned;     /* measured choices, or NULL; used while planning only */
};

/* What a plan keeps of the spec of an input. */
struct infer__given {
    infer_input_spec spec; /* with the model's name, and a copy of the data; no name: it was passed
                              over for an earlier one of that name */
    size_t bytes;          /* of the data */
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
    uint32_t images; /* 1; else the graph is of one image, to be run for each of so many, */
    uint32_t tail;   /* as far as this step; those from it on are run once, for all images */
    uint64_t arena_bytes, scratch_bytes;
    uint64_t packed_bytes;       /* of all steps, shared or not */
    struct infer__share *shares; /* packed weights, sorted by key; `user` is the step */
    uint32_t nshares;
    struct infer__store *store; /* that they are of; NULL: none is held */
    _Atomic int *no_memory;     /* of the options */
};

/* The tensor whose bytes tensor `t` has: what it is a view of, else itself. */
static inline struct infer__plan_tensor *infer__plan_root(const struct infer__plan *plan,
                                                          uint32_t t)
{
    struct infer__plan_tensor *p = &plan->tensors[t];
    return p->alias ? &plan->tensors[p->alias] : p;
}

infer_status infer__plan_create(struct infer__plan *plan, const struct infer__graph *graph,
                                const struct infer__plan_options *options,
                                const infer_allocator *allocator, infer_error *err);
void infer__plan_free(struct infer__plan *plan);

/* ---- the passes, in order ------------------------------------------------------------------- */

infer_status infer__plan_bind(struct infer__plan *plan, const struct infer__plan_options *o,
                              infer_error *err);

/* Operands that are tensors of the output's kind; those behind them are parameters (bounds, scales,
 * axes), always in the graph's own layout. */
uint32_t infer__data_operands(const struct infer__node *n);

/* What may be spent on computing constants, by all passes together. */
struct infer__budget {
    uint64_t max_work, work; /* operations, and how many of them are left */
    uint64_t bytes;          /* of results, that are left */
};
/* A budget of `max_work` operations; 0: 2^31, and 64 for each byte of the graph's constants, so
 * that a small file can't ask for much. Its bytes: 1 GiB, and 4 for each of those. */
struct infer__budget infer__budget_for(const struct infer__graph *g, uint64_t max_work);
/* What a step computes, 2 for each multiply-add; 0 where it only moves data. */
uint64_t infer__task_flops(const struct infer__task *t);
/* The same with what it reads and writes, element by element. */
uint64_t infer__task_work(const struct infer__task *t);

/* How to fold. */
enum {
    INFER__FOLD_PARTIAL = 1, /* pass over nodes whose shapes are not known (free dimensions) */
    INFER__FOLD_KEEP_QUANTISED = 2 /* leave DequantizeLinear of constants: quantised weights stay */
};

/* Resolves nodes in order and replaces outputs of nodes whose inputs are all constants by
 * constants, computed by the real kernels; such nodes are removed. */
infer_status infer__fold(struct infer__graph *g, unsigned flags, uint64_t max_tensor_bytes,
                         struct infer__budget *budget, infer_error *err);
/* Runs one node on constants, which makes its outputs constants, in the graph's region. `budget`
 * may be NULL where little is computed. */
infer_status infer__evaluate_node(struct infer__graph *g, const struct infer__node *n,
                                  const union infer__params *p, struct infer__budget *budget,
                                  infer_error *err);
/* Removes nodes none of whose outputs is needed, then values nobody uses lose their name only. */
infer_status infer__remove_dead(struct infer__graph *g, infer_error *err);

infer_status infer__fuse_forms(struct infer__graph *g, infer_error *err);
infer_status infer__fuse_channels(struct infer__graph *g, infer_error *err);
/* Resolves a node of the plan. The resolve functions know the meaning of quantised values only, so
 * these pass as f32 meanwhile; types are as before afterwards. */
infer_status infer__plan_resolve(struct infer__graph *g, const struct infer__node *n,
                                 uint64_t max_tensor_bytes, union infer__params *p,
                                 infer_error *err);

infer_status infer__integer(struct infer__graph *g, infer_error *err);
/* ConvInteger and MatMulInteger: weights in the kernels' form, and the Cast, Mul and Add behind
 * them; ranges before DynamicQuantizeLinear. */
infer_status infer__integer_dynamic(struct infer__graph *g, infer_error *err);
infer_status infer__fuse(struct infer__graph *g, infer_error *err);
/* alpha and beta of an activation node; 0 if they are not known beforehand. */
int infer__activation_bounds(const struct infer__graph *g, const struct infer__node *n,
                             struct infer__epilogue *e);
infer_status infer__fuse_chains(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err);
infer_status infer__fuse_scales(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err);
infer_status infer__lower(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err);
/* One more tensor, all 0; tensors may move. */
infer_status infer__plan_add_tensor(struct infer__plan *plan, uint32_t *tensor, infer_error *err);
infer_status infer__tail(struct infer__plan *plan, const struct infer__plan_options *o,
                         infer_error *err);
infer_status infer__narrow(struct infer__plan *plan, const struct infer__plan_options *o,
                           infer_error *err);
infer_status infer__join(struct infer__plan *plan, infer_error *err);
/* The same for what kernels work on in place; behind infer__select. */
infer_status infer__settle(struct infer__plan *plan, infer_error *err);
infer_status infer__select(struct infer__plan *plan, const struct infer__plan_options *o,
                           infer_error *err);
/* Sizes of packed weights and of scratch memory, once kernels are prepared (pack.c). */
infer_status infer__sum_needs(struct infer__plan *plan, infer_error *err);
/* What a step reads and writes, in bytes: for inspect and profile. */
uint64_t infer__step_bytes(const struct infer__plan *plan, const struct infer__step *s);
infer_status infer__place(struct infer__plan *plan, const struct infer__plan_options *o,
                          infer_error *err);

/* The key of a step's packed weights: kernel, layout and constants, and all else that packing looks
 * at. `file` has the model's constants: bytes that stay where and what they are as long as the
 * store. */
struct infer__store_key infer__pack_key(const struct infer__step *s,
                                        const struct infer__pages *file);
/* Fills in plan->shares: what packed weights the plan needs. */
infer_status infer__pack_shares(struct infer__plan *plan, const struct infer__pages *file,
                                infer_error *err);
/* Takes packed weights out of the store and makes those that are not there; `map` is the mapped
 * file that constants may lie in, whose pages are given back once they are packed. The last pass,
 * apart because it wants threads. */
infer_status infer__pack(struct infer__plan *plan, struct infer__store *store,
                         struct infer__team *team, const struct infer__pages *map,
                         infer_error *err);

#endif
