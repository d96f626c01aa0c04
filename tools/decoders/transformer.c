/* Transformers that answer with a set of boxes, of which none is there twice: for each of Q queries
 * the scores of classes, and a box, centre and size in parts of the input. */
#include "tools/decoders/decoder.h"

/* More queries than any network has, and fewer than places of a grid. */
enum { MOST_QUERIES = 1000 };
/* DETR, YOLOS and Table Transformer have 100 to 125, RT-DETR, D-FINE and Deformable DETR 300. */
enum { QUERIES_OF_SOFTMAX = 200 };

/* Which output has the scores; 1 - that has the boxes. -1: these are none. */
static int scores_of(const struct decoder *d)
{
    const int64_t queries = decoder_shape(d, 0).dims[1];
    if (d->g->noutputs != 2 || queries < 1 || queries > MOST_QUERIES)
        return -1;
    for (uint32_t i = 0; i < 2; i++)
        if (decoder_is(d, i, queries, -1) && decoder_is(d, 1 - i, queries, 4))
            return (int)i;
    return -1;
}

static void set_boxes(struct decoder *d, int output)
{
    infer_decoding *o = &d->decoding;
    o->boxes = output;
    o->box_form = INFER_BOX_CENTRE;
    o->relative = 1;
    o->clip = 1;
    o->suppress = INFER_SUPPRESS_NONE;
    o->score_threshold = 0.5F;
    o->iou_threshold = 0.7F; /* not used, unless a caller asks for suppression */
    d->preprocess.fit = INFER_FIT_STRETCH;
}

/* ---- RT-DETR: independent classes ----------------------------------------------------------- */

/* Ultralytics' export: one output of box and scores, decoded. */
static int is_joined(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    return d->g->noutputs == 1 && s.rank == 3 && s.dims[1] <= MOST_QUERIES && s.dims[2] > 4 &&
           (d->named || (s.dims[1] == 300 && s.dims[2] > 6));
}

int decoder_fits_rtdetr(const struct decoder *d)
{
    return is_joined(d) ||
           (scores_of(d) >= 0 && (d->named || decoder_shape(d, 0).dims[1] >= QUERIES_OF_SOFTMAX));
}

void decoder_build_rtdetr(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const int joined = is_joined(d);
    const uint32_t output = joined ? 0 : (uint32_t)scores_of(d);
    const struct decoder_shape s = decoder_shape(d, output);
    set_boxes(d, joined ? 0 : 1 - (int)output);
    decoder_levels_of_255(d);
    o->every_class = 1;
    o->most = (int32_t)s.dims[1];
    o->classes = (int32_t)(joined ? s.dims[2] - 4 : s.dims[2]);
    o->scores_first = joined ? 4 : 0;
    if (joined)
        return;
    const uint32_t scores = decoder_sigmoid(d, output);
    o->scores = (int32_t)output;
    if (scores != decoder_out(d, output))
        o->scores = decoder_add_output(d, scores, "scores", s.dims[1], s.dims[2]);
    d->preprocess.resampler = INFER_RESIZE_PILLOW;
    if (decoder_named(d, 1 - output, "dets")) /* RF-DETR, which alone has this name */
        decoder_imagenet(d);
}

/* ---- DETR: softmax, the last class stands for nothing ---------------------------------------- */

int decoder_fits_detr(const struct decoder *d)
{
    const int scores = scores_of(d);
    return scores >= 0 && decoder_shape(d, (uint32_t)scores).dims[2] > 1 &&
           (d->named || decoder_shape(d, 0).dims[1] < QUERIES_OF_SOFTMAX);
}

void decoder_build_detr(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const uint32_t output = (uint32_t)scores_of(d);
    const struct decoder_shape s = decoder_shape(d, output);
    const uint32_t scores = DECODER_E(d, SOFTMAX, decoder_out(d, output));
    decoder_int(d, INFER__ATTR_AXIS, 2);
    set_boxes(d, 1 - (int)output);
    o->scores = decoder_add_output(d, scores, "scores", s.dims[1], s.dims[2]);
    o->classes = (int32_t)s.dims[2];
    o->background = o->classes - 1;
    d->preprocess.resampler = INFER_RESIZE_PILLOW;
    decoder_imagenet(d);
}
