/* Dense heads over a pyramid of features: RetinaFace, and RetinaNet and FCOS of torchvision. */
#include <math.h>

#include "tools/decoders/decoder.h"

/* A box of given centre and size, as four fields of a row. */
static void put_anchor(float *row, double x, double y, double width, double height)
{
    row[0] = (float)x;
    row[1] = (float)y;
    row[2] = (float)width;
    row[3] = (float)height;
}

/* Centres are the anchor's plus x * its size, sizes the anchor's times exp(x); by matrices of
 * centres and sizes in turn (4 fields). */
static void add_boxes(struct decoder *d, uint32_t shifts, uint32_t growth, uint32_t anchors,
                      int64_t places)
{
    const uint32_t at = decoder_slice(d, anchors, 1, 0, 2),
                   size = decoder_slice(d, anchors, 1, 2, 4);
    const uint32_t by = DECODER_E(d, MUL, shifts, size);
    const uint32_t centre = DECODER_E(d, ADD, by, at);
    decoder_centred(d, centre, DECODER_E(d, MUL, DECODER_E(d, EXP, growth), size), places);
}

/* ---- RetinaFace: (1, P, 4), (1, P, 2), (1, P, 10) in any order ------------------------------- */

static const struct decoder_level face_levels[] = {{8, 2}, {16, 2}, {32, 2}};
static const int64_t face_fields[] = {4, 2, 10};

int decoder_fits_retinaface(const struct decoder *d)
{
    uint32_t order[3];
    return decoder_order(d, face_fields, 3, order) &&
           decoder_shape(d, 0).dims[1] == decoder_places(d, face_levels, 3);
}

/* Squares of 16 and 32, 64 and 128, 256 and 512 pixels. */
static void face_anchor(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    const double side = (double)(16 << (2 * p->level + (int)p->anchor)), stride = (double)p->stride;
    (void)fields;
    (void)ctx;
    put_anchor(row, ((double)p->x + 0.5) * stride, ((double)p->y + 0.5) * stride, side, side);
}

/* Offsets are in tenths of the anchor's size, logarithms of sizes in fifths. */
void decoder_build_retinaface(struct decoder *d)
{
    static const float mean[] = {104, 117, 123};
    infer_decoding *o = &d->decoding;
    uint32_t order[3];
    decoder_order(d, face_fields, 3, order);
    const int64_t places = decoder_places(d, face_levels, 3);
    const uint32_t anchors = decoder_rows(d, face_levels, 3, 4, face_anchor, NULL);
    const uint32_t x = decoder_out(d, order[0]), tenth = decoder_number(d, 0.1F);
    const uint32_t shifts = DECODER_E(d, MUL, decoder_slice(d, x, 2, 0, 2), tenth);
    const uint32_t growth =
        DECODER_E(d, MUL, decoder_slice(d, x, 2, 2, 4), decoder_number(d, 0.2F));
    add_boxes(d, shifts, growth, anchors, places);
    const uint32_t five = DECODER_LIST(d, 1, 5);
    const uint32_t at = DECODER_E(d, TILE, decoder_slice(d, anchors, 1, 0, 2), five);
    const uint32_t size = DECODER_E(d, TILE, decoder_slice(d, anchors, 1, 2, 4), five);
    const uint32_t offsets = DECODER_E(d, MUL, decoder_out(d, order[2]), tenth);
    const uint32_t points = DECODER_E(d, ADD, DECODER_E(d, MUL, offsets, size), at);
    o->points = decoder_add_output(d, points, "points", places, 10);
    o->points_count = 5;
    o->point_fields = 2;
    o->scores = (int32_t)order[1];
    if (!decoder_made_by(d, order[1], INFER__OP_SOFTMAX)) {
        const uint32_t scores = DECODER_E(d, SOFTMAX, decoder_out(d, order[1]));
        decoder_int(d, INFER__ATTR_AXIS, 2);
        o->scores = decoder_add_output(d, scores, "scores", places, 2);
    }
    o->classes = 2;
    o->background = 0;
    o->label_first = -1;
    o->score_threshold = 0.5F;
    o->iou_threshold = 0.4F;
    decoder_letterbox(d, INFER_LETTERBOX_TOP_LEFT, 0);
    d->preprocess.color = INFER_COLOR_BGR;
    for (int c = 0; c < 3; c++)
        d->preprocess.mean[c] = mean[c];
}

/* ---- torchvision's pyramids of five levels --------------------------------------------------- */

static const struct decoder_level nine[] = {{8, 9}, {16, 9}, {32, 9}, {64, 9}, {128, 9}};
static const struct decoder_level single[] = {{8, 1}, {16, 1}, {32, 1}, {64, 1}, {128, 1}};

/* What is in pixels between cells: the input's side by their number, rounded down. */
static void pitch_of(const struct decoder *d, const struct decoder_place *p, double *x, double *y)
{
    *x = (double)(d->width / decoder_cells(d->width, p->stride));
    *y = (double)(d->height / decoder_cells(d->height, p->stride));
}

static void dense(struct decoder *d, int64_t classes)
{
    infer_decoding *o = &d->decoding;
    o->classes = (int32_t)classes;
    o->every_class = 1;
    o->clip = 2;
    o->most_candidates = 5000;
    o->score_threshold = 0.3F;
    /* 114 is about the mean, which it pads with itself */
    decoder_letterbox(d, INFER_LETTERBOX_TOP_LEFT, 114);
    d->preprocess.resampler = INFER_RESIZE_PILLOW;
    decoder_imagenet(d);
}

/* ---- RetinaNet: (1, A, classes) before the sigmoid, (1, A, 4) ----------------------------------
 */

int decoder_fits_retinanet(const struct decoder *d)
{
    const int64_t places = decoder_places(d, nine, 5);
    return d->g->noutputs == 2 && decoder_is(d, 0, places, -1) && decoder_is(d, 1, places, 4);
}

/* Three ratios of height to width, for each three sizes: 4 strides times 1, 2^(1/3) and 2^(2/3),
 * cut to whole pixels; corners are rounded to whole pixels, halves to even. Centres are the cells'
 * corners. torchvision's AnchorGenerator. */
static void net_anchor(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    static const double ratios[] = {0.5, 1, 2};
    const double size = floor(4 * (double)p->stride * cbrt(1 << p->anchor % 3));
    const double ratio = sqrt(ratios[p->anchor / 3]);
    double x, y;
    (void)fields;
    pitch_of(ctx, p, &x, &y);
    put_anchor(row, (double)p->x * x, (double)p->y * y, 2 * nearbyint(size / ratio / 2),
               2 * nearbyint(size * ratio / 2));
}

void decoder_build_retinanet(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, nine, 5), classes = decoder_shape(d, 0).dims[2];
    const uint32_t anchors = decoder_rows(d, nine, 5, 4, net_anchor, d);
    const uint32_t x = decoder_out(d, 1);
    const uint32_t most = decoder_number(d, (float)log(1000.0 / 16));
    const uint32_t growth = DECODER_E(d, MIN, decoder_slice(d, x, 2, 2, 4), most);
    dense(d, classes);
    add_boxes(d, decoder_slice(d, x, 2, 0, 2), growth, anchors, places);
    o->scores =
        decoder_add_output(d, DECODER_E(d, SIGMOID, decoder_out(d, 0)), "scores", places, classes);
    o->iou_threshold = 0.5F;
    o->most = 300;
}

/* ---- FCOS: (1, A, classes), (1, A, 4) distances in strides, (1, A, 1) centredness --------------
 */

int decoder_fits_fcos(const struct decoder *d)
{
    const int64_t places = decoder_places(d, single, 5);
    return d->g->noutputs == 3 && decoder_is(d, 0, places, -1) && decoder_is(d, 1, places, 4) &&
           decoder_is(d, 2, places, 1);
}

/* The cell's corner, twice. */
static void corner_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    double x, y;
    (void)fields;
    pitch_of(ctx, p, &x, &y);
    put_anchor(row, (double)p->x * x, (double)p->y * y, (double)p->x * x, (double)p->y * y);
}

/* Score sqrt(sigmoid(class) * sigmoid(centredness)). */
void decoder_build_fcos(struct decoder *d)
{
    static const float signs[] = {-1, -1, 1, 1};
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, single, 5), classes = decoder_shape(d, 0).dims[2];
    const uint32_t sides = decoder_strides(d, single, 5, 4, signs);
    const uint32_t from = DECODER_E(d, MUL, decoder_out(d, 1), sides);
    const uint32_t boxes = DECODER_E(d, ADD, from, decoder_rows(d, single, 5, 4, corner_row, d));
    const uint32_t which = DECODER_E(d, SIGMOID, decoder_out(d, 0));
    const uint32_t there = DECODER_E(d, SIGMOID, decoder_out(d, 2));
    const uint32_t scores = DECODER_E(d, SQRT, DECODER_E(d, MUL, which, there));
    dense(d, classes);
    o->scores = decoder_add_output(d, scores, "scores", places, classes);
    o->boxes = decoder_add_output(d, boxes, "boxes", places, 4);
    o->iou_threshold = 0.6F;
    o->most = 100;
}
