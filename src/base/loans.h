/* Memory that runs work in, lent by the pool: contents mean nothing between two runs, so sessions
 * need none of their own while they are idle.
 *
 * There is a room for each run that can be under way, but for no more than `most`: further runs
 * wait for their turn, the first that came first. Rooms are taken and grown when a borrower comes,
 * so that a run takes no memory and can't fail for want of it. The largest room is as large as what
 * the largest borrower needs, the second as the second one's, and so on: all rooms together never
 * take more than the borrowers would alone. A run gets the smallest room that serves it; equal ones
 * are handed out in the same order again and again, so that one in a row of runs has warm memory.
 *
 * Any thread. In the child of a fork rooms that the parent's runs were in are free. */
#ifndef INFER_BASE_LOANS_H
#define INFER_BASE_LOANS_H

#include "base/lock.h"
#include "base/memory.h"
#include "base/status.h"

struct infer__room;

struct infer__loans {
    struct infer__lock lock;
    infer_allocator allocator;
    uint32_t most;                                    /* runs at a time */
    struct infer__borrower *_Atomic borrowers;        /* the one that needs most first */
    struct infer__room *_Atomic rooms;                /* the largest first */
    struct infer__borrower *_Atomic first_in_waiting; /* by when they came */
};

/* Who runs, one run at a time. All 0 is one that has not come yet. It must stay where it is. */
struct infer__borrower {
    struct infer__loans *loans; /* NULL: it has not come */
    size_t need;                /* bytes, at most */
    size_t now;                 /* of this run */
    struct infer__borrower *_Atomic next, *_Atomic next_in_waiting;
    struct infer__room *_Atomic room; /* that it has; NULL: none */
    _Atomic uint32_t waits;           /* 1: for a room; whoever gives it one clears this */
    pid_t process;                    /* that waits */
};

void infer__loans_init(struct infer__loans *loans, const infer_allocator *a, uint32_t most);
/* All borrowers must have left. */
void infer__loans_free(struct infer__loans *loans);

/* Comes, or says that it needs more by now (less changes nothing): rooms are taken. On failure
 * nothing has changed. Not while it has a room. */
infer_status infer__loans_come(struct infer__loans *loans, struct infer__borrower *b, size_t need,
                               infer_error *err);
/* Leaves; rooms that nobody needs now are freed. It may still have one, which it gives back; one
 * that has not come is fine. */
void infer__loans_leave(struct infer__borrower *b);

/* The memory for a run, `need` bytes, aligned to a page; NULL: there is none at this moment, and
 * `b` is in the queue: to be followed by infer__loans_wait until that returns memory, or by
 * infer__loans_end. */
void *infer__loans_begin(struct infer__borrower *b, size_t need);
/* Waits for a room, about a millisecond at most. */
void *infer__loans_wait(struct infer__borrower *b);
/* Gives the room back, or leaves the queue. */
void infer__loans_end(struct infer__borrower *b);

/* Bytes and number of all rooms. */
void infer__loans_count(struct infer__loans *loans, size_t *bytes, size_t *rooms);

#endif
