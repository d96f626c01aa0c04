#include "tools/decoders/names.h"

#include <stdlib.h>
#include <string.h>

static const char *spaces(const char *s)
{
    return s + strspn(s, " \t\r\n");
}

/* A string in quotes of either kind, copied; what a backslash is before stands for itself. Returns
 * what is behind it, or NULL. */
static const char *read_string(const char *s, char **out, struct infer__region *region)
{
    const char quote = *s++;
    if (quote != '\'' && quote != '"')
        return NULL;
    char *to = infer__region_take(region, strlen(s) + 1);
    if (!to)
        return NULL;
    *out = to;
    for (; *s && *s != quote; s++) {
        if (*s == '\\' && s[1])
            s++;
        *to++ = *s;
    }
    *to = 0;
    return *s ? s + 1 : NULL;
}

/* "0: 'person'" with a comma or the last brace behind it. */
static const char *read_pair(const char *s, uint32_t number, char **out,
                             struct infer__region *region)
{
    char *end;
    s = spaces(s);
    const long n = strtol(s, &end, 10);
    if (end == s || n < 0 || (unsigned long)n != number)
        return NULL;
    s = spaces(end);
    if (*s != ':' || !(s = read_string(spaces(s + 1), out, region)))
        return NULL;
    s = spaces(s);
    return *s == ',' || *s == '}' ? s : NULL;
}

static const char *find(const struct infer__about *about, const char *key)
{
    for (uint32_t i = 0; i < about->npairs; i++)
        if (strcmp(about->pairs[i].key, key) == 0)
            return about->pairs[i].value;
    return NULL;
}

const char *const *decoder_names(const struct infer__about *about, struct infer__region *region,
                                 uint32_t *count)
{
    const char *s = find(about, "names");
    char **names = NULL;
    uint32_t n = 0, capacity = 0;
    *count = 0;
    if (!s || *(s = spaces(s)) != '{')
        return NULL;
    do {
        if (!infer__region_grow(region, (void **)&names, &capacity, n + 1, sizeof *names) ||
            !(s = read_pair(s + 1, n, &names[n], region)))
            return NULL;
        n++;
    } while (*s == ',');
    *count = n;
    return (const char *const *)names;
}

const char *const *decoder_characters(const struct infer__about *about,
                                      struct infer__region *region, uint32_t *count)
{
    const char *s = find(about, "character");
    char **lines = NULL;
    uint32_t n = 0, capacity = 0;
    *count = 0;
    if (!s || !*s)
        return NULL;
    for (;;) {
        const size_t length = strcspn(s, "\n"), cut = length && s[length - 1] == '\r';
        if (!infer__region_grow(region, (void **)&lines, &capacity, n + 1, sizeof *lines) ||
            !(lines[n] = infer__region_calloc(region, length + 1, 1)))
            return NULL;
        memcpy(lines[n++], s, length - cut);
        s += length;
        if (!*s || !*++s)
            break;
    }
    *count = n;
    return (const char *const *)lines;
}

const char *const *decoder_alphabet(infer_decoding *d, const char *const *labels, uint32_t *count,
                                    struct infer__region *region)
{
    const uint32_t n = *count;
    d->label_first = (int64_t)n >= d->classes ? 0 : -1;
    if ((int64_t)n + 2 != d->classes)
        return labels;
    const char **more = infer__region_calloc(region, (size_t)n + 1, sizeof *more);
    if (!more)
        return NULL;
    memcpy(more, labels, n * sizeof *more);
    more[n] = " ";
    *count = n + 1;
    return more;
}
