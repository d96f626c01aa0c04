/* The report of a quantisation: HTML for people, JSON for programs, a few lines for the terminal.
 */
#ifndef INFER_TOOLS_QUANTIZE_REPORT_H
#define INFER_TOOLS_QUANTIZE_REPORT_H

#include <stdio.h>

#include "tools/quantize/quantize.h"

struct quant_report {
    const struct quantiser *q;
    const char *model, *output;
    uint64_t bytes_before, bytes_after;
};

void quant_report_text(const struct quant_report *r);
void quant_report_json(const struct quant_report *r, FILE *f);
/* One file without references to others: pictures are SVG inside it. */
void quant_report_html(const struct quant_report *r, FILE *f);
/* Writes HTML, or JSON where the path ends in .json. Returns an exit status after a message. */
int quant_report_write(const struct quant_report *r, const char *path);

struct quant_counts {
    uint32_t integer, floating; /* steps that compute, and those of them in float */
};
struct quant_counts quant_count(const struct quantiser *q);
/* Whether a node belongs into the list of steps: moves of data do not. */
int quant_is_listed(const struct quantiser *q, uint32_t node);
/* A histogram in fewer bins. */
enum { REPORT_BINS = 96 };
void quant_bins(const struct histogram *h, double bins[REPORT_BINS]);
/* What the score counts: "right answers", "answers as in float", "cosine". */
const char *quant_measure_name(const struct quant_score *s);

#endif
