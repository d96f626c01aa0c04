#include "tools/serve/models/slo.h"

#include <stdlib.h>
#include <string.h>

/* Of the goal: where the bound begins, what a good window adds, and below which quantile it does.
 * A bad window takes a fifth away. The latest of SLO_WINDOW jobs arrive at times that nobody knows,
 * so the bound stays below the goal. */
#define BEGIN_SHARE 0.7
#define STEP_SHARE 0.02
#define GOOD_SHARE 0.9
#define BACK_OFF 0.8
#define LEAST_SHARE 0.1
/* The weight of the last run in the average. */
#define NEWEST 0.1

void slo_begin(struct slo *s, double quantile, uint64_t goal_ns, int most_batch)
{
    *s = (struct slo){.quantile = quantile,
                      .goal_ns = goal_ns,
                      .most_batch = most_batch,
                      .allowed_ns = BEGIN_SHARE * (double)goal_ns,
                      .batch = goal_ns ? 1 : most_batch};
}

double slo_expected(const struct slo *s, int64_t waiting, int64_t running, int workers,
                    int64_t images)
{
    /* what is run has half its way behind it, on average */
    const double before = (double)waiting + (double)running / 2;
    return s->image_ns * (before / (double)workers + (double)images);
}

int slo_admits(const struct slo *s, int64_t waiting, int64_t running, int workers, int64_t images)
{
    if (!s->goal_ns || s->image_ns <= 0 || (waiting == 0 && running < workers))
        return 1;
    return slo_expected(s, waiting, running, workers, images) <= s->allowed_ns;
}

void slo_ran(struct slo *s, uint64_t ns, int64_t images)
{
    if (images <= 0)
        return;
    const double each = (double)ns / (double)images;
    s->image_ns = s->image_ns > 0 ? s->image_ns + NEWEST * (each - s->image_ns) : each;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void end_window(struct slo *s)
{
    const double goal = (double)s->goal_ns;
    qsort(s->window, SLO_WINDOW, sizeof *s->window, ascending);
    const int at = (int)(s->quantile * SLO_WINDOW);
    s->held_ns = (double)s->window[at < SLO_WINDOW ? at : SLO_WINDOW - 1];
    s->count = 0;
    if (s->held_ns > goal) {
        s->allowed_ns *= BACK_OFF;
        s->batch = s->batch > 1 ? s->batch * 3 / 4 : 1;
    } else if (s->held_ns < GOOD_SHARE * goal) {
        s->allowed_ns += STEP_SHARE * goal;
        s->batch += s->batch < s->most_batch;
    }
    if (s->allowed_ns > goal)
        s->allowed_ns = goal;
    if (s->allowed_ns < LEAST_SHARE * goal)
        s->allowed_ns = LEAST_SHARE * goal;
}

void slo_ended(struct slo *s, uint64_t ns)
{
    if (!s->goal_ns)
        return;
    s->window[s->count++] = ns;
    if (s->count == SLO_WINDOW)
        end_window(s);
}

int slo_parse(const char *text, double *quantile, uint64_t *goal_ns)
{
    char *end;
    *quantile = 0.99;
    if (*text == 'p') {
        *quantile = strtod(text + 1, &end) / 100;
        if (end == text + 1 || *end != '=')
            return 0;
        text = end + 1;
    }
    const double number = strtod(text, &end);
    const double unit = strcmp(end, "us") == 0   ? 1e3
                        : strcmp(end, "ms") == 0 ? 1e6
                        : strcmp(end, "s") == 0  ? 1e9
                                                 : 0;
    if (end == text || unit == 0 || !(number > 0) || number * unit > 1e13 || !(*quantile > 0) ||
        !(*quantile < 1))
        return 0;
    *goal_ns = (uint64_t)(number * unit);
    return *goal_ns > 0;
}
