/* COCO's results and YOLO's text files. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "third_party/yyjson/yyjson.h"
#include "tools/box_writer.h"
#include "tools/eval/mask_rle.h"
#include "tools/folder.h"
#include "tools/read_file.h"
#include "tools/write_file.h"

/* ---- ids ------------------------------------------------------------------------------------ */

struct coco_ids {
    char *text;
    yyjson_doc *doc;
    yyjson_val *images, *categories;
};

struct coco_ids *coco_ids_read(const char *path)
{
    size_t size;
    struct coco_ids *ids = calloc(1, sizeof *ids);
    if (!ids || !(ids->text = read_file(path, &size))) {
        free(ids);
        return NULL;
    }
    ids->doc = yyjson_read(ids->text, size, 0);
    ids->images = yyjson_obj_get(yyjson_doc_get_root(ids->doc), "images");
    ids->categories = yyjson_obj_get(yyjson_doc_get_root(ids->doc), "categories");
    if (yyjson_is_arr(ids->images) && yyjson_is_arr(ids->categories))
        return ids;
    fprintf(stderr, "infer: %s: it is no COCO data set: JSON with images and categories\n", path);
    coco_ids_free(ids);
    return NULL;
}

void coco_ids_free(struct coco_ids *ids)
{
    if (!ids)
        return;
    yyjson_doc_free(ids->doc);
    free(ids->text);
    free(ids);
}

int64_t coco_number(const char *name)
{
    const char *base = base_name(name), *end = base + strlen(base);
    int64_t number = 0;
    while (end > base && !isdigit((unsigned char)end[-1]))
        end--;
    const char *begin = end;
    while (begin > base && isdigit((unsigned char)begin[-1]) && end - begin < 18)
        begin--;
    for (; begin < end; begin++)
        number = number * 10 + (*begin - '0');
    return number;
}

/* The id of the item whose `key` is this name, letters of either size alike; 0: there is none. */
static int found_id(yyjson_val *list, const char *key, const char *name, int64_t *id)
{
    yyjson_val *item;
    size_t i, n;
    yyjson_arr_foreach(list, i, n, item)
    {
        const char *text = yyjson_get_str(yyjson_obj_get(item, key));
        if (text && strcasecmp(base_name(text), name) == 0) {
            *id = yyjson_get_sint(yyjson_obj_get(item, "id"));
            return 1;
        }
    }
    return 0;
}

static int picture_id(const struct box_writer *w, const struct frame *f, int64_t *id)
{
    *id = coco_number(f->name);
    if (!w->ids || found_id(w->ids->images, "file_name", base_name(f->name), id))
        return CLI_OK;
    fprintf(stderr, "infer: %s: the data set of --coco-data has no such picture\n", f->name);
    return CLI_BAD_INPUT;
}

/* The id of the category at a place in the order of ids. */
static int id_at(yyjson_val *list, int32_t place, int64_t *id)
{
    yyjson_val *item, *other;
    size_t i, n, k, m;
    yyjson_arr_foreach(list, i, n, item)
    {
        int32_t before = 0;
        *id = yyjson_get_sint(yyjson_obj_get(item, "id"));
        yyjson_arr_foreach(list, k, m, other)
        {
            before += yyjson_get_sint(yyjson_obj_get(other, "id")) < *id;
        }
        if (before == place)
            return 1;
    }
    return 0;
}

/* By name; where the model or the data set has other names, by place, if there are as many. */
static int category_id(struct box_writer *w, int32_t index, int64_t *id)
{
    char label[64];
    *id = index;
    detector_label(w->d, index, label, sizeof label);
    if (!w->ids || found_id(w->ids->categories, "name", label, id))
        return CLI_OK;
    if (yyjson_arr_size(w->ids->categories) == (size_t)w->d->decoding.classes &&
        id_at(w->ids->categories, index, id))
        return CLI_OK;
    if (!w->unknown++)
        fprintf(stderr, "infer: the data set of --coco-data has no category '%s'; see --labels\n",
                label);
    return CLI_BAD_INPUT;
}

/* ---- COCO ----------------------------------------------------------------------------------- */

/* The mask of a box as COCO has it: of the whole picture, in compressed runs. 0 without memory. */
static int write_mask(FILE *f, const struct frame *frame, const infer_box *b,
                      const infer_image *mask)
{
    const infer_allocator allocator = infer__allocator(NULL);
    const size_t width = (size_t)frame->width, height = (size_t)frame->height;
    const size_t x0 = b->x0 > 0 ? (size_t)b->x0 : 0, y0 = b->y0 > 0 ? (size_t)b->y0 : 0;
    struct infer__region region;
    struct mask_rle runs;
    infer_error err;
    char *text = NULL;
    uint8_t *all = calloc(width, height);
    infer__region_init(&region, &allocator);
    for (size_t y = 0; all && y < (size_t)mask->height && y0 + y < height; y++)
        for (size_t x = 0; x < (size_t)mask->width && x0 + x < width; x++)
            all[(y0 + y) * width + x0 + x] = mask->pixels[y * mask->pitch + x];
    if (all && mask_from_pixels(&region, all, width, (uint32_t)height, (uint32_t)width, 1, &runs,
                                &err) == INFER_OK)
        text = mask_to_text(&region, &runs);
    if (text) {
        fprintf(f, "\"segmentation\": {\"size\": [%zu, %zu], \"counts\": ", height, width);
        json_string(f, text);
        fputs("}, ", f);
    }
    free(all);
    infer__region_free(&region);
    return text != NULL;
}

static int no_memory(const char *name)
{
    fprintf(stderr, "infer: %s: no memory for a mask\n", name);
    return CLI_RESOURCES;
}

int coco_add(struct box_writer *w, const struct frame *frame, const struct detected *a)
{
    FILE *f = w->results;
    const size_t points = a->points ? w->d->npoints : 0;
    int64_t picture, category;
    int status = picture_id(w, frame, &picture);
    for (size_t i = 0; i < a->found && status == CLI_OK; i++) {
        const infer_box *b = &a->boxes[i];
        if ((status = category_id(w, b->index, &category)) != CLI_OK)
            return status;
        fprintf(
            f,
            "%s\n{\"image_id\": %lld, \"category_id\": %lld, \"bbox\": [%.9g, %.9g, %.9g, %.9g], ",
            w->answers++ ? "," : "[", (long long)picture, (long long)category, (double)b->x0,
            (double)b->y0, (double)b->x1 - (double)b->x0, (double)b->y1 - (double)b->y0);
        for (size_t k = 0; k < points; k++) {
            const infer_point *p = &a->points[i * points + k];
            fprintf(f, "%s%.9g, %.9g, %.9g", k ? ", " : "\"keypoints\": [", (double)p->x,
                    (double)p->y, (double)p->score);
        }
        if (points)
            fputs("], ", f);
        if (a->masks && a->masks[i].pixels && !write_mask(f, frame, b, &a->masks[i]))
            return no_memory(frame->name);
        fprintf(f, "\"score\": %.9g}", (double)b->score);
    }
    return status;
}

/* ---- YOLO ----------------------------------------------------------------------------------- */

/* A box that is turned is its four corners, in turn. */
static void write_turned(FILE *f, const struct frame *frame, const infer_box *b)
{
    static const double side[4][2] = {{-0.5, -0.5}, {0.5, -0.5}, {0.5, 0.5}, {-0.5, 0.5}};
    const double cosine = cos((double)b->angle), sine = sin((double)b->angle);
    const double w = (double)(b->x1 - b->x0), h = (double)(b->y1 - b->y0);
    for (int i = 0; i < 4; i++) {
        const double u = side[i][0] * w, v = side[i][1] * h;
        fprintf(f, " %.6f %.6f",
                ((double)(b->x0 + b->x1) / 2 + u * cosine - v * sine) / frame->width,
                ((double)(b->y0 + b->y1) / 2 + u * sine + v * cosine) / frame->height);
    }
}

static void write_lines(FILE *f, const struct box_writer *w, const struct frame *frame,
                        const struct detected *a)
{
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        const double width = frame->width, height = frame->height;
        fprintf(f, "%d", b->index);
        if (w->d->decoding.angle >= 0)
            write_turned(f, frame, b);
        else
            fprintf(f, " %.6f %.6f %.6f %.6f", (double)(b->x0 + b->x1) / 2 / width,
                    (double)(b->y0 + b->y1) / 2 / height, (double)(b->x1 - b->x0) / width,
                    (double)(b->y1 - b->y0) / height);
        for (size_t k = 0; a->points && k < w->d->npoints; k++) {
            const infer_point *p = &a->points[i * w->d->npoints + k];
            fprintf(f, " %.6f %.6f %d", (double)p->x / width, (double)p->y / height,
                    p->score > 0.5F ? 2 : 1);
        }
        fputc('\n', f);
    }
}

/* The name of the picture without its ending; all of a frame's. */
static char *text_path(const struct box_writer *w, const char *name)
{
    const char *base = base_name(name), *dot = strrchr(base, '.');
    const int whole = !dot || dot == base || strchr(base, '#');
    char *stem = strndup(base, whole ? strlen(base) : (size_t)(dot - base));
    char *path = stem ? path_in(w->yolo, stem, ".txt") : NULL;
    free(stem);
    return path;
}

int yolo_write(const struct box_writer *w, const struct frame *frame, const struct detected *a)
{
    char *text = NULL, *path = text_path(w, frame->name);
    size_t size;
    FILE *f = path ? open_memstream(&text, &size) : NULL;
    int status = CLI_RESOURCES;
    if (f)
        write_lines(f, w, frame, a);
    if (f && fclose(f) == 0)
        status = write_file(path, text, size);
    else
        fprintf(stderr, "infer: %s: no memory for its text file\n", frame->name);
    free(text);
    free(path);
    return status;
}
