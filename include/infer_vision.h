/* infer_vision.h - pictures in, answers out: decoding, resizing, preprocessing, top-k.
 *
 *     infer_image_decode -> infer_preprocess_run -> infer_run -> infer_topk
 *
 * or infer_classify, which does all of it with the preprocessing that is stored in the model.
 *
 * Threads: nothing here has state of its own; every function may be called by any thread, as long
 * as no two threads write to the same object. Errors, options and status: see infer.h.
 *
 * Coordinates: x runs right, y runs down, (0, 0) is the outer corner of the first pixel, so the
 * centre of pixel i is at i + 0.5.
 */
#ifndef INFER_VISION_H
#define INFER_VISION_H

#include "infer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pictures ------------------------------------------------------------------------------- */

/* A picture of 8 bits per sample: rows from top to bottom, pixels from left to right, the samples
 * of a pixel together. A picture that the library made is freed with infer_image_free; its rows
 * have no gaps. A caller may also fill one with pixels of its own (a camera frame, say, or a part
 * of one) and hand it to the functions that take a `const infer_image *`; all else in it is 0. It
 * never grows. */
typedef struct infer_image {
    uint8_t *pixels;
    size_t pitch; /* bytes from one row to the next, at least width * channels; 0: exactly that */
    int32_t width;
    int32_t height;
    int32_t channels; /* 1: grey, 3: red, green, blue, 4: red, green, blue, alpha */
    uint32_t reserved;
    void *memory;     /* the library's, where it made the picture; NULL in a caller's */
    uint64_t more[2]; /* reserved */
} infer_image;

/* Frees a picture that the library made, with the allocator that it came from, and zeroes *image;
 * of a caller's picture the pixels stay. NULL and a zeroed picture are fine. */
INFER_API void infer_image_free(infer_image *image);

/* How to decode. */
typedef struct infer_image_options {
    size_t size;                 /* sizeof(infer_image_options) */
    infer_allocator allocator;   /* malloc and free; libjpeg's and stb_image's memory is malloc's */
    uint64_t max_file_bytes;     /* 256 MiB */
    uint64_t max_pixels;         /* 100,000,000; width times height */
    uint32_t max_side;           /* 16384; of width and of height */
    uint32_t max_scans;          /* 100; scans of a JPEG */
    uint32_t channels;           /* 3; or 1 for grey, 4 for RGBA */
    uint32_t ignore_orientation; /* 0: a JPEG's EXIF orientation is applied */
    uint32_t accept_truncated;   /* 0: a cut or damaged JPEG, BMP, GIF, TGA or PNM is an error; 1:
                                    what could be decoded is given, the rest is grey or black.
                                    PNG is always strict */
    uint32_t
        fast_decode; /* 1: calls that preprocess for a network (infer_classify,
                        infer_detect, ...) may decode a JPEG at 1/2, 1/4 or 1/8 of its
                        size, so long as each side stays at least twice what the
                        preprocessing makes of it. Answers are in pixels of the whole picture all
                        the same. Regions of a picture, and infer_image_decode, which
                        knows of no network, are decoded in full. 0: always in full */
} infer_image_options;

#define INFER_IMAGE_OPTIONS_INIT INFER_INITIAL(infer_image_options)
INFER_API void infer_image_options_init(infer_image_options *options, size_t size);

/* Decodes a picture, JPEG by libjpeg-turbo, BMP, TGA and PNM by stb_image. The format is known by
 * the first bytes:
 *   JPEG  baseline, extended and progressive, 8 bits; grey, YCbCr, RGB, CMYK and YCCK
 *   PNG   every colour type, depth and interlace; all checksums are checked. 16 bits are cut to
 *         the upper 8. Gamma and colour profiles are not applied, as in Pillow and OpenCV.
 *         Apple's CgBI variant is read too
 *   BMP   1, 4, 8, 16, 24 and 32 bits, not run-length coded
 *   GIF   the first frame
 *   TGA   palette, true colour and grey, plain or run-length coded
 *   PNM   P5 and P6 with a maximum of 255
 * Not read, though stb_image could: HDR, PIC, PSD, and the later frames of a GIF.
 *
 * The result has options->channels channels. Colour becomes grey as in Pillow's convert("L"):
 * (19595 R + 38470 G + 7471 B + 32768) >> 16. Alpha is dropped, not blended, as in Pillow's
 * convert("RGB"); where it is asked for and the file has none it is 255. CMYK is taken to be
 * inverted, as Adobe writes it, and becomes RGB as in Pillow.
 *
 * Limits are checked against the header before memory is taken: INFER_ERROR_LIMIT. So is that
 * the file is long enough to hold a picture of that size at the best compression its format can
 * do: INFER_ERROR_PICTURE, as for everything else that is wrong with the bytes. A format or kind
 * that is known but not read (12-bit JPEG) is INFER_ERROR_UNSUPPORTED.
 *
 * A file may promise a large picture and prove bad at its end. So no more than 48 MiB, or 48 times
 * the file's size, are taken before the data was read to its end once; where the picture needs
 * more, it is decoded twice. A JPEG of several scans (a progressive one) can't be: it is
 * INFER_ERROR_LIMIT where its coefficients, 2 bytes a sample, take more than that, which needs over
 * 16 million pixels (4:2:0) at less than half a bit each. So is a JPEG whose scans visit far more
 * blocks than its size makes likely. Bytes per pixel at the peak: the channels; twice as many where
 * it is turned upright; for a JPEG of several scans up to 8 more, for BMP, TGA and PNM up to 4
 * more. Where stb_image gets no memory it is INFER_ERROR_PICTURE, since it gives no reason.
 *
 * `options` may be NULL. *image is written whole: on success it is the caller's, to be freed
 * with infer_image_free; on failure it is zeroed. */
INFER_API infer_status infer_image_decode(const void *bytes, size_t size,
                                          const infer_image_options *options, infer_image *image,
                                          infer_error *err);

/* The same from a regular file: INFER_ERROR_IO where it can't be opened or read. */
INFER_API infer_status infer_image_load(const char *path, const infer_image_options *options,
                                        infer_image *image, infer_error *err);

/* ---- resizing ------------------------------------------------------------------------------- */

typedef enum infer_filter {
    INFER_FILTER_BILINEAR = 0,
    INFER_FILTER_NEAREST = 1,
    INFER_FILTER_BICUBIC = 2,
    INFER_FILTER_AREA = 3 /* Pillow's BOX, OpenCV's INTER_AREA */
} infer_filter;

/* Whose resize to do. The two differ by tens of levels when a picture shrinks. */
typedef enum infer_resampler {
    INFER_RESIZE_PILLOW = 0, /* the filter widens when shrinking (antialiased): Pillow's
                                Image.resize, torchvision on PIL pictures; the same bytes */
    INFER_RESIZE_OPENCV = 1  /* fixed small filter (aliased): cv2.resize; the same bytes as OpenCV
                                4.6 with SSE2. Builds with vectors of another width may round a
                                few samples of bicubic 1 level apart */
} infer_resampler;

/* Resizes to width x height (1 to 65535 each). Channels are treated alike and apart: alpha is
 * not multiplied in (Pillow does that for RGBA). Memory comes from `allocator`; NULL: malloc. *out
 * is written whole: on success it is the caller's, with the same channels; on failure it is
 * zeroed. `out` may not be `src`. */
INFER_API infer_status infer_image_resize(const infer_image *src, int32_t width, int32_t height,
                                          infer_filter filter, infer_resampler resampler,
                                          const infer_allocator *allocator, infer_image *out,
                                          infer_error *err);

/* ---- preprocessing -------------------------------------------------------------------------- */

/* How a picture comes to its size before the crop. */
typedef enum infer_fit {
    INFER_FIT_NONE = 0,       /* as it is */
    INFER_FIT_SHORT_SIDE = 1, /* the shorter side becomes `width` pixels, the longer one
                                 floor(width * longer / shorter), as torchvision's Resize(int) */
    INFER_FIT_STRETCH = 2,    /* width x height, whatever the aspect ratio */
    INFER_FIT_LETTERBOX = 3,  /* as large as fits into width x height; the rest is filled */
    INFER_FIT_EXACT = 4,      /* must be width x height already, else INFER_ERROR_SHAPE */
    INFER_FIT_LINE = 5, /* a line of text: `height` high, and as wide as it then is, rounded up, but
                           no more than `width`; the rest to the right is filled */
    INFER_FIT_PAGE = 6  /* text anywhere: the shorter side becomes `width` pixels if it is shorter,
                           but the longer one no more than `height`; then both become the nearest
                           multiple of 32, halves to even multiples, and at least 32 */
} infer_fit;

/* A filling that is 0 in the tensor, behind mean and scale. */
#define INFER_FILL_ZERO 256

typedef enum infer_letterbox {
    INFER_LETTERBOX_CENTER = 0,  /* odd pixels go to the right and below */
    INFER_LETTERBOX_TOP_LEFT = 1 /* all filling to the right and below */
} infer_letterbox;

typedef enum infer_color {
    INFER_COLOR_RGB = 0,
    INFER_COLOR_BGR = 1,
    INFER_COLOR_GRAY = 2 /* 1 channel */
} infer_color;

typedef enum infer_layout { INFER_LAYOUT_NCHW = 0, INFER_LAYOUT_NHWC = 1 } infer_layout;

/* From a picture to an input tensor: fit, centre crop, colour order, then for every sample x of
 * 0..255 in channel c of the tensor
 *     y = (x - mean[c]) * scale[c]
 * in f32, so mean is in levels of 0..255 (ImageNet's 0.485 is 123.675) and scale is
 * 1 / (255 * std). It is stored in the model file field by field in this order, little-endian,
 * 80 bytes. */
typedef struct infer_preprocess {
    size_t size;                /* sizeof(infer_preprocess); not stored */
    int32_t fit;                /* enum infer_fit; INFER_FIT_NONE */
    int32_t width;              /* pixels, 1 to 65535; not used by INFER_FIT_NONE */
    int32_t height;             /* the same; not used by INFER_FIT_SHORT_SIDE either */
    int32_t filter;             /* enum infer_filter; INFER_FILTER_BILINEAR */
    int32_t resampler;          /* enum infer_resampler; INFER_RESIZE_PILLOW */
    int32_t crop_width;         /* pixels of the centre crop; 0: no crop. Larger than the picture:
                                   it is filled up on both sides, as torchvision's CenterCrop */
    int32_t crop_height;        /* the same; both or neither are 0 */
    int32_t fill;               /* 0; level 0..255 of the filling, before mean and scale; or
                                   INFER_FILL_ZERO */
    int32_t letterbox;          /* enum infer_letterbox; INFER_LETTERBOX_CENTER */
    int32_t letterbox_rounding; /* 0: the fitted size is rounded to the nearest pixel, halves to
                                   even (Ultralytics); 1: down (YOLOX) */
    int32_t color;              /* enum infer_color; INFER_COLOR_RGB */
    int32_t layout;             /* enum infer_layout; INFER_LAYOUT_NCHW */
    float mean[4];              /* 0; per channel of the tensor, the fourth is not used */
    float scale[4];             /* 1; the same */
} infer_preprocess;

/* Both set every field to the default written beside it. */
#ifdef __cplusplus
static inline infer_preprocess infer_preprocess_initial()
{
    infer_preprocess p = INFER_INITIAL(infer_preprocess);
    p.scale[0] = p.scale[1] = p.scale[2] = p.scale[3] = 1;
    return p;
}
#define INFER_PREPROCESS_INIT infer_preprocess_initial()
#else
#define INFER_PREPROCESS_INIT                                                                      \
    {                                                                                              \
        .size = sizeof(infer_preprocess), .scale = { 1, 1, 1, 1 }                                  \
    }
#endif
INFER_API void infer_preprocess_init(infer_preprocess *preprocess, size_t size);

/* Width and height of the tensor that a picture of the given size becomes. */
INFER_API infer_status infer_preprocess_size(const infer_preprocess *preprocess,
                                             int32_t picture_width, int32_t picture_height,
                                             int32_t *width, int32_t *height, infer_error *err);

/* From coordinates in the tensor back to the picture, in pixels, both upright:
 *     picture_x = tensor_x * scale_x + offset_x. */
typedef struct infer_transform {
    size_t size; /* sizeof(infer_transform) */
    double scale_x;
    double scale_y;
    double offset_x;
    double offset_y;
    int32_t picture_width; /* for clipping what is mapped back */
    int32_t picture_height;
} infer_transform;

#define INFER_TRANSFORM_INIT INFER_INITIAL(infer_transform)
INFER_API void infer_transform_init(infer_transform *transform, size_t size);

/* Preprocesses a picture into place `index` of a batch: `out` is (N, C, H, W) or (N, H, W, C) as
 * preprocess->layout says, C is 1 for grey and else 3, type f32, or u8 where y is rounded to the
 * nearest, halves to even, and clipped to 0..255. Other places of the batch are not touched.
 * INFER_ERROR_SHAPE if H and W are not what infer_preprocess_size gives. `transform` may be
 * NULL. Temporary memory comes from `allocator`; NULL: malloc. Only what a crop leaves is resized,
 * so it is bounded by the sizes of picture and tensor, whatever the preprocessing says. `out` may
 * not share memory with `image`. */
INFER_API infer_status infer_preprocess_run(const infer_preprocess *preprocess,
                                            const infer_image *image, int64_t index,
                                            const infer_tensor *out,
                                            const infer_allocator *allocator,
                                            infer_transform *transform, infer_error *err);

/* The preprocessing that is stored in a model; INFER_ERROR_UNSUPPORTED where there is none. */
INFER_API infer_status infer_model_preprocess(const infer_model *model,
                                              infer_preprocess *preprocess, infer_error *err);

/* ---- answers -------------------------------------------------------------------------------- */

/* It never grows. */
typedef struct infer_class {
    int64_t index; /* of the class; infer_model_label gives its name */
    float score;
    uint32_t reserved;
} infer_class;

/* The k highest of all elements of an f32 tensor, highest first; equal scores in the order of
 * their indices, NaN last. `softmax` not 0: scores are turned into probabilities over all
 * elements (NaN stays NaN and does not count). `classes` has room for k; *found, which may be
 * NULL, becomes the number written, min(k, elements). No memory is taken; `classes` may not lie
 * within the scores. */
INFER_API infer_status infer_topk(const infer_tensor *scores, size_t k, int softmax,
                                  infer_class *classes, size_t *found, infer_error *err);

/* How to classify. */
typedef struct infer_classify_options {
    size_t size;                      /* sizeof(infer_classify_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    uint32_t output;                  /* 0; index of the output that has the scores */
    uint32_t softmax;                 /* 0: the scores as they are; 1: as probabilities */
    const float *thresholds; /* NULL, or one for each class: what is not above is no answer */
    uint32_t sigmoid;        /* 1: each score x becomes 1 / (1 + exp(-x)), for networks of
                                which several classes may be right */
    float threshold;         /* of all classes, where it is not 0 and there are no others */
} infer_classify_options;

#define INFER_CLASSIFY_OPTIONS_INIT INFER_INITIAL(infer_classify_options)
INFER_API void infer_classify_options_init(infer_classify_options *options, size_t size);

/* From the bytes of a picture to its k best classes: decodes, preprocesses as the session's model
 * says, runs the session (one f32 or u8 input, batch 1) and takes the top k of an f32 output.
 * `options` may be NULL; `classes` has room for k; *found, which may be NULL, becomes the number
 * written, 0 on failure. A run as infer_run is: one at a time.
 *
 * Memory comes from the model's allocator and counts for the session's max_memory_bytes
 * (INFER_ERROR_LIMIT). The session keeps as much as the largest picture so far has needed, so that
 * libinfer allocates nothing for further ones of its size and format; libjpeg and stb_image, which
 * decode all but PNG and GIF, take what they need from malloc each time. */
INFER_API infer_status infer_classify(infer_session *session, const void *bytes, size_t size,
                                      const infer_classify_options *options, infer_class *classes,
                                      size_t k, size_t *found, infer_error *err);

/* ---- pictures that are asked about ---------------------------------------------------------- */

/* What the bytes of a picture are. Samples have 8 bits. YUV is that of BT.601 in the range of video
 * (16 to 235), as cameras and decoders give it; width and height are then even. */
typedef enum infer_pixels {
    INFER_PIXELS_ENCODED = 0, /* a file: whatever infer_image_decode takes */
    INFER_PIXELS_RGB = 1,
    INFER_PIXELS_BGR = 2,
    INFER_PIXELS_RGBA = 3, /* alpha is dropped */
    INFER_PIXELS_BGRA = 4,
    INFER_PIXELS_GRAY = 5,
    INFER_PIXELS_NV12 = 6, /* planes: Y; U and V in turn, of half the size */
    INFER_PIXELS_I420 = 7, /* planes: Y; U; V */
    INFER_PIXELS_YUYV = 8  /* one plane: Y U Y V */
} infer_pixels;

/* A picture that a call is about; nothing of it is kept or written. It never grows; all that is not
 * needed is 0. */
typedef struct infer_picture {
    const void *data;      /* the file, or the first plane */
    size_t bytes;          /* of the file */
    size_t pitch;          /* bytes from one row of the first plane to the next; 0: no gaps */
    const void *planes[2]; /* the second and third plane; NULL: right behind the one before */
    size_t pitches[2];     /* of them; 0: no gaps */
    int32_t pixels;        /* enum infer_pixels */
    int32_t width, height; /* of pixels, not of a file; 1 to 65535 */
    int32_t x, y;          /* the region that the call is about; it may reach out of the picture, */
    int32_t region_width;  /* where it is black. Answers are in coordinates of the whole picture. */
    int32_t
        region_height; /* 0 and 0: the whole picture; else 1 to 65535, 100,000,000 pixels at most */
    uint32_t reserved;
    uint64_t more[2]; /* reserved */
} infer_picture;

/* ---- how outputs become answers ------------------------------------------------------------- */

typedef enum infer_task {
    INFER_TASK_NONE = 0,
    INFER_TASK_CLASSIFY = 1,     /* one class is right */
    INFER_TASK_DETECT = 2,       /* boxes, with points and masks where the network has them */
    INFER_TASK_SEGMENT = 3,      /* a class for each pixel */
    INFER_TASK_KEYPOINTS = 4,    /* points of one thing, which the picture, or its region, shows */
    INFER_TASK_TEXT_REGIONS = 5, /* where text is, and */
    INFER_TASK_TEXT = 6          /* what a line says: infer_text.h */
} infer_task;

/* What the four numbers of a box are, along the axis of its fields. */
typedef enum infer_box_form {
    INFER_BOX_CORNERS = 0,    /* x0, y0, x1, y1 */
    INFER_BOX_CENTRE = 1,     /* centre x, centre y, width, height */
    INFER_BOX_ORIGIN = 2,     /* x0, y0, width, height */
    INFER_BOX_CORNERS_YX = 3, /* y0, x0, y1, x1 */
    INFER_BOX_CENTRE_YX = 4   /* centre y, centre x, height, width */
} infer_box_form;

/* How coordinates in a letterboxed input become the picture's. Sizes in whole pixels make the two
 * sides' ratios differ a little, and what trained the network has settled on one. */
typedef enum infer_map_back {
    INFER_MAP_BACK_SIDES =
        0, /* each axis by the ratio of its sides before and after, as pixels are */
    INFER_MAP_BACK_FIT = 1,    /* both by the ratio that fits the picture into the input */
    INFER_MAP_BACK_HEIGHTS = 2 /* both by the ratio of the heights before and after */
} infer_map_back;

/* How a model's outputs are read. For detection: each of N candidates has a box and a score for
 * each class, as fields of f32 outputs of shape (1, N, fields) or, where `..._order` is 1, (1,
 * fields, N), in which N may be several axes. For points of one thing there is one candidate. For
 * segmentation the fields of a score map are classes, in order 0 of (1, rows, columns, classes) and
 * in order 1 of (1, classes, rows, columns). For text regions it is a map of one class over the
 * whole input; for text the output with scores has the probabilities of all classes, step by step:
 * (1, steps, classes) or (steps, 1, classes), and the background is CTC's blank. It is stored in
 * the model file field by field in this order, little-endian, 128 bytes; `infer convert --task`
 * writes it. */
typedef struct infer_decoding {
    size_t size;        /* sizeof(infer_decoding); not stored */
    int32_t task;       /* enum infer_task */
    int32_t classes;    /* that there are scores for */
    int32_t background; /* the class that stands for nothing, which is no answer; -1: there is none
                         */
    int32_t scores;     /* the output that has them, */
    int32_t scores_order; /* how it lies, */
    int32_t scores_first; /* and the field of class 0 */
    int32_t objectness;  /* field of the same output that all classes' scores are multiplied by; -1:
                            there is none */
    int32_t every_class; /* 0: a candidate is of its best class; 1: of each above the threshold */
    int32_t boxes;       /* the output that has them; it has as many candidates */
    int32_t boxes_order;
    int32_t boxes_first;
    int32_t box_form; /* enum infer_box_form */
    int32_t map_back; /* enum infer_map_back */
    int32_t relative; /* 0: in pixels of the network's input; 1: in parts of its width and height */
    int32_t clip;     /* 0: boxes may reach out of the picture; 1: those kept are clipped to it;
                         2: all are clipped to the network's input, then those kept to the picture;
                         turned boxes are not clipped */
    int32_t points;   /* the output that has points, in the order of the boxes; -1: there are
                         none */
    int32_t points_first; /* x of point 0; y, and the score where there is one, follow */
    int32_t points_count;
    int32_t point_fields; /* 2: x, y; 3: x, y, score */
    int32_t suppress;     /* enum infer_suppress; what is done about boxes that overlap */
    int32_t agnostic;     /* 0: boxes of one class alone compete; 1: all do */
    int32_t inclusive; /* 1: a box reaches to the far side of its last pixel, so that its width is
                          x1 - x0 + 1 */
    int32_t most_candidates; /* the best so many compete; 0: all */
    int32_t most;            /* answers for a picture; 0: any number */
    int32_t label_first;     /* the label of class 0 in the model's list */
    int32_t class_field;     /* field of the output with scores that has the number of the class, of
                                which there is then one; -1: there is none */
    int32_t angle; /* field of the output with boxes by which each is turned about its centre, in
                      radians, clockwise; -1: they are upright */
    int32_t masks; /* the output that has prototypes of masks, (batch, count, rows, columns) over
                      the whole input; -1: there are none */
    int32_t coefficients;       /* the output that has a factor for each prototype, in the order of
                                   the boxes; */
    int32_t coefficients_first; /* the sum's sigmoid says how likely a pixel is in the mask */
    float score_threshold;      /* what has a higher score is a candidate */
    float iou_threshold;        /* 0 to 1; of two boxes that overlap by more the worse one goes */
} infer_decoding;

/* Both set what there may be none of to -1, and all else to 0. */
#ifdef __cplusplus
static inline infer_decoding infer_decoding_initial()
{
    infer_decoding d = INFER_INITIAL(infer_decoding);
    d.background = d.objectness = d.points = d.class_field = d.angle = d.masks = -1;
    return d;
}
#define INFER_DECODING_INIT infer_decoding_initial()
#else
#define INFER_DECODING_INIT                                                                        \
    {                                                                                              \
        .size = sizeof(infer_decoding), .background = -1, .objectness = -1, .points = -1,          \
        .class_field = -1, .angle = -1, .masks = -1                                                \
    }
#endif
INFER_API void infer_decoding_init(infer_decoding *decoding, size_t size);

/* What is stored in a model; INFER_ERROR_UNSUPPORTED where there is none. */
INFER_API infer_status infer_model_decoding(const infer_model *model, infer_decoding *decoding,
                                            infer_error *err);

/* ---- boxes ---------------------------------------------------------------------------------- */

/* A box around something, upright or turned about its centre. It never grows. */
typedef struct infer_box {
    float x0; /* left, in pixels of the picture, where (0, 0) is the outer corner of its first
                 pixel; */
    float y0; /* top, */
    float x1; /* right, */
    float y1; /* bottom; all four of a turned box as it was before */
    float score;
    int32_t index;     /* of the class */
    int32_t candidate; /* of the network's, from 0; what else it says of this one is there */
    float angle;       /* that it is turned by, in radians, clockwise as seen: x towards y; 0: it is
                          upright */
    uint64_t more;     /* reserved */
} infer_box;

/* A point of something: a corner of a mouth, an elbow. It never grows. */
typedef struct infer_point {
    float x, y;  /* in pixels of the picture, as those of its box */
    float score; /* 1 where the network gives none */
    uint32_t reserved;
} infer_point;

typedef enum infer_suppress {
    INFER_SUPPRESS_GREEDY = 0,   /* the best box stays, those that overlap it go, and so on */
    INFER_SUPPRESS_GAUSSIAN = 1, /* soft: their scores become lower, by exp(-IoU^2 / sigma) */
    INFER_SUPPRESS_LINEAR = 2,   /* soft: by 1 - IoU, where the IoU is above the threshold */
    INFER_SUPPRESS_NONE = 3      /* all stay: the network has seen to it */
} infer_suppress;

typedef struct infer_nms_options {
    size_t size;               /* sizeof(infer_nms_options) */
    infer_allocator allocator; /* malloc and free */
    int32_t suppress;          /* enum infer_suppress */
    int32_t agnostic;          /* as in infer_decoding, as are the others */
    int32_t inclusive;
    int32_t most_candidates;
    float score_threshold;
    float iou_threshold;
    float sigma; /* 0.5 where it is 0 */
    uint32_t reserved;
} infer_nms_options;

#define INFER_NMS_OPTIONS_INIT INFER_INITIAL(infer_nms_options)
INFER_API void infer_nms_options_init(infer_nms_options *options, size_t size);

/* Suppression of what is not the best of its kind (NMS). Of `count` boxes those that stay, at most
 * `most`, are copied to `kept`, the best first, among equals in the order of `boxes`; *found
 * becomes their number. The IoU of two boxes is their common area by that of both together, 0 where
 * that is 0 or not finite, in double precision; of turned boxes it is that of the rectangles. Boxes
 * with a NaN in them, or with a score that is not above the threshold, go. `kept` may not lie
 * within `boxes`. Takes time in proportion to count, but for places where many that stay are as
 * large and as near to each other as the threshold allows; where a box is turned, in proportion to
 * count times those that stay. */
INFER_API infer_status infer_nms(const infer_box *boxes, size_t count,
                                 const infer_nms_options *options, infer_box *kept, size_t most,
                                 size_t *found, infer_error *err);

/* ---- detection ------------------------------------------------------------------------------ */

/* How to detect. */
typedef struct infer_detect_options {
    size_t size;                      /* sizeof(infer_detect_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    const infer_decoding *decoding;   /* NULL: the model's */
    float score_threshold;            /* instead of the decoding's, where it is not 0; below 0: 0 */
    float iou_threshold;              /* the same */
} infer_detect_options;

#define INFER_DETECT_OPTIONS_INIT INFER_INITIAL(infer_detect_options)
INFER_API void infer_detect_options_init(infer_detect_options *options, size_t size);

/* Where answers go: memory of the caller's. */
typedef struct infer_detections {
    size_t size;         /* sizeof(infer_detections) */
    infer_box *boxes;    /* picture after picture, `most` of each */
    infer_point *points; /* of box after box, as many as the decoding says; NULL: not asked for */
    size_t *found;       /* boxes of each picture, the best first */
    size_t most;         /* that there is room for */
    infer_image *masks;  /* of box after box, each zeroed or of an earlier call, or NULL: not asked
                            for. What is there belongs to the caller: to be freed with
                            infer_image_free */
} infer_detections;

#define INFER_DETECTIONS_INIT INFER_INITIAL(infer_detections)
INFER_API void infer_detections_init(infer_detections *detections, size_t size);

/* From pictures to boxes: decodes, preprocesses as the session's model says, runs the session (one
 * input of f32 or u8, whose batch is 1 or `count`), and reads its outputs as the model's decoding
 * says. `options` may be NULL. On failure all of `found` is 0. Memory as infer_classify's. A run as
 * infer_run is: one at a time.
 *
 * A mask is a picture of 1 channel: of the pixels of the picture that the box touches, from pixel
 * (floor(x0), floor(y0)) on where that is in the picture, 1 where it is more likely than not that
 * the pixel belongs to what the box is around, else 0. Prototypes are interpolated between the
 * centres of their cells. Masks that have the size already keep their memory. They are written
 * where the decoding has any; on failure each is a picture, or zeroed. */
INFER_API infer_status infer_detect(infer_session *session, const infer_picture *pictures,
                                    size_t count, const infer_detect_options *options,
                                    infer_detections *detections, infer_error *err);

/* ---- boxes in a video ----------------------------------------------------------------------- */

/* Follows things from frame to frame. Used by one thread at a time. */
typedef struct infer_tracker infer_tracker;

/* How to follow. What is 0 is as said here. Scores and overlaps are 0 to 1. */
typedef struct infer_tracker_options {
    size_t size;               /* sizeof(infer_tracker_options) */
    infer_allocator allocator; /* malloc and free */
    float score_high;          /* 0.5; boxes with a higher score are matched first, */
    float score_low;           /* 0.1; then those with a higher one than this */
    float score_new;           /* score_high + 0.1; what has a higher one may be something new */
    float iou_high;            /* 0.2; what IoU times score must be above in the first step, */
    float iou_low;             /* 0.5; the IoU in the second, */
    float iou_new;             /* 0.3; IoU times score for what was seen only once */
    uint32_t patience;         /* 30; frames for which something may be hidden */
    uint32_t agnostic; /* 0: boxes of another class are something else; 1: they need not be */
} infer_tracker_options;

#define INFER_TRACKER_OPTIONS_INIT INFER_INITIAL(infer_tracker_options)
INFER_API void infer_tracker_options_init(infer_tracker_options *options, size_t size);

/* Something that is followed. It never grows. */
typedef struct infer_track {
    infer_box box;   /* where it is, smoothed, or where it is expected while it is hidden; all else
                        is as it was detected last */
    uint64_t id;     /* from 1 on; never given again */
    uint32_t seen;   /* frames */
    uint32_t missed; /* frames since it was seen; 0: it is there */
} infer_track;

/* A tracker that has seen nothing. `options` may be NULL. To be freed with infer_tracker_free, for
 * which NULL and a freed one are fine. */
INFER_API infer_status infer_tracker_create(const infer_tracker_options *options,
                                            infer_tracker **tracker, infer_error *err);
INFER_API void infer_tracker_free(infer_tracker **tracker);

/* The next frame, of which `boxes` were found, as by infer_detect with a low threshold: ids[i]
 * becomes the number of what boxes[i] is, 0 where it is nothing that is followed. Something new has
 * its number from the second frame on in which it is seen, or if that is the very first frame.
 *
 * ByteTrack: boxes are expected where a Kalman filter of constant velocity (centre, ratio of the
 * sides, height) says; pairs of expected and found boxes are those whose overlaps have the greatest
 * sum, first for high scores, then for low ones. Turned boxes are compared as they are. Frames are
 * taken to be equally far apart; one without boxes is a frame too. On failure, which only a lack of
 * memory or more than 2^20 boxes lead to, nothing has changed but the memory. Memory grows with the
 * most boxes and tracks so far, and is kept. */
INFER_API infer_status infer_tracker_update(infer_tracker *tracker, const infer_box *boxes,
                                            size_t count, uint64_t *ids, infer_error *err);

/* Everything that has a number, hidden or not, the oldest first: at most `most`; *found becomes
 * their number. */
INFER_API infer_status infer_tracker_tracks(const infer_tracker *tracker, infer_track *tracks,
                                            size_t most, size_t *found, infer_error *err);

/* ---- segmentation --------------------------------------------------------------------------- */

/* How to segment. */
typedef struct infer_segment_options {
    size_t size;                      /* sizeof(infer_segment_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    const infer_decoding *decoding;   /* NULL: the model's */
} infer_segment_options;

#define INFER_SEGMENT_OPTIONS_INIT INFER_INITIAL(infer_segment_options)
INFER_API void infer_segment_options_init(infer_segment_options *options, size_t size);

/* In a mask: a pixel that the network has not seen, as it is outside the region or the crop. */
#define INFER_MASK_UNSEEN 255

/* From a picture to the class of each of its pixels: decodes, preprocesses as the session's model
 * says, runs the session (one input of f32 or u8, batch 1), and resizes the map of scores to the
 * picture (bilinear, half-pixel centres, in f32); a pixel's class is that of its highest score,
 * among equals the lowest. Where there are scores of one class, a pixel is 1 where it is above the
 * decoding's threshold, else 0. Up to 255 classes.
 *
 * *mask becomes a picture of 1 channel and of the picture's size, to be freed with
 * infer_image_free; it may be one of an earlier call (or zeroed), whose memory is then used again
 * if the size is the same. On failure it is as it was, or zeroed. `options` may be NULL. A run as
 * infer_run is. */
INFER_API infer_status infer_segment(infer_session *session, const infer_picture *picture,
                                     const infer_segment_options *options, infer_image *mask,
                                     infer_error *err);

/* ---- classes, points and vectors of pictures ------------------------------------------------ */

/* infer_classify for pictures of any kind of pixels, the session's batch (1 or `count`) at a time:
 * picture i has classes[i * k] and those behind it, found[i] of them. On failure all of `found` is
 * 0. */
INFER_API infer_status infer_classify_pictures(infer_session *session,
                                               const infer_picture *pictures, size_t count,
                                               const infer_classify_options *options,
                                               infer_class *classes, size_t k, size_t *found,
                                               infer_error *err);

/* How to find points. */
typedef struct infer_keypoints_options {
    size_t size;                      /* sizeof(infer_keypoints_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    const infer_decoding *decoding;   /* NULL: the model's; of INFER_TASK_KEYPOINTS */
} infer_keypoints_options;

#define INFER_KEYPOINTS_OPTIONS_INIT INFER_INITIAL(infer_keypoints_options)
INFER_API void infer_keypoints_options_init(infer_keypoints_options *options, size_t size);

/* From pictures to points of the one thing that each shows (its region, say a face that was
 * detected): the decoding's points_count of each picture, in pixels of the picture, in `points`.
 * Pictures are taken as by infer_detect, whose boxes have their own points where the network gives
 * them. */
INFER_API infer_status infer_keypoints(infer_session *session, const infer_picture *pictures,
                                       size_t count, const infer_keypoints_options *options,
                                       infer_point *points, infer_error *err);

/* How to embed. */
typedef struct infer_embed_options {
    size_t size;                      /* sizeof(infer_embed_options) */
    const infer_image_options *image; /* NULL for defaults; its allocator is not used */
    uint32_t output;                  /* 0; index of the output, f32, that has the vector */
    uint32_t normalise; /* 1: its length becomes 1 (unless it is 0), so that the cosine of
                           two vectors is the sum of their products */
} infer_embed_options;

#define INFER_EMBED_OPTIONS_INIT INFER_INITIAL(infer_embed_options)
INFER_API void infer_embed_options_init(infer_embed_options *options, size_t size);

/* From pictures to vectors of `length` numbers each, which is all that the output has for a picture
 * (else INFER_ERROR_SHAPE): `vectors` has room for count * length. Pictures are taken as by
 * infer_detect. */
INFER_API infer_status infer_embed(infer_session *session, const infer_picture *pictures,
                                   size_t count, const infer_embed_options *options, float *vectors,
                                   size_t length, infer_error *err);

#ifdef __cplusplus
}
#endif
#endif
