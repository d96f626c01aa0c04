/* The models that are served: a folder of them, or single files; their versions, loaded and
 * replaced while requests go on.
 *
 *   models/squeezenet.infer        version 1 of "squeezenet"
 *   models/yolo/3/model.infer      version 3 of "yolo"; any one .infer or .onnx file there
 *   models/yolo/model.infer        version 1
 */
#ifndef INFER_TOOLS_SERVE_REPOSITORY_H
#define INFER_TOOLS_SERVE_REPOSITORY_H

#include "tools/serve/version.h"

struct repository;
struct scheduler;

struct repository_options {
    const char *const *paths; /* folders and files; NAME=FILE gives a file's model another name */
    int npaths;
    struct version_options versions;
    infer_pool *pool;
    struct scheduler *scheduler;
    /* Told of what happens, from any thread; may be NULL. */
    void (*tell)(void *ctx, const char *name, int64_t number, const char *what);
    void *ctx;
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

/* Why a version can't be had. */
enum repository_missing { MODEL_FOUND, MODEL_UNKNOWN, MODEL_NO_VERSION, MODEL_NOT_LOADED };

/* NULL: `why` says what is wrong with the paths. Nothing is loaded yet. */
struct repository *repository_open(const struct repository_options *options, char *why,
                                   size_t size);
/* Ends all versions; their last references may be others'. */
void repository_close(struct repository *r);

/* Looks at the paths: loads what is new or has changed, unloads what is gone. What was unloaded by
 * call stays so. Returns how many versions failed to load. */
int repository_scan(struct repository *r);
/* A version with a reference for the caller: `number` 0 is the newest that is ready. */
struct version *repository_get(struct repository *r, const char *name, size_t n, int64_t number,
                               enum repository_missing *missing);
/* Loads all versions of a model that its folder holds; those that are loaded and unchanged stay. 0:
 * `why` says what went wrong. */
int repository_load(struct repository *r, const char *name, char *why, size_t size);
/* Unloads all versions: those that are being run are finished. 0: there is no such model. */
int repository_unload(struct repository *r, const char *name);
/* All versions, by name and number. Free them with repository_rows_free. */
struct repository_row *repository_rows(struct repository *r, int *count);
void repository_rows_free(struct repository_row *rows, int count);
/* Whether every version that is wanted is ready. */
int repository_ready(struct repository *r);

#endif
