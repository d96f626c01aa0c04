#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *infer_status_name(infer_status status)
{
    switch (status) {
    case INFER_OK:
        return "INFER_OK";
    case INFER_ERROR_ARGUMENT:
        return "INFER_ERROR_ARGUMENT";
    case INFER_ERROR_SHAPE:
        return "INFER_ERROR_SHAPE";
    case INFER_ERROR_NEED_VALUE:
        return "INFER_ERROR_NEED_VALUE";
    case INFER_ERROR_BUSY:
        return "INFER_ERROR_BUSY";
    case INFER_ERROR_IO:
        return "INFER_ERROR_IO";
    case INFER_ERROR_FORMAT:
        return "INFER_ERROR_FORMAT";
    case INFER_ERROR_VERSION:
        return "INFER_ERROR_VERSION";
    case INFER_ERROR_CHECKSUM:
        return "INFER_ERROR_CHECKSUM";
    case INFER_ERROR_UNSUPPORTED:
        return "INFER_ERROR_UNSUPPORTED";
    case INFER_ERROR_NO_MEMORY:
        return "INFER_ERROR_NO_MEMORY";
    case INFER_ERROR_LIMIT:
        return "INFER_ERROR_LIMIT";
    case INFER_ERROR_THREAD:
        return "INFER_ERROR_THREAD";
    case INFER_ERROR_PICTURE:
        return "INFER_ERROR_PICTURE";
    case INFER_ERROR_CANCELLED:
        return "INFER_ERROR_CANCELLED";
    case INFER_ERROR_DEADLINE:
        return "INFER_ERROR_DEADLINE";
    case INFER_ERROR_INTERNAL:
        return "INFER_ERROR_INTERNAL";
    }
    return "INFER_?";
}

void infer__error_clear(infer_error *err)
{
    err->status = INFER_OK;
    err->offset = 0;
    err->node[0] = 0;
    err->message[0] = 0;
}

void infer__fill_error(infer_error *err, infer_status status, const char *node, uint64_t offset,
                       const char *format, ...)
{
    va_list args;
    err->status = status;
    err->offset = offset;
    snprintf(err->node, sizeof err->node, "%s", node ? node : "");
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
}
