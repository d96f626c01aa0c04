/* Attributes of a node: every read marks the attribute, so that those which nobody understood
 * are noticed. */
#include "tools/onnx/onnx_internal.h"

#include <string.h>

#define TYPE(x) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##x

/* Files of IR version 1 do not state it. */
int onnx_attr_type(const Onnx__AttributeProto *a)
{
    if (a->has_type && a->type != TYPE(UNDEFINED))
        return (int)a->type;
    if (a->has_f)
        return TYPE(FLOAT);
    if (a->has_i)
        return TYPE(INT);
    if (a->has_s)
        return TYPE(STRING);
    if (a->t)
        return TYPE(TENSOR);
    if (a->g)
        return TYPE(GRAPH);
    if (a->n_floats)
        return TYPE(FLOATS);
    if (a->n_ints)
        return TYPE(INTS);
    if (a->n_strings)
        return TYPE(STRINGS);
    return TYPE(UNDEFINED);
}

const Onnx__AttributeProto *onnx_attr(struct onnx_node *n, const char *name)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const Onnx__AttributeProto *a = n->proto->attribute[i];
        if (a->name && !strcmp(a->name, name)) {
            n->used |= (uint64_t)1 << i; /* at most 64: checked when the node is entered */
            return a;
        }
    }
    return NULL;
}

/* Sets *a to the attribute, NULL if it is absent or of the wrong type (which fails the node). */
static infer_status typed(struct onnx_node *n, const char *name, int type, const char *want,
                          const Onnx__AttributeProto **a)
{
    *a = onnx_attr(n, name);
    if (!*a || onnx_attr_type(*a) == type)
        return INFER_OK;
    /* An empty list of a file without types can't be told from nothing. */
    if (onnx_attr_type(*a) == TYPE(UNDEFINED) && (type == TYPE(INTS) || type == TYPE(FLOATS)))
        return INFER_OK;
    *a = NULL;
    return onnx_fail(n, name, "", "the attribute must be of type %s", want);
}

infer_status onnx_int(struct onnx_node *n, const char *name, int64_t otherwise, int64_t *v)
{
    const Onnx__AttributeProto *a;
    TRY(typed(n, name, TYPE(INT), "INT", &a));
    *v = a ? a->i : otherwise;
    return INFER_OK;
}

infer_status onnx_float(struct onnx_node *n, const char *name, float otherwise, float *v)
{
    const Onnx__AttributeProto *a;
    TRY(typed(n, name, TYPE(FLOAT), "FLOAT", &a));
    *v = a ? a->f : otherwise;
    return INFER_OK;
}

infer_status onnx_string(struct onnx_node *n, const char *name, const char *otherwise,
                         const char **v)
{
    const Onnx__AttributeProto *a;
    *v = otherwise;
    TRY(typed(n, name, TYPE(STRING), "STRING", &a));
    if (!a)
        return INFER_OK;
    char *s = infer__region_calloc(&n->im->scratch, a->s.len + 1, 1);
    if (!s)
        return infer__no_memory(n->im->err, a->s.len + 1);
    if (a->s.len)
        memcpy(s, a->s.data, a->s.len);
    *v = s;
    return INFER_OK;
}

infer_status onnx_ints(struct onnx_node *n, const char *name, const int64_t **v, uint32_t *count)
{
    static const int64_t empty[1] = {0};
    const Onnx__AttributeProto *a;
    *v = NULL;
    *count = 0;
    TRY(typed(n, name, TYPE(INTS), "INTS", &a));
    if (!a)
        return INFER_OK;
    if (a->n_ints > UINT32_MAX)
        return onnx_fail(n, name, "", "too many values");
    *v = a->n_ints ? a->ints : empty;
    *count = (uint32_t)a->n_ints;
    return INFER_OK;
}

infer_status onnx_floats(struct onnx_node *n, const char *name, const float **v, uint32_t *count)
{
    static const float empty[1] = {0};
    const Onnx__AttributeProto *a;
    *v = NULL;
    *count = 0;
    TRY(typed(n, name, TYPE(FLOATS), "FLOATS", &a));
    if (!a)
        return INFER_OK;
    if (a->n_floats > UINT32_MAX)
        return onnx_fail(n, name, "", "too many values");
    *v = a->n_floats ? a->floats : empty;
    *count = (uint32_t)a->n_floats;
    return INFER_OK;
}

infer_status onnx_word(struct onnx_node *n, const char *name, const char *const *words,
                       int64_t otherwise, int64_t *v)
{
    const char *s;
    *v = otherwise;
    TRY(onnx_string(n, name, NULL, &s));
    if (!s)
        return INFER_OK;
    for (int64_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], s)) {
            *v = i;
            return INFER_OK;
        }
    }
    return onnx_fail(n, name, "", "'%s' is not supported", s);
}

void onnx_ignore(struct onnx_node *n, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        (void)onnx_attr(n, names[i]);
}

/* ---- copying to the IR ---------------------------------------------------------------------- */

static infer_status copy_attr(struct onnx_node *n, struct infer__node *node,
                              const Onnx__AttributeProto *a)
{
    static const char *const auto_pad[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};
    struct infer__graph *g = n->im->g;
    uint16_t key = infer__attr_find(a->name);
    int type = onnx_attr_type(a);
    if (key == INFER__ATTR_NONE || !(infer__op_info(node->op)->attrs >> key & 1))
        return INFER_OK; /* stays unmarked and is found by onnx_check_attrs */
    if (key == INFER__ATTR_AUTO_PAD) {
        int64_t v;
        TRY(onnx_word(n, a->name, auto_pad, 0, &v));
        return infer__node_set_ints(g, node, key, &v, 1, n->im->err);
    }
    (void)onnx_attr(n, a->name);
    if (infer__attr_kind(key) == INFER__ATTR_INTS) {
        if (type == TYPE(INT))
            return infer__node_set_ints(g, node, key, &a->i, 1, n->im->err);
        if (type == TYPE(INTS) && a->n_ints <= 1024)
            return infer__node_set_ints(g, node, key, a->ints, (uint32_t)a->n_ints, n->im->err);
    } else {
        if (type == TYPE(FLOAT))
            return infer__node_set_floats(g, node, key, &a->f, 1, n->im->err);
        if (type == TYPE(FLOATS) && a->n_floats <= 1024)
            return infer__node_set_floats(g, node, key, a->floats, (uint32_t)a->n_floats,
                                          n->im->err);
    }
    return onnx_fail(n, a->name, "", "the attribute has the wrong type or too many values");
}

infer_status onnx_copy_attrs(struct onnx_node *n, struct infer__node *node)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++)
        if (!(n->used >> i & 1) && n->proto->attribute[i]->name)
            TRY(copy_attr(n, node, n->proto->attribute[i]));
    return INFER_OK;
}

infer_status onnx_check_attrs(struct onnx_node *n)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const Onnx__AttributeProto *a = n->proto->attribute[i];
        if (a->ref_attr_name && a->ref_attr_name[0])
            TRY(onnx_fail(n, a->name, "inline the model's functions",
                          "the attribute refers to one of a function"));
        else if (!(n->used >> i & 1))
            TRY(onnx_fail(n, a->name, "", "the attribute is not known for this operator"));
    }
    return INFER_OK;
}
