/* levels: avx2 avx512 */
/* Transpose of elements of four bytes where the output's last axis is not the input's, for a
 * VEC_LEVEL of 256 or 512: planes as in transpose_c.c, in squares of VEC x VEC that are turned in
 * registers. Every line of cache is read and written whole where the shape allows it.
 */
#include "kernels/levels.h"

#include "kernels/vec_math.h"
#include "kernels/vec_transpose.h"

#define SIDE VEC
#include "kernels/move/transpose_plane.h"

INFER__APART static double transpose_estimate(const struct infer__task *t)
{
    struct plane p;
    if (t->op != INFER__OP_TRANSPOSE || !infer__isa_has(t->isa, LEVEL_ISA) ||
        t->in[0].type != t->out[0].type || infer__operand_size(&t->out[0]) != 4 ||
        !infer__no_epilogue(t) || !squares_of(t, &p))
        return -1;
    double rows = (double)(p.rows / VEC), columns = (double)(p.columns / VEC);
    double parts = (double)p.bands * (double)((p.columns + VEC - 1) / VEC) - rows * columns;
    return 50 + (double)p.planes * (rows * columns + 3 * parts) * VEC * VEC *
                    (VEC_LEVEL == 512 ? 0.09 : 0.12);
}

static infer_status transpose_4_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    struct plane p;
    (void)err;
    need->units = squares_of(t, &p) ? units_of(t, &p) : 1;
    return INFER_OK;
}

static void whole_square(const float *x, int64_t is, float *y, int64_t os)
{
    vec v[VEC];
    VEC_UNROLL
    for (int i = 0; i < VEC; i++)
        v[i] = vec_load(x + i * is);
    vec_transpose(v);
    VEC_UNROLL
    for (int i = 0; i < VEC; i++)
        vec_store(y + i * os, v[i]);
}

/* `rows` x `columns` of the output. */
static void part_square(const float *x, int64_t is, float *y, int64_t os, int rows, int columns)
{
    vec v[VEC];
    if (rows * columns <= 2 * VEC) {
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                memcpy(y + i * os + j, x + j * is + i, sizeof *y);
        return;
    }
    for (int i = 0; i < VEC; i++)
        v[i] = i < columns ? vec_load_n(x + i * is, rows) : vec_set(0);
    vec_transpose(v);
    for (int i = 0; i < rows; i++)
        vec_store_n(y + i * os, v[i], columns);
}

/* A band of up to VEC rows, `columns` long. */
static void band(const struct plane *p, const float *x, float *y, int rows, int64_t columns)
{
    int64_t c = 0;
    for (; rows == VEC && c + VEC <= columns; c += VEC)
        whole_square(x + c * p->in_stride, p->in_stride, y + c, p->out_stride);
    for (; c < columns; c += VEC)
        part_square(x + c * p->in_stride, p->in_stride, y + c, p->out_stride, rows,
                    columns - c < VEC ? (int)(columns - c) : VEC);
}

static void transpose_4_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    struct plane p;
    struct infer__nd_at at = {0};
    if (!squares_of(t, &p) || items_of(&p) == 0)
        return;
    uint32_t units = units_of(t, &p);
    int64_t each = p.bands * p.stretches, plane = -1;
    int64_t last = infer__unit_begin(items_of(&p), units, end);
    for (int64_t i = infer__unit_begin(items_of(&p), units, begin); i < last; i++) {
        int64_t row = i % each / p.stretches * VEC, column = i % p.stretches * STRETCH;
        if (i / each != plane)
            infer__nd_seek(&p.around, plane = i / each, &at);
        band(&p, (const float *)b->in[0] + at.offset[0] + row + column * p.in_stride,
             (float *)b->out[0] + at.offset[1] + row * p.out_stride + column,
             p.rows - row < VEC ? (int)(p.rows - row) : VEC,
             p.columns - column < STRETCH ? p.columns - column : STRETCH);
    }
}

const struct infer__kernel LEVEL_NAME(infer__transpose_4) = {.name = LEVEL_STRING("transpose_4"),
                                                             .isa = LEVEL_ISA,
                                                             .estimate = transpose_estimate,
                                                             .prepare = transpose_4_prepare,
                                                             .run = transpose_4_run};
