/* What the parts of the mutator share. */
#ifndef INFER_TESTS_FUZZ_MUTATE_INTERNAL_H
#define INFER_TESTS_FUZZ_MUTATE_INTERNAL_H

#include "base/size.h"
#include "tests/fuzz/mutate.h"

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

uint32_t mutate_any_value(struct mutation *m);
/* A change of an input or constant. */
void mutate_value(struct mutation *m);
void mutate_fill_const(struct mutation *m, struct infer__value *v);

#endif
