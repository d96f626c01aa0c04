/* Labels that a model tells of itself, as Ultralytics' exports do: a pair "names" whose value is
 * {0: 'person', 1: "traffic light", ...}. */
#ifndef INFER_TOOLS_DECODER_NAMES_H
#define INFER_TOOLS_DECODER_NAMES_H

#include "file/about.h"
#include "infer_vision.h"

/* The names in the order of their numbers, which are 0 to *count - 1, in `region`; NULL and 0 where
 * there are none, or they are written otherwise. */
const char *const *decoder_names(const struct infer__about *about, struct infer__region *region,
                                 uint32_t *count);

/* The characters that a reader of text tells of itself, line by line in a pair "character", as
 * PaddleOCR's exports do; NULL and 0 where there are none. */
const char *const *decoder_characters(const struct infer__about *about,
                                      struct infer__region *region, uint32_t *count);
/* Makes labels and the decoding of a reader of text agree: a list as long as the classes begins
 * with the blank, a shorter one does not; one that is two short lacks the space at its end, too,
 * and gets it. Returns the labels, NULL without memory. */
const char *const *decoder_alphabet(infer_decoding *d, const char *const *labels, uint32_t *count,
                                    struct infer__region *region);

#endif
