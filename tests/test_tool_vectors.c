/* Networks of the shared folder that look at a region of a picture and answer with classes, points
 * or numbers, beside recorded answers; vision/README.md there has the rules. */
#include "vision_json.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tools/convert.h"
#include "tools/read_file.h"

struct network {
    infer_model *model;
    infer_session *session;
    void *bytes;
    yyjson_doc *images, *results;
};

static void open_network(struct network *n, const char *name, const infer_preprocess *p,
                         const infer_input_spec *shape, const char *task)
{
    struct convert_options o = {
        .preprocess = p, .shapes = shape, .nshapes = shape != NULL, .task = task};
    char path[200];
    n->images = shared_json("vision/decoders/images.json");
    snprintf(path, sizeof path, "vision/decoders/%s/results.json", name);
    n->results = shared_json(path);
    snprintf(path, sizeof path, "models/%s/model.onnx", name);
    assert_int_equal(open_model_with(shared_path(path), &o, &n->model, &n->bytes), 0);
    assert_int_equal(infer_session_create(n->model, NULL, &n->session, NULL), INFER_OK);
}

static void close_network(struct network *n)
{
    const infer_allocator a = infer__allocator(NULL);
    infer_session_free(&n->session);
    infer_model_free(&n->model);
    infer__free(&a, n->bytes);
    yyjson_doc_free(n->images);
    yyjson_doc_free(n->results);
}

/* The picture that a recorded answer is about, and its region; its bytes are to be freed. */
static char *picture_of(const struct network *n, yyjson_val *answer, infer_picture *p)
{
    yyjson_val *list = yyjson_doc_get_root(n->images), *crop = yyjson_obj_get(answer, "crop_xywh");
    yyjson_val *v;
    char name[200] = "";
    size_t i, count;
    yyjson_arr_foreach(list, i, count, v) if (json_real(v, "id") == json_real(answer, "image_id"))
        snprintf(name, sizeof name, "images/%s", yyjson_get_str(yyjson_obj_get(v, "file")));
    *p = (infer_picture){.x = (int32_t)yyjson_get_num(yyjson_arr_get(crop, 0)),
                         .y = (int32_t)yyjson_get_num(yyjson_arr_get(crop, 1)),
                         .region_width = (int32_t)yyjson_get_num(yyjson_arr_get(crop, 2)),
                         .region_height = (int32_t)yyjson_get_num(yyjson_arr_get(crop, 3))};
    char *bytes = read_file(shared_path(name), &p->bytes);
    assert_non_null(bytes);
    p->data = bytes;
    return bytes;
}

static infer_preprocess stretched(int32_t side, float mean, float scale)
{
    infer_preprocess p = INFER_PREPROCESS_INIT;
    p.fit = INFER_FIT_STRETCH;
    p.width = p.height = side;
    p.resampler = INFER_RESIZE_OPENCV;
    p.color = INFER_COLOR_BGR;
    for (int c = 0; c < 4; c++) {
        p.mean[c] = mean;
        p.scale[c] = scale;
    }
    return p;
}

/* Yaw, pitch and roll of a head; 0.05 degree. */
static void test_headpose(void **state)
{
    (void)state;
    const infer_preprocess p = stretched(64, 127.5F, 1.0F / 128);
    struct network n;
    open_network(&n, "fsanet-headpose-64", &p, NULL, NULL);
    yyjson_val *v;
    size_t i, count;
    double most = 0;
    yyjson_arr_foreach(yyjson_doc_get_root(n.results), i, count, v)
    {
        infer_picture picture;
        float angles[3];
        char *bytes = picture_of(&n, v, &picture);
        assert_int_equal(infer_embed(n.session, &picture, 1, NULL, angles, 3, NULL), INFER_OK);
        yyjson_val *expected = yyjson_obj_get(v, "yaw_pitch_roll");
        for (size_t k = 0; k < 3; k++)
            most =
                fmax(most, fabs((double)angles[k] - yyjson_get_num(yyjson_arr_get(expected, k))));
        free(bytes);
    }
    printf("%zu heads, at most %.4f degree apart\n", count, most);
    assert_true(count > 0 && most <= 0.05);
    close_network(&n);
}

/* 106 points of a face, in parts of the region; 0.1 pixel. */
static void test_landmarks(void **state)
{
    (void)state;
    const infer_preprocess p = stretched(112, 0, 1.0F / 255);
    struct network n;
    open_network(&n, "pfld-106-landmarks-112", &p, NULL, "points");
    yyjson_val *v;
    size_t i, count;
    double most = 0;
    yyjson_arr_foreach(yyjson_doc_get_root(n.results), i, count, v)
    {
        infer_picture picture;
        infer_point points[106];
        char *bytes = picture_of(&n, v, &picture);
        yyjson_val *expected = yyjson_obj_get(v, "points");
        assert_int_equal(infer_keypoints(n.session, &picture, 1, NULL, points, NULL), INFER_OK);
        assert_int_equal(yyjson_arr_size(expected), 106);
        for (size_t k = 0; k < 106; k++) {
            yyjson_val *e = yyjson_arr_get(expected, k);
            most = fmax(most, fabs((double)points[k].x - yyjson_get_num(yyjson_arr_get(e, 0))));
            most = fmax(most, fabs((double)points[k].y - yyjson_get_num(yyjson_arr_get(e, 1))));
        }
        free(bytes);
    }
    printf("%zu faces, points at most %.4f pixel apart\n", count, most);
    assert_true(count > 0 && most <= 0.1);
    close_network(&n);
}

/* The pixels of the picture's region turned by 180 degrees, to be freed. */
static uint8_t *turned(const infer_picture *p, infer_picture *out)
{
    infer_image image;
    const size_t w = (size_t)p->region_width, h = (size_t)p->region_height;
    uint8_t *pixels = malloc(w * h * 3);
    assert_int_equal(infer_image_decode(p->data, p->bytes, NULL, &image, NULL), INFER_OK);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++)
            memcpy(pixels + ((h - 1 - y) * w + (w - 1 - x)) * 3,
                   image.pixels + ((size_t)p->y + y) * image.pitch + ((size_t)p->x + x) * 3, 3);
    infer_image_free(&image);
    *out = (infer_picture){.data = pixels,
                           .pixels = INFER_PIXELS_RGB,
                           .width = p->region_width,
                           .height = p->region_height};
    return pixels;
}

/* How far the probabilities of both classes are from those expected. */
static double probabilities(const struct network *n, const infer_picture *p, yyjson_val *expected)
{
    infer_class classes[2];
    size_t found;
    double most = 0;
    assert_int_equal(infer_classify_pictures(n->session, p, 1, NULL, classes, 2, &found, NULL),
                     INFER_OK);
    assert_int_equal(found, 2);
    for (size_t k = 0; k < 2; k++) {
        yyjson_val *e = yyjson_arr_get(expected, (size_t)classes[k].index);
        most = fmax(most, fabs((double)classes[k].score - yyjson_get_num(e)));
    }
    return most;
}

/* Whether a line of text stands upright; 1e-3. */
static void test_direction(void **state)
{
    (void)state;
    infer_preprocess p = stretched(48, 127.5F, 1 / 127.5F);
    const infer_input_spec shape = {.name = "x", .rank = 4, .dims = {1, 3, 48, 192}};
    struct network n;
    p.fit = INFER_FIT_LINE;
    p.width = 192;
    p.fill = INFER_FILL_ZERO;
    open_network(&n, "ppocr-mobile-v2-cls", &p, &shape, NULL);
    yyjson_val *v;
    size_t i, count;
    double most = 0;
    yyjson_arr_foreach(yyjson_doc_get_root(n.results), i, count, v)
    {
        infer_picture upright, other;
        char *bytes = picture_of(&n, v, &upright);
        uint8_t *pixels = turned(&upright, &other);
        most = fmax(most, probabilities(&n, &upright, yyjson_obj_get(v, "upright")));
        most = fmax(most, probabilities(&n, &other, yyjson_obj_get(v, "turned_180")));
        free(pixels);
        free(bytes);
    }
    printf("%zu lines of text both ways, at most %.5f apart\n", count, most);
    assert_true(count > 0 && most <= 1e-3);
    close_network(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_headpose),
                                       cmocka_unit_test(test_landmarks),
                                       cmocka_unit_test(test_direction)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
