/* Pictures with their answers drawn on them. */
#ifndef INFER_TOOLS_SERVE_DRAWN_H
#define INFER_TOOLS_SERVE_DRAWN_H

#include "tools/serve/models/job.h"

/* Decodes a picture of a job of JOB_PICTURES that is done, draws its answer (boxes, points and
 * masks; classes of pixels; of a classification the labels in the lower left corner) and encodes it
 * as PNG, or as JPEG of quality 90 where `*jpeg` is not 0, which becomes 0 where this build has
 * none. To be freed with free; NULL: without memory, or it can't be decoded. */
void *drawn_picture(const struct job *job, int picture, int *jpeg, size_t *size);

#endif
