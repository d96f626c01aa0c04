#include "tools/quantize/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/write_file.h"

int quant_is_listed(const struct quantiser *q, uint32_t node)
{
    return quant_is_step(q, node) && q->nodes[node].kind != QUANT_MOVE;
}

struct quant_counts quant_count(const struct quantiser *q)
{
    struct quant_counts c = {0, 0};
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        c.integer += quant_is_listed(q, i) && q->nodes[i].kind != QUANT_FLOAT;
        c.floating += quant_is_listed(q, i) && q->nodes[i].kind == QUANT_FLOAT;
    }
    return c;
}

void quant_bins(const struct histogram *h, double bins[REPORT_BINS])
{
    for (int i = 0; i < REPORT_BINS; i++)
        bins[i] = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        bins[i * REPORT_BINS / HISTOGRAM_BINS] += (double)h->bins[i];
}

const char *quant_measure_name(const struct quant_score *s)
{
    return s->measure      ? s->measure
           : s->labelled   ? "right answers"
           : s->classifier ? "answers as in float"
                           : "cosine";
}

/* ---- the terminal --------------------------------------------------------------------------- */

static void print_floats(const struct quantiser *q)
{
    for (uint32_t i = 0; i < q->graph.nnodes; i++)
        if (quant_is_listed(q, i) && q->nodes[i].kind == QUANT_FLOAT)
            printf("  float: %s '%s': %s\n", infer__op_info(q->graph.nodes[i].op)->name,
                   q->graph.nodes[i].name, q->nodes[i].reason ? q->nodes[i].reason : "");
}

void quant_report_text(const struct quant_report *r)
{
    const struct quantiser *q = r->q;
    const struct quant_score *s = &q->score;
    struct quant_counts c = quant_count(q);
    printf("%s: %u steps in int8, %u in float; %u pictures to calibrate\n", r->output, c.integer,
           c.floating, q->samples.ncalibration);
    print_floats(q);
    printf("size:     %llu -> %llu bytes (%.2fx smaller)\n", (unsigned long long)r->bytes_before,
           (unsigned long long)r->bytes_after,
           r->bytes_after ? (double)r->bytes_before / (double)r->bytes_after : 0);
    if (q->float_ms > 0 && q->int8_ms > 0)
        printf("speed:    %.3f -> %.3f ms (%.2fx)\n", q->float_ms, q->int8_ms,
               q->float_ms / q->int8_ms);
    if (s->measure)
        printf("accuracy: %s %.4f -> %.4f on %u pictures of the truth (%.2f points lost)\n",
               s->measure, s->float_quality, s->quality, s->judged, quant_drop(s));
    else if (s->labelled)
        printf("accuracy: %u -> %u of %u pictures right (%.2f points lost)\n", s->float_correct,
               s->correct, s->pictures, quant_drop(s));
    else if (s->classifier)
        printf("accuracy: %u of %u answers as in float (%.2f points differ)\n", s->correct,
               s->pictures, quant_drop(s));
    if ((s->measure || s->labelled || s->classifier) && q->options.max_drop < 0 &&
        quant_drop(s) > 1)
        printf("          (--max-drop POINTS puts steps back to float until fewer are lost)\n");
    printf("outputs:  cosine %.6f to those of the float model\n", s->cosine);
    if (q->samples.evaluate == 0)
        printf("(measured on the pictures that were used to calibrate, too: give more for a better "
               "judgement)\n");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void pair(FILE *f, const char *key, double v)
{
    fprintf(f, ", \"%s\": ", key);
    json_number(f, v);
}

static void json_step(FILE *f, const struct quantiser *q, uint32_t i)
{
    const struct quant_node *k = &q->nodes[i];
    fprintf(f, "{\"node\": ");
    json_string(f, q->graph.nodes[i].name);
    fprintf(f, ", \"op\": \"%s\", \"precision\": \"%s\", \"kind\": \"%s\"",
            infer__op_info(q->graph.nodes[i].op)->name, k->kind == QUANT_FLOAT ? "f32" : "int8",
            quant_kind_name(k->kind));
    if (k->kind == QUANT_FLOAT) {
        fprintf(f, ", \"reason\": ");
        json_string(f, k->reason ? k->reason : "");
    } else {
        pair(f, "alone_snr_db", k->alone_snr);
        pair(f, "alone_cosine", k->alone_cosine);
    }
    pair(f, "snr_db", k->snr);
    pair(f, "cosine", k->cosine);
    fprintf(f, ", \"tensor\": ");
    json_string(f, q->graph.values[quant_result(q, i)].name);
    fputc('}', f);
}

static void json_tensor(FILE *f, const struct quantiser *q, uint32_t v)
{
    const struct quant_tensor *t = &q->tensors[v];
    double bins[REPORT_BINS];
    fprintf(f, "{\"name\": ");
    json_string(f, q->graph.values[v].name);
    fprintf(f, ", \"calibration\": \"%s\"", calibration_name(t->method));
    pair(f, "seen_lo", (double)t->seen.lo);
    pair(f, "seen_hi", (double)t->seen.hi);
    pair(f, "lo", (double)t->range.lo);
    pair(f, "hi", (double)t->range.hi);
    pair(f, "scale", (double)t->params.scale);
    fprintf(f, ", \"zero\": %d", t->params.zero);
    if (t->samples) {
        fprintf(f, ", \"snr_db\": {");
        for (int m = 0; m < CALIBRATE_METHODS; m++) {
            fprintf(f, "%s\"%s\": ", m ? ", " : "", calibration_name(m));
            json_number(f, 10 * log10(t->power / t->error[m]));
        }
        fputc('}', f);
    }
    fprintf(f, ", \"histogram\": [");
    quant_bins(t->histogram, bins);
    for (int i = 0; i < REPORT_BINS; i++)
        fprintf(f, "%s%.0f", i ? ", " : "", bins[i]);
    fprintf(f, "]}");
}

static void json_tries(FILE *f, const struct quantiser *q)
{
    fprintf(f, ",\n\"tries\": [");
    for (uint32_t i = 0; i < q->ntries; i++) {
        const struct quant_try *t = &q->tries[i];
        fprintf(f, "%s\n  {\"what\": \"%s\", \"steps\": %u, \"kept\": %s", i ? "," : "", t->what,
                t->steps, t->kept ? "true" : "false");
        if (t->before_ms > 0) {
            pair(f, "before_ms", t->before_ms);
            pair(f, "after_ms", t->after_ms);
        } else {
            pair(f, "drop", t->drop);
        }
        fputc('}', f);
    }
    fputc(']', f);
}

void quant_report_json(const struct quant_report *r, FILE *f)
{
    const struct quantiser *q = r->q;
    const struct quant_score *s = &q->score;
    struct quant_counts c = quant_count(q);
    const char *comma = "";
    fprintf(f, "{\"model\": ");
    json_string(f, r->model);
    fprintf(f, ", \"output\": ");
    json_string(f, r->output);
    fprintf(f,
            ", \"bytes_before\": %llu, \"bytes_after\": %llu, \"int8_steps\": %u, "
            "\"float_steps\": %u",
            (unsigned long long)r->bytes_before, (unsigned long long)r->bytes_after, c.integer,
            c.floating);
    fprintf(f, ", \"calibration_pictures\": %u, \"equalised\": %u, \"corrected\": %u",
            q->samples.ncalibration, q->equalised, q->corrected);
    pair(f, "seconds", (cli_now_ms() - q->start_ms) / 1e3);
    if (q->float_ms > 0) {
        pair(f, "float_ms", q->float_ms);
        pair(f, "int8_ms", q->int8_ms);
    }
    fprintf(f, ",\n\"accuracy\": {\"measure\": ");
    json_string(f, quant_measure_name(s));
    fprintf(f, ", \"pictures\": %u", s->measure ? s->judged : s->pictures);
    pair(f, "float", s->measure ? s->float_quality : s->float_correct);
    pair(f, "int8", s->measure ? s->quality : s->correct);
    fprintf(f, ", \"calibrated_on_others\": %s", q->samples.evaluate ? "true" : "false");
    pair(f, "drop", quant_drop(s));
    pair(f, "cosine", s->cosine);
    fputc('}', f);
    json_tries(f, q);
    fprintf(f, ",\n\"steps\": [");
    for (uint32_t i = 0; i < q->graph.nnodes; i++) {
        if (!quant_is_listed(q, i))
            continue;
        fprintf(f, "%s\n  ", comma);
        json_step(f, q, i);
        comma = ",";
    }
    fprintf(f, "],\n\"tensors\": [");
    comma = "";
    for (uint32_t v = 1; v < q->graph.nvalues; v++) {
        if (!q->tensors[v].histogram || q->tensors[v].root != v)
            continue;
        fprintf(f, "%s\n  ", comma);
        json_tensor(f, q, v);
        comma = ",";
    }
    fprintf(f, "]}\n");
}

int quant_report_write(const struct quant_report *r, const char *path)
{
    char *text = NULL;
    size_t size = 0, n = strlen(path);
    int json = n >= 5 && strcmp(path + n - 5, ".json") == 0, status = CLI_RESOURCES;
    FILE *f = open_memstream(&text, &size);
    if (f) {
        if (json)
            quant_report_json(r, f);
        else
            quant_report_html(r, f);
        if (fclose(f) == 0)
            status = write_file(path, text, size);
    } else {
        fprintf(stderr, "infer: %s: no memory for the report\n", path);
    }
    free(text);
    return status;
}
