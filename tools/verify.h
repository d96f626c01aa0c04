/* Comparing a model with recorded inputs and outputs, in ONNX's layout of test data:
 * FOLDER/test_data_set_N/input_K.pb and output_K.pb. */
#ifndef INFER_TOOLS_VERIFY_H
#define INFER_TOOLS_VERIFY_H

#include "infer.h"

struct verify_options {
    double tolerance; /* of the difference: times the largest magnitude of the expected tensor */
    int elementwise;  /* 1: times the magnitude of the expected element instead, as ONNX's own
                         tests have it */
    int top1;         /* 1: outputs of N x C floats must also have the same largest element */
    infer_session_options session; /* threads, level, oneDNN; shapes come from the data */
};

struct verify_result {
    int passed;
    double worst;      /* largest difference found, as a multiple of what the tolerance is of */
    char message[512]; /* what differs first and by how much, or empty */
};

/* Whether `path` is a folder with input_0.pb or output_0.pb in it. */
int verify_is_data_set(const char *path);

/* Runs the model on one test_data_set folder. A status other than INFER_OK: it could not be run. */
infer_status verify_data_set(const infer_model *model, const char *folder,
                             const struct verify_options *options, struct verify_result *result,
                             infer_error *err);

#endif
