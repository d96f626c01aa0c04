/* infer picture: pictures in, pictures out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "tools/classifier.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/draw_out.h"
#include "tools/preprocess_args.h"
#include "tools/tensor_picture.h"

static const struct cli_option options[] = {
    {"output", "DIR|FILE.y4m", "where pictures are written: PNGs, or a video (also: -o)"},
    {"as", "KIND", "rgb, gray, luma (colours are the picture's) or alpha (a cut-out)"},
    {"range", "LOW,HIGH", "numbers that are black and white; auto: the least and the largest"},
    {"size", "WHOSE", "network (default) or picture: the picture's own; alpha is always that"},
    {"channel", "N", "the one channel that is shown (the first is 0)"},
    {"output-index", "N", "the output with the picture (default 0, the first)"},
    FRAMES_OPTIONS,
    {"json", NULL, "one JSON object"},
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "picture",
    "MODEL PICTURE... --output DIR [OPTIONS]",
    "Writes pictures that a network makes of others: style, super-resolution, depth, matting.",
    FRAMES_HELP
    "An output of three channels is rgb, of one gray, unless --as says otherwise. Black and white\n"
    "are what the preprocessing makes of them for rgb and luma, the least and the largest number\n"
    "for gray, and 0 and 1 for alpha. An .onnx file needs the options of preprocessing.",
    "  infer picture style.onnx photo.jpg --resize 720x720 -o out\n"
    "  infer picture superres.onnx small.png --resize 224x224 --color gray --scale 0.00392157 \\\n"
    "      --as luma -o out\n"
    "  infer picture depth.infer photos --size picture -o depth",
    options,
    1,
    INT_MAX};

enum kind { KIND_OWN, KIND_RGB, KIND_GRAY, KIND_LUMA, KIND_ALPHA };

struct painter {
    struct classifier c; /* which has the session */
    struct draw_out out;
    struct frames *frames;
    enum kind kind;
    const char *range_text;
    struct tensor_range range;
    int channel, of_picture, json;
};

/* ---- what numbers mean ---------------------------------------------------------------------- */

/* Levels 0 and 255 as the network sees them, by channel of the tensor. */
static void range_of_preprocess(const infer_preprocess *p, struct tensor_range *r)
{
    for (int k = 0; k < 3; k++) {
        r->low[k] = (0 - p->mean[k]) * p->scale[k];
        r->high[k] = (255 - p->mean[k]) * p->scale[k];
    }
}

static int choose_range(struct painter *p)
{
    float v[2];
    struct tensor_range *r = &p->range;
    *r = (struct tensor_range){.low = {0, 0, 0}, .high = {1, 1, 1}};
    if (p->range_text && strcmp(p->range_text, "auto") != 0) {
        const int n = cli_floats("range", p->range_text, v, 2);
        if (n != 2 || !(v[0] < v[1] || v[1] < v[0]))
            return n < 0 ? CLI_USAGE
                         : cli_usage("--range %s: two numbers that differ, or auto", p->range_text);
        for (int k = 0; k < 3; k++) {
            r->low[k] = v[0];
            r->high[k] = v[1];
        }
        return CLI_OK;
    }
    r->fit = p->range_text || p->kind == KIND_GRAY;
    if (p->kind == KIND_RGB || p->kind == KIND_LUMA || p->kind == KIND_OWN)
        range_of_preprocess(&p->c.preprocess, r);
    return CLI_OK;
}

/* ---- the pictures --------------------------------------------------------------------------- */

static void swap_colours(infer_image *image)
{
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++) {
        uint8_t *p = image->pixels + 3 * i, red = p[0];
        p[0] = p[2];
        p[2] = red;
    }
}

/* What comes out for a kind, of the picture that the output is. */
static infer_status combine(const struct painter *p, infer_image *made, const infer_image *picture,
                            infer_image *out, infer_error *err)
{
    const int colours = made->channels == 3;
    FAIL_IF(colours && p->kind != KIND_OWN && p->kind != KIND_RGB, INFER_ERROR_SHAPE,
            "the output has three channels; that is rgb (or give --channel)");
    FAIL_IF(!colours && p->kind == KIND_RGB, INFER_ERROR_SHAPE,
            "the output has one channel; that is gray, luma or alpha");
    if (p->kind == KIND_LUMA)
        return tensor_picture_luma(made, picture, out, err);
    if (p->kind == KIND_ALPHA)
        return tensor_picture_alpha(made, picture, out, err);
    if (!colours)
        return tensor_picture_grey(made, out, err);
    if (p->c.preprocess.color == INFER_COLOR_BGR)
        swap_colours(made);
    *out = *made;
    *made = (infer_image){0};
    return INFER_OK;
}

static infer_status paint(struct painter *p, struct frame *f, struct answer *a, infer_image *out,
                          infer_error *err)
{
    infer_transform transform = INFER_TRANSFORM_INIT;
    struct tensor_range range = p->range;
    infer_image made;
    TRY(classifier_look(&p->c, f, a, &transform, err));
    const infer_tensor *t = &p->c.outputs[p->c.output], *in = &p->c.input;
    const int last = p->c.preprocess.layout == INFER_LAYOUT_NHWC;
    TRY(tensor_picture(t, p->channel, &range, &made, err));
    if (made.channels == 1 && p->kind == KIND_OWN && !p->range_text) { /* gray, as it turns out */
        infer_image_free(&made);
        range.fit = 1;
        TRY(tensor_picture(t, p->channel, &range, &made, err));
    }
    infer_status status = INFER_OK;
    if (p->of_picture)
        status = tensor_picture_back(&made, &transform, (int32_t)in->dims[last ? 2 : 3],
                                     (int32_t)in->dims[last ? 1 : 2], err);
    if (status == INFER_OK)
        status = combine(p, &made, &a->image, out, err);
    infer_image_free(&made);
    return status;
}

static void print(const struct painter *p, const struct frame *f, const struct answer *a,
                  const infer_image *out, const char *written, const infer_error *err)
{
    if (!p->json && err->status == INFER_OK)
        printf("%s: %d x %d, %.2f ms%s%s\n", f->name, out->width, out->height, a->run_ms,
               written ? ", written: " : "", written ? written : "");
    if (!p->json)
        return;
    printf("{\"file\": ");
    json_string(stdout, f->name ? f->name : "");
    printf(", \"status\": \"%s\"", infer_status_name(err->status));
    if (err->status == INFER_OK) {
        printf(", \"width\": %d, \"height\": %d, \"run_ms\": %.4f", out->width, out->height,
               a->run_ms);
        if (written) {
            printf(", \"written\": ");
            json_string(stdout, written);
        }
    } else {
        printf(", \"error\": ");
        json_string(stdout, err->message);
    }
    putchar('}');
}

static int one(void *ctx, struct frame *f, long index)
{
    struct painter *p = ctx;
    struct answer a = {0};
    infer_image out = {0};
    infer_error err = f->err;
    char *written = NULL;
    int status = CLI_OK;
    if (err.status == INFER_OK && paint(p, f, &a, &out, &err) != INFER_OK)
        status = cli_fail(f->name, &err);
    if (err.status == INFER_OK)
        status = draw_out_write(&p->out, frames_rate(p->frames), &out, f->name, &written);
    if (p->json)
        printf("%s\n  ", index ? "," : "");
    print(p, f, &a, &out, written, &err);
    free(written);
    infer_image_free(&out);
    answer_free(&a);
    return status;
}

static int run_all(struct painter *p, const struct cli_args *args)
{
    long failed = 0;
    int status = frames_open(args, 1, &p->frames);
    if (status == CLI_OK) {
        if (p->json)
            printf("{\"pictures\": [");
        status = frames_each(p->frames, one, p, &failed);
        if (p->json)
            printf("], \"failed\": %ld}\n", failed);
        else
            frames_tell_failed(p->frames, failed);
    }
    frames_close(&p->frames);
    return status;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int read_arguments(struct painter *p, const struct cli_args *args)
{
    static const char *const kinds[] = {"", "rgb", "gray", "luma", "alpha"};
    const char *as = cli_value(args, "as"), *size = cli_value(args, "size");
    long output, channel;
    if (!cli_has(args, "output"))
        return cli_usage("picture: give --output DIR, or a file that ends in .y4m");
    for (int i = 1; as && i < 5; i++)
        if (strcmp(as, kinds[i]) == 0)
            p->kind = (enum kind)i;
    if (as && p->kind == KIND_OWN)
        return cli_usage("--as %s: rgb, gray, luma or alpha is needed", as);
    if (size && strcmp(size, "network") != 0 && strcmp(size, "picture") != 0)
        return cli_usage("--size %s: network or picture is needed", size);
    p->of_picture = p->kind == KIND_ALPHA || (size && strcmp(size, "picture") == 0);
    if (!cli_int(args, "output-index", 0, 1000, 0, &output) ||
        !cli_int(args, "channel", 0, 100000, -1, &channel))
        return CLI_USAGE;
    if ((size_t)output >= infer_model_outputs(p->c.model))
        return cli_usage("--output-index %ld: the model has %zu outputs, the first is 0", output,
                         infer_model_outputs(p->c.model));
    p->c.output = (size_t)output;
    p->channel = (int)channel;
    p->json = cli_has(args, "json");
    p->range_text = cli_value(args, "range");
    const int status = classifier_preprocess(&p->c, args, args->positional[0]);
    return status == CLI_OK ? choose_range(p) : status;
}

static int picture(struct painter *p, const struct cli_args *args)
{
    int status = read_arguments(p, args);
    if (status == CLI_OK)
        status = draw_out_open(&p->out, cli_value(args, "output"));
    if (status != CLI_OK)
        return status;
    if (p->out.video && p->kind == KIND_ALPHA)
        status = cli_usage("--as alpha: a video has none; give a folder");
    else
        status = run_all(p, args);
    const int closed = draw_out_close(&p->out);
    return status ? status : closed;
}

int cmd_picture(int argc, char **argv)
{
    struct cli_args args;
    struct painter p = {0};
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = session_args_parse(&args, &p.c.session_args)
                 ? open_model(args.positional[0], NULL, 0, &p.c.model, &bytes)
                 : CLI_USAGE;
    if (p.c.model)
        status = picture(&p, &args);
    classifier_free(&p.c);
    infer_model_free(&p.c.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
