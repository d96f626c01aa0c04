/* infer quantize --data: accuracy is what infer eval measures, for boxes, masks and classes. */
#include "tests/eval_nets.h"

#include "tools/palette_png.h"

#define CHANNELS "--resize", "8x8", "--scale", "0.00392157"

/* A convolution of one pixel that takes `x` to "seen": the identity, plus `mixed` of the others. */
static void add_conv(struct builder *b, float mixed)
{
    const int64_t dims[] = {3, 3, 1, 1};
    float w[9];
    for (int i = 0; i < 9; i++)
        w[i] = i % 4 == 0 ? 1 : mixed;
    floats(b, "w", 4, dims, w);
    node(b, "Conv", "x,w", "seen");
}

/* Which of red, green and blue there is most of, in each pixel, or in the picture. */
static void write_net(const char *path, int classifier)
{
    const int64_t in[] = {1, 3, 8, 8}, axes[] = {2, 3}, three[] = {1, 3};
    struct builder b;
    frame(&b, 13, 4, in);
    add_conv(&b, 0.01F);
    if (classifier) {
        ints(&b, "three", 2, three);
        attr_ints(&b, node(&b, "ReduceMean", "seen", "means"), "axes", axes, 2);
        node(&b, "Reshape", "means,three", "y");
    } else {
        node(&b, "Relu", "seen", "y");
    }
    save_net(&b, path);
}

/* Colours of which two channels differ by one or by many of 255 steps. */
static void colour_of(int i, uint8_t rgb[3])
{
    const uint8_t low = (uint8_t)(60 + 13 * i), high = (uint8_t)(low + (i % 4 == 0 ? 1 : 40));
    rgb[0] = rgb[1] = rgb[2] = low;
    rgb[i % 3] = high;
}

enum { PICTURES_MADE = 12 };

static void write_pictures(void)
{
    char name[64];
    FILE *list = fopen(in_folder("list.txt"), "w");
    assert_non_null(list);
    make_folder_in("pictures");
    make_folder_in("masks");
    for (int i = 0; i < PICTURES_MADE; i++) {
        uint8_t rgb[3], classes[64];
        infer_image mask = {.width = 8, .height = 8, .channels = 1, .pixels = classes};
        size_t size;
        colour_of(i, rgb);
        snprintf(name, sizeof name, "pictures/%02d.ppm", i);
        write_colour(in_folder(name), 8, 8, rgb);
        memset(classes, i % 3, sizeof classes);
        void *png = palette_png(&mask, &size);
        assert_non_null(png);
        snprintf(name, sizeof name, "masks/%02d.png", i);
        write_bytes(in_folder(name), png, size);
        free(png);
        fprintf(list, "%02d.ppm %d\n", i, i % 3);
    }
    assert_int_equal(fclose(list), 0);
}

static int begin_pictures(void **state)
{
    const int failed = begin(state);
    if (!failed)
        write_pictures();
    return failed;
}

/* One number of the report that was printed. */
static void accuracy_is(const char *measure, double of_float)
{
    char text[80];
    snprintf(text, sizeof text, "\"accuracy\": {\"measure\": \"%s\"", measure);
    says(out, text);
    near_at(number("accuracy.float"), of_float, 1e-9, "accuracy of the float model");
    near_at(number("accuracy.drop"), 100 * (of_float - number("accuracy.int8")), 1e-5, "drop");
}

static void classes(void **state)
{
    (void)state;
    write_net(in_folder("classes.onnx"), 1);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), "--data", in_folder("list.txt"), "--data-images",
                         in_folder("pictures"), CHANNELS, "-o", in_folder("classes.infer"),
                         "--all-int8", "--json", NULL),
                     CLI_OK);
    accuracy_is("top1", 1);
    near_at(number("accuracy.pictures"), PICTURES_MADE, 0, "pictures");
    /* another number of the same evaluation, and one that there is not */
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), "--data", in_folder("list.txt"), "--data-images",
                         in_folder("pictures"), CHANNELS, "-o", in_folder("classes.infer"),
                         "--all-int8", "--json", "--measure", "kappa", NULL),
                     CLI_OK);
    accuracy_is("kappa", 1);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), "--data", in_folder("list.txt"), "--data-images",
                         in_folder("pictures"), CHANNELS, "-o", in_folder("classes.infer"),
                         "--measure", "AP", NULL),
                     CLI_BAD_INPUT);
    says(err_text, "no number 'AP'");
}

/* Levels that are nearly equal become equal in eight bits of a range that is as wide as the
 * pictures make it: with --max-drop 0 what was lost comes back. What is written is as good as it
 * says. */
static void masks(void **state)
{
    (void)state;
    write_net(in_folder("masks.onnx"), 0);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("masks.onnx"), "--task", "segment",
                         "--images", in_folder("pictures"), "--data", in_folder("masks"),
                         "--data-images", in_folder("pictures"), CHANNELS, "-o",
                         in_folder("masks.infer"), "--all-int8", "--json", NULL),
                     CLI_OK);
    accuracy_is("mIoU", 1);
    const double lost = number("accuracy.drop"), left = number("accuracy.int8");
    assert_true(lost > 0.1);
    assert_int_equal(run(cmd_eval, "eval", in_folder("masks.infer"), "--data", in_folder("masks"),
                         "--images", in_folder("pictures"), "--json", NULL),
                     CLI_OK);
    near_at(number("stats.mIoU"), left, 1e-6, "what infer eval says of the file");
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("masks.onnx"), "--task", "segment",
                         "--images", in_folder("pictures"), "--data", in_folder("masks"),
                         "--data-images", in_folder("pictures"), CHANNELS, "-o",
                         in_folder("masks.infer"), "--all-int8", "--max-drop", "0.01", "--json",
                         "--report", in_folder("report.html"), NULL),
                     CLI_OK);
    accuracy_is("mIoU", 1);
    near_at(number("accuracy.drop"), 0, 0.01, "drop within the bound");
    says(out, "it costs accuracy");
}

/* The network of eval_nets.h behind a convolution; COCO's JSON. */
static void boxes(void **state)
{
    (void)state;
    char text[1000];
    make_folder_in("boxes");
    write_grey(in_folder("boxes/light.ppm"), 32, 220);
    write_grey(in_folder("boxes/large.ppm"), 64, 180);
    write_detector_behind(in_folder("boxes.onnx"), 0.75F, add_conv);
    snprintf(text, sizeof text,
             "{\"images\":[{\"id\":1,\"file_name\":\"light.ppm\"},{\"id\":2,\"file_name\":"
             "\"large.ppm\"}],\"categories\":[{\"id\":1,\"name\":\"1\"},{\"id\":2,\"name\":\"2\"}],"
             "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[4,4,8,8]},"
             "{\"image_id\":1,\"category_id\":2,\"bbox\":[16,16,16,16]},"
             "{\"image_id\":2,\"category_id\":1,\"bbox\":[8,8,16,16]},"
             "{\"image_id\":2,\"category_id\":2,\"bbox\":[32,32,32,32]}]}");
    write_text(in_folder("truth.json"), text);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("boxes.onnx"), "--images",
                         in_folder("boxes"), "--data", in_folder("truth.json"), "--data-images",
                         in_folder("boxes"), "-o", in_folder("boxes.infer"), "--all-int8",
                         "--max-drop", "1", "--json", NULL),
                     CLI_OK);
    accuracy_is("AP", 1);
    assert_true(number("accuracy.drop") <= 1);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("boxes.onnx"), "--images",
                         in_folder("boxes"), "--data", in_folder("truth.json"), "--data-images",
                         in_folder("boxes"), "-o", in_folder("boxes.infer"), "--iou-type",
                         "keypoints", NULL),
                     CLI_BAD_INPUT); /* there are no points */
}

static void wrong(void **state)
{
    (void)state;
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), "-o", in_folder("x.infer"), "--measure", "AP",
                         NULL),
                     CLI_USAGE);
    says(err_text, "--data");
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), "-o", in_folder("x.infer"), "--data", "x",
                         "--labels", "y", NULL),
                     CLI_USAGE);
    assert_int_equal(run(cmd_quantize, "quantize", in_folder("classes.onnx"), "--images",
                         in_folder("pictures"), CHANNELS, "-o", in_folder("x.infer"), "--data",
                         in_folder("none"), NULL),
                     CLI_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classes), cmocka_unit_test(masks),
                                       cmocka_unit_test(boxes), cmocka_unit_test(wrong)};
    return cmocka_run_group_tests(tests, begin_pictures, teardown);
}
