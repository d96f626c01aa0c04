/* Winograd convolutions against the plain-C reference.
 *
 * The bound on an output's error is that of the algorithm itself: Winograd in double on magnitudes
 * (of inputs, weights and of the transforms' coefficients) gives the sum of all magnitudes that
 * the output is made of; each of the at most C + 40 roundings on the way errs by 2^-24 of it. The
 * transforms are derived here from their points once more. */
#include <math.h>

#include "base/cpu.h"
#include "kernel_check.h"

#define MOST 6 /* pixels of an input tile's side */

enum data { REALS, SMALL_INTEGERS, ALTERNATING, HUGE_RANGE, DATA_KINDS };

struct winograd_case {
    int spatial, bias, residual, data;
    uint16_t act;
    int64_t n, d, h, w, c, k, pad[4]; /* pad: top, bottom, left, right */
    /* made of the above */
    struct infer__operand in[4], y;
    struct infer__task t;
    float *x, *weights, *biases, *residuals, *got, *want, *sizes; /* sizes: of bias + residual */
};

static uint64_t seed;

/* ---- cases ---------------------------------------------------------------------------------- */

static float sample(int data, int64_t i, uint64_t *r)
{
    float x = random_float(r);
    switch (data) {
    case SMALL_INTEGERS: /* times 4: F(2x2) is then exact */
        return 4 * (float)random_int(r, -3, 3);
    case ALTERNATING: /* the worst of signs, at full size */
        return i % 2 ? 1.0f : -1.0f;
    case HUGE_RANGE:
        return ldexpf(x, (int)random_int(r, -60, 20));
    default:
        return x;
    }
}

static float *samples(int64_t n, int data, uint64_t *r)
{
    float *p = malloc((size_t)(n + 1) * sizeof *p);
    for (int64_t i = 0; i < n; i++)
        p[i] = sample(data, i, r);
    return p;
}

static void build(struct winograd_case *c, uint64_t *r)
{
    int64_t oh = c->h + c->pad[0] + c->pad[1] - 2, ow = c->w + c->pad[2] + c->pad[3] - 2;
    int64_t taps = c->k * c->c * 9;
    c->spatial = c->d > 1 ? 3 : 2;
    c->in[0] =
        spatial_operand(INFER_F32, c->spatial, c->n, (const int64_t[3]){c->d, c->h, c->w}, c->c);
    c->y = spatial_operand(INFER_F32, c->spatial, c->n, (const int64_t[3]){c->d, oh, ow}, c->k);
    c->in[1] = (struct infer__operand){.type = INFER_F32,
                                       .rank = (uint8_t)(c->spatial + 2),
                                       .is_const = 1,
                                       .dims = {c->k, c->c, 3, 3}};
    if (c->spatial == 3) {
        c->in[1].dims[2] = 1;
        c->in[1].dims[4] = 3;
    }
    c->in[2] = (struct infer__operand){
        .type = c->bias ? INFER_F32 : INFER_TYPE_NONE, .rank = 1, .is_const = 1, .dims = {c->k}};
    c->in[3] = c->y;
    c->t = (struct infer__task){.op = INFER__OP_CONV,
                                .isa = (uint8_t)infer_cpu_isa(),
                                .threads = 1,
                                .nin = c->residual ? 4 : 3,
                                .nout = 1,
                                .in = c->in,
                                .out = &c->y};
    c->t.p.window = (struct infer__window){.kernel = {1, 3, 3},
                                           .stride = {1, 1, 1},
                                           .dilation = {1, 1, 1},
                                           .pad_begin = {0, c->pad[0], c->pad[2]},
                                           .pad_end = {0, c->pad[1], c->pad[3]},
                                           .groups = 1,
                                           .spatial = c->spatial};
    c->t.epi = (struct infer__epilogue){
        .act = c->act, .residual = (uint16_t)c->residual, .alpha = -1.5f, .beta = 2.5f};
    if (c->act == INFER__OP_LEAKY_RELU)
        c->t.epi.alpha = 0.25f;
    int64_t outputs = infer__operand_elements(&c->y);
    c->x = samples(infer__operand_elements(&c->in[0]), c->data, r);
    c->weights = samples(taps, c->data, r);
    c->biases = samples(c->k, c->data, r);
    c->residuals = samples(outputs, c->data, r);
    c->got = malloc((size_t)(outputs + 1) * sizeof *c->got);
    c->want = malloc((size_t)(outputs + 1) * sizeof *c->want);
}

static void drop(struct winograd_case *c)
{
    free(c->x);
    free(c->weights);
    free(c->biases);
    free(c->residuals);
    free(c->got);
    free(c->want);
}

/* The reference's answer, into c->want. */
static void reference(struct winograd_case *c)
{
    const struct infer__kernel *k = infer__kernel_find("conv_f32_c");
    const void *in[4] = {c->x, c->weights, c->bias ? c->biases : NULL, c->residuals};
    void *out[1] = {c->want};
    struct infer__need need = {0};
    infer_error err;
    c->t.threads = 1;
    assert_int_equal(prepare_kernel(k, &c->t, &need, &err), INFER_OK);
    struct infer__buffers b = {in, out, NULL, NULL, need.cut, NULL, NULL};
    k->run(&c->t, &b, 0, need.units);
}

/* ---- the bound ------------------------------------------------------------------------------ */

/* Magnitudes of the three transforms for tiles of `out` outputs. */
struct matrices {
    double at[4][MOST], g[MOST][3], bt[MOST][MOST];
};

/* bt = magnitudes of the coefficients of the product of (x - p[j]) over j != skip. */
static void product_of_roots(const double *p, int n, int skip, double *bt)
{
    double poly[MOST + 1] = {1};
    int degree = 0;
    for (int j = 0; j < n; j++) {
        if (j == skip)
            continue;
        for (int i = ++degree; i > 0; i--)
            poly[i] = poly[i - 1] - p[j] * poly[i];
        poly[0] *= -p[j];
    }
    for (int i = 0; i < MOST; i++)
        bt[i] = i <= degree ? fabs(poly[i]) : 0;
}

static void set_matrices(int out, struct matrices *m)
{
    static const double points[2][5] = {{0, 1, -1}, {0, 0.625, -0.625, 1.5, -1.5}};
    const double *p = points[out == 4];
    int n = out + 1;
    memset(m, 0, sizeof *m);
    for (int j = 0; j < n; j++) {
        double others = 1;
        for (int q = 0; q < n; q++)
            others *= q == j ? 1 : p[j] - p[q];
        for (int i = 0; i < 3; i++)
            m->g[j][i] = fabs(pow(p[j], i) / others);
        for (int i = 0; i < out; i++)
            m->at[i][j] = fabs(pow(p[j], i));
        product_of_roots(p, n, j, m->bt[j]);
    }
    m->g[n][2] = m->at[out - 1][n] = 1;
    product_of_roots(p, n, -1, m->bt[n]);
}

/* to = left * from * left', of `rows` x `rows`, where left has `columns` columns. */
static void both_sides(int rows, int columns, int stride, const double *left, const double *from,
                       double *to)
{
    double half[MOST][MOST] = {{0}};
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            for (int q = 0; q < columns; q++)
                half[i][j] += left[i * stride + q] * from[q * columns + j];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++) {
            to[i * rows + j] = 0;
            for (int q = 0; q < columns; q++)
                to[i * rows + j] += half[i][q] * left[j * stride + q];
        }
}

/* Magnitudes of input channel i in the tile that begins at output (row, column) of a picture. */
static void input_magnitudes(const struct winograd_case *c, int in, int64_t picture, int64_t row,
                             int64_t column, int64_t i, double *d)
{
    for (int a = 0; a < in; a++)
        for (int b = 0; b < in; b++) {
            int64_t h = row + a - c->pad[0], w = column + b - c->pad[2];
            int inside = h >= 0 && h < c->h && w >= 0 && w < c->w;
            d[a * in + b] =
                inside ? fabs((double)c->x[((picture * c->h + h) * c->w + w) * c->c + i]) : 0;
        }
}

/* Sums of magnitudes of a tile's outputs for channel k, to sum[out * out]. */
static void tile_magnitudes(const struct winograd_case *c, const struct matrices *m, int out,
                            const double *u, const double *v, double *sum)
{
    int points = (out + 2) * (out + 2);
    double products[MOST * MOST] = {0};
    for (int64_t i = 0; i < c->c; i++)
        for (int p = 0; p < points; p++)
            products[p] += u[i * points + p] * v[i * points + p];
    both_sides(out, out + 2, MOST, m->at[0], products, sum);
}

static double *weight_magnitudes(const struct winograd_case *c, const struct matrices *m, int in)
{
    double *u = malloc((size_t)(c->k * c->c * in * in) * sizeof *u);
    for (int64_t i = 0; i < c->k * c->c; i++) {
        double g[9];
        for (int tap = 0; tap < 9; tap++)
            g[tap] = fabs((double)c->weights[i * 9 + tap]);
        both_sides(in, 3, 3, m->g[0], g, u + i * in * in);
    }
    return u;
}

/* Fails where an output of c->got is further from c->want than the bound; gives the largest error
 * relative to the largest output. */
static double compare(const struct winograd_case *c, int out, const char *name)
{
    struct infer__spatial y = infer__operand_spatial(&c->y);
    struct matrices m;
    int in = out + 2, exact = c->data == SMALL_INTEGERS && out == 2 && !c->act;
    double worst = 0, largest = 1e-30;
    set_matrices(out, &m);
    double *u = weight_magnitudes(c, &m, in), sum[16], d[MOST * MOST];
    double *v = malloc((size_t)(c->c * in * in) * sizeof *v);
    int64_t down = (y.h + out - 1) / out, across = (y.w + out - 1) / out;
    for (int64_t tile = 0; tile < y.n * y.d * down * across; tile++) {
        int64_t column = tile % across * out, row = tile / across % down * out;
        int64_t picture = tile / across / down;
        for (int64_t i = 0; i < c->c; i++) {
            input_magnitudes(c, in, picture, row, column, i, d);
            both_sides(in, in, MOST, m.bt[0], d, v + i * in * in);
        }
        for (int64_t k = 0; k < c->k; k++) {
            tile_magnitudes(c, &m, out, u + k * c->c * in * in, v, sum);
            for (int p = 0; p < out * out; p++) {
                int64_t h = row + p / out, w = column + p % out;
                if (h >= y.h || w >= y.w)
                    continue;
                int64_t at = ((picture * y.h + h) * y.w + w) * y.c + k;
                double extra = (c->bias ? fabs((double)c->biases[k]) : 0) +
                               (c->residual ? fabs((double)c->residuals[at]) : 0);
                double want = (double)c->want[at], error = fabs((double)c->got[at] - want);
                /* the slopes of the activations are at most 1.5; the reference errs, too */
                double bound = 3 * (sum[p] + extra) * (double)(c->c + 40) * 0x1p-24 + 1e-30 +
                               (c->act ? fabs(want) * 1e-6 : 0);
                if (!(error <= (exact ? 0 : bound)))
                    fail_msg("%s, output %lld: %g instead of %g, bound %g", name, (long long)at,
                             (double)c->got[at], want, exact ? 0 : bound);
                worst = error > worst ? error : worst;
                largest = fabs(want) > largest ? fabs(want) : largest;
            }
        }
    }
    free(u);
    free(v);
    return worst / largest;
}

/* ---- running -------------------------------------------------------------------------------- */

/* The next Winograd kernel from *k on that this CPU can run, or NULL. */
static const struct infer__kernel *next_kernel(const struct infer__kernel *const **k)
{
    while (**k) {
        const struct infer__kernel *kernel = *(*k)++;
        if (strncmp(kernel->name, "conv_winograd", 13) == 0 && infer_cpu_has(kernel->isa))
            return kernel;
    }
    return NULL;
}

static int outputs_of(const struct infer__kernel *k)
{
    return k->name[13] - '0';
}

static void check_case(struct winograd_case *c, uint64_t *r)
{
    const void *in[4] = {c->x, c->weights, c->biases, c->residuals};
    void *out[1] = {c->got};
    const struct infer__kernel *const *all = infer__kernels, *k;
    int count = 0;
    build(c, r);
    in[0] = c->x, in[1] = c->weights, in[2] = c->biases, in[3] = c->residuals;
    out[0] = c->got;
    reference(c);
    while ((k = next_kernel(&all))) {
        check_kernel(k, &c->t, in, out, r);
        compare(c, outputs_of(k), k->name);
        count++;
    }
    assert_true(count >= 2); /* the plain-C ones run everywhere */
    drop(c);
}

static uint16_t random_activation(uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE,      INFER__OP_NONE,    INFER__OP_RELU,
                                    INFER__OP_CLIP,      INFER__OP_SIGMOID, INFER__OP_LEAKY_RELU,
                                    INFER__OP_HARD_SWISH};
    return acts[random_int(r, 0, 6)];
}

/* Pads of 0 to 2, now and then more than the kernel is wide; 0 if no output is left. */
static int random_pads(struct winograd_case *c, uint64_t *r)
{
    for (int i = 0; i < 4; i++)
        c->pad[i] = random_int(r, 0, random_int(r, 0, 9) ? 2 : 7);
    return c->h + c->pad[0] + c->pad[1] >= 3 && c->w + c->pad[2] + c->pad[3] >= 3;
}

static void random_rest(struct winograd_case *c, int i, uint64_t *r)
{
    c->n = random_int(r, 1, 3);
    c->d = random_int(r, 0, 5) ? 1 : 2;
    c->bias = (int)random_int(r, 0, 1);
    c->residual = (int)random_int(r, 0, 1);
    c->act = random_activation(r);
    c->data = i % DATA_KINDS;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Every height and width around the sizes of tiles. */
static void test_sizes(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 169; i++) {
        struct winograd_case c = {.h = 1 + i / 13, .w = 1 + i % 13};
        random_rest(&c, i, &r);
        c.c = random_int(&r, 1, 9);
        c.k = random_int(&r, 1, 20);
        while (!random_pads(&c, &r))
            ;
        check_case(&c, &r);
    }
}

/* Every number of channels around the sizes of vectors, blocks and panels. */
static void test_channels(void **state)
{
    uint64_t r = seed + 1;
    (void)state;
    for (int i = 1; i <= 80; i++) {
        struct winograd_case c = {.h = random_int(&r, 3, 9), .w = random_int(&r, 3, 9)};
        random_rest(&c, i, &r);
        c.n = c.d = 1;
        c.c = i <= 40 ? i : random_int(&r, 1, 40);
        c.k = i <= 40 ? random_int(&r, 1, 40) : i;
        random_pads(&c, &r);
        check_case(&c, &r);
    }
}

/* Several groups of tiles, panels of output channels and parts of input channels. */
static void test_large(void **state)
{
    static const int64_t sizes[][4] = {/* h, w, c, k */
                                       {41, 38, 5, 7},   {6, 7, 130, 150},  {9, 5, 420, 33},
                                       {3, 3, 33, 260},  {30, 17, 70, 66},  {1, 90, 20, 64},
                                       {90, 1, 64, 20},  {14, 14, 100, 48}, {7, 7, 96, 130},
                                       {53, 50, 16, 16}, {20, 20, 64, 80}};
    uint64_t r = seed + 2;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct winograd_case c = {
            .h = sizes[i][0], .w = sizes[i][1], .c = sizes[i][2], .k = sizes[i][3]};
        random_rest(&c, (int)i, &r);
        c.n = c.d = 1;
        for (int p = 0; p < 4; p++)
            c.pad[p] = 1;
        check_case(&c, &r);
    }
}

/* Runs all units of a kernel, without guards, into c->got. */
static void plain_run(const struct infer__kernel *k, struct winograd_case *c)
{
    const void *in[4] = {c->x, c->weights, c->biases, c->residuals};
    void *out[1] = {c->got};
    struct infer__need need = {0};
    infer_error err;
    c->t.threads = 1;
    c->in[1].data = c->weights;
    assert_int_equal(prepare_kernel(k, &c->t, &need, &err), INFER_OK);
    void *packed = aligned_alloc(64, (infer__bytes_count(need.packed_bytes) + 63) & ~(size_t)63);
    void *scratch = malloc(infer__bytes_count(need.scratch_bytes));
    k->pack(&c->t, need.cut, packed);
    struct infer__buffers b = {in, out, packed, scratch, need.cut, NULL, NULL};
    k->run(&c->t, &b, 0, need.units);
    free(packed);
    free(scratch);
}

/* Data as in a trained network: inputs that a ReLU gave, weights of variance 2 / (9 C). F(4x4) was
 * measured at up to 4e-6 of the largest output, F(2x2) at 2e-6, a direct convolution at 1e-6. */
static void test_error(void **state)
{
    uint64_t r = seed + 3;
    (void)state;
    const struct infer__kernel *const *all = infer__kernels, *k;
    struct winograd_case c = {.n = 1, .d = 1, .h = 14, .w = 14, .c = 256, .k = 32, .bias = 1};
    for (int i = 0; i < 4; i++)
        c.pad[i] = 1;
    build(&c, &r);
    for (int64_t i = 0; i < infer__operand_elements(&c.in[0]); i++)
        c.x[i] = c.x[i] < 0 ? 0 : c.x[i] * 2;
    for (int64_t i = 0; i < c.k * c.c * 9; i++)
        c.weights[i] *= sqrtf(6.0f / (9 * (float)c.c));
    reference(&c);
    while ((k = next_kernel(&all))) {
        plain_run(k, &c);
        double error = compare(&c, outputs_of(k), k->name);
        printf("%s: largest error %.1e of the largest output\n", k->name, error);
        assert_true(error < (outputs_of(k) == 4 ? 8e-6 : 4e-6));
    }
    drop(&c);
}

/* A picture's bits are the same wherever it stands in a batch. */
static void test_batch_position(void **state)
{
    uint64_t r = seed + 4;
    (void)state;
    const struct infer__kernel *const *all = infer__kernels, *k;
    struct winograd_case c = {.n = 3, .d = 1, .h = 11, .w = 9, .c = 37, .k = 70, .bias = 1};
    c.pad[0] = c.pad[3] = 1;
    build(&c, &r);
    size_t in = (size_t)(c.h * c.w * c.c) * sizeof(float);
    size_t out = (size_t)infer__operand_elements(&c.y) / 3;
    memcpy((char *)c.x + in, c.x, in);
    memcpy((char *)c.x + 2 * in, c.x, in);
    while ((k = next_kernel(&all))) {
        plain_run(k, &c);
        assert_memory_equal(c.got, c.got + out, out * sizeof(float));
        assert_memory_equal(c.got, c.got + 2 * out, out * sizeof(float));
    }
    drop(&c);
}

/* A NaN or infinity reaches every output that sees it, and none that shares no tile with one. */
static void test_special(void **state)
{
    uint64_t r = seed + 5;
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct infer__kernel *const *all = infer__kernels, *k;
        struct winograd_case c = {.n = 1, .d = 1, .h = 20, .w = 20, .c = 5, .k = 18};
        build(&c, &r);
        c.x[(10 * c.w + 9) * c.c + 2] = i ? INFINITY : NAN;
        reference(&c);
        while ((k = next_kernel(&all))) {
            plain_run(k, &c);
            for (int64_t p = 0; p < 18 * 18; p++) {
                int64_t h = p / 18 - 8, w = p % 18 - 7; /* outputs 0 to 2 see it */
                int sees = h >= 0 && h <= 2 && w >= 0 && w <= 2;
                int far = h < -3 || h > 5 || w < -3 || w > 5;
                for (int64_t o = p * c.k; o < (p + 1) * c.k; o++) {
                    assert_true(!sees || !isfinite(c.got[o]));
                    assert_true(!far || isfinite(c.got[o]));
                }
            }
        }
        drop(&c);
    }
}

/* What Winograd does not serve. */
static void test_refused(void **state)
{
    uint64_t r = seed + 6;
    (void)state;
    const struct infer__kernel *const *all = infer__kernels, *k;
    struct winograd_case c = {.n = 1, .d = 1, .h = 9, .w = 9, .c = 8, .k = 8};
    build(&c, &r);
    while ((k = next_kernel(&all))) {
        assert_true(k->estimate(&c.t) > 0);
        for (int i = 0; i < 9; i++) {
            struct infer__operand in[3] = {c.in[0], c.in[1], c.in[2]};
            struct infer__task t = c.t;
            struct infer__window *w = &t.p.window;
            t.in = in;
            int64_t *const bad[] = {&w->stride[1], &w->stride[2], &w->dilation[1], &w->dilation[2],
                                    &w->groups,    &w->kernel[0], &w->kernel[1],   &w->kernel[2]};
            if (i < 8)
                *bad[i] += 1;
            else
                in[1].is_const = 0;
            assert_true(k->estimate(&t) < 0);
        }
    }
    drop(&c);
}

/* Where Winograd gains much it is chosen, whatever the number of threads; where there is next to
 * nothing to do it is not. */
static void test_choice(void **state)
{
    uint64_t r = seed + 7;
    (void)state;
    struct winograd_case c = {.n = 1, .d = 1, .h = 56, .w = 56, .c = 64, .k = 64};
    struct winograd_case tiny = {.n = 1, .d = 1, .h = 3, .w = 3, .c = 1, .k = 1};
    build(&c, &r);
    build(&tiny, &r);
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        c.t.isa = tiny.t.isa = (uint8_t)isa;
        for (uint32_t threads = 1; threads <= 64; threads *= 8) {
            c.t.threads = threads;
            assert_memory_equal(infer__kernel_choose(&c.t)->name, "conv_winograd4", 14);
        }
        assert_null(strstr(infer__kernel_choose(&tiny.t)->name, "winograd"));
    }
    drop(&c);
    drop(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_channels),
        cmocka_unit_test(test_large),          cmocka_unit_test(test_error),
        cmocka_unit_test(test_batch_position), cmocka_unit_test(test_special),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_choice),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
