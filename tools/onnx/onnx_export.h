/* From the IR to an ONNX file. */
#ifndef INFER_TOOLS_ONNX_EXPORT_H
#define INFER_TOOLS_ONNX_EXPORT_H

#include "file/model.h"

/* Writes a model's graph as ONNX: opset 18, or as much higher as its operators need. QuantizeLinear
 * and DequantizeLinear stay what they are. *bytes is to be freed with infer__free and
 * infer__allocator(NULL). Labels and preprocessing have no place in ONNX and are left out. */
infer_status onnx_export(const infer_model *model, void **bytes, size_t *size, infer_error *err);

#endif
