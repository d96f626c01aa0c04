/* Opening a model to judge it, and what all tasks have in common. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/convert.h"
#include "tools/eval/model.h"
#include "tools/preprocess_args.h"
#include "tools/progress.h"
#include "tools/read_file.h"
#include "tools/task.h"

int eval_open_onnx(const char *path, struct convert_options *o, infer_model **model, void **bytes)
{
    struct onnx_report report;
    infer_error err;
    size_t size;
    o->task = "auto";
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(path, o, &report, NULL, bytes, &size, &err);
    onnx_report_free(&report);
    if (status == INFER_OK)
        return infer_load_memory(*bytes, size, NULL, model, &err) == INFER_OK
                   ? CLI_OK
                   : cli_fail(path, &err);
    o->task = NULL;
    const int opened = open_model_with(path, o, model, bytes);
    return opened == CLI_OK && !task_is_vector(*model) ? cli_fail(path, &err) : opened;
}

static int open_file(struct eval_model *m, const struct cli_args *args)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options o = {.shapes = m->session_args.shapes,
                                .nshapes = m->session_args.nshapes,
                                .task = cli_value(args, "task")};
    if (!preprocess_args_apply(args, &p))
        return CLI_USAGE;
    o.preprocess = preprocess_args_given(args) ? &p : NULL;
    o.labels = (const char *const *)m->labels;
    o.nlabels = m->nlabels;
    if (o.task && (strcmp(o.task, "classify") == 0 || m->vectors))
        o.task = NULL;
    else if (!o.task && cli_ends_with(m->path, ".onnx"))
        return eval_open_onnx(m->path, &o, &m->model, &m->bytes);
    return open_model_with(m->path, &o, &m->model, &m->bytes);
}

/* ---- what answers --------------------------------------------------------------------------- */

static int begin_detector(struct eval_model *m, const struct cli_args *args)
{
    struct detector *d = &m->detector;
    long most;
    if (!cli_float(args, "score", 0, 1, 0.001F, &d->score) ||
        !cli_float(args, "iou", 0, 1, 0, &d->iou) || !cli_int(args, "most", 1, 100000, 300, &most))
        return CLI_USAGE;
    d->score = d->score > 0 ? d->score : -1; /* 0 would be the model's */
    d->most = (size_t)most;
    d->fast = m->fast;
    d->model = m->model;
    d->session_args = m->session_args;
    d->labels = m->labels;
    d->nlabels = m->nlabels;
    return detector_begin(d, m->path);
}

static int begin_classifier(struct eval_model *m, const struct cli_args *args)
{
    struct classifier *c = &m->classifier;
    c->model = m->model;
    c->session_args = m->session_args;
    c->labels = m->labels;
    c->nlabels = m->nlabels;
    c->fast = m->fast;
    return classifier_preprocess(c, args, m->path);
}

/* The model, and the one of --reader that reads what it finds. */
static int begin_reader(struct eval_model *m, const struct cli_args *args)
{
    const char *other = cli_value(args, "reader");
    struct reader *r = &m->reader;
    r->session_args = m->session_args;
    r->most = 1000;
    r->labels = m->labels;
    r->nlabels = m->nlabels;
    infer_text_regions_options_init(&r->how, sizeof r->how);
    const int status = reader_lend(r, m->model, m->path);
    return status == CLI_OK && other ? reader_add(r, other) : status;
}

static int begin_segmenter(struct eval_model *m)
{
    infer_error err;
    return infer_session_create(m->model, &m->session_args.options, &m->segmenter, &err) == INFER_OK
               ? CLI_OK
               : cli_fail(m->path, &err);
}

/* What the model's task needs. */
static int begin_task(struct eval_model *m, const struct cli_args *args)
{
    m->task = infer_model_decoding(m->model, &m->decoding, NULL) == INFER_OK ? m->decoding.task
                                                                             : INFER_TASK_CLASSIFY;
    if (m->task != INFER_TASK_CLASSIFY && !cli_ends_with(m->path, ".onnx") &&
        preprocess_args_given(args))
        return cli_usage("%s has its preprocessing in it: infer edit changes it", m->path);
    if (m->vectors) /* with a session as a segmenter has it */
        return begin_segmenter(m);
    if (m->task == INFER_TASK_DETECT)
        return begin_detector(m, args);
    if (m->task == INFER_TASK_SEGMENT)
        return begin_segmenter(m);
    if (m->task == INFER_TASK_TEXT || m->task == INFER_TASK_TEXT_REGIONS)
        return begin_reader(m, args);
    if (m->task == INFER_TASK_CLASSIFY)
        return begin_classifier(m, args);
    return cli_usage("%s: its answers are of no kind that is judged", m->path);
}

static int begin(struct eval_model *m, const char *path, const struct cli_args *args)
{
    *m = (struct eval_model){.path = path, .fast = cli_has(args, "fast-decode")};
    const char *task = cli_value(args, "task");
    m->vectors = task && strcmp(task, "embed") == 0;
    infer_decoding_init(&m->decoding, sizeof m->decoding);
    return session_args_parse(args, &m->session_args) &&
                   cli_int(args, "first-class", 0, 1000000, -1, &m->first_class)
               ? CLI_OK
               : CLI_USAGE;
}

int eval_model_open(struct eval_model *m, const char *path, const struct cli_args *args)
{
    int status = begin(m, path, args);
    if (status == CLI_OK && cli_has(args, "labels") &&
        !(m->labels = read_lines(cli_value(args, "labels"), &m->nlabels)))
        return CLI_BAD_INPUT;
    if (status == CLI_OK)
        status = open_file(m, args);
    return status == CLI_OK ? begin_task(m, args) : status;
}

int eval_model_lend(struct eval_model *m, const char *path, infer_model *model,
                    const struct cli_args *args)
{
    const int status = begin(m, path, args);
    m->model = model;
    m->lent = 1;
    return status == CLI_OK ? begin_task(m, args) : status;
}

void eval_model_close(struct eval_model *m)
{
    infer_allocator a = infer__allocator(NULL);
    m->detector.labels = m->classifier.labels = m->reader.labels = NULL; /* they were lent */
    m->detector.session_args = m->classifier.session_args = m->reader.session_args =
        (struct session_args){0};
    reader_free(&m->reader);
    detector_free(&m->detector);
    classifier_free(&m->classifier);
    infer_session_free(&m->segmenter);
    session_args_free(&m->session_args);
    free(m->labels);
    if (!m->lent)
        infer_model_free(&m->model);
    infer__free(&a, m->bytes);
    m->model = NULL;
    m->labels = NULL;
    m->bytes = NULL;
}

const char *eval_model_label(const struct eval_model *m, int64_t index)
{
    const int64_t at = index + m->decoding.label_first;
    if (at < 0)
        return NULL;
    if (m->labels)
        return at < m->nlabels ? m->labels[at] : NULL;
    return infer_model_label(m->model, (size_t)at);
}

/* ---- progress and failures ------------------------------------------------------------------ */

void eval_model_step(struct eval_model *m, const struct eval_options *o, uint32_t n)
{
    char text[64];
    m->answered++;
    if (!o->progress)
        return;
    const double rate = m->answered / fmax(cli_now_ms() - m->start_ms, 1e-3) * 1e3;
    snprintf(text, sizeof text, "%u of %u, %.1f/s, %.0f s left", m->answered, n, rate,
             (n - m->answered) / rate);
    o->progress(o->progress_ctx, text, (double)m->answered / n);
}

void eval_model_miss(struct eval_model *m, const struct eval_options *o, const char *picture,
                     const infer_error *err)
{
    if (o->progress)
        progress_wipe();
    cli_fail(picture, err);
    m->failed++;
}

void eval_model_absent(struct eval_model *m, const struct eval_options *o, const char *picture,
                       const char *folder)
{
    infer_error err = {.status = INFER_ERROR_IO};
    snprintf(err.message, sizeof err.message, "it is not in %.200s", folder);
    eval_model_miss(m, o, picture, &err);
}

int eval_model_end(const struct eval_model *m)
{
    if (m->failed)
        fprintf(stderr, "infer: %u of %u pictures failed\n", m->failed, m->answered);
    return m->answered && m->failed == m->answered ? CLI_BAD_INPUT : CLI_OK;
}
