/* levels: avx2 avx512 exact */
/* NonMaxSuppression: a box is compared with a vector of selected ones at a time, and scores with
 * the least one. Numbers are those of nms_c.c to the bit. */
#include "kernels/levels.h"

#include "kernels/find/compare.h"
#include "kernels/find/nms.h"

static int overlaps(const struct box *b, const float *selected, int64_t most, int64_t n,
                    float threshold)
{
    const float *x0 = selected, *y0 = x0 + most, *x1 = y0 + most, *y1 = x1 + most;
    const float *area = y1 + most;
    const lanes zero = LANES_ALL(0), limit = LANES_ALL(threshold);
    const lanes bx0 = LANES_ALL(b->side[X0]), by0 = LANES_ALL(b->side[Y0]);
    const lanes bx1 = LANES_ALL(b->side[X1]), by1 = LANES_ALL(b->side[Y1]);
    const lanes own = LANES_ALL(b->side[AREA]);
    if (!(b->side[AREA] > 0))
        return 0;
    for (int64_t i = 0; i < n; i += LANES) { /* NMS_BEHIND */
        const unsigned valid =
            n - i < LANES ? (1u << (n - i)) - 1 : (unsigned)((1ull << LANES) - 1);
        const lanes left = LANES_MAX(LANES_LOAD(x0 + i), bx0);
        const lanes right = LANES_MIN(LANES_LOAD(x1 + i), bx1);
        const lanes top = LANES_MAX(LANES_LOAD(y0 + i), by0);
        const lanes bottom = LANES_MIN(LANES_LOAD(y1 + i), by1);
        const lanes areas = LANES_LOAD(area + i);
        const unsigned meet =
            LANES_MASK(right, left, _CMP_GT_OQ) & LANES_MASK(bottom, top, _CMP_GT_OQ) & valid;
        if (!meet)
            continue;
        const lanes common = LANES_MUL(LANES_SUB(right, left), LANES_SUB(bottom, top));
        const lanes all = LANES_SUB(LANES_ADD(areas, own), common);
        if (meet & LANES_MASK(common, zero, _CMP_GT_OQ) & LANES_MASK(areas, zero, _CMP_GT_OQ) &
            LANES_MASK(all, zero, _CMP_GT_OQ) &
            LANES_MASK(LANES_DIV(common, all), limit, _CMP_GT_OQ))
            return 1;
    }
    return 0;
}

static int64_t collect(const float *scores, int64_t boxes, const struct wanted *w,
                       struct infer__found *found)
{
    const lanes least = LANES_ALL(w->score);
    int64_t n = 0;
    for (int64_t i = 0; i < boxes; i += LANES) {
        const int64_t end = boxes - i < LANES ? boxes : i + LANES;
        if (boxes - i >= LANES) {
            const lanes x = LANES_LOAD(scores + i);
            if (!(w->scored ? LANES_MASK(x, least, _CMP_GT_OQ) : LANES_MASK(x, x, _CMP_ORD_Q)))
                continue;
        }
        for (int64_t k = i; k < end; k++)
            if (w->scored ? scores[k] > w->score : scores[k] == scores[k])
                found[n++] = (struct infer__found){infer__order_key(INFER_F32, scores, k), k};
    }
    return n;
}

INFER__APART static double estimate(const struct infer__task *t)
{
    return nms_ns(t, PER_LEVEL(5, 2, 1.5));
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    static const struct nms_ways ways = {overlaps, collect};
    nms_run(&ways, t, b, begin, end);
}

const struct infer__kernel LEVEL_NAME(infer__nms) = {.name = LEVEL_STRING("nms"),
                                                     .isa = LEVEL_ISA,
                                                     .estimate = estimate,
                                                     .prepare = nms_prepare,
                                                     .run = run};
