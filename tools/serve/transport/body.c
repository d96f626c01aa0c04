#include "tools/serve/transport/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/serve/transport/multipart.h"

int body_is_picture(const unsigned char *data, size_t bytes)
{
    static const struct {
        const char *text;
        size_t length;
    } magic[] = {{"\xff\xd8\xff", 3}, {"\x89PNG", 4}, {"GIF8", 4}, {"BM", 2}};
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (bytes > magic[i].length && memcmp(data, magic[i].text, magic[i].length) == 0)
            return 1;
    return bytes > 3 && data[0] == 'P' && (data[1] == '5' || data[1] == '6') &&
           strchr(" \t\r\n", data[2]) != NULL;
}

int body_is_json(const unsigned char *data, size_t bytes)
{
    size_t i = 0;
    while (i < bytes && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n'))
        i++;
    return i < bytes && (data[i] == '{' || data[i] == '[');
}

/* Adds a field, in the place of an earlier one of its name. 0: there are too many. */
static int add(struct body *b, const struct body_field *f)
{
    for (int i = 0; i < b->count; i++)
        if (b->fields[i].name_bytes == f->name_bytes &&
            memcmp(b->fields[i].name, f->name, f->name_bytes) == 0) {
            b->fields[i] = *f;
            return 1;
        }
    if (b->count == BODY_MOST_FIELDS)
        return 0;
    b->fields[b->count++] = *f;
    return 1;
}

static int read_parts(const struct http_request *r, const char *type, struct body *b, char *why,
                      size_t size)
{
    char boundary[MULTIPART_LONGEST_BOUNDARY + 1];
    struct multipart_part parts[BODY_MOST_FIELDS];
    int count = 0;
    enum multipart_status status = multipart_boundary(type, boundary);
    if (status == MULTIPART_OK)
        status = multipart_parse(r->body ? r->body : (const void *)"", r->body_bytes, boundary,
                                 parts, BODY_MOST_FIELDS, &count);
    if (status != MULTIPART_OK) {
        snprintf(why, size, "%s", multipart_why(status));
        return 0;
    }
    for (int i = 0; i < count; i++) {
        const struct body_field f = {parts[i].name.text, parts[i].name.length, parts[i].data,
                                     parts[i].bytes, parts[i].is_file};
        add(b, &f);
    }
    return 1;
}

/* "name=value" of a form, decoded at *to, which moves on. 0: an escape is broken. */
static int read_pair(const char *pair, size_t n, char **to, const char *end, struct body *b)
{
    const char *equals = memchr(pair, '=', n);
    const size_t name = equals ? (size_t)(equals - pair) : n;
    const size_t value = equals ? n - name - 1 : 0;
    const long a = http_unescape(pair, name, 1, *to, (size_t)(end - *to));
    if (a < 0)
        return 0;
    char *data = *to + a + 1;
    const long c = http_unescape(equals ? equals + 1 : "", value, 1, data, (size_t)(end - data));
    if (c < 0)
        return 0;
    const struct body_field f = {*to, (size_t)a, (const unsigned char *)data, (size_t)c, 0};
    *to = data + c + 1;
    return add(b, &f);
}

static int read_form(const struct http_request *r, struct body *b, char *why, size_t size)
{
    const char *p = (const char *)r->body, *end = p + r->body_bytes;
    /* a pair takes no more than it has, and two 0s, of which '=' and '&' stand for one */
    const size_t room = r->body_bytes + BODY_MOST_FIELDS * 2 + 2;
    b->owned = malloc(room);
    char *to = b->owned;
    for (int pairs = 0; b->owned && p < end;) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        const size_t n = (size_t)((amp ? amp : end) - p);
        if (n && (++pairs > BODY_MOST_FIELDS || !read_pair(p, n, &to, b->owned + room, b))) {
            snprintf(why, size, "the form has too many fields or a broken escape");
            return 0;
        }
        p += n + (amp != NULL);
    }
    if (!b->owned)
        snprintf(why, size, "out of memory");
    return b->owned != NULL;
}

int body_read(const struct http_request *r, struct body *b, char *why, size_t size)
{
    static const char multipart[] = "multipart/form-data",
                      form[] = "application/x-www-form-urlencoded";
    const char *type = http_header(r, "Content-Type");
    b->count = 0;
    b->owned = NULL;
    if (type && strncasecmp(type, multipart, sizeof multipart - 1) == 0)
        return read_parts(r, type, b, why, size);
    if (r->body_bytes == 0)
        return 1;
    if (type && strncasecmp(type, form, sizeof form - 1) == 0 &&
        !body_is_picture(r->body, r->body_bytes) && !body_is_json(r->body, r->body_bytes))
        return read_form(r, b, why, size);
    b->fields[b->count++] =
        (struct body_field){.data = r->body, .bytes = r->body_bytes, .is_file = 1};
    return 1;
}

void body_free(struct body *b)
{
    free(b->owned);
    b->owned = NULL;
    b->count = 0;
}

int body_value(const struct body *b, const char *name, char *value, size_t size)
{
    const size_t n = strlen(name);
    for (int i = 0; i < b->count; i++) {
        const struct body_field *f = &b->fields[i];
        if (f->is_file || f->name_bytes != n || memcmp(f->name, name, n) != 0 || f->bytes >= size)
            continue;
        memcpy(value, f->data, f->bytes);
        value[f->bytes] = 0;
        return 1;
    }
    return 0;
}
