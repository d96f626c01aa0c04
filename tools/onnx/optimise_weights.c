/* Quantised weights of u8 as s8, which is what kernels take: 128 less, and their zero points too,
 * so that they mean the same. Done here once; sessions do it for files that were converted before.
 */
#include <string.h>

#include "tools/onnx/optimise.h"

/* A constant of u8 as one of s8, 128 less; `from` NULL: 128 less than 0, of that shape. */
static infer_status shift(struct opt *o, const char *name, const struct infer__value *from,
                          const struct infer__value *like, uint32_t *value)
{
    const size_t n = (size_t)infer__value_elements(like);
    uint8_t *bytes = infer__region_calloc(&o->scratch, n ? n : 1, 1);
    if (!bytes)
        return infer__no_memory(o->err, n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (from ? ((const uint8_t *)from->data)[i] : 0) ^ 0x80;
    return opt_const_of(o, name, INFER_S8, like->rank, like->dims, bytes, value);
}

static int is_bytes(const struct infer__value *v)
{
    return v && v->kind == INFER__VALUE_CONST && v->type == INFER_U8;
}

infer_status opt_weights(struct opt *o, struct infer__node *n)
{
    if ((n->op != INFER__OP_CONV && n->op != INFER__OP_GEMM && n->op != INFER__OP_MATMUL) ||
        n->nin < 2)
        return INFER_OK;
    struct infer__node *d = opt_single(o, n->in[1]);
    if (!d || d->op != INFER__OP_DEQUANTIZE_LINEAR || d->nin < 2 || !is_bytes(opt_in(o, d, 0)))
        return INFER_OK;
    const struct infer__value w = *opt_in(o, d, 0), *given = opt_in(o, d, 2);
    const struct infer__value zero = given ? *given : *opt_in(o, d, 1); /* as many as scales */
    if (!zero.shaped || (given && !is_bytes(given)))
        return INFER_OK;
    uint32_t in[3] = {0, d->in[1], 0};
    TRY(shift(o, w.name, &w, &w, &in[0]));
    TRY(shift(o, given ? zero.name : "", given ? &zero : NULL, &zero, &in[2]));
    o->changes++;
    return opt_set_in(o, d, in, 3);
}
