#include "tools/task.h"

#include <string.h>

#include "base/memory.h"
#include "tools/cli.h"
#include "tools/convert.h"

const char *task_command(int32_t task)
{
    return task == INFER_TASK_DETECT         ? "infer detect"
           : task == INFER_TASK_SEGMENT      ? "infer segment"
           : task == INFER_TASK_KEYPOINTS    ? "infer pose"
           : task >= INFER_TASK_TEXT_REGIONS ? "infer read"
                                             : "infer classify";
}

const char *task_answers(int32_t task)
{
    return task == INFER_TASK_DETECT         ? "boxes"
           : task == INFER_TASK_SEGMENT      ? "masks"
           : task == INFER_TASK_KEYPOINTS    ? "points"
           : task >= INFER_TASK_TEXT_REGIONS ? "text"
                                             : "classes";
}

int task_is_vector(const infer_model *model)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    int sides = 0;
    if (infer_model_output(model, 0, &info, NULL) != INFER_OK)
        return 0;
    for (int i = 0; i < info.rank; i++)
        sides += !(info.free_dims >> i & 1) && info.dims[i] != 1;
    return sides <= 1;
}

int task_unknown(const char *path, const infer_model *model, const infer_error *err)
{
    if (err->status == INFER_ERROR_UNSUPPORTED && task_is_vector(model))
        return cli_usage("%s: %s, and they look like scores of classes: infer classify is for it",
                         path, err->message);
    return cli_fail(path, err);
}

int32_t task_guess(const char *path)
{
    const infer_preprocess any = INFER_PREPROCESS_INIT; /* families that need one have it */
    const struct convert_options o = {.task = "auto", .preprocess = &any};
    const size_t n = strlen(path);
    infer_decoding d = INFER_DECODING_INIT;
    infer_model *model = NULL;
    struct onnx_report report;
    infer_error err;
    void *bytes = NULL;
    size_t size;
    if (n < 5 || strcmp(path + n - 5, ".onnx") != 0)
        return INFER_TASK_NONE;
    onnx_report_init(&report, NULL);
    if (convert_onnx(path, &o, &report, NULL, &bytes, &size, &err) == INFER_OK &&
        infer_load_memory(bytes, size, NULL, &model, &err) == INFER_OK)
        infer_model_decoding(model, &d, &err);
    onnx_report_free(&report);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return d.task;
}
