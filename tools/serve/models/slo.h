/* A goal for latency, held by what is let in and by how much is run together.
 *
 * A job is let in while the time that it is expected to take stays below a bound. The bound and the
 * size of batches follow what is measured, additively up and multiplicatively down (AIMD, as in
 * Clipper, Crankshaw et al. 2017): over each window of jobs the wanted quantile is compared with
 * the goal. */
#ifndef INFER_TOOLS_SERVE_SLO_H
#define INFER_TOOLS_SERVE_SLO_H

#include <stdint.h>

enum { SLO_WINDOW = 200 };

struct slo {
    double quantile;  /* 0.99 */
    uint64_t goal_ns; /* 0: there is none, and everything is let in */
    int most_batch;

    double allowed_ns; /* the expected time up to which a job is let in */
    double image_ns;   /* of a session for one image, averaged over the last runs; 0: not known */
    int batch;         /* images that are run together now */
    double held_ns;    /* the quantile over the last whole window; 0: none yet */
    int count;
    uint64_t window[SLO_WINDOW];
};

void slo_begin(struct slo *s, double quantile, uint64_t goal_ns, int most_batch);
/* How long a job of `images` is expected to take where so many images wait and are run already, on
 * `workers` sessions. */
double slo_expected(const struct slo *s, int64_t waiting, int64_t running, int workers,
                    int64_t images);
/* Whether that is let in. */
int slo_admits(const struct slo *s, int64_t waiting, int64_t running, int workers, int64_t images);
/* A run of a session has ended. */
void slo_ran(struct slo *s, uint64_t ns, int64_t images);
/* A job has ended, from when it was queued. */
void slo_ended(struct slo *s, uint64_t ns);
/* "p99=20ms", "p99.5=0.5s", "20ms" (p99). 0: it is none. */
int slo_parse(const char *text, double *quantile, uint64_t *goal_ns);

#endif
