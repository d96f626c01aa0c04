/* A monitor's report as JSON and as metrics. */
#include <math.h>

#include "tools/cli.h"
#include "tools/monitor/monitor.h"

static void number(FILE *f, const char *key, double v)
{
    fprintf(f, ", \"%s\": ", key);
    json_number(f, v);
}

static void feature_json(FILE *f, const struct monitor_report *r, int i)
{
    const struct verdict *v = &r->now.of[i];
    fprintf(f, "{\"feature\": \"%s\", \"reference_count\": %llu, \"count\": %llu",
            feature_name((enum feature)i), (unsigned long long)v->n, (unsigned long long)v->m);
    number(f, "reference_mean", v->reference_mean);
    number(f, "mean", v->mean);
    number(f, "q05", r->quantiles[i][0]);
    number(f, "median", r->quantiles[i][1]);
    number(f, "q95", r->quantiles[i][2]);
    number(f, "psi", v->psi);
    number(f, "psi_limit", v->psi_limit);
    number(f, "jensen_shannon", v->js);
    number(f, "jensen_shannon_limit", v->js_limit);
    number(f, i == FEATURE_CLASS ? "total_variation" : "kolmogorov_smirnov", v->ks);
    if (i != FEATURE_CLASS)
        number(f, "kolmogorov_smirnov_limit", v->ks_limit);
    number(f, "p", v->p);
    fprintf(f, ", \"drifted\": %s, \"alert\": %s}", v->drifted ? "true" : "false",
            r->alert[i] ? "true" : "false");
}

void monitor_json(FILE *f, const struct monitor_report *r)
{
    const char *between = "";
    fputs("{\"model\": ", f);
    json_string(f, r->model);
    fputs(", \"version\": ", f);
    json_string(f, r->version);
    fprintf(f,
            ", \"reference\": %s, \"window\": %u, \"minutes\": %.9g, \"pictures\": %llu, "
            "\"windows\": %llu, \"windows_drifted\": %llu, \"alerts\": %llu",
            r->has_reference ? "true" : "false", r->window, r->minutes,
            (unsigned long long)r->pictures, (unsigned long long)r->windows,
            (unsigned long long)r->drifted, (unsigned long long)r->alerts);
    fputs(", \"alert_since\": ", f);
    if (isfinite(r->since))
        fprintf(f, "%.3f", r->since);
    else
        fputs("null", f);
    fprintf(f, ", \"pictures_in_window\": %llu, \"enough\": %s, \"drifted\": %s, \"features\": [",
            (unsigned long long)r->now.pictures, r->now.enough ? "true" : "false",
            r->now.drifted ? "true" : "false");
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (!r->now.of[i].m && !r->now.of[i].judged)
            continue;
        fputs(between, f);
        feature_json(f, r, i);
        between = ", ";
    }
    fputs("]}", f);
}

/* ---- metrics -------------------------------------------------------------------------------- */

/* A label's value with what the format needs escaped. */
static void label(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", f);
        else if (*text == '"' || *text == '\\')
            fprintf(f, "\\%c", *text);
        else
            fputc(*text, f);
    }
    fputc('"', f);
}

static void sample(FILE *f, const char *name, const struct monitor_report *r, const char *feature,
                   double v)
{
    if (isnan(v))
        return;
    fprintf(f, "infer_monitor_%s{model=", name);
    label(f, r->model);
    fputs(",version=", f);
    label(f, r->version);
    if (feature)
        fprintf(f, ",feature=\"%s\"", feature);
    fprintf(f, "} %.9g\n", v);
}

static double total_of(const struct monitor_report *r, int which)
{
    const uint64_t totals[] = {r->pictures, r->windows, r->alerts};
    return (double)totals[which];
}

static double gauge_of(const struct monitor_report *r, int feature, int which)
{
    const struct verdict *v = &r->now.of[feature];
    const double gauges[] = {v->psi, v->psi_limit,
                             v->js,  v->ks,
                             v->p,   v->judged ? (double)r->alert[feature] : (double)NAN,
                             v->mean};
    return gauges[which];
}

void monitor_metrics(FILE *f, const struct monitor_report *r, size_t n)
{
    static const char *const totals[][2] = {
        {"pictures_total", "Pictures since the start."},
        {"windows_total", "Windows that were compared with the reference."},
        {"alerts_total", "Alerts that began."}};
    static const char *const gauges[][2] = {
        {"psi", "Population stability index of the sliding window."},
        {"psi_limit", "What it passes by chance with the probability of a false alarm."},
        {"jensen_shannon", "Jensen-Shannon distance in nats."},
        {"kolmogorov_smirnov", "Kolmogorov-Smirnov's D; of classes the total variation."},
        {"p_value", "Probability of such a difference by chance."},
        {"alert", "1: two windows in a row have drifted."},
        {"mean", "Mean of the feature in the sliding window."}};
    for (size_t t = 0; t < sizeof totals / sizeof *totals; t++) {
        fprintf(f, "# HELP infer_monitor_%s %s\n# TYPE infer_monitor_%s counter\n", totals[t][0],
                totals[t][1], totals[t][0]);
        for (size_t i = 0; i < n; i++)
            sample(f, totals[t][0], &r[i], NULL, total_of(&r[i], (int)t));
    }
    for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
        fprintf(f, "# HELP infer_monitor_%s %s\n# TYPE infer_monitor_%s gauge\n", gauges[g][0],
                gauges[g][1], gauges[g][0]);
        for (size_t i = 0; i < n; i++)
            for (int k = 0; k < FEATURE_COUNT; k++)
                sample(f, gauges[g][0], &r[i], feature_name((enum feature)k),
                       gauge_of(&r[i], k, (int)g));
    }
}
