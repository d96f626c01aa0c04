/* infer_draw.h - answers drawn onto pictures: boxes, points, masks, labels.
 *
 * Everything is drawn in place, onto a picture of 3 or 4 channels (red, green, blue; of 4 the last
 * stays as it is), which a caller may have made of pixels of its own. Coordinates are those of
 * infer_vision.h: (0, 0) is the outer corner of the first pixel. Edges are smooth (anti-aliased).
 *
 * Coordinates may be anything: what lies outside the picture is not drawn, nor is a shape with a
 * NaN in it or a line with an infinite end, and that is no error. Time is bounded by the picture's
 * size, the number of shapes and the length of texts. No memory is taken and nothing is kept.
 *
 * Threads: any, as long as no two draw onto the same picture. Errors, options and status: see
 * infer.h; INFER_ERROR_ARGUMENT is the only failure, and then nothing was drawn.
 */
#ifndef INFER_DRAW_H
#define INFER_DRAW_H

#include "infer_vision.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A colour; alpha is 255 where it covers what was there, 0 where it is not seen. It never grows. */
typedef struct infer_rgba {
    uint8_t red, green, blue, alpha;
} infer_rgba;

/* Colours of classes, of things by their number and so on: 32 that are easily told apart, the more
 * so the lower their numbers are; number 32 is that of 0 again. All of them cover. Any number will
 * do. */
INFER_API infer_rgba infer_draw_palette(int64_t index);

/* How to draw. What is 0 is as said here. */
typedef struct infer_draw_style {
    size_t size;       /* sizeof(infer_draw_style) */
    float line_width;  /* in pixels; (width + height) / 500 of the picture, at least 1.5 */
    float text_height; /* of a line of text, in pixels, at most 4096; (width + height) / 80 of the
                          picture, 14 to 96 */
    float blend;       /* 0.5; how much of a mask's colour there is where it covers, up to 1 */
    float min_score;   /* points of a lower score are not drawn */
} infer_draw_style;

#define INFER_DRAW_STYLE_INIT INFER_INITIAL(infer_draw_style)
INFER_API void infer_draw_style_init(infer_draw_style *style, size_t size);

/* ---- shapes --------------------------------------------------------------------------------- */

/* A filled upright rectangle; its sides may be infinite. */
INFER_API infer_status infer_draw_rectangle(infer_image *image, float x, float y, float width,
                                            float height, infer_rgba color, infer_error *err);

/* A filled circle. */
INFER_API infer_status infer_draw_disc(infer_image *image, float x, float y, float radius,
                                       infer_rgba color, infer_error *err);

/* Lines from each of `count` points to the next, with round ends, and `closed` not 0: from the last
 * to the first. Scores are not looked at. Where lines meet, a colour that does not cover is seen
 * twice. Of the style, which may be NULL, the width is taken. */
INFER_API infer_status infer_draw_lines(infer_image *image, const infer_point *points, size_t count,
                                        int closed, infer_rgba color, const infer_draw_style *style,
                                        infer_error *err);

/* ---- text ----------------------------------------------------------------------------------- */

/* A line of text whose upper left corner is (x, y) and whose height, in which letters have room
 * above and below, is `height` pixels, up to 4096. `text` is UTF-8: printable ASCII is drawn, any
 * other character is a box. */
INFER_API infer_status infer_draw_text(infer_image *image, float x, float y, float height,
                                       const char *text, infer_rgba color, infer_error *err);

/* How wide such a line is, in pixels; 0 for NULL. */
INFER_API float infer_draw_text_width(const char *text, float height);

/* Text on a filled background of a colour, black or white as is seen better on it. It stands above
 * (x, y), where it begins; below where there is no room, and further left. */
INFER_API infer_status infer_draw_label(infer_image *image, float x, float y, const char *text,
                                        infer_rgba background, const infer_draw_style *style,
                                        infer_error *err);

/* What colours stand for, `count` lines in the lower left corner, on a dark background: as many as
 * there is room for. A label that is NULL is left out. */
INFER_API infer_status infer_draw_legend(infer_image *image, const char *const *labels,
                                         const infer_rgba *colors, size_t count,
                                         const infer_draw_style *style, infer_error *err);

/* ---- answers -------------------------------------------------------------------------------- */

/* A box as infer_detect gives it, upright or turned, with a label above it, which may be NULL.
 * Corners may be infinite where it is upright. Of boxes that lie outside the picture nothing is
 * drawn. `style` may be NULL, here and below. */
INFER_API infer_status infer_draw_box(infer_image *image, const infer_box *box, const char *label,
                                      infer_rgba color, const infer_draw_style *style,
                                      infer_error *err);

/* Points, and lines between them: link i joins points links[2 * i] and links[2 * i + 1]. Both may
 * be NULL where there are 0 of them. */
INFER_API infer_status infer_draw_points(infer_image *image, const infer_point *points,
                                         size_t count, const int32_t *links, size_t nlinks,
                                         infer_rgba color, const infer_draw_style *style,
                                         infer_error *err);

/* The links of a usual set of `points`: 17 are those of COCO's people, 21 those of a hand (wrist,
 * then four points of each finger). *nlinks, which may be NULL, becomes their number; NULL and 0
 * for any other. They need not be freed. */
INFER_API const int32_t *infer_draw_links(size_t points, size_t *nlinks);

/* The mask of a box as infer_detect gives both: pixels that are not 0 are mixed with the colour. */
INFER_API infer_status infer_draw_mask(infer_image *image, const infer_box *box,
                                       const infer_image *mask, infer_rgba color,
                                       const infer_draw_style *style, infer_error *err);

/* A mask of classes as infer_segment gives it, 1 channel and as large as the picture: each pixel is
 * mixed with the colour of its class in the palette. `background`, -1 where there is none, and
 * INFER_MASK_UNSEEN are left as they are. */
INFER_API infer_status infer_draw_classes(infer_image *image, const infer_image *mask,
                                          int32_t background, const infer_draw_style *style,
                                          infer_error *err);

#ifdef __cplusplus
}
#endif
#endif
