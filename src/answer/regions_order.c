/* The order of reading. */
#include <stdlib.h>

#include "answer/regions.h"

static double middle(const double v[4])
{
    return (v[0] + v[1] + v[2] + v[3]) / 4;
}

/* From the uppermost corner to the lowest one. */
static double height(const struct infer__region_found *r)
{
    double least = r->y[0], most = r->y[0];
    for (int k = 1; k < 4; k++) {
        least = r->y[k] < least ? r->y[k] : least;
        most = r->y[k] > most ? r->y[k] : most;
    }
    return most - least;
}

static int by(double a, double b)
{
    return (a > b) - (a < b);
}

/* What else is equal is told by place, so that the order is the same with every qsort. */
static int by_place(const struct infer__region_found *p, const struct infer__region_found *q)
{
    const int y = by(middle(p->y), middle(q->y));
    return y ? y : by(middle(p->x), middle(q->x));
}

static int by_area(const void *a, const void *b)
{
    const struct infer__region_found *p = a, *q = b;
    const int area = by(q->area, p->area);
    return area ? area : by_place(p, q);
}

static int by_y(const void *a, const void *b)
{
    return by_place(a, b);
}

static int by_x(const void *a, const void *b)
{
    const struct infer__region_found *p = a, *q = b;
    const int x = by(middle(p->x), middle(q->x));
    return x ? x : by_place(p, q);
}

size_t infer__regions_order(struct infer__region_found *found, size_t all, size_t most)
{
    if (all > most) {
        qsort(found, all, sizeof *found, by_area);
        all = most;
    }
    if (all)
        qsort(found, all, sizeof *found, by_y);
    /* Of one line is what has its middle within the one that begins it. */
    for (size_t i = 0, k; i < all; i = k) {
        const double end = middle(found[i].y) + height(&found[i]) / 2;
        for (k = i + 1; k < all && middle(found[k].y) < end; k++)
            ;
        qsort(found + i, k - i, sizeof *found, by_x);
    }
    return all;
}
