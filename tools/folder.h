/* Names of files that a command writes. */
#ifndef INFER_TOOLS_FOLDER_H
#define INFER_TOOLS_FOLDER_H

/* Makes a folder and those above it where they are missing. Returns 0, or CLI_RESOURCES after a
 * message. */
int make_folder(const char *path);

/* "folder/name" + end with every byte of `name` that is not a letter, a digit or one of ._-
 * replaced by _, and no dot in front; to be freed, NULL without memory. Different names may give
 * the same path. */
char *path_in(const char *folder, const char *name, const char *end);

/* What stands behind the last slash. */
const char *base_name(const char *path);

#endif
