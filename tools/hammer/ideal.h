/* What a server without any cost of its own would give for the same arrivals. */
#ifndef INFER_TOOLS_HAMMER_IDEAL_H
#define INFER_TOOLS_HAMMER_IDEAL_H

#include <stddef.h>

#include "tools/hammer/hdr_histogram.h"
#include "tools/hammer/schedule.h"

enum { IDEAL_MOST_WORKERS = 1024 };

struct ideal {
    double *times_ms; /* bare service times; owned */
    size_t count;
    long workers;
};

/* One number, or a file with one a line, all in milliseconds. Returns a CLI exit status; *ideal
 * is to be freed with ideal_free all the same. */
int ideal_read(const char *text, struct ideal *ideal);
void ideal_free(struct ideal *ideal);
/* Plays the schedule to a queue, first come first served, with `workers` that each take one of
 * the service times, drawn at random by the schedule's seed. responses[step] gets the time from
 * arrival to answer. */
void ideal_run(const struct ideal *ideal, const struct schedule *s,
               struct hdr_histogram *responses);

#endif
