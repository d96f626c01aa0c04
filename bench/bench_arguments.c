/* What infer-bench is asked to do. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/types.h"
#include "bench/bench.h"

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
    "      --isa LEVEL          c, avx2, avx2vnni, avx512, avx512vnni, avx512bf16 or amx "
    "(default:\n"
    "                           the best)\n"
    "      --no-onednn          native kernels only\n"
    "      --precision TYPE     f32 (default), f32-strict (plain sums only), or bf16 for operands "
    "of\n"
    "                           convolutions and products\n"
    "      --weight-bytes N     bytes of packed weights at most (default: docs/memory.md)\n"
    "      --profile            time, GFLOP/s, GB/s and limit of every step as well\n"
    "      --sessions N         1, 2, 4 ... N sessions on one pool at once: runs a second of all,\n"
    "                           and what the threads take at rest; --time is of each number\n"
    "      --streams N          N sessions side by side, each on threads / N: images a second\n"
    "      --hint NAME          throughput or latency: the best split between sessions and "
    "threads,\n"
    "                           found by measuring all for --time in turn\n"
    "      --processes          beside as many independent processes of one thread\n"
    "      --plan-scaling LIST  how a run would scale on 1,2,4,... threads, without as many CPUs:\n"
    "                           units, barriers and bytes of each step, docs/scaling.md\n"
    "      --memory-channels N  of the server that this is for (default 8, DDR5-4800)\n"
    "      --bandwidth GB/S     the same: what all of its threads get from memory\n"
    "      --l3 MB              the same: its last-level cache (default: this machine's)\n"
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
    "Examples:\n"
    "  infer-bench mobilenet.infer -t 1 --time 5 --profile\n"
    "  infer-bench mobilenet.infer -t 2 --hint throughput --processes\n"
    "  infer-bench resnet50.infer --plan-scaling 1,2,4,8,16,32,64\n";

int bench_usage(const char *what, const char *text)
{
    fprintf(stderr, "infer-bench: %s '%s'; see infer-bench --help\n", what, text);
    return BENCH_USAGE;
}

static int parse_number(const char *text, long most, uint32_t *out)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < 1 || v > most)
        return bench_usage("a whole number from 1 is needed, not", text);
    *out = (uint32_t)v;
    return 0;
}

/* Of seconds, GB/s ... */
static int parse_positive(const char *text, const char *unit, double *out)
{
    char *end, what[64];
    *out = strtod(text, &end);
    snprintf(what, sizeof what, "a number of %s is needed, not", unit);
    if (end == text || *end || !(*out > 0) || *out > 86400)
        return bench_usage(what, text);
    return 0;
}

static int parse_hint(const char *text, int *hint)
{
    *hint = strcmp(text, "throughput") == 0 ? BENCH_THROUGHPUT
            : strcmp(text, "latency") == 0  ? BENCH_LATENCY
                                            : 0;
    return *hint ? 0 : bench_usage("throughput or latency is needed, not", text);
}

/* "1,2,4"; 1 comes first, given or not. */
static int parse_plans(const char *text, struct bench *b)
{
    const char *at = text;
    b->nplans = 0;
    b->plans[b->nplans++] = 1;
    do {
        char *end;
        errno = 0;
        long v = strtol(at, &end, 10);
        if (end == at || errno || (*end && *end != ',') || v < 1 || v > 1024 ||
            b->nplans == BENCH_MOST_PLANS)
            return bench_usage("numbers of threads are written 1,2,4, not", text);
        if (v > 1)
            b->plans[b->nplans++] = (uint32_t)v;
        at = *end ? end + 1 : end;
    } while (*at);
    return 0;
}

static int parse_isa(const char *text, infer_isa *isa)
{
    *isa = infer__isa_named(text);
    return *isa ? 0 : bench_usage("there is no level", text);
}

static int parse_precision(const char *text, uint32_t *precision)
{
    return infer__precision_named(text, precision)
               ? 0
               : bench_usage("f32, f32-strict or bf16 is needed, not", text);
}

static int parse_bytes(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (end == text || *end || errno || v < 1)
        return bench_usage("a whole number of bytes is needed, not", text);
    *out = (uint64_t)v;
    return 0;
}

/* "name=1x3x224x224"; the name is cut out of the argument itself. */
static int parse_shape(char *text, struct bench *b)
{
    infer_input_spec *s = &b->shapes[b->nshapes];
    char *equals = strrchr(text, '='), *at = equals ? equals + 1 : text, *end = at;
    if (b->nshapes == BENCH_MOST_SHAPES)
        return bench_usage("too many shapes, at", text);
    while (equals && s->rank < INFER_MAX_RANK) {
        errno = 0;
        s->dims[s->rank++] = strtoll(at, &end, 10);
        if (end == at || errno || s->dims[s->rank - 1] < 0 || *end != 'x')
            break;
        at = end + 1;
    }
    if (!equals || equals == text || end == at || *end || s->dims[s->rank - 1] < 0)
        return bench_usage("a shape is written NAME=1x3x224x224, not", text);
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
        return bench_usage("too many maxima, at", text);
    if (!equals || equals == text)
        return bench_usage("a maximum is written NAME=100, not", text);
    int status = parse_number(equals + 1, INT32_MAX, &value);
    *equals = 0;
    m->name = text;
    m->value = value;
    b->options.maxima = b->maxima;
    b->options.nmaxima++;
    return status;
}

int bench_arguments(int argc, char **argv, struct bench *b)
{
    static const struct option longs[] = {{"threads", required_argument, NULL, 't'},
                                          {"batch", required_argument, NULL, 'b'},
                                          {"time", required_argument, NULL, 's'},
                                          {"input-shape", required_argument, NULL, 'i'},
                                          {"max", required_argument, NULL, 'm'},
                                          {"isa", required_argument, NULL, 'l'},
                                          {"no-onednn", no_argument, NULL, 'n'},
                                          {"precision", required_argument, NULL, 'P'},
                                          {"profile", no_argument, NULL, 'p'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"serve", required_argument, NULL, 'S'},
                                          {"weight-bytes", required_argument, NULL, 'y'},
                                          {"sessions", required_argument, NULL, 'N'},
                                          {"streams", required_argument, NULL, 'r'},
                                          {"hint", required_argument, NULL, 'H'},
                                          {"processes", no_argument, NULL, 'R'},
                                          {"plan-scaling", required_argument, NULL, 'c'},
                                          {"memory-channels", required_argument, NULL, 'C'},
                                          {"bandwidth", required_argument, NULL, 'B'},
                                          {"l3", required_argument, NULL, '3'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int status = 0, c;
    infer_session_options_init(&b->options, sizeof b->options);
    b->seconds = 2;
    while (!status && (c = getopt_long(argc, argv, "t:b:h", longs, NULL)) != -1) {
        if (c == 't')
            status = parse_number(optarg, 1024, &b->options.threads);
        else if (c == 'b')
            status = parse_number(optarg, 1000000, &b->batch);
        else if (c == 's')
            status = parse_positive(optarg, "seconds", &b->seconds);
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
        else if (c == 'y')
            status = parse_bytes(optarg, &b->options.weight_bytes_limit);
        else if (c == 'p')
            b->options.profile = 1;
        else if (c == 'j')
            b->json = 1;
        else if (c == 'S')
            b->serve = optarg;
        else if (c == 'N')
            status = parse_number(optarg, 1024, &b->sessions);
        else if (c == 'r')
            status = parse_number(optarg, 256, &b->streams);
        else if (c == 'H')
            status = parse_hint(optarg, &b->hint);
        else if (c == 'R')
            b->processes = 1;
        else if (c == 'c')
            status = parse_plans(optarg, b);
        else if (c == 'C')
            status = parse_number(optarg, 1024, &b->memory_channels);
        else if (c == 'B')
            status = parse_positive(optarg, "GB/s", &b->bandwidth);
        else if (c == '3')
            status = parse_positive(optarg, "MB", &b->l3_mb);
        else if (c == 'h')
            status = -1;
        else
            status = BENCH_USAGE; /* getopt_long has said why */
    }
    if (!status && optind + 1 != argc)
        status = bench_usage("one MODEL.infer is needed", optind < argc ? argv[optind + 1] : "");
    b->path = status ? NULL : argv[optind];
    if (status < 0)
        fputs(help_text, stdout);
    return status;
}
