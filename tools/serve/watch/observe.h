/* What is kept of the pictures that a version answers, by tools/monitor: distributions and whether
 * they have drifted, a line for each in a log, samples for labelling, and what labels say. */
#ifndef INFER_TOOLS_SERVE_OBSERVE_H
#define INFER_TOOLS_SERVE_OBSERVE_H

#include <stdio.h>

#include "tools/monitor/feedback.h"
#include "tools/monitor/sampler.h"
#include "tools/serve/models/version.h"

struct monitor;
struct features;

struct observe_options {
    int always;          /* versions without a reference are observed too */
    uint32_t window;     /* as of monitor_options */
    double minutes;      /* likewise */
    const char *log;     /* file of JSON lines for infer drift, which is appended to; NULL: none */
    const char *samples; /* folder; NULL: none */
    uint32_t most_samples;
    uint64_t most_sample_bytes;
};

/* What all versions share. */
struct observers;
/* Of one version. */
struct observation;

/* 0: `why` has a sentence. */
int observers_begin(struct observers **all, const struct observe_options *o, char *why,
                    size_t size);
void observers_end(struct observers *all);
struct sampler_count observers_samples(const struct observers *all);

/* NULL where the version is not observed, or without memory: it is then served all the same. */
struct observation *observation_begin(struct observers *all, const char *name, int64_t number,
                                      const infer_model *model);
void observation_free(struct observation *o);
struct monitor *observation_monitor(struct observation *o);
struct feedback *observation_feedback(struct observation *o);

/* A picture was answered, with these features of it and its answer. `id` is the request's. Any
 * thread. */
void observation_add(struct observation *o, const struct features *f, const char *id,
                     const infer_picture *picture);

#endif
