/* Convolution and transposed convolution: the references against the textbook's formula in double,
 * every other kernel against the same and, on numbers that add up exactly, bit by bit. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"

enum data { SMALL_INTEGERS, REALS, WIDE_RANGE, SPECIALS, DATA_KINDS };

struct conv_case {
    int transposed, spatial, bias, residual, data;
    uint16_t act;
    int64_t n, cg, mg, size[3], out[3], output_padding;
    struct infer__window w;
    /* made of the above */
    struct infer__operand in[4], y;
    struct infer__task t;
    float *x, *weights, *biases, *residuals, *got;
    double *want, *bound; /* of the sum before the activation; rounding error per output */
};

static uint64_t seed;

/* ---- cases ---------------------------------------------------------------------------------- */

static float sample(int data, uint64_t *r)
{
    float x = random_float(r);
    if (data == SMALL_INTEGERS)
        return (float)random_int(r, -4, 4);
    if (data == WIDE_RANGE)
        return ldexpf(x, (int)random_int(r, -140, 40));
    if (data == SPECIALS && random_int(r, 0, 40) == 0) {
        static const float special[] = {INFINITY, -INFINITY, NAN, -0.0f, 1e-44f};
        return special[random_int(r, 0, 4)];
    }
    return x;
}

static float *samples(int64_t n, int data, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = sample(data, r);
    return p;
}

static int64_t out_size(const struct conv_case *c, int a)
{
    const struct infer__window *w = &c->w;
    int64_t reach = (w->kernel[a] - 1) * w->dilation[a] + 1, pads = w->pad_begin[a] + w->pad_end[a];
    if (c->transposed)
        return (c->size[a] - 1) * w->stride[a] + reach + (a == 2 ? c->output_padding : 0) - pads;
    return c->size[a] + pads < reach ? 0 : (c->size[a] + pads - reach) / w->stride[a] + 1;
}

static void random_axis(struct conv_case *c, int a, uint64_t *r)
{
    struct infer__window *w = &c->w;
    w->kernel[a] = random_int(r, 1, 4);
    w->stride[a] = random_int(r, 1, 3);
    w->dilation[a] = random_int(r, 1, 2);
    c->size[a] = random_int(r, 1, a == 2 ? 20 : 6);
    int64_t most = (w->kernel[a] - 1) * w->dilation[a];
    if (random_int(r, 0, 2)) {
        w->pad_begin[a] = random_int(r, 0, most + (c->transposed ? 0 : 1));
        w->pad_end[a] = random_int(r, 0, most + (c->transposed ? 0 : 1));
    }
}

/* 0 if the windows do not fit. */
static int random_window(struct conv_case *c, uint64_t *r)
{
    c->w = (struct infer__window){.groups = 1, .spatial = c->spatial};
    for (int a = 0; a < 3; a++) {
        c->w.kernel[a] = c->w.stride[a] = c->w.dilation[a] = c->size[a] = 1;
        if (a >= 3 - c->spatial)
            random_axis(c, a, r);
    }
    if (random_int(r, 0, 4) == 0) /* 1x1 */
        for (int a = 0; a < 3; a++)
            c->w.kernel[a] = c->w.dilation[a] = 1, c->w.pad_begin[a] = c->w.pad_end[a] = 0;
    c->output_padding = random_int(r, 0, c->w.stride[2] - 1);
    for (int a = 0; a < 3; a++) {
        c->out[a] = out_size(c, a);
        if (c->out[a] < 1)
            return 0;
    }
    return 1;
}

static void build(struct conv_case *c, uint64_t *r)
{
    int64_t g = c->w.groups, first = c->transposed ? g * c->cg : g * c->mg;
    int64_t taps = c->w.kernel[0] * c->w.kernel[1] * c->w.kernel[2];
    c->in[0] = spatial_operand(INFER_F32, c->spatial, c->n, c->size, g * c->cg);
    c->y = spatial_operand(INFER_F32, c->spatial, c->n, c->out, g * c->mg);
    c->in[1] = (struct infer__operand){.type = INFER_F32,
                                       .rank = (uint8_t)(c->spatial + 2),
                                       .is_const = 1,
                                       .dims = {first, c->transposed ? c->mg : c->cg}};
    for (int i = 0; i < c->spatial; i++)
        c->in[1].dims[2 + i] = c->w.kernel[3 - c->spatial + i];
    c->in[2] = (struct infer__operand){.type = c->bias ? INFER_F32 : INFER_TYPE_NONE,
                                       .rank = 1,
                                       .is_const = 1,
                                       .dims = {g * c->mg}};
    c->in[3] = c->y;
    c->t = (struct infer__task){.op = c->transposed ? INFER__OP_CONV_TRANSPOSE : INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .nin = c->residual ? 4 : 3,
                                .nout = 1,
                                .in = c->in,
                                .out = &c->y};
    c->t.p.window = c->w;
    c->t.epi = (struct infer__epilogue){
        .act = c->act, .residual = (uint16_t)c->residual, .alpha = -1.5f, .beta = 2.5f};
    if (c->act == INFER__OP_LEAKY_RELU)
        c->t.epi.alpha = 0.25f;
    int weights = c->data == SPECIALS ? REALS : c->data; /* see conv_blocked.h on padding */
    c->x = samples(infer__operand_elements(&c->in[0]), c->data, r);
    c->weights = samples(first * c->in[1].dims[1] * taps, weights, r);
    c->biases = samples(g * c->mg, c->data, r);
    c->residuals = samples(infer__operand_elements(&c->y), c->data, r);
    int64_t outputs = infer__operand_elements(&c->y);
    c->got = malloc((size_t)(outputs + 1) * sizeof *c->got);
    c->want = calloc((size_t)outputs + 1, sizeof *c->want);
    c->bound = calloc((size_t)outputs + 1, sizeof *c->bound);
}

static void drop(struct conv_case *c)
{
    free(c->x);
    free(c->weights);
    free(c->biases);
    free(c->residuals);
    free(c->got);
    free(c->want);
    free(c->bound);
}

/* ---- the formula ---------------------------------------------------------------------------- */

static int64_t at(const struct infer__spatial *s, int64_t n, const int64_t p[3], int64_t c)
{
    return (((n * s->d + p[0]) * s->h + p[1]) * s->w + p[2]) * s->c + c;
}

static int inside(const struct infer__spatial *s, const int64_t p[3])
{
    return p[0] >= 0 && p[0] < s->d && p[1] >= 0 && p[1] < s->h && p[2] >= 0 && p[2] < s->w;
}

/* Adds the products of one pair of pixels. Conv goes over outputs and ConvTranspose over inputs:
 * `from` is the pixel gone over, `to` the other one. */
static void add_pair(struct conv_case *c, const struct infer__spatial *x,
                     const struct infer__spatial *y, int64_t n, const int64_t ip[3],
                     const int64_t op[3], int64_t tap)
{
    int64_t taps = c->w.kernel[0] * c->w.kernel[1] * c->w.kernel[2];
    for (int64_t g = 0; g < c->w.groups; g++)
        for (int64_t m = 0; m < c->mg; m++)
            for (int64_t i = 0; i < c->cg; i++) {
                int64_t w = c->transposed ? ((g * c->cg + i) * c->mg + m) * taps + tap
                                          : ((g * c->mg + m) * c->cg + i) * taps + tap;
                double product = (double)c->x[at(x, n, ip, g * c->cg + i)] * (double)c->weights[w];
                int64_t o = at(y, n, op, g * c->mg + m);
                c->want[o] += product;
                c->bound[o] += fabs(product);
            }
}

static void formula(struct conv_case *c)
{
    const struct infer__window *w = &c->w;
    struct infer__spatial x = infer__operand_spatial(&c->in[0]), y = infer__operand_spatial(&c->y);
    struct infer__spatial over = c->transposed ? x : y, other = c->transposed ? y : x;
    int64_t taps = w->kernel[0] * w->kernel[1] * w->kernel[2];
    for (int64_t i = 0; i < over.n * over.d * over.h * over.w; i++)
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t p[3] = {i / over.w / over.h % over.d, i / over.w % over.h, i % over.w};
            int64_t k[3] = {tap / w->kernel[2] / w->kernel[1], tap / w->kernel[2] % w->kernel[1],
                            tap % w->kernel[2]};
            int64_t q[3], n = i / over.w / over.h / over.d;
            for (int a = 0; a < 3; a++)
                q[a] = p[a] * w->stride[a] - w->pad_begin[a] + k[a] * w->dilation[a];
            if (inside(&other, q))
                add_pair(c, &x, &y, n, c->transposed ? p : q, c->transposed ? q : p, tap);
        }
    for (int64_t i = 0; i < infer__operand_elements(&c->y); i++) {
        double extra = (c->bias ? (double)c->biases[i % y.c] : 0) +
                       (c->residual ? (double)c->residuals[i] : 0);
        c->bound[i] += (c->bias ? fabs((double)c->biases[i % y.c]) : 0) +
                       (c->residual ? fabs((double)c->residuals[i]) : 0);
        c->want[i] += extra;
        /* every addition and product rounds by 2^-24 of at most the sum of all magnitudes; a
         * product may also fall among the subnormals, 2^-149 apart */
        double terms = (double)(taps * c->cg + 3);
        c->bound[i] = c->bound[i] * terms * 0x1p-24 + terms * 0x1p-149;
    }
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void compare(const struct conv_case *c, const char *name)
{
    for (int64_t i = 0; i < infer__operand_elements(&c->y); i++) {
        double want =
            (double)infer__activate(c->act, c->t.epi.alpha, c->t.epi.beta, (float)c->want[i]);
        double got = (double)c->got[i], error = fabs(got - want);
        int same = isnan(want) ? isnan(got) : got == want;
        /* activations here have slopes of at most 1.5; then one more rounding */
        double bound =
            c->data == SMALL_INTEGERS && !c->act ? 0 : c->bound[i] * 1.6 + fabs(want) * 1e-6;
        if (!same && !(error <= bound))
            fail_msg("%s, output %lld: %g instead of %g, bound %g", name, (long long)i, got, want,
                     bound);
    }
}

static uint32_t case_kernels(struct conv_case *c, uint64_t *r)
{
    const void *in[4] = {c->x, c->weights, c->biases, c->residuals};
    void *out[1] = {c->got};
    uint32_t n = 0;
    for (const struct infer__kernel *const *k = infer__kernels; *k; k++) {
        /* Winograd's errors are of another kind: test_kernel_winograd.c */
        if (strncmp((*k)->name, "conv_", 5) != 0 || !strstr((*k)->name, "f32") ||
            strstr((*k)->name, "winograd") || !infer__isa_has(c->t.isa, (*k)->isa) ||
            (*k)->estimate(&c->t) < 0)
            continue;
        check_kernel(*k, &c->t, in, out, r);
        compare(c, (*k)->name);
        n++;
    }
    return n;
}

static uint16_t random_activation(uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE,      INFER__OP_NONE,       INFER__OP_RELU,
                                    INFER__OP_CLIP,      INFER__OP_LEAKY_RELU, INFER__OP_SIGMOID,
                                    INFER__OP_HARD_SWISH};
    return acts[random_int(r, 0, 6)];
}

static void random_case(int transposed, int depthwise, int data, uint64_t *r, uint32_t least)
{
    struct conv_case c = {.transposed = transposed, .data = data};
    do {
        c.spatial = (int)random_int(r, 1, 3);
    } while (!random_window(&c, r));
    c.n = random_int(r, 1, 3);
    c.bias = (int)random_int(r, 0, 1);
    c.residual = (int)random_int(r, 0, 1);
    c.act = random_activation(r);
    c.cg = depthwise ? 1 : random_int(r, 1, random_int(r, 0, 9) ? 9 : 600);
    c.mg = depthwise ? 1 : random_int(r, 1, random_int(r, 0, 9) ? 33 : 150);
    c.w.groups = depthwise ? random_int(r, 1, 40) : random_int(r, 0, 3) ? 1 : random_int(r, 2, 4);
    if (c.cg * c.mg > 2000)
        c.n = 1, c.w.groups = 1;
    build(&c, r);
    formula(&c);
    assert_true(case_kernels(&c, r) >= least);
    drop(&c);
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* The plain-C kernels serve everywhere, so at least two kernels are looked at in each case. */
static void test_conv(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 400; i++)
        random_case(0, 0, i % DATA_KINDS, &r, 2);
}

static void test_depthwise(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 0; i < 300; i++)
        random_case(0, 1, i % DATA_KINDS, &r, 3);
}

static void test_conv_transpose(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int i = 0; i < 300; i++)
        random_case(1, 0, i % DATA_KINDS, &r, 2);
}

/* Every number of output channels, and every width of a row, around the sizes of tiles. */
static void test_tails(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    for (int64_t i = 1; i <= 137; i++) {
        struct conv_case c = {.spatial = 2, .n = 1, .bias = 1, .data = SMALL_INTEGERS};
        c.w = (struct infer__window){{1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1},
                                     1,         2,         0,         0};
        c.cg = 1 + i % 19;
        c.mg = i;
        c.size[0] = c.out[0] = 1;
        c.size[1] = c.out[1] = 2;
        c.size[2] = c.out[2] = 1 + i % 26;
        c.residual = (int)(i % 2);
        c.transposed = i % 3 == 0;
        build(&c, &r);
        formula(&c);
        assert_true(case_kernels(&c, &r) >= 2);
        drop(&c);
    }
}

/* Weights that are computed: the reference alone serves them. */
static void test_variable_weights(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct conv_case c = {.transposed = i % 2, .spatial = 2, .n = 1, .cg = 3, .mg = 5};
        while (!random_window(&c, &r))
            ;
        c.bias = 1;
        c.data = SMALL_INTEGERS;
        build(&c, &r);
        formula(&c);
        c.in[1].is_const = c.in[2].is_const = 0;
        assert_int_equal(case_kernels(&c, &r), 1);
        drop(&c);
    }
}

/* A faster level costs less wherever both serve, and every blocked kernel beats the reference. */
static void test_estimates(void **state)
{
    static const char *const order[] = {"conv_f32_blocked_avx512", "conv_f32_blocked_avx2",
                                        "conv_f32_blocked_c", "conv_f32_c"};
    uint64_t r = seed + 5;
    (void)state;
    struct conv_case c = {.spatial = 2, .n = 1, .cg = 64, .mg = 64};
    c.w = (struct infer__window){
        .kernel = {1, 3, 3}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .groups = 1, .spatial = 2};
    for (int a = 0; a < 3; a++)
        c.size[a] = a ? 14 : 1, c.out[a] = a ? 12 : 1;
    build(&c, &r);
    c.t.threads = 1;
    c.t.isa = INFER_ISA_AVX512;
    double last = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const struct infer__kernel *k = infer__kernel_find(order[i]);
        if (!k) /* not an x86 */
            continue;
        double ns = k->estimate(&c.t);
        assert_true(ns > last);
        last = ns;
    }
    drop(&c);
}

/* Many weights for few pixels: where these come slowly, the form that has fewer of them; the other
 * constants are a Zen 4's, whether it is one or nothing is known. */
static void test_machines(void **state)
{
    const struct infer__machine *zen = infer__identity_machine("AuthenticAMD", 0x00a10f11);
    const struct infer__machine *rapids = infer__identity_machine("GenuineIntel", 0x000c06f2);
    uint64_t r = seed + 6;
    (void)state;
    if (!infer__kernel_find("conv_winograd4_f32_avx512")) /* not an x86 */
        return;
    struct conv_case c = {.spatial = 2, .n = 1, .cg = 512, .mg = 512};
    c.w = (struct infer__window){.kernel = {1, 3, 3},
                                 .stride = {1, 1, 1},
                                 .dilation = {1, 1, 1},
                                 .pad_begin = {0, 1, 1},
                                 .pad_end = {0, 1, 1},
                                 .groups = 1,
                                 .spatial = 2};
    for (int a = 0; a < 3; a++)
        c.size[a] = c.out[a] = a ? 7 : 1;
    build(&c, &r);
    c.t.threads = 1;
    c.t.isa = INFER_ISA_AVX512;
    for (int i = 0; infer__kernels[i]; i++) {
        double ns = infer__kernels[i]->estimate(&c.t);
        c.t.machine = zen;
        assert_true(infer__kernels[i]->estimate(&c.t) == ns);
        c.t.machine = NULL;
    }
    assert_string_equal(infer__kernel_choose(&c.t)->name, "conv_winograd4_f32_avx512");
    c.t.machine = rapids;
    assert_string_equal(infer__kernel_choose(&c.t)->name, "conv_winograd2_f32_avx512");
    drop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_conv_transpose),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_variable_weights),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_machines),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
