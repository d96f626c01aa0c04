/* R8: every flipped bit of header, section table and graph, and one for each 64 bytes of the rest:
 * with the checksums as they were an error, with checksums made right again an error or a model
 * that runs. Of large files a part of the bits is taken, as INFER_SCALE says. */
#include "tests/reliability/corpus.h"
#include "tests/reliability/model_run.h"

static void flip(unsigned char *p, size_t bit)
{
    p[bit / 8] = (unsigned char)(p[bit / 8] ^ 1u << bit % 8);
}

static void flip_both_ways(struct model_run *r, const struct corpus_file *f, size_t bit)
{
    struct bytes b = f->file;
    flip(b.data, bit);
    snprintf(r->what, sizeof r->what, "%s, bit %zu of byte %zu", f->name, bit % 8, bit / 8);
    if (model_run(r, &b) == INFER_OK)
        check_failed(&r->check, "%s: loads", r->what);
    /* a reseal of a wild table may write checksums anywhere in it, so it gets a copy */
    struct bytes copy = {exact_copy(b.data, b.size), b.size};
    flip(b.data, bit);
    snprintf(r->what, sizeof r->what, "%s, bit %zu of byte %zu, right checksums", f->name, bit % 8,
             bit / 8);
    reseal(copy.data, copy.size);
    model_run(r, &copy);
    free(copy.data);
}

/* Whether the bit is one of those above; `every` thins out the header, table and graph. */
static int chosen(size_t bit, size_t graph_end, size_t every)
{
    return bit < 8 * graph_end ? bit % every == 0 : bit % 512 == (bit / 512 * 37) % 512;
}

static void flip_file(struct model_run *r, const struct corpus_file *f, size_t every,
                      size_t every_weight)
{
    size_t size = 0, graph = section_at(f->file.data, INFER__SECTION_GRAPH, &size), weights = 0;
    for (size_t bit = 0; bit < 8 * f->file.size; bit++) {
        if (!chosen(bit, graph + size, every))
            continue;
        if (bit >= 8 * (graph + size) && weights++ % every_weight)
            continue;
        flip_both_ways(r, f, bit);
    }
}

int main(void)
{
    struct model_run r;
    static struct corpus small, networks;
    model_run_init(&r, "R8 bit flips");
    corpus_small(&small);
    corpus_networks(&networks);
    size_t every = check_scale(13, 1, 1);
    for (size_t i = 0; i < small.n; i++) {
        r.isa = i % 2 ? INFER_ISA_C : INFER_ISA_DEFAULT;
        flip_file(&r, &small.file[i], every, 1);
    }
    for (size_t i = 0; i < networks.n; i++)
        flip_file(&r, &networks.file[i], check_scale(10007, 503, 31), check_scale(1009, 211, 29));
    size_t files = small.n + networks.n;
    corpus_free(&small);
    corpus_free(&networks);
    return check_report(&r.check, "%llu flips in %zu files, of which %llu load and %llu run",
                        (unsigned long long)r.loads, files, (unsigned long long)r.loaded,
                        (unsigned long long)r.runs);
}
