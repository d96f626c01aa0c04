/* Writes the seeds of the fuzz targets: of fuzz_session, fuzz_packed, fuzz_load and fuzz_onnx from
 * graphs.txt, whose beginning says how it is written, and of the others from make_seeds.h; and the
 * findings of findings.txt. build/tests/make_seeds tests/fuzz
 */
#include "tests/fuzz/make_seeds.h"

#include <errno.h>
#include <sys/stat.h>

#include "file/model.h"
#include "run/session.h"
#include "tests/fuzz/fuzz.h"
#include "tools/onnx/onnx_export.h"
#include "tools/read_file.h"

enum { MOST_WORDS = 64, MOST_ELEMENTS = 1 << 16 };

struct seed {
    char name[64];
    struct infer__region region;
    struct infer__graph g;
    struct rng rng;
    struct fuzz_choices choices;
    size_t nchoices;
    unsigned line;
    int finding;
};

/* A line, cut at spaces. */
struct words {
    char text[1024];
    char *word[MOST_WORDS];
    unsigned count;
};

_Noreturn static void stop(const struct seed *s, const char *what)
{
    fprintf(stderr, "%s, line %u: %s\n", s->name, s->line, what);
    exit(2);
}

static void check(const struct seed *s, infer_status status, const infer_error *err)
{
    if (status != INFER_OK)
        stop(s, err->message);
}

void seed_write(const char *folder, const char *target, const char *name, const void *bytes,
                size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, target);
    mkdir(folder, 0777);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
}

/* ---- reading -------------------------------------------------------------------------------- */

/* `op` stands for "$". */
static void cut(struct words *w, const char *line, const char *op)
{
    snprintf(w->text, sizeof w->text, "%s", line);
    w->count = 0;
    for (char *p = strtok(w->text, " "); p && w->count < MOST_WORDS; p = strtok(NULL, " "))
        w->word[w->count++] = op && strcmp(p, "$") == 0 ? (char *)(uintptr_t)op : p;
}

static uint32_t find_value(const struct seed *s, const char *name)
{
    for (uint32_t i = 1; i < s->g.nvalues; i++)
        if (strcmp(s->g.values[i].name, name) == 0)
            return i;
    if (strcmp(name, "-") != 0)
        stop(s, "an operand is not there");
    return 0;
}

static uint32_t new_value(struct seed *s, const char *name)
{
    uint32_t id;
    infer_error err;
    check(s, infer__graph_add_value(&s->g, name, &id, &err), &err);
    return id;
}

/* "f32" and "1x3x?" into a value. */
static void set_shape(struct seed *s, struct infer__value *v, const char *type, const char *dims)
{
    for (int t = INFER_F32; t <= INFER_BOOL; t++)
        if (strcmp(type, infer_type_name((infer_type)t)) == 0)
            v->type = (uint8_t)t;
    if (!v->type)
        stop(s, "no type");
    for (const char *p = dims; strcmp(dims, "-") != 0 && v->rank < INFER_MAX_RANK;) {
        char *end;
        if (*p == '?')
            v->free_dims |= 1u << v->rank;
        else
            v->dims[v->rank] = strtoll(p, &end, 10);
        v->rank++;
        p = *p == '?' ? p + 1 : end;
        if (*p++ != 'x')
            break;
    }
    v->shaped = !v->free_dims;
}

static void put_element(unsigned char *p, infer_type type, const char *text)
{
    float f = strtof(text, NULL);
    int64_t i = strtoll(text, NULL, 10);
    if (type == INFER_F32)
        memcpy(p, &f, sizeof f);
    else
        memcpy(p, &i, infer_type_size(type));
}

/* c = const TYPE DIMS [: values] */
static void read_const(struct seed *s, const struct words *w)
{
    struct infer__value v = {0};
    set_shape(s, &v, w->word[3], w->word[4]);
    size_t n = (size_t)infer__value_elements(&v), size = infer_type_size((infer_type)v.type);
    unsigned char data[MOST_ELEMENTS];
    uint32_t id;
    infer_error err;
    if (n * size > sizeof data || (w->count > 5 && w->count != 6 + n))
        stop(s, "another number of values");
    for (size_t i = 0; i < n; i++) {
        char text[32];
        uint32_t any = rng_below(&s->rng, v.type == INFER_F32 ? 256 : 100);
        snprintf(text, sizeof text, "%g", v.type == INFER_F32 ? (any - 128.0) / 128 : any);
        put_element(data + i * size, (infer_type)v.type, w->count > 5 ? w->word[6 + i] : text);
    }
    check(s,
          infer__graph_add_const(&s->g, w->word[0], (infer_type)v.type, v.rank, v.dims, data, 1,
                                 &id, &err),
          &err);
}

/* x = input TYPE DIMS */
static void read_input(struct seed *s, const struct words *w)
{
    uint32_t id = new_value(s, w->word[0]);
    struct infer__value *v = &s->g.values[id];
    set_shape(s, v, w->word[3], w->word[4]);
    v->kind = INFER__VALUE_INPUT;
    uint32_t *in = infer__region_calloc(&s->region, s->g.ninputs + 1, sizeof *in);
    if (s->g.ninputs)
        memcpy(in, s->g.inputs, s->g.ninputs * sizeof *in);
    in[s->g.ninputs++] = id;
    s->g.inputs = in;
}

/* "pads=1,1" */
static void read_attr(struct seed *s, struct infer__node *n, char *text)
{
    char *value = strchr(text, '=');
    int64_t ints[16];
    float real;
    uint32_t count = 0;
    infer_error err;
    *value++ = 0;
    uint16_t key = infer__attr_find(text);
    if (infer__attr_kind(key) == INFER__ATTR_FLOATS) {
        real = strtof(value, NULL);
        check(s, infer__node_set_floats(&s->g, n, key, &real, 1, &err), &err);
        return;
    }
    for (char *p = value; *p && count < 16; p += *p == ',')
        ints[count++] = strtoll(p, &p, 10);
    check(s, infer__node_set_ints(&s->g, n, key, ints, count, &err), &err);
}

/* y z = Op x - c key=1,2 */
static void read_node(struct seed *s, const struct words *w, unsigned equals)
{
    uint32_t in[MOST_WORDS], out[MOST_WORDS], nin = 0;
    struct infer__node *n;
    infer_error err;
    unsigned at = equals + 2;
    for (; at < w->count && !strchr(w->word[at], '='); at++)
        in[nin++] = find_value(s, w->word[at]);
    for (unsigned i = 0; i < equals; i++)
        out[i] = new_value(s, w->word[i]);
    uint16_t op = infer__op_find(w->word[equals + 1]);
    if (!op)
        stop(s, "no operator");
    check(s, infer__graph_add_node(&s->g, op, w->word[0], in, nin, out, equals, &n, &err), &err);
    for (; at < w->count; at++)
        read_attr(s, n, w->word[at]);
}

static void read_outputs(struct seed *s, const struct words *w)
{
    s->g.outputs = infer__region_calloc(&s->region, w->count, sizeof *s->g.outputs);
    for (unsigned i = 1; i < w->count; i++)
        s->g.outputs[s->g.noutputs++] = find_value(s, w->word[i]);
}

static void read_line(struct seed *s, const struct words *w)
{
    unsigned equals = 0;
    while (equals < w->count && strcmp(w->word[equals], "=") != 0)
        equals++;
    if (strcmp(w->word[0], "out") == 0)
        read_outputs(s, w);
    else if (strcmp(w->word[0], "choices") == 0)
        for (unsigned i = 1; i < w->count && i <= sizeof s->choices.byte; i++)
            s->choices.byte[s->nchoices++] = (uint8_t)atoi(w->word[i]);
    else if (equals + 1 >= w->count)
        stop(s, "no line of a graph");
    else if (strcmp(w->word[equals + 1], "const") == 0)
        read_const(s, w);
    else if (strcmp(w->word[equals + 1], "input") == 0)
        read_input(s, w);
    else
        read_node(s, w, equals);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_onnx(struct seed *s, const char *folder, const void *file, size_t size)
{
    infer_allocator a = infer__allocator(NULL);
    infer_model *m = NULL;
    infer_error err;
    void *bytes;
    check(s, infer_load_memory(file, size, NULL, &m, &err), &err);
    if (onnx_export(m, &bytes, &size, &err) == INFER_OK) {
        seed_write(folder, "onnx", s->name, bytes, size);
        infer__free(&a, bytes);
    } /* else it wants a shape or a value, and there are none to give */
    infer_model_free(&m);
}

/* Dimensions that the writer refuses stand in a file all the same: it is written with others,
 * beyond every offset of a file so small, and those are changed where they stand. */
enum { STAND_IN = 30011, MOST_REFUSED = 16 };

struct refused {
    int64_t dim[MOST_REFUSED];
    uint32_t count;
};

static struct refused hide_refused(struct seed *s)
{
    struct refused r = {.count = 0};
    for (uint32_t i = 1; i < s->g.nvalues; i++)
        for (unsigned d = 0; d < s->g.values[i].rank; d++) {
            int64_t *dim = &s->g.values[i].dims[d];
            if (*dim < 1 << 28)
                continue;
            if (r.count == MOST_REFUSED)
                stop(s, "too many large dimensions");
            r.dim[r.count] = *dim;
            *dim = STAND_IN + r.count++;
        }
    return r;
}

static void show_refused(const struct seed *s, const struct refused *r, unsigned char *file,
                         size_t size)
{
    for (uint32_t i = 0; i < r->count; i++) {
        unsigned found = 0;
        for (size_t at = 0; at + 8 <= size; at += 8)
            if (get_le(file + at, 8) == STAND_IN + i) {
                put_le(file + at, 8, (uint64_t)r->dim[i]);
                found++;
            }
        if (found != 1)
            stop(s, "a large dimension is not where it was expected");
    }
    fuzz_reseal(file, size);
}

/* What a session of AVX2 packs that may be stored; the checksum of the weights. */
static uint32_t storable(const void *bytes, size_t size, uint64_t *weights)
{
    infer_session_options o = INFER_SESSION_OPTIONS_INIT;
    infer_session *session = NULL;
    infer_model *m = NULL;
    uint32_t n = 0;
    o.isa = INFER_ISA_AVX2;
    o.threads = 1;
    *weights = 0;
    if (infer_load_memory(bytes, size, NULL, &m, NULL) != INFER_OK)
        return 0;
    *weights = m->weights_sum;
    (void)infer_session_create(m, &o, &session, NULL);
    for (uint32_t i = 0; session && i < session->program->plan.nsteps; i++) {
        const struct infer__step *step = &session->program->plan.steps[i];
        n += step->packed && step->kernel->stored;
    }
    infer_session_free(&session);
    infer_model_free(&m);
    return n;
}

static void write_seed(struct seed *s, const char *folder)
{
    static const char *const labels[] = {"cat", "d\xC3\xB6g"};
    struct infer__file_content c = {.graph = &s->g};
    const struct infer__node *last = &s->g.nodes[s->g.nnodes - 1];
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    void *bytes;
    size_t size;
    if (!s->g.noutputs) {
        s->g.outputs = last->out;
        s->g.noutputs = last->nout;
    }
    uint64_t weights;
    const struct refused refused = s->finding ? hide_refused(s) : (struct refused){.count = 0};
    check(s, infer__file_write(&c, NULL, &bytes, &size, &err), &err);
    show_refused(s, &refused, bytes, size);
    unsigned char *all = fuzz_block(NULL, size + 1 + s->nchoices);
    memcpy(all, bytes, size);
    memcpy(all + size, s->choices.byte, s->nchoices);
    seed_write(folder, "session", s->name, all, size + s->nchoices);
    const uint32_t stored = storable(bytes, size, &weights);
    if (stored && !s->finding)
        seed_write(folder, "packed", s->name, all, size + s->nchoices);
    if (!s->finding)
        write_onnx(s, folder, bytes, size);
    infer__free(&a, bytes);
    if (s->g.nnodes > 2 && !s->finding) { /* every section, behind the byte of fuzz_load */
        struct seed_sections extra = seed_sections(weights);
        c.labels = labels;
        c.nlabels = 2;
        c.extra = extra.section;
        c.nextra = SEED_SECTIONS;
        c.about = seed_about();
        check(s, infer__file_write(&c, NULL, &bytes, &size, &err), &err);
        all = realloc(all, size + 1);
        REQUIRE(all != NULL);
        all[0] = 1;
        memcpy(all + 1, bytes, size);
        seed_write(folder, "load", s->name, all, size + 1);
        infer__free(&a, bytes);
    }
    free(all);
}

/* The graph that begins at line `at`, for one operator. A finding is a seed of fuzz_session alone.
 */
static void make_seed(char **lines, unsigned nlines, unsigned at, const char *name, const char *op,
                      const char *folder, int finding)
{
    struct seed s = {.rng = {7}, .line = at + 1, .finding = finding};
    struct words w;
    infer_error err;
    snprintf(s.name, sizeof s.name, "%s%s%s", name, op ? "_" : "", op ? op : "");
    infer__region_init(&s.region, NULL);
    check(&s, infer__graph_init(&s.g, &s.region, &err), &err);
    for (unsigned i = at + 1; i < nlines && lines[i][0] && lines[i][0] != '#'; i++) {
        s.line = i + 1;
        cut(&w, lines[i], op);
        read_line(&s, &w);
    }
    write_seed(&s, folder);
    infer__region_free(&s.region);
}

static void make_all(const char *path, const char *folder, int finding)
{
    struct words w;
    unsigned nlines = 0;
    char **lines = read_lines(path, &nlines);
    if (!lines)
        exit(2);
    for (unsigned i = 0; i < nlines; i++) {
        cut(&w, lines[i], NULL);
        if (w.count == 2 && strcmp(w.word[0], "seed") == 0)
            make_seed(lines, nlines, i, w.word[1], NULL, folder, finding);
        else if (w.count > 2 && strcmp(w.word[0], "each") == 0)
            for (unsigned k = 2; k < w.count; k++)
                make_seed(lines, nlines, i, w.word[1], w.word[k], folder, finding);
    }
    free(lines);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "tests/fuzz";
    char seeds[512], findings[512];
    snprintf(seeds, sizeof seeds, "%s/seeds", folder);
    snprintf(findings, sizeof findings, "%s/findings", folder);
    make_all("tests/fuzz/graphs.txt", seeds, 0);
    make_all("tests/fuzz/findings.txt", findings, 1);
    seed_pictures(seeds);
    seed_answers(seeds);
    seed_decoders(seeds);
    seed_texts(seeds);
    return 0;
}
