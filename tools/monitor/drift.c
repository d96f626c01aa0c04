#include "tools/monitor/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

static int no_memory(const struct drift *d)
{
    fprintf(stderr, "infer: %s: no memory for what is in it\n",
            d->path ? d->path : d->reference_path);
    return CLI_RESOURCES;
}

int drift_begin(struct drift *d, const char *reference, const struct monitor_options *options)
{
    *d = (struct drift){.reference_path = reference, .options = *options};
    const int status = profile_open(&d->reference, reference, &d->model);
    if (status != CLI_OK)
        return status;
    return reference_begin(&d->ready, &d->reference) ? CLI_OK : no_memory(d);
}

static void free_stream(struct drift_stream *s)
{
    monitor_free(s->monitor);
    profile_free(&s->whole);
    for (int i = 0; i < s->nodd; i++)
        free(s->odd[i].picture);
    free(s);
}

void drift_end(struct drift *d)
{
    for (int i = 0; i < d->nstreams; i++)
        free_stream(d->streams[i]);
    profile_free(&d->reference);
    reference_free(&d->ready);
    infer_model_free(&d->model);
    d->nstreams = 0;
}

const char *drift_label(const struct drift *d, int64_t class, char text[64])
{
    infer_decoding decoding = INFER_DECODING_INIT;
    const char *label = NULL;
    if (d->model) {
        infer_model_decoding(d->model, &decoding, NULL);
        const int64_t at = class + decoding.label_first;
        label = at >= 0 ? infer_model_label(d->model, (size_t)at) : NULL;
    }
    if (label)
        snprintf(text, 64, "%s", label);
    else
        snprintf(text, 64, "class %lld", (long long)class);
    return text;
}

/* ---- streams -------------------------------------------------------------------------------- */

/* The stream of a version, made where it is new; NULL after a message. */
static struct drift_stream *find_stream(struct drift *d, const char *model, const char *version)
{
    for (int i = 0; i < d->nstreams; i++) {
        const struct monitor_report *r = &d->streams[i]->report;
        if (strncmp(r->model, model, MONITOR_NAME - 1) == 0 &&
            strncmp(r->version, version, MONITOR_NAME - 1) == 0)
            return d->streams[i];
    }
    if (d->nstreams == DRIFT_STREAMS) {
        fprintf(stderr, "infer: %s: more than %d versions of models\n", d->path, DRIFT_STREAMS);
        return NULL;
    }
    struct monitor_options o = d->options;
    struct drift_stream *s = calloc(1, sizeof *s);
    o.model = model;
    o.version = version;
    if (s) {
        profile_begin(&s->whole);
        s->first = s->last = NAN;
        s->monitor = monitor_create(&d->reference, &o);
    }
    if (!s || !s->monitor || !monitor_report(s->monitor, 0, &s->report)) { /* has the names */
        no_memory(d);
        if (s)
            free_stream(s);
        return NULL;
    }
    d->streams[d->nstreams++] = s;
    return s;
}

/* Keeps the picture among the oddest if it is one. */
static int keep_odd(const struct drift *d, struct drift_stream *s, const char *picture,
                    const struct features *f, double time)
{
    enum feature which;
    const double odd = reference_oddness(&d->ready, f, &which);
    int at = s->nodd;
    while (at > 0 && s->odd[at - 1].oddness < odd)
        at--;
    if (which == FEATURE_COUNT || at == DRIFT_ODDEST)
        return 1;
    char *copy = picture ? strdup(picture) : NULL;
    if (picture && !copy)
        return 0;
    if (s->nodd == DRIFT_ODDEST)
        free(s->odd[--s->nodd].picture);
    memmove(s->odd + at + 1, s->odd + at, (size_t)(s->nodd - at) * sizeof *s->odd);
    s->odd[at] = (struct drift_odd){odd, f->value[which], which, copy, time};
    s->nodd++;
    return 1;
}

static void note_alerts(struct drift_stream *s, double time)
{
    uint64_t began;
    const uint32_t standing = monitor_alerts(s->monitor, &began);
    const uint32_t fresh = standing & ~s->standing;
    if (fresh && s->nevents < DRIFT_EVENTS)
        s->events[s->nevents++] = (struct drift_event){fresh, s->whole.pictures, time};
    s->standing = standing;
}

int drift_add(struct drift *d, const char *model, const char *version, const char *picture,
              const struct features *f, double time)
{
    struct drift_stream *s = find_stream(d, model, version);
    if (!s)
        return CLI_RESOURCES;
    d->pictures++;
    s->first = isnan(s->first) ? time : s->first;
    s->last = time;
    if (!profile_add(&s->whole, f) || !monitor_add(s->monitor, f, time) ||
        !keep_odd(d, s, picture, f, time))
        return no_memory(d);
    note_alerts(s, time);
    return CLI_OK;
}

int drift_finish(struct drift *d)
{
    struct judge_options all = d->options.judge;
    int drifted = 0;
    all.exact = 1;
    for (int i = 0; i < d->nstreams; i++) {
        struct drift_stream *s = d->streams[i];
        if (!monitor_report(s->monitor, s->last, &s->report) ||
            !judge(&d->ready, &s->whole, &all, &s->judgement))
            return no_memory(d);
        s->drifted = s->judgement.drifted || s->report.alerts;
        drifted |= s->drifted;
    }
    return drifted ? CLI_DIFFERS : CLI_OK;
}
