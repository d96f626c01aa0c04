/* Values of the graph section, with the names and weights that they refer to. */
#include "file/graph_read.h"

typedef unsigned long long ull;

/* ---- names and weights ---------------------------------------------------------------------- */

infer_status infer__read_name(struct infer__read *s, uint64_t where, uint32_t offset,
                              const char **name)
{
    struct infer__load *l = s->l;
    struct infer__reader *r = &s->names;
    if (offset == r->at)
        return infer__load_string(l, r, name);
    FAIL_AT_IF(offset > r->at, INFER_ERROR_FORMAT, where,
               "name at byte %u of the names, whose next string starts at byte %zu", offset, r->at);
    FAIL_AT_IF(offset > 0 && r->data[offset - 1], INFER_ERROR_FORMAT, where,
               "byte %u of the names is inside a string", offset);
    *name = (const char *)r->data + offset;
    return INFER_OK;
}

/* Bytes of a value, free dimensions counted as 1. */
static infer_status tensor_bytes(struct infer__load *l, const struct infer__value *v,
                                 uint64_t where, size_t *bytes)
{
    int64_t dims[INFER_MAX_RANK];
    for (int i = 0; i < v->rank; i++)
        dims[i] = v->free_dims >> i & 1 ? 1 : v->dims[i];
    FAIL_AT_IF(!infer__tensor_bytes(dims, v->rank, infer_type_size((infer_type)v->type),
                                    l->options.max_tensor_bytes, bytes),
               INFER_ERROR_LIMIT, where,
               "value '%.64s' has more than the %llu bytes allowed or a dimension above 2^31 - 1",
               v->name, (ull)l->options.max_tensor_bytes);
    return INFER_OK;
}

/* Constants lie in the weights in the order of their numbers, each at the next 64-byte boundary,
 * with zeros between. */
static infer_status read_const(struct infer__read *s, struct infer__value *v, uint64_t where,
                               uint64_t offset, uint64_t bytes)
{
    struct infer__load *l = s->l;
    struct infer__reader *r = &s->weights;
    size_t expected, start;
    TRY(tensor_bytes(l, v, where, &expected));
    FAIL_AT_IF(bytes != expected, INFER_ERROR_FORMAT, where,
               "constant '%.64s' has %llu bytes, its shape says %zu", v->name, (ull)bytes,
               expected);
    FAIL_AT_IF(!infer__size_align(r->at, INFER__FILE_ALIGN, &start) || offset != start,
               INFER_ERROR_FORMAT, where, "constant '%.64s' starts at byte %llu of the weights",
               v->name, (ull)offset);
    uint64_t gap = infer__read_where(r);
    FAIL_AT_IF(!infer__read_zeros(r, start - r->at), INFER_ERROR_FORMAT, gap,
               "bytes before constant '%.64s' are cut or not 0", v->name);
    uint64_t data_at = infer__read_where(r);
    const unsigned char *data = infer__read_bytes(r, expected);
    FAIL_AT_IF(!data, INFER_ERROR_FORMAT, where, "constant '%.64s' passes the end of the weights",
               v->name);
    if (v->type == INFER_BOOL)
        for (size_t i = 0; i < expected; i++)
            FAIL_AT_IF(data[i] > 1, INFER_ERROR_FORMAT, data_at + i,
                       "constant '%.64s' holds a bool of %u", v->name, data[i]);
    v->data = data;
    v->shaped = 1;
    return INFER_OK;
}

/* ---- values --------------------------------------------------------------------------------- */

static infer_status check_dims(struct infer__load *l, const struct infer__value *v, uint64_t where)
{
    FAIL_AT_IF(v->free_dims >> v->rank, INFER_ERROR_FORMAT, where + 8,
               "value '%.64s' has a free dimension beyond its rank", v->name);
    for (unsigned i = 0; i < INFER_MAX_RANK; i++) {
        uint64_t at = where + 32 + 8 * (uint64_t)i;
        FAIL_AT_IF(v->dims[i] < 0, INFER_ERROR_FORMAT, at, "value '%.64s' has a negative dimension",
                   v->name);
        FAIL_AT_IF(v->dims[i] && i >= v->rank, INFER_ERROR_FORMAT, at,
                   "value '%.64s' has a dimension beyond its rank", v->name);
        FAIL_AT_IF(v->dims[i] && v->free_dims >> i & 1, INFER_ERROR_FORMAT, at,
                   "value '%.64s' has a free dimension that is not 0", v->name);
    }
    return INFER_OK;
}

/* What a kind of value may have. A value that a node produces has a type and a shape if it is an
 * output whose shape is declared (check_used sees to that), else neither. */
static infer_status check_kind(struct infer__load *l, const struct infer__value *v, uint64_t where)
{
    FAIL_AT_IF(v->kind > INFER__VALUE_CONST, INFER_ERROR_FORMAT, where + 6,
               "value '%.64s' is of kind %u, which is none", v->name, v->kind);
    FAIL_AT_IF(v->kind != INFER__VALUE_NODE && !v->type, INFER_ERROR_FORMAT, where + 4,
               "value '%.64s' is an input or constant without a type", v->name);
    FAIL_AT_IF(!v->type && v->rank, INFER_ERROR_FORMAT, where + 5,
               "value '%.64s' has a rank but no type", v->name);
    FAIL_AT_IF(v->kind == INFER__VALUE_CONST && v->free_dims, INFER_ERROR_FORMAT, where + 8,
               "constant '%.64s' has free dimensions", v->name);
    return INFER_OK;
}

infer_status infer__read_value(struct infer__read *s, struct infer__value *v)
{
    struct infer__load *l = s->l;
    struct infer__reader *r = &s->values;
    uint64_t where = infer__read_where(r);
    TRY(infer__read_name(s, where, infer__read_u32(r), &v->name));
    v->type = infer__read_u8(r);
    v->rank = infer__read_u8(r);
    v->kind = infer__read_u8(r);
    unsigned reserved = infer__read_u8(r);
    v->free_dims = infer__read_u32(r);
    reserved |= infer__read_u32(r);
    uint64_t offset = infer__read_u64(r), bytes = infer__read_u64(r);
    for (int i = 0; i < INFER_MAX_RANK; i++)
        v->dims[i] = (int64_t)infer__read_u64(r);
    FAIL_AT_IF(reserved, INFER_ERROR_FORMAT, where, "a reserved field of value '%.64s' is not 0",
               v->name);
    FAIL_AT_IF(v->type && !infer_type_size((infer_type)v->type), INFER_ERROR_UNSUPPORTED, where + 4,
               "value '%.64s' is of type %u, unknown to this version", v->name, v->type);
    FAIL_AT_IF(v->rank > INFER_MAX_RANK, INFER_ERROR_FORMAT, where + 5,
               "value '%.64s' has rank %u, at most %d is possible", v->name, v->rank,
               INFER_MAX_RANK);
    TRY(check_kind(l, v, where));
    TRY(check_dims(l, v, where));
    if (v->kind == INFER__VALUE_CONST)
        return read_const(s, v, where + 16, offset, bytes);
    FAIL_AT_IF(offset || bytes, INFER_ERROR_FORMAT, where + 16,
               "value '%.64s' is no constant but has data", v->name);
    v->shaped = v->kind == INFER__VALUE_INPUT && !v->free_dims;
    size_t ignored;
    return tensor_bytes(l, v, where + 32, &ignored);
}
