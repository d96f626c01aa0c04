#include <math.h>

#include "tools/monitor/features.h"

enum { ROWS = 84, COLUMNS = 112, SIDE = 640 };

/* Grey levels are times 256. */
struct sums {
    int64_t pixels, grey, squares, channel[3], zeros, edge, edge_squares;
};

/* Rec. 601, times 256. */
static int grey_of(const uint8_t *p, int32_t channels)
{
    return channels == 1 ? 256 * p[0] : 77 * p[0] + 150 * p[1] + 29 * p[2];
}

/* One pixel. `step`, `row`: bytes to the neighbours for the Laplacian; step 0: one is missing. */
static void add_pixel(struct sums *s, const uint8_t *p, int32_t channels, ptrdiff_t step,
                      ptrdiff_t row)
{
    const int grey = grey_of(p, channels);
    s->pixels++;
    s->grey += grey;
    s->squares += (int64_t)grey * grey;
    for (int c = 0; c < 3; c++) {
        const int v = p[channels == 1 ? 0 : c];
        s->channel[c] += v;
        s->zeros += v == 0;
    }
    if (step) {
        const int edge = grey_of(p - step, channels) + grey_of(p + step, channels) +
                         grey_of(p - row, channels) + grey_of(p + row, channels) - 4 * grey;
        s->edge += edge;
        s->edge_squares += (int64_t)edge * edge;
    }
}

/* The middle of part i of n. */
static int32_t middle(int32_t i, int32_t n, int32_t side)
{
    return (int32_t)((2 * (int64_t)i + 1) * side / (2 * n));
}

/* Pixels of a grid over the picture. Neighbours are those of the picture; of a large one those that
 * it would have shrunk to SIDE pixels, as sharpness at a scale that no network sees says nothing.
 */
static struct sums sum_up(const infer_image *m)
{
    struct sums s = {0};
    const size_t pitch = m->pitch ? m->pitch : (size_t)m->width * (size_t)m->channels;
    const int32_t rows = m->height < ROWS ? m->height : ROWS;
    const int32_t columns = m->width < COLUMNS ? m->width : COLUMNS;
    const int32_t longest = m->width > m->height ? m->width : m->height;
    const int32_t off = (longest + SIDE - 1) / SIDE, channels = m->channels;
    int32_t at[COLUMNS];
    for (int32_t i = 0; i < columns; i++)
        at[i] = middle(i, columns, m->width);
    for (int32_t j = 0; j < rows; j++) {
        const int32_t y = middle(j, rows, m->height);
        const uint8_t *row = m->pixels + (size_t)y * pitch;
        const int inside = y >= off && y + off < m->height;
        for (int32_t i = 0; i < columns; i++) {
            const int edge = inside && at[i] >= off && at[i] + off < m->width;
            add_pixel(&s, row + (size_t)at[i] * (size_t)channels, channels,
                      edge ? off * channels : 0, off * (ptrdiff_t)pitch);
        }
    }
    return s;
}

static double mean(int64_t sum, int64_t n)
{
    return (double)sum / (double)n;
}

/* Of grey levels, or of sums of them. */
static double variance(int64_t sum, int64_t squares, int64_t n)
{
    const double m = mean(sum, n);
    return fmax(mean(squares, n) - m * m, 0) / 65536;
}

void features_picture(struct features *f, const infer_image *m)
{
    features_set(f, FEATURE_WIDTH, m->width);
    features_set(f, FEATURE_HEIGHT, m->height);
    if (m->width < 1 || m->height < 1)
        return;
    const struct sums s = sum_up(m);
    features_set(f, FEATURE_BRIGHTNESS, mean(s.grey, s.pixels) / 256);
    features_set(f, FEATURE_CONTRAST, sqrt(variance(s.grey, s.squares, s.pixels)));
    features_set(f, FEATURE_RED, mean(s.channel[0], s.pixels));
    features_set(f, FEATURE_GREEN, mean(s.channel[1], s.pixels));
    features_set(f, FEATURE_BLUE, mean(s.channel[2], s.pixels));
    features_set(f, FEATURE_ZEROS, mean(s.zeros, 3 * s.pixels));
    features_set(f, FEATURE_SHARPNESS, log10(1 + variance(s.edge, s.edge_squares, s.pixels)));
}
