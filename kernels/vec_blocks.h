/* Units of kernels that work element by element on vectors: whole blocks of elements, so that a
 * unit begins on a cache line whenever the tensor does. */
#ifndef INFER_KERNELS_VEC_BLOCKS_H
#define INFER_KERNELS_VEC_BLOCKS_H

#include "kernels/nd.h"

enum { VEC_BLOCK = 16, VEC_BLOCKS_LEAST = 512 }; /* elements; blocks of a unit at least */

static inline int64_t vec_blocks(const struct infer__task *t)
{
    return infer__operand_elements(&t->out[0]) / VEC_BLOCK + 1;
}

static inline infer_status vec_blocks_prepare(const struct infer__task *t, struct infer__need *need,
                                              infer_error *err)
{
    (void)err;
    need->units = infer__task_units(t, vec_blocks(t), VEC_BLOCKS_LEAST);
    return INFER_OK;
}

/* The elements [*first, *last) of units [begin, end). */
static inline void vec_blocks_range(const struct infer__task *t, uint32_t begin, uint32_t end,
                                    int64_t *first, int64_t *last)
{
    uint32_t units = infer__task_units(t, vec_blocks(t), VEC_BLOCKS_LEAST);
    int64_t total = infer__operand_elements(&t->out[0]);
    *first = infer__unit_begin(vec_blocks(t), units, begin) * VEC_BLOCK;
    *last = infer__unit_begin(vec_blocks(t), units, end) * VEC_BLOCK;
    if (*last > total)
        *last = total;
    if (*first > total)
        *first = total;
}

/* Nanoseconds that moving all operands takes at the speed of the second-level cache. */
static inline double vec_bytes_ns(const struct infer__task *t)
{
    return infer__bytes_ns(t) * 0.25;
}

#endif
