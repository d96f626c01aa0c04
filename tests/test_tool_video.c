/* infer pose, embed and track, and what they and infer detect write: COCO's results, YOLO's text
 * files, pictures and videos with answers drawn on them. */
#include "eval_nets.h"

#include <math.h>

#include "infer_vision.h"

static const char *net; /* two boxes of 32 x 32, see write_detector */

/* Points of one thing: x, y of each as parts of the picture, and another output before it. */
static void write_points(const char *path)
{
    const int64_t in[] = {1, 3, 8, 8}, dims[] = {1, 4}, axes[] = {1, 2, 3}, one[] = {1, 1};
    const float points[] = {0.25F, 0.5F, 0.75F, 0.125F}, none[] = {0};
    struct builder b;
    frame(&b, 13, 4, in);
    floats(&b, "points", 2, dims, points);
    floats(&b, "none", 1, one, none);
    ints(&b, "flat", 2, one);
    attr_ints(&b, node(&b, "ReduceMean", "x", "mean"), "axes", axes, 3);
    node(&b, "Reshape", "mean,flat", "light");
    node(&b, "Mul", "light,none", "zero");
    node(&b, "Add", "points,zero", "y");
    save_net(&b, path);
}

static int prepare(void **state)
{
    if (begin(state))
        return 1;
    net = strdup(in_folder("net.onnx"));
    write_detector(net, 0.9F);
    write_points(in_folder("points.onnx"));
    write_segmenter(in_folder("masks.onnx"));
    write_classifier(in_folder("classes.onnx"), 1);
    write_colour(in_folder("red.ppm"), 8, 8, (const uint8_t[3]){200, 0, 0});
    write_colour(in_folder("green.ppm"), 8, 8, (const uint8_t[3]){0, 100, 0});
    write_colour(in_folder("both.ppm"), 8, 8, (const uint8_t[3]){90, 90, 0});
    make_folder_in("film");
    for (int i = 1; i <= 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "film/%06d.ppm", 10 + i);
        write_grey(in_folder(name), 32, 200);
    }
    return 0;
}

static char *file_text(const char *name)
{
    size_t size;
    char *text = read_file(in_folder(name), &size);
    assert_non_null(text);
    return text;
}

/* ---- track ---------------------------------------------------------------------------------- */

static void test_track(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_track, "track", net, in_folder("film"), "--json", NULL), CLI_OK);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 2; k++) { /* the same thing has the same number */
            char path[64];
            snprintf(path, sizeof path, "pictures.%d.boxes.%d.id", i, k);
            assert_true(number(path) == k + 1);
        }
    assert_int_equal(run(cmd_track, "track", net, in_folder("film"), "--csv", NULL), CLI_OK);
    says(out, "file,label,class,score,x0,y0,x1,y1,id\n");
    says(out, "000014.ppm,class 0,0,0.899999976,4,4,12,12,1\n");
    /* nothing may be new: no number */
    assert_int_equal(
        run(cmd_track, "track", net, in_folder("film"), "--score-new", "0.95", "--json", NULL),
        CLI_OK);
    assert_true(number("pictures.3.boxes.0.id") == 0);
}

/* Frames of the video that was drawn: their number, from a size that is known. */
static void test_video_out(void **state)
{
    (void)state;
    static const char header[] = "YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C420jpeg\n";
    const char *video = in_folder("out.y4m");
    size_t size;
    assert_int_equal(run(cmd_track, "track", net, in_folder("film"), "--draw", video, NULL),
                     CLI_OK);
    char *bytes = read_file(in_folder("out.y4m"), &size);
    assert_int_equal(size, strlen(header) + 4 * (6 + 1024 * 3 / 2));
    assert_memory_equal(bytes, header, strlen(header));
    /* the lower left corner is grey as before, the upper left has the frame drawn over it */
    const uint8_t *y = (const uint8_t *)bytes + strlen(header) + 6;
    assert_in_range(y[31 * 32], 186, 190); /* 16 + 200 * 219 / 255 */
    assert_true(y[8 * 32 + 4] < 180);
    free(bytes);
    /* it is a video that can be read */
    assert_int_equal(run(cmd_track, "track", net, in_folder("out.y4m"), "--json", NULL), CLI_OK);
    assert_true(number("pictures.3.width") == 32);
    /* of one size alone */
    write_grey(in_folder("large.ppm"), 40, 200);
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film"), in_folder("large.ppm"),
                         "--draw", in_folder("out.y4m"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "a video has one size, 32 x 32, not 40 x 40 too");
    says(err_text, "1 of 5 pictures failed");
}

static void test_drawn_pictures(void **state)
{
    (void)state;
    infer_image image;
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film/000011.ppm"), "--draw",
                         in_folder("drawn"), NULL),
                     CLI_OK);
    assert_int_equal(infer_image_load(in_folder("drawn/000011.ppm.png"), NULL, &image, NULL),
                     INFER_OK);
    assert_true(image.width == 32 && image.height == 32);
    const uint8_t *edge = image.pixels + (24 * 32 + 16) * 3,
                  *inner = image.pixels + (24 * 32 + 28) * 3;
    assert_true(edge[0] < 100 && edge[1] > 220 && edge[2] < 100); /* class 1 */
    assert_true(inner[0] == 200 && inner[1] == 200);
    infer_image_free(&image);
}

/* ---- files of results ----------------------------------------------------------------------- */

static void test_coco(void **state)
{
    (void)state;
    write_text(in_folder("data.json"),
               "{\"images\": [{\"id\": 70, \"file_name\": \"000011.ppm\"}], \"categories\": "
               "[{\"id\": 9, \"name\": \"Cat\"}, {\"id\": 3, \"name\": \"dog\"}]}");
    write_text(in_folder("labels.txt"), "cat\ndog\n");
    assert_int_equal(
        run(cmd_detect, "detect", net, in_folder("film"), "--coco", in_folder("r.json"), NULL),
        CLI_OK);
    char *text = file_text("r.json");
    assert_true(strncmp(text,
                        "[\n{\"image_id\": 11, \"category_id\": 0, \"bbox\": [4, 4, 8, 8], "
                        "\"score\": 0.899999976},\n",
                        80) == 0);
    says(text, "{\"image_id\": 14, \"category_id\": 1, \"bbox\": [16, 16, 16, 16], ");
    free(text);
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film/000011.ppm"), "--coco",
                         in_folder("r.json"), "--coco-data", in_folder("data.json"), "--labels",
                         in_folder("labels.txt"), NULL),
                     CLI_OK);
    text = file_text("r.json");
    says(text, "{\"image_id\": 70, \"category_id\": 9, "); /* by name */
    says(text, "{\"image_id\": 70, \"category_id\": 3, ");
    free(text);
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film/000011.ppm"), "--coco",
                         in_folder("r.json"), "--coco-data", in_folder("data.json"), NULL),
                     CLI_OK);
    text = file_text("r.json");
    says(text, "\"category_id\": 3, \"bbox\": [4, "); /* by place, in the order of ids */
    free(text);
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film"), "--coco",
                         in_folder("r.json"), "--coco-data", in_folder("data.json"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "000012.ppm: the data set of --coco-data has no such picture");
    /* nothing found is an empty list */
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film"), "--score", "0.95", "--coco",
                         in_folder("r.json"), NULL),
                     CLI_OK);
    text = file_text("r.json");
    assert_string_equal(text, "[]\n");
    free(text);
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film"), "--coco-data",
                         in_folder("data.json"), NULL),
                     CLI_USAGE);
}

/* What COCO's results say is what the evaluation reads. */
static void test_coco_is_read(void **state)
{
    (void)state;
    write_text(
        in_folder("truth.json"),
        "{\"images\": [{\"id\": 11, \"file_name\": \"a\", \"width\": 32, \"height\": 32}], "
        "\"categories\": [{\"id\": 0, \"name\": \"a\"}, {\"id\": 1, \"name\": \"b\"}], "
        "\"annotations\": [{\"id\": 1, \"image_id\": 11, \"category_id\": 0, \"iscrowd\": 0, "
        "\"area\": 64, \"bbox\": [4, 4, 8, 8]}]}");
    assert_int_equal(run(cmd_detect, "detect", net, in_folder("film/000011.ppm"), "--coco",
                         in_folder("r.json"), NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("r.json"), "--data",
                         in_folder("truth.json"), "--json", NULL),
                     CLI_OK);
    assert_true(fabs(number("stats.AP") - 1) < 1e-9);
}

static void test_yolo(void **state)
{
    (void)state;
    assert_int_equal(
        run(cmd_detect, "detect", net, in_folder("film"), "--yolo", in_folder("txt"), NULL),
        CLI_OK);
    char *text = file_text("txt/000012.txt");
    assert_string_equal(text, "0 0.250000 0.250000 0.250000 0.250000\n"
                              "1 0.750000 0.750000 0.500000 0.500000\n");
    free(text);
}

/* ---- pose ----------------------------------------------------------------------------------- */

#define POINTS                                                                                     \
    in_folder("points.onnx"), in_folder("film/000011.ppm"), "--task", "points", "--resize", "8x8"

static void test_pose(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_pose, "pose", POINTS, "--json", NULL), CLI_OK);
    assert_true(number("pictures.0.boxes.0.points.0.0") == 8); /* of the whole picture */
    assert_true(number("pictures.0.boxes.0.points.0.1") == 16);
    assert_true(number("pictures.0.boxes.0.points.1.0") == 24);
    assert_true(number("pictures.0.boxes.0.points.1.1") == 4);
    /* a box from 4 to 12: a square of 16 from 0 on; from 16 to 32: of 32 from 8 on */
    assert_int_equal(run(cmd_pose, "pose", POINTS, "--detector", net, "--region", "2", "--json",
                         "--draw", in_folder("posed"), NULL),
                     CLI_OK);
    assert_true(number("pictures.0.boxes.0.points.0.0") == 4);
    assert_true(number("pictures.0.boxes.0.points.0.1") == 8);
    assert_true(number("pictures.0.boxes.1.points.0.0") == 16);
    assert_true(number("pictures.0.boxes.1.points.1.1") == 12);
    assert_int_equal(run(cmd_pose, "pose", POINTS, "--csv", NULL), CLI_OK);
    says(out, ",point0_x,point0_y,point0_score,point1_x,");
    says(out, ",8,16,1,24,4,1\n");
    assert_int_equal(run(cmd_pose, "pose", POINTS, "--coco", in_folder("r.json"), NULL), CLI_OK);
    char *text = file_text("r.json");
    says(text, "\"keypoints\": [8, 16, 1, 24, 4, 1], \"score\": 1}");
    free(text);
}

/* The command that would be right. */
static void test_wrong_task(void **state)
{
    (void)state;
    const char *picture = in_folder("film/000011.ppm");
    assert_int_equal(run(cmd_pose, "pose", net, picture, NULL), CLI_USAGE);
    says(err_text, "its answers are boxes without points: infer detect is for it");
    assert_int_equal(run(cmd_convert, "convert", in_folder("points.onnx"), "-o",
                         in_folder("points.infer"), "--task", "points", "--resize", "8x8", NULL),
                     CLI_OK);
    int (*const commands[])(int, char **) = {cmd_detect, cmd_track, cmd_segment, cmd_classify};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(run(commands[i], "command", in_folder("points.infer"), picture, NULL),
                         CLI_USAGE);
        says(err_text, "its answers are points, not ");
        says(err_text, "infer pose is for it");
    }
    assert_int_equal(
        run(cmd_convert, "convert", net, "-o", in_folder("net.infer"), "--task", "yolov8", NULL),
        CLI_OK);
    for (int i = 2; i < 4; i++) {
        assert_int_equal(run(commands[i], "command", in_folder("net.infer"), picture, NULL),
                         CLI_USAGE);
        says(err_text, "its answers are boxes, not ");
        says(err_text, "infer detect is for it");
    }
    /* an .onnx file does not say what it is for, but it can be told */
    assert_int_equal(run(cmd_classify, "classify", net, picture, NULL), CLI_USAGE);
    says(err_text, "its answers are boxes, not classes: infer detect is for it");
    /* scores of classes: no file says so, but their shape does */
    write_classifier(in_folder("classes.onnx"), 1);
    assert_int_equal(run(cmd_convert, "convert", in_folder("classes.onnx"), "--resize", "8x8", "-o",
                         in_folder("classes.infer"), NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_detect, "detect", in_folder("classes.infer"), picture, NULL),
                     CLI_USAGE);
    says(err_text, "infer classify is for it");
    assert_int_equal(run(cmd_segment, "segment", in_folder("classes.infer"), picture, NULL),
                     CLI_USAGE);
    says(err_text, "infer classify is for it");
    assert_int_equal(run(cmd_detect, "detect", in_folder("masks.onnx"), picture, NULL), CLI_USAGE);
    says(err_text, "its answers are masks, not boxes: infer segment is for it");
    /* a detector's own points need no other detector */
    assert_int_equal(run(cmd_pose, "pose", in_folder("points.infer"), picture, "--detector",
                         in_folder("points.infer"), NULL),
                     CLI_USAGE);
}

/* ---- embed ---------------------------------------------------------------------------------- */

static void test_embed(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_embed, "embed", in_folder("classes.onnx"), in_folder("red.ppm"),
                         in_folder("green.ppm"), in_folder("both.ppm"), "--resize", "8x8", "--json",
                         NULL),
                     CLI_OK);
    assert_true(number("pictures.0.vector.0") == 200 && number("pictures.1.vector.1") == 100);
    assert_true(number("pictures.2.vector.2") == 0 && isnan(number("pictures.2.vector.3")));
    assert_int_equal(run(cmd_embed, "embed", in_folder("classes.onnx"), in_folder("red.ppm"),
                         in_folder("green.ppm"), in_folder("both.ppm"), "--resize", "8x8",
                         "--compare", "--json", NULL),
                     CLI_OK);
    assert_true(number("pictures.0.cosine") == 1 && number("pictures.1.cosine") == 0);
    assert_true(fabs(number("pictures.2.cosine") - sqrt(0.5)) < 1e-6);
    assert_int_equal(run(cmd_embed, "embed", in_folder("classes.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--normalise", "--csv", NULL),
                     CLI_OK);
    says(out, "red.ppm,1,0,0\n");
    assert_int_equal(run(cmd_embed, "embed", in_folder("classes.onnx"), in_folder("red.ppm"), NULL),
                     CLI_USAGE);
    says(err_text, "no preprocessing is stored");
    assert_int_equal(run(cmd_embed, "embed", in_folder("classes.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--output-index", "1", NULL),
                     CLI_USAGE);
}

/* ---- segment and classify -------------------------------------------------------------------- */

static void test_other_forms(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_segment, "segment", in_folder("masks.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--csv", NULL),
                     CLI_OK);
    says(out, "file,label,class,pixels,share\n");
    says(out, "red.ppm,class 0,0,64,1.000000\n");
    assert_int_equal(run(cmd_segment, "segment", in_folder("masks.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--jsonl", "--draw", in_folder("masks.y4m"), NULL),
                     CLI_OK);
    says(out, "\"classes\": [{\"index\": 0, \"label\": \"class 0\", \"pixels\": 64}]}\n");
    assert_int_equal(run(cmd_classify, "classify", in_folder("classes.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--top", "1", "--csv", NULL),
                     CLI_OK);
    says(out, "file,label,class,score\n");
    says(out, "red.ppm,class 0,0,200\n");
    assert_int_equal(run(cmd_classify, "classify", in_folder("classes.onnx"), in_folder("red.ppm"),
                         "--resize", "8x8", "--top", "1", "--jsonl", NULL),
                     CLI_OK);
    says(out, "\"classes\": [{\"index\": 0, \"label\": \"class 0\", \"score\": 200}]}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_track),          cmocka_unit_test(test_video_out),
        cmocka_unit_test(test_drawn_pictures), cmocka_unit_test(test_coco),
        cmocka_unit_test(test_coco_is_read),   cmocka_unit_test(test_yolo),
        cmocka_unit_test(test_pose),           cmocka_unit_test(test_wrong_task),
        cmocka_unit_test(test_embed),          cmocka_unit_test(test_other_forms),
    };
    return cmocka_run_group_tests(tests, prepare, teardown);
}
