/* The mutator of fuzz_session: a file is read, its graph changed, and written again; now and then
 * its bytes or the choices behind it are changed instead. */
#include "file/model.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mutate.h"

/* libFuzzer's interface. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
                                 uint8_t *out, size_t most, unsigned seed);

/* An input taken apart. */
struct taken {
    unsigned char *file;
    size_t bytes;
    struct fuzz_choices choices;
    infer_model *model; /* NULL where the file does not load */
};

static void take(struct taken *t, const uint8_t *data, size_t size)
{
    infer_load_options o = INFER_LOAD_OPTIONS_INIT;
    o.max_nodes = 64;
    o.max_values = 512;
    t->bytes = fuzz_split(data, size, &t->choices);
    t->file = fuzz_block(data, t->bytes);
    fuzz_reseal(t->file, t->bytes);
    t->model = NULL;
    infer_load_memory(t->file, t->bytes, &o, &t->model, NULL);
}

static void give_back(struct taken *t)
{
    infer_model_free(&t->model);
    free(t->file);
}

/* Bytes and choices into `out`; 0 where they do not fit. */
static size_t put_input(const void *file, size_t bytes, const struct fuzz_choices *choices,
                        uint8_t *out, size_t most)
{
    if (bytes + sizeof choices->byte > most)
        return 0;
    memcpy(out, file, bytes);
    memcpy(out + bytes, choices->byte, sizeof choices->byte);
    return bytes + sizeof choices->byte;
}

/* Writes a graph, with what else the model had; 0 where it breaks a rule or does not fit. */
static size_t put_graph(const struct taken *t, const struct infer__graph *g, uint8_t *out,
                        size_t most)
{
    struct infer__section extra[8];
    struct infer__file_content c = {.graph = g,
                                    .labels = t->model->labels,
                                    .nlabels = t->model->nlabels,
                                    .extra = extra,
                                    .nextra = 0,
                                    .about = &t->model->about};
    infer_allocator a = infer__allocator(NULL);
    infer_error err;
    void *bytes = NULL;
    size_t size = 0;
    for (uint32_t i = 0; i < t->model->nsections && c.nextra < 8; i++)
        if (t->model->sections[i].kind >= INFER__SECTION_PREPROCESS &&
            t->model->sections[i].kind != INFER__SECTION_ABOUT) /* its names are of this graph */
            extra[c.nextra++] = t->model->sections[i];
    if (infer__file_write(&c, NULL, &bytes, &size, &err) == INFER_OK)
        size = put_input(bytes, size, &t->choices, out, most);
    else
        size = 0;
    infer__free(&a, bytes);
    return size;
}

static size_t change_graph(struct taken *t, uint8_t *data, size_t most, struct rng *rng)
{
    size_t size = 0;
    for (int tries = 0; tries < 8 && !size; tries++) {
        struct infer__region region;
        struct infer__graph g;
        infer_error err;
        infer__region_init(&region, NULL);
        struct mutation m = {&g, {rng_next(rng)}};
        if (infer__graph_copy(&g, &t->model->graph, &region, &err) == INFER_OK) {
            for (unsigned n = 1 + rng_below(rng, 3); n; n--)
                mutate_graph(&m);
            size = put_graph(t, &g, data, most);
        }
        infer__region_free(&region);
    }
    return size;
}

static void change_choices(struct fuzz_choices *c, struct rng *rng)
{
    for (unsigned n = 1 + rng_below(rng, 4); n; n--)
        c->byte[rng_below(rng, rng_below(rng, 2) ? 4 : sizeof c->byte)] = (uint8_t)rng_next(rng);
}

/* The bytes of the file, and its checksums made right again. */
static size_t change_bytes(uint8_t *data, size_t size, size_t most)
{
    struct fuzz_choices choices;
    size = LLVMFuzzerMutate(data, size, most);
    fuzz_reseal(data, fuzz_split(data, size, &choices));
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct rng rng = {seed};
    struct taken t;
    unsigned what = rng_below(&rng, 16);
    take(&t, data, size);
    size_t changed = 0;
    if (what < 3)
        change_choices(&t.choices, &rng);
    if (what < 2)
        changed = put_input(t.file, t.bytes, &t.choices, data, most);
    else if (what < 15 && t.model)
        changed = change_graph(&t, data, most, &rng);
    give_back(&t);
    return changed ? changed : change_bytes(data, size, most);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
                                 uint8_t *out, size_t most, unsigned seed)
{
    struct taken t, other;
    struct infer__region region;
    struct infer__graph g;
    infer_error err;
    size_t size = 0;
    take(&t, a, na);
    take(&other, b, nb);
    infer__region_init(&region, NULL);
    struct mutation m = {&g, {seed}};
    if (t.model && other.model &&
        infer__graph_copy(&g, &t.model->graph, &region, &err) == INFER_OK) {
        mutate_join(&m, &other.model->graph);
        size = put_graph(&t, &g, out, most);
    }
    infer__region_free(&region);
    give_back(&t);
    give_back(&other);
    return size;
}
