/* Vectors and classes of pictures, from files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "tools/cli.h"
#include "tools/csv.h"
#include "tools/eval/files.h"
#include "tools/eval/read_scores.h"
#include "tools/eval/vectors.h"
#include "tools/quantize/samples.h"
#include "tools/read_file.h"

static int add_class(struct name_list *l, const char *path, const char *label)
{
    infer_error err;
    if (names_by_text(l, label) >= 0)
        return CLI_OK;
    return names_add(l, l->count, label, &err) == INFER_OK ? CLI_OK : cli_fail(path, &err);
}

/* The folder that a path lies in, which is cut. */
static const char *folder_name(char *path)
{
    char *end = strrchr(path, '/');
    if (!end)
        return "";
    *end = 0;
    const char *start = strrchr(path, '/');
    return start ? start + 1 : path;
}

static int classes_of_folders(const char *path, struct name_list *classes)
{
    uint32_t n;
    int status = CLI_OK;
    char **files = samples_list(path, &n);
    if (!files)
        return CLI_BAD_INPUT;
    for (uint32_t i = 0; i < n; i++) {
        if (status == CLI_OK)
            status = add_class(classes, path, folder_name(files[i]));
        free(files[i]);
    }
    free(files);
    return status;
}

static int classes_of_list(const char *path, struct name_list *classes)
{
    unsigned n;
    char **lines = read_lines(path, &n);
    if (!lines)
        return CLI_BAD_INPUT;
    const int csv = n && strchr(lines[0], ',');
    int status = CLI_OK;
    for (unsigned i = csv ? 1 : 0; status == CLI_OK && i < n; i++) {
        char *rest = lines[i];
        if (!lines[i][0])
            continue;
        if (csv)
            csv_field(&rest);
        const char *label = csv ? csv_field(&rest) : csv_cut_label(lines[i]);
        status = label ? add_class(classes, path, label) : CLI_OK; /* read_truths says it */
    }
    free(lines);
    return status;
}

int read_vector_truth(const char *path, struct vector_set *set)
{
    struct stat st;
    struct truths t = {.region = set->region};
    t.files.region = set->region;
    set->paths = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int status =
        set->paths ? classes_of_folders(path, &set->classes) : classes_of_list(path, &set->classes);
    if (status == CLI_OK)
        status = read_truths(path, &set->classes, &t);
    if (status == CLI_OK && t.positive) {
        fprintf(stderr, "infer: %s: of vectors each picture has one class\n", path);
        status = CLI_BAD_INPUT;
    }
    if (status == CLI_OK && t.files.count < 2) {
        fprintf(stderr, "infer: %s: two pictures are needed at least\n", path);
        status = CLI_BAD_INPUT;
    }
    set->pictures = t.files;
    set->labels = t.labels;
    return status;
}

int vector_normalise(float *v, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    const double length = sqrt(sum);
    for (uint32_t i = 0; i < n && length > 0; i++)
        v[i] = (float)((double)v[i] / length);
    return isfinite(length);
}

/* ---- recorded ones -------------------------------------------------------------------------- */

static uint32_t count_fields(const char *line)
{
    uint32_t n = 1;
    while ((line = strchr(line, ',')) != NULL) {
        n++;
        line++;
    }
    return n;
}

static int read_row(struct vector_set *set, const char *path, unsigned number, char *row,
                    uint8_t *seen)
{
    const char *file = csv_field(&row), *what = NULL;
    const int64_t picture = file ? names_by_file(&set->pictures, file) : NAME_NONE;
    if (picture < 0 || seen[picture])
        what = picture < 0 ? "a picture that the truth does not have" : "a picture a second time";
    float *v = picture < 0 ? NULL : set->values + (size_t)picture * set->length;
    for (uint32_t k = 0; !what && k < set->length; k++) {
        char *field = csv_field(&row), *end;
        v[k] = field ? strtof(field, &end) : 0;
        what = !field || end == field || *end ? "numbers are missing, or are none" : NULL;
    }
    if (!what && (csv_field(&row) || !vector_normalise(v, set->length)))
        what = "more numbers than in the first line, or one that is not finite";
    if (!what) {
        seen[picture] = 1;
        return CLI_OK;
    }
    fprintf(stderr, "infer: %s: line %u: %s\n", path, number, what);
    return CLI_BAD_INPUT;
}

int read_vectors(const char *path, struct vector_set *set)
{
    unsigned n, rows = 0;
    const uint32_t pictures = set->pictures.count;
    char **lines = read_lines(path, &n);
    if (!lines)
        return CLI_BAD_INPUT;
    set->length = n ? count_fields(lines[0]) - 1 : 0;
    uint8_t *seen = infer__region_calloc(set->region, pictures, 1);
    set->values = set->length
                      ? infer__region_calloc(set->region, infer__array_bytes(pictures, set->length),
                                             sizeof *set->values)
                      : NULL;
    int status = set->length == 0        ? CLI_BAD_INPUT
                 : !seen || !set->values ? files_no_memory(path)
                                         : CLI_OK;
    for (unsigned i = 0; status == CLI_OK && i < n; i++)
        if (lines[i][0]) {
            status = read_row(set, path, i + 1, lines[i], seen);
            rows++;
        }
    free(lines);
    if (status == CLI_BAD_INPUT && !set->length)
        fprintf(stderr, "infer: %s: lines \"file,number,...\" are needed\n", path);
    if (status == CLI_OK && rows != pictures) {
        fprintf(stderr, "infer: %s: it has %u pictures, the truth %u\n", path, rows, pictures);
        status = CLI_BAD_INPUT;
    }
    return status;
}
