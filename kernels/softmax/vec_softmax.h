/* Softmax of rows in vectors, at the levels of vec_f32.h. As in the definition the sum is taken in
 * double; here lane by lane, then across. */
#ifndef INFER_KERNELS_SOFTMAX_VEC_SOFTMAX_H
#define INFER_KERNELS_SOFTMAX_VEC_SOFTMAX_H

#include "kernels/vec_double.h"

/* e^d of d <= 0, but 0 for what is or nearly is a denormal: attention masks are full of them, and
 * Intel's CPUs take 150 cycles for each product that has one. */
VEC_INLINE vec vec_softmax_weight(vec d)
{
    const vec least = vec_set(-86);
    return vec_select(vec_less(d, least), vec_set(0), vec_exp(vec_at_least(least, d)));
}

static inline void vec_softmax_row(const float *x, float *y, int64_t n, int logs)
{
    int tail = (int)(n % VEC);
    int64_t whole = n - tail, i;
    const vec none = vec_set(-INFINITY);
    vec most = none;
    for (i = 0; i < whole; i += VEC)
        most = vec_at_least(vec_load(x + i), most);
    if (tail)
        most = vec_at_least(vec_load_or(x + i, tail, none), most);
    vec max = vec_set(vec_max_across(most));
    vec_double sums = vec_double_set(0);
    for (i = 0; i < whole; i += VEC) {
        vec d = vec_sub(vec_load(x + i), max), e = vec_softmax_weight(d);
        vec_store(y + i, logs ? d : e);
        sums = vec_double_add(sums, vec_to_double(e));
    }
    if (tail) {
        /* a lane that is not there: -infinity - max, whose exponential is 0 */
        vec d = vec_sub(vec_load_or(x + i, tail, none), max), e = vec_softmax_weight(d);
        vec_store_n(y + i, logs ? d : e, tail);
        sums = vec_double_add(sums, vec_to_double(e));
    }
    double sum = vec_double_sum(sums);
    vec factor = vec_set((float)(1 / sum)), shift = vec_set((float)log(sum));
    for (i = 0; i < whole; i += VEC) {
        vec a = vec_load(y + i);
        vec_store(y + i, logs ? vec_sub(a, shift) : vec_mul(a, factor));
    }
    if (tail) {
        vec a = vec_load_n(y + i, tail);
        vec_store_n(y + i, logs ? vec_sub(a, shift) : vec_mul(a, factor), tail);
    }
}

#endif
