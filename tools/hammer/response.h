/* A reader of HTTP/1.x answers that takes them in pieces of any size. */
#ifndef INFER_TOOLS_HAMMER_RESPONSE_H
#define INFER_TOOLS_HAMMER_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

enum { RESPONSE_MOST_LINE = 4096, RESPONSE_MOST_HEAD = 65536 };

enum response_state {
    RESPONSE_STATUS_LINE,
    RESPONSE_HEADERS,
    RESPONSE_LENGTH,     /* content of a known length */
    RESPONSE_CHUNK_SIZE, /* content in chunks: the line before one */
    RESPONSE_CHUNK,
    RESPONSE_CHUNK_END,
    RESPONSE_TRAILERS,
    RESPONSE_TO_CLOSE, /* content up to the connection's end */
    RESPONSE_DONE,
    RESPONSE_BROKEN
};

struct response {
    enum response_state state;
    int status;
    int keep_alive;       /* once it is done: the connection may take another request */
    uint64_t content;     /* bytes of content so far */
    const char *problem;  /* why it is broken */
    int no_content;       /* the request was HEAD */
    int chunked, lengths; /* of headers */
    uint64_t left;        /* of the content or of a chunk */
    size_t head;          /* bytes of lines so far */
    size_t line_length;
    char line[RESPONSE_MOST_LINE];
};

void response_begin(struct response *r, int head_request);
/* Takes some of the `n` bytes and returns how many. What of them was content is at *content (as
 * part of `bytes`), *length bytes. Takes none once the answer is done or broken; the caller goes on
 * until then. Interim answers (100 to 199) are passed over. */
size_t response_take(struct response *r, const char *bytes, size_t n, const char **content,
                     size_t *length);
/* The connection has ended: 1 if that ends the answer as well. */
int response_end(struct response *r);

#endif
