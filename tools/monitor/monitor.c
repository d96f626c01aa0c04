#include "tools/monitor/monitor.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PANES = 4, JUDGED_EVERY = 2, IN_A_ROW = 2, WINDOW = 200, LEAST_WINDOW = 40 };

struct monitor {
    pthread_mutex_t lock;
    struct monitor_options options; /* names point to what follows */
    char model[MONITOR_NAME], version[MONITOR_NAME];
    int has_reference;
    struct reference reference; /* never changed: read without the lock */
    struct profile panes[PANES];
    uint32_t current; /* the pane that is being filled */
    uint64_t closed;  /* panes that have been full */
    int begun;
    double pane_start;
    double since;
    uint64_t pictures, windows, drifted, alerts;
    uint32_t row[FEATURE_COUNT]; /* judged windows in a row that the feature has drifted in */
};

static void choose_window(struct monitor *m, const struct profile *reference)
{
    struct monitor_options *o = &m->options;
    if (!o->window && !(o->minutes > 0) && reference) {
        o->window = reference->window;
        o->minutes = reference->minutes;
    }
    if (!(o->minutes > 0)) {
        o->minutes = 0;
        o->window = o->window ? o->window : WINDOW;
    }
    if (o->window)
        o->window = (o->window < LEAST_WINDOW ? LEAST_WINDOW : o->window) / PANES * PANES;
}

struct monitor *monitor_create(const struct profile *reference,
                               const struct monitor_options *options)
{
    struct monitor *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    if (options)
        m->options = *options;
    snprintf(m->model, sizeof m->model, "%s", options && options->model ? options->model : "");
    snprintf(m->version, sizeof m->version, "%s",
             options && options->version ? options->version : "");
    m->since = NAN;
    pthread_mutex_init(&m->lock, NULL);
    for (int i = 0; i < PANES; i++)
        profile_begin(&m->panes[i]);
    choose_window(m, reference);
    m->has_reference = reference != NULL;
    if (reference && !reference_begin(&m->reference, reference)) {
        monitor_free(m);
        return NULL;
    }
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    for (int i = 0; i < PANES; i++)
        profile_free(&m->panes[i]);
    reference_free(&m->reference);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

double monitor_oddness(const struct monitor *m, const struct features *f, enum feature *which)
{
    if (m->has_reference)
        return reference_oddness(&m->reference, f, which);
    if (which)
        *which = FEATURE_COUNT;
    return 0;
}

/* ---- windows -------------------------------------------------------------------------------- */

/* The panes together. */
static int merge(const struct monitor *m, struct profile *window)
{
    int ok = 1;
    profile_begin(window);
    for (int i = 0; i < PANES; i++)
        ok &= profile_merge(window, &m->panes[i]);
    return ok;
}

static void count_rows(struct monitor *m, const struct judgement *j, double now)
{
    int standing = 0;
    for (int i = 0; i < FEATURE_COUNT; i++) {
        m->row[i] = j->of[i].drifted ? m->row[i] + 1 : 0;
        m->alerts += m->row[i] == IN_A_ROW;
        standing |= m->row[i] >= IN_A_ROW;
    }
    if (!standing)
        m->since = NAN;
    else if (isnan(m->since))
        m->since = now;
}

/* What can't be judged (too few pictures, no memory) leaves alerts as they are. */
static void judge_window(struct monitor *m, double now)
{
    struct profile window;
    struct judgement j;
    if (merge(m, &window) && judge(&m->reference, &window, &m->options.judge, &j) && j.enough) {
        m->windows++;
        m->drifted += j.drifted > 0;
        count_rows(m, &j, now);
    }
    profile_free(&window);
}

static void close_pane(struct monitor *m, double now)
{
    m->closed++;
    if (m->has_reference && m->closed >= PANES && m->closed % JUDGED_EVERY == 0)
        judge_window(m, now);
    m->current = (m->current + 1) % PANES;
    profile_free(&m->panes[m->current]); /* the oldest one */
    m->pane_start = now;
}

/* Panes that time has closed. After a long pause all are empty, however long it was. */
static void pass_time(struct monitor *m, double now)
{
    const double pane = m->options.minutes * 60 / PANES;
    if (!m->begun) {
        m->begun = 1;
        m->pane_start = now;
    }
    for (int i = 0; i <= PANES && pane > 0 && now - m->pane_start >= pane; i++)
        close_pane(m, i == PANES ? now : m->pane_start + pane);
}

int monitor_add(struct monitor *m, const struct features *f, double now)
{
    pthread_mutex_lock(&m->lock);
    pass_time(m, now);
    struct profile *pane = &m->panes[m->current];
    const int ok = profile_add(pane, f);
    m->pictures++;
    if (m->options.window && pane->pictures >= m->options.window / PANES)
        close_pane(m, now);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

/* ---- telling -------------------------------------------------------------------------------- */

static int read_quantiles(const struct profile *window, struct monitor_report *r)
{
    for (int i = 0; i < FEATURE_COUNT; i++) {
        struct sketch_view v;
        if (!sketch_view(&window->numbers[i], &v))
            return 0;
        r->quantiles[i][0] = sketch_quantile(&v, 0.05);
        r->quantiles[i][1] = sketch_quantile(&v, 0.5);
        r->quantiles[i][2] = sketch_quantile(&v, 0.95);
        sketch_view_free(&v);
    }
    return 1;
}

static void copy_state(const struct monitor *m, struct monitor_report *r)
{
    *r = (struct monitor_report){.has_reference = m->has_reference,
                                 .window = m->options.window,
                                 .minutes = m->options.minutes,
                                 .pictures = m->pictures,
                                 .windows = m->windows,
                                 .drifted = m->drifted,
                                 .alerts = m->alerts,
                                 .since = m->since};
    memcpy(r->model, m->model, sizeof r->model);
    memcpy(r->version, m->version, sizeof r->version);
    for (int i = 0; i < FEATURE_COUNT; i++)
        r->alert[i] = m->row[i] >= IN_A_ROW;
}

int monitor_report(struct monitor *m, double now, struct monitor_report *r)
{
    struct profile window;
    pthread_mutex_lock(&m->lock);
    if (m->begun)
        pass_time(m, now);
    int ok = merge(m, &window);
    copy_state(m, r);
    pthread_mutex_unlock(&m->lock); /* what follows is on copies */
    ok = ok &&
         judge(m->has_reference ? &m->reference : NULL, &window, &m->options.judge, &r->now) &&
         read_quantiles(&window, r);
    profile_free(&window);
    return ok;
}

uint32_t monitor_alerts(struct monitor *m, uint64_t *began)
{
    uint32_t standing = 0;
    pthread_mutex_lock(&m->lock);
    for (int i = 0; i < FEATURE_COUNT; i++)
        standing |= (uint32_t)(m->row[i] >= IN_A_ROW) << i;
    *began = m->alerts;
    pthread_mutex_unlock(&m->lock);
    return standing;
}
