/* infer drift: whether what was asked is still like the reference. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/monitor/drift.h"
#include "tools/pictures.h"
#include "tools/preprocess_args.h"
#include "tools/progress.h"

static const struct cli_option options[] = {
    {"report", "FILE.html", "a page with tables, histograms and the oddest pictures"},
    {"window", "N", "windows of the last N pictures, ..."},
    {"minutes", "T",
     "... of the last T minutes by the log's times (as the reference says, or 200)"},
    {"alarm", "P", "of windows like the reference this share may be taken for drifted (0.002)"},
    {"least", "D", "differences (KS, or total variation of classes) below it are none (0.1)"},
    {"model", "MODEL", "answers the pictures of a folder (default: REFERENCE)"},
    OBSERVER_OPTIONS,
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {"json", NULL, "everything as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "drift",
    "REFERENCE LOGS|DIR|PICTURE... [OPTIONS]",
    "Compares what was asked with what the model was made for.",
    "REFERENCE is a .infer file that infer reference has been at, or its --profile. What is "
    "compared\n"
    "is a log with a line of JSON for each request, as infer serve writes it; or pictures, which\n"
    "the model then answers. Each version of each model is judged by itself: all its pictures\n"
    "together, and window by window as a server does, with an alert where two in a row have\n"
    "drifted. The exit status is 1 where something has drifted. docs/monitoring.md has the\n"
    "log's members and the statistics.",
    "  infer drift signs.infer requests.jsonl --report drift.html\n"
    "  infer drift signs.infer new-pictures --json",
    options,
    2,
    INT_MAX};

static int parse(const struct cli_args *args, struct monitor_options *o)
{
    long window;
    float minutes, alarm, least;
    if (!cli_int(args, "window", 40, 100000000, 0, &window) ||
        !cli_float(args, "minutes", 0, 1e6F, 0, &minutes) ||
        !cli_float(args, "alarm", 1e-9F, 0.5F, 0.002F, &alarm) ||
        !cli_float(args, "least", 1e-6F, 1, 0.1F, &least))
        return 0;
    *o = (struct monitor_options){.window = (uint32_t)window,
                                  .minutes = (double)minutes,
                                  .judge = {.alarm = (double)alarm, .least = (double)least}};
    return 1;
}

/* A log is a file that is no picture by its name. */
static int is_log(const char *path)
{
    static const char *const endings[] = {".json", ".jsonl", ".ndjson", ".log", ".txt"};
    const size_t n = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (n >= m && strcasecmp(path + n - m, endings[i]) == 0)
            return 1;
    }
    return 0;
}

static int answer_all(struct drift *d, struct observer *o, const struct pictures *p)
{
    const double start = cli_now_ms();
    int status = CLI_OK;
    for (int i = 0; status == CLI_OK && i < p->count; i++) {
        struct features f;
        infer_error err;
        if (isatty(2))
            progress_show(start, p->paths[i], (double)i / p->count);
        const infer_status ran = observer_run(o, p->paths[i], &f, &err);
        if (isatty(2))
            progress_wipe();
        if (ran == INFER_OK)
            status = drift_add(d, "", "", p->paths[i], &f, (double)d->pictures);
        else {
            cli_fail(p->paths[i], &err);
            d->skipped++;
        }
    }
    return status;
}

static int read_pictures(struct drift *d, const struct cli_args *args, const char *const *names,
                         int n)
{
    const char *model = cli_value(args, "model");
    struct observer o = {0};
    struct pictures p;
    if (!model && !d->model)
        return cli_usage("%s is no model: give --model, which answers the pictures",
                         d->reference_path);
    int status = pictures_list(names, n, &p);
    if (status == CLI_OK) {
        status = observer_open(&o, model ? model : d->reference_path, args);
        if (status == CLI_OK)
            status = answer_all(d, &o, &p);
        observer_close(&o);
    }
    pictures_free(&p);
    return status;
}

/* Arguments in their order; pictures that follow one another by one session. */
static int read_all(struct drift *d, const struct cli_args *args)
{
    const char *const *names = (const char *const *)args->positional + 1;
    const int n = args->npositional - 1;
    int status = CLI_OK;
    for (int i = 0; status == CLI_OK && i < n;) {
        int end = i + 1;
        d->path = names[i];
        if (is_log(names[i])) {
            status = drift_read_log(d, names[i]);
        } else {
            while (end < n && !is_log(names[end]))
                end++;
            status = read_pictures(d, args, names + i, end - i);
        }
        i = end;
    }
    if (status == CLI_OK && !d->pictures) {
        fprintf(stderr, "infer: %s: there is nothing to compare: no request with `features`\n",
                names[0]);
        status = CLI_BAD_INPUT;
    }
    return status;
}

int cmd_drift(int argc, char **argv)
{
    struct cli_args args;
    struct monitor_options o;
    struct drift d;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    if (!parse(&args, &o))
        return CLI_USAGE;
    status = drift_begin(&d, args.positional[0], &o);
    if (status == CLI_OK)
        status = read_all(&d, &args);
    if (status == CLI_OK)
        status = drift_finish(&d);
    if (status <= CLI_DIFFERS && cli_has(&args, "report")) {
        const int written = drift_page(cli_value(&args, "report"), &d);
        status = written == CLI_OK ? status : written;
    }
    if (status <= CLI_DIFFERS) {
        if (cli_has(&args, "json"))
            drift_json(stdout, &d);
        else
            drift_text(stdout, &d);
    }
    drift_end(&d);
    return status;
}
