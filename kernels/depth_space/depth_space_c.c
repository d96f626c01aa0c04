/* DepthToSpace and SpaceToDepth for elements of 1, 2, 4 or 8 bytes, channels-last.
 *
 * With b the block, (i, j) a pixel inside it and q the channels of the wide tensor (the one with
 * the larger picture), the deep tensor's channel is (i * b + j) * q + c in mode DCR and of
 * SpaceToDepth, c * b * b + i * b + j in mode CRD. The wide pixel is (h * b + i, w * b + j). */
#include <string.h>

#include "kernels/kernel.h"

struct shape {
    int to_space, crd;
    int64_t block, q; /* q: channels of the wide tensor */
    int64_t rows;     /* of the wide tensor, over the batch */
    int64_t width;    /* of the wide tensor */
    size_t size;      /* bytes of an element */
    uint32_t units;
};

static struct shape shape_of(const struct infer__task *t)
{
    struct shape s = {.to_space = t->op == INFER__OP_DEPTH_TO_SPACE, .block = t->p.d2s.block};
    struct infer__spatial wide = infer__operand_spatial(s.to_space ? &t->out[0] : &t->in[0]);
    s.crd = s.to_space && t->p.d2s.mode == INFER__CRD;
    s.q = wide.c;
    s.rows = wide.n * wide.h;
    s.width = wide.w;
    s.size = infer_type_size((infer_type)t->in[0].type);
    s.units = infer__units(s.rows, 1, t->threads > 1 ? 8 * t->threads : 1);
    return s;
}

/* Copies one wide pixel's channels from (to_space) the deep tensor's, `stride` elements apart;
 * sizes are constants for the compiler. */
static void gather(const struct shape *s, const unsigned char *from, unsigned char *to,
                   int64_t stride)
{
#define GATHER(bytes)                                                                              \
    for (int64_t c = 0; c < s->q; c++)                                                             \
        memcpy(to + c * (bytes), from + c * stride * (bytes), (bytes));                            \
    break
    switch (s->size) {
    case 1:
        GATHER(1);
    case 2:
        GATHER(2);
    case 4:
        GATHER(4);
    default:
        GATHER(8);
    }
#undef GATHER
}

/* One row of the wide tensor. Rows of a batch follow each other in both tensors, so the batch
 * needs no thought: wide row r is row i = r % b of deep row r / b. */
static void one_row(const struct shape *s, int64_t r, const unsigned char *in, unsigned char *out)
{
    int64_t b = s->block, i = r % b, size = (int64_t)s->size;
    int64_t deep_row = r / b * (s->width / b) * s->q * b * b;
    for (int64_t w = 0; w < s->width; w++) {
        int64_t j = w % b, wide = (r * s->width + w) * s->q;
        int64_t deep = deep_row + w / b * s->q * b * b;
        if (s->crd) {
            gather(s, in + (deep + i * b + j) * size, out + wide * size, b * b);
            continue;
        }
        deep += (i * b + j) * s->q;
        if (s->to_space)
            memcpy(out + wide * size, in + deep * size, (size_t)(s->q * size));
        else
            memcpy(out + deep * size, in + wide * size, (size_t)(s->q * size));
    }
}

static void depth_space_run(const struct infer__task *t, const struct infer__buffers *b,
                            uint32_t begin, uint32_t end)
{
    struct shape s = shape_of(t);
    int64_t last = infer__unit_begin(s.rows, s.units, end);
    for (int64_t r = infer__unit_begin(s.rows, s.units, begin); r < last; r++)
        one_row(&s, r, b->in[0], b->out[0]);
}

static infer_status depth_space_prepare(const struct infer__task *t, struct infer__need *need,
                                        infer_error *err)
{
    (void)err;
    need->units = shape_of(t).units;
    return INFER_OK;
}

INFER__APART static double depth_space_estimate(const struct infer__task *t)
{
    if ((t->op != INFER__OP_DEPTH_TO_SPACE && t->op != INFER__OP_SPACE_TO_DEPTH) || t->nin != 1 ||
        t->in[0].rank != 4 || !t->in[0].clast || !t->out[0].clast ||
        t->in[0].type != t->out[0].type || t->p.d2s.block < 1 || t->epi.residual ||
        t->epi.act != INFER__OP_NONE)
        return -1;
    struct shape s = shape_of(t);
    double pixels = (double)s.rows * (double)s.width, bytes = pixels * (double)s.q * (double)s.size;
    return 500 + 2 * pixels + (s.crd ? 0.4 * pixels * (double)s.q : 0.03 * bytes);
}

const struct infer__kernel infer__depth_space_c = {
    .name = "depth_space_c",
    .isa = INFER_ISA_C,
    .estimate = depth_space_estimate,
    .prepare = depth_space_prepare,
    .run = depth_space_run,
};
