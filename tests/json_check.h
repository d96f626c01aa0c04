/* Is a text one JSON value (RFC 8259), and what number stands behind a key? */
#ifndef INFER_TESTS_JSON_CHECK_H
#define INFER_TESTS_JSON_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json {
    const char *at;
    int depth;
};

static inline void json_space(struct json *j)
{
    while (*j->at && strchr(" \t\r\n", *j->at))
        j->at++;
}

static inline int json_hex(const char *s)
{
    for (int i = 0; i < 4; i++)
        if (!s[i] || !strchr("0123456789abcdefABCDEF", s[i]))
            return 0;
    return 1;
}

static inline int json_text(struct json *j)
{
    if (*j->at++ != '"')
        return 0;
    for (; *j->at && *j->at != '"'; j->at++) {
        if ((unsigned char)*j->at < 0x20)
            return 0;
        if (*j->at == '\\') {
            j->at++;
            if (*j->at == 'u' && json_hex(j->at + 1))
                j->at += 4;
            else if (!*j->at || !strchr("\"\\/bfnrt", *j->at))
                return 0;
        }
    }
    return *j->at++ == '"';
}

static inline int json_digits(struct json *j)
{
    const char *start = j->at;
    while (*j->at >= '0' && *j->at <= '9')
        j->at++;
    return j->at > start;
}

static inline int json_numeral(struct json *j)
{
    if (*j->at == '-')
        j->at++;
    const char *first = j->at;
    if (!json_digits(j) || (*first == '0' && j->at > first + 1))
        return 0;
    if (*j->at == '.') {
        j->at++;
        if (!json_digits(j))
            return 0;
    }
    if (*j->at == 'e' || *j->at == 'E') {
        j->at++;
        if (*j->at == '+' || *j->at == '-')
            j->at++;
        if (!json_digits(j))
            return 0;
    }
    return 1;
}

static inline int json_value(struct json *j);

/* An object or an array, behind its first bracket. */
static inline int json_members(struct json *j, int object, char end)
{
    json_space(j);
    if (*j->at == end)
        return j->at++, 1;
    for (;;) {
        json_space(j);
        if (object) {
            if (!json_text(j))
                return 0;
            json_space(j);
            if (*j->at++ != ':')
                return 0;
        }
        if (!json_value(j))
            return 0;
        json_space(j);
        if (*j->at == end)
            return j->at++, 1;
        if (*j->at++ != ',')
            return 0;
    }
}

static inline int json_value(struct json *j)
{
    static const char *const words[] = {"true", "false", "null"};
    json_space(j);
    if (*j->at == '{' || *j->at == '[') {
        int object = *j->at++ == '{';
        if (++j->depth > 100 || !json_members(j, object, object ? '}' : ']'))
            return 0;
        j->depth--;
        return 1;
    }
    if (*j->at == '"')
        return json_text(j);
    for (int i = 0; i < 3; i++)
        if (strncmp(j->at, words[i], strlen(words[i])) == 0)
            return j->at += strlen(words[i]), 1;
    return json_numeral(j);
}

/* 1 if the text is one value and nothing else. */
static inline int json_valid(const char *text)
{
    struct json j = {text, 0};
    if (!json_value(&j))
        return 0;
    json_space(&j);
    return *j.at == 0;
}

/* The number behind the first "key": in the text; -1e300 where there is none. */
static inline double json_find(const char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    const char *at = strstr(text, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : -1e300;
}

#endif
