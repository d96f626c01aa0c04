/* The order of elements of any type of number: keys of 64 bits that compare as the elements do. -0
 * and +0 are equals, and so are denormals where the thread's mode takes them as 0; NaNs are above
 * all numbers, and all equals, as NumPy sorts them. */
#ifndef INFER_KERNELS_FIND_ORDER_H
#define INFER_KERNELS_FIND_ORDER_H

#include <string.h>

#include "kernels/kernel.h"

/* Of the bits of a float in the lowest `bits` of a word, `infinity` being those of infinity. */
static inline uint64_t infer__float_key(uint64_t x, unsigned bits, uint64_t infinity)
{
    const uint64_t sign = UINT64_C(1) << (bits - 1), size = x & (sign - 1);
    if (size > infinity)
        return UINT64_MAX;
    return x & sign ? sign - size : sign + size;
}

#define INFER__KEY_OF(T, expression)                                                               \
    {                                                                                              \
        T x;                                                                                       \
        memcpy(&x, (const T *)src + i, sizeof x);                                                  \
        return expression;                                                                         \
    }
#define INFER__SIGNED_KEY(T) INFER__KEY_OF(T, (uint64_t)(int64_t)x + (UINT64_C(1) << 63))

static inline uint64_t infer__f32_key(const void *src, int64_t i)
{
    float f;
    uint32_t x;
    memcpy(&f, (const float *)src + i, sizeof f);
    memcpy(&x, &f, sizeof x);
    return infer__float_key(f == 0 ? 0 : x, 32, 0x7f800000);
}

static inline uint64_t infer__f64_key(const void *src, int64_t i)
{
    double f;
    uint64_t x;
    memcpy(&f, (const double *)src + i, sizeof f);
    memcpy(&x, &f, sizeof x);
    return infer__float_key(f == 0 ? 0 : x, 64, UINT64_C(0x7ff0000000000000));
}

/* The key of element i. */
static inline uint64_t infer__order_key(unsigned type, const void *src, int64_t i)
{
    switch (type) {
    case INFER_F32:
        return infer__f32_key(src, i);
    case INFER_F64:
        return infer__f64_key(src, i);
    case INFER_S8:
        INFER__SIGNED_KEY(int8_t)
    case INFER_S16:
        INFER__SIGNED_KEY(int16_t)
    case INFER_S32:
        INFER__SIGNED_KEY(int32_t)
    case INFER_S64:
        INFER__SIGNED_KEY(int64_t)
    case INFER_U16:
        INFER__KEY_OF(uint16_t, x)
    case INFER_U32:
        INFER__KEY_OF(uint32_t, x)
    case INFER_U64:
        INFER__KEY_OF(uint64_t, x)
    default:
        INFER__KEY_OF(uint8_t, x)
    }
}

/* Something that was found: equals stand in the order of their places. */
struct infer__found {
    uint64_t key;
    int64_t place;
};

/* Whether a stands before b: the larger key first, then the lower place. */
static inline int infer__found_before(const struct infer__found *a, const struct infer__found *b)
{
    return a->key != b->key ? a->key > b->key : a->place < b->place;
}

/* Lets element i of a heap of n sink to its place: the last in that order is on top, or, with
 * `first`, the first. */
static inline void infer__found_sink(struct infer__found *heap, int64_t n, int64_t i, int first)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && infer__found_before(&heap[child + 1], &heap[child]) == first)
            child++;
        if (infer__found_before(&heap[child], &heap[i]) != first)
            return;
        const struct infer__found t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
    }
}

static inline void infer__found_heap(struct infer__found *heap, int64_t n, int first)
{
    for (int64_t i = n / 2; i-- > 0;)
        infer__found_sink(heap, n, i, first);
}

/* Sorts a heap whose top is the last. */
static inline void infer__found_sort(struct infer__found *heap, int64_t n)
{
    for (int64_t end = n; end-- > 1;) {
        const struct infer__found t = heap[0];
        heap[0] = heap[end];
        heap[end] = t;
        infer__found_sink(heap, end, 0, 0);
    }
}

#endif
