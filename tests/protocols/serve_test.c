/* The server of tools/serve with operators that only tests have: models that sleep, fail or work
 * on text. Usage: serve_test FOLDER [--no-control] [--broken] [--compat torchserve] [--max-queue N]
 * [--max-request-bytes N] [--cors ORIGIN] [--token TEXT] [--management-token TEXT]
 * [--initial-workers 0] [--max-batch N]
 * [--workers N]
 * [--batch-delay MS]
 * Prints both ports on standard output and ends with SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "infer_experimental.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/grpc.h"

enum { TEXT_WIDTH = 4 + 24 };

/* ---- operators ------------------------------------------------------------------------------ */

static void copy_shape(const infer_tensor *from, infer_tensor *to)
{
    to->type = from->type;
    to->rank = from->rank;
    memcpy(to->dims, from->dims, sizeof to->dims);
}

static infer_status same_shape(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    copy_shape(&call->in[0], &call->out[0]);
    return INFER_OK;
}

/* Sleeps as many seconds as its first element says, and gives back what it got. */
static infer_status run_sleep(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    const float seconds = *(const float *)call->in[0].data;
    const struct timespec t = {(time_t)seconds, (long)((seconds - (float)(time_t)seconds) * 1e9f)};
    if (seconds > 0 && seconds < 60)
        nanosleep(&t, NULL);
    memcpy(call->out[0].data, call->in[0].data,
           infer_tensor_elements(&call->in[0]) * sizeof(float));
    return INFER_OK;
}

/* Sleeps as many seconds as the text says, and gives it back. */
static infer_status run_text_sleep(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    char text[32] = "";
    const size_t width = (size_t)call->in[0].dims[call->in[0].rank - 1];
    const unsigned char *p = call->in[0].data;
    const size_t n = width > 4 ? width - 4 : 0;
    memcpy(text, p + 4, n < sizeof text - 1 ? n : sizeof text - 1);
    const double seconds = strtod(text, NULL);
    const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    if (seconds > 0 && seconds < 60)
        nanosleep(&t, NULL);
    memcpy(call->out[0].data, call->in[0].data, infer_tensor_elements(&call->in[0]));
    return INFER_OK;
}

static infer_status run_text_pass(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    memcpy(call->out[0].data, call->in[0].data, infer_tensor_elements(&call->in[0]));
    return INFER_OK;
}

static infer_status run_fail(void *ctx, const infer_custom_call *call)
{
    (void)ctx, (void)call;
    return INFER_ERROR_IO;
}

static infer_status text_shape(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    copy_shape(&call->in[0], &call->out[0]);
    call->out[0].dims[call->out[0].rank - 1] = TEXT_WIDTH;
    return INFER_OK;
}

/* The number that an element of text spells. */
static long number_at(const infer_tensor *t, size_t index)
{
    char text[TEXT_WIDTH] = "";
    const size_t width = (size_t)t->dims[t->rank - 1];
    const unsigned char *p = (const unsigned char *)t->data + index * width;
    size_t n = width >= 4 ? p[0] : 0;
    n = n > sizeof text - 1 ? sizeof text - 1 : n;
    n = n > width - 4 ? width - 4 : n;
    memcpy(text, p + 4, n);
    return strtol(text, NULL, 10);
}

/* Sums, or with sign -1 differences, of numbers as text. */
static infer_status run_text_add(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    const long sign = (long)infer_custom_int(call->node, "sign", 1);
    const size_t n = infer_tensor_elements(&call->out[0]) / TEXT_WIDTH;
    unsigned char *to = call->out[0].data;
    memset(to, 0, n * TEXT_WIDTH);
    for (size_t i = 0; i < n; i++, to += TEXT_WIDTH)
        to[0] =
            (unsigned char)snprintf((char *)to + 4, TEXT_WIDTH - 4, "%ld",
                                    number_at(&call->in[0], i) + sign * number_at(&call->in[1], i));
    return INFER_OK;
}

static const infer_custom_op operators[] = {
    {.domain = "tests", .name = "Sleep", .shape = same_shape, .run = run_sleep},
    {.domain = "tests", .name = "Fail", .shape = same_shape, .run = run_fail},
    {.domain = "tests", .name = "TextSleep", .shape = same_shape, .run = run_text_sleep},
    {.domain = "tests", .name = "TextPass", .shape = same_shape, .run = run_text_pass},
    {.domain = "tests", .name = "TextAdd", .shape = text_shape, .run = run_text_add},
};

/* ---- the server ----------------------------------------------------------------------------- */

/* The recorded "slow" had one instance and room for two requests that wait. */
static void limit_slow(struct server *s)
{
    enum repository_missing missing;
    struct version *v = repository_get(s->repository, "slow", 4, 1, &missing);
    if (!v)
        return;
    v->options.max_queue = 2;
    scheduler_scale(s->scheduler, v, 1);
    version_unref(v);
}

static int has(int argc, char **argv, const char *what)
{
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], what) == 0)
            return i;
    return 0;
}

static const char *value(int argc, char **argv, const char *option, const char *otherwise)
{
    const int at = has(argc, argv, option);
    return at && at + 1 < argc ? argv[at + 1] : otherwise;
}

int main(int argc, char **argv)
{
    char why[400] = "", broken[400];
    if (argc < 2) {
        fprintf(stderr, "usage: serve_test FOLDER [OPTIONS]\n");
        return 2;
    }
    const char *paths[2] = {argv[1], broken};
    snprintf(broken, sizeof broken, "%s/.broken", argv[1]);
    const char *compat = value(argc, argv, "--compat", "mms");
    const struct server_options o = {
        .paths = paths,
        .npaths = has(argc, argv, "--broken") ? 2 : 1,
        .name = "libinfer",
        .max_request_bytes =
            strtoul(value(argc, argv, "--max-request-bytes", "16777216"), NULL, 10),
        .threads = 4,
        .http_threads = 2,
        .initial_workers = value(argc, argv, "--initial-workers", NULL) ? VERSION_NO_WORKERS : 0,
        .origin = value(argc, argv, "--cors", NULL),
        .token = value(argc, argv, "--token", NULL),
        .management_token = value(argc, argv, "--management-token", NULL),
        .versions = {.workers = atoi(value(argc, argv, "--workers", "0")),
                     .max_batch = atoi(value(argc, argv, "--max-batch", "8")),
                     .batch_delay_ns =
                         strtoull(value(argc, argv, "--batch-delay", "0"), NULL, 10) * 1000000u,
                     .max_queue = atoi(value(argc, argv, "--max-queue", "64")),
                     .custom_ops = operators,
                     .ncustom_ops = sizeof operators / sizeof *operators},
        .compat = strcmp(compat, "torchserve") == 0 ? COMPAT_TORCHSERVE : COMPAT_MMS,
        .cache_bytes = -1,
        .control = !has(argc, argv, "--no-control"),
    };
    sigset_t ends;
    int number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct server *s = server_begin(&o, why, sizeof why);
    if (!s) {
        fprintf(stderr, "serve_test: %s\n", why);
        return 1;
    }
    limit_slow(s);
    printf("%d %d %d\n", http_port(s->inference), http_port(s->management), grpc_port(s->grpc));
    fflush(stdout);
    sigwait(&ends, &number);
    server_end(s, 5);
    return 0;
}
