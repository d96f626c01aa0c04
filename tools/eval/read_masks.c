/* Folders of masks. */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/read_masks.h"
#include "tools/read_file.h"
#include "vision/decode.h"

/* Cityscapes' label ids of its 19 classes, from road to bicycle, in the order of their train ids.
 */
static const uint8_t cityscapes_ids[19] = {7,  8,  11, 12, 13, 17, 19, 20, 21, 22,
                                           23, 24, 25, 26, 27, 28, 31, 32, 33};

static void map_cityscapes(infer_image *mask)
{
    uint8_t map[256];
    memset(map, 255, sizeof map);
    for (uint8_t i = 0; i < sizeof cityscapes_ids; i++)
        map[cityscapes_ids[i]] = i;
    const size_t n = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < n; i++)
        mask->pixels[i] = map[mask->pixels[i]];
}

void mask_to_cityscapes(infer_image *mask)
{
    const size_t n = (size_t)mask->width * (size_t)mask->height;
    for (size_t i = 0; i < n; i++)
        mask->pixels[i] =
            mask->pixels[i] < sizeof cityscapes_ids ? cityscapes_ids[mask->pixels[i]] : 0;
}

int read_mask(const char *path, const struct mask_options *o, infer_image *mask)
{
    size_t size;
    infer_error err;
    char *bytes = read_file(path, &size);
    if (!bytes)
        return CLI_BAD_INPUT;
    infer__error_clear(&err);
    const infer_status status = infer__image_stored(bytes, size, mask, &err);
    free(bytes);
    if (status != INFER_OK)
        return cli_fail(path, &err);
    if (o->cityscapes)
        map_cityscapes(mask);
    return CLI_OK;
}

/* ---- which masks belong together ------------------------------------------------------------ */

/* The picture that a mask is of: its path without what stands behind the picture's name. */
static infer_status add_key(struct name_list *keys, int64_t id, const char *file, infer_error *err)
{
    static const char *const behind[] = {"_gtFine",   "_gtCoarse",      "_leftImg8bit",
                                         "_labelIds", "_labelTrainIds", "_pred"};
    const char *start;
    const size_t n = names_stem(file, &start), folders = (size_t)(start - file);
    char *key = infer__region_copy(keys->region, file, folders + n + 1);
    if (!key)
        return infer__no_memory(err, folders + n + 1);
    key[folders + n] = 0;
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        char *found = strstr(key + folders, behind[i]);
        if (found && found > key + folders)
            *found = 0;
    }
    return names_add(keys, id, key, err);
}

/* The answer for a picture: by its path, or by its name alone if no other picture has that. */
static int64_t find_answer(struct name_list *answers, struct name_list *pictures,
                           const char *picture)
{
    const int64_t found = names_by_file(answers, picture);
    const char *slash = strrchr(picture, '/');
    if (found != NAME_NONE || !slash || names_by_file(pictures, slash + 1) == NAME_TWICE)
        return found;
    return names_by_file(answers, slash + 1);
}

/* Of Cityscapes' several masks of a picture the one with classes. */
static int is_class_mask(const struct name_list *files, const char *file, int cityscapes)
{
    const char *const want = cityscapes ? "_labelIds." : "_labelTrainIds.";
    if (strstr(file, want))
        return 1;
    for (uint32_t i = 0; i < files->count; i++)
        if (strstr(files->items[i].text, want))
            return 0;
    return strstr(file, "_labelIds.") || !strstr(file, "_gt");
}

int masks_list(const char *folder, int cityscapes, struct name_list *files, struct name_list *keys)
{
    static const char *const endings[] = {".png", NULL};
    infer_error err;
    int status = files_list(folder, endings, files);
    for (uint32_t i = 0; status == CLI_OK && i < files->count; i++)
        if (is_class_mask(files, files->items[i].text, cityscapes) &&
            add_key(keys, i, files->items[i].text, &err) != INFER_OK)
            status = cli_fail(folder, &err);
    if (status == CLI_OK && !keys->count) {
        fprintf(stderr, "infer: %s: there is no PNG in it\n", folder);
        return CLI_BAD_INPUT;
    }
    return status;
}

/* ---- counting ------------------------------------------------------------------------------- */

static int count_pair(const char *truth, const char *answer, const struct mask_options *o,
                      struct segment_counts *counts)
{
    infer_image t = {0}, a = {0};
    infer_error err;
    int status = read_mask(truth, o, &t);
    if (status == CLI_OK)
        status = read_mask(answer, o, &a);
    if (status == CLI_OK && (t.width != a.width || t.height != a.height)) {
        fprintf(stderr, "infer: %s: %d x %d pixels; %s has %d x %d\n", answer, a.width, a.height,
                truth, t.width, t.height);
        status = CLI_BAD_INPUT;
    }
    if (status == CLI_OK && segment_add(counts, t.pixels, a.pixels,
                                        (size_t)t.width * (size_t)t.height, &err) != INFER_OK)
        status = cli_fail(truth, &err);
    infer_image_free(&t);
    infer_image_free(&a);
    return status;
}

int read_masks(const char *truths, const char *answers, const struct mask_options *o,
               struct segment_counts *counts, struct name_list *pictures)
{
    struct infer__region *r = counts->region;
    struct name_list files[2] = {{.region = r}, {.region = r}}, keys = {.region = r};
    int status = masks_list(truths, o->cityscapes, &files[0], pictures);
    if (status == CLI_OK)
        status = masks_list(answers, o->cityscapes, &files[1], &keys);
    for (uint32_t i = 0; status == CLI_OK && i < pictures->count; i++) {
        const char *name = pictures->items[i].text;
        const int64_t found = find_answer(&keys, pictures, name);
        if (found < 0) {
            fprintf(stderr, "infer: %s: %s of the picture %s\n", answers,
                    found == NAME_TWICE ? "there are several masks" : "there is no mask", name);
            return CLI_BAD_INPUT;
        }
        const char *truth = files_path(r, truths, files[0].items[pictures->items[i].id].text);
        const char *answer = files_path(r, answers, files[1].items[keys.items[found].id].text);
        status = truth && answer ? count_pair(truth, answer, o, counts) : files_no_memory(answers);
        if (o->progress)
            o->progress(o->ctx, "comparing masks", (double)(i + 1) / pictures->count);
    }
    return status;
}
