#include "tools/serve/watch/observe.h"
#include "tools/serve/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/cli.h"
#include "tools/monitor/monitor.h"

/* Pictures that wait for the disk; what comes while so many wait is no sample. */
enum { MOST_WAITING = 64 };

struct waiting_sample {
    void *bytes;
    size_t size;
    char id[64], model[MONITOR_NAME], version[MONITOR_NAME];
    struct features features;
    double time, oddness;
};

struct observers {
    struct observe_options options;
    FILE *log;
    struct sampler *sampler;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int begun, ending;
    struct waiting_sample waiting[MOST_WAITING];
    int first, count;
};

struct observation {
    struct observers *all;
    struct monitor *monitor;
    struct feedback *feedback;
    char model[MONITOR_NAME], version[MONITOR_NAME];
};

/* ---- samples, written by a thread of their own ----------------------------------------------- */

static void *write_samples(void *arg)
{
    struct observers *all = arg;
    pthread_mutex_lock(&all->lock);
    while (!all->ending || all->count) {
        if (!all->count) {
            pthread_cond_wait(&all->wake, &all->lock);
            continue;
        }
        const struct waiting_sample w = all->waiting[all->first];
        all->first = (all->first + 1) % MOST_WAITING;
        all->count--;
        pthread_mutex_unlock(&all->lock);
        const struct sample s = {.bytes = w.bytes,
                                 .size = w.size,
                                 .id = w.id,
                                 .model = w.model,
                                 .version = w.version,
                                 .time = w.time,
                                 .features = &w.features,
                                 .oddness = w.oddness};
        sampler_offer(all->sampler, &s);
        free(w.bytes);
        pthread_mutex_lock(&all->lock);
    }
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

static void queue_sample(struct observers *all, const struct waiting_sample *w,
                         const infer_picture *picture)
{
    pthread_mutex_lock(&all->lock);
    const int room = all->count < MOST_WAITING && !all->ending;
    struct waiting_sample *to = &all->waiting[(all->first + all->count) % MOST_WAITING];
    void *bytes = room ? malloc(picture->bytes + 1) : NULL;
    if (bytes) {
        memcpy(bytes, picture->data, picture->bytes);
        *to = *w;
        to->bytes = bytes;
        to->size = picture->bytes;
        all->count++;
        pthread_cond_signal(&all->wake);
    }
    pthread_mutex_unlock(&all->lock);
}

static int begin_samples(struct observers *all, char *why, size_t size)
{
    const struct sampler_options so = {.most = all->options.most_samples,
                                       .most_bytes = all->options.most_sample_bytes,
                                       .seed = (uint64_t)time(NULL)};
    if (sampler_open(all->options.samples, &so, &all->sampler) != CLI_OK) {
        snprintf(why, size, "no samples can be kept in %s", all->options.samples);
        return 0;
    }
    all->begun = pthread_create(&all->thread, NULL, write_samples, all) == 0;
    if (!all->begun)
        snprintf(why, size, "no thread for samples");
    return all->begun;
}

/* ---- all versions --------------------------------------------------------------------------- */

int observers_begin(struct observers **out, const struct observe_options *o, char *why, size_t size)
{
    struct observers *all = calloc(1, sizeof *all);
    *out = all;
    if (!all) {
        snprintf(why, size, "out of memory");
        return 0;
    }
    all->options = *o;
    pthread_mutex_init(&all->lock, NULL);
    pthread_cond_init(&all->wake, NULL);
    if (o->log && !(all->log = fopen(o->log, "ae"))) {
        snprintf(why, size, "%s: %s", o->log, strerror(errno));
        return 0;
    }
    return !o->samples || begin_samples(all, why, size);
}

void observers_end(struct observers *all)
{
    if (!all)
        return;
    pthread_mutex_lock(&all->lock);
    all->ending = 1;
    pthread_cond_signal(&all->wake);
    pthread_mutex_unlock(&all->lock);
    if (all->begun)
        pthread_join(all->thread, NULL);
    sampler_free(all->sampler);
    if (all->log)
        fclose(all->log);
    pthread_cond_destroy(&all->wake);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct sampler_count observers_samples(const struct observers *all)
{
    return all->sampler ? sampler_count(all->sampler) : (struct sampler_count){{0}, 0, 0};
}

/* ---- one version ---------------------------------------------------------------------------- */

struct observation *observation_begin(struct observers *all, const char *name, int64_t number,
                                      const infer_model *model)
{
    struct profile reference;
    infer_error err;
    const int has = profile_of_model(&reference, model, &err) == INFER_OK;
    const struct observe_options *o = &all->options;
    if (!has && !o->always && !o->log && !o->samples)
        return NULL;
    struct observation *v = calloc(1, sizeof *v);
    if (v) {
        struct monitor_options mo = {.window = o->window, .minutes = o->minutes};
        snprintf(v->model, sizeof v->model, "%s", name);
        snprintf(v->version, sizeof v->version, "%lld", (long long)number);
        mo.model = v->model;
        mo.version = v->version;
        v->all = all;
        v->monitor = monitor_create(has ? &reference : NULL, &mo);
        v->feedback = feedback_create(0);
    }
    if (has)
        profile_free(&reference);
    if (v && v->monitor && v->feedback)
        return v;
    observation_free(v);
    return NULL;
}

void observation_free(struct observation *o)
{
    if (!o)
        return;
    monitor_free(o->monitor);
    feedback_free(o->feedback);
    free(o);
}

struct monitor *observation_monitor(struct observation *o)
{
    return o->monitor;
}

struct feedback *observation_feedback(struct observation *o)
{
    return o->feedback;
}

static void log_features(struct observation *o, const struct features *f, const char *id,
                         double now)
{
    FILE *to = o->all->log;
    flockfile(to);
    fprintf(to, "{\"time\": %.3f, \"model\": ", now);
    json_string(to, o->model);
    fprintf(to, ", \"version\": \"%s\", \"id\": ", o->version);
    json_string(to, id);
    fputs(", \"features\": ", to);
    features_json(to, f);
    fputs("}\n", to);
    fflush(to);
    funlockfile(to);
}

void observation_add(struct observation *o, const struct features *f, const char *id,
                     const infer_picture *picture)
{
    const double now = (double)serve_wall_ms() / 1e3;
    monitor_add(o->monitor, f, now);
    if (*id && features_has(f, FEATURE_CLASS))
        feedback_remember(o->feedback, id, (int64_t)f->value[FEATURE_CLASS]);
    if (o->all->log)
        log_features(o, f, id, now);
    if (!o->all->sampler)
        return;
    enum feature which;
    struct waiting_sample w = {.features = *f, .time = now};
    w.oddness = monitor_oddness(o->monitor, f, &which);
    snprintf(w.id, sizeof w.id, "%s", id);
    memcpy(w.model, o->model, sizeof w.model);
    memcpy(w.version, o->version, sizeof w.version);
    queue_sample(o->all, &w, picture);
}
