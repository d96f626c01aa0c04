/* A progress bar on standard error, for a person only. */
#ifndef INFER_TOOLS_PROGRESS_H
#define INFER_TOOLS_PROGRESS_H

/* `part` of the work, 0 to 1, is done; `what` is being done since `start_ms` (cli_now_ms). */
void progress_show(double start_ms, const char *what, double part);
/* The same for pictures: how many are done, of `total` (0 or less: nobody knows), how many a
 * second, and how long the others will take. At most ten times a second. */
struct progress {
    double start, shown; /* cli_now_ms */
    long done, total;
    int on; /* someone sees it: standard error is a terminal, standard output is none */
};
void progress_begin(struct progress *p, long total);
void progress_step(struct progress *p);
void progress_end(struct progress *p);
/* Wipes the bar away. */
void progress_wipe(void);

#endif
