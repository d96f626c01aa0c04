/* Tensor data in files beside the model.
 *
 * A model comes from a stranger, and the names in it are the stranger's wish. A name may only
 * lead to a regular file below the model's folder, reached without following a link: no absolute
 * path, no "..", no symbolic link in any component, no second hard link, no FIFO or device.
 */
#include "tools/onnx/onnx_internal.h"

#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct external {
    const char *location;
    uint64_t offset, length;
    int has_length;
};

/* Digits only; 0 if it is anything else or too large. */
static int parse_number(const char *s, uint64_t *v)
{
    *v = 0;
    if (!s || !*s)
        return 0;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return 0;
        if (__builtin_mul_overflow(*v, (uint64_t)10, v) ||
            __builtin_add_overflow(*v, (uint64_t)(*s - '0'), v))
            return 0;
    }
    return 1;
}

static infer_status parse_keys(const Onnx__TensorProto *p, struct external *e, infer_error *err)
{
    *e = (struct external){0};
    for (size_t i = 0; i < p->n_external_data; i++) {
        const char *key = p->external_data[i]->key, *value = p->external_data[i]->value;
        FAIL_IF(!key || !value, INFER_ERROR_FORMAT, "external data with a key or value missing");
        if (!strcmp(key, "location")) {
            FAIL_IF(e->location, INFER_ERROR_FORMAT, "external data has two locations");
            e->location = value;
        } else if (!strcmp(key, "offset")) {
            FAIL_IF(!parse_number(value, &e->offset), INFER_ERROR_FORMAT,
                    "external data: the offset is no number");
        } else if (!strcmp(key, "length")) {
            FAIL_IF(!parse_number(value, &e->length), INFER_ERROR_FORMAT,
                    "external data: the length is no number");
            e->has_length = 1;
        }
    }
    FAIL_IF(!e->location || !*e->location, INFER_ERROR_FORMAT, "external data has no location");
    return INFER_OK;
}

/* Length of the next component of a path; 0 at its end. Empty ones and "." name the folder itself
 * and are passed over. */
static size_t next_part(const char **path)
{
    for (;;) {
        size_t length = strcspn(*path, "/");
        if ((*path)[length] == 0 || length > 1 || (length == 1 && **path != '.'))
            return length;
        *path += length + 1;
    }
}

/* Opens one component below `folder`; *why tells what is wrong where there is none. */
static int open_part(int folder, const char *part, size_t length, int last, const char **why)
{
    char name[256] = "";
    *why = NULL;
    if (length == 2 && !memcmp(part, "..", 2))
        *why = "'..' is not allowed";
    else if (length == 0 || length >= sizeof name || (length == 1 && *part == '.'))
        *why = "this is no file name";
    else
        memcpy(name, part, length);
    if (*why)
        return -1;
    /* O_NONBLOCK: a FIFO is refused, not waited for. */
    int fd = openat(folder, name,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY));
    if (fd < 0)
        *why = errno == ELOOP ? "symbolic links are not allowed" : strerror(errno);
    return fd;
}

/* Opens the file that `location` names below `folder`, component by component; `folder` stays
 * open. */
static infer_status open_below(int folder, const char *location, int *fd, infer_error *err)
{
    int at = folder, last = 0;
    *fd = -1;
    FAIL_IF(location[0] == '/', INFER_ERROR_FORMAT, "external data: '%s' is an absolute path",
            location);
    for (const char *part = location; !last;) {
        const char *why;
        size_t length = next_part(&part);
        last = part[length] == 0;
        int next = open_part(at, part, length, last, &why);
        if (at != folder)
            close(at);
        FAIL_IF(next < 0, INFER_ERROR_FORMAT, "external data in '%s': %s", location, why);
        at = next;
        part += length + !last;
    }
    *fd = at;
    return INFER_OK;
}

static infer_status check_range(int fd, const struct external *e, size_t bytes, infer_error *err)
{
    struct stat st;
    FAIL_IF(fstat(fd, &st) != 0, INFER_ERROR_IO, "external data in '%s': %s", e->location,
            strerror(errno));
    FAIL_IF(!S_ISREG(st.st_mode), INFER_ERROR_FORMAT,
            "external data in '%s': this is not a regular file", e->location);
    FAIL_IF(st.st_nlink > 1, INFER_ERROR_FORMAT,
            "external data in '%s': the file has a second name (hard link), which is not allowed",
            e->location);
    FAIL_IF(!infer__size_inside(e->offset, bytes, (uint64_t)st.st_size), INFER_ERROR_FORMAT,
            "external data in '%s': %zu bytes at %llu pass the file's end", e->location, bytes,
            (unsigned long long)e->offset);
    return INFER_OK;
}

infer_status onnx_external_open(const Onnx__TensorProto *p, int folder, size_t bytes, int *fd,
                                uint64_t *offset, infer_error *err)
{
    struct external e;
    TRY(parse_keys(p, &e, err));
    FAIL_IF(folder < 0, INFER_ERROR_FORMAT,
            "external data in '%s', but there is no folder to look in", e.location);
    FAIL_IF(e.has_length && e.length != bytes, INFER_ERROR_FORMAT,
            "external data in '%s': %llu bytes, but the tensor takes %zu", e.location,
            (unsigned long long)e.length, bytes);
    TRY(open_below(folder, e.location, fd, err));
    *offset = e.offset;
    infer_status status = check_range(*fd, &e, bytes, err);
    if (status != INFER_OK) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

infer_status onnx_external_read(int fd, uint64_t offset, void *to, size_t bytes, infer_error *err)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t n = pread(fd, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        FAIL_IF(n <= 0, INFER_ERROR_IO, "external data can't be read: %s",
                n < 0 ? strerror(errno) : "the file became shorter");
        done += (size_t)n;
    }
    return INFER_OK;
}
