/* Structs of the interface that may grow: each begins with `size_t size`, the caller's sizeof.
 * These are the only functions that know what a size means; infer.h tells callers. */
#ifndef INFER_BASE_SIZED_H
#define INFER_BASE_SIZED_H

#include <stddef.h>

#include "infer.h"

/* A kind of struct: its name for messages, its size in version 0.1, and now. */
struct infer__sized {
    const char *name;
    size_t first, now;
};

/* `last`: the member that was the last one in version 0.1. A newer one goes behind the last of all,
 * and there is no padding at the end, which an older caller would not have set. */
#define INFER__SIZED(type, last)                                                                   \
    (&(const struct infer__sized){#type, offsetof(type, last) + sizeof(((type *)0)->last),         \
                                  sizeof(type)})

/* `size` bytes of 0 and the size itself; nothing where `to` is NULL or the size is no struct's. */
void infer__sized_init(void *to, size_t size);

/* Copies what the caller gave, NULL or a struct of whatever version, to *out, which is as we know
 * it: what the caller doesn't know is 0. */
infer_status infer__sized_read(const struct infer__sized *kind, const void *given, void *out,
                               infer_error *err);

/* Whether `to`, where an answer will be written, is a struct of the kind. */
infer_status infer__sized_check(const struct infer__sized *kind, const void *to, infer_error *err);
/* Writes an answer, `from` as we know it, to `to`, which was checked: as much as it has room for,
 * and 0 where the caller knows more. The caller's size stays. */
void infer__sized_write(const struct infer__sized *kind, const void *from, void *to);

#endif
