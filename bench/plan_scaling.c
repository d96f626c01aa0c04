/* infer-bench --plan-scaling: sessions cut for other numbers of threads, each computed by this
 * thread and timed unit by unit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/pool_parts.h"
#include "bench/scaling.h"
#include "run/session.h"

enum { LEAST_SAMPLES = 5, MOST_SAMPLES = 41 };

/* The executor of a session's pool: it computes each job's units one by one. */
struct recorder {
    infer__job *job;
    void *ctx;
    uint32_t per_unit;
    const struct scaling_job *jobs; /* that a run has, or NULL: nothing is recorded */
    uint32_t njobs, at;             /* the next one */
    size_t first;                   /* unit of the run that is its first */
    float *ns;                      /* of each unit of this run */
    int strange;                    /* a job was not the one that was expected */
};

/* What is being made of one number of threads. */
struct trial {
    struct bench *bench;
    struct scaling_plan *plan;
    const struct scaling_machine *machine;
    struct recorder recorder;
    struct scaling_job *jobs;
    double *unit_ns;
    size_t nunits;
    float *samples;   /* of each run: all units, then all steps */
    uint64_t *before; /* the profile of each step before a run */
    double *runs;     /* of the session with threads of its own */
    infer_session *real;
    uint32_t nsamples;
};

/* ---- recording ------------------------------------------------------------------------------ */

static void timed_unit(void *arg, unsigned member, uint32_t begin, uint32_t end)
{
    struct recorder *r = arg;
    const uint64_t start = infer__now_ns();
    r->job(r->ctx, member, begin, end);
    r->ns[r->first + begin / r->per_unit] = (float)(infer__now_ns() - start);
}

static void run_items(void *ctx, uint32_t n, void (*item)(void *arg, uint32_t index), void *arg)
{
    struct recorder *r = ctx;
    struct infer__team *t = arg;
    const uint32_t units = TEAM_UNITS(atomic_load(&t->state));
    if (r->jobs && r->at < r->njobs && r->jobs[r->at].units == units) {
        r->job = t->job;
        r->ctx = t->ctx;
        r->per_unit = t->per_unit;
        t->job = timed_unit;
        t->ctx = r;
    } else {
        r->strange = r->jobs != NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        item(arg, i); /* the first does it all */
    r->first += units;
    r->at++;
}

static double clock_ns(void)
{
    const uint64_t start = infer__now_ns();
    for (int i = 0; i < 999; i++)
        (void)infer__now_ns();
    return (double)(infer__now_ns() - start) / 1000;
}

/* ---- what a plan's jobs are ------------------------------------------------------------------ */

/* Jobs that the pool is given for a step: those of one unit are done at once. */
static uint32_t jobs_of(const struct infer__step *s, uint32_t units[2])
{
    const uint32_t parts[2] = {s->need.barrier, s->need.units - s->need.barrier};
    uint32_t n = 0;
    for (int i = 0; i < 2 && !s->serial; i++)
        if (parts[i] > 1) {
            const uint32_t per_unit = parts[i] / UNIT_MAX + 1;
            units[n++] = (parts[i] + per_unit - 1) / per_unit;
        }
    return n;
}

/* Whether a part of it is one unit that waits for nobody's help. */
static int has_single(const struct infer__step *s)
{
    return s->serial || s->need.barrier == 1 || s->need.units - s->need.barrier == 1;
}

static double operand_bytes(const struct infer__operand *o)
{
    return o->type
               ? (double)infer__operand_elements(o) * (double)infer_type_size((infer_type)o->type)
               : 0;
}

static double weight_bytes(const struct infer__step *s)
{
    double bytes = (double)infer__bytes_count(s->need.packed_bytes);
    for (uint32_t k = 0; k < s->task.nin && bytes <= 0; k++)
        bytes += s->task.in[k].is_const ? operand_bytes(&s->task.in[k]) : 0;
    return bytes;
}

/* Inputs that one thread would have found in its own second-level cache, while of many threads'
 * others have written them; larger ones come from behind that cache in either case. */
static double moved_bytes(const struct infer__step *s, const struct scaling_machine *m)
{
    double in = 0, all = weight_bytes(s);
    for (uint32_t k = 0; k < s->task.nin; k++)
        in += s->task.in[k].is_const ? 0 : operand_bytes(&s->task.in[k]);
    for (uint32_t k = 0; k < s->task.nout; k++)
        all += operand_bytes(&s->task.out[k]);
    return in + all <= m->l2_bytes ? in : 0;
}

static int out_of_memory(void)
{
    fprintf(stderr, "infer-bench: no memory\n");
    return BENCH_RESOURCES;
}

static int list_jobs(struct trial *t)
{
    const struct infer__plan *plan = &t->plan->session->program->plan;
    uint32_t units[2], n = 0;
    t->plan->nsteps = plan->nsteps;
    t->plan->steps = calloc(plan->nsteps + 1, sizeof *t->plan->steps);
    t->jobs = calloc(2 * (size_t)plan->nsteps + 1, sizeof *t->jobs);
    if (!t->plan->steps || !t->jobs)
        return out_of_memory();
    for (uint32_t i = 0; i < plan->nsteps; i++) {
        struct scaling_work *w = &t->plan->steps[i].work;
        w->jobs = t->jobs + n;
        w->njobs = jobs_of(&plan->steps[i], units);
        for (uint32_t k = 0; k < w->njobs; k++) {
            t->jobs[n++].units = units[k];
            t->nunits += units[k];
        }
    }
    t->recorder.njobs = n;
    t->unit_ns = calloc(t->nunits + 1, sizeof *t->unit_ns);
    t->samples = calloc((t->nunits + plan->nsteps) * MOST_SAMPLES + 1, sizeof *t->samples);
    t->runs = calloc(MOST_SAMPLES, sizeof *t->runs);
    t->before = calloc(plan->nsteps + 1, sizeof *t->before);
    if (!t->unit_ns || !t->samples || !t->runs || !t->before)
        return out_of_memory();
    size_t at = 0;
    for (uint32_t k = 0; k < n; at += t->jobs[k++].units)
        t->jobs[k].ns = t->unit_ns + at;
    t->plan->memory = t->jobs;
    return 0;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static int make_cut(struct trial *t)
{
    struct bench *b = t->bench;
    infer_session_options o = b->options;
    infer_pool_options pool = INFER_POOL_OPTIONS_INIT;
    infer_error err;
    pool.threads = t->plan->threads;
    pool.executor = (infer_executor){&t->recorder, run_items};
    o.threads = 0;
    o.profile = 1;
    if (infer_pool_create(&pool, &t->plan->pool, &err) != INFER_OK)
        return bench_fail("pool", &err);
    o.pool = t->plan->pool;
    if (infer_session_create(b->model, &o, &t->plan->session, &err) != INFER_OK)
        return bench_fail(b->path, &err);
    const struct infer__plan *plan = &t->plan->session->program->plan;
    if (plan->control || plan->now || plan->images > 1)
        return bench_usage("--plan-scaling is for plans of one image whose sizes are known, not",
                           b->path);
    infer_session_memory memory = INFER_SESSION_MEMORY_INIT;
    infer_session_memory_use(t->plan->session, &memory, NULL);
    t->plan->packed_bytes = memory.packed_bytes;
    return list_jobs(t);
}

static int make_real(struct trial *t)
{
    infer_session_options o = t->bench->options;
    infer_error err;
    if (t->plan->threads > infer__cpu_count())
        return 0;
    o.threads = t->plan->threads;
    o.profile = 0;
    return infer_session_create(t->bench->model, &o, &t->real, &err) == INFER_OK
               ? 0
               : bench_fail(t->bench->path, &err);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static int run_on(struct bench *b, infer_session *session, double *ms)
{
    infer_session *own = b->session;
    b->session = session;
    int status = bench_run_once(b, ms);
    b->session = own;
    return status;
}

/* A run of the cut session; its times go to `units`, and those of its steps behind them. */
static int run_cut(struct trial *t, float *units)
{
    const struct infer__plan *plan = &t->plan->session->program->plan;
    float *steps = units + t->nunits;
    double ms;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        t->before[i] = plan->steps[i].ns;
    t->recorder.jobs = t->jobs;
    t->recorder.at = 0;
    t->recorder.first = 0;
    t->recorder.ns = units;
    int status = run_on(t->bench, t->plan->session, &ms);
    t->recorder.jobs = NULL;
    for (uint32_t i = 0; i < plan->nsteps; i++)
        steps[i] = (float)(plan->steps[i].ns - t->before[i]);
    if (!status && t->plan->threads > 1 &&
        (t->recorder.strange || t->recorder.at != t->recorder.njobs)) {
        fprintf(stderr, "infer-bench: the jobs of a run were not those of its plan\n");
        status = BENCH_RESOURCES;
    }
    return status;
}

/* Both sessions in turn, each behind a run that is not measured. */
static int measure(struct trial *t, double ms)
{
    const size_t row = t->nunits + t->plan->nsteps;
    const double start = bench_now_ms();
    double run = 0;
    int status = 0;
    while (!status && t->nsamples < MOST_SAMPLES &&
           (t->nsamples < LEAST_SAMPLES || bench_now_ms() - start < ms)) {
        float *to = t->samples + row * t->nsamples;
        status = run_cut(t, to);
        status = status ? status : run_cut(t, to);
        for (int i = 0; !status && t->real && i < 2; i++)
            status = run_on(t->bench, t->real, &run);
        t->runs[t->nsamples++] = run * 1e6;
    }
    return status;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double lower_quartile(double *v, uint32_t n)
{
    qsort(v, n, sizeof *v, ascending);
    return v[n / 4];
}

/* Of column `at` of all samples, without what reading the clock takes. */
static double column(const struct trial *t, size_t at, double clock)
{
    double v[MOST_SAMPLES];
    for (uint32_t i = 0; i < t->nsamples; i++)
        v[i] = (double)t->samples[(t->nunits + t->plan->nsteps) * i + at];
    double ns = lower_quartile(v, t->nsamples) - clock;
    return ns > 0 ? ns : 0;
}

/* What no unit of a job accounts for, of a step that has such a part. */
static double single_ns(const struct trial *t, uint32_t step, size_t first, size_t units,
                        double clock)
{
    double v[MOST_SAMPLES];
    for (uint32_t i = 0; i < t->nsamples; i++) {
        const float *row = t->samples + (t->nunits + t->plan->nsteps) * i;
        v[i] = (double)row[t->nunits + step] - clock * (double)(units + 1);
        for (size_t u = first; u < first + units; u++)
            v[i] -= (double)row[u];
    }
    double ns = lower_quartile(v, t->nsamples);
    return ns > 0 ? ns : 0;
}

static void conclude(struct trial *t)
{
    struct scaling_plan *p = t->plan;
    const struct infer__plan *plan = &p->session->program->plan;
    const double clock = clock_ns();
    double all = (double)plan->arena_bytes;
    size_t first = 0;
    for (size_t u = 0; u < t->nunits; u++)
        t->unit_ns[u] = column(t, u, clock);
    for (uint32_t i = 0; i < p->nsteps; i++)
        all += weight_bytes(&plan->steps[i]);
    for (uint32_t i = 0; i < p->nsteps; i++) {
        struct scaling_step *s = &p->steps[i];
        size_t units = 0;
        for (uint32_t k = 0; k < s->work.njobs; k++)
            units += s->work.jobs[k].units;
        infer_step_info_init(&s->info, sizeof s->info);
        infer_session_step(p->session, i, &s->info, NULL);
        if (p->threads == 1 || has_single(&plan->steps[i]))
            s->work.serial_ns = single_ns(t, i, first, units, clock);
        s->work.weight_bytes = all > t->machine->l3_bytes ? weight_bytes(&plan->steps[i]) : 0;
        s->work.moved_bytes = moved_bytes(&plan->steps[i], t->machine);
        s->bound = scaling_bound_of(t->machine, &s->work, p->threads);
        scaling_add(&p->sum, &s->bound);
        first += units;
    }
    if (t->real) {
        qsort(t->runs, t->nsamples, sizeof *t->runs, ascending);
        p->measured_ns =
            t->runs[t->nsamples / 10]; /* others' work disturbs threads together more */
    }
}

static int try_threads(struct bench *b, const struct scaling_machine *m, struct scaling_plan *p)
{
    struct trial t = {.bench = b, .plan = p, .machine = m};
    const double share = b->seconds * 1e3 / (double)b->nplans;
    int status = make_cut(&t);
    status = status ? status : make_real(&t);
    status = status ? status : measure(&t, share);
    if (!status)
        conclude(&t);
    infer_session_free(&t.real);
    free(t.samples);
    free(t.runs);
    free(t.before);
    free(t.unit_ns);
    if (!p->memory)
        free(t.jobs);
    for (uint32_t i = 0; p->memory && i < t.recorder.njobs; i++)
        t.jobs[i].ns = NULL; /* freed; how many there were stays */
    return status;
}

/* The times of each step with one thread, for the speed-up of each. */
static void compare_steps(struct scaling_plan *plans, size_t n)
{
    for (size_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < plans[k].nsteps && i < plans[0].nsteps; i++)
            plans[k].steps[i].alone_ns = plans[0].steps[i].bound.total_ns;
}

static void release(struct scaling_plan *plans, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        infer_session_free(&plans[k].session);
        infer_pool_free(&plans[k].pool);
        free(plans[k].steps);
        free(plans[k].memory);
    }
    free(plans);
}

int bench_plan_scaling(struct bench *b)
{
    struct scaling_machine m;
    struct scaling_plan *plans = calloc(b->nplans, sizeof *plans);
    int status = plans ? 0 : out_of_memory();
    if (!status)
        scaling_machine_measure(&m, b);
    for (size_t k = 0; !status && k < b->nplans; k++) {
        plans[k].threads = b->plans[k];
        status = try_threads(b, &m, &plans[k]);
    }
    if (!status) {
        compare_steps(plans, b->nplans);
        scaling_report(b, &m, plans, b->nplans);
    }
    if (plans)
        release(plans, b->nplans);
    return status;
}
