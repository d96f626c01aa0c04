/* R19: every kernel against its definition, between protected pages. Operands have their elements'
 * alignment and end at the page behind them or begin behind the one before; packed and scratch
 * memory is exactly what the kernel needs, and full of different bytes from run to run. Any
 * partition of the units, any number of threads, a pitch and in place: the same bits. Packed
 * weights that may come from a file are then anything at all: the kernel keeps to its memory. */
#include "tests/reliability/every_kernel.h"

static uint64_t runs, hostile;

static void compare(struct check *c, const struct every_task *e, const struct infer__kernel *k,
                    void *const *y)
{
    for (uint32_t o = 0; o < e->t.nout; o++)
        for (int64_t i = 0; e->out[o].type && i < infer__operand_elements(&e->out[o]); i++) {
            double want = every_value(e->out[o].type, e->y[o], i);
            double got = every_value(e->out[o].type, y[o], i);
            if (isnan(want) ? isnan(got)
                            : got == want || fabs(got - want) <= every_bound(e, k, o, i))
                continue;
            check_failed(c, "%s, element %lld of output %u: %.9g instead of %.9g; %s", k->name,
                         (long long)i, o, got, want, e->text);
            return;
        }
}

/* Random bytes, then numbers at the edges, for packed weights. */
static void look_hostile(struct check *c, const struct every_task *e, const struct infer__kernel *k,
                         void *const *y)
{
    static const struct every_how hows[] = {{1, EVERY_WHOLE, 1, GUARD_BYTE, 0},
                                            {2, EVERY_SINGLE, 0, 0xFF, 0}};
    char why[200];
    for (int h = 0; h < 2 && k->stored; h++) {
        hostile++;
        if (!every_run_hostile(e, k, &hows[h], y, why, sizeof why))
            check_failed(c, "%s; any packed weights; %s", why, e->text);
    }
}

static void look(struct check *c, struct every_task *e)
{
    static const struct every_how hows[] = {{1, EVERY_WHOLE, 1, GUARD_BYTE, 0},
                                            {2, EVERY_SINGLE, 0, 0xFF, 0},
                                            {7, EVERY_RANDOM, 1, 0xFF, 1},
                                            {64, EVERY_RANDOM, 0, 0, 1}};
    char why[200];
    void *first[EVERY_OPERANDS], *again[EVERY_OPERANDS];
    every_fill(e, EVERY_TAME);
    if (!every_define(e, why, sizeof why)) {
        check_failed(c, "%s; %s", why, e->text);
        return;
    }
    every_outputs(e, first);
    every_outputs(e, again);
    for (int k = e->kernels[0] ? 0 : 1; k < e->nkernels; k++) {
        for (int h = 0; h < 4; h++) {
            void **y = h ? again : first;
            runs++;
            if (!every_run(e, e->kernels[k], &hows[h], y, why, sizeof why)) {
                check_failed(c, "%s; %s", why, e->text);
                break;
            }
            if (!h)
                compare(c, e, e->kernels[k], first);
            else if (!every_same(e, first, again, 0))
                check_failed(c, "%s: other bits in run %d; %s", e->kernels[k]->name, h, e->text);
        }
        look_hostile(c, e, e->kernels[k], again);
    }
    every_free(first);
    every_free(again);
}

int main(void)
{
    struct check c = {.title = "R19 guard pages"};
    unsigned kernels = every_kernel(&c, check_scale(2, 20, 200), look);
    return check_report(&c, "%u kernels, %llu runs, %llu with any packed weights", kernels,
                        (unsigned long long)runs, (unsigned long long)hostile);
}
