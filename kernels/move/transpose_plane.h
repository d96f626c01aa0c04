/* Transposes where the output's last axis is not the input's, as planes cut into squares that are
 * turned in registers: what the element sizes share. The including file defines SIDE, elements of a
 * square's side. */
#ifndef INFER_KERNELS_MOVE_TRANSPOSE_PLANE_H
#define INFER_KERNELS_MOVE_TRANSPOSE_PLANE_H

#include "kernels/nd.h"

enum { STRETCH = 64 * SIDE }; /* columns of an item */

struct plane {
    struct infer__nd around; /* operand 0: the input; operand 1: the output */
    int64_t planes;
    int64_t rows, columns; /* of the output: along the input's last axis, and its own last */
    int64_t in_stride;     /* between neighbours of an output row */
    int64_t out_stride;    /* between output rows */
    int64_t bands;         /* of SIDE rows */
    int64_t stretches;     /* of columns */
};

/* Axes other than the plane's, and a last one of 1, which seeking leaves out. */
static inline void walk_around(struct plane *p, const struct infer__nd *w, int fast)
{
    int n = 0;
    p->planes = 1;
    for (int i = 0; i < w->axes - 1; i++) {
        if (i == fast)
            continue;
        p->around.dims[n] = w->dims[i];
        for (int k = 0; k < 2; k++)
            p->around.stride[k][n] = w->stride[k][i];
        p->planes *= w->dims[i];
        n++;
    }
    p->around.dims[n] = 1;
    p->around.stride[0][n] = p->around.stride[1][n] = 0;
    p->around.axes = n + 1;
    p->around.operands = 2;
}

/* Returns 0 if there is no plane that is large enough. */
static inline int plane_of(const struct infer__task *t, struct plane *p)
{
    int64_t dense[INFER_MAX_RANK];
    struct infer__nd w;
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    infer__nd_init(&w, &t->out[0]);
    w.operands = 1;
    for (int i = 0; i < t->out[0].rank; i++)
        w.stride[0][i] = dense[t->p.transpose.perm[i]];
    infer__nd_merge(&w);
    int last = w.axes - 1, fast = 0;
    while (fast < last && w.stride[0][fast] != 1)
        fast++;
    if (fast == last || w.dims[fast] < SIDE / 2 || w.dims[last] < SIDE / 2)
        return 0;
    infer__nd_strides(w.dims, w.axes, w.stride[1]);
    p->rows = w.dims[fast];
    p->columns = w.dims[last];
    p->in_stride = w.stride[0][last];
    p->out_stride = w.stride[1][fast];
    p->bands = (p->rows + SIDE - 1) / SIDE;
    p->stretches = (p->columns + STRETCH - 1) / STRETCH;
    walk_around(p, &w, fast);
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
