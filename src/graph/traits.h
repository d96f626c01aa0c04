/* What is true of operators beside what a file may have of them: what the plan and the tools want
 * to know. Rows of ops.def say it; 0 is what holds where a row does not. */
#ifndef INFER_GRAPH_TRAITS_H
#define INFER_GRAPH_TRAITS_H

#include "graph/graph.h"

/* Which operands are data: tensors of the output's kind, in its layout. The others are parameters
 * (weights, bounds, scales, axes), always in the graph's own layout. */
enum infer__op_data {
    INFER__DATA_FIRST,
    INFER__DATA_ALL,
    INFER__DATA_ALL_BUT_2 /* the last two are parameters */
};

/* Where operands and results count the images of a batch along their first axis, and the parameters
 * leave that axis alone: what keeps each image's result from depending on other images. */
enum infer__op_batch {
    INFER__BATCH_MIXES,  /* nothing, or it is not known */
    INFER__BATCH_FIRST,  /* operands but the first are the same for all images */
    INFER__BATCH_PAIRS,  /* operands meet image by image, or are the same for all by broadcasting */
    INFER__BATCH_GEMM,   /* the first is not transposed, the others are the same for all */
    INFER__BATCH_MATMUL, /* a product for each image, or one matrix for all of them */
};

/* What the parameters (graph/params.h) say of axes. */
enum infer__op_axes {
    INFER__AXES_NONE,
    INFER__AXES_ONE,         /* axis.axis: joined, cut, looked up or normalised along it */
    INFER__AXES_SCALES,      /* axis.axis, of the scales, where they are several */
    INFER__AXES_NORMALISED,  /* norm.axis and all behind it */
    INFER__AXES_SLICED,      /* slice: numbers of each axis */
    INFER__AXES_PADDED,      /* pad: the same */
    INFER__AXES_RESIZED,     /* resize: the same */
    INFER__AXES_PERMUTED,    /* transpose.perm */
    INFER__AXES_RESHAPED,    /* the same elements in the same order, in other axes */
    INFER__AXES_REDUCED,     /* reduce.axes go */
    INFER__AXES_ONE_REDUCED, /* axis.axis goes */
    INFER__AXES_ALL_REDUCED
};

/* What is computed; a multiply-add counts 2. */
enum infer__op_flops {
    INFER__FLOPS_EACH,   /* one for each element of the result or, if that has more, of operand 0 */
    INFER__FLOPS_NONE,   /* elements are only moved */
    INFER__FLOPS_WINDOW, /* one for each element of a window */
    INFER__FLOPS_CONV,   /* a multiply-add for each of a window and the channels of a group */
    INFER__FLOPS_SCATTER,   /* the same, for each element of operand 0 */
    INFER__FLOPS_CHAIN,     /* of the three convolutions of a ConvChain */
    INFER__FLOPS_GEMM,      /* of a product, whose first matrix may be transposed */
    INFER__FLOPS_MATMUL,    /* of a product */
    INFER__FLOPS_RECURRENT, /* of the products with W and R in each step */
    INFER__FLOPS_ATTENTION  /* of both products of an Attention */
};

/* How an operator works on the integers of quantised tensors (docs/quantization.md). */
enum infer__op_integers {
    INFER__INTEGERS_NONE,       /* it works on real numbers only */
    INFER__INTEGERS_LINEAR,     /* sums of products with constant s8 weights, requantised */
    INFER__INTEGERS_ARITHMETIC, /* two operands, element by element, requantised */
    INFER__INTEGERS_MEAN,       /* means, requantised */
    INFER__INTEGERS_CONCAT,     /* joined, each part requantised */
    INFER__INTEGERS_MOVED,      /* elements of operand 0 as they are (MaxPool and Resize: where no
                                   index is wanted and nothing is interpolated) */
    INFER__INTEGERS_TABLE,      /* a function of each element: of one operand it is a table */
    INFER__INTEGERS_CONVERTED,  /* to integers or from them */
    INFER__INTEGERS_SUMMED      /* its operands are integers, its results sums of their products */
};

enum infer__op_flags {
    INFER__FLAG_ACTIVATION = 1,       /* may be an epilogue's activation (of f32) */
    INFER__FLAG_TAKES_ACTIVATION = 2, /* an epilogue may have an activation, where all is f32 */
    INFER__FLAG_TAKES_CLAMP = 4,      /* Relu or Clip, where the result is f32 */
    INFER__FLAG_TAKES_RESIDUAL = 8,   /* an epilogue may have a residual */
    INFER__FLAG_TAKES_BF16 = 16,      /* tensors may be f32 and bf16 in any mixture */
    INFER__FLAG_CONTROL = 32          /* says which nodes run: graph/control.h */
};

struct infer__op_traits {
    uint8_t data;     /* enum infer__op_data */
    uint8_t batch;    /* enum infer__op_batch */
    uint8_t axes;     /* enum infer__op_axes */
    uint8_t flops;    /* enum infer__op_flops */
    uint8_t integers; /* enum infer__op_integers */
    uint8_t flags;    /* set of enum infer__op_flags */
};

/* Those of an operator; of INFER__OP_NONE and of numbers that are none: all 0. */
const struct infer__op_traits *infer__op_traits(unsigned op);
/* How many of a node's operands, from the first, are data; a residual is not among them. */
uint32_t infer__data_operands(const struct infer__node *n);

#endif
