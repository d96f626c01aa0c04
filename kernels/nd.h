/* Walking tensors whose axes have any stride: broadcasting, transposing, slicing.
 *
 * A walk has the axes of a dense output and, for each operand, the stride in elements with which
 * it is read along them. Axes that can be walked as one are merged, so that the last one, the
 * row, is as long as possible. Work is split by flat output elements; a unit may begin in the
 * middle of a row.
 */
#ifndef INFER_KERNELS_ND_H
#define INFER_KERNELS_ND_H

#include "kernels/kernel.h"

enum { INFER__ND_AXES = 2 * INFER_MAX_RANK, INFER__ND_OPERANDS = 2, INFER__BLOCK = 512 };

/* Elements of 1, 2, 4 and 8 bytes of any type. */
typedef uint8_t infer__e1;
typedef uint16_t __attribute__((may_alias)) infer__e2;
typedef uint32_t __attribute__((may_alias)) infer__e4;
typedef uint64_t __attribute__((may_alias)) infer__e8;

/* Iterations of the next loop do not depend on each other, though its pointers may be equal
 * (kernels of one element each work in place). Clang has no word for it that is silent where a
 * build without optimisation ignores it; it compares the pointers when it runs. */
#if defined(__GNUC__) && !defined(__clang__)
#define INFER__INDEPENDENT _Pragma("GCC ivdep")
#else
#define INFER__INDEPENDENT
#endif

struct infer__nd {
    int axes; /* after infer__nd_merge at least 1 */
    int operands;
    int64_t dims[INFER__ND_AXES];
    int64_t stride[INFER__ND_OPERANDS][INFER__ND_AXES];
};

/* Where a walk is: the row and, in elements, where each operand has its beginning. */
struct infer__nd_at {
    int64_t index[INFER__ND_AXES];
    int64_t offset[INFER__ND_OPERANDS];
};

/* A walk over the dims of `out`, without operands. */
void infer__nd_init(struct infer__nd *w, const struct infer__operand *out);
/* Adds an operand broadcast to the walk's axes; one of lower rank is aligned at the end. */
void infer__nd_broadcast(struct infer__nd *w, const struct infer__operand *o);
/* Dense strides of a shape. */
void infer__nd_strides(const int64_t *dims, int rank, int64_t *stride);
/* Drops axes of 1 and merges neighbours that every operand walks as one. */
void infer__nd_merge(struct infer__nd *w);
/* Goes to row `row` / from there to the next one. */
void infer__nd_seek(const struct infer__nd *w, int64_t row, struct infer__nd_at *at);
void infer__nd_next(const struct infer__nd *w, struct infer__nd_at *at);
/* Copies output elements [begin, begin + count) of a merged walk's first operand from `src`, the
 * address of its element at offset 0, to `dst`, where element `begin` is to stand. `size` is 1, 2,
 * 4 or 8 bytes; addresses are aligned to it. */
void infer__nd_copy(const struct infer__nd *w, const void *src, size_t size, int64_t begin,
                    int64_t count, void *dst);

/* Elements [begin, begin + count) of operand `o` broadcast to `out`: a pointer into `src` where it
 * has the same shape, else `buffer` (count * size bytes), filled. */
const void *infer__broadcast_block(const struct infer__operand *out, const struct infer__operand *o,
                                   const void *src, int64_t begin, int64_t count, void *buffer);

/* ---- kernels that split their work by output elements --------------------------------------- */

/* Units of at least 8192 elements of output 0. */
infer_status infer__elements_prepare(const struct infer__task *t, struct infer__need *need,
                                     infer_error *err);
/* The elements of units [begin, end). */
void infer__elements_range(const struct infer__task *t, uint32_t begin, uint32_t end,
                           int64_t *first, int64_t *last);
/* The same for `total` items in units of at least `grain`. */
uint32_t infer__task_units(const struct infer__task *t, int64_t total, int64_t grain);

/* Nanoseconds that moving all operands takes at 25 GB/s, which is about what one thread gets from
 * memory on the machine that this was tuned on. */
double infer__bytes_ns(const struct infer__task *t);
/* Whether nothing is fused behind a task. */
int infer__no_epilogue(const struct infer__task *t);
/* Whether operand i is there, and its elements' size. */
int infer__has_in(const struct infer__task *t, uint32_t i);
size_t infer__operand_size(const struct infer__operand *o);
/* Bytes of all of them; 0 of an operand that is absent. */
size_t infer__operand_bytes(const struct infer__operand *o);

/* y[i] = act(x[i]); x and y may be equal. */
void infer__activate_row(unsigned op, float alpha, float beta, const float *x, float *y,
                         int64_t count);
/* Nanoseconds per element of an operator of infer__activate. */
double infer__activate_ns(unsigned op);

#endif
