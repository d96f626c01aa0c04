/* What is kept of a request: a few numbers about the picture and about the answer. */
#ifndef INFER_TOOLS_MONITOR_FEATURES_H
#define INFER_TOOLS_MONITOR_FEATURES_H

#include <stdio.h>

#include "infer_vision.h"
#include "third_party/yyjson/yyjson.h"

/* name in files, of the picture (1) or the answer (0), what it is. Each is one number of a picture,
 * so that pictures, which tests take to be independent, are what is counted. */
#define FEATURES(X)                                                                                \
    X(WIDTH, "width", 1, "pixels")                                                                 \
    X(HEIGHT, "height", 1, "pixels")                                                               \
    X(BRIGHTNESS, "brightness", 1, "mean of the grey levels, 0 to 255")                            \
    X(CONTRAST, "contrast", 1, "standard deviation of the grey levels")                            \
    X(RED, "red", 1, "mean of the channel, 0 to 255")                                              \
    X(GREEN, "green", 1, "mean of the channel, 0 to 255")                                          \
    X(BLUE, "blue", 1, "mean of the channel, 0 to 255")                                            \
    X(ZEROS, "zeros", 1, "share of samples that are 0")                                            \
    X(SHARPNESS, "sharpness", 1, "log10 of 1 + the variance of the Laplacian: low is blurred")     \
    X(CLASS, "class", 0, "the best one's number")                                                  \
    X(SCORE, "score", 0, "of the best class or box")                                               \
    X(MARGIN, "margin", 0, "the best class's probability less the second's")                       \
    X(ENTROPY, "entropy", 0, "of the classes' probabilities, in nats")                             \
    X(DETECTIONS, "detections", 0, "boxes in the picture")                                         \
    X(BOX_SIZE, "box_size", 0, "mean of the roots of the boxes' shares of the picture")            \
    X(EMBEDDING_MEAN, "embedding_mean", 0, "mean of the vector's elements")                        \
    X(EMBEDDING_NORM, "embedding_norm", 0, "length of the vector")

#define FEATURE_NAME(id, name, input, what) FEATURE_##id,
enum feature { FEATURES(FEATURE_NAME) FEATURE_COUNT };
#undef FEATURE_NAME

struct features {
    uint32_t told;               /* bit i: value[i] is known */
    double value[FEATURE_COUNT]; /* may be NaN, which is counted apart */
};

const char *feature_name(enum feature f);
const char *feature_what(enum feature f);
int feature_is_input(enum feature f);
/* The feature of a name; FEATURE_COUNT: there is none. */
enum feature feature_find(const char *name);

void features_set(struct features *f, enum feature which, double value);
int features_has(const struct features *f, enum feature which);

/* ---- of pictures (features_picture.c) ------------------------------------------------------- */

/* Everything about a picture of 1, 3 or 4 channels, from a grid of at most 112 x 84 of its pixels
 * and their neighbours: in well under 0.2 ms whatever its size. */
void features_picture(struct features *f, const infer_image *picture);

/* ---- of answers (features_answer.c) --------------------------------------------------------- */

/* `n` classes, the best first, all of them where entropy is to be exact. Scores that do not add up
 * to 1 are taken for logits, where `all` says that none is missing. */
void features_classes(struct features *f, const infer_class *classes, size_t n, int all);
/* Boxes in a picture of this size, the best first; no box is an answer, too. */
void features_boxes(struct features *f, const infer_box *boxes, size_t n, int32_t width,
                    int32_t height);
/* A mask of classes: shares of the picture are the classes' probabilities. */
void features_mask(struct features *f, const infer_image *mask);
void features_vector(struct features *f, const float *vector, size_t n);

/* ---- as JSON ---------------- -------------------------------------------------------------- */

/* An object with those that are told; null for what is not finite. */
void features_json(FILE *to, const struct features *f);
/* A line of a log as infer drift reads it, with its end. `picture`: a path, from the log's folder
 * on, or NULL; model and version may be NULL. */
void features_log(FILE *to, double time, const char *model, const char *version,
                  const char *picture, const struct features *f);
/* From such an object; unknown names are passed over. 0 where a value is neither a number nor null.
 */
int features_from_json(struct features *f, yyjson_val *object);

#endif
