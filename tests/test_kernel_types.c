/* The definitions of operators that take many types, for each of them: remainders, comparisons and
 * bits, counting, what is not 0, the largest; against plain C. Constants are folded by the same
 * kernels, so nodes are computed as that does. */
#include "test_graph.h"

#include <math.h>

#include "plan/fold.h"

enum { MOST = 32 };

#define EACH_INTEGER(X)                                                                            \
    X(INFER_S8, int8_t)                                                                            \
    X(INFER_S16, int16_t)                                                                          \
    X(INFER_S32, int32_t)                                                                          \
    X(INFER_S64, int64_t)                                                                          \
    X(INFER_U8, uint8_t)                                                                           \
    X(INFER_U16, uint16_t)                                                                         \
    X(INFER_U32, uint32_t)                                                                         \
    X(INFER_U64, uint64_t)
#define EACH(X) EACH_INTEGER(X) X(INFER_F32, float) X(INFER_F64, double)

#define TYPE(type, c) type,
static const infer_type types[] = {EACH(TYPE)};
enum { TYPES = sizeof types / sizeof *types, INTEGERS = TYPES - 2 };

static int is_signed(infer_type type)
{
    return type == INFER_S8 || type == INFER_S16 || type == INFER_S32 || type == INFER_S64;
}

static int is_float(infer_type type)
{
    return type == INFER_F32 || type == INFER_F64;
}

static void put(infer_type type, void *data, int i, double v)
{
    switch ((int)type) {
#define PUT(t, c)                                                                                  \
    case t:                                                                                        \
        ((c *)data)[i] = (c)v;                                                                     \
        break;
        EACH(PUT)
    default:
        ((uint8_t *)data)[i] = v != 0;
    }
}

static double get(infer_type type, const void *data, int i)
{
    switch ((int)type) {
#define GET(t, c)                                                                                  \
    case t:                                                                                        \
        return (double)((const c *)data)[i];
        EACH(GET)
    default:
        return ((const uint8_t *)data)[i];
    }
}

/* ---- computing ------------------------------------------------------------------------------ */

struct one_node {
    struct fixture f;
    uint32_t in[4], nin;
    struct infer__node *node;
};

static void begin(struct one_node *o)
{
    memset(o, 0, sizeof *o);
    fixture_init(&o->f);
}

/* An operand of so many numbers; a count of -1: a scalar. */
static void add(struct one_node *o, infer_type type, int count, const double *v)
{
    char data[MOST * 8];
    const int64_t dim = count;
    for (int i = 0; i < (count < 0 ? 1 : count); i++)
        put(type, data, i, v[i]);
    assert_int_equal(infer__graph_add_const(&o->f.g, "", type, count >= 0, &dim, data, 1,
                                            &o->in[o->nin++], &o->f.err),
                     INFER_OK);
}

/* The results of the node, which are constants then. */
static const struct infer__value *compute(struct one_node *o, const char *op, const char *attrs,
                                          uint32_t nout)
{
    struct fixture *f = &o->f;
    uint32_t out[2];
    for (uint32_t k = 0; k < nout; k++)
        assert_int_equal(infer__graph_add_value(&f->g, "y", &out[k], &f->err), INFER_OK);
    assert_int_equal(infer__graph_add_node(&f->g, infer__op_find(op), "node", o->in, o->nin, out,
                                           nout, &o->node, &f->err),
                     INFER_OK);
    add_attrs(f, o->node, attrs);
    if (infer__resolve_node(&f->g, o->node, MAX_TENSOR_BYTES, &f->params, &f->err) != INFER_OK ||
        infer__evaluate_node(&f->g, o->node, &f->params, NULL, &f->err) != INFER_OK)
        fail_msg("%s: %s", op, f->err.message);
    return &f->g.values[out[0]];
}

static void end(struct one_node *o)
{
    fixture_free(&o->f);
}

/* ---- pairs ---------------------------------------------------------------------------------- */

static double wanted(const char *op, infer_type type, int64_t x, int64_t y, int fmod_)
{
    if (!strcmp(op, "LessOrEqual"))
        return x <= y;
    if (!strcmp(op, "BitwiseAnd"))
        return (double)(x & y);
    if (!strcmp(op, "BitwiseOr"))
        return (double)(x | y);
    if (!strcmp(op, "BitwiseXor"))
        return (double)(x ^ y);
    if (is_float(type))
        return fmod((double)x, (double)y);
    const int64_t m = y ? x % y : 0; /* of nothing: 0 */
    return (double)(!fmod_ && m && (m < 0) != (y < 0) ? m + y : m);
}

static void check_pairs(const char *op, const char *attrs, infer_type type, int fmod_)
{
    struct one_node o;
    double x[MOST], y[MOST];
    const int least = is_signed(type) || is_float(type) ? -7 : 0;
    for (int i = 0; i < MOST; i++) {
        x[i] = least + i % 15;
        y[i] = (least ? -3 : 0) + i / 5;
        y[i] = is_float(type) && y[i] == 0 ? 2 : y[i];
    }
    begin(&o);
    add(&o, type, MOST, x);
    add(&o, type, MOST, y);
    const struct infer__value *r = compute(&o, op, attrs, 1);
    for (int i = 0; i < MOST; i++) {
        const double got = get((infer_type)r->type, r->data, i);
        const double want = wanted(op, type, (int64_t)x[i], (int64_t)y[i], fmod_);
        if (got != want)
            fail_msg("%s of %s: %g and %g give %g, not %g", op, infer_type_name(type), x[i], y[i],
                     got, want);
    }
    end(&o);
}

static void test_pairs(void **state)
{
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        check_pairs("LessOrEqual", "", types[t], 0);
        check_pairs("Mod", "fmod=1", types[t], 1);
        if (t >= INTEGERS)
            continue;
        check_pairs("Mod", "fmod=0", types[t], 0);
        check_pairs("BitwiseAnd", "", types[t], 0);
        check_pairs("BitwiseOr", "", types[t], 0);
        check_pairs("BitwiseXor", "", types[t], 0);
    }
}

/* The least number by -1, of which there is no quotient. */
static void test_least_by_minus_one(void **state)
{
    (void)state;
    struct one_node o;
    begin(&o);
    add(&o, INFER_S64, 1, (double[]){-0x1p63});
    add(&o, INFER_S64, 1, (double[]){-1});
    assert_int_equal(*(const int64_t *)compute(&o, "Mod", "fmod=0", 1)->data, 0);
    end(&o);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void test_range(void **state)
{
    (void)state;
    static const infer_type kinds[] = {INFER_F32, INFER_F64, INFER_S16, INFER_S32, INFER_S64};
    static const double cases[][3] = {{3, 20, 4}, {5, -6, -3}, {0, 1, 5}};
    for (size_t t = 0; t < sizeof kinds / sizeof *kinds; t++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct one_node o;
            begin(&o);
            for (int k = 0; k < 3; k++)
                add(&o, kinds[t], -1, &cases[i][k]);
            const struct infer__value *r = compute(&o, "Range", "", 1);
            const double count = ceil((cases[i][1] - cases[i][0]) / cases[i][2]);
            assert_int_equal(r->dims[0], (int64_t)count);
            for (int k = 0; k < r->dims[0]; k++)
                assert_true(get(kinds[t], r->data, k) == cases[i][0] + k * cases[i][2]);
            end(&o);
        }
}

/* The largest or smallest, of equal ones the first. */
static void check_top(infer_type type, int largest)
{
    enum { N = 9, K = 5 };
    static const double digits[N] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
    double x[N];
    int taken[N] = {0};
    struct one_node o;
    for (int i = 0; i < N; i++)
        x[i] = digits[i] - (is_signed(type) || is_float(type) ? 4 : 0);
    begin(&o);
    add(&o, type, N, x);
    add(&o, INFER_S64, 1, (double[]){K});
    const struct infer__value *r = compute(&o, "TopK", largest ? "axis=0" : "axis=0 largest=0", 2);
    const struct infer__value *at = &o.f.g.values[o.node->out[1]];
    for (int k = 0; k < K; k++) {
        int best = -1;
        for (int i = 0; i < N; i++)
            if (!taken[i] && (best < 0 || (largest ? x[i] > x[best] : x[i] < x[best])))
                best = i;
        taken[best] = 1;
        if (get(type, r->data, k) != x[best] || ((const int64_t *)at->data)[k] != best)
            fail_msg("TopK of %s: number %d is %g at %d", infer_type_name(type), k,
                     get(type, r->data, k), (int)((const int64_t *)at->data)[k]);
    }
    end(&o);
}

static void test_top(void **state)
{
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int largest = 0; largest < 2; largest++)
            check_top(types[t], largest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_least_by_minus_one),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
