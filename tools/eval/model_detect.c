/* A model's boxes and keypoints. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"
#include "tools/write_file.h"

/* ---- whose class is whose ------------------------------------------------------------------- */

/* Whether the data's classes have names that say more than their ids. */
static int are_named(const struct name_list *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        char *end;
        const long long number = strtoll(l->items[i].text, &end, 10);
        if (*end || number != l->items[i].id)
            return 1;
    }
    return 0;
}

static int64_t by_label(const struct name_list *classes, const char *label)
{
    for (uint32_t i = 0; label && i < classes->count; i++)
        if (strcasecmp(classes->items[i].text, label) == 0)
            return i;
    return NAME_NONE;
}

static int match_names(const struct eval_model *m, const struct eval_options *o,
                       const struct name_list *classes, int64_t *map, int32_t n)
{
    uint32_t matched = 0;
    for (int32_t k = 0; k < n; k++) {
        map[k] = by_label(classes, eval_model_label(m, k));
        matched += map[k] >= 0;
    }
    if (!matched) {
        fprintf(stderr,
                "infer: %s: none of its classes' labels is the name of a class of %s; "
                "--labels gives others, --class-agnostic needs none\n",
                m->path, o->data);
        return CLI_BAD_INPUT;
    }
    if (!m->quiet)
        fprintf(stderr, "infer: %s: classes by name: %u of its %d are among the data's %u\n",
                m->path, matched, n, classes->count);
    return CLI_OK;
}

/* COCO's 91 outputs are its ids; else the data's classes are the model's in the order of their ids,
 * without the one that stands for nothing. */
static int match_positions(const struct eval_model *m, const struct eval_options *o,
                           const struct name_list *classes, int64_t *map, int32_t n)
{
    const int32_t background = m->decoding.background;
    const int by_id = n >= 90 && n <= 91 && classes->count < (uint32_t)n &&
                      classes->items[classes->count - 1].id <= 90;
    if (!by_id && (uint32_t)(n - (background >= 0)) != classes->count) {
        fprintf(stderr,
                "infer: %s: %d classes without names, %s has %u; --labels with --classes matches "
                "them by name, --class-agnostic needs no match\n",
                m->path, n - (background >= 0), o->data, classes->count);
        return CLI_BAD_INPUT;
    }
    int64_t next = 0;
    for (int32_t k = 0; k < n; k++)
        map[k] = by_id ? names_by_id(classes, k) : k == background ? NAME_NONE : next++;
    if (!m->quiet)
        fprintf(stderr, "infer: %s: classes by %s\n", m->path,
                by_id ? "their numbers, which are the data's ids"
                      : "position: the data's are in the order of their ids");
    return CLI_OK;
}

/* map[k]: the data's class that is the model's class k, or NAME_NONE. */
static int match_classes(const struct eval_model *m, const struct eval_options *o,
                         const struct name_list *classes, int64_t *map, int32_t n)
{
    int labelled = 0;
    if (!classes->count) {
        fprintf(stderr, "infer: %s: it has no classes\n", o->data);
        return CLI_BAD_INPUT;
    }
    memset(map, 0, (size_t)n * sizeof *map);
    if (o->class_agnostic)
        return CLI_OK;
    for (int32_t k = 0; k < n; k++)
        labelled |= eval_model_label(m, k) != NULL;
    return labelled && are_named(classes) ? match_names(m, o, classes, map, n)
                                          : match_positions(m, o, classes, map, n);
}

/* ---- answering ------------------------------------------------------------------------------ */

struct answering {
    struct eval_model *m;
    const struct eval_options *o;
    struct detect_set *set;
    struct read_skipped *skipped;
    const char *folder;
    int64_t *map;
    int32_t nclasses;
};

static infer_status copy_points(struct detect_set *set, const infer_point *from, double **to,
                                infer_error *err)
{
    *to = infer__region_take(set->region, infer__array_bytes(3 * set->npoints, sizeof **to));
    if (!*to)
        return infer__no_memory(err, infer__array_bytes(3 * set->npoints, sizeof **to));
    for (uint32_t i = 0; i < set->npoints; i++) {
        (*to)[3 * i] = (double)from[i].x;
        (*to)[3 * i + 1] = (double)from[i].y;
        (*to)[3 * i + 2] = (double)from[i].score;
    }
    return INFER_OK;
}

static infer_status add_box(struct answering *a, const struct detected *found, size_t i,
                            uint32_t picture, infer_error *err)
{
    const infer_box *b = &found->boxes[i];
    struct detect_set *set = a->set;
    const double x = (double)b->x0, y = (double)b->y0;
    struct detect_object object = {.picture = picture, .score = (double)b->score};
    const int64_t class = b->index >= 0 && b->index < a->nclasses ? a->map[b->index] : NAME_NONE;
    if (class < 0) {
        a->skipped->answers++;
        return INFER_OK;
    }
    object.id = (int64_t)set->answers.count + 1;
    object.class = (uint32_t) class;
    object.box[0] = x;
    object.box[1] = y;
    object.box[2] = (double)b->x1 - x;
    object.box[3] = (double)b->y1 - y;
    object.area = object.box[2] * object.box[3];
    if (set->kind == DETECT_KEYPOINTS)
        TRY(copy_points(set, found->points + i * set->npoints, &object.points, err));
    return detect_add(set, &set->answers, &object, err);
}

static infer_status check_boxes(const struct detected *found, infer_error *err)
{
    for (size_t i = 0; i < found->found; i++) {
        const infer_box *b = &found->boxes[i];
        FAIL_IF(!isfinite(b->x0) || !isfinite(b->y0) || !isfinite(b->x1) || !isfinite(b->y1),
                INFER_ERROR_FORMAT, "a box from %g, %g to %g, %g", (double)b->x0, (double)b->y0,
                (double)b->x1, (double)b->y1);
    }
    return INFER_OK;
}

/* Without memory the whole work fails; else the picture alone. */
static int answer_picture(struct answering *a, uint32_t picture)
{
    const char *name = a->set->pictures.items[picture].text;
    const char *path = picture_find(a->set->region, a->folder, name, NULL);
    struct detected found = {0};
    infer_error err;
    int status = CLI_OK;
    if (!path)
        eval_model_absent(a->m, a->o, name, a->folder);
    else if (detector_run_file(&a->m->detector, path, &found, &err) != INFER_OK ||
             check_boxes(&found, &err) != INFER_OK)
        eval_model_miss(a->m, a->o, path, &err);
    else
        a->m->paths[picture] = path;
    for (size_t i = 0; status == CLI_OK && a->m->paths[picture] && i < found.found; i++)
        if (add_box(a, &found, i, picture, &err) != INFER_OK)
            status = cli_fail(path, &err);
    detected_free(&found);
    return status;
}

/* Truths of pictures that failed are not judged. */
static void drop_failed(struct answering *a)
{
    struct detect_list *l = &a->set->truths;
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (a->m->paths[l->items[i].picture])
            l->items[n++] = l->items[i];
    l->count = n;
}

static int answer_all(struct answering *a)
{
    const uint32_t n = a->set->pictures.count;
    int status = CLI_OK;
    a->m->start_ms = cli_now_ms();
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        status = answer_picture(a, i);
        eval_model_step(a->m, a->o, n);
    }
    drop_failed(a);
    return status == CLI_OK ? eval_model_end(a->m) : status;
}

/* ---- saving --------------------------------------------------------------------------------- */

static void write_object(const struct detect_set *set, const struct detect_object *b, FILE *f)
{
    /* 17 digits: what is read again is the same number */
    fprintf(f, "{\"image_id\": %lld, \"category_id\": %lld, \"bbox\": [%.17g, %.17g, %.17g, %.17g]",
            (long long)set->pictures.items[b->picture].id,
            (long long)set->classes.items[b->class].id, b->box[0], b->box[1], b->box[2], b->box[3]);
    for (uint32_t k = 0; b->points && k < 3 * set->npoints; k++)
        fprintf(f, "%s%.17g", k ? ", " : ", \"keypoints\": [", b->points[k]);
    fprintf(f, "%s, \"score\": %.17g}", b->points ? "]" : "", b->score);
}

static int save(const struct detect_set *set, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return files_no_memory(path);
    fputc('[', f);
    for (uint32_t i = 0; i < set->answers.count; i++) {
        fputs(i ? ",\n" : "\n", f);
        write_object(set, &set->answers.items[i], f);
    }
    fputs("\n]\n", f);
    const int status = fclose(f) == 0 ? write_file(path, text, size) : files_no_memory(path);
    free(text);
    return status;
}

/* ---- entry ---------------------------------------------------------------------------------- */

static int check_kind(const struct eval_model *m, const struct eval_options *o,
                      struct detect_set *set)
{
    const int32_t points = m->decoding.points < 0 ? 0 : m->decoding.points_count;
    if (o->kind == DETECT_MASK)
        return cli_usage("--iou-type segm: %s finds boxes, not masks", m->path);
    if (o->kind == DETECT_BOX)
        return CLI_OK;
    if (!points)
        return cli_usage("--iou-type keypoints: %s finds no points", m->path);
    if (set->truths.count && set->npoints != (uint32_t)points) {
        fprintf(stderr, "infer: %s: %d points of an object; %s has %u\n", m->path, points, o->data,
                set->npoints);
        return CLI_BAD_INPUT;
    }
    set->npoints = (uint32_t)points;
    return CLI_OK;
}

/* Beside COCO's annotations/instances_val2017.json there is val2017: "../val2017". */
static const char *folder_of_split(struct infer__region *r, const char *data)
{
    const char *split = strrchr(data, '_');
    char *folder = infer__region_calloc(r, strlen(data) + 4, 1);
    if (!folder)
        return NULL;
    snprintf(folder, strlen(data) + 4, "../%s", split ? split + 1 : "images");
    char *dot = strrchr(folder + 3, '.');
    if (dot)
        *dot = 0;
    return folder;
}

int model_detect(struct eval_model *m, const struct eval_options *o, struct detect_set *set,
                 struct read_skipped *skipped)
{
    const char *split = folder_of_split(set->region, o->data);
    const char *const usual[] = {"images", ".", "../images", split, "../JPEGImages", NULL};
    struct answering a = {.m = m, .o = o, .set = set, .skipped = skipped};
    int status = check_kind(m, o, set);
    if (status != CLI_OK)
        return status;
    if (!set->pictures.count) {
        fprintf(stderr, "infer: %s: it has no pictures\n", o->data);
        return CLI_BAD_INPUT;
    }
    a.nclasses = m->decoding.classes > 0 ? m->decoding.classes : 1;
    a.map = infer__region_calloc(set->region, (size_t)a.nclasses, sizeof *a.map);
    m->paths = infer__region_calloc(set->region, set->pictures.count, sizeof *m->paths);
    if (!split || !a.map || !m->paths)
        return files_no_memory(o->data);
    status = match_classes(m, o, &set->classes, a.map, a.nclasses);
    if (status == CLI_OK)
        status = pictures_folder(set->region, o, usual, set->pictures.items[0].text, &a.folder);
    if (status == CLI_OK)
        status = answer_all(&a);
    return status == CLI_OK && o->save ? save(set, o->save) : status;
}
