/* Expressions of IR nodes for operators that are composed of several. */
#include "tools/onnx/onnx_internal.h"

#include <stdio.h>
#include <string.h>

struct onnx_expr onnx_expr(struct onnx_node *n)
{
    return (struct onnx_expr){.n = n, .status = INFER_OK};
}

uint32_t onnx_e(struct onnx_expr *e, uint16_t op, const uint32_t *in, uint32_t nin)
{
    char suffix[48];
    uint32_t out = 0;
    snprintf(suffix, sizeof suffix, "%s_%u", infer__op_info(op)->name, e->count++);
    if (e->status == INFER_OK)
        e->status = onnx_temp(e->n, suffix, &out);
    if (e->status == INFER_OK)
        e->status = onnx_emit(e->n, op, in, nin, &out, 1, &e->last);
    return out;
}

void onnx_e_int(struct onnx_expr *e, uint16_t key, int64_t v)
{
    onnx_e_ints(e, key, &v, 1);
}

void onnx_e_ints(struct onnx_expr *e, uint16_t key, const int64_t *v, uint32_t count)
{
    if (e->status == INFER_OK)
        e->status = infer__node_set_ints(e->n->im->g, e->last, key, v, count, e->n->im->err);
}

void onnx_e_float(struct onnx_expr *e, uint16_t key, float v)
{
    if (e->status == INFER_OK)
        e->status = infer__node_set_floats(e->n->im->g, e->last, key, &v, 1, e->n->im->err);
}

/* ---- constants ------------------------------------------------------------------------------ */

static uint32_t constant(struct onnx_expr *e, infer_type type, int rank, int64_t dim,
                         const void *data)
{
    char name[256];
    uint32_t value = 0;
    snprintf(name, sizeof name, "%.200s/constant_%u", e->n->name, e->count++);
    if (e->status == INFER_OK)
        e->status = infer__graph_add_const(e->n->im->g, name, type, rank, &dim, data, 1, &value,
                                           e->n->im->err);
    return value;
}

uint32_t onnx_e_number(struct onnx_expr *e, double v)
{
    infer_type type = onnx_in_type(e->n, 0);
    return onnx_e_scalar(e, type == INFER_F64 ? type : INFER_F32, v);
}

/* The integer's bytes; those of a smaller type come first, as on every machine that we build for
 * (bytes in little-endian order, as in the file format). */
uint32_t onnx_e_scalar(struct onnx_expr *e, infer_type type, double v)
{
    const float f = (float)v;
    const int64_t i = type == INFER_F32 || type == INFER_F64 ? 0 : (int64_t)v;
    return constant(e, type, 0, 0,
                    type == INFER_F32   ? (const void *)&f
                    : type == INFER_F64 ? (const void *)&v
                                        : (const void *)&i);
}

uint32_t onnx_e_integer(struct onnx_expr *e, int64_t v)
{
    return constant(e, INFER_S64, 0, 0, &v);
}

uint32_t onnx_e_list(struct onnx_expr *e, const int64_t *v, uint32_t count)
{
    return constant(e, INFER_S64, 1, count, v);
}

uint32_t onnx_e_floats(struct onnx_expr *e, const float *v, uint32_t count)
{
    return constant(e, INFER_F32, 1, count, v);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

uint32_t onnx_e_cast(struct onnx_expr *e, uint32_t x, infer_type to)
{
    uint32_t y = ONNX_E(e, CAST, x);
    onnx_e_int(e, INFER__ATTR_TO, to);
    return y;
}

uint32_t onnx_e_reduce(struct onnx_expr *e, uint16_t op, uint32_t x, uint32_t axes, int keepdims)
{
    uint32_t y = onnx_e(e, op, (uint32_t[]){x, axes}, 2);
    onnx_e_int(e, INFER__ATTR_KEEPDIMS, keepdims);
    return y;
}

void onnx_e_out(struct onnx_expr *e, uint32_t i, uint32_t value)
{
    uint32_t out = 0;
    struct infer__node *node;
    if (e->status == INFER_OK)
        e->status = onnx_out(e->n, i, &out);
    if (e->status == INFER_OK && out)
        e->status = onnx_emit(e->n, INFER__OP_IDENTITY, &value, 1, &out, 1, &node);
}
