/* The memory that a session's runs work in. Its outputs are its own. Arenas and scratch are a room
 * of the pool's: a session with a pool of its own keeps it, sessions that share one borrow it for
 * each run. */
#ifndef INFER_RUN_WORKING_H
#define INFER_RUN_WORKING_H

#include "base/pool.h"
#include "run/program.h"

/* Contents mean nothing before a run. */
struct infer__memory {
    char *arenas;  /* of the lanes, one behind the other; NULL while no room is borrowed */
    char *scratch; /* plan.scratch_bytes for each thread */
    char *outputs; /* outputs that the caller leaves to the library */
    struct infer__memory_need bytes;
    struct infer__borrower borrower;
};

/* Makes each part of *m as large as it has to be at least; a larger one stays. What the pool lends
 * is counted on the meter, unless the pool is the session's `own` and takes its memory there. On
 * failure nothing has changed. */
infer_status infer__memory_grow(struct infer__memory *m, const struct infer__memory_need *need,
                                struct infer_pool *pool, int own, struct infer__meter *meter,
                                const infer_allocator *allocator, infer_error *err);
/* A room for a run: 1; 0: none yet, call infer__memory_wait until there is one, or give up and
 * end. */
int infer__memory_begin(struct infer__memory *m);
int infer__memory_wait(struct infer__memory *m);
void infer__memory_end(struct infer__memory *m);
/* Gives everything back: to the pool, which must still be there. */
void infer__memory_free(struct infer__memory *m, const infer_allocator *allocator);

#endif
