#include "tools/serve/transport/coding.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/* The window's size for zlib's functions: 15 bits, and 16 more for gzip's wrapping. 0: unknown. */
static int window_of(const char *name)
{
    if (strcasecmp(name, "gzip") == 0 || strcasecmp(name, "x-gzip") == 0)
        return 15 + 16;
    return strcasecmp(name, "deflate") == 0 ? 15 : 0;
}

/* Twice the room, at most `most` and a byte for the 0 and for noticing that there is more. */
static int grow(unsigned char **out, size_t *capacity, size_t most)
{
    const size_t next = *capacity > most / 2 ? most + 2 : *capacity * 2;
    unsigned char *p = next > *capacity ? realloc(*out, next) : NULL;
    if (!p)
        return 0;
    *out = p;
    *capacity = next;
    return 1;
}

static enum coding_status inflate_all(z_stream *z, size_t most, unsigned char **out,
                                      size_t *out_bytes)
{
    size_t capacity = 64 << 10, n = 0;
    *out = malloc(capacity);
    if (!*out)
        return CODING_NO_MEMORY;
    for (;;) {
        if (n + 1 >= capacity && !grow(out, &capacity, most))
            return n >= most ? CODING_TOO_LARGE : CODING_NO_MEMORY;
        const size_t room = capacity - n - 1;
        z->next_out = *out + n;
        z->avail_out = room > 1u << 30 ? 1u << 30 : (uInt)room;
        const uInt before = z->avail_out;
        const int status = inflate(z, Z_NO_FLUSH);
        n += before - z->avail_out;
        if (n > most)
            return CODING_TOO_LARGE;
        if (status == Z_STREAM_END && z->avail_in == 0)
            break;
        if (status == Z_STREAM_END || (status != Z_OK && status != Z_BUF_ERROR) ||
            (z->avail_in == 0 && z->avail_out > 0))
            return status == Z_MEM_ERROR ? CODING_NO_MEMORY : CODING_BAD;
    }
    (*out)[n] = 0;
    *out_bytes = n;
    return CODING_OK;
}

enum coding_status coding_decode(const char *name, const unsigned char *in, size_t bytes,
                                 size_t most, unsigned char **out, size_t *out_bytes)
{
    const int window = window_of(name);
    *out = NULL;
    *out_bytes = 0;
    if (!window)
        return CODING_UNKNOWN;
    z_stream z = {.next_in = (unsigned char *)in, .avail_in = (uInt)bytes};
    if (bytes > 1u << 30)
        return CODING_TOO_LARGE;
    if (inflateInit2(&z, window) != Z_OK)
        return CODING_NO_MEMORY;
    const enum coding_status status = inflate_all(&z, most, out, out_bytes);
    inflateEnd(&z);
    if (status != CODING_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

enum coding_status coding_encode(const char *name, const void *in, size_t bytes,
                                 unsigned char **out, size_t *out_bytes)
{
    const int window = window_of(name);
    *out = NULL;
    *out_bytes = 0;
    if (!window)
        return CODING_UNKNOWN;
    if (bytes > 1u << 30)
        return CODING_TOO_LARGE;
    z_stream z = {.next_in = (unsigned char *)in, .avail_in = (uInt)bytes};
    if (deflateInit2(&z, 1, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return CODING_NO_MEMORY;
    const uLong bound = deflateBound(&z, (uLong)bytes);
    *out = malloc(bound + 1);
    z.next_out = *out;
    z.avail_out = (uInt)bound;
    const int status = *out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    *out_bytes = (size_t)z.total_out;
    deflateEnd(&z);
    if (status == Z_STREAM_END)
        return CODING_OK;
    free(*out);
    *out = NULL;
    return CODING_NO_MEMORY;
}

/* The weight of a coding in an Accept-Encoding, -1 where it is not named. */
static double weight_of(const char *accept, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = accept; *p;) {
        p += strspn(p, " \t,");
        const size_t n = strcspn(p, ",");
        const size_t word = strcspn(p, " \t,;");
        if (word == length && strncasecmp(p, name, length) == 0) {
            for (const char *q = p + word; q < p + n; q++)
                if ((*q == 'q' || *q == 'Q') && q[1] == '=')
                    return strtod(q + 2, NULL);
            return 1;
        }
        p += n;
    }
    return -1;
}

const char *coding_accepted(const char *accept)
{
    if (!accept)
        return NULL;
    const double gzip = weight_of(accept, "gzip"), deflate = weight_of(accept, "deflate");
    if (gzip <= 0 && deflate <= 0)
        return NULL;
    return gzip >= deflate ? "gzip" : "deflate";
}
