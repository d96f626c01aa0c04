/* infer eval of text and of vectors: recorded answers with numbers worked out by hand, and networks
 * made by hand. */
#include "tests/text_nets.h"

#include "third_party/yyjson/yyjson.h"
#include "tools/eval/text.h"

static double stat_of(const char *name)
{
    yyjson_doc *doc = yyjson_read(out, strlen(out), 0);
    if (!doc)
        fail_msg("no JSON: %.300s %.300s", out, err_text);
    yyjson_val *v = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "stats"), name);
    const double found = yyjson_is_num(v) ? yyjson_get_num(v) : (double)NAN;
    yyjson_doc_free(doc);
    return found;
}

static void is(const char *name, double want)
{
    if (!(fabs(stat_of(name) - want) < 1e-9))
        fail_msg("%s: %.12g, not %.12g", name, stat_of(name), want);
}

#define EVAL(...) run(cmd_eval, "eval", __VA_ARGS__, "--json", NULL)

/* ---- parts ---------------------------------------------------------------------------------- */

static void distances(void **state)
{
    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("flaw", "lawn"), 2);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("stra\xc3\x9f"
                                   "e",
                                   "strasse"),
                     2); /* characters, not bytes */
    assert_int_equal(text_length("\xe6\x96\x87\xe5\xad\x97"), 2);
    assert_int_equal(text_length("\xe6\x96"), 2); /* cut: its bytes count */
}

static struct text_line square(double x, double y, double side)
{
    return (struct text_line){
        .x = {x, x + side, x + side, x}, .y = {y, y, y + side, y + side}, .placed = 1};
}

static void overlaps(void **state)
{
    (void)state;
    const struct text_line a = square(0, 0, 2), b = square(1, 1, 2), far = square(5, 5, 1);
    const struct text_line diamond = {.x = {1, 2, 1, 0}, .y = {0, 1, 2, 1}, .placed = 1};
    struct text_line turned = a;
    for (int k = 0; k < 4; k++) { /* going round the other way */
        turned.x[k] = a.x[3 - k];
        turned.y[k] = a.y[3 - k];
    }
    assert_true(fabs(text_overlap(&a, &a) - 1) < 1e-12);
    assert_true(fabs(text_overlap(&a, &b) - 1.0 / 7) < 1e-12);
    assert_true(text_overlap(&a, &far) == 0);
    assert_true(fabs(text_overlap(&a, &diamond) - 0.5) < 1e-12);
    assert_true(fabs(text_overlap(&turned, &b) - 1.0 / 7) < 1e-12);
}

/* ---- recorded answers ----------------------------------------------------------------------- */

static void recorded_lines(void **state)
{
    (void)state;
    write_text(in_folder("lines.txt"),
               "w1.png, \"abc\"\nw2.png, \"say \\\"a\\\"\"\nw3.png, \"ab\"\n"
               "w4.png, \"###\"\n");
    write_text(
        in_folder("lines.csv"),
        "file,text,score\nfolder/w1.png,abc,0.9\nw2.png,\"say \"\"b\"\"\",0.8\nw4.png,x,1\n");
    assert_int_equal(
        EVAL("--predictions", in_folder("lines.csv"), "--data", in_folder("lines.txt")), CLI_OK);
    is("word_accuracy", 1.0 / 3);
    is("cer", 3.0 / (3 + 7 + 2)); /* one letter is wrong, two are missing */
    is("likeness", (1 + 6.0 / 7 + 0) / 3);
    assert_true(isnan(stat_of("f1")));
    /* a line that is not one */
    write_text(in_folder("bad.txt"), "w1.png, \"abc\"\nnothing\n");
    assert_int_equal(EVAL("--predictions", in_folder("lines.csv"), "--data", in_folder("bad.txt")),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "line 2"));
    write_text(in_folder("more.csv"), "file,text,score\nw9.png,abc,0.9\n");
    assert_int_equal(EVAL("--predictions", in_folder("more.csv"), "--data", in_folder("lines.txt")),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "does not have"));
}

/* Two lines and one that nobody has to read; of the answers one is at its place and right, one at
 * its place and wrong, one at the place of what is ignored, one nowhere. */
static void recorded_pages(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("pages"), 0700), 0);
    write_text(in_folder("pages/gt_p1.txt"), "\xef\xbb\xbf"
                                             "0,0,40,0,40,10,0,10,one, two\n"
                                             "0,20,40,20,40,30,0,30,three\n"
                                             "0,40,40,40,40,50,0,50,###\n");
    write_text(in_folder("pages/gt_p2.txt"), "");
    write_text(in_folder("pages.csv"), "file,text,score,region_score,x0,y0,x1,y1,x2,y2,x3,y3\n"
                                       "p1.png,\"one, two\",1,1,0,0,40,0,40,10,0,10\n"
                                       "p1.png,tree,1,1,1,20,41,20,41,30,1,30\n"
                                       "p1.png,x,1,1,0,41,40,41,40,50,0,50\n"
                                       "p2.png,y,1,1,0,41,40,41,40,50,0,50\n");
    assert_int_equal(EVAL("--predictions", in_folder("pages.csv"), "--data", in_folder("pages")),
                     CLI_OK);
    is("precision", 2.0 / 3);
    is("recall", 1);
    is("f1", 0.8);
    is("f1_words", 0.4);
    is("word_accuracy", 0.5);
    is("cer", 1.0 / 13);
    write_text(in_folder("pages/gt_p3.txt"), "0,0,40,0,40,10,0\n");
    assert_int_equal(EVAL("--predictions", in_folder("pages.csv"), "--data", in_folder("pages")),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "gt_p3.txt"));
    unlink(in_folder("pages/gt_p3.txt"));
}

/* ---- networks ------------------------------------------------------------------------------- */

static void models(void **state)
{
    (void)state;
    write_text(in_folder("truth.csv"), "file,text\nline.png,abba\n");
    assert_int_equal(EVAL(in_folder("rec.onnx"), "--labels", in_folder("letters"), "--data",
                          in_folder("truth.csv"), "--save", in_folder("read.csv")),
                     CLI_OK);
    is("word_accuracy", 1);
    is("cer", 0);
    assert_int_equal(EVAL("--predictions", in_folder("read.csv"), "--data", in_folder("truth.csv")),
                     CLI_OK);
    is("word_accuracy", 1);
    /* a page: found, and read by another network; one line of it is said to be another */
    assert_int_equal(run(cmd_read, "read", in_folder("det.onnx"), in_folder("rec.onnx"),
                         in_folder("page.png"), "--labels", in_folder("letters"), "--csv", NULL),
                     CLI_OK);
    char *at = strstr(out, "abcab");
    assert_non_null(at);
    at[0] = 'c';
    write_text(in_folder("page.csv"), out);
    assert_int_equal(EVAL(in_folder("det.onnx"), "--reader", in_folder("rec.onnx"), "--labels",
                          in_folder("letters"), "--data", in_folder("page.csv"), "--bootstrap",
                          "10", "--report", in_folder("page.html")),
                     CLI_OK);
    is("f1", 1);
    is("word_accuracy", 0.75);
    assert_int_equal(EVAL(in_folder("det.onnx"), "--data", in_folder("page.csv")), CLI_OK);
    is("f1", 1);
    assert_true(isnan(stat_of("cer")));
}

/* ---- vectors -------------------------------------------------------------------------------- */

static void vectors(void **state)
{
    (void)state;
    write_text(in_folder("classes.csv"),
               "file,label\na1.png,a\na2.png,a\nb1.png,b\nb2.png,b\nc.png,c\n");
    write_text(in_folder("vectors.csv"),
               "a1.png,1,0\na2.png,2,0.2\nb1.png,0,1\nb2.png,1,0.1\nc.png,-1,-1\n");
    assert_int_equal(EVAL("--predictions", in_folder("vectors.csv"), "--task", "embed", "--data",
                          in_folder("classes.csv"), "--slice", "class"),
                     CLI_OK);
    /* a2 and b2 point the same way, so of the two a2, which stands before, is the nearer one */
    is("recall_at_1", 0.25);
    is("recall_at_5", 1);
    is("mAP", (1 + 0.5 + 0.5 + 1.0 / 3) / 4);
    write_text(in_folder("vectors.csv"), "a1.png,1,0\na2.png,2,nan\n");
    assert_int_equal(EVAL("--predictions", in_folder("vectors.csv"), "--task", "embed", "--data",
                          in_folder("classes.csv")),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "line 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),      cmocka_unit_test(overlaps),
        cmocka_unit_test(recorded_lines), cmocka_unit_test(recorded_pages),
        cmocka_unit_test(models),         cmocka_unit_test(vectors)};
    return cmocka_run_group_tests(tests, setup_all, teardown);
}
