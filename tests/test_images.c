/* Batches that are run image by image: only where no node lets images meet, and with the answers
 * that each image has alone, on any number of threads; and the tails that are run for the whole
 * batch. */
#include "base/cpu.h"
#include "run/session.h"
#include "tests/small_net.h"

#include <math.h>

enum { PICTURE = 3 * 17 * 13, MOST = 7 };

static uint32_t last_attr(struct net *n, uint32_t y, uint16_t key, uint32_t count, const int64_t *v)
{
    net_attr(n, &n->g.nodes[n->g.nnodes - 1], key, count, v);
    return y;
}

static uint32_t node1(struct net *n, uint16_t op, uint32_t x)
{
    struct infer__node *node;
    return net_node(n, op, "", &x, 1, &node);
}

static uint32_t node2(struct net *n, uint16_t op, uint32_t a, uint32_t b)
{
    struct infer__node *node;
    return net_node(n, op, "", (uint32_t[]){a, b}, 2, &node);
}

static uint32_t ints(struct net *n, int64_t count, const int64_t *v)
{
    return net_ints(n, "", 1, count, v);
}

/* ---- nodes behind x (N, 3, 17, 13) that keep images apart ------------------------------------ */

static uint32_t conv(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_CONV, x, net_const(n, "", 4, (int64_t[]){4, 3, 3, 3}));
}

static uint32_t add_channels(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_ADD, x, net_const(n, "", 3, (int64_t[]){3, 1, 1}));
}

static uint32_t multiply_gate(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_MUL, x, node1(n, INFER__OP_GLOBAL_AVERAGE_POOL, x));
}

static uint32_t softmax_channels(struct net *n, uint32_t x)
{
    return last_attr(n, node1(n, INFER__OP_SOFTMAX, x), INFER__ATTR_AXIS, 1, (int64_t[]){1});
}

static uint32_t concat_rows(struct net *n, uint32_t x)
{
    uint32_t y = node2(n, INFER__OP_CONCAT, x, node1(n, INFER__OP_RELU, x));
    return last_attr(n, y, INFER__ATTR_AXIS, 1, (int64_t[]){2});
}

static uint32_t slice_columns(struct net *n, uint32_t x)
{
    struct infer__node *node;
    uint32_t in[] = {x, ints(n, 1, (int64_t[]){2}), ints(n, 1, (int64_t[]){9}),
                     ints(n, 1, (int64_t[]){3})};
    return net_node(n, INFER__OP_SLICE, "", in, 4, &node);
}

static uint32_t pad_rows(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_PAD, x, ints(n, 8, (int64_t[]){0, 0, 1, 0, 0, 0, 2, 0}));
}

static uint32_t swap_inner(struct net *n, uint32_t x)
{
    return last_attr(n, node1(n, INFER__OP_TRANSPOSE, x), INFER__ATTR_PERM, 4,
                     (int64_t[]){0, 2, 3, 1});
}

static uint32_t mean_of_rows(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_REDUCE_MEAN, x, ints(n, 1, (int64_t[]){2}));
}

static uint32_t flat_product(struct net *n, uint32_t x)
{
    uint32_t flat = node1(n, INFER__OP_FLATTEN, node1(n, INFER__OP_GLOBAL_AVERAGE_POOL, x));
    return node2(n, INFER__OP_MATMUL, flat, net_const(n, "", 2, (int64_t[]){3, 5}));
}

static uint32_t product_of_images(struct net *n, uint32_t x)
{
    uint32_t t = last_attr(n, node1(n, INFER__OP_TRANSPOSE, x), INFER__ATTR_PERM, 4,
                           (int64_t[]){0, 1, 3, 2});
    return node2(n, INFER__OP_MATMUL, x, t);
}

/* ---- nodes that mix them, or might ----------------------------------------------------------- */

static uint32_t softmax_images(struct net *n, uint32_t x)
{
    return last_attr(n, node1(n, INFER__OP_SOFTMAX, x), INFER__ATTR_AXIS, 1, (int64_t[]){0});
}

static uint32_t mean_of_images(struct net *n, uint32_t x)
{
    uint32_t mean = node2(n, INFER__OP_REDUCE_MEAN, x, ints(n, 1, (int64_t[]){0}));
    return node2(n, INFER__OP_SUB, x, mean);
}

static uint32_t reversed_images(struct net *n, uint32_t x)
{
    struct infer__node *node;
    uint32_t in[] = {x, ints(n, 1, (int64_t[]){-1}), ints(n, 1, (int64_t[]){-100}),
                     ints(n, 1, (int64_t[]){0}), ints(n, 1, (int64_t[]){-1})};
    return net_node(n, INFER__OP_SLICE, "", in, 5, &node);
}

static uint32_t rotated_images(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_PAD, x, ints(n, 8, (int64_t[]){1, 0, 0, 0, -1, 0, 0, 0}));
}

static uint32_t gathered_images(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_GATHER, x, ints(n, 4, (int64_t[]){3, 2, 1, 0}));
}

static uint32_t images_against_channels(struct net *n, uint32_t x)
{
    struct infer__node *node;
    uint32_t pooled = node1(n, INFER__OP_GLOBAL_AVERAGE_POOL, x);
    uint32_t slice[] = {pooled, ints(n, 1, (int64_t[]){0}), ints(n, 1, (int64_t[]){1}),
                        ints(n, 1, (int64_t[]){1})};
    uint32_t one = net_node(n, INFER__OP_SLICE, "", slice, 4, &node);
    uint32_t column = node2(n, INFER__OP_SQUEEZE, one, ints(n, 1, (int64_t[]){3}));
    return node2(n, INFER__OP_ADD, conv(n, x), column); /* (N, 4, 15, 11) + (N, 1, 1) */
}

static uint32_t other_for_each(struct net *n, uint32_t x)
{
    return node2(n, INFER__OP_ADD, x, net_const(n, "", 4, (int64_t[]){4, 1, 1, 1}));
}

/* One scale for all of them. */
static uint32_t quantised_together(struct net *n, uint32_t x)
{
    return node1(n, INFER__OP_DYNAMIC_QUANTIZE_LINEAR, x);
}

static const struct row {
    const char *name;
    uint32_t (*make)(struct net *n, uint32_t x);
    int apart;
} rows[] = {{"conv", conv, 1},
            {"add_channels", add_channels, 1},
            {"multiply_gate", multiply_gate, 1},
            {"softmax_channels", softmax_channels, 1},
            {"concat_rows", concat_rows, 1},
            {"slice_columns", slice_columns, 1},
            {"pad_rows", pad_rows, 1},
            {"swap_inner", swap_inner, 1},
            {"mean_of_rows", mean_of_rows, 1},
            {"flat_product", flat_product, 1},
            {"product_of_images", product_of_images, 1},
            {"softmax_images", softmax_images, 0},
            {"mean_of_images", mean_of_images, 0},
            {"reversed_images", reversed_images, 0},
            {"rotated_images", rotated_images, 0},
            {"gathered_images", gathered_images, 0},
            {"images_against_channels", images_against_channels, 0},
            {"other_for_each", other_for_each, 0},
            {"quantised_together", quantised_together, 0}};

static infer_model *load(const struct row *row, struct bytes *file)
{
    struct net n = {.rng = {11}};
    infer_model *model;
    infer_error err;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t out = row->make(&n, net_input(&n));
    n.g.outputs = &out;
    n.g.noutputs = 1;
    struct infer__file_content content = {.graph = &n.g};
    *file = write_exact(&content);
    infer__region_free(&n.region);
    OK(infer_load_memory(file->data, file->size, NULL, &model, &err));
    return model;
}

static infer_session *make(const infer_model *model, int64_t batch, uint32_t threads)
{
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {batch, 3, 17, 13}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *s;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = threads;
    infer_status status = infer_session_create(model, &o, &s, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s (%s)", infer_status_name(status), err.message, err.node);
    return s;
}

static infer_tensor run(infer_session *s, float *x, int64_t batch)
{
    infer_error err;
    infer_tensor in = {.type = INFER_F32,
                       .rank = 4,
                       .dims = {batch, 3, 17, 13},
                       .data = x,
                       .bytes = (size_t)batch * PICTURE * sizeof *x};
    infer_tensor out = {0};
    infer_status status = infer_run(s, &in, 1, &out, 1, &err);
    if (status != INFER_OK)
        fail_msg("%s: %s", infer_status_name(status), err.message);
    return out;
}

static void test_which(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes file;
        infer_model *model = load(&rows[i], &file);
        infer_session *s = make(model, 4, 2);
        if (s->program->plan.images != (rows[i].apart ? 4U : 1U))
            fail_msg("%s: %u images apart", rows[i].name, s->program->plan.images);
        infer_value_info info = INFER_VALUE_INFO_INIT;
        OK(infer_session_output(s, 0, &info, NULL));
        assert_int_equal(info.dims[0], 4);
        infer_session_free(&s);
        infer_model_free(&model);
        free(file.data);
    }
}

static void same_alone(const infer_model *model, float *x, const char *name)
{
    infer_session *one = make(model, 1, 1);
    for (int64_t batch = 2; batch <= MOST; batch++)
        for (uint32_t threads = 1; threads <= 4; threads++) {
            infer_session *s = make(model, batch, threads);
            for (int repeat = 0; repeat < 2; repeat++) {
                infer_tensor got = run(s, x, batch);
                size_t bytes = got.bytes / (size_t)batch;
                for (int64_t k = 0; k < batch; k++) {
                    infer_tensor want = run(one, x + k * PICTURE, 1);
                    assert_int_equal(want.bytes, bytes);
                    if (memcmp(want.data, (char *)got.data + (size_t)k * bytes, bytes))
                        fail_msg("%s: image %d of %d on %u threads", name, (int)k, (int)batch,
                                 threads);
                }
            }
            infer_session_free(&s);
        }
    infer_session_free(&one);
}

static void test_same_answers(void **state)
{
    (void)state;
    static float x[MOST * PICTURE];
    struct rng r = {5};
    for (size_t i = 0; i < MOST * PICTURE; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes file;
        infer_model *model = load(&rows[i], &file);
        if (rows[i].apart)
            same_alone(model, x, rows[i].name);
        infer_model_free(&model);
        free(file.data);
    }
}

/* What a session has taken from its allocator. */
static uint64_t held_by(const infer_session *s)
{
    infer_session_memory m = INFER_SESSION_MEMORY_INIT;
    infer_session_memory_use(s, &m, NULL);
    return m.arena_bytes + m.packed_bytes + m.output_bytes + m.plan_bytes - sizeof *s;
}

/* Arenas for images side by side count against the budget: without room they follow one another. */
static void test_budget(void **state)
{
    (void)state;
    struct bytes file;
    infer_model *model = load(&rows[2], &file);
    infer_session *s = make(model, 4, 2), *small;
    infer_session_memory side = INFER_SESSION_MEMORY_INIT, one = INFER_SESSION_MEMORY_INIT;
    infer_session_memory_use(s, &side, NULL);
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {4, 3, 17, 13}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = 2;
    o.max_memory_bytes = held_by(s) - 1;
    OK(infer_session_create(model, &o, &small, &err));
    infer_session_memory_use(small, &one, NULL);
    assert_int_equal(2 * one.arena_bytes, side.arena_bytes);
    infer_session_free(&small);
    infer_session_free(&s);
    infer_model_free(&model);
    free(file.data);
}

/* A layer of many weights behind convolutions: two tensors of the images go to the batch. */
static uint32_t dense_behind(struct net *n, uint32_t x)
{
    struct infer__node *node;
    uint32_t w = net_const(n, "", 4, (int64_t[]){64, 3, 3, 3});
    uint32_t y = node1(n, INFER__OP_RELU, node2(n, INFER__OP_CONV, x, w));
    uint32_t mean = node1(n, INFER__OP_FLATTEN, node1(n, INFER__OP_GLOBAL_AVERAGE_POOL, y));
    uint32_t most = node1(n, INFER__OP_FLATTEN, node1(n, INFER__OP_GLOBAL_MAX_POOL, y));
    uint32_t both = node2(n, INFER__OP_CONCAT, mean, most);
    both = last_attr(n, both, INFER__ATTR_AXIS, 1, (int64_t[]){1});
    uint32_t gemm[] = {both, net_const(n, "", 2, (int64_t[]){128, 200}),
                       net_const(n, "", 1, (int64_t[]){200})};
    y = node1(n, INFER__OP_RELU, net_node(n, INFER__OP_GEMM, "", gemm, 3, &node));
    return node2(n, INFER__OP_MATMUL, y, net_const(n, "", 2, (int64_t[]){200, 5}));
}

/* Kernels of more rows may sum in another order; but the order does not depend on threads. */
static void check_tail(const infer_model *model, float *x, int64_t batch, uint32_t threads,
                       float *first)
{
    infer_session *s = make(model, batch, threads), *one = make(model, 1, 1);
    if (infer_cpu_has(INFER_ISA_AVX2))
        assert_true(s->program->plan.batch_from > 0 &&
                    s->program->plan.batch_from < s->program->plan.nsteps);
    assert_int_equal(s->program->plan.images, batch);
    for (int repeat = 0; repeat < 2; repeat++) {
        infer_tensor got = run(s, x, batch);
        const float *y = got.data;
        assert_int_equal(got.bytes, (size_t)batch * 5 * sizeof *y);
        for (int64_t k = 0; k < batch; k++) {
            const float *want = run(one, x + k * PICTURE, 1).data;
            for (int i = 0; i < 5; i++)
                if (!(fabsf(y[k * 5 + i] - want[i]) <= 1e-5f * (1 + fabsf(want[i]))))
                    fail_msg("image %d of %d on %u threads: %g, alone %g", (int)k, (int)batch,
                             threads, (double)y[k * 5 + i], (double)want[i]);
        }
        if (threads > 1 || repeat)
            assert_memory_equal(y, first, got.bytes);
        memcpy(first, y, got.bytes);
    }
    infer_session_free(&s);
    infer_session_free(&one);
}

static void test_tail(void **state)
{
    (void)state;
    static const struct row row = {"dense_behind", dense_behind, 1};
    static float x[MOST * PICTURE], first[MOST * 5];
    struct rng r = {9};
    struct bytes file;
    infer_model *model = load(&row, &file);
    for (size_t i = 0; i < MOST * PICTURE; i++)
        x[i] = ((float)rng_below(&r, 2001) - 1000) / 500;
    for (int64_t batch = 2; batch <= MOST; batch++)
        for (uint32_t threads = 1; threads <= 4; threads++)
            check_tail(model, x, batch, threads, first);
    infer_model_free(&model);
    free(file.data);
}

/* Where tensors of the whole batch do not fit the budget, all steps are run image by image. */
static void test_tail_budget(void **state)
{
    (void)state;
    static const struct row row = {"dense_behind", dense_behind, 1};
    struct bytes file;
    infer_model *model = load(&row, &file);
    infer_session *s;
    infer_input_spec spec = {.name = "picture", .rank = 4, .dims = {500, 3, 17, 13}};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_error err;
    o.inputs = &spec;
    o.ninputs = 1;
    o.threads = 1;
    OK(infer_session_create(model, &o, &s, &err));
    assert_true(s->program->plan.batch_from < s->program->plan.nsteps);
    o.max_memory_bytes = held_by(s) - 32768; /* more than the rounding of blocks */
    infer_session_free(&s);
    OK(infer_session_create(model, &o, &s, &err));
    assert_int_equal(s->program->plan.images, 500);
    assert_int_equal(s->program->plan.batch_from, s->program->plan.nsteps);
    infer_session_free(&s);
    infer_model_free(&model);
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which),       cmocka_unit_test(test_same_answers),
        cmocka_unit_test(test_budget),      cmocka_unit_test(test_tail),
        cmocka_unit_test(test_tail_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
