/* What the parts of inference.h share.
 *
 * A model can take and give text where its inputs and outputs are u8 tensors that its metadata
 * ("infer.text": names with commas between them) calls so. Each element of text then lies in the
 * last dimension: its length as a u32, little endian, its bytes, and zeros up to the longest. */
#ifndef INFER_TOOLS_SERVE_INFERENCE_INTERNAL_H
#define INFER_TOOLS_SERVE_INFERENCE_INTERNAL_H

#include "tools/serve/kserve/inference.h"

enum { TEXT_LENGTH_BYTES = 4 };

/* The elements that an input's shape has, which was checked. */
size_t v2_elements(const struct v2_request *q, int place);
/* A number of 4 bytes, little endian, wherever it lies. */
static inline uint32_t v2_read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline void v2_write_u32(unsigned char *p, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(n >> 8 * i);
}

#endif
