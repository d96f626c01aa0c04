/* oneDNN behind the kernel interface.
 *
 * A task becomes a problem (one shape of convolution, transposed convolution or pooling; a dense
 * layer is a convolution of 1 x 1), the problem is cut into tiles, and each tile is one unit: a
 * primitive over a contiguous range of rows or pictures, or a range of output channels that goes
 * through scratch. oneDNN comes with OpenMP, so primitives are created and executed with one
 * OpenMP thread; parallelism is the plan's, over units. Tiles of the same shape share a primitive.
 *
 * Same bits for any number of threads and any place in a batch: how a problem is cut depends on
 * the shape of one picture and on nothing else. It must not depend on the number of threads, since
 * oneDNN picks the order of a sum (blocks of input channels, ways to treat the padding) by a
 * primitive's whole shape, so that two cuts differ in the last bits for a few shapes in a hundred.
 * A single thread runs the same units one after the other, which costs it 2 %.
 *
 * A NaN stays a NaN: what oneDNN would drop it from (relu, clip, hard sigmoid) is our own code,
 * that goes through a unit's result once more (0.03 ns an element).
 *
 * oneDNN picks its instruction set itself and the cap is a process-wide switch, so these kernels
 * compete only where the task allows the best level that they can use.
 *
 * Memory: oneDNN and libgomp call malloc, operator new and mmap themselves, and where these fail
 * they end the process: exceptions meet C or noexcept, or a NULL is written to. They can't be given
 * an allocator. So before every call that may allocate, infer__dnnl_reserve looks whether several
 * times what such calls were measured to take is there, and if not, the call is not made. What is
 * left is another thread that takes the memory in the microseconds in between.
 *
 * Executing keeps a small hash table of the arguments per call, and a thread's first call makes
 * libgomp's record of its thread count. Neither grows.
 */
#ifndef INFER_KERNELS_ONEDNN_ONEDNN_KERNEL_H
#define INFER_KERNELS_ONEDNN_ONEDNN_KERNEL_H

#include <oneapi/dnnl/dnnl.h>

#include "base/status.h"
#include "kernels/kernel.h"

enum infer__dnnl_kind {
    INFER__DNNL_CONV = 0,
    INFER__DNNL_DECONV = 1,
    INFER__DNNL_POOL = 2 /* groups = 1, ci = co */
};

/* One shape. All members are int64_t, so that problems compare with memcmp. */
struct infer__dnnl_problem {
    int64_t kind;  /* enum infer__dnnl_kind */
    int64_t alg;   /* of a pooling: dnnl_alg_kind_t */
    int64_t ndims; /* 4 (N, H, W, C) or 5 (with D) */
    int64_t n, ci, co, groups;
    int64_t in[3], out[3]; /* D, H, W */
    int64_t kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3];
    int64_t bias, residual; /* 1: has one */
};

/* How a task's operands map to a problem. */
struct infer__dnnl_binding {
    int32_t bias, residual;    /* numbers of operands, -1: none */
    int64_t weight_strides[2]; /* elements from one output channel to the next, input channel to
                                  the next (of a group); positions of the kernel are dense */
    int64_t group_stride;
};

/* A cut: pictures x ranges of rows x ranges of output channels. */
struct infer__dnnl_grid {
    int64_t pictures, rows, chunks;
};

/* A piece of a problem. */
struct infer__dnnl_tile {
    struct infer__dnnl_problem p;
    size_t src_offset, dst_offset; /* bytes */
    int64_t chunk;                 /* number of the channel range */
    int64_t c_begin;
};

/* onednn_split.c: no oneDNN in here, only arithmetic */
struct infer__dnnl_grid infer__dnnl_cut(const struct infer__dnnl_problem *p);
uint32_t infer__dnnl_tiles(const struct infer__dnnl_grid *g);
/* Fills tile i; 0 if it can't be a primitive of its own (it lies wholly in the padding). */
int infer__dnnl_tile(const struct infer__dnnl_problem *p, const struct infer__dnnl_grid *g,
                     uint32_t i, struct infer__dnnl_tile *tile);
double infer__dnnl_flops(const struct infer__dnnl_problem *p);

/* onednn_epilogue.c */
/* Whether oneDNN does an epilogue's activation; else run applies ours to each unit's result, if
 * there is one. */
int infer__dnnl_fuses(const struct infer__dnnl_problem *p, const struct infer__epilogue *e);
/* User scratchpad, then: + residual, which the destination must hold before, activation. */
infer_status infer__dnnl_attr(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                              dnnl_primitive_attr_t *attr, infer_error *err);

/* onednn_activate_avx2.c: needs that level, which every task of these kernels has */
void infer__dnnl_activate(const struct infer__epilogue *e, float *y, int64_t count);
double infer__dnnl_activate_ns(unsigned act); /* per element */

/* onednn_desc.c */
/* The first implementation of a problem that is not a reference one; `name` (where not empty)
 * and `weights` (where not NULL) pin the implementation and the layout of the weights.
 * INFER_ERROR_UNSUPPORTED if there is none. */
infer_status infer__dnnl_find(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                              dnnl_engine_t engine, const char *name,
                              const dnnl_memory_desc_t *weights, dnnl_primitive_desc_t *pd,
                              infer_error *err);
/* Description of dense channels-last data. */
dnnl_status_t infer__dnnl_data_desc(const struct infer__dnnl_problem *p, int64_t c,
                                    const int64_t size[3], dnnl_memory_desc_t *md);
/* Description of the weights as the graph has them; with `b` NULL, in oneDNN's choice of order. */
dnnl_status_t infer__dnnl_weights_desc(const struct infer__dnnl_problem *p,
                                       const struct infer__dnnl_binding *b, dnnl_memory_desc_t *md);

/* onednn_memory.c */
/* What oneDNN may need: to describe and make a primitive, or to execute one. */
enum infer__dnnl_call { INFER__DNNL_MAKE, INFER__DNNL_EXECUTE };
/* Whether the memory is there for such a call. */
int infer__dnnl_reserve(enum infer__dnnl_call call);
/* The error if it was not. */
infer_status infer__dnnl_no_room(infer_error *err);
/* Says that it was not where only the task can be told. */
void infer__dnnl_no_memory(const struct infer__task *t);

/* The cut of these kernels: what prepare has made of a task, in memory that oneDNN's objects need;
 * NULL until then. */
struct infer__dnnl_cut {
    struct infer__dnnl_state *state;
};

/* onednn_state.c */
infer_status infer__dnnl_prepare(const struct infer__dnnl_problem *p,
                                 const struct infer__dnnl_binding *b, const struct infer__task *t,
                                 struct infer__need *need, infer_error *err);
void infer__dnnl_pack(const struct infer__task *t, const void *cut, void *packed);
void infer__dnnl_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end);
void infer__dnnl_release(void *cut);

/* Whether the task may be served by oneDNN here, before one looks at shapes. */
int infer__dnnl_allowed(const struct infer__task *t);
/* Sizes that oneDNN's int arithmetic can take, and windows that its memory is known for. */
int infer__dnnl_sane(const struct infer__dnnl_problem *p);
/* Predicted ns on one thread. */
double infer__dnnl_estimate(const struct infer__dnnl_problem *p, const struct infer__epilogue *e,
                            const struct infer__machine *m);

#endif
