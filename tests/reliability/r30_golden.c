/* R30: files of every released version of the format load for ever, mean what they meant, and give
 * the answers they gave. tests/data/golden has, for each, NAME.infer; NAME.txt, what it says; and
 * where it can be run NAME.f32, its outputs. They are only ever added to: a version that writes
 * another format makes files of its own with "r30_golden write VERSION", and old ones stay. */
#include <errno.h>
#include <math.h>

#include "base/cpu.h"
#include "tests/reliability/corpus.h"
#include "tests/reliability/model_run.h"

/* ---- what a file says ----------------------------------------------------------------------- */

static void dump_value(FILE *f, const struct infer__graph *g, uint32_t id)
{
    char text[256];
    const struct infer__value *v = &g->values[id];
    fprintf(f, "value %u '%s' kind %u", id, v->name, v->kind);
    if (v->type)
        fprintf(f, " %s", infer__value_text(v, text, sizeof text));
    if (v->kind == INFER__VALUE_CONST)
        fprintf(f, " data %016llx",
                (unsigned long long)infer__checksum(v->data, infer__value_bytes(v)));
    fputc('\n', f);
}

static void dump_node(FILE *f, const struct infer__node *n)
{
    fprintf(f, "node '%s' %s", n->name, infer__op_info(n->op)->name);
    for (uint32_t i = 0; i < n->nin; i++)
        fprintf(f, " %u", n->in[i]);
    fputs(" ->", f);
    for (uint32_t i = 0; i < n->nout; i++)
        fprintf(f, " %u", n->out[i]);
    for (uint32_t i = 0; i < n->nattr; i++) {
        const struct infer__attr *a = &n->attr[i];
        fprintf(f, " %s", infer__attr_name(a->key));
        for (uint32_t k = 0; k < a->count; k++)
            if (a->type == INFER__ATTR_FLOATS)
                fprintf(f, "%c%a", k ? ',' : '=', (double)a->floats[k]);
            else
                fprintf(f, "%c%lld", k ? ',' : '=', (long long)a->ints[k]);
    }
    fputc('\n', f);
}

static void dump_section(FILE *f, const struct infer__section *s)
{
    struct infer__tuned t;
    fprintf(f, "section %u of %zu bytes %016llx\n", s->kind, s->size,
            (unsigned long long)infer__checksum(s->data, s->size));
    if (s->kind != INFER__SECTION_TUNED)
        return;
    infer__tuned_open(s->data, &t);
    for (uint32_t i = 0; i < t.nentries; i++) {
        struct infer__tuned_entry e = infer__tuned_get(&t, i);
        fprintf(f, "tuned %llu '%s' flags %u\n", (unsigned long long)e.key, e.kernel, e.flags);
    }
}

/* The whole of a model as text, to be freed. */
static char *dump(const infer_model *m)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    const struct infer__graph *g = &m->graph;
    infer_preprocess p = INFER_PREPROCESS_INIT;
    infer_error err;
    if (!f)
        fail_msg("no memory for a dump");
    for (uint32_t i = 1; i < g->nvalues; i++)
        dump_value(f, g, i);
    for (uint32_t i = 0; i < g->nnodes; i++)
        dump_node(f, &g->nodes[i]);
    for (uint32_t i = 0; i < g->ninputs; i++)
        fprintf(f, "input %u\n", g->inputs[i]);
    for (uint32_t i = 0; i < g->noutputs; i++)
        fprintf(f, "output %u\n", g->outputs[i]);
    for (size_t i = 0; i < infer_model_labels(m); i++)
        fprintf(f, "label '%s'\n", infer_model_label(m, i));
    for (uint32_t i = 0; i < m->nsections; i++)
        dump_section(f, &m->sections[i]);
    if (infer_model_preprocess(m, &p, &err) == INFER_OK)
        fprintf(f, "preprocess %d %dx%d %d %d\n", p.fit, p.width, p.height, p.color, p.layout);
    fclose(f);
    return text;
}

/* The outputs of a run at a level, to be freed; NULL where there is no session. */
static float *answers(struct model_run *r, const struct bytes *b, infer_isa isa, size_t *count)
{
    char *out = NULL;
    size_t size = 0;
    uint64_t runs = r->runs;
    r->isa = isa;
    r->answers = open_memstream(&out, &size);
    model_run(r, b);
    fclose(r->answers);
    *count = size / sizeof(float);
    if (r->runs == runs) {
        free(out);
        return NULL;
    }
    return (void *)out;
}

/* ---- checking ------------------------------------------------------------------------------- */

/* "1.0-net.infer" with another ending. */
static void path_of(char *path, size_t size, const char *name, const char *ending)
{
    snprintf(path, size, "%s/%.*s.%s", corpus_golden_folder(),
             (int)(strlen(name) - strlen(".infer")), name, ending);
}

static void same_answers(struct check *c, const char *what, const float *got, size_t n,
                         const struct bytes *want)
{
    float most = 0, worst = 0;
    if (!got || n * sizeof *got != want->size) {
        check_failed(c, "%s: %zu answers, not %zu", what, n, want->size / sizeof *got);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        float w;
        memcpy(&w, want->data + i * sizeof w, sizeof w);
        most = fabsf(w) > most ? fabsf(w) : most;
        worst = !(fabsf(got[i] - w) <= worst) ? fabsf(got[i] - w) : worst;
    }
    if (!(worst <= 1e-5f * most))
        check_failed(c, "%s: an answer is off by %g of at most %g", what, (double)worst,
                     (double)most);
}

static void check_answers(struct model_run *r, const struct corpus_file *f)
{
    char path[512];
    path_of(path, sizeof path, f->name, "f32");
    struct bytes want = corpus_read(path);
    if (!want.data)
        return;
    for (infer_isa isa = INFER_ISA_C; isa; isa = infer__isa_next(isa)) {
        size_t n;
        snprintf(r->what, sizeof r->what, "%s at %s", f->name, infer_isa_name(isa));
        float *got = answers(r, &f->file, isa, &n);
        same_answers(&r->check, r->what, got, n, &want);
        free(got);
    }
    free(want.data);
}

static void check_meaning(struct model_run *r, const struct corpus_file *f)
{
    char path[512];
    infer_model *m;
    infer_error err;
    path_of(path, sizeof path, f->name, "txt");
    struct bytes want = corpus_read(path);
    if (infer_load_memory(f->file.data, f->file.size, NULL, &m, &err) != INFER_OK) {
        check_failed(&r->check, "%s: %s", f->name, err.message);
    } else {
        char *got = dump(m);
        if (!want.data || strlen(got) != want.size || memcmp(got, want.data, want.size))
            check_failed(&r->check, "%s does not say what %s says", f->name, path);
        free(got);
        infer_model_free(&m);
    }
    free(want.data);
}

/* ---- making golden files -------------------------------------------------------------------- */

/* A node of every operator that a file may hold, with all of its attributes. */
static struct bytes every_operator(void)
{
    struct net n = {.rng = {1}};
    infer__region_init(&n.region, NULL);
    OK(infer__graph_init(&n.g, &n.region, &n.err));
    uint32_t x = net_input(&n), *outputs = infer__region_calloc(&n.region, 256, sizeof *outputs);
    for (uint16_t op = 1; op < INFER__OP_COUNT; op++) {
        const struct infer__op_info *info = infer__op_info(op);
        const int64_t ints[2] = {op, -1};
        const float half = 0.5f;
        struct infer__node *node;
        uint32_t in[16] = {x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
        if (info->internal)
            continue;
        outputs[n.g.noutputs++] = net_node(&n, op, info->name, in, info->min_in, &node);
        for (uint16_t key = 1; key < INFER__ATTR_COUNT; key++) {
            if (!(info->attrs >> key & 1))
                continue;
            if (infer__attr_kind(key) == INFER__ATTR_FLOATS)
                OK(infer__node_set_floats(&n.g, node, key, &half, 1, &n.err));
            else
                net_attr(&n, node, key, 1, ints);
        }
    }
    n.g.outputs = outputs;
    struct infer__file_content content = {.graph = &n.g};
    struct bytes b = write_exact(&content);
    infer__region_free(&n.region);
    return b;
}

static void write_to(const char *version, const char *name, const char *ending, const void *bytes,
                     size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%s.%s", corpus_golden_folder(), version, name, ending);
    FILE *f = fopen(path, "wx"); /* an old one is never changed */
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
        fail_msg("%s: %s", path, strerror(errno));
    printf("%s\n", path);
}

static void write_golden(struct model_run *r, const char *version, const char *name, struct bytes b)
{
    infer_model *m;
    infer_error err;
    size_t n;
    check_ok(infer_load_memory(b.data, b.size, NULL, &m, &err), &err);
    char *text = dump(m);
    infer_model_free(&m);
    write_to(version, name, "infer", b.data, b.size);
    write_to(version, name, "txt", text, strlen(text));
    float *out = answers(r, &b, INFER_ISA_C, &n);
    if (out)
        write_to(version, name, "f32", out, n * sizeof *out);
    free(out);
    free(text);
    free(b.data);
}

int main(int argc, char **argv)
{
    struct model_run r;
    static struct corpus corpus;
    model_run_init(&r, "R30 golden files");
    if (argc == 3 && strcmp(argv[1], "write") == 0) {
        write_golden(&r, argv[2], "known", known_file());
        write_golden(&r, argv[2], "every-section", corpus_every_section());
        write_golden(&r, argv[2], "every-operator", every_operator());
        return 0;
    }
    corpus_add_golden(&corpus);
    for (size_t i = 0; i < corpus.n; i++) {
        check_meaning(&r, &corpus.file[i]);
        check_answers(&r, &corpus.file[i]);
    }
    if (corpus.n == 0)
        check_failed(&r.check, "there are no files in %s", corpus_golden_folder());
    size_t files = corpus.n;
    corpus_free(&corpus);
    return check_report(&r.check, "%zu files say what they said, %llu runs give the same answers",
                        files, (unsigned long long)r.runs);
}
