/* What is said of a run: text, JSON, a drawing, a table of requests. */
#ifndef INFER_TOOLS_HAMMER_REPORT_H
#define INFER_TOOLS_HAMMER_REPORT_H

#include "tools/hammer/hammer.h"

struct report {
    const char *url;
    const struct hammer_plan *plan;
    const struct hammer_result *result;
    const int *expected; /* statuses that are no failure; none: 200 to 299 */
    int nexpected;
};

/* What is derived of a step for every form of report. */
struct step_view {
    const struct schedule_step *step;
    const struct step_stats *stats;
    double seconds;               /* that it lasted */
    double due_rate, answer_rate; /* requests due, and accepted, a second */
    uint64_t answered, failed;
    double self_s, server_s; /* CPU time */
    double server_bytes;
    double idle, steal;       /* shares of the machine's CPU time; NaN where unknown */
    double rate_without_self; /* see docs/hammer.md; NaN where it means nothing */
    const struct hdr_histogram *ideal;
    struct outcome accepted; /* all 2xx together */
};

/* Fills a view of step i; it is large. */
void report_view(const struct report *r, int i, struct step_view *view);

void report_text(const struct report *r, FILE *f);
void report_json(const struct report *r, FILE *f);
/* One picture (SVG) that needs nothing else. */
void report_svg(const struct report *r, FILE *f);
/* A line for each request: when it was due, sent and done, in milliseconds. */
void report_csv(const struct report *r, FILE *f);
/* The service times of accepted requests in milliseconds, one a line: what --ideal reads. */
void report_service_times(const struct report *r, FILE *f);

#endif
