/* MaxPool of f32, u8 and s8. A NaN in the window gives NaN. Of equal maxima the first one in order
 * D, H, W has the index. */
#include <math.h>
#include <string.h>

#include "kernels/pool/pool_shape.h"
#include "kernels/quant.h"

#define WIDE 4 /* vectors at once */

/* ONNX counts indices over the whole tensor in N, C, (D, (H,)) W; storage_order 1 has the first
 * spatial axis fastest. */
static int64_t index_of(const struct infer__task *t, const struct infer__spatial *s, int64_t n,
                        int64_t c, int64_t pixel)
{
    int64_t plane = s->d * s->h * s->w;
    if (pixel < 0) /* an empty window: the first pixel */
        pixel = 0;
    if (t->p.window.storage_order == 1) {
        int64_t w = pixel % s->w, h = pixel / s->w % s->h, d = pixel / s->w / s->h;
        pixel = (w * s->h + h) * s->d + d;
    }
    return (n * s->c + c) * plane + pixel;
}

#define T float
#define F(name) name##_f32
#define LOWEST -INFINITY
#define MASK int32_t
#define HAS_NAN 1
#include "kernels/pool/max_pool_type.h"

#define T uint8_t
#define F(name) name##_u8
#define LOWEST 0
#define MASK int8_t
#define HAS_NAN 0
#include "kernels/pool/max_pool_type.h"

#define T int8_t
#define F(name) name##_s8
#define LOWEST INT8_MIN
#define MASK int8_t
#define HAS_NAN 0
#include "kernels/pool/max_pool_type.h"

static int has_index(const struct infer__task *t)
{
    return t->nout > 1 && t->out[1].type != INFER_TYPE_NONE;
}

static void max_pool_run(const struct infer__task *t, const struct infer__buffers *b,
                         uint32_t begin, uint32_t end)
{
    struct infer__spatial s = infer__operand_spatial(&t->in[0]);
    const unsigned type = t->in[0].type;
    const int64_t size = type == INFER_F32 ? sizeof(float) : 1;
    int64_t pixels = infer__pooling_pixels(t);
    uint32_t units = infer__pooling_units(t);
    int64_t last = infer__unit_begin(pixels, units, end);
    for (int64_t i = infer__unit_begin(pixels, units, begin); i < last; i++) {
        int64_t *index = has_index(t) ? (int64_t *)b->out[1] + i * s.c : NULL;
        char *y = (char *)b->out[0] + i * s.c * size;
        if (type == INFER_F32)
            max_pool_pixel_f32(t, &s, i, b->in[0], y, index);
        else if (type == INFER_U8)
            max_pool_pixel_u8(t, &s, i, b->in[0], y, index);
        else
            max_pool_pixel_s8(t, &s, i, b->in[0], y, index);
    }
}

INFER__APART static double max_pool_ns(const struct infer__task *t, unsigned type)
{
    if (!infer__pooling_serves(t, INFER__OP_MAX_POOL, type) ||
        (has_index(t) && t->out[1].type != INFER_S64) || !infer__may_move(&t->in[0], &t->out[0]))
        return -1;
    double each = has_index(t) ? 5 : type == INFER_F32 ? 0.2 : 0.05;
    return 500 + infer__pooling_reads(t) * each + 20 * (double)infer__pooling_pixels(t);
}

#define MAX_POOL(type, id)                                                                         \
    INFER__APART static double max_pool_##type##_estimate(const struct infer__task *t)             \
    {                                                                                              \
        return max_pool_ns(t, id);                                                                 \
    }                                                                                              \
    const struct infer__kernel infer__max_pool_##type##_c = {                                      \
        .name = "max_pool_" #type "_c",                                                            \
        .isa = INFER_ISA_C,                                                                        \
        .estimate = max_pool_##type##_estimate,                                                    \
        .prepare = infer__pooling_prepare,                                                         \
        .run = max_pool_run,                                                                       \
    };
MAX_POOL(f32, INFER_F32)
MAX_POOL(u8, INFER_U8)
MAX_POOL(s8, INFER_S8)
