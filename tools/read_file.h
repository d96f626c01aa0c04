/* Small readers of whole files. */
#ifndef INFER_TOOLS_READ_FILE_H
#define INFER_TOOLS_READ_FILE_H

#include <stddef.h>

/* The bytes of a file, with a 0 behind them, to be freed; NULL after a message. */
char *read_file(const char *path, size_t *size);
/* The lines of a text file without their ends, as one block to be freed; an empty last line does
 * not count. NULL after a message. */
char **read_lines(const char *path, unsigned *count);

#endif
