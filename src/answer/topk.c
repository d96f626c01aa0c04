/* The highest scores, kept in a heap whose root is the worst of those found so far. */
#include <math.h>

#include "base/caller.h"
#include "base/size.h"
#include "base/status.h"
#include "infer_vision.h"

/* Whether a comes before b: higher scores first, NaN last, then lower indices. A total order, so
 * the answer does not depend on how the heap works. */
static int before(const infer_class *a, const infer_class *b)
{
    int a_nan = isnan(a->score) != 0, b_nan = isnan(b->score) != 0;
    if (a_nan != b_nan)
        return b_nan;
    if (!a_nan && a->score != b->score)
        return a->score > b->score;
    return a->index < b->index;
}

static void swap(infer_class *a, infer_class *b)
{
    infer_class t = *a;
    *a = *b;
    *b = t;
}

/* Restores the heap below `at`: no element comes before its parent's place in the order. */
static void sift_down(infer_class *heap, size_t n, size_t at)
{
    for (;;) {
        size_t worst = at, child = 2 * at + 1;
        if (child < n && before(&heap[worst], &heap[child]))
            worst = child;
        if (child + 1 < n && before(&heap[worst], &heap[child + 1]))
            worst = child + 1;
        if (worst == at)
            return;
        swap(&heap[at], &heap[worst]);
        at = worst;
    }
}

static void find_top(const float *scores, size_t n, infer_class *heap, size_t k)
{
    for (size_t i = 0; i < k; i++)
        heap[i] = (infer_class){.index = (int64_t)i, .score = scores[i]};
    for (size_t i = k / 2; i-- > 0;)
        sift_down(heap, k, i);
    for (size_t i = k; i < n; i++) {
        infer_class c = {.index = (int64_t)i, .score = scores[i]};
        if (before(&c, &heap[0])) {
            heap[0] = c;
            sift_down(heap, k, 0);
        }
    }
    for (size_t left = k; left-- > 1;) { /* the worst to the end, again and again */
        swap(&heap[0], &heap[left]);
        sift_down(heap, left, 0);
    }
}

/* exp(s - max) without inf - inf: a score that is the maximum counts 1. */
static double weight(float s, float max)
{
    return s == max ? 1.0 : exp((double)s - (double)max);
}

/* classes[0] is the maximum, NaN only if there is nothing else. */
static void apply_softmax(const float *scores, size_t n, infer_class *classes, size_t k)
{
    float max = classes[0].score;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(scores[i]))
            sum += weight(scores[i], max);
    for (size_t i = 0; i < k; i++)
        if (!isnan(classes[i].score))
            classes[i].score = (float)(weight(classes[i].score, max) / sum);
}

infer_status infer_topk(const infer_tensor *scores, size_t k, int softmax, infer_class *classes,
                        size_t *found, infer_error *err)
{
    INFER__KEEP_CALLER;
    infer_error local;
    err = err ? err : &local;
    infer__error_clear(err);
    if (found)
        *found = 0;
    FAIL_IF(!scores || !scores->data || (k && !classes), INFER_ERROR_ARGUMENT,
            "infer_topk: scores or classes is NULL");
    FAIL_IF(scores->reserved[0] || scores->reserved[1], INFER_ERROR_ARGUMENT,
            "infer_topk: a reserved field of the scores is not 0");
    FAIL_IF(scores->type != INFER_F32, INFER_ERROR_SHAPE, "infer_topk: scores are %s, not f32",
            infer_type_name(scores->type));
    int64_t n;
    FAIL_IF(scores->rank < 0 || scores->rank > INFER_MAX_RANK ||
                !infer__dims_product(scores->dims, scores->rank, &n) ||
                (uint64_t)n > scores->bytes / sizeof(float),
            INFER_ERROR_SHAPE, "infer_topk: the scores' shape does not fit their memory");
    FAIL_IF((uintptr_t)scores->data % sizeof(float), INFER_ERROR_ARGUMENT,
            "infer_topk: the scores are not aligned for their type");
    size_t count = (size_t)n < k ? (size_t)n : k;
    if (count) {
        find_top(scores->data, (size_t)n, classes, count);
        if (softmax)
            apply_softmax(scores->data, (size_t)n, classes, count);
    }
    if (found)
        *found = count;
    return INFER_OK;
}
