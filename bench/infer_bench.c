/* infer-bench: how long a model takes, and which of its steps take how much of it.
 *
 * It links libinfer.a alone, so that what it measures is what an application gets. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/cpu.h"
#include "base/types.h"
#include "bench/bench.h"
#include "infer_experimental.h"
#include "tools/random_fill.h"

static const char help_text[] =
    "Usage: infer-bench MODEL.infer [OPTIONS]\n"
    "\n"
    "Runs a model on the same pseudo-random inputs again and again, and prints times.\n"
    "\n"
    "Options:\n"
    "  -t, --threads N          threads (default: all that this process may use)\n"
    "  -b, --batch N            size of the inputs' free first dimension (default 1)\n"
    "      --time SECONDS       how long to measure (default 2), behind a warm-up\n"
    "      --input-shape NAME=DIMS  shape of an input, as input=1x3x224x224; repeatable\n"
    "      --max NAME=N         the most of a size that depends on values; repeatable\n"
    "      --isa LEVEL          c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16 or amx (default: "
    "the "
    "best)\n"
    "      --no-onednn          native kernels only\n"
    "      --precision TYPE     f32 (default), f32-strict (plain sums only), or bf16 for operands "
    "of\n"
    "                           convolutions and products\n"
    "      --profile            time, GFLOP/s, GB/s and limit of every step as well\n"
    "      --sessions N         1, 2, 4 ... N sessions on one pool at once: runs a second of all,\n"
    "                           and what the threads take at rest; --time is of each number\n"
    "      --json               one JSON object\n"
    "      --serve PREFIX       serve runs to another program, over standard input and output:\n"
    "                           inputs go to PREFIX.in0 ..., see bench/bench_serve.c\n"
    "      --help               this page\n"
    "\n"
    "Times are of one infer_run of the whole batch. Inputs are random floats in [-1, 1), random\n"
    "bytes, and 0 or 1 for wider integers, the same at every start.\n"
    "\n"
    "With --profile a clock is read behind every step, which adds a little to the total. The "
    "limit\n"
    "is measured on this machine: the step's operations at the rate of f32 multiply-adds, or its\n"
    "bytes at the rate of reading so many, whichever takes longer; a step at 100 % can't be done\n"
    "faster in this way. More is possible with fewer operations (Winograd), with int8, and on "
    "data\n"
    "that a nearer cache still has.\n"
    "\n"
    "Exit status: 0 it worked, 2 wrong arguments, 3 the model can't be read or run, 4 no memory\n"
    "or a limit.\n"
    "\n"
    "Example:\n"
    "  infer-bench mobilenet.infer -t 1 --time 5 --profile\n";

int bench_fail(const char *what, const infer_error *err)
{
    fprintf(stderr, "infer-bench: %s: %s", what, err->message);
    if (err->node[0])
        fprintf(stderr, " (node '%s')", err->node);
    fprintf(stderr, " [%s]\n", infer_status_name(err->status));
    return err->status == INFER_ERROR_NO_MEMORY || err->status == INFER_ERROR_LIMIT ||
                   err->status == INFER_ERROR_THREAD
               ? BENCH_RESOURCES
               : BENCH_BAD_INPUT;
}

static int usage(const char *what, const char *text)
{
    fprintf(stderr, "infer-bench: %s '%s'; see infer-bench --help\n", what, text);
    return BENCH_USAGE;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int parse_number(const char *text, long most, uint32_t *out)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < 1 || v > most)
        return usage("a whole number from 1 is needed, not", text);
    *out = (uint32_t)v;
    return 0;
}

static int parse_time(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out > 0) || *out > 86400)
        return usage("a number of seconds is needed, not", text);
    return 0;
}

static int parse_isa(const char *text, infer_isa *isa)
{
    *isa = infer__isa_named(text);
    return *isa ? 0 : usage("there is no level", text);
}

static int parse_precision(const char *text, uint32_t *precision)
{
    return infer__precision_named(text, precision)
               ? 0
               : usage("f32, f32-strict or bf16 is needed, not", text);
}

/* "name=1x3x224x224"; the name is cut out of the argument itself. */
static int parse_shape(char *text, struct bench *b)
{
    infer_input_spec *s = &b->shapes[b->nshapes];
    char *equals = strrchr(text, '='), *at = equals ? equals + 1 : text, *end = at;
    if (b->nshapes == BENCH_MOST_SHAPES)
        return usage("too many shapes, at", text);
    while (equals && s->rank < INFER_MAX_RANK) {
        errno = 0;
        s->dims[s->rank++] = strtoll(at, &end, 10);
        if (end == at || errno || s->dims[s->rank - 1] < 0 || *end != 'x')
            break;
        at = end + 1;
    }
    if (!equals || equals == text || end == at || *end || s->dims[s->rank - 1] < 0)
        return usage("a shape is written NAME=1x3x224x224, not", text);
    *equals = 0;
    s->name = text;
    b->nshapes++;
    return 0;
}

/* "name=100", cut likewise. */
static int parse_maximum(char *text, struct bench *b)
{
    infer_maximum *m = &b->maxima[b->options.nmaxima];
    char *equals = strrchr(text, '=');
    uint32_t value = 0;
    if (b->options.nmaxima == BENCH_MOST_SHAPES)
        return usage("too many maxima, at", text);
    if (!equals || equals == text)
        return usage("a maximum is written NAME=100, not", text);
    int status = parse_number(equals + 1, INT32_MAX, &value);
    *equals = 0;
    m->name = text;
    m->value = value;
    b->options.maxima = b->maxima;
    b->options.nmaxima++;
    return status;
}

/* Returns 0 to go on, -1 after --help, else what to exit with. */
static int parse(int argc, char **argv, struct bench *b)
{
    static const struct option longs[] = {
        {"threads", required_argument, NULL, 't'}, {"batch", required_argument, NULL, 'b'},
        {"time", required_argument, NULL, 's'},    {"input-shape", required_argument, NULL, 'i'},
        {"max", required_argument, NULL, 'm'},     {"isa", required_argument, NULL, 'l'},
        {"no-onednn", no_argument, NULL, 'n'},     {"precision", required_argument, NULL, 'P'},
        {"profile", no_argument, NULL, 'p'},       {"json", no_argument, NULL, 'j'},
        {"serve", required_argument, NULL, 'S'},   {"sessions", required_argument, NULL, 'N'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int status = 0, c;
    infer_session_options_init(&b->options, sizeof b->options);
    b->seconds = 2;
    while (!status && (c = getopt_long(argc, argv, "t:b:h", longs, NULL)) != -1) {
        if (c == 't')
            status = parse_number(optarg, 1024, &b->options.threads);
        else if (c == 'b')
            status = parse_number(optarg, 1000000, &b->batch);
        else if (c == 's')
            status = parse_time(optarg, &b->seconds);
        else if (c == 'i')
            status = parse_shape(optarg, b);
        else if (c == 'm')
            status = parse_maximum(optarg, b);
        else if (c == 'l')
            status = parse_isa(optarg, &b->options.isa);
        else if (c == 'n')
            b->options.no_onednn = 1;
        else if (c == 'P')
            status = parse_precision(optarg, &b->options.precision);
        else if (c == 'p')
            b->options.profile = 1;
        else if (c == 'j')
            b->json = 1;
        else if (c == 'S')
            b->serve = optarg;
        else if (c == 'N')
            status = parse_number(optarg, 1024, &b->sessions);
        else if (c == 'h')
            status = -1;
        else
            status = BENCH_USAGE; /* getopt_long has said why */
    }
    if (!status && optind + 1 != argc)
        status = usage("one MODEL.infer is needed", optind < argc ? argv[optind + 1] : "");
    b->path = status ? NULL : argv[optind];
    return status;
}

/* ---- the session ---------------------------------------------------------------------------- */

static const infer_input_spec *given_shape(const struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->nshapes; i++)
        if (strcmp(b->shapes[i].name, name) == 0)
            return &b->shapes[i];
    return NULL;
}

/* Shapes of all inputs: those given, else the model's with the batch in a free first dimension. */
static int bind_shapes(struct bench *b)
{
    char what[160];
    for (size_t k = 0; k < b->nshapes; k++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        size_t i = 0;
        while (i < b->ninputs && infer_model_input(b->model, i, &info, NULL) == INFER_OK &&
               strcmp(info.name, b->shapes[k].name) != 0)
            i++;
        if (i == b->ninputs)
            return usage("the model has no input", b->shapes[k].name);
    }
    for (size_t i = 0; i < b->ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_input_spec *s = &b->specs[i];
        infer_model_input(b->model, i, &info, NULL);
        const infer_input_spec *given = given_shape(b, info.name);
        s->name = info.name;
        s->rank = given ? given->rank : info.rank;
        memcpy(s->dims, given ? given->dims : info.dims, sizeof s->dims);
        int free_batch = !given && info.rank > 0 && (info.free_dims & 1);
        if (free_batch)
            s->dims[0] = b->batch ? b->batch : 1;
        else if (b->batch && (s->rank == 0 || s->dims[0] != b->batch)) {
            snprintf(what, sizeof what, "batch %u can't be had: it is fixed to %lld by input",
                     b->batch, (long long)(s->rank ? s->dims[0] : 0));
            return usage(what, info.name);
        }
        for (int k = 1; !given && k < info.rank; k++)
            if (info.free_dims >> k & 1)
                return usage("--input-shape is needed for the free dimensions of input", info.name);
    }
    if (!b->batch) /* for the report */
        b->batch = b->ninputs && b->specs[0].rank ? (uint32_t)b->specs[0].dims[0] : 1;
    b->options.inputs = b->specs;
    b->options.ninputs = b->ninputs;
    return 0;
}

static int make_inputs(struct bench *b)
{
    for (size_t i = 0; i < b->ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_tensor *t = &b->inputs[i];
        infer_session_input(b->session, i, &info, NULL);
        t->type = info.type;
        t->rank = info.rank;
        memcpy(t->dims, info.dims, sizeof t->dims);
        t->bytes = infer_tensor_elements(t) * infer_type_size(t->type);
        t->data = aligned_alloc(64, (t->bytes + 64) & ~(size_t)63);
        if (!t->data) {
            fprintf(stderr, "infer-bench: no memory for input '%s'\n", info.name);
            return BENCH_RESOURCES;
        }
        random_fill(t, i + 1);
    }
    return 0;
}

static int prepare(struct bench *b)
{
    infer_error err;
    double start = bench_now_ms();
    if (infer_load(b->path, NULL, &b->model, &err) != INFER_OK)
        return bench_fail(b->path, &err);
    b->load_ms = bench_now_ms() - start;
    b->ninputs = infer_model_inputs(b->model);
    b->noutputs = infer_model_outputs(b->model);
    b->inputs = calloc(b->ninputs + 1, sizeof *b->inputs);
    b->specs = calloc(b->ninputs + 1, sizeof *b->specs);
    b->outputs = calloc(b->noutputs + 1, sizeof *b->outputs);
    if (!b->inputs || !b->specs || !b->outputs) {
        fprintf(stderr, "infer-bench: no memory\n");
        return BENCH_RESOURCES;
    }
    int status = bind_shapes(b);
    if (status)
        return status;
    start = bench_now_ms();
    if (infer_session_create(b->model, &b->options, &b->session, &err) != INFER_OK)
        return bench_fail(b->path, &err);
    b->session_ms = bench_now_ms() - start;
    infer_session_memory_init(&b->memory, sizeof b->memory);
    infer_session_memory_use(b->session, &b->memory, NULL);
    return make_inputs(b);
}

/* ---- measuring ------------------------------------------------------------------------------ */

double bench_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int bench_run_once(struct bench *b, double *ms)
{
    infer_error err;
    memset(b->outputs, 0, b->noutputs * sizeof *b->outputs);
    double start = bench_now_ms();
    infer_status status =
        infer_run(b->session, b->inputs, b->ninputs, b->outputs, b->noutputs, &err);
    *ms = bench_now_ms() - start;
    return status == INFER_OK ? 0 : bench_fail(b->path, &err);
}

/* Room for one more time. */
static int grow(struct bench *b)
{
    if (b->runs < b->room)
        return 1;
    size_t room = b->room ? b->room * 2 : 1024;
    double *ms = realloc(b->ms, room * sizeof *ms);
    if (!ms)
        return 0;
    b->ms = ms;
    b->room = room;
    return 1;
}

/* A fifth of the time, at least 3 runs, is warm-up: caches, page faults, the clock of the CPU. At
 * least 5 runs are measured. */
static int measure(struct bench *b)
{
    double ms, start = bench_now_ms();
    int status = 0;
    for (int i = 0; !status && (i < 3 || bench_now_ms() - start < b->seconds * 200); i++)
        status = bench_run_once(b, &ms);
    size_t steps = b->options.profile ? infer_session_steps(b->session) : 0;
    b->warm = calloc(steps + 1, sizeof *b->warm);
    for (size_t i = 0; b->warm && i < steps; i++) {
        infer_step_info_init(&b->warm[i], sizeof b->warm[i]);
        infer_session_step(b->session, i, &b->warm[i], NULL);
    }
    start = bench_now_ms();
    while (!status && (b->runs < 5 || bench_now_ms() - start < b->seconds * 1000)) {
        if (!b->warm || !grow(b)) {
            fprintf(stderr, "infer-bench: no memory for the times\n");
            return BENCH_RESOURCES;
        }
        status = bench_run_once(b, &b->ms[b->runs++]);
    }
    return status;
}

/* Before the process does anything else: what it took at most so far, in bytes. */
static uint64_t peak_rss(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0; /* Linux: KiB */
}

static void release(struct bench *b)
{
    infer_session_free(&b->session);
    infer_model_free(&b->model);
    for (size_t i = 0; b->inputs && i < b->ninputs; i++)
        free(b->inputs[i].data);
    free(b->inputs);
    free(b->outputs);
    free(b->specs);
    free(b->warm);
    free(b->ms);
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    int status = parse(argc, argv, &b);
    if (status < 0) {
        fputs(help_text, stdout);
        return 0;
    }
    status = status ? status : prepare(&b);
    if (!status && b.serve)
        status = bench_serve(&b);
    else if (!status && b.sessions)
        status = bench_sessions(&b);
    else if (!status && (status = measure(&b)) == 0) {
        b.peak_rss_bytes = peak_rss();
        bench_report(&b);
        if (fflush(stdout) || ferror(stdout)) {
            perror("infer-bench: standard output");
            status = BENCH_RESOURCES;
        }
    }
    release(&b);
    return status;
}
