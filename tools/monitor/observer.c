#include "tools/monitor/observer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/convert.h"
#include "tools/preprocess_args.h"

enum { MOST_BOXES = 300 };

/* ---- opening -------------------------------------------------------------------------------- */

static int is_onnx(const char *path)
{
    const size_t n = strlen(path);
    return n >= 5 && strcmp(path + n - 5, ".onnx") == 0;
}

static int open_file(struct observer *o, const struct cli_args *args)
{
    const char *task = cli_value(args, "task");
    const int given = preprocess_args_given(args), onnx = is_onnx(o->path);
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options c = {.shapes = o->session_args.shapes,
                                .nshapes = o->session_args.nshapes};
    o->embeds = task && strcmp(task, "embed") == 0;
    const int own = !task || o->embeds || strcmp(task, "classify") == 0;
    if (!preprocess_args_apply(args, &p))
        return CLI_USAGE;
    if (given && !onnx)
        return cli_usage("%s has its preprocessing in it: infer edit changes it", o->path);
    if (!own && !onnx)
        return cli_usage("--task %s: %s says itself how its outputs are read", task, o->path);
    c.preprocess = given ? &p : NULL;
    c.task = own ? NULL : task;
    return open_model_with(o->path, &c, &o->model, &o->bytes);
}

/* Elements of output 0 for one picture. */
static size_t count_numbers(const infer_session *session)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    size_t n = 1;
    if (infer_session_output(session, 0, &info, NULL) != INFER_OK)
        return 0;
    for (int i = 0; i < info.rank; i++)
        n *= (size_t)info.dims[i];
    return n;
}

static int make_room(struct observer *o)
{
    const int32_t task = o->decoding.task;
    o->numbers = task == INFER_TASK_DETECT ? MOST_BOXES : count_numbers(o->session);
    if (!o->numbers || o->numbers > 10000000) {
        fprintf(stderr, "infer: %s: output 0 has %zu numbers for a picture\n", o->path, o->numbers);
        return CLI_BAD_INPUT;
    }
    if (task == INFER_TASK_DETECT)
        o->boxes = calloc(o->numbers, sizeof *o->boxes);
    else if (task == INFER_TASK_KEYPOINTS)
        o->points = calloc((size_t)o->decoding.points_count, sizeof *o->points);
    else if (o->embeds)
        o->vector = calloc(o->numbers, sizeof *o->vector);
    else
        o->classes = calloc(o->numbers, sizeof *o->classes);
    if (o->boxes || o->points || o->vector || o->classes)
        return CLI_OK;
    fprintf(stderr, "infer: %s: no memory for answers\n", o->path);
    return CLI_RESOURCES;
}

int observer_open(struct observer *o, const char *path, const struct cli_args *args)
{
    infer_error err;
    *o = (struct observer){.path = path};
    infer_decoding_init(&o->decoding, sizeof o->decoding);
    if (!session_args_parse(args, &o->session_args))
        return CLI_USAGE;
    const int status = open_file(o, args);
    if (status != CLI_OK)
        return status;
    if (o->embeds || infer_model_decoding(o->model, &o->decoding, NULL) != INFER_OK)
        o->decoding.task = INFER_TASK_CLASSIFY;
    if (infer_session_create(o->model, &o->session_args.options, &o->session, &err) != INFER_OK)
        return cli_fail(path, &err);
    return make_room(o);
}

void observer_close(struct observer *o)
{
    infer_allocator a = infer__allocator(NULL);
    free(o->classes);
    free(o->boxes);
    free(o->points);
    free(o->vector);
    infer_image_free(&o->mask);
    infer_session_free(&o->session);
    session_args_free(&o->session_args);
    infer_model_free(&o->model);
    infer__free(&a, o->bytes);
    *o = (struct observer){0};
}

/* ---- answers -------------------------------------------------------------------------------- */

static infer_status classify(struct observer *o, const infer_picture *p, struct features *f,
                             infer_error *err)
{
    size_t found;
    TRY(infer_classify_pictures(o->session, p, 1, NULL, o->classes, o->numbers, &found, err));
    features_classes(f, o->classes, found, 1);
    return INFER_OK;
}

static infer_status detect(struct observer *o, const infer_picture *p, struct features *f,
                           infer_error *err)
{
    size_t found;
    infer_detections to = {
        .size = sizeof to, .boxes = o->boxes, .found = &found, .most = o->numbers};
    TRY(infer_detect(o->session, p, 1, NULL, &to, err));
    features_boxes(f, o->boxes, found, p->width, p->height);
    return INFER_OK;
}

/* The score is the mean of the points'. */
static infer_status find_points(struct observer *o, const infer_picture *p, struct features *f,
                                infer_error *err)
{
    double sum = 0;
    TRY(infer_keypoints(o->session, p, 1, NULL, o->points, err));
    for (int32_t i = 0; i < o->decoding.points_count; i++)
        sum += (double)o->points[i].score;
    features_set(f, FEATURE_SCORE, sum / o->decoding.points_count);
    return INFER_OK;
}

static infer_status answer(struct observer *o, const infer_picture *p, struct features *f,
                           infer_error *err)
{
    if (o->boxes)
        return detect(o, p, f, err);
    if (o->points)
        return find_points(o, p, f, err);
    if (o->vector) {
        TRY(infer_embed(o->session, p, 1, NULL, o->vector, o->numbers, err));
        features_vector(f, o->vector, o->numbers);
        return INFER_OK;
    }
    if (o->decoding.task == INFER_TASK_SEGMENT) {
        TRY(infer_segment(o->session, p, NULL, &o->mask, err));
        features_mask(f, &o->mask);
        return INFER_OK;
    }
    return classify(o, p, f, err);
}

infer_status observer_run(struct observer *o, const char *picture, struct features *f,
                          infer_error *err)
{
    infer_image image;
    *f = (struct features){0};
    TRY(infer_image_load(picture, NULL, &image, err));
    const infer_picture p = {.data = image.pixels,
                             .pitch = image.pitch,
                             .pixels = INFER_PIXELS_RGB,
                             .width = image.width,
                             .height = image.height};
    features_picture(f, &image);
    const infer_status status = answer(o, &p, f, err);
    infer_image_free(&image);
    return status;
}
