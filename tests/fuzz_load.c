/* A libFuzzer target for the flat file's loader.
 *
 * Property: for any bytes, infer_load_memory gives a status and no model, or a model of which
 * every byte can be read and which, written again, gives a file that loads and is no larger. No
 * memory is touched that is not the library's or the block's, none is left behind, and no more is
 * taken than 8 times the block's bytes, and 64 KiB.
 *
 * The first byte decides: with bit 0 set, the checksums of the rest are made right before it is
 * loaded, so that the mutations reach the rules behind them.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DINFER_ONEDNN=0 -D_GNU_SOURCE \
 *         -Iinclude -Isrc -I. tests/fuzz_load.c src/base/[mst]*.c src/graph/[a-z]*.c
 * src/file/[a-z]*.c \ -lm -o fuzz_load && ./fuzz_load corpus/
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "file/checksum.h"
#include "file/layout.h"
#include "file/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct counter {
    size_t held, peak;
};

static void *count_alloc(void *ctx, size_t bytes)
{
    struct counter *c = ctx;
    size_t *p = malloc(bytes + 64);
    if (!p)
        return NULL;
    *p = bytes;
    c->held += bytes;
    c->peak = c->held > c->peak ? c->held : c->peak;
    return (char *)p + 64;
}

static void count_free(void *ctx, void *memory)
{
    struct counter *c = ctx;
    size_t *p = (void *)((char *)memory - 64);
    c->held -= *p;
    free(p);
}

static uint64_t get(const unsigned char *p, size_t width)
{
    uint64_t v = 0;
    memcpy(&v, p, width);
    return v;
}

/* Magic and checksums made right, as far as the section table can be followed. */
static void reseal(unsigned char *p, size_t size)
{
    if (size < INFER__FILE_HEADER)
        return;
    memcpy(p, INFER__FILE_MAGIC, 8);
    uint64_t n = get(p + 20, 4), file_size = size;
    memcpy(p + 24, &file_size, 8);
    for (uint64_t i = 0; i < n && 96 + 32 * i <= size; i++) {
        unsigned char *e = p + 64 + 32 * i;
        uint64_t offset = get(e + 8, 8), bytes = get(e + 16, 8);
        if (bytes > size || offset > size - bytes)
            continue;
        uint64_t sum = infer__checksum(p + offset, (size_t)bytes);
        memcpy(e + 24, &sum, 8);
    }
    if (64 + 32 * n <= size) {
        uint64_t sum = infer__checksum(p + 16, (size_t)(48 + 32 * n));
        memcpy(p + 8, &sum, 8);
    }
}

static void require(int condition)
{
    if (!condition)
        abort();
}

/* Reads all that the model refers to. */
static void touch(const infer_model *m)
{
    const struct infer__graph *g = &m->graph;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < g->nvalues; i++) {
        const struct infer__value *v = &g->values[i];
        sum += strlen(v->name);
        if (v->kind == INFER__VALUE_CONST)
            sum += infer__checksum(v->data, infer__value_bytes(v));
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        sum += strlen(n->name) + infer__checksum(n->in, n->nin * sizeof *n->in) +
               infer__checksum(n->out, n->nout * sizeof *n->out);
        for (uint32_t k = 0; k < n->nattr; k++)
            sum += infer__checksum(n->attr[k].ints,
                                   n->attr[k].count * (n->attr[k].type == INFER__ATTR_INTS
                                                           ? sizeof(int64_t)
                                                           : sizeof(float)));
    }
    for (size_t i = 0; i < infer_model_labels(m); i++)
        sum += strlen(infer_model_label(m, i));
    volatile uint64_t keep = sum; /* so that the reads are not optimised away */
    (void)keep;
}

static void write_again(const infer_model *m, size_t size)
{
    struct infer__section extra[64];
    struct infer__file_content c = {&m->graph, m->labels, m->nlabels, extra, 0};
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    void *bytes;
    size_t written;
    for (uint32_t i = 0; i < m->nsections && c.nextra < 64; i++)
        if (m->sections[i].kind >= INFER__SECTION_PREPROCESS)
            extra[c.nextra++] = m->sections[i];
    require(infer__file_write(&c, NULL, &bytes, &written, &err) == INFER_OK);
    require(written <= size);
    infer__free(&a, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counter counter = {0, 0};
    infer_load_options o;
    infer_model *m = NULL;
    infer_error err;
    void *block = NULL;
    if (size < 1)
        return 0;
    /* a block of exactly the file's size, so that AddressSanitizer sees the byte behind it */
    size_t bytes = size - 1;
    require(posix_memalign(&block, 64, bytes ? bytes : 1) == 0);
    memcpy(block, data + 1, bytes);
    if (data[0] & 1)
        reseal(block, bytes);
    infer_load_options_init(&o);
    o.allocator = (infer_allocator){&counter, count_alloc, count_free};
    o.skip_weight_check = data[0] >> 1 & 1;
    infer_status status = infer_load_memory(block, bytes, &o, &m, &err);
    require(status == err.status && (status == INFER_OK) == (m != NULL));
    require(counter.peak <= 8 * bytes + 65536);
    if (m) {
        touch(m);
        write_again(m, bytes);
    }
    infer_model_free(&m);
    require(counter.held == 0);
    free(block);
    return 0;
}
