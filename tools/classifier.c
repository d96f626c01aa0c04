#include "tools/classifier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/annotate.h"
#include "tools/folder.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "vision/options.h"
#include "vision/picture.h"

enum { MOST_ANNOTATED = 10 };

int classifier_preprocess(struct classifier *c, const struct cli_args *args, const char *path)
{
    infer_error err;
    infer_preprocess_init(&c->preprocess, sizeof c->preprocess);
    infer_status status = infer_model_preprocess(c->model, &c->preprocess, &err);
    if (status == INFER_ERROR_UNSUPPORTED && !preprocess_args_given(args))
        return cli_usage("%s: no preprocessing is stored in it; give --resize, --crop, --mean, "
                         "--scale as the model needs them",
                         path);
    if (status != INFER_OK && status != INFER_ERROR_UNSUPPORTED)
        return cli_fail(path, &err);
    return preprocess_args_apply(args, &c->preprocess) ? CLI_OK : CLI_USAGE;
}

/* The shape of the model's only input for one picture of the preprocessed size. Fixed dimensions
 * stay; infer_preprocess_run refuses a picture that does not fit them. */
static infer_status input_shape(const struct classifier *c, int32_t width, int32_t height,
                                infer_input_spec *spec, infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    FAIL_IF(infer_model_inputs(c->model) != 1, INFER_ERROR_SHAPE,
            "the model has %zu inputs; a picture fills one", infer_model_inputs(c->model));
    TRY(infer_model_input(c->model, 0, &info, err));
    FAIL_IF(info.rank != 4 || (info.type != INFER_F32 && info.type != INFER_U8), INFER_ERROR_SHAPE,
            "input '%.60s' is not a picture: f32 or u8 of rank 4", info.name);
    int channels = c->preprocess.color == INFER_COLOR_GRAY ? 1 : 3;
    int nhwc = c->preprocess.layout == INFER_LAYOUT_NHWC;
    const int64_t want[2][4] = {{1, channels, height, width}, {1, height, width, channels}};
    memset(spec, 0, sizeof *spec);
    spec->name = info.name;
    spec->rank = 4;
    for (int i = 0; i < 4; i++)
        spec->dims[i] = info.free_dims >> i & 1 ? want[nhwc][i] : info.dims[i];
    FAIL_IF(spec->dims[0] != 1, INFER_ERROR_SHAPE,
            "input '%.60s' takes batches of %lld; classify gives one picture at a time", info.name,
            (long long)spec->dims[0]);
    return INFER_OK;
}

static void drop_session(struct classifier *c)
{
    infer_session_free(&c->session);
    free(c->input.data);
    free(c->outputs);
    memset(&c->input, 0, sizeof c->input);
    c->outputs = NULL;
}

/* A session for pictures of this size, unless there is one. --input-shape comes first. */
static infer_status get_session(struct classifier *c, int32_t width, int32_t height,
                                infer_error *err)
{
    infer_input_spec spec;
    infer_session_options o = c->session_args.options;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    TRY(input_shape(c, width, height, &spec, err));
    if (!o.ninputs) {
        o.inputs = &spec;
        o.ninputs = 1;
    }
    if (c->session && memcmp(c->input.dims, o.inputs[0].dims, 4 * sizeof *spec.dims) == 0)
        return INFER_OK;
    drop_session(c);
    TRY(infer_session_create(c->model, &o, &c->session, err));
    infer_session_input(c->session, 0, &info, NULL);
    c->input.type = info.type;
    c->input.rank = info.rank;
    memcpy(c->input.dims, info.dims, sizeof c->input.dims);
    c->input.bytes = infer_tensor_elements(&c->input) * infer_type_size(info.type);
    c->input.data = aligned_alloc(64, (c->input.bytes + 64) & ~(size_t)63);
    c->outputs = calloc(infer_session_outputs(c->session) + 1, sizeof *c->outputs);
    if (!c->input.data || !c->outputs) {
        drop_session(c);
        return infer__no_memory(err, c->input.bytes);
    }
    return INFER_OK;
}

infer_status classifier_scores(struct classifier *c, size_t *n, infer_error *err)
{
    const infer_preprocess *p = &c->preprocess;
    const int exact = p->fit == INFER_FIT_EXACT;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    int32_t width, height;
    TRY(infer_preprocess_size(p, exact ? p->width : 256, exact ? p->height : 256, &width, &height,
                              err));
    TRY(get_session(c, width, height, err));
    TRY(infer_session_output(c->session, c->output, &info, err));
    *n = 1;
    for (int i = 0; i < info.rank; i++)
        *n *= (size_t)info.dims[i];
    return INFER_OK;
}

/* Decodes an encoded picture no larger than the preprocessing needs it. */
static infer_status fill_reduced(struct classifier *c, const struct frame *frame, struct answer *a,
                                 infer_transform *t, infer_error *err)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT, full;
    struct infer__picture p;
    int32_t width, height;
    o.fast_decode = 1;
    TRY(infer__image_options(&o, &full, err));
    double start = cli_now_ms();
    TRY(infer__picture_open(&frame->picture, &full, &c->preprocess, &p, err));
    a->decode_ms += cli_now_ms() - start;
    a->width = p.width;
    a->height = p.height;
    infer_status status =
        infer_preprocess_size(&c->preprocess, p.width, p.height, &width, &height, err);
    if (status == INFER_OK)
        status = get_session(c, width, height, err);
    start = cli_now_ms();
    if (status == INFER_OK)
        status = infer__picture_fill(&p, &c->preprocess, 0, &c->input, &full.allocator, t, err);
    a->preprocess_ms = cli_now_ms() - start;
    infer__picture_free(&p);
    return status;
}

static infer_status fill_whole(struct classifier *c, struct frame *frame, struct answer *a,
                               infer_transform *t, infer_error *err)
{
    int32_t width, height;
    TRY(frame_image(frame, &a->image, err));
    a->width = a->image.width;
    a->height = a->image.height;
    TRY(infer_preprocess_size(&c->preprocess, a->width, a->height, &width, &height, err));
    TRY(get_session(c, width, height, err));
    const double start = cli_now_ms();
    TRY(infer_preprocess_run(&c->preprocess, &a->image, 0, &c->input, NULL, t, err));
    a->preprocess_ms = cli_now_ms() - start;
    return INFER_OK;
}

infer_status classifier_look(struct classifier *c, struct frame *frame, struct answer *a,
                             infer_transform *transform, infer_error *err)
{
    infer_transform local = INFER_TRANSFORM_INIT;
    memset(a, 0, sizeof *a);
    a->decode_ms = frame->ms;
    infer_transform *t = transform ? transform : &local;
    TRY(frame->picture.bytes ? fill_reduced(c, frame, a, t, err) : fill_whole(c, frame, a, t, err));
    const double start = cli_now_ms();
    const size_t n = infer_session_outputs(c->session);
    memset(c->outputs, 0, n * sizeof *c->outputs); /* the library's memory */
    TRY(infer_run(c->session, &c->input, 1, c->outputs, n, err));
    a->run_ms = cli_now_ms() - start;
    return INFER_OK;
}

static infer_status take_best(const struct classifier *c, struct answer *a, infer_error *err)
{
    a->classes = calloc(c->top, sizeof *a->classes);
    if (!a->classes)
        return infer__no_memory(err, c->top * sizeof *a->classes);
    return infer_topk(&c->outputs[c->output], c->top, c->softmax, a->classes, &a->found, err);
}

/* Whether an f32 output is a probability for each class, so that percentages make sense. */
static int adds_up(const infer_tensor *t)
{
    const float *v = t->data;
    double sum = 0;
    for (size_t i = 0; i < infer_tensor_elements(t); i++) {
        if (!(v[i] >= 0 && v[i] <= 1.0001F))
            return 0;
        sum += (double)v[i];
    }
    return fabs(sum - 1) < 1e-3;
}

infer_status classifier_run(struct classifier *c, struct frame *frame, struct answer *a,
                            infer_error *err)
{
    TRY(classifier_look(c, frame, a, NULL, err));
    TRY(take_best(c, a, err));
    infer__error_clear(err);
    c->probabilities = c->softmax || adds_up(&c->outputs[c->output]);
    int64_t truth = accuracy_truth(&c->accuracy, frame->name);
    if (truth >= 0)
        accuracy_count(&c->accuracy, truth, a->classes, a->found);
    return INFER_OK;
}

static infer_status load(const struct classifier *c, const char *path, struct frame *frame,
                         infer_error *err)
{
    if (!c->fast)
        return infer_image_load(path, NULL, &frame->image, err);
    size_t size;
    infer__error_clear(err);
    frame->planes = read_file(path, &size);
    FAIL_IF(!frame->planes, INFER_ERROR_IO, "it can't be read");
    frame->picture = (infer_picture){.data = frame->planes, .bytes = size};
    return INFER_OK;
}

infer_status classifier_run_file(struct classifier *c, const char *path, struct answer *a,
                                 infer_error *err)
{
    struct frame frame = {0};
    const double start = cli_now_ms();
    memset(a, 0, sizeof *a);
    frame.name = strdup(path);
    infer_status status = load(c, path, &frame, err);
    frame.ms = cli_now_ms() - start;
    if (status == INFER_OK)
        status = frame.name ? classifier_run(c, &frame, a, err) : infer__no_memory(err, 1);
    frame_free(&frame);
    return status;
}

void answer_free(struct answer *a)
{
    infer_image_free(&a->image);
    free(a->classes);
    free(a->annotated);
    a->classes = NULL;
    a->annotated = NULL;
}

static const char *known_label(const struct classifier *c, int64_t index)
{
    if (c->labels)
        return (uint64_t)index < c->nlabels ? c->labels[index] : NULL;
    return infer_model_label(c->model, (size_t)index);
}

const char *classifier_label(const struct classifier *c, struct answer *a, size_t i)
{
    const char *label = known_label(c, a->classes[i].index);
    if (label)
        return label;
    snprintf(a->text, sizeof a->text, "class %lld", (long long)a->classes[i].index);
    return a->text;
}

/* "folder/stem.png"; with the picture's number where an earlier one has the same stem. */
static char *annotated_path(struct classifier *c, const char *name, long index)
{
    const char *base = base_name(name), *dot = strrchr(base, '.');
    const int whole = !dot || dot == base || strchr(base, '#');
    char end[32] = ".png", *stem = strndup(base, whole ? strlen(base) : (size_t)(dot - base));
    for (size_t i = 0; stem && i < c->nstems; i++)
        if (strcmp(c->stems[i], stem) == 0)
            snprintf(end, sizeof end, "_%ld.png", index + 1);
    char **grown = stem ? realloc(c->stems, (c->nstems + 1) * sizeof *grown) : NULL;
    char *path = grown ? path_in(c->annotate, stem, end) : NULL;
    c->stems = grown ? grown : c->stems;
    if (path)
        c->stems[c->nstems++] = stem;
    else
        free(stem);
    return path;
}

int classifier_annotate(struct classifier *c, struct frame *f, long index, struct answer *a)
{
    const char *name = f->name;
    infer_error err;
    const char *labels[MOST_ANNOTATED];
    char unknown[MOST_ANNOTATED][32];
    struct annotation note = {.title = base_name(name),
                              .labels = labels,
                              .classes = a->classes,
                              .count = a->found < MOST_ANNOTATED ? a->found : MOST_ANNOTATED,
                              .probabilities = c->probabilities};
    for (size_t i = 0; i < note.count; i++) {
        labels[i] = known_label(c, a->classes[i].index);
        if (!labels[i]) {
            snprintf(unknown[i], sizeof unknown[i], "class %lld", (long long)a->classes[i].index);
            labels[i] = unknown[i];
        }
    }
    char *path = annotated_path(c, name, index);
    if (!path) {
        fprintf(stderr, "infer: no memory for a path\n");
        return CLI_RESOURCES;
    }
    if (!a->image.pixels && frame_image(f, &a->image, &err) != INFER_OK) {
        free(path);
        return cli_fail(name, &err);
    }
    int status = annotate_write(path, &a->image, &note);
    if (status == CLI_OK)
        a->annotated = path;
    else
        free(path);
    return status;
}

void classifier_free(struct classifier *c)
{
    drop_session(c);
    for (size_t i = 0; i < c->nstems; i++)
        free(c->stems[i]);
    free(c->stems);
    accuracy_free(&c->accuracy);
    session_args_free(&c->session_args);
    free(c->labels);
    c->labels = NULL;
}
