/* Small networks with known answers, and pictures and truths for them. */
#ifndef INFER_TESTS_EVAL_NETS_H
#define INFER_TESTS_EVAL_NETS_H

#include "tests/onnx_model.h"

#include "tool_run.h"

#include "tests/eval_vectors.h"

/* A picture of one colour. */
static inline void write_colour(const char *path, int width, int height, const uint8_t rgb[3])
{
    uint8_t bytes[40 + 3 * 64 * 64];
    assert_true(width <= 64 && height <= 64);
    const int n = snprintf((char *)bytes, 40, "P6 %d %d 255\n", width, height);
    for (int i = 0; i < width * height; i++)
        memcpy(bytes + n + 3 * i, rgb, 3);
    write_bytes(path, bytes, (size_t)(n + 3 * width * height));
}

static inline void write_grey(const char *path, int side, uint8_t level)
{
    write_colour(path, side, side, (const uint8_t[3]){level, level, level});
}

static inline void save_net(struct builder *b, const char *path)
{
    pack(b);
    write_bytes(path, b->bytes, b->size);
    build_end(b);
}

enum { PLACES = 21 }; /* of a YOLO v8 whose input has 32 x 32 pixels */

/* A detector of the family yolov8 with two classes: in each picture a box of class 0 from 4, 4 to
 * 12, 12 of 32 (score `sure`), and one of class 1 from 16, 16 to 32, 32 whose score is the
 * picture's mean, 0 to 1. `before` (or NULL) adds what takes "x" to "seen". */
static inline void write_detector_behind(const char *path, float sure,
                                         void (*before)(struct builder *b, float mixed))
{
    const int64_t in[] = {1, 3, 32, 32}, dims[] = {1, 6, PLACES}, axes[] = {1, 2, 3};
    const int64_t shape[] = {1, 1, 1};
    float fixed[6][PLACES] = {{0}}, slope[6][PLACES] = {{0}};
    const float boxes[2][4] = {{8, 8, 8, 8}, {24, 24, 16, 16}}; /* middle and size */
    struct builder b;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < 4; i++)
            fixed[i][k] = boxes[k][i];
    fixed[4][0] = sure;
    slope[5][1] = 1;
    frame(&b, 13, 4, in);
    floats(&b, "fixed", 3, dims, &fixed[0][0]);
    floats(&b, "slope", 3, dims, &slope[0][0]);
    ints(&b, "shape", 3, shape);
    if (before)
        before(&b, 0);
    attr_ints(&b, node(&b, "ReduceMean", before ? "seen" : "x", "mean"), "axes", axes, 3);
    node(&b, "Reshape", "mean,shape", "light");
    node(&b, "Mul", "slope,light", "part");
    node(&b, "Add", "fixed,part", "y");
    save_net(&b, path);
}

static inline void write_detector(const char *path, float sure)
{
    write_detector_behind(path, sure, NULL);
}

/* A segmenter of 8 x 8 pixels and three classes: which of red, green and blue there is most of. */
static inline void write_segmenter(const char *path)
{
    const int64_t in[] = {1, 3, 8, 8};
    struct builder b;
    frame(&b, 13, 4, in);
    node(&b, "Relu", "x", "y");
    save_net(&b, path);
}

/* A classifier of three classes by the same; `gain` multiplies what it says for class 0. */
static inline void write_classifier(const char *path, float gain)
{
    const int64_t in[] = {1, 3, 8, 8}, three[] = {1, 3}, axes[] = {2, 3};
    const float gains[] = {gain, 1, 1};
    struct builder b;
    frame(&b, 13, 4, in);
    floats(&b, "gains", 2, three, gains);
    ints(&b, "three", 2, three);
    attr_ints(&b, node(&b, "ReduceMean", "x", "means"), "axes", axes, 2);
    node(&b, "Reshape", "means,three", "flat");
    node(&b, "Mul", "flat,gains", "y");
    save_net(&b, path);
}

static inline int begin(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static inline void make_folder_in(const char *name)
{
    assert_int_equal(mkdir(in_folder(name), 0700), 0);
}

/* A number of the JSON report on standard output: "stats.AP"; NaN where there is none. */
static inline double number(const char *path)
{
    yyjson_doc *doc = yyjson_read(out, strlen(out), 0);
    yyjson_val *v = yyjson_doc_get_root(doc);
    if (!doc)
        fail_msg("no JSON: %.200s %.200s", out, err_text);
    while (v && *path) {
        const size_t n = strcspn(path, ".");
        v = yyjson_is_arr(v) ? yyjson_arr_get(v, (size_t)strtoul(path, NULL, 10))
                             : yyjson_obj_getn(v, path, n);
        path += n + (path[n] == '.');
    }
    const double found = yyjson_is_num(v) ? yyjson_get_num(v) : NAN;
    yyjson_doc_free(doc);
    return found;
}

static inline void says(const char *in, const char *what)
{
    if (!strstr(in, what))
        fail_msg("'%s' is not in: %.600s", what, in);
}

#endif
