/* The one kernel interface.
 *
 * A task is one step's work with everything resolved: operand types and physical shapes,
 * parameters, what is fused behind it. A kernel says whether it serves a task and at what cost,
 * how its weights are packed and how much scratch it needs, and then computes units [begin, end)
 * of the task's work. Units are independent of each other, but for those that a kernel wants to be
 * ahead of all others; who computes them, in what order and on how many threads is the plan's
 * business, and does not change one bit of the result.
 *
 * A kernel's run function touches nothing but what its arguments name: no allocation, no errno, no
 * globals, and not one byte outside the tensors' extents.
 */
#ifndef INFER_KERNELS_KERNEL_H
#define INFER_KERNELS_KERNEL_H

#include <math.h>

#include "base/cpu.h"
#include "base/size.h"
#include "graph/params.h"

/* More operands than any kernel takes at once by value; Concat, Split and Max take any number. */
struct infer__operand {
    uint8_t type; /* infer_type; INFER_TYPE_NONE: the operand is absent */
    uint8_t rank;
    uint8_t clast; /* 1: dims are in channels-last order, N, (D, (H,)) W, C */
    uint8_t is_const;
    int32_t pitch; /* of an output, channels-last, that stands among the channels of a larger one:
                      elements from pixel to pixel; 0: dense */
    int64_t dims[INFER_MAX_RANK]; /* physical order, last axis fastest, dense */
    const void *data;             /* of a constant: its value, in the graph's own layout (weights
                                     of a convolution: M, C/groups, kH, kW); else NULL */
    const struct infer__quant *quant; /* what quantised integers mean, or NULL; its axis is
                                         physical */
};

struct infer__task {
    uint16_t op;      /* enum infer__op */
    uint8_t isa;      /* infer_isa: the level that may be used */
    uint8_t onednn;   /* 1: kernels of oneDNN may serve */
    uint32_t threads; /* threads that will share the units */
    uint32_t nin, nout;
    const struct infer__operand *in, *out; /* a residual (epi.residual) is the last input */
    union infer__params p;                 /* axes are physical */
    struct infer__epilogue epi;
    const struct infer__epilogue *inner; /* the node's: see graph.h */
    uint8_t bf16;   /* 1: operands of f32 convolutions and products may be rounded to bf16 */
    uint8_t strict; /* 1: f32 results are plain sums of products (INFER_PRECISION_F32_STRICT) */
    const struct infer__machine *machine; /* what estimates are for; NULL: no CPU in particular */
    _Atomic int *trouble; /* becomes an infer_status where estimate, pack or run fails, as only
                             oneDNN's kernels (for want of memory) and the application's own
                             operators can; NULL: nobody asks */
};

/* What a prepared kernel needs. Everything but `cut` is 0 before prepare.
 *
 * Sizes of a task come from a file. What a kernel may count on: every operand is within
 * INFER__MAX_DIM and INFER__MAX_TENSOR_BYTES (base/size.h), and so is what a window slides over,
 * padding included; no stride or dilation passes that. So sizes of one operand, times small
 * constants, multiply without wrapping. Products of two operands' sizes, and
 * all that ends in these bytes or in an offset into them, are made with INFER__PRODUCT and
 * INFER__SUM; infer__kernel_prepare refuses what is too much. */
struct infer__need {
    struct infer__bytes packed_bytes;  /* packed weights, filled by pack, read-only afterwards */
    struct infer__bytes scratch_bytes; /* per thread, contents undefined at each call */
    uint32_t units;                    /* how many units of work; at least 1 */
    uint32_t barrier;     /* the first so many units are done before the others begin; 0: none */
    uint32_t pack_pieces; /* pieces that large weights are packed in; 0: in one */
    uint64_t layout;      /* what packed weights look like, infer__layout of what they depend on
                             beside the constants themselves, the parameters, what is fused and what
                             integers mean: two tasks of this kernel that agree in all that get the
                             same bytes, whatever their sizes and threads. 0: sizes count, threads do
                             not, and plans of other sizes pack anew */
    void *cut; /* memory of the kernel's cut_bytes, all 0, that is given to prepare; see below */
};

/* Memory of one call; pointers stand in the order of the task's operands (NULL where absent).
 * Alignment is 64 bytes for everything but inputs and outputs of the whole graph, which have
 * their element type's. */
struct infer__buffers {
    const void *const *in;
    void *const *out;
    const void *packed;
    void *scratch; /* of the thread */
    const void *cut;
    void *shared; /* scratch of the thread that began the step, for what units leave to those that
                     wait for them */
    int64_t *extent; /* of operators that find out how much their results have (NonZero and the
                        like): the last unit puts here the size of the axis whose size the task has
                        as the most; results are dense, as if it had been known. Where it is
                        more than that, results are left as they were. Others: may be NULL */
};

/* What a core gets out of another core's cache; measured on a Xeon, from 11 (to write there) to 16
 * (to read). */
enum { INFER__FAR_BYTES_PER_NS = 16 };

/* Operands whose memory the first output may have, where both have the same bytes. */
enum {
    INFER__IN_PLACE_FIRST = 1,   /* input 0: every element is read before it is written */
    INFER__IN_PLACE_SECOND = 2,  /* input 1, the same */
    INFER__IN_PLACE_RESIDUAL = 4 /* the residual of the epilogue */
};

/* Before every estimate: linkers put functions of such sections side by side. All estimates are
 * asked for every node, and pages of kernels that serve none need then not be read. */
#define INFER__APART __attribute__((section(".text.unlikely.infer")))

struct infer__kernel {
    const char *name;   /* "conv_f32_c" */
    uint8_t isa;        /* infer_isa that it needs */
    uint8_t in_place;   /* set of INFER__IN_PLACE_*; 0: the output is apart from every input */
    uint8_t pitched;    /* 1: the output may have a pitch; it has no residual then */
    uint8_t transforms; /* 0, or of f32 products of sums (Winograd's), which strict tasks don't
                           take: input channels from which they are exact enough for others */
    uint8_t stored;     /* 1: packed weights may be kept in a file, which is not trusted: they are
                           numbers to compute with, no pointers, offsets or indices, so that whatever
                           bytes stand there run reads and writes what it would. They depend on the
                           level by the kernel only, not by the task's */
    /* Bytes of the kernel's cut: how it goes about a task (what the task says, tiles, panels,
     * units), a struct of its own. prepare works it out, once; pack and run find it where it was
     * put and work nothing out again. It may point into the task, which stays where it is. */
    uint32_t cut_bytes;
    /* Predicted nanoseconds on one thread, or a negative number: it does not serve this task. */
    double (*estimate)(const struct infer__task *t);
    /* Fills *need, and the cut in need->cut. NULL: one unit, nothing packed, no scratch, no cut.
     * Only prepare may allocate (what a cut points to: oneDNN's primitives). */
    infer_status (*prepare)(const struct infer__task *t, struct infer__need *need,
                            infer_error *err);
    /* Writes packed weights; called only where need.packed_bytes is not 0. NULL if there never are
     * any. */
    void (*pack)(const struct infer__task *t, const void *cut, void *packed);
    /* The same for one piece out of need.pack_pieces; any order, any thread. NULL if pack_pieces
     * is 0. Pieces should read constants apart from each other: their pages may be given back to
     * the system in between. */
    void (*pack_piece)(const struct infer__task *t, const void *cut, void *packed, uint32_t piece,
                       uint32_t pieces);
    /* Computes units [begin, end). */
    void (*run)(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end);
    void (*release)(void *cut); /* frees what prepare allocated; NULL if that is nothing */
};

/* Every kernel of the library, one per row of kernels.def, ends with NULL. */
extern const struct infer__kernel *const infer__kernels[];

/* The next kernel that may serve an operator, in the order of kernels.def, NULL behind the last
 * one. *at is 0 before the first call. */
const struct infer__kernel *infer__kernel_next(unsigned op, uint32_t *at);

/* Whether a task has an operand or a result without elements: no kernel is asked about one, the
 * plan deals with them (src/plan/empty.c). Shape, which reads no elements, may have an empty
 * operand, and control flow all. */
int infer__task_has_empty(const struct infer__task *t);
/* What a kernel estimates for a task, or a negative number: it does not serve it at this level or
 * with an output of this pitch. */
double infer__kernel_ns(const struct infer__kernel *k, const struct infer__task *t);
/* The cheapest kernel that serves a task, or NULL. */
const struct infer__kernel *infer__kernel_choose(const struct infer__task *t);
/* Prepares a kernel that serves the task: fills *need, whatever is in it, and `cut`, which is
 * k->cut_bytes of memory for any type (NULL where those are 0). INFER_ERROR_LIMIT, naming the node,
 * where the kernel needs more memory than can be counted. */
infer_status infer__kernel_prepare(const struct infer__kernel *k, const struct infer__task *t,
                                   const char *node, void *cut, struct infer__need *need,
                                   infer_error *err);
/* The kernel of a name, or NULL. */
const struct infer__kernel *infer__kernel_find(const char *name);

/* ---- helpers for kernels -------------------------------------------------------------------- */

/* What an estimate may know of the CPU. */
const struct infer__machine *infer__task_machine(const struct infer__task *t);
/* Elements of an operand. */
int64_t infer__operand_elements(const struct infer__operand *o);
/* Splits `total` items into at most `most` units of at least `grain` items: the number of units. */
uint32_t infer__units(int64_t total, int64_t grain, uint32_t most);
/* First item of unit u out of `units`, for u = 0 .. units. */
int64_t infer__unit_begin(int64_t total, int64_t units, int64_t u);

/* The `prepare` of a kernel that needs nothing and does all of its work in one unit. */
infer_status infer__prepare_one(const struct infer__task *t, struct infer__need *need,
                                infer_error *err);

/* Of packed weights that look the same at all sizes. */
#define INFER__SAME_LAYOUT 1
/* A number that is not 0 and stands for all of these. */
uint64_t infer__layout(const int64_t *numbers, size_t n);
#define INFER__LAYOUT(...)                                                                         \
    infer__layout((const int64_t[]){__VA_ARGS__},                                                  \
                  sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Pieces to pack `bytes` bytes in that are so many panels: of whole panels, but not too small. */
uint32_t infer__pack_pieces(int64_t panels, uint64_t bytes);

/* Spatial view of a channels-last operand of rank 3 to 5: missing axes are 1. */
struct infer__spatial {
    int64_t n, d, h, w, c;
};
struct infer__spatial infer__operand_spatial(const struct infer__operand *o);

/* y = act(x) of an epilogue or a unary operator; the definition that every kernel is held to. */
float infer__activate(unsigned op, float alpha, float beta, float x);
/* Whether an activation is none or a clamp between two bounds. */
static inline int infer__is_clamp(unsigned op)
{
    return op == INFER__OP_NONE || op == INFER__OP_RELU || op == INFER__OP_CLIP;
}
/* Those bounds; infinite ones where there is no activation or none of that kind. */
static inline void infer__clamp_bounds(const struct infer__epilogue *e, float *low, float *high)
{
    *low = e->act == INFER__OP_CLIP ? e->alpha : e->act == INFER__OP_RELU ? 0 : -INFINITY;
    *high = e->act == INFER__OP_CLIP ? e->beta : INFINITY;
}
/* Applies the epilogue to `count` consecutive elements at y; `residual` is NULL where none. */
void infer__epilogue_apply(const struct infer__epilogue *e, float *y, const float *residual,
                           int64_t count);
/* Whether an operator can be an epilogue's activation (all f32): one list for plan and kernels. */
int infer__is_activation(unsigned op);

/* ---- words that all kernels use alike ---------------------------------------------------------
 *
 *   unit    what the pool hands out: a range of items, made so that threads end together
 *   item    the smallest piece of work that a unit begins or ends with
 *   cut     how a kernel divides a task into these: worked out once, by prepare
 *   tile    rows (pixels) by vectors of outputs whose sums stay in registers, or in AMX's tiles
 *   vector  as many elements as a register holds; its level says how many
 *   block   16 output channels
 *   panel   the output channels that a tile covers, and their weights, packed side by side
 *   strip   blocks of a panel that one product takes (Winograd); rows that are computed together
 *           (depthwise)
 *   chunk   tiles that are computed with one panel after the other, so that inputs stay near
 *   part    one of several shares of a chunk's panels, or of an axis, each an item of its own
 *   run     products whose inputs lie one behind the other
 *   band    output rows of a chain that one item computes, round by round
 *   plane   rows of a picture, copied so that a tile's rows are a constant step apart
 *   piece   of packed weights: what is packed in one go
 *   level   a set of instructions (kernels/levels.h)
 */

#endif
