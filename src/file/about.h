/* What a file tells about its model beside what it computes: names of free dimensions, who made it,
 * and whatever pairs of strings its maker added. Section ABOUT of docs/format.md. */
#ifndef INFER_FILE_ABOUT_H
#define INFER_FILE_ABOUT_H

#include "graph/graph.h"

/* Name of a free dimension of an input or output, "batch" say. */
struct infer__dim_name {
    uint32_t index;      /* of the input or output, in the model's order */
    uint8_t output, dim; /* 0 of an input, 1 of an output */
    const char *name;    /* not empty */
};

struct infer__pair {
    const char *key, *value; /* the key is not empty */
};

struct infer__about {
    const char *producer, *version; /* empty where unknown; of a model in a file never NULL */
    uint32_t opset;                 /* of ai.onnx; 0 unknown */
    uint32_t ndims, npairs;
    struct infer__dim_name *dims; /* inputs first, then by index and dimension */
    struct infer__pair *pairs;    /* in the order of the model */
};

/* Fills names[i] with that of dimension i, NULL where it has none. */
void infer__about_dims(const struct infer__about *about, int output, uint32_t index,
                       const char *names[INFER_MAX_RANK]);

#endif
