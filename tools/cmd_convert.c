/* infer convert: from ONNX to the flat file. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "file/model.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/pack.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "tools/session_args.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"output", "FILE", "the flat file; also -o (default: the input's name with .infer)"},
    {"labels", "FILE", "labels to store, one a line; line 1 is class 0"},
    SHAPE_OPTION,
    PREPROCESS_OPTIONS,
    {"task", "NAME", "how outputs become answers, to store: a family (see above), or auto"},
    {"score", "N", "with --task: the score above which a box counts"},
    {"iou", "N", "with --task: of two boxes that overlap by more one goes"},
    {"pack", "LEVEL,...", "store packed weights too, for these kinds of CPU: see infer pack"},
    {"custom", "DOMAIN", "leave operators of this domain to the application; repeatable"},
    {"check", NULL, "say whether the model can be converted; nothing is written"},
    {"verbose", NULL, "a line for every node with a problem, not one for all of a kind"},
    {"json", NULL, "summary and problems as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "convert",
    "MODEL.onnx [-o MODEL.infer] [OPTIONS]",
    "Converts an ONNX model to a flat file that the library maps and runs.",
    "What can't be converted is listed whole, in one pass: a line for each operator and reason, "
    "with\n"
    "the number of nodes and the first of them. With --check the exit status is the answer: 0, or "
    "3\n"
    "for a model that can't be converted. If any of the options from --resize to --fill is given,\n"
    "the preprocessing is stored in the file, for `infer classify` and infer_classify: fit, "
    "centre\n"
    "crop, colour order, (x - mean) * scale.\n"
    "--task stores how boxes are read from the outputs, for `infer detect` and infer_detect, and\n"
    "the family's own preprocessing where no other is given. Families: yolov3, yolov4, yolov5,\n"
    "yolov8 (v8 to v12), yolov8-pose, yolov8-obb, yolov8-seg, yolox, rtdetr, detr, retinanet,\n"
    "fcos, centernet, nanodet, nanodet-plus, picodet, fastestdet, ssd, nms (networks that\n"
    "suppress themselves), scrfd, yunet, ultraface, retinaface, blazeface; segment; points;\n"
    "text-regions (where text is) and text (what a line says), for `infer read`: --labels are its\n"
    "characters.",
    "  infer convert mobilenet.onnx -o mobilenet.infer --labels imagenet.txt --resize 256 \\\n"
    "      --crop 224 --mean 123.675,116.28,103.53 --scale 0.01712,0.01751,0.01743",
    options,
    1,
    1};

struct conversion {
    const char *path;
    char *output;
    int check, verbose;
    char **labels;
    struct onnx_report report;
    void *bytes;
    size_t size;
    double ms;
    uint32_t nodes;
    size_t weights_bytes;
    struct convert_assumed assumed;
    char warning[512]; /* about the labels, empty for none */
};

/* The option's value, or the input's name with its .onnx turned into .infer; to be freed. */
static char *output_path(const char *given, const char *input)
{
    size_t n = strlen(input);
    if (given)
        return strdup(given);
    if (n >= 5 && strcmp(input + n - 5, ".onnx") == 0)
        n -= 5;
    char *path = malloc(n + 7);
    if (path) {
        memcpy(path, input, n);
        memcpy(path + n, ".infer", 7);
    }
    return path;
}

/* Number of classes of the last output: its second dimension, or the only one; 0 if unknown. A
 * shape that the file leaves open is known once there is a session. */
static int64_t count_classes(const infer_model *model, infer_value_info *info)
{
    infer_session *session = NULL;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    size_t last = infer_model_outputs(model) - 1;
    if (infer_model_outputs(model) == 0 || infer_model_output(model, last, info, NULL) != INFER_OK)
        return 0;
    o.threads = 1;
    int axis = info->rank >= 2;
    if ((info->rank == 0 || info->free_dims >> axis & 1 || info->dims[axis] == 0) &&
        infer_session_create(model, &o, &session, &err) == INFER_OK)
        infer_session_output(session, last, info, NULL);
    infer_session_free(&session);
    return info->rank ? info->dims[info->rank >= 2] : 0;
}

/* Loads what was written, as a user will, and looks at it. */
static infer_status look_at(struct conversion *c, infer_error *err)
{
    infer_model *model;
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_status status = infer_load_memory(c->bytes, c->size, NULL, &model, err);
    if (status != INFER_OK)
        return status;
    c->nodes = model->graph.nnodes;
    infer__model_section(model, INFER__SECTION_WEIGHTS, &c->weights_bytes);
    size_t labels = infer_model_labels(model);
    infer_decoding d = INFER_DECODING_INIT;
    const int told = infer_model_decoding(model, &d, NULL) == INFER_OK;
    int64_t classes = !labels ? 0 : told ? d.classes + d.label_first : count_classes(model, &info);
    if (classes > 0 && (uint64_t)classes != labels && d.class_field < 0)
        snprintf(c->warning, sizeof c->warning, "%zu labels, but %s%.200s%s %lld classes", labels,
                 told ? "the decoding" : "output '", told ? "" : info.name, told ? " has" : "' has",
                 (long long)classes);
    infer_model_free(&model);
    return INFER_OK;
}

/* Stores packed weights in what was written. */
static infer_status pack(struct conversion *c, const struct pack_change *change, infer_error *err)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model *model;
    void *packed;
    size_t size;
    TRY(infer_load_memory(c->bytes, c->size, NULL, &model, err));
    infer_status status = pack_file(model, change, &packed, &size, err);
    infer_model_free(&model);
    if (status != INFER_OK)
        return status;
    infer__free(&a, c->bytes);
    c->bytes = packed;
    c->size = size;
    return INFER_OK;
}

/* An entry of a list of problems, but for its closing brace. */
static void print_problem(const struct onnx_problem *p, uint32_t index)
{
    const char *const fields[] = {"node", p->node, "op",        p->op,        "domain", p->domain,
                                  "what", p->what, "attribute", p->attribute, "advice", p->advice};
    printf("%s\n  {", index ? "," : "");
    for (int k = 0; k < 12; k += 2) {
        printf("%s\"%s\": ", k ? ", " : "", fields[k]);
        json_string(stdout, fields[k + 1]);
    }
    printf(", \"opset\": %lld, \"warning\": %s", (long long)p->opset,
           p->warning ? "true" : "false");
}

static void print_json(const struct conversion *c, const infer_error *err)
{
    printf("{\"model\": ");
    json_string(stdout, c->path);
    printf(", \"status\": \"%s\", \"message\": ", infer_status_name(err->status));
    json_string(stdout, err->message);
    if (err->status == INFER_OK) {
        printf(", \"output\": ");
        if (c->check)
            printf("null");
        else
            json_string(stdout, c->output);
        printf(", \"bytes\": %zu, \"weights_bytes\": %zu, \"onnx_nodes\": %u, \"nodes\": %u",
               c->size, c->weights_bytes, c->report.nodes, c->nodes);
    }
    if (c->assumed.family)
        printf(", \"task\": \"%s\", \"usual_preprocessing\": %s", c->assumed.family,
               c->assumed.preprocess ? "true" : "false");
    printf(", \"ms\": %.3f, \"label_warning\": ", c->ms);
    json_string(stdout, c->warning);
    printf(", \"problem_count\": %u, \"warning_count\": %u, \"groups\": [", c->report.problems,
           c->report.warnings);
    for (uint32_t i = 0; i < c->report.ngroups; i++) {
        print_problem(&c->report.groups[i].first, i);
        printf(", \"count\": %u}", c->report.groups[i].count);
    }
    printf("], \"problems\": [");
    for (uint32_t i = 0; i < c->report.count; i++) {
        print_problem(&c->report.items[i], i);
        printf(", \"group\": %u}", c->report.items[i].group);
    }
    printf("]}\n");
}

static int finish(struct conversion *c, const infer_error *err, int json)
{
    int write = err->status == INFER_OK && !c->check;
    int status = write ? write_file(c->output, c->bytes, c->size) : CLI_OK;
    if (status != CLI_OK)
        return status;
    if (json)
        print_json(c, err);
    else
        print_report(&c->report, c->path, c->verbose);
    if (c->warning[0] && !json)
        fprintf(stderr, "infer: %s: warning: %s\n", c->path, c->warning);
    if (err->status != INFER_OK)
        return cli_fail(c->path, err);
    if (!json && c->assumed.family)
        printf("read as %s%s (%s)\n", c->assumed.family,
               c->assumed.preprocess ? ", with its usual preprocessing" : "", c->assumed.what);
    if (!json)
        printf("%s: %s%u nodes (ONNX has %u), %zu bytes (%zu of them weights), %.1f ms\n",
               c->check ? c->path : c->output, c->check ? "can be converted: " : "", c->nodes,
               c->report.nodes, c->size, c->weights_bytes, c->ms);
    return CLI_OK;
}

static int convert(const struct cli_args *args, const struct session_args *session,
                   struct conversion *c)
{
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    infer_error err;
    unsigned nlabels = 0;
    struct convert_options o = {.shapes = session->shapes, .nshapes = session->nshapes};
    if (!preprocess_args_apply(args, &preprocess))
        return CLI_USAGE;
    if (preprocess_args_given(args))
        o.preprocess = &preprocess;
    o.task = cli_value(args, "task");
    if (!cli_float(args, "score", 0, 1, 0, &o.score_threshold) ||
        !cli_float(args, "iou", 0, 1, 0, &o.iou_threshold))
        return CLI_USAGE;
    if (!o.task && (cli_has(args, "score") || cli_has(args, "iou")))
        return cli_usage("--score and --iou are stored with --task only");
    int domains;
    o.custom_domains = cli_values(args, "custom", &domains);
    o.ncustom_domains = (size_t)domains;
    struct pack_change change = {.options = &session->options};
    if (cli_has(args, "pack") && !pack_levels("pack", cli_value(args, "pack"), 1, &change.add))
        return CLI_USAGE;
    c->check = cli_has(args, "check");
    c->verbose = cli_has(args, "verbose");
    if (c->check && cli_has(args, "output"))
        return cli_usage("--check writes nothing: leave out --output");
    c->output = output_path(cli_value(args, "output"), c->path);
    if (!c->check && c->output && strcmp(c->output, c->path) == 0)
        return cli_usage("%s would overwrite the model itself", c->output);
    if (cli_has(args, "labels")) {
        c->labels = read_lines(cli_value(args, "labels"), &nlabels);
        if (!c->labels)
            return CLI_BAD_INPUT;
        o.labels = (const char *const *)c->labels;
        o.nlabels = nlabels;
    }
    double start = cli_now_ms();
    infer_status status =
        convert_onnx(c->path, &o, &c->report, &c->assumed, &c->bytes, &c->size, &err);
    c->ms = cli_now_ms() - start;
    if (status == INFER_OK && change.add.n)
        status = pack(c, &change, &err);
    if (status == INFER_OK)
        look_at(c, &err);
    return c->output ? finish(c, &err, cli_has(args, "json")) : CLI_RESOURCES;
}

int cmd_convert(int argc, char **argv)
{
    struct cli_args args;
    struct session_args session;
    struct conversion c = {0};
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    c.path = args.positional[0];
    onnx_report_init(&c.report, NULL);
    status = session_args_parse(&args, &session) ? convert(&args, &session, &c) : CLI_USAGE;
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, c.bytes);
    onnx_report_free(&c.report);
    session_args_free(&session);
    free(c.labels);
    free(c.output);
    return status;
}
