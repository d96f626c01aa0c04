/* infer drift: what it prints. */
#include <math.h>

#include "tools/cli.h"
#include "tools/monitor/drift.h"

/* ---- text ----------------------------------------------------------------------------------- */

static void names_of(FILE *f, uint32_t features)
{
    const char *between = "";
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (features >> i & 1) {
            fprintf(f, "%s%s", between, feature_name((enum feature)i));
            between = ", ";
        }
}

static void cell(FILE *f, int width, double v)
{
    if (isfinite(v))
        fprintf(f, " %*.4g", width, v);
    else
        fprintf(f, " %*s", width, "-");
}

static void text_row(FILE *f, const struct verdict *v, int i)
{
    fprintf(f, "  %-15s %7llu", feature_name((enum feature)i), (unsigned long long)v->m);
    cell(f, 10, v->reference_mean);
    cell(f, 10, v->mean);
    cell(f, 9, v->psi);
    cell(f, 9, v->js);
    cell(f, 9, v->ks);
    cell(f, 9, v->p);
    fprintf(f, "  %s\n", v->drifted ? "drifted" : v->judged ? "" : "not compared");
}

static void text_stream(FILE *f, const struct drift_stream *s)
{
    const struct monitor_report *r = &s->report;
    fprintf(f, "\n%s%s%s: %llu pictures, %s\n", *r->model ? r->model : "requests",
            *r->version ? " version " : "", r->version, (unsigned long long)s->whole.pictures,
            s->drifted            ? "drifted"
            : s->judgement.enough ? "as the reference"
                                  : "too few to be judged");
    fprintf(f, "  windows judged %llu, drifted %llu, alerts %llu\n", (unsigned long long)r->windows,
            (unsigned long long)r->drifted, (unsigned long long)r->alerts);
    for (int i = 0; i < s->nevents; i++) {
        fprintf(f, "  alert with picture %llu: ", (unsigned long long)s->events[i].at);
        names_of(f, s->events[i].features);
        fputc('\n', f);
    }
    fprintf(f, "  %-15s %7s %10s %10s %9s %9s %9s %9s\n", "feature", "count", "reference", "mean",
            "PSI", "JS", "KS", "p");
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (s->judgement.of[i].m || s->judgement.of[i].judged)
            text_row(f, &s->judgement.of[i], i);
}

void drift_text(FILE *f, const struct drift *d)
{
    fprintf(f, "%s: a reference of %llu pictures\n", d->reference_path,
            (unsigned long long)d->ready.pictures);
    if (d->skipped)
        fprintf(f, "%llu lines or pictures left out\n", (unsigned long long)d->skipped);
    for (int i = 0; i < d->nstreams; i++)
        text_stream(f, d->streams[i]);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void member(FILE *f, const char *key, double v)
{
    fprintf(f, ", \"%s\": ", key);
    json_number(f, v);
}

static void json_row(FILE *f, const struct verdict *v, int i)
{
    fprintf(f, "{\"feature\": \"%s\", \"reference_count\": %llu, \"count\": %llu",
            feature_name((enum feature)i), (unsigned long long)v->n, (unsigned long long)v->m);
    member(f, "reference_mean", v->reference_mean);
    member(f, "mean", v->mean);
    member(f, "psi", v->psi);
    member(f, "psi_limit", v->psi_limit);
    member(f, "jensen_shannon", v->js);
    member(f, "jensen_shannon_limit", v->js_limit);
    member(f, i == FEATURE_CLASS ? "total_variation" : "kolmogorov_smirnov", v->ks);
    member(f, "p", v->p);
    fprintf(f, ", \"judged\": %s, \"drifted\": %s}", v->judged ? "true" : "false",
            v->drifted ? "true" : "false");
}

static void json_event(FILE *f, const struct drift_event *e)
{
    const char *between = "";
    fprintf(f, "{\"picture\": %llu, \"time\": %.3f, \"features\": [", (unsigned long long)e->at,
            e->time);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (e->features >> i & 1) {
            fprintf(f, "%s\"%s\"", between, feature_name((enum feature)i));
            between = ", ";
        }
    fputs("]}", f);
}

static void json_odd(FILE *f, const struct drift_odd *o)
{
    fputs("{\"picture\": ", f);
    if (o->picture)
        json_string(f, o->picture);
    else
        fputs("null", f);
    fprintf(f, ", \"time\": %.3f, \"feature\": \"%s\"", o->time, feature_name(o->feature));
    member(f, "value", o->value);
    member(f, "oddness", o->oddness);
    fputc('}', f);
}

static void json_stream(FILE *f, const struct drift_stream *s)
{
    const char *between = "";
    fputs("{\"model\": ", f);
    json_string(f, s->report.model);
    fputs(", \"version\": ", f);
    json_string(f, s->report.version);
    fprintf(f,
            ", \"pictures\": %llu, \"enough\": %s, \"drifted\": %s, \"windows\": %llu, "
            "\"windows_drifted\": %llu, \"alerts\": %llu, \"features\": [",
            (unsigned long long)s->whole.pictures, s->judgement.enough ? "true" : "false",
            s->drifted ? "true" : "false", (unsigned long long)s->report.windows,
            (unsigned long long)s->report.drifted, (unsigned long long)s->report.alerts);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (s->judgement.of[i].m || s->judgement.of[i].judged) {
            fputs(between, f);
            json_row(f, &s->judgement.of[i], i);
            between = ",\n  ";
        }
    fputs("], \"events\": [", f);
    for (int i = 0; i < s->nevents; i++) {
        fputs(i ? ", " : "", f);
        json_event(f, &s->events[i]);
    }
    fputs("], \"oddest\": [", f);
    for (int i = 0; i < s->nodd; i++) {
        fputs(i ? ", " : "", f);
        json_odd(f, &s->odd[i]);
    }
    fputs("]}", f);
}

void drift_json(FILE *f, const struct drift *d)
{
    int drifted = 0;
    for (int i = 0; i < d->nstreams; i++)
        drifted |= d->streams[i]->drifted;
    fputs("{\"reference\": ", f);
    json_string(f, d->reference_path);
    fprintf(f,
            ", \"reference_pictures\": %llu, \"pictures\": %llu, \"skipped\": %llu, "
            "\"drifted\": %s, \"streams\": [",
            (unsigned long long)d->ready.pictures, (unsigned long long)d->pictures,
            (unsigned long long)d->skipped, drifted ? "true" : "false");
    for (int i = 0; i < d->nstreams; i++) {
        fputs(i ? ",\n" : "", f);
        json_stream(f, d->streams[i]);
    }
    fputs("]}\n", f);
}
