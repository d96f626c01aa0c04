#include "tools/serve/models/traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "answer/nms.h"
#include "tools/serve/server.h"

/* Copies under way at once; they are the first thing to leave out where there is too much to do. */
enum { MOST_SHADOWS = 32 };

/* ---- whether versions can stand for each other ----------------------------------------------- */

static int same_values(const infer_value_info *a, const infer_value_info *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(a[i].name, b[i].name) != 0 || a[i].type != b[i].type || a[i].rank != b[i].rank)
            return 0;
        for (int32_t k = 0; k < a[i].rank; k++)
            if (a[i].dims[k] != b[i].dims[k])
                return 0;
    }
    return 1;
}

static int same_signature(const struct version *a, const struct version *b)
{
    return a->ninputs == b->ninputs && a->noutputs == b->noutputs && a->task == b->task &&
           a->takes_pictures == b->takes_pictures &&
           same_values(a->inputs, b->inputs, a->ninputs) &&
           same_values(a->outputs, b->outputs, a->noutputs);
}

/* ---- whether answers agree ------------------------------------------------------------------ */

static double overlap(const infer_box *a, const infer_box *b)
{
    const struct infer__extent x = infer__extent_of(a, 0), y = infer__extent_of(b, 0);
    return infer__iou(&x, &y);
}

static int boxes_agree(const struct job_answer *a, const struct job_answer *b)
{
    char *used = calloc(b->nboxes + 1, 1);
    size_t pairs = 0;
    for (size_t i = 0; used && i < a->nboxes; i++)
        for (size_t k = 0; k < b->nboxes; k++)
            if (!used[k] && a->boxes[i].index == b->boxes[k].index &&
                overlap(&a->boxes[i], &b->boxes[k]) >= 0.5) {
                used[k] = 1;
                pairs++;
                break;
            }
    free(used);
    return a->nboxes == b->nboxes && pairs == a->nboxes;
}

static int masks_agree(const infer_image *a, const infer_image *b)
{
    if (a->width != b->width || a->height != b->height)
        return 0;
    const size_t pa = a->pitch ? a->pitch : (size_t)a->width;
    const size_t pb = b->pitch ? b->pitch : (size_t)b->width;
    int64_t differ = 0;
    for (int32_t y = 0; y < a->height; y++)
        for (int32_t x = 0; x < a->width; x++)
            differ +=
                a->pixels[(size_t)y * pa + (size_t)x] != b->pixels[(size_t)y * pb + (size_t)x];
    return differ * 50 <= (int64_t)a->width * a->height;
}

static int answers_agree(infer_task task, const struct job_answer *a, const struct job_answer *b)
{
    switch (task) {
    case INFER_TASK_DETECT:
        return boxes_agree(a, b);
    case INFER_TASK_SEGMENT:
        return masks_agree(&a->mask, &b->mask);
    case INFER_TASK_CLASSIFY:
        return a->nclasses && b->nclasses && a->classes[0].index == b->classes[0].index;
    default:
        return 1;
    }
}

/* Numbers within 1 % of the largest; of integers all bytes. */
static int outputs_agree(const struct job_tensor *a, const struct job_tensor *b)
{
    if (a->type != b->type || a->bytes != b->bytes)
        return 0;
    if (a->type != INFER_F32)
        return memcmp(a->data, b->data, a->bytes) == 0;
    const float *x = a->data, *y = b->data;
    const size_t n = a->bytes / sizeof *x;
    float largest = 0, apart = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
        apart = fmaxf(apart, fabsf(x[i] - y[i]));
    }
    return apart <= 0.01f * largest;
}

static int jobs_agree(const struct job *a, const struct job *b)
{
    if (a->kind == JOB_PICTURES) {
        for (int i = 0; i < a->npictures; i++)
            if (!answers_agree(a->version->task, &a->answers[i], &b->answers[i]))
                return 0;
        return 1;
    }
    for (int i = 0; i < a->noutputs; i++)
        if (!outputs_agree(&a->outputs[i], &b->outputs[i]))
            return 0;
    return 1;
}

/* ---- shadows -------------------------------------------------------------------------------- */

/* A request and its copy. The copy is run behind it, with its results at hand. */
struct twin {
    struct server *server;
    struct job *copy;
    void *bytes; /* of all its inputs */
    void (*done)(struct job *job, void *ctx);
    void *ctx;
    struct job *original; /* results alone, moved out of the request's job */
};

static void twin_free(struct twin *t)
{
    atomic_fetch_sub(&t->server->traffic.shadows_now, 1);
    job_free(t->original);
    job_free(t->copy);
    free(t->bytes);
    free(t);
}

static void copy_done(struct job *job, void *ctx)
{
    struct twin *t = ctx;
    struct traffic_counts *c = &t->server->traffic;
    atomic_fetch_add(&c->shadows, 1);
    if (job->status != JOB_OK)
        atomic_fetch_add(&c->shadow_failures, 1);
    else if (!jobs_agree(t->original, job))
        atomic_fetch_add(&c->disagreements, 1);
    twin_free(t);
}

/* The request is answered by a job that has its results for a moment: what is compared later is
 * copied, as its owner frees it. */
static void *copied(const void *p, size_t bytes)
{
    void *q = bytes ? malloc(bytes) : NULL;
    return q ? memcpy(q, p, bytes) : NULL;
}

static int copy_answer(struct job_answer *to, const struct job_answer *from)
{
    *to = (struct job_answer){.nclasses = from->nclasses, .nboxes = from->nboxes};
    to->classes = copied(from->classes, from->nclasses * sizeof *to->classes);
    to->boxes = copied(from->boxes, from->nboxes * sizeof *to->boxes);
    if (from->mask.pixels) {
        infer_error err;
        if (infer_image_resize(&from->mask, from->mask.width, from->mask.height,
                               INFER_FILTER_NEAREST, INFER_RESIZE_PILLOW, NULL, &to->mask,
                               &err) != INFER_OK)
            return 0;
    }
    return (to->classes || !to->nclasses) && (to->boxes || !to->nboxes);
}

static int copy_results(struct job *to, const struct job *from)
{
    int good = 1;
    to->npictures = from->npictures;
    if (from->answers) {
        to->answers = calloc((size_t)from->npictures + 1, sizeof *to->answers);
        for (int i = 0; to->answers && i < from->npictures; i++)
            good &= copy_answer(&to->answers[i], &from->answers[i]);
        return good && to->answers;
    }
    if (!job_outputs_begin(to))
        return 0;
    for (int i = 0; i < from->noutputs; i++) {
        to->outputs[i] = from->outputs[i];
        to->outputs[i].data = copied(from->outputs[i].data, from->outputs[i].bytes);
        good &= to->outputs[i].data != NULL || !from->outputs[i].bytes;
    }
    return good;
}

static void original_done(struct job *job, void *ctx)
{
    struct twin *t = ctx;
    const int compare = job->status == JOB_OK && copy_results(t->original, job);
    job->done = t->done;
    job->ctx = t->ctx;
    job->done(job, job->ctx);
    if (compare)
        scheduler_submit(t->server->scheduler, t->copy);
    else
        twin_free(t);
}

/* The inputs in memory of the copy's own. */
static int copy_inputs(struct twin *t, const struct job *job)
{
    struct job *copy = t->copy;
    size_t bytes = 0;
    for (int i = 0; i < job->ninputs; i++)
        bytes += (job->inputs[i].bytes + 63) & ~(size_t)63;
    for (int i = 0; i < job->npictures; i++)
        bytes += job->pictures[i].bytes;
    unsigned char *at = t->bytes = aligned_alloc(64, (bytes + 64) & ~(size_t)63);
    copy->inputs = calloc((size_t)job->ninputs + 1, sizeof *copy->inputs);
    copy->pictures = calloc((size_t)job->npictures + 1, sizeof *copy->pictures);
    if (!at || !copy->inputs || !copy->pictures)
        return 0;
    for (int i = 0; i < job->ninputs; i++) {
        copy->inputs[i] = job->inputs[i];
        copy->inputs[i].data = memcpy(at, job->inputs[i].data, job->inputs[i].bytes);
        at += (job->inputs[i].bytes + 63) & ~(size_t)63;
    }
    for (int i = 0; i < job->npictures; i++) {
        copy->pictures[i] = job->pictures[i];
        copy->pictures[i].data = memcpy(at, job->pictures[i].data, job->pictures[i].bytes);
        at += job->pictures[i].bytes;
    }
    copy->ninputs = job->ninputs;
    copy->npictures = job->npictures;
    copy->top = job->top;
    copy->score = job->score;
    copy->vector = job->vector;
    return 1;
}

static int is_encoded(const struct job *job)
{
    for (int i = 0; i < job->npictures; i++)
        if (job->pictures[i].pixels != INFER_PIXELS_ENCODED)
            return 0;
    return 1;
}

static void add_shadow(struct server *s, struct job *job, struct version *shadow)
{
    struct twin *t = calloc(1, sizeof *t);
    if (!t)
        return;
    atomic_fetch_add(&s->traffic.shadows_now, 1);
    *t = (struct twin){.server = s,
                       .copy = job_new(shadow, job->kind),
                       .original = job_new(job->version, job->kind),
                       .done = job->done,
                       .ctx = job->ctx};
    if (!t->copy || !t->original || !copy_inputs(t, job)) {
        twin_free(t);
        return;
    }
    t->copy->done = copy_done;
    t->copy->ctx = t;
    job->done = original_done;
    job->ctx = t;
}

struct version *traffic_choose(struct server *s, struct version *v)
{
    struct version *canary = v ? repository_canary(s->repository, v) : NULL;
    if (!canary)
        return v;
    if (!same_signature(canary, v)) {
        version_unref(canary);
        return v;
    }
    atomic_fetch_add(&s->traffic.canaries, 1);
    version_unref(v);
    return canary;
}

void traffic_submit(struct server *s, struct job *job)
{
    struct version *shadow = repository_shadow(s->repository, job->version);
    if (shadow && same_signature(shadow, job->version) && is_encoded(job) &&
        atomic_load(&s->traffic.shadows_now) < MOST_SHADOWS)
        add_shadow(s, job, shadow);
    version_unref(shadow);
    scheduler_submit(s->scheduler, job);
}
