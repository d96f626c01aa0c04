/* Resizing: the bytes that Pillow and OpenCV give, and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/data/resize_expected.h"
#include "tests/vision_files.h"
#include "vision/resize.h"

/* The picture of make_resize_expected.py. */
static infer_image make_picture(int32_t width, int32_t height, int32_t channels)
{
    infer_image image = {.width = width, .height = height, .channels = channels};
    size_t n = (size_t)width * (size_t)height * (size_t)channels;
    uint32_t state = 12345;
    image.pixels = malloc(n);
    assert_non_null(image.pixels);
    for (size_t i = 0; i < n; i++) {
        size_t x = i / (size_t)channels % (size_t)width;
        uint8_t v = noise(&state);
        image.pixels[i] = 2 * x < (size_t)width ? v : (uint8_t)(255 * (v & 1));
    }
    return image;
}

static void equals_pillow_and_opencv(void **unused)
{
    (void)unused;
    const unsigned char *expected = resize_expected;
    for (size_t i = 0; i < sizeof resize_cases / sizeof *resize_cases; i++) {
        const int *c = resize_cases[i];
        infer_image src = make_picture(c[0], c[1], c[2]), out;
        for (int filter = 0; filter < 4; filter++) {
            for (int resampler = 0; resampler < 2; resampler++) {
                size_t n = (size_t)c[3] * (size_t)c[4] * (size_t)c[2];
                infer_error err;
                assert_int_equal(infer_image_resize(&src, c[3], c[4], (infer_filter)filter,
                                                    (infer_resampler)resampler, NULL, &out, &err),
                                 INFER_OK);
                assert_int_equal(out.width, c[3]);
                assert_int_equal(out.height, c[4]);
                assert_int_equal(out.channels, c[2]);
                assert_memory_equal(out.pixels, expected, n);
                expected += n;
                infer_image_free(&out);
            }
        }
        free(src.pixels);
    }
    assert_ptr_equal(expected, resize_expected + sizeof resize_expected);
}

/* A picture of one colour stays that colour in every way of resizing, at random sizes. */
static void keeps_one_color(void **unused)
{
    (void)unused;
    uint32_t state = test_seed();
    for (int round = 0; round < 400; round++) {
        int32_t w = 1 + noise(&state) % 40, h = 1 + noise(&state) % 40;
        int32_t to_w = 1 + noise(&state) % 60, to_h = 1 + noise(&state) % 60;
        uint8_t color[3] = {noise(&state), 0, 255};
        infer_image src = make_picture(w, h, 3), out;
        for (size_t i = 0; i < (size_t)w * (size_t)h; i++)
            memcpy(src.pixels + i * 3, color, 3);
        assert_int_equal(infer_image_resize(&src, to_w, to_h, (infer_filter)(round & 3),
                                            (infer_resampler)(round >> 2 & 1), NULL, &out, NULL),
                         INFER_OK);
        for (size_t i = 0; i < (size_t)to_w * (size_t)to_h; i++)
            assert_memory_equal(out.pixels + i * 3, color, 3);
        infer_image_free(&out);
        free(src.pixels);
    }
}

static void extreme_sizes(void **unused)
{
    (void)unused;
    static const int32_t sides[][4] = {
        {65535, 1, 1, 1}, {1, 65535, 1, 1}, {1, 1, 65535, 1}, {65535, 1, 3, 2}, {4, 1, 65535, 1}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        infer_image src = make_picture(sides[i][0], sides[i][1], 3), out;
        for (int how = 0; how < 8; how++) {
            assert_int_equal(infer_image_resize(&src, sides[i][2], sides[i][3],
                                                (infer_filter)(how & 3),
                                                (infer_resampler)(how >> 2), NULL, &out, NULL),
                             INFER_OK);
            infer_image_free(&out);
        }
        free(src.pixels);
    }
}

/* Parts of results, larger and smaller than the picture and of one of its sides, have the bytes of
 * the whole. */
static void a_part_is_a_part_of_the_whole(void **unused)
{
    (void)unused;
    static const int32_t sizes[][2] = {{60, 50}, {20, 15}, {41, 12}, {10, 31}, {20, 31}, {41, 31}};
    for (int32_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
        infer_image src = make_picture(41, 31, channels), whole, part;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 8; i++) {
            int32_t w = sizes[i / 8][0], h = sizes[i / 8][1], pw = w - 8, ph = h - 7;
            infer_filter filter = (infer_filter)(i % 4);
            infer_resampler resampler = (infer_resampler)(i / 4 % 2);
            const struct infer__resized at = {w, h, 5, 4, infer__pixels()};
            assert_int_equal(infer_image_resize(&src, w, h, filter, resampler, NULL, &whole, NULL),
                             INFER_OK);
            infer_error err;
            assert_int_equal(
                infer__resize_part(&src, &at, pw, ph, filter, resampler, NULL, &part, &err),
                INFER_OK);
            for (int32_t y = 0; y < ph; y++)
                assert_memory_equal(part.pixels + y * pw * channels,
                                    whole.pixels + ((y + 4) * w + 5) * channels,
                                    (size_t)(pw * channels));
            infer_image_free(&whole);
            infer_image_free(&part);
        }
        free(src.pixels);
    }
}

static void expect_argument(const infer_image *src, int32_t w, int32_t h, int filter, int resampler)
{
    infer_image out;
    infer_error err;
    memset(&out, 0xa5, sizeof out);
    assert_int_equal(infer_image_resize(src, w, h, (infer_filter)filter, (infer_resampler)resampler,
                                        NULL, &out, &err),
                     INFER_ERROR_ARGUMENT);
    assert_int_equal(err.status, INFER_ERROR_ARGUMENT);
    assert_true(err.message[0]);
    assert_null(out.pixels);
}

/* Rows with a gap behind them give what rows without one do; what is in the gap does not matter. */
static void rows_apart(void **unused)
{
    (void)unused;
    for (int how = 0; how < 3 * 8 * 3; how++) {
        static const int32_t channels[3] = {1, 3, 4}, sides[3][2] = {{31, 17}, {9, 40}, {20, 30}};
        const int32_t c = channels[how % 3], *to = sides[how / 24];
        const infer_filter filter = (infer_filter)(how / 3 & 3);
        const infer_resampler resampler = (infer_resampler)(how / 12 & 1);
        infer_image src = make_picture(20, 30, c), apart = src, a, b;
        const size_t row = 20 * (size_t)c;
        apart.pitch = row + 5;
        uint8_t *rows = malloc(apart.pitch * 29 + row); /* none behind the last one */
        assert_non_null(rows);
        memset(rows, 0xee, apart.pitch * 29 + row);
        for (size_t y = 0; y < 30; y++)
            memcpy(rows + y * apart.pitch, src.pixels + y * row, row);
        apart.pixels = rows;
        assert_int_equal(infer_image_resize(&src, to[0], to[1], filter, resampler, NULL, &a, NULL),
                         INFER_OK);
        assert_int_equal(
            infer_image_resize(&apart, to[0], to[1], filter, resampler, NULL, &b, NULL), INFER_OK);
        assert_int_equal(a.pitch, (size_t)(to[0] * c));
        assert_memory_equal(a.pixels, b.pixels, a.pitch * (size_t)to[1]);
        infer_image_free(&a);
        infer_image_free(&b);
        infer_image_free(&apart); /* a caller's: its pixels stay */
        assert_null(apart.pixels);
        free(rows);
        free(src.pixels);
    }
}

static void nonsense(void **unused)
{
    (void)unused;
    infer_image src = make_picture(4, 4, 3), bad = src;
    expect_argument(NULL, 2, 2, 0, 0);
    expect_argument(&src, 0, 2, 0, 0);
    expect_argument(&src, 2, -1, 0, 0);
    expect_argument(&src, 65536, 2, 0, 0);
    expect_argument(&src, 2, 2, 4, 0);
    expect_argument(&src, 2, 2, -1, 0);
    expect_argument(&src, 2, 2, 0, 2);
    bad.pixels = NULL;
    expect_argument(&bad, 2, 2, 0, 0);
    bad = src;
    bad.channels = 2;
    expect_argument(&bad, 2, 2, 0, 0);
    bad = src;
    bad.width = 0;
    expect_argument(&bad, 2, 2, 0, 0);
    assert_int_equal(
        infer_image_resize(&src, 2, 2, INFER_FILTER_AREA, INFER_RESIZE_PILLOW, NULL, NULL, NULL),
        INFER_ERROR_ARGUMENT);
    assert_int_equal(
        infer_image_resize(&src, 2, 2, INFER_FILTER_AREA, INFER_RESIZE_PILLOW, NULL, &src, NULL),
        INFER_ERROR_ARGUMENT);
    free(src.pixels);
}

/* Every allocation fails in turn: a status, and nothing is left. */
static void out_of_memory(void **unused)
{
    (void)unused;
    for (int how = 0; how < 8; how++) {
        infer_status status = INFER_ERROR_INTERNAL;
        for (size_t limit = 0; status != INFER_OK; limit++) {
            struct counter c = {.limit = limit};
            infer_image src = make_picture(20, 20, 3), out;
            const infer_allocator a = counting(&c);
            assert_true(limit < 10);
            status = infer_image_resize(&src, 9, 8, (infer_filter)(how & 3),
                                        (infer_resampler)(how >> 2), &a, &out, NULL);
            assert_true(status == INFER_OK || status == INFER_ERROR_NO_MEMORY);
            infer_image_free(&out);
            assert_int_equal(c.live, 0);
            free(src.pixels);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow_and_opencv),
        cmocka_unit_test(keeps_one_color),
        cmocka_unit_test(extreme_sizes),
        cmocka_unit_test(a_part_is_a_part_of_the_whole),
        cmocka_unit_test(rows_apart),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
