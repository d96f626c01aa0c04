/* Detectors that say where centres are: CenterNet's peaks, BlazeFace's shifts from given points. */
#include "tools/decoders/decoder.h"

/* ---- CenterNet: scores (1, C, h, w), sizes (1, 2, h, w), offsets (1, 2, h, w), in cells ---------
 */

enum { CELL = 4 }; /* pixels */

int decoder_fits_centernet(const struct decoder *d)
{
    if (d->g->noutputs != 3)
        return 0;
    for (uint32_t i = 0; i < 3; i++) {
        const struct decoder_shape s = decoder_shape(d, i);
        if (s.rank != 4 || (i && s.dims[1] != 2) || s.dims[2] * CELL != d->height ||
            s.dims[3] * CELL != d->width)
            return 0;
    }
    return 1;
}

/* Scores stay where no neighbour's is higher, and are 0 elsewhere. */
static uint32_t peaks_of(struct decoder *d)
{
    const uint32_t x = decoder_sigmoid(d, 0), most = DECODER_E(d, MAX_POOL, x);
    const int64_t threes[] = {3, 3}, ones[] = {1, 1, 1, 1};
    if (d->status == INFER_OK)
        d->status =
            infer__node_set_ints(d->g, d->last, INFER__ATTR_KERNEL_SHAPE, threes, 2, d->err);
    if (d->status == INFER_OK)
        d->status = infer__node_set_ints(d->g, d->last, INFER__ATTR_PADS, ones, 4, d->err);
    return DECODER_E(d, WHERE, DECODER_E(d, EQUAL, x, most), x, decoder_number(d, 0));
}

/* Centre (cell + offset) * 4, size * 4: Zhou et al., "Objects as Points" (2019). */
void decoder_build_centernet(struct decoder *d)
{
    static const float mean[] = {104.01F, 114.03F, 119.91F}, std[] = {73.7F, 69.87F, 70.89F};
    static const struct decoder_level one[] = {{CELL, 1}};
    infer_decoding *o = &d->decoding;
    const struct decoder_shape s = decoder_shape(d, 0);
    const int64_t places = s.dims[2] * s.dims[3], to[] = {0, s.dims[1], places},
                  two[] = {0, 2, places};
    const uint32_t scores = decoder_reshape(d, peaks_of(d), to, 3);
    const uint32_t sizes = decoder_reshape(d, decoder_out(d, 1), two, 3);
    const uint32_t offsets = decoder_reshape(d, decoder_out(d, 2), two, 3);
    const uint32_t cells = DECODER_E(d, TRANSPOSE, decoder_centres(d, one, 1, 2, 0));
    const uint32_t pixels = decoder_number(d, CELL);
    const uint32_t centre = DECODER_E(d, ADD, DECODER_E(d, MUL, offsets, pixels), cells);
    const uint32_t boxes =
        decoder_concat(d, (const uint32_t[]){centre, DECODER_E(d, MUL, sizes, pixels)}, 2, 1);
    o->scores = decoder_add_output(d, scores, "scores", s.dims[1], places);
    o->boxes = decoder_add_output(d, boxes, "boxes", 4, places);
    o->scores_order = o->boxes_order = 1;
    o->box_form = INFER_BOX_CENTRE;
    o->classes = (int32_t)s.dims[1];
    o->every_class = 1;
    o->clip = 1;
    o->suppress = INFER_SUPPRESS_NONE;
    o->most = 100;
    o->score_threshold = 0.3F;
    o->iou_threshold = 0.5F; /* not used, unless a caller asks for suppression */
    decoder_letterbox(d, INFER_LETTERBOX_CENTER, 0);
    d->preprocess.color = INFER_COLOR_BGR;
    for (int c = 0; c < 3; c++) {
        d->preprocess.mean[c] = mean[c];
        d->preprocess.scale[c] = 1 / std[c];
    }
}

/* ---- BlazeFace: boxes (1, 896, 16) of six points, scores (1, 896, 1), in any order --------------
 */

enum { BLAZE_FIELDS = 16 };
static const int64_t blaze_fields[] = {BLAZE_FIELDS, 1};

/* Two anchors a cell of 16 x 16, six of 8 x 8; the input has 128 pixels, or 256. */
static void blaze_levels(const struct decoder *d, struct decoder_level levels[2])
{
    levels[0] = (struct decoder_level){d->width / 16, 2};
    levels[1] = (struct decoder_level){d->width / 8, 6};
}

int decoder_fits_blazeface(const struct decoder *d)
{
    uint32_t order[2];
    struct decoder_level levels[2];
    if (d->width != d->height || d->width % 16)
        return 0;
    blaze_levels(d, levels);
    return decoder_order(d, blaze_fields, 2, order) &&
           decoder_shape(d, 0).dims[1] == decoder_places(d, levels, 2);
}

/* The cell's centre, for all fields but the size. */
static void blaze_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    (void)ctx;
    for (int64_t f = 0; f < fields; f++)
        if (f != 2 && f != 3)
            row[f] = ((float)(f % 2 ? p->y : p->x) + 0.5F) * (float)p->stride;
}

/* Everything is in pixels from the cell's centre; scores are logits. */
void decoder_build_blazeface(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    uint32_t order[2];
    struct decoder_level levels[2];
    decoder_order(d, blaze_fields, 2, order);
    blaze_levels(d, levels);
    const int64_t places = decoder_places(d, levels, 2);
    const uint32_t cells = decoder_rows(d, levels, 2, BLAZE_FIELDS, blaze_row, NULL);
    const uint32_t boxes = DECODER_E(d, ADD, decoder_out(d, order[0]), cells);
    const uint32_t scores = DECODER_E(d, SIGMOID, decoder_out(d, order[1]));
    o->boxes = o->points = decoder_add_output(d, boxes, "boxes", places, BLAZE_FIELDS);
    o->scores = decoder_add_output(d, scores, "scores", places, 1);
    o->classes = 1;
    o->box_form = INFER_BOX_CENTRE;
    o->points_first = 4;
    o->points_count = 6;
    o->point_fields = 2;
    o->score_threshold = 0.5F;
    o->iou_threshold = 0.3F;
    decoder_letterbox(d, INFER_LETTERBOX_CENTER, 0);
    decoder_normalise(d, 127.5F, 1.0F / 127.5F);
}
