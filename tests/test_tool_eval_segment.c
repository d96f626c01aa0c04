/* Measures of segmentation against the reference's numbers: expected.json lists cases and their
 * pairs of masks. */
#include "tests/eval_vectors.h"

#include "tools/cli.h"
#include "tools/eval/read_masks.h"

static void count_files(const char *folder, yyjson_val *files, struct segment_counts *counts)
{
    const struct mask_options o = {0};
    infer_error err;
    for (size_t i = 0; i < yyjson_arr_size(files); i++) {
        infer_image pair[2];
        for (size_t k = 0; k < 2; k++) {
            char path[900];
            yyjson_val *name = yyjson_arr_get(yyjson_arr_get(files, i), k);
            snprintf(path, sizeof path, "%s/%s", folder, yyjson_get_str(name));
            assert_int_equal(read_mask(path, &o, &pair[k]), CLI_OK);
        }
        assert_int_equal(pair[0].width, pair[1].width);
        assert_int_equal(pair[0].height, pair[1].height);
        assert_int_equal(segment_add(counts, pair[0].pixels, pair[1].pixels,
                                     (size_t)pair[0].width * (size_t)pair[0].height, &err),
                         INFER_OK);
        infer_image_free(&pair[0]);
        infer_image_free(&pair[1]);
    }
}

static void check_classes(const struct segment_result *r, size_t n, yyjson_val *want)
{
    double iou[SEGMENT_CLASSES], dice[SEGMENT_CLASSES], accuracy[SEGMENT_CLASSES];
    for (size_t k = 0; k < n; k++) {
        iou[k] = r->classes[k].iou;
        dice[k] = r->classes[k].dice;
        accuracy[k] = r->classes[k].accuracy;
    }
    near_list(iou, n, yyjson_obj_get(want, "iou_per_class"), "iou_per_class");
    near_list(dice, n, yyjson_obj_get(want, "dice_per_class"), "dice_per_class");
    near_list(accuracy, n, yyjson_obj_get(want, "class_accuracy"), "class_accuracy");
}

static void check_pictures(const struct segment_counts *c, int nclasses, yyjson_val *want)
{
    yyjson_val *list = yyjson_obj_get(want, "mean_iou_per_picture");
    double sum = 0, n = 0;
    for (uint32_t i = 0; list && i < c->npictures; i++) {
        const double iou = segment_picture_iou(c, nclasses, i);
        near_value(iou, yyjson_arr_get(list, i), "mean_iou_per_picture");
        sum += isnan(iou) ? 0 : iou;
        n += !isnan(iou);
    }
    if (yyjson_obj_get(want, "mean_of_picture_mean_iou"))
        near_key(sum / n, want, "mean_of_picture_mean_iou");
}

static void check_case(const char *folder, yyjson_val *want)
{
    struct infer__region region;
    struct segment_counts counts;
    struct segment_result *r = malloc(sizeof *r);
    infer_error err;
    const int n = (int)yyjson_get_num(yyjson_obj_get(want, "classes"));
    yyjson_val *confusion = yyjson_obj_get(want, "confusion_rows_gt");
    const char *name = yyjson_get_str(yyjson_obj_get(want, "name"));
    print_message("%s\n", name ? name : "?");
    infer__region_init(&region, NULL);
    assert_non_null(r);
    assert_int_equal(segment_begin(&counts, &region,
                                   (int)yyjson_get_num(yyjson_obj_get(want, "ignore_index")), &err),
                     INFER_OK);
    count_files(folder, yyjson_obj_get(want, "files"), &counts);
    assert_true(counts.classes <= n);
    segment_measure(&counts, n, NULL, r);
    for (size_t t = 0; t < (size_t)n; t++)
        for (size_t p = 0; p < (size_t)n; p++)
            near_value((double)counts.confusion[t][p],
                       yyjson_arr_get(yyjson_arr_get(confusion, t), p), "confusion");
    check_classes(r, (size_t)n, want);
    near_key(r->mean_iou, want, "mean_iou");
    near_key(r->mean_iou_present, want, "mean_iou_gt_present_only");
    near_key(r->frequency_weighted_iou, want, "frequency_weighted_iou");
    near_key(r->pixel_accuracy, want, "pixel_accuracy");
    near_key(r->mean_accuracy, want, "mean_class_accuracy");
    near_key(r->mean_dice, want, "mean_dice");
    near_key(r->dice_micro, want, "dice_micro");
    near_key(r->pixels, want, "pixels_counted");
    check_pictures(&counts, n, want);
    infer__region_free(&region);
    free(r);
}

static int check_folder(const char *folder)
{
    int n = 0;
    yyjson_arr_iter it;
    yyjson_doc *doc = load_vectors(folder, "expected.json");
    yyjson_arr_iter_init(yyjson_obj_get(yyjson_doc_get_root(doc), "cases"), &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL; n++)
        check_case(folder, v);
    yyjson_doc_free(doc);
    return n;
}

static void own_cases(void **state)
{
    (void)state;
    const int n = check_folder(OWN_VECTORS "segmentation");
    assert_true(n >= 3);
    say_compared("segmentation, own", n);
}

static void shared_cases(void **state)
{
    (void)state;
    const char *folder = shared_vectors("segmentation");
    if (!folder)
        return;
    const int n = check_folder(folder);
    assert_true(n > 0);
    say_compared("segmentation, shared", n);
}

/* Where the ignored value is predicted, the pixel is missed and no class has it. */
static void ignored_answers_are_missed(void **state)
{
    (void)state;
    struct infer__region region;
    struct segment_counts c;
    static struct segment_result r;
    infer_error err;
    const uint8_t truth[] = {0, 0, 0, 1, 255}, answer[] = {0, 255, 1, 1, 1};
    infer__region_init(&region, NULL);
    assert_int_equal(segment_begin(&c, &region, 255, &err), INFER_OK);
    assert_int_equal(segment_add(&c, truth, answer, 5, &err), INFER_OK);
    segment_measure(&c, 2, NULL, &r);
    near_at(r.classes[0].iou, 1.0 / 3, 1e-15, "iou");
    near_at(r.classes[1].iou, 1.0 / 2, 1e-15, "iou");
    near_at(r.pixel_accuracy, 2.0 / 4, 1e-15, "accuracy");
    assert_int_equal(c.confusion[0][SEGMENT_CLASSES], 1);
    infer__region_free(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_cases),
        cmocka_unit_test(shared_cases),
        cmocka_unit_test(ignored_answers_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
