/* levels: avx2 */
/* Transpose of bytes where the output's last axis is not the input's: squares of 16 x 16 bytes, and
 * for three columns, a picture's channels, triples. AVX2 has all that is needed: wider registers do
 * not make the many rows that a square touches any fewer. */
#include "kernels/levels.h"

#include "kernels/conv/vec_f32.h"
#include "kernels/quant.h"

#define SIDE 16
#include "kernels/move/transpose_plane.h"

/* Squares, or three dense columns of which the plane's rows are triples. */
static int serves(const struct infer__task *t, struct plane *p)
{
    if (t->op != INFER__OP_TRANSPOSE || !infer__isa_has(t->isa, INFER_ISA_AVX2) ||
        t->in[0].type != t->out[0].type || infer__operand_size(&t->out[0]) != 1 ||
        !infer__no_epilogue(t) || !infer__one_quant(t))
        return 0;
    return squares_of(t, p);
}

INFER__APART static double transpose_1_estimate(const struct infer__task *t)
{
    struct plane p;
    if (!serves(t, &p))
        return -1;
    double rows = (double)(p.rows / SIDE), columns = (double)(p.columns / SIDE);
    double parts = (double)p.bands * (double)((p.columns + SIDE - 1) / SIDE) - rows * columns;
    return 50 + (double)p.planes * (rows * columns * 15 + parts * 150);
}

static infer_status transpose_1_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    struct plane p;
    (void)err;
    need->units = squares_of(t, &p) ? units_of(t, &p) : 1;
    return INFER_OK;
}

/* Row i of the square becomes column i: four rounds of interleaving with what stands eight rows
 * below. */
VEC_INLINE void turn(__m128i v[SIDE])
{
    VEC_UNROLL
    for (int round = 0; round < 4; round++) {
        __m128i a[SIDE];
        VEC_UNROLL
        for (int i = 0; i < 8; i++) {
            a[2 * i] = _mm_unpacklo_epi8(v[i], v[i + 8]);
            a[2 * i + 1] = _mm_unpackhi_epi8(v[i], v[i + 8]);
        }
        VEC_UNROLL
        for (int i = 0; i < SIDE; i++)
            v[i] = a[i];
    }
}

static void whole_square(const uint8_t *x, int64_t is, uint8_t *y, int64_t os)
{
    __m128i v[SIDE];
    VEC_UNROLL
    for (int i = 0; i < SIDE; i++)
        v[i] = _mm_loadu_si128((const void *)(x + i * is));
    turn(v);
    VEC_UNROLL
    for (int i = 0; i < SIDE; i++)
        _mm_storeu_si128((void *)(y + i * os), v[i]);
}

static void part_square(const uint8_t *x, int64_t is, uint8_t *y, int64_t os, int rows, int columns)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            y[i * os + j] = x[j * is + i];
}

/* A band of up to SIDE rows, `columns` long. */
static void band(const struct plane *p, const uint8_t *x, uint8_t *y, int rows, int64_t columns)
{
    int64_t c = 0;
    for (; rows == SIDE && c + SIDE <= columns; c += SIDE)
        whole_square(x + c * p->in_stride, p->in_stride, y + c, p->out_stride);
    for (; c < columns; c += SIDE)
        part_square(x + c * p->in_stride, p->in_stride, y + c, p->out_stride, rows,
                    columns - c < SIDE ? (int)(columns - c) : SIDE);
}

static void transpose_1_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    struct plane p;
    struct infer__nd_at at = {.index = {0}};
    if (!squares_of(t, &p) || items_of(&p) == 0)
        return;
    uint32_t units = units_of(t, &p);
    int64_t each = p.bands * p.stretches, plane = -1;
    int64_t last = infer__unit_begin(items_of(&p), units, end);
    for (int64_t i = infer__unit_begin(items_of(&p), units, begin); i < last; i++) {
        int64_t row = i % each / p.stretches * SIDE, column = i % p.stretches * STRETCH;
        if (i / each != plane)
            infer__nd_seek(&p.around, plane = i / each, &at);
        band(&p, (const uint8_t *)b->in[0] + at.offset[0] + row + column * p.in_stride,
             (uint8_t *)b->out[0] + at.offset[1] + row * p.out_stride + column,
             p.rows - row < SIDE ? (int)(p.rows - row) : SIDE,
             p.columns - column < STRETCH ? p.columns - column : STRETCH);
    }
}

const struct infer__kernel infer__transpose_1_avx2 = {.name = "transpose_1_avx2",
                                                      .isa = INFER_ISA_AVX2,
                                                      .estimate = transpose_1_estimate,
                                                      .prepare = transpose_1_prepare,
                                                      .run = transpose_1_run};

/* ---- three planes into triples -------------------------------------------------------------- */

enum { PIECE = 4096, PLANES = 3 }; /* pixels of an item; planes */

/* Sets the number of pictures and the size of a plane; 0 if the task is of another kind. */
static int planes_of(const struct infer__task *t, int64_t *pictures, int64_t *size)
{
    const struct infer__operand *x = &t->in[0];
    if (t->op != INFER__OP_TRANSPOSE || !infer__isa_has(t->isa, INFER_ISA_AVX2) ||
        x->type != t->out[0].type || x->rank < 2 || infer__operand_size(&t->out[0]) != 1 ||
        !infer__no_epilogue(t) || !infer__one_quant(t))
        return 0;
    int last = x->rank - 1, plane = t->p.transpose.perm[last];
    *pictures = *size = 1;
    for (int i = 0; i < last; i++) /* all other axes keep their order */
        if (t->p.transpose.perm[i] != i + (i >= plane))
            return 0;
    for (int i = 0; i <= last; i++)
        *(i < plane ? pictures : size) *= i == plane ? 1 : x->dims[i];
    return plane < last && x->dims[plane] == PLANES && *size > 0 && *pictures > 0;
}

static int64_t pieces_of(int64_t pictures, int64_t size)
{
    return pictures * ((size + PIECE - 1) / PIECE);
}

INFER__APART static double triples_estimate(const struct infer__task *t)
{
    int64_t pictures, size;
    if (!planes_of(t, &pictures, &size))
        return -1;
    return 50 + (double)pictures * (double)size * 0.12;
}

static infer_status triples_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    int64_t pictures, size;
    (void)err;
    need->units = 1;
    if (planes_of(t, &pictures, &size))
        need->units = infer__task_units(t, pieces_of(pictures, size), 1);
    return INFER_OK;
}

/* Byte i of third `part` of 48 interleaved bytes is of plane (16 part + i) % 3. */
VEC_INLINE __m128i places(int part, int plane)
{
    uint8_t at[16];
    for (int i = 0; i < 16; i++) {
        int from = 16 * part + i;
        at[i] = (uint8_t)(from % 3 == plane ? from / 3 : 128);
    }
    return _mm_loadu_si128((const void *)at);
}

static void triples(const uint8_t *x, int64_t size, uint8_t *y, int64_t count)
{
    __m128i from[3][PLANES];
    int64_t i = 0;
    for (int part = 0; part < 3; part++)
        for (int plane = 0; plane < PLANES; plane++)
            from[part][plane] = places(part, plane);
    for (; i + 16 <= count; i += 16) {
        const __m128i a = _mm_loadu_si128((const void *)(x + i));
        const __m128i b = _mm_loadu_si128((const void *)(x + size + i));
        const __m128i c = _mm_loadu_si128((const void *)(x + 2 * size + i));
        VEC_UNROLL
        for (int part = 0; part < 3; part++)
            _mm_storeu_si128((void *)(y + 3 * i + 16 * part),
                             _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(a, from[part][0]),
                                                       _mm_shuffle_epi8(b, from[part][1])),
                                          _mm_shuffle_epi8(c, from[part][2])));
    }
    for (; i < count; i++)
        for (int plane = 0; plane < PLANES; plane++)
            y[3 * i + plane] = x[plane * size + i];
}

static void triples_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                        uint32_t end)
{
    int64_t pictures, size;
    if (!planes_of(t, &pictures, &size))
        return;
    const int64_t pieces = pieces_of(pictures, size), each = pieces / pictures;
    const uint32_t units = infer__task_units(t, pieces, 1);
    const int64_t last = infer__unit_begin(pieces, units, end);
    for (int64_t i = infer__unit_begin(pieces, units, begin); i < last; i++) {
        const int64_t first = i % each * PIECE, picture = i / each * size * PLANES;
        triples((const uint8_t *)b->in[0] + picture + first, size,
                (uint8_t *)b->out[0] + picture + first * PLANES,
                size - first < PIECE ? size - first : PIECE);
    }
}

const struct infer__kernel infer__triples_1_avx2 = {.name = "triples_1_avx2",
                                                    .isa = INFER_ISA_AVX2,
                                                    .estimate = triples_estimate,
                                                    .prepare = triples_prepare,
                                                    .run = triples_run};
