/* What a node means once its operands' shapes are known: attributes with their defaults filled in,
 * negative axes counted from the front, automatic padding worked out.
 *
 * infer__resolve_node is the one place that reads attributes and shape-like operands: it sets the
 * types and shapes of a node's outputs and fills its parameters. The plan turns the parameters'
 * axes into physical ones; kernels see parameters only.
 */
#ifndef INFER_GRAPH_PARAMS_H
#define INFER_GRAPH_PARAMS_H

#include <stddef.h>

#include "graph/graph.h"

enum infer__auto_pad {
    INFER__PAD_NOTSET = 0,
    INFER__PAD_SAME_UPPER = 1,
    INFER__PAD_SAME_LOWER = 2,
    INFER__PAD_VALID = 3
};
enum infer__pad_mode {
    INFER__PAD_CONSTANT = 0,
    INFER__PAD_REFLECT = 1,
    INFER__PAD_EDGE = 2,
    INFER__PAD_WRAP = 3
};
enum infer__resize_mode { INFER__NEAREST = 0, INFER__LINEAR = 1, INFER__CUBIC = 2 };
enum infer__coordinate {
    INFER__HALF_PIXEL = 0,
    INFER__PYTORCH_HALF_PIXEL = 1,
    INFER__ALIGN_CORNERS = 2,
    INFER__ASYMMETRIC = 3,
    INFER__TF_CROP_AND_RESIZE = 4,
    INFER__TF_HALF_PIXEL_FOR_NN = 5,
    INFER__HALF_PIXEL_SYMMETRIC = 6
};
enum infer__nearest {
    INFER__ROUND_PREFER_FLOOR = 0,
    INFER__ROUND_PREFER_CEIL = 1,
    INFER__FLOOR = 2,
    INFER__CEIL = 3
};
enum infer__aspect { INFER__STRETCH = 0, INFER__NOT_LARGER = 1, INFER__NOT_SMALLER = 2 };
enum infer__d2s_mode { INFER__DCR = 0, INFER__CRD = 1 };

enum infer__reduction {
    INFER__REDUCE_NONE = 0,
    INFER__REDUCE_ADD = 1,
    INFER__REDUCE_MUL = 2,
    INFER__REDUCE_MIN = 3,
    INFER__REDUCE_MAX = 4
};
enum infer__grid_padding { INFER__GRID_ZEROS = 0, INFER__GRID_BORDER = 1, INFER__GRID_REFLECT = 2 };
enum infer__roi_mode { INFER__ROI_MEAN = 0, INFER__ROI_MAX = 1 };
/* Small floats, in the order of their ONNX types; RoundFloat's mode is a format, and 16 more for
 * one that is infinite or NaN where a number is too large instead of the largest one. */
enum infer__float_format {
    INFER__E4M3FN = 0,
    INFER__E4M3FNUZ = 1,
    INFER__E5M2 = 2,
    INFER__E5M2FNUZ = 3,
    INFER__E2M1 = 4,
    INFER__E8M0_UP = 5, /* powers of 2: to the next above, the next below, or the nearest */
    INFER__E8M0_DOWN = 6,
    INFER__E8M0_NEAREST = 7,
    INFER__FLOAT_FORMATS = 8,
    INFER__FLOAT_OVERFLOWS = 16
};
enum infer__update_rule {
    INFER__UPDATE_LINEAR = 0,
    INFER__GATED = 1,
    INFER__DELTA = 2,
    INFER__GATED_DELTA = 3 /* both bits */
};
enum infer__random_mode { INFER__UNIFORM = 0, INFER__NORMAL = 1 };

/* Conv, ConvTranspose, MaxPool, AveragePool. Always three spatial axes, D, H, W: those that the
 * tensor lacks (D of a picture; D and H of a signal) have kernel 1, stride 1, no padding. */
struct infer__window {
    int64_t kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3];
    int64_t groups;            /* LpPool: the power */
    int32_t spatial;           /* spatial axes that the tensor has: 1 to 3 */
    int32_t count_include_pad; /* AveragePool: padding counts (but never beyond it: ceil mode) */
    int32_t storage_order;     /* MaxPool: 1 makes indices column-major */
};

/* 1x1 with stride 1 and no padding: an output pixel comes of the one input pixel at its place. */
static inline int infer__window_is_point(const struct infer__window *w)
{
    for (int a = 0; a < 3; a++)
        if (w->kernel[a] != 1 || w->stride[a] != 1 || w->pad_begin[a] || w->pad_end[a])
            return 0;
    return 1;
}

struct infer__gemm {
    float alpha, beta;
    int32_t trans_a, trans_b;
};

/* BatchNormalization, InstanceNormalization, LayerNormalization, LRN */
struct infer__norm {
    float epsilon;
    int32_t axis; /* LayerNormalization: the first axis normalised over */
    float alpha, beta, bias;
    int64_t size; /* LRN: channels summed over */
};

/* Softmax, LogSoftmax, Concat, Split, Gather, GatherElements, ArgMax, ArgMin, QuantizeLinear,
 * DequantizeLinear, TopK, Compress, Unique */
struct infer__axis {
    int32_t axis;
    int32_t to_end;      /* Softmax: over all axes from `axis` on, as one */
    int32_t keepdims;    /* ArgMax */
    int32_t select_last; /* ArgMax: the last of equals */
    int32_t smallest;    /* TopK */
    int32_t flat;        /* Compress, Unique: no axis, all elements in a row */
    int32_t unsorted;    /* Unique: in the order in which they come */
};

/* Element-wise operators of one operand: the meaning of alpha and beta is ONNX's; Clip has its
 * bounds as operands (scalars of the tensor's type) and, where they are constant, here. */
struct infer__unary {
    float alpha, beta;
};

struct infer__transpose {
    int32_t perm[INFER_MAX_RANK]; /* axis i of the output is axis perm[i] of the input */
};

struct infer__slice {
    int64_t start[INFER_MAX_RANK], step[INFER_MAX_RANK]; /* per axis of the input; step not 0 */
};

struct infer__pad {
    int64_t begin[INFER_MAX_RANK], end[INFER_MAX_RANK]; /* negative: cut off */
    int32_t mode;
};

struct infer__resize {
    int32_t mode, coordinate, nearest, exclude_outside, antialias;
    float cubic_a, extrapolation;
    float scale[INFER_MAX_RANK]; /* output size over input size, as the model states it */
    float roi_begin[INFER_MAX_RANK], roi_end[INFER_MAX_RANK];
};

struct infer__reduce {
    uint32_t axes; /* bit i: axis i is reduced; never all 0 unless nothing is to be reduced */
    int32_t keepdims;
};

struct infer__d2s {
    int64_t block;
    int32_t mode;
};

struct infer__shape_range {
    int32_t start, end;
};

struct infer__mod {
    int32_t fmod; /* 1: the sign is the dividend's, as in C; 0: the divisor's, as in Python */
};

struct infer__nms {
    int32_t center; /* 1: boxes are x and y of the centre, width, height; 0: y, x of two corners */
    int64_t most;   /* boxes of a class of an image, whatever the operand says */
};

struct infer__shuffle {
    int64_t groups;
};

/* GatherND, ScatterElements, ScatterND, CumSum, CumProd; what an operator does not have is 0. */
struct infer__index {
    int32_t axis;      /* CumSum: the one that is summed along */
    int32_t batch;     /* GatherND: leading axes that data and indices share */
    int32_t reduction; /* enum infer__reduction */
    int32_t exclusive; /* CumSum: a sum does not have the element at its place */
    int32_t reverse;   /* CumSum: from the end */
};

struct infer__grid {
    int32_t mode;    /* enum infer__resize_mode */
    int32_t padding; /* enum infer__grid_padding */
    int32_t align_corners;
};

/* RoiAlign, MaxRoiPool */
struct infer__roi {
    int32_t mode;       /* enum infer__roi_mode */
    int32_t half_pixel; /* 1: pixel centres are at 0.5 */
    int32_t samples;    /* of a bin along an axis; 0: as many as it has pixels */
    float scale;        /* from the boxes' coordinates to pixels */
};

struct infer__random {
    int32_t mode; /* enum infer__random_mode */
    float a, b;
    float seed;
};

struct infer__linear_attention {
    int32_t rule;          /* enum infer__update_rule */
    int64_t queries, keys; /* heads */
    float scale;
};

struct infer__attention {
    float scale;     /* of the products of queries and keys */
    int32_t or_zero; /* 1: weights that are NaN (all of a query's are masked) are 0 */
};

struct infer__round_float {
    int32_t format; /* enum infer__float_format */
    int32_t overflows;
};

struct infer_custom_node;
struct infer_custom_op;
struct infer__custom {
    const struct infer_custom_op *op;
    const struct infer_custom_node *node;
};

struct infer__control {
    uint32_t states; /* EndLoop: of its results, from the first */
    int32_t wanted;  /* Require: what the condition must be, 0 or 1 */
};

enum infer__direction { INFER__FORWARD = 0, INFER__REVERSE = 1, INFER__BIDIRECTIONAL = 2 };
enum infer__cell_act {
    INFER__CELL_SIGMOID = 0,
    INFER__CELL_TANH = 1,
    INFER__CELL_RELU = 2,
    INFER__CELL_AFFINE = 3,           /* alpha x + beta */
    INFER__CELL_LEAKY_RELU = 4,       /* x, below 0 alpha x */
    INFER__CELL_THRESHOLDED_RELU = 5, /* x from alpha on, else 0 */
    INFER__CELL_SCALED_TANH = 6,      /* alpha tanh(beta x) */
    INFER__CELL_HARD_SIGMOID = 7,     /* alpha x + beta between 0 and 1 */
    INFER__CELL_ELU = 8,              /* x, below 0 alpha (e^x - 1) */
    INFER__CELL_SOFTSIGN = 9,         /* x / (1 + |x|) */
    INFER__CELL_SOFTPLUS = 10,        /* log(1 + e^x) */
    INFER__CELL_ACTS = 11
};
struct infer__cell_function {
    int32_t act; /* enum infer__cell_act */
    float alpha, beta;
};

/* An activation with the parameters that ONNX gives it. */
struct infer__cell_function infer__cell_function(int64_t act);

/* LSTM, GRU, RNN */
enum { INFER__CELL_FUNCTIONS = 3 }; /* of a direction, at most */
struct infer__recurrent {
    struct infer__cell_function function[2][INFER__CELL_FUNCTIONS]; /* of each direction */
    float clip; /* bound of what gates get; infinite where there is none */
    int32_t direction;
    int32_t layout;  /* 1: the batch is the first axis */
    int32_t linear;  /* GRU: the reset gate works on the product, not on what goes into it */
    int32_t coupled; /* LSTM: the forget gate is 1 - the input gate */
};

/* DynamicRange: elements of a part at least, and parts at most. */
enum { INFER__RANGE_PART = 16384, INFER__RANGE_PARTS = 64 };

union infer__params {
    struct infer__window window;
    struct infer__gemm gemm;
    struct infer__norm norm;
    struct infer__axis axis;
    struct infer__unary unary;
    struct infer__transpose transpose;
    struct infer__slice slice;
    struct infer__pad pad;
    struct infer__resize resize;
    struct infer__reduce reduce;
    struct infer__d2s d2s;
    struct infer__shape_range shape;
    struct infer__mod mod;
    struct infer__shuffle shuffle;
    struct infer__index index;
    struct infer__grid grid;
    struct infer__roi roi;
    struct infer__random random;
    struct infer__linear_attention linear_attention;
    struct infer__attention attention;
    struct infer__round_float round_float;
    struct infer__recurrent recurrent;
    struct infer__nms nms;
    struct infer__control control;
    struct infer__custom custom;
};
/* Bytes of all parameters that mean something. They are all 0 before infer__resolve_node fills
 * those of the operator, and the window is the largest; its tail of padding is left out. */
enum { INFER__PARAM_BYTES = offsetof(struct infer__window, storage_order) + sizeof(int32_t) };
_Static_assert(sizeof(union infer__params) - INFER__PARAM_BYTES < 8, "the window is the largest");

/* What a resolve function works on. in[i] is NULL where input i is absent; all others are
 * shaped. It fills *params and calls infer__resolve_out for every output. */
struct infer__resolve {
    struct infer__graph *g;
    const struct infer__node *node;
    union infer__params *params;
    infer_error *err;
    uint64_t max_tensor_bytes;
};

/* Works out the outputs' types and shapes and the parameters of a node whose inputs are all
 * shaped. Errors name the node; INFER_ERROR_NEED_VALUE where a shape-like operand is no constant.
 * Every tensor that passes has at most `max_tensor_bytes` bytes. */
infer_status infer__resolve_node(struct infer__graph *g, const struct infer__node *node,
                                 uint64_t max_tensor_bytes, union infer__params *params,
                                 infer_error *err);

/* ---- for resolve functions (resolve.c) ------------------------------------------------------ */

/* Input i, NULL where it is absent. */
const struct infer__value *infer__resolve_in(const struct infer__resolve *r, uint32_t i);
/* Sets output i; checks dims and the byte limit. Absent outputs are passed over. */
infer_status infer__resolve_out(struct infer__resolve *r, uint32_t i, infer_type type, int rank,
                                const int64_t *dims);
/* Says that axis `axis` of output i, which is set, has at most that size: how much it is, its
 * kernel finds out. Nothing where the size is 0. */
void infer__resolve_most(const struct infer__resolve *r, uint32_t i, int axis);
/* A constant operand of integers (s32 or s64), at most INFER_MAX_RANK * 2 of them, into v. */
infer_status infer__resolve_ints(struct infer__resolve *r, uint32_t i, int64_t *v, int *count);
/* The same of f32. */
infer_status infer__resolve_floats(struct infer__resolve *r, uint32_t i, float *v, int *count);
/* Turns an axis of -rank .. rank-1 into 0 .. rank-1. */
infer_status infer__resolve_axis(struct infer__resolve *r, int64_t axis, int rank, int *out);
/* Fails naming the node. */
infer_status infer__resolve_fail(struct infer__resolve *r, infer_status status, const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));

/* Shape of two shapes broadcast together (NumPy's rules); 0 if they do not fit. */
int infer__broadcast(const struct infer__value *a, const struct infer__value *b, int *rank,
                     int64_t dims[INFER_MAX_RANK]);

#endif
