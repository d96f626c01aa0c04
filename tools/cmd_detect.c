/* infer detect: pictures in, boxes out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "tools/commands.h"
#include "tools/convert.h"
#include "tools/detector.h"
#include "tools/folder.h"
#include "tools/pictures.h"
#include "tools/preprocess_args.h"
#include "tools/read_file.h"

static const struct cli_option options[] = {
    {"task", "NAME", "of an .onnx file: how its outputs are read (default: auto)"},
    {"score", "N", "boxes of a higher score count (default: the model's threshold)"},
    {"iou", "N", "of two boxes that overlap by more one goes (default: the model's)"},
    {"most", "N", "boxes of a picture (default 300)"},
    {"labels", "FILE", "labels, one a line, instead of the model's"},
    {"draw", "DIR", "write each picture with its boxes as a PNG into this folder"},
    SHAPE_OPTION,
    MAX_OPTION,
    THREADS_OPTION,
    ISA_OPTIONS,
    {"json", NULL, "one JSON object"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each box: file, label, class, score, x0, y0, x1, y1"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "detect",
    "MODEL PICTURE|FOLDER... [OPTIONS]",
    "Finds things in pictures, and prints their boxes in pixels of the picture.",
    "The model says how its outputs are read (infer convert --task); for an .onnx file it is "
    "worked\n"
    "out, and said. A picture that can't be read gives a message and the others go on; the exit\n"
    "status is then 3.",
    "  infer convert yolov8n.onnx --task yolov8 --labels coco.txt\n"
    "  infer detect yolov8n.infer street.jpg --draw out\n"
    "  infer detect yolov8n.infer photos --jsonl --score 0.5",
    options,
    2,
    INT_MAX};

enum form { TEXT, JSON, JSONL, CSV };

/* ---- printing ------------------------------------------------------------------------------- */

static void print_text(const struct detector *d, const char *path, const struct detected *a)
{
    printf("%s: %zu found, %.2f ms\n", path, a->found, a->ms);
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        char label[64];
        printf("  %.4f  %-20s %8.2f %8.2f %8.2f %8.2f\n", (double)b->score,
               detector_label(d, b->index, label, sizeof label), (double)b->x0, (double)b->y0,
               (double)b->x1, (double)b->y1);
    }
    if (a->drawn)
        printf("  written: %s\n", a->drawn);
}

static void print_points(const struct detector *d, const struct detected *a, size_t i)
{
    const size_t n = (size_t)d->decoding.points_count;
    printf(", \"points\": [");
    for (size_t k = 0; k < n; k++) {
        const infer_point *p = &a->points[i * n + k];
        printf("%s[", k ? ", " : "");
        json_number(stdout, (double)p->x);
        printf(", ");
        json_number(stdout, (double)p->y);
        printf(", ");
        json_number(stdout, (double)p->score);
        putchar(']');
    }
    putchar(']');
}

static void print_json(const struct detector *d, const char *path, const struct detected *a,
                       const infer_error *err)
{
    printf("{\"file\": ");
    json_string(stdout, path);
    printf(", \"status\": \"%s\"", infer_status_name(err->status));
    if (err->status != INFER_OK) {
        printf(", \"error\": ");
        json_string(stdout, err->message);
        putchar('}');
        return;
    }
    printf(", \"ms\": %.4f, \"boxes\": [", a->ms);
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        const float corners[] = {b->x0, b->y0, b->x1, b->y1};
        char label[64];
        printf("%s{\"label\": ", i ? ", " : "");
        json_string(stdout, detector_label(d, b->index, label, sizeof label));
        printf(", \"index\": %d, \"score\": ", b->index);
        json_number(stdout, (double)b->score);
        printf(", \"box\": [");
        for (int k = 0; k < 4; k++) {
            printf("%s", k ? ", " : "");
            json_number(stdout, (double)corners[k]);
        }
        putchar(']');
        if (d->decoding.angle >= 0) {
            printf(", \"angle\": ");
            json_number(stdout, (double)b->angle);
        }
        if (a->points)
            print_points(d, a, i);
        putchar('}');
    }
    putchar(']');
    if (a->drawn) {
        printf(", \"drawn\": ");
        json_string(stdout, a->drawn);
    }
    putchar('}');
}

static void print_csv(const struct detector *d, const char *path, const struct detected *a)
{
    for (size_t i = 0; i < a->found; i++) {
        const infer_box *b = &a->boxes[i];
        char label[64];
        csv_string(stdout, path);
        putchar(',');
        csv_string(stdout, detector_label(d, b->index, label, sizeof label));
        printf(",%d,%.9g,%.9g,%.9g,%.9g,%.9g", b->index, (double)b->score, (double)b->x0,
               (double)b->y0, (double)b->x1, (double)b->y1);
        if (d->decoding.angle >= 0)
            printf(",%.9g", (double)b->angle);
        putchar('\n');
    }
}

static void print(const struct detector *d, enum form form, const char *path,
                  const struct detected *a, const infer_error *err, int first)
{
    if (form == JSON)
        printf("%s\n  ", first ? "" : ",");
    if (form == JSON || form == JSONL)
        print_json(d, path, a, err);
    if (form == JSONL)
        putchar('\n');
    if (form == CSV && err->status == INFER_OK)
        print_csv(d, path, a);
    if (form == TEXT && err->status == INFER_OK)
        print_text(d, path, a);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static int detect_one(struct detector *d, const char *path, enum form form, int first)
{
    struct detected a = {0};
    infer_error err;
    int status = CLI_OK;
    if (detector_run(d, path, &a, &err) != INFER_OK)
        status = cli_fail(path, &err);
    else if (d->draw)
        status = detector_draw(d, path, &a);
    print(d, form, path, &a, &err, first);
    detected_free(&a);
    return status;
}

static int detect_all(struct detector *d, const struct pictures *p, enum form form)
{
    int status = CLI_OK, failed = 0;
    const int progress = p->count > 10 && isatty(2) && !isatty(1);
    if (form == JSON)
        printf("{\"pictures\": [");
    if (form == CSV)
        printf("file,label,class,score,x0,y0,x1,y1%s\n", d->decoding.angle >= 0 ? ",angle" : "");
    for (int i = 0; i < p->count; i++) {
        if (progress)
            fprintf(stderr, "\r%d of %d pictures", i + 1, p->count);
        const int now = detect_one(d, p->paths[i], form, i == 0);
        failed += now != CLI_OK;
        status = now > status ? now : status;
    }
    if (progress)
        fputc('\n', stderr);
    if (form == JSON)
        printf("], \"failed\": %d}\n", failed);
    else if (failed)
        fprintf(stderr, "infer: %d of %d pictures failed\n", failed, p->count);
    return status;
}

static int detect(struct detector *d, const struct cli_args *args)
{
    long most;
    struct pictures p;
    const enum form form = cli_has(args, "json")    ? JSON
                           : cli_has(args, "jsonl") ? JSONL
                           : cli_has(args, "csv")   ? CSV
                                                    : TEXT;
    if (!cli_int(args, "most", 1, 100000, 300, &most))
        return CLI_USAGE;
    d->most = (size_t)most;
    if (cli_has(args, "labels") &&
        !(d->labels = read_lines(cli_value(args, "labels"), &d->nlabels)))
        return CLI_BAD_INPUT;
    d->draw = cli_value(args, "draw");
    int status = d->draw ? make_folder(d->draw) : CLI_OK;
    if (status == CLI_OK)
        status = detector_begin(d, args->positional[0]);
    if (status != CLI_OK)
        return status;
    status = pictures_list(args->positional + 1, args->npositional - 1, &p);
    if (status == CLI_OK)
        status = detect_all(d, &p, form);
    pictures_free(&p);
    return status;
}

int cmd_detect(int argc, char **argv)
{
    struct cli_args args;
    struct detector d = {0};
    void *bytes = NULL;
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    struct convert_options o = {.task = cli_has(&args, "task") ? cli_value(&args, "task") : "auto"};
    const int good = session_args_parse(&args, &d.session_args) &&
                     cli_float(&args, "score", 0, 1, 0, &d.score) &&
                     cli_float(&args, "iou", 0, 1, 0, &d.iou);
    o.shapes = d.session_args.shapes;
    o.nshapes = d.session_args.nshapes;
    status = good ? open_model_with(args.positional[0], &o, &d.model, &bytes) : CLI_USAGE;
    if (d.model)
        status = detect(&d, &args);
    detector_free(&d);
    infer_model_free(&d.model);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return status;
}
