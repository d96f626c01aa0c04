/* Where the pictures of a truth are. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

/* What a mask's name may have lost of its picture's: Cityscapes' pictures end with it. */
static const char *const behind[] = {"", "_leftImg8bit"};

static int is_file(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int is_picture_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (const char *const *e = files_pictures; dot && *e; e++)
        if (strcasecmp(dot, *e) == 0)
            return 1;
    return 0;
}

/* A stem with an ending, which may be in capitals. */
static const char *with_ending(struct infer__region *r, const char *stem, size_t n,
                               const char *middle, const char *ending, int capitals)
{
    const size_t m = strlen(middle), e = strlen(ending);
    char *path = infer__region_calloc(r, n + m + e + 1, 1);
    if (!path)
        return NULL;
    memcpy(path, stem, n);
    memcpy(path + n, middle, m);
    for (size_t i = 0; i < e; i++) {
        const int small = ending[i] >= 'a' && ending[i] <= 'z';
        path[n + m + i] = (char)(capitals && small ? ending[i] - 'a' + 'A' : ending[i]);
    }
    return path;
}

const char *picture_find(struct infer__region *r, const char *folder, const char *name,
                         const char *other)
{
    const char *start, *path = name[0] == '/' ? name : files_path(r, folder, name);
    if (!path)
        return NULL;
    if (is_picture_name(path) && is_file(path) && !(other && strcmp(path, other) == 0))
        return path;
    const size_t n = names_stem(path, &start) + (size_t)(start - path);
    for (size_t b = 0; b < sizeof behind / sizeof *behind; b++)
        for (size_t i = 0; files_pictures[i / 2]; i++) {
            const char *found =
                with_ending(r, path, n, behind[b], files_pictures[i / 2], (int)(i % 2));
            if (is_file(found) && !(other && strcmp(found, other) == 0))
                return found;
        }
    return NULL;
}

/* The folder that the data is, or lies in. */
static const char *base_of(struct infer__region *r, const char *data)
{
    struct stat st;
    const char *slash = strrchr(data, '/');
    if (stat(data, &st) == 0 && S_ISDIR(st.st_mode))
        return data;
    if (!slash)
        return ".";
    char *folder = infer__region_string(r, data);
    if (folder)
        folder[slash == data ? 1 : slash - data] = 0;
    return folder;
}

int pictures_folder(struct infer__region *r, const struct eval_options *o,
                    const char *const *candidates, const char *first, const char **folder)
{
    const char *base = base_of(r, o->data);
    *folder = o->images;
    if (o->images)
        return CLI_OK;
    for (; base && *candidates; candidates++) {
        *folder = strcmp(*candidates, ".") == 0 ? base : files_path(r, base, *candidates);
        if (*folder && picture_find(r, *folder, first, o->data))
            return CLI_OK;
    }
    fprintf(stderr, "infer: %s: its picture %s is not found beside it: give --images\n", o->data,
            first);
    return CLI_BAD_INPUT;
}
