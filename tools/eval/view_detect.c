/* The evaluation of a detector picture by picture. */
#include <math.h>
#include <string.h>

#include "infer_draw.h"
#include "tools/cli.h"
#include "tools/eval/eval_detect.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

static void mark(void *ctx, uint32_t class, uint32_t *weights)
{
    const struct detection *d = ctx;
    for (uint32_t i = 0; i < d->set.truths.count; i++)
        if (d->set.truths.items[i].class == class)
            weights[d->set.truths.items[i].picture] = 1;
}

/* F1 at the confidence in each picture; 1 where there is nothing and nothing was found. */
static int rate_pictures(struct detection *d, double *quality)
{
    const struct detect_matches *m = &d->matches;
    const uint32_t n = d->set.pictures.count;
    double(*counts)[3] = infer__region_calloc(d->region, n, sizeof *counts);
    if (!counts)
        return files_no_memory(d->o->data);
    for (uint32_t i = 0; i < m->nanswers; i++) {
        const struct detect_answer *a = &m->answers[i];
        if (a->object->score >= d->o->confidence && a->fate[0][0] != FATE_IGNORED)
            counts[a->picture][a->fate[0][0] == FATE_RIGHT ? 0 : 1]++;
    }
    for (uint32_t i = 0; i < m->ntruths; i++)
        counts[m->truths[i].picture][2] += !m->truths[i].ignored[0];
    for (uint32_t i = 0; i < n; i++) {
        const double right = counts[i][0], wrong = counts[i][1], there = counts[i][2];
        quality[i] = there + wrong > 0 ? binary_prf(right, wrong, there - right).f1 : 1;
        if (d->o->model && !d->o->model->paths[i])
            quality[i] = NAN;
    }
    return CLI_OK;
}

/* ---- the page ------------------------------------------------------------------------------- */

static void frame(infer_image *image, const double box[4], double scale, const char *text,
                  infer_rgba colour)
{
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    const infer_box b = {.x0 = (float)(box[0] * scale),
                         .y0 = (float)(box[1] * scale),
                         .x1 = (float)((box[0] + box[2]) * scale),
                         .y1 = (float)((box[1] + box[3]) * scale)};
    style.line_width = 2;
    infer_draw_box(image, &b, text, colour, &style, NULL);
}

static void draw(void *ctx, uint32_t picture, infer_image *image, double scale)
{
    static const infer_rgba green = {40, 200, 60, 255}, blue = {40, 110, 240, 255},
                            red = {220, 40, 30, 255};
    const struct detection *d = ctx;
    const struct detect_matches *m = &d->matches;
    for (uint32_t i = 0; i < m->ntruths; i++)
        if (m->truths[i].picture == picture)
            frame(image, m->truths[i].object->box, scale, NULL, green);
    for (uint32_t i = 0; i < m->nanswers; i++) {
        const struct detect_answer *a = &m->answers[i];
        char text[80];
        if (a->picture != picture || a->object->score < d->o->confidence)
            continue;
        snprintf(text, sizeof text, "%.40s %.2f",
                 d->o->class_agnostic ? "" : d->set.classes.items[a->class].text, a->object->score);
        frame(image, a->object->box, scale, text, a->fate[0][0] == FATE_WRONG ? red : blue);
    }
}

/* At an IoU of 0.5, over the classes that occur; NULL where none does, or there is no memory. */
static const double *mean_precision(struct detection *d)
{
    double *mean = infer__region_calloc(d->region, DETECT_RECALLS, sizeof *mean), n = 0;
    for (uint32_t k = 0; mean && k < d->matches.nclasses; k++) {
        if (d->tables.ap[k][0][0] < 0)
            continue;
        n++;
        for (int i = 0; i < DETECT_RECALLS; i++)
            mean[i] += d->tables.curve[k][0][i];
    }
    for (int i = 0; mean && i < DETECT_RECALLS; i++)
        mean[i] /= n;
    return n > 0 ? mean : NULL;
}

int detection_view(struct detection *d, void (*measure)(void *, const uint32_t *, double *),
                   struct eval_view *v)
{
    static const char *const behind[] = {"precision", "recall", "f1"};
    const uint32_t n = d->set.pictures.count;
    int nstats = 0;
    while (d->names[nstats])
        nstats++;
    memcpy(d->names + nstats, behind, sizeof behind);
    v->npictures = n;
    v->pictures = &d->set.pictures;
    v->classes = &d->set.classes;
    v->nclasses = d->set.classes.count;
    v->paths = d->o->model ? d->o->model->paths : NULL;
    v->quality_name = "f1";
    v->nvalues = nstats + 3;
    v->names = d->names;
    v->measure = measure;
    v->mark = mark;
    v->ctx = d;
    v->draw = draw;
    v->legend =
        "Green: the truth. Blue: right answers of the confidence and more; red: wrong ones.";
    v->precision = mean_precision(d);
    v->nprecision = DETECT_RECALLS;
    v->quality = infer__region_calloc(d->region, n, sizeof *v->quality);
    return v->quality ? rate_pictures(d, v->quality) : files_no_memory(d->o->data);
}
