/* The right answers of pictures, from a file or from the folders that they lie in. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/accuracy.h"
#include "tools/csv.h"
#include "tools/folder.h"
#include "tools/quantize/samples.h"
#include "tools/read_file.h"

#include "tools/cli.h"

/* The class that a label stands for: an index, or a label of the model; -1. */
static int64_t class_of(const infer_model *model, const char *label)
{
    char *end;
    long long index = strtoll(label, &end, 10);
    if (end != label && !*end && index >= 0)
        return index;
    for (size_t i = 0; i < infer_model_labels(model); i++)
        if (strcmp(infer_model_label(model, i), label) == 0)
            return (int64_t)i;
    return -1;
}

static int from_csv(const char *path, struct samples *s)
{
    struct accuracy a;
    int status = accuracy_read(path, &a);
    for (uint32_t i = 0; status == CLI_OK && i < s->count; i++)
        s->items[i].truth = accuracy_truth(&a, s->items[i].path);
    accuracy_free(&a);
    return status;
}

static int from_text(const infer_model *model, const char *path, char **lines, unsigned nlines,
                     struct samples *s)
{
    for (unsigned k = 0; k < nlines; k++) {
        if (!lines[k][0])
            continue;
        const char *label = csv_cut_label(lines[k]);
        int64_t truth = label ? class_of(model, label) : -1;
        if (truth < 0) {
            fprintf(stderr,
                    "infer: %s: line %u is not \"picture label\", with an index or a label "
                    "of the model\n",
                    path, k + 1);
            return CLI_BAD_INPUT;
        }
        for (uint32_t i = 0; i < s->count; i++)
            if (strcmp(lines[k], s->items[i].path) == 0 ||
                strcmp(lines[k], base_name(s->items[i].path)) == 0)
                s->items[i].truth = truth;
    }
    return CLI_OK;
}

/* The name of the folder that a picture lies in; to be freed. */
static char *folder_of(const char *path)
{
    const char *end = strrchr(path, '/'), *start = end;
    while (start && start > path && start[-1] != '/')
        start--;
    return end ? strndup(start, (size_t)(end - start)) : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A folder for each class: its name is a label or an index; where one is neither, classes are
 * numbered in the order of their folders' names. */
static int from_folders(const infer_model *model, struct samples *s)
{
    char **names = calloc((size_t)s->count + 1, sizeof *names);
    uint32_t n = 0, known = 1;
    for (uint32_t i = 0; names && i < s->count; i++) {
        names[n] = folder_of(s->items[i].path);
        if (!names[n])
            continue;
        s->items[i].truth = class_of(model, names[n]);
        known &= s->items[i].truth >= 0;
        n++;
    }
    if (names && !known) {
        qsort(names, n, sizeof *names, by_text);
        for (uint32_t i = 0; i < s->count; i++) {
            char *mine = folder_of(s->items[i].path);
            int64_t class = -1;
            for (uint32_t k = 0; mine && k < n; k++) {
                class += k == 0 || strcmp(names[k], names[k - 1]) != 0;
                if (strcmp(names[k], mine) == 0)
                    break;
            }
            s->items[i].truth = mine ? class : -1;
            free(mine);
        }
    }
    for (uint32_t i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
    return names ? CLI_OK : CLI_RESOURCES;
}

int samples_truths(const infer_model *model, const char *labels, struct samples *s)
{
    struct stat st;
    int status;
    if (stat(labels, &st) == 0 && S_ISDIR(st.st_mode)) {
        status = from_folders(model, s);
    } else {
        unsigned nlines;
        char **lines = read_lines(labels, &nlines);
        if (!lines)
            return CLI_BAD_INPUT;
        status = nlines && strchr(lines[0], ',') ? from_csv(labels, s)
                                                 : from_text(model, labels, lines, nlines, s);
        free(lines);
    }
    for (uint32_t i = 0; status == CLI_OK && i < s->count; i++)
        s->known += s->items[i].truth >= 0;
    if (status == CLI_OK && !s->known) {
        fprintf(stderr, "infer: %s: none of the pictures is in it\n", labels);
        return CLI_BAD_INPUT;
    }
    return status;
}
