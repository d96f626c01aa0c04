/* ScaleShift and ChannelShuffle: the definitions against their index rules, the kernels of x86-64
 * against the definitions; and Mod, Range and ScatterND. */
#include "simd_run.h"

static struct operand_dims {
    int64_t dims[4];
} picture(uint64_t *r)
{
    struct operand_dims d = {
        {random_int(r, 1, 2), random_int(r, 1, 7), random_int(r, 1, 9), random_int(r, 1, 70)}};
    if (random_int(r, 0, 9) == 0) /* enough for several units */
        d.dims[1] = 90;
    return d;
}

/* A channels-last operand of `channels`. */
static struct infer__operand pixels_of(struct operand_dims d, infer_type type, int64_t channels)
{
    d.dims[3] = channels;
    struct infer__operand o = operand(type, 4, d.dims);
    o.clast = 1;
    return o;
}

/* ---- ScaleShift ----------------------------------------------------------------------------- */

static struct run random_scale_shift(uint64_t *r)
{
    static const uint16_t acts[] = {INFER__OP_NONE, INFER__OP_RELU, INFER__OP_SIGMOID,
                                    INFER__OP_GELU};
    struct run k = {.t = {.op = INFER__OP_SCALE_SHIFT, .nout = 1}};
    struct operand_dims d = picture(r);
    uint32_t joined = (uint32_t)random_int(r, 1, 5);
    int64_t channels = 0;
    k.t.nin = joined + 2;
    for (uint32_t i = 0; i < joined; i++) {
        int64_t own = random_int(r, 0, 3) ? random_int(r, 1, 40) : 32;
        k.in[i] = pixels_of(d, INFER_F32, own);
        channels += own;
    }
    k.in[joined] = k.in[joined + 1] = operand(INFER_F32, 1, &channels);
    k.out[0] = pixels_of(d, INFER_F32, channels);
    k.t.epi.act = acts[random_int(r, 0, 3)];
    return k;
}

static void test_scale_shift(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct run k = random_scale_shift(&r);
        int64_t channels = k.out[0].dims[3];
        k.t.epi.act = INFER__OP_NONE;
        run_fill(&k, 1, &r);
        run_kernel(&k, "scale_shift_f32_c", &r);
        const float *y = k.y[0], *s = k.x[k.t.nin - 2], *t = k.x[k.t.nin - 1];
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t c = i % channels, inside = c;
            uint32_t from = 0;
            while (inside >= k.in[from].dims[3])
                inside -= k.in[from++].dims[3];
            float x = ((const float *)k.x[from])[i / channels * k.in[from].dims[3] + inside];
            close_to("scale_shift_f32_c", i, (long double)y[i], (long double)(x * s[c] + t[c]),
                     1e-6L);
        }
        run_drop(&k);
    }
}

static void test_scale_shift_simd(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++)
        for (int level = 0; level < SIMD_LEVELS; level++) {
            struct run k = random_scale_shift(&r);
            run_fill(&k, 1, &r);
            simd_compare(&k, "scale_shift_f32", level, "scale_shift_f32_c", 1e-6, 4e-6, 1, &r);
            run_drop(&k);
        }
}

/* ---- ChannelShuffle ------------------------------------------------------------------------- */

static struct run random_shuffle(infer_type type, int64_t groups, uint32_t nin, uint32_t nout,
                                 uint64_t *r)
{
    struct run k = {.t = {.op = INFER__OP_CHANNEL_SHUFFLE, .nin = nin, .nout = nout}};
    struct operand_dims d = picture(r);
    int64_t channels = random_int(r, 1, 9) * groups * nin * nout * 2;
    for (uint32_t i = 0; i < nin; i++)
        k.in[i] = pixels_of(d, type, channels / nin);
    for (uint32_t i = 0; i < nout; i++)
        k.out[i] = pixels_of(d, type, channels / nout);
    k.t.p.shuffle.groups = groups;
    return k;
}

static void test_shuffle(void **state)
{
    static const infer_type types[] = {INFER_U8, INFER_F16, INFER_F32, INFER_S64};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 80; round++) {
        int64_t groups = random_int(&r, 1, 4);
        uint32_t nin = (uint32_t)random_int(&r, 1, 3), nout = (uint32_t)random_int(&r, 1, 3);
        struct run k = random_shuffle(types[round % 4], groups, nin, nout, &r);
        int64_t own = k.in[0].dims[3], cut = k.out[0].dims[3], all = own * nin;
        size_t size = infer_type_size((infer_type)k.out[0].type);
        run_fill(&k, 0, &r);
        run_kernel(&k, "shuffle_c", &r);
        for (uint32_t o = 0; o < nout; o++)
            for (int64_t i = 0; i < infer__operand_elements(&k.out[o]); i++) {
                int64_t c = o * cut + i % cut;
                int64_t from = c % groups * (all / groups) + c / groups;
                assert_memory_equal(
                    (char *)k.y[o] + (size_t)i * size,
                    (char *)k.x[from / own] + (size_t)(i / cut * own + from % own) * size, size);
            }
        run_drop(&k);
    }
}

static void test_shuffle_simd(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 80; round++)
        for (int level = 0; level < SIMD_LEVELS; level++) {
            struct run k =
                random_shuffle(round % 2 ? INFER_F32 : INFER_S32, 2, (uint32_t)random_int(&r, 1, 2),
                               (uint32_t)random_int(&r, 1, 3), &r);
            run_fill(&k, 0, &r);
            simd_compare(&k, "shuffle_4", level, "shuffle_c", -1, -1, 1, &r);
            run_drop(&k);
        }
}

/* ---- Mod, Range, ScatterND ------------------------------------------------------------------- */

static void check_mod(infer_type type, int32_t fmod_, const long double *x, const long double *y,
                      const long double *want, int64_t n)
{
    uint64_t r = seed;
    struct run k = {.t = {.op = INFER__OP_MOD, .nin = 2, .nout = 1}};
    k.t.p.mod.fmod = fmod_;
    k.in[0] = k.in[1] = k.out[0] = operand(type, 1, &n);
    run_fill(&k, 1, &r);
    for (int64_t i = 0; i < n; i++)
        if (type == INFER_F32) {
            ((float *)k.x[0])[i] = (float)x[i];
            ((float *)k.x[1])[i] = (float)y[i];
        } else if (type == INFER_S64) {
            ((int64_t *)k.x[0])[i] = (int64_t)x[i];
            ((int64_t *)k.x[1])[i] = (int64_t)y[i];
        } else {
            ((uint8_t *)k.x[0])[i] = (uint8_t)x[i];
            ((uint8_t *)k.x[1])[i] = (uint8_t)y[i];
        }
    run_kernel(&k, "mod_c", &r);
    for (int64_t i = 0; i < n; i++)
        close_to("mod_c", i, value_at(type, k.y[0], i), want[i], 0);
    run_drop(&k);
}

static void test_mod(void **state)
{
    const long double least = (long double)INT64_MIN;
    (void)state;
    check_mod(INFER_S64, 0, (long double[]){-4, 7, 5, 4, -7, 8, 3, least},
              (long double[]){2, -3, 8, -2, 3, 5, 0, -1}, (long double[]){0, -2, 5, 0, 2, 3, 0, 0},
              8);
    check_mod(INFER_S64, 1, (long double[]){-4, 7, 5, 4, -7, 8, 3, least},
              (long double[]){2, -3, 8, -2, 3, 5, 0, -1}, (long double[]){0, 1, 5, 0, -1, 3, 0, 0},
              8);
    check_mod(INFER_U8, 0, (long double[]){200, 7, 3}, (long double[]){7, 200, 0},
              (long double[]){4, 7, 0}, 3);
    check_mod(INFER_F32, 1, (long double[]){-4.25L, 7.5L, 5}, (long double[]){2, -3, 8},
              (long double[]){-0.25L, 1.5L, 5}, 3);
}

static void test_range(void **state)
{
    uint64_t r = seed;
    int64_t one = 1, n = 5, start = 10, delta = -3, limit = -4;
    struct run k = {.t = {.op = INFER__OP_RANGE, .nin = 3, .nout = 1}};
    (void)state;
    for (int i = 0; i < 3; i++)
        k.in[i] = operand(INFER_S64, 0, &one);
    k.out[0] = operand(INFER_S64, 1, &n);
    run_fill(&k, 1, &r);
    memcpy(k.x[0], &start, sizeof start);
    memcpy(k.x[1], &limit, sizeof limit);
    memcpy(k.x[2], &delta, sizeof delta);
    run_kernel(&k, "range_c", &r);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(((int64_t *)k.y[0])[i], 10 - 3 * i);
    run_drop(&k);
}

/* The later of two updates of one place stays, negative indices count from the end, and what is
 * outside changes nothing. */
static void test_scatter(void **state)
{
    static const int64_t index[5][2] = {{0, 1}, {-1, 0}, {0, 1}, {3, 0}, {1, -9}};
    uint64_t r = seed;
    struct run k = {.t = {.op = INFER__OP_SCATTER_ND, .nin = 3, .nout = 1}};
    (void)state;
    k.in[0] = k.out[0] = operand(INFER_F32, 3, (int64_t[]){3, 2, 4});
    k.in[1] = operand(INFER_S64, 2, (int64_t[]){5, 2});
    k.in[2] = operand(INFER_F32, 2, (int64_t[]){5, 4});
    run_fill(&k, 1, &r);
    memcpy(k.x[1], index, sizeof index);
    run_kernel(&k, "scatter_nd_c", &r);
    const float *x = k.x[0], *u = k.x[2], *y = k.y[0];
    for (int i = 0; i < 24; i++) {
        int place = i / 4;
        float want = place == 1 ? u[2 * 4 + i % 4] : place == 4 ? u[4 + i % 4] : x[i];
        assert_memory_equal(&y[i], &want, sizeof want);
    }
    run_drop(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale_shift), cmocka_unit_test(test_scale_shift_simd),
        cmocka_unit_test(test_shuffle),     cmocka_unit_test(test_shuffle_simd),
        cmocka_unit_test(test_mod),         cmocka_unit_test(test_range),
        cmocka_unit_test(test_scatter),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
