/* Linked with --wrap=infer__fill_error, for r15_bad_graphs.sh: every failure that the library
 * reports is also written to the file that FAIL_RECORD names, as its format and its message. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/status.h"

void __real_infer__fill_error(infer_error *err, infer_status status, const char *node,
                              uint64_t offset, const char *format, ...);
__attribute__((format(printf, 5, 6))) void
__wrap_infer__fill_error(infer_error *err, infer_status status, const char *node, uint64_t offset,
                         const char *format, ...);

void __wrap_infer__fill_error(infer_error *err, infer_status status, const char *node,
                              uint64_t offset, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    const char *path = getenv("FAIL_RECORD");
    FILE *f = path ? fopen(path, "a") : NULL;
    if (f) {
        fprintf(f, "%s\t%s\n", format, message);
        fclose(f);
    }
    __real_infer__fill_error(err, status, node, offset, "%s", message);
}
