/* Adding nodes and constants to the IR on behalf of an ONNX node. */
#include "tools/onnx/onnx_internal.h"

#include <stdio.h>
#include <string.h>

infer_status onnx_out(struct onnx_node *n, uint32_t i, uint32_t *value)
{
    *value = 0;
    if (i >= n->nout || !n->proto->output[i][0])
        return INFER_OK;
    struct onnx_names *names = &n->im->names;
    uint32_t at = onnx_names_find(names, n->proto->output[i]);
    TRY(infer__graph_add_value(n->im->g, n->proto->output[i], value, n->im->err));
    if (at != ONNX_MISSING)
        names->items[at].value = *value;
    return INFER_OK;
}

static const char *suffixed(const struct onnx_node *n, const char *suffix, char text[256])
{
    snprintf(text, 256, "%s/%s", n->name, suffix);
    return text;
}

infer_status onnx_temp(struct onnx_node *n, const char *suffix, uint32_t *value)
{
    char text[256];
    return infer__graph_add_value(n->im->g, suffixed(n, suffix, text), value, n->im->err);
}

infer_status onnx_emit(struct onnx_node *n, uint16_t op, const uint32_t *in, uint32_t nin,
                       const uint32_t *out, uint32_t nout, struct infer__node **node)
{
    while (nin && !in[nin - 1])
        nin--;
    while (nout > 1 && !out[nout - 1])
        nout--;
    return infer__graph_add_node(n->im->g, op, n->name, in, nin, out, nout, node, n->im->err);
}

infer_status onnx_emit_temp(struct onnx_node *n, uint16_t op, const char *suffix,
                            const uint32_t *in, uint32_t nin, uint32_t *out)
{
    struct infer__node *node;
    uint32_t made; /* *out may be one of the inputs */
    TRY(onnx_temp(n, suffix, &made));
    TRY(onnx_emit(n, op, in, nin, &made, 1, &node));
    *out = made;
    return INFER_OK;
}

infer_status onnx_emit_last(struct onnx_node *n, uint16_t op, const uint32_t *in, uint32_t nin)
{
    struct infer__node *node;
    uint32_t out;
    TRY(onnx_out(n, 0, &out));
    return onnx_emit(n, op, in, nin, &out, 1, &node);
}

infer_status onnx_set_int(struct onnx_node *n, struct infer__node *node, uint16_t key, int64_t v)
{
    return infer__node_set_ints(n->im->g, node, key, &v, 1, n->im->err);
}

/* ---- constants ------------------------------------------------------------------------------ */

static infer_status add_const(struct onnx_node *n, const char *suffix, infer_type type, int rank,
                              const int64_t *dims, const void *data, uint32_t *value)
{
    char text[256];
    return infer__graph_add_const(n->im->g, suffixed(n, suffix, text), type, rank, dims, data, 1,
                                  value, n->im->err);
}

infer_status onnx_const_ints(struct onnx_node *n, const char *suffix, const int64_t *v,
                             uint32_t count, uint32_t *value)
{
    int64_t dim = count;
    return add_const(n, suffix, INFER_S64, 1, &dim, v, value);
}

infer_status onnx_const_scalar(struct onnx_node *n, const char *suffix, double v, uint32_t like,
                               uint32_t *value)
{
    float f = (float)v;
    if (n->im->g->values[like].type == INFER_F64)
        return add_const(n, suffix, INFER_F64, 0, NULL, &v, value);
    return add_const(n, suffix, INFER_F32, 0, NULL, &f, value);
}

infer_status onnx_const_floats(struct onnx_node *n, const char *suffix, const float *v, int rank,
                               const int64_t *dims, uint32_t *value)
{
    return add_const(n, suffix, INFER_F32, rank, dims, v, value);
}

infer_status onnx_const_tensor(struct onnx_importer *im, const char *name,
                               const Onnx__TensorProto *p, uint32_t *value, infer_error *err)
{
    infer_tensor t;
    TRY(onnx_tensor_decode(p, im->storage, &t, err));
    TRY(onnx_tensor_widen(&t, im->g->region, err));
    return infer__graph_add_const(im->g, name, t.type, t.rank, t.dims, t.data, 0, value, err);
}

/* ---- what is known of inputs ---------------------------------------------------------------- */

const struct infer__value *onnx_in(const struct onnx_node *n, uint32_t i)
{
    return i < n->nin && n->in[i] ? &n->im->g->values[n->in[i]] : NULL;
}

int64_t onnx_stated(const struct onnx_node *n, uint32_t i)
{
    const struct onnx_names *names = &n->im->names;
    uint32_t at = i < n->nin ? onnx_names_find(names, n->proto->input[i]) : ONNX_MISSING;
    if (at == ONNX_MISSING)
        return 0;
    if (names->items[at].source == ONNX_INITIALIZER)
        return n->im->graph->initializer[names->items[at].index]->data_type;
    return names->items[at].elem;
}

infer_status onnx_takes(struct onnx_node *n, uint32_t least, uint32_t most)
{
    int fits = n->nin >= least && n->nin <= most;
    for (uint32_t i = 0; fits && i < least; i++)
        fits = n->in[i] != 0;
    if (fits)
        return INFER_OK;
    if (least == most)
        return onnx_fail(n, NULL, "", "the operator takes %u input%s", least,
                         least == 1 ? "" : "s");
    return onnx_fail(n, NULL, "", "the operator takes %u to %u inputs", least, most);
}

infer_status onnx_from_back(struct onnx_node *n, int64_t *axis)
{
    int rank = onnx_rank(n, 0);
    if (*axis >= 0 && rank < 0)
        return onnx_fail(n, "axis", "", "the rank of the input is not known");
    if (*axis < -INFER_MAX_RANK || (rank >= 0 && (*axis < -rank || *axis >= rank)))
        return onnx_fail(n, "axis", "", "axis %lld is none of the input", (long long)*axis);
    *axis -= *axis >= 0 ? rank : 0;
    return INFER_OK;
}

int onnx_rank(const struct onnx_node *n, uint32_t i)
{
    const struct infer__value *v = onnx_in(n, i);
    if (!v)
        return -1;
    if (v->shaped || v->free_dims)
        return v->rank;
    uint32_t at = onnx_names_find(&n->im->names, n->proto->input[i]);
    return at != ONNX_MISSING ? n->im->names.items[at].rank : -1;
}

infer_type onnx_in_type(const struct onnx_node *n, uint32_t i)
{
    const struct infer__value *v = onnx_in(n, i);
    infer_type type = v ? onnx_value_type(n->im, n->in[i]) : INFER_TYPE_NONE;
    if (!v || type)
        return type;
    uint32_t at = onnx_names_find(&n->im->names, n->proto->input[i]);
    return at != ONNX_MISSING ? onnx_widened((infer_type)n->im->names.items[at].type)
                              : INFER_TYPE_NONE;
}

int onnx_in_ints(const struct onnx_node *n, uint32_t i, int64_t *v, uint32_t max, uint32_t *count)
{
    const struct infer__value *x = onnx_in(n, i);
    if (!x || x->kind != INFER__VALUE_CONST || (x->type != INFER_S64 && x->type != INFER_S32))
        return 0;
    int64_t elements = infer__value_elements(x);
    if (elements > (int64_t)max)
        return 0;
    for (int64_t k = 0; k < elements; k++)
        v[k] = x->type == INFER_S64 ? ((const int64_t *)x->data)[k] : ((const int32_t *)x->data)[k];
    *count = (uint32_t)elements;
    return 1;
}
