/* YOLO v8 to v12 with more than boxes: (1, 4 + classes + more, places), decoded. What the model
 * tells of itself ("task", "kpt_shape") says what the further fields are. */
#include <stdlib.h>
#include <string.h>

#include "tools/decoders/decoder.h"

/* Whether the family was asked for, or the model says that this is its task. */
static int is_task(const struct decoder *d, const char *task)
{
    const char *told = decoder_about(d, "task");
    return d->named || (told && strcmp(told, task) == 0);
}

/* ---- points --------------------------------------------------------------------------------- */

/* "[17, 3]": how many points, and of how many numbers each. */
static int read_pair(const char *s, int64_t *a, int64_t *b)
{
    char *end;
    if (!s || *s != '[')
        return 0;
    *a = strtol(s + 1, &end, 10);
    if (*end != ',')
        return 0;
    *b = strtol(end + 1, &end, 10);
    return *end == ']' && *a > 0 && *a <= 1024 && (*b == 2 || *b == 3);
}

/* From what the model tells; else one class, and points with scores where the numbers allow. */
static int points_of(const struct decoder *d, int64_t *count, int64_t *fields)
{
    const int64_t channels = decoder_shape(d, 0).dims[1];
    if (read_pair(decoder_about(d, "kpt_shape"), count, fields))
        return channels - 4 > *count * *fields;
    *fields = (channels - 5) % 3 ? 2 : 3;
    *count = (channels - 5) / *fields;
    return d->named && *count > 0 && (channels - 5) % *fields == 0;
}

int decoder_fits_yolov8_pose(const struct decoder *d)
{
    int64_t count, fields;
    return decoder_fits_yolov8(d) && points_of(d, &count, &fields);
}

void decoder_build_yolov8_pose(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    int64_t count = 0, fields = 0;
    decoder_build_yolov8(d);
    points_of(d, &count, &fields);
    o->classes -= (int32_t)(count * fields);
    o->points = 0;
    o->points_first = 4 + o->classes;
    o->points_count = (int32_t)count;
    o->point_fields = (int32_t)fields;
}

/* ---- turned boxes: the last field is the angle ----------------------------------------------- */

int decoder_fits_yolov8_obb(const struct decoder *d)
{
    return is_task(d, "obb") && decoder_fits_yolov8(d) && decoder_shape(d, 0).dims[1] > 5;
}

void decoder_build_yolov8_obb(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    decoder_build_yolov8(d);
    o->angle = 4 + --o->classes;
}

/* ---- masks: (1, 4 + classes + M, places), prototypes (1, M, rows, columns), in any order --------
 */

/* Which output has the boxes; -1: there are no such outputs. */
static int boxes_of(const struct decoder *d)
{
    for (uint32_t i = 0; d->g->noutputs == 2 && i < 2; i++) {
        const struct decoder_shape b = decoder_shape(d, i), p = decoder_shape(d, 1 - i);
        if (b.rank == 3 && p.rank == 4 && b.dims[1] > 4 + p.dims[1] && p.dims[1] > 0 &&
            b.dims[2] == decoder_yolo_places(d) && p.dims[2] * 4 == d->height &&
            p.dims[3] * 4 == d->width)
            return (int)i;
    }
    return -1;
}

int decoder_fits_yolov8_seg(const struct decoder *d)
{
    return boxes_of(d) >= 0;
}

void decoder_build_yolov8_seg(struct decoder *d)
{
    infer_decoding *o = &d->decoding;
    const int boxes = boxes_of(d);
    decoder_build_yolov8(d);
    o->scores = o->boxes = o->coefficients = boxes;
    o->masks = 1 - boxes;
    o->classes = (int32_t)(decoder_shape(d, (uint32_t)boxes).dims[1] - 4 -
                           decoder_shape(d, 1 - (uint32_t)boxes).dims[1]);
    o->coefficients_first = 4 + o->classes;
}
