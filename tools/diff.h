/* What the parts of `infer diff` share: two sides that run the same inputs, the values that both
 * have, and how far these are apart. */
#ifndef INFER_TOOLS_DIFF_H
#define INFER_TOOLS_DIFF_H

#include <stdio.h>

#include "file/model.h"
#include "tools/inputs.h"

/* ---- comparing (diff_compare.c) ------------------------------------------------------------- */

/* An element of floats parts where |a - b| > atol + rtol * the largest magnitude in both tensors,
 * one of integers where |a - b| > steps. */
struct diff_tolerance {
    double rtol, atol, steps;
};

enum diff_verdict {
    DIFF_AGREES,
    DIFF_PARTS,
    DIFF_OTHER_KIND /* another shape, floats or integers */
};

struct diff_result {
    enum diff_verdict verdict;
    infer_type type_a, type_b;
    int32_t rank_a, rank_b;
    int64_t dims_a[INFER_MAX_RANK], dims_b[INFER_MAX_RANK];
    double max_abs, max_rel, rms; /* of a - b; max_rel is max_abs over the largest magnitude */
    size_t elements, parted;      /* all; those beyond the tolerance */
    size_t at;                    /* where max_abs is */
    double a, b;                  /* the elements there */
};

void diff_compare(const infer_tensor *a, const infer_tensor *b, const struct diff_tolerance *t,
                  struct diff_result *r);

/* ---- recorded tensors (diff_recorded.c) ------------------------------------------------------ */

/* A folder of tensors, one a file, by name. */
struct diff_recorded {
    const char *folder;
    struct diff_file {
        char *path, *name; /* `name`: the file's without its ending, or a TensorProto's own */
        int proto;
    } * files; /* sorted by name */
    size_t count;
};

/* Lists a folder. Returns an exit status after a message; free it in either case. */
int diff_recorded_open(const char *folder, struct diff_recorded *r);
void diff_recorded_free(struct diff_recorded *r);
/* The file of a tensor of this name, as it is or as `infer run --output-dir` writes it; NULL if
 * there is none. */
const struct diff_file *diff_recorded_find(const struct diff_recorded *r, const char *name);
/* Reads one; data is to be freed with free. Returns an exit status after a message. */
int diff_recorded_load(const struct diff_file *f, infer_tensor *t);

/* ---- sides (diff_probe.c) -------------------------------------------------------------------- */

struct diff_side {
    const char *path;
    const infer_model *model;
    infer_session_options options; /* without inputs */
    struct inputs inputs;          /* A owns the data, B has views of it */
    infer_session *session;        /* of the model as it is */
    int no_optimise;
};

/* A session of a copy of the side's model of which further values are outputs. */
struct diff_probe {
    struct infer__region region;
    infer_model model; /* the side's, with another graph */
    infer_session *session;
    infer_tensor *outputs;
    uint32_t *place; /* of each value that was asked for: its output */
};

/* On success and failure alike to be freed. */
infer_status diff_probe_open(const struct diff_side *s, const struct session_args *shapes,
                             const uint32_t *values, uint32_t n, struct diff_probe *p,
                             infer_error *err);
infer_status diff_probe_run(const struct diff_side *s, struct diff_probe *p, infer_error *err);
void diff_probe_free(struct diff_probe *p);
/* Whether the probe has the steps, kernels and types of the side's own session. */
int diff_probe_same_steps(const struct diff_side *s, const struct diff_probe *p);
/* Marks the values that steps of the side's own session make: one byte for each value. */
void diff_step_values(const struct diff_side *s, uint8_t *made);

/* ---- all values (diff_points.c, diff_run.c) ---------------------------------------------------
 */

/* A value that both sides have. */
struct diff_point {
    uint32_t node;                /* of A's graph that makes it */
    uint32_t a, b;                /* values of both graphs; b is 0 where it is recorded */
    const struct diff_file *file; /* that B is in, or NULL */
    int refused; /* fused: to ask for the value changed other steps; see diff_probe_same_steps */
    struct diff_result result;
};

struct diff {
    struct diff_side a, b; /* b has no model where it is recorded */
    struct diff_recorded recorded;
    struct session_args shapes; /* --input-shape and the settings of both */
    struct diff_tolerance tolerance;
    int fused, bar;
    double start_ms;
    struct diff_point *points; /* in the order of A's graph */
    uint32_t npoints;
    uint32_t *unmatched; /* values of A's nodes that B does not have, or that are not compared */
    uint32_t nunmatched;
    uint32_t parted, first; /* points that part; the first of them, npoints if there is none */
    uint32_t runs;          /* groups of values that were asked for at a time */
};

/* Which values both sides have. Exit statuses after a message. */
int diff_points(struct diff *d);
/* Runs both sides and compares. */
int diff_run(struct diff *d);
/* Nodes between the first point that parts and values that agree, whose own values were not
 * compared: their number, and up to `most` of them. */
uint32_t diff_between(const struct diff *d, uint32_t *nodes, uint32_t most);

/* ---- the report (diff_report.c) ---------------------------------------------------------------
 */

void diff_text(const struct diff *d, int brief, FILE *f);
void diff_json(const struct diff *d, FILE *f);

#endif
