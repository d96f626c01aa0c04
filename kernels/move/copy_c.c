/* Operators that are one walk over their input with other strides, and those that copy it whole. */
#include <string.h>

#include "kernels/quant.h"

static int moves_nothing(unsigned op)
{
    return op == INFER__OP_IDENTITY || op == INFER__OP_RESHAPE || op == INFER__OP_FLATTEN ||
           op == INFER__OP_SQUEEZE || op == INFER__OP_UNSQUEEZE;
}

/* Integers are moved as they are, whatever they mean on either side. */
static int same_type(const struct infer__task *t)
{
    return t->in[0].type == t->out[0].type && infer__no_epilogue(t) && !t->epi.requant;
}

INFER__APART static double estimate_copy(const struct infer__task *t)
{
    return moves_nothing(t->op) && same_type(t) ? infer__bytes_ns(t) : -1;
}

static void run_copy(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    size_t size = infer__operand_size(&t->out[0]);
    int64_t first, last;
    infer__elements_range(t, begin, end, &first, &last);
    if (last > first && b->in[0] != b->out[0])
        memcpy((char *)b->out[0] + (size_t)first * size,
               (const char *)b->in[0] + (size_t)first * size, (size_t)(last - first) * size);
}

const struct infer__kernel infer__copy_c = {.name = "copy_c",
                                            .isa = INFER_ISA_C,
                                            .estimate = estimate_copy,
                                            .prepare = infer__elements_prepare,
                                            .run = run_copy};

/* ---- Slice, Expand, Tile, Transpose ---------------------------------------------------------- */

/* Each axis of Tile is two: the repetition, and the place in the input. */
static void walk_tile(const struct infer__task *t, struct infer__nd *w)
{
    int64_t dense[INFER_MAX_RANK];
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    w->axes = 0;
    w->operands = 1;
    for (int i = 0; i < t->out[0].rank; i++) {
        int64_t n = t->in[0].dims[i];
        w->dims[w->axes] = n ? t->out[0].dims[i] / n : 0;
        w->stride[0][w->axes++] = 0;
        w->dims[w->axes] = n;
        w->stride[0][w->axes++] = dense[i];
    }
}

/* The merged walk; returns the offset of its first element. */
static int64_t walk(const struct infer__task *t, struct infer__nd *w)
{
    int64_t dense[INFER_MAX_RANK], offset = 0;
    infer__nd_strides(t->in[0].dims, t->in[0].rank, dense);
    infer__nd_init(w, &t->out[0]);
    if (t->op == INFER__OP_EXPAND) {
        infer__nd_broadcast(w, &t->in[0]);
    } else if (t->op == INFER__OP_TILE) {
        walk_tile(t, w);
    } else {
        w->operands = 1;
        for (int i = 0; i < t->out[0].rank; i++)
            if (t->op == INFER__OP_TRANSPOSE) {
                w->stride[0][i] = dense[t->p.transpose.perm[i]];
            } else {
                w->stride[0][i] = dense[i] * t->p.slice.step[i];
                offset += dense[i] * t->p.slice.start[i];
            }
    }
    infer__nd_merge(w);
    return offset;
}

INFER__APART static double estimate_walk(const struct infer__task *t)
{
    if ((t->op != INFER__OP_SLICE && t->op != INFER__OP_EXPAND && t->op != INFER__OP_TILE &&
         t->op != INFER__OP_TRANSPOSE) ||
        !same_type(t))
        return -1;
    struct infer__nd w;
    walk(t, &w);
    int64_t total = infer__operand_elements(&t->out[0]), length = w.dims[w.axes - 1];
    int64_t stride = w.stride[0][w.axes - 1];
    double rows = length ? (double)(total / length) : 0;
    double moved = 0.08 * (double)total * (double)infer__operand_size(&t->out[0]);
    return moved + rows * 6 + (stride == 0 || stride == 1 ? 0 : 1) * (double)total;
}

static void run_walk(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    size_t size = infer__operand_size(&t->out[0]);
    struct infer__nd w;
    int64_t first, last, offset = walk(t, &w);
    infer__elements_range(t, begin, end, &first, &last);
    if (last > first)
        infer__nd_copy(&w, (const char *)b->in[0] + offset * (int64_t)size, size, first,
                       last - first, (char *)b->out[0] + (size_t)first * size);
}

const struct infer__kernel infer__walk_c = {.name = "walk_c",
                                            .isa = INFER_ISA_C,
                                            .estimate = estimate_walk,
                                            .prepare = infer__elements_prepare,
                                            .run = run_walk};

/* ---- Gather --------------------------------------------------------------------------------- */

INFER__APART static double estimate_gather(const struct infer__task *t)
{
    if (t->op != INFER__OP_GATHER || !same_type(t) ||
        (t->in[1].type != INFER_S64 && t->in[1].type != INFER_S32))
        return -1;
    return infer__bytes_ns(t) + 3 * (double)infer__operand_elements(&t->in[1]);
}

struct gather {
    int64_t outer, axis, inner, indices;
};

static struct gather gather_of(const struct infer__task *t)
{
    struct gather g = {1, t->in[0].dims[t->p.axis.axis], 1, infer__operand_elements(&t->in[1])};
    for (int i = 0; i < t->in[0].rank; i++)
        if (i != t->p.axis.axis)
            *(i < t->p.axis.axis ? &g.outer : &g.inner) *= t->in[0].dims[i];
    return g;
}

static uint32_t gather_units(const struct infer__task *t, const struct gather *g)
{
    return infer__task_units(t, g->outer * g->indices, 8192 / (g->inner + 1) + 1);
}

static infer_status prepare_gather(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    (void)err;
    struct gather g = gather_of(t);
    need->units = gather_units(t, &g);
    return INFER_OK;
}

/* A negative index counts from the end; one outside goes to the nearest inside, so that no value
 * of an input makes this read outside of the data. From an axis of 0 there is nothing to read:
 * zeros. */
static void run_gather(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct gather g = gather_of(t);
    uint32_t units = gather_units(t, &g);
    size_t bytes = (size_t)g.inner * infer__operand_size(&t->in[0]);
    int64_t last = infer__unit_begin(g.outer * g.indices, units, end);
    if (bytes == 0)
        return;
    for (int64_t i = infer__unit_begin(g.outer * g.indices, units, begin); i < last; i++) {
        int64_t row = i / g.indices, at = i % g.indices;
        int64_t from = t->in[1].type == INFER_S64 ? ((const int64_t *)b->in[1])[at]
                                                  : ((const int32_t *)b->in[1])[at];
        char *to = (char *)b->out[0] + (size_t)i * bytes;
        if (from < 0)
            from += g.axis;
        from = from >= g.axis ? g.axis - 1 : from < 0 ? 0 : from;
        if (g.axis > 0)
            memcpy(to, (const char *)b->in[0] + (size_t)(row * g.axis + from) * bytes, bytes);
        else
            memset(to, 0, bytes);
    }
}

const struct infer__kernel infer__gather_c = {.name = "gather_c",
                                              .isa = INFER_ISA_C,
                                              .estimate = estimate_gather,
                                              .prepare = prepare_gather,
                                              .run = run_gather};

/* ---- Shape, ConstantOfShape ------------------------------------------------------------------ */

INFER__APART static double estimate_shape(const struct infer__task *t)
{
    return t->op == INFER__OP_SHAPE && t->out[0].type == INFER_S64 ? 10 : -1;
}

static void run_shape(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                      uint32_t end)
{
    int64_t *y = b->out[0], count = infer__operand_elements(&t->out[0]);
    for (int64_t i = 0; begin < end && i < count; i++)
        y[i] = t->in[0].dims[t->p.shape.start + i];
}

const struct infer__kernel infer__shape_c = {.name = "shape_c",
                                             .isa = INFER_ISA_C,
                                             .estimate = estimate_shape,
                                             .prepare = infer__prepare_one,
                                             .run = run_shape};

INFER__APART static double estimate_fill(const struct infer__task *t)
{
    if (t->op != INFER__OP_CONSTANT_OF_SHAPE ||
        (infer__has_in(t, 1) && t->in[1].type != t->out[0].type))
        return -1;
    return infer__bytes_ns(t);
}

/* The value is input 1; without it all bits are 0. */
static void run_fill(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    static const uint64_t zero;
    size_t size = infer__operand_size(&t->out[0]);
    struct infer__nd w = {1, 1, {infer__operand_elements(&t->out[0])}, {{0}}};
    int64_t first, last;
    infer__elements_range(t, begin, end, &first, &last);
    if (last > first)
        infer__nd_copy(&w, infer__has_in(t, 1) ? b->in[1] : &zero, size, first, last - first,
                       (char *)b->out[0] + (size_t)first * size);
}

const struct infer__kernel infer__fill_c = {.name = "fill_c",
                                            .isa = INFER_ISA_C,
                                            .estimate = estimate_fill,
                                            .prepare = infer__elements_prepare,
                                            .run = run_fill};
