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
#include "plan/passes.h"
#include "plan/steps.h"
#include "plan/storage.h"

struct concats {
    struct infer__plan *plan;
    struct infer__tensor_uses uses;
    int64_t *begin;  /* of each tensor that a Split which only moves writes: where along the axis;
                        of others -1 */
    uint32_t *joint; /* of each tensor: the last Concat that it was seen as a part of, plus 1 */
};

/* Whether a step is a Concat or Split that only moves what it reads. */
static int only_moves(const struct infer__step *s, uint16_t op)
{
    const struct infer__task *t = &s->task;
    return t->op == op && infer__no_epilogue(t) && infer__one_quant(t) && !s->bounded;
}

static infer_status look(struct concats *j, infer_error *err)
{
    struct infer__plan *plan = j->plan;
    const uint32_t n = plan->ntensors;
    TRY(infer__tensor_uses_of(plan, &j->uses, err));
    j->begin = infer__region_calloc(&plan->region, n, sizeof *j->begin);
    j->joint = infer__region_calloc(&plan->region, n, sizeof *j->joint);
    if (!j->begin || !j->joint)
        return infer__no_memory(err, n * sizeof *j->begin);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        int64_t begin = only_moves(s, INFER__OP_SPLIT) ? 0 : -1;
        for (uint32_t k = 0; k < s->task.nout; k++) {
            j->begin[s->out[k]] = begin;
            begin += begin < 0 ? 0 : s->task.out[k].dims[s->task.p.axis.axis];
        }
    }
    return INFER_OK;
}

static void end(struct concats *j)
{
    const size_t n = j->uses.ntensors;
    struct infer__region *r = &j->plan->region;
    infer__tensor_uses_end(j->plan, &j->uses);
    infer__region_drop(r, j->begin, n * sizeof *j->begin);
    infer__region_drop(r, j->joint, n * sizeof *j->joint);
}

/* Whether a part is a tensor of its own, which the Concat alone reads. */
static int is_own(const struct concats *j, uint32_t part)
{
    return j->uses.writer[part] && j->uses.reads[part] == 1 && !j->plan->tensors[part].alias &&
           infer__storage_movable(j->plan, part);
}

/* ---- Split and Concat ----------------------------------------------------------------------- */

/* The Split that part k of a Concat, which begins at `before` along its axis, comes from, if the
 * part goes back to its own place in a tensor that nobody reads any more; else NULL. */
static const struct infer__step *same_place(const struct concats *j, uint32_t concat, uint32_t k,
                                            int64_t before)
{
    const struct infer__plan *plan = j->plan;
    const struct infer__step *c = &plan->steps[concat], *s;
    const struct infer__operand *y = &c->task.out[0];
    const uint32_t part = c->in[k], axis = (uint32_t)c->task.p.axis.axis;
    if (!is_own(j, part) || j->begin[part] != before)
        return NULL;
    s = &plan->steps[j->uses.writer[part] - 1];
    if ((uint32_t)s->task.p.axis.axis != axis || s->task.in[0].rank != y->rank ||
        memcmp(s->task.in[0].dims, y->dims, (size_t)y->rank * sizeof *y->dims) != 0 ||
        !infer__storage_movable(plan, s->in[0]) ||
        j->uses.reader[infer__storage_root(plan, s->in[0])] > concat)
        return NULL;
    return s;
}

/* Returns whether it is done. */
static int change_in_place(struct concats *j, uint32_t concat)
{
    struct infer__plan *plan = j->plan;
    struct infer__step *c = &plan->steps[concat];
    const struct infer__step *split = NULL;
    int64_t before = 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        const struct infer__step *s = same_place(j, concat, k, before);
        before += c->task.in[k].dims[c->task.p.axis.axis];
        if (s && (!split || s == split)) {
            split = s;
            plan->tensors[c->in[k]].place = INFER__PLACE_NONE;
            c->in[k] = 0;
        }
    }
    if (split)
        infer__storage_move(plan, infer__storage_root(plan, split->in[0]), c->out[0], 0);
    return split != NULL;
}

/* ---- convolutions and Concat ---------------------------------------------------------------- */

/* Lets the convolution that makes part k of a Concat of channels, which begins at channel `before`,
 * write it there, if a kernel can do so and that is no slower than copying. */
static void write_channels(struct concats *j, struct infer__step *c, uint32_t k, int64_t before)
{
    const double copied_bytes_per_ns = 10; /* out of one place and into another */
    struct infer__plan *plan = j->plan;
    const uint32_t part = c->in[k];
    if (!is_own(j, part))
        return;
    struct infer__step *s = &plan->steps[j->uses.writer[part] - 1];
    if (s->task.op != INFER__OP_CONV || s->task.nout != 1 || s->task.epi.residual)
        return;
    struct infer__operand *y = &infer__step_operands(plan, s)[s->task.nin];
    const double apart = infer__estimate_task(&s->task);
    y->pitch = (int32_t)c->task.out[0].dims[y->rank - 1]; /* a dimension fits */
    const double joined = infer__estimate_task(&s->task);
    if (joined == INFINITY ||
        joined > apart + (double)plan->tensors[part].bytes / copied_bytes_per_ns) {
        y->pitch = 0;
        return;
    }
    infer__storage_move(plan, part, c->out[0], (uint64_t)before * sizeof(float));
    c->in[k] = 0;
}

static void write_all_channels(struct concats *j, struct infer__step *c)
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
static int can_follow(struct concats *j, const struct infer__step *c, uint32_t concat)
{
    const struct infer__plan *plan = j->plan;
    for (int i = 0; i < c->task.p.axis.axis; i++)
        if (c->task.out[0].dims[i] != 1)
            return 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        uint32_t root = infer__storage_root(plan, c->in[k]);
        if (!infer__storage_movable(plan, c->in[k]) || root == c->out[0] ||
            j->joint[root] == concat + 1)
            return 0;
        j->joint[root] = concat + 1; /* not twice */
    }
    return 1;
}

static void make_there(struct infer__plan *plan, const struct infer__step *c)
{
    uint64_t offset = 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        uint64_t bytes = plan->tensors[c->in[k]].bytes;
        infer__storage_move(plan, infer__storage_root(plan, c->in[k]), c->out[0], offset);
        offset += bytes;
    }
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

infer_status infer__alias_concat(struct infer__plan *plan, infer_error *err)
{
    struct concats j = {.plan = plan};
    uint32_t kept = 0, batch_from = plan->batch_from;
    TRY(look(&j, err));
    for (uint32_t i = 0; i < plan->nsteps; i++)
        /* where what is cut stands, nothing may be written before the Concat */
        if (is_joint(plan, &plan->steps[i]) && !change_in_place(&j, i))
            write_all_channels(&j, &plan->steps[i]);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        const int joint = is_joint(plan, s), follow = joint && can_follow(&j, s, i);
        if (follow)
            make_there(plan, s);
        if (follow || (joint && is_done(s)))
            plan->batch_from -= i < batch_from;
        else
            plan->steps[kept++] = *s;
    }
    plan->nsteps = kept;
    infer__storage_flatten(plan);
    end(&j);
    return INFER_OK;
}
