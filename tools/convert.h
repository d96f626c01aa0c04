/* From an ONNX model to a flat file or a model in memory. */
#ifndef INFER_TOOLS_CONVERT_H
#define INFER_TOOLS_CONVERT_H

#include "infer_vision.h"
#include "tools/onnx/onnx_import.h"

struct convert_options {
    const infer_input_spec *shapes;
    size_t nshapes;
    const char *const *labels;
    uint32_t nlabels;
    const infer_preprocess *preprocess; /* NULL: none is stored */
    const char *const *custom_domains;  /* whose operators are left to the application */
    size_t ncustom_domains;
    const char *task; /* how the outputs are read: a name of decoder.h's list, or "auto"; NULL: that
                         is not stored */
    float score_threshold, iou_threshold; /* stored instead of the family's, where they are not 0 */
    int no_optimise;                      /* 1: the graph stays as it is in the file */
    int verify; /* 1: a .infer file is read with infer_load_options.verify */
};

/* What was assumed of a model's task. */
struct convert_assumed {
    const char *family, *what; /* NULL: no task was asked for */
    int preprocess;            /* 1: the family's preprocessing is stored */
    infer_preprocess stored;
};

/* Imports, optimises and writes to memory: *bytes is 64-byte aligned, to be freed with
 * infer__free. `report` must have been initialised; `assumed` may be NULL. */
infer_status convert_onnx(const char *path, const struct convert_options *options,
                          struct onnx_report *report, struct convert_assumed *assumed, void **bytes,
                          size_t *size, infer_error *err);

/* Opens a .infer file, or an .onnx file by converting it in memory; the ending tells which. With
 * an ONNX file *bytes becomes memory that must outlive the model (free it with infer__free
 * afterwards), else NULL. Problems are printed on standard error. Returns an exit status. */
int open_model(const char *path, const infer_input_spec *shapes, size_t nshapes,
               infer_model **model, void **bytes);

/* The same with options for an ONNX file. */
int open_model_with(const char *path, const struct convert_options *options, infer_model **model,
                    void **bytes);

/* The problems and warnings of a report on standard error: one line for all that differ in the node
 * only, or (`verbose`) one for each. */
void print_report(const struct onnx_report *report, const char *path, int verbose);

#endif
