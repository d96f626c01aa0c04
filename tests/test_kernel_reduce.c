/* Reductions, ArgMax and ArgMin by their definition: every element of the input is visited once
 * and goes to the output element that its kept indices name. */
#include "kernel_run.h"

static const infer_type types[] = {INFER_F32, INFER_F64, INFER_F16, INFER_BF16,
                                   INFER_S8,  INFER_U8,  INFER_S16, INFER_U16,
                                   INFER_S32, INFER_U32, INFER_S64, INFER_U64};
enum { TYPES = sizeof types / sizeof *types };

static int is_float(unsigned type)
{
    return type == INFER_F32 || type == INFER_F64 || type == INFER_F16 || type == INFER_BF16;
}

static int is_signed(unsigned type)
{
    return type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64;
}

static long double modulo(unsigned type, long double x)
{
    long double all = powl(2, (long double)infer_type_size((infer_type)type) * 8);
    x -= floorl(x / all) * all;
    return is_signed(type) && x >= all / 2 ? x - all : x;
}

static int64_t kept_index(const struct run *k, int64_t i)
{
    int64_t index[INFER_MAX_RANK], to = 0;
    unravel(&k->in[0], i, index);
    for (int a = 0; a < k->in[0].rank; a++)
        if (!(k->t.p.reduce.axes >> a & 1))
            to = to * k->in[0].dims[a] + index[a];
    return to;
}

static void check_reduce(const struct run *k)
{
    unsigned op = k->t.op, type = k->in[0].type;
    int64_t total = infer__operand_elements(&k->in[0]), n = infer__operand_elements(&k->out[0]);
    long double *sum = calloc((size_t)n + 1, sizeof *sum),
                *size = calloc((size_t)n + 1, sizeof *sum);
    int64_t *count = calloc((size_t)n + 1, sizeof *count);
    long double digits = type == INFER_F64    ? 0x1p-49L
                         : type == INFER_F32  ? 0x1p-23L
                         : type == INFER_F16  ? 0x1p-10L
                         : type == INFER_BF16 ? 0x1p-7L
                                              : 0;
    for (int64_t i = 0; i < total; i++) {
        int64_t to = kept_index(k, i);
        long double x = value_at(type, k->x[0], i), s = sum[to];
        if (count[to]++ == 0)
            sum[to] = x;
        else if (op == INFER__OP_REDUCE_MAX)
            sum[to] = isnan(s) || isnan(x) ? (long double)NAN : fmaxl(s, x);
        else if (op == INFER__OP_REDUCE_MIN)
            sum[to] = isnan(s) || isnan(x) ? (long double)NAN : fminl(s, x);
        else if (op == INFER__OP_REDUCE_PROD)
            sum[to] = is_float(type) ? s * x : modulo(type, s * x);
        else
            sum[to] = s + x;
        size[to] += fabsl(x);
    }
    for (int64_t i = 0; i < n; i++) {
        long double want = sum[i];
        if (op == INFER__OP_REDUCE_MEAN)
            want = is_float(type) ? want / (long double)count[i]
                                  : truncl(want / (long double)count[i]);
        else if (op == INFER__OP_REDUCE_SUM && !is_float(type))
            want = modulo(type, want);
        else if (op == INFER__OP_REDUCE_PROD)
            size[i] = fabsl(want) * (long double)count[i];
        long double bound = digits * fabsl(want) + 0x1p-49L * size[i] + 1e-37L;
        if (op == INFER__OP_REDUCE_MAX || op == INFER__OP_REDUCE_MIN || !is_float(type))
            bound = 0;
        else if (type == INFER_F16)
            bound += 6e-8L;
        long double got = value_at(type, k->y[0], i);
        if (!(isinf(got) && fabsl(want) > 65504))
            close_to(infer__op_info(op)->name, i, got, want, bound);
    }
    free(sum);
    free(size);
    free(count);
}

static void shape(struct run *k, infer_type type, int64_t largest, uint64_t *r)
{
    int64_t dims[INFER_MAX_RANK], kept[INFER_MAX_RANK];
    int rank = random_dims(dims, 0, random_int(r, 0, 5) ? 4 : 8, largest, r), to = 0;
    if (rank > 4)
        for (int i = 0; i < rank; i++)
            dims[i] = dims[i] > 3 ? 3 : dims[i];
    k->t.p.reduce.axes = (uint32_t)random_int(r, 0, (1 << rank) - 1);
    k->t.p.reduce.keepdims = (int32_t)random_int(r, 0, 1);
    for (int i = 0; i < rank; i++)
        if (!(k->t.p.reduce.axes >> i & 1))
            kept[to++] = dims[i];
        else if (k->t.p.reduce.keepdims)
            kept[to++] = 1;
    k->in[0] = operand(type, rank, dims);
    k->out[0] = operand(type, to, kept);
}

static void test_reduce(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < TYPES * 5 * 12; round++) {
        infer_type type = types[round % TYPES];
        struct run k = {.t = {.op = (uint16_t)(INFER__OP_REDUCE_MEAN + round / TYPES % 5),
                              .nin = 1,
                              .nout = 1}};
        int order = k.t.op == INFER__OP_REDUCE_MAX || k.t.op == INFER__OP_REDUCE_MIN;
        shape(&k, type, round % 3 ? 9 : 20, &r);
        run_fill(&k, !order, &r);
        run_kernel(&k, "reduce_c", &r);
        check_reduce(&k);
        run_drop(&k);
    }
}

static void test_reduce_large(void **state)
{
    static const int64_t shapes[][4] = {{2, 40, 14, 14}, {1, 1200, 1, 9}, {1, 2, 3, 3001}};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 45; round++) {
        struct run k = {
            .t = {.op = (uint16_t)(INFER__OP_REDUCE_MEAN + round % 4), .nin = 1, .nout = 1}};
        uint32_t axes = round / 15 == 0 ? 0xc : round / 15 == 1 ? 0x2 : 0xf;
        k.in[0] = k.out[0] = operand(INFER_F32, 4, shapes[round % 3]);
        k.t.p.reduce.axes = axes;
        for (int i = 0; i < 4; i++)
            if (axes >> i & 1)
                k.out[0].dims[i] = 1;
        run_fill(&k, 1, &r);
        run_kernel(&k, "reduce_c", &r);
        check_reduce(&k);
        run_drop(&k);
    }
}

/* What is folded from nothing. */
static void test_reduce_empty(void **state)
{
    static const float want[] = {NAN, 0, -INFINITY, INFINITY, 1};
    static const int32_t whole[] = {0, 0, INT32_MIN, INT32_MAX, 1};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 10; i++) {
        int64_t dims[2] = {3, 0}, out[1] = {3};
        struct run k = {
            .t = {.op = (uint16_t)(INFER__OP_REDUCE_MEAN + i / 2), .nin = 1, .nout = 1}};
        infer_type type = i & 1 ? INFER_F32 : INFER_S32;
        k.in[0] = operand(type, 2, dims);
        k.out[0] = operand(type, 1, out);
        k.t.p.reduce.axes = 2;
        run_fill(&k, 1, &r);
        run_kernel(&k, "reduce_c", &r);
        for (int j = 0; j < 3; j++)
            close_to("of nothing", i, value_at(type, k.y[0], j),
                     i & 1 ? (long double)want[i / 2] : whole[i / 2], 0);
        run_drop(&k);
    }
}

/* ---- ArgMax, ArgMin -------------------------------------------------------------------------- */

static int64_t best_place(const struct run *k, int64_t at, int64_t step)
{
    unsigned type = k->in[0].type;
    int64_t best = 0, n = k->in[0].dims[k->t.p.axis.axis];
    for (int64_t i = 1; i < n; i++) {
        long double x = value_at(type, k->x[0], at + i * step);
        long double y = value_at(type, k->x[0], at + best * step);
        int same = x == y || (isnan(x) && isnan(y));
        int better = isnan(y) ? 0 : isnan(x) ? 1 : k->t.op == INFER__OP_ARG_MAX ? x > y : x < y;
        if (better || (same && k->t.p.axis.select_last))
            best = i;
    }
    return best;
}

static void test_arg(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < TYPES * 40; round++) {
        infer_type type = types[round % TYPES];
        int64_t dims[5], kept[5], inner = 1;
        int rank = random_dims(dims, 1, 4, 8, &r), axis = (int)random_int(&r, 0, rank - 1), to = 0;
        struct run k = {
            .t = {.op = round & 1 ? INFER__OP_ARG_MAX : INFER__OP_ARG_MIN, .nin = 1, .nout = 1}};
        if (round % 4 == 0)
            dims[axis] = random_int(&r, 1, 1200);
        if (round % 4 == 1)
            dims[rank - 1] = random_int(&r, 1, 200);
        k.t.p.axis = (struct infer__axis){
            .axis = axis, .keepdims = round / 2 % 2, .select_last = (int32_t)random_int(&r, 0, 1)};
        for (int i = 0; i < rank; i++) {
            if (i != axis || k.t.p.axis.keepdims)
                kept[to++] = i == axis ? 1 : dims[i];
            inner *= i > axis ? dims[i] : 1;
        }
        k.in[0] = operand(type, rank, dims);
        k.out[0] = operand(INFER_S64, to, kept);
        run_fill(&k, round % 3, &r);
        run_kernel(&k, "arg_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t at = i / inner * dims[axis] * inner + i % inner;
            assert_int_equal(((int64_t *)k.y[0])[i], best_place(&k, at, inner));
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reduce),
        cmocka_unit_test(test_reduce_large),
        cmocka_unit_test(test_reduce_empty),
        cmocka_unit_test(test_arg),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
