/* From picture bytes to classes through a model file: its classes are the mean red, green and
 * blue of the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "file/model.h"
#include "run/session.h"
#include "tests/counted_malloc.h"
#include "tests/vision_files.h"
#include "vision/preprocess_file.h"

static void ok(infer_status status, const infer_error *err)
{
    if (status != INFER_OK)
        fail_msg("%s: %s", infer_status_name(status), err->message);
}

/* A file of x (1, 3, 4, 4) -> GlobalAveragePool -> y, with `stored` as its preprocessing. */
static void *write_model(const void *stored, size_t stored_size, size_t *size)
{
    struct infer__region region;
    struct infer__graph g;
    infer_error err;
    uint32_t x, y;
    infer__region_init(&region, NULL);
    ok(infer__graph_init(&g, &region, &err), &err);
    ok(infer__graph_add_value(&g, "x", &x, &err), &err);
    ok(infer__graph_add_value(&g, "y", &y, &err), &err);
    struct infer__value *v = &g.values[x];
    v->type = INFER_F32;
    v->kind = INFER__VALUE_INPUT;
    v->rank = 4;
    memcpy(v->dims, ((int64_t[]){1, 3, 4, 4}), 4 * sizeof(int64_t));
    v = &g.values[y];
    v->type = INFER_F32;
    v->rank = 4;
    memcpy(v->dims, ((int64_t[]){1, 3, 1, 1}), 4 * sizeof(int64_t));
    struct infer__node *node;
    ok(infer__graph_add_node(&g, INFER__OP_GLOBAL_AVERAGE_POOL, "mean", &x, 1, &y, 1, &node, &err),
       &err);
    g.inputs = &x;
    g.outputs = &y;
    g.ninputs = g.noutputs = 1;
    const struct infer__section extra = {INFER__SECTION_PREPROCESS, stored, stored_size};
    const char *labels[3] = {"red", "green", "blue"};
    const struct infer__file_content content = {
        .graph = &g, .labels = labels, .nlabels = 3, .extra = &extra, .nextra = stored != NULL};
    void *bytes;
    ok(infer__file_write(&content, NULL, &bytes, size, &err), &err);
    infer__region_free(&region);
    return bytes;
}

static void free_model(infer_model **model, void *bytes)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_model_free(model);
    infer__free(&a, bytes);
}

static struct bytes picture_of(uint32_t width, uint32_t height)
{
    static uint8_t rgb[900 * 3];
    assert_true(width * height <= 900);
    for (size_t i = 0; i < width * height; i++)
        memcpy(rgb + 3 * i, (uint8_t[3]){30, 10, 200}, 3);
    return make_png(width, height, rgb, 1);
}

static struct bytes picture(void)
{
    return picture_of(9, 7);
}

/* A model that classifies pictures of any size by their mean colour. */
static void *preprocessing_model(size_t *size)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    uint8_t stored[INFER__PREPROCESS_BYTES];
    infer_error err;
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = 4;
    ok(infer__preprocess_encode(&p, stored, &err), &err);
    return write_model(stored, sizeof stored, size);
}

static void one_call(void **unused)
{
    (void)unused;
    infer_preprocess p = INFER_PREPROCESS_INIT, back = INFER_PREPROCESS_INIT;
    infer_error err;
    uint8_t stored[INFER__PREPROCESS_BYTES];
    infer_preprocess_init(&p, sizeof p);
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = 4;
    p.scale[1] = 2; /* green counts double: 20 */
    ok(infer__preprocess_encode(&p, stored, &err), &err);
    size_t size, found;
    void *bytes = write_model(stored, sizeof stored, &size);
    infer_model *model;
    infer_session *session;
    ok(infer_load_memory(bytes, size, NULL, &model, &err), &err);
    ok(infer_model_preprocess(model, &back, &err), &err);
    assert_memory_equal(&back, &p, sizeof p);
    ok(infer_session_create(model, NULL, &session, &err), &err);

    struct bytes b = picture();
    infer_class c[5];
    ok(infer_classify(session, b.p, b.n, NULL, c, 5, &found, &err), &err);
    assert_int_equal(found, 3);
    assert_string_equal(infer_model_label(model, (size_t)c[0].index), "blue");
    assert_true(c[0].score == 200 && c[1].score == 30 && c[2].score == 20);
    assert_int_equal(c[1].index, 0);

    infer_classify_options o = INFER_CLASSIFY_OPTIONS_INIT;
    o.softmax = 1;
    ok(infer_classify(session, b.p, b.n, &o, c, 1, &found, &err), &err);
    assert_int_equal(found, 1);
    assert_true(c[0].score > 0.999f && c[0].score <= 1);
    infer_image_options pictures = INFER_IMAGE_OPTIONS_INIT;
    pictures.max_side = 8;
    o.image = &pictures;
    assert_int_equal(infer_classify(session, b.p, b.n, &o, c, 1, &found, &err), INFER_ERROR_LIMIT);
    o.image = NULL;
    o.output = 1;
    assert_int_equal(infer_classify(session, b.p, b.n, &o, c, 1, &found, &err),
                     INFER_ERROR_ARGUMENT);
    o.size = 3;
    assert_int_equal(infer_classify(session, b.p, b.n, &o, c, 1, &found, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_classify(session, b.p, b.n / 2, NULL, c, 1, &found, &err),
                     INFER_ERROR_PICTURE);
    assert_int_equal(infer_classify(NULL, b.p, b.n, NULL, c, 1, &found, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_classify(session, NULL, 1, NULL, c, 1, &found, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_classify(session, b.p, b.n, NULL, NULL, 1, &found, &err),
                     INFER_ERROR_ARGUMENT);
    free(b.p);
    infer_session_free(&session);
    free_model(&model, bytes);
}

static void without_or_with_bad_preprocessing(void **unused)
{
    (void)unused;
    static const uint8_t bad[INFER__PREPROCESS_BYTES] = {9};
    static const struct {
        const void *bytes;
        size_t size;
        infer_status status;
    } cases[] = {{NULL, 0, INFER_ERROR_UNSUPPORTED},
                 {bad, sizeof bad, INFER_ERROR_FORMAT},
                 {bad, 7, INFER_ERROR_FORMAT}};
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        infer_model *model;
        infer_preprocess p = INFER_PREPROCESS_INIT;
        infer_error err;
        void *bytes = write_model(cases[i].bytes, cases[i].size, &size);
        ok(infer_load_memory(bytes, size, NULL, &model, &err), &err);
        assert_int_equal(infer_model_preprocess(model, &p, &err), cases[i].status);
        assert_int_equal(infer_model_preprocess(model, NULL, &err), INFER_ERROR_ARGUMENT);
        free_model(&model, bytes);
    }
    assert_int_equal(infer_model_preprocess(NULL, NULL, NULL), INFER_ERROR_ARGUMENT);
}

/* After the first picture of a size the library asks its allocator for nothing, and libc neither.
 */
static void takes_no_memory(void **unused)
{
    static const uint32_t sides[4] = {9, 7, 20, 4};
    struct counter counter = {.limit = SIZE_MAX};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_session_options so = INFER_SESSION_OPTIONS_INIT;
    infer_model *model;
    infer_session *session;
    infer_class c[3];
    infer_error err;
    size_t size, found;
    (void)unused;
    void *bytes = preprocessing_model(&size);
    o.allocator = counting(&counter);
    so.threads = 2;
    ok(infer_load_memory(bytes, size, &o, &model, &err), &err);
    ok(infer_session_create(model, &so, &session, &err), &err);
    for (int i = 0; i < 4; i++) {
        struct bytes b = picture_of(sides[i], sides[i]);
        const size_t before = counter.calls;
        ok(infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err), &err);
        if ((counter.calls > before) != (i == 0 || i == 2)) /* larger than all before */
            fail_msg("%zu allocations for picture %d", counter.calls - before, i);
        const size_t first = counter.calls;
        const long all = calls;
        for (int k = 0; k < 3; k++)
            ok(infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err), &err);
        assert_int_equal(counter.calls, first);
        if (COUNTED)
            assert_int_equal(calls, all);
        free(b.p);
    }
    infer_session_free(&session);
    free_model(&model, bytes);
    assert_int_equal(counter.live, 0);
}

/* Every allocation of the first call fails in turn. */
/* A session that is at work refuses. */
static void one_at_a_time(void **unused)
{
    (void)unused;
    size_t size, found = 7;
    void *bytes = preprocessing_model(&size);
    infer_model *model;
    infer_session *session;
    infer_error err;
    infer_class c[3];
    struct bytes b = picture();
    ok(infer_load_memory(bytes, size, NULL, &model, &err), &err);
    ok(infer_session_create(model, NULL, &session, &err), &err);
    ok(infer__session_enter(session, &err), &err);
    assert_int_equal(infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err), INFER_ERROR_BUSY);
    assert_int_equal(found, 0);
    ok(infer__session_leave(session, INFER_OK, &err), &err);
    ok(infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err), &err);
    assert_int_equal(found, 3);
    infer_session_free(&session);
    free(b.p);
    free_model(&model, bytes);
}

static void out_of_memory(void **unused)
{
    struct counter counter = {.limit = SIZE_MAX};
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *model;
    infer_error err;
    size_t size, failures = 0;
    (void)unused;
    void *bytes = preprocessing_model(&size);
    struct bytes b = picture();
    o.allocator = counting(&counter);
    ok(infer_load_memory(bytes, size, &o, &model, &err), &err);
    for (infer_status status = INFER_ERROR_NO_MEMORY; status != INFER_OK; failures++) {
        infer_session *session;
        infer_class c[3];
        size_t found = 9;
        counter.limit = SIZE_MAX;
        ok(infer_session_create(model, NULL, &session, &err), &err);
        const size_t live = counter.live;
        counter.limit = counter.calls + failures;
        status = infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err);
        if (status != INFER_OK) {
            assert_int_equal(status, INFER_ERROR_NO_MEMORY);
            assert_int_equal(found, 0);
            assert_int_equal(counter.live, live);
        }
        infer_session_free(&session);
    }
    assert_true(failures > 3);
    free(b.p);
    free_model(&model, bytes);
    assert_int_equal(counter.live, 0);
}

/* Memory for pictures is the session's, and within its limit. */
static void within_the_limit(void **unused)
{
    infer_session_options so = INFER_SESSION_OPTIONS_INIT;
    infer_session_memory use = INFER_SESSION_MEMORY_INIT;
    infer_model *model;
    infer_session *session;
    infer_class c[3];
    infer_error err;
    size_t size, found;
    (void)unused;
    void *bytes = preprocessing_model(&size);
    ok(infer_load_memory(bytes, size, NULL, &model, &err), &err);
    so.threads = 1;
    ok(infer_session_create(model, &so, &session, &err), &err);
    ok(infer_session_memory_use(session, &use, &err), &err);
    infer_session_free(&session);
    so.max_memory_bytes = use.arena_bytes + use.packed_bytes + use.output_bytes + use.plan_bytes;
    ok(infer_session_create(model, &so, &session, &err), &err);
    struct bytes b = picture_of(30, 30);
    assert_int_equal(infer_classify(session, b.p, b.n, NULL, c, 3, &found, &err),
                     INFER_ERROR_LIMIT);
    assert_non_null(strstr(err.message, "max_memory_bytes"));
    free(b.p);
    infer_session_free(&session);
    free_model(&model, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call),         cmocka_unit_test(takes_no_memory),
        cmocka_unit_test(one_at_a_time),    cmocka_unit_test(out_of_memory),
        cmocka_unit_test(within_the_limit), cmocka_unit_test(without_or_with_bad_preprocessing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
