/* What a server keeps of the requests that it answers, and whether they have drifted.
 *
 * One monitor belongs to one version of one model. All functions that take a monitor may be called
 * by any thread at any time, except monitor_free. Times are seconds since 1970, or of any other
 * clock that all calls about one monitor share. */
#ifndef INFER_TOOLS_MONITOR_MONITOR_H
#define INFER_TOOLS_MONITOR_MONITOR_H

#include "tools/monitor/judge.h"

enum { MONITOR_NAME = 64 };

/* What is 0 or NULL is as said here. */
struct monitor_options {
    const char *model, *version; /* empty; copied, cut after 63 bytes */
    uint32_t window; /* a window is the last so many pictures, 40 or more, in whole parts of 4; */
    double minutes;  /* or those of the last so many minutes; both: as far as both reach. 0 and 0:
                        what  the reference asks for, else 200 pictures */
    struct judge_options judge;
};

struct monitor;

/* `reference` is copied; NULL: distributions are kept, and nothing is judged. NULL without memory.
 * To be freed with monitor_free, for which NULL is fine. */
struct monitor *monitor_create(const struct profile *reference,
                               const struct monitor_options *options);
void monitor_free(struct monitor *m);

/* One picture with its answer. A window is four panes. Whenever half a window has passed, the
 * window is judged, in the call that fills it, which takes some milliseconds (some microseconds
 * else). An alert is raised for a feature that has drifted in two judged windows in a row, and ends
 * with the first in which it has not. 0 without memory: the picture is not counted in full. */
int monitor_add(struct monitor *m, const struct features *f, double now);

/* How unlike the reference a picture is (reference_oddness), for choosing samples; 0 without one.
 */
double monitor_oddness(const struct monitor *m, const struct features *f, enum feature *which);

/* A copy of what there is to tell. */
struct monitor_report {
    char model[MONITOR_NAME], version[MONITOR_NAME];
    int has_reference;
    uint32_t window;
    double minutes;
    uint64_t pictures;        /* since the beginning */
    uint64_t windows;         /* that were judged, */
    uint64_t drifted;         /* of which so many have drifted in any feature, */
    uint64_t alerts;          /* and how often an alert began */
    double since;             /* when the first alert of those that stand began; NaN: none stands */
    int alert[FEATURE_COUNT]; /* 1: an alert stands */
    struct judgement now;     /* of the sliding window, 3 to 4 panes, at this moment */
    double quantiles[FEATURE_COUNT][3]; /* of it: 0.05, 0.5, 0.95; NaN where there are none */
};

/* Fills *r; judges the sliding window, which changes no alert. 0 without memory. */
int monitor_report(struct monitor *m, double now, struct monitor_report *r);

/* Bits of the features whose alerts stand; *began becomes how many have begun so far. Takes no
 * time. */
uint32_t monitor_alerts(struct monitor *m, uint64_t *began);

/* The report as one JSON object. */
void monitor_json(FILE *f, const struct monitor_report *r);
/* Reports of `n` monitors in Prometheus' text format, each metric with its HELP and TYPE once:
 * infer_monitor_pictures_total, infer_monitor_windows_total, infer_monitor_alerts_total by model
 * and version; infer_monitor_psi, _psi_limit, _jensen_shannon, _kolmogorov_smirnov, _p_value,
 * _alert and _mean by feature, too. */
void monitor_metrics(FILE *f, const struct monitor_report *r, size_t n);

#endif
