#include "base/sized.h"

#include <string.h>

#include "base/status.h"

/* No struct will ever be larger: a larger size was never set. */
enum { MOST = 4096 };

static size_t size_of(const void *s)
{
    size_t size;
    memcpy(&size, s, sizeof size);
    return size;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void infer__sized_init(void *to, size_t size)
{
    if (!to || size < sizeof size || size > MOST)
        return;
    memset(to, 0, size);
    memcpy(to, &size, sizeof size);
}

infer_status infer__sized_check(const struct infer__sized *kind, const void *to, infer_error *err)
{
    FAIL_IF(!to, INFER_ERROR_ARGUMENT, "the %s is NULL", kind->name);
    const size_t size = size_of(to);
    FAIL_IF(size < kind->first || size > MOST, INFER_ERROR_ARGUMENT,
            "%s.size is %zu, which it never was: it has to be initialised", kind->name, size);
    return INFER_OK;
}

infer_status infer__sized_read(const struct infer__sized *kind, const void *given, void *out,
                               infer_error *err)
{
    infer__sized_init(out, kind->now);
    if (!given)
        return INFER_OK;
    TRY(infer__sized_check(kind, given, err));
    const size_t size = size_of(given);
    const unsigned char *bytes = given;
    for (size_t i = kind->now; i < size; i++)
        FAIL_IF(bytes[i], INFER_ERROR_ARGUMENT,
                "%s has a field that this version does not know, at byte %zu, and it is set",
                kind->name, i);
    memcpy(out, given, smaller(size, kind->now));
    memcpy(out, &kind->now, sizeof kind->now);
    return INFER_OK;
}

void infer__sized_write(const struct infer__sized *kind, const void *from, void *to)
{
    const size_t size = size_of(to), known = smaller(size, kind->now), head = sizeof size;
    unsigned char *bytes = to;
    memcpy(bytes + head, (const unsigned char *)from + head, known - head);
    memset(bytes + known, 0, size - known);
}
