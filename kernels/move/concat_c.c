/* Concat and Split: rows of the whole, each made of one piece per part. Units split the bytes of
 * the whole evenly. */
#include <string.h>

#include "kernels/quant.h"

static const struct infer__operand *whole(const struct infer__task *t)
{
    return t->op == INFER__OP_SPLIT ? &t->in[0] : &t->out[0];
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__task_units(t, infer__operand_elements(whole(t)), 8192);
}

INFER__APART static double concat_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_CONCAT && t->op != INFER__OP_SPLIT) || !infer__no_epilogue(t) ||
        !infer__one_quant(t))
        return -1;
    uint32_t parts = t->op == INFER__OP_CONCAT ? t->nin : t->nout;
    double rows = 1;
    for (uint32_t i = 0; i < parts; i++) {
        const struct infer__operand *part = t->op == INFER__OP_CONCAT ? &t->in[i] : &t->out[i];
        if (part->type != INFER_TYPE_NONE && part->type != whole(t)->type)
            return -1;
    }
    for (int i = 0; i < t->p.axis.axis; i++)
        rows *= (double)whole(t)->dims[i];
    return infer__bytes_ns(t) + 5 * rows * (double)parts;
}

static infer_status concat_prepare(const struct infer__task *t, struct infer__need *need,
                                   infer_error *err)
{
    (void)err;
    need->units = units_of(t);
    return INFER_OK;
}

/* Bytes of one row of an operand: its extent from the axis on. */
static size_t row_bytes(const struct infer__task *t, const struct infer__operand *o)
{
    size_t bytes = infer__operand_size(o);
    for (int i = t->p.axis.axis; i < o->rank; i++)
        bytes *= (size_t)o->dims[i];
    return bytes;
}

/* Copies what lies in bytes [first, last) of the whole between it and part i, whose piece begins
 * `before` bytes into each row. */
static void part(const struct infer__task *t, const struct infer__buffers *b, uint32_t i,
                 size_t before, size_t first, size_t last)
{
    int split = t->op == INFER__OP_SPLIT;
    size_t piece = row_bytes(t, split ? &t->out[i] : &t->in[i]), row = row_bytes(t, whole(t));
    for (size_t r = first / row; r * row + before < last && piece; r++) {
        size_t from = r * row + before, to = from + piece;
        from = from < first ? first : from;
        to = to > last ? last : to;
        if (from >= to)
            continue;
        size_t inside = r * piece + (from - r * row - before);
        if (split)
            memcpy((char *)b->out[i] + inside, (const char *)b->in[0] + from, to - from);
        else
            memcpy((char *)b->out[0] + from, (const char *)b->in[i] + inside, to - from);
    }
}

static void concat_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    int split = t->op == INFER__OP_SPLIT;
    uint32_t units = units_of(t), parts = split ? t->nout : t->nin;
    int64_t total = infer__operand_elements(whole(t));
    size_t size = infer__operand_size(whole(t)), before = 0;
    size_t first = (size_t)infer__unit_begin(total, units, begin) * size;
    size_t last = (size_t)infer__unit_begin(total, units, end) * size;
    if (first == last)
        return;
    for (uint32_t i = 0; i < parts; i++) {
        const struct infer__operand *o = split ? &t->out[i] : &t->in[i];
        if (split ? b->out[i] != NULL : b->in[i] != NULL)
            part(t, b, i, before, first, last);
        before += row_bytes(t, o);
    }
}

const struct infer__kernel infer__concat_c = {.name = "concat_c",
                                              .isa = INFER_ISA_C,
                                              .estimate = concat_estimate,
                                              .prepare = concat_prepare,
                                              .run = concat_run};
