/* infer-bench --streams and --hint: threads split among sessions that run side by side, each with a
 * pool of its own, in images a second and in time for each. With --processes they are held against
 * as many independent processes as there are threads, of one thread each. All are measured in turn,
 * several times. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "bench/bench.h"

enum { MOST_SPLITS = 32, ROUNDS = 15, MOST_THREADS = 256 };

/* A session that is run again and again, by a thread or by a process of its own. Either way it is
 * asked through a pipe to run for so many milliseconds, and answers with what it did. */
struct stream {
    struct bench *bench; /* of a process: its own copy */
    infer_session *session;
    infer_tensor *outputs;
    pthread_t thread;
    pid_t pid;
    int asked, answers; /* its ends of the pipes, and the other ones */
    int ask, answered;
};

struct split {
    uint32_t streams, threads; /* threads of each */
    int processes;             /* 1: each stream is a process */
    struct stream *stream;
    double images[ROUNDS], latency[ROUNDS]; /* a second; ms */
};

static int out_of(const char *what)
{
    fprintf(stderr, "infer-bench: no %s\n", what);
    return BENCH_RESOURCES;
}

/* ---- in the thread or process ---------------------------------------------------------------- */

static int run_for(struct stream *s, double ms, double answer[2])
{
    const struct bench *b = s->bench;
    const double start = bench_now_ms();
    infer_error err;
    answer[0] = 0;
    do {
        memset(s->outputs, 0, b->noutputs * sizeof *s->outputs);
        if (infer_run(s->session, b->inputs, b->ninputs, s->outputs, b->noutputs, &err) != INFER_OK)
            return bench_fail(b->path, &err);
        answer[0]++;
        answer[1] = bench_now_ms() - start;
    } while (answer[1] < ms);
    return 0;
}

static int make_session(struct stream *s, uint32_t threads)
{
    infer_session_options o = s->bench->options;
    infer_error err;
    o.threads = threads;
    s->outputs = calloc(s->bench->noutputs + 1, sizeof *s->outputs);
    if (!s->outputs)
        return out_of("memory");
    return infer_session_create(s->bench->model, &o, &s->session, &err) == INFER_OK
               ? 0
               : bench_fail(s->bench->path, &err);
}

/* Until it is asked no more. */
static void *serve_rounds(void *arg)
{
    struct stream *s = arg;
    double ms, answer[2];
    while (read(s->asked, &ms, sizeof ms) == (ssize_t)sizeof ms && run_for(s, ms, answer) == 0 &&
           write(s->answers, answer, sizeof answer) == (ssize_t)sizeof answer)
        continue;
    close(s->answers);
    s->answers = -1;
    return NULL;
}

/* ---- starting them -------------------------------------------------------------------------- */

static int open_pipes(struct stream *s)
{
    int to[2], from[2];
    if (pipe(to))
        return out_of("pipe");
    if (pipe(from)) {
        close(to[0]), close(to[1]);
        return out_of("pipe");
    }
    s->asked = to[0], s->ask = to[1];
    s->answered = from[0], s->answers = from[1];
    return 0;
}

static int start_threads(struct bench *b, struct split *p)
{
    for (uint32_t i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        s->bench = b;
        int status = make_session(s, p->threads);
        status = status ? status : open_pipes(s);
        if (status)
            return status;
        if (pthread_create(&s->thread, NULL, serve_rounds, s)) {
            s->thread = 0;
            return out_of("thread");
        }
    }
    return 0;
}

/* The session that bench_prepare makes is not the one that is run, and idle. */
static int be_process(struct bench *b, struct stream *s)
{
    int status = bench_prepare(b);
    s->bench = b;
    status = status ? status : make_session(s, 1);
    if (!status)
        serve_rounds(s);
    infer_session_free(&s->session);
    free(s->outputs);
    bench_release(b);
    return status;
}

/* Before this process has threads. */
static int start_processes(struct bench *b, struct split *p)
{
    for (uint32_t i = 0; i < p->streams; i++) {
        struct stream *s = &p->stream[i];
        if (open_pipes(s))
            return BENCH_RESOURCES;
        s->bench = b;
        s->pid = fork();
        if (s->pid == 0) {
            for (uint32_t k = 0; k <= i; k++) /* so that they end with the parent */
                close(p->stream[k].ask), close(p->stream[k].answered);
            _exit(be_process(b, s));
        }
        close(s->asked), close(s->answers);
        s->asked = s->answers = -1;
        if (s->pid < 0)
            return out_of("process");
    }
    return 0;
}

static void end_stream(struct stream *s)
{
    if (s->ask > 0)
        close(s->ask); /* the end of what it is asked is its end */
    if (s->thread)
        pthread_join(s->thread, NULL);
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0);
    if (s->answered > 0)
        close(s->answered);
    if (s->asked > 0)
        close(s->asked);
    if (s->answers > 0)
        close(s->answers);
    infer_session_free(&s->session);
    free(s->outputs);
}

static void end_split(struct split *p)
{
    for (uint32_t i = 0; p->stream && i < p->streams; i++)
        end_stream(&p->stream[i]);
    free(p->stream);
}

/* ---- splits --------------------------------------------------------------------------------- */

static uint32_t threads_of(const struct bench *b)
{
    const uint32_t threads = b->options.threads ? b->options.threads : infer__cpu_count();
    return threads < MOST_THREADS ? threads : MOST_THREADS;
}

static struct split *add_split(struct split *p, uint32_t *n, uint32_t streams, uint32_t threads)
{
    p[*n] = (struct split){.streams = streams, .threads = threads ? threads : 1};
    p[*n].stream = calloc(streams, sizeof *p[*n].stream);
    return p[(*n)++].stream ? &p[*n - 1] : NULL;
}

/* Those that are asked for: one, or for a hint all that use every thread. Processes come first. */
static int list_splits(const struct bench *b, struct split *p, uint32_t *n)
{
    const uint32_t threads = threads_of(b);
    int good = 1;
    if (b->processes) {
        good = add_split(p, n, threads, 1) != NULL;
        p[0].processes = 1;
    }
    if (b->streams)
        good = good && add_split(p, n, b->streams, threads / b->streams);
    for (uint32_t s = 1; !b->streams && good && s <= threads && *n < MOST_SPLITS; s++)
        if (threads % s == 0)
            good = add_split(p, n, s, threads / s) != NULL;
    return good ? 0 : out_of("memory");
}

static int run_round(struct split *p, int round, double ms)
{
    double runs = 0, images = 0, busy = 0, answer[2];
    for (uint32_t i = 0; i < p->streams; i++)
        if (write(p->stream[i].ask, &ms, sizeof ms) != (ssize_t)sizeof ms)
            return out_of("stream to ask");
    for (uint32_t i = 0; i < p->streams; i++) {
        if (read(p->stream[i].answered, answer, sizeof answer) != (ssize_t)sizeof answer)
            return out_of("answer of a stream"); /* it has said why */
        runs += answer[0];
        busy += answer[1];
        images += answer[0] * p->stream[i].bench->batch * 1e3 / answer[1];
    }
    p->images[round] = images;
    p->latency[round] = busy / runs;
    return 0;
}

static int measure(struct bench *b, struct split *p, uint32_t n)
{
    const double ms = b->seconds * 1e3 / ROUNDS;
    int status = 0;
    for (uint32_t i = 0; !status && i < n; i++)
        status = run_round(&p[i], 0, ms); /* warm-up, overwritten */
    for (int round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; !status && i < n; i++)
            status = run_round(&p[i], round, ms);
    return status;
}

/* ---- the report ----------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *v)
{
    double copy[ROUNDS];
    memcpy(copy, v, sizeof copy);
    qsort(copy, ROUNDS, sizeof *copy, by_size);
    return copy[ROUNDS / 2];
}

/* The median over rounds of one split's rate over another's of the same round: what slows the
 * machine for a while slows both. */
static double median_ratio(const struct split *a, const struct split *b)
{
    double v[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        v[i] = b->images[i] > 0 ? a->images[i] / b->images[i] : 0;
    return median(v);
}

static uint32_t best_split(const struct bench *b, const struct split *p, uint32_t n)
{
    uint32_t best = b->processes ? 1 : 0;
    for (uint32_t i = best + 1; i < n; i++)
        if (b->hint == BENCH_LATENCY ? median(p[i].latency) < median(p[best].latency)
                                     : median(p[i].images) > median(p[best].images))
            best = i;
    return best;
}

static void report(const struct bench *b, const struct split *p, uint32_t n)
{
    const uint32_t best = best_split(b, p, n);
    if (b->json)
        printf("{\"model\": "), bench_print_string(stdout, b->path), printf(", \"splits\": [");
    else
        printf("%-10s %7s %7s %10s %10s%s\n", "", "streams", "threads", "images/s", "ms each",
               b->processes ? "  of the processes" : "");
    for (uint32_t i = 0; i < n; i++) {
        const char *kind = p[i].processes ? "processes" : "sessions";
        if (b->json)
            printf("%s{\"kind\": \"%s\", \"streams\": %u, \"threads\": %u, \"images_per_s\": %.3f, "
                   "\"latency_ms\": %.6f",
                   i ? ", " : "", kind, p[i].streams, p[i].threads, median(p[i].images),
                   median(p[i].latency));
        else
            printf("%-10s %7u %7u %10.2f %10.4f", kind, p[i].streams, p[i].threads,
                   median(p[i].images), median(p[i].latency));
        if (b->json && b->processes)
            printf(", \"of_processes\": %.4f", median_ratio(&p[i], &p[0]));
        else if (b->processes)
            printf("  %.3f", median_ratio(&p[i], &p[0]));
        printf("%s", b->json ? "}" : "\n");
    }
    if (b->json)
        printf("], \"best\": {\"streams\": %u, \"threads\": %u}}\n", p[best].streams,
               p[best].threads);
    else if (b->hint)
        printf("best for %s: %u sessions of %u threads\n",
               b->hint == BENCH_LATENCY ? "latency" : "throughput", p[best].streams,
               p[best].threads);
}

int bench_streams(struct bench *b)
{
    struct split p[MOST_SPLITS + 2];
    uint32_t n = 0;
    signal(SIGPIPE, SIG_IGN); /* of a stream that has failed: asking it does */
    int status = list_splits(b, p, &n);
    if (!status && b->processes)
        status = start_processes(b, &p[0]);
    if (!status)
        status = bench_prepare(b);
    for (uint32_t i = 0; !status && i < n; i++)
        if (!p[i].processes)
            status = start_threads(b, &p[i]);
    status = status ? status : measure(b, p, n);
    if (!status)
        report(b, p, n);
    for (uint32_t i = 0; i < n; i++)
        end_split(&p[i]);
    return status;
}
