/* Whether packed weights that a session shares are those that its own kernels would have written.
 */
#ifndef INFER_TESTS_PACKED_CHECK_H
#define INFER_TESTS_PACKED_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "run/session.h"

/* Packs step `s` into memory that was filled with `fill`; to be freed. */
static unsigned char *packed_again(const struct infer__step *s, size_t bytes, int fill)
{
    unsigned char *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p) {
        memset(p, fill, bytes);
        s->kernel->pack(&s->task, s->need.cut, p);
    }
    return p;
}

/* The first step whose packed weights are others than it would pack itself, or NULL. Bytes that
 * packing leaves alone are padding. *shared: how many steps have weights that another packed. */
__attribute__((unused)) static const struct infer__step *packed_wrong(const infer_session *session,
                                                                      size_t *shared)
{
    const struct infer__plan *plan = &session->program->plan;
    const struct infer__step *wrong = NULL;
    for (uint32_t i = 0; i < plan->nshares && !wrong; i++) {
        const struct infer__share *share = &plan->shares[i];
        const struct infer__step *s = &plan->steps[share->user];
        unsigned char *a = packed_again(s, share->bytes, 0),
                      *b = packed_again(s, share->bytes, 0xff);
        const unsigned char *has = s->packed;
        for (size_t k = 0; a && b && k < share->bytes && !wrong; k++)
            if (a[k] == b[k] && a[k] != has[k])
                wrong = s;
        *shared += !share->make;
        free(a);
        free(b);
    }
    return wrong;
}

#endif
