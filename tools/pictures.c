#include "tools/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/cli.h"

int picture_name(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".bmp", ".gif",
                                          ".tga", ".pnm",  ".ppm", ".pgm", NULL};
    const char *dot = strrchr(name, '.');
    for (int i = 0; dot && dot != name && endings[i]; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return 1;
    return 0;
}

/* Takes `path`, which was allocated. */
static int add(struct pictures *p, char *path)
{
    char **paths = path ? realloc(p->paths, ((size_t)p->count + 1) * sizeof *paths) : NULL;
    if (!paths) {
        fprintf(stderr, "infer: no memory for the names of pictures\n");
        free(path);
        return CLI_RESOURCES;
    }
    p->paths = paths;
    p->paths[p->count++] = path;
    return CLI_OK;
}

static char *joined(const char *folder, const char *name)
{
    const size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);
    if (path)
        snprintf(path, n, "%s/%s", folder, name);
    return path;
}

static int add_folder(struct pictures *p, const char *folder)
{
    struct dirent **names;
    const int n = scandir(folder, &names, NULL, alphasort), before = p->count;
    int status = CLI_OK;
    if (n < 0) {
        fprintf(stderr, "infer: %s: %s\n", folder, strerror(errno));
        return CLI_BAD_INPUT;
    }
    for (int i = 0; i < n; i++) {
        if (status == CLI_OK && picture_name(names[i]->d_name))
            status = add(p, joined(folder, names[i]->d_name));
        free(names[i]);
    }
    free(names);
    if (status == CLI_OK && p->count == before) {
        fprintf(stderr, "infer: %s: there are no pictures in it\n", folder);
        return CLI_BAD_INPUT;
    }
    return status;
}

static int add_matches(struct pictures *p, const char *pattern)
{
    glob_t found;
    int status = CLI_OK;
    const int result = glob(pattern, 0, NULL, &found);
    if (result) {
        fprintf(stderr, "infer: %s: %s\n", pattern,
                result == GLOB_NOMATCH ? "no file is called so, and none matches"
                                       : "it can't be read");
        return result == GLOB_NOSPACE ? CLI_RESOURCES : CLI_BAD_INPUT;
    }
    for (size_t i = 0; i < found.gl_pathc && status == CLI_OK; i++)
        status = add(p, strdup(found.gl_pathv[i]));
    globfree(&found);
    return status;
}

static int add_name(struct pictures *p, const char *name)
{
    struct stat st;
    if (stat(name, &st) == 0)
        return S_ISDIR(st.st_mode) ? add_folder(p, name) : add(p, strdup(name));
    return strpbrk(name, "*?[") ? add_matches(p, name) : add(p, strdup(name));
}

int pictures_list(const char *const *names, int n, struct pictures *p)
{
    int status = CLI_OK;
    *p = (struct pictures){0};
    for (int i = 0; i < n && status == CLI_OK; i++)
        status = add_name(p, names[i]);
    return status;
}

void pictures_free(struct pictures *p)
{
    for (int i = 0; i < p->count; i++)
        free(p->paths[i]);
    free(p->paths);
    *p = (struct pictures){0};
}
