/* Jobs on a session: inputs side by side, outputs taken apart, pictures to answers. */
#include <stdlib.h>
#include <string.h>

#include "tools/serve/models/run_text.h"
#include "tools/serve/models/scheduler.h"
#include "tools/serve/models/version.h"
#include "tools/serve/watch/observe.h"
#include "vision/options.h"
#include "vision/picture.h"

enum { MOST_BOXES = 1000, MOST_TENSORS = VERSION_MOST_TENSORS };

static enum job_status status_of(const infer_error *err)
{
    switch (err->status) {
    case INFER_ERROR_DEADLINE:
        return JOB_LATE;
    case INFER_ERROR_CANCELLED:
        return JOB_CANCELLED;
    case INFER_ERROR_ARGUMENT:
    case INFER_ERROR_SHAPE:
    case INFER_ERROR_NEED_VALUE:
    case INFER_ERROR_LIMIT:
    case INFER_ERROR_PICTURE:
        return JOB_BAD_INPUT;
    default:
        return JOB_FAILED;
    }
}

static void fail_all(struct job **jobs, int count, const infer_error *err)
{
    for (int i = 0; i < count; i++)
        if (err->status == INFER_ERROR_DEADLINE)
            job_fail(jobs[i], JOB_LATE, "Request timeout expired");
        else
            job_fail(jobs[i], status_of(err), "%s%s%s", err->message, *err->node ? ", node " : "",
                     err->node);
}

static void out_of_memory(struct job **jobs, int count)
{
    const infer_error err = {.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
    fail_all(jobs, count, &err);
}

/* ---- tensors -------------------------------------------------------------------------------- */

/* Gives the session the shapes of the inputs, `images` in the first dimension. */
static infer_status fit_session(const struct version *v, infer_session *session,
                                const struct job *job, int64_t images, infer_error *err)
{
    infer_input_spec specs[MOST_TENSORS] = {{0}};
    int same = 1;
    for (int i = 0; i < job->ninputs; i++) {
        infer_value_info now = INFER_VALUE_INFO_INIT;
        infer_session_input(session, (size_t)i, &now, err);
        specs[i].name = v->inputs[i].name;
        specs[i].rank = job->inputs[i].rank;
        for (int32_t k = 0; k < specs[i].rank; k++) {
            specs[i].dims[k] = k == 0 && v->batched ? images : job->inputs[i].dims[k];
            same &= now.rank == specs[i].rank && now.dims[k] == specs[i].dims[k];
        }
        same &= now.rank == specs[i].rank;
    }
    return same ? INFER_OK : infer_session_reshape(session, specs, (size_t)job->ninputs, err);
}

/* The input of all jobs in one piece, by aligned_alloc; of one job alone its own. */
static void *join_input(struct job **jobs, int count, int i, size_t *bytes)
{
    *bytes = 0;
    for (int j = 0; j < count; j++)
        *bytes += jobs[j]->inputs[i].bytes;
    unsigned char *all = aligned_alloc(64, (*bytes + 64) & ~(size_t)63);
    size_t at = 0;
    for (int j = 0; all && j < count; j++) {
        memcpy(all + at, jobs[j]->inputs[i].data, jobs[j]->inputs[i].bytes);
        at += jobs[j]->inputs[i].bytes;
    }
    return all;
}

/* Each job's rows of an output. */
static int split_output(struct job **jobs, int count, int i, const infer_tensor *t, int64_t images)
{
    const unsigned char *from = t->data;
    const size_t bytes = infer_tensor_elements(t) * infer_type_size(t->type);
    const size_t row = images ? bytes / (size_t)images : 0;
    for (int j = 0; j < count; j++) {
        struct job_tensor *out = &jobs[j]->outputs[i];
        infer_value_info info = INFER_VALUE_INFO_INIT;
        info.type = t->type;
        info.rank = t->rank;
        memcpy(info.dims, t->dims, sizeof info.dims);
        if (count > 1)
            info.dims[0] = job_images(jobs[j]);
        if (!job_output_make(out, &info))
            return 0;
        out->bytes = count > 1 ? row * (size_t)info.dims[0] : bytes;
        memcpy(out->data, from, out->bytes);
        from += out->bytes;
    }
    return 1;
}

static uint64_t last_deadline(struct job **jobs, int count)
{
    uint64_t last = 0;
    for (int i = 0; i < count; i++) {
        if (!jobs[i]->deadline_ns)
            return 0;
        last = jobs[i]->deadline_ns > last ? jobs[i]->deadline_ns : last;
    }
    return last;
}

/* Runs on `inputs`, and shares out what comes. 0 where `err` says why not. */
static int run_session(struct version *v, infer_session *session, struct job **jobs, int count,
                       const infer_tensor *inputs, int64_t images, infer_error *err)
{
    infer_tensor outputs[MOST_TENSORS] = {{0}};
    infer_run_options o = INFER_RUN_OPTIONS_INIT;
    o.deadline_ns = last_deadline(jobs, count);
    const uint64_t begun = serve_now_ns();
    for (int j = 0; j < count; j++)
        jobs[j]->input_ns = begun;
    if (infer_run_with(session, &o, inputs, (size_t)v->ninputs, outputs, (size_t)v->noutputs,
                       err) != INFER_OK)
        return 0;
    const uint64_t computed = serve_now_ns();
    for (int j = 0; j < count; j++) {
        jobs[j]->computed_ns = computed;
        jobs[j]->batch = images;
        if (!job_outputs_begin(jobs[j])) {
            out_of_memory(jobs, count);
            return 1;
        }
    }
    for (int i = 0; i < v->noutputs; i++)
        if (!split_output(jobs, count, i, &outputs[i], images)) {
            out_of_memory(jobs, count);
            return 1;
        }
    return 1;
}

static int run_tensors(struct version *v, infer_session *session, struct job **jobs, int count,
                       infer_error *err)
{
    infer_tensor inputs[MOST_TENSORS] = {{0}};
    void *joined[MOST_TENSORS] = {NULL};
    int64_t images = 0;
    for (int j = 0; j < count; j++)
        images += job_images(jobs[j]);
    if (fit_session(v, session, jobs[0], images, err) != INFER_OK)
        return 0;
    int ready = 1;
    for (int i = 0; i < v->ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(session, (size_t)i, &info, err);
        inputs[i].type = info.type;
        inputs[i].rank = info.rank;
        memcpy(inputs[i].dims, info.dims, sizeof info.dims);
        inputs[i].data = jobs[0]->inputs[i].data;
        inputs[i].bytes = jobs[0]->inputs[i].bytes;
        if (count > 1) {
            joined[i] = join_input(jobs, count, i, &inputs[i].bytes);
            inputs[i].data = joined[i];
            ready &= joined[i] != NULL;
        }
    }
    int done = 1;
    if (ready)
        done = run_session(v, session, jobs, count, inputs, images, err);
    else
        out_of_memory(jobs, count);
    for (int i = 0; i < v->ninputs; i++)
        free(joined[i]);
    return done;
}

/* ---- pictures to tensors -------------------------------------------------------------------- */

/* What --fast-decode makes of the decoding; NULL: nothing. */
static const infer_image_options *image_options(const struct version *v)
{
    static const infer_image_options fast = {.size = sizeof fast, .fast_decode = 1};
    return v->options.fast_decode ? &fast : NULL;
}

/* Decodes and preprocesses one picture into place `index` of a tensor that is made for the first.
 */
static infer_status prepare_picture(const struct version *v, const infer_picture *picture,
                                    int64_t images, int64_t index, infer_tensor *t,
                                    infer_error *err)
{
    infer_image_options options = INFER_IMAGE_OPTIONS_INIT;
    infer_transform ignored = INFER_TRANSFORM_INIT;
    struct infer__picture p = {0};
    int32_t w = 0, h = 0;
    infer_status status = infer__image_options(image_options(v), &options, err);
    if (status == INFER_OK)
        status = infer__picture_open(picture, &options, &v->preprocess, &p, err);
    if (status == INFER_OK)
        status = infer_preprocess_size(&v->preprocess, p.width, p.height, &w, &h, err);
    if (status == INFER_OK && !t->data) {
        const int64_t c = v->preprocess.color == INFER_COLOR_GRAY ? 1 : 3;
        const int last = v->preprocess.layout == INFER_LAYOUT_NHWC;
        t->type = v->inputs[0].type;
        t->rank = 4;
        t->dims[0] = images;
        t->dims[1] = last ? h : c;
        t->dims[2] = last ? w : h;
        t->dims[3] = last ? c : w;
        t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
        t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
        if (!t->data) {
            *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
            status = err->status;
        }
    }
    if (status == INFER_OK)
        status =
            infer__picture_fill(&p, &v->preprocess, index, t, &options.allocator, &ignored, err);
    infer__picture_free(&p);
    return status;
}

static int run_picture_tensors(struct version *v, infer_session *session, struct job **jobs,
                               int count, infer_error *err)
{
    infer_tensor t = {0};
    int64_t images = 0, at = 0;
    for (int j = 0; j < count; j++)
        images += jobs[j]->npictures;
    for (int j = 0; j < count; j++)
        for (int k = 0; k < jobs[j]->npictures; k++)
            if (prepare_picture(v, &jobs[j]->pictures[k], images, at++, &t, err) != INFER_OK) {
                free(t.data);
                return 0;
            }
    struct job_tensor input = {.type = t.type, .rank = t.rank, .data = t.data, .bytes = t.bytes};
    memcpy(input.dims, t.dims, sizeof t.dims);
    const struct job shape = {.ninputs = 1, .inputs = &input};
    const int done = fit_session(v, session, &shape, images, err) == INFER_OK &&
                     run_session(v, session, jobs, count, &t, images, err);
    free(t.data);
    return done;
}

/* ---- pictures to answers -------------------------------------------------------------------- */

/* Whether the scores of an answer are probabilities already. */
static int are_probabilities(const infer_tensor *t)
{
    const float *p = t->data;
    const size_t n = infer_tensor_elements(t);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(p[i] >= 0))
            return 0;
        sum += p[i];
    }
    return sum > 0.98 && sum < 1.02; /* u8 and f16 probabilities don't add up to 1 exactly */
}

static infer_status classify(struct version *v, infer_session *session,
                             const infer_picture *picture, const struct job *job,
                             struct job_answer *a, struct features *f, infer_error *err)
{
    /* the classes in the order of their scores, which are then looked at as a whole */
    const int output = v->decoding.task == INFER_TASK_CLASSIFY ? v->decoding.scores : 0;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_status status = infer_session_output(session, (size_t)output, &info, err);
    if (status != INFER_OK)
        return status;
    infer_tensor all = {.type = INFER_F32, .rank = 1};
    all.dims[0] = 1;
    for (int32_t k = 0; k < info.rank; k++)
        all.dims[0] *= info.dims[k];
    size_t found = 0, most = (size_t)all.dims[0];
    a->classes = calloc(most + 1, sizeof *a->classes);
    float *scores = calloc(most + 1, sizeof *scores);
    infer_classify_options o = INFER_CLASSIFY_OPTIONS_INIT;
    o.output = (uint32_t)output;
    o.image = image_options(v);
    if (!a->classes || !scores) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        status = err->status;
    } else {
        status = infer_classify_pictures(session, picture, 1, &o, a->classes, most, &found, err);
    }
    for (size_t i = 0; status == INFER_OK && i < found; i++)
        scores[a->classes[i].index] = a->classes[i].score;
    if (status == INFER_OK && f)
        features_classes(f, a->classes, found, 1);
    all.data = scores;
    all.bytes = most * sizeof *scores;
    a->nclasses = (size_t)(job->top > 0 ? job->top : 5);
    a->nclasses = a->nclasses < found ? a->nclasses : found;
    if (status == INFER_OK && !are_probabilities(&all))
        status = infer_topk(&all, a->nclasses, 1, a->classes, &a->nclasses, err);
    free(scores);
    return status;
}

static infer_status detect(struct version *v, infer_session *session, const infer_picture *picture,
                           const struct job *job, struct job_answer *a, infer_error *err)
{
    const size_t most = v->decoding.most > 0 && v->decoding.most < MOST_BOXES
                            ? (size_t)v->decoding.most
                            : MOST_BOXES;
    a->npoints = v->decoding.points < 0 ? 0 : (size_t)v->decoding.points_count;
    a->boxes = calloc(most, sizeof *a->boxes);
    a->points = a->npoints ? calloc(most * a->npoints, sizeof *a->points) : NULL;
    const int masks = job->want_masks && v->decoding.masks >= 0;
    a->masks = masks ? calloc(most, sizeof *a->masks) : NULL;
    if (!a->boxes || (a->npoints && !a->points) || (masks && !a->masks)) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return err->status;
    }
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections d = INFER_DETECTIONS_INIT;
    o.score_threshold = job->score;
    o.image = image_options(v);
    d.boxes = a->boxes;
    d.points = a->points;
    d.masks = a->masks;
    d.found = &a->nboxes;
    d.most = most;
    return infer_detect(session, picture, 1, &o, &d, err);
}

static infer_status keypoints(struct version *v, infer_session *session,
                              const infer_picture *picture, struct job_answer *a, infer_error *err)
{
    a->npoints = (size_t)v->decoding.points_count;
    a->points = calloc(a->npoints + 1, sizeof *a->points);
    if (!a->points) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return err->status;
    }
    const infer_keypoints_options o = {.size = sizeof o, .image = image_options(v)};
    return infer_keypoints(session, picture, 1, &o, a->points, err);
}

static infer_status answer(struct version *v, infer_session *session, const infer_picture *picture,
                           const struct job *job, struct job_answer *a, struct features *f,
                           infer_error *err)
{
    infer_segment_options segment = INFER_SEGMENT_OPTIONS_INIT;
    infer_status status;
    if (job->vector)
        return run_vector(session, picture, image_options(v), job, a, err);
    switch (v->task) {
    case INFER_TASK_TEXT_REGIONS:
        return run_text_regions(v, session, picture, image_options(v), job, a, err);
    case INFER_TASK_TEXT:
        return run_text(session, picture, image_options(v), job, a, err);
    case INFER_TASK_CLASSIFY:
        return classify(v, session, picture, job, a, f, err);
    case INFER_TASK_DETECT:
        status = detect(v, session, picture, job, a, err);
        if (status == INFER_OK && f)
            features_boxes(f, a->boxes, a->nboxes, picture->width, picture->height);
        return status;
    case INFER_TASK_SEGMENT:
        segment.image = image_options(v);
        status = infer_segment(session, picture, &segment, &a->mask, err);
        if (status == INFER_OK && f)
            features_mask(f, &a->mask);
        return status;
    case INFER_TASK_KEYPOINTS:
        return keypoints(v, session, picture, a, err);
    default:
        *err = (infer_error){.status = INFER_ERROR_UNSUPPORTED,
                             .message = "the model says nothing of what to do with pictures"};
        return err->status;
    }
}

/* Decodes the picture itself, so that its features can be told, and answers the pixels. */
static infer_status answer_observed(struct version *v, infer_session *session,
                                    const infer_picture *picture, const struct job *job,
                                    struct job_answer *a, infer_error *err)
{
    infer_image image = {0};
    struct features f = {0};
    infer_status status = infer_image_decode(picture->data, picture->bytes, NULL, &image, err);
    if (status != INFER_OK)
        return status;
    const infer_picture pixels = {.data = image.pixels,
                                  .pitch = image.pitch,
                                  .pixels = INFER_PIXELS_RGB,
                                  .width = image.width,
                                  .height = image.height};
    features_picture(&f, &image);
    status = answer(v, session, &pixels, job, a, &f, err);
    if (status == INFER_OK)
        observation_add(v->observation, &f, job->id, picture);
    infer_image_free(&image);
    return status;
}

static void run_pictures(struct version *v, infer_session *session, struct job *job)
{
    infer_error err;
    job->answers = calloc((size_t)job->npictures + 1, sizeof *job->answers);
    if (!job->answers) {
        out_of_memory(&job, 1);
        return;
    }
    job->batch = job->npictures;
    for (int i = 0; i < job->npictures; i++) {
        const infer_picture *picture = &job->pictures[i];
        const int observed = v->observation && picture->pixels == INFER_PIXELS_ENCODED;
        if ((observed
                 ? answer_observed(v, session, picture, job, &job->answers[i], &err)
                 : answer(v, session, picture, job, &job->answers[i], NULL, &err)) != INFER_OK) {
            fail_all(&job, 1, &err);
            return;
        }
    }
    job->computed_ns = serve_now_ns();
}

/* ---- all kinds ------------------------------------------------------------------------------ */

static int run_some(struct version *v, infer_session *session, struct job **jobs, int count,
                    infer_error *err)
{
    return jobs[0]->kind == JOB_TENSORS ? run_tensors(v, session, jobs, count, err)
                                        : run_picture_tensors(v, session, jobs, count, err);
}

void version_run(struct version *v, infer_session *session, struct job **jobs, int count)
{
    infer_error err;
    if (jobs[0]->kind == JOB_PICTURES) {
        for (int i = 0; i < count; i++)
            run_pictures(v, session, jobs[i]);
        return;
    }
    if (run_some(v, session, jobs, count, &err))
        return;
    if (count == 1) {
        fail_all(jobs, 1, &err);
        return;
    }
    for (int i = 0; i < count; i++) /* one of them may be to blame */
        if (!run_some(v, session, &jobs[i], 1, &err))
            fail_all(&jobs[i], 1, &err);
}
