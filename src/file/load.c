/* Loading: options, the file's memory, the order of the steps. */
#include "file/load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/caller.h"
#include "base/sized.h"
#include "graph/custom.h"

typedef unsigned long long ull;

void infer_load_options_init(infer_load_options *options, size_t size)
{
    infer__sized_init(options, size);
}

static infer_status read_options(const infer_load_options *from, infer_load_options *o,
                                 infer_error *err)
{
    TRY(infer__sized_read(INFER__SIZED(infer_load_options, read_into_memory), from, o, err));
    FAIL_IF(!o->allocator.alloc != !o->allocator.free, INFER_ERROR_ARGUMENT,
            "an allocator needs both alloc and free");
    FAIL_IF(o->reserved, INFER_ERROR_ARGUMENT, "infer_load_options.reserved is not 0");
    o->allocator = infer__allocator(&o->allocator);
    o->max_file_bytes = o->max_file_bytes ? o->max_file_bytes : UINT64_C(4) << 30;
    o->max_tensor_bytes = o->max_tensor_bytes ? o->max_tensor_bytes : UINT64_C(2) << 30;
    if (o->max_tensor_bytes > INFER__MAX_TENSOR_BYTES)
        o->max_tensor_bytes = INFER__MAX_TENSOR_BYTES;
    o->max_nodes = o->max_nodes ? o->max_nodes : 1000000;
    o->max_values = o->max_values ? o->max_values : 4000000;
    return INFER_OK;
}

/* Makes a model of the bytes of a file, whose number is within the limit; they are not owned. */
static infer_status load_bytes(const void *data, size_t size, int mapped,
                               const infer_load_options *o, infer_model **model, infer_error *err)
{
    infer_status status;
    struct infer_model *m = infer__calloc(&o->allocator, 1, sizeof *m);
    if (!m)
        return infer__no_memory(err, sizeof *m);
    m->allocator = o->allocator;
    m->max_tensor_bytes = o->max_tensor_bytes;
    infer__region_init(&m->region, &m->allocator);
    TRY_GOTO(infer__store_create(&m->allocator, &m->store, err));
    struct infer__load l = {.model = m, .options = *o, .err = err};
    l.file = infer__reader_on(data, size, 0);
    l.map = (struct infer__pages){mapped ? data : NULL, size};
    TRY_GOTO(infer__load_sections(&l));
    TRY_GOTO(infer__load_packed(&l));
    TRY_GOTO(infer__load_weights(&l));
    TRY_GOTO(infer__load_graph(&l));
    TRY_GOTO(infer__customs_read(&m->graph, o->custom_ops, o->ncustom_ops, &m->region, err));
    TRY_GOTO(infer__load_labels(&l));
    TRY_GOTO(infer__load_tuned(&l));
    TRY_GOTO(infer__load_about(&l));
    *model = m;
    return INFER_OK;
fail:
    infer_model_free(&m);
    return status;
}

/* ---- files ---------------------------------------------------------------------------------- */

static const char *reason(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return "there is no such file";
    case EACCES:
    case EPERM:
        return "permission denied";
    case EMFILE:
    case ENFILE:
        return "too many files are open";
    case ENOMEM:
        return "no memory to map it";
    default:
        return "the system refuses";
    }
}

/* Opens without waiting (a FIFO without a writer would block), without becoming a terminal's
 * process, and closed in programs that this one starts. */
static infer_status open_file(const char *path, int *fd, infer_error *err)
{
    do
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (*fd < 0 && errno == EINTR);
    FAIL_IF(*fd < 0, INFER_ERROR_IO, "can't open '%s': %s (errno %d)", path, reason(errno), errno);
    return INFER_OK;
}

/* The number of bytes of an open file, which has to be a regular one within the limit. */
static infer_status file_size(int fd, const char *path, const infer_load_options *o, size_t *size,
                              infer_error *err)
{
    struct stat st;
    FAIL_IF(fstat(fd, &st), INFER_ERROR_IO, "can't look at '%s': %s (errno %d)", path,
            reason(errno), errno);
    FAIL_IF(!S_ISREG(st.st_mode), INFER_ERROR_IO, "'%s' is not a regular file", path);
    uint64_t bytes = (uint64_t)st.st_size;
    FAIL_IF(bytes > o->max_file_bytes || bytes > SIZE_MAX, INFER_ERROR_LIMIT,
            "'%s' has %llu bytes, at most %llu are allowed", path, (ull)bytes,
            (ull)o->max_file_bytes);
    FAIL_IF(bytes == 0, INFER_ERROR_FORMAT, "'%s' is empty", path);
    *size = (size_t)bytes;
    return INFER_OK;
}

static infer_status load_map(int fd, const char *path, size_t size, const infer_load_options *o,
                             infer_model **model, infer_error *err)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    FAIL_IF(map == MAP_FAILED, INFER_ERROR_IO, "can't map '%s': %s (errno %d)", path, reason(errno),
            errno);
    infer_status status = load_bytes(map, size, 1, o, model, err);
    if (status != INFER_OK) {
        munmap(map, size);
        return status;
    }
    (*model)->map = map;
    (*model)->map_bytes = size;
    return INFER_OK;
}

/* Up to `size` bytes; fewer where the file ends or can't be read. */
static size_t read_bytes(int fd, char *to, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, to + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

/* Reads a file that has `size` bytes, no more and no fewer also now. */
static infer_status read_whole(int fd, const char *path, char *to, size_t size, infer_error *err)
{
    char more;
    FAIL_IF(read_bytes(fd, to, size) != size || read_bytes(fd, &more, 1), INFER_ERROR_IO,
            "'%s' can't be read, or changed while it was", path);
    return INFER_OK;
}

static infer_status load_copy(int fd, const char *path, size_t size, const infer_load_options *o,
                              infer_model **model, infer_error *err)
{
    void *copy = infer__alloc(&o->allocator, size, INFER__FILE_ALIGN);
    if (!copy)
        return infer__no_memory(err, size);
    infer_status status = read_whole(fd, path, copy, size, err);
    if (status == INFER_OK)
        status = load_bytes(copy, size, 0, o, model, err);
    if (status != INFER_OK)
        infer__free(&o->allocator, copy);
    else
        (*model)->copy = copy;
    return status;
}

static infer_status load_file(const char *path, const infer_load_options *options,
                              infer_model **model, infer_error *err)
{
    infer_load_options o;
    size_t size = 0;
    int fd;
    TRY(read_options(options, &o, err));
    TRY(open_file(path, &fd, err));
    infer_status status = file_size(fd, path, &o, &size, err);
    if (status == INFER_OK)
        status = (o.read_into_memory ? load_copy : load_map)(fd, path, size, &o, model, err);
    close(fd);
    return status;
}

/* ---- the interface -------------------------------------------------------------------------- */

infer_status infer_load(const char *path, const infer_load_options *options, infer_model **model,
                        infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "infer_load: model is NULL");
    *model = NULL;
    FAIL_IF(!path, INFER_ERROR_ARGUMENT, "infer_load: path is NULL");
    return load_file(path, options, model, err);
}

infer_status infer_load_memory(const void *data, size_t size, const infer_load_options *options,
                               infer_model **model, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    infer_load_options o;
    err = err ? err : &local;
    infer__error_clear(err);
    FAIL_IF(!model, INFER_ERROR_ARGUMENT, "infer_load_memory: model is NULL");
    *model = NULL;
    FAIL_IF(!data || ((uintptr_t)data & (INFER__FILE_ALIGN - 1)), INFER_ERROR_ARGUMENT,
            "infer_load_memory: data is NULL or not 64-byte aligned");
    TRY(read_options(options, &o, err));
    FAIL_IF(size > o.max_file_bytes, INFER_ERROR_LIMIT,
            "the file has %zu bytes, at most %llu are allowed", size, (ull)o.max_file_bytes);
    return load_bytes(data, size, 0, &o, model, err);
}

void infer_model_free(infer_model **model)
{
    INFER__KEEP_CALLER;
    if (!model || !*model)
        return;
    struct infer_model *m = *model;
    infer_allocator allocator = m->allocator;
    infer__store_free(m->store);
    infer__region_free(&m->region);
    if (m->map)
        munmap(m->map, m->map_bytes);
    infer__free(&allocator, m->copy);
    infer__free(&allocator, m);
    *model = NULL;
}
