/* infer_nms against recorded answers of other tools, and where boxes are many. The README of the
 * shared folder says how those were made. */
#include "vision_json.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "infer_vision.h"

static float real_or_nan(yyjson_val *v)
{
    return yyjson_is_num(v) ? (float)yyjson_get_num(v) : NAN;
}

/* The boxes of a case, numbered; classes where there are any. */
static infer_box *read_boxes(yyjson_val *c, size_t *count)
{
    yyjson_val *boxes = yyjson_obj_get(c, "boxes"), *scores = yyjson_obj_get(c, "scores");
    yyjson_val *classes = yyjson_obj_get(c, "classes");
    *count = yyjson_arr_size(boxes);
    assert_true(*count > 0 && yyjson_arr_size(scores) == *count);
    infer_box *b = calloc(*count, sizeof *b);
    for (size_t i = 0; i < *count; i++) {
        yyjson_val *box = yyjson_arr_get(boxes, i);
        b[i] = (infer_box){real_or_nan(yyjson_arr_get(box, 0)),
                           real_or_nan(yyjson_arr_get(box, 1)),
                           real_or_nan(yyjson_arr_get(box, 2)),
                           real_or_nan(yyjson_arr_get(box, 3)),
                           .score = real_or_nan(yyjson_arr_get(scores, i)),
                           .candidate = (int32_t)i};
        if (classes)
            b[i].index = (int32_t)yyjson_get_int(yyjson_arr_get(classes, i));
    }
    return b;
}

static void check_kept(yyjson_val *c, const char *key, const infer_box *kept, size_t found)
{
    yyjson_val *expected = yyjson_obj_get(c, key);
    assert_non_null(expected);
    if (yyjson_arr_size(expected) != found)
        fail_msg("%s, %s: %zu stay, not %zu", yyjson_get_str(yyjson_obj_get(c, "name")), key, found,
                 yyjson_arr_size(expected));
    for (size_t i = 0; i < found; i++)
        assert_int_equal(kept[i].candidate, yyjson_get_int(yyjson_arr_get(expected, i)));
}

static void test_greedy(void **state)
{
    (void)state;
    yyjson_doc *doc = shared_json("vision/nms/cases.json");
    yyjson_val *cases = yyjson_obj_get(yyjson_doc_get_root(doc), "cases"), *c;
    size_t at, cases_count;
    yyjson_arr_foreach(cases, at, cases_count, c)
    {
        size_t count, found;
        infer_box *boxes = read_boxes(c, &count), *kept = calloc(count, sizeof *kept);
        infer_nms_options o = INFER_NMS_OPTIONS_INIT;
        o.score_threshold = (float)json_real(c, "score_threshold");
        o.iou_threshold = (float)json_real(c, "iou_threshold");
        assert_int_equal(infer_nms(boxes, count, &o, kept, count, &found, NULL), INFER_OK);
        check_kept(c, "greedy_per_class", kept, found);
        assert_int_equal(infer_nms(boxes, count, &o, kept, 5, &found, NULL), INFER_OK);
        check_kept(c, "greedy_per_class_max5", kept, found);
        o.agnostic = 1;
        assert_int_equal(infer_nms(boxes, count, &o, kept, count, &found, NULL), INFER_OK);
        check_kept(c, "greedy_agnostic", kept, found);
        free(boxes);
        free(kept);
    }
    assert_true(cases_count >= 17);
    printf("%zu cases\n", cases_count);
    yyjson_doc_free(doc);
}

static void test_soft(void **state)
{
    (void)state;
    yyjson_doc *doc = shared_json("vision/nms/soft.json");
    yyjson_val *cases = yyjson_obj_get(yyjson_doc_get_root(doc), "cases"), *c;
    size_t at, cases_count;
    yyjson_arr_foreach(cases, at, cases_count, c)
    {
        size_t count, found;
        infer_box *boxes = read_boxes(c, &count), *kept = calloc(count, sizeof *kept);
        yyjson_val *expected = yyjson_obj_get(c, "kept"), *sigma = yyjson_obj_get(c, "sigma");
        yyjson_val *iou = yyjson_obj_get(c, "iou_threshold");
        infer_nms_options o = INFER_NMS_OPTIONS_INIT;
        o.suppress = strcmp(yyjson_get_str(yyjson_obj_get(c, "method")), "linear") == 0
                         ? INFER_SUPPRESS_LINEAR
                         : INFER_SUPPRESS_GAUSSIAN;
        o.score_threshold = (float)json_real(c, "score_threshold");
        o.iou_threshold = yyjson_is_num(iou) ? (float)yyjson_get_num(iou) : 0;
        o.sigma = yyjson_is_num(sigma) ? (float)yyjson_get_num(sigma) : 0;
        assert_int_equal(infer_nms(boxes, count, &o, kept, count, &found, NULL), INFER_OK);
        assert_int_equal(found, yyjson_arr_size(expected));
        for (size_t i = 0; i < found; i++) {
            yyjson_val *e = yyjson_arr_get(expected, i);
            assert_int_equal(kept[i].candidate, yyjson_get_int(yyjson_arr_get(e, 0)));
            /* coordinates and scores are floats: a coordinate of 300 has steps of 3e-5, a hundred
             * thousandth of a side of 30, in which an IoU changes by as much */
            assert_true(fabs((double)kept[i].score - yyjson_get_num(yyjson_arr_get(e, 1))) < 2e-6);
        }
        free(boxes);
        free(kept);
    }
    assert_true(cases_count >= 2);
    yyjson_doc_free(doc);
}

/* ---- many ----------------------------------------------------------------------------------- */

static uint32_t seed = 1;

static float draw(float most)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / 16777216.0F * most;
}

/* Of a picture of 3840 x 2160: `spread` is the width of boxes at most. */
static infer_box *random_boxes(size_t count, float spread, int32_t classes)
{
    infer_box *b = calloc(count, sizeof *b);
    for (size_t i = 0; i < count; i++) {
        const float x = draw(3840), y = draw(2160);
        b[i] = (infer_box){x,
                           y,
                           x + 1 + draw(spread),
                           y + 1 + draw(spread),
                           .score = draw(1),
                           .index = (int32_t)draw((float)classes),
                           .candidate = (int32_t)i};
    }
    return b;
}

static double iou(const infer_box *a, const infer_box *b)
{
    const double w = fmin((double)a->x1, (double)b->x1) - fmax((double)a->x0, (double)b->x0);
    const double h = fmin((double)a->y1, (double)b->y1) - fmax((double)a->y0, (double)b->y0);
    const double common = w > 0 && h > 0 ? w * h : 0;
    const double area = ((double)a->x1 - (double)a->x0) * ((double)a->y1 - (double)a->y0);
    const double other = ((double)b->x1 - (double)b->x0) * ((double)b->y1 - (double)b->y0);
    return common / (area + other - common);
}

static int better(const void *a, const void *b)
{
    const infer_box *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->candidate - y->candidate;
}

/* Each box against all that stay, as the rule says. */
static size_t by_rule(infer_box *boxes, size_t count, double threshold, infer_box *kept)
{
    size_t found = 0;
    qsort(boxes, count, sizeof *boxes, better);
    for (size_t i = 0; i < count; i++) {
        int stays = 1;
        for (size_t k = 0; k < found && stays; k++)
            stays = kept[k].index != boxes[i].index || !(iou(&kept[k], &boxes[i]) > threshold);
        if (stays)
            kept[found++] = boxes[i];
    }
    return found;
}

static void test_places(void **state)
{
    (void)state;
    static const float spreads[] = {3, 60, 800, 4000}, thresholds[] = {0, 0.02F, 0.3F, 0.7F, 0.95F};
    enum { COUNT = 3000 };
    infer_box *kept = calloc(COUNT, sizeof *kept), *expected = calloc(COUNT, sizeof *expected);
    for (size_t s = 0; s < 4; s++)
        for (size_t t = 0; t < 5; t++) {
            infer_box *boxes = random_boxes(COUNT, spreads[s], 1 + (int32_t)s);
            infer_nms_options o = INFER_NMS_OPTIONS_INIT;
            size_t found;
            o.iou_threshold = thresholds[t];
            assert_int_equal(infer_nms(boxes, COUNT, &o, kept, COUNT, &found, NULL), INFER_OK);
            const size_t right = by_rule(boxes, COUNT, (double)thresholds[t], expected);
            assert_int_equal(found, right);
            assert_memory_equal(kept, expected, found * sizeof *kept);
            free(boxes);
        }
    free(kept);
    free(expected);
}

/* The rule at sizes of which floats can't hold the areas, and beside boxes of other sizes. */
static void test_extremes(void **state)
{
    (void)state;
    static const float scales[] = {1e-22F, 1e-12F, 1, 1e8F, 1e17F};
    static const float thresholds[] = {0, 1e-7F, 1e-3F, 0.5F};
    enum { COUNT = 1200, SCALES = 5 };
    infer_box *kept = calloc(COUNT, sizeof *kept), *expected = calloc(COUNT, sizeof *expected);
    for (size_t s = 0; s <= SCALES; s++)
        for (size_t t = 0; t < 4; t++) {
            infer_box *boxes = random_boxes(COUNT, 900, 1);
            infer_nms_options o = INFER_NMS_OPTIONS_INIT;
            size_t found;
            for (size_t i = 0; i < COUNT; i++) { /* at last all together */
                const float by = scales[s < SCALES ? s : i % SCALES];
                boxes[i].x0 *= by;
                boxes[i].y0 *= by;
                boxes[i].x1 *= by;
                boxes[i].y1 *= by;
            }
            o.iou_threshold = thresholds[t];
            assert_int_equal(infer_nms(boxes, COUNT, &o, kept, COUNT, &found, NULL), INFER_OK);
            assert_int_equal(found, by_rule(boxes, COUNT, (double)thresholds[t], expected));
            assert_memory_equal(kept, expected, found * sizeof *kept);
            free(boxes);
        }
    free(kept);
    free(expected);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The time is told, and held against twenty times what it should be: a machine may be slow, and a
 * sanitizer makes it slower, but comparing all with all takes a thousand times as long. */
static void test_time(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    infer_box *boxes = random_boxes(COUNT, 400, 1), *kept = calloc(COUNT, sizeof *kept);
    for (int all = 0; all < 2; all++) {
        infer_nms_options o = INFER_NMS_OPTIONS_INIT;
        size_t found;
        o.iou_threshold = 0.5F;
        const double start = cpu_ms();
        assert_int_equal(infer_nms(boxes, COUNT, &o, kept, all ? COUNT : 1000, &found, NULL),
                         INFER_OK);
        const double ms = cpu_ms() - start;
        printf("%d boxes, %zu stay: %.1f ms\n", COUNT, found, ms);
        assert_true(found >= 1000 && ms < 1000);
    }
    free(boxes);
    free(kept);
}

/* A million candidates of which all pass: one object, or spread out. */
static void test_million(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    static const float spreads[] = {1, 200};
    infer_box *kept = calloc(300, sizeof *kept);
    for (int i = 0; i < 2; i++) {
        infer_box *boxes = random_boxes(COUNT, spreads[i], 80);
        for (size_t k = 0; k < COUNT && i == 0; k++) {
            boxes[k].x0 = 100;
            boxes[k].x1 = 200 + boxes[k].score;
            boxes[k].y0 = 50;
            boxes[k].y1 = 90;
        }
        infer_nms_options o = INFER_NMS_OPTIONS_INIT;
        size_t found;
        o.iou_threshold = 0.45F;
        const double start = cpu_ms();
        assert_int_equal(infer_nms(boxes, COUNT, &o, kept, 300, &found, NULL), INFER_OK);
        const double ms = cpu_ms() - start;
        printf("%d boxes, %zu stay: %.1f ms\n", COUNT, found, ms);
        assert_true(found == (i ? 300 : 80) && ms < 5000);
        free(boxes);
    }
    free(kept);
}

static void test_arguments(void **state)
{
    (void)state;
    infer_box b = {0, 0, 1, 1, .score = 1}, kept;
    infer_nms_options o = INFER_NMS_OPTIONS_INIT;
    size_t found = 7;
    assert_int_equal(infer_nms(NULL, 0, &o, NULL, 0, &found, NULL), INFER_OK);
    assert_int_equal(found, 0);
    assert_int_equal(infer_nms(&b, 1, NULL, &kept, 1, NULL, NULL), INFER_OK);
    assert_int_equal(infer_nms(NULL, 1, &o, &kept, 1, &found, NULL), INFER_ERROR_ARGUMENT);
    o.suppress = 9;
    assert_int_equal(infer_nms(&b, 1, &o, &kept, 1, &found, NULL), INFER_ERROR_ARGUMENT);
    o.suppress = INFER_SUPPRESS_NONE;
    o.iou_threshold = NAN;
    assert_int_equal(infer_nms(&b, 1, &o, &kept, 1, &found, NULL), INFER_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),   cmocka_unit_test(test_soft),
        cmocka_unit_test(test_places),   cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_time),     cmocka_unit_test(test_million),
        cmocka_unit_test(test_arguments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
