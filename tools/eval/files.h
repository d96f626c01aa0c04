/* Files of a folder, and lists of names. */
#ifndef INFER_TOOLS_EVAL_FILES_H
#define INFER_TOOLS_EVAL_FILES_H

#include "tools/eval/names.h"

/* The files in a folder, and in those inside it, whose names end with one of `endings` (which NULL
 * ends, letters of either size), as paths inside it and in their order; ids are 0, 1 ... Returns an
 * exit status after a message. None is no failure. */
int files_list(const char *folder, const char *const *endings, struct name_list *files);
/* "folder/file", in the region; NULL without memory. */
char *files_path(struct infer__region *r, const char *folder, const char *file);
/* The lines of a file that are not empty, with ids from `first` on. */
int files_read_names(const char *path, int64_t first, struct name_list *names);

/* "infer: PATH: no memory for what is in it" on standard error, and CLI_RESOURCES. */
int files_no_memory(const char *path);

extern const char *const files_pictures[]; /* endings of pictures */

#endif
