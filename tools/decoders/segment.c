/* Maps of scores. */
#include "tools/decoders/decoder.h"

/* Whether a side of the map is the input's, or the input's by a power of two of up to 32. */
static int suits(int64_t map, int64_t input)
{
    for (int64_t stride = 1; stride <= 32; stride *= 2)
        if (map == (input + stride - 1) / stride || map == input / stride)
            return map > 1;
    return 0;
}

/* Classes of a map, and where they are; 0: it is none. */
static int64_t classes_of(const struct decoder *d, int *first)
{
    const struct decoder_shape s = decoder_shape(d, 0);
    if (d->g->noutputs != 1 || s.rank != 4)
        return 0;
    *first = suits(s.dims[2], d->height) && suits(s.dims[3], d->width);
    if (!*first && !(suits(s.dims[1], d->height) && suits(s.dims[2], d->width)))
        return 0;
    const int64_t classes = s.dims[*first ? 1 : 3];
    return classes <= 255 ? classes : 0;
}

int decoder_fits_segment(const struct decoder *d)
{
    int first;
    return classes_of(d, &first) > 0;
}

void decoder_build_segment(struct decoder *d)
{
    int first = 0;
    d->decoding.task = INFER_TASK_SEGMENT;
    d->decoding.classes = (int32_t)classes_of(d, &first);
    d->decoding.scores_order = first;
    d->decoding.score_threshold = 0.5F;
}
