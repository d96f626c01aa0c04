/* The checksum of header and sections. It finds damage, not forgery: anybody can compute it. */
#ifndef INFER_FILE_CHECKSUM_H
#define INFER_FILE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/pages.h"

/* Of `size` bytes at `data`, which may have any alignment. */
uint64_t infer__checksum(const void *data, size_t size);
/* The same of bytes in a mapped file, of which no more than a few MiB are held at a time. */
uint64_t infer__checksum_mapped(const void *data, size_t size, const struct infer__pages *map);

#endif
