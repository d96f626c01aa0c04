/* Operators of the application's own, as a file describes them: what descriptors may not say, what
 * is read from good ones, and what an application may not ask for. */
#include "tests/file_fixture.h"

#include "graph/custom.h"

/* ---- a graph of Custom nodes ---------------------------------------------------------------- */

struct custom_graph {
    struct infer__region region;
    struct infer__graph g;
    uint32_t x, id; /* a constant that is no descriptor; of the last node, that of its descriptor */
    infer_error err;
};

static void graph_init(struct custom_graph *c)
{
    const int64_t one = 1;
    infer__region_init(&c->region, NULL);
    assert_int_equal(infer__graph_init(&c->g, &c->region, &c->err), INFER_OK);
    assert_int_equal(infer__graph_add_const(&c->g, "x", INFER_U8, 1, &one, "", 1, &c->x, &c->err),
                     INFER_OK);
}

/* Adds a node that is described by so many bytes, with more operands and results. */
static struct infer__node *add_node(struct custom_graph *c, const void *bytes, size_t size,
                                    uint32_t more, uint32_t nout)
{
    const int64_t dim = (int64_t)size;
    uint32_t in[80], out[80];
    struct infer__node *n;
    assert_int_equal(
        infer__graph_add_const(&c->g, "d", INFER_U8, 1, &dim, bytes, 1, &c->id, &c->err), INFER_OK);
    in[0] = c->id;
    for (uint32_t i = 1; i <= more; i++)
        in[i] = c->x;
    for (uint32_t i = 0; i < nout; i++)
        assert_int_equal(infer__graph_add_value(&c->g, "y", &out[i], &c->err), INFER_OK);
    assert_int_equal(infer__graph_add_node(&c->g, INFER__OP_CUSTOM, "node", in, 1 + more, out, nout,
                                           &n, &c->err),
                     INFER_OK);
    return n;
}

static void expect(struct custom_graph *c, const struct infer__node *n, infer_status status,
                   const char *message, const char *what)
{
    const infer_status got = infer__custom_verify(&c->g, n, &c->err);
    if (got != status || (status && !strstr(c->err.message, message)) ||
        (status && strcmp(c->err.node, "node") != 0))
        fail_msg("%s: %s at '%s': %s", what, infer_status_name(got), c->err.node, c->err.message);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

#define NONE "is no description of an operator"
#define HEAD "d\0n\0"

/* Whole attributes: 1 is of integers, 2 of floats, 3 of characters. */
#define INTS "a\0\1\1\0\0\0\1\2\3\4\5\6\7\10"
#define STRING "s\0\3\2\0\0\0hi\0"

static const char good[] = HEAD INTS STRING;
enum { GOOD = sizeof good - 1 }; /* without C's own zero */

/* Every prefix but the whole, and those that end behind an attribute. */
static void test_prefixes(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= GOOD; cut++) {
        struct custom_graph c;
        graph_init(&c);
        const struct infer__node *n = add_node(&c, good, cut, 0, 1);
        const int whole = cut == GOOD || cut == 4 || cut == 4 + sizeof INTS - 1;
        expect(&c, n, whole ? INFER_OK : INFER_ERROR_FORMAT, NONE, "a prefix");
        infer__region_free(&c.region);
    }
}

static void test_bad_descriptors(void **state)
{
    (void)state;
#define BAD(what, text)                                                                            \
    {                                                                                              \
        what, text, sizeof(text) - 1                                                               \
    }
    static const struct {
        const char *what, *bytes;
        size_t size;
    } bad[] = {
        BAD("no domain", "\0n\0"),
        BAD("no name", "d\0\0"),
        BAD("type 0", HEAD "a\0\0\1\0\0\0\1"),
        BAD("type 4", HEAD "a\0\4\1\0\0\0\1"),
        BAD("fewer integers", HEAD "a\0\1\2\0\0\0\1\2\3\4\5\6\7\10"),
        BAD("fewer floats", HEAD "a\0\2\2\0\0\0\1\2\3\4\5\6\7"),
        BAD("count of 2^32 - 1", HEAD "a\0\1\377\377\377\377\1\2\3\4\5\6\7\10"),
        BAD("fewer characters", HEAD "s\0\3\144\0\0\0\0\0\0\0"),
        BAD("no zero behind a string", HEAD "s\0\3\2\0\0\0hix"),
        BAD("a zero in a string", HEAD "s\0\3\2\0\0\0h\0\0"),
        BAD("one byte more", HEAD INTS STRING "x"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct custom_graph c;
        graph_init(&c);
        expect(&c, add_node(&c, bad[i].bytes, bad[i].size, 0, 1), INFER_ERROR_FORMAT, NONE,
               bad[i].what);
        infer__region_free(&c.region);
    }
}

/* A name without an end, in front of a count that all bytes of 1 make true: 64 MiB. */
static void test_endless_name(void **state)
{
    (void)state;
    enum { MANY = 0x01010101 };
    const size_t size = 4 + 5 + (size_t)MANY * 4;
    struct custom_graph c;
    unsigned char *d = malloc(size);
    assert_non_null(d);
    memset(d, 1, size);
    memcpy(d, HEAD, 4);
    d[4] = INFER__CUSTOM_FLOATS;
    graph_init(&c);
    expect(&c, add_node(&c, d, size, 0, 1), INFER_ERROR_FORMAT, NONE, "a name without an end");
    infer__region_free(&c.region);
    free(d);
}

/* A good descriptor in a value that can't hold one; operands and results at their limit. */
static void test_bad_values(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        struct custom_graph c;
        graph_init(&c);
        const struct infer__node *n =
            add_node(&c, good, GOOD, k >= 4 ? 31 : 0, k >= 4 ? 28 + (uint32_t)k : 1);
        struct infer__value *v = &c.g.values[c.id];
        if (k == 1)
            v->kind = INFER__VALUE_INPUT;
        if (k == 2)
            v->type = INFER_S8;
        if (k == 3) {
            v->rank = 2;
            v->dims[1] = 1;
        }
        const infer_status status = k == 5             ? INFER_ERROR_LIMIT
                                    : k == 0 || k == 4 ? INFER_OK
                                                       : INFER_ERROR_FORMAT;
        expect(&c, n, status, k == 5 ? "more than 64 inputs and outputs" : NONE, "a value");
        infer__region_free(&c.region);
    }
}

/* ---- what is read from them ----------------------------------------------------------------- */

static void test_read(void **state)
{
    (void)state;
    static const char many[] = HEAD INTS STRING "f\0\2\2\0\0\0\0\0\200\077\0\0\0\300"
                                                "i\0\1\2\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"
                                                "g\0\2\1\0\0\0\0\0\0\077";
    struct custom_graph c;
    const int64_t *ints;
    const float *floats;
    graph_init(&c);
    assert_int_equal(infer__customs_read(&c.g, NULL, 0, &c.region, &c.err), INFER_OK);
    assert_null(c.g.customs); /* where there are none */
    expect(&c, add_node(&c, many, sizeof many - 1, 0, 1), INFER_OK, "", "many attributes");
    assert_int_equal(infer__customs_read(&c.g, NULL, 0, &c.region, &c.err), INFER_OK);
    assert_int_equal(c.g.customs->nnodes, 1);
    const infer_custom_node *n = &c.g.customs->nodes[0];
    assert_string_equal(n->domain, "d");
    assert_string_equal(n->name, "n");
    assert_int_equal(n->nattrs, 5);
    assert_int_equal(infer_custom_int(n, "a", 0), INT64_C(0x0807060504030201));
    assert_int_equal(infer_custom_int(n, "s", 7), 7); /* of another type, */
    assert_int_equal(infer_custom_int(n, "i", 7), 7); /* two of them, */
    assert_int_equal(infer_custom_int(n, "", 7), 7);  /* none */
    assert_true(infer_custom_float(n, "g", 7) == 0.5F);
    assert_true(infer_custom_float(n, "f", 7) == 7);
    assert_true(infer_custom_float(n, "a", 7) == 7);
    assert_string_equal(infer_custom_string(n, "s", "none"), "hi");
    assert_string_equal(infer_custom_string(n, "a", "none"), "none");
    assert_int_equal(infer_custom_ints(n, "i", &ints), 2);
    assert_true(ints[0] == 1 && ints[1] == 2);
    assert_int_equal(infer_custom_ints(n, "i", NULL), 0);
    assert_int_equal(infer_custom_ints(n, "f", &ints), 0);
    assert_null(ints);
    assert_int_equal(infer_custom_floats(n, "f", &floats), 2);
    assert_true(floats[0] == 1 && floats[1] == -2);
    assert_int_equal(infer_custom_floats(n, "f", NULL), 0);
    assert_int_equal(infer_custom_floats(n, "s", &floats), 0);
    assert_null(floats);
    infer__region_free(&c.region);
}

/* ---- operators that are given --------------------------------------------------------------- */

static infer_status no_shape(void *ctx, const infer_custom_call *call)
{
    (void)ctx;
    (void)call;
    return INFER_ERROR_SHAPE;
}

static infer_custom_op good_op(void)
{
    return (infer_custom_op){
        .domain = "d", .name = "n", .shape = no_shape, .run = no_shape, .parts = 1};
}

static void test_bad_ops(void **state)
{
    (void)state;
    enum { WRONG = 9 };
    infer_custom_op ops[2];
    for (int k = 0; k < WRONG; k++) {
        struct custom_graph c;
        graph_init(&c);
        ops[0] = ops[1] = good_op();
        infer_custom_op *o = &ops[1];
        o->domain = k == 1 ? NULL : o->domain;
        o->name = k == 2 ? NULL : o->name;
        o->shape = k == 3 ? NULL : o->shape;
        o->run = k == 4 ? NULL : o->run;
        o->parts = k == 5 ? INFER__CUSTOM_PARTS + 1 : k == 0 ? INFER__CUSTOM_PARTS : 1;
        o->reserved = k == 6;
        o->more[0] = k == 7;
        o->more[1] = k == 8;
        const infer_status status = infer__customs_read(&c.g, ops, 2, &c.region, &c.err);
        assert_int_equal(status, k ? INFER_ERROR_ARGUMENT : INFER_OK);
        if (k)
            assert_non_null(strstr(c.err.message, k <= 4 ? "custom_ops[1] lacks" : "has more"));
        assert_int_equal(infer__customs_read(&c.g, NULL, 1, &c.region, &c.err),
                         INFER_ERROR_ARGUMENT);
        assert_string_equal(c.err.message, "custom_ops is NULL");
        infer__region_free(&c.region);
    }
}

/* So is a model loaded with them. */
static void test_load(void **state)
{
    (void)state;
    struct custom_graph c;
    infer_model *model;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    graph_init(&c);
    uint32_t *outputs = add_node(&c, good, GOOD, 0, 1)->out;
    c.g.outputs = outputs;
    c.g.noutputs = 1;
    struct infer__file_content content = {.graph = &c.g};
    struct bytes file = write_exact(&content);
    o.ncustom_ops = 1;
    assert_int_equal(infer_load_memory(file.data, file.size, &o, &model, &c.err),
                     INFER_ERROR_ARGUMENT);
    const infer_custom_op op = good_op();
    o.custom_ops = &op;
    assert_int_equal(infer_load_memory(file.data, file.size, &o, &model, &c.err), INFER_OK);
    infer_model_free(&model);
    free(file.data);
    infer__region_free(&c.region);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Adds a node of so many attributes, each of so many bytes. */
static void add_large(struct custom_graph *c, int attrs, uint32_t bytes)
{
    static const char head[] = HEAD, name[] = "a";
    const size_t each = sizeof name + 5 + bytes, size = sizeof head - 1 + (size_t)attrs * each;
    unsigned char *d = calloc(1, size), *at = d + sizeof head - 1;
    assert_non_null(d);
    memcpy(d, head, sizeof head - 1);
    for (int k = 0; k < attrs; k++, at += each) {
        memcpy(at, name, sizeof name);
        at[sizeof name] = INFER__CUSTOM_FLOATS;
        put_le(at + sizeof name + 1, 4, bytes / 4);
    }
    expect(c, add_node(c, d, size, 0, 1), INFER_OK, "", "a large one");
    free(d);
}

/* Each array has memory of its own; each allocation fails. */
static void test_failing_memory(void **state)
{
    (void)state;
    enum { NODES = 200, OPS = 200 };
    struct custom_graph c;
    infer_custom_op ops[OPS];
    size_t k = 1;
    graph_init(&c);
    add_large(&c, 1, 8000);
    add_large(&c, 300, 0);
    for (int i = 0; i < NODES; i++)
        add_large(&c, 0, 0);
    for (int i = 0; i < OPS; i++)
        ops[i] = good_op();
    for (;; k++) {
        struct counter counter;
        struct infer__region region;
        const infer_allocator a = counting(&counter);
        infer__region_init(&region, &a);
        counter.fail_only = k;
        const infer_status status = infer__customs_read(&c.g, ops, OPS, &region, &c.err);
        infer__region_free(&region);
        assert_int_equal(counter.blocks, 0);
        if (counter.calls < k)
            break;
        assert_int_equal(status, INFER_ERROR_NO_MEMORY);
    }
    assert_true(k > 5);
    infer__region_free(&c.region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefixes),       cmocka_unit_test(test_bad_descriptors),
        cmocka_unit_test(test_bad_values),     cmocka_unit_test(test_read),
        cmocka_unit_test(test_bad_ops),        cmocka_unit_test(test_load),
        cmocka_unit_test(test_failing_memory), cmocka_unit_test(test_endless_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
