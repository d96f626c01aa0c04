/* The requests that are sent in turn, as the bytes that go over the wire. */
#ifndef INFER_TOOLS_HAMMER_REQUESTS_H
#define INFER_TOOLS_HAMMER_REQUESTS_H

#include <stddef.h>

#include "tools/cli.h"
#include "tools/hammer/target.h"

struct request {
    char *bytes;
    size_t size;
    size_t content; /* how many of them are content */
};

struct requests {
    struct request *items; /* owned, as their bytes are */
    size_t count;
    int head; /* the method is HEAD: answers have no content */
    char method[16];
};

/* Makes them of --method, --header, --body and --form. A CLI exit status, after a message; free
 * with requests_free whatever it is. */
int requests_make(const struct cli_args *args, const struct target *t, struct requests *r);
void requests_free(struct requests *r);

/* ---- files that become content (contents.c) ------------------------------------------------- */

/* Paths of files; folders give all files directly in them, by name. */
struct paths {
    char **items; /* owned */
    size_t count;
};

/* Adds a file or a folder's files. A CLI exit status, after a message. */
int paths_add(struct paths *p, const char *path);
void paths_free(struct paths *p);
/* The media type that a file's name tells: application/octet-stream if none. */
const char *media_type(const char *path);
/* Content as multipart/form-data (RFC 7578) of fields NAME=VALUE and NAME=@FILE; what a folder's
 * field has is `file` (else NULL). To be freed, NULL after a message. */
char *form_content(const char *const *fields, int count, const char *file, size_t *size);
/* The path behind NAME=@PATH, or NULL if the field is a text. */
const char *form_path(const char *field);

#define FORM_BOUNDARY "infer-hammer-part-2f9c41d07be8"

#endif
