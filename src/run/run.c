/* infer_run: checks the tensors, sets the pointers that depend on them, runs the steps. */
#include <string.h>

#include "base/caller.h"
#include "base/clock.h"
#include "base/sized.h"
#include "run/control.h"
#include "run/extents.h"
#include "run/session.h"

/* Where each run says how large an output is, it is not asked what the caller takes it for. */
static infer_status check_tensor(const struct infer_session *s, const char *kind, size_t index,
                                 uint32_t tensor, const infer_tensor *t, infer_error *err)
{
    struct infer__value want =
        infer__program_value(s->program, s->program->plan.tensors[tensor].value);
    size_t bytes = infer__value_bytes(&want);
    const char *name = want.name;
    int same = (unsigned)t->type == want.type && t->rank == want.rank;
    for (int i = 0; same && i < t->rank; i++)
        same = t->dims[i] == want.dims[i] || want.free_dims >> i & 1;
    if (!same) {
        char text[128];
        return infer__fail(err, INFER_ERROR_SHAPE, "%s %zu ('%s') must be %s", kind, index, name,
                           infer__value_text(&want, text, sizeof text));
    }
    FAIL_IF(t->reserved[0] || t->reserved[1], INFER_ERROR_ARGUMENT,
            "a reserved field of %s %zu ('%s') is not 0", kind, index, name);
    FAIL_IF(t->bytes < bytes, INFER_ERROR_SHAPE,
            "%s %zu ('%s') has %zu bytes of memory; %zu are needed", kind, index, name, t->bytes,
            bytes);
    FAIL_IF(!t->data && bytes, INFER_ERROR_ARGUMENT, "%s %zu ('%s') has no data", kind, index,
            name);
    FAIL_IF((uintptr_t)t->data % infer_type_size(t->type), INFER_ERROR_ARGUMENT,
            "%s %zu ('%s') is not aligned for its type", kind, index, name);
    return INFER_OK;
}

static void lend_output(struct infer_session *s, size_t index, infer_tensor *t)
{
    struct infer__value v = infer__program_value(s->program, s->program->plan.graph.outputs[index]);
    memset(t, 0, sizeof *t);
    t->type = (infer_type)v.type;
    t->rank = v.rank;
    memcpy(t->dims, v.dims, sizeof t->dims);
    t->data = s->memory.outputs + s->program->output_offsets[index];
    t->bytes = infer__value_bytes(&v);
}

static infer_status check_tensors(struct infer_session *s, const infer_tensor *inputs,
                                  size_t ninputs, infer_tensor *outputs, size_t noutputs,
                                  infer_error *err)
{
    const struct infer__graph *g = &s->program->plan.graph;
    FAIL_IF(ninputs != g->ninputs || (ninputs && !inputs), INFER_ERROR_ARGUMENT,
            "%zu inputs given; the model has %u", inputs ? ninputs : 0, g->ninputs);
    FAIL_IF(noutputs != g->noutputs || (noutputs && !outputs), INFER_ERROR_ARGUMENT,
            "%zu outputs given; the model has %u", outputs ? noutputs : 0, g->noutputs);
    for (size_t i = 0; i < ninputs; i++)
        if (g->values[g->inputs[i]].kind == INFER__VALUE_INPUT)
            TRY(check_tensor(s, "input", i, s->program->plan.inputs[i], &inputs[i], err));
    for (size_t i = 0; i < noutputs; i++)
        if (outputs[i].data)
            TRY(check_tensor(s, "output", i, s->program->plan.outputs[i], &outputs[i], err));
    return infer__check_apart(s->program, s->memory.outputs, inputs, outputs, err);
}

/* ---- running -------------------------------------------------------------------------------- */

struct job {
    struct infer_session *s;
    const struct infer__lane *lane;
    const infer_tensor *inputs, *outputs;
    uint32_t step;
    uint32_t first; /* unit of the step that the pool counts as 0 */
    uint64_t deadline_ns;
    char *shared;        /* scratch of the member that began the step */
    infer_status status; /* of a run whose sizes do not go together */
    infer_error *err;
};

static void run_units(void *ctx, unsigned member, uint32_t begin, uint32_t end)
{
    const struct job *j = ctx;
    const struct infer__plan *plan = &j->s->program->plan;
    const struct infer__step *step = &plan->steps[j->step];
    struct infer__bounded *now = step->bounded;
    const struct infer__task *task = now ? &now->task : &step->task;
    const struct infer__kernel *kernel = now ? now->kernel : step->kernel;
    void **pointers = now ? now->pointers : infer__step_pointers(j->s->program, j->lane, step);
    struct infer__buffers b = {.in = (const void *const *)pointers,
                               .out = pointers + task->nin,
                               .packed = now && now->packed ? now->packed : step->packed,
                               .scratch = j->s->memory.scratch + member * plan->scratch_bytes,
                               .cut = now ? now->need.cut : step->need.cut,
                               .shared = j->shared,
                               .extent = now ? &now->extent : NULL};
    struct infer__float_mode mode = infer__float_mode_kernels();
    kernel->run(task, &b, j->first + begin, j->first + end);
    infer__float_mode_back(mode);
}

/* A step's units that wait for none, then the others. */
static void share_units(struct job *j, const struct infer__need *need)
{
    struct infer__team *team = j->s->team;
    if (need->barrier)
        infer__team_run(team, run_units, j, need->barrier);
    j->first = need->barrier;
    infer__team_run(team, run_units, j, need->units - need->barrier);
    j->first = 0;
}

static void run_step(struct job *j, unsigned member, int alone, const struct infer__need *need)
{
    if (alone)
        run_units(j, member, 0, need->units);
    else
        share_units(j, need);
}

/* A step whose sizes this run has worked out; 0: they do not go together, and the run ends. */
static int run_bounded(struct job *j, unsigned member, int alone, const struct infer__step *step)
{
    const struct infer_session *s = j->s;
    struct infer__bounded *b = step->bounded;
    j->status = step->control ? infer__control_check(s->program, j->lane, step, j->err) : INFER_OK;
    if (j->status == INFER_OK)
        j->status =
            infer__extents_before(s->program, j->lane, step, s->plan.max_tensor_bytes, j->err);
    if (j->status == INFER_OK && b->kernel) {
        run_step(j, member, alone || b->serial, &b->need);
        j->status = infer__extents_behind(s->program, step, j->err);
    }
    return j->status == INFER_OK;
}

/* From step *i, which is control flow and has run, to the one that follows; 0: there can be none.
 */
static int go_on(struct job *j, uint32_t *i)
{
    j->status = infer__control_next(j->s->program, j->lane, i, j->err);
    return j->status == INFER_OK;
}

/* Steps [begin, end) of one image, or of a batch: on all threads, or (`alone`) on this one. */
static void run_steps(struct job *j, unsigned member, int alone, uint32_t begin, uint32_t end)
{
    struct infer_session *s = j->s;
    uint64_t before = s->profile ? infer__now_ns() : 0;
    j->shared = s->memory.scratch + member * s->program->plan.scratch_bytes;
    for (uint32_t i = begin, at; i < end && !infer__session_stops(s, j->deadline_ns, i);) {
        const struct infer__step *step = &s->program->plan.steps[i];
        j->step = at = i;
        if (!step->bounded)
            run_step(j, member, alone || step->serial, &step->need);
        else if (!run_bounded(j, member, alone, step))
            break;
        if (!step->control)
            i++;
        else if (!go_on(j, &i))
            break;
        if (s->profile) {
            uint64_t now = infer__now_ns();
            j->lane->ns[at] += now - before;
            before = now;
        }
    }
}

/* Image k of an input or output, which is a value of the graph. */
static char *image(const struct infer_session *s, const infer_tensor *t, uint32_t value, uint32_t k)
{
    return t->data ? (char *)t->data + infer__value_bytes(&s->program->plan.graph.values[value]) * k
                   : NULL;
}

static void set_slot(const struct infer__patch *p, char *begin)
{
    *p->slot = begin ? begin + p->offset : NULL;
}

/* The pointers of image k, or, from batch_from on, those of the whole batch, which begin with image
 * 0. */
static void set_image(struct job *j, struct infer__lane *lane, uint32_t k)
{
    struct infer_session *s = j->s;
    j->lane = lane;
    for (uint32_t i = 0; i < s->program->ninput_patches; i++) {
        const struct infer__patch *p = &lane->input_patches[i];
        set_slot(p, image(s, &j->inputs[p->index], s->program->plan.graph.inputs[p->index], k));
    }
    for (uint32_t i = 0; i < s->program->noutput_patches; i++) {
        const struct infer__patch *p = &lane->output_patches[i];
        set_slot(p, image(s, &j->outputs[p->index], s->program->plan.graph.outputs[p->index], k));
    }
    for (uint32_t i = 0; i < s->program->nimage_patches; i++) {
        const struct infer__patch *p = &lane->image_patches[i];
        const struct infer__plan_tensor *t = &s->program->plan.tensors[p->index];
        set_slot(p, s->program->lanes[0].arena + s->program->plan.tensors[t->offset].offset +
                        t->bytes * k);
    }
}

static void run_image(struct job *j, unsigned member, uint32_t k, int alone)
{
    set_image(j, &j->s->program->lanes[alone ? member : 0], k);
    run_steps(j, member, alone, 0, j->s->program->plan.batch_from);
}

static void run_images(void *ctx, unsigned member, uint32_t begin, uint32_t end)
{
    struct job j = *(const struct job *)ctx;
    for (uint32_t k = begin; k < end; k++)
        run_image(&j, member, k, 1);
}

/* Images that the lanes can share out evenly run side by side, those that are left one by one; then
 * the steps from batch_from on, for all of them. */
static void run_batch(struct job *j, int by_worker)
{
    struct infer_session *s = j->s;
    uint32_t images = s->program->plan.images,
             left = s->program->nlanes > 1 ? images % s->program->nlanes : images;
    infer__team_begin(s->team, by_worker);
    infer__team_run(s->team, run_images, j, images - left);
    for (uint32_t k = images - left; k < images; k++)
        run_image(j, 0, k, 0);
    if (s->program->plan.batch_from < s->program->plan.nsteps) {
        set_image(j, &s->program->lanes[0], 0);
        run_steps(j, 0, 0, s->program->plan.batch_from, s->program->plan.nsteps);
    }
    infer__team_end(s->team);
}

/* Times of the lanes into the steps, those of a whole run (`good`): of images side by side each has
 * its share of the time. The steps from batch_from on have but one lane. */
static void add_times(struct infer__program *p, int good)
{
    for (uint32_t i = 0; i < p->plan.nsteps; i++) {
        uint64_t ns = 0;
        for (uint32_t k = 0; k < p->nlanes; k++) {
            ns += p->lanes[k].ns[i];
            p->lanes[k].ns[i] = 0;
        }
        if (good)
            /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a session has a lane */
            p->plan.steps[i].ns += i < p->plan.batch_from ? ns / p->nlanes : ns;
    }
    p->runs += good != 0;
}

infer_status infer__session_tensors(struct infer_session *s, const infer_tensor *inputs,
                                    size_t ninputs, infer_tensor *outputs, size_t noutputs,
                                    infer_error *err)
{
    TRY(check_tensors(s, inputs, ninputs, outputs, noutputs, err));
    for (size_t i = 0; i < noutputs; i++)
        if (!outputs[i].data)
            lend_output(s, i, &outputs[i]);
    return INFER_OK;
}

/* Memory for the run, which is the caller's turn once all that run at a time is as much as the pool
 * has rooms for: 0 where it was stopped before. */
static int take_memory(struct infer_session *s, uint64_t deadline_ns)
{
    int there = s->memory.arenas || infer__memory_begin(&s->memory);
    while (!there && !infer__session_stops(s, deadline_ns, 0))
        there = infer__memory_wait(&s->memory);
    if (there)
        infer__program_link(s->program, s->memory.arenas);
    else
        infer__memory_end(&s->memory);
    return there;
}

infer_status infer__session_run(struct infer_session *s, uint64_t deadline_ns,
                                const infer_tensor *inputs, const infer_tensor *outputs,
                                int by_worker, infer_error *err)
{
    struct job j = {
        .s = s, .inputs = inputs, .outputs = outputs, .deadline_ns = deadline_ns, .err = err};
    s->found = 0;
    if (!take_memory(s, deadline_ns))
        return INFER_OK; /* infer__session_leave says why */
    run_batch(&j, by_worker);
    if (!s->own_pool)
        infer__memory_end(&s->memory);
    if (s->profile)
        add_times(s->program, j.status == INFER_OK && !infer__session_stopped(s));
    TRY(j.status);
    TRY(infer__session_trouble(s, err));
    if (s->program->plan.now && !infer__session_stopped(s)) {
        TRY(infer__extents_outputs(s->program, err));
        s->found = 1;
    }
    return INFER_OK;
}

void infer__session_shapes(const struct infer_session *s, infer_tensor *outputs, size_t noutputs)
{
    const struct infer__graph *g = &s->program->plan.graph;
    for (size_t i = 0; i < noutputs && s->found; i++)
        if (g->values[g->outputs[i]].free_dims)
            memcpy(outputs[i].dims, s->program->plan.now->values[g->outputs[i]].dims,
                   sizeof outputs[i].dims);
}

/* ---- the public functions ------------------------------------------------------------------- */

void infer_run_options_init(infer_run_options *options, size_t size)
{
    infer__sized_init(options, size);
}

infer_status infer__run_deadline(const infer_run_options *options, uint64_t *deadline_ns,
                                 infer_error *err)
{
    infer_run_options o;
    TRY(infer__sized_read(INFER__SIZED(infer_run_options, deadline_ns), options, &o, err));
    *deadline_ns = o.deadline_ns;
    return INFER_OK;
}

infer_status infer_run_with(infer_session *s, const infer_run_options *options,
                            const infer_tensor *inputs, size_t ninputs, infer_tensor *outputs,
                            size_t noutputs, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    uint64_t deadline_ns;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!s, INFER_ERROR_ARGUMENT, "session is NULL");
    TRY(infer__run_deadline(options, &deadline_ns, err));
    TRY(infer__session_enter(s, err));
    infer_status status = infer__session_tensors(s, inputs, ninputs, outputs, noutputs, err);
    if (status == INFER_OK)
        status = infer__session_run(s, deadline_ns, inputs, outputs, 0, err);
    if (status == INFER_OK)
        infer__session_shapes(s, outputs, noutputs);
    return infer__session_leave(s, status, err);
}

infer_status infer_run(infer_session *s, const infer_tensor *inputs, size_t ninputs,
                       infer_tensor *outputs, size_t noutputs, infer_error *err)
{
    return infer_run_with(s, NULL, inputs, ninputs, outputs, noutputs, err);
}
