/* One-line checks and the error they fill.
 *
 * Every fallible internal function takes `infer_error *err` (never NULL inside the library: the
 * public entry points pass a local one where the caller gave none) and returns infer_status.
 */
#ifndef INFER_BASE_STATUS_H
#define INFER_BASE_STATUS_H

#include "infer.h"

/* Fills *err and returns `status`. `node` may be NULL. */
infer_status infer__fail(infer_error *err, infer_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
infer_status infer__fail_node(infer_error *err, infer_status status, const char *node,
                              const char *format, ...) __attribute__((format(printf, 4, 5)));
infer_status infer__fail_at(infer_error *err, infer_status status, uint64_t offset,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
void infer__error_clear(infer_error *err);

/* Returns from the function with the status of `expr` unless it is INFER_OK. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        infer_status try_status_ = (expr);                                                         \
        if (try_status_ != INFER_OK)                                                               \
            return try_status_;                                                                    \
    } while (0)

/* The same, going to the function's `fail:` label with `status` set. */
#define TRY_GOTO(expr)                                                                             \
    do {                                                                                           \
        status = (expr);                                                                           \
        if (status != INFER_OK)                                                                    \
            goto fail;                                                                             \
    } while (0)

/* FAIL_IF(n > max, INFER_ERROR_LIMIT, "%u nodes, at most %u", n, max) */
#define FAIL_IF(cond, status_, ...)                                                                \
    do {                                                                                           \
        if (cond)                                                                                  \
            return infer__fail(err, (status_), __VA_ARGS__);                                       \
    } while (0)

/* Returns the fixed no-memory error, which needs no formatting. */
infer_status infer__no_memory(infer_error *err, size_t bytes);

#endif
