/* The activations of recurrent layers as ONNX spells them. */
#ifndef INFER_TOOLS_ONNX_CELLS_H
#define INFER_TOOLS_ONNX_CELLS_H

#include "graph/params.h"

struct onnx_cell_act {
    const char *name;
    int alpha, beta; /* 1: it takes one out of the list of the attribute */
};

static const struct onnx_cell_act onnx_cell_acts[INFER__CELL_ACTS] = {
    [INFER__CELL_SIGMOID] = {"Sigmoid", 0, 0},
    [INFER__CELL_TANH] = {"Tanh", 0, 0},
    [INFER__CELL_RELU] = {"Relu", 0, 0},
    [INFER__CELL_AFFINE] = {"Affine", 1, 1},
    [INFER__CELL_LEAKY_RELU] = {"LeakyRelu", 1, 0},
    [INFER__CELL_THRESHOLDED_RELU] = {"ThresholdedRelu", 1, 0},
    [INFER__CELL_SCALED_TANH] = {"ScaledTanh", 1, 1},
    [INFER__CELL_HARD_SIGMOID] = {"HardSigmoid", 1, 1},
    [INFER__CELL_ELU] = {"Elu", 1, 0},
    [INFER__CELL_SOFTSIGN] = {"Softsign", 0, 0},
    [INFER__CELL_SOFTPLUS] = {"Softplus", 0, 0},
};

#endif
