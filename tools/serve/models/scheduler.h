/* Who is run next: bounded queues of jobs, batches, fairness between models, deadlines.
 *
 * There are as many executors as threads. Each takes the version that has used the least time among
 * those with a batch ready, and runs it on a session of its own; the pool's workers help where
 * executors leave CPUs idle. */
#ifndef INFER_TOOLS_SERVE_SCHEDULER_H
#define INFER_TOOLS_SERVE_SCHEDULER_H

#include "tools/serve/clock.h"
#include "tools/serve/models/version.h"

struct scheduler;

/* NULL without memory or threads. */
struct scheduler *scheduler_begin(int executors);
/* Runs the jobs that wait, refuses all others, and ends the executors. */
void scheduler_end(struct scheduler *s);
void scheduler_free(struct scheduler *s);
/* Queues a job, whose `done` is called once: at once where the queue is full. */
void scheduler_submit(struct scheduler *s, struct job *job);
/* The version takes no further jobs; those that wait are still run. */
void scheduler_close(struct scheduler *s, struct version *v);
/* How many of its sessions may run at a time from now on; 0: it takes no jobs until that changes.
 * Sessions that are too many are freed. */
void scheduler_scale(struct scheduler *s, struct version *v, int workers);
/* How many may run at a time. */
int scheduler_workers(struct scheduler *s, struct version *v);
/* Bytes that a worker has of its own, from a session that rests; 0 while none does and none did. */
uint64_t scheduler_memory(struct scheduler *s, struct version *v);
/* A copy of its counts, and how many jobs wait and are run. */
void scheduler_counts(struct scheduler *s, struct version *v, struct version_counts *counts,
                      int *queued, int *running);
/* Share of the executors' time that was spent on jobs, in ns since the start. */
uint64_t scheduler_busy_ns(struct scheduler *s);

#endif
