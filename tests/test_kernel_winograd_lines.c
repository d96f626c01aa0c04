/* Winograd convolutions with kernels of 5x5, of one row or column, and of stride 2, against the
 * plain-C reference: every height and width around the sizes of tiles, channels around blocks and
 * panels, any padding. Errors are held against the largest sum of magnitudes that an output is made
 * of; what larger tiles cost is measured and bounded in test_error. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"

static uint64_t seed;

static const struct {
    const char *name; /* of the kernels, up to the level */
    int64_t kernel[2];
    int64_t stride;
    double error; /* relative to the largest output, on data as in a trained network */
} sizes[] = {
    {"winograd_5x5_f32", {5, 5}, 1, 2e-5}, {"winograd_1x7_f32", {1, 7}, 1, 2e-5},
    {"winograd_7x1_f32", {7, 1}, 1, 2e-5}, {"winograd_1x3_f32", {1, 3}, 1, 4e-6},
    {"winograd_3x1_f32", {3, 1}, 1, 4e-6}, {"winograd_strided_f32", {3, 3}, 2, 4e-6},
};
enum { SIZES = sizeof sizes / sizeof *sizes };

struct shape {
    int size;
    int64_t n, h, w, c, k, pad[4]; /* pad: top, left, bottom, right */
    int bias, residual;
    uint16_t act;
};

struct problem {
    struct infer__operand in[4], y;
    struct infer__task t;
    float *data[4], *got, *want;
};

static float *numbers(int64_t n, float scale, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = scale * random_float(r);
    return p;
}

/* 0 if no output is left. */
static int build(const struct shape *s, struct problem *p, uint64_t *r)
{
    const int64_t *kernel = sizes[s->size].kernel;
    const int64_t in[3] = {1, s->h, s->w};
    const int64_t rows = s->h + s->pad[0] + s->pad[2] - kernel[0];
    const int64_t columns = s->w + s->pad[1] + s->pad[3] - kernel[1];
    const int64_t stride = sizes[s->size].stride;
    const int64_t out[3] = {1, rows / stride + 1, columns / stride + 1};
    if (rows < 0 || columns < 0)
        return 0;
    memset(p, 0, sizeof *p);
    p->in[0] = spatial_operand(INFER_F32, 2, s->n, in, s->c);
    p->y = spatial_operand(INFER_F32, 2, s->n, out, s->k);
    p->in[1] = (struct infer__operand){
        .type = INFER_F32, .rank = 4, .is_const = 1, .dims = {s->k, s->c, kernel[0], kernel[1]}};
    p->in[2] = (struct infer__operand){
        .type = s->bias ? INFER_F32 : INFER_TYPE_NONE, .rank = 1, .is_const = 1, .dims = {s->k}};
    p->in[3] = p->y;
    p->t = (struct infer__task){.op = INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .threads = 1,
                                .nin = s->residual ? 4 : 3,
                                .nout = 1,
                                .in = p->in,
                                .out = &p->y};
    p->t.p.window = (struct infer__window){.kernel = {1, kernel[0], kernel[1]},
                                           .stride = {1, stride, stride},
                                           .dilation = {1, 1, 1},
                                           .pad_begin = {0, s->pad[0], s->pad[1]},
                                           .pad_end = {0, s->pad[2], s->pad[3]},
                                           .groups = 1,
                                           .spatial = 2};
    p->t.epi = (struct infer__epilogue){
        .act = s->act, .residual = (uint16_t)s->residual, .alpha = -0.5f, .beta = 1.5f};
    float scale = sqrtf(6.0f / (float)(s->c * kernel[0] * kernel[1]));
    for (int i = 0; i < 4; i++)
        p->data[i] = numbers(infer__operand_elements(&p->in[i]), i == 1 ? scale : 1, r);
    size_t outputs = (size_t)infer__operand_elements(&p->y);
    p->got = malloc(outputs * sizeof *p->got);
    p->want = malloc(outputs * sizeof *p->want);
    const struct infer__kernel *c = infer__kernel_find("conv_f32_c");
    const void *data[4] = {p->data[0], p->data[1], s->bias ? p->data[2] : NULL, p->data[3]};
    void *want[1] = {p->want};
    struct infer__need need = {0};
    infer_error err;
    assert_int_equal(prepare_kernel(c, &p->t, &need, &err), INFER_OK);
    struct infer__buffers b = {data, want, NULL, NULL, need.cut, NULL, NULL};
    c->run(&p->t, &b, 0, need.units);
    return 1;
}

/* Runs every level of a shape's kernels; returns the largest error relative to the largest output
 * (at least 1). */
static double check_shape(const struct shape *s, uint64_t *r)
{
    struct problem p;
    double worst = 0, largest = 1;
    int served = 0;
    if (!build(s, &p, r))
        return 0;
    const void *in[4] = {p.data[0], p.data[1], p.data[2], p.data[3]};
    void *out[1] = {p.got};
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        const char *name = sizes[s->size].name;
        if (strncmp((*k)->name, name, strlen(name)) != 0 || !infer__isa_has(p.t.isa, (*k)->isa))
            continue;
        assert_true((*k)->estimate(&p.t) > 0);
        check_kernel(*k, &p.t, in, out, r);
        for (int64_t i = 0; i < infer__operand_elements(&p.y); i++) {
            double error = fabs((double)p.got[i] - (double)p.want[i]);
            if (!(error <= 1e-4))
                fail_msg("%s, output %lld: %g instead of %g", (*k)->name, (long long)i,
                         (double)p.got[i], (double)p.want[i]);
            worst = fmax(worst, error);
            largest = fmax(largest, fabs((double)p.want[i]));
        }
        served++;
    }
    assert_int_equal(served, (infer_cpu_has(INFER_ISA_AVX2)) + (infer_cpu_has(INFER_ISA_AVX512)));
    for (int i = 0; i < 4; i++)
        free(p.data[i]);
    free(p.got);
    free(p.want);
    return worst / largest;
}

static void random_rest(struct shape *s, uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP, INFER__OP_SILU};
    s->n = random_int(r, 1, 2);
    s->bias = (int)random_int(r, 0, 1);
    s->residual = (int)random_int(r, 0, 1);
    s->act = acts[random_int(r, 0, 3)];
    for (int i = 0; i < 4; i++)
        s->pad[i] = random_int(r, 0, random_int(r, 0, 5) ? 3 : 9);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < SIZES * 121; i++) {
        struct shape s = {.size = i % SIZES, .h = 1 + i / SIZES / 11, .w = 1 + i / SIZES % 11};
        random_rest(&s, &r);
        s.c = random_int(&r, 1, 9);
        s.k = random_int(&r, 1, 20);
        check_shape(&s, &r);
    }
}

static void test_channels(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 1; i <= 75; i++) {
        struct shape s = {
            .size = i % SIZES, .h = random_int(&r, 7, 12), .w = random_int(&r, 7, 12)};
        random_rest(&s, &r);
        s.c = i <= 40 ? i : random_int(&r, 1, 40);
        s.k = i <= 40 ? random_int(&r, 1, 140) : i;
        check_shape(&s, &r);
    }
}

/* Inputs that a ReLU gave, many channels and groups of tiles. */
static void test_error(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        struct shape s = {.size = i, .n = 1, .h = 17, .w = 19, .c = 160, .k = 70, .bias = 1};
        for (int j = 0; j < 4; j++)
            s.pad[j] = sizes[i].kernel[j % 2] / 2;
        double error = check_shape(&s, &r);
        printf("%s: largest error %.1e of the largest output\n", sizes[i].name, error);
        assert_true(error < sizes[i].error);
    }
}

/* Other kernels, strides, dilations and groups are left alone. */
static void test_refused(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    for (int i = 0; i < SIZES; i++) {
        struct shape s = {.size = i, .n = 1, .h = 12, .w = 12, .c = 8, .k = 8};
        struct problem p;
        assert_true(build(&s, &p, &r));
        struct infer__window *w = &p.t.p.window, good = *w;
        int64_t *const bad[] = {&w->stride[1], &w->stride[2], &w->dilation[1], &w->dilation[2],
                                &w->groups,    &w->kernel[0], &w->kernel[1],   &w->kernel[2]};
        for (int j = 0; j < 8; j++) {
            *w = good;
            *bad[j] += 1;
            for (const struct infer__kernel *const *k = infer__kernels; *k; k++)
                if (strncmp((*k)->name, sizes[i].name, strlen(sizes[i].name)) == 0)
                    assert_true((*k)->estimate(&p.t) < 0);
        }
        for (int j = 0; j < 4; j++)
            free(p.data[j]);
        free(p.got);
        free(p.want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_refused),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
