/* The converter's optimiser: each rewrite happens, and the numbers stay. */
#include "tests/onnx_model.h"

#include <math.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

/* Imports and optimises; `want` nodes must be left. */
static void optimise(struct imported *i, struct builder *b, uint32_t want)
{
    import_model(i, b);
    if (i->status != INFER_OK)
        fail_msg("%s", i->err.message);
    assert_int_equal(onnx_optimise(&i->g, (uint64_t)1 << 30, &i->err), INFER_OK);
    if (i->g.nnodes != want) {
        for (uint32_t k = 0; k < i->g.nnodes; k++)
            print_message("%s\n", infer__op_info(i->g.nodes[k].op)->name);
        fail_msg("%u nodes, not %u", i->g.nnodes, want);
    }
    for (uint32_t k = 0; k < i->g.noutputs; k++)
        assert_string_equal(i->g.values[i->g.outputs[k]].name, b->graph.output[k]->name);
}

/* The optimised graph against the one as imported, on random input, and the sizes of both. */
static void compare(struct builder *b, uint32_t want, size_t count_x, size_t count, uint64_t *seed)
{
    struct imported plain, better;
    float *x = take(b, count_x, sizeof *x), *y = take(b, count, sizeof *y),
          *z = take(b, count, sizeof *z);
    for (size_t k = 0; k < count_x; k++)
        x[k] = random_float(seed, -2, 2);
    optimise(&better, b, want);
    import_model(&plain, b);
    assert_int_equal(plain.status, INFER_OK);
    run_graph(&plain.g, x, count_x, y, count);
    run_graph(&better.g, x, count_x, z, count);
    for (size_t k = 0; k < count; k++)
        if (!(fabsf(y[k] - z[k]) <= 1e-4f * (1 + fabsf(y[k]))))
            fail_msg("element %zu: %g, not %g", k, (double)z[k], (double)y[k]);
    import_free(&plain);
    import_free(&better);
}

static void random_floats(struct builder *b, uint64_t *seed, const char *name, size_t rank,
                          const int64_t *dims, float lo, float hi)
{
    size_t count = 1;
    for (size_t k = 0; k < rank; k++)
        count *= (size_t)dims[k];
    float *v = take(b, count, sizeof *v);
    for (size_t k = 0; k < count; k++)
        v[k] = random_float(seed, lo, hi);
    floats(b, name, rank, dims, v);
}

/* A BatchNormalization of `channels` with random statistics. */
static void batch_norm(struct builder *b, uint64_t *seed, const char *in, const char *out,
                       int64_t channels)
{
    char list[64];
    random_floats(b, seed, "scale", 1, &channels, -2, 2);
    random_floats(b, seed, "shift", 1, &channels, -2, 2);
    random_floats(b, seed, "mean", 1, &channels, -2, 2);
    random_floats(b, seed, "var", 1, &channels, 0.1f, 4);
    snprintf(list, sizeof list, "%s,scale,shift,mean,var", in);
    attr_float(b, node(b, "BatchNormalization", list, out), "epsilon", 0.01f);
}

/* ---- normalisation and factors into weights ------------------------------------------------- */

static const int64_t image[4] = {1, 4, 5, 6};

static void test_conv_batch_norm(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int64_t groups = 1; groups <= 4; groups *= 2) {
        for (int bias = 0; bias < 2; bias++) {
            struct builder b;
            const int64_t w[4] = {8, 4 / groups, 3, 3}, eight = 8;
            frame(&b, 13, 4, image);
            random_floats(&b, &seed, "w", 4, w, -1, 1);
            random_floats(&b, &seed, "b", 1, &eight, -1, 1);
            attr_int(&b, node(&b, "Conv", bias ? "x,w,b" : "x,w", "a"), "group", groups);
            batch_norm(&b, &seed, "a", "y", 8);
            compare(&b, 1, 120, 8 * 3 * 4, &seed);
            build_end(&b);
        }
    }
}

/* What is left has the name of what it holds. */
static void test_names_follow(void **state)
{
    (void)state;
    struct builder b;
    struct imported i;
    uint64_t seed = seed_of_run();
    const int64_t w[4] = {8, 4, 3, 3};
    frame(&b, 13, 4, image);
    random_floats(&b, &seed, "w", 4, w, -1, 1);
    node(&b, "Conv", "x,w", "a");
    batch_norm(&b, &seed, "a", "normal", 8);
    node(&b, "Relu", "normal", "y");
    optimise(&i, &b, 2);
    assert_int_equal(i.g.nodes[0].op, INFER__OP_CONV);
    assert_string_equal(i.g.values[i.g.nodes[0].out[0]].name, "normal");
    import_free(&i);
    build_end(&b);
}

static void test_conv_transpose_batch_norm(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int64_t groups = 1; groups <= 2; groups++) {
        struct builder b;
        const int64_t w[4] = {4, 3, 2, 2};
        frame(&b, 13, 4, image);
        random_floats(&b, &seed, "w", 4, w, -1, 1);
        attr_int(&b, node(&b, "ConvTranspose", "x,w", "a"), "group", groups);
        batch_norm(&b, &seed, "a", "y", 3 * groups);
        compare(&b, 1, 120, (size_t)groups * 3 * 6 * 7, &seed);
        build_end(&b);
    }
}

/* Gemm with alpha, beta, both orientations of B, and C as a row, a number or absent. */
static void test_gemm_batch_norm(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t x[2] = {3, 4}, c_dims[2] = {1, 5};
    for (int64_t trans = 0; trans < 2; trans++) {
        for (int c = 0; c < 3; c++) {
            struct builder b;
            const int64_t w[2] = {trans ? 5 : 4, trans ? 4 : 5};
            frame(&b, 13, 2, x);
            random_floats(&b, &seed, "w", 2, w, -1, 1);
            random_floats(&b, &seed, "c", c == 1 ? 2 : 0, c_dims, -1, 1);
            Onnx__NodeProto *n = node(&b, "Gemm", c ? "x,w,c" : "x,w", "a");
            attr_int(&b, n, "transB", trans);
            attr_float(&b, n, "alpha", 0.5f);
            attr_float(&b, n, "beta", 3.0f);
            batch_norm(&b, &seed, "a", "y", 5);
            compare(&b, 1, 12, 15, &seed);
            build_end(&b);
        }
    }
}

/* Against the formula itself, in double: one channel, one weight. */
static void test_formula(void **state)
{
    (void)state;
    const int64_t one[4] = {1, 1, 1, 1};
    const float w = 3, s = 1.5f, t = -0.5f, m = 0.25f, v = 2, x = 0.7f;
    float y;
    struct builder b;
    struct imported i;
    frame(&b, 13, 4, one);
    floats(&b, "w", 4, one, &w);
    floats(&b, "s", 1, one, &s);
    floats(&b, "t", 1, one, &t);
    floats(&b, "m", 1, one, &m);
    floats(&b, "v", 1, one, &v);
    node(&b, "Conv", "x,w", "a");
    node(&b, "BatchNormalization", "a,s,t,m,v", "y");
    optimise(&i, &b, 1);
    run_graph(&i.g, &x, 1, &y, 1);
    double want =
        ((double)w * (double)x - (double)m) / sqrt((double)v + 1e-5) * (double)s + (double)t;
    assert_true(fabs((double)y - want) < 1e-6);
    import_free(&i);
    build_end(&b);
}

/* Constants per channel behind a convolution; which side, and every operator. */
static void test_conv_factors(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    static const char *const ops[4] = {"Add", "Sub", "Mul", "Div"};
    const int64_t w[4] = {3, 4, 1, 1}, c[4] = {1, 3, 1, 1};
    for (int op = 0; op < 4; op++) {
        for (int side = 0; side < 2; side++) {
            for (size_t rank = 0; rank <= 4; rank++) {
                struct builder b;
                if (rank == 1 || rank == 2)
                    continue;
                int quotient = op == 3 && side == 0; /* c / conv stays */
                frame(&b, 13, 4, image);
                random_floats(&b, &seed, "w", 4, w, -1, 1);
                random_floats(&b, &seed, "c", rank, c + 4 - rank, 0.5f, 2);
                random_floats(&b, &seed, "b", 1, c + 1, 20, 30); /* keeps the quotient tame */
                node(&b, "Conv", "x,w,b", "a");
                node(&b, ops[op], side ? "a,c" : "c,a", "y");
                compare(&b, quotient ? 2 : 1, 120, 90, &seed);
                build_end(&b);
            }
        }
    }
}

/* What must stay: a constant that is not per channel, a result that somebody else reads. */
static void test_factors_that_stay(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t w[4] = {3, 4, 1, 1}, wide = 6, c[3] = {3, 1, 1};
    struct builder b;
    struct imported i;
    frame(&b, 13, 4, image);
    random_floats(&b, &seed, "w", 4, w, -1, 1);
    random_floats(&b, &seed, "c", 1, &wide, 0.5f, 2);
    node(&b, "Conv", "x,w", "a");
    node(&b, "Mul", "a,c", "y");
    compare(&b, 2, 120, 90, &seed);
    build_end(&b);

    frame(&b, 13, 4, image);
    output(&b, "a", FLOAT);
    random_floats(&b, &seed, "w", 4, w, -1, 1);
    random_floats(&b, &seed, "c", 3, c, 0.5f, 2);
    node(&b, "Conv", "x,w", "a");
    node(&b, "Mul", "a,c", "y");
    optimise(&i, &b, 2);
    import_free(&i);
    build_end(&b);

    const float zero[3] = {1, 0, 1};
    frame(&b, 13, 4, image); /* a division by zero must not become weights of infinity */
    random_floats(&b, &seed, "w", 4, w, -1, 1);
    floats(&b, "c", 3, c, zero);
    node(&b, "Conv", "x,w", "a");
    node(&b, "Div", "a,c", "y");
    optimise(&i, &b, 2);
    import_free(&i);
    build_end(&b);
}

static void test_lone_batch_norm(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    struct builder b;
    struct imported i;
    frame(&b, 13, 4, image);
    node(&b, "Relu", "x", "a");
    batch_norm(&b, &seed, "a", "y", 4);
    compare(&b, 3, 120, 120, &seed);
    optimise(&i, &b, 3);
    assert_non_null(only(&i.g, INFER__OP_MUL));
    assert_non_null(only(&i.g, INFER__OP_ADD));
    import_free(&i);
    build_end(&b);
}

static void test_matmul_add(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t x[2] = {3, 4}, w[2] = {4, 5}, five = 5, full[2] = {3, 5};
    struct builder b;
    frame(&b, 13, 2, x);
    random_floats(&b, &seed, "w", 2, w, -1, 1);
    random_floats(&b, &seed, "c", 1, &five, -1, 1);
    node(&b, "MatMul", "x,w", "a");
    node(&b, "Add", "c,a", "y");
    compare(&b, 1, 12, 15, &seed);
    build_end(&b);
    frame(&b, 13, 2, x); /* not a row: stays */
    random_floats(&b, &seed, "w", 2, w, -1, 1);
    random_floats(&b, &seed, "c", 2, full, -1, 1);
    node(&b, "MatMul", "x,w", "a");
    node(&b, "Add", "a,c", "y");
    compare(&b, 2, 12, 15, &seed);
    build_end(&b);
}

/* ---- nodes that do nothing ------------------------------------------------------------------ */

static void test_noops(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t same[4] = {0, 4, -1, 6}, zeros[8] = {0}, from[1] = {0}, to[1] = {100},
                  perm[4] = {0, 1, 2, 3}, back[4] = {0, 3, 1, 2}, forth[4] = {0, 2, 3, 1};
    struct builder b;
    frame(&b, 13, 4, image);
    ints(&b, "same", 4, same);
    ints(&b, "pads", 8, zeros);
    ints(&b, "from", 1, from);
    ints(&b, "to", 1, to);
    node(&b, "Identity", "x", "a");
    node(&b, "Reshape", "a,same", "b");
    node(&b, "Pad", "b,pads", "c");
    node(&b, "Slice", "c,from,to", "d");
    attr_int(&b, node(&b, "Concat", "d", "e"), "axis", 1);
    attr_ints(&b, node(&b, "Transpose", "e", "f"), "perm", perm, 4);
    attr_int(&b, node(&b, "Cast", "f", "g"), "to", 1);
    attr_ints(&b, node(&b, "Transpose", "g", "h"), "perm", forth, 4);
    attr_ints(&b, node(&b, "Transpose", "h", "i"), "perm", back, 4);
    node(&b, "Neg", "i", "j");
    node(&b, "Dropout", "j", "y");
    compare(&b, 1, 120, 120, &seed);
    build_end(&b);
}

/* A reversal has the operand's shape but is not the operand. */
/* Where shapes are free, types follow from the producers: casts to the type that is there go,
 * others stay. */
static void test_casts_of_free_shapes(void **state)
{
    (void)state;
    const int64_t dims[2] = {-1, 4};
    const int to[4] = {FLOAT, ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
                       ONNX__TENSOR_PROTO__DATA_TYPE__INT64, FLOAT};
    const char *const between[5] = {"a", "b", "c", "d", "e"};
    struct builder b;
    struct imported i;
    frame(&b, 13, 2, dims);
    node(&b, "Relu", "x", "a");
    for (int k = 0; k < 4; k++)
        attr_int(&b, node(&b, "Cast", between[k], between[k + 1]), "to", to[k]);
    node(&b, "Abs", "e", "y");
    optimise(&i, &b, 4); /* Relu, to s64, to f32, Abs */
    assert_non_null(only(&i.g, INFER__OP_RELU));
    import_free(&i);
    build_end(&b);
}

static void test_reversal_stays(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t from[1] = {-1}, to[1] = {INT64_MIN}, axes[1] = {3}, steps[1] = {-1};
    struct builder b;
    frame(&b, 13, 4, image);
    ints(&b, "from", 1, from);
    ints(&b, "to", 1, to);
    ints(&b, "axes", 1, axes);
    ints(&b, "steps", 1, steps);
    node(&b, "Slice", "x,from,to,axes,steps", "y");
    compare(&b, 1, 120, 120, &seed);
    build_end(&b);
}

static void test_merges(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t first[2] = {4, 30}, second[3] = {5, 2, 12}, p[4] = {1, 2, 3, 0};
    struct builder b;
    frame(&b, 13, 4, image);
    ints(&b, "first", 2, first);
    ints(&b, "second", 3, second);
    attr_ints(&b, node(&b, "Transpose", "x", "a"), "perm", p, 4);
    attr_ints(&b, node(&b, "Transpose", "a", "b"), "perm", p, 4);
    node(&b, "Reshape", "b,first", "c");
    node(&b, "Reshape", "c,second", "y");
    compare(&b, 2, 120, 120, &seed);
    build_end(&b);
}

/* Arithmetic on shapes disappears when shapes are known. */
static void test_shape_arithmetic(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    const int64_t zero = 0, minus[1] = {-1}, dims[4] = {2, 3, 4, 5};
    struct builder b;
    struct imported i;
    frame(&b, 13, 4, dims);
    ints(&b, "minus", 1, minus);
    ints(&b, "index", 1, &zero);
    node(&b, "Shape", "x", "s");
    attr_int(&b, node(&b, "Gather", "s,index", "n"), "axis", 0);
    attr_int(&b, node(&b, "Concat", "n,minus", "shape"), "axis", 0);
    node(&b, "Reshape", "x,shape", "y");
    compare(&b, 1, 120, 120, &seed);
    optimise(&i, &b, 1);
    assert_int_equal(i.g.nodes[0].op, INFER__OP_RESHAPE);
    import_free(&i);
    build_end(&b);
}

/* Outputs of the graph keep their names, even if they are the same thing. */
static void test_outputs_keep_names(void **state)
{
    (void)state;
    const int64_t six = 6;
    const float v[6] = {1, 2, 3, 4, 5, 6};
    struct builder b;
    struct imported i;
    frame(&b, 13, 1, &six);
    output(&b, "x2", FLOAT);
    output(&b, "z", FLOAT);
    output(&b, "w2", FLOAT);
    floats(&b, "w", 1, &six, v);
    node(&b, "Relu", "x", "a");
    node(&b, "Identity", "a", "y");
    node(&b, "Identity", "x", "x2"); /* an input can't be renamed: stays */
    node(&b, "Identity", "y", "z");  /* y is an output already: stays */
    node(&b, "Identity", "w", "w2"); /* becomes a constant */
    optimise(&i, &b, 3);
    const struct infer__node *relu = only(&i.g, INFER__OP_RELU);
    assert_non_null(relu);
    assert_int_equal(relu->out[0], i.g.outputs[0]);
    import_free(&i);
    build_end(&b);
}

static void test_shares_constants(void **state)
{
    (void)state;
    const int64_t six = 6;
    const float v[6] = {1, 2, 3, 4, 5, 6}, u[6] = {1, 2, 3, 4, 5, 7};
    struct builder b;
    struct imported i;
    uint32_t constants = 0;
    frame(&b, 13, 1, &six);
    floats(&b, "v", 1, &six, v);
    floats(&b, "w", 1, &six, v);
    floats(&b, "u", 1, &six, u);
    node(&b, "Add", "x,v", "a");
    node(&b, "Mul", "a,w", "b");
    node(&b, "Sub", "b,u", "y");
    optimise(&i, &b, 3);
    assert_int_equal(i.g.nodes[0].in[1], i.g.nodes[1].in[1]);
    for (uint32_t k = 0; k < i.g.nvalues; k++)
        constants += i.g.values[k].kind == INFER__VALUE_CONST;
    assert_int_equal(constants, 2);
    import_free(&i);
    build_end(&b);
}

/* A convolution of weights of u8, with zero points or none, for each channel or for all. */
static void quantised_weights(struct builder *b, uint64_t *seed, int zeros, int64_t scales,
                              int zero_type)
{
    const int64_t dims[4] = {6, 3, 3, 3};
    uint8_t bytes[6 * 27], zero[6];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_bits(seed);
    for (size_t i = 0; i < sizeof zero; i++)
        zero[i] = (uint8_t)(random_bits(seed) % 120);
    frame(b, 21, 4, (int64_t[]){1, 3, 8, 9});
    initializer(b, raw_tensor(b, "w", zero_type, 4, dims, bytes, sizeof bytes));
    random_floats(b, seed, "scale", scales > 1, &scales, 0.001f, 0.01f);
    if (zeros)
        initializer(b, raw_tensor(b, "zero", zero_type, scales > 1, &scales, zero, (size_t)scales));
    attr_int(b, node(b, "DequantizeLinear", zeros ? "w,scale,zero" : "w,scale", "d"), "axis", 0);
    node(b, "Conv", "x,d", "y");
}

static void test_weights_become_s8(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        const int zeros = way & 1;
        const int64_t scales = way & 2 ? 6 : 1;
        struct builder b;
        struct imported i;
        uint64_t seed = seed_of_run();
        quantised_weights(&b, &seed, zeros, scales, ONNX__TENSOR_PROTO__DATA_TYPE__UINT8);
        optimise(&i, &b, 2);
        const struct infer__node *d = only(&i.g, INFER__OP_DEQUANTIZE_LINEAR);
        assert_non_null(d);
        assert_int_equal(d->nin, 3);
        assert_int_equal(i.g.values[d->in[0]].type, INFER_S8);
        assert_string_equal(i.g.values[d->in[0]].name, "w");
        assert_int_equal(i.g.values[d->in[2]].type, INFER_S8);
        assert_int_equal(infer__value_elements(&i.g.values[d->in[2]]), scales);
        if (!zeros)
            assert_int_equal(*(const int8_t *)i.g.values[d->in[2]].data, -128);
        import_free(&i);
        compare(&b, 2, 3 * 8 * 9, 6 * 6 * 7, &seed);
        build_end(&b);
    }
}

/* Weights that are s8 stay, and so do those of u8 that something else reads as well. */
static void test_other_weights_stay(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct builder b;
        struct imported i;
        uint64_t seed = seed_of_run();
        quantised_weights(&b, &seed, 0, 1,
                          way ? ONNX__TENSOR_PROTO__DATA_TYPE__UINT8
                              : ONNX__TENSOR_PROTO__DATA_TYPE__INT8);
        if (way) {
            node(&b, "Neg", "d", "minus");
            output(&b, "minus", FLOAT);
        }
        optimise(&i, &b, way ? 3 : 2);
        const struct infer__node *d = only(&i.g, INFER__OP_DEQUANTIZE_LINEAR);
        assert_non_null(d);
        assert_int_equal(i.g.values[d->in[0]].type, way ? INFER_U8 : INFER_S8);
        assert_int_equal(d->nin, 2);
        import_free(&i);
        build_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_batch_norm),
        cmocka_unit_test(test_names_follow),
        cmocka_unit_test(test_conv_transpose_batch_norm),
        cmocka_unit_test(test_gemm_batch_norm),
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_conv_factors),
        cmocka_unit_test(test_factors_that_stay),
        cmocka_unit_test(test_lone_batch_norm),
        cmocka_unit_test(test_matmul_add),
        cmocka_unit_test(test_noops),
        cmocka_unit_test(test_casts_of_free_shapes),
        cmocka_unit_test(test_reversal_stays),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_shape_arithmetic),
        cmocka_unit_test(test_outputs_keep_names),
        cmocka_unit_test(test_shares_constants),
        cmocka_unit_test(test_weights_become_s8),
        cmocka_unit_test(test_other_weights_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
