/* infer_text.h - text in pictures: where it is, and what it says.
 *
 *     infer_text_regions -> infer_read_text
 *
 * The first asks a network that says of each pixel how likely it is text (INFER_TASK_TEXT_REGIONS),
 * the second one that reads a line (INFER_TASK_TEXT). Threads, coordinates, pictures and memory: as
 * in infer_vision.h. */
#ifndef INFER_TEXT_H
#define INFER_TEXT_H

#include "infer_vision.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Four corners, in pixels of the picture: the text's upper left one, then clockwise as seen. It
 * never grows. */
typedef struct infer_quad {
    float x[4];
    float y[4];
    float score; /* 0 to 1; not read by functions that take one */
    uint32_t reserved;
    uint64_t more; /* reserved */
} infer_quad;

/* ---- where text is -------------------------------------------------------------------------- */

/* How to find text. What is 0 is as said here. */
typedef struct infer_text_regions_options {
    size_t size;                      /* sizeof(infer_text_regions_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    const infer_decoding *decoding;   /* NULL: the model's; of INFER_TASK_TEXT_REGIONS */
    float map_threshold;   /* 0.3; a pixel of the map that is more likely text than this is some */
    float score_threshold; /* the decoding's; a region's mean that is lower is no text */
    float unclip;          /* 1.5; how far a region grows: by its area times this by its
                              circumference, on all sides, as networks find shrunk text */
    float least_side;      /* 3; pixels of the map, from centre to centre; the shorter side of a
                              region, and of a grown one 2 more, if it is to count */
} infer_text_regions_options;

#define INFER_TEXT_REGIONS_OPTIONS_INIT INFER_INITIAL(infer_text_regions_options)
INFER_API void infer_text_regions_options_init(infer_text_regions_options *options, size_t size);

/* From a picture to the rectangles around its text, turned as it lies: decodes, preprocesses as the
 * session's model says, runs the session, and reads its map by Differentiable Binarization (Liao et
 * al., 2020). Where the model leaves height and width free, the session gets the shape that the
 * preprocessing makes of the picture, as by infer_session_reshape.
 *
 * A region is what hangs together, corners too, of the pixels above the threshold; its rectangle is
 * the smallest around their centres. NaN counts as 0, and what is outside 0..1 as the nearer of
 * both. Rectangles may reach out of the picture. The upper left corner is the higher one of the two
 * that lie most to the left.
 *
 * `quads` has room for `most`; *found becomes the number written, the largest regions where there
 * are more, in the order of reading: line by line from above, in a line from the left. 0 on
 * failure. `options` may be NULL. Takes time and memory in proportion to the map, whatever it
 * holds. A run as infer_run is: one at a time. */
INFER_API infer_status infer_text_regions(infer_session *session, const infer_picture *picture,
                                          const infer_text_regions_options *options,
                                          infer_quad *quads, size_t most, size_t *found,
                                          infer_error *err);

/* ---- what it says --------------------------------------------------------------------------- */

/* How to read. */
typedef struct infer_read_text_options {
    size_t size;                      /* sizeof(infer_read_text_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    const infer_decoding *decoding;   /* NULL: the model's; of INFER_TASK_TEXT */
} infer_read_text_options;

#define INFER_READ_TEXT_OPTIONS_INIT INFER_INITIAL(infer_read_text_options)
INFER_API void infer_read_text_options_init(infer_read_text_options *options, size_t size);

/* A line of text that was read. Room for it is the caller's. It never grows. */
typedef struct infer_text {
    char *text;     /* UTF-8 with a 0 behind it; room for `room` bytes; NULL where that is 0 */
    size_t room;    /* what does not fit is left out, whole characters */
    size_t length;  /* bytes of the whole text, without the 0 */
    float score;    /* mean of its characters' probabilities; 0 where there are none */
    uint32_t count; /* of characters */
    uint64_t more;  /* reserved */
} infer_text;

/* From `count` parts of a picture, a line of text each, to what they say: cuts each out
 * (infer_quad_cut), preprocesses it as the session's model says, runs the session, and takes the
 * best class of each step (CTC): equal ones in a row count once, and the blank not at all. `quads`
 * NULL: the picture, or its region, is one line, and `count` is 1. Where the model leaves the width
 * free, the session gets as many pixels as the line needs, rounded up to a multiple of four times
 * its height, and no more than the preprocessing says.
 *
 * Class c of the network is label c + label_first of the model, but for the decoding's background,
 * which is the blank; a class without a label is no character. The model must have labels:
 * INFER_ERROR_UNSUPPORTED. texts[i] is about quads[i]. `options` may be NULL. On failure all of
 * `texts` are empty. A run as infer_run is. */
INFER_API infer_status infer_read_text(infer_session *session, const infer_picture *picture,
                                       const infer_quad *quads, size_t count,
                                       const infer_read_text_options *options, infer_text *texts,
                                       infer_error *err);

/* Cuts a quadrilateral out of a picture, so that its text is upright: by the projection that takes
 * its corners to those of a rectangle as wide and as high as the longer ones of its opposite sides,
 * interpolated linearly; what reaches out of the picture is like its border. One that is then at
 * least 1.5 times as high as wide is turned a quarter to the left, as text that runs downwards
 * needs. The corners must be finite, no more than 65535 pixels from the picture, go round clockwise
 * and bound something convex: INFER_ERROR_ARGUMENT. *out becomes a picture of 3 channels, red,
 * green, blue, or of 1 where the picture is grey pixels, to be freed with infer_image_free; zeroed
 * on failure. A region of the picture counts as all of it. `options` (NULL: defaults) are for
 * decoding, and their allocator for all memory. */
INFER_API infer_status infer_quad_cut(const infer_picture *picture, const infer_quad *quad,
                                      const infer_image_options *options, infer_image *out,
                                      infer_error *err);

#ifdef __cplusplus
}
#endif
#endif
