/* ?detector=NAME: another model that is served finds what this one is asked about, lines of text or
 * things that have points. */
#include <stdlib.h>
#include <string.h>

#include "tools/detector.h"
#include "tools/serve/predict/predict.h"

#define WIDEN 1.2F /* a thing's square is so many times its box's longer side, as in infer pose */

/* Which task the detector of a task has; INFER_TASK_NONE: there is none. */
static infer_task finds_for(infer_task task)
{
    return task == INFER_TASK_TEXT        ? INFER_TASK_TEXT_REGIONS
           : task == INFER_TASK_KEYPOINTS ? INFER_TASK_DETECT
                                          : INFER_TASK_NONE;
}

static void fail(struct prediction *p, struct job *job, struct job *other)
{
    predict_tell_failure(p, job);
    job_free(job);
    job_free(other);
    prediction_free(p);
}

static void out_of_memory(struct prediction *p, struct job *found)
{
    job_fail(found, JOB_FAILED, "out of memory");
    fail(p, found, NULL);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void on_read(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    if (job->status != JOB_OK) {
        fail(p, job, NULL);
        return;
    }
    predict_answer(p, job);
    job_free(job);
    prediction_free(p);
}

static struct job *reading_of(struct prediction *p, struct job *found)
{
    struct job_answer *a = &found->answers[0];
    struct job *job = job_new(p->version, JOB_PICTURES);
    if (!job || !(job->pictures = calloc(1, sizeof *job->pictures))) {
        job_free(job);
        return NULL;
    }
    job->npictures = 1;
    job->pictures[0] = p->pictures.picture[0];
    job->quads = a->quads;
    job->nquads = a->nquads;
    a->quads = NULL;
    job->done = on_read;
    return job;
}

/* ---- points --------------------------------------------------------------------------------- */

/* Gives the boxes their points, and answers with them. */
static void on_points(struct job *job, void *ctx)
{
    struct prediction *p = ctx;
    struct job *found = p->found;
    struct job_answer *to = &found->answers[0];
    const size_t n = (size_t)p->version->decoding.points_count;
    p->found = NULL;
    if (job->status != JOB_OK) {
        fail(p, job, found);
        return;
    }
    infer_point *points = calloc((size_t)job->npictures * n + 1, sizeof *points);
    if (!points) {
        job_free(job);
        out_of_memory(p, found);
        return;
    }
    for (int i = 0; i < job->npictures; i++)
        memcpy(points + (size_t)i * n, job->answers[i].points, n * sizeof *points);
    free(to->points);
    to->points = points;
    to->npoints = n;
    predict_answer(p, found);
    job_free(job);
    job_free(found);
    prediction_free(p);
}

/* The picture is decoded once for all its boxes. */
static struct job *points_of(struct prediction *p, struct job *found)
{
    const struct job_answer *a = &found->answers[0];
    const infer_picture *file = &p->pictures.picture[0];
    infer_error err;
    struct job *job = job_new(p->version, JOB_PICTURES);
    if (job)
        job->pictures = calloc(a->nboxes, sizeof *job->pictures);
    if (!job || !job->pictures ||
        infer_image_decode(file->data, file->bytes, NULL, &p->image, &err) != INFER_OK) {
        job_free(job);
        return NULL;
    }
    for (size_t i = 0; i < a->nboxes; i++) {
        infer_picture *one = &job->pictures[i];
        *one = (infer_picture){.data = p->image.pixels,
                               .pitch = p->image.pitch,
                               .pixels = INFER_PIXELS_RGB,
                               .width = p->image.width,
                               .height = p->image.height};
        detector_region(&a->boxes[i], WIDEN, one);
    }
    job->npictures = (int)a->nboxes;
    job->done = on_points;
    return job;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void on_found(struct job *found, void *ctx)
{
    struct prediction *p = ctx;
    if (found->status != JOB_OK) {
        fail(p, found, NULL);
        return;
    }
    const int text = p->version->task == INFER_TASK_TEXT;
    if (!text && found->answers[0].nboxes == 0) { /* there is nothing to be asked about */
        on_read(found, p);
        return;
    }
    struct job *job = text ? reading_of(p, found) : points_of(p, found);
    if (!job) {
        out_of_memory(p, found);
        return;
    }
    snprintf(job->id, sizeof job->id, "%s", p->http->id);
    job->ctx = p;
    if (text)
        job_free(found);
    else
        p->found = found;
    scheduler_submit(p->server->scheduler, job);
}

int predict_by_detector(struct prediction *p, struct v2_error *err)
{
    const infer_task wanted = finds_for(p->version->task);
    if (wanted == INFER_TASK_NONE || p->pictures.count != 1) {
        v2_fail(err, V2_INVALID,
                "detector is for one picture, and for models of points and of lines of text");
        return 0;
    }
    struct version *v = v2_find(p->server, p->detector, strlen(p->detector), 0, err);
    if (!v) {
        err->code = V2_INVALID; /* the model that was asked for is there */
        return 0;
    }
    struct job *job = v->task == wanted ? job_new(v, JOB_PICTURES) : NULL;
    if (v->task != wanted)
        v2_fail(err, V2_INVALID, "'%.100s' does not find what '%.100s' is asked about", v->name,
                p->version->name);
    else
        v2_fail(err, V2_UNAVAILABLE, "out of memory");
    version_unref(v);
    if (job)
        job->pictures = calloc(1, sizeof *job->pictures);
    if (!job || !job->pictures) {
        job_free(job);
        return 0;
    }
    job->pictures[0] = p->pictures.picture[0];
    job->npictures = 1;
    snprintf(job->id, sizeof job->id, "%s", p->http->id);
    job->score = p->score;
    job->done = on_found;
    job->ctx = p;
    scheduler_submit(p->server->scheduler, job);
    return 1;
}
