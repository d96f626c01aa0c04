/* infer read from end to end, with networks made by hand. */
#include "tests/text_nets.h"
#include "third_party/yyjson/yyjson.h"

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
