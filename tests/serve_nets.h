/* Networks for tests of the server. */
#ifndef INFER_TESTS_SERVE_NETS_H
#define INFER_TESTS_SERVE_NETS_H

#include "tests/onnx_model.h"

#include "tests/serve_client.h"

/* OUT0 = A + B, OUT1 = A - B, of i32 (n, 2). */
static inline void write_sums(const char *path)
{
    static const int64_t dims[2] = {-1, 2};
    struct builder b;
    build_begin(&b, 17);
    input(&b, "A", ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 2, dims);
    input(&b, "B", ONNX__TENSOR_PROTO__DATA_TYPE__INT32, 2, dims);
    output(&b, "OUT0", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    output(&b, "OUT1", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    node(&b, "Add", "A,B", "OUT0");
    node(&b, "Sub", "A,B", "OUT1");
    pack(&b);
    write_bytes(path, b.bytes, b.size);
    build_end(&b);
}

#endif
