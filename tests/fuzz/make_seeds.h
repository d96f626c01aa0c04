/* The parts of the program that writes seeds. */
#ifndef INFER_TESTS_FUZZ_MAKE_SEEDS_H
#define INFER_TESTS_FUZZ_MAKE_SEEDS_H

#include <stddef.h>

#include "file/model.h"

/* Writes folder/target/name. */
void seed_write(const char *folder, const char *target, const char *name, const void *bytes,
                size_t size);
/* Pictures of every format, with preprocessing. */
void seed_pictures(const char *folder);
/* Decodings with outputs. */
void seed_answers(const char *folder);
/* Heads of all families of networks. */
void seed_decoders(const char *folder);
/* NumPy's files and command lines. */
void seed_texts(const char *folder);

/* Sections beyond graph, weights, names and labels: preprocessing, decoding, statistics, a tuned
 * plan, one of a kind that has no meaning yet, and packed weights, of weights with this checksum.
 */
enum { SEED_SECTIONS = 6 };
struct seed_sections {
    struct infer__section section[SEED_SECTIONS];
};
struct seed_sections seed_sections(uint64_t weights);
/* What a model tells of itself; a name for whichever dimension of its first input is free. */
const struct infer__about *seed_about(void);

#endif
