/* Files that say which text is in pictures. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "tools/cli.h"
#include "tools/csv.h"
#include "tools/eval/files.h"
#include "tools/eval/text.h"
#include "tools/read_file.h"

infer_status text_add(struct text_set *set, struct text_lines *list, const struct text_line *line,
                      infer_error *err)
{
    struct text_line copy = *line;
    if (line->text && !(copy.text = infer__region_string(set->region, line->text)))
        return infer__no_memory(err, strlen(line->text));
    if (!infer__region_grow(set->region, (void **)&list->items, &list->room, list->count + 1,
                            sizeof *list->items))
        return infer__no_memory(err, sizeof *list->items);
    list->items[list->count++] = copy;
    return INFER_OK;
}

/* The number of a picture, which is added where `add` is set and it is new; NAME_NONE. */
static int64_t picture_of(struct text_set *set, const char *name, int add)
{
    infer_error err;
    const int64_t found =
        add ? names_by_text(&set->pictures, name) : names_by_file(&set->pictures, name);
    if (found >= 0 || !add)
        return found;
    if (names_add(&set->pictures, set->pictures.count, name, &err) != INFER_OK)
        return NAME_NONE;
    return (int64_t)set->pictures.count - 1;
}

static int bad_line(const char *path, unsigned number, const char *what)
{
    fprintf(stderr, "infer: %s: line %u: %s\n", path, number, what);
    return CLI_BAD_INPUT;
}

static int add(struct text_set *set, struct text_lines *list, const char *path, unsigned number,
               const char *name, struct text_line *line)
{
    infer_error err;
    const int64_t picture = picture_of(set, name, list == &set->truths);
    if (picture < 0)
        return bad_line(path, number, "a picture that the truth does not have");
    line->picture = (uint32_t)picture;
    return text_add(set, list, line, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
}

/* A number that is all of a field. */
static int read_number(const char *field, double *v)
{
    char *end;
    *v = field ? strtod(field, &end) : 0;
    return field && end != field && !*end && *v > -1e9 && *v < 1e9;
}

/* ---- CSV with a header ---------------------------------------------------------------------- */

enum { COLUMNS = 10, FILE_COLUMN = 0, TEXT_COLUMN = 1 };

static int read_row(struct text_set *set, struct text_lines *list, const char *path,
                    unsigned number, char *row, const int *column_of)
{
    char *fields[COLUMNS] = {NULL}, *field;
    struct text_line line = {.placed = 1};
    for (int at = 0; (field = csv_field(&row)) != NULL; at++)
        for (int k = 0; k < COLUMNS; k++)
            if (column_of[k] == at)
                fields[k] = field;
    if (!fields[FILE_COLUMN])
        return bad_line(path, number, "it has no file");
    line.text = fields[TEXT_COLUMN];
    line.ignored = line.text && strcmp(line.text, "###") == 0;
    for (int k = 0; k < 8; k++)
        line.placed &= read_number(fields[2 + k], k % 2 ? &line.y[k / 2] : &line.x[k / 2]);
    return add(set, list, path, number, fields[FILE_COLUMN], &line);
}

/* Where the columns are; 0: there is no header with a file, and text or corners. */
static int read_header(char *row, int *column_of)
{
    static const char *const names[COLUMNS] = {"file", "text", "x0", "y0", "x1",
                                               "y1",   "x2",   "y2", "x3", "y3"};
    char *field;
    for (int k = 0; k < COLUMNS; k++)
        column_of[k] = -1;
    for (int at = 0; (field = csv_field(&row)) != NULL; at++)
        for (int k = 0; k < COLUMNS; k++)
            if (strcasecmp(field, names[k]) == 0)
                column_of[k] = at;
    return column_of[FILE_COLUMN] >= 0 && (column_of[TEXT_COLUMN] >= 0 || column_of[2] >= 0);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* `word_1.png, "text"`, in which a backslash is before a quote; or a tab or space between them. */
static int read_pair(struct text_set *set, const char *path, unsigned number, char *row)
{
    char *quote = strstr(row, ", \""), *text, *to;
    struct text_line line = {.picture = 0};
    if (!quote) {
        text = csv_cut_label(row);
        if (!text)
            return bad_line(path, number, "a picture and its text are needed");
    } else {
        *quote = 0;
        text = to = quote + 3;
        const size_t n = strlen(text);
        if (n && text[n - 1] == '"')
            text[n - 1] = 0;
        for (const char *s = text; *s; s++) {
            s += *s == '\\' && s[1];
            *to++ = *s;
        }
        *to = 0;
    }
    line.text = text;
    line.ignored = strcmp(text, "###") == 0;
    return add(set, &set->truths, path, number, row, &line);
}

static int read_list(const char *path, struct text_set *set, struct text_lines *list)
{
    unsigned n;
    int column_of[COLUMNS], status = CLI_OK;
    char **lines = read_lines(path, &n), *header = NULL;
    if (!lines)
        return CLI_BAD_INPUT;
    header = n ? strdup(lines[0]) : NULL;
    const int csv = header && read_header(header, column_of);
    free(header);
    if (!csv && list == &set->answers)
        status =
            bad_line(path, 1, "columns file and text are needed, as infer read --csv has them");
    for (unsigned i = csv ? 1 : 0; status == CLI_OK && i < n; i++)
        if (lines[i][0])
            status = csv ? read_row(set, list, path, i + 1, lines[i], column_of)
                         : read_pair(set, path, i + 1, lines[i]);
    free(lines);
    return status;
}

/* ---- a file for each picture ---------------------------------------------------------------- */

/* "x0,y0,...,x3,y3,text": the text is all that is behind, commas too. */
static int read_corners(struct text_set *set, const char *path, unsigned number, char *row,
                        const char *name)
{
    struct text_line line = {.placed = 1};
    char *at = row;
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0) /* a mark of the order of bytes */
        at += 3;
    for (int k = 0; k < 8; k++) {
        char *end;
        double *v = k % 2 ? &line.y[k / 2] : &line.x[k / 2];
        *v = strtod(at, &end);
        if (end == at || !(*v > -1e9 && *v < 1e9) || (*end != ',' && (k < 7 || *end)))
            return bad_line(path, number, "x0,y0,x1,y1,x2,y2,x3,y3,text is needed");
        at = *end ? end + 1 : end;
    }
    line.text = at > row && at[-1] == ',' ? at : NULL;
    line.ignored = line.text && strcmp(line.text, "###") == 0;
    return add(set, &set->truths, path, number, name, &line);
}

static int read_page(struct text_set *set, const char *folder, const char *file)
{
    const char *path = files_path(set->region, folder, file), *start;
    const size_t n = names_stem(file, &start);
    const size_t skip = n > 3 && strncmp(start, "gt_", 3) == 0 ? 3 : 0;
    char *name = infer__region_calloc(set->region, n + 1, 1);
    unsigned count;
    int status = CLI_OK;
    if (!path || !name)
        return files_no_memory(folder);
    memcpy(name, start + skip, n - skip);
    char **lines = read_lines(path, &count);
    if (!lines)
        return CLI_BAD_INPUT;
    if (picture_of(set, name, 1) < 0)
        status = files_no_memory(folder);
    for (unsigned i = 0; status == CLI_OK && i < count; i++)
        if (lines[i][0])
            status = read_corners(set, path, i + 1, lines[i], name);
    free(lines);
    return status;
}

static int read_pages(const char *folder, struct text_set *set)
{
    static const char *const endings[] = {".txt", NULL};
    struct name_list files = {.region = set->region};
    int status = files_list(folder, endings, &files);
    for (uint32_t i = 0; status == CLI_OK && i < files.count; i++)
        status = read_page(set, folder, files.items[i].text);
    if (status == CLI_OK && !files.count) {
        fprintf(stderr, "infer: %s: there is no .txt file in it\n", folder);
        status = CLI_BAD_INPUT;
    }
    return status;
}

int read_text_truth(const char *path, struct text_set *set)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? read_pages(path, set)
                                                       : read_list(path, set, &set->truths);
}

int read_text_answers(const char *path, struct text_set *set)
{
    return read_list(path, set, &set->answers);
}
