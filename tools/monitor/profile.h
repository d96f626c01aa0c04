/* The distributions of all features of a number of pictures: what a reference is, and what each
 * part of a window is. */
#ifndef INFER_TOOLS_MONITOR_PROFILE_H
#define INFER_TOOLS_MONITOR_PROFILE_H

#include "file/model.h"
#include "tools/monitor/counter.h"
#include "tools/monitor/features.h"
#include "tools/monitor/sketch.h"

struct profile {
    uint64_t pictures;
    struct sketch numbers[FEATURE_COUNT]; /* FEATURE_CLASS has none */
    struct counter classes;
    /* Of a reference: the windows that it asks to be compared with it; 0: no wish. */
    uint32_t window;
    double minutes;
};

void profile_begin(struct profile *p);
void profile_free(struct profile *p);
/* 0 where memory was missing: a feature then lacks the number. */
int profile_add(struct profile *p, const struct features *f);
int profile_merge(struct profile *p, const struct profile *other);
/* How often the feature was told, as a finite number or not. */
uint64_t profile_told(const struct profile *p, enum feature f);

/* ---- as bytes (profile_file.c) -------------------------------------------------------------- */

/* `err` is never NULL here.
 *
 * The section STATISTICS of a model's file, which is a file of its own as well. *bytes is to be
 * freed with free. */
infer_status profile_encode(struct profile *p, void **bytes, size_t *size, infer_error *err);
/* From bytes that are not trusted. *p becomes a profile, empty on failure: INFER_ERROR_FORMAT, or
 * INFER_ERROR_VERSION where it was written by a later version. */
infer_status profile_decode(struct profile *p, const void *bytes, size_t size, infer_error *err);
/* The one in a model; INFER_ERROR_UNSUPPORTED where it has none. */
infer_status profile_of_model(struct profile *p, const infer_model *model, infer_error *err);
/* The model's file with this reference in it, in place of one that is there. *bytes is 64-byte
 * aligned, to be freed with infer__free. */
infer_status profile_store(struct profile *p, const infer_model *model, void **bytes, size_t *size,
                           infer_error *err);
/* From a .infer file, or a file of profile_encode's bytes. *p is then to be freed. `model` may be
 * NULL; else *model becomes the model of a .infer file, to be freed with infer_model_free, or NULL.
 * Returns an exit status after a message. */
int profile_open(struct profile *p, const char *path, infer_model **model);

/* ---- telling (profile_report.c) ------------------------------------------------------------- */

/* A table; one JSON object. 0 without memory. */
int profile_text(FILE *f, const struct profile *p);
int profile_json(FILE *f, const struct profile *p);

#endif
