/* Cells of grids as matrices of constants, and what families share. */
#include <stdlib.h>

#include "base/status.h"
#include "tools/decoders/decoder.h"

/* ---- points of grids ------------------------------------------------------------------------ */

int64_t decoder_cells(int64_t side, int64_t stride)
{
    return (side + stride - 1) / stride;
}

int64_t decoder_places(const struct decoder *d, const struct decoder_level *levels, int n)
{
    int64_t count = 0;
    for (int i = 0; i < n; i++)
        count += decoder_cells(d->width, levels[i].stride) *
                 decoder_cells(d->height, levels[i].stride) * levels[i].anchors;
    return count;
}

typedef void place_row(float *row, int64_t fields, const struct decoder_place *place,
                       const void *ctx);

/* The rows of one level; what is behind them. */
static float *fill_level(const struct decoder *d, const struct decoder_level *level, int number,
                         int64_t fields, place_row *row, const void *ctx, float *to)
{
    struct decoder_place p = {.level = number, .stride = level->stride};
    for (p.y = 0; p.y < decoder_cells(d->height, p.stride); p.y++)
        for (p.x = 0; p.x < decoder_cells(d->width, p.stride); p.x++)
            for (p.anchor = 0; p.anchor < level->anchors; p.anchor++, to += fields)
                row(to, fields, &p, ctx);
    return to;
}

uint32_t decoder_rows(struct decoder *d, const struct decoder_level *levels, int n, int64_t fields,
                      place_row *row, const void *ctx)
{
    const int64_t places = decoder_places(d, levels, n);
    float *m = calloc((size_t)(places * fields), sizeof *m), *to = m;
    if (!m) {
        d->status = infer__no_memory(d->err, (size_t)(places * fields) * sizeof *m);
        return 0;
    }
    for (int i = 0; i < n; i++)
        to = fill_level(d, &levels[i], i, fields, row, ctx, to);
    const uint32_t value = decoder_matrix(d, m, places, fields);
    free(m);
    return value;
}

static void centre_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    const float offset = *(const float *)ctx;
    for (int64_t f = 0; f < fields; f++)
        row[f] = ((float)(f % 2 ? p->y : p->x) + offset) * (float)p->stride;
}

uint32_t decoder_centres(struct decoder *d, const struct decoder_level *levels, int n,
                         int64_t fields, float offset)
{
    return decoder_rows(d, levels, n, fields, centre_row, &offset);
}

static void stride_row(float *row, int64_t fields, const struct decoder_place *p, const void *ctx)
{
    const float *signs = ctx;
    for (int64_t f = 0; f < fields; f++)
        row[f] = (float)p->stride * (signs ? signs[f] : 1);
}

uint32_t decoder_strides(struct decoder *d, const struct decoder_level *levels, int n,
                         int64_t fields, const float *signs)
{
    return decoder_rows(d, levels, n, fields, stride_row, signs);
}

/* ---- boxes ---------------------------------------------------------------------------------- */

void decoder_centred(struct decoder *d, uint32_t centre, uint32_t size, int64_t places)
{
    const uint32_t boxes = decoder_concat(d, (const uint32_t[]){centre, size}, 2, 2);
    d->decoding.boxes = decoder_add_output(d, boxes, "boxes", places, 4);
    d->decoding.box_form = INFER_BOX_CENTRE;
}

uint32_t decoder_sigmoid(struct decoder *d, uint32_t output)
{
    const uint32_t x = decoder_out(d, output);
    if (decoder_made_by(d, output, INFER__OP_SIGMOID) || decoder_made_by(d, output, INFER__OP_CLIP))
        return x;
    return DECODER_E(d, SIGMOID, x);
}

/* ---- preprocessing -------------------------------------------------------------------------- */

void decoder_letterbox(struct decoder *d, int32_t where, int32_t fill)
{
    d->preprocess.fit = INFER_FIT_LETTERBOX;
    d->preprocess.letterbox = where;
    d->preprocess.fill = fill;
}

void decoder_normalise(struct decoder *d, float mean, float scale)
{
    for (int c = 0; c < 4; c++) {
        d->preprocess.mean[c] = mean;
        d->preprocess.scale[c] = scale;
    }
}

void decoder_levels_of_255(struct decoder *d)
{
    for (int c = 0; c < 4; c++)
        d->preprocess.scale[c] = 1.0F / 255;
}

void decoder_imagenet(struct decoder *d)
{
    static const float mean[] = {123.675F, 116.28F, 103.53F}, std[] = {58.395F, 57.12F, 57.375F};
    for (int c = 0; c < 3; c++) {
        d->preprocess.mean[c] = mean[c];
        d->preprocess.scale[c] = 1 / std[c];
    }
}
