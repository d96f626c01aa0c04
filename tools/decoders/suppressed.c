/* Networks that end in suppression, so that their boxes are answers already. */
#include "tools/decoders/decoder.h"

/* Fields of a row: corners in pixels of the input, score, number of the class. */
enum { ROW = 6 };

/* ---- torchvision's detectors: boxes, labels, scores, and perhaps points ---------------------- */

/* Which output is which; -1: there is none. */
struct outputs {
    int boxes, labels, scores, points, point_scores;
    int64_t npoints;
};

static void find_one(const struct decoder *d, uint32_t i, struct outputs *o)
{
    const struct decoder_shape s = decoder_shape(d, i);
    const uint8_t type = d->shaped[d->g->outputs[i]].type;
    if (type == INFER_S64 && s.rank == 1)
        o->labels = (int)i;
    else if (type == INFER_F32 && s.rank == 1)
        o->scores = (int)i;
    else if (type == INFER_F32 && s.rank == 2 && o->boxes < 0 && s.dims[1] == 4)
        o->boxes = (int)i;
    else if (type == INFER_F32 && s.rank == 2)
        o->point_scores = (int)i;
    else if (type == INFER_F32 && s.rank == 3 && s.dims[2] == 3) {
        o->points = (int)i;
        o->npoints = s.dims[1];
    }
}

static int find(const struct decoder *d, struct outputs *o)
{
    *o = (struct outputs){-1, -1, -1, -1, -1, 0};
    for (uint32_t i = 0; i < d->g->noutputs; i++)
        find_one(d, i, o);
    if (o->points < 0 || o->point_scores < 0 ||
        decoder_shape(d, (uint32_t)o->point_scores).dims[1] != o->npoints)
        o->npoints = 0;
    return o->boxes >= 0 && o->labels >= 0 && o->scores >= 0;
}

static uint32_t column(struct decoder *d, uint32_t x, int64_t axis)
{
    return DECODER_E(d, UNSQUEEZE, x, DECODER_LIST(d, axis));
}

/* Points as rows of x, y and score; the network's own third number is 1 always. */
static uint32_t points_of(struct decoder *d, const struct outputs *o)
{
    const uint32_t at = decoder_slice(d, decoder_out(d, (uint32_t)o->points), 2, 0, 2);
    const uint32_t score = column(d, decoder_out(d, (uint32_t)o->point_scores), 2);
    const uint32_t all = decoder_concat(d, (const uint32_t[]){at, score}, 2, 2);
    const uint32_t rows = DECODER_E(d, FLATTEN, all);
    decoder_int(d, INFER__ATTR_AXIS, 1);
    return rows;
}

/* One matrix, whose rows are as many as the network has found: the values of several outputs can't
 * be. */
static void build_lists(struct decoder *d, const struct outputs *o)
{
    infer_decoding *to = &d->decoding;
    const uint32_t label = DECODER_E(d, CAST, decoder_out(d, (uint32_t)o->labels));
    decoder_int(d, INFER__ATTR_TO, INFER_F32);
    uint32_t parts[4] = {decoder_out(d, (uint32_t)o->boxes),
                         column(d, decoder_out(d, (uint32_t)o->scores), 1), column(d, label, 1)};
    if (o->npoints) {
        parts[3] = points_of(d, o);
        to->points_first = ROW;
        to->points_count = (int32_t)o->npoints;
        to->point_fields = 3;
    }
    const uint32_t all = decoder_concat(d, parts, o->npoints ? 4 : 3, 1);
    to->scores = to->boxes = decoder_add_rows(d, all, "boxes", ROW + 3 * o->npoints);
    to->points = o->npoints ? to->boxes : -1;
    d->preprocess.letterbox = INFER_LETTERBOX_TOP_LEFT; /* where it pads itself */
}

/* ---- both ----------------------------------------------------------------------------------- */

int decoder_fits_nms(const struct decoder *d)
{
    struct outputs o;
    return (d->g->noutputs == 1 && decoder_is(d, 0, -1, ROW)) || find(d, &o);
}

void decoder_build_nms(struct decoder *d)
{
    struct outputs lists;
    infer_decoding *o = &d->decoding;
    decoder_letterbox(d, INFER_LETTERBOX_CENTER, 114);
    decoder_levels_of_255(d);
    if (find(d, &lists))
        build_lists(d, &lists);
    o->classes = 1;
    o->scores_first = 4;
    o->class_field = 5;
    o->suppress = INFER_SUPPRESS_NONE;
    o->clip = 1;
    o->score_threshold = 0.25F;
    o->iou_threshold = 0.45F; /* not used, unless a caller asks for suppression */
}
