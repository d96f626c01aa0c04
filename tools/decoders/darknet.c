/* YOLO v3 and v4 as Darknet has them: for each level a map (1, 3 * (5 + classes), rows, columns) of
 * box, objectness and classes, raw, in any order of the levels; three levels, or two ("tiny"). */
#include "tools/decoders/decoder.h"

static const struct decoder_level levels[] = {{8, 3}, {16, 3}, {32, 3}};

/* Width and height in pixels of the anchors of each level, and how far centres may leave their
 * cells: the sigmoid is scaled by `reach` about its middle. From the networks' own cfg files; those
 * of COCO. */
struct anchors {
    double sides[3][3][2], reach[3];
};

static const struct anchors v3 = {{{{10, 13}, {16, 30}, {33, 23}},
                                   {{30, 61}, {62, 45}, {59, 119}},
                                   {{116, 90}, {156, 198}, {373, 326}}},
                                  {1, 1, 1}};
static const struct anchors v4 = {{{{12, 16}, {19, 36}, {40, 28}},
                                   {{36, 75}, {76, 55}, {72, 146}},
                                   {{142, 110}, {192, 243}, {459, 401}}},
                                  {1.2, 1.1, 1.05}};
/* Of two levels, the last two; v4's lower level begins with the second of six anchors. */
static const struct anchors v3_tiny = {
    {{{0}}, {{10, 14}, {23, 27}, {37, 58}}, {{81, 82}, {135, 169}, {344, 319}}}, {1, 1, 1}};
static const struct anchors v4_tiny = {
    {{{0}}, {{23, 27}, {37, 58}, {81, 82}}, {{81, 82}, {135, 169}, {344, 319}}}, {1, 1.05, 1.05}};

/* The output of each level; the number of levels, 0 where the outputs are others. */
static int find_levels(const struct decoder *d, uint32_t outputs[3])
{
    const int n = (int)d->g->noutputs;
    const int64_t channels = decoder_shape(d, 0).dims[1];
    if ((n != 2 && n != 3) || channels % 3 || channels < 18)
        return 0;
    for (int level = 3 - n; level < 3; level++) {
        uint32_t i = 0;
        for (; i < (uint32_t)n; i++) {
            const struct decoder_shape s = decoder_shape(d, i);
            if (s.rank == 4 && s.dims[1] == channels &&
                s.dims[2] == decoder_cells(d->height, levels[level].stride) &&
                s.dims[3] == decoder_cells(d->width, levels[level].stride))
                break;
        }
        if (i == (uint32_t)n)
            return 0;
        outputs[level] = i;
    }
    return n;
}

int decoder_fits_yolov3(const struct decoder *d)
{
    uint32_t outputs[3];
    return find_levels(d, outputs) > 0;
}

int decoder_fits_yolov4(const struct decoder *d)
{
    return d->named && decoder_fits_yolov3(d);
}

/* A level's map as (batch, places, 5 + classes): cell after cell, anchor after anchor. */
static uint32_t rows_of(struct decoder *d, uint32_t output, int64_t fields)
{
    const struct decoder_shape s = decoder_shape(d, output);
    const int64_t cells = s.dims[2] * s.dims[3];
    const uint32_t split =
        decoder_reshape(d, decoder_out(d, output), (const int64_t[]){0, 3, fields, cells}, 4);
    const uint32_t turned = DECODER_E(d, TRANSPOSE, split);
    if (d->status == INFER_OK)
        d->status = infer__node_set_ints(d->g, d->last, INFER__ATTR_PERM,
                                         (const int64_t[]){0, 3, 1, 2}, 4, d->err);
    return decoder_reshape(d, turned, (const int64_t[]){0, cells * 3, fields}, 3);
}

/* What a decoder_place's row needs. */
struct grid {
    const struct anchors *anchors;
    int first; /* level of place level 0 */
};

/* The cell's corner less what `reach` goes beyond, in pixels; then the factor of the sigmoid. */
static void centre_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    const struct grid *g = ctx;
    const double reach = g->anchors->reach[g->first + p->level], stride = (double)p->stride;
    (void)fields;
    row[0] = (float)(((double)p->x - (reach - 1) / 2) * stride);
    row[1] = (float)(((double)p->y - (reach - 1) / 2) * stride);
    row[2] = row[3] = (float)(reach * stride);
}

static void side_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    const struct grid *g = ctx;
    (void)fields;
    row[0] = (float)g->anchors->sides[g->first + p->level][p->anchor][0];
    row[1] = (float)g->anchors->sides[g->first + p->level][p->anchor][1];
}

static void build(struct decoder *d, const struct anchors *three, const struct anchors *two)
{
    infer_decoding *o = &d->decoding;
    uint32_t outputs[3], parts[3];
    const int n = find_levels(d, outputs), first = 3 - n;
    const struct decoder_level *used = levels + first;
    const struct grid grid = {n == 3 ? three : two, first};
    const int64_t fields = decoder_shape(d, 0).dims[1] / 3, places = decoder_places(d, used, n);
    for (int i = 0; i < n; i++)
        parts[i] = rows_of(d, outputs[first + i], fields);
    const uint32_t x = decoder_concat(d, parts, (uint32_t)n, 1);
    const uint32_t centres = decoder_rows(d, used, n, 4, centre_row, &grid);
    const uint32_t at = DECODER_E(d, MUL, DECODER_E(d, SIGMOID, decoder_slice(d, x, 2, 0, 2)),
                                  decoder_slice(d, centres, 1, 2, 4));
    const uint32_t centre = DECODER_E(d, ADD, at, decoder_slice(d, centres, 1, 0, 2));
    const uint32_t size = DECODER_E(d, MUL, DECODER_E(d, EXP, decoder_slice(d, x, 2, 2, 4)),
                                    decoder_rows(d, used, n, 2, side_row, &grid));
    decoder_centred(d, centre, size, places);
    const uint32_t scores = DECODER_E(d, SIGMOID, decoder_slice(d, x, 2, 4, fields));
    o->scores = decoder_add_output(d, scores, "scores", places, fields - 4);
    o->objectness = 0;
    o->scores_first = 1;
    o->classes = (int32_t)fields - 5;
    o->every_class = 1;
    o->clip = 1;
    o->score_threshold = 0.25F;
    o->iou_threshold = 0.45F;
    d->preprocess.fit = INFER_FIT_STRETCH;
    decoder_levels_of_255(d);
}

void decoder_build_yolov3(struct decoder *d)
{
    build(d, &v3, &v3_tiny);
}

void decoder_build_yolov4(struct decoder *d)
{
    build(d, &v4, &v4_tiny);
}
