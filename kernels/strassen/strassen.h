/* Products of f32 matrices with constant weights by Strassen's algorithm in Winograd's form, one
 * level deep: 1x1 convolutions of pictures, of any stride, and dense layers of many rows.
 *
 * With A (rows by k) and B (k by n) cut into quarters, seven products of quarters in place of eight
 * give A * B:
 *
 *   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
 *   T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = T2 - B21
 *   U1 = A11 B11     U2 = U1 + S2 T2  U3 = U2 + S3 T3  P  = S1 T1
 *   C11 = U1 + A12 B21    C12 = U2 + P + S4 B22    C21 = U3 - A22 T4    C22 = U3 + P
 *
 * The T are made when weights are packed, which take 7/4 of the usual memory. Rows go tile by tile:
 * the first half of a tile's rows are A1., the others A2.; an odd tile's middle row is in both. The
 * S of some tiles are made first, then one panel of columns after the other is computed for each of
 * them: C11 and so on are register tiles, U1 .. U3 and P wait in the first-level cache.
 *
 * An output is the sum of products of its own and of its partners' rows and columns, so its error
 * is some two to three times that of a plain sum where all are of one size, with products of pairs
 * some five times; an infinity or NaN of a row spreads to its partner. A row's partner depends on
 * its place in its picture alone.
 */
#ifndef INFER_KERNELS_STRASSEN_STRASSEN_H
#define INFER_KERNELS_STRASSEN_STRASSEN_H

#include "kernels/kernel.h"

/* Vectors of a panel at most; sums that one tile keeps; floats between two products' weights. */
enum { STRASSEN_PANEL = 2, STRASSEN_PRODUCTS = 7, STRASSEN_INPUTS = 7 };

/* Registers of a level. */
struct infer__strassen_level {
    int vec;     /* floats of a vector */
    int pairs;   /* pairs of rows of a tile at most */
    int halved;  /* 1: products of pairs */
    double rate; /* multiply-adds per ns when all goes well */
};

struct infer__strassen {
    const struct infer__strassen_level *level;
    int64_t pictures, rows, k, n; /* rows of a picture */
    int64_t width;                /* rows that stand together, line by line of the picture */
    int64_t column_step;          /* rows of A from one of them to the next, */
    int64_t line_step;            /* and from line to line: more than the output's with strides */
    int64_t x_rows;               /* rows of A of a picture */
    int64_t w_k, w_n;             /* floats from weight to weight along k and n */
    int bias, residual;           /* operands, 0: none */
    int64_t half, padded;         /* of k; the same in whole vectors */
    int64_t vectors, panels;      /* of half of the columns */
    int64_t tiles;                /* of a picture */
    int64_t chunk, chunks;        /* tiles whose S are made at once; chunks of a picture */
    int64_t parts;                /* a chunk's panels go to this many items */
    int64_t items;                /* pictures * chunks * parts */
    uint32_t units;
};

/* 1 if `t` is such a product, and large enough to gain; fills *s. */
int infer__strassen_shape(const struct infer__task *t, const struct infer__strassen_level *level,
                          struct infer__strassen *s);

/* First vector of panel p, p = 0 .. panels. */
int64_t infer__strassen_panel(const struct infer__strassen *s, int64_t p);

/* Floats of packed weights, which are [panel][product][half of k][vectors of the panel], products
 * in the order B11, B21, T2, T3, -T4, T1, B22. Where products are of pairs (kernels/conv/halved.h)
 * five more rows follow in each panel: what the sums of C11, C12, C21 and C22 lack, and what they
 * are to be multiplied by. */
int64_t infer__strassen_packed(const struct infer__strassen *s);
int64_t infer__strassen_rows(const struct infer__strassen *s); /* of a panel */

/* Floats of S of a chunk. */
int64_t infer__strassen_scratch(const struct infer__strassen *s);

/* Predicted ns on one thread, without the activation. */
double infer__strassen_ns(const struct infer__strassen *s, const struct infer__machine *m);

#endif
