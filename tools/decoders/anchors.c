/* Detectors that choose among boxes of given places and sizes, or regress from points. */
#include <math.h>
#include <stdlib.h>

#include "base/status.h"
#include "tools/decoders/decoder.h"

/* Five points of a face from their offsets, in strides from the cells' centres; the picture stands
 * in the top left corner. */
static void five_points(struct decoder *d, const struct decoder_level levels[3], uint32_t offsets)
{
    infer_decoding *o = &d->decoding;
    const uint32_t by = DECODER_E(d, MUL, offsets, decoder_strides(d, levels, 3, 10, NULL));
    const uint32_t points = DECODER_E(d, ADD, by, decoder_centres(d, levels, 3, 10, 0));
    o->points = decoder_add_output(d, points, "points", decoder_places(d, levels, 3), 10);
    o->points_count = 5;
    o->point_fields = 2;
    decoder_letterbox(d, INFER_LETTERBOX_TOP_LEFT, 0);
    d->preprocess.letterbox_rounding = 1;
}

/* ---- SCRFD: scores, distances and points of three levels, two places a cell ------------------ */

static const struct decoder_level scrfd[] = {{8, 2}, {16, 2}, {32, 2}};

int decoder_fits_scrfd(const struct decoder *d)
{
    if (d->g->noutputs != 9)
        return 0;
    for (uint32_t i = 0; i < 3; i++) {
        const int64_t places = decoder_places(d, &scrfd[i], 1);
        if (!decoder_is(d, i, places, 1) || !decoder_is(d, 3 + i, places, 4) ||
            !decoder_is(d, 6 + i, places, 10))
            return 0;
    }
    return 1;
}

void decoder_build_scrfd(struct decoder *d)
{
    static const float signs[] = {-1, -1, 1, 1};
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, scrfd, 3);
    const uint32_t *out = d->g->outputs;
    const uint32_t scores = decoder_concat(d, out, 3, 1), sides = decoder_concat(d, out + 3, 3, 1);
    const uint32_t offsets = decoder_concat(d, out + 6, 3, 1);
    const uint32_t from = DECODER_E(d, MUL, sides, decoder_strides(d, scrfd, 3, 4, signs));
    const uint32_t boxes = DECODER_E(d, ADD, from, decoder_centres(d, scrfd, 3, 4, 0));
    o->scores = decoder_add_output(d, scores, "scores", places, 1);
    o->boxes = decoder_add_output(d, boxes, "boxes", places, 4);
    five_points(d, scrfd, offsets);
    o->classes = 1;
    o->inclusive = 1;
    o->score_threshold = 0.5F;
    o->iou_threshold = 0.4F;
    o->map_back = INFER_MAP_BACK_HEIGHTS;
    decoder_normalise(d, 127.5F, 1.0F / 128);
}

/* ---- YuNet: classes, objectness, boxes and points of three levels ---------------------------- */

static const struct decoder_level yunet[] = {{8, 1}, {16, 1}, {32, 1}};

int decoder_fits_yunet(const struct decoder *d)
{
    static const int64_t fields[] = {1, 1, 4, 10};
    if (d->g->noutputs != 12)
        return 0;
    for (uint32_t i = 0; i < 12; i++)
        if (!decoder_is(d, i, decoder_places(d, &yunet[i % 3], 1), fields[i / 3]))
            return 0;
    return 1;
}

static uint32_t between_0_and_1(struct decoder *d, uint32_t x)
{
    const uint32_t low = decoder_number(d, 0);
    return DECODER_E(d, CLIP, x, low, decoder_number(d, 1));
}

/* Centre (cell + xy) * stride, size exp(wh) * stride, points (cell + xy) * stride; score
 * sqrt(class * objectness). */
void decoder_build_yunet(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const int64_t places = decoder_places(d, yunet, 3);
    const uint32_t *out = d->g->outputs;
    const uint32_t which = between_0_and_1(d, decoder_concat(d, out, 3, 1));
    const uint32_t there = between_0_and_1(d, decoder_concat(d, out + 3, 3, 1));
    const uint32_t scores = DECODER_E(d, SQRT, DECODER_E(d, MUL, which, there));
    const uint32_t x = decoder_concat(d, out + 6, 3, 1), offsets = decoder_concat(d, out + 9, 3, 1);
    const uint32_t strides = decoder_strides(d, yunet, 3, 2, NULL);
    const uint32_t at = DECODER_E(d, MUL, decoder_slice(d, x, 2, 0, 2), strides);
    const uint32_t centre = DECODER_E(d, ADD, at, decoder_centres(d, yunet, 3, 2, 0));
    const uint32_t size =
        DECODER_E(d, MUL, DECODER_E(d, EXP, decoder_slice(d, x, 2, 2, 4)), strides);
    o->scores = decoder_add_output(d, scores, "scores", places, 1);
    decoder_centred(d, centre, size, places);
    five_points(d, yunet, offsets);
    o->classes = 1;
    o->score_threshold = 0.6F;
    o->iou_threshold = 0.3F;
    o->map_back = INFER_MAP_BACK_FIT;
    d->preprocess.color = INFER_COLOR_BGR;
}

/* ---- UltraFace: scores (1, places, 2), corners (1, places, 4), all decoded ------------------- */

int decoder_fits_ultraface(const struct decoder *d)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    return d->g->noutputs == 2 && decoder_is(d, 0, -1, 2) && decoder_is(d, 1, s.dims[1], 4);
}

void decoder_build_ultraface(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    o->classes = 2;
    o->background = 0;
    o->label_first = -1;
    o->boxes = 1;
    o->relative = 1;
    o->most_candidates = 200;
    o->score_threshold = 0.5F;
    o->iou_threshold = 0.3F;
    d->preprocess.fit = INFER_FIT_STRETCH;
    decoder_normalise(d, 127, 1.0F / 128);
}

/* ---- SSD: box encodings (1, anchors, 4), scores (1, anchors, classes), 0 the background -------
 */

enum { SSD_LEVELS = 6 };

/* Six grids, the first of the input's side by 16, rounded up, each further one half as large. */
static int64_t ssd_side(const struct decoder *d, int level)
{
    int64_t side = (d->width + 15) / 16;
    for (int i = 0; i < level; i++)
        side = (side + 1) / 2;
    return side;
}

static int64_t ssd_anchors(const struct decoder *d)
{
    int64_t count = 0;
    for (int i = 0; i < SSD_LEVELS; i++)
        count += ssd_side(d, i) * ssd_side(d, i) * (i ? 6 : 3);
    return count;
}

int decoder_fits_ssd(const struct decoder *d)
{
    const int64_t anchors = d->width == d->height ? ssd_anchors(d) : 0;
    return d->g->noutputs == 2 && anchors && decoder_is(d, 0, anchors, 4) &&
           decoder_is(d, 1, anchors, -1) && decoder_shape(d, 1).dims[2] > 1;
}

/* The anchors of one cell of a level: pairs of height and width in parts of the input. TensorFlow's
 * multiple grid anchors with scales of 0.2 to 0.95, and the lowest level reduced. */
static int ssd_sizes(int level, float sizes[6][2])
{
    static const double first[3][2] = {{0.1, 1}, {0.2, 2}, {0.2, 0.5}};
    static const double ratios[] = {1, 2, 0.5, 3, 0.3333};
    const double scale = 0.2 + 0.15 * level;
    const double next = level + 1 < SSD_LEVELS ? scale + 0.15 : 1;
    const int n = level ? 6 : 3;
    for (int k = 0; k < n; k++) {
        const double s = !level ? first[k][0] : k < 5 ? scale : sqrt(scale * next);
        const double ratio = !level ? first[k][1] : k < 5 ? ratios[k] : 1;
        sizes[k][0] = (float)(s / sqrt(ratio));
        sizes[k][1] = (float)(s * sqrt(ratio));
    }
    return n;
}

/* Matrices of anchors x 2: centres, and sizes, y first. */
static void ssd_matrices(struct decoder *d, uint32_t *centres, uint32_t *sizes)
{
    const int64_t anchors = ssd_anchors(d);
    float *c = calloc((size_t)anchors * 4, sizeof *c), *s, each[6][2];
    if (!c) {
        d->status = infer__no_memory(d->err, (size_t)anchors * 4 * sizeof *c);
        return;
    }
    int64_t at = 0;
    s = c + anchors * 2;
    for (int level = 0; level < SSD_LEVELS; level++) {
        const int64_t side = ssd_side(d, level);
        const int n = ssd_sizes(level, each);
        for (int64_t cell = 0; cell < side * side; cell++)
            for (int k = 0; k < n; k++, at += 2) {
                c[at] = ((float)(cell / side) + 0.5F) / (float)side;
                c[at + 1] = ((float)(cell % side) + 0.5F) / (float)side;
                s[at] = each[k][0];
                s[at + 1] = each[k][1];
            }
    }
    *centres = decoder_matrix(d, c, anchors, 2);
    *sizes = decoder_matrix(d, s, anchors, 2);
    free(c);
}

/* Centre t / 10 * size + centre, size exp(t / 5) * size, y first; scores as they are. */
void decoder_build_ssd(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const uint32_t x = decoder_out(d, 0);
    uint32_t centres = 0, sizes = 0;
    ssd_matrices(d, &centres, &sizes);
    const uint32_t at = DECODER_E(d, MUL, decoder_slice(d, x, 2, 0, 2), decoder_number(d, 0.1F));
    const uint32_t centre = DECODER_E(d, ADD, DECODER_E(d, MUL, at, sizes), centres);
    const uint32_t by = DECODER_E(d, MUL, decoder_slice(d, x, 2, 2, 4), decoder_number(d, 0.2F));
    const uint32_t size = DECODER_E(d, MUL, DECODER_E(d, EXP, by), sizes);
    o->classes = (int32_t)decoder_shape(d, 1).dims[2];
    o->background = 0;
    o->label_first = -1;
    o->scores = 1;
    o->boxes = decoder_add_output(d, decoder_concat(d, (const uint32_t[]){centre, size}, 2, 2),
                                  "boxes", ssd_anchors(d), 4);
    o->box_form = INFER_BOX_CENTRE_YX;
    o->relative = 1;
    o->every_class = 1;
    o->clip = 1;
    o->score_threshold = 0.3F;
    o->iou_threshold = 0.6F;
    d->preprocess.fit = INFER_FIT_STRETCH;
    decoder_normalise(d, 127.5F, 1.0F / 127.5F);
}
