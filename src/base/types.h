/* What names of the public interface mean, for programs that read them from a command line. */
#ifndef INFER_BASE_TYPES_H
#define INFER_BASE_TYPES_H

#include "infer.h"

/* The precision (enum infer_precision) of a name; 0 where there is none, *precision stays then. */
int infer__precision_named(const char *name, uint32_t *precision);

#endif
