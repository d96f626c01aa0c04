/* Writing files whole or not at all. */
#ifndef INFER_TOOLS_WRITE_FILE_H
#define INFER_TOOLS_WRITE_FILE_H

#include <stddef.h>

/* Writes to a temporary file beside `path`, on the disk before it gets the name: a reader, also one
 * that has the old file mapped, sees the old file or the new one. A file that is replaced leaves
 * its mode and, where the system allows, its owner to the new one; of a symbolic link the file that
 * it leads to is replaced. Devices, FIFOs and folders are refused. Where it fails the old file
 * stands and no temporary one is left, unless the program is killed outright. Returns 0, or a
 * message's exit status after printing it. One thread at a time. */
int write_file(const char *path, const void *bytes, size_t size);

#endif
