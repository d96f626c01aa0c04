/* Moving bytes: transposes and channel shuffles of u8, quantised or not, against their formulas. */
#include "base/cpu.h"
#include "int8_run.h"

static void fill(struct run *k, uint64_t *r)
{
    run_fill(k, 0, r);
    for (uint32_t i = 0; i < k->t.nin; i++)
        bytes_fill(k->x[i], infer__operand_elements(&k->in[i]), r);
}

/* Runs each of `names` that serves the task; returns how many did. */
static int any_level(struct run *k, const char *const *names, const uint8_t *want, uint64_t *r)
{
    int ran = 0;
    for (; *names; names++)
        ran += bytes_compare(k, *names, want, r);
    return ran;
}

/* ---- transposing ---------------------------------------------------------------------------- */

static int transpose_check(int rank, const int64_t *dims, const int32_t *perm, uint64_t *r)
{
    static const char *const names[] = {"transpose_c", "transpose_1_avx2", "triples_1_avx2", NULL};
    struct run k = {.t = {.op = INFER__OP_TRANSPOSE, .nin = 1, .nout = 1}};
    struct quant_one q;
    int64_t out[INFER_MAX_RANK];
    quant_random(&q, r);
    for (int i = 0; i < rank; i++) {
        k.t.p.transpose.perm[i] = perm[i];
        out[i] = dims[perm[i]];
    }
    k.in[0] = operand(INFER_U8, rank, dims);
    k.out[0] = operand(INFER_U8, rank, out);
    if (random_int(r, 0, 1))
        k.in[0].quant = k.out[0].quant = &q.q;
    fill(&k, r);
    int64_t n = infer__operand_elements(&k.out[0]);
    uint8_t *want = malloc((size_t)n + 1);
    for (int64_t i = 0; i < n; i++) {
        int64_t at[INFER_MAX_RANK], from[INFER_MAX_RANK];
        unravel(&k.out[0], i, at);
        for (int a = 0; a < rank; a++)
            from[perm[a]] = at[a];
        want[i] = ((uint8_t *)k.x[0])[ravel(&k.in[0], from)];
    }
    int ran = any_level(&k, names, want, r);
    free(want);
    run_drop(&k);
    return ran;
}

static void test_transpose(void **state)
{
    uint64_t r = seed;
    int ran = 0;
    (void)state;
    for (int round = 0; round < 300; round++) {
        int rank = (int)random_int(&r, 2, 4);
        int64_t dims[4];
        int32_t perm[4] = {0, 1, 2, 3};
        for (int i = 0; i < rank; i++)
            dims[i] = random_int(&r, 1, random_int(&r, 0, 2) ? 9 : 70);
        for (int i = rank - 1; i > 0; i--) {
            int j = (int)random_int(&r, 0, i);
            int32_t swap = perm[i];
            perm[i] = perm[j];
            perm[j] = swap;
        }
        ran += transpose_check(rank, dims, perm, &r);
    }
    for (int64_t size = 1; size <= 50; size++) {
        int64_t planes[3] = {random_int(&r, 1, 2), 3, size * random_int(&r, 1, 200)};
        ran += transpose_check(3, planes, (int32_t[3]){0, 2, 1}, &r);
        int64_t square[2] = {size, random_int(&r, 1, 50)};
        ran += transpose_check(2, square, (int32_t[2]){1, 0}, &r);
    }
    if (infer_cpu_has(INFER_ISA_AVX2))
        assert_true(ran > 400);
}

/* ---- shuffling ------------------------------------------------------------------------------ */

static int shuffle_check(int64_t half, uint32_t nin, uint32_t nout, uint64_t *r)
{
    static const char *const names[] = {"shuffle_c", "shuffle_1_avx2", "shuffle_1_avx512", NULL};
    const int64_t pixels = random_int(r, 1, 30), channels = 2 * half;
    int64_t in[4] = {1, 1, pixels, channels / nin}, out[4] = {1, 1, pixels, channels / nout};
    struct run k = {.t = {.op = INFER__OP_CHANNEL_SHUFFLE, .nin = nin, .nout = nout}};
    struct quant_one q;
    int ran = 0;
    quant_random(&q, r);
    k.t.p.shuffle.groups = 2;
    for (uint32_t i = 0; i < nin; i++) {
        k.in[i] = operand(INFER_U8, 4, in);
        k.in[i].clast = 1;
        k.in[i].quant = &q.q;
    }
    for (uint32_t i = 0; i < nout; i++) {
        k.out[i] = operand(INFER_U8, 4, out);
        k.out[i].clast = 1;
        k.out[i].quant = &q.q;
    }
    fill(&k, r);
    for (const char *const *name = names; *name; name++) {
        const struct infer__kernel *kernel = infer__kernel_find(*name);
        k.t.in = k.in;
        k.t.out = k.out;
        if (!kernel || !infer_cpu_has(kernel->isa))
            continue;
        k.t.isa = kernel->isa;
        if (kernel->estimate(&k.t) < 0)
            continue;
        check_kernel(kernel, &k.t, (const void *const *)k.x, k.y, r);
        ran++;
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < channels; c++) {
                int64_t from = c % 2 * half + c / 2, own = channels / nin, cut = channels / nout;
                uint8_t want = ((uint8_t *)k.x[from / own])[p * own + from % own];
                assert_int_equal(((uint8_t *)k.y[c / cut])[p * cut + c % cut], want);
            }
    }
    run_drop(&k);
    return ran;
}

static void test_shuffle(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int64_t half = 1; half <= 150; half++) {
        int all = 1 + infer_cpu_has(INFER_ISA_AVX2) + infer_cpu_has(INFER_ISA_AVX512);
        assert_int_equal(shuffle_check(half, 1, 1, &r), all);
        assert_int_equal(shuffle_check(half, 2, 1, &r), all);
        if (half % 2 == 0)
            assert_int_equal(shuffle_check(half, 2, 2, &r), all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_shuffle),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
