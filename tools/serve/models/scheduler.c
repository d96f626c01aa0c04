#include "tools/serve/models/scheduler.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Jobs that are run together at most. */
enum { MOST_JOBS = 64, MIDDLE_PRIORITY = 1000000 };

struct scheduler {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t *threads;
    int nthreads;
    int ending;
    int busy;               /* executors with a batch */
    struct version *active; /* those with jobs that wait */
    uint64_t least_virtual, busy_ns;
};

/* What an executor has taken. */
struct batch {
    struct version *version;
    struct version_session *session; /* NULL: to be made */
    struct job *jobs[MOST_JOBS];
    int count;
    int64_t images; /* of the jobs as they were taken */
    int made;       /* the session is new */
    int wide;       /* there are threads to spare */
};

/* ---- queues, under the lock ----------------------------------------------------------------- */

static void activate(struct scheduler *s, struct version *v)
{
    if (v->active)
        return;
    v->active = 1;
    v->next_active = s->active;
    s->active = v;
    if (v->virtual_ns < s->least_virtual) /* what it did not use earlier is gone */
        v->virtual_ns = s->least_virtual;
}

static void deactivate(struct scheduler *s, struct version *v)
{
    struct version **at = &s->active;
    while (*at != v)
        at = &(*at)->next_active;
    *at = v->next_active;
    v->active = 0;
}

static int rank_of(const struct job *job)
{
    return job->priority > 0 ? job->priority : MIDDLE_PRIORITY;
}

/* Behind all that are as urgent. */
static void enqueue(struct version *v, struct job *job)
{
    struct job **at = &v->queue;
    if (v->queue_tail && rank_of(v->queue_tail) <= rank_of(job))
        at = &v->queue_tail->next;
    else
        while (*at && rank_of(*at) <= rank_of(job))
            at = &(*at)->next;
    job->next = *at;
    *at = job;
    if (!job->next)
        v->queue_tail = job;
    v->queued++;
    v->queued_images += job_images(job);
}

static int workers_of(const struct scheduler *s, const struct version *v)
{
    if (v->options.workers == VERSION_NO_WORKERS)
        return 1; /* for what waits already */
    return v->options.workers > 0 && v->options.workers < s->nthreads ? v->options.workers
                                                                      : s->nthreads;
}

/* The largest preferred size that the images which wait fill; 0: there is none. */
static int preferred_size(const struct version *v)
{
    int size = 0;
    for (int i = 0; i < VERSION_MOST_PREFERRED && v->options.preferred[i]; i++)
        if (v->options.preferred[i] <= v->queued_images && v->options.preferred[i] <= v->slo.batch)
            size = v->options.preferred[i];
    return size;
}

/* Images that a batch may have now. */
static int batch_limit(const struct version *v)
{
    const int preferred = preferred_size(v);
    return preferred ? preferred : v->slo.batch;
}

/* Takes what is at the head and fits together with the first. */
static void take_jobs(struct version *v, struct batch *b)
{
    const int limit = batch_limit(v);
    int64_t images = 0;
    b->count = 0;
    while (v->queue && b->count < MOST_JOBS) {
        struct job *job = v->queue;
        const int64_t n = job_images(job);
        if (b->count && (n > limit - images || !job_fits(b->jobs[0], job)))
            break;
        images += n;
        b->jobs[b->count++] = job;
        v->queue = job->next;
    }
    if (!v->queue)
        v->queue_tail = NULL;
    v->queued -= b->count;
    v->queued_images -= images;
    v->running_images += images;
    b->images = images;
}

/* When a version's batch is ready: 0 for now, UINT64_MAX while all its workers are busy. */
static uint64_t ready_at(const struct scheduler *s, const struct version *v)
{
    if (v->running >= workers_of(s, v))
        return UINT64_MAX;
    if (v->options.batch_delay_ns == 0 || v->slo.batch <= 1 || s->ending || v->closed)
        return 0;
    return v->queued_images >= v->slo.batch || preferred_size(v)
               ? 0
               : v->queue->queued_ns + v->options.batch_delay_ns;
}

/* The version that has used the least among those that are ready; else *wait becomes the time to
 * look again. */
static struct version *pick(struct scheduler *s, uint64_t *wait)
{
    const uint64_t now = s->active ? serve_now_ns() : 0;
    struct version *best = NULL;
    *wait = UINT64_MAX;
    for (struct version *v = s->active; v; v = v->next_active) {
        const uint64_t at = ready_at(s, v);
        if (at > now)
            *wait = at < *wait ? at : *wait;
        else if (!best || v->virtual_ns < best->virtual_ns)
            best = v;
    }
    return best;
}

/* The next batch; 0 when the scheduler ends. */
static int next_batch(struct scheduler *s, struct batch *b)
{
    for (;;) {
        uint64_t wait;
        struct version *v = pick(s, &wait);
        if (v) {
            s->least_virtual = v->virtual_ns;
            take_jobs(v, b);
            if (!v->queue)
                deactivate(s, v);
            v->running++;
            b->version = version_ref(v);
            b->session = v->idle;
            b->made = 0;
            s->busy++;
            b->wide = s->nthreads > 1 && s->busy * 2 <= s->nthreads;
            if (v->idle)
                v->idle = v->idle->next;
            return 1;
        }
        if (s->ending && !s->active)
            return 0;
        if (wait == UINT64_MAX) {
            pthread_cond_wait(&s->wake, &s->lock);
        } else {
            const struct timespec until = {(time_t)(wait / 1000000000u),
                                           (long)(wait % 1000000000u)};
            pthread_cond_timedwait(&s->wake, &s->lock, &until);
        }
    }
}

static void count_time(struct version_histogram *h, uint64_t ns)
{
    static const double bounds[] = VERSION_BOUNDS;
    int i = 0;
    while (i < VERSION_NBOUNDS && (double)ns > bounds[i] * 1e9)
        i++;
    h->count[i]++;
    h->sum_ns += ns;
}

static void count_job(struct version_counts *c, const struct job *job)
{
    const uint64_t all = job->ended_ns - job->queued_ns;
    c->last_ms = serve_wall_ms();
    c->failures[job->status]++;
    if (job->status != JOB_OK) {
        c->failure++;
        c->failure_ns += all;
        return;
    }
    c->success++;
    c->success_ns += all;
    c->images += (uint64_t)job_images(job);
    c->queue_ns += job->started_ns - job->queued_ns;
    c->input_ns += job->input_ns - job->started_ns;
    c->compute_ns += job->computed_ns - job->input_ns;
    c->output_ns += job->ended_ns - job->computed_ns;
    count_time(&c->request, all);
    count_time(&c->queue, job->started_ns - job->queued_ns);
    count_time(&c->compute, job->ended_ns - job->started_ns);
}

static void count_run(struct version *v, const struct batch *b, uint64_t ns)
{
    struct version_counts *c = &v->counts;
    int64_t images = 0;
    for (int i = 0; i < b->count; i++)
        images += job_images(b->jobs[i]);
    const int most = (int)(sizeof c->batch_runs / sizeof *c->batch_runs) - 1;
    const int at = images > most ? most : (int)images;
    c->runs++;
    const struct job *first = b->jobs[0]; /* its times are those of all */
    c->batch_runs[at]++;
    c->batch_ns[at] += ns;
    if (first->status == JOB_OK) {
        c->batch_input_ns[at] += first->input_ns - first->started_ns;
        c->batch_output_ns[at] += first->ended_ns - first->computed_ns;
    }
    slo_ran(&v->slo, ns, images);
}

/* ---- executors ------------------------------------------------------------------------------ */

/* Ends jobs that are too late or that nobody waits for, before they cost anything. */
static void drop_stale(struct batch *b, struct job **dropped, int *ndropped)
{
    int kept = 0;
    *ndropped = 0;
    for (int i = 0; i < b->count; i++) {
        struct job *job = b->jobs[i];
        const uint64_t now = serve_now_ns();
        job->started_ns = job->input_ns = job->computed_ns = now;
        if (atomic_load(&job->cancelled) || (job->is_gone && job->is_gone(job->client)))
            job_fail(job, JOB_CANCELLED, "the request was cancelled");
        else if ((job->deadline_ns && now >= job->deadline_ns) ||
                 (job->start_by_ns && now >= job->start_by_ns))
            job_fail(job, JOB_LATE, "Request timeout expired");
        if (job->status == JOB_OK)
            b->jobs[kept++] = job;
        else
            dropped[(*ndropped)++] = job;
    }
    b->count = kept;
}

static void run_batch(struct batch *b)
{
    infer_error err;
    if (!b->session) {
        b->session = version_session_new(b->version, &err);
        b->made = b->session != NULL;
    }
    if (b->session)
        version_run(b->version, version_session_use(b->version, b->session, b->wide), b->jobs,
                    b->count);
    else
        for (int i = 0; i < b->count; i++)
            job_fail(b->jobs[i], JOB_FAILED, "%s", err.message);
}

/* Gives back what the batch used and counts it. */
static void settle(struct scheduler *s, struct batch *b, struct job **dropped, int ndropped,
                   uint64_t ns)
{
    struct version *v = b->version;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < ndropped; i++)
        count_job(&v->counts, dropped[i]);
    for (int i = 0; i < b->count; i++) {
        count_job(&v->counts, b->jobs[i]);
        slo_ended(&v->slo, b->jobs[i]->ended_ns - b->jobs[i]->queued_ns);
    }
    if (b->count)
        count_run(v, b, ns);
    if (b->session) {
        b->session->next = v->idle;
        v->idle = b->session;
        v->sessions += b->made;
    }
    v->virtual_ns += ns;
    s->busy_ns += ns;
    v->running--;
    s->busy--;
    v->running_images -= b->images;
    if (s->active)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void *executor(void *arg)
{
    struct scheduler *s = arg;
    struct batch b;
    struct job *dropped[MOST_JOBS];
    int ndropped;
    pthread_mutex_lock(&s->lock);
    while (next_batch(s, &b)) {
        if (s->active)
            pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        drop_stale(&b, dropped, &ndropped);
        const uint64_t begun = serve_now_ns();
        if (b.count)
            run_batch(&b);
        const uint64_t ended = serve_now_ns();
        for (int i = 0; i < b.count; i++)
            b.jobs[i]->ended_ns = ended;
        for (int i = 0; i < ndropped; i++)
            dropped[i]->ended_ns = ended;
        settle(s, &b, dropped, ndropped, ended - begun);
        for (int i = 0; i < ndropped; i++)
            dropped[i]->done(dropped[i], dropped[i]->ctx);
        for (int i = 0; i < b.count; i++)
            b.jobs[i]->done(b.jobs[i], b.jobs[i]->ctx);
        version_unref(b.version);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- what others call ----------------------------------------------------------------------- */

struct scheduler *scheduler_begin(int executors)
{
    struct scheduler *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    if (!s)
        return NULL;
    s->threads = calloc((size_t)executors, sizeof *s->threads);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_lock(&s->lock);
    while (s->threads && s->nthreads < executors &&
           pthread_create(&s->threads[s->nthreads], NULL, executor, s) == 0)
        s->nthreads++;
    pthread_mutex_unlock(&s->lock);
    if (s->nthreads == executors)
        return s;
    scheduler_free(s);
    return NULL;
}

void scheduler_end(struct scheduler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->ending = 1;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->nthreads; i++)
        pthread_join(s->threads[i], NULL);
    s->nthreads = 0;
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    scheduler_end(s);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->threads);
    free(s);
}

void scheduler_submit(struct scheduler *s, struct job *job)
{
    struct version *v = job->version;
    job->queued_ns = job->started_ns = job->input_ns = job->computed_ns = serve_now_ns();
    if (!job->deadline_ns && v->options.timeout_ns)
        job->deadline_ns = job->queued_ns + v->options.timeout_ns;
    pthread_mutex_lock(&s->lock);
    if (v->closed || s->ending)
        job_fail(job, JOB_UNLOADED, "the model is being unloaded");
    else if (v->options.workers == VERSION_NO_WORKERS)
        job_fail(job, JOB_QUEUE_FULL, "the model has no workers");
    else if (v->queued >= v->options.max_queue)
        job_fail(job, JOB_QUEUE_FULL, "Exceeds maximum queue size");
    else if (!slo_admits(&v->slo, v->queued_images, v->running_images, workers_of(s, v),
                         job_images(job)))
        job_fail(job, JOB_QUEUE_FULL, "it would take longer than the goal for latency");
    if (job->status == JOB_OK) {
        enqueue(v, job);
        activate(s, v);
        pthread_cond_signal(&s->wake);
    } else {
        job->ended_ns = job->queued_ns;
        count_job(&v->counts, job);
    }
    const int refused = job->status != JOB_OK;
    pthread_mutex_unlock(&s->lock);
    if (refused)
        job->done(job, job->ctx);
}

void scheduler_close(struct scheduler *s, struct version *v)
{
    pthread_mutex_lock(&s->lock);
    v->closed = 1;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void scheduler_scale(struct scheduler *s, struct version *v, int workers)
{
    struct version_session *spare = NULL;
    pthread_mutex_lock(&s->lock);
    v->options.workers = workers > 0 ? workers : VERSION_NO_WORKERS;
    int kept = workers > v->running ? workers - v->running : 0;
    struct version_session **at = &v->idle;
    for (; *at && kept > 0; kept--)
        at = &(*at)->next;
    spare = *at;
    *at = NULL;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
    version_sessions_free(spare);
}

int scheduler_workers(struct scheduler *s, struct version *v)
{
    pthread_mutex_lock(&s->lock);
    const int workers = v->options.workers == VERSION_NO_WORKERS ? 0 : workers_of(s, v);
    pthread_mutex_unlock(&s->lock);
    return workers;
}

uint64_t scheduler_memory(struct scheduler *s, struct version *v)
{
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    infer_error err;
    pthread_mutex_lock(&s->lock);
    if (v->idle && infer_session_memory_use(v->idle->session, &use, &err) == INFER_OK)
        v->session_bytes = use.arena_bytes + use.output_bytes + use.plan_bytes;
    const uint64_t bytes = v->session_bytes;
    pthread_mutex_unlock(&s->lock);
    return bytes;
}

void scheduler_counts(struct scheduler *s, struct version *v, struct version_counts *counts,
                      int *queued, int *running)
{
    pthread_mutex_lock(&s->lock);
    *counts = v->counts;
    counts->slo_held_ns = v->slo.held_ns;
    counts->slo_allowed_ns = v->slo.allowed_ns;
    counts->slo_batch = v->slo.batch;
    counts->sessions = v->sessions;
    *queued = v->queued;
    *running = v->running;
    pthread_mutex_unlock(&s->lock);
}

uint64_t scheduler_busy_ns(struct scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    const uint64_t ns = s->busy_ns;
    pthread_mutex_unlock(&s->lock);
    return ns;
}
