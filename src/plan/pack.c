/* Packed weights: every kernel's own form of its constants, written once, on all threads. Where
 * the constants lie in a mapped file, their pages go back to the system as soon as they are read:
 * weights are held once, large ones too, since these are packed piece by piece. */
#include "base/size.h"
#include "plan/plan.h"

enum { PACK_ALIGN = 64, CHUNK = 4 << 20 };

static int add_packed(size_t *total, struct infer__bytes bytes)
{
    return infer__size_add(*total, infer__bytes_count(bytes), total) &&
           infer__size_align(*total, PACK_ALIGN, total);
}

/* What one thread does in one go. */
struct piece {
    uint32_t step, number, count; /* count 0: the whole step */
};

struct packer {
    struct infer__plan *plan;
    const struct infer__pages *map;
    const struct piece *pieces;
};

/* How many pieces a step has, 0 if nothing is packed. */
static uint32_t count_pieces(const struct infer__step *s)
{
    if (!s->kernel->pack || !infer__bytes_count(s->need.packed_bytes))
        return 0;
    return s->need.pack_pieces > 1 ? s->need.pack_pieces : 1;
}

static void pack_pieces(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct packer *p = ctx;
    (void)thread;
    for (uint32_t i = begin; i < end; i++) {
        const struct piece *piece = &p->pieces[i];
        struct infer__step *s = &p->plan->steps[piece->step];
        if (piece->count)
            s->kernel->pack_piece(&s->task, s->need.state, s->packed, piece->number, piece->count);
        else
            s->kernel->pack(&s->task, s->need.state, s->packed);
        for (uint32_t k = 0; k < s->task.nin; k++)
            if (s->task.in[k].is_const)
                infer__pages_drop(p->map, s->task.in[k].data, p->plan->tensors[s->in[k]].bytes);
    }
}

static infer_status pack_all(struct infer__plan *plan, struct infer__team *team,
                             const struct infer__pages *map, infer_error *err)
{
    uint32_t n = 0, all = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        all += count_pieces(&plan->steps[i]);
    struct piece *pieces = infer__calloc(&plan->allocator, all, sizeof *pieces);
    if (!pieces)
        return infer__no_memory(err, all * sizeof *pieces);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        uint32_t count = count_pieces(&plan->steps[i]);
        for (uint32_t k = 0; k < count; k++)
            pieces[n++] = (struct piece){i, k, count > 1 ? count : 0};
    }
    struct packer p = {plan, map, pieces};
    infer__team_run(team, pack_pieces, &p, all);
    infer__pages_drop(map, map->data, map->bytes); /* what was read along with others' last pages */
    infer__free(&plan->allocator, pieces);
    return INFER_OK;
}

static void fill_chunks(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct infer__plan *plan = ctx;
    uint64_t from = (uint64_t)begin * CHUNK, to = (uint64_t)end * CHUNK;
    (void)thread;
    if (to > plan->packed_bytes)
        to = plan->packed_bytes;
    infer__pages_fill((char *)plan->packed + from, (size_t)(to - from));
}

/* Asks for the memory's pages all at once, before anything is packed: kernels store past the
 * caches, which lines of a page that was cleared a moment ago would hinder. What planning has
 * touched of the file goes back first, so that it does not come on top. */
static void fill_pages(struct infer__plan *plan, struct infer__team *team,
                       const struct infer__pages *map)
{
    uint64_t chunks = plan->packed_bytes / CHUNK;
    if (!chunks || chunks >= UINT32_MAX)
        return;
    infer__pages_drop(map, map->data, map->bytes);
    infer__pages_large(plan->packed, plan->packed_bytes);
    infer__team_run(team, fill_chunks, plan, (uint32_t)chunks + 1);
}

infer_status infer__sum_needs(struct infer__plan *plan, infer_error *err)
{
    size_t packed = 0;
    plan->scratch_bytes = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        FAIL_IF(!add_packed(&packed, s->need.packed_bytes), INFER_ERROR_LIMIT,
                "packed weights pass the address space");
        if (infer__bytes_count(s->need.scratch_bytes) > plan->scratch_bytes)
            plan->scratch_bytes = infer__bytes_count(s->need.scratch_bytes);
    }
    plan->packed_bytes = packed;
    return INFER_OK;
}

infer_status infer__pack(struct infer__plan *plan, struct infer__team *team,
                         const struct infer__pages *map, infer_error *err)
{
    size_t at = 0;
    plan->packed = infer__alloc(&plan->allocator, plan->packed_bytes, PACK_ALIGN);
    if (!plan->packed)
        return infer__no_memory(err, plan->packed_bytes);
    infer__team_begin(team, 0);
    fill_pages(plan, team, map);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        plan->steps[i].packed = (char *)plan->packed + at;
        (void)add_packed(&at, plan->steps[i].need.packed_bytes);
    }
    infer_status status = pack_all(plan, team, map, err);
    infer__team_end(team);
    return status;
}
