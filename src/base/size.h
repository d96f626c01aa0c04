/* Size arithmetic that can't wrap: the only place where sizes from outside are added or
 * multiplied. Each returns 1 and sets *out, or returns 0 if the result does not fit. */
#ifndef INFER_BASE_SIZE_H
#define INFER_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

static inline int infer__size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline int infer__size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Rounds up to a multiple of `align`, a power of two. */
static inline int infer__size_align(size_t a, size_t align, size_t *out)
{
    size_t t;
    if (!infer__size_add(a, align - 1, &t))
        return 0;
    *out = t & ~(align - 1);
    return 1;
}

/* Whether `len` bytes at `off` lie inside `size` bytes. */
static inline int infer__size_inside(uint64_t off, uint64_t len, uint64_t size)
{
    return len <= size && off <= size - len;
}

/* The same for dimensions of tensors. */
static inline int infer__dim_add(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline int infer__dim_mul(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Product of dims, 0 if one of them is 0. Fails if one is negative or if the product of those that
 * are not 0 passes 2^62, so that no partial product can wrap either. */
static inline int infer__dims_product(const int64_t *dims, int rank, int64_t *out)
{
    int64_t n = 1;
    int zero = 0;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return 0;
        zero |= dims[i] == 0;
        if (dims[i] && (__builtin_mul_overflow(n, dims[i], &n) || n > (int64_t)1 << 62))
            return 0;
    }
    *out = zero ? 0 : n;
    return 1;
}

/* Whether two pieces of memory have a byte in common. */
static inline int infer__overlap(const void *a, size_t a_bytes, const void *b, size_t b_bytes)
{
    uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return x < y ? y - x < a_bytes && b_bytes : x - y < b_bytes && a_bytes;
}

#endif
