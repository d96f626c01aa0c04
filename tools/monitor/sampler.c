#include "tools/monitor/sampler.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/folder.h"
#include "tools/monitor/sampler_parts.h"
#include "tools/write_file.h"

enum { MOST = 100 };

const char *const sample_names[SAMPLE_KINDS] = {"reservoir", "least-confident", "most-drifted"};

/* ---- slots ---------------------------------------------------------------------------------- */

void sampler_remove(struct sampler *s, int kind, uint32_t at)
{
    struct slots *list = &s->slots[kind];
    char name[SAMPLE_NAME], path[SAMPLE_PATH];
    const struct slot gone = list->items[at];
    sample_file(name, kind, gone.number, gone.ending);
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    unlink(path);
    sample_file(name, kind, gone.number, "json");
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    unlink(path);
    list->bytes -= gone.bytes;
    list->items[at] = list->items[--list->count];
}

/* Who goes first: the oldest that is past its time, else the one of the lowest rank. */
static uint32_t find_last(const struct sampler *s, const struct slots *list, double now)
{
    uint32_t last = 0, oldest = 0;
    for (uint32_t i = 1; i < list->count; i++) {
        last = list->items[i].rank < list->items[last].rank ? i : last;
        oldest = list->items[i].time < list->items[oldest].time ? i : oldest;
    }
    return s->keep > 0 && now - list->items[oldest].time > s->keep ? oldest : last;
}

/* Whether a picture of this rank would find room, others going for it; `bytes` with all its files.
 */
static int would_fit(const struct sampler *s, int kind, double rank, uint64_t bytes, double now)
{
    const struct slots *list = &s->slots[kind];
    if (bytes > s->most_bytes / SAMPLE_KINDS)
        return 0;
    if (list->count < s->most && list->bytes + bytes <= s->most_bytes / SAMPLE_KINDS)
        return 1;
    const struct slot *last = &list->items[find_last(s, list, now)];
    return last->rank < rank || (s->keep > 0 && now - last->time > s->keep);
}

void sampler_make_room(struct sampler *s, int kind, uint64_t bytes, uint32_t count, double now)
{
    struct slots *list = &s->slots[kind];
    while (list->count &&
           (list->count + count > s->most || list->bytes + bytes > s->most_bytes / SAMPLE_KINDS))
        sampler_remove(s, kind, find_last(s, list, now));
}

/* ---- ranks ---------------------------------------------------------------------------------- */

/* xorshift (Marsaglia, 2003); above 0 and below 1. */
static double draw(struct sampler *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return ((double)(s->random >> 12) + 0.5) * 0x1p-52;
}

/* How unsure the model was: by the margin where there is one, else by the score. NaN: as unsure as
 * can be; -INFINITY: it is not known. */
static double unsure(const struct features *f)
{
    const enum feature which = features_has(f, FEATURE_MARGIN) ? FEATURE_MARGIN : FEATURE_SCORE;
    if (!features_has(f, which))
        return -INFINITY;
    return isnan(f->value[which]) ? INFINITY : -f->value[which];
}

/* Each picture draws a number, and the greatest stay, which is an even choice of all so far. */
static void ranks_of(struct sampler *s, const struct features *f, double oddness,
                     double ranks[SAMPLE_KINDS])
{
    ranks[SAMPLE_RESERVOIR] = draw(s);
    ranks[SAMPLE_LEAST_CONFIDENT] = unsure(f);
    ranks[SAMPLE_MOST_DRIFTED] = oddness > 0 ? oddness : -INFINITY;
}

/* ---- writing -------------------------------------------------------------------------------- */

static const char *ending_of(const struct sample *x)
{
    static const struct {
        const char *ending, *start;
        size_t n;
    } known[] = {
        {"jpg", "\xff\xd8\xff", 3}, {"png", "\x89PNG", 4}, {"bmp", "BM", 2}, {"gif", "GIF8", 4}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (x->size >= known[i].n && memcmp(x->bytes, known[i].start, known[i].n) == 0)
            return known[i].ending;
    return "bin";
}

static void text_member(FILE *f, const char *key, const char *text)
{
    fprintf(f, ", \"%s\": ", key);
    json_string(f, text ? text : "");
}

/* The file of JSON beside the picture; to be freed, NULL without memory. */
static char *describe(const struct sample *x, const char *file, int kind, double rank, size_t *size)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, size);
    if (!f)
        return NULL;
    fputs("{\"file\": ", f);
    json_string(f, file);
    text_member(f, "kind", sample_names[kind]);
    fprintf(f, ", \"rank\": %.17g", fmax(fmin(rank, 1e300), -1e300));
    fprintf(f, ", \"time\": %.3f", x->time);
    text_member(f, "id", x->id);
    text_member(f, "model", x->model);
    text_member(f, "version", x->version);
    fprintf(f, ", \"oddness\": %.9g, \"features\": ", fmin(x->oddness, 1e300));
    features_json(f, x->features);
    fputs("}\n", f);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The picture first: one without its file of JSON is removed when the folder is opened again. */
static int write_both(struct sampler *s, const struct sample *x, int kind, struct slot *slot,
                      double rank)
{
    char name[SAMPLE_NAME], path[SAMPLE_PATH];
    size_t size = 0;
    sample_file(name, kind, slot->number, slot->ending);
    char *text = describe(x, name, kind, rank, &size);
    if (!text) {
        fprintf(stderr, "infer: %s: no memory for a sample\n", s->folder);
        return CLI_RESOURCES;
    }
    slot->bytes = x->size + size;
    sampler_make_room(s, kind, slot->bytes, 1, x->time);
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    int status = write_file(path, x->bytes, x->size);
    if (status == CLI_OK) {
        sample_file(name, kind, slot->number, "json");
        snprintf(path, sizeof path, "%s/%s", s->folder, name);
        status = write_file(path, text, size);
    }
    free(text);
    return status;
}

static int take(struct sampler *s, const struct sample *x, int kind, double rank)
{
    struct slots *list = &s->slots[kind];
    struct slot slot = {.rank = rank, .time = x->time, .number = ++s->last_number};
    snprintf(slot.ending, sizeof slot.ending, "%s", ending_of(x));
    const int status = write_both(s, x, kind, &slot, rank);
    list->items[list->count] = slot; /* there is room for one more than `most` */
    list->bytes += slot.bytes;
    list->count++;
    if (status != CLI_OK)
        sampler_remove(s, kind, list->count - 1);
    return status;
}

/* ---- the interface -------------------------------------------------------------------------- */

int sampler_offer(struct sampler *s, const struct sample *x)
{
    const uint64_t about = x->size + SAMPLE_JSON; /* what the file of JSON takes is not known yet */
    double ranks[SAMPLE_KINDS];
    int status = CLI_OK;
    pthread_mutex_lock(&s->lock);
    s->offered++;
    ranks_of(s, x->features, x->oddness, ranks);
    for (int kind = 0; kind < SAMPLE_KINDS && status == CLI_OK; kind++)
        if (ranks[kind] > -INFINITY && would_fit(s, kind, ranks[kind], about, x->time))
            status = take(s, x, kind, ranks[kind]);
    pthread_mutex_unlock(&s->lock);
    return status;
}

int sampler_wants(struct sampler *s, const struct features *f, double oddness, double now)
{
    double ranks[SAMPLE_KINDS];
    int wanted = 0;
    pthread_mutex_lock(&s->lock);
    ranks[SAMPLE_LEAST_CONFIDENT] = unsure(f);
    ranks[SAMPLE_MOST_DRIFTED] = oddness > 0 ? oddness : -INFINITY;
    for (int kind = SAMPLE_LEAST_CONFIDENT; kind < SAMPLE_KINDS; kind++)
        wanted |= ranks[kind] > -INFINITY && would_fit(s, kind, ranks[kind], SAMPLE_JSON, now);
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

struct sampler_count sampler_count(struct sampler *s)
{
    struct sampler_count c = {0};
    pthread_mutex_lock(&s->lock);
    c.offered = s->offered;
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        c.pictures[kind] = s->slots[kind].count;
        c.bytes += s->slots[kind].bytes;
    }
    pthread_mutex_unlock(&s->lock);
    return c;
}

int sampler_open(const char *folder, const struct sampler_options *o, struct sampler **out)
{
    struct sampler *s = calloc(1, sizeof *s);
    *out = s;
    int ok =
        s && (s->folder = strdup(folder)) != NULL && strlen(folder) < SAMPLE_PATH - SAMPLE_NAME;
    if (s) {
        s->most = o && o->most ? o->most : MOST;
        s->most = s->most > SAMPLER_MOST ? SAMPLER_MOST : s->most;
        s->most_bytes = o && o->most_bytes ? o->most_bytes : UINT64_C(64) << 20;
        s->keep = o && o->keep != 0 ? o->keep : 7 * 86400.0;
        s->random = (o ? o->seed : 0) ^ 0x9E3779B97F4A7C15;
        s->random += s->random == 0;
        pthread_mutex_init(&s->lock, NULL);
    }
    for (int kind = 0; ok && kind < SAMPLE_KINDS; kind++)
        ok = (s->slots[kind].items = calloc((size_t)s->most + 1, sizeof(struct slot))) != NULL;
    if (!ok) {
        fprintf(stderr, "infer: %.200s: no memory for samples, or the path is too long\n", folder);
        return CLI_RESOURCES;
    }
    const int status = make_folder(folder);
    return status == CLI_OK ? sampler_take_over(s) : status;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    for (int kind = 0; kind < SAMPLE_KINDS; kind++)
        free(s->slots[kind].items);
    pthread_mutex_destroy(&s->lock);
    free(s->folder);
    free(s);
}
