/* infer quantize: a float model becomes one of eight bits. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/eval/model.h"
#include "tools/preprocess_args.h"
#include "tools/quantize/report.h"
#include "tools/session_args.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"images", "DIR", "pictures to calibrate with, as the model will meet them; needed"},
    {"output", "FILE", "where the quantised model goes; also -o; needed"},
    {"labels", "FILE|DIR",
     "right answers: \"picture label\" lines, a CSV file, a folder per class"},
    {"data", "FILE|DIR", "the truth, in the forms of infer eval: accuracy is its measure then"},
    {"data-images", "DIR", "the truth's pictures (default: beside it)"},
    {"measure", "NAME", "the number of infer eval that counts (AP, mIoU, top1 ... by task)"},
    {"iou-type", "TYPE", "of --data's objects: bbox (default), segm or keypoints"},
    {"classes", "FILE", "names of --data's classes, one a line"},
    {"class-agnostic", NULL, "--data's objects are of one class"},
    {"first-class", "N", "the class of MODEL that is --data's first (0; of 1001: 1)"},
    {"task", "NAME", "of an .onnx file: as for infer convert; embed: --data judges vectors"},
    {"samples", "N", "pictures to calibrate with at most (default 100)"},
    {"calibration", "HOW", "auto (default), minmax, percentile, entropy or mse"},
    {"max-drop", "POINTS", "accuracy that may be lost: steps go back to float until it fits"},
    {"report", "FILE", "a report: FILE.html with pictures, or FILE.json"},
    {"all-int8", NULL, "int8 where it is slower on this CPU, too"},
    {"no-equalise", NULL, "leave the channels' ranges as they are"},
    {"no-bias-correction", NULL, "leave the biases as they are"},
    {"nearest", NULL, "round each weight to the nearest integer, whatever the others do"},
    {"json", NULL, "the report as JSON on standard output"},
    THREADS_OPTION,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "quantize",
    "MODEL --images DIR -o MODEL.int8.infer [OPTIONS]",
    "Turns a float model into one of 8-bit integers, and says what that costs.",
    "Weights get one scale per output channel, activations one scale and zero point per tensor.\n"
    "Ranges come from the pictures of DIR (and of the folders in it), preprocessed as the model\n"
    "has it stored, changed by the options from --resize to --fill. No labels are needed: without\n"
    "them accuracy means agreement with the float model. It is judged on pictures that "
    "calibration\n"
    "did not see, if DIR has at least twice as many as are used to calibrate. With --data "
    "accuracy\n"
    "is what infer eval measures: AP of boxes or points, mIoU of masks, top1 of classes.\n"
    "\n"
    "Steps stay in float where int8 is not faster on this CPU, unless --all-int8 is given, and,\n"
    "with --max-drop, the fewest steps that keep the loss below so many points.",
    "  infer quantize mobilenet.infer --images pictures -o mobilenet.int8.infer\n"
    "  infer quantize mobilenet.infer --images train --labels train -o mobilenet.int8.infer \\\n"
    "      --max-drop 0.5 --report report.html\n"
    "  infer quantize yolov8n.onnx --images pictures --data instances_val2017.json \\\n"
    "      -o yolov8n.int8.infer --max-drop 1",
    options,
    1,
    1};

/* ---- arguments ------------------------------------------------------------------------------ */

static int parse_calibration(const char *text, int *method)
{
    *method = CALIBRATE_AUTO;
    for (int m = 0; text && m <= CALIBRATE_AUTO; m++)
        if (strcmp(calibration_name(m), text) == 0) {
            *method = m;
            return 1;
        }
    if (text)
        cli_usage("--calibration %s: auto, minmax, percentile, entropy or mse", text);
    return !text;
}

static int parse_drop(const char *text, double *drop)
{
    char *end;
    *drop = -1;
    if (!text)
        return 1;
    *drop = strtod(text, &end);
    if (end != text && !*end && *drop >= 0 && *drop <= 100)
        return 1;
    cli_usage("--max-drop %s: points from 0 to 100 are needed", text);
    return 0;
}

/* Stored preprocessing, changed by options; or options alone. */
static int get_preprocess(const infer_model *model, const struct cli_args *args,
                          infer_preprocess *p)
{
    infer_error err;
    infer_status status = infer_model_preprocess(model, p, &err);
    if (status == INFER_ERROR_UNSUPPORTED && !preprocess_args_given(args))
        return cli_usage("%s: no preprocessing is stored in it; give --resize, --crop, --mean, "
                         "--scale as the model needs them",
                         args->positional[0]);
    if (status != INFER_OK && status != INFER_ERROR_UNSUPPORTED)
        return cli_fail(args->positional[0], &err);
    return preprocess_args_apply(args, p) ? CLI_OK : CLI_USAGE;
}

static int check_args(const struct cli_args *args)
{
    static const char *const of_data[] = {"data-images", "measure",        "iou-type",
                                          "classes",     "class-agnostic", "first-class"};
    const char *output = cli_value(args, "output");
    for (size_t i = 0; !cli_has(args, "data") && i < sizeof of_data / sizeof *of_data; i++)
        if (cli_has(args, of_data[i]))
            return cli_usage("--%s says how to read --data, which is not given", of_data[i]);
    if (cli_has(args, "data") && cli_has(args, "labels"))
        return cli_usage("quantize: --labels and --data are both right answers: give one");
    if (!cli_has(args, "images"))
        return cli_usage("quantize: give --images DIR, a folder with pictures like those that the "
                         "model will meet; a hundred are enough, and no labels are needed");
    if (!output)
        return cli_usage("quantize: give -o FILE.infer for the quantised model");
    if (strcmp(output, args->positional[0]) == 0)
        return cli_usage("%s would overwrite the model itself", output);
    return CLI_OK;
}

/* ---- the work ------------------------------------------------------------------------------- */

/* A score for each class: one dimension is larger than 1, and nothing else is told of the outputs.
 */
static int is_classifier(const struct quantiser *q, const infer_model *model)
{
    const struct infer__value *v = &q->shaped.values[q->graph.outputs[0]];
    infer_decoding d = INFER_DECODING_INIT;
    int large = 0;
    if (infer_model_decoding(model, &d, NULL) == INFER_OK && d.task != INFER_TASK_CLASSIFY)
        return 0;
    for (int i = 0; i < v->rank; i++)
        large += v->dims[i] != 1;
    return v->shaped && v->type == INFER_F32 && large == 1;
}

static infer_status quantise(struct quantiser *q, const infer_model *model, infer_error *err)
{
    TRY(quant_begin(q, &model->graph, err));
    q->classifier = is_classifier(q, model);
    FAIL_IF(q->samples.known && !q->classifier, INFER_ERROR_ARGUMENT,
            "--labels: the first output has no score for each class");
    if (q->options.equalise)
        TRY(quant_equalise(q, err));
    quant_place(q);
    TRY(quant_calibrate(q, err));
    if (q->options.adapt)
        TRY(quant_round(q, err));
    if (q->options.correct_bias)
        TRY(quant_correct(q, err));
    TRY(quant_search(q, err));
    uint32_t tries = q->ntries;
    TRY(quant_speed(q, err));
    if (q->ntries > tries)
        TRY(quant_evaluate(q, &q->score, err));
    TRY(quant_measure_alone(q, err));
    return quant_measure_whole(q, err);
}

static int finish(struct quantiser *q, const struct cli_args *args, const infer_model *model,
                  const infer_preprocess *p, uint64_t bytes_before)
{
    const char *output = cli_value(args, "output"), *report = cli_value(args, "report");
    infer_error err;
    void *bytes;
    size_t size;
    quant_progress_end(q);
    if (quant_file(q, model, p, &bytes, &size, &err) != INFER_OK)
        return cli_fail(args->positional[0], &err);
    int status = write_file(output, bytes, size);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    struct quant_report r = {q, args->positional[0], output, bytes_before, size};
    if (status == CLI_OK && report)
        status = quant_report_write(&r, report);
    if (status == CLI_OK && cli_has(args, "json"))
        quant_report_json(&r, stdout);
    else if (status == CLI_OK)
        quant_report_text(&r);
    return status;
}

static int quantize(struct quantiser *q, infer_model *model, const struct cli_args *args,
                    uint64_t bytes_before)
{
    infer_error err;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    long most, threads;
    int status = CLI_USAGE;
    if (!cli_int(args, "samples", 1, 100000, 100, &most) ||
        !cli_int(args, "threads", 1, 1024, 0, &threads) ||
        !parse_calibration(cli_value(args, "calibration"), &q->options.calibration) ||
        !parse_drop(cli_value(args, "max-drop"), &q->options.max_drop) ||
        (status = get_preprocess(model, args, &p)) != CLI_OK)
        return status;
    q->options.threads = (uint32_t)threads;
    q->options.equalise = !cli_has(args, "no-equalise");
    q->options.correct_bias = !cli_has(args, "no-bias-correction");
    q->options.adapt = !cli_has(args, "nearest");
    q->options.all_int8 = cli_has(args, "all-int8");
    struct samples_options o = {.folder = cli_value(args, "images"),
                                .labels = cli_value(args, "labels"),
                                .most = (uint32_t)most,
                                .preprocess = &p,
                                .progress = quant_progress,
                                .ctx = q};
    status = samples_read(model, &o, &q->samples);
    if (status == CLI_OK && cli_has(args, "data"))
        status = quant_judge_begin(q, args, model, &p);
    if (status != CLI_OK)
        return status;
    if (quantise(q, model, &err) != INFER_OK) {
        quant_progress_end(q);
        return cli_fail(args->positional[0], &err);
    }
    return finish(q, args, model, &p, bytes_before);
}

/* An .onnx file whose answers are to be judged by their task needs to be told it. */
static int open_float(const struct cli_args *args, infer_model **model, void **bytes)
{
    const char *path = args->positional[0];
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options o = {.task = cli_value(args, "task")};
    if (!preprocess_args_apply(args, &p))
        return CLI_USAGE;
    o.preprocess = preprocess_args_given(args) ? &p : NULL;
    const int classes = o.task && (strcmp(o.task, "classify") == 0 || strcmp(o.task, "embed") == 0);
    if (classes)
        o.task = NULL;
    *model = NULL;
    return cli_ends_with(path, ".onnx") && cli_has(args, "data") && !o.task && !classes
               ? eval_open_onnx(path, &o, model, bytes)
               : open_model_with(path, &o, model, bytes);
}

int cmd_quantize(int argc, char **argv)
{
    struct cli_args args;
    struct quantiser q = {.start_ms = cli_now_ms()};
    struct stat st = {0};
    infer_model *model = NULL;
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    infer__region_init(&q.region, NULL);
    q.options.bar = isatty(2);
    status = open_float(&args, &model, &bytes);
    if (model)
        status = check_args(&args);
    if (model && status == CLI_OK) {
        stat(args.positional[0], &st);
        status = quantize(&q, model, &args, (uint64_t)st.st_size);
    }
    quant_end(&q);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
