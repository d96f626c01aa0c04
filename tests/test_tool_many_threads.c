/* Plans cut for many threads, run by one that stands for all of them: the same bits as one thread's
 * own plan gives, and the same packed weights. Real networks, as only those have layers of all
 * sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "infer.h"
#include "tools/convert.h"
#include "tools/random_fill.h"

/* Another item first, so that units are taken from all parts' ends. */
static void run_backwards(void *ctx, uint32_t n, void (*item)(void *arg, uint32_t index), void *arg)
{
    (void)ctx;
    for (uint32_t i = n; i-- > 0;)
        item(arg, i);
}

static infer_tensor make_input(const infer_session *s)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_tensor t = {0};
    assert_int_equal(infer_session_input(s, 0, &info, NULL), INFER_OK);
    t.type = info.type;
    t.rank = info.rank;
    memcpy(t.dims, info.dims, sizeof t.dims);
    t.bytes = infer_tensor_elements(&t) * infer_type_size(t.type);
    t.data = malloc(t.bytes);
    assert_non_null(t.data);
    random_fill(&t, 7);
    return t;
}

/* The first output of a session for `threads` threads, a copy for the caller to free. */
static void *run(const infer_model *model, uint32_t threads, infer_precision precision,
                 size_t *bytes, uint64_t *packed)
{
    infer_pool_options p = INFER_POOL_OPTIONS_INIT;
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session_memory memory = INFER_SESSION_MEMORY_INIT;
    infer_pool *pool = NULL;
    infer_session *s = NULL;
    infer_tensor out[8] = {{0}};
    infer_error err;
    const size_t outputs = infer_model_outputs(model);
    p.threads = threads;
    p.executor.run = run_backwards;
    o.precision = precision;
    assert_int_equal(infer_pool_create(&p, &pool, &err), INFER_OK);
    o.pool = pool;
    if (infer_session_create(model, &o, &s, &err) != INFER_OK)
        fail_msg("%s", err.message);
    assert_true(outputs <= 8);
    infer_tensor in = make_input(s);
    assert_int_equal(infer_run(s, &in, 1, out, outputs, &err), INFER_OK);
    infer_session_memory_use(s, &memory, NULL);
    *packed = memory.packed_bytes;
    *bytes = out[0].bytes;
    void *copy = malloc(*bytes);
    assert_non_null(copy);
    memcpy(copy, out[0].data, *bytes);
    free(in.data);
    infer_session_free(&s);
    infer_pool_free(&pool);
    return copy;
}

static void check(const char *name, infer_precision precision)
{
    const infer_allocator none = {0}, allocator = infer__allocator(&none);
    const char *shared = getenv("INFER_SHARED");
    static const uint32_t threads[] = {2, 4, 7, 16, 64};
    char path[512];
    infer_model *model = NULL;
    void *converted = NULL;
    snprintf(path, sizeof path, "%s/models/%s/model.onnx", shared ? shared : "../shared", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        printf("skipped: no %s\n", path);
        return;
    }
    fclose(f);
    assert_int_equal(open_model(path, NULL, 0, &model, &converted), 0);
    size_t bytes, now_bytes;
    uint64_t packed, now_packed;
    void *alone = run(model, 1, precision, &bytes, &packed);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        void *now = run(model, threads[i], precision, &now_bytes, &now_packed);
        assert_int_equal(now_bytes, bytes);
        if (memcmp(now, alone, bytes) != 0)
            fail_msg("%s: other bits with a plan for %u threads", name, threads[i]);
        assert_int_equal(now_packed, packed);
        free(now);
    }
    free(alone);
    infer_model_free(&model);
    infer__free(&allocator, converted);
}

static void networks_of_floats(void **state)
{
    (void)state;
    check("squeezenet-imagenet-fp32", INFER_PRECISION_F32);
    check("mobilenetv2-1.0-224-imagenet-fp32", INFER_PRECISION_F32);
    check("superres-subpixel-cnn-224", INFER_PRECISION_F32);
    check("nanodet-m-coco-320", INFER_PRECISION_F32);
}

static void networks_of_integers(void **state)
{
    (void)state;
    check("mobilenetv2-1.0-224-imagenet-qdq", INFER_PRECISION_F32);
    check("shufflenetv2-imagenet-int8-qoperator", INFER_PRECISION_F32);
    check("ssd-mobilenetv1-coco-300-qdq", INFER_PRECISION_F32);
}

static void networks_of_bf16(void **state)
{
    (void)state;
    if (!infer_cpu_has(INFER_ISA_AVX512BF16)) {
        printf("skipped: no AVX-512 BF16 here\n");
        return;
    }
    check("squeezenet-imagenet-fp32", INFER_PRECISION_BF16);
    check("mobilenetv2-1.0-224-imagenet-fp32", INFER_PRECISION_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_of_floats),
        cmocka_unit_test(networks_of_integers),
        cmocka_unit_test(networks_of_bf16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
