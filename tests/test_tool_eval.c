/* infer eval as people call it: formats of data, reports, goals, intervals. */
#include "tests/vision_files.h"

#include "tool_run.h"

#include "tests/eval_vectors.h"

#define BOXES OWN_VECTORS "coco/boxes/"
#define SCORES OWN_VECTORS "classification/multiclass/scores.csv"

static int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

/* The report on standard output; to be freed. */
static yyjson_doc *report(void)
{
    yyjson_doc *doc = yyjson_read(out, strlen(out), 0);
    if (!doc)
        fail_msg("no JSON: %.200s", out);
    return doc;
}

/* A number of the report: "stats.AP". */
static double number(const char *object, const char *key)
{
    yyjson_doc *doc = report();
    yyjson_val *v = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), object), key);
    const double n = yyjson_is_num(v) ? yyjson_get_num(v) : NAN;
    yyjson_doc_free(doc);
    return n;
}

static void make_folder_in(const char *name)
{
    assert_int_equal(mkdir(in_folder(name), 0700), 0);
}

/* ---- COCO ----------------------------------------------------------------------------------- */

static void check_coco(const char *path)
{
    char gt[700], dt[700], sigmas[400] = "";
    yyjson_doc *doc = load_vectors(path, "expected.json"), *got;
    yyjson_val *want = yyjson_doc_get_root(doc), *key, *v;
    yyjson_val *list = yyjson_obj_get(want, "sigmas");
    yyjson_obj_iter it;
    const int agnostic = yyjson_get_num(yyjson_obj_get(want, "useCats")) == 0;
    for (size_t i = 0; i < yyjson_arr_size(list); i++)
        snprintf(sigmas + strlen(sigmas), sizeof sigmas - strlen(sigmas), "%s%.17g", i ? "," : "",
                 yyjson_get_num(yyjson_arr_get(list, i)));
    snprintf(gt, sizeof gt, "%s/gt.json", path);
    snprintf(dt, sizeof dt, "%s/dt.json", path);
    const char *type = yyjson_get_str(yyjson_obj_get(want, "iouType"));
    assert_int_equal(run(cmd_eval, "eval", "--json", "--predictions", dt, "--data", gt,
                         "--iou-type", type, sigmas[0] ? "--sigmas" : "--iou-type",
                         sigmas[0] ? sigmas : type, agnostic ? "--class-agnostic" : NULL, NULL),
                     CLI_OK);
    got = report();
    yyjson_val *stats = yyjson_obj_get(want, "stats");
    yyjson_val *ours = yyjson_obj_get(yyjson_doc_get_root(got), "stats");
    assert_int_equal(yyjson_obj_size(ours), yyjson_obj_size(stats));
    yyjson_obj_iter_init(stats, &it);
    while ((key = yyjson_obj_iter_next(&it)) != NULL) {
        v = yyjson_obj_get(ours, yyjson_get_str(key));
        assert_true(yyjson_is_num(v));
        near_value(yyjson_get_num(v), yyjson_obj_iter_get_val(key), yyjson_get_str(key));
    }
    yyjson_doc_free(got);
    yyjson_doc_free(doc);
}

static void coco_stats(void **state)
{
    (void)state;
    const int own = each_case(OWN_VECTORS "coco", "gt.json", check_coco);
    assert_true(own >= 3);
    const char *root = shared_vectors("coco");
    say_compared("infer eval, COCO", own + each_case(root, "gt.json", check_coco));
}

static void coco_more(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_eval, "eval", "--predictions", BOXES "dt.json", "--data",
                         BOXES "gt.json", "--json", "--curves", "--confidence", "0.3", NULL),
                     CLI_OK);
    const double p = number("at_confidence", "precision"), r = number("at_confidence", "recall");
    near_at(number("at_confidence", "f1"), 2 * p * r / (p + r), 1e-12, "f1");
    assert_true(number("at_confidence", "best_f1") >= number("at_confidence", "f1"));
    assert_true(strstr(out, "precision_at_recalls") && strstr(out, "confidence_curve"));
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", BOXES "dt.json", "--data", BOXES "gt.json", NULL),
        CLI_OK);
    assert_non_null(strstr(out, "AP50"));
    assert_non_null(strstr(out, "per_class"));
}

/* Pascal VOC's average precision, worked out by hand: of three truths, one of them difficult, four
 * answers find the first (0.9), nothing (0.8), the first again (0.7), the difficult one (0.6), and
 * the third (0.5). Precisions are 1/1, 1/2, 1/3, 2/4 at recalls 1/2, 1/2, 1/2, 1. */
static void voc_average_precision(void **state)
{
    (void)state;
    static const char xml[] =
        "<?xml version=\"1.0\"?><!-- made for a test -->\n"
        "<annotation><filename>a.jpg</filename><size><width>100</width><height>80</height></size>\n"
        "<object><name>dog</name><part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
        "<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>\n"
        "<object><name>dog</name><difficult>1</difficult>"
        "<bndbox><xmin>41</xmin><ymin>11</ymin><xmax>60</xmax><ymax>30</ymax></bndbox></object>\n"
        "<object a='>'><name>dog</name><pose/><difficult>0</difficult>"
        "<bndbox><xmin>71</xmin><ymin>11</ymin><xmax>90</xmax><ymax>30</ymax></bndbox></object>\n"
        "<object><name>cat &amp; co</name>"
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>\n"
        "</annotation>\n";
    make_folder_in("voc");
    write_text(in_folder("voc/a.xml"), xml);
    write_text(in_folder("voc.json"),
               "[{\"image_id\":\"a\",\"category_id\":\"dog\",\"bbox\":[10,10,20,20],\"score\":0.9},"
               "{\"image_id\":\"a.jpg\",\"category_id\":2,\"bbox\":[0,50,9,9],\"score\":0.8},"
               "{\"image_id\":\"x/a.jpg\",\"category_id\":2,\"bbox\":[10,10,20,19],\"score\":0.7},"
               "{\"image_id\":1,\"category_id\":2,\"bbox\":[40,10,20,20],\"score\":0.6},"
               "{\"image_id\":1,\"category_id\":2,\"bbox\":[70,10,20,20],\"score\":0.5}]");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("voc.json"), "--data",
                         in_folder("voc"), "--json", NULL),
                     CLI_OK);
    /* the cat is never found: the mean over both classes is half of the dog's */
    near_at(number("voc", "voc_AP"), (0.5 * 1 + 0.5 * 0.5) / 2, 1e-12, "voc_AP");
    near_at(number("voc", "voc_AP11"), (6 * 1.0 + 5 * 0.5) / 11 / 2, 1e-12, "voc_AP11");
    near_at(number("stats", "AR1"), (10 * 0.5 + 0) / 20, 1e-12, "AR1");
    write_text(in_folder("classes.txt"), "dog\ncat & co\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("voc.json"), "--data",
                         in_folder("voc"), "--json", "--classes", in_folder("classes.txt"), NULL),
                     CLI_OK);
    assert_true(number("stats", "AP") > 0);
    write_text(in_folder("classes.txt"), "dog\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("voc.json"), "--data",
                         in_folder("voc"), "--classes", in_folder("classes.txt"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "a.xml: line 6: 'cat & co'"));
}

static void write_picture(const char *path, int width, int height)
{
    char bytes[20000];
    const int n = snprintf(bytes, 40, "P6 %d %d 255\n", width, height);
    memset(bytes + n, 100, (size_t)(3 * width * height));
    write_bytes(path, bytes, (size_t)(n + 3 * width * height));
}

static void yolo_labels(void **state)
{
    (void)state;
    static const char *const folders[] = {"yolo", "yolo/images", "yolo/labels", "yolo/images/s",
                                          "yolo/labels/s"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        make_folder_in(folders[i]);
    write_picture(in_folder("yolo/images/s/000012.ppm"), 80, 40);
    write_picture(in_folder("yolo/images/empty.ppm"), 8, 4);
    write_text(in_folder("yolo/labels/s/000012.txt"),
               "1 0.5 0.5 0.25 0.5\n\n0 0 0 0.5 0 0.5 0.5 0 0.5\n");
    write_text(in_folder("yolo.json"),
               "[{\"image_id\":12,\"category_id\":1,\"bbox\":[30,10,20,20],\"score\":0.9},"
               "{\"image_id\":\"000012\",\"category_id\":0,\"bbox\":[0,0,40,20],\"score\":0.4}]");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("yolo.json"), "--data",
                         in_folder("yolo"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats", "AP"), 1, 1e-12, "AP");
    near_at(number("at_confidence", "recall"), 0.5, 0, "recall");
    assert_int_equal((int)json_find(out, "pictures"), 2);
    /* a polygon as a mask: half of the picture's upper left quarter, less the edge */
    write_text(in_folder("yolo/labels/s/000012.txt"), "0 0 0 0.5 0 0.5 0.5 0 0.5\n");
    write_text(in_folder("masks.json"), "[{\"image_id\":12,\"category_id\":0,\"score\":0.9,"
                                        "\"segmentation\":[[0,0,40,0,40,10,0,10]]}]");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("masks.json"), "--data",
                         in_folder("yolo"), "--iou-type", "segm", "--json", NULL),
                     CLI_OK);
    near_at(number("stats", "AP50"), 1, 1e-12, "AP50"); /* the IoU is 400 / 800 */
    near_at(number("stats", "AP"), 0.1, 1e-12, "AP");
    write_text(in_folder("yolo/labels/s/000012.txt"), "1 0.5 0.5 0.25\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("yolo.json"), "--data",
                         in_folder("yolo"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "000012.txt: line 1: 3 numbers"));
}

/* ---- classes -------------------------------------------------------------------------------- */

/* The same truth in all its forms gives the same report. */
static void lists_of_classes(void **state)
{
    (void)state;
    static const char scores[] = "file,cat,dog,fox\na.png,0.9,0.05,0.05\nb.png,0.2,0.7,0.1\n"
                                 "c.png,0.6,0.3,0.1\nd.png,0.1,0.2,0.7\n";
    static const char *const pictures[] = {"data/cat/a.png", "data/dog/b.png", "data/dog/c.png",
                                           "data/fox/d.png"};
    make_folder_in("data");
    make_folder_in("data/cat");
    make_folder_in("data/dog");
    make_folder_in("data/fox");
    for (int i = 0; i < 4; i++)
        write_picture(in_folder(pictures[i]), 2, 2);
    write_text(in_folder("scores.csv"), scores);
    write_text(in_folder("list.txt"), "a.png 0\nb.png dog\nc.png 1\nd.png fox\n");
    write_text(in_folder("list.csv"), "file,class\na.png,cat\nb.png,1\n\"c.png\",dog\nd.png,2\n");
    static const char *const truths[] = {"data", "list.txt", "list.csv"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--data",
                             in_folder(truths[i]), "--json", NULL),
                         CLI_OK);
        near_at(number("stats", "top1"), 0.75, 0, "top1");
        near_at(number("stats", "recall"), (1 + 0.5 + 1) / 3, 1e-12, "recall");
    }
    write_text(in_folder("several.csv"), "file,cat,dog,fox\na.png,1,0,0\nb.png,1,1,0\nc.png,0,1,0\n"
                                         "d.png,0,0,0\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--data",
                         in_folder("several.csv"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats", "precision_micro"), 2.0 / 4, 1e-12, "precision_micro");
    near_at(number("stats", "recall_micro"), 2.0 / 4, 1e-12, "recall_micro");
    write_text(in_folder("list.txt"), "a.png 0\nb.png dog\nc.png 1\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--data",
                         in_folder("list.txt"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "scores.csv: line 5, column 'file': 'd.png'"));
    write_text(in_folder("list.txt"), "a.png 0\nb.png dog\nc.png 1\nd.png 2\ne.png 2\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("scores.csv"), "--data",
                         in_folder("list.txt"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "e.png"));
}

/* One column of scores: the label is yes or no. */
static void one_score(void **state)
{
    (void)state;
    /* as some programs write it: with a mark of UTF-8 in front, yet a name that is none */
    write_text(in_folder("one.csv"), "\xef\xbb\xbflabel,caf\xe9\r\n0,0.1\r\n0,0.4\r\n"
                                     "1,0.35\r\n1,0.8\r\n");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("one.csv"), "--json", NULL),
                     CLI_OK);
    assert_non_null(strstr(out, "caf?"));
    near_at(number("stats", "f1"), 2.0 / 3, 1e-12, "f1");
    near_at(number("stats", "roc_auc"), 0.75, 1e-12, "roc_auc");
    near_at(number("stats", "average_precision"), 5.0 / 6, 1e-12, "average_precision");
}

static void softmax_of_logits(void **state)
{
    (void)state;
    write_text(in_folder("logits.csv"), "label,a,b\n0,3,1\n1,-2,700\n");
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", in_folder("logits.csv"), "--json", NULL), CLI_OK);
    assert_true(isnan(number("stats", "ece")));
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("logits.csv"), "--json",
                         "--softmax", NULL),
                     CLI_OK);
    near_at(number("stats", "log_loss"), log1p(exp(-2)) / 2, 1e-9, "log_loss");
}

/* ---- masks ---------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *bytes = read_file(from, &size);
    assert_non_null(bytes);
    write_bytes(to, bytes, size);
    free(bytes);
}

static void folders_of_masks(void **state)
{
    (void)state;
    static const char own[] = OWN_VECTORS "segmentation/";
    char from[200], to[100];
    make_folder_in("truth");
    make_folder_in("truth/city");
    make_folder_in("found");
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%sgeneral-%d-gt.png", own, i);
        snprintf(to, sizeof to, "truth/city/%d_gtFine_labelTrainIds.png", i);
        copy_file(from, in_folder(to));
        snprintf(from, sizeof from, "%sgeneral-%d-pred.png", own, i);
        snprintf(to, sizeof to, "found/%d_leftImg8bit.png", i);
        copy_file(from, in_folder(to));
    }
    write_text(in_folder("truth/city/0_gtFine_color.png"), "not looked at");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("found"), "--data",
                         in_folder("truth"), "--json", NULL),
                     CLI_OK);
    yyjson_doc *doc = load_vectors(own, "expected.json");
    yyjson_val *want = yyjson_arr_get_first(yyjson_obj_get(yyjson_doc_get_root(doc), "cases"));
    const double iou = number("stats", "mIoU");
    near_key(iou, want, "mean_iou");
    near_key(number("stats", "pixel_accuracy"), want, "pixel_accuracy");
    yyjson_doc_free(doc);
    /* two pictures of one name, in folders */
    make_folder_in("found/city");
    make_folder_in("found/other");
    make_folder_in("truth/other");
    assert_int_equal(rename(in_folder("found/0_leftImg8bit.png"), in_folder("found/city/0.png")),
                     0);
    assert_int_equal(rename(in_folder("found/1_leftImg8bit.png"), in_folder("found/other/0.png")),
                     0);
    assert_int_equal(rename(in_folder("truth/city/1_gtFine_labelTrainIds.png"),
                            in_folder("truth/other/0_gtFine_labelTrainIds.png")),
                     0);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("found"), "--data",
                         in_folder("truth"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats", "mIoU"), iou, 0, "mIoU");
    assert_int_equal(remove(in_folder("found/other/0.png")), 0);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("found"), "--data",
                         in_folder("truth"), NULL),
                     CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "no mask of the picture other/0"));
}

/* A PNG of 4 greys in a row. */
static void write_greys(const char *path, const uint8_t greys[4])
{
    struct bytes png = {0};
    uint8_t row[5] = {0};
    memcpy(row + 1, greys, 4);
    struct bytes z = zlib_store(row, sizeof row);
    put_png_header(&png, 4, 1, 8, 0);
    put_chunk(&png, "IDAT", z.p, z.n);
    put_chunk(&png, "IEND", NULL, 0);
    write_bytes(path, png.p, png.n);
    free(png.p);
    free(z.p);
}

/* Cityscapes' ids 7 (road), 8 (sidewalk) and 4 (static, not judged), in greys. */
static void cityscapes_ids(void **state)
{
    (void)state;
    static const uint8_t truth[] = {7, 7, 8, 4}, found[] = {7, 8, 8, 7};
    make_folder_in("ids");
    make_folder_in("answers");
    write_greys(in_folder("ids/a_gtFine_labelIds.png"), truth);
    write_greys(in_folder("answers/a.png"), found);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("answers"), "--data",
                         in_folder("ids"), "--mask-ids", "cityscapes", "--json", NULL),
                     CLI_OK);
    near_at(number("stats", "mIoU"), (1.0 / 2 + 1.0 / 2) / 2, 1e-12, "mIoU");
    near_at(number("stats", "pixel_accuracy"), 2.0 / 3, 1e-12, "pixel_accuracy");
}

/* ---- goals and intervals -------------------------------------------------------------------- */

static int judge(const char *goals)
{
    write_text(in_folder("kpi.txt"), goals);
    return run(cmd_eval, "eval", "--predictions", BOXES "dt.json", "--data", BOXES "gt.json",
               "--json", "--kpi", in_folder("kpi.txt"), NULL);
}

static void goals(void **state)
{
    (void)state;
    assert_int_equal(judge("# goals\nAP50 >= 0.4\n\n f1 > 0 # of the confidence\nvoc_AP<=1\n"
                           "per_class.c2.AP >= 0\n"),
                     CLI_OK);
    assert_non_null(strstr(out, "\"met\": true"));
    assert_null(strstr(out, "\"met\": false"));
    assert_int_equal(judge("AP50 >= 0.4\nAP >= 0.99\n"), CLI_DIFFERS);
    assert_non_null(strstr(out, "\"met\": false"));
    assert_int_equal(judge("AP == 0.5\n"), CLI_DIFFERS);
    assert_int_equal(judge("AP50 >= 0.4\nAp < 1\n"), CLI_BAD_INPUT);
    assert_non_null(strstr(err_text, "kpi.txt: line 2: this evaluation has no number 'Ap'"));
    assert_int_equal(judge("AP50 0.4\n"), CLI_BAD_INPUT);
    assert_int_equal(judge("AP50 >= x\n"), CLI_BAD_INPUT);
    assert_int_equal(judge("# nothing\n"), CLI_BAD_INPUT);
}

/* Seeds decide; intervals of another seed are close; a number that never differs has no width. */
static void intervals(void **state)
{
    (void)state;
    static const char *const seeds[] = {"7", "7", "8"};
    double low[3], high[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(cmd_eval, "eval", "--predictions", SCORES, "--json", "--bootstrap",
                             "500", "--seed", seeds[i], NULL),
                         CLI_OK);
        yyjson_doc *doc = report();
        yyjson_val *v =
            yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "intervals"), "top1");
        low[i] = yyjson_get_num(yyjson_arr_get_first(v));
        high[i] = yyjson_get_num(yyjson_arr_get_last(v));
        yyjson_doc_free(doc);
    }
    near_at(low[1], low[0], 0, "low");
    near_at(high[1], high[0], 0, "high");
    /* of a share p of n rows about p +- 1.96 sqrt(p (1 - p) / n) */
    const double p = number("stats", "top1"), wide = 2 * 1.96 * sqrt(p * (1 - p) / 60);
    for (int i = 0; i < 3; i++)
        assert_true(low[i] < p && p < high[i] && fabs(high[i] - low[i] - wide) < wide / 4);
    write_text(in_folder("right.csv"), "label,a,b\n0,0.9,0.1\n1,0.2,0.8\n0,0.7,0.3\n");
    assert_int_equal(
        run(cmd_eval, "eval", "--predictions", in_folder("right.csv"), "--bootstrap", "50", NULL),
        CLI_OK);
    assert_non_null(strstr(out, "1.0000  (1.0000 to 1.0000)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coco_stats),
        cmocka_unit_test(coco_more),
        cmocka_unit_test(voc_average_precision),
        cmocka_unit_test(yolo_labels),
        cmocka_unit_test(lists_of_classes),
        cmocka_unit_test(one_score),
        cmocka_unit_test(softmax_of_logits),
        cmocka_unit_test(folders_of_masks),
        cmocka_unit_test(cityscapes_ids),
        cmocka_unit_test(goals),
        cmocka_unit_test(intervals),
    };
    return cmocka_run_group_tests(tests, begin, teardown);
}
