/* Strings in the file: UTF-8 (RFC 3629), and no control characters, so that a name can be printed
 * on a terminal or in a log without doing anything there. */
#include "file/load.h"

/* Length of the UTF-8 sequence at `s` of at most `size` bytes, and its code point; 0 if it is
 * none: overlong, a surrogate, beyond U+10FFFF, cut. */
static size_t sequence(const unsigned char *s, size_t size, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xC0 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (n > size || s[0] > 0xF4)
        return 0;
    *code = n == 1 ? s[0] : s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3Fu);
    }
    if (*code < least[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF))
        return 0;
    return n;
}

size_t infer__text_length(const unsigned char *s, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint32_t code;
        size_t n = sequence(s + at, size - at, &code);
        if (n == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0))
            break;
        at += n;
    }
    return at;
}

static size_t lines_length(const unsigned char *s, size_t size)
{
    size_t n = infer__text_length(s, size);
    while (n < size && (s[n] == '\t' || s[n] == '\n' || s[n] == '\r'))
        n += 1 + infer__text_length(s + n + 1, size - n - 1);
    return n;
}

static infer_status load_text(struct infer__load *l, struct infer__reader *r,
                              size_t (*length)(const unsigned char *s, size_t size), const char **s)
{
    const unsigned char *start = r->data + r->at;
    size_t left = infer__read_left(r), n = length(start, left);
    uint64_t where = infer__read_where(r) + n;
    FAIL_AT_IF(n == left, INFER_ERROR_FORMAT, where, "a string runs past the end of its section");
    FAIL_AT_IF(start[n], INFER_ERROR_FORMAT, where,
               "a string holds byte 0x%02X, which is no UTF-8 or a control character", start[n]);
    infer__read_bytes(r, n + 1);
    *s = (const char *)start;
    return INFER_OK;
}

infer_status infer__load_string(struct infer__load *l, struct infer__reader *r, const char **s)
{
    return load_text(l, r, infer__text_length, s);
}

infer_status infer__load_lines(struct infer__load *l, struct infer__reader *r, const char **s)
{
    return load_text(l, r, lines_length, s);
}

infer_status infer__load_labels(struct infer__load *l)
{
    struct infer__reader *r = &l->section[INFER__SECTION_LABELS];
    struct infer_model *m = l->model;
    if (!r->data)
        return INFER_OK;
    uint32_t n = infer__read_u32(r), reserved = infer__read_u32(r);
    FAIL_AT_IF(r->failed, INFER_ERROR_FORMAT, r->base,
               "the labels section has no room for a count");
    FAIL_AT_IF(reserved, INFER_ERROR_FORMAT, r->base + 4,
               "a reserved field of the labels is not 0");
    /* every label takes a byte at least, so this bounds the memory too */
    FAIL_AT_IF(n == 0 || n > infer__read_left(r), INFER_ERROR_FORMAT, r->base,
               "%u labels in a section of %zu bytes", n, r->size);
    m->labels = infer__region_calloc(&m->region, n, sizeof *m->labels);
    if (!m->labels)
        return infer__no_memory(l->err, n * sizeof *m->labels);
    for (uint32_t i = 0; i < n; i++)
        TRY(infer__load_string(l, r, &m->labels[i]));
    FAIL_AT_IF(infer__read_left(r), INFER_ERROR_FORMAT, infer__read_where(r),
               "%zu bytes follow the last label", infer__read_left(r));
    m->nlabels = n;
    return INFER_OK;
}
