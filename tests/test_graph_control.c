/* The rules of branches and loops: graphs that break one each, with the node that is named and a
 * part of the message; and the good ones that they are made of. */
#include "test_graph.h"

#include "graph/control.h"
#include "tests/file_bytes.h"

/* c, x inputs; t = If(c), a = Relu(x), e = Else(t), b = Neg(x), y = EndIf(e, a, b), and
 * i, s = Loop(m, x), n = Add(s, s), z, q = EndLoop(i, m, c, s, n, n). */
enum value { NONE, C, X, M, T, A, E, B, Y, I, S, N, Z, Q, VALUES };
enum { IF, RELU, ELSE, NEG, END_IF, LOOP, ADD, END_LOOP };

static void add(struct fixture *f, uint16_t op, const char *name, const uint32_t *in, uint32_t nin,
                uint32_t out, uint32_t nout)
{
    const uint32_t outs[2] = {out, out + 1};
    struct infer__node *n;
    assert_int_equal(infer__graph_add_node(&f->g, op, name, in, nin, outs, nout, &n, &f->err), 0);
}

static void good_graph(struct fixture *f)
{
    static const char *const names[VALUES] = {"",  "c", "x", "m", "t", "a", "e",
                                              "b", "y", "i", "s", "n", "z", "q"};
    static const int64_t three = 3;
    struct infer__graph *g = &f->g;
    uint32_t id;
    fixture_init(f);
    for (int v = C; v < VALUES; v++)
        if (v == M)
            assert_int_equal(
                infer__graph_add_const(g, "m", INFER_S64, 0, NULL, &three, 0, &id, &f->err), 0);
        else
            assert_int_equal(infer__graph_add_value(g, names[v], &id, &f->err), 0);
    for (int v = C; v <= X; v++) {
        g->values[v].kind = INFER__VALUE_INPUT;
        g->values[v].type = v == C ? INFER_BOOL : INFER_F32;
        g->values[v].shaped = 1;
    }
    add(f, INFER__OP_IF, "if", (uint32_t[]){C}, 1, T, 1);
    add(f, INFER__OP_RELU, "relu", (uint32_t[]){X}, 1, A, 1);
    add(f, INFER__OP_ELSE, "else", (uint32_t[]){T}, 1, E, 1);
    add(f, INFER__OP_NEG, "neg", (uint32_t[]){X}, 1, B, 1);
    add(f, INFER__OP_END_IF, "end_if", (uint32_t[]){E, A, B}, 3, Y, 1);
    add(f, INFER__OP_LOOP, "loop", (uint32_t[]){M, X}, 2, I, 2);
    add(f, INFER__OP_ADD, "add", (uint32_t[]){S, S}, 2, N, 1);
    add(f, INFER__OP_END_LOOP, "end_loop", (uint32_t[]){I, M, C, S, N, N}, 6, Z, 2);
    uint32_t *lists = infer__region_calloc(&f->region, 8, sizeof *lists);
    lists[0] = C;
    lists[1] = X;
    lists[2] = Y;
    lists[3] = Z;
    lists[4] = Q;
    g->inputs = lists;
    g->ninputs = 2;
    g->outputs = lists + 2;
    g->noutputs = 3;
}

/* ---- ways to spoil it: operand `in` of a node becomes another value, or a node another one ----
 */

struct spoiled {
    int node, in;
    uint32_t value;
    const char *named, *message;
};

static const struct spoiled operands[] = {
    {NEG, 0, A, "neg", "in a branch or a loop that has ended"},
    {END_IF, 1, B, "end_if", "in a branch or a loop that has ended"},
    {END_IF, 2, A, "end_if", "in a branch or a loop that has ended"},
    {LOOP, 1, A, "loop", "in a branch or a loop that has ended"},
    {LOOP, 1, B, "loop", "in a branch or a loop that has ended"},
    {END_LOOP, 5, A, "end_loop", "in a branch or a loop that has ended"},
    {ELSE, 0, C, "else", "must be the first result of 'if'"},
    {END_IF, 0, T, "end_if", "must be the first result of 'else'"},
    {END_LOOP, 0, S, "end_loop", "must be the first result of 'loop'"},
    {END_LOOP, 1, X, "end_loop", "must be the limit of 'loop'"},
    {END_LOOP, 3, X, "end_loop", "must be state 0 of 'loop'"},
    {RELU, 0, T, "relu", "for Else or EndIf only"},
    {ADD, 0, E, "add", "for Else or EndIf only"},
};

static void expect(struct fixture *f, const char *named, const char *message)
{
    assert_int_equal(infer__graph_verify(&f->g, &f->err), INFER_ERROR_FORMAT);
    assert_non_null(strstr(f->err.message, message));
    if (strcmp(f->err.node, named) != 0)
        fail_msg("'%s' is named, not '%s': %s", f->err.node, named, f->err.message);
}

static void test_good(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t inside[VALUES] = {0};
    good_graph(&f);
    assert_int_equal(infer__graph_verify(&f.g, &f.err), INFER_OK);
    infer__control_inside(&f.g, inside);
    for (uint32_t v = C; v < VALUES; v++)
        assert_int_equal(inside[v],
                         v == A || v == E || v == B || v == T || v == I || v == S || v == N);
    assert_int_equal(infer__control_end(&f.g, IF, 0), ELSE);
    assert_int_equal(infer__control_end(&f.g, IF, 1), END_IF);
    assert_int_equal(infer__control_end(&f.g, ELSE, 0), END_IF);
    assert_int_equal(infer__control_end(&f.g, LOOP, 0), END_LOOP);
    fixture_free(&f);
}

static void test_operands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof operands / sizeof *operands; i++) {
        const struct spoiled *s = &operands[i];
        struct fixture f;
        good_graph(&f);
        f.g.nodes[s->node].in[s->in] = s->value;
        expect(&f, s->named, s->message);
        fixture_free(&f);
    }
}

/* A node that begins or ends something is another one. */
static void test_structure(void **state)
{
    (void)state;
    static const struct {
        int node;
        uint16_t op;
        const char *named, *message;
    } cases[] = {
        {IF, INFER__OP_RELU, "else", "no If before it"},
        {ELSE, INFER__OP_RELU, "else", "for Else or EndIf only"},
        {LOOP, INFER__OP_ADD, "end_loop", "no Loop before it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        good_graph(&f);
        f.g.nodes[cases[i].node].op = cases[i].op;
        if (cases[i].op == INFER__OP_ADD)
            f.g.nodes[LOOP].nout = 1, f.g.nodes[ADD].in[0] = f.g.nodes[ADD].in[1] = X,
            f.g.nodes[END_LOOP].in[3] = X;
        expect(&f, cases[i].named, cases[i].message);
        fixture_free(&f);
    }
}

/* What is begun must end; counts of operands and results must go together. */
static void test_counts(void **state)
{
    (void)state;
    struct fixture f;
    good_graph(&f);
    f.g.nnodes = END_LOOP;
    f.g.noutputs = 1;
    expect(&f, "loop", "nothing ends it");
    f.g.nnodes = END_IF;
    f.g.outputs[0] = X;
    expect(&f, "else", "nothing ends it");
    fixture_free(&f);
    good_graph(&f);
    f.g.nodes[END_LOOP].nin = 5;
    expect(&f, "end_loop", "do not go with");
    fixture_free(&f);
    good_graph(&f);
    uint32_t more[4] = {E, A, B, A}; /* a value of one branch too many */
    f.g.nodes[END_IF].in = more;
    f.g.nodes[END_IF].nin = 4;
    expect(&f, "end_if", "do not go with");
    fixture_free(&f);
    good_graph(&f);
    uint32_t inputs[3] = {M, X, X}; /* one state more than results */
    f.g.nodes[LOOP].in = inputs;
    f.g.nodes[LOOP].nin = 3;
    expect(&f, "end_loop", "do not go with");
    uint32_t states[3] = {I, S}, end[6] = {I, M, C, S, N}; /* two states, one of which ends */
    assert_int_equal(infer__graph_add_value(&f.g, "s2", &states[2], &f.err), INFER_OK);
    end[5] = states[2];
    f.g.nodes[LOOP].out = states;
    f.g.nodes[LOOP].nout = 3;
    f.g.nodes[END_LOOP].in = end;
    f.g.nodes[END_LOOP].nout = 1;
    f.g.noutputs = 2;
    expect(&f, "end_loop", "EndLoop: 6 inputs and 1 outputs do not go with 'loop'");
    fixture_free(&f);
    static const enum value inside[] = {A, T};
    for (int k = 0; k < 2; k++) {
        good_graph(&f);
        f.g.outputs[0] = inside[k];
        expect(&f, "", "is made in a branch or a loop");
        fixture_free(&f);
    }
}

/* An Else inside of a loop, on what the loop begins with. */
static void test_wrong_kind(void **state)
{
    (void)state;
    struct fixture f;
    good_graph(&f);
    f.g.nodes[ADD].op = INFER__OP_ELSE;
    f.g.nodes[ADD].in[0] = I;
    f.g.nodes[ADD].nin = 1;
    expect(&f, "add", "there is no If before it");
    fixture_free(&f);
}

/* A graph without control flow takes no memory; of one with much of it each allocation fails. */
static void test_memory(void **state)
{
    (void)state;
    enum { MANY = 5000 }; /* arrays of so many have memory of their own */
    static struct infer__node nodes[MANY];
    static uint32_t operand[1], result[1];
    struct infer__region region;
    struct infer__graph g = {.region = &region, .nvalues = MANY};
    struct infer__value *values = calloc(MANY, sizeof *values);
    infer_error err;
    assert_non_null(values);
    g.values = values;
    infer__region_init(&region, NULL);
    assert_int_equal(infer__control_verify(&g, &err), INFER_OK);
    assert_int_equal(region.total, 0);
    for (int i = 0; i < MANY; i++)
        nodes[i] = (struct infer__node){
            .op = INFER__OP_IF, .nin = 1, .nout = 1, .in = operand, .out = result, .name = ""};
    g.nodes = nodes;
    g.nnodes = MANY;
    size_t k = 1;
    for (int failed = 1; failed; k++) {
        struct counter counter;
        const infer_allocator a = counting(&counter);
        infer__region_init(&region, &a);
        counter.fail_only = k;
        const infer_status status = infer__control_verify(&g, &err);
        failed = counter.calls >= k;
        assert_int_equal(status, failed ? INFER_ERROR_NO_MEMORY : INFER_ERROR_LIMIT);
        infer__region_free(&region);
    }
    assert_true(k > 3);
    free(values);
}

static void test_depth(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct fixture f;
        uint32_t token[INFER__MOST_NESTED + 1], value = X;
        struct infer__node *n;
        good_graph(&f);
        f.g.nnodes = 0;
        f.g.noutputs = 1;
        const int depth = INFER__MOST_NESTED + extra;
        for (int i = 0; i < depth; i++) {
            assert_int_equal(infer__graph_add_value(&f.g, "", &token[i], &f.err), 0);
            assert_int_equal(infer__graph_add_node(&f.g, INFER__OP_IF, "if", (uint32_t[]){C}, 1,
                                                   &token[i], 1, &n, &f.err),
                             0);
        }
        for (int i = depth; i-- > 0;) {
            uint32_t e, y;
            assert_int_equal(infer__graph_add_value(&f.g, "", &e, &f.err), 0);
            assert_int_equal(infer__graph_add_value(&f.g, "", &y, &f.err), 0);
            assert_int_equal(infer__graph_add_node(&f.g, INFER__OP_ELSE, "else", &token[i], 1, &e,
                                                   1, &n, &f.err),
                             0);
            assert_int_equal(infer__graph_add_node(&f.g, INFER__OP_END_IF, "end",
                                                   (uint32_t[]){e, value, X}, 3, &y, 1, &n, &f.err),
                             0);
            value = y;
        }
        f.g.outputs[0] = value;
        assert_int_equal(infer__graph_verify(&f.g, &f.err), extra ? INFER_ERROR_LIMIT : INFER_OK);
        fixture_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_operands),
        cmocka_unit_test(test_structure), cmocka_unit_test(test_counts),
        cmocka_unit_test(test_depth),     cmocka_unit_test(test_wrong_kind),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
