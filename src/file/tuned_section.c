/* Tuned sections: checked at load without taking memory, looked up in place, written. */
#include "file/tuned_section.h"

#include <stdlib.h>
#include <string.h>

#include "file/load.h"
#include "file/write.h"

enum { ENTRY_FLAGS = INFER__TUNED_SERIAL };

_Static_assert(sizeof(struct infer__tuned_for) == INFER__FILE_TUNED_FOR, "no padding");

/* ---- checking ------------------------------------------------------------------------------- */

/* An entry, whose name is the next string or one before it. */
static infer_status check_entry(struct infer__load *l, struct infer__reader *entries,
                                struct infer__reader *names, uint32_t i, uint64_t *previous)
{
    uint64_t where = infer__read_where(entries), key = infer__read_u64(entries);
    uint32_t name = infer__read_u32(entries), flags = infer__read_u32(entries);
    const char *text;
    FAIL_AT_IF(i > 0 && key <= *previous, INFER_ERROR_FORMAT, where,
               "entry %u of a tuned plan has no higher key than the one before", i);
    FAIL_AT_IF(flags & ~(uint32_t)ENTRY_FLAGS, INFER_ERROR_FORMAT, where + 12,
               "entry %u of a tuned plan has flags 0x%X", i, flags);
    *previous = key;
    if (name == names->at)
        return infer__load_string(l, names, &text);
    FAIL_AT_IF(name > names->at || (name > 0 && names->data[name - 1]), INFER_ERROR_FORMAT,
               where + 8, "entry %u of a tuned plan names byte %u, where no name starts", i, name);
    return INFER_OK;
}

static infer_status check_section(struct infer__load *l, struct infer__reader r)
{
    struct infer__reader entries;
    uint64_t previous = 0;
    infer__read_bytes(&r, INFER__FILE_TUNED_FOR);
    uint32_t n = infer__read_u32(&r), bytes = infer__read_u32(&r);
    FAIL_AT_IF(!infer__read_zeros(&r, INFER__FILE_TUNED_HEADER - r.at), INFER_ERROR_FORMAT, r.base,
               "the header of a tuned plan is cut, or a reserved field of it is not 0");
    FAIL_AT_IF(n == 0 || !infer__read_window(&r, n, INFER__FILE_TUNED_ENTRY, &entries),
               INFER_ERROR_FORMAT, r.base + INFER__FILE_TUNED_FOR,
               "a tuned plan of %u entries in a section of %zu bytes", n, r.size);
    FAIL_AT_IF(bytes != infer__read_left(&r), INFER_ERROR_FORMAT,
               r.base + INFER__FILE_TUNED_FOR + 4, "a tuned plan has %zu bytes of names, not %u",
               infer__read_left(&r), bytes);
    struct infer__reader names =
        infer__reader_on(r.data + r.at, infer__read_left(&r), infer__read_where(&r));
    for (uint32_t i = 0; i < n; i++)
        TRY(check_entry(l, &entries, &names, i, &previous));
    FAIL_AT_IF(infer__read_left(&names), INFER_ERROR_FORMAT, infer__read_where(&names),
               "nothing refers to the last names of a tuned plan");
    return INFER_OK;
}

infer_status infer__load_tuned(struct infer__load *l)
{
    const struct infer_model *m = l->model;
    const unsigned char *previous = NULL;
    for (uint32_t i = 0; i < m->nsections; i++) {
        const struct infer__section *s = &m->sections[i];
        if (s->kind != INFER__SECTION_TUNED)
            continue;
        const unsigned char *data = s->data;
        uint64_t base = (uint64_t)(data - l->file.data);
        TRY(check_section(l, infer__reader_on(data, s->size, base)));
        FAIL_AT_IF(previous && memcmp(data, previous, INFER__FILE_TUNED_FOR) <= 0,
                   INFER_ERROR_FORMAT, base, "two tuned plans stand in the wrong order");
        previous = data;
    }
    return INFER_OK;
}

/* ---- looking up ----------------------------------------------------------------------------- */

void infer__tuned_open(const void *section, struct infer__tuned *t)
{
    const unsigned char *p = section;
    memcpy(&t->by, p, sizeof t->by);
    memcpy(&t->nentries, p + INFER__FILE_TUNED_FOR, sizeof t->nentries);
    t->entries = p + INFER__FILE_TUNED_HEADER;
    t->names = (const char *)t->entries + (size_t)t->nentries * INFER__FILE_TUNED_ENTRY;
}

int infer__tuned_any(const infer_model *model)
{
    int any = 0;
    for (uint32_t i = 0; i < model->nsections; i++)
        any |= model->sections[i].kind == INFER__SECTION_TUNED;
    return any;
}

int infer__tuned_find(const infer_model *model, const struct infer__tuned_for *by,
                      struct infer__tuned *t)
{
    for (uint32_t i = 0; i < model->nsections; i++) {
        const struct infer__section *s = &model->sections[i];
        if (s->kind == INFER__SECTION_TUNED && memcmp(s->data, by, sizeof *by) == 0) {
            infer__tuned_open(s->data, t);
            return 1;
        }
    }
    memset(t, 0, sizeof *t);
    return 0;
}

static uint64_t key_of(const struct infer__tuned *t, uint32_t i)
{
    uint64_t key;
    memcpy(&key, t->entries + (size_t)i * INFER__FILE_TUNED_ENTRY, sizeof key);
    return key;
}

struct infer__tuned_entry infer__tuned_get(const struct infer__tuned *t, uint32_t i)
{
    struct infer__tuned_entry e = {.key = key_of(t, i)};
    const unsigned char *p = t->entries + (size_t)i * INFER__FILE_TUNED_ENTRY + sizeof e.key;
    uint32_t name;
    memcpy(&name, p, sizeof name);
    memcpy(&e.flags, p + sizeof name, sizeof e.flags);
    e.kernel = t->names + name;
    return e;
}

int infer__tuned_lookup(const struct infer__tuned *t, uint64_t key, struct infer__tuned_entry *e)
{
    uint32_t low = 0, high = t->nentries;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        uint64_t k = key_of(t, mid);
        if (k == key) {
            *e = infer__tuned_get(t, mid);
            return 1;
        }
        if (k < key)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct infer__tuned_entry *)a)->key;
    uint64_t y = ((const struct infer__tuned_entry *)b)->key;
    return (x > y) - (x < y);
}

/* Offsets of names, and the names themselves in the order of first use. */
static infer_status list_names(const struct infer__tuned_entry *e, uint32_t n,
                               struct infer__region *scratch, uint32_t *offsets,
                               struct infer__strings *strings, const char **names, uint32_t *nnames,
                               infer_error *err)
{
    *nnames = 0;
    TRY(infer__strings_init(strings, scratch, n, err));
    for (uint32_t i = 0; i < n; i++) {
        int fresh;
        FAIL_IF(i > 0 && e[i].key == e[i - 1].key, INFER_ERROR_ARGUMENT,
                "a tuned plan has two entries of one key");
        FAIL_IF(e[i].flags & ~(uint32_t)ENTRY_FLAGS, INFER_ERROR_ARGUMENT,
                "an entry of a tuned plan has flags 0x%X", e[i].flags);
        TRY(infer__strings_add(strings, e[i].kernel, &offsets[i], &fresh, err));
        if (fresh)
            names[(*nnames)++] = e[i].kernel;
    }
    return INFER_OK;
}

static void write_section(struct infer__writer *w, const struct infer__tuned_for *by,
                          const struct infer__tuned_entry *e, uint32_t n, const uint32_t *offsets,
                          uint32_t names_bytes, const char *const *names, uint32_t nnames)
{
    infer__write_bytes(w, by, sizeof *by);
    infer__write_u32(w, n);
    infer__write_u32(w, names_bytes);
    infer__write_zeros_to(w, INFER__FILE_TUNED_HEADER);
    for (uint32_t i = 0; i < n; i++) {
        infer__write_u64(w, e[i].key);
        infer__write_u32(w, offsets[i]);
        infer__write_u32(w, e[i].flags);
    }
    for (uint32_t i = 0; i < nnames; i++)
        infer__write_bytes(w, names[i], strlen(names[i]) + 1);
}

static infer_status encode(const struct infer__tuned_for *by, struct infer__tuned_entry *e,
                           uint32_t n, const infer_allocator *a, struct infer__region *scratch,
                           void **bytes, size_t *size, infer_error *err)
{
    struct infer__strings strings;
    uint32_t nnames, *offsets = infer__region_calloc(scratch, n, sizeof *offsets);
    const char **names = infer__region_calloc(scratch, n, sizeof *names);
    if (!offsets || !names)
        return infer__no_memory(err, n * sizeof *names);
    FAIL_IF(n == 0, INFER_ERROR_ARGUMENT, "a tuned plan without entries");
    qsort(e, n, sizeof *e, by_key);
    TRY(list_names(e, n, scratch, offsets, &strings, names, &nnames, err));
    FAIL_IF(!infer__size_mul(n, INFER__FILE_TUNED_ENTRY, size) ||
                !infer__size_add(*size, INFER__FILE_TUNED_HEADER, size) ||
                !infer__size_add(*size, strings.size, size),
            INFER_ERROR_LIMIT, "a tuned plan does not fit into a file");
    *bytes = infer__alloc(a, *size, INFER__FILE_ALIGN);
    if (!*bytes)
        return infer__no_memory(err, *size);
    struct infer__writer w = {*bytes, *size, 0, 0};
    write_section(&w, by, e, n, offsets, strings.size, names, nnames);
    FAIL_IF(w.failed || w.at != w.size, INFER_ERROR_INTERNAL,
            "a tuned plan came out at another size than planned");
    return INFER_OK;
}

infer_status infer__tuned_encode(const struct infer__tuned_for *by,
                                 struct infer__tuned_entry *entries, uint32_t nentries,
                                 const infer_allocator *allocator, void **bytes, size_t *size,
                                 infer_error *err)
{
    struct infer__region scratch;
    infer_allocator a = infer__allocator(allocator);
    *bytes = NULL;
    infer__region_init(&scratch, &a);
    infer_status status = encode(by, entries, nentries, &a, &scratch, bytes, size, err);
    infer__region_free(&scratch);
    if (status != INFER_OK) {
        infer__free(&a, *bytes);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}
