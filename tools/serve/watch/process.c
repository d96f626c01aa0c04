#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tools/serve/watch/metrics.h"

struct process_use process_use(void)
{
    struct process_use use = {0, 0, 0};
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) == 0)
        use.cpu_seconds = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
                          (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
    FILE *f = fopen("/proc/self/statm", "re");
    long pages = 0, resident = 0;
    if (f) {
        if (fscanf(f, "%ld %ld", &pages, &resident) == 2)
            use.resident_bytes = (double)resident * (double)sysconf(_SC_PAGESIZE);
        fclose(f);
    }
    DIR *d = opendir("/proc/self/fd");
    if (d) {
        while (readdir(d))
            use.descriptors++;
        closedir(d);
        use.descriptors -= 3; /* ".", ".." and the folder itself */
    }
    return use;
}
