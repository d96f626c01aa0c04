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

/* Here views may be views of views: what is moved into another tensor takes its own views along.
 * Who asks shortens the way for the next one; `flatten` ends this. */
struct joiner {
    struct infer__plan *plan;
    uint32_t *writer; /* of each tensor: its step, plus 1 */
    uint32_t *reads;  /* of each tensor and the views of it together */
    uint32_t *last;   /* step that reads one of those last, plus 1 */
    int64_t *begin;   /* of each tensor that a Split which only moves writes: where along the axis;
                         of others -1 */
    uint32_t *joint;  /* of each tensor: the last Concat that it was seen as a part of, plus 1 */
};

/* The tensor whose bytes tensor t has; t becomes a view of it directly. */
static uint32_t root_of(const struct infer__plan *plan, uint32_t t)
{
    struct infer__plan_tensor *all = plan->tensors;
    uint32_t root = t;
    uint64_t offset = 0, before;
    for (; all[root].alias; root = all[root].alias)
        offset += all[root].alias_offset;
    for (uint32_t next; t != root && all[t].alias != root; t = next) {
        next = all[t].alias;
        before = all[t].alias_offset;
        all[t].alias = root;
        all[t].alias_offset = offset;
        offset -= before;
    }
    return root;
}

/* Whether a step is a Concat or Split that only moves what it reads. */
static int only_moves(const struct infer__step *s, uint16_t op)
{
    const struct infer__task *t = &s->task;
    return t->op == op && infer__no_epilogue(t) && infer__one_quant(t);
}

static infer_status look(struct joiner *j, infer_error *err)
{
    struct infer__plan *plan = j->plan;
    const uint32_t n = plan->ntensors;
    j->writer = infer__region_calloc(&plan->region, n, sizeof *j->writer);
    j->reads = infer__region_calloc(&plan->region, n, sizeof *j->reads);
    j->last = infer__region_calloc(&plan->region, n, sizeof *j->last);
    j->begin = infer__region_calloc(&plan->region, n, sizeof *j->begin);
    j->joint = infer__region_calloc(&plan->region, n, sizeof *j->joint);
    if (!j->writer || !j->reads || !j->last || !j->begin || !j->joint)
        return infer__no_memory(err, n * sizeof *j->begin);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        int64_t begin = only_moves(s, INFER__OP_SPLIT) ? 0 : -1;
        for (uint32_t k = 0; k < s->task.nout; k++) {
            j->writer[s->out[k]] = i + 1;
            j->begin[s->out[k]] = begin;
            begin += begin < 0 ? 0 : s->task.out[k].dims[s->task.p.axis.axis];
        }
        for (uint32_t k = 0; k < s->task.nin; k++) {
            j->reads[root_of(plan, s->in[k])]++;
            j->last[root_of(plan, s->in[k])] = i + 1;
        }
    }
    return INFER_OK;
}

static void end(struct joiner *j)
{
    const size_t n = j->plan->ntensors;
    struct infer__region *r = &j->plan->region;
    infer__region_drop(r, j->writer, n * sizeof *j->writer);
    infer__region_drop(r, j->reads, n * sizeof *j->reads);
    infer__region_drop(r, j->last, n * sizeof *j->last);
    infer__region_drop(r, j->begin, n * sizeof *j->begin);
    infer__region_drop(r, j->joint, n * sizeof *j->joint);
}

/* Whether a tensor, not a view of a part, is in the arena, and so may be anywhere. */
static int is_movable(const struct infer__plan *plan, uint32_t t)
{
    const struct infer__plan_tensor *r = &plan->tensors[root_of(plan, t)];
    return r->place == INFER__PLACE_ARENA && !r->batch && r->bytes == plan->tensors[t].bytes;
}

/* Tensor `of`, which is no view, and all views of it are the bytes of `whole`, which is none
 * either, from `offset` on. */
static void move_into(struct infer__plan *plan, uint32_t of, uint32_t whole, uint64_t offset)
{
    plan->tensors[of].alias = whole;
    plan->tensors[of].alias_offset = offset;
}

/* Each view is of a tensor that is none, and at its place. */
static void flatten(struct infer__plan *plan)
{
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        struct infer__plan_tensor *t = &plan->tensors[i];
        const struct infer__plan_tensor *root = &plan->tensors[root_of(plan, i)];
        t->place = root->place;
        t->offset = root->offset;
    }
}

/* Whether a part is a tensor of its own, which the Concat alone reads. */
static int is_own(const struct joiner *j, uint32_t part)
{
    return j->writer[part] && j->reads[part] == 1 && !j->plan->tensors[part].alias &&
           is_movable(j->plan, part);
}

/* ---- Split and Concat ----------------------------------------------------------------------- */

/* The Split that part k of a Concat, which begins at `before` along its axis, comes from, if the
 * part goes back to its own place in a tensor that nobody reads any more; else NULL. */
static const struct infer__step *same_place(const struct joiner *j, uint32_t concat, uint32_t k,
                                            int64_t before)
{
    const struct infer__plan *plan = j->plan;
    const struct infer__step *c = &plan->steps[concat], *s;
    const struct infer__operand *y = &c->task.out[0];
    const uint32_t part = c->in[k], axis = (uint32_t)c->task.p.axis.axis;
    if (!is_own(j, part) || j->begin[part] != before)
        return NULL;
    s = &plan->steps[j->writer[part] - 1];
    if ((uint32_t)s->task.p.axis.axis != axis || s->task.in[0].rank != y->rank ||
        memcmp(s->task.in[0].dims, y->dims, (size_t)y->rank * sizeof *y->dims) != 0 ||
        !is_movable(plan, s->in[0]) || j->last[root_of(plan, s->in[0])] > concat)
        return NULL;
    return s;
}

/* Returns whether it is done. */
static int change_in_place(struct joiner *j, uint32_t concat)
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
static int can_follow(struct joiner *j, const struct infer__step *c, uint32_t concat)
{
    const struct infer__plan *plan = j->plan;
    for (int i = 0; i < c->task.p.axis.axis; i++)
        if (c->task.out[0].dims[i] != 1)
            return 0;
    for (uint32_t k = 0; k < c->task.nin; k++) {
        uint32_t root = root_of(plan, c->in[k]);
        if (!is_movable(plan, c->in[k]) || root == c->out[0] || j->joint[root] == concat + 1)
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
        move_into(plan, root_of(plan, c->in[k]), c->out[0], offset);
        offset += bytes;
    }
}

/* ---- in place in the result ----------------------------------------------------------------- */

/* What a step works on in place is made where its result belongs, if that is not a place of its own
 * in the arena, which arena.c sees to. Nothing is there before the result: only Concats change what
 * is there, and those do not work in place. `reads`: of each tensor and the views of it together,
 * by step s and those behind it; the step must be the last one, and read the tensor once. */
static void settle(struct infer__plan *plan, uint32_t s, uint32_t *reads)
{
    const struct infer__step *step = &plan->steps[s];
    const uint32_t x = step->task.nin ? step->in[0] : 0, y = step->task.nout ? step->out[0] : 0;
    const uint32_t from = root_of(plan, x), to = root_of(plan, y);
    const struct infer__plan_tensor *r = &plan->tensors[to];
    if (!(step->kernel->in_place & INFER__IN_PLACE_FIRST) || !x || !y ||
        (r->place != INFER__PLACE_OUTPUT && r->place != INFER__PLACE_ARENA) || r->batch ||
        (r->place == INFER__PLACE_ARENA && r->bytes == plan->tensors[y].bytes) ||
        !is_movable(plan, x) || plan->tensors[x].bytes != plan->tensors[y].bytes || from == to ||
        reads[from] != 1)
        return;
    move_into(plan, from, to, plan->tensors[y].alias_offset);
    reads[to] += reads[from];
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
        const int joint = is_joint(plan, s), follow = joint && can_follow(&j, s, i);
        if (follow)
            make_there(plan, s);
        if (follow || (joint && is_done(s)))
            plan->tail -= i < tail;
        else
            plan->steps[kept++] = *s;
    }
    plan->nsteps = kept;
    flatten(plan);
    end(&j);
    return INFER_OK;
}

infer_status infer__settle(struct infer__plan *plan, infer_error *err)
{
    const size_t bytes = plan->ntensors * sizeof(uint32_t);
    uint32_t *reads = infer__region_calloc(&plan->region, 1, bytes);
    if (!reads)
        return infer__no_memory(err, bytes);
    for (uint32_t s = plan->nsteps; s-- > 0;) {
        const struct infer__step *step = &plan->steps[s];
        for (uint32_t k = 0; k < step->task.nin; k++)
            reads[root_of(plan, step->in[k])]++;
        settle(plan, s, reads);
    }
    flatten(plan);
    infer__region_drop(&plan->region, reads, bytes);
    return INFER_OK;
}
