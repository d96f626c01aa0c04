#include "tools/serve/models/notes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A whole number of least..most; -1: it is none. */
static long number(const char *text, long least, long most)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    return *text && !*end && !errno && value >= least && value <= most ? value : -1;
}

static void apply(const char *key, const char *value, struct version_options *o)
{
    long n;
    if (strcmp(key, NOTE_MAX_BATCH) == 0 && !(o->told & VERSION_TOLD_BATCH) &&
        (n = number(value, 1, 1024)) > 0)
        o->max_batch = (int)n;
    if (strcmp(key, NOTE_BATCH_DELAY) == 0 && !(o->told & VERSION_TOLD_DELAY) &&
        (n = number(value, 0, 10000000)) >= 0)
        o->batch_delay_ns = (uint64_t)n * 1000;
    if (strcmp(key, NOTE_WORKERS) == 0 && !(o->told & VERSION_TOLD_WORKERS) &&
        (n = number(value, 1, 1024)) > 0)
        o->workers = (int)n;
    if (strcmp(key, NOTE_TIMEOUT) == 0 && !(o->told & VERSION_TOLD_TIMEOUT) &&
        (n = number(value, 0, 86400000)) >= 0)
        o->timeout_ns = (uint64_t)n * 1000000;
}

void notes_apply(const infer_model *model, struct version_options *options)
{
    infer_model_info info = INFER_MODEL_INFO_INIT;
    infer_error err;
    if (infer_model_describe(model, &info, &err) != INFER_OK)
        return;
    for (uint64_t i = 0; i < info.metadata; i++) {
        const char *key, *value;
        if (infer_model_metadata(model, (size_t)i, &key, &value, &err) == INFER_OK)
            apply(key, value, options);
    }
}
