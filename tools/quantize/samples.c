#include "tools/quantize/samples.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "tools/cli.h"

enum { MOST_PICTURES = 1000000, MOST_DEPTH = 8 };

/* Bytes of all samples together; fewer are read where they would be more. */
#define MOST_BYTES ((size_t)1 << 30)

/* ---- finding pictures ----------------------------------------------------------------------- */

struct list {
    char **paths;
    uint32_t count, capacity;
};

static int is_picture(const char *name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png", ".bmp", ".gif",
                                       ".tga", ".ppm",  ".pgm", ".pnm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (strcasecmp(dot, ends[i]) == 0)
            return 1;
    return 0;
}

static int add_path(struct list *l, char *path)
{
    if (l->count == l->capacity) {
        uint32_t capacity = l->capacity ? 2 * l->capacity : 64;
        char **more = realloc(l->paths, capacity * sizeof *more);
        if (!more)
            return 0;
        l->paths = more;
        l->capacity = capacity;
    }
    l->paths[l->count++] = path;
    return 1;
}

/* Adds the pictures of a folder; 0 where there is no memory or the folder can't be read. */
static int walk(struct list *l, const char *folder, int depth)
{
    int fine = 1;
    DIR *d = opendir(folder);
    if (!d)
        return 0;
    for (struct dirent *e; fine && (e = readdir(d)) != NULL && l->count < MOST_PICTURES;) {
        char *path;
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) {
            fine = 0;
            break;
        }
        int known = stat(path, &st) == 0;
        if (known && S_ISREG(st.st_mode) && is_picture(e->d_name)) {
            fine = add_path(l, path);
            path = fine ? NULL : path;
        } else if (known && S_ISDIR(st.st_mode) && depth < MOST_DEPTH) {
            fine = walk(l, path, depth + 1);
        }
        free(path);
    }
    closedir(d);
    return fine;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **samples_list(const char *folder, uint32_t *count)
{
    struct list l = {0};
    errno = 0;
    int fine = walk(&l, folder, 0);
    if (fine && l.count) {
        qsort(l.paths, l.count, sizeof *l.paths, by_name);
        *count = l.count;
        return l.paths;
    }
    fprintf(stderr, "infer: %s: %s\n", folder,
            fine ? "there is no picture in it" : strerror(errno ? errno : ENOMEM));
    for (uint32_t i = 0; i < l.count; i++)
        free(l.paths[i]);
    free(l.paths);
    *count = 0;
    return NULL;
}

/* ---- preprocessing -------------------------------------------------------------------------- */

/* The shape of the only input for a picture of the preprocessed size. */
static infer_status input_shape(const infer_model *model, const infer_preprocess *p, int32_t width,
                                int32_t height, struct samples *s, infer_error *err)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    FAIL_IF(infer_model_inputs(model) != 1, INFER_ERROR_SHAPE,
            "the model has %zu inputs; quantising with pictures needs one",
            infer_model_inputs(model));
    TRY(infer_model_input(model, 0, &info, err));
    FAIL_IF(info.rank != 4 || info.type != INFER_F32, INFER_ERROR_SHAPE,
            "input '%.60s' is not a picture: f32 of rank 4", info.name);
    int64_t channels = p->color == INFER_COLOR_GRAY ? 1 : 3;
    int nhwc = p->layout == INFER_LAYOUT_NHWC;
    const int64_t want[2][4] = {{1, channels, height, width}, {1, height, width, channels}};
    memset(&s->spec, 0, sizeof s->spec);
    s->spec.name = info.name;
    s->spec.rank = 4;
    for (int i = 0; i < 4; i++)
        s->spec.dims[i] = info.free_dims >> i & 1 ? want[nhwc][i] : info.dims[i];
    FAIL_IF(s->spec.dims[0] != 1, INFER_ERROR_SHAPE,
            "input '%.60s' takes batches of %lld; one picture at a time is needed", info.name,
            (long long)s->spec.dims[0]);
    s->tensor = (infer_tensor){.type = info.type, .rank = 4};
    memcpy(s->tensor.dims, s->spec.dims, sizeof s->tensor.dims);
    s->tensor.bytes = infer_tensor_elements(&s->tensor) * infer_type_size(info.type);
    return INFER_OK;
}

/* Pictures of text come out in sizes of their own: all are stretched to that of the first. */
static infer_status size_of(const infer_image *image, const struct samples *s, infer_preprocess *p,
                            int32_t *width, int32_t *height, infer_error *err)
{
    TRY(infer_preprocess_size(p, image->width, image->height, width, height, err));
    if (!s->spec.name || (p->fit != INFER_FIT_LINE && p->fit != INFER_FIT_PAGE))
        return INFER_OK;
    const int nhwc = p->layout == INFER_LAYOUT_NHWC;
    p->fit = INFER_FIT_STRETCH;
    p->height = *height = (int32_t)s->spec.dims[nhwc ? 1 : 2];
    p->width = *width = (int32_t)s->spec.dims[nhwc ? 2 : 3];
    return INFER_OK;
}

static infer_status read_picture(const infer_model *model, const infer_preprocess *p,
                                 const char *path, struct samples *s, infer_error *err)
{
    infer_image image = {0};
    infer_preprocess fitting = *p;
    int32_t width, height;
    struct sample *to = &s->items[s->count];
    infer_status status = infer_image_load(path, NULL, &image, err);
    if (status == INFER_OK)
        status = size_of(&image, s, &fitting, &width, &height, err);
    if (status == INFER_OK && !s->spec.name)
        status = input_shape(model, p, width, height, s, err);
    if (status == INFER_OK) {
        infer_tensor t = s->tensor;
        t.data = to->data = aligned_alloc(64, (t.bytes + 63) & ~(size_t)63);
        to->path = strdup(path);
        to->truth = -1;
        status = to->data && to->path
                     ? infer_preprocess_run(&fitting, &image, 0, &t, NULL, NULL, err)
                     : infer__no_memory(err, t.bytes);
        if (status == INFER_OK)
            s->count++;
        else {
            free(to->data);
            free(to->path);
        }
    }
    infer_image_free(&image);
    return status;
}

/* Pictures `first`, `first` + `step`, ... until `most` are read: spread over the whole folder. */
static int read_spread(const infer_model *model, const struct samples_options *o, char **paths,
                       uint32_t npaths, uint32_t most, uint8_t *taken, struct samples *s)
{
    infer_error err;
    uint32_t before = s->count, left = 0;
    for (uint32_t i = 0; i < npaths; i++)
        left += !taken[i];
    uint32_t want = most < left ? most : left;
    for (uint32_t i = 0, seen = 0, done = 0; i < npaths && done < want; i++) {
        if (taken[i] || (uint64_t)seen++ * want / left < done)
            continue;
        if (s->count && (s->count + 1) * s->tensor.bytes > MOST_BYTES)
            break;
        taken[i] = 1;
        done++;
        infer_status status = read_picture(model, o->preprocess, paths[i], s, &err);
        s->unread += status != INFER_OK;
        if (status != INFER_OK)
            cli_fail(paths[i], &err);
        if (status == INFER_ERROR_NO_MEMORY ||
            (status != INFER_OK && !s->spec.name && err.status == INFER_ERROR_SHAPE))
            return cli_exit_of(status);
        if (o->progress)
            o->progress(o->ctx, "reading pictures", (double)done / want);
    }
    return s->count > before || left == 0 ? CLI_OK : CLI_BAD_INPUT;
}

int samples_read(const infer_model *model, const struct samples_options *o, struct samples *s)
{
    uint32_t npaths;
    int status = CLI_RESOURCES;
    memset(s, 0, sizeof *s);
    char **paths = samples_list(o->folder, &npaths);
    if (!paths)
        return CLI_BAD_INPUT;
    uint8_t *taken = calloc(npaths, 1);
    s->found = npaths;
    s->items = calloc(npaths, sizeof *s->items);
    if (taken && s->items) {
        status = read_spread(model, o, paths, npaths, o->most, taken, s);
        s->ncalibration = s->evaluate = s->count;
        if (status == CLI_OK)
            status = read_spread(model, o, paths, npaths, 2 * o->most, taken, s);
        if (s->count - s->ncalibration < s->ncalibration)
            s->evaluate = 0; /* too few others: all of them decide */
        if (status == CLI_OK && o->labels)
            status = samples_truths(model, o->labels, s);
    } else {
        fprintf(stderr, "infer: %s: no memory for its pictures\n", o->folder);
    }
    for (uint32_t i = 0; i < npaths; i++)
        free(paths[i]);
    free(paths);
    free(taken);
    return status;
}

void samples_free(struct samples *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        free(s->items[i].path);
        free(s->items[i].data);
    }
    free(s->items);
    memset(s, 0, sizeof *s);
}
