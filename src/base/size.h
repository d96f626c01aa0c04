/* Size arithmetic that can't wrap: the only place where sizes from outside are added or
 * multiplied.
 *
 * Three forms of it. Functions that give 0 where the result does not fit are for code that can
 * refuse at once (reading a file, resolving a shape). Counts that saturate are for code that
 * works something out of many sizes and can't (kernels): what has become too much stays so, and
 * is refused where it ends. A number of bytes that someone will allocate is an infer__bytes,
 * which nothing but this header makes: a raw product in its place does not compile. */
#ifndef INFER_BASE_SIZE_H
#define INFER_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* ---- what fails at once: 1 and *out set, or 0 ----------------------------------------------- */

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

/* Bytes of an array in memory; where they can't be counted SIZE_MAX, which no allocator gives. */
static inline size_t infer__array_bytes(size_t count, size_t size)
{
    size_t bytes;
    return infer__size_mul(count, size, &bytes) ? bytes : SIZE_MAX;
}

/* The length of two lists together; UINT32_MAX, for which there is no memory, where they pass it.
 */
static inline uint32_t infer__length_add(uint32_t a, uint32_t b)
{
    uint32_t n;
    return __builtin_add_overflow(a, b, &n) ? UINT32_MAX : n;
}

/* Whether `len` bytes at `off` lie inside `size` bytes. */
static inline int infer__size_inside(uint64_t off, uint64_t len, uint64_t size)
{
    return len <= size && off <= size - len;
}

/* Sums and products for dimensions of tensors. */
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

/* Every tensor that is let in has dimensions of at most INFER__MAX_DIM, and those that are not 0
 * multiply to at most INFER__MAX_TENSOR_BYTES bytes, whatever larger limit is set: of an empty
 * tensor too, since code multiplies some of its dimensions without the one that is 0. So a product
 * of any dimensions of one tensor and constants of up to 2^22 fits an int64_t. */
#define INFER__MAX_DIM INT32_MAX
#define INFER__MAX_TENSOR_BYTES (UINT64_C(1) << 40)

/* Bytes of a tensor whose elements have `size`; fails beyond those limits, and where the dimensions
 * that are not 0 make more than `most` bytes. */
static inline int infer__tensor_bytes(const int64_t *dims, int rank, size_t size, uint64_t most,
                                      size_t *bytes)
{
    uint64_t n = size;
    int zero = 0;
    most = most < INFER__MAX_TENSOR_BYTES ? most : INFER__MAX_TENSOR_BYTES;
    for (int i = 0; i < rank; i++) {
        if ((uint64_t)dims[i] > INFER__MAX_DIM) /* so of a negative one */
            return 0;
        zero |= dims[i] == 0;
        if (dims[i] && __builtin_mul_overflow(n, (uint64_t)dims[i], &n))
            return 0;
    }
    *bytes = zero ? 0 : (size_t)n;
    return n <= most;
}

/* ---- counts that saturate ------------------------------------------------------------------- */

/* More than any address space has. Below 2^63 by far, so that raw sums of a few counts, as loops
 * over what has been refused would have them, do not wrap. */
#define INFER__TOO_MUCH (INT64_C(1) << 48)

/* Factors and terms are at least 0: a negative one is the result of something that wrapped. */
static inline int64_t infer__count_mul(int64_t a, int64_t b)
{
    int64_t n;
    if ((a | b) < 0 || __builtin_mul_overflow(a, b, &n) || n > INFER__TOO_MUCH)
        return INFER__TOO_MUCH;
    return n;
}

static inline int64_t infer__count_add(int64_t a, int64_t b)
{
    int64_t n;
    if ((a | b) < 0 || __builtin_add_overflow(a, b, &n) || n > INFER__TOO_MUCH)
        return INFER__TOO_MUCH;
    return n;
}

/* INFER__PRODUCT(a, b, c ...), INFER__SUM(a, b, c ...) of integers. Unrolled, so that
 * the many sizes of a kernel's cut cost little. */
#define INFER__COUNTS(...)                                                                         \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define INFER__HOW_MANY(...) (sizeof(INFER__COUNTS(__VA_ARGS__)) / sizeof(int64_t))
#define INFER__PRODUCT(...)                                                                        \
    infer__count_product(INFER__COUNTS(__VA_ARGS__), INFER__HOW_MANY(__VA_ARGS__))
#define INFER__SUM(...) infer__count_sum(INFER__COUNTS(__VA_ARGS__), INFER__HOW_MANY(__VA_ARGS__))

static inline __attribute__((always_inline)) int64_t infer__count_product(const int64_t *v,
                                                                          size_t n)
{
    int64_t p = 1;
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++)
        p = infer__count_mul(p, v[i]);
    return p;
}

static inline __attribute__((always_inline)) int64_t infer__count_sum(const int64_t *v, size_t n)
{
    int64_t s = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++)
        s = infer__count_add(s, v[i]);
    return s;
}

/* Rounds up to a multiple of `to`, any number above 0. */
static inline int64_t infer__count_align(int64_t count, int64_t to)
{
    int64_t over = count < 0 || count >= INFER__TOO_MUCH ? -1 : count % to;
    return over < 0 ? INFER__TOO_MUCH : infer__count_add(count, over ? to - over : 0);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* A number of bytes that was worked out without wrapping, or "too much". {0} is none. */
struct infer__bytes {
    uint64_t checked; /* at most INFER__TOO_MUCH; only this header looks at it */
};

/* Memory for `count` objects of `size` bytes. */
static inline struct infer__bytes infer__bytes_of(int64_t count, size_t size)
{
    int64_t n =
        size > (size_t)INFER__TOO_MUCH ? INFER__TOO_MUCH : infer__count_mul(count, (int64_t)size);
    return (struct infer__bytes){(uint64_t)n};
}

static inline int infer__bytes_too_much(struct infer__bytes b)
{
    return b.checked >= (uint64_t)INFER__TOO_MUCH;
}

static inline uint64_t infer__bytes_count(struct infer__bytes b)
{
    return b.checked;
}

#endif
