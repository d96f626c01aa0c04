/* infer archive: one file that has all that a server needs to know of a model. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "file/model.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/read_file.h"
#include "tools/serve/models/notes.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"output", "FILE", "where the archive goes; also -o"},
    {"store", "FOLDER", "instead: FOLDER/NAME/VERSION/model.infer, as `infer serve` finds it"},
    {"name", "NAME", "of the model in the store (default: the file's)"},
    {"version", "N", "in the store (default: the one behind those that are there)"},
    {"labels", "FILE", "labels to store, one a line; line 1 is class 0"},
    {"note", "KEY=VALUE", "something to remember, in place of what KEY had; repeatable"},
    {"max-batch", "N", "images that a server runs together at most"},
    {"batch-delay", "US", "for how many microseconds one may wait for others"},
    {"workers", "N", "runs at a time at most"},
    {"timeout", "MS", "after which a request that waits is refused"},
    {"json", NULL, "what was written as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "archive",
    "MODEL -o FILE|--store FOLDER [OPTIONS]",
    "Packs a model with labels, notes and settings for a server into one file, and tries it.",
    "The file is a .infer like others: graph, weights, preprocessing and all else of MODEL go "
    "over.\n"
    "Notes are shown by `infer inspect` and by the server's describe call with customized=true.\n"
    "--max-batch, --batch-delay, --workers and --timeout become notes too (serve.max_batch and so\n"
    "on), which `infer serve` follows unless its own options or a call say otherwise. Before it "
    "is\n"
    "written the archive is loaded and run once on zeros; a version that is in the store already "
    "is\n"
    "not replaced.",
    "  infer archive squeezenet.infer --store models --labels labels.txt --note author=me\n"
    "  infer archive yolov8n.onnx -o yolov8n.infer --max-batch 1 --workers 2",
    options,
    1,
    1};

enum { MOST_PAIRS = 4096, MOST_PATH = 1024 };

struct archive {
    const struct cli_args *args;
    const char *path; /* of MODEL */
    char output[MOST_PATH], name[128];
    long version; /* in a store; 0: none */
    char **labels;
    unsigned nlabels;
    struct infer__pair pairs[MOST_PAIRS]; /* with texts of the model, of arguments, and below */
    uint32_t npairs, nkeys;
    char *keys[MOST_PAIRS]; /* of arguments */
    char texts[4][32];
    double run_ms;
    size_t bytes;
};

/* ---- notes ---------------------------------------------------------------------------------- */

static int set_note(struct archive *a, const char *key, size_t n, const char *value)
{
    for (uint32_t i = 0; i < a->npairs; i++)
        if (strlen(a->pairs[i].key) == n && memcmp(a->pairs[i].key, key, n) == 0) {
            a->pairs[i].value = value;
            return CLI_OK;
        }
    if (a->npairs == MOST_PAIRS)
        return cli_usage("more than %d notes", MOST_PAIRS);
    char *copy = strndup(key, n);
    if (!copy) {
        fprintf(stderr, "infer: no memory for notes\n");
        return CLI_RESOURCES;
    }
    a->keys[a->nkeys++] = copy;
    a->pairs[a->npairs++] = (struct infer__pair){copy, value};
    return CLI_OK;
}

static int add_given_notes(struct archive *a)
{
    int count, status = CLI_OK;
    const char *const *notes = cli_values(a->args, "note", &count);
    for (int i = 0; i < count && status == CLI_OK; i++) {
        const char *equals = strchr(notes[i], '=');
        if (!equals || equals == notes[i])
            return cli_usage("--note is KEY=VALUE, not '%s'", notes[i]);
        status = set_note(a, notes[i], (size_t)(equals - notes[i]), equals + 1);
    }
    return status;
}

/* Settings for a server, as notes. */
static int add_settings(struct archive *a)
{
    static const struct {
        const char *option, *key;
        long least, most;
    } settings[] = {{"max-batch", NOTE_MAX_BATCH, 1, 1024},
                    {"batch-delay", NOTE_BATCH_DELAY, 0, 10000000},
                    {"workers", NOTE_WORKERS, 1, 1024},
                    {"timeout", NOTE_TIMEOUT, 0, 86400000}};
    int status = CLI_OK;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && status == CLI_OK; i++) {
        long value;
        if (!cli_int(a->args, settings[i].option, settings[i].least, settings[i].most, -1, &value))
            return CLI_USAGE;
        if (!cli_has(a->args, settings[i].option))
            continue;
        snprintf(a->texts[i], sizeof a->texts[i], "%ld", value);
        status = set_note(a, settings[i].key, strlen(settings[i].key), a->texts[i]);
    }
    return status;
}

static int collect_notes(struct archive *a, const infer_model *model)
{
    for (uint32_t i = 0; i < model->about.npairs && i < MOST_PAIRS; i++)
        a->pairs[a->npairs++] = model->about.pairs[i];
    const int status = add_given_notes(a);
    return status == CLI_OK ? add_settings(a) : status;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Runs a model once on zeros of the shapes that its sessions begin with. */
static infer_status run_once(infer_model *model, double *ms, infer_error *err)
{
    infer_session *session = NULL;
    const size_t nin = infer_model_inputs(model), nout = infer_model_outputs(model);
    infer_tensor *inputs = calloc(nin + 1, sizeof *inputs),
                 *outputs = calloc(nout + 1, sizeof *outputs);
    infer_status status = infer_session_create(model, NULL, &session, err);
    for (size_t i = 0; status == INFER_OK && inputs && i < nin; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        status = infer_session_input(session, i, &info, err);
        inputs[i].type = info.type;
        inputs[i].rank = info.rank;
        memcpy(inputs[i].dims, info.dims, sizeof info.dims);
        inputs[i].bytes = infer_tensor_elements(&inputs[i]) * infer_type_size(info.type);
        inputs[i].data = calloc(1, inputs[i].bytes + 1);
    }
    const double begun = cli_now_ms();
    if (status == INFER_OK && inputs && outputs)
        status = infer_run(session, inputs, nin, outputs, nout, err);
    *ms = cli_now_ms() - begun;
    for (size_t i = 0; inputs && i < nin; i++)
        free(inputs[i].data);
    free(inputs);
    free(outputs);
    infer_session_free(&session);
    return status;
}

static infer_status encode(const struct archive *a, const infer_model *m, void **bytes,
                           size_t *size, infer_error *err)
{
    struct infer__about about = m->about;
    struct infer__section *list = calloc((size_t)m->nsections + 1, sizeof *list);
    uint32_t n = 0;
    if (!list) {
        *err = (infer_error){.status = INFER_ERROR_NO_MEMORY, .message = "out of memory"};
        return err->status;
    }
    for (uint32_t i = 0; i < m->nsections; i++)
        if (m->sections[i].kind >= INFER__SECTION_PREPROCESS &&
            m->sections[i].kind != INFER__SECTION_ABOUT)
            list[n++] = m->sections[i];
    about.pairs = (struct infer__pair *)(uintptr_t)a->pairs;
    about.npairs = a->npairs;
    const struct infer__file_content content = {.graph = &m->graph,
                                                .labels = a->labels ? (const char *const *)a->labels
                                                                    : m->labels,
                                                .nlabels = a->labels ? a->nlabels : m->nlabels,
                                                .extra = list,
                                                .nextra = n,
                                                .about = &about};
    const infer_status status = infer__file_write(&content, NULL, bytes, size, err);
    free(list);
    return status;
}

/* ---- where it goes -------------------------------------------------------------------------- */

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return CLI_OK;
    fprintf(stderr, "infer: %s: %s\n", path, strerror(errno));
    return CLI_RESOURCES;
}

/* The number behind the versions of a folder. */
static long next_version(const char *folder)
{
    long next = 1;
    DIR *d = opendir(folder);
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char *end;
        const long n = strtol(e->d_name, &end, 10);
        if (*end == 0 && e->d_name[0] >= '1' && e->d_name[0] <= '9' && n >= next && n < 1L << 40)
            next = n + 1;
    }
    if (d)
        closedir(d);
    return next;
}

static int name_model(struct archive *a)
{
    const char *slash = strrchr(a->path, '/'), *base = slash ? slash + 1 : a->path;
    const char *dot = strrchr(base, '.'), *given = cli_value(a->args, "name");
    const int n = dot && dot != base ? (int)(dot - base) : (int)strlen(base);
    const int length = given ? snprintf(a->name, sizeof a->name, "%s", given)
                             : snprintf(a->name, sizeof a->name, "%.*s", n, base);
    if (length > 0 && length < (int)sizeof a->name && *a->name != '.' && !strchr(a->name, '/'))
        return CLI_OK;
    return cli_usage("a model's name is of 1 to 127 characters, does not begin with a dot and has "
                     "no '/' in it");
}

static int place_in_store(struct archive *a, const char *store)
{
    int n = snprintf(a->output, sizeof a->output, "%s/%s", store, a->name);
    int status = n < (int)sizeof a->output - 64 ? CLI_OK : cli_usage("%s: too long a path", store);
    if (!cli_int(a->args, "version", 1, 1L << 40, 0, &a->version))
        return CLI_USAGE;
    if (status == CLI_OK)
        status = make_folder(store);
    if (status == CLI_OK)
        status = make_folder(a->output);
    if (status != CLI_OK)
        return status;
    if (!a->version)
        a->version = next_version(a->output);
    n += snprintf(a->output + n, sizeof a->output - (size_t)n, "/%ld", a->version);
    status = make_folder(a->output);
    snprintf(a->output + n, sizeof a->output - (size_t)n, "/model.infer");
    if (status == CLI_OK && access(a->output, F_OK) == 0) {
        fprintf(stderr, "infer: %s is there already: versions are not replaced\n", a->output);
        return CLI_RESOURCES;
    }
    return status;
}

/* Looks at what was given; a store's folders are made when there is something to put there. */
static int check_args(struct archive *a)
{
    const char *file = cli_value(a->args, "output"), *store = cli_value(a->args, "store");
    if (!file == !store)
        return cli_usage("archive: give one of -o FILE and --store FOLDER");
    const int status = name_model(a);
    if (status != CLI_OK || store)
        return status;
    if (cli_has(a->args, "name") || cli_has(a->args, "version"))
        return cli_usage("--name and --version are for --store");
    if (strcmp(file, a->path) == 0)
        return cli_usage("%s would overwrite the model itself", file);
    return snprintf(a->output, sizeof a->output, "%s", file) < (int)sizeof a->output
               ? CLI_OK
               : cli_usage("%s: too long a path", file);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void print(const struct archive *a, unsigned nlabels)
{
    if (!cli_has(a->args, "json")) {
        printf("%s: %zu bytes, %u labels, %u notes; one run on zeros took %.1f ms\n", a->output,
               a->bytes, nlabels, a->npairs, a->run_ms);
        return;
    }
    printf("{\"model\": ");
    json_string(stdout, a->path);
    printf(", \"output\": ");
    json_string(stdout, a->output);
    if (a->version) {
        printf(", \"name\": ");
        json_string(stdout, a->name);
        printf(", \"version\": %ld", a->version);
    }
    printf(", \"bytes\": %zu, \"labels\": %u, \"run_ms\": %.3f, \"notes\": {", a->bytes, nlabels,
           a->run_ms);
    for (uint32_t i = 0; i < a->npairs; i++) {
        fputs(i ? ", " : "", stdout);
        json_string(stdout, a->pairs[i].key);
        fputs(": ", stdout);
        json_string(stdout, a->pairs[i].value);
    }
    printf("}}\n");
}

/* Tries the bytes before anything is made on the disk. */
static int try_and_write(struct archive *a, const void *bytes, size_t size)
{
    infer_model *made = NULL;
    infer_error err;
    infer_status status = infer_load_memory(bytes, size, NULL, &made, &err);
    if (status == INFER_OK)
        status = run_once(made, &a->run_ms, &err);
    const unsigned nlabels = made ? (unsigned)infer_model_labels(made) : 0;
    infer_model_free(&made);
    if (status != INFER_OK)
        return cli_fail(a->path, &err);
    a->bytes = size;
    int exit = cli_has(a->args, "store") ? place_in_store(a, cli_value(a->args, "store")) : CLI_OK;
    if (exit == CLI_OK)
        exit = write_file(a->output, bytes, size);
    if (exit == CLI_OK)
        print(a, nlabels);
    return exit;
}

static int archive(struct archive *a, const infer_model *model)
{
    infer_error err;
    void *bytes = NULL;
    size_t size = 0;
    int exit = check_args(a);
    if (exit == CLI_OK)
        exit = collect_notes(a, model);
    if (exit == CLI_OK && cli_has(a->args, "labels")) {
        a->labels = read_lines(cli_value(a->args, "labels"), &a->nlabels);
        exit = a->labels ? CLI_OK : CLI_BAD_INPUT;
    }
    if (exit != CLI_OK)
        return exit;
    if (encode(a, model, &bytes, &size, &err) == INFER_OK)
        exit = try_and_write(a, bytes, size);
    else
        exit = cli_fail(a->path, &err);
    infer_allocator memory = infer__allocator(NULL);
    infer__free(&memory, bytes);
    return exit;
}

int cmd_archive(int argc, char **argv)
{
    struct cli_args args;
    infer_model *model;
    void *bytes;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    struct archive *a = calloc(1, sizeof *a);
    if (!a)
        return CLI_RESOURCES;
    a->args = &args;
    a->path = args.positional[0];
    status = open_model(a->path, NULL, 0, &model, &bytes);
    if (model)
        status = archive(a, model);
    infer_model_free(&model);
    infer_allocator memory = infer__allocator(NULL);
    infer__free(&memory, bytes);
    for (uint32_t i = 0; i < a->nkeys; i++)
        free(a->keys[i]);
    free(a->labels);
    free(a);
    return status;
}
