/* infer reference: what the pictures of a model are like, stored in its file. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/monitor/observer.h"
#include "tools/monitor/profile.h"
#include "tools/pictures.h"
#include "tools/preprocess_args.h"
#include "tools/progress.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"data", "DIR|FILE", "pictures like those that the model will meet; repeatable"},
    {"output", "FILE", "where the model with its reference goes (default: its own file); -o too"},
    {"profile", "FILE", "write the reference alone into this file instead"},
    {"window", "N", "windows to be compared with it: the last N pictures, ..."},
    {"minutes", "T", "... of the last T minutes (default: 200 pictures)"},
    OBSERVER_OPTIONS,
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {"json", NULL, "the result as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "reference",
    "MODEL --data DIR [OPTIONS]",
    "Stores in a model's file what its pictures and answers are like.",
    "The model answers every picture. Of the pictures' sizes, brightness, contrast, colours and\n"
    "sharpness, and of the answers' classes, scores, margins, entropy, boxes and vectors the\n"
    "distributions are stored, some KiB for each: infer serve and infer drift compare with them.\n"
    "A few hundred pictures are needed, a thousand are good. A picture that can't be read is left\n"
    "out with a message; the exit status is then 3. docs/monitoring.md says what all of it means.",
    "  infer reference signs.infer --data pictures\n"
    "  infer reference yolov8n.infer --data day --data night -o watched.infer --minutes 10",
    options,
    1,
    1};

struct job {
    const struct cli_args *args;
    const char *path, *output, *alone;
    struct observer observer;
    struct profile profile;
    int pictures, failed;
    size_t bytes; /* of the profile */
};

static int check_args(struct job *j)
{
    const size_t n = strlen(j->path);
    long window;
    float minutes;
    if (!cli_has(j->args, "data"))
        return cli_usage("reference: give --data, a folder of pictures");
    if (!cli_int(j->args, "window", 40, 100000000, 0, &window) ||
        !cli_float(j->args, "minutes", 0, 1e6F, 0, &minutes))
        return CLI_USAGE;
    j->profile.window = (uint32_t)window;
    j->profile.minutes = (double)minutes;
    j->alone = cli_value(j->args, "profile");
    j->output = cli_value(j->args, "output");
    if (j->alone && j->output)
        return cli_usage("reference: --profile writes no model: one of it and -o");
    if (!j->output && !j->alone && n >= 5 && strcmp(j->path + n - 5, ".onnx") == 0)
        return cli_usage("reference: an ONNX model needs -o FILE.infer for what comes of it");
    j->output = j->output ? j->output : j->path;
    return CLI_OK;
}

static int observe(struct job *j)
{
    struct pictures p;
    int names;
    const char *const *data = cli_values(j->args, "data", &names);
    const double start = cli_now_ms();
    int status = pictures_list(data, names, &p);
    for (int i = 0; status == CLI_OK && i < p.count; i++) {
        struct features f;
        infer_error err;
        if (isatty(2))
            progress_show(start, p.paths[i], (double)i / p.count);
        if (observer_run(&j->observer, p.paths[i], &f, &err) != INFER_OK) {
            if (isatty(2))
                progress_wipe();
            cli_fail(p.paths[i], &err);
            j->failed++;
        } else if (!profile_add(&j->profile, &f)) {
            fprintf(stderr, "infer: no memory for a profile\n");
            status = CLI_RESOURCES;
        }
    }
    if (isatty(2))
        progress_wipe();
    j->pictures = p.count;
    pictures_free(&p);
    if (status == CLI_OK && j->failed == j->pictures) {
        fprintf(stderr, "infer: none of %d pictures has an answer: nothing is stored\n",
                j->pictures);
        status = CLI_BAD_INPUT;
    }
    return status;
}

static int store(struct job *j)
{
    infer_error err;
    void *bytes = NULL, *encoded = NULL;
    size_t size;
    infer_status status = profile_encode(&j->profile, &encoded, &j->bytes, &err);
    if (status == INFER_OK && !j->alone)
        status = profile_store(&j->profile, j->observer.model, &bytes, &size, &err);
    int exit = status != INFER_OK ? cli_fail(j->path, &err)
               : j->alone         ? write_file(j->alone, encoded, j->bytes)
                                  : write_file(j->output, bytes, size);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    free(encoded);
    return exit;
}

static int print(const struct job *j)
{
    const int ok = cli_has(j->args, "json") ? profile_json(stdout, &j->profile)
                                            : profile_text(stdout, &j->profile);
    if (!ok)
        fprintf(stderr, "infer: no memory for a profile\n");
    else if (cli_has(j->args, "json"))
        printf("\n");
    else
        printf("%s: a reference of %zu bytes\n", j->alone ? j->alone : j->output, j->bytes);
    return !ok ? CLI_RESOURCES : j->failed ? CLI_BAD_INPUT : CLI_OK;
}

int cmd_reference(int argc, char **argv)
{
    struct cli_args args;
    struct job j = {.args = &args};
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    j.path = args.positional[0];
    profile_begin(&j.profile);
    status = check_args(&j);
    if (status == CLI_OK)
        status = observer_open(&j.observer, j.path, &args);
    if (status == CLI_OK)
        status = observe(&j);
    if (status == CLI_OK)
        status = store(&j);
    if (status == CLI_OK)
        status = print(&j);
    observer_close(&j.observer);
    profile_free(&j.profile);
    return status;
}
