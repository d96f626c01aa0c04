/* Detectors of the shared folder on real pictures: the bytes that the network sees, and the boxes
 * that come out, beside what other tools have recorded. vision/README.md there has the rule. */
#include "vision_json.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "png_crc.h"
#include "tools/convert.h"
#include "tools/read_file.h"

struct network {
    const char *name, *task;
    float score, iou;
    int stretched_boxes; /* 1: quantised: boxes are compared by IoU */
};

static const struct network networks[] = {
    {"yolov8n-coco-640-fp32", "yolov8", 0.05F, 0.7F, 0},
    {"yolov5n-coco-fp32", "yolov5", 0.05F, 0.45F, 0},
    {"yolox-nano-coco-416-opencvzoo", "yolox", 0.05F, 0.45F, 0},
    {"nanodet-m-coco-320", "nanodet", 0.15F, 0.6F, 0},
    {"fastestdet-coco-352", "fastestdet", 0.1F, 0.45F, 0},
    {"ssd-mobilenetv1-coco-300-qdq", "ssd", 0.3F, 0.6F, 1},
    {"scrfd-500m-kps-640", "scrfd", 0.3F, 0.4F, 0},
    {"yunet-n-320", "yunet", 0.5F, 0.3F, 0},
    {"ultraface-rfb-320", "ultraface", 0.5F, 0.3F, 0},
};

enum { MOST = 3000 };

/* Of the pictures of a network one in so many is looked at: kernels that are not optimised or are
 * checked take ten times as long. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
enum { EVERY = 10 };
#else
enum { EVERY = 1 };
#endif

/* A recorded box, or one of ours. */
struct result {
    int64_t image, category;
    double box[4], score; /* x, y, width, height */
    double points[10];
    int npoints, fragile, taken;
    int seen; /* its picture was looked at */
};

struct results {
    struct result *items;
    size_t count;
};

/* ---- what was recorded ---------------------------------------------------------------------- */

static struct results read_results(const char *network, const char *file)
{
    char path[200];
    snprintf(path, sizeof path, "vision/decoders/%s/%s", network, file);
    yyjson_doc *doc = shared_json(path);
    yyjson_val *list = yyjson_doc_get_root(doc), *v;
    struct results r = {calloc(yyjson_arr_size(list) + 1, sizeof(struct result)), 0};
    size_t i, n;
    yyjson_arr_foreach(list, i, n, v)
    {
        struct result *x = &r.items[r.count++];
        yyjson_val *box = yyjson_obj_get(v, "bbox"), *points = yyjson_obj_get(v, "keypoints");
        x->image = (int64_t)json_real(v, "image_id");
        x->category = (int64_t)json_real(v, "category_id");
        x->score = json_real(v, "score");
        x->fragile = yyjson_obj_get(v, "fragile") != NULL;
        for (size_t k = 0; k < 4; k++)
            x->box[k] = yyjson_get_num(yyjson_arr_get(box, k));
        for (size_t k = 0; points && k < 5; k++) {
            x->points[2 * k] = yyjson_get_num(yyjson_arr_get(points, 3 * k));
            x->points[2 * k + 1] = yyjson_get_num(yyjson_arr_get(points, 3 * k + 1));
            x->npoints = 5;
        }
    }
    yyjson_doc_free(doc);
    return r;
}

/* COCO's number of a class: of 80, of the 91 that SSD has, or of faces. */
static int64_t category_of(yyjson_val *categories, const infer_decoding *d, int32_t index)
{
    if (d->classes != 80)
        return d->classes <= 2 ? 1 : index;
    return (int64_t)json_real(yyjson_arr_get(categories, (size_t)index), "id");
}

/* ---- comparing ------------------------------------------------------------------------------ */

static double overlap(const struct result *a, const struct result *b)
{
    const double w =
        fmin(a->box[0] + a->box[2], b->box[0] + b->box[2]) - fmax(a->box[0], b->box[0]);
    const double h =
        fmin(a->box[1] + a->box[3], b->box[1] + b->box[3]) - fmax(a->box[1], b->box[1]);
    const double common = w > 0 && h > 0 ? w * h : 0;
    return common / (a->box[2] * a->box[3] + b->box[2] * b->box[3] - common);
}

/* spec.json's tolerance: 0.05 pixel, plus the hundredth that results were rounded to, and 1e-3 of
 * the score; of the quantised network an IoU of 0.7 and 0.02. */
static int same(const struct network *n, const struct result *a, const struct result *b)
{
    if (a->image != b->image || a->category != b->category)
        return 0;
    if (n->stretched_boxes)
        return overlap(a, b) >= 0.7 && fabs(a->score - b->score) <= 0.02;
    int equal = fabs(a->score - b->score) <= 1e-3;
    for (int k = 0; k < 4; k++)
        equal &= fabs(a->box[k] - b->box[k]) <= 0.06;
    for (int k = 0; k < 2 * a->npoints; k++)
        equal &= fabs(a->points[k] - b->points[k]) <= 0.06;
    return equal;
}

static struct result *partner(const struct network *n, const struct result *r,
                              const struct results *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (!others->items[i].taken && same(n, r, &others->items[i]))
            return &others->items[i];
    return NULL;
}

/* Marks the recorded boxes of the pictures that were looked at. */
static void mark_seen(struct results *recorded, yyjson_val *inputs)
{
    yyjson_val *v;
    size_t i, count;
    yyjson_arr_foreach(inputs, i, count,
                       v) for (size_t k = 0; k < recorded->count;
                               k++) if (i % EVERY == 0 && recorded->items[k].image ==
                                                              (int64_t)json_real(v, "image_id"))
        recorded->items[k]
            .seen = 1;
}

static void compare(const struct network *n, const struct results *ours, yyjson_val *inputs)
{
    struct results recorded = read_results(n->name, "results.json");
    struct results may = read_results(n->name, "may_appear.json");
    size_t robust = 0, missing = 0, left = 0;
    mark_seen(&recorded, inputs);
    for (size_t i = 0; i < recorded.count; i++) {
        if (!recorded.items[i].seen)
            continue;
        struct result *p = partner(n, &recorded.items[i], ours);
        robust += !recorded.items[i].fragile;
        missing += !p && !recorded.items[i].fragile;
        if (!p && !recorded.items[i].fragile)
            printf("  missing: image %d category %d score %.4f\n", (int)recorded.items[i].image,
                   (int)recorded.items[i].category, recorded.items[i].score);
        if (p)
            p->taken = 1;
    }
    for (size_t i = 0; i < ours->count; i++) {
        const struct result *r = &ours->items[i];
        if (r->taken || r->score - (double)n->score <= (n->stretched_boxes ? 0.02 : 1e-3) ||
            partner(n, r, &may))
            continue;
        left++;
        printf("  left over: image %d category %d score %.4f\n", (int)r->image, (int)r->category,
               r->score);
    }
    printf("%s: %zu recorded, %zu of them robust, %zu missing; %zu of ours left over of %zu\n",
           n->name, recorded.count, robust, missing, left, ours->count);
    free(recorded.items);
    free(may.items);
    assert_true(robust > 0);
    assert_int_equal(missing, 0);
    assert_int_equal(left, 0);
}

/* ---- running -------------------------------------------------------------------------------- */

struct run {
    const struct network *n;
    infer_model *model;
    infer_session *session;
    infer_decoding decoding;
    infer_preprocess preprocess;
    struct results ours;
    yyjson_doc *images, *categories, *inputs;
};

/* What the network sees before it is normalised: bytes, rows of pixels. */
static void check_input(const struct run *r, const char *path, yyjson_val *expected)
{
    infer_preprocess p = r->preprocess;
    infer_image image;
    int32_t w, h;
    p.layout = INFER_LAYOUT_NHWC;
    for (int c = 0; c < 4; c++) {
        p.mean[c] = 0;
        p.scale[c] = 1;
    }
    assert_int_equal(infer_image_load(path, NULL, &image, NULL), INFER_OK);
    assert_int_equal(infer_preprocess_size(&p, image.width, image.height, &w, &h, NULL), INFER_OK);
    assert_int_equal(w, json_real(expected, "w"));
    assert_int_equal(h, json_real(expected, "h"));
    infer_tensor t = {.type = INFER_U8, .rank = 4, .dims = {1, h, w, 3}};
    t.bytes = (size_t)w * (size_t)h * 3;
    t.data = malloc(t.bytes);
    assert_int_equal(infer_preprocess_run(&p, &image, 0, &t, NULL, NULL, NULL), INFER_OK);
    char crc[16];
    snprintf(crc, sizeof crc, "%08x", png_crc(t.data, t.bytes));
    if (strcmp(crc, yyjson_get_str(yyjson_obj_get(expected, "crc32"))))
        fail_msg("%s: %s: the input's bytes differ: %s", r->n->name, path, crc);
    free(t.data);
    infer_image_free(&image);
}

static void detect(struct run *r, int64_t image, const char *path)
{
    static infer_box boxes[MOST];
    static infer_point points[MOST * 5];
    const infer_detect_options o = {
        .size = sizeof o, .score_threshold = r->n->score, .iou_threshold = r->n->iou};
    size_t size, found = 0;
    infer_error err;
    char *bytes = read_file(path, &size);
    const infer_picture picture = {.data = bytes, .bytes = size};
    infer_detections to = {.size = sizeof to, .boxes = boxes, .found = &found, .most = MOST};
    to.points = r->decoding.points >= 0 ? points : NULL;
    assert_non_null(bytes);
    if (infer_detect(r->session, &picture, 1, &o, &to, &err) != INFER_OK)
        fail_msg("%s: %s", path, err.message);
    for (size_t i = 0; i < found; i++) {
        struct result *x = &r->ours.items[r->ours.count++];
        *x = (struct result){.image = image, .score = (double)boxes[i].score};
        x->category = category_of(yyjson_doc_get_root(r->categories), &r->decoding, boxes[i].index);
        x->box[0] = (double)boxes[i].x0;
        x->box[1] = (double)boxes[i].y0;
        x->box[2] = (double)boxes[i].x1 - x->box[0];
        x->box[3] = (double)boxes[i].y1 - x->box[1];
        x->npoints = to.points ? 5 : 0;
        for (int k = 0; k < x->npoints; k++) {
            x->points[2 * k] = (double)points[i * 5 + (size_t)k].x;
            x->points[2 * k + 1] = (double)points[i * 5 + (size_t)k].y;
        }
    }
    free(bytes);
}

static void check_network(const struct network *n)
{
    struct run r = {.n = n};
    char path[200];
    infer_input_spec shape = {.name = "images", .rank = 4, .dims = {1, 3, 640, 640}};
    struct convert_options o = {.task = n->task, .shapes = &shape};
    o.nshapes = strcmp(n->task, "yolov5") == 0; /* its sizes are free */
    void *bytes;
    snprintf(path, sizeof path, "vision/decoders/%s/inputs.json", n->name);
    r.images = shared_json("vision/decoders/images.json");
    r.categories = shared_json("vision/decoders/categories.json");
    r.inputs = shared_json(path);
    snprintf(path, sizeof path, "models/%s/model.onnx", n->name);
    assert_int_equal(open_model_with(shared_path(path), &o, &r.model, &bytes), 0);
    infer_decoding_init(&r.decoding, sizeof r.decoding);
    infer_preprocess_init(&r.preprocess, sizeof r.preprocess);
    assert_int_equal(infer_model_decoding(r.model, &r.decoding, NULL), INFER_OK);
    assert_int_equal(infer_model_preprocess(r.model, &r.preprocess, NULL), INFER_OK);
    assert_int_equal(infer_session_create(r.model, NULL, &r.session, NULL), INFER_OK);
    yyjson_val *list = yyjson_doc_get_root(r.inputs), *v;
    r.ours.items = calloc(yyjson_arr_size(list) * MOST, sizeof *r.ours.items);
    size_t i, count;
    yyjson_arr_foreach(list, i, count, v)
    {
        if (i % EVERY)
            continue;
        const int64_t image = (int64_t)json_real(v, "image_id");
        char file[400];
        snprintf(file, sizeof file, "%s", shared_picture(yyjson_doc_get_root(r.images), image));
        check_input(&r, file, v);
        detect(&r, image, file);
    }
    compare(n, &r.ours, list);
    free(r.ours.items);
    infer_session_free(&r.session);
    infer_model_free(&r.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    yyjson_doc_free(r.images);
    yyjson_doc_free(r.categories);
    yyjson_doc_free(r.inputs);
}

static void test_network(void **state)
{
    check_network(*state);
}

int main(void)
{
    struct CMUnitTest tests[sizeof networks / sizeof *networks];
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        tests[i] =
            (struct CMUnitTest){networks[i].name, test_network, NULL, NULL, (void *)&networks[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
