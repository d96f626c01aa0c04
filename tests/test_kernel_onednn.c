/* oneDNN's kernels against plain loops in double precision; the same bits for any cut into units;
 * guard pages behind every tensor. Seed: INFER_SEED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#if defined(INFER_ONEDNN) && INFER_ONEDNN

#include "onednn_shapes.h"

struct tally {
    int served, refused, cut;
};

/* One shape on 1 to 4 threads: right (with `check`), and the same bits each time. */
static void try_shape(const struct shape *s, int check, struct tally *tally)
{
    struct problem p;
    uint32_t units;
    make(&p, s);
    if (!run(&p, 1, 0, &units)) {
        tally->refused++;
        drop(&p);
        return;
    }
    tally->served++;
    if (check)
        compare(&p);
    float *first = malloc(p.y.n * sizeof(float));
    assert_non_null(first);
    memcpy(first, p.y.f, p.y.n * sizeof(float));
    for (uint32_t threads = 1; threads <= 4; threads++) {
        assert_true(run(&p, threads, s->residual && threads % 2, &units));
        tally->cut += units > 1;
        if (memcmp(first, p.y.f, p.y.n * sizeof(float)) != 0) {
            describe(s);
            fail_msg("%u threads, %u units: other bits", threads, units);
        }
    }
    free(first);
    drop(&p);
}

static void report(const char *what, const struct tally *t)
{
    print_message("%s: %d shapes served, %d left to other kernels, %d runs cut into units\n", what,
                  t->served, t->refused, t->cut);
    assert_true(t->served > t->refused);
}

/* ---- random shapes -------------------------------------------------------------------------- */

static const uint16_t acts[] = {INFER__OP_NONE,       INFER__OP_RELU,    INFER__OP_LEAKY_RELU,
                                INFER__OP_CLIP,       INFER__OP_SIGMOID, INFER__OP_HARD_SIGMOID,
                                INFER__OP_HARD_SWISH, INFER__OP_TANH,    INFER__OP_ELU,
                                INFER__OP_SILU,       INFER__OP_MISH,    INFER__OP_SOFTPLUS,
                                INFER__OP_ERF};

static void set_act(struct shape *s, uint16_t act)
{
    s->act = act;
    s->alpha = act == INFER__OP_CLIP ? -0.3f : act == INFER__OP_ELU ? 1.0f : 0.2f;
    s->beta = act == INFER__OP_CLIP ? 0.9f : 0.5f;
}

static struct shape random_shape(uint16_t op)
{
    struct shape s = {.op = op, .rank = 3 + (int)rnd(3), .n = 1 + rnd(10) / 7};
    s.n += rnd(12) == 0 ? 4 : 0;
    for (int a = 0; a < 3; a++) {
        int has = a >= 5 - s.rank;
        s.kernel[a] = has ? 1 + rnd(4) : 1;
        s.stride[a] = has ? 1 + rnd(6) / 3 : 1;
        s.dilation[a] = has && rnd(4) == 0 && op != INFER__OP_AVERAGE_POOL ? 2 : 1;
        int64_t extent = (s.kernel[a] - 1) * s.dilation[a] + 1;
        s.in[a] = has ? extent + rnd(s.rank == 3 ? 200 : s.rank == 4 ? 14 : 6) : 1;
        s.begin[a] = has ? rnd((uint32_t)extent) : 0;
        s.end[a] = has ? rnd((uint32_t)extent) : 0;
    }
    s.groups = 1;
    s.ci = 1 + rnd(40);
    s.co = 1 + rnd(100);
    if (rnd(3) == 0) { /* groups, half of them depthwise */
        s.groups = 1 + rnd(36);
        s.ci = s.groups * (rnd(2) ? 1 : 1 + rnd(9));
        s.co = s.groups * (rnd(2) ? s.ci / s.groups : 1 + rnd(9));
    }
    s.bias = rnd(3) != 0;
    s.residual = op == INFER__OP_CONV && rnd(3) == 0;
    set_act(&s, acts[rnd(sizeof acts / sizeof *acts)]);
    return s;
}

static int is_possible(const struct shape *s)
{
    for (int a = 0; a < 3; a++)
        if (out_size(s, a) < 1)
            return 0;
    return 1;
}

static void random_convs(void **state)
{
    struct tally t = {0};
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct shape s = random_shape(INFER__OP_CONV);
        if (is_possible(&s))
            try_shape(&s, 1, &t);
    }
    report("Conv", &t);
}

/* Enough work for a cut to pay: rows, pictures and ranges of channels. */
static void large_convs(void **state)
{
    struct tally t = {0};
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct shape s = random_shape(INFER__OP_CONV);
        s.rank = 4;
        s.in[0] = s.kernel[0] = s.stride[0] = s.dilation[0] = 1;
        s.begin[0] = s.end[0] = 0;
        s.groups = 1;
        s.ci = 16 + rnd(300);
        s.co = 48 + rnd(200);
        s.in[1] = s.in[2] = 5 + rnd(12);
        if (is_possible(&s))
            try_shape(&s, i % 4 == 0, &t);
    }
    assert_true(t.cut > t.served);
    report("large Conv", &t);
}

static void random_deconvs(void **state)
{
    struct tally t = {0};
    (void)state;
    for (int i = 0; i < 150; i++) {
        struct shape s = random_shape(INFER__OP_CONV_TRANSPOSE);
        if (i % 5 == 0) {
            s.ci += 60;
            s.ci -= s.ci % s.groups;
            s.in[2] += 12;
        }
        if (is_possible(&s))
            try_shape(&s, 1, &t);
    }
    report("ConvTranspose", &t);
}

static void random_pools(void **state)
{
    struct tally t = {0};
    (void)state;
    for (int i = 0; i < 250; i++) {
        struct shape s = random_shape(INFER__OP_AVERAGE_POOL);
        s.co = s.ci = i % 9 ? s.ci : 512;
        s.groups = 1;
        s.bias = s.residual = 0;
        s.include_pad = (int)rnd(2);
        s.ceil = !s.include_pad && rnd(3) == 0;
        set_act(&s, INFER__OP_NONE);
        for (int a = 0; a < 3; a++) { /* ceil mode: a window must not start beyond the input */
            int64_t first = (out_size(&s, a) - 1) * s.stride[a] - s.begin[a];
            if (first >= s.in[a])
                s.ceil = 0;
        }
        if (is_possible(&s))
            try_shape(&s, 1, &t);
    }
    for (int i = 0; i < 30; i++) {
        struct shape s = random_shape(INFER__OP_GLOBAL_AVERAGE_POOL);
        s.co = s.ci;
        s.bias = s.residual = 0;
        set_act(&s, INFER__OP_NONE);
        for (int a = 0; a < 3; a++) {
            s.kernel[a] = s.stride[a] = s.in[a];
            s.dilation[a] = 1;
            s.begin[a] = s.end[a] = 0;
        }
        try_shape(&s, 1, &t);
    }
    report("pooling", &t);
}

/* ---- networks ------------------------------------------------------------------------------- */

static struct shape layer(int64_t ci, int64_t co, int64_t size, int64_t k, int64_t stride,
                          int64_t groups, int residual)
{
    struct shape s = {.op = INFER__OP_CONV,
                      .rank = 4,
                      .n = 1,
                      .ci = ci,
                      .co = co,
                      .groups = groups,
                      .in = {1, size, size},
                      .kernel = {1, k, k},
                      .stride = {1, stride, stride},
                      .dilation = {1, 1, 1},
                      .begin = {0, k / 2, k / 2},
                      .end = {0, k / 2, k / 2},
                      .bias = 1,
                      .residual = residual};
    set_act(&s, INFER__OP_RELU);
    return s;
}

static void resnet50(void **state)
{
    struct tally t = {0};
    struct shape s = layer(3, 64, 224, 7, 2, 1, 0);
    (void)state;
    try_shape(&s, 0, &t);
    for (int64_t mid = 64, in = 64, size = 56; mid <= 512; mid *= 2) {
        int64_t stride = mid > 64 ? 2 : 1, after = size / stride;
        struct shape all[] = {
            layer(in, mid, size, 1, 1, 1, 0),          layer(mid, mid, size, 3, stride, 1, 0),
            layer(in, mid * 4, size, 1, stride, 1, 0), layer(mid, mid * 4, after, 1, 1, 1, 1),
            layer(mid * 4, mid, after, 1, 1, 1, 0),    layer(mid, mid, after, 3, 1, 1, 0)};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            try_shape(&all[i], 0, &t);
        in = mid * 4;
        size = after;
    }
    assert_int_equal(t.refused, 0);
    report("ResNet-50", &t);
}

static void mobilenet_v2(void **state)
{
    static const int64_t blocks[][3] = {{32, 96, 112},  {96, 144, 56},  {144, 192, 28},
                                        {192, 384, 14}, {384, 576, 14}, {576, 960, 7}};
    struct tally t = {0};
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        int64_t in = blocks[i][0], mid = blocks[i][1], size = blocks[i][2];
        struct shape all[] = {
            layer(in / 6 + 8, mid, size, 1, 1, 1, 0), layer(mid, mid, size, 3, 1, mid, 0),
            layer(mid, mid, size, 3, 2, mid, 0), layer(mid, in / 6 + 8, size, 1, 1, 1, 1)};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            set_act(&all[k], INFER__OP_CLIP);
            try_shape(&all[k], 0, &t);
        }
    }
    assert_int_equal(t.refused, 0);
    report("MobileNetV2", &t);
}

/* More pictures than units: tiles of several pictures, with and without ranges of channels. */
static void large_batch(void **state)
{
    struct tally t = {0};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct shape s = layer(i % 2 ? 200 : 9, i % 2 ? 160 : 20, i % 2 ? 3 : 6, 3, 1, 1, i / 2);
        s.n = 65 + rnd(9);
        try_shape(&s, 1, &t);
    }
    assert_int_equal(t.cut, 16);
}

/* A picture gives the same bits alone and at any place of a batch. */
static void batch_position(void **state)
{
    static const struct {
        int64_t ci, co, size, k, groups;
    } list[] = {{64, 64, 14, 3, 1}, {128, 96, 7, 1, 1}, {48, 48, 28, 3, 48}, {64, 64, 14, 3, 8}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct shape s =
            layer(list[i].ci, list[i].co, list[i].size, list[i].k, 1, list[i].groups, 0);
        struct problem one, five;
        uint32_t units;
        make(&one, &s);
        s.n = 5;
        make(&five, &s);
        memcpy(five.w.f, one.w.f, one.w.n * sizeof(float));
        memcpy(five.b.f, one.b.f, one.b.n * sizeof(float));
        for (size_t n = 0; n < 5; n++)
            memcpy(five.x.f + n * one.x.n, one.x.f, one.x.n * sizeof(float));
        assert_true(run(&one, 1, 0, &units));
        assert_true(run(&five, 2, 0, &units));
        for (size_t n = 0; n < 5; n++)
            assert_memory_equal(five.y.f + n * one.y.n, one.y.f, one.y.n * sizeof(float));
        drop(&one);
        drop(&five);
    }
}

/* ---- activations, values that are no numbers ------------------------------------------------- */

/* A 1 x 1 convolution with the identity: y = act(x). */
static void activations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct shape s = layer(16, 16, 40, 1, 1, 1, 0);
        struct problem p;
        uint32_t units;
        double worst = 0;
        float where = 0;
        s.bias = 0;
        set_act(&s, acts[i]);
        make(&p, &s);
        for (int k = 0; k < 256; k++)
            p.w.f[k] = k / 16 == k % 16 ? 1 : 0;
        for (size_t k = 0; k < p.x.n; k++)
            p.x.f[k] = ((float)k / (float)p.x.n * 2 - 1) * (k % 3 ? 15.0f : 0.5f);
        assert_true(run(&p, 2, 0, &units));
        for (size_t k = 0; k < p.x.n; k++) {
            double want = (double)infer__activate(s.act, s.alpha, s.beta, p.x.f[k]);
            int cancels = acts[i] == INFER__OP_HARD_SIGMOID || acts[i] == INFER__OP_HARD_SWISH;
            double small = cancels ? 0.1 : 1e-3; /* near their zero */
            double off = fabs((double)p.y.f[k] - want) / fmax(fabs(want), small);
            if (!(off <= worst)) {
                worst = off;
                where = p.x.f[k];
            }
        }
        print_message("act %2d: relative error at most %.2g, at x = %g\n", acts[i], worst,
                      (double)where);
        assert_true(worst < 2e-6);
        drop(&p);
    }
}

/* An infinity stays where its window is, whatever else the tile holds. */
static void infinities(void **state)
{
    struct shape s = layer(16, 16, 12, 3, 1, 1, 0);
    struct problem p;
    uint32_t units;
    (void)state;
    set_act(&s, INFER__OP_NONE);
    make(&p, &s);
    p.x.f[(5 * 12 + 5) * 16 + 3] = INFINITY;
    assert_true(run(&p, 2, 0, &units));
    for (int h = 0; h < 12; h++)
        for (int w = 0; w < 12; w++)
            for (int c = 0; c < 16; c++) {
                int reached = abs(h - 5) <= 1 && abs(w - 5) <= 1;
                assert_int_equal(!isfinite(p.y.f[(h * 12 + w) * 16 + c]), reached);
            }
    drop(&p);
}

/* The same kind of number: both NaN, the same infinity, or as near as an activation may be. */
static int is_same(float got, float want)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return want == got;
    return fabs((double)got - (double)want) <= 1e-5 + 1e-5 * fabs((double)want);
}

/* Every result of a problem against the definition, which lets a NaN pass. Of minus infinity some
 * activations are 0 times infinity by their formula: there a kernel may give the limit; and oneDNN
 * has the formula of Silu, where the definition has the limit. */
static void compare_kinds(const struct problem *p, int *nans)
{
    struct problem sums = *p;
    const float *y = p->y.f;
    int64_t o[3];
    sums.s.act = INFER__OP_NONE;
    for (int64_t n = 0; n < p->s.n; n++)
        for (o[0] = 0; o[0] < p->o[0]; o[0]++)
            for (o[1] = 0; o[1] < p->o[1]; o[1]++)
                for (o[2] = 0; o[2] < p->o[2]; o[2]++)
                    for (int64_t m = 0; m < p->s.co; m++, y++) {
                        double tolerance;
                        float want = (float)expected(p, n, o, m, &tolerance);
                        float sum = (float)expected(&sums, n, o, m, &tolerance);
                        *nans += isnan(sum);
                        int formula = p->s.act == INFER__OP_SILU && sum == -INFINITY;
                        if (isnan(want) == isnan(sum) && !formula && !is_same(*y, want)) {
                            describe(&p->s);
                            fail_msg("alpha %g: %.9g, expected %.9g", (double)p->s.alpha,
                                     (double)*y, (double)want);
                        }
                    }
}

/* Numbers that are none, at a few places of a picture; with a residual they come from there too. */
static void try_odd_numbers(const struct shape *s, int *served, int *nans)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, -NAN, 3e38f, -3e38f, 1e-41f, -0.0f};
    struct problem p;
    uint32_t units;
    make(&p, s);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        p.x.f[rnd((uint32_t)p.x.n)] = odd[i];
        if (s->residual)
            p.r.f[rnd((uint32_t)p.r.n)] = odd[i];
    }
    if (run(&p, 2, 0, &units)) {
        compare_kinds(&p, nans);
        ++*served;
    }
    drop(&p);
}

static void odd_numbers(void **state)
{
    struct shape list[] = {layer(16, 16, 24, 1, 1, 1, 0), layer(5, 40, 14, 3, 1, 1, 0),
                           layer(64, 64, 9, 3, 2, 1, 1),  layer(32, 32, 15, 3, 1, 32, 0),
                           layer(64, 64, 9, 3, 1, 4, 0),  layer(24, 24, 12, 1, 1, 1, 1),
                           layer(33, 24, 10, 2, 2, 1, 0)};
    const size_t n = sizeof list / sizeof *list;
    int served = 0, nans = 0;
    (void)state;
    list[n - 1].op = INFER__OP_CONV_TRANSPOSE;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof acts / sizeof *acts; k++) {
            set_act(&list[i], acts[k]);
            try_odd_numbers(&list[i], &served, &nans);
            list[i].alpha = list[i].beta = 0; /* a slope of 0 */
            if (acts[k] == INFER__OP_LEAKY_RELU || acts[k] == INFER__OP_HARD_SIGMOID)
                try_odd_numbers(&list[i], &served, &nans);
        }
    struct shape pool = layer(20, 20, 11, 3, 2, 1, 0);
    pool.op = INFER__OP_AVERAGE_POOL;
    pool.bias = 0;
    set_act(&pool, INFER__OP_NONE);
    try_odd_numbers(&pool, &served, &nans);
    print_message("%d problems, %d NaN\n", served, nans);
    assert_true(served > 80 && nans > 1000);
}

/* ---- dense ---------------------------------------------------------------------------------- */

static void dense_case(int64_t m, int64_t k, int64_t n, int trans_b, int gemm, int rank3)
{
    struct problem p;
    float *first = malloc((size_t)(m * n) * sizeof(float));
    assert_non_null(first);
    memset(&p, 0, sizeof p);
    p.k = &infer__dense_f32_onednn;
    p.x = guard((size_t)(m * k), 4);
    p.w = guard((size_t)(k * n), 4);
    p.b = guard((size_t)n, 4);
    p.y = guard((size_t)(m * n), 4);
    fill(&p.x);
    fill(&p.w);
    fill(&p.b);
    p.s.bias = gemm;
    p.in[0] = (struct infer__operand){.type = INFER_F32, .rank = 2, .dims = {m, k}};
    p.in[1] = (struct infer__operand){
        .type = INFER_F32, .rank = 2, .is_const = 1, .dims = {k, n}, .data = p.w.f};
    p.in[2] = (struct infer__operand){
        .type = INFER_F32, .rank = 1, .is_const = 1, .dims = {n}, .data = p.b.f};
    p.out[0] = (struct infer__operand){.type = INFER_F32, .rank = 2, .dims = {m, n}};
    if (trans_b)
        p.in[1].dims[0] = n, p.in[1].dims[1] = k;
    if (rank3) {
        p.in[0] = (struct infer__operand){.type = INFER_F32, .rank = 3, .dims = {1, m, k}};
        p.out[0] = (struct infer__operand){.type = INFER_F32, .rank = 3, .dims = {1, m, n}};
    }
    p.t = (struct infer__task){.op = gemm ? INFER__OP_GEMM : INFER__OP_MATMUL,
                               .isa = INFER_ISA_AMX,
                               .onednn = 1,
                               .nin = gemm ? 3 : 2,
                               .nout = 1,
                               .in = p.in,
                               .out = p.out};
    p.t.p.gemm = (struct infer__gemm){1, 1, 0, trans_b};
    for (uint32_t threads = 1; threads <= 4; threads++) {
        uint32_t units;
        assert_true(run(&p, threads, 0, &units));
        if (threads == 1)
            memcpy(first, p.y.f, p.y.n * sizeof(float));
        assert_memory_equal(first, p.y.f, p.y.n * sizeof(float));
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = gemm ? (double)p.b.f[j] : 0, abs = 0;
            for (int64_t c = 0; c < k; c++) {
                double v =
                    (double)p.x.f[i * k + c] * (double)p.w.f[trans_b ? j * k + c : c * n + j];
                sum += v;
                abs += fabs(v);
            }
            assert_true(fabs((double)p.y.f[i * n + j] - sum) <= 1e-6 + 1e-6 * abs);
        }
    free(first);
    drop(&p);
}

static void dense(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++)
        dense_case(1 + rnd(40), 1 + rnd(150), 1 + rnd(150), (int)rnd(2), 1, 0);
    for (int i = 0; i < 20; i++)
        dense_case(1 + rnd(40), 1 + rnd(150), 1 + rnd(150), 0, 0, i % 2);
    dense_case(1, 1280, 1000, 1, 1, 0);
    dense_case(3, 512, 1024, 1, 1, 0);
    dense_case(197, 96, 288, 0, 0, 1);
}

/* ---- what is refused, and what is put back -------------------------------------------------- */

static void refusals(void **state)
{
    struct shape s = layer(16, 16, 8, 3, 1, 1, 0);
    struct problem p;
    (void)state;
    make(&p, &s);
    assert_true(p.k->estimate(&p.t) > 0);
    p.t.onednn = 0;
    assert_true(p.k->estimate(&p.t) < 0);
    p.t.onednn = 1;
    p.t.isa = INFER_ISA_C;
    assert_true(p.k->estimate(&p.t) < 0);
    p.t.isa = INFER_ISA_AMX;
    p.in[1].is_const = 0;
    assert_true(p.k->estimate(&p.t) < 0);
    p.in[1].is_const = 1;
    p.in[0].clast = 0;
    assert_true(p.k->estimate(&p.t) < 0);
    p.in[0].clast = 1;
    p.in[0].type = INFER_F16;
    assert_true(p.k->estimate(&p.t) < 0);
    p.in[0].type = INFER_F32;
    p.t.op = INFER__OP_MAX_POOL; /* oneDNN's is wrong for NaN and -infinity */
    p.t.nin = 1;
    assert_true(p.k->estimate(&p.t) < 0);
    assert_true(infer__average_pool_f32_onednn.estimate(&p.t) < 0);
    drop(&p);
}

static void openmp_setting(void **state)
{
    struct shape s = layer(32, 32, 20, 3, 1, 1, 1);
    struct problem p;
    struct infer__need need = {0};
    infer_error err;
    (void)state;
    make(&p, &s);
    omp_set_num_threads(3);
    assert_int_equal(prepare_kernel(p.k, &p.t, &need, &err), INFER_OK);
    assert_int_equal(omp_get_max_threads(), 3);
    struct guarded packed = guard(infer__bytes_count(need.packed_bytes) / sizeof(float), 64);
    struct guarded scratch = guard(infer__bytes_count(need.scratch_bytes) / sizeof(float), 64);
    p.k->pack(&p.t, need.cut, packed.f);
    assert_int_equal(omp_get_max_threads(), 3);
    const void *in[4] = {p.x.f, p.w.f, p.b.f, p.r.f};
    void *out[1] = {p.y.f};
    struct infer__buffers b = {in, out, packed.f, scratch.f, need.cut, NULL, NULL};
    p.k->run(&p.t, &b, 0, need.units);
    assert_int_equal(omp_get_max_threads(), 3);
    compare(&p);
    p.k->release(need.cut);
    unguard(&packed);
    unguard(&scratch);
    drop(&p);
}

/* Packed weights are the model's: a session runs with what another has packed. */
static void packed_by_another(void **state)
{
    struct shape s = layer(32, 40, 20, 3, 1, 1, 1);
    struct problem p;
    struct infer__need first = {0}, second = {0};
    infer_error err;
    (void)state;
    make(&p, &s);
    assert_int_equal(prepare_kernel(p.k, &p.t, &first, &err), INFER_OK);
    second.cut = calloc(1, p.k->cut_bytes);
    assert_int_equal(p.k->prepare(&p.t, &second, &err), INFER_OK);
    struct guarded packed = guard(infer__bytes_count(first.packed_bytes) / sizeof(float), 64);
    struct guarded scratch = guard(infer__bytes_count(second.scratch_bytes) / sizeof(float), 64);
    p.k->pack(&p.t, first.cut, packed.f);
    p.k->release(first.cut);
    const void *in[4] = {p.x.f, p.w.f, p.b.f, p.r.f};
    void *out[1] = {p.y.f};
    struct infer__buffers b = {.in = in, .out = out, .packed = packed.f};
    b.scratch = scratch.f;
    b.cut = second.cut;
    p.k->run(&p.t, &b, 0, second.units);
    compare(&p);
    p.k->release(second.cut);
    free(second.cut);
    unguard(&packed);
    unguard(&scratch);
    drop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convs),      cmocka_unit_test(large_convs),
        cmocka_unit_test(random_deconvs),    cmocka_unit_test(random_pools),
        cmocka_unit_test(resnet50),          cmocka_unit_test(mobilenet_v2),
        cmocka_unit_test(large_batch),       cmocka_unit_test(batch_position),
        cmocka_unit_test(activations),       cmocka_unit_test(infinities),
        cmocka_unit_test(odd_numbers),       cmocka_unit_test(dense),
        cmocka_unit_test(refusals),          cmocka_unit_test(openmp_setting),
        cmocka_unit_test(packed_by_another),
    };
    const char *text = getenv("INFER_SEED");
    seed = text ? strtoull(text, NULL, 10) : 1;
    print_message("INFER_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    print_message("built without oneDNN: nothing to test\n");
    return 0;
}

#endif
