/* A reference made ready. */
#include <math.h>

#include "tools/monitor/judge.h"

static void summarise(struct reference *r, int i)
{
    const struct sketch_view *v = &r->numbers[i];
    const double wide = (sketch_quantile(v, 0.841) - sketch_quantile(v, 0.159)) / 2;
    r->median[i] = sketch_quantile(v, 0.5);
    /* what never changed has no scale of its own: a hundredth of it counts as one deviation */
    r->spread[i] = fmax(wide, fmax(fabs(r->median[i]) / 100, 1e-6));
}

int reference_begin(struct reference *r, const struct profile *p)
{
    *r = (struct reference){.pictures = p->pictures};
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!sketch_view(&p->numbers[i], &r->numbers[i]))
            return 0;
        r->bad[i] = p->numbers[i].bad;
        r->mean[i] = sketch_mean(&p->numbers[i]);
        summarise(r, i);
    }
    return counter_merge(&r->classes, &p->classes);
}

void reference_free(struct reference *r)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        sketch_view_free(&r->numbers[i]);
    counter_free(&r->classes);
}

double reference_oddness(const struct reference *r, const struct features *f, enum feature *which)
{
    double most = 0;
    enum feature at = FEATURE_COUNT;
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!features_has(f, (enum feature)i) || !r->numbers[i].count)
            continue;
        const double off = fabs(f->value[i] - r->median[i]) / r->spread[i];
        const double odd = isnan(off) ? INFINITY : off; /* the reference has numbers here */
        if (odd > most) {
            most = odd;
            at = (enum feature)i;
        }
    }
    if (which)
        *which = at;
    return most;
}
