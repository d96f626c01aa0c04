/* When requests are due: steps of a rate, with Poisson or even gaps between arrivals. */
#ifndef INFER_TOOLS_HAMMER_SCHEDULE_H
#define INFER_TOOLS_HAMMER_SCHEDULE_H

#include <stdint.h>

enum { SCHEDULE_MOST_STEPS = 256 };

struct schedule_step {
    double rate;    /* arrivals a second; 0 in a closed loop, which has none */
    double percent; /* of the capacity that was given; NaN where none was */
    double begin_s, duration_s;
    int warmup; /* its requests are sent and not counted */
};

struct schedule {
    struct schedule_step steps[SCHEDULE_MOST_STEPS];
    int count;
    int uniform; /* even gaps, not exponential ones */
    uint64_t seed;
    uint64_t most; /* arrivals outside the warm-up; 0: as many as fit */
};

/* Adds a step behind the last; 0 where there is no room. */
int schedule_add(struct schedule *s, double rate, double percent, double duration_s, int warmup);
double schedule_seconds(const struct schedule *s);
/* The step that a time since the beginning falls into; the last one for what is later. */
int schedule_step_at(const struct schedule *s, double seconds);

/* All arrivals one by one. The same schedule has the same arrivals every time, whoever walks
 * through it: threads of the generator each take their share, and the ideal server has them all. */
struct arrivals {
    const struct schedule *schedule;
    uint64_t state, index; /* index: of the arrival that came last, from 1 */
    uint64_t counted;      /* outside the warm-up */
    double at_s;
    int step;
};

void arrivals_begin(struct arrivals *a, const struct schedule *s);
/* Moves to the next arrival and says when (nanoseconds since the beginning) and in which step; 0
 * at the end. */
int arrivals_next(struct arrivals *a, int64_t *at_ns, int *step);

/* A number of [0, 1) from a stream of random bits, which it moves on. */
double random_part(uint64_t *state);

#endif
