/* Indices that a tensor of s32 or s64 holds. */
#ifndef INFER_KERNELS_GATHER_INDEX_H
#define INFER_KERNELS_GATHER_INDEX_H

#include "kernels/nd.h"

static inline int infer__is_index(unsigned type)
{
    return type == INFER_S64 || type == INFER_S32;
}

/* Index i of an axis of `dim`, which if negative counts from the end; it may be outside. */
static inline int64_t infer__index_at(const void *index, unsigned type, int64_t i, int64_t dim)
{
    int64_t v = type == INFER_S64 ? ((const int64_t *)index)[i] : ((const int32_t *)index)[i];
    return v < 0 ? v + dim : v;
}

/* The same; one outside is the nearest inside. */
static inline int64_t infer__index_inside(const void *index, unsigned type, int64_t i, int64_t dim)
{
    int64_t v = infer__index_at(index, type, i, dim);
    return v < 0 ? 0 : v >= dim ? dim - 1 : v;
}

#endif
