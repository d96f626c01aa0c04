/* Confidence intervals by resampling pictures. */
#ifndef INFER_TOOLS_EVAL_BOOTSTRAP_H
#define INFER_TOOLS_EVAL_BOOTSTRAP_H

#include <stdint.h>

enum { BOOTSTRAP_MOST = 32 };

struct bootstrap {
    uint32_t pictures, rounds;
    uint64_t seed;
    int nvalues; /* at most BOOTSTRAP_MOST */
    /* The values where picture i counts weights[i] times; NaN where there is none. */
    void (*measure)(void *ctx, const uint32_t *weights, double *values);
    void *ctx;
    void (*progress)(void *ctx, const char *what, double part); /* may be NULL */
    void *progress_ctx;
};

/* The 2.5th and 97.5th percentiles of each value over rounds, in each of which as many pictures as
 * there are are drawn with replacement (Efron: Bootstrap Methods: Another Look at the Jackknife,
 * 1979). Rounds without a value are left out; NaN where all are. The same seed gives the same
 * intervals. 0 without memory. */
int bootstrap_run(const struct bootstrap *b, double (*intervals)[2]);

#endif
