/* Names and ids of pictures and classes, and finding them again. */
#ifndef INFER_TOOLS_EVAL_NAMES_H
#define INFER_TOOLS_EVAL_NAMES_H

#include "base/memory.h"

struct name {
    int64_t id;
    const char *text; /* a picture's file, a class's label */
};

/* In order of ids once it is sorted. */
struct name_list {
    struct infer__region *region;
    struct name *items;
    uint32_t count, capacity;
    uint32_t *by_stem; /* indices in order of stems, made at the first search */
};

enum { NAME_NONE = -1, NAME_TWICE = -2 };

/* Adds a copy of the text. */
infer_status names_add(struct name_list *l, int64_t id, const char *text, infer_error *err);
/* Sorts by id; an error where two are equal, which names `what` ("picture"). */
infer_status names_sort(struct name_list *l, const char *what, infer_error *err);
/* Sorts by text, whatever the ids. */
void names_sort_texts(struct name_list *l);
/* Index of an id in a sorted list, or NAME_NONE. */
int64_t names_by_id(const struct name_list *l, int64_t id);
/* Index of the first item with the text, or NAME_NONE. */
int64_t names_by_text(const struct name_list *l, const char *text);
/* Index of the file that a text means: its path, else its name without folders and ending, which
 * other files may not share (NAME_TWICE). NAME_NONE. */
int64_t names_by_file(struct name_list *l, const char *text);
/* Gives files ids and sorts by them: the number that a stem is ("000012.jpg": 12), as tools call
 * such pictures in their results; others get those behind. Where two would be equal 1, 2 ... in the
 * order of the texts. */
infer_status names_number(struct name_list *l, infer_error *err);

/* Bytes of a path's last part without its ending, from *start on. */
size_t names_stem(const char *path, const char **start);

#endif
