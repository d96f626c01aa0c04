#include "tools/convert.h"

#include <stdio.h>
#include <string.h>

#include "answer/decoding.h"
#include "base/memory.h"
#include "base/status.h"
#include "file/model.h"
#include "tools/cli.h"
#include "tools/decoders/decoder.h"
#include "tools/decoders/names.h"
#include "tools/edit.h"
#include "vision/preprocess_file.h"

/* What becomes a file. */
struct conversion {
    const struct convert_options *o;
    struct infer__region *region;
    struct infer__graph g;
    struct infer__about about;
    infer_preprocess preprocess;
    infer_decoding decoding;
    int has_preprocess, has_decoding;
    const char *const *labels;
    uint32_t nlabels;
};

/* Types and shapes of outputs that only a plan knows, as they hang on values: those of a session of
 * the network as it is. What has none there either stays unknown. */
static void ask_session(const struct infer__graph *g, struct infer__value *shaped)
{
    const struct infer__file_content content = {.graph = g};
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_allocator a = infer__allocator(NULL);
    infer_model *model = NULL;
    infer_session *session = NULL;
    void *bytes = NULL;
    size_t size;
    infer_error err;
    o.threads = 1;
    if (infer__file_write(&content, &a, &bytes, &size, &err) == INFER_OK &&
        infer_load_memory(bytes, size, NULL, &model, &err) == INFER_OK &&
        infer_session_create(model, &o, &session, &err) == INFER_OK)
        for (uint32_t i = 0; i < g->noutputs; i++) {
            infer_value_info info = INFER_VALUE_INFO_INIT;
            struct infer__value *v = &shaped[g->outputs[i]];
            if (v->type || infer_session_output(session, i, &info, &err) != INFER_OK)
                continue;
            v->type = (uint8_t)info.type;
            v->rank = (uint8_t)info.rank;
            v->free_dims = info.free_dims;
            memcpy(v->dims, info.dims, sizeof v->dims);
        }
    infer_session_free(&session);
    infer_model_free(&model);
    infer__free(&a, bytes);
}

/* Labels that the model tells of itself, where none are given; those of text fit its classes. */
static infer_status find_labels(struct conversion *c, infer_error *err)
{
    const int text = c->decoding.task == INFER_TASK_TEXT;
    if (!c->labels)
        c->labels = text ? decoder_characters(&c->about, c->region, &c->nlabels)
                         : decoder_names(&c->about, c->region, &c->nlabels);
    if (!text || !c->labels)
        return INFER_OK;
    c->labels = decoder_alphabet(&c->decoding, c->labels, &c->nlabels, c->region);
    return c->labels ? INFER_OK : infer__no_memory(err, c->nlabels * sizeof *c->labels);
}

/* Adds what reads the outputs to the graph. */
static infer_status add_decoding(struct conversion *c, struct convert_assumed *assumed,
                                 infer_error *err)
{
    struct infer__value *shaped = NULL;
    infer_preprocess usual;
    infer_error second;
    const struct decoder_family *family;
    TRY(edit_infer(&c->g, c->region, &shaped, &second, err));
    for (uint32_t i = 0; i < c->g.noutputs; i++)
        if (!shaped[c->g.outputs[i]].type) {
            ask_session(&c->g, shaped);
            break;
        }
    TRY(decoder_apply(&c->g, shaped, &c->about, c->o->task, &c->decoding, &usual, &family, err));
    FAIL_IF(family->open && !c->has_preprocess, INFER_ERROR_UNSUPPORTED,
            "read as %s, but how pictures are preprocessed has to be said (--resize, --mean ...)",
            family->name);
    c->has_decoding = 1;
    if (c->o->score_threshold > 0)
        c->decoding.score_threshold = c->o->score_threshold;
    if (c->o->iou_threshold > 0)
        c->decoding.iou_threshold = c->o->iou_threshold;
    if (!c->has_preprocess)
        c->preprocess = usual;
    *assumed = (struct convert_assumed){family->name, family->what, !c->has_preprocess, usual};
    c->has_preprocess = 1;
    return find_labels(c, err);
}

static infer_status write_all(const struct conversion *c, void **bytes, size_t *size,
                              infer_error *err)
{
    uint8_t preprocess[INFER__PREPROCESS_BYTES], decoding[INFER__DECODING_BYTES];
    struct infer__section extra[2];
    struct infer__file_content content = {.graph = &c->g,
                                          .labels = c->labels,
                                          .nlabels = c->nlabels,
                                          .extra = extra,
                                          .about = &c->about};
    if (c->has_preprocess) {
        TRY(infer__preprocess_encode(&c->preprocess, preprocess, err));
        extra[content.nextra++] =
            (struct infer__section){INFER__SECTION_PREPROCESS, preprocess, sizeof preprocess};
    }
    if (c->has_decoding) {
        TRY(infer__decoding_encode(&c->decoding, decoding, err));
        extra[content.nextra++] =
            (struct infer__section){INFER__SECTION_DECODING, decoding, sizeof decoding};
    }
    infer_allocator a = infer__allocator(NULL);
    return infer__file_write(&content, &a, bytes, size, err);
}

static infer_status convert_graph(const char *path, const struct convert_options *options,
                                  struct infer__region *region, struct onnx_report *report,
                                  struct convert_assumed *assumed, void **bytes, size_t *size,
                                  infer_error *err)
{
    struct conversion c = {
        .o = options, .region = region, .labels = options->labels, .nlabels = options->nlabels};
    struct onnx_import_options o;
    onnx_import_options_init(&o);
    o.shapes = options->shapes;
    o.nshapes = options->nshapes;
    o.about = &c.about;
    o.custom_domains = options->custom_domains;
    o.ncustom_domains = options->ncustom_domains;
    c.has_preprocess = options->preprocess != NULL;
    if (options->preprocess)
        c.preprocess = *options->preprocess;
    TRY(onnx_import(path, &o, region, &c.g, report, err));
    if (options->task)
        TRY(add_decoding(&c, assumed, err));
    if (!options->no_optimise)
        TRY(onnx_optimise(&c.g, o.max_tensor_bytes, err));
    return write_all(&c, bytes, size, err);
}

infer_status convert_onnx(const char *path, const struct convert_options *options,
                          struct onnx_report *report, struct convert_assumed *assumed, void **bytes,
                          size_t *size, infer_error *err)
{
    struct infer__region region;
    struct convert_assumed ignored;
    assumed = assumed ? assumed : &ignored;
    *assumed = (struct convert_assumed){0};
    *bytes = NULL;
    *size = 0;
    infer__region_init(&region, NULL);
    infer_status status = convert_graph(path, options, &region, report, assumed, bytes, size, err);
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
    infer_load_options lo = INFER_LOAD_OPTIONS_INIT;
    lo.verify = options->verify != 0;
    if (!cli_ends_with(path, ".onnx"))
        return infer_load(path, &lo, model, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
    struct onnx_report report;
    size_t size;
    onnx_report_init(&report, NULL);
    infer_status status = convert_onnx(path, options, &report, NULL, bytes, &size, &err);
    if (status != INFER_OK)
        print_report(&report, path, 0);
    onnx_report_free(&report);
    if (status == INFER_OK)
        status = infer_load_memory(*bytes, size, NULL, model, &err);
    return status == INFER_OK ? CLI_OK : cli_fail(path, &err);
}
