/* infer eval for segmentation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer_draw.h"
#include "tools/cli.h"
#include "tools/eval/eval.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

struct segmentation {
    const struct eval_options *o;
    struct report *report;
    struct infer__region *region; /* the view's */
    struct segment_counts counts;
    struct name_list pictures, classes;
    int nclasses;
    struct segment_result *result;
};

static int read_all(struct segmentation *s)
{
    const struct eval_options *o = s->o;
    const struct mask_options options = {
        .cityscapes = o->cityscapes, .progress = o->progress, .ctx = o->progress_ctx};
    infer_error err;
    if (segment_begin(&s->counts, s->region, o->ignore, &err) != INFER_OK)
        return cli_fail(o->data, &err);
    int status = o->classes ? files_read_names(o->classes, 0, &s->classes) : CLI_OK;
    if (status == CLI_OK && o->model)
        status = model_segment(o->model, o, &options, &s->classes, &s->counts, &s->pictures);
    else if (status == CLI_OK)
        status = read_masks(o->data, o->predictions, &options, &s->counts, &s->pictures);
    if (status != CLI_OK)
        return status;
    s->nclasses = o->classes ? (int)s->classes.count : s->counts.classes;
    if (s->counts.classes > s->nclasses) {
        fprintf(stderr, "infer: %s: class %d is in a mask, but %s names %d\n", o->data,
                s->counts.classes - 1, o->classes, s->nclasses);
        return CLI_BAD_INPUT;
    }
    if (s->nclasses > SEGMENT_CLASSES) {
        fprintf(stderr, "infer: %s: %d classes; a mask can have %d\n", o->classes, s->nclasses,
                SEGMENT_CLASSES);
        return CLI_BAD_INPUT;
    }
    return CLI_OK;
}

/* ---- reporting ------------------------------------------------------------------------------ */

static const char *const names[] = {"mIoU",         "dice",  "pixel_accuracy", "class_accuracy",
                                    "mIoU_present", "fwIoU", "dice_micro"};
enum { NAMES = sizeof names / sizeof *names };

static void values_of(const struct segment_result *v, double values[NAMES])
{
    const double all[NAMES] = {v->mean_iou,      v->mean_dice,        v->pixel_accuracy,
                               v->mean_accuracy, v->mean_iou_present, v->frequency_weighted_iou,
                               v->dice_micro};
    memcpy(values, all, sizeof all);
}

static void put_classes(struct segmentation *s)
{
    struct report *r = s->report;
    yyjson_mut_val *list = report_list(r, r->root, "per_class");
    for (int k = 0; k < s->nclasses; k++) {
        const struct segment_class *c = &s->result->classes[k];
        char text[16];
        snprintf(text, sizeof text, "%d", k);
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_string(r, row, "name", s->o->classes ? s->classes.items[k].text : text);
        report_number(r, row, "IoU", c->iou);
        report_number(r, row, "dice", c->dice);
        report_number(r, row, "accuracy", c->accuracy);
        report_count(r, row, "pixels", c->truth);
        report_count(r, row, "predicted", c->predicted);
    }
}

/* Rows are the true classes. Where the ignored value was predicted anywhere, a last column has it.
 */
static void put_confusion(struct segmentation *s)
{
    struct report *r = s->report;
    yyjson_mut_val *list = report_list(r, r->root, "confusion");
    uint64_t unanswered = 0;
    for (int t = 0; t < s->nclasses; t++)
        unanswered += s->counts.confusion[t][SEGMENT_CLASSES];
    const int n = s->nclasses + (unanswered > 0);
    for (int t = 0; t < s->nclasses; t++) {
        double row[SEGMENT_CLASSES + 1];
        for (int p = 0; p < s->nclasses; p++)
            row[p] = (double)s->counts.confusion[t][p];
        row[s->nclasses] = (double)s->counts.confusion[t][SEGMENT_CLASSES];
        report_numbers(r, list, NULL, row, (size_t)n, 1);
    }
}

/* The mean IoU of each picture, in --json --curves; its mean is one of the stats. */
static void put_pictures(struct segmentation *s, double *quality)
{
    struct report *r = s->report;
    yyjson_mut_val *list = s->o->curves ? report_list(r, r->root, "per_picture") : NULL;
    double sum = 0, n = 0;
    for (uint32_t i = 0; i < s->counts.npictures; i++) {
        const double iou = segment_picture_iou(&s->counts, s->nclasses, i);
        quality[i] = iou;
        sum += isnan(iou) ? 0 : iou;
        n += !isnan(iou);
        if (!list)
            continue;
        yyjson_mut_val *row = report_object(r, list, NULL);
        report_string(r, row, "name", s->pictures.items[i].text);
        report_number(r, row, "mIoU", iou);
    }
    report_number(r, r->stats, "picture_mIoU", sum / n);
}

static void measure_again(void *ctx, const uint32_t *weights, double *values)
{
    struct segmentation *s = ctx;
    segment_measure(&s->counts, s->nclasses, weights, s->result);
    values_of(s->result, values);
}

/* Pictures with pixels of the class. */
static void mark(void *ctx, uint32_t class, uint32_t *weights)
{
    const struct segmentation *s = ctx;
    for (uint32_t i = 0; i < s->counts.npictures; i++)
        if (s->counts.pictures[i][class].truth)
            weights[i] = 1;
}

static void draw(void *ctx, uint32_t picture, infer_image *image, double scale)
{
    const struct segmentation *s = ctx;
    infer_image mask = {0}, small;
    infer_error err;
    (void)scale;
    if (model_mask(s->o->model, s->o->model->paths[picture], &mask, &err) != INFER_OK)
        return;
    if (infer_image_resize(&mask, image->width, image->height, INFER_FILTER_NEAREST,
                           INFER_RESIZE_PILLOW, NULL, &small, &err) == INFER_OK) {
        infer_draw_classes(image, &small, 0, NULL, NULL);
        infer_image_free(&small);
    }
    infer_image_free(&mask);
}

static int report_all(struct segmentation *s, struct eval_view *v)
{
    double values[NAMES];
    struct report *r = s->report;
    s->result = infer__region_calloc(s->region, 1, sizeof *s->result);
    v->quality = infer__region_calloc(s->region, s->counts.npictures, sizeof *v->quality);
    if (!s->result || !v->quality)
        return files_no_memory(s->o->predictions);
    segment_measure(&s->counts, s->nclasses, NULL, s->result);
    values_of(s->result, values);
    for (int i = 0; i < NAMES; i++)
        report_number(r, r->stats, names[i], values[i]);
    report_count(r, r->root, "pictures", s->counts.npictures);
    report_count(r, r->root, "pixels", s->result->pixels);
    put_pictures(s, v->quality);
    put_classes(s);
    put_confusion(s);
    v->npictures = s->counts.npictures;
    v->pictures = &s->pictures;
    v->paths = s->o->model ? s->o->model->paths : NULL;
    v->classes = &s->classes;
    v->nclasses = (uint32_t)s->nclasses;
    v->quality_name = "mIoU";
    v->nvalues = NAMES;
    v->names = names;
    v->measure = measure_again;
    v->mark = mark;
    v->ctx = s;
    v->draw = s->o->model ? draw : NULL;
    v->legend = "Half the picture, half the colour of the class that was answered; of class 0 the "
                "picture alone.";
    return CLI_OK;
}

int eval_masks(const struct eval_options *o, struct report *r, struct eval_view *v)
{
    struct segmentation *s = infer__region_calloc(&v->region, 1, sizeof *s);
    if (!o->data)
        return cli_usage("eval: give --data, the true masks that %s is judged by", o->predictions);
    if (!s)
        return files_no_memory(o->data);
    *s = (struct segmentation){.o = o, .report = r, .region = &v->region};
    s->pictures.region = s->classes.region = s->region;
    const int status = read_all(s);
    return status == CLI_OK ? report_all(s, v) : status;
}
