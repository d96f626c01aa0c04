/* Nonsense for every operator: random types, shapes, values of shape-like operands and attributes,
 * many of them at the edges of their ranges. Whatever comes, resolving gives a status, and what
 * it accepts keeps its promises: outputs with a type, a rank, and bytes inside the limit.
 * Under the sanitizers this is the test for wrapping arithmetic and division by zero.
 *
 * INFER_SEED sets the seed, INFER_ROUNDS the number of nodes per operator. */
#include "base/size.h"
#include "test_graph.h"

static uint64_t random_state;

static uint64_t random_u64(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(random_u64() % n);
}

/* Mostly small, now and then at an edge. */
static int64_t random_int(int small)
{
    static const int64_t edges[] = {INT64_MIN,        INT64_MIN + 1, INT64_MAX,  INT64_MAX - 1,
                                    INT32_MIN,        INT32_MAX,     UINT32_MAX, INT64_C(1) << 61,
                                    INT64_C(1) << 62, -1000,         1000,       65536};
    if (below(20) == 0)
        return edges[below(sizeof edges / sizeof *edges)];
    return (int64_t)below((uint32_t)small + 3) - (below(4) ? 0 : 2);
}

static float random_float(void)
{
    static const float edges[] = {0.0f, -1.0f, 1e38f, -1e38f, 1e-45f, 1e18f, 1e19f, 0.5f};
    static const uint32_t bits[] = {0x7f800000, 0xff800000, 0x7fc00000}; /* inf, -inf, NaN */
    float v = (float)below(100) / 16.0f;
    if (below(12) == 0)
        v = edges[below(sizeof edges / sizeof *edges)];
    if (below(40) == 0)
        memcpy(&v, &bits[below(3)], sizeof v);
    return v;
}

static int64_t random_dim(void)
{
    if (below(60) == 0)
        return (int64_t)(random_u64() >> (2 + below(60)));
    return below(12) == 0 ? 0 : 1 + below(6);
}

/* Makes a value a constant of random elements, in memory exactly as long as the tensor, so that the
 * sanitizer sees a read past it. */
static void random_data(struct infer__value *v)
{
    size_t bytes = infer__value_bytes(v), one = infer_type_size((infer_type)v->type);
    char *data = malloc(bytes ? bytes : 1);
    assert_non_null(data);
    for (size_t at = 0; at < bytes; at += one) {
        int64_t x = random_int(6);
        int32_t narrow = (int32_t)x;
        float real = random_float();
        const void *from = v->type == INFER_F32 ? (void *)&real : (void *)&narrow;
        memcpy(data + at, one == 8 ? (void *)&x : from, one);
    }
    v->kind = INFER__VALUE_CONST;
    v->data = data;
}

/* A value of random shape: mostly a small one, now and then one whose bytes can't be counted. */
static void random_value(struct infer__value *v, infer_type type, int rank)
{
    v->type = (uint8_t)type;
    v->rank = (uint8_t)rank;
    v->shaped = 1;
    v->kind = INFER__VALUE_INPUT;
    do
        for (int i = 0; i < rank; i++)
            v->dims[i] = random_dim();
    while (infer__value_bytes(v) > MAX_TENSOR_BYTES);
}

static void free_constants(struct fixture *f)
{
    for (uint32_t i = 0; i < f->g.nvalues; i++)
        free((void *)(uintptr_t)f->g.values[i].data);
}

/* What the operands behind the first look like, so that some have a chance. */
enum style { ANYTHING, SAME_SHAPE, PER_CHANNEL, WEIGHTS, INTEGERS, SCALARS, STYLES };

/* Operands of a few operators that fit one another so seldom that chance does not find them: boxes
 * of 4 or 5 numbers and the picture of each, and the offsets of a window that slides by one. */
static int fitting_operand(uint16_t op, const struct infer__graph *g, uint32_t i,
                           struct infer__value *v)
{
    const struct infer__value *x = &g->values[1], *w = &g->values[2];
    const int boxes = op == INFER__OP_ROI_ALIGN || op == INFER__OP_MAX_ROI_POOL;
    if (boxes && i == 1) {
        random_value(v, INFER_F32, 2);
        v->dims[1] = op == INFER__OP_ROI_ALIGN ? 4 : 5;
        return 1;
    }
    if (boxes && i == 2) {
        random_value(v, INFER_S64, 1);
        v->dims[0] = w->dims[0];
        return 1;
    }
    if (op != INFER__OP_DEFORM_CONV || i != 2 || x->rank != 4 || w->rank != 4 || w->dims[2] > 9 ||
        w->dims[3] > 9)
        return 0;
    random_value(v, INFER_F32, 4);
    v->dims[0] = x->dims[0];
    v->dims[1] = 2 * w->dims[2] * w->dims[3];
    for (int a = 2; a < 4; a++)
        v->dims[a] = x->dims[a] - w->dims[a] + 1;
    return v->dims[2] >= 0 && v->dims[3] >= 0;
}

static uint32_t random_operand(struct fixture *f, uint16_t op, infer_type type, int rank,
                               uint32_t i, unsigned style)
{
    uint32_t id;
    if (i && below(12) == 0)
        return 0;
    assert_int_equal(infer__graph_add_value(&f->g, "operand", &id, &f->err), INFER_OK);
    const struct infer__value *first = &f->g.values[1];
    struct infer__value *v = &f->g.values[id];
    if (below(40) == 0)
        style = ANYTHING;
    else if (fitting_operand(op, &f->g, i, v))
        return id;
    if (style == INTEGERS) {
        type = below(8) ? INFER_S64 : below(2) ? INFER_S32 : INFER_F32;
        rank = 1;
    } else if (style == ANYTHING) {
        type = (infer_type)(1 + below(INFER_BOOL));
        rank = (int)below(INFER_MAX_RANK + 1);
    } else if (style == PER_CHANNEL || style == SCALARS) {
        rank = style == PER_CHANNEL;
        type = i && below(3) == 0 ? INFER_F32 : type; /* scales */
    }
    random_value(v, type, rank);
    if (style == SAME_SHAPE)
        memcpy(v->dims, first->dims, sizeof v->dims);
    if (style == PER_CHANNEL)
        v->dims[0] = first->rank > 1 ? first->dims[1] : 1;
    if (style == WEIGHTS && rank > 1)
        v->dims[below(2)] = first->dims[1];
    if (style == INTEGERS && below(2))
        v->dims[0] = (1 + below(2)) * first->rank;
    v->rank = (uint8_t)(style == SAME_SHAPE ? first->rank : rank);
    if (infer__value_bytes(v) <= 4096 && (style == INTEGERS || below(2)))
        random_data(v);
    return id;
}

static void random_attrs(struct fixture *f, struct infer__node *n, int rank)
{
    const struct infer__op_info *op = infer__op_info(n->op);
    for (uint16_t key = 1; key < INFER__ATTR_COUNT; key++) {
        int64_t ints[2 * INFER_MAX_RANK];
        float floats[2 * INFER_MAX_RANK];
        static const uint32_t per_axis[] = {0, 1, 2, 2, 2, 4, 1};
        if (!(op->attrs >> key & 1) || below(3))
            continue;
        uint32_t count = per_axis[below(7)];
        if (key == INFER__ATTR_STRIDES || key == INFER__ATTR_DILATIONS ||
            key == INFER__ATTR_KERNEL_SHAPE)
            count = below(10) && rank > 2 ? (uint32_t)rank - 2 : count;
        if (key == INFER__ATTR_PADS)
            count = below(10) && rank > 2 ? 2 * ((uint32_t)rank - 2) : count;
        if (key == INFER__ATTR_PERM)
            count = below(10) ? (uint32_t)rank : count;
        for (uint32_t i = 0; i < 2 * INFER_MAX_RANK; i++) {
            ints[i] = random_int(2);
            floats[i] = random_float();
        }
        if (infer__attr_kind(key) == INFER__ATTR_FLOATS)
            assert_int_equal(infer__node_set_floats(&f->g, n, key, floats, count, &f->err), 0);
        else
            assert_int_equal(infer__node_set_ints(&f->g, n, key, ints, count, &f->err), 0);
    }
}

static void check_promises(struct fixture *f, const struct infer__node *n, infer_status status)
{
    assert_int_equal(f->err.status, status);
    assert_int_equal(f->err.message[0] == 0, status == INFER_OK);
    if (status != INFER_OK) {
        assert_string_equal(f->err.node, "node");
        assert_int_not_equal(status, INFER_ERROR_INTERNAL);
        return;
    }
    for (uint32_t i = 0; i < n->nout; i++) {
        const struct infer__value *v = &f->g.values[n->out[i]];
        int64_t elements;
        if (!n->out[i])
            continue;
        assert_int_equal(v->shaped, 1);
        assert_true(infer_type_size((infer_type)v->type) > 0);
        assert_true(v->rank <= INFER_MAX_RANK);
        assert_true(infer__dims_product(v->dims, v->rank, &elements));
        assert_true(infer__value_bytes(v) <= MAX_TENSOR_BYTES);
    }
}

static unsigned operand_style(unsigned style, uint32_t i)
{
    if (!i)
        return below(4) ? SAME_SHAPE : INTEGERS;
    return i > 1 && style == WEIGHTS ? PER_CHANNEL : style;
}

/* One random node; returns whether it was accepted. */
static int random_node(uint16_t op)
{
    const struct infer__op_info *info = infer__op_info(op);
    struct fixture f;
    struct infer__node *n;
    union infer__params params;
    uint32_t in[MAX_OPERANDS], out[MAX_OPERANDS] = {0};
    fixture_init(&f);
    infer_type type = below(3) ? INFER_F32 : (infer_type)(1 + below(INFER_BOOL));
    int rank = below(3) ? 2 + (int)below(3) : (int)below(INFER_MAX_RANK + 1);
    uint32_t most_in = info->max_in == 255 ? 4 : info->max_in;
    uint32_t most_out = info->max_out == 255 ? 4 : info->max_out;
    uint32_t nin = info->min_in + below(most_in - info->min_in + 1);
    uint32_t nout = info->min_out + below(most_out - info->min_out + 1);
    unsigned style = below(STYLES);
    for (uint32_t i = 0; i < nin; i++)
        in[i] = random_operand(&f, op, type, rank, i, operand_style(style, i));
    for (uint32_t i = 0; i < nout; i++)
        if (i < info->min_out || below(4))
            assert_int_equal(infer__graph_add_value(&f.g, "out", &out[i], &f.err), INFER_OK);
    assert_int_equal(infer__graph_add_node(&f.g, op, "node", in, nin, out, nout, &n, &f.err), 0);
    random_attrs(&f, n, rank);
    infer_status status = infer__resolve_node(&f.g, n, MAX_TENSOR_BYTES, &params, &f.err);
    check_promises(&f, n, status);
    free_constants(&f);
    fixture_free(&f);
    return status == INFER_OK;
}

/* Operators whose operands hardly ever fit one another by chance. */
static int is_rare(uint16_t op)
{
    const int recurrent = op >= INFER__OP_LSTM && op <= INFER__OP_DYNAMIC_QUANTIZE_LSTM;
    return recurrent || op == INFER__OP_END_LOOP || op == INFER__OP_CUSTOM ||
           infer__op_info(op)->internal;
}

static void test_nonsense(void **state)
{
    (void)state;
    const char *rounds_text = getenv("INFER_ROUNDS");
    int rounds = rounds_text ? atoi(rounds_text) : 3000;
    for (uint16_t op = 1; op < INFER__OP_COUNT; op++) {
        int accepted = 0;
        for (int i = 0; i < rounds; i++)
            accepted += random_node(op);
        for (int i = 0; i < 30 * rounds && !accepted && !is_rare(op); i++)
            accepted += random_node(op); /* three operands that fit one another are rare */
        if (getenv("INFER_VERBOSE"))
            print_message("%s: %d of %d accepted\n", infer__op_info(op)->name, accepted, rounds);
        if (rounds >= 3000 && !getenv("INFER_SEED") && !accepted &&
            !is_rare(op)) /* the plan makes internal ones from nodes that fit */
            fail_msg("%s: not one of %d random nodes was accepted", infer__op_info(op)->name,
                     rounds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nonsense)};
    const char *seed = getenv("INFER_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) : 20240607;
    print_message("INFER_SEED=%llu\n", (unsigned long long)random_state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
