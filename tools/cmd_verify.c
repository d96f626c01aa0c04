/* infer verify: a model against recorded outputs. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/session_args.h"
#include "tools/verify.h"

static const struct cli_option options[] = {
    {"data", "DIR", "folder with test_data_set_* folders, or one of them"},
    {"tolerance", "X", "difference allowed, of the output's largest value (1e-3)"},
    MAX_OPTION,
    {"threads", "N", "threads (default: all)"},
    {"isa", "LEVEL", "c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16, amx; else the best"},
    {"no-onednn", NULL, "native kernels only"},
    {"precision", "TYPE", "f32 (default), f32-strict, bf16: --tolerance 0.05 suits bf16"},
    {"json", NULL, "results as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "verify",
    "MODEL [--data DIR]",
    "Runs a model on recorded inputs and compares the answers with recorded outputs.",
    "DIR holds folders test_data_set_0, test_data_set_1 ... with input_K.pb and output_K.pb, as\n"
    "ONNX's own tests and its model zoo have them; the default is the folder of MODEL. Integers\n"
    "must be equal; rows of scores must have the same largest element. Exit status 1 if an\n"
    "output differs.",
    "  infer verify mobilenet/model.onnx\n"
    "  infer verify model.infer --data mobilenet --isa avx2",
    options,
    1,
    1};

enum { MOST_SETS = 1000 };

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders to run, as strings to be freed. */
static int find_sets(const char *folder, char **sets)
{
    int n = 0;
    if (verify_is_data_set(folder)) {
        sets[n++] = strdup(folder);
        return sets[0] != NULL;
    }
    DIR *d = opendir(folder);
    for (struct dirent *e; d && n < MOST_SETS && (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "test_data_set_", 14) != 0)
            continue;
        size_t size = strlen(folder) + strlen(e->d_name) + 2;
        char *path = malloc(size);
        if (!path)
            break;
        snprintf(path, size, "%s/%s", folder, e->d_name);
        sets[n++] = path;
    }
    if (d)
        closedir(d);
    qsort(sets, (size_t)n, sizeof *sets, by_name);
    return n;
}

static void print_result(FILE *f, int json, int first, const char *set,
                         const struct verify_result *r)
{
    if (json) {
        fprintf(f, "%s\n    {\"data\": ", first ? "" : ",");
        json_string(f, set);
        fprintf(f, ", \"passed\": %s, \"worst\": ", r->passed ? "true" : "false");
        json_number(f, r->worst);
        fputs(", \"message\": ", f);
        json_string(f, r->message);
        fputc('}', f);
    } else if (r->passed) {
        fprintf(f, "pass  %s (worst difference %.2g)\n", set, r->worst);
    } else {
        fprintf(f, "FAIL  %s: %s\n", set, r->message);
    }
}

static int verify_all(const infer_model *model, const char *folder, const struct verify_options *o,
                      int json)
{
    char *sets[MOST_SETS] = {0};
    int n = find_sets(folder, sets), status = CLI_OK;
    if (!n) {
        fprintf(stderr, "infer: %s: there is no test_data_set_* folder in it\n", folder);
        return CLI_BAD_INPUT;
    }
    if (json)
        printf("{\"results\": [");
    for (int i = 0; i < n; i++) {
        struct verify_result r;
        infer_error err;
        if (verify_data_set(model, sets[i], o, &r, &err) != INFER_OK) {
            status = cli_fail(sets[i], &err);
            snprintf(r.message, sizeof r.message, "%s", err.message);
            r.passed = 0;
        } else if (!r.passed && status == CLI_OK) {
            status = CLI_DIFFERS;
        }
        print_result(stdout, json, i == 0, sets[i], &r);
        free(sets[i]);
    }
    if (json)
        printf("\n], \"passed\": %s}\n", status == CLI_OK ? "true" : "false");
    return status;
}

static int verify_model(const struct cli_args *args, const struct verify_options *o)
{
    const char *path = args->positional[0], *slash = strrchr(path, '/');
    char *folder = cli_has(args, "data") ? strdup(cli_value(args, "data"))
                   : slash               ? strndup(path, (size_t)(slash - path))
                                         : strdup(".");
    infer_model *model;
    void *bytes;
    int status = open_model(path, NULL, 0, &model, &bytes);
    if (status == CLI_OK)
        status = folder ? verify_all(model, folder, o, cli_has(args, "json")) : CLI_RESOURCES;
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    free(folder);
    return status;
}

int cmd_verify(int argc, char **argv)
{
    struct cli_args args;
    struct session_args session;
    struct verify_options o = {.tolerance = 1e-3, .top1 = 1};
    int status;
    float tolerance;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = session_args_parse(&args, &session) ? CLI_OK : CLI_USAGE;
    if (status == CLI_OK && cli_has(&args, "tolerance")) {
        if (cli_floats("tolerance", cli_value(&args, "tolerance"), &tolerance, 1) < 0)
            status = CLI_USAGE;
        else
            o.tolerance = (double)tolerance;
    }
    o.session = session.options;
    if (status == CLI_OK)
        status = verify_model(&args, &o);
    session_args_free(&session);
    return status;
}
