/* What is counted of a run: for each step the outcomes of its requests, with their times. */
#ifndef INFER_TOOLS_HAMMER_STATS_H
#define INFER_TOOLS_HAMMER_STATS_H

#include <stddef.h>

#include "tools/hammer/hdr_histogram.h"

/* How a request ended: an HTTP status (100 to 599), or one of these. */
enum outcome_kind {
    OUTCOME_NOT_CONNECTED = 1,
    OUTCOME_CLOSED,  /* the connection ended before the answer did */
    OUTCOME_BROKEN,  /* the answer is no HTTP */
    OUTCOME_TIMEOUT, /* no answer in time, counted from when it was due */
    OUTCOME_WRONG    /* a 2xx answer that is not what --check says */
};

enum { STATS_MOST_OUTCOMES = 32 };

/* Times from when the request was due (response) and from when it was sent (service). What was
 * never sent has no service time. */
struct outcome {
    int kind;
    struct hdr_histogram response, service;
};

struct step_stats {
    struct outcome *outcomes[STATS_MOST_OUTCOMES]; /* owned */
    int count;
    uint64_t issued;   /* requests that were due in the step */
    uint64_t accepted; /* 2xx answers that arrived within it, whenever their requests were due */
    uint64_t retried;  /* sent again, as an idle connection had been closed */
    uint64_t waited;   /* for a connection, as all that are allowed were in use */
    uint64_t bytes;    /* of content that was answered */
    struct hdr_histogram late; /* how much later than due the generator itself came to a request */
};

/* One request, for --csv and for plots over time. Nanoseconds since the beginning; sent is -1
 * where it never was. */
struct record {
    int64_t due, sent, done;
    int32_t kind, step;
};

struct stats {
    struct step_stats *steps; /* owned */
    int count;
    struct record *records; /* owned, in the order of their ends */
    size_t nrecords, records_room;
    size_t records_most; /* 0: none are kept */
    size_t records_lost; /* beyond that */
};

/* 0 without memory. */
int stats_init(struct stats *s, int steps, size_t records_most);
void stats_free(struct stats *s);
/* Counts a request of a step; 0 without memory. */
int stats_add(struct stats *s, const struct record *r);
/* Adds all of `from`; 0 without memory. */
int stats_merge(struct stats *s, const struct stats *from);
/* The outcome of a kind; NULL if there is none. */
const struct outcome *stats_find(const struct step_stats *s, int kind);
/* Adds up all outcomes that were accepted (2xx) into a zeroed one. */
void stats_accepted(const struct step_stats *s, struct outcome *sum);
/* "200", "timeout". */
const char *outcome_name(int kind, char *text, size_t size);

static inline int outcome_accepted(int kind)
{
    return kind >= 200 && kind < 300;
}

#endif
