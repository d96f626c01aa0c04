/* infer hammer --svg: times by percentile, over the run, and by rate where it climbs. */
#include <math.h>
#include <stdlib.h>

#include "tools/hammer/plot.h"
#include "tools/hammer/report.h"
#include "tools/html.h"

enum { SLICES = 120, HEAD = 40 };

static int steps_counted(const struct report *r)
{
    int n = 0;
    for (int i = 0; i < r->plan->schedule.count; i++)
        n += !r->plan->schedule.steps[i].warmup;
    return n;
}

/* The least and the largest time of what is drawn, in milliseconds. */
static void find_range(const struct report *r, double *least, double *most)
{
    *least = INFINITY;
    *most = 0;
    for (int i = 0; i < r->plan->schedule.count; i++) {
        const struct step_stats *s = r->result->stats.steps + i;
        for (int k = 0; k < s->count; k++) {
            const struct hdr_histogram *h = &s->outcomes[k]->service,
                                       *g = &s->outcomes[k]->response;
            *least = fmin(*least, h->count ? (double)h->min / 1e6 : INFINITY);
            *most = fmax(*most, (double)g->max / 1e6);
        }
    }
    *least = isfinite(*least) ? fmax(*least, 1e-3) : 1e-3;
    *most = fmax(*most, *least * 1.01);
}

/* ---- by percentile -------------------------------------------------------------------------- */

/* x is the number of nines: 0 the fastest, 1 p90, 2 p99, 3 p99.9. */
static void draw_percentiles(struct plot *p, const char *name, const struct hdr_histogram *h,
                             int dashed)
{
    if (!h->count)
        return;
    plot_line(p, name, dashed);
    for (int i = 0; i <= (int)(p->x1 * 25); i++) {
        const double slower = pow(10, -i / 25.0); /* the part of requests that took longer */
        plot_point(p, i / 25.0, hdr_percentile(h, 100 * (1 - slower)) / 1e6);
        if (slower * (double)h->count < 0.5)
            break; /* beyond the last request */
    }
    plot_line_end(p);
}

static void draw_step(struct plot *p, const struct step_view *v)
{
    char name[48], kind[16];
    for (int k = 0; k < v->stats->count; k++) {
        const struct outcome *o = v->stats->outcomes[k];
        const char *what = outcome_name(o->kind, kind, sizeof kind);
        snprintf(name, sizeof name, "%s, response", what);
        draw_percentiles(p, name, &o->response, 0);
        snprintf(name, sizeof name, "%s, service", what);
        draw_percentiles(p, name, &o->service, 1);
    }
    if (v->ideal)
        draw_percentiles(p, "ideal server", v->ideal, 1);
}

static void by_percentile(const struct report *r, struct plot *p, struct step_view *v)
{
    static const char *const labels[] = {"fastest", "p90", "p99", "p99.9", "p99.99", "p99.999"};
    const int climbs = steps_counted(r) > 1;
    uint64_t most = 1;
    for (int i = 0; i < r->plan->schedule.count; i++)
        most = r->result->stats.steps[i].issued > most ? r->result->stats.steps[i].issued : most;
    p->x0 = 0;
    p->x1 = fmin(fmax(ceil(log10((double)most)), 2), 5);
    p->log_y = 1;
    plot_begin(p,
               climbs ? "Response times of accepted requests by percentile, step by step"
                      : "Times by percentile",
               "percentile", "ms");
    for (int i = 0; i <= (int)p->x1; i++)
        plot_tick(p, i, labels[i]);
    for (int i = 0; i < r->plan->schedule.count; i++) {
        char name[48];
        if (r->plan->schedule.steps[i].warmup)
            continue;
        report_view(r, i, v);
        snprintf(name, sizeof name, "%.6g/s", v->step->rate);
        if (climbs)
            draw_percentiles(p, name, &v->accepted.response, 0);
        else
            draw_step(p, v);
    }
}

/* ---- over the run --------------------------------------------------------------------------- */

/* Response times of accepted requests that were due in one of SLICES equal parts of the run. */
struct slice {
    double *times; /* in one block with all others' */
    size_t count;
};

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int slice_of(const struct record *q, double end_s)
{
    const int i = (int)((double)q->due * 1e-9 / end_s * SLICES);
    return i < SLICES ? i : SLICES - 1;
}

/* Sorts records into slices; the block of times, to be freed, or NULL. */
static double *cut(const struct stats *s, double end_s, struct slice *slices)
{
    double *block = calloc(s->nrecords ? s->nrecords : 1, sizeof *block), *at = block;
    if (!block)
        return NULL;
    for (size_t i = 0; i < s->nrecords; i++)
        if (outcome_accepted(s->records[i].kind))
            slices[slice_of(s->records + i, end_s)].count++;
    for (int i = 0; i < SLICES; i++) {
        slices[i].times = at;
        at += slices[i].count;
        slices[i].count = 0;
    }
    for (size_t i = 0; i < s->nrecords; i++) {
        struct slice *c = slices + slice_of(s->records + i, end_s);
        if (outcome_accepted(s->records[i].kind))
            c->times[c->count++] = (double)(s->records[i].done - s->records[i].due) / 1e6;
    }
    for (int i = 0; i < SLICES; i++)
        qsort(slices[i].times, slices[i].count, sizeof *block, by_size);
    return block;
}

static void over_time(const struct report *r, struct plot *p)
{
    static const struct {
        const char *name;
        double part;
    } lines[] = {{"p50", 0.5}, {"p99", 0.99}, {"largest", 1}};
    struct slice slices[SLICES] = {{0}};
    const double end_s = fmin(schedule_seconds(&r->plan->schedule), r->result->ended_s);
    double *block = cut(&r->result->stats, end_s, slices);
    p->x0 = 0;
    p->x1 = end_s;
    p->log_y = 1;
    plot_begin(p, "Response times of accepted requests over the run", "s when it was due", "ms");
    for (int i = 0; i <= 5; i++) {
        char label[32];
        snprintf(label, sizeof label, "%.3g", end_s * i / 5);
        plot_tick(p, end_s * i / 5, label);
    }
    for (int i = 1; i < r->plan->schedule.count; i++)
        if (r->plan->schedule.steps[i].begin_s < end_s)
            plot_mark(p, r->plan->schedule.steps[i].begin_s);
    for (size_t k = 0; block && k < sizeof lines / sizeof *lines; k++) {
        plot_line(p, lines[k].name, 0);
        for (int i = 0; i < SLICES; i++) {
            const size_t n = slices[i].count;
            const size_t rank = n ? (size_t)ceil(lines[k].part * (double)n) : 0;
            plot_point(p, (i + 0.5) / SLICES * end_s, n ? slices[i].times[rank - 1] : NAN);
        }
        plot_line_end(p);
    }
    free(block);
}

/* ---- by rate -------------------------------------------------------------------------------- */

enum rate_line { RATE_P50, RATE_P99, RATE_REFUSED, RATE_IDEAL, RATE_ACCEPTED, RATE_LINES };

static double rate_value(const struct step_view *v, enum rate_line line)
{
    const struct outcome *refused = stats_find(v->stats, 503);
    switch (line) {
    case RATE_P50:
        return hdr_percentile(&v->accepted.response, 50) / 1e6;
    case RATE_P99:
        return hdr_percentile(&v->accepted.response, 99) / 1e6;
    case RATE_REFUSED:
        return refused ? hdr_percentile(&refused->response, 99) / 1e6 : NAN;
    case RATE_IDEAL:
        return v->ideal ? hdr_percentile(v->ideal, 99) / 1e6 : NAN;
    default:
        return v->answer_rate;
    }
}

static void draw_rate(const struct report *r, struct plot *p, struct step_view *v, const char *name,
                      enum rate_line line)
{
    plot_line(p, name, line == RATE_IDEAL);
    for (int i = 0; i < r->plan->schedule.count; i++) {
        if (r->plan->schedule.steps[i].warmup)
            continue;
        report_view(r, i, v);
        plot_point(p, v->step->rate, rate_value(v, line));
    }
    plot_line_end(p);
}

static void tick_rates(const struct report *r, struct plot *p)
{
    const struct schedule *s = &r->plan->schedule;
    const int every = 1 + s->count / 14;
    for (int i = 0; i < s->count; i += every) {
        char label[32];
        snprintf(label, sizeof label, "%.4g", s->steps[i].rate);
        if (!s->steps[i].warmup)
            plot_tick(p, s->steps[i].rate, label);
    }
}

static void by_rate(const struct report *r, struct plot *p, struct step_view *v, double top)
{
    const struct schedule *s = &r->plan->schedule;
    const double first = s->steps[s->steps[0].warmup ? 1 : 0].rate,
                 last = s->steps[s->count - 1].rate;
    p->x0 = fmin(first, last);
    p->x1 = fmax(first, last);
    plot_begin(p, "Response times by rate", "requests/s asked for", "ms");
    tick_rates(r, p);
    draw_rate(r, p, v, "accepted, p50", RATE_P50);
    draw_rate(r, p, v, "accepted, p99", RATE_P99);
    draw_rate(r, p, v, "503, p99", RATE_REFUSED);
    if (r->result->ideal)
        draw_rate(r, p, v, "ideal, p99", RATE_IDEAL);
    p->top = top;
    p->log_y = 0;
    p->y0 = 0;
    p->y1 = p->x1;
    plot_begin(p, "Accepted requests by rate", "requests/s asked for", "accepted/s");
    tick_rates(r, p);
    draw_rate(r, p, v, "accepted/s", RATE_ACCEPTED);
}

void report_svg(const struct report *r, FILE *f)
{
    const int climbs = steps_counted(r) > 1, height = HEAD + PLOT_HEIGHT * (climbs ? 4 : 2);
    struct step_view *v = malloc(sizeof *v);
    struct plot p = {.f = f, .top = HEAD, .log_y = 1};
    double least, most;
    find_range(r, &least, &most);
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 "
            "%d %d\" font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"#222\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"26\" "
            "font-size=\"15\">",
            PLOT_WIDTH, height, PLOT_WIDTH, height, PLOT_LEFT);
    html_text(f, r->url);
    fputs("</text>\n", f);
    for (int i = 0; v && i < 2 + climbs; i++) {
        p.top = HEAD + i * PLOT_HEIGHT;
        p.y0 = least;
        p.y1 = most;
        if (i == 0)
            by_percentile(r, &p, v);
        else if (i == 1)
            over_time(r, &p);
        else
            by_rate(r, &p, v, HEAD + 3 * PLOT_HEIGHT);
    }
    fputs("</svg>\n", f);
    free(v);
}
