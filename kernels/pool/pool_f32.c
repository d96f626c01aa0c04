/* levels: avx2 avx512 bf16 */
/* MaxPool without indices and AveragePool in f32, or at the level bf16 in that type: what the f32
 * kernels make of the same numbers, rounded to bf16. A maximum needs no rounding.
 *
 * Bits are those of the definitions. A maximum over rows of maxima is the same as one over the
 * window in order: of equals (-0 and +0) the first wins, of NaNs the last, either way. So windows
 * that overlap much are taken in two steps: along W for every input row, kept in scratch, then
 * along H. Units are ranges of output rows.
 */
#include "kernels/levels.h"

#include "kernels/pool/pool_shape.h"

#include "kernels/linear/linear.h"
#include "kernels/pool/pool_element.h"
#include "kernels/vec_math.h"

#define WIDE 4 /* vectors at once */

/* x > best or x is NaN ? x : best */
VEC_INLINE vec greater_of(vec x, vec best)
{
    return vec_select(vec_is_nan(x), x, vec_at_least(x, best));
}

/* Taps of one output pixel: count[a] of them on each axis, step[a] elements apart, from x on. */
struct taps {
    const element *x;
    int64_t count[3], step[3];
};

/* `nv` vectors of channels, or `rest` channels of the only one; is_max, nv are constants. An
 * average is divided by `divisor`. */
VEC_INLINE void pool_vectors(int is_max, int nv, int rest, const struct taps *p, int64_t c,
                             float divisor, element *y)
{
    vec sum[WIDE];
    VEC_UNROLL
    for (int v = 0; v < nv; v++)
        sum[v] = vec_set(is_max ? -INFINITY : 0);
    for (int64_t d = 0; d < p->count[0]; d++)
        for (int64_t h = 0; h < p->count[1]; h++) {
            const element *x = p->x + d * p->step[0] + h * p->step[1] + c;
            for (int64_t w = 0; w < p->count[2]; w++, x += p->step[2]) {
                VEC_UNROLL
                for (int v = 0; v < nv; v++) {
                    vec a = pool_load(x + v * VEC, rest);
                    sum[v] = is_max ? greater_of(a, sum[v]) : vec_add(sum[v], a);
                }
            }
        }
    VEC_UNROLL
    for (int v = 0; v < nv; v++) {
        vec out = is_max ? sum[v] : vec_div(sum[v], vec_set(divisor));
        pool_store(y + c + v * VEC, out, rest);
    }
}

VEC_INLINE void pool_channels(int is_max, const struct taps *p, int64_t channels, float divisor,
                              element *y)
{
    int64_t c = 0;
    for (; c + WIDE * VEC <= channels; c += WIDE * VEC)
        pool_vectors(is_max, WIDE, VEC, p, c, divisor, y);
    for (; c + VEC <= channels; c += VEC)
        pool_vectors(is_max, 1, VEC, p, c, divisor, y);
    if (c < channels)
        pool_vectors(is_max, 1, (int)(channels - c), p, c, divisor, y);
}

static void max_pixel(const struct taps *p, int64_t channels, element *y)
{
    pool_channels(1, p, channels, 1, y);
}

static void average_pixel(const struct taps *p, int64_t channels, float divisor, element *y)
{
    pool_channels(0, p, channels, divisor, y);
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct work {
    const struct infer__window *w;
    struct infer__spatial x, y;
    int is_max;
    const element *in;
    element *out;
    element *rows; /* scratch: kernel[1] rows of maxima along W, row h at h % kernel[1]; or NULL */
    int64_t have;  /* rows up to this one (excluded) of image `image` are there */
    int64_t image;
};

/* Taps of an axis that an average counts; see average_pool_f32_c.c. */
static int64_t counted(const struct infer__window *w, int axis, int64_t begin, int64_t inside,
                       int64_t size)
{
    int64_t room = size + w->pad_end[axis] - begin;
    if (!w->count_include_pad)
        return inside;
    if (room <= 0)
        return 0;
    int64_t n = (room - 1) / w->dilation[axis] + 1;
    return n < w->kernel[axis] ? n : w->kernel[axis];
}

/* All pixels of a row; p has the taps of D and H, for the input's column 0. `counts`: taps of D and
 * H that an average divides by. */
static void pool_row(const struct work *k, struct taps p, double counts, element *y)
{
    const struct infer__window *w = k->w;
    const element *x = p.x;
    for (int64_t ow = 0; ow < k->y.w; ow++, y += k->x.c) {
        int64_t begin = ow * w->stride[2] - w->pad_begin[2], range[2];
        infer__tap_range(begin, w->dilation[2], w->kernel[2], k->x.w, range);
        p.count[2] = range[1] - range[0];
        p.step[2] = p.count[2] > 1 ? w->dilation[2] * k->x.c : 0; /* a lone tap's may overflow */
        /* an empty window may lie anywhere */
        p.x = p.count[2] ? x + (begin + range[0] * w->dilation[2]) * k->x.c : x;
        if (k->is_max) {
            max_pixel(&p, k->x.c, y);
            continue;
        }
        double n = counts * (double)counted(w, 2, begin, p.count[2], k->x.w);
        average_pixel(&p, k->x.c, n < 1 ? 1 : (float)n, y);
    }
}

static void direct_row(const struct work *k, int64_t row)
{
    const struct infer__window *w = k->w;
    int64_t n = row / k->y.h / k->y.d, d[2], h[2];
    int64_t begin[2] = {row / k->y.h % k->y.d * w->stride[0] - w->pad_begin[0],
                        row % k->y.h * w->stride[1] - w->pad_begin[1]};
    infer__tap_range(begin[0], w->dilation[0], w->kernel[0], k->x.d, d);
    infer__tap_range(begin[1], w->dilation[1], w->kernel[1], k->x.h, h);
    struct taps p = {.x = k->in, .count = {d[1] - d[0], h[1] - h[0], 0}};
    int64_t line = k->x.w * k->x.c;
    if (p.count[0] && p.count[1])
        p.x += ((n * k->x.d + begin[0] + d[0] * w->dilation[0]) * k->x.h + begin[1] +
                h[0] * w->dilation[1]) *
               line;
    p.step[0] = p.count[0] > 1 ? w->dilation[0] * k->x.h * line : 0;
    p.step[1] = p.count[1] > 1 ? w->dilation[1] * line : 0;
    double counts = (double)counted(w, 0, begin[0], p.count[0], k->x.d) *
                    (double)counted(w, 1, begin[1], p.count[1], k->x.h);
    pool_row(k, p, counts, k->out + row * k->y.w * k->y.c);
}

/* The row of maxima over rows of maxima. */
static void stacked_row(struct work *k, int64_t row)
{
    const struct infer__window *w = k->w;
    int64_t n = row / k->y.h, h[2], begin = row % k->y.h * w->stride[1] - w->pad_begin[1];
    int64_t line = k->y.w * k->y.c;
    infer__tap_range(begin, 1, w->kernel[1], k->x.h, h);
    int64_t first = begin + h[0], last = begin + h[1];
    element *y = k->out + row * line;
    if (h[0] == h[1]) {
        for (int64_t i = 0; i < line; i += VEC)
            pool_store(y + i, vec_set(-INFINITY), line - i < VEC ? (int)(line - i) : VEC);
        return;
    }
    if (k->image != n || k->have < first) {
        k->image = n;
        k->have = first;
    }
    for (; k->have < last; k->have++) {
        struct taps one = {.x = k->in + (n * k->x.h + k->have) * k->x.w * k->x.c,
                           .count = {1, 1, 0}};
        pool_row(k, one, 1, k->rows + k->have % w->kernel[1] * line);
    }
    /* the rows stand in a ring: up to its end, then from its beginning */
    for (int64_t i = 0; i < line; i += VEC) {
        int rest = line - i < VEC ? (int)(line - i) : VEC;
        vec best = vec_set(-INFINITY);
        const element *at = k->rows + first % w->kernel[1] * line + i;
        const element *end = k->rows + w->kernel[1] * line;
        for (int64_t r = first; r < last; r++) {
            best = greater_of(pool_load(at, rest), best);
            at += line;
            if (at >= end)
                at -= w->kernel[1] * line;
        }
        pool_store(y + i, best, rest);
    }
}

/* ---- the kernels ---------------------------------------------------------------------------- */

/* Whether two steps read less: per output, kernel W for each new row, and kernel H. */
static int is_stacked(const struct infer__task *t)
{
    const struct infer__window *w = &t->p.window;
    struct infer__spatial x = infer__operand_spatial(&t->in[0]);
    return t->op == INFER__OP_MAX_POOL && w->kernel[0] == 1 && w->stride[0] == 1 &&
           w->pad_begin[0] == 0 && w->pad_end[0] == 0 && w->dilation[1] == 1 &&
           w->kernel[1] <= x.h && w->kernel[1] <= 64 && w->kernel[2] <= x.w && w->kernel[2] <= 64 &&
           w->stride[1] < 64 &&
           w->kernel[2] * w->stride[1] + w->kernel[1] + 1 < w->kernel[1] * w->kernel[2];
}

static int64_t rows_of(const struct infer__task *t)
{
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    return y.n * y.d * y.h;
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__units(rows_of(t), is_stacked(t) ? t->p.window.kernel[1] : 1,
                        t->threads > 1 ? 4 * t->threads : 1);
}

static infer_status pool_prepare(const struct infer__task *t, struct infer__need *need,
                                 infer_error *err)
{
    struct infer__spatial y = infer__operand_spatial(&t->out[0]);
    (void)err;
    if (is_stacked(t))
        need->scratch_bytes =
            infer__bytes_of(INFER__PRODUCT(t->p.window.kernel[1], y.w, y.c), sizeof(element));
    need->units = units_of(t);
    return INFER_OK;
}

static void pool_run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    struct work k = {.w = &t->p.window,
                     .x = infer__operand_spatial(&t->in[0]),
                     .y = infer__operand_spatial(&t->out[0]),
                     .is_max = t->op == INFER__OP_MAX_POOL,
                     .in = b->in[0],
                     .out = b->out[0],
                     .image = -1};
    uint32_t units = units_of(t);
    int64_t last = infer__unit_begin(rows_of(t), units, end);
    k.rows = is_stacked(t) ? b->scratch : NULL;
    for (int64_t i = infer__unit_begin(rows_of(t), units, begin); i < last; i++) {
        if (k.rows)
            stacked_row(&k, i);
        else
            direct_row(&k, i);
    }
}

INFER__APART static double pool_estimate(const struct infer__task *t, uint16_t op, double each)
{
    if (!infer__isa_has(t->isa, LEVEL_ISA) || !infer__pooling_serves(t, op, POOL_TYPE) ||
        (t->nout > 1 && t->out[1].type != INFER_TYPE_NONE))
        return -1;
    const struct infer__window *w = &t->p.window;
    double reads = infer__pooling_reads(t);
    if (is_stacked(t))
        reads *= (double)(w->kernel[2] * w->stride[1] + w->kernel[1] + 1) /
                 (double)(w->kernel[1] * w->kernel[2]);
    return 300 + reads * each + 6 * (double)infer__pooling_pixels(t);
}

INFER__APART static double max_estimate(const struct infer__task *t)
{
    return pool_estimate(t, INFER__OP_MAX_POOL, 0.6 / VEC);
}

INFER__APART static double average_estimate(const struct infer__task *t)
{
    return pool_estimate(t, INFER__OP_AVERAGE_POOL, 0.5 / VEC);
}

const struct infer__kernel POOL_NAME(max_pool) = {.name = POOL_STRING("max_pool"),
                                                  .isa = LEVEL_ISA,
                                                  .estimate = max_estimate,
                                                  .prepare = pool_prepare,
                                                  .run = pool_run};

const struct infer__kernel POOL_NAME(average_pool) = {.name = POOL_STRING("average_pool"),
                                                      .isa = LEVEL_ISA,
                                                      .estimate = average_estimate,
                                                      .prepare = pool_prepare,
                                                      .run = pool_run};
