/* Times an engine while the machine is quiet, and while another process spins on one CPU, in turn.
 *
 * The engine is a process that answers "run N" with N times in nanoseconds: infer-bench --serve,
 * or ort_serve.js. Prints one JSON object; bench/neighbour.sh makes a table of them. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 4, MOST_RUNS = 100000, SPIN_SECONDS = 120 };

static const char help_text[] =
    "Usage: neighbour [RUNS [CPU]] -- COMMAND ARGUMENT...\n"
    "\n"
    "COMMAND is an engine behind a pipe, as `infer-bench MODEL -t 2 --serve PREFIX`. It is timed\n"
    "RUNS times (default 400) with the machine quiet and as often with a process spinning on\n"
    "CPU (default: the last one that may be used), in 4 rounds of both.\n";

struct engine {
    pid_t pid;
    FILE *to, *from;
};

static int engine_start(struct engine *e, char **command)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out))
        return 0;
    e->pid = fork();
    if (e->pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        execvp(command[0], command);
        fprintf(stderr, "neighbour: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    e->to = fdopen(in[1], "w");
    e->from = fdopen(out[0], "r");
    char line[16];
    return e->pid > 0 && e->to && e->from && fgets(line, sizeof line, e->from) &&
           strcmp(line, "ready\n") == 0;
}

static void engine_stop(struct engine *e)
{
    int status;
    if (e->to)
        fclose(e->to); /* the end of its input is the end of the engine */
    if (e->from)
        fclose(e->from);
    if (e->pid > 0)
        waitpid(e->pid, &status, 0);
}

/* Appends `runs` times in milliseconds. */
static int engine_run(struct engine *e, size_t runs, double *ms)
{
    fprintf(e->to, "run %zu\n", runs);
    if (fflush(e->to))
        return 0;
    for (size_t i = 0; i < runs; i++) {
        if (fscanf(e->from, "%lf", &ms[i]) != 1)
            return 0;
        ms[i] /= 1e6;
    }
    return 1;
}

/* A process that computes for ever on one CPU: it ends when it is killed, when this process ends,
 * or behind SPIN_SECONDS. */
static pid_t spinner_start(int cpu)
{
    pid_t parent = getpid(), pid = fork();
    if (pid)
        return pid;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(SPIN_SECONDS);
    if (getppid() != parent || sched_setaffinity(0, sizeof set, &set))
        _exit(1);
    for (volatile uint64_t i = 0;; i++)
        ;
}

/* Returns whether it was still at work. */
static int spinner_stop(pid_t pid)
{
    int status = 0;
    int alive = waitpid(pid, &status, WNOHANG) == 0;
    if (alive) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    return alive;
}

static int last_cpu(void)
{
    cpu_set_t set;
    int last = 0;
    if (sched_getaffinity(0, sizeof set, &set))
        return 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        last = CPU_ISSET((size_t)i, &set) ? i : last;
    return last;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Nearest rank, of sorted times. */
static double percentile(const double *ms, size_t n, double share)
{
    size_t rank = (size_t)ceil(share * (double)n);
    return ms[rank ? rank - 1 : 0];
}

static void settle(void)
{
    struct timespec t = {0, 100000000}; /* spinning threads rest, a new process gets going */
    nanosleep(&t, NULL);
}

static int measure(struct engine *e, int cpu, size_t each, double *quiet, double *busy)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        settle();
        if (!engine_run(e, each, quiet + round * each))
            return 0;
        pid_t spinner = spinner_start(cpu);
        settle();
        int good = spinner > 0 && engine_run(e, each, busy + round * each);
        if (spinner > 0 && !spinner_stop(spinner)) {
            fprintf(stderr, "neighbour: the spinner ended before the runs: fewer RUNS\n");
            return 0;
        }
        if (!good)
            return 0;
    }
    return 1;
}

static void report(double *quiet, double *busy, size_t n)
{
    qsort(quiet, n, sizeof *quiet, ascending);
    qsort(busy, n, sizeof *busy, ascending);
    double q50 = percentile(quiet, n, 0.5), q99 = percentile(quiet, n, 0.99);
    double b50 = percentile(busy, n, 0.5), b99 = percentile(busy, n, 0.99);
    printf("{\"runs\": %zu, \"quiet_median_ms\": %.4f, \"quiet_p99_ms\": %.4f, ", n, q50, q99);
    printf("\"busy_median_ms\": %.4f, \"busy_p99_ms\": %.4f, ", b50, b99);
    printf("\"median_ratio\": %.3f, \"p99_ratio\": %.3f}\n", b50 / q50, b99 / q99);
}

int main(int argc, char **argv)
{
    int split = 1, status = 1;
    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    long runs = split > 1 ? strtol(argv[1], NULL, 10) : 400;
    long cpu = split > 2 ? strtol(argv[2], NULL, 10) : last_cpu();
    if (split + 1 >= argc || runs < ROUNDS || runs > MOST_RUNS || cpu < 0 || cpu >= CPU_SETSIZE) {
        fputs(help_text, stderr);
        return 2;
    }
    size_t each = (size_t)runs / ROUNDS, n = each * ROUNDS;
    double *quiet = calloc(n + 1, sizeof *quiet), *busy = calloc(n + 1, sizeof *busy);
    struct engine e = {0};
    signal(SIGPIPE, SIG_IGN);
    if (!quiet || !busy || !engine_start(&e, argv + split + 1))
        fprintf(stderr, "neighbour: %s does not start\n", argv[split + 1]);
    else if (!engine_run(&e, each < 10 ? each : 10, quiet) ||
             !measure(&e, (int)cpu, each, quiet, busy))
        fprintf(stderr, "neighbour: %s ended too early\n", argv[split + 1]);
    else
        status = 0;
    engine_stop(&e);
    if (!status)
        report(quiet, busy, n);
    free(quiet);
    free(busy);
    return status;
}
