/* infer segment: pictures in, a class for each pixel out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/draw_out.h"
#include "tools/folder.h"
#include "tools/paint.h"
#include "tools/palette_png.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "tools/session_args.h"
#include "tools/task.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"masks", "DIR", "write masks into this folder: PNGs whose pixels are classes"},
    DRAW_OPTION,
    {"labels", "FILE", "labels, one a line, instead of the model's"},
    FRAMES_OPTIONS,
    FAST_DECODE_OPTION,
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {"json", NULL, "one JSON object"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each class of a picture: file, label, class, pixels, share"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "segment",
    "MODEL PICTURE... [OPTIONS]",
    "Tells the class of every pixel, and prints how much of each picture every class has.",
    FRAMES_HELP
    "The model says how its outputs are read (infer convert --task segment); an .onnx file needs "
    "the\n"
    "options of preprocessing. Masks have the size of their picture and the colours of Pascal "
    "VOC.\n"
    "A picture that can't be read gives a message and the others go on; the exit status is then\n"
    "3.",
    "  infer convert deeplab.onnx --task segment --resize 513x513 --mean 127.5 --scale 0.00784314\n"
    "  infer segment deeplab.infer photos --masks out --draw out/drawn",
    options,
    1,
    INT_MAX};

struct segmenter {
    infer_model *model;
    infer_session *session;
    struct session_args session_args;
    infer_decoding decoding;
    char **labels;
    unsigned nlabels;
    const char *masks;
    struct draw_out out;
    struct frames *frames;
    enum { TEXT, JSON, JSONL, CSV } form;
    infer_image mask; /* of the last picture */
};

/* ---- printing ------------------------------------------------------------------------------- */

static const char *label_of(const struct segmenter *s, int index, char text[64])
{
    const int64_t at = (int64_t)index + s->decoding.label_first;
    const char *label = NULL;
    if (index == INFER_MASK_UNSEEN)
        label = "not seen";
    else if (at >= 0 && s->labels)
        label = at < s->nlabels ? s->labels[at] : NULL;
    else if (at >= 0)
        label = infer_model_label(s->model, (size_t)at);
    if (label)
        snprintf(text, 64, "%s", label);
    else
        snprintf(text, 64, "class %d", index);
    return text;
}

/* Text, JSON or CSV of one class: `i` of those that there are. */
static void print_class(const struct segmenter *s, const struct frame *f, int class, size_t pixels,
                        int i)
{
    char text[64];
    const double share = (double)pixels / ((double)f->width * f->height);
    label_of(s, class, text);
    if (s->form == TEXT) {
        printf("  %6.2f %%  %s\n", 100 * share, text);
    } else if (s->form == CSV) {
        csv_string(stdout, f->name);
        putchar(',');
        csv_string(stdout, text);
        printf(",%d,%zu,%.6f\n", class, pixels, share);
    } else {
        printf("%s{\"index\": %d, \"label\": ", i ? ", " : "", class);
        json_string(stdout, text);
        printf(", \"pixels\": %zu}", pixels);
    }
}

static void print(const struct segmenter *s, const struct frame *f, double ms)
{
    size_t count[256] = {0}, all = (size_t)s->mask.width * (size_t)s->mask.height;
    int listed = 0;
    for (size_t i = 0; i < all; i++)
        count[s->mask.pixels[i]]++;
    if (s->form == JSON || s->form == JSONL) {
        printf("{\"file\": ");
        json_string(stdout, f->name);
        printf(", \"status\": \"INFER_OK\", \"width\": %d, \"height\": %d, \"ms\": %.4f, "
               "\"classes\": [",
               s->mask.width, s->mask.height, ms);
    } else if (s->form == TEXT) {
        printf("%s: %d x %d, %.2f ms\n", f->name, s->mask.width, s->mask.height, ms);
    }
    for (int i = 0; i < 256; i++)
        if (count[i])
            print_class(s, f, i, count[i], listed++);
    if (s->form == JSON || s->form == JSONL)
        printf("]}");
}

static void print_failure(const struct segmenter *s, const struct frame *f, const infer_error *err)
{
    if (s->form != JSON && s->form != JSONL)
        return;
    printf("{\"file\": ");
    json_string(stdout, f->name ? f->name : "");
    printf(", \"status\": \"%s\", \"error\": ", infer_status_name(err->status));
    json_string(stdout, err->message);
    putchar('}');
}

/* ---- files ---------------------------------------------------------------------------------- */

static int write_mask(const struct segmenter *s, const char *name)
{
    size_t size = 0;
    void *png = palette_png(&s->mask, &size);
    char *to = png ? path_in(s->masks, base_name(name), ".png") : NULL;
    int status = CLI_RESOURCES;
    if (to)
        status = write_file(to, png, size);
    else
        fprintf(stderr, "infer: %s: no memory for a picture\n", name);
    free(to);
    free(png);
    return status;
}

/* Half the picture, half the colour of its class, and what the colours stand for. */
static void paint(const struct segmenter *s, infer_image *image)
{
    char texts[256][64];
    const char *labels[256];
    for (int i = 0; i < 256; i++)
        labels[i] = label_of(s, i, texts[i]);
    paint_classes(image, &s->mask, s->decoding.background, labels);
}

static int write_drawn(struct segmenter *s, struct frame *f)
{
    infer_image image;
    infer_error err;
    char *written;
    if (frame_image(f, &image, &err) != INFER_OK)
        return cli_fail(f->name, &err);
    paint(s, &image);
    const int status = draw_out_write(&s->out, frames_rate(s->frames), &image, f->name, &written);
    infer_image_free(&image);
    free(written);
    return status;
}

/* ---- the pictures --------------------------------------------------------------------------- */

static int one(void *ctx, struct frame *f, long index)
{
    struct segmenter *s = ctx;
    infer_error err = f->err;
    int status = CLI_OK;
    const infer_image_options fast = {.size = sizeof fast, .fast_decode = 1};
    const infer_segment_options o = {.size = sizeof o, .image = &fast};
    const double start = cli_now_ms();
    if (s->form == JSON)
        printf("%s\n  ", index ? "," : "");
    if (err.status == INFER_OK &&
        infer_segment(s->session, &f->picture, f->picture.bytes ? &o : NULL, &s->mask, &err) !=
            INFER_OK)
        status = cli_fail(f->name, &err);
    if (err.status == INFER_OK)
        print(s, f, cli_now_ms() - start);
    else
        print_failure(s, f, &err);
    if (s->form == JSONL)
        putchar('\n');
    if (err.status == INFER_OK && s->masks)
        status = write_mask(s, f->name);
    if (err.status == INFER_OK && s->out.where && status == CLI_OK)
        status = write_drawn(s, f);
    return status;
}

static int segment_all(struct segmenter *s, const struct cli_args *args)
{
    long failed = 0;
    int status = frames_open(args, 1, &s->frames);
    if (status == CLI_OK) {
        if (s->form == JSON)
            printf("{\"pictures\": [");
        if (s->form == CSV)
            printf("file,label,class,pixels,share\n");
        status = frames_each(s->frames, one, s, &failed);
        if (s->form == JSON)
            printf("], \"failed\": %ld}\n", failed);
        else
            frames_tell_failed(s->frames, failed);
    }
    frames_close(&s->frames);
    return status;
}

static int segment(struct segmenter *s, const struct cli_args *args)
{
    const char *path = args->positional[0];
    infer_error err;
    infer_decoding_init(&s->decoding, sizeof s->decoding);
    if (infer_model_decoding(s->model, &s->decoding, &err) != INFER_OK)
        return task_unknown(path, s->model, &err);
    if (s->decoding.task != INFER_TASK_SEGMENT)
        return cli_usage("%s: its answers are %s, not masks: %s is for it", path,
                         task_answers(s->decoding.task), task_command(s->decoding.task));
    if (cli_has(args, "labels") &&
        !(s->labels = read_lines(cli_value(args, "labels"), &s->nlabels)))
        return CLI_BAD_INPUT;
    s->masks = cli_value(args, "masks");
    s->form = cli_has(args, "json")    ? JSON
              : cli_has(args, "jsonl") ? JSONL
              : cli_has(args, "csv")   ? CSV
                                       : TEXT;
    int status = s->masks ? make_folder(s->masks) : CLI_OK;
    if (status == CLI_OK &&
        infer_session_create(s->model, &s->session_args.options, &s->session, &err) != INFER_OK)
        status = cli_fail(path, &err);
    if (status == CLI_OK)
        status = draw_out_open(&s->out, cli_value(args, "draw"));
    if (status != CLI_OK)
        return status;
    status = segment_all(s, args);
    const int closed = draw_out_close(&s->out);
    return status ? status : closed;
}

int cmd_segment(int argc, char **argv)
{
    struct cli_args args;
    struct segmenter s = {0};
    infer_preprocess preprocess = INFER_PREPROCESS_INIT;
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    struct convert_options o = {.task = "segment"};
    const int good =
        session_args_parse(&args, &s.session_args) && preprocess_args_apply(&args, &preprocess);
    o.shapes = s.session_args.shapes;
    o.nshapes = s.session_args.nshapes;
    o.preprocess = preprocess_args_given(&args) ? &preprocess : NULL;
    status = good ? open_model_with(args.positional[0], &o, &s.model, &bytes) : CLI_USAGE;
    if (s.model)
        status = segment(&s, &args);
    infer_image_free(&s.mask);
    infer_session_free(&s.session);
    session_args_free(&s.session_args);
    free(s.labels);
    infer_model_free(&s.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
