/* infer hammer: content of requests, from files and forms. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/folder.h"
#include "tools/hammer/requests.h"
#include "tools/read_file.h"

/* ---- paths ---------------------------------------------------------------------------------- */

static int out_of_memory(void)
{
    fputs("infer: no memory for the requests\n", stderr);
    return CLI_RESOURCES;
}

static int add_path(struct paths *p, char *path)
{
    char **more = path ? realloc(p->items, (p->count + 1) * sizeof *p->items) : NULL;
    if (!more) {
        free(path);
        return out_of_memory();
    }
    p->items = more;
    p->items[p->count++] = path;
    return CLI_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int paths_add(struct paths *p, const char *path)
{
    const size_t before = p->count;
    struct stat st;
    DIR *d = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    if (!d)
        return add_path(p, strdup(path));
    int status = CLI_OK;
    for (struct dirent *e; status == CLI_OK && (e = readdir(d)) != NULL;) {
        char *inner = NULL;
        if (e->d_name[0] == '.')
            continue;
        if (asprintf(&inner, "%s/%s", path, e->d_name) < 0)
            status = out_of_memory();
        else if (stat(inner, &st) == 0 && S_ISREG(st.st_mode))
            status = add_path(p, inner);
        else
            free(inner);
    }
    closedir(d);
    if (status == CLI_OK && p->count == before) {
        fprintf(stderr, "infer: %s: there is no file in this folder\n", path);
        return CLI_BAD_INPUT;
    }
    if (p->count > before)
        qsort(p->items + before, p->count - before, sizeof *p->items, by_name);
    return status;
}

void paths_free(struct paths *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i]);
    free(p->items);
    *p = (struct paths){0};
}

const char *media_type(const char *path)
{
    static const char *const types[][2] = {{".jpg", "image/jpeg"},        {".jpeg", "image/jpeg"},
                                           {".png", "image/png"},         {".bmp", "image/bmp"},
                                           {".webp", "image/webp"},       {".gif", "image/gif"},
                                           {".json", "application/json"}, {".txt", "text/plain"}};
    const char *dot = strrchr(base_name(path), '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

/* ---- forms ---------------------------------------------------------------------------------- */

const char *form_path(const char *field)
{
    const char *equals = strchr(field, '=');
    return equals && equals[1] == '@' ? equals + 2 : NULL;
}

/* A name within quotes (RFC 7578 leaves escapes to percent signs). */
static void put_quoted(FILE *f, const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '"' || name[i] == '\r' || name[i] == '\n')
            fprintf(f, "%%%02X", (unsigned char)name[i]);
        else
            fputc(name[i], f);
    }
}

static int put_field(FILE *f, const char *field, const char *path)
{
    const char *equals = strchr(field, '=');
    size_t size = strlen(equals + 1);
    char *bytes = path ? read_file(path, &size) : NULL;
    if (path && !bytes)
        return 0;
    fputs("--" FORM_BOUNDARY "\r\nContent-Disposition: form-data; name=\"", f);
    put_quoted(f, field, (size_t)(equals - field));
    if (path) {
        fputs("\"; filename=\"", f);
        put_quoted(f, base_name(path), strlen(base_name(path)));
        fprintf(f, "\"\r\nContent-Type: %s", media_type(path));
    } else {
        fputc('"', f);
    }
    fputs("\r\n\r\n", f);
    fwrite(path ? bytes : equals + 1, 1, size, f);
    fputs("\r\n", f);
    free(bytes);
    return 1;
}

char *form_content(const char *const *fields, int count, const char *file, size_t *size)
{
    char *content = NULL;
    int good = 1;
    struct stat st;
    FILE *f = open_memstream(&content, size);
    for (int i = 0; f && good && i < count; i++) {
        const char *path = form_path(fields[i]);
        if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            path = file;
        good = put_field(f, fields[i], path);
    }
    if (f)
        fputs("--" FORM_BOUNDARY "--\r\n", f);
    if (!f || ferror(f))
        good = (out_of_memory(), 0);
    if (f && fclose(f) != 0)
        good = 0;
    if (good)
        return content;
    free(content);
    return NULL;
}
