#include "answer/decoding.h"

#include <math.h>
#include <string.h>

#include "base/caller.h"
#include "base/status.h"
#include "file/layout.h"
#include "file/model.h"
#include "vision/decode.h"

enum { INTEGERS = 30, FLOATS = 2, WORDS = INTEGERS + FLOATS };
enum { FIELDS = offsetof(infer_decoding, task) };

/* The fields are of 4 bytes each, in the file's order and, as all that we run on, little-endian;
 * the struct may have more behind them. */
_Static_assert(offsetof(infer_decoding, iou_threshold) + sizeof(float) - FIELDS ==
                   INFER__DECODING_BYTES,
               "fields without gaps");
_Static_assert(INFER__DECODING_BYTES == 4 * WORDS, "every word is counted");
_Static_assert(INFER__DECODING_BYTES == INFER__FILE_DECODING, "as in format.def");

void infer_decoding_init(infer_decoding *decoding, size_t size)
{
    infer__sized_init(decoding, size);
    if (decoding && infer__sized_check(INFER__DECODING, decoding, &(infer_error){0}) == INFER_OK)
        decoding->background = decoding->objectness = decoding->points = decoding->class_field =
            decoding->angle = decoding->masks = -1;
}

/* ---- ranges --------------------------------------------------------------------------------- */

struct range {
    const char *name;
    size_t at; /* of the field */
    int32_t low, high;
};

#define RANGE(field, low, high)                                                                    \
    {                                                                                              \
#field, offsetof(infer_decoding, field), low, high                                         \
    }

static const struct range ranges[] = {
    RANGE(task, INFER_TASK_CLASSIFY, INFER_TASK_TEXT),
    RANGE(classes, 1, INFER__MOST_CLASSES),
    RANGE(background, -1, INFER__MOST_CLASSES - 1),
    RANGE(scores, 0, INT32_MAX),
    RANGE(scores_order, 0, 1),
    RANGE(scores_first, 0, INT32_MAX),
    RANGE(objectness, -1, INT32_MAX),
    RANGE(every_class, 0, 1),
    RANGE(boxes, 0, INT32_MAX),
    RANGE(boxes_order, 0, 1),
    RANGE(boxes_first, 0, INT32_MAX),
    RANGE(box_form, INFER_BOX_CORNERS, INFER_BOX_CENTRE_YX),
    RANGE(map_back, INFER_MAP_BACK_SIDES, INFER_MAP_BACK_HEIGHTS),
    RANGE(relative, 0, 1),
    RANGE(clip, 0, 2),
    RANGE(points, -1, INT32_MAX),
    RANGE(points_first, 0, INT32_MAX),
    RANGE(points_count, 0, INFER__MOST_POINTS),
    RANGE(point_fields, 0, 3),
    RANGE(suppress, INFER_SUPPRESS_GREEDY, INFER_SUPPRESS_NONE),
    RANGE(agnostic, 0, 1),
    RANGE(inclusive, 0, 1),
    RANGE(most_candidates, 0, INT32_MAX),
    RANGE(most, 0, INT32_MAX),
    RANGE(label_first, -INFER__MOST_CLASSES, INFER__MOST_CLASSES),
    RANGE(class_field, -1, INT32_MAX),
    RANGE(angle, -1, INT32_MAX),
    RANGE(masks, -1, INT32_MAX),
    RANGE(coefficients, 0, INT32_MAX),
    RANGE(coefficients_first, 0, INT32_MAX),
};

static infer_status check(const infer_decoding *d, infer_error *err)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        int32_t v;
        memcpy(&v, (const char *)d + ranges[i].at, sizeof v);
        FAIL_IF(v < ranges[i].low || v > ranges[i].high, INFER_ERROR_ARGUMENT,
                "decoding: %s is %d; it may be %d to %d", ranges[i].name, v, ranges[i].low,
                ranges[i].high);
    }
    FAIL_IF(d->background >= d->classes, INFER_ERROR_ARGUMENT,
            "decoding: background is %d of %d classes", d->background, d->classes);
    FAIL_IF(d->class_field >= 0 && d->classes != 1, INFER_ERROR_ARGUMENT,
            "decoding: a field has the class, and there are scores of %d", d->classes);
    FAIL_IF(d->task == INFER_TASK_KEYPOINTS && d->points < 0, INFER_ERROR_ARGUMENT,
            "decoding: no output has the points");
    FAIL_IF(d->points >= 0 && (d->points_count < 1 || d->point_fields < 2), INFER_ERROR_ARGUMENT,
            "decoding: %d points of %d fields; they need 1 and 2 at least", d->points_count,
            d->point_fields);
    FAIL_IF(!isfinite(d->score_threshold) || !(d->iou_threshold >= 0 && d->iou_threshold <= 1),
            INFER_ERROR_ARGUMENT, "decoding: thresholds are %g of scores and %g of the IoU",
            (double)d->score_threshold, (double)d->iou_threshold);
    return INFER_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

infer_status infer__decoding_read(const infer_decoding *given, infer_decoding *d, infer_error *err)
{
    FAIL_IF(!given, INFER_ERROR_ARGUMENT, "decoding: NULL");
    TRY(infer__sized_read(INFER__DECODING, given, d, err));
    return check(d, err);
}

infer_status infer__decoding_for(const infer_model *model, const infer_decoding *given,
                                 int32_t task, const char *what, infer_decoding *d,
                                 infer_error *err)
{
    infer_decoding_init(d, sizeof *d);
    TRY(given ? infer__decoding_read(given, d, err) : infer_model_decoding(model, d, err));
    FAIL_IF(d->task != task, INFER_ERROR_UNSUPPORTED, "the model's answers are not %s", what);
    return INFER_OK;
}

infer_status infer__decoding_encode(const infer_decoding *d, uint8_t out[INFER__DECODING_BYTES],
                                    infer_error *err)
{
    TRY(check(d, err));
    memcpy(out, (const char *)d + FIELDS, INFER__DECODING_BYTES);
    return INFER_OK;
}

infer_status infer__decoding_decode(const uint8_t *bytes, size_t size, infer_decoding *d,
                                    infer_error *err)
{
    infer_decoding read = INFER_DECODING_INIT;
    FAIL_IF(size > INFER__DECODING_BYTES, INFER_ERROR_VERSION,
            "decoding of %zu bytes, from a newer version; %d are known", size,
            INFER__DECODING_BYTES);
    FAIL_IF(size != INFER__DECODING_BYTES, INFER_ERROR_FORMAT,
            "decoding of %zu bytes; it has to have %d", size, INFER__DECODING_BYTES);
    memcpy((char *)&read + FIELDS, bytes, INFER__DECODING_BYTES);
    if (check(&read, err) != INFER_OK) {
        err->status = INFER_ERROR_FORMAT; /* the file's fault, not the caller's */
        return INFER_ERROR_FORMAT;
    }
    *d = read;
    return INFER_OK;
}

infer_status infer_model_decoding(const infer_model *model, infer_decoding *decoding,
                                  infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_decoding stored;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "infer_model_decoding: model is NULL");
    TRY(infer__sized_check(INFER__DECODING, decoding, err));
    size_t size = 0;
    const uint8_t *bytes = infer__model_section(model, INFER__SECTION_DECODING, &size);
    FAIL_IF(!bytes, INFER_ERROR_UNSUPPORTED, "the model does not say how its outputs are read");
    TRY(infer__decoding_decode(bytes, size, &stored, err));
    infer__sized_write(INFER__DECODING, &stored, decoding);
    return INFER_OK;
}

/* ---- outputs -------------------------------------------------------------------------------- */

infer_status infer__fields_of(const infer_tensor *outputs, size_t noutputs, int32_t output,
                              int32_t order, int64_t first, int64_t count, int64_t image,
                              const char *what, struct infer__fields *f, infer_error *err)
{
    FAIL_IF((size_t)output >= noutputs, INFER_ERROR_SHAPE, "decoding: %s are output %d of %zu",
            what, output, noutputs);
    const infer_tensor *t = &outputs[output];
    FAIL_IF(t->type != INFER_F32 || t->rank < 2, INFER_ERROR_SHAPE,
            "decoding: output %d, of %s, is not f32 of rank 2 or more", output, what);
    /* Without an axis for the batch where there are but two. */
    const int batch = t->rank > 2, fields = order ? batch : t->rank - 1;
    int64_t all = 1;
    for (int i = batch; i < t->rank; i++)
        all *= t->dims[i];
    f->fields = t->dims[fields];
    f->candidates = f->fields ? all / f->fields : 0;
    f->candidate = order ? 1 : f->fields;
    f->field = order ? f->candidates : 1;
    FAIL_IF(first > f->fields - count, INFER_ERROR_SHAPE,
            "decoding: output %d has %lld fields, %s are [%lld, %lld) of them", output,
            (long long)f->fields, what, (long long)first, (long long)(first + count));
    f->data = (const float *)t->data + (batch ? image * all : 0) + first * f->field;
    return INFER_OK;
}
