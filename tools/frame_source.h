/* The sources behind frames.h, one picture after another, in the thread that reads. */
#ifndef INFER_TOOLS_FRAME_SOURCE_H
#define INFER_TOOLS_FRAME_SOURCE_H

#include "tools/frames.h"
#include "tools/pictures.h"
#include "tools/watch.h"

/* A video that is being read, frame by frame. */
struct stream {
    int fd;
    const char *name;
    int y4m;             /* a line stands before each frame */
    int full;            /* brightness and colours take all of 0 to 255 */
    infer_pixels pixels; /* what a frame becomes */
    int depth;           /* bits of a sample; of more than 8 in two bytes, the lower one first */
    int to_rgb;          /* 1: planes of YUV in which a sample of colour is of 2^across x 2^down */
    int across, down;    /* pixels, other than I420's: they become RGB */
    int alpha;           /* 1: there is a fourth plane, which is dropped */
    int32_t width, height; /* odd ones of 4:2:0 lose a pixel */
    size_t stored;         /* bytes of a frame in the file */
    size_t bytes;          /* the same with 8 bits a sample, */
    size_t planes[3];      /* where its planes begin, */
    size_t pitches[3];     /* and how long their rows are; 0 where there is none */
    unsigned number;
    struct frame_rate rate;
};

struct source {
    struct pictures list;
    int at;
    int raw; /* all of them are as `format` says */
    struct stream format;
    int fast; /* a JPEG is left for the model's own call to decode */
    int open; /* there is a video, and that is `video` */
    struct stream video;
    char *video_name;
    struct watch watch;
    int stop; /* becomes readable when reading is to end */
    struct frame_rate rate;
};

/* The value of --raw; 0 after a usage message. */
int source_raw(const char *text, struct stream *format);

/* Fills *frame, which is all 0; 0 where there is no more. */
int source_next(struct source *s, struct frame *frame);
void source_end(struct source *s);

/* Reads `size` bytes; fewer where the file ends, fails, or `stop` becomes readable. */
size_t source_read(int fd, int stop, void *to, size_t size);

/* What stands behind "YUV4MPEG2" in a video: its first line. */
infer_status y4m_begin(struct stream *v, int stop, infer_error *err);
/* The line before a frame; 0 at the end of the file. */
int y4m_frame(struct stream *v, int stop, infer_error *err);
/* Whether a name is that of planes of YUV or grey: "420jpeg", "422", "444p10", "mono12", and sets
 * what follows from it. */
int y4m_kind(struct stream *v, const char *name);
/* Makes of a frame as it is stored what the stream's pixels are, in memory that is the frame's or
 * takes its place. */
infer_status y4m_unpack(const struct stream *v, uint8_t **frame, infer_error *err);
/* Where the planes are, from pixels, width and height. */
infer_status stream_layout(struct stream *v, infer_error *err);

#endif
