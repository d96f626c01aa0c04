/* infer hammer: a load on an HTTP server, and how long its answers took. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/hammer/report.h"
#include "tools/read_file.h"
#include "tools/write_file.h"

enum { MOST_STATUSES = 16, MOST_RECORDS = 20000000 };

static const struct cli_option options[] = {
    {"body", "FILE|DIR", "content of requests; several files, or a folder's, are sent in turn"},
    {"form", "NAME=@FILE", "a field of a form (multipart); NAME=VALUE; one FILE may be a folder"},
    {"method", "METHOD", "GET, or POST with content, unless this says otherwise"},
    {"header", "'NAME: VALUE'", "another header; repeatable"},
    {"unix-socket", "PATH", "connect to this socket, not to the URL's host"},
    {"rate", "R", "open loop: requests due a second, whatever the server does"},
    {"arrivals", "KIND", "poisson or uniform (poisson)"},
    {"ramp", "FROM:TO:STEP", "open loop at one rate after another; 10%:130%:10% with --capacity"},
    {"capacity", "R", "requests a second that are 100 %"},
    {"connections", "N", "closed loop: N requests at a time (8); open loop: at most N (1000)"},
    {"threads", "N", "threads that send (1)"},
    {"duration", "S", "seconds, of each step (10)"},
    {"requests", "N", "stop after this many (in place of --duration)"},
    {"warmup", "S", "seconds at the first rate that are not counted (1)"},
    {"timeout", "S", "an answer that comes later is none (10)"},
    {"seed", "N", "other arrivals (1)"},
    {"expect-status", "N,N...", "statuses that are no failure (200 to 299)"},
    {"check", "TEXT|@FILE", "2xx answers must have TEXT in them, or be the bytes of FILE"},
    {"allow-failures", "N|N%", "so many may fail without exit status 1 (0)"},
    {"server-pid", "PID", "measure the CPU time of this process and its children; repeatable"},
    {"ideal", "MS|FILE", "bare service times: what an ideal server gives for the same arrivals"},
    {"ideal-workers", "N", "requests that it serves at a time (1)"},
    {"service-times", "FILE", "write service times of accepted requests, as --ideal reads them"},
    {"csv", "FILE", "write every request"},
    {"svg", "FILE", "draw times by percentile, over the run and by rate"},
    {"json", NULL, "everything as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "hammer",
    "URL [OPTIONS]",
    "Sends a load to an HTTP server and says how long its answers took.",
    "With --rate or --ramp the loop is open: requests are due at times that are drawn beforehand,\n"
    "and none waits for the answer to another. Response time counts from when a request was due,\n"
    "so what a stalled server keeps waiting is seen; service time counts from when it was sent.\n"
    "Without a rate the loop is closed: each connection sends as soon as it is answered, which\n"
    "finds how much a server can do, and nothing else.\n"
    "\n"
    "Every status has percentiles of its own, with three significant digits. The generator says\n"
    "how late it was itself and how much CPU time it took; docs/hammer.md has how to read it.\n"
    "Exit status 1 if more requests failed than --allow-failures.",
    "  infer hammer http://127.0.0.1:8080/ --body cat.jpg --rate 100 --duration 30\n"
    "  infer hammer http://127.0.0.1:8080/ --form image=@pictures --connections 16\n"
    "  infer hammer http://127.0.0.1:8080/ --body cat.jpg --ramp 10%:130%:10% --capacity 240 \\\n"
    "        --expect-status 200,503 --svg ramp.svg\n"
    "  infer hammer http://127.0.0.1:8080/ --body cat.jpg --rate 120 --ideal 4.1 --json",
    options,
    1,
    1};

/* What is read of the arguments beside the plan. */
struct hammer_args {
    const struct cli_args *args;
    struct hammer_plan plan;
    int expected[MOST_STATUSES], nexpected;
    double allowed; /* failures, or percent of all */
    int allowed_percent;
    char *check; /* owned */
};

/* ---- arguments ------------------------------------------------------------------------------ */

/* A number above 0, or of 0 and more; 0 after a message. */
static int parse_number(const struct cli_args *args, const char *name, double least,
                        double otherwise, double *out)
{
    const char *text = cli_value(args, name);
    char *end;
    *out = otherwise;
    if (!text)
        return 1;
    *out = strtod(text, &end);
    if (end != text && !*end && *out >= least && *out <= 1e9)
        return 1;
    cli_usage("--%s %s: a number of %g to 1e9 is needed", name, text, least);
    return 0;
}

/* "10%:130%:10%" or "100:1300:100": as percent of the capacity or as rates. */
static int parse_ramp(const char *text, double capacity, double duration, struct schedule *s)
{
    double v[3];
    const char *p = text;
    int percent = -1;
    for (int i = 0; i < 3; i++) {
        char *end;
        v[i] = strtod(p, &end);
        const int sign = *end == '%';
        if (end == p || !isfinite(v[i]) || (percent >= 0 && percent != sign) ||
            end[sign] != (i < 2 ? ':' : 0))
            return cli_usage("--ramp %s: write FROM:TO:STEP, as rates or all with %%", text);
        percent = sign;
        p = end + sign + 1;
    }
    if (v[0] <= 0 || v[2] == 0 || (v[1] - v[0]) / v[2] < 0 || v[1] <= 0)
        return cli_usage("--ramp %s: the steps do not lead from %g to %g", text, v[0], v[1]);
    if (percent && !(capacity > 0))
        return cli_usage("--ramp %s: --capacity says of what", text);
    for (long i = 0; i <= (long)((v[1] - v[0]) / v[2] + 1e-6); i++) {
        const double at = v[0] + (double)i * v[2];
        if (!schedule_add(s, percent ? at / 100 * capacity : at,
                          percent        ? at
                          : capacity > 0 ? at / capacity * 100
                                         : NAN,
                          duration, 0))
            return cli_usage("--ramp %s: more than %d steps", text, SCHEDULE_MOST_STEPS);
    }
    return CLI_OK;
}

static int parse_load(const struct cli_args *args, struct hammer_plan *p)
{
    double rate, capacity, duration, warmup, timeout;
    long most, seed;
    const char *kind = cli_value(args, "arrivals"), *ramp = cli_value(args, "ramp");
    if (!parse_number(args, "rate", 1e-3, 0, &rate) ||
        !parse_number(args, "capacity", 1e-3, NAN, &capacity) ||
        !parse_number(args, "duration", 1e-3, 10, &duration) ||
        !parse_number(args, "warmup", 0, 1, &warmup) ||
        !parse_number(args, "timeout", 1e-3, 10, &timeout) ||
        !cli_int(args, "requests", 1, 1000000000000, 0, &most) ||
        !cli_int(args, "seed", 0, 2147483647, 1, &seed) ||
        !cli_int(args, "threads", 1, HAMMER_MOST_THREADS, 1, &p->threads))
        return CLI_USAGE;
    if (kind && strcmp(kind, "poisson") != 0 && strcmp(kind, "uniform") != 0)
        return cli_usage("--arrivals %s: poisson or uniform", kind);
    if ((ramp != NULL) + (rate > 0) > 1)
        return cli_usage("--rate and --ramp exclude each other");
    if (most && (ramp || cli_has(args, "duration")))
        return cli_usage("--requests and --%s exclude each other", ramp ? "ramp" : "duration");
    p->closed = !ramp && !(rate > 0);
    p->timeout_ns = (int64_t)(timeout * 1e9);
    p->schedule.seed = (uint64_t)seed;
    p->schedule.uniform = kind && strcmp(kind, "uniform") == 0;
    p->schedule.most = (uint64_t)most;
    if (most)
        duration = 1e9;
    if (!cli_int(args, "connections", 1, HAMMER_MOST_CONNECTIONS, p->closed ? 8 : 1000,
                 &p->connections))
        return CLI_USAGE;
    if (p->connections < p->threads)
        return cli_usage("--threads %ld: more than there are connections", p->threads);
    /* the warm-up is at the first step's rate, which a ramp knows only now */
    struct schedule steps = {0};
    const double percent = capacity > 0 ? rate / capacity * 100 : NAN;
    const int status = ramp ? parse_ramp(ramp, capacity, duration, &steps) : CLI_OK;
    if (status != CLI_OK)
        return status;
    if (!ramp)
        schedule_add(&steps, rate, p->closed ? NAN : percent, duration, 0);
    if (warmup > 0)
        schedule_add(&p->schedule, steps.steps[0].rate, NAN, warmup, 1);
    for (int i = 0; i < steps.count; i++)
        if (!schedule_add(&p->schedule, steps.steps[i].rate, steps.steps[i].percent, duration, 0))
            return cli_usage("--ramp %s: more than %d steps", ramp, SCHEDULE_MOST_STEPS - 1);
    return CLI_OK;
}

static int parse_statuses(struct hammer_args *a)
{
    const char *text = cli_value(a->args, "expect-status");
    for (const char *p = text; p; p++) {
        char *end;
        const long v = strtol(p, &end, 10);
        if (end != p + 3 || v < 100 || v > 599 || (*end && *end != ',') ||
            a->nexpected == MOST_STATUSES)
            return cli_usage("--expect-status %s: up to %d statuses with commas between them", text,
                             MOST_STATUSES);
        a->expected[a->nexpected++] = (int)v;
        p = end;
        if (!*end)
            break;
    }
    return CLI_OK;
}

static int parse_allowed(struct hammer_args *a)
{
    const char *text = cli_value(a->args, "allow-failures");
    char *end;
    if (!text)
        return CLI_OK;
    a->allowed = strtod(text, &end);
    a->allowed_percent = *end == '%';
    if (end == text || end[a->allowed_percent] || !(a->allowed >= 0))
        return cli_usage("--allow-failures %s: a number, or percent of all requests", text);
    return CLI_OK;
}

static int parse_check(struct hammer_args *a)
{
    const char *text = cli_value(a->args, "check");
    if (!text)
        return CLI_OK;
    a->plan.check_whole = text[0] == '@';
    a->plan.check_size = strlen(text);
    a->plan.check = text;
    if (!a->plan.check_whole)
        return CLI_OK;
    a->check = read_file(text + 1, &a->plan.check_size);
    a->plan.check = a->check;
    return a->check ? CLI_OK : CLI_BAD_INPUT;
}

static int parse_servers(struct hammer_args *a)
{
    int count;
    const char *const *pids = cli_values(a->args, "server-pid", &count);
    for (int i = 0; i < count; i++) {
        char *end;
        const long pid = strtol(pids[i], &end, 10);
        if (end == pids[i] || *end || pid <= 0 || i == USAGE_MOST_SERVERS)
            return cli_usage("--server-pid %s: the number of a process is needed", pids[i]);
        if (!usage_is_process((pid_t)pid)) {
            fprintf(stderr, "infer: --server-pid %s: there is no such process\n", pids[i]);
            return CLI_BAD_INPUT;
        }
        a->plan.servers[a->plan.nservers++] = (pid_t)pid;
    }
    return CLI_OK;
}

static int parse_ideal(struct hammer_args *a)
{
    const char *text = cli_value(a->args, "ideal");
    if (!cli_int(a->args, "ideal-workers", 1, IDEAL_MOST_WORKERS, 1, &a->plan.ideal.workers))
        return CLI_USAGE;
    if (text && a->plan.closed)
        return cli_usage("--ideal: a closed loop has no arrivals; give --rate or --ramp");
    return text ? ideal_read(text, &a->plan.ideal) : CLI_OK;
}

static int parse(struct hammer_args *a)
{
    const struct cli_args *args = a->args;
    struct hammer_plan *p = &a->plan;
    int status = target_parse(args->positional[0], &p->target);
    int (*const parts[])(struct hammer_args *) = {parse_statuses, parse_allowed, parse_check,
                                                  parse_servers};
    if (status == CLI_OK)
        status = parse_load(args, p);
    for (size_t i = 0; status == CLI_OK && i < sizeof parts / sizeof *parts; i++)
        status = parts[i](a);
    if (status == CLI_OK)
        status = parse_ideal(a);
    if (cli_has(args, "csv") || cli_has(args, "svg") || cli_has(args, "service-times"))
        p->records_most = MOST_RECORDS;
    p->progress = isatty(2);
    if (status == CLI_OK)
        status = requests_make(args, &p->target, &p->requests);
    return status == CLI_OK ? target_find(&p->target, cli_value(args, "unix-socket")) : status;
}

/* ---- results -------------------------------------------------------------------------------- */

/* Writes one of the reports where its option asks for it. */
static int write_report(const struct report *r, const char *path,
                        void (*report)(const struct report *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    if (!path)
        return CLI_OK;
    FILE *f = open_memstream(&text, &size);
    int failed = !f;
    if (f) {
        report(r, f);
        failed = ferror(f);
        failed |= fclose(f) != 0;
    }
    int status = failed ? CLI_RESOURCES : write_file(path, text, size);
    if (failed)
        fprintf(stderr, "infer: %s: no memory for it\n", path);
    free(text);
    return status;
}

static int write_reports(const struct hammer_args *a, const struct report *r)
{
    int status = write_report(r, cli_value(a->args, "svg"), report_svg);
    if (status == CLI_OK)
        status = write_report(r, cli_value(a->args, "csv"), report_csv);
    if (status == CLI_OK)
        status = write_report(r, cli_value(a->args, "service-times"), report_service_times);
    if (r->result->stats.records_lost)
        fprintf(stderr, "infer: files have the first %d requests; %zu more are left out\n",
                MOST_RECORDS, r->result->stats.records_lost);
    return status;
}

/* Whether more requests failed than may. */
static int failed(const struct hammer_args *a, const struct hammer_result *result)
{
    double failures = 0, all = 0;
    for (int i = 0; i < result->stats.count; i++) {
        if (a->plan.schedule.steps[i].warmup)
            continue;
        failures += (double)hammer_failures(result->stats.steps + i, a->expected, a->nexpected);
        all += (double)result->stats.steps[i].issued;
    }
    return failures > (a->allowed_percent ? a->allowed / 100 * all : a->allowed) || all == 0;
}

static int hammer(struct hammer_args *a)
{
    struct hammer_result result;
    const struct report r = {.url = a->args->positional[0],
                             .plan = &a->plan,
                             .result = &result,
                             .expected = a->expected,
                             .nexpected = a->nexpected};
    int status = hammer_run(&a->plan, &result);
    if (status == CLI_OK) {
        if (cli_has(a->args, "json"))
            report_json(&r, stdout);
        else
            report_text(&r, stdout);
        status = write_reports(a, &r);
        if (status == CLI_OK && failed(a, &result))
            status = CLI_DIFFERS;
    }
    hammer_result_free(&result);
    return status;
}

int cmd_hammer(int argc, char **argv)
{
    struct cli_args args;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    struct hammer_args *a = calloc(1, sizeof *a);
    if (!a) {
        fputs("infer: no memory for the load generator\n", stderr);
        return CLI_RESOURCES;
    }
    a->args = &args;
    status = parse(a);
    if (status == CLI_OK)
        status = hammer(a);
    requests_free(&a->plan.requests);
    ideal_free(&a->plan.ideal);
    free(a->check);
    free(a);
    return status;
}
