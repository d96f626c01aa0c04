/* Lines of text: classes step by step, and quadrilaterals cut out of pictures. */
#include "tests/file_fixture.h"

#include <math.h>

#include "answer/ctc.h"
#include "infer_text.h"

/* ---- steps ---------------------------------------------------------------------------------- */

enum { CLASSES = 6 };

static const char *const alphabet[CLASSES] = {NULL, "a", "b", "\xc3\xa4", "\xe6\x96\x87", NULL};

static const char *label_of(const void *ctx, int64_t class)
{
    (void)ctx;
    assert_true(class >= 0 && class < CLASSES);
    return alphabet[class];
}

/* Reads steps whose best classes are `best`, with those probabilities; 0.25 where NULL. */
static infer_text read_steps(const char *best, const float *p, char *room, size_t size)
{
    float data[40 * CLASSES] = {0};
    infer_text text = {.text = room, .room = size};
    const struct infer__steps s = {data, (int64_t)strlen(best), CLASSES, 0};
    for (size_t i = 0; best[i]; i++)
        data[i * CLASSES + (size_t)(best[i] - '0')] = p ? p[i] : 0.25F;
    infer__ctc_read(&s, label_of, NULL, &text);
    return text;
}

static void check_steps(const char *best, const char *want, uint32_t count)
{
    char room[80];
    const infer_text t = read_steps(best, NULL, room, sizeof room);
    assert_string_equal(room, want);
    assert_int_equal(t.length, strlen(want));
    assert_int_equal(t.count, count);
    assert_true(t.score == (count ? 0.25F : 0));
}

static void test_ctc(void **state)
{
    (void)state;
    check_steps("", "", 0);
    check_steps("000", "", 0);
    check_steps("1", "a", 1);
    check_steps("111", "a", 1);
    check_steps("101", "aa", 2);
    check_steps("1102", "ab", 2);
    check_steps("12121", "ababa", 5);
    check_steps("0011002200", "ab", 2);
    check_steps("30404", "\xc3\xa4\xe6\x96\x87\xe6\x96\x87", 3);
    check_steps("1551", "aa", 2); /* 5 has no label, but is no blank either: it parts both */
}

/* The first step of equal ones counts, and blanks do not. */
static void test_ctc_score(void **state)
{
    (void)state;
    char room[80];
    const float p[] = {0.5F, 0.9F, 0.75F, 0.25F, 0.1F, 1};
    const infer_text t = read_steps("100221", p, room, sizeof room);
    assert_string_equal(room, "aba");
    assert_true(fabsf(t.score - (0.5F + 0.25F + 1) / 3) < 1e-6F);
}

static void test_ctc_room(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 9; size++) { /* "a文äb": 1 + 3 + 2 + 1 bytes */
        static const size_t fits[] = {0, 0, 1, 1, 1, 4, 4, 6, 7, 7};
        char room[16];
        memset(room, 'x', sizeof room);
        const infer_text t = read_steps("1432", NULL, room, size);
        assert_int_equal(t.length, 7);
        assert_int_equal(t.count, 4);
        if (size) {
            assert_int_equal(strlen(room), fits[size]);
            assert_memory_equal(room,
                                "a\xe6\x96\x87\xc3\xa4"
                                "b",
                                fits[size]);
        }
        for (size_t i = size; i < sizeof room; i++)
            assert_int_equal(room[i], 'x');
    }
}

static void test_ctc_special(void **state)
{
    (void)state;
    char room[80];
    float data[4][CLASSES] = {{0}};
    infer_text text = {.text = room, .room = sizeof room};
    const struct infer__steps s = {data[0], 4, CLASSES, 0};
    for (int c = 0; c < CLASSES; c++) {
        data[0][c] = NAN;                   /* as good as a blank */
        data[1][c] = c == 2 ? 0.5F : NAN;   /* one that is a number */
        data[2][c] = -INFINITY;             /* all equal: the blank, which is the lowest */
        data[3][c] = c >= 3 ? INFINITY : 1; /* the lower one of two */
    }
    infer__ctc_read(&s, label_of, NULL, &text);
    assert_string_equal(room, "b\xc3\xa4");
    assert_int_equal(text.count, 2);
}

/* ---- quadrilaterals ------------------------------------------------------------------------- */

enum { WIDTH = 90, HEIGHT = 70 };

/* Red is 2 x, green 3 y, blue both. */
static uint8_t *slopes(infer_picture *p)
{
    uint8_t *pixels = malloc(WIDTH * HEIGHT * 3);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *to = pixels + (y * WIDTH + x) * 3;
            to[0] = (uint8_t)(2 * x);
            to[1] = (uint8_t)(3 * y);
            to[2] = (uint8_t)(x + y);
        }
    *p = (infer_picture){
        .data = pixels, .pixels = INFER_PIXELS_RGB, .width = WIDTH, .height = HEIGHT};
    return pixels;
}

static infer_image cut(const infer_picture *p, const infer_quad *q)
{
    infer_image out;
    infer_error err;
    if (infer_quad_cut(p, q, NULL, &out, &err) != INFER_OK)
        fail_msg("%s", err.message);
    return out;
}

/* The place in the picture that a pixel was taken from, by the slopes. */
static void check_place(const infer_image *m, int32_t i, int32_t j, double x, double y)
{
    const uint8_t *p = m->pixels + (size_t)j * m->pitch + 3 * (size_t)i;
    if (!(fabs(p[0] - 2 * (x - 0.5)) < 1.01 && fabs(p[1] - 3 * (y - 0.5)) < 1.01))
        fail_msg("pixel (%d, %d) is of (%.2f, %.2f), not (%.2f, %.2f)", i, j, p[0] / 2.0 + 0.5,
                 p[1] / 3.0 + 0.5, x, y);
}

/* An upright one is copied, whatever kind the picture is. */
static void test_cut_upright(void **state)
{
    (void)state;
    infer_picture p;
    uint8_t *pixels = slopes(&p);
    const infer_quad q = {.x = {10, 50, 50, 10}, .y = {20, 20, 35, 35}};
    infer_image m = cut(&p, &q);
    assert_true(m.width == 40 && m.height == 15 && m.channels == 3);
    for (int y = 0; y < 15; y++)
        assert_memory_equal(m.pixels + (size_t)y * m.pitch, pixels + ((20 + y) * WIDTH + 10) * 3,
                            40 * 3);
    infer_image_free(&m);
    p.pixels = INFER_PIXELS_BGR;
    m = cut(&p, &q);
    assert_true(m.pixels[0] == 30 && m.pixels[1] == 60 && m.pixels[2] == 20);
    infer_image_free(&m);
    p.pixels = INFER_PIXELS_GRAY;
    m = cut(&p, &q);
    assert_true(m.channels == 1 && m.pixels[1] == pixels[20 * WIDTH + 11]);
    infer_image_free(&m);
    free(pixels);
}

/* Turned, upside down, running downwards, and seen from the side. */
static void test_cut_turned(void **state)
{
    (void)state;
    infer_picture p;
    uint8_t *pixels = slopes(&p);
    const double c = cos(0.5), s = sin(0.5);
    infer_quad q = {
        .x = {30, 30 + (float)(40 * c), 30 + (float)(40 * c - 12 * s), 30 - (float)(12 * s)},
        .y = {15, 15 + (float)(40 * s), 15 + (float)(40 * s + 12 * c), 15 + (float)(12 * c)}};
    infer_image m = cut(&p, &q);
    assert_true(m.width == 40 && m.height == 12);
    for (int j = 0; j < 12; j++)
        for (int i = 0; i < 40; i++) {
            const double u = i + 0.5, v = j + 0.5;
            check_place(&m, i, j, 30 + u * c - v * s, 15 + u * s + v * c);
        }
    infer_image_free(&m);
    q = (infer_quad){.x = {50, 10, 10, 50}, .y = {35, 35, 20, 20}}; /* upside down */
    m = cut(&p, &q);
    assert_true(m.width == 40 && m.height == 15);
    check_place(&m, 0, 0, 49.5, 34.5);
    check_place(&m, 39, 14, 10.5, 20.5);
    infer_image_free(&m);
    q = (infer_quad){.x = {10, 30, 30, 10}, .y = {10, 10, 40, 40}}; /* 1.5 times as high */
    m = cut(&p, &q);
    assert_true(m.width == 30 && m.height == 20);
    check_place(&m, 0, 0, 29.5, 10.5);
    check_place(&m, 29, 0, 29.5, 39.5);
    check_place(&m, 0, 19, 10.5, 10.5);
    infer_image_free(&m);
    q.y[2] = q.y[3] = 39; /* not quite */
    m = cut(&p, &q);
    assert_true(m.width == 20 && m.height == 29);
    infer_image_free(&m);
    free(pixels);
}

/* What is in perspective: diagonals meet in the middle of the result. */
static void test_cut_perspective(void **state)
{
    (void)state;
    infer_picture p;
    uint8_t *pixels = slopes(&p);
    const infer_quad q = {.x = {10, 71, 71, 10}, .y = {10, 25, 39, 50}};
    infer_image m = cut(&p, &q);
    const double t = 40.0 / (40 + 14); /* the diagonals' meeting point along both */
    const double x = 10 + 61 * t, y = 10 + 29 * t;
    assert_true(m.width == 63 && m.height == 40 && m.width % 2 == 1);
    const uint8_t *above = m.pixels + 19 * m.pitch + 31 * 3, *below = above + m.pitch;
    assert_true(fabs((above[0] + below[0]) / 2.0 - 2 * (x - 0.5)) < 2);
    assert_true(fabs((above[1] + below[1]) / 2.0 - 3 * (y - 0.5)) < 2);
    infer_image_free(&m);
    free(pixels);
}

/* What reaches out is like the border; a region counts as the picture. */
static void test_cut_border(void **state)
{
    (void)state;
    infer_picture p;
    uint8_t *pixels = slopes(&p);
    const infer_quad q = {.x = {-20, 20, 20, -20}, .y = {-5, -5, 10, 10}};
    infer_image m = cut(&p, &q);
    assert_true(m.width == 40 && m.height == 15);
    for (int i = 0; i < 21; i++)
        assert_int_equal(m.pixels[3 * i], 0);
    assert_int_equal(m.pixels[3 * 39], 2 * 19);
    infer_image_free(&m);
    p.x = 15;
    p.y = 2;
    p.region_width = 30;
    p.region_height = 30;
    m = cut(&p, &q);
    assert_true(m.pixels[0] == 2 * 15 && m.pixels[1] == 3 * 2);
    assert_int_equal(m.pixels[3 * 39], 2 * 19);
    infer_image_free(&m);
    free(pixels);
}

static void test_cut_refused(void **state)
{
    (void)state;
    infer_picture p;
    uint8_t *pixels = slopes(&p);
    const infer_quad wrong[] = {
        {.x = {10, 50, 50, 10}, .y = {35, 35, 20, 20}},        /* the other way round */
        {.x = {10, 50, 10, 50}, .y = {20, 20, 35, 35}},        /* crossed */
        {.x = {10, 50, 20, 10}, .y = {20, 20, 25, 50}},        /* dented */
        {.x = {10, 10, 10, 10}, .y = {20, 20, 20, 20}},        /* nothing */
        {.x = {10, 50, 50, NAN}, .y = {20, 20, 35, 35}},       /* no number */
        {.x = {-1e9F, 50, 50, -1e9F}, .y = {20, 20, 35, 35}}}; /* too far */
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        infer_image m = {.width = 7};
        assert_int_equal(infer_quad_cut(&p, &wrong[i], NULL, &m, NULL), INFER_ERROR_ARGUMENT);
        assert_true(!m.pixels && !m.width);
    }
    const infer_quad vast = {.x = {-60000, 60000, 60000, -60000},
                             .y = {-60000, -60000, 60000, 60000}};
    infer_image m;
    assert_int_equal(infer_quad_cut(&p, &vast, NULL, &m, NULL), INFER_ERROR_LIMIT);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ctc),         cmocka_unit_test(test_ctc_score),
        cmocka_unit_test(test_ctc_room),    cmocka_unit_test(test_ctc_special),
        cmocka_unit_test(test_cut_upright), cmocka_unit_test(test_cut_turned),
        cmocka_unit_test(test_cut_border),  cmocka_unit_test(test_cut_perspective),
        cmocka_unit_test(test_cut_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
