/* A loaded model, and what a flat file is made of. */
#ifndef INFER_FILE_MODEL_H
#define INFER_FILE_MODEL_H

#include "base/store.h"
#include "file/about.h"
#include "graph/graph.h"

/* Kinds of section. Numbers are part of the format: append only. */
enum infer__section_kind {
    INFER__SECTION_GRAPH = 1,
    INFER__SECTION_WEIGHTS = 2,
    INFER__SECTION_NAMES = 3,
    INFER__SECTION_LABELS = 4,
    INFER__SECTION_PREPROCESS = 5,
    INFER__SECTION_DECODING = 6,   /* how outputs become answers */
    INFER__SECTION_STATISTICS = 7, /* what pictures and answers are like (tools/monitor) */
    INFER__SECTION_SELFTEST = 8,   /* reserved: an input with its expected output */
    INFER__SECTION_TUNED = 9,      /* a tuned plan; one section for each CPU */
    INFER__SECTION_META = 10,      /* reserved: files of version 1.0 may have anything there */
    INFER__SECTION_ABOUT = 11,     /* names of dimensions, producer, pairs of strings */
    INFER__SECTION_PACKED = 12     /* packed weights; one section for each kind of CPU */
};

struct infer__section {
    uint32_t kind;
    const void *data; /* 64-byte aligned */
    size_t size;
};

struct infer__stored;

struct infer_model {
    infer_allocator allocator;
    struct infer__region region; /* owns graph, label pointers, sections, about */
    struct infer__graph graph;   /* verified; constants refer to the file's bytes */
    struct infer__section *sections;
    uint32_t nsections;
    const char **labels; /* of the labels section */
    uint32_t nlabels;
    struct infer__about about;
    uint64_t max_tensor_bytes; /* of the load options, kept for sessions */
    void *map;                 /* the mapped file, or NULL where it was read or is the caller's */
    size_t map_bytes;
    void *copy;                   /* the file as it was read, or NULL */
    struct infer__store *store;   /* weights that sessions have packed */
    struct infer__stored *packed; /* those in the file that this library can use */
    uint32_t npacked;
    uint64_t weights_sum; /* checksum of the weights, as the file states it; 0 where it has none */
};

/* The bytes of the first section of a kind, NULL and 0 if there is none. */
const void *infer__model_section(const infer_model *model, uint32_t kind, size_t *size);

/* What a file is written from. */
struct infer__file_content {
    const struct infer__graph *graph;
    const char *const *labels;
    uint32_t nlabels;
    const struct infer__section *extra; /* further sections, from preprocessing on, as bytes; empty
                                           ones are left out */
    uint32_t nextra;
    const struct infer__about *about; /* NULL: nothing is told. Names of dimensions that are not
                                         free in the graph are left out */
};

/* Writes a flat file to memory: *bytes is 64-byte aligned, to be freed with infer__free and the
 * allocator (infer__allocator of it where that is NULL). The same content gives the same bytes.
 * The graph is verified; values that nothing uses are left out, as are types and shapes inside the
 * graph; what was written is loaded once as a check, so text that is not UTF-8 or holds control
 * characters is INFER_ERROR_FORMAT. On failure *bytes is NULL. */
infer_status infer__file_write(const struct infer__file_content *content,
                               const infer_allocator *allocator, void **bytes, size_t *size,
                               infer_error *err);

#endif
