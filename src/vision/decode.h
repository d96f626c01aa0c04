/* The decoders of picture files: JPEG through libjpeg-turbo, PNG and GIF here, everything else
 * through stb_image. Each looks at the header, asks infer__image_begin for the picture (which
 * checks the limits before taking memory) and hands in rows with infer__image_row. The caller frees
 * the picture when a decoder fails.
 *
 * A file may say that it is a large picture and turn out not to be one when most of it has been
 * decoded. So memory is taken on trust only as far as infer__image_on_trust says; for more the data
 * is looked through to its end first, without memory for its pixels. */
#ifndef INFER_VISION_DECODE_H
#define INFER_VISION_DECODE_H

#include "infer_vision.h"

/* What a picture is decoded for: fewer pixels than it has may do. */
struct infer__aim {
    const infer_preprocess *preprocess; /* checked */
    /* What came of it: the size of the whole picture, upright; how many of its pixels a side of a
     * decoded one is: 1, 2, 4 or 8; and where the first decoded pixel begins in it: before 0 where
     * a side is no multiple and the picture was turned. */
    int32_t width, height, reduced, x, y;
};

/* A file being decoded. */
struct infer__decode {
    const uint8_t *bytes;
    size_t size;
    const infer_image_options *options; /* every field set */
    infer_image *image;
    uint32_t orientation;   /* EXIF, 1 to 8; set by the decoder, 1 before */
    int stored;             /* PNG: values as they are stored, see infer__image_stored */
    struct infer__aim *aim; /* NULL: every pixel is wanted */
};

/* The largest side that any decoder or resize takes, so that products of a side, a sample count
 * and a coefficient stay in int32. */
#define INFER__MAX_SIDE 65535

infer_status infer__decode_jpeg(struct infer__decode *d, infer_error *err);
infer_status infer__decode_png(struct infer__decode *d, infer_error *err);
infer_status infer__decode_gif(struct infer__decode *d, infer_error *err);
infer_status infer__decode_stb(struct infer__decode *d, infer_error *err);

/* The values that a PNG stores, one channel: indices of its palette, or greys, of 1 to 8 bits and
 * not scaled. Masks of classes are such pictures. The default limits hold; *image as
 * infer_image_decode leaves it. */
infer_status infer__image_stored(const void *bytes, size_t size, infer_image *image,
                                 infer_error *err);

/* infer_image_decode, with no more pixels than `aim` needs where options->fast_decode is set. */
infer_status infer__image_decode_for(const void *bytes, size_t size,
                                     const infer_image_options *options, struct infer__aim *aim,
                                     infer_image *image, infer_error *err);

/* Width and height of a JPEG, upright, from its header; `options` have every field set. */
infer_status infer__jpeg_size(const uint8_t *bytes, size_t size, const infer_image_options *options,
                              int32_t *width, int32_t *height, infer_error *err);

/* What stb_image does not check by itself, or only when it has taken memory: BMP, TGA and PNM
 * are looked through to the end of their pixels before it sees the file. */
struct infer__stb_check {
    uint32_t width, height;
};

infer_status infer__check_others(const struct infer__decode *d, struct infer__stb_check *check,
                                 infer_error *err);

/* Whether the bytes start with a format's signature. */
static inline int infer__is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}
int infer__is_png(const uint8_t *bytes, size_t size);
int infer__is_gif(const uint8_t *bytes, size_t size);

/* Checks width and height against the limits. */
infer_status infer__image_limits(const infer_image_options *options, uint64_t width,
                                 uint64_t height, infer_error *err);
/* Checks that the file can hold the picture at `pixels_per_byte`, the most that the format can
 * pack. */
infer_status infer__image_plausible(const struct infer__decode *d, uint64_t width, uint64_t height,
                                    uint64_t pixels_per_byte, infer_error *err);
/* Whether that many bytes may be taken before the data is known to be good: 48 MiB, or 48 times
 * what the file has. */
int infer__image_on_trust(const struct infer__decode *d, uint64_t bytes);
/* Fails where the file ends before byte `need`, unless truncated files are accepted. */
infer_status infer__image_complete(const struct infer__decode *d, uint64_t need, infer_error *err);
/* Checks the limits, then takes memory for d->image. Pixels are not set. */
infer_status infer__image_begin(struct infer__decode *d, uint64_t width, uint64_t height,
                                infer_error *err);
/* A picture of a known good size, for results. */
infer_status infer__image_new(const infer_allocator *allocator, int32_t width, int32_t height,
                              int32_t channels, infer_image *image, infer_error *err);
/* Writes row y from samples of 1 (grey), 2 (grey, alpha), 3 or 4 channels. */
void infer__image_row(infer_image *image, int32_t y, const uint8_t *row, int channels);
/* Turns n pixels of `from` channels (1 to 4) into `to` channels (1, 3 or 4); not in place. */
void infer__convert_pixels(const uint8_t *in, int from, uint8_t *out, int to, size_t n);

/* Bytes from one row of a source to the next. */
static inline size_t infer__image_pitch(const infer_image *image)
{
    return image->pitch ? image->pitch : (size_t)image->width * (size_t)image->channels;
}
/* A status other than INFER_OK if the picture is not usable as a source. */
infer_status infer__image_check(const infer_image *image, infer_error *err);
/* Replaces a picture that the library made by its upright form; orientation 2 to 8. */
infer_status infer__image_orient(infer_image *image, uint32_t orientation,
                                 const infer_allocator *allocator, infer_error *err);
/* The orientation, 1 to 8, in the payload of a JPEG's APP1 marker; 0 where there is none. */
uint32_t infer__exif_orientation(const uint8_t *payload, size_t size);

static inline uint32_t infer__le16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}
static inline uint32_t infer__le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint32_t infer__be16(const uint8_t *p)
{
    return (uint32_t)(p[0] << 8 | p[1]);
}
static inline uint32_t infer__be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

#endif
