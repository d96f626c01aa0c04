#include "tools/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pictures, labels and lists: all of them are far smaller. */
enum { MOST = 512 << 20 };

char *read_file(const char *path, size_t *size)
{
    char *bytes = NULL;
    size_t used = 0, room = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        goto fail;
    for (;;) {
        if (used + 1 >= room) {
            if (room > MOST) { /* /dev/zero has no end */
                errno = EFBIG;
                goto fail;
            }
            room = room ? room * 2 : 65536;
            char *grown = realloc(bytes, room);
            if (!grown)
                goto fail;
            bytes = grown;
        }
        size_t n = fread(bytes + used, 1, room - used - 1, f);
        used += n;
        if (n == 0)
            break;
    }
    if (ferror(f))
        goto fail;
    fclose(f);
    bytes[used] = 0;
    *size = used;
    return bytes;
fail:
    fprintf(stderr, "infer: %s: can't be read: %s\n", path, strerror(errno));
    free(bytes);
    if (f)
        fclose(f);
    return NULL;
}

char **read_lines(const char *path, unsigned *count)
{
    size_t size, lines = 1;
    char *text = read_file(path, &size);
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    char **all = malloc(lines * sizeof *all + size + 1);
    if (!all) {
        fprintf(stderr, "infer: %s: no memory for its lines\n", path);
        free(text);
        return NULL;
    }
    char *copy = (char *)(all + lines), *end = copy + size;
    memcpy(copy, text, size + 1);
    free(text);
    *count = 0;
    if (size >= 3 && memcmp(copy, "\xef\xbb\xbf", 3) == 0) /* the mark that text is UTF-8 */
        copy += 3;
    for (char *p = copy; p < end;) {
        char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        *stop = 0;
        if (stop > p && stop[-1] == '\r')
            stop[-1] = 0;
        all[(*count)++] = p;
        p = stop + 1;
    }
    return all;
}
