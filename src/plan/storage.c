/* Tensors that share memory, and the order in which it is decided which do; see storage.h. */
#include "plan/storage.h"
#include "plan/pack.h"
#include "plan/passes.h"

#include "base/size.h"

uint32_t infer__storage_root(const struct infer__plan *plan, uint32_t t)
{
    struct infer__plan_tensor *all = plan->tensors;
    uint32_t root = t;
    uint64_t offset = 0, before;
    for (; all[root].alias; root = all[root].alias)
        offset += all[root].offset;
    for (uint32_t next; t != root && all[t].alias != root; t = next) {
        next = all[t].alias;
        before = all[t].offset;
        all[t].alias = root;
        all[t].offset = offset;
        offset -= before;
    }
    return root;
}

int infer__storage_movable(const struct infer__plan *plan, uint32_t t)
{
    const struct infer__plan_tensor *r = &plan->tensors[infer__storage_root(plan, t)];
    return r->place == INFER__PLACE_ARENA && !r->batch && r->bytes == plan->tensors[t].bytes;
}

void infer__storage_move(struct infer__plan *plan, uint32_t of, uint32_t whole, uint64_t offset)
{
    plan->tensors[of].alias = whole;
    plan->tensors[of].offset = offset;
}

void infer__storage_flatten(struct infer__plan *plan)
{
    for (uint32_t i = 1; i < plan->ntensors; i++) {
        struct infer__plan_tensor *t = &plan->tensors[i];
        const struct infer__plan_tensor *root = &plan->tensors[infer__storage_root(plan, i)];
        t->place = root->place;
    }
}

struct infer__plan_tensor *infer__storage_placed(const struct infer__plan *plan, uint32_t t)
{
    struct infer__plan_tensor *root = infer__plan_root(plan, t);
    return root->place == INFER__PLACE_ARENA && root->bytes ? root : NULL;
}

/* Whether what is still to be taken, as far as it is known, keeps to the session's limit. */
static infer_status check_limit(const struct infer__plan *plan, const struct infer__plan_options *o,
                                infer_error *err)
{
    const uint64_t arena = plan->arena_bytes > o->arena_held ? plan->arena_bytes : 0;
    const uint64_t packed =
        plan->packed_bytes > o->packed_held ? plan->packed_bytes - o->packed_held : 0;
    size_t need;
    int fits = infer__size_mul(plan->scratch_bytes, o->threads, &need) &&
               infer__size_add(need, arena, &need) && infer__size_add(need, packed, &need);
    if (fits && (!o->meter || need <= o->meter->limit - o->meter->held))
        return INFER_OK;
    if (o->meter)
        o->meter->refused = 1;
    return infer__fail(err, INFER_ERROR_LIMIT,
                       "intermediate tensors need %llu bytes and packed weights %llu: with the "
                       "plan more than the limit, %llu (max_memory_bytes)",
                       (unsigned long long)plan->arena_bytes,
                       (unsigned long long)plan->packed_bytes,
                       (unsigned long long)(o->meter ? o->meter->limit : SIZE_MAX));
}

infer_status infer__storage(struct infer__plan *plan, const struct infer__plan_options *o,
                            infer_error *err)
{
    if (plan->control)
        infer__storage_flatten(plan); /* what is read once may be read in each iteration */
    else
        TRY(infer__alias_in_place(plan, err));
    TRY(infer__sum_needs(plan, o->model, err));
    TRY(infer__place(plan, err));
    return check_limit(plan, o, err);
}
