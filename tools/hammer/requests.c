#include "tools/hammer/requests.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/read_file.h"

/* What one request is made of. */
struct parts {
    const struct cli_args *args;
    const struct target *target;
    const char *type, *content; /* NULL: none */
    size_t size;
};

static int out_of_memory(void)
{
    fputs("infer: no memory for the requests\n", stderr);
    return CLI_RESOURCES;
}

/* ---- head ----------------------------------------------------------------------------------- */

static int check_header(const char *header)
{
    const char *colon = strchr(header, ':');
    if (!colon || colon == header || strpbrk(header, "\r\n") ||
        strcspn(header, " \t") < (size_t)(colon - header))
        return cli_usage("--header '%s': write it as 'Name: value'", header);
    if (strncasecmp(header, "Content-Length:", 15) == 0 ||
        strncasecmp(header, "Transfer-Encoding:", 18) == 0)
        return cli_usage("--header '%s': the length is that of the content", header);
    return CLI_OK;
}

static int has_header(const struct cli_args *args, const char *name)
{
    int count, found = 0;
    const char *const *headers = cli_values(args, "header", &count);
    for (int i = 0; i < count; i++)
        found |=
            strncasecmp(headers[i], name, strlen(name)) == 0 && headers[i][strlen(name)] == ':';
    return found;
}

static void put_head(FILE *f, const struct requests *r, const struct parts *p)
{
    int count;
    const char *const *headers = cli_values(p->args, "header", &count);
    fprintf(f, "%s %s HTTP/1.1\r\n", r->method, p->target->path);
    if (!has_header(p->args, "Host"))
        fprintf(f, "Host: %s\r\n", p->target->authority);
    if (!has_header(p->args, "User-Agent"))
        fprintf(f, "User-Agent: infer-hammer/%s\r\n", infer_version());
    if (p->content && !has_header(p->args, "Content-Type"))
        fprintf(f, "Content-Type: %s\r\n", p->type);
    if (p->content)
        fprintf(f, "Content-Length: %zu\r\n", p->size);
    for (int i = 0; i < count; i++)
        fprintf(f, "%s\r\n", headers[i]);
    fputs("\r\n", f);
}

static int add_request(struct requests *r, const struct parts *p)
{
    struct request *more = realloc(r->items, (r->count + 1) * sizeof *r->items);
    if (!more)
        return out_of_memory();
    r->items = more;
    struct request *q = r->items + r->count;
    *q = (struct request){.content = p->content ? p->size : 0};
    FILE *f = open_memstream(&q->bytes, &q->size);
    if (!f)
        return out_of_memory();
    r->count++;
    put_head(f, r, p);
    if (p->content)
        fwrite(p->content, 1, p->size, f);
    const int failed = ferror(f);
    return fclose(f) != 0 || failed ? out_of_memory() : CLI_OK;
}

/* ---- content -------------------------------------------------------------------------------- */

static int add_bodies(struct requests *r, struct parts *p)
{
    struct paths paths = {0};
    int count, status = CLI_OK;
    const char *const *bodies = cli_values(p->args, "body", &count);
    for (int i = 0; status == CLI_OK && i < count; i++)
        status = paths_add(&paths, bodies[i]);
    for (size_t i = 0; status == CLI_OK && i < paths.count; i++) {
        char *content = read_file(paths.items[i], &p->size);
        p->content = content;
        p->type = media_type(paths.items[i]);
        status = content ? add_request(r, p) : CLI_BAD_INPUT;
        free(content);
    }
    paths_free(&paths);
    return status;
}

static int is_folder(const char *path)
{
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A form for each file of the one folder that a field may name, or one form. */
static int add_forms(struct requests *r, struct parts *p)
{
    struct paths paths = {0};
    int count, status = CLI_OK, folders = 0;
    const char *const *fields = cli_values(p->args, "form", &count);
    for (int i = 0; status == CLI_OK && i < count; i++) {
        const char *path = form_path(fields[i]);
        if (!strchr(fields[i], '=') || fields[i][0] == '=')
            status = cli_usage("--form '%s': write it as NAME=@FILE or NAME=VALUE", fields[i]);
        else if (is_folder(path) && folders++)
            status = cli_usage("--form %s: one field may be a folder, not two", fields[i]);
        else if (is_folder(path))
            status = paths_add(&paths, path);
    }
    p->type = "multipart/form-data; boundary=" FORM_BOUNDARY;
    for (size_t i = 0; status == CLI_OK && i < (folders ? paths.count : 1); i++) {
        char *content = form_content(fields, count, folders ? paths.items[i] : NULL, &p->size);
        p->content = content;
        status = content ? add_request(r, p) : CLI_BAD_INPUT;
        free(content);
    }
    paths_free(&paths);
    return status;
}

static int set_method(const struct cli_args *args, struct requests *r)
{
    const char *method = cli_value(args, "method");
    if (!method)
        method = cli_has(args, "body") || cli_has(args, "form") ? "POST" : "GET";
    if (!*method || strlen(method) >= sizeof r->method ||
        strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method))
        return cli_usage("--method %s: a method like GET or POST is needed", method);
    snprintf(r->method, sizeof r->method, "%s", method);
    r->head = strcmp(method, "HEAD") == 0;
    return CLI_OK;
}

int requests_make(const struct cli_args *args, const struct target *t, struct requests *r)
{
    struct parts p = {.args = args, .target = t};
    int count, status = set_method(args, r);
    const char *const *headers = cli_values(args, "header", &count);
    for (int i = 0; status == CLI_OK && i < count; i++)
        status = check_header(headers[i]);
    if (status != CLI_OK)
        return status;
    if (cli_has(args, "body") && cli_has(args, "form"))
        return cli_usage("--body and --form exclude each other");
    if (cli_has(args, "body"))
        return add_bodies(r, &p);
    return cli_has(args, "form") ? add_forms(r, &p) : add_request(r, &p);
}

void requests_free(struct requests *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->items[i].bytes);
    free(r->items);
    r->items = NULL;
    r->count = 0;
}
