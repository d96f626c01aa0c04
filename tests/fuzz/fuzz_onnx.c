/* The ONNX importer and its optimiser.
 *
 * Property: for any bytes, the import gives a status; INFER_ERROR_UNSUPPORTED if and only if the
 * report has problems; on success a graph that passes infer__graph_verify, also after it was
 * optimised. No memory is touched that is not the importer's or the block's, none is left behind.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/onnx/onnx_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct onnx_import_options o;
    struct infer__region region;
    struct infer__graph g;
    struct onnx_report report;
    infer_error err;
    char text[512];
    onnx_import_options_init(&o);
    o.max_tensor_bytes = 1 << 16; /* small, so that folding is quick */
    o.max_constant_bytes = 1 << 20;
    o.max_nodes = 1000;
    infer__region_init(&region, NULL);
    onnx_report_init(&report, NULL);
    void *block = fuzz_block(data, size);
    infer_status status = onnx_import_memory(block, size, NULL, &o, &region, &g, &report, &err);
    free(block);
    REQUIRE(status == err.status);
    REQUIRE((status == INFER_ERROR_UNSUPPORTED) == (report.problems > 0));
    for (uint32_t i = 0; i < report.count; i++)
        onnx_problem_text(&report.items[i], text, sizeof text);
    if (status == INFER_OK) {
        REQUIRE(infer__graph_verify(&g, &err) == INFER_OK);
        if (onnx_optimise(&g, o.max_tensor_bytes, &err) == INFER_OK)
            REQUIRE(infer__graph_verify(&g, &err) == INFER_OK);
    }
    onnx_report_free(&report);
    infer__region_free(&region);
    return 0;
}
