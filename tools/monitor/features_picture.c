#include <math.h>

#include "tools/monitor/features.h"

enum { ROWS = 96, COLUMNS = 128, SIDE = 640 };

struct sums {
    double pixels, grey, squares, channel[3], zeros, edge, edge_squares;
};

/* Rec. 601, times 256. */
static int grey_of(const uint8_t *p, int32_t channels)
{
    return channels == 1 ? 256 * p[0] : 77 * p[0] + 150 * p[1] + 29 * p[2];
}

/* One pixel. `step`, `row`: bytes to the neighbours for the Laplacian; 0: it is at the border. */
static void add_pixel(struct sums *s, const uint8_t *p, int32_t channels, ptrdiff_t step,
                      ptrdiff_t row)
{
    const int grey = grey_of(p, channels);
    s->pixels++;
    s->grey += grey;
    s->squares += (double)grey * grey;
    for (int c = 0; c < 3; c++) {
        const int v = p[channels == 1 ? 0 : c];
        s->channel[c] += v;
        s->zeros += v == 0;
    }
    if (step && row) {
        const int edge = grey_of(p - step, channels) + grey_of(p + step, channels) +
                         grey_of(p - row, channels) + grey_of(p + row, channels) - 4 * grey;
        s->edge += edge;
        s->edge_squares += (double)edge * edge;
    }
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
    const int32_t off = (longest + SIDE - 1) / SIDE;
    for (int32_t j = 0; j < rows; j++) {
        const int32_t y = (int32_t)((2 * (int64_t)j + 1) * m->height / (2 * rows));
        const int inside_y = y >= off && y + off < m->height;
        for (int32_t i = 0; i < columns; i++) {
            const int32_t x = (int32_t)((2 * (int64_t)i + 1) * m->width / (2 * columns));
            const int inside = inside_y && x >= off && x + off < m->width;
            add_pixel(&s, m->pixels + (size_t)y * pitch + (size_t)x * (size_t)m->channels,
                      m->channels, inside ? off * m->channels : 0,
                      inside ? off * (ptrdiff_t)pitch : 0);
        }
    }
    return s;
}

static double variance(double sum, double squares, double n)
{
    return n > 0 ? fmax(squares / n - (sum / n) * (sum / n), 0) : 0;
}

void features_picture(struct features *f, const infer_image *m)
{
    features_set(f, FEATURE_WIDTH, m->width);
    features_set(f, FEATURE_HEIGHT, m->height);
    if (m->width < 1 || m->height < 1)
        return;
    const struct sums s = sum_up(m);
    features_set(f, FEATURE_BRIGHTNESS, s.grey / s.pixels / 256);
    features_set(f, FEATURE_CONTRAST, sqrt(variance(s.grey, s.squares, s.pixels)) / 256);
    features_set(f, FEATURE_RED, s.channel[0] / s.pixels);
    features_set(f, FEATURE_GREEN, s.channel[1] / s.pixels);
    features_set(f, FEATURE_BLUE, s.channel[2] / s.pixels);
    features_set(f, FEATURE_ZEROS, s.zeros / (3 * s.pixels));
    features_set(f, FEATURE_SHARPNESS,
                 log10(1 + variance(s.edge, s.edge_squares, s.pixels) / 65536));
}
