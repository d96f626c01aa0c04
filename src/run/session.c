/* Making and freeing sessions: everything that infer_run needs is taken here. */
#include "run/session.h"

#include <string.h>

#include "base/caller.h"
#include "base/cpu.h"
#include "base/size.h"
#include "plan/tuned.h"

void infer_session_options_init(infer_session_options *options)
{
    if (!options)
        return;
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
}

static infer_status plan_options(const infer_model *model, const infer_session_options *options,
                                 struct infer__plan_options *o, infer_error *err)
{
    infer_isa best = infer_cpu_isa();
    FAIL_IF(options->size != sizeof *options, INFER_ERROR_ARGUMENT,
            "options.size is %zu, not %zu: use infer_session_options_init", options->size,
            sizeof *options);
    FAIL_IF(options->ninputs && !options->inputs, INFER_ERROR_ARGUMENT, "options.inputs is NULL");
    FAIL_IF(options->threads > 1024, INFER_ERROR_ARGUMENT, "%u threads; at most 1024",
            options->threads);
    FAIL_IF((unsigned)options->isa > INFER_ISA_AMX, INFER_ERROR_ARGUMENT,
            "options.isa is %u, which is no level", (unsigned)options->isa);
    o->inputs = options->inputs;
    o->ninputs = options->ninputs;
    o->threads = options->threads ? options->threads : infer__cpu_count();
    o->isa = options->isa && options->isa < best ? options->isa : best;
    FAIL_IF(options->precision > INFER_PRECISION_BF16, INFER_ERROR_ARGUMENT,
            "options.precision is %u, which is none", options->precision);
    o->bf16 = options->precision == INFER_PRECISION_BF16;
    o->machine = infer__cpu_machine();
    FAIL_IF(o->bf16 && o->isa < INFER_ISA_AVX512BF16, INFER_ERROR_UNSUPPORTED,
            "precision bf16 needs AVX-512 BF16, and this session has %s: the %s",
            infer_isa_name(o->isa),
            best < INFER_ISA_AVX512BF16 ? "CPU lacks it" : "option isa leaves it out");
    o->onednn = infer_has_onednn() && !options->no_onednn && o->isa == best;
    o->max_work = options->max_work;
    o->max_tensor_bytes = model->max_tensor_bytes;
    return INFER_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Images run side by side where there is memory for as many arenas as threads, beside `rest` bytes
 * that are still to be taken. */
static uint32_t count_lanes(const struct infer_session *s, uint32_t threads, uint64_t rest)
{
    const uint64_t left = s->meter.limit - s->meter.held;
    const uint64_t reserve =
        rest + 4096 * (2 + (uint64_t)threads); /* with what stands around them */
    const struct infer__plan *plan = &s->plan;
    if (plan->images < threads || left < reserve)
        return 1;
    return plan->arena_bytes <= (left - reserve) / threads ? threads : 1;
}

static infer_status take_memory(struct infer_session *s, infer_error *err)
{
    struct infer__plan *plan = &s->plan;
    size_t arenas, scratch, outputs = 0;
    s->output_offsets =
        infer__region_calloc(&plan->region, plan->graph.noutputs + 1, sizeof *s->output_offsets);
    s->ranges = infer__region_calloc(
        &plan->region, (size_t)INFER__SUM(plan->graph.ninputs, plan->graph.noutputs, 1),
        sizeof *s->ranges);
    if (!s->output_offsets || !s->ranges)
        return infer__no_memory(err, plan->graph.noutputs * sizeof *s->ranges);
    for (uint32_t i = 0; i < plan->graph.noutputs; i++) {
        s->output_offsets[i] = outputs;
        size_t bytes;
        uint64_t each = infer__value_bytes(&plan->graph.values[plan->graph.outputs[i]]);
        FAIL_IF(!infer__size_mul(each, plan->images, &bytes) ||
                    !infer__size_add(outputs, bytes, &outputs) ||
                    !infer__size_align(outputs, 64, &outputs),
                INFER_ERROR_LIMIT, "outputs pass the address space");
    }
    s->output_bytes = outputs;
    plan->scratch_bytes = (uint64_t)infer__count_align((int64_t)plan->scratch_bytes, 64);
    FAIL_IF(!infer__size_mul(plan->scratch_bytes, infer__pool_threads(s->pool), &scratch),
            INFER_ERROR_LIMIT, "scratch memory passes the address space");
    /* Images side by side need an arena each; else they follow one another on all threads. */
    uint32_t threads = infer__pool_threads(s->pool);
    plan->arena_bytes = (uint64_t)infer__count_align((int64_t)plan->arena_bytes, 4096);
    s->nlanes = count_lanes(s, threads, scratch + outputs);
    FAIL_IF(!infer__size_mul(plan->arena_bytes, s->nlanes, &arenas), INFER_ERROR_LIMIT,
            "intermediate tensors pass the address space");
    s->arenas = infer__alloc(&s->allocator, arenas, 4096);
    s->scratch = infer__alloc(&s->allocator, scratch, 64);
    s->outputs = infer__alloc(&s->allocator, outputs, 64);
    if (!s->arenas || !s->scratch || !s->outputs)
        return infer__no_memory(err, arenas + scratch + outputs);
    infer__pages_large(s->arenas, arenas);
    return INFER_OK;
}

/* The address of a tensor that does not change from run to run, else NULL. */
static void *fixed_address(const struct infer_session *s, const struct infer__lane *lane,
                           uint32_t t)
{
    const struct infer__plan_tensor *r = infer__plan_root(&s->plan, t);
    uint64_t within = s->plan.tensors[t].alias_offset;
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

static void count_patches(const struct infer_session *s, const uint32_t *ids, uint32_t n,
                          struct counts *c)
{
    for (uint32_t k = 0; k < n; k++) {
        unsigned place = infer__plan_root(&s->plan, ids[k])->place;
        c->inputs += place == INFER__PLACE_INPUT;
        c->outputs += place == INFER__PLACE_OUTPUT;
        c->images += place == INFER__PLACE_IMAGE;
    }
}

static void fill_pointers(struct infer_session *s, struct infer__lane *lane, const uint32_t *ids,
                          uint32_t n, void **slots)
{
    for (uint32_t k = 0; k < n; k++) {
        const struct infer__plan_tensor *r = infer__plan_root(&s->plan, ids[k]);
        uint64_t within = s->plan.tensors[ids[k]].alias_offset;
        struct infer__patch patch = {&slots[k], (uint32_t)r->offset, within};
        slots[k] = ids[k] ? fixed_address(s, lane, ids[k]) : NULL;
        if (r->place == INFER__PLACE_INPUT)
            lane->input_patches[s->ninput_patches++] = patch;
        if (r->place == INFER__PLACE_OUTPUT)
            lane->output_patches[s->noutput_patches++] = patch;
        patch.index = (uint32_t)(r - s->plan.tensors);
        if (r->place == INFER__PLACE_IMAGE)
            lane->image_patches[s->nimage_patches++] = patch;
    }
}

/* Pointers of every step's operands, and the list of those that a run has to set. */
static infer_status link_lane(struct infer_session *s, struct infer__lane *lane, infer_error *err)
{
    struct infer__plan *plan = &s->plan;
    struct counts c = {0};
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        count_patches(s, plan->steps[i].in, plan->steps[i].task.nin, &c);
        count_patches(s, plan->steps[i].out, plan->steps[i].task.nout, &c);
    }
    struct infer__patch *patches = infer__region_calloc(
        &plan->region, (size_t)INFER__SUM(c.inputs, c.outputs, c.images), sizeof *patches);
    lane->input_patches = patches;
    lane->output_patches = patches ? patches + c.inputs : NULL;
    lane->image_patches = patches ? patches + c.inputs + c.outputs : NULL;
    lane->pointers = infer__region_calloc(&plan->region, plan->noperands, sizeof *lane->pointers);
    if (s->profile)
        lane->ns = infer__region_calloc(&plan->region, plan->nsteps, sizeof *lane->ns);
    if (!patches || !lane->pointers || (s->profile && !lane->ns))
        return infer__no_memory(err, plan->noperands * sizeof *lane->pointers);
    s->ninput_patches = s->noutput_patches = s->nimage_patches = 0;
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        const struct infer__step *step = &plan->steps[i];
        void **pointers = infer__step_pointers(s, lane, step);
        fill_pointers(s, lane, step->in, step->task.nin, pointers);
        fill_pointers(s, lane, step->out, step->task.nout, pointers + step->task.nin);
    }
    return INFER_OK;
}

static infer_status link_lanes(struct infer_session *s, infer_error *err)
{
    s->lanes = infer__region_calloc(&s->plan.region, s->nlanes, sizeof *s->lanes);
    if (!s->lanes)
        return infer__no_memory(err, s->nlanes * sizeof *s->lanes);
    for (uint32_t k = 0; k < s->nlanes; k++) {
        s->lanes[k].arena = s->arenas + k * s->plan.arena_bytes;
        TRY(link_lane(s, &s->lanes[k], err));
    }
    return INFER_OK;
}

/* ---- the public functions ------------------------------------------------------------------- */

static infer_status create(struct infer_session *s, const infer_session_options *options,
                           const struct infer__tuned *tuned, infer_error *err)
{
    struct infer__plan_options o = {0};
    TRY(plan_options(s->model, options, &o, err));
    o.tuned = tuned;
    s->allocator = infer__meter_start(&s->meter, &s->model->allocator,
                                      options->max_memory_bytes ? options->max_memory_bytes
                                                                : UINT64_C(4) << 30);
    o.meter = &s->meter;
    o.no_memory = &s->no_memory;
    TRY(infer__plan_create(&s->plan, &s->model->graph, &o, &s->allocator, err));
    TRY(infer__pool_create(o.threads, &s->allocator, &s->pool, err));
    struct infer__pages map = {s->model->map, s->model->map_bytes};
    TRY(infer__pack(&s->plan, s->pool, &map, err));
    s->profile = options->profile;
    TRY(take_memory(s, err));
    TRY(link_lanes(s, err));
    return infer__session_memory(s, err);
}

infer_status infer__session_create(const infer_model *model, const infer_session_options *options,
                                   const struct infer__tuned *tuned, infer_session **session,
                                   infer_error *err)
{
    *session = NULL;
    struct infer_session *s = infer__calloc(&model->allocator, 1, sizeof *s);
    if (!s)
        return infer__no_memory(err, sizeof *s);
    s->allocator = model->allocator;
    s->model = model;
    infer_status status = create(s, options, tuned, err);
    if (status == INFER_ERROR_NO_MEMORY && s->meter.refused)
        status = infer__fail(err, INFER_ERROR_LIMIT,
                             "the session needs more than the %llu bytes that max_memory_bytes "
                             "allows",
                             (unsigned long long)s->meter.limit);
    if (status != INFER_OK) {
        infer_session_free(&s);
        return status;
    }
    infer__error_clear(err); /* of kernels that were tried and passed over */
    *session = s;
    return INFER_OK;
}

infer_status infer_session_create(const infer_model *model, const infer_session_options *options,
                                  infer_session **session, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_session_options defaults;
    struct infer__tuned_for here;
    struct infer__tuned tuned;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session, INFER_ERROR_ARGUMENT, "session is NULL");
    *session = NULL;
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "model is NULL");
    if (!options) {
        infer_session_options_init(&defaults);
        options = &defaults;
    }
    int found = infer__tuned_here(&here) && infer__tuned_find(model, &here, &tuned);
    int use = found && options->size == sizeof *options && !options->no_tuned;
    return infer__session_create(model, options, use ? &tuned : NULL, session, err);
}

void infer_session_free(infer_session **session)
{
    INFER__KEEP_CALLER;
    if (!session || !*session)
        return;
    struct infer_session *s = *session;
    const infer_allocator a = s->allocator, outer = s->model->allocator;
    infer__pool_free(s->pool);
    infer__free(&a, s->arenas);
    infer__free(&a, s->scratch);
    infer__free(&a, s->outputs);
    if (s->plan.region.allocator.alloc)
        infer__plan_free(&s->plan);
    infer__free(&outer, s);
    *session = NULL;
}
