/* The pictures that a command is given: files, and folders of them. */
#ifndef INFER_TOOLS_PICTURES_H
#define INFER_TOOLS_PICTURES_H

struct pictures {
    char **paths;
    int count;
};

/* Whether a file is a picture by the ending of its name: JPEG, PNG, BMP, GIF, TGA, PNM. */
int picture_name(const char *name);

/* What `names` stands for, in that order: a folder for the pictures in it, by name, a pattern with
 * *, ? or [ that is no file for the files that match, by name, anything else for itself. Returns an
 * exit status, after a message where it is not 0. Free it in either case. */
int pictures_list(const char *const *names, int n, struct pictures *p);
void pictures_free(struct pictures *p);

#endif
