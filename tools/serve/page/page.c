#include "tools/serve/page/page.h"

#include <string.h>

#include "serve/page_files.h"
#include "tools/serve/transport/reply.h"

static const struct page_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
    const char *etag;
} files[] = {EMBEDDED_page};

/* Scripts and styles are files of ours alone, and pictures are what the person chose: whatever a
 * model's name or label has in it can't run. */
static const char policy[] = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
                             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const struct page_file *find(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

static const char *type_of(const char *name)
{
    const char *end = strrchr(name, '.');
    if (end && strcmp(end, ".html") == 0)
        return "text/html; charset=utf-8";
    return end && strcmp(end, ".css") == 0 ? "text/css; charset=utf-8"
                                           : "text/javascript; charset=utf-8";
}

/* A browser keeps the files and asks whether they are still the same. */
static void give(struct http_request *r, const struct page_file *f)
{
    const char *has = http_header(r, "If-None-Match");
    const int same = has && strstr(has, f->etag) != NULL;
    struct http_answer a = {.status = same ? 304 : 200,
                            .content_type = type_of(f->name),
                            .body = f->bytes,
                            .body_bytes = same ? 0 : f->size};
    http_add(&a, "ETag", f->etag);
    http_add(&a, "Cache-Control", "no-cache");
    http_add(&a, "Vary", "Accept");
    http_add(&a, "Content-Security-Policy", policy);
    http_add(&a, "X-Content-Type-Options", "nosniff");
    http_add(&a, "Referrer-Policy", "no-referrer");
    http_add(&a, "Permissions-Policy", "camera=(self), microphone=(), geolocation=()");
    http_answer(r, &a);
}

static void index_page(struct call *c)
{
    give(c->request, find("index.html"));
}

static void page_file(struct call *c)
{
    const struct page_file *f = find(c->part[0].text);
    if (f)
        give(c->request, f);
    else
        reply_exception(c->request, 404, "ResourceNotFoundException",
                        "Requested resource is not found, please refer to API document.");
}

int page_is_asked(const struct server *s, const struct http_request *r)
{
    if (s->options.no_page)
        return 0;
    if (strcmp(r->path, "/") != 0)
        return strncmp(r->path, "/page/", 6) == 0;
    const char *accept = http_header(r, "Accept");
    return accept && strstr(accept, "text/html") != NULL;
}

int page_is_file(const struct server *s, const struct http_request *r)
{
    if ((strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) || !page_is_asked(s, r))
        return 0;
    return strcmp(r->path, "/") == 0 || find(r->path + 6) != NULL;
}

const struct route page_routes[] = {
    {"GET HEAD", "/", index_page},
    {"GET HEAD", "/page/status", page_status},
    {"GET HEAD", "/page/{}", page_file},
    {NULL, NULL, NULL},
};
