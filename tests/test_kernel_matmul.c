/* MatMul and Gemm against sums in long double over NumPy's index rules, at every instruction set
 * of this CPU. */
#include "base/cpu.h"
#include "kernel_run.h"

static const char *const kernels[] = {"matmul_f32_c", "matmul_f32_packed_c",
                                      "matmul_f32_packed_avx2", "matmul_f32_packed_avx512"};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* The kernel if this CPU has what it needs. */
static const struct infer__kernel *kernel_at(int i)
{
    const struct infer__kernel *k = infer__kernel_find(kernels[i]);
    return k && infer_cpu_has(k->isa) ? k : NULL;
}

/* Fails where an output is further from the exact one than f32 sums of k products can be. */
static void judge(int64_t i, float got, long double sum, long double size, int64_t k)
{
    close_to("product", i, (long double)got, sum, ((long double)k + 8) * 0x1p-24L * size + 1e-37L);
}

static void run_all(struct run *k, void (*compare)(const struct run *k), uint64_t *r)
{
    for (int i = 0; i < KERNELS; i++) {
        const struct infer__kernel *kernel = kernel_at(i);
        if (!kernel)
            continue;
        k->t.isa = kernel->isa;
        run_kernel(k, kernels[i], r);
        compare(k);
    }
}

/* ---- MatMul --------------------------------------------------------------------------------- */

static void compare_matmul(const struct run *k)
{
    const struct infer__operand *a = &k->in[0], *b = &k->in[1], *y = &k->out[0];
    int64_t depth = a->dims[a->rank - 1], columns = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    int64_t rows = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    struct infer__operand batch = {.rank = 0}, ab = *a, bb = *b;
    ab.rank = (uint8_t)(a->rank > 2 ? a->rank - 2 : 0);
    bb.rank = (uint8_t)(b->rank > 2 ? b->rank - 2 : 0);
    batch.rank = ab.rank > bb.rank ? ab.rank : bb.rank;
    for (int i = 0; i < batch.rank; i++)
        batch.dims[i] = y->dims[i];
    for (int64_t i = 0; i < infer__operand_elements(y); i++) {
        int64_t column = i % columns, row = i / columns % rows, at = i / columns / rows;
        const float *x = (const float *)k->x[0] + broadcast_at(&batch, &ab, at) * rows * depth;
        const float *w = (const float *)k->x[1] + broadcast_at(&batch, &bb, at) * depth * columns;
        long double sum = 0, size = 0;
        for (int64_t d = 0; d < depth; d++) {
            long double p = (long double)x[row * depth + d] * (long double)w[d * columns + column];
            sum += p;
            size += fabsl(p);
        }
        judge(i, ((float *)k->y[0])[i], sum, size, depth);
    }
}

static void test_matmul(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 400; round++) {
        int64_t adims[5], bdims[5], ydims[5], m = random_int(&r, 1, 40), n = random_int(&r, 1, 80);
        int64_t depth = random_int(&r, round % 20 ? 1 : 0, 70);
        int ar = (int)random_int(&r, 0, 2), br = (int)random_int(&r, 0, 2), yr = ar > br ? ar : br;
        int vector_a = random_int(&r, 0, 7) == 0, vector_b = random_int(&r, 0, 7) == 0;
        struct run k = {.t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1}};
        if (vector_a)
            ar = 0;
        if (vector_b)
            br = 0;
        yr = ar > br ? ar : br;
        for (int i = 0; i < yr; i++) {
            ydims[i] = random_int(&r, 1, 3);
            int which = (int)random_int(&r, 0, 3);
            if (i >= yr - ar)
                adims[i - (yr - ar)] = which == 0 && i >= yr - br ? 1 : ydims[i];
            if (i >= yr - br)
                bdims[i - (yr - br)] = which == 1 && i >= yr - ar ? 1 : ydims[i];
        }
        if (!vector_a)
            adims[ar++] = ydims[yr++] = m;
        if (!vector_b)
            ydims[yr++] = n;
        adims[ar++] = bdims[br++] = depth;
        if (!vector_b)
            bdims[br++] = n;
        k.in[0] = operand(INFER_F32, ar, adims);
        k.in[1] = operand(INFER_F32, br, bdims);
        k.in[1].is_const = (uint8_t)(round & 1);
        k.out[0] = operand(INFER_F32, yr, ydims);
        run_fill(&k, 1, &r);
        run_all(&k, compare_matmul, &r);
        run_drop(&k);
    }
}

/* ---- Gemm ----------------------------------------------------------------------------------- */

static void compare_gemm(const struct run *k)
{
    const struct infer__gemm *p = &k->t.p.gemm;
    const struct infer__operand *y = &k->out[0];
    int64_t m = y->dims[0], n = y->dims[1], depth = k->in[0].dims[!p->trans_a];
    int bias = k->t.nin - k->t.epi.residual == 3 && k->in[2].type;
    for (int64_t i = 0; i < m * n; i++) {
        int64_t row = i / n, column = i % n;
        long double sum = 0, size = 0;
        for (int64_t d = 0; d < depth; d++) {
            float a = ((float *)k->x[0])[p->trans_a ? d * m + row : row * depth + d];
            float b = ((float *)k->x[1])[p->trans_b ? column * depth + d : d * n + column];
            sum += (long double)p->alpha * (long double)a * (long double)b;
            size += fabsl((long double)p->alpha * (long double)a * (long double)b);
        }
        if (bias) {
            long double c =
                (long double)p->beta * value_at(INFER_F32, k->x[2], broadcast_at(y, &k->in[2], i));
            sum += c;
            size += fabsl(c);
        }
        if (k->t.epi.residual) {
            long double c = value_at(INFER_F32, k->x[k->t.nin - 1], i);
            sum += c;
            size += fabsl(c);
        }
        if (k->t.epi.act)
            sum = sum < 0 ? (long double)k->t.epi.alpha * sum : sum;
        judge(i, ((float *)k->y[0])[i], sum, size, depth);
    }
}

static void build_gemm(struct run *k, int64_t m, int64_t n, int64_t depth, uint64_t *r)
{
    int64_t y[2] = {m, n}, a[2] = {m, depth}, at[2] = {depth, m}, b[2] = {depth, n},
            bt[2] = {n, depth};
    int rank = (int)random_int(r, 0, 2);
    *k = (struct run){.t = {.op = INFER__OP_GEMM, .nin = 2, .nout = 1}};
    k->t.p.gemm = (struct infer__gemm){.alpha = random_int(r, 0, 1) ? 1 : random_float(r),
                                       .beta = random_int(r, 0, 1) ? 1 : random_float(r),
                                       .trans_a = random_int(r, 0, 2) == 0,
                                       .trans_b = (int32_t)random_int(r, 0, 1)};
    k->in[0] = operand(INFER_F32, 2, k->t.p.gemm.trans_a ? at : a);
    k->in[1] = operand(INFER_F32, 2, k->t.p.gemm.trans_b ? bt : b);
    k->in[1].is_const = (uint8_t)random_int(r, 0, 1);
    k->out[0] = operand(INFER_F32, 2, y);
    if (random_int(r, 0, 2)) {
        k->in[k->t.nin] = operand(INFER_F32, rank, y + 2 - rank);
        for (int i = 0; i < rank; i++)
            if (random_int(r, 0, 2) == 0)
                k->in[k->t.nin].dims[i] = 1;
        k->t.nin++;
    } else if (random_int(r, 0, 1)) {
        k->t.nin++; /* an absent bias */
    }
    if (random_int(r, 0, 1))
        k->t.epi = (struct infer__epilogue){.act = INFER__OP_LEAKY_RELU, .alpha = 0.25f};
    if (random_int(r, 0, 2) == 0) {
        k->t.epi.residual = 1;
        k->in[k->t.nin++] = operand(INFER_F32, 2, y);
    }
}

/* Every remainder of rows and columns of every kernel's tile. */
static void test_gemm_tails(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t m = 1; m <= 26; m++)
        for (int64_t n = 1; n <= 66; n += m > 13 ? 5 : 1) {
            struct run k;
            build_gemm(&k, m, n, random_int(&r, 1, 9), &r);
            run_fill(&k, 1, &r);
            run_all(&k, compare_gemm, &r);
            run_drop(&k);
        }
}

/* One row goes over several panels at once. */
static void test_gemm_row(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t n = 60; n <= 300; n += random_int(&r, 1, 7)) {
        struct run k;
        build_gemm(&k, 1, n, random_int(&r, 0, 9), &r);
        k.in[1].is_const = 1;
        run_fill(&k, 1, &r);
        run_all(&k, compare_gemm, &r);
        run_drop(&k);
    }
}

static void test_gemm_large(void **state)
{
    static const int64_t sizes[][3] = {{1, 1000, 1280}, {1, 33, 9000}, {500, 37, 64},
                                       {17, 10, 3000},  {241, 64, 1},  {64, 96, 128},
                                       {3, 5, 0},       {480, 31, 40}};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 16; i++) {
        struct run k;
        build_gemm(&k, sizes[i % 8][0], sizes[i % 8][1], sizes[i % 8][2], &r);
        run_fill(&k, 1, &r);
        run_all(&k, compare_gemm, &r);
        run_drop(&k);
    }
}

/* A row has the same bits alone and among any number of others, and with B constant or not. */
static void test_rows_alone(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < KERNELS; i++)
        for (int64_t m = 2; m <= 30 && kernel_at(i); m += 7) {
            int64_t a[2] = {m, 100}, b[2] = {100, 50}, y[2] = {m, 50};
            struct run k = {.t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1}}, one;
            k.t.isa = kernel_at(i)->isa;
            k.in[0] = operand(INFER_F32, 2, a);
            k.in[1] = operand(INFER_F32, 2, b);
            k.out[0] = operand(INFER_F32, 2, y);
            run_fill(&k, 1, &r);
            run_kernel(&k, kernels[i], &r);
            for (int64_t row = 0; row < m; row++) {
                one = k;
                one.in[0].dims[0] = one.out[0].dims[0] = 1;
                one.in[1].is_const = (uint8_t)(row & 1);
                one.x[0] = (float *)k.x[0] + row * 100;
                one.y[0] = NULL;
                run_fill(&one, 1, &r);
                run_kernel(&one, kernels[i], &r);
                assert_memory_equal(one.y[0], (float *)k.y[0] + row * 50, 50 * sizeof(float));
                free(one.y[0]);
            }
            run_drop(&k);
        }
}

/* Large weights are packed in pieces: in any order these make what packing whole makes. */
static void test_pack_pieces(void **state)
{
    uint64_t r = seed;
    int64_t a[2] = {1, 2500}, b[2] = {1100, 2500}, y[2] = {1, 1100};
    int found = 0;
    (void)state;
    for (int i = 0; i < KERNELS; i++) {
        const struct infer__kernel *k = kernel_at(i);
        struct run g = {.t = {.op = INFER__OP_GEMM, .nin = 2, .nout = 1, .threads = 2}};
        struct infer__need need = {0};
        infer_error err;
        if (!k || !k->pack_piece)
            continue;
        g.t.isa = k->isa;
        g.t.p.gemm = (struct infer__gemm){.alpha = 1, .beta = 1, .trans_b = 1};
        g.in[0] = operand(INFER_F32, 2, a);
        g.in[1] = operand(INFER_F32, 2, b);
        g.in[1].is_const = 1;
        g.out[0] = operand(INFER_F32, 2, y);
        run_fill(&g, 1, &r);
        g.in[1].data = g.x[1];
        g.t.in = g.in;
        g.t.out = g.out;
        assert_int_equal(prepare_kernel(k, &g.t, &need, &err), INFER_OK);
        assert_in_range(need.pack_pieces, 2, 100);
        char *whole = malloc(infer__bytes_count(need.packed_bytes)),
             *pieces = malloc(infer__bytes_count(need.packed_bytes));
        assert_true(whole && pieces);
        memset(whole, 0xA5, infer__bytes_count(need.packed_bytes));
        memset(pieces, 0x5A, infer__bytes_count(need.packed_bytes));
        k->pack(&g.t, need.cut, whole);
        for (uint32_t p = need.pack_pieces; p-- > 0;)
            k->pack_piece(&g.t, need.cut, pieces, p, need.pack_pieces);
        assert_memory_equal(whole, pieces, infer__bytes_count(need.packed_bytes));
        free(whole);
        free(pieces);
        run_drop(&g);
        found++;
    }
    assert_true(found > 0);
}

/* NaN and infinities go where they belong and nowhere else. */
static void test_special(void **state)
{
    uint64_t r = seed;
    int64_t a[2] = {7, 5}, b[2] = {5, 35}, y[2] = {7, 35};
    (void)state;
    for (int i = 0; i < KERNELS; i++) {
        struct run k = {.t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1}};
        if (!kernel_at(i))
            continue;
        k.t.isa = kernel_at(i)->isa;
        k.in[0] = operand(INFER_F32, 2, a);
        k.in[1] = operand(INFER_F32, 2, b);
        k.out[0] = operand(INFER_F32, 2, y);
        run_fill(&k, 1, &r);
        ((float *)k.x[0])[2 * 5 + 1] = NAN;
        ((float *)k.x[1])[3 * 35 + 34] = INFINITY;
        run_kernel(&k, kernels[i], &r);
        for (int j = 0; j < 7 * 35; j++) {
            float got = ((float *)k.y[0])[j], by = ((float *)k.x[0])[j / 35 * 5 + 3];
            if (j / 35 == 2)
                assert_true(isnan(got));
            else if (j % 35 == 34)
                assert_true(by == 0 ? isnan(got) : isinf(got) && (got > 0) == (by > 0));
            else
                assert_true(isfinite(got));
        }
        run_drop(&k);
    }
}

/* The level that may be used is respected. */
static void test_choose(void **state)
{
    int64_t a[2] = {64, 64}, b[2] = {64, 64};
    struct infer__operand in[2] = {operand(INFER_F32, 2, a), operand(INFER_F32, 2, b)};
    struct infer__task t = {.op = INFER__OP_MATMUL, .nin = 2, .nout = 1, .in = in, .out = in};
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_after(isa)) {
        t.isa = (uint8_t)isa;
        const struct infer__kernel *k = infer__kernel_choose(&t);
        assert_non_null(k);
        assert_true(infer__isa_has(isa, k->isa));
        for (int i = 0; i < KERNELS; i++)
            if (infer__kernel_find(kernels[i]) &&
                !infer__isa_has(isa, infer__kernel_find(kernels[i])->isa))
                assert_true(infer__kernel_find(kernels[i])->estimate(&t) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul),     cmocka_unit_test(test_gemm_tails),
        cmocka_unit_test(test_gemm_row),   cmocka_unit_test(test_gemm_large),
        cmocka_unit_test(test_rows_alone), cmocka_unit_test(test_pack_pieces),
        cmocka_unit_test(test_special),    cmocka_unit_test(test_choose),
    };
    seed = random_seed();
    printf("instruction set: %s\n", infer_isa_name(infer_cpu_isa()));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
