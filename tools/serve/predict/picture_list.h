/* Pictures that a request brings, and the memory of those that came as base64. */
#ifndef INFER_TOOLS_SERVE_PICTURE_LIST_H
#define INFER_TOOLS_SERVE_PICTURE_LIST_H

#include "infer_vision.h"
#include "third_party/yyjson/yyjson.h"

enum { PICTURE_LIST_MOST = 64, PICTURE_LIST_DEEPEST = 6 };

struct picture_list {
    int count;
    infer_picture picture[PICTURE_LIST_MOST];
    void *owned[PICTURE_LIST_MOST];
};

/* Adds a picture's file, whose bytes must live as long. 0: there are too many. */
int picture_list_add(struct picture_list *p, const void *data, size_t bytes);
/* Adds one from base64, with or without "data:image/jpeg;base64," in front. 1: it was added; 0: it
 * is not base64 of a picture, or there are too many, or no memory. */
int picture_list_add_text(struct picture_list *p, const char *text, size_t n);
/* Adds all that a value has: a string is base64; of an object the members "b64", "data", "body",
 * "image", "inputs", "instances" and "examples" are looked at, and if it has none of them, all. 0:
 * a string is no picture, there are too many, or it is too deep. */
int picture_list_add_json(struct picture_list *p, yyjson_val *value);
void picture_list_free(struct picture_list *p);

#endif
