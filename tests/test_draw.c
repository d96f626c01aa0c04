/* Answers drawn onto pictures: which pixels shapes cover, and that no coordinate leads outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "guard.h"
#include "infer_draw.h"

enum { W = 60, H = 40 };
static const infer_rgba white = {255, 255, 255, 255};
static uint8_t pixels[W * H * 3];

/* A black picture. */
static infer_image black(void)
{
    memset(pixels, 0, sizeof pixels);
    return (infer_image){.pixels = pixels, .width = W, .height = H, .channels = 3};
}

static int red_at(int x, int y)
{
    return pixels[(y * W + x) * 3];
}

/* All red there is, in whole pixels. */
static double covered(void)
{
    double sum = 0;
    for (int i = 0; i < W * H; i++)
        sum += pixels[3 * i];
    return sum / 255;
}

#define DRAWN(call) assert_int_equal(call, INFER_OK)

static void test_rectangle(void **state)
{
    (void)state;
    infer_image p = black();
    DRAWN(infer_draw_rectangle(&p, 10, 5, 4, 3, white, NULL));
    assert_true(covered() == 12);
    assert_int_equal(red_at(10, 5), 255);
    assert_int_equal(red_at(13, 7), 255);
    assert_int_equal(red_at(14, 7), 0);
    p = black(); /* parts of pixels */
    DRAWN(infer_draw_rectangle(&p, 10.5F, 5, 2, 1, white, NULL));
    assert_int_equal(red_at(10, 5), 128);
    assert_int_equal(red_at(11, 5), 255);
    assert_int_equal(red_at(12, 5), 128);
    p = black();
    DRAWN(
        infer_draw_rectangle(&p, -INFINITY, 38, INFINITY, 10, white, NULL)); /* inf - inf: a NaN */
    assert_true(covered() == 0);
    DRAWN(infer_draw_rectangle(&p, -1e30F, 38, 2e30F, 1e30F, white, NULL));
    assert_true(covered() == 2 * W);
    const infer_rgba half = {255, 255, 255, 128};
    p = black();
    DRAWN(infer_draw_rectangle(&p, 0, 0, 1, 1, half, NULL));
    assert_int_equal(red_at(0, 0), 128);
}

static void test_lines(void **state)
{
    (void)state;
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    const infer_point ends[][2] = {{{10, 20, 1, 0}, {50, 20, 1, 0}},
                                   {{20.5F, 5, 1, 0}, {20.5F, 35, 1, 0}},
                                   {{10, 8, 1, 0}, {50, 33, 1, 0}},
                                   {{30, 20, 1, 0}, {30, 20, 1, 0}}};
    for (int i = 0; i < 4; i++)
        for (int width = 1; width <= 5; width += 2) {
            const double dx = (double)(ends[i][1].x - ends[i][0].x);
            const double dy = (double)(ends[i][1].y - ends[i][0].y), r = width / 2.0;
            const double area = 2 * r * sqrt(dx * dx + dy * dy) + 3.14159265 * r * r;
            infer_image p = black();
            style.line_width = (float)width;
            DRAWN(infer_draw_lines(&p, ends[i], 2, 0, white, &style, NULL));
            if (fabs(covered() - area) > 0.03 * area + 0.5)
                fail_msg("line %d of %d pixels covers %g, not %g", i, width, covered(), area);
        }
    /* what is cut off at the border stays where it was */
    infer_image p = black();
    const infer_point far[2] = {{-1000, 20, 1, 0}, {1000, 20, 1, 0}};
    style.line_width = 2;
    DRAWN(infer_draw_lines(&p, far, 2, 0, white, &style, NULL));
    assert_true(covered() == 2 * W);
    assert_int_equal(red_at(0, 19), 255);
    assert_int_equal(red_at(0, 20), 255);
    /* closed: the side that is missing */
    const infer_point three[3] = {{10, 10, 1, 0}, {40, 10, 1, 0}, {40, 30, 1, 0}};
    p = black();
    DRAWN(infer_draw_lines(&p, three, 3, 0, white, &style, NULL));
    assert_int_equal(red_at(25, 20), 0);
    DRAWN(infer_draw_lines(&p, three, 3, 1, white, &style, NULL));
    assert_true(red_at(25, 20) > 200);
}

static void test_boxes(void **state)
{
    (void)state;
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    style.line_width = 2;
    infer_box box = {.x0 = 10, .y0 = 8, .x1 = 50, .y1 = 32};
    infer_image p = black();
    DRAWN(infer_draw_box(&p, &box, NULL, white, &style, NULL));
    assert_true(covered() == 42 * 26 - 38 * 22);
    assert_int_equal(red_at(9, 7), 255);
    assert_int_equal(red_at(11, 9), 0);
    uint8_t upright[sizeof pixels];
    memcpy(upright, pixels, sizeof pixels);
    /* the same by half a turn, which rounds corners */
    box.angle = 3.14159274F;
    p = black();
    DRAWN(infer_draw_box(&p, &box, NULL, white, &style, NULL));
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            if ((x > 11 && x < 48) || (y > 9 && y < 30))
                assert_in_range(red_at(x, y) - upright[(y * W + x) * 3] + 2, 0, 4);
    /* a quarter turn: 24 wide, 40 high */
    box.angle = 1.57079637F;
    p = black();
    DRAWN(infer_draw_box(&p, &box, NULL, white, &style, NULL));
    assert_true(red_at(17, 20) > 250 && red_at(42, 20) > 250 && red_at(10, 20) == 0);
    /* sides that cross are nothing, a line thicker than the box fills it */
    p = black();
    DRAWN(infer_draw_box(&p, &(infer_box){.x0 = 9, .y0 = 9, .x1 = 4, .y1 = 20}, "x", white, &style,
                         NULL));
    assert_true(covered() == 0);
    DRAWN(infer_draw_box(&p, &(infer_box){.x0 = 10, .y0 = 10, .x1 = 11, .y1 = 11}, NULL, white,
                         &style, NULL));
    assert_true(covered() == 9);
}

static void test_label_in_picture(void **state)
{
    (void)state;
    static const float at[][4] = {
        {10, 30, 50, 38}, {-20, -20, 30, 20}, {55, 2, 70, 20}, {1e9F, 1e9F, 2e9F, 2e9F}};
    for (int i = 0; i < 4; i++) {
        const infer_box box = {.x0 = at[i][0], .y0 = at[i][1], .x1 = at[i][2], .y1 = at[i][3]};
        double plain;
        infer_image p = black();
        DRAWN(infer_draw_box(&p, &box, NULL, white, NULL, NULL));
        plain = covered();
        DRAWN(infer_draw_box(&p, &box, "Hi", white, NULL, NULL));
        if (i <
            3) /* 14 high, 2 * 1.4 of padding, 8 + 2 + 2 * 3 units of 0.7 pixels, less letters */
            assert_in_range((int)(covered() - plain), 60, 200);
        else
            assert_true(covered() == 0);
    }
    /* letters are black on a bright background, white on a dark one */
    infer_image p = black();
    DRAWN(infer_draw_label(&p, 5, 30, "#", (infer_rgba){0, 0, 90, 255}, NULL, NULL));
    int most = 0;
    for (int i = 0; i < W * H; i++)
        most = pixels[3 * i] > most ? pixels[3 * i] : most;
    assert_true(most > 200);
}

static void test_letters(void **state)
{
    (void)state;
    static uint8_t seen[96][sizeof pixels];
    for (int c = ' '; c <= '~'; c++) {
        const char text[2] = {(char)c, 0};
        infer_image p = black();
        DRAWN(infer_draw_text(&p, 10, 8, 24, text, white, NULL));
        assert_true((covered() > 0) == (c != ' '));
        for (int y = 0; y < H; y++) /* within the line */
            for (int x = 0; x < W; x++)
                assert_true(red_at(x, y) == 0 || (y >= 8 && y < 32));
        memcpy(seen[c - ' '], pixels, sizeof pixels);
        for (int k = ' '; k < c; k++)
            if (memcmp(seen[k - ' '], pixels, sizeof pixels) == 0)
                fail_msg("'%c' looks like '%c'", c, k);
    }
    /* a character of three bytes, one of two that is cut, a byte alone: a box each */
    const float one = infer_draw_text_width("\x01", 20);
    assert_true(one == infer_draw_text_width("\xe7\x8a\xac", 20));
    assert_true(one == infer_draw_text_width("\xc3", 20));
    assert_true(2 * one == infer_draw_text_width("\xc3\xff", 20));
    assert_true(infer_draw_text_width("abc", 40) == 2 * infer_draw_text_width("abc", 20));
}

static void test_points(void **state)
{
    (void)state;
    infer_draw_style style = INFER_DRAW_STYLE_INIT;
    const infer_point points[4] = {
        {10, 10, 0.9F, 0}, {50, 10, 0.4F, 0}, {30, 30, 0.9F, 0}, {50, 30, NAN, 0}};
    const int32_t links[6] = {0, 1, 0, 2, 2, 3};
    infer_image p = black();
    style.line_width = 4;
    style.min_score = 0.5F;
    DRAWN(infer_draw_points(&p, points, 4, links, 3, white, &style, NULL));
    assert_true(red_at(10, 10) == 255 && red_at(30, 30) == 255 && red_at(20, 20) == 255);
    assert_true(red_at(50, 10) == 0 && red_at(30, 10) == 0 && red_at(50, 30) == 0);
    for (size_t count = 17; count <= 21; count += 4) {
        size_t n;
        const int32_t *l = infer_draw_links(count, &n);
        uint32_t joined = 0;
        for (size_t i = 0; i < 2 * n; i++)
            joined |= 1u << l[i];
        assert_true(joined == (1u << count) - 1); /* every point, and no other */
    }
}

static void test_masks(void **state)
{
    (void)state;
    uint8_t classes[W * H] = {0}, four[4] = {1, 0, 7, 1};
    infer_image p = black();
    const infer_image mask = {.pixels = four, .width = 2, .height = 2, .channels = 1};
    const infer_box box = {.x0 = 10.7F, .y0 = -3, .x1 = 12, .y1 = 2};
    DRAWN(infer_draw_mask(&p, &box, &mask, white, NULL, NULL));
    assert_true(red_at(10, 0) == 128 && red_at(11, 0) == 0 && red_at(10, 1) == 128);
    assert_true(covered() < 1.51 && covered() > 1.5);
    const infer_image of_classes = {.pixels = classes, .width = W, .height = H, .channels = 1};
    classes[0] = INFER_MASK_UNSEEN;
    classes[1] = 3;
    p = black();
    memset(pixels, 100, sizeof pixels);
    DRAWN(infer_draw_classes(&p, &of_classes, 0, NULL, NULL));
    const infer_rgba three = infer_draw_palette(3);
    assert_true(red_at(0, 0) == 100 && red_at(2, 0) == 100);
    assert_in_range(red_at(1, 0), (100 + three.red) / 2 - 1, (100 + three.red) / 2 + 1);
    DRAWN(infer_draw_classes(&p, &of_classes, -1, NULL, NULL));
    assert_true(red_at(0, 0) == 100 && red_at(2, 0) != 100);
}

static void test_palette(void **state)
{
    (void)state;
    for (int i = 0; i < 32; i++)
        for (int k = 0; k < i; k++) {
            const infer_rgba a = infer_draw_palette(i), b = infer_draw_palette(k);
            const int apart = abs(a.red - b.red) + abs(a.green - b.green) + abs(a.blue - b.blue);
            assert_true(apart >= 60);
        }
    const infer_rgba low = infer_draw_palette(INT64_MIN), zero = infer_draw_palette(0);
    assert_memory_equal(&low, &zero, sizeof low);
}

static void test_legend(void **state)
{
    (void)state;
    const char *const labels[4] = {"a", NULL, "b", "one that has no room"};
    const infer_rgba colors[4] = {{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, white};
    infer_image p = black();
    DRAWN(infer_draw_legend(&p, labels, colors, 4, NULL, NULL));
    int first = -1, second = -1; /* rows of the two colours: lines are 14 high */
    for (int y = 0; y < H; y++) {
        const uint8_t *at = pixels + (y * W + 6) * 3;
        first = first < 0 && at[0] == 255 && at[2] == 0 ? y : first;
        second = second < 0 && at[2] == 255 && at[0] == 0 ? y : second;
        assert_false(at[1] == 255 && at[0] == 0);
    }
    assert_true(first > 0 && second == first + 14);
}

/* ---- any coordinate ------------------------------------------------------------------------- */

static const float strange[] = {NAN, INFINITY, -INFINITY, 1e30F, -1e30F, FLT_MAX, -FLT_MAX, FLT_MIN,
                                0,   -0.5F,    3,         17.5F, 18,     1e6F,    -70000};
enum { STRANGE = sizeof strange / sizeof *strange };

static void draw_everything(infer_image *p, const float v[4])
{
    const infer_point points[2] = {{v[0], v[1], 1, 0}, {v[2], v[3], 1, 0}};
    const int32_t link[2] = {0, 1};
    uint8_t one[9];
    memset(one, 1, sizeof one);
    const infer_image mask = {.pixels = one, .width = 3, .height = 3, .channels = 1};
    infer_box box = {.x0 = v[0], .y0 = v[1], .x1 = v[2], .y1 = v[3]};
    DRAWN(infer_draw_rectangle(p, v[0], v[1], v[2], v[3], white, NULL));
    DRAWN(infer_draw_disc(p, v[0], v[1], v[2], white, NULL));
    DRAWN(infer_draw_lines(p, points, 2, 1, white, NULL, NULL));
    DRAWN(infer_draw_points(p, points, 2, link, 1, white, NULL, NULL));
    DRAWN(infer_draw_text(p, v[0], v[1], 20, "Wg@", white, NULL));
    DRAWN(infer_draw_label(p, v[0], v[1], "Wg@", white, NULL, NULL));
    DRAWN(infer_draw_mask(p, &box, &mask, white, NULL, NULL));
    DRAWN(infer_draw_box(p, &box, "Wg@", white, NULL, NULL));
    box.angle = v[3] < 100 && v[3] > -100 ? v[3] : 0.3F;
    DRAWN(infer_draw_box(p, &box, "Wg@", white, NULL, NULL));
}

/* Onto a picture whose rows have gaps and whose pixels have alpha, between pages that can't be
 * touched. */
static void test_strange_coordinates(void **state)
{
    (void)state;
    enum { PITCH = 18 * 4 + 5, SIZE = PITCH * 8 + 18 * 4 };
    for (int end = 0; end < 2; end++) {
        struct guard g = guard_new(SIZE, 1, end);
        infer_image p = {.pixels = g.data, .pitch = PITCH, .width = 18, .height = 9, .channels = 4};
        for (int i = 0; i < STRANGE * STRANGE * STRANGE * STRANGE; i++) {
            const int n = STRANGE;
            const float v[4] = {strange[i % n], strange[i / n % n], strange[i / n / n % n],
                                strange[i / n / n / n]};
            if (i % 7 == end) /* a seventh of all will do */
                draw_everything(&p, v);
        }
        for (int y = 0; y < 9; y++)
            for (int x = 3; x < PITCH && y * PITCH + x < SIZE; x += x < 71 ? 4 : 1)
                assert_int_equal(g.data[y * PITCH + x], GUARD_BYTE);
        assert_true(guard_check(&g));
        guard_free(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rectangle), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_boxes),     cmocka_unit_test(test_label_in_picture),
        cmocka_unit_test(test_letters),   cmocka_unit_test(test_points),
        cmocka_unit_test(test_masks),     cmocka_unit_test(test_palette),
        cmocka_unit_test(test_legend),    cmocka_unit_test(test_strange_coordinates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
