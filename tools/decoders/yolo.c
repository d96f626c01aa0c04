/* The YOLO families, whose heads have a row or a column for each place of three grids. */
#include "tools/decoders/decoder.h"

static const struct decoder_level three[] = {{8, 1}, {16, 1}, {32, 1}};

/* ---- v8 and later: (1, 4 + classes, places), decoded but for suppression --------------------- */

int64_t decoder_yolo_places(const struct decoder *d)
{
    return decoder_places(d, three, 3);
}

int decoder_fits_yolov8(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    return d->g->noutputs == 1 && s.rank == 3 && s.dims[1] > 4 &&
           s.dims[2] == decoder_yolo_places(d);
}

void decoder_build_yolov8(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    decoder_letterbox(d, INFER_LETTERBOX_CENTER, 114);
    decoder_levels_of_255(d);
    o->classes = (int32_t)decoder_shape(d, 0).dims[1] - 4;
    o->scores_order = o->boxes_order = 1;
    o->scores_first = 4;
    o->box_form = INFER_BOX_CENTRE;
    o->clip = 1;
    o->most_candidates = 30000;
    o->most = 300;
    o->score_threshold = 0.25F;
    o->iou_threshold = 0.7F;
}

/* ---- v5 and v7: (1, places of three anchors, 5 + classes), decoded but for suppression ------- */

static int64_t anchored(const struct decoder *d)
{
    return 3 * decoder_places(d, three, 3);
}

int decoder_fits_yolov5(const struct decoder *d)
{
    return d->g->noutputs >= 1 && decoder_is(d, 0, anchored(d), -1) &&
           decoder_shape(d, 0).dims[2] > 5;
}

void decoder_build_yolov5(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    decoder_build_yolov8(d);
    o->classes = (int32_t)decoder_shape(d, 0).dims[2] - 5;
    o->scores_order = o->boxes_order = 0;
    o->scores_first = 5;
    o->objectness = 4;
    o->iou_threshold = 0.45F;
}

/* ---- YOLOX: (1, places, 5 + classes), without grid and strides ------------------------------- */

int decoder_fits_yolox(const struct decoder *d)
{
    return d->g->noutputs == 1 && decoder_is(d, 0, decoder_places(d, three, 3), -1) &&
           decoder_shape(d, 0).dims[2] > 5;
}

/* Centre (cell + xy) * stride, size exp(wh) * stride. */
void decoder_build_yolox(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, three, 3);
    const uint32_t x = decoder_out(d, 0), strides = decoder_strides(d, three, 3, 2, NULL);
    const uint32_t at = DECODER_E(d, MUL, decoder_slice(d, x, 2, 0, 2), strides);
    const uint32_t centre = DECODER_E(d, ADD, at, decoder_centres(d, three, 3, 2, 0));
    const uint32_t size =
        DECODER_E(d, MUL, DECODER_E(d, EXP, decoder_slice(d, x, 2, 2, 4)), strides);
    decoder_letterbox(d, INFER_LETTERBOX_TOP_LEFT, 114);
    d->preprocess.letterbox_rounding = 1;
    o->map_back = INFER_MAP_BACK_FIT;
    d->preprocess.color = INFER_COLOR_BGR;
    o->classes = (int32_t)decoder_shape(d, 0).dims[2] - 5;
    o->scores_first = 5;
    o->objectness = 4;
    decoder_centred(d, centre, size, places);
    o->clip = 1;
    o->score_threshold = 0.25F;
    o->iou_threshold = 0.45F;
}

/* ---- FastestDet: (1, 5 + classes, rows, columns), one grid ----------------------------------- */

int decoder_fits_fastestdet(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    return d->g->noutputs == 1 && s.rank == 4 && s.dims[1] > 5 && s.dims[2] * 16 == d->height &&
           s.dims[3] * 16 == d->width;
}

/* In parts of the input: centre (cell + tanh(xy)) / cells, size sigmoid(wh); score
 * objectness^0.6 class^0.4. As FastestDet's own handle_preds. */
void decoder_build_fastestdet(struct decoder *d)
{
    static const struct decoder_level one[] = {{16, 1}};
    infer_decoding *o = &d->decoding;
    const struct decoder_shape s = decoder_shape(d, 0);
    const int64_t places = s.dims[2] * s.dims[3], classes = s.dims[1] - 5;
    const uint32_t rows =
        decoder_reshape(d, decoder_out(d, 0), (const int64_t[]){0, s.dims[1], places}, 3);
    const uint32_t x = DECODER_E(d, TRANSPOSE, rows);
    if (d->status == INFER_OK)
        d->status = infer__node_set_ints(d->g, d->last, INFER__ATTR_PERM,
                                         (const int64_t[]){0, 2, 1}, 3, d->err);
    const uint32_t strides = decoder_strides(d, one, 1, 2, NULL);
    const uint32_t at =
        DECODER_E(d, MUL, DECODER_E(d, TANH, decoder_slice(d, x, 2, 1, 3)), strides);
    const uint32_t centre = DECODER_E(d, ADD, at, decoder_centres(d, one, 1, 2, 0));
    const float sides[] = {(float)d->width, (float)d->height};
    const uint32_t size = DECODER_E(d, MUL, DECODER_E(d, SIGMOID, decoder_slice(d, x, 2, 3, 5)),
                                    decoder_matrix(d, sides, 1, 2));
    const uint32_t there = DECODER_E(d, POW, decoder_slice(d, x, 2, 0, 1), decoder_number(d, 0.6F));
    const uint32_t which =
        DECODER_E(d, POW, decoder_slice(d, x, 2, 5, s.dims[1]), decoder_number(d, 0.4F));
    o->scores = decoder_add_output(d, DECODER_E(d, MUL, which, there), "scores", places, classes);
    o->boxes = decoder_add_output(d, decoder_concat(d, (const uint32_t[]){centre, size}, 2, 2),
                                  "boxes", places, 4);
    o->classes = (int32_t)classes;
    o->box_form = INFER_BOX_CENTRE;
    o->clip = 1;
    o->score_threshold = 0.3F;
    o->iou_threshold = 0.45F;
    d->preprocess.fit = INFER_FIT_STRETCH;
    d->preprocess.color = INFER_COLOR_BGR;
    decoder_levels_of_255(d);
}
