#include "tools/progress.h"

#include <stdio.h>
#include <string.h>

#include "tools/cli.h"

enum { BAR = 30 };

void progress_show(double start_ms, const char *what, double part)
{
    char bar[BAR + 1];
    int full = (int)(part * BAR);
    full = full < 0 ? 0 : full > BAR ? BAR : full;
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = 0;
    fprintf(stderr, "\r[%s] %3.0f s  %-36.36s", bar, (cli_now_ms() - start_ms) / 1e3, what);
    fflush(stderr);
}

void progress_wipe(void)
{
    fprintf(stderr, "\r%*s\r", 79, "");
    fflush(stderr);
}
