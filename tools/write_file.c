#include "tools/write_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"

static int write_all(int fd, const char *p, size_t size)
{
    while (size) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

int write_file(const char *path, const void *bytes, size_t size)
{
    size_t length = strlen(path) + 16;
    char *temporary = malloc(length);
    int fd = -1;
    if (!temporary)
        goto fail;
    snprintf(temporary, length, "%s.XXXXXX", path);
    fd = mkstemp(temporary);
    if (fd < 0)
        goto fail;
    mode_t mask = umask(0);
    umask(mask);
    if (!write_all(fd, bytes, size) || fchmod(fd, 0666 & ~mask) || fsync(fd))
        goto fail;
    if (close(fd)) {
        fd = -1;
        goto fail;
    }
    fd = -1;
    if (rename(temporary, path)) {
        unlink(temporary);
        goto fail;
    }
    free(temporary);
    return CLI_OK;
fail:
    fprintf(stderr, "infer: %s: can't be written: %s\n", path, strerror(errno));
    if (fd >= 0) {
        close(fd);
        unlink(temporary);
    }
    free(temporary);
    return CLI_RESOURCES;
}
