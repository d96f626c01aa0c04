/* Files of models below the paths that are served, without opening them. */
#ifndef INFER_TOOLS_SERVE_FOUND_H
#define INFER_TOOLS_SERVE_FOUND_H

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
void found_list_free(struct found_list *list);
int found_same(const struct found *a, const struct found *b);
int found_has(const struct found_list *list, const char *name, int64_t number);

#endif
