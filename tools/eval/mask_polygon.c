/* Polygons to masks, pixel for pixel as COCO's tools have them, since metrics of masks hang on it.
 *
 * The outline is walked on a grid five times as fine. Where the walk goes from one fine column to
 * the next and the middle of a picture's column lies between them, it marks the pixel of that
 * column where the inside begins or ends. Sorted by place, the marks are the ends of runs; two in
 * one place cancel each other. */
#include <math.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/mask_rle.h"

enum { FINE = 5 };

struct outline {
    struct infer__region *region;
    uint32_t height, width;
    uint32_t *marks, nmarks, capacity; /* pixels, counted down the columns */
    int started, u, v;                 /* the last point of the walk, on the fine grid */
};

/* The picture's coordinate of a fine one. */
static double coarse(int fine)
{
    return (fine + 0.5) / FINE - 0.5;
}

/* Walks on to a point that is beside the last one, or above or below it; 0 without memory. */
static int walk_to(struct outline *o, int u, int v)
{
    const int left = u < o->u ? u : u - 1, upper = v < o->v ? v : o->v;
    const int crosses = o->started && u != o->u;
    o->started = 1;
    o->u = u;
    o->v = v;
    const double x = coarse(left);
    if (!crosses || floor(x) != x || x < 0 || x > o->width - 1.0)
        return 1;
    double y = coarse(upper);
    y = ceil(y < 0 ? 0 : y > o->height ? o->height : y);
    if (o->nmarks == o->capacity &&
        !infer__region_grow(o->region, (void **)&o->marks, &o->capacity,
                            infer__length_add(o->nmarks, 1), sizeof *o->marks))
        return 0;
    o->marks[o->nmarks++] = (uint32_t)x * o->height + (uint32_t)y;
    return 1;
}

/* Walks an edge, a step of 1 at a time along its longer side. Points are those of the edge from its
 * lower end to its upper one, whichever way it is walked, so that neighbours share their edge. */
static int walk_edge(struct outline *o, const int from[2], const int to[2])
{
    const int dx = abs(to[0] - from[0]), dy = abs(to[1] - from[1]), flat = dx >= dy;
    const int along = flat ? 0 : 1, steps = flat ? dx : dy, back = from[along] > to[along];
    const int *low = back ? to : from, *high = back ? from : to;
    const double slope = steps ? (double)(high[!along] - low[!along]) / steps : 0;
    int fine = 1;
    for (int i = 0; fine && i <= steps; i++) {
        const int t = back ? steps - i : i;
        const int a = low[along] + t, b = (int)(low[!along] + slope * t + 0.5);
        fine = walk_to(o, flat ? a : b, flat ? b : a);
    }
    return fine;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Marks become runs between them. */
static infer_status to_mask(struct outline *o, struct mask_rle *mask, infer_error *err)
{
    const uint32_t n = o->nmarks, end = o->height * o->width;
    uint32_t *runs = infer__region_take(o->region, infer__array_bytes((size_t)n + 1, sizeof *runs));
    if (!runs)
        return infer__no_memory(err, infer__array_bytes((size_t)n + 1, sizeof *runs));
    if (n)
        qsort(o->marks, n, sizeof *o->marks, by_number);
    for (uint32_t i = 0; i <= n; i++)
        runs[i] = (i < n ? o->marks[i] : end) - (i ? o->marks[i - 1] : 0);
    infer_status status = mask_from_runs(o->region, o->height, o->width, runs, n + 1, mask, err);
    infer__region_drop(o->region, runs, (n + 1) * sizeof *runs);
    return status;
}

infer_status mask_from_polygon(struct infer__region *r, uint32_t height, uint32_t width,
                               const double *xy, uint32_t n, struct mask_rle *mask,
                               infer_error *err)
{
    struct outline o = {.region = r, .height = height, .width = width};
    int from[2] = {0, 0}, first[2] = {0, 0}, fine = 1;
    FAIL_IF(n < 3, INFER_ERROR_FORMAT, "a polygon of %u corners; it takes 3", n);
    FAIL_IF(!height || !width || height > MASK_MOST_SIDE || width > MASK_MOST_SIDE,
            INFER_ERROR_FORMAT, "a polygon in a picture of %u x %u pixels", width, height);
    for (uint32_t i = 0; i < n && fine; i++) {
        int to[2];
        for (int c = 0; c < 2; c++) {
            const double v = xy[2 * i + (uint32_t)c];
            FAIL_IF(!(fabs(v) <= MASK_MOST_COORDINATE), INFER_ERROR_FORMAT,
                    "a polygon goes %g pixels away; %d are possible", v, MASK_MOST_COORDINATE);
            to[c] = (int)(FINE * v + 0.5);
        }
        if (i)
            fine = walk_edge(&o, from, to);
        for (int c = 0; c < 2; c++) {
            from[c] = to[c];
            if (i == 0)
                first[c] = to[c];
        }
    }
    if (!fine || !walk_edge(&o, from, first))
        return infer__no_memory(err, sizeof *o.marks);
    return to_mask(&o, mask, err);
}
