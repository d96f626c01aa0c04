/* Making, linking and freeing programs: everything that a run needs is taken here. */
#include "run/program.h"

#include "base/size.h"
#include "plan/driver.h"
#include "plan/pack.h"

/* ---- sizes ---------------------------------------------------------------------------------- */

/* Images run side by side where there is memory for as many arenas as the team has members, beside
 * the rest that is still to be taken. */
static uint32_t count_lanes(const struct infer__program *p, const struct infer__program_options *o,
                            uint32_t members)
{
    const struct infer__meter *meter = o->plan.meter;
    const struct infer__plan *plan = &p->plan;
    const uint64_t left = meter->limit - meter->held;
    const uint64_t reserve = p->need.scratch + p->need.outputs +
                             4096 * (2 + (uint64_t)members); /* with what stands around them */
    if (plan->images < members)
        return 1;
    if (plan->arena_bytes <= o->plan.arena_held / members)
        return members;
    return left >= reserve && plan->arena_bytes <= (left - reserve) / members ? members : 1;
}

static infer_status place_outputs(struct infer__program *p, infer_error *err)
{
    const struct infer__plan *plan = &p->plan;
    for (uint32_t i = 0; i < plan->graph.noutputs; i++) {
        size_t bytes, *all = &p->need.outputs;
        uint64_t each = infer__value_bytes(&plan->graph.values[plan->graph.outputs[i]]);
        p->output_offsets[i] = *all;
        FAIL_IF(!infer__size_mul(each, plan->images, &bytes) ||
                    !infer__size_add(*all, bytes, all) || !infer__size_align(*all, 64, all),
                INFER_ERROR_LIMIT, "outputs pass the address space");
    }
    return INFER_OK;
}

/* Images side by side need an arena each; else they follow one another on all threads. */
static infer_status find_needs(struct infer__program *p, const struct infer__program_options *o,
                               infer_error *err)
{
    const uint32_t members = infer__team_members(o->team);
    struct infer__plan *plan = &p->plan;
    const struct infer__graph *g = &plan->graph;
    size_t both = (size_t)INFER__SUM(g->ninputs, g->noutputs, 1);
    p->output_offsets =
        infer__region_calloc(&plan->region, g->noutputs + 1, sizeof *p->output_offsets);
    p->ranges = infer__region_calloc(&plan->region, both, sizeof *p->ranges);
    if (!p->output_offsets || !p->ranges)
        return infer__no_memory(err, both * sizeof *p->ranges);
    TRY(place_outputs(p, err));
    plan->scratch_bytes = (uint64_t)infer__count_align((int64_t)plan->scratch_bytes, 64);
    FAIL_IF(!infer__size_mul(plan->scratch_bytes, members, &p->need.scratch), INFER_ERROR_LIMIT,
            "scratch memory passes the address space");
    plan->arena_bytes = (uint64_t)infer__count_align((int64_t)plan->arena_bytes, 4096);
    p->nlanes = count_lanes(p, o, members);
    FAIL_IF(!infer__size_mul(plan->arena_bytes, p->nlanes, &p->need.arenas), INFER_ERROR_LIMIT,
            "intermediate tensors pass the address space");
    return INFER_OK;
}

/* ---- pointers ------------------------------------------------------------------------------- */

/* The address of a tensor that does not change from run to run, else NULL. */
static void *fixed_address(const struct infer__plan *plan, const struct infer__lane *lane,
                           uint32_t t)
{
    const struct infer__plan_tensor *r = infer__plan_root(plan, t);
    uint64_t within = infer__plan_within(plan, t);
    union {
        const void *from;
        void *to;
    } constant = {r->desc.data};
    switch (r->place) {
    case INFER__PLACE_ARENA:
        return lane->arena + r->offset + within;
    case INFER__PLACE_CONST:
        return constant.to;
    default:
        return NULL;
    }
}

/* How many operands are patched of each kind. */
struct counts {
    uint32_t inputs, outputs, images;
};

static void count_patches(const struct infer__plan *plan, const uint32_t *ids, uint32_t n,
                          struct counts *c)
{
    for (uint32_t k = 0; k < n; k++) {
        unsigned place = infer__plan_root(plan, ids[k])->place;
        c->inputs += place == INFER__PLACE_INPUT;
        c->outputs += place == INFER__PLACE_OUTPUT;
        c->images += place == INFER__PLACE_IMAGE;
    }
}

static void fill_pointers(struct infer__program *p, struct infer__lane *lane, const uint32_t *ids,
                          uint32_t n, void **slots)
{
    const struct infer__plan *plan = &p->plan;
    for (uint32_t k = 0; k < n; k++) {
        const struct infer__plan_tensor *r = infer__plan_root(plan, ids[k]);
        uint64_t within = infer__plan_within(plan, ids[k]);
        struct infer__patch patch = {&slots[k], (uint32_t)r->offset, within};
        slots[k] = ids[k] ? fixed_address(plan, lane, ids[k]) : NULL;
        if (r->place == INFER__PLACE_INPUT)
            lane->input_patches[p->ninput_patches++] = patch;
        if (r->place == INFER__PLACE_OUTPUT)
            lane->output_patches[p->noutput_patches++] = patch;
        patch.index = (uint32_t)(r - plan->tensors);
        if (r->place == INFER__PLACE_IMAGE)
            lane->image_patches[p->nimage_patches++] = patch;
    }
}

/* Pointers of every step's operands, and the list of those that a run has to set. */
static void link_lane(struct infer__program *p, struct infer__lane *lane, char *arena)
{
    const struct infer__plan *plan = &p->plan;
    lane->arena = arena;
    p->ninput_patches = p->noutput_patches = p->nimage_patches = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *step = &plan->steps[i];
        void **pointers = infer__step_pointers(p, lane, step);
        fill_pointers(p, lane, step->in, step->task.nin, pointers);
        fill_pointers(p, lane, step->out, step->task.nout, pointers + step->task.nin);
    }
}

void infer__program_link(struct infer__program *p, char *arenas)
{
    if (p->lanes[0].arena == arenas)
        return;
    for (uint32_t k = 0; k < p->nlanes; k++)
        link_lane(p, &p->lanes[k], arenas + k * p->plan.arena_bytes);
}

/* Room for what linking fills in. */
static infer_status take_lane(struct infer__program *p, struct infer__lane *lane,
                              const struct counts *c, int profile, infer_error *err)
{
    struct infer__plan *plan = &p->plan;
    struct infer__patch *patches = infer__region_calloc(
        &plan->region, (size_t)INFER__SUM(c->inputs, c->outputs, c->images), sizeof *patches);
    lane->input_patches = patches;
    lane->output_patches = patches ? patches + c->inputs : NULL;
    lane->image_patches = patches ? patches + c->inputs + c->outputs : NULL;
    lane->pointers = infer__region_calloc(&plan->region, plan->noperands, sizeof *lane->pointers);
    if (profile)
        lane->ns = infer__region_calloc(&plan->region, plan->nsteps, sizeof *lane->ns);
    if (!patches || !lane->pointers || (profile && !lane->ns))
        return infer__no_memory(err, plan->noperands * sizeof *lane->pointers);
    return INFER_OK;
}

static infer_status take_lanes(struct infer__program *p, int profile, infer_error *err)
{
    const struct infer__plan *plan = &p->plan;
    struct counts c = {0};
    p->lanes = infer__region_calloc(&p->plan.region, p->nlanes, sizeof *p->lanes);
    if (!p->lanes)
        return infer__no_memory(err, p->nlanes * sizeof *p->lanes);
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        count_patches(plan, plan->steps[i].in, plan->steps[i].task.nin, &c);
        count_patches(plan, plan->steps[i].out, plan->steps[i].task.nout, &c);
    }
    for (uint32_t k = 0; k < p->nlanes; k++)
        TRY(take_lane(p, &p->lanes[k], &c, profile, err));
    return INFER_OK;
}

/* ---- packed weights ------------------------------------------------------------------------- */

/* The share with the least key among those that the walks have come to, or NULL. */
static const struct infer__share *least_share(struct infer__program *const *programs,
                                              const uint32_t *at, uint32_t n)
{
    const struct infer__share *least = NULL;
    for (uint32_t i = 0; i < n; i++) {
        const struct infer__plan *plan = &programs[i]->plan;
        if (at[i] < plan->nshares &&
            (!least || infer__share_compare(&plan->shares[at[i]], least) < 0))
            least = &plan->shares[at[i]];
    }
    return least;
}

/* Walks the sorted shares of all programs side by side. */
int infer__packed_count(struct infer__packed *packed, struct infer__program *const *programs,
                        uint32_t n)
{
    uint32_t at[INFER__MOST_PROGRAMS + 1] = {0};
    const struct infer__share *share;
    size_t bytes = 0;
    while ((share = least_share(programs, at, n)) != NULL) {
        if (!infer__size_add(bytes, share->bytes, &bytes))
            bytes = SIZE_MAX;
        for (uint32_t i = 0; i < n; i++)
            while (at[i] < programs[i]->plan.nshares &&
                   infer__share_compare(&programs[i]->plan.shares[at[i]], share) == 0)
                at[i]++;
    }
    if (!infer__meter_recount(packed->meter, packed->bytes, bytes))
        return 0;
    packed->bytes = bytes;
    return 1;
}

static int count_with(const struct infer__program_options *o, struct infer__program *p)
{
    struct infer__program *all[INFER__MOST_PROGRAMS + 1];
    for (uint32_t i = 0; i < o->nothers; i++)
        all[i] = o->others[i];
    all[o->nothers] = p;
    return infer__packed_count(o->packed, all, o->nothers + 1);
}

/* ---- programs ------------------------------------------------------------------------------- */

static infer_status create(struct infer__program *p, const struct infer__program_options *o,
                           const infer_allocator *allocator, infer_error *err)
{
    const struct infer_model *m = o->model;
    const struct infer__pages map = {m->map, m->map_bytes};
    struct infer__pages file = {NULL, 0};
    file.data = infer__model_section(m, INFER__SECTION_WEIGHTS, &file.bytes);
    TRY(infer__plan_create(&p->plan, &m->graph, &o->plan, allocator, err));
    TRY(infer__pack_shares(&p->plan, &file, err));
    if (!count_with(o, p))
        return infer__no_memory(err, p->plan.packed_bytes);
    TRY(infer__pack(&p->plan, m->store, o->team, &map, err));
    TRY(find_needs(p, o, err));
    return take_lanes(p, o->profile, err);
}

infer_status infer__program_create(const struct infer__program_options *o,
                                   const infer_allocator *allocator,
                                   struct infer__program **program, infer_error *err)
{
    struct infer__program *p = infer__calloc(allocator, 1, sizeof *p);
    *program = NULL;
    if (!p)
        return infer__no_memory(err, sizeof *p);
    p->allocator = *allocator;
    infer_status status = create(p, o, allocator, err);
    if (status != INFER_OK) {
        infer__program_free(p);
        (void)infer__packed_count(o->packed, o->others, o->nothers); /* no more than before */
        return status;
    }
    *program = p;
    return INFER_OK;
}

void infer__program_free(struct infer__program *p)
{
    if (!p)
        return;
    const infer_allocator allocator = p->allocator;
    infer__plan_free(&p->plan);
    infer__free(&allocator, p);
}
