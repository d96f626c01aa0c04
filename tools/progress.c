#include "tools/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    fprintf(stderr, "\r[%s] %3.0f s  %-36.36s\r", bar, (cli_now_ms() - start_ms) / 1e3, what);
    fflush(stderr);
}

void progress_begin(struct progress *p, long total)
{
    *p = (struct progress){.start = cli_now_ms(), .total = total};
    p->on = isatty(2) && !isatty(1);
}

void progress_step(struct progress *p)
{
    const double now = cli_now_ms(), seconds = (now - p->start) / 1e3;
    char text[64];
    p->done++;
    if (!p->on || now - p->shown < 100)
        return;
    const double rate = seconds > 0 ? (double)p->done / seconds : 0;
    p->shown = now;
    if (p->total > 0) {
        snprintf(text, sizeof text, "%ld of %ld, %.1f/s, %.0f s left", p->done, p->total, rate,
                 rate > 0 ? (double)(p->total - p->done) / rate : 0);
        progress_show(p->start, text, (double)p->done / (double)p->total);
    } else {
        snprintf(text, sizeof text, "%ld, %.1f/s", p->done, rate);
        progress_show(p->start, text, 0);
    }
}

void progress_end(struct progress *p)
{
    if (p->shown > 0)
        progress_wipe();
}

void progress_wipe(void)
{
    fprintf(stderr, "\r%*s\r", 79, "");
    fflush(stderr);
}
