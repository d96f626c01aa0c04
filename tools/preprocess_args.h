/* Preprocessing as options of a command, and as text and JSON. */
#ifndef INFER_TOOLS_PREPROCESS_ARGS_H
#define INFER_TOOLS_PREPROCESS_ARGS_H

#include "infer_vision.h"
#include "tools/cli.h"

/* Rows of a table of options. */
#define PREPROCESS_OPTIONS                                                                         \
    {"resize", "N|WxH", "N: the short side; WxH: stretched, unless --fit says otherwise"},         \
        {"fit", "HOW", "short, stretch, letterbox, line or page"},                                 \
        {"filter", "NAME", "bilinear (default), bicubic, nearest or area"},                        \
        {"resampler", "NAME", "whose resize: pillow (default) or opencv"},                         \
        {"crop", "N|WxH", "centre crop after the resize"},                                         \
        {"mean", "A[,B,C]", "y = (x - mean) * scale, x in 0..255; one number for all channels"},   \
        {"scale", "A[,B,C]", "the same; 1/255 is 0.00392157"},                                     \
        {"color", "ORDER", "rgb (default), bgr or gray"},                                          \
        {"layout", "AXES", "of the input: nchw (default) or nhwc"},                                \
    {                                                                                              \
        "fill", "LEVEL", "0..255 around a letterboxed picture, or zero (default 0)"                \
    }

/* Whether any of the options was given. */
int preprocess_args_given(const struct cli_args *args);
/* Changes *p by the options given. Returns 0 after a usage message. */
int preprocess_args_apply(const struct cli_args *args, infer_preprocess *p);

/* "short side 72 (bilinear, pillow), crop 64x64, rgb, mean 127,122,118, scale ..." */
char *preprocess_text(const infer_preprocess *p, char *text, size_t size);
void preprocess_json(FILE *f, const infer_preprocess *p);

#endif
