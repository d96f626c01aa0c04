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

static const char *find(const struct infer__about *about)
{
    for (uint32_t i = 0; i < about->npairs; i++)
        if (strcmp(about->pairs[i].key, "names") == 0)
            return about->pairs[i].value;
    return NULL;
}

const char *const *decoder_names(const struct infer__about *about, struct infer__region *region,
                                 uint32_t *count)
{
    const char *s = find(about);
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
