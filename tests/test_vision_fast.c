/* JPEGs decoded at a reduced size: how far, and the way back to the whole picture's pixels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tests/vision_files.h"
#include "vision/options.h"
#include "vision/picture.h"

static infer_preprocess fitted(int32_t fit, int32_t width, int32_t height)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = fit;
    p.width = width;
    p.height = height;
    p.layout = INFER_LAYOUT_NHWC;
    return p;
}

/* Upright: red grows to the right, green downwards, each by 200 levels. */
static uint8_t level(int at, int side)
{
    return (uint8_t)lround(20 + 200 * (at + 0.5) / side);
}

/* The slope as a camera held as `orientation` says has it: EXIF 2.32's rule, spelled out again. */
static struct bytes slope(int w, int h, int progressive, int orientation)
{
    const int turned = orientation >= 5;
    const int sw = turned ? h : w, sh = turned ? w : h;
    static const char *const rule[9] = {"xy", "xy", "Xy", "XY", "xY", "yx", "yX", "YX", "Yx"};
    const char *r = rule[orientation];
    uint8_t *rgb = calloc((size_t)w * (size_t)h, 3);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int from[2] = {x, y}, back[2] = {w - 1 - x, h - 1 - y};
            const int sx = (r[0] >= 'a' ? from : back)[(r[0] | 32) == 'y'];
            const int sy = (r[1] >= 'a' ? from : back)[(r[1] | 32) == 'y'];
            uint8_t *to = rgb + 3 * ((size_t)sy * (size_t)sw + (size_t)sx);
            to[0] = level(x, w);
            to[1] = level(y, h);
            to[2] = 100;
        }
    struct bytes b = make_jpeg((uint32_t)sw, (uint32_t)sh, 3, rgb, progressive, orientation);
    free(rgb);
    return b;
}

static infer_status open_reduced(const struct bytes *b, const infer_image_options *given,
                                 const infer_preprocess *p, struct infer__picture *to)
{
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_error err;
    const infer_picture picture = {.data = b->p, .bytes = b->n};
    assert_int_equal(infer__image_options(given, &o, &err), INFER_OK);
    return infer__picture_open(&picture, &o, p, to, &err);
}

static const infer_image_options on = {.size = sizeof on, .fast_decode = 1};

/* ---- how far -------------------------------------------------------------------------------- */

static void sizes(void **unused)
{
    (void)unused;
    static const struct {
        int w, h, fit, width, height, reduced;
    } cases[] = {
        {1600, 1200, INFER_FIT_STRETCH, 224, 224, 2},
        {1600, 1200, INFER_FIT_STRETCH, 100, 75, 8},
        {1600, 1200, INFER_FIT_STRETCH, 101, 75, 4},
        {1600, 1200, INFER_FIT_STRETCH, 100, 76, 4},
        {1920, 1080, INFER_FIT_SHORT_SIDE, 256, 0, 2},
        {1920, 1080, INFER_FIT_SHORT_SIDE, 135, 0, 4},
        {1920, 1080, INFER_FIT_LETTERBOX, 320, 320, 2},
        {1920, 1080, INFER_FIT_LETTERBOX, 480, 480, 2},
        {1920, 1080, INFER_FIT_LETTERBOX, 481, 481, 1},
        {1921, 1081, INFER_FIT_STRETCH, 120, 67, 8},
        {640, 480, INFER_FIT_NONE, 0, 0, 1},
        {640, 480, INFER_FIT_EXACT, 640, 480, 1},
        {640, 480, INFER_FIT_PAGE, 736, 1280, 1},
        {640, 512, INFER_FIT_PAGE, 32, 160, 2},
        {1300, 128, INFER_FIT_LINE, 320, 32, 2},
        {1, 1, INFER_FIT_STRETCH, 1, 1, 1},
        {1, 10000, INFER_FIT_STRETCH, 1, 1, 1},
        {10000, 16, INFER_FIT_STRETCH, 1, 1, 8},
        {17, 31, INFER_FIT_STRETCH, 1, 1, 8},
        {7, 9, INFER_FIT_STRETCH, 1, 1, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int w = cases[i].w, h = cases[i].h, n = cases[i].reduced;
        const infer_preprocess p = fitted(cases[i].fit, cases[i].width, cases[i].height);
        for (int progressive = 0; progressive < 2; progressive++) {
            struct bytes b = slope(w, h, progressive, 1);
            struct infer__picture q;
            assert_int_equal(open_reduced(&b, &on, &p, &q), INFER_OK);
            assert_int_equal(q.reduced, n);
            assert_int_equal(q.image.width, (w + n - 1) / n);
            assert_int_equal(q.image.height, (h + n - 1) / n);
            assert_true(q.width == w && q.height == h);
            assert_true(q.region_width == w && q.region_height == h);
            infer__picture_free(&q);
            free(b.p);
        }
    }
}

/* Without the option, without a network, and for a region every pixel is decoded. */
static void in_full(void **unused)
{
    (void)unused;
    struct bytes b = slope(640, 480, 0, 1);
    const infer_preprocess p = fitted(INFER_FIT_STRETCH, 32, 32);
    struct infer__picture q;
    infer_image image;
    infer_error err;
    assert_int_equal(open_reduced(&b, NULL, &p, &q), INFER_OK);
    assert_true(q.reduced == 1 && q.image.width == 640);
    infer__picture_free(&q);
    assert_int_equal(open_reduced(&b, &on, NULL, &q), INFER_OK);
    assert_true(q.reduced == 1 && q.image.width == 640);
    infer__picture_free(&q);
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_picture part = {.data = b.p, .bytes = b.n};
    part.x = 11;
    part.y = 13;
    part.region_width = part.region_height = 301;
    assert_int_equal(infer__image_options(&on, &o, &err), INFER_OK);
    assert_int_equal(infer__picture_open(&part, &o, &p, &q, &err), INFER_OK);
    assert_true(q.reduced == 1 && q.image.width == 301 && q.x == 11 && q.y == 13);
    infer__picture_free(&q);
    assert_int_equal(infer_image_decode(b.p, b.n, &on, &image, &err), INFER_OK);
    assert_int_equal(image.width, 640);
    infer_image_free(&image);
    o = on;
    o.fast_decode = 2;
    assert_int_equal(infer_image_decode(b.p, b.n, &o, &image, &err), INFER_ERROR_ARGUMENT);
    free(b.p);
}

/* ---- the way back --------------------------------------------------------------------------- */

/* What a tensor shows and where the transform says it lies in the picture: the same on average, to
 * half a level, which is less than a pixel of these pictures. */
static void check_slope(const uint8_t *tensor, const infer_preprocess *p, const infer_transform *t)
{
    double sum[2] = {0};
    int n = 0;
    for (int y = 1; y < p->height - 1; y++)
        for (int x = 1; x < p->width - 1; x++, n++) {
            const uint8_t *v = tensor + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
            const double at_x = (x + 0.5) * t->scale_x + t->offset_x;
            const double at_y = (y + 0.5) * t->scale_y + t->offset_y;
            sum[0] += v[0] - (20 + 200 * at_x / t->picture_width);
            sum[1] += v[1] - (20 + 200 * at_y / t->picture_height);
        }
    assert_true(fabs(sum[0] / n) < 0.5 && fabs(sum[1] / n) < 0.5);
}

static void way_back(void **unused)
{
    (void)unused;
    enum { W = 203, H = 149, TO_W = 9, TO_H = 9 };
    const infer_preprocess p = fitted(INFER_FIT_STRETCH, TO_W, TO_H);
    const infer_allocator a = infer__allocator(NULL);
    for (int orientation = 1; orientation <= 8; orientation++) {
        struct bytes b = slope(W, H, orientation & 1, orientation);
        uint8_t out[TO_W * TO_H * 3];
        infer_tensor to = {.type = INFER_U8, .rank = 4, .dims = {1, TO_H, TO_W, 3}, .data = out};
        infer_transform t = INFER_TRANSFORM_INIT;
        struct infer__picture q;
        infer_error err;
        to.bytes = sizeof out;
        assert_int_equal(open_reduced(&b, &on, &p, &q), INFER_OK);
        assert_int_equal(q.reduced, 8);
        assert_int_equal(infer__picture_fill(&q, &p, 0, &to, &a, &t, &err), INFER_OK);
        assert_true(t.picture_width == W && t.picture_height == H);
        /* 203 are 26 blocks of 8 but for 5 pixels, 149 are 19 but for 3: whole blocks are seen */
        assert_true(fabs(t.scale_x * TO_W - 208) < 0.01 && fabs(t.scale_y * TO_H - 152) < 0.01);
        assert_true(fabs(t.offset_x) < 0.01 || fabs(t.offset_x + 5) < 0.01);
        assert_true(fabs(t.offset_y) < 0.01 || fabs(t.offset_y + 3) < 0.01);
        check_slope(out, &p, &t);
        infer__picture_free(&q);
        free(b.p);
    }
}

/* Where the sides are multiples, the way back is the one of the picture in full. */
static void same_way(void **unused)
{
    (void)unused;
    struct bytes b = slope(1920, 1080, 0, 1);
    const infer_allocator a = infer__allocator(NULL);
    const infer_preprocess p = fitted(INFER_FIT_LETTERBOX, 240, 240);
    infer_transform t[2] = {INFER_TRANSFORM_INIT, INFER_TRANSFORM_INIT};
    infer_tensor to = {.type = INFER_U8, .rank = 4, .dims = {1, 240, 240, 3}};
    uint8_t *out = calloc(3, 240 * 240);
    infer_error err;
    to.data = out;
    to.bytes = 3 * 240 * 240;
    for (int fast = 0; fast < 2; fast++) {
        struct infer__picture q;
        assert_int_equal(open_reduced(&b, fast ? &on : NULL, &p, &q), INFER_OK);
        assert_int_equal(q.reduced, fast ? 4 : 1);
        assert_int_equal(infer__picture_fill(&q, &p, 0, &to, &a, &t[fast], &err), INFER_OK);
        infer__picture_free(&q);
    }
    assert_true(fabs(t[0].scale_x - t[1].scale_x) < 1e-9);
    assert_true(fabs(t[0].scale_y - t[1].scale_y) < 1e-9);
    assert_true(fabs(t[0].offset_x - t[1].offset_x) < 1e-9);
    assert_true(fabs(t[0].offset_y - t[1].offset_y) < 1e-9);
    assert_true(t[1].picture_width == 1920 && t[1].picture_height == 1080);
    free(out);
    free(b.p);
}

/* ---- files that are wrong ------------------------------------------------------------------- */

static void truncated(void **unused)
{
    (void)unused;
    const infer_preprocess p = fitted(INFER_FIT_STRETCH, 30, 30);
    infer_image_options o = on;
    struct infer__picture q;
    for (int progressive = 0; progressive < 2; progressive++) {
        struct bytes b = slope(640, 480, progressive, 6);
        b.n = b.n * 3 / 4;
        o.accept_truncated = 0;
        assert_int_equal(open_reduced(&b, &o, &p, &q), INFER_ERROR_PICTURE);
        o.accept_truncated = 1;
        assert_int_equal(open_reduced(&b, &o, &p, &q), INFER_OK);
        assert_true(q.reduced == 8 && q.width == 640 && q.height == 480);
        infer__picture_free(&q);
        o.max_side = 639;
        assert_int_equal(open_reduced(&b, &o, &p, &q), INFER_ERROR_LIMIT);
        o.max_side = 0;
        free(b.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),    cmocka_unit_test(in_full),   cmocka_unit_test(way_back),
        cmocka_unit_test(same_way), cmocka_unit_test(truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
