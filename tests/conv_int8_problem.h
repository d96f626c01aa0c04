/* Random int8 convolutions and dense layers, for the tests of their kernels. */
#ifndef INFER_TESTS_CONV_INT8_PROBLEM_H
#define INFER_TESTS_CONV_INT8_PROBLEM_H

#include <math.h>

#include "kernel_check.h"

enum { BYTES_RANDOM, BYTES_EXTREME, BYTES_LOW, BYTES_HIGH, BYTES_KINDS };

struct shape {
    int spatial; /* 0: a Gemm of h rows; -1: a MatMul of n x h rows */
    int64_t n, size[3], cg, mg, groups;
    int64_t kernel[3], stride[3], dilation[3], begin[3], end[3];
    int per_channel, w_zero, bias, residual, table, f32, trans_b;
    int x_bytes, w_bytes; /* BYTES_... */
    uint16_t act;         /* of an f32 result */
    float gain;           /* makes the range of the results */
};

struct problem {
    struct infer__operand in[4], y;
    struct infer__task t;
    struct infer__quant xq, wq;
    struct infer__requant rq;
    uint8_t *x, *residual, table[256];
    int8_t *w;
    int32_t *bias, *w_zero, x_zero;
    float *w_scale, x_scale;
    void *want, *got;
    int64_t m, k;
};

/* ---- problems ------------------------------------------------------------------------------- */

static inline void fill_bytes(void *data, int64_t n, int kind, int is_signed, uint64_t *r)
{
    uint8_t *p = data, flip = is_signed ? 0x80 : 0;
    for (int64_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)random_next(r);
        if (kind == BYTES_LOW || kind == BYTES_HIGH || kind == BYTES_EXTREME)
            byte = kind == BYTES_HIGH || (kind == BYTES_EXTREME && byte > 127) ? 255 : 0;
        p[i] = byte ^ flip;
    }
}

static inline int64_t out_size(const struct shape *s, int a)
{
    int64_t room = s->size[a] + s->begin[a] + s->end[a];
    int64_t reach = (s->kernel[a] - 1) * s->dilation[a] + 1;
    return room < reach ? 0 : (room - reach) / s->stride[a] + 1;
}

static inline int operands(const struct shape *s, struct problem *p)
{
    int64_t out[3], taps = s->kernel[0] * s->kernel[1] * s->kernel[2];
    infer_type type = s->f32 ? INFER_F32 : INFER_U8;
    p->m = s->groups * s->mg;
    p->k = s->cg * taps;
    if (s->spatial > 0) {
        for (int a = 0; a < 3; a++)
            if ((out[a] = out_size(s, a)) < 1)
                return 0;
        p->in[0] = spatial_operand(INFER_U8, s->spatial, s->n, s->size, s->groups * s->cg);
        p->y = spatial_operand(type, s->spatial, s->n, out, p->m);
        p->in[1] = (struct infer__operand){
            .type = INFER_S8, .rank = (uint8_t)(s->spatial + 2), .dims = {p->m, s->cg}};
        for (int a = 0; a < s->spatial; a++)
            p->in[1].dims[2 + a] = s->kernel[3 - s->spatial + a];
    } else {
        uint8_t rank = s->spatial ? 3 : 2;
        p->in[0] = (struct infer__operand){.type = INFER_U8, .rank = rank, .dims = {s->n}};
        p->in[0].dims[rank - 2] = s->size[2];
        p->in[0].dims[rank - 1] = s->cg;
        p->y = p->in[0];
        p->y.type = (uint8_t)type;
        p->y.dims[rank - 1] = p->m;
        p->in[1] = (struct infer__operand){.type = INFER_S8, .rank = 2, .dims = {s->cg, p->m}};
        if (s->trans_b)
            p->in[1].dims[0] = p->m, p->in[1].dims[1] = s->cg;
    }
    p->in[2] = (struct infer__operand){
        .type = s->bias ? INFER_S32 : INFER_TYPE_NONE, .rank = 1, .is_const = 1, .dims = {p->m}};
    p->in[1].is_const = 1;
    p->in[3] = p->y;
    return 1;
}

static inline void quantise(const struct shape *s, struct problem *p, uint64_t *r)
{
    int64_t n = s->per_channel ? p->m : 1;
    p->x_zero = (int32_t)random_int(r, 0, 255);
    if (random_int(r, 0, 3) == 0)
        p->x_zero = random_int(r, 0, 1) ? 255 : 0;
    p->x_scale = 0.01f + 0.1f * fabsf(random_float(r));
    p->w_scale = malloc((size_t)n * sizeof(float));
    p->w_zero = malloc((size_t)n * sizeof(int32_t));
    for (int64_t i = 0; i < n; i++) {
        p->w_scale[i] = 0.001f + 0.02f * fabsf(random_float(r));
        p->w_zero[i] = s->w_zero ? (int32_t)random_int(r, -128, 127) : 0;
        if (s->w_zero > 1)
            p->w_zero[i] = random_int(r, 0, 1) ? -128 : 127;
    }
    p->xq = (struct infer__quant){1, 0, &p->x_scale, &p->x_zero};
    p->wq = (struct infer__quant){(uint32_t)n, s->spatial > 0 || s->trans_b ? 0 : 1, p->w_scale,
                                  p->w_zero};
    p->in[0].quant = &p->xq;
    p->in[1].quant = &p->wq;
    /* a standard deviation of some 40 steps for random bytes and a gain of 1 */
    p->rq.scale = p->x_scale * 0.01f * 74 * 74 * sqrtf((float)p->k) / 40 / s->gain;
    p->rq.lo = (int32_t)random_int(r, 0, 40);
    p->rq.hi = 255 - (int32_t)random_int(r, 0, 40);
    if (random_int(r, 0, 1))
        p->rq.lo = 0, p->rq.hi = 255;
    p->rq.zero = (int32_t)random_int(r, 0, 255);
    if (s->table)
        p->rq.table = p->table;
    for (int i = 0; i < 256; i++)
        p->table[i] = (uint8_t)random_next(r);
    p->rq.ratio = 0.2f + fabsf(random_float(r));
    p->rq.residual_ratio = 0.2f + fabsf(random_float(r));
    p->rq.residual_inner = (int32_t)random_int(r, 0, 1);
    p->rq.fixed = random_float(r) * 100;
    p->rq.add_lo = p->rq.lo;
    p->rq.add_hi = p->rq.hi;
}

/* 0 if the window does not fit. */
static inline int build(const struct shape *s, struct problem *p, uint64_t *r)
{
    memset(p, 0, sizeof *p);
    if (!operands(s, p))
        return 0;
    quantise(s, p, r);
    p->t = (struct infer__task){.op = s->spatial > 0 ? INFER__OP_CONV : INFER__OP_GEMM,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .nin = s->residual ? 4 : 3,
                                .nout = 1,
                                .in = p->in,
                                .out = &p->y};
    if (s->spatial < 0) { /* MatMul has no bias */
        p->t.op = INFER__OP_MATMUL;
        p->t.nin = s->residual ? 3 : 2;
        p->in[2] = p->in[3];
    } else if (s->spatial == 0) {
        p->t.p.gemm = (struct infer__gemm){1, 1, 0, s->trans_b};
    } else {
        p->t.p.window.groups = s->groups;
        p->t.p.window.spatial = s->spatial;
        memcpy(p->t.p.window.kernel, s->kernel, sizeof s->kernel);
        memcpy(p->t.p.window.stride, s->stride, sizeof s->stride);
        memcpy(p->t.p.window.dilation, s->dilation, sizeof s->dilation);
        memcpy(p->t.p.window.pad_begin, s->begin, sizeof s->begin);
        memcpy(p->t.p.window.pad_end, s->end, sizeof s->end);
    }
    p->t.epi = (struct infer__epilogue){.act = s->f32 ? s->act : INFER__OP_NONE,
                                        .residual = (uint16_t)s->residual,
                                        .alpha = -4,
                                        .beta = 6,
                                        .requant = s->f32 ? NULL : &p->rq};
    int64_t nx = infer__operand_elements(&p->in[0]), nw = infer__operand_elements(&p->in[1]);
    int64_t ny = infer__operand_elements(&p->y);
    p->x = malloc((size_t)nx + 1);
    p->w = malloc((size_t)nw + 1);
    p->residual = malloc((size_t)ny + 1);
    p->bias = malloc((size_t)p->m * 4);
    p->want = malloc((size_t)ny * 4 + 1);
    p->got = malloc((size_t)ny * 4 + 1);
    fill_bytes(p->x, nx, s->x_bytes, 0, r);
    fill_bytes(p->w, nw, s->w_bytes, 1, r);
    fill_bytes(p->residual, ny, BYTES_RANDOM, 0, r);
    for (int64_t i = 0; i < p->m; i++)
        p->bias[i] = (int32_t)random_int(r, -60000, 60000);
    return 1;
}

static inline void drop(struct problem *p)
{
    free(p->x);
    free(p->w);
    free(p->residual);
    free(p->bias);
    free(p->want);
    free(p->got);
    free(p->w_scale);
    free(p->w_zero);
}

static inline void compare(const struct shape *s, const struct problem *p, const char *name)
{
    int64_t n = infer__operand_elements(&p->y);
    size_t size = s->f32 ? 4 : 1;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *got = (const uint8_t *)p->got + (size_t)i * size;
        const uint8_t *want = (const uint8_t *)p->want + (size_t)i * size;
        if (memcmp(got, want, size) != 0)
            fail_msg("%s, output %lld of %lld: %d instead of %d (n %lld, %lldx%lldx%lld, %lld of "
                     "%lld to %lld, kernel %lldx%lldx%lld)",
                     name, (long long)i, (long long)n, *got, *want, (long long)s->n,
                     (long long)s->size[0], (long long)s->size[1], (long long)s->size[2],
                     (long long)s->groups, (long long)s->cg, (long long)s->mg,
                     (long long)s->kernel[0], (long long)s->kernel[1], (long long)s->kernel[2]);
    }
}

/* One plain run of the definition into p->want. */
static inline void define(struct problem *p, const void *const *in)
{
    const struct infer__kernel *c = infer__kernel_find("conv_int8_c");
    struct infer__need need = {0};
    struct infer__buffers b = {.in = in, .out = &p->want, .cut = cut_memory(c)};
    assert_true(c->estimate(&p->t) >= 0);
    assert_int_equal(prepare_kernel(c, &p->t, &need, NULL), INFER_OK);
    c->run(&p->t, &b, 0, need.units);
}

/* The data of the task's inputs. */
static inline void inputs(const struct shape *s, const struct problem *p, const void *in[4])
{
    in[0] = p->x;
    in[1] = p->w;
    in[2] = s->spatial < 0 ? (const void *)p->residual : (const void *)p->bias;
    in[3] = p->residual;
}

/* ---- shapes --------------------------------------------------------------------------------- */

static inline struct shape plain(int64_t c, int64_t m, int64_t kernel, int64_t stride, int64_t pad,
                                 int64_t h, int64_t w, uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP};
    struct shape s = {.spatial = 2, .n = 1, .size = {1, h, w}, .cg = c, .mg = m, .groups = 1};
    for (int a = 0; a < 3; a++) {
        s.kernel[a] = a ? kernel : 1;
        s.stride[a] = a ? stride : 1;
        s.dilation[a] = 1;
        s.begin[a] = s.end[a] = a ? pad : 0;
    }
    s.per_channel = (int)random_int(r, 0, 1);
    s.w_zero = random_int(r, 0, 3) ? 0 : (int)random_int(r, 1, 2);
    s.bias = (int)random_int(r, 0, 1);
    s.residual = random_int(r, 0, 2) == 0;
    s.table = random_int(r, 0, 2) == 0;
    s.f32 = random_int(r, 0, 3) == 0;
    s.act = acts[random_int(r, 0, 2)];
    s.gain = random_int(r, 0, 4) ? 1 : random_int(r, 0, 1) ? 3000.0f : 0.01f;
    if (s.f32)
        s.residual = s.table = 0;
    return s;
}

static inline struct shape any_window(uint64_t *r)
{
    struct shape s = plain(random_int(r, 1, 20), random_int(r, 1, 40), 1, 1, 0, random_int(r, 1, 6),
                           random_int(r, 1, 34), r);
    s.spatial = (int)random_int(r, 1, 3);
    s.n = random_int(r, 1, 2);
    for (int a = 3 - s.spatial; a < 3; a++) {
        s.kernel[a] = random_int(r, 1, 4);
        s.stride[a] = random_int(r, 1, 3);
        s.dilation[a] = random_int(r, 0, 1) ? 1 : random_int(r, 2, 3);
        s.begin[a] = random_int(r, 0, 3);
        s.end[a] = random_int(r, 0, 3);
    }
    if (s.spatial == 1)
        s.size[1] = 1;
    if (s.spatial == 3)
        s.size[0] = random_int(r, 1, 4);
    s.groups = random_int(r, 0, 2) ? 1 : random_int(r, 2, 5);
    s.x_bytes = random_int(r, 0, 1) ? BYTES_RANDOM : (int)random_int(r, 0, BYTES_KINDS - 1);
    s.w_bytes = random_int(r, 0, 1) ? BYTES_RANDOM : (int)random_int(r, 0, BYTES_KINDS - 1);
    return s;
}

#endif
