/* Preparing a kernel as a plan does, for tests that prepare one at a time. */
#ifndef INFER_TESTS_KERNEL_CUT_H
#define INFER_TESTS_KERNEL_CUT_H

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

enum { CUT_MOST = 4096 };

/* Memory for the cut, the same at every call. */
static inline void *cut_memory(const struct infer__kernel *k)
{
    static _Alignas(64) unsigned char memory[CUT_MOST];
    if (k->cut_bytes > CUT_MOST)
        abort();
    memset(memory, 0, sizeof memory);
    return memory;
}

static inline infer_status prepare_kernel(const struct infer__kernel *k,
                                          const struct infer__task *t, struct infer__need *need,
                                          infer_error *err)
{
    need->cut = cut_memory(k);
    return k->prepare(t, need, err);
}

#endif
