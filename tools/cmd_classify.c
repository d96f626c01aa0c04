/* infer classify: pictures in, labels out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/classifier.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/folder.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "tools/task.h"

static const struct cli_option options[] = {
    {"top", "K", "how many labels for each picture (default 5, at most 1000)"},
    {"softmax", NULL, "turn scores into probabilities"},
    {"labels", "FILE", "labels, one a line, instead of those of the model"},
    {"labels-csv", "FILE", "right answers, \"file,class index,label\" with a header: accuracy"},
    {"annotate", "DIR", "write each picture with its labels as a PNG"},
    FRAMES_OPTIONS,
    FAST_DECODE_OPTION,
    {"json", NULL, "results as JSON"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each label of a picture: file, label, class, score"},
    {"output-index", "N", "the output with the scores (default 0, the first)"},
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "classify",
    "MODEL PICTURE... [OPTIONS]",
    "Classifies pictures: the best labels of each, and the time that every stage took.",
    FRAMES_HELP
    "Pictures are JPEG, PNG, BMP, GIF, TGA or PNM. Preprocessing is what the model has stored,\n"
    "changed by the options from --resize to --fill. A picture that can't be read gives a message\n"
    "and the others go on; the exit status is then 3.",
    "  infer classify model.infer cat.jpg dog.png --top 3\n"
    "  infer classify model.infer pictures/*.jpg --annotate out --labels-csv labels.csv",
    options,
    1,
    INT_MAX};

/* ---- printing ------------------------------------------------------------------------------- */

static void print_text(const struct classifier *c, const char *path, struct answer *a)
{
    printf("%s: decode %.2f ms, preprocess %.2f ms, run %.2f ms\n", path, a->decode_ms,
           a->preprocess_ms, a->run_ms);
    for (size_t i = 0; i < a->found; i++)
        if (c->probabilities)
            printf("  %6.2f %%  %s\n", 100 * (double)a->classes[i].score,
                   classifier_label(c, a, i));
        else
            printf("  %8.4f  %s\n", (double)a->classes[i].score, classifier_label(c, a, i));
    if (a->annotated)
        printf("  written: %s\n", a->annotated);
}

static void print_json(const struct classifier *c, const char *path, struct answer *a,
                       const infer_error *err)
{
    printf("{\"file\": ");
    json_string(stdout, path ? path : "");
    if (err->status != INFER_OK) {
        printf(", \"status\": \"%s\", \"error\": ", infer_status_name(err->status));
        json_string(stdout, err->message);
        putchar('}');
        return;
    }
    printf(", \"status\": \"INFER_OK\", \"width\": %d, \"height\": %d", a->width, a->height);
    printf(", \"decode_ms\": %.4f, \"preprocess_ms\": %.4f, \"run_ms\": %.4f, \"classes\": [",
           a->decode_ms, a->preprocess_ms, a->run_ms);
    for (size_t i = 0; i < a->found; i++) {
        printf("%s{\"index\": %lld, \"label\": ", i ? ", " : "", (long long)a->classes[i].index);
        json_string(stdout, classifier_label(c, a, i));
        printf(", \"score\": ");
        json_number(stdout, (double)a->classes[i].score);
        putchar('}');
    }
    putchar(']');
    if (a->annotated) {
        printf(", \"annotated\": ");
        json_string(stdout, a->annotated);
    }
    putchar('}');
}

static void print_accuracy(const struct classifier *c, int json)
{
    const struct accuracy *a = &c->accuracy;
    double n = a->pictures ? a->pictures : 1;
    if (json) {
        printf(", \"accuracy\": {\"pictures\": %u, \"top1\": %u, \"topk\": %u, \"k\": %zu}",
               a->pictures, a->top1, a->topk, c->top);
        return;
    }
    printf("top-1 accuracy: %u of %u (%.1f %%)\n", a->top1, a->pictures, 100 * a->top1 / n);
    if (c->top > 1)
        printf("top-%zu accuracy: %u of %u (%.1f %%)\n", c->top, a->topk, a->pictures,
               100 * a->topk / n);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static void print_csv(const struct classifier *c, const char *path, struct answer *a)
{
    for (size_t i = 0; i < a->found; i++) {
        csv_string(stdout, path);
        putchar(',');
        csv_string(stdout, classifier_label(c, a, i));
        printf(",%lld,%.9g\n", (long long)a->classes[i].index, (double)a->classes[i].score);
    }
}

enum form { TEXT, JSON, JSONL, CSV };

struct job {
    struct classifier *c;
    enum form form;
};

static int one(void *ctx, struct frame *f, long index)
{
    const struct job *job = ctx;
    struct classifier *c = job->c;
    struct answer a = {0};
    infer_error err = f->err;
    int status = CLI_OK;
    if (err.status == INFER_OK && classifier_run(c, f, &a, &err) != INFER_OK)
        status = cli_fail(f->name, &err);
    if (err.status == INFER_OK && c->annotate)
        status = classifier_annotate(c, f, index, &a);
    if (job->form == JSON)
        printf("%s\n  ", index ? "," : "");
    if (job->form == JSON || job->form == JSONL)
        print_json(c, f->name, &a, &err);
    if (job->form == JSONL)
        putchar('\n');
    if (job->form == CSV && err.status == INFER_OK)
        print_csv(c, f->name, &a);
    if (job->form == TEXT && err.status == INFER_OK)
        print_text(c, f->name, &a);
    answer_free(&a);
    return status;
}

static int classify_all(struct classifier *c, const struct cli_args *args)
{
    struct job job = {c, cli_has(args, "json")    ? JSON
                         : cli_has(args, "jsonl") ? JSONL
                         : cli_has(args, "csv")   ? CSV
                                                  : TEXT};
    struct frames *frames;
    long failed = 0;
    int status = frames_open(args, 1, &frames);
    if (status == CLI_OK) {
        if (job.form == JSON)
            printf("{\"pictures\": [");
        if (job.form == CSV)
            printf("file,label,class,score\n");
        status = frames_each(frames, one, &job, &failed);
        if (job.form == JSON)
            printf("], \"failed\": %ld", failed);
        if (cli_has(args, "labels-csv") && (job.form == TEXT || job.form == JSON))
            print_accuracy(c, job.form == JSON);
        if (job.form == JSON)
            printf("}\n");
        else
            frames_tell_failed(frames, failed);
    }
    frames_close(&frames);
    return status;
}

/* A model that says what its answers are has the last word. An .onnx file does not say; if it is
 * not said either how pictures are preprocessed, it may be a detector's. */
static int check_task(const struct classifier *c, const struct cli_args *args)
{
    const char *path = args->positional[0];
    infer_decoding d = INFER_DECODING_INIT;
    infer_preprocess stored = INFER_PREPROCESS_INIT;
    if (infer_model_decoding(c->model, &d, NULL) != INFER_OK && !preprocess_args_given(args) &&
        infer_model_preprocess(c->model, &stored, NULL) != INFER_OK)
        d.task = task_guess(path);
    if (d.task != INFER_TASK_CLASSIFY && d.task != INFER_TASK_NONE)
        return cli_usage("%s: its answers are %s, not classes: %s is for it", path,
                         task_answers(d.task), task_command(d.task));
    return CLI_OK;
}

static int classify(struct classifier *c, const struct cli_args *args)
{
    long top, output;
    int status = check_task(c, args);
    if (status != CLI_OK)
        return status;
    if (!cli_int(args, "top", 1, 1000, 5, &top) ||
        !cli_int(args, "output-index", 0, 1000, 0, &output))
        return CLI_USAGE;
    c->top = (size_t)top;
    c->output = (size_t)output;
    if (c->output >= infer_model_outputs(c->model))
        return cli_usage("--output-index %ld: the model has %zu outputs, the first is 0", output,
                         infer_model_outputs(c->model));
    c->softmax = cli_has(args, "softmax");
    c->annotate = cli_value(args, "annotate");
    if ((status = classifier_preprocess(c, args, args->positional[0])) != CLI_OK)
        return status;
    if (cli_has(args, "labels") &&
        !(c->labels = read_lines(cli_value(args, "labels"), &c->nlabels)))
        return CLI_BAD_INPUT;
    if (cli_has(args, "labels-csv") &&
        (status = accuracy_read(cli_value(args, "labels-csv"), &c->accuracy)) != CLI_OK)
        return status;
    if (c->annotate && (status = make_folder(c->annotate)) != CLI_OK)
        return status;
    return classify_all(c, args);
}

int cmd_classify(int argc, char **argv)
{
    struct cli_args args;
    struct classifier c = {0};
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = session_args_parse(&args, &c.session_args)
                 ? open_model(args.positional[0], NULL, 0, &c.model, &bytes)
                 : CLI_USAGE;
    if (c.model)
        status = classify(&c, &args);
    classifier_free(&c);
    infer_model_free(&c.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
