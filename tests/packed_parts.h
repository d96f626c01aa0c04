/* Files with packed weights, for the tests of the section and of what sessions do with it. */
#ifndef INFER_TESTS_PACKED_PARTS_H
#define INFER_TESTS_PACKED_PARTS_H

#include "file/packed_section.h"
#include "tests/file_fixture.h"

/* The checksum of the weights, as the table of sections states it. */
FIXTURE uint64_t weights_sum(const struct bytes *b)
{
    for (size_t i = 0; i < get_le(b->data + 20, 4); i++)
        if (get_le(b->data + 64 + 32 * i, 4) == INFER__SECTION_WEIGHTS)
            return get_le(b->data + 64 + 32 * i + 24, 8);
    return 0;
}

FIXTURE struct part packed_part(const struct infer__stored_for *by, uint64_t weights,
                                struct infer__stored_entry *e, uint32_t n)
{
    void *bytes;
    struct part p = {INFER__SECTION_PACKED, INFER__SECTION_OPTIONAL, NULL, 0};
    infer_error err;
    infer_allocator a = infer__allocator(NULL);
    check_ok(infer__stored_encode(by, weights, e, n, NULL, &bytes, &p.size, &err), &err);
    p.data = exact_copy(bytes, p.size);
    infer__free(&a, bytes);
    return p;
}

/* A file with further sections, which are freed. */
FIXTURE struct bytes with_parts(const struct bytes *file, const struct part *parts, size_t n)
{
    struct parts p = take_apart(file);
    for (size_t i = 0; i < n; i++)
        p.part[p.n++] = parts[i];
    struct bytes b = put_together(&p);
    free_parts(&p);
    return b;
}

#endif
