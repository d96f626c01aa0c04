/* YOLO's labels: a text file for each picture, a line for each object: class and box (middle and
 * size), or class and the corners of a polygon, in shares of the picture's width and height. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/status.h"
#include "infer_vision.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/read_detect.h"
#include "tools/read_file.h"

enum { MOST_NUMBERS = 8192 };

struct yolo_file {
    struct detect_set *set;
    const char *path;
    uint32_t picture;
    int64_t most_class; /* the greatest that was met */
    int fixed_classes;
    double *numbers; /* of a line; MOST_NUMBERS */
};

/* The numbers of a line; their count, 0 where something else stands in it. */
static uint32_t parse_line(const char *line, double *numbers)
{
    uint32_t n = 0;
    for (const char *at = line;;) {
        char *end;
        while (*at == ' ' || *at == '\t')
            at++;
        if (!*at)
            return n;
        const double v = strtod(at, &end);
        if (end == at || !isfinite(v) || n == MOST_NUMBERS)
            return 0;
        numbers[n++] = v;
        at = end;
    }
}

/* From shares to pixels: `xy` has n numbers, of x and y in turn. */
static void to_pixels(const uint32_t size[2], double *xy, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        xy[i] *= size[i % 2];
}

static infer_status read_shape(struct yolo_file *f, double *xy, uint32_t n, struct detect_object *o,
                               infer_error *err)
{
    struct detect_set *set = f->set;
    const uint32_t *size = set->sizes[f->picture];
    const int is_box = n == 4;
    FAIL_IF(!is_box && (n < 6 || n % 2), INFER_ERROR_FORMAT,
            "%u numbers behind the class; 4 make a box, 6 or more, in pairs, a polygon", n);
    to_pixels(size, xy, n);
    if (is_box) {
        const double box[4] = {xy[0] - xy[2] / 2, xy[1] - xy[3] / 2, xy[2], xy[3]};
        memcpy(o->box, box, sizeof box);
    } else {
        detect_box_around(xy, n / 2, 2, o->box);
    }
    o->area = o->box[2] * o->box[3];
    if (set->kind != DETECT_MASK)
        return INFER_OK;
    FAIL_IF(is_box, INFER_ERROR_FORMAT, "a box; masks need polygons");
    TRY(mask_from_polygon(set->region, size[1], size[0], xy, n / 2, &o->mask, err));
    o->area = (double)mask_area(&o->mask);
    return INFER_OK;
}

static infer_status take_line(struct yolo_file *f, const char *line, infer_error *err)
{
    struct detect_set *set = f->set;
    struct detect_object o = {.picture = f->picture, .score = 1};
    const uint32_t n = parse_line(line, f->numbers);
    const double class = f->numbers[0];
    FAIL_IF(n < 1, INFER_ERROR_FORMAT, "no line of numbers");
    FAIL_IF(!(class >= 0 && class < 100000) || class != floor(class), INFER_ERROR_FORMAT,
            "%g is no class", class);
    FAIL_IF(f->fixed_classes && class >= set->classes.count, INFER_ERROR_FORMAT,
            "class %g of %u classes, which count from 0", class, set->classes.count);
    o.id = (int64_t)set->truths.count + 1;
    o.class = (uint32_t) class;
    f->most_class = o.class > f->most_class ? o.class : f->most_class;
    TRY(read_shape(f, f->numbers + 1, n - 1, &o, err));
    return detect_add(set, &set->truths, &o, err);
}

static int read_labels(struct yolo_file *f)
{
    unsigned n;
    infer_error err;
    char **lines = read_lines(f->path, &n);
    int status = lines ? CLI_OK : CLI_BAD_INPUT;
    for (unsigned i = 0; status == CLI_OK && i < n; i++)
        if (lines[i][0] && take_line(f, lines[i], &err) != INFER_OK) {
            fprintf(stderr, "infer: %s: line %u: %s\n", f->path, i + 1, err.message);
            status = cli_exit_of(err.status);
        }
    free(lines);
    return status;
}

static int read_size(struct yolo_file *f, const char *path)
{
    infer_image image = {0};
    infer_error err;
    if (infer_image_load(path, NULL, &image, &err) != INFER_OK)
        return cli_fail(path, &err);
    f->set->sizes[f->picture][0] = (uint32_t)image.width;
    f->set->sizes[f->picture][1] = (uint32_t)image.height;
    infer_image_free(&image);
    return CLI_OK;
}

/* The file of labels that goes with a picture of a folder: the same path with .txt behind. */
static char *labels_of(struct infer__region *r, const char *folder, const char *picture)
{
    const char *stem;
    const size_t n = names_stem(picture, &stem), before = (size_t)(stem - picture);
    char *name = infer__region_calloc(r, before + n + 5, 1);
    if (!name)
        return NULL;
    memcpy(name, picture, before + n);
    memcpy(name + before + n, ".txt", 5);
    return files_path(r, folder, name);
}

/* A picture without a file of labels shows nothing. */
static int read_pictures(struct yolo_file *f, const char *images, const char *labels)
{
    int status = CLI_OK;
    struct infer__region *r = f->set->region;
    struct stat st;
    uint32_t with_labels = 0;
    for (f->picture = 0; status == CLI_OK && f->picture < f->set->pictures.count; f->picture++) {
        const char *name = f->set->pictures.items[f->picture].text;
        const char *picture = files_path(r, images, name);
        f->path = labels_of(r, labels, name);
        if (!picture || !f->path)
            return files_no_memory(images);
        status = read_size(f, picture);
        if (status != CLI_OK || stat(f->path, &st) != 0)
            continue;
        status = read_labels(f);
        with_labels++;
    }
    if (status == CLI_OK && !with_labels) {
        fprintf(stderr, "infer: %s: there is no .txt file for any picture of %s\n", labels, images);
        return CLI_BAD_INPUT;
    }
    return status;
}

/* The folder inside `folder` where there is one, else itself. */
static const char *inside(struct infer__region *r, const char *folder, const char *name)
{
    struct stat st;
    const char *path = files_path(r, folder, name);
    return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : folder;
}

static int name_classes(struct yolo_file *f)
{
    infer_error err;
    char text[24];
    for (int64_t k = 0; k <= f->most_class; k++) {
        snprintf(text, sizeof text, "%lld", (long long)k);
        if (names_add(&f->set->classes, k, text, &err) != INFER_OK)
            return cli_fail("classes", &err);
    }
    return CLI_OK;
}

int read_yolo(const char *folder, const char *classes, struct detect_set *set)
{
    struct infer__region *r = set->region;
    struct yolo_file f = {.set = set, .most_class = -1, .fixed_classes = classes != NULL};
    const char *images = inside(r, folder, "images"), *labels = inside(r, folder, "labels");
    infer_error err;
    if (set->kind == DETECT_KEYPOINTS)
        return cli_usage("%s: of YOLO's labels boxes and polygons are read, no keypoints", folder);
    int status = files_list(images, files_pictures, &set->pictures);
    if (status == CLI_OK && classes)
        status = files_read_names(classes, 0, &set->classes);
    if (status == CLI_OK && !set->pictures.count) {
        fprintf(stderr, "infer: %s: there is no picture in it\n", images);
        return CLI_BAD_INPUT;
    }
    if (status != CLI_OK)
        return status;
    if (names_number(&set->pictures, &err) != INFER_OK)
        return cli_fail(folder, &err);
    set->sizes = infer__region_calloc(r, set->pictures.count, sizeof *set->sizes);
    f.numbers = infer__region_calloc(r, MOST_NUMBERS, sizeof *f.numbers);
    if (!set->sizes || !f.numbers)
        return files_no_memory(folder);
    status = read_pictures(&f, images, labels);
    return status == CLI_OK && !classes ? name_classes(&f) : status;
}
