/* Results in the bytes of the operands that they are made of; see storage.h. */
#include "plan/storage.h"

/* ---- where a result has its place ----------------------------------------------------------- */

/* What a step works on in place is made where its result belongs, if that is not a place of its own
 * in the arena, which storage_arena.c sees to. Nothing is there before the result: only Concats
 * change what is there, and those do not work in place. `reads`: of each tensor and the views of it
 * together, by step s and those behind it; the step must be the last one, and read the tensor once.
 */
static void make_in_result(struct infer__plan *plan, uint32_t s, uint32_t *reads)
{
    const struct infer__step *step = &plan->steps[s];
    const uint32_t x = step->task.nin ? step->in[0] : 0, y = step->task.nout ? step->out[0] : 0;
    const uint32_t from = infer__storage_root(plan, x), to = infer__storage_root(plan, y);
    const struct infer__plan_tensor *r = &plan->tensors[to];
    if (!(step->kernel->in_place & INFER__IN_PLACE_FIRST) || step->bounded || !x || !y ||
        (r->place != INFER__PLACE_OUTPUT && r->place != INFER__PLACE_ARENA) || r->batch ||
        (r->place == INFER__PLACE_ARENA && r->bytes == plan->tensors[y].bytes) ||
        !infer__storage_movable(plan, x) || plan->tensors[x].bytes != plan->tensors[y].bytes ||
        from == to || reads[from] != 1)
        return;
    infer__storage_move(plan, from, to, infer__plan_within(plan, y));
    reads[to] += reads[from];
}

infer_status infer__alias_in_place(struct infer__plan *plan, infer_error *err)
{
    const size_t bytes = plan->ntensors * sizeof(uint32_t);
    uint32_t *reads = infer__region_calloc(&plan->region, 1, bytes);
    if (!reads)
        return infer__no_memory(err, bytes);
    for (uint32_t s = plan->nsteps; s-- > 0;) {
        const struct infer__step *step = &plan->steps[s];
        for (uint32_t k = 0; k < step->task.nin; k++)
            reads[infer__storage_root(plan, step->in[k])]++;
        make_in_result(plan, s, reads);
    }
    infer__storage_flatten(plan);
    infer__region_drop(&plan->region, reads, bytes);
    return INFER_OK;
}

/* ---- in the arena --------------------------------------------------------------------------- */

/* Whether the first output of step s can take over the place of operand k in the arena: the operand
 * is read here for the last time, and has as many bytes. */
static int can_take_over(const struct infer__plan *plan, uint32_t s, uint32_t k)
{
    const struct infer__step *step = &plan->steps[s];
    const struct infer__plan_tensor *x = infer__storage_placed(plan, step->in[k]);
    const struct infer__plan_tensor *y = infer__storage_placed(plan, step->out[0]);
    uint32_t reads = 0; /* named twice, it would be read after it was written */
    if (!x || !y || x == y || x->last != s || y->first != s || x->bytes != y->bytes ||
        plan->tensors[step->in[k]].bytes != x->bytes ||
        plan->tensors[step->out[0]].bytes != y->bytes)
        return 0;
    for (uint32_t i = 0; i < step->task.nin; i++)
        reads += infer__plan_root(plan, step->in[i]) == x;
    return reads == 1;
}

uint32_t infer__storage_reused(const struct infer__plan *plan, uint32_t s, unsigned wanted)
{
    const struct infer__step *step = &plan->steps[s];
    const unsigned allowed = step->bounded ? 0 : step->kernel->in_place & wanted;
    const uint32_t nin = step->task.nin, residual = step->task.epi.residual ? nin - 1 : UINT32_MAX;
    if (allowed & INFER__IN_PLACE_FIRST && nin > 0 && residual != 0 && can_take_over(plan, s, 0))
        return 0;
    if (allowed & INFER__IN_PLACE_SECOND && nin > 1 && residual != 1 && can_take_over(plan, s, 1))
        return 1;
    if (allowed & INFER__IN_PLACE_RESIDUAL && residual < nin && can_take_over(plan, s, residual))
        return residual;
    return UINT32_MAX;
}
