/* infer drift --report: one file of HTML with tables, histograms and pictures. */
#include <math.h>
#include <stdlib.h>

#include "tools/cli.h"
#include "tools/folder.h"
#include "tools/html.h"
#include "tools/monitor/drift.h"
#include "tools/write_file.h"

enum { WIDE = 320, HIGH = 110, SIDE = 220, MOST_CLASSES = 30 };

/* ---- tables --------------------------------------------------------------------------------- */

static void cell(FILE *f, double v, double limit)
{
    if (!isfinite(v))
        fputs("<td class=\"n\">-</td>", f);
    else if (isfinite(limit))
        fprintf(f, "<td class=\"n\">%.4g <span class=\"soft\">(%.2g)</span></td>", v, limit);
    else
        fprintf(f, "<td class=\"n\">%.4g</td>", v);
}

static void put_row(FILE *f, const struct drift_stream *s, int i)
{
    const struct verdict *v = &s->judgement.of[i];
    const int alert = s->report.alert[i];
    fprintf(f, "<tr%s><td>%s</td><td class=\"n\">%llu</td>", v->drifted ? " class=\"f\"" : "",
            feature_name((enum feature)i), (unsigned long long)v->m);
    cell(f, v->reference_mean, NAN);
    cell(f, v->mean, NAN);
    cell(f, v->psi, v->psi_limit);
    cell(f, v->js, v->js_limit);
    cell(f, v->ks, v->ks_limit);
    cell(f, v->p, NAN);
    fprintf(f, "<td>%s%s</td><td class=\"soft\">", v->drifted ? "drifted" : "",
            alert ? v->drifted ? ", alert at the end" : "alert at the end" : "");
    html_text(f, feature_what((enum feature)i));
    fputs("</td></tr>\n", f);
}

static void put_table(FILE *f, const struct drift_stream *s)
{
    fputs("<div class=\"wide\"><table><tr><th>feature</th><th class=\"n\">count</th><th "
          "class=\"n\">reference</th><th class=\"n\">mean</th><th class=\"n\">PSI</th><th "
          "class=\"n\">Jensen-Shannon</th><th class=\"n\">Kolmogorov-Smirnov</th><th "
          "class=\"n\">p</th><th></th><th></th></tr>\n",
          f);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (s->judgement.of[i].m || s->judgement.of[i].judged)
            put_row(f, s, i);
    fputs("</table></div>\n<p class=\"soft\">In brackets: what chance alone passes as rarely as a "
          "false alarm is wanted. Of classes the fourth distance is the total variation.</p>\n",
          f);
}

static void put_events(FILE *f, const struct drift_stream *s)
{
    if (!s->nevents)
        return;
    fputs("<ul>\n", f);
    for (int i = 0; i < s->nevents; i++) {
        const struct drift_event *e = &s->events[i];
        fprintf(f, "<li>alert with picture %llu:", (unsigned long long)e->at);
        for (int k = 0; k < FEATURE_COUNT; k++)
            if (e->features >> k & 1)
                fprintf(f, " %s", feature_name((enum feature)k));
        fputs("</li>\n", f);
    }
    fputs("</ul>\n", f);
}

/* ---- histograms ----------------------------------------------------------------------------- */

static void bar(FILE *f, double x, double width, double share, double most, const char *style)
{
    const double high = share / most * (HIGH - 30);
    if (share > 0)
        fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" %s/>", x,
                HIGH - 18 - high, width, high, style);
}

/* Two rows of shares as bars before one another: the reference grey, what came blue. */
static void put_bars(FILE *f, const double *a, const double *b, int n)
{
    double most = 1e-12;
    const double width = (double)(WIDE - 8) / n;
    for (int i = 0; i < n; i++)
        most = fmax(most, fmax(a[i], b[i]));
    for (int i = 0; i < n; i++) {
        bar(f, 4 + i * width, width - 1, a[i], most, "fill=\"#bbb\"");
        bar(f, 4 + i * width + width / 4, width / 2, b[i], most,
            "fill=\"#36c\" fill-opacity=\"0.75\"");
    }
}

static void begin_plot(FILE *f, int i, int drifted)
{
    fprintf(f,
            "<svg width=\"%d\" height=\"%d\" font-size=\"11\" role=\"img\"><title>%s</title><text "
            "x=\"4\" y=\"11\"%s>%s%s</text>",
            WIDE, HIGH, feature_name((enum feature)i),
            drifted ? " fill=\"#a40\" font-weight=\"bold\"" : "", feature_name((enum feature)i),
            drifted ? ": drifted" : "");
}

static void put_histogram(FILE *f, const struct drift *d, const struct drift_stream *s, int i)
{
    double a[HISTOGRAM_BINS], b[HISTOGRAM_BINS], low, high;
    if (!judge_histogram(&d->ready, &s->whole, (enum feature)i, a, b, &low, &high))
        return;
    begin_plot(f, i, s->judgement.of[i].drifted);
    put_bars(f, a, b, HISTOGRAM_BINS);
    fprintf(f,
            "<text x=\"4\" y=\"%d\">%.4g</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.4g"
            "</text></svg>\n",
            HIGH - 4, low, WIDE - 4, HIGH - 4, high);
}

static int by_times(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    return x->times != y->times ? (x->times < y->times ? 1 : -1)
                                : (x->key > y->key) - (x->key < y->key);
}

/* Classes of both, those that came most often together first. */
static void put_classes(FILE *f, const struct drift *d, const struct drift_stream *s)
{
    struct counter both = {0};
    double a[MOST_CLASSES] = {0}, b[MOST_CLASSES] = {0};
    char text[64];
    if (!d->ready.classes.n || !s->whole.classes.n || !counter_merge(&both, &d->ready.classes) ||
        !counter_merge(&both, &s->whole.classes)) {
        counter_free(&both);
        return;
    }
    qsort(both.rows, both.count, sizeof *both.rows, by_times);
    const int n = both.count < MOST_CLASSES ? (int)both.count : MOST_CLASSES;
    for (int i = 0; i < n; i++) {
        a[i] =
            (double)counter_times(&d->ready.classes, both.rows[i].key) / (double)d->ready.classes.n;
        b[i] =
            (double)counter_times(&s->whole.classes, both.rows[i].key) / (double)s->whole.classes.n;
    }
    begin_plot(f, FEATURE_CLASS, s->judgement.of[FEATURE_CLASS].drifted);
    put_bars(f, a, b, n);
    fputs("</svg>\n<table><tr><th>class</th><th class=\"n\">reference</th><th class=\"n\">share"
          "</th></tr>\n",
          f);
    for (int i = 0; i < n; i++) {
        fputs("<tr><td>", f);
        html_text(f, drift_label(d, both.rows[i].key, text));
        fprintf(f, "</td><td class=\"n\">%.1f %%</td><td class=\"n\">%.1f %%</td></tr>\n",
                100 * a[i], 100 * b[i]);
    }
    fputs("</table>\n", f);
    counter_free(&both);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* The picture at SIDE pixels at most; 0 where it can't be shown. */
static int put_thumbnail(FILE *f, const char *path)
{
    infer_image image, small;
    infer_error err;
    if (infer_image_load(path, NULL, &image, &err) != INFER_OK)
        return 0;
    const double scale = SIDE / (double)(image.width > image.height ? image.width : image.height);
    const int w = (int)fmax(1, round(image.width * scale));
    const int h = (int)fmax(1, round(image.height * scale));
    const infer_status status = infer_image_resize(&image, w, h, INFER_FILTER_BILINEAR,
                                                   INFER_RESIZE_PILLOW, NULL, &small, &err);
    infer_image_free(&image);
    if (status != INFER_OK)
        return 0;
    const int ok = html_picture(f, &small);
    infer_image_free(&small);
    return ok;
}

static void put_pictures(FILE *f, const struct drift_stream *s)
{
    int shown = 0;
    for (int i = 0; i < s->nodd; i++)
        shown += s->odd[i].picture != NULL;
    if (!shown)
        return;
    fputs("<h3>Least like the reference</h3>\n", f);
    for (int i = 0; i < s->nodd; i++) {
        const struct drift_odd *o = &s->odd[i];
        if (!o->picture)
            continue;
        fputs("<figure>", f);
        const int there = put_thumbnail(f, o->picture);
        fputs("<figcaption>", f);
        html_text(f, base_name(o->picture));
        fprintf(f, "%s<br>%s %.4g, %.3g deviations off</figcaption></figure>\n",
                there ? "" : " (it can't be read)", feature_name(o->feature), o->value, o->oddness);
    }
}

/* ---- the page ------------------------------------------------------------------------------- */

static void put_stream(FILE *f, const struct drift *d, const struct drift_stream *s)
{
    const struct monitor_report *r = &s->report;
    fputs("<h2>", f);
    html_text(f, *r->model ? r->model : "requests");
    fputs(*r->version ? ", version " : "", f);
    html_text(f, r->version);
    fprintf(
        f,
        "</h2>\n<p><b>%s</b>; %llu pictures, %llu windows judged, %llu drifted, %llu alerts</p>\n",
        s->drifted            ? "It has drifted"
        : s->judgement.enough ? "As the reference"
                              : "Too few pictures to be judged",
        (unsigned long long)s->whole.pictures, (unsigned long long)r->windows,
        (unsigned long long)r->drifted, (unsigned long long)r->alerts);
    put_events(f, s);
    put_table(f, s);
    fputs("<h3>Distributions</h3>\n<p class=\"soft\">Grey: the reference; blue: what came.</p>\n",
          f);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if (i != FEATURE_CLASS && s->judgement.of[i].judged)
            put_histogram(f, d, s, i);
    put_classes(f, d, s);
    put_pictures(f, s);
}

int drift_page(const char *path, const struct drift *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    int status = f ? CLI_OK : CLI_RESOURCES;
    if (f) {
        html_begin(f, d->reference_path);
        fputs("<h1>", f);
        html_text(f, d->reference_path);
        fprintf(f, "</h1>\n<p class=\"soft\">Compared with its reference of %llu pictures.</p>\n",
                (unsigned long long)d->ready.pictures);
        for (int i = 0; i < d->nstreams; i++)
            put_stream(f, d, d->streams[i]);
        html_end(f);
        status = fclose(f) == 0 ? CLI_OK : CLI_RESOURCES;
    }
    if (status == CLI_OK)
        status = write_file(path, text, size);
    else
        fprintf(stderr, "infer: %s: no memory for the page\n", path);
    free(text);
    return status;
}
