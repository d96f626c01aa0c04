/* Writing files whole or not at all. */
#ifndef INFER_TOOLS_WRITE_FILE_H
#define INFER_TOOLS_WRITE_FILE_H

#include <stddef.h>

/* Writes to a temporary file beside `path` and renames it: a reader sees the old file or the new
 * one. Returns 0, or a message's exit status after printing it. */
int write_file(const char *path, const void *bytes, size_t size);

#endif
