/* Pages: reading a large file through its map without holding all of it; much memory at once. */
#ifndef INFER_BASE_PAGES_H
#define INFER_BASE_PAGES_H

#include <stddef.h>

/* A mapped file; data NULL: there is none, and the functions below do nothing. */
struct infer__pages {
    const void *data;
    size_t bytes;
};

/* Gives the whole pages within [data, data + bytes) back to the system, if they belong to the
 * map: they come back from the page cache when they are read again. errno stays as it was. */
void infer__pages_drop(const struct infer__pages *map, const void *data, size_t bytes);

/* Asks for large pages for memory of our own; a wish, and errno stays as it was. */
void infer__pages_large(void *memory, size_t bytes);

/* Takes the pages of memory of our own from the system, all at once; where it can't, they come when
 * they are touched. errno stays as it was. */
void infer__pages_fill(void *memory, size_t bytes);

#endif
