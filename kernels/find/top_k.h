/* TopK: the largest or smallest elements along an axis and where they stand, in order. Of equals
 * the first comes first. A heap holds the best that were found, the worst of them on top. */
#ifndef INFER_KERNELS_FIND_TOP_K_H
#define INFER_KERNELS_FIND_TOP_K_H

#include "kernels/find/order.h"
#include "kernels/nd.h"

struct view {
    int64_t outer, axis, inner, wanted;
};

static inline struct view view_of(const struct infer__task *t)
{
    const int axis = t->p.axis.axis;
    struct view v = {1, t->in[0].dims[axis], 1, t->out[0].type ? t->out[0].dims[axis] : 0};
    if (!v.wanted)
        v.wanted = t->out[1].dims[axis];
    for (int i = 0; i < t->in[0].rank; i++)
        if (i != axis)
            *(i < axis ? &v.outer : &v.inner) *= t->in[0].dims[i];
    return v;
}

static inline uint32_t units_of(const struct infer__task *t, const struct view *v)
{
    return infer__task_units(t, v->outer * v->inner, 4096 / (v->axis + 1) + 1);
}

static inline infer_status top_k_prepare(const struct infer__task *t, struct infer__need *need,
                                         infer_error *err)
{
    const struct view v = view_of(t);
    (void)err;
    need->units = units_of(t, &v);
    need->scratch_bytes = infer__bytes_of(v.wanted, sizeof(struct infer__found));
    return INFER_OK;
}

/* Takes element i of a column into the heap of the `*n` best, where it is one of them. */
static inline void top_k_take(const struct view *v, struct infer__found *best, int64_t *n,
                              uint64_t key, int64_t i)
{
    const struct infer__found f = {key, i};
    if (*n < v->wanted) {
        best[(*n)++] = f;
        if (*n == v->wanted)
            infer__found_heap(best, *n, 0);
    } else if (infer__found_before(&f, &best[0])) {
        best[0] = f;
        infer__found_sink(best, *n, 0, 0);
    }
}

/* Finds the best of the column of x that begins at element `at`, in order. */
typedef void top_k_find(const struct infer__task *t, const struct view *v, const void *x,
                        int64_t at, struct infer__found *best);

static inline void top_k_run(top_k_find *find, const struct infer__task *t,
                             const struct infer__buffers *b, uint32_t begin, uint32_t end)
{
    const struct view v = view_of(t);
    const uint32_t units = units_of(t, &v);
    const size_t size = infer__operand_size(&t->in[0]);
    struct infer__found *best = b->scratch;
    char *values = t->out[0].type ? b->out[0] : NULL;
    int64_t *places = t->nout > 1 && t->out[1].type ? b->out[1] : NULL;
    const int64_t last = infer__unit_begin(v.outer * v.inner, units, end);
    for (int64_t i = infer__unit_begin(v.outer * v.inner, units, begin); i < last; i++) {
        const int64_t from = i / v.inner * v.axis * v.inner + i % v.inner;
        const int64_t to = i / v.inner * v.wanted * v.inner + i % v.inner;
        find(t, &v, b->in[0], from, best);
        for (int64_t k = 0; k < v.wanted; k++) {
            if (values)
                memcpy(values + (size_t)(to + k * v.inner) * size,
                       (const char *)b->in[0] + (size_t)(from + best[k].place * v.inner) * size,
                       size);
            if (places)
                places[to + k * v.inner] = best[k].place;
        }
    }
}

#endif
