/* The flat file's loader.
 *
 * Property: for any bytes, infer_load_memory gives a status and no model, or a model of which
 * every byte can be read and which, written again, gives a file that loads and is no larger. No
 * memory is touched that is not the library's or the block's, none is left behind, and no more is
 * taken than 8 times the block's bytes, and 64 KiB.
 *
 * The first byte decides: with bit 0 set, magic, size and checksums of the rest are made right
 * before it is loaded, so that the mutations reach the rules behind them; bit 1 leaves out the
 * checksum of the weights.
 */
#include "file/model.h"
#include "tests/fuzz/fuzz.h"

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
    struct infer__file_content c = {.graph = &m->graph,
                                    .labels = m->labels,
                                    .nlabels = m->nlabels,
                                    .extra = extra,
                                    .nextra = 0};
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    void *bytes;
    size_t written;
    for (uint32_t i = 0; i < m->nsections && c.nextra < 64; i++)
        if (m->sections[i].kind >= INFER__SECTION_PREPROCESS)
            extra[c.nextra++] = m->sections[i];
    REQUIRE(infer__file_write(&c, NULL, &bytes, &written, &err) == INFER_OK);
    REQUIRE(written <= size);
    infer__free(&a, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counter counter;
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    infer_model *m = NULL;
    infer_error err;
    if (size < 1)
        return 0;
    size_t bytes = size - 1;
    void *block = fuzz_block(data + 1, bytes);
    if (data[0] & 1)
        fuzz_reseal(block, bytes);
    o.allocator = counting(&counter);
    o.skip_weight_check = data[0] >> 1 & 1;
    infer_status status = infer_load_memory(block, bytes, &o, &m, &err);
    REQUIRE(status == err.status && (status == INFER_OK) == (m != NULL));
    REQUIRE(counter.peak <= 8 * bytes + 65536);
    if (m) {
        touch(m);
        write_again(m, bytes);
    }
    infer_model_free(&m);
    REQUIRE(counter.bytes == 0);
    free(block);
    return 0;
}
