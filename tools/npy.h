/* NumPy's .npy files, versions 1 to 3, in C order and little-endian.
 *
 * Types: f4 f8 f2 i1 u1 i2 u2 i4 u4 i8 u8 b1 and their infer_type. NumPy has no bf16. */
#ifndef INFER_TOOLS_NPY_H
#define INFER_TOOLS_NPY_H

#include "infer.h"

/* Parses a whole file in memory. On success `tensor` is a view: its data points into `bytes`, where
 * it may be less aligned than its type needs. On failure it is cleared: INFER_ERROR_FORMAT for what
 * is no .npy file, INFER_ERROR_UNSUPPORTED for a type or an order that is not read. */
infer_status npy_parse(const void *bytes, size_t size, infer_tensor *tensor, infer_error *err);

/* The same from a file: data is 64-byte aligned memory, to be freed with free. */
infer_status npy_load(const char *path, infer_tensor *tensor, infer_error *err);

/* The bytes of a version 1 file, to be freed with free; NULL without memory, and for bf16. */
void *npy_encode(const infer_tensor *tensor, size_t *size);

#endif
