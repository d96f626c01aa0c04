/* What reads the graph section. Internal to src/file. */
#ifndef INFER_FILE_GRAPH_READ_H
#define INFER_FILE_GRAPH_READ_H

#include "file/load.h"

/* Numbers of records, in the order of the graph section's header. */
struct infer__counts {
    uint32_t values, nodes, inputs, outputs, attrs, ints, floats, refs;
};

struct infer__read {
    struct infer__load *l;
    struct infer__graph *g;
    struct infer__counts n;
    /* Windows on the tables of the section, in the order of the file. */
    struct infer__reader values, nodes, attrs, ints, floats, refs, inputs, outputs;
    struct infer__reader names, weights;
    struct infer__attr *attr; /* the next to be filled */
    uint32_t *ref;
};

/* The string at `offset` of the names: either the next one that nothing has referred to yet, or
 * an earlier one. `where` is the position of the reference. */
infer_status infer__read_name(struct infer__read *s, uint64_t where, uint32_t offset,
                              const char **name);
/* Reads the next value, and its weights where it is a constant. */
infer_status infer__read_value(struct infer__read *s, struct infer__value *v);

#endif
