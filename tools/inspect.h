/* What the parts of `infer inspect` share. They look into the library's own structures (graph,
 * plan), which the public interface does not show; tools may, since they link libinfer.a. */
#ifndef INFER_TOOLS_INSPECT_H
#define INFER_TOOLS_INSPECT_H

#include <stdio.h>

#include "infer.h"

struct inspect {
    const char *path;
    const infer_model *model;
    const infer_session *session; /* NULL where none could be made */
    infer_isa isa;                /* the level that was asked for, or the best */
    infer_precision precision;    /* that was asked for */
};

/* The model by itself, then the session with its plan and arena. */
void inspect_model_text(FILE *f, const struct inspect *x);
void inspect_nodes_text(FILE *f, const struct inspect *x);
void inspect_session_text(FILE *f, const struct inspect *x);
/* A row per step, a column per 1/64 of the arena: what is written, kept and free. */
void inspect_arena_text(FILE *f, const struct inspect *x);

/* All of it as one JSON object; `error` is why there is no session. */
void inspect_json(FILE *f, const struct inspect *x, const infer_error *error);
/* The plan for Graphviz. */
void inspect_dot(FILE *f, const struct inspect *x);

/* Sections of packed weights, a line each; as a JSON array. */
void inspect_packed_text(FILE *f, const infer_model *model);
void inspect_packed_json(FILE *f, const infer_model *model);

/* ---- shared --------------------------------------------------------------------------------- */

/* A tensor's bytes lie in those of another: its number, or its own. */
uint32_t inspect_root(const struct inspect *x, uint32_t tensor);
/* Steps of the session that have packed weights, those whose weights are used in the file, and the
 * bytes of these, steps that share them counted each. */
struct inspect_stored {
    uint32_t packed, stored;
    uint64_t bytes;
};
struct inspect_stored inspect_stored(const struct inspect *x);
/* Multiply-adds of all steps. */
uint64_t inspect_macs(const struct inspect *x);
/* Bytes of all constants of the graph. */
uint64_t inspect_weight_bytes(const struct inspect *x);

#endif
