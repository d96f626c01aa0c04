/* infer segment: pictures in, a class for each pixel out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "infer_draw.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/folder.h"
#include "tools/palette_png.h"
#include "tools/pictures.h"
#include "tools/png.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"
#include "tools/session_args.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"masks", "DIR", "write masks into this folder: PNGs whose pixels are classes"},
    {"draw", "DIR", "write pictures with their classes over them into this folder"},
    {"labels", "FILE", "labels, one a line, instead of the model's"},
    SHAPE_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    PREPROCESS_OPTIONS,
    {"json", NULL, "one JSON object"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "segment",
    "MODEL PICTURE|FOLDER... [OPTIONS]",
    "Tells the class of every pixel, and prints how much of each picture every class has.",
    "The model says how its outputs are read (infer convert --task segment); an .onnx file needs "
    "the\n"
    "options of preprocessing. Masks have the size of their picture and the colours of Pascal "
    "VOC.\n"
    "A picture that can't be read gives a message and the others go on; the exit status is then\n"
    "3.",
    "  infer convert deeplab.onnx --task segment --resize 513x513 --mean 127.5 --scale 0.00784314\n"
    "  infer segment deeplab.infer photos --masks out --draw out/drawn",
    options,
    2,
    INT_MAX};

struct segmenter {
    infer_model *model;
    infer_session *session;
    struct session_args session_args;
    infer_decoding decoding;
    char **labels;
    unsigned nlabels;
    const char *masks, *draw;
    int json;
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

static void print(const struct segmenter *s, const char *path, double ms, int first)
{
    size_t count[256] = {0}, all = (size_t)s->mask.width * (size_t)s->mask.height;
    char text[64];
    int listed = 0;
    for (size_t i = 0; i < all; i++)
        count[s->mask.pixels[i]]++;
    if (s->json) {
        printf("%s\n  {\"file\": ", first ? "" : ",");
        json_string(stdout, path);
        printf(", \"status\": \"INFER_OK\", \"width\": %d, \"height\": %d, \"ms\": %.4f, "
               "\"classes\": [",
               s->mask.width, s->mask.height, ms);
    } else {
        printf("%s: %d x %d, %.2f ms\n", path, s->mask.width, s->mask.height, ms);
    }
    for (int i = 0; i < 256; i++) {
        if (!count[i])
            continue;
        if (s->json) {
            printf("%s{\"index\": %d, \"label\": ", listed++ ? ", " : "", i);
            json_string(stdout, label_of(s, i, text));
            printf(", \"pixels\": %zu}", count[i]);
        } else {
            printf("  %6.2f %%  %s\n", 100 * (double)count[i] / (double)all, label_of(s, i, text));
        }
    }
    if (s->json)
        printf("]}");
}

/* ---- files ---------------------------------------------------------------------------------- */

static int write_png(const char *folder, const char *path, void *png, size_t size)
{
    char *to = png ? path_in(folder, base_name(path), ".png") : NULL;
    int status = CLI_RESOURCES;
    if (to)
        status = write_file(to, png, size);
    else
        fprintf(stderr, "infer: %s: no memory for a picture\n", path);
    free(to);
    free(png);
    return status;
}

static int write_mask(const struct segmenter *s, const char *path)
{
    size_t size = 0;
    void *png = palette_png(&s->mask, &size);
    return write_png(s->masks, path, png, size);
}

/* Half the picture, half the colour of its class, and what the colours stand for. */
static void paint(const struct segmenter *s, infer_image *image)
{
    char texts[256][64];
    const char *labels[256];
    infer_rgba colors[256];
    int there[256] = {0};
    const size_t all = (size_t)s->mask.width * (size_t)s->mask.height;
    const int background = s->decoding.background > 0 ? s->decoding.background : 0;
    for (size_t i = 0; i < all; i++)
        there[s->mask.pixels[i]] = 1;
    there[INFER_MASK_UNSEEN] = 0;
    for (int i = 0; i < 256; i++) {
        labels[i] = there[i] && i != background ? label_of(s, i, texts[i]) : NULL;
        colors[i] = infer_draw_palette(i);
    }
    infer_draw_classes(image, &s->mask, background, NULL, NULL);
    infer_draw_legend(image, labels, colors, 256, NULL, NULL);
}

static int write_drawn(const struct segmenter *s, const char *path)
{
    infer_image image;
    infer_error err;
    size_t size = 0;
    if (infer_image_load(path, NULL, &image, &err) != INFER_OK)
        return cli_fail(path, &err);
    paint(s, &image);
    void *png = png_bytes(&image, &size);
    infer_image_free(&image);
    return write_png(s->draw, path, png, size);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static int print_failure(const struct segmenter *s, const char *path, const infer_error *err,
                         int first)
{
    if (s->json) {
        printf("%s\n  {\"file\": ", first ? "" : ",");
        json_string(stdout, path);
        printf(", \"status\": \"%s\", \"error\": ", infer_status_name(err->status));
        json_string(stdout, err->message);
        putchar('}');
    }
    return cli_fail(path, err);
}

static int segment_one(struct segmenter *s, const char *path, int first)
{
    infer_error err = {.status = INFER_ERROR_IO, .message = "it can't be read"};
    size_t size;
    char *bytes = read_file(path, &size);
    const infer_picture picture = {.data = bytes, .bytes = size};
    const double start = cli_now_ms();
    infer_status status =
        bytes ? infer_segment(s->session, &picture, NULL, &s->mask, &err) : INFER_ERROR_IO;
    const double ms = cli_now_ms() - start;
    free(bytes);
    if (status != INFER_OK)
        return print_failure(s, path, &err, first);
    print(s, path, ms, first);
    int written = s->masks ? write_mask(s, path) : CLI_OK;
    return written == CLI_OK && s->draw ? write_drawn(s, path) : written;
}

static int segment_all(struct segmenter *s, const struct pictures *p)
{
    int status = CLI_OK, failed = 0;
    const int progress = p->count > 10 && isatty(2) && !isatty(1);
    if (s->json)
        printf("{\"pictures\": [");
    for (int i = 0; i < p->count; i++) {
        if (progress)
            fprintf(stderr, "\r%d of %d pictures", i + 1, p->count);
        const int now = segment_one(s, p->paths[i], i == 0);
        failed += now != CLI_OK;
        status = now > status ? now : status;
    }
    if (progress)
        fputc('\n', stderr);
    if (s->json)
        printf("], \"failed\": %d}\n", failed);
    else if (failed)
        fprintf(stderr, "infer: %d of %d pictures failed\n", failed, p->count);
    return status;
}

static int begin(struct segmenter *s, const struct cli_args *args)
{
    const char *path = args->positional[0];
    infer_error err;
    int status = CLI_OK;
    infer_decoding_init(&s->decoding, sizeof s->decoding);
    if (infer_model_decoding(s->model, &s->decoding, &err) != INFER_OK)
        return cli_fail(path, &err);
    if (s->decoding.task != INFER_TASK_SEGMENT)
        return cli_usage("%s: its answers are not masks: infer %s is for it", path,
                         s->decoding.task == INFER_TASK_DETECT ? "detect" : "classify");
    if (cli_has(args, "labels") &&
        !(s->labels = read_lines(cli_value(args, "labels"), &s->nlabels)))
        return CLI_BAD_INPUT;
    s->masks = cli_value(args, "masks");
    s->draw = cli_value(args, "draw");
    s->json = cli_has(args, "json");
    if (s->masks)
        status = make_folder(s->masks);
    if (status == CLI_OK && s->draw)
        status = make_folder(s->draw);
    if (status == CLI_OK &&
        infer_session_create(s->model, &s->session_args.options, &s->session, &err) != INFER_OK)
        status = cli_fail(path, &err);
    return status;
}

static int segment(struct segmenter *s, const struct cli_args *args)
{
    struct pictures p;
    int status = begin(s, args);
    if (status != CLI_OK)
        return status;
    status = pictures_list(args->positional + 1, args->npositional - 1, &p);
    if (status == CLI_OK)
        status = segment_all(s, &p);
    pictures_free(&p);
    return status;
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
