/* A model's scores of classes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/status.h"
#include "tools/eval/files.h"
#include "tools/eval/model.h"
#include "tools/write_file.h"

enum { IMAGENET_WITH_BACKGROUND = 1001 };

struct scoring {
    struct eval_model *m;
    const struct eval_options *o;
    struct scores *s;
    struct name_list *files;
    struct truths truths;
    const char *folder; /* NULL: the truth has whole paths */
    double *values;
};

/* Classes are called by their labels, else by the data's numbers for them. */
static int name_classes(struct scoring *g)
{
    struct eval_model *m = g->m;
    const uint32_t first = (uint32_t)m->first_class, n = (uint32_t)m->classifier.top;
    /* labels may lack what stands before the first class */
    const uint32_t before = m->labels && m->nlabels == n - first ? first : 0;
    infer_error err;
    for (uint32_t k = first; k < n; k++) {
        const char *label = eval_model_label(m, (int64_t)k - before);
        char number[24];
        snprintf(number, sizeof number, "%u", k - first);
        if (names_add(&g->s->classes, k - first, label ? label : number, &err) != INFER_OK)
            return cli_fail(m->path, &err);
    }
    g->s->nclasses = n - first;
    return CLI_OK;
}

static int begin(struct scoring *g)
{
    struct eval_model *m = g->m;
    infer_error err;
    size_t n = 0;
    if (classifier_scores(&m->classifier, &n, &err) != INFER_OK)
        return cli_fail(m->path, &err);
    if (n < 2 || n > 1000000) {
        fprintf(stderr, "infer: %s: output 0 has %zu scores of classes\n", m->path, n);
        return CLI_BAD_INPUT;
    }
    m->classifier.top = n;
    if (m->first_class < 0) {
        m->first_class = n == IMAGENET_WITH_BACKGROUND;
        if (m->first_class && !m->quiet)
            fprintf(stderr,
                    "infer: %s: of its 1001 classes the first is taken for the background and left "
                    "out; --first-class 0 keeps it\n",
                    m->path);
    }
    if ((size_t)m->first_class >= n)
        return cli_usage("--first-class %ld: %s has %zu classes", m->first_class, m->path, n);
    g->values = infer__region_calloc(g->s->region, n, sizeof *g->values);
    return g->values ? name_classes(g) : files_no_memory(m->path);
}

/* ---- answering ------------------------------------------------------------------------------ */

static infer_status answer_picture(struct scoring *g, const char *path, infer_error *err)
{
    struct classifier *c = &g->m->classifier;
    struct answer a;
    infer_status status = classifier_run_file(c, path, &a, err);
    if (status == INFER_OK && a.found != c->top)
        status = infer__fail(err, INFER_ERROR_SHAPE, "%zu scores, not %zu", a.found, c->top);
    for (size_t k = 0; status == INFER_OK && k < a.found; k++) {
        const int64_t class = a.classes[k].index - g->m->first_class;
        const double score = (double)a.classes[k].score;
        if (class >= 0)
            g->values[class] = score;
        if (!(score >= -1e300 && score <= 1e300))
            status = infer__fail(err, INFER_ERROR_FORMAT, "the score of class %lld is %g",
                                 (long long)a.classes[k].index, score);
    }
    answer_free(&a);
    return status;
}

static int answer_all(struct scoring *g)
{
    const uint32_t n = g->truths.files.count;
    g->m->paths = infer__region_calloc(g->s->region, n, sizeof *g->m->paths);
    if (!g->m->paths)
        return files_no_memory(g->o->data);
    g->m->start_ms = cli_now_ms();
    for (uint32_t i = 0; i < n; i++) {
        const char *name = g->truths.files.items[i].text;
        const char *path = g->folder ? picture_find(g->s->region, g->folder, name, NULL) : name;
        const uint8_t *positive =
            g->truths.positive ? g->truths.positive + (size_t)i * g->s->nclasses : NULL;
        const uint32_t label = positive ? 0 : g->truths.labels[i];
        infer_error err;
        if (!path)
            eval_model_absent(g->m, g->o, name, g->folder);
        else if (answer_picture(g, path, &err) != INFER_OK)
            eval_model_miss(g->m, g->o, path, &err);
        else if (scores_add(g->s, g->values, label, positive, &err) != INFER_OK ||
                 names_add(g->files, i, name, &err) != INFER_OK)
            return cli_fail(path, &err);
        else
            g->m->paths[g->s->nrows - 1] = path;
        eval_model_step(g->m, g->o, n);
    }
    return eval_model_end(g->m);
}

/* Pictures of a list lie beside it. */
static int find_folder(struct scoring *g)
{
    static const char *const usual[] = {".", "images", "../images", NULL};
    struct stat st;
    if (!g->truths.files.count) {
        fprintf(stderr, "infer: %s: it has no pictures\n", g->o->data);
        return CLI_BAD_INPUT;
    }
    if (stat(g->o->data, &st) == 0 && S_ISDIR(st.st_mode))
        return CLI_OK;
    return pictures_folder(g->s->region, g->o, usual, g->truths.files.items[0].text, &g->folder);
}

/* ---- saving --------------------------------------------------------------------------------- */

static int save(const struct scoring *g)
{
    char *text = NULL;
    size_t size = 0;
    const struct scores *s = g->s;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return files_no_memory(g->o->save);
    fputs("file", f);
    for (uint32_t k = 0; k < s->nclasses; k++) {
        fputc(',', f);
        csv_string(f, s->classes.items[k].text);
    }
    for (uint32_t i = 0; i < s->nrows; i++) {
        fputc('\n', f);
        csv_string(f, g->files->items[i].text);
        for (uint32_t k = 0; k < s->nclasses; k++) /* 17 digits: the same number when it is read */
            fprintf(f, ",%.17g", s->values[(size_t)i * s->nclasses + k]);
    }
    fputc('\n', f);
    const int status =
        fclose(f) == 0 ? write_file(g->o->save, text, size) : files_no_memory(g->o->save);
    free(text);
    return status;
}

int model_score(struct eval_model *m, const struct eval_options *o, struct scores *s,
                struct name_list *files)
{
    struct scoring g = {.m = m, .o = o, .s = s, .files = files};
    g.truths.region = g.truths.files.region = files->region = s->region;
    int status = begin(&g);
    if (status == CLI_OK)
        status = read_truths(o->data, &s->classes, &g.truths);
    if (status == CLI_OK)
        status = find_folder(&g);
    if (status == CLI_OK)
        status = answer_all(&g);
    return status == CLI_OK && o->save ? save(&g) : status;
}
