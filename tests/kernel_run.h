/* Random tasks for kernels of any type and shape, and plain readings of tensors to compare with. */
#ifndef INFER_TESTS_KERNEL_RUN_H
#define INFER_TESTS_KERNEL_RUN_H

#include <math.h>

#include "kernel_check.h"

static uint64_t seed;

struct run {
    struct infer__operand in[CHECK_OPERANDS], out[CHECK_OPERANDS];
    struct infer__task t;
    void *x[CHECK_OPERANDS], *y[CHECK_OPERANDS];
};

static inline struct infer__operand operand(infer_type type, int rank, const int64_t *dims)
{
    struct infer__operand o = {.type = (uint8_t)type, .rank = (uint8_t)rank};
    for (int i = 0; i < rank; i++)
        o.dims[i] = dims[i];
    return o;
}

/* IEEE 754 half precision read from its definition. */
static inline double half_value(uint16_t h)
{
    double digits = h & 0x3ff, sign = h & 0x8000 ? -1 : 1;
    int exponent = h >> 10 & 31;
    if (exponent == 31)
        return digits > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(1024 + digits, exponent - 25) : ldexp(digits, -24));
}

/* Element i as a long double, which on x86-64 holds every 64-bit integer. */
static inline long double value_at(unsigned type, const void *p, int64_t i)
{
    float f;
    uint32_t bits;
    switch (type) {
    case INFER_F32:
        return (long double)((const float *)p)[i];
    case INFER_F64:
        return (long double)((const double *)p)[i];
    case INFER_F16:
        return (long double)half_value(((const uint16_t *)p)[i]);
    case INFER_BF16:
        bits = (uint32_t)((const uint16_t *)p)[i] << 16;
        memcpy(&f, &bits, sizeof f);
        return (long double)f;
    case INFER_S8:
        return ((const int8_t *)p)[i];
    case INFER_S16:
        return ((const int16_t *)p)[i];
    case INFER_S32:
        return ((const int32_t *)p)[i];
    case INFER_S64:
        return ((const int64_t *)p)[i];
    case INFER_U16:
        return ((const uint16_t *)p)[i];
    case INFER_U32:
        return ((const uint32_t *)p)[i];
    case INFER_U64:
        return ((const uint64_t *)p)[i];
    default:
        return ((const uint8_t *)p)[i];
    }
}

/* Random bytes make every integer and, of floats, every exponent, infinities and NaNs; `tame`
 * makes floats of -4 .. 4 and integers of -9 .. 9 (0 .. 9). */
static inline void *random_data(const struct infer__operand *o, int tame, uint64_t *r)
{
    static const float odd[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -1e-40f, 3e38f};
    int64_t n = infer__operand_elements(o);
    size_t size = infer_type_size((infer_type)o->type);
    unsigned char *p = malloc((size_t)n * size + 8);
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = random_next(r);
        int64_t small = random_int(r, -9, 9);
        float f = random_float(r) * 4;
        int is_signed = o->type == INFER_S8 || o->type == INFER_S16 || o->type == INFER_S32 ||
                        o->type == INFER_S64;
        if (!tame && random_int(r, 0, 3) == 0)
            f = odd[random_int(r, 0, 7)];
        if (o->type == INFER_F32) {
            memcpy(&bits, &f, sizeof f);
        } else if (o->type == INFER_F64) {
            double d = (double)f;
            memcpy(&bits, &d, sizeof d);
        } else if (o->type == INFER_BOOL) {
            bits &= 1;
        } else if (tame && o->type == INFER_F16) {
            bits = (bits & 0x83ff) | (uint64_t)random_int(r, 8, 16) << 10;
        } else if (tame && o->type == INFER_BF16) {
            bits = (bits & 0x807f) | (uint64_t)random_int(r, 120, 128) << 7;
        } else if (tame) {
            bits = is_signed || small >= 0 ? (uint64_t)small : (uint64_t)-small;
        }
        memcpy(p + (size_t)i * size, &bits, size); /* little-endian, as the library's targets are */
    }
    return p;
}

/* Data for inputs that have none yet, and room for outputs. */
static inline void run_fill(struct run *k, int tame, uint64_t *r)
{
    k->t.in = k->in;
    k->t.out = k->out;
    for (uint32_t i = 0; i < k->t.nin; i++)
        if (!k->x[i] && k->in[i].type)
            k->x[i] = random_data(&k->in[i], tame, r);
    for (uint32_t i = 0; i < k->t.nout; i++)
        if (k->out[i].type)
            k->y[i] = calloc(operand_bytes(&k->out[i]) + 8, 1);
}

static inline void run_kernel(struct run *k, const char *name, uint64_t *r)
{
    const struct infer__kernel *kernel = infer__kernel_find(name);
    assert_non_null(kernel);
    if (!k->t.isa)
        k->t.isa = INFER_ISA_C;
    check_kernel(kernel, &k->t, (const void *const *)k->x, k->y, r);
}

static inline void run_drop(struct run *k)
{
    for (int i = 0; i < CHECK_OPERANDS; i++) {
        free(k->x[i]);
        free(k->y[i]);
    }
}

/* The index of flat element i, and back. */
static inline void unravel(const struct infer__operand *o, int64_t i, int64_t *index)
{
    for (int a = o->rank - 1; a >= 0; a--) {
        index[a] = i % o->dims[a];
        i /= o->dims[a];
    }
}

static inline int64_t ravel(const struct infer__operand *o, const int64_t *index)
{
    int64_t i = 0;
    for (int a = 0; a < o->rank; a++)
        i = i * o->dims[a] + index[a];
    return i;
}

/* Element of `o` that stands behind element i of `out` by NumPy's broadcasting. */
static inline int64_t broadcast_at(const struct infer__operand *out, const struct infer__operand *o,
                                   int64_t i)
{
    int64_t index[INFER_MAX_RANK], own[INFER_MAX_RANK];
    unravel(out, i, index);
    for (int a = 0; a < o->rank; a++) {
        int64_t at = index[out->rank - o->rank + a];
        own[a] = o->dims[a] == 1 ? 0 : at;
    }
    return ravel(o, own);
}

/* Fails unless `got` is `want` within `bound`; NaN for NaN, infinity for infinity. */
static inline void close_to(const char *what, int64_t i, long double got, long double want,
                            long double bound)
{
    if (isnan(want) ? isnan(got) : got == want || fabsl(got - want) <= bound)
        return;
    fail_msg("%s, element %lld: %.12Lg instead of %.12Lg", what, (long long)i, got, want);
}

/* Rank 0 to `most` with small dims, some of them 1. */
static inline int random_dims(int64_t *dims, int low, int most, int64_t largest, uint64_t *r)
{
    int rank = (int)random_int(r, low, most);
    for (int i = 0; i < rank; i++)
        dims[i] = random_int(r, 0, 3) == 0 ? 1 : random_int(r, 1, largest);
    return rank;
}

#endif
