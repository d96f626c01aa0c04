/* infer sheet: where pictures stand on a sheet, and what the page has. */
#include "eval_nets.h"

#include "infer_vision.h"

static const uint8_t red[] = {200, 20, 0}, green[] = {10, 180, 30}, blue[] = {0, 40, 250},
                     blank[] = {255, 255, 255};

static int prepare(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    if (mkdir(in_folder("some"), 0700) || mkdir(in_folder("more"), 0700))
        return 1;
    write_colour(in_folder("some/a.ppm"), 20, 10, red);
    write_colour(in_folder("some/b.ppm"), 64, 32, green); /* larger than a cell of 32 */
    write_colour(in_folder("more/<c>.ppm"), 8, 8, blue);
    return 0;
}

static infer_image written(const char *name)
{
    infer_image image;
    infer_error err;
    if (infer_image_load(in_folder(name), NULL, &image, &err) != INFER_OK)
        fail_msg("%s: %s %s", name, err.message, err_text);
    return image;
}

static void check_pixel(const infer_image *image, int x, int y, const uint8_t want[3])
{
    const uint8_t *p = image->pixels + (y * image->width + x) * 3;
    if (memcmp(p, want, 3) != 0)
        fail_msg("pixel %d, %d is %d %d %d, not %d %d %d", x, y, p[0], p[1], p[2], want[0], want[1],
                 want[2]);
}

/* Two columns of cells of 32 + 6 pixels; pictures stand in the middle, rows from the left. */
static void test_places(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("some"), in_folder("more"), "-o",
                         in_folder("sheet.png"), "--columns", "2", "--cell", "32", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "3 pictures"));
    infer_image image = written("sheet.png");
    assert_int_equal(image.width, 76);
    assert_int_equal(image.height, 76);
    check_pixel(&image, 9, 14, red); /* 20 x 10 from 9, 14 */
    check_pixel(&image, 8, 14, blank);
    check_pixel(&image, 28, 23, red);
    check_pixel(&image, 29, 23, blank);
    check_pixel(&image, 41, 11, green); /* 32 x 16 from 38 + 3, 11 */
    check_pixel(&image, 72, 26, green);
    check_pixel(&image, 73, 26, blank);
    check_pixel(&image, 15, 53, blue); /* the second row: 8 x 8 from 15, 38 + 15 */
    check_pixel(&image, 22, 60, blue);
    check_pixel(&image, 50, 50, blank);
    infer_image_free(&image);
}

/* One row where there are fewer pictures than columns. */
static void test_few(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("some/a.ppm"), "-o", in_folder("one.png"),
                         "--json", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "\"pictures\": 1, \"failed\": 0}"));
    infer_image image = written("one.png");
    assert_int_equal(image.width, 206);
    assert_int_equal(image.height, 206);
    infer_image_free(&image);
}

static int times(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static void test_page(void **state)
{
    size_t size;
    (void)state;
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("some"), in_folder("more"), "-o",
                         in_folder("sheet.png"), "--page", in_folder("page.html"), "--title",
                         "this & that", NULL),
                     CLI_OK);
    char *page = read_file(in_folder("page.html"), &size);
    assert_non_null(page);
    assert_int_equal(times(page, "<figure>"), 3);
    assert_int_equal(times(page, "src=\"data:image/png;base64,"), 3);
    assert_int_equal(times(page, "src="), 3); /* it refers to nothing outside */
    assert_int_equal(times(page, "<h2>"), 2); /* one for each folder */
    assert_non_null(strstr(page, "this &amp; that"));
    assert_non_null(strstr(page, "&lt;c&gt;.ppm"));
    assert_non_null(strstr(page, "</html>"));
    free(page);
}

/* What can't be read is left out, and said. */
static void test_wrong(void **state)
{
    (void)state;
    write_text(in_folder("bad.ppm"), "P6 9 9 255\n");
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("bad.ppm"), in_folder("some"), "-o",
                         in_folder("part.png"), "--json", NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "bad.ppm"));
    assert_non_null(strstr(out, "\"pictures\": 2, \"failed\": 1}"));
    assert_int_equal(
        run(cmd_sheet, "sheet", in_folder("bad.ppm"), "-o", in_folder("none.png"), NULL),
        CLI_BAD_INPUT);
    assert_int_equal(access(in_folder("none.png"), F_OK), -1);
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("some"), "--cell", "3", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_sheet, "sheet", in_folder("some"), "--columns", "0", NULL), CLI_USAGE);
    assert_int_equal(
        run(cmd_sheet, "sheet", in_folder("some"), "-o", in_folder("no/such/folder.png"), NULL),
        CLI_RESOURCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, prepare, teardown);
}
