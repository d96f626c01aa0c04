/* infer diff: two runs of the same inputs, value by value. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/diff.h"
#include "tools/verify.h"

#define SIDE_OPTIONS(s, S)                                                                         \
    {s "-isa", "LEVEL", "of " S " alone"}, {s "-precision", "TYPE", "of " S " alone"},             \
        {s "-threads", "N", "of " S " alone"}, {s "-no-onednn", NULL, "of " S " alone"},           \
        {s "-no-tuned", NULL, "of " S " alone"},                                                   \
    {                                                                                              \
        s "-no-optimise", NULL, "of " S " alone"                                                   \
    }

static const struct cli_option options[] = {
    {"input", "NAME=FILE", "value of an input, .npy or .pb; repeatable. One needs no NAME="},
    {"data", "DIR", "inputs of a test_data_set_* folder, or of the first one in DIR"},
    {"random", "SEED", "other inputs are random numbers (default: 1)"},
    SHAPE_OPTION,
    MAX_OPTION,
    {"rtol", "X", "difference allowed, of a tensor's largest value (1e-3; bf16: 0.05)"},
    {"atol", "X", "difference allowed beside that (1e-6)"},
    {"steps", "N", "difference allowed of tensors of integers (0)"},
    {"fused", NULL, "look at the steps of ordinary runs, with all that is fused into them"},
    {"no-optimise", NULL, "ONNX files node by node, as they are"},
    {"brief", NULL, "no table: the first node whose values part, and how many do"},
    THREADS_OPTION,
    ISA_OPTIONS,
    SIDE_OPTIONS("a", "A"),
    SIDE_OPTIONS("b", "B"),
    {"json", NULL, "everything as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "diff",
    "A [B] [OPTIONS]",
    "Runs two models on the same inputs and names the first node whose values part.",
    "A is a model. B is another one, or a folder of tensors that were recorded, one a file, named\n"
    "after them: NAME.npy, or a TensorProto in a .pb file, which may have the name inside. "
    "Without\n"
    "B it is A again, with the settings of --b-isa, --b-precision and the like; if there are none\n"
    "either, in plain C. Values are matched by their names, inputs too or else by place; the "
    "order\n"
    "is that of A's nodes. A value that only one side has, as optimisation took it from the\n"
    "other, is not compared; --no-optimise leaves ONNX files as they are.\n"
    "\n"
    "By default all values are asked for in one run of each side: no node is fused with another,\n"
    "so every node is compared, but not the kernels of fused steps. With --fused, only what steps\n"
    "of ordinary sessions make is compared, and in sessions that have these very steps: a bug of\n"
    "fusion shows here alone, and belongs to one of the nodes that are named as not compared.\n"
    "\n"
    "Columns: the largest difference; the same over the tensor's largest value, which --rtol is\n"
    "for; the root of the mean square. Exit status 1 if any value parts.",
    "  infer diff model.onnx other.infer --data folder\n"
    "  infer diff model.infer --b-precision bf16 --fused\n"
    "  infer diff model.onnx recorded --no-optimise --rtol 1e-4 --brief",
    options,
    1,
    2};

/* ---- arguments ------------------------------------------------------------------------------ */

/* Option `name` of a side: its own or that of both. */
static const char *side_name(const struct cli_args *args, char side, const char *name, char *text,
                             size_t size)
{
    snprintf(text, size, "%c-%s", side, name);
    if (!cli_has(args, text))
        snprintf(text, size, "%s", name);
    return text;
}

static int side_options(const struct cli_args *args, char side, const struct session_args *both,
                        struct diff_side *s)
{
    char n[32];
    long threads;
    s->options = both->options;
    if (!cli_int(args, side_name(args, side, "threads", n, sizeof n), 1, 1024, 0, &threads) ||
        !session_args_isa(cli_value(args, side_name(args, side, "isa", n, sizeof n)),
                          &s->options.isa) ||
        !session_args_precision(cli_value(args, side_name(args, side, "precision", n, sizeof n)),
                                &s->options.precision))
        return 0;
    s->options.threads = (uint32_t)threads;
    s->options.no_onednn = (uint32_t)cli_has(args, side_name(args, side, "no-onednn", n, sizeof n));
    s->options.no_tuned = (uint32_t)cli_has(args, side_name(args, side, "no-tuned", n, sizeof n));
    s->no_optimise = cli_has(args, side_name(args, side, "no-optimise", n, sizeof n));
    return 1;
}

/* Whether an option of one side alone was given. */
static int has_side_option(const struct cli_args *args)
{
    static const struct cli_option sides[] = {SIDE_OPTIONS("a", ""), SIDE_OPTIONS("b", "")};
    int found = 0;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        found |= cli_has(args, sides[i].name);
    return found;
}

static int parse_number(const struct cli_args *args, const char *name, double *out)
{
    const char *text = cli_value(args, name);
    char *end;
    if (!text)
        return 1;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= 0 && *out <= 1e30)
        return 1;
    cli_usage("--%s %s: a number of 0 or more is needed", name, text);
    return 0;
}

static int parse(const struct cli_args *args, struct diff *d)
{
    d->a.path = args->positional[0];
    d->b.path = args->positional[args->npositional - 1];
    d->fused = cli_has(args, "fused");
    if (!session_args_parse(args, &d->shapes) || !side_options(args, 'a', &d->shapes, &d->a) ||
        !side_options(args, 'b', &d->shapes, &d->b))
        return 0;
    if (args->npositional == 1 && !has_side_option(args)) {
        d->b.options.isa = INFER_ISA_C;
        d->b.options.no_onednn = 1;
    }
    const int bf16 = d->a.options.precision == INFER_PRECISION_BF16 ||
                     d->b.options.precision == INFER_PRECISION_BF16;
    d->tolerance = (struct diff_tolerance){.rtol = bf16 ? 0.05 : 1e-3, .atol = 1e-6};
    return parse_number(args, "rtol", &d->tolerance.rtol) &&
           parse_number(args, "atol", &d->tolerance.atol) &&
           parse_number(args, "steps", &d->tolerance.steps);
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* Inputs that were recorded beside the other tensors, unless they are given otherwise. */
static int load_recorded(struct diff *d)
{
    struct inputs *in = &d->a.inputs;
    for (size_t i = 0; !d->b.model && i < in->n; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_model_input(in->model, i, &info, NULL);
        const struct diff_file *f = diff_recorded_find(&d->recorded, info.name);
        if (in->tensors[i].data || !f)
            continue;
        const int status = inputs_load_file(in, i, f->path);
        if (status != CLI_OK)
            return status;
    }
    return CLI_OK;
}

static int load_inputs(const struct cli_args *args, struct diff *d)
{
    struct inputs *in = &d->a.inputs;
    const char *data = cli_value(args, "data");
    int status = inputs_init(in, d->a.model);
    if (status == CLI_OK && !inputs_check_shapes(in, &d->shapes))
        return CLI_USAGE;
    if (status == CLI_OK)
        status = inputs_load(in, args);
    if (status == CLI_OK && data) {
        char first[4096];
        snprintf(first, sizeof first, "%s/test_data_set_0", data);
        status = inputs_load_set(in, verify_is_data_set(data) ? data : first);
    }
    if (status == CLI_OK)
        status = load_recorded(d);
    if (status == CLI_OK && !d->b.model && !cli_has(args, "random") && inputs_missing(in) < in->n) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_model_input(in->model, inputs_missing(in), &info, NULL);
        return cli_usage("input '%s' was not recorded in %s: give --input, --data or --random",
                         info.name, d->b.path);
    }
    return status;
}

/* ---- the work ------------------------------------------------------------------------------- */

static int make_session(const struct diff *d, struct diff_side *s)
{
    infer_error err;
    return inputs_session(&s->inputs, s->model, &d->shapes, &s->options, &s->session, &err) ==
                   INFER_OK
               ? CLI_OK
               : cli_fail(s->path, &err);
}

static int prepare(const struct cli_args *args, struct diff *d)
{
    long seed;
    if (!cli_int(args, "random", 0, 2147483647, 1, &seed))
        return CLI_USAGE;
    int status = load_inputs(args, d);
    if (status == CLI_OK)
        status = make_session(d, &d->a);
    if (status == CLI_OK)
        status = inputs_fill(&d->a.inputs, d->a.session, (uint64_t)seed);
    if (status != CLI_OK || !d->b.model)
        return status;
    status = inputs_init(&d->b.inputs, d->b.model);
    if (status == CLI_OK)
        status = inputs_like(&d->b.inputs, &d->a.inputs, d->b.path);
    return status == CLI_OK && d->fused ? make_session(d, &d->b) : status;
}

static int diff(const struct cli_args *args, struct diff *d)
{
    int status = prepare(args, d);
    if (status == CLI_OK)
        status = diff_points(d);
    if (status == CLI_OK)
        status = diff_run(d);
    if (status == CLI_OK && cli_has(args, "json"))
        diff_json(d, stdout);
    else if (status == CLI_OK)
        diff_text(d, cli_has(args, "brief"), stdout);
    infer_session_free(&d->a.session);
    infer_session_free(&d->b.session);
    inputs_free_views(&d->b.inputs);
    inputs_free(&d->a.inputs);
    free(d->points);
    free(d->unmatched);
    return status;
}

static int open_side(struct diff_side *s, infer_model **model, void **bytes)
{
    const struct convert_options o = {.no_optimise = s->no_optimise};
    const int status = open_model_with(s->path, &o, model, bytes);
    s->model = *model;
    return status;
}

/* Opens both sides: models, or for B a folder, or A again. */
static int open_sides(struct diff *d, infer_model **models, void **bytes)
{
    struct stat st;
    int status = open_side(&d->a, &models[0], &bytes[0]);
    if (status != CLI_OK)
        return status;
    if (strcmp(d->a.path, d->b.path) == 0 && d->a.no_optimise == d->b.no_optimise) {
        d->b.model = d->a.model;
        return CLI_OK;
    }
    if (stat(d->b.path, &st) == 0 && S_ISDIR(st.st_mode))
        return diff_recorded_open(d->b.path, &d->recorded);
    return open_side(&d->b, &models[1], &bytes[1]);
}

int cmd_diff(int argc, char **argv)
{
    struct cli_args args;
    struct diff d = {.start_ms = cli_now_ms(), .bar = isatty(2)};
    infer_model *models[2] = {NULL, NULL};
    void *bytes[2] = {NULL, NULL};
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = parse(&args, &d) ? open_sides(&d, models, bytes) : CLI_USAGE;
    if (status == CLI_OK)
        status = diff(&args, &d);
    if (status == CLI_OK && d.parted)
        status = CLI_DIFFERS;
    diff_recorded_free(&d.recorded);
    session_args_free(&d.shapes);
    infer_allocator a = infer__allocator(NULL);
    for (int i = 0; i < 2; i++) {
        infer_model_free(&models[i]);
        infer__free(&a, bytes[i]);
    }
    return status;
}
