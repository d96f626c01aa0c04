/* What belongs to the calling thread and must be as it was when a public function returns, whatever
 * way it takes: the floating-point mode and errno.
 *
 *     infer_status infer_topk(...)
 *     {
 *         INFER__KEEP_CALLER;
 *
 * Every public function that computes, takes or gives back memory, or asks the system for anything
 * begins so. It then runs in the plain mode of float_mode.h. */
#ifndef INFER_BASE_CALLER_H
#define INFER_BASE_CALLER_H

#include <errno.h>

#include "base/float_mode.h"

struct infer__caller {
    struct infer__float_mode mode;
    int number; /* errno */
};

static inline struct infer__caller infer__caller_keep(void)
{
    return (struct infer__caller){infer__float_mode_plain(), errno};
}

static inline void infer__caller_back(const struct infer__caller *c)
{
    errno = c->number;
    infer__float_mode_back(c->mode);
}

#define INFER__KEEP_CALLER                                                                         \
    __attribute__((cleanup(infer__caller_back), unused)) const struct infer__caller caller_ =      \
        infer__caller_keep()

#endif
