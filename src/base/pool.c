/* The pool's threads: what they look for, when they sleep, how they begin and end. */
#include <sched.h>
#include <signal.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/float_mode.h"
#include "base/pool_parts.h"

enum { IDLE_US = 20, BUSY_US = 300, WATCH_SPINS = 64 };

/* ---- errands -------------------------------------------------------------------------------- */

static struct infer__errand *take_errand(struct infer_pool *p)
{
    if (!atomic_load(&p->started))
        return NULL;
    pthread_mutex_lock(&p->lock);
    struct infer__errand *e = p->first;
    if (e) {
        p->first = e->next;
        atomic_fetch_sub(&p->started, 1);
    }
    pthread_mutex_unlock(&p->lock);
    return e;
}

infer_status infer__pool_start(struct infer_pool *p, struct infer__errand *e, infer_error *err)
{
    FAIL_IF(!p->running, INFER_ERROR_THREAD, "the pool has no thread of its own to run it");
    FAIL_IF(infer__pool_elsewhere(p), INFER_ERROR_THREAD,
            "the pool's threads are those of the process that made it");
    e->next = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->first)
        p->last->next = e;
    else
        p->first = e;
    p->last = e;
    atomic_fetch_add(&p->started, 1);
    pthread_mutex_unlock(&p->lock);
    infer__pool_wake(p, 1, p->running);
    return INFER_OK;
}

/* ---- looking for work ----------------------------------------------------------------------- */

static void leave(struct infer__worker *w)
{
    if (w->team)
        infer__team_leave(w->team, w->member);
    w->team = NULL;
}

static int join(struct infer__worker *w, struct infer__team *t)
{
    unsigned member = infer__team_join(t, w->number);
    if (!member)
        return 0;
    leave(w);
    w->team = t;
    w->member = member;
    w->seen = 0;
    return 1;
}

static int may_help(const struct infer__worker *w)
{
    return w->number <= infer__pool_helpers(w->pool);
}

/* Joins another team that has units left or, if the worker has no team whose run is under way, one
 * that may have some soon. It looks at the one behind its own first, so that each has its turn. */
static int find_team(struct infer__worker *w)
{
    struct infer__team *all = atomic_load(&w->pool->teams), *own = w->team, *next = NULL;
    struct infer__team *first = own && own->next ? own->next : all, *t = first;
    int waits = own && atomic_load(&own->active);
    if (!all || atomic_load(&w->pool->active) <= (uint32_t)waits)
        return 0;
    do {
        if (t != own && atomic_load(&t->active)) {
            if (infer__team_wants(t) && join(w, t))
                return 1;
            next = next ? next : t;
        }
        t = t->next ? t->next : all;
    } while (t != first);
    return !waits && next && join(w, next);
}

static int work(struct infer__worker *w)
{
    uint64_t state = atomic_load_explicit(&w->team->state, memory_order_acquire);
    if (state == w->seen)
        return 0;
    w->seen = state;
    return infer__team_work(w->team, w->member, state) > 0;
}

/* One look for something to do, done at once: 0 if there was nothing. Errands come first: nobody
 * else does them, while every run has its leader. */
static int look(struct infer__worker *w)
{
    struct infer__errand *e = take_errand(w->pool);
    if (e) {
        leave(w);
        e->run(e);
        (void)infer__float_mode_plain(); /* the application's part of it may have changed it */
        return 1;
    }
    if (!may_help(w)) {
        leave(w);
        return 0;
    }
    return (w->team && work(w)) || (find_team(w) && work(w));
}

/* ---- nothing to do -------------------------------------------------------------------------- */

static int has_work(const struct infer__worker *w)
{
    struct infer_pool *p = w->pool;
    if (atomic_load(&p->stop) || atomic_load(&p->started))
        return 1;
    if (!may_help(w) || !atomic_load(&p->active))
        return 0;
    for (struct infer__team *t = atomic_load(&p->teams); t; t = t->next)
        if (atomic_load(&t->active) && infer__team_wants(t))
            return 1;
    return 0;
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

static void avoid_leader(const struct infer__worker *w)
{
    int cpu = sched_getcpu();
    if (w->team && cpu >= 0 &&
        cpu == atomic_load_explicit(&w->team->leader_cpu, memory_order_relaxed))
        step_aside(cpu);
}

/* Whoever wakes this worker must not wait for it: once woken, it may be put off its processor at
 * any point. So that it does not keep a number from others, it leaves its team. */
static void sleep_until_woken(struct infer__worker *w)
{
    leave(w);
    atomic_store(&w->asleep, 1);
    atomic_fetch_add(&w->pool->sleeping, 1);
    if (has_work(w) && atomic_exchange(&w->asleep, 0)) {
        atomic_fetch_sub(&w->pool->sleeping, 1);
        return;
    }
    while (sem_wait(&w->wake))
        continue;
}

void infer__pool_wake(struct infer_pool *p, unsigned n, unsigned among)
{
    if (!atomic_load(&p->sleeping))
        return;
    for (unsigned i = 0; i < among && n; i++) {
        struct infer__worker *w = &p->workers[i];
        if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, 0)) {
            atomic_fetch_sub(&p->sleeping, 1);
            sem_post(&w->wake);
            n--;
        }
    }
}

static uint64_t spin_ns(const struct infer__worker *w)
{
    const struct infer_pool *p = w->pool;
    if (!may_help(w))
        return 0;
    int busy = atomic_load_explicit(&p->active, memory_order_relaxed) != 0;
    return UINT64_C(1000) * (busy ? p->setup.busy_us : p->setup.idle_us);
}

/* Waits for the own team's next job, for a moment. */
static void watch(const struct infer__worker *w)
{
    for (int i = 0; i < WATCH_SPINS; i++) {
        infer__relax();
        if (w->team && atomic_load_explicit(&w->team->state, memory_order_relaxed) != w->seen)
            return;
    }
}

static void *worker_main(void *arg)
{
    struct infer__worker *w = arg;
    uint64_t since = 0; /* when it had nothing to do for the first time */
    (void)infer__float_mode_plain();
    while (!atomic_load(&w->pool->stop)) {
        if (look(w)) {
            since = 0;
            continue;
        }
        uint64_t now = infer__now_ns();
        since = since ? since : now;
        if (now - since >= spin_ns(w)) {
            sleep_until_woken(w);
            since = 0;
        } else {
            watch(w);
            avoid_leader(w);
        }
    }
    return NULL;
}

/* ---- making and freeing --------------------------------------------------------------------- */

struct infer__pool_setup infer__pool_setup(unsigned threads)
{
    return (struct infer__pool_setup){.threads = threads, .idle_us = IDLE_US, .busy_us = BUSY_US};
}

/* The CPU of worker `number`: they go round those that the process may use, and leave the first to
 * callers. Where the system refuses, the worker stays where it is. */
static void pin(const struct infer__worker *w)
{
    cpu_set_t may, one;
    if (sched_getaffinity(0, sizeof may, &may))
        return;
    unsigned left = w->number % (unsigned)CPU_COUNT(&may);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &may) && left-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            pthread_setaffinity_np(w->thread, sizeof one, &one);
            return;
        }
}

/* Workers take no signals: those are the application's threads' business. */
static infer_status start_workers(struct infer_pool *p, infer_error *err)
{
    sigset_t all, before;
    infer_status status = INFER_OK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 1; i < p->setup.threads && !p->setup.executor.run; i++) {
        struct infer__worker *w = &p->workers[i - 1];
        w->pool = p;
        w->number = i;
        atomic_init(&w->asleep, 0);
        int made = sem_init(&w->wake, 0, 0) == 0;
        if (!made || pthread_create(&w->thread, NULL, worker_main, w)) {
            if (made)
                sem_destroy(&w->wake);
            status = infer__fail(err, INFER_ERROR_THREAD, "thread %u of %u could not be started",
                                 i + 1, p->setup.threads);
            break;
        }
        p->running++;
        if (p->setup.pin)
            pin(w);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

infer_status infer__pool_create(const struct infer__pool_setup *setup, const infer_allocator *a,
                                struct infer_pool **pool, infer_error *err)
{
    unsigned threads = setup->threads;
    *pool = NULL;
    FAIL_IF(threads == 0 || threads > INFER__POOL_MOST_THREADS, INFER_ERROR_ARGUMENT,
            "%u threads; 1 to %d are possible", threads, INFER__POOL_MOST_THREADS);
    size_t bytes = sizeof(struct infer_pool) + (threads - 1) * sizeof(struct infer__worker);
    struct infer_pool *p = infer__calloc(a, 1, bytes);
    if (!p)
        return infer__no_memory(err, bytes);
    p->allocator = *a;
    p->setup = *setup;
    p->cpus = setup->cpus ? setup->cpus : infer__cpu_count();
    p->process = getpid();
    infer__loans_init(&p->loans, a, threads > p->cpus ? threads : p->cpus);
    pthread_mutex_init(&p->lock, NULL);
    infer_status status = start_workers(p, err);
    if (status != INFER_OK) {
        infer__pool_free(p);
        return status;
    }
    *pool = p;
    return INFER_OK;
}

static void end_workers(struct infer_pool *p)
{
    atomic_store(&p->stop, 1);
    infer__pool_wake(p, p->running, p->running);
    for (unsigned i = 0; i < p->running; i++) {
        pthread_join(p->workers[i].thread, NULL);
        sem_destroy(&p->workers[i].wake);
    }
}

void infer__pool_free(struct infer_pool *p)
{
    if (!p)
        return;
    if (p->running && !infer__pool_elsewhere(p))
        end_workers(p);
    infer_allocator a = p->allocator;
    struct infer__team *t = atomic_load(&p->teams), *next;
    for (; t; t = next) {
        next = t->next;
        infer__free(&a, t);
    }
    infer__loans_free(&p->loans);
    infer__free(&a, p);
}

struct infer__loans *infer__pool_loans(struct infer_pool *p)
{
    return &p->loans;
}

unsigned infer__pool_threads(const struct infer_pool *p)
{
    return p->setup.threads;
}
