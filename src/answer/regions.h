/* Regions of a map of likelihoods, and the rectangles around them: Liao et al., "Real-time Scene
 * Text Detection with Differentiable Binarization" (2020). */
#ifndef INFER_ANSWER_REGIONS_H
#define INFER_ANSWER_REGIONS_H

#include "infer.h"

/* Rows of `columns` numbers. NaN counts as 0, and what is outside 0..1 as the nearer of both. */
struct infer__map {
    const float *data;
    int32_t rows, columns; /* 1 to 65535 */
};

struct infer__regions_rule {
    float map_threshold;   /* what is above belongs to a region */
    float score_threshold; /* regions whose mean is lower are dropped */
    float unclip, least_side;
};

/* A rectangle, turned. Coordinates are numbers of columns and rows: pixels' centres. */
struct infer__region_found {
    double x[4], y[4]; /* corners, clockwise as seen; the first is the higher one of the two that
                          lie most to the left */
    double score;
    double area;
};

/* Finds all regions, from above. *found has *count of them, to be freed with infer__free. Takes
 * memory of up to 16 bytes a pixel, and time in proportion to the pixels. */
infer_status infer__regions_find(const struct infer__map *map,
                                 const struct infer__regions_rule *rule, const infer_allocator *a,
                                 struct infer__region_found **found, size_t *count,
                                 infer_error *err);

/* Puts the `count` first of the `all` in the order of reading: those come first that are highest,
 * and of those that are beside each other the left one. Before that, where `most` is less than
 * `all`, only the largest stay; returns how many there are. */
size_t infer__regions_order(struct infer__region_found *found, size_t all, size_t most);

/* A rectangle: centre, unit vector along `width`, and the sides. */
struct infer__rectangle {
    double x, y, ux, uy, width, height;
};

/* The convex hull of `n` points (x and y in turn) that are sorted by y, then by x: corners in
 * `hull`, which has room for 2 n + 1, counterclockwise where y runs up. Returns their number, 1 or
 * 2 where all are on a line. */
size_t infer__convex_hull(const int32_t *points, size_t n, int32_t *hull);
/* The smallest rectangle around a convex hull of k corners, k > 0: by area, of equal ones the
 * first.
 */
struct infer__rectangle infer__smallest_rectangle(const int32_t *hull, size_t k);

#endif
