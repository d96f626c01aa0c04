#include "tools/hammer/plot.h"

#include <math.h>

#include "tools/html.h"

static const char *const colours[] = {"#36c", "#c40", "#283", "#818", "#a80",
                                      "#088", "#666", "#d37", "#57a", "#960"};
enum { COLOURS = sizeof colours / sizeof *colours };

static double inner_height(void)
{
    return PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM;
}

static double at_x(const struct plot *p, double x)
{
    return PLOT_LEFT + (x - p->x0) / (p->x1 - p->x0) * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT);
}

static double at_y(const struct plot *p, double y)
{
    const double part = p->log_y
                            ? (log10(fmax(y, p->y0)) - log10(p->y0)) / (log10(p->y1) - log10(p->y0))
                            : (y - p->y0) / (p->y1 - p->y0);
    return p->top + PLOT_TOP + inner_height() * (1 - fmin(fmax(part, 0), 1));
}

static void put_label(const struct plot *p, double x, double y, const char *anchor,
                      const char *text)
{
    fprintf(p->f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    html_text(p->f, text);
    fputs("</text>\n", p->f);
}

static void put_level(const struct plot *p, double y)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", y);
    fprintf(p->f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
            PLOT_LEFT, PLOT_WIDTH - PLOT_RIGHT, at_y(p, y), at_y(p, y));
    put_label(p, PLOT_LEFT - 6, at_y(p, y) + 4, "end", text);
}

/* A step of 1, 2 or 5 times a power of ten that cuts `range` into some five parts. */
static double step_of(double range)
{
    const double rough = range / 5, power = pow(10, floor(log10(rough))), lead = rough / power;
    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static void put_levels(struct plot *p)
{
    if (p->log_y) {
        p->y0 = pow(10, floor(log10(p->y0) + 1e-9));
        p->y1 = pow(10, ceil(log10(p->y1) - 1e-9));
        p->y1 = p->y1 > p->y0 ? p->y1 : p->y0 * 10;
        const int powers = (int)lround(log10(p->y1 / p->y0));
        for (int i = 0; i <= powers; i++)
            put_level(p, p->y0 * pow(10, i));
        return;
    }
    p->y1 = p->y1 > p->y0 ? p->y1 : p->y0 + 1;
    const double step = step_of(p->y1 - p->y0);
    const int levels = (int)ceil((p->y1 - p->y0) / step - 1e-9);
    p->y1 = p->y0 + levels * step;
    for (int i = 0; i <= levels; i++)
        put_level(p, p->y0 + i * step);
}

void plot_begin(struct plot *p, const char *title, const char *x, const char *y)
{
    const double bottom = p->top + PLOT_HEIGHT - PLOT_BOTTOM;
    p->lines = 0;
    p->x1 = p->x1 > p->x0 ? p->x1 : p->x0 + 1;
    fputs("<g font-weight=\"bold\">", p->f);
    put_label(p, PLOT_LEFT, p->top + 18, "start", title);
    fputs("</g>\n", p->f);
    put_levels(p);
    put_label(p, (PLOT_LEFT + PLOT_WIDTH - PLOT_RIGHT) / 2.0, bottom + 36, "middle", x);
    fprintf(p->f, "<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\">",
            p->top + PLOT_TOP + inner_height() / 2);
    html_text(p->f, y);
    fputs("</text>\n", p->f);
}

void plot_tick(struct plot *p, double x, const char *label)
{
    const double bottom = p->top + PLOT_HEIGHT - PLOT_BOTTOM;
    fprintf(p->f, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
            at_x(p, x), at_x(p, x), p->top + PLOT_TOP, bottom);
    put_label(p, at_x(p, x), bottom + 16, "middle", label);
}

void plot_mark(struct plot *p, double x)
{
    fprintf(p->f,
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#888\" "
            "stroke-dasharray=\"2 3\"/>\n",
            at_x(p, x), at_x(p, x), p->top + PLOT_TOP, p->top + PLOT_HEIGHT - PLOT_BOTTOM);
}

void plot_line(struct plot *p, const char *name, int dashed)
{
    const char *colour = colours[p->lines % COLOURS];
    const double x = PLOT_WIDTH - PLOT_RIGHT + 8, y = p->top + PLOT_TOP + 10 + 15 * p->lines;
    const char *dashes = dashed ? " stroke-dasharray=\"5 3\"" : "";
    fprintf(p->f,
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
            "stroke-width=\"2\"%s/>\n",
            x, x + 18, y - 4, y - 4, colour, dashes);
    put_label(p, x + 23, y, "start", name);
    fprintf(p->f, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"%s d=\"", colour, dashes);
    p->lines++;
    p->started = 0;
}

void plot_point(struct plot *p, double x, double y)
{
    if (!isfinite(y)) {
        p->started = 0;
        return;
    }
    fprintf(p->f, "%c%.1f %.1f ", p->started ? 'L' : 'M', at_x(p, x), at_y(p, y));
    p->started = 1;
}

void plot_line_end(struct plot *p)
{
    fputs("\"/>\n", p->f);
}
