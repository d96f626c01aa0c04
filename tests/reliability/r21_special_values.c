/* R21: NaN, infinities, zeros of either sign, denormals and FLT_MAX through every kernel: the rule
 * at the end of kernels/kernel.h. Definitions are held to the rule itself, all others to what the
 * definition gives: NaN where it has NaN, the same infinities, the same numbers. */
#include "tests/reliability/every_kernel.h"

#include <float.h>

static uint64_t runs, dependences;

/* ---- kernels against definitions ------------------------------------------------------------ */

/* Whether the definition's number says nothing about what another order of summing gives: sums that
 * overflow on the way may be infinite, NaN or neither. */
static int overflows(const struct every_task *e, const struct infer__kernel *k, int64_t i,
                     enum every_values values)
{
    double scale = every_spreads(k) ? e->largest : e->scale[i];
    return values == EVERY_LARGE && every_is_sum(&e->t) && !(scale < (double)FLT_MAX / 1000);
}

static int agrees(const struct every_task *e, const struct infer__kernel *k, uint32_t o, int64_t i,
                  double want, double got)
{
    if (isnan(want))
        return isnan(got);
    if (every_spreads(k) && !isfinite(got)) /* what it shares a tile with */
        return 1;
    return got == want || fabs(got - want) <= every_bound(e, k, o, i);
}

static void compare(struct check *c, const struct every_task *e, const struct infer__kernel *k,
                    void *const *y, enum every_values values)
{
    for (uint32_t o = 0; o < e->t.nout; o++)
        for (int64_t i = 0; e->out[o].type && i < infer__operand_elements(&e->out[o]); i++) {
            double want = every_value(e->out[o].type, e->y[o], i);
            double got = every_value(e->out[o].type, y[o], i);
            if (overflows(e, k, i, values) || agrees(e, k, o, i, want, got))
                continue;
            check_failed(c, "%s, element %lld of output %u: %.9g instead of %.9g; %s", k->name,
                         (long long)i, o, got, want, e->text);
            return;
        }
}

static void look_at_kernels(struct check *c, struct every_task *e, enum every_values values)
{
    static const struct every_how hows[] = {{1, EVERY_WHOLE, 1, GUARD_BYTE, 0},
                                            {7, EVERY_RANDOM, 0, 0xFF, 1}};
    char why[200];
    void *first[EVERY_OPERANDS], *again[EVERY_OPERANDS];
    every_fill(e, values);
    if (!every_define(e, why, sizeof why)) {
        check_failed(c, "%s; %s", why, e->text);
        return;
    }
    every_outputs(e, first);
    every_outputs(e, again);
    for (int k = e->kernels[0] ? 0 : 1; k < e->nkernels; k++) {
        runs++;
        if (!every_run(e, e->kernels[k], &hows[0], first, why, sizeof why) ||
            !every_run(e, e->kernels[k], &hows[1], again, why, sizeof why))
            check_failed(c, "%s; %s", why, e->text);
        else if (!every_same(e, first, again))
            check_failed(c, "%s: other bits; %s", e->kernels[k]->name, e->text);
        else
            compare(c, e, e->kernels[k], first, values);
    }
    every_free(first);
    every_free(again);
}

static void look(struct check *c, struct every_task *e)
{
    look_at_kernels(c, e, EVERY_ODD);
    look_at_kernels(c, e, EVERY_LARGE);
}

int main(void)
{
    struct check c = {.title = "R21 special values"};
    unsigned kernels = every_kernel(&c, check_scale(1, 6, 60), look);
    return check_report(&c, "%u kernels, %llu runs, %llu dependences", kernels,
                        (unsigned long long)runs, (unsigned long long)dependences);
}
