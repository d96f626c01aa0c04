/* infer eval --report: curves and matrices. */
#include <math.h>

#include "tools/eval/page.h"
#include "tools/html.h"

enum { SIDE = 300, LEFT = 40, TOP = 10, MOST_CONFUSED = 100 };

/* ---- axes from 0 to 1 ----------------------------------------------------------------------- */

static double at_x(double v)
{
    return LEFT + SIDE * v;
}

static double at_y(double v)
{
    return TOP + SIDE * (1 - v);
}

static void begin_plot(FILE *f, const char *x, const char *y)
{
    fprintf(f,
            "<svg width=\"%d\" height=\"%d\" font-size=\"11\"><text x=\"%d\" y=\"%d\" "
            "text-anchor=\"middle\">%s</text><text transform=\"translate(10 %d) rotate(-90)\" "
            "text-anchor=\"middle\">%s</text>\n",
            LEFT + SIDE + 20, TOP + SIDE + 40, LEFT + SIDE / 2, TOP + SIDE + 34, x, TOP + SIDE / 2,
            y);
    for (int i = 0; i <= 5; i++) {
        const double v = i / 5.0;
        fprintf(f,
                "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>"
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.1f</text>\n",
                at_x(0), at_x(1), at_y(v), at_y(v), at_x(v), at_x(v), at_y(0), at_y(1), at_x(0) - 6,
                at_y(v) + 4, v, at_x(v), at_y(0) + 16, v);
    }
}

void page_precision(FILE *f, const double *precision, uint32_t n)
{
    fputs("<h2>Precision and recall</h2>\n<p>At an IoU of 0.5, the mean over classes; at each "
          "recall the best precision from there on.</p>\n",
          f);
    begin_plot(f, "recall", "precision");
    fputs("<polyline fill=\"none\" stroke=\"#36c\" stroke-width=\"1.5\" points=\"", f);
    for (uint32_t i = 0; i < n; i++)
        fprintf(f, "%.1f,%.1f ", at_x(i / (n - 1.0)), at_y(precision[i]));
    fputs("\"/></svg>\n", f);
}

static double number_in(yyjson_mut_val *object, const char *key)
{
    yyjson_mut_val *v = yyjson_mut_obj_get(object, key);
    return yyjson_mut_is_num(v) ? yyjson_mut_get_num(v) : NAN;
}

/* A bar for each bin, as high as its accuracy; the wider the more pictures; and the diagonal on
 * which confidence and accuracy are one. */
void page_reliability(FILE *f, yyjson_mut_val *bins)
{
    yyjson_mut_arr_iter it;
    double most = 1;
    yyjson_mut_arr_iter_init(bins, &it);
    for (yyjson_mut_val *bin; (bin = yyjson_mut_arr_iter_next(&it)) != NULL;)
        most = fmax(most, number_in(bin, "count"));
    fputs(
        "<h2>Reliability</h2>\n<p>Accuracy of the answers of each range of confidence; the darker "
        "a bar, the more pictures it stands for. Where all are on the diagonal the scores are "
        "probabilities.</p>\n",
        f);
    begin_plot(f, "confidence", "accuracy");
    yyjson_mut_arr_iter_init(bins, &it);
    for (yyjson_mut_val *bin; (bin = yyjson_mut_arr_iter_next(&it)) != NULL;) {
        const double accuracy = number_in(bin, "accuracy"), above = number_in(bin, "above");
        if (isnan(accuracy))
            continue;
        fprintf(f,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#36c\" "
                "fill-opacity=\"%.2f\"/>\n",
                at_x(above) + 1, at_y(accuracy), at_x(number_in(bin, "to")) - at_x(above) - 2,
                at_y(0) - at_y(accuracy), 0.25 + 0.75 * sqrt(number_in(bin, "count") / most));
    }
    fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#a40\"/></svg>\n",
            at_x(0), at_y(0), at_x(1), at_y(1));
}

/* ---- matrices ------------------------------------------------------------------------------- */

static void put_name(FILE *f, const struct name_list *classes, size_t k)
{
    if (classes && k < classes->count)
        html_text(f, classes->items[k].text);
    else if (classes && classes->count) /* of boxes: answers where nothing is */
        fputs("nothing", f);
    else
        fprintf(f, "%zu", k);
}

static double row_sum(yyjson_mut_val *row)
{
    yyjson_mut_arr_iter it;
    double sum = 0;
    yyjson_mut_arr_iter_init(row, &it);
    for (yyjson_mut_val *v; (v = yyjson_mut_arr_iter_next(&it)) != NULL;)
        sum += yyjson_mut_get_num(v);
    return sum;
}

void page_confusion(FILE *f, yyjson_mut_val *rows, const struct name_list *classes)
{
    yyjson_mut_arr_iter it, cells;
    const size_t n = yyjson_mut_arr_size(rows);
    size_t t = 0;
    if (!n || n > MOST_CONFUSED)
        return;
    fputs("<h2>Confusion</h2>\n<p>Rows: the true class; columns: the answer, in the same order. "
          "Shades are shares of the row.</p>\n<div class=\"wide\"><table>\n",
          f);
    yyjson_mut_arr_iter_init(rows, &it);
    for (yyjson_mut_val *row; (row = yyjson_mut_arr_iter_next(&it)) != NULL; t++) {
        const double sum = row_sum(row);
        size_t p = 0;
        fputs("<tr><th>", f);
        put_name(f, classes, t);
        fputs("</th>", f);
        yyjson_mut_arr_iter_init(row, &cells);
        for (yyjson_mut_val *v; (v = yyjson_mut_arr_iter_next(&cells)) != NULL; p++) {
            const double count = yyjson_mut_get_num(v), share = sum > 0 ? count / sum : 0;
            const char *colour = p == t ? "51,102,204" : "204,68,0";
            fprintf(f, "<td class=\"n\" style=\"background:rgba(%s,%.2f)\">%.0f</td>", colour,
                    share * 0.6, count);
        }
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
}
