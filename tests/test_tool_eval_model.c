/* infer eval with a model: small networks whose answers are known, and the bundled one. */
#include "tests/eval_nets.h"

#include "tools/palette_png.h"

#define CHANNELS "--resize", "8x8", "--scale", "0.00392157"

/* ---- boxes ---------------------------------------------------------------------------------- */

/* Three pictures: the first has both objects, the second is dark and has the first, the third is
 * twice as large and has both. What the network finds in the dark one of class 1 scores 0. */
static void write_coco(const char *path, const char *names)
{
    char *a, *b, text[2000];
    a = strdup(names);
    assert_true((b = strchr(a, ',')) != NULL);
    *b++ = 0;
    snprintf(text, sizeof text,
             "{\"images\":[{\"id\":7,\"file_name\":\"light.ppm\"},{\"id\":3,\"file_name\":"
             "\"dark.ppm\"},{\"id\":9,\"file_name\":\"large.ppm\"}],\"categories\":[{\"id\":5,"
             "\"name\":\"%s\"},{\"id\":2,\"name\":\"%s\"}],\"annotations\":["
             "{\"image_id\":7,\"category_id\":2,\"bbox\":[4,4,8,8]},"
             "{\"image_id\":7,\"category_id\":5,\"bbox\":[16,16,16,16]},"
             "{\"image_id\":3,\"category_id\":2,\"bbox\":[4,4,8,8]},"
             "{\"image_id\":9,\"category_id\":2,\"bbox\":[8,8,16,16]},"
             "{\"image_id\":9,\"category_id\":5,\"bbox\":[32,32,32,32]}]}",
             b, a);
    free(a);
    write_text(path, text);
}

static void boxes(void **state)
{
    (void)state;
    make_folder_in("coco");
    make_folder_in("coco/images");
    write_grey(in_folder("coco/images/light.ppm"), 32, 200);
    write_grey(in_folder("coco/images/dark.ppm"), 32, 0);
    write_grey(in_folder("coco/images/large.ppm"), 64, 100);
    write_detector(in_folder("boxes.onnx"), 0.75F);
    write_coco(in_folder("coco/truth.json"), "0,1"); /* ids 2, 5 in order: the model's 0, 1 */
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--json", "--save", in_folder("found.json"),
                         NULL),
                     CLI_OK);
    says(err_text, "classes by position");
    near_at(number("stats.AP"), 1, 1e-12, "AP");
    near_at(number("answers"), 5, 0, "answers"); /* one of 6 scores 0, which is not above 0.001 */
    near_at(number("failed"), 0, 0, "failed");
    /* the large picture's class 1 scores 100 / 255, below a confidence of 0.5 */
    near_at(number("at_confidence.recall"), 0.8, 1e-12, "recall");
    char *first = strdup(out);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("found.json"), "--data",
                         in_folder("coco/truth.json"), "--json", NULL),
                     CLI_OK);
    near_at(json_find(out, "AP"), json_find(first, "AP"), 0, "AP of what was saved");
    near_at(json_find(out, "best_confidence"), json_find(first, "best_confidence"), 0,
            "a score of what was saved");
    free(first);
}

static void thresholds(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--json", "--score", "0.5", "--most", "1",
                         NULL),
                     CLI_OK);
    near_at(number("answers"), 3, 0, "answers");
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--json", "--score", "2", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--iou-type", "segm", NULL),
                     CLI_BAD_INPUT); /* boxes have no polygons: the truth is looked at first */
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--images", in_folder("coco"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "3 of 3 pictures failed");
}

static void classes_of_boxes(void **state)
{
    (void)state;
    write_text(in_folder("labels.txt"), "dog\ncat\n");
    write_coco(in_folder("coco/named.json"), "cat,dog"); /* the other way round */
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/named.json"), "--json", "--labels",
                         in_folder("labels.txt"), NULL),
                     CLI_OK);
    says(err_text, "classes by name: 2 of its 2 are among the data's 2");
    near_at(number("stats.AP"), 0, 1e-12, "AP");
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/named.json"), "--json", "--class-agnostic", NULL),
                     CLI_OK);
    near_at(number("stats.AP"), 1, 1e-12, "AP of one class");
    write_text(in_folder("labels.txt"), "cow\nhen\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/named.json"), "--labels", in_folder("labels.txt"), NULL),
                     CLI_BAD_INPUT);
    says(err_text, "none of its classes' labels");
    write_text(in_folder("coco/one.json"),
               "{\"images\":[{\"id\":7,\"file_name\":\"light.ppm\"}],"
               "\"categories\":[{\"id\":1,\"name\":\"1\"}],\"annotations\":[]}");
    assert_int_equal(
        run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data", in_folder("coco/one.json"), NULL),
        CLI_BAD_INPUT);
    says(err_text, "2 classes without names");
}

/* A picture that can't be read is left out, and the command says so in the end. */
static void failing_picture(void **state)
{
    (void)state;
    write_text(in_folder("coco/images/large.ppm"), "P6 64 64 255\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("coco/truth.json"), "--json", NULL),
                     CLI_BAD_INPUT);
    says(err_text, "large.ppm: ");
    says(err_text, "1 of 3 pictures failed");
    near_at(number("failed"), 1, 0, "failed");
    near_at(number("truths"), 3, 0, "truths");
    near_at(number("stats.AP"), 1, 1e-12, "AP");
    write_grey(in_folder("coco/images/large.ppm"), 64, 100);
}

/* Labels as YOLO and Pascal VOC have them, of pictures beside them. */
static void other_truths(void **state)
{
    (void)state;
    static const char *const folders[] = {"yolo", "voc", "voc/Annotations", "voc/JPEGImages"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        make_folder_in(folders[i]);
    write_grey(in_folder("yolo/a.ppm"), 32, 200);
    write_text(in_folder("yolo/a.txt"), "0 0.25 0.25 0.25 0.25\n1 0.75 0.75 0.5 0.5\n");
    assert_int_equal(
        run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data", in_folder("yolo"), "--json", NULL),
        CLI_OK);
    near_at(number("stats.AP"), 1, 1e-12, "AP");
    write_grey(in_folder("voc/JPEGImages/b.PPM"), 32, 200);
    write_text(in_folder("voc/Annotations/b.xml"),
               "<annotation><object><name>cat</name><bndbox><xmin>17</xmin><ymin>17</ymin>"
               "<xmax>32</xmax><ymax>32</ymax></bndbox></object></annotation>");
    write_text(in_folder("labels.txt"), "dog\nCat\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("boxes.onnx"), "--data",
                         in_folder("voc/Annotations"), "--json", "--labels",
                         in_folder("labels.txt"), NULL),
                     CLI_OK);
    near_at(number("stats.AP"), 1, 1e-12, "AP");
    near_at(number("answers_of_unknown_classes"), 1, 0, "boxes of the dog");
}

/* ---- classes -------------------------------------------------------------------------------- */

static void bundled_network(void **state)
{
    (void)state;
    char pictures[300];
    snprintf(model, sizeof model, "%s/signs.infer", folder);
    assert_int_equal(run(cmd_convert, "convert", SIGNS "signs.onnx", "-o", model, "--labels",
                         SIGNS "labels.txt", "--resize", "72", "--crop", "64", "--mean",
                         "127,122,118", "--scale", "0.0185,0.0195,0.0185", NULL),
                     CLI_OK);
    assert_int_equal(run(cmd_eval, "eval", model, "--data", PICTURES "labels.csv", "--json",
                         "--save", in_folder("signs.csv"), "--threads", "1", NULL),
                     CLI_OK);
    near_at(number("stats.top1"), 1, 0, "top1");
    near_at(number("pictures"), 48, 0, "pictures");
    const double loss = number("stats.log_loss");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("signs.csv"), "--data",
                         PICTURES "labels.csv", "--json", NULL),
                     CLI_OK);
    near_at(number("stats.log_loss"), loss, 0, "log_loss of what was saved");
    /* an .onnx file needs the preprocessing, and is known for scores of classes by its output */
    assert_int_equal(run(cmd_eval, "eval", SIGNS "signs.onnx", "--data", PICTURES "labels.csv",
                         "--resize", "72", "--crop", "64", "--mean", "127,122,118", "--scale",
                         "0.0185,0.0195,0.0185", "--json", NULL),
                     CLI_OK);
    near_at(number("stats.log_loss"), loss, 0, "log_loss of the ONNX file");
    assert_int_equal(
        run(cmd_eval, "eval", SIGNS "signs.onnx", "--data", PICTURES "labels.csv", NULL),
        CLI_USAGE);
    /* lists of pictures that lie elsewhere */
    write_text(in_folder("list.txt"), "stop-1.jpg stop\nno-entry-1.jpg stop\nnone.jpg 1\n");
    assert_int_equal(run(cmd_eval, "eval", model, "--data", in_folder("list.txt"), "--json", NULL),
                     CLI_BAD_INPUT);
    says(err_text, "give --images");
    snprintf(pictures, sizeof pictures, "%s", PICTURES);
    assert_int_equal(run(cmd_eval, "eval", model, "--data", in_folder("list.txt"), "--json",
                         "--images", pictures, NULL),
                     CLI_BAD_INPUT);
    says(err_text, "none.jpg: it is not in");
    near_at(number("stats.top1"), 0.5, 0, "top1");
}

static const uint8_t colours[3][3] = {{200, 0, 0}, {0, 200, 0}, {0, 0, 200}};

/* A folder for each class; the network says its classes in another order with --first-class. */
static void folders_of_classes(void **state)
{
    (void)state;
    static const char *const pictures[] = {"classes/a/1.ppm", "classes/b/2.ppm", "classes/c/3.ppm"};
    make_folder_in("classes");
    make_folder_in("classes/a");
    make_folder_in("classes/b");
    make_folder_in("classes/c");
    for (int i = 0; i < 3; i++)
        write_colour(in_folder(pictures[i]), 8, 8, colours[i]);
    write_classifier(in_folder("colours.onnx"), 1);
    assert_int_equal(run(cmd_eval, "eval", in_folder("colours.onnx"), "--data",
                         in_folder("classes"), CHANNELS, "--json", NULL),
                     CLI_OK);
    near_at(number("stats.top1"), 1, 0, "top1");
    says(err_text, "in the order of their names");
    assert_int_equal(run(cmd_eval, "eval", in_folder("colours.onnx"), "--data",
                         in_folder("classes"), CHANNELS, "--first-class", "1", NULL),
                     CLI_BAD_INPUT);
    says(err_text, "3 folders, whose names are not those of the 2 classes");
    assert_int_equal(run(cmd_eval, "eval", in_folder("colours.onnx"), "--data",
                         in_folder("classes"), CHANNELS, "--first-class", "3", NULL),
                     CLI_USAGE);
}

/* Labels without one for what stands before the first class; several classes to a picture. */
static void lists_of_classes(void **state)
{
    (void)state;
    write_text(in_folder("labels.txt"), "leaf\nsky\n");
    write_text(in_folder("list.txt"), "classes/b/2.ppm leaf\nclasses/c/3.ppm sky\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("colours.onnx"), "--data",
                         in_folder("list.txt"), CHANNELS, "--first-class", "1", "--labels",
                         in_folder("labels.txt"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats.top1"), 1, 0, "top1");
    near_at(number("classes"), 2, 0, "classes");
    write_text(in_folder("several.csv"), "file,0,1,2\nclasses/a/1.ppm,1,0,0\n"
                                         "classes/b/2.ppm,0,1,0\nclasses/c/3.ppm,0,1,1\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("colours.onnx"), "--data",
                         in_folder("several.csv"), CHANNELS, "--json", "--slice", "class", "--save",
                         in_folder("several-found.csv"), NULL),
                     CLI_OK);
    near_at(number("stats.recall_micro"), 3.0 / 4, 1e-12, "recall_micro");
    near_at(number("stats.precision_micro"), 1, 1e-12, "precision_micro");
    near_at(number("slices.1.pictures"), 2, 0, "pictures of class 1");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("several-found.csv"),
                         "--data", in_folder("several.csv"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats.recall_micro"), 3.0 / 4, 1e-12, "recall_micro of what was saved");
}

/* ---- masks ---------------------------------------------------------------------------------- */

static void write_mask(const char *path, int side, uint8_t value)
{
    uint8_t pixels[64 * 64];
    infer_image mask = {.pixels = pixels, .width = side, .height = side, .channels = 1};
    size_t size;
    memset(pixels, value, sizeof pixels);
    pixels[0] = 255;
    void *png = palette_png(&mask, &size);
    assert_non_null(png);
    write_bytes(path, png, size);
    free(png);
}

static void masks(void **state)
{
    (void)state;
    char name[64];
    make_folder_in("masks");
    make_folder_in("images");
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "images/%d.ppm", i);
        write_colour(in_folder(name), 8 << i, 8 << i, colours[i]);
        snprintf(name, sizeof name, "masks/%d.png", i);
        write_mask(in_folder(name), 8 << i, (uint8_t)(i == 2 ? 0 : i)); /* one is not so */
    }
    write_segmenter(in_folder("masks.onnx"));
    assert_int_equal(run(cmd_eval, "eval", in_folder("masks.onnx"), "--data", in_folder("masks"),
                         CHANNELS, "--save", in_folder("saved"), "--json", NULL),
                     CLI_OK);
    says(err_text, "its class 0 is the masks' value 0");
    near_at(number("stats.pixel_accuracy"), (63.0 + 255) / (63 + 255 + 1023), 1e-12, "accuracy");
    const double iou = number("stats.mIoU");
    assert_int_equal(run(cmd_eval, "eval", "--predictions", in_folder("saved"), "--data",
                         in_folder("masks"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats.mIoU"), iou, 0, "mIoU of what was saved");
    write_text(in_folder("names.txt"), "blue\ngreen\n");
    write_text(in_folder("labels.txt"), "red\ngreen\nblue\n");
    assert_int_equal(run(cmd_eval, "eval", in_folder("masks.onnx"), "--data", in_folder("masks"),
                         CHANNELS, "--classes", in_folder("names.txt"), "--labels",
                         in_folder("labels.txt"), "--json", NULL),
                     CLI_OK);
    says(err_text, "2 of its 3 are among the 2");
    near_at(number("stats.pixel_accuracy"), (255.0 + 1023) / (63 + 255 + 1023), 1e-12, "accuracy");
    write_mask(in_folder("masks/1.png"), 8, 1);
    assert_int_equal(run(cmd_eval, "eval", in_folder("masks.onnx"), "--data", in_folder("masks"),
                         CHANNELS, NULL),
                     CLI_BAD_INPUT);
    says(err_text, "1.ppm: 16 x 16 pixels; its mask has 8 x 8");
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void wrong_arguments(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_eval, "eval", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", model, NULL), CLI_USAGE);
    assert_int_equal(
        run(cmd_eval, "eval", model, "--predictions", "x.json", "--data", "y.json", NULL),
        CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", "--predictions", "x.json", "--data", "y.json", "--save",
                         "z.json", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_eval, "eval", in_folder("none.infer"), "--data", "y.json", NULL),
                     CLI_BAD_INPUT);
    assert_int_equal(run(cmd_eval, "eval", model, "--data", in_folder("none.csv"), NULL),
                     CLI_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(classes_of_boxes),
        cmocka_unit_test(failing_picture),
        cmocka_unit_test(other_truths),
        cmocka_unit_test(bundled_network),
        cmocka_unit_test(folders_of_classes),
        cmocka_unit_test(lists_of_classes),
        cmocka_unit_test(masks),
        cmocka_unit_test(wrong_arguments),
    };
    return cmocka_run_group_tests(tests, begin, teardown);
}
