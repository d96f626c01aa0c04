/* R22: 16 threads at 8 sessions of three networks on one pool, which some run, others start, and
 * all cancel and reshape: what succeeds has the bits of a run alone, whatever else goes on. Under
 * ThreadSanitizer too, as r22_many_threads.c says. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/reliability/nets.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

enum { THREADS = 16, SESSIONS = 8, POOL = 12 };

static struct check check = {.title = WATCHED ? "R22 one pool, watched" : "R22 one pool"};

/* A session, and what a run of it gives alone. */
struct subject {
    struct net_run run;
    infer_tensor out[NET_TENSORS]; /* shapes */
    size_t nout;
    uint64_t want;
    infer_input_spec spec; /* of its input */
};

struct shared {
    struct subject subjects[SESSIONS];
    uint64_t turns;
    _Atomic uint64_t good, busy, cancelled, late, other_shape, reshaped, bad;
};

/* Memory for outputs of one thread's runs of one session: what a busy session lends is another's.
 */
struct answer {
    infer_tensor out[NET_TENSORS];
    infer_status status;
    sem_t over;
};

struct worker {
    struct shared *shared;
    uint32_t number;
    struct answer answers[SESSIONS];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void done(void *ctx, infer_status status, const infer_error *err)
{
    struct answer *a = ctx;
    a->status = err->status == status ? status : INFER_ERROR_INTERNAL;
    sem_post(&a->over);
}

/* One run, in one of the ways that there are. */
static infer_status run(const struct subject *s, struct answer *a, uint32_t how, infer_error *err)
{
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    if (how % 8 == 7)
        o.deadline_ns = now_ns() + how % 5 * 50000;
    if (how % 2)
        return infer_run_with(s->run.session, &o, &s->run.in, 1, a->out, s->nout, err);
    infer_status status =
        infer_run_start(s->run.session, &o, &s->run.in, 1, a->out, s->nout, done, a, err);
    if (status != INFER_OK)
        return status;
    while (sem_wait(&a->over))
        continue;
    return a->status;
}

static void count(struct shared *shared, const struct subject *s, const struct answer *a,
                  infer_status status)
{
    if (status == INFER_OK) {
        uint64_t bits = 1;
        for (size_t i = 0; i < s->nout; i++)
            bits = bits * 31 + infer__checksum(a->out[i].data, a->out[i].bytes);
        shared->good++;
        shared->bad += bits != s->want;
    } else if (status == INFER_ERROR_BUSY) {
        shared->busy++;
    } else if (status == INFER_ERROR_CANCELLED) {
        shared->cancelled++;
    } else if (status == INFER_ERROR_DEADLINE) {
        shared->late++;
    } else if (status == INFER_ERROR_SHAPE) {
        shared->other_shape++; /* another thread has given it a batch of two for a moment */
    } else {
        shared->bad++;
    }
}

/* A batch of two, where the network takes one, and back. */
static void reshape_twice(struct shared *shared, const struct subject *s)
{
    for (int64_t batch = 2; batch >= 1; batch--) {
        infer_input_spec spec = s->spec;
        infer_error err;
        infer_status status;
        spec.dims[0] = batch;
        do
            status = infer_session_reshape(s->run.session, &spec, 1, &err);
        while (status == INFER_ERROR_BUSY && !sched_yield());
        shared->reshaped += status == INFER_OK;
        shared->bad += status != INFER_OK && (batch == 1 || status != INFER_ERROR_SHAPE);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint32_t random = w->number * 2654435761u + 1;
    for (uint64_t turn = 0; turn < w->shared->turns; turn++) {
        infer_error err;
        random = random * 1664525u + 1013904223u;
        const uint32_t k = (random >> 8) % SESSIONS, how = random >> 16;
        const struct subject *s = &w->shared->subjects[k];
        if (how % 4 == 0)
            infer_session_cancel(s->run.session);
        else if (how % 16 == 3)
            reshape_twice(w->shared, s);
        else
            count(w->shared, s, &w->answers[k], run(s, &w->answers[k], how, &err));
    }
    return NULL;
}

/* ---- preparing ------------------------------------------------------------------------------ */

static void open_subject(struct subject *s, const infer_model *model, infer_pool *pool, uint32_t k)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    o.no_onednn = WATCHED;
    o.threads = 1;
    check_ok(net_run_open(&s->run, model, &o, 1 + k, &err), &err);
    s->want = net_run_bits(&s->run);
    net_run_close(&s->run);
    o.pool = pool;
    o.threads = k % 3 == 2 ? 3 : 0;
    check_ok(net_run_open(&s->run, model, &o, 1 + k, &err), &err);
    s->nout = infer_session_outputs(s->run.session);
    infer_value_info info = INFER_VALUE_INFO_INIT;
    check_ok(infer_session_input(s->run.session, 0, &info, &err), &err);
    s->spec = (infer_input_spec){.name = info.name, .rank = info.rank};
    memcpy(s->spec.dims, info.dims, sizeof info.dims);
    check_ok(infer_run(s->run.session, &s->run.in, 1, s->out, s->nout, &err), &err);
}

static void open_worker(struct worker *w, struct shared *shared, uint32_t number)
{
    w->shared = shared;
    w->number = number;
    for (int k = 0; k < SESSIONS; k++) {
        const struct subject *s = &shared->subjects[k];
        struct answer *a = &w->answers[k];
        assert_int_equal(sem_init(&a->over, 0, 0), 0);
        for (size_t i = 0; i < s->nout; i++) {
            a->out[i] = s->out[i];
            a->out[i].data = malloc(s->out[i].bytes);
            assert_non_null(a->out[i].data);
        }
    }
}

static void close_worker(struct worker *w)
{
    for (int k = 0; k < SESSIONS; k++) {
        for (size_t i = 0; i < w->shared->subjects[k].nout; i++)
            free(w->answers[k].out[i].data);
        sem_destroy(&w->answers[k].over);
    }
}

int main(void)
{
    static struct shared shared;
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];
    struct net_file files[NETS];
    infer_model *models[NETS];
    infer_pool *pool;
    infer_error err;
    infer_pool_options o = INFER_POOL_OPTIONS_INIT;
    int n = nets_open(files);
    o.threads = POOL;
    check_ok(infer_pool_create(&o, &pool, &err), &err);
    for (int i = 0; i < n; i++)
        check_ok(infer_load_memory(files[i].bytes, files[i].size, NULL, &models[i], &err), &err);
    for (uint32_t k = 0; k < SESSIONS; k++)
        open_subject(&shared.subjects[k], models[k % (uint32_t)n], pool, k);
    shared.turns = WATCHED ? check_scale(20, 200, 5000) : check_scale(200, 2000, 100000);
    for (uint32_t i = 0; i < THREADS; i++) {
        open_worker(&workers[i], &shared, i);
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int k = 0; k < SESSIONS; k++) /* afterwards all are as before */
        shared.bad += net_run_bits(&shared.subjects[k].run) != shared.subjects[k].want;
    for (int i = 0; i < THREADS; i++)
        close_worker(&workers[i]);
    for (int k = 0; k < SESSIONS; k++)
        net_run_close(&shared.subjects[k].run);
    for (int i = 0; i < n; i++)
        infer_model_free(&models[i]);
    infer_pool_free(&pool);
    nets_close(files);
    if (shared.bad)
        check_failed(&check, "%llu runs failed or differ", (unsigned long long)shared.bad);
    if (!shared.good || !shared.busy || !shared.cancelled || !shared.late || !shared.reshaped)
        check_failed(&check, "something never happened");
    return check_report(&check,
                        "%d threads at %d sessions of %d networks on a pool of %d: %llu runs the "
                        "same as alone, %llu cancelled, %llu too late, %llu refused, %llu reshapes",
                        THREADS, SESSIONS, n, POOL, (unsigned long long)shared.good,
                        (unsigned long long)shared.cancelled, (unsigned long long)shared.late,
                        (unsigned long long)(shared.busy + shared.other_shape),
                        (unsigned long long)shared.reshaped);
}
