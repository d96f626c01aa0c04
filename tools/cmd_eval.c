/* infer eval: how good answers are. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/eval/judge.h"
#include "tools/eval/kpi.h"
#include "tools/eval/model.h"
#include "tools/eval/page.h"
#include "tools/eval/versus.h"
#include "tools/preprocess_args.h"
#include "tools/progress.h"

static const struct cli_option options[] = {
    {"predictions", "FILE|DIR", "recorded answers: .json, .csv, or a folder of masks; no MODEL"},
    {"data", "FILE|DIR", "the truth"},
    {"images", "DIR", "the pictures that MODEL is asked about (default: beside the truth)"},
    {"task", "NAME", "of an .onnx file: as for convert; or classify; embed: vectors count"},
    {"reader", "MODEL", "reads the lines that MODEL finds"},
    {"labels", "FILE", "labels of MODEL's classes, one a line, instead of its own"},
    {"first-class", "N", "classes: the one of MODEL that is the data's first (0; of 1001: 1)"},
    {"score", "X", "boxes of a higher score count (0.001, whatever MODEL says)"},
    {"iou", "X", "of two boxes that overlap by more one goes (default: MODEL's)"},
    {"most", "N", "boxes of a picture (300)"},
    {"save", "FILE|DIR", "write MODEL's answers, for --predictions"},
    {"versus", "MODEL2", "compare with another model on the same pictures"},
    {"slice", "BY", "the numbers of parts of the pictures, too: size, brightness or class"},
    {"iou-type", "TYPE", "bbox (default), segm or keypoints"},
    {"class-agnostic", NULL, "objects of all classes are of one"},
    {"sigmas", "A,B,...", "keypoints: how exactly each can be placed (default: COCO's 17)"},
    {"confidence", "X", "objects, labels: the score from which on answers count (0.5)"},
    {"classes", "FILE", "names of classes, one a line, for XML, YOLO and masks"},
    {"softmax", NULL, "scores of classes are logits"},
    {"ignore", "N", "masks: the true value that is not judged (255); none: all are"},
    {"mask-ids", "cityscapes", "masks: values are Cityscapes' label ids"},
    {"bootstrap", "ROUNDS", "95 % intervals by resampling the pictures"},
    {"seed", "N", "of the resampling (1)"},
    {"kpi", "FILE", "goals, as `AP50 >= 0.4`, `AP50 >= versus - 0.005`; status 1: missed"},
    {"report", "FILE.html", "a page with numbers, curves and the worst and best pictures"},
    {"curves", NULL, "whole curves and large matrices in --json, too"},
    {"json", NULL, "everything as JSON; what sums it up is in `stats`"},
    FAST_DECODE_OPTION,
    SHAPE_OPTION,
    MAX_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "eval",
    "MODEL|--predictions FILE|DIR --data FILE|DIR [OPTIONS]",
    "Judges the answers of a model, or recorded ones, by the truth.",
    "A model finds boxes, reads text, classes pictures or pixels, as it says itself. Its classes\n"
    "are matched to the data's by name where both have names, else by position. A picture that\n"
    "can't be read is left out; the exit status is then 3.\n"
    "What recorded answers are follows from the file:\n"
    "  .json   objects, in COCO's form of results. The truth: COCO's JSON; a folder of Pascal\n"
    "          VOC's XML files; a folder with pictures and YOLO's .txt files, or with the folders\n"
    "          images and labels. COCO's numbers, VOC's AP, F1 at a confidence.\n"
    "  .csv    scores of classes, with a header. The truth: a folder for each class, lines\n"
    "          \"picture label\", a CSV file; or columns of the scores' own file. One class to a\n"
    "          picture, or several. With the header of infer read --csv: text, judged by ICDAR's\n"
    "          files or CSV. With --task embed: vectors, as infer embed --csv writes them.\n"
    "  folder  PNG masks whose values or palette indices are classes. The truth: such a folder.\n"
    "docs/evaluation.md has the files and all numbers.",
    "  infer eval yolov8n.onnx --data coco/annotations/instances_val2017.json --save results.json\n"
    "  infer eval mobilenet.infer --data val --images pictures --kpi goals.txt\n"
    "  infer eval --predictions results.json --data instances_val2017.json --json\n"
    "  infer eval --predictions scores.csv --data val --kpi goals.txt\n"
    "  infer eval --predictions masks --data SegmentationClass --bootstrap 1000",
    options,
    0,
    1};

/* ---- arguments ------------------------------------------------------------------------------ */

static int parse_sigmas(const char *text, struct eval_options *o)
{
    for (const char *at = text; at && *at;) {
        char *end;
        const double v = strtod(at, &end);
        if (end == at || !(v > 0 && v < 1e6) || o->nsigmas == EVAL_MOST_SIGMAS ||
            (*end && *end != ',') || (*end && !end[1])) {
            cli_usage("--sigmas %s: 1 to %d numbers above 0 with commas between them are needed",
                      text, EVAL_MOST_SIGMAS);
            return 0;
        }
        o->sigmas[o->nsigmas++] = v;
        at = *end ? end + 1 : end;
    }
    return 1;
}

static int parse_confidence(const char *text, double *confidence)
{
    char *end;
    *confidence = 0.5;
    if (!text)
        return 1;
    *confidence = strtod(text, &end);
    if (end != text && !*end && *confidence >= -1e300 && *confidence <= 1e300)
        return 1;
    cli_usage("--confidence %s: a number is needed", text);
    return 0;
}

static int parse_ignore(const struct cli_args *args, int *ignore)
{
    const char *text = cli_value(args, "ignore");
    long v = -1;
    if (!(text && strcmp(text, "none") == 0) && !cli_int(args, "ignore", 0, 255, 255, &v))
        return 0;
    *ignore = (int)v;
    return 1;
}

/* Whose answers: a model's or recorded ones. */
static int parse_source(const struct cli_args *args, struct eval_options *o)
{
    static const char *const of_models[] = {"images", "labels", "first-class", "score", "iou",
                                            "most",   "save",   "versus",      "reader"};
    o->images = cli_value(args, "images");
    o->save = cli_value(args, "save");
    if (!o->predictions == !args->npositional) {
        cli_usage("eval: give MODEL, or --predictions: a .json or .csv file or a folder of masks");
        return 0;
    }
    for (size_t i = 0; o->predictions && i < sizeof of_models / sizeof *of_models; i++)
        if (cli_has(args, of_models[i])) {
            cli_usage("--%s is for a MODEL's answers", of_models[i]);
            return 0;
        }
    if (args->npositional && !o->data)
        cli_usage("eval: give --data, the truth that %s is judged by", args->positional[0]);
    return !args->npositional || o->data;
}

static int parse(const struct cli_args *args, struct eval_options *o)
{
    long rounds, seed;
    const char *ids = cli_value(args, "mask-ids");
    o->predictions = cli_value(args, "predictions");
    o->data = cli_value(args, "data");
    o->classes = cli_value(args, "classes");
    o->class_agnostic = cli_has(args, "class-agnostic");
    o->softmax = cli_has(args, "softmax");
    o->curves = cli_has(args, "curves");
    o->vectors = cli_value(args, "task") && strcmp(cli_value(args, "task"), "embed") == 0;
    o->cityscapes = ids != NULL;
    if (!parse_source(args, o))
        return 0;
    if (ids && strcmp(ids, "cityscapes") != 0) {
        cli_usage("--mask-ids %s: cityscapes is the only one known", ids);
        return 0;
    }
    if (!eval_kind(cli_value(args, "iou-type"), &o->kind) ||
        !parse_sigmas(cli_value(args, "sigmas"), o) ||
        !parse_confidence(cli_value(args, "confidence"), &o->confidence) ||
        !parse_ignore(args, &o->ignore) || !cli_int(args, "bootstrap", 0, 1000000, 0, &rounds) ||
        !cli_int(args, "seed", 0, 2147483647, 1, &seed))
        return 0;
    o->rounds = (uint32_t)rounds;
    o->seed = (uint64_t)seed;
    return 1;
}

/* ---- the work ------------------------------------------------------------------------------- */

/* ctx: when the work began, in ms. */
static void progress(void *ctx, const char *what, double part)
{
    progress_show(*(const double *)ctx, what, part);
}

static int write_report(const struct report *r, int json)
{
    if (!report_whole(r) || (json && !report_write_json(r, stdout))) {
        fprintf(stderr, "infer: no memory for the report\n");
        return CLI_RESOURCES;
    }
    if (!json)
        report_write_text(r, stdout);
    return CLI_OK;
}

/* Answers of a model, if `path` is one, or recorded ones. */
static int answer(struct eval_options *o, const struct cli_args *args, const char *path,
                  struct judged *j)
{
    int status = path ? eval_model_open(j->model, path, args) : CLI_OK;
    o->model = path ? j->model : NULL;
    o->predictions = path ? path : o->predictions;
    return status == CLI_OK ? eval_judge(o, j) : status;
}

/* The second model answers, and is set beside the first. */
static int compare(const struct eval_options *o, const struct cli_args *args, struct judged *first,
                   struct judged *second)
{
    struct eval_options other = *o;
    const char *path = cli_value(args, "versus");
    other.save = NULL;
    const int status = answer(&other, args, path, second);
    return status == CLI_OK
               ? eval_versus(o, &first->report, &first->view, &second->report, &second->view, path)
               : status;
}

static int parse_slices(const char *text, enum eval_slices *by)
{
    static const char *const names[] = {"size", "brightness", "class"};
    *by = SLICE_NONE;
    for (int i = 0; text && i < 3; i++)
        if (strcmp(text, names[i]) == 0)
            *by = (enum eval_slices)(i + 1);
    if (text && *by == SLICE_NONE)
        cli_usage("--slice %s: size, brightness or class", text);
    return !text || *by != SLICE_NONE;
}

/* Fills the report. */
static int judge(struct eval_options *o, const struct cli_args *args, struct judged *first,
                 struct judged *second)
{
    const int versus = cli_has(args, "versus");
    const char *kpi = cli_value(args, "kpi"), *page = cli_value(args, "report");
    enum eval_slices by;
    if (!parse_slices(cli_value(args, "slice"), &by))
        return CLI_USAGE;
    int status = answer(o, args, args->npositional ? args->positional[0] : NULL, first);
    if (status == CLI_OK)
        status = eval_resample(o, &first->report, &first->view);
    if (status == CLI_OK)
        status = eval_slice(o, &first->report, &first->view, by);
    if (status == CLI_OK && versus)
        status = compare(o, args, first, second);
    if (o->progress)
        progress_wipe();
    if (status == CLI_OK && kpi)
        status = kpi_judge(kpi, &first->report, versus ? &second->report : NULL);
    if (status <= CLI_DIFFERS && page) {
        const int written = page_write(page, o, &first->report, &first->view);
        status = written == CLI_OK ? status : written;
    }
    return status;
}

int cmd_eval(int argc, char **argv)
{
    struct cli_args args;
    struct eval_options o = {0};
    struct judged first = {0}, second = {0};
    double start = cli_now_ms();
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    if (!parse(&args, &o))
        return CLI_USAGE;
    o.progress = isatty(2) ? progress : NULL;
    o.progress_ctx = &start;
    status = judged_begin(&first);
    if (status == CLI_OK)
        status = judged_begin(&second);
    if (status == CLI_OK)
        status = judge(&o, &args, &first, &second);
    if (status == CLI_OK || status == CLI_DIFFERS) {
        const int written = write_report(&first.report, cli_has(&args, "json"));
        status = written == CLI_OK ? status : written;
    }
    if ((first.model->failed || second.model->failed) && status <= CLI_DIFFERS)
        status = CLI_BAD_INPUT;
    judged_end(&first);
    judged_end(&second);
    return status;
}
