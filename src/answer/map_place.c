#include "answer/map_place.h"

void infer__map_places(const struct infer__map_axis *a, struct infer__map_place *places)
{
    for (int32_t i = 0; i < a->n; i++) {
        const int32_t pixel = a->first + i;
        const double in = ((double)pixel + 0.5 - a->offset) / a->scale;
        if (pixel < a->begin || pixel >= a->begin + a->seen || !(in >= 0 && in <= a->size)) {
            places[i] = (struct infer__map_place){.low = -1};
            continue;
        }
        double at = in * (double)a->cells / a->size - 0.5;
        at = at < 0 ? 0 : at > (double)(a->cells - 1) ? (double)(a->cells - 1) : at;
        places[i].low = (int32_t)at;
        places[i].high = places[i].low + (places[i].low + 1 < a->cells);
        places[i].weight = (float)(at - places[i].low);
    }
}
