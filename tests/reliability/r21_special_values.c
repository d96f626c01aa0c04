/* R21: NaN, infinities, zeros of either sign, denormals and FLT_MAX through every kernel: the rule
 * of docs/numbers.md. Definitions are held to the rule itself, all others to what the
 * definition gives: NaN where it has NaN, the same infinities, the same numbers. */
#include "tests/reliability/every_kernel.h"

#include <float.h>

static uint64_t runs, dependences;

/* ---- kernels against definitions ------------------------------------------------------------ */

/* Whether the definition's number says nothing of what another order of summing gives: a sum that
 * may overflow on the way, at one tap or with bf16's few digits, is infinite, NaN or neither. */
static int may_overflow(const struct every_task *e, const struct infer__kernel *k, int64_t i)
{
    if (every_is_recurrent(&e->t))
        return 1;
    return every_is_sum(&e->t) &&
           (every_spreads(k) || every_rounds(k) || !(e->scale[i] < (double)FLT_MAX / 1000));
}

/* Whether the rule lets a kernel have NaN where its definition has a number. */
static int may_be_nan(const struct every_task *e, const struct infer__kernel *k,
                      enum every_values values)
{
    int window = e->t.op <= INFER__OP_CONV_TRANSPOSE || e->t.op == INFER__OP_CONV_CHAIN;
    return every_spreads(k) || every_rounds(k) || (window && values == EVERY_ODD_CONSTANTS);
}

static int agrees(const struct every_task *e, const struct infer__kernel *k, uint32_t o, int64_t i,
                  enum every_values values, double want, double got)
{
    if (values == EVERY_LARGE && may_overflow(e, k, i))
        return 1;
    if (isnan(want))
        return isnan(got);
    if (isnan(got) && may_be_nan(e, k, values))
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
            if (agrees(e, k, o, i, values, want, got))
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
        else if (!every_same(e, first, again, 1))
            check_failed(c, "%s: other bits; %s", e->kernels[k]->name, e->text);
        else
            compare(c, e, e->kernels[k], first, values);
    }
    every_free(first);
    every_free(again);
}

/* ---- definitions against the rule ----------------------------------------------------------- */

/* Operands whose NaN counts as something else by the rule. */
static int is_exempt(const struct infer__task *t, uint32_t i)
{
    return (t->op == INFER__OP_CLIP && i > 0) || (t->op == INFER__OP_TOP_K && i == 0) ||
           t->op == INFER__OP_DYNAMIC_RANGE || t->op == INFER__OP_DYNAMIC_QUANTIZE_LINEAR ||
           t->op == INFER__OP_DYNAMIC_QUANTIZE_LSTM ||
           (t->op == INFER__OP_ATTENTION && t->p.attention.or_zero && i != 2);
}

/* Sets element j of operand i, runs the definition into y, and sets it back. */
static int run_with(struct every_task *e, uint32_t i, int64_t j, double v, void **y, char *why,
                    size_t size)
{
    static const struct every_how how = {1, EVERY_WHOLE, 0, 0xFF, 0};
    double before = every_value(e->in[i].type, e->x[i], j);
    every_put(e->in[i].type, e->x[i], j, v);
    int done = every_run(e, e->kernels[0], &how, y, why, size);
    every_put(e->in[i].type, e->x[i], j, before);
    return done;
}

/* What changes with an element is NaN where the element is NaN. */
static void compare_dependence(struct check *c, const struct every_task *e, uint32_t operand,
                               void *const *changed, void *const *poisoned)
{
    for (uint32_t o = 0; o < e->t.nout; o++) {
        unsigned type = e->out[o].type;
        for (int64_t i = 0; every_is_float(type) && type && i < infer__operand_elements(&e->out[o]);
             i++) {
            if (every_value(type, e->y[o], i) == every_value(type, changed[o], i))
                continue;
            dependences++;
            if (!isnan(every_value(type, poisoned[o], i))) {
                check_failed(c, "%s, element %lld of output %u: no NaN, but operand %u has one; %s",
                             e->kernels[0]->name, (long long)i, o, operand, e->text);
                return;
            }
        }
    }
}

static void look_at_rule(struct check *c, struct every_task *e)
{
    char why[200] = "";
    void *changed[EVERY_OPERANDS], *poisoned[EVERY_OPERANDS];
    uint64_t r = e->seed;
    every_fill(e, EVERY_TAME);
    if (!e->kernels[0] || !every_define(e, why, sizeof why))
        return;
    every_outputs(e, changed);
    every_outputs(e, poisoned);
    for (uint32_t i = 0; i < e->t.nin; i++) {
        int64_t n = infer__operand_elements(&e->in[i]);
        if (!every_is_float(e->in[i].type) || !e->in[i].type || n < 1 || is_exempt(&e->t, i))
            continue;
        int64_t j = random_int(&r, 0, n - 1);
        if (!run_with(e, i, j, 1.5 + (double)random_float(&r), changed, why, sizeof why) ||
            !run_with(e, i, j, (double)NAN, poisoned, why, sizeof why))
            check_failed(c, "%s; %s", why, e->text);
        compare_dependence(c, e, i, changed, poisoned);
    }
    every_free(changed);
    every_free(poisoned);
}

static void look(struct check *c, struct every_task *e)
{
    look_at_rule(c, e);
    look_at_kernels(c, e, EVERY_ODD);
    look_at_kernels(c, e, EVERY_LARGE);
    look_at_kernels(c, e, EVERY_ODD_CONSTANTS);
}

int main(void)
{
    struct check c = {.title = "R21 special values"};
    unsigned kernels = every_kernel(&c, check_scale(1, 8, 100), look);
    return check_report(&c, "%u kernels, %llu runs, %llu dependences", kernels,
                        (unsigned long long)runs, (unsigned long long)dependences);
}
