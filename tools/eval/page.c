/* infer eval --report: numbers and tables. */
#include "tools/eval/page.h"

#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/html.h"
#include "tools/write_file.h"

enum { MOST_ROWS = 200 };

/* ---- cells ---------------------------------------------------------------------------------- */

static void put_value(FILE *f, yyjson_mut_val *v)
{
    if (yyjson_mut_is_int(v))
        fprintf(f, "%lld", (long long)yyjson_mut_get_sint(v));
    else if (yyjson_mut_is_num(v))
        fprintf(f, "%.4f", yyjson_mut_get_num(v));
    else if (yyjson_mut_is_bool(v))
        fputs(yyjson_mut_get_bool(v) ? "yes" : "no", f);
    else if (yyjson_mut_is_str(v))
        html_text(f, yyjson_mut_get_str(v));
    else
        fputs("-", f);
}

static void put_cell(FILE *f, yyjson_mut_val *v)
{
    fputs(yyjson_mut_is_str(v) ? "<td>" : "<td class=\"n\">", f);
    put_value(f, v);
    fputs("</td>", f);
}

/* ---- tables --------------------------------------------------------------------------------- */

/* Numbers of an object, with their intervals where there are some. */
static void put_object(FILE *f, const struct report *r, const char *title, yyjson_mut_val *object)
{
    yyjson_mut_obj_iter it;
    fputs("<h2>", f);
    html_text(f, title);
    fputs("</h2>\n<table>\n", f);
    yyjson_mut_obj_iter_init(object, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *interval = yyjson_mut_obj_get(r->intervals, yyjson_mut_get_str(key));
        if (yyjson_mut_is_ctn(v))
            continue;
        fputs("<tr><th>", f);
        html_text(f, yyjson_mut_get_str(key));
        fputs("</th>", f);
        put_cell(f, v);
        if (interval) {
            fputs("<td class=\"soft\">", f);
            put_value(f, yyjson_mut_arr_get_first(interval));
            fputs(" to ", f);
            put_value(f, yyjson_mut_arr_get_last(interval));
            fputs("</td>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
}

static void put_row(FILE *f, yyjson_mut_val *object, int head)
{
    yyjson_mut_obj_iter it;
    fputs("<tr>", f);
    yyjson_mut_obj_iter_init(object, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
        if (yyjson_mut_is_ctn(v))
            continue;
        if (!head) {
            put_cell(f, v);
            continue;
        }
        fputs(yyjson_mut_is_str(v) ? "<th>" : "<th class=\"n\">", f);
        html_text(f, yyjson_mut_get_str(key));
        fputs("</th>", f);
    }
    fputs("</tr>\n", f);
}

/* A list of objects that have the same keys. */
static void put_table(FILE *f, const char *title, yyjson_mut_val *list)
{
    yyjson_mut_arr_iter it;
    size_t shown = 0;
    fputs("<h2>", f);
    html_text(f, title);
    fputs("</h2>\n<div class=\"wide\"><table>\n", f);
    put_row(f, yyjson_mut_arr_get_first(list), 1);
    yyjson_mut_arr_iter_init(list, &it);
    for (yyjson_mut_val *row; shown < MOST_ROWS && (row = yyjson_mut_arr_iter_next(&it)) != NULL;
         shown++)
        put_row(f, row, 0);
    fputs("</table></div>\n", f);
    if (shown < yyjson_mut_arr_size(list))
        fprintf(f, "<p class=\"soft\">%zu of %zu rows; --json has all.</p>\n", shown,
                yyjson_mut_arr_size(list));
}

/* What the report has beside `stats`. */
static void put_rest(FILE *f, const struct report *r, const struct eval_view *v)
{
    yyjson_mut_obj_iter it;
    yyjson_mut_obj_iter_init(r->root, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        const char *title = yyjson_mut_get_str(key);
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(key);
        yyjson_mut_val *first = yyjson_mut_is_arr(value) ? yyjson_mut_arr_get_first(value) : NULL;
        if (value == r->stats || value == r->intervals)
            continue;
        if (strcmp(title, "confusion") == 0)
            page_confusion(f, value, v->classes);
        else if (yyjson_mut_is_obj(value))
            put_object(f, r, title, value);
        else if (yyjson_mut_is_obj(first))
            put_table(f, title, value);
    }
}

/* ---- the page ------------------------------------------------------------------------------- */

/* The root's own members. */
static void put_head(FILE *f, const struct eval_options *o, const struct report *r)
{
    yyjson_mut_obj_iter it;
    const char *between = "";
    html_begin(f, o->predictions);
    fputs("<h1>", f);
    html_text(f, o->predictions);
    fputs("</h1>\n<p class=\"soft\">judged by ", f);
    html_text(f, o->data ? o->data : "itself");
    fputs(": ", f);
    yyjson_mut_obj_iter_init(r->root, &it);
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&it)) != NULL;) {
        yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
        if (yyjson_mut_is_ctn(v))
            continue;
        fputs(between, f);
        html_text(f, yyjson_mut_get_str(key));
        fputc(' ', f);
        put_value(f, v);
        between = ", ";
    }
    fputs("</p>\n", f);
}

int page_write(const char *path, const struct eval_options *o, const struct report *r,
               const struct eval_view *v)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = report_whole(r) ? open_memstream(&text, &size) : NULL;
    if (!f)
        return files_no_memory(path);
    put_head(f, o, r);
    put_object(f, r, "Numbers", r->stats);
    if (v->precision)
        page_precision(f, v->precision, v->nprecision);
    yyjson_mut_val *bins = yyjson_mut_obj_get(r->root, "reliability");
    if (bins)
        page_reliability(f, bins);
    int status = page_pictures(f, v);
    put_rest(f, r, v);
    html_end(f);
    if (fclose(f) != 0 && status == CLI_OK)
        status = files_no_memory(path);
    if (status == CLI_OK)
        status = write_file(path, text, size);
    free(text);
    return status;
}
