/* What the parts of `infer edit` share: a copy of a model's graph that is changed. */
#ifndef INFER_TOOLS_EDIT_H
#define INFER_TOOLS_EDIT_H

#include <stdio.h>

#include "file/model.h"
#include "tools/cli.h"

/* How --input-shape writes a shape: numbers, letters for what becomes free, or ?. */
struct edit_dims {
    int rank;
    int64_t dims[INFER_MAX_RANK]; /* 0 where free */
    uint32_t free_dims;
    char names[INFER_MAX_RANK][32]; /* of free ones; may be empty */
};

struct edit {
    const char *path; /* for messages */
    const infer_model *model;
    struct infer__region region; /* owns everything below */
    struct infer__graph g;
    struct infer__about about;
    uint8_t *was_used; /* per value of the model: a node read it, or it was an output */
    FILE *log;         /* a line for each change */
    uint32_t nodes;    /* before */
};

/* Functions give an exit status, after a message. */

/* A copy of the model. `log` takes a line for each change. Free it in either case. */
int edit_begin(struct edit *e, const infer_model *model, const char *path, FILE *log);
void edit_free(struct edit *e);

/* ---- cutting (edit_cut.c) -------------------------------------------------------------------- */

/* The values that a list of names with commas between them means; a name may have commas itself.
 * They are added to list[*count], of `most`. */
int edit_names(const struct edit *e, const char *option, const char *text, uint32_t *list,
               uint32_t *count, uint32_t most);
/* New inputs, whose types and shapes are worked out. */
int edit_from(struct edit *e, const uint32_t *values, uint32_t n);
/* New outputs. */
int edit_to(struct edit *e, const uint32_t *values, uint32_t n);
int edit_remove_outputs(struct edit *e, const uint32_t *values, uint32_t n);
/* Drops nodes and inputs that no output needs any more. `given`: how many inputs edit_from made,
 * which must then suffice; 0: it was not called. */
int edit_sweep(struct edit *e, uint32_t given);

/* ---- names and shapes (edit.c, edit_shapes.c) -------------------------------------------------
 */

/* "OLD=NEW"; names may have = in them: that of a value decides. */
int edit_rename(struct edit *e, const char *text);
/* "NAME=1x3xHxW" of an input as it is after cutting. */
int edit_input_shape(struct edit *e, const char *text);
/* Works out what the outputs are and, with `check`, that the graph takes the shapes of its inputs:
 * `freed` if some were made free. */
int edit_outputs(struct edit *e, int check, int freed);
/* Types and shapes of all values as far as they follow from the inputs, in `shaped`: free_dims for
 * what depends on free sizes. Another status than INFER_OK: they can't be worked out. `second`:
 * *err of the second size that was tried, where the first one works. */
infer_status edit_infer(const struct infer__graph *g, struct infer__region *region,
                        struct infer__value **shaped, infer_error *second, infer_error *err);

/* A value as "f32 1x3x?x?". */
char *edit_value_text(const struct infer__value *v, char *text, size_t size);

#endif
