/* Resize to a size, and a Slice from and to a place, that only a run knows: what pastes masks does.
 */
#include "base/cpu.h"
#include "graph/resolve.h"
#include "tests/small_net.h"

#include <math.h>

enum { SIDE = 6, MOST = 15, BEGIN = 0, END = 1 };

/* x (1, 1, SIDE, SIDE) resized to h x w, of which rows [begin, end) are kept. */
static struct bytes pasting_net(void)
{
    struct net n = {.rng = {1}};
    struct infer__node *node;
    uint32_t in[4], out[2];
    const int64_t axis = 0, rows = 2;
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    in[0] = net_value(&n, "x", INFER_F32, 4, 1);
    memcpy(n.g.values[in[0]].dims, (int64_t[]){1, 1, SIDE, SIDE}, 4 * sizeof(int64_t));
    in[1] = net_value(&n, "size", INFER_S64, 1, 2);
    in[2] = net_value(&n, "begin", INFER_S64, 1, 1);
    in[3] = net_value(&n, "end", INFER_S64, 1, 1);
    const uint32_t ones = net_ints(&n, "", 1, 2, (int64_t[]){1, 1});
    const uint32_t sizes =
        net_node(&n, INFER__OP_CONCAT, "sizes", (uint32_t[]){ones, in[1]}, 2, &node);
    net_attr(&n, node, INFER__ATTR_AXIS, 1, &axis);
    out[0] = net_node(&n, INFER__OP_RESIZE, "resized", (uint32_t[]){in[0], 0, 0, sizes}, 4, &node);
    net_attr(&n, node, INFER__ATTR_MODE, 1, &(int64_t){INFER__LINEAR});
    out[1] = net_node(&n, INFER__OP_SLICE, "cut",
                      (uint32_t[]){out[0], in[2], in[3], net_ints(&n, "", 1, 1, &rows)}, 4, &node);
    n.g.inputs = in;
    n.g.ninputs = 4;
    n.g.outputs = out;
    n.g.noutputs = 2;
    struct infer__file_content c = {.graph = &n.g};
    const struct bytes b = write_exact(&c);
    infer__region_free(&n.region);
    return b;
}

/* Linear between pixel centres, edges repeated, in double. */
static double sample(const float *x, int64_t at, int64_t size, int64_t step)
{
    double place = ((double)at + 0.5) * SIDE / (double)size - 0.5;
    place = place < 0 ? 0 : place > SIDE - 1 ? SIDE - 1 : place;
    const int64_t low = (int64_t)place, high = low + 1 < SIDE ? low + 1 : low;
    const double part = place - (double)low;
    return (double)x[low * step] * (1 - part) + (double)x[high * step] * part;
}

static double resized(const float *x, int64_t row, int64_t column, int64_t h, int64_t w)
{
    float line[SIDE];
    for (int64_t i = 0; i < SIDE; i++)
        line[i] = (float)sample(x + i, row, h, SIDE);
    return sample(line, column, w, 1);
}

static int64_t place_of(int64_t at, int64_t size)
{
    at = at < 0 ? at + size : at;
    return at < 0 ? 0 : at > size ? size : at;
}

static void expect_pasted(const infer_tensor *y, const float *x, const int64_t *size,
                          const int64_t *range)
{
    const int64_t h = size[0], w = size[1], begin = place_of(range[BEGIN], h);
    const int64_t end = place_of(range[END], h), kept = end > begin ? end - begin : 0;
    assert_true(y[0].dims[2] == h && y[0].dims[3] == w);
    assert_true(y[1].dims[2] == kept && y[1].dims[3] == w);
    for (int64_t i = 0; i < h * w; i++) {
        const double got = (double)((const float *)y[0].data)[i],
                     want = resized(x, i / w, i % w, h, w);
        if (!(fabs(got - want) <= 1e-5))
            fail_msg("%d x %d, element %d: %g, not %g", (int)h, (int)w, (int)i, got, want);
    }
    if (kept)
        assert_memory_equal(y[1].data, (const float *)y[0].data + begin * w,
                            (size_t)(kept * w) * sizeof(float));
}

static void test_pasted(void **state)
{
    static const int64_t sizes[][2] = {{6, 6}, {15, 15}, {1, 1}, {3, 14}, {13, 2}, {7, 7}};
    static const int64_t ranges[][2] = {{0, 99}, {2, 5}, {-3, -1}, {5, 2}, {0, 1}, {-99, 4}};
    static const infer_maximum most = {"size", MOST, {0, 0}};
    struct bytes b = pasting_net();
    (void)state;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        infer_session_options o = INFER_SESSION_OPTIONS_INIT;
        infer_session *s;
        infer_model *model;
        infer_error err;
        float x[SIDE * SIDE];
        for (int i = 0; i < SIDE * SIDE; i++)
            x[i] = (float)(i * i % 31) / 7;
        OK(infer_load_memory(b.data, b.size, NULL, &model, &err));
        o.threads = 2;
        o.isa = isa;
        o.maxima = &most;
        o.nmaxima = 1;
        OK(infer_session_create(model, &o, &s, &err));
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 6; i++) {
            int64_t size[2] = {sizes[i / 6][0], sizes[i / 6][1]};
            int64_t range[2] = {ranges[i % 6][BEGIN], ranges[i % 6][END]};
            const infer_tensor in[4] = {{INFER_F32, 4, {1, 1, SIDE, SIDE}, x, sizeof x, {0, 0}},
                                        {INFER_S64, 1, {2}, size, sizeof size, {0, 0}},
                                        {INFER_S64, 1, {1}, &range[BEGIN], sizeof *range, {0, 0}},
                                        {INFER_S64, 1, {1}, &range[END], sizeof *range, {0, 0}}};
            infer_tensor y[2] = {{0}};
            if (infer_run(s, in, 4, y, 2, &err) != INFER_OK)
                fail_msg("%s", err.message);
            expect_pasted(y, x, size, range);
        }
        infer_session_free(&s);
        infer_model_free(&model);
    }
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pasted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
