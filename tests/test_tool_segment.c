/* Segmenters of the shared folder on real pictures, beside recorded masks; vision/README.md there
 * has the rule. */
#include "vision_json.h"

#include <string.h>

#include "base/memory.h"
#include "tools/convert.h"
#include "tools/read_file.h"

struct network {
    const char *name;
    int32_t layout, side;
};

static const struct network networks[] = {
    {"deeplabv3-mnv2-voc-513-fp32", INFER_LAYOUT_NCHW, 513},
    {"deeplabv3-mnv2dm05-voc-257", INFER_LAYOUT_NHWC, 257},
    {"portrait-mnv3-seg-fp32", INFER_LAYOUT_NCHW, 256},
};

/* The colour of a class in VOC's palette: bits of the class in turn, from the highest bit down. */
static void colour_of(unsigned index, uint8_t rgb[3])
{
    memset(rgb, 0, 3);
    for (int bit = 7; index; bit--, index >>= 3)
        for (int c = 0; c < 3; c++)
            rgb[c] |= (uint8_t)((index >> c & 1) << bit);
}

/* Pixels of a mask that differ from a recorded one. */
static size_t differing(const infer_image *mask, const char *path)
{
    infer_image recorded;
    size_t n = 0;
    assert_int_equal(infer_image_load(path, NULL, &recorded, NULL), INFER_OK);
    assert_int_equal(recorded.width, mask->width);
    assert_int_equal(recorded.height, mask->height);
    for (int32_t y = 0; y < mask->height; y++)
        for (int32_t x = 0; x < mask->width; x++) {
            uint8_t rgb[3];
            colour_of(mask->pixels[(size_t)y * mask->pitch + (size_t)x], rgb);
            n += memcmp(rgb, recorded.pixels + ((size_t)y * (size_t)mask->width + (size_t)x) * 3,
                        3) != 0;
        }
    infer_image_free(&recorded);
    return n;
}

/* The rule allows as many pixels as are nearly tied, and one in ten thousand. */
static void check_picture(const struct network *n, infer_session *session, yyjson_val *images,
                          yyjson_val *expected, infer_image *mask)
{
    const int64_t id = (int64_t)json_real(expected, "image_id");
    char name[200];
    size_t size;
    infer_error err;
    char *bytes = read_file(shared_picture(images, id), &size);
    const infer_picture picture = {.data = bytes, .bytes = size};
    assert_non_null(bytes);
    if (infer_segment(session, &picture, NULL, mask, &err) != INFER_OK)
        fail_msg("%s: %s", n->name, err.message);
    snprintf(name, sizeof name, "vision/decoders/%s/%d-picture.png", n->name, (int)id);
    const size_t differ = differing(mask, shared_path(name));
    const double tied = json_real(expected, "picture_pixels_with_margin_below_0.01");
    const double allowed = tied + 1e-4 * mask->width * mask->height;
    printf("%s, picture %d: %zu of %d pixels differ, %.0f may\n", n->name, (int)id, differ,
           mask->width * mask->height, allowed);
    assert_true((double)differ <= allowed);
    free(bytes);
}

static void test_network(void **state)
{
    const struct network *n = *state;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    struct convert_options o = {.task = "segment", .preprocess = &p};
    infer_model *model;
    infer_session *session;
    infer_image mask = {0};
    char path[200];
    void *bytes;
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = n->side;
    p.resampler = INFER_RESIZE_OPENCV;
    p.layout = n->layout;
    for (int c = 0; c < 4; c++) {
        p.mean[c] = 127.5F;
        p.scale[c] = 1 / 127.5F;
    }
    yyjson_doc *images = shared_json("vision/decoders/images.json");
    snprintf(path, sizeof path, "vision/decoders/%s/results.json", n->name);
    yyjson_doc *results = shared_json(path);
    snprintf(path, sizeof path, "models/%s/model.onnx", n->name);
    assert_int_equal(open_model_with(shared_path(path), &o, &model, &bytes), 0);
    assert_int_equal(infer_session_create(model, NULL, &session, NULL), INFER_OK);
    yyjson_val *v;
    size_t i, count;
    yyjson_arr_foreach(yyjson_doc_get_root(results), i, count, v)
        check_picture(n, session, yyjson_doc_get_root(images), v, &mask);
    assert_true(count >= 3);
    infer_image_free(&mask);
    infer_session_free(&session);
    infer_model_free(&model);
    const infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    yyjson_doc_free(images);
    yyjson_doc_free(results);
}

int main(void)
{
    struct CMUnitTest tests[3];
    for (size_t i = 0; i < 3; i++)
        tests[i] =
            (struct CMUnitTest){networks[i].name, test_network, NULL, NULL, (void *)&networks[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
