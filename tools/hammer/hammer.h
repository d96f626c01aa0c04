/* A load generator: what it is to do, and what it found. */
#ifndef INFER_TOOLS_HAMMER_HAMMER_H
#define INFER_TOOLS_HAMMER_HAMMER_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/hammer/ideal.h"
#include "tools/hammer/requests.h"
#include "tools/hammer/schedule.h"
#include "tools/hammer/stats.h"
#include "tools/hammer/usage.h"

enum { HAMMER_MOST_THREADS = 64, HAMMER_MOST_CONNECTIONS = 20000 };

struct hammer_plan {
    struct target target;
    struct requests requests;
    struct schedule schedule;
    int closed;       /* a loop of `connections` that send as soon as they are answered */
    long connections; /* else the most that may be open */
    long threads;
    int64_t timeout_ns; /* from when a request is due */
    /* What 2xx answers must have (a part of theirs) or, where check_whole, be. NULL: anything. */
    const char *check;
    size_t check_size;
    int check_whole;
    size_t records_most; /* requests that are kept one by one */
    pid_t servers[USAGE_MOST_SERVERS];
    int nservers;
    struct ideal ideal; /* without times: none */
    int progress;       /* a bar on standard error */
};

struct hammer_result {
    struct stats stats;
    struct usage usage[SCHEDULE_MOST_STEPS + 1]; /* before each step, and at the end of all */
    double ended_s;                              /* when the last answer had come */
    int stopped_early;                           /* by an interrupt */
    char trouble[128];           /* why connections failed, the last time; empty if none did */
    struct hdr_histogram *ideal; /* of each step; NULL without ideal times */
};

/* Sends the load and waits for its answers. A CLI exit status, after a message; free the result
 * whatever it is. One at a time in a process: it takes SIGINT over while it runs. */
int hammer_run(const struct hammer_plan *plan, struct hammer_result *result);
void hammer_result_free(struct hammer_result *r);

/* Requests that failed: no answer, a wrong one, or a status that is not expected. */
uint64_t hammer_failures(const struct step_stats *s, const int *expected, int nexpected);

#endif
