/* infer eval for text: lines that are read, and where they are found. */
#include <math.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"

enum { MOST_NUMBERS = 7 };

struct texts {
    const struct eval_options *o;
    struct text_set set;
    struct text_counts *counts;
    int placed, known; /* lines have corners; texts are known on both sides */
    const char *names[MOST_NUMBERS];
    int nnames;
};

/* ---- numbers -------------------------------------------------------------------------------- */

static double part(double a, double b)
{
    return b > 0 ? a / b : (double)NAN;
}

static void measure(void *ctx, const uint32_t *weights, double *values)
{
    const struct texts *t = ctx;
    struct text_counts all = {0};
    int n = 0;
    for (uint32_t i = 0; i < t->set.pictures.count; i++) {
        const struct text_counts *c = &t->counts[i];
        const double w = weights ? weights[i] : 1;
        all.truths += w * c->truths;
        all.answers += w * c->answers;
        all.right += w * c->right;
        all.words += w * c->words;
        all.letters += w * c->letters;
        all.edits += w * c->edits;
        all.alike += w * c->alike;
        all.compared += w * c->compared;
    }
    if (t->placed) {
        values[n++] = 2 * all.right / fmax(all.truths + all.answers, 1e-300);
        values[n++] = all.answers > 0 ? all.right / all.answers : 0;
        values[n++] = all.truths > 0 ? all.right / all.truths : 0;
        if (t->known)
            values[n++] = 2 * all.words / fmax(all.truths + all.answers, 1e-300);
    }
    if (!t->known)
        return;
    values[n++] = part(all.words, all.truths);
    values[n++] = part(all.edits, all.letters);
    values[n++] = part(all.alike, all.compared);
}

static void name_numbers(struct texts *t)
{
    static const char *const of_places[] = {"f1", "precision", "recall"};
    static const char *const of_words[] = {"word_accuracy", "cer", "likeness"};
    for (int i = 0; i < 3 && t->placed; i++)
        t->names[t->nnames++] = of_places[i];
    if (t->placed && t->known)
        t->names[t->nnames++] = "f1_words";
    for (int i = 0; i < 3 && t->known; i++)
        t->names[t->nnames++] = of_words[i];
}

/* ---- the view ------------------------------------------------------------------------------- */

static void mark(void *ctx, uint32_t class, uint32_t *weights)
{
    (void)ctx; /* there are no classes */
    (void)class;
    (void)weights;
}

static const char *text_in(const struct text_lines *l, uint32_t picture)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->items[i].picture == picture && l->items[i].text)
            return l->items[i].text;
    return "";
}

static void describe(void *ctx, uint32_t picture, char *text, size_t size)
{
    const struct texts *t = ctx;
    const struct text_counts *c = &t->counts[picture];
    if (t->placed)
        snprintf(text, size, "%g of %g lines found, %g of %g answers right", c->right, c->truths,
                 c->right, c->answers);
    else
        snprintf(text, size, "says '%.80s', read '%.80s'", text_in(&t->set.truths, picture),
                 text_in(&t->set.answers, picture));
}

static int set_view(struct texts *t, struct eval_view *v)
{
    v->npictures = t->set.pictures.count;
    v->pictures = &t->set.pictures;
    v->classes = NULL;
    v->paths = t->o->model ? t->o->model->paths : NULL;
    v->quality = infer__region_calloc(t->set.region, v->npictures, sizeof *v->quality);
    if (!v->quality)
        return files_no_memory(t->o->data);
    v->quality_name = t->placed ? "f1" : "likeness";
    v->has_right = !t->placed;
    v->nvalues = t->nnames;
    v->names = t->names;
    v->measure = measure;
    v->mark = mark;
    v->ctx = t;
    v->describe = describe;
    for (uint32_t i = 0; i < v->npictures; i++) {
        const struct text_counts *c = &t->counts[i];
        const double lines = c->truths + c->answers;
        v->quality[i] =
            t->placed ? lines > 0 ? 2 * c->right / lines : 1 : part(c->alike, c->compared);
    }
    return CLI_OK;
}

static void report_all(struct texts *t, struct report *r)
{
    double values[MOST_NUMBERS], truths = 0, answers = 0;
    measure(t, NULL, values);
    for (int i = 0; i < t->nnames; i++)
        report_number(r, r->stats, t->names[i], values[i]);
    for (uint32_t i = 0; i < t->set.pictures.count; i++) {
        truths += t->counts[i].truths;
        answers += t->counts[i].answers;
    }
    report_count(r, r->root, "pictures", t->set.pictures.count);
    report_count(r, r->root, "truths", truths);
    report_count(r, r->root, "answers", t->placed ? answers : t->set.answers.count);
}

static int count(struct texts *t)
{
    infer_error err;
    const struct text_set *s = &t->set;
    int truths = 0, answers = s->answers.count == 0;
    t->placed = s->truths.count > 0 && (!t->o->model || t->o->model->reader.regions.model);
    for (uint32_t i = 0; i < s->truths.count; i++) {
        t->placed &= s->truths.items[i].placed;
        truths |= s->truths.items[i].text != NULL;
    }
    for (uint32_t i = 0; i < s->answers.count; i++)
        answers |= s->answers.items[i].text != NULL;
    t->known = truths && answers;
    if (!t->placed && !t->known) {
        fprintf(stderr, "infer: %s: neither places nor texts are in it and in the answers\n",
                t->o->data);
        return CLI_BAD_INPUT;
    }
    name_numbers(t);
    t->counts = infer__region_calloc(s->region, s->pictures.count, sizeof *t->counts);
    if (!t->counts)
        return files_no_memory(t->o->data);
    return text_count(s, t->placed, t->counts, &err) == INFER_OK ? CLI_OK
                                                                 : cli_fail(t->o->data, &err);
}

int eval_text(const struct eval_options *o, struct report *r, struct eval_view *v)
{
    struct texts *t = infer__region_calloc(&v->region, 1, sizeof *t);
    if (!o->data)
        return cli_usage("eval: give --data, the texts that %s is judged by", o->predictions);
    if (!t)
        return files_no_memory(o->data);
    t->o = o;
    t->set.region = t->set.pictures.region = &v->region;
    int status = read_text_truth(o->data, &t->set);
    if (status == CLI_OK)
        status = o->model ? model_text(o->model, o, &t->set)
                          : read_text_answers(o->predictions, &t->set);
    if (status == CLI_OK)
        status = count(t);
    if (status != CLI_OK)
        return status;
    report_all(t, r);
    return set_view(t, v);
}
