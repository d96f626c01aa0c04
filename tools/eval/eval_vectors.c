/* infer eval for vectors: whether pictures of one class are found by one of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

struct likeness {
    double cosine;
    uint32_t picture;
};

static int most_alike(const void *a, const void *b)
{
    const struct likeness *x = a, *y = b;
    return x->cosine != y->cosine ? (x->cosine < y->cosine) - (x->cosine > y->cosine)
                                  : (x->picture > y->picture) - (x->picture < y->picture);
}

static double cosine(const struct vector_set *s, uint32_t a, uint32_t b)
{
    const float *x = s->values + (size_t)a * s->length, *y = s->values + (size_t)b * s->length;
    double sum = 0;
    for (uint32_t i = 0; i < s->length; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

static struct vector_hits hits_of(const struct vector_set *s, uint32_t i, struct likeness *list)
{
    struct vector_hits h = {0, 0, 0};
    double found = 0;
    uint32_t n = 0;
    for (uint32_t k = 0; k < s->pictures.count; k++)
        if (k != i)
            list[n++] = (struct likeness){cosine(s, i, k), k};
    qsort(list, n, sizeof *list, most_alike);
    for (uint32_t k = 0; k < n; k++)
        if (s->labels[list[k].picture] == s->labels[i]) {
            h.first = k == 0 ? 1 : h.first;
            h.fifth = k < 5 ? 1 : h.fifth;
            h.precision += ++found / (k + 1);
        }
    h.precision /= found;
    return found > 0 ? h : (struct vector_hits){(double)NAN, (double)NAN, (double)NAN};
}

infer_status vector_search(const struct vector_set *s, struct vector_hits *hits, infer_error *err)
{
    struct likeness *list = calloc((size_t)s->pictures.count + 1, sizeof *list);
    if (!list)
        return infer__no_memory(err, s->pictures.count * sizeof *list);
    for (uint32_t i = 0; i < s->pictures.count; i++)
        hits[i] = hits_of(s, i, list);
    free(list);
    return INFER_OK;
}

/* ---- a model's ------------------------------------------------------------------------------ */

static int begin(struct eval_model *m, struct vector_set *set)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    size_t n = 1;
    if (infer_session_output(m->segmenter, 0, &info, &err) != INFER_OK)
        return cli_fail(m->path, &err);
    for (int i = 0; i < info.rank; i++)
        n *= (size_t)info.dims[i];
    if (n < 1 || n > 10000000)
        return cli_usage("%s: its first output has %zu numbers", m->path, n);
    set->length = (uint32_t)n;
    set->values = infer__region_calloc(set->region, infer__array_bytes(set->pictures.count, n),
                                       sizeof *set->values);
    m->paths = infer__region_calloc(set->region, set->pictures.count, sizeof *m->paths);
    return set->values && m->paths ? CLI_OK : files_no_memory(m->path);
}

static infer_status embed(struct eval_model *m, const char *path, float *v, uint32_t n,
                          infer_error *err)
{
    infer_image image = {0};
    infer_status status = infer_image_load(path, NULL, &image, err);
    const infer_picture picture = {.data = image.pixels,
                                   .pitch = image.pitch,
                                   .pixels = INFER_PIXELS_RGB,
                                   .width = image.width,
                                   .height = image.height};
    if (status == INFER_OK)
        status = infer_embed(m->segmenter, &picture, 1, NULL, v, n, err);
    infer_image_free(&image);
    if (status == INFER_OK && !vector_normalise(v, n))
        status = infer__fail(err, INFER_ERROR_FORMAT, "its vector has numbers that are not finite");
    return status;
}

int model_vectors(struct eval_model *m, const struct eval_options *o, struct vector_set *set)
{
    static const char *const usual[] = {".", "images", "../images", NULL};
    const char *folder = NULL;
    const uint32_t n = set->pictures.count;
    uint32_t good = 0;
    int status = begin(m, set);
    if (status == CLI_OK && !set->paths)
        status = pictures_folder(set->region, o, usual, set->pictures.items[0].text, &folder);
    m->start_ms = cli_now_ms();
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        const struct name p = set->pictures.items[i];
        const char *path = folder ? picture_find(set->region, folder, p.text, NULL) : p.text;
        infer_error err;
        if (!path)
            eval_model_absent(m, o, p.text, folder);
        else if (embed(m, path, set->values + (size_t)good * set->length, set->length, &err) !=
                 INFER_OK)
            eval_model_miss(m, o, path, &err);
        else {
            m->paths[good] = path;
            set->labels[good] = set->labels[i];
            set->pictures.items[good++] = p;
        }
        eval_model_step(m, o, n);
    }
    set->pictures.count = good;
    return status == CLI_OK ? eval_model_end(m) : status;
}

/* ---- the evaluation ------------------------------------------------------------------------- */

struct vectors {
    const struct eval_options *o;
    struct vector_set set;
    struct vector_hits *hits;
};

enum { NUMBERS = 3 };
static const char *const names[NUMBERS] = {"recall_at_1", "recall_at_5", "mAP"};

/* Of pictures that have another one of their class. */
static void measure(void *ctx, const uint32_t *weights, double *values)
{
    const struct vectors *x = ctx;
    double n = 0, sums[NUMBERS] = {0};
    for (uint32_t i = 0; i < x->set.pictures.count; i++) {
        const double w = weights ? weights[i] : 1;
        if (isnan(x->hits[i].first))
            continue;
        n += w;
        sums[0] += w * x->hits[i].first;
        sums[1] += w * x->hits[i].fifth;
        sums[2] += w * x->hits[i].precision;
    }
    for (int k = 0; k < NUMBERS; k++)
        values[k] = n > 0 ? sums[k] / n : (double)NAN;
}

static void mark(void *ctx, uint32_t class, uint32_t *weights)
{
    const struct vectors *x = ctx;
    for (uint32_t i = 0; i < x->set.pictures.count; i++)
        if (x->set.labels[i] == class)
            weights[i] = 1;
}

static int set_view(struct vectors *x, struct eval_view *v)
{
    v->npictures = x->set.pictures.count;
    v->pictures = &x->set.pictures;
    v->classes = &x->set.classes;
    v->nclasses = x->set.classes.count;
    v->paths = x->o->model ? x->o->model->paths : NULL;
    v->quality = infer__region_calloc(x->set.region, v->npictures + 1, sizeof *v->quality);
    if (!v->quality)
        return files_no_memory(x->o->data);
    v->quality_name = "average_precision";
    v->nvalues = NUMBERS;
    v->names = names;
    v->measure = measure;
    v->mark = mark;
    v->ctx = x;
    for (uint32_t i = 0; i < v->npictures; i++)
        v->quality[i] = x->hits[i].precision;
    return CLI_OK;
}

int eval_vectors(const struct eval_options *o, struct report *r, struct eval_view *v)
{
    double values[NUMBERS];
    infer_error err;
    struct vectors *x = infer__region_calloc(&v->region, 1, sizeof *x);
    if (!o->data)
        return cli_usage("eval: give --data, the classes that %s is judged by", o->predictions);
    if (!x)
        return files_no_memory(o->data);
    x->o = o;
    x->set.region = x->set.pictures.region = x->set.classes.region = &v->region;
    int status = read_vector_truth(o->data, &x->set);
    if (status == CLI_OK)
        status =
            o->model ? model_vectors(o->model, o, &x->set) : read_vectors(o->predictions, &x->set);
    if (status != CLI_OK)
        return status;
    x->hits = infer__region_calloc(&v->region, x->set.pictures.count + 1, sizeof *x->hits);
    if (!x->hits)
        return files_no_memory(o->data);
    if (vector_search(&x->set, x->hits, &err) != INFER_OK)
        return cli_fail(o->data, &err);
    measure(x, NULL, values);
    for (int k = 0; k < NUMBERS; k++)
        report_number(r, r->stats, names[k], values[k]);
    report_count(r, r->root, "pictures", x->set.pictures.count);
    report_count(r, r->root, "classes", x->set.classes.count);
    report_count(r, r->root, "numbers", x->set.length);
    return set_view(x, v);
}
