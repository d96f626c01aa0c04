/* infer serve: models behind HTTP. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "infer.h"
#include "tools/commands.h"
#include "tools/serve/config.h"
#include "tools/serve/notify.h"
#include "tools/serve/server.h"
#include "tools/serve/transport/grpc.h"
#include "tools/session_args.h"

static const struct cli_option options[] = {
    {"config", "FILE", "JSON: options by their names, paths, what differs for a model"},
    {"check", NULL, "load everything, say what is wrong, and end"},
    {"host", "ADDRESS", "where to listen (default: 127.0.0.1; 0.0.0.0 or :: for everybody)"},
    {"port", "N", "of inference (default: 8080; 0: any free one)"},
    {"grpc-port", "N", "KServe v2 over gRPC (default: none; 0: any)"},
    {"grpc-compress", "CODING", "gzip or deflate: answers to gRPC clients that accept it"},
    {"management-port", "N", "of management and metrics, on loopback (default: 8081; 0: any)"},
    {"management-host", "ADDRESS", "where management listens (default: 127.0.0.1)"},
    {"no-management", NULL, "no management port"},
    {"no-page", NULL, "no page for browsers at /, and no /page/status"},
    {"server-name", "NAME", "as clients are told (default: libinfer)"},
    {"max-request-bytes", "N", "of a body (default: 64 MiB)"},
    {"threads", "N", "that compute (default: all that this process may use)"},
    {"http-threads", "N", "that read and write (default: 1 for each two of those)"},
    {"workers", "N", "sessions of a version at most (default: one for each thread)"},
    {"max-batch", "N", "images that are run together at most (default: 8)"},
    {"batch-delay", "US", "for how many microseconds one may wait for others (default: 0)"},
    {"preferred-batch", "N,...", "sizes that batches are made of where enough images wait"},
    {"slo", "GOAL", "for latency, as p99=20ms: batches and what is let in follow it"},
    {"max-queue", "N", "requests of a version that may wait (default: 256)"},
    {"timeout", "MS", "after which a request that waits is refused (default: none)"},
    {"map", NULL, "map models' files: they may then be replaced, but not written"},
    {"precision", "TYPE", "f32 (default), f32-strict, bf16"},
    {"fast-decode", NULL, "decode JPEGs at 1/2, 1/4 or 1/8 where the model needs no more pixels"},
    {"compat", "SERVER", "mms (default) or torchserve, where these two differ"},
    {"triton-metrics", NULL, "Triton's names of metrics beside libinfer's"},
    {"models", "NAME,...", "that are loaded at the start (default: all; none), others by call"},
    {"initial-workers", "N", "of models that are registered by call (default: as --workers)"},
    {"no-control", NULL, "models can't be loaded and unloaded by call"},
    {"poll", "MS", "how often the folders are looked at (default: 1000; 0: never)"},
    {"token", "TEXT", "that each request must bear (Authorization: Bearer TEXT)"},
    {"management-token", "TEXT", "another one for management and metrics (default: the same)"},
    {"cors", "ORIGIN", "whose pages may ask: * or one origin"},
    {"tls-certificate", "FILE", "PEM: speaks HTTPS, and gRPC over TLS"},
    {"tls-key", "FILE", "PEM; default: in the certificate's file"},
    {"memory", "BYTES", "of all models, as 2GB: past it those not asked for go, until they are"},
    {"cache", "BYTES", "of answers to keep, as 256MB; 0: none, but shared under way"},
    {"monitor", NULL, "watch models without a reference, too"},
    {"window", "N", "pictures that are compared with the reference (else as it says)"},
    {"window-minutes", "T", "or those of the last minutes"},
    {"feature-log", "FILE", "what each picture and answer was like, for infer drift"},
    {"samples", "DIR", "pictures to label: some of all, the least sure and the oddest"},
    {"access-log", "FILE", "requests as JSON lines; - for standard output"},
    {"drain", "SECONDS", "for running requests when it is told to end (default: 30)"},
    {NULL, NULL, NULL},
};

static const struct cli_command command = {
    .name = "serve",
    .usage = "[OPTIONS] FOLDER|FILE|NAME=FILE ...",
    .summary = "models behind HTTP, for the clients of model servers",
    .detail =
        "Serves each NAME.infer of a folder, and NAME/3/model.infer as version 3 of NAME; .onnx\n"
        "files are converted when they are loaded. Files that are new, changed or gone are "
        "noticed\n"
        "while it runs. It speaks KServe v2 (Triton's clients), MXNet Model Server and "
        "TorchServe,\n"
        "and TensorFlow Serving's REST. SIGTERM and SIGINT: no further requests are taken, and it\n"
        "ends when those that run are answered. systemd's socket activation and notification "
        "work.\n"
        "docs/serving.md has the rest.\n",
    .example = "  infer serve models/ --port 8080\n"
               "  curl -T dog.jpg localhost:8080/predictions/squeezenet\n",
    .options = options,
    .min_positional = 0,
    .max_positional = 1000,
};

enum { MOST_MERGED = 8192 };

static int read_versions(const struct cli_args *args, struct version_options *v)
{
    long workers, batch, delay, queue, timeout;
    uint32_t precision;
    if (!cli_int(args, "workers", 0, 1024, 0, &workers) ||
        !cli_int(args, "max-batch", 1, 1024, 8, &batch) ||
        !cli_int(args, "batch-delay", 0, 10000000, 0, &delay) ||
        !cli_int(args, "max-queue", 0, 1000000, 256, &queue) ||
        !cli_int(args, "timeout", 0, 86400000, 0, &timeout) ||
        !session_args_precision(cli_value(args, "precision"), &precision))
        return 0;
    *v = (struct version_options){.workers = (int)workers,
                                  .max_batch = (int)batch,
                                  .batch_delay_ns = (uint64_t)delay * 1000,
                                  .max_queue = (int)queue,
                                  .timeout_ns = (uint64_t)timeout * 1000000,
                                  .map = cli_has(args, "map"),
                                  .fast_decode = cli_has(args, "fast-decode"),
                                  .precision = (infer_precision)precision};
    static const char *const names[] = {"workers", "max-batch", "batch-delay", "timeout"};
    static const unsigned bits[] = {VERSION_TOLD_WORKERS, VERSION_TOLD_BATCH, VERSION_TOLD_DELAY,
                                    VERSION_TOLD_TIMEOUT};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        v->told |= cli_has(args, names[i]) ? bits[i] : 0;
    const char *preferred = cli_value(args, "preferred-batch");
    if (preferred && !version_read_preferred(preferred, v->preferred)) {
        cli_usage("--preferred-batch is up to %d sizes that grow, as 4,8, not '%s'",
                  VERSION_MOST_PREFERRED, preferred);
        return 0;
    }
    const char *slo = cli_value(args, "slo");
    if (slo && !slo_parse(slo, &v->slo_quantile, &v->slo_ns)) {
        cli_usage("--slo is as p99=20ms, not '%s'", slo);
        return 0;
    }
    return 1;
}

static int read_compat(const struct cli_args *args, enum server_compat *compat)
{
    const char *text = cli_value(args, "compat");
    *compat = text && strcmp(text, "torchserve") == 0 ? COMPAT_TORCHSERVE : COMPAT_MMS;
    if (text && *compat == COMPAT_MMS && strcmp(text, "mms") != 0) {
        cli_usage("--compat is mms or torchserve, not '%s'", text);
        return 0;
    }
    return 1;
}

/* "256MB", "1GiB", "0". */
static int read_bytes(const char *option, const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"", 1},          {"KB", 1000},     {"MB", 1000000}, {"GB", 1000000000},
                 {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char *end;
    const long long n = strtoll(text, &end, 10);
    for (size_t i = 0; end != text && n >= 0 && n < 1 << 20 && i < sizeof units / sizeof *units;
         i++)
        if (strcmp(end, units[i].name) == 0) {
            *bytes = n * units[i].factor;
            return 1;
        }
    cli_usage("--%s is a number of bytes, as 256MB, not '%s'", option, text);
    return 0;
}

static int read_coding(const struct cli_args *args)
{
    const char *text = cli_value(args, "grpc-compress");
    if (!text || strcmp(text, "gzip") == 0 || strcmp(text, "deflate") == 0)
        return 1;
    cli_usage("--grpc-compress is gzip or deflate, not '%s'", text);
    return 0;
}

static int read_options(const struct cli_args *args, struct server_options *o)
{
    long port, management, grpc, bytes, threads, http_threads, poll, initial;
    if (!cli_int(args, "port", 0, 65535, 8080, &port) ||
        !cli_int(args, "management-port", 0, 65535, 8081, &management) ||
        !cli_int(args, "grpc-port", 0, 65535, 8001, &grpc) || !read_coding(args) ||
        !cli_int(args, "max-request-bytes", 1, 1L << 40, 64L << 20, &bytes) ||
        !cli_int(args, "threads", 1, 1024, (long)infer__cpu_count(), &threads) ||
        !cli_int(args, "http-threads", 1, 256, (threads + 1) / 2, &http_threads) ||
        !cli_int(args, "initial-workers", -1, 1024, -1, &initial) ||
        !cli_int(args, "poll", 0, 86400000, 1000, &poll) || !read_versions(args, &o->versions) ||
        !read_compat(args, &o->compat))
        return 0;
    o->paths = args->positional;
    o->npaths = args->npositional;
    o->host = cli_value(args, "host");
    o->management_host = cli_value(args, "management-host");
    o->port = (int)port;
    o->management_port = cli_has(args, "no-management") ? -1 : (int)management;
    o->no_page = cli_has(args, "no-page");
    o->grpc_port = cli_value(args, "grpc-port") ? (int)grpc : -1;
    o->grpc_coding = cli_value(args, "grpc-compress");
    o->name = cli_value(args, "server-name") ? cli_value(args, "server-name") : "libinfer";
    o->max_request_bytes = (size_t)bytes;
    o->models = cli_value(args, "models");
    o->initial_workers = initial == 0 ? VERSION_NO_WORKERS : initial < 0 ? 0 : (int)initial;
    o->threads = (int)threads;
    o->http_threads = (int)http_threads;
    o->triton_metrics = cli_has(args, "triton-metrics");
    o->control = !cli_has(args, "no-control");
    o->poll_ms = (unsigned)poll;
    const char *memory = cli_value(args, "memory"), *cache = cli_value(args, "cache");
    if (memory && !read_bytes("memory", memory, &o->memory_bytes))
        return 0;
    o->cache_bytes = -1;
    if (cache && !read_bytes("cache", cache, &o->cache_bytes))
        return 0;
    float minutes;
    long window;
    if (!cli_int(args, "window", 40, 100000000, 0, &window) ||
        !cli_float(args, "window-minutes", 0, 1e6F, 0, &minutes))
        return 0;
    o->observe = (struct observe_options){.always = cli_has(args, "monitor"),
                                          .window = (uint32_t)window,
                                          .minutes = (double)minutes,
                                          .log = cli_value(args, "feature-log"),
                                          .samples = cli_value(args, "samples")};
    o->token = cli_value(args, "token");
    o->management_token = cli_value(args, "management-token");
    o->origin = cli_value(args, "cors");
    o->certificate = cli_value(args, "tls-certificate");
    o->key = cli_value(args, "tls-key");
    o->access_log = cli_value(args, "access-log");
    return 1;
}

/* The command line behind the file's options, and behind those of one of its models where there is
 * one: what comes later counts. Returns an exit status. */
static int parse_with(struct config *c, const struct config_model *model, int argc, char **argv,
                      char **merged, struct cli_args *args)
{
    int status = CLI_OK, n = 1;
    merged[0] = argv[0];
    int more = config_arguments(c, NULL, merged + n, MOST_MERGED - argc - n);
    for (int i = 1; more >= 0 && i < argc; i++)
        merged[n + more + i - 1] = argv[i];
    n += more + argc - 1;
    if (more >= 0 && model)
        more = config_arguments(c, model, merged + n, MOST_MERGED - n);
    if (more < 0)
        return CLI_USAGE;
    return cli_parse(&command, n + (model ? more : 0), merged, args, &status) ? status : CLI_OK;
}

static int read_models(struct config *c, int argc, char **argv)
{
    static struct cli_args args;
    static char *merged[MOST_MERGED];
    for (int i = 0; i < c->nmodels; i++) {
        const int status = parse_with(c, &c->models[i], argc, argv, merged, &args);
        if (status != CLI_OK || !read_versions(&args, &c->models[i].versions))
            return 0;
    }
    return 1;
}

/* Ends with SIGTERM and SIGINT. */
static int serve(const struct server_options *o, unsigned drain, int check)
{
    char why[512] = "";
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* of all threads that are made from here on */
    signal(SIGPIPE, SIG_IGN);
    struct server *s = server_begin(o, why, sizeof why);
    if (!s) {
        fprintf(stderr, "infer: serve: %s\n", why);
        return CLI_BAD_INPUT;
    }
    if (check) {
        const int good = repository_ready(s->repository);
        server_end(s, 0);
        return good ? CLI_OK : CLI_BAD_INPUT;
    }
    fprintf(stderr, "infer: serving on port %d", http_port(s->inference));
    if (s->management)
        fprintf(stderr, ", management on port %d", http_port(s->management));
    if (s->grpc)
        fprintf(stderr, ", gRPC on port %d", grpc_port(s->grpc));
    fputs("\n", stderr);
    notify_begin("READY=1");
    int signal_number;
    sigwait(&ends, &signal_number);
    fputs("infer: ending\n", stderr);
    notify_begin("STOPPING=1");
    server_end(s, drain);
    return CLI_OK;
}

int cmd_serve(int argc, char **argv)
{
    static struct cli_args args;
    static char *merged[MOST_MERGED];
    struct config config = {0};
    struct server_options o = {0};
    int status;
    long drain;
    char **kept = malloc((size_t)argc * sizeof *kept); /* the parser moves argv's elements */
    if (!kept)
        return CLI_RESOURCES;
    memcpy(kept, argv, (size_t)argc * sizeof *kept);
    if (cli_parse(&command, argc, argv, &args, &status)) {
        free(kept);
        return status;
    }
    const char *file = cli_value(&args, "config");
    status = file && !config_read(&config, file) ? CLI_USAGE : CLI_OK;
    if (file && status == CLI_OK)
        status = parse_with(&config, NULL, argc, kept, merged, &args);
    if (status == CLI_OK && (!read_options(&args, &o) || !read_models(&config, argc, kept) ||
                             !cli_int(&args, "drain", 0, 86400, 30, &drain)))
        status = CLI_USAGE;
    if (status == CLI_OK && !o.npaths) {
        o.paths = config.paths;
        o.npaths = config.npaths;
    }
    if (status == CLI_OK && !o.npaths)
        status = cli_usage("serve: an argument is missing: a folder of models, or a model");
    o.config = file ? &config : NULL;
    if (status == CLI_OK)
        status = serve(&o, (unsigned)drain, cli_has(&args, "check"));
    config_free(&config);
    free(kept);
    return status;
}
