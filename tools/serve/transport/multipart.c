#include "tools/serve/transport/multipart.h"

#include <string.h>
#include <strings.h>

/* What is left of a body, or of a part's headers. */
struct rest {
    const char *at, *end;
};

/* ---- parameters of a header ----------------------------------------------------------------- */

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of a parameter, "name=value" or "name=\"value\"", behind the first ';' of a header's
 * value. 0: there is none. */
static int parameter(struct multipart_text header, const char *name, struct multipart_text *value)
{
    const char *p = header.text, *end = header.text + header.length;
    const size_t n = strlen(name);
    int quoted = 0;
    for (; p < end; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (quoted && *p == '\\' && p + 1 < end)
            p++;
        if (quoted || *p != ';')
            continue;
        while (p + 1 < end && is_space(p[1]))
            p++;
        if ((size_t)(end - p) < n + 2 || strncasecmp(p + 1, name, n) != 0 || p[n + 1] != '=')
            continue;
        const char *from = p + n + 2, *to = from;
        if (from < end && *from == '"') {
            for (to = ++from; to < end && *to != '"'; to++)
                if (*to == '\\' && to + 1 < end)
                    to++;
            if (to == end)
                return 0;
        } else {
            while (to < end && *to != ';' && !is_space(*to))
                to++;
        }
        *value = (struct multipart_text){from, (size_t)(to - from)};
        return 1;
    }
    return 0;
}

enum multipart_status multipart_boundary(const char *content_type,
                                         char boundary[MULTIPART_LONGEST_BOUNDARY + 1])
{
    struct multipart_text value;
    *boundary = 0;
    if (!parameter((struct multipart_text){content_type, strlen(content_type)}, "boundary",
                   &value) ||
        value.length == 0 || value.length > MULTIPART_LONGEST_BOUNDARY)
        return MULTIPART_NO_BOUNDARY;
    memcpy(boundary, value.text, value.length);
    boundary[value.length] = 0;
    return MULTIPART_OK;
}

/* ---- boundaries ----------------------------------------------------------------------------- */

/* The next boundary of a body: where the data in front of it ends, where its line begins, where the
 * line behind it begins, and whether it is the last one. */
struct mark {
    const char *before, *line, *behind;
    int last;
};

/* Whether the boundary's text at p, of n characters, is a line of its own. */
static int is_mark(const char *body, const char *end, const char *p, size_t n, struct mark *m)
{
    if (p != body && p[-1] != '\n')
        return 0;
    m->before = m->line = p;
    if (p != body)
        m->before -= p - body >= 2 && p[-2] == '\r' ? 2 : 1;
    p += n;
    m->last = end - p >= 2 && p[0] == '-' && p[1] == '-';
    if (m->last) {
        m->behind = end;
        return 1;
    }
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p < end && *p == '\r')
        p++;
    if (p == end || *p != '\n')
        return 0;
    m->behind = p + 1;
    return 1;
}

/* 0: there is none. */
static int next_mark(const char *body, struct rest rest, const char *line, size_t n, struct mark *m)
{
    while (rest.at < rest.end) {
        const char *p = memmem(rest.at, (size_t)(rest.end - rest.at), line, n);
        if (!p)
            return 0;
        if (is_mark(body, rest.end, p, n, m))
            return 1;
        rest.at = p + 1;
    }
    return 0;
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* The next line of the headers, without its end. 0: there is no whole line. */
static int next_line(struct rest *r, struct multipart_text *line)
{
    const char *end = r->at < r->end ? memchr(r->at, '\n', (size_t)(r->end - r->at)) : NULL;
    if (!end)
        return 0;
    *line = (struct multipart_text){r->at, (size_t)(end - r->at)};
    if (line->length && line->text[line->length - 1] == '\r')
        line->length--;
    r->at = end + 1;
    return 1;
}

/* The value of a line if it is the header of this name. */
static int header_value(struct multipart_text line, const char *name, struct multipart_text *value)
{
    const size_t n = strlen(name);
    if (line.length <= n || strncasecmp(line.text, name, n) != 0 || line.text[n] != ':')
        return 0;
    const char *p = line.text + n + 1, *end = line.text + line.length;
    while (p < end && is_space(*p))
        p++;
    *value = (struct multipart_text){p, (size_t)(end - p)};
    return 1;
}

/* A part whose headers begin at `from`, up to a boundary. Where it has no data the line end of its
 * headers is the one in front of the boundary. */
static int read_part(const char *from, const struct mark *to, struct multipart_part *part)
{
    struct rest rest = {from, to->line};
    struct multipart_text line, value;
    *part = (struct multipart_part){.is_file = 0};
    for (;;) {
        if (!next_line(&rest, &line))
            return 0;
        if (line.length == 0)
            break;
        if (header_value(line, "Content-Type", &value))
            part->type = value;
        if (!header_value(line, "Content-Disposition", &value))
            continue;
        if (value.length < 9 || strncasecmp(value.text, "form-data", 9) != 0)
            return 0;
        parameter(value, "name", &part->name);
        part->is_file = parameter(value, "filename", &part->file);
    }
    part->data = (const unsigned char *)rest.at;
    part->bytes = to->before > rest.at ? (size_t)(to->before - rest.at) : 0;
    return part->name.length > 0;
}

enum multipart_status multipart_parse(const void *body, size_t bytes, const char *boundary,
                                      struct multipart_part *parts, int most, int *count)
{
    char line[MULTIPART_LONGEST_BOUNDARY + 3] = "--";
    const size_t n = strlen(boundary) + 2;
    const char *begin = body;
    struct rest rest = {begin, begin + bytes};
    struct mark mark;
    int found = 0;
    *count = 0;
    if (n < 3 || n >= sizeof line)
        return MULTIPART_NO_BOUNDARY;
    memcpy(line + 2, boundary, n - 1);
    if (!bytes || !next_mark(begin, rest, line, n, &mark))
        return MULTIPART_CUT;
    while (!mark.last) {
        const char *from = mark.behind;
        rest.at = from;
        if (!next_mark(begin, rest, line, n, &mark))
            return MULTIPART_CUT;
        if (found == most)
            return MULTIPART_TOO_MANY;
        if (!read_part(from, &mark, &parts[found]))
            return MULTIPART_BAD_HEADER;
        found++;
    }
    *count = found;
    return MULTIPART_OK;
}

const char *multipart_why(enum multipart_status status)
{
    switch (status) {
    case MULTIPART_OK:
        return "the multipart body is whole";
    case MULTIPART_NO_BOUNDARY:
        return "multipart without a boundary";
    case MULTIPART_CUT:
        return "the multipart body ends without its last boundary";
    case MULTIPART_BAD_HEADER:
        return "a part has no Content-Disposition with a name";
    case MULTIPART_TOO_MANY:
        return "too many parts";
    }
    return "";
}
