/* Vectors of pictures, and whether those of one class are near to each other. */
#ifndef INFER_TOOLS_EVAL_VECTORS_H
#define INFER_TOOLS_EVAL_VECTORS_H

#include "tools/eval/names.h"

struct vector_set {
    struct infer__region *region;
    struct name_list pictures, classes;
    uint32_t *labels; /* of each picture */
    int paths;        /* 1: names are whole paths */
    float *values;    /* `length` of each picture, of length 1 (or 0) */
    uint32_t length;
};

/* Pictures and their classes, which are whatever is met: a folder with a folder for each class,
 * lines `picture label`, or CSV lines behind a header. An exit status after a message. */
int read_vector_truth(const char *path, struct vector_set *set);
/* Recorded vectors: CSV lines "file,number,number,...", as infer embed --csv writes them. */
int read_vectors(const char *path, struct vector_set *set);
/* Divides a vector by its length, if that is above 0; 0 where a number is not finite. */
int vector_normalise(float *v, uint32_t n);

/* One picture asks for those like it: all others, by cosine, of equal ones the earlier. */
struct vector_hits {
    double first, fifth; /* 1: the nearest one is of its class, one of the nearest five */
    double precision;    /* average precision; NaN, as all: there is no other of its class */
};
infer_status vector_search(const struct vector_set *set, struct vector_hits *hits,
                           infer_error *err);

#endif
