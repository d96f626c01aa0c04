/* NonMaxSuppression, box by box. */
#include "kernels/find/nms.h"

static int overlaps(const struct box *b, const float *selected, int64_t most, int64_t n,
                    float threshold)
{
    const float *x0 = selected, *y0 = x0 + most, *x1 = y0 + most, *y1 = x1 + most;
    const float *area = y1 + most;
    for (int64_t i = 0; i < n; i++) {
        const float left = x0[i] > b->side[X0] ? x0[i] : b->side[X0];
        const float right = x1[i] < b->side[X1] ? x1[i] : b->side[X1];
        const float top = y0[i] > b->side[Y0] ? y0[i] : b->side[Y0];
        const float bottom = y1[i] < b->side[Y1] ? y1[i] : b->side[Y1];
        const float common = (right - left) * (bottom - top);
        const float all = area[i] + b->side[AREA] - common;
        if (right > left && bottom > top && common > 0 && area[i] > 0 && b->side[AREA] > 0 &&
            all > 0 && common / all > threshold)
            return 1;
    }
    return 0;
}

static int64_t collect(const float *scores, int64_t boxes, const struct wanted *w,
                       struct infer__found *found)
{
    int64_t n = 0;
    for (int64_t i = 0; i < boxes; i++)
        if (w->scored ? scores[i] > w->score : scores[i] == scores[i])
            found[n++] = (struct infer__found){infer__order_key(INFER_F32, scores, i), i};
    return n;
}

INFER__APART static double estimate(const struct infer__task *t)
{
    return nms_ns(t, 5);
}

static void run(const struct infer__task *t, const struct infer__buffers *b, uint32_t begin,
                uint32_t end)
{
    static const struct nms_ways ways = {overlaps, collect};
    nms_run(&ways, t, b, begin, end);
}

const struct infer__kernel infer__nms_c = {
    .name = "nms_c", .isa = INFER_ISA_C, .estimate = estimate, .prepare = nms_prepare, .run = run};
