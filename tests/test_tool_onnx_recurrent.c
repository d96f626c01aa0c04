/* Recurrent layers through the tools: what import makes of their words, what export makes of that,
 * and a stream whose state goes out and in again. */
#include "tests/onnx_model.h"

#include <math.h>

#include "graph/params.h"
#include "tools/onnx/onnx_export.h"

enum { INPUTS = 3, HIDDEN = 5, MOST_GATES = 4 };

static const float some[2 * MOST_GATES * HIDDEN * HIDDEN] = {0.5f, -0.25f, 0.125f};

static void attr_strings(struct builder *b, Onnx__NodeProto *n, const char *name, const char *list)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS);
    char **words = names(b, list, &a->n_strings);
    a->strings = take(b, a->n_strings, sizeof *a->strings);
    for (size_t i = 0; i < a->n_strings; i++) {
        a->strings[i].data = (uint8_t *)words[i];
        a->strings[i].len = strlen(words[i]);
    }
}

static void attr_floats(struct builder *b, Onnx__NodeProto *n, const char *name, const float *v,
                        size_t count)
{
    Onnx__AttributeProto *a = attr(b, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    a->n_floats = count;
    a->floats = take(b, count, sizeof *v);
    memcpy(a->floats, v, count * sizeof *v);
}

/* x of free length, and the weights of `directions` with so many gates. */
static void layer(struct builder *b, int64_t opset, int64_t directions, int64_t gates)
{
    const int64_t x[] = {-1, 1, INPUTS}, w[] = {directions, gates * HIDDEN, INPUTS},
                  r[] = {directions, gates * HIDDEN, HIDDEN};
    frame(b, opset, 3, x);
    floats(b, "w", 3, w, some);
    floats(b, "r", 3, r, some);
}

static const struct infer__attr *get(const struct imported *i, uint16_t op, uint16_t key)
{
    const struct infer__node *n = only(&i->g, op);
    assert_non_null(n);
    const struct infer__attr *a = infer__node_attr(n, key);
    assert_non_null(a);
    return a;
}

static void expect_acts(const struct imported *i, uint16_t op, const int64_t *act,
                        const float *alpha, const float *beta, uint32_t count)
{
    const struct infer__attr *a = get(i, op, INFER__ATTR_ACTIVATIONS);
    assert_int_equal(a->count, count);
    assert_memory_equal(a->ints, act, count * sizeof *act);
    a = get(i, op, INFER__ATTR_ACTIVATION_ALPHA);
    assert_int_equal(a->count, count);
    assert_memory_equal(a->floats, alpha, count * sizeof *alpha);
    a = get(i, op, INFER__ATTR_ACTIVATION_BETA);
    assert_int_equal(a->count, count);
    assert_memory_equal(a->floats, beta, count * sizeof *beta);
}

/* Exports what was imported and imports it again. */
static void again(struct imported *to, const struct imported *i)
{
    struct infer__file_content c = {.graph = &i->g};
    infer_allocator a = infer__allocator(NULL);
    infer_model *m = NULL;
    infer_error err;
    void *file, *bytes;
    size_t file_size, size;
    assert_int_equal(infer__file_write(&c, NULL, &file, &file_size, &err), INFER_OK);
    assert_int_equal(infer_load_memory(file, file_size, NULL, &m, &err), INFER_OK);
    if (onnx_export(m, &bytes, &size, &err) != INFER_OK)
        fail_msg("%s", err.message);
    import_bytes(to, bytes, size, NULL, NULL);
    assert_int_equal(to->status, INFER_OK);
    infer__free(&a, bytes);
    infer_model_free(&m);
    infer__free(&a, file);
}

/* Parameters go to the activations that take some, in turn; what is not given is ONNX's default. */
static void test_activations(void **state)
{
    static const float alphas[] = {0.3f, 3}, betas[] = {0.7f};
    static const int64_t act[] = {INFER__CELL_HARD_SIGMOID, INFER__CELL_TANH,
                                  INFER__CELL_SCALED_TANH,  INFER__CELL_SIGMOID,
                                  INFER__CELL_LEAKY_RELU,   INFER__CELL_SOFTSIGN};
    static const float alpha[] = {0.3f, 0, 3, 0, 0.01f, 0}, beta[] = {0.7f, 0, 1, 0, 0, 0};
    struct builder b;
    struct imported i, j;
    (void)state;
    layer(&b, 14, 2, 4);
    Onnx__NodeProto *n = node(&b, "LSTM", "x,w,r", "y,h");
    attr_strings(&b, n, "activations", "HardSigmoid,tanh,ScaledTanh,Sigmoid,LeakyRelu,Softsign");
    attr_floats(&b, n, "activation_alpha", alphas, 2);
    attr_floats(&b, n, "activation_beta", betas, 1);
    attr_string(&b, n, "direction", "bidirectional");
    attr_float(&b, n, "clip", 3);
    attr_int(&b, n, "input_forget", 1);
    attr_int(&b, n, "layout", 0);
    output(&b, "h", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    expect_acts(&i, INFER__OP_LSTM, act, alpha, beta, 6);
    again(&j, &i);
    expect_acts(&j, INFER__OP_LSTM, act, alpha, beta, 6);
    assert_int_equal(get(&j, INFER__OP_LSTM, INFER__ATTR_DIRECTION)->ints[0], 2);
    assert_int_equal(get(&j, INFER__OP_LSTM, INFER__ATTR_MODE)->ints[0], 1);
    assert_true(get(&j, INFER__OP_LSTM, INFER__ATTR_CLIP)->floats[0] == 3);
    import_free(&j);
    import_free(&i);
    build_end(&b);
}

/* Y is there for the IR even where nobody names it; opset 1 has an attribute of its own. */
static void test_outputs(void **state)
{
    struct builder b;
    struct imported i;
    (void)state;
    layer(&b, 7, 1, 3);
    Onnx__NodeProto *n = node(&b, "GRU", "x,w,r,,,", ",y");
    attr_int(&b, n, "output_sequence", 1);
    attr_int(&b, n, "linear_before_reset", 1);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    assert_int_equal(get(&i, INFER__OP_GRU, INFER__ATTR_MODE)->ints[0], 1);
    const struct infer__node *gru = only(&i.g, INFER__OP_GRU);
    assert_non_null(gru);
    assert_int_equal(gru->nin, 3);
    assert_int_equal(gru->nout, 2);
    assert_true(gru->out[0] && gru->out[1] == i.g.outputs[0]);
    import_free(&i);
    build_end(&b);
}

static void refused(const char *op, const char *in, const char *out, const char *acts,
                    const char *direction, const char *what)
{
    struct builder b;
    struct imported i;
    layer(&b, 14, 1, 4);
    Onnx__NodeProto *n = node(&b, op, in, out);
    n->name = text(&b, "n", 1);
    if (acts)
        attr_strings(&b, n, "activations", acts);
    if (direction)
        attr_string(&b, n, "direction", direction);
    else
        attr_int(&b, n, "hidden_size", acts ? HIDDEN : HIDDEN + 1);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_ERROR_UNSUPPORTED);
    if (!reports(&i, "n", what))
        fail_msg("%s: nothing says '%s'", op, what);
    import_free(&i);
    build_end(&b);
}

static void test_refused(void **state)
{
    (void)state;
    refused("LSTM", "x,w,r", "y", "Sigmoid,Tanh,Sine", NULL, "'Sine' is not supported");
    refused("LSTM", "x,w,r", "y", "Tan,Tanh,Tanh", NULL, "'Tan' is not supported");
    refused("LSTM", "x,w,r", "y", "Relu,Relu,Relu,Relu,Relu,Relu,Relu", NULL, "7 activations");
    refused("LSTM", "x,w,r", "y", NULL, "backward", "'backward' is not supported");
    refused("LSTM", "x,w,r", "y", NULL, NULL, "it is 6, but the weights are of 5");
    refused("LSTM", "x,w", "y", NULL, NULL, "takes 3 to 8 inputs");
    refused("RNN", "x,w,r", "y,h,c", "Tanh", NULL, "at most 2 outputs");
}

/* The quantised form keeps its bytes, its domain and its operands through export. */
static void test_quantised(void **state)
{
    static const int64_t w[] = {1, INPUTS, 4 * HIDDEN}, r[] = {1, HIDDEN, 4 * HIDDEN}, one[] = {1};
    static const uint8_t bytes[4 * HIDDEN * HIDDEN] = {1, 2, 3, 200};
    const int64_t x[] = {-1, 1, INPUTS};
    struct builder b;
    struct imported i, j;
    (void)state;
    frame(&b, 14, 3, x);
    Onnx__OperatorSetIdProto more, *both[2] = {&b.opset, &more};
    onnx__operator_set_id_proto__init(&more);
    more.domain = text(&b, "com.microsoft", 13);
    more.has_version = 1;
    more.version = 1;
    b.model.opset_import = both;
    b.model.n_opset_import = 2;
    initializer(&b, raw_tensor(&b, "w", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 3, w, bytes,
                               4 * HIDDEN * INPUTS));
    initializer(
        &b, raw_tensor(&b, "r", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 3, r, bytes, sizeof bytes));
    initializer(&b, raw_tensor(&b, "z", ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, 1, one, bytes, 1));
    floats(&b, "s", 1, one, some);
    Onnx__NodeProto *n = node(&b, "DynamicQuantizeLSTM", "x,w,r,,,,,,s,z,s,z", "y");
    n->domain = text(&b, "com.microsoft", 13);
    attr_int(&b, n, "hidden_size", HIDDEN);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    again(&j, &i);
    for (int k = 0; k < 2; k++) {
        const struct imported *from = k ? &j : &i;
        const struct infer__node *lstm = only(&from->g, INFER__OP_DYNAMIC_QUANTIZE_LSTM);
        assert_non_null(lstm);
        assert_int_equal(lstm->nin, 12);
        assert_memory_equal(from->g.values[lstm->in[2]].data, bytes, sizeof bytes);
        assert_int_equal(from->g.values[lstm->in[11]].type, INFER_U8);
    }
    import_free(&j);
    import_free(&i);
    build_end(&b);
}

/* ---- a stream ------------------------------------------------------------------------------- */

enum { STEPS = 12 };

static void numbers(float *v, size_t count, uint64_t *r)
{
    for (size_t i = 0; i < count; i++)
        v[i] = random_float(r, -0.6f, 0.6f);
}

/* The model refers to the file. */
static infer_model *stream_model(void **file)
{
    const int64_t state[] = {1, 1, HIDDEN}, w[] = {1, 4 * HIDDEN, INPUTS},
                  r[] = {1, 4 * HIDDEN, HIDDEN}, x[] = {-1, 1, INPUTS};
    float weights[4 * HIDDEN * HIDDEN];
    uint64_t random = 3;
    struct builder b;
    struct imported i;
    infer_model *m = NULL;
    infer_error err;
    size_t size;
    frame(&b, 14, 3, x);
    numbers(weights, sizeof weights / sizeof *weights, &random);
    floats(&b, "w", 3, w, weights);
    floats(&b, "r", 3, r, weights);
    input(&b, "h", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3, state);
    input(&b, "c", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 3, state);
    output(&b, "hn", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    output(&b, "cn", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
    node(&b, "LSTM", "x,w,r,,,h,c", "y,hn,cn");
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);
    struct infer__file_content c = {.graph = &i.g};
    assert_int_equal(infer__file_write(&c, NULL, file, &size, &err), INFER_OK);
    assert_int_equal(infer_load_memory(*file, size, NULL, &m, &err), INFER_OK);
    import_free(&i);
    build_end(&b);
    return m;
}

/* Runs `steps` steps from x on; the state is the caller's, before and after. */
static void run_part(infer_session *s, const float *x, int64_t steps, float h[HIDDEN],
                     float c[HIDDEN], float *y)
{
    float part[STEPS * INPUTS];
    memcpy(part, x, (size_t)steps * INPUTS * sizeof *x);
    infer_tensor in[3] = {{.type = INFER_F32, .rank = 3, .dims = {steps, 1, INPUTS}},
                          {.type = INFER_F32, .rank = 3, .dims = {1, 1, HIDDEN}},
                          {.type = INFER_F32, .rank = 3, .dims = {1, 1, HIDDEN}}};
    infer_tensor out[3] = {{0}};
    infer_error err;
    void *data[] = {part, h, c};
    for (int i = 0; i < 3; i++) {
        in[i].data = data[i];
        in[i].bytes = infer_tensor_elements(&in[i]) * sizeof(float);
    }
    const infer_input_spec spec = {.name = "x", .rank = 3, .dims = {steps, 1, INPUTS}};
    assert_int_equal(infer_session_reshape(s, &spec, 1, &err), INFER_OK);
    if (infer_run(s, in, 3, out, 3, &err) != INFER_OK)
        fail_msg("%s", err.message);
    memcpy(y, out[0].data, (size_t)steps * HIDDEN * sizeof *y);
    memcpy(h, out[1].data, HIDDEN * sizeof *h);
    memcpy(c, out[2].data, HIDDEN * sizeof *c);
}

/* A sequence in parts of any length has the bits of the sequence as a whole. */
static void test_stream(void **state)
{
    static const infer_isa levels[] = {INFER_ISA_C, INFER_ISA_AVX2, INFER_ISA_AVX512};
    float x[STEPS * INPUTS], whole[STEPS * HIDDEN], y[STEPS * HIDDEN];
    uint64_t random = seed_of_run();
    infer_allocator a = infer__allocator(NULL);
    void *file;
    infer_model *m = stream_model(&file);
    infer_error err;
    (void)state;
    numbers(x, sizeof x / sizeof *x, &random);
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        const infer_input_spec spec = {.name = "x", .rank = 3, .dims = {STEPS, 1, INPUTS}};
        infer_session_options so = INFER_SESSION_OPTIONS_INIT;
        infer_session *s = NULL;
        float h[HIDDEN] = {0}, c[HIDDEN] = {0}, end_h[HIDDEN] = {0}, end_c[HIDDEN] = {0};
        so.threads = 2;
        so.isa = levels[l];
        so.inputs = &spec;
        so.ninputs = 1;
        if (infer_session_create(m, &so, &s, &err) != INFER_OK)
            fail_msg("%s", err.message);
        run_part(s, x, STEPS, end_h, end_c, whole);
        for (int64_t at = 0, steps; at < STEPS; at += steps) {
            steps = 1 + (int64_t)(random_bits(&random) % 5);
            steps = steps < STEPS - at ? steps : STEPS - at;
            run_part(s, x + at * INPUTS, steps, h, c, y + at * HIDDEN);
        }
        assert_memory_equal(y, whole, sizeof y);
        assert_memory_equal(h, end_h, sizeof h);
        assert_memory_equal(c, end_c, sizeof c);
        infer_session_free(&s);
    }
    infer_model_free(&m);
    infer__free(&a, file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations), cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_quantised),
        cmocka_unit_test(test_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
