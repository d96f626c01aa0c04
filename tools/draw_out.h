/* Where pictures with answers drawn on them go: PNGs in a folder, or a video. */
#ifndef INFER_TOOLS_DRAW_OUT_H
#define INFER_TOOLS_DRAW_OUT_H

#include <stdio.h>

#include "tools/frames.h"

#define DRAW_OPTION                                                                                \
    {                                                                                              \
        "draw", "DIR|FILE.y4m", "write pictures with answers: PNGs, or a video (YUV4MPEG2)"        \
    }

struct draw_out {
    const char *where; /* NULL: nowhere */
    FILE *video;
    int32_t width, height; /* of the video; 0 before its first frame */
};

/* Makes the folder, or opens the video. Returns an exit status, after a message where it is not
 * 0, as all of these. */
int draw_out_open(struct draw_out *o, const char *where);
/* Writes a picture of 3 channels. *written becomes the path of a PNG, to be freed, or NULL. */
int draw_out_write(struct draw_out *o, struct frame_rate rate, const infer_image *image,
                   const char *name, char **written);
int draw_out_close(struct draw_out *o);

#endif
