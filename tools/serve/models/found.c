#include "tools/serve/models/found.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const endings[] = {".infer", ".onnx"};

/* The length of a name without the ending of a model's file, 0 where it has none. */
static size_t stem(const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcmp(name + n - m, endings[i]) == 0)
            return n - m;
    }
    return 0;
}

const char *found_path(const char *argument)
{
    const char *equals = strchr(argument, '='), *slash = strchr(argument, '/');
    return equals && equals != argument && (!slash || equals < slash) ? equals + 1 : argument;
}

/* A file that lies below `root`, whatever links say; NULL root: anywhere. */
static void add(struct found_list *list, const char *root, const char *name, size_t n,
                int64_t number, const char *path)
{
    struct stat st;
    char real[4096];
    if (n == 0 || n >= sizeof list->items->name || strlen(path) >= sizeof list->items->path ||
        stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    if (root && (!realpath(path, real) || strncmp(real, root, strlen(root)) != 0 ||
                 real[strlen(root)] != '/'))
        return;
    if (list->count == list->capacity) {
        const int more = list->capacity ? list->capacity * 2 : 16;
        struct found *items = realloc(list->items, (size_t)more * sizeof *items);
        if (!items)
            return;
        list->items = items;
        list->capacity = more;
    }
    struct found *f = &list->items[list->count];
    *f = (struct found){.number = number,
                        .changed = st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                        .bytes = st.st_size,
                        .inode = (int64_t)st.st_ino};
    memcpy(f->name, name, n);
    snprintf(f->path, sizeof f->path, "%s", path);
    if (!found_has(list, f->name, number))
        list->count++;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* The first model's file of a folder is a version; model.* before all others. */
static void look_in_version(struct found_list *list, const char *root, const char *name,
                            int64_t number, const char *folder)
{
    struct dirent **items;
    char path[4096];
    const int n = scandir(folder, &items, is_visible, by_name);
    int best = -1;
    for (int i = 0; i < n; i++)
        if (stem(items[i]->d_name) && (best < 0 || strncmp(items[i]->d_name, "model.", 6) == 0))
            best = i;
    if (best >= 0 && snprintf(path, sizeof path, "%s/%s", folder, items[best]->d_name) > 0)
        add(list, root, name, strlen(name), number, path);
    for (int i = 0; i < n; i++)
        free(items[i]);
    if (n >= 0)
        free(items);
}

/* A folder of one model: numbers are versions. */
static void look_in_model(struct found_list *list, const char *root, const char *name,
                          const char *folder)
{
    struct dirent **items;
    char path[4096];
    const int n = scandir(folder, &items, is_visible, by_name);
    for (int i = 0; i < n; i++) {
        char *end;
        const long long number = strtoll(items[i]->d_name, &end, 10);
        if (*end == 0 && number > 0 && items[i]->d_name[0] != '+' &&
            snprintf(path, sizeof path, "%s/%s", folder, items[i]->d_name) > 0)
            look_in_version(list, root, name, number, path);
        free(items[i]);
    }
    if (n >= 0)
        free(items);
    look_in_version(list, root, name, 1, folder);
}

static void look_in_folder(struct found_list *list, const char *folder)
{
    struct dirent **items;
    char path[4096], root[4096];
    if (!realpath(folder, root))
        return;
    const int n = scandir(folder, &items, is_visible, by_name);
    for (int i = 0; i < n; i++) {
        struct stat st;
        const char *name = items[i]->d_name;
        if (snprintf(path, sizeof path, "%s/%s", folder, name) > 0 && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                look_in_model(list, root, name, path);
            else
                add(list, root, name, stem(name), 1, path);
        }
        free(items[i]);
    }
    if (n >= 0)
        free(items);
}

void found_search(const char *const *paths, int npaths, struct found_list *list)
{
    *list = (struct found_list){0};
    for (int i = 0; i < npaths; i++) {
        const char *path = found_path(paths[i]);
        const char *base = strrchr(path, '/');
        struct stat st;
        base = base ? base + 1 : path;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            look_in_folder(list, path);
        else if (path != paths[i])
            add(list, NULL, paths[i], (size_t)(path - paths[i]) - 1, 1, path);
        else
            add(list, NULL, base, stem(base), 1, path);
    }
}

void found_add(struct found_list *list, const char *root, const char *name, int64_t number,
               const char *path)
{
    add(list, root, name, strlen(name), number, path);
}

/* Whether a path steps back: it has a part "..". */
static int steps_back(const char *path)
{
    for (const char *p = path; *p; p += strspn(p, "/")) {
        const size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0)
            return 1;
        p += n;
    }
    return 0;
}

int found_below(const char *const *paths, int npaths, const char *relative, char *path, size_t size)
{
    if (*relative == '/' || *relative == 0 || steps_back(relative))
        return 0;
    for (int i = 0; i < npaths; i++) {
        char root[PATH_MAX], real[PATH_MAX], joined[PATH_MAX];
        struct stat st;
        const char *folder = found_path(paths[i]);
        const int n = snprintf(joined, sizeof joined, "%s/%s", folder, relative);
        if (n < 0 || (size_t)n >= sizeof joined || !realpath(folder, root) ||
            !realpath(joined, real) || strncmp(real, root, strlen(root)) != 0 ||
            real[strlen(root)] != '/' || stat(real, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        return snprintf(path, size, "%s", joined) < (int)size;
    }
    return 0;
}

const char *found_relative(const char *const *paths, int npaths, const char *path)
{
    for (int i = 0; i < npaths; i++) {
        const char *folder = found_path(paths[i]);
        const size_t n = strlen(folder);
        if (strncmp(path, folder, n) == 0 && path[n] == '/')
            return path + n + 1;
    }
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void found_list_free(struct found_list *list)
{
    free(list->items);
    *list = (struct found_list){0};
}

int found_same(const struct found *a, const struct found *b)
{
    return a->changed == b->changed && a->bytes == b->bytes && a->inode == b->inode &&
           strcmp(a->path, b->path) == 0;
}

int found_has(const struct found_list *list, const char *name, int64_t number)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i].number == number && strcmp(list->items[i].name, name) == 0)
            return 1;
    return 0;
}
