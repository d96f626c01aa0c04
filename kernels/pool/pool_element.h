/* What the vector kernels of pooling read and write: f32, or bf16 at the level of that name. Sums
 * and maxima are f32. */
#ifndef INFER_KERNELS_POOL_POOL_ELEMENT_H
#define INFER_KERNELS_POOL_POOL_ELEMENT_H

#include "kernels/conv/vec_f32.h"
#include "kernels/kernel.h"

#if LEVEL == LEVEL_bf16
#include "kernels/conv_bf16/vec_bf16.h"
#define POOL_TYPE INFER_BF16
#define POOL_NAME(name) infer__##name##_bf16
#define POOL_STRING(name) name "_bf16"
typedef uint16_t element;
#else
#define POOL_TYPE INFER_F32
#define POOL_NAME(name) LEVEL_NAME(infer__##name##_f32)
#define POOL_STRING(name) LEVEL_STRING(name "_f32")
typedef float element;
#endif

/* The first `rest` elements, all where that is a constant VEC. */
VEC_INLINE vec pool_load(const element *x, int rest)
{
#if LEVEL == LEVEL_bf16
    return rest == VEC ? bf16_load(x) : bf16_load_n(x, rest);
#else
    return rest == VEC ? vec_load(x) : vec_load_n(x, rest);
#endif
}

VEC_INLINE void pool_store(element *y, vec x, int rest)
{
#if LEVEL == LEVEL_bf16
    bf16_store_n(y, x, rest);
#else
    if (rest == VEC)
        vec_store(y, x);
    else
        vec_store_n(y, x, rest);
#endif
}

#endif
