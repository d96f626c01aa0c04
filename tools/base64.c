#include "tools/base64.h"

#include <stdint.h>
#include <stdlib.h>

size_t base64_room(size_t n)
{
    return n / 4 * 3 + 3;
}

/* The 6 bits of a character; -1: none, -2: to be passed over. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? -2 : -1;
}

/* Whether all that is left is padding that completes a group of four. */
static int is_padding(const char *text, size_t n, unsigned digits)
{
    unsigned pads = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '=')
            pads++;
        else if (value_of(text[i]) != -2)
            return 0;
    }
    return (digits == 2 && pads == 2) || (digits == 3 && pads == 1);
}

long base64_decode(const char *text, size_t n, unsigned char *out)
{
    uint32_t bits = 0;
    unsigned digits = 0; /* of the group so far */
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
        const int value = value_of(text[i]);
        if (value == -2)
            continue;
        if (value < 0) {
            if (text[i] == '=' && is_padding(text + i, n - i, digits))
                break;
            return -1;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++digits == 4) {
            out[written++] = (unsigned char)(bits >> 16);
            out[written++] = (unsigned char)(bits >> 8);
            out[written++] = (unsigned char)bits;
            digits = 0;
        }
    }
    if (digits == 1)
        return -1;
    if (digits >= 2)
        out[written++] = (unsigned char)(digits == 2 ? bits >> 4 : bits >> 10);
    if (digits == 3)
        out[written++] = (unsigned char)(bits >> 2);
    return (long)written;
}

char *base64_encode(const void *bytes, size_t n, size_t *length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    char *text = n < SIZE_MAX / 2 ? malloc((n + 2) / 3 * 4 + 1) : NULL;
    size_t w = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                           (left > 2 ? p[i + 2] : 0);
        text[w++] = digits[v >> 18];
        text[w++] = digits[v >> 12 & 63];
        text[w++] = left > 1 ? digits[v >> 6 & 63] : '=';
        text[w++] = left > 2 ? digits[v & 63] : '=';
    }
    text[w] = 0;
    if (length)
        *length = w;
    return text;
}
