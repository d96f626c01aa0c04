/* Transposes where the output's last axis is not the input's, as planes cut into squares that are
 * turned in registers: what the element sizes share. The including file defines SIDE, elements of a
 * square's side. */
#ifndef INFER_KERNELS_MOVE_TRANSPOSE_PLANE_H
#define INFER_KERNELS_MOVE_TRANSPOSE_PLANE_H

#include "kernels/move/plane.h"

enum { STRETCH = 64 * SIDE }; /* columns of an item */

/* The plane, cut. Returns 0 if there is none that is large enough. */
static inline int squares_of(const struct infer__task *t, struct plane *p)
{
    if (!plane_of(t, SIDE / 2, p))
        return 0;
    p->bands = (p->rows + SIDE - 1) / SIDE;
    p->stretches = (p->columns + STRETCH - 1) / STRETCH;
    return 1;
}

static inline int64_t items_of(const struct plane *p)
{
    return p->planes * p->bands * p->stretches;
}

static inline uint32_t units_of(const struct infer__task *t, const struct plane *p)
{
    int64_t columns = p->columns < STRETCH ? p->columns : STRETCH;
    return infer__task_units(t, items_of(p), 8192 / (SIDE * columns + 1) + 1);
}

#endif
