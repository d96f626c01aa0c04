/* infer drift: what a server has logged, or a folder of pictures, beside a reference. */
#ifndef INFER_TOOLS_MONITOR_DRIFT_H
#define INFER_TOOLS_MONITOR_DRIFT_H

#include "tools/monitor/monitor.h"
#include "tools/monitor/observer.h"

enum { DRIFT_ODDEST = 12, DRIFT_STREAMS = 64, DRIFT_EVENTS = 100 };

/* A picture that is little like the reference. */
struct drift_odd {
    double oddness, value;
    enum feature feature;
    char *picture; /* a path, or NULL */
    double time;
};

/* What one version of one model was asked. */
struct drift_stream {
    struct monitor *monitor; /* goes through it window by window */
    struct profile whole;
    struct drift_odd odd[DRIFT_ODDEST]; /* the oddest first */
    int nodd;
    struct drift_event { /* alerts began: features as bits, with picture number `at` */
        uint32_t features;
        uint64_t at;
        double time;
    } events[DRIFT_EVENTS];
    int nevents;
    uint32_t standing;
    double first, last; /* times */
    /* of drift_finish */
    struct monitor_report report;
    struct judgement judgement; /* of all together */
    int drifted;                /* all together, or alerts began */
};

struct drift {
    const char *reference_path, *path; /* for messages */
    struct profile reference;
    struct reference ready;
    infer_model *model; /* of the reference, for labels; NULL: none */
    struct monitor_options options;
    struct drift_stream *streams[DRIFT_STREAMS];
    int nstreams;
    uint64_t pictures, skipped;
};

/* Opens the reference. Functions return an exit status after a message. */
int drift_begin(struct drift *d, const char *reference, const struct monitor_options *options);
void drift_end(struct drift *d);

/* One picture. `picture`: its path or NULL; model and version may be empty. */
int drift_add(struct drift *d, const char *model, const char *version, const char *picture,
              const struct features *f, double time);
/* A file of lines of JSON, each of a request: docs/monitoring.md has their members. Lines that are
 * none are counted, and the first are complained of. */
int drift_read_log(struct drift *d, const char *path);
/* Judges all streams. CLI_OK, or CLI_DIFFERS where one has drifted. */
int drift_finish(struct drift *d);

/* ---- telling -------------------------------------------------------------------------------- */

void drift_text(FILE *f, const struct drift *d);
void drift_json(FILE *f, const struct drift *d);
/* A page with histograms and the oddest pictures (drift_page.c). */
int drift_page(const char *path, const struct drift *d);
/* The label of a class, "class 7" where there is none. */
const char *drift_label(const struct drift *d, int64_t class, char text[64]);

#endif
