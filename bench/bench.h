/* What infer-bench's files share: the measurement, its report, and the service. */
#ifndef INFER_BENCH_BENCH_H
#define INFER_BENCH_BENCH_H

#include <stdio.h>

#include "bench/machine.h"
#include "infer.h"
#include "infer_experimental.h"

enum { BENCH_MOST_SHAPES = 16, BENCH_MOST_PLANS = 16 };

enum { BENCH_THROUGHPUT = 1, BENCH_LATENCY };

/* Exit statuses, as those of infer. */
enum { BENCH_USAGE = 2, BENCH_BAD_INPUT = 3, BENCH_RESOURCES = 4 };

struct bench {
    /* arguments */
    const char *path;
    infer_session_options options;
    infer_input_spec shapes[BENCH_MOST_SHAPES];
    size_t nshapes;
    infer_maximum maxima[BENCH_MOST_SHAPES];
    uint32_t batch;
    double seconds;
    int json;
    const char *serve; /* prefix of its files, or NULL */
    uint32_t sessions; /* on one pool, or 0 */
    uint32_t streams;  /* sessions that share out the threads, or 0 */
    int hint;          /* BENCH_THROUGHPUT or BENCH_LATENCY: look for the best number of them; 0 */
    int processes;     /* 1: beside independent processes */
    uint32_t plans[BENCH_MOST_PLANS]; /* numbers of threads to work out, 1 first */
    size_t nplans;
    uint32_t memory_channels; /* of the server that they are for; 0: not said */
    double bandwidth, l3_mb;  /* the same: GB/s, MB */

    infer_model *model;
    infer_session *session;
    infer_tensor *inputs, *outputs;
    infer_input_spec *specs; /* one for each input */
    size_t ninputs, noutputs;

    /* results */
    double load_ms, session_ms;
    infer_session_memory memory;
    uint64_t peak_rss_bytes;
    double *ms; /* of every run */
    size_t runs, room;
    struct machine machine; /* with --profile */
    infer_step_info *warm;  /* steps as the warm-up left them, to be subtracted */
};

/* Reads the arguments. Returns 0 to go on, -1 after --help, else what to exit with. */
int bench_arguments(int argc, char **argv, struct bench *b);
/* Says that `text` is wrong, and why; returns what to exit with. */
int bench_usage(const char *what, const char *text);
double bench_now_ms(void);
void bench_sleep_ms(double ms);
/* Loads the model, makes a session and inputs; returns what to exit with. */
int bench_prepare(struct bench *b);
void bench_release(struct bench *b);
/* Sorts the times and prints everything on standard output. */
void bench_report(struct bench *b);
/* Runs once; returns what to exit with, 0 if it worked. */
int bench_run_once(struct bench *b, double *ms);
/* Answers requests from standard input until its end (bench_serve.c). */
int bench_serve(struct bench *b);

/* Measures several sessions on one pool and prints what comes out (bench_sessions.c). */
int bench_sessions(struct bench *b);
/* Measures splits of threads among sessions (bench_streams.c). It prepares `b` itself. */
int bench_streams(struct bench *b);
/* How runs would scale with threads (plan_scaling.c). */
int bench_plan_scaling(struct bench *b);
/* Says what went wrong and returns what to exit with. */
int bench_fail(const char *what, const infer_error *err);

/* The element type that most bytes of the weights have, "f32", "int8" ...; "bf16" for f32 weights
 * with --precision bf16. */
const char *bench_precision(const struct bench *b);
/* A string of JSON, with its quotes. */
void bench_print_string(FILE *out, const char *s);

#endif
