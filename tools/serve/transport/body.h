/* What a prediction's body brings, whichever way it was sent: raw, multipart or form. */
#ifndef INFER_TOOLS_SERVE_BODY_H
#define INFER_TOOLS_SERVE_BODY_H

#include "tools/serve/transport/http.h"

enum { BODY_MOST_FIELDS = 64 };

/* A piece of the body; its bytes live as long as the request and the body. */
struct body_field {
    const char *name; /* without a 0 at its end; NULL: the whole body */
    size_t name_bytes;
    const unsigned char *data;
    size_t bytes;
    int is_file; /* it came as a file and not as a value */
};

struct body {
    int count;
    struct body_field fields[BODY_MOST_FIELDS];
    char *owned;
};

/* Takes a request's body apart by its Content-Type: multipart/form-data, or
 * application/x-www-form-urlencoded unless its first bytes are those of a picture (which is what
 * curl --data-binary sends); all else is one field, none where it is empty. Of fields of one name
 * the last counts. 0: `why` has a sentence. */
int body_read(const struct http_request *r, struct body *b, char *why, size_t size);
void body_free(struct body *b);
/* The value of a field that is no file, with a 0 behind it, into `value`; 0 where there is none or
 * it is too long. */
int body_value(const struct body *b, const char *name, char *value, size_t size);

/* Whether bytes begin as a picture's file does: JPEG, PNG, GIF, BMP or PNM. */
int body_is_picture(const unsigned char *data, size_t bytes);
/* Whether the first byte that is no white space opens an object or an array. */
int body_is_json(const unsigned char *data, size_t bytes);

#endif
