/* Chains of convolutions against their three convolutions done one after the other by the
 * definition. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_run.h"

static const char *const kernels[] = {"conv_chain_f32_c", "conv_chain_f32_avx2",
                                      "conv_chain_f32_avx512"};

struct chain {
    int64_t n, h, w, first, middle, last; /* channels; first == middle without an expansion */
    int64_t kernel[2], stride[2], begin[2], end[2];
    int expand, project, bias, residual, integers;
    uint16_t act[3];
};

static uint16_t random_act(uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_CLIP, INFER__OP_SILU,
                                    INFER__OP_HARD_SWISH};
    return acts[random_int(r, 0, 4)];
}

static void random_chain(struct chain *s, uint64_t *r)
{
    int form = (int)random_int(r, 0, 2);
    s->expand = form != 2;
    s->project = form != 1;
    s->n = random_int(r, 1, 2);
    s->h = random_int(r, 1, 13);
    s->first = s->expand ? random_int(r, 1, 20) : s->middle;
    s->last = s->project ? random_int(r, 1, random_int(r, 0, 4) ? 40 : 150) : s->middle;
    s->kernel[0] = random_int(r, 1, 5);
    s->kernel[1] = random_int(r, 0, 1) ? 3 : 5;
    for (int a = 0; a < 2; a++) {
        s->stride[a] = random_int(r, 1, 2);
        s->begin[a] = random_int(r, 0, s->kernel[a]);
        s->end[a] = random_int(r, 0, s->kernel[a]);
    }
    s->bias = (int)random_int(r, 0, 7);
    s->residual = s->project && random_int(r, 0, 1);
    s->integers = (int)random_int(r, 0, 1);
    for (int i = 0; i < 3; i++)
        s->act[i] = random_act(r);
}

static int64_t out_size(const struct chain *s, int a)
{
    int64_t room = (a ? s->w : s->h) + s->begin[a] + s->end[a] - s->kernel[a];
    return room < 0 ? 0 : room / s->stride[a] + 1;
}

static struct infer__operand picture(int64_t n, int64_t h, int64_t w, int64_t c)
{
    struct infer__operand o = operand(INFER_F32, 4, (int64_t[]){n, h, w, c});
    o.clast = 1;
    return o;
}

static struct infer__operand constant(int there, int rank, const int64_t *dims)
{
    struct infer__operand o = operand(there ? INFER_F32 : INFER_TYPE_NONE, rank, dims);
    o.is_const = 1;
    return o;
}

/* inner[] has room for two epilogues that live as long as the task. */
static void make(struct run *k, const struct chain *s, struct infer__epilogue *inner, uint64_t *r)
{
    int64_t y = out_size(s, 0), x = out_size(s, 1);
    *k = (struct run){.t = {.op = INFER__OP_CONV_CHAIN, .nout = 1, .inner = inner}};
    k->t.nin = 7 + (uint32_t)s->residual;
    k->in[0] = picture(s->n, s->h, s->w, s->first);
    k->in[1] = constant(1, 4, (int64_t[]){s->middle, 1, s->kernel[0], s->kernel[1]});
    k->in[2] = constant(s->bias & 1, 1, &s->middle);
    k->in[3] = constant(s->expand, 4, (int64_t[]){s->middle, s->first, 1, 1});
    k->in[4] = constant(s->expand && s->bias & 2, 1, &s->middle);
    k->in[5] = constant(s->project, 4, (int64_t[]){s->last, s->middle, 1, 1});
    k->in[6] = constant(s->project && s->bias & 4, 1, &s->last);
    k->in[7] = k->out[0] = picture(s->n, y, x, s->last);
    k->t.p.window = (struct infer__window){.kernel = {1, s->kernel[0], s->kernel[1]},
                                           .stride = {1, s->stride[0], s->stride[1]},
                                           .dilation = {1, 1, 1},
                                           .pad_begin = {0, s->begin[0], s->begin[1]},
                                           .pad_end = {0, s->end[0], s->end[1]},
                                           .groups = s->middle,
                                           .spatial = 2};
    for (int i = 0; i < 2; i++)
        inner[i] =
            (struct infer__epilogue){.act = s->act[i], .residual = 0, .alpha = -2, .beta = 6};
    k->t.epi = (struct infer__epilogue){
        .act = s->act[2], .residual = (uint16_t)s->residual, .alpha = -3, .beta = 9};
    run_fill(k, 1, r);
    for (uint32_t i = 0; i < k->t.nin; i++)
        for (int64_t j = 0; k->x[i] && j < infer__operand_elements(&k->in[i]); j++)
            ((float *)k->x[i])[j] = s->integers ? (float)random_int(r, -2, 2) : random_float(r);
}

/* ---- the definition ------------------------------------------------------------------------- */

/* y = a convolution by conv_f32_c; `magnitude`: of absolute values, without an activation. */
static float *convolve(const struct infer__operand *x, const float *data,
                       const struct infer__operand *wb, const void *const *weights,
                       const struct infer__window *w, const struct infer__operand *y,
                       const struct infer__epilogue *e, const float *residual, int magnitude)
{
    const struct infer__kernel *k = infer__kernel_find("conv_f32_c");
    struct infer__operand in[4] = {*x, wb[0], wb[1], *y};
    const void *pin[4] = {data, weights[0], weights[1], residual};
    float *copies[4] = {0};
    struct infer__task t = {.op = INFER__OP_CONV,
                            .isa = INFER_ISA_C,
                            .threads = 1,
                            .nin = 3 + (uint32_t)(residual != NULL),
                            .nout = 1,
                            .in = in,
                            .out = y};
    t.p.window = *w;
    t.epi = *e;
    t.epi.residual = residual != NULL;
    for (uint32_t i = 0; magnitude && i < t.nin; i++) {
        int64_t count = pin[i] ? infer__operand_elements(&in[i]) : 0;
        copies[i] = malloc((size_t)count * sizeof(float) + 1);
        for (int64_t j = 0; j < count; j++)
            copies[i][j] = fabsf(((const float *)pin[i])[j]);
        if (pin[i])
            pin[i] = copies[i];
        t.epi.act = INFER__OP_NONE;
    }
    for (int i = 1; i < 3; i++)
        in[i].data = pin[i];
    struct infer__need need = {.units = 1};
    infer_error err;
    if (k->prepare)
        assert_int_equal(prepare_kernel(k, &t, &need, &err), INFER_OK);
    float *out = calloc((size_t)infer__operand_elements(y) + 1, sizeof *out);
    void *packed = calloc(infer__bytes_count(need.packed_bytes) + 64, 1),
         *scratch = calloc(infer__bytes_count(need.scratch_bytes) + 64, 1);
    if (k->pack)
        k->pack(&t, need.cut, packed);
    void *pout[1] = {out};
    struct infer__buffers b = {pin, pout, packed, scratch, need.cut, NULL, NULL};
    k->run(&t, &b, 0, need.units);
    for (int i = 0; i < 4; i++)
        free(copies[i]);
    free(packed);
    free(scratch);
    return out;
}

static float *define(const struct run *k, const struct chain *s, int magnitude)
{
    const struct infer__window point = {
        .kernel = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .groups = 1, .spatial = 2};
    const void *const *x = (const void *const *)k->x;
    struct infer__operand in = k->in[0], mid = picture(s->n, s->h, s->w, s->middle);
    struct infer__operand deep = k->out[0];
    deep.dims[3] = s->middle;
    const float *from = x[0], *residual = s->residual ? x[7] : NULL;
    float *expanded = NULL, *y;
    if (s->expand)
        from = expanded =
            convolve(&in, from, k->in + 3, x + 3, &point, &mid, &k->t.inner[0], NULL, magnitude);
    y = convolve(&mid, from, k->in + 1, x + 1, &k->t.p.window, &deep,
                 s->project ? &k->t.inner[1] : &k->t.epi, NULL, magnitude);
    if (s->project) {
        float *projected = convolve(&deep, y, k->in + 5, x + 5, &point, &k->out[0], &k->t.epi,
                                    residual, magnitude);
        free(y);
        y = projected;
    }
    free(expanded);
    return y;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static int is_exact(const struct chain *s)
{
    for (int i = 0; i < 3; i++)
        if (s->act[i] == INFER__OP_SILU || s->act[i] == INFER__OP_HARD_SWISH)
            return 0;
    return s->integers;
}

/* Each sum of at most 300 terms rounds by less than 2^-15 of its magnitude, and that goes through
 * two more sums; the activations' slopes are below 1.5. */
static void check(const struct chain *s, uint64_t *r)
{
    struct run k;
    struct infer__epilogue inner[2];
    if (out_size(s, 0) < 1 || out_size(s, 1) < 1)
        return;
    make(&k, s, inner, r);
    k.t.isa = (uint8_t)infer_cpu_isa();
    float *want = define(&k, s, 0), *magnitude = define(&k, s, 1), *got = k.y[0];
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(kernels[i]);
        if (!kernel || !infer__isa_has(k.t.isa, kernel->isa))
            continue;
        run_kernel(&k, kernels[i], r);
        for (int64_t j = 0; j < infer__operand_elements(&k.out[0]); j++) {
            float bound = is_exact(s) ? 0 : 2e-5f * (magnitude[j] + 1);
            if (!(fabsf(got[j] - want[j]) <= bound))
                fail_msg("%s: output %lld is %g, not %g: %lldx%lld %lld > %lld > %lld, %s%s",
                         kernels[i], (long long)j, (double)got[j], (double)want[j], (long long)s->h,
                         (long long)s->w, (long long)s->first, (long long)s->middle,
                         (long long)s->last, s->expand ? "expand " : "",
                         s->project ? "project" : "");
        }
    }
    free(want);
    free(magnitude);
    run_drop(&k);
}

static void test_channels(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t c = 1; c <= 40; c++)
        for (int i = 0; i < 4; i++) {
            struct chain s = {.middle = c, .w = random_int(&r, 1, 20)};
            random_chain(&s, &r);
            check(&s, &r);
        }
}

static void test_widths(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int64_t w = 1; w <= 26; w++)
        for (int i = 0; i < 4; i++) {
            struct chain s = {.middle = random_int(&r, 1, 200), .w = w};
            random_chain(&s, &r);
            check(&s, &r);
        }
}

/* Pictures high enough for several bands and rounds, wide enough for rounds of two rows. */
static void test_bands(void **state)
{
    uint64_t r = seed + 2;
    (void)state;
    for (int i = 0; i < 12; i++) {
        struct chain s = {.middle = random_int(&r, 16, 80), .w = random_int(&r, 20, 60)};
        random_chain(&s, &r);
        s.h = random_int(&r, 40, 70);
        s.n = 1;
        s.last = s.project ? random_int(&r, 1, 24) : s.middle;
        check(&s, &r);
    }
}

/* Weights so many that several threads project panel by panel, behind everything else. Numbers are
 * integers and sums small enough to be exact. */
static void test_apart(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct chain s = {.middle = random_int(&r, 1000, 1100), .w = random_int(&r, 1, 5)};
        random_chain(&s, &r);
        s.h = random_int(&r, 1, 5);
        s.expand = i % 2;
        s.project = 1;
        s.first = s.expand ? random_int(&r, 1, 4) : s.middle;
        s.last = random_int(&r, 400, 450);
        for (int a = 0; a < 2; a++)
            s.kernel[a] = 3, s.stride[a] = 1, s.begin[a] = s.end[a] = 1;
        s.integers = 1;
        for (int k = 0; k < 3; k++)
            s.act[k] = k == i % 3 ? INFER__OP_RELU : INFER__OP_NONE;
        check(&s, &r);
    }
}

/* What is no chain: dilation, variable weights, channels that do not follow each other. */
static void test_refusals(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        const struct infer__kernel *kernel = infer__kernel_find(kernels[i]);
        struct chain s = {.n = 1, .h = 6, .w = 6, .first = 4, .middle = 12, .last = 5};
        struct infer__epilogue inner[2];
        struct run k;
        if (!kernel || !infer_cpu_has(kernel->isa))
            continue;
        for (int a = 0; a < 2; a++)
            s.kernel[a] = 3, s.stride[a] = 1;
        s.expand = s.project = 1;
        make(&k, &s, inner, &r);
        k.t.isa = (uint8_t)infer_cpu_isa();
        assert_true(kernel->estimate(&k.t) > 0);
        k.t.p.window.dilation[1] = 2;
        assert_true(kernel->estimate(&k.t) < 0);
        k.t.p.window.dilation[1] = 1;
        k.in[5].is_const = 0;
        assert_true(kernel->estimate(&k.t) < 0);
        k.in[5].is_const = 1;
        k.in[3].dims[0] = 13;
        assert_true(kernel->estimate(&k.t) < 0);
        k.in[3].dims[0] = 12;
        k.t.inner = NULL;
        assert_true(kernel->estimate(&k.t) < 0);
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_channels), cmocka_unit_test(test_widths),
        cmocka_unit_test(test_bands),    cmocka_unit_test(test_apart),
        cmocka_unit_test(test_refusals),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
