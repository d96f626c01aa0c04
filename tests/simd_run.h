/* Runs a kernel of each level of x86-64 and the definition on the same random task, and compares.
 */
#ifndef INFER_TESTS_SIMD_RUN_H
#define INFER_TESTS_SIMD_RUN_H

#include "base/cpu.h"
#include "base/status.h"
#include "kernel_run.h"

static const char *const simd_levels[] = {"avx2", "avx512"};
enum { SIMD_LEVELS = 2 };

/* The kernel "<base>_<level>", or NULL where this machine lacks it. */
static inline const struct infer__kernel *simd_kernel(const char *base, int level)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", base, simd_levels[level]);
    const struct infer__kernel *k = infer__kernel_find(name);
    return k && infer_cpu_has(k->isa) ? k : NULL;
}

/* Runs the task in every partition with "<base>_<level>" and with `definition`. Elements may differ
 * by `relative` times the definition's value plus `absolute`; where both are negative, bits must be
 * equal. The estimate must be the lower one if `faster`. */
static inline void simd_compare(struct run *k, const char *base, int level, const char *definition,
                                double relative, double absolute, int faster, uint64_t *r)
{
    const struct infer__kernel *simd = simd_kernel(base, level);
    const struct infer__kernel *plain = infer__kernel_find(definition);
    if (!simd)
        return;
    assert_non_null(plain);
    struct run c = *k;
    c.t.in = c.in;
    c.t.out = c.out;
    k->t.isa = c.t.isa = simd->isa;
    for (uint32_t i = 0; i < k->t.nout; i++)
        if (k->y[i])
            c.y[i] = calloc(operand_bytes(&k->out[i]) + 8, 1);
    check_kernel(simd, &k->t, (const void *const *)k->x, k->y, r);
    check_run_once(plain, &c.t, (const void *const *)c.x, c.y, 1, CHECK_WHOLE, 1, r);
    if (faster && infer__operand_elements(&k->out[0]))
        assert_true(simd->estimate(&k->t) < plain->estimate(&c.t));
    for (uint32_t i = 0; i < k->t.nout; i++) {
        if (k->y[i] && relative < 0)
            assert_memory_equal(k->y[i], c.y[i], operand_bytes(&k->out[i]));
        for (int64_t e = 0; k->y[i] && relative >= 0 && e < infer__operand_elements(&k->out[i]);
             e++) {
            long double want = value_at(k->out[i].type, c.y[i], e);
            close_to(simd->name, e, value_at(k->out[i].type, k->y[i], e), want,
                     (long double)relative * fabsl(want) + (long double)absolute);
        }
        free(c.y[i]);
    }
}

#endif
