/* infer-bench: how long a model takes, and which of its steps take how much of it.
 *
 * It links libinfer.a alone, so that what it measures is what an application gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/bench.h"
#include "infer_experimental.h"
#include "tools/random_fill.h"

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
            return bench_usage("the model has no input", b->shapes[k].name);
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
            return bench_usage(what, info.name);
        }
        for (int k = 1; !given && k < info.rank; k++)
            if (info.free_dims >> k & 1)
                return bench_usage("--input-shape is needed for the free dimensions of input",
                                   info.name);
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

int bench_prepare(struct bench *b)
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

void bench_sleep_ms(double ms)
{
    struct timespec t = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000};
    while (nanosleep(&t, &t))
        continue;
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

void bench_release(struct bench *b)
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

static int measure_and_report(struct bench *b)
{
    int status = measure(b);
    if (status)
        return status;
    b->peak_rss_bytes = peak_rss();
    bench_report(b);
    return 0;
}

static int work(struct bench *b)
{
    if (b->streams || b->hint || b->processes)
        return bench_streams(b);
    int status = bench_prepare(b);
    if (status)
        return status;
    return b->serve      ? bench_serve(b)
           : b->nplans   ? bench_plan_scaling(b)
           : b->sessions ? bench_sessions(b)
                         : measure_and_report(b);
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    int status = bench_arguments(argc, argv, &b);
    if (status < 0)
        return 0;
    status = status ? status : work(&b);
    if (!status && (fflush(stdout) || ferror(stdout))) {
        perror("infer-bench: standard output");
        status = BENCH_RESOURCES;
    }
    bench_release(&b);
    return status;
}
