/* The int8 convolutions and dense layers: the C definition against a formula written apart from it,
 * with sums in 64 bits; every other kernel against the C definition, byte by byte. Random shapes,
 * every tail of channels and pixels, extreme values and zero points, tables, residuals, f32
 * results, between guard pages and in several splits.
 */
#include "base/cpu.h"
#include "conv_int8_problem.h"

static uint64_t seed;

/* ---- the formula ---------------------------------------------------------------------------- */

static int64_t one_sum(const struct shape *s, const struct problem *p, int64_t pixel, int64_t m)
{
    const int64_t *k = s->kernel, *out = p->y.dims + 1;
    int64_t at[3] = {0, 0, pixel % s->size[2]}, n = pixel / s->size[2],
            sum = s->bias ? p->bias[m] : 0, taps = k[0] * k[1] * k[2];
    if (s->spatial > 0) {
        int64_t rest = pixel;
        at[2] = rest % out[s->spatial - 1], rest /= out[s->spatial - 1];
        if (s->spatial > 1)
            at[1] = rest % out[s->spatial - 2], rest /= out[s->spatial - 2];
        if (s->spatial > 2)
            at[0] = rest % out[0], rest /= out[0];
        n = rest;
    }
    int32_t zero = p->w_zero[s->per_channel ? m : 0];
    for (int64_t c = 0; c < s->cg; c++)
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t i[3] = {tap / k[2] / k[1], tap / k[2] % k[1], tap % k[2]}, from = n, inside = 1;
            for (int a = 0; a < 3; a++) {
                i[a] = at[a] * s->stride[a] - s->begin[a] + i[a] * s->dilation[a];
                inside = inside && i[a] >= 0 && i[a] < s->size[a];
                from = from * s->size[a] + i[a];
            }
            if (!inside)
                continue;
            int64_t w = (m * s->cg + c) * taps + tap;
            if (s->spatial <= 0 && !s->trans_b)
                w = c * p->m + m;
            from = from * s->groups * s->cg + m / s->mg * s->cg + c;
            sum += (int64_t)(p->x[from] - p->x_zero) * (p->w[w] - zero);
        }
    return sum;
}

static double limited(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* rint after clamping; products that are to be f32 are rounded by the cast. */
static uint8_t one_byte(const struct shape *s, const struct problem *p, int64_t sum, int64_t m,
                        int64_t i)
{
    const struct infer__requant *q = &p->rq;
    volatile float factor = p->x_scale * p->w_scale[s->per_channel ? m : 0];
    factor = factor / q->scale;
    volatile float a = (float)(int32_t)sum * factor;
    double at = limited(rint((double)a) + q->zero, q->lo, q->hi);
    if (s->table)
        at = p->table[(int)at];
    if (s->residual) {
        const float a_at = (float)at, more = (float)p->residual[i];
        volatile float inner = q->residual_inner ? fmaf(more, q->residual_ratio, q->fixed)
                                                 : fmaf(a_at, q->ratio, q->fixed);
        volatile float both =
            q->residual_inner ? fmaf(a_at, q->ratio, inner) : fmaf(more, q->residual_ratio, inner);
        at = limited(rint((double)both), q->add_lo, q->add_hi);
    }
    return (uint8_t)at;
}

static void formula(const struct shape *s, struct problem *p)
{
    int64_t count = infer__operand_elements(&p->y);
    for (int64_t i = 0; i < count; i++) {
        int64_t m = i % p->m, sum = (int32_t)(uint32_t)one_sum(s, p, i / p->m, m);
        if (s->f32) {
            volatile float factor = p->x_scale * p->w_scale[s->per_channel ? m : 0];
            volatile float y = (float)(int32_t)sum * factor;
            ((float *)p->want)[i] = infer__activate(s->act, p->t.epi.alpha, p->t.epi.beta, y);
        } else {
            ((uint8_t *)p->want)[i] = one_byte(s, p, sum, m, i);
        }
    }
}

/* ---- checking ----------------------------------------------------------------------------------
 */

/* The system may refuse the use of AMX. */
static int is_permitted(const struct infer__kernel *k, const struct infer__task *t)
{
    struct infer__need need = {0};
    infer_error err;
    return !infer__isa_has(k->isa, INFER_ISA_AMX) ||
           prepare_kernel(k, t, &need, &err) != INFER_ERROR_UNSUPPORTED;
}

/* How many kernels serve the shape; all must be right. `definition`: the C kernel is compared with
 * the formula, else the others are compared with one plain run of the C kernel. */
static int check_shape(const struct shape *s, int definition, uint64_t *r)
{
    struct problem p;
    int served = 0;
    if (!build(s, &p, r))
        return 0;
    const void *in[4];
    void *out[1] = {p.got};
    inputs(s, &p, in);
    if (definition)
        formula(s, &p);
    else
        define(&p, in);
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        if ((strncmp((*k)->name, "conv_int8_", 10) != 0 &&
             strncmp((*k)->name, "conv_groups_int8_", 17) != 0) ||
            !infer_cpu_has((infer_isa)(*k)->isa))
            continue;
        p.t.isa = (*k)->isa;
        p.in[1].data = p.w;
        if ((*k)->estimate(&p.t) < 0)
            continue;
        if (!definition && (*k)->isa == INFER_ISA_C)
            continue;
        served++;
        if (!is_permitted(*k, &p.t))
            continue;
        check_kernel(*k, &p.t, in, out, r);
        compare(s, &p, (*k)->name);
    }
    drop(&p);
    return served;
}

static int vector_rows(void)
{
    return infer_cpu_has(INFER_ISA_AVX2) + infer_cpu_has(INFER_ISA_AVX2VNNI) +
           infer_cpu_has(INFER_ISA_AVX512) + infer_cpu_has(INFER_ISA_AVX512VNNI) +
           infer_cpu_has(INFER_ISA_AMX);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void test_definition(void **state)
{
    uint64_t r = seed;
    int served = 0;
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct shape s = any_window(&r);
        served += check_shape(&s, 1, &r) > 0;
    }
    for (int i = 0; i < 100; i++) {
        struct shape s = plain(random_int(&r, 1, 90), random_int(&r, 1, 90), 1, 1, 0, 1,
                               random_int(&r, 1, 30), &r);
        s.spatial = -(int)random_int(&r, 0, 1);
        s.n = s.spatial ? random_int(&r, 1, 3) : 1;
        s.trans_b = s.spatial ? 0 : (int)random_int(&r, 0, 1);
        s.bias = s.spatial ? 0 : s.bias;
        if (!s.spatial)
            s.n = s.size[2];
        assert_true(check_shape(&s, 1, &r) == 1 + vector_rows());
    }
    assert_true(served > 200);
}

static void test_windows(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 500; i++) {
        struct shape s = any_window(&r);
        check_shape(&s, 0, &r);
    }
}

/* Every number of output channels up to three panels of the widest level, 1x1 and 3x3. */
static void test_output_channels(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int64_t m = 1; m <= 100; m++) {
        struct shape s = plain(random_int(&r, 1, 70), m, 1, 1, 0, 3, 1 + m % 15, &r);
        assert_int_equal(check_shape(&s, 0, &r), vector_rows());
        s = plain(random_int(&r, 1, 9), m, 3, 1 + m % 2, 1, 4, 1 + m % 31, &r);
        assert_int_equal(check_shape(&s, 0, &r), vector_rows());
    }
}

/* Every number of input channels, every width around two tiles. */
static void test_input_channels(void **state)
{
    static const int64_t kernels[][3] = {{3, 2, 1}, {7, 2, 3}, {11, 4, 2}, {1, 2, 0}, {5, 1, 2}};
    uint64_t r = seed + 3;
    (void)state;
    for (int64_t c = 1; c <= 70; c++) {
        const int64_t *k = kernels[c % 5];
        struct shape s = plain(c, random_int(&r, 1, 40), 1, 1, 0, 2, 1 + c % 31, &r);
        assert_int_equal(check_shape(&s, 0, &r), vector_rows());
        s = plain(1 + c % 9, random_int(&r, 1, 70), k[0], k[1], k[2], 11, c + 10, &r);
        s.n = random_int(&r, 1, 2);
        assert_int_equal(check_shape(&s, 0, &r), vector_rows());
    }
}

/* Sums as large as they come: u8 by s8 pairs would saturate in 16 bits here. */
static void test_extremes(void **state)
{
    static const int64_t channels[] = {4608, 1030, 513, 64};
    uint64_t r = seed + 4;
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int x = 0; x < BYTES_KINDS; x++)
            for (int w = 0; w < BYTES_KINDS; w++) {
                struct shape s = plain(channels[i], 17 + x * 20, 1, 1, 0, 1, 3 + 4 * w, &r);
                s.x_bytes = x;
                s.w_bytes = w;
                assert_int_equal(check_shape(&s, 0, &r), vector_rows());
                s = plain(channels[i] / 9 + 1, 33, 3, 1, 1, 3, 7, &r);
                s.x_bytes = x;
                s.w_bytes = w;
                s.w_zero = 2;
                assert_int_equal(check_shape(&s, 0, &r), vector_rows());
            }
}

/* Groups of every size, those that are merged to fill a vector among them; depthwise is left to
 * other kernels. */
static void test_groups(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    for (int i = 0; i < 120; i++) {
        int64_t size = 1 + i % 40;
        struct shape s = plain(size, size, 3, 1 + i % 2, 1, 5, random_int(&r, 3, 20), &r);
        s.groups = random_int(&r, 2, 9);
        if (i % 3 == 0)
            s.mg = random_int(&r, 1, 40);
        int depthwise = s.cg == 1 && s.mg == 1, served = check_shape(&s, 0, &r);
        assert_true(depthwise ? served == 0 : served >= vector_rows());
    }
}

/* Groups of 4, 8 and 16 have a kernel of their own: any number of them, any window. */
static void test_small_groups(void **state)
{
    uint64_t r = seed + 8;
    int more = infer_cpu_has(INFER_ISA_AVX512VNNI);
    (void)state;
    for (int i = 0; i < 150; i++) {
        int64_t size = 4 << i % 3;
        struct shape s = plain(size, size, random_int(&r, 1, 3), 1, 1, random_int(&r, 3, 6),
                               random_int(&r, 3, 20), &r);
        s.n = random_int(&r, 1, 2);
        s.groups = random_int(&r, 2, 13);
        s.w_zero = s.f32 = 0;
        for (int a = 1; a < 3; a++) {
            s.stride[a] = random_int(&r, 1, 2);
            s.begin[a] = random_int(&r, 0, 3);
            s.end[a] = random_int(&r, 0, 3);
        }
        s.dilation[2] = random_int(&r, 0, 3) || s.size[2] < 5 ? 1 : 2;
        assert_int_equal(check_shape(&s, 0, &r), vector_rows() + more);
    }
}

/* Maps as in the networks: whole tiles, chunks of tiles, panels and several units. */
static void test_large(void **state)
{
    static const int64_t shapes[][5] = {
        {64, 64, 3, 1, 28},  {64, 256, 1, 1, 28}, {256, 128, 1, 1, 14}, {128, 96, 3, 2, 28},
        {512, 130, 3, 1, 7}, {3, 64, 7, 2, 64},   {24, 144, 1, 1, 28},  {96, 320, 1, 1, 7}};
    uint64_t r = seed + 6;
    (void)state;
    for (int i = 0; i < 8; i++) {
        const int64_t *k = shapes[i];
        struct shape s = plain(k[0], k[1], k[2], k[3], k[2] / 2, k[4], k[4], &r);
        assert_int_equal(check_shape(&s, 0, &r), vector_rows());
    }
}

/* Few channels, strides, and pictures of more than a chunk: blocks, planes and gathered pixels. */
static void test_first_layers(void **state)
{
    uint64_t r = seed + 10;
    (void)state;
    for (int i = 0; i < 80; i++) {
        int64_t kernel = random_int(&r, 2, 11), stride = random_int(&r, 1, 4);
        int few = i % 2;
        struct shape s =
            plain(few ? random_int(&r, 1, 5) : random_int(&r, 6, 70), random_int(&r, 1, 70),
                  few ? kernel : random_int(&r, 2, 3), few ? stride : random_int(&r, 1, 2), 0,
                  random_int(&r, 11, 60), random_int(&r, 11, 70), &r);
        s.n = random_int(&r, 1, 2);
        s.w_zero = i % 3 ? 0 : s.w_zero;
        s.groups = few ? 1 : random_int(&r, 1, 2);
        for (int a = 1; a < 3; a++) {
            s.begin[a] = random_int(&r, 0, 3);
            s.end[a] = random_int(&r, 0, 3);
            s.dilation[a] = few ? 1 : random_int(&r, 1, 2);
        }
        assert_true(check_shape(&s, 0, &r) >= vector_rows());
    }
}

/* Products of two activations: batches that are broadcast, against sums in 64 bits. */
static void test_two_activations(void **state)
{
    const struct infer__kernel *kernel = infer__kernel_find("matmul_int8_c");
    uint64_t r = seed + 9;
    (void)state;
    assert_non_null(kernel);
    for (int i = 0; i < 60; i++) {
        int64_t d[5] = {0}, repeat = random_int(&r, 0, 1); /* batches 2, m, k, n */
        for (int a = 0; a < 5; a++)
            d[a] = random_int(&r, 1, a < 2 ? 3 : 20);
        float scale[2] = {0.02f, 0.03f};
        int32_t zero[2] = {(int32_t)random_int(&r, 0, 255), (int32_t)random_int(&r, 0, 255)};
        struct infer__quant q[2] = {{1, 0, &scale[0], &zero[0]}, {1, 0, &scale[1], &zero[1]}};
        struct infer__requant rq = {.scale = 0.5f, .zero = 100, .lo = 3, .hi = 250};
        struct infer__operand in[2] = {
            {.type = INFER_U8, .rank = 4, .dims = {d[0], d[1], d[2], d[3]}, .quant = &q[0]},
            {.type = INFER_U8, .rank = 3, .dims = {repeat ? 1 : d[1], d[3], d[4]}, .quant = &q[1]}};
        struct infer__operand y = {.type = INFER_U8, .rank = 4, .dims = {d[0], d[1], d[2], d[4]}};
        struct infer__task t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1, .in = in, .out = &y};
        uint8_t *x[2], *got = malloc((size_t)infer__operand_elements(&y));
        for (int k = 0; k < 2; k++) {
            int64_t n = infer__operand_elements(&in[k]);
            x[k] = malloc((size_t)n);
            fill_bytes(x[k], n, BYTES_RANDOM, 0, &r);
        }
        t.epi.requant = &rq;
        check_kernel(kernel, &t, (const void *[]){x[0], x[1]}, (void *[]){got}, &r);
        for (int64_t j = 0; j < infer__operand_elements(&y); j++) {
            int64_t n = j % d[4], row = j / d[4], batch = row / d[2] % d[1], sum = 0;
            for (int64_t k = 0; k < d[3]; k++)
                sum += (int64_t)(x[0][row * d[3] + k] - zero[0]) *
                       (x[1][((repeat ? 0 : batch) * d[3] + k) * d[4] + n] - zero[1]);
            volatile float factor = scale[0] * scale[1];
            factor = factor / rq.scale;
            volatile float a = (float)sum * factor;
            assert_int_equal(got[j], limited(rint((double)a) + 100, 3, 250));
        }
        free(x[0]);
        free(x[1]);
        free(got);
    }
}

/* Levels above a kernel's own must not be needed by it. */
static void test_levels(void **state)
{
    uint64_t r = seed + 7;
    (void)state;
    struct shape s = plain(32, 32, 3, 1, 1, 5, 5, &r);
    struct problem p;
    assert_true(build(&s, &p, &r));
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++)
        if (strncmp((*k)->name, "conv_int8_", 10) == 0)
            for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
                p.t.isa = (uint8_t)isa;
                assert_int_equal((*k)->estimate(&p.t) >= 0, infer__isa_has(isa, (*k)->isa));
            }
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),      cmocka_unit_test(test_windows),
        cmocka_unit_test(test_output_channels), cmocka_unit_test(test_input_channels),
        cmocka_unit_test(test_extremes),        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_small_groups),    cmocka_unit_test(test_large),
        cmocka_unit_test(test_two_activations), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_first_layers),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
