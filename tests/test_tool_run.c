/* infer run: tensors in and out are those of the library, bit by bit; wrong ones are refused. */
#include "onnx_model.h"
#include "tool_run.h"

#include "tools/npy.h"
#include "tools/random_fill.h"

static void write_npy(const char *path, infer_type type, int rank, const int64_t *dims, void *data)
{
    infer_tensor t = {.type = type, .rank = rank, .data = data};
    size_t size;
    memcpy(t.dims, dims, (size_t)rank * sizeof *dims);
    t.bytes = infer_tensor_elements(&t) * infer_type_size(type);
    void *bytes = npy_encode(&t, &size);
    assert_non_null(bytes);
    write_bytes(path, bytes, size);
    free(bytes);
}

/* What comes out of the command is what the library gives, bit by bit, for a batch of 2. */
static void test_run_round_trip(void **state)
{
    (void)state;
    const int64_t dims[4] = {2, 3, 64, 64};
    infer_tensor x = {.type = INFER_F32, .rank = 4, .dims = {2, 3, 64, 64}}, y = {0}, back;
    infer_model *m;
    infer_session *s;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_input_spec spec = {.name = "input", .rank = 4, .dims = {2, 3, 64, 64}};
    infer_error err;
    x.bytes = 2 * 3 * 64 * 64 * 4;
    x.data = malloc(x.bytes);
    random_fill(&x, 5);
    write_npy(in_folder("x=1.npy"), INFER_F32, 4, dims, x.data);
    char argument[300];
    snprintf(argument, sizeof argument, "input=%s", in_folder("x=1.npy"));
    assert_int_equal(run(cmd_run, "run", model, "--input", argument, "--output-dir",
                         in_folder("outputs"), "--json", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_non_null(strstr(out, "\"dims\": [2, 24]"));
    assert_true(json_find(out, "mean") > 1.0 / 24 - 1e-6 &&
                json_find(out, "mean") < 1.0 / 24 + 1e-6);
    o.inputs = &spec;
    o.ninputs = 1;
    assert_int_equal(infer_load(model, NULL, &m, &err), INFER_OK);
    assert_int_equal(infer_session_create(m, &o, &s, &err), INFER_OK);
    assert_int_equal(infer_run(s, &x, 1, &y, 1, &err), INFER_OK);
    assert_int_equal(npy_load(in_folder("outputs/probabilities.npy"), &back, &err), INFER_OK);
    assert_int_equal(back.rank, 2);
    assert_int_equal(back.bytes, y.bytes);
    assert_memory_equal(back.data, y.data, y.bytes);
    free(back.data);
    free(x.data);
    infer_session_free(&s);
    infer_model_free(&m);
}

static void test_run_errors(void **state)
{
    (void)state;
    const int64_t dims[4] = {1, 3, 64, 64}, wrong[4] = {1, 3, 64, 63};
    char *data = calloc(1, 3 * 64 * 64 * 8), argument[300];
    write_npy(in_folder("f64.npy"), INFER_F64, 4, dims, data);
    write_npy(in_folder("wrong.npy"), INFER_F32, 4, wrong, data);
    free(data);
    assert_int_equal(run(cmd_run, "run", model, NULL), CLI_USAGE); /* no input */
    assert_non_null(strstr(err_text, "'input'"));
    assert_int_equal(run(cmd_run, "run", model, "--input", "nobody=x.npy", NULL), CLI_USAGE);
    assert_non_null(strstr(err_text, "f32 N?x3x64x64")); /* what there is */
    assert_int_equal(run(cmd_run, "run", model, "--input", in_folder("f64.npy"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "f64"));
    assert_int_equal(run(cmd_run, "run", model, "--input", in_folder("wrong.npy"), NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_run, "run", model, "--input", "input=/none/x.npy", NULL),
                     CLI_BAD_INPUT);
    snprintf(argument, sizeof argument, "input=%s", in_folder("f64.npy"));
    assert_int_equal(
        run(cmd_run, "run", model, "--random", "1", "--input-shape", "inptu=1x3x64x64", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_run, "run", model, "--random", "-1", NULL), CLI_USAGE);
    assert_int_equal(
        run(cmd_run, "run", model, "--random", "1", "--output-dir", "/dev/null/x", NULL),
        CLI_RESOURCES);
}

static void test_run_random(void **state)
{
    (void)state;
    double mins[3];
    static const char *const seeds[3] = {"1", "1", "2"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(cmd_run, "run", model, "--random", seeds[i], "--json", NULL), CLI_OK);
        mins[i] = json_find(out, "min");
    }
    assert_true(mins[0] == mins[1]);
    assert_true(mins[0] != mins[2]);
    assert_int_equal(run(cmd_run, "run", SIGNS "signs.onnx", "--random", "1", "--input-shape",
                         "input=3x3x64x64", "--threads", "2", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "probabilities: f32 3x24"));
}

/* A shape that depends on an input's value: the array becomes a constant of the session. Output
 * names that a file can't have are changed. */
static void test_run_values_and_names(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {2, 3}, two[1] = {2};
    float x[6] = {1, 2, 3, 4, 5, -6};
    int64_t shape[2] = {3, 2};
    infer_tensor back;
    infer_error err;
    build_begin(&b, 13);
    input(&b, "a=b", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2, dims);
    input(&b, "shape", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1, two);
    output(&b, "../out/y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(&b, "Reshape", "a=b,shape", "r");
    node(&b, "Relu", "r", "../out/y");
    pack(&b);
    write_bytes(in_folder("reshape.onnx"), b.bytes, b.size);
    build_end(&b);
    write_npy(in_folder("x.npy"), INFER_F32, 2, dims, x);
    write_npy(in_folder("s.npy"), INFER_S64, 1, two, shape);
    char first[300], second[300];
    snprintf(first, sizeof first, "a=b=%s", in_folder("x.npy"));
    snprintf(second, sizeof second, "shape=%s", in_folder("s.npy"));
    assert_int_equal(run(cmd_run, "run", in_folder("reshape.onnx"), "--input", first, "--input",
                         second, "--output-dir", in_folder("named"), NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "f32 3x2, min 0, max 5, mean 2.5"));
    assert_int_equal(npy_load(in_folder("named/_._out_y.npy"), &back, &err), INFER_OK);
    x[5] = 0;
    assert_memory_equal(back.data, x, sizeof x);
    free(back.data);
    assert_int_equal(
        run(cmd_run, "run", in_folder("reshape.onnx"), "--input", first, "--input", first, NULL),
        CLI_USAGE);
}

/* Decoders with a cache have dozens of inputs. */
static void test_run_many_inputs(void **state)
{
    (void)state;
    enum { MANY = 37 };
    const int64_t one[1] = {1};
    float two = 2;
    char *argv[2 + 2 * MANY], list[MANY * 8] = "", text[MANY][300];
    struct builder b;
    int argc = 0;
    build_begin(&b, 13);
    write_npy(in_folder("two.npy"), INFER_F32, 1, one, &two);
    argv[argc++] = "run";
    for (int i = 0; i < MANY; i++) {
        snprintf(text[i], sizeof text[i], "x%d", i);
        input(&b, text[i], ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, one);
        snprintf(list + strlen(list), sizeof list - strlen(list), i ? ",%s" : "%s", text[i]);
        snprintf(text[i], sizeof text[i], "x%d=%s", i, in_folder("two.npy"));
        argv[argc++] = "--input";
        argv[argc++] = text[i];
    }
    output(&b, "y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(&b, "Sum", list, "y");
    pack(&b);
    write_bytes(in_folder("many.onnx"), b.bytes, b.size);
    build_end(&b);
    char path[300];
    snprintf(path, sizeof path, "%s", in_folder("many.onnx"));
    argv[argc++] = path;
    assert_int_equal(run_list(cmd_run, argv, argc), CLI_OK);
    assert_non_null(strstr(out, "mean 74"));
}

/* The message on a free size says which option gives it. */
static void test_run_free_size(void **state)
{
    (void)state;
    struct builder b;
    const int64_t dims[2] = {1, -1};
    frame(&b, 13, 2, dims);
    node(&b, "Relu", "x", "y");
    pack(&b);
    write_bytes(in_folder("free.onnx"), b.bytes, b.size);
    build_end(&b);
    assert_int_equal(run(cmd_run, "run", in_folder("free.onnx"), "--random", "1", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "--input-shape"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_round_trip),  cmocka_unit_test(test_run_errors),
        cmocka_unit_test(test_run_random),      cmocka_unit_test(test_run_values_and_names),
        cmocka_unit_test(test_run_many_inputs), cmocka_unit_test(test_run_free_size),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
