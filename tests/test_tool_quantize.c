/* The quantiser: ranges, rounding, where pairs of nodes stand, equalisation, bias correction, the
 * ONNX export of what comes of it, and the command's messages. */
#include "tests/onnx_model.h"
#include "tool_run.h"

#include <math.h>

#include "tools/onnx/onnx_export.h"
#include "tools/quantize/quantize.h"

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT

static uint64_t seed;

static float uniform(float lo, float hi)
{
    return random_float(&seed, lo, hi);
}

/* Roughly normal. */
static float bell(void)
{
    float sum = 0;
    for (int i = 0; i < 12; i++)
        sum += uniform(-0.5f, 0.5f);
    return sum;
}

/* ---- ranges --------------------------------------------------------------------------------- */

static void test_params(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        float size = expf(uniform(-30, 30));
        struct range r = {uniform(-1, 1) * size, 0};
        r.hi = r.lo + uniform(0, 2) * size;
        struct quant_params p = params_u8(r);
        assert_true(p.scale > 0 && p.zero >= 0 && p.zero <= 255);
        assert_int_equal(quantize_u8(p, 0), p.zero); /* 0 is exact */
        float lo = fminf(r.lo, 0), hi = fmaxf(r.hi, 0);
        for (int k = 0; k <= 20; k++) {
            float x = lo + (hi - lo) * (float)k / 20;
            float back = (float)(quantize_u8(p, x) - p.zero) * p.scale;
            /* the zero point's own rounding costs up to half a step at the ends */
            assert_true(fabsf(back - x) <= 1.001f * p.scale);
            float d = x - back;
            assert_true(fabs(params_error(p, &x, 1) - (double)d * (double)d) <=
                        1e-3 * (double)(p.scale * p.scale));
        }
        assert_int_equal(quantize_u8(p, INFINITY), 255);
        assert_int_equal(quantize_u8(p, -INFINITY), 0);
        assert_int_equal(quantize_u8(p, NAN), p.zero);
    }
    struct quant_params none = params_u8((struct range){0, 0});
    assert_true(none.scale == 1 && none.zero == 0);
}

static struct histogram filled(const float *x, size_t n)
{
    struct histogram h = {.lo = 0};
    struct range r = {INFINITY, -INFINITY};
    range_add(&r, x, n);
    h.lo = r.lo;
    h.hi = r.hi;
    histogram_add(&h, x, n);
    return h;
}

/* Many values near 0 and two far away: percentile and entropy leave those out, and the method that
 * looks for the least squared error has no more of it than all of the range. */
static void test_methods(void **state)
{
    (void)state;
    enum { N = 200000 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < N; i++)
        x[i] = bell();
    x[7] = 90;
    x[8] = -60;
    struct histogram h = filled(x, N);
    assert_int_equal(h.total, N);
    struct range all = range_choose(&h, CALIBRATE_MINMAX);
    assert_true(all.lo == -60 && all.hi == 90);
    double worst = params_error(params_u8(all), x, N);
    for (int m = 1; m < CALIBRATE_METHODS; m++) {
        struct range r = range_choose(&h, m);
        assert_true(r.lo >= all.lo && r.hi <= all.hi && r.lo < 0 && r.hi > 0);
        if (m == CALIBRATE_MSE)
            assert_true(params_error(params_u8(r), x, N) <= 1.001 * worst);
        else
            assert_true(r.hi < 60 && r.lo > -50);
    }
    struct range p = range_choose(&h, CALIBRATE_PERCENTILE);
    size_t outside = 0;
    for (size_t i = 0; i < N; i++)
        outside += x[i] < p.lo || x[i] > p.hi;
    assert_true(outside <= 2 * N / 10000 && outside >= 2);
    /* nothing below 0: nothing is cut there */
    for (size_t i = 0; i < N; i++)
        x[i] = fabsf(x[i]);
    h = filled(x, N);
    for (int m = 0; m < CALIBRATE_METHODS; m++)
        assert_true(params_u8(range_choose(&h, m)).zero == 0);
    /* one value only */
    for (size_t i = 0; i < N; i++)
        x[i] = 3;
    h = filled(x, N);
    for (int m = 0; m < CALIBRATE_METHODS; m++)
        assert_true(quantize_u8(params_u8(range_choose(&h, m)), 3) == 255);
    free(x);
}

static void test_weights(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        float w[2 * 5 * 3], bias[5], scales[5], x_scale = expf(uniform(-8, 4));
        int8_t q[30];
        int32_t b[5];
        for (int i = 0; i < 30; i++)
            w[i] = i / 3 % 5 == 2 ? 0 : uniform(-1, 1) * expf(uniform(-20, 5));
        for (int i = 0; i < 5; i++)
            bias[i] = uniform(-1, 1) * expf(uniform(-20, 20));
        quant_weight_scales(w, 2, 5, 3, bias, x_scale, scales);
        quant_weights_s8(w, 2, 5, 3, scales, q);
        quant_bias_s32(bias, 5, x_scale, scales, b);
        for (int i = 0; i < 30; i++) {
            float s = scales[i / 3 % 5];
            assert_true(s > 0 && q[i] >= -127);
            assert_true(fabsf(w[i] - (float)q[i] * s) <= 0.5001f * s);
        }
        for (int c = 0; c < 5; c++) {
            double step = (double)x_scale * (double)scales[c];
            assert_true(b[c] <= 1 << 30 && b[c] >= -(1 << 30));
            if (abs(b[c]) < 1 << 30)
                assert_true(fabs((double)bias[c] - b[c] * step) <= 0.5001 * step);
        }
    }
}

/* ---- a small network ------------------------------------------------------------------------ */

enum { SAMPLES = 12, INPUT = 3 * 12 * 12, CLASSES = 5 };

struct net {
    struct builder b;
    struct imported i;
    struct quantiser q;
};

/* Weights of which some output channels are much smaller than others. */
static void weights(struct builder *b, const char *name, size_t rank, const int64_t *dims,
                    int uneven)
{
    int64_t n = 1;
    for (size_t k = 0; k < rank; k++)
        n *= dims[k];
    float *v = take(b, (size_t)n, sizeof *v);
    for (int64_t k = 0; k < n; k++)
        v[k] = 0.4f * bell() * (uneven ? expf(-0.7f * (float)(k / (n / dims[0]) % 6)) : 1);
    floats(b, name, rank, dims, v);
}

static void conv(struct builder *b, const char *in, const char *name, const char *to,
                 const int64_t dims[4], int64_t group, int uneven)
{
    char list[64], bias[16];
    snprintf(bias, sizeof bias, "%s_b", name);
    snprintf(list, sizeof list, "%s,%s,%s", in, name, bias);
    weights(b, name, 4, dims, uneven);
    weights(b, bias, 1, dims, 0);
    Onnx__NodeProto *n = node(b, "Conv", list, to);
    n->name = text(b, name, strlen(name));
    if (group > 1)
        attr_int(b, n, "group", group);
    if (dims[2] == 3)
        attr_ints(b, n, "pads", (int64_t[]){1, 1, 1, 1}, 4);
}

static void named_node(struct builder *b, const char *op, const char *in, const char *to)
{
    Onnx__NodeProto *n = node(b, op, in, to);
    n->name = text(b, to, strlen(to));
}

static void make_net(struct net *t)
{
    struct builder *b = &t->b;
    const float zero = 0, six = 6;
    memset(t, 0, sizeof *t);
    frame(b, 13, 4, (int64_t[]){-1, 3, 12, 12});
    floats(b, "zero", 0, NULL, &zero);
    floats(b, "six", 0, NULL, &six);
    conv(b, "x", "first", "a", (int64_t[]){8, 3, 3, 3}, 1, 1);
    named_node(b, "Relu", "a", "r");
    conv(b, "r", "deep", "c", (int64_t[]){8, 1, 3, 3}, 8, 1);
    named_node(b, "Clip", "c,zero,six", "d");
    conv(b, "d", "point", "e", (int64_t[]){8, 8, 1, 1}, 1, 0);
    named_node(b, "Add", "e,r", "s");
    conv(b, "s", "gated", "f", (int64_t[]){6, 8, 1, 1}, 1, 0);
    named_node(b, "Sigmoid", "f", "g");
    named_node(b, "Mul", "f,g", "h");
    Onnx__NodeProto *pool = node(b, "MaxPool", "h", "i");
    pool->name = text(b, "i", 1);
    attr_ints(b, pool, "kernel_shape", (int64_t[]){2, 2}, 2);
    attr_ints(b, pool, "strides", (int64_t[]){2, 2}, 2);
    named_node(b, "GlobalAveragePool", "i", "j");
    named_node(b, "Flatten", "j", "k");
    weights(b, "dense", 2, (int64_t[]){CLASSES, 6}, 0);
    weights(b, "dense_b", 1, (int64_t[]){CLASSES}, 0);
    Onnx__NodeProto *gemm = node(b, "Gemm", "k,dense,dense_b", "l");
    gemm->name = text(b, "l", 1);
    attr_int(b, gemm, "transB", 1);
    named_node(b, "Softmax", "l", "y");
    import_model(&t->i, b);
    assert_int_equal(t->i.status, INFER_OK);
    assert_int_equal(onnx_optimise(&t->i.g, UINT64_C(1) << 30, &t->i.err), INFER_OK);

    struct samples *s = &t->q.samples;
    s->items = calloc(SAMPLES, sizeof *s->items);
    assert_non_null(s->items);
    s->count = s->ncalibration = SAMPLES;
    s->spec = (infer_input_spec){.name = "x", .rank = 4, .dims = {1, 3, 12, 12}};
    s->tensor = (infer_tensor){
        .type = INFER_F32, .rank = 4, .dims = {1, 3, 12, 12}, .bytes = INPUT * sizeof(float)};
    for (int i = 0; i < SAMPLES; i++) {
        float *x = s->items[i].data = malloc(INPUT * sizeof *x);
        assert_non_null(x);
        for (int k = 0; k < INPUT; k++)
            x[k] = bell() + (float)(k / 144);
        s->items[i].truth = -1;
    }
    infer__region_init(&t->q.region, NULL);
    t->q.options.threads = 1;
    t->q.options.max_drop = -1;
    t->q.options.calibration = CALIBRATE_AUTO;
    t->q.classifier = 1;
    assert_int_equal(quant_begin(&t->q, &t->i.g, &t->i.err), INFER_OK);
}

static void free_net(struct net *t)
{
    quant_end(&t->q);
    import_free(&t->i);
    build_end(&t->b);
}

#define FINE(t, call) assert_int_equal((call), INFER_OK)

/* The node that has a name in the model. */
static uint32_t at(const struct net *t, const char *name)
{
    for (uint32_t i = 0; i < t->q.graph.nnodes; i++)
        if (strcmp(t->q.graph.nodes[i].name, name) == 0)
            return i;
    fail_msg("no node '%s'", name);
    return 0;
}

/* ---- placement ------------------------------------------------------------------------------ */

static void test_place(void **state)
{
    (void)state;
    static const struct {
        const char *node;
        int kind;
    } want[] = {{"first", QUANT_DENSE}, {"r", QUANT_INNER},  {"deep", QUANT_DENSE},
                {"d", QUANT_INNER},     {"s", QUANT_BINARY}, {"g", QUANT_INNER},
                {"h", QUANT_TABLE},     {"i", QUANT_MOVE},   {"j", QUANT_POOL},
                {"k", QUANT_MOVE},      {"l", QUANT_DENSE},  {"y", QUANT_FLOAT}};
    struct net t;
    make_net(&t);
    quant_place(&t.q);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        if (t.q.nodes[at(&t, want[i].node)].kind != want[i].kind)
            fail_msg("%s is %s", want[i].node,
                     quant_kind_name(t.q.nodes[at(&t, want[i].node)].kind));
    /* Relu's result is what becomes integers, not the convolution's; MaxPool shares its operand's
     * scale; the last layer's result stays float */
    const struct infer__graph *g = &t.q.graph;
    assert_false(t.q.tensors[g->nodes[at(&t, "first")].out[0]].integer);
    assert_true(t.q.tensors[g->nodes[at(&t, "r")].out[0]].integer);
    assert_int_equal(t.q.tensors[g->nodes[at(&t, "i")].out[0]].root, g->nodes[at(&t, "h")].out[0]);
    assert_false(t.q.tensors[g->nodes[at(&t, "l")].out[0]].integer);

    /* a convolution in float takes what it feeds alone along */
    quant_put_back(&t.q, at(&t, "gated"), "for the test");
    quant_place(&t.q);
    assert_int_equal(t.q.nodes[at(&t, "gated")].kind, QUANT_FLOAT);
    assert_int_equal(t.q.nodes[at(&t, "h")].kind, QUANT_FLOAT);
    assert_int_equal(t.q.nodes[at(&t, "j")].kind, QUANT_FLOAT);
    assert_int_equal(t.q.nodes[at(&t, "l")].kind, QUANT_DENSE);
    assert_string_equal(t.q.nodes[at(&t, "gated")].reason, "for the test");
    quant_put_back(&t.q, at(&t, "gated"), NULL);
    quant_place(&t.q);
    assert_int_equal(t.q.nodes[at(&t, "h")].kind, QUANT_TABLE);
    free_net(&t);
}

static void count_pairs(const struct infer__graph *g, int count[3])
{
    memset(count, 0, 3 * sizeof *count);
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        count[0] += n->op == INFER__OP_QUANTIZE_LINEAR;
        count[1] += n->op == INFER__OP_DEQUANTIZE_LINEAR;
        count[2] += n->op == INFER__OP_DEQUANTIZE_LINEAR &&
                    g->values[n->in[0]].kind == INFER__VALUE_CONST &&
                    g->values[n->in[0]].type == INFER_S8;
    }
}

static void test_emit(void **state)
{
    (void)state;
    struct net t;
    struct quant_emitted e;
    int count[3];
    make_net(&t);
    quant_place(&t.q);
    FINE(&t, quant_calibrate(&t.q, &t.i.err));
    FINE(&t, quant_emit(&t.q, QUANT_FINAL, &t.q.region, &e, &t.i.err));
    FINE(&t, infer__graph_verify(&e.graph, &t.i.err));
    count_pairs(&e.graph, count);
    /* x, r, d, e, s, f, h, i, j, k; five weights and biases behind a node of their own */
    assert_int_equal(count[0], 10);
    assert_int_equal(count[2], 5);
    assert_int_equal(count[1], 10 + 2 * 5);

    float y[CLASSES], z[CLASSES];
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        run_graph(&t.i.g, t.q.samples.items[i].data, INPUT, y, CLASSES);
        run_graph(&e.graph, t.q.samples.items[i].data, INPUT, z, CLASSES);
        for (int k = 0; k < CLASSES; k++)
            worst = fmax(worst, fabs((double)y[k] - (double)z[k]));
    }
    assert_true(worst > 0 && worst < 0.1);
    FINE(&t, quant_measure_alone(&t.q, &t.i.err));
    FINE(&t, quant_measure_whole(&t.q, &t.i.err));
    for (uint32_t i = 0; i < t.q.graph.nnodes; i++)
        if (t.q.nodes[i].kind == QUANT_DENSE) {
            assert_true(t.q.nodes[i].alone_snr > 25 && t.q.nodes[i].snr > 15);
            assert_true(t.q.nodes[i].alone_cosine > 0.998 && t.q.nodes[i].alone_cosine <= 1.00001);
        }
    free_net(&t);
}

/* ---- equalisation and bias correction ------------------------------------------------------- */

static void test_equalise(void **state)
{
    (void)state;
    struct net t;
    make_net(&t);
    float y[SAMPLES][CLASSES], z[CLASSES];
    uint32_t w = t.q.graph.nodes[at(&t, "first")].in[1];
    const void *before = t.q.graph.values[w].data;
    for (int i = 0; i < SAMPLES; i++)
        run_graph(&t.q.graph, t.q.samples.items[i].data, INPUT, y[i], CLASSES);
    FINE(&t, quant_equalise(&t.q, &t.i.err));
    assert_true(t.q.equalised >= 2);
    assert_true(t.q.graph.values[w].data != before);
    assert_true(memcmp(t.q.graph.values[w].data, before, 8 * 27 * sizeof(float)) != 0);
    for (int i = 0; i < SAMPLES; i++) {
        run_graph(&t.q.graph, t.q.samples.items[i].data, INPUT, z, CLASSES);
        for (int k = 0; k < CLASSES; k++)
            if (!(fabsf(z[k] - y[i][k]) <= 1e-4f))
                fail_msg("sample %d, class %d: %g, not %g", i, k, (double)z[k], (double)y[i][k]);
    }
    free_net(&t);
}

struct mean_error {
    double sum[8];
};

static void add_errors(void *ctx, uint32_t sample, uint32_t group, const infer_tensor *x)
{
    struct mean_error *m = ctx;
    const float *f = x[0].data, *q = x[1].data;
    (void)sample;
    (void)group;
    for (int c = 0; c < 8; c++)
        for (int i = 0; i < 144; i++)
            m->sum[c] += ((double)q[c * 144 + i] - (double)f[c * 144 + i]) / 144 / SAMPLES;
}

/* Root of the mean squared mean error of the channels of `point`, before its activation. */
static double channel_error(struct net *t)
{
    struct quant_emitted e;
    struct mean_error m = {{0}};
    uint32_t v = t->q.graph.nodes[at(t, "point")].out[0], points[2];
    FINE(t, quant_emit(&t->q, QUANT_ALONE, &t->q.region, &e, &t->i.err));
    points[0] = v;
    points[1] = e.raw[v];
    struct capture c = {.graph = &e.graph,
                        .points = points,
                        .npoints = 2,
                        .group = 2,
                        .samples = &t->q.samples,
                        .count = SAMPLES,
                        .step = 1,
                        .threads = 1,
                        .fn = add_errors,
                        .ctx = &m};
    FINE(t, capture_run(&c, &t->i.err));
    double sum = 0;
    for (int i = 0; i < 8; i++)
        sum += m.sum[i] * m.sum[i] / 8;
    return sqrt(sum);
}

static void test_bias(void **state)
{
    (void)state;
    struct net t;
    make_net(&t);
    quant_place(&t.q);
    FINE(&t, quant_calibrate(&t.q, &t.i.err));
    double before = channel_error(&t);
    FINE(&t, quant_correct(&t.q, &t.i.err));
    double after = channel_error(&t);
    assert_int_equal(t.q.corrected, 5);
    assert_true(before > 0);
    assert_true(after < 0.2 * before);
    free_net(&t);
}

/* ---- the search ----------------------------------------------------------------------------- */

/* No drop at all is allowed, and one layer is made bad: what is left must be within the drop. */
static void test_search(void **state)
{
    (void)state;
    struct net t;
    make_net(&t);
    t.q.classifier = 0; /* the drop is that of the cosine, which is never 0 in int8 */
    quant_place(&t.q);
    FINE(&t, quant_calibrate(&t.q, &t.i.err));
    struct quant_score score;
    FINE(&t, quant_evaluate(&t.q, &score, &t.i.err));
    double drop = quant_drop(&score);
    assert_true(drop > 0);
    t.q.options.max_drop = 0.7 * drop;
    FINE(&t, quant_search(&t.q, &t.i.err));
    assert_true(quant_drop(&t.q.score) <= 0.7 * drop);
    uint32_t floats_now = 0, dense = 0;
    for (uint32_t i = 0; i < t.q.graph.nnodes; i++) {
        floats_now += t.q.nodes[i].keep_float;
        dense += t.q.nodes[i].kind == QUANT_DENSE;
    }
    assert_true(floats_now > 0 && dense > 0 && t.q.ntries > 0);
    free_net(&t);
}

/* ---- export --------------------------------------------------------------------------------- */

static void test_export(void **state)
{
    (void)state;
    struct net t;
    struct imported back;
    infer_model *loaded;
    void *bytes, *onnx;
    size_t size, onnx_size;
    float y[CLASSES], z[CLASSES];
    infer_allocator a = infer__allocator(NULL);
    infer_model none = {.nsections = 0};
    make_net(&t);
    quant_place(&t.q);
    FINE(&t, quant_calibrate(&t.q, &t.i.err));
    FINE(&t, quant_file(&t.q, &none, NULL, &bytes, &size, &t.i.err));
    FINE(&t, infer_load_memory(bytes, size, NULL, &loaded, &t.i.err));
    FINE(&t, onnx_export(loaded, &onnx, &onnx_size, &t.i.err));
    import_bytes(&back, onnx, onnx_size, NULL, NULL);
    assert_int_equal(back.status, INFER_OK);
    assert_string_equal(back.g.values[back.g.inputs[0]].name, "x");
    assert_string_equal(back.g.values[back.g.outputs[0]].name, "y");
    assert_int_equal(back.g.nnodes, loaded->graph.nnodes);
    assert_int_equal(back.g.values[back.g.inputs[0]].free_dims, 1);
    for (int i = 0; i < SAMPLES; i++) {
        run_graph(&loaded->graph, t.q.samples.items[i].data, INPUT, y, CLASSES);
        run_graph(&back.g, t.q.samples.items[i].data, INPUT, z, CLASSES);
        assert_memory_equal(y, z, sizeof y);
    }
    import_free(&back);
    infer_model_free(&loaded);
    infer__free(&a, onnx);
    infer__free(&a, bytes);
    free_net(&t);
}

/* Words, lists, numbers, absent operands, softmax of the old kind. */
static void test_export_forms(void **state)
{
    (void)state;
    struct builder b;
    struct imported i, back;
    float x[2 * 4 * 4], y[128], z[128];
    const float scales[4] = {1, 1, 2, 2};
    frame(&b, 11, 4, (int64_t[]){1, 2, 4, 4});
    floats(&b, "roi", 1, (int64_t[]){0}, scales);
    floats(&b, "scales", 1, (int64_t[]){4}, scales);
    const float six = 6;
    floats(&b, "six", 0, NULL, &six);
    Onnx__NodeProto *n = node(&b, "Resize", "x,roi,scales", "a");
    attr_string(&b, n, "mode", "linear");
    attr_string(&b, n, "coordinate_transformation_mode", "align_corners");
    node(&b, "Clip", "a,,six", "b");
    n = node(&b, "Softmax", "b", "c");
    attr_int(&b, n, "axis", 2);
    n = node(&b, "LeakyRelu", "c", "d");
    attr_float(&b, n, "alpha", 0.25f);
    n = node(&b, "Transpose", "d", "y");
    attr_ints(&b, n, "perm", (int64_t[]){0, 2, 3, 1}, 4);
    import_model(&i, &b);
    assert_int_equal(i.status, INFER_OK);

    infer_model m = {
        .allocator = infer__allocator(NULL), .graph = i.g, .max_tensor_bytes = UINT64_C(1) << 30};
    assert_int_equal(infer__store_create(&m.allocator, &m.store, &i.err), INFER_OK);
    void *bytes;
    size_t size;
    assert_int_equal(onnx_export(&m, &bytes, &size, &i.err), INFER_OK);
    import_bytes(&back, bytes, size, NULL, NULL);
    assert_int_equal(back.status, INFER_OK);
    assert_int_equal(infer__node_int(only(&back.g, INFER__OP_RESIZE), INFER__ATTR_MODE, 0), 1);
    for (int k = 0; k < 32; k++)
        x[k] = uniform(-8, 8);
    run_graph(&i.g, x, 32, y, 128);
    run_graph(&back.g, x, 32, z, 128);
    for (int k = 0; k < 128; k++)
        assert_true(fabsf(y[k] - z[k]) <= 1e-6f);
    import_free(&back);
    import_free(&i);
    build_end(&b);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    infer__store_free(m.store);
}

/* ---- the commands --------------------------------------------------------------------------- */

static void test_command(void **state)
{
    (void)state;
    char int8[64], again[64];
    snprintf(int8, sizeof int8, "%s/int8.infer", folder);
    snprintf(again, sizeof again, "%s/again.infer", folder);
    assert_int_equal(run(cmd_quantize, "quantize", model, "-o", int8, NULL), CLI_USAGE);
    assert_non_null(strstr(err_text, "--images"));
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", PICTURES, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", PICTURES, "-o", model, NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", "/none", "-o", int8, NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(
        run(cmd_quantize, "quantize", SIGNS "signs.onnx", "--images", PICTURES, "-o", int8, NULL),
        CLI_USAGE);
    assert_non_null(strstr(err_text, "--resize"));
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", PICTURES, "-o", int8,
                         "--calibration", "best", NULL),
                     CLI_USAGE);
    write_text(in_folder("bad.txt"), "stop-1.jpg nonsense\n");
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", PICTURES, "-o", int8,
                         "--labels", in_folder("bad.txt"), NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_quantize, "quantize", model, "--images", PICTURES, "-o", int8,
                         "--samples", "16", "--labels", PICTURES "labels.csv", "--all-int8",
                         "--threads", "1", "--json", NULL),
                     CLI_OK);
    assert_true(json_valid(out));
    assert_int_equal((int)json_find(out, "pictures"), 32);
    assert_int_equal((int)json_find(out, "float"), 32);
    assert_true(json_find(out, "int8") >= 31);
    assert_true(json_find(out, "bytes_after") < json_find(out, "bytes_before"));
    /* what is quantised is not quantised again */
    assert_int_equal(run(cmd_quantize, "quantize", int8, "--images", PICTURES, "-o", again, NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "already"));
    assert_int_equal(run(cmd_export, "export", int8, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_export, "export", int8, "-o", int8, NULL), CLI_USAGE);
    assert_int_equal(run(cmd_export, "export", "--qdq", int8, "-o", in_folder("back.onnx"), NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_convert, "convert", in_folder("back.onnx"), "-o", again, NULL),
                     CLI_OK);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),  cmocka_unit_test(test_methods),
        cmocka_unit_test(test_weights), cmocka_unit_test(test_place),
        cmocka_unit_test(test_emit),    cmocka_unit_test(test_equalise),
        cmocka_unit_test(test_bias),    cmocka_unit_test(test_search),
        cmocka_unit_test(test_export),  cmocka_unit_test(test_export_forms),
        cmocka_unit_test(test_command),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
