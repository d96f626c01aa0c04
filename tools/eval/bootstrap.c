#include "tools/eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/random_fill.h"

/* Numbers before what is none. */
static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

/* A percentile of n sorted values, between two of them as the share lies. */
static double percentile(const double *sorted, uint32_t n, double share)
{
    if (n == 0)
        return NAN;
    const double at = share * (n - 1);
    const uint32_t low = (uint32_t)at, high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

static void draw(const struct bootstrap *b, uint64_t *state, uint32_t *weights)
{
    memset(weights, 0, b->pictures * sizeof *weights);
    for (uint32_t i = 0; i < b->pictures; i++)
        weights[(random_fill_bits(state) >> 32) * b->pictures >> 32]++;
}

int bootstrap_run(const struct bootstrap *b, double (*intervals)[2])
{
    uint64_t state = b->seed;
    double values[BOOTSTRAP_MOST];
    uint32_t *weights = calloc(b->pictures, sizeof *weights);
    double *all = malloc(infer__array_bytes(b->rounds, BOOTSTRAP_MOST * sizeof *all));
    const int fine = weights && all;
    for (uint32_t round = 0; fine && round < b->rounds; round++) {
        draw(b, &state, weights);
        b->measure(b->ctx, weights, values);
        for (int i = 0; i < b->nvalues; i++)
            all[(size_t)i * b->rounds + round] = values[i];
        if (b->progress)
            b->progress(b->progress_ctx, "resampling pictures", (double)(round + 1) / b->rounds);
    }
    for (int i = 0; fine && i < b->nvalues; i++) {
        double *sorted = all + (size_t)i * b->rounds;
        uint32_t n = b->rounds;
        qsort(sorted, b->rounds, sizeof *sorted, by_value);
        while (n && isnan(sorted[n - 1]))
            n--;
        intervals[i][0] = percentile(sorted, n, 0.025);
        intervals[i][1] = percentile(sorted, n, 0.975);
    }
    free(weights);
    free(all);
    return fine;
}
