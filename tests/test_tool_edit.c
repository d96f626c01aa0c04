/* infer edit: parts of a network compute what the whole does, and what can't be is refused. */
#include "small_net.h"
#include "tool_run.h"

#include <math.h>

#include "infer_vision.h"
#include "tools/convert.h"
#include "tools/folder.h"
#include "tools/npy.h"

#define EDIT(from, to, ...)                                                                        \
    run(cmd_edit, "edit", (from), "-o", (to), "--json", __VA_ARGS__, (char *)NULL)

/* A path in the test's folder that stays valid, as in_folder's does not. */
#define FILE_IN(path, name)                                                                        \
    char path[256];                                                                                \
    snprintf(path, sizeof path, "%s", in_folder(name))

static char net[64]; /* the small network as a file */

static int setup_net(void **state)
{
    int status = setup(state);
    struct bytes b = small_net();
    snprintf(net, sizeof net, "%s/net.infer", folder);
    write_bytes(net, b.data, b.size);
    free(b.data);
    return status;
}

static infer_model *load(const char *path, void **bytes)
{
    infer_model *m;
    assert_int_equal(open_model(path, NULL, 0, &m, bytes), CLI_OK);
    return m;
}

static void drop(infer_model *m, void *bytes)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model_free(&m);
    infer__free(&a, bytes);
}

/* "f32 ?x3x17x13" of input or output `name`; "none" where there is none. */
static const char *shape_of(const char *path, const char *name)
{
    static char text[200];
    void *bytes;
    infer_model *m = load(path, &bytes);
    const size_t n = infer_model_inputs(m), all = n + infer_model_outputs(m);
    snprintf(text, sizeof text, "none");
    for (size_t i = 0; i < all; i++) {
        infer_value_info info = INFER_VALUE_INFO_INIT;
        char dims[160];
        if (i < n)
            infer_model_input(m, i, &info, NULL);
        else
            infer_model_output(m, i - n, &info, NULL);
        if (strcmp(info.name, name) == 0)
            snprintf(text, sizeof text, "%s %s", infer_type_name(info.type),
                     dims_text(&info, dims, sizeof dims));
    }
    drop(m, bytes);
    return text;
}

/* The array that `infer run` wrote. */
static infer_tensor result(const char *dir, const char *name)
{
    infer_tensor t;
    infer_error err;
    char *path = path_in(in_folder(dir), name, ".npy");
    assert_non_null(path);
    assert_int_equal(npy_load(path, &t, &err), INFER_OK);
    free(path);
    return t;
}

static void assert_close(const infer_tensor *a, const infer_tensor *b)
{
    const size_t n = infer_tensor_elements(a);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    for (size_t i = 0; i < n; i++) {
        const float x = ((const float *)a->data)[i], y = ((const float *)b->data)[i];
        if (!(fabsf(x - y) <= 1e-5f * (1 + fabsf(x))))
            fail_msg("element %zu: %g, not %g", i, (double)y, (double)x);
    }
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* At each value of the bundled network: its head, then its tail, gives what the whole gives. */
static void test_head_and_tail(void **state)
{
    (void)state;
    void *bytes;
    infer_model *m = load(model, &bytes);
    int cuts = 0;
    assert_int_equal(
        run(cmd_run, "run", model, "--random", "4", "--output-dir", in_folder("whole"), NULL),
        CLI_OK);
    infer_tensor whole = result("whole", "probabilities");
    for (uint32_t i = 0; i < m->graph.nnodes; i += 5) {
        const char *name = m->graph.values[m->graph.nodes[i].out[0]].name;
        const int status = EDIT(model, in_folder("tail.infer"), "--from", name);
        if (status != CLI_OK) { /* another way leads past it */
            assert_int_equal(status, CLI_USAGE);
            assert_non_null(strstr(err_text, "is still needed, by node '"));
            continue;
        }
        assert_true(json_valid(out));
        assert_true(json_find(out, "nodes") == m->graph.nnodes - i - 1);
        assert_int_equal(EDIT(model, in_folder("head.infer"), "--to", name), CLI_OK);
        assert_true(json_find(out, "nodes") == i + 1);
        assert_int_equal(run(cmd_run, "run", in_folder("head.infer"), "--random", "4",
                             "--output-dir", in_folder("between"), NULL),
                         CLI_OK);
        char *file = path_in(in_folder("between"), name, ".npy");
        assert_int_equal(run(cmd_run, "run", in_folder("tail.infer"), "--input", file,
                             "--output-dir", in_folder("parts"), NULL),
                         CLI_OK);
        infer_tensor parts = result("parts", "probabilities");
        assert_close(&whole, &parts);
        free(parts.data);
        free(file);
        cuts++;
    }
    assert_true(cuts > 3);
    free(whole.data);
    drop(m, bytes);
}

static void test_cut(void **state)
{
    (void)state;
    FILE_IN(to, "cut.infer");
    /* conv2 reads pool1, and so does add behind it */
    assert_int_equal(EDIT(net, to, "--from", "conv2"), CLI_USAGE);
    assert_non_null(strstr(err_text, "input 'picture' is still needed, by node 'conv1' (Conv)"));
    assert_int_equal(EDIT(net, to, "--from", "conv2,pool1"), CLI_OK);
    assert_string_equal(shape_of(to, "conv2"), "f32 ?x8x8x6");
    assert_string_equal(shape_of(to, "picture"), "none");
    assert_string_equal(shape_of(to, "map"), "f32 ?x8x8x6");
    assert_string_equal(shape_of(to, "scores"), "f32 ?x5");
    /* both ends, and the other output goes */
    assert_int_equal(EDIT(net, to, "--from", "pool1", "--to", "add"), CLI_OK);
    assert_true(json_find(out, "nodes") == 2);
    assert_non_null(strstr(out, "\"output 'scores' is gone\""));
    assert_string_equal(shape_of(to, "scores"), "none");
    assert_string_equal(shape_of(to, "add"), "f32 ?x8x8x6");
    /* labels stay, constants that nobody reads go */
    void *bytes;
    infer_model *m = load(to, &bytes);
    assert_int_equal(infer_model_labels(m), 5);
    assert_int_equal(m->graph.nvalues, 1 + 1 + 1 + 2); /* absent, input, weights, results */
    drop(m, bytes);
    assert_int_equal(EDIT(net, to, "--remove-output", "map"), CLI_OK);
    assert_string_equal(shape_of(to, "map"), "none");
    assert_string_equal(shape_of(to, "scores"), "f32 ?x5");
    /* the order of --to is the order of the outputs */
    assert_int_equal(EDIT(net, to, "--to", "map", "--to", "relu1,scores"), CLI_OK);
    m = load(to, &bytes);
    assert_string_equal(m->graph.values[m->graph.outputs[1]].name, "relu1");
    assert_int_equal(m->graph.noutputs, 3);
    drop(m, bytes);
}

static void test_cut_errors(void **state)
{
    (void)state;
    FILE_IN(to, "none.infer");
    struct stat st;
    assert_int_equal(EDIT(net, to, "--to", "conv9"), CLI_USAGE);
    assert_non_null(strstr(err_text, "there is no value 'conv9'"));
    assert_int_equal(EDIT(net, to, "--to", "conv"), CLI_USAGE);
    assert_non_null(strstr(err_text, "is it one of 'conv1'"));
    assert_int_equal(EDIT(net, to, "--to", "add,add"), CLI_USAGE);
    assert_int_equal(EDIT(net, to, "--from", "scores", "--to", "add"), CLI_USAGE);
    assert_non_null(strstr(err_text, "no output needs 'scores'"));
    assert_int_equal(EDIT(net, to, "--remove-output", "scores,map"), CLI_USAGE);
    assert_int_equal(EDIT(net, to, "--remove-output", "add"), CLI_USAGE);
    assert_int_equal(run(cmd_edit, "edit", net, "-o", to, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_edit, "edit", net, "--to", "add", NULL), CLI_USAGE);
    assert_int_equal(EDIT(net, net, "--to", "add"), CLI_USAGE);
    assert_int_equal(EDIT(in_folder("missing.infer"), to, "--to", "add"), CLI_BAD_INPUT);
    assert_int_equal(stat(to, &st), -1); /* nothing was written */
    assert_int_equal(EDIT(net, in_folder("no/folder.infer"), "--to", "add"), CLI_RESOURCES);
}

/* ---- names and shapes ----------------------------------------------------------------------- */

static void test_rename(void **state)
{
    (void)state;
    FILE_IN(to, "renamed.infer");
    assert_int_equal(
        EDIT(net, to, "--rename", "picture=a=b", "--rename", "scores=map2", "--rename", "map2=s"),
        CLI_OK);
    assert_string_equal(shape_of(to, "a=b"), "f32 ?x3x17x13");
    assert_string_not_equal(shape_of(to, "s"), "none");
    assert_non_null(strstr(out, "\"'picture' is now 'a=b'\""));
    assert_int_equal(run(cmd_run, "run", to, "--random", "1", NULL), CLI_OK);
    assert_int_equal(EDIT(to, in_folder("again.infer"), "--rename", "a=b=c"), CLI_OK);
    assert_string_equal(shape_of(in_folder("again.infer"), "c"), "f32 ?x3x17x13");
    assert_int_equal(EDIT(net, to, "--rename", "picture=map"), CLI_USAGE);
    assert_non_null(strstr(err_text, "there is a value 'map' already"));
    assert_int_equal(EDIT(net, to, "--rename", "nobody=x"), CLI_USAGE);
    assert_int_equal(EDIT(net, to, "--rename", "picture="), CLI_USAGE);
    assert_int_equal(EDIT(net, to, "--rename", "picture"), CLI_USAGE);
}

static void test_input_shape(void **state)
{
    (void)state;
    FILE_IN(fixed, "fixed.infer");
    FILE_IN(any, "any.infer");
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=2x3x17x13"), CLI_OK);
    assert_string_equal(shape_of(fixed, "picture"), "f32 2x3x17x13");
    assert_string_equal(shape_of(fixed, "scores"), "f32 2x5");
    assert_non_null(strstr(out, "input 'picture': f32 ?x3x17x13 is now f32 2x3x17x13"));
    /* and back, with more that is free, and names for it */
    assert_int_equal(EDIT(fixed, any, "--input-shape", "picture=Nx3xHx?"), CLI_OK);
    assert_string_equal(shape_of(any, "picture"), "f32 N?x3xH?x?");
    assert_string_equal(shape_of(any, "map"), "f32 ?x8x?x?");
    assert_string_equal(shape_of(any, "scores"), "f32 ?x5");
    assert_int_equal(run(cmd_run, "run", any, "--random", "1", "--input-shape", "picture=3x3x40x24",
                         "--json", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "\"dims\": [3, 8, 20, 12]"));
    /* names go along when inputs change places */
    assert_int_equal(EDIT(any, fixed, "--from", "pool1,picture", "--to", "relu1,add"), CLI_OK);
    assert_string_equal(shape_of(fixed, "picture"), "f32 N?x3xH?x?");
    assert_string_equal(shape_of(fixed, "pool1"), "f32 ?x8x?x?");
    /* what the graph does not take */
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1xCx17x13"), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "(node 'conv1')"));
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1x4x17x13"), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "(node 'conv1')"));
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1x3x17"), CLI_USAGE);
    assert_int_equal(EDIT(net, fixed, "--input-shape", "other=1x3x17x13"), CLI_USAGE);
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1x3x-7x13"), CLI_USAGE);
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1x3xx13"), CLI_USAGE);
    assert_int_equal(EDIT(net, fixed, "--input-shape", "picture=1x3x9Ax13"), CLI_USAGE);
}

/* ---- what a file has beside its graph ------------------------------------------------------- */

static infer_preprocess stored(const char *path, infer_status want)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    void *bytes;
    infer_model *m = load(path, &bytes);
    assert_int_equal(infer_model_preprocess(m, &p, &err), want);
    drop(m, bytes);
    return p;
}

static void test_preprocess(void **state)
{
    (void)state;
    FILE_IN(to, "prepared.infer");
    assert_int_equal(EDIT(model, to, "--rename", "input=x"), CLI_OK);
    infer_preprocess p = stored(to, INFER_OK), old = stored(model, INFER_OK);
    assert_memory_equal(&p, &old, sizeof p);
    assert_int_equal(EDIT(model, to, "--mean", "1,2,3", "--layout", "nhwc"), CLI_OK);
    p = stored(to, INFER_OK);
    assert_true(p.mean[1] == 2 && p.scale[1] == old.scale[1] && p.width == old.width);
    assert_int_equal(p.layout, 1);
    assert_int_equal(EDIT(model, to, "--no-preprocess"), CLI_OK);
    stored(to, INFER_ERROR_UNSUPPORTED);
    assert_int_equal(EDIT(to, in_folder("more.infer"), "--resize", "80", "--scale", "0.5"), CLI_OK);
    assert_int_equal(stored(in_folder("more.infer"), INFER_OK).width, 80);
    write_text(in_folder("two.txt"), "yes\nno\n");
    assert_int_equal(EDIT(model, to, "--labels", in_folder("two.txt")), CLI_OK);
    void *bytes;
    infer_model *m = load(to, &bytes);
    assert_int_equal(infer_model_labels(m), 2);
    drop(m, bytes);
    assert_int_equal(EDIT(model, to, "--no-preprocess", "--mean", "1"), CLI_USAGE);
    assert_int_equal(EDIT(model, to, "--layout", "hwcn"), CLI_USAGE);
    assert_int_equal(EDIT(model, in_folder("x.onnx"), "--mean", "1"), CLI_USAGE);
}

/* From ONNX and to ONNX: names of values that optimisation would take away are there. */
static void test_onnx(void **state)
{
    (void)state;
    void *bytes;
    infer_model *m = load(model, &bytes);
    const char *name = m->graph.values[m->graph.nodes[4].out[0]].name;
    assert_int_equal(EDIT(SIGNS "signs.onnx", in_folder("part.infer"), "--to", name), CLI_OK);
    assert_int_equal(
        EDIT(SIGNS "signs.onnx", in_folder("part.onnx"), "--to", name, "--rename", "input=x"),
        CLI_OK);
    assert_int_equal(run(cmd_run, "run", in_folder("part.infer"), "--random", "2", "--output-dir",
                         in_folder("a"), NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_run, "run", in_folder("part.onnx"), "--random", "2", "--output-dir",
                         in_folder("b"), NULL),
                     CLI_OK);
    infer_tensor a = result("a", name), b = result("b", name);
    assert_close(&a, &b);
    assert_string_not_equal(shape_of(in_folder("part.onnx"), "x"), "none");
    free(a.data);
    free(b.data);
    drop(m, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_and_tail), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cut_errors),    cmocka_unit_test(test_rename),
        cmocka_unit_test(test_input_shape),   cmocka_unit_test(test_preprocess),
        cmocka_unit_test(test_onnx),
    };
    return cmocka_run_group_tests(tests, setup_net, teardown);
}
