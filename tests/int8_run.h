/* Tasks on quantised tensors: random scales and zero points, extremes of bytes, and the arithmetic
 * of docs/quantization.md written down once more. */
#ifndef INFER_TESTS_INT8_RUN_H
#define INFER_TESTS_INT8_RUN_H

#include "base/cpu.h"
#include "base/status.h"
#include "kernel_run.h"

/* One scale and zero point. */
struct quant_one {
    float scale;
    int32_t zero;
    struct infer__quant q;
};

static inline void quant_set(struct quant_one *q, float scale, int32_t zero)
{
    q->scale = scale;
    q->zero = zero;
    q->q = (struct infer__quant){1, 0, &q->scale, &q->zero};
}

static inline void quant_random(struct quant_one *q, uint64_t *r)
{
    static const int32_t zeros[] = {0, 255, 128};
    int64_t which = random_int(r, 0, 5);
    quant_set(q, 0.001f + fabsf(random_float(r)) * 0.1f,
              which < 3 ? zeros[which] : (int32_t)random_int(r, 0, 255));
}

/* Bytes of any value, or of the extremes only. */
static inline void bytes_fill(void *to, int64_t n, uint64_t *r)
{
    uint8_t *p = to;
    int64_t how = random_int(r, 0, 5), one = random_int(r, 0, 1) ? 255 : 0;
    for (int64_t i = 0; i < n; i++)
        p[i] = how == 0   ? (uint8_t)one
               : how == 1 ? (uint8_t)(random_int(r, 0, 1) ? 255 : 0)
                          : (uint8_t)random_int(r, 0, 255);
}

/* clamp(rint(x) + zero, lo, hi); NaN gives lo. nearbyint rounds half to even. */
static inline uint8_t round_to(float x, int32_t zero, int32_t lo, int32_t hi)
{
    double y = nearbyint((double)x) + (double)zero;
    if (!(y > (double)lo))
        return (uint8_t)lo;
    return y < (double)hi ? (uint8_t)y : (uint8_t)hi;
}

/* Runs a kernel, if this machine has its level and it serves the task, and compares bytes. Returns
 * whether it ran. */
static inline int bytes_compare(struct run *k, const char *name, const void *want, uint64_t *r)
{
    const struct infer__kernel *kernel = infer__kernel_find(name);
    if (!kernel || !infer_cpu_has(kernel->isa))
        return 0;
    k->t.in = k->in;
    k->t.out = k->out;
    k->t.isa = kernel->isa;
    for (uint32_t i = 0; i < k->t.nin; i++)
        k->in[i].data = k->in[i].is_const ? k->x[i] : NULL;
    if (kernel->estimate(&k->t) < 0)
        return 0;
    check_kernel(kernel, &k->t, (const void *const *)k->x, k->y, r);
    size_t n = operand_bytes(&k->out[0]);
    const uint8_t *got = k->y[0], *expected = want;
    for (size_t i = 0; i < n; i++)
        if (got[i] != expected[i])
            fail_msg("%s: byte %zu of %zu is %d, not %d", name, i, n, got[i], expected[i]);
    return 1;
}

#endif
