/* Masks as run lengths: making them of runs, text and pixels; areas and overlaps. */
#include "tools/eval/mask_rle.h"

#include <string.h>

#include "base/size.h"
#include "base/status.h"

/* ---- building ------------------------------------------------------------------------------- */

/* Joins what runs of length 0 part: of n runs, as many as stay. */
static uint32_t join_short(uint32_t *runs, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (runs[i] || i == 0) {
            runs[kept++] = runs[i];
        } else if (++i < n) { /* the neighbours of an empty run are one */
            runs[kept - 1] += runs[i];
        }
    }
    return kept;
}

static infer_status check_size(uint32_t height, uint32_t width, infer_error *err)
{
    FAIL_IF(!height || !width || height > MASK_MOST_SIDE || width > MASK_MOST_SIDE,
            INFER_ERROR_FORMAT, "a mask of %u x %u pixels; sides are 1 to %d", width, height,
            MASK_MOST_SIDE);
    return INFER_OK;
}

/* Takes over `runs`, which the region owns, if they are those of such a mask. */
static infer_status finish(uint32_t height, uint32_t width, uint32_t *runs, uint32_t nruns,
                           struct mask_rle *mask, infer_error *err)
{
    uint64_t sum = 0, pixels = (uint64_t)height * width;
    for (uint32_t i = 0; i < nruns; i++)
        sum += runs[i];
    FAIL_IF(sum != pixels, INFER_ERROR_FORMAT, "the runs of a mask have %llu pixels, not %u x %u",
            (unsigned long long)sum, width, height);
    *mask = (struct mask_rle){height, width, runs, join_short(runs, nruns)};
    return INFER_OK;
}

infer_status mask_from_runs(struct infer__region *r, uint32_t height, uint32_t width,
                            const uint32_t *runs, uint32_t nruns, struct mask_rle *mask,
                            infer_error *err)
{
    TRY(check_size(height, width, err));
    size_t bytes = infer__array_bytes(nruns, sizeof *runs);
    uint32_t *copy = infer__region_copy(r, runs, bytes);
    if (!copy)
        return infer__no_memory(err, bytes);
    return finish(height, width, copy, nruns, mask, err);
}

/* A growing list of runs. */
struct run_list {
    struct infer__region *region;
    uint32_t *runs, n, capacity;
};

static int put_run(struct run_list *l, uint64_t length)
{
    if (l->n == l->capacity && !infer__region_grow(l->region, (void **)&l->runs, &l->capacity,
                                                   infer__length_add(l->n, 1), sizeof *l->runs))
        return 0;
    l->runs[l->n++] = (uint32_t)length;
    return 1;
}

infer_status mask_from_pixels(struct infer__region *r, const uint8_t *pixels, size_t pitch,
                              uint32_t height, uint32_t width, uint8_t value, struct mask_rle *mask,
                              infer_error *err)
{
    struct run_list l = {.region = r};
    int inside = 0, fine = 1;
    uint32_t length = 0;
    TRY(check_size(height, width, err));
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t y = 0; y < height; y++, length++)
            if ((pixels[y * pitch + x] == value) != inside) {
                fine &= put_run(&l, length);
                length = 0;
                inside = !inside;
            }
    if (!fine || !put_run(&l, length))
        return infer__no_memory(err, sizeof *l.runs);
    return finish(height, width, l.runs, l.n, mask, err);
}

infer_status mask_union(struct infer__region *r, const struct mask_rle *a, const struct mask_rle *b,
                        struct mask_rle *mask, infer_error *err)
{
    struct run_list l = {.region = r};
    uint32_t i = 0, k = 0, left_a = a->runs[0], left_b = b->runs[0];
    uint64_t length = 0;
    int inside = 0, fine = 1;
    FAIL_IF(a->height != b->height || a->width != b->width, INFER_ERROR_FORMAT,
            "masks of %u x %u and %u x %u pixels can't be joined", a->width, a->height, b->width,
            b->height);
    for (;;) {
        while (!left_a && ++i < a->nruns)
            left_a = a->runs[i];
        while (!left_b && ++k < b->nruns)
            left_b = b->runs[k];
        if (i == a->nruns)
            break;
        const int now = (i | k) & 1;
        const uint32_t step = left_a < left_b ? left_a : left_b;
        if (now != inside) {
            fine &= put_run(&l, length);
            length = 0;
            inside = now;
        }
        length += step;
        left_a -= step;
        left_b -= step;
    }
    if (!fine || !put_run(&l, length))
        return infer__no_memory(err, sizeof *l.runs);
    return finish(a->height, a->width, l.runs, l.n, mask, err);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Reads one number of the text; 0 where it is none. */
static int get_number(const char *text, size_t length, size_t *at, int64_t *out)
{
    int64_t v = 0;
    for (int bits = 0; *at < length && bits <= 35; bits += 5) {
        const int c = text[(*at)++] - 48;
        if (c < 0 || c > 63)
            return 0;
        v |= (int64_t)(c & 31) << bits;
        if (!(c & 32)) {
            if (c & 16) /* the sign goes on to the left */
                v |= -(INT64_C(1) << (bits + 5));
            *out = v;
            return 1;
        }
    }
    return 0;
}

infer_status mask_from_text(struct infer__region *r, uint32_t height, uint32_t width,
                            const char *text, size_t length, struct mask_rle *mask,
                            infer_error *err)
{
    struct run_list l = {.region = r};
    TRY(check_size(height, width, err));
    for (size_t at = 0; at < length;) {
        const size_t start = at;
        int64_t v;
        int good = get_number(text, length, &at, &v);
        if (good && l.n > 2)
            v += l.runs[l.n - 2];
        FAIL_IF(!good || v < 0 || v > (int64_t)height * width, INFER_ERROR_FORMAT,
                "the text of a mask is wrong at character %zu", start);
        if (!put_run(&l, (uint64_t)v))
            return infer__no_memory(err, sizeof *l.runs);
    }
    return finish(height, width, l.runs, l.n, mask, err);
}

char *mask_to_text(struct infer__region *r, const struct mask_rle *mask)
{
    /* a difference of two 32-bit numbers has 33 bits: 7 characters */
    char *text = infer__region_take(r, infer__array_bytes((size_t)mask->nruns + 1, 7)), *p = text;
    for (uint32_t i = 0; text && i < mask->nruns; i++) {
        int64_t v = mask->runs[i];
        if (i > 2)
            v -= mask->runs[i - 2];
        for (int more = 1; more;) {
            const int c = (int)(v & 31);
            v >>= 5;
            more = c & 16 ? v != -1 : v != 0;
            *p++ = (char)((more ? c | 32 : c) + 48);
        }
    }
    if (text)
        *p = 0;
    return text;
}

/* ---- measures ------------------------------------------------------------------------------- */

uint64_t mask_area(const struct mask_rle *mask)
{
    uint64_t area = 0;
    for (uint32_t i = 1; i < mask->nruns; i += 2)
        area += mask->runs[i];
    return area;
}

uint64_t mask_common(const struct mask_rle *a, const struct mask_rle *b)
{
    uint64_t common = 0, end_a = a->runs[0], end_b = b->runs[0], at = 0;
    for (uint32_t i = 0, k = 0; i < a->nruns && k < b->nruns;) {
        const uint64_t next = end_a < end_b ? end_a : end_b;
        if (i & k & 1)
            common += next - at;
        at = next;
        if (end_a == next && ++i < a->nruns)
            end_a += a->runs[i];
        if (end_b == next && ++k < b->nruns)
            end_b += b->runs[k];
    }
    return common;
}

void mask_box(const struct mask_rle *mask, double box[4])
{
    const uint32_t h = mask->height;
    uint32_t left = UINT32_MAX, right = 0, top = UINT32_MAX, bottom = 0, at = mask->runs[0];
    memset(box, 0, 4 * sizeof *box);
    for (uint32_t i = 1; i < mask->nruns; i += 2) {
        const uint32_t first = at, last = at + mask->runs[i] - 1;
        const int whole = first / h != last / h; /* it goes over the end of a column */
        const uint32_t y0 = whole ? 0 : first % h, y1 = whole ? h - 1 : last % h;
        left = left < first / h ? left : first / h;
        right = last / h;
        top = top < y0 ? top : y0;
        bottom = bottom > y1 ? bottom : y1;
        at = last + 1 + (i + 1 < mask->nruns ? mask->runs[i + 1] : 0);
    }
    if (mask->nruns < 2)
        return;
    box[0] = left;
    box[1] = top;
    box[2] = (double)right - left + 1;
    box[3] = (double)bottom - top + 1;
}

double mask_iou(const struct mask_rle *answer, const struct mask_rle *truth, int crowd)
{
    if (answer->height != truth->height || answer->width != truth->width)
        return 0;
    const uint64_t common = mask_common(answer, truth), area = mask_area(answer);
    if (!common)
        return 0;
    return (double)common / (double)(crowd ? area : area + mask_area(truth) - common);
}
