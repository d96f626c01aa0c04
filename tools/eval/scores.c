/* Tables of scores. */
#include "tools/eval/scores.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"

infer_status scores_add(struct scores *s, const double *values, uint32_t label,
                        const uint8_t *positive, infer_error *err)
{
    struct infer__region *r = s->region;
    const uint32_t need = infer__length_add(s->nrows, 1);
    const size_t row = infer__array_bytes(s->nclasses, sizeof *values);
    if ((s->nrows == s->row_room &&
         !infer__region_grow(r, (void **)&s->values, &s->row_room, need, row)) ||
        (positive && s->nrows == s->positive_room &&
         !infer__region_grow(r, (void **)&s->positive, &s->positive_room, need, s->nclasses)) ||
        (!positive && s->nrows == s->label_room &&
         !infer__region_grow(r, (void **)&s->labels, &s->label_room, need, sizeof label)))
        return infer__no_memory(err, row);
    memcpy(s->values + (size_t)s->nrows * s->nclasses, values, row);
    if (positive)
        memcpy(s->positive + (size_t)s->nrows * s->nclasses, positive, s->nclasses);
    else
        s->labels[s->nrows] = label;
    s->nrows++;
    return INFER_OK;
}

void scores_softmax(struct scores *s)
{
    for (uint32_t i = 0; i < s->nrows; i++) {
        double *row = s->values + (size_t)i * s->nclasses, most = -INFINITY, sum = 0;
        for (uint32_t k = 0; k < s->nclasses; k++)
            most = fmax(most, row[k]);
        for (uint32_t k = 0; k < s->nclasses; k++)
            sum += row[k] = exp(row[k] - most);
        for (uint32_t k = 0; k < s->nclasses; k++)
            row[k] /= sum;
    }
}

int scores_are_probabilities(const struct scores *s)
{
    const size_t n = (size_t)s->nrows * s->nclasses;
    for (size_t i = 0; i < n; i++)
        if (!(s->values[i] >= 0 && s->values[i] <= 1))
            return 0;
    return 1;
}

infer_status scores_curve(struct infer__region *r, const struct scores *s, uint32_t class,
                          struct binary_curve *c, infer_error *err)
{
    const uint32_t first = class < s->nclasses ? class : 0;
    const uint32_t end = class < s->nclasses ? class + 1 : s->nclasses;
    size_t n = 0, count = (size_t)s->nrows * (end - first);
    const size_t bytes = infer__array_bytes(count, sizeof(struct binary_sample));
    struct binary_sample *samples = infer__region_take(r, bytes);
    if (!samples)
        return infer__no_memory(err, bytes);
    for (uint32_t i = 0; i < s->nrows; i++)
        for (uint32_t k = first; k < end; k++) {
            const size_t at = (size_t)i * s->nclasses + k;
            samples[n++] = (struct binary_sample){s->values[at], s->positive ? s->positive[at]
                                                                             : s->labels[i] == k};
        }
    const infer_status status = binary_curve(r, samples, n, c, err);
    infer__region_drop(r, samples, bytes);
    return status;
}
