/* Batches that are run image by image. */
#ifndef INFER_PLAN_IMAGES_H
#define INFER_PLAN_IMAGES_H

#include "graph/graph.h"

/* How many images a bound and folded graph is better run one by one; 1: as it is. `model` is the
 * graph before its inputs were bound: only a first dimension that it leaves free can be a batch.
 * The answer depends on the graph alone, so that threads change no bit of a result. */
infer_status infer__images(struct infer__graph *g, const struct infer__graph *model,
                           uint64_t max_tensor_bytes, uint32_t *images, infer_error *err);

#endif
