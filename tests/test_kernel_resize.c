/* Resize against ONNX's definition, written as it stands there: for each output element, all axes'
 * neighbours and weights, multiplied out in double. */
#include "simd_run.h"

/* What ONNX's formula calls length_resized: with fractional scales it is no integer. */
static double resized(const struct run *k, int a)
{
    double size = (double)k->t.p.resize.scale[a] * (double)k->in[0].dims[a];
    double out = (double)k->out[0].dims[a];
    return fabs(size - out) < 1e-5 * out ? out : size;
}

static double place(const struct run *k, int a, int64_t at)
{
    const struct infer__resize *p = &k->t.p.resize;
    double size = resized(k, a), in = (double)k->in[0].dims[a], out = (double)k->out[0].dims[a];
    double x = (double)at, scale = size == out ? out / in : (double)p->scale[a];
    double begin = (double)p->roi_begin[a], end = (double)p->roi_end[a];
    switch (p->coordinate) {
    case INFER__PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case INFER__ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (size - 1) : 0;
    case INFER__ASYMMETRIC:
        return x / scale;
    case INFER__TF_CROP_AND_RESIZE:
        return out > 1 ? begin * (in - 1) + x * (end - begin) * (in - 1) / (out - 1)
                       : 0.5 * (begin + end) * (in - 1);
    case INFER__TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / scale;
    case INFER__HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / size) + (x + 0.5) / scale - 0.5;
    default:
        return (x + 0.5) / scale - 0.5;
    }
}

static double cubic(double a, double d)
{
    d = fabs(d);
    if (d <= 1)
        return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* Weight of every input element along an axis; returns 0 where the place is outside of a crop. */
static int weights(const struct run *k, int a, int64_t at, double *w)
{
    const struct infer__resize *p = &k->t.p.resize;
    int64_t n = k->in[0].dims[a];
    double x = place(k, a, at), sum = 0, scale = (double)p->scale[a];
    double narrow = p->antialias && scale < 1 ? scale : 1;
    for (int64_t i = 0; i < n; i++)
        w[i] = 0;
    if (k->in[0].dims[a] == k->out[0].dims[a] && scale == 1 &&
        p->coordinate != INFER__TF_CROP_AND_RESIZE) {
        w[at] = 1;
        return 1;
    }
    if (p->coordinate == INFER__TF_CROP_AND_RESIZE && (x < 0 || x > (double)(n - 1)))
        return 0;
    if (p->mode == INFER__NEAREST) {
        double i = p->nearest == INFER__FLOOR  ? floor(x)
                   : p->nearest == INFER__CEIL ? ceil(x)
                   : x - floor(x) == 0.5
                       ? (p->nearest == INFER__ROUND_PREFER_FLOOR ? floor(x) : ceil(x))
                       : round(x);
        w[(int64_t)fmin(fmax(i, 0), (double)(n - 1))] = 1;
        return 1;
    }
    for (int64_t i = (int64_t)floor(x) - 4 * n - 8; i <= (int64_t)floor(x) + 4 * n + 8; i++) {
        double d = ((double)i - x) * narrow;
        double each = p->mode == INFER__CUBIC ? cubic((double)p->cubic_a, d) : fmax(0, 1 - fabs(d));
        if (p->exclude_outside && (i < 0 || i >= n))
            continue;
        sum += each;
        w[i < 0 ? 0 : i >= n ? n - 1 : i] += each;
    }
    for (int64_t i = 0; i < n; i++)
        w[i] /= sum;
    return 1;
}

static double expected(const struct run *k, const int64_t *at, double *size)
{
    static double w[4][1024];
    int64_t total = infer__operand_elements(&k->in[0]);
    double sum = 0;
    *size = 0;
    for (int a = 0; a < k->in[0].rank; a++)
        if (!weights(k, a, at[a], w[a]))
            return (double)k->t.p.resize.extrapolation;
    for (int64_t i = 0; i < total; i++) {
        int64_t from[INFER_MAX_RANK];
        double each = (double)value_at(k->in[0].type, k->x[0], i);
        unravel(&k->in[0], i, from);
        for (int a = 0; a < k->in[0].rank; a++)
            each *= w[a][from[a]];
        sum += each;
        *size += fabs(each);
    }
    return sum;
}

static void check_kernel_of(struct run *k, const char *kernel, uint64_t *r)
{
    unsigned type = k->in[0].type;
    int nearest = k->t.p.resize.mode == INFER__NEAREST;
    run_kernel(k, kernel, r);
    for (int64_t i = 0; i < infer__operand_elements(&k->out[0]); i++) {
        int64_t at[INFER_MAX_RANK];
        double size;
        unravel(&k->out[0], i, at);
        double want = expected(k, at, &size);
        close_to(kernel, i, value_at(type, k->y[0], i), (long double)want,
                 nearest ? 0 : (long double)(2e-6 * size + 1e-30));
    }
}

static void check_resize(struct run *k, uint64_t *r)
{
    int nearest = k->t.p.resize.mode == INFER__NEAREST;
    run_fill(k, 1, r);
    check_kernel_of(k, nearest ? "resize_nearest_c" : "resize_f32_c", r);
    for (int level = 0; !nearest && level < SIMD_LEVELS; level++) {
        const struct infer__kernel *simd = simd_kernel("resize_f32", level);
        if (!simd)
            continue;
        k->t.isa = simd->isa;
        check_kernel_of(k, simd->name, r);
    }
    run_drop(k);
}

/* Sizes as a model gives them: the scale is their quotient. Quotients of small numbers that lie on
 * an edge between two roundings are exact in both computations. */
static struct run build(int rank, uint32_t axes, infer_type type, uint64_t *r)
{
    int64_t dims[4], out[4];
    struct run k = {.t = {.op = INFER__OP_RESIZE, .nin = 1, .nout = 1}};
    struct infer__resize *p = &k.t.p.resize;
    for (int i = 0; i < rank; i++) {
        int on = axes >> i & 1;
        dims[i] = random_int(r, 1, on ? 9 : 5);
        out[i] = on ? random_int(r, 1, 13) : dims[i];
        p->scale[i] = (float)out[i] / (float)dims[i];
        p->roi_begin[i] = (float)random_int(r, -1, 3) / 4;
        p->roi_end[i] = p->roi_begin[i] + (float)random_int(r, 1, 4) / 4;
        if (!on)
            p->roi_begin[i] = 0, p->roi_end[i] = 1;
    }
    p->extrapolation = 7;
    p->cubic_a = -0.75f;
    k.in[0] = operand(type, rank, dims);
    k.out[0] = operand(type, rank, out);
    return k;
}

static void test_interpolate(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 600; round++) {
        int rank = (int)random_int(&r, 1, 4);
        struct run k = build(rank, (uint32_t)random_int(&r, 0, (1 << rank) - 1), INFER_F32, &r);
        struct infer__resize *p = &k.t.p.resize;
        p->mode = round & 1 ? INFER__LINEAR : INFER__CUBIC;
        p->coordinate = round / 2 % 7;
        p->exclude_outside = random_int(&r, 0, 2) == 0;
        p->antialias = random_int(&r, 0, 1) && p->coordinate != INFER__TF_CROP_AND_RESIZE;
        p->cubic_a = round % 3 ? -0.75f : -0.5f;
        if (p->coordinate == INFER__TF_HALF_PIXEL_FOR_NN)
            p->exclude_outside = 0; /* its places may be outside altogether */
        check_resize(&k, &r);
    }
}

static void test_nearest(void **state)
{
    static const infer_type types[] = {INFER_U8, INFER_S16, INFER_F32, INFER_S64, INFER_F64};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 900; round++) {
        int rank = (int)random_int(&r, 1, 4);
        struct run k =
            build(rank, (uint32_t)random_int(&r, 0, (1 << rank) - 1), types[round % 5], &r);
        struct infer__resize *p = &k.t.p.resize;
        p->nearest = round / 5 % 4;
        p->coordinate = round / 20 % 7;
        /* places on a rounding edge are exact only where dividing is */
        for (int i = 0; i < rank; i++)
            if (k.out[0].dims[i] != k.in[0].dims[i] || p->coordinate == INFER__TF_CROP_AND_RESIZE) {
                int64_t powers[] = {1, 2, 4, 8};
                int64_t f = powers[random_int(&r, 0, 3)];
                int crop = p->coordinate == INFER__TF_CROP_AND_RESIZE;
                int align = p->coordinate == INFER__ALIGN_CORNERS || crop;
                k.in[0].dims[i] = align ? random_int(&r, 1, 3) * 4 + 1 : f;
                k.out[0].dims[i] =
                    align ? 1 + powers[random_int(&r, 0, 3)] : random_int(&r, 1, 3) * f;
                if (!align && random_int(&r, 0, 1)) {
                    int64_t swap = k.in[0].dims[i];
                    k.in[0].dims[i] = k.out[0].dims[i] = swap;
                    k.in[0].dims[i] *= 4;
                }
                p->scale[i] = (float)k.out[0].dims[i] / (float)k.in[0].dims[i];
            }
        check_resize(&k, &r);
    }
}

/* Pictures in channels-last order, as plans have them, and in planes. */
static void test_pictures(void **state)
{
    static const int64_t in[][4] = {{2, 14, 17, 5}, {1, 16, 16, 3}, {1, 3, 20, 15}, {1, 2, 30, 7}};
    static const int64_t out[][4] = {{2, 28, 34, 5}, {1, 7, 5, 3}, {1, 3, 33, 40}, {1, 2, 60, 14}};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 12; round++) {
        struct run k = {.t = {.op = INFER__OP_RESIZE, .nin = 1, .nout = 1}};
        k.in[0] = operand(INFER_F32, 4, in[round % 4]);
        k.out[0] = operand(INFER_F32, 4, out[round % 4]);
        k.t.p.resize.mode = round / 4;
        k.t.p.resize.cubic_a = -0.75f;
        k.t.p.resize.antialias = 1;
        for (int i = 0; i < 4; i++)
            k.t.p.resize.scale[i] = (float)out[round % 4][i] / (float)in[round % 4][i];
        if (round / 4 == INFER__NEAREST && round % 4 != 0 && round % 4 != 3)
            continue; /* places on rounding edges */
        check_resize(&k, &r);
    }
}

/* Planes with rows of every length, made longer and shorter, and turned round. */
static void test_rows(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        const int64_t in[3] = {2, random_int(&r, 1, 4), random_int(&r, 1, 60)};
        const int64_t out[3] = {2, random_int(&r, 1, 6), random_int(&r, 1, 300)};
        struct run k = {.t = {.op = INFER__OP_RESIZE, .nin = 1, .nout = 1}};
        struct infer__resize *p = &k.t.p.resize;
        k.in[0] = operand(INFER_F32, 3, in);
        k.out[0] = operand(INFER_F32, 3, out);
        p->mode = round % 5 ? INFER__LINEAR : INFER__CUBIC;
        p->coordinate = round / 5 % 7;
        if (p->coordinate == INFER__TF_HALF_PIXEL_FOR_NN)
            p->coordinate = INFER__HALF_PIXEL;
        p->cubic_a = -0.75f;
        p->extrapolation = 3;
        for (int i = 0; i < 3; i++) {
            p->scale[i] = (float)out[i] / (float)in[i];
            p->roi_end[i] = 1;
        }
        if (round % 2) /* from beyond the end to the beginning */
            p->roi_begin[2] = 1.25f, p->roi_end[2] = 0;
        check_resize(&k, &r);
    }
}

/* A scale that does not divide: 4 elements by 0.6 are 2, which align_corners spreads over 2.4
 * (ONNX's own example: 1, 3.142857); and 3 / 0.6 is 5, not the number below it. */
static void test_fraction(void **state)
{
    uint64_t r = seed;
    int64_t in[1] = {4}, out[1] = {2}, in5[1] = {7}, out5[1] = {4};
    struct run k = {.t = {.op = INFER__OP_RESIZE, .nin = 1, .nout = 1}};
    (void)state;
    k.in[0] = operand(INFER_F32, 1, in);
    k.out[0] = operand(INFER_F32, 1, out);
    k.t.p.resize.mode = INFER__LINEAR;
    k.t.p.resize.coordinate = INFER__ALIGN_CORNERS;
    k.t.p.resize.scale[0] = 0.6f;
    run_fill(&k, 1, &r);
    for (int i = 0; i < 4; i++)
        ((float *)k.x[0])[i] = (float)(i + 1);
    run_kernel(&k, "resize_f32_c", &r);
    close_to("0.6", 0, value_at(INFER_F32, k.y[0], 0), 1, 0);
    close_to("0.6", 1, value_at(INFER_F32, k.y[0], 1), 3.142857L, 1e-6L);
    run_drop(&k);
    k = (struct run){.t = {.op = INFER__OP_RESIZE, .nin = 1, .nout = 1}};
    k.in[0] = operand(INFER_U8, 1, in5);
    k.out[0] = operand(INFER_U8, 1, out5);
    k.t.p.resize.coordinate = INFER__ASYMMETRIC;
    k.t.p.resize.nearest = INFER__FLOOR;
    k.t.p.resize.scale[0] = 0.6f;
    run_fill(&k, 1, &r);
    for (int i = 0; i < 7; i++)
        ((uint8_t *)k.x[0])[i] = (uint8_t)i;
    run_kernel(&k, "resize_nearest_c", &r);
    assert_int_equal(((uint8_t *)k.y[0])[3], 5);
    run_drop(&k);
}

/* Scales that no resolved node can have must not make tables grow or places leave the input. */
static void test_absurd(void **state)
{
    static const float scales[] = {0, 1e-30f, 1e30f, -1, NAN, INFINITY};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 6 * 7 * 3; round++) {
        struct run k = build(2, 3, INFER_F32, &r);
        k.t.p.resize.mode = round / 42;
        k.t.p.resize.coordinate = round / 6 % 7;
        k.t.p.resize.antialias = 1;
        k.t.p.resize.scale[1] = scales[round % 6];
        run_fill(&k, 1, &r);
        for (int i = 0; i < infer__operand_elements(&k.in[0]); i++)
            ((float *)k.x[0])[i] = 1;
        run_kernel(&k, k.t.p.resize.mode == INFER__NEAREST ? "resize_nearest_c" : "resize_f32_c",
                   &r);
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interpolate), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_pictures),    cmocka_unit_test(test_fraction),
        cmocka_unit_test(test_rows),        cmocka_unit_test(test_absurd),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
