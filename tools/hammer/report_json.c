#include <math.h>
#include <stdlib.h>

#include "tools/hammer/report.h"

static void put(FILE *f, const char *name, double v)
{
    fprintf(f, ", \"%s\": ", name);
    json_number(f, v);
}

static void put_times(FILE *f, const char *name, const struct hdr_histogram *h)
{
    static const struct {
        const char *name;
        double percent;
    } all[] = {{"p50", 50}, {"p75", 75},     {"p90", 90},      {"p95", 95},
               {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}};
    fprintf(f, "\"%s\": {\"count\": %llu", name, (unsigned long long)h->count);
    put(f, "mean", hdr_mean(h) / 1e6);
    put(f, "min", h->count ? (double)h->min / 1e6 : NAN);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        put(f, all[i].name, hdr_percentile(h, all[i].percent) / 1e6);
    put(f, "max", h->count ? (double)h->max / 1e6 : NAN);
    fputc('}', f);
}

static void put_outcome(FILE *f, const char *name, const struct outcome *o)
{
    fprintf(f, "{\"outcome\": ");
    json_string(f, name);
    fprintf(f, ", \"count\": %llu, ", (unsigned long long)o->response.count);
    put_times(f, "response_ms", &o->response);
    fputs(", ", f);
    put_times(f, "service_ms", &o->service);
    fputc('}', f);
}

static void put_step(const struct report *r, const struct step_view *v, FILE *f)
{
    char name[16];
    const double answered = v->answered ? (double)v->answered : NAN;
    fputs("  {\"rate\": ", f);
    json_number(f, r->plan->closed ? NAN : v->step->rate);
    put(f, "percent", v->step->percent);
    put(f, "seconds", v->seconds);
    put(f, "due", (double)v->stats->issued);
    put(f, "answered", (double)v->answered);
    put(f, "failed", (double)v->failed);
    put(f, "accepted_per_s", v->answer_rate);
    put(f, "accepted_per_s_without_generator", v->rate_without_self);
    put(f, "answer_bytes", (double)v->stats->bytes);
    put(f, "waited_for_connection", (double)v->stats->waited);
    put(f, "sent_again", (double)v->stats->retried);
    put(f, "generator_cpu_s", v->self_s);
    put(f, "server_cpu_s", r->plan->nservers ? v->server_s : NAN);
    put(f, "server_cpu_us_per_answer", r->plan->nservers ? v->server_s * 1e6 / answered : NAN);
    put(f, "server_resident_bytes", r->plan->nservers ? v->server_bytes : NAN);
    put(f, "machine_idle", v->idle);
    put(f, "machine_stolen", v->steal);
    fputs(",\n   \"accepted\": ", f);
    put_outcome(f, "2xx", &v->accepted);
    fputs(",\n   \"outcomes\": [", f);
    for (int i = 0; i < v->stats->count; i++) {
        const struct outcome *o = v->stats->outcomes[i];
        fputs(i ? ",\n    " : "\n    ", f);
        put_outcome(f, outcome_name(o->kind, name, sizeof name), o);
    }
    fputs("],\n   ", f);
    put_times(f, "generator_late_ms", &v->stats->late);
    if (v->ideal) {
        fputs(",\n   ", f);
        put_times(f, "ideal_response_ms", v->ideal);
        put(f, "p99_of_ideal",
            hdr_percentile(&v->accepted.response, 99) / hdr_percentile(v->ideal, 99));
    }
    fputc('}', f);
}

void report_json(const struct report *r, FILE *f)
{
    const struct hammer_plan *p = r->plan;
    struct step_view *v = malloc(sizeof *v);
    int written = 0;
    fputs("{\"url\": ", f);
    json_string(f, r->url);
    fprintf(f, ", \"method\": \"%s\", \"loop\": \"%s\", \"arrivals\": ", p->requests.method,
            p->closed ? "closed" : "open");
    json_string(f, p->closed ? "none" : p->schedule.uniform ? "uniform" : "poisson");
    fprintf(f, ", \"seed\": %llu", (unsigned long long)p->schedule.seed);
    put(f, "connections", (double)p->connections);
    put(f, "threads", (double)p->threads);
    put(f, "requests", (double)p->requests.count);
    put(f, "cpus", usage_cpus());
    fprintf(f,
            ", \"stopped_early\": %s, \"trouble\": ", r->result->stopped_early ? "true" : "false");
    json_string(f, r->result->trouble);
    fputs(",\n \"steps\": [\n", f);
    for (int i = 0; v && i < p->schedule.count; i++) {
        if (p->schedule.steps[i].warmup)
            continue;
        report_view(r, i, v);
        fputs(written++ ? ",\n" : "", f);
        put_step(r, v, f);
    }
    fputs("\n]}\n", f);
    free(v);
}
