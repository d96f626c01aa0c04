/* Text: strokes of letters, and the background of labels. */
#include <math.h>

#include "draw/draw.h"
#include "draw/font.h"

enum { STROKE = 17 }; /* tenths of a unit that strokes are wide */

double infer__letters_width(const char *text, double height)
{
    double units = 0;
    unsigned bytes;
    for (; *text; text += bytes)
        units += infer__glyph_of(text, &bytes)->width + FONT_GAP;
    return units * height / FONT_LINE;
}

static void draw_glyph(const infer_image *to, const struct infer__glyph *g, double x, double y,
                       double unit, infer_rgba color)
{
    const double width = fmax(1.1, unit * STROKE / 10);
    double last[2] = {0, 0};
    int drawn = 0; /* points of this stroke */
    for (const char *s = g->strokes; *s; s++) {
        if (*s == ' ') {
            drawn = 0;
            continue;
        }
        const double point[2] = {x + (s[0] - 'a') * unit, y + (s[1] - 'A') * unit};
        if (drawn++)
            infer__draw_stroke(to, last, point, width, color);
        last[0] = point[0];
        last[1] = point[1];
        s++;
    }
}

void infer__draw_letters(const infer_image *to, double x, double y, double height, const char *text,
                         infer_rgba color)
{
    const double unit = height / FONT_LINE;
    unsigned bytes;
    if (!isfinite(x) || !isfinite(y) || y > to->height || y + height < 0)
        return;
    for (x += unit * FONT_GAP / 2; *text && x < to->width; text += bytes) {
        const struct infer__glyph *g = infer__glyph_of(text, &bytes);
        if (x + (g->width + FONT_GAP) * unit >= 0)
            draw_glyph(to, g, x, y + FONT_TOP * unit, unit, color);
        x += (g->width + FONT_GAP) * unit;
    }
}

/* As bright as it is seen (BT.601). */
static infer_rgba contrast(infer_rgba c)
{
    static const infer_rgba black = {0, 0, 0, 255}, white = {255, 255, 255, 255};
    return 299 * c.red + 587 * c.green + 114 * c.blue > 140 * 1000 ? black : white;
}

void infer__draw_tag(const infer_image *to, double x, double y, const char *text,
                     infer_rgba background, const infer_draw_style *style)
{
    const double high = (double)style->text_height, pad = high / 10;
    const double wide = infer__letters_width(text, high) + 2 * pad;
    if (!isfinite(x) || !isfinite(y))
        return;
    x = floor(fmax(0, fmin(x, to->width - wide)));
    y = floor(fmin(y >= high ? y - high : y, to->height - high));
    y = fmax(0, y);
    infer__draw_fill(to, x, y, x + wide, y + high, background);
    infer__draw_letters(to, x + pad, y, high, text, contrast(background));
}
