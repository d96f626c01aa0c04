/* Kernels for steps: the one that was measured to be the best, or the cheapest by estimate, that
 * can be prepared. */
#include <string.h>

#include "plan/passes.h"
#include "plan/select.h"
#include "plan/tuned.h"

enum {
    MOST_CANDIDATES = INFER__MOST_CANDIDATES,
    SERIAL_NS = 5000 /* handing a step to another thread and waiting for it costs 1 to 2 us */
};

int infer__candidates(const struct infer__task *t, struct infer__candidate c[MOST_CANDIDATES])
{
    int n = 0;
    uint32_t next = 0;
    for (const struct infer__kernel *k; (k = infer__kernel_next(t->op, &next));) {
        double ns = infer__kernel_ns(k, t);
        if (!(ns >= 0))
            continue;
        int at = n < MOST_CANDIDATES ? n : MOST_CANDIDATES - 1;
        if (n == MOST_CANDIDATES && c[at].ns <= ns)
            continue;
        while (at > 0 && c[at - 1].ns > ns) {
            c[at] = c[at - 1];
            at--;
        }
        c[at] = (struct infer__candidate){k, ns};
        n += n < MOST_CANDIDATES;
    }
    return n;
}

static const char *step_name(const struct infer__step *s)
{
    return s->name ? s->name : "";
}

/* Moves the measured best to the front. A table that names a kernel which does not serve the task,
 * or is none, changes nothing: so no file can make a kernel run on what it is not made for. */
static const struct infer__kernel *prefer_tuned(const struct infer__task *t,
                                                const struct infer__tuned *tuned, int *serial,
                                                struct infer__candidate *c, int n)
{
    const struct infer__kernel *k = infer__tuned_kernel(tuned, t, serial);
    int at = 0;
    while (at < n && c[at].kernel != k)
        at++;
    if (!k || at == n)
        return NULL;
    struct infer__candidate best = c[at];
    memmove(c + 1, c, (size_t)at * sizeof *c);
    c[0] = best;
    return k;
}

/* What one thread alone waits for: half of the operands, which the other threads' caches have. */
static double far_ns(const struct infer__task *t)
{
    double bytes = 0;
    for (uint32_t k = 0; k < t->nin; k++)
        if (t->in[k].type && !t->in[k].is_const)
            bytes += (double)infer__operand_elements(&t->in[k]) *
                     (double)infer_type_size((infer_type)t->in[k].type);
    return bytes / INFER__FAR_BYTES_PER_NS;
}

/* Whether a run can cut a bounded step anew with this kernel: it allocates nothing, and its weights
 * look the same whatever the sizes are, or are sizes themselves. */
static int can_be_cut_anew(const struct infer__step *s)
{
    return !s->kernel->release && (!infer__bytes_count(s->need.packed_bytes) ||
                                   s->need.layout != 0 || infer__packs_sizes(s->task.op));
}

infer_status infer__prepare_step(struct infer__plan *plan, struct infer__step *s, infer_error *err)
{
    const struct infer__kernel *k = s->kernel;
    void *cut = k->cut_bytes ? infer__region_calloc(&plan->region, 1, k->cut_bytes) : NULL;
    if (k->cut_bytes && !cut)
        return infer__no_memory(err, k->cut_bytes);
    TRY(infer__kernel_prepare(k, &s->task, step_name(s), cut, &s->need, err));
    if (!s->bounded || can_be_cut_anew(s))
        return INFER_OK;
    if (k->release)
        k->release(cut);
    return INFER_ERROR_UNSUPPORTED;
}

static infer_status select_kernel(struct infer__plan *plan, struct infer__step *s,
                                  const struct infer__tuned *tuned, infer_error *err)
{
    struct infer__candidate c[MOST_CANDIDATES];
    if (infer__task_has_empty(&s->task))
        return infer__fail_node(err, INFER_ERROR_INTERNAL, step_name(s),
                                "a step of %s has an operand without elements",
                                infer__op_info(s->task.op)->name);
    int serial, n = infer__candidates(&s->task, c);
    const struct infer__kernel *best = prefer_tuned(&s->task, tuned, &serial, c, n);
    for (int i = 0; i < n; i++) {
        s->kernel = c[i].kernel;
        s->tuned = s->kernel == best;
        s->serial = s->tuned ? serial != 0 : c[i].ns + far_ns(&s->task) < SERIAL_NS;
        infer_status status = infer__prepare_step(plan, s, err);
        if (status == INFER_OK)
            return s->bounded ? infer__bounded_reserve(plan, s, err) : INFER_OK;
        s->kernel = NULL;
        if (status != INFER_ERROR_UNSUPPORTED)
            return status;
    }
    const struct infer__operand *x = s->task.nin ? &s->task.in[0] : &s->task.out[0];
    return infer__fail_node(
        err, INFER_ERROR_UNSUPPORTED, step_name(s), "no kernel computes %s of rank %d on %s",
        infer__op_info(s->task.op)->name, x->rank, infer_type_name((infer_type)x->type));
}

infer_status infer__select(struct infer__plan *plan, const struct infer__plan_options *o,
                           infer_error *err)
{
    for (uint32_t i = 0; i < plan->nsteps; i++)
        TRY(select_kernel(plan, &plan->steps[i], o->tuned, err));
    return INFER_OK;
}
