/* A file of version 1.0, byte by byte as docs/format.md shows it: it is what the writer writes
 * today, and it must load for ever. */
#include "file_fixture.h"

enum { FILE_BYTES = 714 };

/* Lines of 16 bytes; those that are not here are 0. */
static const struct {
    size_t at;
    const char *hex;
} lines[] = {
    {0x000, "89494e460d0a1a0a9e9d3df51b2be29c"},
    {0x010, "0100000003000000ca02000000000000"},
    {0x040, "0100000000000000c000000000000000"},
    {0x050, "8401000000000000c42f46488b78a210"},
    {0x060, "02000000000000008002000000000000"},
    {0x070, "0800000000000000dd784b8187ac152e"},
    {0x080, "0300000000000000c002000000000000"},
    {0x090, "0a000000000000009eb094d08dc205e1"},
    {0x0c0, "03000000010000000100000001000000"},
    {0x0d0, "00000000000000000000000003000000"},
    {0x0e0, "60001000080000000000000000000000"},
    {0x100, "00000000010201000100000000000000"},
    {0x120, "00000000000000000200000000000000"},
    {0x160, "02000000010102000000000000000000"},
    {0x170, "00000000000000000800000000000000"},
    {0x180, "02000000000000000000000000000000"},
    {0x1c0, "04000000010200000100000000000000"},
    {0x1e0, "00000000000000000200000000000000"},
    {0x220, "28000000060000000200000001000000"},
    {0x230, "01000000020000000300000001000000"},
    {0x240, "03000000000000000000000000000000"},
    {0x280, "0000003f000080bf0000000000000000"},
    {0x2c0, "78006300790061646400"},
};

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

static struct bytes documented_file(void)
{
    unsigned char file[FILE_BYTES] = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t k = 0; lines[i].hex[2 * k]; k++)
            file[lines[i].at + k] =
                (unsigned char)(digit(lines[i].hex[2 * k]) << 4 | digit(lines[i].hex[2 * k + 1]));
    return (struct bytes){exact_copy(file, sizeof file), sizeof file};
}

/* The graph of it: input x (f32, ? x 2), constant c (f32, 2), y = Add(x, c). */
static void make_graph(struct infer__graph *g, struct infer__region *region)
{
    static const float data[2] = {0.5f, -1};
    static const int64_t dims[1] = {2};
    struct infer__node *n;
    uint32_t x, c, y;
    infer_error err;
    infer__region_init(region, NULL);
    check_ok(infer__graph_init(g, region, &err), &err);
    check_ok(infer__graph_add_value(g, "x", &x, &err), &err);
    check_ok(infer__graph_add_const(g, "c", INFER_F32, 1, dims, data, 1, &c, &err), &err);
    check_ok(infer__graph_add_value(g, "y", &y, &err), &err);
    g->values[x].kind = INFER__VALUE_INPUT;
    for (uint32_t i = x; i <= y; i += y - x) {
        struct infer__value *v = &g->values[i];
        v->type = INFER_F32, v->rank = 2, v->free_dims = 1, v->dims[1] = 2;
    }
    check_ok(infer__graph_add_node(g, INFER__OP_ADD, "add", (uint32_t[]){x, c}, 2, &y, 1, &n, &err),
             &err);
    g->inputs = infer__region_copy(region, &x, sizeof x);
    g->outputs = infer__region_copy(region, &y, sizeof y);
    g->ninputs = g->noutputs = 1;
}

static void test_written(void **state)
{
    struct bytes want = documented_file();
    struct infer__region region;
    struct infer__graph g;
    (void)state;
    make_graph(&g, &region);
    struct bytes got = write_exact(&(struct infer__file_content){.graph = &g});
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, want.size);
    infer__region_free(&region);
    free(want.data);
    free(got.data);
}

static void test_loads(void **state)
{
    struct bytes b = documented_file();
    infer_value_info x = INFER_VALUE_INFO_INIT;
    infer_model *m;
    infer_error err;
    (void)state;
    check_ok(infer_load_memory(b.data, b.size, NULL, &m, &err), &err);
    assert_int_equal(m->graph.nvalues, 4);
    assert_int_equal(m->graph.nnodes, 1);
    assert_int_equal(m->graph.nodes[0].op, INFER__OP_ADD);
    assert_string_equal(m->graph.nodes[0].name, "add");
    assert_int_equal(infer_model_input(m, 0, &x, NULL), INFER_OK);
    assert_string_equal(x.name, "x");
    assert_int_equal(x.dims[1], 2);
    assert_int_equal(x.free_dims, 1);
    const float *c = m->graph.values[2].data;
    assert_true(c[0] == 0.5f && c[1] == -1);
    infer_model_free(&m);
    free(b.data);
}

/* The dump in docs/format.md (as hexdump -C prints it) is this file. */
static void test_documented(void **state)
{
    struct bytes want = documented_file();
    unsigned char got[FILE_BYTES] = {0};
    char line[256];
    size_t found = 0;
    FILE *f = fopen("docs/format.md", "r");
    (void)state;
    if (!f) {
        printf("skipped: docs/format.md is not below the working folder\n");
        free(want.data);
        skip();
    }
    while (fgets(line, sizeof line, f)) {
        unsigned at, byte;
        int used = 0;
        if (strlen(line) < 12 || strspn(line, "0123456789abcdef") != 8 || line[8] != ' ')
            continue;
        assert_int_equal(sscanf(line, "%x%n", &at, &used), 1);
        for (const char *p = line + used; at < FILE_BYTES; p += used, at++, found++) {
            if (p[strspn(p, " ")] == '|' || sscanf(p, " %2x%n", &byte, &used) != 1)
                break;
            got[at] = (unsigned char)byte;
        }
    }
    fclose(f);
    assert_true(found > 400);
    assert_memory_equal(got, want.data, want.size);
    free(want.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_loads),
        cmocka_unit_test(test_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
