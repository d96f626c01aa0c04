/* Teams: the units of a run's jobs, and who computes them. */
#include <sched.h>

#include "base/caller.h"
#include "base/clock.h"
#include "base/pool_parts.h"
#include "base/size.h"

enum {
    SPIN_WAIT_NS = 10000, /* the leader waits so long before it lets others have its CPU */
    REFRESH_JOBS = 1 << 20
};

static uint64_t team_state(uint64_t job, unsigned members, uint32_t units)
{
    return job << JOB_BITS | (uint64_t)members << UNIT_BITS | units;
}

/* ---- claiming ------------------------------------------------------------------------------- */

/* A member's part of the units: [begin, begin + size). */
struct range {
    uint32_t begin, size;
};

static struct range part_range(uint64_t state, unsigned part)
{
    uint32_t units = TEAM_UNITS(state), members = TEAM_MEMBERS(state);
    uint32_t begin = (units * part + members - 1) / members;
    return (struct range){begin, (units * (part + 1) + members - 1) / members - begin};
}

/* How many units were taken of a part: `front` and `back`. 0 if the job is over. */
static int read_part(uint64_t word, uint64_t state, uint32_t *front, uint32_t *back)
{
    int64_t later = (int64_t)((JOB_NUMBER(word) - JOB_NUMBER(state)) << JOB_BITS);
    *front = later ? 0 : (uint32_t)(word >> PART_BITS & ((1 << PART_BITS) - 1));
    *back = later ? 0 : (uint32_t)(word & ((1 << PART_BITS) - 1));
    return later <= 0;
}

/* Claims a unit of a part: the first that is left for its owner, the last for others. */
static int claim(struct infer__part *p, uint64_t state, struct range r, int owner, uint32_t *unit)
{
    uint32_t front, back;
    uint64_t word = atomic_load_explicit(&p->taken, memory_order_acquire);
    while (read_part(word, state, &front, &back) && front + back < r.size) {
        uint64_t next = JOB_NUMBER(state) << JOB_BITS |
                        (uint64_t)(front + (owner != 0)) << PART_BITS | (back + (owner == 0));
        if (atomic_compare_exchange_weak_explicit(&p->taken, &word, next, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            *unit = r.begin + (owner ? front : r.size - 1 - back);
            return 1;
        }
    }
    return 0;
}

static uint32_t work_on_part(struct infer__team *t, unsigned member, uint64_t state, unsigned part)
{
    struct range r = part_range(state, part);
    uint32_t unit, n = 0;
    while (claim(&t->parts[part], state, r, part == member, &unit)) {
        uint32_t begin = unit * t->per_unit, end = begin + t->per_unit;
        t->job(t->ctx, member, begin, end < t->total ? end : t->total);
        n++;
    }
    if (n)
        atomic_fetch_add_explicit(&t->done, n, memory_order_release);
    return n;
}

uint32_t infer__team_work(struct infer__team *t, unsigned member, uint64_t state)
{
    unsigned members = TEAM_MEMBERS(state);
    uint32_t n = 0;
    if (member >= members) /* the team has become smaller */
        return 0;
    for (unsigned k = 0; k < members; k++)
        n += work_on_part(t, member, state, (member + k) % members);
    return n;
}

int infer__team_wants(struct infer__team *t)
{
    uint64_t state = atomic_load(&t->state);
    if (atomic_load(&t->joined) + 1 >= TEAM_MEMBERS(state))
        return 0;
    for (unsigned part = 0; part < TEAM_MEMBERS(state); part++) {
        uint32_t front, back;
        if (read_part(atomic_load(&t->parts[part].taken), state, &front, &back) &&
            front + back < part_range(state, part).size)
            return 1;
    }
    return 0;
}

/* ---- members -------------------------------------------------------------------------------- */

static int take_number(struct infer__team *t, unsigned member)
{
    int nobody = 0;
    if (!atomic_compare_exchange_strong(&t->parts[member].member, &nobody, 1))
        return 0;
    atomic_fetch_add(&t->joined, 1);
    return 1;
}

/* Always the same number if it is free: its part of the units is what this thread's cache has. */
unsigned infer__team_join(struct infer__team *t, unsigned number)
{
    unsigned members = TEAM_MEMBERS(atomic_load(&t->state));
    for (unsigned k = 0; k + 1 < members; k++) {
        unsigned member = 1 + (number - 1 + k) % (members - 1);
        if (take_number(t, member))
            return member;
    }
    return 0;
}

void infer__team_leave(struct infer__team *t, unsigned member)
{
    atomic_fetch_sub(&t->joined, 1);
    atomic_store(&t->parts[member].member, 0);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

/* Part words are compared with the job's number, which has 40 bits: one that nobody has touched for
 * very long must not seem to be of a later job. */
static void refresh_parts(struct infer__team *t, uint64_t job)
{
    for (unsigned part = 0; part < t->members; part++)
        atomic_store(&t->parts[part].taken, job << JOB_BITS);
}

static void wait_until_done(struct infer__team *t, uint32_t count)
{
    uint64_t start = 0;
    for (unsigned i = 1; atomic_load_explicit(&t->done, memory_order_acquire) != count; i++) {
        infer__relax();
        if (i % 256 == 0) {
            if (!start)
                start = infer__now_ns();
            else if (infer__now_ns() - start > SPIN_WAIT_NS)
                sched_yield();
        }
    }
}

static void run_item(void *arg, uint32_t index)
{
    INFER__KEEP_CALLER;
    struct infer__team *t = arg;
    infer__team_work(t, index, atomic_load(&t->state));
}

/* Wakes workers for as many members as the team can use and does not have yet. One that is about to
 * sleep leaves first and looks for units afterwards: it sees these, or we see that it has left. */
static void wake_members(struct infer__team *t, uint32_t wanted)
{
    unsigned members = wanted < t->members ? wanted : t->members;
    unsigned joined = atomic_load(&t->joined);
    if (joined + 1 < members)
        infer__pool_wake(t->pool, members - 1 - joined, infer__pool_helpers(t->pool));
}

/* An executor returns when all is done; workers come if and when they can. */
static void call_for_help(struct infer__team *t, uint32_t count)
{
    const infer_executor *e = &t->pool->setup.executor;
    if (e->run)
        e->run(e->ctx, count < t->members ? count : t->members, run_item, t);
    else
        wake_members(t, count);
}

void infer__team_run(struct infer__team *t, infer__job *job, void *ctx, uint32_t units)
{
    if (t->alone || units <= 1) {
        if (units)
            job(ctx, 0, 0, units);
        return;
    }
    uint32_t per_unit = units / UNIT_MAX + 1, count = (units + per_unit - 1) / per_unit;
    uint64_t number = JOB_NUMBER(atomic_load_explicit(&t->state, memory_order_relaxed)) + 1;
    if (number % REFRESH_JOBS == 0)
        refresh_parts(t, number - 1);
    t->job = job;
    t->ctx = ctx;
    t->total = units;
    t->per_unit = per_unit;
    atomic_store_explicit(&t->done, 0, memory_order_relaxed);
    atomic_store_explicit(&t->leader_cpu, sched_getcpu(), memory_order_relaxed);
    uint64_t state = team_state(number, t->members, count);
    atomic_store(&t->state, state);
    call_for_help(t, count);
    infer__team_work(t, 0, state);
    /* Only units that a worker has claimed are left. If one was put off its processor, let it
     * have this one. */
    wait_until_done(t, count);
}

void infer__team_begin(struct infer__team *t, int by_worker)
{
    struct infer_pool *p = t->pool;
    if (p->setup.threads == 1)
        return;
    int here = !infer__pool_elsewhere(p);
    t->alone = !here || !t->listed;
    t->counted = here && !by_worker;
    if (t->counted)
        atomic_fetch_add(&p->callers, 1);
    if (t->alone)
        return;
    atomic_store_explicit(&t->leader_cpu, sched_getcpu(), memory_order_relaxed);
    atomic_store(&t->active, 1);
    atomic_fetch_add(&p->active, 1);
    wake_members(t, t->members);
}

void infer__team_end(struct infer__team *t)
{
    if (t->counted)
        atomic_fetch_sub(&t->pool->callers, 1);
    t->counted = 0;
    if (t->alone)
        return;
    atomic_fetch_sub(&t->pool->active, 1);
    atomic_store(&t->active, 0);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static struct infer__team *find_closed(struct infer_pool *p)
{
    for (struct infer__team *t = atomic_load(&p->teams); t; t = t->next) {
        int closed = 0;
        if (atomic_compare_exchange_strong(&t->open, &closed, 1))
            return t;
    }
    return NULL;
}

/* Room for as many members as the pool has threads: it may be opened again for so many. One that no
 * worker will look at is not listed. */
static struct infer__team *make_team(struct infer_pool *p, int listed)
{
    const int64_t parts = listed ? p->setup.threads : 0;
    const int64_t bytes =
        INFER__SUM(sizeof(struct infer__team), INFER__PRODUCT(parts, sizeof(struct infer__part)));
    struct infer__team *t = infer__calloc(&p->allocator, 1, (size_t)bytes);
    if (!t)
        return NULL;
    t->pool = p;
    t->listed = listed;
    atomic_init(&t->open, 1);
    if (listed) {
        t->next = atomic_load(&p->teams);
        while (!atomic_compare_exchange_weak(&p->teams, &t->next, t))
            continue;
    }
    return t;
}

infer_status infer__team_open(struct infer_pool *p, unsigned members, struct infer__team **team,
                              infer_error *err)
{
    unsigned threads = members < p->setup.threads ? members : p->setup.threads;
    int listed = threads > 1 && !infer__pool_elsewhere(p);
    struct infer__team *t = listed ? find_closed(p) : NULL;
    if (!t)
        t = make_team(p, listed);
    if (!t)
        return infer__no_memory(err, sizeof *t);
    t->members = threads;
    t->alone = !listed;
    if (listed) { /* a job without units: a worker that comes too late finds this one */
        uint64_t number = JOB_NUMBER(atomic_load(&t->state)) + 1;
        atomic_store(&t->state, team_state(number, threads, 0));
    }
    *team = t;
    return INFER_OK;
}

void infer__team_close(struct infer__team *t)
{
    if (!t)
        return;
    infer_allocator a = t->pool->allocator;
    if (t->listed)
        atomic_store(&t->open, 0);
    else
        infer__free(&a, t);
}

unsigned infer__team_members(const struct infer__team *t)
{
    return t->members;
}
