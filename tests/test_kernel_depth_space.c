/* DepthToSpace and SpaceToDepth against ONNX's definition, which is by reshape and transpose of
 * N, C, H, W tensors. */
#include "kernel_check.h"

static uint64_t seed;

/* Offset of (n, c, h, w) in a channels-last tensor. */
static int64_t at(const struct infer__operand *o, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return ((n * o->dims[1] + h) * o->dims[2] + w) * o->dims[3] + c;
}

/* ONNX: DCR reshapes channels to b, b, c and CRD to c, b, b; SpaceToDepth is the way back of
 * DCR. */
static int64_t deep_channel(int crd, int64_t b, int64_t q, int64_t c, int64_t i, int64_t j)
{
    return crd ? (c * b + i) * b + j : (i * b + j) * q + c;
}

static void one_case(infer_type type, int to_space, int crd, uint64_t *r)
{
    int64_t b = random_int(r, 1, 4), q = random_int(r, 1, 20), n = random_int(r, 1, 3);
    int64_t deep_size[3] = {1, random_int(r, 1, 5), random_int(r, 1, 5)};
    int64_t wide_size[3] = {1, deep_size[1] * b, deep_size[2] * b};
    struct infer__operand deep = spatial_operand(type, 2, n, deep_size, q * b * b);
    struct infer__operand wide = spatial_operand(type, 2, n, wide_size, q);
    const struct infer__operand *from = to_space ? &deep : &wide, *to = to_space ? &wide : &deep;
    struct infer__task t = {.op = to_space ? INFER__OP_DEPTH_TO_SPACE : INFER__OP_SPACE_TO_DEPTH,
                            .isa = INFER_ISA_C,
                            .nin = 1,
                            .nout = 1,
                            .in = from,
                            .out = to};
    t.p.d2s = (struct infer__d2s){b, crd ? INFER__CRD : INFER__DCR};
    size_t size = infer_type_size(type), bytes = operand_bytes(from);
    unsigned char *x = malloc(bytes), *y = malloc(bytes);
    const void *in[1] = {x};
    void *out[1] = {y};
    const struct infer__kernel *k = infer__kernel_find("depth_space_c");
    assert_non_null(k);
    for (size_t i = 0; i < bytes; i++)
        x[i] = (unsigned char)random_next(r);
    check_kernel(k, &t, in, out, r);
    for (int64_t i = 0; i < infer__operand_elements(&wide); i++) {
        int64_t c = i % q, w = i / q % wide_size[2], h = i / q / wide_size[2] % wide_size[1];
        int64_t image = i / q / wide_size[2] / wide_size[1];
        int64_t d =
            at(&deep, image, deep_channel(crd && to_space, b, q, c, h % b, w % b), h / b, w / b);
        int64_t e = at(&wide, image, c, h, w);
        assert_memory_equal(x + (size_t)(to_space ? d : e) * size,
                            y + (size_t)(to_space ? e : d) * size, size);
    }
    free(x);
    free(y);
}

static void test_depth_space(void **state)
{
    static const infer_type types[] = {INFER_F32, INFER_U8, INFER_F16, INFER_S64};
    uint64_t r = seed;
    (void)state;
    for (int i = 0; i < 480; i++)
        one_case(types[i % 4], i / 4 % 2, i / 8 % 2, &r);
}

/* ONNX's own example of both modes: channels 0, 9, 18 ... of a 2 x 3 picture. */
static void test_example(void **state)
{
    uint64_t r = seed;
    (void)state;
    for (int crd = 0; crd < 2; crd++) {
        int64_t deep_size[3] = {1, 2, 3}, wide_size[3] = {1, 4, 6};
        struct infer__operand x = spatial_operand(INFER_F32, 2, 1, deep_size, 8);
        struct infer__operand y = spatial_operand(INFER_F32, 2, 1, wide_size, 2);
        struct infer__task t = {.op = INFER__OP_DEPTH_TO_SPACE,
                                .isa = INFER_ISA_C,
                                .nin = 1,
                                .nout = 1,
                                .in = &x,
                                .out = &y};
        float data[48], got[48];
        const void *in[1] = {data};
        void *out[1] = {got};
        t.p.d2s = (struct infer__d2s){2, crd};
        for (int i = 0; i < 48; i++) /* x[c][h][w] = 9 * c + 3 * h + w */
            data[i] = (float)(9 * (i % 8) + i / 8);
        check_kernel(infer__kernel_find("depth_space_c"), &t, in, out, &r);
        static const float dcr_row[6] = {0, 18, 1, 19, 2, 20}, crd_row[6] = {0, 9, 1, 10, 2, 11};
        for (int w = 0; w < 6; w++)
            assert_true(got[w * 2] == (crd ? crd_row : dcr_row)[w]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth_space),
        cmocka_unit_test(test_example),
    };
    seed = random_seed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
