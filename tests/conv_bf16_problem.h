/* Random bf16 convolutions, for the tests of their kernels. */
#ifndef INFER_TESTS_CONV_BF16_PROBLEM_H
#define INFER_TESTS_CONV_BF16_PROBLEM_H

#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"
#include "kernels/conv_bf16/conv_bf16.h"

struct shape {
    int spatial;
    int64_t n, size[3], cg, mg, groups, kernel[3], stride[3], dilation[3], pad[6];
    int bias, residual, whole;         /* whole: small integers */
    int half_x, half_y, half_residual; /* 1: of bf16 */
    uint16_t act;
};

struct problem {
    struct infer__operand in[4], y;
    struct infer__task t;
    float *data[4];    /* what the operands hold, of bf16 ones rounded */
    uint16_t *half[4]; /* the same as bf16 */
    void *want, *got;  /* of y's type */
};

static inline double output_at(const struct problem *p, const void *y, int64_t i)
{
    return p->y.type == INFER_BF16 ? (double)infer__from_bf16(((const uint16_t *)y)[i])
                                   : (double)((const float *)y)[i];
}

static inline float *numbers(int64_t n, int whole, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = whole ? (float)random_int(r, -3, 3) : random_float(r);
    return p;
}

static inline void allocate(struct problem *p, int whole, uint64_t *r)
{
    p->t.in = p->in;
    p->t.out = &p->y;
    for (int i = 0; i < 4; i++) {
        int64_t n = infer__operand_elements(&p->in[i]);
        p->data[i] = numbers(n, whole, r);
        p->half[i] = malloc((size_t)(n + 1) * sizeof *p->half[i]);
        for (int64_t j = 0; j < n && p->in[i].type == INFER_BF16; j++) {
            p->half[i][j] = infer__to_bf16(p->data[i][j]);
            p->data[i][j] = infer__round_bf16(p->data[i][j]);
        }
    }
    size_t outputs = (size_t)infer__operand_elements(&p->y) + 1;
    p->want = malloc(outputs * sizeof(float));
    p->got = malloc(outputs * sizeof(float));
}

static inline void drop(struct problem *p)
{
    for (int i = 0; i < 4; i++) {
        free(p->data[i]);
        free(p->half[i]);
    }
    free(p->want);
    free(p->got);
}

/* 0 if the window does not fit. */
static inline int build(const struct shape *s, struct problem *p, uint64_t *r)
{
    int64_t out[3];
    memset(p, 0, sizeof *p);
    for (int a = 0; a < 3; a++) {
        int64_t room = s->size[a] + s->pad[a] + s->pad[a + 3];
        int64_t reach = (s->kernel[a] - 1) * s->dilation[a] + 1;
        if (room < reach)
            return 0;
        out[a] = (room - reach) / s->stride[a] + 1;
    }
    p->in[0] = spatial_operand(s->half_x ? INFER_BF16 : INFER_F32, s->spatial, s->n, s->size,
                               s->groups * s->cg);
    p->y = p->in[3] = spatial_operand(s->half_y ? INFER_BF16 : INFER_F32, s->spatial, s->n, out,
                                      s->groups * s->mg);
    p->in[3].type = s->half_residual ? INFER_BF16 : INFER_F32;
    p->in[1] = (struct infer__operand){.type = INFER_F32,
                                       .rank = p->in[0].rank,
                                       .is_const = 1,
                                       .dims = {s->groups * s->mg, s->cg}};
    for (int a = 3 - s->spatial; a < 3; a++)
        p->in[1].dims[2 + a - (3 - s->spatial)] = s->kernel[a];
    p->in[2] = (struct infer__operand){.type = s->bias ? INFER_F32 : INFER_TYPE_NONE,
                                       .rank = 1,
                                       .is_const = 1,
                                       .dims = {s->groups * s->mg}};
    p->t = (struct infer__task){.op = INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .bf16 = 1,
                                .nin = s->residual ? 4 : 3,
                                .nout = 1};
    struct infer__window *w = &p->t.p.window;
    for (int a = 0; a < 3; a++) {
        w->kernel[a] = s->kernel[a];
        w->stride[a] = s->stride[a];
        w->dilation[a] = s->dilation[a];
        w->pad_begin[a] = s->pad[a];
        w->pad_end[a] = s->pad[a + 3];
    }
    w->groups = s->groups;
    w->spatial = s->spatial;
    p->t.epi = (struct infer__epilogue){.act = s->act,
                                        .residual = (uint16_t)s->residual,
                                        .alpha = s->act == INFER__OP_CLIP ? -0.5f : 0.25f,
                                        .beta = 0.75f};
    allocate(p, s->whole, r);
    return 1;
}

/* The operands' memory, and the definition's result. */
static inline void define(struct problem *p, const void *in[4], uint64_t *r)
{
    const struct infer__kernel *c = infer__kernel_find("conv_bf16_c");
    void *out[1] = {p->want};
    assert_non_null(c);
    for (int i = 0; i < 4; i++) {
        in[i] = p->in[i].type == INFER_BF16 ? (const void *)p->half[i] : p->data[i];
        p->in[i].data = p->in[i].is_const ? in[i] : NULL;
    }
    if (p->t.nin > 2 && !p->in[2].type)
        in[2] = NULL;
    check_kernel(c, &p->t, in, out, r);
}

/* A kernel's result against the definition's; a bf16 result may be the next number. */
static inline void check_against(struct problem *p, const struct infer__kernel *k,
                                 const void *const in[4], double bound, uint64_t *r)
{
    void *out[1] = {p->got};
    double step = p->y.type == INFER_BF16 && bound > 0 ? 0x1p-7 : 0;
    check_kernel(k, &p->t, in, out, r);
    for (int64_t i = 0; i < infer__operand_elements(&p->y); i++) {
        double got = output_at(p, p->got, i), want = output_at(p, p->want, i);
        if (!(fabs(got - want) <= bound + step * fabs(want)))
            fail_msg("%s, output %lld: %g instead of %g, bound %g", k->name, (long long)i, got,
                     want, bound);
    }
}

/* Runs the definition and compares the kernel of a name with it; counts it if it serves the task.
 */
static inline void check_problem(struct problem *p, double bound, const char *name, int *served,
                                 uint64_t *r)
{
    const struct infer__kernel *k = infer__kernel_find(name);
    const void *in[4];
    define(p, in, r);
    assert_non_null(k);
    if (k == infer__kernel_find("conv_bf16_c") || !infer__isa_has(p->t.isa, k->isa) ||
        k->estimate(&p->t) < 0)
        return;
    check_against(p, k, in, bound, r);
    ++*served;
}

static inline double bound_of(const struct shape *s)
{
    double k = (double)(s->cg * s->kernel[0] * s->kernel[1] * s->kernel[2]);
    return s->whole ? 0 : 1e-6 * (k + 4) + 1e-6;
}

static inline int check_shape(const struct shape *s, const char *name, uint64_t *r)
{
    struct problem p;
    int served = 0;
    if (!build(s, &p, r))
        return -1;
    check_problem(&p, bound_of(s), name, &served, r);
    drop(&p);
    return served;
}

static inline struct shape square(int64_t c, int64_t m, int64_t kernel, int64_t stride, int64_t pad,
                                  int64_t h, int64_t w, uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP};
    return (struct shape){.spatial = 2,
                          .n = 1,
                          .size = {1, h, w},
                          .cg = c,
                          .mg = m,
                          .groups = 1,
                          .kernel = {1, kernel, kernel},
                          .stride = {1, stride, stride},
                          .dilation = {1, 1, 1},
                          .pad = {0, pad, pad, 0, pad, pad},
                          .bias = (int)random_int(r, 0, 1),
                          .residual = (int)random_int(r, 0, 1),
                          .whole = (int)random_int(r, 0, 1),
                          .act = acts[random_int(r, 0, 2)]};
}

#endif
