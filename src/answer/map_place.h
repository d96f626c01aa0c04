/* Where pixels of a picture lie on a map over the network's input, which is smaller. */
#ifndef INFER_ANSWER_MAP_PLACE_H
#define INFER_ANSWER_MAP_PLACE_H

#include "answer/look.h"

/* A pixel's centre along an axis of the map: between cells `low` and `high`. */
struct infer__map_place {
    int32_t low, high; /* low < 0: outside what the network has seen */
    float weight;      /* of high */
};

/* An axis: `n` pixels of the picture from `first` on. Of it the network has seen `seen` pixels from
 * `begin` on, in `size` pixels of its input, over which there are `cells` of the map. */
struct infer__map_axis {
    int32_t first, n, begin, seen, size;
    int64_t cells;
    double scale, offset; /* as in infer_transform */
};

/* The n places of an axis, for linear interpolation with half-pixel centres. */
void infer__map_places(const struct infer__map_axis *a, struct infer__map_place *places);

#endif
