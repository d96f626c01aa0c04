/* Sizes from a file: they are multiplied without wrapping, and what is too much is refused before
 * memory is taken for it, wherever it comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_cut.h"
#include "limit_model.h"

/* ---- what kernels need ---------------------------------------------------------------------- */

static int released;

static void count_release(void *cut)
{
    released += *(int *)cut == 7;
}

static infer_status need_much(const struct infer__task *t, struct infer__need *need,
                              infer_error *err)
{
    (void)err;
    *(int *)need->cut = 7;
    need->packed_bytes = infer__bytes_of(INFER__PRODUCT(t->nin, INT64_C(1) << 61), 8);
    return INFER_OK;
}

/* One place refuses it, names the node and frees what the kernel has made. */
static void test_prepare_refuses(void **state)
{
    const struct infer__kernel k = {
        .name = "much", .cut_bytes = sizeof(int), .prepare = need_much, .release = count_release};
    struct infer__task t = {.nin = 1};
    struct infer__need need;
    infer_error err;
    int cut = 1;
    (void)state;
    released = 0;
    assert_int_equal(infer__kernel_prepare(&k, &t, "here", &cut, &need, &err), INFER_ERROR_LIMIT);
    assert_string_equal(err.node, "here");
    assert_int_equal(released, 1);
    t.nin = 0;
    assert_int_equal(infer__kernel_prepare(&k, &t, "here", &cut, &need, &err), INFER_OK);
    assert_int_equal(released, 1);
    assert_int_equal(need.units, 1);
}

/* Tasks that no graph can have any more: the tables of Resize have too many bytes of their own. */
static void test_resize_tables(void **state)
{
    static const char *const names[] = {"resize_f32_c", "resize_nearest_c"};
    static const int64_t sizes[] = {(INT64_C(1) << 61) + 1, INT64_C(1) << 61, INT64_C(1) << 58,
                                    INT64_C(1) << 46};
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct infer__operand x = {.type = INFER_F32, .rank = 3, .dims = {1, 0, 4}}, y = x;
        struct infer__task t = {.op = INFER__OP_RESIZE,
                                .isa = INFER_ISA_C,
                                .threads = 2,
                                .nin = 1,
                                .nout = 1,
                                .in = &x,
                                .out = &y};
        struct infer__need need;
        infer_error err;
        y.dims[2] = sizes[i / 2];
        t.p.resize.mode = i % 2 ? INFER__NEAREST : INFER__LINEAR;
        const struct infer__kernel *k = infer__kernel_find(names[i % 2]);
        for (int a = 0; a < INFER_MAX_RANK; a++)
            t.p.resize.scale[a] = 1;
        t.p.resize.scale[2] = (float)sizes[i / 2] / 4;
        assert_int_equal(infer__kernel_prepare(k, &t, "node", cut_memory(k), &need, &err),
                         INFER_ERROR_LIMIT);
    }
}

/* ---- models --------------------------------------------------------------------------------- */

static void expect_session(const struct limit_model *m, infer_status expected)
{
    infer_error err;
    infer_status status = limit_session(m, 0, NULL, &err);
    if (status != expected)
        fail_msg("%s, not %s: %s", infer_status_name(status), infer_status_name(expected),
                 err.message);
    if (status != INFER_OK)
        assert_string_equal(err.node, "node");
}

/* An empty tensor is resized along another axis, to sizes whose tables' bytes wrap. */
static void test_resize_of_empty(void **state)
{
    static const int64_t sizes[] = {(INT64_C(1) << 61) + 1, INT64_C(1) << 60, INT64_C(1) << 31};
    (void)state;
    for (int mode = INFER__NEAREST; mode <= INFER__CUBIC; mode++)
        for (int i = 0; i < 3; i++) {
            const int64_t target[3] = {1, 0, sizes[i]};
            expect_session(
                &(struct limit_model){
                    .op = INFER__OP_RESIZE,
                    .x = {.type = INFER_F32, .rank = 3, .dims = {1, 0, 4}},
                    .more[2] = {.type = INFER_S64, .rank = 1, .dims = {3}, .data = target},
                    .attr[0] = {INFER__ATTR_MODE, 1, {mode}}},
                INFER_ERROR_LIMIT);
        }
}

/* Padding that would wrap with the channels, and windows that reach further than a tensor may. */
static void test_windows(void **state)
{
    struct limit_model m = {.op = INFER__OP_MAX_POOL,
                            .x = {.type = INFER_F32, .rank = 4, .dims = {1, 1 << 16, 2, 2}},
                            .attr = {{INFER__ATTR_KERNEL_SHAPE, 2, {1 << 30, 1 << 30}},
                                     {INFER__ATTR_PADS, 4, {1 << 29, 1 << 29, 1 << 29, 1 << 29}}}};
    struct limit_model conv = {.op = INFER__OP_CONV,
                               .x = {.type = INFER_F32, .rank = 3, .dims = {1, 1, 4}},
                               .more[0] = {.type = INFER_F32, .rank = 3, .dims = {1, 1, 2}},
                               .attr = {{INFER__ATTR_DILATIONS, 1, {INT32_MAX}},
                                        {INFER__ATTR_AUTO_PAD, 1, {INFER__PAD_SAME_UPPER}}}};
    (void)state;
    expect_session(&m, INFER_ERROR_LIMIT);
    expect_session(&conv, INFER_ERROR_LIMIT);
    conv.attr[0].ints[0] = 3;
    expect_session(&conv, INFER_OK);
}

/* What has no effect is brought down to sizes that kernels can multiply. */
static void test_windows_are_plain(void **state)
{
    struct limit_model m = {.op = INFER__OP_CONV,
                            .x = {.type = INFER_F32, .rank = 3, .dims = {1, 1, 4}},
                            .more[0] = {.type = INFER_F32, .rank = 3, .dims = {1, 1, 1}},
                            .attr = {{INFER__ATTR_STRIDES, 1, {INT32_MAX}},
                                     {INFER__ATTR_DILATIONS, 1, {INT32_MAX}},
                                     {INFER__ATTR_PADS, 2, {1, 2}}}};
    union infer__params p;
    infer_error err;
    (void)state;
    assert_int_equal(limit_resolve(&m, UINT64_MAX, &p, &err), INFER_OK);
    assert_int_equal(p.window.stride[2], 7);
    assert_int_equal(p.window.dilation[2], 7);
    m.attr[0].ints[0] = 7;
    assert_int_equal(limit_resolve(&m, UINT64_MAX, &p, &err), INFER_OK);
    assert_int_equal(p.window.stride[2], 7);
    m.attr[0].ints[0] = 3;
    assert_int_equal(limit_resolve(&m, UINT64_MAX, &p, &err), INFER_OK);
    assert_int_equal(p.window.stride[2], 3);
    expect_session(&m, INFER_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare_refuses),   cmocka_unit_test(test_resize_tables),
        cmocka_unit_test(test_resize_of_empty),   cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
