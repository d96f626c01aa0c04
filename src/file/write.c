/* The flat file, written to memory: the same content gives the same bytes. */
#include "file/write.h"

#include <string.h>

#include "base/size.h"
#include "base/sized.h"
#include "file/checksum.h"

/* A section to be written; its bytes come from the content, by kind. */
struct part {
    uint32_t kind;
    const struct infer__section *extra; /* NULL for the sections of graph, labels and about */
    size_t offset, size;
};

struct file {
    const struct infer__file_content *content;
    struct infer__region scratch;
    struct infer__write_graph graph;
    struct part *parts; /* by kind, then in the caller's order */
    uint32_t nparts;
    size_t size;
};

static infer_status labels_size(const struct infer__file_content *c, size_t *size, infer_error *err)
{
    *size = INFER__FILE_LABELS_HEADER;
    for (uint32_t i = 0; i < c->nlabels; i++)
        FAIL_IF(!infer__size_add(*size, strlen(c->labels[i]), size) ||
                    !infer__size_add(*size, 1, size),
                INFER_ERROR_LIMIT, "the labels do not fit into a file");
    return INFER_OK;
}

/* Puts a part behind those of the same or a lower kind. Empty sections are left out. */
static void add_part(struct file *f, uint32_t kind, const struct infer__section *extra, size_t size)
{
    if (!size)
        return;
    uint32_t at = f->nparts++;
    for (; at > 0 && f->parts[at - 1].kind > kind; at--)
        f->parts[at] = f->parts[at - 1];
    f->parts[at] = (struct part){kind, extra, 0, size};
}

static infer_status list_parts(struct file *f, infer_error *err)
{
    const struct infer__file_content *c = f->content;
    size_t room, labels, about;
    if (infer__size_add(c->nextra, INFER__SECTION_LABELS + 1, &room))
        f->parts = infer__region_calloc(&f->scratch, room, sizeof *f->parts);
    if (!f->parts)
        return infer__no_memory(err, c->nextra * sizeof *f->parts);
    add_part(f, INFER__SECTION_GRAPH, NULL, f->graph.graph_bytes);
    add_part(f, INFER__SECTION_WEIGHTS, NULL, f->graph.weights_bytes);
    add_part(f, INFER__SECTION_NAMES, NULL, f->graph.names_bytes);
    if (c->nlabels) {
        TRY(labels_size(c, &labels, err));
        add_part(f, INFER__SECTION_LABELS, NULL, labels);
    }
    if (c->about) {
        TRY(infer__about_size(c->about, c->graph, &about, err));
        add_part(f, INFER__SECTION_ABOUT, NULL, about);
    }
    for (uint32_t i = 0; i < c->nextra; i++) {
        FAIL_IF(c->extra[i].kind < INFER__SECTION_PREPROCESS, INFER_ERROR_ARGUMENT,
                "a further section can't be of kind %u", c->extra[i].kind);
        add_part(f, c->extra[i].kind, &c->extra[i], c->extra[i].size);
    }
    return INFER_OK;
}

static infer_status place_parts(struct file *f, infer_error *err)
{
    size_t table;
    int fits = infer__size_mul(f->nparts, INFER__FILE_ENTRY, &table) &&
               infer__size_add(table, INFER__FILE_HEADER, &f->size);
    for (uint32_t i = 0; i < f->nparts && fits; i++) {
        struct part *p = &f->parts[i];
        fits = infer__size_align(f->size, INFER__FILE_ALIGN, &p->offset) &&
               infer__size_add(p->offset, p->size, &f->size);
    }
    FAIL_IF(!fits, INFER_ERROR_LIMIT, "the sections do not fit into a file");
    return INFER_OK;
}

static void write_labels(const struct infer__file_content *c, struct infer__writer *w)
{
    infer__write_u32(w, c->nlabels);
    infer__write_u32(w, 0);
    for (uint32_t i = 0; i < c->nlabels; i++)
        infer__write_bytes(w, c->labels[i], strlen(c->labels[i]) + 1);
}

static infer_status write_part(const struct file *f, const struct part *p, unsigned char *bytes,
                               infer_error *err)
{
    struct infer__writer w = {bytes + p->offset, p->size, 0, 0};
    if (p->extra)
        infer__write_bytes(&w, p->extra->data, p->size);
    else if (p->kind == INFER__SECTION_GRAPH)
        infer__write_graph_section(&f->graph, &w);
    else if (p->kind == INFER__SECTION_WEIGHTS)
        infer__write_weights_section(&f->graph, &w);
    else if (p->kind == INFER__SECTION_NAMES)
        infer__write_names_section(&f->graph, &w);
    else if (p->kind == INFER__SECTION_ABOUT)
        infer__about_write(f->content->about, f->content->graph, &w);
    else
        write_labels(f->content, &w);
    FAIL_IF(w.failed || w.at != w.size, INFER_ERROR_INTERNAL,
            "a section of kind %u came out at another size than planned", p->kind);
    return INFER_OK;
}

static void write_table(const struct file *f, unsigned char *bytes)
{
    struct infer__writer w = {bytes, f->size, 0, 0};
    infer__write_bytes(&w, INFER__FILE_MAGIC, sizeof INFER__FILE_MAGIC - 1);
    infer__write_u64(&w, 0); /* the checksum, below */
    infer__write_u16(&w, INFER__FILE_MAJOR);
    infer__write_u16(&w, INFER__FILE_MINOR);
    infer__write_u32(&w, f->nparts);
    infer__write_u64(&w, f->size);
    infer__write_zeros_to(&w, INFER__FILE_HEADER);
    for (uint32_t i = 0; i < f->nparts; i++) {
        const struct part *p = &f->parts[i];
        infer__write_u32(&w, p->kind);
        infer__write_u32(&w, p->kind > INFER__SECTION_PREPROCESS ? INFER__SECTION_OPTIONAL : 0);
        infer__write_u64(&w, p->offset);
        infer__write_u64(&w, p->size);
        infer__write_u64(&w, infer__checksum(bytes + p->offset, p->size));
    }
    uint64_t sum = infer__checksum(bytes + INFER__FILE_HASHED_FROM, w.at - INFER__FILE_HASHED_FROM);
    struct infer__writer head = {bytes + sizeof INFER__FILE_MAGIC - 1, sizeof sum, 0, 0};
    infer__write_u64(&head, sum);
}

/* The loader's rules are the format's: a file that would not load is never given away. */
static infer_status check_file(const void *bytes, size_t size, const infer_allocator *allocator,
                               infer_error *err)
{
    infer_load_options o;
    infer_model *model;
    infer__sized_init(&o, sizeof o);
    o.allocator = infer__allocator(allocator);
    o.max_file_bytes = o.max_tensor_bytes = UINT64_MAX;
    o.max_nodes = o.max_values = UINT32_MAX;
    o.verify = 1;
    infer_status status = infer_load_memory(bytes, size, &o, &model, err);
    infer_model_free(&model);
    return status;
}

static infer_status write_file(struct file *f, const infer_allocator *allocator, void **bytes,
                               infer_error *err)
{
    const struct infer__graph *g = f->content->graph;
    TRY(infer__graph_verify(g, err));
    TRY(infer__write_graph_plan(&f->graph, g, &f->scratch, err));
    TRY(list_parts(f, err));
    TRY(place_parts(f, err));
    *bytes = infer__alloc(allocator, f->size, INFER__FILE_ALIGN);
    if (!*bytes)
        return infer__no_memory(err, f->size);
    memset(*bytes, 0, f->size);
    for (uint32_t i = 0; i < f->nparts; i++)
        TRY(write_part(f, &f->parts[i], *bytes, err));
    write_table(f, *bytes);
    return check_file(*bytes, f->size, allocator, err);
}

infer_status infer__file_write(const struct infer__file_content *content,
                               const infer_allocator *allocator, void **bytes, size_t *size,
                               infer_error *err)
{
    struct file f = {.content = content};
    infer_allocator a = infer__allocator(allocator);
    *bytes = NULL;
    *size = 0;
    infer__region_init(&f.scratch, &a);
    infer_status status = write_file(&f, &a, bytes, err);
    infer__region_free(&f.scratch);
    if (status != INFER_OK) {
        infer__free(&a, *bytes);
        *bytes = NULL;
        return status;
    }
    *size = f.size;
    return INFER_OK;
}
