/* infer-bench --plan-scaling: how a run would scale, worked out on fewer CPUs (docs/scaling.md).
 *
 * A session is cut for T threads, and this one computes all of its units and times each. Who would
 * have computed which follows from the pool's rules, and what threads have in common (memory, the
 * end of a step) from constants that are measured. */
#ifndef INFER_BENCH_SCALING_H
#define INFER_BENCH_SCALING_H

#include "bench/bench.h"

/* Where it is to run. */
struct scaling_machine {
    unsigned cpus; /* that were measured here */
    double crowd;  /* how much slower each CPU here multiplies while all do: 1, or up to 2 where two
                      are one core's */
    double thread_gbytes;       /* one thread gets from memory, GB/s */
    double all_gbytes;          /* what all CPUs of this machine get together */
    double server_gbytes;       /* the same where there are more threads than CPUs here */
    double far_gbytes;          /* a thread gets out of another core's cache */
    double l2_bytes, l3_bytes;  /* of a core; of all */
    double handoff_ns, line_ns; /* end of a job on two threads; for each thread more */
};

/* Units that are shared out at once: a step has one such job, or two with a barrier between. */
struct scaling_job {
    uint32_t units;
    const double *ns; /* of each unit, on one thread */
};

/* A step as it was measured with one thread. */
struct scaling_work {
    const struct scaling_job *jobs;
    uint32_t njobs;
    double serial_ns;    /* of a step that one thread computes alone */
    double weight_bytes; /* packed, that come from memory in every run; 0: a cache has them */
    double moved_bytes;  /* inputs that other threads may have written */
};

/* What it takes on `threads` threads, and why. Parts in ns; they add up to total_ns. */
struct scaling_bound {
    double work_ns;      /* of all units, shared out evenly */
    double imbalance_ns; /* until the last thread has ended */
    double serial_ns;
    double far_ns;     /* what others have written */
    double memory_ns;  /* until weights are there, beyond all that */
    double handoff_ns; /* barriers */
    double total_ns;
    uint32_t units, jobs;
};

/* When the last of `members` threads ends, if each takes its own part's units from the begin, then
 * those that are left from the ends of others'. */
double scaling_makespan(const struct scaling_job *job, unsigned members);
/* GB/s that so many threads get from memory together. */
double scaling_bandwidth(const struct scaling_machine *m, unsigned threads);
struct scaling_bound scaling_bound_of(const struct scaling_machine *m, const struct scaling_work *w,
                                      unsigned threads);
/* The parts of `b` are added to `sum`. */
void scaling_add(struct scaling_bound *sum, const struct scaling_bound *b);
/* What limits it most, in a word. */
const char *scaling_limit(const struct scaling_bound *b);

/* Measures hand-offs (without a second CPU: what a constant says) and takes the rest from `here`.
 */
void scaling_machine_measure(struct scaling_machine *m, const struct bench *b);

/* A step of a session that was cut for `threads`. */
struct scaling_step {
    infer_step_info info;
    struct scaling_work work;
    struct scaling_bound bound;
    double alone_ns; /* with a session of one thread */
};

/* The prediction for one number of threads. */
struct scaling_plan {
    unsigned threads;
    struct scaling_step *steps;
    uint32_t nsteps;
    struct scaling_bound sum;
    uint64_t packed_bytes;
    double measured_ns; /* of a run on so many threads, where there are as many CPUs; else 0 */
    void *memory;       /* that the steps point to */
    infer_session *session;
    infer_pool *pool;
};

void scaling_report(const struct bench *b, const struct scaling_machine *m,
                    const struct scaling_plan *plans, size_t n);

#endif
