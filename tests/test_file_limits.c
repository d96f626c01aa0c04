/* Bounded time and memory: limits, a chain of a million nodes on a small stack, every allocation
 * failing in turn. */
#include "packed_parts.h"

#include <pthread.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void expect(const struct bytes *b, const infer_load_options *o, infer_status expected)
{
    infer_model *m;
    infer_error err;
    infer_status status = infer_load_memory(b->data, b->size, o, &m, &err);
    if (status != expected)
        fail_msg("%s, not %s: %s", infer_status_name(status), infer_status_name(expected),
                 err.message);
    infer_model_free(&m);
}

/* Each limit at what the file needs, and one below. The known file has 6 values and 3 nodes; its
 * largest tensor is x, with free dimensions as 1: 1 x 3 x 1 x 4 floats. */
static void test_limits(void **state)
{
    struct bytes b = known_file();
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    (void)state;
    o.max_file_bytes = b.size;
    expect(&b, &o, INFER_OK);
    o.max_file_bytes--;
    expect(&b, &o, INFER_ERROR_LIMIT);
    infer_load_options_init(&o, sizeof o);
    o.max_values = 6;
    expect(&b, &o, INFER_OK);
    o.max_values--;
    expect(&b, &o, INFER_ERROR_LIMIT);
    infer_load_options_init(&o, sizeof o);
    o.max_nodes = 3;
    expect(&b, &o, INFER_OK);
    o.max_nodes--;
    expect(&b, &o, INFER_ERROR_LIMIT);
    infer_load_options_init(&o, sizeof o);
    o.max_tensor_bytes = 48;
    expect(&b, &o, INFER_OK);
    o.max_tensor_bytes--;
    expect(&b, &o, INFER_ERROR_LIMIT);
    free(b.data);
}

/* ---- a long chain --------------------------------------------------------------------------- */

/* x -> Relu -> Relu -> ...: the graph's arrays are filled directly, which takes less time. */
static struct bytes chain_file(uint32_t nodes)
{
    struct infer__region region;
    struct infer__graph g;
    infer_error err;
    infer__region_init(&region, NULL);
    check_ok(infer__graph_init(&g, &region, &err), &err);
    g.nvalues = nodes + 2;
    g.values = infer__region_calloc(&region, g.nvalues, sizeof *g.values);
    g.nodes = infer__region_calloc(&region, nodes, sizeof *g.nodes);
    uint32_t *ids = infer__region_calloc(&region, g.nvalues, sizeof *ids);
    char *text = infer__region_calloc(&region, nodes, 16);
    g.values[0].name = g.values[1].name = "";
    g.values[1].kind = INFER__VALUE_INPUT;
    g.values[1].type = INFER_F32;
    for (uint32_t i = 0; i < g.nvalues; i++)
        ids[i] = i;
    for (uint32_t i = 0; i < nodes; i++) {
        snprintf(text + 16 * (size_t)i, 16, "relu%u", i);
        g.values[i + 2].name = text + 16 * (size_t)i;
        g.nodes[i] = (struct infer__node){.op = INFER__OP_RELU,
                                          .nin = 1,
                                          .nout = 1,
                                          .in = &ids[i + 1],
                                          .out = &ids[i + 2],
                                          .name = text + 16 * (size_t)i};
    }
    g.nnodes = nodes;
    g.inputs = &ids[1];
    g.outputs = &ids[nodes + 1];
    g.ninputs = g.noutputs = 1;
    struct infer__file_content c = {
        .graph = &g, .labels = NULL, .nlabels = 0, .extra = NULL, .nextra = 0};
    struct bytes b = write_exact(&c);
    infer__region_free(&region);
    return b;
}

static void *load_chain(void *file)
{
    const struct bytes *b = file;
    struct counter counter;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m;
    infer_error err;
    o.allocator = counting(&counter);
    double start = seconds();
    infer_status status = infer_load_memory(b->data, b->size, &o, &m, &err);
    printf("a chain of a million nodes: file %zu bytes, loaded in %.0f ms, memory %zu bytes\n",
           b->size, 1e3 * (seconds() - start), counter.peak);
    if (status == INFER_OK)
        touch_model(m);
    infer_model_free(&m);
    return status == INFER_OK && counter.peak < 8 * b->size && !counter.blocks ? NULL : file;
}

/* On a stack of 256 KiB, where recursion over the nodes would end in a signal. */
static void test_million_nodes(void **state)
{
    struct bytes b = chain_file(1000000);
    pthread_attr_t attr;
    pthread_t thread;
    void *failed = NULL;
    (void)state;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attr, load_chain, &b), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    pthread_attr_destroy(&attr);
    assert_null(failed);
    free(b.data);
    b = chain_file(1000001); /* one past the default limit */
    expect(&b, NULL, INFER_ERROR_LIMIT);
    free(b.data);
}

/* ---- memory --------------------------------------------------------------------------------- */

/* A count past the section, while the others add up to the section's size without it: each table
 * in turn, in the order of the file; another one takes its place. */
static void test_table_past_section(void **state)
{
    static const size_t element[8] = {
        INFER__FILE_VALUE, INFER__FILE_NODE, INFER__FILE_ATTR, 8, 4, 4, 4, 4};
    static const size_t field[8] = {0, 4, 16, 20, 24, 28, 8, 12};
    enum { FLOATS_TABLE = 4, REFS_TABLE = 5 };
    struct bytes b = known_file();
    size_t size, graph = section_at(b.data, INFER__SECTION_GRAPH, &size);
    (void)state;
    for (size_t t = 0; t < 8; t++) {
        struct bytes c = {exact_copy(b.data, b.size), b.size};
        size_t other = t == FLOATS_TABLE ? REFS_TABLE : FLOATS_TABLE, blamed = graph + VALUE_X;
        uint64_t here = get_le(c.data + graph + field[t], 4);
        uint64_t there = get_le(c.data + graph + field[other], 4);
        struct counter counter;
        infer_load_options o = INFER_LOAD_OPTIONS_INIT;
        infer_model *m;
        infer_error err;
        o.allocator = counting(&counter);
        put_le(c.data + graph + field[t], 4, 1000000);
        put_le(c.data + graph + field[other], 4, there + here * element[t] / 4);
        for (size_t i = 0; i < t; i++)
            blamed += (size_t)get_le(c.data + graph + field[i], 4) * element[i];
        reseal(c.data, c.size);
        assert_int_equal(infer_load_memory(c.data, c.size, &o, &m, &err), INFER_ERROR_FORMAT);
        assert_int_equal(err.offset, blamed);
        assert_true(counter.peak <= 65536);
        free(c.data);
    }
    free(b.data);
}

/* Many inputs, which are outputs too, and a node with an attribute behind each: no two arrays of
 * such a graph fit into one of a region's blocks of 16 KiB. Their dimensions are free. */
enum { WIDE = 9000 };
static void wide_graph(struct infer__graph *g, struct infer__region *region)
{
    infer_error err;
    infer__region_init(region, NULL);
    check_ok(infer__graph_init(g, region, &err), &err);
    g->inputs = infer__region_calloc(region, WIDE, sizeof *g->inputs);
    g->outputs = infer__region_calloc(region, 2 * WIDE, sizeof *g->outputs);
    g->ninputs = WIDE;
    g->noutputs = 2 * WIDE;
    for (uint32_t i = 0; i < WIDE; i++) {
        const int64_t axis = i;
        uint32_t *x = &g->inputs[i], *y = &g->outputs[WIDE + i];
        struct infer__node *n;
        check_ok(infer__graph_add_value(g, "x", x, &err), &err);
        check_ok(infer__graph_add_value(g, "y", y, &err), &err);
        g->outputs[i] = *x;
        g->values[*x].kind = INFER__VALUE_INPUT;
        g->values[*x].type = INFER_F32;
        g->values[*x].free_dims = 1;
        g->values[*x].rank = 1;
        check_ok(infer__graph_add_node(g, INFER__OP_SOFTMAX, "", x, 1, y, 1, &n, &err), &err);
        check_ok(infer__node_set_ints(g, n, INFER__ATTR_AXIS, &axis, 1, &err), &err);
    }
}

/* A file of that graph with much told about it, and with packed weights of many kinds of CPU. */
static struct bytes wide_file(void)
{
    enum { KINDS = 200 };
    static struct infer__dim_name dims[WIDE];
    static struct infer__pair pairs[WIDE];
    static struct infer__section extra[KINDS];
    struct infer__stored_for by = {.library = infer__stored_library()};
    struct infer__stored_entry entry = {{{1, 2}}, "", 1};
    struct part parts[KINDS];
    struct infer__region region;
    struct infer__graph g;
    wide_graph(&g, &region);
    for (uint32_t i = 0; i < WIDE; i++) {
        dims[i] = (struct infer__dim_name){.index = i, .name = "n"};
        pairs[i] = (struct infer__pair){"key", "value"};
    }
    for (int i = 0; i < KINDS; i++) {
        by.level = (uint32_t)i + 1;
        parts[i] = packed_part(&by, 0, &entry, 1); /* there are no weights */
        extra[i] =
            (struct infer__section){INFER__SECTION_PACKED, parts[i].data, (size_t)parts[i].size};
    }
    struct infer__about about = {"", "", 0, WIDE, WIDE, dims, pairs};
    struct bytes b = write_exact(&(struct infer__file_content){
        .graph = &g, .about = &about, .extra = extra, .nextra = KINDS});
    for (int i = 0; i < KINDS; i++)
        free(parts[i].data);
    infer__region_free(&region);
    return b;
}

/* Allocations 1, 2, 3 ... fail, alone or with all after them, until none is left. */
static void fail_in_turn(const struct bytes *b, int alone)
{
    struct counter counter;
    size_t k = 0;
    for (int failed = 1; failed;) {
        infer_load_options o = INFER_LOAD_OPTIONS_INIT;
        infer_model *m = (infer_model *)b->data;
        infer_error err;
        o.allocator = counting(&counter);
        *(alone ? &counter.fail_only : &counter.fail_from) = ++k;
        const infer_status status = infer_load_memory(b->data, b->size, &o, &m, &err);
        failed = counter.calls >= k;
        assert_int_equal(status, err.status);
        assert_int_equal(status, failed ? INFER_ERROR_NO_MEMORY : INFER_OK);
        assert_int_equal(status == INFER_OK, m != NULL);
        infer_model_free(&m);
        assert_int_equal(counter.blocks, 0);
    }
    printf("loading succeeds with %zu allocations\n", k - 1);
    assert_true(k > 3);
}

/* In a small file all tables share a block of memory, in a wide one each has its own. */
static void test_failing_load(void **state)
{
    (void)state;
    struct bytes small = known_file(), wide = wide_file();
    for (int alone = 0; alone < 2; alone++) {
        fail_in_turn(&small, alone);
        fail_in_turn(&wide, alone);
    }
    free(small.data);
    free(wide.data);
}

static void fail_writing_in_turn(const struct infer__file_content *content, int alone)
{
    struct counter counter;
    infer_status status = INFER_ERROR_NO_MEMORY;
    size_t n = 0;
    while (status != INFER_OK) {
        infer_allocator a = counting(&counter);
        void *bytes = &counter;
        size_t size;
        infer_error err;
        *(alone ? &counter.fail_only : &counter.fail_from) = ++n;
        status = infer__file_write(content, &a, &bytes, &size, &err);
        assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
        assert_int_equal(status == INFER_OK, bytes != NULL);
        infer__free(&a, bytes);
        assert_int_equal(counter.blocks, 0);
    }
    printf("writing succeeds with %zu allocations\n", n - 1);
    assert_true(n > 4);
}

static void test_failing_write(void **state)
{
    static const char *labels[WIDE];
    static struct infer__section extra[WIDE];
    struct infer__region region;
    struct infer__graph g;
    struct known k;
    (void)state;
    make_known(&k);
    wide_graph(&g, &region);
    for (uint32_t i = 0; i < WIDE; i++) {
        labels[i] = "";
        extra[i] = (struct infer__section){INFER__SECTION_META, "", 1};
    }
    for (int alone = 0; alone < 2; alone++) {
        fail_writing_in_turn(&k.content, alone);
        fail_writing_in_turn(
            &(struct infer__file_content){
                .graph = &g, .labels = labels, .nlabels = WIDE, .extra = extra, .nextra = WIDE},
            alone);
    }
    infer__region_free(&region);
    infer__region_free(&k.region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_million_nodes),
        cmocka_unit_test(test_table_past_section),
        cmocka_unit_test(test_failing_load),
        cmocka_unit_test(test_failing_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
