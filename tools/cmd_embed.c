/* infer embed: pictures in, vectors out. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/frames.h"
#include "tools/preprocess_args.h"
#include "tools/session_args.h"

static const struct cli_option options[] = {
    {"compare", NULL, "print how alike each picture is to the first: the cosine of their vectors"},
    {"normalise", NULL, "vectors of length 1"},
    {"output-index", "N", "the output with the vector (default 0, the first)"},
    FRAMES_OPTIONS,
    {"json", NULL, "one JSON object"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each picture: file, then the vector, or the cosine"},
    SHAPE_OPTION,
    MAX_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "embed",
    "MODEL PICTURE... [OPTIONS]",
    "Turns pictures into vectors, or tells how alike they are.",
    FRAMES_HELP
    "The vector is all that an output has for a picture. An .onnx file needs the options of\n"
    "preprocessing; a model that has classes has a vector before its last layer (infer edit --to).",
    "  infer embed features.infer photos --csv\n"
    "  infer embed features.infer a.jpg b.jpg c.jpg --compare",
    options,
    1,
    INT_MAX};

enum form { TEXT, JSON, JSONL, CSV };

struct embedder {
    infer_session *session;
    float *vector, *first; /* of this picture and of the first */
    size_t length;
    int compare, any; /* whether there is a first one */
    uint32_t output, normalise;
    enum form form;
    double ms, cosine;
};

/* ---- printing ------------------------------------------------------------------------------- */

static void print_json(const struct embedder *e, const struct frame *f, const infer_error *err)
{
    printf("{\"file\": ");
    json_string(stdout, f->name ? f->name : "");
    printf(", \"status\": \"%s\"", infer_status_name(err->status));
    if (err->status != INFER_OK) {
        printf(", \"error\": ");
        json_string(stdout, err->message);
        putchar('}');
        return;
    }
    printf(", \"ms\": %.4f, ", e->ms);
    if (e->compare) {
        printf("\"cosine\": ");
        json_number(stdout, e->cosine);
    } else {
        printf("\"vector\": [");
        for (size_t i = 0; i < e->length; i++) {
            printf("%s", i ? ", " : "");
            json_number(stdout, (double)e->vector[i]);
        }
        putchar(']');
    }
    putchar('}');
}

static void print_csv(const struct embedder *e, const struct frame *f)
{
    csv_string(stdout, f->name);
    if (e->compare)
        printf(",%.9g", e->cosine);
    for (size_t i = 0; !e->compare && i < e->length; i++)
        printf(",%.9g", (double)e->vector[i]);
    putchar('\n');
}

static void print_text(const struct embedder *e, const struct frame *f)
{
    double square = 0;
    if (e->compare) {
        printf("%8.5f  %s\n", e->cosine, f->name);
        return;
    }
    for (size_t i = 0; i < e->length; i++)
        square += (double)e->vector[i] * (double)e->vector[i];
    printf("%s: %zu numbers, length %.5g, %.2f ms\n ", f->name, e->length, sqrt(square), e->ms);
    for (size_t i = 0; i < e->length && i < 8; i++)
        printf(" %.5g", (double)e->vector[i]);
    printf("%s\n", e->length > 8 ? " ..." : "");
}

/* ---- the pictures --------------------------------------------------------------------------- */

/* The cosine of the angle between the first vector and this; NaN where one of them is 0. */
static double cosine_of(const struct embedder *e)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < e->length; i++) {
        const double a = (double)e->first[i], b = (double)e->vector[i];
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

static int one(void *ctx, struct frame *f, long index)
{
    struct embedder *e = ctx;
    const infer_embed_options o = {
        .size = sizeof o, .output = e->output, .normalise = e->normalise};
    infer_error err = f->err;
    int status = CLI_OK;
    const double start = cli_now_ms();
    if (err.status == INFER_OK &&
        infer_embed(e->session, &f->picture, 1, &o, e->vector, e->length, &err) != INFER_OK)
        status = cli_fail(f->name, &err);
    e->ms = cli_now_ms() - start;
    if (err.status == INFER_OK && !e->any) {
        memcpy(e->first, e->vector, e->length * sizeof *e->first);
        e->any = 1;
    }
    e->cosine = e->compare && err.status == INFER_OK ? cosine_of(e) : 0;
    if (e->form == JSON)
        printf("%s\n  ", index ? "," : "");
    if (e->form == JSON || e->form == JSONL)
        print_json(e, f, &err);
    if (e->form == JSONL)
        putchar('\n');
    if (e->form == CSV && err.status == INFER_OK)
        print_csv(e, f);
    if (e->form == TEXT && err.status == INFER_OK)
        print_text(e, f);
    return status;
}

static int run_all(struct embedder *e, const struct cli_args *args)
{
    struct frames *frames;
    long failed = 0;
    int status = frames_open(args, 1, &frames);
    if (status == CLI_OK) {
        if (e->form == JSON)
            printf("{\"pictures\": [");
        status = frames_each(frames, one, e, &failed);
        if (e->form == JSON)
            printf("], \"failed\": %ld}\n", failed);
        else
            frames_tell_failed(frames, failed);
    }
    frames_close(&frames);
    return status;
}

/* How long the vector is, by the output's shape and the session's batch of 1. */
static int make_room(struct embedder *e, const char *path)
{
    infer_value_info info = INFER_VALUE_INFO_INIT;
    infer_error err;
    if (infer_session_output(e->session, e->output, &info, &err) != INFER_OK)
        return cli_fail(path, &err);
    e->length = 1;
    for (int i = 0; i < info.rank; i++)
        e->length *= (size_t)info.dims[i];
    e->vector = calloc(e->length + 1, sizeof *e->vector);
    e->first = calloc(e->length + 1, sizeof *e->first);
    if (e->vector && e->first)
        return CLI_OK;
    fprintf(stderr, "infer: %s: no memory for vectors of %zu numbers\n", path, e->length);
    return CLI_RESOURCES;
}

static int embed(struct embedder *e, const struct cli_args *args, infer_model *model,
                 const infer_session_options *how)
{
    const char *path = args->positional[0];
    infer_preprocess stored = INFER_PREPROCESS_INIT;
    infer_error err;
    long output;
    if (!cli_int(args, "output-index", 0, 1000, 0, &output))
        return CLI_USAGE;
    if ((size_t)output >= infer_model_outputs(model))
        return cli_usage("--output-index %ld: the model has %zu outputs, the first is 0", output,
                         infer_model_outputs(model));
    e->output = (uint32_t)output;
    e->compare = cli_has(args, "compare");
    e->normalise = (uint32_t)cli_has(args, "normalise");
    e->form = cli_has(args, "json")    ? JSON
              : cli_has(args, "jsonl") ? JSONL
              : cli_has(args, "csv")   ? CSV
                                       : TEXT;
    if (infer_model_preprocess(model, &stored, &err) == INFER_ERROR_UNSUPPORTED)
        return cli_usage("%s: no preprocessing is stored in it; an .onnx file takes --resize, "
                         "--mean, --scale ..., a .infer file has them from infer convert",
                         path);
    if (infer_session_create(model, how, &e->session, &err) != INFER_OK)
        return cli_fail(path, &err);
    const int status = make_room(e, path);
    return status == CLI_OK ? run_all(e, args) : status;
}

int cmd_embed(int argc, char **argv)
{
    struct cli_args args;
    struct session_args session_args = {0};
    struct embedder e = {0};
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    infer_model *model = NULL;
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    struct convert_options o = {0};
    const int good =
        session_args_parse(&args, &session_args) && preprocess_args_apply(&args, &preprocess);
    o.shapes = session_args.shapes;
    o.nshapes = session_args.nshapes;
    o.preprocess = preprocess_args_given(&args) ? &preprocess : NULL;
    status = good ? open_model_with(args.positional[0], &o, &model, &bytes) : CLI_USAGE;
    if (model)
        status = embed(&e, &args, model, &session_args.options);
    infer_session_free(&e.session);
    free(e.vector);
    free(e.first);
    session_args_free(&session_args);
    infer_model_free(&model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
