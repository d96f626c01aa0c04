/* The end of a plan that is run image by image, for the whole batch at once.
 *
 * Towards the end of a network tensors are small and weights many: what a dense layer takes is the
 * time of reading its weights, and a convolution of few pixels can't use the kernels that save
 * products. So steps 0 .. tail - 1 are run for one image after another, and leave what the others
 * read of them in tensors of the whole batch; steps tail .. are then run once. Where the tail
 * begins is a matter of the kernels' estimates; it does not depend on the number of threads. */
#include <string.h>

#include "plan/estimate.h"

/* Of all time; less is within the estimates' errors. */
static const double least_gain = 0.02;
/* Operands of a step that may be in the tail, at most. */
enum { MOST_OPERANDS = 64 };

struct tailor {
    struct infer__plan *plan;
    uint32_t *made;  /* the step that writes each tensor, plus 1; 0: none does */
    uint32_t *batch; /* the tensor of the whole batch that each tensor is an image of; 0: none */
    infer_error *err;
};

/* Operators that compute each image of their operands apart, whatever the number of images. That
 * the first axis of every tensor counts images is known (images.c). */
static int takes_batch(unsigned op)
{
    switch (op) {
    case INFER__OP_CONV:
    case INFER__OP_CONV_CHAIN:
    case INFER__OP_SCALED_CONV:
    case INFER__OP_GEMM:
    case INFER__OP_MATMUL:
    case INFER__OP_DENSE:
    case INFER__OP_MAX_POOL:
    case INFER__OP_AVERAGE_POOL:
    case INFER__OP_GLOBAL_AVERAGE_POOL:
    case INFER__OP_GLOBAL_MAX_POOL:
    case INFER__OP_ADD:
    case INFER__OP_SUB:
    case INFER__OP_MUL:
    case INFER__OP_SCALE_SHIFT:
    case INFER__OP_CONCAT:
    case INFER__OP_SOFTMAX:
    case INFER__OP_TRANSPOSE:
    case INFER__OP_IDENTITY:
        return 1;
    default:
        return infer__is_activation(op);
    }
}

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
static double memory_ns(const struct tailor *f, const struct infer__step *s, uint32_t images)
{
    const double each = infer__task_machine(&s->task)->weight_bytes;
    double ns = 0;
    for (uint32_t k = 0; k < s->task.nout; k++)
        ns += infer__estimate_memory((double)f->plan->tensors[s->out[k]].bytes * images, each);
    return ns;
}

/* Nanoseconds that a batch takes of a step image by image, in *apart; and what less if it is
 * computed at once. */
static double gain_of(const struct tailor *f, const struct infer__step *s, double *apart)
{
    const uint32_t n = s->task.nin + s->task.nout, images = f->plan->images;
    struct infer__operand ops[MOST_OPERANDS];
    struct infer__task whole = s->task;
    memcpy(ops, s->operands, n * sizeof *ops);
    whole.in = ops;
    whole.out = ops + s->task.nin;
    for (uint32_t k = 0; k < n; k++)
        widen(&ops[k], images);
    double one = best_ns(&s->task), all = best_ns(&whole);
    *apart = images * (one + memory_ns(f, s, 1));
    return one < 0 || all < 0 ? -*apart : *apart - all - memory_ns(f, s, images);
}

/* ---- where it begins ------------------------------------------------------------------------ */

/* Whether step s may be in the tail at all; *most: no tail that has it may begin behind this step,
 * lest it reads what is an output of the graph from a step before it. */
static int may_follow(const struct tailor *f, const struct infer__step *s, uint32_t *most)
{
    if (!takes_batch(s->task.op) || s->task.nin + s->task.nout > MOST_OPERANDS)
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

/* The first step of the tail that gains most, or the number of steps. */
static uint32_t find_tail(const struct tailor *f)
{
    const struct infer__plan *plan = f->plan;
    double total = 0, sum = 0, best = 0, apart;
    uint32_t most = UINT32_MAX, i = plan->nsteps, tail = plan->nsteps;
    while (i > 0 && may_follow(f, &plan->steps[i - 1], &most)) {
        sum += gain_of(f, &plan->steps[--i], &apart);
        total += apart;
        if (sum > best && i <= most) {
            best = sum;
            tail = i;
        }
    }
    while (i > 0) {
        double ns = best_ns(&plan->steps[--i].task);
        total += ns > 0 ? ns * plan->images : 0;
    }
    return best > total * least_gain ? tail : plan->nsteps;
}

/* ---- making it ------------------------------------------------------------------------------ */

static uint64_t all_images(const struct infer__plan *plan, uint64_t bytes)
{
    return (uint64_t)INFER__PRODUCT((int64_t)bytes, plan->images);
}

/* A tensor like `like` for all images; `of`: what it is a view of, or 0. */
static infer_status add_tensor(struct tailor *f, uint32_t like, uint32_t of, uint32_t *tensor)
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

/* Makes input k of a step of the tail, of one image so far, one of the whole batch. */
static infer_status gather(struct tailor *f, struct infer__step *s, uint32_t k)
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

static infer_status make_tail(struct tailor *f, uint32_t tail)
{
    struct infer__plan *plan = f->plan;
    const uint32_t ntensors = plan->ntensors;
    for (uint32_t i = tail; i < plan->nsteps; i++) {
        struct infer__step *s = &plan->steps[i];
        for (uint32_t k = 0; k < s->task.nin; k++) {
            const struct infer__plan_tensor *r = infer__plan_root(plan, s->in[k]);
            const uint32_t made = f->made[r - plan->tensors];
            if (r->place == INFER__PLACE_IMAGE || (made && made - 1 < tail))
                TRY(gather(f, s, k));
        }
        for (uint32_t k = 0; k < s->task.nin + s->task.nout; k++)
            widen(&s->operands[k], plan->images);
    }
    for (uint32_t t = 1; t < ntensors; t++) {
        const struct infer__plan_tensor *r = infer__plan_root(plan, t);
        if (f->made[r - plan->tensors] > tail) {
            widen(&plan->tensors[t].desc, plan->images);
            plan->tensors[t].bytes = all_images(plan, plan->tensors[t].bytes);
        }
    }
    return INFER_OK;
}

infer_status infer__tail(struct infer__plan *plan, const struct infer__plan_options *o,
                         infer_error *err)
{
    struct tailor f = {.plan = plan, .err = err};
    if (plan->images < 2 || o->bf16) /* narrow.c does not know of tensors of one image */
        return INFER_OK;
    f.made = infer__region_calloc(&plan->region, plan->ntensors, sizeof *f.made);
    f.batch = infer__region_calloc(&plan->region, plan->ntensors, sizeof *f.batch);
    if (!f.made || !f.batch)
        return infer__no_memory(err, plan->ntensors * sizeof *f.made);
    for (uint32_t i = 0; i < plan->nsteps; i++)
        for (uint32_t k = 0; k < plan->steps[i].task.nout; k++)
            f.made[infer__plan_root(plan, plan->steps[i].out[k]) - plan->tensors] = i + 1;
    uint32_t tail = find_tail(&f);
    if (tail == 0 || tail == plan->nsteps)
        return INFER_OK;
    plan->tail = tail;
    return make_tail(&f, tail);
}
