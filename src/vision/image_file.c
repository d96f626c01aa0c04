/* Pictures from files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/memory.h"
#include "base/status.h"
#include "infer_vision.h"
#include "vision/options.h"

/* Reads up to `size` bytes; *got is less only at the end of the file. */
static int read_all(int fd, uint8_t *to, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, to + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return 0;
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 1;
}

static infer_status load(const char *path, int fd, const infer_image_options *options,
                         infer_image *image, infer_error *err)
{
    struct stat st;
    FAIL_IF(fstat(fd, &st), INFER_ERROR_IO, "%.200s: can't be examined", path);
    FAIL_IF(!S_ISREG(st.st_mode), INFER_ERROR_IO, "%.200s: not a regular file", path);
    FAIL_IF((uint64_t)st.st_size > options->max_file_bytes, INFER_ERROR_LIMIT,
            "the picture file has %lld bytes; the limit is %llu", (long long)st.st_size,
            (unsigned long long)options->max_file_bytes);
    size_t size = (size_t)st.st_size, got;
    uint8_t *bytes = infer__alloc(&options->allocator, size, 64);
    if (!bytes)
        return infer__no_memory(err, size);
    infer_status status;
    if (!read_all(fd, bytes, size, &got))
        status = infer__fail(err, INFER_ERROR_IO, "%.200s: can't be read", path);
    else
        status = infer_image_decode(bytes, got, options, image, err);
    infer__free(&options->allocator, bytes);
    return status;
}

infer_status infer_image_load(const char *path, const infer_image_options *options,
                              infer_image *image, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!image, INFER_ERROR_ARGUMENT, "infer_image_load: image is NULL");
    memset(image, 0, sizeof *image);
    FAIL_IF(!path, INFER_ERROR_ARGUMENT, "infer_image_load: path is NULL");
    infer_image_options full;
    TRY(infer__image_options(options, &full, err));
    int fd;
    do /* O_NONBLOCK: a FIFO is refused, not waited for */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    infer_status status;
    if (fd < 0)
        status = infer__fail(err, INFER_ERROR_IO, "%.200s: can't be opened", path);
    else
        status = load(path, fd, &full, image, err);
    if (fd >= 0)
        close(fd);
    return status;
}
