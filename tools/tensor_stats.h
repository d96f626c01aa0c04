/* Least, greatest and mean element of a tensor of any type. */
#ifndef INFER_TOOLS_TENSOR_STATS_H
#define INFER_TOOLS_TENSOR_STATS_H

#include "infer.h"

struct tensor_stats {
    double min, max, mean; /* of the elements that are not NaN; NaN where there are none */
    size_t nans;
};

void tensor_stats(const infer_tensor *t, struct tensor_stats *s);

/* Element i, in the order of memory, of a tensor of any type; data may be unaligned. */
double tensor_element(const infer_tensor *t, size_t i);
int tensor_is_float(infer_type type);

/* bf16 as f32, and f32 as bf16 (to nearest, halves to even; NaN stays NaN). */
float bf16_to_f32(uint16_t v);
uint16_t f32_to_bf16(float v);

#endif
