/* One thread of the generator: an event loop over connections. */
#ifndef INFER_TOOLS_HAMMER_WORKER_H
#define INFER_TOOLS_HAMMER_WORKER_H

#include <signal.h>

#include "tools/hammer/hammer.h"
#include "tools/hammer/response.h"

enum { WORKER_BUFFER = 65536 };

/* A request that is due. Times are nanoseconds since the beginning. */
struct job {
    int64_t due;
    const struct request *request;
    int step;
    int retried; /* it was sent before, over a connection that had been closed */
};

enum connection_state { CONNECTION_OPENING, CONNECTION_IDLE, CONNECTION_BUSY, CONNECTION_DEAD };

struct connection {
    int fd;
    enum connection_state state;
    int used;   /* it has answered before */
    int ending; /* the other side sends nothing more; that is told once */
    struct job job;
    int64_t sent; /* when the request's first byte was handed over; -1: not yet */
    size_t written, received;
    struct response response;
    char *answer; /* content, as far as --check needs it; owned */
    size_t answer_size, answer_room;
    long place;              /* in the worker's list of all */
    struct connection *next; /* of those that are idle or dead */
};

/* Jobs that wait for a connection, the first in front: a ring. */
struct queue {
    struct job *jobs; /* owned */
    size_t first, count, room;
};

struct worker {
    const struct hammer_plan *plan;
    int number;
    int64_t zero_ns;             /* the clock at the beginning, the same for all workers */
    atomic_uint_fast64_t *taken; /* requests that closed loops have taken, of all workers */
    atomic_uint_fast64_t *ended; /* for the bar */
    volatile sig_atomic_t *stop;

    struct arrivals arrivals;
    int64_t next_due; /* INT64_MAX: there are no more */
    int next_step;
    int64_t resume_at; /* a closed loop that could not connect waits until then */
    uint64_t next_request;

    int poll;
    struct connection **all; /* owned; those that are open */
    long open, most;
    long in_flight; /* jobs that have not ended, in the queue too */
    struct connection *idle, *dead;
    struct queue queue;
    char *buffer; /* owned: what is received goes through it */
    struct stats stats;
    char trouble[128];
    int no_memory;
};

/* Sends this worker's share of the load; returns when everything has ended. */
void worker_run(struct worker *w);

/* ---- connections (connection.c) ------------------------------------------------------------- */

int64_t worker_now(const struct worker *w);
/* Sends a job over an idle connection, a new one, or queues it. */
void connection_dispatch(struct worker *w, const struct job *job);
/* Something happened to its socket (events of epoll). */
void connection_event(struct worker *w, struct connection *c, uint32_t events);
/* Ends what has taken too long. */
void connection_expire(struct worker *w, int64_t now);
/* Frees those that were closed; no event may name one any more. */
void connections_sweep(struct worker *w);
void connections_free(struct worker *w);

/* ---- what workers do with jobs (worker.c) --------------------------------------------------- */

/* A job has ended. `sent` is -1 where it was never sent. */
void worker_ended(struct worker *w, const struct job *job, int64_t sent, int kind,
                  uint64_t content);
/* 0 without memory. In front: before all others. */
int queue_put(struct queue *q, const struct job *job, int in_front);
int queue_take(struct queue *q, struct job *job);

#endif
