/* Depthwise convolution in int8: the kernels of all levels against the formula. */
#include "base/cpu.h"
#include "int8_run.h"

static const char *const kernels[] = {"conv_int8_c",
                                      "conv_depthwise_u8_c",
                                      "conv_depthwise_u8_avx2",
                                      "conv_depthwise_u8_avx512",
                                      "conv_depthwise_u8_avx2vnni",
                                      "conv_depthwise_u8_vnni"};
enum { KERNELS = 6, CHANNELS = 200 };
static long served[KERNELS], served_zero; /* the last kernel with weights' zero points */

struct shape {
    int64_t n, h, w, c, kernel[2], stride[2], dilation[2], begin[2], end[2];
    int bias, residual, table, per_channel, w_zero, extreme;
};

struct made {
    struct run k;
    struct quant_one x, y, r;
    struct infer__quant wq;
    float w_scale[CHANNELS];
    int32_t w_zero[CHANNELS];
    uint8_t table[256];
    struct infer__requant rq;
};

static int64_t out_size(const struct shape *s, int a)
{
    int64_t room =
        (a ? s->w : s->h) + s->begin[a] + s->end[a] - (s->kernel[a] - 1) * s->dilation[a] - 1;
    return room < 0 ? 0 : room / s->stride[a] + 1;
}

static void random_shape(struct shape *s, uint64_t *r)
{
    int plain = random_int(r, 0, 2) > 0; /* the common ones */
    s->n = random_int(r, 1, 2);
    for (int a = 0; a < 2; a++) {
        s->kernel[a] = plain ? 3 + 2 * random_int(r, 0, 1) : random_int(r, 1, 8);
        s->stride[a] = random_int(r, 1, plain ? 2 : 3);
        s->dilation[a] = plain ? 1 : random_int(r, 1, 3);
        s->begin[a] = random_int(r, 0, s->kernel[a]);
        s->end[a] = random_int(r, 0, s->kernel[a]);
    }
    s->bias = (int)random_int(r, 0, 1);
    s->residual = random_int(r, 0, 3) == 0;
    s->table = random_int(r, 0, 3) == 0;
    s->per_channel = (int)random_int(r, 0, 1);
    s->w_zero = random_int(r, 0, 3) == 0;
    s->extreme = random_int(r, 0, 7) == 0;
}

static void random_requant(struct made *m, const struct shape *s, uint64_t *r)
{
    m->rq = (struct infer__requant){.scale = m->y.scale,
                                    .zero = m->y.zero,
                                    .lo = (int32_t)random_int(r, 0, 100),
                                    .hi = (int32_t)random_int(r, 100, 255),
                                    .table = s->table ? m->table : NULL,
                                    .ratio = random_float(r) * 2,
                                    .residual_ratio = random_float(r) * 2,
                                    .fixed = random_float(r) * 300,
                                    .residual_inner = (int32_t)random_int(r, 0, 1),
                                    .add_lo = (int32_t)random_int(r, 0, 100),
                                    .add_hi = (int32_t)random_int(r, 100, 255)};
    if (random_int(r, 0, 1)) {
        m->rq.lo = m->rq.add_lo = 0;
        m->rq.hi = m->rq.add_hi = 255;
    }
    bytes_fill(m->table, 256, r);
    m->k.t.epi = (struct infer__epilogue){.residual = (uint16_t)s->residual, .requant = &m->rq};
}

static void random_weights(struct made *m, const struct shape *s, uint64_t *r)
{
    int few = (int)random_int(r, 0, 1); /* so that blocks with nine bits stand beside others */
    for (int64_t c = 0; c < s->c; c++) {
        m->w_scale[c] = 0.001f + fabsf(random_float(r)) * 0.05f;
        if (s->extreme)
            m->w_scale[c] *= random_int(r, 0, 1) ? 1e30f : 1e-30f;
        m->w_zero[c] = !s->w_zero || (few && s->per_channel && random_int(r, 0, 15)) ? 0
                       : random_int(r, 0, 1) ? (int32_t)random_int(r, -128, 127)
                                             : (random_int(r, 0, 1) ? -128 : 127);
    }
    m->wq = (struct infer__quant){s->per_channel ? (uint32_t)s->c : 1, 0, m->w_scale, m->w_zero};
}

static void make(struct made *m, const struct shape *s, uint64_t *r)
{
    int64_t x[] = {s->n, s->h, s->w, s->c}, w[] = {s->c, 1, s->kernel[0], s->kernel[1]};
    int64_t y[] = {s->n, out_size(s, 0), out_size(s, 1), s->c};
    struct run *k = &m->k;
    *k = (struct run){.t = {.op = INFER__OP_CONV, .nin = 3 + (uint32_t)s->residual, .nout = 1}};
    quant_random(&m->x, r);
    quant_random(&m->y, r);
    quant_random(&m->r, r);
    if (!s->extreme) /* sums around the size of the range */
        m->y.scale = m->x.scale * (random_int(r, 0, 1) ? 1 : 40);
    k->in[0] = operand(INFER_U8, 4, x);
    k->in[1] = operand(INFER_S8, 4, w);
    k->in[2] = operand(s->bias ? INFER_S32 : INFER_TYPE_NONE, 1, &s->c);
    k->in[3] = k->out[0] = operand(INFER_U8, 4, y);
    k->in[0].clast = k->in[3].clast = k->out[0].clast = 1;
    k->in[1].is_const = k->in[2].is_const = 1;
    k->in[0].quant = &m->x.q;
    k->in[1].quant = &m->wq;
    k->in[3].quant = &m->r.q;
    k->out[0].quant = &m->y.q;
    k->t.p.window = (struct infer__window){.kernel = {1, s->kernel[0], s->kernel[1]},
                                           .stride = {1, s->stride[0], s->stride[1]},
                                           .dilation = {1, s->dilation[0], s->dilation[1]},
                                           .pad_begin = {0, s->begin[0], s->begin[1]},
                                           .pad_end = {0, s->end[0], s->end[1]},
                                           .groups = s->c,
                                           .spatial = 2};
    random_requant(m, s, r);
    random_weights(m, s, r);
    run_fill(k, 0, r);
    for (uint32_t i = 0; i < k->t.nin; i++)
        if (k->x[i] && i != 2)
            bytes_fill(k->x[i], infer__operand_elements(&k->in[i]), r);
    for (int64_t c = 0; s->bias && c < s->c; c++)
        ((int32_t *)k->x[2])[c] = (int32_t)random_int(r, -20000, 20000);
}

static uint8_t one_output(const struct made *m, const struct shape *s, int64_t n, int64_t oh,
                          int64_t ow, int64_t c, int64_t at)
{
    const uint8_t *x = m->k.x[0];
    const int8_t *w = m->k.x[1];
    int64_t sum = s->bias ? ((const int32_t *)m->k.x[2])[c] : 0, q = s->per_channel ? c : 0;
    for (int64_t i = 0; i < s->kernel[0]; i++)
        for (int64_t j = 0; j < s->kernel[1]; j++) {
            int64_t h = oh * s->stride[0] - s->begin[0] + i * s->dilation[0];
            int64_t v = ow * s->stride[1] - s->begin[1] + j * s->dilation[1];
            if (h >= 0 && h < s->h && v >= 0 && v < s->w)
                sum += (x[((n * s->h + h) * s->w + v) * s->c + c] - m->x.zero) *
                       (w[(c * s->kernel[0] + i) * s->kernel[1] + j] - m->w_zero[q]);
        }
    const struct infer__requant *rq = &m->rq;
    float product = m->x.scale * m->w_scale[q], factor = product / rq->scale;
    uint8_t a = round_to((float)sum * factor, rq->zero, rq->lo, rq->hi);
    if (s->table)
        a = m->table[a];
    float more = s->residual ? ((const uint8_t *)m->k.x[3])[at] : 0;
    if (s->residual && rq->residual_inner)
        a = round_to(fmaf(a, rq->ratio, fmaf(more, rq->residual_ratio, rq->fixed)), 0, rq->add_lo,
                     rq->add_hi);
    else if (s->residual)
        a = round_to(fmaf(more, rq->residual_ratio, fmaf(a, rq->ratio, rq->fixed)), 0, rq->add_lo,
                     rq->add_hi);
    return a;
}

static void check(struct shape *s, uint64_t *r)
{
    struct made m;
    int64_t oh = out_size(s, 0), ow = out_size(s, 1), at = 0;
    if (oh < 1 || ow < 1)
        return;
    long before = served[KERNELS - 1];
    make(&m, s, r);
    uint8_t *want = malloc((size_t)(s->n * oh * ow * s->c));
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t h = 0; h < oh; h++)
            for (int64_t w = 0; w < ow; w++)
                for (int64_t c = 0; c < s->c; c++, at++)
                    want[at] = one_output(&m, s, n, h, w, c, at);
    for (int i = 0; i < KERNELS; i++)
        served[i] += bytes_compare(&m.k, kernels[i], want, r);
    served_zero += s->w_zero ? served[KERNELS - 1] - before : 0;
    free(want);
    run_drop(&m.k);
}

static void test_channels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t c = 1; c <= CHANNELS; c += c < 70 ? 1 : 13)
        for (int i = 0; i < 5; i++) {
            struct shape s = {.c = c, .h = random_int(&r, 1, 9), .w = random_int(&r, 1, 14)};
            random_shape(&s, &r);
            check(&s, &r);
        }
}

static void test_sizes(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t size = 1; size <= 70; size++)
        for (int i = 0; i < 4; i++) {
            int64_t other = random_int(&r, 1, 12);
            struct shape s = {.c = random_int(&r, 1, 40), .h = other, .w = size};
            if (i == 3)
                s.h = size, s.w = other;
            random_shape(&s, &r);
            check(&s, &r);
        }
}

/* Each kernel must have had its share, where the machine has its level. */
static void test_served(void **state)
{
    (void)state;
    for (int i = 0; i < KERNELS; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(kernels[i]);
        if (kernel && infer_cpu_has(kernel->isa))
            assert_true(served[i] > 200);
    }
    if (infer_cpu_has(INFER_ISA_AVX512VNNI))
        assert_true(served_zero > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_served),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
