#include "tools/accuracy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/csv.h"
#include "tools/folder.h"
#include "tools/read_file.h"

struct accuracy_row {
    const char *file;
    int64_t truth;
};

static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct accuracy_row *)a)->file, ((const struct accuracy_row *)b)->file);
}

static int parse_row(char *line, struct accuracy_row *row)
{
    char *rest = line, *end;
    row->file = csv_field(&rest);
    const char *number = csv_field(&rest);
    if (!number)
        return 0;
    errno = 0;
    row->truth = strtoll(number, &end, 10);
    return end != number && !*end && !errno && row->truth >= 0;
}

int accuracy_read(const char *path, struct accuracy *a)
{
    unsigned lines;
    memset(a, 0, sizeof *a);
    char **all = read_lines(path, &lines);
    if (!all)
        return CLI_BAD_INPUT;
    a->text = (char *)all;
    a->rows = calloc(lines + 1u, sizeof *a->rows);
    if (!a->rows) {
        fprintf(stderr, "infer: %s: no memory for its rows\n", path);
        return CLI_RESOURCES;
    }
    for (unsigned i = 1; i < lines; i++) {
        if (!all[i][0])
            continue;
        if (!parse_row(all[i], &a->rows[a->nrows++])) {
            fprintf(stderr, "infer: %s: line %u is not \"file,class index,label\"\n", path, i + 1);
            return CLI_BAD_INPUT;
        }
    }
    if (a->nrows)
        qsort(a->rows, a->nrows, sizeof *a->rows, by_file);
    return CLI_OK;
}

void accuracy_free(struct accuracy *a)
{
    free(a->rows);
    free(a->text);
    memset(a, 0, sizeof *a);
}

int64_t accuracy_truth(const struct accuracy *a, const char *picture)
{
    const struct accuracy_row *row = NULL;
    struct accuracy_row key = {picture, 0};
    if (a->nrows)
        row = bsearch(&key, a->rows, a->nrows, sizeof *a->rows, by_file);
    key.file = base_name(picture);
    if (a->nrows && !row)
        row = bsearch(&key, a->rows, a->nrows, sizeof *a->rows, by_file);
    return row ? row->truth : -1;
}

void accuracy_count(struct accuracy *a, int64_t truth, const infer_class *classes, size_t count)
{
    a->pictures++;
    a->top1 += count > 0 && classes[0].index == truth;
    for (size_t i = 0; i < count; i++)
        a->topk += classes[i].index == truth;
}
