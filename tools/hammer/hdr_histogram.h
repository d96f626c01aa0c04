/* A histogram of times that keeps three significant digits (log-linear, as HDR histograms are). */
#ifndef INFER_TOOLS_HAMMER_HDR_HISTOGRAM_H
#define INFER_TOOLS_HAMMER_HDR_HISTOGRAM_H

#include <stdint.h>

/* Times below 2048 ns have a cell each. Above, every doubling has HDR_HALF cells of equal
 * width, so a cell is never wider than a 1024th of what is in it. Longer times than
 * HDR_MOST (2.4 hours) are counted as that. */
enum { HDR_HALF = 1024, HDR_RANGES = 33 };
enum { HDR_CELLS = (HDR_RANGES + 1) * HDR_HALF };
#define HDR_MOST ((UINT64_C(1) << 43) - 1)

/* All zero is an empty one. The least, the largest and the sum are exact. */
struct hdr_histogram {
    uint64_t count, min, max; /* nanoseconds */
    double sum;
    uint64_t cells[HDR_CELLS];
};

/* Counts one time. A negative one counts as 0. */
void hdr_add(struct hdr_histogram *h, int64_t ns);
/* Adds all that `from` has counted. */
void hdr_merge(struct hdr_histogram *h, const struct hdr_histogram *from);
/* The time that `percent` (0 to 100) of all do not exceed: at least the exact one, and less than
 * a 1024th above it. NaN where nothing was counted. */
double hdr_percentile(const struct hdr_histogram *h, double percent);
/* NaN where nothing was counted. */
double hdr_mean(const struct hdr_histogram *h);

#endif
