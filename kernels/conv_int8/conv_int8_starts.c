/* What the sums of int8 convolutions start with where that is not the same for all tiles; see
 * conv_int8.h. */
#include <string.h>

#include "kernels/conv_int8/conv_int8.h"

/* Adds what belongs to a tap, whose packed value may have to be multiplied yet. */
static inline void add(const struct infer__conv8_cut *c, int32_t *to, const int32_t *tap, int n)
{
    const uint32_t factor = c->s.integer ? (uint32_t)c->s.x_zero : 1;
    for (int i = 0; i < n; i++)
        to[i] = (int32_t)((uint32_t)to[i] + factor * (uint32_t)tap[i]);
}

/* Adds what the start has of kernel rows that the tile leaves out. */
static void add_rows(const struct infer__conv8_cut *c, const struct infer__conv8_tile *tile,
                     const int32_t *taps, int n, int32_t *start)
{
    int64_t kw = c->s.w.kernel[2], each = c->runs * c->padded;
    for (int64_t row = 0, r = 0; row < c->krows; row++) {
        if (r < tile->nrows && tile->before[r] == row * each) {
            r++;
            continue;
        }
        for (int64_t k = 0; k < kw; k++)
            add(c, start, taps + (row * kw + k) * c->channels, n);
    }
}

/* The same for the taps of the other rows that the first or the last pixel leaves out. */
static void add_skipped(const struct infer__conv8_cut *c, const struct infer__conv8_tile *tile,
                        const int32_t *taps, int n, int32_t *first, int32_t *last)
{
    int64_t kw = c->s.w.kernel[2], each = c->runs * c->padded;
    for (int r = 0; r < tile->nrows; r++)
        for (int64_t k = 0; k < kw; k++)
            if (tile->skip[k])
                add(c, tile->skip[k] == CONV8_SKIP_FIRST ? first : last,
                    taps + (tile->before[r] / each * kw + k) * c->channels, n);
}

struct infer__conv8_starts infer__conv8_starts(const struct infer__conv8_cut *c,
                                               const uint8_t *packed, const int32_t *start,
                                               const struct infer__conv8_tile *tile,
                                               const struct infer__conv8_panel *p, int32_t *room)
{
    const int32_t *taps = (const void *)(packed + c->at_taps + 4 * p->at);
    int n = p->vectors * c->level->vec;
    int32_t *each = room, *first = each + n, *last = first + n;
    struct infer__conv8_starts s = {start, start, start};
    if (tile->nrows < c->krows) {
        memcpy(each, start, (size_t)n * sizeof *each);
        add_rows(c, tile, taps, n, each);
        s = (struct infer__conv8_starts){each, each, each};
    }
    if (tile->skips) {
        memcpy(first, s.each, (size_t)n * sizeof *first);
        memcpy(last, s.each, (size_t)n * sizeof *last);
        add_skipped(c, tile, taps, n, first, last);
        s.first = first;
        s.last = last;
    }
    return s;
}
