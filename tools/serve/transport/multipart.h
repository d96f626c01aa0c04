/* Bodies of multipart/form-data (RFC 7578), as browsers and curl -F send them. */
#ifndef INFER_TOOLS_SERVE_MULTIPART_H
#define INFER_TOOLS_SERVE_MULTIPART_H

#include <stddef.h>

/* A piece of the body; nothing is copied. */
struct multipart_text {
    const char *text;
    size_t length;
};

/* A part. Name and file name are as they were sent, without their quotes. */
struct multipart_part {
    struct multipart_text name, file, type; /* type: its Content-Type, empty where it has none */
    int is_file;                            /* it has a file name, which may be empty */
    const unsigned char *data;
    size_t bytes;
};

enum multipart_status {
    MULTIPART_OK,
    MULTIPART_NO_BOUNDARY, /* the Content-Type names none, or one of more than 70 characters */
    MULTIPART_CUT,         /* the last boundary is missing */
    MULTIPART_BAD_HEADER,  /* of a part: no Content-Disposition with a name */
    MULTIPART_TOO_MANY     /* parts */
};

enum { MULTIPART_LONGEST_BOUNDARY = 70 };

/* The boundary that a Content-Type names, into `boundary`. */
enum multipart_status multipart_boundary(const char *content_type,
                                         char boundary[MULTIPART_LONGEST_BOUNDARY + 1]);
/* Finds the parts of a body, at most `most`. Lines may end in LF alone. What stands in front of the
 * first boundary and behind the last is passed over. Takes time linear in the body's size, and no
 * memory. *count is 0 unless it is MULTIPART_OK. */
enum multipart_status multipart_parse(const void *body, size_t bytes, const char *boundary,
                                      struct multipart_part *parts, int most, int *count);
/* A sentence for a status. */
const char *multipart_why(enum multipart_status status);

#endif
