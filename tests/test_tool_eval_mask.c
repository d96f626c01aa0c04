/* Masks as run lengths: polygons, texts, areas, boxes and overlaps as the reference has them, and
 * against masks of single pixels. */
#include "tests/eval_vectors.h"

#include "tools/eval/detect.h"

static uint32_t numbers_of(yyjson_val *list, double *out, uint32_t room)
{
    yyjson_arr_iter it;
    uint32_t n = 0;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL && n < room;)
        out[n++] = yyjson_get_num(v);
    return n;
}

/* ---- polygons ------------------------------------------------------------------------------- */

static void polygons_to_mask(yyjson_val *list, uint32_t h, uint32_t w, struct mask_rle *mask)
{
    infer_error err;
    yyjson_arr_iter it;
    int first = 1;
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL; first = 0) {
        static double xy[4096];
        struct mask_rle part, before = *mask;
        const uint32_t n = numbers_of(v, xy, 4096);
        assert_int_equal(mask_from_polygon(&case_region, h, w, xy, n / 2, &part, &err), INFER_OK);
        if (first)
            *mask = part;
        else
            assert_int_equal(mask_union(&case_region, &before, &part, mask, &err), INFER_OK);
    }
}

static void check_polygon(yyjson_val *want)
{
    const uint32_t h = (uint32_t)yyjson_get_uint(yyjson_obj_get(want, "h"));
    const uint32_t w = (uint32_t)yyjson_get_uint(yyjson_obj_get(want, "w"));
    yyjson_val *counts = yyjson_obj_get(want, "counts");
    struct mask_rle mask = {0}, again;
    infer_error err;
    double box[4];
    polygons_to_mask(yyjson_obj_get(want, "polygons"), h, w, &mask);
    assert_int_equal(mask.nruns, yyjson_arr_size(counts));
    for (uint32_t i = 0; i < mask.nruns; i++)
        assert_int_equal(mask.runs[i], yyjson_get_uint(yyjson_arr_get(counts, i)));
    const char *text = yyjson_get_str(yyjson_obj_get(want, "rle"));
    assert_string_equal(mask_to_text(&case_region, &mask), text);
    assert_int_equal(mask_from_text(&case_region, h, w, text, strlen(text), &again, &err),
                     INFER_OK);
    assert_int_equal(again.nruns, mask.nruns);
    assert_memory_equal(again.runs, mask.runs, mask.nruns * sizeof *mask.runs);
    near_key((double)mask_area(&mask), want, "area");
    mask_box(&mask, box);
    near_list(box, 4, yyjson_obj_get(want, "bbox"), "bbox");
}

static void check_polygons(const char *folder)
{
    yyjson_doc *doc = load_vectors(folder, "polygons.json");
    yyjson_arr_iter it;
    yyjson_arr_iter_init(yyjson_doc_get_root(doc), &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL;)
        check_polygon(v);
    yyjson_doc_free(doc);
}

/* ---- overlaps ------------------------------------------------------------------------------- */

/* The reference's numbers of masks and boxes agree with ours to rounding: 1e-12. */
static void check_table(double (*overlap)(yyjson_val *a, yyjson_val *b, yyjson_val *root,
                                          int crowd),
                        yyjson_val *root, yyjson_val *items)
{
    static const char *const keys[] = {"iou", "iou_gt_crowd"};
    for (int crowd = 0; crowd < 2; crowd++)
        for (size_t i = 0; i < yyjson_arr_size(items); i++)
            for (size_t k = 0; k < yyjson_arr_size(items); k++) {
                yyjson_val *row = yyjson_arr_get(yyjson_obj_get(root, keys[crowd]), i);
                const double got =
                    overlap(yyjson_arr_get(items, i), yyjson_arr_get(items, k), root, crowd);
                near_at(got, yyjson_get_num(yyjson_arr_get(row, k)), 1e-12, keys[crowd]);
            }
}

static struct mask_rle mask_of(yyjson_val *text, yyjson_val *root)
{
    yyjson_val *size = yyjson_obj_get(root, "size");
    struct mask_rle mask = {0};
    infer_error err;
    assert_int_equal(mask_from_text(&case_region,
                                    (uint32_t)yyjson_get_uint(yyjson_arr_get(size, 0)),
                                    (uint32_t)yyjson_get_uint(yyjson_arr_get(size, 1)),
                                    yyjson_get_str(text), yyjson_get_len(text), &mask, &err),
                     INFER_OK);
    return mask;
}

static double masks_overlap(yyjson_val *a, yyjson_val *b, yyjson_val *root, int crowd)
{
    const struct mask_rle x = mask_of(a, root), y = mask_of(b, root);
    return mask_iou(&x, &y, crowd);
}

static double boxes_overlap(yyjson_val *a, yyjson_val *b, yyjson_val *root, int crowd)
{
    double x[4], y[4];
    (void)root;
    assert_int_equal(numbers_of(a, x, 4) + numbers_of(b, y, 4), 8);
    return detect_box_iou(x, y, crowd);
}

static void check_overlaps(const char *folder)
{
    yyjson_doc *masks = load_vectors(folder, "iou.json");
    yyjson_val *root = yyjson_doc_get_root(masks), *list = yyjson_obj_get(root, "masks");
    check_table(masks_overlap, root, list);
    for (size_t i = 0; i < yyjson_arr_size(list); i++) {
        const struct mask_rle mask = mask_of(yyjson_arr_get(list, i), root);
        near_value((double)mask_area(&mask), yyjson_arr_get(yyjson_obj_get(root, "areas"), i),
                   "areas");
    }
    yyjson_doc *boxes = load_vectors(folder, "bbox_iou.json");
    root = yyjson_doc_get_root(boxes);
    check_table(boxes_overlap, root, yyjson_obj_get(root, "boxes_xywh"));
    yyjson_doc_free(masks);
    yyjson_doc_free(boxes);
}

static void check_folder(const char *folder)
{
    check_polygons(folder);
    check_overlaps(folder);
}

static void own_vectors(void **state)
{
    (void)state;
    const int n = each_case(OWN_VECTORS "coco", "polygons.json", check_folder);
    assert_int_equal(n, 1);
    say_compared("masks, own", n);
}

static void shared_vectors_of_masks(void **state)
{
    (void)state;
    const char *root = shared_vectors("coco");
    if (!root)
        return;
    const int n = each_case(root, "polygons.json", check_folder);
    assert_true(n > 0);
    say_compared("masks, shared", n);
}

/* ---- against pixels ------------------------------------------------------------------------- */

enum { H = 9, W = 7 };

static uint32_t noise(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void random_mask(uint32_t *state, uint8_t pixels[H * W], struct mask_rle *mask)
{
    infer_error err;
    const uint32_t share = noise(state) % 5; /* 0: empty, 4: full */
    for (int i = 0; i < H * W; i++)
        pixels[i] = noise(state) % 4 < share;
    assert_int_equal(mask_from_pixels(&case_region, pixels, W, H, W, 1, mask, &err), INFER_OK);
}

static void pixels_agree(void **state)
{
    (void)state;
    uint32_t seed = 1;
    infer_error err;
    for (int round = 0; round < 2000; round++) {
        uint8_t a[H * W], b[H * W];
        struct mask_rle x, y, both;
        uint64_t area = 0, common = 0, joined = 0;
        double box[4];
        int left = W, right = -1, top = H, bottom = -1;
        random_mask(&seed, a, &x);
        random_mask(&seed, b, &y);
        assert_int_equal(mask_union(&case_region, &x, &y, &both, &err), INFER_OK);
        for (int i = 0; i < H * W; i++) {
            area += a[i];
            common += a[i] & b[i];
            joined += a[i] | b[i];
            if (a[i]) {
                left = i % W < left ? i % W : left;
                right = i % W > right ? i % W : right;
                top = i / W < top ? i / W : top;
                bottom = i / W;
            }
        }
        mask_box(&x, box);
        assert_int_equal(mask_area(&x), area);
        assert_int_equal(mask_common(&x, &y), common);
        assert_int_equal(mask_area(&both), joined);
        const double want[4] = {area ? left : 0, area ? top : 0, area ? right - left + 1 : 0,
                                area ? bottom - top + 1 : 0};
        assert_memory_equal(box, want, sizeof box);
        for (uint32_t i = 1; i < both.nruns; i++)
            assert_true(both.runs[i] > 0);
    }
}

/* ---- wrong input ---------------------------------------------------------------------------- */

static void wrong_masks_are_refused(void **state)
{
    (void)state;
    struct mask_rle mask;
    infer_error err;
    const uint32_t runs[] = {3, 3};
    const double far[] = {0, 0, 1e9, 0, 5, 5}, nan[] = {0, 0, NAN, 0, 5, 5};
    static const char *const texts[] = {"", "!", "o", "oooooooooooo", "3`0", "0O", "00000000"};
    assert_int_equal(mask_from_runs(&case_region, 2, 4, runs, 2, &mask, &err), INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_runs(&case_region, 0, 4, runs, 2, &mask, &err), INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_runs(&case_region, 70000, 1, runs, 2, &mask, &err),
                     INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_polygon(&case_region, 9, 9, far, 3, &mask, &err),
                     INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_polygon(&case_region, 9, 9, nan, 3, &mask, &err),
                     INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_polygon(&case_region, 9, 9, far, 2, &mask, &err),
                     INFER_ERROR_FORMAT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(
            mask_from_text(&case_region, 3, 3, texts[i], strlen(texts[i]), &mask, &err),
            INFER_ERROR_FORMAT);
    assert_int_equal(mask_from_text(&case_region, 3, 3, "36", 2, &mask, &err), INFER_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_vectors),
        cmocka_unit_test(shared_vectors_of_masks),
        cmocka_unit_test(pixels_agree),
        cmocka_unit_test(wrong_masks_are_refused),
    };
    return cmocka_run_group_tests(tests, region_begin, region_end);
}
