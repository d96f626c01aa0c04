/* From classes step by step to text: Graves et al., "Connectionist Temporal Classification" (2006),
 * of which the best class of each step is taken. */
#ifndef INFER_ANSWER_CTC_H
#define INFER_ANSWER_CTC_H

#include "infer.h"
#include "infer_text.h"

/* Probabilities of `classes` classes, step by step. */
struct infer__steps {
    const float *data;
    int64_t steps, classes;
    int64_t blank; /* the class that is no character; -1: there is none */
};

/* The label of a class, NULL where it has none. */
typedef const char *infer__label_of(const void *ctx, int64_t class);

/* Writes what is read to text->text, as far as there is room, and sets all else but that. A step
 * without a number that is not NaN is a blank; of equal ones the lowest class is the best. */
void infer__ctc_read(const struct infer__steps *s, infer__label_of *label, const void *ctx,
                     infer_text *text);

#endif
