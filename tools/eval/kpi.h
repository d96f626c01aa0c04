/* Goals for the numbers of an evaluation: a file with lines such as `AP50 >= 0.4`. */
#ifndef INFER_TOOLS_EVAL_KPI_H
#define INFER_TOOLS_EVAL_KPI_H

#include "tools/eval/report.h"

/* Judges a report by the lines of a file: a name (as report_find takes it), one of >= > <= < ==,
 * and a number, or `versus`, which is the other report's number of that name, with a number behind
 * + or - or without; what follows a # is a comment. `other` may be NULL. The outcome becomes the
 * report's list `kpi`. A number that is null meets no goal. Returns CLI_OK where all are met,
 * CLI_DIFFERS where one is not, else an exit status after a message. */
int kpi_judge(const char *path, struct report *r, const struct report *other);

#endif
