#include "tools/monitor/feedback.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "file/checksum.h"
#include "tools/cli.h"
#include "tools/monitor/counter.h"

enum { REMEMBERED = 65536, WAYS = 8 };

/* Answers are kept by a checksum of their ids, WAYS of them in a row; the oldest of a row goes. */
struct remembered {
    uint64_t sum; /* 0: none */
    uint64_t when;
    int64_t predicted;
    int labelled;
};

struct feedback {
    pthread_mutex_t lock;
    struct remembered *answers;
    size_t rows;
    uint64_t clock;
    struct counter predicted, truth, right; /* labels so far, by class */
};

struct feedback *feedback_create(size_t remembered)
{
    struct feedback *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    f->rows = (remembered ? remembered : REMEMBERED) / WAYS + 1;
    f->answers = calloc(f->rows * WAYS, sizeof *f->answers);
    if (!f->answers) {
        feedback_free(f);
        return NULL;
    }
    return f;
}

void feedback_free(struct feedback *f)
{
    if (!f)
        return;
    counter_free(&f->predicted);
    counter_free(&f->truth);
    counter_free(&f->right);
    free(f->answers);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static uint64_t sum_of(const char *id)
{
    const uint64_t sum = infer__checksum(id, strlen(id));
    return sum ? sum : 1;
}

/* The answer with this sum; without one the place for it, or NULL where `place` is 0. */
static struct remembered *find(struct feedback *f, uint64_t sum, int place)
{
    struct remembered *row = f->answers + sum % f->rows * WAYS, *oldest = row;
    for (int i = 0; i < WAYS; i++) {
        if (row[i].sum == sum)
            return &row[i];
        oldest = row[i].when < oldest->when ? &row[i] : oldest;
    }
    return place ? oldest : NULL;
}

void feedback_remember(struct feedback *f, const char *id, int64_t predicted)
{
    const uint64_t sum = sum_of(id);
    pthread_mutex_lock(&f->lock);
    *find(f, sum, 1) = (struct remembered){.sum = sum, .when = ++f->clock, .predicted = predicted};
    pthread_mutex_unlock(&f->lock);
}

/* ---- counts --------------------------------------------------------------------------------- */

/* All three counters or none. */
static int count(struct feedback *f, int64_t predicted, int64_t truth)
{
    if (!counter_add(&f->predicted, predicted, 0) || !counter_add(&f->truth, truth, 0) ||
        !counter_add(&f->right, truth, 0))
        return 0;
    counter_add(&f->predicted, predicted, 1);
    counter_add(&f->truth, truth, 1);
    counter_add(&f->right, truth, predicted == truth);
    return 1;
}

enum feedback_result feedback_label(struct feedback *f, const char *id, int64_t truth)
{
    enum feedback_result result = FEEDBACK_UNKNOWN;
    pthread_mutex_lock(&f->lock);
    struct remembered *a = find(f, sum_of(id), 0);
    if (a && a->labelled)
        result = FEEDBACK_AGAIN;
    else if (a) {
        a->labelled = count(f, a->predicted, truth);
        result = a->labelled ? FEEDBACK_COUNTED : FEEDBACK_NO_MEMORY;
    }
    pthread_mutex_unlock(&f->lock);
    return result;
}

int feedback_add(struct feedback *f, int64_t predicted, int64_t truth)
{
    pthread_mutex_lock(&f->lock);
    const int ok = count(f, predicted, truth);
    pthread_mutex_unlock(&f->lock);
    return ok;
}

/* ---- telling -------------------------------------------------------------------------------- */

struct share share_of(uint64_t of, uint64_t n)
{
    const double z = 1.959963984540054, z2 = z * z, count = (double)n;
    struct share s = {of, n, NAN, 0, 1};
    if (!n)
        return s;
    s.value = (double)of / count;
    const double middle = (s.value + z2 / (2 * count)) / (1 + z2 / count);
    const double half =
        z / (1 + z2 / count) * sqrt(s.value * (1 - s.value) / count + z2 / (4 * count * count));
    s.low = of ? fmax(middle - half, 0) : 0;
    s.high = of < n ? fmin(middle + half, 1) : 1;
    return s;
}

static void add_class(struct feedback *f, struct feedback_report *r, int64_t class)
{
    const uint64_t right = counter_times(&f->right, class);
    const uint64_t predicted = counter_times(&f->predicted, class);
    const uint64_t truth = counter_times(&f->truth, class);
    if (predicted + truth)
        r->classes[r->count++] = (struct feedback_class){
            .class = class, share_of(right, predicted), share_of(right, truth)};
}

static int fill(struct feedback *f, struct feedback_report *r)
{
    uint64_t right = 0;
    uint32_t i = 0, j = 0;
    r->classes = calloc((size_t)f->predicted.count + f->truth.count + 1, sizeof *r->classes);
    if (!r->classes)
        return 0;
    for (uint32_t k = 0; k < f->right.count; k++)
        right += f->right.rows[k].times;
    r->accuracy = share_of(right + f->right.other, f->truth.n);
    while (i < f->predicted.count || j < f->truth.count) { /* keys of both ascend */
        const int64_t a = i < f->predicted.count ? f->predicted.rows[i].key : INT64_MAX;
        const int64_t b = j < f->truth.count ? f->truth.rows[j].key : INT64_MAX;
        i += a <= b && i < f->predicted.count;
        j += b <= a && j < f->truth.count;
        add_class(f, r, a < b ? a : b);
    }
    return 1;
}

int feedback_report(struct feedback *f, struct feedback_report *r)
{
    *r = (struct feedback_report){0};
    pthread_mutex_lock(&f->lock);
    const int ok = fill(f, r);
    pthread_mutex_unlock(&f->lock);
    return ok;
}

static void share_json(FILE *f, const char *key, const struct share *s)
{
    fprintf(f, "\"%s\": {\"value\": ", key);
    json_number(f, s->value);
    fprintf(f, ", \"low\": %.9g, \"high\": %.9g, \"right\": %llu, \"count\": %llu}", s->low,
            s->high, (unsigned long long)s->of, (unsigned long long)s->n);
}

void feedback_json(FILE *f, const struct feedback_report *r, feedback_name *name, void *ctx)
{
    fprintf(f, "{\"labels\": %llu, ", (unsigned long long)r->accuracy.n);
    share_json(f, "accuracy", &r->accuracy);
    fputs(", \"classes\": [", f);
    for (size_t i = 0; i < r->count; i++) {
        const char *label = name ? name(ctx, r->classes[i].class) : NULL;
        fprintf(f, "%s{\"class\": %lld", i ? ", " : "", (long long)r->classes[i].class);
        if (label) {
            fputs(", \"label\": ", f);
            json_string(f, label);
        }
        fputs(", ", f);
        share_json(f, "precision", &r->classes[i].precision);
        fputs(", ", f);
        share_json(f, "recall", &r->classes[i].recall);
        fputs("}", f);
    }
    fputs("]}", f);
}
