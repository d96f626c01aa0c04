/* Pascal VOC's annotations: one XML file for each picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/read_detect.h"
#include "tools/eval/xml.h"
#include "tools/read_file.h"

/* What an <object> has said so far. */
struct voc_object {
    char name[XML_TEXT];
    double corners[4]; /* xmin, ymin, xmax, ymax; NaN: not there */
    int difficult;
};

struct voc_file {
    struct detect_set *set;
    const char *path;
    uint32_t picture;
    int fixed_classes; /* a name that is not among them is a mistake */
    struct voc_object object;
};

static void begin_object(struct voc_object *o)
{
    *o = (struct voc_object){.corners = {NAN, NAN, NAN, NAN}};
}

/* The class of a name, which is added where classes are not fixed; -1 where they are. */
static infer_status class_of(struct voc_file *f, const char *name, uint32_t *class,
                             infer_error *err)
{
    struct name_list *l = &f->set->classes;
    const int64_t known = names_by_text(l, name);
    FAIL_IF(known < 0 && f->fixed_classes, INFER_ERROR_FORMAT, "'%.80s' is no class of --classes",
            name);
    *class = known < 0 ? l->count : (uint32_t)known;
    return known < 0 ? names_add(l, l->count, name, err) : INFER_OK;
}

/* Corners are whole pixels from 1 on, both inside the box. */
static infer_status end_object(struct voc_file *f, infer_error *err)
{
    static const char *const names[4] = {"xmin", "ymin", "xmax", "ymax"};
    const double *c = f->object.corners;
    struct detect_object o = {.picture = f->picture, .score = 1};
    FAIL_IF(!f->object.name[0], INFER_ERROR_FORMAT, "an object without a name");
    for (int i = 0; i < 4; i++)
        FAIL_IF(!isfinite(c[i]), INFER_ERROR_FORMAT, "an object without a number as its %s",
                names[i]);
    FAIL_IF(c[2] < c[0] || c[3] < c[1], INFER_ERROR_FORMAT, "a box from %g, %g to %g, %g", c[0],
            c[1], c[2], c[3]);
    TRY(class_of(f, f->object.name, &o.class, err));
    o.id = (int64_t)f->set->truths.count + 1;
    o.box[0] = c[0] - 1;
    o.box[1] = c[1] - 1;
    o.box[2] = c[2] - c[0] + 1;
    o.box[3] = c[3] - c[1] + 1;
    o.area = o.box[2] * o.box[3];
    o.ignore = f->object.difficult != 0;
    return detect_add(f->set, &f->set->truths, &o, err);
}

static double number_of(const char *text)
{
    char *end;
    const double v = strtod(text, &end);
    return end != text && !*end ? v : NAN;
}

/* An element has ended: `inside` is its path without "annotation/". */
static infer_status take_element(struct voc_file *f, const char *inside, const char *text,
                                 infer_error *err)
{
    static const char *const corners[4] = {"object/bndbox/xmin", "object/bndbox/ymin",
                                           "object/bndbox/xmax", "object/bndbox/ymax"};
    static const char *const sides[2] = {"size/width", "size/height"};
    for (int i = 0; i < 4; i++)
        if (strcmp(inside, corners[i]) == 0)
            f->object.corners[i] = number_of(text);
    for (int i = 0; i < 2; i++)
        if (strcmp(inside, sides[i]) == 0 && number_of(text) <= MASK_MOST_SIDE)
            f->set->sizes[f->picture][i] = (uint32_t)fmax(0, number_of(text));
    if (strcmp(inside, "object/name") == 0)
        memcpy(f->object.name, text, strlen(text) + 1);
    else if (strcmp(inside, "object/difficult") == 0)
        f->object.difficult = strcmp(text, "1") == 0;
    else if (strcmp(inside, "object") == 0)
        return end_object(f, err);
    return INFER_OK;
}

static infer_status read_elements(struct voc_file *f, struct xml *x, infer_error *err)
{
    static const char root[] = "annotation/";
    for (;;) {
        const enum xml_event event = xml_next(x);
        FAIL_IF(event == XML_WRONG, INFER_ERROR_FORMAT, "%s", x->mistake);
        if (event == XML_END)
            return INFER_OK;
        if (event == XML_OPEN && strcmp(x->path, "annotation/object") == 0)
            begin_object(&f->object);
        if (event == XML_CLOSE && strncmp(x->path, root, strlen(root)) == 0)
            TRY(take_element(f, x->path + strlen(root), x->text, err));
    }
}

static int read_picture(struct voc_file *f)
{
    size_t size;
    infer_error err;
    struct xml x;
    char *bytes = read_file(f->path, &size);
    if (!bytes)
        return CLI_BAD_INPUT;
    xml_begin(&x, bytes, size);
    int status = CLI_OK;
    if (read_elements(f, &x, &err) != INFER_OK) {
        fprintf(stderr, "infer: %s: line %u: %s\n", f->path, xml_line(&x, bytes), err.message);
        status = cli_exit_of(err.status);
    }
    free(bytes);
    return status;
}

/* Classes that were met get their order, and ids from 1 on. */
static int order_classes(const char *folder, struct detect_set *set)
{
    struct name_list *l = &set->classes;
    uint32_t *now = infer__region_calloc(set->region, l->count, sizeof *now);
    if (!now)
        return files_no_memory(folder);
    names_sort_texts(l);
    for (uint32_t i = 0; i < l->count; i++) {
        now[l->items[i].id] = i;
        l->items[i].id = i + 1;
    }
    for (uint32_t i = 0; i < set->truths.count; i++)
        set->truths.items[i].class = now[set->truths.items[i].class];
    return CLI_OK;
}

int read_voc(const char *folder, const char *classes, struct detect_set *set)
{
    static const char *const endings[] = {".xml", NULL};
    struct voc_file f = {.set = set, .fixed_classes = classes != NULL};
    infer_error err;
    if (set->kind != DETECT_BOX)
        return cli_usage("%s: Pascal VOC's XML files have boxes alone", folder);
    int status = files_list(folder, endings, &set->pictures);
    if (status == CLI_OK && classes)
        status = files_read_names(classes, 1, &set->classes);
    if (status != CLI_OK)
        return status;
    if (names_number(&set->pictures, &err) != INFER_OK)
        return cli_fail(folder, &err);
    set->sizes = infer__region_calloc(set->region, set->pictures.count, sizeof *set->sizes);
    if (!set->sizes)
        return files_no_memory(folder);
    for (f.picture = 0; status == CLI_OK && f.picture < set->pictures.count; f.picture++) {
        f.path = files_path(set->region, folder, set->pictures.items[f.picture].text);
        status = f.path ? read_picture(&f) : files_no_memory(folder);
    }
    return status == CLI_OK && !classes ? order_classes(folder, set) : status;
}
