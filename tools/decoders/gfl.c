/* Detectors that say how far a box reaches from a cell as a distribution: Li et al., "Generalized
 * Focal Loss" (2020). */
#include "tools/decoders/decoder.h"

static const struct decoder_level levels[] = {{8, 1}, {16, 1}, {32, 1}, {64, 1}};

enum { BINS = 8, SIDES = 4 * BINS };

/* A distance is the mean of 0 to 7 strides, by a softmax of 8 values. Corners are the cell's point
 * less and plus the distances; the point is `offset` cells from the cell's corner. */
static void build(struct decoder *d, uint32_t sides, int n, float offset)
{
    static const float signs[] = {-1, -1, 1, 1}, steps[BINS] = {0, 1, 2, 3, 4, 5, 6, 7};
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, levels, n);
    const uint32_t parts =
        DECODER_E(d, SOFTMAX, decoder_reshape(d, sides, (const int64_t[]){0, places * 4, BINS}, 3));
    decoder_int(d, INFER__ATTR_AXIS, 2);
    const uint32_t means = DECODER_E(d, MATMUL, parts, decoder_matrix(d, steps, BINS, 1));
    const uint32_t far = decoder_reshape(d, means, (const int64_t[]){0, places, 4}, 3);
    const uint32_t from = DECODER_E(d, MUL, far, decoder_strides(d, levels, n, 4, signs));
    const uint32_t boxes = DECODER_E(d, ADD, from, decoder_centres(d, levels, n, 4, offset));
    o->boxes = decoder_add_output(d, boxes, "boxes", places, 4);
    o->every_class = 1;
    o->clip = 2;
    o->score_threshold = 0.35F;
    o->iou_threshold = 0.6F;
    d->preprocess.fit = INFER_FIT_STRETCH;
    decoder_imagenet(d);
}

/* As NanoDet was trained: ImageNet's mean and deviation in the order of red, green and blue, on
 * blue, green and red. */
static void blue_first(struct decoder *d)
{
    infer_preprocess *p = &d->preprocess;
    const float mean = p->mean[0], scale = p->scale[0];
    p->color = INFER_COLOR_BGR;
    p->mean[0] = p->mean[2];
    p->scale[0] = p->scale[2];
    p->mean[2] = mean;
    p->scale[2] = scale;
}

/* For each of n levels scores (1, places, classes), then for each distances (1, places, 32). */
static int are_levels(const struct decoder *d, uint32_t n)
{
    if (d->g->noutputs != 2 * n)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        const int64_t places = decoder_places(d, &levels[i], 1);
        if (!decoder_is(d, i, places, -1) || !decoder_is(d, n + i, places, SIDES) ||
            decoder_shape(d, i).dims[2] != decoder_shape(d, 0).dims[2])
            return 0;
    }
    return 1;
}

static void build_levels(struct decoder *d, uint32_t n)
{
    infer_decoding *o = &d->decoding;
    const uint32_t *out = d->g->outputs;
    const int64_t classes = decoder_shape(d, 0).dims[2];
    const uint32_t scores = decoder_concat(d, out, n, 1), sides = decoder_concat(d, out + n, n, 1);
    o->scores = decoder_add_output(d, scores, "scores", decoder_places(d, levels, (int)n), classes);
    o->classes = (int32_t)classes;
    build(d, sides, (int)n, 0.5F);
}

/* ---- NanoDet: three levels ------------------------------------------------------------------- */

int decoder_fits_nanodet(const struct decoder *d)
{
    return are_levels(d, 3);
}

void decoder_build_nanodet(struct decoder *d)
{
    build_levels(d, 3);
    blue_first(d);
    decoder_letterbox(d, INFER_LETTERBOX_CENTER, 0);
    d->preprocess.letterbox_rounding = 1;
    d->decoding.map_back = INFER_MAP_BACK_FIT;
}

/* ---- PicoDet: four levels -------------------------------------------------------------------- */

int decoder_fits_picodet(const struct decoder *d)
{
    return are_levels(d, 4);
}

void decoder_build_picodet(struct decoder *d)
{
    build_levels(d, 4);
    d->decoding.score_threshold = 0.4F;
    d->decoding.iou_threshold = 0.5F;
}

/* ---- NanoDet-Plus: (1, places of four levels, classes + 32), points at the cells' corners ------
 */

int decoder_fits_nanodet_plus(const struct decoder *d)
{
    return d->g->noutputs == 1 && decoder_is(d, 0, decoder_places(d, levels, 4), -1) &&
           decoder_shape(d, 0).dims[2] > SIDES;
}

void decoder_build_nanodet_plus(struct decoder *d)
{
    const int64_t fields = decoder_shape(d, 0).dims[2];
    d->decoding.classes = (int32_t)(fields - SIDES);
    build(d, decoder_slice(d, decoder_out(d, 0), 2, fields - SIDES, fields), 4, 0);
    blue_first(d);
}
