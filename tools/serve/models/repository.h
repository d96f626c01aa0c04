/* The models that are served: a folder of them, or single files; their versions, loaded and
 * replaced while requests go on.
 *
 *   models/squeezenet.infer        version 1 of "squeezenet"
 *   models/yolo/3/model.infer      version 3 of "yolo"; any one .infer or .onnx file there
 *   models/yolo/model.infer        version 1
 */
#ifndef INFER_TOOLS_SERVE_REPOSITORY_H
#define INFER_TOOLS_SERVE_REPOSITORY_H

#include "tools/serve/models/version.h"

struct repository;
struct scheduler;

struct repository_options {
    const char *const *paths; /* folders and files; NAME=FILE gives a file's model another name */
    int npaths;
    const char *load; /* the models that are loaded by themselves: names with commas between them,
                         "all" or NULL; the others wait for a call */
    struct version_options versions;
    uint64_t memory_limit; /* bytes of all versions, see version.bytes; 0: none */
    /* Those of a model that has others; NULL, or a function that gives NULL: it has not. */
    const struct version_options *(*versions_of)(void *ctx, const char *name);
    infer_pool *pool;
    struct scheduler *scheduler;
    /* Told of what happens, from any thread; may be NULL. */
    void (*tell)(void *ctx, const char *name, int64_t number, const char *what);
    void *ctx;
};

/* Which versions of those that a folder holds are served: all where nothing is set. */
enum { REPOSITORY_MOST_SPECIFIC = 32 };
struct version_policy {
    int latest; /* so many of the newest; 0: see below */
    int64_t specific[REPOSITORY_MOST_SPECIFIC];
    int nspecific;
};

enum model_state { MODEL_UNAVAILABLE, MODEL_LOADING, MODEL_READY, MODEL_UNLOADING };

/* One version, as a list of them tells it. */
struct repository_row {
    char *name;
    int64_t number; /* 0: the model has none that could be looked for */
    enum model_state state;
    char reason[300];        /* why it is not ready */
    struct version *version; /* counted; NULL unless ready */
};

/* Why a version can't be had. repository_get never leaves it at MODEL_EVICTED. */
enum repository_missing {
    MODEL_FOUND,
    MODEL_UNKNOWN,
    MODEL_NO_VERSION,
    MODEL_NOT_LOADED,
    MODEL_EVICTED
};

/* NULL: `why` says what is wrong with the paths. Nothing is loaded yet. */
struct repository *repository_open(const struct repository_options *options, char *why,
                                   size_t size);
/* Ends all versions; their last references may be others'. */
void repository_close(struct repository *r);

/* Looks at the paths: loads what is new or has changed, unloads what is gone. What was unloaded by
 * call stays so. Returns how many versions failed to load. */
int repository_scan(struct repository *r);
/* A version with a reference for the caller: `number` 0 is the one that is set as default, else the
 * newest that is ready. */
struct version *repository_get(struct repository *r, const char *name, size_t n, int64_t number,
                               enum repository_missing *missing);
/* Loads all versions of a model that its folder holds; those that are loaded and unchanged stay. 0:
 * `why` says what went wrong. */
int repository_load(struct repository *r, const char *name, char *why, size_t size);
/* The same with other options and another choice of versions, which count until this is called
 * again (NULL: those of all). Where they change versions that are served are loaded anew, beside
 * the old.
 */
int repository_load_with(struct repository *r, const char *name,
                         const struct version_options *options, const struct version_policy *policy,
                         char *why, size_t size);
/* What a model is loaded with where a call says nothing else. */
struct version_options repository_options_of(struct repository *r, const char *name);
/* Unloads all versions: those that are being run are finished. 0: there is no such model. */
int repository_unload(struct repository *r, const char *name);
/* ---- by call (repository_calls.c) -------------------------------------------------------------
 */

/* What became of a call that changes what is served. */
enum repository_done {
    REPOSITORY_DONE,
    REPOSITORY_NO_MODEL,
    REPOSITORY_NO_VERSION,
    REPOSITORY_EXISTS,     /* that file is served under that name already */
    REPOSITORY_IS_DEFAULT, /* and there are others */
    REPOSITORY_FAILED      /* `why` says it */
};

/* Serves a file that found_below gave under a name: as its version 1, or as the number behind those
 * that there are. `only`: a name that is served already is refused. `options` NULL: those of all.
 * *number becomes the version's. It stays until it is removed or its file is gone. */
enum repository_done repository_add(struct repository *r, const char *name, const char *path,
                                    const struct version_options *options, int only,
                                    int64_t *number, char *why, size_t size);
/* Unloads one version, of which others must be there if it is the default. */
enum repository_done repository_remove(struct repository *r, const char *name, int64_t number);
/* The version that is meant where none is named; 0: the newest again. */
enum repository_done repository_set_default(struct repository *r, const char *name, int64_t number);
/* The same, asked for: 0 where there is no such model or none of its versions is ready. */
int64_t repository_default(struct repository *r, const char *name, size_t n);
/* Shares in percent of the requests that name no version: the canary answers its share instead of
 * the default, the shadow gets copies of its share (traffic.h). Version 0: none. */
enum repository_done repository_set_shares(struct repository *r, const char *name, int64_t canary,
                                           double canary_percent, int64_t shadow,
                                           double shadow_percent);
/* The version that answers a request instead of `v`, and that gets a copy of one which `v` answers;
 * NULL where it is not the share's turn. With a reference for the caller. */
struct version *repository_canary(struct repository *r, const struct version *v);
struct version *repository_shadow(struct repository *r, const struct version *v);
/* A further name of a version, as "stable"; number 0: the name goes. */
enum repository_done repository_set_label(struct repository *r, const char *name, const char *label,
                                          int64_t number);
/* The version of a label, 0 where there is none. */
int64_t repository_label(struct repository *r, const char *name, size_t n, const char *label,
                         size_t length);

/* All versions, by name and number. Free them with repository_rows_free. */
struct repository_row *repository_rows(struct repository *r, int *count);
void repository_rows_free(struct repository_row *rows, int count);
/* Another number after every change of what repository_get gives. */
uint64_t repository_generation(struct repository *r);
/* Whether every version that is wanted is ready. */
int repository_ready(struct repository *r);

#endif
