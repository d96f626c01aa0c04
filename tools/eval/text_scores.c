#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/text.h"

/* ---- characters ----------------------------------------------------------------------------- */

/* The next character, whose bytes are behind *text then; 0 at the end. */
static uint32_t next(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    const int more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc0 ? 1 : 0;
    uint32_t c = s[0];
    if (!c)
        return 0;
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            *text += 1;
            return s[0];
        }
        c = c << 8 | s[i];
    }
    *text += 1 + more;
    return c;
}

uint32_t text_length(const char *text)
{
    uint32_t n = 0;
    while (next(&text))
        n++;
    return n;
}

uint32_t text_distance(const char *a, const char *b)
{
    const uint32_t n = text_length(b);
    uint32_t *row = calloc((size_t)n + 1, sizeof *row), c, i = 0;
    if (!row)
        return UINT32_MAX;
    for (uint32_t k = 0; k <= n; k++)
        row[k] = k;
    while ((c = next(&a)) != 0) { /* row[k]: of what is read of a, and the first k of b */
        const char *at = b;
        uint32_t corner = row[0];
        row[0] = ++i;
        for (uint32_t k = 1; k <= n; k++) {
            const uint32_t other = corner + (next(&at) != c);
            const uint32_t one = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            corner = row[k];
            row[k] = other < one ? other : one;
        }
    }
    const uint32_t distance = row[n];
    free(row);
    return distance;
}

/* ---- places --------------------------------------------------------------------------------- */

enum { CORNERS = 16 };

struct polygon {
    double x[CORNERS], y[CORNERS];
    int n;
};

/* Twice the area, above 0 where corners go round clockwise (y runs down). */
static double doubled_area(const struct polygon *p)
{
    double sum = 0;
    for (int i = 0; i < p->n; i++) {
        const int k = (i + 1) % p->n;
        sum += p->x[i] * p->y[k] - p->x[k] * p->y[i];
    }
    return sum;
}

/* Going round clockwise. */
static struct polygon polygon_of(const struct text_line *l)
{
    struct polygon p = {.n = 4};
    memcpy(p.x, l->x, sizeof l->x);
    memcpy(p.y, l->y, sizeof l->y);
    if (doubled_area(&p) >= 0)
        return p;
    for (int k = 0; k < 4; k++) {
        p.x[k] = l->x[3 - k];
        p.y[k] = l->y[3 - k];
    }
    return p;
}

/* What of a polygon lies to the right of the line from (x0, y0) to (x1, y1). Sutherland and
 * Hodgman, "Reentrant Polygon Clipping" (1974). */
static struct polygon clip(const struct polygon *p, double x0, double y0, double x1, double y1)
{
    struct polygon out = {.n = 0};
    for (int i = 0; i < p->n; i++) {
        const int k = (i + 1) % p->n;
        const double a = (x1 - x0) * (p->y[i] - y0) - (y1 - y0) * (p->x[i] - x0);
        const double b = (x1 - x0) * (p->y[k] - y0) - (y1 - y0) * (p->x[k] - x0);
        if (a >= 0 && out.n < CORNERS) {
            out.x[out.n] = p->x[i];
            out.y[out.n++] = p->y[i];
        }
        if ((a >= 0) != (b >= 0) && out.n < CORNERS) {
            out.x[out.n] = p->x[i] + (p->x[k] - p->x[i]) * a / (a - b);
            out.y[out.n++] = p->y[i] + (p->y[k] - p->y[i]) * a / (a - b);
        }
    }
    return out;
}

double text_overlap(const struct text_line *a, const struct text_line *b)
{
    struct polygon common = polygon_of(a);
    const struct polygon other = polygon_of(b);
    const double all = doubled_area(&common) + doubled_area(&other);
    for (int k = 0; k < 4; k++)
        common = clip(&common, other.x[k], other.y[k], other.x[(k + 1) % 4], other.y[(k + 1) % 4]);
    const double area = common.n > 2 ? doubled_area(&common) : 0;
    return area > 0 && all > area ? area / (all - area) : 0;
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* A true text beside what was answered, "" where nothing was. */
static infer_status compare(const char *truth, const char *answer, struct text_counts *c,
                            infer_error *err)
{
    const uint32_t n = text_length(truth), m = text_length(answer);
    const uint32_t edits = text_distance(truth, answer);
    if (edits == UINT32_MAX)
        return infer__no_memory(err, n);
    c->letters += n;
    c->edits += edits;
    c->compared++;
    c->alike += n || m ? 1 - (double)edits / (n > m ? n : m) : 1;
    return INFER_OK;
}

/* All answers of a picture as one line; to be freed, NULL without memory. */
static char *joined(const struct text_lines *l, uint32_t picture)
{
    size_t size = 1;
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].picture == picture && l->items[i].text)
            size += strlen(l->items[i].text) + 1;
    char *all = calloc(size, 1), *at = all;
    for (uint32_t i = 0; all && i < l->count; i++)
        if (l->items[i].picture == picture && l->items[i].text)
            at += snprintf(at, size - (size_t)(at - all), "%s%s", at > all ? " " : "",
                           l->items[i].text);
    return all;
}

static infer_status count_lines(const struct text_set *set, struct text_counts *counts,
                                infer_error *err)
{
    for (uint32_t i = 0; i < set->truths.count; i++) {
        const struct text_line *t = &set->truths.items[i];
        struct text_counts *c = &counts[t->picture];
        if (t->ignored || !t->text)
            continue;
        char *answer = joined(&set->answers, t->picture);
        if (!answer)
            return infer__no_memory(err, 1);
        c->truths++;
        c->words += strcmp(t->text, answer) == 0;
        const infer_status status = compare(t->text, answer, c, err);
        free(answer);
        TRY(status);
    }
    return INFER_OK;
}

/* The answer of a picture that overlaps a true line most, and is nobody's; its index, or -1. */
static int64_t best_of(const struct text_set *set, const struct text_line *t, const uint8_t *taken)
{
    double most = 0.5;
    int64_t best = -1;
    for (uint32_t i = 0; i < set->answers.count; i++) {
        const struct text_line *a = &set->answers.items[i];
        const double overlap =
            a->picture == t->picture && a->placed && !taken[i] ? text_overlap(a, t) : 0;
        best = overlap > most ? i : best;
        most = overlap > most ? overlap : most;
    }
    return best;
}

/* Lines that are ignored take what they overlap away; so they choose last. */
static infer_status count_placed(const struct text_set *set, struct text_counts *counts,
                                 uint8_t *taken, infer_error *err)
{
    for (int ignored = 0; ignored < 2; ignored++)
        for (uint32_t i = 0; i < set->truths.count; i++) {
            const struct text_line *t = &set->truths.items[i];
            struct text_counts *c = &counts[t->picture];
            int64_t found;
            if (t->ignored != ignored)
                continue;
            while ((found = best_of(set, t, taken)) >= 0 && ignored) {
                taken[found] = 1;
                c->answers--;
            }
            if (ignored)
                continue;
            c->truths++;
            const char *said = found < 0 ? "" : set->answers.items[found].text;
            if (found >= 0) {
                taken[found] = 1;
                c->right++;
                c->words += t->text && said && strcmp(t->text, said) == 0;
            }
            if (t->text && said)
                TRY(compare(t->text, said, c, err));
        }
    for (uint32_t i = 0; i < set->answers.count; i++)
        counts[set->answers.items[i].picture].answers++;
    return INFER_OK;
}

infer_status text_count(const struct text_set *set, int placed, struct text_counts *counts,
                        infer_error *err)
{
    if (!placed)
        return count_lines(set, counts, err);
    uint8_t *taken = calloc((size_t)set->answers.count + 1, 1);
    if (!taken)
        return infer__no_memory(err, set->answers.count);
    const infer_status status = count_placed(set, counts, taken, err);
    free(taken);
    return status;
}
