/* A profile as text and as JSON. */
#include <math.h>

#include "tools/cli.h"
#include "tools/monitor/profile.h"

static void text_row(FILE *f, const struct profile *p, int i, const struct sketch_view *v)
{
    if (i == FEATURE_CLASS) {
        fprintf(f, "  %-15s %8llu  %u classes\n", feature_name((enum feature)i),
                (unsigned long long)p->classes.n, p->classes.count);
        return;
    }
    fprintf(f, "  %-15s %8llu %10.4g %10.4g %10.4g %10.4g", feature_name((enum feature)i),
            (unsigned long long)p->numbers[i].n, sketch_mean(&p->numbers[i]),
            sketch_quantile(v, 0.05), sketch_quantile(v, 0.5), sketch_quantile(v, 0.95));
    if (p->numbers[i].bad)
        fprintf(f, "  and %llu not finite", (unsigned long long)p->numbers[i].bad);
    fputc('\n', f);
}

int profile_text(FILE *f, const struct profile *p)
{
    fprintf(f, "reference of %llu pictures", (unsigned long long)p->pictures);
    if (p->window)
        fprintf(f, ", windows of %u pictures", p->window);
    if (p->minutes > 0)
        fprintf(f, "%s %g minutes", p->window ? " or" : ", windows of", p->minutes);
    fprintf(f, "\n  %-15s %8s %10s %10s %10s %10s\n", "feature", "count", "mean", "5 %", "median",
            "95 %");
    for (int i = 0; i < FEATURE_COUNT; i++) {
        struct sketch_view v;
        if (!profile_told(p, (enum feature)i))
            continue;
        if (!sketch_view(&p->numbers[i], &v))
            return 0;
        text_row(f, p, i, &v);
        sketch_view_free(&v);
    }
    return 1;
}

static void member(FILE *f, const char *key, double v)
{
    fprintf(f, ", \"%s\": ", key);
    json_number(f, v);
}

static void json_row(FILE *f, const struct profile *p, int i, const struct sketch_view *v)
{
    const struct sketch *s = &p->numbers[i];
    fprintf(f, "{\"feature\": \"%s\", ", feature_name((enum feature)i));
    if (i == FEATURE_CLASS) {
        fprintf(f, "\"count\": %llu, \"classes\": {", (unsigned long long)p->classes.n);
        for (uint32_t k = 0; k < p->classes.count; k++)
            fprintf(f, "%s\"%lld\": %llu", k ? ", " : "", (long long)p->classes.rows[k].key,
                    (unsigned long long)p->classes.rows[k].times);
        fputs("}}", f);
        return;
    }
    fprintf(f, "\"count\": %llu, \"not_finite\": %llu, \"exact\": %s", (unsigned long long)s->n,
            (unsigned long long)s->bad, sketch_error(s) > 0 ? "false" : "true");
    member(f, "mean", sketch_mean(s));
    member(f, "deviation", sketch_deviation(s));
    member(f, "least", s->n ? (double)s->low : (double)NAN);
    member(f, "q05", sketch_quantile(v, 0.05));
    member(f, "median", sketch_quantile(v, 0.5));
    member(f, "q95", sketch_quantile(v, 0.95));
    member(f, "greatest", s->n ? (double)s->high : (double)NAN);
    fputc('}', f);
}

int profile_json(FILE *f, const struct profile *p)
{
    const char *between = "";
    fprintf(f, "{\"pictures\": %llu, \"window\": %u, \"minutes\": %.9g, \"features\": [",
            (unsigned long long)p->pictures, p->window, p->minutes);
    for (int i = 0; i < FEATURE_COUNT; i++) {
        struct sketch_view v;
        if (!profile_told(p, (enum feature)i))
            continue;
        if (!sketch_view(&p->numbers[i], &v))
            return 0;
        fputs(between, f);
        json_row(f, p, i, &v);
        sketch_view_free(&v);
        between = ",\n  ";
    }
    fputs("]}", f);
    return 1;
}
