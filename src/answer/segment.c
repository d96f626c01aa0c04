/* From a picture to the class of each of its pixels. */
#include <math.h>
#include <string.h>

#include "answer/decoding.h"
#include "answer/look.h"
#include "answer/map_place.h"
#include "base/caller.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "vision/decode.h"

void infer_segment_options_init(infer_segment_options *options, size_t size)
{
    infer__sized_init(options, size);
}

/* What a call is for. */
struct call {
    infer_segment_options options;
    infer_decoding decoding;
    infer_image *mask;
};

/* ---- classes -------------------------------------------------------------------------------- */

/* A map of scores: that of class c in row y and column x is data[y * row + x * column + c * class].
 */
struct map {
    const float *data;
    int64_t rows, columns, row, column, class;
    int32_t classes;
    float threshold;
};

/* A row between two rows of the map: for each column the scores of all classes side by side. */
static void blend_rows(const struct map *m, const struct infer__map_place *y, float *out)
{
    const float *a = m->data + y->low * m->row, *b = m->data + y->high * m->row;
    for (int64_t x = 0; x < m->columns; x++)
        for (int32_t c = 0; c < m->classes; c++) {
            const int64_t at = x * m->column + c * m->class;
            out[x * m->classes + c] = a[at] + (b[at] - a[at]) * y->weight;
        }
}

static uint8_t best_class(const struct map *m, const float *a, const float *b, float weight)
{
    float most = -INFINITY;
    int32_t best = 0;
    if (m->classes == 1)
        return a[0] + (b[0] - a[0]) * weight > m->threshold;
    for (int32_t c = 0; c < m->classes; c++) {
        const float v = a[c] + (b[c] - a[c]) * weight;
        best = v > most ? c : best;
        most = v > most ? v : most;
    }
    return (uint8_t)best;
}

static void fill_row(const struct map *m, const float *scores, const struct infer__map_place *xs,
                     int32_t n, uint8_t *out)
{
    for (int32_t x = 0; x < n; x++)
        out[x] = xs[x].low < 0
                     ? INFER_MASK_UNSEEN
                     : best_class(m, scores + (int64_t)xs[x].low * m->classes,
                                  scores + (int64_t)xs[x].high * m->classes, xs[x].weight);
}

static void fill_mask(const struct map *m, const struct infer__map_place *xs,
                      const struct infer__map_place *ys, float *scores, infer_image *mask)
{
    for (int32_t y = 0; y < mask->height; y++) {
        uint8_t *out = mask->pixels + (size_t)y * mask->pitch;
        if (ys[y].low < 0) {
            memset(out, INFER_MASK_UNSEEN, (size_t)mask->width);
            continue;
        }
        blend_rows(m, &ys[y], scores);
        fill_row(m, scores, xs, mask->width, out);
    }
}

/* ---- one picture ---------------------------------------------------------------------------- */

static infer_status read_map(const struct infer__look *l, const infer_decoding *d, struct map *m,
                             infer_error *err)
{
    struct infer__fields f;
    TRY(infer__fields_of(l->outputs, l->noutputs, d->scores, d->scores_order, d->scores_first,
                         d->classes, 0, "scores", &f, err));
    const infer_tensor *t = &l->outputs[d->scores];
    FAIL_IF(t->rank != 4 || f.candidates < 1 || d->classes > 255, INFER_ERROR_SHAPE,
            "decoding: a map of scores has rank 4 and up to 255 classes");
    *m = (struct map){.data = f.data,
                      .rows = t->dims[d->scores_order ? 2 : 1],
                      .columns = t->dims[d->scores_order ? 3 : 2],
                      .column = f.candidate,
                      .class = f.field,
                      .classes = d->classes,
                      .threshold = d->score_threshold};
    m->row = m->columns * m->column;
    return INFER_OK;
}

/* A mask of the picture's size, with the memory that there is where it suits. The pixels outlive
 * the session's scratch memory. */
static infer_status make_mask(const infer_session *session, const infer_transform *t,
                              infer_image *mask, infer_error *err)
{
    if (mask->memory && mask->width == t->picture_width && mask->height == t->picture_height &&
        mask->channels == 1)
        return INFER_OK;
    infer_image_free(mask);
    return infer__image_new(&session->model->allocator, t->picture_width, t->picture_height, 1,
                            mask, err);
}

static infer_status answer(const struct infer__look *l, void *ctx, size_t index, size_t image,
                           infer_error *err)
{
    const struct call *c = ctx;
    (void)index;
    (void)image;
    const struct infer__looked *k = &l->looked[0];
    const infer_transform *t = &k->transform;
    const infer_allocator *a = &l->allocator;
    struct map m;
    TRY(read_map(l, &c->decoding, &m, err));
    TRY(make_mask(l->session, t, c->mask, err));
    const struct infer__map_axis across = {0,        t->picture_width, k->x,       k->width,
                                           l->width, m.columns,        t->scale_x, t->offset_x};
    const struct infer__map_axis down = {
        0, t->picture_height, k->y, k->height, l->height, m.rows, t->scale_y, t->offset_y};
    struct infer__map_place *xs = infer__calloc(a, (size_t)across.n, sizeof *xs);
    struct infer__map_place *ys = infer__calloc(a, (size_t)down.n, sizeof *ys);
    const int64_t floats = INFER__PRODUCT(m.columns, m.classes);
    float *scores = infer__calloc(a, (size_t)floats, sizeof *scores);
    infer_status status = xs && ys && scores ? INFER_OK : infer__no_memory(err, sizeof *xs);
    if (status == INFER_OK) {
        infer__map_places(&across, xs);
        infer__map_places(&down, ys);
        fill_mask(&m, xs, ys, scores, c->mask);
    }
    infer__free(a, scores);
    infer__free(a, ys);
    infer__free(a, xs);
    return status;
}

infer_status infer_segment(infer_session *session, const infer_picture *picture,
                           const infer_segment_options *options, infer_image *mask,
                           infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    struct call c = {.mask = mask};
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!session || !picture || !mask, INFER_ERROR_ARGUMENT,
            "infer_segment: session, picture or mask is NULL");
    TRY(infer__sized_read(INFER__SIZED(infer_segment_options, decoding), options, &c.options, err));
    TRY(infer__decoding_for(session->model, c.options.decoding, INFER_TASK_SEGMENT,
                            "classes of pixels", &c.decoding, err));
    const struct infer__question q = {picture, 1, c.options.image, answer, &c, NULL};
    return infer__look_ask(session, &q, err);
}
