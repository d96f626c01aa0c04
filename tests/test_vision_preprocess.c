/* Preprocessing, its bytes in a file, top-k, and the way back to the picture. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/vision_files.h"
#include "vision/preprocess_file.h"

/* A picture whose pixel (x, y) is (x, y, 100). */
static infer_image coordinates(int32_t w, int32_t h)
{
    infer_image image = {.width = w, .height = h, .channels = 3};
    uint8_t *p = image.pixels = malloc((size_t)w * (size_t)h * 3);
    assert_non_null(p);
    for (int32_t y = 0; y < h; y++)
        for (int32_t x = 0; x < w; x++, p += 3)
            memcpy(p, (uint8_t[3]){(uint8_t)x, (uint8_t)y, 100}, 3);
    return image;
}

static infer_tensor tensor(infer_type type, int64_t n, int64_t a, int64_t b, int64_t c)
{
    infer_tensor t = {.type = type, .rank = 4, .dims = {n, a, b, c}};
    t.bytes = (size_t)(n * a * b * c) * infer_type_size(type);
    t.data = malloc(t.bytes);
    assert_non_null(t.data);
    memset(t.data, 0xa5, t.bytes);
    return t;
}

static void expect_size(infer_preprocess *p, int32_t w, int32_t h, int32_t want_w, int32_t want_h)
{
    int32_t got_w, got_h;
    assert_int_equal(infer_preprocess_size(p, w, h, &got_w, &got_h, NULL), INFER_OK);
    assert_int_equal(got_w, want_w);
    assert_int_equal(got_h, want_h);
}

static void sizes(void **unused)
{
    (void)unused;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    expect_size(&p, 7, 5, 7, 5);
    p.fit = INFER_FIT_SHORT_SIDE; /* torchvision: int(256 * 500 / 375) = 341 */
    p.width = 256;
    expect_size(&p, 500, 375, 341, 256);
    expect_size(&p, 375, 500, 256, 341);
    expect_size(&p, 300, 300, 256, 256);
    p.crop_width = 224;
    p.crop_height = 200;
    expect_size(&p, 500, 375, 224, 200);
    infer_preprocess_init(&p, sizeof p);
    p.fit = INFER_FIT_LETTERBOX;
    p.width = 640;
    p.height = 480;
    expect_size(&p, 33, 44, 640, 480);
    p.fit = INFER_FIT_STRETCH;
    expect_size(&p, 33, 44, 640, 480);
    p.fit = INFER_FIT_EXACT;
    expect_size(&p, 640, 480, 640, 480);
    int32_t w, h;
    assert_int_equal(infer_preprocess_size(&p, 641, 480, &w, &h, NULL), INFER_ERROR_SHAPE);
    p.fit = INFER_FIT_SHORT_SIDE;
    assert_int_equal(infer_preprocess_size(&p, 60000, 1, &w, &h, NULL), INFER_ERROR_LIMIT);
}

/* round((side - crop) / 2) as Python rounds, halves to even: 2.5 is 2, 3.5 is 4. */
static void crop_starts_where_torchvision_starts(void **unused)
{
    (void)unused;
    static const int32_t sides[][2] = {{9, 2}, {11, 4}, {10, 3}, {4, 0}, {5, 0}, {7, 2}, {6, 1}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        infer_image image = coordinates(sides[i][0], 8);
        infer_tensor t = tensor(INFER_U8, 1, 4, 4, 3);
        infer_transform back = INFER_TRANSFORM_INIT;
        infer_preprocess p = INFER_PREPROCESS_INIT;
        p.crop_width = p.crop_height = 4;
        p.layout = INFER_LAYOUT_NHWC;
        assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, &back, NULL), INFER_OK);
        const uint8_t *out = t.data;
        for (int k = 0; k < 16; k++) {
            assert_int_equal(out[3 * k], sides[i][1] + k % 4);
            assert_int_equal(out[3 * k + 1], 2 + k / 4);
        }
        assert_true(back.offset_x == sides[i][1] && back.offset_y == 2 && back.scale_x == 1);
        free(image.pixels);
        free(t.data);
    }
}

static void crop_larger_than_the_picture(void **unused)
{
    (void)unused;
    infer_image image = coordinates(3, 9);
    infer_tensor t = tensor(INFER_U8, 1, 5, 6, 3); /* 6 wide, 5 high */
    infer_transform back = INFER_TRANSFORM_INIT;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.crop_width = 6;
    p.crop_height = 5;
    p.fill = 7;
    p.layout = INFER_LAYOUT_NHWC;
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, &back, NULL), INFER_OK);
    const uint8_t *out = t.data;
    for (int y = 0; y < 5; y++) {
        for (int x = 0; x < 6; x++, out += 3) { /* 1 column before, 2 behind; 2 rows cut off */
            int inside = x >= 1 && x < 4;
            assert_int_equal(out[0], inside ? x - 1 : 7);
            assert_int_equal(out[1], inside ? y + 2 : 7);
            assert_int_equal(out[2], inside ? 100 : 7);
        }
    }
    assert_true(back.offset_x == -1 && back.offset_y == 2);
    free(image.pixels);
    free(t.data);
}

static void letterbox(void **unused)
{
    (void)unused;
    infer_image image = coordinates(20, 10);
    for (int place = 0; place < 2; place++) {
        infer_tensor t = tensor(INFER_F32, 1, 3, 15, 10); /* 10 wide, 15 high: scaled to 10 x 5 */
        infer_transform back = INFER_TRANSFORM_INIT;
        infer_preprocess p = INFER_PREPROCESS_INIT;
        p.fit = INFER_FIT_LETTERBOX;
        p.width = 10;
        p.height = 15;
        p.filter = INFER_FILTER_AREA;
        p.fill = 114;
        p.letterbox = place;
        p.mean[2] = 14;
        p.scale[2] = 2;
        assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, &back, NULL), INFER_OK);
        const float *out = t.data;
        int top = place == INFER_LETTERBOX_CENTER ? 5 : 0;
        for (int y = 0; y < 15; y++) {
            for (int x = 0; x < 10; x++) {
                int inside = y >= top && y < top + 5;
                /* means of two neighbours, 2x + 0.5, rounded up by the box filter */
                assert_true(out[y * 10 + x] == (float)(inside ? 2 * x + 1 : 114));
                assert_true(out[150 + y * 10 + x] == (float)(inside ? 2 * (y - top) + 1 : 114));
                assert_true(out[300 + y * 10 + x] == (inside ? 172.f : 200.f));
            }
        }
        assert_true(back.scale_x == 2 && back.scale_y == 2 && back.offset_x == 0);
        assert_true(back.offset_y == -2 * top);
        assert_int_equal(back.picture_width, 20);
        assert_int_equal(back.picture_height, 10);
        free(t.data);
    }
    free(image.pixels);
}

/* A wide crop of a letterbox in the corner can miss the picture: all is filling. */
static void crop_beside_the_picture(void **unused)
{
    (void)unused;
    infer_image image = coordinates(2, 40);
    infer_tensor t = tensor(INFER_U8, 1, 1, 4, 4);
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = INFER_FIT_LETTERBOX;
    p.width = p.height = 40;
    p.letterbox = INFER_LETTERBOX_TOP_LEFT;
    p.crop_width = p.crop_height = 4;
    p.fill = 9;
    p.color = INFER_COLOR_GRAY;
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL), INFER_OK);
    for (int i = 0; i < 16; i++)
        assert_int_equal(((uint8_t *)t.data)[i], 9);
    free(image.pixels);
    free(t.data);
}

static void colors_layouts_and_batches(void **unused)
{
    (void)unused;
    infer_image image = coordinates(5, 4);
    for (int color = 0; color < 3; color++) {
        for (int layout = 0; layout < 2; layout++) {
            int c = color == INFER_COLOR_GRAY ? 1 : 3;
            infer_tensor t = layout == INFER_LAYOUT_NCHW ? tensor(INFER_F32, 3, c, 4, 5)
                                                         : tensor(INFER_F32, 3, 4, 5, c);
            uint8_t *untouched = exact_copy(t.data, t.bytes);
            infer_preprocess p = INFER_PREPROCESS_INIT;
            p.color = color;
            p.layout = layout;
            for (int k = 0; k < 3; k++) {
                p.mean[k] = (float)(10 * k);
                p.scale[k] = 0.5f * (float)(k + 1);
            }
            assert_int_equal(infer_preprocess_run(&p, &image, 1, &t, NULL, NULL, NULL), INFER_OK);
            size_t place = (size_t)(20 * c), bytes = place * sizeof(float);
            const float *out = (const float *)t.data + place;
            for (int i = 0; i < 20; i++) {
                int rgb[3] = {i % 5, i / 5, 100};
                int grey = (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
                for (int k = 0; k < c; k++) {
                    int x = c == 1 ? grey : rgb[color == INFER_COLOR_BGR ? 2 - k : k];
                    float y = out[layout == INFER_LAYOUT_NCHW ? k * 20 + i : i * c + k];
                    assert_true(y == ((float)x - p.mean[k]) * p.scale[k]);
                }
            }
            assert_memory_equal(t.data, untouched, bytes);
            assert_memory_equal((uint8_t *)t.data + 2 * bytes, untouched + 2 * bytes, bytes);
            free(untouched);
            free(t.data);
        }
    }
    free(image.pixels);
}

static void u8_is_rounded_and_clipped(void **unused)
{
    (void)unused;
    uint8_t levels[5] = {0, 5, 7, 100, 255};
    infer_image image = {.pixels = levels, .width = 5, .height = 1, .channels = 1};
    infer_tensor t = tensor(INFER_U8, 1, 1, 1, 5);
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.color = INFER_COLOR_GRAY;
    p.mean[0] = 2;
    p.scale[0] = 2.5f; /* -5, 7.5, 12.5, 245, 632.5 */
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL), INFER_OK);
    assert_memory_equal(t.data, ((uint8_t[5]){0, 8, 12, 245, 255}), 5);
    free(t.data);
}

/* A part of a larger picture, as it is and resized: what its copy gives. */
static void part_of_a_picture(void **unused)
{
    (void)unused;
    infer_image whole = coordinates(40, 30), copy = coordinates(20, 10), part = copy;
    part.pitch = 40 * 3;
    part.pixels = whole.pixels + 7 * part.pitch + 5 * 3;
    for (size_t y = 0; y < 10; y++)
        memcpy(copy.pixels + y * 60, part.pixels + y * part.pitch, 60);
    for (int resized = 0; resized < 2; resized++) {
        infer_preprocess p = INFER_PREPROCESS_INIT;
        p.fit = resized ? INFER_FIT_STRETCH : INFER_FIT_EXACT;
        p.width = resized ? 13 : 20;
        p.height = resized ? 14 : 10;
        infer_tensor a = tensor(INFER_U8, 1, 3, p.height, p.width), b = a;
        b.data = malloc(b.bytes);
        assert_non_null(b.data);
        assert_int_equal(infer_preprocess_run(&p, &copy, 0, &a, NULL, NULL, NULL), INFER_OK);
        assert_int_equal(infer_preprocess_run(&p, &part, 0, &b, NULL, NULL, NULL), INFER_OK);
        assert_memory_equal(a.data, b.data, a.bytes);
        free(a.data);
        free(b.data);
    }
    free(whole.pixels);
    free(copy.pixels);
}

static void nonsense(void **unused)
{
    (void)unused;
    infer_image image = coordinates(4, 4);
    infer_tensor t = tensor(INFER_F32, 1, 3, 4, 4), bad;
    infer_preprocess good = INFER_PREPROCESS_INIT, p = INFER_PREPROCESS_INIT;
    infer_error err;
    infer_preprocess_init(&good, sizeof good);
    infer_preprocess_init(NULL, 64);
    assert_int_equal(infer_preprocess_run(&good, &image, 0, &t, NULL, NULL, &err), INFER_OK);
    assert_int_equal(infer_preprocess_run(NULL, &image, 0, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_preprocess_run(&good, NULL, 0, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_preprocess_run(&good, &image, 0, NULL, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_preprocess_run(&good, &image, 1, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_preprocess_run(&good, &image, -1, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    for (int i = 0; i < 5; i++) {
        bad = t;
        if (i == 0)
            bad.type = INFER_S32;
        else if (i == 1)
            bad.rank = 3;
        else if (i == 2)
            bad.bytes--;
        else if (i == 3)
            bad.dims[3] = 5;
        else
            bad.dims[0] = INT64_MAX;
        assert_int_equal(infer_preprocess_run(&good, &image, 0, &bad, NULL, NULL, &err),
                         INFER_ERROR_SHAPE);
    }
    int32_t *const fields = &p.fit;
    for (int field = 0; field < 12; field++) {
        static const int32_t values[] = {-1, INT32_MIN, INT32_MAX, 65536};
        for (size_t v = 0; v < 4; v++) {
            p = good;
            fields[field] = values[v];
            assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, &err),
                             INFER_ERROR_ARGUMENT);
        }
    }
    p = good;
    p.fit = INFER_FIT_STRETCH; /* without a size */
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    p = good;
    p.crop_width = 3; /* without a height */
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    p = good;
    p.scale[1] = NAN;
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, &err),
                     INFER_ERROR_ARGUMENT);
    int32_t w;
    assert_int_equal(infer_preprocess_size(&good, 4, 4, &w, NULL, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_preprocess_size(&good, 0, 4, &w, &w, NULL), INFER_ERROR_ARGUMENT);
    free(t.data);
    free(image.pixels);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void encoding_is_pinned(void **unused)
{
    (void)unused;
    infer_preprocess p = INFER_PREPROCESS_INIT, back = INFER_PREPROCESS_INIT;
    infer_error err;
    uint8_t bytes[INFER__PREPROCESS_BYTES];
    infer_preprocess_init(&p, sizeof p);
    p.fit = INFER_FIT_SHORT_SIDE;
    p.width = 0x0102;
    p.crop_width = p.crop_height = 224;
    p.fill = 114;
    p.layout = INFER_LAYOUT_NHWC;
    p.mean[0] = 123.675f; /* 0x42f7599a */
    p.scale[3] = -2;      /* 0xc0000000 */
    assert_int_equal(infer__preprocess_encode(&p, bytes, &err), INFER_OK);
    static const struct {
        size_t at;
        uint8_t four[4];
    } pinned[] = {{0, {1}},
                  {4, {2, 1}},
                  {8, {0}},
                  {20, {224}},
                  {24, {224}},
                  {28, {114}},
                  {44, {1}},
                  {48, {0x9a, 0x59, 0xf7, 0x42}},
                  {64, {0, 0, 0x80, 0x3f}},
                  {76, {0, 0, 0, 0xc0}}};
    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++)
        assert_memory_equal(bytes + pinned[i].at, pinned[i].four, 4);
    assert_int_equal(infer__preprocess_decode(bytes, sizeof bytes, &back, &err), INFER_OK);
    assert_memory_equal(&back, &p, sizeof p);

    for (size_t n = 0; n < sizeof bytes; n++) {
        uint8_t *cut = exact_copy(bytes, n);
        assert_int_equal(infer__preprocess_decode(cut, n, &back, &err), INFER_ERROR_FORMAT);
        free(cut);
    }
    uint8_t longer[INFER__PREPROCESS_BYTES + 4] = {0};
    assert_int_equal(infer__preprocess_decode(longer, sizeof longer, &back, &err),
                     INFER_ERROR_VERSION);
    for (size_t at = 0; at < 48; at += 4) { /* every integer out of its range */
        bytes[at + 3] = 0x80;
        assert_int_equal(infer__preprocess_decode(bytes, sizeof bytes, &back, &err),
                         INFER_ERROR_FORMAT);
        assert_int_equal(err.status, INFER_ERROR_FORMAT);
        bytes[at + 3] = 0;
    }
    for (size_t at = 48; at < 80; at += 4) { /* and every float infinite */
        uint8_t kept[4];
        memcpy(kept, bytes + at, 4);
        memcpy(bytes + at, (uint8_t[4]){0, 0, 0x80, 0x7f}, 4);
        assert_int_equal(infer__preprocess_decode(bytes, sizeof bytes, &back, &err),
                         INFER_ERROR_FORMAT);
        memcpy(bytes + at, kept, 4);
    }
    p.fill = 257;
    assert_int_equal(infer__preprocess_encode(&p, bytes, &err), INFER_ERROR_ARGUMENT);
}

/* ---- top-k ---------------------------------------------------------------------------------- */

static infer_tensor row_of(float *scores, size_t n)
{
    return (infer_tensor){
        .type = INFER_F32, .rank = 1, .dims = {(int64_t)n}, .data = scores, .bytes = n * 4};
}

static void topk_orders(void **unused)
{
    (void)unused;
    float scores[] = {1, NAN, 3, -INFINITY, 3, 2, NAN, -0.f, 0.f};
    static const int64_t order[] = {2, 4, 5, 0, 7, 8, 3, 1, 6};
    infer_tensor t = row_of(scores, 9);
    for (size_t k = 0; k <= 11; k++) {
        infer_class classes[11];
        size_t found;
        assert_int_equal(infer_topk(&t, k, 0, classes, &found, NULL), INFER_OK);
        assert_int_equal(found, k < 9 ? k : 9);
        for (size_t i = 0; i < found; i++)
            assert_int_equal(classes[i].index, order[i]);
    }
}

/* Against sorting by counting, on scores with many ties. */
static void topk_random(void **unused)
{
    (void)unused;
    uint32_t state = test_seed();
    for (int round = 0; round < 200; round++) {
        float scores[256];
        infer_class classes[256];
        size_t n = 1 + noise(&state), k = 1 + noise(&state), found;
        for (size_t i = 0; i < n; i++)
            scores[i] = (float)(noise(&state) % 16);
        infer_tensor t = row_of(scores, n);
        assert_int_equal(infer_topk(&t, k, 0, classes, &found, NULL), INFER_OK);
        assert_int_equal(found, n < k ? n : k);
        size_t at = 0;
        for (int v = 15; v >= 0; v--)
            for (size_t i = 0; i < n && at < found; i++)
                if (scores[i] == (float)v)
                    assert_int_equal(classes[at++].index, i);
    }
}

static void softmax(void **unused)
{
    (void)unused;
    infer_class c[4];
    size_t found;
    float scores[] = {1000, 1001, NAN, 999};
    infer_tensor t = row_of(scores, 4);
    assert_int_equal(infer_topk(&t, 4, 1, c, &found, NULL), INFER_OK);
    double sum = 1 + exp(-1) + exp(-2);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(c[i].score - exp(-i) / sum) < 1e-7);
    assert_true(isnan(c[3].score));
    float infinite[] = {INFINITY, 0, INFINITY};
    t = row_of(infinite, 3);
    assert_int_equal(infer_topk(&t, 3, 1, c, &found, NULL), INFER_OK);
    assert_true(c[0].score == 0.5f && c[1].score == 0.5f && c[2].score == 0);
    float none[] = {NAN, NAN};
    t = row_of(none, 2);
    assert_int_equal(infer_topk(&t, 2, 1, c, &found, NULL), INFER_OK);
    assert_true(isnan(c[0].score) && c[0].index == 0);
}

static void topk_nonsense(void **unused)
{
    (void)unused;
    float scores[4] = {0};
    infer_class c[4];
    size_t found = 9;
    infer_tensor t = row_of(scores, 4), bad = t;
    assert_int_equal(infer_topk(NULL, 1, 0, c, &found, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(found, 0);
    assert_int_equal(infer_topk(&t, 1, 0, NULL, &found, NULL), INFER_ERROR_ARGUMENT);
    assert_int_equal(infer_topk(&t, 0, 0, NULL, NULL, NULL), INFER_OK);
    bad.type = INFER_S32;
    assert_int_equal(infer_topk(&bad, 1, 0, c, &found, NULL), INFER_ERROR_SHAPE);
    bad = t;
    bad.bytes = 15;
    assert_int_equal(infer_topk(&bad, 1, 0, c, &found, NULL), INFER_ERROR_SHAPE);
    bad = t;
    bad.dims[0] = -1;
    assert_int_equal(infer_topk(&bad, 1, 0, c, &found, NULL), INFER_ERROR_SHAPE);
    bad = t;
    bad.dims[0] = 0;
    assert_int_equal(infer_topk(&bad, 1, 1, c, &found, NULL), INFER_OK);
    assert_int_equal(found, 0);
    bad.rank = 9;
    assert_int_equal(infer_topk(&bad, 1, 0, c, &found, NULL), INFER_ERROR_SHAPE);
}

/* A line of text keeps its ratio up to the full width; behind it all is 0, whatever mean and scale
 * are. */
static void test_line(void **state)
{
    (void)state;
    static const struct {
        int32_t w, h, wide; /* of the picture; of what it becomes */
    } cases[] = {{30, 20, 12}, {31, 20, 13}, {400, 20, 40}, {1, 50, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static uint8_t pixels[400 * 50];
        float line[8 * 40];
        infer_preprocess p = INFER_PREPROCESS_INIT;
        const infer_image image = {
            .pixels = pixels, .width = cases[i].w, .height = cases[i].h, .channels = 1};
        infer_tensor t = {.type = INFER_F32, .rank = 4, .dims = {1, 1, 8, 40}, .data = line};
        int32_t w, h;
        t.bytes = sizeof line;
        memset(pixels, 200, sizeof pixels);
        p.fit = INFER_FIT_LINE;
        p.width = 40;
        p.height = 8;
        p.color = INFER_COLOR_GRAY;
        p.fill = INFER_FILL_ZERO;
        p.mean[0] = 100;
        p.scale[0] = 0.5F;
        assert_int_equal(infer_preprocess_size(&p, cases[i].w, cases[i].h, &w, &h, NULL), INFER_OK);
        assert_true(w == 40 && h == 8);
        assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL), INFER_OK);
        for (int k = 0; k < 8 * 40; k++)
            assert_true(line[k] == (k % 40 < cases[i].wide ? 50 : 0));
    }
}

static void test_page(void **state)
{
    (void)state;
    static const struct {
        int32_t w, h, to_w, to_h;
    } cases[] = {{500, 556, 736, 832},     {500, 334, 1088, 736}, {640, 480, 992, 736},
                 {736, 736, 736, 736},     {1000, 800, 992, 800}, {1008, 784, 1024, 768},
                 {4000, 3000, 2016, 1504}, {16384, 4, 2016, 32},  {1, 1, 736, 736}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        infer_preprocess p = INFER_PREPROCESS_INIT;
        int32_t w, h;
        p.fit = INFER_FIT_PAGE;
        p.width = 736;
        p.height = 2016;
        assert_int_equal(infer_preprocess_size(&p, cases[i].w, cases[i].h, &w, &h, NULL), INFER_OK);
        if (w != cases[i].to_w || h != cases[i].to_h)
            fail_msg("%d x %d became %d x %d", cases[i].w, cases[i].h, w, h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_page),
        cmocka_unit_test(sizes),
        cmocka_unit_test(crop_starts_where_torchvision_starts),
        cmocka_unit_test(crop_larger_than_the_picture),
        cmocka_unit_test(letterbox),
        cmocka_unit_test(crop_beside_the_picture),
        cmocka_unit_test(colors_layouts_and_batches),
        cmocka_unit_test(u8_is_rounded_and_clipped),
        cmocka_unit_test(part_of_a_picture),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(encoding_is_pinned),
        cmocka_unit_test(topk_orders),
        cmocka_unit_test(topk_random),
        cmocka_unit_test(softmax),
        cmocka_unit_test(topk_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
