/* Labels that a model tells of itself, as Ultralytics' exports do: a pair "names" whose value is
 * {0: 'person', 1: "traffic light", ...}. */
#ifndef INFER_TOOLS_DECODER_NAMES_H
#define INFER_TOOLS_DECODER_NAMES_H

#include "file/about.h"

/* The names in the order of their numbers, which are 0 to *count - 1, in `region`; NULL and 0 where
 * there are none, or they are written otherwise. */
const char *const *decoder_names(const struct infer__about *about, struct infer__region *region,
                                 uint32_t *count);

#endif
