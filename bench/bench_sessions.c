/* infer-bench --sessions N: 1, 2, 4 ... N sessions on one pool, each run again and again by a
 * thread of its own. What counts is how many runs all of them end in a second, and that threads
 * take no processor time where nothing runs. The numbers of sessions are measured in turn, several
 * times. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"

enum { MOST_LEVELS = 16, ROUNDS = 5, REST_MS = 300 };

struct field;
struct bench_caller {
    struct field *field;
    infer_session *session;
    infer_tensor *outputs;
    pthread_t thread;
    uint64_t runs; /* in this round */
    infer_error err;
};

/* Where all take place. */
struct field {
    struct bench *bench;
    infer_pool *pool;
    struct bench_caller *callers;
    uint32_t sessions;
    _Atomic int over;
};

struct bench_level {
    uint32_t sessions;
    double runs_per_s[ROUNDS], cpus[ROUNDS];
};

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int out_of(const char *what)
{
    fprintf(stderr, "infer-bench: no %s\n", what);
    return BENCH_RESOURCES;
}

static void *run_until_over(void *arg)
{
    struct bench_caller *c = arg;
    const struct bench *b = c->field->bench;
    while (!c->field->over && c->err.status == INFER_OK) {
        memset(c->outputs, 0, b->noutputs * sizeof *c->outputs);
        if (infer_run(c->session, b->inputs, b->ninputs, c->outputs, b->noutputs, &c->err) ==
            INFER_OK)
            c->runs++;
    }
    return NULL;
}

/* Time is taken until the last run has ended. */
static int run_round(struct field *f, struct bench_level *level, int round, double ms)
{
    uint64_t runs = 0;
    uint32_t started = 0;
    int status = 0;
    f->over = 0;
    double start = bench_now_ms(), cpu = cpu_ms();
    while (!status && started < level->sessions) {
        struct bench_caller *c = &f->callers[started];
        c->runs = 0;
        if (pthread_create(&c->thread, NULL, run_until_over, c))
            status = out_of("thread");
        else
            started++;
    }
    bench_sleep_ms(ms);
    f->over = 1;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(f->callers[i].thread, NULL);
        runs += f->callers[i].runs;
        if (f->callers[i].err.status != INFER_OK)
            status = bench_fail(f->bench->path, &f->callers[i].err);
    }
    double took = bench_now_ms() - start;
    level->runs_per_s[round] = (double)runs * 1e3 / took;
    level->cpus[round] = (cpu_ms() - cpu) / took;
    return status;
}

/* ---- making them ---------------------------------------------------------------------------- */

static int make_callers(struct field *f)
{
    struct bench *b = f->bench;
    infer_error err;
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    o.threads = b->options.threads;
    if (infer_pool_create(&o, &f->pool, &err) != INFER_OK)
        return bench_fail("pool", &err);
    b->options.pool = f->pool;
    f->callers = calloc(f->sessions, sizeof *f->callers);
    for (uint32_t i = 0; f->callers && i < f->sessions; i++) {
        struct bench_caller *c = &f->callers[i];
        c->field = f;
        c->outputs = calloc(b->noutputs + 1, sizeof *c->outputs);
        if (!c->outputs)
            return out_of("memory");
        if (infer_session_create(b->model, &b->options, &c->session, &c->err) != INFER_OK)
            return bench_fail(b->path, &c->err);
    }
    return f->callers ? 0 : out_of("memory");
}

static void free_callers(struct field *f)
{
    for (uint32_t i = 0; f->callers && i < f->sessions; i++) {
        infer_session_free(&f->callers[i].session);
        free(f->callers[i].outputs);
    }
    free(f->callers);
    infer_pool_free(&f->pool);
}

/* ---- the report ----------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_size);
    return v[ROUNDS / 2];
}

static void report(const struct bench *b, struct bench_level *levels, int n, double idle)
{
    double one = 0;
    if (b->json)
        printf("{\"model\": "), bench_print_string(stdout, b->path), printf(", \"levels\": [");
    else
        printf("sessions  runs/s  over one  CPUs busy\n");
    for (int i = 0; i < n; i++) {
        double rate = median(levels[i].runs_per_s), cpus = median(levels[i].cpus);
        one = i ? one : rate;
        if (b->json)
            printf("%s{\"sessions\": %u, \"runs_per_s\": %.3f, \"over_one\": %.4f, \"cpus\": %.3f}",
                   i ? ", " : "", levels[i].sessions, rate, rate / one, cpus);
        else
            printf("%8u %7.1f %9.2f %10.2f\n", levels[i].sessions, rate, rate / one, cpus);
    }
    if (b->json)
        printf("], \"idle_cpus\": %.5f}\n", idle);
    else
        printf("at rest: %.3f CPUs busy\n", idle);
}

/* 1, 2, 4 ... and as many as there are. */
static int make_levels(struct bench_level *levels, uint32_t sessions)
{
    int n = 0;
    for (uint32_t s = 1; s < sessions; s *= 2)
        levels[n++].sessions = s;
    levels[n++].sessions = sessions;
    return n;
}

static int measure(struct field *f)
{
    struct bench_level levels[MOST_LEVELS], warm = {.sessions = f->sessions};
    const double ms = f->bench->seconds * 1e3 / ROUNDS;
    int n = make_levels(levels, f->sessions), status = run_round(f, &warm, 0, ms);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; !status && i < n; i++)
            status = run_round(f, &levels[i], round, ms);
    if (status)
        return status;
    bench_sleep_ms(10); /* workers fall asleep */
    double cpu = cpu_ms(), start = bench_now_ms();
    bench_sleep_ms(REST_MS);
    report(f->bench, levels, n, (cpu_ms() - cpu) / (bench_now_ms() - start));
    return 0;
}

int bench_sessions(struct bench *b)
{
    struct field f = {.bench = b, .sessions = b->sessions};
    int status = make_callers(&f);
    if (!status)
        status = measure(&f);
    free_callers(&f);
    b->options.pool = NULL;
    return status;
}
