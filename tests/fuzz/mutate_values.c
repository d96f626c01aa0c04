/* Numbers at the edges, and changes of a graph's values: types, shapes, constants. */
#include "tests/fuzz/mutate_internal.h"

int64_t mutate_int(struct rng *r)
{
    static const int64_t edges[] = {INT64_MIN,
                                    INT64_MIN + 1,
                                    INT64_MAX,
                                    INT64_MAX - 1,
                                    INT32_MIN,
                                    INT32_MAX,
                                    UINT32_MAX,
                                    (int64_t)1 << 32,
                                    (int64_t)1 << 61,
                                    (int64_t)1 << 62,
                                    -1000,
                                    1000,
                                    65535,
                                    65536,
                                    (int64_t)1 << 31};
    if (rng_below(r, 8) == 0)
        return (int64_t)((uint64_t)edges[rng_below(r, COUNT(edges))] + rng_below(r, 3) - 1);
    return (int64_t)rng_below(r, 9) - (rng_below(r, 3) ? 0 : 4);
}

float mutate_float(struct rng *r)
{
    static const uint32_t edges[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x80000000, 1,
                                     0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000001, 0x5f000000,
                                     0x00800000, 0x3f7fffff, 0x447a0000};
    uint32_t bits = edges[rng_below(r, COUNT(edges))];
    float v = ((float)rng_below(r, 64) - 32) / 8;
    if (rng_below(r, 8) == 0)
        memcpy(&v, &bits, sizeof v);
    return v;
}

int64_t mutate_dim(struct rng *r)
{
    static const int64_t edges[] = {0,
                                    0,
                                    15,
                                    16,
                                    17,
                                    31,
                                    32,
                                    33,
                                    63,
                                    64,
                                    65,
                                    100,
                                    127,
                                    128,
                                    129,
                                    255,
                                    256,
                                    1000,
                                    257,
                                    511,
                                    4096,
                                    8191,
                                    16384,
                                    65535,
                                    65536,
                                    INT32_MAX,
                                    INT64_MAX,
                                    (int64_t)1 << 31,
                                    (int64_t)1 << 61,
                                    ((int64_t)1 << 61) + 1};
    return rng_below(r, 4) ? 1 + rng_below(r, 9) : edges[rng_below(r, COUNT(edges))];
}

/* Any value but the absent one; 0 where there is none. */
uint32_t mutate_any_value(struct mutation *m)
{
    return m->g->nvalues > 1 ? 1 + rng_below(&m->rng, m->g->nvalues - 1) : 0;
}

static struct infer__value *value_of_kind(struct mutation *m, unsigned kind)
{
    for (int tries = 0; tries < 16 && m->g->nvalues > 1; tries++) {
        struct infer__value *v = &m->g->values[mutate_any_value(m)];
        if (v->kind == kind)
            return v;
    }
    return NULL;
}

/* ---- shapes --------------------------------------------------------------------------------- */

static void change_shape(struct mutation *m, struct infer__value *v)
{
    struct rng *r = &m->rng;
    unsigned at = rng_below(r, v->rank ? v->rank : 1u);
    switch (rng_below(r, 5)) {
    case 0: /* one axis more */
        if (v->rank < INFER_MAX_RANK)
            v->dims[v->rank++] = mutate_dim(r);
        break;
    case 1: /* one less */
        if (v->rank) {
            v->dims[--v->rank] = 0;
            v->free_dims &= (1u << v->rank) - 1;
        }
        break;
    case 2:
        if (v->rank && v->kind == INFER__VALUE_INPUT) {
            v->free_dims ^= 1u << at;
            v->dims[at] = v->free_dims >> at & 1 ? 0 : mutate_dim(r);
        }
        break;
    case 3: /* two axes the same, or exchanged */
        if (v->rank > 1 && !v->free_dims) {
            unsigned other = rng_below(r, v->rank);
            int64_t d = v->dims[at];
            v->dims[at] = v->dims[other];
            v->dims[other] = rng_below(r, 2) ? d : v->dims[other];
        }
        break;
    default:
        if (v->rank && !(v->free_dims >> at & 1))
            v->dims[at] = rng_below(r, 3) ? mutate_dim(r)
                                          : (int64_t)((uint64_t)v->dims[at] + rng_below(r, 3) - 1);
    }
    for (unsigned i = 0; i < v->rank; i++)
        v->dims[i] = v->dims[i] < 0 ? 0 : v->dims[i];
    v->shaped = v->kind == INFER__VALUE_CONST || !v->free_dims;
}

/* ---- constants ------------------------------------------------------------------------------ */

enum { MOST_CONST = 8192 };

static void set_element(struct rng *r, unsigned char *p, infer_type type)
{
    size_t size = infer_type_size(type);
    float f = mutate_float(r);
    int64_t i = type == INFER_BOOL ? (int64_t)rng_below(r, 2) : mutate_int(r);
    if (type == INFER_F32)
        memcpy(p, &f, sizeof f);
    else
        memcpy(p, &i, size);
}

/* New data for a constant of its type and shape; a value too large becomes a small one. */
void mutate_fill_const(struct mutation *m, struct infer__value *v)
{
    size_t size = infer_type_size((infer_type)v->type), bytes = infer__value_bytes(v);
    int64_t elements;
    if (!infer__dims_product(v->dims, v->rank, &elements) || bytes > MOST_CONST ||
        bytes != (size_t)elements * size) {
        for (unsigned i = 0; i < v->rank; i++)
            v->dims[i] = 1 + v->dims[i] % 2;
        bytes = infer__value_bytes(v);
    }
    unsigned char *data = infer__region_calloc(m->g->region, bytes + 1, 1);
    int one = rng_below(&m->rng, 4) == 0; /* the same everywhere */
    for (size_t at = 0; at < bytes; at += size)
        if (at && one)
            memcpy(data + at, data, size);
        else
            set_element(&m->rng, data + at, (infer_type)v->type);
    v->kind = INFER__VALUE_CONST;
    v->free_dims = 0;
    v->shaped = 1;
    v->data = data;
}

/* A few elements of a constant. */
static void change_elements(struct mutation *m, struct infer__value *v)
{
    size_t size = infer_type_size((infer_type)v->type), bytes = infer__value_bytes(v);
    if (!bytes)
        return;
    unsigned char *data = infer__region_copy(m->g->region, v->data, bytes);
    for (unsigned i = 0; i <= rng_below(&m->rng, 3); i++)
        set_element(&m->rng, data + size * rng_below(&m->rng, (uint32_t)(bytes / size)),
                    (infer_type)v->type);
    v->data = data;
}

static void change_type(struct mutation *m, struct infer__value *v)
{
    static const uint8_t often[] = {INFER_F32, INFER_S64, INFER_U8,
                                    INFER_S8,  INFER_S32, INFER_BOOL};
    v->type = rng_below(&m->rng, 4) ? often[rng_below(&m->rng, COUNT(often))]
                                    : (uint8_t)(1 + rng_below(&m->rng, INFER_BOOL));
}

void mutate_value(struct mutation *m)
{
    struct infer__value *v;
    int constant = rng_below(&m->rng, 2) != 0;
    if (!(v = value_of_kind(m, constant ? INFER__VALUE_CONST : INFER__VALUE_INPUT)))
        return;
    unsigned what = rng_below(&m->rng, 8);
    if (constant && what < 5) {
        change_elements(m, v);
        return;
    }
    if (what == 5)
        change_type(m, v);
    else
        change_shape(m, v);
    if (constant)
        mutate_fill_const(m, v);
}
