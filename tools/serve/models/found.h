/* Files of models below the paths that are served, without opening them. */
#ifndef INFER_TOOLS_SERVE_FOUND_H
#define INFER_TOOLS_SERVE_FOUND_H

#include <stddef.h>
#include <stdint.h>

struct found {
    char name[128];
    int64_t number; /* of the version, from 1 on */
    char path[1024];
    int64_t changed, bytes, inode; /* tell whether the file is another than before */
};

struct found_list {
    struct found *items;
    int count, capacity;
};

/* The path in a "NAME=PATH" or plain path. */
const char *found_path(const char *argument);
/* Every model that is there now. Names that start with a dot, and links that lead out of a folder,
 * are passed over. */
void found_search(const char *const *paths, int npaths, struct found_list *list);
/* Adds a file by hand, whatever its name ends with; one that is gone or that the list has is passed
 * over. `root` is a real path below which it must lie, or NULL. */
void found_add(struct found_list *list, const char *root, const char *name, int64_t number,
               const char *path);
/* The file that a path relative to one of the folders leads to; 0 where there is none, it lies
 * outside, or `size` is too small. */
int found_below(const char *const *paths, int npaths, const char *relative, char *path,
                size_t size);
/* A path relative to the folder that it is in, or its last part. */
const char *found_relative(const char *const *paths, int npaths, const char *path);
void found_list_free(struct found_list *list);
int found_same(const struct found *a, const struct found *b);
int found_has(const struct found_list *list, const char *name, int64_t number);

#endif
