/* An evaluation as a page for people. */
#include <stdlib.h>
#include <string.h>

#include "tools/eval/report.h"

enum { MOST_ROWS = 100, MOST_COLUMNS = 24, MOST_CELL = 32 };

/* A number or a text in a cell; empty for what is neither. */
static const char *cell(yyjson_mut_val *v, char text[MOST_CELL])
{
    text[0] = 0;
    if (yyjson_mut_is_str(v))
        snprintf(text, MOST_CELL, "%s", yyjson_mut_get_str(v));
    else if (yyjson_mut_is_int(v))
        snprintf(text, MOST_CELL, "%lld", (long long)yyjson_mut_get_sint(v));
    else if (yyjson_mut_is_num(v))
        snprintf(text, MOST_CELL, "%.4f", yyjson_mut_get_num(v));
    else if (yyjson_mut_is_bool(v))
        snprintf(text, MOST_CELL, "%s", yyjson_mut_get_bool(v) ? "yes" : "no");
    else if (yyjson_mut_is_null(v))
        snprintf(text, MOST_CELL, "-");
    return text;
}

static int is_cell(yyjson_mut_val *v)
{
    return !yyjson_mut_is_ctn(v);
}

/* Numbers of an object, one a line, with their intervals where there are some. */
static void print_object(const struct report *r, const char *title, yyjson_mut_val *object, FILE *f)
{
    yyjson_mut_obj_iter it;
    if (object != r->stats)
        fprintf(f, "\n%s\n", title);
    yyjson_mut_obj_iter_init(object, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        char text[MOST_CELL], low[MOST_CELL], high[MOST_CELL];
        const char *name = yyjson_mut_get_str(key);
        yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *interval = yyjson_mut_obj_get(r->intervals, name);
        if (!is_cell(v))
            continue;
        fprintf(f, "  %-24s %10s", name, cell(v, text));
        if (interval)
            fprintf(f, "  (%s to %s)", cell(yyjson_mut_arr_get_first(interval), low),
                    cell(yyjson_mut_arr_get_last(interval), high));
        fputc('\n', f);
    }
}

/* Keys of a list's first object whose values fit cells, and how wide they are in all rows. */
static int find_columns(yyjson_mut_val *list, const char *keys[MOST_COLUMNS],
                        int widths[MOST_COLUMNS])
{
    yyjson_mut_obj_iter it;
    yyjson_mut_arr_iter rows;
    int n = 0;
    yyjson_mut_obj_iter_init(yyjson_mut_arr_get_first(list), &it);
    for (yyjson_mut_val *key; n < MOST_COLUMNS && (key = yyjson_mut_obj_iter_next(&it)) != NULL;)
        if (is_cell(yyjson_mut_obj_iter_get_val(key))) {
            widths[n] = (int)yyjson_mut_get_len(key);
            keys[n++] = yyjson_mut_get_str(key);
        }
    yyjson_mut_arr_iter_init(list, &rows);
    for (yyjson_mut_val *row; (row = yyjson_mut_arr_iter_next(&rows)) != NULL;)
        for (int i = 0; i < n; i++) {
            char text[MOST_CELL];
            const int width = (int)strlen(cell(yyjson_mut_obj_get(row, keys[i]), text));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    return n;
}

static void print_table(const char *title, yyjson_mut_val *list, FILE *f)
{
    const char *keys[MOST_COLUMNS];
    int widths[MOST_COLUMNS], shown = 0;
    yyjson_mut_arr_iter rows;
    const int n = find_columns(list, keys, widths);
    fprintf(f, "\n%s\n ", title);
    for (int i = 0; i < n; i++)
        fprintf(f, " %*s", widths[i], keys[i]);
    fputc('\n', f);
    yyjson_mut_arr_iter_init(list, &rows);
    for (yyjson_mut_val *row; (row = yyjson_mut_arr_iter_next(&rows)) != NULL && shown < MOST_ROWS;
         shown++) {
        fputc(' ', f);
        for (int i = 0; i < n; i++) {
            char text[MOST_CELL];
            fprintf(f, " %*s", widths[i], cell(yyjson_mut_obj_get(row, keys[i]), text));
        }
        fputc('\n', f);
    }
    if (shown < (int)yyjson_mut_arr_size(list))
        fprintf(f, "  ... %zu in all; --json has them\n", yyjson_mut_arr_size(list));
}

/* A list of lists, small ones only. */
static void print_matrix(const char *title, yyjson_mut_val *list, FILE *f)
{
    yyjson_mut_arr_iter rows, row;
    if (yyjson_mut_arr_size(list) > MOST_COLUMNS)
        return;
    fprintf(f, "\n%s\n", title);
    yyjson_mut_arr_iter_init(list, &rows);
    for (yyjson_mut_val *line; (line = yyjson_mut_arr_iter_next(&rows)) != NULL;) {
        yyjson_mut_arr_iter_init(line, &row);
        for (yyjson_mut_val *v; (v = yyjson_mut_arr_iter_next(&row)) != NULL;) {
            char text[MOST_CELL];
            fprintf(f, " %7s", cell(v, text));
        }
        fputc('\n', f);
    }
}

void report_write_text(const struct report *r, FILE *f)
{
    yyjson_mut_obj_iter it;
    char text[MOST_CELL];
    print_object(r, "", r->stats, f);
    yyjson_mut_obj_iter_init(r->root, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        const char *title = yyjson_mut_get_str(key);
        yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *first = yyjson_mut_is_arr(v) ? yyjson_mut_arr_get_first(v) : NULL;
        if (v == r->stats || v == r->intervals)
            continue;
        if (yyjson_mut_is_obj(v))
            print_object(r, title, v, f);
        else if (yyjson_mut_is_obj(first))
            print_table(title, v, f);
        else if (yyjson_mut_is_arr(first))
            print_matrix(title, v, f);
        else if (is_cell(v))
            fprintf(f, "%s: %s\n", title, cell(v, text));
    }
}
