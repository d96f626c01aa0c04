/* Pictures that a request brings, and the memory of those that came as base64. */
#ifndef INFER_TOOLS_SERVE_PICTURES_H
#define INFER_TOOLS_SERVE_PICTURES_H

#include "infer_vision.h"
#include "third_party/yyjson/yyjson.h"

enum { PICTURES_MOST = 64, PICTURES_DEEPEST = 6 };

struct pictures {
    int count;
    infer_picture picture[PICTURES_MOST];
    void *owned[PICTURES_MOST];
};

/* Adds a picture's file, whose bytes must live as long. 0: there are too many. */
int pictures_add(struct pictures *p, const void *data, size_t bytes);
/* Adds one from base64, with or without "data:image/jpeg;base64," in front. 1: it was added; 0: it
 * is not base64 of a picture, or there are too many, or no memory. */
int pictures_add_text(struct pictures *p, const char *text, size_t n);
/* Adds all that a value has: a string is base64; of an object the members "b64", "data", "body",
 * "image", "inputs", "instances" and "examples" are looked at, and if it has none of them, all. 0:
 * a string is no picture, there are too many, or it is too deep. */
int pictures_add_json(struct pictures *p, yyjson_val *value);
void pictures_free(struct pictures *p);

#endif
