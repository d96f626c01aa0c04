/* The end of a plan that is run image by image, for the whole batch at once.
 *
 * Towards the end of a network tensors are small and weights many: what a dense layer takes is the
 * time of reading its weights, and a convolution of few pixels can't use the kernels that save
 * products. So steps 0 .. first - 1 are run for one image after another, and leave what the others
 * read of them in tensors of the whole batch; steps first .. are then run once. Where they
 * begin is a matter of the kernels' estimates; it does not depend on the number of threads. */
#include <string.h>

#include "graph/traits.h"
#include "plan/estimate.h"
#include "plan/passes.h"
#include "plan/steps.h"

/* Of all time; less is within the estimates' errors. */
static const double least_gain = 0.02;
/* Operands of a step that may be run for the whole batch, at most. */
enum { MOST_OPERANDS = 64 };

struct batcher {
    struct infer__plan *plan;
    uint32_t *made;  /* the step that writes each tensor, plus 1; 0: none does */
    uint32_t *batch; /* the tensor of the whole batch that each tensor is an image of; 0: none */
    infer_error *err;
};

/* ---- what is gained ------------------------------------------------------------------------- */

static void widen(struct infer__operand *o, uint32_t images)
{
    if (o->type != INFER_TYPE_NONE && !o->is_const)
        o->dims[0] *= images;
}

static double best_ns(const struct infer__task *t)
{
    double ns = infer__estimate_task(t);
    return ns < INFINITY ? ns : -1;
}

/* Writing and reading again what a step writes, of so many images at once, as far as the cache does
 * not hold it. */
static double memory_ns(const struct batcher *f, const struct infer__step *s, uint32_t images)
{
    const double each = infer__task_machine(&s->task)->weight_bytes;
    double ns = 0;
    for (uint32_t k = 0; k < s->task.nout; k++)
        ns += infer__estimate_memory((double)f->plan->tensors[s->out[k]].bytes * images, each);
    return ns;
}

/* Nanoseconds that a batch takes of a step image by image, in *apart; and what less if it is
 * computed at once. */
static double gain_of(const struct batcher *f, const struct infer__step *s, double *apart)
{
    const uint32_t n = s->task.nin + s->task.nout, images = f->plan->images;
    struct infer__operand ops[MOST_OPERANDS];
    struct infer__task whole = s->task;
    memcpy(ops, infer__step_operands(f->plan, s), n * sizeof *ops);
    whole.in = ops;
    whole.out = ops + s->task.nin;
    for (uint32_t k = 0; k < n; k++)
        widen(&ops[k], images);
    double one = best_ns(&s->task), all = best_ns(&whole);
    *apart = images * (one + memory_ns(f, s, 1));
    return one < 0 || all < 0 ? -*apart : *apart - all - memory_ns(f, s, images);
}

/* ---- where it begins ------------------------------------------------------------------------ */

/* Whether step s may be run for the whole batch; *most: the steps that are may begin no later than
 * this one, lest it reads what is an output of the graph from a step before it. */
static int may_follow(const struct batcher *f, const struct infer__step *s, uint32_t *most)
{
    if (infer__op_traits(s->task.op)->batch == INFER__BATCH_MIXES ||
        s->task.nin + s->task.nout > MOST_OPERANDS)
        return 0;
    for (uint32_t k = 0; k < s->task.nin; k++) {
        const struct infer__plan_tensor *r = infer__plan_root(f->plan, s->in[k]);
        const uint32_t made = f->made[r - f->plan->tensors];
        if (r->place == INFER__PLACE_INPUT)
            return 0;
        if (r->place == INFER__PLACE_OUTPUT && made && made - 1 < *most)
            *most = made - 1;
    }
    return 1;
}

/* The first of the steps that gain most when run for the whole batch, or the number of steps. */
static uint32_t find_first(const struct batcher *f)
{
    const struct infer__plan *plan = f->plan;
    double total = 0, sum = 0, best = 0, apart;
    uint32_t most = UINT32_MAX, i = plan->nsteps, first = plan->nsteps;
    while (i > 0 && may_follow(f, &plan->steps[i - 1], &most)) {
        sum += gain_of(f, &plan->steps[--i], &apart);
        total += apart;
        if (sum > best && i <= most) {
            best = sum;
            first = i;
        }
    }
    while (i > 0) {
        double ns = best_ns(&plan->steps[--i].task);
        total += ns > 0 ? ns * plan->images : 0;
    }
    return best > total * least_gain ? first : plan->nsteps;
}

/* ---- making it ------------------------------------------------------------------------------ */

static uint64_t all_images(const struct infer__plan *plan, uint64_t bytes)
{
    return (uint64_t)INFER__PRODUCT((int64_t)bytes, plan->images);
}

/* A tensor like `like` for all images; `of`: what it is a view of, or 0. */
static infer_status add_tensor(struct batcher *f, uint32_t like, uint32_t of, uint32_t *tensor)
{
    struct infer__plan *plan = f->plan;
    TRY(infer__plan_add_tensor(plan, tensor, f->err));
    struct infer__plan_tensor *t = &plan->tensors[*tensor];
    *t = plan->tensors[like];
    widen(&t->desc, plan->images);
    t->bytes = all_images(plan, t->bytes);
    t->place = INFER__PLACE_ARENA;
    t->alias = of;
    t->batch = !of;
    return INFER_OK;
}

/* Makes input k of a step, of one image so far, one of the whole batch. */
static infer_status gather(struct batcher *f, struct infer__step *s, uint32_t k)
{
    const uint32_t x = s->in[k];
    const uint32_t root = (uint32_t)(infer__plan_root(f->plan, x) - f->plan->tensors);
    if (!f->batch[root]) {
        TRY(add_tensor(f, root, 0, &f->batch[root]));
        f->plan->tensors[root].place = INFER__PLACE_IMAGE;
        f->plan->tensors[root].offset = f->batch[root];
    }
    s->in[k] = f->batch[root];
    return x == root ? INFER_OK : add_tensor(f, x, f->batch[root], &s->in[k]);
}

static infer_status run_whole(struct batcher *f, uint32_t first)
{
    struct infer__plan *plan = f->plan;
    const uint32_t ntensors = plan->ntensors;
    for (uint32_t i = first; i < plan->nsteps; i++) {
        struct infer__step *s = &plan->steps[i];
        for (uint32_t k = 0; k < s->task.nin; k++) {
            const struct infer__plan_tensor *r = infer__plan_root(plan, s->in[k]);
            const uint32_t made = f->made[r - plan->tensors];
            if (r->place == INFER__PLACE_IMAGE || (made && made - 1 < first))
                TRY(gather(f, s, k));
        }
        for (uint32_t k = 0; k < s->task.nin + s->task.nout; k++)
            widen(&infer__step_operands(plan, s)[k], plan->images);
    }
    for (uint32_t t = 1; t < ntensors; t++) {
        const struct infer__plan_tensor *r = infer__plan_root(plan, t);
        if (f->made[r - plan->tensors] > first) {
            widen(&plan->tensors[t].desc, plan->images);
            plan->tensors[t].bytes = all_images(plan, plan->tensors[t].bytes);
        }
    }
    return INFER_OK;
}

infer_status infer__batch_from(struct infer__plan *plan, const struct infer__plan_options *o,
                               infer_error *err)
{
    struct batcher f = {.plan = plan, .err = err};
    if (plan->images < 2 || o->bf16) /* to_bf16.c does not know of tensors of one image */
        return INFER_OK;
    f.made = infer__region_calloc(&plan->region, plan->ntensors, sizeof *f.made);
    f.batch = infer__region_calloc(&plan->region, plan->ntensors, sizeof *f.batch);
    if (!f.made || !f.batch)
        return infer__no_memory(err, plan->ntensors * sizeof *f.made);
    for (uint32_t i = 0; i < plan->nsteps; i++)
        for (uint32_t k = 0; k < plan->steps[i].task.nout; k++)
            f.made[infer__plan_root(plan, plan->steps[i].out[k]) - plan->tensors] = i + 1;
    uint32_t first = find_first(&f);
    if (first == 0 || first == plan->nsteps)
        return INFER_OK;
    plan->batch_from = first;
    return run_whole(&f, first);
}
