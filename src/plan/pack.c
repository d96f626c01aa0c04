/* Packed weights: every kernel's own form of its constants, written once for all sessions of the
 * model, on all threads. Where the constants lie in a mapped file, their pages go back to the
 * system as soon as they are read: weights are held once, large ones too, since these are packed
 * piece by piece. */
#include <stdatomic.h>
#include <stdlib.h>

#include "plan/pack.h"

#include "base/size.h"
#include "plan/stored.h"

enum { CHUNK = 4 << 20 };

/* What one thread does in one go. */
struct piece {
    uint32_t step, number, count; /* count 0: the whole step */
    void *packed;                 /* of the whole step */
};

struct packer {
    struct infer__plan *plan;
    const struct infer__pages *map;
    const struct piece *pieces;
};

/* Whether the step's weights have to be packed, by this session or another. */
static int is_packed(const struct infer__step *s)
{
    return s->kernel->pack && infer__bytes_count(s->need.packed_bytes) && !s->stored;
}

/* The piece's share of each constant, whose pages are given back. Most kernels read just this, as
 * panels are output channels and those stand one behind the other; what others still need comes
 * back. */
static void drop_read(const struct packer *p, const struct piece *piece)
{
    const struct infer__step *s = &p->plan->steps[piece->step];
    const uint64_t n = piece->count ? piece->count : 1;
    for (uint32_t k = 0; k < s->task.nin; k++) {
        const uint64_t bytes = p->plan->tensors[s->in[k]].bytes, each = bytes / n;
        const uint64_t begin = each * piece->number;
        if (s->task.in[k].is_const)
            infer__pages_drop(p->map, (const char *)s->task.in[k].data + begin,
                              piece->number + 1 < n ? each : bytes - begin);
    }
}

static void pack_pieces(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct packer *p = ctx;
    (void)thread;
    for (uint32_t i = begin; i < end; i++) {
        const struct piece *piece = &p->pieces[i];
        const struct infer__step *s = &p->plan->steps[piece->step];
        if (piece->count)
            s->kernel->pack_piece(&s->task, s->need.cut, piece->packed, piece->number,
                                  piece->count);
        else
            s->kernel->pack(&s->task, s->need.cut, piece->packed);
        drop_read(p, piece);
    }
}

/* How many pieces the step of a share is packed in, 0 if another has packed it. */
static uint32_t count_pieces(const struct infer__plan *plan, const struct infer__share *share)
{
    const uint32_t pieces = plan->steps[share->user].need.pack_pieces;
    return share->make ? pieces > 1 ? pieces : 1 : 0;
}

static infer_status pack_all(struct infer__plan *plan, struct infer__team *team,
                             const struct infer__pages *map, infer_error *err)
{
    uint32_t n = 0, all = 0;
    for (uint32_t i = 0; i < plan->nshares; i++)
        all += count_pieces(plan, &plan->shares[i]);
    if (!all)
        return INFER_OK;
    struct piece *pieces = infer__calloc(&plan->allocator, all, sizeof *pieces);
    if (!pieces)
        return infer__no_memory(err, all * sizeof *pieces);
    for (uint32_t i = 0; i < plan->nshares; i++) {
        uint32_t count = count_pieces(plan, &plan->shares[i]);
        for (uint32_t k = 0; k < count; k++)
            pieces[n++] = (struct piece){plan->shares[i].user, k, count > 1 ? count : 0,
                                         infer__share_memory(&plan->shares[i])};
    }
    struct packer p = {plan, map, pieces};
    infer__team_run(team, pack_pieces, &p, all);
    infer__pages_drop(map, map->data, map->bytes); /* what was read along with others' last pages */
    infer__free(&plan->allocator, pieces);
    return INFER_OK;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void fill_chunks(void *ctx, unsigned thread, uint32_t begin, uint32_t end)
{
    const struct infer__pages *fresh = ctx;
    uint64_t from = (uint64_t)begin * CHUNK, to = (uint64_t)end * CHUNK;
    (void)thread;
    if (to > fresh->bytes)
        to = fresh->bytes;
    infer__pages_fill((char *)fresh->data + from, (size_t)(to - from));
}

/* Asks for the pages of what is to be packed all at once, beforehand: kernels store past the
 * caches, which lines of a page that was cleared a moment ago would hinder. What planning has
 * touched of the file goes back first, so that it does not come on top. */
static void fill_pages(const struct infer__plan *plan, struct infer__team *team,
                       const struct infer__pages *map)
{
    struct infer__pages fresh = {NULL, 0};
    for (uint32_t i = 0; i < plan->nshares && !fresh.data; i++)
        if (plan->shares[i].make)
            fresh.data = infer__share_piece(&plan->shares[i], &fresh.bytes);
    uint64_t chunks = fresh.bytes / CHUNK;
    if (fresh.data)
        infer__pages_drop(map, map->data, map->bytes);
    if (!chunks || chunks >= UINT32_MAX)
        return;
    infer__pages_large((void *)fresh.data, fresh.bytes);
    infer__team_run(team, fill_chunks, &fresh, (uint32_t)chunks + 1);
}

/* ---- the pass ------------------------------------------------------------------------------- */

infer_status infer__sum_needs(struct infer__plan *plan, const infer_model *model, infer_error *err)
{
    size_t packed = 0;
    plan->scratch_bytes = 0;
    plan->nshares = 0;
    infer__find_stored(plan, model);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        const size_t more = s->stored ? 0 : infer__bytes_count(s->need.packed_bytes);
        plan->nshares += is_packed(s) ? 1 : 0;
        FAIL_IF(!infer__size_add(packed, more, &packed) || !infer__size_align(packed, 64, &packed),
                INFER_ERROR_LIMIT, "packed weights pass the address space");
        if (infer__bytes_count(s->need.scratch_bytes) > plan->scratch_bytes)
            plan->scratch_bytes = infer__bytes_count(s->need.scratch_bytes);
    }
    plan->packed_bytes = packed;
    return INFER_OK;
}

infer_status infer__pack_shares(struct infer__plan *plan, const struct infer__pages *file,
                                infer_error *err)
{
    uint32_t n = 0;
    plan->shares = infer__region_calloc(&plan->region, plan->nshares, sizeof *plan->shares);
    if (!plan->shares)
        return infer__no_memory(err, plan->nshares * sizeof *plan->shares);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *s = &plan->steps[i];
        if (is_packed(s))
            plan->shares[n++] =
                (struct infer__share){.key = infer__pack_key(s, file),
                                      .bytes = infer__bytes_count(s->need.packed_bytes),
                                      .user = i};
    }
    qsort(plan->shares, n, sizeof *plan->shares, infer__share_compare);
    return INFER_OK;
}

/* Packs what this plan is to make of its shares, which it holds. */
static infer_status make_shares(struct infer__plan *plan, struct infer__team *team,
                                const struct infer__pages *map, infer_error *err)
{
    for (uint32_t i = 0; i < plan->nshares; i++)
        plan->steps[plan->shares[i].user].packed = infer__share_memory(&plan->shares[i]);
    fill_pages(plan, team, map);
    TRY(pack_all(plan, team, map, err));
    FAIL_IF(plan->trouble && atomic_load_explicit(plan->trouble, memory_order_relaxed),
            INFER_ERROR_NO_MEMORY, "no memory for a kernel of oneDNN");
    return INFER_OK;
}

/* Where another plan was to pack something and could not, this one does. */
infer_status infer__pack(struct infer__plan *plan, struct infer__store *store,
                         struct infer__team *team, const struct infer__pages *map, infer_error *err)
{
    infer_status status;
    plan->store = store;
    infer__team_begin(team, 0);
    for (;;) {
        status = infer__store_take(store, plan->shares, plan->nshares, err);
        if (status != INFER_OK)
            break;
        status = make_shares(plan, team, map, err);
        infer__store_made(store, plan->shares, plan->nshares, status == INFER_OK);
        if (status != INFER_OK || infer__store_wait(plan->shares, plan->nshares))
            break;
        infer__store_give(store, plan->shares, plan->nshares);
    }
    infer__team_end(team);
    return status;
}
