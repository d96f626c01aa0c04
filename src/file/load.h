/* What the parts of the loader share. Internal to src/file. */
#ifndef INFER_FILE_LOAD_H
#define INFER_FILE_LOAD_H

#include "base/pages.h"
#include "file/layout.h"
#include "file/model.h"
#include "file/reader.h"

struct infer__load {
    struct infer_model *model;  /* under construction; owns all memory */
    infer_load_options options; /* every default filled in */
    struct infer__reader file;
    struct infer__pages map; /* the file, where it is mapped */
    /* Windows on the sections of the kinds that this version reads, by kind; data is NULL where
     * the file has none. */
    struct infer__reader section[INFER__SECTION_PREPROCESS + 1];
    infer_error *err;
};

/* Fails with the position of the byte to blame. */
#define FAIL_AT_IF(cond, status_, where, ...)                                                      \
    do {                                                                                           \
        if (cond)                                                                                  \
            return infer__fail_at(l->err, (status_), (where), __VA_ARGS__);                        \
    } while (0)

/* Checks header, section table and checksums, but those of weights and packed weights; fills
 * model->sections and l->section. */
infer_status infer__load_sections(struct infer__load *l);
/* Checks those, as the options say; behind infer__load_packed. */
infer_status infer__load_weights(struct infer__load *l);
/* Reads the graph section with the names and weights that it refers to into model->graph, and
 * verifies it. */
infer_status infer__load_graph(struct infer__load *l);
/* Reads the labels section, if there is one, into model->labels. */
infer_status infer__load_labels(struct infer__load *l);
/* Checks the sections with tuned plans; takes no memory (tuned_section.c). */
infer_status infer__load_tuned(struct infer__load *l);

/* Checks the tables of packed weights, not their contents, and lists in model->packed those that
 * this library can use (packed_section.c). */
infer_status infer__load_packed(struct infer__load *l);

/* Reads the section about the model, if there is one, into model->about (about_section.c). */
infer_status infer__load_about(struct infer__load *l);

/* Takes the next NUL-terminated string, which must be valid UTF-8 without control characters.
 * The string lies in the file. */
infer_status infer__load_string(struct infer__load *l, struct infer__reader *r, const char **s);
/* The same of several lines: tab, line feed and carriage return are let pass. */
infer_status infer__load_lines(struct infer__load *l, struct infer__reader *r, const char **s);

/* Length of the longest start of `size` bytes at `s` that is UTF-8 without control characters
 * (so without NUL too). */
size_t infer__text_length(const unsigned char *s, size_t size);

#endif
