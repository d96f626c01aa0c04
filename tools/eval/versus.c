/* infer eval --versus: two models on the same pictures. */
#include "tools/eval/versus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

enum { MOST_LISTED = 20, USUAL_ROUNDS = 1000 };

struct versus {
    const struct eval_options *o;
    struct report *r;
    const struct eval_view *v, *w;
};

/* ---- the test ------------------------------------------------------------------------------- */

double eval_mcnemar(uint32_t b, uint32_t c)
{
    const double n = (double)b + c;
    const uint32_t fewer = b < c ? b : c;
    double p = 0;
    for (uint32_t k = 0; k <= fewer; k++)
        p += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
    return fmin(1, 2 * p);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Pictures whose answers failed in one model only would be compared with nothing. */
static int check_pictures(const struct versus *x, const char *path)
{
    const struct eval_view *v = x->v, *w = x->w;
    int same = v->npictures == w->npictures && v->nvalues == w->nvalues &&
               strcmp(v->quality_name, w->quality_name) == 0;
    for (uint32_t i = 0; same && i < v->npictures; i++)
        same = strcmp(v->pictures->items[i].text, w->pictures->items[i].text) == 0 &&
               !v->paths[i] == !w->paths[i];
    if (same)
        return CLI_OK;
    fprintf(stderr,
            "infer: %s: its answers are of other pictures, or of another kind, than those of %s: "
            "the two can't be compared\n",
            path, x->o->predictions);
    return CLI_BAD_INPUT;
}

struct place {
    uint32_t picture;
    double difference;
};

static int by_size_of_difference(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    const double p = fabs(x->difference), q = fabs(y->difference);
    return p == q ? (x->picture > y->picture) - (x->picture < y->picture) : (p < q) - (p > q);
}

static void put_picture(const struct versus *x, yyjson_mut_val *list, uint32_t i)
{
    yyjson_mut_val *row = report_object(x->r, list, NULL);
    const double a = x->v->quality[i], b = x->w->quality[i];
    report_string(x->r, row, "name", x->v->pictures->items[i].text);
    report_number(x->r, row, "this", a);
    report_number(x->r, row, "versus", b);
    report_string(x->r, row, "better", a > b ? "this" : a < b ? "versus" : "equal");
}

/* Which model is better on how many pictures, and where they differ most. */
static int put_pictures(const struct versus *x, yyjson_mut_val *object)
{
    const uint32_t n = x->v->npictures;
    uint32_t better = 0, worse = 0, equal = 0, only[2] = {0, 0}, found = 0;
    struct place *places = calloc((size_t)n + 1, sizeof *places);
    if (!places) {
        fprintf(stderr, "infer: no memory for %u pictures\n", n);
        return CLI_RESOURCES;
    }
    for (uint32_t i = 0; i < n; i++) {
        const double a = x->v->quality[i], b = x->w->quality[i];
        better += a > b;
        worse += a < b;
        equal += a >= b && a <= b;
        only[0] += a >= 1 && b < 1;
        only[1] += b >= 1 && a < 1;
        if (a > b || a < b)
            places[found++] = (struct place){i, a - b};
    }
    report_count(x->r, object, "better", better);
    report_count(x->r, object, "worse", worse);
    report_count(x->r, object, "equal", equal);
    if (x->v->has_right) {
        report_count(x->r, object, "only_this_right", only[0]);
        report_count(x->r, object, "only_versus_right", only[1]);
        report_number(x->r, object, "mcnemar_p", eval_mcnemar(only[0], only[1]));
    }
    qsort(places, found, sizeof *places, by_size_of_difference);
    yyjson_mut_val *list = report_list(x->r, x->r->root, "differing_most");
    for (uint32_t i = 0; i < found && i < MOST_LISTED; i++)
        put_picture(x, list, places[i].picture);
    list = x->o->curves ? report_list(x->r, x->r->root, "each_picture") : NULL;
    for (uint32_t i = 0; list && i < n; i++)
        put_picture(x, list, i);
    free(places);
    return CLI_OK;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* The differences of resampled numbers: the same pictures are drawn for both. */
static void measure_difference(void *ctx, const uint32_t *weights, double *values)
{
    const struct versus *x = ctx;
    double others[BOOTSTRAP_MOST];
    x->v->measure(x->v->ctx, weights, values);
    x->w->measure(x->w->ctx, weights, others);
    for (int i = 0; i < x->v->nvalues; i++)
        values[i] -= others[i];
}

static void put_number(const struct versus *x, yyjson_mut_val *list, const char *name, double a,
                       double b, const double *interval)
{
    yyjson_mut_val *row = report_object(x->r, list, NULL);
    report_string(x->r, row, "name", name);
    report_number(x->r, row, "this", a);
    report_number(x->r, row, "versus", b);
    report_number(x->r, row, "difference", a - b);
    report_number(x->r, row, "low", interval ? interval[0] : NAN);
    report_number(x->r, row, "high", interval ? interval[1] : NAN);
}

static double stat_of(yyjson_mut_val *v)
{
    return yyjson_mut_is_num(v) ? yyjson_mut_get_num(v) : NAN;
}

static int index_of(const struct eval_view *v, const char *name)
{
    for (int i = 0; i < v->nvalues; i++)
        if (strcmp(v->names[i], name) == 0)
            return i;
    return -1;
}

/* All of `stats`, and what else is resampled. */
static void put_numbers(struct versus *x, const struct report *other, double (*intervals)[2])
{
    double a[BOOTSTRAP_MOST], b[BOOTSTRAP_MOST];
    yyjson_mut_val *list = report_list(x->r, x->r->root, "comparison");
    yyjson_mut_obj_iter it;
    yyjson_mut_obj_iter_init(x->r->stats, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        const char *name = yyjson_mut_get_str(key);
        const int i = index_of(x->v, name);
        put_number(x, list, name, stat_of(yyjson_mut_obj_iter_get_val(key)),
                   stat_of(yyjson_mut_obj_get(other->stats, name)), i < 0 ? NULL : intervals[i]);
    }
    x->v->measure(x->v->ctx, NULL, a);
    x->w->measure(x->w->ctx, NULL, b);
    for (int i = 0; i < x->v->nvalues; i++)
        if (!yyjson_mut_obj_get(x->r->stats, x->v->names[i]))
            put_number(x, list, x->v->names[i], a[i], b[i], intervals[i]);
}

int eval_versus(const struct eval_options *o, struct report *r, const struct eval_view *v,
                const struct report *other, const struct eval_view *w, const char *path)
{
    struct versus x = {.o = o, .r = r, .v = v, .w = w};
    double intervals[BOOTSTRAP_MOST][2];
    const int status = check_pictures(&x, path);
    if (status != CLI_OK)
        return status;
    const struct bootstrap b = {.pictures = v->npictures,
                                .rounds = o->rounds ? o->rounds : USUAL_ROUNDS,
                                .seed = o->seed,
                                .nvalues = v->nvalues,
                                .measure = measure_difference,
                                .ctx = &x,
                                .progress = o->progress,
                                .progress_ctx = o->progress_ctx};
    if (!bootstrap_run(&b, intervals)) {
        fprintf(stderr, "infer: no memory for %u rounds of resampling\n", b.rounds);
        return CLI_RESOURCES;
    }
    yyjson_mut_val *object = report_object(r, r->root, "versus");
    report_string(r, object, "model", path);
    put_numbers(&x, other, intervals);
    return put_pictures(&x, object);
}
