/* What the parts of the writer share. Internal to src/file. */
#ifndef INFER_FILE_WRITE_H
#define INFER_FILE_WRITE_H

#include "file/layout.h"
#include "file/model.h"

/* The strings of a file: each is stored once, in the order of first use. */
struct infer__strings {
    struct infer__string_slot {
        const char *text; /* NULL where the slot is empty */
        uint32_t offset;
    } * slots;
    size_t mask;   /* number of slots, a power of two, less 1 */
    uint32_t size; /* bytes so far, NULs included */
};

/* Room for `count` strings, in a region. */
infer_status infer__strings_init(struct infer__strings *t, struct infer__region *region,
                                 size_t count, infer_error *err);
/* The offset of `text`, which is added unless it is there. *fresh says which. */
infer_status infer__strings_add(struct infer__strings *t, const char *text, uint32_t *offset,
                                int *fresh, infer_error *err);

/* Bytes being written. The sizes are worked out beforehand; a byte too many sets `failed` instead
 * of passing the end. */
struct infer__writer {
    unsigned char *data;
    size_t size, at;
    int failed;
};

void infer__write_bytes(struct infer__writer *w, const void *bytes, size_t size);
void infer__write_u16(struct infer__writer *w, uint16_t v);
void infer__write_u32(struct infer__writer *w, uint32_t v);
void infer__write_u64(struct infer__writer *w, uint64_t v);
/* Zeros up to `at`. */
void infer__write_zeros_to(struct infer__writer *w, size_t at);

/* The graph as it will stand in the file: what nothing uses is left out. */
struct infer__write_graph {
    const struct infer__graph *g;
    uint32_t *number; /* per value of g: its number in the file, 0 where it is left out */
    uint8_t *output;  /* per value of g: 1 for an output of the graph */
    uint32_t *value_name, *node_name; /* offsets of names, by value and node of g */
    const char **strings;             /* the names in the file's order */
    uint32_t nstrings, names_bytes;
    uint32_t nvalues, nattrs, nints, nfloats, nrefs;
    size_t graph_bytes, weights_bytes;
};

/* Works out numbers, names and sizes; memory from `scratch`. */
infer_status infer__write_graph_plan(struct infer__write_graph *p, const struct infer__graph *g,
                                     struct infer__region *scratch, infer_error *err);
void infer__write_graph_section(const struct infer__write_graph *p, struct infer__writer *w);
void infer__write_weights_section(const struct infer__write_graph *p, struct infer__writer *w);
/* Bytes of the section about the model, 0 where there is nothing to tell. Names of dimensions that
 * are not free in the graph are left out. */
infer_status infer__about_size(const struct infer__about *about, const struct infer__graph *g,
                               size_t *size, infer_error *err);
void infer__about_write(const struct infer__about *about, const struct infer__graph *g,
                        struct infer__writer *w);
void infer__write_names_section(const struct infer__write_graph *p, struct infer__writer *w);

#endif
