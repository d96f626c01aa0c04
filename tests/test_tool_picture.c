/* infer picture: what a network makes of pictures. The network gives back what it gets. */
#include "eval_nets.h"

#include <math.h>

#include "infer_vision.h"

static char net[128], wide[128];

static int prepare(void **state)
{
    const int64_t in[] = {1, 3, 8, 8}, scales[] = {4};
    const float twice[] = {1, 1, 2, 2};
    struct builder b;
    if (begin(state))
        return 1;
    snprintf(net, sizeof net, "%s/net.onnx", folder);
    snprintf(wide, sizeof wide, "%s/wide.ppm", folder);
    write_segmenter(net);
    /* the same, twice as large, and one channel alone */
    const int64_t grey[] = {1, 1, 8, 8};
    for (int i = 0; i < 2; i++) {
        frame(&b, 13, 4, i ? grey : in);
        floats(&b, "twice", 1, scales, twice);
        initializer(&b, raw_tensor(&b, "none", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1,
                                   (const int64_t[]){0}, "", 0));
        attr_string(&b, node(&b, "Resize", "x,none,twice", "y"), "mode", "nearest");
        save_net(&b, in_folder(i ? "grey.onnx" : "twice.onnx"));
    }
    /* 16 x 8 pixels: the left half red, the right half blue */
    uint8_t bytes[64 + 3 * 128];
    const int n = snprintf((char *)bytes, 64, "P6 16 8 255\n");
    for (int i = 0; i < 128; i++)
        memcpy(bytes + n + 3 * i, i % 16 < 8 ? (uint8_t[]){200, 20, 0} : (uint8_t[]){0, 40, 250},
               3);
    write_bytes(wide, bytes, (size_t)n + 384);
    return 0;
}

static infer_image written(const char *name, uint32_t channels)
{
    infer_image image;
    infer_image_options o = INFER_IMAGE_OPTIONS_INIT;
    infer_error err;
    o.channels = channels;
    if (infer_image_load(in_folder(name), &o, &image, &err) != INFER_OK)
        fail_msg("%s: %s %s", name, err.message, err_text);
    return image;
}

/* The picture is width x height, and pixel (x, y) is near these numbers; frees it. */
static void check(infer_image image, int width, int height, int x, int y, const int *want)
{
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    const uint8_t *p = image.pixels + (y * width + x) * image.channels;
    for (int k = 0; k < image.channels; k++)
        if (abs(p[k] - want[k]) > 2)
            fail_msg("channel %d of (%d, %d) is %d, not %d", k, x, y, p[k], want[k]);
    infer_image_free(&image);
}
#define WANT(...) ((const int[]){__VA_ARGS__})
#define PAINT(model, ...)                                                                          \
    assert_int_equal(run(cmd_picture, "picture", model, wide, "-o", in_folder("out"),              \
                         "--resampler", "opencv", __VA_ARGS__, NULL),                              \
                     CLI_OK)

/* Numbers of the network's input are levels again, whatever the preprocessing is. */
static void test_rgb(void **state)
{
    (void)state;
    PAINT(net, "--resize", "8x8");
    check(written("out/wide.ppm.png", 3), 8, 8, 1, 1, WANT(200, 20, 0));
    PAINT(net, "--resize", "8x8", "--color", "bgr", "--scale", "0.00392157");
    check(written("out/wide.ppm.png", 3), 8, 8, 6, 1, WANT(0, 40, 250));
    PAINT(net, "--resize", "8x8", "--range", "0,500");
    check(written("out/wide.ppm.png", 3), 8, 8, 1, 1, WANT(102, 10, 0));
    PAINT(net, "--resize", "8x8", "--range", "500,0");
    check(written("out/wide.ppm.png", 3), 8, 8, 1, 1, WANT(153, 245, 255));
    PAINT(in_folder("twice.onnx"), "--resize", "8x8");
    check(written("out/wide.ppm.png", 3), 16, 16, 14, 14, WANT(0, 40, 250));
}

/* Of a letterboxed input the picture's part alone comes back. */
static void test_size(void **state)
{
    (void)state;
    PAINT(net, "--resize", "8x8", "--fit", "letterbox", "--fill", "114", "--size", "picture");
    check(written("out/wide.ppm.png", 3), 16, 8, 2, 0, WANT(200, 20, 0));
    PAINT(in_folder("twice.onnx"), "--resize", "8x8", "--fit", "letterbox", "--size", "picture");
    check(written("out/wide.ppm.png", 3), 16, 8, 13, 7, WANT(0, 40, 250));
    PAINT(net, "--resize", "8x8", "--size", "picture");
    check(written("out/wide.ppm.png", 3), 16, 8, 2, 7, WANT(200, 20, 0));
}

static void test_one_channel(void **state)
{
    (void)state;
    PAINT(net, "--resize", "8x8", "--channel", "1"); /* 20 and 40: black and white */
    check(written("out/wide.ppm.png", 3), 8, 8, 0, 4, WANT(0, 0, 0));
    check(written("out/wide.ppm.png", 3), 8, 8, 7, 4, WANT(255, 255, 255));
    PAINT(net, "--resize", "8x8", "--channel", "0", "--as", "alpha", "--range", "0,200");
    check(written("out/wide.ppm.png", 4), 16, 8, 1, 4, WANT(200, 20, 0, 255));
    check(written("out/wide.ppm.png", 4), 16, 8, 14, 4, WANT(0, 40, 250, 0));
    /* brightness of the network, colours of the picture: the same again, but larger */
    PAINT(in_folder("grey.onnx"), "--resize", "8x8", "--color", "gray", "--as", "luma", "--scale",
          "0.00392157");
    check(written("out/wide.ppm.png", 3), 16, 16, 2, 8, WANT(200, 20, 0));
    check(written("out/wide.ppm.png", 3), 16, 16, 13, 8, WANT(0, 40, 250));
}

static void test_forms(void **state)
{
    (void)state;
    PAINT(net, "--resize", "8x8", "--json");
    assert_true(number("pictures.0.width") == 8 && number("failed") == 0);
    says(out, "wide.ppm.png\"}");
    assert_int_equal(
        run(cmd_picture, "picture", net, wide, "-o", in_folder("out.y4m"), "--resize", "8x8", NULL),
        CLI_OK);
    size_t size;
    free(read_file(in_folder("out.y4m"), &size));
    assert_true(size > 96 && size < 200);
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"--as", "green", "rgb, gray, luma or alpha"},
        {"--range", "1,1", "two numbers that differ"},
        {"--range", "1", "two numbers"},
        {"--size", "3", "network or picture"},
        {"--output-index", "1", "1 outputs"},
        {"--channel", "3", "no channel 3"},
        {"--as", "luma", "that is rgb"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int status = run(cmd_picture, "picture", net, wide, "-o", in_folder("out"),
                               "--resize", "8x8", cases[i][0], cases[i][1], NULL);
        if (status != CLI_USAGE && status != CLI_BAD_INPUT)
            fail_msg("%s %s: exit status %d", cases[i][0], cases[i][1], status);
        says(err_text, cases[i][2]);
    }
    assert_int_equal(run(cmd_picture, "picture", net, wide, "--resize", "8x8", NULL), CLI_USAGE);
    assert_int_equal(run(cmd_picture, "picture", net, wide, "-o", in_folder("out"), NULL),
                     CLI_USAGE);
    says(err_text, "no preprocessing is stored");
    assert_int_equal(run(cmd_picture, "picture", net, wide, "-o", in_folder("out.y4m"), "--as",
                         "alpha", "--resize", "8x8", NULL),
                     CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rgb),         cmocka_unit_test(test_size),
        cmocka_unit_test(test_one_channel), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_wrong),
    };
    return cmocka_run_group_tests(tests, prepare, teardown);
}
