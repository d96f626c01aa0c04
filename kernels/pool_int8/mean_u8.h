/* Means of quantised tensors: clamp(rint(sum (x - x_zero) * m) + zero, 0, 255) with
 * m = x_scale / (y_scale * count). What all levels share. */
#ifndef INFER_KERNELS_POOL_INT8_MEAN_U8_H
#define INFER_KERNELS_POOL_INT8_MEAN_U8_H

#include "kernels/kernel.h"

struct infer__mean_u8 {
    float x_scale, y_scale;
    int32_t x_zero, zero;
};

struct infer__mean_u8 infer__mean_u8_of(const struct infer__task *t);
/* The factor of a mean of `count` numbers. */
static inline float infer__mean_u8_factor(const struct infer__mean_u8 *p, float count)
{
    return p->x_scale / (p->y_scale * count);
}
/* The mean of a sum of differences to x_zero. */
uint8_t infer__mean_u8_one(const struct infer__mean_u8 *p, int64_t sum, float m);

/* GlobalAveragePool, and ReduceMean over neighbouring axes: [outer][count][inner] becomes
 * [outer][inner]. Returns 0 if the task is neither. */
struct infer__reduce_u8 {
    int64_t outer, count, inner;
};
int infer__reduce_u8_of(const struct infer__task *t, struct infer__reduce_u8 *r);

#endif
