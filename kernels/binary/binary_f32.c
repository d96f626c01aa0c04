/* levels: avx2 avx512 */
/* Operators of two f32 operands with broadcasting. They work in
 * place, as long as an operand that shares the output's memory has the output's shape.
 *
 * The operands are walked as planes: rows of the merged output's last axis, stepping along the
 * axis before it. That covers equal shapes, scalars, a vector along the last axis, and the gate of
 * squeeze and excite (N, 1, 1, C) without work per row beyond two additions. */
#include "kernels/levels.h"

#include "kernels/vec_blocks.h"
#include "kernels/vec_epilogue.h"

enum { BLOCK = 2048 }; /* elements that stay in the first-level cache for the epilogue */

/* `rows` rows of `length` elements: operand k steps by[k] from row to row. */
struct plane {
    const float *x[2];
    float *y;
    int64_t by[2], rows, length;
};

VEC_INLINE vec combine(int op, vec a, vec b)
{
    switch (op) {
    case INFER__OP_SUB:
        return vec_sub(a, b);
    case INFER__OP_MUL:
        return vec_mul(a, b);
    case INFER__OP_DIV:
        return vec_div(a, b);
    case INFER__OP_PRELU:
        return vec_if_negative(a, vec_mul(a, b));
    case INFER__OP_MIN: /* a < b ? a : b, but a NaN in a stays */
        return vec_select(vec_is_nan(a), a, vec_at_most(a, b));
    case INFER__OP_MAX:
        return vec_select(vec_is_nan(a), a, vec_at_least(a, b));
    default:
        return vec_add(a, b);
    }
}

/* `sa`, `sb`: whether the operand moves along a row (1) or is one number (0). All three are
 * constants. */
VEC_INLINE void plane_body(int op, int sa, int sb, const struct plane *p)
{
    const float *a = p->x[0], *b = p->x[1];
    float *y = p->y;
    const int tail = (int)(p->length % VEC);
    const int64_t whole = p->length - tail;
    for (int64_t r = 0; r < p->rows; r++, a += p->by[0], b += p->by[1], y += p->length) {
        vec va = sa ? vec_set(0) : vec_set(*a), vb = sb ? vec_set(0) : vec_set(*b);
        int64_t i = 0;
        for (; i < whole; i += VEC)
            vec_store(y + i, combine(op, sa ? vec_load(a + i) : va, sb ? vec_load(b + i) : vb));
        if (tail)
            vec_store_n(
                y + i,
                combine(op, sa ? vec_load_n(a + i, tail) : va, sb ? vec_load_n(b + i, tail) : vb),
                tail);
    }
}

#define PLANE_CASE(id)                                                                             \
    case INFER__OP_##id:                                                                           \
        if (!sa)                                                                                   \
            plane_body(INFER__OP_##id, 0, 1, p);                                                   \
        else if (!sb)                                                                              \
            plane_body(INFER__OP_##id, 1, 0, p);                                                   \
        else                                                                                       \
            plane_body(INFER__OP_##id, 1, 1, p);                                                   \
        break;

static void plane_run(unsigned op, int sa, int sb, const struct plane *p)
{
    switch (op) {
        PLANE_CASE(SUB)
        PLANE_CASE(MUL)
        PLANE_CASE(DIV)
        PLANE_CASE(PRELU)
        PLANE_CASE(MIN)
        PLANE_CASE(MAX)
    default: /* Add and Sum */
        PLANE_CASE(ADD)
    }
}

/* The same with the epilogue behind it, piece by piece. */
static void plane_finish(const struct infer__task *t, const int step[2], struct plane p)
{
    if (t->epi.act == INFER__OP_NONE) {
        plane_run(t->op, step[0], step[1], &p);
        return;
    }
    int64_t rows = p.length < BLOCK ? BLOCK / p.length : 1;
    for (int64_t r = 0; r < p.rows; r += rows)
        for (int64_t i = 0; i < p.length; i += BLOCK) {
            struct plane piece = p;
            piece.rows = p.rows - r < rows ? p.rows - r : rows;
            piece.length = p.length - i < BLOCK ? p.length - i : BLOCK;
            piece.y += r * p.length + i;
            for (int k = 0; k < 2; k++)
                piece.x[k] += r * p.by[k] + i * step[k];
            plane_run(t->op, step[0], step[1], &piece);
            vec_epilogue_row(&t->epi, piece.y, NULL, piece.y, piece.rows * piece.length);
        }
}

/* Elements [i, last): a part of a row, planes, a part of a row. */
static void walk(const struct infer__task *t, const struct infer__buffers *b,
                 const struct infer__nd *w, int64_t i, int64_t last)
{
    struct infer__nd_at at;
    int end = w->axes - 1;
    int64_t length = w->dims[end], height = end > 0 ? w->dims[end - 1] : 1;
    const int step[2] = {w->stride[0][end] != 0, w->stride[1][end] != 0};
    infer__nd_seek(w, i / length, &at);
    while (i < last) {
        int64_t inside = i % length, row = i / length % height;
        struct plane p = {.y = (float *)b->out[0] + i, .rows = 1, .length = length - inside};
        for (int k = 0; k < 2; k++) {
            p.x[k] = (const float *)b->in[k] + at.offset[k] + inside * step[k];
            p.by[k] = end > 0 ? w->stride[k][end - 1] : 0;
        }
        if (p.length > last - i)
            p.length = last - i;
        else if (inside == 0)
            p.rows = (last - i) / length < height - row ? (last - i) / length : height - row;
        plane_finish(t, step, p);
        i += p.rows * p.length;
        if (p.rows == 1)
            infer__nd_next(w, &at);
        else
            infer__nd_seek(w, i / length, &at);
    }
}

static void binary_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    struct infer__nd w;
    int64_t i, last;
    vec_blocks_range(t, begin, end, &i, &last);
    if (i >= last)
        return;
    infer__nd_init(&w, &t->out[0]);
    infer__nd_broadcast(&w, &t->in[0]);
    infer__nd_broadcast(&w, &t->in[1]);
    infer__nd_merge(&w);
    walk(t, b, &w, i, last);
}

INFER__APART static double binary_estimate(const struct infer__task *t)
{
    switch (t->op) {
    case INFER__OP_ADD:
    case INFER__OP_SUM:
    case INFER__OP_SUB:
    case INFER__OP_MUL:
    case INFER__OP_DIV:
    case INFER__OP_PRELU:
    case INFER__OP_MIN:
    case INFER__OP_MAX:
        break;
    default:
        return -1;
    }
    if (!infer__isa_has(t->isa, LEVEL_ISA) || t->nin != 2 || t->in[0].type != INFER_F32 ||
        t->in[1].type != INFER_F32 || t->out[0].type != INFER_F32 || t->epi.residual)
        return -1;
    double each = t->op == INFER__OP_DIV ? 0.2 : 0.03;
    if (t->epi.act)
        each += vec_activation_ns(t->epi.act);
    return vec_bytes_ns(t) + each * (double)infer__operand_elements(&t->out[0]);
}

const struct infer__kernel LEVEL_NAME(infer__binary_f32) = {.name = LEVEL_STRING("binary_f32"),
                                                            .isa = LEVEL_ISA,
                                                            .in_place = INFER__IN_PLACE_FIRST |
                                                                        INFER__IN_PLACE_SECOND,
                                                            .estimate = binary_estimate,
                                                            .prepare = vec_blocks_prepare,
                                                            .run = binary_run};
