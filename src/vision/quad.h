/* A quadrilateral of a picture, as a picture of its own. infer_text.h has the rules. */
#ifndef INFER_VISION_QUAD_H
#define INFER_VISION_QUAD_H

#include "infer_text.h"
#include "vision/picture.h"

/* infer_quad_cut of a picture that is open, with memory from `a`. */
infer_status infer__quad_cut(const struct infer__picture *p, const infer_quad *quad,
                             const infer_allocator *a, infer_image *out, infer_error *err);

#endif
