/* Families of detectors without suppression of their own to be done, and YOLO with points: each on
 * random outputs, beside its formula in double precision. */
#include "decoder_net.h"

/* ---- transformers --------------------------------------------------------------------------- */

enum { QUERIES = 300, CLASSES = 11 };

/* Centre and size in parts of the input. */
static void relative_box(const struct head *h, const float *v, struct truth *t)
{
    set_centred(t, (double)v[0] * h->width, (double)v[1] * h->height, (double)v[2] * h->width,
                (double)v[3] * h->height);
}

static void rtdetr_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    t->score = logistic((double)h->data[0][i * CLASSES + c]);
    relative_box(h, h->data[1] + i * 4, t);
}

static void test_rtdetr(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, 64, 96);
    head_output(&h, "logits", 3, (int64_t[]){1, QUERIES, CLASSES}, -6, 2);
    head_output(&h, "pred_boxes", 3, (int64_t[]){1, QUERIES, 4}, 0, 1);
    head_run(&h, "auto", 0.4F);
    assert_string_equal(h.family->name, "rtdetr");
    assert_int_equal(h.decoding.suppress, INFER_SUPPRESS_NONE);
    check_truth(&h, rtdetr_truth, QUERIES, 0, CLASSES, 0.4);
    head_end(&h);
}

static void joined_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const float *row = h->data[0] + i * (4 + CLASSES);
    t->score = (double)row[4 + c];
    relative_box(h, row, t);
}

static void test_rtdetr_joined(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, 64, 96);
    head_output(&h, "output0", 3, (int64_t[]){1, QUERIES, 4 + CLASSES}, 0, 1);
    head_run(&h, "auto", 0.9F);
    assert_string_equal(h.family->name, "rtdetr");
    check_truth(&h, joined_truth, QUERIES, 0, CLASSES, 0.9);
    head_end(&h);
}

/* Scores that a network has brought between 0 and 1 itself are not brought there again; boxes first
 * are told by their shape. */
static void ready_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    t->score = logistic((double)h->data[1][i * CLASSES + c]);
    relative_box(h, h->data[0] + i * 4, t);
}

static void test_rtdetr_ready(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, 64, 96);
    head_output(&h, "dets", 3, (int64_t[]){1, QUERIES, 4}, 0, 1);
    head_output(&h, "logits", 3, (int64_t[]){1, QUERIES, CLASSES}, -6, 2);
    head_behind(&h, INFER__OP_SIGMOID, "labels");
    head_run(&h, "rtdetr", 0.4F);
    assert_int_equal(h.net.g.noutputs, 2);
    check_truth(&h, ready_truth, QUERIES, 0, CLASSES, 0.4);
    head_end(&h);
}

static void detr_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const float *row = h->data[0] + i * CLASSES;
    double sum = 0;
    for (int k = 0; k < CLASSES; k++)
        sum += exp((double)row[k]);
    t->score = exp((double)row[c]) / sum;
    relative_box(h, h->data[1] + i * 4, t);
}

static void test_detr(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, 64, 96);
    head_output(&h, "logits", 3, (int64_t[]){1, 100, CLASSES}, -4, 4);
    head_output(&h, "pred_boxes", 3, (int64_t[]){1, 100, 4}, 0, 1);
    head_run(&h, "auto", 0.4F);
    assert_string_equal(h.family->name, "detr");
    check_truth(&h, detr_truth, 100, 0, CLASSES - 1, 0.4);
    for (size_t i = 0; i < h.found; i++)
        assert_true(h.boxes[i].index < CLASSES - 1);
    head_end(&h);
}

/* ---- networks that end in suppression ------------------------------------------------------- */

static void rows_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const float *row = h->data[0] + i * 6;
    (void)c;
    for (int k = 0; k < 4; k++)
        t->box[k] = (double)row[k];
    t->score = (double)row[4];
}

static void test_rows(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, 64, 96);
    float *rows = head_output(&h, "output0", 3, (int64_t[]){1, 300, 6}, 0, 1);
    for (int i = 0; i < 300; i++)
        rows[i * 6 + 5] = (float)(i % 80);
    head_run(&h, "auto", 0.6F);
    assert_string_equal(h.family->name, "nms");
    check_truth(&h, rows_truth, 300, 0, 1, 0.6);
    for (size_t i = 0; i < h.found; i++)
        assert_int_equal(h.boxes[i].index, h.boxes[i].candidate % 80);
    head_end(&h);
}

enum { LISTED = 40, POINTS = 17 };

static void lists_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    (void)c;
    for (int k = 0; k < 4; k++)
        t->box[k] = (double)h->data[0][i * 4 + k];
    t->score = (double)h->data[1][i];
    for (int k = 0; h->data[2] && k < POINTS; k++) {
        t->points[3 * k] = (double)h->data[2][(i * POINTS + k) * 3];
        t->points[3 * k + 1] = (double)h->data[2][(i * POINTS + k) * 3 + 1];
        t->points[3 * k + 2] = (double)h->data[3][i * POINTS + k];
    }
}

/* Boxes, scores and, as s64, labels; and with `points` those and their scores. The input may be a
 * picture of rank 3. */
static void check_lists(int points, int rank)
{
    struct head h;
    struct infer__node *node;
    const int64_t s64 = INFER_S64;
    head_begin(&h, 64, 96);
    struct net *n = &h.net;
    struct infer__value *picture = &n->g.values[h.picture];
    picture->rank = (uint8_t)rank;
    memmove(picture->dims, picture->dims + 4 - rank, (size_t)rank * sizeof *picture->dims);
    head_output(&h, "boxes", 2, (int64_t[]){LISTED, 4}, 0, 64);
    head_output(&h, "scores", 1, (int64_t[]){LISTED}, 0, 1);
    if (points) {
        head_output(&h, "keypoints", 3, (int64_t[]){LISTED, POINTS, 3}, 0, 64);
        head_output(&h, "keypoints_scores", 2, (int64_t[]){LISTED, POINTS}, -5, 5);
    }
    int64_t labels[LISTED];
    for (int i = 0; i < LISTED; i++)
        labels[i] = 1 + i % 90;
    const uint32_t list = net_ints(n, "numbers", 1, LISTED, labels);
    const uint32_t zero = net_node(n, INFER__OP_CAST, "zero_s64", &h.nothing, 1, &node);
    net_attr(n, node, INFER__ATTR_TO, 1, &s64);
    h.outputs[h.noutputs++] =
        net_node(n, INFER__OP_ADD, "labels", (uint32_t[]){list, zero}, 2, &node);
    head_run(&h, "auto", 0.5F);
    assert_string_equal(h.family->name, "nms");
    assert_int_equal(h.decoding.points >= 0, points);
    check_truth(&h, lists_truth, LISTED, 0, 1, 0.5);
    for (size_t i = 0; i < h.found; i++)
        assert_int_equal(h.boxes[i].index, 1 + h.boxes[i].candidate % 90);
    head_end(&h);
}

static void test_lists(void **state)
{
    (void)state;
    check_lists(0, 3);
    check_lists(1, 4);
}

/* ---- YOLO with points ----------------------------------------------------------------------- */

/* 64 x 96: cells of 8, 16 and 32 pixels */
enum { PLACES = 8 * 12 + 4 * 6 + 2 * 3 };

static void pose_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const float *v = h->data[0] + i;
    const int32_t fields = h->decoding.point_fields, classes = h->decoding.classes;
    set_centred(t, (double)v[0], (double)v[PLACES], (double)v[2 * PLACES], (double)v[3 * PLACES]);
    t->score = (double)v[(4 + c) * PLACES];
    for (int32_t k = 0; k < h->decoding.points_count; k++)
        for (int32_t f = 0; f < fields; f++)
            t->points[3 * k + f] = (double)v[(4 + classes + k * fields + f) * PLACES];
}

static void check_pose(const char *kpt_shape, const char *family, int classes, int points,
                       int fields)
{
    struct head h;
    struct infer__pair pair = {"kpt_shape", kpt_shape};
    head_begin(&h, 64, 96);
    h.about = (struct infer__about){.npairs = kpt_shape != NULL, .pairs = &pair};
    head_output(&h, "output0", 3, (int64_t[]){1, 4 + classes + points * fields, PLACES}, 0, 1);
    head_run(&h, family, 0.5F);
    assert_string_equal(h.family->name, "yolov8-pose");
    assert_int_equal(h.decoding.points_count, points);
    assert_int_equal(h.decoding.point_fields, fields);
    check_truth(&h, pose_truth, PLACES, 0, classes, 0.5);
    head_end(&h);
}

static void test_pose(void **state)
{
    (void)state;
    check_pose("[17, 3]", "auto", 1, 17, 3);
    check_pose("[5, 2]", "auto", 3, 5, 2);
    check_pose(NULL, "yolov8-pose", 1, 17, 3);
    check_pose(NULL, "yolov8-pose", 1, 4, 2);
    struct head h; /* without the pair it is a box with 52 classes */
    head_begin(&h, 64, 96);
    head_output(&h, "output0", 3, (int64_t[]){1, 56, PLACES}, 0, 1);
    head_run(&h, "auto", 0.5F);
    assert_string_equal(h.family->name, "yolov8");
    head_end(&h);
}

/* ---- YOLO with turned boxes ----------------------------------------------------------------- */

static void obb_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const float *v = h->data[0] + i;
    set_centred(t, (double)v[0], (double)v[PLACES], (double)v[2 * PLACES], (double)v[3 * PLACES]);
    t->score = (double)v[(4 + c) * PLACES];
}

static void test_obb(void **state)
{
    (void)state;
    struct head h;
    enum { KINDS = 15 };
    struct infer__pair pair = {"task", "obb"};
    head_begin(&h, 64, 96);
    h.about = (struct infer__about){.npairs = 1, .pairs = &pair};
    head_output(&h, "output0", 3, (int64_t[]){1, 4 + KINDS + 1, PLACES}, 0, 1);
    head_run(&h, "auto", 0.9F);
    assert_string_equal(h.family->name, "yolov8-obb");
    assert_int_equal(h.decoding.classes, KINDS);
    check_truth(&h, obb_truth, PLACES, 0, KINDS, 0.9);
    for (size_t i = 0; i < h.found; i++)
        assert_true(h.boxes[i].angle == h.data[0][(4 + KINDS) * PLACES + h.boxes[i].candidate]);
    head_end(&h);
}

/* ---- what fits none ------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"nms",        "rtdetr",    "detr",      "yolov8-pose",
                                        "retinaface", "fcos",      "retinanet", "yolov3",
                                        "yolov4",     "centernet", "picodet",   "nanodet-plus",
                                        "yolov8-seg", "blazeface", "auto"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct head h;
        infer_preprocess p = INFER_PREPROCESS_INIT;
        head_begin(&h, 64, 96);
        head_output(&h, "output", 3, (int64_t[]){1, 7, 3}, 0, 1);
        assert_int_equal(head_decode(&h, names[i], &p), INFER_ERROR_UNSUPPORTED);
        infer__region_free(&h.net.region);
    }
}

/* Integers look like rows of boxes, but can't be read as such. */
static void test_type(void **state)
{
    (void)state;
    struct head h;
    const int64_t s64 = INFER_S64;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    head_begin(&h, 64, 96);
    head_output(&h, "floats", 3, (int64_t[]){1, 300, 6}, 0, 1);
    head_behind(&h, INFER__OP_CAST, "integers");
    struct infer__node *cast = &h.net.g.nodes[h.net.g.nnodes - 1];
    net_attr(&h.net, cast, INFER__ATTR_TO, 1, &s64);
    assert_int_equal(head_decode(&h, "nms", &p), INFER_ERROR_UNSUPPORTED);
    assert_non_null(strstr(h.net.err.message, "integers is s64"));
    infer__region_free(&h.net.region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rtdetr),       cmocka_unit_test(test_rtdetr_joined),
        cmocka_unit_test(test_rtdetr_ready), cmocka_unit_test(test_detr),
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_lists),
        cmocka_unit_test(test_pose),         cmocka_unit_test(test_obb),
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
