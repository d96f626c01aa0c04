/* Header, section table and checksums. Nothing is allocated before they are proved to describe
 * this file; the memory taken is less than the table's own size. */
#include "file/checksum.h"
#include "file/load.h"

typedef unsigned long long ull;

/* An entry of the section table. */
struct entry {
    uint32_t kind, flags;
    uint64_t offset, size, checksum;
    uint64_t where; /* of the entry in the file */
};

static infer_status check_magic(struct infer__load *l)
{
    static const char magic[] = INFER__FILE_MAGIC;
    const unsigned char *p = infer__read_bytes(&l->file, sizeof magic - 1);
    FAIL_AT_IF(!p || l->file.size < INFER__FILE_HEADER, INFER_ERROR_FORMAT, l->file.size,
               "%zu bytes are too few for a libinfer file", l->file.size);
    FAIL_AT_IF(memcmp(p + 1, magic + 1, 3), INFER_ERROR_FORMAT, 0, "this is not a libinfer file");
    FAIL_AT_IF(memcmp(p, magic, sizeof magic - 1), INFER_ERROR_FORMAT, 0,
               "a libinfer file that was changed by a transfer as text: copy it as binary");
    return INFER_OK;
}

static infer_status check_version(struct infer__load *l)
{
    struct infer__reader *r = &l->file;
    uint64_t where = infer__read_where(r);
    unsigned major = infer__read_u16(r), minor = infer__read_u16(r);
    FAIL_AT_IF(major != INFER__FILE_MAJOR || minor > INFER__FILE_MINOR, INFER_ERROR_VERSION, where,
               "the file is of version %u.%u, this library reads %d.0 to %d.%d", major, minor,
               INFER__FILE_MAJOR, INFER__FILE_MAJOR, INFER__FILE_MINOR);
    return INFER_OK;
}

/* The checksum of header and table covers the number of sections and the file's size, so those
 * two are checked first, as far as is needed to find the table. */
static infer_status check_header(struct infer__load *l, uint32_t *nsections)
{
    struct infer__reader *r = &l->file;
    TRY(check_magic(l));
    uint64_t checksum_at = infer__read_where(r), checksum = infer__read_u64(r);
    TRY(check_version(l));
    uint64_t where = infer__read_where(r);
    *nsections = infer__read_u32(r);
    uint64_t size = infer__read_u64(r);
    FAIL_AT_IF(size != r->size, INFER_ERROR_FORMAT, where + 4,
               "the file has %zu bytes, its header says %llu", r->size, (ull)size);
    const unsigned char *hashed = r->data + INFER__FILE_HASHED_FROM;
    struct infer__reader table = infer__reader_on(r->data, r->size, r->base), ignored;
    infer__read_bytes(&table, INFER__FILE_HEADER);
    FAIL_AT_IF(!infer__read_window(&table, *nsections, INFER__FILE_ENTRY, &ignored),
               INFER_ERROR_FORMAT, where, "%u sections do not fit into the file", *nsections);
    FAIL_AT_IF(infer__checksum(hashed, table.at - INFER__FILE_HASHED_FROM) != checksum,
               INFER_ERROR_CHECKSUM, checksum_at, "header and section table are damaged");
    where = infer__read_where(r);
    FAIL_AT_IF(!infer__read_zeros(r, INFER__FILE_HEADER - r->at), INFER_ERROR_FORMAT, where,
               "a reserved field of the header is not 0");
    return INFER_OK;
}

/* Kinds that this version reads are required by their nature; others must say that they can be
 * passed over. Kinds ascend from 1, so the file's order is fixed; only further kinds may repeat. */
static infer_status check_kind(struct infer__load *l, const struct entry *e, uint32_t previous)
{
    int known = e->kind <= INFER__SECTION_PREPROCESS;
    FAIL_AT_IF(e->kind < previous || (known && e->kind == previous), INFER_ERROR_FORMAT, e->where,
               "a section of kind %u follows one of kind %u", e->kind, previous);
    FAIL_AT_IF(e->flags & ~(uint32_t)INFER__SECTION_OPTIONAL, INFER_ERROR_UNSUPPORTED, e->where + 4,
               "a section of kind %u has flags 0x%X, unknown to this version", e->kind, e->flags);
    FAIL_AT_IF(known && e->flags, INFER_ERROR_FORMAT, e->where + 4,
               "a section of kind %u can't be optional", e->kind);
    FAIL_AT_IF(!known && !e->flags, INFER_ERROR_UNSUPPORTED, e->where,
               "a section of kind %u is needed, but unknown to this version", e->kind);
    return INFER_OK;
}

/* Sections follow each other at the next 64-byte boundary, with zeros between: so they can't
 * overlap, and no byte is outside. */
static infer_status check_extent(struct infer__load *l, const struct entry *e, uint64_t end)
{
    size_t expected = 0;
    FAIL_AT_IF(!infer__size_align((size_t)end, INFER__FILE_ALIGN, &expected) ||
                   e->offset != expected,
               INFER_ERROR_FORMAT, e->where + 8, "a section starts at byte %llu, not at %zu",
               (ull)e->offset, expected);
    FAIL_AT_IF(e->size == 0 || !infer__size_inside(e->offset, e->size, l->file.size),
               INFER_ERROR_FORMAT, e->where + 16,
               "a section of %llu bytes at byte %llu, in a file of %zu", (ull)e->size,
               (ull)e->offset, l->file.size);
    struct infer__reader gap = infer__reader_on(l->file.data, (size_t)e->offset, 0);
    infer__read_bytes(&gap, (size_t)end);
    FAIL_AT_IF(!infer__read_zeros(&gap, infer__read_left(&gap)), INFER_ERROR_FORMAT, end,
               "bytes before a section are not 0");
    return INFER_OK;
}

static infer_status check_checksum(struct infer__load *l, const struct entry *e)
{
    const unsigned char *p = l->file.data + e->offset;
    FAIL_AT_IF(infer__checksum_mapped(p, (size_t)e->size, &l->map) != e->checksum,
               INFER_ERROR_CHECKSUM, e->offset, "the section of kind %u is damaged", e->kind);
    return INFER_OK;
}

static void keep(struct infer__load *l, const struct entry *e)
{
    struct infer_model *m = l->model;
    const unsigned char *data = l->file.data + e->offset;
    size_t size = (size_t)e->size;
    m->sections[m->nsections++] = (struct infer__section){e->kind, data, size};
    if (e->kind <= INFER__SECTION_PREPROCESS)
        l->section[e->kind] = infer__reader_on(data, size, e->offset);
}

static struct entry read_entry(struct infer__reader *r)
{
    struct entry e = {.where = infer__read_where(r)};
    e.kind = infer__read_u32(r);
    e.flags = infer__read_u32(r);
    e.offset = infer__read_u64(r);
    e.size = infer__read_u64(r);
    e.checksum = infer__read_u64(r);
    return e;
}

infer_status infer__load_sections(struct infer__load *l)
{
    struct infer_model *m = l->model;
    uint32_t n, previous = 0;
    TRY(check_header(l, &n));
    m->sections = infer__region_calloc(&m->region, n, sizeof *m->sections);
    if (!m->sections)
        return infer__no_memory(l->err, n * sizeof *m->sections);
    uint64_t end = INFER__FILE_HEADER + (uint64_t)n * INFER__FILE_ENTRY; /* inside the file */
    for (uint32_t i = 0; i < n; i++) {
        const struct entry e = read_entry(&l->file);
        TRY(check_kind(l, &e, previous));
        TRY(check_extent(l, &e, end));
        if (e.kind == INFER__SECTION_WEIGHTS)
            m->weights_sum = e.checksum;
        else if (e.kind != INFER__SECTION_PACKED)
            TRY(check_checksum(l, &e));
        keep(l, &e);
        previous = e.kind;
        end = e.offset + e.size;
    }
    FAIL_AT_IF(end != l->file.size, INFER_ERROR_FORMAT, end, "%llu bytes follow the last section",
               (ull)(l->file.size - end));
    FAIL_AT_IF(!l->section[INFER__SECTION_GRAPH].data || !l->section[INFER__SECTION_NAMES].data,
               INFER_ERROR_FORMAT, INFER__FILE_HEADER, "the file has no graph or no names");
    return INFER_OK;
}

/* Reading them takes longer than all the rest of loading. Where there are packed weights to use in
 * their place neither is read, unless it is asked for. */
infer_status infer__load_weights(struct infer__load *l)
{
    const struct infer_model *m = l->model;
    const int verify = l->options.verify != 0;
    const int weights = verify || (!m->npacked && !l->options.skip_weight_check);
    struct infer__reader table = infer__reader_on(l->file.data, l->file.size, 0);
    infer__read_bytes(&table, INFER__FILE_HEADER);
    for (uint32_t i = 0; i < m->nsections; i++) {
        const struct entry e = read_entry(&table);
        if ((e.kind == INFER__SECTION_WEIGHTS && weights) ||
            (e.kind == INFER__SECTION_PACKED && verify))
            TRY(check_checksum(l, &e));
    }
    return INFER_OK;
}
