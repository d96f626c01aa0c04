/* infer tune: measures kernels on this CPU and stores the fastest in the model's file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "infer_experimental.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/session_args.h"
#include "tools/tune.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"output", "FILE", "where the tuned model goes (default: the model's own file); -o too"},
    {"time", "SECONDS", "how long to measure at most (default 30)"},
    {"threads", "N,...", "numbers of threads to measure at (default: 1 and all)"},
    SHAPE_OPTION,
    MAX_OPTION,
    {"precision", "TYPE", "what to tune for: sessions of f32 (default), f32-strict, bf16"},
    {"json", NULL, "the result as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "tune",
    "MODEL.infer [OPTIONS]",
    "Measures the kernels that could run each step on this CPU, and stores the fastest.",
    "Without a tuned plan, sessions take the kernel with the lowest estimate. This command runs "
    "the\n"
    "network with one kernel after the other, step by step, and takes those that are clearly\n"
    "faster. Then it compares the whole network, tuned and untuned in turns, and stores the plan\n"
    "only if it is faster at one number of threads and slower at none; the file is replaced "
    "whole.\n"
    "\n"
    "Sessions use the plan on a CPU of the same model, with the same version of the library, for\n"
    "layers of the same shapes; elsewhere, and for other layers, estimates decide as before.\n"
    "Which kernels run does not depend on the number of threads. Tuning again, for other shapes\n"
    "or the other precision, adds to the plan: each session finds what was measured for its own.\n"
    "Nothing else should run on the machine meanwhile.",
    "  infer tune mobilenet.infer --time 10\n"
    "  infer tune detector.infer -o tuned.infer --input-shape images=1x3x640x640 --threads 1,4",
    options,
    1,
    1};

/* ---- arguments ------------------------------------------------------------------------------ */

static int by_threads(const void *a, const void *b)
{
    uint32_t x = ((const struct tune_whole *)a)->threads;
    uint32_t y = ((const struct tune_whole *)b)->threads;
    return (x > y) - (x < y);
}

static void add_threads(struct tuner *t, long n)
{
    for (unsigned i = 0; i < t->nthreads; i++)
        if (t->whole[i].threads == (uint32_t)n)
            return;
    t->whole[t->nthreads++].threads = (uint32_t)n;
}

static int parse_threads(const char *text, struct tuner *t)
{
    if (!text) {
        add_threads(t, 1);
        add_threads(t, (long)infer__cpu_count());
        return 1;
    }
    for (const char *p = text;; p++) {
        char *end;
        errno = 0;
        long n = strtol(p, &end, 10);
        if (end == p || errno || n < 1 || n > 1024 || (*end && *end != ',') ||
            t->nthreads == TUNE_MOST_THREADS) {
            cli_usage("--threads %s: 1 to %d numbers of 1 to 1024, with commas between them", text,
                      TUNE_MOST_THREADS);
            return 0;
        }
        add_threads(t, n);
        if (!*end)
            break;
        p = end;
    }
    qsort(t->whole, t->nthreads, sizeof *t->whole, by_threads);
    return 1;
}

static int parse_time(const char *text, double *seconds)
{
    char *end;
    *seconds = 30;
    if (!text)
        return 1;
    *seconds = strtod(text, &end);
    if (end != text && !*end && *seconds > 0 && *seconds <= 86400)
        return 1;
    cli_usage("--time %s: a number of seconds is needed", text);
    return 0;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static const char *node_name(const struct tuner *t, const struct tune_task *k, infer_step_info *s)
{
    infer_session_step(t->names, k->step, s, NULL);
    return s->node;
}

static void print_text(const struct tuner *t, const char *output)
{
    infer_step_info s = INFER_STEP_INFO_INIT;
    for (unsigned i = 0; i < t->nthreads; i++) {
        const struct tune_whole *w = &t->whole[i];
        printf("%u thread%s ", w->threads, w->threads == 1 ? ": " : "s:");
        if (w->turns && !t->changed)
            printf("%.3f ms\n", w->before_ms);
        else if (w->turns)
            printf("%.3f ms untuned, %.3f ms tuned: %.3fx\n", w->before_ms, w->after_ms,
                   w->ratio > 0 ? 1 / w->ratio : 1);
        else
            printf("the time did not suffice to compare\n");
    }
    printf("%u of %u different tasks (%zu steps) run faster otherwise\n", t->changed, t->ntasks,
           infer_session_steps(t->names));
    for (uint32_t i = 0; i < t->ntasks; i++) {
        const struct tune_task *k = &t->tasks[i];
        if (!tune_changed(k))
            continue;
        printf("  %s '%s'", infer__op_info(t->names->program->plan.steps[k->step].task.op)->name,
               node_name(t, k, &s));
        if (k->nsteps > 1)
            printf(" and %u like it", k->nsteps - 1);
        printf(": %s -> %s%s", k->untuned.kernel->name, k->tuned.kernel->name,
               k->tuned.serial ? " on one thread" : "");
        for (unsigned ti = 0; ti < t->nthreads; ti++)
            printf("%s %.1f -> %.1f us", ti ? "," : ";", k->values[ti][0].ns / 1e3,
                   k->values[ti][1].ns / 1e3);
        putchar('\n');
    }
    if (t->wall_ms > 0 && t->cpu_ms < 0.8 * t->wall_ms)
        printf(
            "the machine was busy: %.0f %% of the time that these runs wanted went to others, so "
            "that\nsmall differences could not be seen\n",
            100 - 100 * t->cpu_ms / t->wall_ms);
    if (t->kept)
        printf("%s: tuned plan stored\n", output);
    else if (t->changed)
        printf("%s: not stored, since the whole network is not clearly faster with it\n", output);
    else if (t->hurried)
        printf("%s: the time did not suffice to choose kernels: see --time\n", output);
    else
        printf("%s: no tuned plan is needed: estimates chose as well\n", output);
}

static void print_changes(const struct tuner *t)
{
    infer_step_info s = INFER_STEP_INFO_INIT;
    const char *comma = "";
    for (uint32_t i = 0; i < t->ntasks; i++) {
        const struct tune_task *k = &t->tasks[i];
        if (!tune_changed(k))
            continue;
        printf("%s\n  {\"step\": %u, \"steps\": %u, \"node\": ", comma, k->step, k->nsteps);
        json_string(stdout, node_name(t, k, &s));
        printf(", \"op\": \"%s\", \"untuned\": \"%s\", \"tuned\": \"%s\", \"serial\": %s", s.op,
               k->untuned.kernel->name, k->tuned.kernel->name, k->tuned.serial ? "true" : "false");
        printf(", \"estimate_us\": ");
        json_number(stdout, k->estimate_ns / 1e3);
        printf(", \"untuned_us\": [");
        for (unsigned ti = 0; ti < t->nthreads; ti++) {
            fputs(ti ? ", " : "", stdout);
            json_number(stdout, k->values[ti][0].ns / 1e3);
        }
        printf("], \"tuned_us\": [");
        for (unsigned ti = 0; ti < t->nthreads; ti++) {
            fputs(ti ? ", " : "", stdout);
            json_number(stdout, k->values[ti][1].ns / 1e3);
        }
        printf("]}");
        comma = ",";
    }
}

static void print_json(const struct tuner *t, const char *path, const char *output)
{
    printf("{\"model\": ");
    json_string(stdout, path);
    printf(", \"output\": ");
    json_string(stdout, output);
    printf(", \"stored\": %s, \"seconds\": %.3f, \"cpu_share\": %.3f, \"steps\": %zu, \"tasks\": "
           "%u, \"changed\": %u",
           t->kept ? "true" : "false", (cli_now_ms() - t->start_ms) / 1e3,
           t->wall_ms > 0 ? t->cpu_ms / t->wall_ms : 1, infer_session_steps(t->names), t->ntasks,
           t->changed);
    printf(",\n\"whole\": [");
    for (unsigned i = 0; i < t->nthreads; i++) {
        const struct tune_whole *w = &t->whole[i];
        printf("%s\n  {\"threads\": %u, \"untuned_ms\": %.6f, \"tuned_ms\": %.6f, \"ratio\": %.5f, "
               "\"turns\": %d}",
               i ? "," : "", w->threads, w->before_ms, w->after_ms, w->ratio, w->turns);
    }
    printf("],\n\"changes\": [");
    print_changes(t);
    printf("]}\n");
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Writes what belongs into the file now: with a plan that was kept, or without the entries of one
 * that did not win again. */
static int store(struct tuner *t, const char *path, const char *output)
{
    void *bytes;
    size_t size;
    int status = CLI_RESOURCES;
    struct infer__tuned_entry *e = calloc((size_t)t->ntasks + 1, sizeof *e);
    uint64_t *keys = calloc((size_t)t->ntasks + 1, sizeof *keys);
    if (!e || !keys) {
        infer__no_memory(&t->err, t->ntasks * sizeof *e);
        cli_fail(path, &t->err);
        goto done;
    }
    tune_entries(t, e);
    for (uint32_t i = 0; i < t->ntasks; i++)
        keys[i] = t->tasks[i].key;
    if (tune_file(t->model, &t->here, e, t->kept ? t->ntasks : 0, keys, t->ntasks, &bytes, &size,
                  &t->err) != INFER_OK) {
        status = cli_fail(path, &t->err);
        goto done;
    }
    status = write_file(output, bytes, size);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
done:
    free(e);
    free(keys);
    return status;
}

static int tune_model(struct tuner *t, const struct cli_args *args, const char *output)
{
    const char *path = args->positional[0];
    infer_status status = tune(t);
    if (status != INFER_OK)
        return cli_fail(path, &t->err);
    struct infer__tuned old;
    int enough = 1, replaces = infer__tuned_find(t->model, &t->here, &old);
    for (unsigned i = 0; i < t->nthreads; i++)
        enough &= t->whole[i].turns > 0;
    /* too little time says nothing about the plan that may be in the file */
    if (t->kept || (enough && replaces) || strcmp(path, output) != 0) {
        int written = store(t, path, output);
        if (written != CLI_OK)
            return written;
    }
    if (cli_has(args, "json"))
        print_json(t, path, output);
    else
        print_text(t, output);
    return CLI_OK;
}

/* Opens the model, tunes it and stores the plan. */
static int tune_path(struct tuner *t, const struct cli_args *args)
{
    const char *path = args->positional[0], *output = cli_value(args, "output");
    infer_model *model;
    void *bytes;
    int status = open_model(path, NULL, 0, &model, &bytes);
    t->model = model;
    if (model && bytes && !output)
        status = cli_usage("tune: an ONNX model needs -o FILE.infer for what comes of it");
    else if (model && !infer__tuned_here(&t->here))
        status = cli_usage("tune: CPUs of this kind can't be told apart, so nothing is tuned");
    else if (model)
        status = tune_model(t, args, output ? output : path);
    tune_free(t);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}

int cmd_tune(int argc, char **argv)
{
    struct cli_args args;
    struct session_args s;
    struct tuner t = {.start_ms = cli_now_ms(), .bar = isatty(2)};
    double seconds;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = CLI_USAGE;
    if (session_args_shapes(&args, &s) &&
        session_args_precision(cli_value(&args, "precision"), &s.options.precision) &&
        parse_threads(cli_value(&args, "threads"), &t) &&
        parse_time(cli_value(&args, "time"), &seconds)) {
        t.options = s.options;
        t.end_ms = t.start_ms + 950 * seconds; /* 5 % are for writing the file */
        status = tune_path(&t, &args);
    }
    session_args_free(&s);
    return status;
}
