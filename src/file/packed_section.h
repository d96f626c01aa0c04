/* The packed section: weights in the form that kernels of one kind of CPU want, used where they
 * stand. A file may have several, one for each kind. docs/format.md has the bytes; what a key means
 * is src/plan's business. */
#ifndef INFER_FILE_PACKED_SECTION_H
#define INFER_FILE_PACKED_SECTION_H

#include "file/model.h"

/* What a section holds for. */
struct infer__stored_for {
    uint32_t level; /* infer_isa: of the sessions whose plans want these bytes */
    uint32_t reserved;
    uint64_t library; /* infer__stored_library of the one that packed them */
};

/* Packed weights of one step, or of all that have the same. */
struct infer__stored_entry {
    struct infer__store_key key;
    const void *data; /* 64-byte aligned */
    size_t bytes;     /* at least 1 */
};

/* A view of a section, whose table has been checked. */
struct infer__stored {
    struct infer__stored_for by;
    uint64_t weights;          /* checksum of the weights that they were made of */
    const unsigned char *data; /* the section */
    size_t bytes;
    uint32_t nentries;
};

/* Stands for all that decides what packed weights look like: the version and the sources of all
 * that packs. A library reads those of its own kind only. */
uint64_t infer__stored_library(void);

/* Opens a section of a loaded model, or one of infer__stored_encode. */
void infer__stored_open(const struct infer__section *section, struct infer__stored *p);
/* Entry i; they are sorted by key. */
struct infer__stored_entry infer__stored_get(const struct infer__stored *p, uint32_t i);
/* What the sections that this library can use have under a key and in this size, or NULL. */
const void *infer__stored_find(const infer_model *model, const struct infer__store_key *key,
                               size_t bytes);

/* The bytes of a section, to be freed with infer__free: at least one entry, with different keys,
 * which are put in order. */
infer_status infer__stored_encode(const struct infer__stored_for *by, uint64_t weights,
                                  struct infer__stored_entry *entries, uint32_t nentries,
                                  const infer_allocator *allocator, void **bytes, size_t *size,
                                  infer_error *err);

#endif
