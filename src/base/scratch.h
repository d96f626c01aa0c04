/* Memory for work that is done again and again in the same way: the first time shows how much it
 * needs, and from then on it comes from one block that is kept. */
#ifndef INFER_BASE_SCRATCH_H
#define INFER_BASE_SCRATCH_H

#include "base/memory.h"

struct infer__scratch {
    infer_allocator from;
    char *block; /* NULL: none yet */
    size_t size; /* of the block */
    size_t at;   /* what is handed out ends here, as if the block were large enough */
    size_t peak; /* the highest that was */
};

/* All 0 is a scratch that has not begun. Begins work, and returns the allocator to use for it:
 * what is taken from it must be freed before infer__scratch_end. The scratch must stay where it
 * is. One thread at a time. */
infer_allocator infer__scratch_begin(struct infer__scratch *s, const infer_allocator *from);
/* Ends it: where the block was too small, a larger one is taken for the next time. Where there is
 * no memory for that, the next time takes its memory as the first did. */
void infer__scratch_end(struct infer__scratch *s);
/* Gives the block back. */
void infer__scratch_free(struct infer__scratch *s);

#endif
