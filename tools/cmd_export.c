/* infer export: a model as ONNX. */
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/onnx/onnx_export.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"output", "FILE", "the ONNX file; also -o; needed"},
    {"qdq", NULL, "quantised steps as QuantizeLinear and DequantizeLinear (always so)"},
    {"json", NULL, "a summary as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "export",
    "MODEL.infer -o MODEL.onnx [OPTIONS]",
    "Writes a model as an ONNX file that other engines run with the same answers.",
    "The file has opset 18, or what its operators need. A quantised model keeps the pairs of\n"
    "QuantizeLinear and DequantizeLinear that it has in the .infer file (QDQ). Labels and\n"
    "preprocessing have no place in ONNX: keep the .infer file for them.",
    "  infer export --qdq mobilenet.int8.infer -o mobilenet.int8.onnx",
    options,
    1,
    1};

static int export(const infer_model *model, const struct cli_args *args)
{
    const char *output = cli_value(args, "output");
    infer_error err;
    void *bytes;
    size_t size;
    double start = cli_now_ms();
    if (!output)
        return cli_usage("export: give -o FILE.onnx");
    if (strcmp(output, args->positional[0]) == 0)
        return cli_usage("%s would overwrite the model itself", output);
    if (onnx_export(model, &bytes, &size, &err) != INFER_OK)
        return cli_fail(args->positional[0], &err);
    double ms = cli_now_ms() - start;
    int status = write_file(output, bytes, size);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    if (status != CLI_OK)
        return status;
    if (cli_has(args, "json")) {
        printf("{\"model\": ");
        json_string(stdout, args->positional[0]);
        printf(", \"output\": ");
        json_string(stdout, output);
        printf(", \"bytes\": %zu, \"nodes\": %u, \"ms\": %.3f}\n", size, model->graph.nnodes, ms);
    } else {
        printf("%s: %u nodes, %zu bytes, %.1f ms\n", output, model->graph.nnodes, size, ms);
    }
    return CLI_OK;
}

int cmd_export(int argc, char **argv)
{
    struct cli_args args;
    infer_model *model;
    void *bytes;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = open_model(args.positional[0], NULL, 0, &model, &bytes);
    if (model)
        status = export(model, &args);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
