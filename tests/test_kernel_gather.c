/* GatherElements, GatherND, ScatterElements, ScatterND with a reduction, CumSum and CumProd, each
 * by the index rule of its definition. */
#include "kernel_run.h"

static const infer_type types[] = {INFER_F32, INFER_S64, INFER_U8, INFER_F64, INFER_S32, INFER_S16};
enum { TYPES = sizeof types / sizeof *types };

/* Fills operand `in` of s64 or s32 with indices of an axis of `dim`, some counted from the end. */
static void fill_indices(struct run *k, uint32_t in, const int64_t *dim, int64_t dims, uint64_t *r)
{
    const int64_t n = infer__operand_elements(&k->in[in]);
    void *p = malloc((size_t)n * 8 + 8);
    for (int64_t i = 0; i < n; i++) {
        int64_t size = dim[i % dims], v = random_int(r, -size, size - 1);
        if (k->in[in].type == INFER_S64)
            ((int64_t *)p)[i] = v;
        else
            ((int32_t *)p)[i] = (int32_t)v;
    }
    k->x[in] = p;
}

static int64_t index_value(const struct run *k, uint32_t in, int64_t i, int64_t dim)
{
    int64_t v = (int64_t)value_at(k->in[in].type, k->x[in], i);
    return v < 0 ? v + dim : v;
}

static void same_bytes(const struct run *k, int64_t i, int64_t from)
{
    const size_t size = infer_type_size((infer_type)k->out[0].type);
    assert_memory_equal((char *)k->y[0] + (size_t)i * size, (char *)k->x[0] + (size_t)from * size,
                        size);
}

static void test_gather_elements(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        infer_type type = types[round % TYPES];
        int64_t dims[INFER_MAX_RANK], own[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 4, 7, &r), axis = (int)random_int(&r, 0, rank - 1);
        struct run k = {.t = {.op = INFER__OP_GATHER_ELEMENTS, .nin = 2, .nout = 1}};
        for (int a = 0; a < rank; a++)
            own[a] = random_int(&r, 1, a == axis ? 9 : dims[a]);
        k.in[0] = operand(type, rank, dims);
        k.in[1] = operand(round % 2 ? INFER_S64 : INFER_S32, rank, own);
        k.out[0] = operand(type, rank, own);
        k.t.p.axis.axis = axis;
        fill_indices(&k, 1, &dims[axis], 1, &r);
        run_fill(&k, 0, &r);
        run_kernel(&k, "gather_elements_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t at[INFER_MAX_RANK];
            unravel(&k.out[0], i, at);
            at[axis] = index_value(&k, 1, i, dims[axis]);
            same_bytes(&k, i, ravel(&k.in[0], at));
        }
        run_drop(&k);
    }
}

static void test_gather_nd(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        infer_type type = types[round % TYPES];
        int64_t dims[INFER_MAX_RANK], index[INFER_MAX_RANK], out[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 4, 5, &r), batch = (int)random_int(&r, 0, rank - 1);
        int named = (int)random_int(&r, 1, rank - batch), irank = batch, orank = 0;
        for (int a = 0; a < batch; a++)
            index[a] = dims[a];
        if (round % 3)
            index[irank++] = random_int(&r, 1, 6);
        index[irank++] = named;
        for (int a = 0; a < irank - 1; a++)
            out[orank++] = index[a];
        for (int a = batch + named; a < rank; a++)
            out[orank++] = dims[a];
        struct run k = {.t = {.op = INFER__OP_GATHER_ND, .nin = 2, .nout = 1}};
        k.in[0] = operand(type, rank, dims);
        k.in[1] = operand(round % 2 ? INFER_S64 : INFER_S32, irank, index);
        k.out[0] = operand(type, orank, out);
        k.t.p.index.batch = batch;
        fill_indices(&k, 1, dims + batch, named, &r);
        run_fill(&k, 0, &r);
        run_kernel(&k, "gather_nd_c", &r);
        for (int64_t i = 0; i < infer__operand_elements(&k.out[0]); i++) {
            int64_t to[INFER_MAX_RANK], from[INFER_MAX_RANK], place = 0;
            unravel(&k.out[0], i, to);
            for (int a = 0; a < irank - 1; a++)
                place = place * index[a] + to[a];
            for (int a = 0; a < rank; a++)
                from[a] = a < batch ? to[a]
                          : a < batch + named
                              ? index_value(&k, 1, place * named + a - batch, dims[a])
                              : to[irank - 1 + a - batch - named];
            same_bytes(&k, i, ravel(&k.in[0], from));
        }
        run_drop(&k);
    }
}

/* What a number of the type becomes of a wider one: integers wrap. */
static long double wrapped(unsigned type, long double x)
{
    if (type == INFER_F32)
        return (long double)(float)x;
    if (type == INFER_F64)
        return (long double)(double)x;
    const long double all = powl(2, (long double)infer_type_size((infer_type)type) * 8);
    x -= floorl(x / all) * all;
    return type != INFER_U8 && x >= all / 2 ? x - all : x;
}

static long double combined(int reduction, unsigned type, long double a, long double b)
{
    switch (reduction) {
    case INFER__REDUCE_ADD:
        return wrapped(type, a + b);
    case INFER__REDUCE_MUL:
        return wrapped(type, a * b);
    case INFER__REDUCE_MIN:
        return fminl(a, b);
    case INFER__REDUCE_MAX:
        return fmaxl(a, b);
    default:
        return b;
    }
}

static void check_scattered(const struct run *k, const long double *want)
{
    for (int64_t i = 0; i < infer__operand_elements(&k->out[0]); i++)
        close_to(infer__op_info(k->t.op)->name, i, value_at(k->out[0].type, k->y[0], i), want[i],
                 0);
}

static long double *copied(const struct run *k)
{
    const int64_t n = infer__operand_elements(&k->in[0]);
    long double *want = calloc((size_t)n, sizeof *want);
    for (int64_t i = 0; i < n; i++)
        want[i] = value_at(k->in[0].type, k->x[0], i);
    return want;
}

static void test_scatter_elements(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 300; round++) {
        infer_type type = types[round % TYPES];
        int64_t dims[INFER_MAX_RANK], own[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 3, 5, &r), axis = (int)random_int(&r, 0, rank - 1);
        struct run k = {.t = {.op = INFER__OP_SCATTER_ELEMENTS, .nin = 3, .nout = 1}};
        for (int a = 0; a < rank; a++)
            own[a] = random_int(&r, 1, a == axis ? 6 : dims[a]);
        k.in[0] = k.out[0] = operand(type, rank, dims);
        k.in[1] = operand(round % 2 ? INFER_S64 : INFER_S32, rank, own);
        k.in[2] = operand(type, rank, own);
        k.t.p.index.axis = axis;
        k.t.p.index.reduction = round / TYPES % 5;
        fill_indices(&k, 1, &dims[axis], 1, &r);
        run_fill(&k, 1, &r);
        run_kernel(&k, "scatter_elements_c", &r);
        long double *want = copied(&k);
        for (int64_t i = 0; i < infer__operand_elements(&k.in[1]); i++) {
            int64_t at[INFER_MAX_RANK];
            unravel(&k.in[1], i, at);
            at[axis] = index_value(&k, 1, i, dims[axis]);
            long double *to = &want[ravel(&k.in[0], at)];
            *to = combined(k.t.p.index.reduction, type, *to, value_at(type, k.x[2], i));
        }
        check_scattered(&k, want);
        free(want);
        run_drop(&k);
    }
}

static void test_scatter_nd(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 200; round++) {
        infer_type type = types[round % TYPES];
        int64_t dims[INFER_MAX_RANK], index[2], update[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 3, 5, &r), named = (int)random_int(&r, 1, rank);
        int64_t piece = 1;
        index[0] = update[0] = random_int(&r, 1, 8);
        index[1] = named;
        for (int a = named; a < rank; a++) {
            update[a - named + 1] = dims[a];
            piece *= dims[a];
        }
        struct run k = {.t = {.op = INFER__OP_SCATTER_ND, .nin = 3, .nout = 1}};
        k.in[0] = k.out[0] = operand(type, rank, dims);
        k.in[1] = operand(INFER_S64, 2, index);
        k.in[2] = operand(type, rank - named + 1, update);
        k.t.p.index.reduction = round / TYPES % 5;
        fill_indices(&k, 1, dims, named, &r);
        run_fill(&k, 1, &r);
        run_kernel(&k, "scatter_nd_c", &r);
        long double *want = copied(&k);
        for (int64_t i = 0; i < index[0]; i++) {
            int64_t place = 0;
            for (int a = 0; a < named; a++)
                place = place * dims[a] + index_value(&k, 1, i * named + a, dims[a]);
            for (int64_t j = 0; j < piece; j++) {
                long double *to = &want[place * piece + j];
                *to = combined(k.t.p.index.reduction, type, *to,
                               value_at(type, k.x[2], i * piece + j));
            }
        }
        check_scattered(&k, want);
        free(want);
        run_drop(&k);
    }
}

/* Indices outside of the data: what is gathered is some element, what is scattered goes nowhere. */
static void test_outside(void **state)
{
    uint64_t r = seed;
    (void)state;
    struct run k = {.t = {.op = INFER__OP_SCATTER_ELEMENTS, .nin = 3, .nout = 1}};
    k.in[0] = k.out[0] = operand(INFER_F32, 1, (int64_t[]){3});
    k.in[1] = operand(INFER_S64, 1, (int64_t[]){4});
    k.in[2] = operand(INFER_F32, 1, (int64_t[]){4});
    k.x[1] = malloc(32);
    memcpy(k.x[1], (int64_t[]){3, -4, INT64_MIN, INT64_MAX}, 32);
    run_fill(&k, 1, &r);
    run_kernel(&k, "scatter_elements_c", &r);
    assert_memory_equal(k.y[0], k.x[0], 12);
    k.t.op = INFER__OP_GATHER_ELEMENTS;
    k.t.nin = 2;
    k.out[0] = operand(INFER_F32, 1, (int64_t[]){4});
    free(k.y[0]);
    run_fill(&k, 1, &r);
    run_kernel(&k, "gather_elements_c", &r);
    for (int64_t i = 0; i < 4; i++)
        same_bytes(&k, i, i % 3 ? (i == 1 || i == 2 ? 0 : 2) : 2);
    run_drop(&k);
}

static void check_cumulated(const struct run *k)
{
    const struct infer__index *p = &k->t.p.index;
    const unsigned type = k->in[0].type;
    const int64_t count = k->in[0].dims[p->axis];
    const long double digits = type == INFER_F32 ? 0x1p-22L : type == INFER_F64 ? 0x1p-50L : 0;
    for (int64_t i = 0; i < infer__operand_elements(&k->in[0]); i++) {
        int64_t at[INFER_MAX_RANK];
        const int product = k->t.op == INFER__OP_CUM_PROD;
        long double sum = product, size = 1;
        unravel(&k->in[0], i, at);
        const int64_t own = at[p->axis];
        for (int64_t j = 0; j < count; j++) {
            if (p->reverse ? j < own : j > own)
                continue;
            if (p->exclusive && j == own)
                continue;
            at[p->axis] = j;
            long double x = value_at(type, k->x[0], ravel(&k->in[0], at));
            sum = product ? sum * x : sum + x;
            if (digits == 0)
                sum = wrapped(type, sum);
            size = product ? fabsl(sum) : size + fabsl(x);
        }
        close_to(infer__op_info(k->t.op)->name, i, value_at(type, k->y[0], i), sum, digits * size);
    }
}

static void test_cumulate(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int round = 0; round < 240; round++) {
        int64_t dims[INFER_MAX_RANK];
        int rank = random_dims(dims, 1, 3, 6, &r);
        if (round % 8 == 0)
            dims[rank - 1] = random_int(&r, 500, 1100);
        struct run k = {.t = {.nin = 1, .nout = 1}};
        k.t.op = (uint16_t)(round % 2 ? INFER__OP_CUM_SUM : INFER__OP_CUM_PROD);
        k.in[0] = k.out[0] = operand(types[round % TYPES], rank, dims);
        k.t.p.index.axis = (int32_t)random_int(&r, 0, rank - 1);
        if (dims[k.t.p.index.axis] > 30) /* products that stay finite */
            k.t.op = INFER__OP_CUM_SUM;
        k.t.p.index.exclusive = round / 2 % 2;
        k.t.p.index.reverse = round / 4 % 2;
        run_fill(&k, 1, &r);
        run_kernel(&k, "cumulate_c", &r);
        check_cumulated(&k);
        run_drop(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_elements),  cmocka_unit_test(test_gather_nd),
        cmocka_unit_test(test_scatter_elements), cmocka_unit_test(test_scatter_nd),
        cmocka_unit_test(test_outside),          cmocka_unit_test(test_cumulate),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
