/* Answers out of outputs: decodings and their limits, forms of boxes, pictures of every kind of
 * pixels, and infer_detect on the bundled network, whose numbers are read as boxes. */
#include "tests/file_fixture.h"

#include <math.h>

#include "answer/candidates.h"
#include "tools/convert.h"
#include "vision/picture.h"

#define SIGNS "examples/signs/"

/* ---- decodings ------------------------------------------------------------------------------ */

static infer_decoding detection(int32_t classes)
{
    infer_decoding d = INFER_DECODING_INIT;
    d.task = INFER_TASK_DETECT;
    d.classes = classes;
    d.scores_first = 4;
    d.score_threshold = 0.5F;
    d.iou_threshold = 0.5F;
    return d;
}

static void test_decoding(void **state)
{
    (void)state;
    infer_decoding d = detection(3), read = INFER_DECODING_INIT;
    uint8_t bytes[INFER__DECODING_BYTES + 1] = {0};
    infer_error err;
    assert_true(d.background == -1 && d.objectness == -1 && d.points == -1 && d.class_field == -1);
    assert_true(d.angle == -1 && d.masks == -1);
    d.box_form = INFER_BOX_CENTRE_YX;
    d.label_first = -1;
    assert_int_equal(infer__decoding_encode(&d, bytes, &err), INFER_OK);
    assert_int_equal(infer__decoding_decode(bytes, INFER__DECODING_BYTES, &read, &err), INFER_OK);
    assert_memory_equal(&d, &read, sizeof d);
    assert_int_equal(infer__decoding_decode(bytes, INFER__DECODING_BYTES - 1, &read, &err),
                     INFER_ERROR_FORMAT);
    assert_int_equal(infer__decoding_decode(bytes, INFER__DECODING_BYTES + 1, &read, &err),
                     INFER_ERROR_VERSION);
    for (size_t word = 0; word < INFER__DECODING_BYTES / 4; word++) {
        uint8_t wrong[INFER__DECODING_BYTES];
        memcpy(wrong, bytes, sizeof wrong);
        put_le(wrong + 4 * word, 4, word < 30 ? 0x80000000 : 0x7fc00000); /* least; NaN */
        assert_int_equal(infer__decoding_decode(wrong, sizeof wrong, &read, &err),
                         INFER_ERROR_FORMAT);
    }
    d.background = 3;
    assert_int_equal(infer__decoding_encode(&d, bytes, &err), INFER_ERROR_ARGUMENT);
    d = detection(3);
    d.points = 0;
    assert_int_equal(infer__decoding_encode(&d, bytes, &err), INFER_ERROR_ARGUMENT);
    d = detection(3);
    d.class_field = 5;
    assert_int_equal(infer__decoding_encode(&d, bytes, &err), INFER_ERROR_ARGUMENT);
}

/* ---- candidates ----------------------------------------------------------------------------- */

static infer_tensor tensor(float *data, int64_t a, int64_t b)
{
    return (infer_tensor){.type = INFER_F32,
                          .rank = 3,
                          .dims = {1, a, b},
                          .data = data,
                          .bytes = (size_t)(a * b) * sizeof *data};
}

/* The boxes of an output, to be freed; the input is 100 x 50, and a picture 200 x 200 at (10, 20).
 */
static infer_box *find(const infer_decoding *d, const infer_tensor *outputs, size_t n,
                       size_t *count)
{
    const infer_transform t = {
        .size = sizeof t, .scale_x = 2, .scale_y = 4, .offset_x = 10, .offset_y = 20};
    const infer_allocator a = infer__allocator(NULL);
    struct infer__reading r;
    infer_error err;
    infer_box *boxes;
    assert_int_equal(infer__reading_of(d, outputs, n, 0, 100, 50, &r, &err), INFER_OK);
    assert_int_equal(infer__find_candidates(&r, d->score_threshold, &t, &a, &boxes, count, &err),
                     INFER_OK);
    return boxes;
}

static void drop(infer_box *boxes)
{
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, boxes);
}

static void check_box(const infer_box *b, float x0, float y0, float x1, float y1)
{
    assert_true(b->x0 == x0 && b->y0 == y0 && b->x1 == x1 && b->y1 == y1);
}

static void test_forms(void **state)
{
    (void)state;
    /* the same box, left 10, top 5, right 30, bottom 15, in each form */
    static const float forms[5][4] = {
        {10, 5, 30, 15}, {20, 10, 20, 10}, {10, 5, 20, 10}, {5, 10, 15, 30}, {10, 20, 10, 20}};
    infer_decoding d = detection(1);
    for (int32_t form = 0; form < 5; form++)
        for (int relative = 0; relative < 2; relative++) {
            float row[5];
            size_t count;
            const int turned = form >= INFER_BOX_CORNERS_YX;
            for (int k = 0; k < 4; k++)
                row[k] = forms[form][k] / (!relative ? 1 : (k ^ turned) & 1 ? 50.0F : 100.0F);
            row[4] = 0.75F;
            d.box_form = form;
            d.relative = relative;
            infer_tensor t = tensor(row, 1, 5);
            infer_box *b = find(&d, &t, 1, &count);
            assert_int_equal(count, 1);
            check_box(b, 10 * 2 + 10, 5 * 4 + 20, 30 * 2 + 10, 15 * 4 + 20);
            assert_true(b->score == 0.75F && b->index == 0 && b->candidate == 0);
            drop(b);
        }
}

/* Fields side by side and one behind another give the same. */
static void test_orders(void **state)
{
    (void)state;
    enum { N = 300, FIELDS = 7 };
    static float rows[N * FIELDS], columns[N * FIELDS];
    uint32_t seed = 9;
    for (int i = 0; i < N; i++)
        for (int f = 0; f < FIELDS; f++) {
            seed = seed * 1664525u + 1013904223u;
            const float v = seed >> 28 == 3 ? NAN : (float)(seed >> 8) / 16777216.0F;
            rows[i * FIELDS + f] = columns[f * N + i] = v;
        }
    for (int every = 0; every < 2; every++)
        for (int background = -1; background < 3; background++) {
            infer_decoding d = detection(3);
            size_t count, again;
            d.every_class = every;
            d.background = background;
            infer_tensor t = tensor(rows, N, FIELDS);
            infer_box *a = find(&d, &t, 1, &count);
            d.scores_order = d.boxes_order = 1;
            t = tensor(columns, FIELDS, N);
            infer_box *b = find(&d, &t, 1, &again);
            assert_int_equal(count, again);
            assert_true(count > 50);
            for (size_t i = 0; i < count; i++)
                assert_true(a[i].candidate == b[i].candidate && a[i].index == b[i].index &&
                            a[i].score == b[i].score && a[i].score > 0.5F &&
                            a[i].index != background);
            drop(a);
            drop(b);
        }
}

static void test_scores(void **state)
{
    (void)state;
    float rows[] = {1, 2, 3, 4, 0.5F, 0.9F, 0.8F, 1, /* objectness 0.5, best 0.9: 0.45 */
                    1, 2, 3, 4, 1.0F, 0.2F, 0.8F, 4, /* class 1, 0.8 */
                    1, 2, 3, 4, 1.0F, 0.6F, 0.6F, 7, /* equal: the lowest class */
                    1, 2, 3, 4, NAN,  0.9F, 0.9F, 7};
    infer_decoding d = detection(2);
    infer_tensor t = tensor(rows, 4, 8);
    size_t count;
    d.scores_first = 5;
    d.objectness = 4;
    infer_box *b = find(&d, &t, 1, &count);
    assert_int_equal(count, 2);
    assert_true(b[0].candidate == 1 && b[0].index == 1 && b[0].score == 0.8F);
    assert_true(b[1].candidate == 2 && b[1].index == 0 && b[1].score == 0.6F);
    drop(b);
    d.classes = 1;
    d.class_field = 7;
    d.objectness = -1;
    b = find(&d, &t, 1, &count);
    assert_int_equal(count, 3);
    assert_true(b[0].index == 1 && b[1].candidate == 2 && b[1].index == 7);
    drop(b);
}

static void test_shapes(void **state)
{
    (void)state;
    float rows[20] = {0};
    infer_tensor t[2] = {tensor(rows, 2, 5), tensor(rows, 3, 4)};
    infer_decoding d = detection(1);
    struct infer__reading r;
    infer_error err;
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_OK);
    d.boxes = 1; /* of another number of candidates */
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_ERROR_SHAPE);
    d.boxes = 2;
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_ERROR_SHAPE);
    d = detection(2); /* more than there are fields */
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_ERROR_SHAPE);
    d = detection(1);
    d.objectness = INT32_MAX;
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_ERROR_SHAPE);
    t[0].type = INFER_S32;
    d = detection(1);
    assert_int_equal(infer__reading_of(&d, t, 2, 0, 1, 1, &r, &err), INFER_ERROR_SHAPE);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Random samples, and what OpenCV makes of them: cvtColor with COLOR_YUV2RGB_NV12, _I420, _YUY2. */
enum { W = 6, H = 4 };
static const uint8_t y_plane[] = {0,  255, 184, 171, 238, 171, 20, 206, 245, 153, 204, 5,
                                  37, 53,  213, 206, 192, 173, 6,  120, 63,  96,  236, 131};
static const uint8_t u_plane[] = {118, 4, 87, 161, 124, 71};
static const uint8_t v_plane[] = {237, 16, 194, 250, 10, 103};
static const uint8_t rgb[] = {
    174, 0, 0,  255, 193, 255, 17, 255, 0,   2,  255, 0,   255, 221, 176, 255, 143, 98,
    179, 0, 0,  255, 136, 201, 88, 255, 16,  0,  255, 0,   255, 181, 136, 105, 0,   0,
    219, 0, 91, 238, 0,   110, 41, 255, 221, 33, 255, 213, 165, 247, 90,  143, 225, 68,
    195, 0, 67, 255, 9,   188, 0,  152, 47,  0,  191, 85,  216, 255, 141, 94,  176, 19};

static uint8_t planes[W * H * 4];

/* The picture above as pixels of a kind, in `planes`; planes stand one behind another. */
static infer_picture picture_of(int32_t pixels)
{
    infer_picture p = {.data = planes, .pixels = pixels, .width = W, .height = H};
    const int channels = pixels == INFER_PIXELS_RGBA || pixels == INFER_PIXELS_BGRA ? 4 : 3;
    const int bgr = pixels == INFER_PIXELS_BGR || pixels == INFER_PIXELS_BGRA;
    for (int i = 0; i < W * H && pixels < INFER_PIXELS_GRAY; i++)
        for (int c = 0; c < channels; c++)
            planes[channels * i + c] = c == 3 ? 77 : rgb[3 * i + (bgr ? 2 - c : c)];
    for (int i = 0; i < W * H && pixels == INFER_PIXELS_YUYV; i++) {
        const int at = i / W / 2 * (W / 2) + i % W / 2;
        planes[2 * i] = y_plane[i];
        planes[2 * i + 1] = i % 2 ? v_plane[at] : u_plane[at];
    }
    if (pixels == INFER_PIXELS_NV12 || pixels == INFER_PIXELS_I420)
        memcpy(planes, y_plane, sizeof y_plane);
    for (int i = 0; i < W * H / 4 && pixels == INFER_PIXELS_NV12; i++) {
        planes[W * H + 2 * i] = u_plane[i];
        planes[W * H + 2 * i + 1] = v_plane[i];
    }
    if (pixels == INFER_PIXELS_I420) {
        memcpy(planes + W * H, u_plane, sizeof u_plane);
        memcpy(planes + W * H + sizeof u_plane, v_plane, sizeof v_plane);
    }
    return p;
}

/* The region of a picture as bytes of RGB, rows of pixels. */
static void fill(const infer_picture *given, uint8_t *out, int w, int h, infer_transform *t)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct infer__picture picture;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    infer_tensor to = {.type = INFER_U8, .rank = 4, .dims = {1, h, w, 3}, .data = out};
    to.bytes = (size_t)w * (size_t)h * 3;
    o.allocator = a;
    p.layout = INFER_LAYOUT_NHWC;
    assert_int_equal(infer__picture_open(given, &o, NULL, &picture, &err), INFER_OK);
    assert_int_equal(infer__picture_fill(&picture, &p, 0, &to, &a, t, &err), INFER_OK);
    infer__picture_free(&picture);
}

static void test_pixels(void **state)
{
    (void)state;
    for (int32_t pixels = INFER_PIXELS_RGB; pixels <= INFER_PIXELS_YUYV; pixels++) {
        uint8_t whole[W * H * 3], part[2 * 3 * 3];
        infer_transform t = INFER_TRANSFORM_INIT;
        if (pixels == INFER_PIXELS_GRAY)
            continue;
        infer_picture p = picture_of(pixels);
        fill(&p, whole, W, H, &t);
        assert_memory_equal(whole, rgb, sizeof whole);
        assert_true(t.offset_x == 0 && t.picture_width == W);
        if (pixels < INFER_PIXELS_GRAY) { /* out of the picture on two sides */
            uint8_t out[4 * 3 * 3], black[3] = {0};
            p.x = -2;
            p.y = H - 1;
            p.region_width = 4;
            p.region_height = 3;
            fill(&p, out, 4, 3, &t);
            assert_memory_equal(out + 2 * 3, rgb + (H - 1) * W * 3, 6);
            assert_memory_equal(out + 3, black, 3);
            assert_memory_equal(out + 4 * 3 + 6, black, 3);
            assert_true(t.offset_x == -2 && t.offset_y == H - 1 && t.picture_width == W);
        }
        p.x = 3;
        p.y = 1;
        p.region_width = 2;
        p.region_height = 3;
        fill(&p, part, 2, 3, &t);
        for (int y = 0; y < 3; y++)
            assert_memory_equal(part + y * 6, rgb + ((y + 1) * W + 3) * 3, 6);
        assert_true(t.offset_x == 3 && t.offset_y == 1 && t.scale_x == 1);
        assert_true(t.picture_width == W && t.picture_height == H);
    }
}

/* Planes and rows that stand apart. */
static void test_pitches(void **state)
{
    (void)state;
    uint8_t y[H * 9], u[H / 2 * 5], v[H / 2 * 7], whole[W * H * 3];
    infer_transform t = INFER_TRANSFORM_INIT;
    for (int i = 0; i < H; i++)
        memcpy(y + 9 * i, y_plane + W * i, W);
    for (int i = 0; i < H / 2; i++) {
        memcpy(u + 5 * i, u_plane + W / 2 * i, W / 2);
        memcpy(v + 7 * i, v_plane + W / 2 * i, W / 2);
    }
    infer_picture p = {.data = y, .pitch = 9, .planes = {u, v}, .pitches = {5, 7}};
    p.pixels = INFER_PIXELS_I420;
    p.width = W;
    p.height = H;
    fill(&p, whole, W, H, &t);
    assert_memory_equal(whole, rgb, sizeof whole);
}

/* Grey is the same of RGB and of BGR. */
static void test_grey(void **state)
{
    (void)state;
    uint8_t grey[2][W * H];
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_preprocess pre = INFER_PREPROCESS_INIT;
    infer_transform t = INFER_TRANSFORM_INIT;
    infer_error err;
    const infer_allocator a = infer__allocator(NULL);
    pre.color = INFER_COLOR_GRAY;
    o.allocator = a;
    for (int i = 0; i < 2; i++) {
        const infer_picture p = picture_of(i ? INFER_PIXELS_BGRA : INFER_PIXELS_RGB);
        infer_tensor to = {.type = INFER_U8, .rank = 4, .dims = {1, 1, H, W}, .data = grey[i]};
        struct infer__picture picture;
        to.bytes = W * H;
        assert_int_equal(infer__picture_open(&p, &o, NULL, &picture, &err), INFER_OK);
        assert_int_equal(infer__picture_fill(&picture, &pre, 0, &to, &a, &t, &err), INFER_OK);
        infer__picture_free(&picture);
    }
    assert_memory_equal(grey[0], grey[1], W * H);
    assert_int_equal(grey[0][0], (19595 * 174 + 32768) >> 16);
}

/* ---- one call ------------------------------------------------------------------------------- */

/* The bundled network, for 64 x 64 pixels; its file, of *size bytes, is to be freed last. */
static void *open_signs(infer_model **model, infer_session **session, size_t *size)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options o = {.preprocess = &p};
    struct onnx_report report;
    void *bytes;
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = 64;
    onnx_report_init(&report, NULL);
    assert_int_equal(
        convert_onnx(SIGNS "signs.onnx", &o, &report, NULL, &bytes, size, &(infer_error){0}),
        INFER_OK);
    onnx_report_free(&report);
    assert_int_equal(infer_load_memory(bytes, *size, NULL, model, NULL), INFER_OK);
    assert_int_equal(infer_session_create(*model, NULL, session, NULL), INFER_OK);
    return bytes;
}

static void test_detect(void **state)
{
    (void)state;
    infer_model *model;
    infer_session *session;
    infer_image image;
    infer_error err;
    infer_box boxes[4];
    size_t found[2];
    infer_decoding d = detection(20);
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections to = INFER_DETECTIONS_INIT;
    d.score_threshold = -1e30F; /* logits */
    o.decoding = &d;
    to.boxes = boxes;
    to.found = found;
    to.most = 2;
    size_t size;
    void *bytes = open_signs(&model, &session, &size);
    assert_int_equal(infer_image_load(SIGNS "pictures/stop-1.jpg", NULL, &image, NULL), INFER_OK);
    const infer_picture pictures[2] = {{.data = image.pixels,
                                        .pixels = INFER_PIXELS_RGB,
                                        .width = image.width,
                                        .height = image.height},
                                       {.data = image.pixels,
                                        .pixels = INFER_PIXELS_RGB,
                                        .width = image.width,
                                        .height = image.height}};
    assert_int_equal(infer_detect(session, pictures, 2, &o, &to, &err), INFER_OK);
    assert_true(found[0] == 1 && found[1] == 1);
    assert_memory_equal(&boxes[0], &boxes[2], sizeof boxes[0]);
    assert_true(boxes[0].index >= 0 && boxes[0].index < 20);
    o.decoding = NULL; /* the model has none */
    assert_int_equal(infer_detect(session, pictures, 1, &o, &to, &err), INFER_ERROR_UNSUPPORTED);
    infer_image_free(&image);
    infer_session_free(&session);
    infer_model_free(&model);
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
}

/* ---- memory --------------------------------------------------------------------------------- */

struct memory {
    infer_session *session;
    infer_picture picture;
    infer_decoding decoding;
};

static void ask_boxes(const struct memory *m)
{
    infer_box boxes[8];
    infer_point points[8 * 12];
    size_t found = 0;
    infer_detect_options o = INFER_DETECT_OPTIONS_INIT;
    infer_detections to = INFER_DETECTIONS_INIT;
    o.decoding = &m->decoding;
    to.boxes = boxes;
    to.points = points;
    to.found = &found;
    to.most = 8;
    assert_int_equal(infer_detect(m->session, &m->picture, 1, &o, &to, NULL), INFER_OK);
    assert_true(found > 0);
}

static void ask_classes(const struct memory *m)
{
    infer_class classes[3];
    size_t found;
    assert_int_equal(
        infer_classify_pictures(m->session, &m->picture, 1, NULL, classes, 3, &found, NULL),
        INFER_OK);
}

static void ask_points(const struct memory *m)
{
    infer_point points[12];
    struct memory other = *m;
    infer_keypoints_options o = INFER_KEYPOINTS_OPTIONS_INIT;
    other.decoding.task = INFER_TASK_KEYPOINTS;
    o.decoding = &other.decoding;
    assert_int_equal(infer_keypoints(m->session, &m->picture, 1, &o, points, NULL), INFER_OK);
}

static void ask_vector(const struct memory *m)
{
    float vector[24];
    assert_int_equal(infer_embed(m->session, &m->picture, 1, NULL, vector, 24, NULL), INFER_OK);
}

/* The first call of a kind shows how much memory it needs; further ones take none. */
static void test_memory(void **state)
{
    (void)state;
    static void (*const calls[])(const struct memory *m) = {ask_boxes, ask_classes, ask_points,
                                                            ask_vector};
    infer_model *first, *model;
    infer_session *unused;
    struct counter counter;
    infer_image image;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    struct memory m = {.decoding = detection(20)};
    size_t size;
    void *bytes = open_signs(&first, &unused, &size);
    o.allocator = counting(&counter);
    assert_int_equal(infer_load_memory(bytes, size, &o, &model, NULL), INFER_OK);
    assert_int_equal(infer_session_create(model, NULL, &m.session, NULL), INFER_OK);
    assert_int_equal(infer_image_load(SIGNS "pictures/stop-1.jpg", NULL, &image, NULL), INFER_OK);
    m.picture = (infer_picture){.data = image.pixels,
                                .pixels = INFER_PIXELS_RGB,
                                .width = image.width,
                                .height = image.height,
                                .x = -3,
                                .y = -4,
                                .region_width = 50,
                                .region_height = 60};
    m.decoding.score_threshold = -1e30F;
    m.decoding.every_class = 1;
    m.decoding.points = 0;
    m.decoding.points_count = 12;
    m.decoding.point_fields = 2;
    for (int32_t suppress = 0; suppress < 4; suppress++)
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            m.decoding.suppress = suppress;
            calls[i](&m);
            const size_t before = counter.calls;
            for (int again = 0; again < 3; again++)
                calls[i](&m);
            if (counter.calls != before)
                fail_msg("call %zu, suppression %d: %zu allocations", i, suppress,
                         counter.calls - before);
        }
    infer_image_free(&image);
    infer_session_free(&m.session);
    infer_model_free(&model);
    assert_int_equal(counter.blocks, 0);
    infer_session_free(&unused);
    infer_model_free(&first);
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decoding), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_orders),   cmocka_unit_test(test_scores),
        cmocka_unit_test(test_shapes),   cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_pitches),  cmocka_unit_test(test_grey),
        cmocka_unit_test(test_detect),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
