/* Operators of domains that are left to the application: a descriptor of what the node says
 * (graph/custom.h), and its operands. */
#include <string.h>

#include "graph/custom.h"
#include "tools/onnx/onnx_internal.h"

#define TYPE(x) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##x

int onnx_is_custom(const struct onnx_node *n)
{
    const struct onnx_import_options *o = n->im->options;
    for (size_t i = 0; i < o->ncustom_domains; i++)
        if (strcmp(o->custom_domains[i], n->domain) == 0)
            return n->domain[0] != 0;
    return 0;
}

/* ---- the descriptor ------------------------------------------------------------------------- */

/* Counts bytes where `to` is NULL. */
struct writer {
    uint8_t *to;
    size_t size;
};

static void put(struct writer *w, const void *from, size_t bytes)
{
    if (w->to && bytes)
        memcpy(w->to + w->size, from, bytes);
    w->size += bytes;
}

static void put_string(struct writer *w, const char *s)
{
    put(w, s, strlen(s) + 1);
}

static void put_attr(struct writer *w, const Onnx__AttributeProto *a, unsigned type, size_t count,
                     const void *values, size_t size)
{
    const uint8_t byte = (uint8_t)type;
    const uint32_t n = (uint32_t)count;
    put_string(w, a->name);
    put(w, &byte, 1);
    put(w, &n, sizeof n);
    put(w, values, count * size);
    if (type == INFER__CUSTOM_STRING)
        put(w, "", 1);
}

static int is_text(const ProtobufCBinaryData *s)
{
    return !s->len || !memchr(s->data, 0, s->len);
}

/* 0: the attribute is of a type that an operator of the application's can't have. */
static int describe_attr(struct writer *w, const Onnx__AttributeProto *a)
{
    switch (onnx_attr_type(a)) {
    case TYPE(INT):
        put_attr(w, a, INFER__CUSTOM_INTS, 1, &a->i, sizeof a->i);
        return 1;
    case TYPE(INTS):
        put_attr(w, a, INFER__CUSTOM_INTS, a->n_ints, a->ints, sizeof *a->ints);
        return 1;
    case TYPE(FLOAT):
        put_attr(w, a, INFER__CUSTOM_FLOATS, 1, &a->f, sizeof a->f);
        return 1;
    case TYPE(FLOATS):
        put_attr(w, a, INFER__CUSTOM_FLOATS, a->n_floats, a->floats, sizeof *a->floats);
        return 1;
    case TYPE(STRING):
        put_attr(w, a, INFER__CUSTOM_STRING, a->s.len, a->s.data, 1);
        return is_text(&a->s);
    default:
        return 0;
    }
}

static infer_status describe(struct onnx_node *n, struct writer *w)
{
    put_string(w, n->domain);
    put_string(w, n->op);
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const Onnx__AttributeProto *a = n->proto->attribute[i];
        n->used |= (uint64_t)1 << i;
        if (!a->name || !describe_attr(w, a))
            return onnx_fail(
                n, a->name, "",
                "of an operator of the application's, attributes are numbers, lists of "
                "these, and strings");
    }
    return INFER_OK;
}

/* ---- the node ------------------------------------------------------------------------------- */

infer_status onnx_convert_custom(struct onnx_node *n)
{
    struct infer__graph *g = n->im->g;
    struct writer w = {0};
    struct infer__node *node;
    if ((uint64_t)n->nin + n->nout + 1 > INFER__CUSTOM_OPERANDS)
        return onnx_fail(n, NULL, "", "the node has more than %d inputs and outputs",
                         INFER__CUSTOM_OPERANDS - 1);
    for (uint32_t i = 0; i < n->nin; i++)
        if (!n->in[i])
            return onnx_fail(n, NULL, "", "input %u is missing", i);
    TRY_NODE(n, describe(n, &w));
    w.to = infer__region_calloc(&n->im->scratch, 1, w.size);
    uint32_t ids[INFER__CUSTOM_OPERANDS], *out = ids + 1 + n->nin;
    const int64_t size = (int64_t)w.size;
    if (!w.to)
        return infer__no_memory(n->im->err, w.size);
    w.size = 0;
    TRY(describe(n, &w));
    TRY(infer__graph_add_const(g, "", INFER_U8, 1, &size, w.to, 1, &ids[0], n->im->err));
    memcpy(ids + 1, n->in, n->nin * sizeof *ids);
    for (uint32_t k = 0; k < n->nout; k++) {
        TRY(onnx_out(n, k, &out[k]));
        if (!out[k])
            TRY(onnx_temp(n, "unused", &out[k]));
    }
    return onnx_emit(n, INFER__OP_CUSTOM, ids, 1 + n->nin, out, n->nout, &node);
}
