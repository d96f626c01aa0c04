/* Files with tuned plans, for the tests of the section and of what it decides. */
#ifndef INFER_TESTS_TUNED_PARTS_H
#define INFER_TESTS_TUNED_PARTS_H

#include "file/tuned_section.h"
#include "tests/file_fixture.h"

FIXTURE struct part tuned_part(const struct infer__tuned_for *by, struct infer__tuned_entry *e,
                               uint32_t n)
{
    void *bytes;
    struct part p = {INFER__SECTION_TUNED, INFER__SECTION_OPTIONAL, NULL, 0};
    infer_error err;
    infer_allocator a = infer__allocator(NULL);
    check_ok(infer__tuned_encode(by, e, n, NULL, &bytes, &p.size, &err), &err);
    p.data = exact_copy(bytes, p.size);
    infer__free(&a, bytes);
    return p;
}

/* A file with tuned plans, which are freed. */
FIXTURE struct bytes with_plans(const struct bytes *file, const struct part *plans, size_t n)
{
    struct parts p = take_apart(file);
    for (size_t i = 0; i < n; i++)
        p.part[p.n++] = plans[i];
    struct bytes b = put_together(&p);
    free_parts(&p);
    return b;
}

#endif
