#include "tools/hammer/hdr_histogram.h"

#include <math.h>

static int bits_of(uint64_t v)
{
    return v ? 64 - __builtin_clzll(v) : 0;
}

static unsigned cell_of(uint64_t v)
{
    const int bits = bits_of(v), range = bits > 11 ? bits - 11 : 0;
    return (unsigned)range * HDR_HALF + (unsigned)(v >> range);
}

/* The largest time that is counted in a cell. */
static uint64_t end_of(unsigned cell)
{
    if (cell < 2 * HDR_HALF)
        return cell;
    const unsigned range = cell / HDR_HALF - 1;
    const uint64_t sub = cell % HDR_HALF + HDR_HALF;
    return ((sub + 1) << range) - 1;
}

void hdr_add(struct hdr_histogram *h, int64_t ns)
{
    uint64_t v = ns > 0 ? (uint64_t)ns : 0;
    if (v > HDR_MOST)
        v = HDR_MOST;
    h->min = !h->count || v < h->min ? v : h->min;
    h->max = v > h->max ? v : h->max;
    h->sum += (double)v;
    h->count++;
    h->cells[cell_of(v)]++;
}

void hdr_merge(struct hdr_histogram *h, const struct hdr_histogram *from)
{
    if (!from->count)
        return;
    h->min = !h->count || from->min < h->min ? from->min : h->min;
    h->max = from->max > h->max ? from->max : h->max;
    h->sum += from->sum;
    h->count += from->count;
    for (int i = 0; i < HDR_CELLS; i++)
        h->cells[i] += from->cells[i];
}

double hdr_percentile(const struct hdr_histogram *h, double percent)
{
    uint64_t seen = 0;
    /* 99.9 % of 1000 is 999, although the product is a little more in binary */
    double rank = ceil(percent / 100 * (double)h->count - 1e-6);
    if (!h->count)
        return NAN;
    rank = rank < 1 ? 1 : rank;
    for (unsigned i = 0; i < HDR_CELLS; i++) {
        seen += h->cells[i];
        if ((double)seen >= rank)
            return (double)(end_of(i) < h->max ? end_of(i) : h->max);
    }
    return (double)h->max;
}

double hdr_mean(const struct hdr_histogram *h)
{
    return h->count ? h->sum / (double)h->count : NAN;
}
