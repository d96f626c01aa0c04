/* MaxPool, AveragePool and the global pools against their definitions on logical coordinates. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"
#include "kernels/conv_bf16/conv_bf16.h"

static uint64_t seed;

struct pool_case {
    int spatial;
    int64_t n, c, size[3], out[3];
    struct infer__window w;
    struct infer__operand x, y[2];
    struct infer__task t;
};

/* ONNX's output size with ceil_mode: a last window may reach past the padding, but starts inside
 * input or begin padding. */
static int random_axis(struct pool_case *c, int a, uint64_t *r)
{
    struct infer__window *w = &c->w;
    int ceil_mode = (int)random_int(r, 0, 1);
    w->kernel[a] = random_int(r, 1, 5);
    w->stride[a] = random_int(r, 1, 3);
    w->dilation[a] = random_int(r, 1, 2);
    w->pad_begin[a] = random_int(r, 0, w->kernel[a]);
    w->pad_end[a] = random_int(r, 0, w->kernel[a]);
    c->size[a] = random_int(r, 1, 9);
    int64_t room =
        c->size[a] + w->pad_begin[a] + w->pad_end[a] - (w->kernel[a] - 1) * w->dilation[a] - 1;
    if (room < 0)
        return 0;
    c->out[a] = (room + (ceil_mode ? w->stride[a] - 1 : 0)) / w->stride[a] + 1;
    if ((c->out[a] - 1) * w->stride[a] >= c->size[a] + w->pad_begin[a])
        c->out[a]--;
    return 1;
}

static void random_case(struct pool_case *c, uint16_t op, infer_type type, uint64_t *r)
{
    int fits = 0;
    *c = (struct pool_case){.n = random_int(r, 1, 2), .c = random_int(r, 1, 150)};
    while (!fits) {
        c->spatial = (int)random_int(r, 1, 3);
        c->w = (struct infer__window){.groups = 1, .spatial = c->spatial};
        fits = 1;
        for (int a = 0; a < 3; a++) {
            c->w.kernel[a] = c->w.stride[a] = c->w.dilation[a] = c->size[a] = c->out[a] = 1;
            if (a >= 3 - c->spatial)
                fits &= random_axis(c, a, r);
        }
    }
    c->w.count_include_pad = (int32_t)random_int(r, 0, 1);
    c->w.storage_order = (int32_t)random_int(r, 0, 1);
    c->x = spatial_operand(type, c->spatial, c->n, c->size, c->c);
    c->y[0] = spatial_operand(type, c->spatial, c->n, c->out, c->c);
    c->y[1] = c->y[0];
    c->y[1].type = INFER_S64;
    c->t = (struct infer__task){
        .op = op, .isa = INFER_ISA_C, .nin = 1, .nout = 1, .in = &c->x, .out = c->y};
    c->t.p.window = c->w;
}

/* Calls back for every tap: its value's index in x, or -1 in the padding or -2 past it. */
struct tap {
    int64_t index, place[3];
};
static struct tap tap_of(const struct pool_case *c, int64_t out, int64_t k)
{
    const int64_t *o = c->out, *kernel = c->w.kernel;
    int64_t ch = out % c->c, p = out / c->c;
    int64_t at[3] = {p / o[2] / o[1] % o[0], p / o[2] % o[1], p % o[2]};
    int64_t n = p / o[2] / o[1] / o[0];
    int64_t tap[3] = {k / kernel[2] / kernel[1], k / kernel[2] % kernel[1], k % kernel[2]};
    struct tap t = {0};
    int64_t state = 0;
    for (int a = 0; a < 3; a++) {
        t.place[a] = at[a] * c->w.stride[a] - c->w.pad_begin[a] + tap[a] * c->w.dilation[a];
        if (t.place[a] < 0 || t.place[a] >= c->size[a])
            state = state ? state : -1;
        if (t.place[a] >= c->size[a] + c->w.pad_end[a])
            state = -2;
    }
    const int64_t *s = c->size;
    t.index = state;
    if (!state)
        t.index = (((n * s[0] + t.place[0]) * s[1] + t.place[1]) * s[2] + t.place[2]) * c->c + ch;
    return t;
}

static int64_t taps(const struct pool_case *c)
{
    return c->w.kernel[0] * c->w.kernel[1] * c->w.kernel[2];
}

static const struct infer__kernel *kernel_named(const char *name)
{
    const struct infer__kernel *k = infer__kernel_find(name);
    assert_non_null(k);
    return k;
}

/* ---- max ------------------------------------------------------------------------------------ */

static double element(infer_type type, const void *p, int64_t i)
{
    if (type == INFER_U8)
        return ((const uint8_t *)p)[i];
    if (type == INFER_S8)
        return ((const int8_t *)p)[i];
    return (double)((const float *)p)[i];
}

static void fill(infer_type type, void *p, int64_t n, uint64_t *r)
{
    for (int64_t i = 0; i < n; i++) {
        if (type == INFER_F32)
            ((float *)p)[i] = random_int(r, 0, 60)  ? (float)random_int(r, -9, 9)
                              : random_int(r, 0, 1) ? NAN
                                                    : -INFINITY;
        else
            ((uint8_t *)p)[i] = (uint8_t)random_next(r);
    }
}

static void check_max(const struct pool_case *c, infer_type type, const void *x, const void *y,
                      const int64_t *index)
{
    double lowest = type == INFER_F32 ? -INFINITY : type == INFER_U8 ? 0 : -128;
    for (int64_t o = 0; o < infer__operand_elements(&c->y[0]); o++) {
        double best = lowest, got = element(type, y, o);
        int64_t n = o / c->c / c->out[2] / c->out[1] / c->out[0], where = -1;
        for (int64_t k = 0; k < taps(c); k++) {
            struct tap t = tap_of(c, o, k);
            if (t.index < 0 || isnan(best))
                continue;
            double v = element(type, x, t.index);
            if (where < 0 || v > best || isnan(v)) {
                const int64_t *p = t.place, *s = c->size;
                best = v;
                where = c->w.storage_order ? p[0] + s[0] * (p[1] + s[1] * p[2])
                                           : (p[0] * s[1] + p[1]) * s[2] + p[2];
            }
        }
        assert_true(isnan(best) ? isnan(got) : best == got);
        if (index)
            assert_int_equal(index[o],
                             (n * c->c + o % c->c) * c->size[0] * c->size[1] * c->size[2] +
                                 (where < 0 ? 0 : where));
    }
}

static void max_cases(const char *name, infer_type type)
{
    uint64_t r = seed;
    for (int i = 0; i < 150; i++) {
        struct pool_case c;
        random_case(&c, INFER__OP_MAX_POOL, type, &r);
        int64_t nx = infer__operand_elements(&c.x), ny = infer__operand_elements(&c.y[0]);
        void *x = malloc((size_t)nx * 4), *y = malloc((size_t)ny * 4);
        int64_t *index = malloc((size_t)ny * 8);
        const void *in[1] = {x};
        void *out[2] = {y, index};
        fill(type, x, nx, &r);
        c.t.nout = 1 + (uint32_t)(i % 2);
        check_kernel(kernel_named(name), &c.t, in, out, &r);
        check_max(&c, type, x, y, i % 2 ? index : NULL);
        free(x);
        free(y);
        free(index);
    }
}

static void test_max_f32(void **state)
{
    (void)state;
    max_cases("max_pool_f32_c", INFER_F32);
}

static void test_max_u8(void **state)
{
    (void)state;
    max_cases("max_pool_u8_c", INFER_U8);
}

static void test_max_s8(void **state)
{
    (void)state;
    max_cases("max_pool_s8_c", INFER_S8);
}

/* ---- average -------------------------------------------------------------------------------- */

static void test_average(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct pool_case c;
        random_case(&c, INFER__OP_AVERAGE_POOL, INFER_F32, &r);
        int64_t nx = infer__operand_elements(&c.x), ny = infer__operand_elements(&c.y[0]);
        float *x = malloc((size_t)nx * 4), *y = malloc((size_t)ny * 4);
        const void *in[1] = {x};
        void *out[1] = {y};
        for (int64_t j = 0; j < nx; j++) /* sums are exact, so only the division rounds */
            x[j] = (float)random_int(&r, -100, 100);
        check_kernel(kernel_named("average_pool_f32_c"), &c.t, in, out, &r);
        for (int64_t o = 0; o < ny; o++) {
            float sum = 0;
            int count = 0;
            for (int64_t k = 0; k < taps(&c); k++) {
                struct tap t = tap_of(&c, o, k);
                sum += t.index >= 0 ? x[t.index] : 0;
                count += t.index >= 0 || (t.index == -1 && c.w.count_include_pad);
            }
            assert_true(y[o] == (count ? sum / (float)count : 0));
        }
        free(x);
        free(y);
    }
}

/* A kernel of 2^40 taps must not take 2^40 steps. */
static void test_huge_window(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    static const char *const names[] = {"max_pool_f32_c", "average_pool_f32_c"};
    for (int i = 0; i < 3; i++) {
        struct pool_case c;
        float x[6] = {1, 2, 3, 4, 5, 6}, y[1];
        const void *in[1] = {x};
        void *out[1] = {y};
        random_case(&c, i ? INFER__OP_AVERAGE_POOL : INFER__OP_MAX_POOL, INFER_F32, &r);
        int64_t size[3] = {1, 2, 3}, one[3] = {1, 1, 1};
        c.x = spatial_operand(INFER_F32, 2, 1, size, 1);
        c.y[0] = spatial_operand(INFER_F32, 2, 1, one, 1);
        c.t.p.window = (struct infer__window){.kernel = {1, (int64_t)1 << 40, (int64_t)1 << 40},
                                              .stride = {1, 1, 1},
                                              .dilation = {1, 1, 1},
                                              .pad_begin = {0, (int64_t)1 << 39, 5},
                                              .pad_end = {0, (int64_t)1 << 39, (int64_t)1 << 40},
                                              .groups = 1,
                                              .spatial = 2,
                                              .count_include_pad = i == 2};
        check_kernel(kernel_named(names[i > 0]), &c.t, in, out, &r);
        if (i == 2) /* nearly all of it is padding: 21 over 2^80 */
            assert_true(y[0] > 0 && y[0] < 1e-22f);
        else
            assert_true(y[0] == (i ? 3.5f : 6));
    }
}

/* ---- global --------------------------------------------------------------------------------- */

static void global_case(int is_max, uint64_t *r)
{
    int spatial = (int)random_int(r, 1, 3);
    int64_t size[3] = {1, 1, 1}, one[3] = {1, 1, 1}, n = random_int(r, 1, 3);
    int64_t c = random_int(r, 1, 70);
    for (int a = 3 - spatial; a < 3; a++)
        size[a] = random_int(r, 1, 6);
    int64_t pixels = size[0] * size[1] * size[2];
    struct infer__operand x = spatial_operand(INFER_F32, spatial, n, size, c);
    struct infer__operand y = spatial_operand(INFER_F32, spatial, n, one, c);
    struct infer__task t = {.op =
                                is_max ? INFER__OP_GLOBAL_MAX_POOL : INFER__OP_GLOBAL_AVERAGE_POOL,
                            .isa = INFER_ISA_C,
                            .nin = 1,
                            .nout = 1,
                            .in = &x,
                            .out = &y};
    float *data = malloc((size_t)(n * pixels * c) * 4), *got = malloc((size_t)(n * c) * 4);
    const void *in[1] = {data};
    void *out[1] = {got};
    for (int64_t i = 0; i < n * pixels * c; i++)
        data[i] = random_int(r, 0, 99) || !is_max ? random_float(r) : NAN;
    check_kernel(kernel_named(is_max ? "global_max_pool_f32_c" : "global_average_pool_f32_c"), &t,
                 in, out, r);
    for (int64_t i = 0; i < n * c; i++) {
        double sum = 0, best = -INFINITY;
        for (int64_t p = pixels - 1; p >= 0; p--) {
            double v = (double)data[(i / c * pixels + p) * c + i % c];
            sum += v;
            best = v > best || isnan(v) ? v : best;
        }
        if (is_max)
            assert_true(isnan(best) ? isnan(got[i]) : best == (double)got[i]);
        else
            assert_true(fabs((double)got[i] - sum / (double)pixels) <= 1e-7);
    }
    free(data);
    free(got);
}

static void test_global(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    for (int i = 0; i < 200; i++)
        global_case(i % 2, &r);
}

/* ---- bf16 ----------------------------------------------------------------------------------- */

/* `c` of bf16 tensors against the f32 definition on the same numbers, rounded where y is bf16. */
static void check_bf16(struct pool_case *c, const char *name, const char *definition, uint64_t *r)
{
    int64_t nx = infer__operand_elements(&c->x), ny = infer__operand_elements(&c->y[0]);
    float *x = malloc((size_t)nx * 4), *want = malloc((size_t)ny * 4),
          *got = malloc((size_t)ny * 4);
    uint16_t *half = malloc((size_t)nx * 2);
    uint8_t y_type = c->y[0].type;
    const void *in[1] = {x};
    void *out[1] = {want};
    fill(INFER_F32, x, nx, r);
    for (int64_t i = 0; i < nx; i++)
        half[i] = infer__to_bf16(x[i] *= 1.0625f);
    c->x.type = c->y[0].type = INFER_F32;
    check_kernel(kernel_named(definition), &c->t, in, out, r);
    in[0] = half;
    out[0] = got;
    c->x.type = INFER_BF16;
    c->y[0].type = y_type;
    c->t.isa = INFER_ISA_AVX512BF16;
    check_kernel(kernel_named(name), &c->t, in, out, r);
    for (int64_t i = 0; i < ny; i++) {
        float w = y_type == INFER_BF16 ? infer__round_bf16(want[i]) : want[i];
        float g = y_type == INFER_BF16 ? infer__from_bf16(((uint16_t *)got)[i]) : got[i];
        assert_true(isnan(w) ? isnan(g) : w == g);
    }
    free(x);
    free(want);
    free(got);
    free(half);
}

static void test_bf16(void **state)
{
    static const char *const names[][2] = {
        {"max_pool_bf16", "max_pool_f32_c"},
        {"average_pool_bf16", "average_pool_f32_c"},
        {"global_max_pool_bf16", "global_max_pool_f32_c"},
        {"global_average_pool_bf16", "global_average_pool_f32_c"}};
    static const uint16_t ops[] = {INFER__OP_MAX_POOL, INFER__OP_AVERAGE_POOL,
                                   INFER__OP_GLOBAL_MAX_POOL, INFER__OP_GLOBAL_AVERAGE_POOL};
    uint64_t r = seed + 4;
    (void)state;
    if (!infer_cpu_has(INFER_ISA_AVX512BF16)) {
        puts("skipped: this CPU has no AVX-512 BF16");
        return;
    }
    for (int i = 0; i < 400; i++) {
        int op = i % 4;
        struct pool_case c;
        random_case(&c, ops[op], INFER_BF16, &r);
        if (op >= 2) {
            int64_t one[3] = {1, 1, 1};
            c.y[0] = spatial_operand(INFER_F32, c.spatial, c.n, one, c.c);
        }
        check_bf16(&c, names[op][0], names[op][1], &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_f32),     cmocka_unit_test(test_max_u8),
        cmocka_unit_test(test_max_s8),      cmocka_unit_test(test_average),
        cmocka_unit_test(test_huge_window), cmocka_unit_test(test_global),
        cmocka_unit_test(test_bf16),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
