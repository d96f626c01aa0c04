#include "tools/hammer/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_PROCESSES = 8192 };

struct process {
    pid_t pid, parent;
    double cpu_s, bytes;
    int counts;
};

/* /proc/PID/stat; 0 if it is not there any more. */
static int read_process(const char *pid, struct process *p)
{
    char path[64], text[1024];
    long parent = 0, pages = 0;
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    const size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    /* the name, in brackets, may have anything in it, brackets too */
    const char *behind = strrchr(text, ')');
    if (!behind || sscanf(behind + 1,
                          " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d "
                          "%*d %*d %*d %*u %*u %ld",
                          &parent, &user, &system, &pages) != 4)
        return 0;
    p->pid = (pid_t)strtol(pid, NULL, 10);
    p->parent = (pid_t)parent;
    p->cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    p->bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
    p->counts = 0;
    return 1;
}

int usage_is_process(pid_t pid)
{
    char name[24];
    struct process p;
    snprintf(name, sizeof name, "%ld", (long)pid);
    return read_process(name, &p);
}

/* Marks the servers, then children of what is marked until there are no more. */
static void mark(struct process *all, int n, const pid_t *servers, int count)
{
    int more = 1;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < count; k++)
            all[i].counts |= all[i].pid == servers[k];
    while (more) {
        more = 0;
        for (int i = 0; i < n; i++)
            for (int k = 0; !all[i].counts && k < n; k++)
                if (all[k].counts && all[k].pid == all[i].parent)
                    more = all[i].counts = 1;
    }
}

static void add_servers(struct usage *u, const pid_t *servers, int count)
{
    struct process *all = calloc(MOST_PROCESSES, sizeof *all);
    DIR *d = all ? opendir("/proc") : NULL;
    int n = 0;
    for (struct dirent *e; d && n < MOST_PROCESSES && (e = readdir(d)) != NULL;)
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
            n += read_process(e->d_name, all + n);
    if (d)
        closedir(d);
    if (all)
        mark(all, n, servers, count);
    for (int i = 0; i < n; i++) {
        u->server_s += all[i].counts ? all[i].cpu_s : 0;
        u->server_bytes += all[i].counts ? all[i].bytes : 0;
    }
    free(all);
}

static void add_machine(struct usage *u)
{
    double t[8] = {0}; /* user nice system idle iowait irq softirq steal */
    FILE *f = fopen("/proc/stat", "r");
    if (f && fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4],
                    &t[5], &t[6], &t[7]) == 8) {
        const double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
        u->busy_s = (t[0] + t[1] + t[2] + t[5] + t[6]) * tick;
        u->idle_s = (t[3] + t[4]) * tick;
        u->steal_s = t[7] * tick;
    }
    if (f)
        fclose(f);
}

struct usage usage_now(const pid_t *servers, int count)
{
    struct usage u = {0};
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) == 0)
        u.self_s = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
                   (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
    if (count)
        add_servers(&u, servers, count);
    add_machine(&u);
    return u;
}

int usage_cpus(void)
{
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
