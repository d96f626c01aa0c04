/* Which class each picture is of: folders, lists, CSV files. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/cli.h"
#include "tools/csv.h"
#include "tools/eval/files.h"
#include "tools/eval/read_scores.h"
#include "tools/quantize/samples.h"
#include "tools/read_file.h"

int64_t class_of_label(const struct name_list *classes, const char *label)
{
    char *end;
    const int64_t named = names_by_text(classes, label);
    const long long index = strtoll(label, &end, 10);
    if (named >= 0)
        return named;
    return end != label && !*end && index >= 0 && index < classes->count ? index : NAME_NONE;
}

/* Adds a file and its class, which has been found. */
static int add_label(struct truths *t, const char *path, const char *file, uint32_t label)
{
    infer_error err;
    const uint32_t n = t->files.count;
    if (n == t->room && !infer__region_grow(t->region, (void **)&t->labels, &t->room,
                                            infer__length_add(n, 1), sizeof *t->labels))
        return files_no_memory(path);
    t->labels[n] = label;
    return names_add(&t->files, n, file, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
}

/* ---- folders -------------------------------------------------------------------------------- */

/* The name of the folder that a file lies in. */
static char *folder_of(struct infer__region *r, const char *path)
{
    const char *end = strrchr(path, '/'), *start = end;
    while (start && start > path && start[-1] != '/')
        start--;
    const size_t n = end ? (size_t)(end - start) : 0;
    char *name = infer__region_calloc(r, n + 1, 1);
    if (name && n)
        memcpy(name, start, n);
    return name;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Folders are classes by their names, else in the order of these. */
static int label_folders(struct truths *t, const char *path, const struct name_list *classes,
                         char **files, char **names, uint32_t n)
{
    int known = 1, status = CLI_OK;
    uint32_t ndistinct = 0;
    char **distinct = infer__region_copy(t->region, names, infer__array_bytes(n, sizeof *names));
    if (!distinct)
        return files_no_memory(path);
    qsort(distinct, n, sizeof *distinct, by_text);
    for (uint32_t i = 0; i < n; i++) {
        known &= class_of_label(classes, distinct[i]) >= 0;
        if (!ndistinct || strcmp(distinct[ndistinct - 1], distinct[i]) != 0)
            distinct[ndistinct++] = distinct[i];
    }
    if (!known && ndistinct != classes->count) {
        fprintf(stderr, "infer: %s: %u folders, whose names are not those of the %u classes\n",
                path, ndistinct, classes->count);
        return CLI_BAD_INPUT;
    }
    if (!known)
        fprintf(stderr, "infer: %s: its folders are the classes in the order of their names\n",
                path);
    for (uint32_t i = 0; status == CLI_OK && i < n; i++) {
        char **found = bsearch(&names[i], distinct, ndistinct, sizeof *distinct, by_text);
        const int64_t label = known ? class_of_label(classes, names[i]) : found - distinct;
        status = add_label(t, path, files[i], (uint32_t)label);
    }
    return status;
}

static int read_folders(const char *path, const struct name_list *classes, struct truths *t)
{
    uint32_t n, named = 0;
    char **files = samples_list(path, &n);
    if (!files)
        return CLI_BAD_INPUT;
    char **names = infer__region_calloc(t->region, n, sizeof *names);
    while (names && named < n && (names[named] = folder_of(t->region, files[named])) != NULL)
        named++;
    const int status =
        named == n ? label_folders(t, path, classes, files, names, n) : files_no_memory(path);
    for (uint32_t i = 0; i < n; i++)
        free(files[i]);
    free(files);
    return status;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static int read_label_line(struct truths *t, const char *path, const struct name_list *classes,
                           char *line, unsigned number, int is_csv)
{
    char *rest = line;
    const char *file = is_csv ? csv_field(&rest) : line;
    const char *text = is_csv ? csv_field(&rest) : csv_cut_label(line);
    const int64_t label = text ? class_of_label(classes, text) : NAME_NONE;
    if (label < 0) {
        fprintf(stderr, "infer: %s: line %u: '%.60s' is not the name or index of a class\n", path,
                number, text ? text : "");
        return CLI_BAD_INPUT;
    }
    return add_label(t, path, file, (uint32_t)label);
}

/* "picture,0,1,1": whether it is of each class. */
static int read_positive_line(struct truths *t, const char *path, const struct name_list *classes,
                              char *line, unsigned number)
{
    infer_error err;
    char *rest = line, *field;
    const char *file = csv_field(&rest);
    const uint32_t n = t->files.count;
    uint32_t k = 0;
    if (n == t->room && !infer__region_grow(t->region, (void **)&t->positive, &t->room,
                                            infer__length_add(n, 1), classes->count))
        return files_no_memory(path);
    while ((field = csv_field(&rest)) != NULL && k < classes->count &&
           (strcmp(field, "0") == 0 || strcmp(field, "1") == 0))
        t->positive[(size_t)n * classes->count + k++] = field[0] == '1';
    if (k != classes->count || field) {
        fprintf(stderr, "infer: %s: line %u: %u columns of 0 or 1 are needed behind the picture\n",
                path, number, classes->count);
        return CLI_BAD_INPUT;
    }
    return names_add(&t->files, n, file, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
}

/* Whether the header's columns behind the first are the classes, which are more than one. */
static int has_class_columns(char *header, const struct name_list *classes)
{
    char *rest = header, *field;
    uint32_t k = 0;
    csv_field(&rest);
    while ((field = csv_field(&rest)) != NULL && k < classes->count &&
           strcmp(field, classes->items[k].text) == 0)
        k++;
    return classes->count > 1 && k == classes->count && !field;
}

int read_truths(const char *path, const struct name_list *classes, struct truths *t)
{
    struct stat st;
    unsigned n;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return read_folders(path, classes, t);
    char **lines = read_lines(path, &n);
    if (!lines)
        return CLI_BAD_INPUT;
    const int is_csv = n && strchr(lines[0], ',');
    const int several = is_csv && has_class_columns(lines[0], classes);
    int status = CLI_OK;
    for (unsigned i = is_csv ? 1 : 0; status == CLI_OK && i < n; i++)
        if (lines[i][0])
            status = several ? read_positive_line(t, path, classes, lines[i], i + 1)
                             : read_label_line(t, path, classes, lines[i], i + 1, is_csv);
    free(lines);
    return status;
}
