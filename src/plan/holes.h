/* Memory of an address space that begins at 0 and has no end, taken and given back: best fit.
 *
 * A range is taken from the smallest hole that holds it; of equal ones from the first. If there is
 * none, it is what follows the highest range. What is given back is joined with holes beside it.
 * Both take time in proportion to the number of bits of a size, whatever there is. */
#ifndef INFER_PLAN_HOLES_H
#define INFER_PLAN_HOLES_H

#include "base/memory.h"
#include "base/status.h"

/* A range: a hole, or taken. Ranges are numbered from 1; each ends where the next one begins. */
struct infer__extent {
    uint64_t begin;
    uint32_t before, after; /* neighbours in the order of addresses; 0: none */
    uint32_t child[2]; /* of a hole, in the tree; child[0] of one that is taken: its own number */
};

struct infer__holes {
    struct infer__region *region;
    struct infer__extent *ranges; /* ranges[0] is none */
    uint32_t nranges, capacity;
    uint32_t unused;  /* the first of the numbers that are free again, linked by `after`; 0: none */
    uint32_t root;    /* of the tree of holes, below which they are sorted by bytes, then begin */
    uint32_t highest; /* the last range, which is no hole; 0: nothing is taken */
    uint64_t end;     /* where it ends */
    uint64_t peak;    /* the highest that this was */
    unsigned bits;    /* that sizes and addresses have */
};

/* Nothing is taken. `most`: of bytes that will ever be taken at the same time. */
void infer__holes_init(struct infer__holes *h, struct infer__region *region, uint64_t most);
/* Takes `bytes` bytes, more than 0; *range is the number to give them back by. */
infer_status infer__holes_take(struct infer__holes *h, uint64_t bytes, uint32_t *range,
                               infer_error *err);
void infer__holes_give(struct infer__holes *h, uint32_t range);
/* Where a range begins. */
uint64_t infer__holes_begin(const struct infer__holes *h, uint32_t range);
/* Gives the memory of all this back to the region. */
void infer__holes_free(struct infer__holes *h);

#endif
