/* The flat file's fixed numbers. docs/format.md describes every field, format.def lists them; the
 * order in which they are read and written stands in load.c, graph_read.c and write.c. */
#ifndef INFER_FILE_LAYOUT_H
#define INFER_FILE_LAYOUT_H

#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are used in place from a little-endian file: this target needs a swapping loader"
#endif

/* The first byte has its top bit set (lost where 8 bits are not kept); CR LF and LF alone are
 * changed by text mode; 0x1A ends a file that DOS prints. */
#define INFER__FILE_MAGIC "\x89INF\r\n\x1a\n"

enum {
    INFER__FILE_MAJOR = 1, /* a reader refuses any other */
    INFER__FILE_MINOR = 0, /* a reader refuses newer ones; a writer states the lowest that does */

    INFER__FILE_ALIGN = 64,
    INFER__FILE_HASHED_FROM = 16, /* of the header: its checksum covers the rest and the table */
    INFER__FILE_TUNED_FOR = 32,   /* of a tuned section's header: what the plan holds for */
    INFER__FILE_PACKED_FOR = 16   /* the same of packed weights */
};

/* Bytes of each record: INFER__FILE_HEADER, of the file's header, which the section table follows;
 * INFER__FILE_ENTRY, of an entry of that table; and so on. */
enum {
#define RECORD(id, bytes) INFER__FILE_##id = (bytes),
#define FIELD(...)
#include "file/format.def"
#undef RECORD
#undef FIELD
};

/* Bits of a section's flags. */
enum { INFER__SECTION_OPTIONAL = 1 /* a reader that does not know the kind passes it over */ };

#endif
