/* A model's masks. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"
#include "tools/folder.h"
#include "tools/palette_png.h"
#include "tools/read_file.h"
#include "tools/write_file.h"

struct segmenting {
    struct eval_model *m;
    const struct eval_options *o;
    const struct mask_options *mo;
    struct segment_counts *counts;
    struct name_list files; /* the true masks */
    const char *folder;
};

/* By name where both have names: what has none in the data is wrong wherever it is predicted. */
static int match_classes(struct segmenting *g, const struct name_list *classes)
{
    int matched = 0, labelled = 0;
    for (int k = 0; k < SEGMENT_CLASSES; k++)
        g->m->values[k] = (uint8_t)k;
    for (int k = 0; k < g->m->decoding.classes; k++)
        labelled |= eval_model_label(g->m, k) != NULL;
    if (!classes->count || !labelled) {
        if (!g->m->quiet)
            fprintf(stderr, "infer: %s: its class 0 is the masks' value 0, and so on\n",
                    g->m->path);
        return CLI_OK;
    }
    for (int k = 0; k < g->m->decoding.classes && k < SEGMENT_CLASSES; k++) {
        const char *label = eval_model_label(g->m, k);
        const int64_t found = label ? names_by_text(classes, label) : NAME_NONE;
        g->m->values[k] = found < 0 ? INFER_MASK_UNSEEN : (uint8_t)found;
        matched += found >= 0;
    }
    if (!g->m->quiet)
        fprintf(stderr, "infer: %s: classes by name: %d of its %d are among the %u of %s\n",
                g->m->path, matched, g->m->decoding.classes, classes->count, g->o->classes);
    return matched ? CLI_OK : CLI_BAD_INPUT;
}

/* "folder/city/name.png", and the folders that it is in. */
static int save_mask(struct segmenting *g, const char *picture, infer_image *mask)
{
    struct infer__region *r = g->counts->region;
    char *folder = files_path(r, g->o->save, picture),
         *slash = folder ? strrchr(folder, '/') : NULL;
    size_t size = 0;
    if (!slash)
        return files_no_memory(g->o->save);
    const size_t n = strlen(folder);
    char *path = infer__region_calloc(r, n + 5, 1);
    if (!path)
        return files_no_memory(g->o->save);
    memcpy(path, folder, n);
    memcpy(path + n, ".png", 5);
    *slash = 0;
    int status = make_folder(folder);
    void *png = status == CLI_OK ? palette_png(mask, &size) : NULL;
    if (status == CLI_OK)
        status = png ? write_file(path, png, size) : files_no_memory(path);
    free(png);
    return status;
}

/* ---- answering ------------------------------------------------------------------------------ */

infer_status model_mask(struct eval_model *m, const char *path, infer_image *mask, infer_error *err)
{
    size_t size;
    char *bytes = read_file(path, &size);
    FAIL_IF(!bytes, INFER_ERROR_IO, "it can't be read");
    const infer_picture picture = {.data = bytes, .bytes = size};
    const infer_image_options fast = {.size = sizeof fast, .fast_decode = 1};
    const infer_segment_options o = {.size = sizeof o, .image = m->fast ? &fast : NULL};
    const infer_status status = infer_segment(m->segmenter, &picture, &o, mask, err);
    free(bytes);
    for (size_t i = 0; status == INFER_OK && i < (size_t)mask->width * (size_t)mask->height; i++)
        mask->pixels[i] = m->values[mask->pixels[i]];
    return status;
}

/* *status becomes what ends all the work; what is returned is the picture's failure. */
static infer_status judge(struct segmenting *g, const char *truth, const char *picture,
                          const char *name, int *status, infer_error *err)
{
    infer_image t = {0}, a = {0};
    infer__error_clear(err);
    infer_status failure = INFER_ERROR_IO;
    *status = read_mask(truth, g->mo, &t);
    if (*status == CLI_OK && (failure = model_mask(g->m, picture, &a, err)) == INFER_OK) {
        if (t.width != a.width || t.height != a.height)
            failure = infer__fail(err, INFER_ERROR_SHAPE, "%d x %d pixels; its mask has %d x %d",
                                  a.width, a.height, t.width, t.height);
        else if (segment_add(g->counts, t.pixels, a.pixels, (size_t)t.width * (size_t)t.height,
                             err) != INFER_OK)
            *status = cli_fail(picture, err);
        else if (g->o->save) {
            if (g->mo->cityscapes)
                mask_to_cityscapes(&a);
            *status = save_mask(g, name, &a);
        }
    }
    infer_image_free(&t);
    infer_image_free(&a);
    return failure;
}

/* Pictures that failed are taken out of the list, in the order of which the counts are. */
static int answer_all(struct segmenting *g, struct name_list *pictures)
{
    const uint32_t n = pictures->count;
    uint32_t good = 0;
    int status = CLI_OK;
    g->m->paths = infer__region_calloc(g->counts->region, n, sizeof *g->m->paths);
    if (!g->m->paths)
        return files_no_memory(g->o->data);
    g->m->start_ms = cli_now_ms();
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        const struct name p = pictures->items[i];
        const char *truth = files_path(g->counts->region, g->o->data, g->files.items[p.id].text);
        const char *path = truth ? picture_find(g->counts->region, g->folder, p.text, truth) : NULL;
        infer_error err;
        infer_status failure = INFER_ERROR_IO;
        if (path)
            failure = judge(g, truth, path, p.text, &status, &err);
        else
            eval_model_absent(g->m, g->o, p.text, g->folder);
        if (failure == INFER_OK) {
            g->m->paths[good] = path;
            pictures->items[good++] = p;
        } else if (path && status == CLI_OK)
            eval_model_miss(g->m, g->o, path, &err);
        eval_model_step(g->m, g->o, n);
    }
    pictures->count = good;
    return status == CLI_OK ? eval_model_end(g->m) : status;
}

int model_segment(struct eval_model *m, const struct eval_options *o, const struct mask_options *mo,
                  const struct name_list *classes, struct segment_counts *counts,
                  struct name_list *pictures)
{
    static const char *const usual[] = {"../JPEGImages", "../images", "images", ".", NULL};
    struct segmenting g = {.m = m, .o = o, .mo = mo, .counts = counts};
    g.files.region = counts->region;
    int status = masks_list(o->data, mo->cityscapes, &g.files, pictures);
    if (status == CLI_OK)
        status = match_classes(&g, classes);
    g.folder = o->images;
    if (status == CLI_OK && !o->images)
        status = pictures_folder(counts->region, o, usual, pictures->items[0].text, &g.folder);
    return status == CLI_OK ? answer_all(&g, pictures) : status;
}
