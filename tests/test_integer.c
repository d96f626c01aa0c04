/* Quantised models in a plan: which steps they become, and that these give the bytes that
 * docs/quantization.md defines, worked out here number by number. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

#include <math.h>

enum { SIDE = 6, IN = 5, OUT = 7, PIXELS = SIDE * SIDE };

/* What the numbers of a small network are; the pieces below read it. */
struct quants {
    float x_scale, w_scale[OUT], y_scale, z_scale;
    int x_zero, y_zero, z_zero;
};

static const struct quants numbers = {
    0.043f, {0.011f, 0.02f, 0.013f, 0.004f, 0.017f, 0.009f, 0.03f}, 0.09f, 0.07f, 117, 131, 90};

struct built {
    struct net n;
    uint32_t x;
    int8_t w[OUT * IN * 9];
    int32_t b[OUT];
};

static uint32_t constant(struct net *n, infer_type type, int64_t count, const void *data)
{
    uint32_t id;
    OK(infer__graph_add_const(&n->g, "", type, count > 1, &count, data, 1, &id, &n->err));
    return id;
}

static uint32_t quantize(struct net *n, uint16_t op, uint32_t x, float scale, int zero,
                         infer_type type)
{
    struct infer__node *node;
    uint8_t u8 = (uint8_t)zero;
    int8_t s8 = (int8_t)zero;
    const void *data = type == INFER_U8 ? (const void *)&u8 : (const void *)&s8;
    uint32_t in[3] = {x, constant(n, INFER_F32, 1, &scale), constant(n, type, 1, data)};
    return net_node(n, op, op == INFER__OP_QUANTIZE_LINEAR ? "q" : "dq", in, 3, &node);
}

static uint32_t pair(struct net *n, uint32_t x, float scale, int zero, infer_type type)
{
    uint32_t q = quantize(n, INFER__OP_QUANTIZE_LINEAR, x, scale, zero, type);
    return quantize(n, INFER__OP_DEQUANTIZE_LINEAR, q, scale, zero, type);
}

static void begin(struct built *b)
{
    memset(b, 0, sizeof *b);
    b->n.rng = (struct rng){17};
    infer__region_init(&b->n.region, NULL);
    OK(infer__graph_init(&b->n.g, &b->n.region, &b->n.err));
    b->x = net_input(&b->n);
    b->n.g.values[b->x].free_dims = 0;
    memcpy(b->n.g.values[b->x].dims, (int64_t[]){1, IN, SIDE, SIDE}, 4 * sizeof(int64_t));
    for (int i = 0; i < OUT * IN * 9; i++)
        b->w[i] = (int8_t)((int)rng_below(&b->n.rng, 255) - 127);
    for (int i = 0; i < OUT; i++)
        b->b[i] = (int32_t)rng_below(&b->n.rng, 4000) - 2000;
}

/* A 3x3 convolution of dequantised operands; `u8` stores the weights with zero point 128. */
static uint32_t conv(struct built *b, uint32_t x, int u8)
{
    struct net *n = &b->n;
    struct infer__node *node;
    uint32_t w, bias, s = constant(n, INFER_F32, OUT, numbers.w_scale);
    uint8_t shifted[OUT * IN * 9], zeros[OUT];
    float scale[OUT];
    for (int i = 0; i < OUT * IN * 9; i++)
        shifted[i] = (uint8_t)(b->w[i] + 128);
    for (int i = 0; i < OUT; i++)
        scale[i] = numbers.x_scale * numbers.w_scale[i];
    memset(zeros, 128, sizeof zeros);
    OK(infer__graph_add_const(&n->g, "w", u8 ? INFER_U8 : INFER_S8, 4, (int64_t[]){OUT, IN, 3, 3},
                              u8 ? (void *)shifted : (void *)b->w, 1, &w, &n->err));
    uint32_t wz = u8 ? constant(n, INFER_U8, OUT, zeros) : 0;
    w = net_node(n, INFER__OP_DEQUANTIZE_LINEAR, "w", (uint32_t[]){w, s, wz}, 3, &node);
    net_attr(n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    bias = constant(n, INFER_S32, OUT, b->b);
    s = constant(n, INFER_F32, OUT, scale);
    bias = net_node(n, INFER__OP_DEQUANTIZE_LINEAR, "b", (uint32_t[]){bias, s}, 2, &node);
    net_attr(n, node, INFER__ATTR_AXIS, 1, (int64_t[]){0});
    uint32_t y = net_node(n, INFER__OP_CONV, "conv", (uint32_t[]){x, w, bias}, 3, &node);
    net_attr(n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
    return y;
}

/* The steps' operators, as "QuantizeLinear Conv DequantizeLinear"; layout's transposes left out. */
static void list_steps(const infer_session *s, char *text, size_t size)
{
    *text = 0;
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        OK(infer_session_step(s, i, &step, NULL));
        if (strcmp(step.op, "Transpose") == 0)
            continue;
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", used ? " " : "", step.op);
    }
}

/* Ends the network with `y` as its output, runs it on x at every level and on one and three
 * threads, compares `steps` with the plan's and the answers with `want`. */
static void check(struct built *b, uint32_t y, const float *x, const char *steps, const float *want,
                  size_t count)
{
    infer_model *model;
    infer_error err;
    b->n.g.outputs = &y;
    b->n.g.noutputs = 1;
    struct infer__file_content content = {.graph = &b->n.g};
    struct bytes file = write_exact(&content);
    OK(infer_load_memory(file.data, file.size, NULL, &model, &err));
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_session *s;
        char text[512];
        o.isa = isa;
        o.threads = isa & 1 ? 1 : 3;
        infer_status status = infer_session_create(model, &o, &s, &err);
        if (status != INFER_OK)
            fail_msg("%s: %s (%s)", infer_status_name(status), err.message, err.node);
        list_steps(s, text, sizeof text);
        assert_string_equal(text, steps);
        infer_tensor in = {.type = INFER_F32,
                           .rank = 4,
                           .dims = {1, IN, SIDE, SIDE},
                           .data = (void *)(uintptr_t)x,
                           .bytes = IN * PIXELS * sizeof *x};
        infer_tensor out = {0};
        OK(infer_run(s, &in, 1, &out, 1, &err));
        assert_int_equal(out.bytes, count * sizeof *want);
        for (size_t i = 0; i < count; i++)
            if (((const float *)out.data)[i] != want[i])
                fail_msg("isa %d: element %zu is %g, expected %g", isa, i,
                         (double)((const float *)out.data)[i], (double)want[i]);
        infer_session_free(&s);
    }
    infer_model_free(&model);
    free(file.data);
    infer__region_free(&b->n.region);
}

/* ---- the definitions, one number at a time -------------------------------------------------- */

static int clamp(float x, int zero, int lo, int hi)
{
    double r = rint((double)x) + zero;
    return (int)(r < lo ? lo : r > hi ? hi : r);
}

static int quantized(float x, float scale, int zero)
{
    return clamp(x / scale, zero, 0, 255);
}

/* Sum of products at one place, padding being the zero point. */
static int32_t sum_at(const struct built *b, const int *x, int m, int h, int w)
{
    int32_t acc = b->b[m];
    for (int c = 0; c < IN; c++)
        for (int k = 0; k < 9; k++) {
            int row = h + k / 3 - 1, col = w + k % 3 - 1;
            if (row >= 0 && row < SIDE && col >= 0 && col < SIDE)
                acc += (x[(c * SIDE + row) * SIDE + col] - numbers.x_zero) *
                       b->w[(m * IN + c) * 9 + k];
        }
    return acc;
}

static void convolve(const struct built *b, const float *x, int lo, int hi, int *y)
{
    int q[IN * PIXELS];
    for (int i = 0; i < IN * PIXELS; i++)
        q[i] = quantized(x[i], numbers.x_scale, numbers.x_zero);
    for (int m = 0; m < OUT; m++)
        for (int i = 0; i < PIXELS; i++) {
            float multiplier = numbers.x_scale * numbers.w_scale[m];
            multiplier /= numbers.y_scale;
            int32_t acc = sum_at(b, q, m, i / SIDE, i % SIDE);
            y[m * PIXELS + i] = clamp((float)acc * multiplier, numbers.y_zero, lo, hi);
        }
}

static void fill(struct built *b, float *x)
{
    for (int i = 0; i < IN * PIXELS; i++)
        x[i] = ((float)rng_below(&b->n.rng, 2001) - 1000) / 180;
}

/* ---- tests ---------------------------------------------------------------------------------- */

/* Weights of either type, activations of either type, Relu and Clip: always the same step. */
static void test_conv(void **state)
{
    (void)state;
    for (int form = 0; form < 8; form++) {
        struct built b;
        struct infer__node *node;
        float x[IN * PIXELS], want[OUT * PIXELS];
        int y[OUT * PIXELS], s8 = form & 2 ? 128 : 0, clip = form >> 2;
        infer_type type = s8 ? INFER_S8 : INFER_U8;
        begin(&b);
        fill(&b, x);
        uint32_t v =
            conv(&b, pair(&b.n, b.x, numbers.x_scale, numbers.x_zero - s8, type), form & 1);
        if (clip) {
            float bounds[2] = {-1, 6};
            uint32_t in[3] = {v, constant(&b.n, INFER_F32, 1, &bounds[0]),
                              constant(&b.n, INFER_F32, 1, &bounds[1])};
            v = net_node(&b.n, INFER__OP_CLIP, "clip", in, 3, &node);
        }
        v = pair(&b.n, v, numbers.y_scale, numbers.y_zero - s8, type);
        convolve(&b, x, clip ? quantized(-1, numbers.y_scale, numbers.y_zero) : 0,
                 clip ? quantized(6, numbers.y_scale, numbers.y_zero) : 255, y);
        for (int i = 0; i < OUT * PIXELS; i++)
            want[i] = (float)(y[i] - numbers.y_zero) * numbers.y_scale;
        check(&b, v, x, "QuantizeLinear Conv DequantizeLinear", want, OUT * PIXELS);
    }
}

/* x * Clip(x + 3, 0, 6) / 6 behind a convolution is a table in its epilogue. */
static void test_table(void **state)
{
    struct built b;
    struct infer__node *node;
    float x[IN * PIXELS], want[OUT * PIXELS], c[3] = {3, 0, 6};
    int y[OUT * PIXELS];
    (void)state;
    begin(&b);
    fill(&b, x);
    uint32_t v = conv(&b, pair(&b.n, b.x, numbers.x_scale, numbers.x_zero, INFER_U8), 0);
    v = pair(&b.n, v, numbers.y_scale, numbers.y_zero, INFER_U8);
    uint32_t k[3];
    for (int i = 0; i < 3; i++)
        k[i] = constant(&b.n, INFER_F32, 1, &c[i]);
    uint32_t g = net_node(&b.n, INFER__OP_ADD, "add", (uint32_t[]){v, k[0]}, 2, &node);
    g = net_node(&b.n, INFER__OP_CLIP, "clip", (uint32_t[]){g, k[1], k[2]}, 3, &node);
    g = net_node(&b.n, INFER__OP_MUL, "mul", (uint32_t[]){v, g}, 2, &node);
    g = net_node(&b.n, INFER__OP_DIV, "div", (uint32_t[]){g, k[2]}, 2, &node);
    g = pair(&b.n, g, numbers.z_scale, numbers.z_zero, INFER_U8);
    convolve(&b, x, 0, 255, y);
    for (int i = 0; i < OUT * PIXELS; i++) {
        float r = (float)(y[i] - numbers.y_zero) * numbers.y_scale, t = r + 3;
        t = t < 0 ? 0 : t > 6 ? 6 : t;
        float product = r * t;
        int q = quantized(product / 6, numbers.z_scale, numbers.z_zero);
        want[i] = (float)(q - numbers.z_zero) * numbers.z_scale;
    }
    check(&b, g, x, "QuantizeLinear Conv DequantizeLinear", want, OUT * PIXELS);
}

/* x * Sigmoid(x) with a pair in between, as tools write it: still a table. */
static void test_gate(void **state)
{
    struct built b;
    struct infer__node *node;
    float x[IN * PIXELS], want[IN * PIXELS];
    (void)state;
    begin(&b);
    fill(&b, x);
    uint32_t v = pair(&b.n, b.x, numbers.x_scale, numbers.x_zero, INFER_U8);
    uint32_t g = net_node(&b.n, INFER__OP_HARD_SIGMOID, "gate", &v, 1, &node);
    g = pair(&b.n, g, 1.0f / 255, 0, INFER_U8);
    g = net_node(&b.n, INFER__OP_MUL, "mul", (uint32_t[]){v, g}, 2, &node);
    g = pair(&b.n, g, numbers.z_scale, numbers.z_zero, INFER_U8);
    for (int i = 0; i < IN * PIXELS; i++) {
        int q = quantized(x[i], numbers.x_scale, numbers.x_zero);
        float r = (float)(q - numbers.x_zero) * numbers.x_scale, t = 0.2f * r;
        t += 0.5f;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        int gate = quantized(t, 1.0f / 255, 0);
        float m = numbers.x_scale * (1.0f / 255);
        m /= numbers.z_scale;
        int y = clamp((float)((q - numbers.x_zero) * gate) * m, numbers.z_zero, 0, 255);
        want[i] = (float)(y - numbers.z_zero) * numbers.z_scale;
    }
    check(&b, g, x, "QuantizeLinear Identity DequantizeLinear", want, IN * PIXELS);
}

/* Data that only moves stays integers; pairs of one scale vanish, another scale is a table. */
static void test_moves(void **state)
{
    struct built b;
    struct infer__node *node;
    float x[IN * PIXELS], want[IN * PIXELS];
    (void)state;
    begin(&b);
    fill(&b, x);
    uint32_t v = pair(&b.n, b.x, numbers.x_scale, numbers.x_zero, INFER_U8);
    uint32_t shape = net_ints(&b.n, "shape", 1, 2, (int64_t[]){IN, PIXELS});
    v = net_node(&b.n, INFER__OP_RESHAPE, "reshape", (uint32_t[]){v, shape}, 2, &node);
    v = pair(&b.n, v, numbers.x_scale, numbers.x_zero, INFER_U8);
    v = pair(&b.n, v, numbers.z_scale, numbers.z_zero, INFER_U8);
    for (int i = 0; i < IN * PIXELS; i++) {
        int q = quantized(x[i], numbers.x_scale, numbers.x_zero);
        float r = (float)(q - numbers.x_zero) * numbers.x_scale;
        want[i] = (float)(quantized(r, numbers.z_scale, numbers.z_zero) - numbers.z_zero) *
                  numbers.z_scale;
    }
    check(&b, v, x, "QuantizeLinear Identity DequantizeLinear", want, IN * PIXELS);
}

/* Nobody quantises the result: it is f32 at once. */
static void test_float_result(void **state)
{
    struct built b;
    float x[IN * PIXELS], want[OUT * PIXELS];
    int q[IN * PIXELS];
    (void)state;
    begin(&b);
    fill(&b, x);
    uint32_t v = conv(&b, pair(&b.n, b.x, numbers.x_scale, numbers.x_zero, INFER_U8), 1);
    for (int i = 0; i < IN * PIXELS; i++)
        q[i] = quantized(x[i], numbers.x_scale, numbers.x_zero);
    for (int i = 0; i < OUT * PIXELS; i++) {
        float unit = numbers.x_scale * numbers.w_scale[i / PIXELS];
        want[i] = (float)sum_at(&b, q, i / PIXELS, i % PIXELS / SIDE, i % SIDE) * unit;
    }
    check(&b, v, x, "QuantizeLinear Conv", want, OUT * PIXELS);
}

/* Conv + x, then Relu: one step; its result is two roundings, the convolution's and the sum's. */
static void test_residual(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct built b;
        struct infer__node *node;
        float x[IN * PIXELS], want[OUT * PIXELS];
        int y[OUT * PIXELS];
        begin(&b);
        fill(&b, x);
        uint32_t v = pair(&b.n, b.x, numbers.x_scale, numbers.x_zero, INFER_U8);
        uint32_t c = pair(&b.n, conv(&b, v, 0), numbers.y_scale, numbers.y_zero, INFER_U8);
        uint32_t d = pair(&b.n, conv(&b, v, 1), numbers.y_scale, numbers.y_zero, INFER_U8);
        uint32_t in[2] = {side ? d : c, side ? c : d};
        uint32_t s = net_node(&b.n, INFER__OP_ADD, "add", in, 2, &node);
        s = net_node(&b.n, INFER__OP_RELU, "relu", &s, 1, &node);
        s = pair(&b.n, s, numbers.z_scale, numbers.z_zero, INFER_U8);
        convolve(&b, x, 0, 255, y);
        for (int i = 0; i < OUT * PIXELS; i++) {
            float ratio = numbers.y_scale / numbers.z_scale;
            float zero = (float)numbers.y_zero, part = ratio * zero;
            float fixed = (float)numbers.z_zero - fmaf(ratio, zero, part);
            float sum = fmaf((float)y[i], ratio, fmaf((float)y[i], ratio, fixed));
            int q = clamp(sum, 0, numbers.z_zero, 255);
            want[i] = (float)(q - numbers.z_zero) * numbers.z_scale;
        }
        check(&b, s, x, "QuantizeLinear Conv Conv DequantizeLinear", want, OUT * PIXELS);
    }
}

/* ---- quantised at run time ------------------------------------------------------------------ */

/* The bytes of x with its scale and zero point. */
struct dynamic {
    float scale;
    int zero, q[OUT * PIXELS];
};

static void quantize_now(struct dynamic *d, const float *x, int count)
{
    float low = 0, high = 0;
    for (int i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    d->scale = (high - low) / 255;
    d->zero = quantized(-low, d->scale, 0);
    for (int i = 0; i < count; i++)
        d->q[i] = quantized(x[i], d->scale, d->zero);
}

/* DynamicQuantizeLinear: y, scale, zero point. */
static void quantize_node(struct net *n, uint32_t x, uint32_t out[3])
{
    struct infer__node *node;
    for (int i = 0; i < 3; i++)
        OK(infer__graph_add_value(&n->g, "q", &out[i], &n->err));
    OK(infer__graph_add_node(&n->g, INFER__OP_DYNAMIC_QUANTIZE_LINEAR, "q", &x, 1, out, 3, &node,
                             &n->err));
}

/* Cast, Mul by both scales, Add of the bias, whose place `side` says. */
static uint32_t scaled(struct net *n, uint32_t sum, uint32_t x_scale, uint32_t w_scale,
                       uint32_t bias, int side)
{
    struct infer__node *node;
    int64_t f32 = INFER_F32;
    uint32_t v = net_node(n, INFER__OP_CAST, "cast", &sum, 1, &node);
    net_attr(n, node, INFER__ATTR_TO, 1, &f32);
    uint32_t m = net_node(n, INFER__OP_MUL, "scale", (uint32_t[]){x_scale, w_scale}, 2, &node);
    v = net_node(n, INFER__OP_MUL, "mul", (uint32_t[]){side ? m : v, side ? v : m}, 2, &node);
    return net_node(n, INFER__OP_ADD, "add", (uint32_t[]){side ? bias : v, side ? v : bias}, 2,
                    &node);
}

/* A ConvInteger of b->w, as s8 or, with zero point 128 + `zero`, as u8. */
static uint32_t conv_integer(struct built *b, const uint32_t x[3], int u8, int zero)
{
    struct net *n = &b->n;
    struct infer__node *node;
    uint32_t w;
    uint8_t w_bytes[OUT * IN * 9], w_zero = (uint8_t)(zero + (u8 ? 128 : 0));
    for (int i = 0; i < OUT * IN * 9; i++)
        w_bytes[i] = (uint8_t)(b->w[i] + (u8 ? 128 : 0));
    infer_type type = u8 ? INFER_U8 : INFER_S8;
    OK(infer__graph_add_const(&n->g, "w", type, 4, (int64_t[]){OUT, IN, 3, 3}, w_bytes, 1, &w,
                              &n->err));
    uint32_t in[4] = {x[0], w, x[2], constant(n, type, 1, &w_zero)};
    uint32_t y = net_node(n, INFER__OP_CONV_INTEGER, "conv", in, zero || u8 ? 4 : 3, &node);
    net_attr(n, node, INFER__ATTR_PADS, 4, (int64_t[]){1, 1, 1, 1});
    return y;
}

static int32_t integer_sum(const struct built *b, const struct dynamic *d, int zero, int m, int i)
{
    int32_t sum = 0;
    for (int c = 0; c < IN; c++)
        for (int k = 0; k < 9; k++) {
            int row = i / SIDE + k / 3 - 1, col = i % SIDE + k % 3 - 1;
            if (row >= 0 && row < SIDE && col >= 0 && col < SIDE)
                sum += (d->q[(c * SIDE + row) * SIDE + col] - d->zero) *
                       (b->w[(m * IN + c) * 9 + k] - zero);
        }
    return sum;
}

/* A convolution and a dense layer as quantisation tools write them: two steps each, and the product
 * of the scales. */
static void test_dynamic(void **state)
{
    (void)state;
    for (int form = 0; form < 8; form++) {
        struct built b;
        struct infer__node *node;
        struct dynamic d;
        int u8 = form & 1, zero = form & 2 ? -3 : 0, side = form >> 2;
        float x[IN * PIXELS], y[OUT * PIXELS], want[4], bias[OUT], w_scale = 0.013f;
        float scales[4] = {0.01f, 0.02f, 0.03f, 0.015f}, more[4] = {1, -2, 3, -4};
        int8_t w[OUT * PIXELS * 4];
        uint32_t q[3], id;
        begin(&b);
        fill(&b, x);
        for (int i = 0; i < OUT; i++)
            bias[i] = (float)b.b[i] / 100;
        for (int i = 0; i < OUT * PIXELS * 4; i++)
            w[i] = (int8_t)((int)rng_below(&b.n.rng, 255) - 127);
        quantize_node(&b.n, b.x, q);
        uint32_t v = conv_integer(&b, q, u8, zero);
        OK(infer__graph_add_const(&b.n.g, "b", INFER_F32, 4, (int64_t[]){1, OUT, 1, 1}, bias, 1,
                                  &id, &b.n.err));
        v = scaled(&b.n, v, q[1], constant(&b.n, INFER_F32, 1, &w_scale), id, side);
        v = net_node(&b.n, INFER__OP_RELU, "relu", &v, 1, &node);
        quantize_node(&b.n, v, q);
        uint32_t shape = net_ints(&b.n, "shape", 1, 2, (int64_t[]){1, OUT * PIXELS});
        uint32_t flat =
            net_node(&b.n, INFER__OP_RESHAPE, "flat", (uint32_t[]){q[0], shape}, 2, &node);
        OK(infer__graph_add_const(&b.n.g, "w2", INFER_S8, 2, (int64_t[]){OUT * PIXELS, 4}, w, 1,
                                  &id, &b.n.err));
        v = net_node(&b.n, INFER__OP_MATMUL_INTEGER, "dense", (uint32_t[]){flat, id, q[2]}, 3,
                     &node);
        v = scaled(&b.n, v, q[1], constant(&b.n, INFER_F32, 4, scales),
                   constant(&b.n, INFER_F32, 4, more), side);

        quantize_now(&d, x, IN * PIXELS);
        float factor = d.scale * w_scale;
        for (int i = 0; i < OUT * PIXELS; i++) {
            float at = (float)integer_sum(&b, &d, zero, i / PIXELS, i % PIXELS) * factor;
            at += bias[i / PIXELS];
            y[i] = at > 0 ? at : 0;
        }
        quantize_now(&d, y, OUT * PIXELS);
        for (int k = 0; k < 4; k++) {
            int32_t sum = 0;
            for (int i = 0; i < OUT * PIXELS; i++)
                sum += (d.q[i] - d.zero) * w[i * 4 + k];
            want[k] = (float)sum * (d.scale * scales[k]);
            want[k] += more[k];
        }
        check(&b, v, x,
              "DynamicQuantizeLinear Mul ConvInteger DynamicQuantizeLinear Mul MatMulInteger", want,
              4);
    }
}

/* Sums that are wanted as they are, and a factor that is no channel's. */
static void test_dynamic_apart(void **state)
{
    (void)state;
    for (int form = 0; form < 2; form++) {
        struct built b;
        struct infer__node *node;
        struct dynamic d;
        float x[IN * PIXELS], want[OUT * PIXELS], ramp[SIDE] = {1, 2, 3, 4, 5, 6};
        int64_t f32 = INFER_F32;
        uint32_t q[3];
        begin(&b);
        fill(&b, x);
        quantize_node(&b.n, b.x, q);
        uint32_t v = conv_integer(&b, q, 1, 5);
        v = net_node(&b.n, INFER__OP_CAST, "cast", &v, 1, &node);
        net_attr(&b.n, node, INFER__ATTR_TO, 1, &f32);
        if (form)
            v = net_node(&b.n, INFER__OP_MUL, "mul",
                         (uint32_t[]){v, constant(&b.n, INFER_F32, SIDE, ramp)}, 2, &node);
        quantize_now(&d, x, IN * PIXELS);
        for (int i = 0; i < OUT * PIXELS; i++)
            want[i] =
                (float)integer_sum(&b, &d, 5, i / PIXELS, i % PIXELS) * (form ? ramp[i % SIDE] : 1);
        check(&b, v, x,
              form ? "DynamicQuantizeLinear ConvInteger Cast Mul"
                   : "DynamicQuantizeLinear ConvInteger Cast",
              want, OUT * PIXELS);
    }
}

/* The range of a large tensor is found in parts. */
static void test_dynamic_range(void **state)
{
    enum { TIMES = 30, ROW = SIDE * TIMES };
    struct built b;
    struct infer__node *node;
    struct dynamic d;
    float x[IN * PIXELS], *want = malloc(IN * ROW * ROW * sizeof *want);
    uint32_t q[3];
    (void)state;
    begin(&b);
    fill(&b, x);
    uint32_t times = net_ints(&b.n, "times", 1, 4, (int64_t[]){1, 1, TIMES, TIMES});
    uint32_t v = net_node(&b.n, INFER__OP_TILE, "tile", (uint32_t[]){b.x, times}, 2, &node);
    quantize_node(&b.n, v, q);
    v = net_node(&b.n, INFER__OP_DEQUANTIZE_LINEAR, "dq", q, 3, &node);
    quantize_now(&d, x, IN * PIXELS);
    for (int i = 0; i < IN * ROW * ROW; i++)
        want[i] = (float)(d.q[(i / ROW / ROW * SIDE + i / ROW % SIDE) * SIDE + i % SIDE] - d.zero) *
                  d.scale;
    check(&b, v, x, "Tile DynamicRange DynamicQuantizeLinear DequantizeLinear", want,
          IN * ROW * ROW);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),          cmocka_unit_test(test_table),
        cmocka_unit_test(test_gate),          cmocka_unit_test(test_moves),
        cmocka_unit_test(test_float_result),  cmocka_unit_test(test_residual),
        cmocka_unit_test(test_dynamic),       cmocka_unit_test(test_dynamic_apart),
        cmocka_unit_test(test_dynamic_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
