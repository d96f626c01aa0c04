/* Content codings of HTTP: gzip and deflate (in zlib's wrapping), by zlib. */
#ifndef INFER_TOOLS_SERVE_CODING_H
#define INFER_TOOLS_SERVE_CODING_H

#include <stddef.h>

enum coding_status {
    CODING_OK,
    CODING_UNKNOWN,   /* of the name */
    CODING_BAD,       /* the bytes are not of this coding, or end too soon */
    CODING_TOO_LARGE, /* more than `most` bytes come out */
    CODING_NO_MEMORY
};

/* Decodes a body. *out has a 0 behind it and is the caller's, to be freed with free. */
enum coding_status coding_decode(const char *name, const unsigned char *in, size_t bytes,
                                 size_t most, unsigned char **out, size_t *out_bytes);
/* Encodes with "gzip" or "deflate"; *out likewise. */
enum coding_status coding_encode(const char *name, const void *in, size_t bytes,
                                 unsigned char **out, size_t *out_bytes);
/* Which of the two an Accept-Encoding asks for, by its weights; NULL: neither by name. */
const char *coding_accepted(const char *accept);

#endif
