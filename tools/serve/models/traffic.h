/* Where requests that name no version go: to the default, a canary, or with a copy to a shadow,
 * whose answers are compared. */
#ifndef INFER_TOOLS_SERVE_TRAFFIC_H
#define INFER_TOOLS_SERVE_TRAFFIC_H

#include <stdatomic.h>

#include "tools/serve/models/job.h"

struct server;

struct traffic_counts {
    atomic_ullong canaries;
    atomic_ullong shadows, disagreements, shadow_failures;
    atomic_int shadows_now; /* under way; past a bound no more are made */
};

/* The version that answers a request which names none, of which `v` is the default: `v`, or the
 * canary where it is its turn and has the same inputs and outputs. Takes the reference, and gives
 * one. */
struct version *traffic_choose(struct server *s, struct version *v);
/* Queues a job as scheduler_submit does, and makes a copy for the shadow where it is its turn. All
 * protocols do so.
 * Answers disagree where the best classes differ, where boxes don't pair up (the same class, an IoU
 * of 0.5), where more than 2 % of a mask's pixels differ, or numbers by more than 1 % of the
 * largest.
 */
void traffic_submit(struct server *s, struct job *job);

#endif
