/* The assignment problem: which row goes with which column. */
#ifndef INFER_ANSWER_ASSIGN_H
#define INFER_ANSWER_ASSIGN_H

#include <stdint.h>

/* Memory for up to `side` columns, each array of that many. */
struct infer__assign {
    double *by_row, *by_column; /* prices */
    double *shortest;           /* way to a column */
    int32_t *from;              /* row that it comes from */
    int32_t *row_of, *column_of;
    uint8_t *row_done, *column_done;
};

/* Sets m->column_of[row] for each of `rows` <= `columns` rows so that the sum of their
 * costs[row * columns + column] is the least that there can be. Costs are finite. Takes time in
 * proportion to rows^2 * columns at most. */
void infer__assign(const double *costs, uint32_t rows, uint32_t columns, struct infer__assign *m);

#endif
