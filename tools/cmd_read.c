/* infer read: pictures in, text out. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/folder.h"
#include "tools/pictures.h"
#include "tools/read_file.h"
#include "tools/reader.h"

static const struct cli_option options[] = {
    {"upright", "MODEL", "a classifier that tells whether a line is upside down (class 1)"},
    {"labels", "FILE", "the reader's characters, one a line, where MODEL is an .onnx file"},
    {"score", "N", "regions of a higher score count (default: the model's threshold)"},
    {"threshold", "N", "pixels more likely than this are text (default 0.3)"},
    {"unclip", "N", "how far regions grow (default 1.5)"},
    {"most", "N", "lines of a picture (default 1000)"},
    {"draw", "DIR", "write each picture with its lines as a PNG into this folder"},
    THREADS_OPTION,
    ISA_OPTIONS,
    {"json", NULL, "one JSON object"},
    {"jsonl", NULL, "a JSON object for each picture, in a line"},
    {"csv", NULL, "a line for each line: file, text, score, region_score, x0, y0 ... x3, y3"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "read",
    "[DETECTOR] READER PICTURE|FOLDER... [OPTIONS]",
    "Finds text in pictures and reads it, line by line.",
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
    2,
    INT_MAX};

enum form { TEXT, JSON, JSONL, CSV };

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
    if (a->drawn)
        printf("  written: %s\n", a->drawn);
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
    putchar(']');
    if (a->drawn) {
        printf(", \"drawn\": ");
        json_string(stdout, a->drawn);
    }
    putchar('}');
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

static void print(const struct reader *r, enum form form, const char *path, const struct reading *a,
                  const infer_error *err, int first)
{
    if (form == JSON)
        printf("%s\n  ", first ? "" : ",");
    if (form == JSON || form == JSONL)
        print_json(r, path, a, err);
    if (form == JSONL)
        putchar('\n');
    if (form == CSV && err->status == INFER_OK)
        print_csv(r, path, a);
    if (form == TEXT && err->status == INFER_OK)
        print_text(r, path, a);
}

/* ---- the pictures --------------------------------------------------------------------------- */

static int read_one(struct reader *r, const char *path, enum form form, int first)
{
    struct reading a = {0};
    infer_error err;
    int status = CLI_OK;
    if (reader_run(r, path, &a, &err) != INFER_OK)
        status = cli_fail(path, &err);
    else if (r->draw)
        status = reader_draw(r, path, &a);
    print(r, form, path, &a, &err, first);
    reading_free(&a);
    return status;
}

static int read_all(struct reader *r, const struct pictures *p, enum form form)
{
    int status = CLI_OK, failed = 0;
    const int progress = p->count > 10 && isatty(2) && !isatty(1);
    if (form == JSON)
        printf("{\"pictures\": [");
    if (form == CSV)
        printf("file,text,score,region_score,x0,y0,x1,y1,x2,y2,x3,y3\n");
    for (int i = 0; i < p->count; i++) {
        if (progress)
            fprintf(stderr, "\r%d of %d pictures", i + 1, p->count);
        const int now = read_one(r, p->paths[i], form, i == 0);
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

/* ---- arguments ------------------------------------------------------------------------------ */

static int is_model(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".onnx") == 0 || strcmp(dot, ".infer") == 0);
}

/* Opens one model or two; *models is how many. */
static int open_models(struct reader *r, const struct cli_args *args, int *models)
{
    *models = 1 + (args->npositional > 2 && is_model(args->positional[1]));
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
    r->draw = cli_value(args, "draw");
    return r->draw ? make_folder(r->draw) : CLI_OK;
}

int cmd_read(int argc, char **argv)
{
    struct cli_args args;
    struct reader r = {.how = INFER_TEXT_REGIONS_OPTIONS_INIT};
    struct pictures p = {0};
    int status, models = 0;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    status = read_options(&r, &args);
    if (status == CLI_OK)
        status = open_models(&r, &args, &models);
    if (status == CLI_OK)
        status = pictures_list(args.positional + models, args.npositional - models, &p);
    if (status == CLI_OK)
        status = read_all(&r, &p,
                          cli_has(&args, "json")    ? JSON
                          : cli_has(&args, "jsonl") ? JSONL
                          : cli_has(&args, "csv")   ? CSV
                                                    : TEXT);
    pictures_free(&p);
    reader_free(&r);
    return status;
}
