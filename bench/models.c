/* From files in the page cache to models that can be run: how soon the first session of each is
 * ready, in a process that did nothing before; and what all of them together take, once run, and a
 * second process that has them too. Prints tables in Markdown. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/run_zeros.h"

enum { ROUNDS = 21, MOST_ROWS = 8 };

static const char help_text[] =
    "Usage: models THREADS MODEL.infer ...\n"
    "\n"
    "For the first 8 models: loads each and makes a session, in a process of its own, 21 times, "
    "and\n"
    "runs it once: the peak is what is resident then beyond what was before.\n"
    "With more than one: loads all in one process, with a session each on one pool of THREADS, "
    "runs\n"
    "each twice, and says what that took beyond the second runs and what memory it holds; then "
    "the\n"
    "same of a second process while the first one stays.\n"
    "\n"
    "Example:\n"
    "  build/bench/models 2 copies/*.infer\n";

struct one {
    infer_model *model;
    infer_session *session;
};

_Noreturn static void fail(const char *what, const infer_error *err)
{
    fprintf(stderr, "models: %s: %s\n", what, err ? err->message : strerror(errno));
    exit(1);
}

static double ms_since(uint64_t begin)
{
    return (double)(infer__now_ns() - begin) / 1e6;
}

/* Of the processor, by all threads: what a busy machine does not change much. */
static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct one make(const char *path, infer_pool *pool, uint32_t threads, double *load_ms,
                       double *session_ms)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    struct one m;
    infer_error err;
    o.pool = pool;
    o.threads = threads;
    uint64_t begin = infer__now_ns();
    if (infer_load(path, NULL, &m.model, &err) != INFER_OK)
        fail(path, &err);
    *load_ms = ms_since(begin);
    begin = infer__now_ns();
    if (infer_session_create(m.model, &o, &m.session, &err) != INFER_OK)
        fail(path, &err);
    *session_ms = ms_since(begin);
    return m;
}

/* Runs `f` in a process of its own and takes what it leaves in `out`. */
static void in_child(void (*f)(void *ctx, double *out), void *ctx, double *out, size_t n)
{
    int ends[2];
    if (pipe(ends))
        fail("pipe", NULL);
    const pid_t child = fork();
    if (child < 0)
        fail("fork", NULL);
    if (child == 0) {
        f(ctx, out);
        _exit(write(ends[1], out, n * sizeof *out) != (ssize_t)(n * sizeof *out));
    }
    close(ends[1]);
    const ssize_t got = read(ends[0], out, n * sizeof *out);
    close(ends[0]);
    if (waitpid(child, NULL, 0) != child || got != (ssize_t)(n * sizeof *out))
        fail("a process ended early", NULL);
}

/* Megabytes of a line of a file of /proc. */
static double proc_mb(const char *path, const char *field)
{
    char line[256];
    double mb = 0;
    FILE *f = fopen(path, "r");
    const size_t n = strlen(field);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, n) == 0)
            mb = (double)strtol(line + n, NULL, 10) * 1024 / 1e6;
    if (f)
        fclose(f);
    return mb;
}

static double memory(const char *field)
{
    return proc_mb("/proc/self/smaps_rollup", field);
}

static double status_mb(const char *field)
{
    return proc_mb("/proc/self/status", field);
}

static double run(const char *path, infer_session *s)
{
    infer_error err;
    double ms;
    if (run_zeros(s, &ms, &err) != INFER_OK)
        fail(path, &err);
    return ms;
}

/* ---- the first session ---------------------------------------------------------------------- */

struct ready {
    const char *path;
    uint32_t threads;
};

static void get_ready(void *ctx, double *out)
{
    const struct ready *r = ctx;
    const double before = status_mb("VmRSS:");
    const struct one m = make(r->path, NULL, r->threads, &out[0], &out[1]);
    run(r->path, m.session);
    out[2] = status_mb("VmHWM:") - before;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_ready(char **paths, int n, uint32_t threads)
{
    puts("| model | threads | load, ms | session, ms | both, ms | the fastest, ms | peak, MB |\n"
         "|---|---|---|---|---|---|---|");
    for (int i = 0; i < n && i < MOST_ROWS; i++) {
        struct ready r = {paths[i], threads};
        double load[ROUNDS], session[ROUNDS], both[ROUNDS], peak[ROUNDS];
        for (int k = 0; k < ROUNDS; k++) {
            double out[3] = {0, 0, 0};
            in_child(get_ready, &r, out, 3);
            load[k] = out[0];
            session[k] = out[1];
            both[k] = out[0] + out[1];
            peak[k] = out[2];
        }
        qsort(load, ROUNDS, sizeof *load, by_size);
        qsort(session, ROUNDS, sizeof *session, by_size);
        qsort(both, ROUNDS, sizeof *both, by_size);
        qsort(peak, ROUNDS, sizeof *peak, by_size);
        printf("| %s | %u | %.2f | %.2f | %.2f | %.2f | %.1f |\n", paths[i], threads,
               load[ROUNDS / 2], session[ROUNDS / 2], both[ROUNDS / 2], both[0], peak[ROUNDS / 2]);
    }
}

/* ---- all of them ---------------------------------------------------------------------------- */

struct all {
    char **paths;
    int n;
    uint32_t threads;
    int other[2]; /* pipes to a process that waits for this one to have all; -1: there is none */
};

enum {
    MADE,
    FIRST_RUNS,
    SECOND_RUNS,
    BEYOND,
    BEYOND_CPU,
    RSS,
    OWN,
    PRIVATE,
    ARENAS,
    PLANS,
    VALUES
};

static void have_all(void *ctx, double *out)
{
    struct all *a = ctx;
    infer_pool_options po = INFER_POOL_OPTIONS_INIT;
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    infer_pool *pool;
    infer_error err;
    double load, session;
    struct one *m = calloc((size_t)a->n, sizeof *m);
    memset(out, 0, VALUES * sizeof *out);
    po.threads = a->threads;
    if (!m || infer_pool_create(&po, &pool, &err) != INFER_OK)
        fail("no pool", NULL);
    const uint64_t begin = infer__now_ns();
    const double cpu = cpu_ms();
    for (int i = 0; i < a->n; i++) {
        m[i] = make(a->paths[i], pool, 0, &load, &session);
        out[MADE] += load + session;
        out[FIRST_RUNS] += run(a->paths[i], m[i].session);
    }
    out[BEYOND] = ms_since(begin);
    out[BEYOND_CPU] = 2 * cpu_ms() - cpu;
    for (int i = 0; i < a->n; i++) {
        out[SECOND_RUNS] += run(a->paths[i], m[i].session);
        infer_session_memory_use(m[i].session, &use, NULL);
        out[ARENAS] += (double)use.arena_bytes / 1e6;
        out[PLANS] += (double)use.plan_bytes / 1e6;
    }
    out[BEYOND] -= out[SECOND_RUNS];
    out[BEYOND_CPU] -= cpu_ms();
    out[RSS] = memory("Rss:");
    out[OWN] = memory("Anonymous:");
    out[PRIVATE] = memory("Private_Clean:") + memory("Private_Dirty:");
    if (a->other[0] >= 0) { /* stays until the other process has measured */
        char done;
        if (write(a->other[1], "r", 1) != 1 || read(a->other[0], &done, 1) < 0)
            fail("the other process", NULL);
    }
}

static void print_row(const char *name, const double *v)
{
    printf("| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", name, v[MADE],
           v[FIRST_RUNS], v[SECOND_RUNS], v[BEYOND], v[BEYOND_CPU], v[RSS], v[OWN], v[PRIVATE]);
}

/* A process that has them all and stays, beside which another gets them too. */
static void print_all(char **paths, int n, uint32_t threads)
{
    struct all first = {paths, n, threads, {-1, -1}}, second = first;
    double v[VALUES], w[VALUES];
    int here[2], there[2];
    char ready;
    printf("\n%d models, a session each on one pool of %u threads:\n\n"
           "| process | loads and sessions, ms | first runs, ms | second runs, ms | all but second "
           "runs, ms | the same of CPU time, ms | resident, MB | of its own, MB | private, MB |\n"
           "|---|---|---|---|---|---|---|---|---|\n",
           n, threads);
    fflush(stdout);
    if (pipe(here) || pipe(there))
        fail("pipe", NULL);
    in_child(have_all, &first, v, VALUES);
    const pid_t other = fork();
    if (other < 0)
        fail("fork", NULL);
    if (other == 0) {
        first.other[0] = there[0];
        first.other[1] = here[1];
        have_all(&first, v);
        _exit(0);
    }
    if (read(here[0], &ready, 1) != 1)
        fail("the other process", NULL);
    in_child(have_all, &second, w, VALUES);
    if (write(there[1], "d", 1) != 1 || waitpid(other, NULL, 0) != other)
        fail("the other process", NULL);
    print_row("one", v);
    print_row("second, beside it", w);
    printf("\narenas %.0f MB, plans %.0f MB\n", v[ARENAS], v[PLANS]);
}

int main(int argc, char **argv)
{
    const long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    if (argc < 3 || threads < 1 || threads > 1024) {
        const int help = argc > 1 && strcmp(argv[1], "--help") == 0;
        fputs(help_text, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    print_ready(argv + 2, argc - 2, (uint32_t)threads);
    if (argc > 3)
        print_all(argv + 2, argc - 2, (uint32_t)threads);
    return 0;
}
