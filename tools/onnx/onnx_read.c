/* Bytes to protobuf messages.
 *
 * protobuf-c parses nested messages by recursion and takes memory per field, so a small hostile
 * file could overflow the stack or take gigabytes. The bytes are therefore walked first, with a
 * stack of our own, and memory is counted.
 * Wire format: protobuf.dev/programming-guides/encoding.
 */
#include "tools/onnx/onnx_internal.h"

#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A model takes 6 levels, each subgraph in a subgraph 3 more. */
#define MAX_DEPTH 48
/* Memory of the parsed form: names and numbers take a multiple of their place in the file, tensor
 * data about its own size. */
#define ARENA_FIXED ((size_t)64 << 20)
#define ARENA_FACTOR 32
#define ARENA_HEADER 16
/* Pieces from here on are blocks of their own in a region, aligned as its are. */
#define LARGE_HEADER 64

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct level {
    const ProtobufCMessageDescriptor *d; /* NULL stands never on the stack */
    size_t end;
    uint64_t seen; /* singular message fields seen, by index; bit 63: a member of a oneof */
};

struct scan {
    const uint8_t *bytes;
    size_t pos;
    struct level stack[MAX_DEPTH];
    int depth;
    infer_error *err;
};

/* ---- the walk over the wire format ---------------------------------------------------------- */

static infer_status scan_varint(struct scan *s, size_t end, uint64_t *v)
{
    size_t begin = s->pos;
    *v = 0;
    for (unsigned shift = 0; shift < 70 && s->pos < end; shift += 7) {
        uint8_t byte = s->bytes[s->pos++];
        if (shift < 64)
            *v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return INFER_OK;
    }
    return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin, "a number is cut off or too long");
}

static unsigned native_wire(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

/* Enters a message field. A singular one may stand once: merging two is legal protobuf that no
 * exporter writes. */
static infer_status scan_message(struct scan *s, const ProtobufCFieldDescriptor *f, size_t len)
{
    struct level *l = &s->stack[s->depth - 1];
    if (f->label != PROTOBUF_C_LABEL_REPEATED) {
        unsigned index = (unsigned)(f - l->d->fields);
        uint64_t bit = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ? (uint64_t)1 << 63
                                                                : (uint64_t)1 << (index % 63);
        if (l->seen & bit)
            return infer__fail_at(s->err, INFER_ERROR_FORMAT, s->pos, "field %s stands twice",
                                  f->name);
        l->seen |= bit;
    }
    if (s->depth == MAX_DEPTH)
        return infer__fail_at(s->err, INFER_ERROR_LIMIT, s->pos,
                              "messages nested deeper than %d levels", MAX_DEPTH);
    s->stack[s->depth].d = f->descriptor;
    s->stack[s->depth].end = s->pos + len;
    s->stack[s->depth].seen = 0;
    s->depth++;
    return INFER_OK;
}

static infer_status scan_bytes(struct scan *s, const ProtobufCFieldDescriptor *f, size_t end)
{
    uint64_t len;
    size_t begin = s->pos;
    TRY(scan_varint(s, end, &len));
    if (!infer__size_inside(s->pos, len, end))
        return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin,
                              "a field of %llu bytes does not fit into what is left of the file",
                              (unsigned long long)len);
    if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
        return scan_message(s, f, (size_t)len);
    /* An embedded NUL would let two different names become the same C string. */
    if (f && f->type == PROTOBUF_C_TYPE_STRING && memchr(s->bytes + s->pos, 0, (size_t)len))
        return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin, "field %s has a zero byte",
                              f->name);
    s->pos += (size_t)len;
    return INFER_OK;
}

static infer_status scan_field(struct scan *s)
{
    struct level *l = &s->stack[s->depth - 1];
    size_t begin = s->pos;
    uint64_t tag, v;
    TRY(scan_varint(s, l->end, &tag));
    unsigned wire = (unsigned)(tag & 7);
    if (tag >> 3 == 0 || tag >> 3 >= 1u << 29)
        return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin, "field number out of range");
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field(l->d, (unsigned)(tag >> 3));
    if (f && wire != native_wire(f->type) &&
        !(wire == WIRE_BYTES && f->label == PROTOBUF_C_LABEL_REPEATED))
        return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin,
                              "field %s of %s has the wrong wire type", f->name, l->d->name);
    switch (wire) {
    case WIRE_VARINT:
        return scan_varint(s, l->end, &v);
    case WIRE_BYTES:
        return scan_bytes(s, f, l->end);
    case WIRE_32:
    case WIRE_64: {
        size_t len = wire == WIRE_32 ? 4 : 8;
        if (!infer__size_inside(s->pos, len, l->end))
            return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin, "a number is cut off");
        s->pos += len;
        return INFER_OK;
    }
    default:
        return infer__fail_at(s->err, INFER_ERROR_FORMAT, begin, "wire type %u is not known", wire);
    }
}

static infer_status scan(const ProtobufCMessageDescriptor *d, const void *bytes, size_t size,
                         infer_error *err)
{
    struct scan s = {.bytes = bytes, .err = err};
    s.stack[0].d = d;
    s.stack[0].end = size;
    s.depth = 1;
    while (s.depth) {
        if (s.pos == s.stack[s.depth - 1].end)
            s.depth--;
        else
            TRY(scan_field(&s));
    }
    return INFER_OK;
}

/* ---- counted memory ------------------------------------------------------------------------- */

/* In front of a piece, where its size stands in the last 16 bytes. */
static size_t header_of(size_t bytes)
{
    return bytes >= ONNX_ARENA_LARGE ? LARGE_HEADER : ARENA_HEADER;
}

static void *arena_alloc(void *ctx, size_t bytes)
{
    struct onnx_arena *a = ctx;
    const size_t header = header_of(bytes);
    size_t need;
    if (!infer__size_add(bytes, header, &need) || need > a->left)
        return NULL;
    char *p = bytes >= ONNX_ARENA_LARGE ? infer__region_take(a->region, need)
                                        : infer__alloc(&a->allocator, need, ARENA_HEADER);
    if (!p)
        return NULL;
    a->left -= need;
    memcpy(p + header - ARENA_HEADER, &bytes, sizeof bytes);
    return p + header;
}

static void arena_free(void *ctx, void *memory)
{
    struct onnx_arena *a = ctx;
    size_t bytes;
    if (!memory)
        return;
    memcpy(&bytes, (char *)memory - ARENA_HEADER, sizeof bytes);
    const size_t header = header_of(bytes);
    char *p = (char *)memory - header;
    a->left += bytes + header;
    if (bytes >= ONNX_ARENA_LARGE)
        infer__region_drop(a->region, p, bytes + header);
    else
        infer__free(&a->allocator, p);
}

infer_status onnx_parse(const ProtobufCMessageDescriptor *d, const void *bytes, size_t size,
                        struct infer__region *region, struct onnx_arena *arena,
                        ProtobufCMessage **message, infer_error *err)
{
    *message = NULL;
    size_t budget;
    FAIL_IF(!infer__size_mul(size, ARENA_FACTOR, &budget) ||
                !infer__size_add(budget, ARENA_FIXED, &budget),
            INFER_ERROR_LIMIT, "the file is too large");
    TRY(scan(d, bytes, size, err));
    arena->protobuf =
        (ProtobufCAllocator){.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    arena->allocator = infer__allocator(NULL);
    arena->left = budget;
    arena->region = region;
    *message = protobuf_c_message_unpack(d, &arena->protobuf, size, bytes);
    FAIL_IF(!*message, INFER_ERROR_FORMAT, "not a valid %s, or not enough memory to parse it",
            d->name);
    return INFER_OK;
}

/* ---- files ---------------------------------------------------------------------------------- */

infer_status onnx_map_file(const char *path, uint64_t max, void **bytes, size_t *size,
                           infer_error *err)
{
    infer_status status = INFER_OK;
    struct stat st;
    *bytes = NULL;
    *size = 0;
    /* O_NONBLOCK: opening a FIFO must not hang; regular files do not mind. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FAIL_IF(fd < 0, INFER_ERROR_IO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = infer__fail(err, INFER_ERROR_IO, "%s is not a regular file", path);
    } else if ((uint64_t)st.st_size > max) {
        status = infer__fail(err, INFER_ERROR_LIMIT, "%s has %llu bytes, at most %llu are allowed",
                             path, (unsigned long long)st.st_size, (unsigned long long)max);
    } else if (st.st_size > 0) { /* nothing can't be mapped */
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = infer__fail(err, INFER_ERROR_IO, "%s: %s", path, strerror(errno));
        } else {
            *bytes = map;
            *size = (size_t)st.st_size;
        }
    }
    close(fd);
    return status;
}

void onnx_unmap_file(void *bytes, size_t size)
{
    if (bytes)
        munmap(bytes, size);
}
