/* infer diff: what was changed in a copy of a network is the first that it names. */
#include "onnx_model.h"
#include "tool_run.h"

#include <math.h>

#include "base/memory.h"
#include "file/model.h"
#include "infer_experimental.h"
#include "tools/convert.h"
#include "tools/diff.h"
#include "tools/folder.h"
#include "tools/npy.h"

/* ---- copies of a model ---------------------------------------------------------------------- */

/* A copy of a model that is changed and written to a file. */
struct copy {
    infer_model *model;
    void *bytes;
    struct infer__region region;
    struct infer__graph g;
};

static void copy_begin(struct copy *c, const char *path)
{
    infer_error err;
    assert_int_equal(open_model(path, NULL, 0, &c->model, &c->bytes), CLI_OK);
    infer__region_init(&c->region, NULL);
    assert_int_equal(infer__graph_copy(&c->g, &c->model->graph, &c->region, &err), INFER_OK);
}

static void copy_end(struct copy *c, const char *to)
{
    struct infer__file_content content = {.graph = &c->g};
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    void *bytes;
    size_t size;
    if (to) {
        if (infer__file_write(&content, NULL, &bytes, &size, &err) != INFER_OK)
            fail_msg("%s", err.message);
        write_bytes(to, bytes, size);
        infer__free(&a, bytes);
    }
    infer_model_free(&c->model);
    infer__region_free(&c->region);
    infer__free(&a, c->bytes);
}

/* Input k of a node, as an f32 constant; NULL if it is none. */
static const struct infer__value *weights(const struct infer__graph *g, uint32_t node)
{
    const struct infer__node *n = &g->nodes[node];
    const struct infer__value *v = n->nin > 1 ? &g->values[n->in[1]] : g->values;
    const int layer = n->op == INFER__OP_CONV || n->op == INFER__OP_GEMM;
    return layer && v->kind == INFER__VALUE_CONST && v->type == INFER_F32 ? v : NULL;
}

/* The weights of one node, times 5/4. Others that share them keep theirs. */
static void change_weights(struct copy *c, uint32_t node)
{
    const struct infer__value w = *weights(&c->g, node); /* adding one may move all values */
    const size_t count = (size_t)infer__value_elements(&w);
    float *changed = infer__region_copy(&c->region, w.data, count * sizeof *changed);
    infer_error err;
    for (size_t i = 0; i < count; i++)
        changed[i] *= 1.25f;
    uint32_t id;
    assert_int_equal(
        infer__graph_add_const(&c->g, w.name, INFER_F32, w.rank, w.dims, changed, 0, &id, &err),
        INFER_OK);
    c->g.nodes[node].in[1] = id;
}

/* All values of nodes become outputs. */
static void show_all(struct copy *c)
{
    uint32_t n = 0, *list = infer__region_calloc(&c->region, c->g.nvalues, sizeof *list);
    for (uint32_t i = 0; i < c->g.nnodes; i++)
        for (uint32_t k = 0; k < c->g.nodes[i].nout; k++)
            if (c->g.nodes[i].out[k])
                list[n++] = c->g.nodes[i].out[k];
    c->g.outputs = list;
    c->g.noutputs = n;
}

/* ---- the node that was changed -------------------------------------------------------------- */

static void assert_first(const char *node, const char *value, int fused)
{
    char first[600], between[300];
    snprintf(first, sizeof first, "\"first\": {\"node\": \"%s\"", node);
    snprintf(between, sizeof between, "\"%s\"", node);
    const char *at = strstr(out, "\"between\": ["), *found = at ? strstr(at, between) : NULL;
    assert_true(json_valid(out));
    if (strstr(out, first)) {
        snprintf(between, sizeof between, "\"value\": \"%s\"", value);
        assert_non_null(strstr(out, between));
    } else if (!fused || !found || found > strchr(at, ']')) {
        fail_msg("not %s: %.400s", node, strstr(out, "\"first\""));
    }
}

/* Changes every `step`-th layer of a model and asks which one it was. */
static void try_layers(const char *path, uint32_t step)
{
    struct copy c;
    uint32_t layers = 0, tried = 0, nodes;
    copy_begin(&c, path);
    nodes = c.g.nnodes;
    copy_end(&c, NULL);
    for (uint32_t i = 0; i < nodes; i++) {
        copy_begin(&c, path);
        if (!weights(&c.g, i) || layers++ % step) {
            copy_end(&c, NULL);
            continue;
        }
        char node[256], value[256];
        snprintf(node, sizeof node, "%s", c.g.nodes[i].name);
        snprintf(value, sizeof value, "%s", c.g.values[c.g.nodes[i].out[0]].name);
        change_weights(&c, i);
        copy_end(&c, in_folder("changed.infer"));
        for (int fused = 0; fused < 2; fused++) {
            assert_int_equal(run(cmd_diff, "diff", path, in_folder("changed.infer"), "--json",
                                 fused ? "--fused" : NULL, NULL),
                             CLI_DIFFERS);
            assert_first(node, value, fused);
        }
        tried++;
    }
    print_message("%s: %u layers\n", path, tried);
    assert_true(tried > 1);
}

static void test_changed_layers(void **state)
{
    (void)state;
    try_layers(model, 1);
}

static void test_real_networks(void **state)
{
    static const char *const names[] = {"pfld-106-landmarks-112", "squeezenet-imagenet-fp32",
                                        "resnet8-cifar10-fp32"};
    const char *shared = getenv("INFER_SHARED");
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof path, "%s/models/%s/model.onnx", shared ? shared : "../shared",
                 names[i]);
        if (stat(path, &st) != 0) {
            print_message("skipped: there is no %s\n", path);
            continue;
        }
        try_layers(path, 9);
        /* the optimiser changes no value that keeps its name */
        assert_int_equal(run(cmd_diff, "diff", path, "--b-no-optimise", "--brief", NULL), CLI_OK);
    }
}

/* ---- one model ------------------------------------------------------------------------------ */

static void test_same(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_diff, "diff", model, "--json", NULL), CLI_OK);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"isa\": \"c\"")); /* B, in plain C */
    assert_non_null(strstr(out, "\"first\": null"));
    const double compared = json_find(out, "compared");
    struct copy c;
    copy_begin(&c, model);
    assert_true(compared == c.g.nnodes); /* every node of this network has one value */
    copy_end(&c, NULL);
    assert_int_equal(run(cmd_diff, "diff", model, model, "--rtol", "0", "--atol", "0", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "values agree (rtol 0, atol 0"));
    assert_int_equal(run(cmd_diff, "diff", model, "--b-threads", "1", "--atol", "0", "--rtol", "0",
                         "--fused", "--json", NULL),
                     CLI_OK);
    assert_true(json_find(out, "compared") > 0 && json_find(out, "compared") < compared);
    /* rounding shows where no difference is allowed */
    assert_int_equal(run(cmd_diff, "diff", model, "--rtol", "0", "--atol", "0", "--brief", NULL),
                     CLI_DIFFERS);
    assert_non_null(strstr(out, "the first to part: node '"));
}

/* With --fused the kernels are those of ordinary sessions: each value is made by a step. */
static void test_fused_values(void **state)
{
    (void)state;
    infer_model *m;
    infer_session *s;
    infer_error err;
    size_t made = 0;
    assert_int_equal(infer_load(model, NULL, &m, &err), INFER_OK);
    assert_int_equal(infer_session_create(m, NULL, &s, &err), INFER_OK);
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info info = INFER_STEP_INFO_INIT;
        infer_session_step(s, i, &info, NULL);
        made += info.node[0] != 0;
    }
    assert_int_equal(run(cmd_diff, "diff", model, model, "--fused", "--json", NULL), CLI_OK);
    assert_true(json_find(out, "compared") <= (double)made);
    assert_true(json_find(out, "compared") * 2 >= (double)made);
    assert_null(strstr(out, "\"other_steps\": true"));
    infer_session_free(&s);
    infer_model_free(&m);
}

/* ---- recorded tensors ----------------------------------------------------------------------- */

static void test_recorded(void **state)
{
    (void)state;
    struct copy c;
    char node[256], value[256], *file;
    infer_tensor t;
    infer_error err;
    size_t size;
    copy_begin(&c, model);
    const uint32_t at = c.g.nnodes / 2;
    snprintf(node, sizeof node, "%s", c.g.nodes[at].name);
    snprintf(value, sizeof value, "%s", c.g.values[c.g.nodes[at].out[0]].name);
    file = path_in(in_folder("recorded"), value, ".npy");
    assert_non_null(file);
    const double values = c.g.nnodes;
    show_all(&c);
    copy_end(&c, in_folder("all.infer"));
    assert_int_equal(run(cmd_run, "run", in_folder("all.infer"), "--random", "7", "--output-dir",
                         in_folder("recorded"), NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_diff, "diff", model, in_folder("recorded"), NULL), CLI_USAGE);
    assert_non_null(strstr(err_text, "was not recorded"));
    assert_int_equal(
        run(cmd_diff, "diff", model, in_folder("recorded"), "--random", "7", "--json", NULL),
        CLI_OK);
    assert_true(json_find(out, "compared") == values);
    /* one element of one tensor */
    assert_int_equal(npy_load(file, &t, &err), INFER_OK);
    ((float *)t.data)[3] += 10;
    void *bytes = npy_encode(&t, &size);
    write_bytes(file, bytes, size);
    assert_int_equal(
        run(cmd_diff, "diff", model, in_folder("recorded"), "--random", "7", "--json", NULL),
        CLI_DIFFERS);
    assert_first(node, value, 0);
    assert_non_null(strstr(out, "\"parted\": 1, \"at\": 3, "));
    free(bytes);
    /* another shape */
    t.dims[t.rank - 1]--;
    bytes = npy_encode(&t, &size);
    write_bytes(file, bytes, size);
    assert_int_equal(run(cmd_diff, "diff", model, in_folder("recorded"), "--random", "7", NULL),
                     CLI_DIFFERS);
    assert_non_null(strstr(out, "parts: B has f32 "));
    free(bytes);
    free(file);
    free(t.data);
}

/* Sizes that depend on values are compared as they come out. */
static void test_found_sizes(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {3, 5};
    frame(&b, 13, 2, dims);
    node(&b, "Relu", "x", "a");
    node(&b, "NonZero", "a", "b");
    node(&b, "Transpose", "b", "y");
    pack(&b);
    write_bytes(in_folder("found.onnx"), b.bytes, b.size);
    build_end(&b);
    assert_int_equal(run(cmd_diff, "diff", in_folder("found.onnx"), "--json", NULL), CLI_OK);
    static const char y[] = "\"value\": \"y\", \"type\": \"s64\", \"dims\": [";
    const char *found = strstr(out, y);
    assert_non_null(found);
    const long rows = strtol(found + strlen(y), NULL, 10);
    assert_true(rows > 0 && rows < 15); /* 15 are the most */
    assert_int_equal(run(cmd_diff, "diff", in_folder("found.onnx"), "--max", "b=1", NULL),
                     CLI_RESOURCES);
}

/* ---- tensors -------------------------------------------------------------------------------- */

static struct diff_result compare(infer_type type, void *a, void *b, int64_t count,
                                  struct diff_tolerance t)
{
    infer_tensor x = {.type = type, .rank = 1, .dims = {count}, .data = a}, y = x;
    struct diff_result r;
    y.data = b;
    diff_compare(&x, &y, &t, &r);
    return r;
}

static void test_compare(void **state)
{
    (void)state;
    float a[4] = {1, -8, NAN, INFINITY}, b[4] = {1, -8, NAN, INFINITY};
    struct diff_tolerance t = {.rtol = 1e-2, .atol = 1e-3};
    struct diff_result r = compare(INFER_F32, a, b, 4, t);
    assert_true(r.verdict == DIFF_AGREES && r.max_abs == 0 && r.rms == 0);
    b[0] = 1.08f; /* allowed: 0.001 + 0.01 * 8 */
    assert_int_equal(compare(INFER_F32, a, b, 4, t).verdict, DIFF_AGREES);
    b[0] = 1.0815f;
    r = compare(INFER_F32, a, b, 4, t);
    assert_int_equal(r.verdict, DIFF_PARTS);
    assert_int_equal(r.parted, 1);
    assert_int_equal(r.at, 0);
    assert_true(fabs(r.max_rel - 0.0815 / 8) < 1e-6 && fabs(r.rms - 0.0815 / 2) < 1e-6);
    b[0] = NAN;
    r = compare(INFER_F32, a, b, 4, t);
    assert_true(r.verdict == DIFF_PARTS && isinf(r.max_abs));
    b[0] = 1;
    b[3] = -INFINITY;
    assert_int_equal(compare(INFER_F32, a, b, 4, t).parted, 1);
    int8_t p[3] = {1, 100, -3}, q[3] = {1, 101, -3};
    assert_int_equal(compare(INFER_S8, p, q, 3, t).verdict, DIFF_PARTS);
    t.steps = 1;
    assert_int_equal(compare(INFER_S8, p, q, 3, t).verdict, DIFF_AGREES);
    infer_tensor x = {.type = INFER_S8, .rank = 1, .dims = {3}, .data = p};
    infer_tensor y = {.type = INFER_F32, .rank = 1, .dims = {3}, .data = a};
    diff_compare(&x, &y, &t, &r);
    assert_int_equal(r.verdict, DIFF_OTHER_KIND);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void test_errors(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_diff, "diff", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", "a", "b", "c", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", model, "--rtol", "-1", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", model, "--b-isa", "sse9", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", model, "--a-threads", "0", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", model, "--input-shape", "no=1", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_diff, "diff", model, in_folder("missing.infer"), NULL), CLI_BAD_INPUT);
    assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
    assert_int_equal(run(cmd_diff, "diff", model, in_folder("empty"), NULL), CLI_BAD_INPUT);
    assert_int_equal(run(cmd_diff, "diff", model, "--data", in_folder("empty"), NULL),
                     CLI_BAD_INPUT);
    /* nothing in common */
    struct copy c;
    copy_begin(&c, model);
    for (uint32_t i = 1; i < c.g.nvalues; i++)
        if (c.g.values[i].kind != INFER__VALUE_INPUT)
            c.g.values[i].name = "other";
    copy_end(&c, in_folder("other.infer"));
    assert_int_equal(run(cmd_diff, "diff", model, in_folder("other.infer"), NULL), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "nothing can be compared"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_layers), cmocka_unit_test(test_real_networks),
        cmocka_unit_test(test_same),           cmocka_unit_test(test_fused_values),
        cmocka_unit_test(test_recorded),       cmocka_unit_test(test_found_sizes),
        cmocka_unit_test(test_compare),        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
