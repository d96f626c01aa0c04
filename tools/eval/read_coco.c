/* COCO: the truth of pictures, and results. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/json_file.h"
#include "tools/eval/read_detect.h"

struct reader {
    struct detect_set *set;
    struct read_skipped *skipped;
};

static const int64_t none = 0;

/* ---- segmentation --------------------------------------------------------------------------- */

/* A list of polygons, each a list of numbers. */
static infer_status read_polygons(struct infer__region *r, const struct json_item *item,
                                  yyjson_val *list, const uint32_t size[2], struct mask_rle *mask,
                                  infer_error *err)
{
    static const char key[] = "segmentation";
    yyjson_arr_iter it;
    int first = 1;
    if (!yyjson_arr_size(list))
        return json_fail(item, key, err, "a list of polygons or an object is needed");
    if (!size[0] || !size[1])
        return json_fail(item, key, err, "polygons need the width and height of their picture");
    yyjson_arr_iter_init(list, &it);
    for (yyjson_val *v; (v = yyjson_arr_iter_next(&it)) != NULL; first = 0) {
        double *xy;
        uint32_t n;
        struct mask_rle part, before = *mask;
        TRY(json_get_numbers(r, item, key, v, 0, &xy, &n, err));
        if (n % 2)
            return json_fail(item, key, err, "a polygon of %u numbers; they are pairs", n);
        TRY(json_in(item, key, mask_from_polygon(r, size[1], size[0], xy, n / 2, &part, err), err));
        if (first)
            *mask = part;
        else
            TRY(json_in(item, key, mask_union(r, &before, &part, mask, err), err));
    }
    return INFER_OK;
}

static infer_status read_run_list(struct infer__region *r, const struct json_item *item,
                                  yyjson_val *list, const uint32_t size[2], struct mask_rle *mask,
                                  infer_error *err)
{
    static const char key[] = "segmentation";
    double *numbers;
    uint32_t n;
    TRY(json_get_numbers(r, item, key, list, 0, &numbers, &n, err));
    uint32_t *runs = infer__region_take(r, infer__array_bytes(n, sizeof *runs));
    if (!runs)
        return infer__no_memory(err, infer__array_bytes(n, sizeof *runs));
    for (uint32_t i = 0; i < n; i++) {
        if (!(numbers[i] >= 0 && numbers[i] <= UINT32_MAX) || numbers[i] != floor(numbers[i]))
            return json_fail(item, key, err, "run %u is %g", i + 1, numbers[i]);
        runs[i] = (uint32_t)numbers[i];
    }
    return json_in(item, key, mask_from_runs(r, size[1], size[0], runs, n, mask, err), err);
}

/* {"size": [height, width], "counts": a text or a list} */
static infer_status read_runs(struct infer__region *r, const struct json_item *item,
                              yyjson_val *object, const uint32_t picture[2], struct mask_rle *mask,
                              infer_error *err)
{
    static const char key[] = "segmentation";
    yyjson_val *counts = yyjson_obj_get(object, "counts");
    double *sides;
    uint32_t n, size[2];
    TRY(json_get_numbers(r, item, "segmentation: size", yyjson_obj_get(object, "size"), 2, &sides,
                         &n, err));
    for (int i = 0; i < 2; i++) {
        if (!(sides[i] >= 1 && sides[i] <= MASK_MOST_SIDE) || sides[i] != floor(sides[i]))
            return json_fail(item, key, err, "a side of %g pixels", sides[i]);
        size[1 - i] = (uint32_t)sides[i];
        if (picture[1 - i] && picture[1 - i] != size[1 - i])
            return json_fail(item, key, err, "a mask of %g x %g pixels; its picture has %u x %u",
                             sides[1], sides[0], picture[0], picture[1]);
    }
    if (yyjson_is_arr(counts))
        return read_run_list(r, item, counts, size, mask, err);
    if (!yyjson_is_str(counts))
        return json_fail(item, key, err, "counts are neither a text nor a list");
    return json_in(item, key,
                   mask_from_text(r, size[1], size[0], yyjson_get_str(counts),
                                  yyjson_get_len(counts), mask, err),
                   err);
}

static infer_status read_mask(const struct reader *rd, const struct json_item *item,
                              uint32_t picture, struct mask_rle *mask, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, "segmentation");
    const uint32_t *size = rd->set->sizes[picture];
    return yyjson_is_obj(v) ? read_runs(rd->set->region, item, v, size, mask, err)
                            : read_polygons(rd->set->region, item, v, size, mask, err);
}

/* ---- boxes and keypoints -------------------------------------------------------------------- */

/* *has becomes whether there is a box: an empty list is none. */
static infer_status read_box(struct infer__region *r, const struct json_item *item, double box[4],
                             int *has, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, "bbox");
    double *numbers;
    uint32_t n;
    *has = v && !yyjson_is_null(v) && !(yyjson_is_arr(v) && yyjson_arr_size(v) == 0);
    if (!*has)
        return INFER_OK;
    TRY(json_get_numbers(r, item, "bbox", v, 4, &numbers, &n, err));
    memcpy(box, numbers, 4 * sizeof *box);
    return INFER_OK;
}

/* x, y, visibility of each point; all objects of a file have as many. */
static infer_status read_points(struct detect_set *set, const struct json_item *item,
                                double **points, infer_error *err)
{
    uint32_t n;
    TRY(json_get_numbers(set->region, item, "keypoints", yyjson_obj_get(item->object, "keypoints"),
                         3 * set->npoints, points, &n, err));
    if (n % 3)
        return json_fail(item, "keypoints", err, "%u numbers; each point has 3", n);
    set->npoints = n / 3;
    return INFER_OK;
}

static uint32_t count_visible(const double *points, uint32_t n)
{
    uint32_t visible = 0;
    for (uint32_t i = 0; i < n; i++)
        visible += points[3 * i + 2] > 0;
    return visible;
}

/* ---- the truth ------------------------------------------------------------------------------ */

static infer_status take_image(void *ctx, const struct json_item *item, infer_error *err)
{
    struct detect_set *set = ((struct reader *)ctx)->set;
    int64_t id;
    const char *file;
    TRY(json_get_integer(item, "id", NULL, &id, err));
    TRY(json_get_text(item, "file_name", "", &file, err));
    return names_add(&set->pictures, id, file, err);
}

/* Sizes, once the pictures are in order. */
static infer_status take_size(void *ctx, const struct json_item *item, infer_error *err)
{
    struct detect_set *set = ((struct reader *)ctx)->set;
    static const char *const keys[2] = {"width", "height"};
    int64_t id, side;
    TRY(json_get_integer(item, "id", NULL, &id, err));
    for (int i = 0; i < 2; i++) {
        TRY(json_get_integer(item, keys[i], &none, &side, err));
        if (side < 0 || side > MASK_MOST_SIDE)
            return json_fail(item, keys[i], err, "%lld; at most %d pixels are possible",
                             (long long)side, MASK_MOST_SIDE);
        set->sizes[names_by_id(&set->pictures, id)][i] = (uint32_t)side;
    }
    return INFER_OK;
}

static infer_status take_category(void *ctx, const struct json_item *item, infer_error *err)
{
    struct detect_set *set = ((struct reader *)ctx)->set;
    int64_t id;
    const char *name;
    TRY(json_get_integer(item, "id", NULL, &id, err));
    TRY(json_get_text(item, "name", "", &name, err));
    return names_add(&set->classes, id, name, err);
}

/* What the kind of the set needs of an annotation. */
static infer_status read_shape(const struct reader *rd, const struct json_item *item,
                               struct detect_object *o, infer_error *err)
{
    struct detect_set *set = rd->set;
    int has_box;
    TRY(read_box(set->region, item, o->box, &has_box, err));
    if (set->kind == DETECT_MASK) {
        TRY(read_mask(rd, item, o->picture, &o->mask, err));
        o->area = (double)mask_area(&o->mask);
        return INFER_OK;
    }
    if (!has_box)
        return json_fail(item, "bbox", err, "is missing");
    o->area = o->box[2] * o->box[3];
    return set->kind == DETECT_KEYPOINTS ? read_points(set, item, &o->points, err) : INFER_OK;
}

static infer_status take_annotation(void *ctx, const struct json_item *item, infer_error *err)
{
    struct reader *rd = ctx;
    struct detect_set *set = rd->set;
    struct detect_object o = {.score = 1};
    int64_t picture, class, crowd, visible, number = (int64_t)item->index + 1;
    TRY(json_get_integer(item, "image_id", NULL, &picture, err));
    TRY(json_get_integer(item, "category_id", NULL, &class, err));
    TRY(json_get_integer(item, "id", &number, &o.id, err));
    TRY(json_get_integer(item, "iscrowd", &none, &crowd, err));
    picture = names_by_id(&set->pictures, picture);
    class = names_by_id(&set->classes, class);
    if (picture < 0 || class < 0) {
        rd->skipped->truths++;
        return INFER_OK;
    }
    o.picture = (uint32_t)picture;
    o.class = (uint32_t) class;
    o.ignore = o.crowd = crowd != 0;
    TRY(read_shape(rd, item, &o, err));
    TRY(json_get_number(item, "area", &o.area, &o.area, err));
    if (set->kind == DETECT_KEYPOINTS) {
        const int64_t labelled = count_visible(o.points, set->npoints);
        TRY(json_get_integer(item, "num_keypoints", &labelled, &visible, err));
        o.ignore |= visible == 0;
    }
    return detect_add(set, &set->truths, &o, err);
}

static infer_status read_truth(yyjson_val *root, struct reader *rd, infer_error *err)
{
    struct detect_set *set = rd->set;
    yyjson_val *images = yyjson_obj_get(root, "images");
    FAIL_IF(!yyjson_is_obj(root) || !images || !yyjson_obj_get(root, "categories"),
            INFER_ERROR_FORMAT, "an object with images, categories and annotations is needed");
    TRY(json_each(images, "images", take_image, rd, err));
    TRY(json_each(yyjson_obj_get(root, "categories"), "categories", take_category, rd, err));
    TRY(names_sort(&set->pictures, "images", err));
    TRY(names_sort(&set->classes, "categories", err));
    set->sizes = infer__region_calloc(set->region, set->pictures.count, sizeof *set->sizes);
    if (!set->sizes)
        return infer__no_memory(err, infer__array_bytes(set->pictures.count, sizeof *set->sizes));
    TRY(json_each(images, "images", take_size, rd, err));
    return json_each(yyjson_obj_get(root, "annotations"), "annotations", take_annotation, rd, err);
}

/* Opens a file and reads its root. */
static int read_document(const char *path, struct reader *rd,
                         infer_status (*read)(yyjson_val *root, struct reader *rd,
                                              infer_error *err))
{
    yyjson_doc *doc;
    infer_error err;
    infer_status status = json_open(path, &doc, &err);
    if (status == INFER_OK)
        status = read(yyjson_doc_get_root(doc), rd, &err);
    yyjson_doc_free(doc);
    return status == INFER_OK ? CLI_OK : cli_fail(path, &err);
}

int read_coco(const char *path, struct detect_set *set, struct read_skipped *skipped)
{
    struct reader rd = {.set = set, .skipped = skipped};
    return read_document(path, &rd, read_truth);
}

/* ---- results -------------------------------------------------------------------------------- */

static infer_status find_picture(struct detect_set *set, const struct json_item *item,
                                 uint32_t *picture, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, "image_id");
    int64_t found, id;
    if (yyjson_is_str(v)) {
        found = names_by_file(&set->pictures, yyjson_get_str(v));
        if (found < 0)
            return json_fail(item, "image_id", err, "'%.80s' is the name of %s", yyjson_get_str(v),
                             found == NAME_TWICE ? "more than one picture" : "no picture");
    } else {
        TRY(json_get_integer(item, "image_id", NULL, &id, err));
        found = names_by_id(&set->pictures, id);
        if (found < 0)
            return json_fail(item, "image_id", err, "no picture has the id %lld", (long long)id);
    }
    *picture = (uint32_t)found;
    return INFER_OK;
}

/* An index, or NAME_NONE. */
static infer_status find_class(const struct detect_set *set, const struct json_item *item,
                               int64_t *class, infer_error *err)
{
    yyjson_val *v = yyjson_obj_get(item->object, "category_id");
    int64_t id;
    if (yyjson_is_str(v)) {
        *class = names_by_text(&set->classes, yyjson_get_str(v));
        return INFER_OK;
    }
    TRY(json_get_integer(item, "category_id", NULL, &id, err));
    *class = names_by_id(&set->classes, id);
    return INFER_OK;
}

/* A mask, and a box around it where there is none; a box alone is a mask of its pixels. */
static infer_status read_found_mask(const struct reader *rd, const struct json_item *item,
                                    struct detect_object *o, int has_box, infer_error *err)
{
    const double x0 = o->box[0], y0 = o->box[1], x1 = x0 + o->box[2], y1 = y0 + o->box[3];
    const double corners[8] = {x0, y0, x0, y1, x1, y1, x1, y0};
    const uint32_t *size = rd->set->sizes[o->picture];
    if (has_box && !yyjson_obj_get(item->object, "segmentation"))
        return json_in(
            item, "bbox",
            mask_from_polygon(rd->set->region, size[1], size[0], corners, 4, &o->mask, err), err);
    TRY(read_mask(rd, item, o->picture, &o->mask, err));
    if (!has_box)
        mask_box(&o->mask, o->box);
    return INFER_OK;
}

/* The area is that of the box where there is one, as in COCO's tools, even of a mask. */
static infer_status read_found(const struct reader *rd, const struct json_item *item,
                               struct detect_object *o, infer_error *err)
{
    struct detect_set *set = rd->set;
    int has_box, by_box = 1;
    TRY(read_box(set->region, item, o->box, &has_box, err));
    if (set->kind == DETECT_KEYPOINTS) {
        TRY(read_points(set, item, &o->points, err));
        if (!has_box)
            detect_box_around(o->points, set->npoints, 3, o->box);
    } else if (set->kind == DETECT_MASK || !has_box) {
        if (!has_box && !yyjson_obj_get(item->object, "segmentation"))
            return json_fail(item, set->kind == DETECT_MASK ? "segmentation" : "bbox", err,
                             "is missing");
        TRY(read_found_mask(rd, item, o, has_box, err));
        by_box = has_box;
    }
    o->area = by_box ? o->box[2] * o->box[3] : (double)mask_area(&o->mask);
    return INFER_OK;
}

static infer_status take_result(void *ctx, const struct json_item *item, infer_error *err)
{
    struct reader *rd = ctx;
    struct detect_object o = {.id = (int64_t)item->index + 1};
    int64_t class;
    TRY(find_picture(rd->set, item, &o.picture, err));
    TRY(find_class(rd->set, item, &class, err));
    TRY(json_get_number(item, "score", NULL, &o.score, err));
    TRY(read_found(rd, item, &o, err));
    if (class < 0) {
        rd->skipped->answers++;
        return INFER_OK;
    }
    o.class = (uint32_t) class;
    return detect_add(rd->set, &rd->set->answers, &o, err);
}

static infer_status read_found_list(yyjson_val *root, struct reader *rd, infer_error *err)
{
    FAIL_IF(!yyjson_is_arr(root), INFER_ERROR_FORMAT, "results are a list of objects, in [ ]");
    return json_each(root, "", take_result, rd, err);
}

int read_coco_results(const char *path, struct detect_set *set, struct read_skipped *skipped)
{
    struct reader rd = {.set = set, .skipped = skipped};
    return read_document(path, &rd, read_found_list);
}
