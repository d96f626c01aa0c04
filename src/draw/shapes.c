/* Styles, and the plain shapes of the interface. */
#include <math.h>

#include "base/sized.h"
#include "draw/draw.h"
#include "vision/decode.h"

#define DRAW_STYLE INFER__SIZED(infer_draw_style, min_score)
enum { MOST_TEXT = 4096, LEAST_TEXT = 14, USUAL_TEXT = 96 };

void infer_draw_style_init(infer_draw_style *style, size_t size)
{
    INFER__KEEP_CALLER;
    infer__sized_init(style, size);
}

/* `otherwise` where v is 0; a NaN or what is below 0 is refused. */
static infer_status choose(float *v, double otherwise, double most, const char *what,
                           infer_error *err)
{
    FAIL_IF(!(*v >= 0) || (double)*v > most, INFER_ERROR_ARGUMENT,
            "%s of the style is %g; 0 to %g is possible", what, (double)*v, most);
    *v = *v > 0 ? *v : (float)otherwise;
    return INFER_OK;
}

infer_status infer__draw_begin(const infer_image *image, const infer_draw_style *given,
                               infer_draw_style *style, infer_error *err)
{
    infer__error_clear(err);
    TRY(infer__sized_read(DRAW_STYLE, given, style, err));
    TRY(infer__image_check(image, err));
    FAIL_IF(image->channels == 1, INFER_ERROR_ARGUMENT,
            "the picture is grey; 3 or 4 channels are needed to draw");
    const double sides = (double)image->width + image->height, high = sides / 80;
    const double text = high > LEAST_TEXT ? fmin(high, USUAL_TEXT) : LEAST_TEXT;
    TRY(choose(&style->line_width, fmax(1.5, sides / 500), 1e5, "line_width", err));
    TRY(choose(&style->text_height, text, MOST_TEXT, "text_height", err));
    return choose(&style->blend, 0.5, 1, "blend", err);
}

infer_status infer_draw_rectangle(infer_image *image, float x, float y, float width, float height,
                                  infer_rgba color, infer_error *err)
{
    DRAW_BEGIN(image, NULL);
    infer__draw_fill(image, (double)x, (double)y, (double)x + (double)width,
                     (double)y + (double)height, color);
    return INFER_OK;
}

infer_status infer_draw_disc(infer_image *image, float x, float y, float radius, infer_rgba color,
                             infer_error *err)
{
    DRAW_BEGIN(image, NULL);
    const double centre[2] = {(double)x, (double)y};
    infer__draw_stroke(image, centre, centre, 2 * (double)radius, color);
    return INFER_OK;
}

infer_status infer_draw_lines(infer_image *image, const infer_point *points, size_t count,
                              int closed, infer_rgba color, const infer_draw_style *style,
                              infer_error *err)
{
    DRAW_BEGIN(image, style);
    FAIL_IF(!points && count, INFER_ERROR_ARGUMENT, "points is NULL");
    for (size_t i = closed ? 0 : 1; i < count; i++) {
        const infer_point *p = &points[i ? i - 1 : count - 1];
        const double from[2] = {(double)p->x, (double)p->y};
        const double end[2] = {(double)points[i].x, (double)points[i].y};
        infer__draw_stroke(image, from, end, (double)with.line_width, color);
    }
    return INFER_OK;
}

infer_status infer_draw_text(infer_image *image, float x, float y, float height, const char *text,
                             infer_rgba color, infer_error *err)
{
    DRAW_BEGIN(image, NULL);
    FAIL_IF(!text, INFER_ERROR_ARGUMENT, "text is NULL");
    FAIL_IF(!(height > 0) || height > MOST_TEXT, INFER_ERROR_ARGUMENT,
            "height is %g; above 0 and at most %d is possible", (double)height, MOST_TEXT);
    infer__draw_letters(image, (double)x, (double)y, (double)height, text, color);
    return INFER_OK;
}

float infer_draw_text_width(const char *text, float height)
{
    INFER__KEEP_CALLER;
    return text && height > 0 ? (float)infer__letters_width(text, (double)height) : 0;
}

infer_status infer_draw_label(infer_image *image, float x, float y, const char *text,
                              infer_rgba background, const infer_draw_style *style,
                              infer_error *err)
{
    DRAW_BEGIN(image, style);
    FAIL_IF(!text, INFER_ERROR_ARGUMENT, "text is NULL");
    infer__draw_tag(image, (double)x, (double)y, text, background, &with);
    return INFER_OK;
}

infer_status infer_draw_legend(infer_image *image, const char *const *labels,
                               const infer_rgba *colors, size_t count,
                               const infer_draw_style *style, infer_error *err)
{
    static const infer_rgba dark = {0, 0, 0, 160}, white = {255, 255, 255, 255};
    DRAW_BEGIN(image, style);
    FAIL_IF(count && (!labels || !colors), INFER_ERROR_ARGUMENT, "%s is NULL",
            labels ? "colors" : "labels");
    const double line = (double)with.text_height, gap = line / 4;
    size_t lines = 0, shown = 0;
    double widest = 0, y;
    for (size_t i = 0; i < count; i++) {
        if (!labels[i] || (double)(lines + 1) * line + gap > image->height)
            continue;
        lines++;
        widest = fmax(widest, infer__letters_width(labels[i], line));
    }
    if (!lines)
        return INFER_OK;
    y = image->height - (double)lines * line - gap;
    infer__draw_fill(image, 0, y, widest + line + 3 * gap, image->height, dark);
    for (size_t i = 0; shown < lines; i++) {
        if (!labels[i])
            continue;
        infer__draw_fill(image, gap, y + gap, gap + 0.75 * line, y + line, colors[i]);
        infer__draw_letters(image, line + gap, y + gap / 2, line, labels[i], white);
        y += line;
        shown++;
    }
    return INFER_OK;
}
