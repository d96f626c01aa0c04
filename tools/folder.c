#include "tools/folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cli.h"

int make_folder(const char *path)
{
    struct stat st;
    char *copy = strdup(path);
    int made = copy != NULL;
    for (char *p = copy; made && p;) {
        p = strchr(*p == '/' ? p + 1 : p, '/');
        if (p)
            *p = 0;
        made = mkdir(copy, 0777) == 0 || errno == EEXIST;
        if (p)
            *p = '/';
    }
    if (made && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
        errno = ENOTDIR;
        made = 0;
    }
    if (!made)
        fprintf(stderr, "infer: %s: the folder can't be made: %s\n", path, strerror(errno));
    free(copy);
    return made ? CLI_OK : CLI_RESOURCES;
}

char *path_in(const char *folder, const char *name, const char *end)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";
    size_t at = strlen(folder) + 1, n = strlen(name);
    n = n > 200 ? 200 : n; /* file systems allow 255 bytes */
    char *path = malloc(at + n + strlen(end) + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, at - 1);
    path[at - 1] = '/';
    for (size_t i = 0; i < n; i++)
        path[at + i] =
            memchr(allowed, name[i], sizeof allowed - 1) && (i || name[i] != '.') ? name[i] : '_';
    if (n == 0)
        path[at + n++] = '_';
    memcpy(path + at + n, end, strlen(end) + 1);
    return path;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
