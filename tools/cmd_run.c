/* infer run: tensors in, tensors out. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/folder.h"
#include "tools/npy.h"
#include "tools/random_fill.h"
#include "tools/session_args.h"
#include "tools/tensor_stats.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"input", "NAME=FILE.npy", "value of an input; repeatable. One input needs no NAME="},
    {"random", "SEED", "fill inputs that are not given with random numbers"},
    {"output-dir", "DIR", "write every output as DIR/NAME.npy"},
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    {"json", NULL, "summary as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "run",
    "MODEL --input NAME=FILE.npy ... [--output-dir DIR]",
    "Runs a model once on tensors and sums up its outputs.",
    "Files are NumPy's .npy in C order and little-endian, of the input's type (an input of type\n"
    "bf16 takes f4, an output of that type is written as f4). Free dimensions take the sizes of\n"
    "the arrays that are given.",
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
    size_t ninputs, noutputs;
    infer_tensor *inputs; /* data is to be freed; NULL where none was given */
    infer_tensor *outputs;
    infer_input_spec *specs;
    double load_ms, session_ms, run_ms;
};

/* ---- inputs --------------------------------------------------------------------------------- */

/* The input that "NAME=FILE" names, and the file. Names and files may have = in them, so the
 * names of the model decide. Without a name it is the only input. */
static int split_input(const struct run *r, const char *text, size_t *index, const char **path)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    for (size_t i = 0; i < r->ninputs; i++) {
        infer_model_input(r->model, i, &info, NULL);
        size_t n = strlen(info.name);
        if (strncmp(text, info.name, n) == 0 && text[n] == '=') {
            *index = i;
            *path = text + n + 1;
            return 1;
        }
    }
    *index = 0;
    *path = text;
    if (r->ninputs == 1 && !strchr(text, '='))
        return 1;
    cli_usage("--input %s: the model has no such input; it has:", text);
    for (size_t i = 0; i < r->ninputs; i++) {
        char dims[128];
        infer_model_input(r->model, i, &info, NULL);
        fprintf(stderr, "  %s  %s %s\n", info.name, infer_type_name(info.type),
                dims_text(&info, dims, sizeof dims));
    }
    return 0;
}

static void narrow_to_bf16(infer_tensor *t)
{
    size_t n = infer_tensor_elements(t);
    for (size_t i = 0; i < n; i++) {
        float f;
        memcpy(&f, (char *)t->data + i * 4, 4);
        uint16_t v = f32_to_bf16(f);
        memcpy((char *)t->data + i * 2, &v, 2);
    }
    t->type = INFER_BF16;
}

static int load_inputs(struct run *r)
{
    int n;
    const char *const *texts = cli_values(r->args, "input", &n);
    for (int k = 0; k < n; k++) {
        size_t i;
        const char *path;
        infer_error err;
        infer_value_info info = INFER_VALUE_INFO_INIT;
        if (!split_input(r, texts[k], &i, &path))
            return CLI_USAGE;
        infer_model_input(r->model, i, &info, NULL);
        if (r->inputs[i].data)
            return cli_usage("--input %s: this input was given before", texts[k]);
        if (npy_load(path, &r->inputs[i], &err) != INFER_OK)
            return cli_fail(path, &err);
        if (info.type == INFER_BF16 && r->inputs[i].type == INFER_F32)
            narrow_to_bf16(&r->inputs[i]);
        if (info.type != r->inputs[i].type) {
            fprintf(stderr, "infer: %s: its elements are %s; input '%s' needs %s\n", path,
                    infer_type_name(r->inputs[i].type), info.name, infer_type_name(info.type));
            return CLI_BAD_INPUT;
        }
    }
    return CLI_OK;
}

static int fill_random(struct run *r)
{
    long seed;
    if (!cli_int(r->args, "random", 0, 2147483647, 0, &seed))
        return CLI_USAGE;
    for (size_t i = 0; i < r->ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_tensor *t = &r->inputs[i];
        if (t->data)
            continue;
        infer_session_input(r->session, i, &info, NULL);
        if (!cli_has(r->args, "random"))
            return cli_usage("input '%s' is not given; use --input %s=FILE.npy or --random SEED",
                             info.name, info.name);
        t->type = info.type;
        t->rank = info.rank;
        memcpy(t->dims, info.dims, sizeof t->dims);
        t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
        t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
        if (!t->data) {
            fprintf(stderr, "infer: no memory for input '%s'\n", info.name);
            return CLI_RESOURCES;
        }
        random_fill(t, (uint64_t)seed + i);
    }
    return CLI_OK;
}

/* ---- the session ---------------------------------------------------------------------------- */

/* Shapes of the given arrays, then those of --input-shape for inputs that are not given. With
 * `values` the arrays of whole numbers become constants of the session. */
static size_t make_specs(const struct run *r, int values)
{
    size_t n = 0;
    for (size_t i = 0; i < r->ninputs; i++) {
        const infer_tensor *t = &r->inputs[i];
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_model_input(r->model, i, &info, NULL);
        infer_input_spec *spec = &r->specs[n];
        memset(spec, 0, sizeof *spec);
        spec->name = info.name;
        if (t->data) {
            spec->rank = t->rank;
            memcpy(spec->dims, t->dims, sizeof spec->dims);
            spec->data = values && (t->type == INFER_S64 || t->type == INFER_S32) ? t->data : NULL;
            n++;
        }
        for (size_t k = 0; !t->data && k < r->session_args.nshapes; k++)
            if (strcmp(r->session_args.shapes[k].name, info.name) == 0)
                r->specs[n++] = r->session_args.shapes[k];
    }
    return n;
}

/* A name that no input has would otherwise be passed over in silence. */
static int check_shape_names(const struct run *r)
{
    for (size_t k = 0; k < r->session_args.nshapes; k++) {
        const char *name = r->session_args.shapes[k].name;
        int found = 0;
        for (size_t i = 0; i < r->ninputs; i++) {
            infer_value_info info = INFER_VALUE_INFO_INIT;
            infer_model_input(r->model, i, &info, NULL);
            found |= strcmp(info.name, name) == 0;
        }
        if (!found) {
            cli_usage("--input-shape %s: the model has no such input", name);
            return 0;
        }
    }
    return 1;
}

static int make_session(struct run *r)
{
    infer_error err;
    infer_session_options *o = &r->session_args.options;
    o->inputs = r->specs;
    o->ninputs = make_specs(r, 0);
    double start = cli_now_ms();
    infer_status status = infer_session_create(r->model, o, &r->session, &err);
    if (status == INFER_ERROR_NEED_VALUE) {
        o->ninputs = make_specs(r, 1);
        status = infer_session_create(r->model, o, &r->session, &err);
    }
    r->session_ms = cli_now_ms() - start;
    return status == INFER_OK ? CLI_OK : cli_fail(r->args->positional[0], &err);
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
        infer_session_output(r->session, i, &info, NULL);
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
    r->ninputs = infer_model_inputs(r->model);
    r->noutputs = infer_model_outputs(r->model);
    r->inputs = calloc(r->ninputs + 1, sizeof *r->inputs);
    r->outputs = calloc(r->noutputs + 1, sizeof *r->outputs);
    r->specs = calloc(r->ninputs + r->session_args.nshapes + 1, sizeof *r->specs);
    if (!r->inputs || !r->outputs || !r->specs) {
        fprintf(stderr, "infer: no memory for %zu inputs\n", r->ninputs);
        return CLI_RESOURCES;
    }
    int status = check_shape_names(r) ? load_inputs(r) : CLI_USAGE;
    if (status == CLI_OK)
        status = make_session(r);
    if (status == CLI_OK)
        status = fill_random(r);
    if (status != CLI_OK)
        return status;
    double start = cli_now_ms();
    if (infer_run(r->session, r->inputs, r->ninputs, r->outputs, r->noutputs, &err) != INFER_OK)
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
    for (size_t i = 0; r.inputs && i < r.ninputs; i++)
        free(r.inputs[i].data);
    free(r.inputs);
    free(r.outputs);
    free(r.specs);
    session_args_free(&r.session_args);
    return status;
}
