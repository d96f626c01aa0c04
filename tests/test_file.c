/* The flat file: what is written can be read, the interface, and files on disk. */
#include "file_fixture.h"

#include "graph/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- round trip of random graphs ------------------------------------------------------------ */

static const char *const names[] = {"",
                                    "a",
                                    "conv1/weight",
                                    "\xC3\xA4hnlich",
                                    "a",
                                    "layer",
                                    "\xE5\xB1\x82 1",
                                    "\xF0\x9F\x90\x88",
                                    "node",
                                    "x.y.z;",
                                    "a rather long name that no field would cut"};

static const char *pick_name(struct rng *r)
{
    return names[rng_below(r, sizeof names / sizeof *names)];
}

static uint32_t add_const(struct rng *r, struct infer__graph *g)
{
    unsigned char data[4096];
    int64_t dims[INFER_MAX_RANK];
    infer_error err;
    uint32_t id;
    int rank = (int)rng_below(r, 5);
    infer_type type = (infer_type)(1 + rng_below(r, 13));
    for (int i = 0; i < rank; i++)
        dims[i] = rng_below(r, 5);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(type == INFER_BOOL ? rng_below(r, 2) : rng_below(r, 256));
    check_ok(infer__graph_add_const(g, pick_name(r), type, rank, dims, data, 1, &id, &err), &err);
    return id;
}

static uint32_t add_input(struct rng *r, struct infer__graph *g)
{
    infer_error err;
    uint32_t id;
    check_ok(infer__graph_add_value(g, pick_name(r), &id, &err), &err);
    struct infer__value *v = &g->values[id];
    v->kind = INFER__VALUE_INPUT;
    v->type = (uint8_t)(1 + rng_below(r, 13));
    v->rank = (uint8_t)rng_below(r, INFER_MAX_RANK + 1);
    for (unsigned i = 0; i < v->rank; i++) {
        if (rng_below(r, 2))
            v->free_dims |= 1u << i;
        else
            v->dims[i] = rng_below(r, 9);
    }
    return id;
}

static void add_attrs(struct rng *r, struct infer__graph *g, struct infer__node *n)
{
    const uint64_t mask = infer__op_info(n->op)->attrs;
    infer_error err;
    for (uint16_t key = INFER__ATTR_COUNT - 1; key > 0; key--) { /* so that they are unsorted */
        int64_t ints[4] = {(int64_t)rng_next(r), -1, 0, INT64_MIN};
        float f = (float)rng_next(r);
        int list = key == INFER__ATTR_PADS || key == INFER__ATTR_PERM || key == INFER__ATTR_STRIDES;
        if (!(mask >> key & 1) || rng_below(r, 2))
            continue;
        if (infer__attr_kind(key) == INFER__ATTR_FLOATS)
            check_ok(infer__node_set_floats(g, n, key, &f, 1, &err), &err);
        else
            check_ok(infer__node_set_ints(g, n, key, ints, list ? rng_below(r, 5) : 1, &err), &err);
    }
}

static uint32_t between(struct rng *r, uint32_t low, uint32_t high)
{
    return low + rng_below(r, high - low + 1);
}

/* A node of a random operator that reads values below `ready`, which all exist. */
static void add_node(struct rng *r, struct infer__graph *g)
{
    uint32_t in[12], out[8], ready = g->nvalues, nin, nout;
    const struct infer__op_info *op;
    struct infer__node *n;
    uint16_t number;
    infer_error err;
    do {
        number = (uint16_t)(1 + rng_below(r, INFER__OP_COUNT - 1));
        op = infer__op_info(number);
    } while (op->internal || op->min_in > 6 || !op->min_in || infer__is_control(number) ||
             number == INFER__OP_CUSTOM);
    nin = between(r, op->min_in, op->max_in == 255 ? 6 : op->max_in);
    nout = between(r, op->min_out, op->max_out == 255 ? 3 : op->max_out);
    for (uint32_t i = 0; i < nin; i++) {
        int optional = i >= op->min_in && op->max_in != 255;
        in[i] = optional && rng_below(r, 3) == 0 ? 0 : 1 + rng_below(r, ready - 1);
    }
    for (uint32_t i = 0; i < nout; i++) {
        out[i] = 0;
        if (i < op->min_out || op->max_out == 255 || rng_below(r, 2))
            check_ok(infer__graph_add_value(g, pick_name(r), &out[i], &err), &err);
    }
    check_ok(infer__graph_add_node(g, number, pick_name(r), in, nin, out, nout, &n, &err), &err);
    add_attrs(r, g, n);
}

/* Chooses outputs among all values (inputs and constants too), some with a declared shape, then
 * leaves a few values that nothing uses. */
static void add_outputs(struct rng *r, struct infer__graph *g, struct infer__region *region)
{
    infer_error err;
    uint32_t ignored;
    g->outputs = infer__region_calloc(region, g->nvalues, sizeof(uint32_t));
    for (uint32_t i = 1; i < g->nvalues; i++) {
        struct infer__value *v = &g->values[i];
        if (rng_below(r, 4) && i != g->nvalues - 1)
            continue;
        g->outputs[g->noutputs++] = i;
        if (v->kind != INFER__VALUE_NODE || rng_below(r, 2))
            continue;
        v->type = INFER_S64;
        v->rank = 3;
        v->free_dims = 2;
        v->dims[0] = v->dims[2] = rng_below(r, 100);
    }
    add_const(r, g);
    check_ok(infer__graph_add_value(g, "unused", &ignored, &err), &err);
}

static void random_graph(struct rng *r, struct infer__graph *g, struct infer__region *region)
{
    infer_error err;
    uint32_t nin = 1 + rng_below(r, 3), in[3];
    infer__region_init(region, NULL);
    check_ok(infer__graph_init(g, region, &err), &err);
    for (uint32_t i = 0; i < nin; i++) {
        in[i] = add_input(r, g);
        add_const(r, g);
    }
    g->inputs = infer__region_copy(region, in, nin * sizeof *in);
    g->ninputs = nin;
    for (uint32_t i = rng_below(r, 20); i-- > 0;)
        add_node(r, g);
    add_outputs(r, g, region);
}

static void same_value(const struct infer__graph *a, uint32_t i, const struct infer__graph *b,
                       uint32_t k, uint32_t *map)
{
    const struct infer__value *x = &a->values[i], *y = &b->values[k];
    if (map[i]) {
        assert_int_equal(map[i], k);
        return;
    }
    map[i] = k;
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->kind, y->kind);
    assert_int_equal(x->type, y->type);
    assert_int_equal(x->rank, y->rank);
    assert_int_equal(x->free_dims, y->free_dims);
    assert_memory_equal(x->dims, y->dims, sizeof x->dims);
    if (x->kind == INFER__VALUE_INPUT)
        assert_int_equal(y->shaped, !y->free_dims);
    if (x->kind != INFER__VALUE_CONST)
        return;
    assert_int_equal(y->shaped, 1);
    assert_int_equal((uintptr_t)y->data % 64, 0);
    assert_memory_equal(x->data, y->data, infer__value_bytes(x));
}

static void same_node(const struct infer__graph *a, const struct infer__node *x,
                      const struct infer__graph *b, const struct infer__node *y, uint32_t *map)
{
    assert_string_equal(x->name, y->name);
    assert_int_equal(x->op, y->op);
    assert_int_equal(x->nin, y->nin);
    assert_int_equal(x->nout, y->nout);
    assert_int_equal(x->nattr, y->nattr);
    for (uint32_t i = 0; i < x->nin; i++)
        same_value(a, x->in[i], b, y->in[i], map);
    for (uint32_t i = 0; i < x->nout; i++)
        same_value(a, x->out[i], b, y->out[i], map);
    for (uint32_t i = 0; i < x->nattr; i++) {
        const struct infer__attr *p = &x->attr[i], *q = infer__node_attr(y, p->key);
        assert_non_null(q);
        assert_int_equal(p->type, q->type);
        assert_int_equal(p->count, q->count);
        if (p->type == INFER__ATTR_INTS && p->count)
            assert_memory_equal(p->ints, q->ints, p->count * sizeof *p->ints);
        if (p->type == INFER__ATTR_FLOATS && p->count)
            assert_memory_equal(p->floats, q->floats, p->count * sizeof *p->floats);
    }
}

static void same_graph(const struct infer__graph *a, const struct infer__graph *b)
{
    uint32_t *map = calloc(a->nvalues, sizeof *map), last = 0;
    assert_int_equal(a->nnodes, b->nnodes);
    assert_int_equal(a->ninputs, b->ninputs);
    assert_int_equal(a->noutputs, b->noutputs);
    for (uint32_t i = 0; i < a->ninputs; i++)
        same_value(a, a->inputs[i], b, b->inputs[i], map);
    for (uint32_t i = 0; i < a->nnodes; i++)
        same_node(a, &a->nodes[i], b, &b->nodes[i], map);
    for (uint32_t i = 0; i < a->noutputs; i++)
        same_value(a, a->outputs[i], b, b->outputs[i], map);
    for (uint32_t i = 1; i < a->nvalues; i++) /* the order is kept, unused ones are left out */
        if (map[i])
            assert_int_equal(map[i], ++last);
    assert_int_equal(last + 1, b->nvalues);
    free(map);
}

static void round_trip(struct rng *r)
{
    struct infer__region region;
    struct infer__graph g;
    infer_model *m;
    infer_error err;
    const char *labels[3] = {pick_name(r), pick_name(r), pick_name(r)};
    random_graph(r, &g, &region);
    struct infer__file_content c = {.graph = &g, .labels = labels, .nlabels = rng_below(r, 4)};
    struct bytes a = write_exact(&c);
    check_ok(infer_load_memory(a.data, a.size, NULL, &m, &err), &err);
    same_graph(&g, &m->graph);
    touch_model(m);
    assert_int_equal(infer_model_labels(m), c.nlabels);
    for (uint32_t i = 0; i < c.nlabels; i++)
        assert_string_equal(infer_model_label(m, i), labels[i]);
    struct bytes b = rewrite(m);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    infer_model_free(&m);
    assert_null(m);
    free(a.data);
    free(b.data);
    infer__region_free(&region);
}

static void test_round_trip(void **state)
{
    struct rng r = {test_seed()};
    (void)state;
    for (int i = 0; i < 500; i++)
        round_trip(&r);
}

/* The order in which attributes and further sections were added does not show. */
static void test_same_bytes(void **state)
{
    struct known k;
    (void)state;
    struct bytes a = known_file();
    make_known(&k);
    struct infer__section t = k.extra[0];
    k.extra[0] = k.extra[1];
    k.extra[1] = t;
    struct infer__attr swapped[2] = {k.g.nodes[1].attr[1], k.g.nodes[1].attr[0]};
    k.g.nodes[1].attr = swapped;
    struct bytes b = write_exact(&k.content);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    infer__region_free(&k.region);
    free(a.data);
    free(b.data);
}

static void test_known_layout(void **state)
{
    size_t size;
    (void)state;
    struct bytes b = known_file();
    size_t g = section_at(b.data, INFER__SECTION_GRAPH, &size);
    assert_int_equal(size, GRAPH_END);
    assert_int_equal(get_le(b.data + g + NODE_LRN, 2), INFER__OP_LRN);
    assert_int_equal(get_le(b.data + g + ATTR_SIZE, 2), INFER__ATTR_SIZE);
    assert_int_equal(get_le(b.data + g + INTS, 8), 5);
    assert_int_equal(get_le(b.data + g + OUTPUTS, 4), 6);
    assert_int_equal(section_at(b.data, INFER__SECTION_WEIGHTS, &size) % 64, 0);
    assert_int_equal(size, 66); /* 12 bytes of w, b at the next boundary */
    free(b.data);
}

/* ---- the writer's refusals ------------------------------------------------------------------ */

static void refused(const struct infer__file_content *c, infer_status expected)
{
    struct counter counter;
    infer_allocator a = counting(&counter);
    void *bytes = &counter;
    size_t size = 1;
    infer_error err;
    assert_int_equal(infer__file_write(c, &a, &bytes, &size, &err), expected);
    assert_int_equal(err.status, expected);
    assert_true(err.message[0] != 0);
    assert_null(bytes);
    assert_int_equal(size, 0);
    assert_int_equal(counter.blocks, 0);
}

static void test_writer_refuses(void **state)
{
    struct known k;
    (void)state;
    make_known(&k);
    k.labels[1] = "a\nb";
    refused(&k.content, INFER_ERROR_FORMAT);
    k.labels[1] = "b";
    k.extra[0].kind = INFER__SECTION_GRAPH;
    refused(&k.content, INFER_ERROR_ARGUMENT);
    k.extra[0].kind = INFER__SECTION_PREPROCESS; /* twice */
    refused(&k.content, INFER_ERROR_FORMAT);
    k.extra[0].kind = INFER__SECTION_META;
    k.extra[0].size = SIZE_MAX;
    refused(&k.content, INFER_ERROR_LIMIT);
    k.extra[0].size = 5;
    k.g.values[1].name = "\xFF";
    refused(&k.content, INFER_ERROR_FORMAT);
    k.g.values[1].name = "x";
    k.g.noutputs = 0;
    refused(&k.content, INFER_ERROR_FORMAT);
    k.g.noutputs = 1;
    k.g.nodes[0].in[1] = 77;
    refused(&k.content, INFER_ERROR_FORMAT);
    k.g.nodes[0].in[1] = UINT32_MAX; /* far away: nothing may be written there either */
    refused(&k.content, INFER_ERROR_FORMAT);
    infer__region_free(&k.region);
}

/* ---- the interface -------------------------------------------------------------------------- */

static void test_model_api(void **state)
{
    struct bytes b = known_file();
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_model *m, *none = NULL;
    infer_error err = {.status = INFER_ERROR_IO, .offset = 7, .node = "n", .message = "m"};
    size_t size;
    (void)state;
    check_ok(infer_load_memory(b.data, b.size, NULL, &m, &err), &err);
    assert_int_equal(err.status, INFER_OK);
    assert_int_equal(err.offset, 0);
    assert_string_equal(err.node, "");
    assert_string_equal(err.message, "");
    assert_int_equal(infer_model_inputs(m), 1);
    assert_int_equal(infer_model_outputs(m), 1);
    assert_int_equal(infer_model_input(m, 0, &info, NULL), INFER_OK);
    assert_string_equal(info.name, "x");
    assert_int_equal(info.type, INFER_F32);
    assert_int_equal(info.rank, 4);
    assert_int_equal(info.dims[1], 3);
    assert_int_equal(info.dims[2], 0);
    assert_int_equal(info.free_dims, 4);
    assert_int_equal(infer_model_output(m, 0, &info, NULL), INFER_OK);
    assert_string_equal(info.name, "y");
    assert_int_equal(info.rank, 2);
    assert_int_equal(info.dims[1], 7);
    assert_int_equal(info.free_dims, 1);
    assert_int_equal(infer_model_output(m, 1, &info, NULL), INFER_ERROR_ARGUMENT);
    assert_string_equal(info.name, "y"); /* what fails writes nothing */
    assert_int_equal(infer_model_input(m, SIZE_MAX, &info, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_input(m, 0, NULL, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_model_input(NULL, 0, &info, NULL), INFER_ERROR_ARGUMENT);
    assert_string_equal(infer_model_label(m, 1), "d\xC3\xB6g");
    assert_null(infer_model_label(m, 2));
    assert_null(infer_model_label(NULL, 0));
    assert_int_equal(infer_model_inputs(NULL) + infer_model_outputs(NULL), 0);
    assert_int_equal(infer_model_labels(NULL), 0);
    assert_memory_equal(infer__model_section(m, INFER__SECTION_META, &size), "meta", 5);
    assert_int_equal(size, 5);
    assert_null(infer__model_section(m, INFER__SECTION_TUNED, &size));
    assert_int_equal(size, 0);
    infer_model_free(&m);
    infer_model_free(&none);
    infer_model_free(NULL);
    free(b.data);
}

static void expect(const struct bytes *b, const infer_load_options *o, infer_status expected)
{
    infer_model *m = (infer_model *)b->data;
    infer_error err;
    assert_int_equal(infer_load_memory(b->data, b->size, o, &m, &err), expected);
    assert_int_equal(err.status, expected);
    if (expected != INFER_OK) {
        assert_null(m);
        assert_true(err.message[0] != 0);
    }
    infer_model_free(&m);
}

static void test_options(void **state)
{
    struct bytes b = known_file();
    struct {
        infer_load_options o;
        char more[5000];
    } newer = {0};
    infer_model *m;
    (void)state;
    infer_load_options_init(NULL, 64);
    infer_load_options_init(&newer.o, sizeof newer.o);
    assert_int_equal(newer.o.size, sizeof newer.o);
    expect(&b, &newer.o, INFER_OK);
    newer.o.size = 0;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load("no such file", &newer.o, &m, NULL), INFER_ERROR_ARGUMENT);
    newer.o.size = offsetof(infer_load_options, read_into_memory) + 3;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    newer.o.size++;
    expect(&b, &newer.o, INFER_OK);
    newer.o.size =
        sizeof newer.o + 100; /* a caller of a newer version, whose new options are default */
    expect(&b, &newer.o, INFER_OK);
    newer.more[99] = 1;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    newer.o.size = SIZE_MAX;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    newer.more[99] = 0;
    newer.o.size = 4096; /* more options than there will ever be: an uninitialised size */
    expect(&b, &newer.o, INFER_OK);
    newer.o.size++;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    newer.o.size = sizeof newer.o;
    newer.o.allocator.free = counter_free;
    expect(&b, &newer.o, INFER_ERROR_ARGUMENT);
    free(b.data);
}

static void test_nonsense_arguments(void **state)
{
    struct bytes b = known_file();
    infer_model *m = (infer_model *)&b;
    infer_error err;
    (void)state;
    assert_int_equal(infer_load(NULL, NULL, &m, &err), INFER_ERROR_ARGUMENT);
    assert_null(m);
    assert_int_equal(infer_load("x", NULL, NULL, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load_memory(b.data, b.size, NULL, NULL, &err), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load_memory(NULL, 100, NULL, &m, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load_memory(b.data + 1, b.size - 1, NULL, &m, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load_memory(b.data + 32, b.size - 32, NULL, &m, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_load_memory(b.data, 0, NULL, &m, &err), INFER_ERROR_FORMAT);
    assert_int_equal(infer_load_memory(b.data, b.size, NULL, &m, NULL), INFER_OK);
    infer_model_free(&m);
    free(b.data);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void save(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* Loads a path; the process is left as it was. */
static void try_path(const char *path, const infer_load_options *o, infer_status expected)
{
    infer_model *m = NULL;
    infer_error err;
    int before = open_files();
    errno = 4711;
    assert_int_equal(infer_load(path, o, &m, &err), expected);
    assert_int_equal(errno, 4711);
    assert_int_equal(open_files(), before);
    assert_int_equal(expected == INFER_OK, m != NULL);
    assert_int_equal(expected != INFER_OK, err.message[0] != 0);
    if (m)
        touch_model(m);
    infer_model_free(&m);
    assert_int_equal(errno, 4711);
}

static void test_paths(void **state)
{
    char dir[] = "/tmp/infer_test_file_XXXXXX", path[64], other[64];
    struct bytes b = known_file();
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.infer", dir);
    snprintf(other, sizeof other, "%s/b", dir);
    save(path, b.data, b.size);
    try_path(path, NULL, INFER_OK);
    o.max_file_bytes = b.size;
    try_path(path, &o, INFER_OK);
    o.max_file_bytes--;
    try_path(path, &o, INFER_ERROR_LIMIT);
    try_path(dir, NULL, INFER_ERROR_IO);
    try_path(other, NULL, INFER_ERROR_IO);
    try_path("", NULL, INFER_ERROR_IO);
    try_path("/dev/null", NULL, INFER_ERROR_IO);
    assert_int_equal(mkfifo(other, 0600), 0); /* without a writer: must not wait for one */
    try_path(other, NULL, INFER_ERROR_IO);
    unlink(other);
    save(other, "", 0);
    try_path(other, NULL, INFER_ERROR_FORMAT);
    save(other, b.data, b.size - 1);
    try_path(other, NULL, INFER_ERROR_FORMAT);
    unlink(path);
    unlink(other);
    rmdir(dir);
    free(b.data);
}

/* What happens to a file between the look at its size and the reading. */
struct meddler {
    const char *path;
    off_t length;
    size_t size; /* memory of so many bytes or more is for the file */
    int fails;
};

static void *meddling_alloc(void *ctx, size_t bytes)
{
    const struct meddler *x = ctx;
    if (bytes >= x->size && (x->fails || truncate(x->path, x->length)))
        return NULL;
    return malloc(bytes);
}

static void meddling_free(void *ctx, void *memory)
{
    (void)ctx;
    free(memory);
}

static void test_read_into_memory(void **state)
{
    char path[] = "/tmp/infer_test_file_XXXXXX";
    struct bytes b = known_file();
    struct meddler x = {path, 0, b.size, 0};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    (void)state;
    close(mkstemp(path));
    o.read_into_memory = 1;
    save(path, b.data, b.size);
    try_path(path, &o, INFER_OK);
    o.allocator = (infer_allocator){&x, meddling_alloc, meddling_free};
    for (int change = -1; change <= 1; change++) {
        save(path, b.data, b.size);
        x.length = (off_t)b.size + change;
        try_path(path, &o, change ? INFER_ERROR_IO : INFER_OK);
    }
    x.fails = 1;
    save(path, b.data, b.size);
    try_path(path, &o, INFER_ERROR_NO_MEMORY);
    x.fails = 0;
    x.size = SIZE_MAX;
    ((uint8_t *)b.data)[b.size - 1] ^= 1;
    save(path, b.data, b.size);
    try_path(path, &o, INFER_ERROR_CHECKSUM);
    unlink(path);
    free(b.data);
}

static void test_missing_file(void **state)
{
    infer_model *m;
    infer_error err;
    (void)state;
    assert_int_equal(infer_load("/nonexistent/a.infer", NULL, &m, &err), INFER_ERROR_IO);
    assert_non_null(
        strstr(err.message, "can't open '/nonexistent/a.infer': there is no such file"));
}

/* A file larger than the address space, which takes no room on a file system in memory. */
static void test_unmappable_file(void **state)
{
    char path[] = "/dev/shm/infer_test_file_XXXXXX";
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    int fd = mkstemp(path);
    (void)state;
    if (fd < 0 || ftruncate(fd, (off_t)1 << 60)) {
        printf("skipped: no file system takes a sparse file of 2^60 bytes\n");
        if (fd >= 0) {
            close(fd);
            unlink(path);
        }
        skip();
    }
    close(fd);
    try_path(path, NULL, INFER_ERROR_LIMIT);
    o.max_file_bytes = UINT64_MAX;
    try_path(path, &o, INFER_ERROR_IO);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_known_layout),       cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_model_api),          cmocka_unit_test(test_options),
        cmocka_unit_test(test_nonsense_arguments), cmocka_unit_test(test_paths),
        cmocka_unit_test(test_read_into_memory),   cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_unmappable_file),

    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
