/* The thread pool: workers that any number of runs share.
 *
 * A run has a team (`infer__team`): the thread that leads it, and the workers that have joined. It
 * hands out one job after the other, each a number of units. The leader works too and takes
 * whatever the workers do not, so that a run ends without any worker, and a worker that the system
 * has not scheduled costs nothing but the unit that it has already claimed. Idle workers join a
 * team that has units left; where there is none they spin for some microseconds, then sleep.
 *
 * The members of a team are numbered: the leader is 0, and a worker keeps its number as long as it
 * stays. What a member needs of its own (scratch memory) is found by this number: no two threads
 * have the same one at a time.
 *
 * After a fork the workers are threads of the parent. In the child a leader computes alone,
 * whatever the workers did at that moment, and teams and pools may be freed. No lock is taken on
 * this way.
 */
#ifndef INFER_BASE_POOL_H
#define INFER_BASE_POOL_H

#include "base/loans.h"
#include "base/status.h"

struct infer_pool;
struct infer__team;

enum { INFER__POOL_MOST_THREADS = 1024 };

/* How to make a pool. */
struct infer__pool_setup {
    unsigned threads; /* that work on one run, its leader among them: the pool starts one less */
    unsigned cpus;    /* that they have: no more of them work at a time; 0: those of the process */
    uint32_t idle_us; /* how long a worker looks for work before it sleeps */
    uint32_t busy_us; /* the same while a run is under way */
    int pin;          /* 1: each worker stays on one CPU */
    infer_executor executor; /* instead of workers, if it has `run` */
};

/* That of a session which makes a pool for itself. */
struct infer__pool_setup infer__pool_setup(unsigned threads);

/* All memory, that of teams too, comes from `a`. */
infer_status infer__pool_create(const struct infer__pool_setup *setup, const infer_allocator *a,
                                struct infer_pool **pool, infer_error *err);
/* Teams must be closed before. NULL is fine. */
void infer__pool_free(struct infer_pool *pool);
unsigned infer__pool_threads(const struct infer_pool *pool);
/* Memory for runs: for as many at a time as there are threads or CPUs, whichever is more. */
struct infer__loans *infer__pool_loans(struct infer_pool *pool);

/* ---- teams ---------------------------------------------------------------------------------- */

/* Computes units [begin, end) as member `member` of the team. */
typedef void infer__job(void *ctx, unsigned member, uint32_t begin, uint32_t end);

/* A team of at most `members` threads (those of the pool if there are less), the leader among them.
 * Any thread. */
infer_status infer__team_open(struct infer_pool *pool, unsigned members, struct infer__team **team,
                              infer_error *err);
/* No run may be under way. NULL is fine. */
void infer__team_close(struct infer__team *team);
unsigned infer__team_members(const struct infer__team *team);

/* Around the jobs of one run, by the thread that leads it: one at a time. In between workers spin
 * longer. Begin is also where a team finds itself in the child of a fork. `by_worker`: that thread
 * is one of the pool's. */
void infer__team_begin(struct infer__team *team, int by_worker);
void infer__team_end(struct infer__team *team);

/* Runs the job over units 0 .. units-1 and returns when all are done. Each member has a part of the
 * units of its own, the same from job to job, and begins with it; then it takes what others have
 * left, from their ends. So units may differ in size. */
void infer__team_run(struct infer__team *team, infer__job *job, void *ctx, uint32_t units);

/* ---- runs that the pool leads itself -------------------------------------------------------- */

/* Something that a worker is to do: each once, in the order in which they were given. It belongs to
 * the caller and must stay until `run` is called; the pool does not touch it afterwards. */
struct infer__errand {
    void (*run)(struct infer__errand *errand);
    struct infer__errand *next;
};

/* INFER_ERROR_THREAD where no worker could ever do it: a pool of one thread, the child of a fork.
 */
infer_status infer__pool_start(struct infer_pool *pool, struct infer__errand *errand,
                               infer_error *err);

#endif
