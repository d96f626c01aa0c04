/* Parameters that resolving fills in: defaults, automatic padding, axes counted from the front. */
#include <float.h>
#include <math.h>

#include "test_graph.h"

static void check_ints(const int64_t *got, const int64_t *want, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(got[i], want[i]);
}

#define CHECK3(got, a, b, c) check_ints(got, (int64_t[]){a, b, c}, 3)

static void test_window(void **state)
{
    (void)state;
    struct infer__window w =
        resolve_params("Conv", "1x4x9x9 f32; 8x2x3x5 f32",
                       "group=2 strides=2,3 pads=1,2,3,4 dilations=1,2", "1x8x6x3 f32")
            .window;
    CHECK3(w.kernel, 1, 3, 5);
    CHECK3(w.stride, 1, 2, 3);
    CHECK3(w.dilation, 1, 1, 2);
    CHECK3(w.pad_begin, 0, 1, 2);
    CHECK3(w.pad_end, 0, 3, 4);
    assert_int_equal(w.groups, 2);
    assert_int_equal(w.spatial, 2);

    w = resolve_params("Conv", "1x1x9 f32; 1x1x3 f32", "", "1x1x7 f32").window;
    CHECK3(w.kernel, 1, 1, 3);
    CHECK3(w.stride, 1, 1, 1);
    assert_int_equal(w.groups, 1);
    assert_int_equal(w.spatial, 1);

    w = resolve_params("MaxPool", "1x1x8x8x8 f32", "kernel_shape=2,3,4 storage_order=1",
                       "1x1x7x6x5 f32")
            .window;
    CHECK3(w.kernel, 2, 3, 4);
    assert_int_equal(w.storage_order, 1);
    assert_int_equal(w.count_include_pad, 0);
    w = resolve_params("AveragePool", "1x1x8 f32", "kernel_shape=2 count_include_pad=1",
                       "1x1x7 f32")
            .window;
    assert_int_equal(w.count_include_pad, 1);
    w = resolve_params("GlobalAveragePool", "1x1x5x8 f32", "", "1x1x1x1 f32").window;
    CHECK3(w.kernel, 1, 5, 8);
}

static void test_auto_pad(void **state)
{
    (void)state;
    /* 8 in, stride 3: 3 windows span 2 * 3 + 4 = 10, so 2 are added; 7 in: 3 are added. */
    struct infer__window w =
        resolve_params("Conv", "1x1x8x7 f32; 1x1x4x4 f32", "auto_pad=1 strides=3,3", "1x1x3x3 f32")
            .window;
    CHECK3(w.pad_begin, 0, 1, 1);
    CHECK3(w.pad_end, 0, 1, 2);
    w = resolve_params("Conv", "1x1x8x7 f32; 1x1x4x4 f32", "auto_pad=2 strides=3,3", "1x1x3x3 f32")
            .window;
    CHECK3(w.pad_begin, 0, 1, 2);
    CHECK3(w.pad_end, 0, 1, 1);
    /* a stride above the kernel needs none */
    w = resolve_params("MaxPool", "1x1x9 f32", "auto_pad=1 strides=4 kernel_shape=1", "1x1x3 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 0);
    CHECK3(w.pad_end, 0, 0, 0);
    w = resolve_params("MaxPool", "1x1x9 f32", "auto_pad=1 kernel_shape=2 dilations=3", "1x1x9 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 1);
    CHECK3(w.pad_end, 0, 0, 2);
}

static void test_transposed_pads(void **state)
{
    (void)state;
    /* Windows cover 2 * (3 - 1) + 4 = 8; 5 are wanted, 3 are cut: more at the beginning, unless
     * SAME_UPPER. */
    struct infer__window w = resolve_params("ConvTranspose", "1x1x3 f32; 1x1x4 f32",
                                            "strides=2 output_shape=5", "1x1x5 f32")
                                 .window;
    CHECK3(w.pad_begin, 0, 0, 2);
    CHECK3(w.pad_end, 0, 0, 1);
    w = resolve_params("ConvTranspose", "1x1x3 f32; 1x1x4 f32",
                       "strides=2 output_shape=5 auto_pad=1", "1x1x5 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 1);
    CHECK3(w.pad_end, 0, 0, 2);
    w = resolve_params("ConvTranspose", "1x1x3 f32; 1x1x4 f32", "strides=2 auto_pad=2", "1x1x6 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 1);
    CHECK3(w.pad_end, 0, 0, 1);
    w = resolve_params("ConvTranspose", "1x1x3 f32; 1x1x4 f32", "strides=2 output_shape=9",
                       "1x1x9 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 0);
    CHECK3(w.pad_end, 0, 0, 0);
    w = resolve_params("ConvTranspose", "1x4x3 f32; 4x2x4 f32", "group=2 pads=1,2", "1x4x3 f32")
            .window;
    CHECK3(w.pad_begin, 0, 0, 1);
    CHECK3(w.pad_end, 0, 0, 2);
    assert_int_equal(w.groups, 2);
}

static void check_unary(const char *op, const char *attrs, float alpha, float beta)
{
    struct infer__unary u = resolve_params(op, "3 f32", attrs, "3 f32").unary;
    assert_true(u.alpha == alpha);
    assert_true(u.beta == beta);
}

static void test_unary(void **state)
{
    (void)state;
    check_unary("LeakyRelu", "", 0.01f, 0);
    check_unary("LeakyRelu", "alpha=0.5", 0.5f, 0);
    check_unary("Elu", "", 1, 0);
    check_unary("HardSigmoid", "", 0.2f, 0.5f);
    check_unary("HardSigmoid", "alpha=0.125 beta=0.25", 0.125f, 0.25f);
    check_unary("HardSwish", "", 1.0f / 6.0f, 0.5f);
    check_unary("Relu", "", 0, 0);
    check_unary("Clip", "", -INFINITY, INFINITY);
    struct infer__unary u = resolve_params("Clip", "3 f32; - ; scalar f32 = 6", "", "3 f32").unary;
    assert_true(u.alpha == -INFINITY && u.beta == 6);
    u = resolve_params("Clip", "3 f32; 1 f32 = -1.5; scalar f32", "", "3 f32").unary;
    assert_true(u.alpha == -1.5f && u.beta == INFINITY);
}

static void test_matrix_and_norm(void **state)
{
    (void)state;
    struct infer__gemm g = resolve_params("Gemm", "2x3 f32; 3x4 f32", "", "2x4 f32").gemm;
    assert_true(g.alpha == 1 && g.beta == 1);
    assert_true(!g.trans_a && !g.trans_b);
    g = resolve_params("Gemm", "2x3 f32; 4x3 f32", "transB=1 alpha=2 beta=3", "2x4 f32").gemm;
    assert_true(g.alpha == 2 && g.beta == 3);
    assert_true(!g.trans_a && g.trans_b);

    struct infer__norm n =
        resolve_params("BatchNormalization", "2x3 f32; 3 f32; 3 f32; 3 f32; 3 f32", "", "2x3 f32")
            .norm;
    assert_true(n.epsilon == 1e-5f);
    n = resolve_params("LayerNormalization", "2x3x4 f32; 3x4 f32", "axis=-2 epsilon=0.5",
                       "2x3x4 f32")
            .norm;
    assert_true(n.axis == 1 && n.epsilon == 0.5f);
    n = resolve_params("LRN", "1x5x3x3 f32", "size=3", "1x5x3x3 f32").norm;
    assert_true(n.size == 3 && n.alpha == 1e-4f && n.beta == 0.75f && n.bias == 1);
}

static void test_axes(void **state)
{
    (void)state;
    struct infer__axis a = resolve_params("Softmax", "2x3x4 f32", "", "2x3x4 f32").axis;
    assert_true(a.axis == 2 && !a.to_end);
    a = resolve_params("Softmax", "2x3x4 f32", "coerce_2d=1", "2x3x4 f32").axis;
    assert_true(a.axis == 1 && a.to_end);
    a = resolve_params("Concat", "2x3 f32; 2x3 f32", "axis=-2", "4x3 f32").axis;
    assert_int_equal(a.axis, 0);
    a = resolve_params("Split", "2x4 f32", "axis=-1", "2x2 f32; 2x2 f32").axis;
    assert_int_equal(a.axis, 1);
    a = resolve_params("Gather", "2x4 f32; 3 s64", "axis=-1", "2x3 f32").axis;
    assert_int_equal(a.axis, 1);
    a = resolve_params("ArgMax", "2x4 f32", "", "1x4 s64").axis;
    assert_true(a.axis == 0 && a.keepdims && !a.select_last);
    a = resolve_params("ArgMin", "2x4 f32", "axis=-1 keepdims=0 select_last_index=1", "2 s64").axis;
    assert_true(a.axis == 1 && !a.keepdims && a.select_last);
    a = resolve_params("QuantizeLinear", "2x3x4 f32; 3 f32", "", "2x3x4 u8").axis;
    assert_int_equal(a.axis, 1);
    a = resolve_params("DequantizeLinear", "2x3x4 s8; 4 f32", "axis=-1", "2x3x4 f32").axis;
    assert_int_equal(a.axis, 2);

    struct infer__reduce r = resolve_params("ReduceSum", "2x3x4 f32", "", "1x1x1 f32").reduce;
    assert_true(r.axes == 7 && r.keepdims);
    r = resolve_params("ReduceSum", "2x3x4 f32; 2 s64 = -1,0", "keepdims=0", "3 f32").reduce;
    assert_true(r.axes == 5 && !r.keepdims);
    r = resolve_params("ReduceSum", "2x3x4 f32", "noop_with_empty_axes=1", "2x3x4 f32").reduce;
    assert_int_equal(r.axes, 0);
}

static void check_slice(const char *in, const char *out, int64_t start, int64_t step)
{
    struct infer__slice s = resolve_params("Slice", in, "", out).slice;
    assert_int_equal(s.start[0], start);
    assert_int_equal(s.step[0], step);
    assert_int_equal(s.start[1], 0);
    assert_int_equal(s.step[1], 1);
}

static void test_slice(void **state)
{
    (void)state;
    check_slice("10x2 f32; 1 s64 = 2; 1 s64 = 7; - ; 1 s64 = 2", "3x2 f32", 2, 2);
    check_slice("10x2 f32; 1 s64 = -3; 1 s64 = 99", "3x2 f32", 7, 1);
    check_slice("10x2 f32; 1 s64 = 99; 1 s64 = -99; - ; 1 s64 = -4", "3x2 f32", 9, -4);
    check_slice("10x2 f32; 1 s64 = 99; 1 s64 = 99; - ; 1 s64 = 4", "0x2 f32", 0, 4);
    check_slice("10x2 f32; 1 s64 = 3; 1 s64 = 99; 1 s64 = 0; 1 s64 = 9223372036854775807",
                "1x2 f32", 3, 10);
}

/* Every slice of a small axis, compared with ONNX's rule spelt out by counting. (NumPy differs:
 * with a negative step it takes nothing where the start lies before the axis.) */
static void test_slice_exhaustive(void **state)
{
    (void)state;
    for (int size = 0; size <= 5; size++)
        for (int start = -7; start <= 7; start++)
            for (int end = -7; end <= 7; end++)
                for (int step = -3; step <= 3; step++) {
                    char in[128], out[32];
                    int count = 0, first = 0;
                    int s = start < 0 ? start + size : start, e = end < 0 ? end + size : end;
                    if (!step)
                        continue;
                    for (int k = 0; k < size; k++) {
                        int from = s < 0 ? 0 : step < 0 && s > size - 1 ? size - 1 : s;
                        int at = from + k * step;
                        if (at < 0 || at >= size || (step > 0 ? at >= e : at <= e))
                            break;
                        first = k ? first : at;
                        count++;
                    }
                    snprintf(in, sizeof in, "%d f32; 1 s64 = %d; 1 s64 = %d; - ; 1 s64 = %d", size,
                             start, end, step);
                    snprintf(out, sizeof out, "%d f32", count);
                    struct infer__slice p = resolve_params("Slice", in, "", out).slice;
                    assert_int_equal(p.start[0], first);
                }
}

static void test_moves(void **state)
{
    (void)state;
    struct infer__pad p = resolve_params("Pad", "4x5 f32; 4 s64 = 1,-2,3,0", "", "8x3 f32").pad;
    assert_true(p.begin[0] == 1 && p.begin[1] == -2 && p.end[0] == 3 && p.end[1] == 0);
    assert_int_equal(p.mode, INFER__PAD_CONSTANT);
    p = resolve_params("Pad", "4x5 f32; 2 s64 = 1,2; - ; 1 s64 = -1", "mode=2", "4x8 f32").pad;
    assert_true(p.begin[0] == 0 && p.begin[1] == 1 && p.end[0] == 0 && p.end[1] == 2);
    assert_int_equal(p.mode, INFER__PAD_EDGE);

    struct infer__transpose t = resolve_params("Transpose", "2x3x4 f32", "", "4x3x2 f32").transpose;
    assert_true(t.perm[0] == 2 && t.perm[1] == 1 && t.perm[2] == 0);
    t = resolve_params("Transpose", "2x3x4 f32", "perm=0,2,1", "2x4x3 f32").transpose;
    assert_true(t.perm[0] == 0 && t.perm[1] == 2 && t.perm[2] == 1);

    struct infer__d2s d =
        resolve_params("DepthToSpace", "1x4x1x1 f32", "blocksize=2", "1x1x2x2 f32").d2s;
    assert_true(d.block == 2 && d.mode == INFER__DCR);
    d = resolve_params("DepthToSpace", "1x4x1x1 f32", "blocksize=2 mode=1", "1x1x2x2 f32").d2s;
    assert_int_equal(d.mode, INFER__CRD);

    struct infer__shape_range s = resolve_params("Shape", "2x3x4 f32", "start=-2", "2 s64").shape;
    assert_true(s.start == 1 && s.end == 3);
    s = resolve_params("Shape", "2x3x4 f32", "start=5 end=-9", "0 s64").shape;
    assert_true(s.start == 3 && s.end == 3);
}

static void test_resize(void **state)
{
    (void)state;
    struct infer__resize r =
        resolve_params("Resize", "1x1x4x6 f32; - ; 4 f32 = 1,1,0.7,2", "", "1x1x2x12 f32").resize;
    assert_true(r.scale[0] == 1 && r.scale[1] == 1 && r.scale[2] == 0.7f && r.scale[3] == 2);
    assert_true(r.mode == INFER__NEAREST && r.coordinate == INFER__HALF_PIXEL &&
                r.nearest == INFER__ROUND_PREFER_FLOOR);
    assert_true(r.cubic_a == -0.75f && r.extrapolation == 0);
    assert_true(!r.exclude_outside && !r.antialias);
    assert_true(r.roi_begin[3] == 0 && r.roi_end[3] == 1);

    r = resolve_params("Resize", "1x1x4x6 f32; - ; - ; 2 s64 = 3,3",
                       "axes=3,2 mode=2 coordinate_transformation_mode=2 cubic_coeff_a=-0.5 "
                       "exclude_outside=1",
                       "1x1x3x3 f32")
            .resize;
    assert_true(r.scale[2] == 0.75f && r.scale[3] == 0.5f && r.scale[0] == 1);
    assert_true(r.mode == INFER__CUBIC && r.coordinate == INFER__ALIGN_CORNERS);
    assert_true(r.cubic_a == -0.5f && r.exclude_outside);

    /* one scale for both axes; 5 * 8/6 = 6.67 is rounded */
    r = resolve_params("Resize", "5x6 f32; - ; - ; 2 s64 = 20,8", "keep_aspect_ratio_policy=1",
                       "7x8 f32")
            .resize;
    assert_true(r.scale[0] == r.scale[1] && r.scale[0] == (float)(8.0 / 6.0));

    r = resolve_params("Resize", "1x4x4 f32; 4 f32 = 0.25,0.5,0.75,1; - ; 2 s64 = 3,3",
                       "axes=1,2 coordinate_transformation_mode=4 extrapolation_value=10",
                       "1x3x3 f32")
            .resize;
    assert_true(r.roi_begin[0] == 0 && r.roi_begin[1] == 0.25f && r.roi_begin[2] == 0.5f);
    assert_true(r.roi_end[0] == 1 && r.roi_end[1] == 0.75f && r.roi_end[2] == 1);
    assert_true(r.extrapolation == 10);
}

/* A tensor of exactly the limit passes, one byte more does not; for inputs as for outputs. */
static void test_limit(void **state)
{
    (void)state;
    union infer__params p;
    struct fixture f;
    fixture_init(&f);
    const struct infer__node *n = build_node(&f, "Add", "1x10 f32; 10x1 f32", "", 1, 0);
    assert_int_equal(infer__resolve_node(&f.g, n, 400, &p, &f.err), INFER_OK);
    assert_int_equal(infer__resolve_node(&f.g, n, 399, &p, &f.err), INFER_ERROR_LIMIT);
    assert_non_null(strstr(f.err.message, "output 0, 10x10 f32"));
    assert_int_equal(infer__resolve_node(&f.g, n, 39, &p, &f.err), INFER_ERROR_LIMIT);
    assert_non_null(strstr(f.err.message, "input 0, 1x10 f32"));
    fixture_free(&f);
}

/* What the sentence says where the status alone would not tell. */
static void test_messages(void **state)
{
    (void)state;
    static const struct {
        struct resolve_row row;
        const char *message;
    } cases[] = {
        {{"Cast", "2 f32", "", "!FORMAT"}, "Cast: attribute 'to' is missing"},
        {{"LRN", "1x5x3x3 f32", "", "!FORMAT"}, "LRN: attribute 'size' is missing"},
        {{"DepthToSpace", "1x8x2x3 f32", "", "!FORMAT"}, "attribute 'blocksize' is missing"},
        {{"SpaceToDepth", "1x8x2x4 f32", "", "!FORMAT"}, "attribute 'blocksize' is missing"},
        {{"Split", "2 u8", "", "!SHAPE 4"}, "axis 0, of 2, can't be split into 4 parts"},
        {{"Resize", "4x4 f32; - ; - ; 3 s64 = 4,4,4", "axes=0,1,2", "!SHAPE"},
         "3 axes are named, the input has 2"},
        {{"Reshape", "2x12 f32; 3 s64 = 2,12,0", "", "!SHAPE"},
         "the shape copies axis 2 of an input of rank 2"},
        {{"Reshape", "0x3 f32; 2 s64 = 0,-1", "allowzero=1", "!SHAPE"}, "'allowzero' rules out"},
        {{"Reshape", "2x3 f32; 1 s64", "", "!NEED_VALUE"}, "the value of input 1 ('operand')"},
        {{"Relu", "2 u8", "", "!UNSUPPORTED"}, "input 0 is u8, it can be: f32 f64 s8 s16 s32 s64"},
        {{"Conv", "1x3x8x8 f32; 4x2x3x3 f32", "", "!SHAPE"},
         "the input has 3 channels, the weights want 2 in each of 1 groups"},
        {{"Add", "2x3 f32; 4 f32", "", "!SHAPE"},
         "input 1, 4 f32, can't be broadcast with 2x3 f32"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        resolve_row_in(&f, &cases[i].row);
        if (!strstr(f.err.message, cases[i].message))
            fail_msg("'%s' does not say '%s'", f.err.message, cases[i].message);
        fixture_free(&f);
    }
}

/* What the importer or the plan could get wrong, as they build nodes that nobody has verified. */
static void test_bad_node(void **state)
{
    (void)state;
    union infer__params p;
    struct fixture f;
    fixture_init(&f);
    struct infer__node *n = build_node(&f, "Relu", "2x3 f32", "", 1, 0);
    int64_t dims[2] = {2, -1};
    struct infer__resolve r = {
        .g = &f.g, .node = n, .params = &p, .err = &f.err, .max_tensor_bytes = 1000};
    assert_int_equal(infer__resolve_out(&r, 0, INFER_F32, 2, dims), INFER_ERROR_SHAPE);
    assert_int_equal(infer__resolve_out(&r, 0, INFER_F32, -1, dims), INFER_ERROR_UNSUPPORTED);
    assert_int_equal(infer__resolve_out(&r, 1, INFER_F32, 2, dims), INFER_OK); /* there is none */
    n->nout = 0;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_ERROR_FORMAT);
    n->nout = 1;
    n->op = INFER__OP_NONE;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_ERROR_UNSUPPORTED);
    n->op = INFER__OP_COUNT;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_ERROR_UNSUPPORTED);
    fixture_free(&f);

    fixture_init(&f); /* a window beyond 2^31, whatever the limit */
    n = build_node(&f, "Conv", "1x1x4294967296 f32; 1x1x4294967296 f32", "", 1, 0);
    assert_int_equal(infer__resolve_node(&f.g, n, UINT64_MAX, &p, &f.err), INFER_ERROR_LIMIT);
    fixture_free(&f);
}

/* Resolving twice with other shapes gives the second's; an input that has no shape is a bug of
 * the caller. */
static void test_again(void **state)
{
    (void)state;
    union infer__params p;
    struct fixture f;
    fixture_init(&f);
    const struct infer__node *n = build_node(&f, "Relu", "2x3 f32", "", 1, 0);
    struct infer__value *x = &f.g.values[n->in[0]], *y = &f.g.values[n->out[0]];
    y->free_dims = 1;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_OK);
    assert_int_equal(y->free_dims, 0);
    x->rank = 1;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_OK);
    assert_int_equal(y->rank, 1);
    assert_int_equal(y->dims[1], 0);
    x->shaped = 0;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_ERROR_INTERNAL);
    x->shaped = 1;
    x->type = INFER_TYPE_NONE;
    assert_int_equal(infer__resolve_node(&f.g, n, 1000, &p, &f.err), INFER_ERROR_INTERNAL);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),          cmocka_unit_test(test_auto_pad),
        cmocka_unit_test(test_transposed_pads), cmocka_unit_test(test_unary),
        cmocka_unit_test(test_matrix_and_norm), cmocka_unit_test(test_axes),
        cmocka_unit_test(test_slice),           cmocka_unit_test(test_slice_exhaustive),
        cmocka_unit_test(test_moves),           cmocka_unit_test(test_resize),
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bad_node),        cmocka_unit_test(test_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
