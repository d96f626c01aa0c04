/* The page of an evaluation: one file of HTML, with the numbers, curves and pictures in it. */
#ifndef INFER_TOOLS_EVAL_PAGE_H
#define INFER_TOOLS_EVAL_PAGE_H

#include "tools/eval/eval.h"

/* Writes it. Returns an exit status after a message. */
int page_write(const char *path, const struct eval_options *o, const struct report *r,
               const struct eval_view *v);

/* Parts of it. Curves: of precision over recall, or of the bins of a report's `reliability`. */
void page_precision(FILE *f, const double *precision, uint32_t n);
void page_reliability(FILE *f, yyjson_mut_val *bins);
/* A confusion matrix, rows being the truth. */
void page_confusion(FILE *f, yyjson_mut_val *rows, const struct name_list *classes);
/* The worst and the best pictures. An exit status after a message. */
int page_pictures(FILE *f, const struct eval_view *v);

#endif
