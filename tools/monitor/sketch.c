#include "tools/monitor/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sketch_begin(struct sketch *s)
{
    *s = (struct sketch){
        .levels = 1, .low = INFINITY, .high = -INFINITY, .random = 0x9E3779B97F4A7C15};
}

void sketch_free(struct sketch *s)
{
    for (uint32_t i = 0; i < SKETCH_LEVELS; i++)
        free(s->items[i]);
    sketch_begin(s);
}

/* ---- levels --------------------------------------------------------------------------------- */

/* Items that a level may have: fewer, the lighter they are. */
static uint32_t most_of(const struct sketch *s, uint32_t level)
{
    double most = SKETCH_K;
    for (uint32_t i = level + 1; i < s->levels; i++)
        most *= 2.0 / 3;
    return most < 8 ? 8 : (uint32_t)most;
}

static int make_room(struct sketch *s, uint32_t level, uint32_t more)
{
    const uint32_t need = s->count[level] + more;
    uint32_t room = s->room[level] ? s->room[level] : 16;
    if (need <= s->room[level])
        return 1;
    while (room < need)
        room *= 2;
    float *items = realloc(s->items[level], room * sizeof *items);
    if (!items)
        return 0;
    s->items[level] = items;
    s->room[level] = room;
    return 1;
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* xorshift (Marsaglia, 2003). */
static int coin(struct sketch *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (int)(s->random >> 32 & 1);
}

/* Of each two neighbours of a level one goes up; of an odd number the least or greatest stays. */
static int compact(struct sketch *s, uint32_t level)
{
    float *items = s->items[level];
    uint32_t n = s->count[level];
    if (!make_room(s, level + 1, n / 2))
        return 0;
    qsort(items, n, sizeof *items, ascending);
    float *up = s->items[level + 1] + s->count[level + 1];
    const int which = coin(s);
    const float kept = n & 1 && which ? items[0] : items[n - 1];
    const float *from = items + (n & 1 && which);
    const int second = coin(s);
    for (uint32_t i = 0; i < n / 2; i++)
        up[i] = from[2 * i + (uint32_t)second];
    s->count[level + 1] += n / 2;
    s->count[level] = n & 1;
    items[0] = kept;
    s->levels = s->levels > level + 1 ? s->levels : level + 2;
    return 1;
}

/* Until everything fits. */
static int compress(struct sketch *s)
{
    for (;;) {
        uint32_t held = 0, most = 0, level = 0;
        for (uint32_t i = 0; i < s->levels; i++) {
            held += s->count[i];
            most += most_of(s, i);
        }
        if (held <= most)
            return 1;
        while (level + 1 < s->levels && s->count[level] < most_of(s, level))
            level++;
        if (level + 1 >= SKETCH_LEVELS || !compact(s, level))
            return 0;
    }
}

/* ---- numbers -------------------------------------------------------------------------------- */

int sketch_add(struct sketch *s, double value)
{
    const float v = (float)value;
    if (!isfinite(v)) {
        s->bad++;
        return 1;
    }
    if (!make_room(s, 0, 1))
        return 0;
    s->items[0][s->count[0]++] = v;
    s->n++;
    s->sum += (double)v;
    s->squares += (double)v * (double)v;
    s->low = v < s->low ? v : s->low;
    s->high = v > s->high ? v : s->high;
    if (s->count[0] >= most_of(s, 0))
        compress(s); /* without memory it stays larger for a while */
    return 1;
}

int sketch_merge(struct sketch *s, const struct sketch *other)
{
    for (uint32_t i = 0; i < other->levels; i++)
        if (!make_room(s, i, other->count[i]))
            return 0;
    for (uint32_t i = 0; i < other->levels; i++) {
        if (other->count[i])
            memcpy(s->items[i] + s->count[i], other->items[i], other->count[i] * sizeof(float));
        s->count[i] += other->count[i];
    }
    s->levels = s->levels > other->levels ? s->levels : other->levels;
    s->n += other->n;
    s->bad += other->bad;
    s->sum += other->sum;
    s->squares += other->squares;
    s->low = other->low < s->low ? other->low : s->low;
    s->high = other->high > s->high ? other->high : s->high;
    compress(s);
    return 1;
}

double sketch_error(const struct sketch *s)
{
    return s->levels > 1 ? SKETCH_ERROR : 0;
}

double sketch_mean(const struct sketch *s)
{
    return s->n ? s->sum / (double)s->n : NAN;
}

double sketch_deviation(const struct sketch *s)
{
    const double n = (double)s->n;
    return s->n > 1 ? sqrt(fmax(s->squares - s->sum * s->sum / n, 0) / (n - 1)) : NAN;
}

/* ---- reading off ---------------------------------------------------------------------------- */

struct weighted {
    float value;
    double weight;
};

static int by_value(const void *a, const void *b)
{
    return ascending(&((const struct weighted *)a)->value, &((const struct weighted *)b)->value);
}

int sketch_view(const struct sketch *s, struct sketch_view *v)
{
    size_t held = 0, at = 0;
    double sum = 0;
    for (uint32_t i = 0; i < s->levels; i++)
        held += s->count[i];
    struct weighted *all = malloc((held + 1) * sizeof *all);
    *v = (struct sketch_view){.values = malloc((held + 1) * sizeof(float)),
                              .upto = malloc((held + 1) * sizeof(double)),
                              .count = held,
                              .n = (double)s->n,
                              .error = sketch_error(s)};
    if (!all || !v->values || !v->upto) {
        free(all);
        sketch_view_free(v);
        return 0;
    }
    for (uint32_t i = 0; i < s->levels; i++)
        for (uint32_t k = 0; k < s->count[i]; k++)
            all[at++] = (struct weighted){s->items[i][k], ldexp(1, (int)i)};
    qsort(all, held, sizeof *all, by_value);
    for (size_t i = 0; i < held; i++) {
        sum += all[i].weight;
        v->values[i] = all[i].value;
        v->upto[i] = sum;
    }
    free(all);
    return 1;
}

void sketch_view_free(struct sketch_view *v)
{
    free(v->values);
    free(v->upto);
    *v = (struct sketch_view){0};
}

/* How many numbers the items have that are below x, or (`too`) equal to it. */
static double count_below(const struct sketch_view *v, double x, int too)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const double value = (double)v->values[middle];
        if (value < x || (too && value <= x))
            low = middle + 1;
        else
            high = middle;
    }
    return low ? v->upto[low - 1] : 0;
}

double sketch_rank(const struct sketch_view *v, double x)
{
    return count_below(v, x, 1);
}

double sketch_below(const struct sketch_view *v, double x)
{
    return count_below(v, x, 0);
}

/* The first item that more than `rank` numbers are not above. */
static double item_at(const struct sketch_view *v, double rank)
{
    size_t low = 0, high = v->count - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (v->upto[middle] > rank)
            high = middle;
        else
            low = middle + 1;
    }
    return (double)v->values[low];
}

double sketch_between(const struct sketch_view *v, double q)
{
    if (!v->count)
        return NAN;
    const double at = q * (v->n - 1), below = floor(at), t = at - below;
    const double a = item_at(v, below), b = item_at(v, below + 1);
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

double sketch_quantile(const struct sketch_view *v, double q)
{
    size_t low = 0, high = v->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (v->upto[middle] < q * v->n)
            low = middle + 1;
        else
            high = middle;
    }
    return v->count ? (double)v->values[low < v->count ? low : v->count - 1] : NAN;
}
