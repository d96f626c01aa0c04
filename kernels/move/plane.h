/* Transposes where the output's last axis is not the input's: the plane that the output's last axis
 * spans with the axis that is the input's last one. All other axes are walked around it. */
#ifndef INFER_KERNELS_MOVE_PLANE_H
#define INFER_KERNELS_MOVE_PLANE_H

#include "kernels/nd.h"

struct plane {
    struct infer__nd around; /* operand 0: the input; operand 1: the output */
    int64_t planes;
    int64_t rows, columns; /* of the output: along the input's last axis, and its own last */
    int64_t in_stride;     /* between neighbours of an output row */
    int64_t out_stride;    /* between output rows */
    int64_t bands;         /* of rows, as the kernel cuts them */
    int64_t stretches;     /* of columns, where it cuts these too */
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

/* Returns 0 if there is no plane with sides of at least `least`: rows can be copied instead. The
 * kernel cuts it. */
static inline int plane_of(const struct infer__task *t, int64_t least, struct plane *p)
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
    if (fast == last || w.dims[fast] < least || w.dims[last] < least)
        return 0;
    infer__nd_strides(w.dims, w.axes, w.stride[1]);
    p->rows = w.dims[fast];
    p->columns = w.dims[last];
    p->in_stride = w.stride[0][last];
    p->out_stride = w.stride[1][fast];
    p->bands = p->stretches = 1;
    walk_around(p, &w, fast);
    return 1;
}

#endif
