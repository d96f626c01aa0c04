/* The Hungarian method by shortest augmenting paths: Jonker and Volgenant, "A Shortest Augmenting
 * Path Algorithm for Dense and Sparse Linear Assignment Problems" (1987); for matrices that are not
 * square as in Crouse, "On Implementing 2D Rectangular Assignment Algorithms" (2016). */
#include "answer/assign.h"

#include <math.h>
#include <string.h>

/* What is left to pay from a row to a column, above the prices. */
static double excess(const double *costs, uint32_t columns, const struct infer__assign *m,
                     int32_t row, uint32_t column)
{
    return costs[(uint64_t)(uint32_t)row * columns + column] - m->by_row[row] -
           m->by_column[column];
}

/* The nearest column that is not done, with ways over `row`, which `paid` leads to; among equals
 * one that is free. */
static uint32_t nearest(const double *costs, uint32_t columns, struct infer__assign *m, int32_t row,
                        double paid)
{
    uint32_t best = columns;
    for (uint32_t j = 0; j < columns; j++) {
        if (m->column_done[j])
            continue;
        const double way = paid + excess(costs, columns, m, row, j);
        if (way < m->shortest[j]) {
            m->shortest[j] = way;
            m->from[j] = row;
        }
        if (best == columns || m->shortest[j] < m->shortest[best] ||
            (m->shortest[j] == m->shortest[best] && m->row_of[j] < 0))
            best = j;
    }
    return best;
}

/* The free column at the end of the shortest way from a row, and its length. */
static uint32_t find_way(const double *costs, uint32_t rows, uint32_t columns,
                         struct infer__assign *m, int32_t start, double *length)
{
    int32_t row = start;
    uint32_t column;
    *length = 0;
    memset(m->row_done, 0, rows);
    memset(m->column_done, 0, columns);
    for (uint32_t j = 0; j < columns; j++)
        m->shortest[j] = INFINITY;
    do {
        m->row_done[row] = 1;
        column = nearest(costs, columns, m, row, *length);
        *length = m->shortest[column];
        m->column_done[column] = 1;
        row = m->row_of[column];
    } while (row >= 0);
    return column;
}

static void set_prices(uint32_t rows, uint32_t columns, struct infer__assign *m, int32_t start,
                       double length)
{
    m->by_row[start] += length;
    for (uint32_t i = 0; i < rows; i++)
        if (m->row_done[i] && (int32_t)i != start)
            m->by_row[i] += length - m->shortest[m->column_of[i]];
    for (uint32_t j = 0; j < columns; j++)
        if (m->column_done[j])
            m->by_column[j] -= length - m->shortest[j];
}

void infer__assign(const double *costs, uint32_t rows, uint32_t columns, struct infer__assign *m)
{
    memset(m->by_row, 0, rows * sizeof *m->by_row);
    memset(m->by_column, 0, columns * sizeof *m->by_column);
    for (uint32_t i = 0; i < rows; i++)
        m->column_of[i] = -1;
    for (uint32_t j = 0; j < columns; j++)
        m->row_of[j] = -1;
    for (uint32_t i = 0; i < rows; i++) {
        double length;
        uint32_t column = find_way(costs, rows, columns, m, (int32_t)i, &length);
        int32_t row;
        set_prices(rows, columns, m, (int32_t)i, length);
        do { /* every row on the way takes the column behind it */
            row = m->from[column];
            const int32_t before = m->column_of[row];
            m->row_of[column] = row;
            m->column_of[row] = (int32_t)column;
            column = (uint32_t)before;
        } while (row != (int32_t)i);
    }
}
