/* How ranges are chosen.
 *
 *   minmax      all values
 *   percentile  what 99.99 % of the values keep to, apart for either side of 0
 *   entropy     the clipped range whose 256 levels keep the distribution best: least
 *               Kullback-Leibler divergence (Migacz, "8-bit inference with TensorRT", 2017)
 *   mse         the clipped range of the least mean squared error, by the histogram
 */
#include "tools/quantize/ranges.h"

#include <math.h>
#include <string.h>

const char *calibration_name(int method)
{
    static const char *const names[] = {"minmax", "percentile", "entropy", "mse", "auto"};
    return method >= 0 && method <= CALIBRATE_AUTO ? names[method] : "?";
}

void range_add(struct range *r, const float *x, size_t n)
{
    float lo = r->lo, hi = r->hi;
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(x[i]) <= 3.4e38f))
            continue;
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    r->lo = lo;
    r->hi = hi;
}

void histogram_add(struct histogram *h, const float *x, size_t n)
{
    float width = h->hi - h->lo, factor = width > 0 ? (float)HISTOGRAM_BINS / width : 0;
    for (size_t i = 0; i < n; i++) {
        float at = (x[i] - h->lo) * factor;
        at = at > 0 ? at : 0; /* NaN too */
        h->bins[at < HISTOGRAM_BINS - 1 ? (int)at : HISTOGRAM_BINS - 1]++;
    }
    h->total += n;
}

static double bin_width(const struct histogram *h)
{
    return ((double)h->hi - (double)h->lo) / HISTOGRAM_BINS;
}

static double bin_center(const struct histogram *h, int i)
{
    return (double)h->lo + (i + 0.5) * bin_width(h);
}

/* ---- percentile ----------------------------------------------------------------------------- */

static struct range percentile(const struct histogram *h)
{
    struct range r = {h->lo, h->hi};
    double allowed = 1e-4 * (double)h->total, gone = 0;
    for (int i = HISTOGRAM_BINS; i-- > 0 && bin_center(h, i) > 0;) {
        gone += (double)h->bins[i];
        if (gone > allowed)
            break;
        r.hi = (float)((double)h->lo + i * bin_width(h));
    }
    gone = 0;
    for (int i = 0; i < HISTOGRAM_BINS && bin_center(h, i) < 0; i++) {
        gone += (double)h->bins[i];
        if (gone > allowed)
            break;
        r.lo = (float)((double)h->lo + (i + 1) * bin_width(h));
    }
    return r;
}

/* ---- mean squared error --------------------------------------------------------------------- */

static double mean_squared(const struct histogram *h, struct range r)
{
    struct quant_params p = params_u8(r);
    double sum = 0, s = (double)p.scale;
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        if (!h->bins[i])
            continue;
        double x = bin_center(h, i), q = rint(x / s) + p.zero;
        q = q < 0 ? 0 : q > 255 ? 255 : q;
        double d = x - (q - p.zero) * s;
        sum += (double)h->bins[i] * d * d;
    }
    return sum;
}

/* First both sides shrink together, then each alone. */
static struct range least_squares(const struct histogram *h)
{
    struct range all = {h->lo, h->hi}, best = all;
    double least = mean_squared(h, best);
    for (int side = 0; side < 3; side++) {
        struct range from = best;
        for (int i = 1; i < 80; i++) {
            float keep = 1 - 0.0125f * (float)i;
            struct range r = {side == 2 ? from.lo : from.lo * keep,
                              side == 1 ? from.hi : from.hi * keep};
            double e = mean_squared(h, r);
            if (e < least) {
                least = e;
                best = r;
            }
        }
    }
    return best;
}

/* ---- entropy -------------------------------------------------------------------------------- */

/* Divergence of bins `first` to `end` - 1, with what lies outside moved into the outermost, from
 * the same in 256 levels. */
static double divergence(const struct histogram *h, int first, int end)
{
    double p[HISTOGRAM_BINS], q[HISTOGRAM_BINS], sum_p = 0, sum_q = 0, d = 0;
    int n = end - first, levels = n < 256 ? n : 256;
    memset(q, 0, sizeof q);
    for (int i = 0; i < n; i++)
        p[i] = (double)h->bins[first + i];
    for (int k = 0; k < levels; k++) {
        int a = (int)((int64_t)k * n / levels), b = (int)((int64_t)(k + 1) * n / levels), used = 0;
        double sum = 0;
        for (int i = a; i < b; i++) {
            sum += p[i];
            used += p[i] > 0;
        }
        for (int i = a; i < b; i++)
            q[i] = p[i] > 0 ? sum / used : 0;
    }
    for (int i = 0; i < first; i++)
        p[0] += (double)h->bins[i];
    for (int i = end; i < HISTOGRAM_BINS; i++)
        p[n - 1] += (double)h->bins[i];
    for (int i = 0; i < n; i++) {
        sum_p += p[i];
        sum_q += q[i];
    }
    for (int i = 0; i < n && sum_p > 0 && sum_q > 0; i++)
        if (p[i] > 0)
            d += p[i] / sum_p * log(p[i] / sum_p / ((q[i] > 0 ? q[i] : 1e-9) / sum_q));
    return d;
}

/* The most frequent value of layers behind Relu is 0, a spike that says nothing: it is left out. */
static struct range least_divergence(const struct histogram *whole)
{
    struct histogram h = *whole;
    double width = bin_width(&h), least = INFINITY;
    struct range best = {h.lo, h.hi};
    int zero = width > 0 ? (int)((0 - (double)h.lo) / width) : 0;
    zero = zero < 0 ? 0 : zero >= HISTOGRAM_BINS ? HISTOGRAM_BINS - 1 : zero;
    if (h.bins[zero] > h.total / 8)
        h.bins[zero] = 0;
    for (int i = 128; i >= 16; i--) { /* the share that is kept, in 128ths */
        int first = zero - zero * i / 128, end = zero + (HISTOGRAM_BINS - zero) * i / 128;
        if (end - first < 256)
            break;
        double d = divergence(&h, first, end);
        if (d < least) {
            least = d;
            best.lo = (float)((double)h.lo + first * width);
            best.hi = (float)((double)h.lo + end * width);
        }
    }
    return best;
}

struct range range_choose(const struct histogram *h, int method)
{
    struct range all = {h->lo, h->hi};
    if (!h->total || !(h->hi > h->lo))
        return all;
    switch (method) {
    case CALIBRATE_PERCENTILE:
        return percentile(h);
    case CALIBRATE_ENTROPY:
        return least_divergence(h);
    case CALIBRATE_MSE:
        return least_squares(h);
    default:
        return all;
    }
}

/* ---- scale and zero point ------------------------------------------------------------------- */

struct quant_params params_u8(struct range r)
{
    struct quant_params p = {1, 0};
    float lo = r.lo < 0 ? r.lo : 0, hi = r.hi > 0 ? r.hi : 0;
    double width = (double)hi - (double)lo;
    if (!(width > 0) || !isfinite(width))
        return p;
    p.scale = (float)(width / 255);
    if (!(p.scale >= 1e-30f)) /* far from denormals, where quotients would not be exact */
        p.scale = 1e-30f;
    double zero = rint(-(double)lo / (double)p.scale);
    p.zero = (int32_t)(zero < 0 ? 0 : zero > 255 ? 255 : zero);
    return p;
}

uint8_t quantize_u8(struct quant_params p, float x)
{
    float q = x / p.scale;
    q = q == q ? q : 0;
    q = q < -1e6f ? -1e6f : q > 1e6f ? 1e6f : q;
    q = rintf(q) + (float)p.zero;
    return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

double params_error(struct quant_params p, const float *x, size_t n)
{
    double sum = 0;
    float lo = (float)-p.zero, hi = (float)(255 - p.zero), inverse = 1 / p.scale;
    for (size_t i = 0; i < n; i++) {
        float q = x[i] * inverse;
        q = q > lo ? q : lo;
        q = q < hi ? q : hi;
        q = (q + 0x1.8p23f) - 0x1.8p23f; /* rounds half to even: |q| is at most 255 */
        float d = x[i] - q * p.scale;
        sum += (double)(d * d);
    }
    return sum;
}
