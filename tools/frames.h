/* Where pictures come from: files, folders, standard input, video, a folder that is watched. They
 * are read and decoded by a thread of its own, beside what is done with the picture before. */
#ifndef INFER_TOOLS_FRAMES_H
#define INFER_TOOLS_FRAMES_H

#include "infer_vision.h"
#include "tools/cli.h"

/* Rows of a table of options. */
#define FRAMES_OPTIONS                                                                             \
    {"raw", "WxH:FORMAT",                                                                          \
     "frames without a header: rgb, bgr, rgba, bgra, gray, nv12, i420, yuyv"},                     \
        {"watch", "DIR", "each picture that appears in this folder, until SIGINT or SIGTERM"},     \
    {                                                                                              \
        "frames", "N", "end after so many pictures"                                                \
    }

/* A row of commands that hand the frames' pictures to a model as they are. */
#define FAST_DECODE_OPTION                                                                         \
    {                                                                                              \
        "fast-decode", NULL,                                                                       \
            "decode JPEGs at 1/2, 1/4 or 1/8 where the model needs no more pixels"                 \
    }

/* What --help says of PICTURE. */
#define FRAMES_HELP                                                                                \
    "PICTURE is a file, a folder, a pattern such as 'a*.jpg', a video (YUV4MPEG2), or - for\n"     \
    "standard input: one picture, or a video.\n"

/* A picture or the frame of a video, or why there is none (err.status). */
struct frame {
    char *name;            /* its path; "-", "clip.y4m#000012" */
    infer_picture picture; /* pixels, for calls that take them; with --fast-decode a JPEG file */
    int32_t width, height;
    double ms; /* of reading and decoding; with --fast-decode of reading a JPEG */
    infer_error err;
    infer_image image; /* of a picture's pixels, */
    void *planes;      /* or those of a video's frame, or the bytes of a JPEG */
};

/* Pictures per second of a video. */
struct frame_rate {
    unsigned long count, seconds;
};

struct frames;

/* The sources that the arguments from positional `first` on and FRAMES_OPTIONS give. Returns an
 * exit status, after a message where it is not 0. To be closed in either case. */
int frames_open(const struct cli_args *args, int first, struct frames **frames);

/* Waits for the next one, which is to be freed; 0: there is none any more. */
int frames_next(struct frames *frames, struct frame *frame);
void frame_free(struct frame *frame);

/* Of the last video that was met, 25 per second where there was none. */
struct frame_rate frames_rate(struct frames *frames);

/* How many there will be, -1: nobody knows. */
long frames_total(const struct frames *frames);

/* An end that comes early is fine. NULL too. */
void frames_close(struct frames **frames);

/* Hands all of them to `one`, which returns an exit status after a message, with a bar on standard
 * error and standard output flushed after each. Those that could not be read are handed over, too,
 * after the message. Returns the worst status; *failed becomes how many were not 0. */
int frames_each(struct frames *frames, int (*one)(void *ctx, struct frame *frame, long index),
                void *ctx, long *failed);

/* "3 of 10 pictures failed" on standard error, unless it is 0. */
void frames_tell_failed(const struct frames *frames, long failed);

/* The pixels as a picture of 3 channels to draw on, to be freed with infer_image_free; the frame's
 * own are gone. */
infer_status frame_image(struct frame *frame, infer_image *image, infer_error *err);

#endif
