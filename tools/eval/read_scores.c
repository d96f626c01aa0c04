/* CSV files of scores. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/csv.h"
#include "tools/eval/files.h"
#include "tools/eval/read_scores.h"
#include "tools/read_file.h"

enum column { COLUMN_FILE, COLUMN_LABEL, COLUMN_SCORE, COLUMN_TRUTH };

struct csv {
    const char *path;
    char **names;         /* of columns */
    enum column *columns; /* and what they hold */
    uint32_t ncolumns, nfiles, nlabels, nscores, ntruths;
    double *values; /* of a row */
    uint8_t *positive;
    struct truths truths;
    int paired;    /* columns y... and s... */
    uint8_t *seen; /* which of its files had a row; NULL: the file has the truth itself */
};

/* ---- the header ----------------------------------------------------------------------------- */

static int is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(name, *list) == 0)
            return 1;
    return 0;
}

static int has_column(const struct csv *c, char first, const char *rest)
{
    for (uint32_t i = 0; i < c->ncolumns; i++)
        if (c->names[i][0] == first && strcmp(c->names[i] + 1, rest) == 0)
            return 1;
    return 0;
}

/* Whether all columns that are neither files nor labels are pairs y..., s... */
static int is_paired(const struct csv *c)
{
    for (uint32_t i = 0; i < c->ncolumns; i++) {
        const char *name = c->names[i];
        if (c->columns[i] == COLUMN_SCORE && !((name[0] == 'y' && has_column(c, 's', name + 1)) ||
                                               (name[0] == 's' && has_column(c, 'y', name + 1))))
            return 0;
    }
    return 1;
}

/* Whether the columns of scores are called s0, s1 ... */
static int is_numbered(const struct csv *c)
{
    for (uint32_t i = 0; i < c->ncolumns; i++)
        if (c->columns[i] == COLUMN_SCORE &&
            (c->names[i][0] != 's' || !c->names[i][1] ||
             strspn(c->names[i] + 1, "0123456789") != strlen(c->names[i] + 1)))
            return 0;
    return 1;
}

/* What each column holds, from its name. */
static void find_columns(struct csv *c)
{
    static const char *const files[] = {"file", "picture", "image", "filename", "path", NULL};
    static const char *const labels[] = {"label", "truth", NULL};
    for (uint32_t i = 0; i < c->ncolumns; i++)
        c->columns[i] = is_one_of(c->names[i], files)    ? COLUMN_FILE
                        : is_one_of(c->names[i], labels) ? COLUMN_LABEL
                                                         : COLUMN_SCORE;
    c->paired = is_paired(c);
    if (c->paired)
        for (uint32_t i = 0; i < c->ncolumns; i++)
            if (c->columns[i] == COLUMN_SCORE && c->names[i][0] == 'y')
                c->columns[i] = COLUMN_TRUTH;
    for (uint32_t i = 0; i < c->ncolumns; i++) {
        c->nfiles += c->columns[i] == COLUMN_FILE;
        c->nlabels += c->columns[i] == COLUMN_LABEL;
        c->nscores += c->columns[i] == COLUMN_SCORE;
        c->ntruths += c->columns[i] == COLUMN_TRUTH;
    }
    if (c->nlabels == 1 && c->nscores == 1) { /* of one class: a label is yes or no */
        for (uint32_t i = 0; i < c->ncolumns; i++)
            if (c->columns[i] == COLUMN_LABEL)
                c->columns[i] = COLUMN_TRUTH;
        c->nlabels = 0;
        c->ntruths = 1;
    }
}

/* The columns y... stand in the order of the columns s... */
static int check_order(const struct csv *c)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->ncolumns && c->paired; i++) {
        if (c->columns[i] != COLUMN_SCORE)
            continue;
        while (at < c->ncolumns && c->columns[at] != COLUMN_TRUTH)
            at++;
        if (at == c->ncolumns || strcmp(c->names[at++] + 1, c->names[i] + 1) != 0)
            return 0;
    }
    return 1;
}

static int read_header(char *line, struct csv *c, struct scores *s)
{
    char *rest = line;
    infer_error err;
    uint32_t most = 1;
    for (const char *p = line; *p; p++)
        most += *p == ',';
    c->names = infer__region_calloc(s->region, most, sizeof *c->names);
    c->columns = infer__region_calloc(s->region, most, sizeof *c->columns);
    c->values = infer__region_calloc(s->region, most, sizeof *c->values);
    c->positive = infer__region_calloc(s->region, most, 1);
    if (!c->names || !c->columns || !c->values || !c->positive)
        return files_no_memory(c->path);
    for (char *field; (field = csv_field(&rest)) != NULL;)
        c->names[c->ncolumns++] = infer__region_string(s->region, field);
    for (uint32_t i = 0; i < c->ncolumns; i++)
        if (!c->names[i])
            return files_no_memory(c->path);
    find_columns(c);
    const int strip = c->paired || is_numbered(c);
    for (uint32_t i = 0; i < c->ncolumns; i++)
        if (c->columns[i] == COLUMN_SCORE &&
            names_add(&s->classes, s->classes.count, c->names[i] + strip, &err) != INFER_OK)
            return cli_fail(c->path, &err);
    s->nclasses = c->nscores;
    if (c->nfiles <= 1 && c->nlabels <= 1 && c->nscores && check_order(c) &&
        !(c->nlabels && c->ntruths))
        return CLI_OK;
    fprintf(stderr,
            "infer: %s: line 1: a header with columns for scores is needed, with one `file` and "
            "one `label` at most, or with columns y... and s... in the same order\n",
            c->path);
    return CLI_BAD_INPUT;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int wrong(const struct csv *c, unsigned line, uint32_t column, const char *text,
                 const char *what)
{
    fprintf(stderr, "infer: %s: line %u, column '%s': '%.60s' is %s\n", c->path, line,
            c->names[column], text, what);
    return CLI_BAD_INPUT;
}

static int parse_number(const char *text, double *v)
{
    char *end;
    *v = strtod(text, &end);
    while (*end == ' ')
        end++;
    return end != text && !*end && isfinite(*v);
}

/* The truth of a file's row. */
static int look_up(struct csv *c, unsigned line, uint32_t column, const char *file, int64_t *row)
{
    *row = names_by_file(&c->truths.files, file);
    if (*row < 0)
        return wrong(c, line, column, file,
                     *row == NAME_TWICE ? "the name of several pictures"
                                        : "not one of the pictures of --data");
    if (c->seen[*row])
        return wrong(c, line, column, file, "a picture that has a row already");
    c->seen[*row] = 1;
    return CLI_OK;
}

/* One line. The truth is in `row` of the truths where it is not in the line. */
static int read_row(struct csv *c, char *text, unsigned line, struct scores *s)
{
    uint32_t i = 0, score = 0, truth = 0;
    int64_t row = -1, label = 0;
    double v;
    infer_error err;
    for (char *rest = text, *field; (field = csv_field(&rest)) != NULL && i < c->ncolumns; i++) {
        const enum column kind = c->columns[i];
        int status = CLI_OK;
        if (kind == COLUMN_FILE && c->seen)
            status = look_up(c, line, i, field, &row);
        else if (kind == COLUMN_LABEL && (label = class_of_label(&s->classes, field)) < 0)
            status = wrong(c, line, i, field, "no class");
        else if (kind == COLUMN_SCORE && !parse_number(field, &c->values[score++]))
            status = wrong(c, line, i, field, "no finite number");
        else if (kind == COLUMN_TRUTH) {
            if (!parse_number(field, &v) || (v != 0 && v != 1))
                status = wrong(c, line, i, field, "neither 0 nor 1");
            c->positive[truth++] = v == 1;
        }
        if (status != CLI_OK)
            return status;
        text = rest;
    }
    if (i != c->ncolumns || text) {
        fprintf(stderr, "infer: %s: line %u has not %u fields, as the header has\n", c->path, line,
                c->ncolumns);
        return CLI_BAD_INPUT;
    }
    const uint8_t *positive = c->ntruths ? c->positive : NULL;
    if (row >= 0 && c->truths.positive)
        positive = c->truths.positive + (size_t)row * s->nclasses;
    else if (row >= 0)
        label = c->truths.labels[row];
    return scores_add(s, c->values, (uint32_t)label, positive, &err) == INFER_OK
               ? CLI_OK
               : cli_fail(c->path, &err);
}

/* Each picture of the truth has had its row. */
static int check_seen(const struct csv *c)
{
    for (uint32_t i = 0; c->seen && i < c->truths.files.count; i++)
        if (!c->seen[i]) {
            fprintf(stderr, "infer: %s: there is no row for the picture %s\n", c->path,
                    c->truths.files.items[i].text);
            return CLI_BAD_INPUT;
        }
    return CLI_OK;
}

static int begin_truths(struct csv *c, const char *truths, struct scores *s)
{
    if (c->nlabels || c->ntruths || !truths) {
        if (c->nlabels || c->ntruths)
            return truths ? cli_usage("%s has the truth in it: leave --data away", c->path)
                          : CLI_OK;
        return cli_usage("%s has no column `label`, nor columns y...: give --data", c->path);
    }
    if (!c->nfiles) {
        fprintf(stderr, "infer: %s: line 1: there is no column `file`\n", c->path);
        return CLI_BAD_INPUT;
    }
    c->truths.region = c->truths.files.region = s->region;
    const int status = read_truths(truths, &s->classes, &c->truths);
    if (status != CLI_OK)
        return status;
    c->seen = infer__region_calloc(s->region, c->truths.files.count, 1);
    return c->seen ? CLI_OK : files_no_memory(truths);
}

int read_scores(const char *path, const char *truths, struct scores *s)
{
    struct csv c = {.path = path};
    unsigned nlines;
    char **lines = read_lines(path, &nlines);
    if (!lines)
        return CLI_BAD_INPUT;
    int status = nlines ? read_header(lines[0], &c, s) : CLI_BAD_INPUT;
    if (status == CLI_OK)
        status = begin_truths(&c, truths, s);
    for (unsigned i = 1; status == CLI_OK && i < nlines; i++)
        if (lines[i][0])
            status = read_row(&c, lines[i], i + 1, s);
    free(lines);
    if (!nlines || (status == CLI_OK && !s->nrows)) {
        fprintf(stderr, "infer: %s: there is no row in it\n", path);
        return CLI_BAD_INPUT;
    }
    return status == CLI_OK ? check_seen(&c) : status;
}
