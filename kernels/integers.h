/* Small functions of whole numbers that cutting work into pieces needs again and again. */
#ifndef INFER_KERNELS_INTEGERS_H
#define INFER_KERNELS_INTEGERS_H

#include <stdint.h>

/* a / b rounded up; a >= 0, b > 0. */
static inline int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* The next multiple of b from a on. */
static inline int64_t round_up(int64_t a, int64_t b)
{
    return ceil_div(a, b) * b;
}

/* What each of `parts` parts has of a total that they share, the last perhaps less; 0: no parts. */
static inline int64_t share_of(int64_t total, int64_t parts)
{
    return parts > 0 ? ceil_div(total, parts) : 0;
}

static inline int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
