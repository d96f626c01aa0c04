/* levels: c avx2 avx512 */
/* Depthwise f32 convolution of pictures, two rows at once: the driver of depthwise_tile.h. Larger
 * kernels, larger strides, dilation and volumes are left to conv_depthwise_f32.c. */
#include "kernels/levels.h"

#define RATE PER_LEVEL(13.0, 44.0, 64.0) /* multiply-adds per nanosecond, measured */

#include "kernels/conv/depthwise_tile.h"
#include "kernels/linear/linear.h"

/* Pairs of output rows, of all pictures; the last of a picture may be a single row. */
static int64_t row_pairs(const struct infer__linear *s)
{
    return s->y.n * ((s->y.h + 1) / 2);
}

/* Parts of the channels, in whole blocks: few pairs alone could not be shared out evenly. */
static int64_t channel_parts(const struct infer__task *t, const struct infer__linear *s)
{
    int64_t threads = t->threads, most = s->x.c / (4 * DW_BLOCK);
    if (threads <= 1 || row_pairs(s) >= 8 * threads || most < 1)
        return 1;
    return threads < most ? threads : most;
}

static uint32_t depthwise_units(const struct infer__task *t, const struct infer__linear *s)
{
    uint32_t most = t->threads > 1 ? 8 * t->threads : 1;
    return infer__units(row_pairs(s) * channel_parts(t, s), 1, most);
}

static infer_status depthwise_rows_prepare(const struct infer__task *t, struct infer__need *need,
                                           infer_error *err)
{
    struct infer__linear *s = need->cut;
    (void)err;
    infer__linear_f32(t, s);
    need->packed_bytes = infer__bytes_of(infer__dw_packed_floats(s->taps, s->x.c), sizeof(float));
    need->units = depthwise_units(t, s);
    need->layout = INFER__SAME_LAYOUT;
    return INFER_OK;
}

static void depthwise_rows_pack(const struct infer__task *t, const void *cut, void *packed)
{
    const struct infer__linear *s = cut;
    infer__dw_pack(t->in[1].data, s->taps, s->x.c, packed);
}

/* Rows y and, if the picture has it, y + 1 of picture n; x, y and the residual begin at the first
 * channel that is computed. */
static void run_pair(const struct infer__linear *s, struct dw_rows *r, const float *x, float *y,
                     const float *residual, int64_t n, int64_t row)
{
    const int64_t in = s->x.w * s->x.c, out = s->y.w * s->y.c;
    const int64_t first = row * r->stride_h - s->w.pad_begin[1];
    r->rows = row + 1 < s->y.h ? 2 : 1;
    for (int i = 0; i < r->kernel_h + r->stride_h; i++) {
        int64_t at = first + i;
        r->x[i] = at >= 0 && at < s->x.h ? x + (n * s->x.h + at) * in : NULL;
    }
    for (int q = 0; q < r->rows; q++) {
        r->y[q] = y + (n * s->y.h + row + q) * out;
        r->residual[q] = residual ? residual + (n * s->y.h + row + q) * out : NULL;
    }
    LEVEL_NAME(infer__dw_rows)(r);
}

static void depthwise_rows_run(const struct infer__task *t, const struct infer__buffers *b,
                               uint32_t begin, uint32_t end)
{
    const struct infer__linear *s = b->cut;
    const struct infer__window *w = &s->w;
    struct dw_rows r = {.kernel_h = (int)w->kernel[1],
                        .kernel_w = (int)w->kernel[2],
                        .stride_h = (int)w->stride[1],
                        .stride_w = (int)w->stride[2],
                        .pad = w->pad_begin[2],
                        .in_w = s->x.w,
                        .out_w = s->y.w,
                        .in_step = s->x.c,
                        .out_step = s->y.c,
                        .epi = &t->epi};
    const float *residual = s->residual ? b->in[s->residual] : NULL;
    uint32_t units = depthwise_units(t, s);
    int64_t each = (s->y.h + 1) / 2, blocks = (s->x.c + DW_BLOCK - 1) / DW_BLOCK;
    int64_t parts = channel_parts(t, s), items = row_pairs(s) * parts;
    int64_t last = infer__unit_begin(items, units, end);
    for (int64_t i = infer__unit_begin(items, units, begin); i < last; i++) {
        uint32_t part = (uint32_t)(i % parts);
        int64_t c0 = infer__unit_begin(blocks, parts, part) * DW_BLOCK;
        int64_t c1 = infer__unit_begin(blocks, parts, part + 1) * DW_BLOCK;
        r.channels = (c1 < s->x.c ? c1 : s->x.c) - c0;
        r.weights = (const float *)b->packed + c0 * s->taps;
        r.bias = s->bias ? (const float *)b->in[2] + c0 : NULL;
        run_pair(s, &r, (const float *)b->in[0] + c0, (float *)b->out[0] + c0,
                 residual ? residual + c0 : NULL, i / parts / each, i / parts % each * 2);
    }
}

INFER__APART static double depthwise_rows_estimate(const struct infer__task *t)
{
    struct infer__linear s;
    if (t->op != INFER__OP_CONV || !infer__isa_has(t->isa, LEVEL_ISA) ||
        !infer__linear_f32(t, &s) || !t->in[1].is_const || s.cg != 1 || s.mg != 1 || s.x.d != 1 ||
        s.y.d != 1 || !infer__linear_countable(&s) || !infer__dw_serves(&s.w))
        return -1;
    double pixels = infer__linear_pixels(&s);
    return 500 + LEVEL_NAME(infer__dw_ns)(&s.w, pixels, s.x.c, t->epi.act);
}

const struct infer__kernel LEVEL_NAME(infer__conv_depthwise_rows_f32) = {
    .name = LEVEL_STRING("conv_depthwise_rows_f32"),
    .isa = LEVEL_ISA,
    .in_place = INFER__IN_PLACE_RESIDUAL,
    .stored = 1,
    .cut_bytes = sizeof(struct infer__linear),
    .estimate = depthwise_rows_estimate,
    .prepare = depthwise_rows_prepare,
    .pack = depthwise_rows_pack,
    .run = depthwise_rows_run,
};
