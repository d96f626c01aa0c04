/* infer sheet: many pictures on one, and on a page, to look at. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "tools/commands.h"
#include "tools/folder.h"
#include "tools/html.h"
#include "tools/pictures.h"
#include "tools/png.h"
#include "tools/write_file.h"

static const struct cli_option options[] = {
    {"output", "FILE.png", "the sheet (default sheet.png; also: -o)"},
    {"page", "FILE.html", "write a page with the same pictures and their names, too"},
    {"title", "TEXT", "of the page (default: Pictures)"},
    {"columns", "N", "pictures beside each other on the sheet (default 6)"},
    {"cell", "PIXELS", "larger pictures are made smaller, to this side (default 200)"},
    {"json", NULL, "what was written as JSON"},
    {NULL, NULL, NULL}};

static const struct cli_command command = {
    "sheet",
    "PICTURE... [-o SHEET.png] [OPTIONS]",
    "Puts many pictures onto one, in the order that they are given, and onto a page.",
    "PICTURE is a file, a folder or a pattern such as 'a*.jpg'. On the page pictures stand below\n"
    "the names of their folders; it is one file that refers to no other. A picture that can't be\n"
    "read gives a message and is left out; the exit status is then 3.",
    "  infer detect yolov8n.infer photos --draw drawn\n"
    "  infer sheet drawn -o sheet.png --page page.html --columns 4",
    options,
    1,
    INT_MAX};

enum { GAP = 6, BLANK = 255 };

struct sheet {
    struct pictures names;
    infer_image *images; /* as many; without pixels where one can't be read */
    int read;
    long columns, cell;
};

/* ---- reading -------------------------------------------------------------------------------- */

/* The picture at `path`, at most `cell` pixels wide and high. */
static infer_status read_small(const char *path, long cell, infer_image *small, infer_error *err)
{
    infer_image image;
    const infer_status status = infer_image_load(path, NULL, &image, err);
    const int32_t longer = image.width > image.height ? image.width : image.height;
    if (status != INFER_OK || longer <= cell) {
        *small = image;
        return status;
    }
    const int32_t w = (int32_t)(image.width * cell / longer),
                  h = (int32_t)(image.height * cell / longer);
    const infer_status made =
        infer_image_resize(&image, w > 0 ? w : 1, h > 0 ? h : 1, INFER_FILTER_BILINEAR,
                           INFER_RESIZE_PILLOW, NULL, small, err);
    infer_image_free(&image);
    return made;
}

static int read_all(struct sheet *s)
{
    int worst = CLI_OK;
    s->images = calloc((size_t)s->names.count + 1, sizeof *s->images);
    if (!s->images)
        return CLI_RESOURCES;
    for (int i = 0; i < s->names.count; i++) {
        infer_error err;
        if (read_small(s->names.paths[i], s->cell, &s->images[i], &err) == INFER_OK)
            s->read++;
        else if (cli_fail(s->names.paths[i], &err) > worst)
            worst = cli_exit_of(err.status);
    }
    return worst;
}

/* ---- the sheet ------------------------------------------------------------------------------ */

static void copy_to(infer_image *sheet, const infer_image *image, size_t x, size_t y)
{
    const size_t row = (size_t)image->width * 3, pitch = image->pitch ? image->pitch : row;
    for (size_t i = 0; i < (size_t)image->height; i++)
        memcpy(sheet->pixels + ((y + i) * (size_t)sheet->width + x) * 3, image->pixels + i * pitch,
               row);
}

/* Pictures in the middle of square cells, row by row. */
static int write_sheet(const struct sheet *s, const char *path)
{
    const long columns = s->read < s->columns ? s->read : s->columns;
    const size_t cell = (size_t)s->cell + GAP, width = (size_t)columns * cell,
                 height = (size_t)((s->read + columns - 1) / columns) * cell;
    size_t bytes, at = 0;
    infer_image sheet = {.width = (int32_t)width, .height = (int32_t)height, .channels = 3};
    if (height > INT32_MAX || !infer__size_mul(width * 3, height, &bytes))
        return cli_usage("--cell %ld: too many pictures of that size", s->cell);
    sheet.pixels = malloc(bytes);
    if (!sheet.pixels)
        return CLI_RESOURCES;
    memset(sheet.pixels, BLANK, bytes);
    for (int i = 0; i < s->names.count; i++) {
        const infer_image *image = &s->images[i];
        if (!image->pixels)
            continue;
        copy_to(&sheet, image, at % (size_t)columns * cell + (cell - (size_t)image->width) / 2,
                at / (size_t)columns * cell + (cell - (size_t)image->height) / 2);
        at++;
    }
    const int status = png_write(path, &sheet);
    free(sheet.pixels);
    return status;
}

/* ---- the page ------------------------------------------------------------------------------- */

/* The folder's part of a path, as a heading, where it is another one than before. */
static void heading(FILE *f, const char *path, const char *before)
{
    const size_t n = (size_t)(base_name(path) - path);
    if (before && (size_t)(base_name(before) - before) == n && strncmp(path, before, n) == 0)
        return;
    char *folder = strndup(path, n ? n - 1 : 0);
    fputs("<h2>", f);
    html_text(f, folder && *folder ? folder : ".");
    fputs("</h2>\n", f);
    free(folder);
}

static int print_page(const struct sheet *s, FILE *f, const char *title)
{
    const char *before = NULL;
    html_begin(f, title);
    fputs("<h1>", f);
    html_text(f, title);
    fputs("</h1>\n", f);
    for (int i = 0; i < s->names.count; i++) {
        if (!s->images[i].pixels)
            continue;
        heading(f, s->names.paths[i], before);
        before = s->names.paths[i];
        fputs("<figure>", f);
        if (!html_picture(f, &s->images[i]))
            return 0;
        fputs("<figcaption>", f);
        html_text(f, base_name(before));
        fputs("</figcaption></figure>\n", f);
    }
    html_end(f);
    return 1;
}

static int write_page(const struct sheet *s, const char *path, const char *title)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int status = CLI_RESOURCES;
    if (f) {
        const int whole = print_page(s, f, title) && !ferror(f);
        if (fclose(f) == 0 && whole)
            status = write_file(path, text, size);
    }
    free(text);
    return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void tell(const struct sheet *s, const char *path, const char *page, int json)
{
    if (!json) {
        printf("%s: %d pictures\n", path, s->read);
        if (page)
            printf("%s\n", page);
        return;
    }
    printf("{\"sheet\": ");
    json_string(stdout, path);
    printf(", \"page\": ");
    if (page)
        json_string(stdout, page);
    else
        printf("null");
    printf(", \"pictures\": %d, \"failed\": %d}\n", s->read, s->names.count - s->read);
}

static int sheet(struct sheet *s, const struct cli_args *args)
{
    const char *path = cli_value(args, "output"), *page = cli_value(args, "page"),
               *title = cli_value(args, "title");
    path = path ? path : "sheet.png";
    int status = pictures_list(args->positional, args->npositional, &s->names);
    if (status != CLI_OK)
        return status;
    status = read_all(s);
    if (status == CLI_RESOURCES || !s->read)
        return status ? status : CLI_BAD_INPUT;
    int written = write_sheet(s, path);
    if (written == CLI_OK && page)
        written = write_page(s, page, title ? title : "Pictures");
    if (written == CLI_OK)
        tell(s, path, page, cli_has(args, "json"));
    return written ? written : status;
}

int cmd_sheet(int argc, char **argv)
{
    struct cli_args args;
    struct sheet s = {0};
    int status;
    if (cli_parse(&command, argc, argv, &args, &status))
        return status;
    if (!cli_int(&args, "columns", 1, 100, 6, &s.columns) ||
        !cli_int(&args, "cell", 16, 2000, 200, &s.cell))
        return CLI_USAGE;
    status = sheet(&s, &args);
    for (int i = 0; s.images && i < s.names.count; i++)
        infer_image_free(&s.images[i]);
    free(s.images);
    pictures_free(&s.names);
    return status;
}
