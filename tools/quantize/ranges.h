/* From values to a range, and from a range to a scale and a zero point. Plain arithmetic. */
#ifndef INFER_TOOLS_QUANTIZE_RANGES_H
#define INFER_TOOLS_QUANTIZE_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct range {
    float lo, hi;
};

/* real = scale * (q - zero) */
struct quant_params {
    float scale;
    int32_t zero;
};

enum { HISTOGRAM_BINS = 2048 };

/* Values between lo and hi in bins of equal width; those outside count in the outermost. */
struct histogram {
    float lo, hi;
    uint64_t total;
    uint64_t bins[HISTOGRAM_BINS];
};

enum calibration {
    CALIBRATE_MINMAX = 0,
    CALIBRATE_PERCENTILE = 1, /* 99.99 % of all values */
    CALIBRATE_ENTROPY = 2,
    CALIBRATE_MSE = 3,
    CALIBRATE_METHODS = 4,
    CALIBRATE_AUTO = 4 /* the one of the least error on pictures that were kept back */
};

/* "minmax" and so on; "auto" too. */
const char *calibration_name(int method);

void range_add(struct range *r, const float *x, size_t n); /* NaN and infinities are passed over */
void histogram_add(struct histogram *h, const float *x, size_t n);
/* The range that a method takes. It never reaches beyond the histogram's. */
struct range range_choose(const struct histogram *h, int method);
/* The scale and zero point of u8 for a range, widened to hold 0, which is then exact. */
struct quant_params params_u8(struct range r);
/* Sum of the squares of what quantising to u8 changes. */
double params_error(struct quant_params p, const float *x, size_t n);
uint8_t quantize_u8(struct quant_params p, float x);

#endif
