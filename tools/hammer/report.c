#include "tools/hammer/report.h"

#include <math.h>
#include <string.h>

static double part_of(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

/* CPU time between the beginnings of two steps. */
static void view_usage(const struct report *r, int i, struct step_view *v)
{
    const struct usage *a = &r->result->usage[i], *b = a + 1;
    const double busy = b->busy_s - a->busy_s, idle = b->idle_s - a->idle_s,
                 steal = b->steal_s - a->steal_s, all = busy + idle + steal;
    v->self_s = b->self_s - a->self_s;
    v->server_s = b->server_s - a->server_s;
    v->server_bytes = b->server_bytes;
    v->idle = part_of(idle, all);
    v->steal = part_of(steal, all);
}

void report_view(const struct report *r, int i, struct step_view *v)
{
    memset(v, 0, sizeof *v);
    v->step = r->plan->schedule.steps + i;
    v->stats = r->result->stats.steps + i;
    v->seconds = fmin(v->step->duration_s, r->result->ended_s - v->step->begin_s);
    v->due_rate = part_of((double)v->stats->issued, v->seconds);
    v->answer_rate = part_of((double)v->stats->accepted, v->seconds);
    for (int k = 0; k < v->stats->count; k++)
        if (v->stats->outcomes[k]->kind >= 100 || v->stats->outcomes[k]->kind == OUTCOME_WRONG)
            v->answered += v->stats->outcomes[k]->response.count;
    v->failed = hammer_failures(v->stats, r->expected, r->nexpected);
    view_usage(r, i, v);
    /* what this process took of the CPUs, the server could have had */
    const double cpus = usage_cpus(), left = v->seconds - v->self_s / cpus;
    v->rate_without_self = r->plan->closed && r->plan->target.local && left > 0
                               ? (double)v->stats->accepted / left
                               : NAN;
    v->ideal = r->result->ideal ? r->result->ideal + i : NULL;
    stats_accepted(v->stats, &v->accepted);
}

void report_csv(const struct report *r, FILE *f)
{
    char name[16];
    fputs("due_ms,sent_ms,done_ms,response_ms,service_ms,outcome,step\n", f);
    for (size_t i = 0; i < r->result->stats.nrecords; i++) {
        const struct record *q = r->result->stats.records + i;
        if (r->plan->schedule.steps[q->step].warmup)
            continue;
        fprintf(f, "%.6f,", (double)q->due / 1e6);
        if (q->sent >= 0)
            fprintf(f, "%.6f", (double)q->sent / 1e6);
        fprintf(f, ",%.6f,%.6f,", (double)q->done / 1e6, (double)(q->done - q->due) / 1e6);
        if (q->sent >= 0)
            fprintf(f, "%.6f", (double)(q->done - q->sent) / 1e6);
        fprintf(f, ",%s,%d\n", outcome_name(q->kind, name, sizeof name), q->step);
    }
}

void report_service_times(const struct report *r, FILE *f)
{
    for (size_t i = 0; i < r->result->stats.nrecords; i++) {
        const struct record *q = r->result->stats.records + i;
        if (!r->plan->schedule.steps[q->step].warmup && outcome_accepted(q->kind))
            fprintf(f, "%.6f\n", (double)(q->done - q->sent) / 1e6);
    }
}
