/* The flat file taken apart by its description, src/file/format.def: every byte of a sound file
 * belongs to one span, so what goes over all spans misses no field, old or new. */
#ifndef TESTS_RELIABILITY_FORMAT_RECORDS_H
#define TESTS_RELIABILITY_FORMAT_RECORDS_H

#include "tests/file_fixture.h"

enum role { NUMBER, REAL, SUM, RESERVED, OPAQUE, TEXT, WEIGHTS, PADDING };
enum { WIDTH_u8 = 1, WIDTH_u16 = 2, WIDTH_u32 = 4, WIDTH_u64 = 8 };
enum { WIDTH_s32 = 4, WIDTH_s64 = 8, WIDTH_f32 = 4 };

enum record {
#define RECORD(id, bytes) RECORD_##id,
#define FIELD(...)
#include "file/format.def"
#undef RECORD
#undef FIELD
    RECORDS
};

struct field {
    enum record record;
    size_t at; /* in the record */
    const char *type;
    size_t width, count;
    enum role role;
    const char *name;
};

FIXTURE const struct field fields[] = {
#define RECORD(...)
#define FIELD(record, at, type, count, role, name)                                                 \
    {RECORD_##record, at, #type, WIDTH_##type, count, role, name},
#include "file/format.def"
#undef RECORD
#undef FIELD
};
enum { FIELDS = sizeof fields / sizeof *fields };

FIXTURE const struct {
    const char *name;
    size_t bytes;
} records[] = {
#define RECORD(id, bytes) {#id, bytes},
#define FIELD(...)
#include "file/format.def"
#undef RECORD
#undef FIELD
};

/* `count` elements of `width` bytes at `at` of the file. */
struct span {
    const char *record, *name;
    enum role role;
    size_t at, width, count;
};

struct walk {
    const unsigned char *data;
    size_t size, at;
    void (*visit)(void *ctx, const struct span *s);
    void *ctx;
};

FIXTURE void walk_span(struct walk *w, const char *record, const char *name, enum role role,
                       size_t width, size_t count)
{
    struct span s = {record, name, role, w->at, width, count};
    if (count > (w->size - w->at) / width)
        fail_msg("%s, %s at byte %zu passes the file's end", record, name, w->at);
    if (count)
        w->visit(w->ctx, &s);
    w->at += width * count;
}

/* The record's number `at` bytes from its start. */
FIXTURE uint64_t walk_number(const struct walk *w, size_t start, size_t at, size_t width)
{
    return get_le(w->data + start + at, width);
}

/* Passes over a record; where it started. */
FIXTURE size_t walk_record(struct walk *w, enum record record)
{
    size_t start = w->at;
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].record == record)
            walk_span(w, records[record].name, fields[i].name, fields[i].role, fields[i].width,
                      fields[i].count);
    return start;
}

FIXTURE void walk_records(struct walk *w, enum record record, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        walk_record(w, record);
}

FIXTURE void walk_graph(struct walk *w)
{
    size_t start = walk_record(w, RECORD_GRAPH_HEADER);
    uint64_t n[8];
    for (size_t i = 0; i < 8; i++)
        n[i] = walk_number(w, start, 4 * i, 4);
    walk_records(w, RECORD_VALUE, n[0]);
    walk_records(w, RECORD_NODE, n[1]);
    walk_records(w, RECORD_ATTR, n[4]);
    walk_span(w, "GRAPH", "integers", NUMBER, 8, (size_t)n[5]);
    walk_span(w, "GRAPH", "floats", REAL, 4, (size_t)n[6]);
    walk_span(w, "GRAPH", "references", NUMBER, 4, (size_t)n[7]);
    walk_span(w, "GRAPH", "inputs", NUMBER, 4, (size_t)n[2]);
    walk_span(w, "GRAPH", "outputs", NUMBER, 4, (size_t)n[3]);
}

FIXTURE void walk_section(struct walk *w, uint64_t kind, size_t end)
{
    size_t start = w->at;
    switch (kind) {
    case INFER__SECTION_GRAPH:
        walk_graph(w);
        break;
    case INFER__SECTION_WEIGHTS:
        walk_span(w, "WEIGHTS", "data", WEIGHTS, 1, end - w->at);
        break;
    case INFER__SECTION_NAMES:
        walk_span(w, "NAMES", "strings", TEXT, 1, end - w->at);
        break;
    case INFER__SECTION_LABELS:
        walk_record(w, RECORD_LABELS_HEADER);
        walk_span(w, "LABELS", "strings", TEXT, 1, end - w->at);
        break;
    case INFER__SECTION_PREPROCESS:
        if (end - w->at == INFER__FILE_PREPROCESS) /* for the loader its bytes are opaque */
            walk_record(w, RECORD_PREPROCESS);
        else
            walk_span(w, "PREPROCESS", "bytes", OPAQUE, 1, end - w->at);
        break;
    case INFER__SECTION_DECODING:
        if (end - w->at == INFER__FILE_DECODING)
            walk_record(w, RECORD_DECODING);
        else
            walk_span(w, "DECODING", "bytes", OPAQUE, 1, end - w->at);
        break;
    case INFER__SECTION_TUNED:
        walk_record(w, RECORD_TUNED_HEADER);
        walk_records(w, RECORD_TUNED_ENTRY, walk_number(w, start, INFER__FILE_TUNED_FOR, 4));
        walk_span(w, "TUNED", "names", TEXT, 1, end - w->at);
        break;
    case INFER__SECTION_PACKED:
        walk_record(w, RECORD_PACKED_HEADER);
        walk_records(w, RECORD_PACKED_ENTRY, walk_number(w, start, 24, 4));
        walk_span(w, "PACKED", "contents", OPAQUE, 1, end - w->at);
        break;
    case INFER__SECTION_ABOUT:
        walk_record(w, RECORD_ABOUT_HEADER);
        walk_records(w, RECORD_ABOUT_DIM, walk_number(w, start, 4, 4));
        walk_span(w, "ABOUT", "strings", TEXT, 1, end - w->at);
        break;
    default:
        walk_span(w, "a further section", "bytes", OPAQUE, 1, end - w->at);
    }
    if (w->at != end)
        fail_msg("section %u ends at byte %zu, not at %zu", (unsigned)kind, w->at, end);
}

/* Visits all spans of a sound file, in order and without a gap. */
FIXTURE void walk_file(const struct bytes *b, void (*visit)(void *ctx, const struct span *s),
                       void *ctx)
{
    struct walk w = {b->data, b->size, 0, visit, ctx};
    uint64_t n = walk_number(&w, walk_record(&w, RECORD_HEADER), 20, 4);
    walk_records(&w, RECORD_ENTRY, n);
    for (uint64_t i = 0; i < n; i++) {
        size_t entry = INFER__FILE_HEADER + (size_t)i * INFER__FILE_ENTRY;
        size_t begin = (size_t)walk_number(&w, entry, 8, 8);
        size_t size = (size_t)walk_number(&w, entry, 16, 8);
        walk_span(&w, "file", "zeros before a section", PADDING, 1, begin - w.at);
        walk_section(&w, walk_number(&w, entry, 0, 4), begin + size);
    }
    if (w.at != b->size)
        fail_msg("%zu bytes of the file are in no record", b->size - w.at);
}

#endif
