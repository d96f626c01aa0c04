/* R7: every prefix of every file of the corpus is an error, read from memory that ends where the
 * prefix ends. Once as it is, and once with a header that says the prefix is whole.
 *
 * One block serves all prefixes of a file: what is cut off is poisoned, which AddressSanitizer
 * treats as the byte behind a heap block of that size. */
#include "tests/reliability/corpus.h"
#include "tests/reliability/model_run.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/* Large files are cut at every byte up to and in the graph, and at each 64th of the weights. */
enum { SMALL = 64 * 1024 };

static void cut(struct model_run *r, const struct corpus_file *f, size_t size)
{
    struct bytes b = {f->file.data, size};
    snprintf(r->what, sizeof r->what, "%s, the first %zu bytes", f->name, size);
    if (model_run(r, &b) == INFER_OK)
        check_failed(&r->check, "%s: loads", r->what);
}

/* The header says that the prefix is the file, and its checksum is right. */
static void cut_and_mend(struct model_run *r, const struct corpus_file *f, size_t size)
{
    unsigned char saved[INFER__FILE_HEADER], *data = f->file.data;
    if (size < INFER__FILE_HEADER)
        return;
    size_t table = INFER__FILE_HEADER + (size_t)get_le(data + 20, 4) * INFER__FILE_ENTRY;
    memcpy(saved, data, sizeof saved);
    put_le(data + 24, 8, size);
    if (table <= size)
        put_le(data + 8, 8, infer__checksum(data + 16, table - 16));
    cut(r, f, size);
    memcpy(data, saved, sizeof saved);
}

static void cut_file(struct model_run *r, const struct corpus_file *f)
{
    size_t graph_bytes = 0, graph = section_at(f->file.data, INFER__SECTION_GRAPH, &graph_bytes);
    for (size_t left = f->file.size; left-- > 0;) {
        ASAN_POISON_MEMORY_REGION(f->file.data + left, f->file.size - left);
        cut(r, f, left);
        if (f->file.size <= SMALL || left <= graph + graph_bytes || left % 64 == 0)
            cut_and_mend(r, f, left);
    }
    ASAN_UNPOISON_MEMORY_REGION(f->file.data, f->file.size);
}

int main(void)
{
    struct model_run r;
    static struct corpus corpus;
    model_run_init(&r, "R7 truncation");
    r.load_only = 1;
    corpus_small(&corpus);
    corpus_networks(&corpus);
    for (size_t i = 0; i < corpus.n; i++)
        cut_file(&r, &corpus.file[i]);
    size_t files = corpus.n;
    corpus_free(&corpus);
    return check_report(&r.check, "%llu prefixes of %zu files", (unsigned long long)r.loads, files);
}
