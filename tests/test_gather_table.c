/* Tables of 8-bit integers whose rows are gathered and then dequantised, which is what quantisers
 * make of embeddings: the table stays as it is, whatever else reads it. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

enum { ROWS = 9, WIDTH = 5, PICKED = 4 };

struct table {
    struct net n;
    uint32_t index, data;
    uint8_t bytes[ROWS * WIDTH];
    int is_signed;
};

static const int64_t picked[PICKED] = {8, 0, 3, -1};

static void begin(struct table *t, int is_signed)
{
    memset(t, 0, sizeof *t);
    t->is_signed = is_signed;
    infer__region_init(&t->n.region, NULL);
    OK(infer__graph_init(&t->n.g, &t->n.region, &t->n.err));
    OK(infer__graph_add_value(&t->n.g, "index", &t->index, &t->n.err));
    struct infer__value *v = &t->n.g.values[t->index];
    v->type = INFER_S64, v->rank = 1, v->dims[0] = PICKED, v->shaped = 1;
    v->kind = INFER__VALUE_INPUT;
    t->n.g.inputs = infer__region_copy(&t->n.region, &t->index, sizeof t->index);
    t->n.g.ninputs = 1;
    for (int i = 0; i < ROWS * WIDTH; i++)
        t->bytes[i] = (uint8_t)(i * 37 + 11);
    OK(infer__graph_add_const(&t->n.g, "table", is_signed ? INFER_S8 : INFER_U8, 2,
                              (int64_t[]){ROWS, WIDTH}, t->bytes, 1, &t->data, &t->n.err));
}

static uint32_t gathered(struct table *t)
{
    struct infer__node *node;
    return net_node(&t->n, INFER__OP_GATHER, "rows", (uint32_t[]){t->data, t->index}, 2, &node);
}

static uint32_t dequantised(struct table *t, uint32_t x, float scale, uint8_t zero)
{
    struct infer__node *node;
    uint32_t in[3] = {x, 0, 0};
    OK(infer__graph_add_const(&t->n.g, "", INFER_F32, 0, NULL, &scale, 1, &in[1], &t->n.err));
    OK(infer__graph_add_const(&t->n.g, "", t->is_signed ? INFER_S8 : INFER_U8, 0, NULL, &zero, 1,
                              &in[2], &t->n.err));
    return net_node(&t->n, INFER__OP_DEQUANTIZE_LINEAR, "dq", in, 3, &node);
}

static float real(const struct table *t, int64_t row, int column, float scale, uint8_t zero)
{
    const uint8_t q = t->bytes[(row < 0 ? row + ROWS : row) * WIDTH + column];
    const int d = t->is_signed ? (int8_t)q - (int8_t)zero : q - zero;
    return (float)d * scale;
}

/* Runs the network at every level; `each` looks at the outputs. */
static void run(struct table *t, uint32_t *outputs, uint32_t count,
                void (*each)(const struct table *t, const infer_session *s, const infer_tensor *y))
{
    struct net_model m = net_load(&t->n, outputs, count);
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session *s = net_session(&m, isa, 2, 0);
        int64_t index[PICKED];
        infer_error err;
        memcpy(index, picked, sizeof index);
        infer_tensor in = {.type = INFER_S64,
                           .rank = 1,
                           .dims = {PICKED},
                           .data = index,
                           .bytes = sizeof index},
                     out[4] = {{0}};
        OK(infer_run(s, &in, 1, out, count, &err));
        each(t, s, out);
        infer_session_free(&s);
    }
    net_drop(&m);
}

static void expect_rows(const struct table *t, const infer_tensor *y, float scale, uint8_t zero)
{
    assert_int_equal(y->type, INFER_F32);
    assert_int_equal(y->bytes, sizeof(float[PICKED * WIDTH]));
    for (int i = 0; i < PICKED * WIDTH; i++)
        assert_true(((const float *)y->data)[i] ==
                    real(t, picked[i / WIDTH], i % WIDTH, scale, zero));
}

static void see_one(const struct table *t, const infer_session *s, const infer_tensor *y)
{
    infer_step_info step = INFER_STEP_INFO_INIT;
    assert_int_equal(infer_session_steps(s), 2);
    OK(infer_session_step(s, 0, &step, NULL));
    assert_string_equal(step.op, "Gather"); /* not the table is dequantised, but its rows */
    OK(infer_session_step(s, 1, &step, NULL));
    assert_string_equal(step.op, "DequantizeLinear");
    expect_rows(t, &y[0], 0.02f, 100);
}

static void test_rows(void **state)
{
    (void)state;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        struct table t;
        begin(&t, is_signed);
        uint32_t y = dequantised(&t, gathered(&t), 0.02f, 100);
        run(&t, &y, 1, see_one);
    }
}

static void see_several(const struct table *t, const infer_session *s, const infer_tensor *y)
{
    (void)s;
    expect_rows(t, &y[0], 0.02f, 100);
    expect_rows(t, &y[1], 0.5f, 3);
    for (int i = 0; i < ROWS * WIDTH; i++)
        assert_true(((const float *)y[2].data)[i] == real(t, i / WIDTH, i % WIDTH, 0.25f, 7));
    for (int i = 0; i < (PICKED + ROWS) * WIDTH; i++) {
        const int64_t row = i / WIDTH < PICKED ? picked[i / WIDTH] : i / WIDTH - PICKED;
        assert_true(((const float *)y[3].data)[i] == real(t, row, i % WIDTH, 0.125f, 9));
    }
}

/* One table with several meanings: its rows twice, the whole of it, and rows joined with it. */
static void test_shared_table(void **state)
{
    (void)state;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        struct table t;
        struct infer__node *node;
        uint32_t y[4];
        begin(&t, is_signed);
        y[0] = dequantised(&t, gathered(&t), 0.02f, 100);
        y[1] = dequantised(&t, gathered(&t), 0.5f, 3);
        y[2] = dequantised(&t, t.data, 0.25f, 7);
        uint32_t both =
            net_node(&t.n, INFER__OP_CONCAT, "both", (uint32_t[]){gathered(&t), t.data}, 2, &node);
        net_attr(&t.n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
        y[3] = dequantised(&t, both, 0.125f, 9);
        run(&t, y, 4, see_several);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_shared_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
