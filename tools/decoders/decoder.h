/* How the outputs of known families of networks are read. A family's function looks at the outputs'
 * shapes, adds to the graph what turns raw outputs into boxes and scores, out of operators that the
 * IR has anyhow, and says in an infer_decoding where they are. So what is decoded runs as steps of
 * the plan, and the library knows of no family. */
#ifndef INFER_TOOLS_DECODER_H
#define INFER_TOOLS_DECODER_H

#include "file/about.h"
#include "graph/graph.h"
#include "infer_vision.h"

struct decoder {
    struct infer__graph *g;
    const struct infer__value *shaped; /* of every value that was there before, type and shape */
    const struct infer__about *about;  /* what the model tells of itself; never NULL */
    int named; /* 1: the family was asked for by name: what shapes can't tell is so */
    infer_error *err;
    infer_status status;      /* the first that went wrong; what follows does nothing */
    struct infer__node *last; /* the node that was added last, for its attributes */
    uint32_t count;           /* of nodes and constants, for their names */
    int64_t width, height;    /* of the network's input, in pixels; 0: free */
    infer_decoding decoding;
    infer_preprocess preprocess; /* what the family does, where the user says nothing */
};

struct decoder_family {
    const char *name, *what; /* `what` it stands for, for a person */
    /* Whether the outputs look like this family's; NULL: they can't be told from others'. */
    int (*fits)(const struct decoder *d);
    void (*build)(struct decoder *d);
    int open;     /* 1: networks of the family differ in their preprocessing, which must be given */
    int any_size; /* 1: height and width may be free */
};

/* All of them; the list ends with an entry without a name. */
extern const struct decoder_family decoder_families[];

/* The family of a name; "auto": the first that fits, NULL where none does. */
const struct decoder_family *decoder_find(const char *name, const struct decoder *d);

/* Adds a family's decoding to `g`, whose values have the types and shapes `shaped`, and sets
 * *decoding and *preprocess. INFER_ERROR_UNSUPPORTED where the outputs are not what the family's
 * are; `g` is then not to be used. `name` may be "auto"; *family is what it was. `about` may be
 * NULL. */
infer_status decoder_apply(struct infer__graph *g, const struct infer__value *shaped,
                           const struct infer__about *about, const char *name,
                           infer_decoding *decoding, infer_preprocess *preprocess,
                           const struct decoder_family **family, infer_error *err);

/* ---- outputs -------------------------------------------------------------------------------- */

/* The shape of output i; a rank of -1 where there is none, or it is not known. */
struct decoder_shape {
    int rank;
    int64_t dims[INFER_MAX_RANK];
};
struct decoder_shape decoder_shape(const struct decoder *d, uint32_t i);
/* Whether output i is (any, a, b); -1: any number. */
int decoder_is(const struct decoder *d, uint32_t i, int64_t a, int64_t b);
/* Whether outputs have rank 3 and these numbers of fields, the last dimension, in any order, and as
 * many places; order[k] is then the output that has fields[k]. */
int decoder_order(const struct decoder *d, const int64_t *fields, uint32_t n, uint32_t *order);
/* The value of output i, its name, and whether an operator has made it. */
uint32_t decoder_out(const struct decoder *d, uint32_t i);
int decoder_named(const struct decoder *d, uint32_t i, const char *name);
int decoder_made_by(const struct decoder *d, uint32_t i, uint16_t op);
/* The model's own value of a key, NULL where it has none. */
const char *decoder_about(const struct decoder *d, const char *key);
/* Appends an output of that name, f32 and of shape (batch, a, b); its number among the outputs. */
int32_t decoder_add_output(struct decoder *d, uint32_t value, const char *name, int64_t a,
                           int64_t b);
/* The same of the shape that output 0 has. */
int32_t decoder_add_like(struct decoder *d, uint32_t value, const char *name);
/* The same of shape (any, fields), which has no batch. */
int32_t decoder_add_rows(struct decoder *d, uint32_t value, const char *name, int64_t fields);

/* ---- expressions: each adds a node with one output, and returns that ------------------------- */

uint32_t decoder_e(struct decoder *d, uint16_t op, const uint32_t *in, uint32_t nin);
#define DECODER_E(d, op, ...)                                                                      \
    decoder_e((d), INFER__OP_##op, (const uint32_t[]){__VA_ARGS__},                                \
              (uint32_t)(sizeof(const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t)))
void decoder_int(struct decoder *d, uint16_t key, int64_t v);
/* Constants: one number, a list of s64, a matrix of f32 of a x b. */
uint32_t decoder_number(struct decoder *d, float v);
uint32_t decoder_list(struct decoder *d, const int64_t *v, uint32_t count);
#define DECODER_LIST(d, ...)                                                                       \
    decoder_list((d), (const int64_t[]){__VA_ARGS__},                                              \
                 (uint32_t)(sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t)))
uint32_t decoder_matrix(struct decoder *d, const float *v, int64_t a, int64_t b);
/* Elements [begin, end) of an axis. */
uint32_t decoder_slice(struct decoder *d, uint32_t x, int64_t axis, int64_t begin, int64_t end);
uint32_t decoder_concat(struct decoder *d, const uint32_t *in, uint32_t nin, int64_t axis);
uint32_t decoder_reshape(struct decoder *d, uint32_t x, const int64_t *dims, uint32_t rank);

/* ---- points of grids ------------------------------------------------------------------------- */

/* Levels of a feature pyramid over the input: cells of `stride` pixels, row by row, `anchors`
 * places in each. */
struct decoder_level {
    int64_t stride, anchors;
};

/* Places of YOLO v8 to v12: cells of 8, 16 and 32 pixels. */
int64_t decoder_yolo_places(const struct decoder *d);
/* Cells along a side. */
int64_t decoder_cells(int64_t side, int64_t stride);
/* How many places there are in all. */
int64_t decoder_places(const struct decoder *d, const struct decoder_level *levels, int n);
/* For each place `fields` numbers, x and y of its cell in turn plus `offset`, times its stride; and
 * the stride as often: matrices of places x fields. */
uint32_t decoder_centres(struct decoder *d, const struct decoder_level *levels, int n,
                         int64_t fields, float offset);
uint32_t decoder_strides(struct decoder *d, const struct decoder_level *levels, int n,
                         int64_t fields, const float *signs);

/* A place of a grid: the anchor of this number in cell (x, y) of level `level`. */
struct decoder_place {
    int level;
    int64_t stride, x, y, anchor;
};
/* A matrix of places x fields, a row of it by `row`. */
uint32_t decoder_rows(struct decoder *d, const struct decoder_level *levels, int n, int64_t fields,
                      void (*row)(float *row, int64_t fields, const struct decoder_place *place,
                                  const void *ctx),
                      const void *ctx);

/* ---- boxes ----------------------------------------------------------------------------------- */

/* Sets the boxes to an output of centre and size, each (batch, places, 2). */
void decoder_centred(struct decoder *d, uint32_t centre, uint32_t size, int64_t places);
/* The output between 0 and 1: the sigmoid of it, unless it is one already, or is clipped. */
uint32_t decoder_sigmoid(struct decoder *d, uint32_t output);
/* Preprocessing: pictures keep their ratio of sides and are filled up with a level (`where`: enum
 * infer_letterbox). */
void decoder_letterbox(struct decoder *d, int32_t where, int32_t fill);
/* One mean and scale for all channels; the mean and deviation of ImageNet, red, green, blue; levels
 * to 0..1. */
void decoder_normalise(struct decoder *d, float mean, float scale);
void decoder_imagenet(struct decoder *d);
void decoder_levels_of_255(struct decoder *d);

/* The families' functions are in the files of their names. */
#define DECODER_FAMILY(name)                                                                       \
    int decoder_fits_##name(const struct decoder *d);                                              \
    void decoder_build_##name(struct decoder *d)
DECODER_FAMILY(yolov8);
DECODER_FAMILY(yolov5);
DECODER_FAMILY(yolox);
DECODER_FAMILY(nanodet);
DECODER_FAMILY(nanodet_plus);
DECODER_FAMILY(picodet);
DECODER_FAMILY(fastestdet);
DECODER_FAMILY(ssd);
DECODER_FAMILY(scrfd);
DECODER_FAMILY(yunet);
DECODER_FAMILY(ultraface);
DECODER_FAMILY(nms);
DECODER_FAMILY(rtdetr);
DECODER_FAMILY(detr);
DECODER_FAMILY(yolov8_pose);
DECODER_FAMILY(yolov8_obb);
DECODER_FAMILY(yolov8_seg);
DECODER_FAMILY(retinaface);
DECODER_FAMILY(retinanet);
DECODER_FAMILY(fcos);
DECODER_FAMILY(yolov3);
DECODER_FAMILY(yolov4);
DECODER_FAMILY(centernet);
DECODER_FAMILY(blazeface);
DECODER_FAMILY(segment);
DECODER_FAMILY(points);
DECODER_FAMILY(text_regions);
DECODER_FAMILY(text);

#endif
