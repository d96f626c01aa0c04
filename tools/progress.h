/* A progress bar on standard error, for a person only. */
#ifndef INFER_TOOLS_PROGRESS_H
#define INFER_TOOLS_PROGRESS_H

/* `part` of the work, 0 to 1, is done; `what` is being done since `start_ms` (cli_now_ms). */
void progress_show(double start_ms, const char *what, double part);
/* Wipes the bar away. */
void progress_wipe(void);

#endif
