/* What the tests of the flat file share, beside file_bytes.h: graphs to write, files taken apart
 * and put together again. */
#ifndef INFER_TESTS_FILE_FIXTURE_H
#define INFER_TESTS_FILE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "file/model.h"
#include "tests/file_bytes.h"

/* ---- random numbers ------------------------------------------------------------------------- */

/* From INFER_SEED, printed, so that a failure can be repeated. */
FIXTURE uint64_t test_seed(void)
{
    const char *s = getenv("INFER_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : 20260731;
    printf("INFER_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* An exact-size block at a 64-byte boundary, so that AddressSanitizer sees the byte behind it. */
FIXTURE void *exact_copy(const void *bytes, size_t size)
{
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, 64, size ? size : 1), 0);
    memcpy(p, bytes, size);
    return p;
}

/* ---- files ---------------------------------------------------------------------------------- */

struct bytes {
    unsigned char *data; /* an exact-size block */
    size_t size;
};

/* Writes a file into an exact-size block. */
FIXTURE struct bytes write_exact(const struct infer__file_content *content)
{
    void *bytes;
    struct bytes b = {NULL, 0};
    infer_error err;
    infer_status status = infer__file_write(content, NULL, &bytes, &b.size, &err);
    if (status != INFER_OK)
        fail_msg("infer__file_write: %s: %s", infer_status_name(status), err.message);
    b.data = exact_copy(bytes, b.size);
    infer_allocator a = infer__allocator(NULL);
    infer__free(&a, bytes);
    return b;
}

/* Where a section lies; fails the test if there is none. */
FIXTURE size_t section_at(const unsigned char *p, uint32_t kind, size_t *size)
{
    for (size_t i = 0; i < get_le(p + 20, 4); i++) {
        const unsigned char *e = p + 64 + 32 * i;
        if (get_le(e, 4) == kind) {
            *size = (size_t)get_le(e + 16, 8);
            return (size_t)get_le(e + 8, 8);
        }
    }
    fail_msg("no section of kind %u", kind);
    return 0;
}

/* Sections as separate blocks, from which a file can be put together. */
struct part {
    uint32_t kind, flags;
    unsigned char *data;
    size_t size;
};
struct parts {
    struct part part[16];
    size_t n;
};

FIXTURE struct parts take_apart(const struct bytes *b)
{
    struct parts p = {.n = (size_t)get_le(b->data + 20, 4)};
    for (size_t i = 0; i < p.n; i++) {
        const unsigned char *e = b->data + 64 + 32 * i;
        size_t at = (size_t)get_le(e + 8, 8), size = (size_t)get_le(e + 16, 8);
        p.part[i] = (struct part){(uint32_t)get_le(e, 4), (uint32_t)get_le(e + 4, 4),
                                  exact_copy(b->data + at, size), size};
    }
    return p;
}

FIXTURE struct bytes put_together(const struct parts *p)
{
    struct bytes b = {NULL, 64 + 32 * p->n};
    for (size_t i = 0; i < p->n; i++)
        b.size = ((b.size + 63) & ~(size_t)63) + p->part[i].size;
    unsigned char *data = calloc(1, b.size);
    size_t at = 64 + 32 * p->n;
    memcpy(data, INFER__FILE_MAGIC, 8);
    put_le(data + 16, 2, 1);
    put_le(data + 20, 4, p->n);
    put_le(data + 24, 8, b.size);
    for (size_t i = 0; i < p->n; i++) {
        unsigned char *e = data + 64 + 32 * i;
        at = (at + 63) & ~(size_t)63;
        put_le(e, 4, p->part[i].kind);
        put_le(e + 4, 4, p->part[i].flags);
        put_le(e + 8, 8, at);
        put_le(e + 16, 8, p->part[i].size);
        if (p->part[i].size)
            memcpy(data + at, p->part[i].data, p->part[i].size);
        at += p->part[i].size;
    }
    reseal(data, b.size);
    b.data = exact_copy(data, b.size);
    free(data);
    return b;
}

FIXTURE void free_parts(struct parts *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->part[i].data);
    p->n = 0;
}

/* ---- a graph of known layout ---------------------------------------------------------------- */

/* Values 1 to 6: input x, constants w and b (bool), then s, t, and the output y. Nodes: add,
 * lrn (two attributes), join (one). So the graph section of its file is laid out as follows. */
enum {
    VALUE_X = 64,
    VALUE_W = 160,
    VALUE_B = 256,
    VALUE_S = 352,
    VALUE_Y = 544,
    NODE_ADD = 640,
    NODE_LRN = 656,
    NODE_JOIN = 672,
    ATTR_ALPHA = 688,
    ATTR_SIZE = 696,
    ATTR_AXIS = 704,
    INTS = 712,
    FLOATS = 728,
    REFS = 732,
    INPUTS = 764,
    OUTPUTS = 768,
    GRAPH_END = 772
};

struct known {
    struct infer__region region;
    struct infer__graph g;
    struct infer__section extra[2];
    const char *labels[2];
    struct infer__file_content content;
};

FIXTURE void check_ok(infer_status status, const infer_error *err)
{
    if (status != INFER_OK)
        fail_msg("%s: %s", infer_status_name(status), err->message);
}

FIXTURE void make_known(struct known *k)
{
    static const float w[3] = {1, 2, 3}, alpha = 0.5f;
    static const unsigned char b[2] = {1, 0}, bytes[16] = "PREPROCESS bytes";
    static const int64_t wd[] = {3, 1, 1}, bd[] = {2}, size = 5, axis = -1;
    infer_error err;
    struct infer__graph *g = &k->g;
    struct infer__node *n;
    uint32_t x, wi, bi, s, t, y;
    infer__region_init(&k->region, NULL);
    check_ok(infer__graph_init(g, &k->region, &err), &err);
    check_ok(infer__graph_add_value(g, "x", &x, &err), &err);
    struct infer__value *v = &g->values[x];
    *v = (struct infer__value){.type = INFER_F32,
                               .rank = 4,
                               .kind = INFER__VALUE_INPUT,
                               .free_dims = 4,
                               .dims = {1, 3, 0, 4},
                               .name = v->name};
    check_ok(infer__graph_add_const(g, "w", INFER_F32, 3, wd, w, 1, &wi, &err), &err);
    check_ok(infer__graph_add_const(g, "b", INFER_BOOL, 1, bd, b, 1, &bi, &err), &err);
    check_ok(infer__graph_add_value(g, "s", &s, &err), &err);
    check_ok(infer__graph_add_value(g, "t", &t, &err), &err);
    check_ok(infer__graph_add_value(g, "y", &y, &err), &err);
    v = &g->values[y];
    v->type = INFER_F32, v->rank = 2, v->free_dims = 1, v->dims[1] = 7;
    check_ok(
        infer__graph_add_node(g, INFER__OP_ADD, "add", (uint32_t[]){x, wi}, 2, &s, 1, &n, &err),
        &err);
    check_ok(infer__graph_add_node(g, INFER__OP_LRN, "lrn", &s, 1, &t, 1, &n, &err), &err);
    check_ok(infer__node_set_ints(g, n, INFER__ATTR_SIZE, &size, 1, &err), &err);
    check_ok(infer__node_set_floats(g, n, INFER__ATTR_ALPHA, &alpha, 1, &err), &err);
    check_ok(
        infer__graph_add_node(g, INFER__OP_CONCAT, "join", (uint32_t[]){t, bi}, 2, &y, 1, &n, &err),
        &err);
    check_ok(infer__node_set_ints(g, n, INFER__ATTR_AXIS, &axis, 1, &err), &err);
    g->inputs = infer__region_copy(&k->region, &x, sizeof x);
    g->outputs = infer__region_copy(&k->region, &y, sizeof y);
    g->ninputs = g->noutputs = 1;
    k->extra[0] = (struct infer__section){INFER__SECTION_META, "meta", 5};
    k->extra[1] = (struct infer__section){INFER__SECTION_PREPROCESS, bytes, sizeof bytes};
    k->labels[0] = "cat";
    k->labels[1] = "d\xC3\xB6g"; /* not ASCII */
    k->content = (struct infer__file_content){
        .graph = g, .labels = k->labels, .nlabels = 2, .extra = k->extra, .nextra = 2};
}

/* The known file with a section about the model: the third dimension of its input is free, and the
 * first of its output. */
FIXTURE struct bytes about_file(void)
{
    static const char lines[] = "{0: 'cat',\n\t1: 'd\xC3\xB6g'}\r\n";
    struct infer__dim_name dims[] = {{0, 0, 2, "height"}, {0, 1, 0, "batch"}};
    struct infer__pair pairs[] = {{"names", lines}, {"stride", "32"}, {"names", ""}};
    const struct infer__about about = {"pytorch", "2.1", 17, 2, 3, dims, pairs};
    struct known k;
    make_known(&k);
    k.content.about = &about;
    struct bytes b = write_exact(&k.content);
    infer__region_free(&k.region);
    return b;
}

FIXTURE struct bytes known_file(void)
{
    struct known k;
    make_known(&k);
    struct bytes b = write_exact(&k.content);
    infer__region_free(&k.region);
    return b;
}

/* ---- what a loaded model must withstand ----------------------------------------------------- */

/* Reads every byte that the model refers to, so that a sanitizer sees a wrong pointer. */
FIXTURE uint64_t touch_model(const infer_model *m)
{
    const struct infer__graph *g = &m->graph;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < g->nvalues; i++) {
        sum += strlen(g->values[i].name);
        if (g->values[i].kind == INFER__VALUE_CONST)
            sum += infer__checksum(g->values[i].data, infer__value_bytes(&g->values[i]));
    }
    for (uint32_t i = 0; i < g->nnodes; i++) {
        const struct infer__node *n = &g->nodes[i];
        sum += strlen(n->name);
        for (uint32_t k = 0; k < n->nin; k++)
            sum += g->values[n->in[k]].type;
        for (uint32_t k = 0; k < n->nout; k++)
            sum += g->values[n->out[k]].type;
        for (uint32_t k = 0; k < n->nattr; k++)
            for (uint32_t e = 0; e < n->attr[k].count; e++)
                sum += n->attr[k].type == INFER__ATTR_INTS ? (uint64_t)n->attr[k].ints[e]
                                                           : n->attr[k].floats[e] != 0;
    }
    for (uint32_t i = 0; i < g->ninputs; i++)
        sum += g->values[g->inputs[i]].rank;
    for (uint32_t i = 0; i < g->noutputs; i++)
        sum += g->values[g->outputs[i]].rank;
    for (size_t i = 0; i < infer_model_labels(m); i++)
        sum += strlen(infer_model_label(m, i));
    for (uint32_t i = 0; i < m->nsections; i++)
        sum += infer__checksum(m->sections[i].data, m->sections[i].size);
    sum += strlen(m->about.producer) + strlen(m->about.version);
    for (uint32_t i = 0; i < m->about.ndims; i++)
        sum += strlen(m->about.dims[i].name);
    for (uint32_t i = 0; i < m->about.npairs; i++)
        sum += strlen(m->about.pairs[i].key) + strlen(m->about.pairs[i].value);
    return sum;
}

/* The file of a loaded model, written anew. */
FIXTURE struct bytes rewrite(const infer_model *m)
{
    struct infer__file_content c = {
        .graph = &m->graph, .labels = m->labels, .nlabels = m->nlabels, .extra = NULL, .nextra = 0};
    struct infer__section extra[64];
    for (uint32_t i = 0; i < m->nsections && c.nextra < 64; i++)
        if (m->sections[i].kind >= INFER__SECTION_PREPROCESS)
            extra[c.nextra++] = m->sections[i];
    c.extra = extra;
    return write_exact(&c);
}

#endif
