/* infer read: pictures in, text out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/commands.h"
#include "tools/draw_out.h"
#include "tools/frames.h"
#include "tools/read_file.h"
#include "tools/reader.h"

static const struct cli_option options[] = {
    {"upright", "MODEL", "a classifier that tells whether a line is upside down (class 1)"},
    {"labels", "FILE", "the reader's characters, one a line, where MODEL is an .onnx file"},
    {"score", "N", "regions of a higher score count (default: the model's threshold)"},
    {"threshold", "N", "pixels more likely than this are text (default 0.3)"},
    {"unclip", "N", "how far regions grow (default 1.5)"},
    {"most", "N", "lines of a picture (default 1000)"},
    DRAW_OPTION,
    FRAMES_OPTIONS,
    THREADS_OPTION,
    ISA_OPTIONS,
    {"json", NULL, "one JSON object"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each line: file, text, score, region_score, x0, y0 ... x3, y3"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "read",
    "[DETECTOR] READER PICTURE... [OPTIONS]",
    "Finds text in pictures and reads it, line by line.",
    FRAMES_HELP
    "DETECTOR finds lines (infer convert --task text-regions), READER says what a line says "
    "(--task\n"
    "text); for .onnx files that is worked out. Without DETECTOR each picture is a line; without\n"
    "READER lines are found, but not read. Corners are in pixels of the picture: the text's upper\n"
    "left one, then clockwise. A picture that can't be read gives a message and the others go on;\n"
    "the exit status is then 3.",
    "  infer convert rec.onnx --task text --labels characters.txt\n"
    "  infer read det.onnx rec.infer page.jpg --upright cls.onnx --draw out\n"
    "  infer read rec.infer lines --csv",
    options,
    1,
    INT_MAX};

struct command_state {
    struct reader r;
    struct frames *frames;
    struct draw_out out;
    enum { TEXT, JSON, JSONL, CSV } form;
};

/* ---- printing ------------------------------------------------------------------------------- */

static void print_text(const struct reader *r, const char *path, const struct reading *a)
{
    printf("%s: %zu lines, %.2f ms\n", path, a->found, a->ms);
    for (size_t i = 0; i < a->found; i++) {
        const struct read_line *l = &a->lines[i];
        printf("  %.4f ", (double)(r->text.model ? l->text.score : l->quad.score));
        for (int k = 0; k < 4 && r->regions.model; k++)
            printf(" %.1f,%.1f", (double)l->quad.x[k], (double)l->quad.y[k]);
        printf("%s%s\n", r->text.model ? "  " : "", r->text.model ? l->text.text : "");
    }
}

static void print_line(const struct reader *r, const struct read_line *l)
{
    putchar('{');
    if (r->text.model) {
        printf("\"text\": ");
        json_string(stdout, l->text.text);
        printf(", \"score\": ");
        json_number(stdout, (double)l->text.score);
        printf("%s", r->regions.model || r->upright.model ? ", " : "");
    }
    if (r->upright.model)
        printf("\"turned\": %s%s", l->turned ? "true" : "false", r->regions.model ? ", " : "");
    if (r->regions.model) {
        printf("\"region_score\": ");
        json_number(stdout, (double)l->quad.score);
        printf(", \"quad\": [");
        for (int k = 0; k < 4; k++) {
            printf("%s[", k ? ", " : "");
            json_number(stdout, (double)l->quad.x[k]);
            printf(", ");
            json_number(stdout, (double)l->quad.y[k]);
            putchar(']');
        }
        putchar(']');
    }
    putchar('}');
}

static void print_json(const struct reader *r, const char *path, const struct reading *a,
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
    printf(", \"ms\": %.4f, \"lines\": [", a->ms);
    for (size_t i = 0; i < a->found; i++) {
        printf("%s", i ? ", " : "");
        print_line(r, &a->lines[i]);
    }
    printf("]}");
}

/* Fields of a model that there is not are empty. */
static void print_csv(const struct reader *r, const char *path, const struct reading *a)
{
    for (size_t i = 0; i < a->found; i++) {
        const struct read_line *l = &a->lines[i];
        csv_string(stdout, path);
        putchar(',');
        if (r->text.model) {
            csv_string(stdout, l->text.text);
            printf(",%.9g,", (double)l->text.score);
        } else {
            printf(",,");
        }
        if (r->regions.model)
            printf("%.9g", (double)l->quad.score);
        for (int k = 0; k < 4; k++)
            if (r->regions.model)
                printf(",%.9g,%.9g", (double)l->quad.x[k], (double)l->quad.y[k]);
            else
                printf(",,");
        putchar('\n');
    }
}

static void print(const struct command_state *c, const struct frame *f, const struct reading *a,
                  const infer_error *err)
{
    const char *name = f->name ? f->name : "";
    if (c->form == JSON || c->form == JSONL)
        print_json(&c->r, name, a, err);
    if (c->form == JSONL)
        putchar('\n');
    if (c->form == CSV && err->status == INFER_OK)
        print_csv(&c->r, name, a);
    if (c->form == TEXT && err->status == INFER_OK)
        print_text(&c->r, name, a);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static int write_drawn(struct command_state *c, struct frame *f, const struct reading *a)
{
    infer_image image;
    infer_error err;
    char *written;
    if (frame_image(f, &image, &err) != INFER_OK)
        return cli_fail(f->name, &err);
    reader_paint(a, &image);
    const int status = draw_out_write(&c->out, frames_rate(c->frames), &image, f->name, &written);
    infer_image_free(&image);
    free(written);
    return status;
}

static int read_one(void *ctx, struct frame *f, long index)
{
    struct command_state *c = ctx;
    struct reading a = {0};
    infer_error err = f->err;
    int status = CLI_OK;
    if (c->form == JSON)
        printf("%s\n  ", index ? "," : "");
    if (err.status == INFER_OK && reader_run(&c->r, &f->picture, &a, &err) != INFER_OK)
        status = cli_fail(f->name, &err);
    print(c, f, &a, &err);
    if (err.status == INFER_OK && c->out.where)
        status = write_drawn(c, f, &a);
    reading_free(&a);
    return status;
}

static int read_all(struct command_state *c)
{
    long failed = 0;
    if (c->form == JSON)
        printf("{\"pictures\": [");
    if (c->form == CSV)
        printf("file,text,score,region_score,x0,y0,x1,y1,x2,y2,x3,y3\n");
    const int status = frames_each(c->frames, read_one, c, &failed);
    if (c->form == JSON)
        printf("], \"failed\": %ld}\n", failed);
    else
        frames_tell_failed(c->frames, failed);
    return status;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static int is_model(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".onnx") == 0 || strcmp(dot, ".infer") == 0);
}

/* Opens one model or two; *models is how many. */
static int open_models(struct reader *r, const struct cli_args *args, int *models)
{
    *models = 1 + (args->npositional > 1 && is_model(args->positional[1]));
    for (int i = 0; i < *models; i++) {
        const int status = reader_add(r, args->positional[i]);
        if (status != CLI_OK)
            return status;
    }
    if (!cli_has(args, "upright"))
        return CLI_OK;
    return reader_add_upright(r, cli_value(args, "upright"));
}

static int read_options(struct reader *r, const struct cli_args *args)
{
    long most;
    if (!session_args_parse(args, &r->session_args) ||
        !cli_float(args, "score", 0, 1, 0, &r->how.score_threshold) ||
        !cli_float(args, "threshold", 0, 1, 0, &r->how.map_threshold) ||
        !cli_float(args, "unclip", 0, 100, 0, &r->how.unclip) ||
        !cli_int(args, "most", 1, 100000, 1000, &most))
        return CLI_USAGE;
    r->most = (size_t)most;
    if (cli_has(args, "labels") &&
        !(r->labels = read_lines(cli_value(args, "labels"), &r->nlabels)))
        return CLI_BAD_INPUT;
    return CLI_OK;
}

int cmd_read(int argc, char **argv)
{
    struct cli_args args;
    struct command_state c = {.r = {.how = INFER_TEXT_REGIONS_OPTIONS_INIT}};
    int status, models = 0;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    c.form = cli_has(&args, "json")    ? JSON
             : cli_has(&args, "jsonl") ? JSONL
             : cli_has(&args, "csv")   ? CSV
                                       : TEXT;
    status = read_options(&c.r, &args);
    if (status == CLI_OK)
        status = open_models(&c.r, &args, &models);
    if (status == CLI_OK)
        status = draw_out_open(&c.out, cli_value(&args, "draw"));
    if (status == CLI_OK) {
        status = frames_open(&args, models, &c.frames);
        status = status == CLI_OK ? read_all(&c) : status;
        frames_close(&c.frames);
        const int closed = draw_out_close(&c.out);
        status = status ? status : closed;
    }
    reader_free(&c.r);
    return status;
}
