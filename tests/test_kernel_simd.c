/* Kernels of f32 on vectors of x86-64 against the definitions: operators of two operands, pooling,
 * softmax, normalisation. */
#include "simd_run.h"

static const uint16_t acts[] = {INFER__OP_NONE,         INFER__OP_RELU,     INFER__OP_CLIP,
                                INFER__OP_LEAKY_RELU,   INFER__OP_SILU,     INFER__OP_HARD_SWISH,
                                INFER__OP_HARD_SIGMOID, INFER__OP_SIGMOID,  INFER__OP_TANH,
                                INFER__OP_ELU,          INFER__OP_SOFTPLUS, INFER__OP_MISH,
                                INFER__OP_ERF};
enum { ACTS = sizeof acts / sizeof *acts };

static struct infer__epilogue random_epilogue(uint64_t *r)
{
    struct infer__epilogue e = {
        .act = acts[random_int(r, 0, ACTS - 1)], .alpha = -0.25f, .beta = 0.75f};
    return e;
}

/* ---- two operands --------------------------------------------------------------------------- */

static const uint16_t binary_ops[] = {INFER__OP_ADD, INFER__OP_SUB, INFER__OP_MUL,   INFER__OP_DIV,
                                      INFER__OP_MIN, INFER__OP_MAX, INFER__OP_PRELU, INFER__OP_SUM};

/* Each operand keeps, or has 1 for, each axis. */
static void binary_case(int level, int rank, const int64_t *dims, int tame, uint64_t *r)
{
    struct run k = {.t = {.op = binary_ops[random_int(r, 0, 7)], .nin = 2, .nout = 1}};
    int64_t own[2][INFER_MAX_RANK];
    int other = (int)random_int(r, 0, 1);
    for (int a = 0; a < rank; a++) {
        own[other][a] = dims[a];
        own[1 - other][a] = random_int(r, 0, 1) ? 1 : dims[a];
    }
    if (random_int(r, 0, 7) == 0 && rank > 1) /* both are spread */
        own[other][rank - 1] = 1, own[1 - other][rank - 1] = dims[rank - 1];
    for (int i = 0; i < 2; i++) {
        int cut = 0; /* leading axes of 1 may be left out */
        while (cut < rank && own[i][cut] == 1 && random_int(r, 0, 1))
            cut++;
        k.in[i] = operand(INFER_F32, rank - cut, own[i] + cut);
    }
    k.out[0] = operand(INFER_F32, rank, dims);
    if (tame)
        k.t.epi = random_epilogue(r);
    run_fill(&k, tame, r);
    if (tame)
        simd_compare(&k, "binary_f32", level, "binary_f32_c", 2e-6, 1e-6, 1, r);
    else
        simd_compare(&k, "binary_f32", level, "binary_f32_c", 0, 0, 1, r);
    run_drop(&k);
}

static void test_binary(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 400; i++) {
        int64_t dims[INFER_MAX_RANK];
        int rank = random_dims(dims, 0, 5, 9, &r);
        if (rank && i % 4 == 0)
            dims[rank - 1] = random_int(&r, 0, 67);
        if (rank == 4 && i % 3 == 0)
            dims[2] = random_int(&r, 1, 300);
        binary_case(i & 1, rank, dims, i % 5 != 0, &r);
    }
    for (int64_t n = 0; n <= 67; n++)
        for (int level = 0; level < SIMD_LEVELS; level++) {
            const int64_t dims[] = {2, 3, n};
            binary_case(level, 3, dims, 0, &r);
        }
    const int64_t large[] = {2, 70, 150, 3};
    for (int i = 0; i < 8; i++)
        binary_case(i & 1, 4, large, 1, &r);
}

static void test_binary_in_place(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 64; i++) {
        const struct infer__kernel *kernel = simd_kernel("binary_f32", i & 1);
        int64_t n = random_int(&r, 1, 67);
        struct infer__operand o = operand(INFER_F32, 1, &n);
        struct infer__operand pair[2] = {o, o};
        float *a = random_data(&o, 1, &r), *b = random_data(&o, 1, &r), want[67];
        struct infer__task t = {
            .op = binary_ops[i / 2 % 8], .threads = 1, .nin = 2, .nout = 1, .in = pair, .out = &o};
        void *out[] = {want};
        const void *in[] = {a, b};
        struct infer__buffers buffers = {.in = in, .out = out};
        if (kernel) {
            t.isa = kernel->isa;
            kernel->run(&t, &buffers, 0, 1);
            out[0] = i & 2 ? a : b;
            kernel->run(&t, &buffers, 0, 1);
            assert_memory_equal(out[0], want, (size_t)n * 4);
        }
        free(a);
        free(b);
    }
}

/* ---- pooling -------------------------------------------------------------------------------- */

static int64_t window_out(int64_t in, int64_t pads, int64_t reach, int64_t stride, int ceil_mode)
{
    int64_t room = in + pads - reach;
    return room < 0 ? 0 : (ceil_mode ? room + stride - 1 : room) / stride + 1;
}

static void pool_case(int level, int is_max, int64_t c, uint64_t *r)
{
    int spatial = (int)random_int(r, 1, 3), ceil_mode = (int)random_int(r, 0, 1);
    int64_t size[3] = {1, 1, 1}, out[3] = {1, 1, 1}, n = random_int(r, 1, 2);
    struct run k = {
        .t = {.op = is_max ? INFER__OP_MAX_POOL : INFER__OP_AVERAGE_POOL, .nin = 1, .nout = 1}};
    struct infer__window *w = &k.t.p.window;
    *w = (struct infer__window){.kernel = {1, 1, 1},
                                .stride = {1, 1, 1},
                                .dilation = {1, 1, 1},
                                .groups = 1,
                                .spatial = spatial,
                                .count_include_pad = (int32_t)random_int(r, 0, 1)};
    int square = (int)random_int(r, 0, 1);
    for (int a = 3 - spatial; a < 3; a++) {
        int copy = square && a > 3 - spatial;
        size[a] = random_int(r, 1, a ? 12 : 3);
        w->kernel[a] = copy ? w->kernel[a - 1] : random_int(r, 1, a ? 5 : 2);
        w->stride[a] = copy ? w->stride[a - 1] : random_int(r, 1, 3) == 3 ? 2 : 1;
        w->dilation[a] = random_int(r, 0, 5) ? 1 : 2;
        w->pad_begin[a] = random_int(r, 0, w->kernel[a]);
        w->pad_end[a] = random_int(r, 0, w->kernel[a]);
        out[a] = window_out(size[a], w->pad_begin[a] + w->pad_end[a],
                            (w->kernel[a] - 1) * w->dilation[a] + 1, w->stride[a], ceil_mode);
        if (out[a] < 1)
            out[a] = 1;
    }
    k.in[0] = spatial_operand(INFER_F32, spatial, n, size, c);
    k.out[0] = spatial_operand(INFER_F32, spatial, n, out, c);
    run_fill(&k, !is_max, r);
    /* a NaN's bits too: only their sign and digits of the input's can come out */
    if (is_max)
        simd_compare(&k, "max_pool_f32", level, "max_pool_f32_c", -1, -1, 0, r);
    else
        simd_compare(&k, "average_pool_f32", level, "average_pool_f32_c", -1, -1, 0, r);
    run_drop(&k);
}

static void test_pool(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 68 * 8; i++)
        pool_case(i & 1, i >> 1 & 1, i >> 3, &r);
}

/* The windows that networks have, at sizes where the faster kernel is to be chosen. */
static void test_pool_known(void **state)
{
    static const int64_t windows[][3] = {{3, 2, 1}, {2, 2, 0}, {5, 1, 2}, {3, 1, 1}, {13, 1, 6}};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 20; i++) {
        const int64_t *v = windows[i / 4];
        int64_t in[3] = {1, 20, 21}, out[3] = {1};
        struct run k = {
            .t = {.op = i & 2 ? INFER__OP_MAX_POOL : INFER__OP_AVERAGE_POOL, .nin = 1, .nout = 1}};
        k.t.p.window = (struct infer__window){.kernel = {1, v[0], v[0]},
                                              .stride = {1, v[1], v[1]},
                                              .dilation = {1, 1, 1},
                                              .pad_begin = {0, v[2], v[2]},
                                              .pad_end = {0, v[2], v[2]},
                                              .groups = 1,
                                              .spatial = 2};
        for (int a = 1; a < 3; a++)
            out[a] = window_out(in[a], 2 * v[2], v[0], v[1], 0);
        k.in[0] = spatial_operand(INFER_F32, 2, 1, in, 64 + i);
        k.out[0] = spatial_operand(INFER_F32, 2, 1, out, 64 + i);
        run_fill(&k, 1, &r);
        simd_compare(&k, i & 2 ? "max_pool_f32" : "average_pool_f32", i & 1,
                     i & 2 ? "max_pool_f32_c" : "average_pool_f32_c", -1, -1, 1, &r);
        run_drop(&k);
    }
}

static void test_global_pool(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 68 * 4; i++) {
        int is_max = i >> 1 & 1;
        int64_t size[3] = {1, random_int(&r, 1, 9), random_int(&r, 1, 9)}, one[3] = {1, 1, 1};
        int64_t c = i / 4 == 67 ? 300 : i / 4 + 1, n = random_int(&r, 1, 3);
        struct run k = {
            .t = {.op = is_max ? INFER__OP_GLOBAL_MAX_POOL : INFER__OP_GLOBAL_AVERAGE_POOL,
                  .nin = 1,
                  .nout = 1}};
        k.in[0] = spatial_operand(INFER_F32, 2, n, size, c);
        k.out[0] = spatial_operand(INFER_F32, 2, n, one, c);
        run_fill(&k, !is_max, &r);
        simd_compare(&k, is_max ? "global_max_pool_f32" : "global_average_pool_f32", i & 1,
                     is_max ? "global_max_pool_f32_c" : "global_average_pool_f32_c", -1, -1, 0, &r);
        run_drop(&k);
    }
}

/* ---- softmax -------------------------------------------------------------------------------- */

static void softmax_case(int level, int rank, const int64_t *dims, int axis, int tame, uint64_t *r)
{
    struct run k = {.t = {.op = random_int(r, 0, 1) ? INFER__OP_SOFTMAX : INFER__OP_LOG_SOFTMAX,
                          .nin = 1,
                          .nout = 1,
                          .p.axis = {.axis = axis}}};
    k.in[0] = k.out[0] = operand(INFER_F32, rank, dims);
    run_fill(&k, tame, r);
    simd_compare(&k, "softmax_f32", level, "softmax_f32_c", 1e-6, 1e-37, 0, r);
    run_drop(&k);
}

static void test_softmax(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int level = 0; level < SIMD_LEVELS; level++)
        for (int64_t n = 0; n <= 67; n++) {
            const int64_t rows[] = {3, n}, columns[] = {2, 5, n};
            softmax_case(level, 2, rows, 1, n % 3 != 0, &r);
            softmax_case(level, 3, columns, 1, n % 3 != 0, &r);
            softmax_case(level, 3, columns, 0, 1, &r);
        }
    const int64_t large[] = {5, 3001};
    softmax_case(0, 2, large, 1, 1, &r);
    softmax_case(1, 2, large, 1, 1, &r);
}

/* ---- normalisation -------------------------------------------------------------------------- */

static void test_layer_norm(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 2 * 70; i++) {
        const int64_t n = i / 2 < 67 ? i / 2 + 1 : 768, dims[] = {2, 3, n},
                      statistics[] = {2, 3, 1};
        struct run k = {.t = {.op = INFER__OP_LAYER_NORMALIZATION,
                              .nin = (uint32_t)random_int(&r, 2, 3),
                              .nout = (uint32_t)random_int(&r, 1, 3),
                              .p.norm = {.epsilon = 1e-3f, .axis = 2},
                              .epi = random_epilogue(&r)}};
        k.in[0] = k.out[0] = operand(INFER_F32, 3, dims);
        k.in[1] = operand(INFER_F32, 1, &n);
        if (k.t.nin > 2)
            k.in[2] = operand(INFER_F32, 1, &n);
        k.out[1] = k.out[2] = operand(INFER_F32, 3, statistics);
        run_fill(&k, 1, &r);
        simd_compare(&k, "layer_norm_f32", i & 1, "layer_norm_f32_c", 3e-6, 5e-6, 0, &r);
        run_drop(&k);
    }
}

/* Far from 0, where sums of squares lose what differences keep. */
static void test_layer_norm_offset(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 8; i++) {
        const int64_t n = 384, dims[] = {4, n};
        struct run k = {.t = {.op = INFER__OP_LAYER_NORMALIZATION,
                              .nin = 2,
                              .nout = 1,
                              .p.norm = {.epsilon = 1e-6f, .axis = 1}}};
        k.in[0] = k.out[0] = operand(INFER_F32, 2, dims);
        k.in[1] = operand(INFER_F32, 1, &n);
        run_fill(&k, 1, &r);
        for (int64_t e = 0; e < 4 * n; e++)
            ((float *)k.x[0])[e] += i & 2 ? 30000.0f : -1000.0f;
        if (i & 4) /* the first one lies far from all others */
            ((float *)k.x[0])[0] = 1e6f;
        /* the mean is rounded to f32 in both: its last digit may differ */
        simd_compare(&k, "layer_norm_f32", i & 1, "layer_norm_f32_c", 1e-5, i & 2 ? 5e-3 : 3e-4, 1,
                     &r);
        run_drop(&k);
    }
}

static void positive(float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = fabsf(x[i]) + 0.1f;
}

static void test_spatial_norms(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 68 * 4; i++) {
        int batch = i >> 1 & 1;
        int64_t size[3] = {1, random_int(&r, 1, 7), random_int(&r, 1, 9)}, n = random_int(&r, 1, 2);
        int64_t c = i / 4 == 67 ? 300 : i / 4 + 1;
        struct run k = {
            .t = {.op = batch ? INFER__OP_BATCH_NORMALIZATION : INFER__OP_INSTANCE_NORMALIZATION,
                  .nin = batch ? 5 : 3,
                  .nout = 1,
                  .p.norm = {.epsilon = 1e-3f},
                  .epi = random_epilogue(&r)}};
        k.in[0] = k.out[0] = spatial_operand(INFER_F32, 2, n, size, c);
        for (uint32_t a = 1; a < k.t.nin; a++)
            k.in[a] = operand(INFER_F32, 1, &c);
        if (batch && i & 4) {
            k.t.epi.residual = 1;
            k.in[k.t.nin++] = k.in[0];
        }
        run_fill(&k, 1, &r);
        if (batch)
            positive(k.x[4], c);
        simd_compare(&k, batch ? "batch_norm_f32" : "instance_norm_f32", i & 1,
                     batch ? "batch_norm_f32_c" : "instance_norm_f32_c", 5e-6, 1e-5, 0, &r);
        run_drop(&k);
    }
}

static void test_lrn(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 68 * 2; i++) {
        int64_t size[3] = {1, random_int(&r, 1, 7), random_int(&r, 1, 9)};
        struct run k = {
            .t = {
                .op = INFER__OP_LRN,
                .nin = 1,
                .nout = 1,
                .p.norm = {.alpha = 0.3f, .beta = 0.75f, .bias = 1, .size = random_int(&r, 1, 9)}}};
        if (i % 16 == 0)
            k.t.p.norm.size = 64;
        k.in[0] = k.out[0] = spatial_operand(INFER_F32, 2, 2, size, i / 2 + 1);
        run_fill(&k, 1, &r);
        simd_compare(&k, "lrn_f32", i & 1, "lrn_f32_c", 1e-6, 1e-30, 0, &r);
        run_drop(&k);
    }
}

/* ---- transposing ---------------------------------------------------------------------------- */

static void transpose_case(int level, int rank, const int64_t *dims, const int *perm, uint64_t *r)
{
    static const infer_type types[] = {INFER_F32, INFER_S32, INFER_U32};
    int64_t turned[INFER_MAX_RANK];
    struct run k = {.t = {.op = INFER__OP_TRANSPOSE, .nin = 1, .nout = 1}};
    infer_type type = types[random_int(r, 0, 2)];
    for (int i = 0; i < rank; i++) {
        turned[i] = dims[perm[i]];
        k.t.p.transpose.perm[i] = perm[i];
    }
    k.in[0] = operand(type, rank, dims);
    k.out[0] = operand(type, rank, turned);
    run_fill(&k, 1, r);
    k.t.isa = INFER_ISA_AVX512;
    static const char *const names[] = {"transpose_4", "interleave_3"};
    for (int i = 0; i < 2; i++) {
        const struct infer__kernel *kernel = simd_kernel(names[i], level);
        if (kernel && kernel->estimate(&k.t) >= 0)
            simd_compare(&k, names[i], level, "transpose_c", -1, -1, 0, r);
    }
    run_drop(&k);
}

static void test_transpose(void **state)
{
    static const int perms[][4] = {{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0},
                                   {2, 3, 0, 1}, {1, 0, 3, 2}, {3, 0, 2, 1}};
    static const int pair[] = {0, 2, 1};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 300; i++) {
        const int64_t dims[] = {random_int(&r, 1, 20), random_int(&r, 1, 20), random_int(&r, 1, 20),
                                random_int(&r, 1, 20)};
        transpose_case(i & 1, 4, dims, perms[random_int(&r, 0, 5)], &r);
    }
    for (int i = 0; i < 80; i++) {
        const int64_t dims[] = {random_int(&r, 1, 3), 3, random_int(&r, 1, 100),
                                random_int(&r, 1, 100)};
        transpose_case(i & 1, 4, dims, perms[0], &r);
    }
    for (int64_t n = 0; n <= 67; n++)
        for (int level = 0; level < SIMD_LEVELS; level++) {
            const int64_t dims[] = {2, n, random_int(&r, 4, 67)}, wide[] = {2, n, 3000};
            transpose_case(level, 3, dims, pair, &r);
            if (n % 16 == 9)
                transpose_case(level, 3, wide, pair, &r);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary),        cmocka_unit_test(test_binary_in_place),
        cmocka_unit_test(test_pool),          cmocka_unit_test(test_pool_known),
        cmocka_unit_test(test_global_pool),   cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_layer_norm),    cmocka_unit_test(test_layer_norm_offset),
        cmocka_unit_test(test_spatial_norms), cmocka_unit_test(test_lrn),
        cmocka_unit_test(test_transpose),
    };
    if (!infer__kernel_find("binary_f32_avx2")) {
        printf("skipped: this build has no kernels of x86-64\n");
        return 0;
    }
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
