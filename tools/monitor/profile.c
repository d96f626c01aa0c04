#include "tools/monitor/profile.h"

void profile_begin(struct profile *p)
{
    *p = (struct profile){0};
    for (int i = 0; i < FEATURE_COUNT; i++)
        sketch_begin(&p->numbers[i]);
}

void profile_free(struct profile *p)
{
    for (int i = 0; i < FEATURE_COUNT; i++)
        sketch_free(&p->numbers[i]);
    counter_free(&p->classes);
    p->pictures = 0;
}

int profile_add(struct profile *p, const struct features *f)
{
    int ok = 1;
    p->pictures++;
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!features_has(f, (enum feature)i))
            continue;
        const double v = f->value[i];
        if (i != FEATURE_CLASS)
            ok &= sketch_add(&p->numbers[i], v);
        else if (v >= -0x1p53 && v <= 0x1p53)
            ok &= counter_add(&p->classes, (int64_t)v, 1);
    }
    return ok;
}

int profile_merge(struct profile *p, const struct profile *other)
{
    int ok = counter_merge(&p->classes, &other->classes);
    p->pictures += other->pictures;
    for (int i = 0; i < FEATURE_COUNT; i++)
        ok &= sketch_merge(&p->numbers[i], &other->numbers[i]);
    return ok;
}

uint64_t profile_told(const struct profile *p, enum feature f)
{
    return f == FEATURE_CLASS ? p->classes.n : p->numbers[f].n + p->numbers[f].bad;
}
