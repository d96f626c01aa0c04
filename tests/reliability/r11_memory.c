/* R11: loading takes at most 8 times the file's bytes of memory, and 64 KiB, whatever the file
 * says: sound files, files with a wild number in any field of the format, and the files that take
 * the most for their size. The allocator counts; model_run fails where the bound is passed. */
#include "tests/reliability/corpus.h"
#include "tests/reliability/format_records.h"
#include "tests/reliability/model_run.h"

struct hostile {
    struct model_run run;
    const struct corpus_file *file;
};

/* Every power of two, and everything set above it: counts of all sizes. */
static void visit(void *ctx, const struct span *s)
{
    struct hostile *h = ctx;
    if (s->role != NUMBER)
        return;
    for (size_t i = 0; i < s->count; i++) {
        size_t at = s->at + i * s->width;
        for (size_t bit = 0; bit < 8 * s->width; bit++) {
            for (int above = 0; above < 2; above++) {
                struct bytes b = {exact_copy(h->file->file.data, h->file->file.size),
                                  h->file->file.size};
                put_le(b.data + at, s->width, (above ? UINT64_MAX : 1) << bit);
                reseal(b.data, b.size);
                snprintf(h->run.what, sizeof h->run.what, "%s, %s, %s at byte %zu, bit %zu",
                         h->file->name, s->record, s->name, at, bit);
                model_run(&h->run, &b);
                free(b.data);
            }
        }
    }
}

/* Labels of no characters: a byte of the file each, and a pointer of memory. */
static struct bytes many_labels(void)
{
    static const char *labels[100000];
    struct known k;
    make_known(&k);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        labels[i] = "";
    k.content.labels = labels;
    k.content.nlabels = sizeof labels / sizeof *labels;
    struct bytes b = write_exact(&k.content);
    infer__region_free(&k.region);
    return b;
}

/* One node with as many operands as there are: four bytes each. */
static struct bytes many_references(void)
{
    struct known k;
    make_known(&k);
    struct infer__node *join = &k.g.nodes[k.g.nnodes - 1];
    uint32_t n = 100000, *in = infer__region_calloc(&k.region, n, sizeof *in);
    for (uint32_t i = 0; i < n; i++)
        in[i] = join->in[i % 2];
    join->in = in;
    join->nin = n;
    struct bytes b = write_exact(&k.content);
    infer__region_free(&k.region);
    return b;
}

/* Sections of one byte that are passed over: a place in the table each. */
static struct bytes many_sections(void)
{
    enum { MANY = 20000 };
    static struct infer__section extra[MANY];
    struct known k;
    make_known(&k);
    for (size_t i = 0; i < MANY; i++)
        extra[i] = (struct infer__section){INFER__SECTION_META, "", 1};
    k.content.extra = extra;
    k.content.nextra = MANY;
    struct bytes b = write_exact(&k.content);
    infer__region_free(&k.region);
    return b;
}

int main(void)
{
    static struct hostile h;
    static struct corpus corpus, whole;
    model_run_init(&h.run, "R11 memory");
    h.run.load_only = 1;
    corpus_small(&corpus);
    for (size_t i = 0; i < corpus.n; i++) {
        h.file = &corpus.file[i];
        walk_file(&h.file->file, visit, &h);
    }
    uint64_t hostile = h.run.loads;
    corpus_networks(&whole);
    corpus_add(&whole, "100,000 labels", many_labels());
    corpus_add(&whole, "100,000 operands", many_references());
    corpus_add(&whole, "20,000 sections", many_sections());
    for (size_t i = 0; i < whole.n; i++) {
        snprintf(h.run.what, sizeof h.run.what, "%s", whole.file[i].name);
        if (model_run(&h.run, &whole.file[i].file) != INFER_OK)
            check_failed(&h.run.check, "%s: does not load", whole.file[i].name);
    }
    size_t files = whole.n;
    corpus_free(&corpus);
    corpus_free(&whole);
    return check_report(&h.run.check,
                        "%llu wild numbers and %zu whole files take at most %.2f bytes a byte of "
                        "the file, and 64 KiB",
                        (unsigned long long)hostile, files, h.run.most_memory);
}
