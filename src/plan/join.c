/* Concat of parts that are made where they belong, so that nothing or little is copied:
 *
 *   Split -> (some parts changed) -> Concat     what is cut is changed in place: parts that go back
 *                                               to where they came from stay there
 *   Convolutions -> Concat of channels          they write their channels of each pixel of it
 *   Concat of whole tensors one behind another  the tensors are made in the result
 *
 * A Concat that has nothing left to copy goes. A detector's head, which changes some columns of its
 * predictions and joins the scales, then writes each of them once. */
#include <string.h>

#include "kernels/quant.h"
#include "plan/estimate.h"

struct joiner {
    struct infer__plan *plan;
    uint32_t *writer; /* of each tensor: its step, plus 1 */
    uint32_t *reads;  /* of each tensor and the views of it together */
    uint32_t *last;   /* step that reads one of those last, plus 1 */
};

static uint32_t root_of(const struct infer__plan *plan, uint32_t t)
{
    return (uint32_t)(infer__plan_root(plan, t) - plan->tensors);
}

static infer_status look(struct joiner *j, infer_error *err)
{
    struct infer__plan *plan = j->plan;
    j->writer = infer__region_calloc(&plan->region, plan->ntensors, sizeof *j->writer);
    j->reads = infer__region_calloc(&plan->region, plan->ntensors, sizeof *j->reads);
    j->last = infer__region_calloc(&plan->region, plan->ntensors, sizeof *j->last);
    if (!j->writer || !j->reads || !j->last)
        return infer__no_memory(err, plan->ntensors * sizeof *j->writer);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        for (uint32_t k = 0; k < s->task.nout; k++)
            j->writer[s->out[k]] = i + 1;
        for (uint32_t k = 0; k < s->task.nin; k++) {
            j->reads[root_of(plan, s->in[k])]++;
            j->last[root_of(plan, s->in[k])] = i + 1;
        }
    }
    return INFER_OK;
}

/* Whether a step is a Concat or Split that only moves what it reads. */
static int only_moves(const struct infer__step *s, uint16_t op)
{
    const struct infer__task *t = &s->task;
    return t->op == op && infer__no_epilogue(t) && infer__one_quant(t);
}

/* Whether a tensor, not a view of a part, is in the arena, and so may be anywhere. */
static int is_movable(const struct infer__plan *plan, uint32_t t)
{
    const struct infer__plan_tensor *r = infer__plan_root(plan, t);
    return r->place == INFER__PLACE_ARENA && !r->batch && r->bytes == plan->tensors[t].bytes;
}

/* Tensor `of`, and all views of it, are the bytes of `whole` from `offset` on. */
static void move_into(struct infer__plan *plan, uint32_t of, uint32_t whole, uint64_t offset)
{
    const struct infer__plan_tensor *w = &plan->tensors[whole];
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        struct infer__plan_tensor *t = &plan->tensors[i];
        if (i != of && t->alias != of)
            continue;
        t->alias = whole;
        t->alias_offset += offset;
        t->place = w->place;
        t->offset = w->offset;
    }
}

/* Whether a part is a tensor of its own, which the Concat alone reads. */
static int is_own(const struct joiner *j, uint32_t part)
{
    return j->writer[part] && j->reads[part] == 1 && !j->plan->tensors[part].alias &&
           is_movable(j->plan, part);
}

/* ---- Split and Concat ----------------------------------------------------------------------- */

/* The Split that part k of a Concat comes from, if the part goes back to its own place in a tensor
 * that nobody reads any more; else NULL. */
static const struct infer__step *same_place(const struct joiner *j, uint32_t concat, uint32_t k)
{
    const struct infer__plan *plan = j->plan;
    const struct infer__step *c = &plan->steps[concat], *s;
    const struct infer__operand *y = &c->task.out[0];
    const uint32_t part = c->in[k], axis = (uint32_t)c->task.p.axis.axis;
    int64_t before = 0;
    if (!is_own(j, part))
        return NULL;
    s = &plan->steps[j->writer[part] - 1];
    if (!only_moves(s, INFER__OP_SPLIT) || (uint32_t)s->task.p.axis.axis != axis ||
        s->task.in[0].rank != y->rank ||
        memcmp(s->task.in[0].dims, y->dims, (size_t)y->rank * sizeof *y->dims) != 0 ||
        !is_movable(plan, s->in[0]) || j->last[root_of(plan, s->in[0])] > concat)
        return NULL;
    for (uint32_t i = 0; i < k; i++)
        before += c->task.in[i].dims[axis];
    for (uint32_t i = 0; i < s->task.nout && s->out[i] != part; i++)
        before -= s->task.out[i].dims[axis];
    return before == 0 ? s : NULL;
}

/* Returns whether it is done. */
static int change_in_place(struct joiner *j, uint32_t concat)
{
    struct infer__plan *plan = j->plan;
    struct infer__step *c = &plan->steps[concat];
    const struct infer__step *split = NULL;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        const struct infer__step *s = same_place(j, concat, k);
        if (s && (!split || s == split)) {
            split = s;
            plan->tensors[c->in[k]].place = INFER__PLACE_NONE;
            c->in[k] = 0;
        }
    }
    if (split)
        move_into(plan, root_of(plan, split->in[0]), c->out[0], 0);
    return split != NULL;
}

/* ---- convolutions and Concat ---------------------------------------------------------------- */

/* Lets the convolution that makes part k of a Concat of channels, which begins at channel `before`,
 * write it there, if a kernel can do so and that is no slower than copying. */
static void write_channels(struct joiner *j, struct infer__step *c, uint32_t k, int64_t before)
{
    const double copied_bytes_per_ns = 10; /* out of one place and into another */
    struct infer__plan *plan = j->plan;
    const uint32_t part = c->in[k];
    if (!is_own(j, part))
        return;
    struct infer__step *s = &plan->steps[j->writer[part] - 1];
    if (s->task.op != INFER__OP_CONV || s->task.nout != 1 || s->task.epi.residual)
        return;
    struct infer__operand *y = &s->operands[s->task.nin];
    const double apart = infer__estimate_task(&s->task);
    y->pitch = c->task.out[0].dims[y->rank - 1];
    const double joined = infer__estimate_task(&s->task);
    if (joined == INFINITY ||
        joined > apart + (double)plan->tensors[part].bytes / copied_bytes_per_ns) {
        y->pitch = 0;
        return;
    }
    move_into(plan, part, c->out[0], (uint64_t)before * sizeof(float));
    c->in[k] = 0;
}

static void write_all_channels(struct joiner *j, struct infer__step *c)
{
    const struct infer__operand *y = &c->task.out[0];
    const int axis = c->task.p.axis.axis;
    int64_t before = 0;
    if (y->type != INFER_F32 || !y->clast || axis != y->rank - 1)
        return;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        write_channels(j, c, k, before);
        before += c->task.in[k].dims[axis];
    }
}

/* ---- whole tensors -------------------------------------------------------------------------- */

/* Whether all parts of a Concat are where they belong already. */
static int is_done(const struct infer__step *c)
{
    for (uint32_t k = 0; k < c->task.nin; k++)
        if (c->in[k])
            return 0;
    return 1;
}

/* Whether the parts of a Concat follow one another as wholes, and each can be made there. */
static int can_follow(const struct infer__plan *plan, const struct infer__step *c)
{
    for (int i = 0; i < c->task.p.axis.axis; i++)
        if (c->task.out[0].dims[i] != 1)
            return 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        uint32_t root = root_of(plan, c->in[k]);
        if (!is_movable(plan, c->in[k]) || root == c->out[0])
            return 0;
        for (uint32_t i = 0; i < k; i++)
            if (root_of(plan, c->in[i]) == root)
                return 0;
    }
    return 1;
}

static void make_there(struct infer__plan *plan, const struct infer__step *c)
{
    uint64_t offset = 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        uint64_t bytes = plan->tensors[c->in[k]].bytes;
        move_into(plan, root_of(plan, c->in[k]), c->out[0], offset);
        offset += bytes;
    }
}

/* ---- in place in the result ----------------------------------------------------------------- */

/* Whether step s is the last to read a tensor or a view of it, and names it once. */
static int ends(const struct infer__plan *plan, uint32_t t, uint32_t s)
{
    uint32_t reads = 0;
    for (uint32_t i = s; i < plan->nsteps; i++)
        for (uint32_t k = 0; k < plan->steps[i].task.nin; k++)
            reads += root_of(plan, plan->steps[i].in[k]) == root_of(plan, t);
    return reads == 1;
}

/* What a step works on in place is made where its result belongs, if that is not a place of its own
 * in the arena, which arena.c sees to. Nothing is there before the result: only Concats change what
 * is there, and those do not work in place. */
static void settle(struct infer__plan *plan, uint32_t s)
{
    const struct infer__step *step = &plan->steps[s];
    const uint32_t x = step->task.nin ? step->in[0] : 0, y = step->task.nout ? step->out[0] : 0;
    const struct infer__plan_tensor *r = infer__plan_root(plan, y);
    if (!(step->kernel->in_place & INFER__IN_PLACE_FIRST) || !x || !y ||
        (r->place != INFER__PLACE_OUTPUT && r->place != INFER__PLACE_ARENA) || r->batch ||
        (r->place == INFER__PLACE_ARENA && r->bytes == plan->tensors[y].bytes) ||
        !is_movable(plan, x) || plan->tensors[x].bytes != plan->tensors[y].bytes ||
        root_of(plan, x) == root_of(plan, y) || !ends(plan, x, s))
        return;
    move_into(plan, root_of(plan, x), root_of(plan, y), plan->tensors[y].alias_offset);
}

/* ---- the passes ----------------------------------------------------------------------------- */

/* Whether a step is a Concat whose result is not part of another one, nor, while images are run one
 * by one, of the batch. */
static int is_joint(const struct infer__plan *plan, const struct infer__step *s)
{
    if (!only_moves(s, INFER__OP_CONCAT))
        return 0;
    const struct infer__plan_tensor *y = &plan->tensors[s->out[0]];
    return !y->alias && (y->place == INFER__PLACE_ARENA || y->place == INFER__PLACE_OUTPUT);
}

infer_status infer__join(struct infer__plan *plan, infer_error *err)
{
    struct joiner j = {.plan = plan};
    uint32_t kept = 0, tail = plan->tail;
    TRY(look(&j, err));
    for (uint32_t i = 0; i < plan->nsteps; i++)
        /* where what is cut stands, nothing may be written before the Concat */
        if (is_joint(plan, &plan->steps[i]) && !change_in_place(&j, i))
            write_all_channels(&j, &plan->steps[i]);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        const int joint = is_joint(plan, s), follow = joint && can_follow(plan, s);
        if (follow)
            make_there(plan, s);
        if (follow || (joint && is_done(s)))
            plan->tail -= i < tail;
        else
            plan->steps[kept++] = *s;
    }
    plan->nsteps = kept;
    return INFER_OK;
}

void infer__settle(struct infer__plan *plan)
{
    for (uint32_t s = plan->nsteps; s-- > 0;)
        settle(plan, s);
}
