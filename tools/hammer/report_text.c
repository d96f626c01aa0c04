#include <math.h>
#include <stdlib.h>

#include "tools/hammer/report.h"

static double ms(double ns)
{
    return ns / 1e6;
}

/* A time with three or four digits that mean something. */
static void put_ms(FILE *f, double ns)
{
    const double v = ms(ns);
    fprintf(f, " %9.*f", v < 10 ? 3 : v < 100 ? 2 : 1, v);
}

static void put_times(FILE *f, const char *what, const char *of, const struct hdr_histogram *h)
{
    static const double percents[] = {50, 90, 95, 99, 99.9};
    fprintf(f, "%-14s %-8s %9llu", what, of, (unsigned long long)h->count);
    put_ms(f, hdr_mean(h));
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++)
        put_ms(f, hdr_percentile(h, percents[i]));
    put_ms(f, (double)h->max);
    fputc('\n', f);
}

static void put_head(const struct report *r, FILE *f)
{
    const struct hammer_plan *p = r->plan;
    size_t largest = 0;
    for (size_t i = 0; i < p->requests.count; i++)
        if (p->requests.items[i].content > largest)
            largest = p->requests.items[i].content;
    fprintf(f, "%s %s", p->requests.method, r->url);
    if (p->requests.count > 1)
        fprintf(f, ", %zu requests in turn of up to %zu bytes", p->requests.count, largest);
    else if (largest)
        fprintf(f, ", %zu bytes", largest);
    if (p->closed)
        fprintf(f, "\nclosed loop, %ld connection%s", p->connections,
                p->connections > 1 ? "s" : "");
    else
        fprintf(f, "\nopen loop, %s arrivals, seed %llu, at most %ld connections",
                p->schedule.uniform ? "uniform" : "Poisson", (unsigned long long)p->schedule.seed,
                p->connections);
    fprintf(f, ", %ld thread%s\n", p->threads, p->threads > 1 ? "s" : "");
    if (r->result->stopped_early)
        fputs("stopped early by an interrupt\n", f);
}

static void put_rates(const struct report *r, const struct step_view *v, FILE *f)
{
    fputc('\n', f);
    if (!isnan(v->step->percent))
        fprintf(f, "%g %% of capacity: ", v->step->percent);
    if (!r->plan->closed)
        fprintf(f, "%.6g/s asked for, ", v->step->rate);
    fprintf(f, "%llu due in %.2f s, %llu answered, %.6g accepted/s, %llu failed\n",
            (unsigned long long)v->stats->issued, v->seconds, (unsigned long long)v->answered,
            v->answer_rate, (unsigned long long)v->failed);
}

static void put_outcomes(const struct step_view *v, FILE *f)
{
    char name[16];
    fprintf(f, "%-14s %-8s %9s %9s %9s %9s %9s %9s %9s %9s\n", "ms", "", "count", "mean", "p50",
            "p90", "p95", "p99", "p99.9", "max");
    for (int i = 0; i < v->stats->count; i++) {
        const struct outcome *o = v->stats->outcomes[i];
        const char *what = outcome_name(o->kind, name, sizeof name);
        put_times(f, what, "response", &o->response);
        if (o->service.count)
            put_times(f, what, "service", &o->service);
    }
    if (v->stats->late.count)
        put_times(f, "generator", "late", &v->stats->late);
}

static void put_ideal(const struct step_view *v, FILE *f)
{
    const struct hdr_histogram *got = &v->accepted.response;
    if (!v->ideal || !v->ideal->count)
        return;
    put_times(f, "ideal server", "response", v->ideal);
    if (!got->count)
        return;
    const double p99 = hdr_percentile(got, 99), ideal = hdr_percentile(v->ideal, 99);
    fprintf(f, "  p99 is %.3f of the ideal server's, %+.3f ms\n", p99 / ideal, ms(p99 - ideal));
}

static void put_usage(const struct report *r, const struct step_view *v, FILE *f)
{
    const double answered = (double)(v->answered ? v->answered : 1);
    fprintf(f, "  generator: %.3f s of CPU, %.1f us a request", v->self_s,
            v->self_s * 1e6 / (double)(v->stats->issued ? v->stats->issued : 1));
    if (!isnan(v->rate_without_self))
        fprintf(f, "; %.6g accepted/s with it taken out", v->rate_without_self);
    fputc('\n', f);
    if (r->plan->nservers)
        fprintf(f, "  server: %.2f s of CPU, %.1f us an answer, %.0f answers/s of CPU, %.1f MB\n",
                v->server_s, v->server_s * 1e6 / answered,
                v->server_s > 0 ? answered / v->server_s : NAN, v->server_bytes / 1e6);
    if (!isnan(v->idle))
        fprintf(f, "  machine: %.1f %% idle, %.1f %% stolen, of %d CPUs\n", v->idle * 100,
                v->steal * 100, usage_cpus());
}

static void put_remarks(const struct report *r, const struct step_view *v, FILE *f)
{
    const struct step_stats *s = v->stats;
    const double late = hdr_percentile(&s->late, 99);
    if (s->waited)
        fprintf(f, "  %llu waited for a connection: --connections %ld were all in use\n",
                (unsigned long long)s->waited, r->plan->connections);
    if (s->retried)
        fprintf(f, "  %llu sent again: the server had closed an idle connection\n",
                (unsigned long long)s->retried);
    if (late > 1e6 && late > 0.1 * hdr_percentile(&v->accepted.response, 50))
        fprintf(f, "  the generator was late: p99 %.3f ms of these times are its own\n", ms(late));
}

void report_text(const struct report *r, FILE *f)
{
    struct step_view *v = malloc(sizeof *v);
    put_head(r, f);
    for (int i = 0; v && i < r->plan->schedule.count; i++) {
        if (r->plan->schedule.steps[i].warmup)
            continue;
        report_view(r, i, v);
        if (!v->stats->issued && r->result->stopped_early)
            continue;
        put_rates(r, v, f);
        put_outcomes(v, f);
        put_ideal(v, f);
        put_usage(r, v, f);
        put_remarks(r, v, f);
    }
    if (r->result->trouble[0])
        fprintf(f, "\nthe last trouble with a connection: %s\n", r->result->trouble);
    free(v);
}
