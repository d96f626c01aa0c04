/* CPU time of this process, of the server and of the machine. */
#ifndef INFER_TOOLS_HAMMER_USAGE_H
#define INFER_TOOLS_HAMMER_USAGE_H

#include <stddef.h>
#include <sys/types.h>

enum { USAGE_MOST_SERVERS = 64 };

/* Seconds since some beginning: differences of two of these mean something. */
struct usage {
    double self_s;                  /* this process, all threads */
    double server_s;                /* the server's processes and all below them */
    double server_bytes;            /* resident now */
    double busy_s, idle_s, steal_s; /* the machine, all CPUs */
};

struct usage usage_now(const pid_t *servers, int count);
/* 0 if there is no such process. */
int usage_is_process(pid_t pid);
int usage_cpus(void);

#endif
