/* What pool.c (threads) and team.c (units) know of each other. */
#ifndef INFER_BASE_POOL_PARTS_H
#define INFER_BASE_POOL_PARTS_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pool.h"

/* One member's part of a job's units. The word has the number of the job, and how many units were
 * taken from the part's begin and from its end: a unit is claimed by one compare-and-swap, which
 * fails if the job is over. A word of an earlier job stands for a part of which nothing was taken,
 * so that giving out a job writes to no part.
 *
 *     job number | taken from the begin, 12 bits | taken from the end, 12 bits */
struct infer__part {
    _Alignas(64) _Atomic uint64_t taken;
    _Atomic int member; /* 1: somebody has this number */
};

enum {
    PART_BITS = 12,      /* of either number of units taken */
    UNIT_BITS = 13,      /* of the units of a job */
    UNIT_MAX = 2 * 4095, /* a part of two has no more than its bits can count */
    JOB_BITS = 24        /* below the number of the job */
};
#define JOB_NUMBER(word) ((word) >> JOB_BITS)

/* Teams are memory of the pool and stay until it is freed, so that a worker may look at one at any
 * time: closed ones are used again. */
struct infer__team {
    /*     job number | members, 11 bits | units, 13 bits */
    _Alignas(64) _Atomic uint64_t state;
    infer__job *job; /* these four are stable while a unit is claimed and not done */
    void *ctx;
    uint32_t total, per_unit; /* units of the job, and how many a claimed unit stands for */
    _Atomic int leader_cpu;   /* where the leader was when it gave out the job */
    _Atomic int active;       /* a run is under way */
    _Atomic unsigned joined;  /* workers that have a number */
    _Alignas(64) _Atomic uint32_t done;
    _Alignas(64) struct infer_pool *pool;
    struct infer__team *next; /* of the pool's list */
    _Atomic int open;
    unsigned members;
    int alone;   /* there is no worker for it: the leader does it all */
    int listed;  /* workers may see it */
    int counted; /* among the pool's callers */
    struct infer__part parts[];
};
#define TEAM_MEMBERS(state) ((unsigned)((state) >> UNIT_BITS & 2047))
#define TEAM_UNITS(state) ((uint32_t)((state) & ((1 << UNIT_BITS) - 1)))

struct infer__worker {
    _Alignas(64) struct infer_pool *pool;
    pthread_t thread;
    unsigned number;          /* 1 .. */
    struct infer__team *team; /* that it has joined, or NULL */
    unsigned member;          /* its number there */
    uint64_t seen;            /* state of the team's last job that it has worked on */
    _Atomic int asleep;       /* waits for `wake`, or is about to; whoever clears it posts */
    sem_t wake;
};

struct infer_pool {
    _Alignas(64) _Atomic(struct infer__team *) teams;
    _Atomic uint32_t active;  /* teams with a run under way */
    _Atomic uint32_t callers; /* runs under way that a thread from outside leads */
    _Atomic uint32_t sleeping;
    _Atomic uint32_t started; /* errands that nobody has taken yet */
    _Atomic int stop;
    _Alignas(64) struct infer__errand *first, *last; /* under the lock */
    pthread_mutex_t lock;
    struct infer__pool_setup setup;
    unsigned cpus;            /* that this process may use */
    _Atomic unsigned running; /* workers */
    pid_t process;            /* where the workers are */
    infer_allocator allocator;
    struct infer__loans loans;
    struct infer__worker workers[];
};

/* After a fork the child has a copy of the pool as it was at that moment, and none of the workers:
 * they go on in the parent. It is a system call: once in a run. */
static inline int infer__pool_elsewhere(const struct infer_pool *p)
{
    return p->process != getpid();
}

/* How many workers may help runs: while callers fill the CPUs, helping takes from others what it
 * gives to one. Workers beyond the CPUs would only keep those from it that have claimed a unit. */
static inline unsigned infer__pool_helpers(struct infer_pool *p)
{
    uint32_t callers = atomic_load_explicit(&p->callers, memory_order_relaxed);
    uint32_t left = callers < p->cpus ? p->cpus - callers : 0;
    unsigned running = atomic_load_explicit(&p->running, memory_order_relaxed);
    return left < running ? left : running;
}

/* Wakes up to n of the workers that sleep, of the first `among` of them. */
void infer__pool_wake(struct infer_pool *p, unsigned n, unsigned among);

static inline void infer__relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* A place in the team for worker `number`, or 0. */
unsigned infer__team_join(struct infer__team *t, unsigned number);
void infer__team_leave(struct infer__team *t, unsigned member);
/* Claims and computes units of the job that `state` tells of. Returns how many. */
uint32_t infer__team_work(struct infer__team *t, unsigned member, uint64_t state);
/* Whether there is room for another worker and the job of this moment has units that nobody has
 * claimed. */
int infer__team_wants(struct infer__team *t);

#endif
