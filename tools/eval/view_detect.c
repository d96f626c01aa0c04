/* The evaluation of a detector picture by picture. */
#include <math.h>
#include <string.h>

#include "tools/canvas.h"
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

static void frame(struct canvas *c, const double box[4], double scale, const uint8_t colour[3])
{
    const int x0 = (int)(box[0] * scale), y0 = (int)(box[1] * scale);
    const int x1 = (int)((box[0] + box[2]) * scale), y1 = (int)((box[1] + box[3]) * scale);
    canvas_rectangle(c, x0, y0, x1 - x0 + 1, 2, colour);
    canvas_rectangle(c, x0, y1 - 1, x1 - x0 + 1, 2, colour);
    canvas_rectangle(c, x0, y0, 2, y1 - y0 + 1, colour);
    canvas_rectangle(c, x1 - 1, y0, 2, y1 - y0 + 1, colour);
}

static void draw(void *ctx, uint32_t picture, struct canvas *c, double scale)
{
    static const uint8_t green[3] = {40, 200, 60}, blue[3] = {40, 110, 240}, red[3] = {220, 40, 30};
    const struct detection *d = ctx;
    const struct detect_matches *m = &d->matches;
    for (uint32_t i = 0; i < m->ntruths; i++)
        if (m->truths[i].picture == picture)
            frame(c, m->truths[i].object->box, scale, green);
    for (uint32_t i = 0; i < m->nanswers; i++) {
        const struct detect_answer *a = &m->answers[i];
        char text[80];
        if (a->picture != picture || a->object->score < d->o->confidence)
            continue;
        const uint8_t *colour = a->fate[0][0] == FATE_WRONG ? red : blue;
        frame(c, a->object->box, scale, colour);
        snprintf(text, sizeof text, "%.40s %.2f",
                 d->o->class_agnostic ? "" : d->set.classes.items[a->class].text, a->object->score);
        canvas_text(c, (int)(a->object->box[0] * scale) + 4, (int)(a->object->box[1] * scale) + 4,
                    1, text, colour);
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
