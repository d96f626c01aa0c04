/* Transpose where the output's last axis is not the input's: planes, tile by tile. */
#include "kernels/move/plane.h"

enum { TILE = 64, SIDE = 16 }; /* rows of a unit of work; sides of a block */

/* The plane in bands of TILE rows; 0 if rows can be copied instead. */
static int tiles_of(const struct infer__task *t, struct plane *p)
{
    if (!plane_of(t, 0, p))
        return 0;
    p->bands = (p->rows + TILE - 1) / TILE;
    return 1;
}

INFER__APART static double transpose_estimate(const struct infer__task *t)
{
    struct plane p;
    if (t->op != INFER__OP_TRANSPOSE || t->in[0].type != t->out[0].type || !infer__no_epilogue(t) ||
        !tiles_of(t, &p))
        return -1;
    return infer__bytes_ns(t) + 0.15 * (double)infer__operand_elements(&t->out[0]) +
           (double)(p.planes * p.bands) * 10;
}

static uint32_t units_of(const struct infer__task *t, const struct plane *p)
{
    return infer__task_units(t, p->planes * p->bands, 8192 / (TILE * p->columns + 1) + 1);
}

static infer_status transpose_prepare(const struct infer__task *t, struct infer__need *need,
                                      infer_error *err)
{
    struct plane p;
    (void)err;
    need->units = tiles_of(t, &p) ? units_of(t, &p) : 1;
    return INFER_OK;
}

/* Few columns, such as the channels of a picture: one pass over as many streams. */
#define FEW(type, n)                                                                               \
    static void few_##type##_##n(const type *x, int64_t is, type *y, int64_t os, int64_t rows)     \
    {                                                                                              \
        for (int64_t r = 0; r < rows; r++)                                                         \
            for (int c = 0; c < (n); c++)                                                          \
                y[r * os + c] = x[r + c * is];                                                     \
    }
/* Blocks of SIDE x SIDE by way of a buffer: each line of the input and of the output is touched
 * once, so that it does not matter how many of them share a place in the cache. */
#define BLOCKS(type)                                                                               \
    static void block_##type(const type *x, int64_t is, type *y, int64_t os)                       \
    {                                                                                              \
        type block[SIDE][SIDE];                                                                    \
        for (int c = 0; c < SIDE; c++)                                                             \
            for (int r = 0; r < SIDE; r++)                                                         \
                block[c][r] = x[c * is + r];                                                       \
        for (int r = 0; r < SIDE; r++)                                                             \
            for (int c = 0; c < SIDE; c += 4) {                                                    \
                type a = block[c][r], b = block[c + 1][r], d = block[c + 2][r];                    \
                type e = block[c + 3][r], *to = y + r * os + c;                                    \
                to[0] = a;                                                                         \
                to[1] = b;                                                                         \
                to[2] = d;                                                                         \
                to[3] = e;                                                                         \
            }                                                                                      \
    }                                                                                              \
    static void blocks_##type(const type *x, int64_t is, type *y, int64_t os, int64_t rows,        \
                              int64_t columns)                                                     \
    {                                                                                              \
        int64_t square = rows - rows % SIDE, c = 0;                                                \
        for (; c + SIDE <= columns; c += SIDE) {                                                   \
            for (int64_t r = 0; r < square; r += SIDE)                                             \
                block_##type(x + c * is + r, is, y + r * os + c, os);                              \
            for (int64_t r = square; r < rows; r++)                                                \
                for (int64_t i = c; i < c + SIDE; i++)                                             \
                    y[r * os + i] = x[r + i * is];                                                 \
        }                                                                                          \
        for (; c + 4 <= columns; c += 4)                                                           \
            few_##type##_4(x + c * is, is, y + c, os, rows);                                       \
        for (; c < columns; c++)                                                                   \
            for (int64_t r = 0; r < rows; r++)                                                     \
                y[r * os + c] = x[r + c * is];                                                     \
    }
#define PLANE(type)                                                                                \
    FEW(type, 2)                                                                                   \
    FEW(type, 3)                                                                                   \
    FEW(type, 4)                                                                                   \
    BLOCKS(type)                                                                                   \
    static void tile_##type(const struct plane *p, const type *x, type *y, int64_t rows)           \
    {                                                                                              \
        if (p->columns == 2)                                                                       \
            few_##type##_2(x, p->in_stride, y, p->out_stride, rows);                               \
        else if (p->columns == 3)                                                                  \
            few_##type##_3(x, p->in_stride, y, p->out_stride, rows);                               \
        else                                                                                       \
            blocks_##type(x, p->in_stride, y, p->out_stride, rows, p->columns);                    \
    }
PLANE(infer__e1)
PLANE(infer__e2)
PLANE(infer__e4)
PLANE(infer__e8)

static void tile(const struct plane *p, size_t size, const void *x, int64_t from, void *y,
                 int64_t to, int64_t rows)
{
    if (size == 1)
        tile_infer__e1(p, (const infer__e1 *)x + from, (infer__e1 *)y + to, rows);
    else if (size == 2)
        tile_infer__e2(p, (const infer__e2 *)x + from, (infer__e2 *)y + to, rows);
    else if (size == 4)
        tile_infer__e4(p, (const infer__e4 *)x + from, (infer__e4 *)y + to, rows);
    else
        tile_infer__e8(p, (const infer__e8 *)x + from, (infer__e8 *)y + to, rows);
}

static void transpose_run(const struct infer__task *t, const struct infer__buffers *b,
                          uint32_t begin, uint32_t end)
{
    struct plane p;
    struct infer__nd_at at;
    if (!tiles_of(t, &p) || p.planes * p.bands == 0 || p.columns == 0)
        return;
    uint32_t units = units_of(t, &p);
    int64_t i = infer__unit_begin(p.planes * p.bands, units, begin);
    int64_t last = infer__unit_begin(p.planes * p.bands, units, end);
    size_t size = infer__operand_size(&t->out[0]);
    infer__nd_seek(&p.around, i / p.bands, &at);
    for (; i < last; i++) {
        int64_t row = i % p.bands * TILE;
        int64_t rows = p.rows - row < TILE ? p.rows - row : TILE;
        tile(&p, size, b->in[0], at.offset[0] + row, b->out[0], at.offset[1] + row * p.out_stride,
             rows);
        if (row + rows == p.rows)
            infer__nd_next(&p.around, &at);
    }
}

const struct infer__kernel infer__transpose_c = {.name = "transpose_c",
                                                 .isa = INFER_ISA_C,
                                                 .estimate = transpose_estimate,
                                                 .prepare = transpose_prepare,
                                                 .run = transpose_run};
