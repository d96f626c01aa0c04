/* infer eval with networks of the shared folder: numbers beside those that were recorded. */
#include "tests/eval_nets.h"

/* Kernels that are not optimised, or are checked, take ten times as long as the others. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
enum { SLOW = 1 };
#else
enum { SLOW = 0 };
#endif

/* A file there; NULL after saying that it is skipped. */
static const char *shared(const char *name)
{
    static char paths[4][400];
    static unsigned next;
    const char *root = getenv("INFER_SHARED");
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", root ? root : "../shared", name);
    if (!SLOW && access(path, R_OK) == 0)
        return path;
    printf("skipped: %s %s\n", path, SLOW ? "takes too long in this build" : "is not there");
    return NULL;
}

/* The 12 numbers of an expected.json beside those of the last report. Recalls are means of counts,
 * precisions hang on the order of scores, too. */
static void compare(const char *want, double precision, double recall)
{
    yyjson_doc *doc = yyjson_read_file(want, 0, NULL, NULL);
    yyjson_val *stats = yyjson_obj_get(yyjson_doc_get_root(doc), "stats");
    yyjson_obj_iter it;
    assert_int_equal(yyjson_obj_size(stats), 12);
    yyjson_obj_iter_init(stats, &it);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it)) != NULL;) {
        const char *name = yyjson_get_str(key);
        char path[40];
        snprintf(path, sizeof path, "stats.%s", name ? name : "");
        near_at(number(path), yyjson_get_num(yyjson_obj_iter_get_val(key)),
                path[7] == 'R' ? recall : precision, path);
    }
    say_compared(want, 1);
    yyjson_doc_free(doc);
}

/* Recorded with a score above 0.05, NMS per class at an IoU of 0.7 and 300 boxes a picture. Scores
 * were written with five digits, boxes with two: right and wrong answers of nearly one score may
 * change places, which moves the precision at some of the 101 recalls: 1e-4. */
static void detector(void **state)
{
    (void)state;
    const char *net = shared("models/yolov8n-coco-640-fp32/model.onnx");
    const char *data = shared("images/coco/instances.json");
    const char *want = shared("vision/coco/real-yolov8n-agnostic/expected.json");
    if (!net || !data || !want)
        skip();
    assert_int_equal(run(cmd_eval, "eval", net, "--data", data, "--class-agnostic", "--score",
                         "0.05", "--iou", "0.7", "--json", NULL),
                     CLI_OK);
    compare(want, 1e-4, 1e-9);
}

/* 80 classes by their names, on a truth that another network has made. Its boxes have two digits as
 * well: the one truth of a class may cross one of ten IoU thresholds, which is a tenth of one of
 * the 30 classes that have large objects. */
static void classes(void **state)
{
    (void)state;
    const char *net = shared("models/yolov8n-coco-640-fp32/model.onnx");
    const char *data = shared("vision/coco/pseudo-yolov8n-vs-yolov5n/gt.json");
    const char *want = shared("vision/coco/pseudo-yolov8n-vs-yolov5n/expected.json");
    const char *images = shared("images/coco/images");
    if (!net || !data || !want || !images)
        skip();
    assert_int_equal(run(cmd_eval, "eval", net, "--data", data, "--images", images, "--score",
                         "0.05", "--iou", "0.7", "--json", NULL),
                     CLI_OK);
    says(err_text, "classes by name: 80 of its 80");
    compare(want, 1.0 / 300 + 1e-4, 1.0 / 300 + 1e-9);
}

static void classifier(void **state)
{
    (void)state;
    const char *net = shared("models/mobilenetv2-1.0-224-imagenet-fp32/model.onnx");
    const char *data = shared("images/imagenet/labels.csv");
    if (!net || !data)
        skip();
    assert_int_equal(run(cmd_eval, "eval", net, "--data", data, "--resize", "256", "--crop", "224",
                         "--mean", "127.5", "--scale", "0.00784313725", "--json", NULL),
                     CLI_OK);
    says(err_text, "of its 1001 classes the first is taken for the background");
    near_at(number("stats.top1"), 0.93, 1e-12, "top1"); /* 186 of 200 */
    near_at(number("stats.top5"), 0.99, 1e-12, "top5");
}

/* 91 outputs are COCO's ids. The network sees much of what the one that made the truth has seen:
 * 0.21; by any other numbering it would be of other classes, and next to nothing. */
static void ids(void **state)
{
    (void)state;
    const char *net = shared("models/ssd-mobilenetv1-coco-300-qdq/model.onnx");
    const char *data = shared("vision/coco/pseudo-yolov8n-vs-yolov5n/gt.json");
    const char *images = shared("images/coco/images");
    if (!net || !data || !images)
        skip();
    assert_int_equal(run(cmd_eval, "eval", net, "--data", data, "--images", images, "--json", NULL),
                     CLI_OK);
    says(err_text, "classes by their numbers");
    assert_true(number("stats.AP") > 0.15);
}

/* The 62 pictures, whose numbers are odd, and one class. */
static void put_images(FILE *f)
{
    fprintf(f, "{\"categories\":[{\"id\":1,\"name\":\"face\"}],\"images\":[");
    for (int i = 1; i < 124; i += 2)
        fprintf(f, "%s{\"id\":%d,\"file_name\":\"%012d.jpg\"}", i > 1 ? "," : "", i, i);
    fprintf(f, "],\"annotations\":[");
}

static void write_images(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    put_images(f);
    fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
}

/* A truth of the points that a network itself has found: all are found again. */
static void write_truth_of(const char *found, const char *path)
{
    yyjson_doc *doc = yyjson_read_file(found, 0, NULL, NULL);
    yyjson_val *list = yyjson_doc_get_root(doc), *v;
    FILE *f = fopen(path, "w");
    size_t i, n;
    assert_true(f && yyjson_arr_size(list) > 10);
    put_images(f);
    yyjson_arr_foreach(list, i, n, v)
    {
        char *box = yyjson_val_write(yyjson_obj_get(v, "bbox"), 0, NULL);
        char *points = yyjson_val_write(yyjson_obj_get(v, "keypoints"), 0, NULL);
        fprintf(f, "%s{\"image_id\":%d,\"category_id\":1,\"bbox\":%s,\"keypoints\":%s}",
                i ? "," : "", (int)yyjson_get_num(yyjson_obj_get(v, "image_id")), box, points);
        free(box);
        free(points);
    }
    fprintf(f, "]}");
    assert_int_equal(fclose(f), 0);
    yyjson_doc_free(doc);
}

static void points(void **state)
{
    (void)state;
    static const char sigmas[] = "0.1,0.1,0.1,0.1,0.1";
    const char *net = shared("models/yunet-n-320/model.onnx"),
               *images = shared("images/coco/images");
    if (!net || !images)
        skip();
    write_images(in_folder("none.json"));
    assert_int_equal(run(cmd_eval, "eval", net, "--data", in_folder("none.json"), "--images",
                         images, "--score", "0.5", "--iou-type", "keypoints", "--sigmas", sigmas,
                         "--save", in_folder("points.json"), NULL),
                     CLI_OK);
    write_truth_of(in_folder("points.json"), in_folder("truth.json"));
    assert_int_equal(run(cmd_eval, "eval", net, "--data", in_folder("truth.json"), "--images",
                         images, "--score", "0.5", "--iou-type", "keypoints", "--sigmas", sigmas,
                         "--json", NULL),
                     CLI_OK);
    near_at(number("stats.AP"), 1, 1e-12, "AP");
    near_at(number("at_confidence.f1"), 1, 1e-12, "f1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(detector),   cmocka_unit_test(classes), cmocka_unit_test(ids),
        cmocka_unit_test(classifier), cmocka_unit_test(points),
    };
    return cmocka_run_group_tests(tests, begin, teardown);
}
