/* infer run: tensors in, tensors out. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/folder.h"
#include "tools/inputs.h"
#include "tools/npy.h"
#include "tools/session_args.h"
#include "tools/tensor_stats.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"input", "NAME=FILE", "value of an input, .npy or .pb; repeatable. One needs no NAME="},
    {"random", "SEED", "fill inputs that are not given with random numbers"},
    {"output-dir", "DIR", "write every output as DIR/NAME.npy"},
    SHAPE_OPTION,
    MAX_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    {"json", NULL, "summary as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "run",
    "MODEL --input NAME=FILE.npy ... [--output-dir DIR]",
    "Runs a model once on tensors and sums up its outputs.",
    "Files are NumPy's .npy in C order and little-endian, of the input's type (an input of type\n"
    "bf16 takes f4, an output of that type is written as f4), or ONNX's TensorProto. Free\n"
    "dimensions take the sizes of the arrays that are given.",
    "  infer run model.infer --input input=x.npy --output-dir out\n"
    "  infer run model.infer --random 1 --input-shape input=1x3x224x224 --json",
    options,
    1,
    1};

struct run {
    const struct cli_args *args;
    struct session_args session_args;
    infer_model *model;
    infer_session *session;
    struct inputs inputs;
    size_t noutputs;
    infer_tensor *outputs;
    double load_ms, session_ms, run_ms;
};

/* ---- the session ---------------------------------------------------------------------------- */

/* Makes the session, and the inputs that need one: of random numbers. */
static int make_session(struct run *r)
{
    infer_error err;
    long seed;
    if (!cli_int(r->args, "random", 0, 2147483647, 0, &seed))
        return CLI_USAGE;
    double start = cli_now_ms();
    infer_status status = inputs_session(&r->inputs, r->model, &r->session_args,
                                         &r->session_args.options, &r->session, &err);
    r->session_ms = cli_now_ms() - start;
    if (status != INFER_OK)
        return cli_fail(r->args->positional[0], &err);
    size_t missing = inputs_missing(&r->inputs);
    if (missing < r->inputs.n && !cli_has(r->args, "random")) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(r->session, missing, &info, NULL);
        return cli_usage("input '%s' is not given; use --input %s=FILE.npy or --random SEED",
                         info.name, info.name);
    }
    return inputs_fill(&r->inputs, r->session, (uint64_t)seed);
}

/* ---- outputs -------------------------------------------------------------------------------- */

static void print_outputs(const struct run *r, int json)
{
    if (json)
        printf("{\"load_ms\": %.3f, \"session_ms\": %.3f, \"run_ms\": %.3f, \"outputs\": [",
               r->load_ms, r->session_ms, r->run_ms);
    for (size_t i = 0; i < r->noutputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        struct tensor_stats s;
        char dims[128];
        infer_session_result(r->session, i, &info, NULL);
        tensor_stats(&r->outputs[i], &s);
        if (!json) {
            printf("%s: %s %s, min %.6g, max %.6g, mean %.6g", info.name,
                   infer_type_name(info.type), dims_text(&info, dims, sizeof dims), s.min, s.max,
                   s.mean);
            printf(s.nans ? ", %zu NaN\n" : "\n", s.nans);
            continue;
        }
        printf("%s\n  {\"name\": ", i ? "," : "");
        json_string(stdout, info.name);
        printf(", \"type\": \"%s\", \"dims\": ", infer_type_name(info.type));
        json_dims(stdout, info.dims, info.rank);
        printf(", \"min\": ");
        json_number(stdout, s.min);
        printf(", \"max\": ");
        json_number(stdout, s.max);
        printf(", \"mean\": ");
        json_number(stdout, s.mean);
        printf(", \"nans\": %zu}", s.nans);
    }
    if (json)
        printf("]}\n");
    else
        printf("load %.2f ms, session %.2f ms, run %.3f ms\n", r->load_ms, r->session_ms,
               r->run_ms);
}

static void *encode_output(const infer_tensor *t, size_t *size)
{
    if (t->type != INFER_BF16)
        return npy_encode(t, size);
    infer_tensor wide = *t;
    size_t n = infer_tensor_elements(t);
    float *f = malloc(n * sizeof *f + 1);
    if (!f)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, (const char *)t->data + i * 2, 2);
        f[i] = bf16_to_f32(v);
    }
    wide.type = INFER_F32;
    wide.data = f;
    void *bytes = npy_encode(&wide, size);
    free(f);
    return bytes;
}

static int write_output(const struct run *r, const char *dir, size_t i)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    size_t size = 0;
    int status = CLI_RESOURCES;
    infer_session_output(r->session, i, &info, NULL);
    char *path = path_in(dir, info.name, ".npy");
    for (size_t k = 0; path && k < i; k++) { /* another output whose name became the same? */
        infer_value_info other = INFER_VALUE_INFO_INIT;
        infer_session_output(r->session, k, &other, NULL);
        char *taken = path_in(dir, other.name, ".npy"), number[32];
        int same = taken && strcmp(taken, path) == 0;
        free(taken);
        if (same) {
            free(path);
            snprintf(number, sizeof number, "_%zu.npy", i);
            path = path_in(dir, info.name, number);
            break;
        }
    }
    void *bytes = encode_output(&r->outputs[i], &size);
    if (path && bytes)
        status = write_file(path, bytes, size);
    else
        fprintf(stderr, "infer: no memory to write output '%s'\n", info.name);
    free(path);
    free(bytes);
    return status;
}

static int run(struct run *r)
{
    infer_error err;
    const char *dir = cli_value(r->args, "output-dir");
    r->noutputs = infer_model_outputs(r->model);
    r->outputs = calloc(r->noutputs + 1, sizeof *r->outputs);
    if (!r->outputs) {
        fprintf(stderr, "infer: no memory for %zu outputs\n", r->noutputs);
        return CLI_RESOURCES;
    }
    int status = inputs_init(&r->inputs, r->model);
    if (status == CLI_OK && !inputs_check_shapes(&r->inputs, &r->session_args))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = inputs_load(&r->inputs, r->args);
    if (status == CLI_OK)
        status = make_session(r);
    if (status != CLI_OK)
        return status;
    double start = cli_now_ms();
    if (infer_run(r->session, r->inputs.tensors, r->inputs.n, r->outputs, r->noutputs, &err) !=
        INFER_OK)
        return cli_fail(r->args->positional[0], &err);
    r->run_ms = cli_now_ms() - start;
    if (dir)
        status = make_folder(dir);
    for (size_t i = 0; dir && status == CLI_OK && i < r->noutputs; i++)
        status = write_output(r, dir, i);
    print_outputs(r, cli_has(r->args, "json"));
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct cli_args args;
    struct run r = {.args = &args};
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = CLI_USAGE;
    if (session_args_parse(&args, &r.session_args)) {
        double start = cli_now_ms();
        status = open_model(args.positional[0], NULL, 0, &r.model, &bytes);
        r.load_ms = cli_now_ms() - start;
    }
    if (r.model)
        status = run(&r);
    infer_session_free(&r.session);
    infer_model_free(&r.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    inputs_free(&r.inputs);
    free(r.outputs);
    session_args_free(&r.session_args);
    return status;
}
