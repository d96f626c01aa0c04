/* The section ABOUT: read at load, looked up, written. */
#include <string.h>

#include "file/about.h"
#include "file/load.h"
#include "file/write.h"

/* ---- reading -------------------------------------------------------------------------------- */

static const struct infer__value *named_value(const struct infer__graph *g,
                                              const struct infer__dim_name *d)
{
    if (d->index >= (d->output ? g->noutputs : g->ninputs))
        return NULL;
    return &g->values[(d->output ? g->outputs : g->inputs)[d->index]];
}

static int is_free(const struct infer__graph *g, const struct infer__dim_name *d)
{
    const struct infer__value *v = named_value(g, d);
    return v && d->dim < INFER_MAX_RANK && (v->free_dims >> d->dim & 1);
}

/* Where a name stands among all. */
static uint64_t order(const struct infer__dim_name *d)
{
    return (uint64_t)d->output << 40 | (uint64_t)d->index << 8 | d->dim;
}

static infer_status read_dims(struct infer__load *l, struct infer__reader *records,
                              struct infer__reader *strings, struct infer__about *a)
{
    for (uint32_t i = 0; i < a->ndims; i++) {
        struct infer__dim_name *d = &a->dims[i];
        const uint64_t where = infer__read_where(records);
        d->index = infer__read_u32(records);
        d->output = infer__read_u8(records);
        d->dim = infer__read_u8(records);
        const unsigned reserved = infer__read_u16(records);
        FAIL_AT_IF(reserved || d->output > 1, INFER_ERROR_FORMAT, where + 4,
                   "a reserved field of the name of a dimension is not 0");
        FAIL_AT_IF(!is_free(&l->model->graph, d), INFER_ERROR_FORMAT, where,
                   "a name for dimension %u of %s %u, which is no free one", d->dim,
                   d->output ? "output" : "input", d->index);
        FAIL_AT_IF(i && order(d) <= order(d - 1), INFER_ERROR_FORMAT, where,
                   "names of dimensions stand in the wrong order");
        const uint64_t name_at = infer__read_where(strings);
        TRY(infer__load_string(l, strings, &d->name));
        FAIL_AT_IF(!*d->name, INFER_ERROR_FORMAT, name_at, "the name of a dimension is empty");
    }
    return INFER_OK;
}

static infer_status read_pairs(struct infer__load *l, struct infer__reader *strings,
                               struct infer__about *a)
{
    for (uint32_t i = 0; i < a->npairs; i++) {
        const uint64_t where = infer__read_where(strings);
        TRY(infer__load_string(l, strings, &a->pairs[i].key));
        FAIL_AT_IF(!*a->pairs[i].key, INFER_ERROR_FORMAT, where, "the key of a pair is empty");
        TRY(infer__load_lines(l, strings, &a->pairs[i].value));
    }
    return INFER_OK;
}

/* The counts, of which each record and pair takes bytes of the section: so they bound the memory.
 */
static infer_status read_header(struct infer__load *l, struct infer__reader *r,
                                struct infer__about *a)
{
    a->opset = infer__read_u32(r);
    a->ndims = infer__read_u32(r);
    a->npairs = infer__read_u32(r);
    FAIL_AT_IF(!infer__read_zeros(r, INFER__FILE_ABOUT_HEADER - 12), INFER_ERROR_FORMAT, r->base,
               "the header of the section about the model is cut, or a reserved field is not 0");
    enum { LEAST_PAIR = 3 }; /* a letter and two ends */
    FAIL_AT_IF(a->ndims > infer__read_left(r) / INFER__FILE_ABOUT_DIM ||
                   a->npairs > infer__read_left(r) / LEAST_PAIR,
               INFER_ERROR_FORMAT, r->base + 4,
               "%u names of dimensions and %u pairs in a section of %zu bytes", a->ndims, a->npairs,
               r->size);
    return INFER_OK;
}

static infer_status read_section(struct infer__load *l, struct infer__reader *r)
{
    struct infer_model *m = l->model;
    struct infer__about *a = &m->about;
    struct infer__reader records;
    TRY(read_header(l, r, a));
    infer__read_window(r, a->ndims, INFER__FILE_ABOUT_DIM, &records); /* it has room */
    a->dims = infer__region_calloc(&m->region, a->ndims, sizeof *a->dims);
    a->pairs = infer__region_calloc(&m->region, a->npairs, sizeof *a->pairs);
    if (!a->dims || !a->pairs)
        return infer__no_memory(l->err, r->size);
    TRY(infer__load_string(l, r, &a->producer));
    TRY(infer__load_string(l, r, &a->version));
    TRY(read_dims(l, &records, r, a));
    TRY(read_pairs(l, r, a));
    FAIL_AT_IF(infer__read_left(r), INFER_ERROR_FORMAT, infer__read_where(r),
               "%zu bytes follow what is told about the model", infer__read_left(r));
    return INFER_OK;
}

infer_status infer__load_about(struct infer__load *l)
{
    struct infer_model *m = l->model;
    int found = 0;
    m->about.producer = m->about.version = "";
    for (uint32_t i = 0; i < m->nsections; i++) {
        const struct infer__section *s = &m->sections[i];
        if (s->kind != INFER__SECTION_ABOUT)
            continue;
        const uint64_t base = (uint64_t)((const unsigned char *)s->data - l->file.data);
        struct infer__reader r = infer__reader_on(s->data, s->size, base);
        FAIL_AT_IF(found, INFER_ERROR_FORMAT, base, "a second section about the model");
        TRY(read_section(l, &r));
        found = 1;
    }
    return INFER_OK;
}

/* ---- looking up ----------------------------------------------------------------------------- */

void infer__about_dims(const struct infer__about *a, int output, uint32_t index,
                       const char *names[INFER_MAX_RANK])
{
    const struct infer__dim_name wanted = {.index = index, .output = output != 0};
    uint32_t low = 0, high = a->ndims;
    while (low < high) { /* the first that is not before the value's first */
        const uint32_t middle = low + (high - low) / 2;
        if (order(&a->dims[middle]) < order(&wanted))
            low = middle + 1;
        else
            high = middle;
    }
    for (int i = 0; i < INFER_MAX_RANK; i++)
        names[i] = NULL;
    for (; low < a->ndims && order(&a->dims[low]) >> 8 == order(&wanted) >> 8; low++)
        names[a->dims[low].dim] = a->dims[low].name;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Producer and version of a model that was made in memory may be NULL. */
static const char *text(const char *s)
{
    return s ? s : "";
}

static int add_string(size_t *size, const char *s)
{
    return infer__size_add(*size, strlen(s), size) && infer__size_add(*size, 1, size);
}

static uint32_t count_dims(const struct infer__about *a, const struct infer__graph *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->ndims; i++)
        n += (uint32_t)is_free(g, &a->dims[i]);
    return n;
}

infer_status infer__about_size(const struct infer__about *a, const struct infer__graph *g,
                               size_t *size, infer_error *err)
{
    *size = 0;
    if (!a->opset && !count_dims(a, g) && !a->npairs && !*text(a->producer) && !*text(a->version))
        return INFER_OK;
    *size = INFER__FILE_ABOUT_HEADER;
    int fits = add_string(size, text(a->producer)) && add_string(size, text(a->version));
    for (uint32_t i = 0; i < a->ndims && fits; i++)
        if (is_free(g, &a->dims[i]))
            fits = add_string(size, a->dims[i].name) &&
                   infer__size_add(*size, INFER__FILE_ABOUT_DIM, size);
    for (uint32_t i = 0; i < a->npairs && fits; i++)
        fits = add_string(size, a->pairs[i].key) && add_string(size, a->pairs[i].value);
    FAIL_IF(!fits, INFER_ERROR_LIMIT, "what is told about the model does not fit into a file");
    return INFER_OK;
}

static void write_string(struct infer__writer *w, const char *s)
{
    infer__write_bytes(w, s, strlen(s) + 1);
}

void infer__about_write(const struct infer__about *a, const struct infer__graph *g,
                        struct infer__writer *w)
{
    infer__write_u32(w, a->opset);
    infer__write_u32(w, count_dims(a, g));
    infer__write_u32(w, a->npairs);
    infer__write_zeros_to(w, INFER__FILE_ABOUT_HEADER);
    for (uint32_t i = 0; i < a->ndims; i++)
        if (is_free(g, &a->dims[i])) {
            infer__write_u32(w, a->dims[i].index);
            infer__write_u16(w, (uint16_t)(a->dims[i].output | a->dims[i].dim << 8));
            infer__write_u16(w, 0);
        }
    write_string(w, text(a->producer));
    write_string(w, text(a->version));
    for (uint32_t i = 0; i < a->ndims; i++)
        if (is_free(g, &a->dims[i]))
            write_string(w, a->dims[i].name);
    for (uint32_t i = 0; i < a->npairs; i++) {
        write_string(w, a->pairs[i].key);
        write_string(w, a->pairs[i].value);
    }
}
