/* The thread pool: units of one job shared between a few threads.
 *
 * The caller works too, and takes whatever the workers do not: a worker that the system has not
 * scheduled costs nothing but the units that it has already taken. Idle workers spin for some
 * microseconds, then sleep.
 *
 * A pool may be used and freed in the child of a fork, whatever the workers did at that moment:
 * they are threads of the parent, so in the child the caller computes alone.
 */
#ifndef INFER_BASE_POOL_H
#define INFER_BASE_POOL_H

#include "base/status.h"

struct infer__pool;

/* Computes units [begin, end); `thread` is 0 for the caller, 1 .. for workers. */
typedef void infer__job(void *ctx, unsigned thread, uint32_t begin, uint32_t end);

/* A pool of `threads` threads, the caller among them; 1 makes no thread at all. */
infer_status infer__pool_create(unsigned threads, const infer_allocator *a,
                                struct infer__pool **pool, infer_error *err);
void infer__pool_free(struct infer__pool *pool); /* NULL is fine */
unsigned infer__pool_threads(const struct infer__pool *pool);

/* Runs the job over units 0 .. units-1 and returns when all are done. One caller at a time. */
void infer__pool_run(struct infer__pool *pool, infer__job *job, void *ctx, uint32_t units);

/* Between begin and end workers wait for the next job by spinning longer: around the steps of one
 * infer_run. Begin is also where a pool finds itself in the child of a fork: every job that may
 * come after one has to be within. */
void infer__pool_begin(struct infer__pool *pool);
void infer__pool_end(struct infer__pool *pool);

#endif
