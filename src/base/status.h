/* One-line checks and the error they fill.
 *
 * Every fallible internal function takes `infer_error *err` (never NULL inside the library: the
 * public entry points pass a local one where the caller gave none) and returns infer_status.
 */
#ifndef INFER_BASE_STATUS_H
#define INFER_BASE_STATUS_H

#include "infer.h"

/* Fill *err. `node` may be NULL. Called through the macros below. */
void infer__fill_error(infer_error *err, infer_status status, const char *node, uint64_t offset,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Fill *err and are worth `status`, an expression without side effects: that a failure is never
 * INFER_OK stays plain to compilers and analysers.
 *
 *   infer__fail(err, status, format, ...)
 *   infer__fail_node(err, status, node, format, ...)     the name of a node, or NULL
 *   infer__fail_at(err, status, offset, format, ...)     a byte offset in the file */
#define infer__fail(err, status, ...) infer__fail_whole(err, status, NULL, 0, __VA_ARGS__)
#define infer__fail_node(err, status, node, ...)                                                   \
    infer__fail_whole(err, status, node, 0, __VA_ARGS__)
#define infer__fail_at(err, status, offset, ...)                                                   \
    infer__fail_whole(err, status, NULL, offset, __VA_ARGS__)
#define infer__fail_whole(err, status, node, offset, ...)                                          \
    (infer__fill_error((err), (status), (node), (offset), __VA_ARGS__), (status))

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

/* The no-memory error. */
static inline infer_status infer__no_memory(infer_error *err, size_t bytes)
{
    return infer__fail(err, INFER_ERROR_NO_MEMORY, "no memory for %zu bytes", bytes);
}

#endif
