/* infer read from end to end, with networks made by hand. Pages are white; a line of text is a grey
 * band with a dark edge at its top, in which letters are blocks: red a, green b, blue c. What is
 * not white is text; a line is read by its colours, and stands upright if its upper half is darker.
 */
#include "tests/onnx_model.h"

#include <math.h>

#include "tests/tool_run.h"
#include "third_party/yyjson/yyjson.h"
#include "tools/png.h"

enum { PAGE_WIDTH = 800, PAGE_HEIGHT = 400, BAND = 24, LETTER = 32, GAP = 24 };

/* ---- networks ------------------------------------------------------------------------------- */

static void write_model(struct builder *b, const char *name)
{
    pack(b);
    write_bytes(in_folder(name), b->bytes, b->size);
    build_end(b);
}

/* White is 2.25, 2.43 and 2.64 behind mean and deviation: their sum is 7.3, of all else below 4. */
static void make_detector(const char *name)
{
    const int64_t dims[] = {1, 3, -1, -1}, w[] = {1, 3, 1, 1}, one = 1;
    const float weights[] = {-10, -10, -10}, bias = 50;
    struct builder b;
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    floats(&b, "b", 1, &one, &bias);
    node(&b, "Conv", "x,w,b", "map");
    node(&b, "Sigmoid", "map", "y");
    write_model(&b, name);
}

/* Colours of 4 columns at a time: blank, red, green, blue; channels are blue, green, red. */
static void make_reader(const char *name, int softmax)
{
    const int64_t dims[] = {-1, 3, 16, -1}, w[] = {4, 3, 1, 1}, four = 4, two = 2;
    const int64_t window[] = {16, 4}, perm[] = {0, 2, 1};
    const float weights[] = {0, 0, 0, -9, -9, 9, -9, 9, -9, 9, -9, -9}, bias[] = {3, 0, 0, 0};
    struct builder b;
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    floats(&b, "b", 1, &four, bias);
    ints(&b, "axis", 1, &two);
    Onnx__NodeProto *pool = node(&b, "AveragePool", "x", "mean");
    attr_ints(&b, pool, "kernel_shape", window, 2);
    attr_ints(&b, pool, "strides", window, 2);
    node(&b, "Conv", "mean,w,b", "logits");
    node(&b, "Squeeze", "logits,axis", "columns");
    attr_ints(&b, node(&b, "Transpose", "columns", softmax ? "steps" : "y"), "perm", perm, 3);
    if (softmax)
        attr_int(&b, node(&b, "Softmax", "steps", "y"), "axis", -1);
    write_model(&b, name);
}

/* The upper half less the lower one, as a score for upside down. */
static void make_upright(const char *name)
{
    const int64_t dims[] = {-1, 3, 48, 192}, w[] = {2, 3, 48, 1}, flat[] = {-1, 2};
    float weights[2 * 3 * 48];
    struct builder b;
    for (int i = 0; i < 2 * 3 * 48; i++)
        weights[i] = (i % 48 < 24 ? 0.5F : -0.5F) * (i < 3 * 48 ? -1 : 1);
    frame(&b, 13, 4, dims);
    floats(&b, "w", 4, w, weights);
    ints(&b, "flat", 2, flat);
    node(&b, "Conv", "x,w", "sums");
    node(&b, "GlobalAveragePool", "sums", "mean");
    node(&b, "Reshape", "mean,flat", "logits");
    attr_int(&b, node(&b, "Softmax", "logits", "y"), "axis", -1);
    write_model(&b, name);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int32_t length_of(const char *text)
{
    return GAP + (int32_t)strlen(text) * (LETTER + GAP);
}

/* The colour of a line at (u, v) from its upper left corner; 0: it is not there. */
static int colour_at(const char *text, double u, double v, uint8_t rgb[3])
{
    const int place = (int)floor((u - GAP) / (LETTER + GAP));
    if (u < 0 || v < 0 || u >= length_of(text) || v >= BAND)
        return 0;
    memset(rgb, v < 4 ? 0 : 128, 3);
    if (v >= 4 && u >= GAP && u - GAP - place * (LETTER + GAP) < LETTER) {
        memset(rgb, 0, 3);
        rgb[text[place] - 'a'] = 255;
    }
    return 1;
}

/* Draws a line that begins at (x, y) and is turned by `angle`. */
static void draw(infer_image *page, const char *text, double x, double y, double angle)
{
    const double c = cos(angle), s = sin(angle);
    for (int32_t j = 0; j < page->height; j++)
        for (int32_t i = 0; i < page->width; i++) {
            const double dx = i + 0.5 - x, dy = j + 0.5 - y;
            colour_at(text, dx * c + dy * s, dy * c - dx * s,
                      page->pixels + (size_t)j * page->pitch + 3 * (size_t)i);
        }
}

static infer_image blank(int32_t width, int32_t height)
{
    infer_image page = {
        .pitch = 3 * (size_t)width, .width = width, .height = height, .channels = 3};
    page.pixels = malloc(page.pitch * (size_t)height);
    assert_non_null(page.pixels);
    memset(page.pixels, 255, page.pitch * (size_t)height);
    return page;
}

static void save(infer_image *page, const char *name)
{
    assert_int_equal(png_write(in_folder(name), page), 0);
    free(page->pixels);
}

/* The third stands upside down, the fourth is turned a little. */
static void make_pages(void)
{
    infer_image page = blank(PAGE_WIDTH, PAGE_HEIGHT);
    draw(&page, "abcab", 30, 40, 0);
    draw(&page, "cab", 500, 44, 0);
    draw(&page, "bca", 30 + length_of("bca"), 180 + BAND, acos(-1));
    draw(&page, "ccba", 330, 220, 0.3);
    save(&page, "page.png");
    page = blank(PAGE_WIDTH, PAGE_HEIGHT);
    save(&page, "empty.png");
    page = blank(length_of("abba"), BAND);
    draw(&page, "abba", 0, 0, 0);
    save(&page, "line.png");
}

static int setup_all(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    make_detector("det.onnx");
    make_reader("rec.onnx", 1);
    make_reader("raw.onnx", 0);
    make_upright("cls.onnx");
    make_pages();
    write_text(in_folder("letters"), "a\nb\nc\n");
    return 0;
}

/* ---- what is read --------------------------------------------------------------------------- */

static yyjson_doc *parse(void)
{
    yyjson_doc *doc = yyjson_read(out, strlen(out), 0);
    if (!doc)
        fail_msg("no JSON: %s", out);
    return doc;
}

static yyjson_val *lines_of(yyjson_doc *doc, size_t picture)
{
    yyjson_val *pictures = yyjson_obj_get(yyjson_doc_get_root(doc), "pictures");
    return yyjson_obj_get(yyjson_arr_get(pictures, picture), "lines");
}

static void check_line(yyjson_val *lines, size_t i, const char *text, int turned)
{
    yyjson_val *l = yyjson_arr_get(lines, i);
    assert_string_equal(yyjson_get_str(yyjson_obj_get(l, "text")), text);
    assert_true(yyjson_get_num(yyjson_obj_get(l, "score")) > 0.5);
    assert_int_equal(yyjson_get_bool(yyjson_obj_get(l, "turned")), turned);
}

static double corner(yyjson_val *lines, size_t i, size_t k, size_t axis)
{
    yyjson_val *quad = yyjson_obj_get(yyjson_arr_get(lines, i), "quad");
    return yyjson_get_num(yyjson_arr_get(yyjson_arr_get(quad, k), axis));
}

/* A band of 304 x 24 grows by 1.5 * 304 * 24 / 656, in pixels of the page. */
static void test_page(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_read, "read", in_folder("det.onnx"), in_folder("rec.onnx"),
                         in_folder("page.png"), "--labels", in_folder("letters"), "--upright",
                         in_folder("cls.onnx"), "--json", NULL),
                     0);
    yyjson_doc *doc = parse();
    yyjson_val *lines = lines_of(doc, 0);
    assert_int_equal(yyjson_arr_size(lines), 4);
    check_line(lines, 0, "abcab", 0);
    check_line(lines, 1, "cab", 0);
    check_line(lines, 2, "bca", 1);
    check_line(lines, 3, "ccba", 0);
    const double more = 1.5 * 304 * 24 / 656;
    const double x[] = {30 - more, 334 + more}, y[] = {40 - more, 64 + more};
    for (size_t k = 0; k < 4; k++) {
        assert_true(fabs(corner(lines, 0, k, 0) - x[k == 1 || k == 2]) < 2);
        assert_true(fabs(corner(lines, 0, k, 1) - y[k >= 2]) < 2);
    }
    assert_true(corner(lines, 2, 0, 0) > corner(lines, 2, 1, 0)); /* begins at the right */
    const double slope = (corner(lines, 3, 1, 1) - corner(lines, 3, 0, 1)) /
                         (corner(lines, 3, 1, 0) - corner(lines, 3, 0, 0));
    assert_true(fabs(slope - tan(0.3)) < 0.03);
    yyjson_doc_free(doc);
}

/* Files hold how they are read; what is drawn is a picture. */
static void test_files(void **state)
{
    (void)state;
    assert_int_equal(
        run(cmd_convert, "convert", in_folder("det.onnx"), "--task", "text-regions", NULL), 0);
    assert_int_equal(run(cmd_convert, "convert", in_folder("rec.onnx"), "--task", "auto",
                         "--labels", in_folder("letters"), NULL),
                     0);
    assert_non_null(strstr(out, "read as text"));
    assert_int_equal(run(cmd_read, "read", in_folder("det.infer"), in_folder("rec.infer"),
                         in_folder("page.png"), in_folder("empty.png"), "--draw",
                         in_folder("drawn"), NULL),
                     0);
    assert_non_null(strstr(out, "  abcab\n"));
    assert_non_null(strstr(out, "empty.png: 0 lines"));
    infer_image image;
    assert_int_equal(infer_image_load(in_folder("drawn/page.png.png"), NULL, &image, NULL),
                     INFER_OK);
    assert_int_equal(image.width, PAGE_WIDTH);
    infer_image_free(&image);
    assert_int_equal(
        run(cmd_read, "read", in_folder("det.infer"), in_folder("page.png"), "--csv", NULL), 0);
    assert_non_null(strstr(out, "file,text,score,region_score,x0,y0,x1,y1,x2,y2,x3,y3\n"));
    assert_non_null(strstr(out, "page.png,,,"));
    assert_int_equal(
        run(cmd_read, "read", in_folder("rec.infer"), in_folder("line.png"), "--jsonl", NULL), 0);
    assert_non_null(strstr(out, "\"text\": \"abba\""));
    assert_null(strstr(out, "quad"));
    assert_int_equal(
        run(cmd_read, "read", in_folder("rec.infer"), in_folder("line.png"), "--csv", NULL), 0);
    assert_non_null(strstr(out, "line.png,abba,0."));
}

/* Scores that are no probabilities get a softmax; --task says so where auto can't tell. */
static void test_raw(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_convert, "convert", in_folder("raw.onnx"), "-o",
                         in_folder("raw.infer"), "--task", "auto", NULL),
                     3);
    assert_int_equal(run(cmd_convert, "convert", in_folder("raw.onnx"), "-o",
                         in_folder("raw.infer"), "--task", "text", "--labels", in_folder("letters"),
                         NULL),
                     0);
    assert_int_equal(
        run(cmd_read, "read", in_folder("raw.infer"), in_folder("line.png"), "--json", NULL), 0);
    yyjson_doc *doc = parse();
    check_line(lines_of(doc, 0), 0, "abba", 0);
    assert_true(yyjson_get_num(yyjson_obj_get(yyjson_arr_get(lines_of(doc, 0), 0), "score")) <= 1);
    yyjson_doc_free(doc);
}

/* An alphabet that begins with the blank, and one without the space at its end. */
static void test_alphabets(void **state)
{
    (void)state;
    write_text(in_folder("with-blank"), "-\na\nb\nc\n");
    write_text(in_folder("no-space"), "a\nb\n");
    assert_int_equal(run(cmd_read, "read", in_folder("rec.onnx"), in_folder("line.png"), "--labels",
                         in_folder("with-blank"), NULL),
                     0);
    assert_non_null(strstr(out, "  abba\n"));
    infer_image page = blank(length_of("acb"), BAND);
    draw(&page, "acb", 0, 0, 0);
    save(&page, "space.png");
    assert_int_equal(run(cmd_read, "read", in_folder("rec.onnx"), in_folder("space.png"),
                         "--labels", in_folder("no-space"), NULL),
                     0);
    assert_non_null(strstr(out, "  a b\n"));
}

static void test_wrong(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_read, "read", in_folder("rec.onnx"), in_folder("line.png"), NULL), 2);
    assert_non_null(strstr(err_text, "--labels"));
    assert_int_equal(run(cmd_read, "read", in_folder("det.onnx"), in_folder("det.onnx"),
                         in_folder("page.png"), NULL),
                     2);
    assert_non_null(strstr(err_text, "a second model that finds text"));
    assert_int_equal(run(cmd_read, "read", in_folder("cls.onnx"), in_folder("page.png"), NULL), 3);
    assert_int_equal(run(cmd_read, "read", in_folder("det.onnx"), in_folder("missing.png"),
                         in_folder("empty.png"), "--json", NULL),
                     3);
    assert_non_null(strstr(out, "\"failed\": 1"));
    assert_int_equal(run(cmd_detect, "detect", in_folder("det.infer"), in_folder("page.png"), NULL),
                     2);
    assert_non_null(strstr(err_text, "infer read is for it"));
    assert_int_equal(
        run(cmd_classify, "classify", in_folder("rec.infer"), in_folder("page.png"), NULL), 2);
    assert_non_null(strstr(err_text, "infer read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page), cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_raw), cmocka_unit_test(test_alphabets),
                                       cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, setup_all, teardown);
}
