/* A lock that a fork leaves usable: for what is held some microseconds at most, with no memory
 * taken and nothing waited for under it. It names the process of the thread that holds it. In the
 * child of a fork a lock that another process holds means nothing; so every change under it must be
 * one store to memory, before and behind which all is whole. All 0 is a lock that nobody holds. */
#ifndef INFER_BASE_LOCK_H
#define INFER_BASE_LOCK_H

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

struct infer__lock {
    _Atomic pid_t holder; /* or 0 */
};

static inline void infer__lock(struct infer__lock *l)
{
    const pid_t here = getpid();
    for (unsigned i = 1;; i++) {
        pid_t holder = 0;
        if (atomic_compare_exchange_weak_explicit(&l->holder, &holder, here, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        if (holder && holder != here && /* of a thread that this process does not have */
            atomic_compare_exchange_strong_explicit(&l->holder, &holder, here, memory_order_acquire,
                                                    memory_order_relaxed))
            return;
        if (i % 64 == 0)
            sched_yield();
    }
}

static inline void infer__unlock(struct infer__lock *l)
{
    atomic_store_explicit(&l->holder, 0, memory_order_release);
}

#endif
