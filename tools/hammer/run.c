/* infer hammer: threads that send, and one that watches. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/hammer/worker.h"
#include "tools/progress.h"

enum { SPARE_FILES = 64, WATCH_MS = 20, BAR_MS = 200 };

static volatile sig_atomic_t stop;

static void on_interrupt(int number)
{
    (void)number;
    stop = 1;
}

static int out_of_memory(void)
{
    fputs("infer: no memory for the load generator\n", stderr);
    return CLI_RESOURCES;
}

/* ---- workers -------------------------------------------------------------------------------- */

struct crew {
    const struct hammer_plan *plan;
    struct worker workers[HAMMER_MOST_THREADS];
    pthread_t threads[HAMMER_MOST_THREADS];
    long started;
    int64_t zero_ns;
    atomic_uint_fast64_t taken, ended;
    atomic_long running;
};

struct start {
    struct crew *crew;
    struct worker *worker;
};

/* Connections need descriptors: up to the hard limit they may be had for the asking. */
static int allow_files(long connections)
{
    struct rlimit l;
    const rlim_t needed = (rlim_t)connections + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= needed)
        return CLI_OK;
    l.rlim_cur = needed < l.rlim_max ? needed : l.rlim_max;
    if (l.rlim_cur == needed && setrlimit(RLIMIT_NOFILE, &l) == 0)
        return CLI_OK;
    fprintf(stderr, "infer: --connections %ld: the system allows %llu files (ulimit -n)\n",
            connections, (unsigned long long)l.rlim_max);
    return CLI_RESOURCES;
}

static int worker_init(struct crew *crew, int number)
{
    const struct hammer_plan *p = crew->plan;
    struct worker *w = &crew->workers[number];
    *w = (struct worker){.plan = p, .number = number, .taken = &crew->taken};
    w->ended = &crew->ended;
    w->stop = &stop;
    w->zero_ns = crew->zero_ns;
    w->most = p->connections / p->threads + (number < p->connections % p->threads);
    w->poll = epoll_create1(EPOLL_CLOEXEC);
    w->all = calloc((size_t)w->most, sizeof(struct connection *));
    w->buffer = malloc(WORKER_BUFFER);
    const size_t records = p->records_most / (size_t)p->threads;
    return w->poll >= 0 && w->all && w->buffer && stats_init(&w->stats, p->schedule.count, records);
}

static void worker_free(struct worker *w)
{
    if (w->all)
        connections_free(w);
    if (w->poll >= 0)
        close(w->poll);
    free(w->all);
    free(w->buffer);
    free(w->queue.jobs);
    stats_free(&w->stats);
}

static void *work(void *argument)
{
    struct start *start = argument;
    struct crew *crew = start->crew;
    worker_run(start->worker);
    free(start);
    atomic_fetch_sub(&crew->running, 1);
    return NULL;
}

static int crew_start(struct crew *crew)
{
    const long n = crew->plan->threads;
    for (int i = 0; i < n; i++)
        if (!worker_init(crew, i))
            return out_of_memory();
    for (long i = 0; i < n; i++) {
        struct start *s = malloc(sizeof *s);
        if (!s)
            return out_of_memory();
        *s = (struct start){crew, &crew->workers[i]};
        atomic_fetch_add(&crew->running, 1);
        const int wrong = pthread_create(&crew->threads[i], NULL, work, s);
        if (wrong) {
            atomic_fetch_sub(&crew->running, 1);
            free(s);
            fprintf(stderr, "infer: a thread can't be started: %s\n", strerror(wrong));
            return CLI_RESOURCES;
        }
        crew->started++;
    }
    return CLI_OK;
}

/* ---- watching ------------------------------------------------------------------------------- */

static double seconds_since(int64_t zero_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9 - (double)zero_ns * 1e-9;
}

static void show(const struct crew *crew, double start_ms, double now_s)
{
    const struct schedule *s = &crew->plan->schedule;
    const struct schedule_step *step = s->steps + schedule_step_at(s, now_s);
    const uint64_t ended = atomic_load_explicit(&crew->ended, memory_order_relaxed);
    char what[64];
    double part = now_s / schedule_seconds(s);
    if (s->most && (double)ended / (double)s->most > part)
        part = (double)ended / (double)s->most;
    if (crew->plan->closed)
        snprintf(what, sizeof what, "%llu answers%s", (unsigned long long)ended,
                 step->warmup ? ", warming up" : "");
    else
        snprintf(what, sizeof what, "%llu answers, %.6g/s due%s", (unsigned long long)ended,
                 step->rate, step->warmup ? ", warming up" : "");
    progress_show(start_ms, what, part);
}

/* Reads clocks of CPUs at each step's beginning, until the workers have ended. */
static void watch(struct crew *crew, struct hammer_result *r)
{
    const struct hammer_plan *p = crew->plan;
    const struct schedule *s = &p->schedule;
    const double start_ms = cli_now_ms();
    double shown_ms = 0;
    int next = 1;
    r->usage[0] = usage_now(p->servers, p->nservers);
    while (atomic_load(&crew->running)) {
        const double now = seconds_since(crew->zero_ns);
        double wait = WATCH_MS * 1e-3;
        for (; next < s->count && now >= s->steps[next].begin_s; next++)
            r->usage[next] = usage_now(p->servers, p->nservers);
        if (next < s->count && s->steps[next].begin_s - now < wait)
            wait = s->steps[next].begin_s - now;
        if (p->progress && cli_now_ms() - shown_ms > BAR_MS) {
            shown_ms = cli_now_ms();
            show(crew, start_ms, now);
        }
        const struct timespec t = {.tv_nsec = (long)(wait > 0 ? wait * 1e9 : 0)};
        nanosleep(&t, NULL);
    }
    r->ended_s = seconds_since(crew->zero_ns);
    for (; next <= s->count; next++)
        r->usage[next] = usage_now(p->servers, p->nservers);
    if (p->progress)
        progress_wipe();
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int gather(struct crew *crew, struct hammer_result *r)
{
    int status = CLI_OK;
    for (int i = 0; i < crew->plan->threads; i++) {
        const struct worker *w = &crew->workers[i];
        if (w->no_memory || !stats_merge(&r->stats, &w->stats))
            status = CLI_RESOURCES;
        if (w->trouble[0])
            memcpy(r->trouble, w->trouble, sizeof r->trouble);
    }
    return status == CLI_OK ? CLI_OK : out_of_memory();
}

static int run_crew(struct crew *crew, struct hammer_result *r)
{
    int status = crew_start(crew);
    if (status == CLI_OK)
        watch(crew, r);
    else
        stop = 1;
    for (long i = 0; i < crew->started; i++)
        pthread_join(crew->threads[i], NULL);
    if (status == CLI_OK)
        status = gather(crew, r);
    for (long i = 0; i < crew->plan->threads; i++)
        worker_free(&crew->workers[i]);
    return status;
}

static int run_ideal(const struct hammer_plan *plan, struct hammer_result *r)
{
    if (!plan->ideal.count)
        return CLI_OK;
    r->ideal = calloc((size_t)plan->schedule.count, sizeof *r->ideal);
    if (!r->ideal)
        return out_of_memory();
    ideal_run(&plan->ideal, &plan->schedule, r->ideal);
    return CLI_OK;
}

int hammer_run(const struct hammer_plan *plan, struct hammer_result *r)
{
    struct sigaction before, interrupt = {.sa_handler = on_interrupt};
    struct timespec t;
    memset(r, 0, sizeof *r);
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew || !stats_init(&r->stats, plan->schedule.count, plan->records_most)) {
        free(crew);
        return out_of_memory();
    }
    for (int i = 0; i < HAMMER_MOST_THREADS; i++)
        crew->workers[i].poll = -1;
    crew->plan = plan;
    stop = 0;
    int status = allow_files(plan->connections);
    sigaction(SIGINT, &interrupt, &before);
    clock_gettime(CLOCK_MONOTONIC, &t);
    crew->zero_ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    if (status == CLI_OK)
        status = run_crew(crew, r);
    sigaction(SIGINT, &before, NULL);
    free(crew);
    r->stopped_early = status == CLI_OK && stop;
    return status == CLI_OK ? run_ideal(plan, r) : status;
}

void hammer_result_free(struct hammer_result *r)
{
    stats_free(&r->stats);
    free(r->ideal);
    r->ideal = NULL;
}

uint64_t hammer_failures(const struct step_stats *s, const int *expected, int nexpected)
{
    uint64_t failures = 0;
    for (int i = 0; i < s->count; i++) {
        int good = nexpected == 0 && outcome_accepted(s->outcomes[i]->kind);
        for (int k = 0; k < nexpected; k++)
            good |= expected[k] == s->outcomes[i]->kind;
        failures += good ? 0 : s->outcomes[i]->response.count;
    }
    return failures;
}
