/* Pixels of shapes: what all that is drawn is made of. */
#ifndef INFER_DRAW_DRAW_H
#define INFER_DRAW_DRAW_H

#include "base/caller.h"
#include "base/status.h"
#include "infer_draw.h"

/* The style with everything filled in for a picture, which is checked first. */
infer_status infer__draw_begin(const infer_image *image, const infer_draw_style *given,
                               infer_draw_style *style, infer_error *err);

/* How every function that draws begins: the style becomes `with`. */
#define DRAW_BEGIN(image, style)                                                                   \
    INFER__KEEP_CALLER;                                                                            \
    infer_draw_style with;                                                                         \
    infer_error local;                                                                             \
    err = err ? err : &local;                                                                      \
    TRY(infer__draw_begin(image, style, &with, err))

/* All below clip: any coordinate will do, and time is bounded by the picture. Pictures were
 * checked. */

/* Mixes a pixel with a colour, of which there is `part`, 0 to 255, times its alpha. */
void infer__draw_mix(uint8_t *pixel, infer_rgba color, unsigned part);

/* The rectangle from (x0, y0) to (x1, y1). */
void infer__draw_fill(const infer_image *to, double x0, double y0, double x1, double y1,
                      infer_rgba color);

/* A line with round ends; of two equal ones it is a disc. */
void infer__draw_stroke(const infer_image *to, const double from[2], const double end[2],
                        double width, infer_rgba color);

/* Text at a place, and how wide it is, without checks; height is above 0. */
void infer__draw_letters(const infer_image *to, double x, double y, double height, const char *text,
                         infer_rgba color);
double infer__letters_width(const char *text, double height);

/* Text on a background of a colour; both corners are within the picture where there is room. */
void infer__draw_tag(const infer_image *to, double x, double y, const char *text,
                     infer_rgba background, const infer_draw_style *style);

static inline uint8_t *infer__pixel_at(const infer_image *p, int32_t x, int32_t y)
{
    const size_t row = p->pitch ? p->pitch : (size_t)p->width * (size_t)p->channels;
    return p->pixels + (size_t)y * row + (size_t)x * (size_t)p->channels;
}

#endif
