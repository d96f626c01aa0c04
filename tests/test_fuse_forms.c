/* Forms that exporters write out in many nodes, in a plan: they become the steps that they should,
 * answer like the separate steps, and stay apart where somebody else reads what is in between. */
#include "base/cpu.h"
#include "infer_experimental.h"
#include "tests/small_net.h"

#include <math.h>

enum { MOST_VALUES = 32, CHANNELS = 12, ELEMENTS = 2 * CHANNELS * 5 * 7 };

struct form {
    struct net n;
    uint32_t made[MOST_VALUES], nmade; /* results of nodes */
};

static uint32_t add(struct form *f, uint16_t op, const uint32_t *in, uint32_t nin)
{
    struct infer__node *node;
    uint32_t y = net_node(&f->n, op, "", in, nin, &node);
    f->made[f->nmade++] = y;
    return y;
}

static uint32_t one(struct form *f, uint16_t op, uint32_t x)
{
    return add(f, op, &x, 1);
}

static uint32_t two(struct form *f, uint16_t op, uint32_t a, uint32_t b)
{
    return add(f, op, (uint32_t[]){a, b}, 2);
}

static uint32_t number(struct form *f, float v)
{
    uint32_t id;
    OK(infer__graph_add_const(&f->n.g, "", INFER_F32, 0, NULL, &v, 1, &id, &f->n.err));
    return id;
}

static uint32_t ints(struct form *f, int64_t count, const int64_t *v)
{
    return net_ints(&f->n, "", 1, count, v);
}

static void attr(struct form *f, uint16_t key, uint32_t count, const int64_t *v)
{
    net_attr(&f->n, &f->n.g.nodes[f->n.g.nnodes - 1], key, count, v);
}

/* ---- the forms: each makes its nodes behind x, of 2 x CHANNELS x 5 x 7 ----------------------- */

static uint32_t one_and_erf(struct form *f, uint32_t x, int by_division)
{
    uint32_t z = by_division ? two(f, INFER__OP_DIV, x, number(f, 1.41421354f))
                             : two(f, INFER__OP_MUL, number(f, 0.707106769f), x);
    return two(f, INFER__OP_ADD, one(f, INFER__OP_ERF, z), number(f, 1));
}

static uint32_t gelu_outside(struct form *f, uint32_t x)
{
    uint32_t p = two(f, INFER__OP_MUL, x, one_and_erf(f, x, 1));
    return two(f, INFER__OP_MUL, p, number(f, 0.5f));
}

static uint32_t gelu_at_x(struct form *f, uint32_t x)
{
    uint32_t half = two(f, INFER__OP_MUL, x, number(f, 0.5f));
    return two(f, INFER__OP_MUL, half, one_and_erf(f, x, 0));
}

static uint32_t gelu_at_erf(struct form *f, uint32_t x)
{
    uint32_t half = two(f, INFER__OP_MUL, number(f, 0.5f), one_and_erf(f, x, 1));
    return two(f, INFER__OP_MUL, half, x);
}

/* Erf of another factor is no Gelu. */
static uint32_t gelu_not(struct form *f, uint32_t x)
{
    uint32_t e = one(f, INFER__OP_ERF, two(f, INFER__OP_MUL, x, number(f, 0.7f)));
    uint32_t p = two(f, INFER__OP_MUL, x, two(f, INFER__OP_ADD, e, number(f, 1)));
    return two(f, INFER__OP_MUL, p, number(f, 0.5f));
}

static uint32_t mean(struct form *f, uint32_t x)
{
    return two(f, INFER__OP_REDUCE_MEAN, x, ints(f, 1, (int64_t[]){-1}));
}

static uint32_t layer_norm(struct form *f, uint32_t x, int by_power, int bias)
{
    uint32_t d = two(f, INFER__OP_SUB, x, mean(f, x));
    uint32_t square =
        by_power ? two(f, INFER__OP_POW, d, number(f, 2)) : two(f, INFER__OP_MUL, d, d);
    uint32_t v = two(f, INFER__OP_ADD, mean(f, square), number(f, 1e-3f));
    uint32_t q = two(f, INFER__OP_DIV, d, one(f, INFER__OP_SQRT, v));
    uint32_t y = two(f, INFER__OP_MUL, q, net_const(&f->n, "s", 1, (int64_t[]){7}));
    return bias ? two(f, INFER__OP_ADD, net_const(&f->n, "b", 1, (int64_t[]){7}), y) : y;
}

static uint32_t norm_power(struct form *f, uint32_t x)
{
    return layer_norm(f, x, 1, 1);
}

static uint32_t norm_product(struct form *f, uint32_t x)
{
    return layer_norm(f, x, 0, 0);
}

static uint32_t dense(struct form *f, uint32_t x)
{
    uint32_t w = net_const(&f->n, "w", 2, (int64_t[]){7, 7});
    uint32_t b = net_const(&f->n, "b", 1, (int64_t[]){7});
    return one(f, INFER__OP_RELU, two(f, INFER__OP_ADD, b, two(f, INFER__OP_MATMUL, x, w)));
}

static uint32_t dense_residual(struct form *f, uint32_t x)
{
    uint32_t w = net_const(&f->n, "w", 2, (int64_t[]){7, 7});
    uint32_t b = net_const(&f->n, "b", 1, (int64_t[]){7});
    uint32_t y = two(f, INFER__OP_ADD, two(f, INFER__OP_MATMUL, x, w), b);
    return two(f, INFER__OP_ADD, x, y);
}

static uint32_t pad_pool(struct form *f, uint32_t x)
{
    uint32_t pads = ints(f, 8, (int64_t[]){0, 0, 1, 2, 0, 0, 0, 1});
    uint32_t y = one(f, INFER__OP_AVERAGE_POOL, two(f, INFER__OP_PAD, x, pads));
    attr(f, INFER__ATTR_KERNEL_SHAPE, 2, (int64_t[]){3, 3});
    return y;
}

/* The graph's input is in ONNX's order; a convolution's result is channels-last. */
static uint32_t conv(struct form *f, uint32_t x, int64_t out)
{
    uint32_t w = net_const(&f->n, "w", 4, (int64_t[]){out, CHANNELS, 1, 1});
    return two(f, INFER__OP_CONV, x, w);
}

static uint32_t join(struct form *f, uint32_t a, uint32_t b)
{
    uint32_t y = two(f, INFER__OP_CONCAT, a, b);
    attr(f, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    return y;
}

static uint32_t scale_shift(struct form *f, uint32_t x, int64_t channels)
{
    uint32_t s = net_const(&f->n, "s", 3, (int64_t[]){channels, 1, 1});
    uint32_t t = net_const(&f->n, "t", 3, (int64_t[]){channels, 1, 1});
    uint32_t y = two(f, INFER__OP_ADD, two(f, INFER__OP_MUL, x, s), t);
    return one(f, INFER__OP_RELU, y);
}

static uint32_t scaled(struct form *f, uint32_t x)
{
    return conv(f, scale_shift(f, x, CHANNELS), CHANNELS);
}

static uint32_t joined(struct form *f, uint32_t x)
{
    return scale_shift(f, join(f, conv(f, x, 21), conv(f, x, 5)), 26);
}

static uint32_t shuffled(struct form *f, uint32_t x, int64_t groups)
{
    uint32_t in[2] = {x, ints(f, 5, (int64_t[]){2, groups, CHANNELS / groups, 5, 7})};
    in[0] = add(f, INFER__OP_RESHAPE, in, 2);
    in[0] = one(f, INFER__OP_TRANSPOSE, in[0]);
    attr(f, INFER__ATTR_PERM, 5, (int64_t[]){0, 2, 1, 3, 4});
    in[1] = ints(f, 4, (int64_t[]){2, -1, 5, 7});
    return add(f, INFER__OP_RESHAPE, in, 2);
}

static uint32_t cut(struct form *f, uint32_t x, int64_t first, int64_t last)
{
    const int64_t one_axis = 1;
    uint32_t in[4] = {x, ints(f, 1, &first), ints(f, 1, &last), ints(f, 1, &one_axis)};
    return add(f, INFER__OP_SLICE, in, 4);
}

/* As in ShuffleNet: two branches joined, shuffled and cut in two. */
static uint32_t shuffle_slices(struct form *f, uint32_t x)
{
    uint32_t y = shuffled(f, join(f, conv(f, x, 6), conv(f, x, 6)), 2);
    uint32_t a = cut(f, y, 0, 6), b = cut(f, y, 6, INT64_MAX);
    return two(f, INFER__OP_SUB, a, b);
}

static uint32_t shuffle_split(struct form *f, uint32_t x)
{
    uint32_t y = shuffled(f, conv(f, x, CHANNELS), 3), out[2];
    struct infer__node *node;
    for (int i = 0; i < 2; i++)
        OK(infer__graph_add_value(&f->n.g, "", &out[i], &f->n.err));
    OK(infer__graph_add_node(&f->n.g, INFER__OP_SPLIT, "", &y, 1, out, 2, &node, &f->n.err));
    attr(f, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    f->made[f->nmade++] = out[0];
    f->made[f->nmade++] = out[1];
    return two(f, INFER__OP_ADD, out[0], out[1]);
}

static uint32_t shuffle_alone(struct form *f, uint32_t x)
{
    return conv(f, shuffled(f, conv(f, x, CHANNELS), 2), 3);
}

/* Slices that do not share the channels out evenly stay. */
static uint32_t shuffle_uneven(struct form *f, uint32_t x)
{
    uint32_t y = shuffled(f, conv(f, x, CHANNELS), 2);
    return join(f, cut(f, y, 5, 12), cut(f, y, 0, 5));
}

static uint32_t global_mean(struct form *f, uint32_t x)
{
    uint32_t y = conv(f, x, CHANNELS);
    y = two(f, INFER__OP_REDUCE_MEAN, y, ints(f, 2, (int64_t[]){2, -1}));
    attr(f, INFER__ATTR_KEEPDIMS, 1, (int64_t[]){0});
    return one(f, INFER__OP_RELU, y);
}

static uint32_t softmax(struct form *f, uint32_t x, int64_t axis)
{
    uint32_t y = one(f, INFER__OP_SOFTMAX, x);
    attr(f, INFER__ATTR_AXIS, 1, &axis);
    return y;
}

/* The scores of x with itself, 2 x CHANNELS x 5 x 5. */
static uint32_t scores_of(struct form *f, uint32_t x)
{
    uint32_t k = one(f, INFER__OP_TRANSPOSE, one(f, INFER__OP_TANH, x));
    attr(f, INFER__ATTR_PERM, 4, (int64_t[]){0, 1, 3, 2});
    return two(f, INFER__OP_MATMUL, x, k);
}

static uint32_t attention(struct form *f, uint32_t x)
{
    uint32_t p = softmax(f, scores_of(f, x), 3);
    return two(f, INFER__OP_MATMUL, p, one(f, INFER__OP_SIGMOID, x));
}

static uint32_t attention_masked(struct form *f, uint32_t x)
{
    uint32_t s = two(f, INFER__OP_DIV, scores_of(f, x), number(f, 3));
    uint32_t mask = net_const(&f->n, "m", 3, (int64_t[]){CHANNELS, 1, 5});
    uint32_t p = softmax(f, two(f, INFER__OP_ADD, mask, s), -1);
    return two(f, INFER__OP_MATMUL, p, one(f, INFER__OP_SIGMOID, x));
}

/* As PyTorch writes it; the mask leaves query 2 nothing. */
static uint32_t attention_safe(struct form *f, uint32_t x)
{
    static const float none[5] = {0, 0, -INFINITY, 0, 0};
    const int64_t dims[2] = {5, 1};
    uint32_t mask;
    OK(infer__graph_add_const(&f->n.g, "", INFER_F32, 2, dims, none, 5, &mask, &f->n.err));
    uint32_t s = two(f, INFER__OP_MUL, number(f, 0.25f), scores_of(f, x));
    uint32_t p = softmax(f, two(f, INFER__OP_ADD, s, mask), -1);
    uint32_t odd = one(f, INFER__OP_NOT, two(f, INFER__OP_EQUAL, p, p));
    p = add(f, INFER__OP_WHERE, (uint32_t[]){odd, number(f, 0), p}, 3);
    return two(f, INFER__OP_MATMUL, p, one(f, INFER__OP_SIGMOID, x));
}

/* Weights along another axis are none of attention. */
static uint32_t attention_not(struct form *f, uint32_t x)
{
    uint32_t p = softmax(f, scores_of(f, x), 2);
    return one(f, INFER__OP_RELU, two(f, INFER__OP_MATMUL, p, one(f, INFER__OP_SIGMOID, x)));
}

static const struct {
    const char *name;
    uint32_t (*make)(struct form *f, uint32_t x);
    const char *op, *gone; /* a step that is there once, and an operator of which none is left */
    infer_isa least;       /* the level from which on it is formed */
} forms[] = {
    {"gelu outside", gelu_outside, "Gelu", "Erf", INFER_ISA_C},
    {"gelu at x", gelu_at_x, "Gelu", "Erf", INFER_ISA_C},
    {"gelu at erf", gelu_at_erf, "Gelu", "Erf", INFER_ISA_C},
    {"no gelu", gelu_not, "Add", "Gelu", INFER_ISA_C},
    {"norm, power", norm_power, "LayerNormalization", "ReduceMean", INFER_ISA_C},
    {"norm, product", norm_product, "LayerNormalization", "ReduceMean", INFER_ISA_C},
    {"dense", dense, "Dense", "MatMul", INFER_ISA_C},
    {"dense, residual", dense_residual, "Dense", "Add", INFER_ISA_C},
    {"padded pool", pad_pool, "AveragePool", "Pad", INFER_ISA_C},
    {"scale and shift", scaled, "ScaleShift", "Mul", INFER_ISA_C},
    {"scale and shift, joined", joined, "ScaleShift", "Concat", INFER_ISA_C},
    {"shuffle, slices", shuffle_slices, "ChannelShuffle", "Slice", INFER_ISA_C},
    {"shuffle, split", shuffle_split, "ChannelShuffle", "Split", INFER_ISA_C},
    {"shuffle alone", shuffle_alone, "ChannelShuffle", "Reshape", INFER_ISA_C},
    {"shuffle, uneven", shuffle_uneven, "ChannelShuffle", "Reshape", INFER_ISA_C},
    {"attention", attention, "Attention", "MatMul", INFER_ISA_AVX2},
    {"attention, masked", attention_masked, "Attention", "Softmax", INFER_ISA_AVX2},
    {"attention, safe", attention_safe, "Attention", "Where", INFER_ISA_AVX2},
    {"no attention", attention_not, "Softmax", "Attention", INFER_ISA_C},
    {"global mean", global_mean, "GlobalAveragePool", "ReduceMean", INFER_ISA_C},
};
enum { FORMS = sizeof forms / sizeof *forms };

/* ---- plans of them -------------------------------------------------------------------------- */

/* `apart`: every value in between is an output too. */
static struct net_model make_model(int form, int apart)
{
    struct form f = {.n = {.rng = {11}}};
    infer__region_init(&f.n.region, NULL);
    OK(infer__graph_init(&f.n.g, &f.n.region, &f.n.err));
    uint32_t x = net_input(&f.n), out[MOST_VALUES + 1], nout = 1;
    memcpy(f.n.g.values[x].dims, (int64_t[]){2, CHANNELS, 5, 7}, 4 * sizeof(int64_t));
    f.n.g.values[x].free_dims = 0;
    out[0] = forms[form].make(&f, x);
    for (uint32_t i = 0; apart && i < f.nmade; i++)
        if (f.made[i] != out[0])
            out[nout++] = f.made[i];
    return net_load(&f.n, out, nout);
}

/* The first output on fixed numbers, to be freed; *count elements. */
static float *answer(infer_session *s, size_t *count)
{
    static float x[ELEMENTS];
    struct rng r = {5};
    infer_tensor in = {
        .type = INFER_F32, .rank = 4, .dims = {2, CHANNELS, 5, 7}, .data = x, .bytes = sizeof x};
    infer_tensor out[MOST_VALUES + 1] = {{0}};
    infer_error err;
    for (size_t i = 0; i < ELEMENTS; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 250;
    OK(infer_run(s, &in, 1, out, infer_session_outputs(s), &err));
    *count = out[0].bytes / sizeof(float);
    return exact_copy(out[0].data, out[0].bytes);
}

static int steps_of(const infer_session *s, const char *op)
{
    int n = 0;
    for (size_t i = 0; i < infer_session_steps(s); i++) {
        infer_step_info step = INFER_STEP_INFO_INIT;
        OK(infer_session_step(s, i, &step, NULL));
        n += strcmp(step.op, op) == 0;
    }
    return n;
}

static void test_formed(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        struct net_model m = make_model(i, 0), apart = make_model(i, 1);
        for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
            infer_session *s = net_session(&m, isa, 1, 0);
            infer_session *a = net_session(&apart, isa, 1, 0);
            size_t count, expected;
            const int formed = infer__isa_has(isa, forms[i].least);
            if (formed && (steps_of(s, forms[i].op) != 1 || steps_of(s, forms[i].gone) != 0))
                fail_msg("%s, isa %d: %d steps of %s, %d of %s", forms[i].name, isa,
                         steps_of(s, forms[i].op), forms[i].op, steps_of(s, forms[i].gone),
                         forms[i].gone);
            float *got = answer(s, &count), *want = answer(a, &expected);
            assert_int_equal(count, expected);
            for (size_t k = 0; k < count; k++)
                if (!(fabsf(got[k] - want[k]) <= 2e-6f * (1 + fabsf(want[k]))))
                    fail_msg("%s, isa %d: element %zu is %.9g, apart %.9g", forms[i].name, isa, k,
                             (double)got[k], (double)want[k]);
            free(got);
            free(want);
            infer_session_free(&s);
            infer_session_free(&a);
        }
        net_drop(&m);
        net_drop(&apart);
    }
}

/* What somebody reads in between keeps its nodes. */
static void test_apart(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        struct net_model m = make_model(i, 1);
        infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, 0);
        int lowered = strstr(forms[i].op, "AveragePool") || /* no matter who reads */
                      strcmp(forms[i].op, "Add") == 0 || strcmp(forms[i].op, "Softmax") == 0;
        if (!lowered && steps_of(s, forms[i].op) != 0)
            fail_msg("%s: %s in spite of its readers", forms[i].name, forms[i].op);
        infer_session_free(&s);
        net_drop(&m);
    }
}

static void test_threads(void **state)
{
    (void)state;
    for (int i = 0; i < FORMS; i++) {
        struct net_model m = make_model(i, 0);
        size_t count;
        infer_session *s = net_session(&m, INFER_ISA_DEFAULT, 1, 0);
        float *want = answer(s, &count);
        infer_session_free(&s);
        for (uint32_t threads = 2; threads <= 4; threads++) {
            s = net_session(&m, INFER_ISA_DEFAULT, threads, 0);
            float *got = answer(s, &count);
            assert_memory_equal(got, want, count * sizeof *got);
            free(got);
            infer_session_free(&s);
        }
        free(want);
        net_drop(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formed),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
