/* infer eval --slice: the numbers of parts of the pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer_vision.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/versus.h"

struct slicing {
    const struct eval_options *o;
    struct report *r;
    const struct eval_view *v;
    yyjson_mut_val *list;
    uint32_t *weights;
};

/* The numbers of the pictures whose weights are 1; nothing where there are none. `range` is what
 * they have that makes them the slice, or NULL. */
static void put_slice(struct slicing *s, const char *name, const double *range)
{
    double values[BOOTSTRAP_MOST];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->v->npictures; i++) {
        s->weights[i] = s->weights[i] && !(s->v->paths && !s->v->paths[i]);
        n += s->weights[i];
    }
    if (!n)
        return;
    s->v->measure(s->v->ctx, s->weights, values);
    yyjson_mut_val *row = report_object(s->r, s->list, NULL);
    report_string(s->r, row, "name", name);
    if (range) {
        report_number(s->r, row, "from", range[0]);
        report_number(s->r, row, "to", range[1]);
    }
    report_count(s->r, row, "pictures", n);
    for (int i = 0; i < s->v->nvalues; i++)
        report_number(s->r, row, s->v->names[i], values[i]);
}

/* ---- classes -------------------------------------------------------------------------------- */

static void slice_classes(struct slicing *s)
{
    for (uint32_t k = 0; k < s->v->nclasses; k++) {
        char number[16];
        snprintf(number, sizeof number, "%u", k);
        memset(s->weights, 0, s->v->npictures * sizeof *s->weights);
        s->v->mark(s->v->ctx, k, s->weights);
        put_slice(s, k < s->v->classes->count ? s->v->classes->items[k].text : number, NULL);
    }
}

/* ---- thirds --------------------------------------------------------------------------------- */

/* Mean luma, 0 to 255: (19595 R + 38470 G + 7471 B) / 65536, that of BT.601. */
static double mean_luma(const infer_image *image)
{
    const size_t n = (size_t)image->width * (size_t)image->height;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = image->pixels + 3 * i;
        sum += 19595.0 * p[0] + 38470.0 * p[1] + 7471.0 * p[2];
    }
    return sum / 65536 / (double)n;
}

/* What each picture is sorted by; NaN of those without an answer. */
static int read_values(const struct slicing *s, enum eval_slices by, double *values)
{
    for (uint32_t i = 0; i < s->v->npictures; i++) {
        infer_image image;
        infer_error err;
        values[i] = NAN;
        if (!s->v->paths[i])
            continue;
        if (infer_image_load(s->v->paths[i], NULL, &image, &err) != INFER_OK)
            return cli_fail(s->v->paths[i], &err);
        values[i] = by == SLICE_SIZE ? (double)image.width * image.height : mean_luma(&image);
        infer_image_free(&image);
        if (s->o->progress)
            s->o->progress(s->o->progress_ctx, "looking at pictures",
                           (double)(i + 1) / s->v->npictures);
    }
    return CLI_OK;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Cuts the sorted values where a third, and two, of them lie below; equal ones stay together. */
static void slice_thirds(struct slicing *s, enum eval_slices by, const double *values,
                         double *sorted)
{
    static const char *const names[2][3] = {{"small", "medium", "large"},
                                            {"dark", "medium", "bright"}};
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->v->npictures; i++)
        if (!isnan(values[i]))
            sorted[n++] = values[i];
    qsort(sorted, n, sizeof *sorted, by_value);
    for (uint32_t t = 0; n && t < 3; t++) {
        const double low = sorted[t * n / 3], high = t < 2 ? sorted[(t + 1) * n / 3] : INFINITY;
        double range[2] = {INFINITY, -INFINITY};
        for (uint32_t i = 0; i < s->v->npictures; i++) {
            s->weights[i] = values[i] >= low && values[i] < high;
            range[0] = s->weights[i] ? fmin(range[0], values[i]) : range[0];
            range[1] = s->weights[i] ? fmax(range[1], values[i]) : range[1];
        }
        put_slice(s, names[by == SLICE_BRIGHTNESS][t], range);
    }
}

int eval_slice(const struct eval_options *o, struct report *r, const struct eval_view *v,
               enum eval_slices by)
{
    struct slicing s = {.o = o, .r = r, .v = v};
    const uint32_t n = v->npictures;
    int status = CLI_OK;
    if (by == SLICE_NONE)
        return CLI_OK;
    if (by != SLICE_CLASS && !v->paths)
        return cli_usage("--slice size and brightness need a MODEL, which has the pictures");
    s.list = report_list(r, r->root, "slices");
    s.weights = calloc(n + 1u, sizeof *s.weights);
    double *values = calloc(2 * (size_t)n + 1, sizeof *values);
    if (!s.weights || !values)
        status = files_no_memory(o->data);
    else if (by == SLICE_CLASS)
        slice_classes(&s);
    else if ((status = read_values(&s, by, values)) == CLI_OK)
        slice_thirds(&s, by, values, values + n);
    free(s.weights);
    free(values);
    return status;
}
