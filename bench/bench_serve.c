/* infer-bench --serve: the engine behind a pipe, so that another program can measure it in turn
 * with other engines. One line in, one line out:
 *
 *   run N      runs N times, answers N times in nanoseconds
 *   inputs     reads the inputs again from the files below; answers "ok"
 *   outputs    writes the answers of the last run to PREFIX.out0, PREFIX.out1 ...; answers with
 *              their types and shapes in JSON
 *
 * Before that it writes the inputs to PREFIX.in0 ... and what they are to PREFIX.json, for the
 * others to read, and says "ready". It ends with its standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "infer_experimental.h"

static int write_tensor(const char *prefix, const char *kind, size_t i, const infer_tensor *t)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s.%s%zu", prefix, kind, i);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "wb") : NULL;
    const size_t bytes = infer_tensor_elements(t) * infer_type_size(t->type); /* of this run */
    int good = f && fwrite(t->data, 1, bytes, f) == bytes;
    if (f)
        good = fclose(f) == 0 && good;
    if (!good)
        fprintf(stderr, "infer-bench: can't write %s\n", path);
    return good;
}

static void print_shape(FILE *out, infer_type type, int32_t rank, const int64_t *dims)
{
    fprintf(out, "\"type\": \"%s\", \"dims\": [", infer_type_name(type));
    for (int32_t k = 0; k < rank; k++)
        fprintf(out, "%s%lld", k ? ", " : "", (long long)dims[k]);
    fprintf(out, "]}");
}

static void print_inputs(const struct bench *b, FILE *f)
{
    fprintf(f, "{\"inputs\": [");
    for (size_t i = 0; i < b->ninputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_input(b->session, i, &info, NULL);
        fprintf(f, "%s{\"name\": ", i ? ", " : "");
        bench_print_string(f, info.name);
        fprintf(f, ", ");
        print_shape(f, info.type, info.rank, info.dims);
    }
    uint64_t flops = 0;
    for (size_t i = 0; i < infer_session_steps(b->session); i++) {
        infer_step_info info = INFER_STEP_INFO_INIT;
        infer_session_step(b->session, i, &info, NULL);
        flops += info.flops;
    }
    fprintf(f, "], \"flops\": %llu, \"precision\": \"%s\", \"version\": \"%s\"",
            (unsigned long long)flops, bench_precision(b), infer_version());
    fprintf(f, ", \"isa\": \"%s\", \"onednn\": %d, \"load_ms\": %.3f, \"session_ms\": %.3f}\n",
            infer_isa_name(b->options.isa ? b->options.isa : infer_cpu_isa()),
            infer_has_onednn() && !b->options.no_onednn, b->load_ms, b->session_ms);
}

static int describe(const struct bench *b)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s.json", b->serve);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
    int good = f != NULL;
    for (size_t i = 0; good && i < b->ninputs; i++)
        good = write_tensor(b->serve, "in", i, &b->inputs[i]);
    if (f) {
        print_inputs(b, f);
        good = fclose(f) == 0 && good;
    } else {
        fprintf(stderr, "infer-bench: can't write %s\n", path);
    }
    return good;
}

static int read_inputs(const struct bench *b)
{
    char path[4096];
    for (size_t i = 0; i < b->ninputs; i++) {
        const infer_tensor *t = &b->inputs[i];
        int n = snprintf(path, sizeof path, "%s.in%zu", b->serve, i);
        FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
        int good = f && fread(t->data, 1, t->bytes, f) == t->bytes && getc(f) == EOF;
        if (f)
            fclose(f);
        if (!good) {
            fprintf(stderr, "infer-bench: %s is not the input of %zu bytes\n", path, t->bytes);
            return 0;
        }
    }
    return 1;
}

static int serve_inputs(struct bench *b)
{
    double ms;
    if (!read_inputs(b))
        return BENCH_BAD_INPUT;
    int status = bench_run_once(b, &ms);
    if (!status)
        printf("ok\n");
    return status;
}

static int serve_outputs(const struct bench *b)
{
    printf("[");
    for (size_t i = 0; i < b->noutputs; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        infer_session_output(b->session, i, &info, NULL);
        printf("%s{\"name\": ", i ? ", " : "");
        bench_print_string(stdout, info.name);
        printf(", ");
        print_shape(stdout, b->outputs[i].type, b->outputs[i].rank, b->outputs[i].dims);
        if (!write_tensor(b->serve, "out", i, &b->outputs[i]))
            return 0;
    }
    printf("]\n");
    return 1;
}

static int serve_runs(struct bench *b, unsigned long runs)
{
    for (unsigned long i = 0; i < runs; i++) {
        double ms;
        int status = bench_run_once(b, &ms);
        if (status)
            return status;
        printf("%s%.0f", i ? " " : "", ms * 1e6);
    }
    printf("\n");
    return 0;
}

int bench_serve(struct bench *b)
{
    char line[64];
    double ms;
    int status = bench_run_once(b, &ms); /* "outputs" has an answer from the start */
    if (status)
        return status;
    if (!describe(b))
        return BENCH_RESOURCES;
    printf("ready\n");
    while (fflush(stdout) == 0 && fgets(line, sizeof line, stdin)) {
        unsigned long runs = 0;
        if (sscanf(line, "run %lu", &runs) == 1 && runs > 0 && runs <= 1000000)
            status = serve_runs(b, runs);
        else if (strcmp(line, "inputs\n") == 0)
            status = serve_inputs(b);
        else if (strcmp(line, "outputs\n") == 0)
            status = serve_outputs(b) ? 0 : BENCH_RESOURCES;
        else
            printf("what?\n");
        if (status)
            return status;
    }
    return 0;
}
