#include "tools/eval/xml.h"

#include <ctype.h>
#include <string.h>

void xml_begin(struct xml *x, const char *bytes, size_t size)
{
    memset(x, 0, sizeof *x);
    x->at = bytes;
    x->end = bytes + size;
}

unsigned xml_line(const struct xml *x, const char *bytes)
{
    unsigned line = 1;
    for (; bytes < x->at; bytes++)
        line += *bytes == '\n';
    return line;
}

static enum xml_event wrong(struct xml *x, const char *mistake)
{
    x->mistake = mistake;
    return XML_WRONG;
}

static int starts(const struct xml *x, const char *text)
{
    const size_t n = strlen(text);
    return (size_t)(x->end - x->at) >= n && memcmp(x->at, text, n) == 0;
}

/* Goes behind the next `text`; 0 where there is none. */
static int skip_behind(struct xml *x, const char *text)
{
    const char *found = memmem(x->at, (size_t)(x->end - x->at), text, strlen(text));
    x->at = found ? found + strlen(text) : x->end;
    return found != NULL;
}

/* The character that an entity stands for, 0 if it is none of XML's five; *length is its own. */
static char entity(const char *at, const char *end, size_t *length)
{
    static const struct {
        const char *name;
        char is;
    } five[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof five / sizeof *five; i++) {
        *length = strlen(five[i].name);
        if ((size_t)(end - at) >= *length && memcmp(at, five[i].name, *length) == 0)
            return five[i].is;
    }
    return 0;
}

static void keep_text(struct xml *x, const char *from, const char *to)
{
    size_t n = 0;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    while (from < to && n < sizeof x->text - 1) {
        size_t length = 1;
        const char is = *from == '&' ? entity(from, to, &length) : 0;
        x->text[n++] = is ? is : *from;
        from += is ? length : 1;
    }
    x->text[n] = 0;
}

/* The name at `at`; its length, 0 if there is none. */
static size_t name_length(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && !isspace((unsigned char)at[n]) && !strchr("/><=\"'", at[n]))
        n++;
    return n;
}

static enum xml_event open_element(struct xml *x)
{
    const size_t n = name_length(++x->at, x->end), length = strlen(x->path);
    if (!n)
        return wrong(x, "< without a name");
    if (length + n + 2 > sizeof x->path)
        return wrong(x, "elements too deep in each other");
    if (length)
        x->path[length] = '/';
    memcpy(x->path + length + (length > 0), x->at, n);
    x->path[length + n + (length > 0)] = 0;
    x->text[0] = 0;
    for (char quote = 0; x->at < x->end && (quote || *x->at != '>'); x->at++)
        if (quote ? *x->at == quote : *x->at == '"' || *x->at == '\'')
            quote = quote ? 0 : *x->at;
    if (x->at == x->end)
        return wrong(x, "< without a >");
    x->closes = x->at[-1] == '/';
    x->at++;
    return XML_OPEN;
}

static enum xml_event close_element(struct xml *x)
{
    const char *name = x->at + 2, *last = strrchr(x->path, '/');
    const size_t n = name_length(name, x->end);
    last = last ? last + 1 : x->path;
    if (!x->path[0] || strlen(last) != n || memcmp(last, name, n) != 0)
        return wrong(x, "an element is closed that is not the last one opened");
    if (!skip_behind(x, ">"))
        return wrong(x, "</ without a >");
    x->closing = 1;
    return XML_CLOSE;
}

static void cut_path(struct xml *x)
{
    char *last = strrchr(x->path, '/');
    *(last ? last : x->path) = 0;
    x->closing = 0;
    x->text[0] = 0;
}

enum xml_event xml_next(struct xml *x)
{
    if (x->closing)
        cut_path(x);
    if (x->closes) {
        x->closes = 0;
        x->closing = 1;
        return XML_CLOSE;
    }
    for (;;) {
        const char *from = x->at;
        while (x->at < x->end && *x->at != '<')
            x->at++;
        if (x->at == x->end)
            return x->path[0] ? wrong(x, "the file ends inside an element") : XML_END;
        if (x->at > from)
            keep_text(x, from, x->at);
        if (starts(x, "</"))
            return close_element(x);
        const char *end = starts(x, "<!--") ? "-->"
                          : starts(x, "<?") ? "?>"
                          : starts(x, "<!") ? ">"
                                            : NULL;
        if (!end)
            return open_element(x);
        if (!skip_behind(x, end))
            return wrong(x, "a comment or declaration without an end");
    }
}
