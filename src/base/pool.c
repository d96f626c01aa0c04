#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/float_mode.h"
#include "base/memory.h"

/* One word says which job runs, how many units it has and how many of either half are taken: a
 * worker claims a unit by one compare-and-swap, and can't claim a unit of a job that is over. */
enum { UNIT_BITS = 13, UNIT_MAX = (1 << UNIT_BITS) - 1 };
#define UNITS_TAKEN(s, half) ((uint32_t)((s) >> (half)*UNIT_BITS & UNIT_MAX))
#define UNIT_COUNT(s) ((uint32_t)((s) >> 2 * UNIT_BITS & UNIT_MAX))
#define GENERATION(s) ((s) >> 3 * UNIT_BITS)

enum { SPIN_IDLE_NS = 20000, SPIN_ACTIVE_NS = 300000, SPIN_WAIT_NS = 10000 };

struct worker {
    _Alignas(64) struct infer__pool *pool;
    pthread_t thread;
    unsigned number;
    _Atomic int asleep; /* waits for `wake`, or is about to; whoever clears it posts */
    sem_t wake;
};

struct infer__pool {
    _Alignas(64) _Atomic uint64_t state;
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) infer__job *job; /* stable while a unit is claimed and not done */
    void *ctx;
    uint32_t total, per_unit; /* units of the job, and how many a claimed unit stands for */
    _Atomic uint32_t active;
    _Atomic int caller_cpu; /* where the calling thread was when it gave out the job */
    _Atomic int stop;
    unsigned threads, started;
    pid_t process; /* where the workers are */
    int alone;     /* there is no worker: the caller does it all */
    infer_allocator allocator;
    struct worker workers[];
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uint32_t units_left(uint64_t s, unsigned half)
{
    uint32_t second = UNIT_COUNT(s) / 2;
    return (half ? second : UNIT_COUNT(s) - second) - UNITS_TAKEN(s, half);
}

/* Claims and computes units until the job has none left. Every other thread begins with the second
 * half: from step to step each then stays with its part of a picture, which its own cache has. */
static void work(struct infer__pool *p, unsigned thread)
{
    uint64_t s = atomic_load_explicit(&p->state, memory_order_acquire);
    while (units_left(s, 0) + units_left(s, 1) > 0) {
        unsigned half = units_left(s, thread % 2) ? thread % 2 : 1 - thread % 2;
        uint32_t unit = UNITS_TAKEN(s, half) + (half ? UNIT_COUNT(s) - UNIT_COUNT(s) / 2 : 0);
        if (!atomic_compare_exchange_weak_explicit(&p->state, &s,
                                                   s + (UINT64_C(1) << half * UNIT_BITS),
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        uint32_t begin = unit * p->per_unit, end = begin + p->per_unit;
        p->job(p->ctx, thread, begin, end < p->total ? end : p->total);
        atomic_fetch_add_explicit(&p->done, 1, memory_order_release);
        s = atomic_load_explicit(&p->state, memory_order_acquire);
    }
}

static int has_work(struct infer__pool *p, uint64_t seen)
{
    uint64_t s = atomic_load(&p->state);
    return GENERATION(s) != GENERATION(seen) || atomic_load(&p->stop);
}

/* A woken thread may be put on the CPU of the one that woke it: waiting for work there keeps that
 * one from giving any out. Taken off this CPU for a moment it finds another, if it may use one. */
static void step_aside(int cpu)
{
    cpu_set_t may, others;
    if (pthread_getaffinity_np(pthread_self(), sizeof may, &may))
        return;
    others = may;
    CPU_CLR((size_t)cpu, &others);
    if (CPU_COUNT(&others) == 0 || pthread_setaffinity_np(pthread_self(), sizeof others, &others)) {
        sched_yield();
        return;
    }
    pthread_setaffinity_np(pthread_self(), sizeof may, &may);
}

/* Gives the workers that sleep a post each. The caller must not wait for any of them here: one that
 * has just been woken may be put off its processor at any point. */
static void wake_workers(struct infer__pool *p)
{
    for (unsigned i = 0; i < p->started; i++) {
        struct worker *w = &p->workers[i];
        if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, 0))
            sem_post(&w->wake);
    }
}

static void sleep_until_woken(struct worker *w, uint64_t seen)
{
    atomic_store(&w->asleep, 1);
    if (has_work(w->pool, seen) && atomic_exchange(&w->asleep, 0))
        return;
    while (sem_wait(&w->wake))
        continue;
}

/* Waits for a job newer than `seen`: spins, then sleeps. */
static void wait_for_job(struct worker *w, uint64_t seen)
{
    struct infer__pool *p = w->pool;
    uint64_t start = infer__now_ns();
    for (unsigned i = 1;; i++) {
        if (has_work(p, seen))
            return;
        relax();
        if (i % 64 == 0) {
            int cpu = sched_getcpu();
            if (cpu >= 0 && cpu == atomic_load_explicit(&p->caller_cpu, memory_order_relaxed))
                step_aside(cpu);
            uint64_t limit = atomic_load_explicit(&p->active, memory_order_relaxed) ? SPIN_ACTIVE_NS
                                                                                    : SPIN_IDLE_NS;
            if (infer__now_ns() - start > limit)
                break;
        }
    }
    sleep_until_woken(w, seen);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct infer__pool *p = w->pool;
    uint64_t seen = 0;
    (void)infer__float_mode_plain();
    while (!atomic_load(&p->stop)) {
        uint64_t s = atomic_load_explicit(&p->state, memory_order_acquire);
        work(p, w->number);
        seen = s;
        wait_for_job(w, seen);
    }
    return NULL;
}

void infer__pool_run(struct infer__pool *p, infer__job *job, void *ctx, uint32_t units)
{
    if (p->alone || units <= 1) {
        if (units)
            job(ctx, 0, 0, units);
        return;
    }
    uint32_t per_unit = units / UNIT_MAX + 1, count = (units + per_unit - 1) / per_unit;
    p->job = job;
    p->ctx = ctx;
    p->total = units;
    p->per_unit = per_unit;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store_explicit(&p->caller_cpu, sched_getcpu(), memory_order_relaxed);
    uint64_t s = atomic_load_explicit(&p->state, memory_order_relaxed);
    uint64_t next = (GENERATION(s) + 1) << 3 * UNIT_BITS | (uint64_t)count << 2 * UNIT_BITS;
    atomic_store(&p->state, next);
    wake_workers(p);
    work(p, 0);
    /* Only units that a worker has claimed are left. If one was put off its processor, let it
     * have this one. */
    uint64_t start = 0;
    for (unsigned i = 1; atomic_load_explicit(&p->done, memory_order_acquire) != count; i++) {
        relax();
        if (i % 256 == 0) {
            if (!start)
                start = infer__now_ns();
            else if (infer__now_ns() - start > SPIN_WAIT_NS)
                sched_yield();
        }
    }
}

/* After a fork the child has a copy of the pool as it was at that moment, and none of the workers:
 * they go on in the parent. The question is asked once in a run: it is a system call. */
static int in_other_process(const struct infer__pool *p)
{
    return p->process != getpid();
}

void infer__pool_begin(struct infer__pool *p)
{
    if (p->alone || in_other_process(p)) {
        p->alone = 1;
        return;
    }
    atomic_store_explicit(&p->caller_cpu, sched_getcpu(), memory_order_relaxed);
    atomic_store_explicit(&p->active, 1, memory_order_relaxed);
    wake_workers(p);
}

void infer__pool_end(struct infer__pool *p)
{
    atomic_store_explicit(&p->active, 0, memory_order_relaxed);
}

unsigned infer__pool_threads(const struct infer__pool *p)
{
    return p->threads;
}

/* Workers take no signals: those are the application's threads' business. */
static infer_status start_workers(struct infer__pool *p, infer_error *err)
{
    sigset_t all, before;
    infer_status status = INFER_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 1; i < p->threads; i++) {
        struct worker *w = &p->workers[i - 1];
        w->pool = p;
        w->number = i;
        atomic_init(&w->asleep, 0);
        int made = sem_init(&w->wake, 0, 0) == 0;
        if (!made || pthread_create(&w->thread, NULL, worker_main, w)) {
            if (made)
                sem_destroy(&w->wake);
            status = infer__fail(err, INFER_ERROR_THREAD, "thread %u of %u could not be started",
                                 i + 1, p->threads);
            break;
        }
        p->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

infer_status infer__pool_create(unsigned threads, const infer_allocator *a,
                                struct infer__pool **pool, infer_error *err)
{
    *pool = NULL;
    FAIL_IF(threads == 0 || threads > 1024, INFER_ERROR_ARGUMENT,
            "%u threads; 1 to 1024 are possible", threads);
    size_t bytes = sizeof(struct infer__pool) + (threads - 1) * sizeof(struct worker);
    struct infer__pool *p = infer__calloc(a, 1, bytes);
    if (!p)
        return infer__no_memory(err, bytes);
    p->allocator = *a;
    p->threads = threads;
    p->alone = threads == 1;
    p->process = getpid();
    infer_status status = start_workers(p, err);
    if (status != INFER_OK) {
        infer__pool_free(p);
        return status;
    }
    *pool = p;
    return INFER_OK;
}

static void end_workers(struct infer__pool *p)
{
    atomic_store(&p->stop, 1);
    wake_workers(p);
    for (unsigned i = 0; i < p->started; i++) {
        pthread_join(p->workers[i].thread, NULL);
        sem_destroy(&p->workers[i].wake);
    }
}

void infer__pool_free(struct infer__pool *p)
{
    if (!p)
        return;
    if (p->started && !in_other_process(p))
        end_workers(p);
    infer_allocator a = p->allocator;
    infer__free(&a, p);
}
