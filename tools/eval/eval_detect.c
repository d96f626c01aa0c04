/* infer eval for boxes, masks and keypoints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/eval_detect.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

/* ---- reading -------------------------------------------------------------------------------- */

static int has_xml(struct infer__region *r, const char *folder, int *status)
{
    static const char *const endings[] = {".xml", NULL};
    struct name_list files = {.region = r};
    *status = files_list(folder, endings, &files);
    return files.count > 0;
}

static int read_truth(struct detection *d)
{
    const struct eval_options *o = d->o;
    struct stat st;
    int status;
    if (stat(o->data, &st) != 0 || !S_ISDIR(st.st_mode))
        return read_coco(o->data, &d->set, &d->skipped);
    if (has_xml(d->region, o->data, &status))
        return read_voc(o->data, o->classes, &d->set);
    return status == CLI_OK ? read_yolo(o->data, o->classes, &d->set) : status;
}

static int read_answers(struct detection *d)
{
    if (d->o->model)
        return model_detect(d->o->model, d->o, &d->set, &d->skipped);
    return read_coco_results(d->o->predictions, &d->set, &d->skipped);
}

/* ---- measuring ------------------------------------------------------------------------------ */

static infer_status measure(struct detection *d, infer_error *err)
{
    const struct eval_options *o = d->o;
    const struct detect_options options = {
        .class_agnostic = o->class_agnostic, .sigmas = o->sigmas, .nsigmas = o->nsigmas};
    TRY(detect_match(&d->set, &options, &d->matches, err));
    TRY(detect_tables_new(d->region, d->matches.nclasses, 1, &d->tables, err));
    detect_accumulate(&d->matches, NULL, &d->tables);
    TRY(detect_confidence_curve(d->region, &d->matches, &d->curve, err));
    TRY(detect_tables_new(d->region, d->matches.nclasses, 0, &d->resampled, err));
    if (d->set.kind != DETECT_BOX)
        return INFER_OK;
    d->voc = infer__region_calloc(d->region, d->matches.nclasses, sizeof *d->voc);
    return d->voc ? detect_voc(d->region, &d->matches, d->voc, err)
                  : infer__no_memory(err, infer__array_bytes(d->matches.nclasses, sizeof *d->voc));
}

static struct prf prf_of(struct detect_point p)
{
    return binary_prf(p.right, p.wrong, p.missed);
}

/* The means of VOC's AP over classes that occur. */
static struct detect_voc mean_voc(const struct detection *d)
{
    struct detect_voc mean = {0, 0};
    double n = 0;
    for (uint32_t k = 0; k < d->matches.nclasses; k++)
        if (d->voc[k].ap >= 0) {
            mean.ap += d->voc[k].ap;
            mean.ap11 += d->voc[k].ap11;
            n++;
        }
    return n > 0 ? (struct detect_voc){mean.ap / n, mean.ap11 / n} : (struct detect_voc){-1, -1};
}

/* COCO's numbers and three of the confidence, of resampled pictures. */
static void measure_again(void *ctx, const uint32_t *weights, double *values)
{
    struct detection *d = ctx;
    const char *names[DETECT_MOST_STATS];
    detect_accumulate(&d->matches, weights, &d->resampled);
    const int n = detect_stats(d->set.kind, &d->matches, &d->resampled, names, values);
    for (int i = 0; i < n; i++)
        values[i] = values[i] < 0 ? NAN : values[i];
    const struct prf prf = prf_of(detect_at(&d->matches, d->o->confidence, weights));
    values[n] = prf.precision;
    values[n + 1] = prf.recall;
    values[n + 2] = prf.f1;
}

/* ---- reporting ------------------------------------------------------------------------------ */

static void report_counts(struct detection *d)
{
    static const char *const types[] = {"bbox", "segm", "keypoints"};
    struct report *r = d->report;
    report_string(r, r->root, "iou_type", types[d->set.kind]);
    report_count(r, r->root, "pictures", d->set.pictures.count);
    report_count(r, r->root, "truths", d->set.truths.count);
    report_count(r, r->root, "answers", d->set.answers.count);
    if (d->skipped.truths)
        report_count(r, r->root, "truths_of_unknown_pictures_or_classes", d->skipped.truths);
    if (d->skipped.answers)
        report_count(r, r->root, "answers_of_unknown_classes", d->skipped.answers);
}

static void report_confidence(struct detection *d)
{
    struct report *r = d->report;
    yyjson_mut_val *object = report_object(r, r->root, "at_confidence");
    const struct detect_point p = detect_at(&d->matches, d->o->confidence, NULL);
    double best = 0, confidence = NAN;
    for (uint32_t i = 0; i < d->curve.n; i++) {
        const double f1 = prf_of(d->curve.points[i]).f1;
        if (f1 > best) {
            best = f1;
            confidence = d->curve.points[i].score;
        }
    }
    report_number(r, object, "confidence", d->o->confidence);
    eval_put_prf(r, object, prf_of(p), "");
    report_count(r, object, "right", p.right);
    report_count(r, object, "wrong", p.wrong);
    report_count(r, object, "missed", p.missed);
    report_number(r, object, "best_f1", best);
    report_number(r, object, "best_confidence", confidence);
}

static void report_class(struct detection *d, yyjson_mut_val *list, uint32_t k)
{
    struct report *r = d->report;
    const struct detect_matches *m = &d->matches;
    yyjson_mut_val *row = report_object(r, list, NULL);
    if (!d->o->class_agnostic) {
        report_count(r, row, "id", (double)d->set.classes.items[k].id);
        report_string(r, row, "name", d->set.classes.items[k].text);
    } else {
        report_string(r, row, "name", "all");
    }
    report_count(r, row, "truths", m->truth_start[k + 1] - m->truth_start[k]);
    report_count(r, row, "answers", m->answer_start[k + 1] - m->answer_start[k]);
    report_number(r, row, "AP", detect_class_ap(&d->tables, k, 0));
    report_number(r, row, "AP50", d->tables.ap[k][0][0]);
    report_number(r, row, "AP75", d->tables.ap[k][0][5]);
    report_number(r, row, "AR", detect_class_ar(m, &d->tables, k, 0));
    if (d->voc) {
        report_number(r, row, "voc_AP", d->voc[k].ap);
        report_number(r, row, "voc_AP11", d->voc[k].ap11);
    }
    if (!d->o->curves)
        return;
    yyjson_mut_val *curves = report_list(r, row, "precision_at_recalls");
    for (int i = 0; i < DETECT_IOUS; i++)
        report_numbers(r, curves, NULL, d->tables.curve[k][i], DETECT_RECALLS, 0);
}

static void report_curve(struct detection *d)
{
    struct report *r = d->report;
    yyjson_mut_val *list = report_list(r, r->root, "confidence_curve");
    for (uint32_t i = 0; i < d->curve.n; i++) {
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_number(r, row, "confidence", d->curve.points[i].score);
        eval_put_prf(r, row, prf_of(d->curve.points[i]), "");
    }
}

/* Of more classes the matrix is reported where all curves are. */
enum { MOST_CONFUSED = 100 };

static int report_confusion(struct detection *d)
{
    struct report *r = d->report;
    const size_t side = (size_t)d->set.classes.count + 1;
    double *matrix;
    infer_error err;
    if (d->set.kind != DETECT_BOX || d->o->class_agnostic || side < 2 ||
        (side > MOST_CONFUSED && !d->o->curves))
        return CLI_OK;
    if (detect_confusion(&d->set, d->o->confidence, &matrix, &err) != INFER_OK)
        return cli_fail(d->o->predictions, &err);
    yyjson_mut_val *list = report_list(r, r->root, "confusion");
    for (size_t t = 0; t < side; t++)
        report_numbers(r, list, NULL, matrix + t * side, side, 1);
    return CLI_OK;
}

static void report_all(struct detection *d)
{
    double values[DETECT_MOST_STATS];
    struct report *r = d->report;
    const int n = detect_stats(d->set.kind, &d->matches, &d->tables, d->names, values);
    for (int i = 0; i < n; i++)
        report_number(r, r->stats, d->names[i], values[i]);
    report_counts(d);
    report_confidence(d);
    if (d->voc) {
        yyjson_mut_val *voc = report_object(r, r->root, "voc");
        report_number(r, voc, "voc_AP", mean_voc(d).ap);
        report_number(r, voc, "voc_AP11", mean_voc(d).ap11);
    }
    yyjson_mut_val *list = report_list(r, r->root, "per_class");
    for (uint32_t k = 0; k < d->matches.nclasses; k++)
        report_class(d, list, k);
    if (d->o->curves)
        report_curve(d);
}

int eval_detect(const struct eval_options *o, struct report *r, struct eval_view *v)
{
    infer_error err;
    struct detection *d = infer__region_calloc(&v->region, 1, sizeof *d);
    if (!o->data)
        return cli_usage("eval: give --data, the truth that %s is judged by", o->predictions);
    if (!d)
        return files_no_memory(o->data);
    *d = (struct detection){.o = o, .report = r, .region = &v->region};
    d->set.kind = o->kind;
    d->set.region = d->set.pictures.region = d->set.classes.region = d->region;
    int status = read_truth(d);
    if (status == CLI_OK)
        status = read_answers(d);
    if (status == CLI_OK && measure(d, &err) != INFER_OK)
        status = cli_fail(o->predictions, &err);
    if (status != CLI_OK)
        return status;
    report_all(d);
    status = report_confusion(d);
    if (status != CLI_OK)
        return status;
    return detection_view(d, measure_again, v);
}
