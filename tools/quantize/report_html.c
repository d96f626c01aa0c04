/* The report as a page of its own: no scripts, no references, pictures as SVG in the text. */
#include <math.h>

#include "tools/html.h"
#include "tools/quantize/report.h"

static void number(FILE *f, const char *format, double v)
{
    if (isfinite(v))
        fprintf(f, format, v); /* NOLINT(clang-diagnostic-format-nonliteral) */
    else
        fputs(v > 0 ? "exact" : "-", f);
}

static void fact(FILE *f, const char *what)
{
    fprintf(f, "<tr><th>%s</th><td>", what);
}

static void accuracy(const struct quantiser *q, FILE *f)
{
    const struct quant_score *s = &q->score;
    fact(f, "Accuracy");
    if (s->measure) {
        html_text(f, s->measure);
        fprintf(f, " %.4f &rarr; %.4f on %u pictures of the truth: %.2f points lost; ",
                s->float_quality, s->quality, s->judged, quant_drop(s));
    } else if (s->labelled) {
        fprintf(f, "%u &rarr; %u of %u pictures right: %.2f points lost; ", s->float_correct,
                s->correct, s->pictures, quant_drop(s));
    } else if (s->classifier) {
        fprintf(f, "%u of %u answers as in float: %.2f points differ; ", s->correct, s->pictures,
                quant_drop(s));
    }
    fprintf(f, "cosine of the outputs %.6f; on pictures %s</td></tr>\n", s->cosine,
            q->samples.evaluate ? "that calibration did not see" : "that calibration saw, too");
}

static void summary(const struct quant_report *r, FILE *f)
{
    const struct quantiser *q = r->q;
    struct quant_counts c = quant_count(q);
    fputs("<h1>", f);
    html_text(f, r->output);
    fputs("</h1>\n<p class=\"soft\">quantised from ", f);
    html_text(f, r->model);
    fprintf(f, " with %u pictures</p>\n<table>\n", q->samples.ncalibration);
    fact(f, "Steps");
    fprintf(f, "%u in int8, %u in float</td></tr>\n", c.integer, c.floating);
    fact(f, "Size");
    fprintf(f, "%llu &rarr; %llu bytes (%.2f times smaller)</td></tr>\n",
            (unsigned long long)r->bytes_before, (unsigned long long)r->bytes_after,
            r->bytes_after ? (double)r->bytes_before / (double)r->bytes_after : 0);
    if (q->float_ms > 0) {
        fact(f, "Speed");
        fprintf(f, "%.3f &rarr; %.3f ms a picture (%.2f times as fast), on this CPU</td></tr>\n",
                q->float_ms, q->int8_ms, q->int8_ms > 0 ? q->float_ms / q->int8_ms : 0);
    }
    accuracy(q, f);
    fact(f, "Done");
    fprintf(f, "%u groups of tensors equalised, %u biases corrected</td></tr>\n</table>\n",
            q->equalised, q->corrected);
}

/* ---- pictures ------------------------------------------------------------------------------- */

enum { PLOT_W = 900, PLOT_H = 180, MINI_W = 192, MINI_H = 30 };

/* SNR of every step in the quantised network, and on its own. */
static void curve(const struct quantiser *q, FILE *f, int alone, const char *colour)
{
    uint32_t n = 0, at = 0;
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        n += (uint32_t)quant_is_listed(q, i);
    fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        if (!quant_is_listed(q, i))
            continue;
        double db = alone ? q->nodes[i].alone_snr : q->nodes[i].snr;
        double x = 40 + (PLOT_W - 50) * (n > 1 ? (double)at / (n - 1) : 0.5);
        at++;
        if (alone && q->nodes[i].kind == QUANT_FLOAT)
            continue;
        db = isfinite(db) ? db : 70;
        db = db < 0 ? 0 : db > 70 ? 70 : db;
        fprintf(f, "%.1f,%.1f ", x, 10 + (PLOT_H - 30) * (1 - db / 70));
    }
    fputs("\"/>\n", f);
}

static void plot(const struct quantiser *q, FILE *f)
{
    fprintf(
        f,
        "<h2>Signal to noise, step by step</h2>\n<p><span style=\"color:#2a7\">on its own</span>"
        " and <span style=\"color:#36c\">in the quantised network</span>, in dB: 20 dB is a "
        "tenth of the signal's size, 40 dB a hundredth.</p>\n"
        "<svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" font-size=\"11\">\n",
        PLOT_W, PLOT_H, PLOT_W, PLOT_H);
    for (int db = 0; db <= 70; db += 10) {
        double y = 10 + (PLOT_H - 30) * (1 - db / 70.0);
        fprintf(f,
                "<line x1=\"40\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
                "<text x=\"32\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n",
                PLOT_W - 10, y, y, y + 4, db);
    }
    curve(q, f, 1, "#2a7");
    curve(q, f, 0, "#36c");
    fputs("</svg>\n", f);
}

/* A histogram, its counts as logarithms, with the range that was chosen shaded. */
static void mini(const struct quant_tensor *t, FILE *f)
{
    double bins[REPORT_BINS], most = 1;
    double lo = (double)t->seen.lo, width = (double)t->seen.hi - lo;
    quant_bins(t->histogram, bins);
    for (int i = 0; i < REPORT_BINS; i++)
        most = fmax(most, log1p(bins[i]));
    double a = width > 0 ? ((double)t->range.lo - lo) / width * MINI_W : 0;
    double b = width > 0 ? ((double)t->range.hi - lo) / width * MINI_W : MINI_W;
    fprintf(f,
            "<svg width=\"%d\" height=\"%d\"><rect x=\"%.1f\" width=\"%.1f\" height=\"%d\" "
            "fill=\"#e8f0fb\"/><path fill=\"#36c\" d=\"M0 %d",
            MINI_W, MINI_H, a, b > a ? b - a : 0, MINI_H, MINI_H);
    for (int i = 0; i < REPORT_BINS; i++) {
        double y = MINI_H * (1 - log1p(bins[i]) / most);
        fprintf(f, "L%d %.1fL%d %.1f", i * MINI_W / REPORT_BINS, y, (i + 1) * MINI_W / REPORT_BINS,
                y);
    }
    fprintf(f, "L%d %dZ\"/></svg>", MINI_W, MINI_H);
}

/* ---- tables --------------------------------------------------------------------------------- */

static void step(const struct quantiser *q, uint32_t i, FILE *f)
{
    const struct quant_node *k = &q->nodes[i];
    const struct quant_tensor *t = &q->tensors[q->tensors[quant_result(q, i)].root];
    int is_float = k->kind == QUANT_FLOAT;
    fprintf(f, "<tr%s><td>", is_float ? " class=\"f\"" : "");
    html_text(f, q->graph.nodes[i].name);
    fprintf(f, "</td><td>%s</td><td>%s</td><td class=\"n\">",
            infer__op_info(q->graph.nodes[i].op)->name, is_float ? "f32" : "int8");
    if (!is_float)
        number(f, "%.1f", k->alone_snr);
    fputs("</td><td class=\"n\">", f);
    if (!is_float)
        number(f, "%.5f", k->alone_cosine);
    fputs("</td><td class=\"n\">", f);
    number(f, "%.1f", k->snr);
    fputs("</td><td class=\"n\">", f);
    number(f, "%.5f", k->cosine);
    fputs("</td><td>", f);
    if (t->histogram && !is_float) {
        mini(t, f);
        fprintf(f, "</td><td>%.4g .. %.4g</td><td>%.4g .. %.4g <span class=\"soft\">%s</span>",
                (double)t->seen.lo, (double)t->seen.hi, (double)t->range.lo, (double)t->range.hi,
                calibration_name(t->method));
    } else if (is_float) {
        fputs("</td><td colspan=\"2\"><span class=\"why\">", f);
        html_text(f, k->reason ? k->reason : "");
        fputs("</span>", f);
    } else {
        fputs("</td><td colspan=\"2\"><span class=\"soft\">its result leaves as float</span>", f);
    }
    fputs("</td></tr>\n", f);
}

static void tries(const struct quantiser *q, FILE *f)
{
    if (!q->ntries)
        return;
    fputs("<h2>What was put back to float on trial</h2>\n<table><tr><th>what</th><th "
          "class=\"n\">steps</th><th>result</th><th></th></tr>\n",
          f);
    for (uint32_t i = 0; i < q->ntries; i++) {
        const struct quant_try *t = &q->tries[i];
        fprintf(f, "<tr><td>%s</td><td class=\"n\">%u</td><td>", t->what, t->steps);
        if (t->before_ms > 0)
            fprintf(f, "%.3f &rarr; %.3f ms", t->before_ms, t->after_ms);
        else
            fprintf(f, "%.2f points lost", t->drop);
        fprintf(f, "</td><td>%s</td></tr>\n", t->kept ? "kept" : "");
    }
    fputs("</table>\n", f);
}

void quant_report_html(const struct quant_report *r, FILE *f)
{
    const struct quantiser *q = r->q;
    html_begin(f, "Quantisation report");
    summary(r, f);
    plot(q, f);
    fputs("<h2>Steps</h2>\n<p>The picture has the values that the step's result took in the "
          "calibration pictures (counts as logarithms); shaded is the range that 8 bits cover."
          "</p>\n<div class=\"wide\"><table><tr><th>node</th><th>operator</th><th></th>"
          "<th class=\"n\">alone, dB</th><th class=\"n\">cosine</th><th class=\"n\">network, dB"
          "</th><th class=\"n\">cosine</th><th>values</th><th>seen</th><th>range</th></tr>\n",
          f);
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        if (quant_is_listed(q, i))
            step(q, i, f);
    fputs("</table></div>\n", f);
    tries(q, f);
    html_end(f);
}
