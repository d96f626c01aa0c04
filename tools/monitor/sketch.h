/* A sketch of the distribution of numbers: any number of them in a few KiB, from which ranks and
 * quantiles are known within 1 %. Sketches of parts merge into one of the whole.
 *
 * KLL (Karnin, Lang, Liberty: Optimal Quantile Approximation in Streams, 2016): an item at level i
 * stands for 2^i numbers. Where there are too many, a level is sorted and every other item of it
 * goes up one. Up to SKETCH_K numbers the sketch is exact but for their rounding to f32. */
#ifndef INFER_TOOLS_MONITOR_SKETCH_H
#define INFER_TOOLS_MONITOR_SKETCH_H

#include "file/reader.h"
#include "file/write.h"

enum { SKETCH_K = 512, SKETCH_LEVELS = 40 };

/* What ranks are known within, in parts of all numbers, where the sketch is not exact. */
#define SKETCH_ERROR 0.01

struct sketch {
    uint64_t n;   /* numbers in it */
    uint64_t bad; /* NaN and infinite ones, which are counted and nothing else */
    float low, high;
    double sum, squares;
    uint32_t levels;
    uint32_t count[SKETCH_LEVELS], room[SKETCH_LEVELS];
    float *items[SKETCH_LEVELS];
    uint64_t random; /* the coin's state: the same numbers in the same order give the same sketch */
};

void sketch_begin(struct sketch *s);
void sketch_free(struct sketch *s);
/* Functions that take memory give 0 where there is none. The number is then lost, and the sketch
 * still whole. */
int sketch_add(struct sketch *s, double value);
/* Adds everything that is in the other one. */
int sketch_merge(struct sketch *s, const struct sketch *other);
/* 0 as long as every number is in it by itself, else SKETCH_ERROR. */
double sketch_error(const struct sketch *s);
/* NaN where there are too few numbers. */
double sketch_mean(const struct sketch *s);
double sketch_deviation(const struct sketch *s);

/* ---- reading off ---------------------------------------------------------------------------- */

/* The items in order, each with how many numbers are not above it. */
struct sketch_view {
    float *values;
    double *upto;
    size_t count;
    double n, error;
};

int sketch_view(const struct sketch *s, struct sketch_view *v);
void sketch_view_free(struct sketch_view *v);
/* How many numbers are not above x; how many are below. */
double sketch_rank(const struct sketch_view *v, double x);
double sketch_below(const struct sketch_view *v, double x);
/* The least item that at least q of all numbers are not above; NaN without any. 0 <= q <= 1. */
double sketch_quantile(const struct sketch_view *v, double q);
/* The same interpolated between neighbours, as compare_quantile. */
double sketch_between(const struct sketch_view *v, double q);

/* ---- as bytes (sketch_file.c) --------------------------------------------------------------- */

/* Bytes that it is written as, a multiple of 4. */
size_t sketch_bytes(const struct sketch *s);
/* Sorts the levels first, so that equal sketches are equal bytes. */
void sketch_write(struct sketch *s, struct infer__writer *w);
/* From bytes that are not trusted. *s was begun; free it in either case. 0 where they are no
 * sketch, or there is no memory. */
int sketch_read(struct sketch *s, struct infer__reader *r);

#endif
