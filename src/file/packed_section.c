/* Packed sections: their tables are checked at load, looked up in place, written. What they hold is
 * not looked at: kernels take any bytes there (struct infer__kernel, stored). */
#include "file/packed_section.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "file/checksum.h"
#include "file/load.h"
#include "file/write.h"
#include "packing.h"

typedef unsigned long long ull;

_Static_assert(sizeof(struct infer__stored_for) == INFER__FILE_PACKED_FOR, "no padding");

uint64_t infer__stored_library(void)
{
    static const char arch[] =
#if defined(__x86_64__)
        " x86-64";
#elif defined(__aarch64__)
        " aarch64";
#else
        " other";
#endif
    char text[64] = {0};
    const size_t n = strlen(infer_version());
    const uint64_t sources = INFER_PACKING_SOURCES;
    memcpy(text, infer_version(), n < 32 ? n : 32);
    memcpy(text + 32, arch, sizeof arch);
    memcpy(text + 48, &sources, sizeof sources);
    return infer__checksum(text, sizeof text);
}

/* ---- checking ------------------------------------------------------------------------------- */

/* Where the contents of an entry begin that follow `end` bytes of a section that is in memory. */
static uint64_t place(uint64_t end)
{
    return (uint64_t)infer__count_align((int64_t)end, INFER__FILE_ALIGN);
}

static infer_status check_entries(struct infer__load *l, struct infer__reader r, uint32_t n)
{
    struct infer__store_key key, previous = {{0, 0}};
    uint64_t end = INFER__FILE_PACKED_HEADER + (uint64_t)n * INFER__FILE_PACKED_ENTRY;
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t where = infer__read_where(&r);
        key.word[0] = infer__read_u64(&r);
        key.word[1] = infer__read_u64(&r);
        const uint64_t offset = infer__read_u64(&r), bytes = infer__read_u64(&r);
        FAIL_AT_IF(i > 0 && infer__key_compare(&key, &previous) <= 0, INFER_ERROR_FORMAT, where,
                   "entry %u of packed weights has no higher key than the one before", i);
        FAIL_AT_IF(offset != place(end), INFER_ERROR_FORMAT, where + 16,
                   "entry %u of packed weights starts at byte %llu, not at %llu", i, (ull)offset,
                   (ull)place(end));
        FAIL_AT_IF(bytes == 0 || !infer__size_inside(offset, bytes, r.size), INFER_ERROR_FORMAT,
                   where + 24, "entry %u of packed weights has %llu bytes, in a section of %zu", i,
                   (ull)bytes, r.size);
        previous = key;
        end = offset + bytes;
    }
    FAIL_AT_IF(end != r.size, INFER_ERROR_FORMAT, r.base + end,
               "%llu bytes follow the last packed weights", (ull)(r.size - end));
    return INFER_OK;
}

static infer_status check_section(struct infer__load *l, struct infer__reader r)
{
    struct infer__reader table;
    const uint32_t level = infer__read_u32(&r);
    FAIL_AT_IF(!infer__read_zeros(&r, 4), INFER_ERROR_FORMAT, r.base + 4,
               "a reserved field of packed weights is not 0");
    FAIL_AT_IF(level == INFER_ISA_DEFAULT, INFER_ERROR_FORMAT, r.base,
               "packed weights are of no level");
    (void)infer__read_u64(&r);
    const uint64_t weights = infer__read_u64(&r);
    const uint32_t n = infer__read_u32(&r);
    FAIL_AT_IF(!infer__read_zeros(&r, INFER__FILE_PACKED_HEADER - r.at), INFER_ERROR_FORMAT, r.base,
               "the header of packed weights is cut, or a reserved field of it is not 0");
    FAIL_AT_IF(weights != l->model->weights_sum, INFER_ERROR_FORMAT, r.base + 16,
               "packed weights were made of other weights than the file has");
    FAIL_AT_IF(n == 0 || !infer__read_window(&r, n, INFER__FILE_PACKED_ENTRY, &table),
               INFER_ERROR_FORMAT, r.base + 24, "%u packed weights in a section of %zu bytes", n,
               r.size);
    r.at = INFER__FILE_PACKED_HEADER;
    return check_entries(l, r, n);
}

/* Lists a section if this library packs in the same way and the CPU has the level. Sessions of any
 * level look into it: keys name the kernels, and each finds what those that it runs want. */
static void keep(struct infer_model *m, const struct infer__section *s)
{
    struct infer__stored p;
    infer__stored_open(s, &p);
    const infer_isa level = (infer_isa)p.by.level;
    if (p.by.library == infer__stored_library() && infer__isa_known(level) &&
        infer__isa_usable(level) == level)
        m->packed[m->npacked++] = p;
}

infer_status infer__load_packed(struct infer__load *l)
{
    struct infer_model *m = l->model;
    const unsigned char *previous = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->nsections; i++)
        n += m->sections[i].kind == INFER__SECTION_PACKED;
    if (!n)
        return INFER_OK;
    m->packed = infer__region_calloc(&m->region, n, sizeof *m->packed);
    if (!m->packed)
        return infer__no_memory(l->err, n * sizeof *m->packed);
    for (uint32_t i = 0; i < m->nsections; i++) {
        const struct infer__section *s = &m->sections[i];
        if (s->kind != INFER__SECTION_PACKED)
            continue;
        const unsigned char *data = s->data;
        const uint64_t base = (uint64_t)(data - l->file.data);
        TRY(check_section(l, infer__reader_on(data, s->size, base)));
        FAIL_AT_IF(previous && memcmp(data, previous, INFER__FILE_PACKED_FOR) <= 0,
                   INFER_ERROR_FORMAT, base, "two sections of packed weights in the wrong order");
        previous = data;
        keep(m, s);
    }
    return INFER_OK;
}

/* ---- looking up ----------------------------------------------------------------------------- */

void infer__stored_open(const struct infer__section *section, struct infer__stored *p)
{
    *p = (struct infer__stored){.data = section->data, .bytes = section->size};
    memcpy(&p->by, p->data, sizeof p->by);
    memcpy(&p->weights, p->data + INFER__FILE_PACKED_FOR, sizeof p->weights);
    memcpy(&p->nentries, p->data + INFER__FILE_PACKED_FOR + sizeof p->weights, sizeof p->nentries);
}

static const unsigned char *entry_at(const struct infer__stored *p, uint32_t i)
{
    return p->data + INFER__FILE_PACKED_HEADER + (size_t)i * INFER__FILE_PACKED_ENTRY;
}

struct infer__stored_entry infer__stored_get(const struct infer__stored *p, uint32_t i)
{
    struct infer__stored_entry e;
    uint64_t place_of[2];
    memcpy(&e.key, entry_at(p, i), sizeof e.key);
    memcpy(place_of, entry_at(p, i) + sizeof e.key, sizeof place_of);
    e.data = p->data + place_of[0];
    e.bytes = (size_t)place_of[1];
    return e;
}

static const void *find_in(const struct infer__stored *p, const struct infer__store_key *key,
                           size_t bytes)
{
    uint32_t low = 0, high = p->nentries;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        const struct infer__stored_entry e = infer__stored_get(p, mid);
        const int order = infer__key_compare(&e.key, key);
        if (order == 0)
            return e.bytes == bytes ? e.data : NULL;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const void *infer__stored_find(const infer_model *model, const struct infer__store_key *key,
                               size_t bytes)
{
    const void *found = NULL;
    for (uint32_t i = 0; i < model->npacked && !found; i++)
        found = find_in(&model->packed[i], key, bytes);
    return found;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return infer__key_compare(&((const struct infer__stored_entry *)a)->key,
                              &((const struct infer__stored_entry *)b)->key);
}

static infer_status section_size(const struct infer__stored_entry *e, uint32_t n, size_t *size,
                                 infer_error *err)
{
    int fits = infer__size_mul(n, INFER__FILE_PACKED_ENTRY, size) &&
               infer__size_add(*size, INFER__FILE_PACKED_HEADER, size);
    for (uint32_t i = 0; i < n && fits; i++) {
        FAIL_IF(i > 0 && by_key(&e[i], &e[i - 1]) == 0, INFER_ERROR_ARGUMENT,
                "two packed weights of one key");
        fits = infer__size_align(*size, INFER__FILE_ALIGN, size) &&
               infer__size_add(*size, e[i].bytes, size);
    }
    FAIL_IF(!fits, INFER_ERROR_LIMIT, "packed weights do not fit into a file");
    return INFER_OK;
}

static void write_section(struct infer__writer *w, const struct infer__stored_for *by,
                          uint64_t weights, const struct infer__stored_entry *e, uint32_t n)
{
    uint64_t end = INFER__FILE_PACKED_HEADER + (uint64_t)n * INFER__FILE_PACKED_ENTRY;
    infer__write_bytes(w, by, sizeof *by);
    infer__write_u64(w, weights);
    infer__write_u32(w, n);
    infer__write_zeros_to(w, INFER__FILE_PACKED_HEADER);
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t at = place(end);
        infer__write_bytes(w, &e[i].key, sizeof e[i].key);
        infer__write_u64(w, at);
        infer__write_u64(w, e[i].bytes);
        end = at + e[i].bytes;
    }
    for (uint32_t i = 0; i < n; i++) {
        infer__write_zeros_to(w, (size_t)place(w->at));
        infer__write_bytes(w, e[i].data, e[i].bytes);
    }
}

infer_status infer__stored_encode(const struct infer__stored_for *by, uint64_t weights,
                                  struct infer__stored_entry *entries, uint32_t nentries,
                                  const infer_allocator *allocator, void **bytes, size_t *size,
                                  infer_error *err)
{
    const infer_allocator a = infer__allocator(allocator);
    *bytes = NULL;
    *size = 0;
    FAIL_IF(nentries == 0, INFER_ERROR_ARGUMENT, "no packed weights");
    qsort(entries, nentries, sizeof *entries, by_key);
    TRY(section_size(entries, nentries, size, err));
    *bytes = infer__alloc(&a, *size, INFER__FILE_ALIGN);
    if (!*bytes)
        return infer__no_memory(err, *size);
    struct infer__writer w = {*bytes, *size, 0, 0};
    write_section(&w, by, weights, entries, nentries);
    if (!w.failed && w.at == w.size)
        return INFER_OK;
    infer__free(&a, *bytes);
    *bytes = NULL;
    return infer__fail(err, INFER_ERROR_INTERNAL,
                       "packed weights came out at another size than planned");
}
