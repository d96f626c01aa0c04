/* How work is cut for many threads. With two or three, units are large and threads take from each
 * other what is left; with more of them too few units, or a last wave that is not full, cost more
 * than smaller units do (docs/scaling.md). Nothing here changes what weights look like. */
#ifndef INFER_KERNELS_SHARE_OUT_H
#define INFER_KERNELS_SHARE_OUT_H

#include "kernels/integers.h"

enum { INFER__MANY_THREADS = 4, INFER__LEAST_UNIT_NS = 2000 };

/* Nanoseconds that a unit should take at least, out of `ns` for all: `usual`, but less where many
 * threads would not have one each. */
static inline double infer__unit_ns(double ns, uint32_t threads, double usual)
{
    if (threads < INFER__MANY_THREADS || ns / threads >= usual)
        return usual;
    return ns / threads > INFER__LEAST_UNIT_NS ? ns / threads : INFER__LEAST_UNIT_NS;
}

/* The number of units, so that each of many threads has as many. */
static inline uint32_t infer__even_units(uint32_t units, uint32_t threads)
{
    return threads >= INFER__MANY_THREADS && units > threads ? units - units % threads : units;
}

/* Tiles that are transformed in groups, each group's panels in parts (Winograd's): where there are
 * fewer items than many threads need, the groups and parts whose last thread ends first. A product
 * of less than `rows` tiles takes as long as one of so many, and what is done once for each tile of
 * a group `transform` times as long as a tile's product by one panel. There are `least` groups at
 * least. */
static inline void infer__cut_for_many(int64_t tiles, int64_t panels, int64_t rows,
                                       double transform, int64_t threads, int64_t least,
                                       int64_t *groups, int64_t *parts)
{
    double best = -1;
    if (threads < INFER__MANY_THREADS || *groups * *parts >= 2 * threads)
        return;
    for (int64_t p = 1; p <= panels; p++)
        for (int64_t g = least; g <= min64(ceil_div(3 * threads, p), tiles); g++) {
            const int64_t n = ceil_div(tiles, g), k = ceil_div(panels, p);
            const double item = transform * (double)n + (double)((n < rows ? rows : n) * k);
            const double time = (double)ceil_div(g * p, threads) * item;
            if (best < 0 || time < best * 0.98) {
                best = time;
                *groups = g;
                *parts = p;
            }
        }
}

#endif
