/* Points of the one thing that a picture shows, in parts of its sides: x, y of one after another.
 */
#include "tools/decoders/decoder.h"

/* The numbers of the last output that is (any, numbers), an even number of them; 0: there is none.
 */
static int64_t numbers_of(const struct decoder *d, uint32_t *output)
{
    for (uint32_t i = d->g->noutputs; i-- > 0;) {
        const struct decoder_shape s = decoder_shape(d, i);
        if (s.rank == 2 && s.dims[1] >= 2 && s.dims[1] % 2 == 0 && s.dims[1] <= 4096) {
            *output = i;
            return s.dims[1];
        }
    }
    return 0;
}

/* Classifiers look the same: it has to be asked for. */
int decoder_fits_points(const struct decoder *d)
{
    uint32_t output;
    return d->named && numbers_of(d, &output) > 0;
}

void decoder_build_points(struct decoder *d)
{
    uint32_t output = 0;
    d->decoding.points_count = (int32_t)(numbers_of(d, &output) / 2);
    d->decoding.task = INFER_TASK_KEYPOINTS;
    d->decoding.classes = 1;
    d->decoding.points = d->decoding.scores = (int32_t)output;
    d->decoding.point_fields = 2;
    d->decoding.relative = 1;
}
