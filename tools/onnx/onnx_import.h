/* From an ONNX file to the IR, and what is wrong with a model that can't be imported.
 *
 * An import reads the whole model before it gives up: every node, tensor and attribute that can't
 * be used becomes an entry of the report, so that a person sees all of them at once.
 */
#ifndef INFER_TOOLS_ONNX_IMPORT_H
#define INFER_TOOLS_ONNX_IMPORT_H

#include "file/about.h"
#include "graph/graph.h"

/* Opsets of ai.onnx that are understood. Below the first, nodes are accepted as long as their own
 * form is understood. */
#define ONNX_OPSET_MIN 7
#define ONNX_OPSET_MAX 28

/* ---- the report ----------------------------------------------------------------------------- */

/* One thing that is wrong (or, for a warning, ignored). Strings are never NULL. */
struct onnx_problem {
    const char *node;      /* name of the node, or of the tensor; empty: the whole model */
    const char *op;        /* operator as the model names it; empty where there is none */
    const char *domain;    /* "" is ai.onnx */
    int64_t opset;         /* version of the domain that the model asks for, 0 unknown */
    const char *attribute; /* empty where no attribute is to blame */
    const char *what;      /* what is wrong */
    const char *advice;    /* what would work; may be empty */
    int warning;           /* 1: the import goes on as if it were not there */
    uint32_t group;        /* index into the report's groups */
};

/* Entries that differ in the node only. */
struct onnx_group {
    struct onnx_problem first; /* its strings are the report's */
    uint32_t count;            /* all of them, those that the list has no room for too */
};

struct onnx_report {
    struct infer__region region; /* owns the strings */
    struct onnx_problem *items;
    uint32_t count, capacity;
    uint32_t problems, warnings;       /* all that were found; the list ends at ONNX_REPORT_MAX */
    struct onnx_group *groups;         /* in the order of their first entries */
    uint32_t ngroups, groups_capacity; /* at most ONNX_GROUPS_MAX; the last takes all the rest */
    uint32_t nodes;                    /* of the model, before any of them was imported */
};

#define ONNX_REPORT_MAX 1000
#define ONNX_GROUPS_MAX 200

void onnx_report_init(struct onnx_report *r, const infer_allocator *a);
void onnx_report_free(struct onnx_report *r);
/* One line for a person, without a line end, into `text`; returns text. */
char *onnx_problem_text(const struct onnx_problem *p, char *text, size_t size);
/* The same of a group: the operator, how many nodes, the first of them. */
char *onnx_group_text(const struct onnx_group *g, char *text, size_t size);

/* ---- import --------------------------------------------------------------------------------- */

struct onnx_import_options {
    const infer_input_spec *shapes; /* shapes of inputs, by name; their data must be NULL */
    size_t nshapes;
    uint64_t max_file_bytes;           /* 2 GiB (protobuf's own limit), of the model */
    uint64_t max_tensor_bytes;         /* 2 GiB; of one tensor */
    uint64_t max_constant_bytes;       /* 8 GiB; of all constants, external data included */
    uint32_t max_nodes;                /* 1,000,000 */
    const char *const *custom_domains; /* whose operators are left to the application */
    size_t ncustom_domains;
    struct infer__about *about; /* NULL, or where what the model tells of itself goes; its strings
                                   are in the region of the graph */
};

/* Fills in the defaults, which also stand for fields that are left 0. */
void onnx_import_options_init(struct onnx_import_options *o);

/* Imports the model at `path` into `g`, which is made in `region`; `options` may be NULL. `report`
 * must have been initialised. INFER_ERROR_UNSUPPORTED when the report has problems: `g` is then
 * not to be used. */
infer_status onnx_import(const char *path, const struct onnx_import_options *options,
                         struct infer__region *region, struct infer__graph *g,
                         struct onnx_report *report, infer_error *err);
/* The same from memory. External data is looked for in `folder`; NULL: there is none. */
infer_status onnx_import_memory(const void *bytes, size_t size, const char *folder,
                                const struct onnx_import_options *options,
                                struct infer__region *region, struct infer__graph *g,
                                struct onnx_report *report, infer_error *err);

/* ---- optimisation --------------------------------------------------------------------------- */

/* Rewrites a verified graph into an equal, cheaper one: constants folded, nodes that do nothing
 * removed, normalisation and constant factors folded into weights (optimise.c has the list). */
infer_status onnx_optimise(struct infer__graph *g, uint64_t max_tensor_bytes, infer_error *err);

/* ---- tensor files --------------------------------------------------------------------------- */

/* A TensorProto file, as ONNX's test data has them. All 13 types of infer_type are kept as they
 * are. */
struct onnx_tensor {
    infer_tensor tensor;
    const char *name; /* may be empty */
    struct infer__region region;
};

/* Reads a tensor; on success to be freed with onnx_tensor_free, on failure cleared. */
infer_status onnx_tensor_load(const char *path, struct onnx_tensor *t, infer_error *err);
void onnx_tensor_free(struct onnx_tensor *t);

#endif
