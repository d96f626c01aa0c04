/* infer edit: a part of a model, or a model with other names, shapes, preprocessing. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/edit.h"
#include "tools/onnx/onnx_export.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "tools/write_file.h"
#include "vision/preprocess_file.h"

static const struct cli_option options[] = {
    {"output", "FILE", "where the result goes, .infer or .onnx; also -o; needed"},
    {"from", "NAME,...", "values that become the inputs; repeatable"},
    {"to", "NAME,...", "values that become the outputs; repeatable"},
    {"remove-output", "NAME,...", "outputs that go; repeatable"},
    {"input-shape", "NAME=DIMS", "shape of an input, as x=1x3xHxW: letters are free; repeatable"},
    {"rename", "OLD=NEW", "another name for an input, an output or any value; repeatable"},
    {"labels", "FILE", "labels to store, one a line; line 1 is class 0"},
    PREPROCESS_OPTIONS,
    {"no-preprocess", NULL, "no preprocessing is stored"},
    {"json", NULL, "what was done as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "edit",
    "MODEL -o FILE [OPTIONS]",
    "Cuts a part out of a model, renames, sets shapes and preprocessing, and says what changed.",
    "With --from and --to the part of the graph between these values stays; nodes, constants and\n"
    "inputs that no output needs any more go. Types and shapes of new inputs are worked out from\n"
    "the old ones. --input-shape sets dimensions or, where it has a letter, a name or ? in place\n"
    "of a number, makes them free; the graph must take that. Names are those of MODEL (of an\n"
    "ONNX file, all that it has: it is optimised afterwards); --rename comes last.\n"
    "\n"
    "The options from --resize to --fill change the preprocessing that the file stores, as those\n"
    "of `infer convert`, or add it. Labels stay unless others are given. An .onnx file has no\n"
    "place for either.",
    "  infer edit detector.onnx -o backbone.infer --to p3,p4,p5\n"
    "  infer edit model.infer -o head.onnx --from features --rename features=x\n"
    "  infer edit model.infer -o any.infer --input-shape input=Nx3xHxW --mean 127 --scale 0.0078",
    options,
    1,
    1};

enum { MOST_NAMES = 1024 };

struct job {
    const struct cli_args *args;
    const char *output;
    int source_onnx, target_onnx;
    infer_preprocess preprocess;
    int store_preprocess; /* 1: `preprocess`; 0: what the model has, or nothing */
    char **labels;
    unsigned nlabels;
    char *log; /* lines */
    size_t log_size;
    double start_ms;
};

/* ---- the graph ------------------------------------------------------------------------------ */

static int gather(const struct edit *e, const struct cli_args *args, const char *option,
                  uint32_t *list, uint32_t *n)
{
    int count, status = CLI_OK;
    const char *const *texts = cli_values(args, option, &count);
    *n = 0;
    for (int i = 0; i < count && status == CLI_OK; i++)
        status = edit_names(e, option, texts[i], list, n, MOST_NAMES);
    return status;
}

static int cut(struct edit *e, const struct cli_args *args)
{
    uint32_t from[MOST_NAMES], to[MOST_NAMES], gone[MOST_NAMES], nfrom, nto, ngone;
    int status = gather(e, args, "from", from, &nfrom);
    if (status == CLI_OK)
        status = gather(e, args, "to", to, &nto);
    if (status == CLI_OK)
        status = gather(e, args, "remove-output", gone, &ngone);
    if (status == CLI_OK && nfrom)
        status = edit_from(e, from, nfrom);
    if (status == CLI_OK && nto)
        status = edit_to(e, to, nto);
    if (status == CLI_OK && ngone)
        status = edit_remove_outputs(e, gone, ngone);
    if (status == CLI_OK && (nfrom || nto || ngone))
        status = edit_sweep(e, nfrom);
    return status;
}

static int change(struct edit *e, const struct cli_args *args)
{
    int shapes, renames, freed = 0;
    const char *const *shape = cli_values(args, "input-shape", &shapes);
    const char *const *name = cli_values(args, "rename", &renames);
    int status = cut(e, args);
    for (int i = 0; i < shapes && status == CLI_OK; i++) {
        uint32_t before = 0, after = 0;
        for (uint32_t k = 0; k < e->g.ninputs; k++)
            before |= e->g.values[e->g.inputs[k]].free_dims;
        status = edit_input_shape(e, shape[i]);
        for (uint32_t k = 0; k < e->g.ninputs; k++)
            after |= e->g.values[e->g.inputs[k]].free_dims;
        freed |= (after & ~before) != 0;
    }
    if (status == CLI_OK &&
        (shapes || cli_has(args, "from") || cli_has(args, "to") || cli_has(args, "remove-output")))
        status = edit_outputs(e, shapes > 0, freed);
    for (int i = 0; i < renames && status == CLI_OK; i++)
        status = edit_rename(e, name[i]);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int get_preprocess(struct job *j, const struct edit *e)
{
    infer_error err;
    char text[512];
    const int given = preprocess_args_given(j->args), none = cli_has(j->args, "no-preprocess");
    j->preprocess = (infer_preprocess)INFER_PREPROCESS_INIT;
    const infer_status status = infer_model_preprocess(e->model, &j->preprocess, &err);
    if (status != INFER_OK && status != INFER_ERROR_UNSUPPORTED)
        return cli_fail(e->path, &err);
    if (given && none)
        return cli_usage("--no-preprocess with options of preprocessing");
    if (none && status == INFER_OK)
        fputs("no preprocessing\n", e->log);
    if (!given)
        return CLI_OK;
    if (!preprocess_args_apply(j->args, &j->preprocess))
        return CLI_USAGE;
    j->store_preprocess = 1;
    fprintf(e->log, "preprocessing: %s\n", preprocess_text(&j->preprocess, text, sizeof text));
    return CLI_OK;
}

/* Whether answers are others than those that reference statistics were made of. */
static int changes_answers(const struct job *j)
{
    return preprocess_args_given(j->args) || cli_has(j->args, "no-preprocess") ||
           cli_has(j->args, "from") || cli_has(j->args, "to") || cli_has(j->args, "remove-output");
}

/* The sections that go over, and the preprocessing that was given. What was packed is not: weights
 * may be others. */
static uint32_t list_sections(const struct job *j, const infer_model *model,
                              const struct infer__section *preprocess, struct infer__section *list,
                              FILE *log)
{
    uint32_t n = 0;
    if (j->store_preprocess)
        list[n++] = *preprocess;
    for (uint32_t i = 0; i < model->nsections; i++) {
        const struct infer__section *s = &model->sections[i];
        const int replaced = s->kind == INFER__SECTION_PREPROCESS &&
                             (j->store_preprocess || cli_has(j->args, "no-preprocess"));
        if (s->kind == INFER__SECTION_STATISTICS && changes_answers(j)) {
            fputs("no reference statistics: infer reference makes new ones\n", log);
            continue;
        }
        if (s->kind >= INFER__SECTION_PREPROCESS && s->kind != INFER__SECTION_ABOUT &&
            s->kind != INFER__SECTION_PACKED && !replaced)
            list[n++] = *s;
    }
    return n;
}

static infer_status encode(const struct job *j, struct edit *e, void **bytes, size_t *size,
                           infer_error *err)
{
    uint8_t encoded[INFER__PREPROCESS_BYTES];
    const struct infer__section preprocess = {INFER__SECTION_PREPROCESS, encoded, sizeof encoded};
    const infer_model *m = e->model;
    struct infer__section *list =
        infer__region_calloc(&e->region, (size_t)m->nsections + 1, sizeof *list);
    if (!list)
        return infer__no_memory(err, m->nsections * sizeof *list);
    if (j->store_preprocess)
        TRY(infer__preprocess_encode(&j->preprocess, encoded, err));
    if (j->source_onnx)
        TRY(onnx_optimise(&e->g, m->max_tensor_bytes, err));
    struct infer__file_content content = {.graph = &e->g,
                                          .labels = j->labels ? (const char *const *)j->labels
                                                              : m->labels,
                                          .nlabels = j->labels ? j->nlabels : m->nlabels,
                                          .extra = list,
                                          .nextra = list_sections(j, m, &preprocess, list, e->log),
                                          .about = &e->about};
    return infer__file_write(&content, NULL, bytes, size, err);
}

/* The model in *bytes as ONNX, in their place. */
static infer_status to_onnx(void **bytes, size_t *size, infer_error *err)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model *model;
    void *onnx = NULL;
    size_t onnx_size = 0;
    TRY(infer_load_memory(*bytes, *size, NULL, &model, err));
    const infer_status status = onnx_export(model, &onnx, &onnx_size, err);
    infer_model_free(&model);
    if (status != INFER_OK)
        return status;
    infer__free(&a, *bytes);
    *bytes = onnx;
    *size = onnx_size;
    return INFER_OK;
}

/* ---- what was done -------------------------------------------------------------------------- */

static void json_values(const char *name, const struct infer__graph *g, const uint32_t *list,
                        uint32_t n)
{
    printf(", \"%s\": [", name);
    for (uint32_t i = 0; i < n; i++) {
        const struct infer__value *v = &g->values[list[i]];
        printf("%s{\"name\": ", i ? ", " : "");
        json_string(stdout, v->name);
        printf(", \"type\": \"%s\", \"dims\": ", infer_type_name((infer_type)v->type));
        json_dims(stdout, v->dims, v->rank);
        printf(", \"free_dims\": %u}", v->free_dims);
    }
    printf("]");
}

static void print_json(const struct job *j, const struct edit *e, size_t size)
{
    printf("{\"model\": ");
    json_string(stdout, e->path);
    printf(", \"output\": ");
    json_string(stdout, j->output);
    printf(", \"bytes\": %zu, \"nodes_before\": %u, \"nodes\": %u, \"ms\": %.3f", size, e->nodes,
           e->g.nnodes, cli_now_ms() - j->start_ms);
    json_values("inputs", &e->g, e->g.inputs, e->g.ninputs);
    json_values("outputs", &e->g, e->g.outputs, e->g.noutputs);
    printf(", \"changes\": [");
    for (char *line = j->log, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = 0;
        fputs(line == j->log ? "" : ", ", stdout);
        json_string(stdout, line);
    }
    printf("]}\n");
}

static void print_text(const struct job *j, const struct edit *e, size_t size)
{
    char text[200];
    fputs(j->log, stdout);
    for (uint32_t i = 0; i < e->g.ninputs + e->g.noutputs; i++) {
        const int output = i >= e->g.ninputs;
        const struct infer__value *v =
            &e->g.values[output ? e->g.outputs[i - e->g.ninputs] : e->g.inputs[i]];
        printf("%-8s %s  %s\n", output ? "output" : "input", v->name,
               edit_value_text(v, text, sizeof text));
    }
    printf("%s: %u nodes of %u, %zu bytes, %.1f ms\n", j->output, e->g.nnodes, e->nodes, size,
           cli_now_ms() - j->start_ms);
}

static int finish(struct job *j, struct edit *e)
{
    infer_error err;
    void *bytes = NULL;
    size_t size = 0;
    infer_allocator a = infer__allocator(NULL);
    infer_status status = encode(j, e, &bytes, &size, &err);
    if (status == INFER_OK && j->target_onnx)
        status = to_onnx(&bytes, &size, &err);
    int exit = status == INFER_OK ? write_file(j->output, bytes, size) : cli_fail(e->path, &err);
    infer__free(&a, bytes);
    fflush(e->log);
    if (exit == CLI_OK && cli_has(j->args, "json"))
        print_json(j, e, size);
    else if (exit == CLI_OK)
        print_text(j, e, size);
    return exit;
}

static int check_args(struct job *j, const char *path)
{
    static const char *const all[] = {"from",   "to",     "remove-output", "input-shape",
                                      "rename", "labels", "no-preprocess"};
    int any = preprocess_args_given(j->args);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        any |= cli_has(j->args, all[i]);
    j->output = cli_value(j->args, "output");
    if (!j->output)
        return cli_usage("edit: give -o FILE");
    if (strcmp(j->output, path) == 0)
        return cli_usage("%s would overwrite the model itself", j->output);
    if (!any)
        return cli_usage("edit: there is nothing to change; see infer edit --help");
    j->source_onnx = cli_ends_with(path, ".onnx");
    j->target_onnx = cli_ends_with(j->output, ".onnx");
    if (j->target_onnx && (preprocess_args_given(j->args) || cli_has(j->args, "labels")))
        return cli_usage("%s: an ONNX file has no place for labels and preprocessing", j->output);
    if (!cli_has(j->args, "labels"))
        return CLI_OK;
    j->labels = read_lines(cli_value(j->args, "labels"), &j->nlabels);
    return j->labels ? CLI_OK : CLI_BAD_INPUT;
}

static int edit(struct job *j, const infer_model *model, const char *path)
{
    struct edit e;
    int status = check_args(j, path);
    FILE *log = status == CLI_OK ? open_memstream(&j->log, &j->log_size) : NULL;
    if (status != CLI_OK)
        return status;
    if (!log) {
        fprintf(stderr, "infer: no memory for a list of changes\n");
        return CLI_RESOURCES;
    }
    status = edit_begin(&e, model, path, log);
    if (status == CLI_OK)
        status = change(&e, j->args);
    if (status == CLI_OK)
        status = get_preprocess(j, &e);
    if (status == CLI_OK && j->labels)
        fprintf(log, "%u labels\n", j->nlabels);
    if (status == CLI_OK)
        status = finish(j, &e);
    edit_free(&e);
    fclose(log);
    return status;
}

int cmd_edit(int argc, char **argv)
{
    struct cli_args args;
    struct job j = {.args = &args, .start_ms = cli_now_ms()};
    const struct convert_options as_it_is = {.no_optimise = 1};
    infer_model *model;
    void *bytes;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = open_model_with(args.positional[0], &as_it_is, &model, &bytes);
    if (model)
        status = edit(&j, model, args.positional[0]);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    free(j.labels);
    free(j.log);
    return status;
}
