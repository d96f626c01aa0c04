/* Families of detectors with a box for every cell of a grid, or for several: each on random
 * outputs, beside its formula in double precision, written from the networks' own definitions. */
#include "decoder_net.h"

/* ---- places --------------------------------------------------------------------------------- */

/* Cell (x, y) of a level, and the anchor there, of candidate i. */
struct place {
    int level, x, y, anchor;
};

/* Levels of columns x rows cells with so many anchors each, one behind another. */
static struct place place_of(int64_t i, int levels, const int (*cells)[2], const int *anchors)
{
    for (int level = 0; level < levels; level++) {
        const int64_t all = (int64_t)cells[level][0] * cells[level][1] * anchors[level];
        if (i < all) {
            const int64_t cell = i / anchors[level];
            return (struct place){level, (int)(cell % cells[level][0]),
                                  (int)(cell / cells[level][0]), (int)(i % anchors[level])};
        }
        i -= all;
    }
    fail_msg("no such place");
    return (struct place){0};
}

/* ---- RetinaFace ----------------------------------------------------------------------------- */

enum { FACE_W = 64, FACE_H = 96, FACE_PLACES = 2 * (8 * 12 + 4 * 6 + 2 * 3) };

/* Priors in parts of the input, as biubug's PriorBox and box_utils.decode; `conf` are logits. */
static void retinaface_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    static const int cells[3][2] = {{8, 12}, {4, 6}, {2, 3}}, two[] = {2, 2, 2};
    static const double sizes[3][2] = {{16, 32}, {64, 128}, {256, 512}}, steps[] = {8, 16, 32};
    const struct place p = place_of(i, 3, cells, two);
    const float *loc = h->data[2] + i * 4, *conf = h->data[0] + i * 2, *mark = h->data[1] + i * 10;
    const double cx = (p.x + 0.5) * steps[p.level] / FACE_W;
    const double cy = (p.y + 0.5) * steps[p.level] / FACE_H;
    const double w = sizes[p.level][p.anchor] / FACE_W, height = sizes[p.level][p.anchor] / FACE_H;
    set_centred(
        t, (cx + (double)loc[0] * 0.1 * w) * FACE_W, (cy + (double)loc[1] * 0.1 * height) * FACE_H,
        w * exp(0.2 * (double)loc[2]) * FACE_W, height * exp(0.2 * (double)loc[3]) * FACE_H);
    t->score = exp((double)conf[c]) / (exp((double)conf[0]) + exp((double)conf[1]));
    for (int k = 0; k < 5; k++) {
        t->points[3 * k] = (cx + (double)mark[2 * k] * 0.1 * w) * FACE_W;
        t->points[3 * k + 1] = (cy + (double)mark[2 * k + 1] * 0.1 * height) * FACE_H;
    }
}

static void test_retinaface(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, FACE_W, FACE_H);
    head_output(&h, "conf", 3, (int64_t[]){1, FACE_PLACES, 2}, -4, 4);
    head_output(&h, "landms", 3, (int64_t[]){1, FACE_PLACES, 10}, -3, 3);
    head_output(&h, "loc", 3, (int64_t[]){1, FACE_PLACES, 4}, -3, 3);
    head_run(&h, "auto", 0.5F);
    assert_string_equal(h.family->name, "retinaface");
    check_truth(&h, retinaface_truth, FACE_PLACES, 1, 2, 0.5);
    head_end(&h);
}

/* ---- torchvision's RetinaNet and FCOS ------------------------------------------------------- */

/* 160 x 96: the two upper levels have 3 x 2 and 2 x 1 cells, which do not divide it. */
enum { NET_W = 160, NET_H = 96, NET_CLASSES = 5 };
static const int net_cells[5][2] = {{20, 12}, {10, 6}, {5, 3}, {3, 2}, {2, 1}};
enum { NET_CELLS = 20 * 12 + 10 * 6 + 5 * 3 + 3 * 2 + 2 };

/* AnchorGenerator's base anchors, DefaultBoxCoder with weights of 1. */
static void retinanet_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    static const int nine[] = {9, 9, 9, 9, 9};
    /* int(s), int(s * 2^(1/3)), int(s * 2^(2/3)) */
    static const double sizes[5][3] = {
        {32, 40, 50}, {64, 80, 101}, {128, 161, 203}, {256, 322, 406}, {512, 645, 812}};
    static const double ratios[] = {0.5, 1, 2};
    const struct place p = place_of(i, 5, net_cells, nine);
    const double ratio = ratios[p.anchor / 3], size = sizes[p.level][p.anchor % 3];
    const double left = rint(-size / sqrt(ratio) / 2), right = rint(size / sqrt(ratio) / 2);
    const double top = rint(-size * sqrt(ratio) / 2), bottom = rint(size * sqrt(ratio) / 2);
    const double w = right - left, height = bottom - top;
    const double cx = p.x * (NET_W / net_cells[p.level][0]) + left + w / 2;
    const double cy = p.y * (NET_H / net_cells[p.level][1]) + top + height / 2;
    const float *r = h->data[1] + i * 4;
    set_centred(t, (double)r[0] * w + cx, (double)r[1] * height + cy,
                exp(fmin((double)r[2], log(1000.0 / 16))) * w,
                exp(fmin((double)r[3], log(1000.0 / 16))) * height);
    t->score = logistic((double)h->data[0][i * NET_CLASSES + c]);
}

static void test_retinanet(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, NET_W, NET_H);
    head_output(&h, "cls_logits", 3, (int64_t[]){1, NET_CELLS * 9, NET_CLASSES}, -6, 1);
    head_output(&h, "bbox_regression", 3, (int64_t[]){1, NET_CELLS * 9, 4}, -2, 4.5);
    head_run(&h, "auto", 0.5F);
    assert_string_equal(h.family->name, "retinanet");
    check_truth(&h, retinanet_truth, NET_CELLS * 9, 0, NET_CLASSES, 0.5);
    head_end(&h);
}

/* BoxLinearCoder with normalize_by_size, on anchors of one stride's side about the cells' corners.
 */
static void fcos_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    static const int one[] = {1, 1, 1, 1, 1};
    const struct place p = place_of(i, 5, net_cells, one);
    const double side = 8 << p.level;
    const double cx = p.x * (NET_W / net_cells[p.level][0]);
    const double cy = p.y * (NET_H / net_cells[p.level][1]);
    const float *r = h->data[1] + i * 4;
    const double box[] = {cx - (double)r[0] * side, cy - (double)r[1] * side,
                          cx + (double)r[2] * side, cy + (double)r[3] * side};
    memcpy(t->box, box, sizeof box);
    t->score =
        sqrt(logistic((double)h->data[0][i * NET_CLASSES + c]) * logistic((double)h->data[2][i]));
}

static void test_fcos(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, NET_W, NET_H);
    head_output(&h, "cls_logits", 3, (int64_t[]){1, NET_CELLS, NET_CLASSES}, -6, 1);
    head_output(&h, "bbox_regression", 3, (int64_t[]){1, NET_CELLS, 4}, 0, 5);
    head_output(&h, "bbox_ctrness", 3, (int64_t[]){1, NET_CELLS, 1}, -3, 3);
    head_run(&h, "auto", 0.3F);
    assert_string_equal(h.family->name, "fcos");
    check_truth(&h, fcos_truth, NET_CELLS, 0, NET_CLASSES, 0.3);
    head_end(&h);
}

/* ---- PicoDet and NanoDet-Plus --------------------------------------------------------------- */

enum { GFL_W = 96, GFL_H = 160, GFL_CLASSES = 3, GFL_FIELDS = GFL_CLASSES + 32 };
static const int gfl_cells[4][2] = {{12, 20}, {6, 10}, {3, 5}, {2, 3}}, gfl_one[] = {1, 1, 1, 1};
enum { GFL_PLACES = 12 * 20 + 6 * 10 + 3 * 5 + 2 * 3 };

/* The expected distance of each side, in strides, from (x, y) in cells. */
static void gfl_box(const float *sides, const struct place *p, double offset, struct truth *t)
{
    const double stride = 8 << p->level;
    for (int k = 0; k < 4; k++) {
        double sum = 0, mean = 0;
        for (int b = 0; b < 8; b++) {
            sum += exp((double)sides[k * 8 + b]);
            mean += b * exp((double)sides[k * 8 + b]);
        }
        t->box[k] = ((k % 2 ? p->y : p->x) + offset + (k < 2 ? -1 : 1) * mean / sum) * stride;
    }
}

static void picodet_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const struct place p = place_of(i, 4, gfl_cells, gfl_one);
    const int64_t at = p.y * gfl_cells[p.level][0] + p.x;
    t->score = (double)h->data[p.level][at * GFL_CLASSES + c];
    gfl_box(h->data[4 + p.level] + at * 32, &p, 0.5, t);
}

static void nanodet_plus_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const struct place p = place_of(i, 4, gfl_cells, gfl_one);
    t->score = (double)h->data[0][i * GFL_FIELDS + c];
    gfl_box(h->data[0] + i * GFL_FIELDS + GFL_CLASSES, &p, 0, t);
}

static void test_gfl(void **state)
{
    (void)state;
    struct head h;
    head_begin(&h, GFL_W, GFL_H);
    for (int k = 0; k < 8; k++) {
        const int64_t cells = (int64_t)gfl_cells[k % 4][0] * gfl_cells[k % 4][1];
        char name[16];
        snprintf(name, sizeof name, "%s%d", k < 4 ? "scores" : "sides", k % 4);
        head_output(&h, name, 3, (int64_t[]){1, cells, k < 4 ? GFL_CLASSES : 32}, k < 4 ? 0 : -4,
                    k < 4 ? 1 : 4);
    }
    head_run(&h, "auto", 0.7F);
    assert_string_equal(h.family->name, "picodet");
    check_truth(&h, picodet_truth, GFL_PLACES, 0, GFL_CLASSES, 0.7);
    head_end(&h);
    head_begin(&h, GFL_W, GFL_H);
    head_output(&h, "output", 3, (int64_t[]){1, GFL_PLACES, GFL_FIELDS}, -2, 1);
    head_run(&h, "auto", 0.7F);
    assert_string_equal(h.family->name, "nanodet-plus");
    check_truth(&h, nanodet_plus_truth, GFL_PLACES, 0, GFL_CLASSES, 0.7);
    head_end(&h);
}

/* ---- Darknet's YOLO v3 and v4 --------------------------------------------------------------- */

enum { DARK_W = 64, DARK_H = 96, DARK_CLASSES = 4, DARK_FIELDS = 5 + DARK_CLASSES };
static const int dark_cells[3][2] = {{8, 12}, {4, 6}, {2, 3}};

/* Levels of the networks under test: output of each, first level, anchors, scale_x_y. */
static struct {
    int first, output[3];
    double sides[3][6], reach[3];
} dark;

/* Darknet's get_yolo_box: scale_x_y moves centres about the middle of the cell. */
static void darknet_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    static const int three[] = {3, 3, 3};
    struct place p = place_of(i, 3 - dark.first, dark_cells + dark.first, three);
    p.level += dark.first;
    const int columns = dark_cells[p.level][0], all = columns * dark_cells[p.level][1];
    const double stride = 8 << p.level, reach = dark.reach[p.level];
    const float *v =
        h->data[dark.output[p.level]] + p.anchor * DARK_FIELDS * all + p.y * columns + p.x;
    const double x = logistic((double)v[0]) * reach - 0.5 * (reach - 1) + p.x;
    const double y = logistic((double)v[all]) * reach - 0.5 * (reach - 1) + p.y;
    set_centred(t, x * stride, y * stride,
                exp((double)v[2 * all]) * dark.sides[p.level][2 * p.anchor],
                exp((double)v[3 * all]) * dark.sides[p.level][2 * p.anchor + 1]);
    t->score = logistic((double)v[4 * all]) * logistic((double)v[(5 + c) * all]);
}

/* The outputs of levels in this order. */
static void check_darknet(const char *family, int n, const int *order)
{
    struct head h;
    int64_t places = 0;
    head_begin(&h, DARK_W, DARK_H);
    dark.first = 3 - n;
    for (int k = 0; k < n; k++) {
        char name[16];
        const int level = order[k], rows = dark_cells[level][1], columns = dark_cells[level][0];
        snprintf(name, sizeof name, "map%d", k);
        dark.output[level] = k;
        places += 3 * rows * columns;
        head_output(&h, name, 4, (int64_t[]){1, 3 * DARK_FIELDS, rows, columns}, -3, 3);
    }
    head_run(&h, family, 0.3F);
    check_truth(&h, darknet_truth, places, 0, DARK_CLASSES, 0.3);
    head_end(&h);
}

static void test_darknet(void **state)
{
    (void)state;
    static const double v3[3][6] = {
        {10, 13, 16, 30, 33, 23}, {30, 61, 62, 45, 59, 119}, {116, 90, 156, 198, 373, 326}};
    static const double v4[3][6] = {
        {12, 16, 19, 36, 40, 28}, {36, 75, 76, 55, 72, 146}, {142, 110, 192, 243, 459, 401}};
    static const double v4_tiny[3][6] = {
        {0}, {23, 27, 37, 58, 81, 82}, {81, 82, 135, 169, 344, 319}};
    static const double v3_tiny[3][6] = {
        {0}, {10, 14, 23, 27, 37, 58}, {81, 82, 135, 169, 344, 319}};
    dark.reach[0] = dark.reach[1] = dark.reach[2] = 1;
    memcpy(dark.sides, v3, sizeof v3);
    check_darknet("auto", 3, (const int[]){2, 1, 0});
    memcpy(dark.sides, v3_tiny, sizeof v3_tiny);
    check_darknet("yolov3", 2, (const int[]){2, 1});
    dark.reach[0] = 1.2, dark.reach[1] = 1.1, dark.reach[2] = 1.05;
    memcpy(dark.sides, v4, sizeof v4);
    check_darknet("yolov4", 3, (const int[]){0, 1, 2});
    dark.reach[1] = 1.05;
    memcpy(dark.sides, v4_tiny, sizeof v4_tiny);
    check_darknet("yolov4", 2, (const int[]){2, 1});
}

/* ---- CenterNet ------------------------------------------------------------------------------ */

enum { MAP_W = 16, MAP_H = 24, MAP = MAP_W * MAP_H, MAP_CLASSES = 3 };

/* A score counts where none of its eight neighbours is higher. */
static void centernet_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    const int x = (int)(i % MAP_W), y = (int)(i / MAP_W);
    const float *map = h->data[0] + c * MAP, *size = h->data[1] + i, *offset = h->data[2] + i;
    t->score = logistic((double)map[i]);
    for (int v = y - 1; v <= y + 1; v++)
        for (int u = x - 1; u <= x + 1; u++)
            if (u >= 0 && u < MAP_W && v >= 0 && v < MAP_H && map[v * MAP_W + u] > map[i])
                t->score = 0;
    set_centred(t, 4 * (x + (double)offset[0]), 4 * (y + (double)offset[MAP]), 4 * (double)size[0],
                4 * (double)size[MAP]);
}

static void check_centernet(int ready)
{
    struct head h;
    head_begin(&h, MAP_W * 4, MAP_H * 4);
    head_output(&h, "heat", 4, (int64_t[]){1, MAP_CLASSES, MAP_H, MAP_W}, -3, 3);
    if (ready)
        head_behind(&h, INFER__OP_SIGMOID, "scores_map");
    head_output(&h, "wh", 4, (int64_t[]){1, 2, MAP_H, MAP_W}, 0, 9);
    head_output(&h, "reg", 4, (int64_t[]){1, 2, MAP_H, MAP_W}, 0, 1);
    head_run(&h, "auto", 0.5F);
    assert_string_equal(h.family->name, "centernet");
    assert_true(h.found > 50);
    check_truth(&h, centernet_truth, MAP, 0, MAP_CLASSES, 0.5);
    head_end(&h);
}

static void test_centernet(void **state)
{
    (void)state;
    check_centernet(0);
    check_centernet(1);
}

/* ---- BlazeFace ------------------------------------------------------------------------------ */

/* MediaPipe's anchors of size 1, centres in parts of the input, and numbers divided by its side. */
static void blazeface_truth(const struct head *h, int64_t i, int32_t c, struct truth *t)
{
    static const int cells[2][2] = {{16, 16}, {8, 8}}, anchors[] = {2, 6};
    const struct place p = place_of(i, 2, cells, anchors);
    const double side = h->width, x = (p.x + 0.5) / cells[p.level][0];
    const double y = (p.y + 0.5) / cells[p.level][1];
    const float *v = h->data[1] + i * 16;
    (void)c;
    set_centred(t, (x + (double)v[0] / side) * side, (y + (double)v[1] / side) * side, (double)v[2],
                (double)v[3]);
    t->score = logistic((double)h->data[0][i]);
    for (int k = 0; k < 6; k++) {
        t->points[3 * k] = (x + (double)v[4 + 2 * k] / side) * side;
        t->points[3 * k + 1] = (y + (double)v[5 + 2 * k] / side) * side;
    }
}

static void test_blazeface(void **state)
{
    (void)state;
    for (int side = 128; side <= 256; side *= 2) {
        struct head h;
        head_begin(&h, side, side);
        head_output(&h, "classificators", 3, (int64_t[]){1, 896, 1}, -4, 4);
        head_output(&h, "regressors", 3, (int64_t[]){1, 896, 16}, -40, 40);
        head_run(&h, "auto", 0.5F);
        assert_string_equal(h.family->name, "blazeface");
        check_truth(&h, blazeface_truth, 896, 0, 1, 0.5);
        head_end(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retinaface), cmocka_unit_test(test_retinanet),
        cmocka_unit_test(test_fcos),       cmocka_unit_test(test_gfl),
        cmocka_unit_test(test_darknet),    cmocka_unit_test(test_centernet),
        cmocka_unit_test(test_blazeface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
