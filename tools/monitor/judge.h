/* Whether a window of pictures is of the same kind as the reference. */
#ifndef INFER_TOOLS_MONITOR_JUDGE_H
#define INFER_TOOLS_MONITOR_JUDGE_H

#include "tools/monitor/profile.h"

/* What is 0 is as said here. */
struct judge_options {
    double alarm; /* 0.002; of windows of the reference's own kind this share at most is taken for
                     drifted, all features together */
    double least; /* 0.1; a smaller difference (KS, or the total variation of classes) is none,
                     however sure it is */
    int exact;    /* 1: p of KS is counted exactly where every number is in the sketches by itself,
                     in a millisecond or so, instead of taken from the limit: offline */
    uint32_t fewest; /* 30; a window of fewer pictures is not judged */
};

/* A reference made ready for comparisons. Not changed by them: any number of threads may use it. */
struct reference {
    uint64_t pictures;
    struct sketch_view numbers[FEATURE_COUNT];
    uint64_t bad[FEATURE_COUNT];
    struct counter classes;
    double median[FEATURE_COUNT], spread[FEATURE_COUNT], mean[FEATURE_COUNT];
};

/* Copies what it needs; 0 without memory. Free it in either case. */
int reference_begin(struct reference *r, const struct profile *p);
void reference_free(struct reference *r);
/* How unlike the reference one picture is: its farthest number's distance from the median in robust
 * standard deviations. *which may be NULL, and becomes FEATURE_COUNT where there is none. */
double reference_oddness(const struct reference *r, const struct features *f, enum feature *which);

/* One feature. Limits are what chance alone passes with a probability of alarm / features, by the
 * number of pictures: the smaller the window, the higher. NaN: there is none. */
struct verdict {
    int judged, drifted;
    uint64_t n, m; /* of the reference, of the window */
    double reference_mean, mean;
    double psi, psi_limit;
    double js, js_limit; /* Jensen and Shannon's distance, nats */
    double ks, ks_limit; /* of classes the total variation, which has no limit */
    double p; /* of KS, or of chi-square; where some are not finite of their share, too */
};

struct judgement {
    uint64_t pictures;
    int enough;   /* there are `fewest` pictures */
    int features; /* that were judged */
    int drifted;  /* how many have */
    struct verdict of[FEATURE_COUNT];
};

/* Compares a window with the reference (NULL: only means are told). A feature has drifted where p
 * is below alarm / features (Bonferroni) and the difference is `least` or more. What sketches may
 * be wrong by is taken off the difference first. 0 without memory. */
int judge(const struct reference *r, const struct profile *window, const struct judge_options *o,
          struct judgement *j);

/* ---- histograms, for pages ------------------------------------------------------------------ */

enum { HISTOGRAM_BINS = 20 };

/* Shares of the reference and the window in equal bins between *low and *high, within which 98 % of
 * both lie; the outer bins have the rest, too. 0 without memory or numbers. */
int judge_histogram(const struct reference *r, const struct profile *window, enum feature f,
                    double reference[HISTOGRAM_BINS], double current[HISTOGRAM_BINS], double *low,
                    double *high);

#endif
