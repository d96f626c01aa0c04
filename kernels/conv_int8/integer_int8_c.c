/* ConvInteger and MatMulInteger: the definition. Sums of (x - x_zero) * (w - w_zero) are s32 modulo
 * 2^32; padding counts as x_zero. With a scale the result is act((float)sum * scale + bias), each
 * operation rounded.
 *
 * Bytes may be u8 or s8, zero points one number or one of each output channel (of MatMulInteger's
 * first operand: of each row). Weights that the plan has made s8 carry their zero points. */
#include <string.h>

#include "kernels/nd.h"

/* Bytes with the zero point of each channel, or one of all. */
struct bytes {
    const uint8_t *data, *zero;
    const struct infer__quant *quant;
    int64_t zero_step;
    int is_signed;
};

static struct bytes bytes_of(const struct infer__task *t, const struct infer__buffers *b,
                             uint32_t i)
{
    struct bytes o = {.data = b->in[i], .quant = t->in[i].quant};
    o.is_signed = t->in[i].type == INFER_S8;
    if (infer__has_in(t, i + 2)) {
        o.zero = b->in[i + 2];
        o.zero_step = infer__operand_elements(&t->in[i + 2]) > 1;
    }
    return o;
}

static inline int32_t byte_at(const struct bytes *o, const uint8_t *p)
{
    return o->is_signed ? (int8_t)*p : *p;
}

static int32_t zero_at(const struct bytes *o, int64_t channel)
{
    if (o->zero)
        return byte_at(o, o->zero + channel * o->zero_step);
    return o->quant ? o->quant->zero[o->quant->count > 1 ? channel : 0] : 0;
}

/* Stores the sum of channel m as element i. */
static void store(const struct infer__task *t, const struct infer__buffers *b, int64_t i, int64_t m,
                  uint32_t sum)
{
    if (t->out[0].type == INFER_S32) {
        ((int32_t *)b->out[0])[i] = (int32_t)sum;
        return;
    }
    int64_t step = infer__operand_elements(&t->in[4]) > 1;
    float y = (float)(int32_t)sum * ((const float *)b->in[4])[m * step];
    if (infer__has_in(t, 5))
        y += ((const float *)b->in[5])[m];
    ((float *)b->out[0])[i] = infer__activate(t->epi.act, t->epi.alpha, t->epi.beta, y);
}

static int is_bytes(const struct infer__operand *o)
{
    return o->type == INFER_U8 || o->type == INFER_S8;
}

INFER__APART static double integer_estimate(const struct infer__task *t, unsigned op,
                                            double products)
{
    if (t->op != op || !is_bytes(&t->in[0]) || !is_bytes(&t->in[1]) || t->epi.residual)
        return -1;
    return 1000 + products * (double)infer__operand_elements(&t->out[0]);
}

static uint32_t units_of(const struct infer__task *t)
{
    return infer__task_units(t, infer__operand_elements(&t->out[0]), 64);
}

static infer_status integer_prepare(const struct infer__task *t, struct infer__need *need,
                                    infer_error *err)
{
    (void)err;
    need->units = units_of(t);
    return INFER_OK;
}

/* ---- ConvInteger ---------------------------------------------------------------------------- */

static uint32_t conv_sum(const struct infer__task *t, const struct bytes *x, const struct bytes *w,
                         int64_t pixel, int64_t m)
{
    const struct infer__window *p = &t->p.window;
    struct infer__spatial in = infer__operand_spatial(&t->in[0]);
    struct infer__spatial out = infer__operand_spatial(&t->out[0]);
    int64_t cg = in.c / p->groups, taps = p->kernel[0] * p->kernel[1] * p->kernel[2];
    int64_t row = pixel / out.w, n = row / out.h / out.d, group = m / (out.c / p->groups);
    int64_t at[3] = {row / out.h % out.d, row % out.h, pixel % out.w};
    int32_t x_zero = zero_at(x, 0), w_zero = zero_at(w, m);
    uint32_t sum = 0;
    for (int64_t tap = 0; tap < taps; tap++) {
        int64_t k[3] = {tap / p->kernel[2] / p->kernel[1], tap / p->kernel[2] % p->kernel[1],
                        tap % p->kernel[2]};
        for (int a = 0; a < 3; a++)
            k[a] = at[a] * p->stride[a] - p->pad_begin[a] + k[a] * p->dilation[a];
        if (k[0] < 0 || k[0] >= in.d || k[1] < 0 || k[1] >= in.h || k[2] < 0 || k[2] >= in.w)
            continue;
        const uint8_t *from =
            x->data + (((n * in.d + k[0]) * in.h + k[1]) * in.w + k[2]) * in.c + group * cg;
        const uint8_t *weight = w->data + m * cg * taps + tap;
        for (int64_t c = 0; c < cg; c++)
            sum += (uint32_t)((byte_at(x, from + c) - x_zero) *
                              (byte_at(w, weight + c * taps) - w_zero));
    }
    return sum;
}

static void run_conv(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                     uint32_t end)
{
    const struct bytes x = bytes_of(t, b, 0), w = bytes_of(t, b, 1);
    int64_t total = infer__operand_elements(&t->out[0]), channels = t->in[1].dims[0];
    int64_t last = infer__unit_begin(total, units_of(t), end);
    for (int64_t i = infer__unit_begin(total, units_of(t), begin); i < last; i++)
        store(t, b, i, i % channels, conv_sum(t, &x, &w, i / channels, i % channels));
}

INFER__APART static double estimate_conv(const struct infer__task *t)
{
    int64_t outputs = t->nin > 1 ? t->in[1].dims[0] : 0;
    if (outputs < 1)
        return -1;
    return integer_estimate(t, INFER__OP_CONV_INTEGER,
                            (double)infer__operand_elements(&t->in[1]) / (double)outputs);
}

const struct infer__kernel infer__conv_integer_c = {.name = "conv_integer_c",
                                                    .isa = INFER_ISA_C,
                                                    .estimate = estimate_conv,
                                                    .prepare = integer_prepare,
                                                    .run = run_conv};

/* ---- MatMulInteger -------------------------------------------------------------------------- */

struct product {
    int64_t m, n, k;
    struct infer__nd batch; /* operand 0: A's matrices, operand 1: B's; its row is of 1 */
};

/* The matrices of an operand. */
static struct infer__operand matrices(const struct infer__operand *o, int axes)
{
    struct infer__operand batch = *o;
    batch.rank = (uint8_t)(o->rank > axes ? o->rank - axes : 0);
    return batch;
}

/* An operand of one axis is a row on the left, a column on the right; the result lacks that axis.
 */
static struct product product_of(const struct infer__task *t)
{
    const struct infer__operand *a = &t->in[0], *b = &t->in[1];
    struct product p = {.m = a->rank > 1 ? a->dims[a->rank - 2] : 1,
                        .n = b->rank > 1 ? b->dims[b->rank - 1] : 1,
                        .k = a->dims[a->rank - 1]};
    struct infer__operand out = matrices(&t->out[0], (a->rank > 1) + (b->rank > 1));
    struct infer__operand am = matrices(a, 2), bm = matrices(b, 2);
    infer__nd_init(&p.batch, &out);
    infer__nd_broadcast(&p.batch, &am);
    infer__nd_broadcast(&p.batch, &bm);
    infer__nd_merge(&p.batch);
    p.batch.dims[p.batch.axes] = 1;
    p.batch.stride[0][p.batch.axes] = p.batch.stride[1][p.batch.axes] = 0;
    p.batch.axes++;
    return p;
}

static void run_matmul(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                       uint32_t end)
{
    const struct bytes x = bytes_of(t, b, 0), w = bytes_of(t, b, 1);
    const struct product p = product_of(t);
    int64_t total = infer__operand_elements(&t->out[0]);
    int64_t last = infer__unit_begin(total, units_of(t), end);
    for (int64_t i = infer__unit_begin(total, units_of(t), begin); i < last; i++) {
        struct infer__nd_at at;
        int64_t column = i % p.n, row = i / p.n % p.m;
        infer__nd_seek(&p.batch, i / p.n / p.m, &at);
        const uint8_t *from = x.data + (at.offset[0] * p.m + row) * p.k;
        const uint8_t *weight = w.data + at.offset[1] * p.k * p.n + column;
        int32_t x_zero = zero_at(&x, row), w_zero = zero_at(&w, column);
        uint32_t sum = 0;
        for (int64_t k = 0; k < p.k; k++)
            sum += (uint32_t)((byte_at(&x, from + k) - x_zero) *
                              (byte_at(&w, weight + k * p.n) - w_zero));
        store(t, b, i, column, sum);
    }
}

INFER__APART static double estimate_matmul(const struct infer__task *t)
{
    const struct infer__operand *a = &t->in[0];
    return a->rank ? integer_estimate(t, INFER__OP_MATMUL_INTEGER, (double)a->dims[a->rank - 1])
                   : -1;
}

const struct infer__kernel infer__matmul_integer_c = {.name = "matmul_integer_c",
                                                      .isa = INFER_ISA_C,
                                                      .estimate = estimate_matmul,
                                                      .prepare = integer_prepare,
                                                      .run = run_matmul};
