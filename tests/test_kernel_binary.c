/* Operators of two and more operands: broadcasting by index arithmetic, formulas in long double
 * or, for integers, modulo 2^bits. */
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

/* The low bits of an exact integer, read as `type`. */
static long double wrap(unsigned type, __int128 v)
{
    unsigned bits = (unsigned)infer_type_size((infer_type)type) * 8;
    unsigned __int128 low = (unsigned __int128)v & (((unsigned __int128)1 << bits) - 1);
    if (is_signed(type) && low >> (bits - 1))
        return (long double)((__int128)low - ((__int128)1 << bits));
    return (long double)low;
}

static long double integer(unsigned op, unsigned type, long double la, long double lb)
{
    __int128 a = (__int128)la, b = (__int128)lb;
    switch (op) {
    case INFER__OP_ADD:
    case INFER__OP_SUM:
        return wrap(type, a + b);
    case INFER__OP_SUB:
        return wrap(type, a - b);
    case INFER__OP_MUL: /* 64 x 64 bits may pass 127: unsigned */
        return wrap(type, (__int128)((unsigned __int128)a * (unsigned __int128)b));
    case INFER__OP_DIV:
        return b ? wrap(type, a / b) : 0;
    case INFER__OP_PRELU:
        return a < 0 ? wrap(type, a * b) : la;
    default:
        return 0;
    }
}

static long double formula(unsigned op, unsigned type, long double a, long double b)
{
    switch (op) {
    case INFER__OP_MIN:
        return isnan(a) || isnan(b) ? (long double)NAN : fminl(a, b);
    case INFER__OP_MAX:
        return isnan(a) || isnan(b) ? (long double)NAN : fmaxl(a, b);
    case INFER__OP_EQUAL:
        return a == b;
    case INFER__OP_LESS:
        return a < b;
    case INFER__OP_LESS_OR_EQUAL:
        return a <= b;
    case INFER__OP_GREATER:
        return a > b;
    case INFER__OP_GREATER_OR_EQUAL:
        return a >= b;
    default:
        break;
    }
    if (!is_float(type))
        return integer(op, type, a, b);
    switch (op) {
    case INFER__OP_ADD:
    case INFER__OP_SUM:
        return a + b;
    case INFER__OP_SUB:
        return a - b;
    case INFER__OP_MUL:
        return a * b;
    case INFER__OP_DIV:
        return a / b;
    case INFER__OP_PRELU:
        return a < 0 ? a * b : a;
    default:
        return powl(a, b);
    }
}

/* How far from the exact result a rounded one may be. */
static long double bound(unsigned op, unsigned type, long double want)
{
    long double digits = type == INFER_F64    ? 0x1p-52L
                         : type == INFER_F32  ? 0x1p-23L
                         : type == INFER_F16  ? 0x1p-10L
                         : type == INFER_BF16 ? 0x1p-7L
                                              : 0;
    if ((op >= INFER__OP_EQUAL && op <= INFER__OP_OR) || op == INFER__OP_MIN || op == INFER__OP_MAX)
        return 0;
    return digits * fabsl(want) + (type == INFER_F16 ? 0x1p-24L : type == INFER_F64 ? 0 : 1e-37L);
}

/* Shapes that broadcast to a random one; an operand may have fewer axes. */
static void broadcast_shapes(struct run *k, infer_type type, infer_type result, uint64_t *r)
{
    int64_t dims[INFER_MAX_RANK];
    int many = random_int(r, 0, 9) == 0; /* up to 8 axes, or few but longer ones */
    int rank = random_dims(dims, 0, many ? 8 : 4, many ? 3 : 14, r);
    k->out[0] = operand(result, rank, dims);
    for (uint32_t i = 0; i < k->t.nin; i++) {
        int64_t own[INFER_MAX_RANK];
        int cut = (int)random_int(r, 0, 3) == 0 ? (int)random_int(r, 0, rank) : 0;
        for (int a = 0; a < rank; a++)
            own[a] = random_int(r, 0, 2) == 0 ? 1 : dims[a];
        k->in[i] = operand(type, rank - cut, own + cut);
    }
    if (k->t.nin && random_int(r, 0, 1)) /* as most tensors are */
        k->in[random_int(r, 0, k->t.nin - 1)] = operand(type, rank, dims);
}

static const uint16_t ops[] = {
    INFER__OP_ADD,   INFER__OP_SUB,           INFER__OP_MUL,     INFER__OP_DIV,
    INFER__OP_PRELU, INFER__OP_MIN,           INFER__OP_MAX,     INFER__OP_EQUAL,
    INFER__OP_LESS,  INFER__OP_LESS_OR_EQUAL, INFER__OP_GREATER, INFER__OP_GREATER_OR_EQUAL};
enum { OPS = sizeof ops / sizeof *ops };

static void compare(struct run *k, unsigned type)
{
    for (int64_t i = 0; i < infer__operand_elements(&k->out[0]); i++) {
        long double want = value_at(type, k->x[0], broadcast_at(&k->out[0], &k->in[0], i));
        for (uint32_t j = 1; j < k->t.nin; j++)
            want = formula(k->t.op, type, want,
                           value_at(type, k->x[j], broadcast_at(&k->out[0], &k->in[j], i)));
        long double got = value_at(k->out[0].type, k->y[0], i);
        if (is_float(type) && isinf(got) && fabsl(want) > 65504) /* rightly beyond the range */
            continue;
        close_to(infer__op_info(k->t.op)->name, i, got, want,
                 k->t.nin * bound(k->t.op, type, want));
    }
}

static void test_every_type(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < OPS * TYPES * 12; round++) {
        infer_type type = types[round % TYPES];
        struct run k = {.t = {.op = ops[round / TYPES % OPS], .nin = 2, .nout = 1}};
        int compares = k.t.op >= INFER__OP_EQUAL;
        broadcast_shapes(&k, type, compares ? INFER_BOOL : type, &r);
        run_fill(&k, round / (OPS * TYPES) & 1, &r);
        run_kernel(
            &k, type == INFER_F32 && !compares && round % 5 ? "binary_f32_c" : "binary_any_c", &r);
        compare(&k, type);
        run_drop(&k);
    }
}

/* The shapes that models have, at sizes that make several units and blocks. */
static void test_large(void **state)
{
    static const int64_t shapes[][2][4] = {
        {{2, 30, 31, 24}, {2, 30, 31, 24}}, {{2, 30, 31, 24}, {1, 1, 1, 1}},
        {{2, 30, 31, 24}, {1, 1, 1, 24}},   {{3, 17, 19, 40}, {3, 1, 1, 40}},
        {{1, 64, 28, 28}, {1, 64, 1, 1}},   {{1, 1, 1, 1}, {1, 7, 90, 70}},
        {{2, 1, 60, 1}, {2, 50, 1, 20}},    {{1, 1, 1, 40000}, {1, 1, 1, 40000}},
    };
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 8 * 5; round++) {
        struct run k = {.t = {.op = ops[round / 8], .nin = 2, .nout = 1}};
        k.out[0] = operand(INFER_F32, 4, shapes[round % 8][0]);
        for (int i = 0; i < 4; i++)
            k.out[0].dims[i] *= k.out[0].dims[i] == 1 ? shapes[round % 8][1][i] : 1;
        k.in[round & 1] = operand(INFER_F32, 4, shapes[round % 8][0]);
        k.in[!(round & 1)] = operand(INFER_F32, 4, shapes[round % 8][1]);
        if (round % 3 == 0)
            k.t.epi.act = INFER__OP_RELU;
        run_fill(&k, 1, &r);
        run_kernel(&k, "binary_f32_c", &r);
        if (k.t.epi.act)
            for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
                float *y = (float *)k.y[0] + i;
                long double want =
                    formula(k.t.op, INFER_F32,
                            value_at(INFER_F32, k.x[0], broadcast_at(&k.out[0], &k.in[0], i)),
                            value_at(INFER_F32, k.x[1], broadcast_at(&k.out[0], &k.in[1], i)));
                close_to("with Relu", i, (long double)*y, want < 0 ? 0 : want, 1e-6L * fabsl(want));
            }
        else
            compare(&k, INFER_F32);
        run_drop(&k);
    }
}

static void test_variadic(void **state)
{
    static const uint16_t which[] = {INFER__OP_MIN, INFER__OP_MAX, INFER__OP_SUM};
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < TYPES * 30; round++) {
        infer_type type = types[round % TYPES];
        struct run k = {
            .t = {.op = which[round % 3], .nin = (uint32_t)random_int(&r, 1, 7), .nout = 1}};
        broadcast_shapes(&k, type, type, &r);
        if (k.t.nin == 1)
            k.in[0] = k.out[0];
        int tame = is_float(type) && k.t.op == INFER__OP_SUM;
        run_fill(&k, tame, &r);
        run_kernel(&k, "binary_any_c", &r);
        if (!tame) {
            compare(&k, type);
            run_drop(&k);
            continue;
        }
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            long double sum = 0, size = 0;
            for (uint32_t j = 0; j < k.t.nin; j++) {
                long double x = value_at(type, k.x[j], broadcast_at(&k.out[0], &k.in[j], i));
                sum += x;
                size += fabsl(x);
            }
            close_to("Sum", i, value_at(type, k.y[0], i), sum, 8 * bound(k.t.op, type, size));
        }
        run_drop(&k);
    }
}

/* The output may be one of the operands. */
static void test_in_place(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct run k = {.t = {.op = ops[round % 7], .nin = 2, .nout = 1, .threads = 1}};
        const struct infer__kernel *kernel =
            infer__kernel_find(round % 2 ? "binary_f32_c" : "binary_any_c");
        int64_t dims[2] = {random_int(&r, 1, 40), random_int(&r, 1, 1100)};
        int place = round / 2 % 2;
        k.in[0] = k.in[1] = k.out[0] = operand(INFER_F32, 2, dims);
        if (round % 3 == 0)
            k.in[!place].dims[0] = 1;
        run_fill(&k, 1, &r);
        run_kernel(&k, kernel->name, &r);
        const void *in[2] = {k.x[0], k.x[1]};
        void *out[1] = {k.x[place]};
        struct infer__buffers b = {.in = in, .out = out};
        struct infer__need need = {0};
        infer_error err;
        assert_int_equal(prepare_kernel(kernel, &k.t, &need, &err), INFER_OK);
        kernel->run(&k.t, &b, 0, need.units);
        assert_memory_equal(out[0], k.y[0], operand_bytes(&k.out[0]));
        run_drop(&k);
    }
}

static void test_division(void **state)
{
    static const int32_t a[] = {INT32_MIN, INT32_MIN, 7, -7, 7, 0, INT32_MAX};
    static const int32_t b[] = {-1, 0, -2, 2, 0, 0, -1};
    static const int32_t want[] = {INT32_MIN, 0, -3, -3, 0, 0, -INT32_MAX};
    uint64_t r = seed;
    int64_t n = 7;
    struct run k = {.t = {.op = INFER__OP_DIV, .nin = 2, .nout = 1}};
    (void)state;
    k.in[0] = k.in[1] = k.out[0] = operand(INFER_S32, 1, &n);
    run_fill(&k, 1, &r);
    memcpy(k.x[0], a, sizeof a);
    memcpy(k.x[1], b, sizeof b);
    run_kernel(&k, "binary_any_c", &r);
    assert_memory_equal(k.y[0], want, sizeof want);
    run_drop(&k);
}

/* ---- Pow, And, Or, Where --------------------------------------------------------------------- */

static void test_pow(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int a = 0; a < TYPES; a++)
        for (int b = 0; b < TYPES; b++) {
            struct run k = {.t = {.op = INFER__OP_POW, .nin = 2, .nout = 1}};
            broadcast_shapes(&k, types[a], types[a], &r);
            k.in[1].type = (uint8_t)types[b];
            run_fill(&k, 1, &r);
            int same = a == b && types[a] == INFER_F32;
            run_kernel(&k, same ? "binary_f32_c" : "pow_any_c", &r);
            for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
                long double x = value_at(types[a], k.x[0], broadcast_at(&k.out[0], &k.in[0], i));
                long double e = value_at(types[b], k.x[1], broadcast_at(&k.out[0], &k.in[1], i));
                long double want = powl(x, e), got = value_at(types[a], k.y[0], i);
                if (is_float(types[a])) {
                    if (isinf(got) && fabsl(want) > 65504)
                        continue;
                } else if (is_float(types[b])) {
                    long double all = powl(2, (long double)infer_type_size(types[a]) * 8);
                    long double low = is_signed(types[a]) ? -all / 2 : 0, high = low + all - 1;
                    want = isnan(want) ? 0 : fminl(fmaxl(truncl(want), low), high);
                } else if (e >= 0) {
                    unsigned __int128 p = 1; /* modulo 2^128, then 2^bits */
                    for (int j = 0; j < (int)e; j++)
                        p *= (unsigned __int128)(__int128)x;
                    want = wrap(types[a], (__int128)p);
                } else {
                    want = x == 1 || x == -1 ? want : 0;
                }
                close_to("Pow", i, got, want,
                         is_float(types[a]) || !is_float(types[b]) ? bound(k.t.op, types[a], want)
                                                                   : 1e-12L * fabsl(want));
            }
            run_drop(&k);
        }
}

static void test_logic(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 90; round++) {
        static const uint16_t which[] = {INFER__OP_AND, INFER__OP_OR, INFER__OP_EQUAL};
        struct run k = {.t = {.op = which[round % 3], .nin = 2, .nout = 1}};
        broadcast_shapes(&k, INFER_BOOL, INFER_BOOL, &r);
        run_fill(&k, 1, &r);
        run_kernel(&k, "binary_any_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int a = ((uint8_t *)k.x[0])[broadcast_at(&k.out[0], &k.in[0], i)];
            int b = ((uint8_t *)k.x[1])[broadcast_at(&k.out[0], &k.in[1], i)];
            assert_int_equal(((uint8_t *)k.y[0])[i], round % 3 == 0   ? a & b
                                                     : round % 3 == 1 ? a | b
                                                                      : a == b);
        }
        run_drop(&k);
    }
}

static void test_where(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < TYPES * 20; round++) {
        infer_type type = types[round % TYPES];
        size_t size = infer_type_size(type);
        struct run k = {.t = {.op = INFER__OP_WHERE, .nin = 3, .nout = 1}};
        broadcast_shapes(&k, type, type, &r);
        k.in[0].type = INFER_BOOL;
        run_fill(&k, 0, &r);
        run_kernel(&k, "where_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int which = ((uint8_t *)k.x[0])[broadcast_at(&k.out[0], &k.in[0], i)] ? 1 : 2;
            int64_t at = broadcast_at(&k.out[0], &k.in[which], i);
            assert_memory_equal((char *)k.y[0] + (size_t)i * size,
                                (char *)k.x[which] + (size_t)at * size, size);
        }
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type), cmocka_unit_test(test_large),
        cmocka_unit_test(test_variadic),   cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_division),   cmocka_unit_test(test_pow),
        cmocka_unit_test(test_logic),      cmocka_unit_test(test_where),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
