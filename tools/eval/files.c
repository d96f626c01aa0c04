#include "tools/eval/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "tools/cli.h"
#include "tools/read_file.h"

enum { MOST_DEPTH = 8, MOST_PATH = 4096 };

const char *const files_pictures[] = {".jpg", ".jpeg", ".png", ".bmp", ".gif",
                                      ".tga", ".ppm",  ".pgm", ".pnm", NULL};

char *files_path(struct infer__region *r, const char *folder, const char *file)
{
    const size_t n = strlen(folder), m = strlen(file);
    char *path = infer__region_take(r, n + m + 2);
    if (path) {
        memcpy(path, folder, n);
        path[n] = '/';
        memcpy(path + n + 1, file, m + 1);
    }
    return path;
}

int files_no_memory(const char *path)
{
    fprintf(stderr, "infer: %s: no memory for what is in it\n", path);
    return CLI_RESOURCES;
}

static int ends_with(const char *name, const char *const *endings)
{
    const size_t n = strlen(name);
    for (; *endings; endings++) {
        const size_t m = strlen(*endings);
        if (n > m && strcasecmp(name + n - m, *endings) == 0)
            return 1;
    }
    return 0;
}

/* Adds what is in root/inside; `path` is a buffer for the names, root's length in it. */
static int walk(char *path, size_t root, const char *const *endings, int depth,
                struct name_list *files)
{
    const size_t length = strlen(path);
    int status = CLI_OK;
    DIR *d = opendir(path);
    if (!d) {
        fprintf(stderr, "infer: %s: can't be read: %s\n", path, strerror(errno));
        return CLI_BAD_INPUT;
    }
    for (struct dirent *e; status == CLI_OK && (e = readdir(d)) != NULL;) {
        struct stat st;
        infer_error err;
        if (e->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(path + length, MOST_PATH - length, "/%s", e->d_name) >=
            MOST_PATH - length)
            status = cli_usage("%s: a path of more than %d bytes", path, MOST_PATH);
        else if (stat(path, &st) != 0)
            continue;
        else if (S_ISDIR(st.st_mode) && depth < MOST_DEPTH)
            status = walk(path, root, endings, depth + 1, files);
        else if (S_ISREG(st.st_mode) && ends_with(e->d_name, endings) &&
                 names_add(files, 0, path + root + 1, &err) != INFER_OK)
            status = cli_fail(path, &err);
        path[length] = 0;
    }
    closedir(d);
    return status;
}

int files_list(const char *folder, const char *const *endings, struct name_list *files)
{
    char path[MOST_PATH];
    const int n = snprintf(path, sizeof path, "%s", folder);
    if (n >= MOST_PATH)
        return cli_usage("%.80s...: a path of more than %d bytes", folder, MOST_PATH);
    const int status = walk(path, (size_t)n, endings, 0, files);
    names_sort_texts(files);
    for (uint32_t i = 0; i < files->count; i++)
        files->items[i].id = i;
    return status;
}

int files_read_names(const char *path, int64_t first, struct name_list *names)
{
    unsigned n;
    infer_error err;
    char **lines = read_lines(path, &n);
    int status = lines ? CLI_OK : CLI_BAD_INPUT;
    for (unsigned i = 0; status == CLI_OK && i < n; i++)
        if (lines[i][0] && names_add(names, first++, lines[i], &err) != INFER_OK)
            status = cli_fail(path, &err);
    free(lines);
    if (status == CLI_OK && !names->count) {
        fprintf(stderr, "infer: %s: there is no name in it\n", path);
        return CLI_BAD_INPUT;
    }
    return status;
}
