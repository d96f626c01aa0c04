#include "tools/convert.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "file/model.h"
#include "tools/cli.h"
#include "vision/preprocess_file.h"

static infer_status convert_graph(const char *path, const struct convert_options *options,
                                  struct infer__region *region, struct onnx_report *report,
                                  void **bytes, size_t *size, infer_error *err)
{
    struct infer__graph g;
    struct onnx_import_options o;
    struct infer__about about;
    uint8_t preprocess[INFER__PREPROCESS_BYTES];
    onnx_import_options_init(&o);
    o.shapes = options->shapes;
    o.nshapes = options->nshapes;
    o.about = &about;
    o.custom_domains = options->custom_domains;
    o.ncustom_domains = options->ncustom_domains;
    TRY(onnx_import(path, &o, region, &g, report, err));
    if (!options->no_optimise)
        TRY(onnx_optimise(&g, o.max_tensor_bytes, err));
    struct infer__section extra = {INFER__SECTION_PREPROCESS, preprocess, sizeof preprocess};
    struct infer__file_content content = {.graph = &g,
                                          .labels = options->labels,
                                          .nlabels = options->nlabels,
                                          .extra = &extra,
                                          .nextra = options->preprocess != NULL,
                                          .about = &about};
    if (options->preprocess)
        TRY(infer__preprocess_encode(options->preprocess, preprocess, err));
    infer_allocator a = infer__allocator(NULL);
    return infer__file_write(&content, &a, bytes, size, err);
}

infer_status convert_onnx(const char *path, const struct convert_options *options,
                          struct onnx_report *report, void **bytes, size_t *size, infer_error *err)
{
    struct infer__region region;
    *bytes = NULL;
    *size = 0;
    infer__region_init(&region, NULL);
    infer_status status = convert_graph(path, options, &region, report, bytes, size, err);
    infer__region_free(&region);
    return status;
}

void print_report(const struct onnx_report *report, const char *path, int verbose)
{
    char text[1024];
    for (uint32_t i = 0; !verbose && i < report->ngroups; i++)
        fprintf(stderr, "infer: %s: %s\n", path,
                onnx_group_text(&report->groups[i], text, sizeof text));
    for (uint32_t i = 0; verbose && i < report->count; i++)
        fprintf(stderr, "infer: %s: %s\n", path,
                onnx_problem_text(&report->items[i], text, sizeof text));
    if (verbose && report->problems + report->warnings > report->count)
        fprintf(stderr, "infer: %s: and %u more\n", path,
                report->problems + report->warnings - report->count);
}

static int ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

int open_model(const char *path, const infer_input_spec *shapes, size_t nshapes,
               infer_model **model, void **bytes)
{
    struct convert_options o = {.shapes = shapes, .nshapes = nshapes};
    return open_model_with(path, &o, model, bytes);
}

int open_model_with(const char *path, const struct convert_options *options, infer_model **model,
                    void **bytes)
{
    infer_error err;
    *model = NULL;
    *bytes = NULL;
    if (!ends_with(path, ".onnx"))
        return infer_load(path, NULL, model, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
    struct onnx_report report;
    size_t size;
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(path, options, &report, bytes, &size, &err);
    if (status != INFER_OK)
        print_report(&report, path, 0);
    onnx_report_free(&report);
    if (status == INFER_OK)
        status = infer_load_memory(*bytes, size, NULL, model, &err);
    return status == INFER_OK ? CLI_OK : cli_fail(path, &err);
}
