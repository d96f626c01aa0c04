/* Sizes and numbers that only a run knows, one operator at a time: what is planned for them against
 * what every run that can be gives. */
#include "test_graph.h"

#include <ctype.h>
#include <math.h>

#include "plan/bounds.h"
#include "plan/fold.h"

/* ---- sizes ---------------------------------------------------------------------------------- */

/* Operands have axes of at most so much ("<=4"); the result is stated in the same way. */
static const struct resolve_row sizes[] = {
    /* element by element: a size that is known leaves no choice */
    {"Add", "<=4x3 f32; 3 f32", "", "<=4x3 f32"},
    {"Add", "<=4x3 f32; <=4x1 f32", "", "<=4x3 f32"},
    {"Add", "2x<=4 f32; <=4 f32", "", "2x<=4 f32"},
    {"Relu", "<=4x3 f32", "", "<=4x3 f32"},
    {"Where", "<=4 bool; 1 f32; <=4 f32", "", "<=4 f32"},
    {"Concat", "<=4x3 f32; 2x3 f32", "axis=0", "<=6x3 f32"},
    {"Concat", "<=4x3 f32; <=4x2 f32", "axis=-1", "<=4x5 f32"},
    {"Softmax", "<=4x3 f32", "axis=1", "<=4x3 f32"},
    {"LayerNormalization", "<=4x3 f32; 3 f32", "axis=-1", "<=4x3 f32"},
    {"QuantizeLinear", "<=4x3 f32; 3 f32 = 1,1,1; 3 u8", "axis=1", "<=4x3 u8"},
    /* axes that go, come or change places */
    {"Gather", "<=4x3 f32; 2 s64 = 0,0", "axis=1", "<=4x2 f32"},
    {"Gather", "5x3x2 f32; 2x<=4 s64", "axis=1", "5x2x<=4x2 f32"},
    {"GatherND", "5x3x2 f32; <=4x1 s64", "", "<=4x3x2 f32"},
    {"GatherND", "5x<=3 f32; 4x1 s64", "", "4x<=3 f32"},
    {"GatherElements", "5x3 f32; <=4x3 s64", "axis=0", "<=4x3 f32"},
    {"Split", "<=4x6 f32; 2 s64 = 2,4", "axis=1", "<=4x2 f32; <=4x4 f32"},
    {"TopK", "<=4x6 f32; 1 s64 = 2", "axis=1", "<=4x2 f32; <=4x2 s64"},
    {"Slice", "<=4x6 f32; 1 s64 = 1; 1 s64 = 3; 1 s64 = 1", "", "<=4x2 f32"},
    {"Slice", "<=4x6 f32; 1 s64 = 0; 1 s64 = 3; 1 s64 = 0", "", "<=3x6 f32"},
    {"Pad", "<=4x6 f32; 4 s64 = 0,1,0,2", "", "<=4x9 f32"},
    {"Transpose", "<=4x3x2 f32", "perm=2,0,1", "2x<=4x3 f32"},
    {"ReduceSum", "<=4x3x2 f32; 1 s64 = 1", "keepdims=1", "<=4x1x2 f32"},
    {"ReduceSum", "<=4x3x2 f32; 1 s64 = 1", "keepdims=0", "<=4x2 f32"},
    {"ReduceMax", "2x<=4 f32; 1 s64 = -1", "keepdims=0", "2 f32"},
    {"ArgMax", "<=4x3 f32", "axis=1 keepdims=0", "<=4 s64"},
    {"ArgMax", "<=4x3 f32", "axis=0 keepdims=1", "1x3 s64"},
    {"Tile", "<=4x3 f32; 2 s64 = 1,2", "", "<=4x6 f32"},
    {"CumSum", "<=4x3 f32; scalar s64 = 1", "", "<=4x3 f32"},
    {"ScatterND", "<=4x3 f32; 1x1 s64 = 0; 1x3 f32", "", "<=4x3 f32"},
    {"ScatterElements", "<=4x3 f32; 1x1 s64 = 0; 1x1 f32", "axis=0", "<=4x3 f32"},
    /* another shape */
    {"Reshape", "<=4x6 f32; 3 s64 = -1,2,3", "", "<=4x2x3 f32"},
    {"Reshape", "<=4x6 f32; 3 s64 = 0,2,3", "", "<=4x2x3 f32"},
    {"Flatten", "<=4x3x2 f32", "axis=1", "<=4x6 f32"},
    {"Flatten", "2x<=4x3 f32", "axis=-1", "<=8x3 f32"},
    {"Squeeze", "<=4x1x3 f32; 1 s64 = 1", "", "<=4x3 f32"},
    {"Squeeze", "2x1x<=4 f32; 1 s64 = -2", "", "2x<=4 f32"},
    {"Unsqueeze", "<=4x3 f32; 2 s64 = 0,-1", "", "1x<=4x3x1 f32"},
    {"Expand", "<=4x1 f32; 2 s64 = 1,3", "", "<=4x3 f32"},
    {"Expand", "1x<=4 f32; 3 s64 = 2,3,1", "", "2x3x<=4 f32"},
    /* products, windows */
    {"MatMul", "<=4x3 f32; 3x2 f32", "", "<=4x2 f32"},
    {"MatMul", "2x3 f32; 5x3x<=4 f32", "", "5x2x<=4 f32"},
    {"MatMul", "<=4x2x3 f32; <=4x3x2 f32", "", "<=4x2x2 f32"},
    {"Gemm", "<=4x3 f32; 3x2 f32", "", "<=4x2 f32"},
    {"Gemm", "3x<=4 f32; 2x3 f32", "transA=1 transB=1", "<=4x2 f32"},
    {"Conv", "<=4x2x5x5 f32; 3x2x3x3 f32", "", "<=4x3x3x3 f32"},
    {"Conv", "1x2x5x<=6 f32; 3x2x3x1 f32", "", "1x3x<=3x<=6 f32"},
    {"MaxPool", "<=4x2x4x4 f32", "kernel_shape=2,2 strides=2,2", "<=4x2x2x2 f32"},
    {"GlobalAveragePool", "<=4x2x4x4 f32", "", "<=4x2x1x1 f32"},
    {"RoiAlign", "1x2x8x8 f32; <=4x4 f32; <=4 s64",
     "output_shape=2,2 mode=0 sampling_ratio=1 spatial_scale=1", "<=4x2x2x2 f32"},
    {"Resize", "<=4x2x4x4 f32; - ; 4 f32 = 1,1,2,2", "", "<=4x2x8x8 f32"},
    {"DepthToSpace", "<=4x8x2x2 f32", "blocksize=2", "<=4x2x4x4 f32"},
};

/* The node of a row, with another size (0 is the most) along all axes that are not known. */
static struct infer__node *build_row(struct fixture *f, const struct resolve_row *row, int64_t size)
{
    struct infer__value v;
    uint32_t nout = 0;
    for (const char *s = row->out; *(s += strspn(s, " ;")); nout++)
        parse_shape(&s, &v);
    fixture_init(f);
    struct infer__node *n = build_node(f, row->op, row->in, row->attrs, nout, 0);
    for (uint32_t i = 0; i < n->nin; i++) {
        struct infer__value *x = &f->g.values[n->in[i]];
        for (int k = 0; size && k < x->rank; k++)
            if (x->free_dims >> k & 1)
                x->dims[k] = x->dims[k] < size ? x->dims[k] : size;
        x->free_dims = size ? 0 : x->free_dims;
    }
    return n;
}

/* What a run finds lies within what is planned, and is the same where that is said to be known. */
static void expect_within(const struct resolve_row *row, const struct infer__value *planned,
                          const struct infer__value *found)
{
    char a[128], b[128];
    int same = planned->rank == found->rank && planned->type == found->type;
    for (int i = 0; same && i < planned->rank; i++)
        same = planned->free_dims >> i & 1 ? found->dims[i] <= planned->dims[i]
                                           : found->dims[i] == planned->dims[i];
    infer__value_text(planned, a, sizeof a);
    infer__value_text(found, b, sizeof b);
    if (!same)
        fail_msg("%s(%s) %s: planned %s, found %s", row->op, row->in, row->attrs, a, b);
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct resolve_row *row = &sizes[i];
        struct fixture planned, run;
        int values = 1;
        struct infer__node *n = build_row(&planned, row, 0);
        const infer_status status = infer__bounds_resolve(&planned.g, n, MAX_TENSOR_BYTES,
                                                          &planned.params, &values, &planned.err);
        if (status != INFER_OK)
            fail_msg("%s(%s) %s: %s", row->op, row->in, row->attrs, planned.err.message);
        assert_int_equal(values, 0);
        check_outputs_equal(&planned, row, n);
        for (int64_t size = 1; size <= 8; size++) {
            const struct infer__node *now = build_row(&run, row, size);
            const infer_status found =
                infer__resolve_node(&run.g, now, MAX_TENSOR_BYTES, &run.params, &run.err);
            if (found == INFER_OK) /* else the run ends there */
                for (uint32_t k = 0; k < n->nout; k++)
                    expect_within(row, &planned.g.values[n->out[k]], &run.g.values[now->out[k]]);
            else if (size >= 3)
                fail_msg("%s(%s) %s: size %d: %s", row->op, row->in, row->attrs, (int)size,
                         run.err.message);
            fixture_free(&run);
        }
        fixture_free(&planned);
    }
}

/* ---- numbers -------------------------------------------------------------------------------- */

enum told { NOTHING, ENDS, KNOWN };

/* Operands that are no constants have numbers from `least` to `most`, one operand behind the other;
 * with "-" nothing is known of one that is 0 or 1. */
struct numbers {
    const char *op, *in, *attrs, *least, *most;
    enum told told;
};

static const struct numbers numbers[] = {
    {"Identity", "2 s64", "", "1,2", "3,2", ENDS},
    {"Cast", "1 s64", "to=6", "0", "3", ENDS},
    {"Cast", "1 s64", "to=1", "0", "3", ENDS},
    {"Floor", "1 f32", "", "-2", "1", ENDS},
    {"Relu", "1 f32", "", "-2", "1", ENDS},
    {"Neg", "2 s64", "", "1,-3", "3,0", ENDS},
    {"Add", "2 s64; 1 s64 = 7", "", "1,0", "3,4", ENDS},
    {"Sub", "1 s64; 1 s64", "", "1;0", "3;5", ENDS},
    {"Sub", "1 s64 = 9; 1 s64", "", "0", "4", ENDS},
    {"Sub", "1 s64 = 9; 1 s64", "", "4", "4", KNOWN},
    {"Min", "1 s64; 1 s64 = 2", "", "0", "4", ENDS},
    {"Max", "1 s64; 1 s64 = 9", "", "0", "4", KNOWN},
    {"Concat", "1 s64; 1 s64 = 5", "axis=0", "0", "2", ENDS},
    {"Mul", "1 s64; 1 s64", "", "1;0", "3;2", ENDS},
    {"Mul", "1 s64; 1 s64 = -2", "", "1", "3", NOTHING},
    {"Mul", "1 s64; 1 s64", "", "-1;1", "1;2", NOTHING},
    {"Div", "1 s64; 1 s64 = 2", "", "1", "7", ENDS},
    {"Div", "1 s64; 1 s64 = -2", "", "1", "7", NOTHING},
    {"Div", "1 s64 = 9; 1 s64", "", "1", "3", NOTHING},
    {"ReduceSum", "3 s64; 1 s64 = 0", "keepdims=0", "0,1,2", "1,3,2", ENDS},
    {"ReduceProd", "2 s64; 1 s64 = 0", "keepdims=1", "0,2", "3,4", ENDS},
    {"ReduceProd", "2 s64; 1 s64 = 0", "keepdims=1", "-1,2", "3,4", NOTHING},
    {"Gather", "3 s64; 1 s64 = 1", "axis=0", "0,1,5", "2,4,5", ENDS},
    {"Gather", "3 s64; scalar s64 = 2", "axis=0", "0,1,5", "2,4,5", KNOWN},
    {"Gather", "3 s64 = 1,2,3; 1 s64", "axis=0", "0", "2", NOTHING},
    {"Slice", "3 s64; 1 s64 = 1; 1 s64 = 3; 1 s64 = 0", "", "0,1,5", "2,4,5", ENDS},
    {"Squeeze", "1 s64; 1 s64 = 0", "", "0", "2", ENDS},
    {"Unsqueeze", "scalar s64; 1 s64 = 0", "", "0", "2", ENDS},
    {"Reshape", "2 s64; 2 s64 = 1,2", "", "0,1", "2,1", ENDS},
    {"Clip", "1 s64; scalar s64 = 1; scalar s64 = 3", "", "0", "5", ENDS},
    {"Where", "2 bool; 2 s64 = 1,5; 2 s64 = 3,2", "", "-", "-", ENDS},
    {"Where", "1 bool; 2 s64; scalar s64 = 4", "", "-;1,2", "-;1,3", ENDS},
    {"Where", "1 bool; 1 f32 = 4; 1 f32 = 5", "", "-", "-", NOTHING},
    {"Equal", "1 s64; 1 s64 = 5", "", "0", "4", KNOWN},
    {"Equal", "1 s64; 1 s64 = 3", "", "0", "4", NOTHING},
    {"Equal", "2 s64; scalar s64 = 7", "", "7,8", "7,9", KNOWN},
    {"Equal", "1 f32; 1 f32 = 9", "", "0", "4", NOTHING},
    {"Less", "1 s64; 1 s64 = 9", "", "0", "4", NOTHING},
};

static double get(const struct infer__value *v, const void *data, int64_t i)
{
    switch (v->type) {
    case INFER_S64:
        return (double)((const int64_t *)data)[i];
    case INFER_S32:
        return ((const int32_t *)data)[i];
    case INFER_F32:
        return (double)((const float *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static void set(const struct infer__value *v, void *data, int64_t i, int64_t x)
{
    if (v->type == INFER_S64)
        ((int64_t *)data)[i] = x;
    else if (v->type == INFER_F32)
        ((float *)data)[i] = (float)x;
    else
        ((uint8_t *)data)[i] = (uint8_t)x;
}

/* The ends of the operands' numbers, and those of this run. */
enum { MOST_NUMBERS = 8 };
struct choices {
    int64_t least[MOST_NUMBERS], most[MOST_NUMBERS], now[MOST_NUMBERS];
    struct infer__value *value[MOST_NUMBERS]; /* that the number is of, */
    int64_t at[MOST_NUMBERS];                 /* and its element */
    int count;
};

static void add_choices(struct fixture *f, struct infer__value *v, const char **least,
                        const char **most, struct choices *c)
{
    const int64_t n = infer__value_elements(v);
    int64_t *low = infer__region_calloc(&f->region, (size_t)n, sizeof *low);
    int64_t *high = infer__region_calloc(&f->region, (size_t)n, sizeof *high);
    const int nothing = **least == '-' && !isdigit((unsigned char)(*least)[1]);
    assert_true(c->count + n <= MOST_NUMBERS);
    for (int64_t i = 0; i < n; i++) {
        char *a = (char *)*least + 1, *b = (char *)*most + 1;
        const int64_t from = nothing ? 0 : strtoll(*least, &a, 10);
        const int64_t to = nothing ? 1 : strtoll(*most, &b, 10);
        if (!nothing || i == n - 1) {
            *least = a + (*a != 0);
            *most = b + (*b != 0);
        }
        set(v, low, i, from);
        set(v, high, i, to);
        c->least[c->count] = c->now[c->count] = from;
        c->most[c->count] = to;
        c->value[c->count] = v;
        c->at[c->count++] = i;
    }
    if (nothing)
        return;
    v->bound = infer__region_calloc(&f->region, 1, sizeof *v->bound);
    *v->bound = (struct infer__bound){.most = -1, .axis = -1, .at_least = low, .at_most = high};
}

/* The next run's numbers; 0: there was none left. */
static int next_choice(struct choices *c)
{
    for (int i = 0; i < c->count; i++) {
        if (++c->now[i] <= c->most[i])
            return 1;
        c->now[i] = c->least[i];
    }
    return 0;
}

/* Makes constants of the operands, of the numbers of a run. */
static void give(struct fixture *f, const struct choices *c)
{
    for (int i = 0; i < c->count; i++) {
        struct infer__value *v = c->value[i];
        if (!c->at[i])
            v->data = infer__region_calloc(&f->region, MOST_NUMBERS, sizeof(int64_t));
        set(v, (void *)v->data, c->at[i], c->now[i]);
        v->kind = INFER__VALUE_CONST;
    }
}

static void check_numbers(const struct numbers *row)
{
    struct fixture f;
    struct choices c = {.count = 0};
    const char *least = row->least, *most = row->most;
    double low[MOST_NUMBERS], high[MOST_NUMBERS];
    int known = 1, values;
    fixture_init(&f);
    struct infer__node *n = build_node(&f, row->op, row->in, row->attrs, 1, 0);
    struct infer__value *y = &f.g.values[n->out[0]];
    for (uint32_t i = 0; i < n->nin; i++)
        if (f.g.values[n->in[i]].kind != INFER__VALUE_CONST)
            add_choices(&f, &f.g.values[n->in[i]], &least, &most, &c);
    assert_int_equal(infer__bounds_resolve(&f.g, n, MAX_TENSOR_BYTES, &f.params, &values, &f.err),
                     INFER_OK);
    assert_int_equal(infer__bounds_value(&f.g, n, &f.params, NULL, &known, &f.err), INFER_OK);
    const enum told told = known ? KNOWN : y->bound && y->bound->at_most ? ENDS : NOTHING;
    if (told != row->told)
        fail_msg("%s(%s) from %s to %s: %d is told", row->op, row->in, row->least, row->most, told);
    const int64_t count = infer__value_elements(y);
    const void *at_least = row->told == ENDS ? y->bound->at_least : y->data;
    const void *at_most = row->told == ENDS ? y->bound->at_most : y->data;
    for (int64_t i = 0; i < count; i++) {
        low[i] = INFINITY;
        high[i] = -INFINITY;
    }
    do {
        give(&f, &c);
        assert_int_equal(infer__evaluate_node(&f.g, n, &f.params, NULL, &f.err), INFER_OK);
        for (int64_t i = 0; i < count; i++) {
            const double x = get(y, y->data, i);
            low[i] = x < low[i] ? x : low[i];
            high[i] = x > high[i] ? x : high[i];
        }
    } while (next_choice(&c));
    for (int64_t i = 0; i < count && row->told != NOTHING; i++)
        if (low[i] != get(y, at_least, i) || high[i] != get(y, at_most, i))
            fail_msg("%s(%s) from %s to %s: element %d is %g to %g, planned %g to %g", row->op,
                     row->in, row->least, row->most, (int)i, low[i], high[i], get(y, at_least, i),
                     get(y, at_most, i));
    fixture_free(&f);
}

/* The ends are those that runs reach, or nothing is told. */
static void test_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        check_numbers(&numbers[i]);
}

/* ---- sizes that numbers say ----------------------------------------------------------------- */

static const struct given {
    const char *op, *in, *attrs, *least, *most, *out;
} given[] = {
    {"Range", "scalar s64 = 0; scalar s64; scalar s64 = 1", "", "1", "5", "<=5 s64"},
    {"Range", "scalar s64; scalar s64 = 7; scalar s64 = 2", "", "1", "5", "<=3 s64"},
    {"Slice", "6x2 f32; 1 s64 = 1; 1 s64; 1 s64 = 0", "", "2", "4", "<=3x2 f32"},
    {"Slice", "6x2 f32; 1 s64; 1 s64 = 6; 1 s64 = -2", "", "1", "4", "<=5x2 f32"},
    {"Slice", "6x5 f32; 2 s64 = 0,0; 2 s64", "", "1,5", "4,5", "<=4x<=5 f32"},
    {"Expand", "1x3 f32; 2 s64", "", "1,1", "4,1", "<=4x3 f32"},
    {"ConstantOfShape", "2 s64; scalar f32 = 0", "", "1,3", "4,3", "<=4x3 f32"},
    {"Tile", "2x3 f32; 2 s64", "", "1,1", "3,1", "<=6x<=3 f32"},
    {"TopK", "6 f32; 1 s64", "axis=0", "1", "4", "<=4 f32; <=4 s64"},
    {"Pad", "2x3 f32; 4 s64", "", "0,1,0,1", "2,1,0,1", "<=4x5 f32"},
    {"Pad", "2x3 f32; 2 s64; scalar f32 = 0; 1 s64 = -1", "", "0,1", "2,1", "2x<=6 f32"},
    {"Resize", "1x2x4x4 f32; - ; - ; 4 s64", "", "1,2,4,8", "1,2,8,8", "<=1x<=2x<=8x<=8 f32"},
    {"Split", "6x2 f32; 2 s64", "axis=0", "3,3", "3,3", "3x2 f32; 3x2 f32"},
};

static struct infer__node *build_given(struct fixture *f, const struct given *row,
                                       struct choices *c)
{
    const char *least = row->least, *most = row->most;
    struct infer__value v;
    uint32_t nout = 0;
    for (const char *s = row->out; *(s += strspn(s, " ;")); nout++)
        parse_shape(&s, &v);
    fixture_init(f);
    struct infer__node *n = build_node(f, row->op, row->in, row->attrs, nout, 0);
    memset(c, 0, sizeof *c);
    for (uint32_t i = 0; i < n->nin; i++) { /* those that say sizes */
        struct infer__value *x = &f->g.values[n->in[i]];
        if (n->in[i] && x->kind != INFER__VALUE_CONST && x->type == INFER_S64)
            add_choices(f, x, &least, &most, c);
    }
    return n;
}

static void check_given(const struct given *row)
{
    const struct resolve_row as_row = {row->op, row->in, row->attrs, row->out};
    struct fixture planned, run;
    struct choices c, all;
    int values = 0, left = 1;
    const struct infer__node *n = build_given(&planned, row, &all);
    if (infer__bounds_resolve(&planned.g, n, MAX_TENSOR_BYTES, &planned.params, &values,
                              &planned.err) != INFER_OK)
        fail_msg("%s(%s): %s", row->op, row->in, planned.err.message);
    assert_int_equal(values, 1);
    check_outputs_equal(&planned, &as_row, n);
    while (left) {
        const struct infer__node *now = build_given(&run, row, &c);
        memcpy(c.now, all.now, sizeof c.now);
        give(&run, &c);
        assert_int_equal(infer__resolve_node(&run.g, now, MAX_TENSOR_BYTES, &run.params, &run.err),
                         INFER_OK);
        for (uint32_t k = 0; k < n->nout; k++)
            expect_within(&as_row, &planned.g.values[n->out[k]], &run.g.values[now->out[k]]);
        fixture_free(&run);
        left = next_choice(&all);
    }
    fixture_free(&planned);
}

static void test_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        check_given(&given[i]);
}

/* Without bounds a size can't be planned, and the message says what may be done. */
static void test_nothing_given(void **state)
{
    (void)state;
    struct fixture f;
    int values;
    fixture_init(&f);
    const struct infer__node *n = build_node(&f, "TopK", "6 f32; 1 s64", "axis=0", 2, 0);
    assert_int_equal(infer__bounds_resolve(&f.g, n, MAX_TENSOR_BYTES, &f.params, &values, &f.err),
                     INFER_ERROR_NEED_VALUE);
    assert_non_null(strstr(f.err.message, "the most that it can be may be given"));
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_given),
        cmocka_unit_test(test_nothing_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
