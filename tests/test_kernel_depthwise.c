/* Depthwise convolution of pictures, all rows-at-once kernels: every number of channels and every
 * width around the sizes of tiles, with all strides and pads, against the definition. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_run.h"

static const char *const kernels[] = {"conv_depthwise_rows_f32_c", "conv_depthwise_rows_f32_avx2",
                                      "conv_depthwise_rows_f32_avx512"};

struct shape {
    int64_t n, h, w, c, kernel[2], stride[2], begin[2], end[2];
    int bias, residual, integers;
    uint16_t act;
};

static void random_shape(struct shape *s, uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU,       INFER__OP_CLIP,
                                    INFER__OP_SILU, INFER__OP_HARD_SWISH, INFER__OP_LEAKY_RELU};
    s->n = random_int(r, 1, 2);
    s->h = random_int(r, 1, 9);
    s->kernel[0] = random_int(r, 1, 7);
    s->kernel[1] = 3 + 2 * random_int(r, 0, 2);
    for (int a = 0; a < 2; a++) {
        s->stride[a] = a == 1 && s->kernel[a] == 7 ? 1 : random_int(r, 1, 2);
        s->begin[a] = random_int(r, 0, s->kernel[a]);
        s->end[a] = random_int(r, 0, s->kernel[a]);
    }
    s->bias = (int)random_int(r, 0, 1);
    s->residual = (int)random_int(r, 0, 1);
    s->integers = (int)random_int(r, 0, 1);
    s->act = acts[random_int(r, 0, 5)];
}

/* Output size, below 1 where the kernel does not fit. */
static int64_t out_size(const struct shape *s, int a)
{
    int64_t room = (a ? s->w : s->h) + s->begin[a] + s->end[a] - s->kernel[a];
    return room < 0 ? 0 : room / s->stride[a] + 1;
}

static void make(struct run *k, const struct shape *s, uint64_t *r)
{
    int64_t x[] = {s->n, s->h, s->w, s->c}, w[] = {s->c, 1, s->kernel[0], s->kernel[1]};
    int64_t y[] = {s->n, out_size(s, 0), out_size(s, 1), s->c};
    *k = (struct run){.t = {.op = INFER__OP_CONV, .nin = 3 + (uint32_t)s->residual, .nout = 1}};
    k->in[0] = operand(INFER_F32, 4, x);
    k->in[1] = operand(INFER_F32, 4, w);
    k->in[2] = operand(s->bias ? INFER_F32 : INFER_TYPE_NONE, 1, &s->c);
    k->in[3] = k->out[0] = operand(INFER_F32, 4, y);
    k->in[0].clast = k->in[3].clast = k->out[0].clast = 1;
    k->in[1].is_const = k->in[2].is_const = 1;
    k->t.p.window = (struct infer__window){.kernel = {1, s->kernel[0], s->kernel[1]},
                                           .stride = {1, s->stride[0], s->stride[1]},
                                           .dilation = {1, 1, 1},
                                           .pad_begin = {0, s->begin[0], s->begin[1]},
                                           .pad_end = {0, s->end[0], s->end[1]},
                                           .groups = s->c,
                                           .spatial = 2};
    k->t.epi = (struct infer__epilogue){
        .act = s->act, .residual = (uint16_t)s->residual, .alpha = -1.5f, .beta = 2.5f};
    if (s->act == INFER__OP_LEAKY_RELU)
        k->t.epi.alpha = 0.25f;
    run_fill(k, 1, r);
    for (uint32_t i = 0; s->integers && i < k->t.nin; i++)
        for (int64_t j = 0; k->x[i] && j < infer__operand_elements(&k->in[i]); j++)
            ((float *)k->x[i])[j] = (float)random_int(r, -4, 4);
}

/* The answers of all levels against the reference's: equal where sums are exact, else within what
 * 49 products and a bias below 16 each can be rounded by. */
static void check(struct shape *s, uint64_t *r)
{
    struct run k;
    if (out_size(s, 0) < 1 || out_size(s, 1) < 1)
        return;
    make(&k, s, r);
    k.t.isa = (uint8_t)infer_cpu_isa();
    size_t count = (size_t)infer__operand_elements(&k.out[0]);
    float *want = malloc(count * sizeof *want), *got = k.y[0];
    int exact = s->integers && s->act != INFER__OP_SILU && s->act != INFER__OP_HARD_SWISH;
    run_kernel(&k, "conv_f32_c", r);
    memcpy(want, got, count * sizeof *want);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(kernels[i]);
        if (!kernel || !infer__isa_has(k.t.isa, kernel->isa))
            continue;
        run_kernel(&k, kernels[i], r);
        for (size_t j = 0; j < count; j++)
            if (exact ? got[j] != want[j] : !(fabsf(got[j] - want[j]) <= 1e-3f))
                fail_msg("%s: output %zu is %g, not %g (%lldx%lldx%lld, kernel %lldx%lld)",
                         kernels[i], j, (double)got[j], (double)want[j], (long long)s->h,
                         (long long)s->w, (long long)s->c, (long long)s->kernel[0],
                         (long long)s->kernel[1]);
    }
    free(want);
    run_drop(&k);
}

static void test_channels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t c = 1; c <= 280; c += c < 40 ? 1 : 13)
        for (int i = 0; i < 4; i++) {
            struct shape s = {.c = c, .w = random_int(&r, 1, 20)};
            random_shape(&s, &r);
            check(&s, &r);
        }
}

static void test_widths(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t w = 1; w <= 32; w++)
        for (int i = 0; i < 6; i++) {
            struct shape s = {.c = random_int(&r, 1, 40), .w = w};
            random_shape(&s, &r);
            check(&s, &r);
        }
}

/* What they leave to others: dilation, strides of 3, kernels of 4 and 9, those of 7 with stride 2,
 * groups of more than one. */
static void test_refusals(void **state)
{
    uint64_t r = seed + 2;
    struct shape s = {.n = 1, .h = 9, .w = 9, .c = 8, .kernel = {3, 3}, .stride = {1, 1}};
    struct run k;
    (void)state;
    make(&k, &s, &r);
    k.in[1].data = k.x[1];
    k.t.isa = (uint8_t)infer_cpu_isa();
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(kernels[i]);
        struct infer__task t = k.t;
        if (!kernel || !infer__isa_has(t.isa, kernel->isa))
            continue;
        assert_true(kernel->estimate(&t) > 0);
        t.p.window.dilation[2] = 2;
        assert_true(kernel->estimate(&t) < 0);
        t = k.t;
        t.p.window.stride[1] = 3;
        assert_true(kernel->estimate(&t) < 0);
        t = k.t;
        t.p.window.kernel[2] = 4;
        assert_true(kernel->estimate(&t) < 0);
        t.p.window.kernel[2] = 9;
        assert_true(kernel->estimate(&t) < 0);
        t.p.window.kernel[2] = 7;
        assert_true(kernel->estimate(&t) > 0);
        t.p.window.stride[2] = 2;
        assert_true(kernel->estimate(&t) < 0);
        t = k.t;
        t.p.window.groups = 4;
        assert_true(kernel->estimate(&t) < 0);
    }
    run_drop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_refusals),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
