#include "answer/mask.h"

#include <math.h>
#include <string.h>

#include "answer/map_place.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"

infer_status infer__masks_of(const struct infer__look *l, const infer_decoding *d, size_t image,
                             const infer_transform *back, struct infer__masks *m, infer_error *err)
{
    FAIL_IF((size_t)d->masks >= l->noutputs, INFER_ERROR_SHAPE,
            "decoding: prototypes are output %d of %zu", d->masks, l->noutputs);
    const infer_tensor *t = &l->outputs[d->masks];
    FAIL_IF(t->type != INFER_F32 || t->rank != 4 || t->dims[0] != (int64_t)l->batch ||
                t->dims[1] < 1 || t->dims[2] < 1 || t->dims[3] < 1 || t->dims[2] > 65535 ||
                t->dims[3] > 65535,
            INFER_ERROR_SHAPE,
            "decoding: output %d, of prototypes, is not f32 of count, rows, columns for each "
            "picture",
            d->masks);
    *m = (struct infer__masks){.count = t->dims[1],
                               .rows = t->dims[2],
                               .columns = t->dims[3],
                               .width = l->width,
                               .height = l->height,
                               .looked = &l->looked[image],
                               .back = back};
    m->prototypes = (const float *)t->data + (int64_t)image * m->count * m->rows * m->columns;
    return infer__fields_of(l->outputs, l->noutputs, d->coefficients, d->boxes_order,
                            d->coefficients_first, m->count, (int64_t)image, "coefficients",
                            &m->coefficients, err);
}

/* ---- one box -------------------------------------------------------------------------------- */

/* Pixels [*first, *first + *n) that [low, high] touches, of those below `most`. */
static void span_of(float low, float high, int32_t most, int32_t *first, int32_t *n)
{
    const double from = low > 0 ? floor((double)low) : 0;
    const double to = high < (float)most ? ceil((double)high) : (double)most;
    *first = 0;
    *n = 0;
    if (to > from && from < (double)most) { /* neither is NaN */
        *first = (int32_t)from;
        *n = (int32_t)(to - from);
    }
}

/* The cells that the places are between; 0: there are none. */
static int64_t cells_of(const struct infer__map_place *places, int32_t n, int64_t *first)
{
    int64_t low = INT32_MAX, high = -1;
    for (int32_t i = 0; i < n; i++)
        if (places[i].low >= 0) {
            low = places[i].low < low ? places[i].low : low;
            high = places[i].high > high ? places[i].high : high;
        }
    *first = low;
    return high < 0 ? 0 : high - low + 1;
}

/* What a mask is made from: cells [x, x + columns) and [y, y + rows) of the prototypes. */
struct part {
    int64_t x, y, columns, rows;
    float *sums; /* rows * columns */
};

static void add_prototypes(const struct infer__masks *m, int64_t candidate, const struct part *p)
{
    const struct infer__fields *f = &m->coefficients;
    memset(p->sums, 0, (size_t)(p->rows * p->columns) * sizeof *p->sums);
    for (int64_t k = 0; k < m->count; k++) {
        const float factor = f->data[candidate * f->candidate + k * f->field];
        for (int64_t y = 0; y < p->rows; y++) {
            const float *from = m->prototypes + (k * m->rows + p->y + y) * m->columns + p->x;
            float *to = p->sums + y * p->columns;
            for (int64_t x = 0; x < p->columns; x++)
                to[x] += factor * from[x];
        }
    }
}

/* 1 where the sum is above 0, which its sigmoid is 0.5 of. */
static void fill(const struct part *p, const struct infer__map_place *xs,
                 const struct infer__map_place *ys, infer_image *mask)
{
    for (int32_t y = 0; y < mask->height; y++) {
        uint8_t *out = mask->pixels + (size_t)y * mask->pitch;
        memset(out, 0, (size_t)mask->width);
        if (ys[y].low < 0)
            continue;
        const float *a = p->sums + (ys[y].low - p->y) * p->columns;
        const float *b = p->sums + (ys[y].high - p->y) * p->columns;
        for (int32_t x = 0; x < mask->width; x++) {
            if (xs[x].low < 0)
                continue;
            const int64_t i = xs[x].low - p->x, j = xs[x].high - p->x;
            const float left = a[i] + (b[i] - a[i]) * ys[y].weight;
            const float right = a[j] + (b[j] - a[j]) * ys[y].weight;
            out[x] = left + (right - left) * xs[x].weight > 0;
        }
    }
}

static infer_status make(const struct infer__masks *m, int64_t candidate,
                         const struct infer__map_axis *across, const struct infer__map_axis *down,
                         const infer_allocator *a, infer_image *mask, infer_error *err)
{
    struct infer__map_place *xs = infer__calloc(a, (size_t)across->n, sizeof *xs);
    struct infer__map_place *ys = infer__calloc(a, (size_t)down->n, sizeof *ys);
    struct part p = {0};
    infer_status status = xs && ys ? INFER_OK : infer__no_memory(err, sizeof *xs);
    if (status == INFER_OK) {
        infer__map_places(across, xs);
        infer__map_places(down, ys);
        p.columns = cells_of(xs, across->n, &p.x);
        p.rows = cells_of(ys, down->n, &p.y);
        const int64_t cells = INFER__PRODUCT(p.rows, p.columns);
        p.sums = infer__calloc(a, cells ? (size_t)cells : 1, sizeof *p.sums);
        if (!p.sums)
            status = infer__no_memory(err, (size_t)cells * sizeof *p.sums);
    }
    if (status == INFER_OK) {
        if (p.rows && p.columns)
            add_prototypes(m, candidate, &p);
        fill(&p, xs, ys, mask);
    }
    infer__free(a, p.sums);
    infer__free(a, ys);
    infer__free(a, xs);
    return status;
}

infer_status infer__mask_of(const struct infer__masks *m, const infer_box *b,
                            const infer_allocator *a, const infer_allocator *keep,
                            infer_image *mask, infer_error *err)
{
    const infer_transform *t = m->back;
    const struct infer__looked *k = m->looked;
    struct infer__map_axis across = {
        .begin = k->x, .seen = k->width, .size = m->width, .cells = m->columns};
    struct infer__map_axis down = {
        .begin = k->y, .seen = k->height, .size = m->height, .cells = m->rows};
    across.scale = t->scale_x;
    across.offset = t->offset_x;
    down.scale = t->scale_y;
    down.offset = t->offset_y;
    span_of(b->x0, b->x1, t->picture_width, &across.first, &across.n);
    span_of(b->y0, b->y1, t->picture_height, &down.first, &down.n);
    if (!mask->memory || mask->channels != 1 || mask->width != across.n || mask->height != down.n) {
        infer_image_free(mask);
        if (!across.n || !down.n)
            return INFER_OK;
        TRY(infer__image_new(keep, across.n, down.n, 1, mask, err));
    }
    return make(m, b->candidate, &across, &down, a, mask, err);
}
