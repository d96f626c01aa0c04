/* Concats that copy nothing or little: a detector's head, whose predictions are parted by anchors,
 * changed in some columns and joined over two scales. Answers are those that the formulas give from
 * the convolutions' outputs, whether steps go or stay. */
#include <math.h>

#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

enum { H = 17, W = 13, ANCHORS = 3, COLUMNS = 7, SCALES = 2 };
enum { FIRST = ANCHORS * H * W, H2 = H / 2 + 1, W2 = W / 2 + 1, SECOND = ANCHORS * H2 * W2 };
enum { ROWS = FIRST + SECOND, MOST_OUTPUTS = 4, MOST_BATCH = 3 };

enum form {
    PLAIN,
    SHOW_MAPS,    /* the convolutions' outputs are outputs, too: they are there in ONNX's order */
    SHOW_SPLIT,   /* what is cut is an output, and stays as it is */
    SHOW_COLUMNS, /* the columns that go back are an output */
    READ_SPLIT,   /* what is cut is read once more behind the Concat, */
    READ_COLUMNS, /* or the columns that go back, */
    READ_TURNED,  /* or what the Sigmoid could work on in place */
    FORMS,
    SWAPPED = FORMS /* the columns that nobody changes go elsewhere */
};

/* One scale: 1x1 convolution, parted, turned, sigmoid, the first columns changed. */
static uint32_t scale(struct net *n, uint32_t x, int64_t stride, enum form form, uint32_t *shown)
{
    struct infer__node *node;
    const int64_t h = stride == 1 ? H : H2, w = stride == 1 ? W : W2;
    uint32_t weights = net_const(n, "w", 4, (int64_t[]){ANCHORS * COLUMNS, 3, 1, 1});
    uint32_t map = net_node(n, INFER__OP_CONV, "map", (uint32_t[]){x, weights}, 2, &node);
    net_attr(n, node, INFER__ATTR_STRIDES, 2, (int64_t[]){stride, stride});
    int64_t dims[5] = {0, ANCHORS, COLUMNS, h, w}, flat[3] = {0, -1, COLUMNS};
    uint32_t shape = net_ints(n, "dims", 1, 5, dims), rows = net_ints(n, "rows", 1, 3, flat);
    uint32_t parted = net_node(n, INFER__OP_RESHAPE, "parted", (uint32_t[]){map, shape}, 2, &node);
    uint32_t turned = net_node(n, INFER__OP_TRANSPOSE, "turned", &parted, 1, &node);
    net_attr(n, node, INFER__ATTR_PERM, 5, (int64_t[]){0, 1, 3, 4, 2});
    uint32_t whole = net_node(n, INFER__OP_SIGMOID, "whole", &turned, 1, &node), part[3];
    int64_t sizes[3] = {2, 2, COLUMNS - 4};
    uint32_t split[2] = {whole, net_ints(n, "sizes", 1, 3, sizes)};
    for (int i = 0; i < 3; i++)
        OK(infer__graph_add_value(&n->g, "part", &part[i], &n->err));
    OK(infer__graph_add_node(&n->g, INFER__OP_SPLIT, "split", split, 2, part, 3, &node, &n->err));
    net_attr(n, node, INFER__ATTR_AXIS, 1, (int64_t[]){4});
    uint32_t joined[3] = {part[0], part[1], part[2]};
    joined[0] = net_node(n, INFER__OP_ADD, "sum", (uint32_t[]){part[0], part[1]}, 2, &node);
    joined[1] = net_node(n, INFER__OP_MUL, "square", (uint32_t[]){part[1], part[1]}, 2, &node);
    if (form == SWAPPED)
        memcpy(joined, (uint32_t[]){part[2], joined[0], joined[1]}, sizeof joined);
    uint32_t all = net_node(n, INFER__OP_CONCAT, "changed", joined, 3, &node);
    net_attr(n, node, INFER__ATTR_AXIS, 1, (int64_t[]){4});
    const uint32_t shows[FORMS] = {map, map, whole, part[2], whole, part[2], turned};
    *shown = shows[form % FORMS];
    if (form == READ_COLUMNS) { /* by way of a view */
        int64_t same[5] = {0, ANCHORS, h, w, COLUMNS - 4};
        uint32_t view[2] = {*shown, net_ints(n, "same", 1, 5, same)};
        *shown = net_node(n, INFER__OP_RESHAPE, "view", view, 2, &node);
    }
    if (form == READ_SPLIT || form == READ_COLUMNS || form == READ_TURNED) {
        uint32_t four[4] = {*shown, *shown, *shown, *shown};
        *shown = net_node(n, INFER__OP_SUM, "sum", four, 4, &node); /* not in place */
    }
    return net_node(n, INFER__OP_RESHAPE, "flat", (uint32_t[]){all, rows}, 2, &node);
}

static struct net_model make_head(enum form form)
{
    struct net n = {.rng = {23}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), out[MOST_OUTPUTS], both[SCALES];
    for (int i = 0; i < SCALES; i++)
        both[i] = scale(&n, x, i + 1, form, &out[i + 1]);
    out[0] = net_node(&n, INFER__OP_CONCAT, "all", both, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    return net_load(&n, out, form == PLAIN || form == SWAPPED ? 1 : SCALES + 1);
}

/* Runs on fixed numbers; outputs that are not given are the session's. */
static void run(infer_session *s, int64_t batch, infer_tensor out[MOST_OUTPUTS])
{
    static float x[MOST_BATCH * 3 * H * W];
    struct rng r = {5};
    infer_tensor in = {.type = INFER_F32, .rank = 4, .dims = {batch, 3, H, W}, .data = x};
    infer_error err;
    in.bytes = (size_t)batch * 3 * H * W * sizeof *x;
    for (size_t i = 0; i < MOST_BATCH * 3 * H * W; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 1000;
    infer_status status = infer_run(s, &in, 1, out, infer_session_outputs(s), &err);
    if (status != INFER_OK)
        fail_msg("%s", err.message);
}

static size_t count_steps(const infer_session *s, const char *op)
{
    size_t count = 0;
    infer_step_info info = INFER_STEP_INFO_INIT;
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        OK(infer_session_step(s, i, &info, NULL));
        count += strcmp(info.op, op) == 0;
    }
    return count;
}

static infer_session *session_of(const struct net_model *m, infer_isa isa, uint32_t threads,
                                 int64_t batch)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {batch, 3, H, W}};
    infer_session *s;
    infer_error err;
    o.isa = isa;
    o.threads = threads;
    o.no_onednn = 1;
    o.inputs = &spec;
    o.ninputs = 1;
    if (infer_session_create(m->model, &o, &s, &err) != INFER_OK)
        fail_msg("%s (%s)", err.message, err.node);
    return s;
}

/* What the head makes of the sigmoids of one scale, `rows` of them. */
static void expect(const float *whole, const float *got, size_t rows)
{
    for (size_t r = 0; r < rows; r++, whole += COLUMNS, got += COLUMNS)
        for (int c = 0; c < COLUMNS; c++) {
            float want = c < 2 ? whole[c] + whole[c + 2] : c < 4 ? whole[c] * whole[c] : whole[c];
            if (got[c] != want)
                fail_msg("row %zu, column %d: %g, not %g", r, c, (double)got[c], (double)want);
        }
}

static void test_answers(void **state)
{
    struct net_model plain = make_head(PLAIN), shown = make_head(SHOW_SPLIT);
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session *s = session_of(&shown, isa, 1, 1);
        infer_tensor want[MOST_OUTPUTS] = {{0}};
        run(s, 1, want);
        expect(want[1].data, want[0].data, FIRST);
        expect(want[2].data, (const float *)want[0].data + FIRST * COLUMNS, SECOND);
        for (uint32_t threads = 1; threads <= 3; threads++) {
            infer_session *t = session_of(&plain, isa, threads, 1);
            infer_tensor got[MOST_OUTPUTS] = {{0}};
            run(t, 1, got);
            assert_int_equal(got[0].bytes, ROWS * COLUMNS * sizeof(float));
            assert_memory_equal(got[0].data, want[0].data, got[0].bytes);
            infer_session_free(&t);
        }
        infer_session_free(&s);
    }
    net_drop(&plain);
    net_drop(&shown);
}

/* Which steps there are: a Transpose for each scale, and the two Concats that change columns. */
static void test_steps(void **state)
{
    (void)state;
    for (int form = PLAIN; form < FORMS; form++) {
        struct net_model m = make_head((enum form)form);
        infer_session *s = session_of(&m, INFER_ISA_DEFAULT, 1, 1);
        size_t transposes = 1 + SCALES + (form == SHOW_MAPS ? SCALES : 0); /* 1: the picture */
        assert_int_equal(count_steps(s, "Transpose"), transposes);
        assert_int_equal(count_steps(s, "Concat"), SCALES);
        infer_session_free(&s);
        net_drop(&m);
    }
}

/* Whether what a form shows of the first scale agrees with the answer. */
static void check_shown(enum form form, const float *shown, const float *got)
{
    float unit = form >= READ_SPLIT ? 0.25f : 1, whole[FIRST * COLUMNS];
    for (size_t i = 0; i < FIRST * COLUMNS; i++) {
        size_t row = i / COLUMNS, column = i % COLUMNS;
        if (form == SHOW_SPLIT || form == READ_SPLIT)
            whole[i] = unit * shown[i];
        else if (form == READ_TURNED)
            whole[i] = 1 / (1 + expf(-unit * shown[i]));
        else if (column >= 4 && form != SHOW_MAPS) /* maps are in another order */
            assert_true(unit * shown[row * (COLUMNS - 4) + column - 4] == got[i]);
        if (form == READ_TURNED)
            assert_true(column < 4 || fabsf(whole[i] - got[i]) < 1e-6f);
    }
    if (form == SHOW_SPLIT || form == READ_SPLIT)
        expect(whole, got, FIRST);
}

/* Forms in which something has to stay as it is give the same, and show what they should. */
static void test_shown(void **state)
{
    struct net_model plain = make_head(PLAIN);
    infer_session *s = session_of(&plain, INFER_ISA_DEFAULT, 1, 1);
    infer_tensor want[MOST_OUTPUTS] = {{0}};
    (void)state;
    run(s, 1, want);
    for (int form = SHOW_MAPS; form < FORMS; form++) {
        struct net_model m = make_head((enum form)form);
        infer_session *t = session_of(&m, INFER_ISA_DEFAULT, 2, 1);
        infer_tensor got[MOST_OUTPUTS] = {{0}};
        run(t, 1, got);
        assert_memory_equal(got[0].data, want[0].data, want[0].bytes);
        check_shown((enum form)form, got[1].data, got[0].data);
        infer_session_free(&t);
        net_drop(&m);
    }
    infer_session_free(&s);
    net_drop(&plain);
}

static void test_swapped(void **state)
{
    struct net_model plain = make_head(PLAIN), swapped = make_head(SWAPPED);
    infer_session *s = session_of(&plain, INFER_ISA_DEFAULT, 1, 1);
    infer_session *t = session_of(&swapped, INFER_ISA_DEFAULT, 1, 1);
    infer_tensor want[MOST_OUTPUTS] = {{0}}, got[MOST_OUTPUTS] = {{0}};
    (void)state;
    run(s, 1, want);
    run(t, 1, got);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        size_t to = i - i % COLUMNS + (i % COLUMNS + COLUMNS - 4) % COLUMNS;
        assert_true(((const float *)got[0].data)[to] == ((const float *)want[0].data)[i]);
    }
    infer_session_free(&s);
    infer_session_free(&t);
    net_drop(&plain);
    net_drop(&swapped);
}

/* A batch, whose images do not follow one another in the result; and memory of the caller. */
static void test_batch(void **state)
{
    struct net_model m = make_head(PLAIN);
    static float mine[MOST_BATCH * ROWS * COLUMNS];
    (void)state;
    infer_session *one = session_of(&m, INFER_ISA_DEFAULT, 1, 1);
    infer_tensor want[MOST_OUTPUTS] = {{0}};
    run(one, 1, want);
    for (uint32_t threads = 1; threads <= 2; threads++) {
        infer_session *s = session_of(&m, INFER_ISA_DEFAULT, threads, MOST_BATCH);
        infer_tensor got[MOST_OUTPUTS] = {
            {.type = INFER_F32, .rank = 3, .dims = {MOST_BATCH, ROWS, COLUMNS}, .data = mine}};
        got[0].bytes = sizeof mine;
        memset(mine, 0xff, sizeof mine);
        run(s, MOST_BATCH, got);
        assert_memory_equal(mine, want[0].data, want[0].bytes);
        infer_session_free(&s);
    }
    infer_session_free(&one);
    net_drop(&m);
}

/* ---- channels ------------------------------------------------------------------------------- */

enum { A = 5, B = 19, C = 8 }; /* channels of the parts */

/* Convolutions side by side, joined along the channels for one more; `residual`: the third is added
 * to something, and so stays apart; `show`: the parts are outputs, and stay apart. */
static struct net_model make_channels(int residual, int show)
{
    struct net n = {.rng = {29}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), part[3], out[MOST_OUTPUTS];
    const int64_t channels[3] = {A, B, C};
    for (int i = 0; i < 3; i++) {
        int64_t side = i == 1 ? 3 : 1;
        uint32_t w = net_const(&n, "w", 4, (int64_t[]){channels[i], 3, side, side});
        uint32_t y = net_node(&n, INFER__OP_CONV, "part", (uint32_t[]){x, w}, 2, &node);
        if (i == 1)
            net_attr(&n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
        part[i] = net_node(&n, INFER__OP_RELU, "relu", &y, 1, &node);
    }
    if (residual) {
        uint32_t w = net_const(&n, "w", 4, (int64_t[]){C, 3, 1, 1});
        uint32_t y = net_node(&n, INFER__OP_CONV, "part", (uint32_t[]){x, w}, 2, &node);
        part[2] = net_node(&n, INFER__OP_ADD, "sum", (uint32_t[]){part[2], y}, 2, &node);
    }
    uint32_t all = net_node(&n, INFER__OP_CONCAT, "all", part, 3, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    uint32_t w = net_const(&n, "w", 4, (int64_t[]){4, A + B + C, 1, 1});
    out[0] = net_node(&n, INFER__OP_CONV, "last", (uint32_t[]){all, w}, 2, &node);
    memcpy(out + 1, part, sizeof part);
    return net_load(&n, out, show ? 4 : 1);
}

static void test_channels(void **state)
{
    (void)state;
    for (int residual = 0; residual < 2; residual++) {
        struct net_model joined = make_channels(residual, 0), apart = make_channels(residual, 1);
        infer_isa isa = INFER_ISA_C;
        for (int i = 0; isa; i++) {
            const int64_t batch = 1 + i % 2;
            infer_session *s = session_of(&joined, isa, 1 + (uint32_t)i / 2 % 2, batch);
            infer_session *t = session_of(&apart, isa, 1, batch);
            infer_tensor got[MOST_OUTPUTS] = {{0}}, want[MOST_OUTPUTS] = {{0}};
            assert_int_equal(count_steps(t, "Concat"), 1);

            assert_int_equal(count_steps(s, "Concat"), residual);
            run(s, batch, got);
            run(t, batch, want);
            for (size_t k = 0; k < want[0].bytes / sizeof(float); k++) {
                float a = ((const float *)got[0].data)[k], b = ((const float *)want[0].data)[k];
                if (!(fabsf(a - b) <= 1e-5f * (1 + fabsf(b))))
                    fail_msg("element %zu is %g, apart %g", k, (double)a, (double)b);
            }
            infer_session_free(&s);
            infer_session_free(&t);
            if (i % 2)
                isa = infer__isa_next(isa);
        }
        net_drop(&joined);
        net_drop(&apart);
    }
}

/* A convolution whose channels would stand where a picture that is cut later stands. */
static struct net_model make_early(void)
{
    struct net n = {.rng = {31}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), part[2], out[MOST_OUTPUTS];
    uint32_t w[2] = {net_const(&n, "w", 4, (int64_t[]){A, 3, 1, 1}),
                     net_const(&n, "w", 4, (int64_t[]){2 * A, 3, 1, 1})};
    uint32_t early = net_node(&n, INFER__OP_CONV, "early", (uint32_t[]){x, w[0]}, 2, &node);
    uint32_t whole = net_node(&n, INFER__OP_CONV, "whole", (uint32_t[]){x, w[1]}, 2, &node);
    for (int i = 0; i < 2; i++)
        OK(infer__graph_add_value(&n.g, "half", &part[i], &n.err));
    OK(infer__graph_add_node(&n.g, INFER__OP_SPLIT, "split", &whole, 1, part, 2, &node, &n.err));
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    net_attr(&n, node, INFER__ATTR_NUM_OUTPUTS, 1, (int64_t[]){2});
    uint32_t both[2] = {part[0], early};
    out[0] = net_node(&n, INFER__OP_CONCAT, "both", both, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    out[1] = net_node(&n, INFER__OP_CONV, "again", (uint32_t[]){x, w[0]}, 2, &node);
    return net_load(&n, out, 2);
}

static void test_early(void **state)
{
    struct net_model m = make_early();
    infer_session *s = session_of(&m, INFER_ISA_DEFAULT, 1, 1);
    infer_tensor out[MOST_OUTPUTS] = {{0}};
    (void)state;
    run(s, 1, out);
    const float *both = out[0].data, *again = out[1].data;
    for (size_t i = 0; i < A * H * W; i++)
        assert_true(fabsf(both[A * H * W + i] - again[i]) <= 1e-5f);
    infer_session_free(&s);
    net_drop(&m);
}

/* ---- what may not be joined ----------------------------------------------------------------- */

/* Functions of the picture, one behind the other: "outer" is -x, sigmoid and exp. */
static struct net_model make_rows(void)
{
    struct net n = {.rng = {3}};
    struct infer__node *node;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), out[MOST_OUTPUTS];
    n.g.values[x].free_dims = 0;
    n.g.values[x].dims[0] = 1;
    uint32_t a = net_node(&n, INFER__OP_SIGMOID, "a", &x, 1, &node);
    uint32_t b = net_node(&n, INFER__OP_EXP, "b", &x, 1, &node);
    uint32_t c = net_const(&n, "c", 4, (int64_t[]){1, 3, H, W});
    uint32_t inner = net_node(&n, INFER__OP_CONCAT, "inner", (uint32_t[]){a, b}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    uint32_t d = net_node(&n, INFER__OP_NEG, "d", &x, 1, &node);
    uint32_t outer = net_node(&n, INFER__OP_CONCAT, "outer", (uint32_t[]){d, inner}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    out[0] = net_node(&n, INFER__OP_NEG, "negative", &outer, 1, &node);
    uint32_t e = net_node(&n, INFER__OP_ABS, "e", &x, 1, &node);
    out[1] = net_node(&n, INFER__OP_CONCAT, "twice", (uint32_t[]){e, e}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    out[3] = net_node(&n, INFER__OP_CONCAT, "given", (uint32_t[]){x, c}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    out[2] = net_node(&n, INFER__OP_ABS, "again", &inner, 1, &node);
    return net_load(&n, out, MOST_OUTPUTS);
}

/* Tensors that stand in two results, inputs and constants; a result that is a part itself. */
static void test_rows(void **state)
{
    enum { SIZE = 3 * H * W };
    struct net_model m = make_rows();
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session *s = net_session(&m, isa, 2, 1);
        infer_tensor out[MOST_OUTPUTS] = {{0}};
        assert_int_equal(count_steps(s, "Concat"), 2); /* "twice" and "given" */
        run(s, 1, out);
        const float *outer = out[0].data, *twice = out[1].data, *inner = out[2].data,
                    *given = out[3].data;
        for (size_t i = 0; i < SIZE; i++) {
            float x = given[i], a = inner[i], b = inner[SIZE + i];
            assert_true(fabsf(a - 1 / (1 + expf(-x))) < 1e-6f && fabsf(b - expf(x)) < 1e-6f);
            assert_true(twice[i] == fabsf(x) && twice[SIZE + i] == fabsf(x));
            assert_true(outer[i] == x && outer[SIZE + i] == -a && outer[2 * SIZE + i] == -b);
        }
        infer_session_free(&s);
    }
    net_drop(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_steps),
        cmocka_unit_test(test_shown),   cmocka_unit_test(test_swapped),
        cmocka_unit_test(test_batch),   cmocka_unit_test(test_channels),
        cmocka_unit_test(test_early),   cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
