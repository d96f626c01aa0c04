/* Chains of convolutions: what is expanded by a 1x1 convolution goes through a depthwise one and is
 * projected by another 1x1. As one step the expanded tensor never leaves the cache.
 *
 *   Conv 1x1 -> Conv depthwise -> Conv 1x1      all three, or the first two, or the last two
 *
 * Tensors in between must have no other reader. Whether to fuse, and which of the three forms, is a
 * matter of estimates: those of the kernels, and what it costs to send tensors in between through
 * memory. It depends on the CPU's level, not on the number of threads.
 */
#include "plan/estimate.h"
#include "plan/passes.h"
#include "plan/steps.h"

struct chainer {
    struct infer__plan *plan;
    const struct infer__plan_options *o;
    struct infer__tensor_uses uses;
    infer_error *err;
};

/* Three convolutions that follow each other; the first or the last may be missing. */
struct chain {
    struct infer__step *expand, *depthwise, *project;
};

/* ---- which steps qualify -------------------------------------------------------------------- */

static const struct infer__operand *operand(const struct chainer *f, uint32_t t)
{
    return &f->plan->tensors[t].desc;
}

static uint32_t bias_of(const struct infer__step *s)
{
    return s->task.nin - s->task.epi.residual > 2 ? s->in[2] : 0;
}

/* A convolution of f32 pictures whose weights and bias are constants. */
static int is_conv(const struct chainer *f, const struct infer__step *s)
{
    if (s->task.op != INFER__OP_CONV || s->task.nin < 2 || s->task.epi.requant || s->bounded)
        return 0;
    const struct infer__operand *x = operand(f, s->in[0]);
    const uint32_t bias = bias_of(s);
    return x->type == INFER_F32 && x->rank == 4 && operand(f, s->in[1])->is_const &&
           (!bias || operand(f, bias)->is_const);
}

static int is_depthwise(const struct chainer *f, const struct infer__step *s)
{
    if (!is_conv(f, s) || s->task.epi.residual)
        return 0;
    const int64_t channels = operand(f, s->in[0])->dims[3];
    const struct infer__operand *w = operand(f, s->in[1]);
    return w->dims[0] == channels && w->dims[1] == 1 && channels > 1 &&
           s->task.p.window.groups == channels;
}

static int is_pointwise(const struct chainer *f, const struct infer__step *s)
{
    return is_conv(f, s) && infer__is_pointwise(f->plan, s);
}

/* The activations that are known to be computed alike inside a chain. */
static int is_inner(const struct infer__step *s)
{
    unsigned act = s->task.epi.act;
    return !s->task.epi.residual &&
           (infer__is_clamp(act) || act == INFER__OP_HARD_SWISH || act == INFER__OP_SILU);
}

static struct chain find_chain(const struct chainer *f, struct infer__step *depthwise)
{
    struct chain c = {.depthwise = depthwise};
    struct infer__step *before = infer__sole_writer(f->plan, &f->uses, depthwise->in[0]);
    struct infer__step *behind = infer__sole_reader(f->plan, &f->uses, depthwise->out[0]);
    if (before && is_pointwise(f, before) && is_inner(before))
        c.expand = before;
    if (behind && is_inner(depthwise) && is_pointwise(f, behind) &&
        behind->in[0] == depthwise->out[0])
        c.project = behind;
    return c;
}

/* ---- what it costs -------------------------------------------------------------------------- */

enum { OPERANDS = 8 }; /* with a residual */

/* A chain as a step, in memory that the caller has. */
struct made {
    struct infer__step step;
    uint32_t ids[OPERANDS + 1];
    struct infer__epilogue inner[2];
};

static void make_step(const struct chain *c, struct made *m)
{
    const struct infer__step *first = c->expand ? c->expand : c->depthwise;
    const struct infer__step *last = c->project ? c->project : c->depthwise;
    *m = (struct made){.step = *last};
    m->ids[0] = first->in[0];
    m->ids[1] = c->depthwise->in[1];
    m->ids[2] = bias_of(c->depthwise);
    if (c->expand) {
        m->ids[3] = c->expand->in[1];
        m->ids[4] = bias_of(c->expand);
        m->inner[0] = c->expand->task.epi;
    }
    if (c->project) {
        m->ids[5] = c->project->in[1];
        m->ids[6] = bias_of(c->project);
        m->inner[1] = c->depthwise->task.epi;
    }
    m->step.task.nin = 7;
    if (last->task.epi.residual)
        m->ids[m->step.task.nin++] = last->in[last->task.nin - 1];
    m->ids[m->step.task.nin] = last->out[0];
    m->step.task.op = INFER__OP_CONV_CHAIN;
    m->step.task.p = c->depthwise->task.p;
    m->step.task.inner = m->inner;
    m->step.in = m->ids;
    m->step.out = m->ids + m->step.task.nin;
}

/* Nanoseconds of a step of its own, and of sending what it writes through memory. */
static double apart_ns(const struct chainer *f, const struct infer__step *s)
{
    return infer__estimate_step(f->plan, f->o, s) +
           infer__estimate_memory((double)f->plan->tensors[s->out[0]].bytes, 0);
}

/* Nanoseconds that a chain saves; a few percent are within the estimates' errors and no gain. */
static double gain(const struct chainer *f, const struct chain *c)
{
    struct made m;
    double apart = c->project
                       ? apart_ns(f, c->depthwise) + infer__estimate_step(f->plan, f->o, c->project)
                       : infer__estimate_step(f->plan, f->o, c->depthwise);
    if (c->expand)
        apart += apart_ns(f, c->expand);
    make_step(c, &m);
    return apart * 0.97 - infer__estimate_step(f->plan, f->o, &m.step);
}

/* ---- the pass ------------------------------------------------------------------------------- */

static infer_status replace(struct chainer *f, const struct chain *c)
{
    struct infer__region *region = &f->plan->region;
    struct infer__step *last = c->project ? c->project : c->depthwise;
    struct made m;
    make_step(c, &m);
    uint32_t *ids = infer__region_copy(region, m.ids, sizeof m.ids);
    struct infer__epilogue *inner = infer__region_copy(region, m.inner, sizeof m.inner);
    if (!ids || !inner)
        return infer__no_memory(f->err, sizeof m);
    if (c->expand)
        infer__erase_step(f->plan, c->expand);
    if (c->project)
        infer__erase_step(f->plan, c->depthwise);
    *last = m.step;
    last->in = ids;
    last->out = ids + last->task.nin;
    last->task.inner = inner;
    f->uses.writer[last->out[0]] = (uint32_t)(last - f->plan->steps) + 1;
    return INFER_OK;
}

/* The form of a chain that saves most; without a depthwise: none saves anything. */
static struct chain best_form(const struct chainer *f, const struct chain *all)
{
    struct chain forms[3] = {*all, *all, *all}, best = {0};
    double most = 0;
    forms[1].project = NULL;
    forms[2].expand = NULL;
    for (int k = 0; k < 3; k++) {
        double ns = 0;
        if ((forms[k].expand || forms[k].project) && (k || (all->expand && all->project)))
            ns = gain(f, &forms[k]);
        if (ns > most) {
            most = ns;
            best = forms[k];
        }
    }
    return best;
}

infer_status infer__fuse_chains(struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    struct chainer f = {.plan = plan, .o = o, .err = err};
    TRY(infer__tensor_uses_of(plan, &f.uses, err));
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        if (!is_depthwise(&f, &plan->steps[i]))
            continue;
        const struct chain all = find_chain(&f, &plan->steps[i]);
        const struct chain best = best_form(&f, &all);
        if (best.depthwise)
            TRY(replace(&f, &best));
    }
    infer__drop_erased_steps(plan);
    infer__tensor_uses_end(plan, &f.uses);
    return INFER_OK;
}
