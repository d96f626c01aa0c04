/* infer eval and files that are wrong: each is refused with its name and the place, and nothing
 * crashes. */
#include "tool_run.h"

#include "tests/eval_vectors.h"

#define BOXES OWN_VECTORS "coco/boxes/"
#define SCORES OWN_VECTORS "classification/multiclass/scores.csv"

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static void wrong_json(void **state)
{
    (void)state;
    static const struct {
        const char *json, *says;
    } truths[] = {
        {"", "no JSON"},
        {"{\"images\":[", "at byte"},
        {"[]", "images, categories"},
        {"{\"images\":3,\"categories\":[],\"annotations\":[]}", "images is no list"},
        {"{\"images\":[{\"id\":\"x\"}],\"categories\":[]}", "images[0]: id"},
        {"{\"images\":[{\"id\":1},{\"id\":1}],\"categories\":[]}", "have the id 1"},
        {"{\"images\":[{\"id\":1,\"width\":1e9}],\"categories\":[]}", "images[0]: width"},
        {"{\"images\":[{\"id\":1.5}],\"categories\":[]}", "whole number"},
        {"{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}],\"annotations\":[{\"image_id\":1,"
         "\"category_id\":1,\"bbox\":[1,2,3]}]}",
         "annotations[0]: bbox: a list of 4 numbers"},
        {"{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1}],\"annotations\":[{\"image_id\":1,"
         "\"category_id\":1}]}",
         "annotations[0]: bbox: is missing"},
    };
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        write_text(in_folder("gt.json"), truths[i].json);
        assert_int_equal(run(cmd_eval, "eval", "--predictions", BOXES "dt.json", "--data",
                             in_folder("gt.json"), NULL),
                         CLI_BAD_INPUT);
        if (!strstr(err_text, truths[i].says) || !strstr(err_text, "gt.json"))
            fail_msg("%s: %s", truths[i].json, err_text);
    }
    static const struct {
        const char *json, *says, *type;
    } results[] = {
        {"{}", "list of objects", "bbox"},
        {"[3]", "[0]: no object", "bbox"},
        {"[{\"image_id\":99,\"category_id\":2,\"score\":1,\"bbox\":[0,0,1,1]}]",
         "[0]: image_id: no picture has the id 99", "bbox"},
        {"[{\"image_id\":\"zz\",\"category_id\":2,\"score\":1,\"bbox\":[0,0,1,1]}]",
         "'zz' is the name of no picture", "bbox"},
        {"[{\"image_id\":3,\"category_id\":2,\"bbox\":[0,0,1,1]}]", "[0]: score: is missing",
         "bbox"},
        {"[{\"image_id\":3,\"category_id\":2,\"score\":1,\"segmentation\":{\"size\":[2,2],"
         "\"counts\":[9]}}]",
         "[0]: segmentation", "segm"},
        {"[{\"image_id\":3,\"category_id\":2,\"score\":1,\"segmentation\":{\"size\":[240,320],"
         "\"counts\":\"zzzz\"}}]",
         "[0]: segmentation: the text of a mask", "segm"},
        {"[{\"image_id\":3,\"category_id\":2,\"score\":1,\"segmentation\":[[1,2,3,4]]}]",
         "[0]: segmentation: a polygon of 2 corners", "segm"},
        {"[{\"image_id\":3,\"category_id\":2,\"score\":1,\"keypoints\":[1,2]}]", "[0]: keypoints",
         "keypoints"},
    };
    write_text(in_folder("none.json"),
               "{\"images\":[{\"id\":3,\"width\":320,\"height\":240}],\"categories\":[{\"id\":2}],"
               "\"annotations\":[]}");
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        write_text(in_folder("dt.json"), results[i].json);
        assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("dt.json"), "--data",
                             in_folder("none.json"), "--iou-type", results[i].type, NULL),
                         CLI_BAD_INPUT);
        if (!strstr(err_text, results[i].says) || !strstr(err_text, "dt.json"))
            fail_msg("%s: %s", results[i].json, err_text);
    }
}

static void wrong_csv(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *says;
    } files[] = {
        {"", "no row"},
        {"label,a,b\n", "no row"},
        {"label\n0\n", "line 1"},
        {"label,a,b\n0,1\n", "line 2"},
        {"label,a,b\n0,1,2,3\n", "line 2"},
        {"label,a,b\n0,1,x\n", "line 2, column 'b': 'x'"},
        {"label,a,b\n7,1,2\n", "line 2, column 'label': '7' is no class"},
        {"label,a,b\n0,1,nan\n", "no finite number"},
        {"ya,yb,sa,sb\n0,2,1,1\n", "neither 0 nor 1"},
        {"ya,yb,sb,sa\n0,1,1,1\n", "line 1"},
        {"label,label,a\n0,0,1\n", "line 1"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_text(in_folder("wrong.csv"), files[i].csv);
        assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("wrong.csv"), NULL),
                         CLI_BAD_INPUT);
        if (!strstr(err_text, files[i].says))
            fail_msg("%s: %s", files[i].csv, err_text);
    }
}

static void wrong_xml(void **state)
{
    (void)state;
    static const struct {
        const char *xml, *says;
    } files[] = {
        {"<annotation><object></annotation>", "closed that is not the last"},
        {"<annotation><object>", "ends inside"},
        {"<annotation", "without a >"},
        {"<>", "without a name"},
        {"<annotation><!-- ", "without an end"},
        {"</a>", "closed that is not"},
        {"<annotation>\n<object><name>a</name></object></annotation>", "line 2: an object without"},
        {"<annotation><object><name>a</name><bndbox><xmin>5</xmin><ymin>1</ymin><xmax>2</xmax>"
         "<ymax>3</ymax></bndbox></object></annotation>",
         "a box from 5, 1 to 2, 3"},
    };
    assert_int_equal(mkdir(in_folder("wrong"), 0700), 0);
    write_text(in_folder("empty.json"), "[]");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_text(in_folder("wrong/a.xml"), files[i].xml);
        assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("empty.json"), "--data",
                             in_folder("wrong"), NULL),
                         CLI_BAD_INPUT);
        if (!strstr(err_text, files[i].says) || !strstr(err_text, "a.xml"))
            fail_msg("%s: %s", files[i].xml, err_text);
    }
    char deep[4000] = "";
    for (int i = 0; i < 300; i++)
        strcat(deep, "<abcdefghij>");
    write_text(in_folder("wrong/a.xml"), deep);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("empty.json"), "--data",
                         in_folder("wrong"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "too deep"));
}

static void put_mask(const char *name, const char *from)
{
    size_t size;
    char *bytes = read_file(from, &size);
    assert_non_null(bytes);
    write_bytes(in_folder(name), bytes, size);
    free(bytes);
}

static void wrong_masks(void **state)
{
    (void)state;
    static const char own[] = OWN_VECTORS "segmentation/";
    char truth[100], other[100];
    static const char *const folders[] = {"t", "a"};
    for (int i = 0; i < 2; i++)
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
    snprintf(truth, sizeof truth, "%sgeneral-0-gt.png", own);
    snprintf(other, sizeof other, "%sgeneral-1-pred.png", own);
    const struct {
        const char *from, *says;
    } answers[] = {{PICTURES "keep-right-1.png", "PNG: 8 bits by"},
                   {SCORES, "not a PNG"},
                   {other, "has 31 x 20"}};
    put_mask("t/x.png", truth);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        put_mask("a/x_pred.png", answers[i].from);
        assert_int_equal(
            run(cmd_eval, "eval", "--predictions", in_folder("a"), "--data", in_folder("t"), NULL),
            CLI_BAD_INPUT);
        if (!strstr(err_text, answers[i].says) || !strstr(err_text, "a/x_pred.png"))
            fail_msg("%s: %s", answers[i].from, err_text);
    }
    put_mask("a/x_pred.png", truth);
    write_text(in_folder("two.txt"), "one\ntwo\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("a"), "--data",
                         in_folder("t"), "--classes", in_folder("two.txt"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "two.txt names 2"));
    put_mask("a/x.png", truth);
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", in_folder("a"), "--data", in_folder("t"), NULL),
        CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "several masks of the picture x"));
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", in_folder("a"), "--data", in_folder("wrong"), NULL),
        CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "no PNG"));
}

static void wrong_arguments(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"--iou-type", "box"}, {"--sigmas", "0.1,"},  {"--sigmas", "-1"},    {"--confidence", "x"},
        {"--ignore", "256"},   {"--mask-ids", "ade"}, {"--bootstrap", "-1"}, {"--seed", "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(run(cmd_eval, "eval", "--predictions", BOXES "dt.json", "--data",
                             BOXES "gt.json", wrong[i][0], wrong[i][1], NULL),
                         CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", OWN_VECTORS "coco/keypoints/dt.json",
                         "--data", OWN_VECTORS "coco/keypoints/gt.json", "--iou-type", "keypoints",
                         NULL),
                     CLI_USAGE);
    assert_non_null(strstr(err_text, "17 sigmas, but objects have 4 keypoints"));
    assert_int_equal(run(cmd_eval, "eval", "--data", BOXES "gt.json", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", BOXES "dt.json", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", SCORES, "--data", SCORES, NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", OWN_VECTORS "segmentation", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", "/none.json", NULL), CLI_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_json),      cmocka_unit_test(wrong_csv),
        cmocka_unit_test(wrong_xml),       cmocka_unit_test(wrong_masks),
        cmocka_unit_test(wrong_arguments),
    };
    return cmocka_run_group_tests(tests, begin, teardown);
}
